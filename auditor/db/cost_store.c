#include "auditor/db/cost_store.h"

#include <string.h>

/* Fewer bytes than that of one log are no measure of it. */
#define LEAST_ENTRIES	"10000"
/* A database that is this old knows its own growth, in days; an empty one. */
#define OLD_ENOUGH	1.0
#define EMPTY		12e6

static int
logs(struct db *db, struct cost *c, struct err *e)
{
	struct db_res	*r;
	size_t		 i, k;

	if (db_query(db, &r, e, "select (l.protocol = 'static' or "
	    "coalesce(l.hybrid, false))::int, count(*), "
	    "count(h.growth_per_second), "
	    "coalesce(sum(h.growth_per_second), 0) * 86400, "
	    "case when sum(h.wire_entries) >= " LEAST_ENTRIES " then "
	    "(sum(h.wire_bytes) / sum(h.wire_entries))::float8 end "
	    "from log l left join log_health h on h.log_ref = l.id "
	    "where l.watched and l.listed and "
	    "l.state not in ('retired', 'readonly', 'rejected') group by 1",
	    "") == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++) {
		k = db_int(r, i, 0) != 0;
		c->logs[k] = db_int(r, i, 1);
		c->growing[k] = db_int(r, i, 2);
		c->entries_day[k] = db_real(r, i, 3);
		c->wire[k] = db_real(r, i, 4);
	}
	db_free(r);
	return 0;
}

int
cost_store_growth(struct db *db, struct cost_growth *g, struct err *e)
{
	struct db_res	*r;
	double		 days;

	memset(g, 0, sizeof(*g));
	if (db_query(db, &r, e, "select pg_database_size(current_database()), "
	    "(select extract(epoch from now() - min(added_at)) / 86400.0 "
	    "from log)::float8", "") == -1)
		return -1;
	g->size = db_int(r, 0, 0);
	days = db_real(r, 0, 1);
	if (days >= OLD_ENOUGH && (double)g->size > EMPTY)
		g->bytes_day = ((double)g->size - EMPTY) / days;
	db_free(r);
	return 0;
}

int
cost_store_now(struct db *db, struct cost *c, struct err *e)
{
	struct db_res	*r;

	memset(c, 0, sizeof(*c));
	if (logs(db, c, e) == -1 ||
	    cost_store_growth(db, &c->growth, e) == -1)
		return -1;
	if (db_query(db, &r, e, "with n as (select count(*) as all, "
	    "count(*) filter (where seen_at > now() - interval '7 days') "
	    "as week, least(7, greatest(1, extract(epoch from "
	    "now() - min(seen_at)) / 86400.0)) as days from entry), "
	    "b as (select (select sum(pg_total_relation_size(inhrelid)) "
	    "from pg_inherits where inhparent = 'entry'::regclass) + "
	    "pg_total_relation_size('entry_match') as bytes) "
	    "select n.all, coalesce(n.week / n.days, 0)::float8, "
	    "(b.bytes / nullif(n.all, 0))::float8 from n, b", "") == -1)
		return -1;
	c->entries = db_int(r, 0, 0);
	c->matches_day = db_real(r, 0, 1);
	c->match_bytes = db_real(r, 0, 2);
	db_free(r);
	return 0;
}
