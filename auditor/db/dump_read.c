#include "auditor/db/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/db/dump_run.h"
#include "auditor/db/dump_sql.h"
#include "auditor/db/lease.h"
#include "auditor/db/migrate.h"
#include "base/mem.h"

/*
 * Restore: pg_restore makes SQL of the file, psql runs it in one transaction.
 * What goes wrong is the file's fault or the database's, and said so.
 */

/* The two programs: what they said, and how they ended. */
struct two {
	int	file_ear, db_ear;
	int	file_st, db_st;		/* exit status; -1: was not started */
	int	cut;			/* psql ended before the file did */
};

/* Can the file be read? */
static int
readable(const char *path, struct err *e)
{
	struct stat	st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is a folder: name the file "
		    "that `certvigil db backup` wrote", path);
	if (access(path, R_OK) == 0)
		return 0;
	if (errno == EACCES)
		return err_set(e, ERR_PERM, "cannot read %s as user %ld: %s; "
		    "let that user read it", path, (long)geteuid(),
		    strerror(errno));
	return err_set(e, ERR_SYS, "cannot read %s as user %ld", path,
	    (long)geteuid());
}

/* It is no database of ours, and would lose what is called as ours is. */
static int
is_taken(struct db *db, const char *schema, struct err *e)
{
	struct db_res	*r;
	char		*sql = dump_sql_taken();
	int		 rc = db_query(db, &r, e, sql, "s", schema);

	free(sql);
	if (rc == -1)
		return -1;
	if (db_rows(r) != 0)
		rc = err_set(e, ERR_USAGE, "schema %s of the database is none "
		    "of certvigil, and has something of a name that certvigil "
		    "uses (%s): --replace drops it, or restore into an empty "
		    "database", schema, db_text(r, 0, 0));
	db_free(r);
	return rc;
}

/* May this database be overwritten? */
static int
may_restore(struct db *db, const char *schema, int replace, struct err *e)
{
	struct db_res	*r;
	int64_t		 n;
	size_t		 rows;

	if (db_query(db, &r, e, "select 1 where to_regclass('worker') is not"
	    " null and to_regclass('schema_migration') is not null", "") == -1)
		return -1;
	rows = db_rows(r);
	db_free(r);
	if (rows == 0)
		return replace ? 0 : is_taken(db, schema, e);
	if (lease_alive(db, &n, e) == -1)
		return -1;
	if (n != 0)
		return err_set(e, ERR_TEMP, "%" PRId64 " worker%s alive: "
		    "stop certvigil on every host first (`certvigil worker "
		    "list` shows them)", n, n == 1 ? " is" : "s are");
	if (replace)
		return 0;
	if (db_query(db, &r, e, dump_sql_has_data, "") == -1)
		return -1;
	rows = db_rows(r);
	db_free(r);
	if (rows != 0)
		return err_set(e, ERR_USAGE, "the database has data already: "
		    "--replace drops it, or restore into an empty database");
	return 0;
}

/*
 * Copy what pg_restore makes into psql.  Only when pg_restore ended well does
 * psql get the word without which it rolls back: neither a broken file nor
 * our own death can leave half a database.
 */
static void
relay(struct two *t, pid_t from_pid, int from, int to)
{
	static const char	word[] = "\nselect pg_catalog.set_config("
	    "'certvigil.restored', 'yes', true);\n";
	char			block[65536];
	ssize_t			n, k, off;

	while (!t->cut && (n = read(from, block, sizeof(block))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		for (off = 0; !t->cut && off < n; off += k) {
			k = write(to, block + off, (size_t)(n - off));
			if (k == -1 && errno == EINTR)
				k = 0;
			t->cut = k == -1;
		}
		if (n == -1)
			break;
	}
	(void)close(from);
	t->file_st = dump_run_end(from_pid);
	if (!t->cut && t->file_st == 0 && write(to, word,
	    sizeof(word) - 1) != (ssize_t)sizeof(word) - 1)
		t->cut = 1;
}

/* Both programs, with pipes between them and us.  0 or -1. */
static int
pump(const struct dump_opts *o, const char *path, const char *psql[],
    const char *password, struct two *t, struct err *e)
{
	char		*schema = mem_printf("--schema=%s", o->schema);
	const char	*restore[] = { "pg_restore", "--no-owner", "--no-acl",
	    schema, "-f", "-", "--", path, NULL };
	struct dump_run	 rd = { o->bindir, restore, NULL,
	    { -1, -1, t->file_ear } };
	struct dump_run	 wr = { o->bindir, psql, password,
	    { -1, t->db_ear, t->db_ear } };
	int		 a[2] = { -1, -1 }, b[2] = { -1, -1 }, rc = -1;
	pid_t		 pr, pw;
	void		(*old)(int) = signal(SIGPIPE, SIG_IGN);

	if (pipe2(a, O_CLOEXEC) == -1 || pipe2(b, O_CLOEXEC) == -1) {
		(void)err_set(e, ERR_SYS, "pipe");
		if (a[0] != -1) {
			(void)close(a[0]);
			(void)close(a[1]);
		}
		goto out;
	}
	rd.fd[1] = a[1];
	wr.fd[0] = b[0];
	pr = dump_run_start(&rd, e);
	pw = dump_run_start(&wr, e);
	(void)close(a[1]);
	(void)close(b[0]);
	relay(t, pr, a[0], b[1]);
	(void)close(b[1]);
	t->db_st = dump_run_end(pw);
	rc = pr == -1 || pw == -1 ? -1 : 0;
out:
	(void)signal(SIGPIPE, old);
	free(schema);
	return rc;
}

/*
 * Is it by its SQLSTATE the server, and not what it was given?  What psql itself
 * refuses to run (status 3) has none.
 */
static int
is_server(const char state[6], int status)
{
	static const char *const	classes[] = { "08", "25", "28", "3D",
	    "40", "53", "55", "57", "58", "F0", "XX", "42501" };
	size_t				i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(state, classes[i], strlen(classes[i])) == 0)
			return 1;
	return state[0] == '\0' && status != 3;
}

/* psql failed: is it the server, or what the file had it do? */
static int
database_said(const struct two *t, const char *path, struct err *e)
{
	char	why[300], state[6];

	dump_run_said(t->db_ear, state, why, sizeof(why));
	if (strcmp(state, "55P03") == 0)
		return err_set(e, ERR_TEMP, "%s was not restored, and nothing "
		    "was changed: somebody uses the database (%s); end what "
		    "is connected to it, then try again", path, why);
	if (is_server(state, t->db_st))
		return err_set(e, strcmp(state, "42501") == 0 ? ERR_PERM :
		    ERR_DB, "%s was not restored, and nothing was changed: "
		    "%s", path, why);
	/* our own check has said what to do */
	if (strcmp(state, "P0001") == 0)
		return err_set(e, ERR_FORMAT, "%s was not restored, and "
		    "nothing was changed: %s", path, why);
	return err_set(e, ERR_FORMAT, "%s was not restored, and nothing was "
	    "changed: it is broken (the database says: %s); restore another "
	    "backup", path, why);
}

/* pg_restore failed: the file is none, or a broken one. */
static int
file_said(const struct two *t, const char *path, struct err *e)
{
	char	why[300], state[6];

	if (t->file_st == 128 + SIGKILL || t->file_st == 128 + SIGTERM ||
	    t->file_st == 128 + SIGINT)
		return err_set(e, ERR_TEMP, "%s was not restored, and nothing "
		    "was changed: pg_restore was ended by signal %d", path,
		    t->file_st - 128);
	dump_run_said(t->file_ear, state, why, sizeof(why));
	if (t->file_st > 128)
		(void)snprintf(why, sizeof(why), "pg_restore was ended by "
		    "signal %d", t->file_st - 128);
	if (strstr(why, "unsupported version") != NULL)
		return err_set(e, ERR_FORMAT, "%s was not restored, and "
		    "nothing was changed: it was written by a newer pg_dump "
		    "(%s); install the programs of that PostgreSQL", path,
		    why);
	return err_set(e, ERR_FORMAT, "%s was not restored, and nothing was "
	    "changed: it is broken, or no file of `certvigil db backup` (%s); "
	    "restore another one", path, why);
}

/* All of it, or nothing. */
static int
replay(const struct dump_opts *o, const char *path, struct two *t,
    struct err *e)
{
	char		*password = NULL;
	char		*info = dump_public(o->conninfo, &password);
	char		*pre = dump_sql_before(o->schema);
	char		*post = dump_sql_after(o->schema, o->hold, o->also);
	const char	*psql[] = { "psql", "-X", "-q", "-w", "-1", "-o",
	    "/dev/null", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose",
	    "-d", info, "-c", pre, "-f", "-", "-c", post, NULL };
	int		 rc = pump(o, path, psql, password, t, e);

	dump_run_wipe(password);
	free(info);
	free(pre);
	free(post);
	if (rc == -1)
		return -1;
	if (t->file_st != 0 && !t->cut)
		return file_said(t, path, e);
	return t->db_st != 0 ? database_said(t, path, e) : 0;
}

int
dump_read(struct db *db, const struct dump_opts *o, const char *path,
    struct err *e)
{
	struct two	t = { -1, -1, -1, -1, 0 };
	int		rc = -1;

	if (readable(path, e) == -1 || may_restore(db, o->schema,
	    o->replace, e) == -1)
		return -1;
	if ((t.file_ear = dump_run_ear(e)) != -1 &&
	    (t.db_ear = dump_run_ear(e)) != -1)
		rc = replay(o, path, &t, e);
	if (t.file_ear != -1)
		(void)close(t.file_ear);
	if (t.db_ear != -1)
		(void)close(t.db_ear);
	if (rc == 0 && migrate_up(db, 0, NULL, e) == -1) {
		(void)err_prefix(e, "%s is restored, and not yet brought to "
		    "the schema of this program (`certvigil db migrate` goes "
		    "on)", path);
		rc = -1;
	}
	return rc;
}
