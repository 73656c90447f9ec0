#include "acme/csr.h"

#include <stdlib.h>
#include <string.h>

#include "acme/pkey.h"
#include "acme/tlv.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/pem.h"
#include "pki/weak.h"

/* RFC 2985, 5.4.2 */
#define OID_EXTREQ	"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"

#define OID_SPAN(s)	((struct span){ (const uint8_t *)(s), sizeof(s) - 1 })

/* A request taken apart; spans are whole elements. */
struct parts {
	struct span	info;
	struct span	alg;
	struct span	sig;		/* without the count of unused bits */
	struct span	subject;
	struct span	spki;
	struct span	attrs;		/* body of [0] */
};

/* [0] { SEQUENCE { extensionRequest, SET { Extensions } } } */
static void
put_attributes(const struct san *names, struct buf *out)
{
	struct buf	san = BUF_INIT, b = BUF_INIT, attr = BUF_INIT;

	san_put(names, &san);
	tlv_ext(&b, OID_SPAN(DER_OID_SAN), 0, buf_bytes(&san));
	tlv_wrap(&b, DER_SEQ);
	tlv_wrap(&b, DER_SET);
	tlv_add(&attr, DER_OID, OID_EXTREQ, sizeof(OID_EXTREQ) - 1);
	buf_add(&attr, b.p, b.n);
	tlv_wrap(&attr, DER_SEQ);
	tlv_add(out, 0xa0, attr.p, attr.n);
	buf_free(&san);
	buf_free(&b);
	buf_free(&attr);
}

int
csr_make(EVP_PKEY *key, const struct san *names, struct buf *der,
    struct err *e)
{
	struct pkey_how	how;
	struct buf	b = BUF_INIT;
	int		r = -1;

	if (names->n == 0)
		return err_set(e, ERR_FORMAT, "certificate request: no names");
	tlv_add(&b, DER_INT, "\0", 1);
	tlv_add(&b, DER_SEQ, NULL, 0);
	if (pkey_how(key, &how, e) == 0 && pkey_spki(key, &b, e) == 0) {
		put_attributes(names, &b);
		tlv_wrap(&b, DER_SEQ);
		r = tlv_sign(key, buf_bytes(&b), der, e);
	}
	buf_free(&b);
	return r == 0 ? 0 : err_prefix(e, "certificate request");
}

/* CertificationRequestInfo (RFC 2986, 4.1). */
static int
split_info(struct span body, struct parts *p)
{
	struct cur	c = cur_span(body);
	struct der	d;

	if (der_want(&c, DER_INT, &d) == -1 || d.body.n != 1 ||
	    d.body.p[0] != 0 || der_want(&c, DER_SEQ, &d) == -1)
		return -1;
	p->subject = d.whole;
	if (der_want(&c, DER_SEQ, &d) == -1)
		return -1;
	p->spki = d.whole;
	if (cur_left(&c) == 0)
		return 0;
	if (der_want(&c, 0xa0, &d) == -1 || cur_left(&c) != 0)
		return -1;
	p->attrs = d.body;
	return 0;
}

static int
split(struct span der, struct parts *p, struct err *e)
{
	struct span	body;
	struct cur	c;
	struct der	info, alg, sig;

	memset(p, 0, sizeof(*p));
	if (der_only(der, DER_SEQ, &body) == -1)
		goto bad;
	c = cur_span(body);
	if (der_want(&c, DER_SEQ, &info) == -1 ||
	    der_want(&c, DER_SEQ, &alg) == -1 ||
	    der_want(&c, DER_BITS, &sig) == -1 || cur_left(&c) != 0 ||
	    sig.body.n < 1 || sig.body.p[0] != 0 ||
	    split_info(info.body, p) == -1)
		goto bad;
	p->info = info.whole;
	p->alg = alg.whole;
	p->sig = (struct span){ sig.body.p + 1, sig.body.n - 1 };
	return 0;
bad:
	return err_set(e, ERR_FORMAT, "not the DER of a PKCS #10 request "
	    "(RFC 2986, 4)");
}

/* The subjectAltName among requested extensions: body of GeneralNames. */
static int
find_san(struct span exts, struct span *san)
{
	struct cur	c = cur_span(exts);
	struct der_extn	x;

	while (cur_left(&c) != 0) {
		if (der_extn_next(&c, &x) == -1)
			return -1;
		if (x.oid.n != sizeof(DER_OID_SAN) - 1 ||
		    memcmp(x.oid.p, DER_OID_SAN, x.oid.n) != 0)
			continue;
		if (san->p != NULL || der_only(x.value, DER_SEQ, san) == -1)
			return -1;
	}
	return 0;
}

/* The extensions that are asked for: one attribute with one value. */
static int
find_exts(struct span attrs, struct span *exts)
{
	struct cur	c = cur_span(attrs), in;
	struct der	d, oid;

	while (cur_left(&c) != 0) {
		if (der_want(&c, DER_SEQ, &d) == -1)
			return -1;
		in = cur_span(d.body);
		if (der_want(&in, DER_OID, &oid) == -1 ||
		    der_want(&in, DER_SET, &d) == -1 || cur_left(&in) != 0)
			return -1;
		if (oid.body.n != sizeof(OID_EXTREQ) - 1 ||
		    memcmp(oid.body.p, OID_EXTREQ, oid.body.n) != 0)
			continue;
		if (exts->p != NULL || der_only(d.body, DER_SEQ, exts) == -1)
			return -1;
	}
	return 0;
}

static int
read_names(const struct parts *p, struct san *names, struct err *e)
{
	struct span	exts = { NULL, 0 }, san = { NULL, 0 };

	if (find_exts(p->attrs, &exts) == -1 || find_san(exts, &san) == -1)
		return err_set(e, ERR_FORMAT, "the extensions that it asks "
		    "for cannot be read (RFC 2985, 5.4.2)");
	if (san.p == NULL)
		return err_set(e, ERR_FORMAT, "no names: it must ask for a "
		    "subjectAltName; a common name alone is not looked at");
	if (san_read(san, names, e) == -1)
		return -1;
	return san_subject(names, p->subject, e);
}

/* What CAs take (BR 6.1.5): RSA, P-256, P-384, P-521, and no weak ones. */
static int
check_key(struct span spki, struct csr *c, struct err *e)
{
	char	why[256];

	cert_key_type(spki, c->key_type, sizeof(c->key_type));
	if (strncmp(c->key_type, "rsa", 3) != 0 &&
	    strcmp(c->key_type, "p256") != 0 &&
	    strcmp(c->key_type, "p384") != 0 &&
	    strcmp(c->key_type, "p521") != 0)
		return err_set(e, ERR_FORMAT, "a key of the type %s; CAs take "
		    "p256, p384, p521 and RSA", c->key_type);
	/* a sentence and no fault: it cannot be read or is too long */
	if (weak_key(spki, NULL, why, sizeof(why)) != WEAK_NO ||
	    *why != '\0')
		return err_set(e, ERR_FORMAT, "its key is no good: %s", why);
	sha_256(c->spki_sha256, spki.p, spki.n);
	return 0;
}

/* ECDSA (RFC 5758, 3.2) and RSA (RFC 4055, 5) with SHA-2. */
static int
check_alg(struct span alg, struct err *e)
{
	static const struct {
		const char	*oid;
		size_t		 n;
	} good[] = {
		{ "\x2a\x86\x48\xce\x3d\x04\x03\x02", 8 },
		{ "\x2a\x86\x48\xce\x3d\x04\x03\x03", 8 },
		{ "\x2a\x86\x48\xce\x3d\x04\x03\x04", 8 },
		{ "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9 },
		{ "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 9 },
		{ "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 9 }
	};
	struct span	body;
	struct cur	c;
	struct der	oid;
	size_t		i;

	if (der_only(alg, DER_SEQ, &body) == 0) {
		c = cur_span(body);
		if (der_want(&c, DER_OID, &oid) == 0)
			for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
				if (oid.body.n == good[i].n &&
				    memcmp(oid.body.p, good[i].oid,
				    good[i].n) == 0)
					return 0;
	}
	return err_set(e, ERR_FORMAT, "signed with an algorithm that CAs do "
	    "not take; sign it with ECDSA or RSA (PKCS #1) and SHA-256");
}

/* The DER of what somebody gave. */
static int
get_der(struct span in, struct buf *der, struct err *e)
{
	struct cur	c = cur_span(in);
	struct buf	other = BUF_INIT;
	struct span	body;
	const char	*label = "CERTIFICATE REQUEST";
	int		r;

	if (der_only(in, DER_SEQ, &body) == 0) {
		buf_span(der, in);
		return 0;
	}
	r = pem_next(&c, label, der);
	if (r == 0) {
		label = "NEW CERTIFICATE REQUEST";
		r = pem_next(&c, label, der);
	}
	if (r == 1 && pem_next(&c, label, &other) != 0)
		r = err_set(e, ERR_FORMAT, "more than one request in the "
		    "file");
	else if (r != 1)
		r = err_set(e, ERR_FORMAT, "neither DER nor PEM with a block "
		    "CERTIFICATE REQUEST that can be read");
	buf_free(&other);
	return r == 1 ? 0 : -1;
}

static int
read_all(struct span in, struct csr *c, struct err *e)
{
	struct parts	p;

	if (in.n > LIMIT_CSR)
		return err_set(e, ERR_LIMIT, "%zu bytes; at most %u are read",
		    in.n, LIMIT_CSR);
	if (get_der(in, &c->der, e) == -1 ||
	    split(buf_bytes(&c->der), &p, e) == -1 ||
	    read_names(&p, &c->names, e) == -1 ||
	    check_key(p.spki, c, e) == -1 || check_alg(p.alg, e) == -1)
		return -1;
	if (cert_verify(p.alg, p.sig, p.info, p.spki, NULL) != 1)
		return err_set(e, ERR_VERIFY, "its own key did not sign it "
		    "(RFC 2986, 4.2)");
	return 0;
}

int
csr_read(struct span in, struct csr *c, struct err *e)
{
	memset(c, 0, sizeof(*c));
	return read_all(in, c, e) == 0 ? 0 :
	    err_prefix(e, "certificate request");
}

void
csr_free(struct csr *c)
{
	buf_free(&c->der);
	san_free(&c->names);
	memset(c, 0, sizeof(*c));
}
