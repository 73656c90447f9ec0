#include <stdlib.h>
#include <string.h>

#include "auditor/db/channel.h"
#include "base/mem.h"

static json_t *
strs_json(const struct conf_strs *s)
{
	json_t *a;
	size_t i;

	a = json_array();
	for (i = 0; i < s->n; i++)
		json_array_append_new(a, json_string(s->v[i]));
	return a;
}

static void
json_strs(const json_t *a, struct conf_strs *s)
{
	size_t i;

	s->n = json_array_size(a);
	s->v = mem_array(s->n, sizeof(*s->v));
	for (i = 0; i < s->n; i++) {
		s->v[i] = mem_str(json_string_value(json_array_get(a, i)));
		if (s->v[i] == NULL)
			s->v[i] = mem_str("");
	}
}

/* The match as JSON text; free() it. */
static char *
match_json(const struct conf_route *r)
{
	json_t *o;
	char *s;

	o = json_object();
	if (r->severity.n > 0)
		json_object_set_new(o, "severity", strs_json(&r->severity));
	if (r->kind.n > 0)
		json_object_set_new(o, "kind", strs_json(&r->kind));
	if (r->owner != NULL)
		json_object_set_new(o, "owner", json_string(r->owner));
	if (r->watch != NULL)
		json_object_set_new(o, "watch", json_string(r->watch));
	s = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return s;
}

static void
take_strs(const struct db_res *res, size_t i, size_t col, struct conf_strs *s)
{
	char **v;
	size_t k;

	v = db_strv(res, i, col, &s->n);
	s->v = mem_array(s->n, sizeof(*s->v));
	for (k = 0; k < s->n; k++)
		s->v[k] = mem_str(v[k]);
	free(v);
}

int
route_load(struct db *db, struct conf_route **out, size_t *n, struct err *e)
{
	struct db_res *res = NULL;
	struct conf_route *r;
	json_t *o;
	size_t i;

	if (db_query(db, &res, e, "select match::text, channels, group_by, "
	    "extract(epoch from group_wait)::bigint from route "
	    "order by position", "") == -1)
		return -1;
	*n = db_rows(res);
	r = mem_array(*n, sizeof(*r));
	for (i = 0; i < *n; i++) {
		o = json_loads(db_text(res, i, 0), 0, NULL);
		json_strs(json_object_get(o, "severity"), &r[i].severity);
		json_strs(json_object_get(o, "kind"), &r[i].kind);
		r[i].owner = mem_str(json_string_value(
		    json_object_get(o, "owner")));
		r[i].watch = mem_str(json_string_value(
		    json_object_get(o, "watch")));
		json_decref(o);
		take_strs(res, i, 1, &r[i].to);
		take_strs(res, i, 2, &r[i].group_by);
		r[i].group_wait = db_int(res, i, 3);
	}
	db_free(res);
	*out = r;
	return 0;
}

static void
strs_free(struct conf_strs *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

void
route_free(struct conf_route *r, size_t n)
{
	size_t i;

	for (i = 0; r != NULL && i < n; i++) {
		strs_free(&r[i].severity);
		strs_free(&r[i].kind);
		strs_free(&r[i].to);
		strs_free(&r[i].group_by);
		free(r[i].owner);
		free(r[i].watch);
	}
	free(r);
}

/* One route as a line of the difference, for comparing as well. */
static char *
describe(const struct conf_route *r)
{
	struct buf b = BUF_INIT;
	char *m;
	size_t i;

	m = match_json(r);
	buf_fmt(&b, "route %s to", m);
	for (i = 0; i < r->to.n; i++)
		buf_fmt(&b, " %s", r->to.v[i]);
	if (r->group_by.n > 0 || r->group_wait > 0)
		buf_fmt(&b, " group_wait %llds by",
		    (long long)r->group_wait);
	for (i = 0; i < r->group_by.n; i++)
		buf_fmt(&b, " %s", r->group_by.v[i]);
	free(m);
	return (char *)buf_detach(&b, NULL);
}

static int
check(struct db *db, const struct conf_route *r, size_t position,
    struct err *e)
{
	struct channel *c;
	size_t i;

	for (i = 0; i < r->to.n; i++) {
		c = NULL;
		if (channel_load(db, r->to.v[i], &c, e) == -1)
			return err_prefix(e, "routes: number %zu", position);
		channel_free(c, 1);
	}
	return 0;
}

static int
insert(struct db *db, const struct conf_route *r, size_t position,
    struct err *e)
{
	struct db_strs to, by;
	char *m;
	int rc;

	to.v = (const char *const *)r->to.v;
	to.n = r->to.n;
	by.v = (const char *const *)r->group_by.v;
	by.n = r->group_by.n;
	m = match_json(r);
	rc = db_query(db, NULL, e, "insert into route (position, match, "
	    "channels, group_by, group_wait, origin) values ($1, $2::jsonb, "
	    "$3, $4, make_interval(secs => $5), 'config')", "isaaf",
	    (int64_t)position, m, &to, &by, (double)r->group_wait);
	free(m);
	return rc;
}

/* Lines for what differs: positions are compared one by one. */
static void
compare(const struct conf *conf, const struct conf_route *old, size_t n,
    struct buf *diff)
{
	char *was, *now;
	size_t i;

	for (i = 0; i < n || i < conf->nroutes; i++) {
		was = i < n ? describe(&old[i]) : NULL;
		now = i < conf->nroutes ? describe(&conf->routes[i]) : NULL;
		if (was == NULL || now == NULL || strcmp(was, now) != 0) {
			if (was != NULL)
				buf_fmt(diff, "- %s\n", was);
			if (now != NULL)
				buf_fmt(diff, "+ %s\n", now);
		}
		free(was);
		free(now);
	}
}

int
route_sync(struct db *db, const struct conf *conf, struct buf *diff,
    struct err *e)
{
	struct conf_route *old = NULL;
	struct buf d = BUF_INIT;
	size_t i, n;
	int rc;

	rc = -1;
	/* Workers that start together take turns. */
	if (db_query(db, NULL, e, "select pg_advisory_xact_lock(7202611)",
	    "") == -1 || route_load(db, &old, &n, e) == -1)
		return -1;
	compare(conf, old, n, &d);
	for (i = 0; i < conf->nroutes; i++)
		if (check(db, &conf->routes[i], i + 1, e) == -1)
			goto out;
	if (d.n > 0 && db_query(db, NULL, e, "delete from route where "
	    "origin = 'config'", "") == -1)
		goto out;
	for (i = 0; d.n > 0 && i < conf->nroutes; i++)
		if (insert(db, &conf->routes[i], i + 1, e) == -1)
			goto out;
	if (diff != NULL)
		buf_add(diff, d.p, d.n);
	rc = 0;
out:
	buf_free(&d);
	route_free(old, n);
	return rc;
}
