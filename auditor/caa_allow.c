#include "auditor/caa.h"

#include <stdio.h>
#include <string.h>

#include "auditor/caa_value.h"
#include "pki/owner.h"

#define CRITICAL 128

/* Whom a set allows: RFC 8659 section 4, parameters of RFC 8657. */

/* What one issuance asks of the records. */
struct ask {
	const char	*issuer;	/* NULL: not known */
	const char	*account;
	const char	*method;
};

/* What one record says to it. */
enum says { SAYS_NO, SAYS_YES, SAYS_OTHER, SAYS_NOT_SO, SAYS_MALFORMED };

static const char *const says_text[] = {
	[SAYS_NO]		= "allows nobody",
	[SAYS_YES]		= "allows it",
	[SAYS_OTHER]		= "is of another issuer",
	[SAYS_NOT_SO]		= "does not allow it with this account or "
				  "method",
	[SAYS_MALFORMED]	= "is malformed, which allows nobody "
				  "(RFC 8659 4.2)",
};

/* The bytes that a cleaned value stands for; -1: one that is no text. */
static int
raw_value(const char *in, char *out, size_t *n)
{
	*n = 0;
	for (; *in != '\0'; in++) {
		if (*in == '\\' && *++in != '\\')
			return -1;
		out[(*n)++] = *in;
	}
	return 0;
}

/* Is ${method} in the list (RFC 8657 4: names with commas between them)? */
static int
has_method(struct span list, const char *method)
{
	const char	*p = (const char *)list.p, *end = p + list.n, *comma;
	size_t		 n = strlen(method);

	for (; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		if ((size_t)(comma - p) == n && memcmp(p, method, n) == 0)
			return 1;
	}
	return 0;
}

/* Go through the parameters; an unknown one is not ours to judge. */
static enum says
say_params(struct caa_value *v, const struct ask *a)
{
	struct caa_param	p;
	int			accounts = 0, methods = 0, r, ok = 1;

	while ((r = caa_value_next(v, &p)) == 1) {
		if (caa_value_is(p.tag, "accounturi")) {
			accounts++;
			if (a->account != NULL &&
			    (p.value.n != strlen(a->account) ||
			    memcmp(p.value.p, a->account, p.value.n) != 0))
				ok = 0;
		} else if (caa_value_is(p.tag, "validationmethods")) {
			methods++;
			if (a->method != NULL &&
			    !has_method(p.value, a->method))
				ok = 0;
		}
	}
	if (r == -1)
		return SAYS_MALFORMED;
	/* Two of them can be met by nobody (RFC 8657 3). */
	return ok && accounts <= 1 && methods <= 1 ? SAYS_YES : SAYS_NOT_SO;
}

static enum says
say(const struct caa_rr *rr, const struct ask *a)
{
	struct caa_value	v;
	char			raw[sizeof(rr->value)];
	enum says		s;
	size_t			n;

	if (raw_value(rr->value, raw, &n) == -1 || caa_value_start(
	    (struct span){ (const uint8_t *)raw, n }, &v) == -1)
		return SAYS_MALFORMED;
	if ((s = say_params(&v, a)) == SAYS_MALFORMED)
		return s;
	if (v.issuer.n == 0)
		return SAYS_NO;
	if (a->issuer == NULL || !owner_is(a->issuer, v.issuer))
		return SAYS_OTHER;
	return s;
}

/* Critical, and none of the tags that an issuer must know? */
static int
is_unknown(const struct caa_rr *rr)
{
	static const char *const	known[] = { "issue", "issuewild",
	    "iodef", "issuemail", "issuevmc", "" };
	size_t				i;

	if ((rr->flags & CRITICAL) == 0)
		return 0;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(rr->tag, known[i]) == 0)
			return 0;
	return 1;
}

/* Say which record decided, as `0 issue "ca.example"`. */
static void
because(char *why, size_t cap, const struct caa_set *s,
    const struct caa_rr *rr, const char *what)
{
	(void)snprintf(why, cap, "%u %s \"%s\" at %s %s", rr->flags, rr->tag,
	    rr->value, s->at, what);
}

/* What all records of the tag that decides say together. */
static int
all_say(const struct caa_set *s, const char *tag, const struct ask *a,
    char *why, size_t cap)
{
	enum says	one;
	size_t		i, n = 0, others = 0;

	for (i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].tag, tag) != 0)
			continue;
		one = say(&s->v[i], a);
		/* The first record that has more to say than "not you". */
		if (n++ == 0 || one != SAYS_OTHER)
			because(why, cap, s, &s->v[i], says_text[one]);
		if (one == SAYS_YES)
			return 1;
		others += one == SAYS_OTHER;
	}
	if (a->issuer == NULL && others > 0) {
		(void)snprintf(why, cap, "the CAA identifier of the issuer "
		    "is not known");
		return -1;
	}
	if (others == n && n > 1)
		(void)snprintf(why, cap, "none of the %zu %s records at %s "
		    "is of this issuer", n, tag, s->at);
	return 0;
}

/* How many records have the tag. */
static size_t
count(const struct caa_set *s, const char *tag)
{
	size_t	i, n = 0;

	for (i = 0; i < s->n; i++)
		n += strcmp(s->v[i].tag, tag) == 0;
	return n;
}

/* An owner that is not in our table has a name of words. */
static int
is_identifier(const char *issuer)
{
	return issuer != NULL && strchr(issuer, '.') != NULL &&
	    strchr(issuer, ' ') == NULL;
}

int
caa_allows(const struct caa_set *s, const char *issuer, int wildcard,
    const char *account, const char *method, char *why, size_t cap)
{
	struct ask	 a = { is_identifier(issuer) ? issuer : NULL, account,
			    method };
	const char	*tag = "issue";
	size_t		 i;
	int		 r = 1;

	for (i = 0; i < s->n; i++)
		if (is_unknown(&s->v[i])) {
			because(why, cap, s, &s->v[i], "is critical and not "
			    "known (RFC 8659 4.1)");
			return 0;
		}
	/* issuewild replaces issue for a wildcard (RFC 8659 4.3). */
	if (wildcard && count(s, "issuewild") > 0)
		tag = "issuewild";
	if (count(s, tag) > 0)
		r = all_say(s, tag, &a, why, cap);
	else if (s->n == 0)
		(void)snprintf(why, cap, "there are no CAA records");
	else
		(void)snprintf(why, cap, "the records at %s restrict no "
		    "issuer", s->at);
	/* A record that cannot be read could have refused. */
	if (r == 1 && count(s, "") > 0) {
		(void)snprintf(why, cap, "a record at %s cannot be read",
		    s->at);
		return -1;
	}
	return r;
}
