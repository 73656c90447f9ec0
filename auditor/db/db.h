#ifndef AUDITOR_DB_DB_H
#define AUDITOR_DB_DB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * PostgreSQL through libpq: unnamed parameterised statements, transactions,
 * pipelines.  No session state that a pooler in transaction mode would lose.
 * One thread, blocking.  Errors are ERR_DB, with the server's sentence.
 */
struct db;
struct db_res;

/* A list of strings for a text[] parameter; borrowed. */
struct db_strs {
	const char *const	*v;
	size_t			 n;
};

/* A list of byte strings for a bytea[] parameter; borrowed. */
struct db_spans {
	const struct span	*v;
	size_t			 n;
};

/* A list of numbers for a bigint[] or timestamptz[] parameter; borrowed. */
struct db_ints {
	const int64_t	*v;
	size_t		 n;
};

/*
 * Connect with a libpq connection string; free with db_close(), which takes
 * NULL.  db_alive() is 0 once the connection is lost (reconnect: db_reset),
 * also when the server turns out to take no writes: unless the string has
 * another target_session_attrs, only a primary is connected to.
 */
struct db *db_open(const char *, struct err *);
void db_close(struct db *);
int db_alive(const struct db *);
int db_reset(struct db *, struct err *);

/*
 * The SQLSTATE of the last statement that failed ("23505"), "" when none
 * did or the connection broke; static or borrowed until the next call.
 */
const char *db_sqlstate(const struct db *);

/*
 * Run one statement with parameters.  ${types} has a letter a parameter:
 *   i  int64_t (pass as (int64_t))          f  double
 *   s  const char *, NULL is SQL null       B  int, boolean
 *   b  const struct span *, bytea; NULL or p == NULL is SQL null
 *   t  int64_t, microseconds since 1970, timestamptz; INT64_MIN is SQL null
 *   a  const struct db_strs *, text[]       A  const struct db_spans *, bytea[]
 *   I  const struct db_ints *, bigint[]     T  the same, timestamptz[], as t
 * Text parameters need a cast in the SQL where their type is not evident
 * ($1::jsonb, $2::uuid).  *res, when ${res} is not NULL, is freed with
 * db_free().  Returns 0 or -1.
 */
int db_query(struct db *, struct db_res **, struct err *, const char *,
    const char *, ...);

/*
 * A list of strings as the text of a text[]: the server has no arrays of lists
 * of different length, but x::text[] of a text[] does.  No NULL among them.
 */
void db_strs_text(struct buf *, const struct db_strs *);

/* Several statements without parameters (migrations). */
int db_script(struct db *, const char *, struct err *);

/*
 * COPY ... FROM STDIN: begin with its SQL, put the bytes of its format in any
 * portions (nothing is kept of them), end.  When begin or put fails, the copy
 * is over; no other call may come between.
 */
int db_copy_begin(struct db *, const char *, struct err *);
int db_copy_put(struct db *, const void *, size_t, struct err *);
int db_copy_end(struct db *, struct err *);

/*
 * Transactions.  db_begin() does not wait for the server.  db_commit()
 * returns -1 when the commit is not known to have happened.  db_rollback() is
 * for error paths: never fails, may be called when no transaction is open.
 */
int db_begin(struct db *, struct err *);
int db_commit(struct db *, struct err *);
void db_rollback(struct db *);

/*
 * From now on a transaction of this connection in which nothing comes from us
 * for ${seconds} is ended by the server, and the connection with it: a process
 * that is stopped, or whose machine is gone, holds no lock for longer.
 */
void db_idle(struct db *, int seconds);

/*
 * A pipeline: db_push() queues statements (results are dropped) inside the
 * open transaction and does not wait; db_sync() waits for all of them and
 * fails with the first error.  A db_query() first syncs what was pushed.
 */
int db_push(struct db *, struct err *, const char *, const char *, ...);
int db_sync(struct db *, struct err *);

/*
 * db_ask() is a db_push() whose result is kept: after the next db_sync(),
 * db_answer() gives those of one db_ask() after another, to be freed with
 * db_free(); NULL when there is none.  What nobody took is dropped when the
 * transaction ends.
 */
int db_ask(struct db *, struct err *, const char *, const char *, ...);
struct db_res *db_answer(struct db *);

/* Rows of the last result; rows changed by an INSERT, UPDATE or DELETE. */
size_t db_rows(const struct db_res *);
int64_t db_changed(const struct db_res *);

/*
 * A value at (row, column).  Strings and bytes are borrowed from the result.
 * SQL null gives 0, 0.0, "" and an empty span with p == NULL; db_null() tells.
 * db_time() reads a timestamptz to microseconds, INT64_MIN for null.
 * db_strv() splits a text[]: returns an array of *n strings, freed by the
 * caller with one free() (strings inside).
 */
int db_null(const struct db_res *, size_t, size_t);
int64_t db_int(const struct db_res *, size_t, size_t);
double db_real(const struct db_res *, size_t, size_t);
int db_bool(const struct db_res *, size_t, size_t);
const char *db_text(const struct db_res *, size_t, size_t);
struct span db_bytes(const struct db_res *, size_t, size_t);
int64_t db_time(const struct db_res *, size_t, size_t);
char **db_strv(const struct db_res *, size_t, size_t, size_t *);
void db_free(struct db_res *);

/*
 * LISTEN on ${name}: its place (0, 1, ...), or -1.  db_notified() has a bit
 * set (1 << place) for each name that was heard since the last call; db_fd()
 * may be polled for it, and ${readable} is what poll() said.  Only a hint;
 * after a reconnect every bit is set.
 */
int db_listen(struct db *, const char *, struct err *);
int db_notified(struct db *, int readable);
int db_fd(const struct db *);

/*
 * Is there a pooler (pgbouncer) between us and the server?  Then sessions are
 * shared, and programs that set something for theirs must not go through it.
 */
int db_pooled(struct db *, int *, struct err *);

#endif
