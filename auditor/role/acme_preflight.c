#include "auditor/role/acme_preflight.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "auditor/role/acme_order.h"
#include "auditor/role/acme_preflight_part.h"
#include "auditor/role/challenge_listen.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/mem.h"

/* What was right is right for so long. */
#define KNOWN_US	(3600 * CLK_SEC)
/* Resolvers that said nothing are not asked again for so long. */
#define DEAF_US		(30 * CLK_SEC)
#define RESOLV_CONF	(64u << 10)

/* A name that was found right, for an account and the first method. */
struct known {
	char	*key;		/* owned; NULL: free */
	int64_t	 until;		/* clk_mono() */
};

struct acme_preflight {
	const struct conf	*conf;
	struct egress		 egress;
	struct dnsservers	 servers;
	struct acme_asks	*asks;		/* of the run that is to come */
	int64_t			 until;		/* its silence ends then */
	int64_t			 deaf[2];	/* nothing is asked before; when
						   brief */
	int			 brief;
	struct known		*known;
	size_t			 next;
};

/* One run. */
struct run {
	struct acme_preflight	*p;
	const struct acme_preflight_ask *a;
	struct acme_checks	*out;
	struct acme_subject	*sub;
	size_t			 n;
	struct acme_look	*look;
	size_t			 nlooks;
	struct flow_place	 placed[2];	/* probes: http, for tls none */
	size_t			 nplaced;
	char			 token[48], thumb[48], keyauth[96];
	struct err		 broken;	/* a process of ours died */
};

/* --- what it needs ----------------------------------------------------------------- */

/* Those of audit or dns-01, else the system's. */
static int
resolvers(struct acme_preflight *p, struct err *e)
{
	const struct conf_strs	*r = p->conf->audit_resolvers.n != 0 ?
				    &p->conf->audit_resolvers :
				    &p->conf->dns01_resolvers;
	struct span		 text = { NULL, 0 };
	uint8_t			*mem;
	FILE			*f;
	size_t			 i;

	for (i = 0; i < r->n && i < DNSSERVER_MAX; i++)
		if (dnsserver_add(&p->servers, r->v[i], e) == -1)
			return -1;
	if (r->n != 0)
		return 0;
	mem = mem_zero(RESOLV_CONF);
	f = fopen("/etc/resolv.conf", "re");
	if (f != NULL) {
		text = (struct span){ mem, fread(mem, 1, RESOLV_CONF, f) };
		(void)fclose(f);
	}
	dnsserver_conf(&p->servers, text);
	free(mem);
	return 0;
}

struct acme_preflight *
acme_preflight_new(const struct conf *c, struct err *e)
{
	struct acme_preflight	*p = mem_zero(sizeof(*p));
	size_t			 i;
	int			 rc = 0;

	p->conf = c;
	for (i = 0; i < c->egress_allow_private.n && rc == 0; i++)
		rc = egress_parse_allow(&p->egress,
		    c->egress_allow_private.v[i], e);
	if (rc == 0)
		rc = resolvers(p, e);
	p->known = mem_array(LIMIT_PREFLIGHT_KNOWN, sizeof(*p->known));
	if (rc == 0)
		return p;
	acme_preflight_free(p);
	return NULL;
}

void
acme_preflight_free(struct acme_preflight *p)
{
	size_t	i;

	if (p == NULL)
		return;
	for (i = 0; i < LIMIT_PREFLIGHT_KNOWN; i++)
		free(p->known[i].key);
	free(p->known);
	acme_asks_free(p->asks);
	egress_free(&p->egress);
	free(p);
}

/* --- what is known already ------------------------------------------------------------ */

static char *
key_of(const struct acme_preflight_ask *a, const struct acme_subject *s)
{
	return mem_printf("%s %s %s", a->account->url != NULL ?
	    a->account->url : "-", s->text, challenge_name(s->type[0]));
}

static int
is_known(const struct acme_preflight *p, const struct acme_preflight_ask *a,
    const struct acme_subject *s)
{
	char	*key = key_of(a, s);
	int64_t	 now = clk_mono();
	size_t	 i;
	int	 found = 0;

	for (i = 0; i < LIMIT_PREFLIGHT_KNOWN && !found; i++)
		found = p->known[i].key != NULL && p->known[i].until > now &&
		    strcmp(p->known[i].key, key) == 0;
	free(key);
	return found;
}

static void
remember(struct acme_preflight *p, const struct acme_preflight_ask *a,
    const struct acme_subject *s)
{
	struct known	*k = &p->known[p->next++ % LIMIT_PREFLIGHT_KNOWN];

	free(k->key);
	k->key = key_of(a, s);
	k->until = clk_mono() + KNOWN_US;
}

/* --- the DNS --------------------------------------------------------------------------- */

static int
is_looked_at(enum challenge_type t)
{
	return t == CHALLENGE_HTTP_01 || t == CHALLENGE_TLS_ALPN_01;
}

static int
subject(const char *name, const enum challenge_type *type, size_t n,
    struct acme_subject *s)
{
	size_t	i;

	memset(s, 0, sizeof(*s));
	if (order_ident(name, &s->ident, NULL) == -1)
		return -1;
	(void)order_text(&s->ident, s->text);
	for (i = 0; i < n; i++)
		if (challenge_fits(type[i], &s->ident))
			s->type[s->ntypes++] = type[i];
	return s->ntypes != 0 ? 0 : -1;
}

static void
ask(struct acme_preflight *p, const struct acme_subject *s)
{
	if (clk_mono() < p->deaf[p->brief])
		return;
	if (!s->ident.ip)
		acme_caa_ask(p->asks, s);
	if (is_looked_at(s->type[0]))
		acme_look_ask(p->asks, s);
	if (s->type[0] == CHALLENGE_DNS_PERSIST_01)
		acme_grant_ask(p->asks, s);
}

static void
begin(struct acme_preflight *p)
{
	if (p->asks == NULL)
		p->asks = acme_asks_new(&p->servers);
	p->until = clk_mono() + (p->brief ? LIMIT_PREFLIGHT_BRIEF_MS :
	    LIMIT_PREFLIGHT_MS) * (CLK_SEC / 1000);
}

void
acme_preflight_brief(struct acme_preflight *p, int brief)
{
	p->brief = brief != 0;
}

void
acme_preflight_early(struct acme_preflight *p, struct db_strs names,
    const enum challenge_type *type, size_t ntypes)
{
	struct acme_subject	s;
	size_t			i;

	begin(p);
	for (i = 0; i < names.n; i++)
		if (subject(names.v[i], type, ntypes, &s) == 0)
			ask(p, &s);
	(void)acme_asks_turn(p->asks, p->until);
}

/* --- where names lead ------------------------------------------------------------------- */

static uint16_t
port_of(const char *listen)
{
	const char	*colon = strrchr(listen, ':');

	return colon != NULL ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

static void
random_text(char out[48])
{
	struct buf	b = BUF_INIT;
	uint8_t		raw[32];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		abort();
	enc_b64url(&b, raw, sizeof(raw));
	(void)snprintf(out, 48, "%s", buf_text(&b));
	buf_free(&b);
}

/* An answer that no CA asks for, to be looked for at the names. */
static int
place_probe(struct run *r, const struct acme_subject *s)
{
	struct flow_place	*f = &r->placed[0];
	struct err		 why = ERR_INIT;

	if (r->nplaced != 0)
		return 0;
	random_text(r->token);
	random_text(r->thumb);
	(void)snprintf(r->keyauth, sizeof(r->keyauth), "%s.%s", r->token,
	    r->thumb);
	memset(f, 0, sizeof(*f));
	f->ident = s->ident;
	f->type = CHALLENGE_HTTP_01;
	f->token = r->token;
	if (acme_place_put(r->a->place, f, r->thumb, &why) == -1) {
		/* a process of ours died: that is not the name's fault */
		if (why.code == ERR_TEMP) {
			r->broken = why;
			return -1;
		}
		(void)acme_checks_add(r->out, ACME_SAYS_WRONG, "reach",
		    s->text, "%s", why.msg);
		return -1;
	}
	r->nplaced = 1;
	return 0;
}

/* 0; -1 nothing can be placed at all, which is said. */
static int
look(struct run *r, const struct acme_subject *s)
{
	const struct conf	*c = r->p->conf;
	struct acme_look	*l = &r->look[r->nlooks];
	int			 http = s->type[0] == CHALLENGE_HTTP_01;
	const char		*listen = http ? c->http01_listen :
				    c->alpn01_listen;

	if (http && place_probe(r, s) == -1)
		return -1;
	memset(l, 0, sizeof(*l));
	l->subject = s;
	l->std = http ? 80 : 443;
	l->port = listen != NULL && (!http || c->http01_webroot == NULL) ?
	    port_of(listen) : 0;
	l->token = http ? r->token : NULL;
	l->keyauth = http ? r->keyauth : NULL;
	r->nlooks++;
	return 0;
}

/* --- updates ------------------------------------------------------------------------------ */

/* Silence is no refusal; nor is a server that has a fault for a moment. */
static void
may(struct run *r, const struct acme_subject *s)
{
	struct err	why = ERR_INIT;
	int64_t		began = clk_mono();
	int		rc, late;

	rc = acme_place_may(r->a->place, s->text, LIMIT_PREFLIGHT_MS, &why);
	late = clk_mono() - began >= LIMIT_PREFLIGHT_MS * (CLK_SEC / 1000);
	if (rc == 0)
		return;
	if (rc == 1)
		(void)acme_checks_add(r->out, ACME_SAYS_OK, "update", s->text,
		    "the DNS server takes our key, and lets it set the TXT "
		    "record");
	else
		(void)acme_checks_add(r->out, late || why.code == ERR_TEMP ||
		    s->ntypes > 1 ? ACME_SAYS_UNKNOWN : ACME_SAYS_WRONG,
		    "update", s->text, "%s", why.msg);
}

/* --- all of it ---------------------------------------------------------------------------- */

/* Until all have ended, or there was silence for too long. */
static void
wait_all(struct run *r)
{
	struct acme_preflight	*p = r->p;
	struct pollfd		 f[LIMIT_PREFLIGHT_ASKS +
				    LIMIT_PREFLIGHT_REACHES];
	int64_t			 when, now;
	size_t			 n, i, k;
	int			 done, told;

	for (;;) {
		done = told = acme_asks_turn(p->asks, p->until);
		n = acme_asks_polls(p->asks, f, LIMIT_PREFLIGHT_ASKS);
		for (i = 0; i < r->nlooks; i++) {
			struct acme_look	*l = &r->look[i];

			/* its connections must find room among the others */
			if (!l->begun && n + 2 * LIMIT_PREFLIGHT_ADDRS >
			    sizeof(f) / sizeof(f[0]))
				done = 0;
			else if (!l->begun && !acme_look_begin(l, p->asks,
			    &p->egress)) {
				done = done && told;
				l->begun = told;
			}
			for (k = 0; k < l->n; k++) {
				if (acme_reach_turn(l->v[k]))
					continue;
				done = 0;
				if (n < sizeof(f) / sizeof(f[0]))
					acme_reach_poll(l->v[k], &f[n++]);
			}
		}
		now = clk_mono();
		if (done || now >= p->until)
			return;
		when = acme_asks_when(p->asks);
		if (when > p->until)
			when = p->until;
		(void)poll(f, n, when <= now ? 0 : (int)((when - now) / 1000)
		    + 1);
	}
}

/* What was found of one name; remembered when all of it is right. */
static void
conclude(struct run *r, const struct acme_subject *s)
{
	size_t	i, from = 0;

	for (i = 0; i < r->out->n; i++)
		from += (size_t)(r->out->v[i].says != ACME_SAYS_OK &&
		    (strcmp(r->out->v[i].name, s->text) == 0 ||
		    strcmp(r->out->v[i].name, s->ident.text) == 0));
	if (from == 0)
		remember(r->p, r->a, s);
}

/* Is a grant that is missing made by us? */
static int
is_placed(const struct conf *c)
{
	return c->dns01_server != NULL && c->persist_place != NULL &&
	    strcmp(c->persist_place, "dns-01") == 0;
}

/* Not known yet, or not what can be remembered. */
static size_t
subjects(struct run *r)
{
	const struct acme_preflight_ask	*a = r->a;
	struct acme_subject		*s;
	size_t				 i;

	for (i = 0; i < a->names.n; i++) {
		s = &r->sub[r->n];
		if (subject(a->names.v[i], a->type, a->ntypes, s) == -1)
			continue;
		s->written = is_placed(r->p->conf);
		if (is_known(r->p, a, s))
			(void)acme_checks_add(r->out, ACME_SAYS_OK, "known",
			    s->text, "was right within the last hour");
		else
			r->n++;
	}
	return r->n;
}

static void
judge(struct run *r)
{
	size_t	i;

	for (i = 0; i < r->n; i++) {
		if (!r->sub[i].ident.ip)
			acme_caa_check(r->p->asks, &r->sub[i], r->a, r->out);
		if (r->sub[i].type[0] == CHALLENGE_DNS_PERSIST_01)
			acme_grant_check(r->p->asks, &r->sub[i], r->a,
			    r->out);
	}
	for (i = 0; i < r->nlooks; i++) {
		acme_look_check(&r->look[i], r->p->asks, r->out);
		acme_look_end(&r->look[i]);
	}
	if (acme_asks_count(r->p->asks) != 0 &&
	    acme_asks_heard(r->p->asks) == 0)
		r->p->deaf[r->p->brief] = clk_mono() + DEAF_US;
	for (i = 0; i < r->n; i++)
		conclude(r, &r->sub[i]);
}

int
acme_preflight_run(struct acme_preflight *p,
    const struct acme_preflight_ask *a, struct acme_checks *out,
    struct err *e)
{
	struct run	r;
	size_t		i;
	int		rc;

	memset(&r, 0, sizeof(r));
	r.p = p;
	r.a = a;
	r.out = out;
	r.sub = mem_array(a->names.n, sizeof(*r.sub));
	r.look = mem_array(a->names.n, sizeof(*r.look));
	begin(p);
	(void)subjects(&r);
	/* the questions first: the rest is done while they are answered */
	for (i = 0; i < r.n; i++)
		ask(p, &r.sub[i]);
	(void)acme_asks_turn(p->asks, p->until);
	rc = acme_rate_check(a, out, e);
	for (i = 0; i < r.n && rc == 0; i++)
		if (is_looked_at(r.sub[i].type[0]) && look(&r, &r.sub[i]) ==
		    -1)
			break;
	for (i = 0; i < r.n && rc == 0; i++)
		if (r.sub[i].type[0] == CHALLENGE_DNS_01)
			may(&r, &r.sub[i]);
	if (r.broken.code != ERR_NONE)
		rc = err_set(e, r.broken.code, "%s", r.broken.msg);
	if (rc == 0) {
		wait_all(&r);
		judge(&r);
	}
	if (r.nplaced != 0)
		(void)acme_place_drop(a->place, &r.placed[0], r.thumb, 0,
		    NULL);
	acme_asks_free(p->asks);
	p->asks = NULL;
	free(r.sub);
	free(r.look);
	return rc;
}

/* --- an order ------------------------------------------------------------------------------ */

int
acme_preflight_order(struct acme_order *o, struct err *e)
{
	struct acme_preflight_ask	 a = { o->db, acme_talk_dir(o->talk),
					    o->want.directory, o->account,
					    o->place, o->managed,
					    o->want.names, o->type, o->ntypes,
					    o->replaces != NULL };
	struct acme_checks		 c = { NULL, 0, 0 };
	const struct acme_check		*wrong = NULL, *k;
	char				 text[700];
	size_t				 i;
	int				 rc;

	if (o->pre == NULL)
		return 0;
	rc = acme_preflight_run(o->pre, &a, &c, e);
	for (i = 0; i < c.n && rc == 0; i++) {
		k = &c.v[i];
		if (k->says == ACME_SAYS_WRONG && wrong == NULL)
			wrong = k;
		if (o->tell == NULL || (k->says != ACME_SAYS_UNKNOWN &&
		    !k->warn))
			continue;
		(void)snprintf(text, sizeof(text), "warning: pre-flight: %s"
		    "%s%.500s", k->name, *k->name != '\0' ? ": " : "",
		    k->sentence);
		o->tell(o->arg, text);
	}
	if (wrong != NULL) {
		rc = err_set(e, wrong->until != 0 ? ERR_TEMP : ERR_HTTP,
		    "nothing was ordered: %s%s%s", wrong->name,
		    *wrong->name != '\0' ? ": " : "", wrong->sentence);
		/* over the budget: one more that failed, until then */
		if (wrong->until != 0 && !wrong->stored)
			acme_order_failed(o, NULL, 0, e->msg, wrong->until);
	}
	acme_checks_free(&c);
	return rc;
}
