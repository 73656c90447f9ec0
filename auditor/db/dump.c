#include "auditor/db/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <libpq-fe.h>
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
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

char *
dump_public(const char *conninfo, char **password)
{
	PQconninfoOption	*opts = PQconninfoParse(conninfo, NULL), *o;
	struct buf		 b = BUF_INIT;
	const char		*p;

	*password = NULL;
	if (opts == NULL)
		return NULL;
	for (o = opts; o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		if (strcmp(o->keyword, "password") == 0) {
			*password = mem_str(o->val);
			continue;
		}
		buf_fmt(&b, "%s%s='", b.n == 0 ? "" : " ", o->keyword);
		for (p = o->val; *p != '\0'; p++) {
			if (*p == '\'' || *p == '\\')
				buf_str(&b, "\\");
			buf_add(&b, p, 1);
		}
		buf_str(&b, "'");
	}
	PQconninfoFree(opts);
	return b.p == NULL ? mem_str("") : (char *)buf_detach(&b,
	    &(size_t){ 0 });
}

static void
wipe(char *password)
{
	if (password != NULL)
		mem_wipe(password, strlen(password));
	free(password);
}

/* --- backup -------------------------------------------------------------- */

/* pg_dump to ${fd}. */
static int
dump_to(const struct dump_opts *o, int fd, struct err *e)
{
	char		*password, *info = dump_public(o->conninfo, &password);
	char		*schema = mem_printf("--schema=\"%s\"", o->schema);
	char		*where = mem_printf("--dbname=%s", info);
	const char	*argv[] = { "pg_dump", "-Fc", "-w", schema, where,
	    NULL };
	struct dump_run	 run = { o->bindir, argv, password, { -1, fd, -1 } };
	char		 why[300];
	int		 ear = dump_run_ear(e), st = -1;

	run.fd[2] = ear;
	if (ear != -1) {
		st = dump_run_end(dump_run_start(&run, e));
		dump_run_said(ear, why, sizeof(why));
		(void)close(ear);
		if (st != 0)
			(void)err_set(e, ERR_DB, "pg_dump failed: %s", why);
	}
	wipe(password);
	free(where);
	free(schema);
	free(info);
	return st == 0 ? 0 : -1;
}

static int
sync_parent(const char *path)
{
	char	*copy = mem_str(path);
	int	 r = file_sync_dir(dirname(copy));

	free(copy);
	return r;
}

/* The text of errno comes with ERR_SYS by itself. */
static int
refused(int perm, const char *what, const char *path, struct err *e)
{
	if (perm)
		return err_set(e, ERR_PERM, "cannot %s %s as user %ld: %s; "
		    "%s", what, path, (long)geteuid(), strerror(errno),
		    strcmp(what, "read") == 0 ? "let that user read it" :
		    "name a file in a folder where that user may write");
	return err_set(e, ERR_SYS, "cannot %s %s as user %ld", what, path,
	    (long)geteuid());
}

/*
 * Does the file take more, where pg_dump stopped?  What it says of that is in
 * the user's language; who has no room left for it has none for us.
 */
static int
takes_more(int fd)
{
	static const char	block[65536];
	ssize_t			n;

	do
		n = write(fd, block, sizeof(block));
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)sizeof(block) && n != -1)
		n = write(fd, block, sizeof(block));
	return n != -1;
}

int
dump_write(const struct dump_opts *o, const char *path, struct err *e)
{
	struct err	 why = ERR_INIT;
	struct stat	 st;
	char		*tmp;
	int		 fd, ret = -1;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "%s is no file: a backup is "
		    "written beside it, then takes its name", path);
	tmp = mem_printf("%s.XXXXXX", path);
	if ((fd = mkostemp(tmp, O_CLOEXEC)) == -1) {
		(void)refused(errno == EACCES || errno == EROFS,
		    "write beside", path, e);
		free(tmp);
		return -1;
	}
	if (dump_to(o, fd, &why) == -1) {
		if (takes_more(fd))
			(void)err_set(e, why.code, "%s", why.msg);
		else
			(void)refused(0, "write", path, e);
		goto out;
	}
	if (fsync(fd) == -1 || rename(tmp, path) == -1 ||
	    sync_parent(path) == -1) {
		(void)refused(0, "write", path, e);
		goto out;
	}
	ret = 0;
out:
	if (ret == -1)
		(void)unlink(tmp);
	(void)close(fd);
	free(tmp);
	return ret;
}

/* --- restore ------------------------------------------------------------- */

/* May this database be overwritten? */
static int
may_restore(struct db *db, int replace, struct err *e)
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
		return 0;
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
 * Copy what pg_restore says into psql.  Only when pg_restore ended well does
 * psql get the word without which it rolls back: neither a broken file nor
 * our own death can leave half a database.
 */
static int
relay(pid_t from_pid, int from, int to)
{
	static const char	word[] = "\nselect pg_catalog.set_config("
	    "'certvigil.restored', 'yes', true);\n";
	char			block[65536];
	ssize_t			n, k, off;
	int			ok = 1;

	while (ok && (n = read(from, block, sizeof(block))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		ok = n != -1;
		for (off = 0; ok && off < n; off += k) {
			k = write(to, block + off, (size_t)(n - off));
			if (k == -1 && errno == EINTR)
				k = 0;
			ok = k != -1;
		}
	}
	(void)close(from);
	if (dump_run_end(from_pid) != 0)
		return -1;
	if (ok && write(to, word, sizeof(word) - 1) !=
	    (ssize_t)sizeof(word) - 1)
		ok = 0;
	return ok ? 0 : -1;
}

/* Both programs, with pipes between them and us; errors into ${ear}. */
static int
pump(const struct dump_opts *o, const char *path, const char *psql[], int ear,
    const char *password)
{
	char		*schema = mem_printf("--schema=%s", o->schema);
	const char	*restore[] = { "pg_restore", "--no-owner", "--no-acl",
	    schema, "-f", "-", "--", path, NULL };
	struct dump_run	 rd = { o->bindir, restore, NULL, { -1, -1, ear } };
	struct dump_run	 wr = { o->bindir, psql, password, { -1, ear, ear } };
	int		 a[2] = { -1, -1 }, b[2] = { -1, -1 }, ok = -1;
	pid_t		 pr = -1, pw = -1;
	void		(*old)(int) = signal(SIGPIPE, SIG_IGN);

	if (pipe2(a, O_CLOEXEC) == -1)
		goto out;
	if (pipe2(b, O_CLOEXEC) == -1) {
		(void)close(a[0]);
		(void)close(a[1]);
		goto out;
	}
	rd.fd[1] = a[1];
	wr.fd[0] = b[0];
	pr = dump_run_start(&rd, NULL);
	pw = dump_run_start(&wr, NULL);
	(void)close(a[1]);
	(void)close(b[0]);
	ok = relay(pr, a[0], b[1]);
	(void)close(b[1]);
	if (dump_run_end(pw) != 0)
		ok = -1;
out:
	(void)signal(SIGPIPE, old);
	free(schema);
	return ok;
}

int
dump_read(struct db *db, const struct dump_opts *o, const char *path,
    struct err *e)
{
	char		*password = NULL, *info = NULL, *pre = NULL;
	char		*post = NULL, why[300];
	struct stat	 st;
	int		 ear = -1, ret = -1;

	if (stat(path, &st) == -1 || access(path, R_OK) == -1)
		return refused(errno == EACCES, "read", path, e);
	if (may_restore(db, o->replace, e) == -1 ||
	    (ear = dump_run_ear(e)) == -1)
		return -1;
	info = dump_public(o->conninfo, &password);
	pre = dump_sql_before(o->schema);
	post = dump_sql_after(o->schema, o->hold, o->also);
	if (pump(o, path, (const char *[]){ "psql", "-X", "-q", "-w", "-1",
	    "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", info, "-c",
	    pre, "-f", "-", "-c", post, NULL }, ear, password) == -1) {
		dump_run_said(ear, why, sizeof(why));
		(void)err_set(e, ERR_DB, "%s was not restored, and nothing "
		    "was changed: %s", path, why);
		goto out;
	}
	ret = migrate_up(db, 0, NULL, e);
out:
	(void)close(ear);
	wipe(password);
	free(info);
	free(pre);
	free(post);
	return ret;
}

int
dump_audit(struct db *db, int64_t *bad, struct err *e)
{
	struct db_res	*r;

	if (db_query(db, &r, e, dump_sql_audit, "") == -1)
		return -1;
	*bad = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

/* --- psql ---------------------------------------------------------------- */

int
dump_psql(const struct dump_opts *o, char **argv, int n, struct err *e)
{
	char		 *password, *info = dump_public(o->conninfo, &password);
	const char	**args = mem_array((size_t)n + 4, sizeof(*args));
	struct dump_run	  run = { o->bindir, args, password,
	    { -1, -1, -1 } };
	void		(*old)(int);
	int		  i, st;

	args[0] = "psql";
	args[1] = "-d";
	args[2] = info;
	for (i = 0; i < n; i++)
		args[3 + i] = argv[i];
	/* ^C is for psql: it cancels a query. */
	old = signal(SIGINT, SIG_IGN);
	st = dump_run_end(dump_run_start(&run, e));
	(void)signal(SIGINT, old);
	wipe(password);
	free(args);
	free(info);
	return st;
}
