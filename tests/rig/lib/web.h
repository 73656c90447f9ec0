#ifndef RIG_WEB_H
#define RIG_WEB_H

#include "base/buf.h"
#include "base/err.h"
#include "tests/rig/lib/blob.h"

/*
 * A small HTTP/1.1 server on loopback addresses: keep-alive, one thread a
 * connection.  It can also behave badly on request.  TLS is tls.py's in
 * front of it.
 */

enum { WEB_LISTEN = 512 };

struct web_req {
	char		 method[8];
	char		*path;		/* as sent, without the query */
	char		*query;		/* as sent, "" when there is none */
	char		*head;		/* header lines, CRLF between them */
	struct buf	 body;
	int		 at;		/* the listener that it came to */
	int		 peer;		/* it comes from 127.0.0.PEER */
};

enum web_pace {
	WEB_NORMAL,
	WEB_SLOW,		/* ${rate} bytes of body a second */
	WEB_STALL,		/* never answer */
	WEB_RESET,		/* reset in the middle of the body */
	WEB_CUT			/* close in the middle of the body */
};

struct web_res {
	int		 status;	/* 200 */
	const char	*type;		/* Content-Type, constant text */
	struct buf	 head;		/* further lines, each with CRLF */
	struct buf	 body;
	struct blob	*blob;		/* more of the body, or NULL */
	uint64_t	 fill;		/* and so many bytes of junk */
	int		 chunked;	/* without Content-Length */
	enum web_pace	 pace;
	long		 rate;
};

struct web_opts {
	int		 port;		/* 0: any */
	long		 tick_ms;	/* 0: never */
	void		*ctx;
	void	       (*serve)(void *, const struct web_req *,
			    struct web_res *);	/* called in any thread */
	void	       (*tick)(void *);
};

struct web;

/* Listen: one server a process.  NULL and ${e} when that fails. */
struct web *web_open(const struct web_opts *, struct err *);

/* The port of the first listener. */
int web_port(const struct web *);

/*
 * Listen on one more address of 127/8 or 10/8 (IPv4 text) and port (0: any), before
 * web_run().  The listener's number, or -1.
 */
int web_listen(struct web *, const char *, int, struct err *);

/* How many listeners there are; "ADDRESS:PORT" of one, borrowed for ever. */
int web_count(const struct web *);
const char *web_where(const struct web *, int);

/*
 * Serve until SIGTERM or SIGINT.  Threads may still be at work then, so the
 * process should end.
 */
void web_run(struct web *);

/* Append the decoded value of a query argument; -1 when it is not there. */
int web_arg(const char *, const char *, struct buf *);

/* A header's value (to be freed), or NULL. */
char *web_header(const struct web_req *, const char *);

/* An answer of text with a status. */
void web_say(struct web_res *, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* The date of ${seconds} from now as HTTP writes it (RFC 9110, 5.6.7). */
void web_date(struct buf *, long);

#endif
