#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "auditor/alert/schedule.h"
#include "auditor/db/finding.h"
#include "auditor/db/outbox.h"
#include "base/clk.h"
#include "base/mem.h"

/* Advisory lock: one worker claims at a time, so that the limits hold. */
#define CLAIM_LOCK "select pg_advisory_xact_lock(7202610)"

void
outbox_item_free(struct outbox_item *it, size_t n)
{
	size_t i;

	for (i = 0; it != NULL && i < n; i++) {
		free(it[i].webhook_id);
		free(it[i].purpose);
		free(it[i].body);
		channel_free(it[i].channel, 1);
	}
	free(it);
}

/*
 * Due, or sent by one whose lease ran out, or who is not heard of any more.
 * $6: channels whose secrets we cannot read; another worker has five minutes
 * for them.  A test goes to a disabled channel
 * too: that is how it is switched on again.
 */
static const char claim_sql[] =
    "with due as (select d.id from channel c cross join lateral (select "
    "x.id, x.due_at from delivery x where x.channel = c.name and "
    "((x.state = 'pending' and x.due_at <= now()) or "
    "(x.state = 'sending' and (x.lease_until < now() or exists (select from "
    "worker w where w.id = x.holder and w.last_seen < now() - w.lease_s * "
    "interval '1 second')))) and (c.name <> all ($6) or x.due_at < now() - "
    "interval '5 minutes') and "
    "(c.state = 'active' or x.purpose = 'test') and "
    "($2::bigint = 0 or x.id = $2) and not exists (select from delivery b "
    "where b.findings && x.findings and b.channel = x.channel and "
    "b.id < x.id and b.state in ('pending', 'sending')) "
    "order by x.due_at, x.id limit greatest(0, $3::bigint - (select count(*) "
    "from delivery s where s.channel = c.name and s.state = 'sending' and "
    "s.lease_until >= now())) for update of x skip locked) d "
    "order by d.due_at, d.id limit $4::bigint) "
    "update delivery u set state = 'sending', holder = $1, "
    "token = u.token + 1, attempts = u.attempts + 1, group_key = null, "
    "lease_until = now() + make_interval(secs => $5) from due "
    "where u.id = due.id returning u.id, u.token, u.attempts, "
    "u.webhook_id::text, u.purpose, u.body, u.added_at, u.channel";

static int
read_items(struct db *db, const struct db_res *res, struct outbox_item *it,
    struct err *e)
{
	size_t i;

	for (i = 0; i < db_rows(res); i++) {
		it[i].id = db_int(res, i, 0);
		it[i].token = db_int(res, i, 1);
		it[i].attempts = (unsigned)db_int(res, i, 2);
		it[i].webhook_id = mem_str(db_text(res, i, 3));
		it[i].purpose = mem_str(db_text(res, i, 4));
		if (!db_null(res, i, 5))
			it[i].body = mem_str(db_text(res, i, 5));
		it[i].added_at = db_time(res, i, 6);
	}
	for (i = 0; i < db_rows(res); i++)
		if (channel_load(db, db_text(res, i, 7), &it[i].channel,
		    e) == -1)
			return -1;
	return 0;
}

int
outbox_claim(struct db *db, const struct outbox_ask *ask,
    struct outbox_item **out, size_t *n, struct err *e)
{
	struct db_res *res = NULL;
	struct outbox_item *it;
	size_t got;

	*out = NULL;
	*n = 0;
	if (db_begin(db, e) == -1)
		return -1;
	if (db_query(db, NULL, e, CLAIM_LOCK, "") == -1 ||
	    db_query(db, &res, e, claim_sql, "siiifa", ask->holder,
	    ask->only, (int64_t)OUTBOX_FLIGHT, (int64_t)ask->max,
	    (double)OUTBOX_LEASE, &ask->leave) == -1) {
		db_rollback(db);
		return -1;
	}
	got = db_rows(res);
	it = mem_array(got, sizeof(*it));
	if (read_items(db, res, it, e) == -1 || db_commit(db, e) == -1) {
		db_free(res);
		outbox_item_free(it, got);
		db_rollback(db);
		return -1;
	}
	db_free(res);
	*out = it;
	*n = got;
	return 0;
}

int
outbox_others(struct db *db, const char *holder, int *yes, struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "select exists (select from worker where "
	    "id <> $1 and 'notify' = any (roles) and state = 'working' and "
	    "last_seen > now() - lease_s * interval '1 second')", "s",
	    holder) == -1)
		return -1;
	*yes = db_bool(res, 0, 0);
	db_free(res);
	return 0;
}

/* A finding about the channel itself: goes to all others. */
static int
open_failed(struct db *db, const char *channel, const char *reason,
    struct err *e)
{
	struct finding f = {
		.kind = "channel.failed", .subject = channel, .owner = "",
		.severity = "high", .watch = "", .name = "", .reason = reason,
		.issuer_first_seen = INT64_MIN,
	};

	return finding_open(db, &f, NULL, NULL, e);
}

static int
finish_ok(struct db *db, const struct outbox_item *it, struct err *e)
{
	const char *name;

	name = it->channel->conf.name;
	if (db_query(db, NULL, e, "update channel set last_ok_at = now(), "
	    "failing_since = null, state = case when $2 then 'active' else "
	    "state end, state_reason = case when $2 then null else "
	    "state_reason end where name = $1", "sB", name,
	    strcmp(it->purpose, "test") == 0) == -1)
		return -1;
	return finding_resolve(db, "channel.failed", name, "",
	    "a delivery succeeded", e);
}

/* Microseconds that the channel has been failing, this failure counted. */
static int
mark_failing(struct db *db, const char *name, int64_t *us, struct err *e)
{
	struct db_res *res = NULL;

	*us = 0;
	if (db_query(db, &res, e, "update channel set failing_since = "
	    "coalesce(failing_since, now()) where name = $1 returning "
	    "(extract(epoch from now() - failing_since) * 1000000)::bigint",
	    "s", name) == -1)
		return -1;
	if (db_rows(res) > 0)
		*us = db_int(res, 0, 0);
	db_free(res);
	return 0;
}

static int
finish_failed(struct db *db, const struct outbox_item *it,
    const struct outbox_result *r, int dead, struct err *e)
{
	const char *name, *why;
	char *text;
	int64_t us;
	int rc;

	name = it->channel->conf.name;
	why = r->error == NULL ? "no reason given" : r->error;
	if (strcmp(it->purpose, "test") == 0 && !r->gone)
		return 0;
	if (mark_failing(db, name, &us, e) == -1)
		return -1;
	text = NULL;
	if (r->gone)
		text = mem_printf("channel %s answered 410 Gone and was "
		    "disabled", name);
	else if (dead)
		text = mem_printf("channel %s was disabled: %u attempts to "
		    "deliver failed: %s", name, it->attempts, why);
	else if (us >= OUTBOX_FAILING * CLK_SEC)
		text = mem_printf("channel %s has failed for %lld minutes: "
		    "%s", name, (long long)(us / CLK_SEC / 60), why);
	rc = 0;
	if (text != NULL && (r->gone || dead))
		rc = channel_disable(db, name, text, e);
	if (text != NULL && rc == 0)
		rc = open_failed(db, name, text, e);
	free(text);
	return rc;
}

/* Write the row under its token: 1, 0 when the token is not ours any more. */
static int
finish_row(struct db *db, const struct outbox_item *it,
    const struct outbox_result *r, int64_t wait, struct err *e)
{
	struct db_res *res = NULL;
	const char *state;
	size_t n;

	state = r->ok ? "delivered" : wait < 0 ? "dead" : "pending";
	if (db_query(db, &res, e, "update delivery set state = $3, "
	    "holder = null, lease_until = null, last_status = "
	    "nullif($4::int, 0), last_error = $5, last_reply = $6, "
	    "due_at = now() + make_interval(secs => $7), "
	    "done_at = case when $3 = 'pending' then null else now() end "
	    "where id = $1 and token = $2 and state = 'sending' returning id",
	    "iisissf", it->id, it->token, state, (int64_t)r->status, r->error,
	    r->reply, wait < 0 ? 0.0 : (double)wait / (double)CLK_SEC) == -1)
		return -1;
	n = db_rows(res);
	db_free(res);
	return n > 0;
}

int
outbox_finish(struct db *db, const struct outbox_item *it,
    const struct outbox_result *r, int *stale, struct err *e)
{
	uint32_t jitter;
	int64_t wait;
	int rc;

	if (stale != NULL)
		*stale = 0;
	jitter = 0;
	if (getrandom(&jitter, sizeof(jitter), 0) != sizeof(jitter))
		jitter = (uint32_t)it->id;
	wait = schedule_wait(it->attempts, r->retry_after, jitter);
	if (r->gone || strcmp(it->purpose, "test") == 0)
		wait = -1;
	if (db_begin(db, e) == -1)
		return -1;
	rc = finish_row(db, it, r, wait, e);
	if (rc == 1)
		rc = r->ok ? finish_ok(db, it, e) :
		    finish_failed(db, it, r, wait < 0, e);
	else if (rc == 0 && stale != NULL)
		*stale = 1;
	if (rc == -1) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

int
outbox_release(struct db *db, const char *holder, size_t *n, struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "update delivery set state = 'pending', "
	    "token = token + 1, due_at = now(), lease_until = null, "
	    "holder = null where holder = $1 and state = 'sending' "
	    "returning id", "s", holder) == -1)
		return -1;
	if (n != NULL)
		*n = db_rows(res);
	db_free(res);
	return 0;
}

int
outbox_look(struct db *db, struct outbox_state *s, struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "select count(*), count(*) filter (where "
	    "d.attempts = 0), (extract(epoch from min(greatest(now(), "
	    "case when d.state = 'pending' then d.due_at else d.lease_until "
	    "end)) - now()) * 1000000)::bigint from delivery d join channel "
	    "c on c.name = d.channel where d.state in ('pending', "
	    "'sending') and (c.state = 'active' or d.purpose = 'test')",
	    "") == -1)
		return -1;
	s->pending = db_int(res, 0, 0);
	s->fresh = db_int(res, 0, 1);
	s->wait = db_null(res, 0, 2) ? -1 : db_int(res, 0, 2);
	db_free(res);
	return 0;
}

/* One channel at a time, each in its transaction. */
static int
failing_one(struct db *db, const char *name, const char *since,
    struct err *e)
{
	char *text;
	int rc;

	text = mem_printf("channel %s has failed since %s", name, since);
	rc = db_begin(db, e);
	if (rc == 0)
		rc = open_failed(db, name, text, e);
	if (rc == 0)
		rc = db_commit(db, e);
	else
		db_rollback(db);
	free(text);
	return rc;
}

int
outbox_failing(struct db *db, struct err *e)
{
	struct db_res *res = NULL;
	char since[CLK_TEXT];
	size_t i;
	int rc;

	if (db_query(db, &res, e, "select c.name, c.failing_since from "
	    "channel c where c.failing_since <= now() - "
	    "make_interval(secs => $1) and not exists (select from finding f "
	    "where f.kind = 'channel.failed' and f.subject = c.name and "
	    "f.state <> 'resolved')", "f", (double)OUTBOX_FAILING) == -1)
		return -1;
	rc = 0;
	for (i = 0; i < db_rows(res) && rc == 0; i++)
		rc = failing_one(db, db_text(res, i, 0),
		    clk_text(db_time(res, i, 1), since), e);
	db_free(res);
	return rc;
}

int
outbox_answer(struct db *db, int64_t id, struct outbox_answer *a,
    struct err *e)
{
	struct db_res *res = NULL;
	const char *state;
	size_t n;

	memset(a, 0, sizeof(*a));
	if (db_query(db, &res, e, "select state, attempts, last_status, "
	    "last_error, last_reply from delivery where id = $1", "i",
	    id) == -1)
		return -1;
	if (db_rows(res) == 0) {
		db_free(res);
		return err_set(e, ERR_NOENT, "there is no delivery %lld",
		    (long long)id);
	}
	state = db_text(res, 0, 0);
	a->ok = strcmp(state, "delivered") == 0;
	a->finished = a->ok || strcmp(state, "dead") == 0;
	a->status = (int)db_int(res, 0, 2);
	n = strnlen(db_text(res, 0, 3), sizeof(a->error) - 1);
	memcpy(a->error, db_text(res, 0, 3), n);
	n = strnlen(db_text(res, 0, 4), sizeof(a->reply) - 1);
	memcpy(a->reply, db_text(res, 0, 4), n);
	db_free(res);
	return 0;
}
