#include "auditor/role/probe_job.h"

#include <arpa/nameser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

/* Neither dead resolvers nor dead endpoints may hold up the others. */
#define CLASS_MAX	(LIMIT_PROBES - LIMIT_PROBES / 4)

static const uint16_t	addr_types[] = { ns_t_a, ns_t_aaaa };

static struct probe_job *
job_new(struct probe_role *r, uint64_t id)
{
	struct probe_job	*j = mem_zero(sizeof(*j));
	size_t			 i;

	j->role = r;
	j->id = id;
	for (i = 0; i < 2; i++) {
		j->ask[i].job = j;
		j->ask[i].is_ask = 1;
	}
	for (i = 0; i < LIMIT_PROBE_ADDRS; i++)
		j->look[i].job = j;
	j->prev = r->tail;
	if (j->prev != NULL)
		j->prev->next = j;
	else
		r->head = j;
	r->tail = j;
	r->njobs++;
	return j;
}

static void
job_free(struct probe_job *j)
{
	struct probe_role	*r = j->role;

	if (j->prev != NULL)
		j->prev->next = j->next;
	else
		r->head = j->next;
	if (j->next != NULL)
		j->next->prev = j->prev;
	else
		r->tail = j->prev;
	r->njobs--;
	free(j->host);
	free(j->sni);
	free(j);
}

struct probe_job *
probe_job_find(struct probe_role *r, uint64_t id)
{
	struct probe_job	*j;

	for (j = r->head; j != NULL; j = j->next)
		if (j->id == id)
			return j;
	return NULL;
}

/* --- answers --- */

__attribute__((format(printf, 2, 3))) static void
note(struct probe_job *j, const char *fmt, ...)
{
	size_t	n = strlen(j->note);
	va_list	ap;

	if (n != 0 && n + 2 < sizeof(j->note)) {
		memcpy(j->note + n, "; ", 3);
		n += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(j->note + n, sizeof(j->note) - n, fmt, ap);
	va_end(ap);
}

/* One address is answered; behind the last one the job is gone. */
static void
send_served(struct probe_job *j, struct probe_served *s)
{
	struct buf	b = BUF_INIT;
	size_t		n = strlen(s->note);

	s->id = j->id;
	s->last = --j->looking == 0;
	if (s->last && *j->note != '\0')
		(void)snprintf(s->note + n, sizeof(s->note) - n, "%s%s",
		    n != 0 ? "; " : "", j->note);
	probe_served_pack(&b, s);
	ipc_send(j->role->ipc, PROBE_SERVED, &b, NULL, 0);
	buf_free(&b);
	if (s->last)
		job_free(j);
}

/* Nothing was served by the address (NULL: there is none). */
static void
send_refused(struct probe_job *j, const struct netaddr *a, const char *why)
{
	struct probe_served	s;

	memset(&s, 0, sizeof(s));
	if (a != NULL)
		(void)netaddr_text(a, s.addr);
	else
		(void)snprintf(s.resolver, sizeof(s.resolver), "%s",
		    j->resolver);
	(void)snprintf(s.message, sizeof(s.message), "%.255s", why);
	send_served(j, &s);
}

static void
send_said(struct probe_job *j, struct probe_said *s)
{
	struct buf	b = BUF_INIT;

	s->id = j->id;
	probe_said_pack(&b, s);
	ipc_send(j->role->ipc, PROBE_SAID, &b, NULL, 0);
	buf_free(&b);
	job_free(j);
}

/* --- from a name to its addresses --- */

static void
found(struct probe_job *j, const struct netaddr *a)
{
	size_t	family = netaddr_is4(a) ? 0 : 1, i;

	for (i = 0; i < j->total[family] && i < LIMIT_PROBE_ADDRS; i++)
		if (memcmp(&j->found[family][i], a, sizeof(*a)) == 0)
			return;
	if (j->total[family] < LIMIT_PROBE_ADDRS)
		j->found[family][j->total[family]] = *a;
	j->total[family]++;
}

/* Both families in turns, so that many of one do not hide the other. */
static size_t
choose(const struct probe_job *j, struct netaddr *out)
{
	size_t	i, family, n = 0;

	for (i = 0; i < LIMIT_PROBE_ADDRS; i++)
		for (family = 0; family < 2; family++)
			if (i < j->total[family] && n < LIMIT_PROBE_ADDRS)
				out[n++] = j->found[family][i];
	return n;
}

/* All addresses are known: connect to them. */
static void
look_at_all(struct probe_job *j)
{
	struct probe_role	*r = j->role;
	struct netaddr		 addrs[LIMIT_PROBE_ADDRS];
	struct sockaddr_storage	 sa;
	struct err		 e = ERR_INIT;
	size_t			 i, n = choose(j, addrs);

	if (n < j->total[0] + j->total[1])
		note(j, "the name has %zu addresses; %zu of them are looked "
		    "at", j->total[0] + j->total[1], n);
	j->looking = n;
	/* The job may be gone with the last one that is refused. */
	for (i = 0; i < n; i++) {
		(void)netaddr_sock(&addrs[i], j->tls.port, &sa);
		err_clear(&e);
		if (egress_addr_ok(&r->egress, (const struct sockaddr *)&sa,
		    &e) != 0) {
			send_refused(j, &addrs[i], e.msg);
			continue;
		}
		j->look[i].addr = addrs[i];
		probe_queue_add(&r->queue, &j->look[i]);
	}
}

static void
no_address(struct probe_job *j, const struct probe_said *s)
{
	char	text[256];

	if (*j->note != '\0')
		(void)snprintf(text, sizeof(text), "no address: %s", j->note);
	else
		(void)snprintf(text, sizeof(text), "%s (%s says so)",
		    s->rcode == ns_r_nxdomain ? "the name does not exist" :
		    "the name has no address", s->resolver);
	*j->note = '\0';
	j->looking = 1;
	send_refused(j, NULL, text);
}

/* An answer about addresses came. */
static void
take_addresses(struct probe_job *j, uint16_t type,
    const struct probe_said *s)
{
	struct netaddr	a;
	size_t		i;

	if (!s->ok)
		note(j, "%s records cannot be had: %.60s",
		    type == ns_t_a ? "A" : "AAAA", s->message);
	else if (s->rcode != ns_r_noerror && s->rcode != ns_r_nxdomain)
		note(j, "%s records cannot be had: rcode %d",
		    type == ns_t_a ? "A" : "AAAA", s->rcode);
	if (!s->ok || (s->rcode != ns_r_noerror &&
	    s->rcode != ns_r_nxdomain))
		(void)snprintf(j->resolver, sizeof(j->resolver), "%s",
		    s->resolver);
	for (i = 0; i < s->n; i++)
		if (netaddr_bytes(&a, s->rr[i].rdata.p, s->rr[i].rdata.n) == 0
		    && s->rr[i].rdata.n == (type == ns_t_a ? 4u : 16u))
			found(j, &a);
	if (--j->asking != 0)
		return;
	if (j->total[0] + j->total[1] != 0)
		look_at_all(j);
	else
		no_address(j, s);
}

/* --- requests --- */

void
probe_job_tls(struct probe_role *r, const struct probe_tls *t)
{
	struct probe_job	*j = job_new(r, t->id);
	struct netaddr		 addrs[LIMIT_PROBE_ADDRS];
	size_t			 i, n;

	j->tls = *t;
	j->tls.host = j->host = mem_str(t->host);
	j->tls.sni = j->sni = mem_str(t->sni);
	if (netaddr_parse(&addrs[0], t->host) == 0)
		n = 1;
	else
		n = hosts_find(r->hosts, t->host, addrs, LIMIT_PROBE_ADDRS);
	for (i = 0; i < n && i < LIMIT_PROBE_ADDRS; i++)
		found(j, &addrs[i]);
	if (n > LIMIT_PROBE_ADDRS)
		note(j, "the hosts file has %zu addresses of the name; %d of "
		    "them are looked at", n, LIMIT_PROBE_ADDRS);
	if (n != 0) {
		look_at_all(j);
		return;
	}
	j->asking = 2;
	for (i = 0; i < 2; i++) {
		j->ask[i].type = addr_types[i];
		probe_queue_add(&r->queue, &j->ask[i]);
	}
}

void
probe_job_dns(struct probe_role *r, const struct probe_dns *d)
{
	struct probe_job	*j = job_new(r, d->id);

	j->dns = *d;
	j->dns.name = j->host = mem_str(d->name);
	j->asking = 1;
	j->ask[0].type = d->type;
	probe_queue_add(&r->queue, &j->ask[0]);
}

/* --- units --- */

static void
start(struct probe_role *r, struct probe_unit *u, int64_t now)
{
	const struct probe_job	*j = u->job;

	if (!u->is_ask)
		u->look = tlsprobe_new(r->tls, &u->addr, &j->tls, now);
	else if (j->tls.host != NULL)
		u->ask = dnsask_new(&r->servers, j->tls.host, u->type,
		    DNSASK_MS, now);
	else
		u->ask = dnsask_new(&r->servers, j->dns.name, u->type,
		    j->dns.timeout_ms, now);
	u->slot = r->nbusy;
	r->busy[r->nbusy++] = u;
	r->nasks += u->is_ask ? 1 : 0;
}

/* It is under way no longer; the last one takes its place. */
static void
unbusy(struct probe_role *r, struct probe_unit *u)
{
	struct probe_unit	*last = r->busy[--r->nbusy];

	r->fds[1 + u->slot] = r->fds[1 + last->slot];
	r->busy[u->slot] = last;
	last->slot = u->slot;
	r->nasks -= u->is_ask ? 1 : 0;
}

/* Nobody wants to know any more. */
static void
drop(struct probe_role *r, struct probe_unit *u)
{
	if (u->waits)
		probe_queue_remove(&r->queue, u);
	else if (u->ask != NULL || u->look != NULL) {
		unbusy(r, u);
		if (u->look != NULL)
			(void)probe_queue_done(&r->queue, u, 0);
		dnsask_free(u->ask);
		tlsprobe_free(u->look);
		u->ask = NULL;
		u->look = NULL;
	}
}

static void
drop_all(struct probe_job *j)
{
	size_t	i;

	for (i = 0; i < 2; i++)
		drop(j->role, &j->ask[i]);
	for (i = 0; i < LIMIT_PROBE_ADDRS; i++)
		drop(j->role, &j->look[i]);
}

void
probe_job_cancel(struct probe_job *j)
{
	struct probe_said	s;

	drop_all(j);
	if (j->tls.host != NULL) {
		*j->note = '\0';
		j->looking = 1;
		send_refused(j, NULL, "cancelled");
		return;
	}
	memset(&s, 0, sizeof(s));
	(void)snprintf(s.message, sizeof(s.message), "cancelled");
	send_said(j, &s);
}

static void
ask_ended(struct probe_role *r, struct probe_unit *u)
{
	struct dnsask		*ask = u->ask;
	struct probe_said	 s;

	unbusy(r, u);
	u->ask = NULL;
	dnsask_said(ask, &s);
	if (u->job->tls.host != NULL)
		take_addresses(u->job, u->type, &s);
	else
		send_said(u->job, &s);
	dnsask_free(ask);
}

static void
look_ended(struct probe_role *r, struct probe_unit *u)
{
	struct tlsprobe		*look = u->look;
	struct probe_unit	*dead;
	struct probe_served	 s;

	unbusy(r, u);
	u->look = NULL;
	dead = probe_queue_done(&r->queue, u, tlsprobe_late(look));
	tlsprobe_served(look, &s);
	send_served(u->job, &s);
	tlsprobe_free(look);
	while ((u = dead) != NULL) {
		dead = u->next;
		send_refused(u->job, &u->addr, "not tried: the connections "
		    "before it, to the same address and port, all ran out of "
		    "time");
	}
}

void
probe_job_pump(struct probe_role *r, int64_t now)
{
	struct probe_unit	*u;

	/* What was not read yet is bounded, too. */
	while (r->nbusy < LIMIT_PROBES &&
	    ipc_queued(r->ipc) < LIMIT_FRAME) {
		u = NULL;
		if (r->nasks < CLASS_MAX)
			u = probe_queue_ask(&r->queue);
		if (u == NULL && r->nbusy - r->nasks < CLASS_MAX)
			u = probe_queue_look(&r->queue);
		if (u == NULL)
			break;
		start(r, u, now);
	}
}

int64_t
probe_job_poll(struct probe_role *r)
{
	struct probe_unit	*u;
	struct pollfd		*p;
	int64_t			 when, least = INT64_MAX;
	size_t			 i;

	for (i = 0; i < r->nbusy; i++) {
		u = r->busy[i];
		p = &r->fds[1 + i];
		p->fd = u->is_ask ? dnsask_fd(u->ask) : tlsprobe_fd(u->look);
		p->events = u->is_ask ? dnsask_events(u->ask) :
		    tlsprobe_events(u->look);
		p->revents = 0;
		when = u->is_ask ? dnsask_when(u->ask) :
		    tlsprobe_when(u->look);
		if (when < least)
			least = when;
	}
	return least;
}

/* 1 when it has ended, and is gone. */
static int
turn(struct probe_role *r, struct probe_unit *u, int64_t now)
{
	if (u->is_ask && dnsask_turn(u->ask, now))
		ask_ended(r, u);
	else if (!u->is_ask && tlsprobe_turn(u->look, now))
		look_ended(r, u);
	else
		return 0;
	return 1;
}

void
probe_job_turn(struct probe_role *r, int64_t now)
{
	struct probe_unit	*u;
	int64_t			 when;
	size_t			 i = 0;

	while (i < r->nbusy) {
		u = r->busy[i];
		when = u->is_ask ? dnsask_when(u->ask) :
		    tlsprobe_when(u->look);
		/* One that has ended leaves its place to another. */
		if ((r->fds[1 + i].revents == 0 && when > now) ||
		    !turn(r, u, now))
			i++;
	}
}

void
probe_job_free_all(struct probe_role *r)
{
	while (r->head != NULL) {
		drop_all(r->head);
		job_free(r->head);
	}
}
