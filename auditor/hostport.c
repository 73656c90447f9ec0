#include "auditor/hostport.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The host part and, when there is one, where the port begins. */
struct parts {
	const char	*host;
	size_t		 n;
	const char	*port;		/* NULL: none given */
};

static int
wrong(const char *text, const char *why, struct err *e)
{
	return err_set(e, ERR_USAGE, "`%.100s` is no endpoint: %s (write "
	    "www.example.com, mail.example.com:993 or [2001:db8::1]:443)",
	    text, why);
}

static int
split(const char *text, struct parts *p, struct err *e)
{
	const char	*colon = strchr(text, ':'), *end;

	p->host = text;
	p->n = strlen(text);
	p->port = NULL;
	if (text[0] == '[') {
		if ((end = strchr(text, ']')) == NULL ||
		    (end[1] != '\0' && end[1] != ':'))
			return wrong(text, "the bracket is not closed", e);
		p->host = text + 1;
		p->n = (size_t)(end - text - 1);
		if (end[1] == ':')
			p->port = end + 2;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		p->n = (size_t)(colon - text);
		p->port = colon + 1;
	}
	return 0;
}

static int
read_port(const char *text, const char *s, int *port, struct err *e)
{
	size_t	i;
	int	n = 0;

	for (i = 0; s[i] >= '0' && s[i] <= '9' && i < 5; i++)
		n = n * 10 + (s[i] - '0');
	if (i == 0 || s[i] != '\0' || s[0] == '0' || n > 65535)
		return wrong(text, "a port is a number from 1 to 65535", e);
	*port = n;
	return 0;
}

static int
read_host(const char *text, const struct parts *p, char out[NAME_TEXT],
    struct err *e)
{
	struct err	sub = ERR_INIT;
	char		host[NAME_TEXT];
	uint8_t		addr[16];
	int		v6;

	if (p->n == 0 || p->n >= sizeof(host))
		return wrong(text, p->n == 0 ? "there is no host" :
		    "the host is too long", e);
	memcpy(host, p->host, p->n);
	host[p->n] = '\0';
	v6 = strchr(host, ':') != NULL;
	if (inet_pton(v6 ? AF_INET6 : AF_INET, host, addr) == 1) {
		if (inet_ntop(v6 ? AF_INET6 : AF_INET, addr, out,
		    NAME_TEXT) == NULL)
			return wrong(text, "the address cannot be written", e);
		return 0;
	}
	if (v6 || text[0] == '[')
		return wrong(text, "this is no IPv6 address", e);
	if (host[strspn(host, "0123456789.")] == '\0')
		return wrong(text, "this is no IPv4 address", e);
	if (host[0] == '.' || strchr(host, '*') != NULL)
		return wrong(text, "an endpoint is one host; patterns are "
		    "watched with certvigil watch add", e);
	if (name_canon(host, p->n, out, &sub) == -1)
		return wrong(text, sub.msg, e);
	/* other kinds of digits and dots are these now */
	if (out[strspn(out, "0123456789.")] == '\0' &&
	    inet_pton(AF_INET, out, addr) != 1)
		return wrong(text, "this is no IPv4 address", e);
	return 0;
}

static int
read_starttls(const char *said, struct hostport *h, struct err *e)
{
	static const char *const words[] = { "smtp", "imap", "none" };
	static const char *const kept[] = { "smtp", "imap", "" };
	size_t	i;

	if (said == NULL) {
		h->starttls = h->port == 25 || h->port == 587 ? "smtp" :
		    h->port == 143 ? "imap" : "";
		return 0;
	}
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(said, words[i]) == 0) {
			h->starttls = kept[i];
			return 0;
		}
	return err_set(e, ERR_USAGE, "there is no STARTTLS for `%.40s`: "
	    "smtp, imap or none", said);
}

int
hostport_read(const char *text, const char *starttls, struct hostport *h,
    struct err *e)
{
	struct parts	p;

	h->port = 443;
	if (split(text, &p, e) == -1 || (p.port != NULL &&
	    read_port(text, p.port, &h->port, e) == -1) ||
	    read_host(text, &p, h->host, e) == -1)
		return -1;
	return read_starttls(starttls, h, e);
}

char *
hostport_text(const char *host, int port, char *out)
{
	(void)snprintf(out, HOSTPORT_TEXT, strchr(host, ':') != NULL ?
	    "[%.255s]:%d" : "%.255s:%d", host, port);
	return out;
}
