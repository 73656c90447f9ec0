#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "base/clk.h"
#include "base/enc.h"
#include "pki/pem.h"

#define LOGS_SHOWN	20

/*
 * What Baseline Requirements 4.9.1.1 say of it, by the reason: the clock runs
 * from when the CA has the evidence.
 */
struct ground {
	const char	*item, *clock, *reason, *why;
};

static const struct ground compromised = {
	"4.9.1.1, first list (evidence of a Key Compromise)", "24 hours",
	"keyCompromise",
	"The private key of this certificate is known to be compromised."
};
static const struct ground unauthorized = {
	"4.9.1.1, first list (the validation of domain authorization or\n"
	"            control should not be relied upon; the original request\n"
	"            was not authorized)", "24 hours", "cessationOfOperation",
	"We control the names marked below. We did not request this\n"
	"certificate, did not authorize anybody to request it, and have no\n"
	"record of any order for it."
};
static const struct ground misused = {
	"4.9.1.1, second list (evidence that the certificate was misused)",
	"5 days", "privilegeWithdrawn",
	"The key of this certificate is ours. We did not request this\n"
	"certificate for it, and did not authorize anybody to do so."
};

static const struct ground *
ground(const struct respond *c)
{
	size_t	i;

	if (strcmp(message_get(c->finding, "key_status"), "compromised") == 0)
		return &compromised;
	for (i = 0; i < c->names.n; i++)
		if (c->name[i].watched)
			return &unauthorized;
	/* a watch matched what ACME could not order, such as a subject */
	return strcmp(message_get(c->finding, "kind"), "key.misused") == 0 ?
	    &misused : &unauthorized;
}

static void
line(const char *label, const char *text)
{
	char	*s = cmd_clean(text);

	printf("%-11s %s\n", label, s);
	free(s);
}

static void
put_names(const struct respond *c)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	for (i = 0; i < c->names.n; i++) {
		buf_reset(&b);
		buf_fmt(&b, "%s%s", c->names.v[i], c->name[i].watched ?
		    " (ours)" : "");
		line(i == 0 ? "Names:" : "", buf_text(&b));
	}
	if (c->names.n == 0)
		line("Name:", message_get(c->finding, "name"));
	buf_free(&b);
}

static void
put_entry(const json_t *n)
{
	struct buf	b = BUF_INIT;
	char		t[CLK_TEXT];
	int64_t		ms = json_integer_value(json_object_get(n,
			    "timestamp"));

	buf_fmt(&b, "%s, entry %lld (%s), %s, inclusion %s; log id %s",
	    message_get(n, "log"), (long long)json_integer_value(
	    json_object_get(n, "index")), message_get(n, "entry_type"),
	    clk_text(ms * 1000, t), json_is_true(json_object_get(n,
	    "proven")) ? "proven" : "not proven yet", message_get(n,
	    "log_id"));
	line("  -", buf_text(&b));
	buf_free(&b);
}

static void
put_evidence(const struct respond *c)
{
	size_t	i, n = json_array_size(c->entries);

	printf("How it was seen (Certificate Transparency, RFC 6962):\n");
	for (i = 0; i < n && i < LOGS_SHOWN; i++)
		put_entry(json_array_get(c->entries, i));
	if (i < n)
		printf("  - and %zu entries more\n", n - i);
	if (n == 0)
		printf("  - in no log that we read\n");
	line("First seen:", message_get(c->finding, "first_seen"));
	line("By rule:", message_get(c->finding, "reason"));
	if (message_get(c->finding, "caa")[0] != '\0')
		line("CAA:", message_get(c->finding, "caa"));
	for (i = 0; i < json_array_size(c->served); i++)
		line(i == 0 ? "Served by:" : "", message_get(json_array_get(
		    c->served, i), "endpoint"));
	if (i == 0)
		line("Served by:", "none of our servers");
}

static void
put_pem(const struct respond *c)
{
	struct buf	b = BUF_INIT;

	pem_put(&b, "CERTIFICATE", buf_bytes(&c->der));
	printf("\n%s", buf_text(&b));
	buf_free(&b);
}

static void
put_head(struct cmd_ctx *ctx, const struct respond *c)
{
	const char	*to = message_get(c->finding, "ca_contact");
	char		*owner = cmd_clean(message_get(c->finding,
			    "issuer_owner"));

	line("To:", to[0] != '\0' ? to : "the problem report address in the "
	    "CA's CPS, section 1.5.2 (it is not known to us)");
	line("From:", ctx->conf->contact);
	printf("Subject:    Certificate problem report: serial %s\n\n",
	    c->serial);
	printf("This is a Certificate Problem Report (Baseline Requirements, "
	    "4.9.3). We ask for\nthe revocation of the certificate below%s"
	    "%s.\n\n", owner[0] != '\0' ? ", issued by " : "", owner);
	free(owner);
}

void
respond_report(struct cmd_ctx *ctx, const struct respond *c)
{
	const struct ground	*g = ground(c);
	char			 hex[65], from[CLK_TEXT], to[CLK_TEXT];

	put_head(ctx, c);
	line("Serial:", c->serial);
	if (c->der.n != 0)
		printf("SHA-256:    %s%s\n", enc_hex_to(hex, c->sha256, 32),
		    c->is_precert ? " (of the precertificate)" : "");
	printf("Issuer key: %s (SHA-256 of its SubjectPublicKeyInfo)\n",
	    enc_hex_to(hex, c->issuer, 32));
	printf("Valid:      %s to %s\n", clk_text(c->not_before, from),
	    clk_text(c->not_after, to));
	put_names(c);
	printf("\n%s\n\n", g->why);
	put_evidence(c);
	printf("\nGround:     Baseline Requirements %s\n", g->item);
	printf("Clock:      revocation within %s of this evidence (4.9.1.1); a "
	    "preliminary\n            report to us within 24 hours (4.9.5)\n",
	    g->clock);
	printf("Reason:     %s (RFC 5280, 5.3.1)\n", g->reason);
	if (c->der.n != 0)
		put_pem(c);
}
