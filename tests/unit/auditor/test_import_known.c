#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/known_import.h"
#include "auditor/conf.h"
#include "auditor/db/issuance.h"
#include "auditor/db/known.h"
#include "auditor/db/known_account.h"
#include "auditor/db/source.h"
#include "auditor/decide.h"
#include "auditor/import.h"
#include "base/enc.h"
#include "pki/owner.h"
#include "tests/unit/auditor/sql.h"

#include "tests/unit/auditor/import_fixture.h"

/* What was read of an ACME client becomes known, and decides. */

static struct conf	 conf;
static struct cmd_ctx	 ctx;

static int
clean(void **state)
{
	(void)state;
	empty_path(dir);
	sql("truncate issuance, certificate_name, known, known_account,"
	    " acme_account, expectation, source, finding, finding_event,"
	    " delivery, watch, entry_match restart identity cascade");
	return 0;
}

static void
import(const char *client, const char *host, const char *source,
    struct known_import *k)
{
	struct import		m;
	struct material_set	s;
	struct err		e = ERR_INIT;

	memset(k, 0, sizeof(*k));
	memset(&s, 0, sizeof(s));
	k->host = host;
	k->source = source;
	k->from = &m;
	if (import_read(&m, client, dir, &e) == -1 ||
	    known_from(k, &m, &s, &e) == -1 ||
	    known_import_all(&ctx, k, &s, &e) == -1)
		fail_msg("%s", e.msg);
	k->from = NULL;
	import_free(&m);
	material_free(&s);
}

/* An issuance is seen in a log: the rule that decides, and the finding. */
static void
seen(int key, const char *alt, long serial, const char *want)
{
	char			*number = mem_printf("%ld", serial);
	struct material_set	s;
	struct decide_match	match = { 1, serial, 1790000000000LL, 1,
				    ".example", "", "", "a.example", 0,
				    INT64_MIN, 0 };
	struct span		t, spki;
	struct err		e = ERR_INIT;
	unsigned char		*der = NULL;
	X509			*x = make_cert(key, alt, serial);
	int			n = i2d_X509(x, &der);

	memset(&s, 0, sizeof(s));
	if (material_parse(&s, der, (size_t)n, "t", &e) == -1)
		fail_msg("%s", e.msg);
	t = (struct span){ s.v[0].tbs, 32 };
	spki = (struct span){ s.v[0].spki, 32 };
	if (db_query(db, NULL, &e, "insert into issuance (tbs_sha256,"
	    " issuer_spki_sha256, serial, spki_sha256, key_type, names,"
	    " not_before, not_after, issued, issuer_owner) values ($1, 'i', $2,"
	    " $3, 'p256', array[$4], now(), now() + interval '1 day',"
	    " 'valid', 'Import CA')", "bsbs",
	    &t, number, &spki, s.v[0].names[0]) == -1 ||
	    db_begin(db, &e) == -1 ||
	    decide_issuance(db, &conf, &t, &match, 1, 1, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	is("select rule || ' ' || coalesce((select kind from finding f where"
	    " f.subject = encode(i.tbs_sha256, 'hex')), 'silent') from"
	    " issuance i order by first_seen desc, serial::int desc limit 1",
	    want);
	material_free(&s);
	free(number);
	OPENSSL_free(der);
	X509_free(x);
}

/* Say whose the CA is, as the CCADB's file does. */
static void
name_ca(void)
{
	struct err	 e = ERR_INIT;
	unsigned char	*der = NULL;
	uint8_t		 hash[32];
	char		 hex[65], *csv;
	int		 n = i2d_X509(ca, &der);

	sha_256(hash, der, (size_t)n);
	csv = mem_printf("\"CA Owner\",\"SHA-256 Fingerprint\"\n"
	    "\"Import CA\",\"%s\"\n", enc_hex_to(hex, hash, 32));
	if (owner_load_csv(csv, strlen(csv), &e) != 1)
		fail_msg("%s", e.msg);
	free(csv);
	OPENSSL_free(der);
}

static void
stores(void **state)
{
	struct known_import	k;

	(void)state;
	make_certbot();
	import("certbot", "web1", NULL, &k);
	assert_int_equal(k.certs, 2);
	assert_int_equal(k.csrs, 1);
	assert_int_equal(k.cas, 1);
	assert_int_equal(k.accounts, 1);
	assert_int_equal(k.accounts_known, 0);
	assert_int_equal(k.no_issuer, 0);
	assert_int_equal(k.renew_new, 1);
	is("select count(*) from known where client = 'certbot' and host ="
	    " 'web1' and lineage = 'a.example' and until is not null and"
	    " tbs_sha256 is not null and issuer_owner = 'Import CA'", "2");
	/* The order alone binds names only. */
	is("select names::text from known where until is null and tbs_sha256"
	    " is null and issuer_owner is null and lineage is null",
	    "{b.example}");
	is("select count(*) from known where place like 'web1:/%'", "3");
	is("select url || ' ' || client || ' ' || host || ' ' || place from"
	    " known_account", "https://ca.example/acct/1 certbot web1"
	    " accounts/ca.example/acme/dir/0123/regr.json");
	/* Private keys are nowhere. */
	is("select count(*) from known where place like '%privkey%'", "0");
	/* Again: no doubles; from another host: the account of that, too. */
	import("certbot", "web1", NULL, &k);
	assert_int_equal(k.already, 3);
	assert_int_equal(k.accounts_known, 1);
	import("certbot", "web2", NULL, &k);
	is("select count(*) from known", "3");
	is("select count(*) from known_account", "2");
	is("select action || (detail->>'client') || (detail->>'host') from"
	    " audit_trail order by id desc limit 1",
	    "known.importcertbotweb2");
}

/* The first day and a renewal are silent, anything else is not. */
static void
decides(void **state)
{
	struct known_import	k;

	(void)state;
	sql("insert into watch (pattern, origin) values ('.example', 'cli')");
	put_made("certs/a.example/cert-1.pem", 1, "DNS:a.example", 1, 0);
	put_ca("certs/a.example/chain-1.pem");
	put_key("certs/a.example/privkey.roll.pem", 2, NULL);
	seen(1, "DNS:a.example", 1, "8 certificate.unexpected");
	import("dehydrated", "web1", NULL, &k);
	assert_int_equal(k.next, 1);
	is("select i.rule::text || f.state from issuance i, finding f", "3resolved");
	assert_int_equal(k.silenced, 1);
	/* The same key again, and the key that waits for the renewal. */
	seen(1, "DNS:a.example", 2, "4 silent");
	seen(2, "DNS:a.example", 3, "4 silent");
	/* Another key for the name, that key for another name. */
	seen(3, "DNS:a.example", 4, "8 certificate.unexpected");
	seen(2, "DNS:b.example", 5, "1 key.misused");
}

/* What is a source's is within its bounds only. */
static void
sources(void **state)
{
	struct known_import	k;

	(void)state;
	sql("insert into source (name, names, issuers, origin) values"
	    " ('team', '{a.example}', '{Import CA}', 'cli')");
	make_certbot();
	import("certbot", "web1", "team", &k);
	assert_int_equal(k.certs, 2);
	assert_int_equal(k.outside, 1);
	is("select string_agg(distinct origin || source, ',') from known",
	    "sourceteam");
	is("select kind || ' ' || name from finding",
	    "source.out_of_scope b.example");
	is("select source from known_account", "team");
}

static int
may(const char *url, const char *name)
{
	struct err	e = ERR_INIT;
	int		is = known_account_is(db, url, name, &e);

	if (is == -1)
		fail_msg("%s", e.msg);
	return is;
}

static void
accounts(void **state)
{
	struct known_account	 a = { "https://ca.example/1", "lego", NULL,
				    NULL, NULL, "t" };
	struct err		 e = ERR_INIT;
	struct db_res		*r = NULL;

	(void)state;
	assert_int_equal(may(a.url, "a.example"), 0);
	assert_int_equal(known_account_add(db, &a, &e), 1);
	assert_int_equal(known_account_add(db, &a, &e), 0);
	assert_int_equal(may(a.url, "a.example"), 1);
	assert_int_equal(known_account_list(db, &r, &e), 0);
	assert_int_equal(db_rows(r), 1);
	assert_string_equal(db_text(r, 0, KNOWN_ACCOUNT_CLIENT), "lego");
	db_free(r);
	assert_int_equal(known_account_remove(db, a.url, &e), 1);
	assert_int_equal(may(a.url, "a.example"), 0);
	assert_int_equal(known_account_remove(db, a.url, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	/* A source's: where the source may order, as long as it may. */
	sql("insert into source (name, names, issuers, origin) values"
	    " ('team', '{.team.example}', '{x}', 'cli')");
	a.source = "team";
	assert_int_equal(known_account_add(db, &a, &e), 1);
	assert_int_equal(may(a.url, "w.team.example"), 1);
	assert_int_equal(may(a.url, "a.example"), 0);
	assert_int_equal(known_account_scopes(db, &r, &e), 0);
	assert_int_equal(db_rows(r), 1);
	assert_string_equal(db_text(r, 0, KNOWN_ACCOUNT_WHO), a.url);
	assert_int_equal(known_account_may(r, 0, "*.team.example"), 1);
	assert_int_equal(known_account_may(r, 0, "a.example"), 0);
	db_free(r);
	sql("update source set until = now() - interval '1 s'");
	assert_int_equal(may(a.url, "w.team.example"), 0);
	sql("delete from source");
	assert_int_equal(may(a.url, "w.team.example"), 0);
	assert_int_equal(known_account_remove(db, a.url, &e), 1);
	/* Our own, while it is valid. */
	sql("insert into acme_account (directory, url, key_id, thumbprint)"
	    " values ('d', 'https://ca.example/1', 'k', 't')");
	assert_int_equal(may(a.url, "a.example"), 1);
	sql("update acme_account set status = 'deactivated'");
	assert_int_equal(may(a.url, "a.example"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(stores, clean),
		cmocka_unit_test_setup(decides, clean),
		cmocka_unit_test_setup(sources, clean),
		cmocka_unit_test_setup(accounts, clean),
	};
	int	rc;

	fixture_begin();
	name_ca();
	memset(&conf, 0, sizeof(conf));
	ctx.conf = &conf;
	if ((db = testdb_open()) == NULL) {
		fixture_end();
		return 0;
	}
	ctx.db = db;
	rc = sql_end(cmocka_run_group_tests(tests, NULL, NULL));
	owner_reset();
	fixture_end();
	return rc;
}
