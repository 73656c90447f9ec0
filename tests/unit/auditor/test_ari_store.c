#include "auditor/db/ari_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/ari_place.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* Which certificates CAs are asked about, and who is asked. */

#define PLANNED	"select coalesce(string_agg(left(subject, 2), ',' order by " \
	"subject), '') from work where kind = 'ari'"

static struct conf	conf;
static struct conf_ari	given[2];
/* Of hash('aa'). */
static char		key[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaa";
static char		owner[] = "digicert.com", none[] = "none";
static char		builtin_owner[] = "letsencrypt.org";
static char		here[] = "https://given.example/ari";

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	sql("truncate acme_account, managed_certificate, acme_order, "
	    "acme_received, ari, ari_directory restart identity cascade");
	memset(&conf, 0, sizeof(conf));
	given[0] = (struct conf_ari){ owner, here };
	conf.audit_ari = given;
	conf.naudit_ari = 1;
	return 0;
}

static void
plan(void)
{
	struct ari_places	p;
	struct err		e = ERR_INIT;

	ari_place(&conf, &p);
	if (ari_store_plan(db, &p, 3600, &e) == -1)
		fail_msg("%s", e.msg);
	ari_place_free(&p);
}

/* Who is asked about hash('11'): "" nobody. */
static void
asks(const char *want)
{
	struct ari_places	p;
	struct ari_ask		a;
	struct err		e = ERR_INIT;
	int			rc;

	ari_place(&conf, &p);
	rc = ari_store_ask(db, "11111111111111111111111111111111"
	    "11111111111111111111111111111111", &p, &a, &e);
	if (rc == -1)
		fail_msg("%s", e.msg);
	assert_string_equal(rc == 1 ? a.place : "", want);
	ari_ask_free(&a);
	ari_place_free(&p);
}

static void
one(void)
{
	sql("select cert('11', '01', now() - interval '9 days', 90, "
	    "'{a.example,b.example}')");
}

static void
planned(void **state)
{
	static const char *const	not[] = {
		"update issuance set not_after = now()",
		"update issuance set issued = 'invalid'",
		"update issuance set decision = null",
		"update issuance set facts = '{\"watches\": []}'",
		"update issuance set issuer_owner = 'sectigo.com'",
		"insert into revocation (issuer_spki_sha256, serial, status) "
		"values (hash('aa'), '01', 'revoked')",
		"insert into ari (tbs_sha256) values (hash('11'))",
		"insert into managed_certificate (name, names, origin, "
		"key_kind, directory, tbs_sha256) values ('a', '{a}', 'cli', "
		"'p256', 'd', hash('11'))",
	};
	size_t				i;

	(void)state;
	one();
	plan();
	plan();
	is(PLANNED, "11");
	is("select (due_at <= now())::text from work", "true");
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		(void)clear(state);
		one();
		sql(not[i]);
		plan();
		is(PLANNED, "");
		if (strstr(not[i], "into ari") == NULL)
			asks("");
	}
	/* what was there before is spread */
	(void)clear(state);
	one();
	sql("update issuance set decision = 'baseline'");
	plan();
	is("select (due_at between now() and now() + interval '1 hour')::text "
	    "from work", "true");
}

/* A newer one for the same names, that we know of. */
static void
replaced(void **state)
{
	(void)state;
	one();
	sql("select cert('12', '02', now() - interval '8 days', 90, "
	    "'{b.example,a.example}')");
	plan();
	is(PLANNED, "12");
	asks("");
	/* one that nobody declared replaces nothing */
	(void)clear(state);
	one();
	sql("select cert('12', '02', now() - interval '8 days', 90, "
	    "'{b.example,a.example}'); update issuance set decision = 'page' "
	    "where serial = '02'");
	plan();
	is(PLANNED, "11,12");
	/* nor does one for more names */
	(void)clear(state);
	one();
	sql("select cert('12', '02', now() - interval '8 days', 90, "
	    "'{b.example,a.example,c.example}')");
	plan();
	is(PLANNED, "11,12");
}

static void
places(void **state)
{
	(void)state;
	one();
	asks(here);
	/* by the CA's key, and the first that fits */
	given[1] = (struct conf_ari){ owner, here };
	given[0] = (struct conf_ari){ key, none };
	conf.naudit_ari = 2;
	asks("");
	conf.naudit_ari = 0;
	asks("");
	/* as the directory says, by its owner or by what it issued to us */
	sql("insert into ari_directory values ('d', 'digicert.com', "
	    "'https://d.example/ari')");
	asks("https://d.example/ari");
	sql("update ari_directory set issuer_owner = null");
	asks("");
	sql("insert into managed_certificate (name, names, origin, key_kind, "
	    "directory, issuer_spki_sha256) values ('a', '{a}', 'cli', "
	    "'p256', 'd', hash('aa'))");
	asks("https://d.example/ari");
	conf.naudit_ari = 1;
	given[0] = (struct conf_ari){ owner, here };
	asks(here);
	/* built in */
	sql("truncate ari_directory; update issuance set issuer_owner = "
	    "'letsencrypt.org'");
	asks("https://acme-v02.api.letsencrypt.org/acme/renewal-info");
	given[0] = (struct conf_ari){ builtin_owner, none };
	asks("");
}

static void
over(void **state)
{
	static const char *const	ends[][2] = {
		{ "update issuance set not_after = now()", "it has expired" },
		{ "insert into revocation (issuer_spki_sha256, serial, status)"
		  " values (hash('aa'), '01', 'revoked')", "it is revoked" },
		{ "select cert('12', '02', now() - interval '8 days', 90, "
		  "'{b.example,a.example}')", "it was replaced" },
	};
	struct db_res			*r = NULL;
	struct err			 e = ERR_INIT;
	size_t				 i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)clear(state);
		one();
		sql("insert into finding (kind, subject, owner, dedupe_key, "
		    "severity) values ('renewal.requested', encode(hash('11')"
		    ", 'hex'), 'web', 'k', 'high')");
		assert_int_equal(ari_store_over(db, &r, &e), 0);
		assert_int_equal(db_rows(r), 0);
		db_free(r);
		sql(ends[i][0]);
		assert_int_equal(ari_store_over(db, &r, &e), 0);
		assert_int_equal(db_rows(r), 1);
		assert_string_equal(db_text(r, 0, 1), ends[i][1]);
		db_free(r);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(planned, clear),
		cmocka_unit_test_setup(replaced, clear),
		cmocka_unit_test_setup(places, clear),
		cmocka_unit_test_setup(over, clear),
	};

	return SQL_TESTS(tests);
}
