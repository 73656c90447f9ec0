#ifndef AUDITOR_NET_PAGE_CONN_H
#define AUDITOR_NET_PAGE_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"

struct err;

/*
 * A connection to a server, with TLS or without, from which bytes are read to
 * where they are to be, as many at a time as there are.  It never blocks; its
 * descriptor is to be watched for edges (EPOLLET) of EPOLLIN, EPOLLOUT and
 * EPOLLRDHUP.
 */
struct page_conn;

/* What TLS connections share: roots, and a buffer for what was received. */
struct page_tls;

/*
 * Trust what is in the folder (hashed names) or the file, either may be NULL,
 * and in the PEM text.  TLS 1.2 at least.  NULL: ERR_CONF.
 */
struct page_tls *page_tls_new(const char *dir, const char *file,
    struct span pem, struct err *);
void page_tls_free(struct page_tls *);

enum page_io {
	PAGE_IO_OK,
	PAGE_IO_AGAIN,		/* nothing now: wait for an edge */
	PAGE_IO_END,		/* the peer closed it */
	PAGE_IO_BAD		/* it broke, is no TLS, or not whom we want */
};

/*
 * Over the connected socket (owned from then on, non-blocking).  ${tls}: NULL
 * for plain; else borrowed, and ${host} is who must be there: a name, or an
 * address.  NULL: ERR_SYS, and the socket is closed.
 */
struct page_conn *page_conn_new(int fd, struct page_tls *, const char *host,
    struct err *);
void page_conn_free(struct page_conn *);

int page_conn_fd(const struct page_conn *);

/* An edge: ${gone}: the peer sends no more. */
void page_conn_edge(struct page_conn *, int gone);

/* Is there something to read, as far as is known without trying? */
int page_conn_ready(const struct page_conn *);

/* Have it tried again, whatever is known. */
void page_conn_try(struct page_conn *);

/* The handshake: OK when it is over (plain: at once). */
enum page_io page_conn_shake(struct page_conn *, struct err *);

/* *done is what was written or read, more than 0 when OK. */
enum page_io page_conn_write(struct page_conn *, const void *, size_t,
    size_t *done, struct err *);
enum page_io page_conn_read(struct page_conn *, void *, size_t, size_t *done,
    struct err *);

/*
 * At least ${n} bytes more are to come: no edge is needed before a good part
 * of them is there.
 */
void page_conn_expect(struct page_conn *, uint64_t n);

/*
 * So many bytes are a good part over a long path (a round trip of 5 ms or more)
 * while the kernel has made a buffer of ${buffer} bytes (SO_RCVBUF) for them.
 * To wait for more would keep the window as small as that: the kernel opens
 * it no further than the mark, and who sends takes this for all that the path
 * carries.
 */
uint64_t page_conn_mark(int buffer);

/* 1 when it can be used again: the peer has not closed it, nor said more. */
int page_conn_quiet(struct page_conn *);

#endif
