#include "auditor/db/move.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limit.h"
#include "base/mem.h"

int
move_state(struct db *db, enum move_state *st, char **peer, struct err *e)
{
	struct db_res	*r;
	int		 have;

	*st = MOVE_NONE;
	if (peer != NULL)
		*peer = NULL;
	if (db_query(db, &r, e, "select to_regclass('database_move') is not "
	    "null", "") == -1)
		return -1;
	have = db_bool(r, 0, 0);
	db_free(r);
	if (!have)
		return 0;
	if (db_query(db, &r, e, "select state, peer from database_move",
	    "") == -1)
		return -1;
	if (db_rows(r) == 1) {
		*st = strcmp(db_text(r, 0, 0), "moved") == 0 ? MOVE_MOVED :
		    MOVE_INCOMING;
		if (peer != NULL)
			*peer = mem_str(db_text(r, 0, 1));
	}
	db_free(r);
	return 0;
}

int
move_check(struct db *db, struct err *e)
{
	enum move_state	 st;
	char		*peer;
	int		 rc = 0;

	if (move_state(db, &st, &peer, e) == -1)
		return -1;
	if (st == MOVE_MOVED)
		rc = err_set(e, ERR_CONF, "this database was moved: write "
		    "`database: \"%s\"` into the configuration", peer);
	else if (st == MOVE_INCOMING)
		rc = err_set(e, ERR_CONF, "this database is not complete: "
		    "`certvigil db move` has not ended; run it again with "
		    "the configuration of the old database");
	free(peer);
	return rc;
}

/* --- does it fit ------------------------------------------------------------ */

static const char about_sql[] =
    "select current_setting('server_version_num')::int / 10000, "
    "current_setting('server_encoding'), "
    "concat_ws(' ', pg_postmaster_start_time(), current_database(), "
    "current_schema()), current_schema(), "
    "current_schema() is not null and "
    "has_schema_privilege(current_schema(), 'create'), current_user, "
    "(select rolsuper or rolcreaterole from pg_roles where "
    "rolname = current_user) or (select count(*) from pg_roles where rolname "
    "in ('certvigil_engine', 'certvigil_report')) = 2, "
    "to_regclass('schema_migration') is not null or not exists (select from "
    "pg_class where relnamespace = to_regnamespace(quote_ident("
    "current_schema())) and relkind in ('r', 'p', 'v', 'm', 'f'))";

static int
fits(const struct db_res *a, const struct db_res *b, struct err *e)
{
	if (strcmp(db_text(a, 0, 2), db_text(b, 0, 2)) == 0)
		return err_set(e, ERR_USAGE, "that is the database of the "
		    "configuration: there is nothing to move");
	if (db_int(b, 0, 0) < db_int(a, 0, 0))
		return err_set(e, ERR_CONF, "the server has PostgreSQL %"
		    PRId64 ", and the database is of PostgreSQL %" PRId64
		    ": it can only go to one that is as new", db_int(b, 0, 0),
		    db_int(a, 0, 0));
	if (strcmp(db_text(b, 0, 1), "UTF8") != 0)
		return err_set(e, ERR_CONF, "the database there has encoding "
		    "%s: make one by: create database NAME encoding 'UTF8' "
		    "template template0", db_text(b, 0, 1));
	if (db_null(b, 0, 3))
		return err_set(e, ERR_CONF, "the search_path there has no "
		    "schema that exists: create one");
	if (!db_bool(b, 0, 4))
		return err_set(e, ERR_CONF, "user %s may not make tables in "
		    "schema %s there: as its owner: grant create on schema "
		    "%s to %s", db_text(b, 0, 5), db_text(b, 0, 3),
		    db_text(b, 0, 3), db_text(b, 0, 5));
	/* pg_dump names the schema, and what it writes is for the same one */
	if (strcmp(db_text(a, 0, 3), db_text(b, 0, 3)) != 0)
		return err_set(e, ERR_CONF, "our tables are in schema %s, and "
		    "the search_path there begins with %s: make them the "
		    "same", db_text(a, 0, 3), db_text(b, 0, 3));
	if (!db_bool(b, 0, 7))
		return err_set(e, ERR_USAGE, "schema %s there has tables that "
		    "are not ours: move to a database of our own",
		    db_text(b, 0, 3));
	return 0;
}

int
move_fits(struct db *from, struct db *to, int *roles, struct err *e)
{
	struct db_res	*a = NULL, *b = NULL;
	int		 pooled = 0, rc = -1;

	if (db_pooled(to, &pooled, e) == 0 && pooled)
		(void)err_set(e, ERR_CONF, "that goes through a pooler "
		    "(pgbouncer): move to the server itself, and write the "
		    "pooler into the configuration afterwards");
	else if (db_query(from, &a, e, about_sql, "") == 0 &&
	    db_query(to, &b, e, about_sql, "") == 0)
		rc = fits(a, b, e);
	if (rc == 0)
		*roles = db_bool(b, 0, 6);
	db_free(a);
	db_free(b);
	return rc;
}

/* --- nobody writes ------------------------------------------------------------ */

/* Our tables, but for what a move changes. */
#define TABLES \
    "select c.oid, c.relname from pg_class c where c.relnamespace = " \
    "to_regnamespace(quote_ident(current_schema())) and " \
    "c.relkind in ('r', 'p') and not c.relispartition and " \
    "c.relname not in ('database_move', 'worker')"

/* Workers that may still hold something, each by its own lease. */
static int
alive(struct db *db, int64_t *n, struct err *e)
{
	struct db_res	*r;

	if (db_query(db, &r, e, "select count(*) from worker where last_seen "
	    "> now() - greatest(lease_s, $1) * interval '1 second'", "i",
	    (int64_t)LIMIT_WORKER_ALIVE) == -1)
		return -1;
	*n = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

static int
hold(struct db *db, struct err *e)
{
	struct db_res	*r;
	int64_t		 n = 0;

	if (alive(db, &n, e) == -1)
		return -1;
	if (n != 0)
		return err_set(e, ERR_TEMP, "%" PRId64 " worker%s alive: "
		    "stop certvigil on every host first (`certvigil worker "
		    "list` shows them)", n, n == 1 ? " is" : "s are");
	if (db_query(db, &r, e, "select 'lock table worker, ' || "
	    "string_agg(quote_ident(relname), ', ') || ' in share mode' "
	    "from (" TABLES ") t", "") == -1)
		return -1;
	if (db_script(db, "set local lock_timeout = '10s'; set local "
	    "idle_in_transaction_session_timeout = 0; set local "
	    "statement_timeout = 0", e) == -1 ||
	    db_script(db, db_text(r, 0, 0), e) == -1) {
		db_free(r);
		if (strcmp(db_sqlstate(db), "55P03") == 0)
			return err_set(e, ERR_TEMP, "somebody else writes "
			    "into the database: stop certvigil on every "
			    "host, and other programs, first");
		return -1;
	}
	db_free(r);
	/* who entered before the locks */
	if (alive(db, &n, e) == -1)
		return -1;
	return n == 0 ? 0 : err_set(e, ERR_TEMP, "a worker has started: stop "
	    "certvigil on every host first");
}

int
move_hold(struct db *db, struct err *e)
{
	if (db_begin(db, e) == -1)
		return -1;
	if (hold(db, e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

/* --- the same on both sides ----------------------------------------------------- */

/* Tables, each with the expression for its key. */
static const char keys_sql[] =
    "select t.relname, quote_ident(t.relname), coalesce((select 'row(' || "
    "string_agg('x.' || quote_ident(a.attname), ', ' order by a.attnum) || "
    "')' from pg_index i join pg_attribute a on a.attrelid = t.oid and "
    "a.attnum = any (i.indkey) where i.indrelid = t.oid and i.indisprimary), "
    "'x') from (" TABLES ") t order by 1";

/* Independent of the order, and of how a server hashes. */
static const char sum_sql[] =
    "select count(*), coalesce(sum(('x' || encode(substr(sha256(convert_to("
    "%s::text, 'UTF8')), 1, 7), 'hex'))::bit(56)::bigint), 0)::text from %s x";

#define NO_TIMEOUT	"set statement_timeout = 0"

static int
sum(struct db *db, const struct db_res *keys, size_t row, struct db_res **r,
    struct err *e)
{
	char	*sql = mem_printf(sum_sql, db_text(keys, row, 2),
		    db_text(keys, row, 1));
	int	 rc = db_query(db, r, e, sql, "");

	free(sql);
	return rc;
}

static int
same(struct db *from, struct db *to, const struct db_res *keys, size_t row,
    struct move_sum *m, struct err *e)
{
	struct db_res	*a = NULL, *b = NULL;
	int		 rc = -1;

	if (sum(from, keys, row, &a, e) == -1 ||
	    sum(to, keys, row, &b, e) == -1)
		goto out;
	if (db_int(a, 0, 0) != db_int(b, 0, 0))
		(void)err_set(e, ERR_DB, "table %s has %" PRId64 " rows, and "
		    "%" PRId64 " arrived", db_text(keys, row, 0),
		    db_int(a, 0, 0), db_int(b, 0, 0));
	else if (strcmp(db_text(a, 0, 1), db_text(b, 0, 1)) != 0)
		(void)err_set(e, ERR_DB, "table %s: other rows arrived than "
		    "those that it has", db_text(keys, row, 0));
	else
		rc = 0;
	m->tables++;
	m->rows += db_int(a, 0, 0);
out:
	db_free(a);
	db_free(b);
	return rc;
}

int
move_same(struct db *from, struct db *to, struct move_sum *m, struct err *e)
{
	struct db_res	*keys;
	size_t		 i;
	int		 rc = 0;

	memset(m, 0, sizeof(*m));
	/* a large table takes its time on both sides, neither behind a pooler */
	if (db_script(from, NO_TIMEOUT, e) == -1 ||
	    db_script(to, NO_TIMEOUT, e) == -1 ||
	    db_query(from, &keys, e, keys_sql, "") == -1)
		return -1;
	for (i = 0; i < db_rows(keys) && rc == 0; i++)
		rc = same(from, to, keys, i, m, e);
	db_free(keys);
	return rc;
}

/* --- marks -------------------------------------------------------------------------- */

int
move_away(struct db *db, const char *peer, const char *author, struct err *e)
{
	if (db_query(db, NULL, e, "insert into database_move (state, peer, "
	    "author) values ('moved', $1, $2)", "ss", peer, author) == 0 &&
	    /* one that slept all the time has lost its place */
	    db_query(db, NULL, e, "delete from worker", "") == 0 &&
	    db_query(db, NULL, e, "select pg_terminate_backend(pid) from "
	    "pg_stat_activity where datname = current_database() and "
	    "pg_backend_pid() = any (pg_blocking_pids(pid))", "") == 0 &&
	    db_commit(db, e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

static void
literal(struct buf *b, const char *s)
{
	buf_str(b, "'");
	for (; *s != '\0'; s++)
		buf_fmt(b, *s == '\'' ? "''" : "%c", *s);
	buf_str(b, "'");
}

char *
move_incoming(const char *peer, const char *author)
{
	struct buf	b = BUF_INIT;

	buf_str(&b, "insert into database_move (state, peer, author) values "
	    "('incoming', ");
	literal(&b, peer);
	buf_str(&b, ", ");
	literal(&b, author);
	buf_str(&b, ");\n");
	return (char *)buf_detach(&b, &(size_t){ 0 });
}

int
move_arrive(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "delete from database_move", "");
}
