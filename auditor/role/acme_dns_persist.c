#include "auditor/role/acme_dns_persist.h"

#include <string.h>

#include "auditor/role/acme_dns_part.h"
#include "base/clk.h"

/* What the challenge is about, and the record that would do. */
struct grant {
	struct acme_dns_record	 r;
	struct chal_persist	 want;
	const char *const	*issuers;
	size_t			 nissuers;
};

/* Is the wildcard of the name in the order?  Then one record does for both. */
static int
is_wild(const struct flow_place *f)
{
	size_t	i;

	for (i = 0; i < f->nall; i++)
		if (f->all[i].wildcard &&
		    strcmp(f->all[i].text, f->ident.text) == 0)
			return 1;
	return f->ident.wildcard;
}

static int
grant_of(struct acme_dns *d, const struct flow_place *f, struct grant *g,
    struct err *e)
{
	struct buf	b = BUF_INIT;
	int		rc;

	memset(g, 0, sizeof(*g));
	if (d->account == NULL || f->nissuers == 0)
		return err_set(e, ERR_FORMAT, "dns-persist-01: the CA names "
		    "no issuer for %.120s", f->ident.text);
	/* what would be granted to an account that is not ours */
	if (f->account != NULL && strcmp(f->account, d->account) != 0)
		return err_set(e, ERR_PERM, "dns-persist-01: the CA asks for "
		    "a grant to another account than ours, %.160s",
		    d->account);
	g->r.place = f;
	g->r.ident = f->ident.text;
	g->issuers = f->issuers;
	g->nissuers = f->nissuers;
	g->want.issuer = f->issuers[0];
	g->want.account = d->account;
	g->want.wildcard = is_wild(f);
	if (d->conf->persist_until != INT64_MIN)
		g->want.until = d->conf->persist_until / CLK_SEC;
	rc = chal_owner(CHALLENGE_DNS_PERSIST_01, f->ident.text, NULL, g->r.owner,
	    e);
	if (rc == 0)
		rc = chal_persist_txt(&g->want, &b, e);
	if (rc == 0 && b.n > LIMIT_DNS_VALUE)
		rc = err_set(e, ERR_LIMIT, "dns-persist-01: the record would "
		    "have %zu bytes", b.n);
	if (rc == 0)
		memcpy(g->r.value, buf_text(&b), b.n + 1);
	buf_free(&b);
	return rc;
}

/* The strings of a TXT record, joined; what is not well formed ends them. */
static void
joined(struct span rdata, struct buf *out)
{
	struct cur	k = cur_span(rdata), s;

	buf_reset(out);
	while (cur_left(&k) > 0 && cur_vec8(&k, &s) == 0)
		buf_span(out, cur_rest(&s));
}

/* One of the records grants it: 1, or 0 and why the last one does not. */
static int
grants(const struct grant *g, const struct probe_said *said, struct err *why)
{
	struct chal_persist	w = g->want;
	struct buf		txt = BUF_INIT;
	struct err		x = ERR_INIT;
	size_t			i, k;
	int			yes = 0;

	w.wildcard = g->r.place->ident.wildcard;
	for (i = 0; i < said->n && !yes; i++) {
		joined(said->rr[i].rdata, &txt);
		for (k = 0; k < g->nissuers && !yes; k++) {
			w.issuer = g->issuers[k];
			err_clear(&x);
			yes = chal_persist_ok(buf_bytes(&txt), &w, clk_wall(),
			    &x);
			if (!yes && (why->code == ERR_NONE ||
			    why->code == ERR_NOENT))
				*why = x;
		}
	}
	buf_free(&txt);
	return yes;
}

/* 1 it is there; 0 it is not, and why what is there does not do; -1. */
static int
look(struct acme_dns *d, const struct grant *g, struct err *why,
    struct err *e)
{
	struct probe_said	 said;
	struct dnsask		*a = acme_dns_ask(d, g->r.owner, &said, e);
	int			 rc;

	if (a == NULL)
		return err_prefix(e, "dns-persist-01");
	rc = grants(g, &said, why);
	dnsask_free(a);
	return rc;
}

int
acme_dns_persist(struct acme_dns *d, const struct flow_place *f,
    struct err *e)
{
	struct err	why = ERR_INIT;
	struct grant	g;
	int		rc;

	if (grant_of(d, f, &g, e) == -1)
		return -1;
	if ((rc = look(d, &g, &why, e)) != 0)
		return rc == 1 ? 0 : -1;
	if (strcmp(d->conf->persist_place, "dns-01") == 0)
		return acme_dns_update(d, DNSUPDATE_ADD, &g.r, 0, e) == 0 ?
		    acme_dns_check(d, g.r.owner, g.r.value, e) : -1;
	return err_set(e, ERR_CONF, "dns-persist-01: %s; make the record: "
	    "%.160s. IN TXT \"%.250s\"", why.code == ERR_NONE ? "there is "
	    "none that grants it" : why.msg, g.r.owner, g.r.value);
}
