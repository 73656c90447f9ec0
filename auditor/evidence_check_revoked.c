#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_check.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"

/* CRLs and OCSP answers: read anew, and the same must come out. */

#define LIST	"s signature_algorithm,?s number,t this_update," \
    "?t next_update,?s idp,s fault,a serials"
#define FROM	"s type,s grade,?s url,b issuer,h issuer_sha256," \
    "h issuer_spki_sha256,"

/* The serials that a statement is about. */
struct asked {
	const char	**serials;	/* borrowed from the statement */
	size_t		  n;
};

static int
asked_of(const json_t *o, const char *shape, struct asked *q, struct err *e)
{
	const json_t	*a = json_object_get(o, "serials"), *v;

	q->n = json_array_size(a);
	if (q->n == 0 || q->n > LIMIT_EVIDENCE_SERIALS)
		return err_set(e, ERR_LIMIT, "`serials` has none, or more "
		    "than %u", LIMIT_EVIDENCE_SERIALS);
	q->serials = mem_array(q->n, sizeof(*q->serials));
	for (q->n = 0; q->n < json_array_size(a); q->n++) {
		v = json_array_get(a, q->n);
		if (evidence_shape(v, shape, e) == -1)
			return err_prefix(e, "`serials`");
		q->serials[q->n] = evidence_str(v, "serial");
	}
	return 0;
}

/* type and grade, and url where it is there, are not derived. */
static size_t
beside(const json_t *o)
{
	return 2 + (json_object_get(o, "url") != NULL);
}

/* In words: of one serial, or of how many. */
static void
say(const json_t *o, const char *what, char *why, size_t cap)
{
	const json_t	*a = json_object_get(o, "serials"), *v;
	size_t		 i, revoked = 0;

	for (i = 0; i < json_array_size(a); i++) {
		v = json_array_get(a, i);
		revoked += strcmp(evidence_str(v, "status"), "revoked") == 0;
	}
	v = json_array_get(a, 0);
	if (i != 1)
		(void)snprintf(why, cap, "%s of %s lists %zu of %zu serials",
		    what, evidence_str(o, "this_update"), revoked, i);
	else if (revoked == 0)
		(void)snprintf(why, cap, "%s of %s does not list %.130s",
		    what, evidence_str(o, "this_update"), evidence_str(v,
		    "serial"));
	else
		(void)snprintf(why, cap, "%s of %s lists %.130s as revoked "
		    "since %s", what, evidence_str(o, "this_update"),
		    evidence_str(v, "serial"), evidence_str(v, "at"));
}

enum evidence_verdict
evidence_check_crl(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	struct evidence_crl	 in;
	struct asked		 q = { NULL, 0 };
	struct buf		 issuer = BUF_INIT, raw = BUF_INIT;
	int			 rc = -1;

	(void)f;
	(void)i;
	if (evidence_shape(o, FROM "b raw,h sha256,i entries," LIST, e) == -1)
		return EVIDENCE_INVALID;
	if (asked_of(o, "s serial,s status,?t at,?i reason", &q, e) == 0) {
		evidence_bytes(o, "issuer", &issuer);
		evidence_bytes(o, "raw", &raw);
		in = (struct evidence_crl){ NULL, buf_bytes(&issuer),
		    buf_bytes(&raw), q.serials, q.n };
		rc = evidence_agrees(o, evidence_describe_crl(&in, e),
		    beside(o), e);
	}
	say(o, "the issuer's CRL", why, cap);
	free(q.serials);
	buf_free(&issuer);
	buf_free(&raw);
	return rc == -1 ? EVIDENCE_INVALID : EVIDENCE_VALID;
}

/* The digest, in hex of any length up to 64 bytes. */
static int
digest_of(const json_t *o, struct buf *out, struct err *e)
{
	const char	*s = evidence_str(o, "digest");

	if (enc_unhex(s, strlen(s), out) == -1 || out->n == 0 || out->n > 64)
		return err_set(e, ERR_FORMAT, "`digest` is no hash");
	return 0;
}

/* The parts as they were kept, one for each serial; entries in ${b}. */
static struct crlparts *
parts_of(const json_t *o, const struct crlparts *common, size_t n,
    struct buf *b)
{
	const json_t	*a = json_object_get(o, "serials"), *v;
	struct crlparts	*p = mem_array(n, sizeof(*p));
	size_t		 i, at;

	for (i = 0; i < n; i++) {
		v = json_array_get(a, i);
		p[i] = *common;
		at = b->n;
		if (json_object_get(v, "raw") != NULL)
			evidence_bytes(v, "raw", b);
		p[i].entry.n = b->n - at;
	}
	for (i = 0, at = 0; i < n; at += p[i++].entry.n)
		p[i].entry.p = b->p + at;
	return p;
}

enum evidence_verdict
evidence_check_parts(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	static const uint8_t	 unknown[32] = { 0 };
	struct evidence_crl	 in;
	struct crlparts		 common, *p = NULL;
	struct asked		 q = { NULL, 0 };
	struct buf		 b[5];
	size_t			 k;
	int			 rc = -1;

	memset(b, 0, sizeof(b));
	if (evidence_shape(o, FROM "s digest,b header,b tail," LIST, e) == -1)
		return EVIDENCE_INVALID;
	if (asked_of(o, "s serial,s status,?t at,?i reason,?b raw", &q, e)
	    == -1 || digest_of(o, &b[0], e) == -1)
		goto out;
	evidence_bytes(o, "issuer", &b[1]);
	evidence_bytes(o, "header", &b[2]);
	evidence_bytes(o, "tail", &b[3]);
	memset(&common, 0, sizeof(common));
	common.sha256 = unknown;
	common.digest = buf_bytes(&b[0]);
	common.header = buf_bytes(&b[2]);
	common.tail = buf_bytes(&b[3]);
	p = parts_of(o, &common, q.n, &b[4]);
	in = (struct evidence_crl){ NULL, buf_bytes(&b[1]), { NULL, 0 },
	    q.serials, q.n };
	rc = evidence_agrees(o, evidence_describe_parts(&in, p, e),
	    beside(o), e);
	if (rc == 0)
		f->items[i].type = 'p';
	say(o, "parts of the CRL whose digest the issuer signed: that", why,
	    cap);
out:
	free(p);
	free(q.serials);
	for (k = 0; k < 5; k++)
		buf_free(&b[k]);
	return rc == -1 ? EVIDENCE_INVALID : EVIDENCE_VALID;
}

enum evidence_verdict
evidence_check_ocsp(struct evidence_file *f, size_t i, const json_t *o,
    char *why, size_t cap, struct err *e)
{
	struct evidence_ocsp	in;
	struct buf		issuer = BUF_INIT, raw = BUF_INIT;
	int			rc;

	(void)f;
	(void)i;
	if (evidence_shape(o, FROM "b raw,h sha256,s serial,s status,"
	    "s responder,s signed_by,t produced_at,t this_update,"
	    "?t next_update,?t revoked_at,?i reason", e) == -1)
		return EVIDENCE_INVALID;
	evidence_bytes(o, "issuer", &issuer);
	evidence_bytes(o, "raw", &raw);
	in = (struct evidence_ocsp){ NULL, buf_bytes(&issuer),
	    buf_bytes(&raw), evidence_str(o, "serial") };
	rc = evidence_agrees(o, evidence_describe_ocsp(&in, e), beside(o), e);
	(void)snprintf(why, cap, "the responder said %s of %.130s at %s",
	    evidence_str(o, "status"), in.serial, evidence_str(o,
	    "produced_at"));
	buf_free(&issuer);
	buf_free(&raw);
	return rc == -1 ? EVIDENCE_INVALID : EVIDENCE_VALID;
}
