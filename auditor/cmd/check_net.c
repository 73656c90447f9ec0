#include "auditor/cmd/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/role/children.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/sth.h"
#include "pki/owner.h"
#include "pki/pem.h"

/* What `check` asks the network, one question after the other. */

#define CHROME		"https://www.gstatic.com/ct/log_list/v3/log_list.json"
#define CHROME_SIG	"https://www.gstatic.com/ct/log_list/v3/log_list.sig"
#define AIA_MAX		8

void
check_net_free(struct check *c)
{
	fetch_client_free(c->fetch);
	fetch_client_free(c->logs);
	probe_client_free(c->probe);
}

struct fetch_client *
check_fetcher(struct check *c, enum egress_class class, struct err *e)
{
	struct fetch_client	**f = class == EGRESS_LOG ? &c->logs :
	    &c->fetch;

	if (*f == NULL)
		*f = children_fetch(c->conf, class, e);
	return *f;
}

int
check_hear(struct fetch_client *f, struct fetch_done *d, struct err *e)
{
	struct pollfd	p;
	int		rc;

	for (;;) {
		if (fetch_client_turn(f, e) == -1)
			return -1;
		if ((rc = fetch_client_next(f, d, e)) != 0)
			return rc == 1 ? 0 : -1;
		p.fd = ipc_fd(fetch_client_ipc(f));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(fetch_client_ipc(f)) ? POLLOUT : 0));
		if (poll(&p, 1, 2 * CHECK_CRL_MS) != 1)
			return err_set(e, ERR_SYS, "the fetch process hangs");
	}
}

void
check_why_not(const struct fetch_done *d, char *out, size_t cap)
{
	if (d->failure != FETCH_OK)
		(void)snprintf(out, cap, "%s: %s",
		    fetch_failure_name(d->failure), d->message);
	else
		(void)snprintf(out, cap, "HTTP %u", d->status);
}

int
check_ask(struct check *c, enum egress_class class, const struct fetch_get *g,
    struct buf *out, int *status, char *why, size_t cap)
{
	struct fetch_client	*f;
	struct fetch_done	 d;
	struct err		 e = ERR_INIT;

	*status = 0;
	f = check_fetcher(c, class, &e);
	if (f == NULL || (fetch_client_get(f, g), check_hear(f, &d, &e)) == -1) {
		(void)snprintf(why, cap, "%s", e.msg);
		return -1;
	}
	if (d.failure == FETCH_OK) {
		*status = d.status;
		/* a log says in it that a front-end lags */
		buf_span(out, d.body);
	}
	if (d.failure != FETCH_OK || d.status != 200) {
		check_why_not(&d, why, cap);
		return -1;
	}
	return 0;
}

static int
get(struct check *c, enum egress_class class, const char *url, size_t cap,
    struct buf *out, int *status, char *why, size_t n)
{
	struct fetch_get	g;

	memset(&g, 0, sizeof(g));
	g.cap = (uint32_t)cap;
	g.timeout_ms = CHECK_ASK_MS;
	g.flags = class == EGRESS_REVOCATION ? FETCH_F_FOLLOW : 0;
	g.method = "GET";
	g.url = url;
	return check_ask(c, class, &g, out, status, why, n);
}

/* --- the target --------------------------------------------------------------- */

/*
 * Whoever names a host on the command line may see it, wherever it is: only
 * what certificates name is attacker's input.
 */
static const char *const anywhere[] = { "0.0.0.0/1", "128.0.0.0/1", "::/1",
	"8000::/1" };

static int
prober(struct check *c, struct err *e)
{
	if (c->probe == NULL)
		c->probe = children_probe(c->conf, anywhere,
		    sizeof(anywhere) / sizeof(anywhere[0]), e);
	return c->probe != NULL ? 0 : -1;
}

/* Wait for answers to ${id}, until the last of them: 1 there is one. */
static int
answer(struct check *c, enum probe_type *type, struct probe_served *served,
    struct probe_said *said, struct err *e)
{
	struct pollfd	p;
	int		rc;

	for (;;) {
		if (probe_client_turn(c->probe, e) == -1)
			return -1;
		rc = probe_client_next(c->probe, type, served, said, e);
		if (rc != 0)
			return rc;
		p.fd = ipc_fd(probe_client_ipc(c->probe));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(probe_client_ipc(c->probe)) ?
		    POLLOUT : 0));
		if (poll(&p, 1, 6 * CHECK_ASK_MS) != 1)
			return err_set(e, ERR_SYS, "the probe process hangs");
	}
}

int
check_serve(struct check *c, struct err *e)
{
	static struct probe_said	 said;
	struct probe_served		 s;
	struct probe_tls		 t;
	enum probe_type			 type;
	char				 why[300] = "it has no address";
	size_t				 i;
	int				 last = 0;

	if (prober(c, e) == -1)
		return -1;
	memset(&t, 0, sizeof(t));
	t.host = c->host;
	t.port = c->port;
	t.starttls = c->starttls;
	t.sni = strchr(c->host, ':') != NULL || strspn(c->host,
	    "0123456789.") == strlen(c->host) ? "" : c->host;
	t.timeout_ms = CHECK_ASK_MS;
	(void)probe_client_tls(c->probe, &t);
	while (!last) {
		if (answer(c, &type, &s, &said, e) != 1)
			return -1;
		if (type != PROBE_SERVED)
			continue;
		last = s.last;
		if (!s.ok || s.nchain == 0) {
			if (s.message[0] != '\0')
				(void)snprintf(why, sizeof(why), "%s",
				    s.message);
			continue;
		}
		/* the first that answers speaks for the host */
		if (c->file.n != 0)
			continue;
		for (i = 0; i < s.nchain; i++)
			pem_put(&c->file, "CERTIFICATE", s.chain[i]);
		buf_span(&c->tls_scts, s.scts);
		buf_span(&c->staple, s.staple);
		(void)snprintf(c->addr, sizeof(c->addr), "%s", s.addr);
		(void)snprintf(c->tls, sizeof(c->tls), "%s", s.version);
	}
	if (c->file.n != 0)
		return 0;
	return err_set(e, ERR_NET, "%s: %s", c->target, why);
}

/* --- the log list, issuers ------------------------------------------------------ */

void
check_fetch_list(struct check *c)
{
	int	status;

	if (get(c, EGRESS_LOG, CHROME, LIMIT_BODY_LOGLIST, &c->list, &status,
	    c->list_why, sizeof(c->list_why)) == -1 ||
	    get(c, EGRESS_LOG, CHROME_SIG, LIMIT_BODY_HEAD, &c->list_sig,
	    &status, c->list_why, sizeof(c->list_why)) == -1)
		buf_reset(&c->list);
	else
		c->list_fetched = 1;
}

int
check_issuers(struct check *c)
{
	struct buf	body = BUF_INIT;
	struct err	e = ERR_INIT;
	char		why[300];
	size_t		i;
	int		status, n = 0;

	for (i = 0; i < c->said.nwant && i < AIA_MAX; i++) {
		buf_reset(&body);
		err_clear(&e);
		if (get(c, EGRESS_REVOCATION, c->said.want[i],
		    LIMIT_BODY_AIA, &body, &status, why, sizeof(why)) == 0 &&
		    check_aia(c, buf_bytes(&body), &e) > 0)
			n++;
	}
	buf_free(&body);
	return n;
}

/* --- inclusion ------------------------------------------------------------------------ */

/* Ask what the state wants, until it is decided; 0, or -1 and why not. */
static int
follow(struct check *c, struct incl *x, struct buf *body, char *why,
    size_t cap)
{
	struct span	v[TILE_SET_MAX];
	int		status[TILE_SET_MAX], round;
	struct http_req	q;
	struct err	e = ERR_INIT;
	size_t		i;

	for (round = 0; x->state == INCL_ASK && round < 3; round++) {
		for (i = 0; i < x->nask; i++) {
			buf_reset(&body[i]);
			if (incl_request(x, i, &q) == -1)
				return -1;
			(void)get(c, EGRESS_LOG, q.url, q.cap, &body[i],
			    &status[i], why, cap);
			if (status[i] == 0)
				return -1;
			v[i] = buf_bytes(&body[i]);
		}
		if (check_incl(x, status, v, x->nask, &e) == -1) {
			(void)snprintf(why, cap, "%.150s", e.msg);
			return -1;
		}
	}
	return 0;
}

/* One SCT of a log that is known. */
static int
included(struct check *c, const struct judge_sct *t,
    const struct loglist_log *log, char *why, size_t cap)
{
	struct incl	*x = mem_zero(sizeof(*x));
	struct buf	 body[TILE_SET_MAX];
	int		 st, rc = -1;
	struct err	 e = ERR_INIT;
	uint64_t	 size, ms;
	uint8_t		 root[32];
	char		 url[HTTP_URL_MAX];
	size_t		 i;

	memset(body, 0, sizeof(body));
	(void)snprintf(url, sizeof(url), "%s%s", log->url,
	    log->protocol == LOGLIST_STATIC ? "checkpoint" : "ct/v1/get-sth");
	if (get(c, EGRESS_LOG, url, LIMIT_BODY_HEAD, &body[0], &st, why, cap)
	    == -1)
		goto out;
	if (check_head(log, buf_bytes(&body[0]), &size, root, &ms, &e) == -1) {
		(void)snprintf(why, cap, "its head: %.150s", e.msg);
		goto out;
	}
	buf_reset(&body[0]);
	if (incl_start(x, log->protocol == LOGLIST_STATIC, log->url,
	    t->leaf_hash, t->leaf_index, size, root) == 0 &&
	    follow(c, x, body, why, cap) == -1)
		goto out;
	why[0] = '\0';
	if (x->state == INCL_PROVED)
		rc = 1;
	else if (x->state == INCL_ABSENT && ms >= t->timestamp +
	    (uint64_t)log->mmd * 1000)
		rc = 0;
	(void)snprintf(why, cap, "%s", x->state == INCL_PROVED ?
	    "proven against the log's head" : rc == 0 ? x->why :
	    x->state == INCL_ABSENT ? "not yet: its MMD is not over" :
	    x->why);
out:
	for (i = 0; i < TILE_SET_MAX; i++)
		buf_free(&body[i]);
	free(x);
	return rc;
}

void
check_inclusion(struct check *c)
{
	struct loglist			*list = NULL;
	const struct loglist_log	*log;
	struct err			 e = ERR_INIT;
	size_t				 i;

	for (i = 0; i < LIMIT_SCTS; i++)
		c->inclusion[i] = -1;
	if (c->list.n == 0 || check_list(c, &list, &e) == -1)
		return;
	for (i = 0; i < c->said.nscts; i++) {
		if (c->said.scts[i].status != SCTS_VALID)
			continue;
		log = loglist_find(list, c->said.scts[i].log_id);
		if (log == NULL)
			continue;
		c->inclusion[i] = included(c, &c->said.scts[i], log,
		    c->included[i], sizeof(c->included[i]));
	}
	loglist_free(list);
}

/* --- CAA ---------------------------------------------------------------------------------- */

/* The record set for a name, climbing: 0, or -1 and why not. */
static int
climb(struct check *c, const char *name, struct err *e)
{
	static struct probe_said	said;
	struct probe_served		s;
	struct probe_dns		q;
	enum probe_type			type;
	const char			*at;
	size_t				i;

	for (at = name; at != NULL; at = caa_parent(at)) {
		memset(&q, 0, sizeof(q));
		q.name = at;
		q.type = 257;
		(void)probe_client_dns(c->probe, &q);
		do {
			if (answer(c, &type, &s, &said, e) != 1)
				return -1;
		} while (type != PROBE_SAID);
		if (!said.ok || (said.rcode != 0 && said.rcode != 3))
			return err_set(e, ERR_NET, "%s: %s", at, said.ok ?
			    "the resolver failed" : said.message);
		for (i = 0; i < said.n && said.rcode == 0; i++)
			(void)caa_add(&c->caa, said.rr[i].rdata, NULL);
		if (c->caa.n != 0) {
			(void)snprintf(c->caa.at, sizeof(c->caa.at), "%s",
			    at);
			c->caa.ad = said.ad;
			c->caa.ttl = said.ttl;
			return 0;
		}
	}
	return 0;
}

void
check_caa(struct check *c)
{
	const char	*name = c->name, *owner;
	struct err	 e = ERR_INIT;

	c->caa_said = -1;
	if (name == NULL && c->said.nnames != 0)
		name = c->said.names[0];
	if (name == NULL || c->offline || strchr(name, '.') == NULL ||
	    strspn(name, "0123456789.") == strlen(name) ||
	    strchr(name, ':') != NULL)
		return;
	if (strncmp(name, "*.", 2) == 0)
		name += 2;
	owner = c->said.has_issuer ? owner_of_key(c->said.issuer_spki) : NULL;
	if (prober(c, &e) == -1 || climb(c, name, &e) == -1)
		(void)snprintf(c->caa_why, sizeof(c->caa_why), "%.250s",
		    e.msg);
	else if (c->caa.n == 0)
		(void)snprintf(c->caa_why, sizeof(c->caa_why),
		    "there are no records: any CA may issue");
	else if (owner == NULL)
		(void)snprintf(c->caa_why, sizeof(c->caa_why),
		    "the CA's owner is not known");
	else
		c->caa_said = caa_allows(&c->caa, owner, 0, NULL, NULL,
		    c->caa_why, sizeof(c->caa_why));
}
