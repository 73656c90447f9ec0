#include "auditor/db/embed_make.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/db/embed_run.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

/* A file in the cluster's folder that says that we made it. */
#define MARKER		"certvigil.cluster"

/*
 * What stands behind the settings that initdb found.  An operator may change
 * them by ALTER SYSTEM.  fsync and full_page_writes stay on: what was
 * acknowledged must outlive the machine.
 */
static const char settings[] =
    "\n# certvigil\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 50\n"
    "shared_buffers = 64MB\n"
    "jit = off\n"
    "max_wal_senders = 0\n"
    "wal_level = minimal\n"
    "max_wal_size = 256MB\n"
    "cluster_name = 'certvigil'\n"
    "idle_in_transaction_session_timeout = '30s'\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "lc_messages = 'C'\n"
    "log_min_messages = warning\n"
    "log_min_error_statement = panic\n"
    "log_checkpoints = off\n";

/* Write a file: mode 0600, or its end when ${append}. */
static int
put(const char *dir, const char *name, const char *text, int append,
    struct err *e)
{
	char	*path = mem_printf("%s/%s", dir, name);
	size_t	 n = strlen(text);
	int	 fd, ok;

	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC |
	    (append ? O_APPEND : O_TRUNC), 0600);
	ok = fd != -1 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0;
	if (!ok)
		(void)err_set(e, ERR_SYS, "write %s", path);
	if (fd != -1)
		(void)close(fd);
	free(path);
	return ok ? 0 : -1;
}

/* A small file as a string; NULL when it cannot be read. */
static char *
get(const char *dir, const char *name)
{
	char	*path = mem_printf("%s/%s", dir, name), text[4096];
	ssize_t	 n;
	int	 fd = open(path, O_RDONLY | O_CLOEXEC);

	free(path);
	if (fd == -1)
		return NULL;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	return n == -1 ? NULL : mem_dup(text, (size_t)n);
}

static int
drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/*
 * What interrupted runs left.  An initdb that is still on its way down may
 * write there: what cannot go now goes at the next start.
 */
static void
sweep(const char *state)
{
	char	*pattern = mem_printf("%s/pg.new*", state);
	glob_t	 g;
	size_t	 i;

	if (glob(pattern, GLOB_NOSORT, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			if (nftw(g.gl_pathv[i], drop, 16,
			    FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == -1)
				log_debug("database", "%s: not removed yet",
				    g.gl_pathv[i]);
		globfree(&g);
	}
	free(pattern);
}

static int
differs(const char *dir, const char *name, const char *text)
{
	char	*now = get(dir, name);
	int	 r = now == NULL || strcmp(now, text) != 0;

	free(now);
	return r;
}

int
embed_make_auth(const struct embed_make *m, const char *data, struct err *e)
{
	static const char	 hba[] = "local all all peer map=cv\n";
	char			*ident;
	int			 r = 0;

	/* The map is needed: the role is not named as the system user. */
	ident = mem_printf("cv \"%s\" certvigil\n", m->user);
	if (differs(data, "pg_hba.conf", hba))
		r = put(data, "pg_hba.conf", hba, 0, e);
	if (r == 0 && differs(data, "pg_ident.conf", ident))
		r = put(data, "pg_ident.conf", ident, 0, e);
	free(ident);
	return r;
}

int
embed_make_look(const struct embed_make *m, int *major, struct err *e)
{
	char		*data = mem_printf("%s/pg", m->state);
	char		*v = NULL, *mark = NULL;
	struct stat	 st;
	int		 ret = -1;

	*major = 0;
	if (m->log_fd != -1)
		sweep(m->state);
	if (lstat(data, &st) == -1) {
		if (errno == ENOENT)
			ret = 0;
		else
			(void)err_set(e, ERR_SYS, "look at %s", data);
		goto out;
	}
	v = get(data, "PG_VERSION");
	mark = get(data, MARKER);
	if (!S_ISDIR(st.st_mode) || v == NULL || mark == NULL) {
		(void)err_set(e, ERR_CONF, "%s is there and is no cluster "
		    "that certvigil made (%s is missing): move it away", data,
		    v == NULL ? "PG_VERSION" : MARKER);
		goto out;
	}
	if (st.st_uid != geteuid()) {
		(void)err_set(e, ERR_PERM, "%s belongs to user %ld and we "
		    "are user %ld: as root: chown -R %ld %s", data,
		    (long)st.st_uid, (long)geteuid(), (long)geteuid(), data);
		goto out;
	}
	/* PostgreSQL starts with 0700 and 0750 only. */
	if ((st.st_mode & 0777) != 0700) {
		log_warn("database", "%s has mode %04o: set to 0700", data,
		    (unsigned)(st.st_mode & 07777));
		if (chmod(data, 0700) == -1) {
			(void)err_set(e, ERR_SYS, "chmod 0700 %s", data);
			goto out;
		}
	}
	*major = (int)strtol(v, NULL, 10);
	ret = 0;
out:
	free(mark);
	free(v);
	free(data);
	return ret;
}

/* Run initdb; what it says goes to the log, its error into ours. */
static int
initdb(const struct embed_make *m, const char *const argv[], struct err *e)
{
	char	why[300];
	off_t	from = lseek(m->log_fd, 0, SEEK_END);
	int	st = embed_run_wait(argv, m->log_fd, e);

	if (st <= 0)
		return st;
	embed_run_why(m->log, from, why, sizeof(why));
	return err_set(e, ERR_DB, "initdb failed (exit %d): %s", st, why);
}

int
embed_make_new(const struct embed_make *m, const char *bindir, struct err *e)
{
	char		*tmp = mem_printf("%s/pg.newXXXXXX", m->state);
	char		*data = mem_printf("%s/pg", m->state);
	char		*prog = mem_printf("%s/initdb", bindir);
	const char	*init[] = { prog, "-D", tmp, "-U", "certvigil",
	    "--auth-local=peer", "--auth-host=reject", "-E", "UTF8",
	    "--locale=C.UTF-8", "--no-sync", "--no-instructions", "-k",
	    "--wal-segsize=1", NULL };
	const char	*flush[] = { prog, "--sync-only", "-D", tmp, NULL };
	int		 ret = -1;

	/* A name of its own: an initdb of before may still be at work. */
	if (mkdtemp(tmp) == NULL) {
		(void)err_set(e, ERR_SYS, "make %s", tmp);
		goto out;
	}
	if (initdb(m, init, e) == -1 ||
	    put(tmp, "postgresql.conf", settings, 1, e) == -1 ||
	    embed_make_auth(m, tmp, e) == -1 ||
	    put(tmp, MARKER, "1\n", 0, e) == -1 ||
	    initdb(m, flush, e) == -1)
		goto out;
	if (rename(tmp, data) == -1) {
		(void)err_set(e, ERR_SYS, "rename %s to %s", tmp, data);
		goto out;
	}
	ret = file_sync_dir(m->state);
	if (ret == -1)
		(void)err_set(e, ERR_SYS, "sync %s", m->state);
out:
	free(prog);
	free(data);
	free(tmp);
	return ret;
}
