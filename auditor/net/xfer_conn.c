/*
 * Connections that libcurl made, and that are ours since: those in use, and
 * those that are kept for the next request.  Declared in xfer_job.h.
 */
#include "auditor/net/xfer_job.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "auditor/net/page_conn.h"
#include "base/clk.h"
#include "base/mem.h"

/* As libcurl has it. */
#define IDLE	(118 * CLK_SEC)
#define LIFE	(3600 * CLK_SEC)

char *
xfer_conn_key(const struct xfer_job *j)
{
	const char	*name = xfer_host_name(j);
	size_t		 n = strlen(name) + sizeof("https ");
	char		*key = mem_zero(n);

	(void)snprintf(key, n, "%s %s", j->https ? "https" : "http", name);
	return key;
}

/* The host of its URL, as a certificate names it: a text to free(). */
static char *
peer_of(const struct xfer_job *j)
{
	char	*host = NULL, *peer;
	size_t	 n;

	if (curl_url_get(j->url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return mem_str("");
	n = strlen(host);
	if (n > 2 && host[0] == '[') {
		host[n - 1] = '\0';
		peer = mem_str(host + 1);
	} else
		peer = mem_str(host);
	curl_free(host);
	return peer;
}

struct xfer_conn *
xfer_conn_new(struct xfer_job *j)
{
	struct xfer_conn	*c;
	struct page_conn	*io = NULL;
	struct epoll_event	 ev;
	struct err		 e = ERR_INIT;
	curl_socket_t		 theirs = CURL_SOCKET_BAD;
	char			*ip = NULL, *peer = peer_of(j);
	int			 fd = -1;

	(void)curl_easy_getinfo(j->easy, CURLINFO_ACTIVESOCKET, &theirs);
	(void)curl_easy_getinfo(j->easy, CURLINFO_PRIMARY_IP, &ip);
	/* libcurl closes its own when it forgets the request. */
	if (theirs != CURL_SOCKET_BAD)
		fd = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
	if (fd != -1)
		io = page_conn_new(fd, j->https ? j->x->tls : NULL, peer, &e);
	free(peer);
	if (io == NULL) {
		(void)xfer_job_fail(j, FETCH_CONNECT, e.code != ERR_NONE ?
		    e.msg : "no descriptor for a connection");
		return NULL;
	}
	c = mem_zero(sizeof(*c));
	c->io = io;
	c->epoll = j->x->epoll;
	c->key = xfer_conn_key(j);
	c->born = clk_mono();
	(void)snprintf(c->addr, sizeof(c->addr), "%s", ip != NULL ? ip : "");
	ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	ev.data.ptr = c;
	if (epoll_ctl(j->x->epoll, EPOLL_CTL_ADD, page_conn_fd(io), &ev) == 0)
		return c;
	(void)xfer_job_fail(j, FETCH_CONNECT,
	    "a connection cannot be watched");
	xfer_conn_free(c);
	return NULL;
}

void
xfer_conn_free(struct xfer_conn *c)
{
	if (c == NULL)
		return;
	/* A copy of it that libcurl had not closed would keep it watched. */
	(void)epoll_ctl(c->epoll, EPOLL_CTL_DEL, page_conn_fd(c->io), NULL);
	page_conn_free(c->io);
	free(c->key);
	free(c->in);
	free(c);
}

/* Out of the line of those that are kept. */
static void
unlink_kept(struct xfer *x, struct xfer_conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		x->kept = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		x->kept_last = c->prev;
	c->prev = c->next = NULL;
	x->nkept--;
}

static void
discard(struct xfer *x, struct xfer_conn *c)
{
	unlink_kept(x, c);
	xfer_conn_free(c);
}

struct xfer_conn *
xfer_conn_take(struct xfer_job *j)
{
	struct xfer		*x = j->x;
	struct xfer_conn	*c, *next;
	char			*key = xfer_conn_key(j);

	for (c = x->kept; c != NULL; c = next) {
		next = c->next;
		if (strcmp(c->key, key) != 0)
			continue;
		if (page_conn_quiet(c->io)) {
			unlink_kept(x, c);
			break;
		}
		discard(x, c);
	}
	free(key);
	return c;
}

void
xfer_conn_keep(struct xfer *x, struct xfer_conn *c)
{
	int64_t	now = clk_mono();

	c->job = NULL;
	/* What came beyond the answer is nobody's. */
	if (c->at != c->n || now - c->born > LIFE) {
		xfer_conn_free(c);
		return;
	}
	free(c->in);
	c->in = NULL;
	c->at = c->n = 0;
	c->used = 1;
	c->idle = now;
	page_conn_expect(c->io, 1);
	c->prev = NULL;
	c->next = x->kept;
	if (c->next != NULL)
		c->next->prev = c;
	else
		x->kept_last = c;
	x->kept = c;
	if (++x->nkept > LIMIT_PAGE_KEPT)
		discard(x, x->kept_last);
}

void
xfer_conn_edge(struct xfer *x, struct xfer_conn *c)
{
	if (!page_conn_quiet(c->io))
		discard(x, c);
}

void
xfer_conn_expire(struct xfer *x, int64_t mono)
{
	while (x->kept_last != NULL && mono - x->kept_last->idle > IDLE)
		discard(x, x->kept_last);
}

void
xfer_conn_free_all(struct xfer *x)
{
	while (x->kept != NULL)
		discard(x, x->kept);
}
