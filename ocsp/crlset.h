#ifndef OCSP_CRLSET_H
#define OCSP_CRLSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * The serial numbers of one issuer that a scan of its CRL looks for.  The set
 * is one flat image without pointers (a hash table), so that it can be mapped
 * read-only by the process that scans.  A serial is text as struct cert has
 * it: hex, without leading zeros, "-" in front of a negative one; either case
 * and leading zeros are taken, too.
 */
struct crlset_build;

struct crlset_build *crlset_new(void);

/*
 * Add a serial; its number is 0, 1, ... in the order of first adding.  One
 * that is there already keeps its number.  Returns the number, or -1
 * ERR_FORMAT when the text is no serial (of at most LIMIT_SERIAL bytes),
 * ERR_LIMIT beyond LIMIT_CRL_WATCHED.
 */
long crlset_add(struct crlset_build *, const char *serial, struct err *);

/* The same from the content of an INTEGER, as a certificate has it. */
long crlset_add_int(struct crlset_build *, struct span integer, struct err *);

/*
 * Append the image to ${image} and free the builder.  Its size is a multiple
 * of 8; it is read in the byte order of this machine, at any address.
 */
void crlset_done(struct crlset_build *, struct buf *image);
void crlset_free(struct crlset_build *);

/* A view on an image; plain data, owns nothing. */
struct crlset {
	const uint8_t	*image;		/* borrowed */
	size_t		 n;		/* bytes of it */
	uint32_t	 count;		/* serials */
	uint32_t	 nslot;		/* a power of two */
	uint32_t	 nfilter;	/* a power of two */
	uint64_t	 seed[2];
	const uint8_t	*filter;	/* parts of the image */
	const uint8_t	*slots;
	const uint8_t	*recs;
	size_t		 nrec;
};

/*
 * Look at an image, which must stay there: 0, or -1 ERR_FORMAT.  Takes no
 * longer for a large one: what is inside is checked when it is used, so that
 * a damaged image can give a wrong number below crlset_count(), no more.
 */
int crlset_open(struct crlset *, const void *image, size_t n, struct err *);

/*
 * The number of the serial with this INTEGER content (DER, any length of
 * leading zeros or 0xff is the same number), or -1.
 */
long crlset_find(const struct crlset *, struct span integer);

/* How many there are. */
size_t crlset_count(const struct crlset *);

#endif
