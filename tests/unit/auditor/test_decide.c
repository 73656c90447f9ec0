#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/conf.h"
#include "auditor/db/expect.h"
#include "auditor/db/finding.h"
#include "auditor/db/known.h"
#include "auditor/decide.h"
#include "base/limit.h"
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

static void
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

static void
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

static int64_t
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

static void
unexpected(void **state)
{
	struct decide_match m[2];

	(void)state;
	issuance(&www);
	m[0] = match(1, 5, 1, 0);
	decide(1, m, 1, 0);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected  critical open");
	IS("select logged_at is null from issuance", "t");
	IS("select proven from finding", "f");
	IS("select count(*) from finding_event", "1");
	/* The proof says nothing, neither do final certificate and re-reads. */
	decide(1, m, 1, 1);
	m[1] = match(2, 9, 1, 0);
	decide(1, m, 2, 1);
	IS("select logged_at is not null from issuance", "t");
	IS("select proven from finding", "t");
	IS("select count(*) from finding_event", "1");
	IS("select array_to_string(logs, ',') from finding",
	    "log one,log two");
	IS("select jsonb_array_length(facts::jsonb->'entries') from issuance", "2");
	IS("select detail->>'names_count' from finding", "1");
	/* A person resolves it: reading it again does not open it. */
	sql("update finding set state = 'resolved'");
	decide(1, m, 2, 1);
	FINDINGS(1, "certificate.unexpected  critical resolved");
	IS("select count(*) from finding_event", "1");
}

static void
usual(void **state)
{
	struct iss		b = { 2, 2, 200, "0b", "{WWW.shop.example}",
				    "ca.example", "valid" };
	struct iss		c = { 3, 3, 201, "0c", "{www.shop.example}",
				    "other.example", "valid" };
	struct decide_match	m = match(1, 5, 1, 1);

	(void)state;
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "baseline 5");
	FINDINGS(1, "");
	/* The baseline makes its issuer usual for the name, no other one. */
	issuance(&b);
	m = match(1, 6, 1, 0);
	decide(2, &m, 1, 1);
	FINDINGS(2, "certificate.unexpected  high open");
	issuance(&c);
	m = match(1, 7, 1, 0);
	decide(3, &m, 1, 1);
	FINDINGS(3, "certificate.unexpected  critical open");
	/* So does unproven history, with a wildcard for it too. */
	clean(NULL);
	know(-1, -1, "*.shop.example", "ca.example", INT64_MIN, "seed");
	issuance(&www);
	m = match(1, 5, 1, 0);
	decide(1, &m, 1, 1);
	FINDINGS(1, "certificate.unexpected  high open");
	DECISION(1, "page 8");
}

static void
early(void **state)
{
	struct iss		x = www;
	struct decide_match	m = match(1, 5, 1, 0);

	(void)state;
	x.issued = "unchecked";
	issuance(&x);
	decide(1, &m, 1, 0);
	IS("select decision is null from issuance", "t");
	decide(1, &m, 1, 1);
	FINDINGS(1, "certificate.unexpected  critical open");
	clean(NULL);
	x.issued = "invalid";
	issuance(&x);
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	decide(1, &m, 1, 0);
	FINDINGS(1, "");
	decide(1, &m, 1, 1);
	DECISION(1, "malformed 0");
	FINDINGS(1, "certificate.malformed  high open");
	IS("select reason from finding", "issuer_signature");
	/* The issuer's signature turns out to be right after all. */
	sql("delete from known; update issuance set issued = 'valid'");
	decide(1, &m, 1, 1);
	FINDINGS(1, "certificate.malformed  high resolved, "
	    "certificate.unexpected  critical open");
}

static void
declarations(void **state)
{
	struct decide_match m = match(1, 5, 1, 0);

	(void)state;
	issuance(&www);
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	decide(1, &m, 1, 1);
	DECISION(1, "silent 3");
	FINDINGS(1, "");
	/* Its removal is heard of. */
	sql("update known set removed_at = now()");
	declared(1, 1, 1);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected  critical open");
	/* A declaration that comes late retracts what nobody acknowledged. */
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	DECISION(1, "silent 3");
	FINDINGS(1, "certificate.unexpected  critical resolved");
	IS("select string_agg(event, ',' order by at, event) from"
	    " finding_event", "opened,retracted");
	/* What somebody looks at stays with that person. */
	clean(NULL);
	issuance(&www);
	decide(1, &m, 1, 1);
	sql("update finding set state = 'acked'");
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	FINDINGS(1, "certificate.unexpected  critical acked");
	/* An acknowledgement trusts no key. */
	clean(NULL);
	issuance(&www);
	decide(1, &m, 1, 1);
	sql("update finding set state = 'acked'");
	{
		struct iss again = www;

		again.tbs = 2;
		again.serial = "0b";
		issuance(&again);
		decide(2, &m, 1, 1);
	}
	FINDINGS(2, "certificate.unexpected  critical open");
}

static void
keys(void **state)
{
	static const struct {
		const char	*what, *names, *by;
		int64_t		 until;
		const char	*trust, *decision, *finding;
	} t[] = {
		{ "within", "www.shop.example", "ca.example", INT64_MIN,
		    "key", "silent 4", "" },
		{ "pattern", ".shop.example", NULL, INT64_MIN, "key",
		    "silent 4", "" },
		{ "any name (a CSR without)", NULL, NULL, INT64_MIN, "key",
		    "silent 4", "" },
		{ "to its last moment", "www.shop.example", NULL,
		    NOW_MS * 1000, "key", "silent 4", "" },
		{ "expired", "www.shop.example", NULL, NOW_MS * 1000 - 1,
		    "key", "misused 1", "key.misused  critical open" },
		{ "another name", "shop.example", NULL, INT64_MIN, "key",
		    "misused 1", "key.misused  critical open" },
		{ "another issuer", "www.shop.example", "b.example",
		    INT64_MIN, "key", "misused 1",
		    "key.misused  critical open" },
		{ "compromised", NULL, NULL, INT64_MIN, "compromised",
		    "misused 1", "key.misused  critical open" },
	};
	struct decide_match	m = match(1, 5, 1, 0);
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		clean(NULL);
		issuance(&www);
		know(-1, 1, t[i].names, t[i].by, t[i].until, t[i].trust);
		decide(1, &m, 1, 1);
		DECISION(1, t[i].decision);
		FINDINGS(1, t[i].finding);
	}
	/* The union of two imports; a wider bound retracts. */
	clean(NULL);
	issuance(&www);
	know(-1, 1, "shop.example", "ca.example", INT64_MIN, "key");
	decide(1, &m, 1, 1);
	FINDINGS(1, "key.misused  critical open");
	know(-1, 1, "www.shop.example", "ca.example", INT64_MIN, "key");
	declared(1, 0, 1);
	DECISION(1, "silent 4");
	FINDINGS(1, "key.misused  critical resolved");
	/* Compromise beats an import of the very certificate. */
	clean(NULL);
	issuance(&www);
	know(1, 1, "www.shop.example", NULL, INT64_MIN, "key");
	know(-1, 1, NULL, NULL, INT64_MIN, "compromised");
	decide(1, &m, 1, 1);
	DECISION(1, "misused 1");
}

static void
orders(void **state)
{
	struct iss		b = www;
	struct decide_match	m = match(1, 5, 1, 0);

	(void)state;
	b.tbs = 2;
	b.serial = "0b";
	issuance(&www);
	issuance(&b);
	expects(1, "www.shop.example", "ca.example", NOW_MS, NOW_MS);
	decide(1, &m, 1, 0);
	DECISION(1, "silent 2");
	IS("select state || get_byte(tbs_sha256, 0) from expectation",
	    "fulfilled1");
	decide(1, &m, 1, 1);
	DECISION(1, "silent 2");
	/* Used up: the second certificate is unexpected. */
	decide(2, &m, 1, 1);
	DECISION(2, "page 8");
	FINDINGS(2, "certificate.unexpected  high open");

	/* Denied beats ordered, and leaves the order open. */
	clean(NULL);
	b.owner = "bad.example";
	issuance(&b);
	expects(1, "www.shop.example", NULL, NOW_MS, NOW_MS);
	m = match(1, 5, 2, 0);
	decide(2, &m, 1, 1);
	DECISION(2, "deny 1");
	FINDINGS(2, "certificate.unexpected team-b critical open");
	IS("select state from expectation", "open");
}

/* Names, issuer and time of an order must be exactly so. */
static void
orders_exact(void **state)
{
	static const struct {
		const char	*what, *name, *by;
		int64_t		 from, to;
		const char	*want;
	} t[] = {
		{ "issuer any", "www.shop.example", NULL, NOW_MS, NOW_MS,
		    "silent 2" },
		{ "too early", "www.shop.example", NULL, NOW_MS + 1,
		    NOW_MS + 2, "page 8" },
		{ "too late", "www.shop.example", NULL, NOW_MS - 2,
		    NOW_MS - 1, "page 8" },
		/* A key of an open order is bound by it. */
		{ "issuer", "www.shop.example", "b.example", NOW_MS, NOW_MS,
		    "misused 1" },
		{ "names", "shop.example", NULL, NOW_MS, NOW_MS,
		    "misused 1" },
	};
	struct decide_match	m = match(1, 5, 1, 0);
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		clean(NULL);
		issuance(&www);
		expects(1, t[i].name, t[i].by, t[i].from, t[i].to);
		decide(1, &m, 1, 1);
		DECISION(1, t[i].want);
	}
}

static void
holds(void **state)
{
	struct decide_match	m = match(1, 5, 2, 0);
	struct err		e = ERR_INIT;
	size_t			n;

	(void)state;
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	decide(1, &m, 1, 0);
	DECISION(1, "hold 6");
	FINDINGS(1, "");
	IS("select hold_until - first_seen from issuance", "00:01:00");
	assert_int_equal(decide_holds(db, &conf, &n, &e), 0);
	assert_int_equal(n, 0);
	/* The source declares it in time. */
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	DECISION(1, "silent 3");
	IS("select hold_until is null from issuance", "t");

	/* Nobody does. */
	clean(NULL);
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	decide(1, &m, 1, 0);
	sql("update issuance set first_seen = first_seen - interval '2 min',"
	    " hold_until = hold_until - interval '2 min'");
	assert_int_equal(decide_holds(db, &conf, &n, &e), 0);
	assert_int_equal(n, 1);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected team-b critical open");
	IS("select nearest_source from finding", "b");
	assert_int_equal(decide_holds(db, &conf, &n, &e), 0);
	assert_int_equal(n, 0);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
	IS("select count(*) from finding_event", "1");

	/* Outside of the source's issuers, names and dates nothing is held. */
	sql("truncate issuance, finding cascade; update source set issuers ="
	    " '{b.example}'");
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
	sql("truncate issuance, finding cascade; update source set issuers ="
	    " '{ca.example}', names = '{shop.example}'");
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
	sql("truncate issuance, finding cascade; update source set names ="
	    " '{.shop.example}', until = to_timestamp(1)");
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
}

static void
owners(void **state)
{
	struct decide_match m[2];

	(void)state;
	/* team-b holds it, the others are paged; its hold still ends. */
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	m[0] = match(1, 5, 2, 0);
	m[1] = match(1, 5, 1, 0);
	decide(1, m, 2, 1);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected  critical open");
	IS("select hold_until is not null from issuance", "t");
	sql("update issuance set first_seen = first_seen - interval '2 min',"
	    " hold_until = hold_until - interval '2 min'");
	assert_int_equal(decide_holds(db, &conf, NULL, NULL), 0);
	FINDINGS(1, "certificate.unexpected  critical open, "
	    "certificate.unexpected team-b critical open");
	/* Digest only lowers. */
	clean(NULL);
	{
		struct iss x = { 4, 4, 200, "0d", "{www.old.example}",
		    "ca.example", "valid" };

		issuance(&x);
	}
	m[0] = match(1, 8, 4, 0);
	decide(4, m, 1, 1);
	DECISION(4, "digest 7");
	FINDINGS(4, "certificate.unexpected  low open");
	IS("select digest_only from finding", "t");
}

static void
baseline(void **state)
{
	struct decide_match m[2];

	(void)state;
	issuance(&www);
	/* One watch says baseline, the other one of this owner does not. */
	m[0] = match(1, 5, 1, 1);
	m[1] = match(1, 5, 3, 0);
	decide(1, m, 2, 1);
	DECISION(1, "page 8");
	/* A later sight above the first head does not make it new. */
	clean(NULL);
	issuance(&www);
	m[0] = match(1, 5, 1, 1);
	decide(1, m, 1, 1);
	DECISION(1, "baseline 5");
	m[0] = match(2, 999, 1, 0);
	decide(1, m, 1, 1);
	DECISION(1, "baseline 5");
	FINDINGS(1, "");
	/* News of one log stay so when another, that was away, has it as well. */
	clean(NULL);
	issuance(&www);
	m[0] = match(1, 999, 1, 0);
	decide(1, m, 1, 1);
	DECISION(1, "page 8");
	m[0] = match(2, 5, 1, 1);
	m[0].there_at = INT64_MAX - 1;
	decide(1, m, 1, 1);
	DECISION(1, "page 8");
	IS("select facts::jsonb->'watches'->0 ? 'late_s' from issuance", "f");
	/* A head that had it before is another matter. */
	m[0].there_at = INT64_MIN;
	m[0].late_s = 90;
	decide(1, m, 1, 1);
	DECISION(1, "baseline 5");
	IS("select facts::jsonb->'watches'->0->>'late_s' from issuance", "90");
	clean(NULL);
	issuance(&www);
	m[0] = match(1, 5, 1, 1);
	decide(1, m, 1, 1);
	/* Accepted, then rejected: the newer word counts. */
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	DECISION(1, "silent 3");
	know(1, -1, NULL, NULL, INT64_MIN, "rejected");
	declared(1, 1, 1);
	DECISION(1, "page 5");
	FINDINGS(1, "certificate.unexpected  critical open");
}

static void
twins(void **state)
{
	struct iss		b = www;
	struct decide_match	m = match(1, 5, 1, 0);

	(void)state;
	issuance(&www);
	decide(1, &m, 1, 1);
	IS("select count(*) from finding where kind = 'certificate.twins'",
	    "0");
	b.tbs = 2;
	b.issued = "invalid";
	issuance(&b);
	decide(2, &m, 1, 1);
	IS("select count(*) from finding where kind = 'certificate.twins'",
	    "0");
	sql("update issuance set issued = 'valid'");
	decide(2, &m, 1, 1);
	decide(1, &m, 1, 1);
	IS("select severity || ' ' || right(subject, 3) || ' ' || count(*)"
	    " over () from finding where kind = 'certificate.twins'",
	    "high :0a 1");
	sql("update finding set state = 'resolved'");
	decide(1, &m, 1, 1);
	decide(2, &m, 1, 1);
	IS("select count(*) from finding where state <> 'resolved'", "0");
}

static void
removed_watch(void **state)
{
	struct decide_match	m = match(1, 5, 2, 0);
	size_t			n;

	(void)state;
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	decide(1, &m, 1, 1);
	sql("update watch set removed_at = now(); update issuance set"
	    " first_seen = first_seen - interval '2 min',"
	    " hold_until = hold_until - interval '2 min'");
	assert_int_equal(decide_holds(db, &conf, &n, NULL), 0);
	assert_int_equal(n, 1);
	FINDINGS(1, "");
}

/* What a hostile certificate can make large stays bounded. */
static void
large(void **state)
{
	struct buf		 names = BUF_INIT;
	struct decide_match	*m;
	struct iss		 x = www;
	size_t			 i, n = LIMIT_DECIDE_WATCHES + 1;
	char			 want[32];

	(void)state;
	m = mem_array(n, sizeof(*m));
	buf_str(&names, "{");
	for (i = 0; i < n; i++) {
		buf_fmt(&names, "%sn%zu.shop.example", i > 0 ? "," : "", i);
		m[i] = match(1, (int64_t)i, 1, 0);
		m[i].watch_id = (int64_t)i + 1;
	}
	buf_str(&names, "}");
	x.names = buf_text(&names);
	issuance(&x);
	decide(1, m, n, 1);
	snprintf(want, sizeof(want), "%d %d %d", LIMIT_DECIDE_WATCHES,
	    LIMIT_DECIDE_ENTRIES, LIMIT_DETAIL_NAMES);
	IS("select concat_ws(' ', jsonb_array_length(facts::jsonb->'watches'),"
	    " jsonb_array_length(facts::jsonb->'entries'), (select"
	    " jsonb_array_length(detail->'names') from finding))"
	    " from issuance", want);
	IS("select detail->>'names_more' from finding", "975");
	free(m);
	buf_free(&names);
}

/* A page of matches of the baseline: one answer each. */
static void
many(void **state)
{
	struct err		e = ERR_INIT;
	struct decide_match	m;
	int			i;

	(void)state;
	assert_int_equal(db_begin(db, &e), 0);
	for (i = 0; i < 250; i++) {
		struct iss x = { i, i, 255, "", "{www.shop.example}",
		    "ca.example", "valid" };
		struct span s;
		char serial[8];

		snprintf(serial, sizeof(serial), "%02x", i);
		x.serial = serial;
		issuance(&x);
		m = match(1, i, 1, 1);
		s = tbs(i);
		if (decide_issuance(db, &conf, &s, &m, 1, 1, &e) == -1)
			fail_msg("%s", e.msg);
	}
	assert_int_equal(db_commit(db, &e), 0);
	IS("select count(*) from issuance where decision = 'baseline'",
	    "250");
}

static void
nothing(void **state)
{
	struct err	e = ERR_INIT;
	struct span	s = tbs(9);

	(void)state;
	assert_int_equal(decide_again(db, &conf, &s, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	issuance(&(struct iss){ 9, 9, 200, "09", "{x.example}", NULL,
	    "valid" });
	err_clear(&e);
	assert_int_equal(decide_again(db, &conf, &s, &e), 0);
	IS("select decision is null from issuance", "t");
}

/*
 * Many at once: what is quiet counts for what is not, in whatever order they
 * come; an order is used up once; twins and owners as alone.
 */
static void
together(void **state)
{
	static const struct iss	rows[] = {
		{ 1, 1, 200, "01", "{www.shop.example}", "ca.example", "valid" },
		{ 2, 2, 200, "02", "{www.shop.example}", "ca.example", "valid" },
		{ 3, 3, 201, "03", "{www.shop.example}", "o.example", "valid" },
		{ 4, 4, 202, "04", "{www.pay.example}", "ca.example", "valid" },
		{ 5, 4, 202, "05", "{www.pay.example}", "ca.example", "valid" },
		{ 6, 6, 203, "06", "{www.pay.example}", "x.example", "valid" },
		{ 7, 7, 203, "06", "{www.pay.example}", "x.example", "valid" },
		{ 8, 8, 203, "08", "{www.pay.example}", "x.example",
		    "unchecked" },
	};
	struct decide_match	m[8][2];
	struct decide_one	v[8];
	struct err		e = ERR_INIT;
	size_t			i, pass;

	(void)state;
	for (i = 0; i < 8; i++) {
		issuance(&rows[i]);
		m[i][0] = match(1, (int64_t)i, i < 3 ? 1 : 3, i == 1);
		m[i][1] = match(1, (int64_t)i, 2, 0);
		/* the third has two owners */
		v[i] = (struct decide_one){ tbs(rows[i].tbs), m[i],
		    i == 2 ? 2 : 1, 0 };
	}
	expects(4, "www.pay.example", "ca.example", NOW_MS - 1000,
	    NOW_MS + 1000);
	/* before the proof, what is not checked waits; and then again */
	for (pass = 0; pass < 3; pass++) {
		if (db_begin(db, &e) == -1 || decide_all(db, &conf, v, 8,
		    pass > 0, &e) == -1 || db_commit(db, &e) == -1)
			fail_msg("%s", e.msg);
		/* the first of them is usual by the second, the baseline */
		DECISION(1, "page 8");
		FINDINGS(1, "certificate.unexpected  high open");
		DECISION(2, "baseline 5");
		FINDINGS(2, "");
		FINDINGS(3, "certificate.unexpected  critical open, "
		    "certificate.unexpected team-b critical open");
		DECISION(4, "silent 2");
		FINDINGS(4, "");
		/* and so is the CA of the order, when it is used up */
		FINDINGS(5, "certificate.unexpected  high open");
		FINDINGS(6, "certificate.unexpected  critical open");
		FINDINGS(7, "certificate.unexpected  critical open");
		IS("select count(*) from finding where kind = "
		    "'certificate.twins'", "1");
		FINDINGS(8, pass == 0 ? "" :
		    "certificate.unexpected  critical open");
		IS("select count(*) from finding_event where event <> "
		    "'opened'", "0");
		IS("select (select count(*) from finding_event) - (select "
		    "count(*) from finding)", "0");
		IS("select bool_and(proven)::text from finding",
		    pass == 0 ? "false" : "true");
	}
	IS("select count(*) from expectation where state = 'fulfilled'", "1");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		T(unexpected), T(usual), T(early), T(declarations), T(keys),
		T(orders), T(orders_exact), T(holds), T(owners), T(baseline),
		T(twins), T(removed_watch), T(large), T(many), T(nothing),
		T(together),
	};
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
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return rc;
}
