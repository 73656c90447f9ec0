#include "auditor/db/dump.h"

#include <errno.h>
#include <fcntl.h>
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
	char		 why[300], state[6];
	int		 ear = dump_run_ear(e), st = -1;

	run.fd[2] = ear;
	if (ear != -1) {
		st = dump_run_end(dump_run_start(&run, e));
		dump_run_said(ear, state, why, sizeof(why));
		(void)close(ear);
		if (st != 0)
			(void)err_set(e, ERR_DB, "pg_dump failed: %s", why);
	}
	dump_run_wipe(password);
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
		    "name a file in a folder where that user may write", what,
		    path, (long)geteuid(), strerror(errno));
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

/* --- the chain ----------------------------------------------------------- */

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
	dump_run_wipe(password);
	free(args);
	free(info);
	return st;
}
