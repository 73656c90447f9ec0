#ifndef AUDITOR_ROLE_PROBE_QUEUE_H
#define AUDITOR_ROLE_PROBE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct probe_unit;

/*
 * Units that wait for their turn.  Questions come in order; connections come
 * in turns by address (peer), of which each has at most LIMIT_PROBE_PEER
 * under way: many names on one server neither burden it nor hold up others.
 * Owns peers, borrows units.
 */
struct probe_peer;

#define PROBE_PEERS	4096u	/* a power of two: chains stay short */

struct probe_queue {
	struct probe_unit	*ask_head, *ask_tail;
	struct probe_peer	*ready_head, *ready_tail;
	struct probe_peer	*peers[PROBE_PEERS];	/* hashed; owned */
	uint64_t		 seed;		/* set by the caller */
};

/* Let a unit wait: addr and the port of its job are set, for a connection. */
void probe_queue_add(struct probe_queue *, struct probe_unit *);

/* The question, or the connection, whose turn it is; NULL: none. */
struct probe_unit *probe_queue_ask(struct probe_queue *);
struct probe_unit *probe_queue_look(struct probe_queue *);

/* A unit that waits does so no longer. */
void probe_queue_remove(struct probe_queue *, struct probe_unit *);

/*
 * A connection that was under way has ended, ${late} when because its time
 * was up.  After LIMIT_PROBE_PEER such in a row to one port the peer is taken
 * for dead: returns the units that wait for that port, joined by next and no
 * longer waiting; or NULL.  (Otherwise a thousand names on one dead server
 * would take a thousand times its timeout.)
 */
struct probe_unit *probe_queue_done(struct probe_queue *,
    struct probe_unit *, int late);

#endif
