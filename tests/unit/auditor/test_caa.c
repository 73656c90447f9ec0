#include "tests/unit/ctlog/data.h"

#include "auditor/caa.h"
#include "auditor/caa_value.h"
#include "base/limit.h"

/* The RDATA of a record. */
static void
rdata(struct buf *b, uint8_t flags, const char *tag, const char *value)
{
	buf_reset(b);
	buf_u8(b, flags);
	buf_u8(b, (uint8_t)strlen(tag));
	buf_str(b, tag);
	buf_str(b, value);
}

static int
add(struct caa_set *s, uint8_t flags, const char *tag, const char *value)
{
	struct buf	b = BUF_INIT;
	uint8_t		*p;
	int		 r;

	rdata(&b, flags, tag, value);
	p = data_exact(buf_bytes(&b));
	r = caa_add(s, (struct span){ p, b.n }, NULL);
	free(p);
	buf_free(&b);
	return r;
}

/* A set from lines "flags tag value". */
static void
set(struct caa_set *s, const char *text)
{
	char		tag[64], value[2048];
	const char	*end;
	unsigned	flags;

	memset(s, 0, sizeof(*s));
	(void)snprintf(s->at, sizeof(s->at), "example.com");
	for (; *text != '\0'; text = end + (*end != '\0')) {
		end = strchr(text, '\n');
		if (end == NULL)
			end = text + strlen(text);
		value[0] = '\0';
		assert_true(sscanf(text, "%u %63s %2047[^\n]", &flags, tag,
		    value) >= 2);
		assert_int_equal(add(s, (uint8_t)flags, tag, value), 0);
	}
}

static void
records(void **state)
{
	struct buf	b = BUF_INIT;
	struct caa_set	s;
	char		*text, value[1100];
	struct err	e = ERR_INIT;

	(void)state;
	memset(&s, 0, sizeof(s));
	text = caa_text(&s);
	assert_string_equal(text, "");
	free(text);
	/* Sorted, in lower case, the same one once. */
	assert_int_equal(add(&s, 0, "issue", "ca2.example"), 0);
	assert_int_equal(add(&s, 128, "ISSUE", "ca1.example; a=\"b\\"), 0);
	assert_int_equal(add(&s, 0, "iodef", "mailto:a@example"), 0);
	assert_int_equal(add(&s, 0, "issue", "ca2.example"), 0);
	text = caa_text(&s);
	assert_string_equal(text, "0 iodef \"mailto:a@example\"\n"
	    "128 issue \"ca1.example; a=\\\"b\\\\\"\n"
	    "0 issue \"ca2.example\"\n");
	free(text);
	caa_free(&s);
	assert_null(s.v);
	/* Not printable: a terminal does not see it. */
	assert_int_equal(add(&s, 0, "issue", "a\033[2J\xc3\xa9\n"), 0);
	assert_string_equal(s.v[0].value, "a\\x1b[2J\\xc3\\xa9\\x0a");
	caa_free(&s);
	/* A tag of 15 fits, one of 16 is cut and marked. */
	assert_int_equal(add(&s, 0, "abcdefghijklmno", "v"), 0);
	assert_string_equal(s.v[0].tag, "abcdefghijklmno");
	caa_free(&s);
	assert_int_equal(add(&s, 0, "abcdefghijklmnop", "v"), 0);
	assert_string_equal(s.v[0].tag, "abcdefghijklmn~");
	caa_free(&s);
	/* A value of 1023 fits. */
	memset(value, 'a', sizeof(value));
	value[1023] = '\0';
	assert_int_equal(add(&s, 0, "issue", value), 0);
	assert_string_equal(s.v[0].tag, "issue");
	caa_free(&s);
	value[1023] = 'a';
	value[1024] = '\0';
	assert_int_equal(add(&s, 0, "issue", value), -1);
	assert_string_equal(s.v[0].tag, "");
	caa_free(&s);
	/* Malformed: kept, with tag "". */
	assert_int_equal(caa_add(&s, (struct span){ NULL, 0 }, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(s.n, 1);
	rdata(&b, 0, "issue", "");
	b.n--;
	assert_int_equal(caa_add(&s, buf_bytes(&b), NULL), -1);
	assert_int_equal(add(&s, 0, "", "x"), -1);
	assert_int_equal(add(&s, 0, "is-sue", "x"), -1);
	assert_int_equal(s.n, 4);
	assert_string_equal(s.v[3].tag, "");
	caa_free(&s);
	buf_free(&b);
}

static void
limit(void **state)
{
	struct caa_set	s;
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	char		value[32], why[256];
	unsigned	i;

	(void)state;
	memset(&s, 0, sizeof(s));
	for (i = 0; i < LIMIT_CAA; i++) {
		(void)snprintf(value, sizeof(value), "ca%u.example", i);
		assert_int_equal(add(&s, 0, "issue", value), 0);
	}
	assert_int_equal(s.n, LIMIT_CAA);
	assert_int_equal(caa_allows(&s, "ca3.example", 0, NULL, NULL, why,
	    sizeof(why)), 1);
	for (i = 0; i < 2; i++) {
		rdata(&b, 0, "issue", i == 0 ? "cax.example" : "cay.example");
		err_clear(&e);
		assert_int_equal(caa_add(&s, buf_bytes(&b), &e), -1);
		assert_int_equal(e.code, ERR_LIMIT);
		assert_int_equal(s.n, LIMIT_CAA + 1);
	}
	/* What was left out could have refused, or allowed. */
	assert_int_equal(caa_allows(&s, "ca3.example", 0, NULL, NULL, why,
	    sizeof(why)), -1);
	caa_free(&s);
	buf_free(&b);
}

static void
climb(void **state)
{
	const char	*name = "*.a.b.example";

	(void)state;
	name = caa_parent(name);
	assert_string_equal(name, "a.b.example");
	name = caa_parent(name);
	assert_string_equal(name, "b.example");
	name = caa_parent(name);
	assert_string_equal(name, "example");
	assert_null(caa_parent(name));
	assert_null(caa_parent("example."));
	assert_null(caa_parent(""));
	assert_string_equal(caa_parent("a.example."), "example.");
}

static const struct {
	const char	*set;
	const char	*issuer;
	int		 wildcard;
	const char	*account, *method;
	int		 want;
	const char	*why;
} cases[] = {
	{ "", "ca.example", 0, NULL, NULL, 1, "no CAA records" },
	{ "0 issue ca.example", "ca.example", 0, NULL, NULL, 1,
	  "0 issue \"ca.example\" at example.com allows it" },
	{ "0 issue CA.Example", "ca.example", 0, NULL, NULL, 1, "" },
	{ "0 issue ca.example", "other.example", 0, NULL, NULL, 0,
	  "is of another issuer" },
	{ "0 issue a.example\n0 issue b.example", "c.example", 0, NULL,
	  NULL, 0, "none of the 2 issue records" },
	{ "0 issue a.example\n0 issue b.example", "b.example", 0, NULL,
	  NULL, 1, "" },
	{ "0 issue ;", "ca.example", 0, NULL, NULL, 0, "allows nobody" },
	/* A CA goes by several names. */
	{ "0 issue comodoca.com", "sectigo.com", 0, NULL, NULL, 1, "" },
	{ "0 issue UserTrust.com", "sectigo.com", 0, NULL, NULL, 1, "" },
	{ "0 issue amazonaws.com", "amazon.com", 0, NULL, NULL, 1, "" },
	{ "0 issue comodoca.com", "digicert.com", 0, NULL, NULL, 0,
	  "is of another issuer" },
	{ "0 issue shop.digitalcertvalidation.com", "digicert.com", 0, NULL,
	  NULL, 1, "" },
	{ "0 issue xdigitalcertvalidation.com", "digicert.com", 0, NULL,
	  NULL, 0, "is of another issuer" },
	{ "0 issue sectigo.com", "comodoca.com", 0, NULL, NULL, 0,
	  "is of another issuer" },
	/* What CCADB calls an owner is no identifier. */
	{ "0 issue ca.example", "Some CA Ltd.", 0, NULL, NULL, -1,
	  "not known" },
	{ "0 issue ;", "Some CA Ltd.", 0, NULL, NULL, 0, "allows nobody" },
	{ "0 issue", "ca.example", 0, NULL, NULL, 0, "allows nobody" },
	{ "0 issue ;\n0 issue ca.example", "ca.example", 0, NULL, NULL, 1,
	  "" },
	/* Malformed is as if nobody were named. */
	{ "0 issue %%%%%", "ca.example", 0, NULL, NULL, 0, "malformed" },
	{ "0 issue ca.example a=b", "ca.example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue ca.example; a=b;", "ca.example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue ca.example; a", "ca.example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue ca.example; a b=c", "ca.example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue ca..example", "ca..example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue -ca.example", "-ca.example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue ca.example; a=\001", "ca.example", 0, NULL, NULL, 0,
	  "malformed" },
	{ "0 issue ca.example; a=\\x", "ca.example", 0, NULL, NULL, 1, "" },
	{ "0 issue ca.example; a-b = c ; d=", "ca.example", 0, NULL, NULL,
	  1, "" },
	{ "0 issue ca.example ;", "ca.example", 0, NULL, NULL, 1, "" },
	/* A wildcard asks issuewild, if there is one. */
	{ "0 issue ca.example", "ca.example", 1, NULL, NULL, 1, "" },
	{ "0 issue ca.example\n0 issuewild ;", "ca.example", 1, NULL, NULL,
	  0, "0 issuewild \";\"" },
	{ "0 issue ;\n0 issuewild ca.example", "ca.example", 1, NULL, NULL,
	  1, "issuewild" },
	{ "0 issue ;\n0 issuewild ca.example", "ca.example", 0, NULL, NULL,
	  0, "0 issue \";\"" },
	{ "0 issuewild ;", "ca.example", 0, NULL, NULL, 1,
	  "restrict no issuer" },
	/* Other tags. */
	{ "0 iodef mailto:x@example\n0 issuemail ;\n0 issuevmc ;",
	  "ca.example", 0, NULL, NULL, 1, "restrict no issuer" },
	{ "128 issuemail ;\n128 issuevmc ;\n128 iodef x", "ca.example", 0,
	  NULL, NULL, 1, "" },
	{ "0 tbs Unknown", "ca.example", 0, NULL, NULL, 1, "" },
	{ "128 tbs Unknown\n0 issue ca.example", "ca.example", 0, NULL,
	  NULL, 0, "128 tbs \"Unknown\" at example.com is critical" },
	{ "127 tbs Unknown\n0 issue ca.example", "ca.example", 0, NULL,
	  NULL, 1, "" },
	{ "128 issue ca.example", "ca.example", 0, NULL, NULL, 1, "" },
	/* Parameters decide when there is something to compare. */
	{ "0 issue ca.example; accounturi=https://a/1", "ca.example", 0,
	  NULL, NULL, 1, "accounturi=https://a/1" },
	{ "0 issue ca.example; accounturi=https://a/1", "ca.example", 0,
	  "https://a/1", NULL, 1, "" },
	{ "0 issue ca.example; AccountURI=https://a/1", "ca.example", 0,
	  "https://a/2", NULL, 0, "this account or method" },
	{ "0 issue ca.example; accounturi=https://a/1\n"
	  "0 issue ca.example; accounturi=https://a/2", "ca.example", 0,
	  "https://a/2", NULL, 1, "https://a/2" },
	{ "0 issue ca.example; accounturi=x; accounturi=x", "ca.example", 0,
	  NULL, NULL, 0, "" },
	{ "0 issue ca.example; validationmethods=dns-01,http-01",
	  "ca.example", 0, NULL, "http-01", 1, "" },
	{ "0 issue ca.example; validationmethods=dns-01,http-01",
	  "ca.example", 0, NULL, "http-0", 0, "" },
	{ "0 issue ca.example; validationmethods=", "ca.example", 0, NULL,
	  "dns-01", 0, "" },
	{ "0 issue ca.example; validationmethods=dns-01", "ca.example", 0,
	  NULL, NULL, 1, "" },
	/* An issuer that is not known. */
	{ "0 issue ca.example", NULL, 0, NULL, NULL, -1, "not known" },
	{ "0 issue ;", NULL, 0, NULL, NULL, 0, "allows nobody" },
	{ "", NULL, 0, NULL, NULL, 1, "" },
};

static void
allows(void **state)
{
	struct caa_set	s;
	char		why[1200];
	size_t		i;
	int		r;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set(&s, cases[i].set);
		r = caa_allows(&s, cases[i].issuer, cases[i].wildcard,
		    cases[i].account, cases[i].method, why, sizeof(why));
		if (r != cases[i].want || strstr(why, cases[i].why) == NULL)
			fail_msg("%zu \"%s\": %d %s", i, cases[i].set, r,
			    why);
		caa_free(&s);
	}
	/* A record that cannot be read could have refused. */
	set(&s, "0 issue ca.example");
	assert_int_equal(add(&s, 0, "", "x"), -1);
	assert_int_equal(caa_allows(&s, "ca.example", 0, NULL, NULL, why,
	    sizeof(why)), -1);
	assert_int_equal(caa_allows(&s, "b.example", 0, NULL, NULL, why,
	    sizeof(why)), 0);
	caa_free(&s);
	printf("%zu record sets\n", i);
}

static void
json(void **state)
{
	static const char *const	bad[] = { "{}", "[1]", "[{}]",
	    "[{\"flags\":256,\"tag\":\"issue\",\"value\":\"\"}]",
	    "[{\"flags\":-1,\"tag\":\"issue\",\"value\":\"\"}]",
	    "[{\"flags\":0,\"tag\":\"abcdefghijklmnop\",\"value\":\"\"}]",
	    "[{\"flags\":0,\"tag\":\"issue\",\"value\":\"\\n\"}]",
	    "[{\"flags\":0,\"tag\":\"issue\"}]",
	    "[{\"flags\":\"0\",\"tag\":\"issue\",\"value\":\"\"}]" };
	struct caa_set			a, b;
	json_t				*o;
	char				*x, *y;
	size_t				i;

	(void)state;
	set(&a, "0 issue ca.example; x=\\\n128 issuewild ;\n0 iodef \"");
	o = caa_json(&a);
	assert_int_equal(json_array_size(o), 3);
	assert_int_equal(caa_from_json(o, &b), 0);
	x = caa_text(&a);
	y = caa_text(&b);
	assert_string_equal(x, y);
	free(x);
	free(y);
	json_decref(o);
	caa_free(&a);
	caa_free(&b);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o = json_loads(bad[i], 0, NULL);
		assert_non_null(o);
		assert_int_equal(caa_from_json(o, &b), -1);
		assert_null(b.v);
		json_decref(o);
	}
	o = json_array();
	for (i = 0; i <= LIMIT_CAA + 1; i++)
		(void)json_array_append_new(o, json_pack("{s:i,s:s,s:s}",
		    "flags", (int)i, "tag", "a", "value", ""));
	assert_int_equal(caa_from_json(o, &b), -1);
	(void)json_array_remove(o, 0);
	assert_int_equal(caa_from_json(o, &b), 0);
	assert_int_equal(b.n, LIMIT_CAA + 1);
	caa_free(&b);
	json_decref(o);
}

#define NOEND INT64_MIN

static const struct {
	const char	*text;
	int		 want;
	const char	*issuer, *account;
	int		 wildcard;
	int64_t		 until;
} grants[] = {
	{ "ca.example; accounturi=https://a/1", 1, "ca.example",
	  "https://a/1", 0, NOEND },
	{ "CA.Example;ACCOUNTURI=https://a/1;policy=Wildcard", 1,
	  "ca.example", "https://a/1", 1, NOEND },
	{ "ca.example; policy=specific; accounturi=u; x=y; x=z", 1,
	  "ca.example", "u", 0, NOEND },
	{ "ca.example; accounturi=u; persistUntil=1767225600", 1,
	  "ca.example", "u", 0, 1767225600000000 },
	{ "ca.example; accounturi=u; persistUntil=-5", 1, "ca.example", "u",
	  0, -5000000 },
	{ "ca.example; accounturi=u; persistuntil=9223372036854775807", 1,
	  "ca.example", "u", 0, INT64_MAX },
	{ "ca.example; accounturi=u; persistuntil=9223372036854775808", -1,
	  "", "", 0, 0 },
	{ "ca.example; accounturi=u; persistuntil=", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=u; persistuntil=-", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=u; persistuntil=1x", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=", -1, "", "", 0, 0 },
	{ "ca.example; policy=wildcard", -1, "", "", 0, 0 },
	{ "ca.example;", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=u;", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=u; accounturi=u", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=u; policy=a; Policy=a", -1, "", "", 0, 0 },
	{ "ca.example accounturi=u", -1, "", "", 0, 0 },
	{ "; accounturi=u", -1, "", "", 0, 0 },
	{ "ca.example; accounturi=\033", -1, "", "", 0, 0 },
	{ "", 0, "", "", 0, 0 },
	{ "v=spf1 -all", 0, "", "", 0, 0 },
	{ "hello", 0, "", "", 0, 0 },
	{ "v=DMARC1; p=none", 0, "", "", 0, 0 },
	{ "\033[2J", 0, "", "", 0, 0 },
};

static void
grant(void **state)
{
	struct caa_grant	g;
	struct buf		b = BUF_INIT;
	size_t			i, k, n;
	int			r;

	(void)state;
	for (i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		/* As one string, and cut into two. */
		for (k = 0; k < 2; k++) {
			n = strlen(grants[i].text);
			buf_reset(&b);
			if (k == 1) {
				buf_u8(&b, (uint8_t)(n / 2));
				buf_add(&b, grants[i].text, n / 2);
			}
			buf_u8(&b, (uint8_t)(k == 1 ? n - n / 2 : n));
			buf_str(&b, grants[i].text + (k == 1 ? n / 2 : 0));
			r = caa_grant_read(buf_bytes(&b), &g);
			if (r != grants[i].want)
				fail_msg("%s: %d", grants[i].text, r);
			if (r != 1)
				continue;
			assert_string_equal(g.issuer, grants[i].issuer);
			assert_string_equal(g.account, grants[i].account);
			assert_int_equal(g.wildcard, grants[i].wildcard);
			assert_true(g.until == grants[i].until);
		}
	}
	/* Not even a TXT record. */
	assert_int_equal(caa_grant_read((struct span){ NULL, 0 }, &g), -1);
	b.n--;
	assert_int_equal(caa_grant_read(buf_bytes(&b), &g), -1);
	/* The longest account that has room, and one more. */
	for (n = 1023; n <= 1024; n++) {
		struct buf	t = BUF_INIT;

		buf_str(&t, "ca.example; accounturi=");
		memset(buf_room(&t, n), 'u', n);
		t.n += n;
		buf_reset(&b);
		for (i = 0; i < t.n; i += k) {
			k = t.n - i < 255 ? t.n - i : 255;
			buf_u8(&b, (uint8_t)k);
			buf_add(&b, t.p + i, k);
		}
		assert_int_equal(caa_grant_read(buf_bytes(&b), &g),
		    n == 1023 ? 1 : -1);
		buf_free(&t);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(limit),
		cmocka_unit_test(climb),
		cmocka_unit_test(allows),
		cmocka_unit_test(json),
		cmocka_unit_test(grant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
