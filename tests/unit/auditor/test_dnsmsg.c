/* DNS messages: questions, answers, and answers of liars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/dnsmsg.h"
#include "base/err.h"
#include "base/limit.h"
#include "tests/unit/auditor/dnspacket.h"

static struct dnsmsg	m;
static struct buf	b = BUF_INIT;
static struct err	e;

static const struct dnsmsg_question caa = { 0x1234, 257, "www.Example.com" };

static int
read_as(const struct dnsmsg_question *q)
{
	err_clear(&e);
	return dnsmsg_read(&m, buf_bytes(&b), q, &e);
}

static void
begin(unsigned flags)
{
	dns_begin(&b, caa.id, flags, caa.name, caa.type);
}

/* --- questions --- */

static void
question(void **state)
{
	static const uint8_t	want[] = {
		0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1,
		3, 'w', 'w', 'w', 7, 'E', 'x', 'a', 'm', 'p', 'l', 'e',
		3, 'c', 'o', 'm', 0, 1, 1, 0, 1,
		0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0,
	};

	(void)state;
	buf_reset(&b);
	assert_int_equal(dnsmsg_question(&b, &caa, 1, NULL), 0);
	assert_int_equal(b.n, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	buf_reset(&b);
	assert_int_equal(dnsmsg_question(&b, &caa, 0, NULL), 0);
	assert_int_equal(b.n, sizeof(want) - 11);
	assert_int_equal(b.p[11], 0);
	assert_memory_equal(b.p + 12, want + 12, b.n - 12);
	/* What a server has itself: neither RD nor AD. */
	buf_reset(&b);
	assert_int_equal(dnsmsg_question(&b, &caa, DNSMSG_EDNS |
	    DNSMSG_DIRECT, NULL), 0);
	assert_int_equal(b.n, sizeof(want));
	assert_memory_equal(b.p + 2, "\0\0\0\1", 4);
	assert_memory_equal(b.p + 4, want + 4, b.n - 4);
}

static void
names(void **state)
{
	static const char *const	bad[] = {
		"", ".", "a..b", "a.", ".a", "a\\.b", "a b", "a\"b", "a@b",
		"a;b", "a(b", "a$b", "a\x7f", "\xc3\xa4.example",
	};
	static const char *const	good[] = {
		"a", "_validation-persist.example.com", "xn--4ca.example",
		"*.example",
	};
	struct dnsmsg_question		q = { 1, 1, NULL };
	char				text[300];
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q.name = bad[i];
		buf_reset(&b);
		err_clear(&e);
		assert_int_equal(dnsmsg_question(&b, &q, 1, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		q.name = good[i];
		buf_reset(&b);
		assert_int_equal(dnsmsg_question(&b, &q, 1, NULL), 0);
	}
	/* A label of 63 and 64 bytes; a name of 253 and 254. */
	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	q.name = text;
	assert_int_equal(dnsmsg_question(&b, &q, 1, NULL), 0);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(dnsmsg_question(&b, &q, 1, NULL), -1);
	text[64] = 'a';
	for (i = 63; i < 253; i += 64)
		text[i] = '.';
	text[253] = '\0';
	assert_int_equal(dnsmsg_question(&b, &q, 1, NULL), 0);
	text[253] = 'a';
	text[254] = '\0';
	assert_int_equal(dnsmsg_question(&b, &q, 1, NULL), -1);
}

/* --- answers --- */

static void
records(void **state)
{
	(void)state;
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CAA, 300);
	dns_data(&b, "\0\5issueca.example", 17);
	dns_rr(&b, DNS_ANSWER, "WWW.example.COM", DNS_CAA, 200);
	/* One that no reader of CAA would take: handed out all the same. */
	dns_data(&b, "\0\xffxy", 4);
	dns_rr(&b, DNS_ANSWER, "other.example", DNS_CAA, 1);
	dns_data(&b, "\0\5issueno", 9);
	dns_rr(&b, DNS_ANSWER, "@", DNS_TXT, 1);
	dns_data(&b, "\1x", 2);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.rcode, 0);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.rr[0].owner, "www.example.com");
	assert_int_equal(m.rr[0].ttl, 300);
	assert_int_equal(m.rr[0].rdata.n, 17);
	assert_memory_equal(m.rr[0].rdata.p, "\0\5issueca.example", 17);
	assert_int_equal(m.rr[1].rdata.n, 4);
	assert_int_equal(m.ttl, 200);
	assert_int_equal(m.ad, 0);
	assert_int_equal(m.lame, 0);
	b.p[3] |= 0x20;
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.ad, 1);
}

/* CNAMEs in any order; records are those of the last name. */
static void
cnames(void **state)
{
	struct dnsmsg_question	q = caa;

	(void)state;
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "c.example", DNS_CAA, 300);
	dns_data(&b, "\0\5issueca", 9);
	dns_rr(&b, DNS_ANSWER, "B.example", DNS_CNAME, 100);
	dns_data_name(&b, "C.example");
	dns_rr(&b, DNS_ANSWER, "@", DNS_CNAME, 200);
	dns_data_name(&b, "b.Example");
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.rr[0].owner, "c.example");
	assert_int_equal(m.ttl, 100);
	/* Asked for, they are not followed; their data is written whole. */
	q.type = DNS_CNAME;
	dns_begin(&b, q.id, DNS_RESPONSE, q.name, q.type);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CNAME, 200);
	dns_data(&b, "\1b\xc0\x10", 4);
	assert_int_equal(read_as(&q), 1);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.rr[0].rdata.n, 15);
	assert_memory_equal(m.rr[0].rdata.p, "\1b\7Example\3com", 15);
}

static void
whole_names(void **state)
{
	struct dnsmsg_question	q = { 7, DNS_MX, "example.com" };

	(void)state;
	dns_begin(&b, q.id, DNS_RESPONSE, q.name, q.type);
	dns_rr(&b, DNS_ANSWER, "@", DNS_MX, 10);
	dns_data(&b, "\0\12\2mx\xc0\x0c", 7);
	dns_rr(&b, DNS_ANSWER, "@", DNS_MX, 10);
	dns_data(&b, "\0\24\0", 3);
	assert_int_equal(read_as(&q), 1);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.rr[0].rdata.n, 18);
	assert_memory_equal(m.rr[0].rdata.p, "\0\12\2mx\7example\3com", 18);
	assert_int_equal(m.rr[1].rdata.n, 3);
	/* A byte behind the name, none at all, or a name that does not end. */
	b.p[b.n - 4] = 2;	/* the length of the data: one less */
	b.n--;
	assert_int_equal(read_as(&q), -1);
	dns_begin(&b, q.id, DNS_RESPONSE, q.name, q.type);
	dns_rr(&b, DNS_ANSWER, "@", DNS_MX, 10);
	dns_data(&b, "\0\24\0x", 4);
	assert_int_equal(read_as(&q), -1);
	dns_begin(&b, q.id, DNS_RESPONSE, q.name, q.type);
	dns_rr(&b, DNS_ANSWER, "@", DNS_MX, 10);
	dns_data(&b, "\0", 1);
	assert_int_equal(read_as(&q), -1);
	dns_begin(&b, q.id, DNS_RESPONSE, q.name, q.type);
	dns_rr(&b, DNS_ANSWER, "@", DNS_MX, 10);
	dns_data(&b, "\0\1\xc0\x28", 4);	/* to itself */
	assert_int_equal(read_as(&q), -1);
}

static void
negative(void **state)
{
	(void)state;
	begin(DNS_RESPONSE | 3);
	dns_soa(&b, "Example.com", 900, 600);
	assert_int_equal(read_as(&caa), 1);
	assert_string_equal(m.soa, "example.com");
	assert_int_equal(m.rcode, 3);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.ttl, 600);
	begin(DNS_RESPONSE);
	dns_soa(&b, "example.com", 60, 600);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.ttl, 60);
	assert_int_equal(m.lame, 0);
	/* The CNAME on the way lives shorter. */
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CNAME, 5);
	dns_data_name(&b, "b.example");
	dns_soa(&b, "example", 60, 600);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.ttl, 5);
	/* No SOA: not to be kept (RFC 2308 section 5). */
	begin(DNS_RESPONSE);
	assert_int_equal(read_as(&caa), 1);
	assert_string_equal(m.soa, "");
	assert_int_equal(m.ttl, 0);
	assert_int_equal(m.lame, 0);
	/* And without recursion it is no answer at all. */
	begin(DNS_RESPONSE & ~0x80u);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.lame, 1);
	/* An SOA whose data ends early says nothing. */
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_AUTHORITY, "@", DNS_SOA, 77);
	dns_data(&b, "\0\0\0\0\0\1", 6);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.ttl, 0);
	/* What an error brings along is dropped. */
	begin(DNS_RESPONSE | 3);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CAA, 300);
	dns_data(&b, "\0\5issueca", 9);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 0);
}

static void
codes(void **state)
{
	(void)state;
	begin(DNS_RESPONSE | 2);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.rcode, 2);
	/* BADVERS: the upper bits are in the OPT record. */
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ADDITIONAL, "", DNS_OPT, 0x01000000);
	dns_data(&b, "", 0);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.rcode, 16);
	begin(DNS_RESPONSE | 0x200);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.cut, 1);
	/* TTLs with the highest bit are zero. */
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CAA, 0x80000001);
	dns_data(&b, "\0\1xy", 4);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.ttl, 0);
	assert_int_equal(m.rr[0].ttl, 0);
}

/* --- what is not ours --- */

static void
strays(void **state)
{
	size_t	i;

	(void)state;
	begin(DNS_RESPONSE);
	b.p[0] ^= 1;
	assert_int_equal(read_as(&caa), 0);
	begin(DNS_RESPONSE & ~0x8000u);		/* a question */
	assert_int_equal(read_as(&caa), 0);
	begin(DNS_RESPONSE | 0x2800);		/* an update */
	assert_int_equal(read_as(&caa), 0);
	dns_begin(&b, caa.id, DNS_RESPONSE, "www.example.org", caa.type);
	assert_int_equal(read_as(&caa), 0);
	dns_begin(&b, caa.id, DNS_RESPONSE, caa.name, 16);
	assert_int_equal(read_as(&caa), 0);
	begin(DNS_RESPONSE);
	b.p[b.n - 1] = 3;			/* class CH */
	assert_int_equal(read_as(&caa), 0);
	begin(DNS_RESPONSE);
	b.p[5] = 2;				/* two questions */
	assert_int_equal(read_as(&caa), 0);
	b.p[5] = 0;				/* none */
	assert_int_equal(read_as(&caa), 0);
	b.p[3] |= 1;				/* which FORMERR may have */
	b.n = 12;
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.rcode, 1);
	begin(DNS_RESPONSE);
	for (i = b.n; i > 0; i--) {
		b.n = i - 1;
		assert_int_equal(read_as(&caa), 0);
	}
}

/* Cut at any byte behind the question, or with a byte behind its end. */
static void
truncated(void **state)
{
	size_t	i, n, from;

	(void)state;
	begin(DNS_RESPONSE);
	from = b.n;
	dns_rr(&b, DNS_ANSWER, "@", DNS_CNAME, 300);
	dns_data_name(&b, "b.example");
	dns_rr(&b, DNS_ANSWER, "b.example", DNS_CAA, 300);
	dns_data(&b, "\0\5issueca", 9);
	dns_soa(&b, "@", 1, 1);
	assert_int_equal(read_as(&caa), 1);
	n = b.n;
	for (i = from; i < n; i++) {
		b.n = i;
		assert_int_equal(read_as(&caa), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	b.n = n;
	buf_u8(&b, 0);
	assert_int_equal(read_as(&caa), -1);
}

/* --- limits --- */

static void
fill(size_t n, const char *owner)
{
	begin(DNS_RESPONSE);
	while (n-- > 0) {
		dns_rr(&b, DNS_ANSWER, owner, DNS_CAA, 1);
		dns_data(&b, "\0\1xy", 4);
	}
}

static void
limits(void **state)
{
	(void)state;
	fill(PROBE_RRS, "@");
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, PROBE_RRS);
	fill(PROBE_RRS + 1, "@");
	assert_int_equal(read_as(&caa), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	fill(LIMIT_DNS_RRS, "x");
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 0);
	fill(LIMIT_DNS_RRS + 1, "x");
	assert_int_equal(read_as(&caa), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
chain(size_t n)
{
	char	from[32] = "@", to[32];
	size_t	i;

	begin(DNS_RESPONSE);
	for (i = 0; i < n; i++) {
		(void)snprintf(to, sizeof(to), "n%zu", i);
		dns_rr(&b, DNS_ANSWER, from, DNS_CNAME, 1);
		dns_data_name(&b, to);
		memcpy(from, to, sizeof(from));
	}
	dns_rr(&b, DNS_ANSWER, from, DNS_CAA, 1);
	dns_data(&b, "\0\1xy", 4);
}

static void
long_chains(void **state)
{
	(void)state;
	chain(LIMIT_DNS_CNAMES);
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 1);
	chain(LIMIT_DNS_CNAMES + 1);
	assert_int_equal(read_as(&caa), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* To itself. */
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CNAME, 1);
	dns_data_name(&b, "@");
	assert_int_equal(read_as(&caa), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* With a byte behind the name. */
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "@", DNS_CNAME, 1);
	dns_data(&b, "\1b\0x", 4);
	assert_int_equal(read_as(&caa), -1);
}

/*
 * Names of pointers to pointers, as long as the form allows, in as many
 * records as are read: bounded work, and no answer of an honest server.
 */
static void
pointers(void **state)
{
	size_t	i, n = 8000;
	uint8_t	*p;

	(void)state;
	begin(DNS_RESPONSE);
	dns_rr(&b, DNS_ANSWER, "@", DNS_TXT, 1);
	buf_u16(&b, (uint16_t)(2 * n));
	i = b.n;
	buf_u16(&b, 0xc00c);
	while (b.n < i + 2 * n)
		buf_u16(&b, (uint16_t)(0xc000 + b.n - 2));
	i = b.n - 2;
	while (b.p[7] != 255) {
		b.p[7]++;
		buf_u16(&b, (uint16_t)(0xc000 + i));
		buf_u16(&b, DNS_CAA);
		buf_u16(&b, 1);
		buf_u32(&b, 1);
		dns_data(&b, "\0\1xy", 4);
	}
	assert_int_equal(read_as(&caa), 1);
	assert_int_equal(m.n, 254);
	/* In a ring. */
	p = b.p + i;
	p[0] = (uint8_t)(0xc0 | i >> 8);
	p[1] = (uint8_t)i;
	assert_int_equal(read_as(&caa), -1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(question),
		cmocka_unit_test(names),
		cmocka_unit_test(records),
		cmocka_unit_test(cnames),
		cmocka_unit_test(whole_names),
		cmocka_unit_test(negative),
		cmocka_unit_test(codes),
		cmocka_unit_test(strays),
		cmocka_unit_test(truncated),
		cmocka_unit_test(limits),
		cmocka_unit_test(long_chains),
		cmocka_unit_test(pointers),
	};
	int	r;

	r = cmocka_run_group_tests(tests, NULL, NULL);
	dnsmsg_free(&m);
	buf_free(&b);
	return r;
}
