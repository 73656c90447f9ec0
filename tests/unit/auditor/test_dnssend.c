/*
 * Updates over TCP to a server that is this test; with arguments a program
 * for system tests (dnsdrive.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include "base/limit.h"
#include "tests/unit/auditor/dnsdrive.h"
#include "tests/unit/auditor/made_tsig.h"
#include "tests/unit/auditor/probing.h"

static int		 listener, port, peer = -1;
static struct dnsserver	 server;
static struct tsig_key	 key;
static struct dnssend	*job;
static struct err	 e;
static uint8_t		 got[4096];	/* the request, behind its length */
static size_t		 ngot;
static int64_t		 now;

static const struct dnsupdate	update = {
	DNSUPDATE_ADD, "example.org", MADE_NAME, MADE_VALUE, 60
};

/* Turn until there is nothing more to be done without the other side. */
static int
turn(void)
{
	struct pollfd	p;
	int		i;

	for (i = 0; i < 100; i++) {
		if (dnssend_turn(job, now))
			return 1;
		p.fd = dnssend_fd(job);
		p.events = dnssend_events(job);
		if (p.events == POLLIN)
			return 0;
		(void)poll(&p, 1, 1000);
	}
	return 0;
}

/* The next piece of an answer has come, or the end. */
static int
turn_in(void)
{
	struct pollfd	p = { dnssend_fd(job), POLLIN, 0 };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	return dnssend_turn(job, now);
}

/* Begin, and read the request. */
static void
begin(void)
{
	ssize_t	n;

	now = 5;
	err_clear(&e);
	job = dnssend_new(&server, &key, &update, 1000, now);
	assert_int_equal(dnssend_when(job), now + 1000000);
	assert_int_equal(turn(), 0);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	for (ngot = 0; ngot < 2 || ngot < 2 + ((size_t)got[0] << 8 | got[1]);
	    ngot += (size_t)n) {
		n = recv(peer, got + ngot, sizeof(got) - ngot, 0);
		assert_true(n > 0);
	}
}

static int
finish(void)
{
	int	r = dnssend_result(job, &e);

	assert_int_equal(dnssend_fd(job), -1);
	assert_int_equal(dnssend_when(job), 0);
	dnssend_free(job);
	job = NULL;
	(void)close(peer);
	return r;
}

/* An answer behind its length; signed over the request's MAC with a secret. */
static void
answer(struct buf *b, int rcode, const uint8_t *secret, int64_t at)
{
	struct buf	h = BUF_INIT, m = BUF_INIT;
	struct tsig_mac	mac;
	uint8_t		out[64];
	unsigned	n;

	buf_add(&m, got + 2, 2);
	buf_u16(&m, (uint16_t)(0xa800 | rcode));
	buf_u64(&m, 0);
	if (secret != NULL) {
		/* the record as it would be for a request: only the MAC is
		   another */
		tsig_sign(&m, &key, at, &mac);
		buf_u16(&h, 32);
		buf_add(&h, got + ngot - 38, 32);
		buf_add(&h, m.p, 10);
		buf_u16(&h, 0);
		buf_str(&h, "\11certvigil");
		buf_u8(&h, 0);
		buf_u16(&h, 255);
		buf_u32(&h, 0);
		buf_str(&h, "\13hmac-sha256");
		buf_u8(&h, 0);
		buf_u16(&h, (uint16_t)(at >> 32));
		buf_u32(&h, (uint32_t)at);
		buf_u16(&h, 300);
		buf_u32(&h, 0);
		assert_non_null(HMAC(EVP_sha256(), secret, 32, h.p, h.n, out,
		    &n));
		memcpy(m.p + m.n - 38, out, 32);
	}
	buf_reset(b);
	buf_u16(b, (uint16_t)m.n);
	buf_add(b, m.p, m.n);
	buf_free(&h);
	buf_free(&m);
}

static void
give(const void *p, size_t n)
{
	assert_int_equal(send(peer, p, n, MSG_NOSIGNAL), n);
}

/* A whole exchange. */
static int
exchange(int rcode, const uint8_t *secret, int64_t at)
{
	struct buf	b = BUF_INIT;

	begin();
	answer(&b, rcode, secret, at);
	give(b.p, b.n);
	buf_free(&b);
	while (!turn_in())
		continue;
	assert_int_equal(dnssend_rcode(job), rcode);
	return finish();
}

static void
done(void **state)
{
	struct buf	b = BUF_INIT;
	uint8_t		want[sizeof(made_signed_hmac_sha256)];
	size_t		i;

	(void)state;
	begin();
	/* The request is that of the vectors, but for its id and its MAC. */
	assert_int_equal(ngot - 2, sizeof(want));
	memcpy(want, made_signed_hmac_sha256, sizeof(want));
	memcpy(want, got + 2, 2);
	memcpy(want + sizeof(want) - 38, got + ngot - 38, 34);
	assert_memory_equal(got + 2, want, sizeof(want));
	/* The answer comes byte by byte. */
	answer(&b, 0, made_secret, MADE_NOW);
	for (i = 0; i < b.n; i++) {
		give(b.p + i, 1);
		assert_int_equal(turn_in(), i + 1 == b.n);
	}
	buf_free(&b);
	assert_int_equal(finish(), 0);
}

static void
refused(void **state)
{
	(void)state;
	assert_int_equal(exchange(5, made_secret, MADE_NOW), -1);
	assert_int_equal(e.code, ERR_PERM);
	assert_non_null(strstr(e.msg, "REFUSED"));
	/* A refusal counts without a signature, a success does not. */
	assert_int_equal(exchange(9, NULL, 0), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "NOTAUTH"));
	assert_int_equal(exchange(0, NULL, 0), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	assert_non_null(strstr(e.msg, "did not sign"));
	assert_int_equal(exchange(0, (const uint8_t *)
	    "another secret of thirty-two byte", MADE_NOW), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	assert_int_equal(exchange(5, (const uint8_t *)
	    "another secret of thirty-two byte", MADE_NOW), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	assert_int_equal(exchange(0, made_secret, MADE_NOW - 301), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	assert_non_null(strstr(e.msg, "its clock is wrong"));
}

static void
silent(void **state)
{
	(void)state;
	begin();
	now += 999999;
	assert_int_equal(dnssend_turn(job, now), 0);
	assert_int_equal(dnssend_turn(job, now + 1), 1);
	assert_int_equal(dnssend_rcode(job), -1);
	assert_int_equal(finish(), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "did not answer the update in time"));
	begin();
	(void)close(peer);
	while (!turn_in())
		continue;
	assert_int_equal(finish(), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "closed the connection"));
	/* Given up on the way. */
	begin();
	dnssend_free(job);
	(void)close(peer);
	dnssend_free(NULL);
}

static void
garbage(void **state)
{
	uint8_t			other[] = { 0, 12, 0, 0, 0xa8, 0, 0, 0, 0, 0,
				    0, 0, 0, 0 };
	uint8_t			len[2];
	struct buf		b = BUF_INIT;

	(void)state;
	begin();
	other[2] = got[2];
	other[3] = got[3] ^ 1;		/* another id than ours */
	give(other, sizeof(other));
	while (!turn_in())
		continue;
	assert_int_equal(finish(), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	begin();
	give("\0\0", 2);
	while (!turn_in())
		continue;
	assert_int_equal(finish(), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	/* At most LIMIT_DNS_SAID bytes with the length. */
	begin();
	len[0] = (LIMIT_DNS_SAID - 1) >> 8;
	len[1] = (uint8_t)(LIMIT_DNS_SAID - 1);
	give(len, 2);
	while (!turn_in())
		continue;
	assert_int_equal(finish(), -1);
	assert_non_null(strstr(e.msg, "too great length"));
	begin();
	len[0] = (LIMIT_DNS_SAID - 2) >> 8;
	len[1] = (uint8_t)(LIMIT_DNS_SAID - 2);
	give(len, 2);
	(void)memset(buf_room(&b, LIMIT_DNS_SAID), 'x', LIMIT_DNS_SAID);
	assert_int_equal(turn_in(), 0);
	give(b.p, LIMIT_DNS_SAID - 2);
	while (!turn_in())
		continue;
	buf_free(&b);
	assert_int_equal(finish(), -1);
	assert_int_equal(e.code, ERR_FORMAT);
}

static void
away(void **state)
{
	struct dnsserver	s;
	struct dnsupdate	u = update;
	char			text[32];
	int			p = 0, fd = listen_at(SOCK_STREAM, 0, &p);

	(void)state;
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%d", p);
	assert_int_equal(dnsserver_read(&s, text, NULL), 0);
	job = dnssend_new(&s, &key, &u, 0, 5);
	now = 5;
	(void)turn();
	err_clear(&e);
	assert_int_equal(dnssend_turn(job, now), 1);
	assert_int_equal(dnssend_result(job, &e), -1);
	assert_int_equal(e.code, ERR_NET);
	assert_non_null(strstr(e.msg, "cannot be reached"));
	assert_non_null(strstr(e.msg, text));
	dnssend_free(job);
	/* What cannot be said is not sent. */
	u.name = "www.example.com";
	job = dnssend_new(&s, &key, &u, 0, 5);
	assert_int_equal(dnssend_fd(job), -1);
	assert_int_equal(dnssend_turn(job, 5), 1);
	err_clear(&e);
	assert_int_equal(dnssend_result(job, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	dnssend_free(job);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(done),
		cmocka_unit_test(refused),
		cmocka_unit_test(silent),
		cmocka_unit_test(garbage),
		cmocka_unit_test(away),
	};
	struct span		secret = { made_secret, sizeof(made_secret) };
	char			text[32];

	if (argc > 1)
		return drive(argc, argv);
	clk_fix(MADE_NOW * CLK_SEC);
	listener = listen_at(SOCK_STREAM, 0, &port);
	(void)snprintf(text, sizeof(text), "127.0.0.1@%d", port);
	if (dnsserver_read(&server, text, NULL) != 0 ||
	    tsig_key_set(&key, "certvigil", "hmac-sha256", secret, NULL) != 0)
		abort();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
