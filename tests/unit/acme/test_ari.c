#include "tests/unit/acme/acme_fixture.h"

#include "acme/ari.h"
#include "base/clk.h"
#include "base/limit.h"
#include "tests/unit/pki/made.h"

#define AKI	"\x69\x88\x5b\x6b\x87\x46\x40\x41\xe1\xb3\x7b\x84\x7b\xa0\xae" \
		"\x2c\xde\x01\xc8\xd4"

/* The identifier of a certificate with this serial number and extension. */
static int
id_of(long serial, const char *aki, size_t n, struct buf *out, struct err *e)
{
	struct made	m = made_cert((struct made_spec){ .cn = "a.example",
			    .serial = serial, .ext = { { "2.5.29.35", NULL,
			    { (const uint8_t *)aki, n }, 0 } } });
	int		r;

	r = ari_id(buf_bytes(&m.der), out, e);
	made_free(&m);
	return r;
}

/* RFC 9773, 4.1 and appendix A. */
static void
test_id(void **state)
{
	static const struct {
		long		 serial;
		const char	*want;
	} t[] = {
		{ 0x87654321, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" },
		{ 0x7f, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.fw" },
		{ 0x80, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIA" }
	};
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		assert_int_equal(id_of(t[i].serial, "\x30\x16\x80\x14" AKI,
		    24, &b, &e), 0);
		assert_string_equal(buf_text(&b), t[i].want);
	}
	/* with issuer and serial number behind the key identifier */
	buf_reset(&b);
	assert_int_equal(id_of(0x87654321, "\x30\x1b\x80\x14" AKI
	    "\xa1\x00\x82\x01\x05", 29, &b, &e), 0);
	assert_string_equal(buf_text(&b), t[0].want);
	buf_free(&b);
}

static void
test_no_id(void **state)
{
	static const struct {
		const char	*aki;
		size_t		 n;
	} t[] = {
		{ NULL, 0 }, { "\x30\x00", 2 }, { "\x30\x02\x80\x00", 4 },
		{ "\x30\x05\xa1\x00\x82\x01\x05", 7 }, { "\x04\x00", 2 },
		{ "\x30\x03\x80\x02x", 5 }
	};
	struct buf	b = BUF_INIT;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		assert_int_equal(id_of(5, t[i].aki, t[i].n, &b, &e), -1);
		assert_err(&e, ERR_FORMAT, "no authority key identifier");
		assert_int_equal(b.n, 0);
	}
	assert_int_equal(ari_id(SPAN_STR("0"), &b, NULL), -1);
	buf_free(&b);
}

static int64_t
us(const char *s)
{
	int64_t	t;

	assert_int_equal(clk_parse(s, &t), 0);
	return t;
}

static void
test_read(void **state)
{
	static const struct {
		const char	*start, *end;
		int64_t		 after;	/* of the start, in microseconds */
	} t[] = {
		{ "2026-01-02T04:00:00Z", "2026-01-03T04:00:00Z", 0 },
		{ "2026-01-02T04:00:00.25Z", "2026-01-03T04:00:00.5Z",
		    250000 },
		{ "2026-01-02T05:00:00+01:00", "2026-01-03T04:00:00-00:30",
		    0 }
	};
	char		s[400];
	struct ari	a;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(s, sizeof(s), "{\"suggestedWindow\":{\"start\":"
		    "\"%s\",\"end\":\"%s\"},\"explanationURL\":"
		    "\"https://ca.example/why?x=1\",\"more\":[1]}",
		    t[i].start, t[i].end);
		if (ari_read(SPAN_STR(s), &a, &e) == -1)
			fail_msg("%s", e.msg);
		assert_true(a.start == us("2026-01-02T04:00:00Z") +
		    t[i].after);
		assert_true(a.end > a.start);
		assert_string_equal(a.url, "https://ca.example/why?x=1");
		ari_free(&a);
	}
}

#define WINDOW(s, e)	"{\"suggestedWindow\":{\"start\":\"" s "\",\"end\":\"" \
			e "\"}}"
#define T1		"2026-01-02T04:00:00Z"
#define T2		"2026-01-03T04:00:00Z"

static void
test_refused(void **state)
{
	static const struct {
		const char	*s, *words;
	} t[] = {
		{ "", "no JSON" }, { "{", "no JSON" },
		{ WINDOW(T1, T2) "x", "no JSON" },
		{ "{\"suggestedWindow\":1,\"suggestedWindow\":2}", "no JSON" },
		{ "[]", "no suggestedWindow" }, { "{}", "no suggestedWindow" },
		{ "{\"suggestedWindow\":[]}", "no suggestedWindow" },
		{ "{\"suggestedWindow\":{\"start\":\"" T1 "\"}}",
		    "no suggestedWindow" },
		{ "{\"suggestedWindow\":{\"start\":1,\"end\":2}}",
		    "no suggestedWindow" },
		{ WINDOW(T2, T1), "not after its start" },
		{ WINDOW(T1, T1), "not after its start" },
		{ WINDOW("2026-01-02", T2), "no suggestedWindow" },
		{ WINDOW("2026-01-02 04:00:00Z", T2), "no suggestedWindow" },
		{ WINDOW(" 2026-1-02T04:00:00Z", T2), "no suggestedWindow" },
		{ WINDOW("2026-01-02T04:00:00", T2), "no suggestedWindow" },
		{ WINDOW("2026-01-02T04:00:00.Z", T2), "no suggestedWindow" },
		{ WINDOW("2026-01-02T04:00:00.1e300Z", T2),
		    "no suggestedWindow" },
		{ WINDOW("2026-01-02T04:00:00+1", T2), "no suggestedWindow" },
		{ WINDOW("2026-01-02T04:00:00+01:00x", T2),
		    "no suggestedWindow" },
		{ WINDOW("2026-13-02T04:00:00Z", T2), "no suggestedWindow" },
		{ WINDOW("2026-01-02T04:00:00Z\\u0000", T2), "no" },
		{ WINDOW("2026-01-02T04:00:00.000000000000000000000000000"
		    "000000000000000000000000000Z", T2), "no suggestedWindow" }
	};
	struct ari	a;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		if (ari_read(SPAN_STR(t[i].s), &a, &e) == 0)
			fail_msg("taken: %s", t[i].s);
		assert_err(&e, ERR_FORMAT, t[i].words);
		ari_free(&a);
	}
	assert_int_equal(ari_read((struct span){ NULL, 0 }, &a, NULL), -1);
	ari_free(&a);
}

/* A URL that cannot be shown is none; the window stands. */
static void
test_url(void **state)
{
	static const char *const	bad[] = { "", "javascript:alert(1)",
	    "ftp://a", "https://a b", "https://a\\u001b[2J", "https://\\u202e",
	    "https://a\\u0000b" };
	char		s[LIMIT_PTR_URL + 200], url[LIMIT_PTR_URL + 2];
	struct ari	a;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(s, sizeof(s), "{\"suggestedWindow\":{\"start\":"
		    "\"" T1 "\",\"end\":\"" T2 "\"},\"explanationURL\":\"%s\"}",
		    bad[i]);
		/* of a zero byte jansson will have nothing at all */
		assert_int_equal(ari_read(SPAN_STR(s), &a, NULL),
		    strstr(bad[i], "\\u0000") != NULL ? -1 : 0);
		assert_null(a.url);
		ari_free(&a);
	}
	for (i = 0; i < 2; i++) {
		memset(url, 'u', sizeof(url));
		memcpy(url, "http://", 7);
		url[LIMIT_PTR_URL + i] = '\0';
		(void)snprintf(s, sizeof(s), "{\"suggestedWindow\":{\"start\":"
		    "\"" T1 "\",\"end\":\"" T2 "\"},\"explanationURL\":\"%s\"}",
		    url);
		assert_int_equal(ari_read(SPAN_STR(s), &a, NULL), 0);
		assert_int_equal(a.url != NULL, i == 0);
		ari_free(&a);
	}
	assert_int_equal(ari_read(SPAN_STR(WINDOW(T1, T2)), &a, NULL), 0);
	assert_null(a.url);
	ari_free(&a);
}

static void
test_limit(void **state)
{
	static char	s[LIMIT_ARI + 1];
	struct ari	a;
	struct err	e = ERR_INIT;

	(void)state;
	memset(s, ' ', sizeof(s));
	memcpy(s, WINDOW(T1, T2), strlen(WINDOW(T1, T2)));
	assert_int_equal(ari_read((struct span){ (uint8_t *)s, LIMIT_ARI },
	    &a, NULL), 0);
	ari_free(&a);
	assert_int_equal(ari_read((struct span){ (uint8_t *)s,
	    LIMIT_ARI + 1 }, &a, &e), -1);
	assert_err(&e, ERR_LIMIT, "16385 bytes");
	ari_free(&a);
}

static void
test_pick(void **state)
{
	struct ari	a = { 1000, 1010, NULL };
	unsigned	seen = 0;
	uint64_t	r;
	int64_t		t;

	(void)state;
	for (r = 0; r < 10; r++) {
		t = ari_pick(&a, r);
		assert_true(t >= 1000 && t < 1010);
		seen |= 1u << (t - 1000);
	}
	assert_int_equal(seen, 0x3ff);	/* each of them */
	t = ari_pick(&a, UINT64_MAX);
	assert_true(t >= 1000 && t < 1010);
	a.end = 1001;
	assert_int_equal(ari_pick(&a, UINT64_MAX), 1000);
	a = (struct ari){ 1000, 1010, NULL };
	assert_int_equal(ari_past(&a, 999), 0);
	assert_int_equal(ari_past(&a, 1009), 0);
	assert_int_equal(ari_past(&a, 1010), 1);
	assert_int_equal(ari_past(&a, 2000), 1);
}

/* RFC 9773, 4.3.2. */
static void
test_wait(void **state)
{
	static const struct {
		const char	*s;
		int64_t		 want;
	} t[] = {
		{ NULL, 21600 }, { "", 21600 }, { "soon", 21600 },
		{ "-5", 21600 }, { "0", 60 }, { "59", 60 }, { "60", 60 },
		{ "61", 61 }, { "21599", 21599 }, { "86400", 86400 },
		{ "86401", 86400 }, { "99999999999999999999999", 86400 },
		{ "Sat, 03 Jan 2026 02:00:00 GMT", 7200 },
		{ "Sat, 03 Jan 2026 00:00:05 GMT", 60 },
		{ "Fri, 02 Jan 2026 00:00:00 GMT", 60 },
		{ "Sat, 03 Jan 2036 00:00:00 GMT", 86400 }
	};
	int64_t	now = us("2026-01-03T00:00:00Z");
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (ari_wait(t[i].s, now) != t[i].want)
			fail_msg("%s: %lld", t[i].s, (long long)
			    ari_wait(t[i].s, now));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_no_id),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_pick),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
