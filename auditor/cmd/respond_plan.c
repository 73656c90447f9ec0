#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* A name of ours that nobody has: an order for it cannot become ready. */
#define NOBODY		"certvigil-leave-unproven."

/* Names that a line lists. */
#define SHOWN		20

static const char *
base_of(const char *name)
{
	return san_wild(name) ? name + 2 : name;
}

static int
state_is(const struct respond *c, const char *state)
{
	return strcmp(message_get(c->finding, "state"), state) == 0;
}

/* --- what is missing ----------------------------------------------------- */

static void
add(json_t *a, json_t *sentence)
{
	json_array_append_new(a, sentence);
}

static void
missing_names(const struct respond *c, json_t *a)
{
	size_t	i;

	if (c->no_names.code != ERR_NONE)
		add(a, json_sprintf("its names cannot be ordered: %s",
		    c->no_names.msg));
	if (c->ntypes == 0)
		add(a, json_sprintf("no challenge can be placed: %s",
		    c->no_types.msg));
	for (i = 0; i < c->names.n; i++)
		if (!c->name[i].watched)
			add(a, json_sprintf("%s is not watched, so not ours "
			    "to prove: ask the CA with --report",
			    c->names.v[i]));
		else if (c->name[i].how == 0 && c->ntypes != 0)
			add(a, json_sprintf("no configured challenge can "
			    "prove %s (a wildcard needs dns-01)",
			    c->names.v[i]));
}

json_t *
respond_missing(const struct respond *c, const struct directory *d,
    const char *away)
{
	json_t	*a = json_array();

	if (c->revoked)
		add(a, json_string("it is revoked already"));
	else if (c->expired)
		add(a, json_string("it has expired"));
	if (state_is(c, "accepted") || state_is(c, "resolved"))
		add(a, json_sprintf("the finding is %s, not open",
		    message_get(c->finding, "state")));
	if (c->der.n == 0)
		add(a, json_string("its bytes are not known, only its hash"));
	missing_names(c, a);
	if (d == NULL)
		add(a, json_sprintf("the CA of acme.directory does not "
		    "answer: %s", away));
	else if (d->revoke_cert == NULL)
		add(a, json_string("the CA of acme.directory revokes "
		    "nothing"));
	if (c->ca == RESPOND_CA_OTHER)
		add(a, json_sprintf("it was issued by %s, which is not the "
		    "CA of acme.directory: ask that CA with --report, or "
		    "configure its directory", message_get(c->finding,
		    "issuer_owner")));
	return a;
}

/* --- the CAA records ----------------------------------------------------- */

/*
 * One for each name.  They bind issuance to our account (RFC 8657), so that
 * authorizations which the other one still has are of no use to him.
 */
static json_t *
caa(const struct respond *c, const struct directory *d)
{
	json_t		*a = json_array();
	const char	*ca = d != NULL && d->ncaa != 0 ? d->caa[0] : "CA";
	const char	*how;
	size_t		 i;

	for (i = 0; i < c->names.n; i++) {
		if (!c->name[i].watched || c->names.v[i][0] == '\0' ||
		    san_ip(c->names.v[i], (uint8_t [16]){ 0 }) != 0)
			continue;
		how = c->name[i].how != 0 ?
		    challenge_name(c->name[i].how) : "dns-01";
		json_array_append_new(a, json_sprintf("%s. CAA 0 %s \"%s; "
		    "accounturi=%s; validationmethods=%s\"",
		    base_of(c->names.v[i]), san_wild(c->names.v[i]) ?
		    "issuewild" : "issue", ca, c->account.url != NULL ?
		    c->account.url : "URL-OF-OUR-ACCOUNT", how));
	}
	return a;
}

/* --- the same by other clients ------------------------------------------- */

static enum challenge_type
method(const struct respond *c)
{
	size_t	i;

	for (i = 0; i < c->names.n; i++)
		if (san_wild(c->names.v[i]) ||
		    c->name[i].how == CHALLENGE_DNS_01)
			return CHALLENGE_DNS_01;
	return CHALLENGE_HTTP_01;
}

static void
put_names(struct buf *b, const struct respond *c, const char *opt)
{
	size_t	i;

	for (i = 0; i < c->names.n; i++)
		buf_fmt(b, " %s '%s'", opt, c->names.v[i]);
	if (c->names.n != 0)
		buf_fmt(b, " %s '" NOBODY "%s'", opt,
		    base_of(c->names.v[0]));
}

static json_t *
certbot(const struct respond *c, const char *url)
{
	struct buf	 b = BUF_INIT;
	json_t		*a = json_array();

	buf_fmt(&b, "certbot certonly --server %s %s", url, method(c) ==
	    CHALLENGE_DNS_01 ? "--manual --preferred-challenges dns" :
	    "--standalone --preferred-challenges http");
	put_names(&b, c, "-d");
	json_array_append_new(a, json_string(buf_text(&b)));
	json_array_append_new(a, json_sprintf("certbot revoke --server %s "
	    "--cert-path bad.pem --reason cessationofoperation", url));
	buf_free(&b);
	return a;
}

static json_t *
lego(const struct respond *c, const char *url, const char *mail)
{
	struct buf	 b = BUF_INIT;
	json_t		*a = json_array();
	char		*first = mem_str(c->names.n != 0 ? c->names.v[0] : "");

	if (first[0] == '*')
		first[0] = '_';
	buf_fmt(&b, "lego --server %s --email %s %s", url, mail, method(c) ==
	    CHALLENGE_DNS_01 ? "--dns PROVIDER" : "--http");
	put_names(&b, c, "--domains");
	buf_str(&b, " run");
	json_array_append_new(a, json_string(buf_text(&b)));
	json_array_append_new(a, json_sprintf("cp bad.pem "
	    "'.lego/certificates/%s.crt'", first));
	json_array_append_new(a, json_sprintf("lego --server %s --email %s "
	    "--domains '%s' revoke --reason 5", url, mail, c->names.n != 0 ?
	    c->names.v[0] : ""));
	free(first);
	buf_free(&b);
	return a;
}

/* --- the plan ------------------------------------------------------------ */

static json_t *
names(const struct respond *c)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < c->names.n; i++)
		json_array_append_new(a, json_pack("{ss sb ss?}", "name",
		    c->names.v[i], "watched", c->name[i].watched,
		    "challenge", challenge_name(c->name[i].how)));
	return a;
}

static json_t *
plan(struct cmd_ctx *ctx, const struct respond *c, const struct directory *d,
    const char *away)
{
	static const char *const same[] = { "unknown", "same", "other" };
	const char	*url = acme_talk_directory(ctx->conf);
	const char	*mail = ctx->conf->acme_email != NULL ?
			    ctx->conf->acme_email : "you@example.com";
	char		 hex[2][65], t[CLK_TEXT];
	json_t		*o;

	o = json_pack("{sI ss ss ss? ss ss sb sb}", "finding",
	    (json_int_t)c->id, "kind", message_get(c->finding, "kind"),
	    "state", message_get(c->finding, "state"), "cert_sha256",
	    c->der.n != 0 ? enc_hex_to(hex[0], c->sha256, 32) : NULL,
	    "tbs_sha256", enc_hex_to(hex[1], c->tbs, 32), "serial",
	    c->serial, "expired", c->expired, "revoked", c->revoked);
	json_object_set_new(o, "not_after", json_string(clk_text(
	    c->not_after, t)));
	json_object_set_new(o, "names", names(c));
	json_object_set(o, "served", c->served);
	json_object_set(o, "issuer_owner", json_object_get(c->finding,
	    "issuer_owner"));
	json_object_set_new(o, "directory", json_string(url));
	json_object_set_new(o, "ca", json_string(same[c->ca]));
	json_object_set_new(o, "account", c->account.url != NULL ?
	    json_string(c->account.url) : json_null());
	json_object_set_new(o, "missing", respond_missing(c, d, away));
	json_object_set_new(o, "approvals_needed", json_integer(
	    ctx->conf->respond_approvals - 1));
	json_object_set(o, "approved_by", c->approved);
	json_object_set_new(o, "caa", caa(c, d));
	json_object_set_new(o, "certbot", certbot(c, url));
	json_object_set_new(o, "lego", lego(c, url, mail));
	return o;
}

/* --- as text ------------------------------------------------------------- */

static void
line(const char *label, const char *text)
{
	char	*s = cmd_clean(text);

	printf("%-12s %s\n", label, s);
	free(s);
}

static void
lines(const char *label, const json_t *a)
{
	size_t	i;

	for (i = 0; i < json_array_size(a); i++)
		line(i == 0 ? label : "", json_string_value(
		    json_array_get(a, i)));
}

static void
say_names(const json_t *a)
{
	const json_t	*n;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	for (i = 0; i < json_array_size(a) && i < SHOWN; i++) {
		n = json_array_get(a, i);
		buf_reset(&b);
		buf_fmt(&b, "%s: %s", message_get(n, "name"), !json_is_true(
		    json_object_get(n, "watched")) ? "not watched, cannot be "
		    "proven" : message_get(n, "challenge")[0] == '\0' ?
		    "no configured challenge can prove it" :
		    message_get(n, "challenge"));
		line(i == 0 ? "names" : "", buf_text(&b));
	}
	if (i < json_array_size(a)) {
		buf_reset(&b);
		buf_fmt(&b, "and %zu more", json_array_size(a) - i);
		line("", buf_text(&b));
	}
	buf_free(&b);
}

static void
say_served(const json_t *a)
{
	const json_t	*s;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		s = json_array_get(a, i);
		buf_reset(&b);
		buf_fmt(&b, "%s at %s%s", message_get(s, "endpoint"),
		    message_get(s, "seen"), json_is_true(json_object_get(s,
		    "key_only")) ? ", another certificate with its key" : "");
		line(i == 0 ? "served by" : "", buf_text(&b));
	}
	if (i != 0)
		line("", "a revocation takes these down: it may be a CDN's or "
		    "a colleague's (--although-served if it is not)");
	else
		line("served by", "none of our endpoints");
	buf_free(&b);
}

static void
say_ca(const struct respond *c, const json_t *o)
{
	static const char *const same[] = {
		"whether it is the CA below, only that CA can say",
		"the CA below", "another CA than the one below"
	};
	const char	*owner = message_get(o, "issuer_owner");
	struct buf	 b = BUF_INIT;

	buf_fmt(&b, "%s: %s", owner[0] != '\0' ? owner : "not known",
	    same[c->ca]);
	line("issuer", buf_text(&b));
	line("CA", message_get(o, "directory"));
	line("account", c->account.url != NULL ? c->account.url :
	    "none yet; --yes registers one");
	buf_free(&b);
}

static void
say_next(struct cmd_ctx *ctx, const struct respond *c, const json_t *o)
{
	struct buf	b = BUF_INIT;

	if ((int)json_array_size(c->approved) <
	    ctx->conf->respond_approvals - 1) {
		buf_fmt(&b, "somebody else runs: certvigil respond %lld "
		    "--approve", (long long)c->id);
		line("approval", buf_text(&b));
	}
	lines("approved by", c->approved);
	buf_reset(&b);
	buf_fmt(&b, "certvigil respond %lld %s", (long long)c->id,
	    json_array_size(json_object_get(o, "missing")) != 0 ?
	    "--report" : json_array_size(c->served) != 0 ?
	    "--yes --although-served" : "--yes");
	line("next", buf_text(&b));
	buf_free(&b);
}

static void
say(struct cmd_ctx *ctx, const struct respond *c, const json_t *o)
{
	char	t[CLK_TEXT];

	line("certificate", c->der.n != 0 ? message_get(o, "cert_sha256") :
	    "its bytes are not known");
	line("serial", c->serial);
	line("until", clk_text(c->not_after, t));
	say_names(json_object_get(o, "names"));
	say_served(c->served);
	say_ca(c, o);
	lines("missing", json_object_get(o, "missing"));
	printf("\nFirst, so that the other account cannot order again with "
	    "what it has proven\n(the CA looks at CAA within 8 hours before "
	    "each issuance):\n");
	lines("publish", json_object_get(o, "caa"));
	printf("\nThen: all names are proven by our account in an order that "
	    "is never finalized,\nand the certificate is revoked with reason "
	    "5 (cessationOfOperation):\n");
	say_next(ctx, c, o);
	printf("\nThe same by hand (the last name must not be provable: the "
	    "order has to fail;\nbad.pem: the end of certvigil respond %lld "
	    "--report):\n", (long long)c->id);
	lines("certbot", json_object_get(o, "certbot"));
	lines("lego", json_object_get(o, "lego"));
}

void
respond_plan(struct cmd_ctx *ctx, const struct respond *c,
    const struct directory *d, const char *away)
{
	json_t	*o = plan(ctx, c, d, away);

	if (ctx->json) {
		cmd_json(o);
		return;
	}
	say(ctx, c, o);
	json_decref(o);
}
