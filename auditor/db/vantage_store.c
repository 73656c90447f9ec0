#include "auditor/db/vantage_store.h"

#include <stdlib.h>

#include "auditor/db/lease.h"
#include "base/limit.h"
#include "base/mem.h"

int
vantage_plan(struct db *db, const struct conf *c, struct err *e)
{
	const char	**names = mem_array(c->nvantage, sizeof(*names));
	struct db_strs	  all = { names, c->nvantage };
	size_t		  i;
	int		  rc = -1;

	for (i = 0; i < c->nvantage; i++)
		names[i] = c->vantage[i].name;
	if (db_begin(db, e) == -1)
		goto out;
	if (db_query(db, NULL, e, "delete from work where kind = 'vantage' "
	    "and subject <> all($1)", "a", &all) == -1 ||
	    db_query(db, NULL, e, "delete from vantage where "
	    "name <> all($1)", "a", &all) == -1)
		goto undo;
	for (i = 0; i < c->nvantage; i++)
		if (db_query(db, NULL, e, "insert into vantage (name, url) "
		    "values ($1, $2) on conflict (name) do update set "
		    "url = excluded.url", "ss", names[i],
		    c->vantage[i].url != NULL ? c->vantage[i].url :
		    c->vantage[i].file) == -1 ||
		    lease_add(db, "vantage", names[i], e) == -1)
			goto undo;
	rc = db_commit(db, e);
	goto out;
undo:
	db_rollback(db);
out:
	free(names);
	return rc;
}

int
vantage_logs(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select l.id, l.log_id, "
	    "l.protocol = 'static', l.key, l.url, l.description, o.name "
	    "from log l join operator o on o.id = l.operator_id "
	    "where l.watched and l.listed order by l.id", "");
}

int
vantage_saw(struct db *db, const char *source, const struct head_in *h,
    int64_t *id, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 root = { h->root, 32 };

	*id = 0;
	if (db_query(db, &r, e, "with w as (select count(*) as n from (select "
	    "from vantage_head v join tree_head t on t.id = v.head_id where "
	    "v.source = $1 and t.consistency = 'pending' limit $9) x), "
	    "t as (insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) select $2, $3, $4, $5, $6, $7, "
	    "$8 from w where w.n < $9 on conflict (log_ref, tree_size, "
	    "timestamp_ms, root_hash, verdict) do update set "
	    "last_seen = tree_head.last_seen returning id, xmax = 0 as fresh) "
	    "insert into vantage_head (head_id, source, told) select t.id, "
	    "$1, t.fresh from t on conflict (head_id, source) do update set "
	    "last_seen = now() returning head_id", "siibisbsi", source,
	    (int64_t)h->log_ref, (int64_t)h->tree_size, &root,
	    (int64_t)h->timestamp_ms, h->checkpoint ? "checkpoint" : "sth",
	    &h->raw, h->verdict, (int64_t)LIMIT_VANTAGE_WAIT) == -1)
		return -1;
	if (db_rows(r) != 0)
		*id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
vantage_shown(struct db *db, int64_t head_id, struct err *e)
{
	return db_query(db, NULL, e, "update vantage_head set told = false "
	    "where head_id = $1 and told", "i", head_id);
}

int
vantage_done(struct db *db, const struct vantage_said *v, struct err *e)
{
	if (v->error != NULL)
		return db_query(db, NULL, e, "update vantage set "
		    "checked_at = now(), last_error = $2, failing_since = "
		    "coalesce(failing_since, now()) where name = $1", "ss",
		    v->source, v->error);
	return db_query(db, NULL, e, "update vantage set checked_at = now(), "
	    "ok_at = now(), failing_since = null, "
	    "last_error = nullif($2, ''), heads = $3, refused = $4 "
	    "where name = $1", "ssii", v->source, v->refusal, v->heads,
	    v->refused);
}

int
cosigned_store(struct db *db, const struct cosigned_in *c, int *fresh,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 key = { c->key, 32 };

	/* a right one is kept, whatever comes later */
	if (db_query(db, &r, e, "insert into cosignature (head_id, witness, "
	    "key, valid, stated_at, raw) values ($1, $2, $3, $4, "
	    "case when $4 then to_timestamp($5::bigint) end, $6) "
	    "on conflict (head_id, witness, key) do update set "
	    "valid = true, stated_at = excluded.stated_at, "
	    "raw = excluded.raw where not cosignature.valid and "
	    "excluded.valid returning 1", "isbBib", c->head_id, c->witness,
	    &key, c->valid, (int64_t)c->at, &c->raw) == -1)
		return -1;
	*fresh = db_rows(r) != 0;
	db_free(r);
	return 0;
}
