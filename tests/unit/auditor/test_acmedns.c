/* acme-dns: accounts, requests, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/acmedns.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define CH	"_acme-challenge."
#define VALUE	"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
#define ACCOUNT	"{\"allowfrom\":[],\"fulldomain\":\"8e57-x.auth.example\"," \
	"\"password\":\"htB9mR9DYgcu9bX_afHF62\"," \
	"\"subdomain\":\"8e57-x\",\"username\":\"c36f-50e8\"}"

static struct err	e;

static int
read_text(const char *text, const char *ident, struct acmedns *a)
{
	err_clear(&e);
	return acmedns_read(SPAN_STR(text), ident, a, &e);
}

static void
accounts(void **state)
{
	static const struct {
		const char	*text;
		enum err_code	 code;
	} bad[] = {
		{ "", ERR_CONF },
		{ "[]", ERR_CONF },
		{ "{}", ERR_NOENT },
		{ "{\"example.com\":" ACCOUNT "}", ERR_NOENT },
		{ "{\"example.org\":1}", ERR_NOENT },
		{ "{\"username\":\"a\"}", ERR_CONF },
		{ "{\"username\":\"a\\r\\nX: y\",\"password\":\"b\","
		    "\"subdomain\":\"c\",\"fulldomain\":\"d\"}", ERR_CONF },
		{ "{\"username\":\"a\",\"password\":\"b\\\"\","
		    "\"subdomain\":\"c\",\"fulldomain\":\"d\"}", ERR_CONF },
		{ "{\"username\":\"a\",\"password\":\"\","
		    "\"subdomain\":\"c\",\"fulldomain\":\"d\"}", ERR_CONF },
		{ "{\"username\":\"a\",\"password\":\"b\","
		    "\"subdomain\":\"c.d\",\"fulldomain\":\"d\"}", ERR_CONF },
		{ "{\"username\":\"a\",\"username\":\"b\"}", ERR_CONF },
	};
	struct acmedns		a = ACMEDNS_INIT;
	size_t			i;

	(void)state;
	assert_int_equal(read_text(ACCOUNT, "example.org", &a), 0);
	assert_string_equal(a.user, "c36f-50e8");
	assert_string_equal(a.key, "htB9mR9DYgcu9bX_afHF62");
	assert_string_equal(a.subdomain, "8e57-x");
	assert_string_equal(a.fulldomain, "8e57-x.auth.example");
	acmedns_free(&a);
	assert_int_equal(read_text("{\"example.com\":{},\"Example.ORG\":"
	    ACCOUNT "}", "example.org", &a), 0);
	assert_string_equal(a.user, "c36f-50e8");
	acmedns_free(&a);
	acmedns_free(&a);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_text(bad[i].text, "example.org", &a),
		    -1);
		if (e.code != bad[i].code)
			print_message("%s: %s\n", bad[i].text, e.msg);
		assert_int_equal(e.code, bad[i].code);
		assert_null(a.user);
	}
}

static void
limits(void **state)
{
	struct acmedns	a = ACMEDNS_INIT;
	char		word[130], *text;
	uint8_t		*p = mem_zero(LIMIT_CONF_SECRET + 1);
	struct span	s = { p, LIMIT_CONF_SECRET };

	(void)state;
	memset(word, 'x', sizeof(word));
	word[128] = '\0';
	text = mem_printf("{\"username\":\"a\",\"password\":\"%s\","
	    "\"subdomain\":\"c\",\"fulldomain\":\"d\"}", word);
	assert_int_equal(read_text(text, "x", &a), 0);
	acmedns_free(&a);
	free(text);
	word[128] = 'x';
	word[129] = '\0';
	text = mem_printf("{\"username\":\"a\",\"password\":\"%s\","
	    "\"subdomain\":\"c\",\"fulldomain\":\"d\"}", word);
	assert_int_equal(read_text(text, "x", &a), -1);
	free(text);
	memset(p, ' ', LIMIT_CONF_SECRET + 1);
	memcpy(p, ACCOUNT, strlen(ACCOUNT));
	assert_int_equal(acmedns_read(s, "x", &a, NULL), 0);
	acmedns_free(&a);
	s.n++;
	err_clear(&e);
	assert_int_equal(acmedns_read(s, "x", &a, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	free(p);
}

static void
requests(void **state)
{
	struct message_req	req;
	struct acmedns		a = ACMEDNS_INIT;
	struct buf		url = BUF_INIT;

	(void)state;
	memset(&req, 0, sizeof(req));
	assert_int_equal(read_text(ACCOUNT, "x", &a), 0);
	assert_int_equal(acmedns_update(&a, "https://auth.example/sub/",
	    VALUE, &url, &req, NULL), 0);
	assert_string_equal(buf_text(&url), "https://auth.example/sub/update");
	assert_int_equal(req.nheaders, 3);
	assert_string_equal(req.headers[0], "Content-Type: application/json");
	assert_string_equal(req.headers[1], "X-Api-User: c36f-50e8");
	assert_string_equal(req.headers[2],
	    "X-Api-Key: htB9mR9DYgcu9bX_afHF62");
	assert_string_equal(buf_text(&req.body),
	    "{\"subdomain\":\"8e57-x\",\"txt\":\"" VALUE "\"}");
	message_req_free(&req);
	memset(&req, 0, sizeof(req));
	err_clear(&e);
	assert_int_equal(acmedns_update(&a, "auth.example", VALUE, &url, &req,
	    &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	err_clear(&e);
	assert_int_equal(acmedns_update(&a, "https://auth.example", VALUE "x",
	    &url, &req, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(acmedns_update(&a, "https://auth.example",
	    "\"oqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", &url, &req, NULL),
	    -1);
	assert_int_equal(req.nheaders, 0);
	message_req_free(&req);
	acmedns_free(&a);
	buf_free(&url);
}

static void
answers(void **state)
{
	static const struct {
		long		 status;
		const char	*body;
		enum err_code	 code;
		const char	*says;
	} v[] = {
		{ 200, "{\"txt\":\"" VALUE "\"}", ERR_NONE, "" },
		{ 200, "{\"txt\":\"other\"}", ERR_FORMAT, "another value" },
		{ 200, "{}", ERR_FORMAT, "another value" },
		{ 200, "", ERR_FORMAT, "no JSON object" },
		{ 200, "<html>", ERR_FORMAT, "no JSON object" },
		{ 401, "{\"error\":\"forbidden\"}", ERR_PERM,
		    "(401: forbidden): the password is wrong" },
		{ 401, "x", ERR_PERM, "(401)" },
		{ 400, "{\"error\":\"bad_txt\"}", ERR_FORMAT, "bad_txt" },
		{ 400, "{\"error\":\"\\u001b[31m\"}", ERR_FORMAT, "\\x1b" },
		{ 500, "{\"error\":\"db_error\"}", ERR_TEMP, "db_error" },
		{ 404, "", ERR_HTTP, "status 404" },
		{ 302, "{\"error\":1}", ERR_HTTP, "status 302" },
	};
	struct acmedns	a = ACMEDNS_INIT;
	size_t		i;

	(void)state;
	assert_int_equal(read_text(ACCOUNT, "x", &a), 0);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		err_clear(&e);
		assert_int_equal(acmedns_said(&a, v[i].status,
		    SPAN_STR(v[i].body), VALUE, &e), v[i].code == ERR_NONE ?
		    0 : -1);
		assert_int_equal(e.code, v[i].code);
		if (strstr(e.msg, v[i].says) == NULL)
			print_message("%s\n", e.msg);
		assert_non_null(strstr(e.msg, v[i].says));
		assert_null(strstr(e.msg, a.key));
	}
	acmedns_free(&a);
}

static void
places(void **state)
{
	struct acmedns	a = ACMEDNS_INIT;

	(void)state;
	assert_int_equal(read_text(ACCOUNT, "x", &a), 0);
	assert_int_equal(acmedns_place(&a, CH "example.org",
	    "8e57-X.auth.example", NULL), 0);
	err_clear(&e);
	assert_int_equal(acmedns_place(&a, CH "example.org",
	    "_acme-challenge.example.org", &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "_acme-challenge.example.org. CNAME "
	    "8e57-x.auth.example."));
	acmedns_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(accounts),
		cmocka_unit_test(limits),
		cmocka_unit_test(requests),
		cmocka_unit_test(answers),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
