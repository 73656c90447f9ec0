#include "auditor/db/db.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/db_args.h"
#include "auditor/db/db_dial.h"
#include "auditor/db/db_res.h"
#include "auditor/db/db_say.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

struct kept {
	size_t		 nr;	/* in the pipeline, from 1; 0: is here */
	struct db_res	*r;
};

struct db {
	PGconn	*pg;
	int	 dead;
	int	 open;		/* inside a transaction */
	size_t	 pushed;	/* statements in the pipeline */
	int	 piped;		/* in pipeline mode */
	struct kept	*kept;	/* of db_ask() */
	size_t	 nkept, ckept, given;
	int	 notified;
	char	*listen[LIMIT_DB_LISTEN];
	size_t	 nlisten;
	char	 state[6];	/* SQLSTATE of the last error */
	int		 idle_s;	/* 0: a transaction may wait for ever */
};

/* --- errors -------------------------------------------------------------- */

/* SQLSTATEs that mean that this connection is of no more use. */
static int
is_fatal(const char *state)
{
	return strncmp(state, "08", 2) == 0 || strcmp(state, "57P01") == 0 ||
	    strcmp(state, "57P02") == 0 || strcmp(state, "57P03") == 0 ||
	    strcmp(state, DB_SAY_READ_ONLY) == 0;
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
	db_dial_line(&b, what != NULL ? what : PQerrorMessage(db->pg));
	if (detail != NULL) {
		buf_str(&b, ": ");
		db_dial_line(&b, detail);
	}
	if (db->dead && what == NULL)
		err_set(e, ERR_DB, "database connection lost: %s",
		    buf_text(&b));
	else
		db_say(e, db->state, buf_text(&b));
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
	db_dial_line(&b, text);
	log_debug("database", "%s", buf_text(&b));
	buf_free(&b);
}

/* --- connecting ---------------------------------------------------------- */

/* Answers that nobody took. */
static void
forget(struct db *db)
{
	for (; db->given < db->nkept; db->given++)
		db_free(db->kept[db->given].r);
	db->nkept = db->given = 0;
}

struct db *
db_open(const char *conninfo, struct err *e)
{
	PGconn		*pg = db_dial_open(conninfo, e);
	struct db	*db;

	if (pg == NULL)
		return NULL;
	db = mem_zero(sizeof(*db));
	db->pg = pg;
	(void)PQsetNoticeProcessor(pg, notice, NULL);
	return db;
}

void
db_close(struct db *db)
{
	size_t	i;

	if (db == NULL)
		return;
	forget(db);
	free(db->kept);
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
	size_t	i;
	int	r = db_dial_reset(db->pg, e);

	db->open = db->piped = 0;
	db->pushed = 0;
	forget(db);
	db->state[0] = '\0';
	db->dead = r == -1;
	if (db->dead)
		return -1;
	for (i = 0; i < db->nlisten; i++)
		if (listen_on(db, db->listen[i], e) == -1)
			return -1;
	/* whatever was missed meanwhile counts as heard */
	db->notified = (1 << db->nlisten) - 1;
	return 0;
}

/* --- the pipeline -------------------------------------------------------- */

/* The result of statement ${nr}: who asked for it has it; else ${last}. */
static void
keep(struct db *db, size_t nr, PGresult *r, PGresult **last)
{
	size_t	i;

	for (i = db->given; i < db->nkept && db->kept[i].nr != nr; i++)
		;
	if (i < db->nkept)
		db->kept[i] = (struct kept){ 0, db_res_take(r) };
	else {
		PQclear(last != NULL ? *last : r);
		if (last != NULL)
			*last = r;
	}
}

/*
 * Wait for what was pushed and leave pipeline mode.  The first error counts;
 * ${last}, when not NULL, gets the last statement's result, to be cleared;
 * NULL when there is none.
 */
static int
drain(struct db *db, PGresult **last, struct err *e)
{
	PGresult	*r;
	size_t		 nr = 0;
	int		 ret = 0, nulls = 0, end = 0;

	if (last != NULL)
		*last = NULL;
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
			keep(db, ++nr, r, last);
			continue;
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
	if (!end || (!db->dead && PQexitPipelineMode(db->pg) != 1)) {
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
	return db->piped ? drain(db, NULL, e) : 0;
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

static int
push_args(struct db *db, struct err *e, const char *sql, const char *types,
    va_list ap)
{
	struct db_args	a;
	int		r;

	if (usable(db, e) == -1)
		return -1;
	if (!db->open)
		return err_set(e, ERR_DB, "a pipeline needs a transaction");
	if (db->pushed >= LIMIT_DB_PIPELINE && db_sync(db, e) == -1)
		return -1;
	r = db_args_read(&a, types, ap, e);
	if (r == 0)
		r = push(db, sql, &a, e);
	db_args_free(&a);
	return r;
}

int
db_push(struct db *db, struct err *e, const char *sql, const char *types, ...)
{
	va_list	ap;
	int	r;

	va_start(ap, types);
	r = push_args(db, e, sql, types, ap);
	va_end(ap);
	return r;
}

int
db_ask(struct db *db, struct err *e, const char *sql, const char *types, ...)
{
	va_list	ap;
	int	r;

	va_start(ap, types);
	r = push_args(db, e, sql, types, ap);
	va_end(ap);
	db->kept = mem_grow(db->kept, &db->ckept, db->nkept + 1,
	    sizeof(*db->kept));
	if (r == 0)
		db->kept[db->nkept++] = (struct kept){ db->pushed, NULL };
	return r;
}

struct db_res *
db_answer(struct db *db)
{
	return db->given == db->nkept || db->kept[db->given].nr != 0 ? NULL :
	    db->kept[db->given++].r;
}

/* --- statements ---------------------------------------------------------- */

static int
failed(const PGresult *r)
{
	return PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK;
}

static int
finish(struct db *db, PGresult *r, struct db_res **res, struct err *e)
{
	if (failed(r)) {
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

/* Behind what was pushed, so that one way to the server and back is enough. */
static int
ask_last(struct db *db, const char *sql, const struct db_args *a,
    struct db_res **res, struct err *e)
{
	PGresult	*last;
	int		 r = push(db, sql, a, e);

	if (drain(db, &last, e) == -1)
		r = -1;
	if (r == 0)
		return finish(db, last, res, e);
	PQclear(last);
	return -1;
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
	if (usable(db, e) == -1)
		return -1;
	va_start(ap, types);
	r = db_args_read(&a, types, ap, e);
	va_end(ap);
	if (r == 0)
		r = db->piped ? ask_last(db, sql, &a, res, e) :
		    finish(db, PQexecParams(db->pg, sql, a.n, a.type, a.value,
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
db_copy_begin(struct db *db, const char *sql, struct err *e)
{
	PGresult	*r;

	if (db_sync(db, e) == -1)
		return -1;
	r = PQexec(db->pg, sql);
	if (PQresultStatus(r) == PGRES_COPY_IN) {
		PQclear(r);
		return 0;
	}
	return finish(db, r, NULL, e);
}

int
db_copy_put(struct db *db, const void *p, size_t n, struct err *e)
{
	const char	*at = p;
	int		 k;

	for (; n != 0; at += k, n -= (size_t)k) {
		k = n > INT_MAX ? INT_MAX : (int)n;
		if (PQputCopyData(db->pg, at, k) != 1)
			return fail(db, NULL, e);
	}
	return 0;
}

int
db_copy_end(struct db *db, struct err *e)
{
	PGresult	*r;
	int		 rc;

	if (PQputCopyEnd(db->pg, NULL) != 1)
		return fail(db, NULL, e);
	rc = finish(db, PQgetResult(db->pg), NULL, e);
	while ((r = PQgetResult(db->pg)) != NULL)
		PQclear(r);
	return rc;
}

void
db_idle(struct db *db, int seconds)
{
	db->idle_s = seconds;
}

/* It goes to the server with the first statement. */
int
db_begin(struct db *db, struct err *e)
{
	static const struct db_args	none;
	char				sql[80];

	if (usable(db, e) == -1)
		return -1;
	if (db->open)
		return err_set(e, ERR_DB, "a transaction is open already");
	(void)snprintf(sql, sizeof(sql), "set local "
	    "idle_in_transaction_session_timeout = '%ds'", db->idle_s);
	if (db_sync(db, e) == -1 || push(db, "begin", &none, e) == -1 ||
	    (db->idle_s != 0 && push(db, sql, &none, e) == -1))
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
		if (drain(db, &r, e) == -1)
			ret = -1;
	} else {
		r = PQexec(db->pg, "commit");
		ret = failed(r) ? fail(db, r, e) : 0;
	}
	(void)snprintf(tag, sizeof(tag), "%s", r != NULL ? PQcmdStatus(r) :
	    "");
	PQclear(r);
	if (ret == -1) {
		if (db->dead)
			err_prefix(e, "commit (whether it happened is not "
			    "known)");
		db_rollback(db);
		return -1;
	}
	db->open = 0;
	forget(db);
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
		(void)drain(db, NULL, NULL);
	forget(db);
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
			return (int)i;
	if (db->nlisten == LIMIT_DB_LISTEN)
		return err_set(e, ERR_LIMIT, "a connection listens on at "
		    "most %d channels", LIMIT_DB_LISTEN);
	if (listen_on(db, name, e) == -1)
		return -1;
	db->listen[db->nlisten++] = mem_str(name);
	return (int)db->nlisten - 1;
}

int
db_notified(struct db *db, int readable)
{
	PGnotify	*n;
	size_t		 i;
	int		 heard = db->notified;

	db->notified = 0;
	if (db->dead)
		return heard;
	if (readable && PQconsumeInput(db->pg) != 1)
		db->dead = 1;
	while ((n = PQnotifies(db->pg)) != NULL) {
		for (i = 0; i < db->nlisten; i++)
			if (strcmp(db->listen[i], n->relname) == 0)
				heard |= 1 << i;
		PQfreemem(n);
	}
	return heard;
}

int
db_pooled(struct db *db, int *pooled, struct err *e)
{
	struct db_res	*r;

	/* What a pooler says at the start is a number of its own. */
	if (db_query(db, &r, e, "select pg_backend_pid()", "") == -1)
		return -1;
	*pooled = db_int(r, 0, 0) != PQbackendPID(db->pg);
	db_free(r);
	return 0;
}

int
db_fd(const struct db *db)
{
	return PQsocket(db->pg);
}
