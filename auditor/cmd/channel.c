#include "auditor/db/channel.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/channel_secret.h"
#include "auditor/cmd/channel_test.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/state.h"
#include "auditor/cmd/verb.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

extern const struct cmd cmd_channel;

/* Make a path absolute, so that the daemon finds it, and see that it can. */
static int
absolute(char **path, struct err *e)
{
	char full[PATH_MAX];

	if (*path == NULL || strncmp(*path, "credential:", 11) == 0)
		return 0;
	if (realpath(*path, full) == NULL)
		return err_set(e, ERR_CONF, "%s: %s", *path, strerror(errno));
	if (access(full, R_OK) == -1)
		return err_set(e, ERR_PERM, "%s: user %ld cannot read it",
		    full, (long)geteuid());
	free(*path);
	*path = mem_str(full);
	return 0;
}

static int
check(struct conf_channel *c, struct err *e)
{
	if (absolute(&c->url_file, e) == -1 ||
	    absolute(&c->secret_file, e) == -1 ||
	    absolute(&c->old_secret_file, e) == -1 ||
	    absolute(&c->routing_key_file, e) == -1)
		return -1;
	if (c->url != NULL && strncmp(c->url, "https://", 8) != 0 &&
	    strncmp(c->url, "http://", 7) != 0)
		return err_set(e, ERR_USAGE, "--url: \"%.100s\" is no https "
		    "URL", c->url);
	if (channel_check(c, e) == 0)
		return 0;
	/* it is of the command line, not of the configuration */
	if (e->code == ERR_CONF)
		e->code = ERR_USAGE;
	return -1;
}

/* channel_add() says the same, but only after a secret was made. */
static int
taken(struct cmd_ctx *ctx, const char *name, struct err *e)
{
	struct channel *c = NULL;

	if (channel_load(ctx->db, name, &c, NULL) == -1)
		return 0;
	channel_free(c, 1);
	return err_set(e, ERR_USAGE, "there is a channel \"%s\" already; "
	    "remove it first, or take another name", name);
}

/* A webhook that was given no secret gets one, which is printed once. */
static int
add_row(struct cmd_ctx *ctx, struct conf_channel *c, struct err *e)
{
	char *secret = NULL;
	int made, rc;

	made = strcmp(c->kind, "webhook") == 0 && c->secret_file == NULL;
	/* What is wrong is said before a secret is made for it. */
	if (made)
		c->secret_file = mem_str("/");
	rc = check(c, e);
	if (made) {
		free(c->secret_file);
		c->secret_file = NULL;
	}
	if (rc == -1 || cmd_db(ctx, e) == -1 || taken(ctx, c->name, e) == -1)
		return -1;
	if (made && channel_secret_make(ctx->conf->state_dir, c->name,
	    &c->secret_file, &secret, e) == -1)
		return -1;
	rc = db_begin(ctx->db, e);
	if (rc == 0 && (channel_add(ctx->db, c, e) == -1 ||
	    cmd_audit(ctx, "channel.add", json_pack("{s:s, s:s}", "channel",
	    c->name, "kind", c->kind), e) == -1 ||
	    db_commit(ctx->db, e) == -1)) {
		db_rollback(ctx->db);
		rc = -1;
	}
	if (made && rc == -1)
		(void)unlink(c->secret_file);
	if (made && rc == 0) {
		printf("%s\n", secret);
		fprintf(stderr, "This is the secret that the receiver "
		    "verifies with; it is kept in %s and not shown again.\n",
		    c->secret_file);
	}
	if (secret != NULL)
		mem_wipe(secret, strlen(secret));
	free(secret);
	return rc;
}

static int
add(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char *kind = NULL, *v[6] = { NULL };
	struct conf_channel c;
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	const struct opt opts[] = {
		{ "--kind", NULL, &kind, NULL },
		{ "--url", NULL, &v[0], NULL },
		{ "--url-file", NULL, &v[1], NULL },
		{ "--secret-file", NULL, &v[2], NULL },
		{ "--old-secret-file", NULL, &v[3], NULL },
		{ "--routing-key-file", NULL, &v[4], NULL },
		{ "--program", NULL, &v[5], NULL },
	};
	char **const to[6] = { &c.url, &c.url_file, &c.secret_file,
		&c.old_secret_file, &c.routing_key_file, &c.program };
	size_t i;
	int rc;

	memset(&c, 0, sizeof(c));
	rc = opt_parse(&cmd_channel, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && (rest.n != 1 || kind == NULL))
		rc = cmd_usage(&cmd_channel, "add needs a NAME and --kind");
	if (rc == 0) {
		c.name = mem_str(rest.v[0]);
		c.kind = mem_str(kind);
		for (i = 0; i < 6; i++)
			*to[i] = mem_str(v[i]);
		if (add_row(ctx, &c, &e) == -1)
			rc = cmd_fail(&e);
		else {
			cmd_hint(ctx);
			if (!ctx->quiet)
				fprintf(stderr, "Channel %s is there; "
				    "\"certvigil channel test %s\" tries "
				    "it.\n", c.name, c.name);
		}
	}
	free(c.name);
	free(c.kind);
	for (i = 0; i < 6; i++)
		free(*to[i]);
	free(rest.v);
	return rc;
}

/* A secret that we made for the channel goes with it. */
static void
drop_secret(const struct cmd_ctx *ctx, const struct conf_channel *c)
{
	char *ours;

	ours = mem_printf("%s/secrets/%s.secret", ctx->conf->state_dir,
	    c->name);
	if (c->secret_file != NULL && strcmp(c->secret_file, ours) == 0)
		(void)unlink(ours);
	free(ours);
}

static int
remove_one(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct channel *c = NULL;
	struct err e = ERR_INIT;

	if (argc != 2)
		return cmd_usage(&cmd_channel, "remove needs one NAME");
	if (cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    channel_load(ctx->db, argv[1], &c, &e) == -1 ||
	    channel_remove(ctx->db, argv[1], &e) == -1 ||
	    cmd_audit(ctx, "channel.remove", json_pack("{s:s}", "channel",
	    argv[1]), &e) == -1 || db_commit(ctx->db, &e) == -1) {
		channel_free(c, 1);
		return cmd_fail(&e);
	}
	drop_secret(ctx, &c->conf);
	channel_free(c, 1);
	cmd_hint(ctx);
	return 0;
}

static const char *
where(const struct conf_channel *c)
{
	if (c->url != NULL)
		return c->url;
	if (c->url_file != NULL)
		return c->url_file;
	if (c->program != NULL)
		return c->program;
	return c->routing_key_file != NULL ? c->routing_key_file : "";
}

static void
print_one(const struct cmd_ctx *ctx, const struct channel *c)
{
	static const int width[] = { 16, 10, 7, 9, 21 };
	const char *cols[6];
	char ok[CLK_TEXT], failing[CLK_TEXT];

	if (c->last_ok_at != INT64_MIN)
		clk_text(c->last_ok_at, ok);
	if (c->failing_since != INT64_MIN)
		clk_text(c->failing_since, failing);
	if (ctx->json) {
		cmd_json(json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, "
		    "s:s}", "name", c->conf.name, "kind", c->conf.kind,
		    "origin", c->from_conf ? "config" : "cli", "state",
		    c->disabled ? "disabled" : "active", "reason",
		    c->state_reason, "last_ok_at",
		    c->last_ok_at == INT64_MIN ? NULL : ok, "failing_since",
		    c->failing_since == INT64_MIN ? NULL : failing, "to",
		    where(&c->conf)));
		return;
	}
	cols[0] = c->conf.name;
	cols[1] = c->conf.kind;
	cols[2] = c->from_conf ? "config" : "cli";
	cols[3] = c->disabled ? "disabled" :
	    c->failing_since != INT64_MIN ? "failing" : "active";
	cols[4] = c->last_ok_at == INT64_MIN ? "never" : ok;
	cols[5] = c->disabled && c->state_reason != NULL ? c->state_reason :
	    where(&c->conf);
	opt_row(cols, width, 6);
}

static int
print_failures(struct cmd_ctx *ctx, const char *channel, struct err *e)
{
	static const int width[] = { 8, 16, 8, 9, 4, 21 };
	const char *cols[7];
	char id[24], attempts[24];
	json_t *a, *d;
	size_t i;

	a = outbox_failures(ctx->db, channel, LIMIT_FINDING_PAGE, e);
	if (a == NULL)
		return -1;
	json_array_foreach(a, i, d) {
		if (ctx->json) {
			cmd_json(json_incref(d));
			continue;
		}
		snprintf(id, sizeof(id), "%lld", (long long)
		    json_integer_value(json_object_get(d, "id")));
		snprintf(attempts, sizeof(attempts), "%lld", (long long)
		    json_integer_value(json_object_get(d, "attempts")));
		cols[0] = id;
		cols[1] = message_get(d, "channel");
		cols[2] = message_get(d, "state");
		cols[3] = message_get(d, "purpose");
		cols[4] = attempts;
		cols[5] = message_get(d, "added_at");
		cols[6] = message_get(d, "error");
		opt_row(cols, width, 7);
	}
	json_decref(a);
	return 0;
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct opt_list rest = { NULL, 0, 0 };
	struct channel *c = NULL;
	struct err e = ERR_INIT;
	int failed = 0, rc;
	const struct opt opts[] = { { "--failed", &failed, NULL, NULL } };
	size_t i, n = 0;

	rc = opt_parse(&cmd_channel, opts, 1, argc, argv, &rest);
	if (rc == 0 && rest.n > (failed ? 1 : 0))
		rc = cmd_usage(&cmd_channel, "list takes only --failed "
		    "[NAME]");
	if (rc == 0 && cmd_db(ctx, &e) == -1)
		rc = cmd_fail(&e);
	else if (rc == 0 && failed) {
		if (print_failures(ctx, rest.n > 0 ? rest.v[0] : NULL,
		    &e) == -1)
			rc = cmd_fail(&e);
	} else if (rc == 0) {
		if (channel_list(ctx->db, &c, &n, &e) == -1)
			rc = cmd_fail(&e);
		for (i = 0; i < n; i++)
			print_one(ctx, &c[i]);
		if (rc == 0 && n == 0 && !ctx->json && !ctx->quiet)
			fprintf(stderr, "There is no channel: nobody hears "
			    "of findings.\n");
		channel_free(c, n);
	}
	free(rest.v);
	return rc;
}

/* What the receiver said, line by line, so that lines stay lines. */
static void
print_reply(char *reply)
{
	char *line, *save = NULL, *clean;

	for (line = strtok_r(reply, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		clean = cmd_clean(line);
		printf("  %s\n", clean);
		free(clean);
	}
}

static int
test(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct outbox_answer a;
	struct err e = ERR_INIT;
	char *error;
	int64_t id;

	if (argc != 2)
		return cmd_usage(&cmd_channel, "test needs one NAME");
	if (cmd_db(ctx, &e) == -1 ||
	    channel_test(ctx, argv[1], &id, &a, &e) == -1)
		return cmd_fail(&e);
	if (ctx->json) {
		cmd_json(json_pack("{s:s, s:I, s:b, s:i, s:s, s:s}",
		    "channel", argv[1], "delivery", (json_int_t)id, "ok",
		    a.ok, "status", a.status, "error", a.error, "reply",
		    a.reply));
		return a.ok ? 0 : 1;
	}
	error = cmd_clean(a.error);
	printf("%s: %s, status %d%s%s\n", argv[1],
	    a.ok ? "delivered" : "not delivered", a.status,
	    error[0] != '\0' ? ": " : "", error);
	free(error);
	print_reply(a.reply);
	return a.ok ? 0 : 1;
}

static int
replay(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct outbox_replay r = { INT64_MIN, 0, 0 };
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	const char *since = NULL, *delivery = NULL;
	const struct opt opts[] = {
		{ "--since", NULL, &since, NULL },
		{ "--delivery", NULL, &delivery, NULL },
		{ "--dead", &r.dead, NULL, NULL },
	};
	size_t n = 0;
	int rc;

	rc = opt_parse(&cmd_channel, opts, 3, argc, argv, &rest);
	if (rc == 0 && (rest.n != 1 ||
	    (since != NULL) + (delivery != NULL) + r.dead != 1))
		rc = cmd_usage(&cmd_channel, "replay needs a NAME and one of "
		    "--since T, --delivery ID and --dead");
	if (rc == 0 && ((since != NULL &&
	    opt_moment("--since", since, 0, &r.since, &e) == -1) || (delivery != NULL &&
	    state_id(delivery, &r.delivery, &e) == -1) ||
	    cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    outbox_replay(ctx->db, rest.v[0], &r, &n, &e) == -1 ||
	    cmd_audit(ctx, "channel.replay", json_pack("{s:s, s:I}",
	    "channel", rest.v[0], "deliveries", (json_int_t)n), &e) == -1 ||
	    db_commit(ctx->db, &e) == -1))
		rc = cmd_fail(&e);
	else if (rc == 0) {
		cmd_hint(ctx);
		if (!ctx->quiet)
			fprintf(stderr, "%zu deliveries are sent again to "
			    "%s, with the ids that they had.\n", n,
			    rest.v[0]);
	}
	free(rest.v);
	return rc;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", add },
		{ "remove", remove_one },
		{ "list", list },
		{ "test", test },
		{ "replay", replay },
		{ NULL, NULL },
	};

	return verb_run(&cmd_channel, verbs, ctx, argc, argv);
}

const struct cmd cmd_channel = {
	.name = "channel",
	.args = "add NAME --kind webhook|slack|pagerduty|exec [--url U] "
	    "[--url-file F] [--secret-file F] [--old-secret-file F] "
	    "[--routing-key-file F] [--program P] | remove NAME | list "
	    "[--failed [NAME]] | test NAME | replay NAME --since T|"
	    "--delivery ID|--dead",
	.brief = "where messages go",
	.help = "  certvigil channel add soc --kind webhook --url "
	    "https://soc.example/hook\n"
	    "  certvigil channel add chat --kind slack --url-file slack.url\n"
	    "  certvigil channel test soc\n"
	    "  certvigil channel replay soc --dead\n\n"
	    "A webhook without --secret-file gets a secret, printed once.  "
	    "test prints what the\nreceiver answered, and switches a disabled "
	    "channel on again when it works.\n",
	.run = run,
};
