#include "ocsp/responder.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <limits.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "ocsp/asn.h"
#include "ocsp/said.h"
#include "pki/cert.h"

#define OID_KEY_USAGE	"\x55\x1d\x0f"
#define OID_NOCHECK	"\x2b\x06\x01\x05\x05\x07\x30\x01\x05"
#define OID_OCSP_SIGN	"\x2b\x06\x01\x05\x05\x07\x03\x09"

/* 2022-06-01T00:00:00Z */
#define SHA1_END	(1654041600 * CLK_SEC)

static int
is(struct span v, const char *oid, size_t n)
{
	return v.n == n && memcmp(v.p, oid, n) == 0;
}

/* The digest of RSASSA-PSS parameters (RFC 4055, 3.1): SHA-1 by default. */
static int
pss_digest(const X509_ALGOR *alg)
{
	const ASN1_OBJECT	*obj = NULL;
	const void		*v = NULL;
	RSA_PSS_PARAMS		*pss = NULL;
	int			 type = V_ASN1_UNDEF, md = NID_sha1;

	X509_ALGOR_get0(NULL, &type, &v, alg);
	if (type == V_ASN1_SEQUENCE)
		pss = ASN1_item_unpack(v, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	if (pss != NULL && pss->hashAlgorithm != NULL) {
		X509_ALGOR_get0(&obj, NULL, NULL, pss->hashAlgorithm);
		md = OBJ_obj2nid(obj);
	}
	RSA_PSS_PARAMS_free(pss);
	return md;
}

int
responder_digest_ok(struct span sigalg, int64_t now, struct err *e)
{
	const unsigned char	*p = sigalg.p;
	const ASN1_OBJECT	*obj = NULL;
	X509_ALGOR		*alg;
	int			 md = NID_undef, key = NID_undef, ok = 0;

	alg = sigalg.n <= LONG_MAX ? d2i_X509_ALGOR(NULL, &p,
	    (long)sigalg.n) : NULL;
	if (alg != NULL)
		X509_ALGOR_get0(&obj, NULL, NULL, alg);
	if (obj == NULL || OBJ_find_sigid_algs(OBJ_obj2nid(obj), &md,
	    &key) != 1) {
		(void)err_set(e, ERR_VERIFY, "the signature algorithm is not "
		    "known");
		goto out;
	}
	if (key == NID_rsassaPss)
		md = pss_digest(alg);
	if (md == NID_md2 || md == NID_md4 || md == NID_md5 ||
	    md == NID_mdc2 || md == NID_ripemd160)
		(void)err_set(e, ERR_VERIFY, "a signature with %s proves "
		    "nothing", OBJ_nid2sn(md));
	else if (md == NID_sha1 && now >= SHA1_END)
		(void)err_set(e, ERR_VERIFY, "a signature with SHA1 proves "
		    "nothing since 2022-06-01 (BR 7.1.3.2)");
	else
		ok = 1;
out:
	X509_ALGOR_free(alg);
	ERR_clear_error();
	return ok;
}

/* Extensions of a responder's certificate that we understand. */
static int
known_ext(struct span oid)
{
	/* keyUsage, subjectAltName, basicConstraints, certificatePolicies,
	   extKeyUsage: the last byte below id-ce. */
	static const uint8_t	ce[] = { 15, 17, 19, 32, 37 };

	return (oid.n == 3 && memcmp(oid.p, "\x55\x1d", 2) == 0 &&
	    memchr(ce, oid.p[2], sizeof(ce)) != NULL) ||
	    is(oid, OID_NOCHECK, sizeof(OID_NOCHECK) - 1);
}

/* basicConstraints with cA, or one that cannot be read. */
static int
is_ca(struct span basic)
{
	struct span	body;
	struct cur	c;
	struct der	d;

	if (der_only(basic, DER_SEQ, &body) == -1)
		return 1;
	c = cur_span(body);
	return der_want(&c, DER_BOOL, &d) == 0 &&
	    (d.body.n != 1 || d.body.p[0] != 0);
}

static int
may_sign(struct span usage)
{
	struct span	bits;

	return der_only(usage, DER_BITS, &bits) == 0 && bits.n >= 2 &&
	    (bits.p[1] & 0x80) != 0;
}

const char *
responder_profile(const struct der_tbs *t)
{
	struct cur	c = cur_span(t->exts);
	struct der_extn	x;
	struct span	v;
	int		eku, ku, basic;

	while (cur_left(&c) != 0)
		if (der_extn_next(&c, &x) == -1)
			return "has extensions that cannot be read";
		else if (x.critical && !known_ext(x.oid))
			return "has a critical extension that is not known "
			    "(RFC 5280, 4.2)";
	if ((eku = der_ext(t, DER_OID_ARG(DER_OID_EKU), &v, NULL)) != 1 ||
	    !der_eku(v, DER_OID_ARG(OID_OCSP_SIGN)))
		return eku == -1 ? "has extended key usage twice" :
		    "is not for OCSPSigning (RFC 6960 4.2.2.2)";
	ku = der_ext(t, DER_OID_ARG(OID_KEY_USAGE), &v, NULL);
	if (ku == -1 || (ku == 1 && !may_sign(v)))
		return "may not sign by its key usage (RFC 5280, 4.2.1.3)";
	basic = der_ext(t, DER_OID_ARG(DER_OID_BASIC), &v, NULL);
	if (basic == -1 || (basic == 1 && is_ca(v)))
		return "is a CA itself";
	return NULL;
}

int
responder_may(const struct certid_ca *who, const struct certid_ca *ca,
    int64_t now, struct err *e)
{
	struct span	tbs, alg;
	struct der_tbs	t;
	const char	*bad;

	if (der_cert(who->cert, &tbs, &alg, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return 0;
	if ((bad = responder_profile(&t)) != NULL) {
		(void)err_set(e, ERR_VERIFY, "the responder's certificate %s",
		    bad);
		return 0;
	}
	if (!responder_digest_ok(alg, now, e) ||
	    cert_signed_by(who->cert, ca->cert, e) != 1) {
		(void)err_prefix(e, "the responder's certificate was not "
		    "issued by the CA (RFC 6960 4.2.2.2)");
		return 0;
	}
	return 1;
}

/* Do two names say the same?  In any encoding (RFC 5280, 7.1). */
static int
same_name(struct span a, struct span b)
{
	const unsigned char	*p = a.p, *q = b.p;
	X509_NAME		*x, *y;
	int			 same;

	if (a.n == b.n && memcmp(a.p, b.p, a.n) == 0)
		return 1;
	if (a.n > LONG_MAX || b.n > LONG_MAX)
		return 0;
	x = d2i_X509_NAME(NULL, &p, (long)a.n);
	y = d2i_X509_NAME(NULL, &q, (long)b.n);
	same = x != NULL && y != NULL && X509_NAME_cmp(x, y) == 0;
	X509_NAME_free(x);
	X509_NAME_free(y);
	ERR_clear_error();
	return same;
}

char *
responder_name(const struct resp *r)
{
	const unsigned char	*p = r->by_name.p;
	X509_NAME		*name;
	struct buf		 hex = BUF_INIT;
	char			*text;

	if (p == NULL) {
		enc_hex(&hex, r->by_key.p, r->by_key.n);
		text = mem_str(buf_text(&hex));
		buf_free(&hex);
		return text;
	}
	name = r->by_name.n <= LONG_MAX ? d2i_X509_NAME(NULL, &p,
	    (long)r->by_name.n) : NULL;
	text = name != NULL ? asn_name(name) : mem_str("");
	X509_NAME_free(name);
	ERR_clear_error();
	return text;
}

/* Is this the one that the ResponderID names (RFC 6960 4.2.2.3)? */
static int
named(const struct resp *r, const struct certid_ca *who)
{
	uint8_t	hash[20];

	if (r->by_name.p != NULL)
		return same_name(r->by_name, who->subject);
	return r->by_key.n == sizeof(hash) &&
	    certid_key_hash(who, hash) == 0 &&
	    memcmp(hash, r->by_key.p, sizeof(hash)) == 0;
}

/* The judging of one answer. */
struct judge {
	const struct resp		*r;
	const struct certid_ca		*ca;
	const struct ocsp_read_in	*in;
	struct ocsp_said		*s;
	size_t				 named;	/* candidates so far */
	struct err			 may;	/* why one may not answer */
	struct err			 sig;	/* why no signature counts */
};

/* Its dates, at the moment of signing and now; then nocheck. */
static enum ocsp_who
delegate(const struct judge *j, const struct certid_ca *who)
{
	struct span	tbs;
	struct der_tbs	t;
	int64_t		from, to;

	if (der_cert(who->cert, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &t, NULL) == -1 ||
	    der_time(t.not_before, &from) == -1 ||
	    der_time(t.not_after, &to) == -1) {
		said_fault(j->s, OCSP_FAULT_RESPONDER, "the responder's "
		    "certificate has no validity that can be read");
		return OCSP_WHO_NONE;
	}
	from -= j->in->skew;
	to += j->in->skew;
	if (j->in->now < from || j->in->now > to)
		said_fault(j->s, OCSP_FAULT_RESPONDER_EXPIRED, "the "
		    "responder's certificate is not valid now (RFC 5280, "
		    "4.1.2.5)");
	if (der_ext(&t, DER_OID_ARG(OID_NOCHECK), NULL, NULL) != 1)
		said_fault(j->s, OCSP_FAULT_NO_NOCHECK, "the responder's "
		    "certificate lacks id-pkix-ocsp-nocheck (BR 7.1.2.8.6)");
	if (j->r->produced_at < from || j->r->produced_at > to) {
		said_fault(j->s, OCSP_FAULT_RESPONDER, "the responder's "
		    "certificate was not valid when it signed (RFC 5280, "
		    "4.1.2.5)");
		return OCSP_WHO_NONE;
	}
	return OCSP_WHO_DELEGATED;
}

/*
 * Is the signature that of one who is named?  The best of all tries counts:
 * valid, else bad, else unchecked.
 */
static int
signed_by(struct judge *j, const struct certid_ca *who)
{
	int	v;

	j->named++;
	v = cert_verify(j->r->sigalg, j->r->sig, j->r->tbs, who->spki,
	    &j->sig);
	if (v == 1)
		j->s->sig = OCSP_SIG_VALID;
	else if (v == 0 && j->s->sig != OCSP_SIG_VALID)
		j->s->sig = OCSP_SIG_BAD;
	return v == 1;
}

/*
 * Look for a responder among the certificates inside: 1 when it is there.
 * Another certificate of the CA's own key is the CA, under any name.
 */
static int
inside(struct judge *j)
{
	struct certid_ca	who;
	size_t			i;

	for (i = 0; i < j->r->ncerts; i++) {
		if (certid_ca(j->r->certs[i], &who, NULL) == -1 ||
		    !named(j->r, &who) || !signed_by(j, &who))
			continue;
		if (is(who.spki, (const char *)j->ca->spki.p, j->ca->spki.n))
			j->s->who = OCSP_WHO_ISSUER;
		else if (responder_may(&who, j->ca, j->in->now, &j->may))
			j->s->who = delegate(j, &who);
		else
			continue;
		return 1;
	}
	return 0;
}

void
responder_judge(const struct resp *r, const struct certid_ca *ca,
    const struct ocsp_read_in *in, struct ocsp_said *s)
{
	struct judge	j = { r, ca, in, s, 0, ERR_INIT, ERR_INIT };

	s->sig = OCSP_SIG_UNCHECKED;
	if (!responder_digest_ok(r->sigalg, in->now, &j.sig)) {
		said_fault(s, OCSP_FAULT_SIGNATURE, "%s", j.sig.msg);
		return;
	}
	if (named(r, ca) && signed_by(&j, ca)) {
		s->who = OCSP_WHO_ISSUER;
		return;
	}
	if (inside(&j))
		return;
	if (j.named == 0)
		said_fault(s, OCSP_FAULT_RESPONDER, "neither the CA nor a "
		    "certificate inside is the responder that it names "
		    "(RFC 6960 4.2.2.3)");
	else if (s->sig == OCSP_SIG_VALID)
		said_fault(s, OCSP_FAULT_RESPONDER, "%s", j.may.msg);
	else if (s->sig == OCSP_SIG_BAD)
		said_fault(s, OCSP_FAULT_SIGNATURE, "the signature of the "
		    "response does not verify (RFC 6960 4.2.1)");
	else
		said_fault(s, OCSP_FAULT_SIGNATURE, "%s", j.sig.msg);
}
