#include "auditor/net/dnsserver.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define PORT	"53"

/* The address at the start of ${text}, ${n} bytes: with a zone, if any. */
static int
resolve(struct dnsserver *s, const char *text, size_t n, const char *port)
{
	struct addrinfo	hints, *ai = NULL;
	char		host[64];

	if (n == 0 || n >= sizeof(host))
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_DGRAM;
	/* No name is looked up: this only knows what a zone is. */
	if (getaddrinfo(host, port, &hints, &ai) != 0)
		return -1;
	memcpy(&s->sa, ai->ai_addr, ai->ai_addrlen);
	s->len = ai->ai_addrlen;
	freeaddrinfo(ai);
	return 0;
}

/* "5353", 1 to 65535. */
static int
port_ok(const char *p)
{
	unsigned long	n;
	char		*end;

	if (*p < '0' || *p > '9')
		return 0;
	n = strtoul(p, &end, 10);
	return *end == '\0' && n >= 1 && n <= 65535;
}

int
dnsserver_add(struct dnsservers *l, const char *text, struct err *e)
{
	struct dnsserver	s;
	const char		*at = strchr(text, '@');
	size_t			 n = at != NULL ? (size_t)(at - text) :
				    strlen(text);

	memset(&s, 0, sizeof(s));
	if (strlen(text) >= sizeof(s.text) ||
	    (at != NULL && !port_ok(at + 1)) ||
	    resolve(&s, text, n, at != NULL ? at + 1 : PORT) != 0)
		return err_set(e, ERR_CONF, "\"%.64s\" is no resolver; write "
		    "it like 192.0.2.1 or 127.0.0.1@5353", text);
	if (l->n >= DNSSERVER_MAX)
		return err_set(e, ERR_LIMIT, "at most %d resolvers are asked",
		    DNSSERVER_MAX);
	memcpy(s.text, text, strlen(text) + 1);
	l->v[l->n++] = s;
	return 0;
}

/*
 * Where the address and the port in ${text} are: ADDR, ADDR@PORT, V4:PORT,
 * [V6] or [V6]:PORT.  0 or -1.
 */
static int
split(const char *text, const char **host, size_t *n, const char **port)
{
	const char	*end;

	*host = text[0] == '[' ? text + 1 : text;
	*port = PORT;
	if (text[0] == '[')
		end = strchr(text, ']');
	else if (strchr(text, '@') != NULL)
		end = strchr(text, '@');
	else if (strchr(text, ':') == strrchr(text, ':'))
		end = strchr(text, ':');
	else
		end = NULL;
	if (end == NULL) {
		*n = strlen(text);
		return text[0] == '[' ? -1 : 0;
	}
	*n = (size_t)(end - *host);
	if (*end == ']' && *++end == '\0')
		return 0;
	if (text[0] == '[' && (*end != ':' || memchr(*host, ':', *n) == NULL))
		return -1;
	*port = end + 1;
	return port_ok(*port) ? 0 : -1;
}

int
dnsserver_read(struct dnsserver *s, const char *text, struct err *e)
{
	const char	*host, *port;
	size_t		 n;

	memset(s, 0, sizeof(*s));
	if (strlen(text) >= sizeof(s->text) ||
	    split(text, &host, &n, &port) != 0 ||
	    resolve(s, host, n, port) != 0)
		return err_set(e, ERR_CONF, "\"%.64s\" is no server; write it "
		    "like 192.0.2.1, 192.0.2.1:5353, 2001:db8::1 or "
		    "[2001:db8::1]:5353", text);
	memcpy(s->text, text, strlen(text) + 1);
	return 0;
}

void
dnsserver_conf(struct dnsservers *l, struct span text)
{
	char	*copy, *line, *word, *lines = NULL, *words;

	/* A zero byte would only end the text early. */
	copy = mem_dup(text.n != 0 ? text.p : (const uint8_t *)"", text.n);
	for (line = strtok_r(copy, "\n", &lines); line != NULL;
	    line = strtok_r(NULL, "\n", &lines)) {
		words = NULL;
		word = strtok_r(line, " \t\r", &words);
		if (word == NULL || strcmp(word, "nameserver") != 0)
			continue;
		word = strtok_r(NULL, " \t\r", &words);
		if (word != NULL && l->n < DNSSERVER_MAX &&
		    strchr(word, '@') == NULL)
			(void)dnsserver_add(l, word, NULL);
	}
	free(copy);
	if (l->n == 0)
		(void)dnsserver_add(l, "127.0.0.1", NULL);
}
