#ifndef AUDITOR_ROLE_CHALLENGE_CONN_H
#define AUDITOR_ROLE_CHALLENGE_CONN_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/net/netaddr.h"
#include "auditor/role/challenge_msg.h"
#include "auditor/role/challenge_store.h"
#include "auditor/role/challenge_tls.h"

struct ipc;

/* Private to challenge.c and challenge_conn.c. */

enum challenge_state {
	CHALLENGE_ASKED,	/* the request, or the handshake, comes */
	CHALLENGE_ANSWERS,	/* the last of it is being sent */
	CHALLENGE_PARTS		/* until the client has closed, too: closing
				   before would take back what was sent */
};

struct challenge_conn {
	enum challenge_kind	 kind;
	enum challenge_state	 state;
	int			 fd;
	struct netaddr		 addr;
	unsigned		 group;		/* hash of its network */
	int64_t			 end;		/* clk_mono() */
	struct challenge_shake	*shake;		/* owned; tls-alpn-01 */
	struct buf		 in;		/* the head; http-01 */
	struct buf		 out;
	size_t			 sent;
	size_t			 got;		/* bytes of the client */
	size_t			 slot;		/* in conns */
	struct challenge_conn	*prev, *next;	/* by how long idle */
};

#define CHALLENGE_GROUPS	1024u	/* a power of two */

/* The process. */
struct challenge_role {
	struct ipc		*ipc;		/* owned */
	int			 ready;		/* SETUP came */
	int			 listen[2 * LIMIT_CHALLENGE_LISTEN];
	size_t			 nlisten, nhttp;	/* those of http-01
							   come first */
	int			 moved;		/* LISTEN came: fds are old */
	int64_t			 pause;		/* accept nothing until then */
	uint32_t		 timeout_ms;
	struct challenge_store	 stores[CHALLENGE_KINDS];
	struct challenge_tlsd	*tlsd;		/* owned */
	struct challenge_conn	*conns[LIMIT_CHALLENGE_CONNS];	/* owned */
	size_t			 nconns;
	struct challenge_conn	*head, *tail;	/* head: idle the longest */
	unsigned		 groups[CHALLENGE_GROUPS];	/* members */
	struct pollfd		 fds[1 + 2 * LIMIT_CHALLENGE_LISTEN +
				    LIMIT_CHALLENGE_CONNS];	/* the
					   engine, listening, conns */
	int64_t			 second;	/* that notes are counted in */
	unsigned		 notes;
	uint32_t		 missed;
	int64_t			 swept;
};

/* Where the pollfds of the connections begin. */
size_t challenge_conn_base(const struct challenge_role *);

/* Take what waits at the listening socket ${i}, a few at a time. */
void challenge_conn_accept(struct challenge_role *, size_t i, int64_t now);

/* Fill in the pollfds of the connections; when the first one is over. */
int64_t challenge_conn_poll(struct challenge_role *);

/* Carry on with what poll() found ready, end what is late. */
void challenge_conn_turn(struct challenge_role *, int64_t now);

/* End all of them. */
void challenge_conn_free_all(struct challenge_role *);

#endif
