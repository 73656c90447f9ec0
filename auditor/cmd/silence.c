#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/state.h"
#include "auditor/conf_table.h"
#include "auditor/db/finding.h"
#include "auditor/db/silence.h"
#include "base/clk.h"

extern const struct cmd cmd_silence;

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const int width[] = { 5, 22, 24, 24, 14, 16 };
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	const char *cols[7];
	json_t *a, *s;
	char id[24], what[32];
	size_t i;
	int rc, all = 0;
	const struct opt opts[] = { { "--all", &all, NULL, NULL } };

	rc = opt_parse(&cmd_silence, opts, 1, argc, argv, &rest);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (cmd_db(ctx, &e) == -1 ||
	    (a = silence_list(ctx->db, !all, &e)) == NULL)
		return cmd_fail(&e);
	json_array_foreach(a, i, s) {
		if (ctx->json) {
			cmd_json(json_incref(s));
			continue;
		}
		snprintf(id, sizeof(id), "%lld", (long long)
		    json_integer_value(json_object_get(s, "id")));
		snprintf(what, sizeof(what), "finding %lld", (long long)
		    json_integer_value(json_object_get(s, "finding")));
		cols[0] = id;
		cols[1] = message_get(s, "until");
		cols[2] = json_is_null(json_object_get(s, "finding")) ?
		    message_get(s, "kind") : what;
		cols[3] = message_get(s, "name");
		cols[4] = message_get(s, "owner");
		cols[5] = message_get(s, "author");
		cols[6] = message_get(s, "reason");
		opt_row(cols, width, 7);
	}
	if (json_array_size(a) == 0 && !ctx->json && !ctx->quiet)
		fprintf(stderr, "No silence is in force.\n");
	json_decref(a);
	return 0;
}

static int
end(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err e = ERR_INIT;
	int64_t id;

	if (argc != 2)
		return cmd_usage(&cmd_silence, "end needs one ID");
	if (state_id(argv[1], &id, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    db_begin(ctx->db, &e) == -1 ||
	    silence_end(ctx->db, id, &e) == -1 ||
	    cmd_audit(ctx, "silence.end", json_pack("{s:I}", "silence",
	    (json_int_t)id), &e) == -1 || db_commit(ctx->db, &e) == -1)
		return cmd_fail(&e);
	if (!ctx->quiet)
		fprintf(stderr, "Silence %lld has ended.  What it muted is "
		    "not sent now; the digest lists it.\n", (long long)id);
	return 0;
}

/* A silence of one critical finding that does not cover it is a mistake. */
static int
check_critical(struct db *db, const struct silence *s, struct err *e)
{
	json_t *f;
	int crit;

	if (s->finding_id == 0 || s->allow_critical)
		return 0;
	if ((f = finding_load(db, s->finding_id, e)) == NULL)
		return -1;
	crit = strcmp(message_get(f, "severity"), "critical") == 0;
	json_decref(f);
	if (crit)
		return err_set(e, ERR_USAGE, "finding %lld is critical: a "
		    "silence covers it only with --allow-critical",
		    (long long)s->finding_id);
	return 0;
}

static int
add(struct cmd_ctx *ctx, struct silence *s, struct err *e)
{
	char until[CLK_TEXT];
	int64_t id;

	s->author = cmd_actor();
	if (cmd_db(ctx, e) == -1 || check_critical(ctx->db, s, e) == -1 ||
	    db_begin(ctx->db, e) == -1 ||
	    silence_add(ctx->db, s, &id, e) == -1 ||
	    cmd_audit(ctx, "silence.add", json_pack("{s:I, s:I, s:s?, s:s?, "
	    "s:s?, s:s, s:s, s:b}", "silence", (json_int_t)id, "finding",
	    (json_int_t)s->finding_id, "kind", s->kind, "name", s->name,
	    "owner", s->owner, "until", clk_text(s->until, until), "reason",
	    s->reason, "allow_critical", s->allow_critical), e) == -1 ||
	    db_commit(ctx->db, e) == -1)
		return -1;
	if (ctx->json)
		cmd_json(json_pack("{s:I, s:s}", "id", (json_int_t)id,
		    "until", until));
	else if (!ctx->quiet)
		fprintf(stderr, "Silence %lld is in force until %s%s.  "
		    "\"certvigil silence end %lld\" ends it.\n",
		    (long long)id, until, s->allow_critical ? "" :
		    ", but not for critical findings", (long long)id);
	return 0;
}

static int
read_args(struct silence *s, const struct opt_list *rest,
    const char *until, const char *during, struct err *e)
{
	int64_t seconds;

	if (s->kind != NULL && conf_table_kind(s->kind, e) == -1)
		return -1;
	if (rest->n == 1 && state_id(rest->v[0], &s->finding_id, e) == -1)
		return -1;
	if ((until == NULL) == (during == NULL))
		return err_set(e, ERR_USAGE, "a silence needs an end: "
		    "--for 2h or --until DATE");
	if (until != NULL)
		return opt_moment("--until", until, 1, &s->until, e);
	if (opt_duration("--for", during, &seconds, e) == -1)
		return -1;
	s->until = clk_wall() + seconds * CLK_SEC;
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct silence s;
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	const char *until = NULL, *during = NULL;
	const struct opt opts[] = {
		{ "--kind", NULL, &s.kind, NULL },
		{ "--name", NULL, &s.name, NULL },
		{ "--owner", NULL, &s.owner, NULL },
		{ "--until", NULL, &until, NULL },
		{ "--for", NULL, &during, NULL },
		{ "--reason", NULL, &s.reason, NULL },
		{ "--allow-critical", &s.allow_critical, NULL, NULL },
	};
	int rc;

	if (argc > 1 && strcmp(argv[1], "list") == 0)
		return list(ctx, argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "end") == 0)
		return end(ctx, argc - 1, argv + 1);
	memset(&s, 0, sizeof(s));
	rc = opt_parse(&cmd_silence, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && rest.n > 1)
		rc = cmd_usage(&cmd_silence, "one finding at a time");
	else if (rc == 0 && (read_args(&s, &rest, until, during, &e) == -1 ||
	    add(ctx, &s, &e) == -1))
		rc = cmd_fail(&e);
	free(rest.v);
	return rc;
}

const struct cmd cmd_silence = {
	.name = "silence",
	.args = "ID|--kind K|--name N|--owner O --for 2h|--until DATE "
	    "--reason TEXT [--allow-critical] | list [--all] | end ID",
	.brief = "mute deliveries for a while",
	.help = "  certvigil silence 12 --for 24h --reason \"ticket 4711\"\n"
	    "  certvigil silence --name .test.example.com --until 2026-12-01 "
	    "--reason \"load test\"\n"
	    "  certvigil silence list\n\n"
	    "A silence mutes deliveries and nothing else: findings are opened "
	    "as before, and\nthe digest lists what was muted.  Kind, name and "
	    "owner narrow it together.\n",
	.run = run,
};
