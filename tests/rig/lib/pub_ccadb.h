#ifndef RIG_PUB_CCADB_H
#define RIG_PUB_CCADB_H

#include "tests/rig/lib/pub.h"

/*
 * Append CAs as CCADB lists them: the line of names (${p} NULL), then a line
 * each.  Records are as in AllCertificateRecordsCSVFormatv4, with the columns
 * that somebody reads; ${where} is the listener of the CRL URLs.
 */
void pub_ccadb_record(const struct pub *, const char *, struct buf *);

/* The same for AllCertificatePEMsCSVFormat. */
void pub_ccadb_pem(const struct pub *, struct buf *);

#endif
