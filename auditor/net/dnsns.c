#include "auditor/net/dnsns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/dnsask.h"
#include "auditor/net/dnsmsg.h"
#include "base/err.h"
#include "base/mem.h"

#define TYPE_A		1
#define TYPE_NS		2
#define TYPE_AAAA	28

enum state { ZONE, NAMES, ADDRS, ENDED };

struct dnsns {
	struct dnsservers	*lookup;	/* borrowed */
	enum state		 state;
	struct dnszone		*zone;
	struct dnsask		*ask;
	struct dnszone_place	 place;
	char			 ns[LIMIT_DNS_NS][DNSZONE_NAME];
	size_t			 nns;
	size_t			 at;		/* A of ns[at / 2], AAAA */
	size_t			 found;		/* of ns[at / 2] so far */
	struct dnsns_server	 server[LIMIT_DNS_NS_ADDRS];
	size_t			 n;
	size_t			 without;
	struct err		 why;
};

struct dnsns *
dnsns_new(struct dnsservers *lookup, const char *name, int64_t now)
{
	struct dnsns	*d = mem_zero(sizeof(*d));

	d->lookup = lookup;
	d->zone = dnszone_new(lookup, lookup, name, now);
	return d;
}

void
dnsns_free(struct dnsns *d)
{
	if (d == NULL)
		return;
	dnszone_free(d->zone);
	dnsask_free(d->ask);
	free(d);
}

int
dnsns_fd(const struct dnsns *d)
{
	return d->ask != NULL ? dnsask_fd(d->ask) :
	    d->state == ZONE ? dnszone_fd(d->zone) : -1;
}

short
dnsns_events(const struct dnsns *d)
{
	return d->ask != NULL ? dnsask_events(d->ask) :
	    d->state == ZONE ? dnszone_events(d->zone) : 0;
}

int64_t
dnsns_when(const struct dnsns *d)
{
	return d->ask != NULL ? dnsask_when(d->ask) :
	    d->state == ZONE ? dnszone_when(d->zone) : 0;
}

static void
ask(struct dnsns *d, const char *name, uint16_t type, int64_t now)
{
	dnsask_free(d->ask);
	d->ask = dnsask_new(d->lookup, name, type, 0, now);
}

static void
end(struct dnsns *d)
{
	dnsask_free(d->ask);
	d->ask = NULL;
	d->state = ENDED;
}

/* A name from the wire, lower case, when it is one that can be asked for. */
static int
name_of(struct span s, char out[DNSZONE_NAME])
{
	struct buf	b = BUF_INIT;
	struct cur	k = cur_span(s), l;
	size_t		i, n = 0;
	int		r;

	while (cur_vec8(&k, &l) == 0 && cur_left(&l) > 0) {
		if (n + cur_left(&l) + 2 > DNSZONE_NAME)
			return -1;
		if (n > 0)
			out[n++] = '.';
		memcpy(out + n, l.p, cur_left(&l));
		n += cur_left(&l);
	}
	out[n] = '\0';
	for (i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)out[i]);
	r = strlen(out) == n ? dnsmsg_name(&b, out, NULL) : -1;
	buf_free(&b);
	return r;
}

static void
names(struct dnsns *d, const struct probe_said *s, int64_t now)
{
	size_t	i;

	for (i = 0; i < s->n && d->nns < LIMIT_DNS_NS; i++)
		if (name_of(s->rr[i].rdata, d->ns[d->nns]) == 0)
			d->nns++;
	if (d->nns > 0) {
		d->state = ADDRS;
		ask(d, d->ns[0], TYPE_A, now);
		return;
	}
	(void)err_set(&d->why, s->ok ? ERR_CONF : ERR_NET, "the name servers "
	    "of zone %.120s are not known: %s", d->place.zone,
	    s->ok ? "no NS records" : s->message);
	end(d);
}

static int
have(const struct dnsns *d, const struct netaddr *a)
{
	size_t	i;

	for (i = 0; i < d->n; i++)
		if (memcmp(&d->server[i].addr, a, sizeof(*a)) == 0)
			return 1;
	return 0;
}

static void
addrs(struct dnsns *d, const struct probe_said *s, int64_t now)
{
	const char	*name = d->ns[d->at / 2];
	struct netaddr	 a;
	size_t		 i;

	for (i = 0; i < s->n; i++) {
		if (netaddr_bytes(&a, s->rr[i].rdata.p,
		    s->rr[i].rdata.n) != 0)
			continue;
		d->found++;
		if (d->n >= LIMIT_DNS_NS_ADDRS || have(d, &a))
			continue;
		memcpy(d->server[d->n].name, name, strlen(name) + 1);
		d->server[d->n++].addr = a;
	}
	if (++d->at % 2 == 0) {
		d->without += d->found == 0;
		d->found = 0;
	}
	if (d->at < 2 * d->nns) {
		ask(d, d->ns[d->at / 2], d->at % 2 == 0 ? TYPE_A : TYPE_AAAA,
		    now);
		return;
	}
	if (d->n == 0)
		(void)err_set(&d->why, ERR_CONF, "no name server of zone "
		    "%.120s has an address; the first is %.120s",
		    d->place.zone, d->ns[0]);
	end(d);
}

static int
turn_zone(struct dnsns *d, int64_t now)
{
	if (!dnszone_turn(d->zone, now))
		return 0;
	if (dnszone_result(d->zone, &d->place, &d->why) != 0) {
		end(d);
		return 1;
	}
	d->state = NAMES;
	ask(d, d->place.zone, TYPE_NS, now);
	return 1;
}

static int
turn_ask(struct dnsns *d, struct probe_said *s, int64_t now)
{
	if (!dnsask_turn(d->ask, now))
		return 0;
	dnsask_said(d->ask, s);
	if (d->state == NAMES)
		names(d, s, now);
	else
		addrs(d, s, now);
	return 1;
}

int
dnsns_turn(struct dnsns *d, int64_t now)
{
	struct probe_said	*s;
	int			 more = 1;

	s = d->state == ENDED ? NULL : mem_zero(sizeof(*s));
	while (more && d->state != ENDED)
		more = d->state == ZONE ? turn_zone(d, now) :
		    turn_ask(d, s, now);
	free(s);
	return d->state == ENDED;
}

int
dnsns_result(const struct dnsns *d, struct err *e)
{
	if (d->why.code != ERR_NONE)
		return err_set(e, d->why.code, "%s", d->why.msg);
	return 0;
}

const struct dnszone_place *
dnsns_place(const struct dnsns *d)
{
	return &d->place;
}

const struct dnsns_server *
dnsns_server(const struct dnsns *d, size_t i)
{
	return i < d->n ? &d->server[i] : NULL;
}

size_t
dnsns_without(const struct dnsns *d)
{
	return d->without;
}
