#include "auditor/conf_check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/route.h"
#include "auditor/conf.h"
#include "auditor/conf_yaml.h"
#include "auditor/near.h"
#include "auditor/net/dnsserver.h"
#include "auditor/net/egress.h"
#include "auditor/net/netaddr.h"
#include "base/buf.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/witness.h"
#include "pki/watch.h"

/* --- single values -------------------------------------------------------- */

int
conf_check_watch(const char *text, struct err *e)
{
	char	canon[WATCH_TEXT];

	if (watch_canon(text, canon, e) == 0)
		return 0;
	if (e != NULL)
		e->code = ERR_CONF;
	return -1;
}

int
conf_check_net(const char *text, struct err *e)
{
	struct egress	x = EGRESS_INIT;
	int		rc = egress_parse_allow(&x, text, e);

	egress_free(&x);
	return rc;
}

int
conf_check_source(const char *text, struct err *e)
{
	struct netaddr	a;

	if (netaddr_parse(&a, text) == 0)
		return 0;
	return err_set(e, ERR_CONF, "`%.64s` is no address, such as 192.0.2.1 "
	    "or 2001:db8::1", text);
}

int
conf_check_name(const char *text, struct err *e)
{
	size_t	n;

	for (n = 0; text[n] != '\0'; n++)
		if (!isalnum((unsigned char)text[n]) &&
		    strchr("._-@", text[n]) == NULL)
			break;
	if (text[n] == '\0' && n >= 1 && n <= 64)
		return 0;
	return err_set(e, ERR_CONF, "`%.70s` is no name; a name has up to 64 "
	    "letters, digits, `.`, `_`, `-`, `@`", text);
}

int
conf_check_issuer(const char *text, struct err *e)
{
	size_t	n = strlen(text);

	if (strcmp(text, "*") == 0)
		return 0;
	if (n <= 253 && strchr(text, '.') != NULL && text[0] != '.' &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n)
		return 0;
	return err_set(e, ERR_CONF, "`%.70s` names no CA; write its CAA "
	    "identifier in lower case, such as letsencrypt.org, or \"*\"",
	    text);
}

int
conf_check_contact(const char *text, struct err *e)
{
	size_t	n;

	for (n = 0; text[n] > ' ' && text[n] < 0x7f; n++)
		if (strchr("()\"\\<>", text[n]) != NULL)
			break;
	if (text[n] == '\0' && n <= 200 && (strchr(text, '@') != NULL ||
	    strncmp(text, "https://", 8) == 0 ||
	    strncmp(text, "http://", 7) == 0))
		return 0;
	return err_set(e, ERR_CONF, "`%.70s` is no contact; write an address "
	    "(ops@example.com) or a page (https://...), without blanks and "
	    "brackets: it goes into the User-Agent", text);
}

/* A password between `:` and `@` of the authority of a URL. */
static int
url_password(const char *text)
{
	const char	*host = strstr(text, "://"), *end, *colon;

	if (host == NULL)
		return 0;
	host += 3;
	end = host + strcspn(host, "/?");
	colon = memchr(host, ':', (size_t)(end - host));
	return colon != NULL &&
	    memchr(colon, '@', (size_t)(end - colon)) != NULL;
}

int
conf_check_database(const char *text, struct err *e)
{
	if (strcmp(text, "embedded") == 0)
		return 0;
	if (strncmp(text, "postgresql://", 13) != 0 &&
	    strncmp(text, "postgres://", 11) != 0 &&
	    strchr(text, '=') == NULL)
		return err_set(e, ERR_CONF, "this is no database; write "
		    "embedded, or a libpq connection string such as "
		    "\"host=/run/postgresql dbname=certvigil\"");
	if (strstr(text, "password=") != NULL || url_password(text))
		return err_set(e, ERR_CONF, "a password does not belong here; "
		    "use passfile=FILE, a client certificate or "
		    "peer authentication");
	return 0;
}

int
conf_check_daytime(const char *t, struct err *e)
{
	if (strlen(t) == 5 && isdigit((unsigned char)t[0]) &&
	    isdigit((unsigned char)t[1]) && t[2] == ':' &&
	    isdigit((unsigned char)t[3]) && isdigit((unsigned char)t[4]) &&
	    (t[0] - '0') * 10 + t[1] - '0' < 24 && t[3] < '6')
		return 0;
	return err_set(e, ERR_CONF, "`%.60s` is no time of day; write "
	    "\"08:00\"", t);
}

int
conf_check_url(const char *text, struct err *e)
{
	if (strncmp(text, "https://", 8) == 0 && text[8] != '\0')
		return 0;
	if (strncmp(text, "http://", 7) == 0 && text[7] != '\0')
		return 0;
	return err_set(e, ERR_CONF, "`%.60s` is no URL; write https://...",
	    text);
}

int
conf_check_ca(const char *text, struct err *e)
{
	if (strcmp(text, "*") != 0 && ((strlen(text) == 64 && strspn(text,
	    "0123456789abcdef") == 64) || conf_check_issuer(text, NULL) == 0))
		return 0;
	return err_set(e, ERR_CONF, "`%.70s` names no CA; write its CAA "
	    "identifier, such as letsencrypt.org, or the SHA-256 of its key "
	    "in hex", text);
}

int
conf_check_canary(const char *text, struct err *e)
{
	char	canon[WATCH_TEXT];

	if (text[0] != '.' && strpbrk(text, "*/:") == NULL &&
	    strchr(text, '.') != NULL && strspn(text, "0123456789.") !=
	    strlen(text) && watch_canon(text, canon, NULL) == 0)
		return 0;
	return err_set(e, ERR_CONF, "`%.70s` is not one name; write such as "
	    "canary.example.com", text);
}

int
conf_check_vkey(const char *text, struct err *e)
{
	struct witness	w;
	struct err	why = ERR_INIT;

	return witness_read(text, &w, &why) == 0 ? 0 :
	    err_set(e, ERR_CONF, "%s", why.msg);
}

/* --- the whole ------------------------------------------------------------ */

struct place {
	const struct conf_node	*root;		/* may be NULL */
	const char		*file;
	struct err		*e;
};

/* The node of key ${sub} of item ${i} of ${key}; the nearest that exists. */
static const struct conf_node *
spot(const struct place *p, const char *key, size_t i, const char *sub)
{
	const struct conf_node	*n = conf_yaml_get(p->root, key), *item;

	if (n == NULL)
		return p->root;
	item = n;
	if (n->type == CONF_LIST && i < n->n)
		item = n->kids[i];
	n = sub != NULL ? conf_yaml_get(item, sub) : NULL;
	return n != NULL ? n : item;
}

static int __attribute__((format(printf, 4, 5)))
fail(const struct place *p, const struct conf_node *n, const char *path,
    const char *fmt, ...)
{
	char	text[400];
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n == NULL)
		return err_set(p->e, ERR_CONF, "%s: %s: %s", p->file, path,
		    text);
	return err_set(p->e, ERR_CONF, "%.140s:%zu:%zu: %s: %s", p->file,
	    n->line, n->column, path, text);
}

static int
check_urls(const struct conf *c, const struct place *p)
{
	struct egress	x = EGRESS_INIT;
	struct err	why = ERR_INIT;
	int		rc = -1;
	size_t		i;

	for (i = 0; i < c->egress_allow_private.n; i++)
		(void)egress_parse_allow(&x, c->egress_allow_private.v[i],
		    NULL);
	if (c->log_list_url != NULL && strchr(c->log_list_url, ':') != NULL &&
	    egress_url_ok(&x, c->log_list_url, EGRESS_LOG, &why) == -1) {
		(void)fail(p, spot(p, "log_list", 0, "url"), "log_list.url",
		    "%s", why.msg);
		goto out;
	}
	if (c->apple_list_url != NULL &&
	    strchr(c->apple_list_url, ':') != NULL &&
	    egress_url_ok(&x, c->apple_list_url, EGRESS_LOG, &why) == -1) {
		(void)fail(p, spot(p, "log_list", 0, "apple"),
		    "log_list.apple", "%s", why.msg);
		goto out;
	}
	if (c->heartbeat_url != NULL && egress_url_ok(&x, c->heartbeat_url,
	    EGRESS_DELIVERY, &why) == -1) {
		(void)fail(p, spot(p, "heartbeat", 0, "url"),
		    "heartbeat.url", "%s", why.msg);
		goto out;
	}
	for (i = 0; i < c->nchannels; i++)
		if (c->channels[i].url != NULL && egress_url_ok(&x,
		    c->channels[i].url, EGRESS_DELIVERY, &why) == -1) {
			(void)fail(p, spot(p, "channels", i, "url"),
			    "channels.url", "%s", why.msg);
			goto out;
		}
	rc = 0;
out:
	egress_free(&x);
	return rc;
}

struct seen {
	char		 canon[WATCH_TEXT];
	const char	*owner;
	size_t		 i;
};

static int
seen_order(const void *va, const void *vb)
{
	const struct seen	*a = va, *b = vb;
	int			 d = strcmp(a->canon, b->canon);

	if (d == 0)
		d = strcmp(a->owner, b->owner);
	if (d == 0)
		d = a->i < b->i ? -1 : a->i > b->i;
	return d;
}

static int
check_watches(const struct conf *c, const struct place *p)
{
	struct seen		*s = mem_array(c->nwatch, sizeof(*s));
	const struct conf_watch	*w;
	const char		**names, *near;
	size_t			 i;
	int			 rc = -1;

	names = mem_array(c->npolicies, sizeof(*names));
	for (i = 0; i < c->npolicies; i++)
		names[i] = c->policies[i].name;
	for (i = 0; i < c->nwatch; i++) {
		w = &c->watch[i];
		(void)watch_canon(w->name, s[i].canon, NULL);
		s[i].owner = w->owner;
		s[i].i = i;
		if (w->policy[0] == '\0' || conf_policy(c, w->policy) != NULL)
			continue;
		near = near_word(w->policy, names, c->npolicies);
		(void)fail(p, spot(p, "watch", i, "policy"), "watch.policy",
		    "there is no policy `%.60s`%s%s%s", w->policy,
		    near != NULL ? "; did you mean `" : "; add it to policies",
		    near != NULL ? near : "", near != NULL ? "`?" : "");
		goto out;
	}
	qsort(s, c->nwatch, sizeof(*s), seen_order);
	for (i = 1; i < c->nwatch; i++)
		if (strcmp(s[i].canon, s[i - 1].canon) == 0 &&
		    strcmp(s[i].owner, s[i - 1].owner) == 0) {
			(void)fail(p, spot(p, "watch", s[i].i, NULL), "watch",
			    "`%.100s` is here twice for the same owner",
			    s[i].canon);
			goto out;
		}
	rc = 0;
out:
	free(names);
	free(s);
	return rc;
}

/* What a channel of each kind has. */
static int
check_channel(const struct conf_channel *ch, const struct place *p, size_t i)
{
	const struct conf_node	*n = spot(p, "channels", i, NULL);
	int			 webhook = strcmp(ch->kind, "webhook") == 0;
	int			 slack = strcmp(ch->kind, "slack") == 0;
	int			 pd = strcmp(ch->kind, "pagerduty") == 0;
	int			 ex = strcmp(ch->kind, "exec") == 0;

	if (webhook && (ch->url != NULL) == (ch->url_file != NULL))
		return fail(p, n, "channels", "a webhook needs either url or "
		    "url_file");
	if (webhook && ch->secret_file == NULL)
		return fail(p, n, "channels", "a webhook needs secret_file "
		    "(a line `whsec_...`): messages are signed");
	if (slack && ch->url_file == NULL)
		return fail(p, n, "channels", "slack needs url_file: whoever "
		    "knows the URL can post");
	if (pd && ch->routing_key_file == NULL)
		return fail(p, n, "channels", "pagerduty needs "
		    "routing_key_file");
	if (ex && ch->program == NULL)
		return fail(p, n, "channels", "exec needs program");
	if ((ch->url != NULL && !webhook && !pd) ||
	    (ch->url_file != NULL && !webhook && !slack) ||
	    ((ch->secret_file != NULL || ch->old_secret_file != NULL) &&
	    !webhook) || (ch->routing_key_file != NULL && !pd) ||
	    (ch->program != NULL && !ex))
		return fail(p, n, "channels", "`%.60s` has a key that "
		    "belongs to another kind than %s; webhook: url, url_file, "
		    "secret_file, old_secret_file; slack: url_file; "
		    "pagerduty: url, routing_key_file; exec: program", ch->name,
		    ch->kind);
	return 0;
}

static int
check_channels(const struct conf *c, const struct place *p)
{
	size_t	i, j;

	for (i = 0; i < c->nchannels; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(c->channels[i].name,
			    c->channels[j].name) == 0)
				return fail(p, spot(p, "channels", i, "name"),
				    "channels.name", "`%.60s` is here twice",
				    c->channels[i].name);
		if (check_channel(&c->channels[i], p, i) == -1)
			return -1;
	}
	for (i = 0; i < c->nsources; i++)
		for (j = 0; j < i; j++)
			if (strcmp(c->sources[i].name,
			    c->sources[j].name) == 0)
				return fail(p, spot(p, "sources", i, "name"),
				    "sources.name", "`%.60s` is here twice",
				    c->sources[i].name);
	return 0;
}

static int
check_vantage(const struct conf *c, const struct place *p)
{
	size_t	i, j;

	for (i = 0; i < c->nvantage; i++) {
		if ((c->vantage[i].url == NULL) ==
		    (c->vantage[i].file == NULL))
			return fail(p, spot(p, "vantage", i, NULL), "vantage",
			    "`%.60s` needs url or file, one of them",
			    c->vantage[i].name);
		for (j = 0; j < i; j++)
			if (strcmp(c->vantage[i].name, c->vantage[j].name)
			    == 0)
				return fail(p, spot(p, "vantage", i, "name"),
				    "vantage.name", "`%.60s` is here twice",
				    c->vantage[i].name);
	}
	for (i = 0; i < c->nwitnesses; i++)
		for (j = 0; j < i; j++)
			if (strcmp(c->witnesses[i].name, c->witnesses[j].name)
			    == 0)
				return fail(p, spot(p, "witnesses", i,
				    "name"), "witnesses.name",
				    "`%.60s` is here twice",
				    c->witnesses[i].name);
	return 0;
}

static int
check_routes(const struct conf *c, const struct place *p)
{
	const struct conf_route	*r;
	size_t			 i;
	int			 all;

	for (i = 0; i < c->nroutes; i++) {
		r = &c->routes[i];
		all = r->severity.n == 0 && r->kind.n == 0 &&
		    r->owner == NULL && r->watch == NULL;
		if (all && i + 1 < c->nroutes)
			return fail(p, spot(p, "routes", i, NULL), "routes",
			    "a route without `match` takes everything; it "
			    "must be the last");
		if (!all && i + 1 == c->nroutes)
			return fail(p, spot(p, "routes", i, NULL), "routes",
			    "the last route must have no `match`, so that "
			    "nothing is lost; add `- {to: [CHANNEL]}`");
	}
	return 0;
}

static int
is_seen_word(const char *text)
{
	return strcmp(text, "authoritative") == 0 ||
	    strcmp(text, "resolvers") == 0 || strcmp(text, "none") == 0;
}

int
conf_check_seen(const char *text, struct err *e)
{
	struct dnsservers	l;

	memset(&l, 0, sizeof(l));
	if (is_seen_word(text) || dnsserver_add(&l, text, NULL) == 0)
		return 0;
	return err_set(e, ERR_CONF, "`%.60s` is neither authoritative, "
	    "resolvers, none, nor the address of a resolver", text);
}

/* Challenges whose record is placed as that of dns-01 is. */
static int
check_more(const struct conf *c, const struct place *p,
    const struct conf_node *n)
{
	int	way = c->dns01_server != NULL || c->dns01_hook != NULL ||
		    c->dns01_acmedns_url != NULL;
	int	fixed = c->dns01_hook != NULL &&
		    strcmp(c->dns01_convention, "lego") != 0;

	if (c->dns_account01 && (!way || fixed))
		return fail(p, n, "acme.challenges.dns-account-01", "it is "
		    "placed as dns-01 is: by rfc2136, acme_dns, or a hook of "
		    "convention lego, which is told the record's name");
	if (c->dns_persist01 && strcmp(c->persist_place, "dns-01") == 0 &&
	    c->dns01_server == NULL)
		return fail(p, n, "acme.challenges.dns-persist-01", "place: "
		    "dns-01 needs dns-01: {rfc2136: ...}");
	return 0;
}

static int
check_dns01(const struct conf *c, const struct place *p)
{
	static const char	 path[] = "acme.challenges.dns-01";
	const struct conf_node	*n = spot(p, "acme", 0, "challenges");
	struct dnsservers	 l;
	struct err		 why = ERR_INIT;
	int			 some = c->dns01_server != NULL ||
				    c->dns01_key_name != NULL ||
				    c->dns01_secret_file != NULL;
	size_t			 i;

	if (some && (c->dns01_server == NULL || c->dns01_key_name == NULL ||
	    c->dns01_secret_file == NULL))
		return fail(p, n, path, "rfc2136 needs all three: server, "
		    "key_name, secret_file");
	if ((c->dns01_acmedns_url == NULL) != (c->dns01_acmedns_file == NULL))
		return fail(p, n, path, "acme_dns needs both: url, "
		    "storage_file");
	if (some + (c->dns01_hook != NULL) + (c->dns01_acmedns_url != NULL) >
	    1)
		return fail(p, n, path, "one of rfc2136, acme_dns and hook "
		    "places the record, not several");
	memset(&l, 0, sizeof(l));
	if (some && dnsserver_read(&l.v[0], c->dns01_server, &why) == -1)
		return fail(p, n, path, "rfc2136.server: %s", why.msg);
	for (i = 0; i < c->dns01_resolvers.n; i++)
		if (dnsserver_add(&l, c->dns01_resolvers.v[i], &why) == -1)
			return fail(p, n, path, "resolvers: %s", why.msg);
	for (i = 0; i < c->dns01_check.n; i++)
		if (is_seen_word(c->dns01_check.v[i]) &&
		    c->dns01_check.n != 1)
			return fail(p, n, path, "check: either "
			    "authoritative, resolvers or none, or addresses");
	if (c->dns01_check.n == 1 && c->dns01_resolvers.n == 0 &&
	    strcmp(c->dns01_check.v[0], "resolvers") == 0)
		return fail(p, n, path, "check: resolvers needs resolvers: "
		    "[ADDRESS, ...]");
	return check_more(c, p, n);
}

/* What no watch covers is kept of no log, and would be missed each time. */
static int
check_canary(const struct conf *c, const struct place *p)
{
	struct route_facts	f = { 0, "", "", "", "", "", "", "", 0 };
	size_t			i;
	char			name[WATCH_TEXT];

	if (c->canary_name == NULL)
		return c->canary_every == 0 ? 0 : fail(p, spot(p, "canary", 0,
		    NULL), "canary", "every needs name: NAME");
	(void)watch_canon(c->canary_name, name, NULL);
	f.name = name;
	for (i = 0; i < c->nwatch; i++)
		if (route_covers(c->watch[i].name, &f))
			return 0;
	if (c->nwatch == 0 || c->watch_file != NULL)
		return 0;
	return fail(p, spot(p, "canary", 0, "name"), "canary.name", "no watch "
	    "covers it; add `%.100s` to watch", name);
}

int
conf_check_all(const struct conf *c, const struct conf_node *root,
    const char *file, struct err *e)
{
	struct place	p = { root, file, e };

	if (c->log_list_url != NULL && c->log_list_file != NULL)
		return fail(&p, spot(&p, "log_list", 0, NULL), "log_list",
		    "either url or file, not both");
	if (c->heartbeat_url != NULL && c->heartbeat_url_file != NULL)
		return fail(&p, spot(&p, "heartbeat", 0, NULL), "heartbeat",
		    "either url or url_file, not both");
	if (c->source_addresses.n > LIMIT_SOURCE_ADDRESSES)
		return fail(&p, spot(&p, "fetch", 0, NULL),
		    "fetch.source_addresses", "%zu addresses; at most %u",
		    c->source_addresses.n, LIMIT_SOURCE_ADDRESSES);
	if ((c->digest_at != NULL) != (c->digest_to.n != 0))
		return fail(&p, spot(&p, "digest", 0, NULL), "digest",
		    "both are needed: at: \"08:00\" and to: [CHANNEL]");
	if (check_urls(c, &p) == -1 || check_watches(c, &p) == -1 ||
	    check_channels(c, &p) == -1 || check_dns01(c, &p) == -1 ||
	    check_canary(c, &p) == -1 || check_vantage(c, &p) == -1)
		return -1;
	return check_routes(c, &p);
}
