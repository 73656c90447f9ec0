#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/alert/route.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/state.h"
#include "auditor/conf_table.h"
#include "auditor/db/finding.h"
#include "base/limit.h"

extern const struct cmd cmd_findings;

static void
print_row(const struct cmd_ctx *ctx, json_t *f)
{
	static const int width[] = { 6, 8, 9, 24, 34, 20 };
	const char *cols[7];
	char id[24];

	if (ctx->json) {
		cmd_json(json_incref(f));
		return;
	}
	if (json_is_integer(json_object_get(f, "id")))
		snprintf(id, sizeof(id), "%lld", (long long)
		    json_integer_value(json_object_get(f, "id")));
	else
		snprintf(id, sizeof(id), "-");
	cols[0] = id;
	cols[1] = message_get(f, "severity");
	cols[2] = message_get(f, "state");
	cols[3] = message_get(f, "kind");
	cols[4] = message_get(f, "name")[0] != '\0' ?
	    message_get(f, "name") : message_get(f, "subject");
	cols[5] = message_get(f, "issuer_owner");
	cols[6] = message_get(f, "first_seen");
	opt_row(cols, width, 7);
}

/* Page by page, so that any number of findings can be listed. */
static int
print_all(struct cmd_ctx *ctx, struct finding_filter *q, size_t *n,
    struct err *e)
{
	json_t *a, *f;
	size_t i, got;

	do {
		if ((a = finding_list(ctx->db, q, e)) == NULL)
			return -1;
		got = json_array_size(a);
		json_array_foreach(a, i, f) {
			print_row(ctx, f);
			q->after = json_integer_value(
			    json_object_get(f, "id"));
		}
		*n += got;
		json_decref(a);
	} while (got == LIMIT_FINDING_PAGE);
	return 0;
}

static int
print_silent(struct cmd_ctx *ctx, int64_t since, size_t *n, struct err *e)
{
	json_t *a, *f;
	size_t i;

	a = finding_silent(ctx->db, since, LIMIT_FINDING_PAGE, e);
	if (a == NULL)
		return -1;
	json_array_foreach(a, i, f)
		print_row(ctx, f);
	*n += json_array_size(a);
	if (json_array_size(a) == LIMIT_FINDING_PAGE)
		fprintf(stderr, "certvigil: the first %d silent issuances; "
		    "--since shows later ones\n", LIMIT_FINDING_PAGE);
	json_decref(a);
	return 0;
}

struct ask {
	const char	*since;
	const char	*after;
	int		 open;
	int		 all;
};

/* Turn the words of the command line into a filter. */
static int
fill(const struct ask *a, struct finding_filter *q, struct err *e)
{
	if (q->severity != NULL && route_severity(q->severity) == -1)
		return err_set(e, ERR_USAGE, "there is no severity \"%.40s\"; "
		    "there are critical, high, medium, low and info",
		    q->severity);
	if (q->kind != NULL && strcmp(q->kind, "certificate.silent") != 0 &&
	    conf_table_kind(q->kind, e) == -1)
		return -1;
	if (a->since != NULL &&
	    opt_moment("--since", a->since, 0, &q->since, e) == -1)
		return -1;
	if (a->after != NULL && state_id(a->after, &q->after, e) == -1)
		return -1;
	q->open = a->open || (!a->all && !q->silenced);
	return 0;
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct finding_filter q;
	struct ask a = { NULL, NULL, 0, 0 };
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	size_t n = 0;
	int rc;
	const struct opt opts[] = {
		{ "--open", &a.open, NULL, NULL },
		{ "--all", &a.all, NULL, NULL },
		{ "--silenced", &q.silenced, NULL, NULL },
		{ "--severity", NULL, &q.severity, NULL },
		{ "--kind", NULL, &q.kind, NULL },
		{ "--owner", NULL, &q.owner, NULL },
		{ "--since", NULL, &a.since, NULL },
		{ "--after", NULL, &a.after, NULL },
	};

	memset(&q, 0, sizeof(q));
	rc = opt_parse(&cmd_findings, opts, sizeof(opts) / sizeof(opts[0]),
	    argc, argv, &rest);
	if (rc == 0 && rest.n > 0)
		rc = cmd_usage(&cmd_findings, "there is no findings %s",
		    rest.v[0]);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (fill(&a, &q, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    print_all(ctx, &q, &n, &e) == -1 ||
	    (q.silenced && print_silent(ctx, q.since, &n, &e) == -1))
		return cmd_fail(&e);
	if (n == 0 && !ctx->json && !ctx->quiet)
		fprintf(stderr, "No findings%s.\n", q.open ? " are open" :
		    "");
	return 0;
}

static int
show(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct message m = MESSAGE_INIT;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	json_t *f;
	char *detail;
	int64_t id;

	if (argc != 2)
		return cmd_usage(&cmd_findings, "show needs one ID");
	if (state_id(argv[1], &id, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    (f = finding_load(ctx->db, id, &e)) == NULL)
		return cmd_fail(&e);
	if (ctx->json) {
		cmd_json(f);
		return 0;
	}
	m.purpose = "finding";
	m.event = "opened";
	m.findings = json_array();
	json_array_append(m.findings, f);
	message_text(&m, LIMIT_MESSAGE_TEXT, &b);
	fputs(buf_text(&b), stdout);
	if (json_object_size(json_object_get(f, "detail")) > 0) {
		detail = json_dumps(json_object_get(f, "detail"),
		    JSON_INDENT(2) | JSON_ENSURE_ASCII);
		printf("  detail\n%s\n", detail);
		free(detail);
	}
	buf_free(&b);
	message_free(&m);
	json_decref(f);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const char *const others[] = { "why", "ack", "accept",
		"reject", "resolve", "silence" };
	const struct cmd *c;
	size_t i;

	if (argc < 2 || argv[1][0] == '-')
		return list(ctx, argc, argv);
	if (strcmp(argv[1], "list") == 0)
		return list(ctx, argc - 1, argv + 1);
	if (strcmp(argv[1], "show") == 0)
		return show(ctx, argc - 1, argv + 1);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(argv[1], others[i]) == 0 &&
		    (c = cmd_find(others[i])) != NULL)
			return c->run(ctx, argc - 1, argv + 1);
	return list(ctx, argc, argv);
}

const struct cmd cmd_findings = {
	.name = "findings",
	.args = "[list] [--open|--all|--silenced] [--severity S] [--kind K] "
	    "[--owner O] [--since T] [--after ID] | show ID | "
	    "why|ack|accept|reject|resolve|silence ID ...",
	.brief = "what somebody must hear of",
	.help = "  certvigil findings\n"
	    "  certvigil findings --severity high --since 2026-11-01\n"
	    "  certvigil findings show 12\n"
	    "  certvigil --json findings --all\n\n"
	    "Without an option: those that are open (open, acked, rejected).  "
	    "--severity is\nthat one and worse.  --silenced lists what was "
	    "muted by a silence, lowered to the\ndigest, and the issuances "
	    "that were silent because they were ordered or declared.\n",
	.run = run,
};
