#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/list.h"
#include "auditor/cmd/material.h"
#include "auditor/cmd/opt.h"
#include "auditor/cmd/verb.h"
#include "auditor/db/expect.h"
#include "auditor/db/row.h"
#include "auditor/serials.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ocsp/rev.h"
#include "pki/owner.h"

extern const struct cmd cmd_expect;

/* What was ordered, as it is stored. */
struct order {
	const char	*csr, *issuer, *within, *reason;
	struct opt_list	 names;
	int64_t		 seconds;
};

static int
read_order(struct order *o, struct material_set *s, struct err *e)
{
	size_t	i;

	if (opt_duration("--within", o->within, &o->seconds, e) == -1 ||
	    material_read(s, o->csr, e) == -1)
		return -1;
	if (s->n != 1 || !s->v[0].csr)
		return err_set(e, ERR_USAGE, "%s: one certificate request is "
		    "needed (PEM or DER), there are %zu objects", o->csr,
		    s->n);
	for (i = 0; i < o->names.n; i++)
		material_name(&s->v[0], o->names.v[i]);
	if (s->v[0].nnames == 0)
		return err_set(e, ERR_USAGE, "%s: it has no name: give each "
		    "with --name", o->csr);
	return 0;
}

static int
store(struct cmd_ctx *ctx, const struct order *o, const struct material *m,
    int64_t *id, struct err *e)
{
	struct expect	x;
	json_t		*names = json_array();
	size_t		 i;

	for (i = 0; i < m->nnames; i++)
		json_array_append_new(names, json_string(m->names[i]));
	memset(&x, 0, sizeof(x));
	x.spki.p = m->spki;
	x.spki.n = sizeof(m->spki);
	x.names.v = (const char *const *)m->names;
	x.names.n = m->nnames;
	x.issuer_owner = o->issuer;
	/* CAs set the clock of precertificates, logs that of entries. */
	x.not_before_ms = clk_wall() / 1000 - 60000;
	x.not_after_ms = clk_wall() / 1000 + o->seconds * 1000;
	x.origin = "cli";
	x.author = cmd_actor();
	x.reason = o->reason;
	if (db_begin(ctx->db, e) == -1 ||
	    expect_add(ctx->db, &x, id, e) == -1) {
		json_decref(names);
		return -1;
	}
	if (cmd_audit(ctx, "expect.issuance", json_pack("{sI so ss? ss}",
	    "expectation", (json_int_t)*id, "names", names, "issuer",
	    o->issuer, "within", o->within), e) == -1)
		return -1;
	return db_commit(ctx->db, e);
}

static int
issuance(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct order		o;
	struct material_set	s;
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--csr", NULL, &o.csr, NULL },
		{ "--issuer", NULL, &o.issuer, NULL },
		{ "--within", NULL, &o.within, NULL },
		{ "--reason", NULL, &o.reason, NULL },
		{ "--name", NULL, NULL, &o.names },
	};
	int64_t			id = 0;
	int			rc;

	memset(&o, 0, sizeof(o));
	memset(&s, 0, sizeof(s));
	o.within = "1h";
	if ((rc = opt_parse(&cmd_expect, opts, 5, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 0 || o.csr == NULL) {
		rc = cmd_usage(&cmd_expect, "issuance needs --csr FILE");
		goto out;
	}
	/* The request is read as whoever called, then the user changes. */
	if (read_order(&o, &s, &e) == -1 || cmd_become(ctx, &e) == -1 ||
	    cmd_db(ctx, &e) == -1 || store(ctx, &o, &s.v[0], &id, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	if (o.issuer == NULL && !ctx->quiet)
		fprintf(stderr, "certvigil: any issuer may fulfil it: "
		    "--issuer OWNER binds it to one\n");
	else if (o.issuer != NULL && !owner_known(o.issuer))
		fprintf(stderr, "certvigil: %s is no issuer of the built-in "
		    "table\n", o.issuer);
	if (ctx->json)
		cmd_json(json_pack("{sI}", "expectation", (json_int_t)id));
	else
		printf("expectation %lld: one certificate within %s\n",
		    (long long)id, o.within);
out:
	material_free(&s);
	free(o.names.v);
	free(rest.v);
	return rc;
}

/* --- revocations ------------------------------------------------------------ */

/* What was said on the command line. */
struct revocations {
	const char	*file, *by, *reason, *issuer;
	uint8_t		 key[32];
	struct serials	 serials;
};

/* A moment, or a duration from now; in the future. */
static int
read_by(const char *text, int64_t *ms, struct err *e)
{
	int64_t	now = clk_wall(), v;

	if (opt_duration("--by", text, &v, NULL) == 0)
		v = now + v * CLK_SEC;
	else if (opt_moment("--by", text, 1, &v, NULL) == -1)
		return err_set(e, ERR_USAGE, "--by: `%.40s` is neither a "
		    "moment (2026-11-23T12:00:00Z) nor a duration (24h)",
		    text);
	if (v <= now)
		return err_set(e, ERR_USAGE, "--by: %.40s is over already",
		    text);
	*ms = v / 1000;
	return 0;
}

static int
read_revocations(struct revocations *a, struct expect_revocation *x,
    struct err *e)
{
	struct buf	text = BUF_INIT;
	int		rc;

	memset(x, 0, sizeof(*x));
	x->reason_code = -1;
	x->author = cmd_actor();
	x->serials = &a->serials;
	if (read_by(a->by, &x->by_ms, e) == -1)
		return -1;
	if (a->reason != NULL &&
	    (x->reason_code = rev_reason_parse(a->reason)) == -1)
		return err_set(e, ERR_USAGE, "--reason: `%.40s` is none of "
		    "RFC 5280, 5.3.1, such as keyCompromise or superseded",
		    a->reason);
	if (a->issuer != NULL) {
		if (strlen(a->issuer) != 64 ||
		    enc_unhex_to(a->key, 32, a->issuer) == -1)
			return err_set(e, ERR_USAGE, "--issuer-spki takes the "
			    "SHA-256 of the issuer's SubjectPublicKeyInfo, 64 "
			    "hex digits");
		x->issuer.p = a->key;
		x->issuer.n = sizeof(a->key);
	}
	rc = opt_file(a->file, LIMIT_SERIALS_FILE, &text, e);
	if (rc == 0)
		rc = serials_read(&a->serials, buf_text(&text), text.n,
		    strcmp(a->file, "-") == 0 ? "standard input" : a->file, e);
	buf_free(&text);
	if (rc == 0 && a->serials.n == 0)
		rc = err_set(e, ERR_USAGE, "%s: there is no serial number in "
		    "it", a->file);
	return rc;
}

static int
store_revocations(struct cmd_ctx *ctx, const struct expect_revocation *x,
    size_t n[2], struct err *e)
{
	char	by[CLK_TEXT];

	if (db_begin(ctx->db, e) == -1)
		return -1;
	if (expect_revocation_add(ctx->db, x, &n[0], &n[1], e) == -1 ||
	    cmd_audit(ctx, "expect.revocation", json_pack("{sI sI ss si}",
	    "added", (json_int_t)n[0], "changed", (json_int_t)n[1], "by",
	    clk_text(x->by_ms * 1000, by), "reason_code", x->reason_code),
	    e) == -1) {
		db_rollback(ctx->db);
		return -1;
	}
	return db_commit(ctx->db, e);
}

static int
revocation(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct revocations		a;
	struct expect_revocation	x;
	struct opt_list			rest = { NULL, 0, 0 };
	struct err			e = ERR_INIT;
	const struct opt		opts[] = {
		{ "--serials", NULL, &a.file, NULL },
		{ "--by", NULL, &a.by, NULL },
		{ "--reason", NULL, &a.reason, NULL },
		{ "--issuer-spki", NULL, &a.issuer, NULL },
	};
	size_t				n[2] = { 0, 0 };
	int				rc;

	memset(&a, 0, sizeof(a));
	if ((rc = opt_parse(&cmd_expect, opts, 4, argc, argv, &rest)) != 0)
		goto out;
	if (rest.n != 0 || a.file == NULL || a.by == NULL) {
		rc = cmd_usage(&cmd_expect, "revocation needs --serials FILE "
		    "and --by TIME");
		goto out;
	}
	/* The list is read as whoever called, then the user changes. */
	if (read_revocations(&a, &x, &e) == -1 ||
	    cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    store_revocations(ctx, &x, n, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	cmd_hint(ctx);
	if (ctx->json)
		cmd_json(json_pack("{sI sI}", "added", (json_int_t)n[0],
		    "changed", (json_int_t)n[1]));
	else
		printf("%zu revocations are expected, %zu were already\n",
		    n[0], n[1]);
out:
	serials_free(&a.serials);
	free(rest.v);
	return rc;
}

/* --- the list --------------------------------------------------------------- */

static void
print_row(const struct cmd_ctx *ctx, const struct db_res *r, size_t i)
{
	static const int width[] = { 5, 10, 10, 20, 18 };
	struct buf	 names = BUF_INIT;
	const char	*cols[6];
	char		 id[24], to[CLK_TEXT];

	clk_text(db_int(r, i, EXPECT_TO_MS) * 1000, to);
	if (ctx->json) {
		cmd_json(json_pack("{sI so so so so sI sI so so so so so so "
		    "so so so so}",
		    "id", (json_int_t)db_int(r, i, EXPECT_ID),
		    "state", row_str(r, i, EXPECT_STATE),
		    "spki_sha256", row_str(r, i, EXPECT_SPKI),
		    "names", row_strs(r, i, EXPECT_NAMES),
		    "issuer_owner", row_str(r, i, EXPECT_ISSUER),
		    "from_ms", (json_int_t)db_int(r, i, EXPECT_FROM_MS),
		    "to_ms", (json_int_t)db_int(r, i, EXPECT_TO_MS),
		    "tbs_sha256", row_str(r, i, EXPECT_TBS),
		    "origin", row_str(r, i, EXPECT_ORIGIN),
		    "author", row_str(r, i, EXPECT_AUTHOR),
		    "reason", row_str(r, i, EXPECT_REASON),
		    "added_at", row_time(r, i, EXPECT_ADDED),
		    "kind", row_str(r, i, EXPECT_KIND),
		    "issuer_spki_sha256", row_str(r, i, EXPECT_ISSUER_SPKI),
		    "serial", row_str(r, i, EXPECT_SERIAL),
		    "reason_code", row_int(r, i, EXPECT_REASON_CODE),
		    "overdue", row_bool(r, i, EXPECT_OVERDUE)));
		return;
	}
	snprintf(id, sizeof(id), "%lld", (long long)db_int(r, i, EXPECT_ID));
	if (!db_null(r, i, EXPECT_SERIAL))
		buf_fmt(&names, "serial %s ", db_text(r, i, EXPECT_SERIAL));
	opt_join(r, i, EXPECT_NAMES, 5, &names);
	cols[0] = id;
	cols[1] = db_text(r, i, EXPECT_KIND);
	cols[2] = db_bool(r, i, EXPECT_OVERDUE) ? "overdue" :
	    db_text(r, i, EXPECT_STATE);
	cols[3] = to;
	cols[4] = db_null(r, i, EXPECT_ISSUER) ? "any issuer" :
	    db_text(r, i, EXPECT_ISSUER);
	cols[5] = buf_text(&names);
	opt_row(cols, width, 6);
	buf_free(&names);
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct list	l = { &cmd_expect, "--all", expect_list,
	    print_row };

	return list_run(ctx, &l, argc, argv);
}

static int
cancel(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	 e = ERR_INIT;
	char		*end;
	long long	 id;

	if (argc != 2 || (id = strtoll(argv[1], &end, 10)) <= 0 ||
	    *end != '\0')
		return cmd_usage(&cmd_expect, "cancel needs one number of "
		    "expect list");
	if (cmd_become(ctx, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    db_begin(ctx->db, &e) == -1 ||
	    expect_cancel(ctx->db, id, &e) == -1 ||
	    cmd_audit(ctx, "expect.cancel", json_pack("{sI}", "expectation",
	    (json_int_t)id), &e) == -1 || db_commit(ctx->db, &e) == -1)
		return cmd_fail(&e);
	cmd_hint(ctx);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "issuance", issuance },
		{ "revocation", revocation },
		{ "list", list },
		{ "cancel", cancel },
		{ NULL, NULL },
	};

	return verb_run(&cmd_expect, verbs, ctx, argc, argv);
}

const struct cmd cmd_expect = {
	.name = "expect",
	.args = "issuance --csr FILE [--issuer OWNER] [--within 1h] "
	    "[--name N]... [--reason TEXT] | revocation --serials FILE|- "
	    "--by TIME|DURATION [--reason R] [--issuer-spki HASH] | "
	    "list [--all] | cancel ID",
	.brief = "what was ordered: a certificate, a revocation",
	.help = "  certvigil expect issuance --csr shop.csr "
	    "--issuer letsencrypt.org --within 1h\n"
	    "  certvigil expect revocation --serials ours.txt --by 24h "
	    "--reason keyCompromise\n"
	    "  certvigil expect list\n\n"
	    "Key, exact names and issuer must be as ordered, and the log "
	    "timestamp within\nthe time given.  One certificate uses it up; "
	    "else it expires silently.\n",
	.run = run,
	.keep_user = 1,
};
