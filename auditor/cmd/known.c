#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/known_import.h"
#include "auditor/cmd/list.h"
#include "auditor/cmd/material.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/known.h"
#include "auditor/db/row.h"
#include "auditor/decide.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/owner.h"

extern const struct cmd cmd_known;

static void
report(const struct cmd_ctx *ctx, const struct known_import *k,
    const struct material_set *s)
{
	if (ctx->json) {
		cmd_json(json_pack("{sI sI sI sI sI sI sI sI sI sI sI}",
		    "certificates", (json_int_t)k->certs,
		    "csrs", (json_int_t)k->csrs,
		    "already_known", (json_int_t)k->already,
		    "ca_certificates", (json_int_t)k->cas,
		    "issuer_unknown", (json_int_t)k->no_issuer,
		    "refused", (json_int_t)k->outside,
		    "silenced", (json_int_t)k->silenced,
		    "renew_with_new_keys", (json_int_t)k->renew_new,
		    "renew_with_same_key", (json_int_t)k->renew_same,
		    "renew_not_known", (json_int_t)k->renew_once,
		    "files_without", (json_int_t)s->without));
		return;
	}
	printf("%s %zu certificates and %zu requests (%zu were known)\n",
	    k->compromised ? "marked the keys of" : "imported", k->certs,
	    k->csrs, k->already);
	if (k->cas > 0)
		printf("%zu CA certificates only name issuers\n", k->cas);
	if (s->without > 0)
		printf("%zu files have no certificate in them\n", s->without);
	if (k->outside > 0)
		printf("%zu refused: outside of source %s\n", k->outside,
		    k->source);
	if (k->compromised)
		return;
	if (k->no_issuer > 0)
		printf("%zu have an issuer that is not known: their keys are "
		    "bound to names and end only; import the chain with "
		    "them\n", k->no_issuer);
	if (k->renew_new > 0)
		printf("%zu will renew with new keys: each renewal is a page "
		    "unless it is declared (known import - from the renewing "
		    "hook, or expect issuance)\n", k->renew_new);
	if (k->renew_same > 0)
		printf("%zu renew with the same key: silent\n",
		    k->renew_same);
	if (k->renew_once > 0)
		printf("%zu are here once: only those that renew with the "
		    "same key stay silent\n", k->renew_once);
	if (k->silenced > 0)
		printf("%zu issuances are declared now\n", k->silenced);
}

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

static int
import(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct known_import	k;
	struct material_set	s;
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--source", NULL, &k.source, NULL },
		{ "--name", NULL, NULL, &k.names },
		{ "--compromised", &k.compromised, NULL, NULL },
	};
	size_t			i;
	int			rc;

	memset(&k, 0, sizeof(k));
	memset(&s, 0, sizeof(s));
	if ((rc = opt_parse(&cmd_known, opts, 3, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n == 0 || (k.compromised && k.source != NULL)) {
		rc = cmd_usage(&cmd_known, rest.n == 0 ? "import needs files "
		    "or folders (- is standard input)" :
		    "a source cannot mark keys as compromised");
		goto out;
	}
	/* Files are read as whoever called, then the user changes. */
	for (i = 0; i < rest.n; i++)
		if (material_read(&s, rest.v[i], &e) == -1)
			goto bad;
	if (load_owners(ctx, &e) == -1 || cmd_become(ctx, &e) == -1 ||
	    cmd_db(ctx, &e) == -1 ||
	    known_import_all(ctx, &k, &s, &e) == -1)
		goto bad;
	cmd_hint(ctx);
	report(ctx, &k, &s);
	rc = k.outside > 0 ? 2 : 0;
	goto out;
bad:
	rc = cmd_fail(&e);
out:
	material_free(&s);
	free(k.names.v);
	free(rest.v);
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
		cmd_json(json_pack("{sI so so so so so so so so so so so so}",
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
		    "added_at", row_time(r, i, KNOWN_ADDED)));
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

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct list	l = { &cmd_known, "--seed", known_list,
	    print_row };

	return list_run(ctx, &l, argc, argv);
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

static int
remove_some(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	 e = ERR_INIT;
	struct db_res	*r = NULL;
	size_t		 n = 0;
	int		 i;

	if (argc < 2)
		return cmd_usage(&cmd_known, "remove needs a number of known "
		    "list or a hash");
	if (cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1)
		return cmd_fail(&e);
	for (i = 1; i < argc; i++) {
		if (db_begin(ctx->db, &e) == -1 ||
		    known_remove(ctx->db, argv[i], &r, &e) == -1 ||
		    decide(ctx, r, &n, &e) == -1 ||
		    cmd_audit(ctx, "known.remove", json_pack("{ss}", "what",
		    argv[i]), &e) == -1 || db_commit(ctx->db, &e) == -1) {
			db_free(r);
			return cmd_fail(&e);
		}
		if (!ctx->quiet)
			fprintf(stderr, "%s: %zu declarations removed, %zu "
			    "issuances are not silent any more\n", argv[i],
			    db_rows(r), n);
		db_free(r);
		r = NULL;
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
	    "[--compromised] | list [--seed] | remove ID|HASH... | "
	    "seed --from crtsh FILE",
	.brief = "certificates and keys that are legitimate",
	.help = "  certvigil known import fullchain.pem certs/\n"
	    "  certvigil known import - --source team-b < new.pem\n"
	    "  certvigil known import stolen.pem --compromised\n"
	    "  certvigil known seed --from crtsh example.com.json\n\n"
	    "A certificate binds its key to its names, its issuer and its "
	    "end, a request to\nits names only; --name binds it to another "
	    "name too.\n",
	.run = run,
	.keep_user = 1,
};
