#include "auditor/db/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/silence.h"
#include "base/mem.h"

/* Where an event of a finding goes. */
struct plan {
	struct channel		*channels;
	size_t			 n;
	unsigned char		*want;		/* one a channel */
	struct conf_route	*routes;
	size_t			 nroutes;
	const struct conf_route	*route;		/* NULL: no route takes it */
};

static void
plan_free(struct plan *p)
{
	channel_free(p->channels, p->n);
	route_free(p->routes, p->nroutes);
	free(p->want);
}

/* A finding about a channel must not go through it. */
static int
may_take(const struct channel *c, const struct route_facts *f)
{
	return strcmp(f->kind, "channel.failed") != 0 ||
	    strcmp(f->subject, c->conf.name) != 0;
}

static int
route_names(const struct conf_route *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->to.n; i++)
		if (strcmp(r->to.v[i], name) == 0)
			return 1;
	return 0;
}

static int
plan_load(struct db *db, struct plan *p, struct err *e)
{
	if (channel_list(db, &p->channels, &p->n, e) == -1 ||
	    route_load(db, &p->routes, &p->nroutes, e) == -1)
		return -1;
	p->want = mem_zero(p->n);
	return 0;
}

/*
 * The channels of the first route that takes it.  When none of these works,
 * all others that do hear of it too: a message that nobody gets is worse than
 * one too many.
 */
static void
plan_make(struct plan *p, const struct route_facts *f)
{
	size_t i, works;

	p->route = route_pick(p->routes, p->nroutes, f);
	works = 0;
	for (i = 0; i < p->n; i++) {
		p->want[i] = may_take(&p->channels[i], f) &&
		    (p->route == NULL || route_names(p->route,
		    p->channels[i].conf.name));
		works += p->want[i] && !p->channels[i].disabled;
	}
	for (i = 0; works == 0 && i < p->n; i++)
		if (may_take(&p->channels[i], f) && !p->channels[i].disabled)
			p->want[i] = 1;
}

/* Programs and incidents are one each; messages may be put together. */
static int
can_group(const struct channel *c)
{
	return strcmp(c->conf.kind, "exec") != 0 &&
	    strcmp(c->conf.kind, "pagerduty") != 0;
}

/*
 * Join a group that is still open: 1, or 0 when there is none.  A row that
 * another transaction holds is passed by, so that two of them cannot wait
 * for each other.
 */
static int
join(struct db *db, const char *channel, const char *key, const char *event,
    int64_t finding, struct err *e)
{
	struct db_res *res = NULL;
	int n;

	if (db_query(db, &res, e, "update delivery set events = events || "
	    "$3::uuid, findings = findings || $4::bigint where id = (select "
	    "id from delivery where channel = $1 and group_key = $2 and "
	    "state = 'pending' and attempts = 0 and due_at > now() and "
	    "cardinality(events) < $5::int order by id limit 1 "
	    "for update skip locked) returning id", "sssii", channel, key,
	    event, finding, (int64_t)LIMIT_GROUP_EVENTS) == -1)
		return -1;
	n = db_rows(res) > 0;
	db_free(res);
	return n;
}

struct post {
	const struct channel	*channel;
	const char		*event;		/* uuid */
	int64_t			 finding;
	const char		*key;		/* NULL: no group */
	int64_t			 wait;		/* seconds */
};

static int
post(struct db *db, const struct post *p, struct err *e)
{
	int rc;

	if (p->key != NULL && !p->channel->disabled) {
		rc = join(db, p->channel->conf.name, p->key, p->event,
		    p->finding, e);
		if (rc != 0)
			return rc == 1 ? 0 : -1;
	}
	return db_query(db, NULL, e, "insert into delivery (channel, "
	    "webhook_id, events, findings, group_key, due_at, state, "
	    "last_error, done_at) values ($1, $2::uuid, array[$2::uuid], "
	    "array[$3::bigint], $4, now() + make_interval(secs => $5), "
	    "case when $6 then 'dead' else 'pending' end, "
	    "case when $6 then 'the channel was disabled' end, "
	    "case when $6 then now() end) on conflict do nothing", "ssisfB",
	    p->channel->conf.name, p->event, p->finding, p->key,
	    p->key == NULL ? 0.0 : (double)p->wait, p->channel->disabled);
}

/* Insert the event; its uuid goes to ${id}. */
static int
add_event(struct db *db, int64_t finding, const char *event, char id[37],
    struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "insert into finding_event (finding_id, "
	    "event) values ($1, $2) returning id::text", "is", finding,
	    event) == -1)
		return -1;
	memcpy(id, db_text(res, 0, 0), 36);
	id[36] = '\0';
	db_free(res);
	return 0;
}

static int
hint(struct db *db, struct err *e)
{
	return db_query(db, NULL, e,
	    "select pg_notify('certvigil_outbox', '')", "");
}

/* Insert one event of each finding; *res has their uuids, in order. */
static int
add_events(struct db *db, const struct route_facts *f, size_t n,
    const char *event, const int64_t *muted, struct db_res **res,
    struct err *e)
{
	int64_t *id;
	size_t i;
	int rc;

	id = mem_array(n + 1, sizeof(*id));
	for (i = 0; i < n; i++)
		id[i] = f[i].id;
	rc = db_query(db, res, e, "insert into finding_event (finding_id, "
	    "event, muted_by) select t.id, $1, nullif(t.muted, 0) from "
	    "unnest($2, $3) with ordinality t (id, muted, nr) order by t.nr "
	    "returning id::text", "sII", event, &(struct db_ints){ id, n },
	    &(struct db_ints){ muted, n });
	free(id);
	return rc;
}

/* One finding's event to the channels that want it: how many, or -1. */
static int
post_all(struct db *db, struct plan *plan, const struct route_facts *f,
    const char *event, const char *uuid, struct err *e)
{
	struct post p = { NULL, uuid, f->id, NULL, 0 };
	struct buf key = BUF_INIT;
	size_t i;
	int n;

	plan_make(plan, f);
	if (plan->route != NULL) {
		route_group(plan->route, f, event, &key);
		p.wait = plan->route->group_wait;
	}
	n = 0;
	for (i = 0; i < plan->n; i++) {
		if (!plan->want[i])
			continue;
		p.channel = &plan->channels[i];
		p.key = key.n > 0 && can_group(p.channel) ?
		    buf_text(&key) : NULL;
		if (post(db, &p, e) == -1) {
			n = -1;
			break;
		}
		n++;
	}
	buf_free(&key);
	return n;
}

int
outbox_event(struct db *db, const struct route_facts *f, size_t n,
    const char *event, size_t *sent, struct err *e)
{
	struct plan plan = { NULL, 0, NULL, NULL, 0, NULL };
	struct db_res *res = NULL;
	int64_t *muted;
	size_t i, made;
	int k, loaded, rc;

	rc = -1;
	made = 0;
	loaded = 0;
	muted = mem_array(n + 1, sizeof(*muted));
	if (silence_match(db, f, n, muted, e) == -1)
		goto out;
	/* the digest has it all the same */
	for (i = 0; i < n; i++)
		if (f[i].digest_only)
			muted[i] = 0;
	if (add_events(db, f, n, event, muted, &res, e) == -1)
		goto out;
	for (i = 0; i < n; i++) {
		if (muted[i] != 0 || f[i].digest_only)
			continue;
		if (!loaded && plan_load(db, &plan, e) == -1)
			goto out;
		loaded = 1;
		k = post_all(db, &plan, &f[i], event, db_text(res, i, 0), e);
		if (k == -1)
			goto out;
		made += (size_t)k;
	}
	if (made > 0 && hint(db, e) == -1)
		goto out;
	if (sent != NULL)
		*sent = made;
	rc = 0;
out:
	plan_free(&plan);
	db_free(res);
	free(muted);
	return rc;
}

json_t *
outbox_explain(struct db *db, const struct route_facts *f, struct err *e)
{
	struct plan plan = { NULL, 0, NULL, NULL, 0, NULL };
	struct buf key = BUF_INIT;
	json_t *o, *to;
	int64_t muted;
	size_t i;

	o = NULL;
	if (silence_match(db, f, 1, &muted, e) == -1 ||
	    plan_load(db, &plan, e) == -1)
		goto out;
	plan_make(&plan, f);
	if (plan.route != NULL)
		route_group(plan.route, f, "opened", &key);
	to = json_array();
	for (i = 0; i < plan.n; i++)
		if (plan.want[i])
			json_array_append_new(to, json_pack(
			    "{s:s, s:s, s:s}", "name",
			    plan.channels[i].conf.name, "kind",
			    plan.channels[i].conf.kind, "state",
			    plan.channels[i].disabled ? "disabled" :
			    "active"));
	o = json_pack("{s:o, s:o, s:o, s:I, s:o}", "route",
	    plan.route == NULL ? json_null() :
	    json_integer(plan.route - plan.routes + 1), "channels", to,
	    "group", key.n == 0 ? json_null() : json_string(buf_text(&key)),
	    "group_wait", plan.route == NULL ? (json_int_t)0 :
	    (json_int_t)plan.route->group_wait, "silence",
	    muted == 0 ? json_null() : json_integer(muted));
out:
	plan_free(&plan);
	buf_free(&key);
	return o;
}

int
outbox_follow(struct db *db, int64_t finding, const char *event,
    struct err *e)
{
	char id[37];

	if (add_event(db, finding, event, id, e) == -1)
		return -1;
	if (db_query(db, NULL, e, "insert into delivery (channel, webhook_id, "
	    "events, findings, state, last_error, done_at) "
	    "select c.name, $2::uuid, array[$2::uuid], array[$1::bigint], "
	    "case when c.state = 'active' then 'pending' else 'dead' end, "
	    "case when c.state <> 'active' then 'the channel was disabled' "
	    "end, case when c.state <> 'active' then now() end "
	    "from channel c where c.name in (select d.channel from delivery d "
	    "where d.findings @> array[$1::bigint] and d.events && (select "
	    "array_agg(v.id) from finding_event v where v.finding_id = $1 and "
	    "v.event in ('opened', 'escalated') and v.at >= (select max(o.at) "
	    "from finding_event o where o.finding_id = $1 and "
	    "o.event = 'opened'))) and ($3::text <> 'acked' or "
	    "c.kind = 'pagerduty') on conflict do nothing", "iss", finding,
	    id, event) == -1)
		return -1;
	return hint(db, e);
}

int
outbox_post(struct db *db, const char *channel, const char *purpose,
    const char *data, int64_t *id, struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "insert into delivery (channel, webhook_id, "
	    "events, purpose, body) values ($1, gen_random_uuid(), '{}', $2, "
	    "$3) returning id", "sss", channel, purpose, data) == -1)
		return -1;
	if (id != NULL)
		*id = db_int(res, 0, 0);
	db_free(res);
	return hint(db, e);
}

int
outbox_replay(struct db *db, const char *channel,
    const struct outbox_replay *r, size_t *n, struct err *e)
{
	struct db_res *res = NULL;
	struct channel *c = NULL;

	if (channel_load(db, channel, &c, e) == -1)
		return -1;
	channel_free(c, 1);
	if (db_query(db, &res, e, "update delivery set state = 'pending', "
	    "attempts = 0, due_at = now(), done_at = null, holder = null, "
	    "lease_until = null, last_error = null, group_key = null "
	    "where channel = $1 and state <> 'sending' and purpose <> 'test' "
	    "and ((not $2::boolean and id = $3) or ($2::boolean and "
	    "state = 'dead') or ($4::timestamptz is not null and "
	    "added_at >= $4)) returning id", "sBit", channel, r->dead,
	    r->delivery, r->since) == -1)
		return -1;
	*n = db_rows(res);
	db_free(res);
	if (r->delivery != 0 && *n == 0)
		return err_set(e, ERR_NOENT, "channel %s has no delivery "
		    "%lld that could be sent again", channel,
		    (long long)r->delivery);
	if (*n > 0 && channel_enable(db, channel, e) == -1)
		return -1;
	return hint(db, e);
}
