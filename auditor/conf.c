#include "auditor/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/conf_check.h"
#include "auditor/conf_read.h"
#include "auditor/conf_table.h"
#include "auditor/conf_yaml.h"
#include "auditor/proc.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/mem.h"

#define SYSTEM_FILE "/etc/certvigil/certvigil.yaml"

/* Root and the system user share the places of the system. */
static int
system_user(void)
{
	const struct passwd	*pw;

	if (geteuid() == 0)
		return 1;
	pw = getpwuid(geteuid());
	return pw != NULL && strcmp(pw->pw_name, PROC_USER) == 0;
}

/* $${env}/certvigil${tail}, or that below the home directory. */
static char *
user_place(const char *env, const char *below_home, const char *tail)
{
	const char		*dir = getenv(env), *home = getenv("HOME");
	const struct passwd	*pw;

	if (dir != NULL && dir[0] == '/')
		return mem_printf("%s/certvigil%s", dir, tail);
	if (home == NULL || home[0] != '/') {
		pw = getpwuid(geteuid());
		home = pw != NULL ? pw->pw_dir : "/";
	}
	return mem_printf("%s/%s/certvigil%s", home, below_home, tail);
}

static char *
state_place(void)
{
	const char	*dir = getenv("STATE_DIRECTORY");

	/* systemd separates several with colons; the first one is ours. */
	if (dir != NULL && dir[0] == '/')
		return mem_printf("%.*s", (int)strcspn(dir, ":"), dir);
	if (system_user())
		return mem_str("/var/lib/certvigil");
	return user_place("XDG_STATE_HOME", ".local/state", "");
}

static char *
contact_place(void)
{
	char	host[256];

	if (gethostname(host, sizeof(host)) == -1)
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	return mem_printf("root@%s", host);
}

char *
conf_place(const char *path)
{
	if (path == NULL)
		path = getenv("CERTVIGIL_CONFIG");
	if (path != NULL && path[0] != '\0')
		return mem_str(path);
	if (system_user())
		return mem_str(SYSTEM_FILE);
	return user_place("XDG_CONFIG_HOME", ".config", "/certvigil.yaml");
}

struct conf *
conf_default(void)
{
	struct conf	*c = mem_zero(sizeof(*c));

	conf_read_defaults(&conf_table, c);
	c->apple_list_url = mem_str("default");
	c->state_dir = state_place();
	c->contact = contact_place();
	return c;
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	conf_read_free(&conf_table, c);
	free(c->path);
	free(c);
}

/* Defaults that depend on other keys. */
static void
settle(struct conf *c, const struct conf_node *root)
{
	const struct conf_node	*list = conf_yaml_get(root, "log_list");

	if (c->log_list_file != NULL && conf_yaml_get(list, "url") == NULL) {
		free(c->log_list_url);
		c->log_list_url = NULL;
	}
	/* whoever names a list of their own wants that one */
	if (c->log_list_file == NULL && (c->log_list_url == NULL ||
	    strcmp(c->log_list_url, "default") == 0))
		return;
	if (conf_yaml_get(list, "apple") == NULL) {
		free(c->apple_list_url);
		c->apple_list_url = mem_str("none");
	}
}

struct conf *
conf_parse(const char *text, size_t n, const char *name, struct err *e)
{
	struct conf		*c = conf_default();
	struct conf_node	*root = NULL;
	const char		*shown = name != NULL ? name : "configuration";
	const char		*slash;
	char			*folder = NULL;
	int			 rc = -1;

	if (name != NULL && name[0] == '/') {
		slash = strrchr(name, '/');
		folder = mem_printf("%.*s", (int)(slash - name), name);
	}
	if (conf_yaml_read(text, n, shown, &root, e) == -1)
		goto out;
	if (root != NULL && conf_read_map(&conf_table, root, c, shown,
	    folder, e) == -1)
		goto out;
	settle(c, root);
	rc = conf_check_all(c, root, shown, e);
out:
	conf_yaml_free(root);
	free(folder);
	if (rc == 0)
		return c;
	conf_free(c);
	return NULL;
}

/* The bytes of a file: 0, 1 when there is none, -1 when it cannot be read. */
static int
slurp(const char *path, struct buf *out, struct err *e)
{
	struct stat	st;
	ssize_t		got;
	int		fd, rc = -1;

	fd = file_open(path);
	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	if (fd == -1 && errno == EACCES)
		return err_set(e, ERR_PERM, "%s: no permission to read it; "
		    "run as root or %s, or name another with --config", path,
		    PROC_USER);
	if (fd == -1)
		return err_set(e, ERR_SYS, "%s", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		(void)err_set(e, ERR_CONF, "%s: this is a directory; name "
		    "the file in it", path);
		goto out;
	}
	do {
		got = read(fd, buf_room(out, 65536), 65536);
		if (got > 0)
			out->n += (size_t)got;
	} while (got > 0 && out->n <= LIMIT_CONF_FILE);
	if (got == -1)
		(void)err_set(e, ERR_SYS, "%s", path);
	else
		rc = 0;
out:
	(void)close(fd);
	return rc;
}

static struct conf *
load_file(const char *path, int must, struct err *e)
{
	struct buf	 text = BUF_INIT;
	struct conf	*c = NULL;
	char		*full, *cwd;
	int		 rc;

	cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	full = cwd != NULL ? mem_printf("%s/%s", cwd, path) : mem_str(path);
	free(cwd);
	rc = slurp(full, &text, e);
	if (rc == 1 && must)
		(void)err_set(e, ERR_CONF, "%s: there is no such file; "
		    "`certvigil init` writes one", full);
	if (rc == 0)
		c = conf_parse(buf_text(&text), text.n, full, e);
	if (c != NULL)
		c->path = mem_str(full);
	buf_free(&text);
	free(full);
	return c;
}

struct conf *
conf_load(const char *path, struct err *e)
{
	struct err	 why = ERR_INIT;
	struct conf	*c;
	char		*own;

	if (path == NULL)
		path = getenv("CERTVIGIL_CONFIG");
	if (path != NULL && path[0] != '\0')
		return load_file(path, 1, e);
	c = load_file(SYSTEM_FILE, 0, &why);
	if (c == NULL && why.code == ERR_NONE) {
		own = user_place("XDG_CONFIG_HOME", ".config",
		    "/certvigil.yaml");
		c = load_file(own, 0, &why);
		free(own);
	}
	if (c == NULL && why.code == ERR_NONE)
		c = conf_default();
	if (c == NULL)
		(void)err_set(e, why.code, "%s", why.msg);
	return c;
}

const struct conf_policy *
conf_policy(const struct conf *c, const char *name)
{
	size_t	i;

	for (i = 0; name != NULL && i < c->npolicies; i++)
		if (strcmp(c->policies[i].name, name) == 0)
			return &c->policies[i];
	return NULL;
}
