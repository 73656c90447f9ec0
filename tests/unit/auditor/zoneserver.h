#ifndef TESTS_UNIT_AUDITOR_ZONESERVER_H
#define TESTS_UNIT_AUDITOR_ZONESERVER_H

/*
 * Name servers that have the records of a table, on 127.0.0.1 to 127.0.0.4
 * and one port, in a process of their own; UDP only.  The first is as a
 * resolver: it follows CNAMEs and says that it recurses.  For one test
 * program, after probing.h: everything is static.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/auditor/dnspacket.h"

#define ZS_COUNT	4
#define ZS_SILENT	1000u	/* types of ours: says nothing */
#define ZS_FAIL		1001u	/* SERVFAIL */

struct zs_rr {
	unsigned	 who;		/* bits: which servers have it */
	const char	*owner;
	unsigned	 type;
	const char	*data;
	int		 after;		/* shown from that question of its
					   owner and type on, counted from 0 */
};

static int	zs_port, zs_fd[ZS_COUNT];
static pid_t	zs_pid;
static int	zs_asked[1024];		/* questions, by record and server */

/* The address of a server as the configuration has it. */
static inline const char *
zs_text(int i)
{
	static char	text[ZS_COUNT][32];

	(void)snprintf(text[i], sizeof(text[i]), "127.0.0.%d@%d", i + 1,
	    zs_port);
	return text[i];
}

static inline void
zs_data(struct buf *b, const struct zs_rr *r)
{
	uint8_t	p[256];
	size_t	n = strlen(r->data);

	if (r->type == DNS_A || r->type == DNS_AAAA) {
		(void)inet_pton(r->type == DNS_A ? AF_INET : AF_INET6, r->data,
		    p);
		dns_data(b, p, r->type == DNS_A ? 4 : 16);
	} else if (r->type == DNS_TXT) {
		p[0] = (uint8_t)n;
		memcpy(p + 1, r->data, n);
		dns_data(b, p, n + 1);
	} else if (r->type == DNS_CAA) {
		/* "TAG VALUE" */
		p[0] = 0;
		p[1] = (uint8_t)(strchr(r->data, ' ') - r->data);
		memcpy(p + 2, r->data, p[1]);
		memcpy(p + 2 + p[1], r->data + p[1] + 1, n - p[1] - 1u);
		dns_data(b, p, n + 1);
	} else
		dns_data_name(b, r->data);
}

static inline void
zs_soa(struct buf *b, enum dns_section where, const char *owner)
{
	static const uint8_t	data[] = { 0, 0, 0, 0, 0, 1, 0, 0, 0, 1,
				    0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1 };

	dns_rr(b, where, owner, DNS_SOA, 60);
	dns_data(b, data, sizeof(data));
}

/* ${name} is ${zone} or below it. */
static inline int
zs_below(const char *name, const char *zone)
{
	size_t	n = strlen(name), z = strlen(zone);

	return n >= z && strcasecmp(name + n - z, zone) == 0 &&
	    (n == z || name[n - z - 1] == '.');
}

/* The deepest zone of a server that has the name. */
static inline const char *
zs_zone(const struct zs_rr *v, int server, const char *name)
{
	const char	*zone = NULL;

	for (; v->owner != NULL; v++)
		if (v->type == DNS_SOA && (v->who & 1u << server) != 0 &&
		    zs_below(name, v->owner) && (zone == NULL ||
		    strlen(v->owner) > strlen(zone)))
			zone = v->owner;
	return zone;
}

/* The records of a name and type: how many; CNAMEs lead on in *name. */
static inline size_t
zs_records(const struct zs_rr *v, int server, const char **name,
    unsigned type, struct buf *b)
{
	const struct zs_rr	*r;
	size_t			 n = 0;
	int			 i, moved = 0;

	for (r = v, i = 0; r->owner != NULL; r++, i++) {
		if ((r->who & 1u << server) == 0 ||
		    strcasecmp(r->owner, *name) != 0)
			continue;
		if (r->type == type && type == DNS_SOA) {
			zs_soa(b, DNS_ANSWER, *name);
			n++;
		} else if (r->type == type &&
		    zs_asked[i * ZS_COUNT + server]++ >= r->after) {
			dns_rr(b, DNS_ANSWER, *name, type, 60);
			zs_data(b, r);
			n++;
		} else if (r->type == DNS_CNAME && !moved) {
			dns_rr(b, DNS_ANSWER, *name, DNS_CNAME, 60);
			zs_data(b, r);
			*name = r->data;
			moved = 1;
			r = v - 1;
			i = -1;
			if (server != 0)
				return n;
		}
	}
	return n;
}

/* Has the server anything at the name? */
static inline int
zs_has(const struct zs_rr *v, int server, const char *name, unsigned type)
{
	for (; v->owner != NULL; v++)
		if ((v->who & 1u << server) != 0 &&
		    strcasecmp(v->owner, name) == 0 &&
		    (type == 0 || v->type == type))
			return 1;
	return 0;
}

static inline int
zs_answer(const struct zs_rr *v, int server, const uint8_t *p, size_t n,
    struct buf *b)
{
	char		 text[256];
	const char	*name = text, *zone;
	size_t		 at = 12, len = 0;
	unsigned	 type;

	while (at < n && p[at] != 0) {
		if (len > 0)
			text[len++] = '.';
		memcpy(text + len, p + at + 1, p[at]);
		len += p[at];
		at += p[at] + 1u;
	}
	text[len] = '\0';
	type = (unsigned)(p[at + 1] << 8 | p[at + 2]);
	dns_begin(b, (unsigned)(p[0] << 8 | p[1]), server == 0 ? 0x8180 :
	    0x8400, text, type);
	if (zs_has(v, server, text, ZS_SILENT))
		return 0;
	zone = zs_zone(v, server, text);
	if (zone == NULL || zs_has(v, server, text, ZS_FAIL)) {
		b->p[3] |= zone == NULL ? 5 : 2;
		return 1;
	}
	if (zs_records(v, server, &name, type, b) > 0)
		return 1;
	if ((zone = zs_zone(v, server, name)) == NULL)
		return 1;
	b->p[3] |= zs_has(v, server, name, 0) ? 0 : 3;
	zs_soa(b, DNS_AUTHORITY, zone);
	return 1;
}

/* Begin; the table ends with an owner of NULL, has at most 256 records. */
static inline void
zs_start(const struct zs_rr *v)
{
	struct sockaddr_in	a;
	struct sockaddr_storage	sa;
	socklen_t		len;
	struct pollfd		p[ZS_COUNT];
	struct buf		b = BUF_INIT;
	uint8_t			q[1024];
	ssize_t			n;
	int			i;

	for (i = 0; i < ZS_COUNT; i++) {
		len = sizeof(a);
		memset(&a, 0, sizeof(a));
		a.sin_family = AF_INET;
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)i);
		a.sin_port = htons((uint16_t)zs_port);
		zs_fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (zs_fd[i] == -1 || bind(zs_fd[i], (struct sockaddr *)&a,
		    sizeof(a)) != 0 || getsockname(zs_fd[i],
		    (struct sockaddr *)&a, &len) != 0)
			abort();
		zs_port = ntohs(a.sin_port);
	}
	zs_pid = fork();
	for (i = 0; i < ZS_COUNT && zs_pid != 0; i++)
		(void)close(zs_fd[i]);
	while (zs_pid == 0) {
		for (i = 0; i < ZS_COUNT; i++)
			p[i] = (struct pollfd){ zs_fd[i], POLLIN, 0 };
		(void)poll(p, ZS_COUNT, -1);
		for (i = 0; i < ZS_COUNT; i++) {
			len = sizeof(sa);
			if (p[i].revents == 0)
				continue;
			n = recvfrom(zs_fd[i], q, sizeof(q), 0,
			    (struct sockaddr *)&sa, &len);
			if (n >= 17 && zs_answer(v, i, q, (size_t)n, &b))
				(void)sendto(zs_fd[i], b.p, b.n, 0,
				    (struct sockaddr *)&sa, len);
		}
	}
}

static inline void
zs_stop(void)
{
	(void)kill(zs_pid, SIGKILL);
	(void)waitpid(zs_pid, NULL, 0);
}

#endif
