#include "ctlog/scts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "ctlog/sct.h"
#include "pki/cert.h"
#include "pki/der.h"

/* The clocks of logs may be ahead of ours by so much (microseconds). */
#define SKEW (60 * CLK_SEC)

/* What all SCTs of one certificate are judged by. */
struct judge {
	const struct scts_in	*in;
	int64_t			 not_after;
	struct buf		 bare;		/* TBS, no poison, no SCTs */
	struct entry		 precert;	/* what embedded SCTs sign */
	struct entry		 x509;		/* what the others sign */
	struct scts		*out;
	size_t			 cap;		/* of out->v */
};

const char *
scts_status_name(enum scts_status s)
{
	switch (s) {
	case SCTS_VALID:
		return "valid";
	case SCTS_BAD_SIGNATURE:
		return "bad_signature";
	case SCTS_UNKNOWN_LOG:
		return "unknown_log";
	case SCTS_NOT_COUNTED:
		return "not_counted";
	case SCTS_MALFORMED:
		return "malformed";
	}
	return "unknown";
}

const char *
scts_source_name(enum scts_source s)
{
	switch (s) {
	case SCTS_CERT:
		return "certificate";
	case SCTS_TLS:
		return "tls";
	case SCTS_OCSP:
		return "ocsp";
	}
	return "unknown";
}

/* Set the outcome; names of logs come from a list: printable ASCII only. */
static void __attribute__((format(printf, 3, 4)))
judged(struct scts_one *o, enum scts_status status, const char *fmt, ...)
{
	va_list	 ap;
	char	*p;

	o->status = status;
	va_start(ap, fmt);
	(void)vsnprintf(o->reason, sizeof(o->reason), fmt, ap);
	va_end(ap);
	for (p = o->reason; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* Why one of the lists as a whole is not read; they may be up to three. */
static void
list_reason(struct scts *s, enum scts_source from, const char *why)
{
	size_t	n = strlen(s->reason);

	(void)snprintf(s->reason + n, sizeof(s->reason) - n, "%s%s: %s",
	    n == 0 ? "" : "; ", scts_source_name(from), why);
}

/* --- the certificate and its issuer --- */

/*
 * The candidate that signed.  Only those with the right name cost a
 * signature, and only so many of them are tried.
 */
static void
find_issuer(struct judge *j, struct span name)
{
	const struct scts_in	*in = j->in;
	struct der_tbs		 t;
	struct span		 tbs;
	size_t			 i, tried = 0;

	for (i = 0; i < in->nissuers && tried < LIMIT_SCTS_ISSUERS; i++) {
		if (der_cert(in->issuers[i], &tbs, NULL, NULL, NULL) == -1 ||
		    der_tbs(tbs, &t, NULL) == -1 || t.subject.n != name.n ||
		    memcmp(t.subject.p, name.p, name.n) != 0)
			continue;
		tried++;
		if (cert_signed_by(in->cert, in->issuers[i], NULL) != 1)
			continue;
		j->out->issuer = (int)i;
		j->out->presigned = cert_is_presigner(in->issuers[i]);
		sha_256(j->precert.issuer_key_hash, t.spki.p, t.spki.n);
		return;
	}
}

/*
 * The TBSCertificate without poison and SCT list, cut out of the bytes.  A
 * precertificate of a Precertificate Signing Certificate also gets its final
 * issuer.  1: it has poison, 0: not, -1.
 */
static int
bare_tbs(struct judge *j, struct span tbs, struct err *e)
{
	const struct scts_in	*in = j->in;
	struct buf		 b = BUF_INIT;
	int			 poison;

	poison = der_tbs_without(tbs, DER_OID_ARG(DER_OID_POISON), &b, e);
	if (poison == 1 && j->out->presigned) {
		buf_reset(&b);
		if (cert_precert_tbs(in->cert, &in->issuers[j->out->issuer],
		    1, &b, NULL, e) == -1)
			poison = -1;
	}
	if (poison != -1 && der_tbs_without(buf_bytes(&b),
	    DER_OID_ARG(DER_OID_SCTS), &j->bare, e) == -1)
		poison = -1;
	buf_free(&b);
	if (poison != -1)
		sha_256(j->out->tbs_sha256, j->bare.p, j->bare.n);
	return poison;
}

/* Take the certificate apart.  The embedded list, n 0 where there is none. */
static int
read_cert(struct judge *j, struct span *embedded, struct err *e)
{
	struct der_tbs	t;
	struct span	tbs, value;
	struct err	why = ERR_INIT;
	int		poison, has;

	if (der_cert(j->in->cert, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	if (der_time(t.not_after, &j->not_after) == -1)
		return err_set(e, ERR_FORMAT, "certificate: notAfter is no "
		    "time (RFC 5280 4.1.2.5)");
	find_issuer(j, t.issuer);
	if ((poison = bare_tbs(j, tbs, e)) == -1)
		return -1;
	j->precert.type = ENTRY_PRECERT;
	j->precert.cert = buf_bytes(&j->bare);
	j->x509.type = ENTRY_X509;
	j->x509.cert = j->in->cert;
	if ((has = der_ext(&t, DER_OID_ARG(DER_OID_SCTS), &value,
	    NULL)) == -1)
		return err_set(e, ERR_FORMAT, "certificate: the extensions "
		    "cannot be read (RFC 5280 4.2)");
	if (has == 1 && poison == 1)
		list_reason(j->out, SCTS_CERT, "a precertificate holds no "
		    "SCTs (RFC 6962 3.1)");
	else if (has == 1 && sct_unwrap(value, embedded, &why) == -1)
		list_reason(j->out, SCTS_CERT, why.msg);
	else if (has == 1 && embedded->n == 0)
		list_reason(j->out, SCTS_CERT, "SCT list: cut short "
		    "(RFC 6962 3.3)");
	return 0;
}

/* --- one SCT --- */

static void
leaf_hash(const struct sct *s, const struct entry *subject, uint8_t out[32])
{
	struct entry	en = *subject;
	struct buf	b = BUF_INIT;

	/* No log can have signed what has no room in a leaf. */
	if (en.cert.n >= 1u << 24)
		return;
	en.timestamp = s->timestamp;
	en.ext = s->ext;
	buf_u8(&b, 0);
	entry_put(&b, &en);
	sha_256(out, b.p, b.n);
	buf_free(&b);
}

/*
 * The signature does not verify.  CAs were seen to drop the extensions of
 * static logs or to leave them base64-encoded: say that where it shows.
 */
static void
bad_signature(const struct sct *s, const struct entry *subject,
    struct scts_one *o, const char *why)
{
	struct buf	b = BUF_INIT;
	struct sct	t = *s;
	int64_t		index = -1;

	judged(o, SCTS_BAD_SIGNATURE, "%s", why);
	if (o->log->protocol != LOGLIST_STATIC || s->leaf_index != -1)
		goto out;
	if (s->ext.n == 0)
		judged(o, SCTS_BAD_SIGNATURE, "the signature does not "
		    "verify: the SCT has no extensions, but its log is of "
		    "static-ct-api and signs leaf_index: were they dropped?");
	else if (enc_unb64((const char *)s->ext.p, s->ext.n, &b) == 0 &&
	    entry_extensions(buf_bytes(&b), &index, NULL) == 0 &&
	    index != -1) {
		t.ext = buf_bytes(&b);
		judged(o, SCTS_BAD_SIGNATURE, "the signature does not "
		    "verify: the extensions were left base64-encoded%s",
		    sct_verify(&t, subject, (struct span){ o->log->key,
		    o->log->nkey }, NULL) == 0 ?
		    " (decoded, it verifies)" : "");
	}
out:
	buf_free(&b);
}

/* The signature is right: did the log count then, for this certificate? */
static void
counts(const struct judge *j, struct scts_one *o)
{
	const struct loglist_log	*l = o->log;
	char				 when[CLK_TEXT];

	if (l->state == LOGLIST_PENDING || l->state == LOGLIST_REJECTED)
		judged(o, SCTS_NOT_COUNTED, "the log %.60s is %s",
		    l->description, loglist_state_name(l->state));
	else if (l->state == LOGLIST_RETIRED &&
	    (int64_t)o->timestamp >= l->state_at / 1000)
		judged(o, SCTS_NOT_COUNTED, "the log %.60s was retired %s, "
		    "before this SCT", l->description,
		    clk_text(l->state_at, when));
	else if (l->has_interval &&
	    (j->not_after < l->start || j->not_after >= l->end))
		judged(o, SCTS_NOT_COUNTED, "notAfter %s is outside the "
		    "interval of the log %.60s",
		    clk_text(j->not_after, when), l->description);
	else if ((int64_t)o->timestamp > (j->in->at + SKEW) / 1000)
		judged(o, SCTS_NOT_COUNTED, "the timestamp is more than %d s "
		    "in the future (RFC 6962 5.2)", (int)(SKEW / CLK_SEC));
	else
		judged(o, SCTS_VALID, "%s", "");
}

static void
judge_one(const struct judge *j, struct scts_one *o)
{
	const struct entry	*subject = &j->x509;
	struct err		 e = ERR_INIT;
	struct sct		 s;
	int			 known = 1;

	o->leaf_index = -1;
	if (sct_read(o->raw, &s, &e) == -1) {
		judged(o, SCTS_MALFORMED, "%s", e.msg);
		return;
	}
	memcpy(o->log_id, s.log_id, sizeof(o->log_id));
	o->timestamp = s.timestamp;
	o->leaf_index = s.leaf_index;
	if (o->source == SCTS_CERT) {
		subject = &j->precert;
		known = j->out->issuer != -1;
	}
	if (known)
		leaf_hash(&s, subject, o->leaf_hash);
	if (j->in->logs != NULL)
		o->log = loglist_find(j->in->logs, s.log_id);
	if (o->log == NULL)
		judged(o, SCTS_UNKNOWN_LOG, "no log in the list has this id");
	else if (!known)
		judged(o, SCTS_NOT_COUNTED, "the issuer's certificate is not "
		    "at hand: the signature cannot be checked "
		    "(RFC 6962 3.2)");
	else if (sct_verify(&s, subject, (struct span){ o->log->key,
	    o->log->nkey }, &e) == -1)
		bad_signature(&s, subject, o, e.msg);
	else
		counts(j, o);
}

/* --- all of them --- */

/* Judge the SCTs of one list; one bad SCT does not hide the others. */
static void
judge_list(struct judge *j, enum scts_source from, struct span list)
{
	struct span	 raw[LIMIT_SCTS];
	struct scts	*s = j->out;
	struct err	 e = ERR_INIT;
	size_t		 i, n;

	if (list.n == 0)
		return;
	if (sct_list(list, raw, LIMIT_SCTS - s->n, &n, &e) == -1) {
		list_reason(s, from, e.msg);
		return;
	}
	s->v = mem_grow(s->v, &j->cap, s->n + n, sizeof(s->v[0]));
	memset(s->v + s->n, 0, n * sizeof(s->v[0]));
	for (i = 0; i < n; i++) {
		s->v[s->n].source = from;
		s->v[s->n].raw = raw[i];
		judge_one(j, &s->v[s->n++]);
	}
}

int
scts_read(const struct scts_in *in, struct scts *out, struct err *e)
{
	struct judge	j;
	struct span	embedded = { NULL, 0 };
	int		rc = -1;

	memset(&j, 0, sizeof(j));
	memset(out, 0, sizeof(*out));
	out->issuer = -1;
	out->logs = in->logs;
	j.in = in;
	j.out = out;
	if (read_cert(&j, &embedded, e) == -1)
		goto out;
	judge_list(&j, SCTS_CERT, embedded);
	judge_list(&j, SCTS_TLS, in->tls);
	judge_list(&j, SCTS_OCSP, in->ocsp);
	rc = 0;
out:
	buf_free(&j.bare);
	return rc;
}

void
scts_free(struct scts *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}
