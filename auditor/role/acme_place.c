#include "auditor/role/acme_place.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "acme/chal.h"
#include "auditor/ipc.h"
#include "auditor/role/acme_dns_persist.h"
#include "auditor/role/acme_place_dns.h"
#include "auditor/role/challenge_client.h"
#include "auditor/webroot.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/mem.h"

/* An answer is forgotten by itself after a day: no order lives longer. */
#define KEEP_S		86400u
/* A challenge process that does not say "placed" for so long is dead. */
#define PLACED_MS	10000
/* Hits that are kept: each only says that it is time to look. */
#define HITS		64
/* Placements that wait for the DNS, at a time. */
#define LINES		32

struct acme_place {
	const struct conf	*conf;
	struct challenge_listen	 listen;
	struct err		 why[CHALLENGE_KINDS];	/* no port */
	struct challenge_client	*client;	/* NULL: nothing listens */
	struct acme_dns		*dns;		/* NULL: not needed so far */
	const char		*account;	/* its URL; NULL: not told */
	unsigned		 busy;		/* placements that wait */
	struct challenge_hit	 hit[HITS];	/* not looked at yet */
	size_t			 nhits;
};

static int
configured(const struct conf *c, enum challenge_type t)
{
	switch (t) {
	case CHALLENGE_HTTP_01:
		return c->http01_listen != NULL || c->http01_webroot != NULL;
	case CHALLENGE_TLS_ALPN_01:
		return c->alpn01_listen != NULL;
	case CHALLENGE_DNS_01:
		return acme_dns_is(c);
	case CHALLENGE_DNS_ACCOUNT_01:
		return c->dns_account01;
	case CHALLENGE_DNS_PERSIST_01:
		return c->dns_persist01;
	default:
		return 0;
	}
}

size_t
acme_place_types(const struct conf *c, const char *only,
    enum challenge_type out[CHALLENGE_MAX], struct err *e)
{
	static const enum challenge_type	all[] = {
		CHALLENGE_HTTP_01, CHALLENGE_TLS_ALPN_01,
		CHALLENGE_DNS_PERSIST_01, CHALLENGE_DNS_01,
		CHALLENGE_DNS_ACCOUNT_01
	};
	size_t	i, n = 0;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (configured(c, all[i]) && (only == NULL ||
		    strcmp(only, challenge_name(all[i])) == 0))
			out[n++] = all[i];
	if (n == 0 && only != NULL)
		(void)err_set(e, ERR_CONF, "acme.challenges: %.40s is not "
		    "configured, or cannot be placed by this version", only);
	else if (n == 0)
		(void)err_set(e, ERR_CONF, "acme.challenges: none is "
		    "configured; write http-01: {listen: \"0.0.0.0:80\"}, "
		    "http-01: {webroot: DIR} or dns-01: {rfc2136: ...}");
	return n;
}

void
acme_place_free(struct acme_place *p)
{
	if (p == NULL)
		return;
	acme_dns_free(p->dns);
	challenge_client_free(p->client);
	challenge_listen_close(&p->listen);
	free(p);
}

/* That of DNS: an order that is gone on with may have begun with it. */
static int
dns(struct acme_place *p, struct err *e)
{
	if (p->dns == NULL)
		p->dns = acme_dns_new(p->conf, e);
	if (p->dns == NULL)
		return -1;
	acme_dns_as(p->dns, p->account);
	return 0;
}

void
acme_place_as(struct acme_place *p, const char *account)
{
	p->account = account;
}

static int
is_dns(enum challenge_type t)
{
	return t == CHALLENGE_DNS_01 || t == CHALLENGE_DNS_ACCOUNT_01 ||
	    t == CHALLENGE_DNS_PERSIST_01;
}

static int
open_port(struct acme_place *p, enum challenge_kind k, const char *text,
    struct err *e)
{
	if (p->listen.n[k] != 0)
		return 0;
	err_clear(&p->why[k]);
	if (challenge_listen_at(&p->listen, k, text, &p->why[k]) == 0)
		return 0;
	return err_set(e, p->why[k].code, "%s", p->why[k].msg);
}

static int
open_type(struct acme_place *p, enum challenge_type t, struct err *e)
{
	if (t == CHALLENGE_HTTP_01)
		return p->conf->http01_webroot != NULL ? 0 :
		    open_port(p, CHALLENGE_HTTP, p->conf->http01_listen, e);
	if (t == CHALLENGE_TLS_ALPN_01)
		return open_port(p, CHALLENGE_TLS, p->conf->alpn01_listen, e);
	return dns(p, e);
}

int
acme_place_open(struct acme_place *p, const enum challenge_type *type,
    size_t n, struct err *e)
{
	struct challenge_listen	*l = &p->listen;
	struct err		 why, first = ERR_INIT;
	size_t			 i, had = l->n[0] + l->n[1], able = 0;

	/* what is written wrong is said at once, what is taken may do without */
	for (i = 0; i < n && first.code != ERR_CONF; i++) {
		err_clear(&why);
		if (open_type(p, type[i], &why) == 0)
			able++;
		else if (first.code == ERR_NONE || why.code == ERR_CONF)
			first = why;
	}
	if (able == 0 || first.code == ERR_CONF)
		return err_set(e, first.code, "%s", first.msg);
	return p->client != NULL && had != l->n[0] + l->n[1] ?
	    challenge_client_listen(p->client, l, e) : 0;
}

void
acme_place_close(struct acme_place *p)
{
	struct challenge_listen	*l = &p->listen;

	if (l->n[0] + l->n[1] == 0)
		return;
	/* nobody listens from now on, although the process has it still */
	challenge_listen_rest(l);
	challenge_listen_close(l);
	memset(&p->listen, 0, sizeof(p->listen));
	p->nhits = 0;
	if (p->client == NULL)
		return;
	challenge_client_drop_all(p->client);
	if (challenge_client_listen(p->client, &p->listen, NULL) == -1) {
		challenge_client_free(p->client);
		p->client = NULL;
	}
}

struct acme_place *
acme_place_new(const struct conf *c, const enum challenge_type *type,
    size_t n, struct err *e)
{
	struct acme_place	*p = mem_zero(sizeof(*p));

	p->conf = c;
	if (acme_place_open(p, type, n, e) == 0)
		return p;
	acme_place_free(p);
	return NULL;
}

/* It is started when it is first needed. */
static int
process(struct acme_place *p, struct err *e)
{
	if (p->client == NULL)
		p->client = challenge_client_new(&p->listen, 0, e);
	return p->client != NULL ? 0 : -1;
}

/* The process, where it has something to listen at. */
static int
client(struct acme_place *p, enum challenge_kind k, struct err *e)
{
	if (p->listen.n[k] == 0 && p->why[k].code != ERR_NONE)
		return err_set(e, p->why[k].code, "%s", p->why[k].msg);
	if (p->listen.n[k] == 0)
		return err_set(e, ERR_CONF, "acme.challenges: %s is not "
		    "configured any more", challenge_kind_name(k));
	return process(p, e);
}

void
acme_place_start(struct acme_place *p)
{
	enum challenge_kind	k = p->listen.n[CHALLENGE_HTTP] != 0 ?
				    CHALLENGE_HTTP : CHALLENGE_TLS;

	if (p->listen.n[k] != 0)
		(void)client(p, k, NULL);
}

struct acme_place *
acme_place_idle(const struct conf *c, struct err *e)
{
	struct acme_place	*p = mem_zero(sizeof(*p));

	p->conf = c;
	if ((c->http01_listen == NULL && c->alpn01_listen == NULL) ||
	    process(p, e) == 0)
		return p;
	acme_place_free(p);
	return NULL;
}

int
acme_place_waits(enum challenge_type t)
{
	return t != CHALLENGE_HTTP_01 && t != CHALLENGE_TLS_ALPN_01;
}

int
acme_place_outlives(const struct acme_place *p, enum challenge_type t)
{
	return acme_place_waits(t) || (t == CHALLENGE_HTTP_01 &&
	    p->conf->http01_webroot != NULL);
}

unsigned
acme_place_lines(const struct acme_place *p)
{
	return p->conf->dns01_hook != NULL ? 1 : LINES;
}

unsigned *
acme_place_busy(struct acme_place *p)
{
	return &p->busy;
}

int
acme_place_fd(const struct acme_place *p)
{
	return p->client != NULL ? ipc_fd(challenge_client_ipc(p->client)) :
	    -1;
}

/* Those that do not fit are no loss: the CA is asked anyway. */
static void
keep_hit(struct acme_place *p, const struct challenge_note *n)
{
	if (n->type == CHALLENGE_HIT && p->nhits < HITS)
		p->hit[p->nhits++] = n->hit;
}

int
acme_place_hit(struct acme_place *p, struct challenge_hit *out,
    struct err *e)
{
	struct challenge_note	n;
	int			rc = 0;

	if (p->client != NULL && challenge_client_turn(p->client, e) == -1)
		return -1;
	while (p->client != NULL &&
	    (rc = challenge_client_next(p->client, &n, e)) == 1)
		keep_hit(p, &n);
	if (rc == -1 || p->nhits == 0)
		return rc;
	*out = p->hit[--p->nhits];
	return 1;
}

/* It has died: that says nothing about what was to be placed. */
static int
gone(struct err *e)
{
	if (e != NULL)
		e->code = ERR_TEMP;
	return -1;
}

/* Until it says that answer ${id} is in force. */
static int
placed(struct acme_place *p, uint64_t id, struct err *e)
{
	int64_t			end = clk_mono() + PLACED_MS *
				    (CLK_SEC / 1000);
	struct challenge_note	n;
	struct pollfd		f;
	int			rc;

	while (clk_mono() < end) {
		if (challenge_client_turn(p->client, e) == -1)
			return gone(e);
		while ((rc = challenge_client_next(p->client, &n, e)) == 1) {
			keep_hit(p, &n);
			if (n.type == CHALLENGE_PLACED && n.placed.id == id)
				return n.placed.ok ? 0 : err_set(e, ERR_CONF,
				    "%s", n.placed.message);
		}
		if (rc == -1)
			return gone(e);
		f.fd = ipc_fd(challenge_client_ipc(p->client));
		f.events = (short)(POLLIN | (ipc_wants_write(
		    challenge_client_ipc(p->client)) ? POLLOUT : 0));
		(void)poll(&f, 1, 100);
	}
	return err_set(e, ERR_SYS, "the challenge process hangs");
}

static int
put_http(struct acme_place *p, const struct flow_place *f,
    const struct buf *auth, struct err *e)
{
	struct challenge_http	h = { 0, f->token,
				    (const char *)auth->p, KEEP_S };
	uint64_t		id;

	if (p->conf->http01_webroot != NULL)
		return webroot_put(p->conf->http01_webroot, f->token,
		    h.keyauth, e);
	if (client(p, CHALLENGE_HTTP, e) == -1 ||
	    (id = challenge_client_http(p->client, &h, e)) == 0)
		return -1;
	return placed(p, id, e);
}

static int
put_tls(struct acme_place *p, const struct flow_place *f,
    const struct buf *auth, struct err *e)
{
	struct chal_alpn	a = { BUF_INIT, BUF_INIT };
	struct challenge_tls	t;
	char			sni[NAME_TEXT];
	uint64_t		id = 0;
	int			rc = -1;

	if (client(p, CHALLENGE_TLS, e) == 0 &&
	    chal_sni(f->ident.text, sni, e) == 0 && chal_alpn(f->ident.text,
	    (const char *)auth->p, clk_wall(), &a, e) == 0) {
		t = (struct challenge_tls){ 0, sni, buf_bytes(&a.cert),
		    buf_bytes(&a.key), KEEP_S };
		id = challenge_client_tls(p->client, &t, e);
		rc = id == 0 ? -1 : placed(p, id, e);
	}
	chal_alpn_free(&a);
	return rc;
}

static int
put_dns(struct acme_place *p, const struct flow_place *f,
    const struct buf *auth, struct err *e)
{
	return dns(p, e) == 0 ?
	    acme_dns_put(p->dns, f, (const char *)auth->p, e) : -1;
}

int
acme_place_put(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, struct err *e)
{
	struct buf	auth = BUF_INIT;
	int		rc = -1;

	if (f->type == CHALLENGE_DNS_PERSIST_01)
		return dns(p, e) == 0 ? acme_dns_persist(p->dns, f, e) : -1;
	if (chal_key_authz(f->token, thumbprint, &auth, e) == 0) {
		(void)buf_text(&auth);
		rc = f->type == CHALLENGE_HTTP_01 ?
		    put_http(p, f, &auth, e) : is_dns(f->type) ?
		    put_dns(p, f, &auth, e) :
		    put_tls(p, f, &auth, e);
	}
	buf_free(&auth);
	return rc;
}

int
acme_place_later(const struct acme_place *p, const struct flow_place *f)
{
	return (f->type == CHALLENGE_DNS_01 ||
	    f->type == CHALLENGE_DNS_ACCOUNT_01) &&
	    acme_dns_later(p->conf, f);
}

int
acme_place_look(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, struct err *e)
{
	struct buf	auth = BUF_INIT;
	int		rc = -1;

	if (dns(p, e) == 0 &&
	    chal_key_authz(f->token, thumbprint, &auth, e) == 0)
		rc = acme_dns_look(p->dns, f, buf_text(&auth), e);
	buf_free(&auth);
	return rc;
}

static int
drop_dns(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, int failed, struct err *e)
{
	struct buf	auth = BUF_INIT;
	int		rc = -1;

	if (dns(p, e) == 0 &&
	    chal_key_authz(f->token, thumbprint, &auth, e) == 0)
		rc = acme_dns_drop(p->dns, f, buf_text(&auth), failed, e);
	buf_free(&auth);
	return rc;
}

int
acme_place_drop(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, int failed, struct err *e)
{
	char	sni[NAME_TEXT];

	/* a standing grant is the operator's: it stays */
	if (f->type == CHALLENGE_DNS_PERSIST_01)
		return 0;
	if (is_dns(f->type))
		return drop_dns(p, f, thumbprint, failed, e);
	if (f->type == CHALLENGE_HTTP_01 && p->conf->http01_webroot != NULL)
		return webroot_drop(p->conf->http01_webroot, f->token, e);
	if (p->client != NULL && f->type == CHALLENGE_HTTP_01)
		challenge_client_drop(p->client, CHALLENGE_HTTP, f->token);
	else if (p->client != NULL && chal_sni(f->ident.text, sni, NULL) == 0)
		challenge_client_drop(p->client, CHALLENGE_TLS, sni);
	if (p->client != NULL)
		(void)challenge_client_turn(p->client, NULL);
	return 0;
}

int
acme_place_may(struct acme_place *p, const char *ident, uint32_t timeout_ms,
    struct err *e)
{
	return dns(p, e) == -1 ? -1 :
	    acme_dns_may(p->dns, ident, timeout_ms, e);
}
