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

static int
slurp(const char *path, struct buf *out, struct err *e)
{
	struct stat	st;
	uint8_t		*p;
	ssize_t		 k;
	int		 fd;

	if ((fd = file_open(path)) == -1)
		goto bad;
	if (fstat(fd, &st) == -1)
		goto bad;
	if (st.st_size > (off_t)LIMIT_WATCH_FILE) {
		close(fd);
		return err_set(e, ERR_LIMIT, "%s: larger than %u MB", path,
		    LIMIT_WATCH_FILE >> 20);
	}
	for (;;) {
		p = buf_room(out, 1 << 16);
		if ((k = read(fd, p, 1 << 16)) == -1)
			goto bad;
		if (k == 0)
			break;
		out->n += (size_t)k;
		if (out->n > LIMIT_WATCH_FILE) {
			close(fd);
			return err_set(e, ERR_LIMIT, "%s: larger than %u MB",
			    path, LIMIT_WATCH_FILE >> 20);
		}
	}
	close(fd);
	return 0;
bad:
	err_set(e, ERR_SYS, "%s: cannot be read, the watches of before stay",
	    path);
	if (fd != -1)
		close(fd);
	return -1;
}

/* Is a line already canonical, as nearly all lines are? */
static int
plain(const char *s, size_t n)
{
	size_t	i;

	if (n == 0 || n >= WATCH_TEXT || s[n - 1] == '.')
		return 0;
	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || s[i] == '-' ||
		    s[i] == '.' || (s[i] >= '0' && s[i] <= '9')))
			return 0;
	/* What ends in a letter is no address; xn-- may have other forms. */
	return s[n - 1] >= 'a' && s[n - 1] <= 'z' &&
	    memmem(s, n, "xn--", 4) == NULL;
}

/*
 * One canonical pattern a line, and a newline before the first, so that an
 * item can be looked for as bytes.  What is no pattern is an error: the file
 * was checked before.
 */
static int
canonical(const char *text, size_t n, struct buf *out, struct err *e)
{
	const char	*p = text, *end = text + n, *eol, *hash;
	char		 raw[WATCH_TEXT * 4], canon[WATCH_TEXT];
	size_t		 k;

	buf_str(out, "\n");
	for (; p < end; p = eol + 1) {
		if ((eol = memchr(p, '\n', (size_t)(end - p))) == NULL)
			eol = end;
		k = (size_t)(eol - p);
		if ((hash = memchr(p, '#', k)) != NULL)
			k = (size_t)(hash - p);
		while (k > 0 && strchr(" \t\r", p[k - 1]) != NULL)
			k--;
		while (k > 0 && strchr(" \t", *p) != NULL) {
			p++;
			k--;
		}
		if (k == 0)
			continue;
		if (plain(p, k)) {
			buf_add(out, p, k);
		} else {
			if (k >= sizeof(raw))
				return err_set(e, ERR_FORMAT, "a line of %zu "
				    "bytes is no pattern", k);
			memcpy(raw, p, k);
			raw[k] = '\0';
			if (watch_canon(raw, canon, e) == -1)
				return -1;
			buf_str(out, canon);
		}
		buf_str(out, "\n");
	}
	return 0;
}

/* A new version; rows of items that are gone are removed. */
static int
store_file(struct db *db, const uint8_t hash[32], const struct buf *body,
    size_t items, struct err *e)
{
	struct span	h = { hash, 32 }, b = buf_bytes(body);

	if (b.p == NULL)
		b.p = (const uint8_t *)"";
	if (db_query(db, NULL, e, "insert into watch_file (sha256, body,"
	    " items) values ($1, $2, $3)", "bbi", &h, &b,
	    (int64_t)items) == -1)
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
	struct buf	none = BUF_INIT;
	uint8_t		hash[32];
	int64_t		items;

	if (newest(db, hash, &items, e) == -1)
		return -1;
	if (items == 0)
		return 0;
	sha_256(hash, "", 0);
	if (store_file(db, hash, &none, 0, e) == -1)
		return -1;
	if (diff != NULL)
		buf_fmt(diff, "- watch_file (%lld items)\n",
		    (long long)items);
	return 0;
}

static int
sync_file(struct db *db, const char *path, struct buf *diff, struct err *e)
{
	struct watch_build	*b = NULL;
	struct buf		 text = BUF_INIT, body = BUF_INIT;
	struct err		 sub = ERR_INIT;
	uint8_t			 hash[32], old[32];
	int64_t			 had;
	size_t			 items;
	int			 rc = -1;

	if (slurp(path, &text, e) == -1)
		goto out;
	sha_256(hash, text.p, text.n);
	if (newest(db, old, &had, e) == -1)
		goto out;
	if (had > 0 && memcmp(hash, old, sizeof(hash)) == 0) {
		rc = 0;
		goto out;
	}
	b = watch_build_new();
	if (watch_build_file(b, buf_text(&text), text.n, path, &sub) == -1) {
		err_set(e, ERR_CONF, "%s", sub.msg);
		goto out;
	}
	if ((items = watch_build_count(b)) == 0) {
		err_set(e, ERR_CONF, "%s: names no watch: the %lld of before "
		    "stay (to have none, take watch_file out of the "
		    "configuration)", path, (long long)had);
		goto out;
	}
	if (canonical(buf_text(&text), text.n, &body, e) == -1) {
		err_prefix(e, "%s", path);
		goto out;
	}
	if (store_file(db, hash, &body, items, e) == -1)
		goto out;
	if (diff != NULL)
		buf_fmt(diff, "%c watch_file %s (%zu items, before %lld)\n",
		    had > 0 ? '~' : '+', path, items, (long long)had);
	rc = 0;
out:
	watch_build_free(b);
	buf_free(&text);
	buf_free(&body);
	return rc;
}

int
watch_sync(struct db *db, const struct conf *c, struct buf *diff,
    struct err *e)
{
	if (sync_inline(db, c, diff, e) == -1)
		return -1;
	if (c->watch_file == NULL)
		return end_file(db, diff, e);
	return sync_file(db, c->watch_file, diff, e);
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

int
watch_load(struct db *db, const struct conf *c, struct watch_build *b,
    struct err *e)
{
	struct watch_row	*v = NULL;
	struct buf		 body = BUF_INIT;
	int64_t			 items;
	size_t			 i, n = 0;
	int			 rc = -1;

	if (watch_list(db, &v, &n, e) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		/* Items of the file come from the file. */
		if (strcmp(v[i].origin, "file") == 0)
			continue;
		if (watch_build_add(b, v[i].pattern,
		    (const char *const *)v[i].exclude, v[i].nexclude,
		    e) == -1) {
			err_prefix(e, "watch %s", v[i].pattern);
			goto out;
		}
	}
	if (watch_file_newest(db, &items, &body, e) == -1)
		goto out;
	if (body.n > 0 && watch_build_file(b, buf_text(&body), body.n,
	    c != NULL && c->watch_file != NULL ? c->watch_file :
	    "watch_file", e) == -1)
		goto out;
	rc = 0;
out:
	watch_row_free(v, n);
	free(v);
	buf_free(&body);
	return rc;
}
