#include "pki/chain_name.h"

#include <arpa/inet.h>
#include <libpsl.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/chain.h"
#include "pki/dn.h"
#include "pki/name.h"

/* GeneralName's tags of names that a server can have. */
enum { TAG_DNS = 0x82, TAG_IP = 0x87 };

/* --- does a certificate cover a name (RFC 6125, RFC 9525) --- */

/*
 * Is what stands behind "*." a registry's: "com", "co.uk"?  The section of
 * the list that registries made; owners of names in the other one, such as
 * s3.amazonaws.com, do use wildcards.  Without a list: a single label.
 */
static int
is_registry(const char *name)
{
	const psl_ctx_t	*psl = psl_builtin();

	if (strchr(name, '.') == NULL)
		return 1;
	return psl != NULL &&
	    psl_is_public_suffix2(psl, name, PSL_TYPE_ICANN) != 0;
}

/* A dNSName against a canonical name. */
static int
dns_covers(struct span dns, const char *name)
{
	size_t		 n = strlen(name);
	const char	*dot;

	if (dns.n == n && strncasecmp((const char *)dns.p, name, n) == 0)
		return 1;
	/* One label, the whole leftmost one. */
	if (dns.n < 3 || dns.p[0] != '*' || dns.p[1] != '.' ||
	    (dot = strchr(name, '.')) == NULL || dot == name)
		return 0;
	return strlen(dot) == dns.n - 1 &&
	    strncasecmp((const char *)dns.p + 1, dot, dns.n - 1) == 0 &&
	    !is_registry(dot + 1);
}

/* The address that a name is: its bytes, 4 or 16; 0. */
static size_t
address(const char *name, uint8_t out[16])
{
	if (inet_pton(AF_INET, name, out) == 1)
		return 4;
	return inet_pton(AF_INET6, name, out) == 1 ? 16 : 0;
}

int
chain_name_covers(const struct chain_cert *cert, const char *name)
{
	struct cur	c = cur_span(cert->t.san);
	char		canon[NAME_TEXT];
	uint8_t		ip[16];
	size_t		nip = address(name, ip);
	struct der	d;

	if (nip == 0 && name_fold(name, strlen(name), canon, sizeof(canon))
	    == -1)
		return 0;
	while (der_next(&c, &d) == 0) {
		if (nip == 0 && d.tag == TAG_DNS &&
		    dns_covers(d.body, canon))
			return 1;
		if (nip != 0 && d.tag == TAG_IP && d.body.n == nip &&
		    memcmp(d.body.p, ip, nip) == 0)
			return 1;
	}
	return 0;
}

int
chain_name_ok(struct span der, const char *name)
{
	struct chain_cert	c;
	struct span		tbs;
	struct der		d;
	struct cur		in;

	memset(&c, 0, sizeof(c));
	if (der_cert(der, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &c.t, NULL) == -1)
		return -1;
	for (in = cur_span(c.t.san); cur_left(&in) != 0;)
		if (der_next(&in, &d) == -1)
			return -1;
	return chain_name_covers(&c, name);
}

/* --- the names of a leaf --- */

/*
 * A dNSName: labels of letters, digits and hyphens (RFC 1034, 3.5), at the
 * left perhaps "*", and no IP address in its text form.
 */
static int
is_dns(struct span s)
{
	size_t	i, label = 0;
	int	digits = 1;

	if (s.n > 253)
		return 0;
	i = s.n > 2 && s.p[0] == '*' && s.p[1] == '.' ? 2 : 0;
	for (; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (label == 0 || s.p[i - 1] == '-')
				return 0;
			label = 0;
			digits = 1;
			continue;
		}
		if (label == 0 && s.p[i] == '-')
			return 0;
		if (s.p[i] < '0' || s.p[i] > '9') {
			digits = 0;
			if (s.p[i] != '-' && ((s.p[i] | 0x20) < 'a' ||
			    (s.p[i] | 0x20) > 'z'))
				return 0;
		}
		if (++label > 63)
			return 0;
	}
	/* A last label of digits makes an address of it (RFC 1123, 2.1). */
	return label != 0 && !digits && s.p[s.n - 1] != '-';
}

static const char *
san_fault(const struct chain_cert *c, size_t *n)
{
	struct cur	in = cur_span(c->t.san);
	struct der	d;

	for (*n = 0; cur_left(&in) != 0; ++*n) {
		if (der_next(&in, &d) == -1)
			return "subjectAltName cannot be read "
			    "(RFC 5280, 4.2.1.6)";
		if (d.tag == TAG_DNS && !is_dns(d.body))
			return "a dNSName is no DNS name "
			    "(RFC 5280, 4.2.1.6)";
		if (d.tag == TAG_IP && d.body.n != 4 && d.body.n != 16)
			return "an iPAddress is no address "
			    "(RFC 5280, 4.2.1.6)";
	}
	return *n == 0 ? "subjectAltName without a name "
	    "(RFC 5280, 4.2.1.6)" : NULL;
}

/* How a common name stands to the names of a certificate. */
struct cn {
	const struct buf	*text;
	int			 copy;		/* one of them, in its letters */
	int			 other_case;	/* one, in other letters */
	int			 above;		/* one lies below it */
	int			 ndns;		/* dNSNames */
};

static void
cn_compare(struct cn *cn, struct span dns)
{
	const struct buf	*t = cn->text;

	cn->ndns++;
	if (dns.n == t->n && memcmp(dns.p, t->p, t->n) == 0)
		cn->copy = 1;
	else if (dns.n == t->n && strncasecmp((const char *)dns.p,
	    buf_text(t), t->n) == 0)
		cn->other_case = 1;
	else if (dns.n > t->n && dns.p[dns.n - t->n - 1] == '.' &&
	    memcmp(dns.p + dns.n - t->n, t->p, t->n) == 0)
		cn->above = 1;
}

static void
cn_look(struct cn *cn, const struct chain_cert *c)
{
	struct cur	in = cur_span(c->t.san);
	char		ip[INET6_ADDRSTRLEN];
	struct der	d;

	while (der_next(&in, &d) == 0) {
		if (d.tag == TAG_DNS)
			cn_compare(cn, d.body);
		else if (d.tag == TAG_IP && inet_ntop(d.body.n == 4 ?
		    AF_INET : AF_INET6, d.body.p, ip, sizeof(ip)) != NULL &&
		    strlen(ip) == cn->text->n &&
		    memcmp(ip, cn->text->p, cn->text->n) == 0)
			cn->copy = 1;
	}
}

/* Is it an address, in whatever notation there is for one? */
static int
is_address(const char *s)
{
	struct in_addr	in;

	if (strchr(s, ':') != NULL)
		return s[strspn(s, "0123456789abcdefABCDEF:.")] == '\0';
	/* inet_aton() takes octal, hexadecimal and short ones, too. */
	return (strchr(s, '.') != NULL || strncasecmp(s, "0x", 2) == 0) &&
	    inet_aton(s, &in) == 1;
}

/* Is it a domain name, U-labels included? */
static int
is_domain(const struct buf *text)
{
	char	canon[NAME_TEXT];
	long	n;

	if (memchr(text->p, '.', text->n) == NULL)
		return 0;
	n = name_fold(buf_text(text), text->n, canon, sizeof(canon));
	return n > 0 &&
	    is_dns((struct span){ (const uint8_t *)canon, (size_t)n });
}

/*
 * A common name that is the name of a host must be one of the names, in its
 * very letters (BR 7.1.4.3); addresses as inet_ntop() has them (RFC 5952).
 * Clients do not look at it, and so what cannot be taken for another host's
 * name passes: words, and a domain of which the names are hosts (a
 * certificate of *.example.com with the common name example.com).
 */
static int
cn_ok(const struct chain_cert *c, const struct buf *text)
{
	struct cn	cn = { .text = text };

	if (memchr(text->p, '\0', text->n) != NULL)
		return 0;
	cn_look(&cn, c);
	if (cn.copy)
		return 1;
	if (cn.other_case || is_address(buf_text(text)))
		return 0;
	return !is_domain(text) || cn.above || cn.ndns == 0;
}

/* Each common name beside the ${nsan} names. */
static const char *
cn_fault(const struct chain_cert *c, size_t nsan)
{
	struct buf	text = BUF_INIT;
	struct dn_walk	w;
	struct dn_attr	a;
	const char	*bad = NULL;
	size_t		work = 0;
	int		r = dn_begin(&w, c->t.subject) == -1 ? -1 : 1;

	while (bad == NULL && r == 1 && (r = dn_next(&w, &a)) == 1) {
		buf_reset(&text);
		if (!CHAIN_IS(a.oid, DER_OID_CN) ||
		    dn_text(&a, &text) == -1 || text.n == 0)
			continue;
		if ((work += nsan) > LIMIT_CHAIN_NAMES)
			bad = "too many names to compare";
		else if (!cn_ok(c, &text))
			bad = "the common name is not one of the "
			    "subjectAltNames (BR 7.1.4.3)";
	}
	buf_free(&text);
	return r == -1 ? "the subject cannot be read (RFC 5280, 4.1.2.6)" :
	    bad;
}

const char *
chain_name_fault(struct chain_cert *c)
{
	const struct chain_exts	*x = chain_cert_exts(c);
	const char		*bad;
	int			 empty = dn_empty(c->t.subject);
	size_t			 n;

	if (!chain_has(x, CHAIN_EXT_SAN))
		return "no subjectAltName (BR 7.1.2.7.12)";
	if (empty && !chain_critical(x, CHAIN_EXT_SAN))
		return "the subject is empty and subjectAltName is not "
		    "critical (RFC 5280, 4.2.1.6)";
	if (!empty && chain_critical(x, CHAIN_EXT_SAN))
		return "subjectAltName is critical beside a subject "
		    "(BR 7.1.2.7.12)";
	if ((bad = san_fault(c, &n)) != NULL)
		return bad;
	return cn_fault(c, n);
}
