#include "auditor/cmd/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/opt.h"
#include "auditor/db/finding.h"

int
state_id(const char *text, int64_t *id, struct err *e)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || n <= 0 || errno != 0)
		return err_set(e, ERR_USAGE, "\"%.40s\" is no finding's "
		    "number; \"certvigil findings\" lists them", text);
	*id = n;
	return 0;
}

static int
change(struct cmd_ctx *ctx, int64_t id, const char *state,
    const char *reason, struct err *e)
{
	char action[32];

	snprintf(action, sizeof(action), "finding.%s", state);
	if (db_begin(ctx->db, e) == -1)
		return -1;
	if (finding_change(ctx->db, id, state, cmd_actor(), reason, e) == -1 ||
	    cmd_audit(ctx, action, json_pack("{s:I, s:s?}", "finding",
	    (json_int_t)id, "reason", reason), e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	return db_commit(ctx->db, e);
}

int
state_run(const struct cmd *c, struct cmd_ctx *ctx, const char *state,
    int argc, char **argv)
{
	struct opt_list rest = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	const char *reason = NULL;
	const struct opt opts[] = { { "--reason", NULL, &reason, NULL } };
	int64_t id;
	size_t i;
	int rc;

	if ((rc = opt_parse(c, opts, 1, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n == 0) {
		rc = cmd_usage(c, "which finding?");
		goto out;
	}
	for (i = 0; i < rest.n; i++) {
		if (state_id(rest.v[i], &id, &e) == -1 ||
		    cmd_db(ctx, &e) == -1 ||
		    change(ctx, id, state, reason, &e) == -1) {
			rc = cmd_fail(&e);
			break;
		}
		if (ctx->json)
			cmd_json(finding_load(ctx->db, id, NULL));
		else if (!ctx->quiet)
			fprintf(stderr, "Finding %lld is %s.\n",
			    (long long)id, state);
	}
	if (ctx->db != NULL)
		cmd_hint(ctx);
out:
	free(rest.v);
	return rc;
}
