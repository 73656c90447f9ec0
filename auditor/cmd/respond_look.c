#include "auditor/cmd/respond.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/order.h"
#include "auditor/alert/message.h"
#include "auditor/cmd/box.h"
#include "auditor/ipc.h"
#include "auditor/role/children.h"
#include "auditor/role/probe_client.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/cert.h"

/* What only the network can say: who serves it now, and what CAA says. */

#define TYPE_A		1
#define TYPE_CAA	257
#define DNS_MS		4000
#define TLS_MS		5000
#define ALL_US		(20 * CLK_SEC)
#define PORT		443
/* Endpoints of a name that are watched at other ports. */
#define PORTS_MAX	"64"

#define NOBODY		SIZE_MAX

/* A handshake, or a question that climbs to its parents. */
struct ask {
	uint64_t	 id;		/* 0: answered */
	size_t		 name;		/* CAA: of which; NOBODY: whether that
					   one has an address */
	char		 at[NAME_TEXT];	/* CAA: being asked; TLS: the host */
	int		 port;		/* 0: CAA */
	int		 ok;		/* TLS: some address did a handshake */
	char		 why[300];
};

/* What was served, and where. */
struct leaf {
	size_t		 ask;
	struct buf	 der;
};

struct look {
	struct respond		*c;
	struct probe_client	*probe;
	struct ask		*v;
	size_t			 n, cap;
	struct leaf		*leaf;
	size_t			 nleaves, leafcap;
};

/* --- questions ----------------------------------------------------------- */

static struct ask *
add(struct look *l, const char *at)
{
	struct ask	*a;

	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof(*l->v));
	a = &l->v[l->n++];
	memset(a, 0, sizeof(*a));
	(void)snprintf(a->at, sizeof(a->at), "%s", at);
	return a;
}

static void
ask_dns(struct look *l, struct ask *a)
{
	struct probe_dns	d;

	memset(&d, 0, sizeof(d));
	d.name = a->at;
	d.type = a->name == NOBODY ? TYPE_A : TYPE_CAA;
	d.timeout_ms = DNS_MS;
	a->id = probe_client_dns(l->probe, &d);
}

static void
ask_tls(struct look *l, const char *host, int port, const char *starttls)
{
	struct probe_tls	 t;
	struct ask		*a;
	size_t			 i;
	uint8_t			 ip[16];

	for (i = 0; i < l->n; i++)
		if (l->v[i].port == port && strcmp(l->v[i].at, host) == 0)
			return;
	a = add(l, host);
	a->port = port;
	memset(&t, 0, sizeof(t));
	t.host = a->at;
	t.port = (uint16_t)port;
	t.starttls = strcmp(starttls, "smtp") == 0 ? PROBE_SMTP :
	    strcmp(starttls, "imap") == 0 ? PROBE_IMAP : PROBE_PLAIN;
	t.sni = san_ip(host, ip) != 0 ? "" : host;
	t.timeout_ms = TLS_MS;
	a->id = probe_client_tls(l->probe, &t);
}

/* Where its names are served as far as is known: HTTPS, and what we watch. */
static int
ask_all(struct cmd_ctx *ctx, struct look *l, struct err *e)
{
	struct respond	*c = l->c;
	struct db_res	*r = NULL;
	struct ask	*a;
	const char	*host;
	size_t		 i, k, n = 0;
	uint8_t		 ip[16];

	for (i = 0; i < c->names.n; i++) {
		if (!c->name[i].watched)
			continue;
		if (n++ >= LIMIT_RESPOND_LOOKS) {
			json_array_append_new(c->unseen, json_pack("{ss ss}",
			    "endpoint", c->names.v[i], "why", "too many "
			    "names to look at all"));
			continue;
		}
		host = c->names.v[i] + (san_wild(c->names.v[i]) ? 2 : 0);
		if (db_query(ctx->db, &r, e, "select host, port, starttls "
		    "from endpoint where removed_at is null and (host = $1 "
		    "or ($2 and right(host, length($1) + 1) = '.' || $1 and "
		    "strpos(left(host, -length($1) - 1), '.') = 0)) "
		    "order by host, port limit " PORTS_MAX, "sB", host,
		    san_wild(c->names.v[i])) == -1)
			return -1;
		for (k = 0; k < db_rows(r); k++)
			ask_tls(l, db_text(r, k, 0), (int)db_int(r, k, 1),
			    db_text(r, k, 2));
		db_free(r);
		ask_tls(l, host, PORT, "");
		if (san_ip(host, ip) != 0)
			continue;
		a = add(l, host);
		a->name = i;
		ask_dns(l, a);
	}
	if (n != 0 && c->nobody[0] != '\0') {
		a = add(l, c->nobody);
		a->name = NOBODY;
		ask_dns(l, a);
	}
	return 0;
}

/* --- answers ------------------------------------------------------------- */

static struct ask *
of(struct look *l, uint64_t id)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static void
take_served(struct look *l, struct ask *a, const struct probe_served *s)
{
	struct leaf	*f;

	/* also a handshake that failed after it: it is served */
	if (s->nchain != 0) {
		l->leaf = mem_grow(l->leaf, &l->leafcap, l->nleaves + 1,
		    sizeof(*l->leaf));
		f = &l->leaf[l->nleaves++];
		memset(f, 0, sizeof(*f));
		f->ask = (size_t)(a - l->v);
		buf_span(&f->der, s->chain[0]);
		a->ok = 1;
	} else
		(void)snprintf(a->why, sizeof(a->why), "%.250s",
		    s->message[0] != '\0' ? s->message : s->addr[0] == '\0' ?
		    "it has no address" : "no certificate was served");
	if (s->last)
		a->id = 0;
}

static void
take_said(struct look *l, struct ask *a, const struct probe_said *s)
{
	struct respond_caa	*x;
	const char		*up;
	size_t			 i;

	a->id = 0;
	if (a->name == NOBODY) {
		l->c->nobody_is = s->ok && s->rcode == 0 && s->n != 0;
		return;
	}
	x = &l->c->name[a->name].caa;
	if (!s->ok || (s->rcode != 0 && s->rcode != 3)) {
		(void)snprintf(x->why, sizeof(x->why), "%.100s: %.150s",
		    a->at, s->ok ? "the resolver failed (no CA may issue "
		    "then, RFC 8659 3)" : s->message);
		return;
	}
	for (i = 0; i < s->n && s->rcode == 0; i++)
		(void)caa_add(&x->set, s->rr[i].rdata, NULL);
	up = caa_parent(a->at);
	if (x->set.n == 0 && up != NULL) {
		memmove(a->at, up, strlen(up) + 1);
		ask_dns(l, a);
		return;
	}
	if (x->set.n != 0)
		(void)snprintf(x->set.at, sizeof(x->set.at), "%s", a->at);
	x->set.ttl = s->ttl;
	x->asked = 1;
}

static int
left(const struct look *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].id != 0)
			return 1;
	return 0;
}

static int
hear(struct look *l, struct err *e)
{
	static struct probe_said	 said;
	struct probe_served		 served;
	enum probe_type			 type;
	struct pollfd			 p;
	struct ask			*a;
	int64_t				 end = clk_wall() + ALL_US;
	int				 rc;

	while (left(l) && clk_wall() < end) {
		if (probe_client_turn(l->probe, e) == -1)
			return -1;
		rc = probe_client_next(l->probe, &type, &served, &said, e);
		if (rc == -1)
			return -1;
		if (rc == 1) {
			a = of(l, type == PROBE_SERVED ? served.id : said.id);
			if (a != NULL && type == PROBE_SERVED)
				take_served(l, a, &served);
			else if (a != NULL)
				take_said(l, a, &said);
			continue;
		}
		p.fd = ipc_fd(probe_client_ipc(l->probe));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(probe_client_ipc(l->probe)) ? POLLOUT :
		    0));
		(void)poll(&p, 1, 1000);
	}
	return 0;
}

/* --- what was served ----------------------------------------------------- */

/* In a box: of each leaf whether it can be read, issuance and key. */
static int
read_leaves(void *arg, struct buf *out)
{
	static const uint8_t	 none[32];
	struct look		*l = arg;
	struct cert		 cert;
	size_t			 i;
	int			 ok;

	for (i = 0; i < l->nleaves; i++) {
		memset(&cert, 0, sizeof(cert));
		ok = cert_read(buf_bytes(&l->leaf[i].der), &cert, NULL) == 0;
		buf_u8(out, (uint8_t)ok);
		buf_add(out, ok ? cert.tbs_sha256 : none, 32);
		buf_add(out, ok ? cert.spki_sha256 : none, 32);
		cert_free(&cert);
	}
	return 0;
}

/* It, or another one with its key; once an endpoint, and seen just now. */
static void
put_served(struct respond *c, const struct ask *a, int key_only)
{
	json_t	*o, *s = NULL;
	char	 at[NAME_TEXT + 16], t[CLK_TEXT];
	size_t	 i;

	(void)snprintf(at, sizeof(at), strchr(a->at, ':') != NULL ?
	    "[%s]:%d" : "%s:%d", a->at, a->port);
	json_array_foreach(c->served, i, o)
		if (strcmp(message_get(o, "endpoint"), at) == 0)
			s = o;
	if (s == NULL) {
		s = json_pack("{ss sb}", "endpoint", at, "key_only",
		    key_only);
		json_array_append_new(c->served, s);
	} else if (!key_only)
		json_object_set_new(s, "key_only", json_false());
	json_object_set_new(s, "seen", json_string(clk_text(clk_wall(), t)));
	json_object_set_new(s, "live", json_true());
}

static int
compare(struct look *l, struct err *e)
{
	struct respond	*c = l->c;
	struct buf	 out = BUF_INIT;
	struct cur	 cur;
	uint8_t		 ok, tbs[32], spki[32];
	size_t		 i;
	int		 rc = l->nleaves == 0 ? 0 : box_run(read_leaves, l,
			    &out, e);

	cur = cur_span(buf_bytes(&out));
	for (i = 0; i < l->nleaves && rc == 0; i++) {
		if (cur_u8(&cur, &ok) == -1 || cur_copy(&cur, tbs, 32) == -1 ||
		    cur_copy(&cur, spki, 32) == -1)
			rc = err_set(e, ERR_SYS, "the box talks nonsense");
		else if (ok && memcmp(tbs, c->tbs, 32) == 0)
			put_served(c, &l->v[l->leaf[i].ask], 0);
		else if (ok && memcmp(spki, c->spki, 32) == 0)
			put_served(c, &l->v[l->leaf[i].ask], 1);
	}
	buf_free(&out);
	return rc == 0 ? 0 : -1;
}

/* Those that said nothing. */
static void
note_unseen(struct look *l)
{
	struct ask	*a;
	size_t		 i;

	for (i = 0; i < l->n; i++) {
		a = &l->v[i];
		if (a->port == 0 && a->name != NOBODY) {
			if (a->id != 0 && l->c->name[a->name].caa.why[0] ==
			    '\0')
				(void)snprintf(l->c->name[a->name].caa.why,
				    sizeof(l->c->name[a->name].caa.why),
				    "no answer in time");
		} else if (a->port != 0 && !a->ok)
			json_array_append_new(l->c->unseen, json_pack(
			    "{so ss}", "endpoint", json_sprintf(
			    strchr(a->at, ':') != NULL ? "[%s]:%d" : "%s:%d",
			    a->at, a->port), "why", a->why[0] != '\0' ?
			    a->why : "no answer in time"));
	}
}

int
respond_look(struct cmd_ctx *ctx, struct respond *c, struct err *e)
{
	struct look	l;
	size_t		i;
	int		rc = -1;

	memset(&l, 0, sizeof(l));
	l.c = c;
	l.probe = children_probe(ctx->conf, NULL, 0, e);
	if (l.probe != NULL && ask_all(ctx, &l, e) == 0 &&
	    hear(&l, e) == 0 && compare(&l, e) == 0) {
		note_unseen(&l);
		rc = 0;
	}
	for (i = 0; i < l.nleaves; i++)
		buf_free(&l.leaf[i].der);
	free(l.leaf);
	free(l.v);
	probe_client_free(l.probe);
	return rc == 0 ? 0 : err_prefix(e, "looking at who serves it");
}
