#include "auditor/role/challenge_tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/challenge_store.h"
#include "base/err.h"
#include "base/mem.h"

/* The one protocol: RFC 8737 section 6.2. */
static const uint8_t	protocol[] = "acme-tls/1";

#define PROTOCOL_N	(sizeof(protocol) - 1)

struct challenge_tlsd {
	SSL_CTX			*ssl;		/* owned */
	struct challenge_store	*store;		/* borrowed */
};

struct challenge_shake {
	struct challenge_tlsd	*tlsd;		/* borrowed */
	SSL			*ssl;		/* owned */
	BIO			*in, *out;	/* borrowed from ssl */
	int64_t			 now;
	char			 name[256];	/* that was asked for */
};

/* --- the client's hello --- */

/* The body of an extension: 0, or -1 when it is not there. */
static int
extension(SSL *s, unsigned type, struct cur *k)
{
	const unsigned char	*p;
	size_t			 n;

	if (SSL_client_hello_get0_ext(s, type, &p, &n) != 1)
		return -1;
	*k = cur_of(p, n);
	return 0;
}

/* RFC 7301 section 3.1: exactly our protocol, alone. */
static int
alpn_ok(SSL *s)
{
	struct cur	k, list, one;

	if (extension(s, TLSEXT_TYPE_application_layer_protocol_negotiation,
	    &k) != 0 || cur_vec16(&k, &list) != 0 || cur_left(&k) != 0 ||
	    cur_vec8(&list, &one) != 0 || cur_left(&list) != 0)
		return 0;
	return cur_left(&one) == PROTOCOL_N &&
	    memcmp(one.p, protocol, PROTOCOL_N) == 0;
}

/*
 * RFC 6066 section 3: one name, in lower case.  0, or -1 when there is none
 * that we could have an answer for.
 */
static int
sni(struct cur k, char *out, size_t size)
{
	struct cur	list, name;
	uint8_t		type, c;
	size_t		n = 0;

	if (cur_vec16(&k, &list) != 0 || cur_left(&k) != 0 ||
	    cur_u8(&list, &type) != 0 ||
	    type != TLSEXT_NAMETYPE_host_name ||
	    cur_vec16(&list, &name) != 0 || cur_left(&list) != 0 ||
	    cur_left(&name) >= size)
		return -1;
	while (cur_u8(&name, &c) == 0)
		out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	out[n] = '\0';
	/* Not one with a zero byte in it, either. */
	return strlen(out) == n && challenge_name_ok(out) ? 0 : -1;
}

static int
on_hello(SSL *s, int *alert, void *arg)
{
	struct challenge_shake	*h = SSL_get_app_data(s);
	struct challenge_answer	*a;
	struct cur		 k;

	(void)arg;
	if (!alpn_ok(s)) {
		*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
		return SSL_CLIENT_HELLO_ERROR;
	}
	/* Without a name it is a name that we do not have. */
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (extension(s, TLSEXT_TYPE_server_name, &k) != 0 ||
	    sni(k, h->name, sizeof(h->name)) != 0)
		return SSL_CLIENT_HELLO_ERROR;
	a = challenge_store_find(h->tlsd->store, SPAN_STR(h->name), h->now);
	if (a == NULL)
		return SSL_CLIENT_HELLO_ERROR;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_use_certificate(s, a->cert) == 1 &&
	    SSL_use_PrivateKey(s, a->pkey) == 1 ? SSL_CLIENT_HELLO_SUCCESS :
	    SSL_CLIENT_HELLO_ERROR;
}

/* The hello was looked at: say that its name was understood. */
static int
on_name(SSL *s, int *alert, void *arg)
{
	(void)s;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

static int
on_alpn(SSL *s, const unsigned char **out, unsigned char *n,
    const unsigned char *in, unsigned len, void *arg)
{
	(void)s;
	(void)in;
	(void)len;
	(void)arg;
	*out = protocol;
	*n = (unsigned char)PROTOCOL_N;
	return SSL_TLSEXT_ERR_OK;
}

/* --- what is shared --- */

struct challenge_tlsd *
challenge_tlsd_new(struct challenge_store *store, struct err *e)
{
	struct challenge_tlsd	*d = mem_zero(sizeof(*d));
	SSL_CTX			*s = SSL_CTX_new(TLS_server_method());

	d->ssl = s;
	d->store = store;
	if (s == NULL ||
	    SSL_CTX_set_min_proto_version(s, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(s, 0) != 1 ||
	    SSL_CTX_set_num_tickets(s, 0) != 1) {
		errno = ENOMEM;
		(void)err_set(e, ERR_SYS, "setting up TLS");
		challenge_tlsd_free(d);
		return NULL;
	}
	(void)SSL_CTX_set_options(s, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(s, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(s, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_client_hello_cb(s, on_hello, NULL);
	(void)SSL_CTX_set_tlsext_servername_callback(s, on_name);
	SSL_CTX_set_alpn_select_cb(s, on_alpn, NULL);
	return d;
}

void
challenge_tlsd_free(struct challenge_tlsd *d)
{
	if (d == NULL)
		return;
	SSL_CTX_free(d->ssl);
	free(d);
}

/* --- answers --- */

static X509 *
read_cert(struct span der, struct err *e)
{
	const unsigned char	*p = der.p;
	X509			*x = d2i_X509(NULL, &p, (long)der.n);

	if (x != NULL && p == der.p + der.n)
		return x;
	X509_free(x);
	(void)err_set(e, ERR_FORMAT, "the certificate cannot be read");
	return NULL;
}

static EVP_PKEY *
read_key(struct span der, struct err *e)
{
	const unsigned char	*p = der.p;
	PKCS8_PRIV_KEY_INFO	*info;
	EVP_PKEY		*k = NULL;

	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	if (info != NULL && p == der.p + der.n)
		k = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (k == NULL)
		(void)err_set(e, ERR_FORMAT, "the key is no PKCS #8");
	return k;
}

/* Would a handshake take them? */
static int
usable(struct challenge_tlsd *d, X509 *x, EVP_PKEY *k, struct err *e)
{
	const char	*reason;
	SSL		*s = SSL_new(d->ssl);
	int		 ok;

	ERR_clear_error();
	ok = s != NULL && X509_check_private_key(x, k) == 1 &&
	    SSL_use_certificate(s, x) == 1 && SSL_use_PrivateKey(s, k) == 1;
	SSL_free(s);
	if (ok)
		return 0;
	reason = ERR_reason_error_string(ERR_peek_last_error());
	return err_set(e, ERR_FORMAT, "certificate and key cannot be used: "
	    "%s", reason != NULL ? reason : "TLS refuses them");
}

int
challenge_tlsd_put(struct challenge_tlsd *d, const struct challenge_tls *t,
    int64_t end, int64_t now, struct err *e)
{
	struct challenge_answer	*a = NULL;
	X509			*x = read_cert(t->cert, e);
	EVP_PKEY		*k = x != NULL ? read_key(t->key, e) : NULL;

	if (k != NULL && usable(d, x, k, e) == 0) {
		a = challenge_store_put(d->store, t->name, end, now);
		if (a == NULL)
			(void)err_set(e, ERR_LIMIT, "there are %d answers "
			    "already; drop those that are done",
			    LIMIT_CHALLENGES);
	}
	ERR_clear_error();
	if (a == NULL) {
		X509_free(x);
		EVP_PKEY_free(k);
		return -1;
	}
	a->cert = x;
	a->pkey = k;
	return 0;
}

/* --- handshakes --- */

struct challenge_shake *
challenge_shake_new(struct challenge_tlsd *d)
{
	struct challenge_shake	*h = mem_zero(sizeof(*h));

	h->tlsd = d;
	h->ssl = SSL_new(d->ssl);
	h->in = BIO_new(BIO_s_mem());
	h->out = BIO_new(BIO_s_mem());
	if (h->ssl == NULL || h->in == NULL || h->out == NULL) {
		BIO_free(h->in);
		BIO_free(h->out);
		SSL_free(h->ssl);
		free(h);
		return NULL;
	}
	SSL_set_bio(h->ssl, h->in, h->out);
	SSL_set_app_data(h->ssl, h);
	SSL_set_accept_state(h->ssl);
	return h;
}

void
challenge_shake_free(struct challenge_shake *h)
{
	if (h == NULL)
		return;
	SSL_free(h->ssl);
	free(h);
}

/* Move what OpenSSL wants to send to where it is sent from. */
static void
take_output(struct challenge_shake *h, struct buf *out)
{
	char	*p;
	long	 n = BIO_get_mem_data(h->out, &p);

	if (n > 0)
		buf_add(out, p, (size_t)n);
	(void)BIO_reset(h->out);
}

int
challenge_shake_take(struct challenge_shake *h, struct span in, int64_t now,
    struct buf *out, struct challenge_answer **hit)
{
	int	r, want;

	*hit = NULL;
	h->now = now;
	if (BIO_write(h->in, in.p, (int)in.n) != (int)in.n)
		return 1;
	ERR_clear_error();
	r = SSL_do_handshake(h->ssl);
	want = r == 1 ? SSL_ERROR_NONE : SSL_get_error(h->ssl, r);
	if (want == SSL_ERROR_NONE) {
		/* That was all: RFC 8737 section 3. */
		(void)SSL_shutdown(h->ssl);
		*hit = challenge_store_find(h->tlsd->store,
		    SPAN_STR(h->name), now);
	}
	take_output(h, out);
	ERR_clear_error();
	return want != SSL_ERROR_WANT_READ;
}
