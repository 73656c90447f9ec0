#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "auditor/db/endpoint_set.h"
#include "auditor/db/finding.h"
#include "base/limit.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

static int
clean(void **state)
{
	(void)state;
	sql(audit_truncate);
	return 0;
}

static size_t
add(const char *text, const char *owner)
{
	struct hostport	h;
	struct err	e = ERR_INIT;
	size_t		n = 0;

	if (hostport_read(text, NULL, &h, &e) == -1 ||
	    endpoint_set_add(db, &h, 1, owner, &n, &e) == -1)
		fail_msg("%s", e.msg);
	return n;
}

static int
del(const char *text, struct err *e)
{
	struct hostport	h;

	assert_int_equal(hostport_read(text, NULL, &h, e), 0);
	return endpoint_set_remove(db, &h, e);
}

static void
comes_and_goes(void **state)
{
	struct finding	f;
	struct err	e = ERR_INIT;
	json_t		*a, *o;

	(void)state;
	assert_int_equal(add("www.example.com", "web"), 1);
	assert_int_equal(add("WWW.example.com:443", "other"), 0);
	assert_int_equal(add("mail.example.com:25", ""), 1);
	is("select string_agg(kind || subject || (due_at <= now()), ',' order "
	    "by id) from work", "endpoint1true,endpoint3true");
	a = endpoint_set_list(db, 0, 10, &e);
	assert_int_equal(json_array_size(a), 2);
	o = json_array_get(a, 1);
	assert_string_equal(message_get(o, "starttls"), "smtp");
	assert_int_equal(json_integer_value(json_object_get(o, "port")), 25);
	assert_true(json_is_null(json_object_get(o, "checked_at")));
	assert_int_equal(json_array_size(json_object_get(o, "addresses")), 0);
	assert_string_equal(message_get(json_array_get(a, 0), "owner"), "web");
	json_decref(a);
	/* findings about it go with it */
	memset(&f, 0, sizeof(f));
	f.kind = "endpoint.mismatch";
	f.subject = "www.example.com:443";
	f.owner = "web";
	f.severity = "high";
	f.watch = f.name = f.reason = "";
	f.issuer_first_seen = INT64_MIN;
	assert_int_equal(finding_open(db, &f, NULL, NULL, &e), 0);
	f.subject = "mail.example.com:25/smtp";
	assert_int_equal(finding_open(db, &f, NULL, NULL, &e), 0);
	assert_int_equal(del("www.example.com:444", &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	assert_non_null(strstr(e.msg, "port 443 of that host is"));
	err_clear(&e);
	assert_int_equal(del("nowhere.example", &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	assert_int_equal(del("www.example.com", &e), 0);
	is("select string_agg(subject, ',') from work", "3");
	is("select string_agg(state, ' ' order by id) from finding",
	    "resolved open");
	assert_int_equal(del("www.example.com", &e), -1);
	err_clear(&e);
	assert_int_equal(del("mail.example.com:25", &e), 0);
	is("select string_agg(state, ' ' order by id) from finding",
	    "resolved resolved");
	/* what was removed can come again */
	assert_int_equal(add("www.example.com", "web"), 1);
	a = endpoint_set_list(db, 3, 10, NULL);
	assert_int_equal(json_array_size(a), 1);
	json_decref(a);
}

/* What each address serves now. */
static void
observed(void **state)
{
	struct err	e = ERR_INIT;
	json_t		*a, *o;

	(void)state;
	(void)add("www.example.com", "");
	sql("insert into endpoint_observation (endpoint_id, addr, cert_sha256,"
	    " tls_version, error) values (1, '192.0.2.2', '\\x01', 'TLSv1.2', "
	    "null), (1, '192.0.2.1', '\\x02', null, null), (1, '192.0.2.2', "
	    "null, null, 'refused')");
	a = endpoint_set_list(db, 0, 10, &e);
	o = json_object_get(json_array_get(a, 0), "addresses");
	assert_int_equal(json_array_size(o), 2);
	assert_string_equal(message_get(json_array_get(o, 0), "cert_sha256"),
	    "02");
	assert_string_equal(message_get(json_array_get(o, 1), "error"),
	    "refused");
	json_decref(a);
}

/* As many as there may be, and one more. */
static void
capped(void **state)
{
	struct hostport	h = { "one.example", 443, "" };
	struct err	e = ERR_INIT;
	size_t		n;
	char		text[200];

	(void)state;
	snprintf(text, sizeof(text), "insert into endpoint (host, port, "
	    "origin) select 'h' || n, 1, 'cli' from generate_series(1, %u) n",
	    LIMIT_ENDPOINTS - 1);
	sql(text);
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(endpoint_set_add(db, &h, 1, "", &n, &e), 0);
	assert_int_equal(n, 1);
	h.port++;
	assert_int_equal(endpoint_set_add(db, &h, 1, "", &n, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	db_rollback(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(comes_and_goes, clean),
		cmocka_unit_test_setup(observed, clean),
		cmocka_unit_test_setup(capped, clean),
	};

	return SQL_TESTS(tests);
}
