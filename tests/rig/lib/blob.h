#ifndef RIG_BLOB_H
#define RIG_BLOB_H

#include "base/buf.h"

/* Bytes that several threads read: counted, never changed. */
struct blob {
	uint8_t		*p;
	size_t		 n;
	int		 refs;
};

/* A blob of a buf's bytes, which the buf loses; one reference. */
struct blob *blob_new(struct buf *);

/* One more reference (returned); one less.  NULL is allowed. */
struct blob *blob_hold(struct blob *);
void blob_drop(struct blob *);

#endif
