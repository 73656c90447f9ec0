#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/db/cert_view.h"
#include "auditor/db/row.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "pki/watch.h"

extern const struct cmd cmd_certs;

/* What is known about each certificate. */

#define DAY	86400
#define NAMES	3	/* names of one line */

/* A list of strings as one text, at most ${max} of them and a count. */
static void
join(const json_t *a, size_t max, struct buf *out)
{
	size_t	i, n = json_array_size(a);
	const char *s;

	for (i = 0; i < n && i < max; i++) {
		s = json_string_value(json_array_get(a, i));
		buf_fmt(out, "%s%s", i > 0 ? ", " : "", s != NULL ? s : "");
	}
	if (n > max)
		buf_fmt(out, " and %zu more", n - max);
}

/* The worst of the chain verdicts in one word. */
static const char *
chain_word(const json_t *o)
{
	const json_t	*a = json_object_get(o, "chain");
	const char	*v, *word = "-";
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		v = message_get(json_array_get(a, i), "verdict");
		if (strcmp(v, "untrusted") == 0)
			return "untrusted";
		if (strcmp(v, "unknown") == 0 || strcmp(word, "-") == 0)
			word = v;
	}
	return word;
}

/* CT policy in one word: the programs that it fails, or ok. */
static const char *
ct_word(const json_t *o, char *out, size_t cap)
{
	json_t		*p = json_object_get(o, "ct_policy"), *v;
	const char	*key;
	int		 n = 0;

	if (json_object_size(p) == 0)
		return "-";
	out[0] = '\0';
	json_object_foreach(p, key, v)
		if (json_is_false(json_object_get(v, "compliant")))
			n += snprintf(out + n, cap - (size_t)n, "%snot %.20s",
			    n > 0 ? "," : "", key);
	return n > 0 ? out : "ok";
}

static const char *
revocation_word(const json_t *o)
{
	const char	*s = message_get(json_object_get(o, "revocation"),
			    "status");

	return s[0] == '\0' ? "-" :
	    strcmp(s, "not_applicable") == 0 ? "n/a" : s;
}

static size_t
open_findings(const json_t *o)
{
	const json_t	*a = json_object_get(o, "findings");
	const char	*s;
	size_t		 i, n = 0;

	for (i = 0; i < json_array_size(a); i++) {
		s = message_get(json_array_get(a, i), "state");
		n += strcmp(s, "open") == 0 || strcmp(s, "acked") == 0 ||
		    strcmp(s, "rejected") == 0;
	}
	return n;
}

struct printer {
	const struct cmd_ctx	*ctx;
	size_t			 n;
};

static void
print_row(void *arg, json_t *o)
{
	static const int width[] = { 16, 10, 7, 9, 9, 6, 8, 18 };
	static const char *const head[] = { "TBS SHA-256", "NOT AFTER",
	    "REVOKED", "CHAIN", "CT", "SERVED", "FINDINGS", "ISSUER",
	    "NAMES" };
	struct printer	*p = arg;
	struct buf	 names = BUF_INIT;
	const char	*cols[9];
	char		 ct[64], tbs[20], day[12], served[24], found[24];

	if (p->n++ == 0 && !p->ctx->json && !p->ctx->quiet)
		opt_row(head, width, 9);
	if (p->ctx->json) {
		cmd_json(o);
		return;
	}
	snprintf(tbs, sizeof(tbs), "%.16s", message_get(o, "tbs_sha256"));
	snprintf(day, sizeof(day), "%.10s", message_get(o, "not_after"));
	snprintf(served, sizeof(served), "%zu",
	    json_array_size(json_object_get(o, "served_at")));
	snprintf(found, sizeof(found), "%zu", open_findings(o));
	join(json_object_get(o, "names"), NAMES, &names);
	cols[0] = tbs;
	cols[1] = day[0] != '\0' ? day : "-";
	cols[2] = revocation_word(o);
	cols[3] = chain_word(o);
	cols[4] = ct_word(o, ct, sizeof(ct));
	cols[5] = served;
	cols[6] = found;
	cols[7] = message_get(o, "issuer_owner")[0] != '\0' ?
	    message_get(o, "issuer_owner") : "-";
	cols[8] = names.n > 0 ? buf_text(&names) : "-";
	opt_row(cols, width, 9);
	buf_free(&names);
	json_decref(o);
}

static int
number(const char *text, int64_t max, int64_t *out)
{
	char	*end;

	*out = strtoll(text, &end, 10);
	return *end == '\0' && end != text && *out > 0 && *out <= max ? 0 :
	    -1;
}

struct ask {
	const char	*expiring, *limit, *name;
	int		 all;
	char		 canon[WATCH_TEXT];
};

static int
fill(struct ask *a, struct cert_view_filter *f, struct err *e)
{
	if (a->expiring != NULL) {
		if (number(a->expiring, 36500, &f->expiring) == -1)
			return err_set(e, ERR_USAGE, "--expiring takes a "
			    "number of days");
		f->expiring *= DAY;
	}
	if (a->limit != NULL && number(a->limit, INT64_MAX, &f->limit) == -1)
		return err_set(e, ERR_USAGE, "--limit takes a number");
	if (a->name != NULL) {
		if (watch_canon(a->name, a->canon, e) == -1)
			return err_prefix(e, "--name");
		f->name = a->canon;
	}
	f->valid = !a->all;
	return 0;
}

static int
list(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct cert_view_filter	f;
	struct ask		a;
	struct printer		p = { ctx, 0 };
	struct opt_list		rest = { NULL, 0, 0 };
	struct err		e = ERR_INIT;
	const struct opt	opts[] = {
		{ "--name", NULL, &a.name, NULL },
		{ "--owner", NULL, &f.owner, NULL },
		{ "--issuer-owner", NULL, &f.issuer_owner, NULL },
		{ "--expiring", NULL, &a.expiring, NULL },
		{ "--revoked", &f.revoked, NULL, NULL },
		{ "--all", &a.all, NULL, NULL },
		{ "--limit", NULL, &a.limit, NULL },
	};
	int			rc;

	memset(&f, 0, sizeof(f));
	memset(&a, 0, sizeof(a));
	rc = opt_parse(&cmd_certs, opts, sizeof(opts) / sizeof(opts[0]), argc,
	    argv, &rest);
	if (rc == 0 && rest.n > 0)
		rc = cmd_usage(&cmd_certs, "there is no certs %s", rest.v[0]);
	free(rest.v);
	if (rc != 0)
		return rc;
	if (fill(&a, &f, &e) == -1 || cmd_db(ctx, &e) == -1 ||
	    cert_view_list(ctx->db, &f, print_row, &p, &e) == -1)
		return cmd_fail(&e);
	if (p.n == 0 && !ctx->json && !ctx->quiet)
		fprintf(stderr, "No certificates%s.\n",
		    a.all ? "" : " that are valid");
	return 0;
}

/* --- one of them --- */

static void
line(const char *label, const char *value)
{
	char	*s;

	if (value[0] == '\0')
		return;
	s = cmd_clean(value);
	printf("%-12s %s\n", label, s);
	free(s);
}

/* One line for each object of a list, made by ${text}. */
static void
lines(const char *label, const json_t *a,
    void (*text)(const json_t *, struct buf *))
{
	struct buf	b = BUF_INIT;
	size_t		i;

	for (i = 0; i < json_array_size(a); i++) {
		buf_reset(&b);
		text(json_array_get(a, i), &b);
		line(label, buf_text(&b));
	}
	buf_free(&b);
}

/* ": text" behind what stands there, when there is some. */
static void
add(struct buf *b, const char *between, const char *text)
{
	if (text[0] != '\0')
		buf_fmt(b, "%s%s", between, text);
}

static void
chain_text(const json_t *o, struct buf *b)
{
	buf_fmt(b, "%s: %s", message_get(o, "program"),
	    message_get(o, "verdict"));
	add(b, " until ", message_get(o, "until"));
	add(b, ": ", message_get(o, "reason"));
	if (strcmp(message_get(o, "issued"), message_get(o, "verdict")) != 0)
		add(b, "; when it was issued: ", message_get(o, "issued"));
}

static void
sct_text(const json_t *o, struct buf *b)
{
	const char	*log = message_get(o, "log");
	char		 at[CLK_TEXT];

	buf_fmt(b, "%s, %s, %s, %s", log[0] != '\0' ? log :
	    message_get(o, "log_id"), clk_text(json_integer_value(
	    json_object_get(o, "timestamp")) * 1000, at),
	    message_get(o, "source"), message_get(o, "status"));
	add(b, ": ", message_get(o, "reason"));
	buf_fmt(b, "; inclusion %s", message_get(o, "inclusion"));
	if (json_is_integer(json_object_get(o, "index")))
		buf_fmt(b, " at %lld", (long long)json_integer_value(
		    json_object_get(o, "index")));
	else
		add(b, ", due ", message_get(o, "due_at"));
}

static void
source_text(const json_t *o, struct buf *b)
{
	buf_fmt(b, "%s %s: %s", message_get(o, "kind"),
	    message_get(o, "url"), message_get(o, "status"));
	add(b, ", ", message_get(o, "reason"));
	add(b, ", stated ", message_get(o, "stated_at"));
	add(b, ", first seen ", message_get(o, "first_seen"));
	add(b, ": ", message_get(o, "refusal"));
}

static void
finding_text(const json_t *o, struct buf *b)
{
	buf_fmt(b, "%lld %s, %s, %s", (long long)json_integer_value(
	    json_object_get(o, "id")), message_get(o, "kind"),
	    message_get(o, "severity"), message_get(o, "state"));
	add(b, ": ", message_get(o, "reason"));
}

static void
entry_text(const json_t *o, struct buf *b)
{
	char	at[CLK_TEXT];

	buf_fmt(b, "%s, index %lld, %s, %s", message_get(o, "log"),
	    (long long)json_integer_value(json_object_get(o, "index")),
	    message_get(o, "entry_type"), clk_text(json_integer_value(
	    json_object_get(o, "timestamp")) * 1000, at));
}

static void
print_policy(const json_t *o)
{
	json_t		*p = json_object_get(o, "ct_policy"), *v, *c;
	struct buf	 b = BUF_INIT;
	const char	*key;

	json_object_foreach(p, key, v) {
		c = json_object_get(v, "compliant");
		buf_reset(&b);
		buf_fmt(&b, "%s: %s", key, json_is_true(c) ? "compliant" :
		    json_is_false(c) ? "not compliant" : "cannot be judged");
		add(&b, ": ", message_get(v, "reason"));
		line("CT policy", buf_text(&b));
	}
	buf_free(&b);
}

static void
print_revocation(const json_t *o)
{
	const json_t	*r = json_object_get(o, "revocation");
	struct buf	 b = BUF_INIT;

	if (!json_is_object(r)) {
		line("revocation", "not looked at yet");
		return;
	}
	buf_str(&b, message_get(r, "status"));
	add(&b, ", ", message_get(r, "reason"));
	add(&b, ", stated ", message_get(r, "stated_at"));
	add(&b, ", first seen by us ", message_get(r, "observed_at"));
	if (json_is_integer(json_object_get(r, "published_seconds")))
		buf_fmt(&b, ", %lld s after it was ordered",
		    (long long)json_integer_value(json_object_get(r,
		    "published_seconds")));
	add(&b, ", removed ", message_get(r, "removed_at"));
	add(&b, ", sources contradict each other since ",
	    message_get(r, "disagree_since"));
	add(&b, ": ", message_get(r, "why"));
	line("revocation", buf_text(&b));
	lines("  source", json_object_get(r, "sources"), source_text);
	buf_free(&b);
}

static void
print_one(const json_t *o)
{
	static const struct { const char *label, *key; } keys[] = {
		{ "issuance", "tbs_sha256" }, { "certificate", "cert_sha256" },
		{ "issuer", "issuer_owner" }, { "issuer name", "issuer" },
		{ "issuer key", "issuer_spki_sha256" },
		{ "serial", "serial" }, { "key type", "key_type" },
		{ "key", "spki_sha256" }, { "not before", "not_before" },
		{ "not after", "not_after" }, { "first seen", "first_seen" },
		{ "proven", "logged_at" },
	};
	struct buf	b = BUF_INIT;
	size_t		i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		line(keys[i].label, message_get(o, keys[i].key));
	join(json_object_get(o, "names"), SIZE_MAX, &b);
	line("names", buf_text(&b));
	buf_reset(&b);
	buf_str(&b, message_get(o, "decision"));
	if (json_is_integer(json_object_get(o, "rule")))
		buf_fmt(&b, " by rule %lld", (long long)json_integer_value(
		    json_object_get(o, "rule")));
	add(&b, ": ", message_get(o, "reason"));
	line("decision", buf_text(&b));
	lines("chain", json_object_get(o, "chain"), chain_text);
	lines("SCT", json_object_get(o, "scts"), sct_text);
	print_policy(o);
	lines("log entry", json_object_get(o, "entries"), entry_text);
	print_revocation(o);
	buf_reset(&b);
	join(json_object_get(o, "served_at"), SIZE_MAX, &b);
	line("served at", b.n > 0 ? buf_text(&b) :
	    "none of the endpoints that are watched");
	lines("finding", json_object_get(o, "findings"), finding_text);
	buf_free(&b);
}

static int
show(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err	 e = ERR_INIT;
	uint8_t		 tbs[32];
	json_t		*o;

	if (argc != 2)
		return cmd_usage(&cmd_certs, "show needs one SHA256");
	if (cmd_db(ctx, &e) == -1 ||
	    cert_view_find(ctx->db, argv[1], tbs, &e) == -1 ||
	    (o = cert_view_one(ctx->db, tbs, &e)) == NULL)
		return cmd_fail(&e);
	if (ctx->json) {
		cmd_json(o);
		return 0;
	}
	print_one(o);
	json_decref(o);
	return 0;
}

static int
history(struct cmd_ctx *ctx, int argc, char **argv)
{
	static const int width[] = { 20, 15 };
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	const char	*cols[3];
	uint8_t		 tbs[32];
	char		 hex[65], at[CLK_TEXT];
	size_t		 i;

	if (argc != 2)
		return cmd_usage(&cmd_certs, "history needs one SHA256");
	if (cmd_db(ctx, &e) == -1 ||
	    cert_view_find(ctx->db, argv[1], tbs, &e) == -1 ||
	    cert_view_history(ctx->db, tbs, &r, &e) == -1)
		return cmd_fail(&e);
	enc_hex_to(hex, tbs, sizeof(tbs));
	for (i = 0; i < db_rows(r); i++) {
		if (ctx->json) {
			cmd_json(json_pack("{ss so so so}", "tbs_sha256", hex,
			    "at", row_time(r, i, 0), "event",
			    row_str(r, i, 1), "text", row_str(r, i, 2)));
			continue;
		}
		cols[0] = clk_text(db_time(r, i, 0), at);
		cols[1] = db_text(r, i, 1);
		cols[2] = db_text(r, i, 2);
		opt_row(cols, width, 3);
	}
	db_free(r);
	return 0;
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	if (argc < 2 || argv[1][0] == '-')
		return list(ctx, argc, argv);
	if (strcmp(argv[1], "list") == 0)
		return list(ctx, argc - 1, argv + 1);
	if (strcmp(argv[1], "show") == 0)
		return show(ctx, argc - 1, argv + 1);
	if (strcmp(argv[1], "history") == 0)
		return history(ctx, argc - 1, argv + 1);
	return list(ctx, argc, argv);
}

const struct cmd cmd_certs = {
	.name = "certs",
	.args = "[list] [--name N] [--owner O] [--issuer-owner CA] "
	    "[--expiring DAYS] [--revoked] [--all] [--limit N] | "
	    "show SHA256 | history SHA256",
	.brief = "every certificate that is known, and what was found out "
	    "about it",
	.help = "  certvigil certs --name .example.com --expiring 30\n"
	    "  certvigil certs --revoked --all --json\n"
	    "  certvigil certs show 3f5c09ab\n"
	    "  certvigil certs history 3f5c09ab\n\n"
	    "The soonest to expire comes first; without --all, what has "
	    "expired is left out.\nSHA256 is that of the certificate or of "
	    "the TBSCertificate, or its first 8 digits\nor more.\n",
	.run = run,
};
