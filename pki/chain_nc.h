#ifndef PKI_CHAIN_NC_H
#define PKI_CHAIN_NC_H

#include <stddef.h>

#include "pki/chain_cert.h"

/*
 * Name constraints (RFC 5280, 4.2.1.10 and 6.1): every name of every
 * certificate of the path (leaf first, anchor last; self-issued ones only at
 * its end) must lie in the permitted subtrees of each certificate above it,
 * and in no excluded one.  Those of the anchor count too.  A wildcard is all
 * the names that it covers.  Constraints that cannot be understood refuse
 * the path when a name of their kind is there, malformed ones always.
 * NULL: fine; else why not, a string constant.  Ends after ${*left}
 * comparisons, which are taken off: all paths of a search share
 * LIMIT_CHAIN_NAMES.
 */
const char *chain_nc_path(struct chain_cert *const *path, size_t n,
    size_t *left);

#endif
