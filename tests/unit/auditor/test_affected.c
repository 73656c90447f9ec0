#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/message.h"
#include "auditor/db/affected.h"
#include "auditor/renew.h"
#include "base/clk.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

static int
fill(void **state)
{
	(void)state;
	sql(audit_truncate);
	sql(audit_functions);
	/* 11, 22, 33 were issued a month ago; 44 has expired */
	sql("select cert(repeat(n::text, 2), '0' || n, "
	    "now() - interval '30 days', case n when 4 then 3 else 90 end, array['n' || n || '.example', "
	    "'all.example']) from generate_series(1, 4) n;"
	    "insert into known (tbs_sha256, trust, origin, source, place, "
	    "author) values (hash('11'), 'issuance', 'import', 'team-b', "
	    "'/etc/letsencrypt/live/n1.example/fullchain.pem', 'me');");
	return 0;
}

static void
keep(void *arg, json_t *o)
{
	json_array_append_new(arg, o);
}

static json_t *
ask(struct affected_ask *q, const char *list)
{
	struct serials	s = { NULL, NULL, 0, 0, 0 };
	struct err	e = ERR_INIT;
	json_t		*a = json_array();

	if (list != NULL) {
		assert_int_equal(serials_read(&s, list, strlen(list), "f",
		    &e), 0);
		q->serials = &s;
	}
	if (affected_list(db, q, keep, a, &e) == -1)
		fail_msg("%s", e.msg);
	serials_free(&s);
	return a;
}

/* "11left 22replaced " and so on. */
static void
is_list(struct affected_ask *q, const char *list, const char *want)
{
	json_t		*a = ask(q, list), *o;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	json_array_foreach(a, i, o)
		buf_fmt(&b, "%.2s%s%.2s ", message_get(o, "tbs_sha256"),
		    json_is_true(json_object_get(o, "replaced")) ? "+" : "-",
		    message_get(o, "successor"));
	if (strcmp(buf_text(&b), want) != 0)
		fail_msg("%s: %s, not %s", list, buf_text(&b), want);
	buf_free(&b);
	json_decref(a);
}

static struct affected_ask
any(void)
{
	return (struct affected_ask){ .from = INT64_MIN, .to = INT64_MIN };
}

static void
which(void **state)
{
	struct affected_ask	q = any();
	uint8_t			key[32];
	int64_t			now = clk_wall();

	(void)state;
	is_list(&q, "01\n02\n77\n04\n01\n", "11- 22- ");
	is_list(&q, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaa:01\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "bbbbbbbbbbbb:02\n", "11- ");
	is_list(&q, "", "");
	memset(key, 0xaa, 32);
	q = any();
	q.issuer.p = key;
	q.issuer.n = 32;
	is_list(&q, NULL, "11- 22- 33- ");
	q.serials = NULL;
	q.from = now - 29 * 86400 * CLK_SEC;
	is_list(&q, NULL, "");
	q.from = now - 31 * 86400 * CLK_SEC;
	q.to = now - 29 * 86400 * CLK_SEC;
	is_list(&q, NULL, "11- 22- 33- ");
	q.to = now - 31 * 86400 * CLK_SEC;
	is_list(&q, NULL, "");
	key[0] = 0;
	q.to = q.from = INT64_MIN;
	is_list(&q, NULL, "");
}

static void
successors(void **state)
{
	struct affected_ask	q = any();

	(void)state;
	/* the same names, more names, fewer names */
	sql("select cert('51', '51', now(), 90, '{n1.example,all.example}'), "
	    "cert('52', '52', now(), 90, '{x.example,all.example,n2.example}'),"
	    " cert('53', '53', now(), 90, '{n3.example}')");
	is_list(&q, "01\n02\n03\n", "33- 11+51 22+52 ");
	/* what is affected itself, or revoked, or older, replaces nothing */
	is_list(&q, "01\n02\n03\n51\n", "11- 51- 33- 22+52 ");
	sql("insert into revocation (issuer_spki_sha256, serial, status) "
	    "values (hash('aa'), '51', 'revoked'), (hash('aa'), '52', "
	    "'good')");
	is_list(&q, "01\n02\n", "11- 22+52 ");
	sql("update issuance set not_before = now() - interval '60 days' "
	    "where serial = '52'");
	is_list(&q, "02\n", "22- ");
	sql("update issuance set not_before = now(), not_after = now() where "
	    "serial = '52'");
	is_list(&q, "02\n", "22- ");
	/* nobody declared it: only if one of our endpoints serves it */
	sql("select cert('61', '61', now(), 90, '{n1.example,all.example}')");
	sql("update issuance set decision = 'page' where serial = '61'");
	is_list(&q, "01\n", "11-61 ");
	sql("insert into endpoint (host, port, origin) values ('a', 443, "
	    "'cli'); insert into endpoint_observation (endpoint_id, addr, "
	    "tbs_sha256) values (1, '1', hash('61'))");
	is_list(&q, "01\n", "11+61 ");
	/* one that the policy denies never does */
	sql("update issuance set decision = 'deny' where serial = '61'");
	is_list(&q, "01\n", "11- ");
	/* a declared one before one that is not, though that is newer */
	sql("update issuance set decision = 'page' where serial = '61'");
	sql("select cert('62', '62', now() - interval '1 hour', 90, "
	    "'{n1.example,all.example}')");
	is_list(&q, "01\n", "11+62 ");
}

static void
columns(void **state)
{
	struct affected_ask	q = any();
	json_t			*a, *o;
	char			 by[CLK_TEXT];

	(void)state;
	sql("insert into endpoint (host, port, origin) values ('b', 443, "
	    "'cli'), ('a', 25, 'cli');"
	    "insert into endpoint_observation (endpoint_id, addr, tbs_sha256) "
	    "values (1, '1', hash('11')), (1, '2', hash('11')), (2, '1', "
	    "hash('11'));"
	    "insert into revocation (issuer_spki_sha256, serial, status, "
	    "reason, observed_at) values (hash('aa'), '01', 'revoked', 1, "
	    "'2026-11-01'), (hash('aa'), '02', 'revoked', 3, '2026-11-01');"
	    "insert into expectation (kind, issuer_spki_sha256, serial, "
	    "not_before_ms, not_after_ms, origin, author) values "
	    "('revocation', hash('aa'), '03', 0, 1800000000000, 'cli', 'me')");
	a = ask(&q, "01\n02\n03\n");
	o = json_array_get(a, 0);
	assert_string_equal(message_get(o, "place"),
	    "/etc/letsencrypt/live/n1.example/fullchain.pem");
	assert_string_equal(message_get(o, "source"), "team-b");
	assert_string_equal(message_get(o, "owner"), "web");
	assert_string_equal(message_get(o, "status"), "revoked");
	assert_string_equal(message_get(o, "reason"), "keyCompromise");
	assert_string_equal(message_get(o, "deadline"),
	    "2026-11-02T00:00:00Z");
	assert_int_equal(json_array_size(json_object_get(o, "served_at")), 2);
	assert_string_equal(json_string_value(json_array_get(
	    json_object_get(o, "served_at"), 0)), "a:25");
	o = json_array_get(a, 1);
	assert_string_equal(message_get(o, "deadline"),
	    "2026-11-06T00:00:00Z");
	assert_string_equal(message_get(o, "place"), "");
	o = json_array_get(a, 2);
	assert_string_equal(message_get(o, "deadline"),
	    clk_text(INT64_C(1800000000) * CLK_SEC, by));
	assert_true(json_is_null(json_object_get(o, "successor")));
	json_decref(a);
}

/* Many certificates with many sets of names that have one in common. */
static void
many(void **state)
{
	struct affected_ask	q = any();
	struct serials		s = { NULL, NULL, 0, 0, 0 };
	struct buf		b = BUF_INIT;
	struct err		e = ERR_INIT;
	json_t			*a;
	size_t			i;

	(void)state;
	sql("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, decision, facts) "
	    "select sha256((k || '.' || n)::bytea), hash('ab'), "
	    "lpad(to_hex(n + k * 100000), 6, '0'), hash('bb'), "
	    "array['all.example', 'h' || n || '.example'], "
	    "now() - make_interval(days => 10 * k), now() + interval '1 day', "
	    "'silent', '{}' from generate_series(0, 19999) n, "
	    "generate_series(1, 2) k;"
	    "insert into certificate_name select tbs_sha256, unnest(names) "
	    "from issuance where issuer_spki_sha256 = hash('ab');"
	    "analyze issuance; analyze certificate_name");
	for (i = 200000; i < 300000; i++)
		buf_fmt(&b, "%06zx\n", i);
	assert_int_equal(serials_read(&s, buf_text(&b), b.n, "f", &e), 0);
	assert_int_equal(s.n, 100000);
	q.serials = &s;
	a = json_array();
	if (affected_list(db, &q, keep, a, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(json_array_size(a), 20000);
	for (i = 0; i < 20000; i++)
		assert_true(json_is_true(json_object_get(json_array_get(a, i),
		    "replaced")));
	json_decref(a);
	serials_free(&s);
	buf_free(&b);
}

static void
renewing(void **state)
{
	static const char *const t[][2] = {
		{ "/etc/letsencrypt/live/www.example.com/fullchain.pem",
		  "certbot renew --force-renewal --cert-name www.example.com" },
		{ "/etc/letsencrypt/live/www.example.com-0001/cert.pem",
		  "certbot renew --force-renewal --cert-name "
		  "www.example.com-0001" },
		{ "/root/.acme.sh/a.example/a.example.cer",
		  "acme.sh --renew --force -d a.example" },
		{ "/root/.acme.sh/a.example_ecc/fullchain.cer",
		  "acme.sh --renew --force --ecc -d a.example" },
		{ "/root/.acme.sh/*.a.example_ecc/fullchain.cer",
		  "acme.sh --renew --force --ecc -d '*.a.example'" },
		{ "/srv/.lego/certificates/a.example.crt",
		  "lego --domains a.example renew --days 10000" },
		{ "/srv/.lego/certificates/_.a.example.crt",
		  "lego --domains '*.a.example' renew --days 10000" },
		{ "/srv/.lego/certificates/a.example.issuer.crt", "" },
		{ "/var/lib/dehydrated/certs/a.example/fullchain.pem",
		  "dehydrated --cron --force --domain a.example" },
		{ "/etc/ssl/certs/a.example.pem", "" }, { "", "" },
		{ "/", "" }, { "live", "" }, { "standard input", "" },
		{ "/etc/letsencrypt/live/a;reboot/cert.pem", "" },
		{ "/etc/letsencrypt/live/$(reboot)/cert.pem", "" },
		{ "/etc/letsencrypt/live/--help/cert.pem", "" },
		{ "/etc/letsencrypt/live/../cert.pem", "" },
		{ "/etc/letsencrypt/live/*.'x/cert.pem", "" },
		{ "/etc/letsencrypt/live//cert.pem", "" },
	};
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		renew_command(t[i][0], &b);
		if (strcmp(buf_text(&b), t[i][1]) != 0)
			fail_msg("%s: %s", t[i][0], buf_text(&b));
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renewing),
		cmocka_unit_test_setup(which, fill),
		cmocka_unit_test_setup(successors, fill),
		cmocka_unit_test_setup(columns, fill),
		cmocka_unit_test_setup(many, fill),
	};

	return SQL_TESTS(tests);
}
