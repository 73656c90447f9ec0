#include <jansson.h>

#include "tests/unit/acme/cm.h"

#include "acme/account.h"
#include "tests/unit/acme/script.h"

/*
 * Each member of each answer of an order becomes something else, one at a
 * time: the order ends, in a bounded number of requests, all of which go to
 * the CA; it says why in one sentence; and what is to be placed or stored is
 * what a CA may send.
 */

#define N(a) (sizeof(a) / sizeof(a[0]))
#define KINDS 18

/* What number ${k} puts in the place of a value; ${key}: its name. */
static json_t *
other(unsigned k, const json_t *was)
{
	static const char *const texts[] = { "", ".", "../../x", "\x1b[2J",
	    "https://evil.example/x", "valid", "invalid", "pending" };
	struct buf	 b = BUF_INIT;
	json_t		*v;
	size_t		 i;

	switch (k) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_integer(-1);
	case 3:
		return json_integer(INT64_MAX);
	case 4:
		return json_real(1e308);
	case 5:
		return json_array();
	case 6:
		return json_object();
	case 7:
		for (i = 0; i < 5000; i++)
			buf_str(&b, "x");
		v = json_string(buf_text(&b));
		buf_free(&b);
		return v;
	case 8:		/* very often */
		v = json_array();
		for (i = 0; i < 500; i++)
			(void)json_array_append(v, (json_t *)(uintptr_t)was);
		return v;
	case 9:		/* in itself */
		v = json_deep_copy(was);
		for (i = 0; i < 100; i++)
			v = json_pack("[o]", v);
		return v;
	default:
		return json_string(texts[k - 10]);
	}
}

/* Change the value number *at below ${v}: 1 when it was there. */
static int
change(json_t *v, unsigned *at, unsigned kind)
{
	const char	*key;
	json_t		*m;
	size_t		 i;
	void		*tmp;

	if (json_is_array(v))
		for (i = 0; i < json_array_size(v); i++) {
			m = json_array_get(v, i);
			if ((*at)-- == 0)
				return json_array_set_new(v, i, other(kind,
				    m)) == 0;
			if (change(m, at, kind))
				return 1;
		}
	json_object_foreach_safe(v, tmp, key, m) {
		if ((*at)-- == 0)
			return json_object_set_new(v, key, other(kind, m)) ==
			    0;
		if (change(m, at, kind))
			return 1;
	}
	return 0;
}

/* The answer with one thing changed; NULL: there is no such thing. */
static char *
changed(const char *body, unsigned at, unsigned kind)
{
	json_t	*o = json_loads(body, 0, NULL);
	char	*out = NULL;

	assert_non_null(o);
	if (change(o, &at, kind))
		out = json_dumps(o, 0);
	json_decref(o);
	return out;
}

static void
look(struct flow *f)
{
	struct flow_place	 p;
	struct flow_resume	 how = { &pin, now, 0 };
	struct buf		 saved = BUF_INIT;
	struct flow		*g;
	struct err		 e = ERR_INIT;
	size_t			 i;

	for (i = 0; i < flow_places(f); i++) {
		flow_place(f, i, &p);
		if (p.state != FLOW_PLACE_WANTED)
			continue;
		assert_string_equal(p.ident.text, "a.example");
		assert_non_null(p.token);
		assert_in_range(strlen(p.token), 22, LIMIT_ACME_TOKEN);
		assert_int_equal(p.token[strspn(p.token, "ABCDEFGHIJKLMNOPQRST"
		    "UVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")], 0);
	}
	/* whatever it is, it can be stored, and read again */
	flow_save(f, &saved);
	assert_in_range(saved.n, 1, LIMIT_ACME_STATE);
	g = flow_load(buf_bytes(&saved), &how, &e);
	if (g == NULL)
		fail_msg("%s: %s", e.msg, buf_text(&saved));
	flow_free(g);
	buf_free(&saved);
}

/* What an honest CA answers; *turn is how far it is. */
static int
honest(const struct acme_ask *a, unsigned *turn, struct line *out)
{
	static const struct line	get[] = { L_READY, L_VALID };
	static const struct line	authz[] = { L_AUTHZ, L_PROVED };
	static const struct line	new = L_NEW, chall = L_CHALL,
	    final = L_FINAL, cert = L_CERT, close = L_CLOSE;

	switch (a->purpose) {
	case ACME_ORDER_NEW:
		*out = new;
		return 1;
	case ACME_ORDER_GET:
		*out = get[*turn >= 2];
		return 1;
	case ACME_AUTHZ_GET:
		*out = authz[*turn >= 1];
		return 1;
	case ACME_CHALLENGE:
		*turn = 1;
		*out = chall;
		return 1;
	case ACME_FINALIZE:
		*turn = 2;
		*out = final;
		return 1;
	case ACME_CERTIFICATE:
		*out = cert;
		return 1;
	case ACME_AUTHZ_CLOSE:
		*out = close;
		return 1;
	default:
		return 0;
	}
}

/* 1: there was something to change in answer ${bad}; else 0. */
static int
one(unsigned bad, unsigned at, unsigned kind, unsigned *ends)
{
	struct line	 l = L_END;
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	unsigned	 n, turn = 0;
	char		*body = NULL;
	int		 had = 0;

	script_want();
	f = script_flow();
	for (n = 0; script_ask(f, &id, &ask); n++) {
		if (n > 300)
			fail_msg("%u/%u/%u: no end", bad, at, kind);
		assert_int_equal(strncmp(ask.url, CA "/", strlen(CA) + 1), 0);
		if (!honest(&ask, &turn, &l))
			fail_msg("%u/%u/%u: asked %d", bad, at, kind,
			    ask.purpose);
		if (n == bad && l.body[0] == '{' && (body = changed(l.body,
		    at, kind)) != NULL) {
			had = 1;
			l.body = body;
		}
		script_answer(f, id, &l);
		look(f);
		free(body);
		body = NULL;
	}
	if (flow_events(f) == FLOW_DONE)
		ends[0]++;
	else {
		assert_int_equal(flow_events(f), FLOW_FAILED);
		assert_true(flow_why(f)[0] != '\0');
		assert_null(strpbrk(flow_why(f), "\x1b\n\r\t"));
		assert_in_range(strlen(flow_why(f)), 10, 3000);
		ends[1]++;
	}
	flow_free(f);
	return had;
}

static void
members(void **state)
{
	unsigned	bad, at, kind, ends[2] = { 0, 0 };

	(void)state;
	for (bad = 0; bad < 8; bad++)
		for (kind = 0; kind < KINDS; kind++)
			for (at = 0; one(bad, at, kind, ends); at++)
				;
	/* what is optional may be wrong, what counts may not */
	assert_true(ends[0] > 100);
	assert_true(ends[1] > 500);
}

/* The body as a whole. */
static void
bodies(void **state)
{
	struct buf	 huge = BUF_INIT, deep = BUF_INIT, many = BUF_INIT;
	struct buf	 long_array = BUF_INIT;
	const char	*t[16];
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	size_t		 i, n = 0;

	(void)state;
	buf_str(&huge, "{\"status\":\"pending\",\"x\":\"");
	while (huge.n < LIMIT_ACME_BODY)
		buf_u8(&huge, 'x');
	buf_str(&huge, "\"}");
	for (i = 0; i < 100000; i++)
		buf_str(&deep, i % 2 ? "[" : "{\"a\":");
	buf_str(&many, ORDER("pending", ""));
	many.n--;
	for (i = 0; i < 9000; i++)
		buf_fmt(&many, ",\"m%zu\":%zu", i, i);
	buf_str(&many, ",\"status\":\"valid\"}");
	buf_str(&long_array, "{\"status\":\"pending\",\"identifiers\":[");
	for (i = 0; i < 5000; i++)
		buf_str(&long_array, i != 0 ? ",{}" : "{}");
	buf_str(&long_array, "]}");
	t[n++] = buf_text(&huge);
	t[n++] = buf_text(&deep);
	t[n++] = buf_text(&many);
	t[n++] = buf_text(&long_array);
	/* the same member twice: which one is meant? */
	t[n++] = "{\"status\":\"pending\",\"status\":\"valid\"}";
	t[n++] = "{\"status\":\"pending\"} {}";
	t[n++] = "{\"status\":\"pending\"}x";
	t[n++] = "{\"status\":\"pending\",}";
	t[n++] = "{'status':'pending'}";
	t[n++] = "[{\"status\":\"pending\"}]";
	t[n++] = "<html>500</html>";
	t[n++] = "";
	t[n++] = "\xff\xfe{\x00";
	t[n++] = "{\"status\":\"\xc3\x28\"}";
	t[n++] = "{\"status\":\"\\ud800\"}";
	t[n++] = "{\"st\\u0000atus\":\"pending\"}";
	for (i = 0; i < n; i++) {
		const struct line	l = { ACME_ORDER_NEW, NULL, NULL, 201,
					    t[i], "/o/1", NULL, NULL };

		script_want();
		f = script_flow();
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &l);
		assert_int_equal(script_ask(f, &id, &ask), 0);
		assert_int_equal(flow_events(f), FLOW_FAILED);
		assert_in_range(strlen(flow_why(f)), 10, 400);
		flow_free(f);
	}
	buf_free(&huge);
	buf_free(&deep);
	buf_free(&many);
	buf_free(&long_array);
}

/* Directories and accounts, whose members are changed one by one. */
static void
others(void **state)
{
	static const char	dirs[] = "{\"newNonce\":\"" CA "/n\","
	    "\"newAccount\":\"" CA "/a\",\"newOrder\":\"" CA "/o\","
	    "\"renewalInfo\":\"" CA "/r\",\"meta\":{\"termsOfService\":\"x\","
	    "\"website\":\"y\",\"caaIdentities\":[\"ca.example\"],"
	    "\"externalAccountRequired\":false,\"profiles\":{\"a\":\"b\"}}}";
	static const char	acct[] = "{\"status\":\"valid\",\"contact\":["
	    "\"mailto:a@b\"],\"orders\":\"" CA "/l\","
	    "\"termsOfServiceAgreed\":true}";
	const struct account_ask how = { &pin, NULL, NOW };
	struct acme_reply	 r = { .status = 201, .location = CA "/a/1" };
	struct directory	 d;
	struct account		 a;
	struct problem		 p;
	struct err		 e;
	unsigned		 at, kind;
	char			*body;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		for (at = 0; (body = changed(dirs, at, kind)) != NULL; at++) {
			err_clear(&e);
			if (directory_read(&d, SPAN_STR(body), &pin, &e) ==
			    -1)
				assert_true(e.msg[0] != '\0');
			else
				assert_string_equal(d.new_order, CA "/o");
			directory_free(&d);
			free(body);
		}
		for (at = 0; (body = changed(acct, at, kind)) != NULL; at++) {
			err_clear(&e);
			memset(&p, 0, sizeof(p));
			r.body = SPAN_STR(body);
			if (account_read(&a, &r, &how, &p, &e) == -1)
				assert_true(e.msg[0] != '\0');
			else
				assert_string_equal(a.url, CA "/a/1");
			account_free(&a);
			problem_free(&p);
			free(body);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(bodies),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
