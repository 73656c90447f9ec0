#include "auditor/db/evidence_put.h"

#include <string.h>

#include "auditor/evidence_heads.h"
#include "base/buf.h"
#include "base/enc.h"

/* Heads of a finding about a log. */

int
evidence_put_cosigned(struct db *db, int64_t id, struct evidence *ev,
    int log, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 key;
	size_t		 i;
	int		 n, rc = 0;

	if (db_query(db, &r, e, "select witness, key, raw from cosignature "
	    "where head_id = $1 and valid order by witness, key", "i", id)
	    == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		key = db_bytes(r, i, 1);
		n = evidence_head(ev, log, "checkpoint", db_bytes(r, i, 2),
		    e);
		if (n == -1 || key.n != 32 || evidence_cosigned(ev, n,
		    db_text(r, i, 0), key.p, e) == -1)
			rc = -1;
	}
	db_free(r);
	return rc;
}

/* The head statement of tree_head ${id}: its number, -2 when it is gone. */
static int
put_head(struct db *db, int64_t id, struct evidence *ev, int log,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 n = -2;

	if (db_query(db, &r, e, "select form, raw from tree_head where id = $1",
	    "i", id) == -1)
		return -1;
	if (db_rows(r) != 0)
		n = evidence_head(ev, log, db_text(r, 0, 0),
		    db_bytes(r, 0, 1), e);
	db_free(r);
	if (n >= 0 && evidence_put_cosigned(db, id, ev, log, e) == -1)
		return -1;
	return n;
}

int
evidence_put_contradiction(struct db *db, const json_t *detail,
    struct evidence *ev, int log, struct err *e)
{
	const json_t			*d = json_object_get(detail,
					    "inconsistent");
	const char			*root, *path;
	struct evidence_contradiction	 c;
	struct buf			 nodes = BUF_INIT;
	uint8_t				 hash[32];
	int				 rc = -1;

	root = json_string_value(json_object_get(d, "root_hash"));
	path = json_string_value(json_object_get(d, "path"));
	if (root == NULL || path == NULL ||
	    enc_unhex_to(hash, 32, root) == -1 ||
	    enc_unb64(path, strlen(path), &nodes) == -1) {
		buf_free(&nodes);
		return 0;
	}
	c.root = hash;
	c.path = buf_bytes(&nodes);
	c.head = put_head(db, json_integer_value(json_object_get(d,
	    "head_id")), ev, log, e);
	if (c.head == -1)
		goto out;
	c.other = put_head(db, json_integer_value(json_object_get(d,
	    "other_id")), ev, log, e);
	if (c.other == -1)
		goto out;
	rc = c.head == -2 || c.other == -2 ||
	    evidence_inconsistent(ev, &c, e) != -1 ? 0 : -1;
out:
	buf_free(&nodes);
	return rc;
}
