#ifndef TESTS_UNIT_AUDITOR_WEB_H
#define TESTS_UNIT_AUDITOR_WEB_H

/*
 * A small HTTP server on the loopback address that misbehaves on request, in
 * a process of its own.  For one test program: everything is static.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static int	port;		/* where it listens */
static int	closed_port;	/* where nobody does */

static int	connections;

static void
say(int fd, const char *s)
{
	size_t	n = strlen(s);

	while (n > 0) {
		ssize_t	w = send(fd, s, n, MSG_NOSIGNAL);

		if (w <= 0)
			return;
		s += w;
		n -= (size_t)w;
	}
}

static void
fill(int fd, size_t n)
{
	char	block[4096];
	size_t	i;

	for (i = 0; i < sizeof(block); i++)
		block[i] = (char)('a' + i % 26);
	while (n > 0) {
		size_t	k = n < sizeof(block) ? n : sizeof(block);

		if (send(fd, block, k, MSG_NOSIGNAL) <= 0)
			return;
		n -= k;
	}
}

static void
say_n(int fd, size_t n, int close_after)
{
	char	head[128];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
	    "Content-Length: %zu\r\n%s\r\n", n,
	    close_after ? "Connection: close\r\n" : "");
	say(fd, head);
	fill(fd, n);
}

/* A head alone, then ${n} bytes and at once what nobody asked for. */
static void
say_more(int fd, size_t n)
{
	char	 head[64], *text = malloc(n + 64);

	if (text == NULL)
		return;
	(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
	    "Content-Length: %zu\r\n\r\n", n);
	say(fd, head);
	(void)poll(NULL, 0, 50);
	memset(text, 'x', n);
	(void)snprintf(text + n, 64, "HTTP/1.1 200 OK\r\n"
	    "Content-Length: 3\r\n\r\nlie");
	say(fd, text);
	free(text);
}

/* ${n} bytes, chunked, so that nobody knows how many will come. */
static void
say_chunks(int fd, size_t n)
{
	char	block[4096 + 16];
	size_t	i;

	say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (; n > 0; n -= i) {
		i = n < 4096 ? n : 4096;
		(void)snprintf(block, sizeof(block), "%zx\r\n", i);
		say(fd, block);
		memset(block, 'c', i);
		memcpy(block + i, "\r\n", 3);
		say(fd, block);
	}
	say(fd, "0\r\n\r\n");
}

static void
drip(int fd)
{
	int	i;

	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	for (i = 0; i < 1000; i++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			return;
		(void)poll(NULL, 0, 50);
	}
}

static void
flood(int fd, int lines)
{
	char	line[64];
	int	i;

	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (i = 0; i < lines; i++) {
		(void)snprintf(line, sizeof(line), "X-%d: y\r\n", i);
		say(fd, line);
	}
	say(fd, "\r\n");
}

static void
echo(int fd, const char *req)
{
	const char	*body = strstr(req, "\r\n\r\n");
	char		 head[128];

	body = body != NULL ? body + 4 : "";
	(void)snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	say(fd, head);
	say(fd, body);
}

/* "STATUS/LOCATION": a redirect; ~ and a letter is a byte below blank. */
static void
go(int fd, const char *path)
{
	char	text[4096];
	int	n;

	n = snprintf(text, sizeof(text), "HTTP/1.1 %.3s Go\r\n"
	    "Content-Length: 4\r\nETag: \"first\"\r\nLocation: ", path);
	for (path += 4; *path != ' ' && *path != '\0' && n < 4000; path++)
		text[n++] = *path != '~' ? *path : (char)(*++path & 0x1f);
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "\r\n\r\nbody");
	say(fd, text);
}

static void
hop(int fd, unsigned long n)
{
	char	text[128];

	if (n == 0) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
		return;
	}
	(void)snprintf(text, sizeof(text), "HTTP/1.1 302 Go\r\n"
	    "Content-Length: 0\r\nLocation: %lu\r\n\r\n", n - 1);
	say(fd, text);
}

/* A redirect to a place of ${n} bytes. */
static void
far(int fd, size_t n)
{
	char	text[4096];

	if (n > sizeof(text) - 1)
		return;
	memset(text, 'f', n);
	text[0] = '/';
	text[n] = '\0';
	say(fd, "HTTP/1.1 302 Go\r\nContent-Length: 0\r\nLocation: ");
	say(fd, text);
	say(fd, "\r\n\r\n");
}

struct page {
	const char	*path;
	const char	*answer;
};

static const struct page pages[] = {
	{ "/plain ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
	    "Content-Type: text/plain\r\nETag: \"v1\"\r\n"
	    "Last-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
	    "Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\nhello" },
	{ "/fickle ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" },
	{ "/404 ", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone" },
	{ "/429s ", "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n"
	    "Content-Length: 0\r\n\r\n" },
	{ "/429d ", "HTTP/1.1 429 Slow\r\nRetry-After:  Sun, 22 Nov 2026 "
	    "12:01:00 GMT \r\nContent-Length: 0\r\n\r\n" },
	{ "/moved ", "HTTP/1.1 302 Found\r\nLocation: /plain\r\n"
	    "Content-Length: 0\r\n\r\n" },
	{ "/gzip ", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
	    "Content-Length: 8\r\n\r\nnot gzip" },
	{ "/short ", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
	    "Connection: close\r\n\r\nten bytes." },
	{ "/garbage ", "220 mail.example ESMTP\r\n\r\n" },
	{ "/continue ", "HTTP/1.1 103 Early\r\nRetry-After: 99\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
	{ "/longtag ", NULL },
	{ "/self ", "HTTP/1.1 301 Go\r\nLocation: /self\r\n"
	    "Content-Length: 0\r\n\r\n" },
	{ "/304 ", "HTTP/1.1 304 Not Modified\r\nETag: \"v2\"\r\n\r\n" },
	{ "/206 ", "HTTP/1.1 206 Part\r\nContent-Length: 4\r\n\r\npart" },
	{ "/identity ", "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n"
	    "Content-Length: 5\r\n\r\nplain" },
	{ "/gzips ", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip,gzip,gzip,"
	    "gzip,gzip,gzip,gzip,gzip,gzip,gzip,gzip\r\n"
	    "Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nbytes" },
	{ "/glued ", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong" },
	{ "/tegzip ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n"
	    "\r\n4\r\nxxxx\r\n0\r\n\r\n" },
};

static int
serve_special(int fd, const char *path, const char *req)
{
	char	text[1024];

	if (strncmp(path, "/bytes/", 7) == 0)
		say_n(fd, strtoul(path + 7, NULL, 10), 0);
	else if (strncmp(path, "/chunks/", 8) == 0)
		say_chunks(fd, strtoul(path + 8, NULL, 10));
	else if (strncmp(path, "/more/", 6) == 0)
		say_more(fd, strtoul(path + 6, NULL, 10));
	else if (strncmp(path, "/error/", 7) == 0) {
		say(fd, "HTTP/1.1 503 Busy\r\nConnection: close\r\n"
		    "Retry-After: 9\r\n\r\n");
		fill(fd, strtoul(path + 7, NULL, 10));
		(void)shutdown(fd, SHUT_RDWR);
	} else if (strncmp(path, "/headers/", 9) == 0)
		flood(fd, (int)strtol(path + 9, NULL, 10));
	else if (strncmp(path, "/drip ", 6) == 0)
		drip(fd);
	else if (strncmp(path, "/hang ", 6) == 0)
		(void)poll(NULL, 0, 60000);
	else if (strncmp(path, "/echo ", 6) == 0)
		echo(fd, req);
	else if (strncmp(path, "/go/", 4) == 0)
		go(fd, path + 4);
	else if (strncmp(path, "/far/", 5) == 0)
		far(fd, strtoul(path + 5, NULL, 10));
	else if (strncmp(path, "/hop/", 5) == 0)
		hop(fd, strtoul(path + 5, NULL, 10));
	else if (strncmp(path, "/request", 8) == 0) {
		(void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n"
		    "Content-Length: %zu\r\n\r\n", strlen(req));
		say(fd, text);
		say(fd, req);
	} else if (strncmp(path, "/connections ", 13) == 0) {
		(void)snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n"
		    "Content-Length: 4\r\n\r\n%04d", connections);
		say(fd, text);
	} else if (strncmp(path, "/longtag ", 9) == 0) {
		memset(text, 't', 400);
		text[400] = '\0';
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: ");
		say(fd, text);
		say(fd, "\r\n\r\n");
	} else
		return 0;
	return 1;
}

static void
serve_one(int fd, const char *req)
{
	static _Thread_local int	served;
	const char			*path = strchr(req, ' ');
	size_t				 i;

	/* Only the first request of a connection has an answer. */
	if (served++ > 0 && path != NULL &&
	    strncmp(path + 1, "/fickle ", 8) == 0) {
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	if (path == NULL || serve_special(fd, path + 1, req))
		return;
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (strncmp(path + 1, pages[i].path,
		    strlen(pages[i].path)) == 0) {
			say(fd, pages[i].answer);
			if (strstr(pages[i].answer, "Connection: close"))
				(void)shutdown(fd, SHUT_RDWR);
			return;
		}
	say(fd, "HTTP/1.1 500 What\r\nContent-Length: 0\r\n\r\n");
}

static void *
serve(void *arg)
{
	int		 fd = *(int *)arg;
	char		 req[8192], *end, *cl;
	size_t		 n = 0, want;
	ssize_t		 r;

	free(arg);
	while ((r = recv(fd, req + n, sizeof(req) - 1 - n, 0)) > 0) {
		n += (size_t)r;
		req[n] = '\0';
		end = strstr(req, "\r\n\r\n");
		if (end == NULL)
			continue;
		cl = strstr(req, "Content-Length: ");
		want = (size_t)(end + 4 - req) +
		    (cl != NULL ? strtoul(cl + 16, NULL, 10) : 0);
		if (n < want)
			continue;
		serve_one(fd, req);
		n = 0;
	}
	(void)close(fd);
	return NULL;
}

static int
bound(int *number)
{
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		abort();
	*number = ntohs(a.sin_port);
	return fd;
}

static int
listen_on(int *number)
{
	int	fd = bound(number);

	if (listen(fd, 64) != 0)
		abort();
	return fd;
}

static pid_t
server_start(void)
{
	pthread_t	t;
	pid_t		pid;
	int		fd = listen_on(&port), *arg;

	/* nobody listens, and nobody else gets it as long as we have it */
	(void)bound(&closed_port);
	pid = fork();
	if (pid != 0) {
		(void)close(fd);
		return pid;
	}
	for (;;) {
		arg = malloc(sizeof(*arg));
		if (arg == NULL)
			abort();
		*arg = accept(fd, NULL, NULL);
		if (*arg == -1)
			abort();
		connections++;
		if (pthread_create(&t, NULL, serve, arg) != 0)
			abort();
		(void)pthread_detach(t);
	}
}

#endif
