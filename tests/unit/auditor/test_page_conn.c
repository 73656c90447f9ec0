/*
 * Connections to servers: plain and both versions of TLS, over a real socket,
 * with OpenSSL as the server in the same process.  Nobody is trusted who is a
 * stranger, has another name or is out of date.
 */
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/net/page_conn.h"
#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/auditor/loopback.h"

#define MANY	(3u << 20)

/* A server's identity. */
struct who {
	X509		*cert;
	EVP_PKEY	*key;
};

static void
who_make(struct who *w, const char *san, long from, long to)
{
	X509V3_CTX	 ctx;
	X509_EXTENSION	*ext;
	X509_NAME	*n;

	w->key = EVP_EC_gen("P-256");
	w->cert = X509_new();
	assert_true(w->key != NULL && w->cert != NULL);
	assert_int_equal(X509_set_version(w->cert, 2), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(w->cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(w->cert), from);
	(void)X509_gmtime_adj(X509_getm_notAfter(w->cert), to);
	n = X509_get_subject_name(w->cert);
	(void)X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test root", -1, -1, 0);
	(void)X509_set_issuer_name(w->cert, n);
	(void)X509_set_pubkey(w->cert, w->key);
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, w->cert, w->cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, san);
	assert_int_equal(X509_add_ext(w->cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(w->cert, w->key, EVP_sha256()) > 0);
}

static void
who_free(struct who *w)
{
	X509_free(w->cert);
	EVP_PKEY_free(w->key);
}

/* Roots of the test alone: no folder, no file. */
static struct page_tls *
trusting(const struct who *w)
{
	BIO		*b = BIO_new(BIO_s_mem());
	struct err	 e = ERR_INIT;
	struct page_tls	*t;
	struct span	 pem;
	char		*p;

	if (w != NULL)
		assert_int_equal(PEM_write_bio_X509(b, w->cert), 1);
	pem.n = (size_t)BIO_get_mem_data(b, &p);
	pem.p = (const uint8_t *)p;
	t = page_tls_new(NULL, NULL, pem, &e);
	assert_non_null(t);
	BIO_free(b);
	return t;
}

/* Both ends. */
struct talk {
	struct page_conn	*c;
	SSL_CTX			*ctx;
	SSL			*s;
	int			 fd;		/* the server's */
};

/* ${version} 0: plain. */
static void
talk_begin(struct talk *t, struct page_tls *tls, const struct who *w,
    const char *host, int version)
{
	struct err	e = ERR_INIT;
	int		fd[2];

	memset(t, 0, sizeof(*t));
	loopback_pair(fd);
	t->fd = fd[1];
	t->c = page_conn_new(fd[0], tls, host, &e);
	assert_non_null(t->c);
	if (version == 0)
		return;
	t->ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(t->ctx, w->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(t->ctx, w->key), 1);
	assert_int_equal(SSL_CTX_set_min_proto_version(t->ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(t->ctx, version), 1);
	(void)SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	t->s = SSL_new(t->ctx);
	assert_int_equal(SSL_set_fd(t->s, t->fd), 1);
	SSL_set_accept_state(t->s);
}

static void
talk_end(struct talk *t)
{
	page_conn_free(t->c);
	SSL_free(t->s);
	SSL_CTX_free(t->ctx);
	(void)close(t->fd);
}

/* Wait until the client has something, as epoll would say. */
static void
edge(struct talk *t, int ms)
{
	struct pollfd	p = { page_conn_fd(t->c), POLLIN | POLLRDHUP, 0 };

	if (poll(&p, 1, ms) > 0)
		page_conn_edge(t->c, (p.revents & (POLLRDHUP | POLLHUP |
		    POLLERR)) != 0);
}

static enum page_io
shake(struct talk *t, struct err *e)
{
	enum page_io	r;
	int		i;

	for (i = 0; i < 2000; i++) {
		r = page_conn_shake(t->c, e);
		if (r != PAGE_IO_AGAIN)
			return r;
		if (t->s != NULL)
			(void)SSL_do_handshake(t->s);
		edge(t, 5);
	}
	fail();
	return PAGE_IO_AGAIN;
}

/* Does the client believe ${host} of ${w}, trusting ${root}? */
static enum page_io
believes(const struct who *w, const struct who *root, const char *host)
{
	struct page_tls	*tls = trusting(root);
	struct err	 e = ERR_INIT;
	struct talk	 t;
	enum page_io	 r;

	talk_begin(&t, tls, w, host, TLS1_3_VERSION);
	r = shake(&t, &e);
	assert_int_equal(r == PAGE_IO_OK, e.code == ERR_NONE);
	talk_end(&t);
	page_tls_free(tls);
	return r;
}

static void
strangers(void **state)
{
	struct who	a, b, old, early;

	(void)state;
	who_make(&a, "DNS:log.example,DNS:*.b.example,DNS:l*.c.example,"
	    "IP:127.0.0.1,IP:::1", -3600, 3600);
	who_make(&b, "DNS:log.example", -3600, 3600);
	who_make(&old, "DNS:log.example", -7200, -3600);
	who_make(&early, "DNS:log.example", 3600, 7200);
	assert_int_equal(believes(&a, &a, "log.example"), PAGE_IO_OK);
	assert_int_equal(believes(&a, &a, "LOG.example"), PAGE_IO_OK);
	assert_int_equal(believes(&a, &a, "x.b.example"), PAGE_IO_OK);
	assert_int_equal(believes(&a, &a, "127.0.0.1"), PAGE_IO_OK);
	assert_int_equal(believes(&a, &a, "::1"), PAGE_IO_OK);
	assert_int_equal(believes(&a, &a, "other.example"), PAGE_IO_BAD);
	assert_int_equal(believes(&a, &a, "x.y.b.example"), PAGE_IO_BAD);
	assert_int_equal(believes(&a, &a, "log.c.example"), PAGE_IO_BAD);
	assert_int_equal(believes(&a, &a, "127.0.0.2"), PAGE_IO_BAD);
	assert_int_equal(believes(&a, &b, "log.example"), PAGE_IO_BAD);
	assert_int_equal(believes(&a, NULL, "log.example"), PAGE_IO_BAD);
	assert_int_equal(believes(&old, &old, "log.example"), PAGE_IO_BAD);
	assert_int_equal(believes(&early, &early, "log.example"),
	    PAGE_IO_BAD);
	who_free(&a);
	who_free(&b);
	who_free(&old);
	who_free(&early);
}

/* To OpenSSL no name is any name: there is no such connection. */
static void
nameless(void **state)
{
	struct page_tls	*tls = trusting(NULL);
	struct err	 e = ERR_INIT;
	int		 fd[2];

	(void)state;
	loopback_pair(fd);
	assert_null(page_conn_new(fd[0], tls, "", &e));
	assert_int_not_equal(e.code, ERR_NONE);
	(void)close(fd[1]);
	page_tls_free(tls);
}

/* The server writes what it can of ${b} from *at. */
static void
serve(struct talk *t, const struct buf *b, size_t *at)
{
	size_t	done = 0;
	ssize_t	w;

	if (*at == b->n)
		return;
	if (t->s != NULL)
		(void)SSL_write_ex(t->s, b->p + *at, b->n - *at, &done);
	else {
		w = send(t->fd, b->p + *at, b->n - *at, MSG_NOSIGNAL);
		done = w > 0 ? (size_t)w : 0;
	}
	*at += done;
}

/*
 * Everything comes, in order, read ${piece} bytes at a time, with pauses
 * while another connection reads, too.
 */
static void
transfer(int version, size_t piece)
{
	struct who	 w;
	struct page_tls	*tls;
	struct talk	 t[2];
	struct buf	 sent = BUF_INIT;
	uint8_t		*got[2], *end;
	size_t		 at[2] = { 0, 0 }, n[2] = { 0, 0 }, done, i, k;
	struct err	 e = ERR_INIT;
	enum page_io	 r;

	who_make(&w, "IP:127.0.0.1", -3600, 3600);
	tls = trusting(&w);
	for (i = 0; i < MANY / 4; i++)
		buf_u32(&sent, (uint32_t)(i * 2654435761u));
	for (k = 0; k < 2; k++) {
		talk_begin(&t[k], version != 0 ? tls : NULL, &w, "127.0.0.1",
		    version);
		assert_int_equal(shake(&t[k], &e), PAGE_IO_OK);
		got[k] = malloc(MANY);
		assert_non_null(got[k]);
	}
	for (i = 0; n[0] + n[1] < 2 * MANY; i++) {
		k = i & 1;
		assert_true(i < 10000000);
		serve(&t[k], &sent, &at[k]);
		if (n[k] == MANY)
			continue;
		page_conn_expect(t[k].c, MANY - n[k]);
		end = got[k] + n[k];
		r = page_conn_read(t[k].c, end, piece < MANY - n[k] ? piece :
		    MANY - n[k], &done, &e);
		n[k] += done;
		if (r == PAGE_IO_AGAIN)
			edge(&t[k], 0);
		else
			assert_int_equal(r, PAGE_IO_OK);
	}
	for (k = 0; k < 2; k++) {
		assert_memory_equal(got[k], sent.p, MANY);
		free(got[k]);
		talk_end(&t[k]);
	}
	assert_int_equal(e.code, ERR_NONE);
	buf_free(&sent);
	page_tls_free(tls);
	who_free(&w);
}

static void
bytes(void **state)
{
	(void)state;
	transfer(0, MANY);
	transfer(0, 50000);
	transfer(TLS1_2_VERSION, MANY);
	transfer(TLS1_2_VERSION, 10007);
	transfer(TLS1_3_VERSION, MANY);
	transfer(TLS1_3_VERSION, 100003);
	transfer(TLS1_3_VERSION, 16384);
}

/* The last bytes and the end are told, however they come. */
static void
ends(int version, int how)
{
	struct who	 w;
	struct page_tls	*tls;
	struct talk	 t;
	struct err	 e = ERR_INIT;
	uint8_t		 b[64];
	size_t		 n;
	int		 i;

	who_make(&w, "IP:127.0.0.1", -3600, 3600);
	tls = trusting(&w);
	talk_begin(&t, version != 0 ? tls : NULL, &w, "127.0.0.1", version);
	assert_int_equal(shake(&t, &e), PAGE_IO_OK);
	if (version != 0) {
		/* 1.3: the client is done before the server. */
		for (i = 0; i < 1000 && SSL_do_handshake(t.s) != 1; i++)
			(void)poll(NULL, 0, 1);
		assert_int_equal(SSL_write(t.s, "last", 4), 4);
		if (how == 1)
			(void)SSL_shutdown(t.s);
	} else
		assert_int_equal(send(t.fd, "last", 4, 0), 4);
	(void)shutdown(t.fd, SHUT_WR);
	(void)poll(NULL, 0, 20);
	edge(&t, 1000);
	assert_int_equal(page_conn_read(t.c, b, sizeof(b), &n, &e),
	    PAGE_IO_OK);
	assert_int_equal(n, 4);
	assert_memory_equal(b, "last", 4);
	assert_true(page_conn_ready(t.c));
	assert_int_equal(page_conn_read(t.c, b, sizeof(b), &n, &e),
	    PAGE_IO_END);
	assert_int_equal(e.code, ERR_NET);
	assert_int_equal(page_conn_quiet(t.c), 0);
	talk_end(&t);
	page_tls_free(tls);
	who_free(&w);
}

static void
end(void **state)
{
	(void)state;
	ends(0, 0);
	ends(TLS1_2_VERSION, 0);
	ends(TLS1_2_VERSION, 1);
	ends(TLS1_3_VERSION, 0);
	ends(TLS1_3_VERSION, 1);
}

/* A kept one is of use unless something came, or the end. */
static void
quiet(void **state)
{
	struct talk	t;

	(void)state;
	talk_begin(&t, NULL, NULL, "127.0.0.1", 0);
	assert_int_equal(page_conn_quiet(t.c), 1);
	assert_int_equal(send(t.fd, "x", 1, 0), 1);
	edge(&t, 1000);
	assert_int_equal(page_conn_quiet(t.c), 0);
	talk_end(&t);
	talk_begin(&t, NULL, NULL, "127.0.0.1", 0);
	(void)shutdown(t.fd, SHUT_WR);
	(void)poll(NULL, 0, 20);
	/* Nobody has told it yet. */
	assert_int_equal(page_conn_quiet(t.c), 0);
	talk_end(&t);
}

/*
 * The same over TLS, where the socket may have nothing more and what is beyond
 * the answer was received with it, or the socket has what is no answer.
 */
static void
quiet_tls(int version, const char *more, int together)
{
	struct who	 w;
	struct page_tls	*tls;
	struct talk	 t;
	struct err	 e = ERR_INIT;
	uint8_t		 b[6];
	size_t		 n;
	int		 i;

	who_make(&w, "IP:127.0.0.1", -3600, 3600);
	tls = trusting(&w);
	talk_begin(&t, tls, &w, "127.0.0.1", version);
	assert_int_equal(shake(&t, &e), PAGE_IO_OK);
	for (i = 0; i < 1000 && SSL_do_handshake(t.s) != 1; i++)
		(void)poll(NULL, 0, 1);
	/* 1.3: the server's tickets are there, and are no answer. */
	edge(&t, version == TLS1_3_VERSION ? 1000 : 0);
	assert_int_equal(page_conn_quiet(t.c), 1);
	assert_int_equal(SSL_write(t.s, "answer", 6), 6);
	if (together)
		assert_int_equal(SSL_write(t.s, more, (int)strlen(more)),
		    (int)strlen(more));
	edge(&t, 1000);
	assert_int_equal(page_conn_read(t.c, b, sizeof(b), &n, &e),
	    PAGE_IO_OK);
	assert_int_equal(n, 6);
	if (!together && *more != '\0') {
		assert_int_equal(page_conn_quiet(t.c), 1);
		assert_int_equal(SSL_write(t.s, more, (int)strlen(more)),
		    (int)strlen(more));
		edge(&t, 1000);
	}
	assert_int_equal(page_conn_quiet(t.c), *more == '\0');
	/* It is looked at, not taken. */
	if (*more != '\0') {
		assert_int_equal(page_conn_read(t.c, b, 1, &n, &e),
		    PAGE_IO_OK);
		assert_int_equal(b[0], more[0]);
	}
	/* The end, of TLS alone. */
	(void)SSL_shutdown(t.s);
	edge(&t, 1000);
	assert_int_equal(page_conn_quiet(t.c), 0);
	talk_end(&t);
	page_tls_free(tls);
	who_free(&w);
}

/* One that ends in the middle of what it received; the other goes on. */
static void
ends_early(void **state)
{
	struct who	 w;
	struct page_tls	*tls;
	struct talk	 t[2];
	struct err	 e = ERR_INIT;
	uint8_t		 b[4];
	size_t		 n, k;
	int		 i;

	(void)state;
	who_make(&w, "IP:127.0.0.1", -3600, 3600);
	tls = trusting(&w);
	for (k = 0; k < 2; k++) {
		talk_begin(&t[k], tls, &w, "127.0.0.1", TLS1_2_VERSION);
		assert_int_equal(shake(&t[k], &e), PAGE_IO_OK);
		for (i = 0; i < 1000 && SSL_do_handshake(t[k].s) != 1; i++)
			(void)poll(NULL, 0, 1);
		assert_int_equal(SSL_write(t[k].s, "abcd", 4), 4);
		assert_int_equal(SSL_write(t[k].s, "efgh", 4), 4);
		edge(&t[k], 1000);
	}
	assert_int_equal(page_conn_read(t[0].c, b, 4, &n, &e), PAGE_IO_OK);
	talk_end(&t[0]);
	assert_int_equal(page_conn_read(t[1].c, b, 4, &n, &e), PAGE_IO_OK);
	assert_memory_equal(b, "abcd", 4);
	assert_int_equal(page_conn_read(t[1].c, b, 4, &n, &e), PAGE_IO_OK);
	assert_memory_equal(b, "efgh", 4);
	talk_end(&t[1]);
	page_tls_free(tls);
	who_free(&w);
}

static void
quiet_of_tls(void **state)
{
	(void)state;
	quiet_tls(TLS1_2_VERSION, "", 0);
	quiet_tls(TLS1_3_VERSION, "", 0);
	quiet_tls(TLS1_2_VERSION, "x", 0);
	quiet_tls(TLS1_3_VERSION, "x", 0);
	quiet_tls(TLS1_2_VERSION, "x", 1);
	quiet_tls(TLS1_3_VERSION, "HTTP/1.1 200 OK", 1);
}

/* Over a long path the mark is below half of the window, and grows with it. */
static void
marks(void **state)
{
	struct err		 e = ERR_INIT;
	struct page_conn	*c;
	socklen_t		 len = sizeof(int);
	int			 fd[2], low = 0;

	(void)state;
	assert_int_equal(page_conn_mark(-1), 0);
	assert_int_equal(page_conn_mark(131072), 32768);
	assert_int_equal(page_conn_mark(1 << 20), 256 << 10);
	assert_int_equal(page_conn_mark(2 << 20), 512 << 10);
	assert_int_equal(page_conn_mark(INT_MAX), 512 << 10);
	loopback_pair(fd);
	c = page_conn_new(fd[0], NULL, "", &e);
	assert_non_null(c);
	page_conn_expect(c, MANY);
	assert_int_equal(getsockopt(fd[0], SOL_SOCKET, SO_RCVLOWAT, &low,
	    &len), 0);
	assert_in_range(low, 32768, 512 << 10);
	page_conn_expect(c, 1);
	assert_int_equal(getsockopt(fd[0], SOL_SOCKET, SO_RCVLOWAT, &low,
	    &len), 0);
	assert_int_equal(low, 1);
	page_conn_free(c);
	(void)close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(strangers),
		cmocka_unit_test(nameless),
		cmocka_unit_test(bytes),
		cmocka_unit_test(end),
		cmocka_unit_test(quiet),
		cmocka_unit_test(quiet_of_tls),
		cmocka_unit_test(ends_early),
		cmocka_unit_test(marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
