#include <stdio.h>
#include <string.h>

#include "acme/chal.h"
#include "auditor/caa.h"
#include "auditor/net/dnsmsg.h"
#include "auditor/role/acme_preflight_part.h"
#include "base/clk.h"
#include "base/mem.h"

/* What stands in the DNS: CAA records and standing grants. */

int
acme_ask_failed(const struct probe_said *s, char *out, size_t cap)
{
	if (s->ok && (s->rcode == DNSMSG_NOERROR ||
	    s->rcode == DNSMSG_NXDOMAIN))
		return 0;
	if (s->ok)
		(void)snprintf(out, cap, "%s says %s", s->resolver,
		    s->rcode == 2 ? "SERVFAIL" : s->rcode == 5 ? "REFUSED" :
		    "that it cannot answer");
	else
		(void)snprintf(out, cap, "%.200s", s->message);
	return 1;
}

/* --- CAA ---------------------------------------------------------------------- */

/* The whole climb at once: asking one after the other would take longer. */
void
acme_caa_ask(struct acme_asks *a, const struct acme_subject *s)
{
	const char	*name = s->ident.text;
	unsigned	 i;

	for (i = 0; name != NULL && *name != '\0' && i <
	    LIMIT_PREFLIGHT_LABELS; name = caa_parent(name), i++)
		acme_asks_add(a, name, ACME_ASK_CAA);
}

/* The first set on the way up: 0; -1 and why it cannot be had. */
static int
climb(const struct acme_asks *a, const struct acme_subject *s,
    struct caa_set *set, char *why, size_t cap)
{
	struct probe_said	 said;
	char			 what[256];
	const char		*name = s->ident.text;
	size_t			 i;
	unsigned		 up;

	for (up = 0; name != NULL && *name != '\0' && up <
	    LIMIT_PREFLIGHT_LABELS; name = caa_parent(name), up++) {
		(void)acme_asks_said(a, name, ACME_ASK_CAA, &said);
		if (acme_ask_failed(&said, what, sizeof(what))) {
			(void)snprintf(why, cap, "the CAA records of %s "
			    "cannot be had (%s); a CA that hears this does "
			    "not issue", name, what);
			return -1;
		}
		if (said.n == 0)
			continue;
		(void)snprintf(set->at, sizeof(set->at), "%.255s", name);
		for (i = 0; i < said.n; i++)
			(void)caa_add(set, said.rr[i].rdata, NULL);
		return 0;
	}
	return 0;
}

/* An issuance as CAA records see it. */
struct issuance {
	const struct directory	*dir;
	int			 wild;
	const char		*account;	/* NULL: any */
	const char		*method;	/* NULL: any */
};

/*
 * Does one of the CA's names have leave?  *who is the one that the records
 * speak of, else the first; ${why} is about that one.
 */
static int
allowed(const struct caa_set *set, const struct issuance *i,
    const char **who, char *why, size_t cap)
{
	const struct directory	*d = i->dir;
	char			 text[700];
	size_t			 k;
	int			 r, best = -1;

	*who = d->ncaa != 0 ? d->caa[0] : NULL;
	for (k = 0; k < (d->ncaa != 0 ? d->ncaa : 1); k++) {
		const char	*id = d->ncaa != 0 ? d->caa[k] : NULL;

		r = caa_allows(set, id, i->wild, i->account, i->method, text,
		    sizeof(text));
		if (k == 0 || r == 1)
			(void)snprintf(why, cap, "%s", text);
		if (k == 0)
			best = r;
		if (r == 1 || (r == 0 && caa_allows(set, id, i->wild, NULL,
		    NULL, text, sizeof(text)) == 1)) {
			/* it is named: only account or method can be amiss */
			(void)caa_allows(set, id, i->wild, i->account,
			    i->method, why, cap);
			*who = id;
			return r;
		}
	}
	return best;
}

/* Does adding ${value} help?  Not against a critical record, for one. */
static int
helps(const struct caa_set *set, const char *tag, const char *value,
    const struct issuance *i)
{
	struct caa_set	 more = *set;
	struct caa_rr	*rr;
	const char	*who;
	char		 why[700];
	int		 r;

	more.v = mem_array(set->n + 1, sizeof(*more.v));
	if (set->n != 0)
		memcpy(more.v, set->v, set->n * sizeof(*more.v));
	more.n = set->n + 1;
	rr = &more.v[set->n];
	memset(rr, 0, sizeof(*rr));
	(void)snprintf(rr->tag, sizeof(rr->tag), "%s", tag);
	(void)snprintf(rr->value, sizeof(rr->value), "%s", value);
	r = allowed(&more, i, &who, why, sizeof(why));
	caa_free(&more);
	return r == 1;
}

/* What to write instead, for the CA's name ${who}. */
static void
advise(const struct caa_set *set, const struct issuance *is, const char *who,
    char *out, size_t cap)
{
	const char	*tag = "issue";
	char		 value[700], why[400];
	size_t		 i;

	for (i = 0; is->wild && i < set->n; i++)
		if (strcmp(set->v[i].tag, "issuewild") == 0)
			tag = "issuewild";
	(void)snprintf(value, sizeof(value), "%.255s", who);
	/* where the CA is named, it is the account or the method */
	if (is->account != NULL && caa_allows(set, who, is->wild, NULL, NULL,
	    why, sizeof(why)) == 1)
		(void)snprintf(value, sizeof(value), "%.255s; accounturi="
		    "%.300s; validationmethods=%s", who, is->account,
		    is->method);
	if (helps(set, tag, value, is))
		(void)snprintf(out, cap, "add the record: %.255s. CAA 0 %s "
		    "\"%s\"", set->at, tag, value);
	else
		(void)snprintf(out, cap, "take that record away");
}

void
acme_caa_check(const struct acme_asks *asks, const struct acme_subject *s,
    const struct acme_preflight_ask *a, struct acme_checks *out)
{
	struct issuance	 is = { a->dir, s->ident.wildcard, a->account->url,
			    NULL };
	struct caa_set	 set;
	const char	*who = NULL;
	char		 why[700], fix[1200];
	size_t		 i;
	int		 first = -1, any = 0;

	memset(&set, 0, sizeof(set));
	if (climb(asks, s, &set, why, sizeof(why)) == -1) {
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "caa", s->text,
		    "%s", why);
		return;
	}
	/* which of them the CA offers is not known yet: the first, else any */
	for (i = s->ntypes; i-- != 0;) {
		is.method = challenge_name(s->type[i]);
		first = allowed(&set, &is, &who, why, sizeof(why));
		any |= first == 1;
	}
	if (first == 1)
		(void)acme_checks_add(out, ACME_SAYS_OK, "caa", s->text, "%s",
		    set.n == 0 ? "no CAA records: any CA may issue" : why);
	else if (first == -1 && a->dir->ncaa == 0)
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "caa", s->text,
		    "there are CAA records at %s, but the CA's directory does "
		    "not say by which name it goes there (caaIdentities)",
		    set.at);
	else if (first == -1 || any)
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "caa", s->text,
		    "%s%s", why, any ? "; another challenge type is allowed" :
		    "");
	else if (who == NULL)
		(void)acme_checks_add(out, ACME_SAYS_WRONG, "caa", s->text,
		    "CAA forbids it: %s; take that record away", why);
	else {
		advise(&set, &is, who, fix, sizeof(fix));
		(void)acme_checks_add(out, ACME_SAYS_WRONG, "caa", s->text,
		    "CAA forbids %s to issue it: %s; %s", who, why, fix);
	}
	caa_free(&set);
}

/* --- dns-persist-01 --------------------------------------------------------------- */

void
acme_grant_ask(struct acme_asks *a, const struct acme_subject *s)
{
	char	owner[NAME_TEXT];

	if (chal_owner(CHALLENGE_DNS_PERSIST_01, s->text, NULL, owner, NULL) == 0)
		acme_asks_add(a, owner, ACME_ASK_TXT);
}

/* The strings of a TXT record, joined; -1 when it is not well formed. */
static int
joined(struct span rdata, struct buf *out)
{
	struct cur	c = { NULL, NULL }, one;

	buf_reset(out);
	if (rdata.n != 0)
		c = cur_span(rdata);
	while (cur_left(&c) != 0) {
		if (cur_vec8(&c, &one) == -1)
			return -1;
		buf_span(out, cur_rest(&one));
	}
	return 0;
}

/* Does a record of them grant it to one of the CA's names? */
static int
granted(const struct probe_said *said, const struct directory *d,
    struct chal_persist *want, struct err *e)
{
	struct buf	text = BUF_INIT;
	struct err	why = ERR_INIT;
	size_t		i, k;
	int		r = 0;

	for (i = 0; i < said->n && r == 0; i++)
		for (k = 0; k < d->ncaa && r == 0; k++) {
			want->issuer = d->caa[k];
			err_clear(&why);
			r = joined(said->rr[i].rdata, &text) == 0 &&
			    chal_persist_ok(buf_bytes(&text), want,
			    clk_wall(), &why);
			/* one of ours that is wrong says more than others' */
			if (r == 0 && why.code == ERR_PERM) {
				err_clear(e);
				(void)err_set(e, why.code, "%s", why.msg);
			}
		}
	buf_free(&text);
	return r;
}

void
acme_grant_check(const struct acme_asks *asks, const struct acme_subject *s,
    const struct acme_preflight_ask *a, struct acme_checks *out)
{
	struct chal_persist	 want = { NULL, a->account->url,
				    s->ident.wildcard, 0 };
	struct probe_said	 said;
	struct err		 why = ERR_INIT;
	struct buf		 value = BUF_INIT;
	char			 owner[NAME_TEXT], what[256];

	if (want.account == NULL || a->dir->ncaa == 0 ||
	    chal_owner(CHALLENGE_DNS_PERSIST_01, s->text, NULL, owner, NULL) == -1)
		return;
	(void)acme_asks_said(asks, owner, ACME_ASK_TXT, &said);
	if (acme_ask_failed(&said, what, sizeof(what))) {
		(void)acme_checks_add(out, ACME_SAYS_UNKNOWN, "grant",
		    s->text, "the TXT records of %s cannot be had (%s)",
		    owner, what);
		return;
	}
	if (granted(&said, a->dir, &want, &why)) {
		(void)acme_checks_add(out, ACME_SAYS_OK, "grant", s->text,
		    "a record at %s lets our account order it", owner);
		return;
	}
	want.issuer = a->dir->caa[0];
	if (chal_persist_txt(&want, &value, NULL) == 0)
		(void)acme_checks_add(out, s->written || s->ntypes > 1 ?
		    ACME_SAYS_UNKNOWN : ACME_SAYS_WRONG, "grant", s->text,
		    "%s; make the record: %s. IN TXT \"%s\"", why.code != ERR_NONE ?
		    why.msg : "no record lets our account order it", owner,
		    buf_text(&value));
	buf_free(&value);
}
