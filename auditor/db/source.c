#include "auditor/db/source.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "base/mem.h"
#include "pki/watch.h"

void
source_free(struct source *s, size_t n)
{
	size_t	i;

	for (i = 0; s != NULL && i < n; i++) {
		free(s[i].name);
		free(s[i].names);
		free(s[i].issuers);
		free(s[i].origin);
		memset(&s[i], 0, sizeof(s[i]));
	}
}

static const char source_cols[] =
    "select name, names, issuers, until, origin from source";

static void
source_row(const struct db_res *r, size_t i, struct source *s)
{
	s->name = mem_str(db_text(r, i, 0));
	s->names = db_strv(r, i, 1, &s->nnames);
	s->issuers = db_strv(r, i, 2, &s->nissuers);
	s->until = db_time(r, i, 3);
	s->origin = mem_str(db_text(r, i, 4));
}

int
source_list(struct db *db, struct source **v, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	struct buf	 sql = BUF_INIT;
	size_t		 i;
	int		 rc;

	*v = NULL;
	*n = 0;
	buf_fmt(&sql, "%s order by name", source_cols);
	rc = db_query(db, &r, e, buf_text(&sql), "");
	buf_free(&sql);
	if (rc == -1)
		return -1;
	*n = db_rows(r);
	*v = mem_array(*n + 1, sizeof(**v));
	for (i = 0; i < *n; i++)
		source_row(r, i, &(*v)[i]);
	db_free(r);
	return 0;
}

int
source_get(struct db *db, const char *name, struct source *s, struct err *e)
{
	struct source	*v = NULL;
	struct buf	 have = BUF_INIT;
	size_t		 i, n = 0;
	int		 rc = -1;

	memset(s, 0, sizeof(*s));
	if (source_list(db, &v, &n, e) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		if (rc == -1 && strcmp(v[i].name, name) == 0) {
			*s = v[i];
			memset(&v[i], 0, sizeof(v[i]));
			rc = 0;
		} else
			buf_fmt(&have, "%s%s", have.n > 0 ? ", " : "",
			    v[i].name);
	}
	if (rc == -1)
		err_set(e, ERR_NOENT, "there is no source %s (known: %s)",
		    name, have.n > 0 ? buf_text(&have) : "none");
	buf_free(&have);
	source_free(v, n);
	free(v);
	return rc;
}

/* The names in canonical form; free_strs() them. */
static char **
canonical(char *const *v, size_t n, struct err *e)
{
	char	**out = mem_array(n + 1, sizeof(*out));
	char	  text[WATCH_TEXT];
	struct err sub = ERR_INIT;
	size_t	  i;

	for (i = 0; i < n; i++) {
		if (watch_canon(v[i], text, &sub) == -1) {
			err_set(e, ERR_USAGE, "%s", sub.msg);
			while (i > 0)
				free(out[--i]);
			free(out);
			return NULL;
		}
		out[i] = mem_str(text);
	}
	return out;
}

static void
free_strs(char **v, size_t n)
{
	size_t	i;

	for (i = 0; v != NULL && i < n; i++)
		free(v[i]);
	free(v);
}

/*
 * Insert or change: 1 new, 2 changed, 0 as it was, -1.  One of the command
 * line becomes one of the configuration, never the other way.
 */
static int
put(struct db *db, const struct source *s, const char *origin, struct err *e)
{
	struct db_res	*r = NULL;
	struct db_strs	 names, issuers;
	char		**canon;
	int		 rc;

	if ((canon = canonical(s->names, s->nnames, e)) == NULL)
		return err_prefix(e, "source %s", s->name);
	names.v = (const char *const *)canon;
	names.n = s->nnames;
	issuers.v = (const char *const *)s->issuers;
	issuers.n = s->nissuers;
	rc = db_query(db, &r, e,
	    "insert into source (name, names, issuers, until, origin)"
	    " values ($1, $2, $3, $4, $5) on conflict (name) do update"
	    " set names = excluded.names, issuers = excluded.issuers,"
	    " until = excluded.until, origin = excluded.origin"
	    " where (source.names, source.issuers, source.origin)"
	    " is distinct from (excluded.names, excluded.issuers,"
	    " excluded.origin) or source.until is distinct from"
	    " excluded.until returning xmax = 0", "saats", s->name, &names,
	    &issuers, s->until, origin);
	free_strs(canon, s->nnames);
	if (rc == -1)
		return -1;
	rc = db_rows(r) == 0 ? 0 : db_bool(r, 0, 0) ? 1 : 2;
	db_free(r);
	return rc;
}

static int
configured(const struct conf *c, const char *name)
{
	size_t	i;

	for (i = 0; i < c->nsources; i++)
		if (strcmp(c->sources[i].name, name) == 0)
			return 1;
	return 0;
}

int
source_sync(struct db *db, const struct conf *c, struct buf *diff,
    struct err *e)
{
	struct source	*have = NULL, s;
	struct err	 sub = ERR_INIT;
	size_t		 i, n = 0;
	int		 rc = -1, k;

	for (i = 0; i < c->nsources; i++) {
		memset(&s, 0, sizeof(s));
		s.name = c->sources[i].name;
		s.names = c->sources[i].names.v;
		s.nnames = c->sources[i].names.n;
		s.issuers = c->sources[i].issuers.v;
		s.nissuers = c->sources[i].issuers.n;
		s.until = c->sources[i].until;
		if ((k = put(db, &s, "config", &sub)) == -1)
			return err_set(e, sub.code == ERR_USAGE ? ERR_CONF :
			    sub.code, "%s", sub.msg);
		if (k > 0 && diff != NULL)
			buf_fmt(diff, "%c source %s\n", k == 1 ? '+' : '~',
			    s.name);
	}
	if (source_list(db, &have, &n, e) == -1)
		goto out;
	for (i = 0; i < n; i++) {
		if (strcmp(have[i].origin, "config") != 0 ||
		    configured(c, have[i].name))
			continue;
		if (db_query(db, NULL, e, "delete from source where name = $1",
		    "s", have[i].name) == -1)
			goto out;
		if (diff != NULL)
			buf_fmt(diff, "- source %s\n", have[i].name);
	}
	rc = 0;
out:
	source_free(have, n);
	free(have);
	return rc;
}

/* Is that source one of the configuration?  1, 0 (*there says if any), -1. */
static int
of_config(struct db *db, const char *name, int *there, struct err *e)
{
	struct db_res	*r = NULL;
	int		 yes;

	if (db_query(db, &r, e, "select origin = 'config' from source"
	    " where name = $1", "s", name) == -1)
		return -1;
	*there = db_rows(r) > 0;
	yes = *there && db_bool(r, 0, 0);
	db_free(r);
	return yes;
}

int
source_add(struct db *db, const struct source *s, struct err *e)
{
	int	k, there;

	if (s->nnames == 0 || s->nissuers == 0)
		return err_set(e, ERR_USAGE, "source %s needs names and "
		    "issuers", s->name);
	if ((k = of_config(db, s->name, &there, e)) == -1)
		return -1;
	if (k == 1)
		return err_set(e, ERR_USAGE, "source %s is one of the "
		    "configuration: change it there", s->name);
	k = put(db, s, "cli", e);
	return k > 0 ? 1 : k;
}

int
source_remove(struct db *db, const char *name, struct err *e)
{
	int	k, there;

	if ((k = of_config(db, name, &there, e)) == -1)
		return -1;
	if (k == 1)
		return err_set(e, ERR_USAGE, "source %s is one of the "
		    "configuration: remove it there", name);
	if (!there)
		return err_set(e, ERR_NOENT, "there is no source %s", name);
	return db_query(db, NULL, e, "delete from source where name = $1",
	    "s", name);
}
