#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "base/clk.h"

/* Names, endpoints and so on that are listed in text; JSON has all. */
#define SHOWN		20

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

/* What the pre-flight could not tell, or warns of; the rest is missing. */
static void
say_checks(const json_t *a)
{
	const json_t	*k;
	struct buf	 b = BUF_INIT;
	size_t		 i, n = 0;

	json_array_foreach(a, i, k) {
		if (strcmp(message_get(k, "says"), "cannot tell") != 0 ||
		    n == SHOWN)
			continue;
		buf_reset(&b);
		buf_fmt(&b, "%s%s%s", message_get(k, "name"),
		    message_get(k, "name")[0] != '\0' ? ": " : "",
		    message_get(k, "sentence"));
		line(n++ == 0 ? "not told" : "", buf_text(&b));
	}
	buf_free(&b);
}

static void
say_served(const struct respond *c)
{
	const json_t	*s;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	json_array_foreach(c->served, i, s) {
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
		line("served by", "none of our endpoints, none of its names "
		    "that could be looked at now");
	json_array_foreach(c->unseen, i, s) {
		buf_reset(&b);
		buf_fmt(&b, "%s: %s", message_get(s, "endpoint"),
		    message_get(s, "why"));
		if (i == SHOWN) {
			buf_reset(&b);
			buf_fmt(&b, "and %zu more",
			    json_array_size(c->unseen) - i);
		}
		line(i == 0 ? "not seen" : "", buf_text(&b));
		if (i == SHOWN)
			break;
	}
	buf_free(&b);
}

/* Others with its key: the one who has that key has them, too. */
static void
say_same_key(const json_t *a)
{
	const json_t	*k;
	struct buf	 b = BUF_INIT;
	json_int_t	 f;
	size_t		 i;
	int		 open = 0;

	json_array_foreach(a, i, k) {
		f = json_integer_value(json_object_get(k, "finding"));
		buf_reset(&b);
		buf_fmt(&b, "%s, serial %s, until %s: ", json_string_value(
		    json_array_get(json_object_get(k, "names"), 0)) != NULL ?
		    json_string_value(json_array_get(json_object_get(k,
		    "names"), 0)) : "no name", message_get(k, "serial"),
		    message_get(k, "not_after"));
		if (json_is_true(json_object_get(k, "revoked")))
			buf_str(&b, "revoked");
		else if (f != 0)
			buf_fmt(&b, "finding %lld", (long long)f);
		else
			buf_fmt(&b, "%s; certvigil revoke %s", json_is_true(
			    json_object_get(k, "ours")) ? "ours" :
			    "no finding is open about it",
			    message_get(k, "tbs_sha256"));
		open |= f != 0 && !json_is_true(json_object_get(k,
		    "revoked"));
		line(i == 0 ? "same key" : "", buf_text(&b));
	}
	if (open)
		line("", "--same-key answers those findings, too");
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

/* --- CAA, and what the other one can still do ---------------------------- */

static void
say_have(const json_t *have)
{
	const json_t	*n, *r;
	struct buf	 b = BUF_INIT;
	size_t		 i, k;

	json_array_foreach(have, i, n) {
		buf_reset(&b);
		buf_fmt(&b, "%s: %s", message_get(n, "name"),
		    strcmp(message_get(n, "state"), "bound") == 0 ?
		    "bound to our account already" :
		    strcmp(message_get(n, "state"), "closed") == 0 ?
		    "our account may not order either: our proofs are "
		    "refused until it may" :
		    strcmp(message_get(n, "state"), "open") == 0 ?
		    "any account at this CA may order: replace" :
		    message_get(n, "why"));
		line(i == 0 ? "there now" : "", buf_text(&b));
		json_array_foreach(json_object_get(n, "records"), k, r) {
			buf_reset(&b);
			buf_fmt(&b, "  %s. IN CAA %s", message_get(n, "at"),
			    json_string_value(r));
			line("", buf_text(&b));
		}
	}
	buf_free(&b);
}

/* Who else may go on, and who may not: renewals would end in silence. */
static void
say_others(const json_t *o)
{
	const json_t	*r;
	struct buf	 b = BUF_INIT;
	size_t		 i, n = 0;

	json_array_foreach(json_object_get(o, "caa"), i, r)
		n += strstr(json_string_value(r), "; validationmethods=") ==
		    NULL;
	if (n != 0)
		line("", "those without validationmethods are of our other "
		    "clients (certvigil known list --accounts), so that they "
		    "can renew");
	line("beware", "any other account is shut out: one of yours that is "
	    "not listed needs certvigil known import --from first");
	json_array_foreach(json_object_get(o, "caa_left_out"), i, r) {
		buf_reset(&b);
		buf_fmt(&b, "%s is known, but not what its CA is called in "
		    "CAA records: add one of its own", json_string_value(r));
		line("left out", buf_text(&b));
	}
	buf_free(&b);
}

static void
say_caa(const json_t *o)
{
	const json_t	*r = json_object_get(o, "reuse");
	double		 days = json_real_value(json_object_get(r, "days"));
	const int	 bound = json_is_true(json_object_get(r, "bound"));
	const int	 over = json_is_true(json_object_get(r, "over"));

	printf("\nWhat the other account has proven counts at this CA until\n"
	    "%s at the latest (%.*f days,\n%s)%s\n", message_get(r, "until"),
	    days < 1 ? 1 : 0, days, message_get(r, "by"), over ?
	    ": that is over." : bound ? ", but CAA does not let it order." :
	    ": it may order again until then.");
	printf("%s bind the names to our accounts (a CA looks\nat CAA at "
	    "most 8 hours before it issues). For the zone:\n",
	    bound ? "These" : "Publish these first: they");
	lines("publish", json_object_get(o, "caa"));
	say_others(o);
	say_have(json_object_get(o, "caa_now"));
}

/* --- all ----------------------------------------------------------------- */

static void
say(struct cmd_ctx *ctx, const struct respond *c, const json_t *o)
{
	char	t[CLK_TEXT];

	line("certificate", c->der.n != 0 ? message_get(o, "cert_sha256") :
	    "its bytes are not known");
	line("serial", c->serial);
	line("until", clk_text(c->not_after, t));
	say_names(json_object_get(o, "names"));
	say_checks(c->checks);
	say_served(c);
	say_same_key(c->same_key);
	say_ca(c, o);
	if (c->revoked)
		line("revoked", "yes; nothing is left to do but to see how "
		    "it came about");
	lines("missing", json_object_get(o, "missing"));
	say_caa(o);
	printf("\nThen all names are proven by our account in orders that "
	    "are never\nfinalized, and the certificate is revoked with reason "
	    "5\n(cessationOfOperation):\n");
	say_next(ctx, c, o);
	printf("\nThe same by hand. The last name is there so that the order "
	    "fails: leave it\nunproven. bad.pem is the certificate in "
	    "certvigil respond %lld --report:\n", (long long)c->id);
	lines("certbot", json_object_get(o, "certbot"));
	lines("lego", json_object_get(o, "lego"));
	if (c->nobody_is)
		line("beware", "the last name has an address (a wildcard in "
		    "the DNS), so that http-01 may prove it, too: take one "
		    "that has none");
}

void
respond_say(struct cmd_ctx *ctx, const struct respond *c, json_t *o)
{
	if (ctx->json) {
		cmd_json(o);
		return;
	}
	say(ctx, c, o);
	json_decref(o);
}
