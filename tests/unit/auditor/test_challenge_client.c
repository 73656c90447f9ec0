/*
 * The engine's side, with a challenge process that was taken over: this
 * program plays it, and the token that it is given says how it lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/challenging.h"

/* --- the liar --- */

static void
say_placed(struct ipc *c, uint64_t id, int ok)
{
	struct challenge_placed	p = { id, ok, "" };
	struct buf		b = BUF_INIT;

	if (!ok)
		(void)snprintf(p.message, sizeof(p.message), "no");
	challenge_placed_pack(&b, &p);
	ipc_send(c, CHALLENGE_PLACED, &b, NULL, 0);
	buf_free(&b);
}

static void
say_hit(struct ipc *c, const char *key)
{
	struct challenge_hit	h = { CHALLENGE_HTTP, "", "192.0.2.1", 1, 0 };
	struct buf		b = BUF_INIT;

	(void)snprintf(h.key, sizeof(h.key), "%s", key);
	challenge_hit_pack(&b, &h);
	ipc_send(c, CHALLENGE_HIT, &b, NULL, 0);
	buf_free(&b);
}

static void
lie(struct ipc *c, uint64_t id, const char *how)
{
	struct buf	b = BUF_INIT;
	int		fds[2];

	if (strcmp(how, "other") == 0)
		say_placed(c, id + 1, 1);
	else if (strcmp(how, "twice") == 0) {
		say_placed(c, id, 1);
		say_placed(c, id, 1);
	} else if (strcmp(how, "ready") == 0)
		ipc_send(c, CHALLENGE_READY, NULL, NULL, 0);
	else if (strcmp(how, "type") == 0)
		ipc_send(c, CHALLENGE_PUT_HTTP, &b, NULL, 0);
	else if (strcmp(how, "junk") == 0)
		ipc_send(c, CHALLENGE_PLACED, &b, NULL, 0);
	else if (strcmp(how, "hit") == 0)
		say_hit(c, "a/../b");
	else if (strcmp(how, "fd") == 0 && pipe(fds) == 0)
		ipc_send(c, CHALLENGE_READY, &b, fds, 1);
	else if (strcmp(how, "end") == 0)
		_exit(0);
	else if (strcmp(how, "no") == 0)
		say_placed(c, id, 0);
	else {
		say_hit(c, how);
		say_placed(c, id, 1);
	}
}

static int
liar(void)
{
	struct ipc		*c = ipc_new(PROC_CHANNEL);
	struct ipc_msg		 m;
	struct challenge_setup	 s;
	struct challenge_http	 h;

	while (ipc_recv(c, &m, -1, NULL) == 1) {
		/* It says at once what it has no right to say. */
		if (m.type == CHALLENGE_SETUP &&
		    challenge_setup_read(m.body, &s, NULL) == 0) {
			if (s.timeout_ms == 1)
				say_hit(c, "early");
			ipc_send(c, CHALLENGE_READY, NULL, NULL, 0);
		}
		if (m.type == CHALLENGE_PUT_HTTP &&
		    challenge_http_read(m.body, &h, NULL) == 0)
			lie(c, h.id, h.token);
	}
	return 0;
}

/* --- the engine --- */

/* Until the client says -1, or ${n} notes came (their number). */
static size_t
notes(struct challenge_client *c, size_t n, struct err *e)
{
	struct pollfd	p;
	size_t		came = 0;
	int		r;

	while (came < n) {
		p.fd = ipc_fd(challenge_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(challenge_client_ipc(c)) ? POLLOUT :
		    0));
		(void)poll(&p, 1, 100);
		if (challenge_client_turn(c, e) != 0)
			return came;
		while ((r = challenge_client_next(c, &note, e)) == 1)
			came++;
		if (r < 0)
			return came;
	}
	return came;
}

static uint64_t
put(struct challenge_client *c, const char *how)
{
	char			keyauth[64];
	struct challenge_http	h = { 77, how, keyauth, 60 };

	(void)snprintf(keyauth, sizeof(keyauth), "%s.x", how);
	return challenge_client_http(c, &h, NULL);
}

static void
lies(void **state)
{
	static const char *const	hows[] = {
		"other", "twice", "ready", "type", "junk", "hit", "fd",
	};
	struct challenge_listen		none;
	struct challenge_client		*c;
	struct err			 e = ERR_INIT;
	size_t				 i;

	(void)state;
	memset(&none, 0, sizeof(none));
	for (i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		c = challenge_start(&none, 0);
		err_clear(&e);
		assert_int_equal(put(c, hows[i]), 1);
		(void)notes(c, 99, &e);
		if (e.code != ERR_FORMAT)
			fail_msg("%s: %s", hows[i], e.msg);
		challenge_client_free(c);
	}
	/* A note before it is ready. */
	err_clear(&e);
	c = challenge_client_new(&none, 1, &e);
	assert_non_null(c);
	assert_int_equal(notes(c, 99, &e), 0);
	assert_int_equal(e.code, ERR_FORMAT);
	challenge_client_free(c);
	/* It ends: that is said, and is no format. */
	c = challenge_start(&none, 0);
	err_clear(&e);
	(void)put(c, "end");
	assert_int_equal(notes(c, 99, &e), 0);
	assert_int_equal(e.code, ERR_NOENT);
	challenge_client_free(c);
}

static void
honest(void **state)
{
	struct challenge_listen	 none;
	struct challenge_client	*c;

	(void)state;
	memset(&none, 0, sizeof(none));
	c = challenge_start(&none, 0);
	assert_int_equal(put(c, "good"), 1);
	assert_int_equal(put(c, "no"), 2);
	assert_int_equal(put(c, "a/b"), 0);
	assert_int_equal(put(c, "better"), 3);
	assert_int_equal(challenge_client_pending(c), 3);
	assert_int_equal(next_note(c), CHALLENGE_HIT);
	assert_string_equal(note.hit.key, "good");
	assert_int_equal(next_note(c), CHALLENGE_PLACED);
	assert_int_equal(note.placed.id, 1);
	assert_int_equal(note.placed.ok, 1);
	assert_int_equal(next_note(c), CHALLENGE_PLACED);
	assert_int_equal(note.placed.id, 2);
	assert_int_equal(note.placed.ok, 0);
	assert_string_equal(note.placed.message, "no");
	assert_int_equal(challenge_client_pending(c), 1);
	assert_int_equal(next_note(c), CHALLENGE_HIT);
	assert_int_equal(next_note(c), CHALLENGE_PLACED);
	assert_int_equal(note.placed.id, 3);
	assert_int_equal(challenge_client_pending(c), 0);
	assert_true(challenge_client_proc(c)->pid > 0);
	challenge_client_free(c);
	challenge_client_free(NULL);
}

/* What is not well formed stays here. */
static void
refuses(void **state)
{
	struct challenge_listen	 none;
	struct challenge_client	*c;
	struct challenge_tls	 t = { 0, "A.example", { NULL, 0 },
				    { NULL, 0 }, 60 };
	struct err		 e = ERR_INIT;

	(void)state;
	memset(&none, 0, sizeof(none));
	c = challenge_start(&none, 0);
	t.cert = SPAN_STR("cert");
	t.key = SPAN_STR("key");
	assert_int_equal(challenge_client_tls(c, &t, &e), 0);
	assert_int_equal(e.code, ERR_FORMAT);
	t.name = "a.example";
	t.key.n = 0;
	assert_int_equal(challenge_client_tls(c, &t, NULL), 0);
	assert_int_equal(challenge_client_pending(c), 0);
	t.key = SPAN_STR("key");
	assert_int_equal(challenge_client_tls(c, &t, NULL), 1);
	assert_int_equal(challenge_client_pending(c), 1);
	challenge_client_free(c);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(honest),
		cmocka_unit_test(lies),
		cmocka_unit_test(refuses),
	};

	if (argc > 1 && proc_role(argv[1]) != NULL)
		return liar();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
