#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/db/finding.h"
#include "auditor/db/issuance.h"
#include "auditor/db/known.h"
#include "auditor/decide.h"
#include "auditor/decide_bound.h"
#include "base/clk.h"
#include "base/mem.h"
#include "pki/name.h"
#include "pki/watch.h"

extern const struct cmd cmd_accept;

/* What is accepted, and within what. */
struct accept {
	const char	*what;		/* as typed */
	const char	*scope, *names, *until, *reason;
	int64_t		 finding;	/* 0: by hash */
	uint8_t		 tbs[32];
	struct db_res	*row;		/* of the issuance: columns below */
	char		**bound;	/* names of the key's bound; owned */
	size_t		 nbound;
	int64_t		 end;		/* of the key's bound */
};

enum { ROW_SPKI, ROW_NAMES, ROW_ISSUER, ROW_NOT_AFTER, ROW_COMPROMISED };

static int
load(struct cmd_ctx *ctx, struct accept *a, struct err *e)
{
	struct span t = { a->tbs, sizeof(a->tbs) };

	if (db_query(ctx->db, &a->row, e,
	    "select spki_sha256, names, issuer_owner, not_after,"
	    " exists (select from known k where k.spki_sha256 ="
	    " i.spki_sha256 and k.trust = 'compromised' and k.removed_at is"
	    " null) from issuance i where tbs_sha256 = $1", "b", &t) == -1)
		return -1;
	if (db_rows(a->row) == 0)
		return err_set(e, ERR_NOENT, "there is no issuance %s",
		    a->what);
	return 0;
}

/* --names in watch syntax, else the certificate's own names. */
static int
read_names(struct accept *a, struct err *e)
{
	struct opt_list	 l = { NULL, 0, 0 };
	struct err	 sub = ERR_INIT;
	char		*own = NULL, **v, text[WATCH_TEXT], fold[NAME_TEXT];
	size_t		 i, n;
	int		 rc = -1;

	if (a->names != NULL) {
		opt_split(a->names, &l, &own);
		a->bound = mem_array(l.n + 1, sizeof(*a->bound));
		for (i = 0; i < l.n; i++) {
			if (watch_canon(l.v[i], text, &sub) == -1) {
				err_set(e, ERR_USAGE, "%s", sub.msg);
				goto out;
			}
			a->bound[a->nbound++] = mem_str(text);
		}
	} else {
		v = db_strv(a->row, 0, ROW_NAMES, &n);
		a->bound = mem_array(n + 1, sizeof(*a->bound));
		for (i = 0; i < n; i++)
			a->bound[a->nbound++] = mem_str(name_fold(v[i],
			    strlen(v[i]), fold, sizeof(fold)) == -1 ? v[i] :
			    fold);
		free(v);
	}
	rc = 0;
out:
	free(own);
	free(l.v);
	return rc;
}

/* A bound that leaves out the very certificate would make it misused. */
static int
check_bound(const struct accept *a, struct err *e)
{
	struct decide_bound	 b;
	struct decide_subject	 s;
	char			 why[300], fold[NAME_TEXT], **v;
	size_t			 i, n;
	int			 ok;

	v = db_strv(a->row, 0, ROW_NAMES, &n);
	b.names = (const char *const *)a->bound;
	b.nnames = a->nbound;
	b.issuer_owner = NULL;
	b.until = a->end;
	s.issuer_owner = NULL;
	s.at = clk_wall();
	for (i = 0, ok = 1; ok && i < n; i++) {
		const char *one = name_fold(v[i], strlen(v[i]), fold,
		    sizeof(fold)) == -1 ? v[i] : fold;

		s.names = &one;
		s.nnames = 1;
		ok = decide_bound_union(&b, 1, &s, why, sizeof(why));
	}
	free(v);
	return ok ? 0 : err_set(e, ERR_USAGE, "these bounds leave out the "
	    "certificate itself: %s", why);
}

static int
prepare(struct cmd_ctx *ctx, struct accept *a, struct err *e)
{
	if (load(ctx, a, e) == -1)
		return -1;
	a->end = db_time(a->row, 0, ROW_NOT_AFTER);
	if (strcmp(a->scope, "issuance") == 0) {
		if (a->names != NULL || a->until != NULL)
			return err_set(e, ERR_USAGE, "--names and --until "
			    "bound a key: --scope key");
		a->end = INT64_MIN;
		return read_names(a, e);
	}
	if (strcmp(a->scope, "key") != 0)
		return err_set(e, ERR_USAGE, "--scope is issuance or key, "
		    "not %.40s", a->scope);
	if (db_bool(a->row, 0, ROW_COMPROMISED))
		return err_set(e, ERR_USAGE, "the key is marked compromised: "
		    "it cannot be accepted (known list, known remove)");
	if (a->until != NULL &&
	    opt_moment("--until", a->until, 1, &a->end, e) == -1)
		return -1;
	if (read_names(a, e) == -1)
		return -1;
	return check_bound(a, e);
}

static int
declare(struct cmd_ctx *ctx, const struct accept *a, struct err *e)
{
	struct known	k;
	struct span	spki = db_bytes(a->row, 0, ROW_SPKI), what;
	struct db_spans	spans = { &what, 1 };
	int		key = strcmp(a->scope, "key") == 0;

	memset(&k, 0, sizeof(k));
	if (key)
		k.spki = spki;
	else {
		k.tbs.p = a->tbs;
		k.tbs.n = sizeof(a->tbs);
	}
	what = key ? spki : k.tbs;
	k.names.v = (const char *const *)a->bound;
	k.names.n = a->nbound;
	if (!db_null(a->row, 0, ROW_ISSUER))
		k.issuer_owner = db_text(a->row, 0, ROW_ISSUER);
	k.until = a->end;
	k.trust = a->scope;
	k.origin = "accept";
	k.reason = a->reason;
	k.author = cmd_actor();
	if (known_add(ctx->db, &k, e) == -1)
		return -1;
	return decide_declared(ctx->db, ctx->conf, &spans, 0, NULL, e);
}

/* The finding that was named, or all about that issuance. */
static int
change(struct cmd_ctx *ctx, const struct accept *a, size_t *n, struct err *e)
{
	struct span	 t = { a->tbs, sizeof(a->tbs) };
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(ctx->db, &r, e, "select id from finding where id = $1"
	    " or ($1 = 0 and subject = encode($2, 'hex') and state in"
	    " ('open', 'acked')) order by id", "ib", a->finding, &t) == -1)
		return -1;
	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = finding_change(ctx->db, db_int(r, i, 0), "accepted",
		    cmd_actor(), a->reason, e);
	*n = db_rows(r);
	db_free(r);
	return rc;
}

/* Is it a finding about something else than an issuance?  1, 0 or -1. */
static int
other_kind(struct cmd_ctx *ctx, struct accept *a, struct err *e)
{
	struct db_res	*r = NULL;
	char		*end;
	long long	 id = strtoll(a->what, &end, 10);
	int		 other;

	if (strlen(a->what) == 64 || end == a->what || *end != '\0')
		return 0;
	if (db_query(ctx->db, &r, e, "select not (kind like 'certificate.%'"
	    " or kind = 'key.misused') from finding where id = $1", "i",
	    (int64_t)id) == -1)
		return -1;
	other = db_rows(r) > 0 && db_bool(r, 0, 0);
	db_free(r);
	if (other)
		a->finding = id;
	return other;
}

static int
act(struct cmd_ctx *ctx, struct accept *a, size_t *n, struct err *e)
{
	int other;

	if ((other = other_kind(ctx, a, e)) == -1)
		return -1;
	if (other && a->scope != NULL)
		return err_set(e, ERR_USAGE, "finding %s is not about a "
		    "certificate: accept it without --scope", a->what);
	if (!other && issuance_find(ctx->db, a->what, a->tbs, &a->finding,
	    e) == -1)
		return -1;
	if (!other && a->scope == NULL)
		return err_set(e, ERR_USAGE, "say what is accepted: --scope "
		    "issuance (this certificate) or --scope key (renewals "
		    "with the same key too)");
	if (db_begin(ctx->db, e) == -1 ||
	    (!other && prepare(ctx, a, e) == -1) ||
	    change(ctx, a, n, e) == -1 ||
	    (!other && declare(ctx, a, e) == -1) ||
	    cmd_audit(ctx, "accept", json_pack("{ss ss? ss? ss? ss}", "what",
	    a->what, "scope", a->scope, "names", a->names, "until", a->until,
	    "reason", a->reason), e) == -1 || db_commit(ctx->db, e) == -1)
		return -1;
	return 0;
}

/* Rule 1 stands over every acceptance: say so. */
static void
warn_denied(struct cmd_ctx *ctx, const struct accept *a)
{
	struct span	 t = { a->tbs, sizeof(a->tbs) };
	struct db_res	*r = NULL;

	if (a->row != NULL && db_query(ctx->db, &r, NULL, "select rule_reason"
	    " from issuance where tbs_sha256 = $1 and rule = 1", "b",
	    &t) == 0 && db_rows(r) > 0)
		fprintf(stderr, "certvigil: rule 1 stands over it: %s; other "
		    "certificates like it are said again\n",
		    db_text(r, 0, 0));
	db_free(r);
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct accept		a;
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--scope", NULL, &a.scope, NULL },
		{ "--names", NULL, &a.names, NULL },
		{ "--until", NULL, &a.until, NULL },
		{ "--reason", NULL, &a.reason, NULL },
	};
	size_t			i, n = 0;
	int			rc;

	memset(&a, 0, sizeof(a));
	if ((rc = opt_parse(&cmd_accept, opts, 4, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 1 || a.reason == NULL) {
		rc = cmd_usage(&cmd_accept, rest.n != 1 ? "one finding or "
		    "tbs_sha256 is needed" : "--reason is needed: it is "
		    "what an auditor reads later");
		goto out;
	}
	a.what = rest.v[0];
	if (cmd_db(ctx, &e) == -1 || act(ctx, &a, &n, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	warn_denied(ctx, &a);
	if (ctx->json)
		cmd_json(json_pack("{ss ss? sI}", "accepted", a.what, "scope",
		    a.scope, "findings", (json_int_t)n));
	else
		printf("accepted: %zu finding%s\n", n, n == 1 ? "" : "s");
out:
	for (i = 0; i < a.nbound; i++)
		free(a.bound[i]);
	free(a.bound);
	db_free(a.row);
	free(rest.v);
	return rc;
}

const struct cmd cmd_accept = {
	.name = "accept",
	.args = "ID --scope issuance|key [--names N,...] [--until DATE] "
	    "--reason TEXT",
	.brief = "declare a certificate, or its key, legitimate",
	.help = "  certvigil accept 17 --scope issuance "
	    "--reason 'ordered by team b'\n"
	    "  certvigil accept 17 --scope key --names .shop.example "
	    "--until 2027-06-01 \\\n      --reason 'appliance renews with "
	    "its key'\n\n"
	    "ID is a finding or a tbs_sha256.  A key is bound to its issuer, "
	    "to the names of\nthe certificate or --names, and ends with the "
	    "certificate or at --until.\n",
	.run = run,
};
