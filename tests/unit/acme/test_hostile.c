#include <jansson.h>

#include "tests/unit/acme/cm.h"

#include "acme/account.h"
#include "acme/chal.h"
#include "acme/nonce.h"
#include "acme/revoke.h"
#include "tests/unit/acme/script.h"

/*
 * A CA that is the enemy: what it may send, and that it gains nothing by it.
 * Tests are named after the advisory whose fault they would find
 * (acme.sh#4659, uacme#64, Lemur's GHSA-...), else after the trick.
 */

/* Where a CA must not send us; ${http} of the pin is off. */
static const char *const elsewhere[] = {
	/* downgrade, other hosts */
	"http://ca.example/x", "https://evil.example/x",
	"https://ca.example.evil.example/x", "https://evilca.example/x",
	"https://a.ca.example/x", "https://example/x",
	"https://169.254.169.254/latest/meta-data",
	"https://127.0.0.1/x", "https://localhost/x",
	/* who is the host here? */
	"https://ca.example@evil.example/x", "https://ca.example:443@evil.example/x",
	"https://user:pass@ca.example/x", "https://@ca.example/x",
	"https://evil.example#@ca.example/x", "https://ca.example#/x",
	"https://ca.example/x#frag", "https://evil.example?@ca.example/",
	"https://evil.example\\@ca.example/x", "https://ca.example\\.evil/x",
	"https://ca.example%2eevil.example/x", "https://ca.example%00.evil/",
	"https://ca.example./x", "https://ca.example:/x",
	"https://ca.example:0/x", "https://ca.example:65536/x",
	"https://ca.example:443:443/x", "https://ca.example:+443/x",
	/* addresses in disguise */
	"https://2130706433/x", "https://0x7f.0.0.1/x", "https://0177.0.0.1/",
	"https://127.1/x", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x",
	"https://[fe80::1%25eth0]/x", "https://[ca.example]/x",
	"https://[::1].ca.example/x", "https://[]/x", "https://[::1/x",
	/* other schemes, none, and what a shell or a header would make of it */
	"file:///etc/passwd", "gopher://ca.example/x", "HTTPS://ca.example/x",
	"javascript:alert(1)", "//ca.example/x", "/x", "x", "",
	"https:ca.example/x", "https:///ca.example/x", " https://ca.example/x",
	"https://ca.example/x y", "https://ca.example/x\r\nHost: evil",
	"https://ca.example/x\n", "https://ca.example/\tx",
	"https://ca.example/`id`", "https://ca.example/\"x\"",
	"https://ca.example/\x1b[2J", "https://ca.example/\xe2\x80\xae",
	"https://c\xd0\xb0.example/x",
};

#define N(a) (sizeof(a) / sizeof(a[0]))

/* A sentence for a terminal: printable, and of a length. */
static void
is_clean(const char *s, size_t max)
{
	const uint8_t	*p = (const uint8_t *)s;
	size_t		 i;

	for (i = 0; p[i] != '\0'; i++)
		/* C0, DEL, C1; zero width, bidi, line separators; BOM */
		if (p[i] < ' ' || p[i] == 0x7f ||
		    (p[i] == 0xc2 && p[i + 1] < 0xa0) ||
		    (p[i] == 0xe2 && p[i + 1] == 0x80 && (p[i + 2] >= 0xa8 ?
		    p[i + 2] <= 0xae : p[i + 2] >= 0x8b && p[i + 2] <= 0x8f))
		    || (p[i] == 0xe2 && p[i + 1] == 0x81 && p[i + 2] >= 0xa0
		    && p[i + 2] <= 0xaf) ||
		    (p[i] == 0xef && p[i + 1] == 0xbb && p[i + 2] == 0xbf))
			fail_msg("byte %02x in \"%s\"", p[i], s);
	assert_in_range(i, 1, max);
}

/* The text of a document with ${url} for "@". */
static char *
with(const char *text, const char *url)
{
	const char	*at = strchr(text, '@');
	json_t		*s = json_string_nocheck(url);
	char		*quoted = json_dumps(s, JSON_ENCODE_ANY);
	char		*out = mem_printf("%.*s%s%s", (int)(at - text), text,
			    quoted, at + 1);

	free(quoted);
	json_decref(s);
	return out;
}

/* One answer in which a URL leads elsewhere, behind ${n} good ones. */
static void
sent_away(const struct line *good, size_t n, const struct line *last,
    const char *url)
{
	struct line	 l[8];
	char		*body = with(last->body, url);

	assert_in_range(n, 0, 6);
	memcpy(l, good, n * sizeof(*l));
	l[n] = *last;
	l[n].body = body;
	l[n + 1] = (struct line)L_END;
	script_want();
	/* pending ones are deactivated, at the CA's own host */
	if (last->purpose == ACME_AUTHZ_GET || last->purpose ==
	    ACME_ORDER_GET) {
		struct flow	*f = script_flow();
		struct acme_ask	 ask;
		uint32_t	 id;
		size_t		 i;

		for (i = 0; i <= n; i++) {
			assert_int_equal(script_ask(f, &id, &ask), 1);
			script_answer(f, id, &l[i]);
		}
		while (script_ask(f, &id, &ask)) {
			assert_int_equal(ask.purpose, ACME_AUTHZ_CLOSE);
			assert_string_equal(ask.url, CA "/z/1");
			script_answer(f, id, &(const struct line)L_CLOSE);
		}
		assert_int_equal(flow_events(f), FLOW_FAILED);
		is_clean(flow_why(f), 2000);
		flow_free(f);
	} else
		script_fails(script_flow(), l, "cannot be used");
	free(body);
}

/*
 * Lemur GHSA-xpmj-wjcp-6pww, -v2wp-frmc-5q3v, -v5rc-cpwc-cfpr: URLs of the
 * directory and of orders were followed anywhere; then checked when an order
 * was made, but not when it was read again.
 */
static void
lemur_order_urls(void **state)
{
#define ID "\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
	static const struct line	good[] = { L_NEW, L_PROVED, L_READY,
	    L_FINAL };
	static const struct { size_t n; struct line l; } t[] = {
	    { 0, { ACME_ORDER_NEW, "/new-order", "a.example", 201, "{\"status\":"
	    "\"pending\"," ID "\"authorizations\":[@],\"finalize\":\"" CA
	    "/f/1\"}", "/o/1", NULL, NULL } },
	    { 0, { ACME_ORDER_NEW, "/new-order", "a.example", 201, "{\"status\":"
	    "\"pending\"," ID "\"authorizations\":[\"" CA "/z/1\"],"
	    "\"finalize\":@}", "/o/1", NULL, NULL } },
	    /* changed on the way: when it is read again */
	    { 2, { ACME_ORDER_GET, "/o/1", "", 200, "{\"status\":\"ready\"," ID
	    "\"authorizations\":[\"" CA "/z/1\"],\"finalize\":@}", NULL, NULL,
	    NULL } },
	    { 4, { ACME_ORDER_GET, "/o/1", "", 200, "{\"status\":\"valid\"," ID
	    "\"authorizations\":[\"" CA "/z/1\"],\"finalize\":\"" CA
	    "/f/1\",\"certificate\":@}", NULL, NULL, NULL } },
	    { 1, { ACME_AUTHZ_GET, "/z/1", "", 200, "{\"status\":\"pending\","
	    "\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"},"
	    "\"challenges\":[{\"type\":\"http-01\",\"status\":\"pending\","
	    "\"url\":@,\"token\":\"" TOKEN "\"}]}", NULL, NULL, NULL } },
	};
	size_t	i, k;

	(void)state;
	for (i = 0; i < N(t); i++)
		for (k = 0; k < N(elsewhere); k++)
			sent_away(good, t[i].n, &t[i].l, elsewhere[k]);
}

static void
lemur_directory_urls(void **state)
{
	static const char *const	keys[] = { "newNonce", "newAccount",
	    "newOrder", "newAuthz", "revokeCert", "keyChange", "renewalInfo" };
	struct directory	 d;
	struct err		 e;
	json_t			*o;
	char			*body;
	size_t			 i, k;

	(void)state;
	for (i = 0; i < N(keys); i++)
		for (k = 0; k < N(elsewhere); k++) {
			/* "" is as if it were not there */
			if (elsewhere[k][0] == '\0')
				continue;
			o = json_pack("{ss ss ss}", "newNonce", CA "/n",
			    "newAccount", CA "/a", "newOrder", CA "/o");
			json_object_set_new_nocheck(o, keys[i],
			    json_string_nocheck(elsewhere[k]));
			body = json_dumps(o, 0);
			json_decref(o);
			err_clear(&e);
			if (directory_read(&d, SPAN_STR(body), &pin, &e) == 0)
				fail_msg("%s: %s was taken", keys[i],
				    elsewhere[k]);
			is_clean(e.msg, 2000);
			directory_free(&d);
			free(body);
		}
}

/* Headers: where an order or an account is said to be; other chains. */
static void
lemur_locations(void **state)
{
	const struct account_ask	 how = { &pin, NULL, NOW };
	struct acme_reply		 r = { .status = 201 };
	struct account			 a;
	struct problem			 p;
	struct flow			*f;
	struct acme_ask			 ask;
	char				*out[LIMIT_ACME_ALTERNATES], *link;
	uint32_t			 id;
	size_t				 k;

	(void)state;
	for (k = 0; k < N(elsewhere); k++) {
		script_want();
		f = script_flow();
		assert_int_equal(script_ask(f, &id, &ask), 1);
		r.location = elsewhere[k];
		r.body = SPAN_STR(ORDER("pending", ""));
		flow_reply(f, id, &r, now);
		assert_int_equal(script_ask(f, &id, &ask), 0);
		assert_int_equal(flow_events(f), FLOW_FAILED);
		assert_null(flow_order(f));
		is_clean(flow_why(f), 2000);
		flow_free(f);
		r.body = SPAN_STR("{\"status\":\"valid\"}");
		memset(&p, 0, sizeof(p));
		assert_int_equal(account_read(&a, &r, &how, &p, NULL), -1);
		account_free(&a);
		problem_free(&p);
		link = mem_printf("<%s>;rel=\"alternate\"", elsewhere[k]);
		assert_int_equal(url_alternates(&pin, link, out), 0);
		free(link);
	}
}

/* What is listed may be asked, what is stored only as long as it is listed. */
static void
lemur_checked_at_use(void **state)
{
	static const char *const	hosts[] = { "other.example" };
	static const char		body[] = "{\"status\":\"pending\"," ID
	    "\"authorizations\":[\"https://other.example/z\"],\"finalize\":"
	    "\"https://other.example/f\"}";
	struct flow_resume	 how = { &pin, NOW, 0 };
	struct acme_reply	 r = { .status = 201,
				    .location = "https://other.example/o" };
	struct buf		 saved = BUF_INIT;
	struct acme_ask		 ask;
	struct err		 e = ERR_INIT;
	struct flow		*f;
	uint32_t		 id;

	(void)state;
	script_want();
	pin.hosts = hosts;
	pin.nhosts = 1;
	f = script_flow();
	assert_int_equal(script_ask(f, &id, &ask), 1);
	r.body = SPAN_STR(body);
	flow_reply(f, id, &r, now);
	assert_int_equal(script_ask(f, &id, &ask), 1);
	assert_string_equal(ask.url, "https://other.example/z");
	flow_save(f, &saved);
	flow_free(f);
	f = flow_load(buf_bytes(&saved), &how, &e);
	assert_non_null(f);
	flow_free(f);
	pin.nhosts = 0;
	assert_null(flow_load(buf_bytes(&saved), &how, &e));
	assert_int_equal(e.code, ERR_PERM);
	buf_free(&saved);
}

/* Lemur GHSA-pxmc-2ffp-8j67: revocation by a serial that others can forge. */
static void
lemur_revoked_by_serial(void **state)
{
	static const uint8_t	der[2][8] = { { 0x30, 6, 2, 1, 1, 2, 1, 1 },
				    { 0x30, 6, 2, 1, 1, 2, 1, 2 } };
	const struct revoke_allowed any = { NULL, 0 };
	char			*a, *b;

	(void)state;
	/* what is revoked is said by all of its bytes */
	a = revoke_new((struct span){ der[0], 8 }, REVOKE_SUPERSEDED,
	    REVOKE_BY_ISSUING, &any, NULL);
	b = revoke_new((struct span){ der[1], 8 }, REVOKE_SUPERSEDED,
	    REVOKE_BY_ISSUING, &any, NULL);
	assert_non_null(a);
	assert_non_null(b);
	assert_string_not_equal(a, b);
	assert_null(strstr(a, "serial"));
	has(a, "\"certificate\":\"MAYCAQECAQE\"");
	free(a);
	free(b);
}

/* An authorization with this token (JSON) must not be used. */
static void
token_refused(const char *token)
{
	static const struct line	good = L_NEW;
	struct line	 l[] = { good, { ACME_AUTHZ_GET, "/z/1", "", 200, NULL,
			    NULL, NULL, NULL }, L_END };
	char		*body;

	body = mem_printf("{\"status\":\"pending\",\"identifier\":{\"type\":"
	    "\"dns\",\"value\":\"a.example\"},\"challenges\":[{\"type\":"
	    "\"http-01\",\"status\":\"pending\",\"url\":\"" CA "/h\","
	    "\"token\":%s}]}", token);
	l[1].body = body;
	script_want();
	script_fails(script_flow(), l, "cannot be used");
	free(body);
}

/* uacme#64: a token that was used as a file's name. */
static void
uacme_2023_token_as_file(void **state)
{
	static const char *const	t[] = {
	    "\"../../../../../../etc/cron.d/x\"", "\"/etc/passwd-0123456789ab\"",
	    "\"..................................\"", "\"a/bcdefghijklmnopqrstuvw\"",
	    "\"..\\\\..\\\\..\\\\..\\\\windows-system32\"",
	    "\"abcdefghijklmnopqrst%2e%2e%2f\"", "\"abcdefghijklmnopqrstuvw.html\"",
	    "\"abcdefghijklmnopqrstuvwx\\u0000/../x\"", "\"\"", "\".\"",
	    "\"~root/abcdefghijklmnopqrstu\"", "\"-rf abcdefghijklmnopqrstuvw\"",
	    "\"abcdefghijklmnopqrstu\"", "\"abcdefghijklmnopqrstuvw=\"",
	    "\"abcdefghijklmnopqrstuv+/\"", "null", "1", "true", "[]", "{}",
	    "[\"abcdefghijklmnopqrstuvw\"]",
	};
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < N(t); i++)
		token_refused(t[i]);
	buf_str(&b, "\"");
	for (i = 0; i <= LIMIT_ACME_TOKEN; i++)
		buf_u8(&b, 'a');
	buf_str(&b, "\"");
	token_refused(buf_text(&b));
	buf_free(&b);
}

/* acme.sh#4659: HiCA put commands where data belongs. */
static void
acme_sh_2023_hica(void **state)
{
	static const char *const	t[] = {
	    "\"$(id>/tmp/x)abcdefghijklmnop\"", "\"`id`abcdefghijklmnopqrstuv\"",
	    "\"abcdefghijklmnopqrstuv;id\"", "\"abcdefghijklmnopqrstuv|sh\"",
	    "\"abcdefghijklmnopqrstuv&&id\"", "\"abcdefghijklmnopqrstuv\\nid\"",
	    "\"'abcdefghijklmnopqrstuv'\"", "\"abcdefghijklmnopqrstuv${IFS}id\"",
	    "\"%s%n%99999999dabcdefghijklmn\"",
	    "\"\\\"#\\\"\\\"abcdefghijklmnopqrstuv\"",
	};
	/* issuer-domain-names of dns-persist-01, accounturi: into a record */
	static const char *const	issuers[] = { "x; accounturi=evil",
	    "ca.example\"", "ca.example\\010", "ca.example\nevil", "$(id)",
	    "ca.example policy=wildcard", "", "*", "ca_example;" };
	static const char *const	accounts[] = { "https://ca.example/a;"
	    " policy=wildcard", "x\ny", "a b", "x\x1b[2J" };
	struct chal_persist	 p = { NULL, "https://ca.example/a/1", 0, 0 };
	struct buf		 b = BUF_INIT;
	size_t			 i;

	(void)state;
	for (i = 0; i < N(t); i++) {
		char	token[64];

		token_refused(t[i]);
		/* and by itself, without the quotes of JSON */
		(void)snprintf(token, sizeof(token), "%.*s",
		    (int)strlen(t[i]) - 2, t[i] + 1);
		assert_false(chal_token_ok(token));
		assert_int_equal(chal_key_authz(token, TOKEN, &b, NULL), -1);
	}
	for (i = 0; i < N(issuers); i++) {
		p.issuer = issuers[i];
		if (chal_persist_txt(&p, &b, NULL) == 0)
			fail_msg("issuer %s was taken", issuers[i]);
	}
	p.issuer = "ca.example";
	for (i = 0; i < N(accounts); i++) {
		p.account = accounts[i];
		if (chal_persist_txt(&p, &b, NULL) == 0)
			fail_msg("account %s was taken", accounts[i]);
	}
	buf_free(&b);
}

/* What it says goes to a terminal and to a log, as one clean sentence. */
static void
terminal(void **state)
{
	static const char *const	texts[] = { "\x1b[2J\x1b[H\x1b]0;x\x07",
	    "line\nline\r\nX: y\t\b", "\xe2\x80\xae" "abc", "\xc2\x9b" "31m",
	    "%s%s%n%5$n", "\"; rm -rf /; \"", "\xef\xbb\xbf\xe2\x81\xa6\xe2\x80\x8b",
	    "\xc2\x85\xe2\x80\xa8\xe2\x80\xa9", "\x7f\x01\x02", "" };
	json_t		*o, *subs;
	struct line	 l[] = { L_NEW, { ACME_AUTHZ_GET, "/z/1", "", 403,
			    NULL, NULL, NULL, NULL }, L_END };
	struct flow	*f;
	char		*body, *big = mem_zero(3001);
	size_t		 i, k;

	(void)state;
	memset(big, '\x1b', 3000);
	for (i = 0; i <= N(texts); i++) {
		const char	*s = i < N(texts) ? texts[i] : big;

		o = json_pack("{ss ss ss}", "type", U "userActionRequired",
		    "detail", s, "instance", s);
		subs = json_array();
		for (k = 0; k < 200; k++)
			json_array_append_new(subs, json_pack("{ss ss s{ss}}",
			    "type", k % 2 ? s : U "caa", "detail", s,
			    "identifier", "value", s));
		json_object_set_new(o, "subproblems", subs);
		body = json_dumps(o, 0);
		json_decref(o);
		l[1].body = body;
		script_want();
		f = script_flow();
		script_play(f, l);
		assert_int_equal(flow_events(f), FLOW_FAILED);
		is_clean(flow_why(f), 40000);
		flow_free(f);
		free(body);
	}
	free(big);
}

/* Replay-Nonce: what is none is not kept, and not sent back. */
static void
nonces(void **state)
{
	struct nonce	 p;
	char		 out[LIMIT_ACME_NONCE + 1], *big = mem_zero(100001);
	size_t		 i;
	static const char *const	t[] = { "", "a b", "abc\r\nX: y", "abc\n",
	    "abc=", "a/b", "a+b", "\xc3\xa9", "\"", "a,b", "a\x1b" };

	(void)state;
	memset(&p, 0, sizeof(p));
	memset(big, 'a', 100000);
	assert_int_equal(nonce_put(&p, big), -1);
	big[LIMIT_ACME_NONCE + 1] = '\0';
	assert_int_equal(nonce_put(&p, big), -1);
	for (i = 0; i < N(t); i++)
		assert_int_equal(nonce_put(&p, t[i]), -1);
	assert_int_equal(nonce_take(&p, out), -1);
	big[LIMIT_ACME_NONCE] = '\0';
	assert_int_equal(nonce_put(&p, big), 0);
	/* as many as make sense are kept, whatever is sent */
	for (i = 0; i < 10000; i++)
		assert_int_equal(nonce_put(&p, "abc"), 0);
	assert_in_range(p.n, 1, LIMIT_ACME_NONCES);
	free(big);
}

/* Retry-After: no time of the CA's is longer than ours. */
static void
retry_after(void **state)
{
	static const char *const	t[] = { "-1", "-99999999999999999999",
	    "99999999999999999999999999", "9223372036854775807",
	    "4294967296", "315360000", "Fri, 31 Dec 9999 23:59:59 GMT",
	    "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 00 Foo 0000 99:99:99 GMT",
	    "1e9", "0x7fffffff", " ", "60;60", "\x1b[2J", "" };
	struct line	 slow[] = { L_NEW, L_AUTHZ, L_CHALL, L_AUTHZ };
	struct line	 busy = { ACME_ORDER_NEW, "/new-order", "", 503, "",
			    NULL, NULL, NULL };
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	size_t		 i, k;

	(void)state;
	for (i = 0; i < N(t); i++) {
		script_want();
		f = script_flow();
		for (k = 0; k < N(slow); k++) {
			slow[k].retry = t[i];
			assert_int_equal(script_ask(f, &id, &ask), 1);
			script_answer(f, id, &slow[k]);
			assert_true(flow_when(f) <= want.deadline);
		}
		/* it was asked once more before time is over */
		assert_true(now < want.deadline);
		flow_free(f);
		script_want();
		f = script_flow();
		assert_int_equal(script_ask(f, &id, &ask), 1);
		busy.retry = t[i];
		script_answer(f, id, &busy);
		assert_true(flow_when(f) <= want.deadline ||
		    flow_when(f) == INT64_MAX);
		flow_free(f);
	}
}

/* Chains: alternates without end, in a ring; a chain without end. */
static void
chains(void **state)
{
	static const struct line	good[] = { L_NEW, L_PROVED, L_READY,
	    L_FINAL, L_VALID };
	struct line	 cert = L_CERT;
	struct buf	 b = BUF_INIT;
	struct acme_ask	 ask;
	struct flow	*f;
	uint32_t	 id;
	size_t		 i, n;

	(void)state;
	buf_str(&b, "<" CA "/c/1>;rel=\"alternate\"\n");
	for (i = 0; i < 10000; i++)
		buf_fmt(&b, "<" CA "/c/1/%zu>;rel=\"alternate\"\n", i);
	script_want();
	want.alternates = 1;
	f = script_flow();
	for (i = 0; i < N(good); i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &good[i]);
	}
	/* each of them leads to all of them */
	for (n = 0; script_ask(f, &id, &ask); n++) {
		assert_int_equal(ask.purpose, ACME_CERTIFICATE);
		assert_in_range(n, 0, LIMIT_ACME_ALTERNATES);
		cert.links = buf_text(&b);
		script_answer(f, id, &cert);
	}
	assert_int_equal(flow_events(f), FLOW_DONE);
	flow_free(f);
	buf_reset(&b);
	for (i = 0; i < 10000; i++)
		buf_str(&b, PEM);
	script_want();
	f = script_flow();
	for (i = 0; i < N(good); i++) {
		assert_int_equal(script_ask(f, &id, &ask), 1);
		script_answer(f, id, &good[i]);
	}
	cert.body = buf_text(&b);
	cert.links = NULL;
	assert_int_equal(script_ask(f, &id, &ask), 1);
	script_answer(f, id, &cert);
	assert_int_equal(script_ask(f, &id, &ask), 0);
	assert_int_equal(flow_events(f), FLOW_FAILED);
	has(flow_why(f), "no PEM");
	flow_free(f);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(lemur_order_urls),
		cmocka_unit_test(lemur_directory_urls),
		cmocka_unit_test(lemur_locations),
		cmocka_unit_test(lemur_checked_at_use),
		cmocka_unit_test(lemur_revoked_by_serial),
		cmocka_unit_test(uacme_2023_token_as_file),
		cmocka_unit_test(acme_sh_2023_hica),
		cmocka_unit_test(terminal),
		cmocka_unit_test(nonces),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(chains),
	};

	return cmocka_run_group_tests(tests, script_begin, script_end);
}
