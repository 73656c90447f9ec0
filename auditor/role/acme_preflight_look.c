#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/role/acme_preflight_part.h"

/*
 * Where a name leads.  Seen from inside, that is not always what a CA sees: a
 * router may lead us elsewhere than it leads those outside, so that only a
 * machine with a public address of its own (or a name that leads to an
 * address of this machine) can say that nobody answers.
 */

void
acme_look_ask(struct acme_asks *a, const struct acme_subject *s)
{
	if (s->ident.ip)
		return;
	acme_asks_add(a, s->ident.text, ACME_ASK_A);
	acme_asks_add(a, s->ident.text, ACME_ASK_AAAA);
}

/* One address: where CAs look, and where we listen when that is elsewhere. */
static void
look_at(struct acme_look *l, const struct netaddr *addr,
    const struct egress *egress)
{
	struct acme_reach_ask	a = { *addr, l->std, l->subject->ident.text,
				    l->token, l->keyauth };

	if (l->n + 2 > sizeof(l->v) / sizeof(l->v[0])) {
		l->more++;
		return;
	}
	l->v[l->n++] = acme_reach_new(&a, egress);
	if (l->port == 0 || l->port == l->std)
		return;
	a.port = l->port;
	l->v[l->n++] = acme_reach_new(&a, egress);
}

int
acme_look_begin(struct acme_look *l, const struct acme_asks *asks,
    const struct egress *egress)
{
	static const uint16_t	 types[] = { ACME_ASK_A, ACME_ASK_AAAA };
	const char		*name = l->subject->ident.text;
	struct probe_said	 said[2];
	struct netaddr		 addr;
	size_t			 i, k;

	if (l->subject->ident.ip) {
		l->begun = 1;
		if (netaddr_parse(&addr, name) == 0)
			look_at(l, &addr, egress);
		return 1;
	}
	if (!acme_asks_said(asks, name, types[0], &said[0]) ||
	    !acme_asks_said(asks, name, types[1], &said[1]))
		return 0;
	l->begun = 1;
	for (k = 0; k < 2; k++)
		for (i = 0; i < said[k].n; i++)
			if (netaddr_bytes(&addr, said[k].rr[i].rdata.p,
			    said[k].rr[i].rdata.n) == 0)
				look_at(l, &addr, egress);
	return 1;
}

/* Is it an address of this machine?  Only to those can be bound. */
static int
is_ours(const struct netaddr *addr)
{
	struct sockaddr_storage	sa;
	socklen_t		n = netaddr_sock(addr, 0, &sa);
	int			fd = socket(sa.ss_family, SOCK_STREAM |
				    SOCK_CLOEXEC, 0);
	int			yes;

	if (fd == -1)
		return 0;
	yes = bind(fd, (const struct sockaddr *)&sa, n) == 0;
	(void)close(fd);
	return yes;
}

/* Has this machine a public address of the same kind? */
static int
is_public(const struct netaddr *addr)
{
	struct egress	 none = EGRESS_INIT;
	struct ifaddrs	*list = NULL, *i;
	struct netaddr	 a;
	int		 yes = 0;

	if (getifaddrs(&list) == -1)
		return 0;
	for (i = list; i != NULL && !yes; i = i->ifa_next)
		yes = i->ifa_addr != NULL && netaddr_of(&a, i->ifa_addr) == 0
		    && netaddr_is4(&a) == netaddr_is4(addr) &&
		    egress_addr_ok(&none, i->ifa_addr, NULL) == 0;
	freeifaddrs(list);
	return yes;
}

/* Closed, and it is known that it is so for a CA, too. */
static int
is_closed(const struct acme_look *l, const struct acme_reach *r)
{
	const struct netaddr	*a = acme_reach_addr(r);

	return acme_reach_result(r) == ACME_REACH_CLOSED &&
	    l->port == l->std && (is_ours(a) || is_public(a));
}

/* No address: not there, or nobody says. */
static void
no_address(const struct acme_look *l, const struct acme_asks *asks,
    struct acme_checks *out)
{
	struct probe_said	 said;
	char			 what[256];
	const char		*name = l->subject->ident.text;

	if (!l->begun) {
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "reach", name,
		    "there was no time to look where it leads");
		return;
	}
	(void)acme_asks_said(asks, name, ACME_ASK_A, &said);
	if (!acme_ask_failed(&said, what, sizeof(what)))
		(void)acme_asks_said(asks, name, ACME_ASK_AAAA, &said);
	if (acme_ask_failed(&said, what, sizeof(what)))
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "reach", name,
		    "its addresses cannot be had (%s)", what);
	else
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "reach", name,
		    "%s knows no address of %s; a CA that finds none does not "
		    "issue", said.resolver, name);
}

void
acme_look_check(const struct acme_look *l, const struct acme_asks *asks,
    struct acme_checks *out)
{
	const char	*name = l->subject->ident.text;
	char		 what[300];
	size_t		 i, good = 0, closed = 0, bad = SIZE_MAX, pairs;

	if (!l->begun || l->n == 0) {
		no_address(l, asks, out);
		return;
	}
	/* an address counts as good when one of its ports is */
	pairs = l->port == 0 || l->port == l->std ? 1 : 2;
	for (i = 0; i < l->n; i += pairs) {
		enum acme_reached	a = acme_reach_result(l->v[i]);
		enum acme_reached	b = pairs == 2 ?
		    acme_reach_result(l->v[i + 1]) : a;

		if (a == ACME_REACH_OURS || b == ACME_REACH_OURS ||
		    a == ACME_REACH_OPEN || b == ACME_REACH_OPEN)
			good++;
		else if (bad == SIZE_MAX)
			bad = i;
		closed += (size_t)is_closed(l, l->v[i]);
	}
	if (bad == SIZE_MAX) {
		acme_reach_say(l->v[0], what, sizeof(what));
		if (pairs == 2 && acme_reach_result(l->v[1]) !=
		    ACME_REACH_CLOSED)
			acme_reach_say(l->v[1], what, sizeof(what));
		(void)acme_checks_add(out, ACME_SAYS_OK, "reach", name,
		    "%s%s", what, l->n > pairs ? ", as its other addresses" :
		    "");
		return;
	}
	acme_reach_say(l->v[bad], what, sizeof(what));
	if (closed * pairs == l->n)
		(void)acme_checks_add(out, ACME_SAYS_WRONG, "reach", name,
		    "%s, while we listen there for %s: the name must lead to "
		    "this machine (%zu address%s)", what,
		    l->std == 443 ? "tls-alpn-01" : "http-01", l->n,
		    l->n == 1 ? "" : "es");
	else
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "reach", name,
		    "%s%s; a CA may see it otherwise", what, good != 0 ?
		    ", but another address of the name leads here" : "");
}

void
acme_look_end(struct acme_look *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		acme_reach_free(l->v[i]);
	l->n = 0;
}
