#ifndef PKI_NAME_H
#define PKI_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* DNS names as they stand in certificates and configurations. */

/* Room for a name: 253 bytes, a leading dot or wildcard, the zero byte. */
#define NAME_TEXT 256

/* How the bytes of a name are to be read. */
enum name_code { NAME_UTF8, NAME_LATIN1, NAME_UTF16, NAME_UTF32 };

/*
 * Text of any code as UTF-8, zero-terminated, at most cap - 1 bytes.  -1 when
 * the bytes are not of that code (a NUL is fine) or do not fit.  Returns the
 * length.
 */
long name_utf8(const void *, size_t, enum name_code, char *out, size_t cap);

/*
 * One canonical form of UTF-8: lower case, U-labels (RFC 5890) as A-labels,
 * trailing dots removed, other kinds of dots (U+3002, U+FF0E, U+FF61) as
 * dots.  A label that IDNA refuses is kept as it is, so that the labels
 * behind it can still be compared: this is for matching, not for judging.
 * Returns the length, or -1 when there is nothing left or it does not fit.
 */
long name_fold(const char *, size_t, char *out, size_t cap);

/*
 * The same for what an operator wrote: in addition labels must be 1 to 63
 * bytes of letters, digits, '-' and '_', IDNA must accept them, and the
 * error says what is wrong.
 */
int name_canon(const char *, size_t, char out[NAME_TEXT], struct err *);

/*
 * Does a wildcard name cover ${name}: RFC 6125, 6.4.3, with '*' standing for
 * one label, or for part of the leftmost one ("v*.example.com")?  Both are
 * canonical.
 */
int name_covers(const char *wild, const char *name);

/*
 * Text that may be shown: UTF-8 of at most cap - 1 bytes and a zero byte.
 * Control characters, bidirectional and invisible formatting characters and
 * bytes that are not UTF-8 become \xNN or \u{N}; what does not fit is cut at
 * a character and ends in "...".  Returns the length.
 */
size_t name_display(const void *, size_t, char *out, size_t cap);

/* The same for another code than UTF-8. */
size_t name_display_as(const void *, size_t, enum name_code, char *out,
    size_t cap);

#endif
