#include "auditor/cert_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/cert_fixture.h"

/* Which fault of which certificate somebody must hear of. */

static int
clear(void **state)
{
	(void)state;
	sql(audit_functions);
	sql(audit_truncate);
	return 0;
}

static void
find(const struct judge_cert *k)
{
	struct cert_in	in = { k->tbs_sha256, k };
	struct err	e = ERR_INIT;

	if (db_begin(db, &e) == -1 || cert_find(db, &in, 1, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

/* --- faults ------------------------------------------------------------------ */

static void
well(struct judge_cert *k)
{
	(void)k;
}

static void
bad_sct(struct judge_cert *k)
{
	(void)k;
	said_scts[1].status = SCTS_BAD_SIGNATURE;
	said_scts[1].reason = "the signature does not verify";
}

static void
bad_list(struct judge_cert *k)
{
	k->scts_reason = "cut short";
}

/* Not known, or not counted, is no fault of the certificate's SCT. */
static void
odd_sct(struct judge_cert *k)
{
	(void)k;
	said_scts[0].status = SCTS_UNKNOWN_LOG;
	said_scts[1].status = SCTS_NOT_COUNTED;
}

static void
bad_policy(struct judge_cert *k)
{
	k->compliant[1] = 0;
	k->policy[1] = "one SCT, two are needed";
}

static void
no_policy(struct judge_cert *k)
{
	k->compliant[0] = k->compliant[1] = -1;
}

/* A CT policy is for certificates that a program trusts. */
static void
bad_policy_untrusted(struct judge_cert *k)
{
	bad_policy(k);
	k->npaths = 0;
}

static void
presigned(struct judge_cert *k)
{
	k->presigned = 1;
	k->not_before = 1773532800000000LL;	/* 2026-03-15 */
}

static void
presigned_before(struct judge_cert *k)
{
	presigned(k);
	k->not_before--;
}

static void
weak(struct judge_cert *k)
{
	k->weak = "roca";
	k->weak_why = "its modulus has the form of CVE-2017-15361";
}

static void
no_path(struct judge_cert *k)
{
	k->npaths = 0;
}

static void
untrusted(struct judge_cert *k)
{
	(void)k;
	said_paths[0].verdict = said_paths[0].issued = CHAIN_UNTRUSTED;
	said_paths[0].reason = "the root is not in the store";
}

/* Trusted when it was issued, and not any more. */
static void
distrusted(struct judge_cert *k)
{
	untrusted(k);
	said_paths[0].issued = CHAIN_TRUSTED;
}

/* One of two programs trusts it. */
static void
half(struct judge_cert *k)
{
	untrusted(k);
	k->npaths = 2;
}

/* --- whom it concerns ---------------------------------------------------------- */

enum who { UNSEEN, BASELINE, BASELINE_SERVED, DECLARED, DECLARED_SERVED, PAGED,
	UNISSUED, UNISSUED_SERVED, SERVED, WHO };

static const struct {
	const char	*decision;	/* NULL: no issuance */
	int		 issued, served;
} who[WHO] = {
	[UNSEEN] = { NULL, 0, 0 },
	[BASELINE] = { "baseline", 1, 0 },
	[BASELINE_SERVED] = { "baseline", 1, 1 },
	[DECLARED] = { "silent", 1, 0 },
	[DECLARED_SERVED] = { "silent", 1, 1 },
	[PAGED] = { "page", 1, 0 },
	[UNISSUED] = { "page", 0, 0 },
	[UNISSUED_SERVED] = { "page", 0, 1 },
	[SERVED] = { NULL, 0, 1 },
};

static void
set(enum who w)
{
	char	*text;

	if (who[w].decision != NULL) {
		text = mem_printf("select cert('11', '01', now(), 90, "
		    "'{a.example}'); update issuance set decision = '%s', "
		    "issued = '%s'", who[w].decision, who[w].issued ?
		    "valid" : "unchecked");
		sql(text);
		free(text);
	}
	if (who[w].served)
		sql("insert into endpoint (host, port, owner, origin) values "
		    "('a.example', 443, 'web', 'cli'); insert into "
		    "endpoint_observation (endpoint_id, addr, cert_sha256, "
		    "tbs_sha256) values (1, '192.0.2.1', hash('11'), "
		    "hash('11'))");
}

/* A string with a letter for each of who: S sct, P policy, K key, C chain. */
static const struct {
	void		(*fault)(struct judge_cert *);
	const char	*name;
	const char	*want;
} table[] = {
	{ well,			"well",			"........." },
	{ bad_sct,		"bad SCT",		"..SSSS.SS" },
	{ bad_list,		"bad list",		"..SSSS.SS" },
	{ odd_sct,		"odd SCT",		"........." },
	{ bad_policy,		"policy",		"..PPPP.PP" },
	{ no_policy,		"no policy",		"........." },
	{ bad_policy_untrusted,	"policy, untrusted",	"..C.C..CC" },
	{ presigned,		"presigned",		"..PPPP.PP" },
	{ presigned_before,	"presigned before",	"........." },
	{ weak,			"weak",			"..KKKK.KK" },
	{ no_path,		"no path",		"..C.C..CC" },
	{ untrusted,		"untrusted",		"..C.C..CC" },
	{ distrusted,		"distrusted",		"..CCC..CC" },
	{ half,			"half",			"........." },
};

#define KINDS	"select coalesce(string_agg(case kind when 'sct.invalid' then " \
		"'S' when 'ct_policy.violated' then 'P' when 'key.weak' then " \
		"'K' else 'C' end, '' order by kind), '') from finding where " \
		"state = 'open'"

static void
are(const char *want, const char *name, int w)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	if (db_query(db, &r, &e, KINDS, "") == -1)
		fail_msg("%s", e.msg);
	if (strcmp(db_text(r, 0, 0), want) != 0)
		fail_msg("%s, %d: \"%s\", not \"%s\"", name, w,
		    db_text(r, 0, 0), want);
	db_free(r);
}

static void
concerns(void **state)
{
	struct judge_cert	 k;
	char			 want[2] = "";
	size_t			 i;
	int			 w;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (w = 0; w < WHO; w++) {
			(void)clear(state);
			set((enum who)w);
			k = said_cert(0x11);
			table[i].fault(&k);
			if (k.presigned)
				sql("insert into cert_fact (tbs_sha256, "
				    "cert_sha256, form, presigned) values "
				    "(hash('11'), hash('11'), 'x509', true)");
			find(&k);
			want[0] = table[i].want[w];
			if (want[0] == '.')
				want[0] = '\0';
			are(want, table[i].name, w);
			/* once, and gone when the fault is */
			find(&k);
			are(want, table[i].name, w);
			k = said_cert(0x11);
			sql("truncate cert_fact");
			find(&k);
			is(KINDS, "");
			is("select count(*)::text from finding_event where "
			    "event = 'resolved'", want[0] != '\0' ? "1" : "0");
		}
	print_message("%zu faults of %d kinds of certificates\n", i, WHO);
}

/* --- what is said ---------------------------------------------------------------- */

static void
words(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "update issuance set facts = '{\"watches\": [{\"owner\": \"web\", "
	    "\"pattern\": \".example\", \"name\": \"a.example\"}, {\"owner\": "
	    "\"mail\", \"pattern\": \"a.example\", \"name\": "
	    "\"a.example\"}]}', logged_at = now()");
	bad_sct(&k);
	bad_policy(&k);
	weak(&k);
	find(&k);
	is("select string_agg(kind || '/' || severity || '/' || owner || '/' "
	    "|| watch || '/' || reason, ';' order by kind, owner) from finding "
	    "where owner = 'mail'",
	    "ct_policy.violated/medium/mail/a.example/apple: one SCT, two are "
	    "needed;key.weak/high/mail/a.example/its key is no secret (roca): "
	    "its modulus has the form of CVE-2017-15361;sct.invalid/high/mail/"
	    "a.example/SCT 2 (bad_signature): the signature does not verify");
	is("select count(*)::text from finding where owner = 'web' and watch = "
	    "'.example' and proven and issuer_owner = 'digicert.com' and "
	    "subject = encode(hash('11'), 'hex')", "3");
	is("select detail->>'serial' || (detail->>'issuer') || "
	    "(detail->'names'->>0) from finding limit 1", "01CN=CAa.example");
	/* gone for both */
	k = said_cert(0x11);
	find(&k);
	is("select string_agg(distinct state, '') from finding", "resolved");
}

/* What a person has accepted stays so; a second owner is told. */
static void
accepted(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example}')");
	weak(&k);
	find(&k);
	sql("update finding set state = 'accepted'");
	find(&k);
	k = said_cert(0x11);
	find(&k);
	is("select state from finding", "accepted");
}

/* A factor that is found in another's key is not seen by a judge alone. */
static void
shared(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	sql("select cert('11', '01', now(), 90, '{a.example}');"
	    "insert into cert_fact (tbs_sha256, cert_sha256, form, weak) "
	    "values (hash('11'), hash('11'), 'x509', 'shared')");
	find(&k);
	is(KINDS, "K");
	is("select reason from finding", CERT_FIND_SHARED);
	sql("update cert_fact set weak = null");
	find(&k);
	is(KINDS, "");
}

/* It was served, and is not any more; the endpoint is watched no more. */
static void
served_before(void **state)
{
	struct judge_cert	k = said_cert(0x11);

	(void)state;
	set(SERVED);
	no_path(&k);
	find(&k);
	is(KINDS, "C");
	sql("insert into endpoint_observation (endpoint_id, addr, cert_sha256, "
	    "tbs_sha256) values (1, '192.0.2.1', hash('12'), hash('12'))");
	find(&k);
	is(KINDS, "");
	sql("insert into endpoint_observation (endpoint_id, addr, cert_sha256, "
	    "tbs_sha256) values (1, '192.0.2.1', hash('11'), hash('11'))");
	find(&k);
	is(KINDS, "C");
	sql("update endpoint set removed_at = now()");
	find(&k);
	is(KINDS, "");
}

/* A batch, each by itself. */
static void
batch(void **state)
{
	struct judge_cert	k[64];
	struct cert_in		in[64];
	struct judge_sct	bad;
	struct err		e = ERR_INIT;
	size_t			i;

	(void)state;
	sql("select cert(lpad(to_hex(i), 2, '0'), to_hex(i), now(), 90, "
	    "'{a.example}') from generate_series(1, 64) i");
	for (i = 0; i < 64; i++) {
		k[i] = said_cert((uint8_t)(i + 1));
		in[i] = (struct cert_in){ k[i].tbs_sha256, &k[i] };
	}
	bad = said_scts[0];
	bad.status = SCTS_MALFORMED;
	bad.reason = "cut short";
	k[40].scts = &bad;
	k[40].nscts = 1;
	k[50].weak = "debian";
	k[50].weak_why = "it is in a list";
	if (cert_find(db, in, 64, &e) == -1)
		fail_msg("%s", e.msg);
	is("select string_agg(kind || left(subject, 2), ' ' order by kind) "
	    "from finding", "key.weak33 sct.invalid29");
	if (cert_find(db, in, 0, &e) == -1)
		fail_msg("%s", e.msg);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(concerns, clear),
		cmocka_unit_test_setup(words, clear),
		cmocka_unit_test_setup(accepted, clear),
		cmocka_unit_test_setup(shared, clear),
		cmocka_unit_test_setup(served_before, clear),
		cmocka_unit_test_setup(batch, clear),
	};

	return SQL_TESTS(tests);
}
