#include "auditor/db/watch_store.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/vantage_store.h"
#include "base/limit.h"
#include "base/mem.h"

void
watch_row_free(struct watch_row *w, size_t n)
{
	size_t	i;

	for (i = 0; w != NULL && i < n; i++) {
		free(w[i].pattern);
		free(w[i].owner);
		free(w[i].policy);
		free(w[i].origin);
		free(w[i].exclude);
		memset(&w[i], 0, sizeof(w[i]));
	}
}

#define COLS "select id, pattern, owner, policy, origin, exclude, added_at" \
	" from watch where removed_at is null"

static void
row(const struct db_res *r, size_t i, struct watch_row *w)
{
	w->id = db_int(r, i, 0);
	w->pattern = mem_str(db_text(r, i, 1));
	w->owner = mem_str(db_text(r, i, 2));
	w->policy = mem_str(db_text(r, i, 3));
	w->origin = mem_str(db_text(r, i, 4));
	w->exclude = db_strv(r, i, 5, &w->nexclude);
	w->added_at = db_time(r, i, 6);
}

int
watch_list(struct db *db, struct watch_row **v, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;

	*v = NULL;
	*n = 0;
	if (db_query(db, &r, e, COLS " order by pattern, owner", "") == -1)
		return -1;
	*n = db_rows(r);
	*v = mem_array(*n + 1, sizeof(**v));
	for (i = 0; i < *n; i++)
		row(r, i, &(*v)[i]);
	db_free(r);
	return 0;
}

/* --- from a pattern to rows --- */

/*
 * Rows for items of watch_file, those that the newest version has.  One was
 * added when the first version of the unbroken run that has it was loaded.
 */
static int
from_file(struct db *db, const struct db_strs *items, struct err *e)
{
	return db_query(db, NULL, e,
	    "insert into watch (pattern, origin, added_at)"
	    " select p.x, 'file', (select min(f.loaded_at) from watch_file f"
	    "  where f.id > coalesce((select max(g.id) from watch_file g"
	    "   where position(p.line in g.body) = 0), 0))"
	    " from (select id, body from watch_file order by id desc limit 1)"
	    " newest, (select x, convert_to(E'\\n' || x || E'\\n', 'UTF8') as"
	    " line from unnest($1) x order by x) p"
	    " where position(p.line in newest.body) > 0"
	    " on conflict (pattern, owner) where removed_at is null"
	    " do nothing", "a", items);
}

static int
live_rows(struct db *db, const struct db_strs *patterns, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select w.*, p.i - 1 from unnest($1) with "
	    "ordinality p(x, i) cross join lateral (" COLS " and pattern = "
	    "p.x order by id limit $2) w order by p.i, w.id", "ai", patterns,
	    (int64_t)LIMIT_WATCH_OWNERS);
}

/* Those that nobody has as his own: items of the file have owner "". */
static struct db_strs
nobodys(const struct db_res *r, const char *const *patterns, size_t n)
{
	const char	**v = mem_array(n + 1, sizeof(*v));
	char		 *has = mem_array(n + 1, 1);
	size_t		  i, k = 0;

	memset(has, 0, n + 1);
	for (i = 0; i < db_rows(r); i++)
		if (db_text(r, i, 2)[0] == '\0')
			has[db_int(r, i, 7)] = 1;
	for (i = 0; i < n; i++)
		if (!has[i])
			v[k++] = patterns[i];
	free(has);
	return (struct db_strs){ v, k };
}

int
watch_resolve(struct db *db, const char *const *patterns, size_t n,
    struct watch_rows *out, struct err *e)
{
	struct db_strs		 all = { patterns, n }, none;
	struct watch_rows	*o;
	struct db_res		*r = NULL;
	size_t			 i;
	int			 rc;

	memset(out, 0, n * sizeof(*out));
	if (n == 0)
		return 0;
	if (live_rows(db, &all, &r, e) == -1)
		return -1;
	none = nobodys(r, patterns, n);
	rc = none.n != 0 ? from_file(db, &none, e) : 0;
	if (rc == 0 && none.n != 0) {
		db_free(r);
		rc = live_rows(db, &all, &r, e);
	}
	free((void *)(uintptr_t)none.v);
	for (i = 0; rc == 0 && i < db_rows(r); i++) {
		o = &out[db_int(r, i, 7)];
		o->v = mem_grow(o->v, &o->cap, o->n + 1, sizeof(*o->v));
		row(r, i, &o->v[o->n++]);
	}
	db_free(r);
	return rc;
}

void
watch_rows_free(struct watch_rows *w, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		watch_row_free(w[i].v, w[i].n);
		free(w[i].v);
	}
}

/* --- rule 5 --- */

/*
 * Below which index is everything older than the watch?  *final is 0 while
 * the answer can still change.  A log that appeared behind the watch has
 * nothing that is older; a head that is not of its tree says nothing.
 */
static int
base_size(struct db *db, int log_ref, int64_t added_at, int64_t *size,
    int64_t *at, int *final, struct err *e)
{
	struct db_res *r = NULL;

	if (db_query(db, &r, e,
	    "select l.first_list or l.added_at < $2, b.tree_size, b.first_seen"
	    " from log l left join lateral"
	    " (select h.tree_size, h.first_seen from tree_head h"
	    " where h.log_ref = l.id and h.verdict = 'valid'"
	    " and h.consistency <> 'conflict'"
	    " and h.last_seen >= $2 and not " VANTAGE_TOLD("h.id")
	    " order by h.id limit 1) b on true where l.id = $1", "it",
	    (int64_t)log_ref, added_at) == -1)
		return -1;
	*final = 1;
	*at = INT64_MIN;
	if (db_rows(r) == 0 || !db_bool(r, 0, 0))
		*size = 0;
	else if (!db_null(r, 0, 1)) {
		*size = db_int(r, 0, 1);
		*at = db_time(r, 0, 2);
	} else {
		*size = INT64_MAX;
		*final = 0;
	}
	db_free(r);
	return 0;
}

int
watch_baseline(struct db *db, int log_ref, int64_t added_at, int64_t index,
    int *is_baseline, struct err *e)
{
	int64_t	size, at;
	int	final;

	if (base_size(db, log_ref, added_at, &size, &at, &final, e) == -1)
		return -1;
	*is_baseline = index < size;
	return 0;
}

struct watch_base {
	struct base_item {
		int	log_ref;
		int64_t	added_at;
		int64_t	size, at;
	}	*v;
	size_t	 n, cap;
};

struct watch_base *
watch_base_new(void)
{
	return mem_zero(sizeof(struct watch_base));
}

void
watch_base_free(struct watch_base *b)
{
	if (b == NULL)
		return;
	free(b->v);
	free(b);
}

/* Where (log, added_at) is or belongs in the sorted array. */
static size_t
base_find(const struct watch_base *b, int log_ref, int64_t added_at)
{
	size_t	lo = 0, hi = b->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (b->v[mid].log_ref < log_ref ||
		    (b->v[mid].log_ref == log_ref &&
		    b->v[mid].added_at < added_at))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int
watch_base_get(struct watch_base *b, struct db *db, int log_ref,
    int64_t added_at, int64_t index, int *is_baseline, int64_t *at,
    struct err *e)
{
	size_t	i = base_find(b, log_ref, added_at);
	int64_t	size;
	int	final;

	if (i < b->n && b->v[i].log_ref == log_ref &&
	    b->v[i].added_at == added_at) {
		*is_baseline = index < b->v[i].size;
		*at = b->v[i].at;
		return 0;
	}
	if (base_size(db, log_ref, added_at, &size, at, &final, e) == -1)
		return -1;
	*is_baseline = index < size;
	if (!final)
		return 0;
	b->v = mem_grow(b->v, &b->cap, b->n + 1, sizeof(*b->v));
	memmove(&b->v[i + 1], &b->v[i], (b->n - i) * sizeof(*b->v));
	b->v[i].log_ref = log_ref;
	b->v[i].added_at = added_at;
	b->v[i].size = size;
	b->v[i].at = *at;
	b->n++;
	return 0;
}

/* --- the command line --- */

/* Canonical, or ERR_USAGE: somebody typed it. */
static int
typed(const char *text, char out[WATCH_TEXT], struct err *e)
{
	struct err sub = ERR_INIT;

	if (watch_canon(text, out, &sub) == 0)
		return 0;
	return err_set(e, ERR_USAGE, "%s", sub.msg);
}

int
watch_add(struct db *db, const struct watch_new *w, struct err *e)
{
	struct db_res	*r = NULL;
	struct db_strs	 ex;
	char		 text[WATCH_TEXT];
	size_t		 i;
	int		 rc;

	if (typed(w->name, text, e) == -1)
		return -1;
	ex.v = w->exclude;
	ex.n = w->nexclude;
	for (i = 0; i < w->nexclude; i++) {
		char one[WATCH_TEXT];

		if (typed(w->exclude[i], one, e) == -1)
			return err_prefix(e, "exclude");
	}
	if (db_query(db, &r, e,
	    "insert into watch (pattern, owner, policy, exclude, origin)"
	    " values ($1, coalesce($2, ''), coalesce($3, ''), $4, 'cli')"
	    " on conflict (pattern, owner) where removed_at is null"
	    " do update set policy = excluded.policy,"
	    " exclude = excluded.exclude, origin = 'cli'"
	    " where watch.origin <> 'config' and (watch.policy,"
	    " watch.exclude, watch.origin) is distinct from"
	    " (excluded.policy, excluded.exclude, excluded.origin)"
	    " returning id", "sssa", text, w->owner, w->policy, &ex) == -1)
		return -1;
	rc = db_rows(r) > 0;
	db_free(r);
	if (rc == 1)
		return 1;
	r = NULL;
	if (db_query(db, &r, e, "select origin = 'config' and (policy,"
	    " exclude) is distinct from (coalesce($3, ''), $4) from watch"
	    " where pattern = $1 and owner = coalesce($2, '')"
	    " and removed_at is null", "sssa", text, w->owner, w->policy,
	    &ex) == -1)
		return -1;
	if (db_rows(r) > 0 && db_bool(r, 0, 0))
		rc = err_set(e, ERR_USAGE, "the configuration watches %s with "
		    "another policy or other exclusions: change it there",
		    text);
	db_free(r);
	return rc;
}

int
watch_remove(struct db *db, const char *name, const char *owner,
    struct err *e)
{
	struct db_res	*r = NULL;
	char		 text[WATCH_TEXT];
	size_t		 n;
	int64_t		 items;
	struct buf	 body = BUF_INIT, line = BUF_INIT;
	int		 rc = -1;

	if (typed(name, text, e) == -1)
		return -1;
	if (db_query(db, &r, e, "update watch set removed_at = now()"
	    " where pattern = $1 and ($2::text is null or owner = $2)"
	    " and origin = 'cli' and removed_at is null returning id", "ss",
	    text, owner) == -1)
		return -1;
	n = db_rows(r);
	db_free(r);
	if (n > 0)
		return (int)n;
	r = NULL;
	if (db_query(db, &r, e, COLS " and pattern = $1"
	    " and ($2::text is null or owner = $2)", "ss", text,
	    owner) == -1 ||
	    watch_file_newest(db, &items, &body, e) == -1)
		goto out;
	buf_fmt(&line, "\n%s\n", text);
	if (db_rows(r) > 0 && strcmp(db_text(r, 0, 4), "config") == 0)
		err_set(e, ERR_USAGE, "the configuration watches %s: remove "
		    "it there, then config apply", text);
	else if (body.n > 0 && memmem(body.p, body.n, line.p, line.n) != NULL)
		err_set(e, ERR_USAGE, "watch_file has %s: remove its line "
		    "there, then config apply", text);
	else
		err_set(e, ERR_NOENT, "nobody watches %s (certvigil watch "
		    "list shows what is watched)", text);
out:
	db_free(r);
	buf_free(&body);
	buf_free(&line);
	return rc;
}
