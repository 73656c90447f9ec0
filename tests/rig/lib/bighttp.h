#ifndef RIG_BIGHTTP_H
#define RIG_BIGHTTP_H

#include <sys/uio.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * An HTTP/1.1 server for large answers: one thread, epoll, keep-alive,
 * bodies that are sent from where they lie, plain and over TLS.
 */

enum { BIGHTTP_PARTS = 40 };

struct bigreq {
	char		*method, *path, *query;	/* "" without a query */
	char		*head;			/* header lines */
};

enum bigpace { BIGPACE_FULL, BIGPACE_SLOW, BIGPACE_STALL, BIGPACE_RESET };

struct bigres {
	int		 status;	/* 200 */
	const char	*type;		/* constant text, or NULL */
	struct buf	 head;		/* further lines, each with CRLF */
	struct buf	 body;		/* the first part, its own */
	struct iovec	 part[BIGHTTP_PARTS];	/* the others, borrowed */
	int		 parts;
	void		*hold[BIGHTTP_PARTS];	/* for done() */
	int		 holds;
	enum bigpace	 pace;		/* slow: a byte of the body a second */
};

struct bighttp_opts {
	const char	*addr;		/* IPv4 */
	int		 port, tls_port;	/* 0: any */
	const char	*cert, *key;	/* PEM; NULL: no TLS */
	long		 tick_ms;
	void		*ctx;
	void	       (*serve)(void *, const struct bigreq *,
			    struct bigres *);
	void	       (*done)(void *, struct bigres *);	/* it is sent */
	void	       (*tick)(void *);
};

struct bighttp;

/* Listen; NULL and ${e} when that fails. */
struct bighttp *bighttp_open(const struct bighttp_opts *, struct err *);

/* The port; that of TLS, 0 when there is none; connections that are open. */
int bighttp_port(const struct bighttp *, int);
int bighttp_connections(const struct bighttp *);

/* Serve until SIGTERM or SIGINT. */
void bighttp_run(struct bighttp *);

/* One more part of the body. */
void bighttp_part(struct bigres *, const void *, size_t);

/* A header's value, cut off at ${n} bytes; -1 when it is not there. */
int bighttp_header(const struct bigreq *, const char *, char *, size_t);

#endif
