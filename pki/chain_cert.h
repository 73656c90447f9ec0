#ifndef PKI_CHAIN_CERT_H
#define PKI_CHAIN_CERT_H

#include <openssl/x509.h>

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"
#include "pki/der.h"
#include "pki/roots.h"

/*
 * A certificate as the search for paths and its checks see it.  What the
 * search needs is read at once; extensions and OpenSSL's object only when a
 * path asks for them.
 */

/* Extensions that are known here. */
enum chain_ext {
	CHAIN_EXT_BASIC, CHAIN_EXT_KU, CHAIN_EXT_EKU, CHAIN_EXT_SAN,
	CHAIN_EXT_AKI, CHAIN_EXT_SKI, CHAIN_EXT_NC, CHAIN_EXT_CP,
	CHAIN_EXT_PM, CHAIN_EXT_PC, CHAIN_EXT_IAP, CHAIN_EXT_CRLDP,
	CHAIN_EXT_AIA, CHAIN_EXT_POISON, CHAIN_EXT_MAX
};

/* Bits of keyUsage as its first byte has them. */
#define CHAIN_KU_CERT_SIGN	0x04

struct chain_exts {
	const char	*fault;		/* why they cannot be read; NULL */
	const char	*unknown;	/* an unknown one is critical; NULL */
	unsigned	 have;		/* 1 << enum chain_ext */
	unsigned	 critical;	/* the same */
	struct span	 value[CHAIN_EXT_MAX];
	int		 ca;
	long		 path_len;	/* -1: none */
	uint8_t		 ku;		/* first byte of keyUsage */
	int		 eku_server, eku_any, eku_presign;
	size_t		 neku;
	struct span	 aki;		/* keyIdentifier; NULL */
	int		 aki_issuer;	/* names certificate or serial */
	struct span	 ski;		/* NULL */
};

struct chain_cert {
	struct span	 der;		/* borrowed */
	struct der_tbs	 t;
	struct span	 sigalg;	/* the outer one */
	uint8_t		 sha256[32];
	uint8_t		 subject[32];	/* SHA-256 of the canonical Name */
	uint8_t		 issuer[32];
	uint8_t		 key[32];	/* SHA-256 of the SPKI */
	int64_t		 from, to;	/* validity, microseconds */
	int		 whole;		/* all above is filled */
	int		 broken;	/* and cannot be */
	int		 is_root;	/* of some program */
	int		 reached;	/* the search came by */
	int		 led_on;	/* an issuer of it was found */
	int		 asked;		/* exts is filled */
	struct chain_exts exts;
	X509		*x;		/* owned; NULL until asked for */
};

/* Read what the search needs: 0 or -1 ERR_FORMAT. */
int chain_cert_read(struct span der, struct chain_cert *, struct err *);

/*
 * A root as its program knows it: what it is called, and its key.  The rest
 * is read by chain_cert_whole() when a path comes by: most roots of a
 * program are never looked at.  0, or -1 when it cannot be read.
 */
void chain_cert_root(const struct root *, struct chain_cert *);
int chain_cert_whole(struct chain_cert *);

/* Give OpenSSL's object back. */
void chain_cert_free(struct chain_cert *);

/* Its extensions, read now or before. */
const struct chain_exts *chain_cert_exts(struct chain_cert *);

/* OpenSSL's object, borrowed; NULL when OpenSSL cannot read it. */
X509 *chain_cert_x509(struct chain_cert *);

/* Is the extension there; is it critical? */
int chain_has(const struct chain_exts *, enum chain_ext);
int chain_critical(const struct chain_exts *, enum chain_ext);

/* Issuer and subject are the same name (RFC 5280, 3.2). */
int chain_self_issued(const struct chain_cert *);

/* The bytes of a span are those of a string constant. */
#define CHAIN_IS(s, c) \
	((s).n == sizeof(c) - 1 && memcmp((s).p, (c), sizeof(c) - 1) == 0)

#endif
