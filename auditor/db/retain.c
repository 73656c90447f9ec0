#include "auditor/db/retain.h"

#include <inttypes.h>
#include <string.h>

#include "base/limit.h"

/* Partitions that are there before any certificate needs them. */
#define AHEAD	"interval '4 years'"
/* Nobody waits longer for a table that is worked on; what is done takes its time. */
#define LOCK_WAIT "set local lock_timeout = '5s'; " \
	"set local statement_timeout = 0"

int
retain_list(struct db *db, const struct retain *t, struct db_res **res,
    struct err *e)
{
	return db_query(db, res, e, "select p.name, p.parent, "
	    "pg_total_relation_size(p.oid), nullif(c.reltuples, -1)::bigint, "
	    "p.over_at + $1 * interval '1 second' as due_at, "
	    "coalesce(p.over_at + $1 * interval '1 second' < now(), false) "
	    "from retention_part p join pg_class c on c.oid = p.oid "
	    "order by due_at, p.name", "i", t->certificates);
}

/* Somebody has the table: that is no fault. */
static int
busy(struct db *db, struct err *e)
{
	if (strcmp(db_sqlstate(db), "55P03") != 0)
		return -1;
	return err_set(e, ERR_TEMP, "a table is in use for long (a backup?)");
}

static int
drop(struct db *db, const struct db_res *list, size_t i, struct buf *out,
    struct err *e)
{
	const char	*name = db_text(list, i, 0);
	struct db_res	*r = NULL;
	int64_t		 kept;
	int		 empty;

	if (db_begin(db, e) == -1)
		return -1;
	if (db_script(db, LOCK_WAIT, e) == -1 ||
	    db_query(db, &r, e, "select retention_drop($1)", "s", name) == -1)
		goto err;
	kept = db_int(r, 0, 0);
	empty = db_null(r, 0, 0);
	db_free(r);
	if (empty)
		return db_commit(db, e);
	if (db_query(db, NULL, e, "insert into audit_trail (actor, action, "
	    "detail) values ('certvigil', 'db.retention', json_build_object("
	    "'partition', $1::text, 'bytes', $2, 'kept', $3))", "sii", name,
	    db_int(list, i, 2), kept) == -1 || db_commit(db, e) == -1)
		goto err;
	buf_fmt(out, "dropped %s: %" PRId64 " bytes; %" PRId64 " rows that "
	    "evidence needs were kept\n", name, db_int(list, i, 2), kept);
	return 0;
err:
	db_rollback(db);
	return busy(db, e);
}

/* One at a time, so that nobody waits for all: *more when it was one. */
static int
partitions(struct db *db, const struct retain *t, struct buf *out, int *more,
    struct err *e)
{
	struct db_res	*list;
	size_t		 i;
	int		 rc = 0;

	if (retain_list(db, t, &list, e) == -1)
		return -1;
	for (i = 0; i < db_rows(list) && rc == 0 && !*more; i++) {
		if (!db_bool(list, i, 5))
			continue;
		*more = !t->dry;
		if (!t->dry)
			rc = drop(db, list, i, out, e);
		else
			buf_fmt(out, "would drop %s: %" PRId64 " bytes\n",
			    db_text(list, i, 0), db_int(list, i, 2));
	}
	db_free(list);
	return rc;
}

/* Partitions for the years to come. */
static int
ahead(struct db *db, const struct retain *t, struct buf *out, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 n = 0;

	if (db_query(db, &r, e, "select 1 where coalesce((select "
	    "max(over_at) from retention_part where parent = 'certificate'), "
	    "now()) < now() + " AHEAD, "") == -1)
		return -1;
	n = (int64_t)db_rows(r);
	db_free(r);
	if (n == 0)
		return 0;
	if (t->dry) {
		buf_str(out, "would make partitions of the years ahead\n");
		return 0;
	}
	if (db_begin(db, e) == -1)
		return -1;
	if (db_script(db, LOCK_WAIT, e) == -1 || db_query(db, &r, e,
	    "select retention_ahead(now() + " AHEAD ")", "") == -1)
		goto err;
	n = db_int(r, 0, 0);
	db_free(r);
	if (db_commit(db, e) == -1)
		goto err;
	buf_fmt(out, "made %" PRId64 " partitions of the years ahead\n", n);
	return 0;
err:
	db_rollback(db);
	return busy(db, e);
}

/*
 * Rows that go one by one: of ${table}, which is x of ${from}, by a condition.
 * $1 is an age in seconds.
 */
static const struct {
	const char	*what;
	const char	*table;
	const char	*from;
	const char	*where;
	int		 deliveries;	/* by that time, not certificates' */
} rows[] = {
	{ "certificates outside of all partitions", "certificate_rest",
	    "certificate_rest x",
	    "x.not_after < now() - $1 * interval '1 second' and not exists "
	    "(select from retention_needed() n where n = x.tbs_sha256)", 0 },
	{ "messages that ended", "delivery", "delivery x",
	    "x.state in ('delivered', 'dead') and x.done_at < now() - $1 * "
	    "interval '1 second' and not exists (select from finding f where "
	    "f.id = any (x.findings) and f.state in ('open', 'acked', "
	    "'rejected'))", 1 },
	/* what retention_drop() left: of logs that have no partition */
	{ "matches of entries that were dropped", "entry_match",
	    "(select id from log where to_regclass('entry_' || id) is null) l "
	    "cross join lateral (select m.ctid, m.index from entry_match m "
	    "where m.log_ref = l.id offset 0) x",
	    "$1::bigint is not null and not exists (select from entry e where "
	    "e.log_ref = l.id and e.index = x.index)", 0 },
};

/* A batch, so that nobody waits for it: *more when there may be another. */
static int
old_rows(struct db *db, size_t i, const struct retain *t, struct buf *out,
    int *more, struct err *e)
{
	int64_t		 age = rows[i].deliveries ? t->deliveries :
	    t->certificates, n = 0;
	struct db_res	*r;
	struct buf	 sql = BUF_INIT;
	int		 rc;

	if (t->dry)
		buf_fmt(&sql, "select count(*) from %s where %s",
		    rows[i].from, rows[i].where);
	else
		buf_fmt(&sql, "delete from %s where ctid = any (array(select "
		    "x.ctid from %s where %s limit %d))", rows[i].table,
		    rows[i].from, rows[i].where, LIMIT_RETAIN_ROWS);
	rc = db_query(db, &r, e, buf_text(&sql), "i", age);
	buf_free(&sql);
	if (rc == -1)
		return -1;
	n = t->dry ? db_int(r, 0, 0) : db_changed(r);
	db_free(r);
	*more |= !t->dry && n == LIMIT_RETAIN_ROWS;
	if (n != 0)
		buf_fmt(out, "%s %" PRId64 " %s\n", t->dry ? "would drop" :
		    "dropped", n, rows[i].what);
	return 0;
}

int
retain_turn(struct db *db, const struct retain *t, struct buf *out, int *more,
    struct err *e)
{
	size_t	i;

	*more = 0;
	if (ahead(db, t, out, e) == -1 ||
	    partitions(db, t, out, more, e) == -1)
		return -1;
	for (i = 0; !*more && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (old_rows(db, i, t, out, more, e) == -1)
			return -1;
	return 0;
}
