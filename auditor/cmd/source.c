#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/source.h"
#include "base/clk.h"
#include "pki/owner.h"

extern const struct cmd cmd_source;

/* An issuer that nobody knows is most probably a mistake. */
static void
warn_issuers(const struct opt_list *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		if (!owner_known(l->v[i]))
			fprintf(stderr, "certvigil: %s is no issuer of the "
			    "built-in table: it counts only where the CCADB "
			    "file names one so\n", l->v[i]);
}

static int
add(struct cmd_ctx *ctx, int argc, char **argv)
{
	const char		*names = NULL, *issuers = NULL, *until = NULL;
	struct opt_list		 rest = { NULL, 0, 0 }, n = { NULL, 0, 0 },
				 is = { NULL, 0, 0 };
	struct source		 s;
	struct err		 e = ERR_INIT;
	const struct opt	 opts[] = {
		{ "--names", NULL, &names, NULL },
		{ "--issuers", NULL, &issuers, NULL },
		{ "--until", NULL, &until, NULL },
	};
	char			*own1 = NULL, *own2 = NULL;
	int			 rc, k = 0;

	memset(&s, 0, sizeof(s));
	if ((rc = opt_parse(&cmd_source, opts, 3, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 1 || names == NULL || issuers == NULL) {
		rc = cmd_usage(&cmd_source, "add needs a NAME, --names and "
		    "--issuers");
		goto out;
	}
	opt_split(names, &n, &own1);
	opt_split(issuers, &is, &own2);
	s.name = (char *)(uintptr_t)rest.v[0];
	s.names = (char **)(uintptr_t)n.v;
	s.nnames = n.n;
	s.issuers = (char **)(uintptr_t)is.v;
	s.nissuers = is.n;
	s.until = INT64_MIN;
	if ((until != NULL &&
	    opt_moment("--until", until, 1, &s.until, &e) == -1) ||
	    cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    (k = source_add(ctx->db, &s, &e)) == -1 ||
	    cmd_audit(ctx, "source.add", json_pack("{ss ss ss ss?}", "name",
	    s.name, "names", names, "issuers", issuers, "until", until),
	    &e) == -1 || db_commit(ctx->db, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	warn_issuers(&is);
	cmd_hint(ctx);
	if (k == 0 && !ctx->quiet)
		fprintf(stderr, "source %s is there already.\n", s.name);
out:
	free(own1);
	free(own2);
	free(n.v);
	free(is.v);
	free(rest.v);
	return rc;
}

static int
remove_one(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc != 2)
		return cmd_usage(&cmd_source, "remove needs one NAME");
	if (cmd_db(ctx, &e) == -1 || db_begin(ctx->db, &e) == -1 ||
	    source_remove(ctx->db, argv[1], &e) == -1 ||
	    cmd_audit(ctx, "source.remove", json_pack("{ss}", "name",
	    argv[1]), &e) == -1 || db_commit(ctx->db, &e) == -1)
		return cmd_fail(&e);
	cmd_hint(ctx);
	return 0;
}

static json_t *
words(char *const *v, size_t n)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < n; i++)
		json_array_append_new(a, json_string(v[i]));
	return a;
}

static void
join(char *const *v, size_t n, struct buf *b)
{
	size_t	i;

	for (i = 0; i < n; i++)
		buf_fmt(b, "%s%s", i > 0 ? "," : "", v[i]);
}

static void
print_one(const struct cmd_ctx *ctx, const struct source *s)
{
	static const int width[] = { 14, 7, 20, 32 };
	struct buf	 n = BUF_INIT, is = BUF_INIT;
	const char	*cols[5];
	char		 until[CLK_TEXT] = "-";

	if (s->until != INT64_MIN)
		clk_text(s->until, until);
	if (ctx->json) {
		cmd_json(json_pack("{ss so so ss? ss}", "name", s->name,
		    "names", words(s->names, s->nnames), "issuers",
		    words(s->issuers, s->nissuers), "until",
		    s->until != INT64_MIN ? until : NULL, "origin",
		    s->origin));
		return;
	}
	join(s->names, s->nnames, &n);
	join(s->issuers, s->nissuers, &is);
	cols[0] = s->name;
	cols[1] = s->origin;
	cols[2] = until;
	cols[3] = buf_text(&n);
	cols[4] = buf_text(&is);
	opt_row(cols, width, 5);
	buf_free(&n);
	buf_free(&is);
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct source	*v = NULL;
	struct err	 e = ERR_INIT;
	size_t		 i, n = 0;

	(void)argv;
	if (argc != 1)
		return cmd_usage(&cmd_source, "list takes no arguments");
	if (cmd_db(ctx, &e) == -1 || source_list(ctx->db, &v, &n, &e) == -1)
		return cmd_fail(&e);
	for (i = 0; i < n; i++)
		print_one(ctx, &v[i]);
	source_free(v, n);
	free(v);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "add", add },
		{ "remove", remove_one },
		{ "list", list },
		{ NULL, NULL },
	};

	return verb_run(&cmd_source, verbs, ctx, argc, argv);
}

const struct cmd cmd_source = {
	.name = "source",
	.args = "add NAME --names N,... --issuers I,... [--until DATE] | "
	    "remove NAME | list",
	.brief = "who else may order certificates, and within what",
	.help = "  certvigil source add team-b --names .shop.example "
	    "--issuers letsencrypt.org\n"
	    "  certvigil source list\n\n"
	    "Where a watch's policy says `hold`, an issuance within a "
	    "source waits for its\ndeclaration: known import - --source "
	    "NAME.\n",
	.run = run,
};
