#ifndef AUDITOR_ROLE_FETCH_H
#define AUDITOR_ROLE_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/net/egress.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"

struct err;

/*
 * The fetch process: every outbound HTTP request of one class of peers.  It
 * has no database, no keys and no files to write; it looks at nothing in a
 * body.  Requests come on descriptor 3, bodies go into arenas (shared memory
 * that the engine made and the judge maps) or into the answer.
 *
 * The messages, and the functions by which both sides write and read them.
 * Every string travels with its zero byte, so that what is read can be
 * borrowed from the frame; every field is bounded when it is read.
 */
enum fetch_type {
	FETCH_SETUP = 1,	/* engine: struct fetch_setup; the first one;
				   maybe the file of a meter */
	FETCH_ARENA,		/* engine: u32 arena, u64 size; the memfd */
	FETCH_DROP,		/* engine: u32 arena */
	FETCH_GET,		/* engine: struct fetch_get; the pipe */
	FETCH_CANCEL,		/* engine: u64 id; answered by FETCH_DONE */
	FETCH_FREE,		/* engine: u32 arena, u64 offset, u32 length */
	FETCH_INJECT,		/* engine: u64 id, u32 arena, vec32 bytes */
	FETCH_DONE		/* fetch: struct fetch_done */
};

struct fetch_setup {
	const char		*user_agent;	/* "certvigil/1 (+CONTACT)" */
	struct span		 ca_pem;	/* roots beside the system's */
	const char		*allow[LIMIT_EGRESS_NETS]; /* allow_private */
	size_t			 nallow;
	enum egress_class	 class;
	uint64_t		 max_rate;	/* bytes a second; 0: no cap */
	const char		*proxy;		/* "": none */
	uint32_t		 host_conns;	/* at most, to one host */
	int			 meter;		/* a descriptor that goes with
						   it (meter.h); 0: none */
};

#define FETCH_F_GZIP	0x01u	/* Accept-Encoding: gzip; not decompressed */
#define FETCH_F_HTTP2	0x02u	/* over TLS */
#define FETCH_F_FRESH	0x04u	/* a new connection, not kept */
#define FETCH_F_PIPE	0x08u	/* the body of an answer 200 goes into the
				   pipe that came with the message, as it
				   arrives; arena is 0, never HTTP/2 */
#define FETCH_F_FOLLOW	0x10u	/* up to 3 redirects (301, 302, 303, 307,
				   308), each checked anew: GET of class
				   revocation only */
#define FETCH_F_LARGE	0x20u	/* a body of megabytes: read in larger pieces */

/* Others of its host cannot hold up who has so many for itself. */
#define FETCH_PARTY_OWN	2u
/* Audits of what logs hold; those of logs begin behind it (tail_rate.c). */
#define FETCH_PARTY_AUDIT	1u

struct fetch_get {
	uint64_t	 id;
	uint32_t	 arena;		/* 0: the body comes in the answer */
	uint32_t	 cap;		/* most bytes of body, as sent */
	uint32_t	 timeout_ms;	/* for all of it, from when it is sent
					   (others of its host may be before
					   it); 0: 60 s */
	uint32_t	 slow_ms;	/* given up when for so long, rounded */
	uint32_t	 slow_bytes;	/* up to seconds, fewer bytes a second
					   came; 0: 45 s, 1024 */
	uint32_t	 flags;
	const char	*method;	/* "GET", "HEAD", "POST" */
	const char	*url;
	const char	*source;	/* the address to come from; "" or
					   NULL: the system's choice */
	uint32_t	 tag;		/* the answer has it, too */
	uint32_t	 party;		/* whose it is: FETCH_PARTY_OWN of its
					   connections are beyond those of its
					   host that all share; 0: nobody's */
	const char	*headers[LIMIT_HTTP_HEADERS];	/* "Name: value" */
	size_t		 nheaders;
	struct span	 body;		/* for POST */
};

enum fetch_failure {
	FETCH_OK,		/* there is an answer, with status */
	FETCH_RESOLVE,		/* no address for the name */
	FETCH_CONNECT,		/* no connection, or it broke */
	FETCH_TLS,		/* certificate or handshake */
	FETCH_TIMEOUT,		/* too long, or too slow */
	FETCH_POLICY,		/* not allowed by the egress policy */
	FETCH_TOO_LARGE,	/* more than cap */
	FETCH_PROTOCOL,		/* not HTTP, cut short, or a bad request */
	FETCH_CANCELLED,
	FETCH_NO_ROOM,		/* the arena is too small, or was dropped */
	FETCH_HEADERS,		/* more header lines than make sense */
	FETCH_FAILURE_MAX
};

struct fetch_done {
	uint64_t		id;
	uint32_t		tag;		/* of the request */
	enum fetch_failure	failure;
	uint16_t		status;		/* 0: failed */
	char			message[256];	/* what failed, in a sentence */
	char			date[64];	/* header fields; "": absent */
	char			retry_after[64];
	char			etag[256];
	char			last_modified[64];
	char			type[128];	/* Content-Type */
	char			encoding[32];	/* Content-Encoding */
	char			location[2048];	/* of the last answer */
	char			nonce[256];	/* Replay-Nonce (RFC 8555) */
	char			links[4096];	/* Link, a line each; what does
						   not fit is left out */
	char			url[2048];	/* where redirects led to; ""
						   when there were none */
	char			addr[64];	/* who answered */
	uint32_t		arena;		/* the extent, */
	uint64_t		offset;		/* to be given back by */
	uint32_t		length;		/* FETCH_FREE if not empty */
	struct span		body;		/* when arena is 0; borrowed */
	uint64_t		wire;		/* bytes on the wire, about;
						   with FETCH_F_PIPE: that were
						   written into the pipe */
	uint64_t		us;		/* from start to end */
};

/* Append the message to ${buf} / read it, -1 ERR_FORMAT or ERR_LIMIT. */
void fetch_setup_pack(struct buf *, const struct fetch_setup *);
int fetch_setup_read(struct cur, struct fetch_setup *, struct err *);
void fetch_get_pack(struct buf *, const struct fetch_get *);
int fetch_get_read(struct cur, struct fetch_get *, struct err *);
void fetch_done_pack(struct buf *, const struct fetch_done *);
int fetch_done_read(struct cur, struct fetch_done *, struct err *);

/* The name of a failure ("timeout"); never NULL. */
const char *fetch_failure_name(enum fetch_failure);

/* The role: returns the exit status (0: the channel was closed or SIGTERM). */
int fetch_main(void);

#endif
