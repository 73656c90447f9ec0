#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/conf_show.h"
#include "auditor/db/back_store.h"
#include "auditor/db/watch_store.h"
#include "base/buf.h"
#include "base/clk.h"

static int run(struct cmd_ctx *, int, char **);

const struct cmd cmd_config = {
	.name = "config",
	.args = "check | show [--defaults] | apply [--dry-run]",
	.brief = "check, show or apply the configuration",
	.help =
	    "  certvigil config check              is the file right?\n"
	    "  certvigil config show               what is in force\n"
	    "  certvigil config show --defaults    every key there is\n"
	    "  certvigil config apply --dry-run    what would change\n"
	    "  certvigil config apply              all of it, or nothing\n"
	    "\n"
	    "A running daemon takes over what was applied; so does SIGHUP.\n",
	.no_conf = 1,
	.keep_user = 1,
	.run = run
};

/* A route to a channel that the file does not have: cli may have it. */
static void
note_channels(const struct conf *c, const struct conf_strs *to,
    const char *who)
{
	size_t	i, j;

	for (i = 0; i < to->n; i++) {
		for (j = 0; j < c->nchannels; j++)
			if (strcmp(c->channels[j].name, to->v[i]) == 0)
				break;
		if (j == c->nchannels)
			(void)fprintf(stderr, "certvigil: %s: channel `%s` is "
			    "not in this file; `certvigil channel list` shows "
			    "whether the command line added it\n", who,
			    to->v[i]);
	}
}

static int
check(const struct cmd_ctx *ctx)
{
	const struct conf	*c = ctx->conf;
	struct err		 e = ERR_INIT;
	size_t			 i;

	/* files that are not there yet, such as secrets, are for doctor */
	if (c->watch_file != NULL &&
	    watch_file_check(c->watch_file, &e) == -1) {
		if (e.code != ERR_SYS)
			return cmd_fail(&e);
		if (!ctx->quiet)
			(void)fprintf(stderr, "certvigil: %s\n", e.msg);
	}
	for (i = 0; i < c->nroutes && !ctx->quiet; i++)
		note_channels(c, &c->routes[i].to, "routes");
	if (!ctx->quiet) {
		note_channels(c, &c->digest_to, "digest");
		note_channels(c, &c->audit_send, "audit");
	}
	if (ctx->json)
		cmd_json(json_pack("{s:s?, s:b}", "file", c->path, "ok", 1));
	else if (c->path != NULL)
		(void)printf("%s: ok\n", c->path);
	else
		(void)printf("no configuration file: the defaults are in "
		    "force; `certvigil init` writes one\n");
	return 0;
}

static int
show(const struct cmd_ctx *ctx, int defaults)
{
	struct buf	b = BUF_INIT;

	if (defaults)
		conf_show_keys(&b);
	else if (ctx->json)
		cmd_json(conf_show_json(ctx->conf));
	else
		conf_show_yaml(ctx->conf, &b);
	(void)fputs(buf_text(&b), stdout);
	buf_free(&b);
	return 0;
}

static int
apply(struct cmd_ctx *ctx, int dry)
{
	struct err	 e = ERR_INIT;
	struct buf	 diff = BUF_INIT;
	char		*line, *next, *shown;
	int64_t		 from, logs = 0;
	int		 rc = 0, added = 0;

	if (cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    cmd_apply(ctx, dry, &diff, &e) == -1 || back_covered(ctx->db,
	    clk_wall(), &from, &logs, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	if (!dry)
		cmd_hint(ctx);
	if (diff.n == 0 && !ctx->json && !ctx->quiet)
		(void)fprintf(stderr, "certvigil: nothing changes\n");
	for (line = (char *)diff.p; diff.n > 0 && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		added |= strncmp(line, "+ watch", 7) == 0;
		shown = cmd_clean(line);
		if (ctx->json)
			cmd_json(json_pack("{s:s, s:b}", "change", shown,
			    "applied", !dry));
		else
			(void)printf("%s\n", shown);
		free(shown);
	}
	if (added && logs != 0 && !ctx->quiet)
		cmd_uncovered(logs);
out:
	buf_free(&diff);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	 e = ERR_INIT;
	const char	*verb = argc > 1 ? argv[1] : "";
	const char	*flag = argc > 2 ? argv[2] : NULL;
	int		 more = 0;

	if (strcmp(verb, "check") != 0 && strcmp(verb, "show") != 0 &&
	    strcmp(verb, "apply") != 0)
		return cmd_usage(&cmd_config, verb[0] == '\0' ?
		    "check, show or apply?%s" : "there is no `%s`", verb);
	if (flag != NULL) {
		more = (strcmp(verb, "show") == 0 &&
		    strcmp(flag, "--defaults") == 0) ||
		    (strcmp(verb, "apply") == 0 &&
		    strcmp(flag, "--dry-run") == 0);
		if (!more || argc > 3)
			return cmd_usage(&cmd_config, "%s: `%s` is not known",
			    verb, more ? argv[3] : flag);
	}
	if (strcmp(verb, "show") == 0 && more)
		return show(ctx, 1);
	ctx->conf = conf_load(ctx->config_path, &e);
	if (ctx->conf == NULL)
		return cmd_fail(&e);
	if (strcmp(verb, "check") == 0)
		return check(ctx);
	if (strcmp(verb, "show") == 0)
		return show(ctx, 0);
	return apply(ctx, more);
}
