#include "auditor/caa.h"

#include <string.h>

#include "auditor/caa_value.h"
#include "base/buf.h"

/* Standing grants: TXT records of _validation-persist (dns-persist-01). */

/* A span as a string; -1 when it does not fit. */
static int
text_of(struct span s, char *out, size_t cap)
{
	if (s.n >= cap)
		return -1;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

/* Seconds since 1970 as microseconds; later than can be said is the end. */
static int
read_until(struct span s, int64_t *out)
{
	int64_t	v = 0;
	size_t	i;
	int	neg = s.n > 1 && s.p[0] == '-';

	if (s.n == 0)
		return -1;
	for (i = (size_t)neg; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' ||
		    v > (INT64_MAX - (s.p[i] - '0')) / 10)
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	v = v > INT64_MAX / 1000000 ? INT64_MAX : v * 1000000;
	/* INT64_MIN says that there is no end. */
	*out = neg ? -v : v;
	return 0;
}

/* The parameters: what is unknown is ignored, what is twice is malformed. */
static int
read_params(struct caa_value *v, struct caa_grant *g)
{
	enum { ACCOUNT = 1, POLICY = 2, UNTIL = 4 };
	struct caa_param	p;
	int			seen = 0, bit, r;

	while ((r = caa_value_next(v, &p)) == 1) {
		bit = caa_value_is(p.tag, "accounturi") ? ACCOUNT :
		    caa_value_is(p.tag, "policy") ? POLICY :
		    caa_value_is(p.tag, "persistuntil") ? UNTIL : 0;
		if (seen & bit)
			return -1;
		seen |= bit;
		if (bit == ACCOUNT && (p.value.n == 0 || text_of(p.value,
		    g->account, sizeof(g->account)) == -1))
			return -1;
		if (bit == POLICY)
			g->wildcard = caa_value_is(p.value, "wildcard");
		if (bit == UNTIL && read_until(p.value, &g->until) == -1)
			return -1;
	}
	return r == 0 && (seen & ACCOUNT) ? 0 : -1;
}

static int
grant_text(struct span text, struct caa_grant *g)
{
	struct caa_value	v;
	char			*p;

	/*
	 * Anything may stand in a TXT record.  A domain name and a semicolon,
	 * or the word accounturi, is what a grant looks like.
	 */
	if (memmem(text.p, text.n, "accounturi", 10) == NULL &&
	    (caa_value_start(text, &v) == -1 || v.issuer.n == 0 ||
	    memchr(text.p, ';', text.n) == NULL))
		return 0;
	if (caa_value_start(text, &v) == -1 || v.issuer.n == 0 ||
	    text_of(v.issuer, g->issuer, sizeof(g->issuer)) == -1 ||
	    read_params(&v, g) == -1)
		return -1;
	for (p = g->issuer; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return 1;
}

int
caa_grant_read(struct span rdata, struct caa_grant *g)
{
	struct buf	text = BUF_INIT;
	struct cur	c = { NULL, NULL }, one;
	int		r = -1;

	memset(g, 0, sizeof(*g));
	g->until = INT64_MIN;
	if (rdata.n > 0)
		c = cur_span(rdata);
	/* Strings with a length byte each, joined (RFC 1035 3.3.14). */
	do {
		if (cur_vec8(&c, &one) == -1)
			goto out;
		buf_span(&text, cur_rest(&one));
	} while (cur_left(&c) > 0);
	r = text.n == 0 ? 0 : grant_text(buf_bytes(&text), g);
out:
	buf_free(&text);
	return r;
}
