#include "auditor/role/acme_place_dns.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/chal.h"
#include "auditor/dns01.h"
#include "auditor/net/dnsask.h"
#include "auditor/net/dnscheck.h"
#include "auditor/net/dnssend.h"
#include "auditor/net/dnszone.h"
#include "auditor/net/egress.h"
#include "auditor/net/tsig.h"
#include "auditor/role/dns01.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* A second value at a name must not wait for the first one to be forgotten. */
#define TTL_S		10u
#define RESOLV_CONF	(64u << 10)	/* bytes that are read of it */
#define TYPE_TXT	16
#define TICK_MS		20		/* a hook's end is seen so late */
#define RFC2136		"acme.challenges.dns-01.rfc2136"

/* A record that we wrote. */
struct written {
	char	*value;		/* owned, as all of these */
	char	*output;	/* what the hook printed */
	char	*place;		/* where the hook was told to write it */
};

struct acme_dns {
	const struct conf	*conf;
	struct dnsservers	 lookup;	/* resolvers */
	struct dnsservers	 at;		/* the primary; n = 0: a hook */
	struct tsig_key		 key;		/* once has_key */
	int			 has_key;
	enum dns01_convention	 convention;
	enum dnscheck_mode	 mode;
	struct egress		 egress;
	struct dnszone_known	 known;
	struct written		*written;
	size_t			 n, cap;
};

/* One challenge, as text. */
struct record {
	const char	*ident, *token, *auth;
	char		 owner[NAME_TEXT];
	char		 value[CHAL_TXT];
};

/* --- configuration --------------------------------------------------------- */

int
acme_dns_is(const struct conf *c)
{
	return c->dns01_server != NULL || c->dns01_hook != NULL;
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
			return err_prefix(e,
			    "acme.challenges.dns-01.resolvers");
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

static enum dnscheck_mode
mode(const char *text)
{
	return strcmp(text, "none") == 0 ? DNSCHECK_NONE :
	    strcmp(text, "resolvers") == 0 ? DNSCHECK_RESOLVERS :
	    DNSCHECK_AUTHORITATIVE;
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
	d->mode = mode(c->dns01_check);
	if (resolvers(d, e) == -1)
		return -1;
	if (c->dns01_server == NULL)
		return dns01_convention(c->dns01_convention, &d->convention,
		    e);
	if (dnsserver_read(&d->at.v[0], c->dns01_server, e) == -1)
		return err_prefix(e, RFC2136 ".server");
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
	dnszone_forget(&d->known);
	egress_free(&d->egress);
	tsig_key_wipe(&d->key);
	free(d);
}

/* The key of RFC 2136, read when it is first needed. */
static int
key(struct acme_dns *d, struct err *e)
{
	const struct conf	*c = d->conf;
	struct buf		 raw = BUF_INIT;
	char			*text;
	int			 rc = -1;

	if (d->has_key)
		return 0;
	text = conf_secret(c->dns01_secret_file, e);
	if (text == NULL)
		return err_prefix(e, RFC2136);
	if (enc_unb64(text, strlen(text), &raw) == -1)
		(void)err_set(e, ERR_CONF, RFC2136 ".secret_file: %.160s is "
		    "not base64; write only the secret of the key there, as "
		    "the server's configuration has it",
		    c->dns01_secret_file);
	else if (tsig_key_set(&d->key, c->dns01_key_name, c->dns01_algorithm,
	    buf_bytes(&raw), e) == -1)
		(void)err_prefix(e, RFC2136);
	else
		rc = 0;
	d->has_key = rc == 0;
	mem_wipe(text, strlen(text));
	free(text);
	if (raw.n != 0)
		mem_wipe(raw.p, raw.n);
	buf_free(&raw);
	return rc;
}

/* --- what was written ------------------------------------------------------- */

static struct written *
find(struct acme_dns *d, const char *value)
{
	size_t	i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->written[i].value, value) == 0)
			return &d->written[i];
	return NULL;
}

static struct written *
note(struct acme_dns *d, const char *value)
{
	struct written	*w = find(d, value);

	if (w == NULL) {
		d->written = mem_grow(d->written, &d->cap, d->n + 1,
		    sizeof(*d->written));
		w = &d->written[d->n++];
		w->value = mem_str(value);
		w->output = w->place = NULL;
	}
	return w;
}

static void
forget(struct acme_dns *d, const char *value)
{
	struct written	*w = find(d, value);

	if (w == NULL)
		return;
	written_free(w);
	*w = d->written[--d->n];
}

/* --- updates ----------------------------------------------------------------- */

/* Until something comes, or it is ${when}. */
static void
wait_until(struct pollfd *p, size_t n, int64_t when)
{
	int64_t	ms = (when - clk_mono() + 999) / 1000;

	(void)poll(p, n, ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms);
}

/* Where the record belongs: CNAMEs are followed. */
static int
place(struct acme_dns *d, const char *owner, uint32_t timeout_ms,
    struct dnszone_place *at, struct err *e)
{
	const char	*server = d->at.v[0].text;
	int64_t		 end = timeout_ms == 0 ? INT64_MAX : clk_mono() +
			     timeout_ms * (CLK_SEC / 1000), when;
	struct dnszone	*z;
	struct pollfd	 p;
	int		 rc;

	if (dnszone_recall(&d->known, server, owner, clk_mono(), at))
		return 0;
	z = dnszone_new(&d->lookup, &d->at, owner, clk_mono());
	while ((rc = dnszone_turn(z, clk_mono())) == 0 && clk_mono() < end) {
		p.fd = dnszone_fd(z);
		p.events = dnszone_events(z);
		when = dnszone_when(z);
		wait_until(&p, 1, when < end ? when : end);
	}
	rc = rc == 0 ? err_set(e, ERR_NET, "%s does not answer in %u ms",
	    server, timeout_ms) : dnszone_result(z, at, e);
	if (rc == 0)
		dnszone_remember(&d->known, server, owner, clk_mono(), at);
	dnszone_free(z);
	return rc;
}

/* Where to look, and for a server that is away what for. */
static int
refused(const struct err *why, struct err *e)
{
	return err_set(e, why->code, RFC2136 ": %s%s", why->msg,
	    why->code == ERR_NET ? "; it must be up, and reached from here "
	    "over UDP and TCP" : "");
}

static int
update(struct acme_dns *d, enum dnsupdate_what what, const struct record *r,
    uint32_t timeout_ms, struct err *e)
{
	struct dnszone_place	 at;
	struct dnsupdate	 u;
	struct dnssend		*s;
	struct pollfd		 p;
	struct err		 why = ERR_INIT;
	int			 rc;

	if (key(d, e) == -1)
		return -1;
	if (place(d, r->owner, timeout_ms, &at, &why) == -1)
		return refused(&why, e);
	u = (struct dnsupdate){ what, at.zone, at.name, r->value, TTL_S };
	s = dnssend_new(&d->at.v[0], &d->key, &u, timeout_ms, clk_mono());
	while (!dnssend_turn(s, clk_mono())) {
		p.fd = dnssend_fd(s);
		p.events = dnssend_events(s);
		wait_until(&p, 1, dnssend_when(s));
	}
	rc = dnssend_result(s, &why);
	dnssend_free(s);
	return rc == 0 ? 0 : refused(&why, e);
}

/* --- hooks --------------------------------------------------------------------- */

/*
 * Where CNAMEs lead from the name: a hook of lego is told that place.  When
 * nobody answers, it is the name itself, as lego has it.
 */
static char *
follow(struct acme_dns *d, const char *owner)
{
	struct dnsask	*a = dnsask_new(&d->lookup, owner, TYPE_TXT, 0,
			    clk_mono());
	struct pollfd	 p;
	char		*to;

	while (!dnsask_turn(a, clk_mono())) {
		p.fd = dnsask_fd(a);
		p.events = dnsask_events(a);
		wait_until(&p, 1, dnsask_when(a));
	}
	to = mem_str(*dnsask_owner(a) != '\0' ? dnsask_owner(a) : owner);
	dnsask_free(a);
	return to;
}

/* Until it ends: 0, or -1 and a sentence; what it printed to *output. */
static int
hook_wait(struct dns01_run *r, const struct dns01_call *c, char **output,
    struct err *e)
{
	int	status;

	while (!dns01_run_tick(r, clk_mono(), &status))
		(void)poll(NULL, 0, TICK_MS);
	if (output != NULL) {
		free(*output);
		*output = mem_str(dns01_run_output(r));
	}
	return dns01_judge(c, status, dns01_run_late(r), dns01_run_errors(r),
	    e) == DNS01_OK ? 0 : -1;
}

static int
hook(struct acme_dns *d, enum dns01_step step, const struct record *r,
    struct err *e)
{
	struct written		*w = note(d, r->value);
	struct dns01_call	 c;
	struct dns01_args	 args;
	struct dns01_run	*run = NULL;
	int			 rc = -1;

	memset(&args, 0, sizeof(args));
	memset(&c, 0, sizeof(c));
	c.convention = d->convention;
	c.step = step;
	c.program = d->conf->dns01_hook;
	c.ident = r->ident;
	c.token = r->token;
	c.keyauth = r->auth;
	c.value = r->value;
	if (w->place == NULL && d->convention == DNS01_LEGO)
		w->place = follow(d, r->owner);
	c.place = w->place;
	c.output = w->output != NULL ? w->output : "";
	if (dns01_make(&c, &args, e) == 0)
		run = dns01_run_start(&args, 0, e);
	if (run != NULL)
		rc = hook_wait(run, &c, step == DNS01_PRESENT ? &w->output :
		    NULL, e);
	dns01_run_free(run);
	dns01_args_free(&args);
	return rc == 0 ? 0 : err_prefix(e, "acme.challenges.dns-01.hook");
}

/* --- both ---------------------------------------------------------------------- */

static int
record(struct record *r, const struct flow_place *f, const char *auth,
    struct err *e)
{
	r->ident = f->ident.text;
	r->token = f->token;
	r->auth = auth;
	chal_txt(auth, r->value);
	return chal_owner(CHALLENGE_DNS_01, r->ident, NULL, r->owner, e);
}

/* Until it is seen where it must be. */
static int
check(struct acme_dns *d, const struct record *r, struct err *e)
{
	const char		*value = r->value;
	struct dnscheck_opts	 o;
	struct dnscheck		*c;
	struct pollfd		 p[DNSCHECK_POLLS];
	int			 rc;

	memset(&o, 0, sizeof(o));
	o.mode = d->mode;
	o.lookup = o.resolvers = &d->lookup;
	o.egress = &d->egress;
	c = dnscheck_new(&o, r->owner, &value, 1, clk_mono());
	while (!dnscheck_turn(c, clk_mono()))
		wait_until(p, dnscheck_polls(c, p, DNSCHECK_POLLS),
		    dnscheck_when(c));
	rc = dnscheck_result(c, e);
	dnscheck_free(c);
	return rc == 0 ? 0 : err_prefix(e, "the TXT record is not seen "
	    "(acme.challenges.dns-01.check: %s)", d->conf->dns01_check);
}

static int
take_away(struct acme_dns *d, const struct record *r, int failed,
    struct err *e)
{
	return d->at.n != 0 ? update(d, DNSUPDATE_DELETE, r, 0, e) :
	    hook(d, failed ? DNS01_FAILED : DNS01_DONE, r, e);
}

int
acme_dns_put(struct acme_dns *d, const struct flow_place *f, const char *auth,
    struct err *e)
{
	struct record	r;
	struct err	why = ERR_INIT;
	int		rc;

	if (record(&r, f, auth, e) == -1)
		return -1;
	rc = d->at.n != 0 ? update(d, DNSUPDATE_ADD, &r, 0, &why) :
	    hook(d, DNS01_PRESENT, &r, &why);
	if (rc == 0) {
		(void)note(d, r.value);
		rc = check(d, &r, &why);
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
acme_dns_drop(struct acme_dns *d, const struct flow_place *f,
    const char *auth, int failed, struct err *e)
{
	struct record	r;
	int		ours;

	if (record(&r, f, auth, e) == -1)
		return -1;
	ours = find(d, r.value) != NULL;
	if (take_away(d, &r, failed, ours ? e : NULL) == -1 && ours)
		return -1;
	forget(d, r.value);
	return 0;
}

int
acme_dns_may(struct acme_dns *d, const char *ident, uint32_t timeout_ms,
    struct err *e)
{
	struct record	r;

	if (d->at.n == 0)
		return 0;
	memset(&r, 0, sizeof(r));
	r.ident = ident;
	return chal_owner(CHALLENGE_DNS_01, ident, NULL, r.owner, e) == -1 ||
	    update(d, DNSUPDATE_MAY, &r, timeout_ms, e) == -1 ? -1 : 1;
}
