#include "auditor/net/tlsprobe.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/starttls.h"
#include "auditor/net/tlsserved.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define CHUNK		16384u		/* a record */
/* What can show a certificate; old and weak ones too. */
#define CIPHERS		"ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"
#define SCT_LIST	18		/* RFC 6962 section 3.3.1 */

enum state { CONNECT, TALK, HANDSHAKE, ENDED };

struct tlsprobe_ctx {
	SSL_CTX	*ssl;
};

struct tlsprobe {
	enum state		 state;
	int			 fd;
	struct sockaddr_storage	 sa;
	socklen_t		 len;
	char			 addr[NETADDR_TEXT];
	char			 self[80];	/* for EHLO */
	int64_t			 begin, end, ended;
	uint32_t		 timeout_ms;
	SSL			*ssl;
	BIO			*in, *out;	/* borrowed from ssl */
	struct starttls		 talk;
	struct buf		 send;
	size_t			 sent;
	size_t			 got;		/* bytes of the server */
	int			 ok, late;
	int			 large;		/* its group is too large */
	struct tlsserved	 chain;
	struct buf		 scts;
	struct err		 why;
};

/* --- what OpenSSL asks --- */

/* Every strength is welcome; what would cost us seconds is not. */
static int
on_security(const SSL *s, const SSL_CTX *ctx, int op, int bits, int nid,
    void *other, void *ex)
{
	struct tlsprobe	*t = s != NULL ? SSL_get_app_data(s) : NULL;

	(void)ctx;
	(void)bits;
	(void)nid;
	(void)ex;
	if (op != SSL_SECOP_TMP_DH || other == NULL || t == NULL ||
	    EVP_PKEY_get_bits(other) <= LIMIT_DH_BITS)
		return 1;
	t->large = 1;
	return 0;
}

/* In place of X509_verify_cert(): no chain is built of hostile bytes. */
static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return 1;
}

/* The client's extension is empty. */
static int
on_scts_add(SSL *s, unsigned type, unsigned context,
    const unsigned char **out, size_t *n, X509 *x, size_t i, int *alert,
    void *arg)
{
	(void)s;
	(void)type;
	(void)context;
	(void)x;
	(void)i;
	(void)alert;
	(void)arg;
	*out = NULL;
	*n = 0;
	return 1;
}

/* In TLS 1.3 each certificate may have some: those of the leaf count. */
static int
on_scts(SSL *s, unsigned type, unsigned context, const unsigned char *p,
    size_t n, X509 *x, size_t i, int *alert, void *arg)
{
	struct tlsprobe	*t = SSL_get_app_data(s);

	(void)type;
	(void)context;
	(void)x;
	(void)alert;
	(void)arg;
	if (i == 0) {
		buf_reset(&t->scts);
		buf_add(&t->scts, p, n);
	}
	return 1;
}

/* Messages as they come, before OpenSSL reads them. */
static void
on_message(int written, int version, int type, const void *p, size_t n,
    SSL *s, void *arg)
{
	struct tlsprobe	*t = SSL_get_app_data(s);
	struct span	 body;

	(void)version;
	(void)arg;
	if (written || type != SSL3_RT_HANDSHAKE || t == NULL || n < 4 ||
	    *(const uint8_t *)p != SSL3_MT_CERTIFICATE)
		return;
	body.p = (const uint8_t *)p + 4;
	body.n = n - 4;
	/* One that is not well formed is OpenSSL's to refuse. */
	(void)tlsserved_read(&t->chain, body,
	    SSL_version(s) == TLS1_3_VERSION, NULL);
}

struct tlsprobe_ctx *
tlsprobe_ctx_new(struct err *e)
{
	struct tlsprobe_ctx	*c = mem_zero(sizeof(*c));
	SSL_CTX			*s = SSL_CTX_new(TLS_client_method());

	c->ssl = s;
	/* The system's configuration asks for more than what is served. */
	if (s == NULL || SSL_CTX_set_min_proto_version(s, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(s, 0) != 1 ||
	    SSL_CTX_set_cipher_list(s, CIPHERS) != 1 ||
	    SSL_CTX_add_custom_ext(s, SCT_LIST, SSL_EXT_CLIENT_HELLO |
	    SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE,
	    on_scts_add, NULL, NULL, on_scts, NULL) != 1) {
		errno = ENOMEM;
		(void)err_set(e, ERR_SYS, "setting up TLS");
		tlsprobe_ctx_free(c);
		return NULL;
	}
	SSL_CTX_set_security_level(s, 0);
	SSL_CTX_set_security_callback(s, on_security);
	SSL_CTX_set_verify(s, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(s, on_verify, NULL);
	(void)SSL_CTX_set_options(s, SSL_OP_LEGACY_SERVER_CONNECT |
	    SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(s, LIMIT_PROBE_BYTES);
	SSL_CTX_set_msg_callback(s, on_message);
	return c;
}

void
tlsprobe_ctx_free(struct tlsprobe_ctx *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

/* --- the connection --- */

static int
is_address(const char *name)
{
	struct netaddr	a;

	return netaddr_parse(&a, name) == 0;
}

static int
make_ssl(struct tlsprobe *t, SSL_CTX *ctx, const char *sni)
{
	t->ssl = SSL_new(ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (t->ssl == NULL || t->in == NULL || t->out == NULL) {
		BIO_free(t->in);
		BIO_free(t->out);
		return err_set(&t->why, ERR_SYS, "setting up TLS");
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	if (sni != NULL && *sni != '\0' && !is_address(sni) &&
	    SSL_set_tlsext_host_name(t->ssl, sni) != 1)
		return err_set(&t->why, ERR_FORMAT, "\"%.80s\" cannot be sent "
		    "as a server name (RFC 6066 section 3)", sni);
	if (SSL_set_tlsext_status_type(t->ssl, TLSEXT_STATUSTYPE_ocsp) != 1)
		return err_set(&t->why, ERR_SYS, "setting up TLS");
	return 0;
}

static int
open_socket(struct tlsprobe *t)
{
	t->fd = socket(t->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (t->fd == -1)
		return err_set(&t->why, ERR_SYS, "making a socket");
	if (connect(t->fd, (const struct sockaddr *)&t->sa, t->len) == -1 &&
	    errno != EINPROGRESS)
		return err_set(&t->why, ERR_SYS, "connecting");
	return 0;
}

struct tlsprobe *
tlsprobe_new(struct tlsprobe_ctx *ctx, const struct netaddr *addr,
    const struct probe_tls *p, int64_t now)
{
	struct tlsprobe	*t = mem_zero(sizeof(*t));

	t->fd = -1;
	t->begin = now;
	t->timeout_ms = p->timeout_ms != 0 ? p->timeout_ms : TLSPROBE_MS;
	t->end = now + t->timeout_ms * 1000LL;
	t->len = netaddr_sock(addr, p->port, &t->sa);
	(void)netaddr_text(addr, t->addr);
	starttls_begin(&t->talk, p->starttls, t->self);
	if (make_ssl(t, ctx->ssl, p->sni) != 0 || open_socket(t) != 0) {
		t->state = ENDED;
		t->ended = now;
	}
	return t;
}

void
tlsprobe_free(struct tlsprobe *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	if (t->fd != -1)
		(void)close(t->fd);
	starttls_free(&t->talk);
	tlsserved_free(&t->chain);
	buf_free(&t->send);
	buf_free(&t->scts);
	free(t);
}

int
tlsprobe_fd(const struct tlsprobe *t)
{
	return t->fd;
}

short
tlsprobe_events(const struct tlsprobe *t)
{
	if (t->state == CONNECT)
		return POLLOUT;
	return t->sent < t->send.n ? POLLIN | POLLOUT : POLLIN;
}

int64_t
tlsprobe_when(const struct tlsprobe *t)
{
	return t->state == ENDED ? 0 : t->end;
}

int
tlsprobe_late(const struct tlsprobe *t)
{
	return t->late;
}

/* --- steps: 1 go on, 0 wait, -1 it ended: t->ok, or t->why says why --- */

/* How we call ourselves: RFC 5321 section 4.1.3. */
static void
name_self(struct tlsprobe *t)
{
	struct sockaddr_storage	sa;
	socklen_t		len = sizeof(sa);
	char			host[NETADDR_TEXT] = "127.0.0.1";
	struct netaddr		a;

	if (getsockname(t->fd, (struct sockaddr *)&sa, &len) == 0 &&
	    netaddr_of(&a, (const struct sockaddr *)&sa) == 0)
		(void)netaddr_text(&a, host);
	(void)snprintf(t->self, sizeof(t->self), "[%s%s]",
	    strchr(host, ':') != NULL ? "IPv6:" : "", host);
}

static int
step_connect(struct tlsprobe *t)
{
	if (connect(t->fd, (const struct sockaddr *)&t->sa, t->len) == -1 &&
	    errno != EISCONN) {
		if (errno == EALREADY || errno == EINPROGRESS ||
		    errno == EINTR)
			return 0;
		return err_set(&t->why, ERR_SYS, "connecting");
	}
	name_self(t);
	t->state = t->talk.kind == PROBE_PLAIN ? HANDSHAKE : TALK;
	return 1;
}

/* Send what waits: 0, also when it would block, or -1. */
static int
flush(struct tlsprobe *t)
{
	ssize_t	n;

	while (t->sent < t->send.n) {
		n = send(t->fd, t->send.p + t->sent, t->send.n - t->sent,
		    MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return 0;
		if (n == -1)
			return err_set(&t->why, ERR_SYS, "sending");
		t->sent += (size_t)n;
	}
	buf_reset(&t->send);
	t->sent = 0;
	return 0;
}

/* Read what is there: > 0 bytes, 0 nothing yet, -1. */
static ssize_t
receive(struct tlsprobe *t, uint8_t *p, size_t size)
{
	ssize_t	n = recv(t->fd, p, size, 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == -1)
		return err_set(&t->why, ERR_SYS, "reading");
	if (n == 0)
		return err_set(&t->why, ERR_NET, "the server closed the "
		    "connection before the handshake was done");
	t->got += (size_t)n;
	if (t->got > LIMIT_PROBE_BYTES)
		return err_set(&t->why, ERR_LIMIT, "the server sent more than "
		    "%u bytes before the handshake was done",
		    LIMIT_PROBE_BYTES);
	return n;
}

static int
step_talk(struct tlsprobe *t)
{
	uint8_t		chunk[CHUNK];
	struct span	s = { chunk, 0 };
	ssize_t		n;
	int		r;

	if (flush(t) != 0)
		return -1;
	n = receive(t, chunk, sizeof(chunk));
	if (n <= 0)
		return (int)n;
	s.n = (size_t)n;
	r = starttls_take(&t->talk, s, &t->send, &t->why);
	if (r < 0)
		return -1;
	if (r == 1)
		t->state = HANDSHAKE;
	return 1;
}

/* Move what OpenSSL wants to send to where it is sent from. */
static void
take_output(struct tlsprobe *t)
{
	char	*p;
	long	 n = BIO_get_mem_data(t->out, &p);

	if (n > 0)
		buf_add(&t->send, p, (size_t)n);
	(void)BIO_reset(t->out);
}

static int
tls_error(struct tlsprobe *t)
{
	const char	*reason;

	if (t->large)
		return err_set(&t->why, ERR_LIMIT, "the server wants a "
		    "Diffie-Hellman group of more than %d bits",
		    LIMIT_DH_BITS);
	reason = ERR_reason_error_string(ERR_peek_last_error());
	return err_set(&t->why, ERR_NET, "TLS: %s", reason != NULL ? reason :
	    "the handshake failed");
}

static int
step_handshake(struct tlsprobe *t)
{
	uint8_t	chunk[CHUNK];
	ssize_t	n;
	int	r, want;

	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	want = r == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, r);
	take_output(t);
	if (want != SSL_ERROR_NONE && want != SSL_ERROR_WANT_READ) {
		(void)tls_error(t);
		/* The alert, as far as it goes. */
		(void)flush(t);
		return -1;
	}
	if (flush(t) != 0)
		return -1;
	if (want == SSL_ERROR_NONE) {
		t->ok = 1;
		return -1;
	}
	n = receive(t, chunk, sizeof(chunk));
	if (n <= 0)
		return (int)n;
	if (BIO_write(t->in, chunk, (int)n) != (int)n)
		return err_set(&t->why, ERR_SYS, "reading");
	return 1;
}

/* Say goodbye, and do not wait for what is said to it. */
static void
part(struct tlsprobe *t, int64_t now)
{
	t->state = ENDED;
	t->ended = now;
	if (t->ok) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
		take_output(t);
		(void)flush(t);
	}
	if (t->fd != -1) {
		(void)shutdown(t->fd, SHUT_WR);
		(void)close(t->fd);
	}
	t->fd = -1;
}

static void
late(struct tlsprobe *t)
{
	static const char *const	doing[] = {
		[CONNECT]	= "no connection",
		[TALK]		= "no answer to STARTTLS",
		[HANDSHAKE]	= "no whole handshake",
	};

	t->late = 1;
	(void)err_set(&t->why, ERR_NET, "%s within %u ms (%zu bytes came)",
	    doing[t->state], (unsigned)t->timeout_ms, t->got);
}

int
tlsprobe_turn(struct tlsprobe *t, int64_t now)
{
	int	r = 1;

	while (r == 1 && t->state != ENDED)
		switch (t->state) {
		case CONNECT:
			r = step_connect(t);
			break;
		case TALK:
			r = step_talk(t);
			break;
		case HANDSHAKE:
			r = step_handshake(t);
			break;
		case ENDED:
			break;
		}
	if (r == 0 && t->state != ENDED && now >= t->end) {
		late(t);
		r = -1;
	}
	if (r == -1)
		part(t, clk_mono());
	return t->state == ENDED;
}

void
tlsprobe_served(const struct tlsprobe *t, struct probe_served *s)
{
	const unsigned char	*staple = NULL;
	long			 n;

	memset(s, 0, sizeof(*s));
	(void)snprintf(s->addr, sizeof(s->addr), "%s", t->addr);
	s->ok = t->ok;
	s->us = (uint64_t)(t->ended - t->begin);
	memcpy(s->chain, t->chain.v, t->chain.n * sizeof(t->chain.v[0]));
	s->nchain = t->chain.n;
	s->scts = buf_bytes(&t->scts);
	if (t->chain.total > t->chain.n)
		(void)snprintf(s->note, sizeof(s->note), "%zu certificates "
		    "were served; the first %d are kept", t->chain.total,
		    LIMIT_CHAIN);
	if (!t->ok) {
		(void)snprintf(s->message, sizeof(s->message), "%.255s",
		    t->why.msg);
		return;
	}
	(void)snprintf(s->version, sizeof(s->version), "%s",
	    SSL_get_version(t->ssl));
	n = SSL_get_tlsext_status_ocsp_resp(t->ssl, &staple);
	if (n > 0 && staple != NULL) {
		s->staple.p = staple;
		s->staple.n = (size_t)n;
	}
}
