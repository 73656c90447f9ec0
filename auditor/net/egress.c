#include "auditor/net/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "auditor/net/netaddr.h"
#include "base/err.h"
#include "base/http.h"
#include "base/limit.h"
#include "base/mem.h"

/* A network that is never reached, and why. */
struct denied {
	uint8_t		addr[16];
	unsigned	bits;
	const char	*why;
};

#define V4(a, b, c, d, n, why) \
	{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, \
	  96 + (n), why }

/* RFC 6890, RFC 9637 and the registries of special-purpose addresses. */
static const struct denied denied[] = {
	V4(0, 0, 0, 0, 8, "this network"),
	V4(10, 0, 0, 0, 8, "private"),
	V4(100, 64, 0, 0, 10, "shared"),
	V4(127, 0, 0, 0, 8, "loopback"),
	V4(169, 254, 0, 0, 16, "link-local"),
	V4(172, 16, 0, 0, 12, "private"),
	V4(192, 0, 0, 0, 24, "reserved"),
	V4(192, 0, 2, 0, 24, "documentation"),
	V4(192, 168, 0, 0, 16, "private"),
	V4(198, 18, 0, 0, 15, "benchmarking"),
	V4(198, 51, 100, 0, 24, "documentation"),
	V4(203, 0, 113, 0, 24, "documentation"),
	V4(224, 0, 0, 0, 4, "multicast"),
	V4(240, 0, 0, 0, 4, "reserved"),
	{ { 0x20, 0x01 }, 23, "reserved" },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "documentation" },
	{ { 0x20, 0x02 }, 16, "6to4" },
	{ { 0x3f, 0xff }, 20, "documentation" },
};

static const uint8_t	mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

/* Do the first ${bits} bits agree? */
static int
inside(const uint8_t *a, const uint8_t *net, unsigned bits)
{
	unsigned	whole = bits / 8, rest = bits % 8;
	uint8_t		mask;

	if (memcmp(a, net, whole) != 0)
		return 0;
	if (rest == 0)
		return 1;
	mask = (uint8_t)(0xff << (8 - rest));
	return (a[whole] & mask) == (net[whole] & mask);
}

/* The address as 16 bytes, IPv4 mapped; -1 for another family. */
static int
flatten(const struct sockaddr *sa, uint8_t *out)
{
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&v4, sa, sizeof(v4));
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + 12, &v4.sin_addr, 4);
		return 0;
	case AF_INET6:
		memcpy(&v6, sa, sizeof(v6));
		memcpy(out, &v6.sin6_addr, 16);
		return 0;
	default:
		return -1;
	}
}

int
egress_parse_allow(struct egress *g, const char *text, struct err *e)
{
	struct egress_net	net;
	struct in_addr		v4;
	char			host[64], *end;
	const char		*slash = strchr(text, '/');
	size_t			n;
	unsigned		i;
	unsigned long		bits, max;

	n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(host))
		goto bad;
	memcpy(host, text, n);
	host[n] = '\0';
	memset(&net, 0, sizeof(net));
	if (inet_pton(AF_INET, host, &v4) == 1) {
		memcpy(net.addr, mapped, sizeof(mapped));
		memcpy(net.addr + 12, &v4, 4);
		max = 32;
	} else if (inet_pton(AF_INET6, host, net.addr) == 1)
		max = 128;
	else
		goto bad;
	bits = max;
	if (slash != NULL) {
		if (slash[1] < '0' || slash[1] > '9')
			goto bad;
		bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > max)
			goto bad;
	}
	net.bits = (unsigned)bits + (max == 32 ? 96 : 0);
	for (i = net.bits; i < 128; i++)
		if (net.addr[i / 8] & (0x80 >> (i % 8)))
			return err_set(e, ERR_CONF, "allow_private: \"%s\" has "
			    "bits behind its prefix; write the first address "
			    "of the network", text);
	if (g->n >= LIMIT_EGRESS_NETS)
		return err_set(e, ERR_CONF, "allow_private: at most %d "
		    "networks", LIMIT_EGRESS_NETS);
	g->allow_private = mem_grow(g->allow_private, &g->cap, g->n + 1,
	    sizeof(*g->allow_private));
	g->allow_private[g->n++] = net;
	return 0;
bad:
	return err_set(e, ERR_CONF, "allow_private: \"%.64s\" is no network; "
	    "write it like 127.0.0.0/8 or fd00::/8", text);
}

void
egress_free(struct egress *g)
{
	free(g->allow_private);
	memset(g, 0, sizeof(*g));
}

static int
is_allowed(const struct egress *g, const uint8_t *a)
{
	size_t	i;

	for (i = 0; i < g->n; i++)
		if (inside(a, g->allow_private[i].addr,
		    g->allow_private[i].bits))
			return 1;
	return 0;
}

int
egress_is_allowed_private(const struct egress *g, const struct sockaddr *sa)
{
	uint8_t	a[16];

	return flatten(sa, a) == 0 && is_allowed(g, a);
}

int
egress_addr_ok(const struct egress *g, const struct sockaddr *sa,
    struct err *e)
{
	static const uint8_t	global[1] = { 0x20 };	/* 2000::/3 */
	uint8_t			a[16];
	char			text[INET6_ADDRSTRLEN] = "?";
	const char		*why = NULL;
	size_t			i;

	if (flatten(sa, a) != 0)
		return err_set(e, ERR_PERM, "not an internet address");
	if (egress_is_allowed_private(g, sa))
		return 0;
	for (i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (inside(a, denied[i].addr, denied[i].bits))
			why = denied[i].why;
	if (why == NULL && memcmp(a, mapped, sizeof(mapped)) != 0 &&
	    !inside(a, global, 3))
		why = "not global";
	if (why == NULL)
		return 0;
	if (memcmp(a, mapped, sizeof(mapped)) == 0)
		(void)inet_ntop(AF_INET, a + 12, text, sizeof(text));
	else
		(void)inet_ntop(AF_INET6, a, text, sizeof(text));
	return err_set(e, ERR_PERM, "the address %s (%s) is not in "
	    "egress.allow_private", text, why);
}

int
egress_conn_ok(const struct egress *g, enum egress_class class, int https,
    const struct sockaddr *sa, struct err *e)
{
	if (egress_addr_ok(g, sa, e) != 0)
		return -1;
	if (https || class == EGRESS_REVOCATION ||
	    egress_is_allowed_private(g, sa))
		return 0;
	return err_set(e, ERR_PERM, "plain http is only for addresses in "
	    "egress.allow_private; use https");
}

/* The port at the end of an authority of ${n} bytes; -1: a bad one. */
static long
port_of(const char *p, size_t n, int https)
{
	size_t	i = n;
	long	port = 0;

	while (i > 0 && p[i - 1] >= '0' && p[i - 1] <= '9')
		i--;
	/* No colon, or the colon of an IPv6 address inside its brackets. */
	if (i == 0 || p[i - 1] != ':' || memchr(p + i, ']', n - i) != NULL)
		return https ? 443 : 80;
	if (i == n || n - i > 5)
		return -1;
	for (; i < n; i++)
		port = port * 10 + (p[i] - '0');
	return port <= 65535 ? port : -1;
}

int
egress_url_ok(const struct egress *g, const char *url,
    enum egress_class class, struct err *e)
{
	const char	*host;
	size_t		 i, n = strlen(url), len;
	long		 port;
	int		 https;

	if (n >= HTTP_URL_MAX)
		return err_set(e, ERR_PERM, "a URL of %zu bytes; at most %d "
		    "are allowed", n, HTTP_URL_MAX - 1);
	for (i = 0; i < n; i++)
		if (url[i] <= ' ' || url[i] >= 0x7f || url[i] == '\\')
			return err_set(e, ERR_PERM, "the URL has a blank, a "
			    "backslash, or a byte that is not printable "
			    "ASCII; such bytes are written as %%XX");
	https = strncasecmp(url, "https://", 8) == 0;
	if (!https && strncasecmp(url, "http://", 7) != 0)
		return err_set(e, ERR_PERM, "\"%.80s\": only https%s URLs are "
		    "fetched", url,
		    class == EGRESS_REVOCATION ? " and http" : "");
	if (!https && class != EGRESS_REVOCATION && g->n == 0)
		return err_set(e, ERR_PERM, "\"%.80s\": plain http is only "
		    "for addresses in egress.allow_private; use https", url);
	host = url + (https ? 8 : 7);
	len = strcspn(host, "/?#");
	if (len == 0)
		return err_set(e, ERR_PERM, "\"%.80s\" names no host", url);
	if (memchr(host, '@', len) != NULL)
		return err_set(e, ERR_PERM, "the URL carries a user name or "
		    "password; put it in a header");
	port = port_of(host, len, https);
	/*
	 * Hostile URLs must not make us speak to mail servers and the like;
	 * above 1023 CAs do have real responders.
	 */
	if (port <= 0 || (class == EGRESS_REVOCATION && port < 1024 &&
	    port != 80 && port != 443))
		return err_set(e, ERR_PERM, "\"%.80s\": the port is not "
		    "allowed", url);
	return 0;
}

int
egress_url_own(const struct egress *g, const char *url)
{
	struct netaddr	a;
	char		text[NETADDR_TEXT];
	const char	*host;
	size_t		 n, all;

	if (strncasecmp(url, "http://", 7) == 0)
		return 1;
	if (strncasecmp(url, "https://", 8) != 0)
		return 0;
	host = url + 8;
	all = strcspn(host, "/?#");
	/* what looks like a host and a port may be a name and a password */
	if (memchr(host, '@', all) != NULL)
		return 0;
	n = strcspn(host, *host == '[' ? "]" : ":/?#");
	if (*host == '[') {
		if (n >= all || (n + 1 < all && host[n + 1] != ':'))
			return 0;
		host++;
		n--;
	}
	if (n >= sizeof(text))
		return 0;
	memcpy(text, host, n);
	text[n] = '\0';
	return netaddr_parse(&a, text) == 0 && is_allowed(g, a.b);
}
