#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/url.h"
#include "auditor/alert/message.h"
#include "auditor/db/known_account.h"
#include "base/clk.h"
#include "pki/owner.h"

/*
 * CAA records that bind issuance to our account, and to those of our other
 * clients (RFC 8657), so that what the other one has proven is of no use to
 * it; and for how long that is.
 */

#define DAY		(86400 * CLK_SEC)
#define DAY_OF(d)	((int64_t)(d) * DAY)	/* days since 1970 */
/* An account that nobody has: what it may, any account may. */
#define ANYBODY		"https://account.invalid/of-nobody"

/* The name in CAA records of the CA that issued it, "": nobody says it. */
static const char *
ca_of(const struct respond *c, const struct directory *d)
{
	const char	*owner = message_get(c->finding, "issuer_owner");

	if (d != NULL && d->ncaa != 0 && c->ca != RESPOND_CA_OTHER)
		return d->caa[0];
	return strchr(owner, '.') != NULL && strchr(owner, ' ') == NULL ?
	    owner : "";
}

/* That of the CA where our account is. */
static const char *
ours_of(const struct respond *c, const struct directory *d)
{
	if (d != NULL && d->ncaa != 0)
		return d->caa[0];
	return c->ca != RESPOND_CA_OTHER ? ca_of(c, d) : "";
}

/* That of the CA of an account: ours, or the issuer, by its host; or "". */
static const char *
ca_at(const struct respond *c, const struct directory *d, const char *account)
{
	const char	*ca = ca_of(c, d);
	struct url	 a, u;
	size_t		 n, m = strlen(ca);

	if (url_read(account, &a, NULL) == -1)
		return "";
	if (c->directory != NULL && url_read(c->directory, &u, NULL) == 0 &&
	    strcmp(a.host, u.host) == 0 && a.port == u.port)
		return ours_of(c, d);
	n = strlen(a.host);
	return m != 0 && n >= m && strcmp(a.host + n - m, ca) == 0 &&
	    (n == m || a.host[n - m - 1] == '.') ? ca : "";
}

static const char *
base_of(const char *name)
{
	return san_wild(name) ? name + 2 : name;
}

/* Has the name CAA records at all? */
static int
has_caa(const struct respond *c, size_t i)
{
	uint8_t	ip[16];

	return c->name[i].watched && san_ip(c->names.v[i], ip) == 0;
}

/* All ways by which we can prove it: what we renew by must stay allowed. */
static void
methods(const struct respond *c, size_t i, struct buf *b)
{
	struct order_ident	id;
	size_t			k, n = 0;

	if (order_ident(c->names.v[i], &id, NULL) == 0)
		for (k = 0; k < c->ntypes; k++)
			if (challenge_fits(c->type[k], &id))
				buf_fmt(b, "%s%s", n++ != 0 ? "," : "",
				    challenge_name(c->type[k]));
	if (n == 0)
		buf_str(b, "dns-01");
}

int
respond_others(struct cmd_ctx *ctx, struct respond *c, struct err *e)
{
	struct db_res	*r = NULL;
	const char	*url, *last;
	size_t		 i, k;

	if (known_account_scopes(ctx->db, &r, e) == -1)
		return -1;
	for (i = 0; i < c->names.n; i++) {
		c->name[i].others = json_array();
		/* a row for each host and source that has it */
		for (k = 0, last = ""; k < db_rows(r); k++) {
			url = db_text(r, k, KNOWN_ACCOUNT_WHO);
			if (strcmp(url, last) == 0 ||
			    !known_account_may(r, k, c->names.v[i]))
				continue;
			json_array_append_new(c->name[i].others,
			    json_string(url));
			last = url;
		}
	}
	db_free(r);
	return 0;
}

static void
start(const struct respond *c, size_t i, const char *ca, const char *account,
    struct buf *b)
{
	buf_reset(b);
	buf_fmt(b, "%s. IN CAA 0 %s \"%s; accounturi=%s",
	    base_of(c->names.v[i]), san_wild(c->names.v[i]) ? "issuewild" :
	    "issue", ca[0] != '\0' ? ca : "CA", account);
}

static int
has(const json_t *a, const char *text)
{
	const json_t	*v;
	size_t		 i;

	json_array_foreach(a, i, v)
		if (strcmp(json_string_value(v), text) == 0)
			return 1;
	return 0;
}

/* Those of other clients, whose ways to prove the name are not known. */
static void
want_others(const struct respond *c, const struct directory *d, size_t i,
    json_t *a, json_t *out)
{
	struct buf	 b = BUF_INIT;
	const json_t	*v;
	const char	*url, *ca;
	size_t		 k;

	json_array_foreach(c->name[i].others, k, v) {
		url = json_string_value(v);
		if (c->account.url != NULL && strcmp(url, c->account.url) ==
		    0)
			continue;
		ca = ca_at(c, d, url);
		if (ca[0] == '\0') {
			if (!has(out, url))
				json_array_append_new(out, json_string(url));
			continue;
		}
		start(c, i, ca, url, &b);
		buf_str(&b, "\"");
		json_array_append_new(a, json_string(buf_text(&b)));
	}
	buf_free(&b);
}

json_t *
respond_caa_want(const struct respond *c, const struct directory *d,
    json_t *out)
{
	json_t		*a = json_array();
	struct buf	 b = BUF_INIT;
	size_t		 i;

	for (i = 0; i < c->names.n; i++) {
		if (!has_caa(c, i))
			continue;
		start(c, i, ours_of(c, d), c->account.url != NULL ?
		    c->account.url : "URL-OF-OUR-ACCOUNT", &b);
		buf_str(&b, "; validationmethods=");
		methods(c, i, &b);
		buf_str(&b, "\"");
		json_array_append_new(a, json_string(buf_text(&b)));
		want_others(c, d, i, a, out);
	}
	buf_free(&b);
	return a;
}

/* --- what is there ------------------------------------------------------- */

static json_t *
records(const struct caa_set *s)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < s->n; i++)
		json_array_append_new(a, json_sprintf("%u %s \"%s\"",
		    s->v[i].flags, s->v[i].tag, s->v[i].value));
	return a;
}

/* What the records of a name are for us, in a word and a sentence. */
static const char *
state(const struct respond *c, size_t i, const struct directory *d, char *why,
    size_t cap)
{
	const char			*ca = ca_of(c, d), *own = ours_of(c, d);
	const struct respond_caa	*x = &c->name[i].caa;
	char				 no[256];
	int				 wild, we = 0, they;

	if (!x->asked) {
		(void)snprintf(why, cap, "%s", x->why[0] != '\0' ? x->why :
		    "it was not asked for");
		return "unknown";
	}
	if (x->set.n == 0) {
		(void)snprintf(why, cap, "there are no records: any account "
		    "at any CA may order");
		return "none";
	}
	wild = san_wild(c->names.v[i]);
	they = ca[0] == '\0' ? -1 : caa_allows(&x->set, ca, wild, ANYBODY,
	    NULL, why, cap);
	if (c->account.url != NULL && own[0] != '\0')
		we = caa_allows(&x->set, own, wild, c->account.url,
		    c->name[i].how != 0 ? challenge_name(c->name[i].how) :
		    NULL, no, sizeof(no));
	if (they == -1) {
		(void)snprintf(why, cap, "the name of the CA in CAA records "
		    "is not known");
		return "unknown";
	}
	if (they == 1)
		return "open";
	if (we == 1)
		return "bound";
	if (c->account.url != NULL)
		(void)snprintf(why, cap, "%s", no);
	return "closed";
}

json_t *
respond_caa_have(const struct respond *c, const struct directory *d)
{
	json_t		*a = json_array();
	const char	*is;
	char		 why[400];
	size_t		 i;

	for (i = 0; i < c->names.n; i++) {
		if (!has_caa(c, i))
			continue;
		why[0] = '\0';
		is = state(c, i, d, why, sizeof(why));
		json_array_append_new(a, json_pack("{ss ss so ss ss}", "name",
		    c->names.v[i], "at", c->name[i].caa.set.at, "records",
		    records(&c->name[i].caa.set), "state", is, "why", why));
	}
	return a;
}

/* --- what the other account has proven ----------------------------------- */

/* From when on a CA uses a proof again for so long. */
struct reuse {
	int64_t		 from, us;
};

/* Let's Encrypt, profile classic, as it has announced it. */
static const struct reuse letsencrypt[] = {
	{ DAY_OF(21230), 7 * 3600 * CLK_SEC },	/* 2028-02-16 */
	{ DAY_OF(20859), 10 * DAY },		/* 2027-02-10 */
	{ 0, 30 * DAY },
};
/* At most (Baseline Requirements, 4.2.1). */
static const struct reuse anybody[] = {
	{ DAY_OF(21623), 10 * DAY },		/* 2029-03-15 */
	{ DAY_OF(20892), 100 * DAY },		/* 2027-03-15 */
	{ DAY_OF(20527), 200 * DAY },		/* 2026-03-15 */
	{ 0, 398 * DAY },
};

/* The last proof was made before the first log had it. */
static int64_t
proven_at(const struct respond *c)
{
	const json_t	*n;
	int64_t		 first = INT64_MAX, us;
	size_t		 i;

	json_array_foreach(c->entries, i, n) {
		us = json_integer_value(json_object_get(n, "timestamp")) *
		    1000;
		if (us < first)
			first = us;
	}
	return first != INT64_MAX ? first : c->not_before;
}

/* Until when a proof of ${at} counts, by the rule of the day of the order. */
static int64_t
until(const struct reuse *r, int64_t at)
{
	int64_t	next = INT64_MAX, end;

	for (;; next = r->from, r++) {
		end = at + r->us;
		if (end >= r->from)
			return end < next ? end : next;
	}
}

json_t *
respond_reuse(const struct respond *c, const json_t *have)
{
	const int	 le = owner_is(message_get(c->finding,
			    "issuer_owner"), (struct span){
			    (const uint8_t *)"letsencrypt.org", 15 });
	int64_t		 at = proven_at(c), end;
	const json_t	*n;
	const char	*is;
	char		 t[CLK_TEXT];
	size_t		 i;
	int		 bound = json_array_size(have) != 0;

	json_array_foreach(have, i, n) {
		is = message_get(n, "state");
		bound &= strcmp(is, "bound") == 0 || strcmp(is, "closed") ==
		    0;
	}
	end = until(le ? letsencrypt : anybody, at);
	return json_pack("{ss sf ss sb sb}", "until", clk_text(end, t),
	    "days", (double)(end - at) / (double)DAY, "by", le ?
	    "letsencrypt.org" : "Baseline Requirements 4.2.1", "over", end <
	    clk_wall(), "bound", bound);
}
