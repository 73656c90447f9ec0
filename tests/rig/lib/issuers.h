#ifndef RIG_ISSUERS_H
#define RIG_ISSUERS_H

#include "base/buf.h"
#include "base/err.h"

/* CA certificates by SHA-256, in memory and in a folder.  Thread-safe. */

/* Use (make) this folder and read what is there. */
int issuers_open(const char *, struct err *);

/* Keep a certificate; its SHA-256 goes into 32 bytes. */
void issuers_add(struct span, uint8_t *);

/* The certificate of this hash: borrowed for ever; -1 when unknown. */
int issuers_get(const uint8_t *, struct span *);

/* Any certificate with another hash; -1 when there is none. */
int issuers_other(const uint8_t *, struct span *);

/* The i-th certificate; -1 behind the last. */
int issuers_at(size_t, struct span *);

#endif
