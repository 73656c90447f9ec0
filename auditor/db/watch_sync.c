#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/conf.h"
#include "auditor/db/watch_store.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

/* --- watches of the configuration --- */

/* Insert or change one: the line of the difference, or nothing. */
static int
put(struct db *db, const struct conf_watch *w, int64_t *id, struct buf *diff,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct db_strs	 ex;
	struct err	 sub = ERR_INIT;
	char		 text[WATCH_TEXT];

	if (watch_canon(w->name, text, &sub) == -1)
		return err_set(e, ERR_CONF, "watch %s: %s", w->name, sub.msg);
	ex.v = (const char *const *)w->exclude.v;
	ex.n = w->exclude.n;
	/* The subselect sees the row as it was before the statement. */
	if (db_query(db, &r, e,
	    "with old as (select id, policy, exclude, origin from watch"
	    "  where pattern = $1 and owner = $2 and removed_at is null)"
	    " insert into watch (pattern, owner, policy, exclude, origin)"
	    " values ($1, $2, $3, $4, 'config')"
	    " on conflict (pattern, owner) where removed_at is null"
	    " do update set policy = excluded.policy,"
	    " exclude = excluded.exclude, origin = 'config'"
	    " returning id, (select case when (policy, exclude, origin)"
	    " is distinct from ($3, $4, 'config') then '~' else '=' end"
	    " from old)", "sssa", text, w->owner != NULL ? w->owner : "",
	    w->policy != NULL ? w->policy : "", &ex) == -1)
		return -1;
	*id = db_int(r, 0, 0);
	if (diff != NULL && db_text(r, 0, 1)[0] != '=')
		buf_fmt(diff, "%s watch %s%s%s\n", db_null(r, 0, 1) ? "+" :
		    db_text(r, 0, 1), text, w->owner != NULL &&
		    w->owner[0] != '\0' ? " of " : "",
		    w->owner != NULL ? w->owner : "");
	db_free(r);
	return 0;
}

/* Remove the rows of the configuration that it does not have any more. */
static int
drop_gone(struct db *db, const int64_t *ids, size_t n, struct buf *diff,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct buf	 keep = BUF_INIT;
	size_t		 i;
	int		 rc;

	buf_str(&keep, "{");
	for (i = 0; i < n; i++)
		buf_fmt(&keep, "%s%lld", i > 0 ? "," : "", (long long)ids[i]);
	buf_str(&keep, "}");
	rc = db_query(db, &r, e,
	    "update watch set removed_at = now() where origin = 'config'"
	    " and removed_at is null and id <> all($1::text::bigint[])"
	    " returning pattern, owner", "s", buf_text(&keep));
	buf_free(&keep);
	if (rc == -1)
		return -1;
	for (i = 0; diff != NULL && i < db_rows(r); i++)
		buf_fmt(diff, "- watch %s%s%s\n", db_text(r, i, 0),
		    db_text(r, i, 1)[0] != '\0' ? " of " : "",
		    db_text(r, i, 1));
	db_free(r);
	return 0;
}

/* An empty configuration removes nothing: it is a mistake, and is said. */
static int
refuse_empty(struct db *db, const struct conf *c, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 n;

	if (db_query(db, &r, e, "select count(*) from watch"
	    " where origin = 'config' and removed_at is null", "") == -1)
		return -1;
	n = db_int(r, 0, 0);
	db_free(r);
	if (n == 0)
		return 0;
	return err_set(e, ERR_CONF, "%s names no watch: the %lld watches of "
	    "before stay (name at least one)", c->path != NULL ? c->path :
	    "the configuration", (long long)n);
}

static int
sync_inline(struct db *db, const struct conf *c, struct buf *diff,
    struct err *e)
{
	int64_t	*ids;
	size_t	 i;
	int	 rc = -1;

	if (c->nwatch == 0 && c->watch_file == NULL)
		return refuse_empty(db, c, e);
	ids = mem_array(c->nwatch + 1, sizeof(*ids));
	for (i = 0; i < c->nwatch; i++)
		if (put(db, &c->watch[i], &ids[i], diff, e) == -1)
			goto out;
	rc = drop_gone(db, ids, c->nwatch, diff, e);
out:
	free(ids);
	return rc;
}

/* --- watch_file --- */

#define PORTION	(256u << 10)	/* read, parsed and sent at a time */

/* A text on its way into a builder; the rest of it is its last line. */
struct feed {
	struct watch_build	*b;
	struct buf		 rest;
	const char		*where;
	size_t			 line;
	uint64_t		 size;	/* of all, as far as is known */
};

/* The portions so far are at hand: take their whole lines, or all. */
static int
feed(struct feed *f, int last, struct err *e)
{
	const char	*t = buf_text(&f->rest), *nl;
	size_t		 n = f->rest.n, i, lines = 1;

	if (!last) {
		if ((nl = memrchr(t, '\n', n)) == NULL)
			return 0;
		n = (size_t)(nl + 1 - t);
	}
	if (f->line == 0 && n != 0) {
		for (i = 0; i < n; i++)
			lines += t[i] == '\n';
		/* a little more, so that the guess rarely falls short */
		watch_build_expect(f->b, (size_t)((double)lines * 1.01 *
		    (double)f->size / (double)n), f->size);
	}
	if (watch_build_part(f->b, t, n, f->where, &f->line, e) == -1)
		return -1;
	memmove(f->rest.p, f->rest.p + n, f->rest.n - n);
	f->rest.n -= n;
	return 0;
}

static int
too_large(const char *path, struct err *e)
{
	return err_set(e, ERR_LIMIT, "%s: larger than %u MB", path,
	    LIMIT_WATCH_FILE >> 20);
}

static int
cannot_read(const char *path, struct err *e)
{
	return err_set(e, ERR_SYS, "%s: cannot be read, the watches of before "
	    "stay", path);
}

static int
read_open(int fd, struct feed *f, uint8_t hash[32], struct err *e)
{
	struct sha_ctx	 c;
	struct err	 why = ERR_INIT;
	uint64_t	 all = 0;
	uint8_t		*p;
	ssize_t		 k;

	sha_init(&c);
	do {
		p = buf_room(&f->rest, PORTION);
		if ((k = read(fd, p, PORTION)) == -1)
			return cannot_read(f->where, e);
		all += (uint64_t)k;
		if (all > LIMIT_WATCH_FILE)
			return too_large(f->where, e);
		sha_update(&c, p, (size_t)k);
		f->rest.n += (size_t)k;
		if (feed(f, k == 0, &why) == -1)
			return err_set(e, ERR_CONF, "%s", why.msg);
	} while (k != 0);
	sha_final(&c, hash);
	return 0;
}

/* The patterns of the file as one text of the builder, and its hash. */
static int
read_file(const char *path, struct watch_build *b, uint8_t hash[32],
    struct err *e)
{
	struct feed	f = { .b = b, .where = path };
	struct stat	st;
	int		fd, rc;

	if ((fd = file_open(path)) == -1)
		return cannot_read(path, e);
	if (fstat(fd, &st) == -1)
		rc = cannot_read(path, e);
	else if (st.st_size > (off_t)LIMIT_WATCH_FILE)
		rc = too_large(path, e);
	else {
		f.size = (uint64_t)st.st_size;
		watch_build_text(b);
		rc = read_open(fd, &f, hash, e);
		if (rc == 0)
			watch_build_text_end(b, hash);
	}
	close(fd);
	buf_free(&f.rest);
	return rc;
}

/*
 * One row of table watch_file, in the binary form of COPY.  The body is a
 * canonical pattern a line, and a newline before the first, so that an item
 * can be looked for as bytes.  It goes out in portions.
 */
static int
copy_file(struct db *db, const uint8_t hash[32], const struct watch_build *b,
    struct err *e)
{
	static const char	head[] = "PGCOPY\n\377\r\n";
	size_t			items = b != NULL ? watch_build_count(b) : 0;
	size_t			bytes = b != NULL ?
				    watch_build_line_bytes(b) + 1 : 0;
	struct buf		out = BUF_INIT;
	uint32_t		at = 0;
	int			more = b != NULL, rc = -1;

	if (db_copy_begin(db, "copy watch_file (sha256, items, body) from "
	    "stdin (format binary)", e) == -1)
		return -1;
	buf_add(&out, head, sizeof(head));
	buf_u64(&out, 0);
	buf_u16(&out, 3);
	buf_vec32(&out, hash, 32);
	buf_u32(&out, 4);
	buf_u32(&out, (uint32_t)items);
	buf_u32(&out, (uint32_t)bytes);
	if (b != NULL)
		buf_u8(&out, '\n');
	while (more) {
		more = watch_build_lines(b, &at, &out, PORTION);
		if (db_copy_put(db, out.p, out.n, e) == -1)
			goto out;
		buf_reset(&out);
	}
	buf_u16(&out, UINT16_MAX);
	if (db_copy_put(db, out.p, out.n, e) == 0)
		rc = db_copy_end(db, e);
out:
	buf_free(&out);
	return rc;
}

/* A new version, ${b} NULL: of nothing; rows of gone items are removed. */
static int
store_file(struct db *db, const uint8_t hash[32], const struct watch_build *b,
    struct err *e)
{
	if (copy_file(db, hash, b, e) == -1)
		return -1;
	return db_query(db, NULL, e,
	    "update watch w set removed_at = now() from (select body from"
	    " watch_file order by id desc limit 1) f where w.origin = 'file'"
	    " and w.removed_at is null and position(convert_to("
	    "E'\\n' || w.pattern || E'\\n', 'UTF8') in f.body) = 0", "");
}

/* The newest version: its hash and items; 0 items when there is none. */
static int
newest(struct db *db, uint8_t hash[32], int64_t *items, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 h;

	memset(hash, 0, 32);
	*items = 0;
	if (db_query(db, &r, e, "select sha256, items from watch_file"
	    " order by id desc limit 1", "") == -1)
		return -1;
	if (db_rows(r) > 0) {
		h = db_bytes(r, 0, 0);
		if (h.n == 32)
			memcpy(hash, h.p, 32);
		*items = db_int(r, 0, 1);
	}
	db_free(r);
	return 0;
}

/* watch_file was taken out of the configuration: its items end. */
static int
end_file(struct db *db, struct buf *diff, struct err *e)
{
	uint8_t		hash[32];
	int64_t		items;

	if (newest(db, hash, &items, e) == -1)
		return -1;
	if (items == 0)
		return 0;
	sha_256(hash, "", 0);
	if (store_file(db, hash, NULL, e) == -1)
		return -1;
	if (diff != NULL)
		buf_fmt(diff, "- watch_file (%lld items)\n",
		    (long long)items);
	return 0;
}

int
watch_file_check(const char *path, struct err *e)
{
	struct watch_build	*b = watch_build_new();
	uint8_t			 hash[32];
	int			 rc;

	rc = read_file(path, b, hash, e);
	if (rc == 0 && watch_build_count(b) == 0)
		rc = err_set(e, ERR_CONF, "%s: names no watch (to have none, "
		    "take watch_file out of the configuration)", path);
	watch_build_free(b);
	return rc;
}

/* Its patterns go into ${b}, which is empty. */
static int
sync_file(struct db *db, const char *path, struct buf *diff,
    struct watch_build *b, struct err *e)
{
	uint8_t		hash[32], old[32];
	int64_t		had;
	size_t		items;

	if (read_file(path, b, hash, e) == -1 ||
	    newest(db, old, &had, e) == -1)
		return -1;
	if (had > 0 && memcmp(hash, old, sizeof(hash)) == 0)
		return 0;
	if ((items = watch_build_count(b)) == 0)
		return err_set(e, ERR_CONF, "%s: names no watch: the %lld of "
		    "before stay (to have none, take watch_file out of the "
		    "configuration)", path, (long long)had);
	if (store_file(db, hash, b, e) == -1)
		return -1;
	if (diff != NULL)
		buf_fmt(diff, "%c watch_file %s (%zu items, before %lld)\n",
		    had > 0 ? '~' : '+', path, items, (long long)had);
	return 0;
}

static int
sync_into(struct db *db, const struct conf *c, struct buf *diff,
    struct watch_build *b, struct err *e)
{
	if (sync_inline(db, c, diff, e) == -1)
		return -1;
	if (c->watch_file == NULL)
		return end_file(db, diff, e);
	return sync_file(db, c->watch_file, diff, b, e);
}

int
watch_sync(struct db *db, const struct conf *c, struct buf *diff,
    struct err *e)
{
	struct watch_build	*b = watch_build_new();
	int			 rc = sync_into(db, c, diff, b, e);

	watch_build_free(b);
	return rc;
}

int
watch_file_newest(struct db *db, int64_t *items, struct buf *body,
    struct err *e)
{
	struct db_res	*r = NULL;

	*items = 0;
	if (db_query(db, &r, e, "select items, case when $1 then body end"
	    " from watch_file order by id desc limit 1", "B",
	    body != NULL) == -1)
		return -1;
	if (db_rows(r) > 0) {
		*items = db_int(r, 0, 0);
		if (body != NULL)
			buf_span(body, db_bytes(r, 0, 1));
	}
	db_free(r);
	return 0;
}

/* --- all live watches --- */

/* Those with a row of their own; items of watch_file come from the file. */
static int
load_rows(struct db *db, struct watch_build *b, struct err *e)
{
	struct watch_row	*v = NULL;
	size_t			 i, n = 0;
	int			 rc = 0;

	if (watch_list(db, &v, &n, e) == -1)
		return -1;
	for (i = 0; i < n && rc == 0; i++) {
		if (strcmp(v[i].origin, "file") == 0)
			continue;
		rc = watch_build_add(b, v[i].pattern,
		    (const char *const *)v[i].exclude, v[i].nexclude, e);
		if (rc == -1)
			err_prefix(e, "watch %s", v[i].pattern);
	}
	watch_row_free(v, n);
	free(v);
	return rc;
}

int
watch_sync_load(struct db *db, const struct conf *c, struct buf *diff,
    struct watch_build **b, struct err *e)
{
	*b = watch_build_new();
	if (sync_into(db, c, diff, *b, e) == 0 && load_rows(db, *b, e) == 0)
		return 0;
	watch_build_free(*b);
	*b = NULL;
	return -1;
}

/* The body of the newest version, portion by portion. */
static int
load_file(struct db *db, const char *where, struct watch_build *b,
    struct err *e)
{
	struct feed	 f = { .b = b, .where = where };
	struct db_res	*r = NULL;
	struct span	 s;
	uint8_t		 hash[32] = { 0 };
	int64_t		 id = 0, at = 1;
	int		 rc = 0, last = 0;

	if (db_query(db, &r, e, "select id, length(body), sha256 from "
	    "watch_file order by id desc limit 1", "") == -1)
		return -1;
	if (db_rows(r) > 0) {
		id = db_int(r, 0, 0);
		f.size = (uint64_t)db_int(r, 0, 1);
		s = db_bytes(r, 0, 2);
		if (s.n == sizeof(hash))
			memcpy(hash, s.p, sizeof(hash));
	}
	db_free(r);
	if (f.size == 0)
		return 0;
	watch_build_text(b);
	/* Versions are never changed, so each portion is of the same one. */
	while (!last && rc == 0) {
		if (db_query(db, &r, e, "select substring(body from $2::int"
		    " for $3::int) from watch_file where id = $1", "iii", id,
		    at, (int64_t)PORTION) == -1) {
			rc = -1;
			break;
		}
		s = db_rows(r) > 0 ? db_bytes(r, 0, 0) : (struct span){ 0 };
		buf_span(&f.rest, s);
		at += (int64_t)s.n;
		last = s.n == 0;
		rc = feed(&f, last, e);
		db_free(r);
	}
	watch_build_text_end(b, hash);
	buf_free(&f.rest);
	return rc;
}

int
watch_load(struct db *db, const struct conf *c, struct watch_build *b,
    struct err *e)
{
	return load_rows(db, b, e) == -1 || load_file(db, c != NULL &&
	    c->watch_file != NULL ? c->watch_file : "watch_file", b, e) == -1 ?
	    -1 : 0;
}
