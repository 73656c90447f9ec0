#include "tests/unit/acme/cm.h"

#include "acme/url.h"

static void
good(void **state)
{
	static const struct {
		const char	*text, *host, *path;
		unsigned	 port;
		int		 https;
	} t[] = {
		{ "https://example.com/acme/order/1", "example.com",
		    "/acme/order/1", 443, 1 },
		{ "https://EXAMPLE.com", "example.com", "", 443, 1 },
		{ "http://localhost:14000/dir?x=1&y=/%2f", "localhost",
		    "/dir?x=1&y=/%2f", 14000, 0 },
		{ "https://[2001:db8::1]:8443/a", "2001:db8::1", "/a", 8443,
		    1 },
		{ "https://192.0.2.1?q", "192.0.2.1", "?q", 443, 1 },
		{ "https://a_b.example:65535/@:;", "a_b.example", "/@:;",
		    65535, 1 },
	};
	struct url	u;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(url_read(t[i].text, &u, NULL), 0);
		assert_string_equal(u.host, t[i].host);
		assert_string_equal(u.path, t[i].path);
		assert_int_equal(u.port, t[i].port);
		assert_int_equal(u.https, t[i].https);
	}
}

static void
bad(void **state)
{
	static const char *const t[] = {
		"", "/acme", "//example.com/", "ftp://example.com/",
		"HTTPS://example.com/", "https:/example.com/",
		"https://", "https:///x", "https://:443/",
		"https://user@example.com/", "https://a:b@example.com/",
		"https://example.com@evil.example/",
		"https://example.com\\@evil.example/",
		"https://example.com#@evil.example/",
		"https://example.com/#x", "https://example.com/a b",
		"https://example.com/\n", "https://example.com/%",
		"https://example.com/%2", "https://example.com/%zz",
		"https://example.com/\"x", "https://example.com/<x>",
		"https://example.com/\xc3\xa9", "https://ex\xc3\xa4mple.com/",
		"https://example..com/", "https://.example.com/",
		"https://example.com./", "https://exa mple.com/",
		"https://example.com:/", "https://example.com:0/",
		"https://example.com:080/", "https://example.com:65536/",
		"https://example.com:4 43/", "https://example.com:-1/",
		"https://[::1/", "https://[::1]x/", "https://[g::1]/",
		"https://[]/", "https://::1/", "https://1.2.3/",
		"https://1.2.3.4.5/", "https://2130706433/",
		"https://256.1.1.1/", "https://*.example.com/",
	};
	struct url	u;
	struct err	e;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		if (url_read(t[i], &u, &e) != -1)
			fail_msg("\"%s\" was taken", t[i]);
		assert_int_equal(e.code, ERR_FORMAT);
	}
}

static void
limits(void **state)
{
	struct buf	b = BUF_INIT;
	struct url	u;
	struct err	e = ERR_INIT;
	size_t		i;

	(void)state;
	buf_str(&b, "https://example.com/");
	while (b.n < LIMIT_ACME_URL)
		buf_u8(&b, 'a');
	assert_int_equal(url_read(buf_text(&b), &u, &e), 0);
	buf_u8(&b, 'a');
	assert_int_equal(url_read(buf_text(&b), &u, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* 63 bytes of a label, 253 of a name */
	buf_reset(&b);
	buf_str(&b, "https://");
	for (i = 0; i < 253; i++)
		buf_u8(&b, i % 64 == 63 ? '.' : 'a');
	assert_int_equal(url_read(buf_text(&b), &u, NULL), 0);
	buf_u8(&b, 'a');
	assert_int_equal(url_read(buf_text(&b), &u, NULL), -1);
	buf_reset(&b);
	buf_fmt(&b, "https://%064d.example/", 0);
	assert_int_equal(url_read(buf_text(&b), &u, NULL), -1);
	buf_free(&b);
}

/* What a CA sends us to must be its own, or listed. */
static void
pinned(void **state)
{
	static const char *const	hosts[] = { "other.example" };
	struct url_pin			pin;
	struct err			e = ERR_INIT;

	(void)state;
	assert_int_equal(url_pin(&pin, "https://CA.example/dir", 0, &e), 0);
	assert_int_equal(url_check(&pin, "https://ca.example:1/x", "u", &e),
	    0);
	assert_int_equal(url_check(&pin, "http://ca.example/x", "newOrder",
	    &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	has(e.msg, "newOrder");
	err_clear(&e);
	assert_int_equal(url_check(&pin, "https://Other.example/x", "u", &e),
	    -1);
	assert_int_equal(e.code, ERR_PERM);
	has(e.msg, "other.example");
	has(e.msg, "list that host");
	pin.hosts = hosts;
	pin.nhosts = 1;
	assert_int_equal(url_check(&pin, "https://Other.example/x", "u",
	    NULL), 0);
	assert_int_equal(url_check(&pin, "https://an.other.example/x", "u",
	    NULL), -1);
	assert_int_equal(url_check(&pin, "https://ca.example.evil/x", "u",
	    NULL), -1);
	err_clear(&e);
	assert_int_equal(url_pin(&pin, "http://localhost/dir", 0, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	assert_int_equal(url_pin(&pin, "http://localhost/dir", 1, NULL), 0);
	assert_int_equal(url_check(&pin, "http://localhost:5/", "u", NULL),
	    0);
	assert_int_equal(url_check(&pin, "https://localhost/", "u", NULL),
	    0);
}

static void
alternates(void **state)
{
	/* RFC 8555 7.4.2, and what servers make of it */
	static const char	links[] =
	    "<https://ca.example/directory>;rel=\"index\"\n"
	    "<https://ca.example/cert/1>;rel=\"alternate\"\n"
	    "<https://ca.example/cert/2>; title=\"a;b\" ; REL=Alternate\n"
	    "<https://ca.example/cert/1>;rel=\"alternate\"\n"
	    "<https://evil.example/cert>;rel=\"alternate\"\n"
	    "<http://ca.example/cert>;rel=\"alternate\"\n"
	    "<https://ca.example/3>;rel=\"up alternate\", "
	    "<https://ca.example/4>;rel=up;rel=alternate,"
	    "<https://ca.example/5>;rel=\"alternate\"\n"
	    "nonsense <https://ca.example/6>;rel=\"alternate\"\n"
	    "<https://ca.example/7;rel=\"alternate\"\n"
	    "<https://ca.example/8>;rel=\"alternates\"\n"
	    "<https://ca.example/9>;rel=\"alternate\n";
	static const char *const	want[] = { "cert/1", "cert/2", "/3",
					    "/5", "/9" };
	struct url_pin	 pin;
	struct buf	 b = BUF_INIT;
	char		*out[LIMIT_ACME_ALTERNATES];
	size_t		 n, i;

	(void)state;
	assert_int_equal(url_pin(&pin, "https://ca.example/", 0, NULL), 0);
	n = url_alternates(&pin, links, out);
	assert_int_equal(n, 5);
	for (i = 0; i < n; i++) {
		has(out[i], want[i]);
		free(out[i]);
	}
	assert_int_equal(url_alternates(&pin, NULL, out), 0);
	assert_int_equal(url_alternates(&pin, "", out), 0);
	for (i = 0; i < LIMIT_ACME_ALTERNATES; i++)
		buf_fmt(&b, "<https://ca.example/%zu>;rel=alternate\n", i);
	for (; i < LIMIT_ACME_ALTERNATES + 2; i++) {
		n = url_alternates(&pin, buf_text(&b), out);
		assert_int_equal(n, LIMIT_ACME_ALTERNATES);
		while (n-- != 0)
			free(out[n]);
		buf_fmt(&b, "<https://ca.example/%zu>;rel=alternate\n", i);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
		cmocka_unit_test(limits),
		cmocka_unit_test(pinned),
		cmocka_unit_test(alternates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
