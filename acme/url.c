#include "acme/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limit.h"
#include "base/mem.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
#define HEX DIGIT "abcdefABCDEF"

/* RFC 3986 3.3 and 3.4: pchar, '/', '?'; '%' with two digits behind it. */
static int
is_path(const char *s)
{
	while (*s != '\0') {
		s += strspn(s, ALPHA DIGIT "-._~!$&'()*+,;=:@/?");
		if (*s == '\0')
			return 1;
		if (*s != '%' || strspn(s + 1, HEX) < 2)
			return 0;
		s += 3;
	}
	return 1;
}

/* Letters, digits, '-' and '_' in labels of 1 to 63 bytes. */
static int
is_name(const char *s)
{
	size_t	n;

	for (;; s++) {
		n = strspn(s, ALPHA DIGIT "-_");
		if (n == 0 || n > 63)
			return 0;
		s += n;
		if (*s != '.')
			return *s == '\0';
	}
}

/* All digits and dots is meant as an address (RFC 3986 7.4). */
static int
is_host(const char *s)
{
	struct in_addr	a;

	if (s[strspn(s, DIGIT ".")] == '\0')
		return inet_pton(AF_INET, s, &a) == 1;
	return strlen(s) <= 253 && is_name(s);
}

static int
port_read(const char *p, size_t n, unsigned *out)
{
	size_t	i;

	*out = 0;
	if (n == 0 || n > 5 || p[0] == '0')
		return -1;
	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		*out = *out * 10 + (unsigned)(p[i] - '0');
	}
	return *out <= 65535 ? 0 : -1;
}

/* The ${n} bytes between "//" and the path. */
static int
authority_read(const char *p, size_t n, struct url *u)
{
	const char	*end = p + n, *colon;
	struct in6_addr	 a6;
	size_t		 i, len;
	int		 v6 = n != 0 && p[0] == '[';

	if (v6) {
		colon = memchr(p, ']', n);
		if (colon == NULL)
			return -1;
		p++;
		len = (size_t)(colon - p);
		colon++;
		if (colon != end && *colon != ':')
			return -1;
	} else {
		colon = memchr(p, ':', n);
		if (colon == NULL)
			colon = end;
		len = (size_t)(colon - p);
	}
	if (len == 0 || len >= sizeof(u->host))
		return -1;
	for (i = 0; i < len; i++)
		u->host[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ?
		    p[i] - 'A' + 'a' : p[i]);
	u->host[len] = '\0';
	if (v6 ? inet_pton(AF_INET6, u->host, &a6) != 1 : !is_host(u->host))
		return -1;
	u->port = u->https ? 443 : 80;
	if (colon != end)
		return port_read(colon + 1, (size_t)(end - colon - 1),
		    &u->port);
	return 0;
}

int
url_read(const char *text, struct url *u, struct err *e)
{
	size_t	n;

	memset(u, 0, sizeof(*u));
	if (strlen(text) > LIMIT_ACME_URL)
		return err_set(e, ERR_LIMIT, "a URL of more than %u bytes",
		    LIMIT_ACME_URL);
	if (strncmp(text, "https://", 8) == 0) {
		u->https = 1;
		text += 8;
	} else if (strncmp(text, "http://", 7) == 0)
		text += 7;
	else
		return err_set(e, ERR_FORMAT, "no absolute URL of https or "
		    "http (RFC 3986)");
	n = strcspn(text, "/?#");
	u->path = text + n;
	if (authority_read(text, n, u) == -1)
		return err_set(e, ERR_FORMAT, "a URL without a valid host "
		    "and port (RFC 3986 3.2)");
	if (!is_path(u->path))
		return err_set(e, ERR_FORMAT, "a URL with a fragment, or "
		    "with bytes that must be percent-encoded (RFC 3986)");
	return 0;
}

int
url_pin(struct url_pin *pin, const char *directory, int http, struct err *e)
{
	struct url	u;

	memset(pin, 0, sizeof(*pin));
	pin->http = http;
	if (url_read(directory, &u, e) == -1)
		return err_prefix(e, "directory");
	if (!u.https && !http)
		return err_set(e, ERR_PERM, "directory: must be https (RFC "
		    "8555 6.1)");
	memcpy(pin->host, u.host, sizeof(pin->host));
	return 0;
}

int
url_check(const struct url_pin *pin, const char *text, const char *what,
    struct err *e)
{
	struct url	u;
	size_t		i;

	if (url_read(text, &u, e) == -1)
		return err_prefix(e, "%s", what);
	if (!u.https && !pin->http)
		return err_set(e, ERR_PERM, "%s: the CA sends us to http; "
		    "only https is safe (RFC 8555 6.1)", what);
	if (strcmp(u.host, pin->host) == 0)
		return 0;
	for (i = 0; i < pin->nhosts; i++)
		if (strcasecmp(u.host, pin->hosts[i]) == 0)
			return 0;
	return err_set(e, ERR_PERM, "%s: the CA sends us to %s, its directory "
	    "is at %s; list that host if it is the CA's", what, u.host,
	    pin->host);
}

/* --- Link (RFC 8288 3) --- */

static const char *
blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Does a list of relations, separated by blanks, hold "alternate"? */
static int
has_alternate(const char *p, size_t n)
{
	static const char	word[] = "alternate";
	size_t			len;

	while (n != 0) {
		for (len = 0; len < n && p[len] != ' '; len++)
			;
		if (len == sizeof(word) - 1 && strncasecmp(p, word, len) == 0)
			return 1;
		if (len < n)
			len++;
		p += len;
		n -= len;
	}
	return 0;
}

/*
 * The parameters behind a target, up to the next target, the end of the line
 * or what is no parameter.  *alt: the first rel among them is alternate.
 */
static const char *
params(const char *p, int *alt)
{
	const char	*name, *value;
	size_t		 n, len;
	int		 seen = 0;

	*alt = 0;
	for (p = blanks(p); *p == ';'; p = blanks(p)) {
		name = p = blanks(p + 1);
		p += n = strcspn(p, " \t=;,\"\n");
		p = blanks(p);
		value = p;
		len = 0;
		if (*p == '=') {
			value = p = blanks(p + 1);
			if (*p == '"') {
				value++;
				/* no escapes in a relation */
				len = strcspn(value, "\"\n");
				p = value + len + (value[len] == '"');
			} else
				p += len = strcspn(p, " \t;,\n");
		}
		if (n == 3 && strncasecmp(name, "rel", 3) == 0 && !seen) {
			seen = 1;
			*alt = has_alternate(value, len);
		}
	}
	return p;
}

/* Keep one target, if it may be asked and is new. */
static size_t
keep(const struct url_pin *pin, char *url, char **out, size_t n)
{
	size_t	i;
	int	known = url_check(pin, url, "alternate", NULL) == -1;

	for (i = 0; i < n; i++)
		if (strcmp(out[i], url) == 0)
			known = 1;
	if (known || n == LIMIT_ACME_ALTERNATES) {
		free(url);
		return n;
	}
	out[n] = url;
	return n + 1;
}

size_t
url_alternates(const struct url_pin *pin, const char *links, char **out)
{
	const char	*p = links != NULL ? links : "", *url;
	size_t		 n = 0, len;
	int		 alt;

	while (*p != '\0') {
		p += strspn(p, " \t,\r\n");
		if (*p != '<') {
			/* no link: the rest of the line says nothing */
			p += strcspn(p, "\n");
			continue;
		}
		url = p + 1;
		len = strcspn(url, ">\n");
		if (url[len] != '>') {
			p = url + len;
			continue;
		}
		p = params(url + len + 1, &alt);
		if (alt)
			n = keep(pin, mem_dup(url, len), out, n);
	}
	return n;
}
