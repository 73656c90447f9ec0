#include "auditor/db/evidence_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/evidence_put.h"
#include "auditor/db/issuance.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"

json_t *
evidence_moment(int64_t t)
{
	char	text[CLK_TEXT];

	return json_string(clk_text(t, text));
}

json_t *
evidence_begun(const char *type)
{
	json_t	*o = json_object();

	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "made_at", evidence_moment(clk_wall()));
	return o;
}

/* An issuance with its SCTs. */
static int
put_issuance(struct db *db, const struct span *tbs, struct evidence *ev,
    struct err *e)
{
	struct evidence_held	held;

	if (evidence_put_issuance(db, tbs, ev, &held, e) == -1)
		return -1;
	return evidence_put_scts(db, tbs, ev, &held, e);
}

/* The logs that a finding names, as clean text. */
static json_t *
names_of(const struct db_res *r, size_t col)
{
	json_t	*a = json_array();
	char	**v;
	size_t	 i, n;

	v = db_strv(r, 0, col, &n);
	for (i = 0; i < n; i++)
		json_array_append_new(a, evidence_text(v[i]));
	free(v);
	return a;
}

enum { F_KIND, F_SEVERITY, F_STATE, F_SUBJECT, F_NAME, F_WATCH, F_OWNER,
	F_REASON, F_RULE, F_FIRST, F_LAST, F_LOGS, F_DETAIL, F_ID };

/* The finding itself, attested. */
static int
put_finding(struct evidence *ev, const struct db_res *r, struct err *e)
{
	static const struct {
		const char	*key;
		size_t		 col;
	} texts[] = {
		{ "kind", F_KIND }, { "severity", F_SEVERITY },
		{ "state", F_STATE }, { "subject", F_SUBJECT },
		{ "name", F_NAME }, { "watch", F_WATCH },
		{ "owner", F_OWNER }, { "reason", F_REASON },
	};
	json_t	*o = evidence_begun(EVIDENCE_FINDING), *detail;
	size_t	 i;

	json_object_set_new(o, "id", json_integer(db_int(r, 0, F_ID)));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(o, texts[i].key,
		    evidence_text(db_text(r, 0, texts[i].col)));
	json_object_set_new(o, "rule", json_integer(db_int(r, 0, F_RULE)));
	json_object_set_new(o, "first_seen", evidence_moment(db_time(r, 0,
	    F_FIRST)));
	json_object_set_new(o, "last_seen", evidence_moment(db_time(r, 0,
	    F_LAST)));
	json_object_set_new(o, "logs", names_of(r, F_LOGS));
	detail = json_loads(db_text(r, 0, F_DETAIL), 0, NULL);
	json_object_set_new(o, "detail", detail != NULL ? detail :
	    json_object());
	return evidence_attest(ev, o, NULL, e);
}

/* What a log did: the head at hand and those that it stands against. */
static int
put_log_fault(struct db *db, struct evidence *ev, const char *id64,
    const json_t *d, struct err *e)
{
	int64_t		 verified = json_integer_value(json_object_get(d,
			    "verified_size"));
	struct db_res	*r = NULL;
	size_t		 i, n;
	int64_t		 size;
	int		 log = -1, head, first = -1, rc = -1;

	/* the head, one that contradicts it, and the newest that agreed */
	if (db_query(db, &r, e, "select " EVIDENCE_LOG_COLS ", t.form, t.raw, "
	    "t.tree_size, t.id, t.tree_size = h.tree_size and "
	    "t.root_hash <> h.root_hash from log l " EVIDENCE_LOG_JOIN
	    "join tree_head h on h.id = $2 and h.log_ref = l.id "
	    "join lateral ((select * from tree_head where id = h.id) union all "
	    "(select * from tree_head where log_ref = l.id and "
	    "verdict = 'valid' and tree_size = h.tree_size and "
	    "root_hash <> h.root_hash order by id <> $3, id limit 1) union all "
	    "(select * from tree_head where log_ref = l.id and "
	    "verdict = 'valid' and consistency = 'proved' and id < h.id "
	    "order by id desc limit 1)) t on true "
	    "where encode(l.log_id, 'base64') = $1", "sii", id64, (int64_t)
	    json_integer_value(json_object_get(d, "head_id")), (int64_t)
	    json_integer_value(json_object_get(d, "other_id"))) == -1)
		return -1;
	n = db_rows(r);
	for (i = 0; i < n; i++) {
		log = evidence_put_log(ev, r, i, 0);
		head = evidence_head(ev, log, db_text(r, i, EVIDENCE_LOG_N),
		    db_bytes(r, i, EVIDENCE_LOG_N + 1), e);
		if (head == -1 || evidence_put_cosigned(db, db_int(r, i,
		    EVIDENCE_LOG_N + 3), ev, log, e) == -1)
			goto out;
		if (i == 0)
			first = head;
		else if (db_bool(r, i, EVIDENCE_LOG_N + 4) &&
		    evidence_fork(ev, first, head) == -1)
			goto out;
	}
	if (n != 0) {
		size = db_int(r, 0, EVIDENCE_LOG_N + 2);
		if (verified > 0 && verified < size &&
		    evidence_recheck(ev, log, EVIDENCE_ASK_CONSISTENCY,
		    (uint64_t)verified, (uint64_t)size, e) == -1)
			goto out;
	}
	rc = 0;
out:
	db_free(r);
	return rc;
}

/* The log alone, for faults that no head shows. */
static int
put_log_only(struct db *db, struct evidence *ev, const char *id64,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc = 0;

	if (db_query(db, &r, e, "select " EVIDENCE_LOG_COLS " from log l "
	    EVIDENCE_LOG_JOIN "where encode(l.log_id, 'base64') = $1", "s",
	    id64) == -1)
		return -1;
	if (db_rows(r) == 0)
		rc = err_set(e, ERR_NOENT, "the log of this finding is not "
		    "known any more");
	else if (evidence_put_log(ev, r, 0, 0) == -1 || evidence_recheck(ev, 0,
	    EVIDENCE_ASK_HEAD, 0, 0, e) == -1)
		rc = -1;
	db_free(r);
	return rc;
}

static int
put_log_finding(struct db *db, struct evidence *ev, const struct db_res *r,
    struct err *e)
{
	const char	*id64 = db_text(r, 0, F_SUBJECT);
	json_t		*d = json_loads(db_text(r, 0, F_DETAIL), 0, NULL);
	const json_t	*faults = json_object_get(d, "faults"), *f;
	size_t		 i, n = json_array_size(faults);
	int		 rc = put_log_only(db, ev, id64, e);

	/* without faults: of entries, or of an older version */
	for (i = 0; rc == 0 && i < (n != 0 ? n : 1); i++) {
		f = n != 0 ? json_array_get(faults, i) : d;
		if ((rc = put_log_fault(db, ev, id64, f, e)) == 0)
			rc = evidence_put_contradiction(db, f, ev, 0, e);
	}
	if (rc == 0)
		rc = evidence_put_accused(db, d, id64, ev, e);
	json_decref(d);
	return rc;
}

/* The issuances of a finding about twins: this one, and those beside it. */
static int
put_twins(struct db *db, struct evidence *ev, const struct db_res *r,
    struct err *e)
{
	struct buf	 tbs = BUF_INIT;
	struct span	 hash;
	json_t		*d = json_loads(db_text(r, 0, F_DETAIL), 0, NULL), *all;
	const char	*hex;
	size_t		 i;
	int		 rc = 0;

	all = json_array();
	json_array_append(all, json_object_get(d, "tbs_sha256"));
	json_array_extend(all, json_object_get(d, "twins"));
	for (i = 0; i < json_array_size(all) && rc == 0; i++) {
		buf_reset(&tbs);
		hex = json_string_value(json_array_get(all, i));
		if (hex == NULL || enc_unhex(hex, strlen(hex), &tbs) == -1 ||
		    tbs.n != 32) {
			rc = err_set(e, ERR_NOENT, "the twins of this finding "
			    "are not stored");
			break;
		}
		hash = buf_bytes(&tbs);
		rc = put_issuance(db, &hash, ev, e);
	}
	json_decref(all);
	json_decref(d);
	buf_free(&tbs);
	return rc;
}

/* A finding about what the audit looks at: 1 it was none, 0, -1. */
static int
put_audited(struct db *db, struct evidence *ev, const struct db_res *r,
    struct err *e)
{
	const char	*kind = db_text(r, 0, F_KIND);
	const char	*subject = db_text(r, 0, F_SUBJECT);

	if (strcmp(kind, "revocation.campaign") == 0)
		return evidence_put_campaign(db, subject, ev, e);
	if (strcmp(kind, "revocation.source_faulty") == 0)
		return evidence_put_source(db, subject, ev, e);
	if (strcmp(kind, "certificate.revoked") == 0 ||
	    strncmp(kind, "revocation.", 11) == 0)
		return evidence_put_serial(db, subject, ev, e);
	if (strncmp(kind, "endpoint.", 9) == 0)
		return evidence_put_endpoint(db, subject, ev, e);
	if (strncmp(kind, "caa.", 4) == 0 || strncmp(kind, "grant.", 6) == 0)
		return evidence_put_name(db, subject, ev, e);
	return 1;
}

/* The issuance that a finding about a name means, where it means one. */
static int
put_meant(struct db *db, struct evidence *ev, const struct db_res *r,
    struct err *e)
{
	json_t		*d = json_loads(db_text(r, 0, F_DETAIL), 0, NULL);
	const char	*hex = json_string_value(json_object_get(d,
			    "tbs_sha256"));
	struct err	 why = ERR_INIT;
	struct span	 hash;
	uint8_t		 tbs[32];
	int		 rc = 0;

	if (hex != NULL && strcmp(db_text(r, 0, F_KIND), "caa.violated") == 0
	    && enc_unhex_to(tbs, 32, hex) == 0) {
		hash = (struct span){ tbs, 32 };
		if (put_issuance(db, &hash, ev, &why) == -1 &&
		    why.code != ERR_NOENT)
			rc = err_set(e, why.code, "%s", why.msg);
	}
	json_decref(d);
	return rc;
}

/* What the finding of row 0 is about. */
static int
put_subject(struct db *db, struct evidence *ev, const struct db_res *r,
    struct err *e)
{
	struct span	hash = db_bytes(r, 0, F_ID + 1);
	const char	*kind = db_text(r, 0, F_KIND);
	int		rc = put_audited(db, ev, r, e);

	if (rc == 0)
		return put_meant(db, ev, r, e);
	if (rc == -1)
		return -1;
	if (strncmp(kind, "log.", 4) == 0)
		return put_log_finding(db, ev, r, e);
	if (strcmp(kind, "certificate.twins") == 0)
		return put_twins(db, ev, r, e);
	if (hash.p != NULL)
		return put_issuance(db, &hash, ev, e);
	return err_set(e, ERR_USAGE, "finding %" PRId64 " is a %s, of which "
	    "there is nothing that a third party could check",
	    db_int(r, 0, F_ID), kind);
}

static int
put_numbered(struct db *db, const char *what, struct evidence *ev,
    struct err *e)
{
	struct db_res	*r = NULL;
	char		*end;
	long long	 id = strtoll(what, &end, 10);
	int		 rc = -1;

	if (end == what || *end != '\0' || id <= 0)
		return err_set(e, ERR_USAGE, "%.80s is neither the number of "
		    "a finding nor a tbs_sha256 of 64 hex digits", what);
	if (db_query(db, &r, e, "select kind, severity, state, subject, name, "
	    "watch, owner, reason, rule, first_seen, last_seen, logs, "
	    "detail::text, id, case when subject ~ '^[0-9a-f]{64}$' then "
	    "decode(subject, 'hex') end from finding where id = $1", "i",
	    (int64_t)id) == -1)
		return -1;
	if (db_rows(r) == 0) {
		(void)err_set(e, ERR_NOENT, "there is no finding %lld", id);
		goto out;
	}
	rc = put_subject(db, ev, r, e);
	if (rc == 0 && put_finding(ev, r, e) == -1)
		rc = -1;
out:
	db_free(r);
	return rc;
}

int
evidence_store_what(struct db *db, const char *what, struct evidence *ev,
    struct err *e)
{
	struct span	hash;
	int64_t		id;
	uint8_t		tbs[32];

	if (strlen(what) != 64)
		return put_numbered(db, what, ev, e);
	if (issuance_find(db, what, tbs, &id, e) == -1)
		return -1;
	hash = (struct span){ tbs, 32 };
	return put_issuance(db, &hash, ev, e);
}

enum { D_DAY = EVIDENCE_READ_N, D_AT, D_LAG, D_GAPS, D_LIST, D_BFORM,
	D_BRAW };

static int
put_day(struct evidence *ev, const struct db_res *r, size_t i, struct err *e)
{
	struct evidence_ref	ref = EVIDENCE_NO_REF;
	struct span		raw = db_bytes(r, i, D_BRAW);
	json_t			*o;

	if (!db_null(r, i, D_BRAW) && (ref.before = evidence_head(ev,
	    evidence_put_log(ev, r, i, 0), db_text(r, i, D_BFORM), raw, e)) ==
	    -1)
		return -1;
	o = evidence_put_read(ev, r, i, EVIDENCE_COVERAGE, &ref, e);
	if (o == NULL)
		return -1;
	if (ref.before != -1)
		evidence_put_head_sha(o, "before_sha256", raw);
	json_object_set_new(o, "day", json_string(db_text(r, i, D_DAY)));
	json_object_set_new(o, "verified_at", evidence_moment(db_time(r, i,
	    D_AT)));
	json_object_set_new(o, "max_lag_seconds", json_integer(db_int(r, i,
	    D_LAG)));
	json_object_set_new(o, "gaps", json_integer(db_int(r, i, D_GAPS)));
	if (!db_null(r, i, D_LIST))
		json_object_set_new(o, "log_list_sha256", evidence_hex(
		    db_bytes(r, i, D_LIST).p, 32));
	return evidence_attest(ev, o, &ref, e);
}

int
evidence_store_coverage(struct db *db, int64_t from, int64_t to,
    struct evidence *ev, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, &r, e, "select " EVIDENCE_LOG_COLS ", d.size_from, d.size_to, "
	    "d.root_hash, d.proof, t.form, t.raw, d.watch_set_sha256, "
	    "d.day::text, d.verified_at, d.max_lag_seconds, d.gaps, "
	    "d.log_list_sha256, b.form, b.raw "
	    "from coverage_day d join log l on l.id = d.log_ref "
	    EVIDENCE_LOG_JOIN
	    "join tree_head t on t.id = d.head_id "
	    "left join lateral (select h.form, h.raw from coverage_day p "
	    "join tree_head h on h.id = p.head_id where "
	    "p.log_ref = d.log_ref and p.day < d.day "
	    "and h.tree_size >= d.size_from order by p.day desc limit 1) b "
	    "on true "
	    "where d.day between ($1::timestamptz at time zone 'UTC')::date "
	    "and ($2::timestamptz at time zone 'UTC')::date "
	    "order by d.log_ref, d.day", "tt", from, to) == -1)
		return -1;
	*n = db_rows(r);
	for (i = 0; i < *n && rc == 0; i++)
		if (put_day(ev, r, i, e) == -1)
			rc = -1;
	db_free(r);
	return rc;
}
