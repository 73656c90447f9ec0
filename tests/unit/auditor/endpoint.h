#ifndef TESTS_UNIT_AUDITOR_ENDPOINT_H
#define TESTS_UNIT_AUDITOR_ENDPOINT_H

/*
 * TLS servers on the loopback addresses, good and bad, in a process of their
 * own, each at a port of its own.  For one test program, after probing.h:
 * everything is static.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limit.h"

enum ep {
	EP_13, EP_12, EP_10, EP_PLAIN,		/* no staple, no SCTs */
	EP_CHAIN16, EP_CHAIN17, EP_HUGE,
	EP_DH4096, EP_DH6144,
	EP_SMTP, EP_IMAP, EP_SMTP_NONE, EP_SMTP_SLOW,
	EP_LINES_AT, EP_LINES_OVER,
	EP_STALL, EP_RESET, EP_CLOSE, EP_GARBAGE, EP_ENDLESS, EP_BAD_LEAF,
	EP_HALF, EP_COUNT
};

#define EP_STAPLE	"not really an OCSP response"
#define EP_SCTS		"\0\x05\0\3sct"

struct ep_conn {
	enum ep	kind;
	int	fd;
};

static int		 ep_port[EP_COUNT];
static int		 ep_fd[EP_COUNT];
static SSL_CTX		*ep_ctx[EP_COUNT];
static struct buf	 ep_leaf, ep_issuer;	/* as they must arrive */
static EVP_PKEY		*ep_key, *ep_rsa;
static X509		*ep_cert, *ep_ca, *ep_rsa_cert;
static pid_t		 ep_pid;

static inline X509 *
ep_make(EVP_PKEY *key, const char *name, EVP_PKEY *by, long serial)
{
	X509		*x = X509_new();
	X509_NAME	*n = X509_get_subject_name(x);

	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	/* Long expired: it is looked at all the same. */
	(void)X509_gmtime_adj(X509_getm_notAfter(x), -60);
	(void)X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	(void)X509_set_pubkey(x, key);
	if (X509_sign(x, by, EVP_sha256()) <= 0)
		abort();
	return x;
}

static inline void
ep_der(X509 *x, struct buf *b)
{
	unsigned char	*p = NULL;
	int		 n = i2d_X509(x, &p);

	if (n <= 0)
		abort();
	buf_add(b, p, (size_t)n);
	OPENSSL_free(p);
}

static int
ep_staple(SSL *s, void *arg)
{
	unsigned char	*p = OPENSSL_memdup(EP_STAPLE, strlen(EP_STAPLE));

	(void)arg;
	(void)SSL_set_tlsext_status_ocsp_resp(s, p,
	    (long)strlen(EP_STAPLE));
	return SSL_TLSEXT_ERR_OK;
}

static int
ep_scts(SSL *s, unsigned type, unsigned context, const unsigned char **out,
    size_t *n, X509 *x, size_t i, int *alert, void *arg)
{
	(void)s;
	(void)type;
	(void)context;
	(void)x;
	(void)alert;
	(void)arg;
	/* In TLS 1.3 the issuer has some, too, which are not asked for. */
	*out = (const unsigned char *)(i == 0 ? EP_SCTS : "no");
	*n = i == 0 ? 7 : 2;
	return 1;
}

static int
ep_scts_parse(SSL *s, unsigned type, unsigned context,
    const unsigned char *p, size_t n, X509 *x, size_t i, int *alert,
    void *arg)
{
	(void)s;
	(void)type;
	(void)context;
	(void)p;
	(void)x;
	(void)i;
	(void)alert;
	(void)arg;
	return n == 0;
}

/* A server name that is not "": only "right.test" is served. */
static int
ep_name(SSL *s, int *alert, void *arg)
{
	const char	*name = SSL_get_servername(s,
			    TLSEXT_NAMETYPE_host_name);

	(void)alert;
	(void)arg;
	return name == NULL || strcmp(name, "right.test") == 0 ?
	    SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static inline void
ep_version(SSL_CTX *c, int version)
{
	(void)SSL_CTX_set_min_proto_version(c, version);
	(void)SSL_CTX_set_max_proto_version(c, version);
}

static inline void
ep_dh(SSL_CTX *c, const char *group)
{
	EVP_PKEY_CTX	*k = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	EVP_PKEY	*p = NULL;

	if (EVP_PKEY_keygen_init(k) <= 0 ||
	    EVP_PKEY_CTX_set_group_name(k, group) <= 0 ||
	    EVP_PKEY_keygen(k, &p) <= 0 ||
	    SSL_CTX_set0_tmp_dh_pkey(c, p) != 1 ||
	    SSL_CTX_set_cipher_list(c, "DHE-RSA-AES128-GCM-SHA256") != 1)
		abort();
	EVP_PKEY_CTX_free(k);
	ep_version(c, TLS1_2_VERSION);
}

/* An issuer so large that the chain is over the limit. */
static inline X509 *
ep_huge(void)
{
	X509			*x = ep_make(ep_key, "huge", ep_key, 9);
	ASN1_OCTET_STRING	*o = ASN1_OCTET_STRING_new();
	ASN1_OBJECT		*id = OBJ_txt2obj("1.2.3.4", 1);
	uint8_t			*p = calloc(1, LIMIT_PROBE_BYTES);
	X509_EXTENSION		*ext;

	(void)ASN1_OCTET_STRING_set(o, p, LIMIT_PROBE_BYTES);
	ext = X509_EXTENSION_create_by_OBJ(NULL, id, 0, o);
	(void)X509_add_ext(x, ext, -1);
	if (X509_sign(x, ep_key, EVP_sha256()) <= 0)
		abort();
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(id);
	ASN1_OCTET_STRING_free(o);
	free(p);
	return x;
}

static inline SSL_CTX *
ep_make_ctx(enum ep kind)
{
	SSL_CTX	*c = SSL_CTX_new(TLS_server_method());
	int	 rsa = kind == EP_DH4096 || kind == EP_DH6144 ||
		     kind == EP_10, i;

	SSL_CTX_set_security_level(c, 0);
	SSL_CTX_set_max_cert_list(c, 1 << 20);
	(void)SSL_CTX_set_num_tickets(c, 2);
	if (SSL_CTX_use_certificate(c, rsa ? ep_rsa_cert : ep_cert) != 1 ||
	    SSL_CTX_use_PrivateKey(c, rsa ? ep_rsa : ep_key) != 1 ||
	    SSL_CTX_add1_chain_cert(c, kind == EP_HUGE ? ep_huge() : ep_ca)
	    != 1)
		abort();
	for (i = 2; i < (kind == EP_CHAIN16 ? 16 : kind == EP_CHAIN17 ? 17 :
	    0); i++)
		(void)SSL_CTX_add1_chain_cert(c, ep_ca);
	(void)SSL_CTX_set_tlsext_servername_callback(c, ep_name);
	if (kind == EP_10) {
		(void)SSL_CTX_set_cipher_list(c, "ALL:@SECLEVEL=0");
		ep_version(c, TLS1_VERSION);
	} else if (kind == EP_12)
		ep_version(c, TLS1_2_VERSION);
	else if (kind == EP_DH4096)
		ep_dh(c, "ffdhe4096");
	else if (kind == EP_DH6144)
		ep_dh(c, "ffdhe6144");
	if (kind == EP_13 || kind == EP_12) {
		(void)SSL_CTX_set_tlsext_status_cb(c, ep_staple);
		if (SSL_CTX_add_custom_ext(c, 18, SSL_EXT_CLIENT_HELLO |
		    SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE,
		    ep_scts, NULL, NULL, ep_scts_parse, NULL) != 1)
			abort();
	}
	return c;
}

static inline void
ep_say(int fd, const char *s)
{
	(void)!send(fd, s, strlen(s), MSG_NOSIGNAL);
}

/* Read one line of the client. */
static inline int
ep_hear(int fd, const char *want)
{
	char	c, line[256];
	size_t	n = 0;

	while (n + 1 < sizeof(line) && recv(fd, &c, 1, 0) == 1) {
		line[n++] = c;
		if (c == '\n')
			break;
	}
	line[n] = '\0';
	return strncmp(line, want, strlen(want)) == 0 ? 0 : -1;
}

/* Lines of a greeting that does not end, ${n} bytes of them. */
static inline void
ep_lines(int fd, size_t n)
{
	static const char	line[] = "220-xxxxxxxxxx\r\n";	/* 16 bytes */
	size_t			i;

	for (i = 0; i < n; i += 16)
		if (send(fd, line, n - i < 16 ? n - i : 16, MSG_NOSIGNAL) < 0)
			return;
	(void)poll(NULL, 0, 30000);
}

/* Before TLS: 0 when it begins now, -1. */
static inline int
ep_talk(const struct ep_conn *c)
{
	switch (c->kind) {
	case EP_SMTP:
		ep_say(c->fd, "220-hello\r\n220 mx.test ESMTP\r\n");
		if (ep_hear(c->fd, "EHLO [127.0.0.") != 0)
			return -1;
		ep_say(c->fd, "250-mx.test\r\n250-STARTTLS\r\n250 HELP\r\n");
		if (ep_hear(c->fd, "STARTTLS\r\n") != 0)
			return -1;
		ep_say(c->fd, "220 go ahead\r\n");
		return 0;
	case EP_IMAP:
		ep_say(c->fd, "* OK [CAPABILITY IMAP4rev1] hello\r\n");
		if (ep_hear(c->fd, "a STARTTLS\r\n") != 0)
			return -1;
		ep_say(c->fd, "* note\r\na OK begin\r\n");
		return 0;
	case EP_SMTP_NONE:
		ep_say(c->fd, "220 mx\r\n");
		(void)ep_hear(c->fd, "EHLO");
		ep_say(c->fd, "250 mx\r\n");
		(void)ep_hear(c->fd, "QUIT");
		return -1;
	case EP_SMTP_SLOW:
		ep_say(c->fd, "220 mx\r\n");
		(void)poll(NULL, 0, 30000);
		return -1;
	case EP_LINES_AT:
		ep_lines(c->fd, LIMIT_PROBE_BYTES);
		return -1;
	case EP_LINES_OVER:
		ep_lines(c->fd, LIMIT_PROBE_BYTES + 1);
		return -1;
	default:
		return 0;
	}
}

/* A hand-made TLS 1.2 server whose certificate is none. */
static inline void
ep_bad_leaf(int fd)
{
	struct buf	b = BUF_INIT;
	uint8_t		random[32] = { 1 };

	buf_u8(&b, 22);
	buf_u16(&b, 0x0303);
	buf_u16(&b, 4 + 38);
	buf_u8(&b, 2);			/* ServerHello */
	buf_u24(&b, 38);
	buf_u16(&b, 0x0303);
	buf_add(&b, random, sizeof(random));
	buf_u8(&b, 0);
	buf_u16(&b, 0xc02f);		/* ECDHE-RSA-AES128-GCM-SHA256 */
	buf_u8(&b, 0);
	buf_u8(&b, 22);
	buf_u16(&b, 0x0303);
	buf_u16(&b, 4 + 3 + 3 + 7);
	buf_u8(&b, 11);			/* Certificate */
	buf_u24(&b, 3 + 3 + 7);
	buf_u24(&b, 3 + 7);
	buf_u24(&b, 7);
	buf_add(&b, "garbage", 7);
	(void)!send(fd, b.p, b.n, MSG_NOSIGNAL);
	buf_free(&b);
	(void)poll(NULL, 0, 300);
}

/* HelloRequests, which a client passes over, without end. */
static inline void
ep_endless(int fd)
{
	static const uint8_t	hello[] = {
		22, 3, 3, 0, 4, 0, 0, 0, 0
	};
	uint8_t			block[sizeof(hello) * 1000];
	size_t			i;

	for (i = 0; i < 1000; i++)
		memcpy(block + i * sizeof(hello), hello, sizeof(hello));
	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
}

/* What is no TLS.  1: done. */
static inline int
ep_fault(const struct ep_conn *c)
{
	static const struct linger	reset = { 1, 0 };
	char				hello[1024];

	switch (c->kind) {
	case EP_STALL:
		(void)poll(NULL, 0, 30000);
		return 1;
	case EP_RESET:
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
		return 1;
	case EP_CLOSE:
		(void)recv(c->fd, hello, sizeof(hello), 0);
		return 1;
	case EP_GARBAGE:
		(void)recv(c->fd, hello, sizeof(hello), 0);
		ep_say(c->fd, "HTTP/1.0 400 \x1b[2J\r\n\r\n");
		return 1;
	case EP_HALF:
		(void)recv(c->fd, hello, sizeof(hello), 0);
		(void)!send(c->fd, "\x16\3\3\0\x40\2", 6, MSG_NOSIGNAL);
		(void)poll(NULL, 0, 30000);
		return 1;
	case EP_ENDLESS:
		ep_endless(c->fd);
		return 1;
	case EP_BAD_LEAF:
		(void)recv(c->fd, hello, sizeof(hello), 0);
		ep_bad_leaf(c->fd);
		return 1;
	default:
		return 0;
	}
}

static void *
ep_serve(void *arg)
{
	struct ep_conn	c = *(struct ep_conn *)arg;
	SSL		*s;
	char		 byte;

	free(arg);
	if (!ep_fault(&c) && ep_talk(&c) == 0) {
		s = SSL_new(ep_ctx[c.kind]);
		(void)SSL_set_fd(s, c.fd);
		if (SSL_accept(s) == 1)
			(void)SSL_read(s, &byte, 1);
		SSL_free(s);
	}
	(void)close(c.fd);
	return NULL;
}

static inline void
ep_accept(enum ep kind)
{
	struct ep_conn	*c = malloc(sizeof(*c));
	pthread_attr_t	 a;
	pthread_t	 t;

	if (c == NULL)
		abort();
	c->kind = kind;
	c->fd = accept4(ep_fd[kind], NULL, NULL, SOCK_CLOEXEC);
	if (c->fd == -1) {
		free(c);
		return;
	}
	(void)pthread_attr_init(&a);
	(void)pthread_attr_setstacksize(&a, 256u << 10);
	if (pthread_create(&t, &a, ep_serve, c) != 0)
		abort();
	(void)pthread_detach(t);
	(void)pthread_attr_destroy(&a);
}

static inline void
ep_start(void)
{
	struct pollfd	p[EP_COUNT];
	EVP_PKEY	*ca = EVP_EC_gen("P-256");
	int		 i;

	ep_key = EVP_EC_gen("P-256");
	ep_rsa = EVP_RSA_gen(2048);
	ep_ca = ep_make(ca, "test CA", ca, 1);
	ep_cert = ep_make(ep_key, "right.test", ca, 2);
	ep_rsa_cert = ep_make(ep_rsa, "right.test", ca, 3);
	EVP_PKEY_free(ca);
	ep_der(ep_cert, &ep_leaf);
	ep_der(ep_ca, &ep_issuer);
	for (i = 0; i < EP_COUNT; i++)
		ep_fd[i] = listen_at(SOCK_STREAM, 1, &ep_port[i]);
	ep_pid = fork();
	if (ep_pid != 0) {
		for (i = 0; i < EP_COUNT; i++)
			(void)close(ep_fd[i]);
		return;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < EP_COUNT; i++)
		ep_ctx[i] = ep_make_ctx((enum ep)i);
	for (;;) {
		for (i = 0; i < EP_COUNT; i++) {
			p[i].fd = ep_fd[i];
			p[i].events = POLLIN;
			p[i].revents = 0;
		}
		(void)poll(p, EP_COUNT, -1);
		for (i = 0; i < EP_COUNT; i++)
			if (p[i].revents != 0)
				ep_accept((enum ep)i);
	}
}

static inline void
ep_stop(void)
{
	(void)kill(ep_pid, SIGKILL);
	(void)waitpid(ep_pid, NULL, 0);
	buf_free(&ep_leaf);
	buf_free(&ep_issuer);
}

#endif
