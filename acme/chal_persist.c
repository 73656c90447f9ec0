#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/chal.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

/* The record of dns-persist-01: acme/chal.h has the contract. */

#define DIGITS_MAX	18	/* of a time: 64 bits hold it */

/* What a record says; all borrowed from it. */
struct record {
	struct span	issuer;
	struct span	account;
	struct span	policy;
	struct span	until;
};

/* Without blanks (RFC 5234, WSP) at both ends. */
static struct span
trim(struct span s)
{
	while (s.n != 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n != 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Cut at the first ${c}; what is behind it into *rest, p NULL: there is
   none. */
static struct span
cut(struct span s, uint8_t c, struct span *rest)
{
	const uint8_t	*at = s.n != 0 ? memchr(s.p, c, s.n) : NULL;

	*rest = (struct span){ NULL, 0 };
	if (at == NULL)
		return s;
	*rest = (struct span){ at + 1, (size_t)(s.p + s.n - at) - 1 };
	s.n = (size_t)(at - s.p);
	return s;
}

static int
is(struct span s, const char *text)
{
	return s.n == strlen(text) &&
	    strncasecmp((const char *)s.p, text, s.n) == 0;
}

/* RFC 8659, 4.2: letters, digits and hyphens within. */
static int
tag_ok(struct span s)
{
	size_t	i;

	for (i = 0; i < s.n; i++)
		if (!((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] == '-' && i != 0 && i != s.n - 1))
			return 0;
	return s.n != 0;
}

/* RFC 8659, 4.2: printable ASCII without blanks and semicolons. */
static int
value_ok(struct span s)
{
	size_t	i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ';')
			return 0;
	return 1;
}

/* One parameter: NULL, or what is wrong with it. */
static const char *
read_param(struct span param, struct record *r)
{
	struct span	 tag, value, *to = NULL;

	param = trim(param);
	if (param.n == 0)
		return "an empty parameter or a semicolon at the end";
	tag = trim(cut(param, '=', &value));
	if (value.p == NULL || !tag_ok(tag))
		return "a parameter that is not tag=value";
	value = trim(value);
	if (!value_ok(value))
		return "a value with a byte that may not be there";
	if (is(tag, "accounturi"))
		to = &r->account;
	else if (is(tag, "policy"))
		to = &r->policy;
	else if (is(tag, "persistuntil"))
		to = &r->until;
	if (to == NULL)
		return NULL;
	if (to->p != NULL)
		return "a parameter that is there twice";
	*to = value;
	return NULL;
}

static const char *
read_record(struct span txt, struct record *r)
{
	struct span	 rest;
	const char	*why;
	size_t		 i;

	memset(r, 0, sizeof(*r));
	if (txt.n > LIMIT_PERSIST)
		return "it is too long";
	r->issuer = trim(cut(txt, ';', &rest));
	while (rest.p != NULL)
		if ((why = read_param(cut(rest, ';', &rest), r)) != NULL)
			return why;
	if (r->account.n == 0)
		return "no accounturi";
	for (i = 0; i < r->until.n; i++)
		if (r->until.p[i] < '0' || r->until.p[i] > '9')
			break;
	if (r->until.p != NULL && (r->until.n == 0 || i != r->until.n ||
	    i > DIGITS_MAX))
		return "a persistUntil that is no time in seconds";
	return NULL;
}

/* Is it this issuer: names of DNS, in either case, a dot at the end or not? */
static int
same_issuer(struct span s, const char *wanted)
{
	char	a[NAME_TEXT], b[NAME_TEXT];

	return name_canon((const char *)s.p, s.n, a, NULL) == 0 &&
	    name_canon(wanted, strlen(wanted), b, NULL) == 0 &&
	    strcmp(a, b) == 0;
}

/* The digits, which were looked at. */
static int64_t
number(struct span s)
{
	int64_t	v = 0;

	while (s.n-- != 0)
		v = v * 10 + (*s.p++ - '0');
	return v;
}

int
chal_persist_ok(struct span txt, const struct chal_persist *w, int64_t now,
    struct err *e)
{
	struct record	 r;
	const char	*why = read_record(txt, &r);

	if (r.issuer.n != 0 && !same_issuer(r.issuer, w->issuer)) {
		(void)err_set(e, ERR_NOENT, "the record is for another "
		    "issuer than %s", w->issuer);
		return 0;
	}
	if (r.issuer.n == 0 || why != NULL) {
		(void)err_set(e, ERR_FORMAT, "the record is malformed: %s "
		    "(RFC 8659, 4.2)", why != NULL ? why : "no issuer");
		return 0;
	}
	if (r.account.n != strlen(w->account) ||
	    memcmp(r.account.p, w->account, r.account.n) != 0)
		(void)err_set(e, ERR_PERM, "the record is for another account "
		    "than %s", w->account);
	else if (w->wildcard && !is(r.policy, "wildcard"))
		(void)err_set(e, ERR_PERM, "the record does not allow "
		    "wildcards: it has no policy=wildcard");
	else if (r.until.p != NULL && number(r.until) < now / CLK_SEC)
		(void)err_set(e, ERR_PERM, "the record's persistUntil is "
		    "over");
	else
		return 1;
	return 0;
}

int
chal_persist_txt(const struct chal_persist *p, struct buf *out,
    struct err *e)
{
	struct buf	b = BUF_INIT;
	int		r;

	buf_fmt(&b, "%s; accounturi=%s", p->issuer, p->account);
	if (p->wildcard)
		buf_str(&b, "; policy=wildcard");
	if (p->until != 0)
		buf_fmt(&b, "; persistUntil=%lld", (long long)p->until);
	/* what would not be taken is not written */
	r = chal_persist_ok(buf_bytes(&b), p, 0, e);
	if (r == 1)
		buf_add(out, b.p, b.n);
	buf_free(&b);
	return r == 1 ? 0 : err_prefix(e, "dns-persist-01");
}
