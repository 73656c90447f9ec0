#include "pki/chain_nc_name.h"

#include <string.h>
#include <strings.h>

/* A few operations on text that is no string. */

static int
same(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 ||
	    strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

static struct span
from(struct span s, size_t at)
{
	s.p += at;
	s.n -= at;
	return s;
}

static struct span
until(struct span s, size_t n)
{
	s.n = n;
	return s;
}

/* Where ${c} is in it, or its length. */
static size_t
find(struct span s, uint8_t c)
{
	const uint8_t	*p = s.n != 0 ? memchr(s.p, c, s.n) : NULL;

	return p != NULL ? (size_t)(p - s.p) : s.n;
}

/* Labels of letters, digits, '-' and '_', none of them empty. */
static int
is_host(struct span s)
{
	size_t	i, label = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (label == 0)
				return 0;
			label = 0;
			continue;
		}
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		    ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') ||
		    s.p[i] == '-' || s.p[i] == '_') || ++label > 63)
			return 0;
	}
	return label != 0;
}

/* The host that it is, or the domain that a leading dot stands for. */
static int
is_domain(struct span s)
{
	return is_host(s.n != 0 && s.p[0] == '.' ? from(s, 1) : s);
}

/* "local@host": 1 and its host. */
static int
split_mail(struct span s, struct span *host)
{
	size_t	at = find(s, '@');

	if (at == 0 || at == s.n)
		return 0;
	*host = from(s, at + 1);
	return is_host(*host);
}

/* The host of a URI's authority (RFC 3986, 3.2.2), if it is a name. */
static int
split_uri(struct span s, struct span *host)
{
	size_t	i, at;

	if ((i = find(s, ':')) == s.n || i == 0)
		return 0;
	s = from(s, i + 1);
	if (s.n < 2 || s.p[0] != '/' || s.p[1] != '/')
		return 0;
	s = from(s, 2);
	for (i = 0; i < s.n && s.p[i] != '/' && s.p[i] != '?' &&
	    s.p[i] != '#'; i++)
		continue;
	s = until(s, i);
	if ((at = find(s, '@')) != s.n)
		s = from(s, at + 1);
	*host = until(s, find(s, ':'));
	/* An address is no name (RFC 5280, 4.2.1.10). */
	for (i = host->n; i > 0 && host->p[i - 1] != '.'; i--)
		if (host->p[i - 1] < '0' || host->p[i - 1] > '9')
			return is_host(*host);
	return 0;
}

/* An address and a mask of contiguous bits (RFC 4632). */
static int
is_prefix(struct span s)
{
	size_t	i, half = s.n / 2;
	int	end = 0;
	uint8_t	m;

	if (s.n != 8 && s.n != 32)
		return 0;
	for (i = half; i < s.n; i++) {
		m = s.p[i];
		if (end && m != 0)
			return 0;
		if (m == 0xff)
			continue;
		end = 1;
		/* Ones, then zeros: the complement plus one is a power of 2. */
		if (((uint8_t)~m & (uint8_t)((uint8_t)~m + 1)) != 0)
			return 0;
	}
	return 1;
}

int
nc_kind_known(unsigned kind)
{
	return kind == NC_MAIL || kind == NC_DNS || kind == NC_DIR ||
	    kind == NC_URI || kind == NC_IP;
}

int
nc_base_ok(unsigned kind, struct span s)
{
	struct span	host;

	switch (kind) {
	case NC_DNS:
		/* Without a leading dot: only URIs and mail have that. */
		return s.n == 0 || is_host(s);
	case NC_IP:
		return is_prefix(s);
	case NC_URI:
		return is_domain(s);
	case NC_MAIL:
		return find(s, '@') == s.n ? is_domain(s) :
		    split_mail(s, &host);
	default:
		return 1;
	}
}

/* The name behind "*.", when it begins so. */
static int
is_wild(struct span s, struct span *rest)
{
	size_t	dot = find(s, '.');

	if (dot == s.n || find(until(s, dot), '*') == dot)
		return 0;
	*rest = from(s, dot + 1);
	return 1;
}

int
nc_name_ok(unsigned kind, struct span s)
{
	struct span	part;

	switch (kind) {
	case NC_DNS:
		return is_host(is_wild(s, &part) ? part : s);
	case NC_IP:
		return s.n == 4 || s.n == 16;
	case NC_URI:
		return split_uri(s, &part);
	case NC_MAIL:
		return split_mail(s, &part);
	default:
		return 1;
	}
}

/* Below a domain by at least one label, or the same when ${too}. */
static int
below(struct span name, struct span base, int too)
{
	size_t	n = name.n;

	if (n == base.n)
		return too && same(name, base);
	return n > base.n && name.p[n - base.n - 1] == '.' &&
	    same(from(name, n - base.n), base);
}

static int
dns_within(struct span name, struct span base)
{
	struct span	rest;

	if (base.n == 0)
		return 1;
	return below(is_wild(name, &rest) ? rest : name, base, 1);
}

/* ".example.com" is all below, "example.com" that host only. */
static int
host_within(struct span host, struct span base)
{
	if (base.n != 0 && base.p[0] == '.')
		return below(host, from(base, 1), 0);
	return same(host, base);
}

static int
mail_within(struct span name, struct span base)
{
	size_t		at = find(base, '@');
	struct span	host;

	if (!split_mail(name, &host))
		return 0;
	if (at == base.n)
		return host_within(host, base);
	/* The part in front of '@' in its very letters (RFC 5321, 2.4). */
	return find(name, '@') == at && memcmp(name.p, base.p, at) == 0 &&
	    same(host, from(base, at + 1));
}

static int
ip_within(struct span name, struct span base)
{
	size_t	i, n = name.n;

	if (base.n != n * 2)
		return 0;
	for (i = 0; i < n; i++)
		if (((name.p[i] ^ base.p[i]) & base.p[n + i]) != 0)
			return 0;
	return 1;
}

int
nc_within(unsigned kind, struct span name, struct span base)
{
	struct span	host;

	switch (kind) {
	case NC_DNS:
		return dns_within(name, base);
	case NC_IP:
		return ip_within(name, base);
	case NC_MAIL:
		return mail_within(name, base);
	case NC_URI:
		return split_uri(name, &host) && host_within(host, base);
	case NC_DIR:
		return base.n == 0 || (name.n >= base.n &&
		    memcmp(name.p, base.p, base.n) == 0);
	default:
		return 0;
	}
}

int
nc_touches(unsigned kind, struct span name, struct span base)
{
	struct span	rest, parent;

	if (nc_within(kind, name, base))
		return 1;
	/* "*.example.com" covers an excluded "a.example.com". */
	if (kind != NC_DNS || !is_wild(name, &rest) || base.n == 0)
		return 0;
	if (find(base, '.') == base.n)
		return 0;
	parent = from(base, find(base, '.') + 1);
	return same(parent, rest);
}
