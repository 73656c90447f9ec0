#ifndef TESTS_UNIT_AUDITOR_DECIDE_FIXTURE_H
#define TESTS_UNIT_AUDITOR_DECIDE_FIXTURE_H

/*
 * Issuances, what is known of them and the watches that they match, for the
 * programs that test what is decided of them; included once, after cmocka.h,
 * everything is static.
 */
#include <stdio.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/db/expect.h"
#include "auditor/db/finding.h"
#include "auditor/db/known.h"
#include "auditor/decide.h"
#include "tests/unit/auditor/sql.h"

#define NOW_MS	1790000000000LL
#define NONE	{ NULL, 0 }

static struct conf	 conf;
static uint8_t		 tbs_of[256][32], key_of[256][32];

/* Hashes by number. */
static struct span
tbs(int i)
{
	memset(tbs_of[i], 0x11, 32);
	tbs_of[i][0] = (uint8_t)i;
	return (struct span){ tbs_of[i], 32 };
}

static struct span
key(int i)
{
	memset(key_of[i], 0x22, 32);
	key_of[i][0] = (uint8_t)i;
	return (struct span){ key_of[i], 32 };
}

/* The first column of the first row as text; static. */
static const char *
one(const char *text)
{
	static char	 out[600];
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;

	if (db_query(db, &r, &e, text, "") == -1)
		fail_msg("%s: %s", text, e.msg);
	snprintf(out, sizeof(out), "%s", db_rows(r) > 0 ? db_text(r, 0, 0) :
	    "(no row)");
	db_free(r);
	return out;
}

#define IS(query, want)	assert_string_equal(one(query), want)

struct iss {
	int		 tbs, key, issuer;
	const char	*serial;
	const char	*names;		/* text of an array */
	const char	*owner;		/* issuer owner */
	const char	*issued;
};

static void
issuance(const struct iss *x)
{
	struct err	e = ERR_INIT;
	struct span	t = tbs(x->tbs), k = key(x->key), i = key(x->issuer);

	if (db_query(db, NULL, &e, "insert into issuance (tbs_sha256,"
	    " issuer_spki_sha256, serial, spki_sha256, key_type, names,"
	    " not_before, not_after, issuer_owner, issued) values ($1, $2, $3,"
	    " $4, 'p256', $5::text::text[], to_timestamp(1789990000),"
	    " to_timestamp(1797000000), $6, $7)", "bbsbsss", &t, &i,
	    x->serial, &k, x->names, x->owner, x->issued) == -1)
		fail_msg("%s", e.msg);
}

static struct decide_match
match(int log, int64_t index, int watch, int baseline)
{
	static const struct decide_match rows[] = {
		{ 0, 0, NOW_MS, 0, "", "", "", "", 0, 0, 0 },
		{ 0, 0, NOW_MS, 1, ".shop.example", "", "",
		    "www.shop.example", 0, 0, 0 },
		{ 0, 0, NOW_MS, 2, ".shop.example", "team-b", "strict",
		    "www.shop.example", 0, 0, 0 },
		{ 0, 0, NOW_MS, 3, ".pay.example", "", "", "www.pay.example",
		    0, 0, 0 },
		{ 0, 0, NOW_MS, 4, "*.old.example", "", "digests",
		    "www.old.example", 0, 0, 0 },
	};
	struct decide_match m = rows[watch];

	m.log_ref = log;
	m.index = index;
	m.baseline = baseline;
	return m;
}

static void
decide(int t, const struct decide_match *m, size_t n, int proven)
{
	struct err	e = ERR_INIT;
	struct span	s = tbs(t);

	if (db_begin(db, &e) == -1 ||
	    decide_issuance(db, &conf, &s, m, n, proven, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static inline void
declared(int t, int all, size_t want)
{
	struct err	e = ERR_INIT;
	struct span	s = tbs(t);
	struct db_spans	v = { &s, 1 };
	size_t		n = 0;

	if (db_begin(db, &e) == -1 ||
	    decide_declared(db, &conf, &v, all, &n, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(n, want);
}

static inline void
know(int t, int k, const char *names, const char *by, int64_t until,
    const char *trust)
{
	struct known	x;
	const char	*v[1] = { names };
	struct err	e = ERR_INIT;

	memset(&x, 0, sizeof(x));
	if (t >= 0)
		x.tbs = tbs(t);
	if (k >= 0)
		x.spki = key(k);
	x.names.v = v;
	x.names.n = names != NULL;
	x.issuer_owner = by;
	x.until = until;
	x.trust = trust;
	x.origin = "import";
	x.author = "test";
	if (known_add(db, &x, &e) != 1)
		fail_msg("known: %s", e.msg);
}

static inline int64_t
expects(int k, const char *name, const char *by, int64_t from, int64_t to)
{
	struct expect	x;
	struct err	e = ERR_INIT;
	int64_t		id;

	memset(&x, 0, sizeof(x));
	x.spki = key(k);
	x.names.v = &name;
	x.names.n = 1;
	x.issuer_owner = by;
	x.not_before_ms = from;
	x.not_after_ms = to;
	x.origin = "cli";
	x.author = "test";
	if (expect_add(db, &x, &id, &e) == -1)
		fail_msg("%s", e.msg);
	return id;
}

#define DECISION(t, want) do { char q_[200]; \
	snprintf(q_, sizeof(q_), "select decision || ' ' || coalesce(rule," \
	    " 0) from issuance where get_byte(tbs_sha256, 0) = %d", t); \
	IS(q_, want); } while (0)
#define FINDINGS(t, want) do { char q_[400]; \
	snprintf(q_, sizeof(q_), "select coalesce(string_agg(kind || ' ' ||" \
	    " owner || ' ' || severity || ' ' || state, ', ' order by kind," \
	    " owner), '') from finding where subject like '%02x1111%%'", t); \
	IS(q_, want); } while (0)

static int
clean(void **state)
{
	(void)state;
	sql("truncate issuance, certificate_name, known, expectation, source,"
	    " finding, finding_event, delivery, watch, entry_match, tree_head,"
	    " log, operator restart identity cascade;"
	    "insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, url,"
	    " read_url, key, mmd, state, list_source, first_list) values"
	    " ('a', 1, 'log one', 'rfc6962', 'u', 'u', 'k', 86400, 'usable',"
	    " 'file', true), ('b', 1, 'log two', 'static', 'u', 'u', 'k',"
	    " 86400, 'usable', 'file', false);"
	    "insert into watch (pattern, owner, policy, origin) values"
	    " ('.shop.example', '', '', 'config'),"
	    " ('.shop.example', 'team-b', 'strict', 'config'),"
	    " ('.pay.example', '', '', 'config'),"
	    " ('.old.example', '', 'digests', 'config')");
	return 0;
}

static const struct iss www = { 1, 1, 200, "0a", "{www.shop.example}",
    "ca.example", "valid" };

/* main() of such a program. */
static int
deciding_main(int (*run)(void))
{
	static char ca[] = "ca.example", bad[] = "bad.example", star[] = "*",
	    strict[] = "strict", digests[] = "digests";
	struct conf_issuer si[] = { { ca, CONF_HOLD }, { bad, CONF_DENY },
	    { star, CONF_PAGE } };
	struct conf_issuer di[] = { { ca, CONF_DIGEST } };
	struct conf_policy p[] = {
		{ strict, si, 3, 60, { NULL, 0 } },
		{ digests, di, 1, 60, { NULL, 0 } },
	};
	int rc;

	conf.policies = p;
	conf.npolicies = 2;
	if ((db = testdb_open()) == NULL)
		return 0;
	rc = run();
	testdb_close(db);
	return rc;
}

#endif
