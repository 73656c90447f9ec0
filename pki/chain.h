#ifndef PKI_CHAIN_H
#define PKI_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/roots.h"

/*
 * Certification paths: all of them that lead from a certificate to a root of
 * some program over a pool of certificates, each judged (RFC 5280 section 6,
 * with the profile of the CA/Browser Forum where it decides about trust).
 * Bounded: depth, candidates, signatures (base/limit.h: LIMIT_CHAIN_*).
 * OpenSSL verifies signatures and each fixed path; what it accepts and should
 * not is refused by checks of our own.  Revocation is not looked at here.
 */

enum chain_verdict { CHAIN_TRUSTED, CHAIN_UNTRUSTED, CHAIN_UNKNOWN };

/* What RFC 5280, 6.1.1 (c, e to g) lets a caller want of policies. */
struct chain_policy {
	const char *const	*oids;		/* dotted; n = 0: any */
	size_t			 n;
	int			 explicit_policy;
	int			 inhibit_mapping;
	int			 inhibit_any;
};

struct chain_in {
	struct span		  leaf;		/* DER */
	const struct span	 *pool;		/* other certificates, DER */
	size_t			  npool;
	const struct roots *const *programs;
	size_t			  nprograms;
	int64_t			  at;		/* now, microseconds */
	int64_t			  first_sct;	/* earliest SCT; INT64_MIN */
	const char		 *name;		/* DNS name or IP; NULL: any */
	int			  max_depth;	/* intermediates; -1: limit */
	int			  any_eku;	/* do not want serverAuth */
	int			  precert;	/* the leaf may carry the poison */
	const struct chain_policy *policy;	/* NULL: policies only decide
						   where a CA wants it */
	int			  permissive;	/* RFC 5280 only, no CA/B rules
						   (PKITS) */
};

/* One path of one program. */
struct chain_path {
	const struct roots	*program;	/* borrowed from the input */
	enum chain_verdict	 verdict;	/* at ${at} */
	enum chain_verdict	 issued;	/* at notBefore of the leaf */
	char			 reason[256];	/* why not; "" when trusted */
	int64_t			 until;		/* trusted until; INT64_MIN */
	uint8_t			(*path)[32];	/* SHA-256, leaf first, root last */
	struct span		*der;		/* of each; into the input */
	size_t			 n;
};

struct chain {
	struct chain_path	*paths;		/* best first, by program */
	size_t			 npaths;
	char			**want;		/* caIssuers URLs (http) that
						   could lead on; owned */
	size_t			 nwant;
	int			 exhausted;	/* a budget ran out */
	char			 reason[256];	/* why some program has no
						   path; "" when each has */
};

/*
 * Build and judge.  0 (also when nothing is trusted), or -1 ERR_FORMAT when
 * the leaf itself cannot be read.  chain_free() in any case.
 */
int chain_build(const struct chain_in *, struct chain *, struct err *);
void chain_free(struct chain *);

/* The best verdict of a program: its first path, or NULL. */
const struct chain_path *chain_best(const struct chain *,
    const struct roots *);

/* "trusted", "untrusted", "unknown". */
const char *chain_verdict_name(enum chain_verdict);

/*
 * Does a certificate cover the name (SAN only; RFC 6125, no partial
 * wildcards; IP addresses by iPAddress)?  1 or 0; -1: SAN cannot be read.
 */
int chain_name_ok(struct span cert, const char *name);

/*
 * The certificates of an AIA answer (RFC 5280 4.2.2.1: DER certificate, or
 * PKCS #7 certs-only; PEM is seen too) appended to ${out} as spans into a
 * copy in ${mem}.  How many, -1 ERR_FORMAT.
 */
long chain_aia_read(struct span body, struct buf *mem, struct span *out,
    size_t max, struct err *);

#endif
