#include "auditor/cmd/cmd.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/db/embed.h"
#include "auditor/db/migrate.h"
#include "auditor/db/move.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

/* How long a command waits for a cluster that starts or stops. */
#define DB_WAIT 30

int
cmd_db(struct cmd_ctx *ctx, struct err *e)
{
	const char	*where = ctx->conf->database;
	int		 have;

	if (ctx->db != NULL)
		return 0;
	if (strcmp(where, "embedded") == 0) {
		ctx->embed = embed_start(ctx->conf->state_dir, DB_WAIT, e);
		if (ctx->embed == NULL)
			return -1;
		where = embed_conninfo(ctx->embed);
	}
	if ((ctx->db = db_open(where, e)) == NULL ||
	    migrate_have(ctx->db, &have, e) == -1 ||
	    (have < migrate_newest() &&
	    migrate_up(ctx->db, 0, NULL, e) == -1) ||
	    move_check(ctx->db, e) == -1) {
		cmd_db_close(ctx);
		return -1;
	}
	return 0;
}

const char *
cmd_conninfo(const struct cmd_ctx *ctx)
{
	return ctx->embed != NULL ? embed_conninfo(ctx->embed) :
	    ctx->conf->database;
}

void
cmd_db_close(struct cmd_ctx *ctx)
{
	db_close(ctx->db);
	ctx->db = NULL;
	embed_stop(ctx->embed);
	ctx->embed = NULL;
}

int
cmd_fail(const struct err *e)
{
	char	*text = cmd_clean(e->msg[0] != '\0' ? e->msg :
		    "it failed without saying why");
	int	 rc = err_exit(e->code);

	(void)fflush(stdout);
	(void)fprintf(stderr, "certvigil: %s\n", text);
	free(text);
	return rc != 0 ? rc : 1;
}

int
cmd_usage(const struct cmd *c, const char *fmt, ...)
{
	char	 text[512], *shown;
	va_list	 ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	shown = cmd_clean(text);
	(void)fflush(stdout);
	(void)fprintf(stderr, "certvigil %s: %s\nusage: certvigil %s%s%s\n",
	    c->name, shown, c->name, c->args[0] != '\0' ? " " : "", c->args);
	free(shown);
	return err_exit(ERR_USAGE);
}

void
cmd_json(json_t *v)
{
	(void)json_dumpf(v, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	(void)putchar('\n');
	json_decref(v);
}

const char *
cmd_actor(void)
{
	static char		 actor[320];
	const struct passwd	*pw;
	const char		*name = NULL;
	char			 host[256];

	if (actor[0] != '\0')
		return actor;
	/* Only root can have been called by somebody through sudo. */
	if (getuid() == 0)
		name = getenv("SUDO_USER");
	pw = getpwuid(getuid());
	if ((name == NULL || name[0] == '\0') && pw != NULL)
		name = pw->pw_name;
	if (gethostname(host, sizeof(host)) == -1)
		(void)snprintf(host, sizeof(host), "localhost");
	host[sizeof(host) - 1] = '\0';
	if (name != NULL)
		(void)snprintf(actor, sizeof(actor), "%.60s@%s", name, host);
	else
		(void)snprintf(actor, sizeof(actor), "uid%u@%s",
		    (unsigned)getuid(), host);
	return actor;
}

int
cmd_audit(struct cmd_ctx *ctx, const char *action, json_t *detail,
    struct err *e)
{
	char	*text = NULL;
	int	 rc;

	if (detail != NULL)
		text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	rc = db_query(ctx->db, NULL, e, "insert into audit_trail "
	    "(actor, action, detail) values ($1, $2, $3::jsonb)", "sss",
	    cmd_actor(), action, text != NULL ? text : "{}");
	free(text);
	return rc;
}

void
cmd_hint(struct cmd_ctx *ctx)
{
	(void)db_query(ctx->db, NULL, NULL, "select pg_notify($1, '')", "s",
	    CMD_HINT);
}

char *
cmd_clean(const char *text)
{
	struct buf	b = BUF_INIT;
	unsigned long	v;
	size_t		n;

	for (; *text != '\0'; text += n) {
		n = text_utf8(text, &v);
		if (n == 0) {
			buf_fmt(&b, "\\x%02x", (unsigned char)*text);
			n = 1;
		} else if (!text_hostile(v)) {
			buf_add(&b, text, n);
		} else if (v < 0x80) {
			buf_fmt(&b, "\\x%02lx", v);
		} else {
			buf_fmt(&b, "\\u{%lx}", v);
		}
	}
	if (b.p == NULL)
		return mem_str("");
	return (char *)buf_detach(&b, &n);
}

void
cmd_lines(const char *text)
{
	const char	*end;
	char		*line, *clean;

	for (; *text != '\0'; text = *end == '\n' ? end + 1 : end) {
		end = strchrnul(text, '\n');
		line = mem_dup(text, (size_t)(end - text));
		clean = cmd_clean(line);
		(void)fputs(clean, stdout);
		if (*end == '\n')
			(void)putchar('\n');
		free(clean);
		free(line);
	}
}
