#include "auditor/net/page_conn.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/netaddr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * Records are 16 KB, and OpenSSL asks for 5 bytes and then for the rest: it
 * gets them out of what one recv() brought.  (Its own read_ahead moves all
 * that is left after each record.)
 */
#define RAW		(256u << 10)
#define RECORD		(18u << 10)	/* one, and what encrypting adds */
/* So much is to have come before we are woken. */
#define GATHER		(512u << 10)
#define FEW		(32u << 10)	/* not worth a system call */
#define FAR_US		5000		/* round trip of a long path */

struct page_tls {
	SSL_CTX			*ctx;
	BIO_METHOD		*bio;
	/*
	 * What one recv() brought for the connection that reads.  When
	 * another one does, what is left of it moves to its own buffer.
	 */
	uint8_t			*raw;		/* RAW bytes */
	size_t			 at, n;
	struct page_conn	*reader;	/* borrowed */
};

struct page_conn {
	int			 fd;
	int			 ready;		/* reading may bring some */
	int			 gone;		/* the peer has ended */
	uint64_t		 expects;	/* SO_RCVLOWAT; 1: any */
	int			 far;		/* the window still grows */
	struct page_tls		*tls;		/* borrowed; NULL: plain */
	SSL			*ssl;
	int			 dry;		/* the socket had no more */
	struct buf		 rest;		/* received, not decrypted */
	size_t			 rest_at;
};

/* --- bytes of TLS ------------------------------------------------------------ */

/* What was received and OpenSSL has not asked for moves out of the way. */
static void
set_aside(struct page_tls *t)
{
	if (t->reader != NULL && t->at < t->n)
		buf_add(&t->reader->rest, t->raw + t->at, t->n - t->at);
	t->reader = NULL;
	t->at = t->n = 0;
}

static int
again(BIO *b, struct page_conn *c)
{
	c->dry = 1;
	BIO_set_retry_read(b);
	return -1;
}

/* Fill the shared buffer: as BIO_read(). */
static int
receive(BIO *b, struct page_conn *c)
{
	struct page_tls	*t = c->tls;
	ssize_t		 r;

	if (c->dry)
		return again(b, c);
	set_aside(t);
	r = recv(c->fd, t->raw, RAW, 0);
	if (r == -1 && (errno == EAGAIN || errno == EINTR))
		return again(b, c);
	if (r <= 0)
		return (int)r;
	/* The end is no byte: it must be asked for. */
	c->dry = (size_t)r < RAW && !c->gone;
	t->reader = c;
	t->n = (size_t)r;
	return (int)r;
}

static int
on_read(BIO *b, char *p, int n)
{
	struct page_conn	*c = BIO_get_data(b);
	struct page_tls		*t = c->tls;
	size_t			 k = n > 0 ? (size_t)n : 0;
	int			 r;

	BIO_clear_retry_flags(b);
	if (c->rest_at < c->rest.n) {
		if (k > c->rest.n - c->rest_at)
			k = c->rest.n - c->rest_at;
		memcpy(p, c->rest.p + c->rest_at, k);
		c->rest_at += k;
		if (c->rest_at == c->rest.n) {
			buf_free(&c->rest);
			c->rest_at = 0;
		}
		return (int)k;
	}
	if ((t->reader != c || t->at == t->n) && (r = receive(b, c)) <= 0)
		return r;
	if (k > t->n - t->at)
		k = t->n - t->at;
	memcpy(p, t->raw + t->at, k);
	t->at += k;
	return (int)k;
}

static int
on_write(BIO *b, const char *p, int n)
{
	struct page_conn	*c = BIO_get_data(b);
	ssize_t			 w;

	BIO_clear_retry_flags(b);
	w = send(c->fd, p, (size_t)n, MSG_NOSIGNAL);
	if (w == -1 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(b);
	return (int)w;
}

static long
on_ctrl(BIO *b, int what, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

/* --- what is shared ----------------------------------------------------------- */

static int
trust(SSL_CTX *ctx, const char *dir, const char *file, struct span pem)
{
	X509_STORE	*store = SSL_CTX_get_cert_store(ctx);
	BIO		*b;
	X509		*x;
	int		 ok = 1;

	if ((dir != NULL && SSL_CTX_load_verify_dir(ctx, dir) != 1) ||
	    (file != NULL && SSL_CTX_load_verify_file(ctx, file) != 1))
		return 0;
	/* As libcurl does: who is trusted need not be a root. */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN |
	    X509_V_FLAG_TRUSTED_FIRST);
	if (pem.n == 0)
		return 1;
	b = BIO_new_mem_buf(pem.p, (int)pem.n);
	while (ok && b != NULL &&
	    (x = PEM_read_bio_X509_AUX(b, NULL, NULL, NULL)) != NULL) {
		ok = X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	BIO_free(b);
	/* The end of the text is an error, too. */
	ERR_clear_error();
	return ok && b != NULL;
}

struct page_tls *
page_tls_new(const char *dir, const char *file, struct span pem,
    struct err *e)
{
	struct page_tls	*t = mem_zero(sizeof(*t));

	t->ctx = SSL_CTX_new(TLS_client_method());
	t->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "page");
	t->raw = mem_array(RAW, 1);
	if (t->ctx == NULL || t->bio == NULL ||
	    BIO_meth_set_read(t->bio, on_read) != 1 ||
	    BIO_meth_set_write(t->bio, on_write) != 1 ||
	    BIO_meth_set_ctrl(t->bio, on_ctrl) != 1 ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_alpn_protos(t->ctx,
	    (const uint8_t *)"\x08http/1.1", 9) != 0 ||
	    !trust(t->ctx, dir, file, pem)) {
		(void)err_set(e, ERR_CONF, "TLS cannot be set up");
		page_tls_free(t);
		return NULL;
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_options(t->ctx, SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	return t;
}

void
page_tls_free(struct page_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	free(t->raw);
	free(t);
}

/* --- connections ---------------------------------------------------------------- */

/* Who must be there (RFC 9110 4.3.4). */
static int
name_it(SSL *s, const char *host)
{
	X509_VERIFY_PARAM	*p = SSL_get0_param(s);
	struct netaddr		 a;

	/* To OpenSSL no name is any name. */
	if (*host == '\0')
		return 0;
	if (netaddr_parse(&a, host) == 0)
		return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(p,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 &&
	    SSL_set_tlsext_host_name(s, host) == 1;
}

static int
make_ssl(struct page_conn *c, const char *host)
{
	BIO	*b = BIO_new(c->tls->bio);

	c->ssl = SSL_new(c->tls->ctx);
	if (b == NULL || c->ssl == NULL || !name_it(c->ssl, host)) {
		BIO_free(b);
		return -1;
	}
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	SSL_set_bio(c->ssl, b, b);
	SSL_set_connect_state(c->ssl);
	return 0;
}

/* The handshake has told how long the path is. */
static int
is_far(int fd)
{
	struct tcp_info	i;
	socklen_t	n = sizeof(i);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n) == 0 &&
	    i.tcpi_rtt > FAR_US;
}

struct page_conn *
page_conn_new(int fd, struct page_tls *t, const char *host, struct err *e)
{
	struct page_conn	*c = mem_zero(sizeof(*c));

	c->fd = fd;
	c->tls = t;
	c->expects = 1;
	c->ready = 1;
	c->far = is_far(fd);
	if (t == NULL || make_ssl(c, host) == 0)
		return c;
	ERR_clear_error();
	errno = ENOMEM;
	(void)err_set(e, ERR_SYS, "making a TLS connection");
	page_conn_free(c);
	return NULL;
}

void
page_conn_free(struct page_conn *c)
{
	if (c == NULL)
		return;
	if (c->tls != NULL && c->tls->reader == c) {
		c->tls->reader = NULL;
		c->tls->at = c->tls->n = 0;
	}
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
		(void)SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	ERR_clear_error();
	buf_free(&c->rest);
	(void)close(c->fd);
	free(c);
}

int
page_conn_fd(const struct page_conn *c)
{
	return c->fd;
}

void
page_conn_edge(struct page_conn *c, int gone)
{
	c->ready = 1;
	c->dry = 0;
	c->gone |= gone;
}

int
page_conn_ready(const struct page_conn *c)
{
	return c->ready;
}

void
page_conn_try(struct page_conn *c)
{
	c->ready = 1;
	c->dry = 0;
}

/* What a call of OpenSSL came to. */
static enum page_io
result(struct page_conn *c, int r, const char *what, struct err *e)
{
	unsigned long	code;
	const char	*why;

	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_NONE:
		return PAGE_IO_OK;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		c->ready = 0;
		return PAGE_IO_AGAIN;
	case SSL_ERROR_SSL:
		code = ERR_peek_error();
		why = ERR_reason_error_string(code);
		if (ERR_GET_REASON(code) ==
		    SSL_R_UNEXPECTED_EOF_WHILE_READING)
			break;
		(void)err_set(e, ERR_NET, "%s: %s", what, why != NULL ? why :
		    "OpenSSL does not say why");
		ERR_clear_error();
		return PAGE_IO_BAD;
	default:
		break;
	}
	ERR_clear_error();
	(void)err_set(e, ERR_NET, "the server closed the connection");
	return PAGE_IO_END;
}

enum page_io
page_conn_shake(struct page_conn *c, struct err *e)
{
	if (c->ssl == NULL || SSL_is_init_finished(c->ssl))
		return PAGE_IO_OK;
	ERR_clear_error();
	return result(c, SSL_do_handshake(c->ssl), "TLS handshake", e);
}

static enum page_io
broken(struct err *e)
{
	(void)err_set(e, ERR_NET, "the connection broke: %s",
	    strerror(errno));
	return PAGE_IO_BAD;
}

enum page_io
page_conn_write(struct page_conn *c, const void *p, size_t n, size_t *done,
    struct err *e)
{
	ssize_t	w;

	*done = 0;
	if (c->ssl != NULL) {
		ERR_clear_error();
		return result(c, SSL_write_ex(c->ssl, p, n, done),
		    "TLS", e);
	}
	w = send(c->fd, p, n, MSG_NOSIGNAL);
	if (w == -1 && (errno == EAGAIN || errno == EINTR)) {
		c->ready = 0;
		return PAGE_IO_AGAIN;
	}
	if (w == -1)
		return broken(e);
	*done = (size_t)w;
	return PAGE_IO_OK;
}

static enum page_io
read_plain(struct page_conn *c, void *p, size_t n, size_t *done,
    struct err *e)
{
	ssize_t	r = recv(c->fd, p, n, 0);

	if (r == -1 && (errno == EAGAIN || errno == EINTR)) {
		c->ready = 0;
		return PAGE_IO_AGAIN;
	}
	if (r == -1)
		return broken(e);
	if (r == 0) {
		(void)err_set(e, ERR_NET, "the server closed the connection");
		return PAGE_IO_END;
	}
	/* The next bytes are an edge again; the end may have been one. */
	if ((size_t)r < n && !c->gone)
		c->ready = 0;
	*done = (size_t)r;
	return PAGE_IO_OK;
}

enum page_io
page_conn_read(struct page_conn *c, void *p, size_t n, size_t *done,
    struct err *e)
{
	enum page_io	r = PAGE_IO_OK;
	size_t		got;

	*done = 0;
	if (c->ssl == NULL)
		return read_plain(c, p, n, done, e);
	ERR_clear_error();
	/* A record at a time. */
	while (*done < n) {
		r = result(c, SSL_read_ex(c->ssl, (uint8_t *)p + *done,
		    n - *done, &got), "TLS", *done == 0 ? e : NULL);
		if (r != PAGE_IO_OK)
			break;
		*done += got;
	}
	/* What is wrong is told once more when it is asked again. */
	return *done != 0 ? PAGE_IO_OK : r;
}

uint64_t
page_conn_mark(int buffer)
{
	/* half of it is the window */
	uint64_t	n = buffer < 0 ? 0 : (uint64_t)buffer / 4;

	return n > GATHER ? GATHER : n;
}

/* At most so much. */
static uint64_t
most(struct page_conn *c)
{
	uint64_t	n = GATHER;
	socklen_t	len = sizeof(int);
	int		buffer;

	if (c->far && getsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &buffer,
	    &len) == 0) {
		n = page_conn_mark(buffer);
		/* it does not shrink */
		c->far = n != GATHER;
	}
	return n;
}

void
page_conn_expect(struct page_conn *c, uint64_t n)
{
	uint64_t	limit = most(c);
	int		low;

	/* Of a record a part may have been received already. */
	if (c->ssl != NULL)
		n = n > RECORD ? n - RECORD : 1;
	if (n > limit)
		n = limit;
	if (n < FEW)
		n = 1;
	if (n == c->expects)
		return;
	c->expects = n;
	low = (int)n;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
}

/*
 * TLS has things to say that are no answer, and may have more of one than the
 * socket shows: received, or decrypted, with what was asked for.
 */
static int
quiet_tls(struct page_conn *c)
{
	uint8_t	byte;
	size_t	n;

	c->dry = 0;
	ERR_clear_error();
	return result(c, SSL_peek_ex(c->ssl, &byte, 1, &n), "TLS", NULL) ==
	    PAGE_IO_AGAIN;
}

int
page_conn_quiet(struct page_conn *c)
{
	uint8_t	byte;
	ssize_t	r;

	if (c->gone)
		return 0;
	if (c->ssl != NULL)
		return quiet_tls(c);
	r = recv(c->fd, &byte, 1, MSG_PEEK);
	if (r == 1)
		return 0;
	c->ready = 0;
	return r == -1 && errno == EAGAIN;
}
