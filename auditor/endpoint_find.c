#include "auditor/endpoint_find.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/route.h"
#include "auditor/cert_find.h"
#include "auditor/db/finding.h"
#include "auditor/db/watcher.h"
#include "base/clk.h"
#include "base/enc.h"
#include "pki/name.h"

static const struct {
	const char	*kind;
	const char	*gone;
} faults[ENDPOINT_FAULTS] = {
	[ENDPOINT_UNLOGGED] = { "endpoint.unlogged_certificate",
	    "it serves a certificate that a log has shown" },
	[ENDPOINT_EXPIRING] = { "endpoint.expiring",
	    "it serves a certificate that is valid for long enough" },
	[ENDPOINT_MISMATCH] = { "endpoint.mismatch",
	    "it serves a certificate for its name" },
	[ENDPOINT_INCOMPLETE] = { "endpoint.incomplete_chain",
	    "it serves a whole chain" },
	[ENDPOINT_OLD] = { "endpoint.old_certificate",
	    "it serves another certificate" },
	[ENDPOINT_STAPLE] = { "revocation.source_faulty",
	    "its stapled answer is in order" },
};

void
endpoint_find_begin(struct endpoint_find *f, const struct endpoint_row *row)
{
	memset(f, 0, sizeof(*f));
	f->row = row;
}

/* Note a fault, unless a graver one is noted. */
static void note(struct endpoint_find *, enum endpoint_fault, const char *,
    const char *, ...) __attribute__((format(printf, 4, 5)));

static void
note(struct endpoint_find *f, enum endpoint_fault what, const char *severity,
    const char *fmt, ...)
{
	char	text[2048];
	va_list	ap;

	if (f->v[what].severity != NULL && route_severity(
	    f->v[what].severity) <= route_severity(severity))
		return;
	f->v[what].severity = severity;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* names of strangers: what does not fit is cut at a character */
	(void)name_display(text, strlen(text), f->v[what].why,
	    sizeof(f->v[what].why));
}

/* One third and one sixth of the lifetime left, and none. */
static void
expiry(struct endpoint_find *f, const char *addr, const struct judge_cert *k)
{
	int64_t	now = clk_wall(), life = k->not_after - k->not_before;
	int64_t	left = k->not_after - now;
	char	t[CLK_TEXT];

	(void)clk_text(k->not_after, t);
	if (left < 0)
		note(f, ENDPOINT_EXPIRING, "critical", "%s serves a "
		    "certificate that expired at %s", addr, t);
	else if (left < life / 6)
		note(f, ENDPOINT_EXPIRING, "high", "the certificate at %s "
		    "expires at %s: less than a sixth of its lifetime is "
		    "left", addr, t);
	else if (left < life / 3)
		note(f, ENDPOINT_EXPIRING, "medium", "the certificate at %s "
		    "expires at %s: less than a third of its lifetime is "
		    "left", addr, t);
}

static int
trusted(const struct judge_cert *k)
{
	size_t	i;

	for (i = 0; i < k->npaths; i++)
		if (k->paths[i].verdict == CHAIN_TRUSTED)
			return 1;
	return 0;
}

static void
staple(struct endpoint_find *f, const char *addr, const struct judge_cert *k,
    const struct ocsp_said *s)
{
	if (s == NULL) {
		if (k->must_staple && !f->stapled)
			note(f, ENDPOINT_STAPLE, "medium", "%s staples no "
			    "OCSP answer, and its certificate says that it "
			    "must (RFC 7633)", addr);
		return;
	}
	if (ocsp_said_counts(s) == OCSP_SAYS_REVOKED)
		note(f, ENDPOINT_OLD, "critical", "%s serves a certificate "
		    "of which its own stapled answer says that it is revoked",
		    addr);
	else if (ocsp_said_counts(s) != OCSP_SAYS_GOOD)
		note(f, ENDPOINT_STAPLE, "medium", "%s staples an answer "
		    "that says nothing: %s", addr, s->why);
}

/* What the database knows of it. */
static void
about(struct endpoint_find *f, const char *addr, const struct judge_cert *k,
    const struct endpoint_about *a)
{
	if (!a->logged && !a->known) {
		if (a->promised)
			f->v[ENDPOINT_UNLOGGED].wait = 1;
		else
			note(f, ENDPOINT_UNLOGGED, "critical", "%s serves a "
			    "certificate that no log has shown: %s, serial "
			    "%.64s", addr, k->issuer, k->serial);
	}
	if (a->revoked)
		note(f, ENDPOINT_OLD, "critical", "%s serves a certificate "
		    "that is revoked", addr);
	else if (a->renewed)
		note(f, ENDPOINT_OLD, "medium", "%s serves the old "
		    "certificate: another for its names is there since "
		    "more than 3 days", addr);
	if (!trusted(k) && a->trusted)
		note(f, ENDPOINT_INCOMPLETE, "medium", "what %s serves does "
		    "not lead to a root by itself: a certificate between is "
		    "missing", addr);
}

static void
detail(struct endpoint_find *f, const char *addr, const struct judge_cert *k)
{
	char	 cert[65], tbs[65], t[CLK_TEXT], *text;
	json_t	*o;

	(void)enc_hex_to(cert, k->cert_sha256, 32);
	(void)enc_hex_to(tbs, k->tbs_sha256, 32);
	o = json_pack("{ss ss ss ss ss ss}", "addr", addr, "cert_sha256",
	    cert, "tbs_sha256", tbs, "serial", k->serial, "issuer",
	    k->issuer, "not_after", clk_text(k->not_after, t));
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text != NULL && strlen(text) < sizeof(f->detail))
		(void)snprintf(f->detail, sizeof(f->detail), "%s", text);
	free(text);
	json_decref(o);
}

int
endpoint_find_add(struct endpoint_find *f, struct db *db, const char *addr,
    const struct judge_cert *k, const struct ocsp_said *s, struct err *e)
{
	struct cert_in		in = { k->tbs_sha256, k };
	struct endpoint_about	a;

	if (endpoint_about(db, k->tbs_sha256, &a, e) == -1 ||
	    endpoint_served_at(db, k->tbs_sha256, e) == -1)
		return -1;
	detail(f, addr, k);
	expiry(f, addr, k);
	if (k->name_ok == 0)
		note(f, ENDPOINT_MISMATCH, "high", "the certificate at %s is "
		    "not for %s", addr, f->row->host);
	about(f, addr, k, &a);
	staple(f, addr, k, s);
	/* of one that its issuer's job looks at, that one speaks */
	return a.have ? 0 : cert_find(db, &in, 1, e);
}

int
endpoint_find_end(struct endpoint_find *f, struct db *db, struct err *e)
{
	struct finding	x = { .subject = f->row->subject, .owner =
	    f->row->owner, .watch = "", .name = f->row->host,
	    .issuer_first_seen = INT64_MIN, .detail = f->detail[0] != '\0' ?
	    f->detail : NULL };
	int		i, rc = 0;

	for (i = 0; i < ENDPOINT_FAULTS && rc == 0; i++) {
		x.kind = faults[i].kind;
		x.severity = f->v[i].severity;
		x.reason = f->v[i].why;
		if (f->v[i].severity != NULL)
			rc = finding_open(db, &x, NULL, NULL, e);
		else if (!f->v[i].wait)
			rc = watcher_gone(db, faults[i].kind, f->row->subject,
			    faults[i].gone, e);
	}
	return rc;
}
