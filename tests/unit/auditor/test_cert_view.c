#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "auditor/db/cert_view.h"
#include "base/enc.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* Three certificates: a good one, a revoked one, one that has expired. */
static int
fill(void **state)
{
	(void)state;
	sql(audit_truncate);
	sql(audit_functions);
	sql("select cert('11', '0a', now() - interval '10 days', 90, "
	    "'{www.example.com,example.com}');"
	    "select cert('22', '0b', now() - interval '30 days', 60, "
	    "'{*.shop.example}');"
	    "select cert('33', '0c', now() - interval '99 days', 90, "
	    "'{old.example}');"
	    "insert into operator (name) values ('Op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values "
	    "(hash('99'), 1, 'Op log', 'rfc6962', 'u', 'u', '\\x30', 86400, "
	    "'usable', 'chrome', true);"
	    "insert into sct (tbs_sha256, log_id, timestamp_ms, raw, source, "
	    "status, inclusion, entry_index, checked_at) values (hash('11'), "
	    "hash('99'), 1763812800000, '', 'certificate', 'valid', 'proved', "
	    "7, '2025-11-23 12:00Z');"
	    "insert into chain_verdict values (hash('11'), 'system', 0, "
	    "'trusted', 'trusted', '', array[hash('11'), hash('cc')], "
	    "'2027-01-01', now()), (hash('11'), 'system', 1, 'untrusted', "
	    "'untrusted', 'another path', '{}', null, now());"
	    "insert into ct_verdict values (hash('11'), 'chrome', true, '', "
	    "now()), (hash('11'), 'apple', false, 'two logs of one operator', "
	    "now());"
	    "insert into revocation_source (kind, url, issuer_spki_sha256) "
	    "values ('crl', 'http://c/1.crl', hash('aa')), ('ocsp', "
	    "'http://o/', hash('aa'));"
	    "insert into revocation (issuer_spki_sha256, serial, status, "
	    "reason, stated_at, observed_at, why, disagree_since) values "
	    "(hash('aa'), '0b', 'revoked', 1, '2026-11-01 10:00Z', "
	    "'2026-11-01 12:00Z', 'the CRL lists it', '2026-11-01 13:00Z');"
	    "insert into revocation_status (issuer_spki_sha256, serial, "
	    "source_id, status, reason, stated_at, first_seen) values "
	    "(hash('aa'), '0b', 1, 'good', null, null, '2026-10-31'), "
	    "(hash('aa'), '0b', 1, 'revoked', 1, '2026-11-01 10:00Z', "
	    "'2026-11-01 12:00Z'), (hash('aa'), '0b', 2, 'good', null, null, "
	    "'2026-11-01');"
	    "insert into endpoint (host, port, origin, ok_at) values "
	    "('www.example.com', 443, 'cli', now()), ('2001:db8::1', 8443, "
	    "'cli', now());"
	    "insert into endpoint_observation (endpoint_id, addr, tbs_sha256, "
	    "first_seen, last_seen) values (1, '192.0.2.1', hash('22'), "
	    "now() - interval '9 days', now() - interval '2 days'), "
	    "(1, '192.0.2.1', hash('11'), now() - interval '1 day', now()), "
	    "(1, '192.0.2.2', hash('22'), now() - interval '9 days', "
	    "now() - interval '2 days'), "
	    "(2, '2001:db8::1', hash('11'), now(), now());"
	    "insert into finding (kind, subject, dedupe_key, severity) values "
	    "('certificate.revoked', encode(hash('aa'), 'hex') || ':0b', 'k', "
	    "'critical');"
	    "insert into finding_event (finding_id, event) values (1, "
	    "'opened');");
	return 0;
}

static void
found(void **state)
{
	static const struct { const char *text; int code; } t[] = {
		{ "1111111111111111111111111111111111111111111111111111111111"
		  "111111", 0 },
		{ "11111111", 0 }, { "1111111", ERR_USAGE },
		{ "1111111g", ERR_USAGE }, { "", ERR_USAGE },
		{ "44444444", ERR_NOENT },
		{ "11111111111111111111111111111111111111111111111111111111111"
		  "11100", 0 },
		{ "111111111111111111111111111111111111111111111111111111111111"
		  "11111", ERR_USAGE },
	};
	uint8_t		tbs[32], want[32];
	struct err	e;
	size_t		i;
	int		rc;

	(void)state;
	memset(want, 0x11, 32);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		rc = cert_view_find(db, t[i].text, tbs, &e);
		assert_int_equal(rc, t[i].code == 0 ? 0 : -1);
		assert_int_equal(e.code, t[i].code);
		if (rc == 0)
			assert_memory_equal(tbs, want, 32);
	}
	/* odd prefixes are fine; two that begin alike are not */
	sql("insert into served_certificate (sha256, tbs_sha256, der) values "
	    "(set_byte(hash('11'), 20, 5), hash('55'), '\\x30')");
	err_clear(&e);
	assert_int_equal(cert_view_find(db, "111111111", tbs, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(cert_view_find(db, "55555555", tbs, &e), 0);
	assert_int_equal(tbs[0], 0x55);
}

static json_t *
one(const char *hex)
{
	uint8_t		tbs[32];
	struct err	e = ERR_INIT;
	json_t		*o;

	assert_int_equal(cert_view_find(db, hex, tbs, &e), 0);
	o = cert_view_one(db, tbs, &e);
	if (o == NULL)
		fail_msg("%s", e.msg);
	return o;
}

static const char *
at(json_t *o, const char *list, size_t i, const char *key)
{
	return message_get(json_array_get(json_object_get(o, list), i), key);
}

static void
shown(void **state)
{
	json_t	*o = one("11111111"), *r;

	(void)state;
	assert_string_equal(message_get(o, "cert_sha256"), "11111111111111111"
	    "11111111111111111111111111111111111111111111100");
	assert_int_equal(json_array_size(json_object_get(o, "names")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "chain")), 1);
	assert_string_equal(at(o, "chain", 0, "verdict"), "trusted");
	assert_string_equal(at(o, "scts", 0, "status"), "valid");
	assert_string_equal(at(o, "scts", 0, "log"), "Op log");
	assert_true(json_is_true(json_object_get(json_object_get(
	    json_object_get(o, "ct_policy"), "chrome"), "compliant")));
	assert_true(json_is_false(json_object_get(json_object_get(
	    json_object_get(o, "ct_policy"), "apple"), "compliant")));
	assert_true(json_is_null(json_object_get(o, "revocation")));
	r = json_object_get(o, "served_at");
	assert_int_equal(json_array_size(r), 2);
	assert_string_equal(json_string_value(json_array_get(r, 0)),
	    "[2001:db8::1]:8443");
	assert_string_equal(json_string_value(json_array_get(r, 1)),
	    "www.example.com:443");
	json_decref(o);
	o = one("22222222");
	r = json_object_get(o, "revocation");
	assert_string_equal(message_get(r, "status"), "revoked");
	assert_string_equal(message_get(r, "reason"), "keyCompromise");
	assert_string_equal(message_get(r, "stated_at"),
	    "2026-11-01T10:00:00Z");
	/* the newest word of each source */
	assert_string_equal(at(r, "sources", 0, "status"), "revoked");
	assert_string_equal(at(r, "sources", 1, "status"), "good");
	assert_int_equal(json_array_size(json_object_get(r, "sources")), 2);
	/* nobody serves it any more: replaced, or its address is gone */
	assert_int_equal(json_array_size(json_object_get(o, "served_at")), 0);
	assert_string_equal(at(o, "findings", 0, "kind"),
	    "certificate.revoked");
	json_decref(o);
	/* served, and in no log */
	sql("insert into served_certificate (sha256, tbs_sha256, der) values "
	    "(hash('66'), hash('55'), '\\x30')");
	o = one("66666666");
	assert_string_equal(message_get(o, "tbs_sha256"), "5555555555555555555"
	    "555555555555555555555555555555555555555555555");
	assert_int_equal(json_array_size(json_object_get(o, "names")), 0);
	json_decref(o);
}

static void
count(void *arg, json_t *o)
{
	struct buf	*b = arg;

	buf_fmt(b, "%.2s ", message_get(o, "tbs_sha256"));
	json_decref(o);
}

static void
is_list(const struct cert_view_filter *f, const char *want)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;

	if (cert_view_list(db, f, count, &b, &e) == -1)
		fail_msg("%s", e.msg);
	assert_string_equal(buf_text(&b), want);
	buf_free(&b);
}

static void
listed(void **state)
{
	const struct { struct cert_view_filter f; const char *want; } t[] = {
		{ { .name = NULL }, "33 22 11 " },
		{ { .valid = 1 }, "22 11 " },
		{ { .limit = 2 }, "33 22 " },
		{ { .revoked = 1 }, "22 " },
		{ { .expiring = 86400 }, "" },
		{ { .expiring = 86400 * 31 }, "22 " },
		{ { .expiring = 86400 * 100 }, "22 11 " },
		{ { .name = "example.com" }, "11 " },
		{ { .name = ".example.com" }, "11 " },
		{ { .name = ".ample.com" }, "" },
		{ { .name = "www.shop.example" }, "22 " },
		{ { .name = "a.b.shop.example" }, "" },
		{ { .name = "." }, "33 22 11 " },
		{ { .owner = "web" }, "33 22 11 " },
		{ { .owner = "we" }, "" },
		{ { .issuer_owner = "digicert.com" }, "33 22 11 " },
		{ { .issuer_owner = "letsencrypt.org" }, "" },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_list(&t[i].f, t[i].want);
	/* more than one portion */
	sql("select cert(lpad(to_hex(n), 2, '0'), to_hex(n), now(), 1, '{}') "
	    "from generate_series(1, 9) n");
	sql("insert into served_certificate (sha256, tbs_sha256, der) select "
	    "sha256(n::text::bytea), sha256(n::text::bytea), '' from "
	    "generate_series(1, 1200) n");
	{
		struct cert_view_filter	f = { .valid = 1 };
		struct buf		b = BUF_INIT;
		struct err		e = ERR_INIT;

		assert_int_equal(cert_view_list(db, &f, count, &b, &e), 0);
		assert_int_equal(b.n, 3 * (1200 + 9 + 2));
		buf_free(&b);
	}
}

static void
told(void **state)
{
	uint8_t		tbs[32];
	struct db_res	*r = NULL;
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	int64_t		before = INT64_MIN;
	size_t		i;

	(void)state;
	memset(tbs, 0x22, 32);
	if (cert_view_history(db, tbs, &r, &e) == -1)
		fail_msg("%s", e.msg);
	for (i = 0; i < db_rows(r); i++) {
		assert_true(db_time(r, i, 0) >= before);
		before = db_time(r, i, 0);
		buf_fmt(&b, "%s: %s\n", db_text(r, i, 1), db_text(r, i, 2));
	}
	db_free(r);
	assert_non_null(strstr(buf_text(&b), "valid_from: "));
	assert_non_null(strstr(buf_text(&b), "decided: silent by rule 3: "
	    "imported\n"));
	assert_non_null(strstr(buf_text(&b), "revocation: CRL http://c/1.crl: "
	    "good\n"));
	assert_non_null(strstr(buf_text(&b), "revocation: CRL http://c/1.crl: "
	    "revoked, keyCompromise, stated 2026-11-01T10:00:00Z\n"));
	assert_non_null(strstr(buf_text(&b), "revoked: first seen revoked by "
	    "us: the CRL lists it\n"));
	assert_non_null(strstr(buf_text(&b), "disagreement: "));
	assert_non_null(strstr(buf_text(&b), "served: www.example.com:443 "
	    "(192.0.2.1)\n"));
	assert_non_null(strstr(buf_text(&b), "served_until: www.example.com:"
	    "443 (192.0.2.1)"));
	assert_non_null(strstr(buf_text(&b), "finding: opened: 1 "
	    "certificate.revoked, critical\n"));
	assert_non_null(strstr(buf_text(&b), "valid_until: "));
	buf_reset(&b);
	memset(tbs, 0x11, 32);
	r = NULL;
	assert_int_equal(cert_view_history(db, tbs, &r, &e), 0);
	for (i = 0; i < db_rows(r); i++)
		buf_fmt(&b, "%s: %s\n", db_text(r, i, 1), db_text(r, i, 2));
	db_free(r);
	assert_non_null(strstr(buf_text(&b), "sct: Op log promised to log it "
	    "(certificate, valid)\n"));
	assert_non_null(strstr(buf_text(&b), "inclusion: Op log: proved at "
	    "index 7\n"));
	assert_non_null(strstr(buf_text(&b), "ct_policy: apple: not compliant:"
	    " two logs of one operator\n"));
	assert_null(strstr(buf_text(&b), "served_until"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(found, fill),
		cmocka_unit_test_setup(shown, fill),
		cmocka_unit_test_setup(listed, fill),
		cmocka_unit_test_setup(told, fill),
	};

	return SQL_TESTS(tests);
}
