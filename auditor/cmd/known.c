#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/known_import.h"
#include "auditor/cmd/list.h"
#include "auditor/cmd/material.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/known.h"
#include "auditor/db/known_account.h"
#include "auditor/db/row.h"
#include "auditor/decide.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/owner.h"

extern const struct cmd cmd_known;

/* The owners that the configuration knows beside the built-in table. */
static int
load_owners(const struct cmd_ctx *ctx, struct err *e)
{
	struct buf	csv = BUF_INIT;
	int		rc = 0;

	if (ctx->conf->ccadb_csv == NULL)
		return 0;
	if (opt_file(ctx->conf->ccadb_csv, LIMIT_SEED_FILE, &csv, e) == -1 ||
	    owner_load_csv(buf_text(&csv), csv.n, e) == -1)
		rc = -1;
	buf_free(&csv);
	return rc;
}

/* What was asked for, apart from where it is. */
struct want {
	struct known_import	 k;
	const char		*from;		/* ACME client */
	struct opt_list		 accounts;	/* --account */
	struct opt_list		 rest;
	char			*host, *lineage;	/* owned, in k */
};

/* What does not go together: NULL, or why. */
static const char *
wrong(const struct want *w)
{
	if (w->rest.n == 0)
		return "import needs files or folders (- is standard input)";
	if (w->k.compromised && w->k.source != NULL)
		return "a source cannot mark keys as compromised";
	if (w->from == NULL)
		return w->accounts.n > 0 ? "--account goes with --from" :
		    NULL;
	if (w->rest.n != 1 || strcmp(w->rest.v[0], "-") == 0)
		return "--from needs one directory";
	if (w->k.compromised)
		return "--compromised takes files or folders, without --from";
	return w->k.lineage != NULL ? "--from finds each --lineage by itself" :
	    NULL;
}

/* Files are read as whoever called, then the user changes. */
static int
import_these(struct cmd_ctx *ctx, struct want *w, struct import *m,
    struct material_set *s, struct err *e)
{
	char	name[256] = "";
	size_t	i;

	if (w->from == NULL) {
		for (i = 0; i < w->rest.n; i++)
			if (material_read(s, w->rest.v[i], e) == -1)
				return -1;
	} else if (import_read(m, w->from, w->rest.v[0], e) == -1)
		return -1;
	if (load_owners(ctx, e) == -1 || cmd_become(ctx, e) == -1)
		return -1;
	if (w->from != NULL) {
		for (i = 0; i < w->accounts.n; i++)
			import_account(m, w->accounts.v[i], "--account");
		if (w->k.host == NULL && gethostname(name,
		    sizeof(name) - 1) == 0)
			w->k.host = w->host = cmd_clean(name);
		w->k.from = m;
		if (known_from(&w->k, m, s, e) == -1)
			return -1;
	}
	return cmd_db(ctx, e) == -1 ? -1 : known_import_all(ctx, &w->k, s, e);
}

static int
import(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct want		w;
	struct import		m;
	struct material_set	s;
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--source", NULL, &w.k.source, NULL },
		{ "--name", NULL, NULL, &w.k.names },
		{ "--compromised", &w.k.compromised, NULL, NULL },
		{ "--from", NULL, &w.from, NULL },
		{ "--host", NULL, &w.k.host, NULL },
		{ "--lineage", NULL, &w.k.lineage, NULL },
		{ "--account", NULL, NULL, &w.accounts },
	};
	const char		*why;
	int			rc;

	memset(&w, 0, sizeof(w));
	memset(&m, 0, sizeof(m));
	memset(&s, 0, sizeof(s));
	rc = opt_parse(&cmd_known, opts, sizeof(opts) / sizeof(opts[0]), argc,
	    argv, &w.rest);
	if (rc == 0 && (why = wrong(&w)) != NULL)
		rc = cmd_usage(&cmd_known, "%s", why);
	if (rc != 0)
		goto out;
	/* They go into the database, which takes no other bytes than UTF-8. */
	if (w.k.host != NULL)
		w.k.host = w.host = cmd_clean(w.k.host);
	if (w.k.lineage != NULL)
		w.k.lineage = w.lineage = cmd_clean(w.k.lineage);
	if (import_these(ctx, &w, &m, &s, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	known_report(ctx, &w.k, &s);
	rc = w.k.outside > 0 ? 2 : m.bad > 0 ? 1 : 0;
out:
	import_free(&m);
	material_free(&s);
	free(w.host);
	free(w.lineage);
	free(w.k.names.v);
	free(w.accounts.v);
	free(w.rest.v);
	return rc;
}

static void
print_row(const struct cmd_ctx *ctx, const struct db_res *r, size_t i)
{
	static const int width[] = { 5, 11, 10, 16, 20, 30 };
	struct buf	 names = BUF_INIT;
	const char	*cols[7];
	char		 id[24], until[CLK_TEXT] = "-";

	if (ctx->json) {
		cmd_json(json_pack("{sI so so so so so so so so so so so so so so so}",
		    "id", (json_int_t)db_int(r, i, KNOWN_ID),
		    "tbs_sha256", row_str(r, i, KNOWN_TBS),
		    "spki_sha256", row_str(r, i, KNOWN_SPKI),
		    "names", row_strs(r, i, KNOWN_NAMES),
		    "issuer_owner", row_str(r, i, KNOWN_ISSUER),
		    "until", row_time(r, i, KNOWN_UNTIL),
		    "trust", row_str(r, i, KNOWN_TRUST),
		    "origin", row_str(r, i, KNOWN_ORIGIN),
		    "source", row_str(r, i, KNOWN_SOURCE),
		    "place", row_str(r, i, KNOWN_PLACE),
		    "reason", row_str(r, i, KNOWN_REASON),
		    "author", row_str(r, i, KNOWN_AUTHOR),
		    "added_at", row_time(r, i, KNOWN_ADDED),
		    "client", row_str(r, i, KNOWN_CLIENT),
		    "host", row_str(r, i, KNOWN_HOST),
		    "lineage", row_str(r, i, KNOWN_LINEAGE)));
		return;
	}
	if (!db_null(r, i, KNOWN_UNTIL))
		clk_text(db_time(r, i, KNOWN_UNTIL), until);
	snprintf(id, sizeof(id), "%lld", (long long)db_int(r, i, KNOWN_ID));
	opt_join(r, i, KNOWN_NAMES, 3, &names);
	cols[0] = id;
	cols[1] = db_text(r, i, KNOWN_TRUST);
	cols[2] = db_text(r, i, KNOWN_ORIGIN);
	cols[3] = db_null(r, i, KNOWN_ISSUER) ? "-" :
	    db_text(r, i, KNOWN_ISSUER);
	cols[4] = until;
	cols[5] = names.n > 0 ? buf_text(&names) : "-";
	cols[6] = db_text(r, i, KNOWN_PLACE);
	opt_row(cols, width, 7);
	buf_free(&names);
}

static void
print_account(const struct cmd_ctx *ctx, const struct db_res *r, size_t i)
{
	static const int width[] = { 5, 11, 20, 60 };
	const char	*cols[4];
	char		 id[24];

	if (ctx->json) {
		cmd_json(json_pack("{sI so so so so so so so}",
		    "id", (json_int_t)db_int(r, i, KNOWN_ACCOUNT_ID),
		    "account", row_str(r, i, KNOWN_ACCOUNT_URL),
		    "client", row_str(r, i, KNOWN_ACCOUNT_CLIENT),
		    "host", row_str(r, i, KNOWN_ACCOUNT_HOST),
		    "source", row_str(r, i, KNOWN_ACCOUNT_SOURCE),
		    "place", row_str(r, i, KNOWN_ACCOUNT_PLACE),
		    "author", row_str(r, i, KNOWN_ACCOUNT_AUTHOR),
		    "added_at", row_time(r, i, KNOWN_ACCOUNT_ADDED)));
		return;
	}
	snprintf(id, sizeof(id), "%lld", (long long)db_int(r, i,
	    KNOWN_ACCOUNT_ID));
	cols[0] = id;
	cols[1] = db_text(r, i, KNOWN_ACCOUNT_CLIENT);
	cols[2] = db_text(r, i, KNOWN_ACCOUNT_HOST);
	cols[3] = db_text(r, i, KNOWN_ACCOUNT_URL);
	opt_row(cols, width, 4);
}

static int
read_accounts(struct db *db, int all, struct db_res **r, struct err *e)
{
	(void)all;
	return known_account_list(db, r, e);
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct list	keys = { &cmd_known, "--seed",
	    known_list, print_row };
	static const struct list	accounts = { &cmd_known, "--accounts",
	    read_accounts, print_account };

	return list_run(ctx, argc > 1 && strcmp(argv[1], "--accounts") == 0 ?
	    &accounts : &keys, argc, argv);
}

/* Decide again about what the removed rows were of. */
static int
decide(struct cmd_ctx *ctx, const struct db_res *r, size_t *n, struct err *e)
{
	struct span	*v = mem_array(db_rows(r) * 2 + 1, sizeof(*v));
	struct db_spans	 spans = { v, 0 };
	size_t		 i, c;
	int		 rc;

	for (i = 0; i < db_rows(r); i++)
		for (c = 0; c < 2; c++)
			if (!db_null(r, i, c))
				v[spans.n++] = db_bytes(r, i, c);
	rc = decide_declared(ctx->db, ctx->conf, &spans, 1, n, e);
	free(v);
	return rc;
}

/* One of the arguments, in a transaction: how many declarations it had. */
static int
remove_one(struct cmd_ctx *ctx, const char *what, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	int		 gone;

	if (strstr(what, "://") != NULL)
		return known_account_remove(ctx->db, what, e);
	gone = known_remove(ctx->db, what, &r, e);
	if (gone != -1 && decide(ctx, r, n, e) == -1)
		gone = -1;
	db_free(r);
	return gone;
}

static int
remove_some(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	e = ERR_INIT;
	size_t		n = 0;
	int		i, gone;

	if (argc < 2)
		return cmd_usage(&cmd_known, "remove needs a number of known "
		    "list, a hash, or the URL of an account");
	if (cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1)
		return cmd_fail(&e);
	for (i = 1; i < argc; i++) {
		if (db_begin(ctx->db, &e) == -1 ||
		    (gone = remove_one(ctx, argv[i], &n, &e)) == -1 ||
		    cmd_audit(ctx, "known.remove", json_pack("{ss}", "what",
		    argv[i]), &e) == -1 || db_commit(ctx->db, &e) == -1)
			return cmd_fail(&e);
		if (!ctx->quiet)
			fprintf(stderr, "%s: %d declarations removed, %zu "
			    "issuances are not silent any more\n", argv[i],
			    gone, n);
	}
	cmd_hint(ctx);
	return 0;
}

static int
seed(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	e = ERR_INIT;
	struct buf	text = BUF_INIT;
	size_t		pairs, unknown;

	if (argc != 4 || strcmp(argv[1], "--from") != 0 ||
	    strcmp(argv[2], "crtsh") != 0)
		return cmd_usage(&cmd_known, "seed needs --from crtsh FILE");
	if (opt_file(argv[3], LIMIT_SEED_FILE, &text, &e) == -1 ||
	    cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    known_import_seed(ctx, buf_text(&text), text.n, argv[3], &pairs,
	    &unknown, &e) == -1) {
		buf_free(&text);
		return cmd_fail(&e);
	}
	buf_free(&text);
	cmd_hint(ctx);
	if (ctx->json)
		cmd_json(json_pack("{sI sI}", "pairs", (json_int_t)pairs,
		    "issuers_unknown", (json_int_t)unknown));
	else
		printf("%zu pairs of name and issuer as unproven history (it "
		    "shows what is usual, and silences nothing); %zu issuers "
		    "are in no table\n", pairs, unknown);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "import", import },
		{ "list", list },
		{ "remove", remove_some },
		{ "seed", seed },
		{ NULL, NULL },
	};

	return verb_run(&cmd_known, verbs, ctx, argc, argv);
}

const struct cmd cmd_known = {
	.name = "known",
	.args = "import FILE|DIR|-... [--source NAME] [--name N]... "
	    "[--host HOST] [--lineage NAME] [--compromised] | "
	    "import --from CLIENT DIR [--source NAME] [--host HOST] "
	    "[--account URL]... | list [--seed|--accounts] | "
	    "remove ID|HASH|URL... | seed --from crtsh FILE",
	.brief = "certificates and keys that are legitimate",
	.help = "  certvigil known import fullchain.pem certs/\n"
	    "  certvigil known import - --source team-b < new.pem\n"
	    "  certvigil known import --from certbot /etc/letsencrypt\n"
	    "  certvigil known import stolen.pem --compromised\n"
	    "  certvigil known seed --from crtsh example.com.json\n\n"
	    "A certificate binds its key to its names, its issuer and its "
	    "end, a request to\nits names only; --name binds it to another "
	    "name too.\n\n--from certbot, lego, acme.sh, dehydrated or "
	    "uacme takes all that is in the\nstate directory of that client: "
	    "certificates of all times, requests and keys that\nhave no "
	    "certificate yet, accounts.  Private keys are read for their "
	    "public half only.\n",
	.run = run,
	.keep_user = 1,
};
