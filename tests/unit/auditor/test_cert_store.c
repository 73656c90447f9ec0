#include "auditor/db/cert_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/cert_fixture.h"

/* What judges said about certificates, as rows. */

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	sql("truncate issuer; insert into operator (name) values ('Op');"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) values "
	    "(hash('01'), 1, 'one', 'rfc6962', 'u', 'u', '\\x02', 3600, "
	    "'usable', 'chrome', false)");
	return 0;
}

static void
store(const struct judge_cert *k)
{
	struct cert_in	in = { k->tbs_sha256, k };
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1 || cert_store_said(db, &in, 1, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

/* --- what is due ------------------------------------------------------------- */

/* Serials that are due for issuer key aa.., batch after batch of ${max}. */
static char *
due(int64_t before, size_t max)
{
	struct cert_ask	 q = { NULL, before, "", NULL, max };
	uint8_t		 key[32], tbs[32];
	char		*last = NULL;
	struct buf	 b = BUF_INIT;
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	size_t		 i, n;

	memset(key, 0xaa, sizeof(key));
	q.spki = key;
	do {
		if (cert_store_due(db, &q, &r, &e) == -1)
			fail_msg("%s", e.msg);
		n = db_rows(r);
		for (i = 0; i < n; i++)
			buf_fmt(&b, "%s%s", b.n != 0 ? " " : "",
			    db_text(r, i, CERT_DUE_SERIAL));
		if (n != 0) {
			free(last);
			last = mem_str(db_text(r, n - 1, CERT_DUE_SERIAL));
			memcpy(tbs, db_bytes(r, n - 1, CERT_DUE_TBS).p, 32);
			q.serial = last;
			q.tbs = tbs;
		}
		db_free(r);
	} while (n != 0);
	free(last);
	buf_u8(&b, 0);
	return (char *)buf_detach(&b, &n);
}

static void
is_due(const char *want)
{
	size_t	max;
	char	*have;

	for (max = 1; max < 4; max++) {
		have = due(clk_wall() - 86400 * CLK_SEC, max);
		assert_string_equal(have, want);
		free(have);
	}
}

static void
which_are_due(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	is_due("");
	sql("select cert('11', '03', now(), 90, '{a}');"
	    "select cert('12', '01', now(), 90, '{a}');"
	    "select cert('13', '02', now(), 90, '{a}');"
	    /* twins have one serial */
	    "select cert('14', '02', now(), 90, '{a}');"
	    "select cert('15', '04', now(), 90, '{a}');"
	    "select cert('16', '05', now() - interval '91 days', 90, '{a}');"
	    "select cert('17', '06', now(), 90, '{a}');"
	    "select cert('18', '07', now(), 90, '{a}');"
	    "update issuance set issuer_spki_sha256 = hash('ab') where serial "
	    "= '04';"
	    "update issuance set issued = 'invalid' where serial = '06';"
	    "delete from certificate where tbs_sha256 = hash('18')");
	is_due("01 02 02 03");
	store(&k);
	is_due("01 02 02");
	sql("update cert_fact set judged_at = now() - interval '25 hours'");
	is_due("01 02 02 03");
}

/* The certificate is read before the precertificate, and each of them once. */
static void
which_form(void **state)
{
	struct cert_ask		 q;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	struct judge_cert	 k = said_cert(0x11);
	uint8_t			 key[32];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	q = (struct cert_ask){ key, 0, "", NULL, 10 };
	sql("select cert('11', '01', now(), 90, '{a}');"
	    "delete from certificate where form = 'x509'");
	assert_int_equal(cert_store_due(db, &q, &r, &e), 0);
	assert_string_equal(db_text(r, 0, CERT_DUE_FORM), "precert");
	assert_true(db_bytes(r, 0, CERT_DUE_DER).n == 1);
	db_free(r);
	k.is_precert = 1;
	k.cert_sha256[31] = 1;
	store(&k);
	is_due("");
	/* now the certificate comes */
	sql("insert into certificate (sha256, not_after, tbs_sha256, form, "
	    "der, chain) values (hash('11'), now() + interval '1 day', "
	    "hash('11'), 'x509', '\\x3000', array[hash('ca')])");
	assert_int_equal(cert_store_due(db, &q, &r, &e), 0);
	assert_string_equal(db_text(r, 0, CERT_DUE_FORM), "x509");
	assert_int_equal(db_bytes(r, 0, CERT_DUE_DER).n, 2);
	db_free(r);
	/* which has the poison, whatever the log calls it */
	k.cert_sha256[31] = 0x11;
	store(&k);
	is_due("");
}

static void
refused(void **state)
{
	uint8_t		tbs[32];
	struct err	e = ERR_INIT;

	(void)state;
	memset(tbs, 0x11, sizeof(tbs));
	sql("select cert('11', '01', now(), 90, '{a}')");
	assert_int_equal(cert_store_refused(db, tbs, "x509", &e), 0);
	assert_int_equal(cert_store_refused(db, tbs, "x509", &e), 0);
	is_due("");
	is("select form || length(cert_sha256) || crl::text from cert_fact",
	    "x5090{}");
}

static void
many_due(void **state)
{
	size_t	n = 0, i;
	char	*all;

	(void)state;
	sql("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued) select "
	    "sha256(i::text::bytea), hash('aa'), to_hex(i / 2), hash('bb'), "
	    "'{a}', now(), now() + interval '1 day', 'valid' from "
	    "generate_series(0, 999) i;"
	    "insert into certificate (sha256, not_after, tbs_sha256, form, "
	    "der) select sha256(i::text::bytea), now() + interval '1 day', "
	    "sha256(i::text::bytea), 'precert', '\\x30' from "
	    "generate_series(0, 999) i");
	all = due(0, 64);
	for (i = 0; all[i] != '\0'; i++)
		n += all[i] == ' ';
	assert_int_equal(n, 999);
	free(all);
}

/* --- issuers ------------------------------------------------------------------- */

static void
issuers(void **state)
{
	struct cert_ask	 q;
	struct db_res	*r = NULL, *up = NULL;
	struct err	 e = ERR_INIT;
	uint8_t		 key[32];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	q = (struct cert_ask){ key, 0, "", NULL, 10 };
	sql("select cert('11', '01', now(), 90, '{a}');"
	    "update certificate set chain = array[hash('c1'), hash('c2'), "
	    "hash('ff')];"
	    "insert into issuer (sha256, spki_sha256, der) values (hash('c0'), "
	    "hash('aa'), 'cross'), (hash('c2'), hash('c2'), 'root'), "
	    "(hash('c1'), hash('aa'), 'ca'), (hash('c3'), hash('c3'), 'no')");
	assert_int_equal(cert_store_due(db, &q, &r, &e), 0);
	assert_int_equal(cert_store_issuers(db, r, 0, key, &up, &e), 0);
	/* the chain as it was, then others of the key */
	assert_int_equal(db_rows(up), 3);
	assert_true(memcmp(db_bytes(up, 0, 1).p, "ca", 2) == 0);
	assert_true(memcmp(db_bytes(up, 1, 1).p, "root", 4) == 0);
	assert_true(memcmp(db_bytes(up, 2, 1).p, "cross", 5) == 0);
	db_free(up);
	/* those that anybody made for the key do not push out the chain */
	sql("insert into issuer (sha256, spki_sha256, der) select "
	    "sha256(i::text::bytea), hash('aa'), 'junk' from "
	    "generate_series(1, 1000) i");
	assert_int_equal(cert_store_issuers(db, r, 0, key, &up, &e), 0);
	assert_int_equal(db_rows(up), LIMIT_POOL);
	assert_true(memcmp(db_bytes(up, 1, 1).p, "root", 4) == 0);
	db_free(up);
	db_free(r);
}

/* --- what was said ---------------------------------------------------------------- */

static void
facts(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a}')");
	k.must_staple = 1;
	k.weak = "debian";
	k.weak_why = "a \"list\" has \\ it";
	store(&k);
	is("select form || crl::text || ocsp::text || aia::text || "
	    "must_staple || short_lived || presigned || weak || weak_why || "
	    "encode(issuer_sha256, 'hex') || first_sct_ms from cert_fact",
	    "x509{http://c}{http://o}{}truefalsefalsedebiana \"list\" has "
	    "\\ itcacacacacacacacacacacacacacacacacacacacacacacacacacacacacaca"
	    "caca1790000000000");
	is("select string_agg(program || coalesce(compliant::text, '?'), ' ' "
	    "order by program) from ct_verdict", "appletrue chrometrue");
	is("select program || path_no || verdict || issued || "
	    "cardinality(path) || encode(path[1], 'hex') from chain_verdict",
	    "system0trustedtrusted21111111111111111111111111111111111111111"
	    "111111111111111111111111");
	/* again, otherwise: replaced, but for the issuer */
	k = said_cert(0x11);
	k.has_issuer = 0;
	k.weak = "";
	k.ncrl = 0;
	k.npaths = 2;
	said_paths[0].verdict = CHAIN_UNTRUSTED;
	said_paths[0].reason = "no";
	said_paths[0].until = INT64_MIN;
	k.compliant[0] = -1;
	k.compliant[1] = 0;
	k.policy[1] = "too few";
	store(&k);
	is("select (weak is null)::text || crl::text || (issuer_sha256 is not "
	    "null)::text from cert_fact", "true{}true");
	is("select string_agg(path_no || verdict || reason || (until is null)"
	    "::text, ' ' order by path_no) from chain_verdict",
	    "0untrustednotrue 1trustedfalse");
	is("select string_agg(coalesce(compliant::text, '?') || reason, ' ' "
	    "order by program) from ct_verdict", "falsetoo few ?");
	is("select count(*)::text from cert_fact", "1");
}

static void
sources(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a}');"
	    "select cert('12', '02', now(), 90, '{a}')");
	k.has_issuer = 0;
	store(&k);
	is("select string_agg(kind || url || origin || state || "
	    "(issuer_sha256 is null)::text, ' ' order by kind) from "
	    "revocation_source", "crlhttp://ccertificatenewtrue "
	    "ocsphttp://ocertificatenewtrue");
	is("select string_agg(source_id || serial, ' ') from ocsp_due",
	    number("select id from revocation_source where kind = 'ocsp'") ==
	    1 ? "101" : "201");
	is("select string_agg(kind, ' ' order by kind) from work", "crl ocsp");
	/* the same sources for another: their issuer becomes known */
	k = said_cert(0x12);
	store(&k);
	is("select count(*) || ' ' || count(issuer_sha256) from "
	    "revocation_source", "2 2");
	is("select count(*)::text from ocsp_due", "2");
	/* one that was asked comes sooner for a certificate that is new */
	sql("update work set due_at = now() + interval '1 hour'; insert into "
	    "revocation_status (issuer_spki_sha256, serial, source_id, status) "
	    "select hash('aa'), '02', id, 'good' from revocation_source");
	store(&k);
	is("select count(*)::text from work where due_at <= now()", "0");
	k = said_cert(0x11);
	store(&k);
	is("select count(*)::text from work where due_at <= now()", "2");
	/* but not one that fails, which has its own pause */
	sql("update work set due_at = now() + interval '1 hour'; update "
	    "revocation_source set failing_since = now(), state = "
	    "'unreachable'");
	store(&k);
	is("select count(*)::text from work where due_at <= now()", "0");
	/* of one that no log has shown nothing is asked */
	k = said_cert(0x13);
	said_crl[0] = "http://other";
	store(&k);
	is("select count(*)::text from revocation_source", "2");
}

/* Work that another worker has at this moment is not waited for. */
static void
sources_at_work(void **state)
{
	struct db		*other = testdb_again();
	struct judge_cert	 k = said_cert(0x11);
	struct err		 e = ERR_INIT;

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a}')");
	store(&k);
	sql("update work set due_at = now() + interval '1 hour'");
	assert_int_equal(db_begin(other, &e), 0);
	testdb_run(other, "select * from work for update; update "
	    "revocation_source set checked_at = now()");
	sql("set lock_timeout = '500ms'");
	store(&k);
	sql("set lock_timeout = 0");
	db_rollback(other);
	db_close(other);
	is("select count(*)::text from work where due_at <= now()", "0");
}

/* --- SCTs ---------------------------------------------------------------------------- */

#define SCTS	"select string_agg(status || ' ' || inclusion || ' ' || " \
		"coalesce(left(encode(leaf_hash, 'hex'), 2), '-'), ',' " \
		"order by log_id, timestamp_ms) from sct"

static void
scts(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a}')");
	k.nscts = 3;
	said_scts[2].status = SCTS_MALFORMED;
	said_scts[2].reason = "cut short";
	said_scts[2].raw = SPAN_STR("");
	said_scts[1].status = SCTS_UNKNOWN_LOG;
	store(&k);
	is(SCTS, "malformed none -,valid pending 51,unknown_log none 52");
	/* T + MMD of the log, a day where it is not known */
	is("select string_agg(extract(epoch from due_at - to_timestamp("
	    "timestamp_ms / 1000.0))::int::text, ' ' order by log_id) from sct "
	    "where status <> 'malformed'", "3600 86400");
	/* the log becomes known; what was proven stays so */
	sql("update sct set inclusion = 'proved' where log_id = hash('01')");
	said_scts[1].status = SCTS_NOT_COUNTED;
	said_scts[1].reason = "retired";
	k.nscts = 2;
	store(&k);
	is(SCTS, "malformed none -,valid proved 51,not_counted pending 52");
}

/*
 * The issuer is not at hand: which entry it promises is not known, and what
 * was found out before is not forgotten.
 */
static void
scts_unchecked(void **state)
{
	struct judge_cert	k = said_cert(0x11);
	struct cert_in		in = { k.tbs_sha256, &k };
	struct err		e = ERR_INIT;

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a}')");
	said_scts[0].status = SCTS_NOT_COUNTED;
	said_scts[0].reason = "the issuer is not at hand";
	memset(said_scts[0].leaf_hash, 0, 32);
	k.nscts = 1;
	store(&k);
	is(SCTS, "not_counted none -");
	k = said_cert(0x11);
	store(&k);
	is(SCTS, "valid pending 51,valid pending 52");
	/* an endpoint serves it without its chain */
	said_scts[0].status = SCTS_NOT_COUNTED;
	memset(said_scts[0].leaf_hash, 0, 32);
	k.nscts = 1;
	assert_int_equal(cert_store_scts(db, &in, 1, &e), 0);
	is(SCTS, "valid pending 51,valid pending 52");
}

/* A server chooses what stands beside its certificate. */
static void
scts_served(void **state)
{
	struct judge_cert	k = said_cert(0x11);
	struct cert_in		in = { k.tbs_sha256, &k };
	struct err		e = ERR_INIT;

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a}')");
	store(&k);
	/* the same log and time, other bytes: a forgery beside it */
	k.nscts = 1;
	said_scts[0].source = SCTS_TLS;
	said_scts[0].status = SCTS_BAD_SIGNATURE;
	said_scts[0].raw = SPAN_STR("other");
	assert_int_equal(cert_store_scts(db, &in, 1, &e), 0);
	is(SCTS, "valid pending 51,valid pending 52");
	/* both in one batch, in either order */
	sql("truncate sct");
	k = said_cert(0x11);
	said_scts[1] = said_scts[0];
	said_scts[1].source = SCTS_TLS;
	said_scts[1].status = SCTS_BAD_SIGNATURE;
	assert_int_equal(cert_store_scts(db, &in, 1, &e), 0);
	is(SCTS, "valid pending 51");
	sql("truncate sct");
	said_scts[2] = said_scts[0];
	said_scts[0] = said_scts[1];
	said_scts[1] = said_scts[2];
	assert_int_equal(cert_store_scts(db, &in, 1, &e), 0);
	is(SCTS, "valid pending 51");
	is("select source from sct", "certificate");
	/* another one is one more */
	said_scts[0].timestamp++;
	assert_int_equal(cert_store_scts(db, &in, 1, &e), 0);
	is(SCTS, "valid pending 51,bad_signature none 51");
}

/* --- many, and hostile ones ------------------------------------------------------------ */

static void
thousand(void **state)
{
	struct cert_in		*in = mem_array(1000, sizeof(*in));
	struct judge_cert	*k = mem_array(1000, sizeof(*k));
	struct err		 e = ERR_INIT;
	size_t			 i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		k[i] = said_cert(0x11);
		k[i].tbs_sha256[0] = (uint8_t)(i >> 8);
		k[i].tbs_sha256[1] = (uint8_t)i;
		in[i] = (struct cert_in){ k[i].tbs_sha256, &k[i] };
	}
	sql("insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after, issued) select "
	    "set_byte(set_byte(hash('11'), 0, i / 256), 1, i % 256), "
	    "hash('aa'), to_hex(i), hash('bb'), '{a}', now(), now() + interval "
	    "'1 day', 'valid' from generate_series(0, 999) i");
	if (db_begin(db, &e) == -1 || cert_store_said(db, in, 1000, &e) == -1
	    || cert_store_said(db, in, 1000, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	is("select (select count(*) from cert_fact) || ' ' || (select count(*) "
	    "from sct) || ' ' || (select count(*) from chain_verdict) || ' ' "
	    "|| (select count(*) from ct_verdict) || ' ' || (select count(*) "
	    "from revocation_source) || ' ' || (select count(*) from "
	    "ocsp_due)", "1000 2000 1000 2000 2 1000");
	free(in);
	free(k);
}

static void
served(void **state)
{
	struct judge_cert	k = said_cert(0x11);
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(cert_store_known(db, k.tbs_sha256, &e), 0);
	assert_int_equal(cert_store_served(db, &k, SPAN_STR("der"), &e), 0);
	assert_int_equal(cert_store_served(db, &k, SPAN_STR("der"), &e), 0);
	is("select encode(der, 'escape') from served_certificate", "der");
	sql("insert into known (tbs_sha256, trust, origin, author) values "
	    "(hash('11'), 'issuance', 'import', 'me')");
	assert_int_equal(cert_store_known(db, k.tbs_sha256, &e), 2);
	sql("select cert('11', '01', now(), 90, '{a}')");
	assert_int_equal(cert_store_known(db, k.tbs_sha256, &e), 2);
	sql("update issuance set logged_at = now()");
	assert_int_equal(cert_store_known(db, k.tbs_sha256, &e), 1);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(which_are_due, clear),
		cmocka_unit_test_setup(which_form, clear),
		cmocka_unit_test_setup(refused, clear),
		cmocka_unit_test_setup(many_due, clear),
		cmocka_unit_test_setup(issuers, clear),
		cmocka_unit_test_setup(facts, clear),
		cmocka_unit_test_setup(sources, clear),
		cmocka_unit_test_setup(sources_at_work, clear),
		cmocka_unit_test_setup(scts, clear),
		cmocka_unit_test_setup(scts_unchecked, clear),
		cmocka_unit_test_setup(scts_served, clear),
		cmocka_unit_test_setup(thousand, clear),
		cmocka_unit_test_setup(served, clear),
	};

	return SQL_TESTS(tests);
}
