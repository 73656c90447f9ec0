#ifndef PKI_CHAIN_NAME_H
#define PKI_CHAIN_NAME_H

#include "pki/chain_cert.h"

/* Names of a TLS server's certificate; chain_name_ok() is in pki/chain.h. */

/* Does it cover the name (DNS name or IP address): 1 or 0. */
int chain_name_covers(const struct chain_cert *, const char *name);

/*
 * The names of a leaf as the Baseline Requirements want them (7.1.2.7.12 and
 * 7.1.4.3): a subjectAltName is there, critical only when the subject is
 * empty, its dNSNames and iPAddresses are such, and a common name is one of
 * them.  NULL: fine; else why not, a string constant.
 */
const char *chain_name_fault(struct chain_cert *);

#endif
