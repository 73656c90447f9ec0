#include "auditor/db/head_store.h"

#include <string.h>

#include "base/limit.h"

/* Row 0 of id, tree_size, root_hash; frees the result. */
static int
ref_of(struct db_res *r, struct head_ref *out)
{
	struct span	root;

	memset(out, 0, sizeof(*out));
	if (db_rows(r) != 0) {
		root = db_bytes(r, 0, 2);
		out->id = db_int(r, 0, 0);
		out->size = (uint64_t)db_int(r, 0, 1);
		if (root.n == sizeof(out->root))
			memcpy(out->root, root.p, sizeof(out->root));
	}
	db_free(r);
	return 0;
}

int
head_of_range(struct db *db, int log_ref, struct head_ref *out,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select t.id, t.tree_size, t.root_hash from "
	    "(select head_id from log_range where log_ref = $1 "
	    "order by size_from desc limit 1) g join tree_head t on "
	    "t.id = g.head_id", "i", (int64_t)log_ref) == -1)
		return -1;
	return ref_of(r, out);
}

int
head_twin(struct db *db, int log_ref, uint64_t size, const uint8_t root[32],
    struct head_ref *out, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 h = { root, 32 };

	if (db_query(db, &r, e, "select id, tree_size, root_hash from "
	    "tree_head where log_ref = $1 and tree_size = $2 and "
	    "root_hash <> $3 and verdict = 'valid' and "
	    "consistency <> 'conflict' order by id limit 1", "iib",
	    (int64_t)log_ref, (int64_t)size, &h) == -1)
		return -1;
	return ref_of(r, out);
}

int
head_without(struct db *db, int log_ref, uint64_t index, int64_t ms,
    struct head_ref *out, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select id, tree_size, root_hash from (select "
	    "* from tree_head where log_ref = $1 and tree_size <= $2 and "
	    "verdict = 'valid' and consistency in ('proved', 'smaller') "
	    "order by tree_size desc, timestamp_ms desc limit 1) h where "
	    "timestamp_ms >= $3", "iii", (int64_t)log_ref, (int64_t)index, ms)
	    == -1)
		return -1;
	return ref_of(r, out);
}

int
head_pending(struct db *db, int log_ref, uint64_t size, int64_t after,
    struct head_ref *out, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select id, tree_size, root_hash from "
	    "tree_head where log_ref = $1 and verdict = 'valid' and "
	    "consistency = 'pending' and tree_size between 1 and $2 and "
	    "id > $3 order by id limit 1", "iii", (int64_t)log_ref,
	    (int64_t)size, after) == -1)
		return -1;
	return ref_of(r, out);
}

int
head_sweep(struct db *db, int64_t *removed, int *more, struct err *e)
{
	struct db_res	*r = NULL, *one;
	int64_t		 spent = 0;
	size_t		 i;
	int		 rc = 0, done = 1;

	*removed = 0;
	*more = 0;
	if (db_query(db, &r, e, "select l.id from log l left join head_swept s "
	    "on s.log_ref = l.id where s.upto is null or s.upto < 'infinity' "
	    "order by l.id", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && done && spent < LIMIT_HEAD_SWEEP; i++) {
		one = NULL;
		rc = db_query(db, &one, e, "select looked, removed, done from "
		    "head_sweep($1::int, interval '1 day', $2::int)", "ii",
		    db_int(r, i, 0), (int64_t)LIMIT_HEAD_SWEEP);
		if (rc == -1)
			break;
		spent += db_int(one, 0, 0) + LIMIT_HEAD_SWEEP_LOG;
		*removed += db_int(one, 0, 1);
		done = db_bool(one, 0, 2);
		db_free(one);
	}
	*more = !done || i < db_rows(r);
	db_free(r);
	/* the next time all of them are looked at again */
	return rc == -1 || *more ? rc : db_query(db, NULL, e, "delete from "
	    "head_swept", "");
}
