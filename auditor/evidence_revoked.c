#include <stdlib.h>
#include <string.h>

#include "auditor/evidence.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ocsp/crlscan_parts.h"
#include "ocsp/crlset.h"
#include "ocsp/ocsp_ask.h"
#include "pki/cert.h"

/*
 * CRLs and OCSP answers: what their bytes say, judged as if at the moment
 * that they were made, so that it is the same for ever.
 */

/* An answer without nextUpdate is no older than itself. */
#define ANY_AGE	(3650 * 86400 * CLK_SEC)

static void
set_time(json_t *o, const char *key, int64_t t)
{
	char	text[CLK_TEXT];

	if (t != INT64_MIN)
		json_object_set_new(o, key, json_string(clk_text(t, text)));
}

/* Who signed: 0 or -1. */
static int
set_issuer(json_t *o, struct span issuer, struct err *e)
{
	uint8_t	key[32], sha[32];

	if (cert_key_hash(issuer, key, e) == -1)
		return err_prefix(e, "`issuer`");
	sha_256(sha, issuer.p, issuer.n);
	json_object_set_new(o, "issuer", evidence_b64(issuer.p, issuer.n));
	json_object_set_new(o, "issuer_sha256", evidence_hex(sha, 32));
	json_object_set_new(o, "issuer_spki_sha256", evidence_hex(key, 32));
	return 0;
}

/* Where it was fetched, which its bytes do not say. */
static void
set_url(json_t *o, const char *url)
{
	if (o != NULL && url != NULL)
		json_object_set_new(o, "url", evidence_text(url));
}

/* --- CRLs --- */

/* The serials as a set whose numbers are their positions: 0 or -1. */
static int
set_of(const struct evidence_crl *in, struct buf *image, struct crlset *set,
    struct err *e)
{
	struct crlset_build	*b;
	size_t			 i;
	long			 n;

	if (in->n == 0 || in->n > LIMIT_EVIDENCE_SERIALS)
		return err_set(e, ERR_LIMIT, "a CRL is asked for 1 to %u "
		    "serials", LIMIT_EVIDENCE_SERIALS);
	b = crlset_new();
	for (i = 0; i < in->n; i++) {
		n = crlset_add(b, in->serials[i], e);
		if (n == (long)i)
			continue;
		if (n != -1)
			(void)err_set(e, ERR_FORMAT, "a serial is there "
			    "twice");
		crlset_free(b);
		return -1;
	}
	crlset_done(b, image);
	return crlset_open(set, image->p, image->n, e);
}

/* What is read from the list itself. */
static void
set_list(json_t *o, const struct crlscan_out *out)
{
	json_object_set_new(o, "signature_algorithm",
	    evidence_text(out->sigalg));
	if (out->number[0] != '\0')
		json_object_set_new(o, "number", json_string(out->number));
	set_time(o, "this_update", out->this_update);
	set_time(o, "next_update", out->next_update);
	if (out->idp[0] != '\0')
		json_object_set_new(o, "idp", evidence_text(out->idp));
	json_object_set_new(o, "fault",
	    json_string(crl_fault_name(out->fault)));
}

/* One serial: its entry, or NULL when it is not listed. */
static json_t *
serial_of(const char *serial, const struct crlscan_hit *hit)
{
	json_t	*s = json_object();

	json_object_set_new(s, "serial", json_string(serial));
	json_object_set_new(s, "status", json_string(hit != NULL ? "revoked" :
	    "not_listed"));
	if (hit == NULL)
		return s;
	set_time(s, "at", hit->at);
	if (hit->reason != -1)
		json_object_set_new(s, "reason", json_integer(hit->reason));
	return s;
}

static json_t *
serials_of(const struct evidence_crl *in, const struct crlscan_out *out)
{
	const struct crlscan_hit	**hits;
	json_t				*a = json_array();
	size_t				 i;

	hits = mem_array(in->n, sizeof(*hits));
	for (i = 0; i < out->nhits; i++)
		hits[out->hits[i].number] = &out->hits[i];
	for (i = 0; i < in->n; i++)
		json_array_append_new(a, serial_of(in->serials[i], hits[i]));
	free(hits);
	return a;
}

/* When it was made, which is when it is judged. */
static void
judge_crl(const struct crlscan_in *in, struct span raw,
    struct crlscan_out *out)
{
	struct crlscan_in	at = *in;

	crlscan_bytes(in, raw, out);
	if (out->this_update == INT64_MIN)
		return;
	at.now = out->this_update;
	crlscan_out_free(out);
	crlscan_bytes(&at, raw, out);
}

json_t *
evidence_describe_crl(const struct evidence_crl *in, struct err *e)
{
	struct crlscan_in	 how;
	struct crlscan_out	 out;
	struct crlset		 set;
	struct buf		 image = BUF_INIT;
	uint8_t			 sha[32];
	json_t			*o = NULL;

	if (in->raw.n > LIMIT_CRL_KEEP) {
		(void)err_set(e, ERR_LIMIT, "a CRL of %zu bytes, more than "
		    "%u", in->raw.n, LIMIT_CRL_KEEP);
		return NULL;
	}
	if (set_of(in, &image, &set, e) == -1)
		goto out;
	memset(&how, 0, sizeof(how));
	how.issuer = in->issuer;
	how.set = &set;
	how.last_this = INT64_MIN;
	how.max_age = ANY_AGE;
	judge_crl(&how, in->raw, &out);
	sha_256(sha, in->raw.p, in->raw.n);
	if (!out.authentic) {
		(void)err_set(e, ERR_VERIFY, "the CRL: %s", out.why);
		goto freed;
	}
	o = json_object();
	if (set_issuer(o, in->issuer, e) == -1) {
		json_decref(o);
		o = NULL;
		goto freed;
	}
	json_object_set_new(o, "raw", evidence_b64(in->raw.p, in->raw.n));
	json_object_set_new(o, "sha256", evidence_hex(sha, 32));
	json_object_set_new(o, "entries",
	    json_integer((json_int_t)out.count));
	set_list(o, &out);
	json_object_set_new(o, "serials", serials_of(in, &out));
freed:
	crlscan_out_free(&out);
out:
	buf_free(&image);
	return o;
}

/* The entries that were kept, as they are. */
static json_t *
kept_of(const struct evidence_crl *in, const struct crlparts *parts,
    const struct crlset *set, struct err *e)
{
	struct crlscan_hit	 hit;
	json_t			*a = json_array(), *s;
	size_t			 i;

	for (i = 0; i < in->n; i++) {
		if (parts[i].entry.n == 0) {
			json_array_append_new(a, serial_of(in->serials[i],
			    NULL));
			continue;
		}
		if (crlscan_parts_entry(parts[i].entry, set, &hit) == -1 ||
		    hit.number != (long)i) {
			(void)err_set(e, ERR_VERIFY, "an entry is not that of "
			    "its serial (RFC 5280 5.1.2.6)");
			json_decref(a);
			return NULL;
		}
		s = serial_of(in->serials[i], &hit);
		json_object_set_new(s, "raw", evidence_b64(hit.raw.p,
		    hit.raw.n));
		json_array_append_new(a, s);
	}
	return a;
}

/* Are they of one CRL? */
static int
one_crl(const struct crlparts *p, size_t n)
{
	size_t	i;

	for (i = 1; i < n; i++)
		if (memcmp(p[i].sha256, p->sha256, 32) != 0 ||
		    p[i].digest.n != p->digest.n ||
		    memcmp(p[i].digest.p, p->digest.p, p->digest.n) != 0)
			return 0;
	return 1;
}

json_t *
evidence_describe_parts(const struct evidence_crl *in,
    const struct crlparts *parts, struct err *e)
{
	struct crlscan_parts	 how = { in->issuer, parts->header,
				    parts->tail, parts->digest };
	struct crlscan_out	 out;
	struct crlset		 set;
	struct buf		 image = BUF_INIT;
	json_t			*o = NULL, *kept = NULL;

	memset(&out, 0, sizeof(out));
	if (set_of(in, &image, &set, e) == -1)
		goto out;
	if (!one_crl(parts, in->n)) {
		(void)err_set(e, ERR_FORMAT, "the parts are of several CRLs");
		goto out;
	}
	crlscan_parts(&how, &out);
	if (!out.authentic) {
		(void)err_set(e, ERR_VERIFY, "the CRL: %s", out.why);
		goto out;
	}
	if ((kept = kept_of(in, parts, &set, e)) == NULL)
		goto out;
	o = json_object();
	json_object_set_new(o, "digest", evidence_hex(parts->digest.p,
	    parts->digest.n));
	json_object_set_new(o, "header", evidence_b64(parts->header.p,
	    parts->header.n));
	json_object_set_new(o, "tail", evidence_b64(parts->tail.p,
	    parts->tail.n));
	set_list(o, &out);
	json_object_set_new(o, "serials", kept);
	if (set_issuer(o, in->issuer, e) == -1) {
		json_decref(o);
		o = NULL;
	}
out:
	crlscan_out_free(&out);
	buf_free(&image);
	return o;
}

int
evidence_crl(struct evidence *ev, const struct evidence_crl *in,
    struct err *e)
{
	json_t	*said = evidence_describe_crl(in, e);

	set_url(said, in->url);
	return said == NULL ? -1 : evidence_add(ev, "crl", "transferable",
	    said, in->raw.n + in->issuer.n + 200 * in->n, e);
}

int
evidence_crl_parts(struct evidence *ev, const struct evidence_crl *in,
    const struct crlparts *parts, int64_t now, struct err *e)
{
	struct evidence_ref	 ref = EVIDENCE_NO_REF;
	json_t			*said = evidence_describe_parts(in, parts, e),
				*t;
	uint8_t			 digest[32];
	size_t			 i, bytes = parts->header.n + parts->tail.n;

	if (said == NULL)
		return -1;
	set_url(said, in->url);
	for (i = 0; i < in->n; i++)
		bytes += parts[i].entry.n + 200;
	ref.parts = evidence_add(ev, "crl_parts", "transferable", said,
	    bytes, e);
	if (ref.parts == -1)
		return -1;
	evidence_hash(evidence_statement(ev, ref.parts), digest);
	t = json_object();
	json_object_set_new(t, "type", json_string(EVIDENCE_CRL));
	set_time(t, "made_at", now);
	json_object_set_new(t, "parts_sha256", evidence_hex(digest, 32));
	json_object_set_new(t, "sha256", evidence_hex(parts->sha256, 32));
	json_object_set_new(t, "bytes",
	    json_integer((json_int_t)parts->bytes));
	json_object_set_new(t, "entries",
	    json_integer((json_int_t)parts->count));
	return evidence_attest(ev, t, &ref, e) == -1 ? -1 : ref.parts;
}

/* --- OCSP --- */

/* As if at producedAt: 0 when somebody signed it who may. */
static int
judge_ocsp(const struct evidence_ocsp *in, struct ocsp_said *said,
    struct err *e)
{
	struct ocsp_read_in	how;

	memset(&how, 0, sizeof(how));
	how.issuer = in->issuer;
	how.serial = in->serial;
	how.max_age = ANY_AGE;
	ocsp_said_read(in->raw, &how, said);
	if (said->produced_at != INT64_MIN) {
		how.now = said->produced_at;
		ocsp_said_free(said);
		ocsp_said_read(in->raw, &how, said);
	}
	if ((said->faults & (OCSP_FAULT_MALFORMED | OCSP_FAULT_OUTER |
	    OCSP_FAULT_ABSENT)) == 0 && said->sig == OCSP_SIG_VALID &&
	    said->who != OCSP_WHO_NONE && said->says != OCSP_SAYS_NOTHING)
		return 0;
	return err_set(e, ERR_VERIFY, "the OCSP answer: %s",
	    said->why[0] != '\0' ? said->why : "it is not authentic");
}

json_t *
evidence_describe_ocsp(const struct evidence_ocsp *in, struct err *e)
{
	static const char *const says[] = { "", "good", "revoked", "unknown" };
	struct ocsp_said	 s;
	json_t			*o = NULL;
	uint8_t			 sha[32];

	if (judge_ocsp(in, &s, e) == -1)
		goto out;
	o = json_object();
	if (set_issuer(o, in->issuer, e) == -1) {
		json_decref(o);
		o = NULL;
		goto out;
	}
	sha_256(sha, in->raw.p, in->raw.n);
	json_object_set_new(o, "raw", evidence_b64(in->raw.p, in->raw.n));
	json_object_set_new(o, "sha256", evidence_hex(sha, 32));
	json_object_set_new(o, "serial", json_string(in->serial));
	json_object_set_new(o, "status", json_string(says[s.says]));
	json_object_set_new(o, "responder", evidence_text(s.responder));
	json_object_set_new(o, "signed_by", json_string(s.who ==
	    OCSP_WHO_ISSUER ? "issuer" : "delegate"));
	set_time(o, "produced_at", s.produced_at);
	set_time(o, "this_update", s.this_update);
	set_time(o, "next_update", s.next_update);
	if (s.says == OCSP_SAYS_REVOKED) {
		set_time(o, "revoked_at", s.revoked_at);
		if (s.reason != -1)
			json_object_set_new(o, "reason",
			    json_integer(s.reason));
	}
out:
	ocsp_said_free(&s);
	return o;
}

int
evidence_ocsp(struct evidence *ev, const struct evidence_ocsp *in,
    struct err *e)
{
	json_t	*said = evidence_describe_ocsp(in, e);

	set_url(said, in->url);
	return said == NULL ? -1 : evidence_add(ev, "ocsp", "transferable",
	    said, in->raw.n + in->issuer.n, e);
}
