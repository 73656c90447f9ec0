#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/cmd/signer.h"
#include "auditor/db/evidence_store.h"
#include "auditor/evidence.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "pki/owner.h"
#include "pki/pem.h"

#define LOGS_SHOWN	20
#define HOUR		(3600 * CLK_SEC)

/*
 * What Baseline Requirements 4.9.1.1 say of it, by the reason: the clock runs
 * from when the CA has the evidence.
 */
struct ground {
	const char	*item;
	int		 hours;
	const char	*reason, *why;
};

static const struct ground compromised = {
	"4.9.1.1 (3): evidence that the private key suffered a Key\n"
	"            Compromise", 24, "keyCompromise",
	"The private key of this certificate is known to be compromised."
};
static const struct ground unauthorized = {
	"4.9.1.1 (5): evidence that the validation of domain\n"
	"            authorization or control should not be relied upon", 24,
	"superseded",
	"We control the names marked below. We did not request this\n"
	"certificate, did not authorize anybody to request it, and have no\n"
	"record of any order for it."
};
static const struct ground misused = {
	"4.9.1.1 (7): evidence that the certificate was misused", 5 * 24,
	"privilegeWithdrawn",
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
line(struct buf *out, const char *label, const char *text)
{
	char	*s = cmd_clean(text);

	buf_fmt(out, "%-11s %s\n", label, s);
	free(s);
}

static void
put_names(struct buf *out, const struct respond *c)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	for (i = 0; i < c->names.n; i++) {
		buf_reset(&b);
		buf_fmt(&b, "%s%s", c->names.v[i], c->name[i].watched ?
		    " (ours)" : "");
		line(out, i == 0 ? "Names:" : "", buf_text(&b));
	}
	if (c->names.n == 0)
		line(out, "Name:", message_get(c->finding, "name"));
	buf_free(&b);
}

static void
put_entry(struct buf *out, const json_t *n)
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
	line(out, "  -", buf_text(&b));
	buf_free(&b);
}

static void
put_evidence(struct buf *out, const struct respond *c)
{
	size_t	i, n = json_array_size(c->entries);

	buf_fmt(out, "How it was seen (Certificate Transparency, RFC 6962):\n");
	for (i = 0; i < n && i < LOGS_SHOWN; i++)
		put_entry(out, json_array_get(c->entries, i));
	if (i < n)
		buf_fmt(out, "  - and %zu entries more\n", n - i);
	if (n == 0)
		buf_fmt(out, "  - in no log that we read\n");
	line(out, "First seen:", message_get(c->finding, "first_seen"));
	line(out, "By rule:", message_get(c->finding, "reason"));
	if (message_get(c->finding, "caa")[0] != '\0')
		line(out, "CAA:", message_get(c->finding, "caa"));
	for (i = 0; i < json_array_size(c->served); i++)
		line(out, i == 0 ? "Served by:" : "", message_get(json_array_get(
		    c->served, i), "endpoint"));
	if (i == 0)
		line(out, "Served by:", "none of our servers");
}

static void
put_pem(struct buf *out, const struct respond *c)
{
	struct buf	b = BUF_INIT;

	pem_put(&b, "CERTIFICATE", buf_bytes(&c->der));
	buf_fmt(out, "\n%s", buf_text(&b));
	buf_free(&b);
}

static const char *
contact(const struct respond *c)
{
	const char	*to = message_get(c->finding, "ca_contact");

	if (to[0] == '\0')
		to = owner_contact(message_get(c->finding, "issuer_owner"));
	return to != NULL && to[0] != '\0' ? to : "the problem report "
	    "address in the CA's CPS, section 1.5.2 (it is not known to us)";
}

static void
put_head(struct buf *out, struct cmd_ctx *ctx, const struct respond *c)
{
	char	*owner = cmd_clean(message_get(c->finding, "issuer_owner"));

	line(out, "To:", contact(c));
	line(out, "From:", ctx->conf->contact);
	buf_fmt(out, "Subject:    Certificate problem report: serial %s\n\n",
	    c->serial);
	buf_fmt(out, "This is a Certificate Problem Report (Baseline "
	    "Requirements, 4.9.3). We ask for\nthe revocation of the "
	    "certificate below%s%s.\n\n", owner[0] != '\0' ?
	    ", issued by " : "", owner);
	free(owner);
}

/* All but the evidence file. */
static void
put_text(struct buf *out, struct cmd_ctx *ctx, const struct respond *c,
    int64_t now)
{
	const struct ground	*g = ground(c);
	char			 hex[65], from[CLK_TEXT], to[CLK_TEXT];

	put_head(out, ctx, c);
	line(out, "Serial:", c->serial);
	if (c->der.n != 0)
		buf_fmt(out, "SHA-256:    %s%s\n", enc_hex_to(hex, c->sha256,
		    32), c->is_precert ? " (of the precertificate)" : "");
	buf_fmt(out, "Issuer key: %s (SHA-256 of its SubjectPublicKeyInfo)\n",
	    enc_hex_to(hex, c->issuer, 32));
	buf_fmt(out, "Valid:      %s to %s\n", clk_text(c->not_before, from),
	    clk_text(c->not_after, to));
	put_names(out, c);
	buf_fmt(out, "\n%s\n\n", g->why);
	put_evidence(out, c);
	buf_fmt(out, "\nGround:     Baseline Requirements %s\n", g->item);
	buf_fmt(out, "Clock:      revocation within %s of this evidence, sent "
	    "now: by\n            %s (4.9.1.1);\n            a preliminary "
	    "report to us by %s (4.9.5)\n", g->hours == 24 ? "24 hours" :
	    "5 days", clk_text(now + g->hours * HOUR, from),
	    clk_text(now + 24 * HOUR, to));
	buf_fmt(out, "Reason:     %s (RFC 5280, 5.3.1)\n", g->reason);
	if (c->der.n != 0)
		put_pem(out, c);
}

/* The evidence file; without one, why: nothing was proven yet. */
static int
bundle(struct cmd_ctx *ctx, const struct respond *c, struct buf *out,
    struct err *e)
{
	struct signer	 s;
	struct evidence	*ev;
	char		*what = mem_printf("%lld", (long long)c->id);
	int		 rc = -1;

	memset(&s, 0, sizeof(s));
	if (signer_open(&s, ctx->conf->state_dir, e) == 0) {
		ev = evidence_new(&s.signer);
		if (evidence_store_what(ctx->db, what, ev, e) == 0)
			rc = evidence_finish(ev, clk_wall(), out, e);
		evidence_free(ev);
	}
	signer_close(&s);
	free(what);
	return rc;
}

/* As one object. */
static void
say_json(struct cmd_ctx *ctx, const struct respond *c, const struct buf *text,
    const struct buf *ev, int64_t now)
{
	const struct ground	*g = ground(c);
	char			 t[2][CLK_TEXT];

	cmd_json(json_pack("{sI ss ss ss ss ss ss ss so?}", "finding",
	    (json_int_t)c->id, "to", contact(c), "from", ctx->conf->contact,
	    "serial", c->serial, "reason", g->reason, "revoked_by",
	    clk_text(now + g->hours * HOUR, t[0]), "preliminary_by",
	    clk_text(now + 24 * HOUR, t[1]), "text", buf_text(text),
	    "evidence", ev->n != 0 ? json_loadb((const char *)ev->p, ev->n,
	    0, NULL) : json_null()));
}

static void
say_files(struct cmd_ctx *ctx, const struct respond *c, const char *path,
    const char *evidence)
{
	if (ctx->json)
		cmd_json(json_pack("{sI ss ss?}", "finding",
		    (json_int_t)c->id, "report", path, "evidence", evidence));
	else
		printf("finding %lld: the report is in %s%s%s; it is for %s\n",
		    (long long)c->id, path, evidence != NULL ? ", its "
		    "evidence in " : "", evidence != NULL ? evidence : "",
		    contact(c));
}

static int
write_all(struct cmd_ctx *ctx, const struct respond *c, const char *path,
    struct buf *text, struct buf *ev, const char *none, int64_t now,
    struct err *e)
{
	char	*beside = mem_printf("%s.evidence.json", path != NULL ? path :
		    "");
	int	 rc;

	if (ev->n == 0)
		buf_fmt(text, "\nEvidence:   no file yet: %s\n", none);
	else if (path != NULL)
		buf_fmt(text, "\nEvidence:   the file %s beside this one, "
		    "which\n            anybody can verify\n", beside);
	if (ctx->json && path == NULL) {
		say_json(ctx, c, text, ev, now);
		rc = 0;
	} else {
		if (ev->n != 0 && path == NULL) {
			buf_str(text, "\nEvidence:   from { on, a file that "
			    "anybody can verify\n\n");
			buf_span(text, buf_bytes(ev));
		}
		rc = signer_write(path, text, e);
		if (rc == 0 && ev->n != 0 && path != NULL)
			rc = signer_write(beside, ev, e);
		if (rc == 0 && path != NULL)
			say_files(ctx, c, path, ev->n != 0 ? beside : NULL);
	}
	free(beside);
	return rc;
}

int
respond_report(struct cmd_ctx *ctx, const struct respond *c,
    const char *path, struct err *e)
{
	struct buf	text = BUF_INIT, ev = BUF_INIT;
	struct err	none = ERR_INIT;
	int64_t		now = clk_wall();
	char		t[CLK_TEXT];
	int		rc;

	put_text(&text, ctx, c, now);
	if (bundle(ctx, c, &ev, &none) == -1)
		buf_reset(&ev);
	rc = cmd_audit(ctx, "finding.respond.report", json_pack(
	    "{sI ss ss ss}", "finding", (json_int_t)c->id, "serial",
	    c->serial, "to", contact(c), "revoked_by", clk_text(now +
	    ground(c)->hours * HOUR, t)), e);
	if (rc == 0)
		rc = write_all(ctx, c, path, &text, &ev, none.msg, now, e);
	buf_free(&text);
	buf_free(&ev);
	return rc;
}
