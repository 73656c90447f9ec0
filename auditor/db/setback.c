#include "auditor/db/setback.h"

#include "auditor/db/acme_store.h"
#include "auditor/db/outbox.h"

/* One at a time: what was mended is not mended again. */
#define LOCK	"select pg_advisory_xact_lock(7202617)"
/* A smaller step, in seconds, delays nothing that anybody would notice. */
#define NOTICED	"2"

/*
 * How far the newest moment that a worker wrote lies in the future.  The clock is
 * read behind them: one that only goes on never shows any.
 */
static const char ahead_sql[] =
    "select case when d > " NOTICED " * 1000000::bigint then d else 0 end "
    "from (select coalesce((extract(epoch from max(at) - clock_timestamp()) * "
    "1000000)::bigint, 0) as d from (select last_seen from worker union all "
    "select polled_at from log_health) x (at)) y";

/* A moment in the future, of a row of which others may not be. */
#define SOONER(column)	column " = case when " column " > now() then " column \
	" - $1 * interval '1 microsecond' else " column " end"

/* Each with what the clock was set back by; rows in the order of who locks many. */
static const char *const mends[] = {
	"update worker set " SOONER("last_seen") ", " SOONER("started_at")
	" where greatest(last_seen, started_at) > now()",
	"update log_health set " SOONER("polled_at") ", " SOONER("head_at")
	", " SOONER("progress_at") ", " SOONER("caught_up_at") ", "
	SOONER("failing_since") " where greatest(polled_at, head_at, "
	"progress_at, caught_up_at, failing_since) > now()",
	"update work set due_at = due_at - $1 * interval '1 microsecond' where "
	"id in (select id from work where due_at > now() order by id "
	"for update)",
	"update delivery set " SOONER("due_at") " where id in (select id from "
	"delivery where state = 'pending' and due_at > now() order by id "
	"for update)",
	"update ocsp_due set due_at = due_at - $1 * interval '1 microsecond' "
	"where due_at > now()",
	"update ask_rate set " SOONER("hold_until") ", " SOONER("head_until")
	", " SOONER("cut_at") " where greatest(hold_until, head_until, "
	"cut_at) > now()",
	"update ask_worker set seen_at = seen_at - $1 * interval "
	"'1 microsecond' where seen_at > now()",
	/* a hold is counted from when it was seen first */
	"update issuance set " SOONER("first_seen") ", hold_until = hold_until "
	"- $1 * interval '1 microsecond' where hold_until > now() and "
	"first_seen > now()",
};

static int
ahead(struct db *db, int64_t *us, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, ahead_sql, "") == -1)
		return -1;
	*us = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

/* Leases that a living worker cannot have: it prolongs them from now. */
static int
leases(struct db *db, int lease_s, struct err *e)
{
	if (db_query(db, NULL, e, "update work set lease_until = now() + l.s * "
	    "interval '1 second' from (select greatest($1, max(lease_s)) as s "
	    "from worker) l where id in (select id from work where "
	    "lease_until > now() + l.s * interval '1 second' order by id "
	    "for update)", "i", (int64_t)lease_s) == -1)
		return -1;
	if (db_query(db, NULL, e, "update acme_order set held_until = now() + "
	    ORDER_HELD " where state = 'open' and held_until > now() + "
	    ORDER_HELD, "") == -1)
		return -1;
	return db_query(db, NULL, e, "update delivery set lease_until = now() "
	    "+ $1 * interval '1 second' where id in (select id from delivery "
	    "where state = 'sending' and lease_until > now() + $1 * "
	    "interval '1 second' order by id for update)", "i",
	    (int64_t)OUTBOX_LEASE);
}

static int
mend(struct db *db, int lease_s, int64_t *us, struct err *e)
{
	size_t	i;

	if (db_query(db, NULL, e, LOCK, "") == -1 || ahead(db, us, e) == -1)
		return -1;
	if (*us == 0)
		return 0;
	for (i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
		if (db_query(db, NULL, e, mends[i], "i", *us) == -1)
			return -1;
	return leases(db, lease_s, e);
}

int
setback_mend(struct db *db, int lease_s, int64_t *us, struct err *e)
{
	if (ahead(db, us, e) == -1)
		return -1;
	if (*us == 0)
		return 0;
	*us = 0;
	if (db_begin(db, e) == -1)
		return -1;
	if (mend(db, lease_s, us, e) == 0 && db_commit(db, e) == 0)
		return 0;
	db_rollback(db);
	*us = 0;
	return -1;
}
