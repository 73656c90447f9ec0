#include "auditor/blind_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/blind_store.h"
#include "auditor/db/coverage_store.h"
#include "auditor/db/row.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* Logs that a sentence names. */
#define NAMED	8

static enum loglist_state
state_of(const char *name)
{
	enum loglist_state	s;

	for (s = LOGLIST_UNSTATED; s <= LOGLIST_REJECTED; s++)
		if (strcmp(loglist_state_name(s), name) == 0)
			return s;
	return LOGLIST_UNSTATED;
}

static int64_t
moment(const struct db_res *r, size_t i, size_t col)
{
	return db_null(r, i, col) ? 0 : db_time(r, i, col);
}

static void
log_read(struct blind_log *l, const struct db_res *r, size_t i)
{
	memset(l, 0, sizeof(*l));
	l->operator = db_text(r, i, COV_OPERATOR);
	l->protocol = strcmp(db_text(r, i, COV_PROTOCOL), "static") == 0 ?
	    LOGLIST_STATIC : LOGLIST_RFC6962;
	l->state = state_of(db_text(r, i, COV_STATE));
	l->state_at = moment(r, i, COV_STATE_AT);
	l->has_interval = !db_null(r, i, COV_INTERVAL_FROM) &&
	    !db_null(r, i, COV_INTERVAL_TO);
	l->start = moment(r, i, COV_INTERVAL_FROM);
	l->end = moment(r, i, COV_INTERVAL_TO);
	l->lag = db_int(r, i, COV_BLIND);
}

int
blind_state_is(const struct blind_state *s, size_t i)
{
	const struct blind_log	*l;
	size_t			 p;
	int			 yes = 0;

	for (p = 0; p < POLICY_PROGRAMS; p++) {
		l = &s->view[p][i];
		yes |= (l->state == LOGLIST_USABLE ||
		    l->state == LOGLIST_QUALIFIED ||
		    l->state == LOGLIST_READONLY) &&
		    blind_lag(l, s->at) >= BLIND_AFTER;
	}
	return yes;
}

/* --- what each program knows ------------------------------------------------- */

/* The row of log ${i} in that list; db_rows() when it has not got it. */
static size_t
find(const struct blind_state *s, const char *source, size_t i)
{
	struct span	id = db_bytes(s->rows, s->row[i], COV_LOG_ID);
	struct buf	b64 = BUF_INIT;
	size_t		k;

	enc_b64(&b64, id.p, id.n);
	for (k = 0; k < db_rows(s->lists); k++)
		if (strcmp(db_text(s->lists, k, BLIND_L_SOURCE), source) == 0
		    && strcmp(db_text(s->lists, k, BLIND_L_LOG_ID),
		    buf_text(&b64)) == 0)
			break;
	buf_free(&b64);
	return k;
}

static int
has_list(const struct blind_state *s, const char *source)
{
	size_t	k;

	for (k = 0; k < db_rows(s->lists); k++)
		if (strcmp(db_text(s->lists, k, BLIND_L_SOURCE), source) == 0)
			return 1;
	return 0;
}

/*
 * A browser counts the logs of its own list, by the states and operators that
 * it knows them by.  Where its list is not read, all logs that are listed must
 * do, as the table has them.
 */
static void
view_make(struct blind_state *s, enum policy_program program,
    const char *source)
{
	struct blind_log	*v = mem_array(s->n + 1, sizeof(*v));
	size_t			 i, k;

	s->view[program] = v;
	for (i = 0; i < s->n; i++)
		v[i] = s->log[i];
	if (has_list(s, "file"))
		source = "file";
	if (!has_list(s, source))
		return;
	for (i = 0; i < s->n; i++) {
		v[i].state = LOGLIST_UNSTATED;
		if ((k = find(s, source, i)) == db_rows(s->lists))
			continue;
		v[i].operator = db_text(s->lists, k, BLIND_L_OPERATOR);
		v[i].state = state_of(db_text(s->lists, k, BLIND_L_STATE));
		if (db_null(s->lists, k, BLIND_L_SINCE) ||
		    clk_parse(db_text(s->lists, k, BLIND_L_SINCE),
		    &v[i].state_at) == -1)
			v[i].state_at = 0;
	}
}

int
blind_state_seen(struct blind_state *s, struct db *db, struct err *e)
{
	struct db_spans	 ids;
	struct span	*v = mem_array(s->n + 1, sizeof(*v));
	int64_t		 lag = 0;
	size_t		 i, n = 0;
	int		 rc;

	if (s->nblind == 0) {
		free(v);
		return 0;
	}
	for (i = 0; i < s->n; i++) {
		if (!blind_state_is(s, i))
			continue;
		v[n++] = db_bytes(s->rows, s->row[i], COV_LOG_ID);
		if (s->log[i].lag > lag)
			lag = s->log[i].lag;
	}
	ids = (struct db_spans){ v, n };
	rc = blind_store_estimate(db, &ids, BLIND_DAYS, lag, &s->seen, e);
	free(v);
	if (rc == 0 && db_rows(s->seen) != 0) {
		s->basis = db_int(s->seen, 0, 1);
		s->only = db_int(s->seen, 0, 2);
	}
	return rc;
}

int
blind_state_load(struct blind_state *s, struct db *db, int64_t poll,
    struct err *e)
{
	static const enum policy_kind	kinds[] = { POLICY_EMBEDDED,
	    POLICY_TLS };
	struct blind_verdict		*v;
	enum policy_program		 p;
	size_t				 i;

	memset(s, 0, sizeof(*s));
	if (blind_store_clock(db, &s->at, e) == -1 ||
	    coverage_store_now(db, poll, 1, &s->rows, e) == -1 ||
	    blind_store_lists(db, &s->lists, e) == -1)
		return -1;
	s->log = mem_array(db_rows(s->rows) + 1, sizeof(*s->log));
	s->row = mem_array(db_rows(s->rows) + 1, sizeof(*s->row));
	for (i = 0; i < db_rows(s->rows); i++) {
		/* what no list has any more counts for no program */
		if (!db_bool(s->rows, i, COV_LISTED))
			continue;
		s->row[s->n] = i;
		log_read(&s->log[s->n++], s->rows, i);
	}
	view_make(s, POLICY_CHROME, "chrome");
	view_make(s, POLICY_APPLE, "apple");
	for (i = 0; i < s->n; i++)
		s->nblind += blind_state_is(s, i) != 0;
	for (i = 0; i < BLIND_WAYS; i++) {
		v = &s->way[i];
		p = i < 2 ? POLICY_CHROME : POLICY_APPLE;
		blind_judge(p, kinds[i % 2], s->view[p], s->n, s->at,
		    BLIND_AFTER, v);
		if (v->kind == POLICY_EMBEDDED && v->seconds > s->seconds)
			s->seconds = v->seconds;
	}
	return 0;
}

void
blind_state_free(struct blind_state *s)
{
	db_free(s->rows);
	db_free(s->seen);
	db_free(s->lists);
	free(s->view[POLICY_CHROME]);
	free(s->view[POLICY_APPLE]);
	free(s->log);
	free(s->row);
	memset(s, 0, sizeof(*s));
}

double
blind_state_share(const struct blind_state *s)
{
	return s->seen == NULL || s->basis < BLIND_BASIS ? -1 :
	    (double)s->only / (double)s->basis;
}

/* --- JSON -------------------------------------------------------------------- */

static json_t *
time_json(int64_t us)
{
	char	t[CLK_TEXT];

	return json_string(clk_text(us, t));
}

static json_t *
log_json(const struct blind_state *s, size_t i)
{
	json_t	*o = json_object();

	json_object_set_new(o, "log_id", row_b64(s->rows, s->row[i],
	    COV_LOG_ID));
	json_object_set_new(o, "description", row_str(s->rows, s->row[i],
	    COV_DESCRIPTION));
	json_object_set_new(o, "operator", row_str(s->rows, s->row[i],
	    COV_OPERATOR));
	json_object_set_new(o, "lag_seconds", json_integer(s->log[i].lag));
	return o;
}

static json_t *
way_json(const struct blind_state *s, const struct blind_verdict *v)
{
	json_t	*o = json_object(), *logs = json_array();
	size_t	 i;

	json_object_set_new(o, "program", json_string(policy_name(
	    v->program)));
	json_object_set_new(o, "scts", json_string(v->kind == POLICY_TLS ?
	    "tls" : "embedded"));
	json_object_set_new(o, "blind", json_boolean(v->seconds >=
	    BLIND_AFTER));
	json_object_set_new(o, "seconds", json_integer(v->seconds));
	json_object_set_new(o, "margin_logs", v->margin == -1 ? json_null() :
	    json_integer(v->margin));
	if (v->seconds > 0) {
		for (i = 0; i < v->n; i++)
			json_array_append_new(logs, row_str(s->rows,
			    s->row[v->set[i]], COV_DESCRIPTION));
		json_object_set(o, "logs", logs);
		json_object_set_new(o, "not_after_from", time_json(v->from));
		json_object_set_new(o, "not_after_to", time_json(v->to));
	}
	json_decref(logs);
	return o;
}

static json_t *
share_json(int64_t only, int64_t n)
{
	return n < BLIND_BASIS ? json_null() : json_real((double)only /
	    (double)n);
}

static json_t *
estimate_json(const struct blind_state *s)
{
	json_t	*o = json_object(), *all = json_array(), *one;
	size_t	 i;

	json_object_set_new(o, "basis", json_string("matches"));
	json_object_set_new(o, "days", json_integer(BLIND_DAYS));
	json_object_set_new(o, "issuances", json_integer(s->basis));
	json_object_set_new(o, "only_there", json_integer(s->only));
	json_object_set_new(o, "share", share_json(s->only, s->basis));
	for (i = 1; i < db_rows(s->seen); i++) {
		one = json_object();
		json_object_set_new(one, "issuer_owner", row_str(s->seen, i,
		    0));
		json_object_set_new(one, "issuances", row_int(s->seen, i, 1));
		json_object_set_new(one, "only_there", row_int(s->seen, i,
		    2));
		json_object_set_new(one, "share", share_json(db_int(s->seen,
		    i, 2), db_int(s->seen, i, 1)));
		json_array_append_new(all, one);
	}
	json_object_set_new(o, "issuers", all);
	return o;
}

json_t *
blind_state_json(const struct blind_state *s)
{
	json_t	*o = json_object(), *a = json_array();
	size_t	 i;

	json_object_set_new(o, "blind_after_seconds",
	    json_integer(BLIND_AFTER));
	json_object_set_new(o, "blind_worst_case_seconds",
	    json_integer(s->seconds));
	for (i = 0; i < BLIND_WAYS; i++)
		json_array_append_new(a, way_json(s, &s->way[i]));
	json_object_set_new(o, "worst_case", a);
	a = json_array();
	for (i = 0; i < s->n; i++)
		if (blind_state_is(s, i))
			json_array_append_new(a, log_json(s, i));
	json_object_set_new(o, "blind_logs", a);
	json_object_set_new(o, "estimate", s->seen == NULL ? json_null() :
	    estimate_json(s));
	return o;
}

/* --- words ------------------------------------------------------------------- */

void
blind_state_span(int64_t s, struct buf *b)
{
	if (s < 120)
		buf_fmt(b, "%" PRId64 " s", s);
	else if (s < 7200)
		buf_fmt(b, "%" PRId64 " min", s / 60);
	else if (s < 2 * 86400)
		buf_fmt(b, "%" PRId64 " h", s / 3600);
	else
		buf_fmt(b, "%" PRId64 " d", s / 86400);
}

void
blind_state_logs(const struct blind_state *s, struct buf *b)
{
	size_t	i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (!blind_state_is(s, i))
			continue;
		if (n++ >= NAMED)
			continue;
		buf_fmt(b, "%s%.80s (", n > 1 ? ", " : "", db_text(s->rows,
		    s->row[i], COV_DESCRIPTION));
		blind_state_span(s->log[i].lag, b);
		buf_str(b, ")");
	}
	if (n > NAMED)
		buf_fmt(b, " and %zu more", n - NAMED);
}

void
blind_state_estimate(const struct blind_state *s, struct buf *b)
{
	double	share = blind_state_share(s);

	if (share < 0)
		buf_fmt(b, "no estimate: %" PRId64 " issuances of watched "
		    "names in %d days, before these logs fell behind, are "
		    "fewer than %d", s->basis, BLIND_DAYS, BLIND_BASIS);
	else
		buf_fmt(b, "of %" PRId64 " issuances of watched names in %d "
		    "days, %.1f %% were only in these logs", s->basis,
		    BLIND_DAYS, share * 100);
}
