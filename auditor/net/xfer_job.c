#include "auditor/net/xfer_job.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/nohost.h"
#include "base/clk.h"
#include "base/http.h"
#include "base/limit.h"

#define CONNECT_MS	10000L
#define TIMEOUT_MS	60000u		/* when the request names none */
#define SLOW_BYTES	1024u		/* a second, for so long: */
#define SLOW_MS		45000u		/* real logs think for up to 30 s */
/*
 * What libcurl reads at a time: each read costs a poll and an acknowledgement
 * of its own, each buffer is memory while the transfer lasts.
 */
#define BUFFER		(64L << 10)
#define BUFFER_LARGE	(256L << 10)
#define CONN_LIFE	3600L

int
xfer_job_fail(struct xfer_job *j, enum fetch_failure f, const char *what)
{
	j->done.failure = f;
	(void)snprintf(j->done.message, sizeof(j->done.message), "%.255s",
	    what);
	return -1;
}

/* --- callbacks ------------------------------------------------------------ */

/* With a proxy the address is the proxy's: filtering is its job then. */
static int
policy(struct xfer_job *j, const struct sockaddr *sa)
{
	if (*j->x->proxy != '\0')
		return 0;
	err_clear(&j->policy);
	return egress_conn_ok(&j->x->egress, j->x->class, j->https, sa,
	    &j->policy);
}

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct xfer_job	*j = arg;

	if (purpose != CURLSOCKTYPE_IPCXN || policy(j, &a->addr) != 0)
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Also called for a connection that is used again. */
static int
on_prereq(void *arg, char *primary, char *local, int port, int local_port)
{
	struct xfer_job		*j = arg;
	struct sockaddr_in	 v4;
	struct sockaddr_in6	 v6;
	int			 r = -1;

	(void)local;
	(void)port;
	(void)local_port;
	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	v4.sin_family = AF_INET;
	v6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, primary, &v4.sin_addr) == 1)
		r = policy(j, (const struct sockaddr *)&v4);
	else if (inet_pton(AF_INET6, primary, &v6.sin6_addr) == 1)
		r = policy(j, (const struct sockaddr *)&v6);
	else
		(void)err_set(&j->policy, ERR_PERM,
		    "connected to something that is no address");
	return r == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/*
 * Come from the address that was asked for.  A connection is only used again
 * by who comes from the same one; names are looked up for its family alone.
 */
static void
set_source(struct xfer_job *j)
{
	char	text[sizeof("host!") + LIMIT_SOURCE_TEXT];
	CURL	*c = j->easy;

	if (j->source[0] == '\0')
		return;
	(void)snprintf(text, sizeof(text), "host!%s", j->source);
	(void)curl_easy_setopt(c, CURLOPT_INTERFACE, text);
	(void)curl_easy_setopt(c, CURLOPT_IPRESOLVE,
	    strchr(j->source, ':') != NULL ? (long)CURL_IPRESOLVE_V6 :
	    (long)CURL_IPRESOLVE_V4);
}

/* --- setting up ----------------------------------------------------------- */

int
xfer_job_url(struct xfer_job *j, const char *url)
{
	struct err	 e = ERR_INIT;
	char		*scheme = NULL, *host = NULL;
	CURLUcode	 r;
	int		 never;

	if (egress_url_ok(&j->x->egress, url, j->x->class, &e) != 0)
		return xfer_job_fail(j, FETCH_POLICY, e.msg);
	if (j->url == NULL)
		j->url = curl_url();
	if (j->url == NULL)
		return xfer_job_fail(j, FETCH_PROTOCOL,
		    "no memory for the URL");
	r = curl_url_set(j->url, CURLUPART_URL, url, CURLU_DISALLOW_USER |
	    CURLU_PATH_AS_IS);
	if (r != CURLUE_OK)
		return xfer_job_fail(j, FETCH_POLICY, curl_url_strerror(r));
	r = curl_url_get(j->url, CURLUPART_SCHEME, &scheme, 0);
	if (r != CURLUE_OK)
		return xfer_job_fail(j, FETCH_POLICY, curl_url_strerror(r));
	j->https = strcmp(scheme, "https") == 0;
	curl_free(scheme);
	r = curl_url_get(j->url, CURLUPART_HOST, &host, 0);
	if (r != CURLUE_OK)
		return xfer_job_fail(j, FETCH_POLICY, curl_url_strerror(r));
	/* no name server is asked, and none that is slow is waited for */
	never = nohost(host);
	curl_free(host);
	return never ? xfer_job_fail(j, FETCH_RESOLVE, NOHOST_WHY) : 0;
}

static int
add_header(struct xfer_job *j, const char *text)
{
	struct curl_slist	*l;

	l = curl_slist_append(j->headers, text);
	if (l == NULL)
		return xfer_job_fail(j, FETCH_PROTOCOL,
		    "no memory for a header");
	j->headers = l;
	return 0;
}

static int
set_headers(struct xfer_job *j, const struct fetch_get *g)
{
	const char	*h;
	size_t		 i;

	for (i = 0; i < g->nheaders; i++) {
		h = g->headers[i];
		if (strpbrk(h, "\r\n") != NULL || strchr(h, ':') == NULL ||
		    strlen(h) > LIMIT_HTTP_HEADER)
			return xfer_job_fail(j, FETCH_PROTOCOL, "a request "
			    "header is not of the form \"Name: value\"");
		if (add_header(j, h) != 0)
			return -1;
	}
	/* curl does not decode then, and the encoding is told. */
	if ((g->flags & FETCH_F_GZIP) != 0 &&
	    add_header(j, "Accept-Encoding: gzip") != 0)
		return -1;
	/* Ask no server to say "100 Continue" first. */
	return add_header(j, "Expect:");
}

static int
set_method(struct xfer_job *j, const struct fetch_get *g)
{
	CURL	*c = j->easy;

	if (strcmp(g->method, "GET") == 0)
		return 0;
	if (strcmp(g->method, "HEAD") == 0) {
		(void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
		return 0;
	}
	if (strcmp(g->method, "POST") != 0)
		return xfer_job_fail(j, FETCH_PROTOCOL,
		    "the method is not GET, HEAD or POST");
	buf_add(&j->body, g->body.p, g->body.n);
	(void)curl_easy_setopt(c, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)j->body.n);
	(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, buf_text(&j->body));
	return 0;
}

/*
 * Roots: the system's folder (looked up by hash, so that a handshake reads
 * two files and not 140) and beside it what the operator added.
 */
static void
set_tls(struct xfer_job *j)
{
	const curl_version_info_data	*v;
	struct curl_blob		 blob;
	CURL				*c = j->easy;

	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	v = curl_version_info(CURLVERSION_NOW);
	if (v->capath != NULL && access(v->capath, R_OK) == 0) {
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		(void)curl_easy_setopt(c, CURLOPT_CAPATH, v->capath);
	}
	if (j->x->ca.n == 0)
		return;
	blob.data = j->x->ca.p;
	blob.len = j->x->ca.n;
	blob.flags = CURL_BLOB_NOCOPY;
	(void)curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
}

static void
set_policy(struct xfer_job *j)
{
	CURL	*c = j->easy;

	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, j);
	(void)curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_prereq);
	(void)curl_easy_setopt(c, CURLOPT_PREREQDATA, j);
	/* Set in any case: else the environment names one. */
	(void)curl_easy_setopt(c, CURLOPT_PROXY, j->x->proxy);
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
}

/* It only connects: TLS, and what is asked, are ours then. */
static int
set_connect(struct xfer_job *j)
{
	char		*host = NULL, *port = NULL;
	struct buf	 url = BUF_INIT;
	int		 ok;

	ok = curl_url_get(j->url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(j->url, CURLUPART_PORT, &port,
	    CURLU_DEFAULT_PORT) == CURLUE_OK;
	if (ok) {
		buf_fmt(&url, "http://%s:%s/", host, port);
		(void)curl_easy_setopt(j->easy, CURLOPT_CURLU, NULL);
		ok = curl_easy_setopt(j->easy, CURLOPT_URL,
		    buf_text(&url)) == CURLE_OK;
		(void)curl_easy_setopt(j->easy, CURLOPT_CONNECT_ONLY, 1L);
	}
	curl_free(host);
	curl_free(port);
	buf_free(&url);
	return ok ? 0 : xfer_job_fail(j, FETCH_PROTOCOL,
	    "no memory for a URL");
}

/* Of the time for all of it; libcurl takes 0 for any. */
static long
left_ms(const struct xfer_job *j)
{
	int64_t	us = j->end != 0 ? j->end - clk_mono() : j->timeout;

	return us >= 1000 ? (long)(us / 1000) : 1;
}

static void
set_transfer(struct xfer_job *j)
{
	CURL	*c = j->easy;
	long	 fresh = (j->flags & FETCH_F_FRESH) != 0;

	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, j);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, j->error);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CURLU, j->url);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, j->headers);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, j->x->user_agent);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, xfer_reply_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, j);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, xfer_reply_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, j);
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE,
	    (j->flags & FETCH_F_LARGE) != 0 ? BUFFER_LARGE : BUFFER);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, left_ms(j));
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT,
	    (long)j->slow_bytes);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
	    ((long)j->slow_ms + 999) / 1000);
	/* A name server that is silent must not hold up everybody. */
	(void)curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXLIFETIME_CONN, CONN_LIFE);
	(void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, fresh);
	(void)curl_easy_setopt(c, CURLOPT_FORBID_REUSE, fresh);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, j->multiplexed ?
	    (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
}

int
xfer_job_easy(struct xfer_job *j)
{
	j->easy = curl_easy_init();
	if (j->easy == NULL)
		return xfer_job_fail(j, FETCH_PROTOCOL,
		    "no memory for a request");
	set_transfer(j);
	set_source(j);
	set_policy(j);
	if (j->page)
		return set_connect(j);
	set_tls(j);
	return 0;
}

int
xfer_job_setup(struct xfer_job *j, const struct fetch_get *g)
{
	j->cap = g->cap;
	j->flags = g->flags;
	j->party = g->party;
	(void)snprintf(j->source, sizeof(j->source), "%s",
	    g->source != NULL ? g->source : "");
	j->timeout = (g->timeout_ms != 0 ? g->timeout_ms : TIMEOUT_MS) *
	    1000LL;
	j->slow_bytes = g->slow_bytes != 0 ? g->slow_bytes : SLOW_BYTES;
	j->slow_ms = g->slow_ms != 0 ? g->slow_ms : SLOW_MS;
	/* A window of HTTP/2 would hold 32 MB of what a pipe is to bound. */
	j->multiplexed = (g->flags & (FETCH_F_HTTP2 | FETCH_F_PIPE)) ==
	    FETCH_F_HTTP2;
	if ((g->flags & FETCH_F_FOLLOW) != 0 &&
	    (j->x->class != EGRESS_REVOCATION ||
	    strcmp(g->method, "GET") != 0))
		return xfer_job_fail(j, FETCH_PROTOCOL, "redirects are only "
		    "followed for a GET of class revocation");
	if (xfer_job_url(j, g->url) != 0 || set_headers(j, g) != 0)
		return -1;
	j->page = xfer_page_wanted(j, g);
	if (j->page)
		return 0;
	if (xfer_job_easy(j) == 0 && set_method(j, g) == 0)
		return 0;
	if (j->easy != NULL)
		curl_easy_cleanup(j->easy);
	j->easy = NULL;
	return -1;
}

/* --- results -------------------------------------------------------------- */

static enum fetch_failure
failure_of(const struct xfer_job *j, CURLcode r)
{
	/* A callback that stopped it knows best. */
	if (j->done.failure != FETCH_OK)
		return j->done.failure;
	if (j->enough)
		return FETCH_OK;
	if (j->policy.code != ERR_NONE && (r == CURLE_COULDNT_CONNECT ||
	    r == CURLE_ABORTED_BY_CALLBACK))
		return FETCH_POLICY;
	switch (r) {
	case CURLE_OK:
		return FETCH_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return FETCH_RESOLVE;
	case CURLE_COULDNT_CONNECT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return FETCH_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return FETCH_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return j->waiting ? FETCH_NO_ROOM : FETCH_TIMEOUT;
	case CURLE_URL_MALFORMAT:
		return FETCH_POLICY;
	default:
		return FETCH_PROTOCOL;
	}
}

void
xfer_job_result(struct xfer_job *j, CURLcode r)
{
	struct fetch_done	*d = &j->done;
	curl_off_t		 n = 0, us = 0;
	long			 status = 0, head = 0, sent = 0;
	char			*ip = NULL;

	d->failure = failure_of(j, r);
	(void)curl_easy_getinfo(j->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(j->easy, CURLINFO_SIZE_DOWNLOAD_T, &n);
	(void)curl_easy_getinfo(j->easy, CURLINFO_HEADER_SIZE, &head);
	(void)curl_easy_getinfo(j->easy, CURLINFO_REQUEST_SIZE, &sent);
	(void)curl_easy_getinfo(j->easy, CURLINFO_TOTAL_TIME_T, &us);
	(void)curl_easy_getinfo(j->easy, CURLINFO_PRIMARY_IP, &ip);
	/* Of a redirect they add up. */
	d->wire += (uint64_t)n + (uint64_t)head + (uint64_t)sent;
	d->us += (uint64_t)us;
	if ((j->flags & FETCH_F_PIPE) != 0)
		d->wire = j->got;
	if (ip != NULL)
		(void)snprintf(d->addr, sizeof(d->addr), "%s", ip);
	if (d->failure == FETCH_OK && (status < 100 || status > 999)) {
		(void)xfer_job_fail(j, FETCH_PROTOCOL,
		    "the answer has no HTTP status");
		return;
	}
	if (d->failure == FETCH_OK) {
		d->status = (uint16_t)status;
		return;
	}
	if (d->failure == FETCH_POLICY && j->policy.code != ERR_NONE)
		(void)xfer_job_fail(j, d->failure, j->policy.msg);
	else if (d->message[0] == '\0')
		(void)xfer_job_fail(j, d->failure, j->error[0] != '\0' ?
		    j->error : curl_easy_strerror(r));
}

void
xfer_job_reset(struct xfer_job *j)
{
	struct fetch_done	fresh;

	memset(&fresh, 0, sizeof(fresh));
	fresh.id = j->done.id;
	fresh.tag = j->done.tag;
	fresh.arena = j->done.arena;
	fresh.wire = j->done.wire;
	fresh.us = j->done.us;
	memcpy(fresh.url, j->done.url, sizeof(fresh.url));
	j->done = fresh;
	j->got = j->skipped = 0;
	j->lines = j->coded = j->odd_location = j->enough = 0;
	j->error[0] = '\0';
	err_clear(&j->policy);
}

void
xfer_job_free(struct xfer_job *j)
{
	if (j->easy != NULL)
		curl_easy_cleanup(j->easy);
	curl_url_cleanup(j->url);
	curl_slist_free_all(j->headers);
	buf_free(&j->body);
	buf_free(&j->ask);
	free(j);
}
