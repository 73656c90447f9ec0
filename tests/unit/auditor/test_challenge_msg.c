/* The messages of the challenge process, and what it makes of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/challenging.h"

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

/* ${n} times the letter, in ${out}[n + 1]. */
static const char *
many(char *out, char c, size_t n)
{
	memset(out, c, n);
	out[n] = '\0';
	return out;
}

static void
words(void **state)
{
	static const char *const	tokens[] = { "a", "-_09AZaz", TOKEN };
	static const char *const	no_tokens[] = {
		"", "a.b", "../x", "a/b", "a b", "a=", "a+b", "a\n", "\xc3",
		"%2e", "a\\b", ".",
	};
	static const char *const	names[] = {
		"a", "www.example.com", "xn--bcher-kva.example", "_x.y",
		"1.2.0.192.in-addr.arpa",
	};
	static const char *const	no_names[] = {
		"", ".", "a.", ".a", "a..b", "A.example", "*.example.com",
		"a b", "a/b", "\xc3", "192.0.2.1:80",
	};
	char				text[600];
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		assert_int_equal(challenge_token_ok(tokens[i]), 1);
	for (i = 0; i < sizeof(no_tokens) / sizeof(no_tokens[0]); i++)
		assert_int_equal(challenge_token_ok(no_tokens[i]), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(challenge_name_ok(names[i]), 1);
	for (i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
		assert_int_equal(challenge_name_ok(no_names[i]), 0);
	assert_int_equal(challenge_token_ok(many(text, 'a',
	    LIMIT_CHALLENGE_TOKEN)), 1);
	assert_int_equal(challenge_token_ok(many(text, 'a',
	    LIMIT_CHALLENGE_TOKEN + 1)), 0);
	assert_int_equal(challenge_name_ok(many(text, 'a', 253)), 1);
	assert_int_equal(challenge_name_ok(many(text, 'a', 254)), 0);
}

static void
keyauths(void **state)
{
	static const char *const	bad[] = {
		"", "a", "a.", ".b", "b.c", "a.b.c", "a.b\n", "a.b ", "ab.c",
		"a.b=", "a.b/c",
	};
	char				text[600];
	size_t				i;

	(void)state;
	assert_int_equal(challenge_keyauth_ok(TOKEN, KEYAUTH), 1);
	assert_int_equal(challenge_keyauth_ok("a", "a.b"), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(challenge_keyauth_ok("a", bad[i]), 0);
	(void)many(text, 'b', LIMIT_CHALLENGE_KEYAUTH);
	memcpy(text, "a.", 2);
	assert_int_equal(challenge_keyauth_ok("a", text), 1);
	(void)many(text, 'b', LIMIT_CHALLENGE_KEYAUTH + 1);
	memcpy(text, "a.", 2);
	assert_int_equal(challenge_keyauth_ok("a", text), 0);
}

static void
setup(void **state)
{
	struct challenge_setup	s = { { 3, 4 }, 5000 }, t;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	challenge_setup_pack(&b, &s);
	CUT(&b, challenge_setup_read, &t);
	assert_int_equal(t.n[CHALLENGE_HTTP], 3);
	assert_int_equal(t.n[CHALLENGE_TLS], 4);
	assert_int_equal(t.timeout_ms, 5000);
	for (i = 0; i < CHALLENGE_KINDS; i++) {
		s.n[i] = LIMIT_CHALLENGE_LISTEN;
		buf_reset(&b);
		challenge_setup_pack(&b, &s);
		assert_int_equal(challenge_setup_read(cur_of(b.p, b.n), &t,
		    NULL), 0);
		s.n[i]++;
		buf_reset(&b);
		challenge_setup_pack(&b, &s);
		err_clear(&e);
		assert_int_equal(challenge_setup_read(cur_of(b.p, b.n), &t,
		    &e), -1);
		assert_int_equal(e.code, ERR_LIMIT);
		s.n[i]--;
	}
	s.timeout_ms = CHALLENGE_TIMEOUT_MAX + 1;
	buf_reset(&b);
	challenge_setup_pack(&b, &s);
	assert_int_equal(challenge_setup_read(cur_of(b.p, b.n), &t, NULL),
	    -1);
	buf_free(&b);
}

static void
http(void **state)
{
	struct challenge_http	h = { 7, TOKEN, KEYAUTH, 3600 }, g;
	struct buf		b = BUF_INIT;
	size_t			i;
	int			want;

	(void)state;
	challenge_http_pack(&b, &h);
	CUT(&b, challenge_http_read, &g);
	assert_int_equal(g.id, 7);
	assert_string_equal(g.token, TOKEN);
	assert_string_equal(g.keyauth, KEYAUTH);
	assert_int_equal(g.secs, 3600);
	for (i = 0; i < 7; i++) {
		g = h;
		want = -1;
		switch (i) {
		case 0: g.id = 0; break;
		case 1: g.token = ""; break;
		case 2: g.token = "../" TOKEN; break;
		case 3: g.keyauth = TOKEN; break;
		case 4: g.secs = 0; break;
		case 5: g.secs = LIMIT_CHALLENGE_SECS + 1; break;
		case 6: g.secs = LIMIT_CHALLENGE_SECS; want = 0; break;
		}
		buf_reset(&b);
		challenge_http_pack(&b, &g);
		assert_int_equal(challenge_http_read(cur_of(b.p, b.n), &g,
		    NULL), want);
	}
	buf_free(&b);
}

static void
tls(void **state)
{
	struct challenge_tls	t = { 8, "www.example.com", { NULL, 0 },
				    { NULL, 0 }, 60 }, u;
	struct buf		b = BUF_INIT;
	uint8_t			*big = mem_zero(LIMIT_CHALLENGE_DER + 1);
	size_t			 i;
	int			 want;

	(void)state;
	t.cert = SPAN_STR("certificate");
	t.key = SPAN_STR("key");
	challenge_tls_pack(&b, &t);
	CUT(&b, challenge_tls_read, &u);
	assert_int_equal(u.id, 8);
	assert_string_equal(u.name, "www.example.com");
	assert_int_equal(u.cert.n, 11);
	assert_memory_equal(u.cert.p, "certificate", 11);
	assert_int_equal(u.key.n, 3);
	assert_memory_equal(u.key.p, "key", 3);
	assert_int_equal(u.secs, 60);
	for (i = 0; i < 9; i++) {
		u = t;
		want = -1;
		switch (i) {
		case 0: u.id = 0; break;
		case 1: u.name = "Www.example.com"; break;
		case 2: u.cert.n = 0; break;
		case 3: u.key.n = 0; break;
		case 4: u.cert.p = big;
			u.cert.n = LIMIT_CHALLENGE_DER + 1;
			break;
		case 5: u.key.p = big;
			u.key.n = LIMIT_CHALLENGE_DER + 1;
			break;
		case 6: u.cert.p = u.key.p = big;
			u.cert.n = u.key.n = LIMIT_CHALLENGE_DER;
			want = 0;
			break;
		case 7: u.secs = 0; break;
		case 8: u.secs = LIMIT_CHALLENGE_SECS + 1; break;
		}
		buf_reset(&b);
		challenge_tls_pack(&b, &u);
		assert_int_equal(challenge_tls_read(cur_of(b.p, b.n), &u,
		    NULL), want);
	}
	buf_free(&b);
	free(big);
}

static int
drop_http_read(struct cur k, const char **key, struct err *e)
{
	return challenge_drop_read(k, CHALLENGE_HTTP, key, e);
}

static void
drops(void **state)
{
	struct buf	b = BUF_INIT;
	const char	*key;

	(void)state;
	challenge_drop_pack(&b, TOKEN);
	CUT(&b, drop_http_read, &key);
	assert_string_equal(key, TOKEN);
	/* Upper case is in no name. */
	assert_int_equal(challenge_drop_read(cur_of(b.p, b.n), CHALLENGE_TLS,
	    &key, NULL), -1);
	buf_reset(&b);
	challenge_drop_pack(&b, "a.example");
	assert_int_equal(challenge_drop_read(cur_of(b.p, b.n), CHALLENGE_TLS,
	    &key, NULL), 0);
	assert_string_equal(key, "a.example");
	assert_int_equal(challenge_drop_read(cur_of(b.p, b.n),
	    CHALLENGE_HTTP, &key, NULL), -1);
	buf_free(&b);
}

static void
placed(void **state)
{
	struct challenge_placed	p = { 9, 1, "" }, q;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	challenge_placed_pack(&b, &p);
	CUT(&b, challenge_placed_read, &q);
	assert_int_equal(q.id, 9);
	assert_int_equal(q.ok, 1);
	assert_string_equal(q.message, "");
	for (i = 0; i < 4; i++) {
		q = p;
		switch (i) {
		case 0: q.id = 0; break;
		case 1: q.ok = 0; break;		/* no message */
		case 2: q.message[0] = 'x'; break;
		case 3: q.ok = 0; q.message[0] = '\n'; break;
		}
		buf_reset(&b);
		challenge_placed_pack(&b, &q);
		assert_int_equal(challenge_placed_read(cur_of(b.p, b.n), &q,
		    NULL), -1);
	}
	buf_reset(&b);
	p.ok = 0;
	(void)snprintf(p.message, sizeof(p.message), "no");
	challenge_placed_pack(&b, &p);
	assert_int_equal(challenge_placed_read(cur_of(b.p, b.n), &q, NULL),
	    0);
	assert_string_equal(q.message, "no");
	/* Neither yes nor no. */
	b.p[8] = 2;
	assert_int_equal(challenge_placed_read(cur_of(b.p, b.n), &q, NULL),
	    -1);
	buf_free(&b);
}

static void
hit(void **state)
{
	struct challenge_hit	h = { CHALLENGE_TLS, "a.example",
				    "2001:db8::1", 1800000000000000, 5 }, g;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	challenge_hit_pack(&b, &h);
	CUT(&b, challenge_hit_read, &g);
	assert_int_equal(g.kind, CHALLENGE_TLS);
	assert_string_equal(g.key, "a.example");
	assert_string_equal(g.addr, "2001:db8::1");
	assert_int_equal(g.at, 1800000000000000);
	assert_int_equal(g.missed, 5);
	for (i = 0; i < 5; i++) {
		g = h;
		switch (i) {
		case 0: g.kind = CHALLENGE_KINDS; break;
		case 1: g.key[0] = 'A'; break;
		case 2: g.key[0] = '\0'; break;
		case 3: g.addr[0] = '\x1b'; break;
		case 4: g.at = -1; break;
		}
		buf_reset(&b);
		challenge_hit_pack(&b, &g);
		assert_int_equal(challenge_hit_read(cur_of(b.p, b.n), &g,
		    NULL), -1);
	}
	buf_free(&b);
}

/* --- what breaks the channel --- */

/* It ends by itself, and says that something was wrong. */
static void
assert_exit_1(struct proc *p)
{
	int64_t	end = clk_mono() + WAIT_MS * 1000LL;
	char	text[64] = "";

	while (!proc_reap(p, text, sizeof(text)) && clk_mono() < end)
		(void)poll(NULL, 0, 5);
	assert_string_equal(text, "exit 1");
}

/* The role ends with 1 when it is sent that. */
static void
send_bad(uint16_t first, uint16_t type, const struct buf *body, int nfds)
{
	struct challenge_setup	 s = { { 0, 0 }, 0 };
	struct proc		 p = PROC_INIT;
	struct err		 e = ERR_INIT;
	struct ipc_msg		 m;
	struct buf		 b = BUF_INIT;
	int			 fds[1] = { STDIN_FILENO };

	assert_int_equal(proc_spawn("challenge", NULL, 0, &p, &e), 0);
	challenge_setup_pack(&b, &s);
	if (first != 0)
		ipc_send(p.ipc, first, &b, NULL, 0);
	ipc_send(p.ipc, type, body, fds, nfds);
	for (;;) {
		err_clear(&e);
		if (ipc_recv(p.ipc, &m, WAIT_MS, &e) != 1)
			break;
	}
	assert_int_equal(e.code, ERR_NOENT);
	assert_exit_1(&p);
	proc_free(&p);
	buf_free(&b);
}

static void
channel(void **state)
{
	struct challenge_setup	s = { { 1, 0 }, 0 };
	struct buf		none = BUF_INIT, b = BUF_INIT, zero = BUF_INIT;

	(void)state;
	challenge_setup_pack(&zero, &(struct challenge_setup){ { 0, 0 }, 0 });
	challenge_setup_pack(&b, &s);
	/* Not the setup; a type of ours; none at all; a descriptor. */
	send_bad(0, CHALLENGE_DROP_ALL, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_READY, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_HIT + 1, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_DROP_ALL, &none, 1);
	/* Twice; a socket that is not there; junk. */
	send_bad(CHALLENGE_SETUP, CHALLENGE_SETUP, &zero, 0);
	send_bad(0, CHALLENGE_SETUP, &b, 0);
	send_bad(0, CHALLENGE_SETUP, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_PUT_HTTP, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_PUT_TLS, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_DROP_HTTP, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_DROP_TLS, &none, 0);
	send_bad(CHALLENGE_SETUP, CHALLENGE_DROP_ALL, &b, 0);
	buf_free(&b);
	buf_free(&zero);
}

/* A descriptor that is no listening socket. */
static void
not_listening(void **state)
{
	struct challenge_listen	 l;
	struct challenge_client	*c;
	struct err		 e = ERR_INIT;
	struct pollfd		 p;

	(void)state;
	memset(&l, 0, sizeof(l));
	l.fd[CHALLENGE_HTTP][0] = socket(AF_INET, SOCK_STREAM |
	    SOCK_CLOEXEC, 0);
	l.n[CHALLENGE_HTTP] = 1;
	c = challenge_client_new(&l, 0, &e);
	assert_non_null(c);
	while (challenge_client_turn(c, &e) == 0) {
		p.fd = ipc_fd(challenge_client_ipc(c));
		p.events = POLLIN;
		(void)poll(&p, 1, 100);
	}
	assert_int_equal(e.code, ERR_NOENT);
	assert_exit_1(challenge_client_proc(c));
	challenge_client_free(c);
	challenge_listen_close(&l);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(keyauths),
		cmocka_unit_test(setup),
		cmocka_unit_test(http),
		cmocka_unit_test(tls),
		cmocka_unit_test(drops),
		cmocka_unit_test(placed),
		cmocka_unit_test(hit),
		cmocka_unit_test(channel),
		cmocka_unit_test(not_listening),
	};
	int	r = challenge_role(argc, argv);

	return r != -1 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
