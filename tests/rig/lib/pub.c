#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"
#include "tests/rig/lib/pub.h"

char *
pub_path(const struct pub *p, const char *name, const char *suffix)
{
	return mem_printf("%s/%s%s", p->dir, name, suffix);
}

char *
pub_list(const char *dir, const char *issuer, const char *list)
{
	/* the lists of the CA that issues have the plain names */
	return strcmp(issuer, "int") == 0 ? mem_printf("%s/%s", dir, list) :
	    mem_printf("%s/%s.%s", dir, issuer, list);
}

static const struct { const char *name; size_t off, size; } texts[] = {
	{ "name", offsetof(struct pub, name), 64 },
	{ "issuer", offsetof(struct pub, issuer), 16 },
	{ "ocsp", offsetof(struct pub, ocsp), 16 },
	{ "responder_id", offsetof(struct pub, responder_id), 16 },
	{ "unissued", offsetof(struct pub, unissued), 16 },
	{ "base", offsetof(struct pub, base), 192 },
	{ "owner", offsetof(struct pub, owner), 64 },
};

static const struct { const char *name; size_t off; long unit; } numbers[] = {
	{ "shards", offsetof(struct pub, shards), 1 },
	{ "crl_days", offsetof(struct pub, crl_secs), 86400 },
	{ "crl_secs", offsetof(struct pub, crl_secs), 1 },
	{ "crl_every", offsetof(struct pub, crl_every), 1 },
	{ "ocsp_hours", offsetof(struct pub, ocsp_secs), 3600 },
	{ "ocsp_secs", offsetof(struct pub, ocsp_secs), 1 },
	{ "nonce", offsetof(struct pub, nonce), 1 },
};

static int
option(struct pub *p, const char *opt, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, opt) == 0) {
			(void)snprintf((char *)p + texts[i].off,
			    texts[i].size, "%s", value);
			return 0;
		}
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].name, opt) == 0) {
			*(long *)(void *)((char *)p + numbers[i].off) =
			    strtol(value, NULL, 10) * numbers[i].unit;
			return 0;
		}
	return -1;
}

static int
read_options(struct pub *p, const char *spec, struct err *e)
{
	char *copy = mem_str(spec), *save = NULL, *word, *value;
	int rc = 0;

	(void)snprintf(p->issuer, sizeof(p->issuer), "int");
	(void)snprintf(p->ocsp, sizeof(p->ocsp), "delegated");
	(void)snprintf(p->responder_id, sizeof(p->responder_id), "key");
	(void)snprintf(p->unissued, sizeof(p->unissued), "unknown");
	p->crl_secs = 7 * 86400;
	p->ocsp_secs = 96 * 3600;
	p->nonce = 1;
	p->dir = mem_str(strtok_r(copy, ",", &save));
	while (p->dir != NULL && p->dir[0] != '\0' && p->dir[1] != '\0' &&
	    p->dir[strlen(p->dir) - 1] == '/')
		p->dir[strlen(p->dir) - 1] = '\0';
	while (rc == 0 && (word = strtok_r(NULL, ",", &save)) != NULL) {
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (value == NULL || option(p, word, value) == -1)
			rc = err_set(e, ERR_USAGE, "--ca %s: %s is no "
			    "option=value (README.md)", spec, word);
	}
	free(copy);
	if (rc == 0 && p->dir == NULL)
		rc = err_set(e, ERR_USAGE, "--ca: needs a folder");
	if (rc == 0 && (p->shards < 0 || p->shards > 100000))
		rc = err_set(e, ERR_USAGE, "--ca %s: shards: 0 to 100000",
		    spec);
	if (rc == 0 && p->name[0] == '\0') {
		word = strrchr(p->dir, '/');
		(void)snprintf(p->name, sizeof(p->name), "%s",
		    word == NULL ? p->dir : word + 1);
	}
	return rc;
}

/* What is said of a signer, from its certificate. */
static void
set_signer(struct signer *s, X509 *x, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(x);
	uint8_t *name = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(x), &name);

	if (n <= 0 || bits == NULL)
		abort();
	s->key = key;
	mint_der(x, &s->cert);
	buf_add(&s->subject, name, (size_t)n);
	buf_add(&s->bits, bits->data, (size_t)bits->length);
	SHA1(s->bits.p, s->bits.n, s->key_sha1);
	OPENSSL_free(name);
}

/* A responder's certificate (RFC 6960, 4.2.2.2), right or wrong. */
static X509 *
make_responder(const struct pub *p, enum pub_responder what, X509 *issuer,
    EVP_PKEY *issuer_key, EVP_PKEY *key)
{
	char *cn = mem_printf("%s Responder %d", p->name, what);
	struct mint m = { cn, NULL, NULL, issuer, issuer_key, key, 30, 0,
	    NULL };
	X509 *x;

	if (what == PUB_EXPIRED)
		m.age = 40;
	x = mint_new(&m);
	mint_ext(x, "basicConstraints", "critical,CA:FALSE");
	mint_ext(x, "keyUsage", "critical,digitalSignature");
	mint_ext(x, "extendedKeyUsage", what == PUB_NOEKU ? "serverAuth" :
	    "OCSPSigning");
	if (what != PUB_NONOCHECK)
		mint_raw(x, "1.3.6.1.5.5.7.48.1.5", 0,
		    (struct span){ (const uint8_t *)"\5\0", 2 });
	mint_sign(x, issuer_key);
	free(cn);
	return x;
}

/* A CA that has nothing to do with ours, but the same name. */
static X509 *
make_stranger(X509 *like, EVP_PKEY *key)
{
	struct mint m = { "Stranger", NULL, NULL, NULL, key, key, 400, 1,
	    NULL };
	X509 *x = mint_new(&m);

	if (!X509_set_subject_name(x, X509_get_subject_name(like)) ||
	    !X509_set_issuer_name(x, X509_get_subject_name(like)))
		abort();
	mint_ext(x, "basicConstraints", "critical,CA:TRUE");
	mint_sign(x, key);
	return x;
}

static int
open_responders(struct pub *p, X509 *ca, struct err *e)
{
	char *path = pub_path(p, p->issuer, ".ocsp.key");
	EVP_PKEY *key = key_keep(path, "p256", e), *other;
	X509 *stranger, *x;
	int i;

	free(path);
	if (key == NULL)
		return -1;
	other = key_make("p256", e);
	if (other == NULL)
		return -1;
	stranger = make_stranger(ca, other);
	for (i = 0; i < PUB_RESPONDERS; i++) {
		x = i == PUB_OTHER ? make_responder(p, PUB_OTHER, stranger,
		    other, key) : make_responder(p, (enum pub_responder)i,
		    ca, p->ca.key, key);
		set_signer(&p->responder[i], x, key);
		X509_free(x);
	}
	X509_free(stranger);
	EVP_PKEY_free(other);
	return 0;
}

static int
open_ca(struct pub *p, struct err *e)
{
	char *cert = pub_path(p, p->issuer, ".pem");
	char *file = pub_path(p, p->issuer, ".key");
	X509 *x = mint_load(cert, e);
	EVP_PKEY *key = x == NULL ? NULL : key_load(file, e);
	int rc = -1;

	if (key != NULL) {
		set_signer(&p->ca, x, key);
		rc = open_responders(p, x, e);
	}
	X509_free(x);
	free(cert);
	free(file);
	return rc;
}

struct pub *
pub_open(const char *spec, struct err *e)
{
	struct pub *p = mem_zero(sizeof(*p));
	char *revoked, *issued;

	if (read_options(p, spec, e) == -1 || open_ca(p, e) == -1) {
		free(p->dir);
		free(p);
		return NULL;
	}
	SHA1(p->ca.subject.p, p->ca.subject.n, p->hash[0][0]);
	SHA1(p->ca.bits.p, p->ca.bits.n, p->hash[0][1]);
	SHA256(p->ca.subject.p, p->ca.subject.n, p->hash[1][0]);
	SHA256(p->ca.bits.p, p->ca.bits.n, p->hash[1][1]);
	revoked = pub_list(p->dir, p->issuer, "revoked.txt");
	issued = pub_list(p->dir, p->issuer, "issued.txt");
	revdb_open(&p->revoked, revoked);
	revdb_open(&p->issued, issued);
	free(revoked);
	free(issued);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

/* The slot of a serial: where it is, or where it would go. */
static struct pub_asked *
slot(const struct pub *p, const char *serial)
{
	uint64_t h = 0xcbf29ce484222325u;
	const char *s;
	size_t i;

	for (s = serial; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	for (i = (size_t)(h ^ h >> 32) & (p->capasked - 1);
	    p->asked[i].serial[0] != '\0'; i = (i + 1) & (p->capasked - 1))
		if (strcmp(p->asked[i].serial, serial) == 0)
			break;
	return &p->asked[i];
}

struct pub_asked *
pub_ask(struct pub *p, const char *serial)
{
	struct pub_asked *old = p->asked, *a;
	size_t i, n = p->capasked;

	if (p->nasked * 2 >= p->capasked) {
		p->capasked = n == 0 ? 1024 : n * 4;
		p->asked = mem_array(p->capasked, sizeof(*p->asked));
		for (i = 0; i < n; i++)
			if (old[i].serial[0] != '\0')
				*slot(p, old[i].serial) = old[i];
		free(old);
	}
	a = slot(p, serial);
	if (a->serial[0] == '\0') {
		(void)snprintf(a->serial, sizeof(a->serial), "%s", serial);
		p->nasked++;
	}
	return a;
}

enum pub_state
pub_state(struct pub *p, const char *serial, struct rev *out)
{
	const struct rev *r;

	revdb_refresh(&p->revoked);
	revdb_refresh(&p->issued);
	r = revdb_find(&p->revoked, serial);
	if (r != NULL && r->on) {
		*out = *r;
		return PUB_REVOKED;
	}
	return revdb_find(&p->issued, serial) != NULL ? PUB_GOOD :
	    PUB_UNISSUED;
}
