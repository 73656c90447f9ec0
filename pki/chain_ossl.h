#ifndef PKI_CHAIN_OSSL_H
#define PKI_CHAIN_OSSL_H

#include <stddef.h>

#include "pki/chain.h"
#include "pki/chain_cert.h"

/*
 * What OpenSSL is asked.  Did the key of ${issuer} sign ${cert}: 1 or 0 (also
 * when one of them cannot be read).  Names are not compared.
 */
int chain_ossl_signed(struct chain_cert *cert, struct chain_cert *issuer);

struct chain_ossl {
	const char	*name;		/* DNS name or IP; NULL: any */
	int		 any_eku;	/* purpose: none */
	int		 permissive;	/* any strength of keys and hashes */
	int		 precert;	/* the leaf may carry the poison */
	int		 policies;	/* look at them (RFC 5280, 6.1) */
	const struct chain_policy *policy;	/* as asked; NULL */
};

/*
 * Does OpenSSL accept this very path (leaf first, anchor last)?  Times are
 * not looked at.  NULL: yes; else its reason, a string constant.
 */
const char *chain_ossl_path(struct chain_cert *const *path, size_t n,
    const struct chain_ossl *);

#endif
