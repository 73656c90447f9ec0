#ifndef AUDITOR_NET_PAGE_HTTP_H
#define AUDITOR_NET_PAGE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

struct err;

/*
 * An answer in HTTP/1.1 to a GET, as it is framed (RFC 9112): where its lines
 * and the bytes of its body are.  Pure: the caller has the bytes, and what a
 * field means beside framing is the caller's.  Stricter than it must be: what
 * two readers may take differently is refused.
 */
enum page_http_state {
	PAGE_HTTP_STATUS,	/* the status line comes */
	PAGE_HTTP_FIELDS,	/* header fields, or the empty line */
	PAGE_HTTP_LENGTH,	/* body of a known length */
	PAGE_HTTP_SIZE,		/* the size of a chunk */
	PAGE_HTTP_CHUNK,	/* its bytes */
	PAGE_HTTP_CRLF,		/* the end of its line */
	PAGE_HTTP_TRAILERS,	/* fields that nobody reads */
	PAGE_HTTP_OVER
};

struct page_http {
	enum page_http_state	state;
	int			status;		/* of the last status line */
	int64_t			length;		/* Content-Length, or -1 */
	uint64_t		left;		/* bytes of body that come
						   now, before more framing */
	int			chunked;
	int			close;		/* the connection ends */
	size_t			head;		/* bytes of lines so far */
};

enum page_http_said {
	PAGE_HTTP_MORE,		/* not a whole line yet: bring more */
	PAGE_HTTP_LINE,		/* ${used} bytes were a line of the head */
	PAGE_HTTP_BODY,		/* body comes: ${left} bytes of it */
	PAGE_HTTP_END,		/* that was all of the answer */
	PAGE_HTTP_ODD,		/* well formed, but not for this reader: its
				   end is told by the connection's */
	PAGE_HTTP_BAD		/* not HTTP/1.1: the error says why */
};

void page_http_begin(struct page_http *);

/*
 * What begins at ${in}.  *used bytes of it are done with, also when more are
 * asked for; a line that is not whole is not used and is to be brought again.
 * BAD sets ERR_FORMAT or ERR_LIMIT (LIMIT_PAGE_LINE, LIMIT_PAGE_HEAD).
 */
enum page_http_said page_http_step(struct page_http *, struct span in,
    size_t *used, struct err *);

/* ${n} (at most left) bytes of the body were taken. */
void page_http_took(struct page_http *, uint64_t n);

#endif
