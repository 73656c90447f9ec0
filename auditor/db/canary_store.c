#include "auditor/db/canary_store.h"

int
canary_load(struct db *db, const struct canary *c, struct db_res **r,
    struct err *e)
{
	/*
	 * n: the newest of all, the newest whose time is over, the newest that
	 * was seen, of what we received and of what was declared.  What we
	 * order ourselves is received, or it is no certificate.  Expectations
	 * are read once: they have no order by name.
	 */
	return db_query(db, r, e, "with d as materialized (select null::bytea "
	    "as tbs_sha256, added_at as at, case when state = 'fulfilled' then "
	    "closed_at end as seen_at from expectation where kind = 'issuance' "
	    "and $1 = any (names) and state <> 'cancelled' and "
	    "origin <> 'acme'), "
	    "n as (select k.what, y.* from (values ('new'), ('due'), ('seen')) "
	    "k (what) cross join lateral ((select tbs_sha256, received_at as "
	    "at, seen_at from acme_received where $1 = any (names) and case "
	    "k.what when 'due' then received_at < now() - make_interval(secs "
	    "=> $2::bigint) when 'seen' then seen_at is not null else true end "
	    "order by received_at desc limit 1) union all "
	    "(select * from d where case k.what when 'due' then at < now() - "
	    "make_interval(secs => $2::bigint) when 'seen' then seen_at is not "
	    "null else true end order by at desc limit 1)) y), "
	    "late as (select tbs_sha256, at, seen_at from n where what = 'due' "
	    "and seen_at is null and at > coalesce((select max(at) from n "
	    "where what = 'seen'), '-infinity') order by at desc limit 1), "
	    "x as (select w.since, o.*, exists (select from late) as late "
	    "from (select max(since) as since from canary where name = $1) w "
	    "left join lateral (select * from (select 1 as k, * from late "
	    "union all select 2, tbs_sha256, at, seen_at from n where what = "
	    "'new') z order by k, at desc limit 1) o on true) "
	    "select tbs_sha256, at, seen_at, late, "
	    "not late and $3 > 0 and coalesce(greatest(at, since) < now() - "
	    "make_interval(secs => ($3 * 3 / 2 + $2)::bigint), false), "
	    "extract(epoch from now() - coalesce(at, since))::bigint, "
	    "extract(epoch from seen_at - at)::bigint from x", "sii", c->name,
	    c->within, c->every);
}

int
canary_managed(struct db *db, const char *name, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select name from managed_certificate where "
	    "removed_at is null and $1 = any (names) order by name <> $1, name "
	    "limit 1", "s", name);
}

int
canary_promises(struct db *db, const struct span *tbs, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select distinct log_id from acme_promise "
	    "where tbs_sha256 = $1 order by log_id", "b", tbs);
}

int
canary_due(struct db *db, const struct canary *c, struct err *e)
{
	if (db_query(db, NULL, e, "delete from canary where name <> $1", "s",
	    c->name) == -1 || db_query(db, NULL, e, "insert into canary (name) "
	    "values ($1) on conflict do nothing", "s", c->name) == -1)
		return -1;
	if (c->every == 0)
		return 0;
	return db_query(db, NULL, e, "update managed_certificate m set due_why "
	    "= 'it is the canary', next_at = now(), attempts = 0 where "
	    "m.name = $1 and m.removed_at is null and m.due_why is null and "
	    "m.issued_at < now() - make_interval(secs => $2::bigint) and not "
	    "exists (select from acme_order o where o.managed_id = m.id and "
	    "o.state = 'open')", "si", c->name, c->every);
}

int
canary_others(struct db *db, const char *name, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select subject from finding where kind = "
	    "'canary.missed' and state in ('open', 'acked') and subject is "
	    "distinct from $1", "s", name);
}
