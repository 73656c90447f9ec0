#include "auditor/net/dnscheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/dnsask.h"
#include "auditor/net/dnsmsg.h"
#include "auditor/net/dnsns.h"
#include "auditor/net/dnsupdate.h"
#include "auditor/net/egress.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/mem.h"

#define TYPE_TXT	16
#define STEP_MAX	(15 * CLK_SEC)

enum state { FIND, ASK, WAIT, ENDED };

/* A server, and the question that it is asked now. */
struct target {
	struct dnsservers	 one;
	struct dnsask		*ask;
};

struct dnscheck {
	struct dnscheck_opts	 o;
	char			*name;		/* owned; where CNAMEs led */
	char			*values[LIMIT_DNS_VALUES];	/* owned */
	size_t			 nvalues;
	enum state		 state;
	struct dnsns		*ns;
	struct target		*target;	/* owned, n of them */
	struct dnscheck_server	*server;	/* the same ones */
	size_t			 n;
	unsigned		 rounds;
	int64_t			 step, next, end;
	struct err		 why;
};

static void
quit(struct dnscheck *c)
{
	size_t	i;

	for (i = 0; i < c->n; i++) {
		dnsask_free(c->target[i].ask);
		c->target[i].ask = NULL;
	}
	dnsns_free(c->ns);
	c->ns = NULL;
	c->state = ENDED;
}

static void
say(struct dnscheck_server *s, enum dnscheck_state state, const char *what)
{
	s->state = state;
	(void)snprintf(s->sentence, sizeof(s->sentence), "%s %s", s->who,
	    what);
}

static void
room(struct dnscheck *c, size_t n)
{
	c->target = mem_array(n, sizeof(*c->target));
	c->server = mem_array(n, sizeof(*c->server));
}

/* Is there a way to it from here?  Nothing is sent. */
static int
has_route(const struct dnsserver *s)
{
	int	r, fd = socket(s->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return 0;
	r = connect(fd, (const struct sockaddr *)&s->sa, s->len);
	(void)close(fd);
	return r == 0;
}

/* The name servers were found: who of them can be asked? */
static void
take_servers(struct dnscheck *c)
{
	const struct dnsns_server	*d;
	struct dnscheck_server		*s;
	struct dnsserver		*a;
	struct err			 e = ERR_INIT;
	char				 text[NETADDR_TEXT];
	uint16_t			 port = c->o.port != 0 ? c->o.port : 53;

	room(c, LIMIT_DNS_NS_ADDRS);
	while ((d = dnsns_server(c->ns, c->n)) != NULL) {
		s = &c->server[c->n];
		c->target[c->n].one.n = 1;
		c->target[c->n].one.direct = 1;
		a = &c->target[c->n++].one.v[0];
		a->len = netaddr_sock(&d->addr, port, &a->sa);
		(void)snprintf(a->text, sizeof(a->text), "%s",
		    netaddr_text(&d->addr, text));
		(void)snprintf(s->who, sizeof(s->who), "%s (%s)", d->name,
		    text);
		say(s, DNSCHECK_WAITING, "was not asked yet");
		err_clear(&e);
		if (c->o.egress != NULL && egress_addr_ok(c->o.egress,
		    (const struct sockaddr *)&a->sa, &e) != 0)
			say(s, DNSCHECK_UNASKED, "was not asked: a private "
			    "address that is not in egress.allow_private");
		else if (!has_route(a))
			say(s, DNSCHECK_UNASKED, "cannot be asked: there is "
			    "no way to this address from here");
	}
}

static void
take_resolvers(struct dnscheck *c)
{
	const struct dnsservers	*r = c->o.resolvers;
	size_t			 i;

	room(c, r->n);
	for (i = 0; i < r->n; i++) {
		c->target[i].one.n = 1;
		c->target[i].one.v[0] = r->v[i];
		(void)snprintf(c->server[i].who, sizeof(c->server[i].who),
		    "resolver %s", r->v[i].text);
		say(&c->server[i], DNSCHECK_WAITING, "was not asked yet");
	}
	c->n = r->n;
}

/* Ask all those that may be asked and have not shown everything. */
static void
start_round(struct dnscheck *c, int64_t now)
{
	struct target	*t;
	size_t		 i;

	c->state = ASK;
	c->rounds++;
	for (i = 0; i < c->n; i++) {
		t = &c->target[i];
		if (c->server[i].state == DNSCHECK_SHOWN ||
		    c->server[i].state == DNSCHECK_UNASKED)
			continue;
		t->ask = dnsask_new(&t->one, c->name, TYPE_TXT, 0, now);
	}
}

struct dnscheck *
dnscheck_new(const struct dnscheck_opts *o, const char *name,
    const char *const *values, size_t n, int64_t now)
{
	struct dnscheck	*c = mem_zero(sizeof(*c));

	c->o = *o;
	c->name = mem_str(name);
	c->step = CLK_SEC;
	c->end = now + (o->timeout_ms != 0 ? o->timeout_ms : DNSCHECK_MS) *
	    1000LL;
	if (n > LIMIT_DNS_VALUES) {
		(void)err_set(&c->why, ERR_LIMIT, "%zu values at %.200s are "
		    "to be looked for; at most %d are", n, name,
		    LIMIT_DNS_VALUES);
		c->state = ENDED;
		return c;
	}
	for (; c->nvalues < n; c->nvalues++)
		c->values[c->nvalues] = mem_str(values[c->nvalues]);
	switch (o->mode) {
	case DNSCHECK_NONE:
		c->state = ENDED;
		break;
	case DNSCHECK_RESOLVERS:
		take_resolvers(c);
		start_round(c, now);
		break;
	case DNSCHECK_AUTHORITATIVE:
		c->state = FIND;
		c->ns = dnsns_new(o->lookup, name, now);
		break;
	}
	return c;
}

void
dnscheck_free(struct dnscheck *c)
{
	size_t	i;

	if (c == NULL)
		return;
	quit(c);
	for (i = 0; i < c->nvalues; i++)
		free(c->values[i]);
	free(c->name);
	free(c->target);
	free(c->server);
	free(c);
}

size_t
dnscheck_polls(const struct dnscheck *c, struct pollfd *p, size_t max)
{
	size_t	i, n = 0;

	if (c->ns != NULL && max > 0 && dnsns_fd(c->ns) != -1) {
		p[0].fd = dnsns_fd(c->ns);
		p[0].events = dnsns_events(c->ns);
		return 1;
	}
	for (i = 0; i < c->n && n < max; i++) {
		if (c->target[i].ask == NULL ||
		    dnsask_fd(c->target[i].ask) == -1)
			continue;
		p[n].fd = dnsask_fd(c->target[i].ask);
		p[n++].events = dnsask_events(c->target[i].ask);
	}
	return n;
}

int64_t
dnscheck_when(const struct dnscheck *c)
{
	int64_t	when = c->end, w;
	size_t	i;

	if (c->state == ENDED)
		return 0;
	if (c->state == WAIT)
		return c->next < when ? c->next : when;
	if (c->ns != NULL)
		return dnsns_when(c->ns) < when ? dnsns_when(c->ns) : when;
	for (i = 0; i < c->n; i++) {
		if (c->target[i].ask == NULL)
			continue;
		w = dnsask_when(c->target[i].ask);
		if (w < when)
			when = w;
	}
	return when;
}

static int
shows(const struct probe_said *said, const char *value)
{
	size_t	i;

	for (i = 0; i < said->n; i++)
		if (dnsupdate_is(said->rr[i].rdata, value))
			return 1;
	return 0;
}

/* Records that are none of the values. */
static size_t
others(const struct dnscheck *c, const struct probe_said *said)
{
	size_t	i, k, n = 0;

	for (i = 0; i < said->n; i++) {
		for (k = 0; k < c->nvalues; k++)
			if (dnsupdate_is(said->rr[i].rdata, c->values[k]))
				break;
		n += k == c->nvalues;
	}
	return n;
}

/* What a server said, as its state and its sentence. */
static void
weigh(const struct dnscheck *c, const struct dnsask *a,
    struct dnscheck_server *s, const struct probe_said *said)
{
	char	what[480], code[16];
	size_t	i, have = 0;

	for (i = 0; i < c->nvalues; i++)
		have += said->ok && shows(said, c->values[i]) ? 1 : 0;
	if (!said->ok) {
		/* it begins with who it is */
		i = strlen(said->resolver);
		if (strncmp(said->message, said->resolver, i) != 0 ||
		    said->message[i] != ' ')
			say(s, DNSCHECK_SILENT, said->message);
		else
			say(s, DNSCHECK_SILENT, said->message + i + 1);
	} else if (said->rcode != DNSMSG_NOERROR &&
	    said->rcode != DNSMSG_NXDOMAIN) {
		(void)snprintf(what, sizeof(what), "answers %s for %.200s",
		    dnsupdate_rcode(said->rcode, code), c->name);
		say(s, DNSCHECK_SILENT, what);
	} else if (have == c->nvalues) {
		say(s, DNSCHECK_SHOWN, c->nvalues == 1 ? "shows the value" :
		    "shows all values");
	} else if (c->o.mode == DNSCHECK_AUTHORITATIVE &&
	    strcasecmp(dnsask_owner(a), c->name) != 0) {
		(void)snprintf(what, sizeof(what), "has a CNAME at %.200s to "
		    "%.200s, which the resolvers do not show", c->name,
		    dnsask_owner(a));
		say(s, DNSCHECK_MISSING, what);
	} else {
		(void)snprintf(what, sizeof(what), "shows %zu of %zu values, "
		    "and %zu others, at %.200s", have, c->nvalues,
		    others(c, said), c->name);
		say(s, DNSCHECK_MISSING, what);
	}
}

/* All questions of the round have ended: done, or wait for the next. */
static void
end_round(struct dnscheck *c, int64_t now)
{
	size_t	i, open = 0;

	for (i = 0; i < c->n; i++)
		open += c->server[i].state != DNSCHECK_SHOWN &&
		    c->server[i].state != DNSCHECK_UNASKED;
	if (open == 0) {
		quit(c);
		return;
	}
	c->state = WAIT;
	c->next = now + c->step;
	c->step = 2 * c->step < STEP_MAX ? 2 * c->step : STEP_MAX;
}

/* 1 when the state has changed. */
static int
turn_find(struct dnscheck *c, int64_t now)
{
	if (!dnsns_turn(c->ns, now))
		return 0;
	if (dnsns_result(c->ns, &c->why) != 0) {
		quit(c);
		return 1;
	}
	free(c->name);
	c->name = mem_str(dnsns_place(c->ns)->name);
	take_servers(c);
	dnsns_free(c->ns);
	c->ns = NULL;
	start_round(c, now);
	return 1;
}

static int
turn_ask(struct dnscheck *c, int64_t now)
{
	struct probe_said	*said;
	struct target		*t;
	size_t			 i, busy = 0;

	said = mem_zero(sizeof(*said));
	for (i = 0; i < c->n; i++) {
		t = &c->target[i];
		if (t->ask == NULL)
			continue;
		if (!dnsask_turn(t->ask, now)) {
			busy++;
			continue;
		}
		dnsask_said(t->ask, said);
		weigh(c, t->ask, &c->server[i], said);
		dnsask_free(t->ask);
		t->ask = NULL;
	}
	free(said);
	if (busy > 0)
		return 0;
	end_round(c, now);
	return 1;
}

int
dnscheck_turn(struct dnscheck *c, int64_t now)
{
	int	more = 1;

	while (more && c->state != ENDED) {
		switch (c->state) {
		case FIND:
			more = turn_find(c, now);
			break;
		case ASK:
			more = turn_ask(c, now);
			break;
		case WAIT:
			more = now >= c->next && now < c->end;
			if (more)
				start_round(c, now);
			break;
		case ENDED:
			break;
		}
	}
	if (c->state == FIND && now >= c->end)
		(void)err_set(&c->why, ERR_NET, "looking up the name servers "
		    "of %.200s took too long", c->name);
	if (c->state != ENDED && now >= c->end)
		quit(c);
	return c->state == ENDED;
}

int
dnscheck_result(const struct dnscheck *c, struct err *e)
{
	const struct dnscheck_server	*s, *first = NULL, *shown = NULL;
	size_t				 i, bad = 0;
	char				 more[80] = "";

	if (c->why.code != ERR_NONE)
		return err_set(e, c->why.code, "%s", c->why.msg);
	if (c->o.mode == DNSCHECK_NONE)
		return 0;
	for (i = 0; i < c->n; i++) {
		s = &c->server[i];
		if (s->state == DNSCHECK_SHOWN)
			shown = s;
		if (s->state == DNSCHECK_SHOWN || s->state == DNSCHECK_UNASKED)
			continue;
		bad++;
		if (first == NULL || (first->state != DNSCHECK_MISSING &&
		    s->state == DNSCHECK_MISSING))
			first = s;
	}
	if (first == NULL && shown != NULL)
		return 0;
	if (first == NULL)
		return err_set(e, ERR_CONF, "no server could be asked for "
		    "%.200s: %s", c->name, c->n > 0 ? c->server[0].sentence :
		    "none is configured");
	if (bad > 1)
		(void)snprintf(more, sizeof(more), "; %zu more of %zu "
		    "servers neither", bad - 1, c->n);
	return err_set(e, first->state == DNSCHECK_MISSING ? ERR_TEMP :
	    ERR_NET, "%.400s%s", first->sentence, more);
}

size_t
dnscheck_servers(const struct dnscheck *c, const struct dnscheck_server **s)
{
	*s = c->server;
	return c->n;
}

unsigned
dnscheck_rounds(const struct dnscheck *c)
{
	return c->rounds;
}
