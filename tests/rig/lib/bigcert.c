#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/bigcert.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"

enum { SPKI = 91 };			/* of a P-256 key */

static const char *const tlds[] =
    { "com", "net", "org", "de", "io", "fr", "co.uk", "info", "nl", "jp" };

uint64_t
bigcert_mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t
bigcert_next(uint64_t *s)
{
	return bigcert_mix(*s += 0x9e3779b97f4a7c15u);
}

size_t
bigcert_size(const struct bigcerts *c, enum big_field f)
{
	switch (f) {
	case BIG_DOMAIN:
		return c->ndomain;
	case BIG_SIGNED:
		return BIG_SIG;
	case BIG_INDEX:
		return 5;
	default:
		return 8;
	}
}

static void
noise(uint64_t *s, struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_u8(b, (uint8_t)(bigcert_next(s) >> 32));
}

static void
letters(uint64_t *s, struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_u8(b, (uint8_t)('a' + bigcert_next(s) % 26));
}

static void
mark(const struct bigcerts *c, struct buf *b, enum big_field f)
{
	size_t n = bigcert_size(c, f);

	memset(buf_room(b, n), (int)f, n);
	b->n += n;
	buf_add(b, "", 0);
}

/* --- CAs ------------------------------------------------------------------ */

static int
open_ca(struct bigca *a, const char *dir, const char *file, const char *cn,
    X509 **issuer, EVP_PKEY *signer, const char *type, struct err *e)
{
	char *key = mem_printf("%s/%s.key.pem", dir, file);
	char *pem = mem_printf("%s/%s.pem", dir, file);
	struct mint m = { cn, "Rig Bulk", NULL, *issuer, signer, NULL, 7300,
	    100, NULL };
	uint8_t *name = NULL;
	X509 *x = NULL;
	int rc = -1, n;

	a->key = key_keep(key, type, e);
	if (a->key == NULL)
		goto out;
	m.key = a->key;
	if (m.signer == NULL)
		m.signer = a->key;
	x = mint_load(pem, NULL);
	if (x == NULL) {
		x = mint_ca(&m, NULL);
		mint_sign(x, m.signer);
		if (mint_save(x, pem, "w", e) == -1)
			goto out;
	}
	mint_der(x, &a->der);
	SHA256(a->der.p, a->der.n, a->id);
	key_id(a->key, a->key_hash);
	n = i2d_X509_NAME(X509_get_subject_name(x), &name);
	buf_add(&a->name, name, (size_t)n);
	OPENSSL_free(name);
	if (*issuer == NULL) {
		*issuer = x;
		x = NULL;
	}
	rc = 0;
out:
	X509_free(x);
	free(key);
	free(pem);
	return rc;
}

static int
open_cas(struct bigcerts *c, const char *dir, struct err *e)
{
	X509 *root = NULL;
	char file[32], cn[32];
	int i, rc;

	rc = open_ca(&c->root, dir, "bulk-root", "Bulk Root", &root, NULL,
	    "rsa", e);
	for (i = 0; rc == 0 && i < BIG_CAS; i++) {
		(void)snprintf(file, sizeof(file), "bulk-ca-%d", i);
		(void)snprintf(cn, sizeof(cn), "Bulk CA %d", i);
		rc = open_ca(&c->ca[i], dir, file, cn, &root, c->root.key,
		    i < 2 ? "rsa" : "p256", e);
	}
	X509_free(root);
	return rc;
}

/* The subjects' P-256 keys: real ones, kept, since entries are made of them. */
static int
open_keys(struct bigcerts *c, const char *dir, struct err *e)
{
	char *path = mem_printf("%s/spki.bin", dir);
	struct buf all = BUF_INIT;
	EVP_PKEY *k;
	int i, rc = 0;

	if (file_read(path, &all, NULL) == -1 || all.n != BIG_WIDTH * SPKI) {
		buf_reset(&all);
		for (i = 0; i < BIG_WIDTH; i++) {
			k = key_make("p256", NULL);
			key_spki(k, &all);
			EVP_PKEY_free(k);
		}
		rc = file_write(path, buf_bytes(&all), e);
	}
	for (i = 0; rc == 0 && i < BIG_WIDTH; i++)
		buf_add(&c->m[i].spki, all.p + i * SPKI, SPKI);
	buf_free(&all);
	free(path);
	return rc;
}

/* --- moulds ----------------------------------------------------------------- */

/* One more RSA key that nobody has. */
static void
rsa_spki(uint64_t *s, struct buf *b)
{
	size_t at = b->n, bits, key;

	der_put(b, DER_OID, "\x2a\x86\x48\x86\xf7\x0d\1\1\1", 9);
	der_put(b, DER_NULL, "", 0);
	der_around(b, at, DER_SEQ);
	bits = b->n;
	buf_u8(b, 0);
	key = b->n;
	buf_add(b, "\x02\x82\x01\x01\x00\xc1", 6);
	noise(s, b, 255);
	b->p[b->n - 1] |= 1;
	der_put(b, DER_INT, "\1\0\1", 3);
	der_around(b, key, DER_SEQ);
	der_around(b, bits, DER_BITS);
	der_around(b, at, DER_SEQ);
}

static void
put_name(const struct bigcerts *c, const struct bigmould *m, struct buf *b,
    const char *before)
{
	buf_str(b, before);
	mark(c, b, BIG_LABEL);
	if (m->can_plant)
		mark(c, b, BIG_DOMAIN);
	else
		buf_span(b, buf_bytes(&m->domain));
}

static void
put_san(const struct bigcerts *c, const struct bigmould *m, int k,
    struct buf *out)
{
	static const char *const before[2][4] = {
		{ "", "www.", "api.", "mail." },
		{ "", "*.", "shop.", "static." }
	};
	struct buf names = BUF_INIT, one = BUF_INIT;
	int i;

	for (i = 0; i < m->names; i++) {
		buf_reset(&one);
		put_name(c, m, &one, before[k / 8 % 2][i]);
		der_wrap(&names, 0x82, &one);
	}
	der_around(&names, 0, DER_SEQ);
	der_ext(out, DER_OID_OF("\x55\x1d\x11"), 0, buf_bytes(&names));
	buf_free(&names);
	buf_free(&one);
}

/* PolicyQualifierInfo: a user notice (RFC 5280, 4.2.1.4). */
static void
put_notice(struct buf *b, const char *text)
{
	size_t at = b->n, notice;

	der_put(b, DER_OID, "\x2b\6\1\5\5\7\2\2", 8);
	notice = b->n;
	der_put(b, 0x0c, text, strlen(text));
	der_around(b, notice, DER_SEQ);
	der_around(b, at, DER_SEQ);
}

/* Policies with a long notice, as some CAs have them. */
static void
put_policy(struct buf *out)
{
	static const char cps[] = "http://cps.bulk.invalid/repository";
	struct buf v = BUF_INIT;
	size_t at, info;

	der_put(&v, DER_OID, "\x67\x81\x0c\1\2\1", 6);
	der_around(&v, 0, DER_SEQ);
	at = v.n;
	der_put(&v, DER_OID, "\x2b\6\1\4\1\x82\xdf\x13\1\1\1", 11);
	info = v.n;
	der_put(&v, DER_OID, "\x2b\6\1\5\5\7\2\1", 8);
	der_put(&v, 0x16, cps, sizeof(cps) - 1);
	der_around(&v, info, DER_SEQ);
	put_notice(&v, "This certificate was made up for a test of large "
	    "logs. It identifies nobody, and must not be relied on by "
	    "anybody for any purpose.");
	der_around(&v, info, DER_SEQ);
	der_around(&v, at, DER_SEQ);
	der_around(&v, 0, DER_SEQ);
	der_ext(out, DER_OID_OF("\x55\x1d\x20"), 0, buf_bytes(&v));
	buf_free(&v);
}

/* CRL, OCSP and issuer of certificates that nobody will look at. */
static void
put_pointers(int k, struct buf *out)
{
	struct buf v = BUF_INIT;
	char *url;
	size_t at;

	url = mem_printf("http://crl.bulk.invalid/ca-%d/%d.crl", k % BIG_CAS,
	    k);
	der_put(&v, 0x86, url, strlen(url));
	free(url);
	der_around(&v, 0, 0xa0);	/* fullName */
	der_around(&v, 0, 0xa0);	/* distributionPoint */
	der_around(&v, 0, DER_SEQ);
	der_around(&v, 0, DER_SEQ);
	der_ext(out, DER_OID_OF("\x55\x1d\x1f"), 0, buf_bytes(&v));
	buf_reset(&v);
	der_put(&v, DER_OID, "\x2b\6\1\5\5\7\x30\1", 8);
	der_put(&v, 0x86, "http://ocsp.bulk.invalid", 24);
	der_around(&v, 0, DER_SEQ);
	at = v.n;
	der_put(&v, DER_OID, "\x2b\6\1\5\5\7\x30\2", 8);
	url = mem_printf("http://aia.bulk.invalid/ca-%d.der", k % BIG_CAS);
	der_put(&v, 0x86, url, strlen(url));
	free(url);
	der_around(&v, at, DER_SEQ);
	der_around(&v, 0, DER_SEQ);
	der_ext(out, DER_OID_OF("\x2b\6\1\5\5\7\1\1"), 0, buf_bytes(&v));
	buf_free(&v);
}

/* Extensions without poison or SCT list. */
static void
put_exts(const struct bigcerts *c, const struct bigmould *m, int k,
    uint64_t *s, struct buf *out)
{
	struct buf v = BUF_INIT;

	der_ext(out, DER_OID_OF("\x55\x1d\x0f"), 1,
	    SPAN_STR("\x03\x02\x07\x80"));
	der_ext(out, DER_OID_OF("\x55\x1d\x25"), 0, DER_OID_OF("\x30\x14\x06"
	    "\x08\x2b\6\1\5\5\7\3\1\x06\x08\x2b\6\1\5\5\7\3\2"));
	der_ext(out, DER_OID_OF("\x55\x1d\x13"), 1, DER_OID_OF("\x30\0"));
	noise(s, &v, 20);
	der_around(&v, 0, DER_OCTETS);
	der_ext(out, DER_OID_OF("\x55\x1d\x0e"), 0, buf_bytes(&v));
	buf_reset(&v);
	der_put(&v, 0x80, m->ca->key_hash, 20);
	der_around(&v, 0, DER_SEQ);
	der_ext(out, DER_OID_OF("\x55\x1d\x23"), 0, buf_bytes(&v));
	put_san(c, m, k, out);
	put_policy(out);
	if (!m->can_plant)
		put_pointers(k, out);
	buf_free(&v);
}

/* Two SCTs of logs that nobody knows. */
static void
put_scts(uint64_t *s, struct buf *out)
{
	struct buf v = BUF_INIT;
	int i;

	buf_u16(&v, 2 * (2 + 119));
	for (i = 0; i < 2; i++) {
		buf_u16(&v, 119);
		buf_u8(&v, 0);
		noise(s, &v, 32 + 8);
		buf_u16(&v, 0);
		buf_u16(&v, 0x0403);
		buf_u16(&v, 72);
		buf_add(&v, "\x30\x46\x02\x21\x00\x8b", 6);
		noise(s, &v, 31);
		buf_add(&v, "\x02\x21\x00\xa3", 4);
		noise(s, &v, 31);
	}
	der_around(&v, 0, DER_OCTETS);
	der_ext(out, (struct span){ der_scts, sizeof(der_scts) }, 0,
	    buf_bytes(&v));
	buf_free(&v);
}

/* The TBSCertificate up to its extensions. */
static void
put_before(const struct bigcerts *c, const struct bigmould *m, int k,
    uint64_t *s, struct buf *b)
{
	time_t from = (time_t)(c->time / 1000) - 86400;
	struct buf v = BUF_INIT;
	size_t at;

	buf_add(b, "\xa0\x03\x02\x01\x02", 5);
	buf_add(&v, m->serial, 8);
	mark(c, &v, BIG_SERIAL);
	der_put(b, DER_INT, v.p, v.n);
	key_alg(m->ca->key, b);
	buf_span(b, buf_bytes(&m->ca->name));
	at = b->n;
	der_time(b, from);
	der_time(b, from + 90 * 86400);
	der_around(b, at, DER_SEQ);
	at = b->n;
	der_put(b, DER_OID, "\x55\x04\x03", 3);
	buf_reset(&v);
	put_name(c, m, &v, "");
	der_wrap(b, 0x0c, &v);
	der_around(b, at, DER_SEQ);
	der_around(b, at, DER_SET);
	der_around(b, at, DER_SEQ);
	if (!m->can_plant && k % 8 < 4)
		rsa_spki(s, b);
	else
		buf_span(b, buf_bytes(&m->spki));
	buf_free(&v);
}

static void
put_tbs(const struct buf *before, const struct buf *exts, struct buf *out)
{
	size_t at = out->n, ext;

	buf_span(out, buf_bytes(before));
	ext = out->n;
	buf_span(out, buf_bytes(exts));
	der_around(out, ext, DER_SEQ);
	der_around(out, ext, DER_EXTS);
	der_around(out, at, DER_SEQ);
}

static void
put_cert(const struct bigcerts *c, const struct bigmould *m, uint64_t *s,
    const struct buf *tbs, struct buf *out)
{
	size_t at = out->n;
	struct buf sig = BUF_INIT;

	buf_span(out, buf_bytes(tbs));
	key_alg(m->ca->key, out);
	buf_u8(&sig, 0);
	if (m->can_plant)
		mark(c, &sig, BIG_SIGNED);
	else {
		buf_add(&sig, "\x30\x44\x02\x20\x5b", 5);
		noise(s, &sig, 31);
		buf_add(&sig, "\x02\x20\x3d", 3);
		noise(s, &sig, 31);
	}
	der_wrap(out, DER_BITS, &sig);
	der_around(out, at, DER_SEQ);
	buf_free(&sig);
}

/* Leaf, extra_data and TileLeaf (RFC 6962, 3.4, 4.6; static-ct-api). */
static void
put_entry(const struct bigcerts *c, struct bigmould *m,
    const struct buf *logged, const struct buf *cert)
{
	size_t at;

	buf_u16(&m->leaf, 0);
	mark(c, &m->leaf, BIG_TIME);
	buf_u16(&m->leaf, (uint16_t)m->pre);
	if (m->pre)
		buf_add(&m->leaf, m->ca->key_hash, 32);
	buf_u24(&m->leaf, (uint32_t)logged->n);
	buf_span(&m->leaf, buf_bytes(logged));
	buf_add(&m->leaf, "\0\x08\0\0\x05", 5);
	mark(c, &m->leaf, BIG_INDEX);
	buf_add(&m->tile, m->leaf.p + 2, m->leaf.n - 2);
	if (m->pre) {
		buf_u24(&m->extra, (uint32_t)cert->n);
		buf_span(&m->extra, buf_bytes(cert));
		buf_span(&m->tile, buf_bytes(&m->extra));
	}
	at = m->ca->der.n + c->root.der.n + 6;
	buf_u24(&m->extra, (uint32_t)at);
	buf_u24(&m->extra, (uint32_t)m->ca->der.n);
	buf_span(&m->extra, buf_bytes(&m->ca->der));
	buf_u24(&m->extra, (uint32_t)c->root.der.n);
	buf_span(&m->extra, buf_bytes(&c->root.der));
	buf_u16(&m->tile, 64);
	buf_add(&m->tile, m->ca->id, 32);
	buf_add(&m->tile, c->root.id, 32);
}

static void
describe(const struct bigcerts *c, struct bigmould *m, int k, uint64_t *s)
{
	const char *tld = tlds[bigcert_next(s) % 10];
	struct buf r = BUF_INIT;

	m->ca = &c->ca[k % BIG_CAS];
	m->can_plant = k % BIG_CAS < 2;
	m->pre = k * 7 % 10 < 6;
	m->names = 3 + (k / 2 % 3 != 0);
	noise(s, &r, BIG_SIG + 8);
	memcpy(m->sig, r.p, BIG_SIG);
	m->sig[0] &= 0x7f;
	memcpy(m->serial, r.p + BIG_SIG, 8);
	m->serial[0] = (m->serial[0] & 0x3f) | 0x40;
	m->serial[7] |= 0x80;		/* is no mark */
	buf_free(&r);
	if (m->can_plant) {
		/* of the length of the planted one, below no other name */
		letters(s, &m->domain, c->ndomain - 4);
		buf_str(&m->domain, ".com");
	} else {
		buf_str(&m->domain, "-");
		letters(s, &m->domain, 3 + bigcert_next(s) % 12);
		buf_fmt(&m->domain, ".%s", tld);
	}
}

static void
make_mould(const struct bigcerts *c, struct bigmould *m, int k)
{
	struct buf before = BUF_INIT, exts = BUF_INIT, logged = BUF_INIT,
	    full = BUF_INIT, cert = BUF_INIT;
	uint64_t s = bigcert_mix(c->seed * 1000003 + (uint64_t)k + 1);

	describe(c, m, k, &s);
	put_before(c, m, k, &s, &before);
	put_exts(c, m, k, &s, &exts);
	if (m->pre) {
		put_tbs(&before, &exts, &logged);
		der_ext(&exts, (struct span){ der_poison, sizeof(der_poison) },
		    1, DER_OID_OF("\x05\0"));
	} else
		put_scts(&s, &exts);
	put_tbs(&before, &exts, &full);
	put_cert(c, m, &s, &full, &cert);
	put_entry(c, m, m->pre ? &logged : &cert, &cert);
	buf_free(&before);
	buf_free(&exts);
	buf_free(&logged);
	buf_free(&full);
	buf_free(&cert);
}

int
bigcert_open(struct bigcerts *c, const char *dir, struct err *e)
{
	int k;

	if (open_cas(c, dir, e) == -1 || open_keys(c, dir, e) == -1)
		return -1;
	for (k = 0; k < BIG_WIDTH; k++)
		make_mould(c, &c->m[k], k);
	return 0;
}
