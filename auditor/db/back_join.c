#include "auditor/db/back_join.h"

#include "base/mem.h"

/* The newest watch: what is entered behind it is matched against all. */
#define NEWEST	"coalesce(greatest((select max(added_at) from watch where " \
    "removed_at is null), (select max(loaded_at) from watch_file)), " \
    "'-infinity')"

/* An older back-fill, locked. */
struct older {
	int64_t	id;		/* 0: there is none */
	int64_t	from, to;
	int64_t	begun;		/* entries below were not begun; > from */
};

void
back_ids_add(struct back_ids *ids, int64_t id)
{
	ids->v = mem_grow(ids->v, &ids->cap, ids->n + 1, sizeof(*ids->v));
	ids->v[ids->n++] = id;
}

int
back_join_open(struct db *db, const struct back_want *w, struct back_ids *ids,
    int *read, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;

	if (db_query(db, &r, e, "with b as (select id, state, size_from, "
	    "size_to from backfill where log_ref = $1 and again and "
	    "state <> 'cancelled' and size_from < size_to and "
	    "added_at > " NEWEST "), u as (select range_agg(int8range("
	    "size_from, size_to)) @> int8range($2, $3) as all_of_it from b) "
	    "select b.id from u left join b on b.state = 'open' and "
	    "b.size_from < $3 and b.size_to > $2 where u.all_of_it "
	    "order by b.id", "iii", (int64_t)w->log_ref, w->from, w->to) == -1)
		return -1;
	*read = db_rows(r) == 1 && db_null(r, 0, 0);
	for (i = 0; i < db_rows(r) && !*read; i++)
		back_ids_add(ids, db_int(r, i, 0));
	db_free(r);
	return 0;
}

int
back_join_date(struct db *db, struct back_want *w, struct back_ids *ids,
    struct err *e)
{
	struct back_want all = *w;
	struct db_res	*r = NULL;
	int		 rc = 0, read = 0;

	all.from = 0;
	if (back_join_open(db, &all, ids, &read, e) == -1)
		return -1;
	if (ids->n != 0 || read) {
		w->from = 0;
		return 0;
	}
	/* an earlier date, only where that is read anyway */
	if (db_query(db, &r, e, "select id, size_from from backfill where "
	    "state = 'open' and log_ref = $1 and again and (since = $2 or "
	    "since < $2 and added_at > " NEWEST ") "
	    "order by size_from is null desc, since desc, id limit 1 "
	    "for update", "it", (int64_t)w->log_ref, w->since) == -1)
		return -1;
	if (db_rows(r) != 0 && !db_null(r, 0, 1))
		w->from = db_int(r, 0, 1);
	else if (db_rows(r) != 0) {
		back_ids_add(ids, db_int(r, 0, 0));
		rc = db_query(db, NULL, e, "update backfill set "
		    "size_to = greatest(size_to, $2), "
		    "cut = greatest(size_to, $2), added_at = now() "
		    "where id = $1", "ii", db_int(r, 0, 0), w->to);
	}
	db_free(r);
	return rc;
}

/* One that has something which was not begun, and all of that is wanted. */
static int
older(struct db *db, const struct back_want *w, struct older *o,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select id, size_from, size_to from backfill "
	    "where state = 'open' and again and log_ref = $1 and "
	    "added_at <= " NEWEST " and size_from >= $2 and size_from < $3 "
	    "order by size_from, id limit 1 for update", "iii",
	    (int64_t)w->log_ref, w->from, w->to) == -1)
		return -1;
	o->id = db_rows(r) == 0 ? 0 : db_int(r, 0, 0);
	o->from = db_int(r, 0, 1);
	o->to = db_int(r, 0, 2);
	db_free(r);
	if (o->id == 0)
		return 0;
	/* whoever has a row of work, or just takes it, may have begun */
	if (db_query(db, &r, e, "with free as materialized (select r.id from "
	    "backfill_range r join work k on k.kind = 'backfill' and "
	    "k.subject = r.id::text where r.backfill_id = $1 and "
	    "r.size_done = r.size_from and k.holder is null "
	    "for update of k skip locked) select coalesce(min(r.size_from), "
	    "$2) from backfill_range r where r.backfill_id = $1 and "
	    "r.id not in (select id from free)", "ii", o->id, o->to) == -1)
		return -1;
	o->begun = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

/* What was cut of it and not begun goes. */
static int
uncut(struct db *db, const struct older *o, struct err *e)
{
	return db_query(db, NULL, e, "delete from work where "
	    "kind = 'backfill' and subject in (select id::text from "
	    "backfill_range where backfill_id = $1 and size_from < $2)", "ii",
	    o->id, o->begun) == -1 ||
	    db_query(db, NULL, e, "delete from backfill_range where "
	    "backfill_id = $1 and size_from < $2", "ii", o->id, o->begun)
	    == -1 ? -1 : 0;
}

/* Nothing of it was begun: it becomes what is wanted by now. */
static int
widen(struct db *db, const struct back_want *w, const struct older *o,
    struct back_ids *ids, struct err *e)
{
	if (uncut(db, o, e) == -1 || db_query(db, NULL, e, "update backfill "
	    "set since = case when $2 < size_from then null else since end, "
	    "size_from = $2, size_to = $3, cut = $3, entries = $3 - $2, "
	    "entries_read = 0, added_at = now() where id = $1", "iii",
	    o->id, w->from, w->to) == -1)
		return -1;
	back_ids_add(ids, o->id);
	return 0;
}

static int
enter(struct db *db, const struct back_want *w, const struct older *like,
    int64_t from, int64_t to, struct back_ids *ids, struct err *e)
{
	struct db_res	*r = NULL;

	if (from >= to)
		return 0;
	/* it begins at the date at which the older one began */
	if (db_query(db, &r, e, "insert into backfill (log_ref, since, "
	    "size_from, size_to, again, step, cut, entries, actor) values ("
	    "$1, (select since from backfill where id = $2 and size_from = $3)"
	    ", $3, $4, true, $5, $4, $4 - $3, $6) returning id", "iiiiis",
	    (int64_t)w->log_ref, like->id, from, to, w->step, w->actor) == -1)
		return -1;
	back_ids_add(ids, db_int(r, 0, 0));
	db_free(r);
	return 0;
}

int
back_join(struct db *db, const struct back_want *w, struct back_ids *ids,
    struct err *e)
{
	struct older	o;

	if (older(db, w, &o, e) == -1)
		return -1;
	if (o.id == 0 || o.begun <= o.from || o.begun > w->to)
		return 0;
	if (o.begun == o.to)
		return widen(db, w, &o, ids, e);
	/* the older one ends what it has begun, and that is read again */
	if (uncut(db, &o, e) == -1 ||
	    enter(db, w, &o, w->from, o.begun, ids, e) == -1 ||
	    enter(db, w, &o, o.begun, w->to, ids, e) == -1)
		return -1;
	return db_query(db, NULL, e, "update backfill set size_from = $2, "
	    "cut = $2, since = null, entries = size_to - $2 where id = $1",
	    "ii", o.id, o.begun);
}
