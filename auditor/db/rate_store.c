#include "auditor/db/rate_store.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"

/* A worker that was not seen for so long asks no more, in seconds. */
#define SEEN_S	"30"

/* Texts for the five arrays of a call; what they point to is borrowed. */
struct columns {
	const char	*kind[RATE_STORE_MAX], *subject[RATE_STORE_MAX];
	const char	*source[RATE_STORE_MAX], *rate[RATE_STORE_MAX];
	const char	*grown[RATE_STORE_MAX];
	char		 num[2][RATE_STORE_MAX][32];
};

static const char *
kind_of(const struct rate_row *r)
{
	return r->of_log ? "log" : "operator";
}

static void
columns(struct columns *c, const struct rate_row *r, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		c->kind[i] = kind_of(&r[i]);
		c->subject[i] = r[i].subject;
		c->source[i] = r[i].source;
		(void)snprintf(c->num[0][i], sizeof(c->num[0][i]), "%.17g",
		    r[i].per_second);
		(void)snprintf(c->num[1][i], sizeof(c->num[1][i]), "%.17g",
		    r[i].grown);
		c->rate[i] = c->num[0][i];
		c->grown[i] = c->num[1][i];
	}
}

/* Seconds of the server to microseconds; nothing that has passed. */
static int64_t
left(const struct db_res *r, size_t row, size_t col)
{
	double	s = db_real(r, row, col);

	return s > 0 ? (int64_t)(s * CLK_SEC) : 0;
}

static void
found(const struct db_res *q, size_t row, struct rate_row *r)
{
	r->per_second = db_real(q, row, 1);
	r->grown = 0;
	r->hold = left(q, row, 2);
	r->head_hold = left(q, row, 3);
	r->parts = 1 + (unsigned)db_int(q, row, 4);
}

int
rate_store_sync(struct db *db, const char *holder, struct rate_row *r,
    size_t n, struct err *e)
{
	struct columns	 c;
	struct db_strs	 kind = { c.kind, n }, subject = { c.subject, n };
	struct db_strs	 source = { c.source, n }, rate = { c.rate, n };
	struct db_strs	 grown = { c.grown, n };
	struct db_res	*q;
	size_t		 i;
	int64_t		 at;

	if (n == 0)
		return 0;
	columns(&c, r, n);
	/* in one order, so that two workers never wait for each other */
	if (db_query(db, &q, e, "with mine as materialized ("
	    "select kind, subject, source, rate::float8, grown::float8, at "
	    "from unnest($2, $3, $4, $5, $6) with ordinality as "
	    "m(kind, subject, source, rate, grown, at)), "
	    "here as (insert into ask_worker (kind, subject, source, holder) "
	    "select kind, subject, source, $1 from mine order by 1, 2, 3 "
	    "on conflict (kind, subject, source, holder) do update set "
	    "seen_at = now()), "
	    "rates as (insert into ask_rate as a "
	    "(kind, subject, source, per_second, grown) "
	    "select kind, subject, source, rate, grown from mine "
	    "order by 1, 2, 3 on conflict (kind, subject, source) do update "
	    "set per_second = a.per_second + excluded.grown, "
	    "grown = excluded.grown, updated_at = now() "
	    "returning a.*) "
	    "select m.at, r.per_second, "
	    "extract(epoch from r.hold_until - now())::float8, "
	    "extract(epoch from r.head_until - now())::float8, "
	    "(select count(*) from ask_worker w where w.kind = r.kind and "
	    "w.subject = r.subject and w.source = r.source and "
	    "w.holder <> $1 and "
	    "w.seen_at > now() - interval '" SEEN_S " seconds') "
	    "from rates r join mine m using (kind, subject, source)",
	    "saaaaa", holder, &kind, &subject, &source, &rate, &grown) == -1)
		return -1;
	for (i = 0; i < db_rows(q); i++) {
		at = db_int(q, i, 0);
		if (at >= 1 && (size_t)at <= n)
			found(q, i, &r[at - 1]);
	}
	db_free(q);
	return 0;
}

int
rate_store_cut(struct db *db, const struct rate_row *r,
    const struct rate_cut *c, struct err *e)
{
	/* greatest() passes over what is null */
	return db_query(db, NULL, e, "insert into ask_rate as a "
	    "(kind, subject, source, per_second, hold_until, head_until, "
	    "cut_at) values ($1, $2, $3, $4 * $5, "
	    "now() + nullif($7, 0) * interval '1 microsecond', "
	    "now() + nullif($8, 0) * interval '1 microsecond', now()) "
	    "on conflict (kind, subject, source) do update set "
	    "per_second = case when a.cut_at > "
	    "now() - $6 * interval '1 microsecond' then a.per_second "
	    "else a.per_second * $5 end, "
	    "cut_at = case when a.cut_at > "
	    "now() - $6 * interval '1 microsecond' then a.cut_at "
	    "else now() end, grown = 0, "
	    "hold_until = greatest(a.hold_until, excluded.hold_until), "
	    "head_until = greatest(a.head_until, excluded.head_until), "
	    "updated_at = now()", "sssffiii", kind_of(r), r->subject,
	    r->source, r->per_second, c->factor, c->window, c->hold,
	    c->head_hold);
}

int
rate_store_wire(struct db *db, int log_ref, const struct rate_wire *w,
    struct err *e)
{
	return db_query(db, NULL, e, "update log_health set "
	    "wire_bytes = case when wire_entries > 10000000 "
	    "then wire_bytes / 2 else wire_bytes end + $2, "
	    "wire_entries = case when wire_entries > 10000000 "
	    "then wire_entries / 2 else wire_entries end + $3, rate = $4 "
	    "where log_ref = $1", "iiif", (int64_t)log_ref,
	    (int64_t)w->bytes, (int64_t)w->entries, w->per_second);
}

int
rate_store_drop(struct db *db, const char *holder, const struct rate_row *r,
    size_t n, struct err *e)
{
	struct columns	c;
	struct db_strs	kind = { c.kind, n }, subject = { c.subject, n };
	struct db_strs	source = { c.source, n };

	if (n == 0)
		return 0;
	columns(&c, r, n);
	return db_query(db, NULL, e, "delete from ask_worker where "
	    "holder = $1 and (kind, subject, source) in (select kind, "
	    "subject, source from unnest($2, $3, $4) "
	    "as m(kind, subject, source))", "saaa", holder, &kind, &subject,
	    &source);
}

int
rate_store_leave(struct db *db, const char *holder, struct err *e)
{
	return db_query(db, NULL, e, "delete from ask_worker where "
	    "holder = $1 or seen_at < now() - interval '1 day'", "s", holder);
}
