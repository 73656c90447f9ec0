#include "auditor/db/lease.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

int
lease_add(struct db *db, const char *kind, const char *subject, struct err *e)
{
	return db_query(db, NULL, e, "insert into work (kind, subject)"
	    " values ($1, $2) on conflict do nothing", "ss", kind, subject);
}

int
lease_plan(struct db *db, const struct lease_work *w, struct err *e)
{
	return db_query(db, NULL, e, "insert into work as w"
	    " (kind, subject, detail, due_at)"
	    " values ($1, $2, $3::jsonb, now() + $4 * interval '1 second')"
	    " on conflict (kind, subject) do update set"
	    " detail = excluded.detail,"
	    " due_at = least(w.due_at, excluded.due_at)", "sssi", w->kind,
	    w->subject, w->detail == NULL ? "{}" : w->detail, w->due_in_s);
}

static void
fill(struct lease *l, const struct db_res *r, size_t row)
{
	l->id = db_int(r, row, 0);
	l->token = db_int(r, row, 1);
	l->kind = mem_str(db_text(r, row, 2));
	l->subject = mem_str(db_text(r, row, 3));
	l->detail = mem_str(db_text(r, row, 4));
	l->attempts = (int)db_int(r, row, 5);
}

/*
 * Who is silent for longer is dead, as far as it is about who gets what, however
 * long its leases are: what it has is lost by time alone.
 */
#define STR2(n)		#n
#define STR(n)		STR2(n)
#define SILENT(lease)	"least(" lease ", " STR(LIMIT_WORKER_ALIVE) ")"

/*
 * Our part: what is due or held, by the workers of the role that live; and who
 * was away counts those that lived when it went.  What nobody took for a third
 * of that time is anybody's who was there for so long.  Materialized, so that the
 * planner locks no row twice.  Our slot is locked first: who takes it over
 * waits, and then takes this, too.
 */
static const char claim_sql[] =
    "with me as materialized (select started_at from worker where id = $1"
    " and instance = $7 for share),"
    " part as materialized (select case when $6::text is null then $3::bigint"
    " else greatest(0, ceil(n::numeric / greatest(1, live)) - ours) end as n"
    " from (select count(*) as n, count(*) filter (where holder = $1 and"
    " lease_until >= now()) as ours from work where $6::text is not null and"
    " kind = any ($2) and due_at <= now()) x,"
    " (select count(*) as live from worker where $6::text = any (roles) and"
    " state = 'working' and last_seen > now() -"
    " (" SILENT("lease_s") " + $8::bigint) * interval '1 s') y),"
    " due as materialized (select w.id, w.due_at, w.lease_until from work w"
    " where ($7::text is null or exists (select from me))"
    " and w.due_at <= now() and (w.lease_until is null or w.lease_until < now())"
    " and (cardinality($2) = 0 or w.kind = any ($2))"
    " and (cardinality($5) = 0 or w.kind || ':' || w.subject <> all ($5))"
    " order by w.due_at, w.id limit $3::bigint for update skip locked),"
    " free as (select id from (select *, row_number() over"
    " (order by due_at, id) as k from due) d where k <= (select n from part)"
    " or ($8 = 0 and greatest(due_at, lease_until,"
    " (select started_at from me)) < now() - " SILENT("$4") " *"
    " interval '1 second' / 3))"
    " update work w set holder = $1, token = w.token + 1,"
    " attempts = w.attempts + 1,"
    " lease_until = now() + $4 * interval '1 second'"
    " from free where w.id = free.id"
    " returning w.id, w.token, w.kind, w.subject, w.detail, w.attempts";

int
lease_claim(struct db *db, const struct lease_ask *ask, struct lease *out,
    size_t *n, struct err *e)
{
	struct db_res	*r;
	size_t		 max = ask->max;

	*n = 0;
	if (max > LIMIT_LEASES)
		max = LIMIT_LEASES;
	if (db_query(db, &r, e, claim_sql, "saiiassi", ask->holder, &ask->kinds,
	    (int64_t)max, (int64_t)ask->lease_s, &ask->skip,
	    ask->share, ask->instance, ask->away_s) == -1)
		return -1;
	for (; *n < db_rows(r); (*n)++)
		fill(&out[*n], r, *n);
	db_free(r);
	return 0;
}

int
lease_due(struct db *db, const struct db_strs *kinds,
    const struct db_strs *skip, const char *holder, int *due, struct err *e)
{
	struct db_res	*r;
	size_t		 i;

	if (db_query(db, &r, e, "select i - 1 from unnest($1) with ordinality"
	    " x(k, i) where exists (select from work where kind = k and"
	    " due_at <= now() and (lease_until is null or lease_until < now()"
	    " or holder = $3) and (cardinality($2) = 0 or"
	    " kind || ':' || subject <> all ($2)))", "aas", kinds, skip,
	    holder) == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++)
		due[db_int(r, i, 0)] = 1;
	db_free(r);
	return 0;
}

void
lease_free(struct lease *l)
{
	if (l == NULL)
		return;
	free(l->kind);
	free(l->subject);
	free(l->detail);
	memset(l, 0, sizeof(*l));
}

int
lease_beat(struct db *db, const char *holder, int lease_s, struct err *e)
{
	/* by id, as everybody who locks many */
	return db_query(db, NULL, e, "update work set"
	    " lease_until = now() + $2 * interval '1 second'"
	    " where id in (select id from work where holder = $1 and"
	    " lease_until >= now() order by id for update)", "si", holder,
	    (int64_t)lease_s);
}

/*
 * Whoever asks sees the same order, and in it the same part of each: together
 * they give up what the others lack.  Who has none has shown nothing so far.
 */
static const char excess_sql[] =
    "with held as (select holder, count(*) as n from work where kind = $2"
    " and due_at <= now() and lease_until >= now() group by holder),"
    " has as (select o.id, coalesce(h.n, 0) as n from worker o"
    " left join held h on h.holder = o.id where o.id = $1 or"
    " ($3 = any (o.roles) and o.state = 'working'"
    " and o.last_seen > now() - " SILENT("o.lease_s") " *"
    " interval '1 second')),"
    " rank as (select id, n, row_number() over (order by n desc, id desc) as k,"
    " (sum(n) over ())::bigint as sum, count(*) over () as live from has),"
    " part as (select id, n, sum / live + (k <= sum % live)::int as part"
    " from rank)"
    " select least(p.n - p.part, (select sum(case when n = 0 then 1 else"
    " part - n end) from part where part > n))::bigint from part p"
    " where p.id = $1 and p.n > p.part and not exists (select from work"
    " where kind = $2 and due_at <= now() and (lease_until is null or"
    " lease_until < now()))";

int
lease_excess(struct db *db, const char *holder, const char *kind,
    const char *role, int *n, struct err *e)
{
	struct db_res	*r;

	*n = 0;
	if (db_query(db, &r, e, excess_sql, "sss", holder, kind, role) == -1)
		return -1;
	if (db_rows(r) != 0)
		*n = (int)db_int(r, 0, 0);
	db_free(r);
	return 0;
}

static int
lost(const struct lease *l, struct err *e)
{
	return err_set(e, ERR_LEASE, "the lease of %s %s was lost: it ran "
	    "out, or another worker has it (token %" PRId64 ")", l->kind,
	    l->subject, l->token);
}

int
lease_check(struct db *db, const struct lease *l, struct err *e)
{
	struct db_res	*r;
	size_t		 n;

	if (db_query(db, &r, e, "select 1 from work where id = $1 and"
	    " token = $2 and lease_until >= clock_timestamp() for update", "ii", l->id,
	    l->token) == -1)
		return -1;
	n = db_rows(r);
	db_free(r);
	return n == 1 ? 0 : lost(l, e);
}

int
lease_check_all(struct db *db, const struct lease *const *v, size_t n,
    struct err *e)
{
	int64_t		*id = mem_array(n + 1, sizeof(*id));
	int64_t		*token = mem_array(n + 1, sizeof(*token));
	struct db_ints	 ids = { id, n }, tokens = { token, n };
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		id[i] = v[i]->id;
		token[i] = v[i]->token;
	}
	/* by id, as everybody who locks many */
	rc = db_query(db, &r, e, "select w.id from (select * from"
	    " unnest($1, $2) x(id, token) order by id) x cross join lateral"
	    " (select id from work where id = x.id and token = x.token and"
	    " lease_until >= clock_timestamp() for update) w", "II", &ids,
	    &tokens);
	i = rc == 0 ? db_rows(r) : n;
	db_free(r);
	free(id);
	free(token);
	if (i == n)
		return rc;
	return err_set(e, ERR_LEASE, "%zu of %zu leases were lost", n - i, n);
}

int
lease_done_all(struct db *db, const struct lease *const *v, size_t n,
    int64_t due_in_s, struct err *e)
{
	int64_t		*id = mem_array(n + 1, sizeof(*id));
	struct db_ints	 ids = { id, n };
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++)
		id[i] = v[i]->id;
	/* lease_check_all() has locked them */
	rc = db_push(db, e, "update work set holder = null,"
	    " lease_until = null, attempts = 0, last_error = null,"
	    " due_at = now() + $2 * interval '1 second' where id = any ($1)",
	    "Ii", &ids, due_in_s);
	free(id);
	return rc;
}

/* What an update of one row under its token has changed. */
static int
finish(struct db_res *r, const struct lease *l, struct err *e)
{
	int64_t	n = db_changed(r);

	db_free(r);
	return n == 1 ? 0 : lost(l, e);
}

int
lease_done(struct db *db, const struct lease *l, int64_t due_in_s,
    struct err *e)
{
	struct db_res	*r;

	if (due_in_s >= 0)
		return lease_done_us(db, l, due_in_s * CLK_SEC, e);
	if (db_query(db, &r, e, "delete from work where id = $1"
	    " and token = $2", "ii", l->id, l->token) == -1)
		return -1;
	return finish(r, l, e);
}

int
lease_done_us(struct db *db, const struct lease *l, int64_t due_in_us,
    struct err *e)
{
	struct db_res	*r;

	if (db_query(db, &r, e, "update work set holder = null,"
	    " lease_until = null, attempts = 0, last_error = null,"
	    " due_at = now() + $3 * interval '1 microsecond'"
	    " where id = $1 and token = $2", "iii", l->id, l->token,
	    due_in_us) == -1)
		return -1;
	return finish(r, l, e);
}

/* Microseconds. */
static int64_t
backoff(const struct lease *l, const struct lease_retry *t)
{
	unsigned	n = l->attempts < 1 ? 1 : (unsigned)l->attempts;

	return clk_backoff(n, t->base_s * CLK_SEC, t->cap_s * CLK_SEC);
}

int
lease_fail_all(struct db *db, const struct lease *const *v,
    const struct lease_retry *t, size_t n, struct err *e)
{
	int64_t		 *id = mem_array(n + 1, sizeof(*id));
	int64_t		 *wait = mem_array(n + 1, sizeof(*wait));
	const char	**why = mem_array(n + 1, sizeof(*why));
	struct db_ints	  ids = { id, n }, waits = { wait, n };
	struct db_strs	  whys = { why, n };
	size_t		  i;
	int		  rc;

	for (i = 0; i < n; i++) {
		id[i] = v[i]->id;
		wait[i] = backoff(v[i], &t[i]);
		why[i] = t[i].why;
	}
	/* lease_check_all() has locked them */
	rc = db_push(db, e, "update work w set holder = null,"
	    " lease_until = null, last_error = x.why,"
	    " due_at = now() + x.wait * interval '1 microsecond'"
	    " from unnest($1, $2, $3) x(id, wait, why) where w.id = x.id",
	    "IIa", &ids, &waits, &whys);
	free(id);
	free(wait);
	free(why);
	return rc;
}

int
lease_fail(struct db *db, const struct lease *l, const struct lease_retry *t,
    struct err *e)
{
	struct db_res	*r;
	double		 wait = (double)backoff(l, t) / (double)CLK_SEC;

	if (db_query(db, &r, e, "update work set holder = null,"
	    " lease_until = null, last_error = $3,"
	    " due_at = now() + $4 * interval '1 second'"
	    " where id = $1 and token = $2", "iisf", l->id, l->token, t->why,
	    wait) == -1)
		return -1;
	return finish(r, l, e);
}

int
lease_takeover(struct db *db, const char *holder, struct err *e)
{
	return db_query(db, NULL, e, "with d as (update delivery set"
	    " state = 'pending', holder = null, lease_until = null,"
	    " token = token + 1 where holder = $1 and state = 'sending')"
	    " update work set holder = null, lease_until = null,"
	    " token = token + 1 where id in (select id from work where"
	    " holder = $1 order by id for update)", "s", holder);
}

int
lease_enter(struct db *db, const struct lease_worker *w, struct err *e)
{
	/* the row first: a claim of the one before is over when we have it */
	if (db_query(db, NULL, e, "delete from worker where"
	    " last_seen < now() - interval '1 day'", "") == -1 ||
	    db_query(db, NULL, e, "insert into worker"
	    " (id, instance, host, place, pid, version, schema_version,"
	    " lease_s, roles, state, note) values ($1, $2, $3, $4, $5, $6,"
	    " $7, $8, $9, case when $10::text is null then 'working' else"
	    " 'waiting' end, $10) on conflict (id) do update set"
	    " instance = excluded.instance, host = excluded.host,"
	    " place = excluded.place, pid = excluded.pid,"
	    " version = excluded.version,"
	    " schema_version = excluded.schema_version,"
	    " lease_s = excluded.lease_s, roles = excluded.roles,"
	    " state = excluded.state, note = excluded.note,"
	    " started_at = now(), last_seen = now()", "ssssisiias", w->id,
	    w->instance, w->host, w->place, w->pid, CERTVIGIL_VERSION,
	    w->schema_version, (int64_t)w->lease_s, &w->roles, w->waits) == -1)
		return -1;
	return lease_takeover(db, w->id, e);
}

int
lease_seen(struct db *db, const struct lease_worker *w, int *schema,
    struct err *e)
{
	struct db_res	*r;
	size_t		 n;

	if (db_query(db, &r, e, "update worker set last_seen = now(),"
	    " lease_s = $3, note = $4, state = case when $4::text is null"
	    " then 'working' else 'waiting' end"
	    " where id = $1 and instance = $2"
	    " returning (select max(number) from schema_migration)", "ssis",
	    w->id, w->instance, (int64_t)w->lease_s, w->waits) == -1)
		return -1;
	n = db_rows(r);
	*schema = (int)db_int(r, 0, 0);
	db_free(r);
	if (n == 1)
		return 0;
	return err_set(e, ERR_LEASE, "worker %s: another process has taken "
	    "this slot", w->id);
}

int
lease_leave(struct db *db, const struct lease_worker *w, struct err *e)
{
	struct db_res	*r;
	int64_t		 n;

	/* Only while the slot is ours: a successor keeps what it has. */
	if (db_query(db, &r, e, "delete from worker where id = $1 and"
	    " instance = $2", "ss", w->id, w->instance) == -1)
		return -1;
	n = db_changed(r);
	db_free(r);
	return n == 1 ? lease_takeover(db, w->id, e) : 0;
}

int
lease_alive(struct db *db, int64_t *n, struct err *e)
{
	struct db_res	*r;

	if (db_query(db, &r, e, "select count(*) from worker where"
	    " last_seen > now() - $1 * interval '1 second'", "i",
	    (int64_t)LIMIT_WORKER_ALIVE) == -1)
		return -1;
	*n = db_int(r, 0, 0);
	db_free(r);
	return 0;
}
