#include <inttypes.h>
#include <string.h>

#include "auditor/db/evidence_put.h"
#include "base/limit.h"
#include "pki/cert.h"

/* Issuances: their certificates, and the entries of logs. */

int
evidence_put_log(struct evidence *ev, const struct db_res *r, size_t row,
    size_t c)
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
 * The certificate of row ${row}, with as much of its chain as is there and
 * signed: what did not sign it is no statement that could hold.
 */
static int
put_certificate(struct db *db, struct evidence *ev, const struct db_res *r,
    size_t row, struct err *e)
{
	struct db_res	*c = NULL;
	struct span	 chain[LIMIT_CHAIN], sha = db_bytes(r, row, 0);
	struct span	 tbs = db_bytes(r, row, 3), before;
	size_t		 i, n;
	int		 rc;

	/*
	 * Nearest first, up to the first that we do not have; of one that was
	 * only served, the issuer that a judge found.
	 */
	if (db_query(db, &c, e, "select i.der, n.nr from certificate c, "
	    "unnest(c.chain) with ordinality n (sha256, nr) "
	    "join issuer i on i.sha256 = n.sha256 where c.sha256 = $1 "
	    "union all select i.der, 1 from cert_fact f "
	    "join issuer i on i.sha256 = f.issuer_sha256 "
	    "where f.tbs_sha256 = $2 and not exists "
	    "(select from certificate where sha256 = $1) order by 2",
	    "bb", &sha, &tbs) == -1)
		return -1;
	n = db_rows(c);
	before = db_bytes(r, row, 2);
	for (i = 0; i < n && i < LIMIT_CHAIN; i++) {
		if (db_int(c, i, 1) != (int64_t)i + 1 ||
		    cert_signed_by(before, db_bytes(c, i, 0), NULL) != 1)
			break;
		before = chain[i] = db_bytes(c, i, 0);
	}
	rc = evidence_certificate(ev, db_text(r, row, 1),
	    db_bytes(r, row, 2), chain, i, e);
	db_free(c);
	return rc;
}

/* Those of an issuance, from logs and from endpoints: 0 or -1. */
static int
put_certificates(struct db *db, const struct span *tbs, struct evidence *ev,
    struct evidence_held *held, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i, n;
	int		 rc = 0;

	held->n = 0;
	if (db_query(db, &r, e, "select distinct on (sha256) sha256, form, "
	    "der, tbs_sha256 from (select sha256, form, der, tbs_sha256 "
	    "from certificate where tbs_sha256 = $1 union all "
	    "select sha256, 'x509', der, tbs_sha256 from served_certificate "
	    "where tbs_sha256 = $1) c order by sha256 limit 8", "b", tbs)
	    == -1)
		return -1;
	n = db_rows(r);
	for (i = 0; i < n && i < EVIDENCE_HELD && rc == 0; i++) {
		memcpy(held->v[i].sha256, db_bytes(r, i, 0).p, 32);
		held->v[i].final = strcmp(db_text(r, i, 1), "x509") == 0;
		held->v[i].number = put_certificate(db, ev, r, i, e);
		if (held->v[i].number == -1)
			rc = -1;
		else
			held->n = i + 1;
	}
	db_free(r);
	return rc;
}

int
evidence_held_of(const struct evidence_held *held, struct span sha)
{
	size_t	i;

	for (i = 0; i < held->n; i++)
		if (sha.n == 32 && memcmp(held->v[i].sha256, sha.p, 32) == 0)
			return held->v[i].number;
	return -1;
}

/* What put_entry() needs; ${bare}: without its certificate, and ${why}. */
#define ENTRY_SQL(bare, why) "select " EVIDENCE_LOG_COLS ", e.index, " \
    "e.timestamp_ms, e.entry_type, e.leaf, e.cert_sha256, e.proof, " \
    "e.proof_size, " bare ", t.form, t.raw, t.tree_size, c.proof, " why \
    " from entry e join log l on l.id = e.log_ref " EVIDENCE_LOG_JOIN \
    "join tree_head t on t.id = e.head_id " \
    "left join consistency c on c.log_ref = e.log_ref and " \
    "c.size1 = e.proof_size and c.head_id = e.head_id "

/* The number of the statement, or -1. */
static int
put_entry(struct evidence *ev, const struct db_res *r, size_t i,
    const struct evidence_held *held, struct err *e)
{
	struct evidence_entry in;
	uint64_t head_size = (uint64_t)db_int(r, i, EVIDENCE_LOG_N + 10);
	int n;

	memset(&in, 0, sizeof(in));
	in.log = evidence_put_log(ev, r, i, 0);
	in.head = evidence_head(ev, in.log, db_text(r, i, EVIDENCE_LOG_N + 8),
	    db_bytes(r, i, EVIDENCE_LOG_N + 9), e);
	if (in.head == -1)
		return -1;
	in.certificate = db_bool(r, i, EVIDENCE_LOG_N + 7) ? -1 :
	    evidence_held_of(held, db_bytes(r, i, EVIDENCE_LOG_N + 4));
	in.malformed = db_text(r, i, EVIDENCE_LOG_N + 12);
	in.index = (uint64_t)db_int(r, i, EVIDENCE_LOG_N);
	in.timestamp = (uint64_t)db_int(r, i, EVIDENCE_LOG_N + 1);
	in.entry_type = db_text(r, i, EVIDENCE_LOG_N + 2);
	in.leaf = db_bytes(r, i, EVIDENCE_LOG_N + 3);
	in.path = db_bytes(r, i, EVIDENCE_LOG_N + 5);
	in.size = (uint64_t)db_int(r, i, EVIDENCE_LOG_N + 6);
	in.onward = db_bytes(r, i, EVIDENCE_LOG_N + 11);
	if (in.size != head_size && in.onward.p == NULL)
		return err_set(e, ERR_DB, "entry %" PRIu64 ": the proof that "
		    "leads from the tree of %" PRIu64 " to the signed one was "
		    "not kept", in.index, in.size);
	if ((n = evidence_entry(ev, &in, e)) == -1)
		return -1;
	return evidence_recheck(ev, in.log, EVIDENCE_ASK_ENTRY, in.index,
	    head_size, e) == -1 ? -1 : n;
}

int
evidence_put_bare(struct db *db, const char *id64, int64_t index,
    const char *why, struct evidence *ev, struct err *e)
{
	struct db_res	*r = NULL;
	int		 n = -2;

	if (db_query(db, &r, e, ENTRY_SQL("true", "$3")
	    "where encode(l.log_id, 'base64') = $1 and e.index = $2", "sis",
	    id64, index, why) == -1)
		return -1;
	if (db_rows(r) != 0)
		n = put_entry(ev, r, 0, NULL, e);
	db_free(r);
	return n;
}

/* The entries of an issuance, or the malformed one with this leaf hash. */
static int
put_entries(struct db *db, const struct span *hash, struct evidence *ev,
    const struct evidence_held *held, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, &r, e, ENTRY_SQL("e.malformed", "e.reason")
	    "where e.tbs_sha256 = $1 or (e.malformed and e.leaf_hash = $1) "
	    "order by e.log_ref, e.index limit $2", "bi", hash,
	    (int64_t)LIMIT_EVIDENCE_ENTRIES) == -1)
		return -1;
	*n = db_rows(r);
	for (i = 0; i < *n && rc == 0; i++)
		if (put_entry(ev, r, i, held, e) == -1)
			rc = -1;
	db_free(r);
	return rc;
}

int
evidence_put_issuance(struct db *db, const struct span *tbs,
    struct evidence *ev, struct evidence_held *held, struct err *e)
{
	size_t	entries = 0;

	if (put_certificates(db, tbs, ev, held, e) == -1 ||
	    put_entries(db, tbs, ev, held, &entries, e) == -1)
		return -1;
	if (held->n == 0 && entries == 0)
		return err_set(e, ERR_NOENT, "nothing is stored about it");
	return 0;
}
