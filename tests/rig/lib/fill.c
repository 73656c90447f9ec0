#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/fill.h"
#include "tests/rig/lib/issuers.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"

enum { ISSUERS = 4, LABEL_MAX = 12 };

/* An issuer of filler certificates: what entries say of it. */
static struct issuer {
	uint8_t		 chain[2][32];	/* itself, the root */
	uint8_t		 key_hash[32];
	struct buf	 name;		/* its subject, DER */
	uint8_t		 ski[20];
} issuers[ISSUERS];

static const char *const tlds[] =
    { "com", "net", "org", "de", "io", "fr", "co.uk", "info", "nl", "jp" };

/* splitmix64: a small generator that is the same everywhere. */
static uint64_t
next(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void
noise(uint64_t *s, uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(next(s) >> 32);
}

/* A certificate from a file of an earlier run, else made and kept. */
static X509 *
keep(const char *dir, const char *name, const struct mint *m)
{
	char *path = mem_printf("%s/%s.pem", dir, name);
	X509 *x = mint_load(path, NULL);

	if (x == NULL) {
		x = mint_ca(m, NULL);
		mint_sign(x, m->signer);
		(void)mint_save(x, path, "w", NULL);
	}
	free(path);
	return x;
}

static void
describe(struct issuer *i, X509 *x, X509 *root)
{
	struct buf der = BUF_INIT;
	uint8_t *name = NULL;
	int n;

	mint_der(x, &der);
	issuers_add(buf_bytes(&der), i->chain[0]);
	buf_reset(&der);
	mint_der(root, &der);
	issuers_add(buf_bytes(&der), i->chain[1]);
	key_id(X509_get0_pubkey(x), i->key_hash);
	n = i2d_X509_NAME(X509_get_subject_name(x), &name);
	buf_add(&i->name, name, (size_t)n);
	memcpy(i->ski, i->key_hash, sizeof(i->ski));
	OPENSSL_free(name);
	buf_free(&der);
}

void
fill_init(const char *dir)
{
	EVP_PKEY *k = key_make("p256", NULL), *ik;
	struct mint m = { "Filler Root", "Rig Filler", NULL, NULL, k, k,
	    7300, 100, NULL };
	X509 *root = keep(dir, "filler-root", &m), *x;
	char name[32];
	int i;

	m.issuer = root;
	for (i = 0; i < ISSUERS; i++) {
		(void)snprintf(name, sizeof(name), "Filler CA %d", i);
		ik = key_make("p256", NULL);
		m.cn = name;
		m.key = ik;
		(void)snprintf(name, sizeof(name), "filler-ca-%d", i);
		x = keep(dir, name, &m);
		describe(&issuers[i], x, root);
		X509_free(x);
		EVP_PKEY_free(ik);
	}
	X509_free(root);
	EVP_PKEY_free(k);
}

static void
label(uint64_t *s, struct buf *b)
{
	size_t n = 5 + next(s) % (LABEL_MAX - 5);

	for (; n > 0; n--)
		buf_u8(b, (uint8_t)('a' + next(s) % 26));
}

/* extnID, critical, extnValue with the content given. */
static void
extension(struct buf *out, struct span oid, int critical,
    const struct buf *value)
{
	struct buf b = BUF_INIT;

	der_put(&b, DER_OID, oid.p, oid.n);
	if (critical)
		der_put(&b, DER_BOOL, "\xff", 1);
	der_wrap(&b, DER_OCTETS, value);
	der_wrap(out, DER_SEQ, &b);
	buf_free(&b);
}

static void
san(uint64_t *s, const struct buf *domain, struct buf *out)
{
	static const uint8_t oid[3] = { 0x55, 0x1d, 0x11 };
	struct buf names = BUF_INIT, one = BUF_INIT, value = BUF_INIT;
	uint64_t roll = next(s) % 64, n = 1 + roll % 4, i;

	if (roll == 63)
		n = 101 + next(s) % 100;
	for (i = 0; i < n; i++) {
		buf_reset(&one);
		if (i == 1)
			buf_str(&one, "*.");
		if (i > 1) {
			label(s, &one);
			buf_str(&one, ".");
		}
		buf_add(&one, domain->p, domain->n);
		der_wrap(&names, 0x82, &one);
	}
	der_wrap(&value, DER_SEQ, &names);
	extension(out, (struct span){ oid, 3 }, 0, &value);
	buf_free(&names);
	buf_free(&one);
	buf_free(&value);
}

/* Extensions without poison or SCT list, content of the SEQUENCE. */
static void
extensions(uint64_t *s, const struct issuer *is, const struct buf *domain,
    struct buf *out)
{
	static const uint8_t ku[3] = { 0x55, 0x1d, 0x0f };
	static const uint8_t eku[3] = { 0x55, 0x1d, 0x25 };
	static const uint8_t aki[3] = { 0x55, 0x1d, 0x23 };
	static const uint8_t ku_value[4] = { 0x03, 0x02, 0x07, 0x80 };
	static const uint8_t eku_value[12] = { 0x30, 0x0a, 0x06, 0x08, 0x2b,
	    6, 1, 5, 5, 7, 3, 1 };
	struct buf v = BUF_INIT, k = BUF_INIT;

	buf_add(&v, ku_value, sizeof(ku_value));
	extension(out, (struct span){ ku, 3 }, 1, &v);
	buf_reset(&v);
	buf_add(&v, eku_value, sizeof(eku_value));
	extension(out, (struct span){ eku, 3 }, 0, &v);
	buf_reset(&v);
	der_put(&k, 0x80, is->ski, sizeof(is->ski));
	der_wrap(&v, DER_SEQ, &k);
	extension(out, (struct span){ aki, 3 }, 0, &v);
	san(s, domain, out);
	buf_free(&v);
	buf_free(&k);
}

/* What one filler certificate consists of. */
struct parts {
	struct buf	 before;	/* TBS up to the extensions */
	struct buf	 exts;		/* without poison or SCT list */
};

/* Poison for a precertificate, noise as SCT list for a certificate. */
static void
special(uint64_t *s, int pre, struct buf *exts)
{
	struct buf v = BUF_INIT, list = BUF_INIT;
	uint8_t r[119];

	if (pre) {
		buf_add(&v, "\x05\x00", 2);
		extension(exts, (struct span){ der_poison, 10 }, 1, &v);
	} else {
		noise(s, r, sizeof(r));
		buf_u16(&list, sizeof(r) + 2);
		buf_u16(&list, sizeof(r));
		r[0] = 0;
		buf_add(&list, r, sizeof(r));
		der_wrap(&v, DER_OCTETS, &list);
		extension(exts, (struct span){ der_scts, 10 }, 0, &v);
	}
	buf_free(&v);
	buf_free(&list);
}

static const uint8_t ecdsa_sha256[12] =
    { 0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };

static void
make_parts(uint64_t *s, const struct issuer *is, struct parts *p)
{
	static const uint8_t spki[26] = { 0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a,
	    0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	    3, 1, 7, 3, 0x42, 0 };
	static const uint8_t cn[3] = { 0x55, 0x04, 0x03 };
	static const char dates[] =
	    "\x17\x0d" "260901000000Z" "\x17\x0d" "271201000000Z";
	struct buf domain = BUF_INIT, a = BUF_INIT, b = BUF_INIT;
	uint8_t r[64];

	label(s, &domain);
	buf_str(&domain, "-");
	label(s, &domain);
	buf_fmt(&domain, ".%s", tlds[next(s) % 10]);
	buf_add(&p->before, "\xa0\x03\x02\x01\x02", 5);
	noise(s, r, 16);
	r[0] = (r[0] & 0x3f) | 0x40;
	der_put(&p->before, DER_INT, r, 16);
	buf_add(&p->before, ecdsa_sha256, sizeof(ecdsa_sha256));
	buf_add(&p->before, is->name.p, is->name.n);
	der_put(&p->before, DER_SEQ, dates, sizeof(dates) - 1);
	der_put(&a, DER_OID, cn, sizeof(cn));
	der_wrap(&a, 0x0c, &domain);
	der_wrap(&b, DER_SEQ, &a);
	buf_reset(&a);
	der_wrap(&a, DER_SET, &b);
	der_wrap(&p->before, DER_SEQ, &a);
	buf_add(&p->before, spki, sizeof(spki));
	buf_u8(&p->before, 4);
	noise(s, r, 64);
	buf_add(&p->before, r, 64);
	extensions(s, is, &domain, &p->exts);
	buf_free(&domain);
	buf_free(&a);
	buf_free(&b);
}

/* The TBSCertificate out of parts and extensions. */
static void
tbs(const struct buf *before, const struct buf *exts, struct buf *out)
{
	struct buf seq = BUF_INIT, all = BUF_INIT;

	der_wrap(&seq, DER_SEQ, exts);
	buf_add(&all, before->p, before->n);
	der_wrap(&all, DER_EXTS, &seq);
	der_wrap(out, DER_SEQ, &all);
	buf_free(&seq);
	buf_free(&all);
}

/* A certificate with a signature that is none. */
static void
certificate(uint64_t *s, const struct buf *t, struct buf *out)
{
	static const uint8_t head[2] = { 0x02, 0x20 };
	struct buf sig = BUF_INIT, bits = BUF_INIT, all = BUF_INIT;
	uint8_t r[32];
	int i;

	for (i = 0; i < 2; i++) {
		noise(s, r, sizeof(r));
		r[0] = (r[0] & 0x3f) | 0x40;
		buf_add(&sig, head, 2);
		buf_add(&sig, r, sizeof(r));
	}
	buf_u8(&bits, 0);
	der_wrap(&bits, DER_SEQ, &sig);
	buf_add(&all, t->p, t->n);
	buf_add(&all, ecdsa_sha256, sizeof(ecdsa_sha256));
	der_wrap(&all, DER_BITS, &bits);
	der_wrap(out, DER_SEQ, &all);
	buf_free(&sig);
	buf_free(&bits);
	buf_free(&all);
}

static void
one(struct rlog *lg, uint64_t *s)
{
	const struct issuer *is = &issuers[next(s) % ISSUERS];
	int pre = next(s) % 2 == 0;
	struct parts p = { BUF_INIT, BUF_INIT };
	struct buf logged = BUF_INIT, full = BUF_INIT, cert = BUF_INIT;
	struct leaf l = { rlog_now(), (uint16_t)pre, { 0 }, { NULL, 0 },
	    rlog_next(lg) };
	struct entry e;

	memset(&e, 0, sizeof(e));
	make_parts(s, is, &p);
	tbs(&p.before, &p.exts, &logged);
	special(s, pre, &p.exts);
	tbs(&p.before, &p.exts, &full);
	certificate(s, &full, &cert);
	l.cert = buf_bytes(pre ? &logged : &cert);
	memcpy(l.key_hash, is->key_hash, sizeof(l.key_hash));
	entry_leaf(&l, &e.leaf);
	if (pre)
		buf_add(&e.pre, cert.p, cert.n);
	buf_add(&e.chain, is->chain, sizeof(is->chain));
	(void)rlog_append(lg, &e);
	entry_free(&e);
	buf_free(&logged);
	buf_free(&full);
	buf_free(&cert);
	buf_free(&p.before);
	buf_free(&p.exts);
}

void
fill_add(struct rlog *lg, uint64_t n, uint64_t seed)
{
	uint64_t s = seed;

	for (; n > 0; n--)
		one(lg, &s);
}
