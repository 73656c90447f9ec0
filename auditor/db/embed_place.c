#include "auditor/db/embed_place.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/db/embed_run.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

#define SOCKET_NAME	"/.s.PGSQL.5432"

/* --- the state directory ------------------------------------------------- */

static int
may(const char *path, int how)
{
	return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

/* Make ${path} when it is missing; then it must be a folder to enter. */
static int
step(const char *path, const char *whole, struct err *e)
{
	struct stat	st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (stat(path, &st) == -1)
		return err_set(e, ERR_PERM, "state directory %s: user %ld "
		    "cannot make %s: as root: install -d -m 0700 -o %ld %s",
		    whole, (long)geteuid(), path, (long)geteuid(), whole);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONF, "state directory %s: %s is no "
		    "folder", whole, path);
	if (!may(path, X_OK))
		return err_set(e, ERR_PERM, "state directory %s: user %ld "
		    "cannot enter %s (mode %04o, owner %ld): chmod a+x %s, or "
		    "set state_dir to another place", whole,
		    (long)geteuid(), path, (unsigned)(st.st_mode & 07777),
		    (long)st.st_uid, path);
	return 0;
}

char *
embed_place_state(const char *dir, struct err *e)
{
	char	*path = mem_str(dir), *real = NULL, *p;

	for (p = path + 1; *path != '\0' && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (step(path, dir, e) == -1)
			goto out;
		*p = '/';
	}
	if (*path == '\0') {
		(void)err_set(e, ERR_CONF, "state_dir is empty");
		goto out;
	}
	if (step(path, dir, e) == -1)
		goto out;
	if (!may(path, W_OK | X_OK)) {
		if (errno == EROFS)
			(void)err_set(e, ERR_CONF, "state directory %s: its "
			    "file system is read-only: mount it writable, or "
			    "set state_dir elsewhere", dir);
		(void)err_set(e, ERR_PERM, "state directory %s: user %ld "
		    "cannot write there: as root: chown %ld %s", dir,
		    (long)geteuid(), (long)geteuid(), dir);
		goto out;
	}
	real = realpath(path, NULL);
	if (real == NULL)
		(void)err_set(e, ERR_SYS, "state directory %s", dir);
out:
	free(path);
	return real;
}

/* --- programs ------------------------------------------------------------ */

static int
has(const char *dir, const char *name)
{
	char	path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) <
	    sizeof(path) && access(path, X_OK) == 0;
}

/* Two programs that are looked for, and one whose --version is asked. */
static const char *const	server[] = { "postgres", "initdb" };
static const char *const	client[] = { "psql", "pg_dump" };

/* The major version of the programs in ${dir}, 0 when there are none. */
static int
version(const char *dir, const char *const prog[2])
{
	const char	*argv[] = { NULL, "--version", NULL };
	char		 path[PATH_MAX], text[256], *p;

	if (!has(dir, prog[0]) || !has(dir, prog[1]))
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, prog[0]);
	argv[0] = path;
	if (embed_run_text(argv, text, sizeof(text)) == -1)
		return 0;
	p = strpbrk(text, "0123456789");
	return p == NULL ? 0 : (int)strtol(p, NULL, 10);
}

/* What is looked for, and the best that was found. */
struct search {
	const char *const	*prog;
	int			 major;		/* 0: any */
	char			*best;
	int			 have;
};

/* Keep ${dir} when it fits better. */
static void
consider(struct search *s, const char *dir)
{
	int	v = version(dir, s->prog);

	if (v == 0 || v <= s->have || (s->major != 0 && v != s->major))
		return;
	free(s->best);
	s->best = mem_str(dir);
	s->have = v;
}

static char *
search(const char *const prog[2], int major)
{
	static const char *const config[][3] = {
		{ "/usr/bin/pg_config", "--bindir", NULL },
		{ "/usr/local/bin/pg_config", "--bindir", NULL },
	};
	struct search	s = { prog, major, NULL, 0 };
	glob_t		g;
	char		dir[PATH_MAX];
	size_t		i;

	memset(&g, 0, sizeof(g));
	if (glob("/usr/lib/postgresql/[1-9]*/bin", 0, NULL, &g) == 0)
		(void)glob("/usr/pgsql-[1-9]*/bin", GLOB_APPEND, NULL, &g);
	else
		(void)glob("/usr/pgsql-[1-9]*/bin", 0, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++)
		consider(&s, g.gl_pathv[i]);
	globfree(&g);
	for (i = 0; s.best == NULL && i < 2; i++) {
		if (access(config[i][0], X_OK) == -1 ||
		    embed_run_text(config[i], dir, sizeof(dir)) == -1)
			continue;
		dir[strcspn(dir, "\n")] = '\0';
		consider(&s, dir);
	}
	return s.best;
}

char *
embed_place_bindir(int major, struct err *e)
{
	char	*best = search(server, major);

	if (best == NULL && major == 0)
		(void)err_set(e, ERR_CONF, "no PostgreSQL server programs "
		    "found: apt-get install postgresql, or set `database:` "
		    "to the connection string of a server");
	else if (best == NULL)
		(void)err_set(e, ERR_CONF, "the database was made by "
		    "PostgreSQL %d, whose programs are not installed: "
		    "apt-get install postgresql-%d", major, major);
	return best;
}

char *
embed_place_clients(int major, struct err *e)
{
	char	*best = search(client, major);

	if (best == NULL)
		best = search(client, 0);
	if (best == NULL)
		(void)err_set(e, ERR_CONF, "psql and pg_dump are not "
		    "installed: apt-get install postgresql-client");
	return best;
}

/* --- the socket's folder ------------------------------------------------- */

/* Make ${dir}, or see that it is ours alone; 0 or -1. */
static int
private_dir(const char *dir)
{
	struct stat	st;

	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return -1;
	if (lstat(dir, &st) == -1 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid())
		return -1;
	if ((st.st_mode & 077) != 0 && chmod(dir, 0700) == -1)
		return -1;
	return 0;
}

/* BASE/NAME-HASH as a private folder, if the socket's path is short enough. */
static char *
try_place(const char *base, const char *name, const char *hash)
{
	char	*dir = mem_printf("%s/%s-%s", base, name, hash);

	if (strlen(dir) + strlen(SOCKET_NAME) <= LIMIT_SOCKET_PATH &&
	    private_dir(dir) == 0)
		return dir;
	free(dir);
	return NULL;
}

/* A folder that the system made for this service or this user. */
static char *
runtime(const char *hash)
{
	const char	*env = getenv("RUNTIME_DIRECTORY");
	char		*base, *dir = NULL;

	if (env != NULL && env[0] == '/') {
		/* systemd separates several by colons. */
		base = mem_dup(env, strcspn(env, ":"));
		dir = try_place(base, "pg", hash);
		free(base);
	}
	if (dir == NULL && may("/run/certvigil", W_OK | X_OK))
		dir = try_place("/run/certvigil", "pg", hash);
	env = getenv("XDG_RUNTIME_DIR");
	if (dir == NULL && env != NULL && env[0] == '/' &&
	    may(env, W_OK | X_OK)) {
		base = mem_printf("%s/certvigil", env);
		if (private_dir(base) == 0)
			dir = try_place(base, "pg", hash);
		free(base);
	}
	return dir;
}

char *
embed_place_socket(const char *state, struct err *e)
{
	uint8_t	 sum[SHA_LEN];
	char	*dir, *name, hash[9];

	/* One folder a cluster: users may have several state directories. */
	sha_256(sum, state, strlen(state));
	(void)snprintf(hash, sizeof(hash), "%02x%02x%02x%02x", sum[0],
	    sum[1], sum[2], sum[3]);
	dir = runtime(hash);
	if (dir == NULL)
		dir = try_place(state, "run", hash);
	if (dir == NULL) {
		name = mem_printf("certvigil-%ld", (long)geteuid());
		dir = try_place("/tmp", name, hash);
		free(name);
	}
	if (dir == NULL)
		(void)err_set(e, ERR_CONF, "no folder for the database's "
		    "socket: %s makes a path longer than %u bytes, and "
		    "/tmp/certvigil-%ld-%s is not ours: set XDG_RUNTIME_DIR "
		    "or a shorter state_dir", state, LIMIT_SOCKET_PATH,
		    (long)geteuid(), hash);
	return dir;
}
