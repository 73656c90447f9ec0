#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"


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

static void
missing_checks(const struct respond *c, json_t *a)
{
	const json_t	*k;
	size_t		 i;

	json_array_foreach(c->checks, i, k)
		if (strcmp(message_get(k, "says"), "wrong") == 0)
			add(a, json_sprintf("%s%s%s", message_get(k, "name"),
			    message_get(k, "name")[0] != '\0' ? ": " : "",
			    message_get(k, "sentence")));
}

json_t *
respond_missing(const struct respond *c, const struct directory *d,
    const char *away)
{
	json_t	*a = json_array();

	if (c->expired && !c->revoked)
		add(a, json_string("it has expired"));
	if (state_is(c, "accepted") || state_is(c, "resolved"))
		add(a, json_sprintf("the finding is %s, not open",
		    message_get(c->finding, "state")));
	if (c->der.n == 0)
		add(a, json_string("its bytes are not known, only its hash"));
	missing_names(c, a);
	missing_checks(c, a);
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

/* --- the same by other clients ------------------------------------------- */

/* By which all names can be proven: dns-01 stands for all of the DNS. */
static enum challenge_type
method(const struct respond *c)
{
	enum challenge_type	how = CHALLENGE_HTTP_01;
	size_t			i;

	for (i = 0; i < c->names.n; i++)
		switch (c->name[i].how) {
		case CHALLENGE_DNS_01:
		case CHALLENGE_DNS_ACCOUNT_01:
		case CHALLENGE_DNS_PERSIST_01:
			return CHALLENGE_DNS_01;
		case CHALLENGE_TLS_ALPN_01:
			how = CHALLENGE_TLS_ALPN_01;
			break;
		default:
			if (san_wild(c->names.v[i]))
				return CHALLENGE_DNS_01;
		}
	return how;
}

static void
put_names(struct buf *b, const struct respond *c, const char *opt)
{
	size_t	i;

	for (i = 0; i < c->names.n; i++)
		buf_fmt(b, " %s '%s'", opt, c->names.v[i]);
	if (c->nobody[0] != '\0')
		buf_fmt(b, " %s '%s'", opt, c->nobody);
}

/* The port of "HOST:PORT", unless it is ${usual}: for a command's option. */
static const char *
port_of(const char *listen, const char *usual)
{
	const char	*p = listen != NULL ? strrchr(listen, ':') : NULL;

	return p == NULL || strcmp(p + 1, usual) == 0 ? NULL : p + 1;
}

static json_t *
certbot(const struct conf *f, const struct respond *c, const char *url)
{
	struct buf	 b = BUF_INIT, env = BUF_INIT;
	const char	*port = port_of(f->http01_listen, "80");
	json_t		*a = json_array();

	if (f->acme_ca_file != NULL)
		buf_fmt(&env, "REQUESTS_CA_BUNDLE='%s' ", f->acme_ca_file);
	buf_fmt(&b, "%scertbot certonly --server %s", buf_text(&env), url);
	if (method(c) == CHALLENGE_DNS_01)
		buf_str(&b, " --manual --preferred-challenges dns");
	else if (f->http01_webroot != NULL)
		buf_fmt(&b, " --webroot -w '%s'", f->http01_webroot);
	else
		buf_str(&b, " --standalone --preferred-challenges http");
	if (method(c) == CHALLENGE_HTTP_01 && port != NULL)
		buf_fmt(&b, " --http-01-port %s", port);
	put_names(&b, c, "-d");
	json_array_append_new(a, json_string(buf_text(&b)));
	json_array_append_new(a, json_sprintf("%scertbot revoke --server %s "
	    "--cert-path bad.pem --reason cessationofoperation "
	    "--no-delete-after-revoke", buf_text(&env), url));
	buf_free(&b);
	buf_free(&env);
	return a;
}

static json_t *
lego(const struct conf *f, const struct respond *c, const char *url)
{
	struct buf	 b = BUF_INIT, env = BUF_INIT;
	const char	*mail = f->acme_email != NULL ? f->acme_email :
			    "you@example.com";
	json_t		*a = json_array();
	char		*first = mem_str(c->names.n != 0 ? c->names.v[0] : "");

	if (first[0] == '*')
		first[0] = '_';
	if (f->acme_ca_file != NULL)
		buf_fmt(&env, "LEGO_CA_CERTIFICATES='%s' ", f->acme_ca_file);
	buf_fmt(&b, "%slego --accept-tos --server %s --email %s",
	    buf_text(&env), url, mail);
	/* what places by itself would prove the last name, too */
	if (method(c) == CHALLENGE_DNS_01)
		buf_str(&b, " --dns manual");
	else if (method(c) == CHALLENGE_TLS_ALPN_01)
		buf_str(&b, " --tls");
	else if (f->http01_webroot != NULL)
		buf_fmt(&b, " --http --http.webroot '%s'",
		    f->http01_webroot);
	else
		buf_str(&b, " --http");
	if (method(c) == CHALLENGE_HTTP_01 && f->http01_webroot == NULL &&
	    port_of(f->http01_listen, "80") != NULL)
		buf_fmt(&b, " --http.port '%s'", f->http01_listen);
	if (method(c) == CHALLENGE_TLS_ALPN_01 &&
	    port_of(f->alpn01_listen, "443") != NULL)
		buf_fmt(&b, " --tls.port '%s'", f->alpn01_listen);
	put_names(&b, c, "--domains");
	buf_str(&b, " run");
	json_array_append_new(a, json_string(buf_text(&b)));
	json_array_append_new(a, json_sprintf("cp bad.pem "
	    "'.lego/certificates/%s.crt'", first));
	json_array_append_new(a, json_sprintf("%slego --server %s --email %s "
	    "--domains '%s' revoke --reason 5", buf_text(&env), url, mail,
	    c->names.n != 0 ? c->names.v[0] : ""));
	free(first);
	buf_free(&b);
	buf_free(&env);
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

json_t *
respond_plan(struct cmd_ctx *ctx, const struct respond *c,
    const struct directory *d, const char *away)
{
	static const char *const same[] = { "unknown", "same", "other" };
	const char	*url = acme_talk_directory(ctx->conf);
	char		 hex[2][65], t[CLK_TEXT];
	json_t		*o, *have = respond_caa_have(c, d);
	json_t		*out = json_array();

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
	json_object_set(o, "not_looked_at", c->unseen);
	json_object_set(o, "checks", c->checks);
	json_object_set(o, "same_key", c->same_key);
	json_object_set_new(o, "last_name_resolves", json_boolean(
	    c->nobody_is));
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
	json_object_set_new(o, "caa", respond_caa_want(c, d, out));
	json_object_set_new(o, "caa_left_out", out);
	json_object_set_new(o, "caa_now", have);
	json_object_set_new(o, "reuse", respond_reuse(c, have));
	json_object_set_new(o, "certbot", certbot(ctx->conf, c, url));
	json_object_set_new(o, "lego", lego(ctx->conf, c, url));
	return o;
}
