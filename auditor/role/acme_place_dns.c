#include "auditor/role/acme_place_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_dns_part.h"
#include "auditor/role/fetch_client.h"
#include "base/clk.h"
#include "base/mem.h"

#define RESOLV_CONF	(64u << 10)	/* bytes that are read of it */
#define TYPE_TXT	16
#define NXDOMAIN	3
#define DNS01		"acme.challenges.dns-01"

/* --- configuration --------------------------------------------------------- */

int
acme_dns_is(const struct conf *c)
{
	return c->dns01_server != NULL || c->dns01_hook != NULL ||
	    c->dns01_acmedns_url != NULL;
}

/* The resolvers that are configured, else those of the system. */
static int
resolvers(struct acme_dns *d, struct err *e)
{
	const struct conf_strs	*r = &d->conf->dns01_resolvers;
	struct span		 text = { NULL, 0 };
	uint8_t			*p;
	FILE			*f;
	size_t			 i;

	for (i = 0; i < r->n; i++)
		if (dnsserver_add(&d->lookup, r->v[i], e) == -1)
			return err_prefix(e, DNS01 ".resolvers");
	if (r->n != 0)
		return 0;
	p = mem_zero(RESOLV_CONF);
	f = fopen("/etc/resolv.conf", "re");
	if (f != NULL) {
		text = (struct span){ p, fread(p, 1, RESOLV_CONF, f) };
		(void)fclose(f);
	}
	dnsserver_conf(&d->lookup, text);
	free(p);
	return 0;
}

/* `check`: a word, or resolvers of its own. */
static int
seen(struct acme_dns *d, struct err *e)
{
	const struct conf_strs	*c = &d->conf->dns01_check;
	const char		*word = c->n == 0 ? "authoritative" : c->v[0];
	size_t			 i;

	if (strcmp(word, "authoritative") == 0)
		d->mode = DNSCHECK_AUTHORITATIVE;
	else if (strcmp(word, "none") == 0)
		d->mode = DNSCHECK_NONE;
	else
		d->mode = DNSCHECK_RESOLVERS;
	if (d->mode != DNSCHECK_RESOLVERS || strcmp(word, "resolvers") == 0)
		return 0;
	for (i = 0; i < c->n; i++)
		if (dnsserver_add(&d->look, c->v[i], e) == -1)
			return err_prefix(e, DNS01 ".check");
	return 0;
}

static int
configure(struct acme_dns *d, struct err *e)
{
	const struct conf	*c = d->conf;
	size_t			 i;

	for (i = 0; i < c->egress_allow_private.n; i++)
		if (egress_parse_allow(&d->egress,
		    c->egress_allow_private.v[i], e) == -1)
			return -1;
	if (seen(d, e) == -1 || resolvers(d, e) == -1)
		return -1;
	if (c->dns01_server == NULL) {
		d->way = c->dns01_acmedns_url != NULL ? ACME_DNS_WEB :
		    c->dns01_hook != NULL ? ACME_DNS_HOOK : ACME_DNS_NONE;
		return dns01_convention(c->dns01_convention, &d->convention,
		    e);
	}
	d->way = ACME_DNS_UPDATE;
	if (dnsserver_read(&d->at.v[0], c->dns01_server, e) == -1)
		return err_prefix(e, DNS01 ".rfc2136.server");
	d->at.n = 1;
	d->at.direct = 1;
	return 0;
}

struct acme_dns *
acme_dns_new(const struct conf *c, struct err *e)
{
	struct acme_dns	*d = mem_zero(sizeof(*d));

	d->conf = c;
	if (configure(d, e) == 0)
		return d;
	acme_dns_free(d);
	return NULL;
}

void
acme_dns_as(struct acme_dns *d, const char *account)
{
	d->account = account;
}

static void
written_free(struct written *w)
{
	free(w->value);
	free(w->output);
	free(w->place);
}

void
acme_dns_free(struct acme_dns *d)
{
	size_t	i;

	if (d == NULL)
		return;
	for (i = 0; i < d->n; i++)
		written_free(&d->written[i]);
	free(d->written);
	fetch_client_free(d->fetch);
	dnszone_forget(&d->known);
	egress_free(&d->egress);
	tsig_key_wipe(&d->key);
	free(d);
}

/* --- what was written ------------------------------------------------------- */

struct written *
acme_dns_find(struct acme_dns *d, const char *value)
{
	size_t	i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->written[i].value, value) == 0)
			return &d->written[i];
	return NULL;
}

struct written *
acme_dns_note(struct acme_dns *d, const char *value)
{
	struct written	*w = acme_dns_find(d, value);

	if (w == NULL) {
		d->written = mem_grow(d->written, &d->cap, d->n + 1,
		    sizeof(*d->written));
		w = &d->written[d->n++];
		w->value = mem_str(value);
		w->output = w->place = NULL;
		w->remaining = 0;
	}
	return w;
}

static void
forget(struct acme_dns *d, const char *value)
{
	struct written	*w = acme_dns_find(d, value);

	if (w == NULL)
		return;
	written_free(w);
	*w = d->written[--d->n];
}

/* --- looking ------------------------------------------------------------------ */

void
acme_dns_wait(struct pollfd *p, size_t n, int64_t when)
{
	int64_t	ms = (when - clk_mono() + 999) / 1000;

	(void)poll(p, n, ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms);
}

struct dnsask *
acme_dns_ask(struct acme_dns *d, const char *owner, struct probe_said *said,
    struct err *e)
{
	struct dnsask	*a = dnsask_new(&d->lookup, owner, TYPE_TXT, 0,
			    clk_mono());
	struct pollfd	 p;
	char		 rcode[16];

	while (!dnsask_turn(a, clk_mono())) {
		p.fd = dnsask_fd(a);
		p.events = dnsask_events(a);
		acme_dns_wait(&p, 1, dnsask_when(a));
	}
	memset(said, 0, sizeof(*said));
	dnsask_said(a, said);
	if (said->ok && (said->rcode == 0 || said->rcode == NXDOMAIN))
		return a;
	(void)err_set(e, ERR_NET, "%.160s cannot be looked up: %s%s", owner,
	    said->ok ? "the resolver says " : "", said->ok ?
	    dnsupdate_rcode(said->rcode, rcode) : said->message);
	dnsask_free(a);
	return NULL;
}

char *
acme_dns_follow(struct acme_dns *d, const char *owner, struct err *e)
{
	struct probe_said	 said;
	struct dnsask		*a = acme_dns_ask(d, owner, &said, e);
	char			*to;

	if (a == NULL)
		return NULL;
	to = mem_str(*dnsask_owner(a) != '\0' ? dnsask_owner(a) : owner);
	dnsask_free(a);
	return to;
}

int
acme_dns_check(struct acme_dns *d, const char *owner, const char *value,
    struct err *e)
{
	const struct conf_strs	*how = &d->conf->dns01_check;
	struct dnscheck_opts	 o;
	struct dnscheck		*c;
	struct pollfd		 p[DNSCHECK_POLLS];
	int			 rc;

	memset(&o, 0, sizeof(o));
	o.mode = d->mode;
	o.lookup = &d->lookup;
	o.resolvers = d->look.n != 0 ? &d->look : &d->lookup;
	o.egress = &d->egress;
	c = dnscheck_new(&o, owner, &value, 1, clk_mono());
	while (!dnscheck_turn(c, clk_mono()))
		acme_dns_wait(p, dnscheck_polls(c, p, DNSCHECK_POLLS),
		    dnscheck_when(c));
	rc = dnscheck_result(c, e);
	dnscheck_free(c);
	return rc == 0 ? 0 : err_prefix(e, "the TXT record is not seen "
	    "(acme.challenges.dns-01.check: %s)", how->n == 0 ?
	    "authoritative" : d->look.n != 0 ? "resolvers" : how->v[0]);
}

/* --- placing ------------------------------------------------------------------ */

static int
record(struct acme_dns *d, struct acme_dns_record *r,
    const struct flow_place *f, const char *auth, struct err *e)
{
	int	own = f->type == CHALLENGE_DNS_ACCOUNT_01;

	r->place = f;
	r->ident = f->ident.text;
	r->token = f->token;
	r->auth = auth;
	chal_txt(auth, r->value);
	if (own && d->account == NULL)
		return err_set(e, ERR_CONF, "dns-account-01 needs an account");
	return chal_owner(own ? CHALLENGE_DNS_ACCOUNT_01 : CHALLENGE_DNS_01, r->ident,
	    own ? d->account : NULL, r->owner, e);
}

static int
write_it(struct acme_dns *d, const struct acme_dns_record *r, struct err *e)
{
	switch (d->way) {
	case ACME_DNS_UPDATE:
		return acme_dns_update(d, DNSUPDATE_ADD, r, 0, e);
	case ACME_DNS_WEB:
		return acme_dns_web(d, r, e);
	case ACME_DNS_HOOK:
		return acme_dns_hook(d, DNS01_PRESENT, r, e);
	default:
		return err_set(e, ERR_CONF, "acme.challenges: dns-01 is not "
		    "configured any more");
	}
}

static int
take_away(struct acme_dns *d, const struct acme_dns_record *r, int failed,
    struct err *e)
{
	switch (d->way) {
	case ACME_DNS_UPDATE:
		return acme_dns_update(d, DNSUPDATE_DELETE, r, 0, e);
	case ACME_DNS_HOOK:
		return acme_dns_hook(d, failed ? DNS01_FAILED : DNS01_DONE, r,
		    e);
	default:
		return 0;
	}
}

int
acme_dns_put(struct acme_dns *d, const struct flow_place *f, const char *auth,
    struct err *e)
{
	struct acme_dns_record	r;
	struct err		why = ERR_INIT;
	int			rc;

	if (record(d, &r, f, auth, e) == -1)
		return -1;
	rc = write_it(d, &r, &why);
	if (rc == 0) {
		(void)acme_dns_note(d, r.value);
		if (!acme_dns_later(d->conf, f))
			rc = acme_dns_check(d, r.owner, r.value, &why);
	}
	if (rc == 0)
		return 0;
	/* nothing came of a refusal; of all else something may have */
	if (why.code != ERR_PERM && why.code != ERR_NOENT)
		(void)take_away(d, &r, 1, NULL);
	forget(d, r.value);
	return err_set(e, why.code, "%s", why.msg);
}

int
acme_dns_later(const struct conf *c, const struct flow_place *f)
{
	return c->dns01_server == NULL && c->dns01_acmedns_url == NULL &&
	    c->dns01_hook != NULL && c->dns01_convention != NULL &&
	    strcmp(c->dns01_convention, "certbot") == 0 && f->remaining > 0;
}

int
acme_dns_look(struct acme_dns *d, const struct flow_place *f,
    const char *auth, struct err *e)
{
	struct acme_dns_record	r;

	return record(d, &r, f, auth, e) == -1 ? -1 :
	    acme_dns_check(d, r.owner, r.value, e);
}

int
acme_dns_drop(struct acme_dns *d, const struct flow_place *f,
    const char *auth, int failed, struct err *e)
{
	struct acme_dns_record	r;
	int			ours;

	if (record(d, &r, f, auth, e) == -1)
		return -1;
	ours = acme_dns_find(d, r.value) != NULL;
	if (take_away(d, &r, failed, ours ? e : NULL) == -1 && ours)
		return -1;
	forget(d, r.value);
	return 0;
}
