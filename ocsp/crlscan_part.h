#ifndef OCSP_CRLSCAN_PART_H
#define OCSP_CRLSCAN_PART_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/sha.h"
#include "ocsp/crlscan.h"

/*
 * The inside of a scan, for crlscan*.c; nobody else includes this.
 *
 *   crlscan.c        pieces, hashes, the verdict
 *   crlscan_head.c   what stands before the entries
 *   crlscan_walk.c   the entries, fast
 *   crlscan_entry.c  one entry, in all forms
 *   crlscan_ext.c    extensions of the CRL
 *   crlscan_idp.c    issuingDistributionPoint
 *   crlscan_sig.c    algorithms and signatures
 */

enum crl_hash { CRL_NOHASH, CRL_SHA1, CRL_SHA256, CRL_SHA384, CRL_SHA512 };
enum crl_sign { CRL_NOSIGN, CRL_RSA, CRL_PSS, CRL_ECDSA, CRL_EDDSA };

/* A signature algorithm; sign is CRL_NOSIGN when we do not know it. */
struct crl_alg {
	enum crl_sign	sign;
	enum crl_hash	hash;
	int		key;		/* EVP_PKEY_... that it needs */
	int		salt;		/* bytes, of PSS */
	char		name[64];
};

enum crlscan_stage {
	CRLSCAN_HEAD,
	CRLSCAN_ENTRIES,
	CRLSCAN_TAIL,
	CRLSCAN_END,		/* the last byte was there */
	CRLSCAN_BAD		/* no more is parsed */
};

struct crlscan {
	struct crlscan_in	 in;
	struct crlscan_out	 out;
	enum crlscan_stage	 stage;
	int			 stop;		/* longer than LIMIT_CRL */

	/* the issuer's certificate */
	struct span		 subject;
	struct span		 spki;

	/* the first bytes, up to the entries; what must be there to go on */
	struct buf		 head;
	size_t			 need;
	int			 version;	/* 1, 2 */
	struct span		 sigalg;	/* in head */
	struct crl_alg		 alg;

	/* offsets in the CRL */
	uint64_t		 tbs_from;
	uint64_t		 entries_end;
	uint64_t		 tbs_end;
	uint64_t		 end;

	/* an entry that came in pieces, and what must be there to go on */
	struct buf		 carry;
	size_t			 carry_need;
	uint8_t			*seen;		/* a bit a number of the set */
	size_t			 chits;

	struct sha_ctx		 tbs;
	int			 hashed;	/* tbs has begun */
	struct sha_steps	 steps;		/* of it, during a walk */
	EVP_MD_CTX		*md;		/* other hashes */
	struct buf		 msg;		/* tbs, for EdDSA */
	int			 unkept;	/* longer than in.keep */
};

/* Note a fault; the gravest one is kept, the first of them. */
void crlscan_fault(struct crlscan *, enum crl_fault, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Look at head, which has the bytes that were needed: sets need, or the next
 * stage.  What belongs behind the entries goes to out.tail.
 */
void crlscan_head(struct crlscan *);

/*
 * Walk entries: all bytes lie before entries_end.  Takes steps of the hash as
 * it goes, as far as there are some.
 */
void crlscan_walk(struct crlscan *, const uint8_t *, size_t);

/* One entry taken apart. */
struct crl_one {
	struct span	serial;		/* INTEGER content */
	int64_t		at;
	int		reason;
	int64_t		invalid_at;
	enum crl_fault	fault;		/* CRL_CRITICAL, CRL_INDIRECT */
};

/* Read an entry, all of the span: NULL, or what cannot be read. */
const char *crlscan_entry(struct span, int version, struct crl_one *);

/* Read the extensions of the CRL (the body of their SEQUENCE). */
void crlscan_exts(struct crlscan *, struct span);

/* Read an issuingDistributionPoint (whole). */
void crlscan_idp(struct crlscan *, struct span);

/* Are these two names (whole SEQUENCEs) the same (RFC 5280 7.1)? */
int crlscan_same_name(struct span, struct span);

/* Read an AlgorithmIdentifier, whole. */
void crlscan_alg(struct span, struct crl_alg *);

/* OpenSSL's digest; NULL for CRL_NOHASH. */
const EVP_MD *crlscan_md(enum crl_hash);

/* Verify ${sig} with the digest in out (or msg). */
void crlscan_verify(struct crlscan *, struct span sig);

#endif
