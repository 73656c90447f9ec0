#include "auditor/db/incl_store.h"

#include <string.h>

#include "auditor/db/vantage_store.h"

int
incl_store_own(struct db *db, int log_ref, int64_t *n, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "update sct s set inclusion = 'proved', "
	    "entry_index = e.index, proof = e.proof, proof_size = "
	    "e.proof_size, head_id = e.head_id, checked_at = now(), "
	    "last_error = null from entry e, log l where l.id = $1 and "
	    "e.log_ref = l.id and s.log_id = l.log_id and e.tbs_sha256 = "
	    "s.tbs_sha256 and e.leaf_hash = s.leaf_hash and e.head_id is not "
	    "null and s.inclusion in ('pending', 'unchecked', 'violated')",
	    "i", (int64_t)log_ref) == -1)
		return -1;
	if (n != NULL)
		*n = db_changed(r);
	db_free(r);
	return 0;
}

int
incl_store_head(struct db *db, int log_ref, struct incl_head *h,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 root;

	memset(h, 0, sizeof(*h));
	if (db_query(db, &r, e, "select id, tree_size, root_hash, "
	    "timestamp_ms from tree_head where log_ref = $1 and verdict = "
	    "'valid' and consistency <> 'conflict' and not "
	    VANTAGE_TOLD("tree_head.id") " order by timestamp_ms "
	    "desc, id desc limit 1", "i", (int64_t)log_ref) == -1)
		return -1;
	if (db_rows(r) == 1 && (root = db_bytes(r, 0, 2)).n == 32) {
		h->id = db_int(r, 0, 0);
		h->size = (uint64_t)db_int(r, 0, 1);
		memcpy(h->root, root.p, 32);
		h->timestamp_ms = db_int(r, 0, 3);
	}
	db_free(r);
	return 0;
}

int
incl_store_due(struct db *db, const struct incl_ask *q, struct db_res **res,
    struct err *e)
{
	return db_query(db, res, e, "select s.tbs_sha256, s.timestamp_ms, "
	    "s.leaf_hash, s.leaf_index, s.last_error from sct s join log l "
	    "on l.log_id = s.log_id where l.id = $1 and s.inclusion in "
	    "('pending', 'unchecked') and s.timestamp_ms + l.mmd * 1000::bigint "
	    "<= $2 and (s.checked_at is null or s.checked_at < now() - $3 * "
	    "interval '1 second') order by s.checked_at nulls first, "
	    "s.due_at limit $4", "iiii", (int64_t)q->log_ref,
	    q->timestamp_ms, q->every_s, (int64_t)q->max);
}

int
incl_store_alive(struct db *db, int log_ref, struct span tbs,
    int64_t timestamp_ms, int *yes, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select exists (select from log l join "
	    "log_health h on h.log_ref = l.id join sct s on s.log_id = "
	    "l.log_id and s.tbs_sha256 = $2 and s.timestamp_ms = $3 where "
	    "l.id = $1 and h.failing_since is null and h.head_at > "
	    "coalesce(s.checked_at, '-infinity'))", "ibi", (int64_t)log_ref,
	    &tbs, timestamp_ms) == -1)
		return -1;
	*yes = db_bool(r, 0, 0);
	db_free(r);
	return 0;
}

int
incl_store_said(struct db *db, const struct incl_said *s, struct err *e)
{
	int	proved = strcmp(s->state, "proved") == 0;

	return db_query(db, NULL, e, "update sct s set inclusion = $4, "
	    "entry_index = case when $5 then $6 else entry_index end, "
	    "proof = case when $5 then $7 else proof end, proof_size = case "
	    "when $5 then $8 else proof_size end, head_id = $9, checked_at = "
	    "now(), last_error = nullif($10, '') from log l where l.id = $2 "
	    "and s.log_id = l.log_id and s.tbs_sha256 = $1 and "
	    "s.timestamp_ms = $3", "biisBibiis", &s->tbs,
	    (int64_t)s->log_ref, s->timestamp_ms, s->state, proved, s->index,
	    &s->path, (int64_t)s->head->size, s->head->id, s->error);
}
