#include "acme/san.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/tlv.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/dn.h"

#define DNS	0x82	/* RFC 5280, 4.2.1.6 */
#define IP	0x87

size_t
san_ip(const char *s, uint8_t out[16])
{
	if (inet_pton(AF_INET, s, out) == 1)
		return 4;
	return inet_pton(AF_INET6, s, out) == 1 ? 16 : 0;
}

int
san_wild(const char *s)
{
	return s[0] == '*' && s[1] == '.';
}

/* ${n} bytes of a DNS name, maybe a wildcard. */
static int
canon_dns(const char *s, size_t n, char out[NAME_TEXT], struct err *e)
{
	size_t	skip = n > 2 && s[0] == '*' && s[1] == '.' ? 2 : 0;
	char	name[NAME_TEXT];

	if (name_canon(s + skip, n - skip, name, e) == -1)
		return -1;
	if (strlen(name) + skip > 253)
		return err_set(e, ERR_FORMAT, "a name longer than 253 bytes "
		    "(RFC 1035, 2.3.4)");
	memcpy(out, s, skip);
	memcpy(out + skip, name, strlen(name) + 1);
	return 0;
}

int
san_canon(const char *s, char out[NAME_TEXT], struct err *e)
{
	uint8_t	ip[16];
	size_t	n = san_ip(s, ip);

	if (n == 0)
		return canon_dns(s, strlen(s), out, e);
	(void)inet_ntop(n == 4 ? AF_INET : AF_INET6, ip, out, NAME_TEXT);
	return 0;
}

static int
add(struct san *l, const char *name, struct err *e)
{
	if (l->n == LIMIT_SAN_NAMES)
		return err_set(e, ERR_LIMIT, "more than %u names; public CAs "
		    "take 100 in one order", LIMIT_SAN_NAMES);
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = mem_str(name);
	return 0;
}

static int
cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sort them, each once. */
static int
done(struct san *l, struct err *e)
{
	size_t	i, n = 0;

	if (l->n == 0)
		return err_set(e, ERR_FORMAT, "no names");
	qsort(l->v, l->n, sizeof(*l->v), cmp);
	for (i = 1; i < l->n; i++)
		if (strcmp(l->v[i], l->v[n]) == 0)
			free(l->v[i]);
		else
			l->v[++n] = l->v[i];
	l->n = n + 1;
	return 0;
}

int
san_of(const char *const *names, size_t n, struct san *l, struct err *e)
{
	char	name[NAME_TEXT], shown[NAME_TEXT];
	size_t	i;

	memset(l, 0, sizeof(*l));
	for (i = 0; i < n; i++) {
		if (san_canon(names[i], name, e) == -1) {
			name_display(names[i], strlen(names[i]), shown,
			    sizeof(shown));
			return err_prefix(e, "%s", shown);
		}
		if (add(l, name, e) == -1)
			return -1;
	}
	return done(l, e);
}

/* A dNSName: ASCII in either case, as it must be compared. */
static int
read_dns(struct span v, char out[NAME_TEXT], struct err *e)
{
	char	text[NAME_TEXT], shown[NAME_TEXT];
	uint8_t	ip[16];

	name_display(v.p, v.n, shown, sizeof(shown));
	if (v.n >= sizeof(text) || memchr(v.p, '\0', v.n) != NULL)
		return err_set(e, ERR_FORMAT, "a dNSName that is none: %s",
		    shown);
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	if (san_ip(text, ip) != 0)
		return err_set(e, ERR_FORMAT, "the address %s as a dNSName; "
		    "it must be an iPAddress (RFC 8738, 3)", shown);
	if (canon_dns(text, v.n, out, e) == -1)
		return err_prefix(e, "dNSName %s", shown);
	/* U-labels, dots at the end: no two readers agree on them */
	if (strcasecmp(text, out) != 0)
		return err_set(e, ERR_FORMAT, "the dNSName %s must be written "
		    "as %s", shown, out);
	return 0;
}

/* The kinds of GeneralName by the number of their tag. */
static const char *
kind(uint8_t tag)
{
	static const char *const	names[] = { "otherName", "rfc822Name",
	    "dNSName", "x400Address", "directoryName", "ediPartyName",
	    "uniformResourceIdentifier", "iPAddress", "registeredID" };
	unsigned			i = tag & 0x1f;

	return (tag & 0xc0) == 0x80 && i < sizeof(names) / sizeof(names[0]) ?
	    names[i] : "name of no known kind";
}

int
san_read(struct span names, struct san *l, struct err *e)
{
	struct cur	c = cur_span(names);
	struct der	d;
	char		name[NAME_TEXT];

	memset(l, 0, sizeof(*l));
	while (cur_left(&c) != 0) {
		if (der_next(&c, &d) == -1)
			return err_set(e, ERR_FORMAT, "subjectAltName cannot "
			    "be read (RFC 5280, 4.2.1.6)");
		if (d.tag == DNS) {
			if (read_dns(d.body, name, e) == -1)
				return -1;
		} else if (d.tag == IP && (d.body.n == 4 || d.body.n == 16))
			(void)inet_ntop(d.body.n == 4 ? AF_INET : AF_INET6,
			    d.body.p, name, sizeof(name));
		else if (d.tag == IP)
			return err_set(e, ERR_FORMAT, "an iPAddress of %zu "
			    "octets (RFC 5280, 4.2.1.6)", d.body.n);
		else
			return err_set(e, ERR_FORMAT, "subjectAltName has a "
			    "%s; ACME orders dNSName and iPAddress only",
			    kind(d.tag));
		if (add(l, name, e) == -1)
			return -1;
	}
	return done(l, e);
}

void
san_put(const struct san *l, struct buf *out)
{
	struct buf	b = BUF_INIT;
	uint8_t		ip[16];
	size_t		i, n;

	for (i = 0; i < l->n; i++)
		if ((n = san_ip(l->v[i], ip)) != 0)
			tlv_add(&b, IP, ip, n);
		else
			tlv_add(&b, DNS, l->v[i], strlen(l->v[i]));
	tlv_add(out, DER_SEQ, b.p, b.n);
	buf_free(&b);
}

int
san_has(const struct san *l, const char *name)
{
	return l->n != 0 && bsearch(&name, l->v, l->n, sizeof(*l->v), cmp) !=
	    NULL;
}

int
san_same(const struct san *ordered, const struct san *got, struct err *e)
{
	size_t	i;

	for (i = 0; i < got->n; i++)
		if (!san_has(ordered, got->v[i]))
			return err_set(e, ERR_VERIFY, "the name %s was not "
			    "ordered", got->v[i]);
	for (i = 0; i < ordered->n; i++)
		if (!san_has(got, ordered->v[i]))
			return err_set(e, ERR_VERIFY, "the name %s was ordered "
			    "and is missing", ordered->v[i]);
	return 0;
}

int
san_subject(const struct san *l, struct span subject, struct err *e)
{
	struct dn_walk	w;
	struct dn_attr	a;
	struct buf	cn = BUF_INIT;
	char		name[NAME_TEXT], shown[NAME_TEXT];
	int		r = -1, ok = 1;

	if (dn_begin(&w, subject) == 0)
		while (ok && (r = dn_next(&w, &a)) == 1) {
			if (a.oid.n != 3 ||
			    memcmp(a.oid.p, DER_OID_CN, 3) != 0)
				continue;
			buf_reset(&cn);
			ok = dn_text(&a, &cn) == 0 && cn.n != 0 &&
			    memchr(cn.p, '\0', cn.n) == NULL &&
			    san_canon(buf_text(&cn), name, NULL) == 0 &&
			    san_has(l, name);
		}
	if (!ok) {
		name_display(buf_text(&cn), cn.n, shown, sizeof(shown));
		(void)err_set(e, ERR_FORMAT, "the common name \"%s\" is not "
		    "among the names of subjectAltName", shown);
	} else if (r == -1)
		(void)err_set(e, ERR_FORMAT, "the subject cannot be read "
		    "(RFC 5280, 4.1.2.6)");
	buf_free(&cn);
	return ok && r == 0 ? 0 : -1;
}

void
san_free(struct san *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	memset(l, 0, sizeof(*l));
}
