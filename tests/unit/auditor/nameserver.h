#ifndef TESTS_UNIT_AUDITOR_NAMESERVER_H
#define TESTS_UNIT_AUDITOR_NAMESERVER_H

/*
 * Name servers on the loopback address that misbehave by the name that they
 * are asked for, in a process of their own.  For one test program, after
 * probing.h: everything is static.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/auditor/dnspacket.h"

enum { NS_GOOD, NS_BROKEN, NS_SILENT, NS_COUNT };

struct ns_question {
	int		server;
	int		tcp;
	unsigned	id, type;
	int		edns, ad;
	char		name[256];
};

static int	ns_port[NS_COUNT];
static int	ns_udp[NS_COUNT], ns_tcp[NS_COUNT];
static pid_t	ns_pid;

static inline const char *
ns_text(int server)
{
	static char	text[NS_COUNT][32];

	(void)snprintf(text[server], sizeof(text[server]), "127.0.0.1@%d",
	    ns_port[server]);
	return text[server];
}

static inline int
ns_parse(struct ns_question *q, const uint8_t *p, size_t n)
{
	size_t	at = 12, len = 0, l;

	if (n < 17)
		return -1;
	q->id = (unsigned)(p[0] << 8 | p[1]);
	q->ad = (p[3] & 0x20) != 0;
	q->edns = p[11];
	while (at < n && (l = p[at]) != 0 && at + l < n &&
	    len + l + 1 < sizeof(q->name)) {
		if (len != 0)
			q->name[len++] = '.';
		memcpy(q->name + len, p + at + 1, l);
		len += l;
		at += l + 1;
	}
	q->name[len] = '\0';
	if (at + 5 > n)
		return -1;
	q->type = (unsigned)(p[at + 1] << 8 | p[at + 2]);
	return 0;
}

static inline void
ns_a(struct buf *b, const char *owner, unsigned last, unsigned n)
{
	uint8_t	a[4] = { 127, 0, 0, 0 };

	while (n-- > 0) {
		a[3] = (uint8_t)last++;
		dns_rr(b, DNS_ANSWER, owner, DNS_A, 60);
		dns_data(b, a, 4);
	}
}

static inline void
ns_caa(struct buf *b, const char *owner)
{
	dns_rr(b, DNS_ANSWER, owner, DNS_CAA, 300);
	dns_data(b, "\0\5issueca.example", 17);
}

/* ${n} TXT records of 200 bytes. */
static inline void
ns_txt(struct buf *b, unsigned n)
{
	uint8_t	text[201];

	memset(text, 'x', sizeof(text));
	text[0] = 200;
	while (n-- > 0) {
		dns_rr(b, DNS_ANSWER, "@", DNS_TXT, 30);
		dns_data(b, text, sizeof(text));
	}
}

static inline int
is(const struct ns_question *q, const char *name)
{
	return strcmp(q->name, name) == 0;
}

/* Names that have addresses.  1: answered. */
static inline int
ns_addresses(const struct ns_question *q, struct buf *b)
{
	uint8_t	loop6[16] = { 0 };

	loop6[15] = 1;
	if (q->type == DNS_AAAA && (is(q, "two.test") ||
	    is(q, "only6.test"))) {
		dns_rr(b, DNS_ANSWER, "@", DNS_AAAA, 60);
		dns_data(b, loop6, 16);
		return 1;
	}
	if (q->type != DNS_A)
		return 0;
	if (is(q, "two.test") || is(q, "half.test"))
		ns_a(b, "@", 1, 1);
	else if (is(q, "three.test"))
		ns_a(b, "@", 1, 3);
	else if (is(q, "sixteen.test"))
		ns_a(b, "@", 1, 16);
	else if (is(q, "seventeen.test"))
		ns_a(b, "@", 1, 17);
	else if (is(q, "double.test")) {
		ns_a(b, "@", 1, 1);
		ns_a(b, "@", 1, 1);
	} else if (is(q, "private.test")) {
		dns_rr(b, DNS_ANSWER, "@", DNS_A, 60);
		dns_data(b, "\12\0\0\1", 4);
		ns_a(b, "@", 1, 1);
	} else if (is(q, "alias.test")) {
		dns_rr(b, DNS_ANSWER, "@", DNS_CNAME, 60);
		dns_data_name(b, "real.test");
		ns_a(b, "real.test", 1, 1);
	} else if (is(q, "odd.test")) {
		/* an address of five bytes, and one of four */
		dns_rr(b, DNS_ANSWER, "@", DNS_A, 60);
		dns_data(b, "12345", 5);
		ns_a(b, "@", 1, 1);
	} else
		return 0;
	return 1;
}

/* Names that have other records.  1: answered. */
static inline int
ns_records(const struct ns_question *q, struct buf *b)
{
	if (is(q, "caa.test"))
		ns_caa(b, "@");
	else if (is(q, "ad.test")) {
		ns_caa(b, "@");
		b->p[3] |= q->ad ? 0x20 : 0;
	} else if (is(q, "chain.test")) {
		dns_rr(b, DNS_ANSWER, "@", DNS_CNAME, 20);
		dns_data_name(b, "b.test");
		dns_rr(b, DNS_ANSWER, "b.test", DNS_CNAME, 10);
		dns_data_name(b, "c.test");
		ns_caa(b, "c.test");
	} else if (is(q, "big.test")) {
		if (q->tcp)
			ns_txt(b, 250);
		else
			b->p[2] |= 2;
	} else if (is(q, "cut.test"))
		b->p[2] |= 2;
	else if (is(q, "full.test"))
		ns_txt(b, q->tcp ? PROBE_RRS : 0);
	else if (is(q, "over.test"))
		ns_txt(b, q->tcp ? PROBE_RRS + 1 : 0);
	else
		return 0;
	if ((is(q, "full.test") || is(q, "over.test")) && !q->tcp)
		b->p[2] |= 2;
	return 1;
}

/* What is wrong with the whole answer.  1: made, 0: nothing, -1: silence. */
static inline int
ns_faults(const struct ns_question *q, struct buf *b)
{
	if (q->server == NS_SILENT || is(q, "silent.test") ||
	    (is(q, "half.test") && q->type == DNS_AAAA))
		return -1;
	if (q->server == NS_BROKEN || is(q, "fail.test")) {
		b->p[3] |= 2;
		return 1;
	}
	if (is(q, "noedns.test") && q->edns) {
		b->p[3] |= 1;
		return 1;
	}
	if (is(q, "noedns.test"))
		ns_caa(b, "@");
	else if (is(q, "nx.test")) {
		b->p[3] |= 3;
		dns_soa(b, "test", 900, 600);
	} else if (is(q, "lame.test"))
		b->p[3] &= 0x7f;
	else if (is(q, "alone.test")) {
		b->p[3] &= 0x7f;
		dns_rr(b, DNS_ANSWER, "@", DNS_CNAME, 60);
		dns_data_name(b, "elsewhere.test");
	} else if (is(q, "bad.test")) {
		dns_rr(b, DNS_ANSWER, "@", DNS_CAA, 1);
		buf_u16(b, 77);
	} else
		return 0;
	return 1;
}

/* 0: nothing is to be said. */
static inline int
ns_answer(const struct ns_question *q, struct buf *b)
{
	int	r;

	dns_begin(b, q->id, DNS_RESPONSE, q->name, q->type);
	r = ns_faults(q, b);
	if (r == 0 && !ns_addresses(q, b) && !ns_records(q, b))
		dns_soa(b, "test", 60, 30);
	return r >= 0;
}

/* Others first: of another id, of another name, of nothing. */
static inline void
ns_strays(const struct ns_question *q, int fd, const struct sockaddr *sa,
    socklen_t len)
{
	struct buf	b = BUF_INIT;
	int		i, n = is(q, "stray.test") ? 3 : is(q, "flood.test") ?
			    50 : 0;

	for (i = 0; i < n; i++) {
		dns_begin(&b, q->id + (i % 3 == 0), DNS_RESPONSE,
		    i % 3 == 1 ? "evil.test" : q->name, q->type);
		dns_rr(&b, DNS_ANSWER, "@", DNS_CAA, 1);
		dns_data(&b, "\0\5issueevil", 11);
		(void)sendto(fd, b.p, i % 3 == 2 ? 5 : b.n, 0, sa, len);
	}
	buf_free(&b);
}

static inline void
ns_serve_udp(int server)
{
	struct sockaddr_storage	sa;
	socklen_t		len = sizeof(sa);
	struct ns_question	q = { server, 0, 0, 0, 0, 0, "" };
	struct buf		b = BUF_INIT;
	uint8_t			p[1024];
	ssize_t			n;

	n = recvfrom(ns_udp[server], p, sizeof(p), 0, (struct sockaddr *)&sa,
	    &len);
	if (n <= 0 || ns_parse(&q, p, (size_t)n) != 0)
		return;
	ns_strays(&q, ns_udp[server], (struct sockaddr *)&sa, len);
	if (ns_answer(&q, &b) && !is(&q, "flood.test"))
		(void)sendto(ns_udp[server], b.p, b.n, 0,
		    (struct sockaddr *)&sa, len);
	buf_free(&b);
}

/* One question a connection; the answer in two pieces. */
static inline void
ns_serve_tcp(int server)
{
	struct ns_question	q = { server, 1, 0, 0, 0, 0, "" };
	struct buf		b = BUF_INIT;
	uint8_t			p[1024], len[2];
	ssize_t			n;
	int			fd = accept(ns_tcp[server], NULL, NULL);

	n = recv(fd, p, sizeof(p), 0);
	if (n > 2 && ns_parse(&q, p + 2, (size_t)n - 2) == 0 &&
	    !is(&q, "cut.test")) {
		if (is(&q, "flood.test")) {
			dns_begin(&b, q.id, DNS_RESPONSE, q.name, q.type);
			ns_caa(&b, "@");
		} else
			(void)ns_answer(&q, &b);
		len[0] = (uint8_t)(b.n >> 8);
		len[1] = (uint8_t)b.n;
		(void)send(fd, len, 1, MSG_NOSIGNAL);
		(void)poll(NULL, 0, 5);
		(void)send(fd, len + 1, 1, MSG_NOSIGNAL);
		(void)send(fd, b.p, b.n, MSG_NOSIGNAL);
	}
	(void)close(fd);
	buf_free(&b);
}

static inline void
ns_start(void)
{
	struct pollfd	p[2 * NS_COUNT];
	int		i, room = 1 << 20;

	for (i = 0; i < NS_COUNT; i++) {
		ns_port[i] = 0;
		ns_tcp[i] = listen_at(SOCK_STREAM, 0, &ns_port[i]);
		ns_udp[i] = listen_at(SOCK_DGRAM, 0, &ns_port[i]);
		(void)setsockopt(ns_udp[i], SOL_SOCKET, SO_RCVBUF, &room,
		    sizeof(room));
	}
	ns_pid = fork();
	if (ns_pid != 0) {
		for (i = 0; i < NS_COUNT; i++) {
			(void)close(ns_udp[i]);
			(void)close(ns_tcp[i]);
		}
		return;
	}
	for (;;) {
		for (i = 0; i < 2 * NS_COUNT; i++) {
			p[i].fd = i < NS_COUNT ? ns_udp[i] :
			    ns_tcp[i - NS_COUNT];
			p[i].events = POLLIN;
			p[i].revents = 0;
		}
		(void)poll(p, 2 * NS_COUNT, -1);
		for (i = 0; i < 2 * NS_COUNT; i++) {
			if (p[i].revents == 0)
				continue;
			if (i < NS_COUNT)
				ns_serve_udp(i);
			else
				ns_serve_tcp(i - NS_COUNT);
		}
	}
}

static inline void
ns_stop(void)
{
	(void)kill(ns_pid, SIGKILL);
	(void)waitpid(ns_pid, NULL, 0);
}

#endif
