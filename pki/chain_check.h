#ifndef PKI_CHAIN_CHECK_H
#define PKI_CHAIN_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pki/chain.h"
#include "pki/chain_cert.h"

/*
 * All that decides about one path (leaf first, anchor last) whatever the
 * time: RFC 5280 section 6, the profile, the name, then OpenSSL.  1: fine;
 * 0: refused, with the sentence in ${why}.  ${*names} comparisons of names
 * may be made, and are taken off.
 */
int chain_check_path(struct chain_cert *const *path, size_t n,
    const struct chain_in *, size_t *names, struct buf *why);

/*
 * Is every certificate of it valid at that time (microseconds; RFC 5280,
 * 4.1.2.5: to the second, both ends included)?
 */
int chain_check_time(struct chain_cert *const *path, size_t n, int64_t at,
    struct buf *why);

#endif
