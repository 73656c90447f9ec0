#include <libpsl.h>
#include <stdio.h>
#include <string.h>

#include "auditor/db/acme_ledger.h"
#include "auditor/role/acme_preflight_part.h"
#include "base/clk.h"
#include "base/mem.h"

/*
 * Rate limits of CAs, as they publish them, against our own ledger: a CA that
 * was asked too often answers later, not sooner.  What another client asked
 * of it for the same names is not known here.
 */

/* A renewal at the time that the CA asks for it counts for none of them. */
struct limits {
	const char		*directory;
	struct acme_window	 orders;	/* new ones of an account */
	struct acme_window	 domain;	/* certificates, not renewals,
						   of a registered domain */
	struct acme_window	 exact;		/* of one set of names */
	struct acme_window	 failed;	/* validations of a name */
};

#define HOUR	3600
#define WEEK	(7 * 86400)

static const struct limits limits[] = {
	/* https://letsencrypt.org/docs/rate-limits/ */
	{ "https://acme-v02.api.letsencrypt.org/directory",
	    { 3 * HOUR, 300 }, { WEEK, 50 }, { WEEK, 5 }, { HOUR, 5 } },
};

static const struct limits *
limits_of(const char *directory)
{
	size_t	i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(limits[i].directory, directory) == 0)
			return &limits[i];
	return NULL;
}

/* One of them, in words: "300 new orders of an account in 3 h". */
static void
say(const struct acme_window *w, const struct acme_count *c,
    const char *what, struct acme_checks *out)
{
	struct acme_check	*k;
	char			 at[CLK_TEXT], span[32];

	if (c->n * 5 < w->max * 4)
		return;
	if (w->secs % 86400 == 0)
		(void)snprintf(span, sizeof(span), "%d days",
		    (int)(w->secs / 86400));
	else
		(void)snprintf(span, sizeof(span), "%d h",
		    (int)(w->secs / HOUR));
	if (c->n < w->max) {
		k = acme_checks_add(out, ACME_SAYS_OK, "budget", c->name,
		    "%lld of the %lld %s that the CA allows in %s are used "
		    "up", (long long)c->n, (long long)w->max, what, span);
		k->warn = 1;
		return;
	}
	k = acme_checks_add(out, ACME_SAYS_WRONG, "budget", c->name,
	    "the CA allows %lld %s in %s, and we have had them: it is "
	    "possible again from %s on", (long long)w->max, what, span,
	    clk_text(c->oldest + w->secs * CLK_SEC, at));
	k->until = c->oldest + w->secs * CLK_SEC;
}

/* What the names were registered as; borrows from them. */
static struct db_strs
registered(const struct acme_preflight_ask *a, const char **v)
{
	const psl_ctx_t	*psl = psl_builtin();
	const char	*name, *dom;
	struct db_strs	 s = { v, 0 };
	struct netaddr	 ip;
	size_t		 i, k;

	for (i = 0; i < a->names.n; i++) {
		name = a->names.v[i];
		if (netaddr_parse(&ip, name) == 0)
			continue;
		if (strncmp(name, "*.", 2) == 0)
			name += 2;
		dom = psl != NULL ? psl_registrable_domain(psl, name) : NULL;
		if (dom == NULL)
			continue;
		for (k = 0; k < s.n && strcmp(v[k], dom) != 0; k++)
			;
		if (k == s.n)
			v[s.n++] = dom;
	}
	return s;
}

static int
published(const struct acme_preflight_ask *a, const struct limits *l,
    struct acme_checks *out, struct err *e)
{
	const char		**v = mem_array(a->names.n, sizeof(*v));
	struct db_strs		  doms = registered(a, v);
	struct acme_count	  c;
	int			  had, rc = -1;

	had = acme_ledger_had(a->db, a->directory, &a->names, e);
	if (had == -1)
		goto out;
	/* the same names again are a renewal: fewer limits */
	if (!had) {
		if (acme_ledger_orders(a->db, a->account->id, &l->orders, &c,
		    e) == -1)
			goto out;
		say(&l->orders, &c, "new orders of an account", out);
		if (acme_ledger_domains(a->db, a->directory, &doms,
		    &l->domain, &c, e) == -1)
			goto out;
		say(&l->domain, &c, "certificates of a registered domain",
		    out);
	}
	if (acme_ledger_exact(a->db, a->directory, &a->names, &l->exact, &c,
	    e) == -1)
		goto out;
	say(&l->exact, &c, "certificates with exactly these names", out);
	if (acme_ledger_failed(a->db, a->account->id, &a->names, &l->failed,
	    &c, e) == -1)
		goto out;
	say(&l->failed, &c, "failed validations of a name", out);
	rc = 0;
out:
	free(v);
	return rc;
}

int
acme_rate_check(const struct acme_preflight_ask *a, struct acme_checks *out,
    struct err *e)
{
	const struct limits	*l = limits_of(a->directory);
	struct acme_check	*k;
	size_t			 before = out->n;
	int64_t			 until;
	char			 why[400], *its;
	int			 rc = 0;

	if (a->db == NULL)
		return 0;
	if (a->managed != 0 && (rc = acme_ledger_wait(a->db, a->managed,
	    &until, why, sizeof(why), e)) == 1) {
		/* its own words, not ours before them */
		its = strstr(why, "the CA limits");
		k = acme_checks_add(out, ACME_SAYS_WRONG, "budget", "",
		    "the CA wants us to wait: %s", its != NULL ? its : why);
		k->until = until;
		k->stored = 1;
	}
	if (rc != -1)
		rc = 0;
	if (rc == 0 && l != NULL && a->account->id != 0 && !a->replaces)
		rc = published(a, l, out, e);
	if (rc == 0 && out->n == before)
		(void)acme_checks_add(out, ACME_SAYS_OK, "budget", "", "%s",
		    l == NULL ? "the CA publishes no rate limits that are "
		    "known here" : a->replaces ? "a renewal when the CA asks "
		    "for it is not limited" : "within the CA's rate limits");
	return rc;
}
