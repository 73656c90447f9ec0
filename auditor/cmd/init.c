#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/cmd/cmd.h"
#include "auditor/conf_check.h"
#include "auditor/db/migrate.h"
#include "base/buf.h"
#include "base/mem.h"

#define WATCHES_MAX 256	/* more belong into a file */

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_init = {
	.name = "init",
	.args = "[--watch NAME]... [--contact ADDRESS]",
	.brief = "write a configuration and make the database",
	.help =
	    "  certvigil init --watch .example.com\n"
	    "  certvigil init --watch .example.com --watch .example.org \\\n"
	    "      --contact security@example.com\n"
	    "\n"
	    "Writes the configuration file unless there is one (an existing "
	    "file is never\n"
	    "touched), makes the state directory and the database, and says "
	    "what comes next.\n"
	    ".example.com is that name and everything below it.\n",
	.no_conf = 1,
	.keep_user = 1,
	.run = run
};

struct wish {
	const char	*watch[WATCHES_MAX];
	size_t		 n;
	const char	*contact;
};

static const char head[] =
    "# certvigil: see certvigil.yaml(5); `certvigil config show --defaults`\n"
    "# lists every key, `certvigil config check` checks this file.\n"
    "\n"
    "# Told to the operators of logs, so that they can reach you: an address\n"
    "# or a page of yours.\n";

static const char middle[] =
    "\n"
    "# The names that you care about.  example.com is that name alone,\n"
    "# .example.com also everything below it.\n";

static const char tail[] =
    "\n"
    "# Where a log of the first list begins: now, or beginning (reads all\n"
    "# of it).\n"
    "start: now\n"
    "\n"
    "# What a certificate of which CA means: deny, page, hold or digest.\n"
    "# Without a policy every certificate that nobody declared pages.\n"
    "#policies:\n"
    "#  strict: {issuers: {letsencrypt.org: hold, \"*\": page}, hold: 30m}\n"
    "\n"
    "# Who else may order for you, and within what.\n"
    "#sources:\n"
    "#  - {name: team-b, names: [.shop.example.com], "
    "issuers: [letsencrypt.org]}\n"
    "\n"
    "# Where messages go.  Secrets stay in files of their own.\n"
    "#channels:\n"
    "#  - {name: soc, kind: webhook, url_file: soc.url, "
    "secret_file: soc.secret}\n"
    "#routes:\n"
    "#  - {to: [soc]}\n";

static void
compose(const struct wish *w, struct buf *b)
{
	size_t	i;

	buf_str(b, head);
	if (w->contact != NULL)
		buf_fmt(b, "contact: \"%s\"\n", w->contact);
	else
		buf_str(b, "#contact: security@example.com\n");
	buf_str(b, middle);
	buf_str(b, w->n > 0 ? "watch:\n" : "#watch:\n#  - .example.com\n");
	for (i = 0; i < w->n; i++)
		buf_fmt(b, "  - \"%s\"\n", w->watch[i]);
	buf_str(b, tail);
}

/* The directories above the file. */
static int
make_above(const char *path, struct err *e)
{
	char	*copy = mem_str(path), *p;
	int	 rc = 0;

	for (p = strchr(copy + 1, '/'); p != NULL && rc == 0;
	    p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) == -1 && errno != EEXIST &&
		    access(copy, X_OK) == -1)
			rc = err_set(e, ERR_SYS, "%s", copy);
		*p = '/';
	}
	free(copy);
	return rc;
}

/* 1 written, 0 there is one already, -1. */
static int
write_new(const char *path, const struct buf *b, struct err *e)
{
	const char	*p = buf_text(b);
	size_t		 left = b->n;
	ssize_t		 n = 0;
	int		 fd;

	if (make_above(path, e) == -1)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd == -1 && errno == EEXIST)
		return 0;
	if (fd == -1)
		return err_set(e, errno == EACCES ? ERR_PERM : ERR_SYS,
		    "%s cannot be written%s", path, errno == EACCES ?
		    ": no permission; run as root, or name another with "
		    "--config" : "");
	while (left > 0 && (n = write(fd, p, left)) > 0) {
		p += n;
		left -= (size_t)n;
	}
	if (left > 0 || fsync(fd) == -1) {
		(void)err_set(e, ERR_SYS, "%s", path);
		(void)unlink(path);
		(void)close(fd);
		return -1;
	}
	(void)close(fd);
	return 1;
}

static int
read_args(struct wish *w, int argc, char **argv, struct err *e)
{
	int	i;

	for (i = 1; i < argc; i += 2) {
		if (strcmp(argv[i], "--watch") != 0 &&
		    strcmp(argv[i], "--contact") != 0)
			return err_set(e, ERR_USAGE, "`%.60s` is not known",
			    argv[i]);
		if (i + 1 == argc)
			return err_set(e, ERR_USAGE, "%s needs a value",
			    argv[i]);
		if (argv[i][2] == 'c') {
			w->contact = argv[i + 1];
			if (conf_check_contact(w->contact, e) == -1)
				return -1;
			continue;
		}
		if (w->n == WATCHES_MAX)
			return err_set(e, ERR_USAGE, "more than %d names; put "
			    "them into a file and use watch_file",
			    WATCHES_MAX);
		if (strpbrk(argv[i + 1], "\"\\\n") != NULL)
			return err_set(e, ERR_USAGE, "`%.60s` is no name",
			    argv[i + 1]);
		if (conf_check_watch(argv[i + 1], e) == -1)
			return -1;
		w->watch[w->n++] = argv[i + 1];
	}
	return 0;
}

static void
report(struct cmd_ctx *ctx, const struct wish *w, const char *path, int made)
{
	const struct conf	*c = ctx->conf;

	if (ctx->json) {
		cmd_json(json_pack("{s:s, s:b, s:s, s:s, s:i}", "config",
		    path, "written", made, "state_dir", c->state_dir,
		    "database", strcmp(c->database, "embedded") == 0 ?
		    "embedded" : "server", "schema", migrate_newest()));
		return;
	}
	(void)printf("configuration  %s%s\n", path, made ? "" :
	    " (was there already; not touched)");
	(void)printf("state          %s\n", c->state_dir);
	(void)printf("database       %s, schema %d\n",
	    strcmp(c->database, "embedded") == 0 ? "embedded" : "server",
	    migrate_newest());
	(void)printf("watches        %zu%s\n", c->nwatch,
	    c->watch_file != NULL ? " and a file" : "");
	if (ctx->quiet)
		return;
	(void)fprintf(stderr, "\nnext:\n");
	if (w->n == 0 && c->nwatch == 0 && c->watch_file == NULL)
		(void)fprintf(stderr, "  certvigil watch add .example.com"
		    "        the names that you care about\n");
	(void)fprintf(stderr,
	    "  certvigil known import certs/         certificates that you "
	    "have\n"
	    "  certvigil channel add soc --kind webhook --url-file F "
	    "--secret-file G\n"
	    "  certvigil run                         watch the logs\n"
	    "  certvigil doctor                      is all well?\n");
	if (ctx->config_path != NULL)
		(void)fprintf(stderr, "each with --config %s\n", path);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct wish	 w = { .n = 0 };
	struct err	 e = ERR_INIT;
	struct buf	 text = BUF_INIT, diff = BUF_INIT;
	char		*path = NULL;
	int		 made, rc = 0;

	if (read_args(&w, argc, argv, &e) == -1)
		return cmd_usage(&cmd_init, "%s", e.msg);
	path = conf_place(ctx->config_path);
	compose(&w, &text);
	made = write_new(path, &text, &e);
	if (made == -1)
		goto out;
	ctx->conf = conf_load(path, &e);
	if (ctx->conf == NULL || cmd_become(ctx, &e) == -1 ||
	    cmd_db(ctx, &e) == -1 || cmd_apply(ctx, 0, &diff, &e) == -1)
		goto out;
	cmd_hint(ctx);
	report(ctx, &w, path, made);
	if (!made && (w.n > 0 || w.contact != NULL))
		(void)err_set(&e, ERR_CONF, "%s was there already and was "
		    "not touched; edit it, or: certvigil watch add %s", path,
		    w.n > 0 ? w.watch[0] : "NAME");
out:
	if (e.code != ERR_NONE)
		rc = cmd_fail(&e);
	buf_free(&diff);
	buf_free(&text);
	free(path);
	return rc;
}
