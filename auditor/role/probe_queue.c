#include "auditor/role/probe_queue.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/probe_job.h"
#include "base/limit.h"
#include "base/mem.h"

struct probe_peer {
	struct netaddr		 addr;
	struct probe_peer	*chain;		/* with the same hash */
	struct probe_peer	*prev, *next;	/* in the ready list */
	struct probe_unit	*head, *tail;	/* that wait */
	unsigned		 active;
	int			 ready;		/* is in the list */
	unsigned		 late;		/* ends in a row, */
	uint16_t		 port;		/* of connections to it */
};

static size_t
slot(const struct probe_queue *q, const struct netaddr *a)
{
	return netaddr_hash(a, q->seed) & (PROBE_PEERS - 1);
}

static struct probe_peer *
peer_of(struct probe_queue *q, const struct netaddr *a)
{
	struct probe_peer	**at = &q->peers[slot(q, a)], *p;

	for (p = *at; p != NULL; p = p->chain)
		if (memcmp(&p->addr, a, sizeof(*a)) == 0)
			return p;
	p = mem_zero(sizeof(*p));
	p->addr = *a;
	p->chain = *at;
	*at = p;
	return p;
}

static void
ready_remove(struct probe_queue *q, struct probe_peer *p)
{
	if (!p->ready)
		return;
	p->ready = 0;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		q->ready_head = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	else
		q->ready_tail = p->prev;
	p->prev = p->next = NULL;
}

/* At the end of the ready list, out of it, or gone: as it should be now. */
static void
settle(struct probe_queue *q, struct probe_peer *p)
{
	struct probe_peer	**at;

	if (p->head != NULL && p->active < LIMIT_PROBE_PEER) {
		if (p->ready)
			return;
		p->ready = 1;
		p->prev = q->ready_tail;
		if (p->prev != NULL)
			p->prev->next = p;
		else
			q->ready_head = p;
		q->ready_tail = p;
		return;
	}
	ready_remove(q, p);
	if (p->head != NULL || p->active != 0)
		return;
	for (at = &q->peers[slot(q, &p->addr)]; *at != p; at = &(*at)->chain)
		;
	*at = p->chain;
	free(p);
}

/* A list of units. */
static void
append(struct probe_unit **head, struct probe_unit **tail,
    struct probe_unit *u)
{
	u->prev = *tail;
	u->next = NULL;
	if (u->prev != NULL)
		u->prev->next = u;
	else
		*head = u;
	*tail = u;
	u->waits = 1;
}

static void
take_out(struct probe_unit **head, struct probe_unit **tail,
    struct probe_unit *u)
{
	if (u->prev != NULL)
		u->prev->next = u->next;
	else
		*head = u->next;
	if (u->next != NULL)
		u->next->prev = u->prev;
	else
		*tail = u->prev;
	u->prev = u->next = NULL;
	u->waits = 0;
}

void
probe_queue_add(struct probe_queue *q, struct probe_unit *u)
{
	if (u->is_ask) {
		append(&q->ask_head, &q->ask_tail, u);
		return;
	}
	u->peer = peer_of(q, &u->addr);
	append(&u->peer->head, &u->peer->tail, u);
	settle(q, u->peer);
}

struct probe_unit *
probe_queue_ask(struct probe_queue *q)
{
	struct probe_unit	*u = q->ask_head;

	if (u != NULL)
		take_out(&q->ask_head, &q->ask_tail, u);
	return u;
}

struct probe_unit *
probe_queue_look(struct probe_queue *q)
{
	struct probe_peer	*p = q->ready_head;
	struct probe_unit	*u;

	if (p == NULL)
		return NULL;
	u = p->head;
	take_out(&p->head, &p->tail, u);
	p->active++;
	/* Behind the others, if it has more. */
	ready_remove(q, p);
	settle(q, p);
	return u;
}

void
probe_queue_remove(struct probe_queue *q, struct probe_unit *u)
{
	struct probe_peer	*p = u->peer;

	if (u->is_ask) {
		take_out(&q->ask_head, &q->ask_tail, u);
		return;
	}
	take_out(&p->head, &p->tail, u);
	u->peer = NULL;
	settle(q, p);
}

/* Those that wait for the port, out of the peer's list. */
static struct probe_unit *
take_port(struct probe_peer *p, uint16_t port)
{
	struct probe_unit	*u, *next, *head = NULL, *tail = NULL;

	for (u = p->head; u != NULL; u = next) {
		next = u->next;
		if (u->job->tls.port != port)
			continue;
		take_out(&p->head, &p->tail, u);
		append(&head, &tail, u);
		u->waits = 0;
		u->peer = NULL;
	}
	return head;
}

struct probe_unit *
probe_queue_done(struct probe_queue *q, struct probe_unit *u, int late)
{
	struct probe_peer	*p = u->peer;
	struct probe_unit	*dead = NULL;
	uint16_t		 port = u->job->tls.port;

	u->peer = NULL;
	p->active--;
	if (!late || p->port != port)
		p->late = 0;
	p->port = port;
	if (late && ++p->late >= LIMIT_PROBE_PEER) {
		p->late = 0;
		dead = take_port(p, port);
	}
	settle(q, p);
	return dead;
}
