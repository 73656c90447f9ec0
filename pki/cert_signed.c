#include <string.h>

#include "base/cur.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/der.h"

/*
 * What was verified: the link from an intermediate to its root is the same
 * for each certificate of a CA, and a certificate is asked about by more than
 * one.  A slot is taken by the newest that falls on it.
 */
static uint8_t	seen[LIMIT_CERT_SIGNED][SHA_LEN];

static uint8_t *
slot(uint8_t id[SHA_LEN], const uint8_t cert[32], const uint8_t key[32])
{
	sha_node(id, cert, key);
	return seen[(id[0] | (size_t)id[1] << 8) % LIMIT_CERT_SIGNED];
}

int
cert_signed_seen(const uint8_t cert[32], const uint8_t key[32])
{
	uint8_t	id[SHA_LEN];

	return memcmp(slot(id, cert, key), id, sizeof(id)) == 0;
}

void
cert_signed_keep(const uint8_t cert[32], const uint8_t key[32])
{
	uint8_t	id[SHA_LEN], *s = slot(id, cert, key);

	memcpy(s, id, sizeof(id));
}

int
cert_signed_by(struct span cert, struct span issuer, struct err *e)
{
	struct span	tbs, alg, sig, itbs;
	struct der_tbs	t, it;
	uint8_t		c[32], key[32];
	int		r;

	if (der_cert(cert, &tbs, &alg, &sig, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	if (der_cert(issuer, &itbs, NULL, NULL, e) == -1 ||
	    der_tbs(itbs, &it, e) == -1) {
		(void)err_prefix(e, "issuer");
		return -1;
	}
	if (t.issuer.n != it.subject.n ||
	    memcmp(t.issuer.p, it.subject.p, t.issuer.n) != 0) {
		(void)err_set(e, ERR_VERIFY, "the issuer's name differs "
		    "(RFC 5280, 6.1.3 a 4)");
		return 0;
	}
	if (t.sigalg.n != alg.n || memcmp(t.sigalg.p, alg.p, alg.n) != 0) {
		(void)err_set(e, ERR_VERIFY, "the signature algorithms "
		    "inside and outside differ (RFC 5280, 4.1.1.2)");
		return 0;
	}
	sha_256(c, cert.p, cert.n);
	sha_256(key, it.spki.p, it.spki.n);
	if (cert_signed_seen(c, key))
		return 1;
	if ((r = cert_verify(alg, sig, tbs, it.spki, e)) == 1)
		cert_signed_keep(c, key);
	return r;
}
