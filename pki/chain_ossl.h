#ifndef PKI_CHAIN_OSSL_H
#define PKI_CHAIN_OSSL_H

#include <stddef.h>

#include "pki/chain_cert.h"

/*
 * What OpenSSL is asked.  Did the key of ${issuer} sign ${cert}?  1: yes; 0:
 * no; -1: that cannot be said here (the key inherits its parameters), the
 * fixed path decides.
 */
int chain_ossl_signed(struct chain_cert *cert, struct chain_cert *issuer);

struct chain_ossl {
	const char	*name;		/* DNS name or IP; NULL: any */
	int		 any_eku;	/* purpose: none */
	int		 permissive;	/* any strength of keys and hashes */
	int		 precert;	/* the leaf may carry the poison */
};

/*
 * Does OpenSSL accept this very path (leaf first, anchor last)?  Times are
 * not looked at.  NULL: yes; else its reason, a string constant.
 */
const char *chain_ossl_path(struct chain_cert *const *path, size_t n,
    const struct chain_ossl *);

#endif
