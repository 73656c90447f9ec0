#ifndef AUDITOR_ASSESS_H
#define AUDITOR_ASSESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"
#include "ctlog/policy.h"
#include "ctlog/scts.h"
#include "pki/cert.h"
#include "pki/chain.h"
#include "pki/ptr.h"
#include "pki/weak.h"

/*
 * Everything that can be said about one certificate from bytes alone: what it
 * claims, its SCTs, CT policy, key, chains.  Pure; runs in a judge and in the
 * box of `check`.
 */
struct assess_in {
	struct span		  cert;		/* DER */
	const struct span	 *pool;		/* chain and known issuers */
	size_t			  npool;
	struct span		  tls, ocsp;	/* SCT lists beside it; n 0 */
	const struct loglist	 *logs;		/* NULL: none at hand */
	const struct roots *const *programs;
	size_t			  nprograms;
	const struct weak_list	 *weak;		/* NULL */
	const char		 *name;		/* that it was served for; "" */
	int64_t			  at;		/* microseconds */
};

struct assess {
	struct cert		 cert;
	struct ptr		 ptr;
	struct scts		 scts;
	struct policy_verdict	 policy[POLICY_PROGRAMS];
	enum weak		 weak;
	char			 weak_why[200];
	struct chain		 chain;
	int			 issuer;	/* in pool, that signed it; -1 */
	uint8_t			 issuer_sha256[32];
	uint8_t			 issuer_spki[32];
	int			 name_ok;	/* 1, 0; -1: not asked */
};

/* 0, or -1 ERR_FORMAT: it is no certificate.  assess_free() in any case. */
int assess_read(const struct assess_in *, struct assess *, struct err *);
void assess_free(struct assess *);

/*
 * The earliest SCT that is valid and of a log that counts now, microseconds;
 * INT64_MIN: none.
 */
int64_t assess_first_sct(const struct scts *);

#endif
