#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/cmd/cmd.h"
#include "auditor/proc.h"
#include "base/file.h"
#include "base/mem.h"

/*
 * Make ${path} and what is missing above it; ${path} itself gets mode 0700.
 * *made is 1 when it was not there.
 */
static int
make_dirs(const char *path, int *made, struct err *e)
{
	char	*copy = mem_str(path), *p;
	int	 rc = -1, why;

	*made = 0;
	for (p = strchr(copy + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) == -1 && errno != EEXIST) {
			why = errno;
			if (access(copy, X_OK) == 0) {
				*p = '/';
				continue;
			}
			(void)err_set(e, ERR_PERM, "state_dir %.160s: %.160s "
			    "cannot be made: %s; choose another with "
			    "state_dir", path, copy, strerror(why));
			goto out;
		}
		*p = '/';
	}
	if (mkdir(path, 0700) == 0) {
		*made = 1;
		rc = 0;
	} else if (errno == EEXIST) {
		rc = 0;
	} else if (errno == EACCES || errno == EPERM || errno == EROFS) {
		(void)err_set(e, ERR_PERM, "state_dir %.160s cannot be made: "
		    "%s; choose another with state_dir, or run as root",
		    path, strerror(errno));
	} else {
		(void)err_set(e, ERR_SYS, "state_dir %.160s", path);
	}
out:
	free(copy);
	return rc;
}

/* Has the directory nothing in it, or the database that we put there? */
static int
is_ours(int fd)
{
	struct dirent	*d;
	struct stat	 st;
	DIR		*dir;
	int		 copy, empty = 1;

	if (fstatat(fd, "pg", &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    fstatat(fd, "instance.key", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy == -1)
		return 0;
	if ((dir = fdopendir(copy)) == NULL) {
		(void)close(copy);
		return 0;
	}
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			empty = 0;
	(void)closedir(dir);
	return empty;
}

/* Root gives the directory to the user, but never one that others use. */
static int
give(const char *path, int made, const struct passwd *pw, struct err *e)
{
	struct stat	st;
	int		fd, rc = -1;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_set(e, ERR_CONF, "state_dir %.160s: %s; a "
		    "directory is needed, not a link", path, strerror(errno));
	if (fstat(fd, &st) == -1) {
		(void)err_set(e, ERR_SYS, "state_dir %.160s", path);
		goto out;
	}
	if (st.st_uid == pw->pw_uid) {
		rc = 0;
		goto out;
	}
	/* One that everybody may write to need not be given away. */
	if (!made && (st.st_mode & S_IWOTH) != 0) {
		rc = 0;
		goto out;
	}
	if (!made && (st.st_uid != 0 || !is_ours(fd))) {
		(void)err_set(e, ERR_CONF, "state_dir %.160s belongs to "
		    "another user and is not empty; choose an empty one, or: "
		    "chown -R %s: %.160s", path, pw->pw_name, path);
		goto out;
	}
	if (fchown(fd, pw->pw_uid, pw->pw_gid) == -1 ||
	    fchmod(fd, 0700) == -1) {
		(void)err_set(e, ERR_SYS, "state_dir %.160s cannot be given "
		    "to %s", path, pw->pw_name);
		goto out;
	}
	rc = 0;
out:
	(void)close(fd);
	return rc;
}

/*
 * The folder that certificates are served from, made when it is missing.  One
 * that has other things in it stays whose it is: writing there says so.
 */
static int
give_live(const char *path, const struct passwd *pw, struct err *e)
{
	struct stat	st;
	int		fd, rc = 0;

	if (mkdir(path, 0755) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "acme.deploy.dir: making %.160s",
		    path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return err_set(e, ERR_CONF, "acme.deploy.dir: %.160s: %s; a "
		    "directory is needed, not a link", path, strerror(errno));
	if (fstat(fd, &st) == -1 || (st.st_uid == 0 &&
	    (st.st_mode & S_IWOTH) == 0 && is_ours(fd) &&
	    fchown(fd, pw->pw_uid, pw->pw_gid) == -1))
		rc = err_set(e, ERR_SYS, "acme.deploy.dir: %.160s cannot be "
		    "given to %s", path, pw->pw_name);
	(void)close(fd);
	return rc;
}

/* What the user could exchange, the user can read; root leaves it alone. */
static void
keep_file(const char *path, uid_t user)
{
	if (path != NULL && path[0] == '/' && !file_theirs(path, user))
		file_keep(path);
}

/* Open what the configuration names, for those who may not. */
static void
keep_files(const struct conf *c, uid_t user)
{
	const char	*v[] = { c->path, c->watch_file, c->log_list_file,
	    c->log_list_key, c->fetch_ca_file, c->ccadb_csv,
	    c->heartbeat_url_file, c->acme_ca_file, c->acme_eab_key_file,
	    c->dns01_secret_file, c->dns01_acmedns_file,
	    c->acme_key_passphrase };
	char		*sig;
	size_t		 i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		keep_file(v[i], user);
	if (c->log_list_file != NULL) {
		sig = mem_printf("%.*s.sig", strrchr(c->log_list_file, '.') !=
		    NULL ? (int)(strrchr(c->log_list_file, '.') -
		    c->log_list_file) : (int)strlen(c->log_list_file),
		    c->log_list_file);
		keep_file(sig, user);
		free(sig);
	}
	for (i = 0; i < c->nchannels; i++) {
		const struct conf_channel	*ch = &c->channels[i];
		const char	*w[] = { ch->url_file, ch->secret_file,
		    ch->old_secret_file, ch->routing_key_file };
		size_t		 k;

		for (k = 0; k < sizeof(w) / sizeof(w[0]); k++)
			keep_file(w[k], user);
	}
}

int
cmd_become(struct cmd_ctx *ctx, struct err *e)
{
	const char		*dir = ctx->conf->state_dir;
	const struct passwd	*pw = NULL;
	int			 made;

	(void)cmd_actor();	/* says who called, not who we become */
	if (geteuid() == 0 && (pw = getpwnam(PROC_USER)) == NULL)
		return proc_drop(PROC_USER, e);	/* says what to do */
	if (make_dirs(dir, &made, e) == -1)
		return -1;
	if (pw == NULL)
		return 0;
	conf_secret_preload(ctx->conf, pw->pw_uid);
	keep_files(ctx->conf, pw->pw_uid);
	if (give(dir, made, pw, e) == -1 || (ctx->conf->deploy_dir != NULL &&
	    give_live(ctx->conf->deploy_dir, pw, e) == -1) || proc_drop(PROC_USER, e) == -1)
		return -1;
	(void)unsetenv("XDG_RUNTIME_DIR");
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("XDG_STATE_HOME");
	/* What we start must be able to enter where it is. */
	if (access(".", R_OK | X_OK) == -1 && chdir(dir) == -1)
		return err_set(e, ERR_PERM, "state_dir %.160s: the user %s "
		    "cannot enter it; a directory above it is closed to %s",
		    dir, PROC_USER, PROC_USER);
	return 0;
}
