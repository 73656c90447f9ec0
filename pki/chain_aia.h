#ifndef PKI_CHAIN_AIA_H
#define PKI_CHAIN_AIA_H

#include "pki/chain.h"
#include "pki/chain_cert.h"

/*
 * Add the caIssuers URLs (http, RFC 5280, 4.2.2.1) of a certificate to what
 * is wanted; those that are there, and more than LIMIT_PTR_URLS, are left
 * out.
 */
void chain_aia_want(struct chain_cert *, struct chain *);

#endif
