#ifndef AUDITOR_SERIALS_H
#define AUDITOR_SERIALS_H

#include <stddef.h>

#include "base/err.h"

/*
 * Serial numbers from a list that a CA or a person hands out.  Pure.
 */
struct serials {
	char	**serial;	/* hex as in issuance.serial; each owned */
	char	**issuer;	/* hex of the issuer's SPKI SHA-256, "" unknown */
	size_t	  n, cap, icap;
};

/*
 * Add those of ${n} bytes of text, which is ended by a zero byte.  One a line:
 * hex, with or without leading zeros, 0x, colons or blanks between the bytes; "ISSUER:SERIAL"
 * with the SHA-256 of the issuer's SubjectPublicKeyInfo; "Serial Number: HEX"
 * (openssl crl -text; all other lines of it are passed over); or CSV with
 * a header that has a column `serial` or `serial_number` (and perhaps
 * `issuer_spki_sha256`), or without a header, the serial number being the
 * first field.  `#` begins a comment.  0, or -1: ERR_USAGE with the line, or
 * ERR_LIMIT (LIMIT_SERIALS).
 */
int serials_read(struct serials *, const char *text, size_t n,
    const char *where, struct err *);

/*
 * One serial number as it is stored: lower case, whole bytes, no leading zero
 * bytes.  A new string, or NULL when it is none.
 */
char *serials_canon(const char *, size_t);

void serials_free(struct serials *);

#endif
