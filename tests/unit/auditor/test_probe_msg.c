/* The messages of the probe process, and what it makes of bad ones. */
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/probe.h"
#include "base/err.h"
#include "base/mem.h"

#define WAIT_MS	20000

/* --- round trips, and every shorter form --- */

/* Each reader refuses what is cut at any byte, and a byte too many. */
#define CUT(b, read, out) do {						\
	size_t	cut_;							\
									\
	for (cut_ = 0; cut_ < (b)->n; cut_++)				\
		assert_int_equal(read(cur_of((b)->p, cut_), (out),	\
		    NULL), -1);						\
	buf_u8((b), 0);							\
	assert_int_equal(read(cur_of((b)->p, (b)->n), (out), NULL), -1); \
	(b)->n--;							\
	assert_int_equal(read(cur_of((b)->p, (b)->n), (out), NULL), 0);	\
} while (0)

static void
setup(void **state)
{
	struct probe_setup	s, t;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	memset(&s, 0, sizeof(s));
	probe_setup_pack(&b, &s);
	CUT(&b, probe_setup_read, &t);
	assert_int_equal(t.nallow + t.nresolvers, 0);
	buf_reset(&b);
	for (i = 0; i < LIMIT_EGRESS_NETS; i++)
		s.allow[i] = "10.0.0.0/8";
	for (i = 0; i < PROBE_RESOLVERS; i++)
		s.resolvers[i] = "127.0.0.1@5353";
	s.nallow = LIMIT_EGRESS_NETS;
	s.nresolvers = PROBE_RESOLVERS;
	probe_setup_pack(&b, &s);
	CUT(&b, probe_setup_read, &t);
	assert_int_equal(t.nallow, LIMIT_EGRESS_NETS);
	assert_int_equal(t.nresolvers, PROBE_RESOLVERS);
	assert_string_equal(t.allow[63], "10.0.0.0/8");
	assert_string_equal(t.resolvers[7], "127.0.0.1@5353");
	/* One more of each. */
	b.p[1]++;
	assert_int_equal(probe_setup_read(cur_of(b.p, b.n), &t, NULL), -1);
	buf_free(&b);
}

static void
tls(void **state)
{
	struct probe_tls	t = { 7, "www.example.com", 25, PROBE_SMTP,
				    "sni.example", 3000 }, u;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	probe_tls_pack(&b, &t);
	CUT(&b, probe_tls_read, &u);
	assert_int_equal(u.id, 7);
	assert_string_equal(u.host, "www.example.com");
	assert_int_equal(u.port, 25);
	assert_int_equal(u.starttls, PROBE_SMTP);
	assert_string_equal(u.sni, "sni.example");
	assert_int_equal(u.timeout_ms, 3000);
	for (i = 0; i < 7; i++) {
		u = t;
		switch (i) {
		case 0: u.id = 0; break;
		case 1: u.host = ""; break;
		case 2: u.port = 0; break;
		case 3: u.starttls = (enum probe_starttls)3; break;
		case 4: u.timeout_ms = PROBE_TIMEOUT_MAX + 1; break;
		case 5: u.host = "a\nb"; break;
		case 6: u.sni = "a\x80"; break;
		}
		buf_reset(&b);
		probe_tls_pack(&b, &u);
		assert_int_equal(probe_tls_read(cur_of(b.p, b.n), &u, NULL),
		    -1);
	}
	buf_free(&b);
}

static void
served_good(struct probe_served *s)
{
	memset(s, 0, sizeof(*s));
	s->id = 9;
	s->last = 1;
	s->ok = 1;
	(void)snprintf(s->addr, sizeof(s->addr), "2001:db8::1");
	(void)snprintf(s->version, sizeof(s->version), "TLSv1.3");
	(void)snprintf(s->note, sizeof(s->note), "cut");
	s->nchain = 2;
	s->chain[0] = SPAN_STR("leaf");
	s->chain[1] = SPAN_STR("issuer");
	s->staple = SPAN_STR("ocsp");
	s->scts = SPAN_STR("sct");
	s->us = 1234567;
}

static void
served(void **state)
{
	struct probe_served	s, t;
	struct buf		b = BUF_INIT;

	(void)state;
	served_good(&s);
	probe_served_pack(&b, &s);
	CUT(&b, probe_served_read, &t);
	assert_int_equal(t.id, 9);
	assert_int_equal(t.last, 1);
	assert_int_equal(t.ok, 1);
	assert_string_equal(t.addr, s.addr);
	assert_string_equal(t.version, "TLSv1.3");
	assert_string_equal(t.note, "cut");
	assert_string_equal(t.message, "");
	assert_int_equal(t.nchain, 2);
	assert_int_equal(t.chain[1].n, 6);
	assert_memory_equal(t.chain[1].p, "issuer", 6);
	assert_memory_equal(t.staple.p, "ocsp", 4);
	assert_memory_equal(t.scts.p, "sct", 3);
	assert_int_equal(t.us, 1234567);
	buf_free(&b);
}

/* A probe that was taken over says something else. */
static void
served_lies(void **state)
{
	struct probe_served	s, t;
	struct buf		b = BUF_INIT;
	char			*big = mem_zero(LIMIT_PROBE_BYTES + 1);
	size_t			 i;
	int			 want;

	(void)state;
	for (i = 0; i < 14; i++) {
		served_good(&s);
		want = -1;
		switch (i) {
		case 0: s.id = 0; break;
		case 1: s.ok = 0; break;		/* no message */
		case 2: s.message[0] = 'x'; break;
		case 3: s.version[0] = '\0'; break;
		case 4: s.addr[0] = '\0'; break;
		case 5: s.addr[0] = '\x1b'; break;
		case 6: s.note[0] = '\n'; break;
		case 7: s.version[2] = '\x7f'; break;
		case 8: s.chain[0].n = LIMIT_PROBE_BYTES + 1;
			s.chain[0].p = (uint8_t *)big;
			break;
		case 9: s.chain[0].n = LIMIT_PROBE_BYTES;
			s.chain[0].p = (uint8_t *)big;
			want = 0;
			break;
		case 10: s.nchain = LIMIT_CHAIN; want = 0; break;
		case 12: s.resolver[0] = '1'; break;	/* it has an address */
		case 13: s.ok = s.addr[0] = s.version[0] = '\0';
			s.message[0] = 'x';
			s.resolver[0] = '1';
			want = 0;
			break;
		case 11: s.staple.n = LIMIT_PROBE_BYTES + 1;
			s.staple.p = (uint8_t *)big;
			break;
		}
		buf_reset(&b);
		probe_served_pack(&b, &s);
		assert_int_equal(probe_served_read(cur_of(b.p, b.n), &t,
		    NULL), want);
	}
	/* One certificate more than there may be. */
	served_good(&s);
	s.nchain = 0;
	buf_reset(&b);
	probe_served_pack(&b, &s);
	i = b.n - 8 - 4 - 3 - 4 - 4 - 2;
	b.p[i + 1] = LIMIT_CHAIN + 1;
	assert_int_equal(probe_served_read(cur_of(b.p, b.n), &t, NULL), -1);
	buf_free(&b);
	free(big);
}

static void
dns(void **state)
{
	struct probe_dns	d = { 3, "example.com", 257, 1000 }, f;
	struct buf		b = BUF_INIT;

	(void)state;
	probe_dns_pack(&b, &d);
	CUT(&b, probe_dns_read, &f);
	assert_string_equal(f.name, "example.com");
	assert_int_equal(f.type, 257);
	assert_int_equal(f.timeout_ms, 1000);
	d.timeout_ms = PROBE_TIMEOUT_MAX + 1;
	buf_reset(&b);
	probe_dns_pack(&b, &d);
	assert_int_equal(probe_dns_read(cur_of(b.p, b.n), &f, NULL), -1);
	d.timeout_ms = 0;
	d.id = 0;
	buf_reset(&b);
	probe_dns_pack(&b, &d);
	assert_int_equal(probe_dns_read(cur_of(b.p, b.n), &f, NULL), -1);
	buf_free(&b);
}

static void
said_good(struct probe_said *s)
{
	memset(s, 0, sizeof(*s));
	s->id = 4;
	s->ok = 1;
	s->ad = 1;
	s->ttl = 300;
	(void)snprintf(s->resolver, sizeof(s->resolver), "192.0.2.1");
	s->n = 2;
	s->rr[0].owner = s->rr[1].owner = "example.com";
	s->rr[0].ttl = 300;
	s->rr[0].rdata = SPAN_STR("\1\5issueca");
	s->rr[1].ttl = 301;
}

static void
said(void **state)
{
	static struct probe_said	s, t;
	struct buf			b = BUF_INIT;
	size_t				i;

	(void)state;
	said_good(&s);
	probe_said_pack(&b, &s);
	CUT(&b, probe_said_read, &t);
	assert_int_equal(t.id, 4);
	assert_int_equal(t.ad, 1);
	assert_int_equal(t.ttl, 300);
	assert_string_equal(t.resolver, "192.0.2.1");
	assert_int_equal(t.n, 2);
	assert_string_equal(t.rr[1].owner, "example.com");
	assert_int_equal(t.rr[1].ttl, 301);
	assert_int_equal(t.rr[0].rdata.n, 9);
	assert_memory_equal(t.rr[0].rdata.p, "\1\5issueca", 9);
	for (i = 0; i < 7; i++) {
		said_good(&s);
		switch (i) {
		case 0: s.id = 0; break;
		case 1: s.ok = 0; break;		/* no message */
		case 2: s.message[0] = 'x'; break;
		case 3: s.rcode = 3; break;		/* with records */
		case 4: s.rcode = 0x1000; s.n = 0; break;
		case 5: s.resolver[0] = '\r'; break;
		case 6: s.rr[1].owner = "a\xc3\xa4"; break;
		}
		buf_reset(&b);
		probe_said_pack(&b, &s);
		assert_int_equal(probe_said_read(cur_of(b.p, b.n), &t, NULL),
		    -1);
	}
	buf_free(&b);
}

/* PROBE_RRS records and one more. */
static void
said_limit(void **state)
{
	static struct probe_said	s, t;
	struct err			e = ERR_INIT;
	struct buf			b = BUF_INIT;
	size_t				i, at;

	(void)state;
	said_good(&s);
	s.n = PROBE_RRS;
	for (i = 0; i < PROBE_RRS; i++)
		s.rr[i].owner = "a";
	probe_said_pack(&b, &s);
	assert_int_equal(probe_said_read(cur_of(b.p, b.n), &t, NULL), 0);
	assert_int_equal(t.n, PROBE_RRS);
	at = 8 + 1 + 5 + 2 + 1 + 4 + 4 + 10;
	assert_int_equal(b.p[at], PROBE_RRS >> 8);
	b.p[at + 1]++;
	assert_int_equal(probe_said_read(cur_of(b.p, b.n), &t, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

/* --- what breaks the channel --- */

/* A resolver that hears everything and says nothing. */
static const char *
silence(void)
{
	static char		text[32];
	static int		fd = -1;
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);

	if (fd != -1)
		return text;
	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1@%d",
	    ntohs(a.sin_port));
	return text;
}

static void
start_raw(struct proc *p, int with_setup)
{
	struct err		e = ERR_INIT;
	struct probe_setup	s;
	struct buf		b = BUF_INIT;

	assert_int_equal(proc_spawn("probe", NULL, 0, p, &e), 0);
	if (!with_setup)
		return;
	memset(&s, 0, sizeof(s));
	s.resolvers[0] = silence();
	s.nresolvers = 1;
	probe_setup_pack(&b, &s);
	ipc_send(p->ipc, PROBE_SETUP, &b, NULL, 0);
	buf_free(&b);
}

/* The process ends with status 1, and nothing else. */
static void
expect_end(struct proc *p)
{
	struct ipc_msg	m;
	struct err	e = ERR_INIT;
	char		how[64];

	assert_int_equal(ipc_recv(p->ipc, &m, WAIT_MS, &e), -1);
	assert_true(ipc_eof(p->ipc));
	while (!proc_reap(p, how, sizeof(how)))
		(void)poll(NULL, 0, 5);
	assert_string_equal(how, "exit 1");
	proc_free(p);
}

struct bad_frame {
	uint16_t	type;
	const char	*bytes;
	size_t		n;
	int		with_setup;
};

static const struct bad_frame bad_frames[] = {
	{ PROBE_SETUP, "junk", 4, 0 },
	/* a network and a resolver that are none */
	{ PROBE_SETUP, "\0\1\0\0\0\2x\0\0\0", 10, 0 },
	{ PROBE_SETUP, "\0\0\0\1\0\0\0\2x\0", 10, 0 },
	{ PROBE_SETUP, "\0\0\0\0", 4, 1 },		/* the second */
	{ PROBE_CANCEL, "\0\0\0\0\0\0\0\1", 8, 0 },	/* before setup */
	{ PROBE_CANCEL, "\0\0\0\0\0\0\0", 7, 1 },
	{ PROBE_CANCEL, "\0\0\0\0\0\0\0\1x", 9, 1 },
	{ PROBE_TLS, "\0\0\0\0\0\0\0\1", 8, 1 },
	{ PROBE_DNS, "\0\0\0\0\0\0\0\1", 8, 1 },
	{ PROBE_SERVED, "", 0, 1 },
	{ PROBE_SAID, "", 0, 1 },
	{ 0, "", 0, 1 },
	{ 999, "", 0, 1 },
};

static void
garbage(void **state)
{
	const struct bad_frame	*f;
	struct proc		 p;
	struct buf		 b = BUF_INIT;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(bad_frames) / sizeof(bad_frames[0]); i++) {
		f = &bad_frames[i];
		start_raw(&p, f->with_setup);
		buf_reset(&b);
		buf_add(&b, f->bytes, f->n);
		ipc_send(p.ipc, f->type, &b, NULL, 0);
		expect_end(&p);
	}
	buf_free(&b);
}

/* As many questions as may be pending, and one more. */
static void
too_many(void **state)
{
	struct probe_dns	d = { 0, "a.example", 1, 60000 };
	struct proc		p;
	struct buf		b = BUF_INIT;
	size_t			n;

	(void)state;
	for (n = LIMIT_PROBES; n <= LIMIT_PROBES + 1; n++) {
		start_raw(&p, 1);
		for (d.id = 1; d.id <= n; d.id++) {
			buf_reset(&b);
			probe_dns_pack(&b, &d);
			ipc_send(p.ipc, PROBE_DNS, &b, NULL, 0);
		}
		if (n > LIMIT_PROBES) {
			expect_end(&p);
			continue;
		}
		while (ipc_flush(p.ipc, NULL) == 1)
			(void)poll(NULL, 0, 1);
		(void)poll(NULL, 0, 200);
		assert_int_equal(proc_reap(&p, NULL, 0), 0);
		proc_free(&p);
	}
	buf_free(&b);
}

/* EOF and SIGTERM end it well. */
static void
ends(void **state)
{
	struct proc	p;
	char		how[64];

	(void)state;
	start_raw(&p, 1);
	ipc_free(p.ipc);
	p.ipc = NULL;
	while (!proc_reap(&p, how, sizeof(how)))
		(void)poll(NULL, 0, 5);
	assert_string_equal(how, "exit 0");
	proc_free(&p);
	start_raw(&p, 1);
	while (ipc_flush(p.ipc, NULL) == 1)
		;
	(void)poll(NULL, 0, 300);
	proc_stop(&p, WAIT_MS, how, sizeof(how));
	assert_string_equal(how, "exit 0");
	proc_free(&p);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(setup),
		cmocka_unit_test(tls),
		cmocka_unit_test(served),
		cmocka_unit_test(served_lies),
		cmocka_unit_test(dns),
		cmocka_unit_test(said),
		cmocka_unit_test(said_limit),
		cmocka_unit_test(garbage),
		cmocka_unit_test(too_many),
		cmocka_unit_test(ends),
	};
	const char		*role = argc > 1 ? proc_role(argv[1]) : NULL;

	if (role != NULL)
		return strcmp(role, "probe") == 0 ? probe_main() : 64;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
