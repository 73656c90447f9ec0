#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/tlsconn.h"
#include "tests/rig/lib/tlsep.h"

enum { EXT_SCT = 18 };			/* RFC 6962, 3.3.1 */

static const struct { const char *name; long n; } lies[] = {
	[TLS_STALL] = { "stall", -1 }, [TLS_RESET] = { "reset", -1 },
	[TLS_EOF] = { "eof", -1 }, [TLS_SLOW] = { "slow", 1 },
	[TLS_GARBAGE] = { "garbage", 500 }, [TLS_PLAIN] = { "plain", -1 },
	[TLS_ALERT] = { "alert", 40 }, [TLS_HUGE] = { "huge_chain", 1000 },
	[TLS_BANNER] = { "banner", 100000 },
	[TLS_NOSTARTTLS] = { "no_starttls", -1 },
	[TLS_REFUSE] = { "refuse_starttls", -1 },
	[TLS_INJECT] = { "inject", -1 },
};
_Static_assert(sizeof(lies) / sizeof(lies[0]) == TLS_LIES, "a name each");

static const struct { const char *name; size_t off, size; } texts[] = {
	{ "addr", offsetof(struct tlsep, addr), 32 },
	{ "port", offsetof(struct tlsep, port_text), 64 },
	{ "cert", offsetof(struct tlsep, cert), 512 },
	{ "key", offsetof(struct tlsep, key), 512 },
	{ "staple", offsetof(struct tlsep, staple), 512 },
	{ "scts", offsetof(struct tlsep, scts), 512 },
	{ "chain", offsetof(struct tlsep, chain), 16 },
	{ "tls", offsetof(struct tlsep, tls), 8 },
	{ "starttls", offsetof(struct tlsep, starttls), 8 },
	{ "sni", offsetof(struct tlsep, sni), 256 },
};

const char *
tlsep_lie_name(enum tls_lie_id id)
{
	return lies[id].name;
}

int
tlsep_set(struct tlsep *t, const char *opt, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, opt) == 0) {
			(void)snprintf((char *)t + texts[i].off,
			    texts[i].size, "%s", value);
			return 0;
		}
	return -1;
}

int
tlsep_options(struct tlsep *t, const char *spec, struct err *e)
{
	char *copy = mem_str(spec), *save = NULL, *word, *value;
	int rc = 0;

	(void)snprintf(t->addr, sizeof(t->addr), "127.0.0.1");
	(void)snprintf(t->port_text, sizeof(t->port_text), "0");
	(void)snprintf(t->chain, sizeof(t->chain), "full");
	(void)snprintf(t->tls, sizeof(t->tls), "any");
	word = strtok_r(copy, ",", &save);
	if (word == NULL || strlen(word) >= sizeof(t->name))
		rc = err_set(e, ERR_USAGE, "--endpoint %s: needs a name",
		    spec);
	else
		(void)snprintf(t->name, sizeof(t->name), "%s", word);
	while (rc == 0 && (word = strtok_r(NULL, ",", &save)) != NULL) {
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (value == NULL || tlsep_set(t, word, value) == -1)
			rc = err_set(e, ERR_USAGE, "--endpoint %s: %s is no "
			    "option=value (README.md)", spec, word);
	}
	free(copy);
	return rc;
}

/* The stapled response, when the client asks (RFC 6066, 8). */
static int
on_status(SSL *ssl, void *arg)
{
	const struct tls_offer *o = arg;
	uint8_t *p;

	if (o->staple.n == 0)
		return SSL_TLSEXT_ERR_NOACK;
	p = OPENSSL_memdup(o->staple.p, o->staple.n);
	if (p == NULL)
		abort();
	SSL_set_tlsext_status_ocsp_resp(ssl, p, (long)o->staple.n);
	return SSL_TLSEXT_ERR_OK;
}

/* The SCT list, with the server's own certificate alone. */
static int
on_scts(SSL *ssl, unsigned type, unsigned context, const uint8_t **out,
    size_t *n, X509 *x, size_t i, int *alert, void *arg)
{
	const struct tls_offer *o = arg;

	(void)ssl;
	(void)type;
	(void)x;
	(void)alert;
	if (o->scts.n == 0 || (context == SSL_EXT_TLS1_3_CERTIFICATE &&
	    i > 0))
		return 0;
	*out = o->scts.p;
	*n = o->scts.n;
	return 1;
}

static int
on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_offer *o = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	if (o->sni[0] == '\0' || (name != NULL && strcmp(name, o->sni) == 0))
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The certificates of the file: the first one's own, then the chain. */
static int
use_files(const struct tlsep *t, SSL_CTX *ctx, struct err *e)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, t->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1)
		return err_set(e, ERR_FORMAT, "%s: cert=%s key=%s: cannot be "
		    "used", t->name, t->cert, t->key);
	if (strcmp(t->chain, "none") == 0)
		(void)SSL_CTX_clear_chain_certs(ctx);
	return 0;
}

/* So many more certificates than there should be. */
static void
pad_chain(SSL_CTX *ctx, long n)
{
	X509 *x = SSL_CTX_get0_certificate(ctx);

	for (; n > 0; n--)
		if (SSL_CTX_add1_chain_cert(ctx, x) != 1)
			abort();
}

static void
set_version(const struct tlsep *t, SSL_CTX *ctx)
{
	int version = strcmp(t->tls, "1.2") == 0 ? TLS1_2_VERSION :
	    strcmp(t->tls, "1.3") == 0 ? TLS1_3_VERSION : 0;

	if (version == 0)
		return;
	(void)SSL_CTX_set_min_proto_version(ctx, version);
	(void)SSL_CTX_set_max_proto_version(ctx, version);
}

static struct tls_offer *
make_offer(const struct tlsep *t, struct err *e)
{
	struct tls_offer *o = mem_zero(sizeof(*o));

	o->refs = 1;
	o->ctx = SSL_CTX_new(TLS_server_method());
	if (o->ctx == NULL)
		abort();
	(void)snprintf(o->sni, sizeof(o->sni), "%s", t->sni);
	/* weak keys are to be served, too */
	SSL_CTX_set_security_level(o->ctx, 0);
	set_version(t, o->ctx);
	if (use_files(t, o->ctx, e) == -1 ||
	    (t->staple[0] != '\0' &&
	    file_read(t->staple, &o->staple, e) == -1) ||
	    (t->scts[0] != '\0' && file_read(t->scts, &o->scts, e) == -1)) {
		tlsep_drop(o);
		return NULL;
	}
	if (t->lies[TLS_HUGE].on)
		pad_chain(o->ctx, t->lies[TLS_HUGE].n);
	(void)SSL_CTX_set_tlsext_status_cb(o->ctx, on_status);
	(void)SSL_CTX_set_tlsext_status_arg(o->ctx, o);
	(void)SSL_CTX_set_tlsext_servername_callback(o->ctx, on_name);
	(void)SSL_CTX_set_tlsext_servername_arg(o->ctx, o);
	if (SSL_CTX_add_custom_ext(o->ctx, EXT_SCT, SSL_EXT_CLIENT_HELLO |
	    SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE,
	    on_scts, NULL, o, NULL, NULL) != 1)
		abort();
	return o;
}

int
tlsep_load(struct tlsep *t, struct err *e)
{
	struct tls_offer *o, *old;

	pthread_mutex_lock(&t->lock);
	old = t->offer;
	o = make_offer(t, e);
	if (o != NULL)
		t->offer = o;
	pthread_mutex_unlock(&t->lock);
	if (o == NULL)
		return -1;
	tlsep_drop(old);
	return 0;
}

struct tls_offer *
tlsep_hold(struct tlsep *t)
{
	struct tls_offer *o;

	pthread_mutex_lock(&t->lock);
	o = t->offer;
	(void)__atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&t->lock);
	return o;
}

void
tlsep_drop(struct tls_offer *o)
{
	if (o == NULL || __atomic_sub_fetch(&o->refs, 1,
	    __ATOMIC_ACQ_REL) > 0)
		return;
	SSL_CTX_free(o->ctx);
	buf_free(&o->staple);
	buf_free(&o->scts);
	free(o);
}

void
tlsep_tell(struct tlsep *t, struct tls_lie told[static TLS_LIES])
{
	int i;

	pthread_mutex_lock(&t->lock);
	t->connections++;
	memcpy(told, t->lies, sizeof(t->lies));
	for (i = 0; i < TLS_LIES; i++) {
		if (!t->lies[i].on)
			continue;
		t->lies[i].told++;
		if (t->lies[i].times > 0 && --t->lies[i].times == 0)
			t->lies[i].on = 0;
	}
	pthread_mutex_unlock(&t->lock);
}

int
tlsep_lie(struct tlsep *t, const char *args, struct err *e)
{
	struct tls_lie l = { 0 };
	char name[32] = "";
	int i;

	args_copy(args, "lie", name, sizeof(name));
	for (i = 0; i < TLS_LIES; i++)
		if (strcmp(lies[i].name, name) == 0)
			break;
	if (i == TLS_LIES)
		return err_set(e, ERR_USAGE, "lie=%s: no such lie "
		    "(README.md)", name);
	l.n = (long)args_number(args, "n", lies[i].n);
	l.times = (long)args_number(args, "times", -1);
	l.on = args_number(args, "on", 1) != 0 && l.times != 0;
	args_copy(args, "mode", l.mode, sizeof(l.mode));
	pthread_mutex_lock(&t->lock);
	t->lies[i] = l;
	pthread_mutex_unlock(&t->lock);
	return i == TLS_HUGE ? tlsep_load(t, e) : 0;
}

static void *
accept_all(void *arg)
{
	struct tlsep *t = arg;
	int fd;

	for (;;) {
		fd = accept4(t->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1)
			tlsconn_start(t, fd);
	}
	return NULL;
}

int
tlsep_start(struct tlsep *t, int port, struct err *e)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	pthread_t thread;
	int one = 1;

	pthread_mutex_init(&t->lock, NULL);
	if (tlsep_load(t, e) == -1)
		return -1;
	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, t->addr, &a.sin_addr) != 1 ||
	    ntohl(a.sin_addr.s_addr) >> 24 != 127)
		return err_set(e, ERR_USAGE, "%s: addr=%s is no loopback "
		    "address", t->name, t->addr);
	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd == -1 || setsockopt(t->fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)) == -1 ||
	    bind(t->fd, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(t->fd, SOMAXCONN) == -1 ||
	    getsockname(t->fd, (struct sockaddr *)&a, &n) == -1 ||
	    pthread_create(&thread, NULL, accept_all, t) != 0)
		return err_set(e, ERR_SYS, "%s:%d: cannot listen", t->addr,
		    port);
	(void)pthread_detach(thread);
	t->port = ntohs(a.sin_port);
	return 0;
}
