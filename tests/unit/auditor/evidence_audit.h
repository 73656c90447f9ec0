#ifndef TESTS_UNIT_AUDITOR_EVIDENCE_AUDIT_H
#define TESTS_UNIT_AUDITOR_EVIDENCE_AUDIT_H

/*
 * What the audit keeps, made new: a certificate with SCTs of all kinds, one
 * that no log has, CRLs and an OCSP answer that list them.
 */
#include "tests/unit/ocsp/made_crl.h"
#include "tests/unit/ocsp/ocsp_fixture.h"
#include "tests/unit/auditor/evidence_fixture.h"

#include "auditor/crlparts.h"
#include "ocsp/crlset.h"

#define SERIAL		"1267"		/* 4711, as evidence_fixture.h has it */
#define OTHER_SERIAL	"1268"
#define SCT_MS		1767225600003ULL	/* the leaf at PRE_AT */
#define LATE_MS		1767225605000ULL	/* of a leaf that is absent */
#define CRL_URL		"http://ca.example/1.crl"
#define PARTS_URL	"http://ca.example/2.crl"
#define OCSP_URL	"http://ocsp.example/"

struct audited {
	struct buf	 sct, late, bad, odd, stray, tls; /* SCTs */
	struct buf	 cert;		/* with the first four */
	struct buf	 other;		/* served, in no log; a stray SCT */
	struct buf	 crl, parts, ocsp;
	uint8_t		 ca_sha[32], ca_key[32];
};

/* An SCT over an entry, by the log of the world. */
static inline void
sct_make(const struct world *w, uint64_t ms, int type, struct span entry,
    struct buf *out)
{
	EVP_MD_CTX	*ctx = EVP_MD_CTX_new();
	struct buf	 b = BUF_INIT;
	uint8_t		 key[32], sig[128];
	size_t		 n = sizeof(sig);

	buf_add(&b, "\0\0", 2);
	buf_u64(&b, ms);
	buf_u16(&b, (uint16_t)type);
	if (type == 1) {
		assert_int_equal(cert_key_hash(buf_bytes(&w->ca), key, NULL),
		    0);
		buf_add(&b, key, 32);
	}
	buf_u8(&b, (uint8_t)(entry.n >> 16));
	buf_u16(&b, (uint16_t)entry.n);
	buf_span(&b, entry);
	buf_u16(&b, 0);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
	    w->log_key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, b.p, b.n), 1);
	EVP_MD_CTX_free(ctx);
	buf_free(&b);
	buf_u8(out, 0);
	buf_add(out, w->log_id, 32);
	buf_u64(out, ms);
	buf_u16(out, 0);
	buf_u8(out, 4);
	buf_u8(out, 3);
	buf_u16(out, (uint16_t)n);
	buf_add(out, sig, n);
}

/* A certificate signed anew, with these SCTs and another serial (0: not). */
static inline void
with_scts(const struct world *w, const struct buf *const *scts, size_t n,
    long serial, struct buf *out)
{
	const uint8_t	*p = w->cert.p;
	X509		*x = d2i_X509(NULL, &p, (long)w->cert.n);
	ASN1_OBJECT	*oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.4.2", 1);
	ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
	X509_EXTENSION	*ext;
	struct buf	 list = BUF_INIT, in = BUF_INIT;
	size_t		 i;

	assert_non_null(x);
	for (i = 0; i < n; i++) {
		buf_u16(&list, (uint16_t)scts[i]->n);
		buf_span(&list, buf_bytes(scts[i]));
	}
	der_put(&in, DER_OCTETS, list.n + 2);
	buf_u16(&in, (uint16_t)list.n);
	buf_span(&in, buf_bytes(&list));
	if (serial != 0)
		(void)ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	(void)ASN1_OCTET_STRING_set(v, in.p, (int)in.n);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, v);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	assert_true(X509_sign(x, w->ca_key, EVP_sha256()) > 0);
	put_cert(x, out);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(v);
	ASN1_OBJECT_free(oid);
	X509_free(x);
	buf_free(&list);
	buf_free(&in);
}

static inline void
make_scts(const struct world *w, struct audited *a)
{
	const struct buf *const	four[] = { &a->sct, &a->late, &a->bad,
				    &a->odd };
	const struct buf	*one = &a->stray;
	struct span		 tbs;

	assert_int_equal(der_cert(buf_bytes(&w->cert), &tbs, NULL, NULL,
	    NULL), 0);
	sct_make(w, SCT_MS, 1, tbs, &a->sct);
	sct_make(w, LATE_MS, 1, tbs, &a->late);
	sct_make(w, SCT_MS + 1, 1, tbs, &a->bad);
	a->bad.p[a->bad.n - 1] ^= 1;
	buf_span(&a->odd, buf_bytes(&a->sct));
	a->odd.p[0] = 1;		/* of version 2 */
	buf_span(&a->stray, buf_bytes(&a->sct));
	a->stray.p[5] ^= 1;		/* of another log */
	with_scts(w, four, 4, 0, &a->cert);
	with_scts(w, &one, 1, 4712, &a->other);
	sct_make(w, SCT_MS + 9, 0, buf_bytes(&a->cert), &a->tls);
}

/* A CRL of the world's CA with both serials; ${big} is another list. */
static inline void
make_crl(const struct world *w, const char *url, int big, struct buf *out)
{
	const char *const	uris[] = { url, NULL };
	struct made		m;
	struct span		tbs;
	struct der_tbs		t;

	assert_int_equal(der_cert(buf_bytes(&w->ca), &tbs, NULL, NULL, NULL),
	    0);
	assert_int_equal(der_tbs(tbs, &t, NULL), 0);
	made_new(&m, w->ca_key);
	buf_reset(&m.issuer);
	buf_span(&m.issuer, t.subject);
	made_idp(&m.exts, uris, MADE_NONE);
	made_revoked(&m.entries, MADE_S("\x12\x67"), "260602030405Z", 1);
	made_revoked(&m.entries, MADE_S("\x12\x68"), "260603030405Z",
	    big ? 4 : -1);
	made_crl(&m, out);
	made_free(&m);
}

/* What a scan leaves of it, for one serial. */
static inline void
make_parts(const struct world *w, struct span crl, const char *serial,
    struct buf *out)
{
	struct crlset_build	*b = crlset_new();
	struct crlscan_in	 in;
	struct crlscan_out	 o;
	struct crlset		 set;
	struct crlparts		 p;
	struct buf		 image = BUF_INIT;

	assert_int_equal(crlset_add(b, serial, NULL), 0);
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&set, image.p, image.n, NULL), 0);
	memset(&in, 0, sizeof(in));
	in.issuer = buf_bytes(&w->ca);
	in.set = &set;
	in.now = MADE_NOW;
	in.last_this = INT64_MIN;
	crlscan_bytes(&in, crl, &o);
	assert_string_equal(o.why, "");
	crlparts_of(&o, o.nhits != 0 ? &o.hits[0] : NULL, &p);
	crlparts_pack(out, &p);
	crlscan_out_free(&o);
	buf_free(&image);
}

/* ${says} of the certificate: 'g', 'r', 'u'. */
static inline void
make_ocsp(const struct world *w, char says, struct buf *out)
{
	const uint8_t	*p = w->ca.p;
	struct party	 ca = { w->ca_key, d2i_X509(NULL, &p,
			    (long)w->ca.n), w->ca };
	struct answer	 a;

	memset(&a, 0, sizeof(a));
	a.signer = a.issuer = &ca;
	a.serial = SERIAL;
	a.says = says;
	a.reason = 1;
	a.next = 3 * FIX_DAY;
	fix_answer(out, &a);
	X509_free(ca.x);
}

static inline void
audited_make(const struct world *w, struct audited *a)
{
	struct buf	crl = BUF_INIT;

	memset(a, 0, sizeof(*a));
	sha_256(a->ca_sha, w->ca.p, w->ca.n);
	assert_int_equal(cert_key_hash(buf_bytes(&w->ca), a->ca_key, NULL),
	    0);
	make_scts(w, a);
	make_crl(w, CRL_URL, 0, &a->crl);
	make_crl(w, PARTS_URL, 1, &crl);
	make_parts(w, buf_bytes(&crl), SERIAL, &a->parts);
	make_ocsp(w, 'r', &a->ocsp);
	buf_free(&crl);
}

static inline void
audited_free(struct audited *a)
{
	struct buf	*all[] = { &a->sct, &a->late, &a->bad, &a->odd,
			    &a->stray, &a->tls, &a->cert, &a->other, &a->crl,
			    &a->parts, &a->ocsp };
	size_t		 i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_free(all[i]);
}

#endif
