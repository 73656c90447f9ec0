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
	    "order by size_from limit 1) g join tree_head t on "
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
	int64_t		 n;
	size_t		 i;
	int		 rc = 0;

	*removed = 0;
	*more = 0;
	if (db_query(db, &r, e, "select id from log order by id", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		one = NULL;
		rc = db_query(db, &one, e, "select head_sweep($1::int, "
		    "interval '1 day', $2::int)", "ii", db_int(r, i, 0),
		    (int64_t)LIMIT_HEAD_SWEEP);
		if (rc == -1)
			break;
		n = db_int(one, 0, 0);
		db_free(one);
		*removed += n;
		*more |= n > 0 && n >= (int64_t)LIMIT_HEAD_SWEEP;
	}
	db_free(r);
	return rc;
}
