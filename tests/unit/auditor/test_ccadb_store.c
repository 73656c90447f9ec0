/* Sources that only CCADB knows, in the database. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auditor/db/ccadb_store.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"
#include "tests/unit/ocsp/made_crl.h"

static EVP_PKEY	*key, *other;

/* A CA's certificate, stored; a certificate by it without CRLDP, if ${t}. */
static void
issuer(const char *name, EVP_PKEY *k, const char *t, uint8_t sha[32])
{
	struct buf	der = BUF_INIT;
	struct span	id = { sha, 32 }, spki, all;
	uint8_t		h[32];
	struct err	e = ERR_INIT;

	made_ca(name, k, NULL, &der);
	sha_256(sha, der.p, der.n);
	all = buf_bytes(&der);
	assert_int_equal(cert_key_hash(all, h, &e), 0);
	spki = (struct span){ h, 32 };
	assert_int_equal(db_query(db, NULL, &e, "insert into issuer (sha256, "
	    "spki_sha256, der) values ($1, $2, $3)", "bbb", &id, &spki, &all),
	    0);
	if (t != NULL) {
		assert_int_equal(db_query(db, NULL, &e, "select cert($1, $1, "
		    "now() - interval '1 day', 30, array['a.example'])", "s",
		    t), 0);
		assert_int_equal(db_query(db, NULL, &e, "update issuance set "
		    "issuer_spki_sha256 = $2 where tbs_sha256 = hash($1)",
		    "sb", t, &spki), 0);
		assert_int_equal(db_query(db, NULL, &e, "insert into "
		    "cert_fact (tbs_sha256, cert_sha256, form, issuer_sha256) "
		    "values (hash($1), hash($1), 'x509', $2)", "sb", t, &id),
		    0);
	}
	buf_free(&der);
}

static void
begin(void)
{
	sql("truncate issuer");
	sql(audit_truncate);
	sql(audit_functions);
}

/* One URL for each of these CAs, of those that are wanted. */
static size_t
store(const uint8_t (*cas)[32], const char *const *urls, size_t n)
{
	struct ccadb_list	l;
	struct db_res		*gone = NULL;
	struct err		e = ERR_INIT;
	size_t			i, k, lost;

	assert_int_equal(ccadb_store_wanted(db, &l, &e), 0);
	for (i = 0; i < l.n; i++)
		for (k = 0; k < n; k++) {
			if (memcmp(l.v[i].sha256, cas[k], 32) != 0)
				continue;
			l.v[i].crl = mem_array(1, sizeof(char *));
			l.v[i].crl[0] = mem_str(urls[k]);
			l.v[i].ncrl = 1;
		}
	assert_int_equal(ccadb_store(db, &l, &gone, &e), 0);
	lost = db_rows(gone);
	db_free(gone);
	ccadb_list_free(&l);
	return lost;
}

#define LISTED	"select string_agg(url, ' ' order by url) from " \
		"revocation_source where origin = 'ccadb' and kind = 'crl'"

/* Cross-signed certificates of one CA list its CRLs together. */
static void
test_same_name(void **state)
{
	static const char *const	urls[] = { "http://a/1", "http://a/2",
					    "http://b/1" };
	uint8_t				ca[3][32];
	int64_t				source;
	struct err			e = ERR_INIT;
	struct db_res			*r = NULL;
	uint8_t				k[32];

	(void)state;
	begin();
	issuer("A", key, "11", ca[0]);
	issuer("A", key, NULL, ca[1]);
	issuer("B", other, NULL, ca[2]);	/* signed nothing of ours */
	assert_int_equal(store((const uint8_t (*)[32])ca, urls, 3), 0);
	is(LISTED, "http://a/1 http://a/2");
	assert_int_equal(number("select count(*) from revocation_source s "
	    "join cert_fact f on f.issuer_sha256 = s.issuer_sha256"), 2);
	/* again, and one less */
	assert_int_equal(store((const uint8_t (*)[32])ca, urls, 3), 0);
	assert_int_equal(store((const uint8_t (*)[32])ca, urls, 1), 1);
	is(LISTED, "http://a/1");
	assert_int_equal(db_query(db, &r, &e, "select issuer_spki_sha256 from "
	    "issuance", ""), 0);
	memcpy(k, db_bytes(r, 0, 0).p, 32);
	db_free(r);
	assert_int_equal(ccadb_store_left(db, k, &source, &e), 0);
	assert_int_equal(source, number("select id from revocation_source "
	    "where url = 'http://a/1'"));
	/* none at all: it may do without, and what is revoked stays so */
	sql("insert into revocation (issuer_spki_sha256, serial, status) "
	    "select issuer_spki_sha256, serial, 'good' from issuance");
	sql("insert into revocation (issuer_spki_sha256, serial, status) "
	    "select issuer_spki_sha256, '99', 'revoked' from issuance");
	assert_int_equal(store((const uint8_t (*)[32])ca, urls, 0), 1);
	assert_int_equal(ccadb_store_left(db, k, &source, &e), 0);
	assert_int_equal(source, 0);
	is("select string_agg(status, ' ' order by serial) from revocation",
	    "not_applicable revoked");
}

/* A certificate that names a CRL needs none of them. */
static void
test_named(void **state)
{
	static const char *const	urls[] = { "http://a/1" };
	uint8_t				ca[1][32];

	(void)state;
	begin();
	issuer("A", key, "11", ca[0]);
	sql("update cert_fact set crl = array['http://c/1']");
	(void)store((const uint8_t (*)[32])ca, urls, 1);
	is(LISTED, "");
	sql("update cert_fact set crl = '{}', cert_sha256 = ''");
	(void)store((const uint8_t (*)[32])ca, urls, 1);
	is(LISTED, "");
	/* what a certificate named is CCADB's, too */
	sql("update cert_fact set cert_sha256 = hash('11')");
	sql("insert into revocation_source (kind, url, issuer_spki_sha256) "
	    "select 'crl', 'http://a/1', issuer_spki_sha256 from issuance");
	(void)store((const uint8_t (*)[32])ca, urls, 1);
	is(LISTED, "http://a/1");
	assert_int_equal(number("select count(*) from revocation_source"), 1);
	sql("update issuance set not_after = now() - interval '1 day'");
	(void)store((const uint8_t (*)[32])ca, urls, 1);
	is(LISTED, "");
}

/* The list of one name of a key says nothing of the other name. */
static void
test_two_names(void **state)
{
	static const char *const	urls[] = { "http://a/1", "http://b/1" };
	uint8_t				ca[2][32];

	(void)state;
	begin();
	issuer("A", key, "11", ca[0]);
	issuer("B", key, "22", ca[1]);
	(void)store((const uint8_t (*)[32])ca, urls, 1);
	is(LISTED, "ccadb:no-record http://a/1");
	(void)store((const uint8_t (*)[32])ca, urls, 2);
	is(LISTED, "http://a/1 http://b/1");
	(void)store((const uint8_t (*)[32])ca, urls, 0);
	is(LISTED, "");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_same_name),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_two_names),
	};
	int			rc;

	key = EVP_EC_gen("P-256");
	other = EVP_EC_gen("P-256");
	rc = SQL_TESTS(tests);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	return rc;
}
