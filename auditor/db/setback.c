#include "auditor/db/setback.h"

#include "auditor/db/acme_store.h"
#include "auditor/db/outbox.h"

/* One at a time: what was mended is not mended again. */
#define LOCK	"select pg_advisory_xact_lock(7202618)"
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

/*
 * First what others lock first: the worker, then the work.  Who does any has its
 * row until the end of his transaction, and may want all the rest behind it.
 */
static const char workers[] = "update worker set " SOONER("last_seen") ", "
	SOONER("started_at") " where greatest(last_seen, started_at) > now()";

/*
 * No lease is one that a living worker cannot have: it prolongs them from now, as
 * soon as this is over, which may take its time.
 */
static const char work[] =
    "update work w set due_at = case when w.due_at > now() then w.due_at - $1 "
    "* interval '1 microsecond' else w.due_at end, lease_until = case when "
    "w.lease_until > now() + l.s * interval '1 second' then clock_timestamp() "
    "+ l.s * interval '1 second' else w.lease_until end from (select "
    "greatest($2, max(lease_s)) as s from worker) l where w.id in (select id "
    "from work where due_at > now() or lease_until > now() order by id "
    "for update)";

/* Each with what the clock was set back by. */
static const char *const mends[] = {
	"update log_health set " SOONER("polled_at") ", " SOONER("head_at")
	", " SOONER("progress_at") ", " SOONER("caught_up_at") ", "
	SOONER("failing_since") " where greatest(polled_at, head_at, "
	"progress_at, caught_up_at, failing_since) > now()",
	"update ocsp_due set due_at = due_at - $1 * interval '1 microsecond' "
	"where due_at > now()",
	/* these two in the order of rate_store_sync() */
	"update ask_rate set " SOONER("hold_until") ", " SOONER("head_until")
	", " SOONER("cut_at") " where (kind, subject, source) in (select kind, "
	"subject, source from ask_rate where greatest(hold_until, head_until, "
	"cut_at) > now() order by 1, 2, 3 for update)",
	"update ask_worker set seen_at = seen_at - $1 * interval "
	"'1 microsecond' where (kind, subject, source, holder) in (select "
	"kind, subject, source, holder from ask_worker where seen_at > now() "
	"order by 1, 2, 3, 4 for update)",
	/* a hold is counted from when it was seen first */
	"update issuance set " SOONER("first_seen") ", hold_until = hold_until "
	"- $1 * interval '1 microsecond' where hold_until > now() and "
	"first_seen > now()",
};

/* An order is locked before what it is for; what is told of all comes last. */
static const char orders[] =
    "update acme_order set held_until = now() + " ORDER_HELD " where state = "
    "'open' and held_until > now() + " ORDER_HELD;
/* A hook that runs just now is run once more: it is its moment that it has. */
static const char managed[] = "update managed_certificate set "
	SOONER("next_at") ", " SOONER("hook_at") ", " SOONER("ari_next")
	" where greatest(next_at, hook_at, ari_next) > now()";
static const char deliveries[] =
    "update delivery d set due_at = case when d.state = 'pending' and "
    "d.due_at > now() then d.due_at - $1 * interval '1 microsecond' else "
    "d.due_at end, lease_until = case when d.state = 'sending' then "
    "least(d.lease_until, now() + $2 * interval '1 second') else "
    "d.lease_until end where d.id in (select id from delivery where "
    "(state = 'pending' and due_at > now()) or (state = 'sending' and "
    "lease_until > now()) order by id for update)";

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

static int
mend(struct db *db, int lease_s, int64_t *us, struct err *e)
{
	size_t	i;

	/* much of it takes its time: it is that or what is late for hours */
	if (db_query(db, NULL, e, "set local statement_timeout = 0", "") == -1
	    || db_query(db, NULL, e, LOCK, "") == -1 ||
	    ahead(db, us, e) == -1)
		return -1;
	if (*us == 0)
		return 0;
	if (db_query(db, NULL, e, workers, "i", *us) == -1 ||
	    db_query(db, NULL, e, work, "ii", *us, (int64_t)lease_s) == -1)
		return -1;
	for (i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
		if (db_query(db, NULL, e, mends[i], "i", *us) == -1)
			return -1;
	if (db_query(db, NULL, e, orders, "") == -1 ||
	    db_query(db, NULL, e, managed, "i", *us) == -1)
		return -1;
	return db_query(db, NULL, e, deliveries, "ii", *us,
	    (int64_t)OUTBOX_LEASE);
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
