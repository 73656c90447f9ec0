#include "auditor/db/evidence_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/issuance.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"

/* Everything of one log that a file needs; row ${row}, from column ${c}. */
#define LOG_COLS	"l.log_id, l.key, l.description, o.name, l.protocol, " \
    "l.url, l.read_url, ll.source, ll.sha256, ll.listed_at, " \
    "case when ll.verified then ll.signature end"
#define LOG_JOIN	" join operator o on o.id = l.operator_id " \
    "left join lateral (select source, sha256, listed_at, verified, " \
    "signature from log_list where source = l.list_source " \
    "order by id desc limit 1) ll on true "
#define LOG_N		11

static int
put_log(struct evidence *ev, const struct db_res *r, size_t row, size_t c)
{
	struct evidence_log l = {
		.log_id = db_bytes(r, row, c).p,
		.key = db_bytes(r, row, c + 1),
		.description = db_text(r, row, c + 2),
		.operator = db_text(r, row, c + 3),
		.protocol = db_text(r, row, c + 4),
		.url = db_text(r, row, c + 5),
		.read_url = db_text(r, row, c + 6),
		.list_source = db_null(r, row, c + 7) ? NULL :
		    db_text(r, row, c + 7),
		.list_sha256 = db_bytes(r, row, c + 8).p,
		.list_at = db_time(r, row, c + 9),
		.list_sig = db_bytes(r, row, c + 10),
	};

	return evidence_log(ev, &l);
}

/*
 * The certificate of row ${row}, with as much of its chain as is there; with
 * none when the issuer did not sign it: that is no statement that could hold.
 */
static int
put_certificate(struct db *db, struct evidence *ev, const struct db_res *r,
    size_t row, struct err *e)
{
	struct db_res	*c = NULL;
	struct span	 chain[LIMIT_CHAIN], sha = db_bytes(r, row, 0);
	size_t		 i, n;
	int		 rc;

	/* nearest first, up to the first that we do not have */
	if (db_query(db, &c, e, "select i.der, n.nr from certificate c, "
	    "unnest(c.chain) with ordinality n (sha256, nr) "
	    "join issuer i on i.sha256 = n.sha256 "
	    "where c.sha256 = $1 order by n.nr", "b", &sha) == -1)
		return -1;
	n = db_rows(c);
	for (i = 0; i < n && i < LIMIT_CHAIN; i++) {
		if (db_int(c, i, 1) != (int64_t)i + 1 || db_bool(r, row, 3))
			break;
		chain[i] = db_bytes(c, i, 0);
	}
	rc = evidence_certificate(ev, db_text(r, row, 1),
	    db_bytes(r, row, 2), chain, i, e);
	db_free(c);
	return rc;
}

/* Which statement holds a certificate. */
struct held {
	uint8_t	sha256[32];
	int	number;
};

#define HELD	8	/* a precertificate, a certificate, their twins */

static size_t
put_certificates(struct db *db, const struct span *tbs, struct evidence *ev,
    struct held *held, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i, n;

	if (db_query(db, &r, e, "select distinct on (c.sha256) c.sha256, "
	    "c.form, c.der, coalesce(i.issued = 'invalid', false) "
	    "from certificate c left join issuance i on i.tbs_sha256 = "
	    "c.tbs_sha256 where c.tbs_sha256 = $1 order by c.sha256 limit 8",
	    "b", tbs) == -1)
		return 0;
	n = db_rows(r);
	for (i = 0; i < n && i < HELD; i++) {
		memcpy(held[i].sha256, db_bytes(r, i, 0).p, 32);
		held[i].number = put_certificate(db, ev, r, i, e);
		if (held[i].number == -1)
			break;
	}
	db_free(r);
	return i;
}

static int
held_of(const struct held *held, size_t n, struct span sha)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (sha.n == 32 && memcmp(held[i].sha256, sha.p, 32) == 0)
			return held[i].number;
	return -1;
}

static int
put_entry(struct evidence *ev, const struct db_res *r, size_t i,
    const struct held *held, size_t nheld, struct err *e)
{
	struct evidence_entry in;
	uint64_t head_size = (uint64_t)db_int(r, i, LOG_N + 10);

	memset(&in, 0, sizeof(in));
	in.log = put_log(ev, r, i, 0);
	in.head = evidence_head(ev, in.log, db_text(r, i, LOG_N + 8),
	    db_bytes(r, i, LOG_N + 9), e);
	if (in.head == -1)
		return -1;
	in.certificate = db_bool(r, i, LOG_N + 7) ? -1 :
	    held_of(held, nheld, db_bytes(r, i, LOG_N + 4));
	in.malformed = db_text(r, i, LOG_N + 12);
	in.index = (uint64_t)db_int(r, i, LOG_N);
	in.timestamp = (uint64_t)db_int(r, i, LOG_N + 1);
	in.entry_type = db_text(r, i, LOG_N + 2);
	in.leaf = db_bytes(r, i, LOG_N + 3);
	in.path = db_bytes(r, i, LOG_N + 5);
	in.size = (uint64_t)db_int(r, i, LOG_N + 6);
	in.onward = db_bytes(r, i, LOG_N + 11);
	if (in.size != head_size && in.onward.p == NULL)
		return err_set(e, ERR_DB, "entry %" PRIu64 ": the proof that "
		    "leads from the tree of %" PRIu64 " to the signed one was "
		    "not kept", in.index, in.size);
	if (evidence_entry(ev, &in, e) == -1)
		return -1;
	return evidence_recheck(ev, in.log, EVIDENCE_ASK_ENTRY, in.index,
	    head_size, e);
}

/* The entries of an issuance, or the malformed one with this leaf hash. */
static int
put_entries(struct db *db, const struct span *hash, struct evidence *ev,
    const struct held *held, size_t nheld, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, &r, e, "select " LOG_COLS ", e.index, "
	    "e.timestamp_ms, e.entry_type, e.leaf, e.cert_sha256, e.proof, "
	    "e.proof_size, e.malformed, t.form, t.raw, t.tree_size, c.proof, "
	    "e.reason from entry e join log l on l.id = e.log_ref " LOG_JOIN
	    "join tree_head t on t.id = e.head_id "
	    "left join consistency c on c.log_ref = e.log_ref and "
	    "c.size1 = e.proof_size and c.head_id = e.head_id "
	    "where e.tbs_sha256 = $1 or (e.malformed and e.leaf_hash = $1) "
	    "order by e.log_ref, e.index limit $2", "bi", hash,
	    (int64_t)LIMIT_EVIDENCE_ENTRIES) == -1)
		return -1;
	*n = db_rows(r);
	for (i = 0; i < *n && rc == 0; i++)
		if (put_entry(ev, r, i, held, nheld, e) == -1)
			rc = -1;
	db_free(r);
	return rc;
}

static json_t *
moment(int64_t t)
{
	char	text[CLK_TEXT];

	return json_string(clk_text(t, text));
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
	json_t	*o = json_object(), *detail;
	size_t	 i;

	json_object_set_new(o, "type", json_string(EVIDENCE_FINDING));
	json_object_set_new(o, "made_at", moment(clk_wall()));
	json_object_set_new(o, "id", json_integer(db_int(r, 0, F_ID)));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_object_set_new(o, texts[i].key,
		    evidence_text(db_text(r, 0, texts[i].col)));
	json_object_set_new(o, "rule", json_integer(db_int(r, 0, F_RULE)));
	json_object_set_new(o, "first_seen", moment(db_time(r, 0, F_FIRST)));
	json_object_set_new(o, "last_seen", moment(db_time(r, 0, F_LAST)));
	json_object_set_new(o, "logs", names_of(r, F_LOGS));
	detail = json_loads(db_text(r, 0, F_DETAIL), 0, NULL);
	json_object_set_new(o, "detail", detail != NULL ? detail :
	    json_object());
	return evidence_attest(ev, o, NULL, e);
}

/* What a log did: the head at hand and those that it stands against. */
static int
put_log_fault(struct db *db, struct evidence *ev, const char *id64,
    int64_t head_id, int64_t verified, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i, n;
	int		 log = -1, head, first = -1, rc = -1;

	/* the head, one that contradicts it, and the newest that agreed */
	if (db_query(db, &r, e, "select " LOG_COLS ", t.form, t.raw, "
	    "t.tree_size, t.id = h.id, t.tree_size = h.tree_size and "
	    "t.root_hash <> h.root_hash from log l " LOG_JOIN
	    "join tree_head h on h.id = $2 and h.log_ref = l.id "
	    "join lateral ((select * from tree_head where id = h.id) union all "
	    "(select * from tree_head where log_ref = l.id and "
	    "verdict = 'valid' and tree_size = h.tree_size and "
	    "root_hash <> h.root_hash order by id limit 1) union all "
	    "(select * from tree_head where log_ref = l.id and "
	    "verdict = 'valid' and consistency = 'proved' and id < h.id "
	    "order by id desc limit 1)) t on true "
	    "where encode(l.log_id, 'base64') = $1", "si", id64, head_id)
	    == -1)
		return -1;
	n = db_rows(r);
	for (i = 0; i < n; i++) {
		log = put_log(ev, r, i, 0);
		head = evidence_head(ev, log, db_text(r, i, LOG_N),
		    db_bytes(r, i, LOG_N + 1), e);
		if (head == -1)
			goto out;
		if (i == 0)
			first = head;
		else if (db_bool(r, i, LOG_N + 4) &&
		    evidence_fork(ev, first, head) == -1)
			goto out;
	}
	if (n != 0) {
		if (evidence_recheck(ev, log, EVIDENCE_ASK_HEAD, 0, 0, e)
		    == -1)
			goto out;
		if (verified > 0 && verified < db_int(r, 0, LOG_N + 2) &&
		    evidence_recheck(ev, log, EVIDENCE_ASK_CONSISTENCY,
		    (uint64_t)verified, (uint64_t)db_int(r, 0, LOG_N + 2), e)
		    == -1)
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

	if (db_query(db, &r, e, "select " LOG_COLS " from log l " LOG_JOIN
	    "where encode(l.log_id, 'base64') = $1", "s", id64) == -1)
		return -1;
	if (db_rows(r) == 0)
		rc = err_set(e, ERR_NOENT, "the log of this finding is not "
		    "known any more");
	else if (put_log(ev, r, 0, 0) == -1 || evidence_recheck(ev, 0,
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
	int64_t		 head, verified;

	head = json_integer_value(json_object_get(d, "head_id"));
	verified = json_integer_value(json_object_get(d, "verified_size"));
	json_decref(d);
	if (put_log_only(db, ev, id64, e) == -1)
		return -1;
	return put_log_fault(db, ev, id64, head, verified, e);
}

static int
put_issuance(struct db *db, const struct span *tbs, struct evidence *ev,
    struct err *e)
{
	struct held	held[HELD];
	struct err	why = ERR_INIT;
	size_t		n, entries = 0;

	n = put_certificates(db, tbs, ev, held, &why);
	if (why.code != ERR_NONE) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	if (put_entries(db, tbs, ev, held, n, &entries, e) == -1)
		return -1;
	if (n == 0 && entries == 0)
		return err_set(e, ERR_NOENT, "nothing is stored about it");
	return 0;
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

static int
put_numbered(struct db *db, const char *what, struct evidence *ev,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 hash;
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
	hash = db_bytes(r, 0, F_ID + 1);
	if (strncmp(db_text(r, 0, F_KIND), "log.", 4) == 0)
		rc = put_log_finding(db, ev, r, e);
	else if (strcmp(db_text(r, 0, F_KIND), "certificate.twins") == 0)
		rc = put_twins(db, ev, r, e);
	else if (hash.p != NULL)
		rc = put_issuance(db, &hash, ev, e);
	else
		(void)err_set(e, ERR_USAGE, "finding %lld is a %s, of which "
		    "there is nothing that a third party could check", id,
		    db_text(r, 0, F_KIND));
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

enum { D_DAY = LOG_N, D_FROM, D_TO, D_ROOT, D_AT, D_LAG, D_GAPS, D_LIST,
	D_WATCH, D_PROOF, D_FORM, D_RAW, D_BFORM, D_BRAW };

static int
put_day(struct evidence *ev, const struct db_res *r, size_t i, struct err *e)
{
	struct evidence_ref	ref = { -1, -1, db_bytes(r, i, D_PROOF), -1,
				    -1 };
	struct span		raw = db_bytes(r, i, D_RAW);
	json_t			*o;
	uint8_t			sha[32];
	int			log = put_log(ev, r, i, 0);

	if (!db_null(r, i, D_BRAW) && (ref.before = evidence_head(ev, log,
	    db_text(r, i, D_BFORM), db_bytes(r, i, D_BRAW), e)) == -1)
		return -1;
	ref.head = evidence_head(ev, log, db_text(r, i, D_FORM), raw, e);
	if (ref.head == -1)
		return -1;
	o = json_object();
	sha_256(sha, raw.p, raw.n);
	json_object_set_new(o, "head_sha256", evidence_hex(sha, 32));
	if (ref.before != -1) {
		raw = db_bytes(r, i, D_BRAW);
		sha_256(sha, raw.p, raw.n);
		json_object_set_new(o, "before_sha256", evidence_hex(sha,
		    32));
	}
	json_object_set_new(o, "type", json_string(EVIDENCE_COVERAGE));
	json_object_set_new(o, "made_at", moment(clk_wall()));
	json_object_set_new(o, "log_id", evidence_b64(db_bytes(r, i, 0).p,
	    32));
	json_object_set_new(o, "day", json_string(db_text(r, i, D_DAY)));
	json_object_set_new(o, "size_from", json_integer(db_int(r, i,
	    D_FROM)));
	json_object_set_new(o, "size_to", json_integer(db_int(r, i, D_TO)));
	json_object_set_new(o, "root_hash", evidence_hex(db_bytes(r, i,
	    D_ROOT).p, 32));
	json_object_set_new(o, "verified_at", moment(db_time(r, i, D_AT)));
	json_object_set_new(o, "max_lag_seconds", json_integer(db_int(r, i,
	    D_LAG)));
	json_object_set_new(o, "gaps", json_integer(db_int(r, i, D_GAPS)));
	if (!db_null(r, i, D_LIST))
		json_object_set_new(o, "log_list_sha256", evidence_hex(
		    db_bytes(r, i, D_LIST).p, 32));
	if (!db_null(r, i, D_WATCH))
		json_object_set_new(o, "watch_set_sha256", evidence_hex(
		    db_bytes(r, i, D_WATCH).p, 32));
	return evidence_attest(ev, o, &ref, e);
}

int
evidence_store_coverage(struct db *db, int64_t from, int64_t to,
    struct evidence *ev, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, &r, e, "select " LOG_COLS ", d.day::text, "
	    "d.size_from, d.size_to, d.root_hash, d.verified_at, "
	    "d.max_lag_seconds, d.gaps, d.log_list_sha256, "
	    "d.watch_set_sha256, d.proof, t.form, t.raw, b.form, b.raw "
	    "from coverage_day d join log l on l.id = d.log_ref " LOG_JOIN
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
