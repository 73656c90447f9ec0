#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "pki/der.h"
#include "tests/unit/pki/data.h"
#include "tests/unit/pki/forge.h"

static void
test_next(void **state)
{
	static const struct {
		const char	*in;
		size_t		 n;
		int		 lax;
		int		 strict;
		size_t		 body;
	} cases[] = {
		{ "\x02\x01\x05", 3, 0, 0, 1 },
		{ "\x02\x00", 2, 0, 0, 0 },
		{ "\x02\x01", 2, -1, -1, 0 },
		{ "\x02", 1, -1, -1, 0 },
		{ "", 0, -1, -1, 0 },
		{ "\x1f\x01\x05", 3, -1, -1, 0 },	/* high tag */
		{ "\x30\x80\x00\x00", 4, -1, -1, 0 },	/* indefinite */
		{ "\x02\x81\x01\x05", 4, 0, -1, 1 },	/* not shortest */
		{ "\x02\x82\x00\x01\x05", 5, 0, -1, 1 },
		{ "\x02\x84\x00\x00\x00\x01\x05", 7, 0, -1, 1 },
		{ "\x02\x85\x00\x00\x00\x00\x01\x05", 8, -1, -1, 0 },
		{ "\x02\x84\xff\xff\xff\xff\x05", 7, -1, -1, 0 },
		{ "\x02\x82\x01", 3, -1, -1, 0 },
		{ "\x02\xff\x01", 3, -1, -1, 0 }
	};
	struct cur	c;
	struct der	d;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = cur_of(cases[i].in, cases[i].n);
		if (der_next(&c, &d) != cases[i].lax)
			fail_msg("case %zu", i);
		if (cases[i].lax == 0) {
			assert_int_equal(d.body.n, cases[i].body);
			assert_int_equal(d.whole.n, cases[i].n);
			assert_int_equal(cur_left(&c), 0);
		} else
			assert_int_equal(cur_left(&c), cases[i].n);
		c = cur_of(cases[i].in, cases[i].n);
		if (der_next_strict(&c, &d) != cases[i].strict)
			fail_msg("case %zu, strict", i);
	}
}

static void
test_time(void **state)
{
	static const struct {
		const char	*in;
		const char	*want;		/* NULL: refused */
	} cases[] = {
		{ "\x17\x0d" "261122123342Z", "2026-11-22T12:33:42Z" },
		{ "\x17\x0d" "491231235959Z", "2049-12-31T23:59:59Z" },
		{ "\x17\x0d" "500101000000Z", "1950-01-01T00:00:00Z" },
		{ "\x17\x0d" "000229000000Z", "2000-02-29T00:00:00Z" },
		{ "\x17\x0b" "2611221233Z", "2026-11-22T12:33:00Z" },
		{ "\x17\x11" "261122123342+0130", "2026-11-22T11:03:42Z" },
		{ "\x18\x0f" "20501122123342Z", "2050-11-22T12:33:42Z" },
		{ "\x18\x0f" "99991231235959Z", "9999-12-31T23:59:59Z" },
		{ "\x18\x13" "20501122123342.999Z", "2050-11-22T12:33:42Z" },
		{ "\x18\x10" "20501122123342.Z", NULL },
		{ "\x17\x0c" "261122123342", NULL },
		{ "\x17\x0d" "261322123342Z", NULL },
		{ "\x17\x0d" "260022123342Z", NULL },
		{ "\x17\x0d" "261132123342Z", NULL },
		{ "\x17\x0d" "261122243342Z", NULL },
		{ "\x17\x0d" "261122126042Z", NULL },
		{ "\x17\x0d" "26112212334xZ", NULL },
		{ "\x17\x00", NULL },
		{ "\x18\x03" "202", NULL },
		{ "\x02\x01\x05", NULL }
	};
	char		text[CLK_TEXT];
	struct span	s;
	int64_t		us;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.p = (const uint8_t *)cases[i].in;
		s.n = (size_t)s.p[1] + 2;
		if (der_time(s, &us) != (cases[i].want != NULL ? 0 : -1))
			fail_msg("%s", cases[i].in + 2);
		if (cases[i].want != NULL)
			assert_string_equal(clk_text(us, text),
			    cases[i].want);
	}
}

/* A TBSCertificate with as many filler bytes in one extension. */
static void
forge_sized(struct buf *out, size_t filler, int scts)
{
	struct forge	f = FORGE_INIT;
	uint8_t		*p = mem_zero(filler);

	forge_cn(&f, DER_UTF8, "a.org");
	if (filler != 0)
		forge_ext(&f.exts, "\x55\x1d\x63", 3, 1, p, filler);
	if (scts)
		forge_ext(&f.exts, DER_OID_SCTS, 10, 0, "\x04\x00", 2);
	if (filler != 0)
		forge_ext(&f.exts, "\x55\x1d\x64", 3, 0, p, 1);
	free(p);
	forge_done(&f, out);
}

/* Removing puts every length right, around each step of their size. */
static void
test_without(void **state)
{
	static const size_t	around[] = { 0, 10, 128, 256, 65536 };
	struct buf		with = BUF_INIT, want = BUF_INIT,
				got = BUF_INIT;
	size_t			i, n;

	(void)state;
	for (i = 0; i < sizeof(around) / sizeof(around[0]); i++)
		for (n = around[i] > 100 ? around[i] - 100 : 0;
		    n <= around[i]; n++) {
			buf_reset(&with);
			buf_reset(&want);
			buf_reset(&got);
			forge_sized(&with, n, 1);
			forge_sized(&want, n, 0);
			assert_int_equal(der_tbs_without(buf_bytes(&with),
			    DER_OID_ARG(DER_OID_SCTS), &got, NULL), 1);
			assert_int_equal(got.n, want.n);
			assert_memory_equal(got.p, want.p, want.n);
			buf_reset(&got);
			assert_int_equal(der_tbs_without(buf_bytes(&want),
			    DER_OID_ARG(DER_OID_SCTS), &got, NULL), 0);
			assert_int_equal(got.n, want.n);
		}
	buf_free(&with);
	buf_free(&want);
	buf_free(&got);
}

static void
test_ext(void **state)
{
	struct forge	f = FORGE_INIT;
	struct buf	tbs = BUF_INIT, out = BUF_INIT;
	struct der_tbs	t;
	struct span	v;
	struct err	e = ERR_INIT;
	int		critical;

	(void)state;
	forge_dns(&f, "a.org");
	forge_ext(&f.exts, DER_OID_POISON, 10, 1, "\x05\x00", 2);
	forge_ext(&f.exts, DER_OID_SCTS, 10, 0, "\x04\x00", 2);
	forge_ext(&f.exts, DER_OID_SCTS, 10, 0, "\x04\x00", 2);
	forge_done(&f, &tbs);
	assert_int_equal(der_tbs(buf_bytes(&tbs), &t, &e), 0);
	assert_int_equal(t.version, 3);
	assert_int_equal(t.san.n, 7);
	assert_int_equal(der_ext(&t, DER_OID_ARG(DER_OID_POISON), &v,
	    &critical), 1);
	assert_int_equal(critical, 1);
	assert_int_equal(v.n, 2);
	assert_int_equal(der_ext(&t, DER_OID_ARG(DER_OID_AKI), &v, NULL), 0);
	assert_int_equal(der_ext(&t, DER_OID_ARG(DER_OID_SCTS), &v, NULL),
	    -1);
	assert_int_equal(der_tbs_without(buf_bytes(&tbs),
	    DER_OID_ARG(DER_OID_SCTS), &out, &e), -1);
	assert_int_equal(out.n, 0);
	buf_free(&out);

	/* Two subjectAltNames: readers would differ. */
	buf_reset(&tbs);
	forge_ext(&f.exts, DER_OID_SAN, 3, 0, "\x30\x00", 2);
	forge_dns(&f, "b.org");
	forge_done(&f, &tbs);
	err_clear(&e);
	assert_int_equal(der_tbs(buf_bytes(&tbs), &t, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&tbs);
}

/* Cut anywhere, or with a byte behind: refused. */
static void
test_cut(void **state)
{
	struct buf	tbs = BUF_INIT;
	struct der_tbs	t;
	uint8_t		*p;
	size_t		n;

	(void)state;
	forge_sized(&tbs, 20, 1);
	for (n = 0; n <= tbs.n + 1; n++) {
		p = mem_zero(n);
		memcpy(p, tbs.p, n < tbs.n ? n : tbs.n);
		assert_int_equal(der_tbs((struct span){ p, n }, &t, NULL),
		    n == tbs.n ? 0 : -1);
		free(p);
	}
	/* Any byte changed: read or refused, and only bytes of ours read. */
	p = mem_zero(tbs.n);
	for (n = 0; n < tbs.n * 255; n++) {
		memcpy(p, tbs.p, tbs.n);
		p[n / 255] = (uint8_t)(p[n / 255] + n % 255 + 1);
		(void)der_tbs((struct span){ p, tbs.n }, &t, NULL);
	}
	free(p);
	buf_free(&tbs);
}

/* The real precertificates of a pair differ by poison and SCT list only. */
static void
test_real(void **state)
{
	static const char	*const pairs[][2] = {
		{ "test-embedded-cert.pem", "test-embedded-pre-cert.pem" },
		{ "test-embedded-with-intermediate-cert.pem",
		    "test-embedded-with-intermediate-pre-cert.pem" }
	};
	struct buf		cert = BUF_INIT, pre = BUF_INIT;
	struct buf		a = BUF_INIT, b = BUF_INIT;
	struct span		ta, tb;
	char			name[128];
	size_t			i;

	(void)state;
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "sct/google-ct-testdata/%s",
		    pairs[i][0]);
		if (data_cert(name, &cert) == -1) {
			printf("SKIP 2 pairs: no test data\n");
			break;
		}
		snprintf(name, sizeof(name), "sct/google-ct-testdata/%s",
		    pairs[i][1]);
		assert_int_equal(data_cert(name, &pre), 0);
		assert_int_equal(der_cert(buf_bytes(&cert), &ta, NULL, NULL,
		    NULL), 0);
		assert_int_equal(der_cert(buf_bytes(&pre), &tb, NULL, NULL,
		    NULL), 0);
		buf_reset(&a);
		buf_reset(&b);
		assert_int_equal(der_tbs_without(ta,
		    DER_OID_ARG(DER_OID_SCTS), &a, NULL), 1);
		assert_int_equal(der_tbs_without(tb,
		    DER_OID_ARG(DER_OID_POISON), &b, NULL), 1);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.p, b.p, a.n);
	}
	buf_free(&cert);
	buf_free(&pre);
	buf_free(&a);
	buf_free(&b);
}

/* Values of extended key usage. */
static void
test_eku(void **state)
{
	static const uint8_t	two[] = "\x30\x0c\x06\x03\x2a\x03\x04"
				    "\x06\x05\x2a\x03\x04\x05\x06";
	uint8_t			bad[sizeof(two) - 1];

	(void)state;
	assert_int_equal(der_eku((struct span){ two, 14 },
	    DER_OID_ARG("\x2a\x03\x04")), 1);
	assert_int_equal(der_eku((struct span){ two, 14 },
	    DER_OID_ARG("\x2a\x03\x04\x05\x06")), 1);
	assert_int_equal(der_eku((struct span){ two, 14 },
	    DER_OID_ARG("\x2a\x03")), 0);
	assert_int_equal(der_eku((struct span){ two, 13 },
	    DER_OID_ARG("\x2a\x03\x04")), 0);
	/* what is no OID ends it */
	memcpy(bad, two, sizeof(bad));
	bad[2] = 0x04;
	assert_int_equal(der_eku((struct span){ bad, 14 },
	    DER_OID_ARG("\x2a\x03\x04\x05\x06")), 0);
	assert_int_equal(der_eku((struct span){ two, 0 },
	    DER_OID_ARG("\x2a\x03\x04")), 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_ext),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_eku)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
