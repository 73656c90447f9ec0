#include "auditor/db/back_store.h"

#include <inttypes.h>
#include <stdio.h>

#include "auditor/db/lease.h"
#include "base/limit.h"
#include "ctlog/tile.h"

/* How a back-fill is cut into ranges: from the top, newest first. */

static int
is_power(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

uint64_t
back_round(uint64_t at)
{
	at -= at % TILE_WIDTH;
	while (is_power(at))
		at -= TILE_WIDTH;
	return at;
}

uint64_t
back_floor(uint64_t end, uint64_t step)
{
	uint64_t	at = (end - 1) / step * step, up = at;

	/* one tile more, so that nearly all ranges are as wide */
	while (is_power(up))
		up += TILE_WIDTH;
	return up < end ? up : back_floor(at, step);
}

/* A back-fill that is being cut. */
struct plan {
	int64_t	id, from, cut, step, open;
	int	log_ref, again;
};

/* Its row, locked; *have 0: another worker is at it, or it is over. */
static int
plan_load(struct db *db, int64_t id, struct plan *p, int *have, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select log_ref, size_from, cut, step, again, "
	    "(select count(*) from backfill_range r where "
	    "r.backfill_id = b.id and r.size_done < r.size_to) "
	    "from backfill b where id = $1 and state = 'open' and "
	    "size_from is not null for update skip locked", "i", id) == -1)
		return -1;
	*have = db_rows(r) == 1;
	p->id = id;
	p->log_ref = (int)db_int(r, 0, 0);
	p->from = db_int(r, 0, 1);
	p->cut = db_int(r, 0, 2);
	p->step = db_int(r, 0, 3);
	p->again = db_bool(r, 0, 4);
	p->open = db_int(r, 0, 5);
	db_free(r);
	return 0;
}

/*
 * What others have, or have read: *${below} is where that ends below the
 * cut, which goes below what it is in.
 */
static int
taken(struct db *db, struct plan *p, int64_t *below, struct err *e)
{
	struct db_res	*r = NULL;
	int		 in;

	*below = 0;
	if (p->again)
		return 0;
	do {
		if (db_query(db, &r, e, "select (select min(size_from) from "
		    "(select size_from from log_range where log_ref = $1 and "
		    "size_from < $2 and size_to >= $2 union all "
		    "select size_from from backfill_range where log_ref = $1 "
		    "and size_done < size_to and size_from < $2 and "
		    "size_to >= $2) x), (select max(size_to) from "
		    "(select size_to from log_range where log_ref = $1 and "
		    "size_to < $2 union all select size_to from "
		    "backfill_range where log_ref = $1 and "
		    "size_done < size_to and size_to < $2) x)", "ii",
		    (int64_t)p->log_ref, p->cut) == -1)
			return -1;
		in = !db_null(r, 0, 0);
		if (in)
			p->cut = db_int(r, 0, 0);
		*below = db_int(r, 0, 1);
		db_free(r);
	} while (in && p->cut > p->from);
	return 0;
}

static int
range_add(struct db *db, const struct plan *p, int64_t from, struct err *e)
{
	struct db_res	*r = NULL;
	char		 subject[32];

	if (db_query(db, &r, e, "insert into backfill_range (backfill_id, "
	    "log_ref, size_from, size_to, size_done) values ($1, $2, $3, $4, "
	    "$3) returning id", "iiii", p->id, (int64_t)p->log_ref, from,
	    p->cut) == -1)
		return -1;
	(void)snprintf(subject, sizeof(subject), "%" PRId64,
	    db_int(r, 0, 0));
	db_free(r);
	return lease_add(db, "backfill", subject, e);
}

/* Everything was cut and read.  What another left out is cut again. */
static int
end(struct db *db, const struct plan *p, struct err *e)
{
	return db_query(db, NULL, e, "update backfill b set "
	    "state = case when x.whole then 'done' else state end, "
	    "ended_at = case when x.whole then now() end, "
	    "cut = case when x.whole then cut else size_to end "
	    "from (select b.again or b.size_to - b.size_from <= "
	    "coalesce((select sum(least(g.size_to, b.size_to) - "
	    "greatest(g.size_from, b.size_from)) from log_range g where "
	    "g.log_ref = b.log_ref and g.size_from < b.size_to and "
	    "g.size_to > b.size_from), 0) as whole from backfill b "
	    "where b.id = $1) x where b.id = $1", "i", p->id);
}

static int
cut(struct db *db, int64_t id, size_t *n, struct err *e)
{
	struct plan	p;
	int64_t		below, from;
	int		have;

	if (plan_load(db, id, &p, &have, e) == -1)
		return -1;
	if (!have)
		return 0;
	for (; p.open < LIMIT_BACK_WINDOW && p.cut > p.from; p.open++) {
		if (taken(db, &p, &below, e) == -1)
			return -1;
		if (p.cut <= p.from)
			break;
		from = (int64_t)back_floor((uint64_t)p.cut,
		    (uint64_t)p.step);
		if (from < below)
			from = below;
		if (from < p.from)
			from = p.from;
		if (range_add(db, &p, from, e) == -1)
			return -1;
		p.cut = from;
		++*n;
	}
	if (p.open == 0)
		return end(db, &p, e);
	return db_query(db, NULL, e, "update backfill set cut = $2 "
	    "where id = $1", "ii", id, p.cut);
}

int
back_plan(struct db *db, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	*n = 0;
	/* those of which half a window or less is left */
	if (db_query(db, &r, e, "select b.id from backfill b where "
	    "b.state = 'open' and b.size_from is not null and (select "
	    "count(*) from (select from backfill_range r where "
	    "r.backfill_id = b.id and r.size_done < r.size_to limit $1) x) < "
	    "case when b.cut > b.size_from then $1 else 1 end "
	    "order by b.id", "i", (int64_t)LIMIT_BACK_WINDOW / 2) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		if (db_begin(db, e) == -1)
			rc = -1;
		else if (cut(db, db_int(r, i, 0), n, e) == -1 ||
		    db_commit(db, e) == -1) {
			db_rollback(db);
			rc = -1;
		}
	}
	db_free(r);
	return rc;
}
