#include "auditor/db/db.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/db_args.h"
#include "auditor/db/db_res.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

struct db {
	PGconn	*pg;
	int	 dead;
	int	 open;		/* inside a transaction */
	size_t	 pushed;	/* statements in the pipeline */
	int	 piped;		/* in pipeline mode */
	int	 notified;
	char	*listen[LIMIT_DB_LISTEN];
	size_t	 nlisten;
	char	 state[6];	/* SQLSTATE of the last error */
};

/* --- errors -------------------------------------------------------------- */

/* Append text as part of one line: no control bytes, no space at the end. */
static void
one_line(struct buf *b, const char *s)
{
	char	c;

	for (; *s != '\0'; s++) {
		c = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
		if (c == ' ' && (b->n == 0 || b->p[b->n - 1] == ' '))
			continue;
		buf_add(b, &c, 1);
	}
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->p[--b->n] = '\0';
}

/* SQLSTATEs that mean that this connection is of no more use. */
static int
is_fatal(const char *state)
{
	return strncmp(state, "08", 2) == 0 || strcmp(state, "57P01") == 0 ||
	    strcmp(state, "57P02") == 0 || strcmp(state, "57P03") == 0;
}

/* Set ${e} from a result, or from the connection when there is none. */
static int
fail(struct db *db, const PGresult *r, struct err *e)
{
	const char	*state = NULL, *what = NULL, *detail = NULL;
	struct buf	 b = BUF_INIT;

	if (r != NULL) {
		state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		what = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
		detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	}
	(void)snprintf(db->state, sizeof(db->state), "%s",
	    state == NULL ? "" : state);
	if (PQstatus(db->pg) != CONNECTION_OK || is_fatal(db->state))
		db->dead = 1;
	one_line(&b, what != NULL ? what : PQerrorMessage(db->pg));
	if (detail != NULL) {
		buf_str(&b, ": ");
		one_line(&b, detail);
	}
	if (db->dead && what == NULL)
		err_set(e, ERR_DB, "database connection lost: %s",
		    buf_text(&b));
	else if (db->state[0] != '\0')
		err_set(e, ERR_DB, "%.440s (SQLSTATE %s)", buf_text(&b),
		    db->state);
	else
		err_set(e, ERR_DB, "%s", buf_text(&b));
	buf_free(&b);
	return -1;
}

static int
usable(struct db *db, struct err *e)
{
	if (!db->dead)
		return 0;
	return err_set(e, ERR_DB, "database connection lost");
}

static void
notice(void *arg, const char *text)
{
	struct buf	b = BUF_INIT;

	(void)arg;
	one_line(&b, text);
	log_debug("database", "%s", buf_text(&b));
	buf_free(&b);
}

/* --- connecting ---------------------------------------------------------- */

/*
 * What stands between the user and the last @ of a URI, or NULL: when a
 * password has a character that should have been percent-encoded, libpq
 * splits it and quotes a part of it in its message.
 */
static int
uri_split(const char *conninfo)
{
	const char	*p = strstr(conninfo, "://"), *colon, *at;

	if (p == NULL)
		return 0;
	p += 3;
	colon = strchr(p, ':');
	at = strrchr(p, '@');
	if (colon == NULL || at == NULL || at < colon)
		return 0;
	return strcspn(colon + 1, "@/?#[] ") < (size_t)(at - colon - 1);
}

/* Replace each ${secret} in a message. */
static void
redact(struct buf *out, const char *msg, const char *secret)
{
	const char	*hit;

	if (secret == NULL || secret[0] == '\0') {
		buf_str(out, msg);
		return;
	}
	while ((hit = strstr(msg, secret)) != NULL) {
		buf_add(out, msg, (size_t)(hit - msg));
		buf_str(out, "****");
		msg = hit + strlen(secret);
	}
	buf_str(out, msg);
}

/* Why there is no connection, without anything of a password. */
static int
refused(const PGconn *pg, const char *conninfo, const char *password,
    struct err *e)
{
	struct buf	safe = BUF_INIT, line = BUF_INIT;

	if (uri_split(conninfo)) {
		err_set(e, ERR_DB, "no connection to the database: a "
		    "character in the connection string's password must be "
		    "percent-encoded (@ as %%40, / as %%2F)");
	} else {
		redact(&safe, PQerrorMessage(pg), password);
		one_line(&line, buf_text(&safe));
		err_set(e, ERR_DB, "no connection to the database: %s",
		    buf_text(&line));
	}
	buf_free(&safe);
	buf_free(&line);
	return -1;
}

/*
 * Dates and zones in the form that db_res.c reads: asked for in the startup
 * packet, which a pooler knows how to keep, by way of libpq's environment.
 */
struct env_save {
	char	*style;
	char	*zone;
};

static void
env_enter(struct env_save *s)
{
	s->style = mem_str(getenv("PGDATESTYLE"));
	s->zone = mem_str(getenv("PGTZ"));
	(void)setenv("PGDATESTYLE", "ISO", 1);
	(void)setenv("PGTZ", "UTC", 1);
}

static void
env_leave(struct env_save *s)
{
	if (s->style == NULL)
		(void)unsetenv("PGDATESTYLE");
	else
		(void)setenv("PGDATESTYLE", s->style, 1);
	if (s->zone == NULL)
		(void)unsetenv("PGTZ");
	else
		(void)setenv("PGTZ", s->zone, 1);
	free(s->style);
	free(s->zone);
}

/* What we add to a connection string where it does not say it. */
static const char *const defaults[][2] = {
	{ "connect_timeout", "10" },
	{ "fallback_application_name", "certvigil" },
	{ "keepalives_idle", "30" },
	{ "tcp_user_timeout", "30000" },
};
#define NDEFAULTS	(sizeof(defaults) / sizeof(defaults[0]))

_Static_assert(LIMIT_DB_CONNECT == 10, "connect_timeout is LIMIT_DB_CONNECT");

static PGconn *
dial(const PQconninfoOption *opts)
{
	const char	 **key, **val;
	struct env_save	   env;
	PGconn		  *pg;
	size_t		   i, n = 0, max = NDEFAULTS + 2;

	for (i = 0; opts[i].keyword != NULL; i++)
		max++;
	key = mem_array(max, sizeof(*key));
	val = mem_array(max, sizeof(*val));
	for (i = 0; i < NDEFAULTS; i++, n++) {
		key[n] = defaults[i][0];
		val[n] = defaults[i][1];
	}
	/* A key that is given twice has its last value. */
	for (i = 0; opts[i].keyword != NULL; i++) {
		if (opts[i].val == NULL)
			continue;
		key[n] = opts[i].keyword;
		val[n++] = opts[i].val;
	}
	key[n] = "client_encoding";
	val[n] = "UTF8";
	env_enter(&env);
	pg = PQconnectdbParams(key, val, 0);
	env_leave(&env);
	free(key);
	free(val);
	return pg;
}

static const char *
option(const PQconninfoOption *opts, const char *key)
{
	for (; opts->keyword != NULL; opts++)
		if (strcmp(opts->keyword, key) == 0)
			return opts->val;
	return NULL;
}

struct db *
db_open(const char *conninfo, struct err *e)
{
	PQconninfoOption	*opts;
	struct db		*db = NULL;
	PGconn			*pg = NULL;
	char			*why = NULL;

	opts = PQconninfoParse(conninfo, &why);
	if (opts == NULL) {
		/* libpq's sentence may quote a part of the password. */
		PQfreemem(why);
		err_set(e, ERR_CONF, "the database's connection string is "
		    "malformed: wanted \"key=value ...\" (values with spaces "
		    "in '') or postgresql://user@host/name");
		return NULL;
	}
	pg = dial(opts);
	if (PQstatus(pg) != CONNECTION_OK) {
		(void)refused(pg, conninfo, option(opts, "password"), e);
		PQfinish(pg);
		goto out;
	}
	db = mem_zero(sizeof(*db));
	db->pg = pg;
	(void)PQsetNoticeProcessor(pg, notice, NULL);
out:
	PQconninfoFree(opts);
	return db;
}

void
db_close(struct db *db)
{
	size_t	i;

	if (db == NULL)
		return;
	PQfinish(db->pg);
	for (i = 0; i < db->nlisten; i++)
		free(db->listen[i]);
	free(db);
}

int
db_alive(const struct db *db)
{
	return !db->dead && PQstatus(db->pg) == CONNECTION_OK;
}

const char *
db_sqlstate(const struct db *db)
{
	return db->state;
}

static int
listen_on(struct db *db, const char *name, struct err *e)
{
	struct buf	 b = BUF_INIT;
	char		*id;
	int		 r;

	id = PQescapeIdentifier(db->pg, name, strlen(name));
	if (id == NULL)
		return fail(db, NULL, e);
	buf_fmt(&b, "listen %s", id);
	PQfreemem(id);
	r = db_script(db, buf_text(&b), e);
	buf_free(&b);
	return r;
}

int
db_reset(struct db *db, struct err *e)
{
	struct env_save	env;
	size_t		i;

	env_enter(&env);
	PQreset(db->pg);
	env_leave(&env);
	db->open = db->piped = 0;
	db->pushed = 0;
	db->state[0] = '\0';
	db->dead = PQstatus(db->pg) != CONNECTION_OK;
	if (db->dead)
		return refused(db->pg, "", PQpass(db->pg), e);
	for (i = 0; i < db->nlisten; i++)
		if (listen_on(db, db->listen[i], e) == -1)
			return -1;
	/* What was said meanwhile was missed: look once. */
	db->notified = db->nlisten != 0;
	return 0;
}

/* --- the pipeline -------------------------------------------------------- */

/*
 * Wait for what was pushed and leave pipeline mode.  The first error counts;
 * ${tag}, when not NULL, gets the last statement's command tag.
 */
static int
drain(struct db *db, char *tag, size_t ntag, struct err *e)
{
	PGresult	*r;
	int		 ret = 0, nulls = 0, end = 0;

	if (PQpipelineSync(db->pg) != 1)
		ret = fail(db, NULL, e);
	while (!db->dead && !end && nulls < 2) {
		r = PQgetResult(db->pg);
		if (r == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		switch (PQresultStatus(r)) {
		case PGRES_PIPELINE_SYNC:
			end = 1;
			break;
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
			if (tag != NULL)
				(void)snprintf(tag, ntag, "%s",
				    PQcmdStatus(r));
			break;
		case PGRES_PIPELINE_ABORTED:
			break;
		default:
			if (ret == 0)
				ret = fail(db, r, e);
			else if (PQstatus(db->pg) != CONNECTION_OK)
				db->dead = 1;
		}
		PQclear(r);
	}
	if (!end) {
		db->dead = 1;
		if (ret == 0)
			ret = fail(db, NULL, e);
	}
	if (!db->dead && PQexitPipelineMode(db->pg) != 1) {
		db->dead = 1;
		if (ret == 0)
			ret = fail(db, NULL, e);
	}
	db->piped = 0;
	db->pushed = 0;
	return ret;
}

int
db_sync(struct db *db, struct err *e)
{
	if (usable(db, e) == -1)
		return -1;
	return db->piped ? drain(db, NULL, 0, e) : 0;
}

/* Queue one statement. */
static int
push(struct db *db, const char *sql, const struct db_args *a, struct err *e)
{
	if (!db->piped) {
		if (PQenterPipelineMode(db->pg) != 1)
			return fail(db, NULL, e);
		db->piped = 1;
	}
	if (PQsendQueryParams(db->pg, sql, a->n, a->type, a->value, a->len,
	    a->form, 0) != 1)
		return fail(db, NULL, e);
	db->pushed++;
	return 0;
}

int
db_push(struct db *db, struct err *e, const char *sql, const char *types, ...)
{
	struct db_args	a;
	va_list		ap;
	int		r;

	if (usable(db, e) == -1)
		return -1;
	if (!db->open)
		return err_set(e, ERR_DB,
		    "a pipeline needs an open transaction");
	if (db->pushed >= LIMIT_DB_PIPELINE && db_sync(db, e) == -1)
		return -1;
	va_start(ap, types);
	r = db_args_read(&a, types, ap, e);
	va_end(ap);
	if (r == 0)
		r = push(db, sql, &a, e);
	db_args_free(&a);
	return r;
}

/* --- statements ---------------------------------------------------------- */

static int
finish(struct db *db, PGresult *r, struct db_res **res, struct err *e)
{
	ExecStatusType	st = PQresultStatus(r);

	if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
		(void)fail(db, r, e);
		PQclear(r);
		return -1;
	}
	if (res != NULL)
		*res = db_res_take(r);
	else
		PQclear(r);
	return 0;
}

int
db_query(struct db *db, struct db_res **res, struct err *e, const char *sql,
    const char *types, ...)
{
	struct db_args	a;
	va_list		ap;
	int		r;

	if (res != NULL)
		*res = NULL;
	if (db_sync(db, e) == -1)
		return -1;
	va_start(ap, types);
	r = db_args_read(&a, types, ap, e);
	va_end(ap);
	if (r == 0)
		r = finish(db, PQexecParams(db->pg, sql, a.n, a.type, a.value,
		    a.len, a.form, 0), res, e);
	db_args_free(&a);
	return r;
}

int
db_script(struct db *db, const char *sql, struct err *e)
{
	if (db_sync(db, e) == -1)
		return -1;
	return finish(db, PQexec(db->pg, sql), NULL, e);
}

int
db_begin(struct db *db, struct err *e)
{
	if (db->open)
		return err_set(e, ERR_DB, "a transaction is open already");
	if (db_script(db, "begin", e) == -1)
		return -1;
	db->open = 1;
	return 0;
}

/*
 * The server answers COMMIT with the tag ROLLBACK when a statement of the
 * transaction had failed: no error, and nothing is committed.
 */
int
db_commit(struct db *db, struct err *e)
{
	static const struct db_args	none;
	PGresult			*r;
	char				 tag[32] = "";
	int				 ret;

	if (usable(db, e) == -1)
		return -1;
	if (!db->open)
		return err_set(e, ERR_DB, "no transaction is open");
	if (db->piped) {
		ret = push(db, "commit", &none, e);
		if (drain(db, tag, sizeof(tag), e) == -1)
			ret = -1;
	} else {
		r = PQexec(db->pg, "commit");
		(void)snprintf(tag, sizeof(tag), "%s", PQcmdStatus(r));
		ret = finish(db, r, NULL, e);
	}
	if (ret == -1) {
		if (db->dead)
			err_prefix(e, "commit (whether it happened is not "
			    "known)");
		db_rollback(db);
		return -1;
	}
	db->open = 0;
	if (strcmp(tag, "COMMIT") != 0)
		return err_set(e, ERR_DB, "the transaction was rolled back: "
		    "one of its statements had failed");
	return 0;
}

void
db_rollback(struct db *db)
{
	if (!db->open)
		return;
	if (db->piped && !db->dead)
		(void)drain(db, NULL, 0, NULL);
	db->open = 0;
	if (!db->dead)
		(void)db_script(db, "rollback", NULL);
}

/* --- notifications ------------------------------------------------------- */

int
db_listen(struct db *db, const char *name, struct err *e)
{
	size_t	i;

	for (i = 0; i < db->nlisten; i++)
		if (strcmp(db->listen[i], name) == 0)
			return 0;
	if (db->nlisten == LIMIT_DB_LISTEN)
		return err_set(e, ERR_LIMIT, "a connection listens on at "
		    "most %d channels", LIMIT_DB_LISTEN);
	if (listen_on(db, name, e) == -1)
		return -1;
	db->listen[db->nlisten++] = mem_str(name);
	return 0;
}

int
db_notified(struct db *db)
{
	PGnotify	*n;
	int		 any = db->notified;

	db->notified = 0;
	if (db->dead)
		return any;
	if (PQconsumeInput(db->pg) != 1)
		db->dead = 1;
	while ((n = PQnotifies(db->pg)) != NULL) {
		PQfreemem(n);
		any = 1;
	}
	return any;
}

int
db_fd(const struct db *db)
{
	return PQsocket(db->pg);
}
