#include "pki/chain_cert.h"

#include <openssl/err.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha.h"
#include "pki/dn.h"

int
chain_cert_read(struct span der, struct chain_cert *c, struct err *e)
{
	struct span	tbs;

	memset(c, 0, sizeof(*c));
	c->der = der;
	c->whole = 1;
	if (der_cert(der, &tbs, &c->sigalg, NULL, e) == -1 ||
	    der_tbs(tbs, &c->t, e) == -1)
		return -1;
	if (der_time(c->t.not_before, &c->from) == -1 ||
	    der_time(c->t.not_after, &c->to) == -1)
		return err_set(e, ERR_FORMAT, "certificate: validity cannot "
		    "be read (RFC 5280, 4.1.2.5)");
	sha_256(c->sha256, der.p, der.n);
	sha_256(c->key, c->t.spki.p, c->t.spki.n);
	dn_hash(c->t.subject, c->subject);
	dn_hash(c->t.issuer, c->issuer);
	return 0;
}

void
chain_cert_root(const struct root *r, struct chain_cert *c)
{
	memset(c, 0, sizeof(*c));
	c->der = (struct span){ r->der, r->nder };
	memcpy(c->sha256, r->sha256, sizeof(c->sha256));
	memcpy(c->subject, r->name, sizeof(c->subject));
	memcpy(c->key, r->key, sizeof(c->key));
	c->is_root = 1;
}

int
chain_cert_whole(struct chain_cert *c)
{
	int	root = c->is_root;

	if (!c->whole) {
		c->broken = chain_cert_read(c->der, c, NULL) == -1;
		c->is_root = root;
	}
	return c->broken ? -1 : 0;
}

void
chain_cert_free(struct chain_cert *c)
{
	X509_free(c->x);
	c->x = NULL;
}

X509 *
chain_cert_x509(struct chain_cert *c)
{
	const uint8_t	*p = c->der.p;

	if (c->x != NULL || c->der.n > LONG_MAX)
		return c->x;
	c->x = d2i_X509(NULL, &p, (long)c->der.n);
	if (c->x != NULL && p != c->der.p + c->der.n)
		chain_cert_free(c);
	ERR_clear_error();
	return c->x;
}

int
chain_has(const struct chain_exts *x, enum chain_ext k)
{
	return (x->have >> k & 1) != 0;
}

int
chain_critical(const struct chain_exts *x, enum chain_ext k)
{
	return (x->critical >> k & 1) != 0;
}

int
chain_self_issued(const struct chain_cert *c)
{
	return memcmp(c->subject, c->issuer, sizeof(c->subject)) == 0;
}

/* --- extensions --- */

/* RFC 5280, 4.2.1.9. */
static const char *
read_basic(struct chain_exts *x, struct span v)
{
	static const char	bad[] = "basic constraints cannot be read "
				    "(RFC 5280, 4.2.1.9)";
	struct span		body;
	struct cur		c;
	struct der		d;

	if (der_only(v, DER_SEQ, &body) == -1)
		return bad;
	c = cur_span(body);
	if (der_want(&c, DER_BOOL, &d) == 0) {
		if (d.body.n != 1)
			return bad;
		x->ca = d.body.p[0] != 0;
	}
	if (cur_left(&c) == 0)
		return NULL;
	if (der_want(&c, DER_INT, &d) == -1 || cur_left(&c) != 0 ||
	    d.body.n == 0 || (d.body.p[0] & 0x80) != 0)
		return bad;
	/* A length above 127 is no limit: no path is that long. */
	x->path_len = d.body.n == 1 ? d.body.p[0] : 0x7fff;
	return NULL;
}

/* RFC 5280, 4.2.1.3. */
static const char *
read_ku(struct chain_exts *x, struct span v)
{
	struct span	body;

	if (der_only(v, DER_BITS, &body) == -1 || body.n < 1 ||
	    body.n > 3 || body.p[0] > 7)
		return "key usage cannot be read (RFC 5280, 4.2.1.3)";
	x->ku = body.n > 1 ? body.p[1] : 0;
	return NULL;
}

/* RFC 5280, 4.2.1.12. */
static const char *
read_eku(struct chain_exts *x, struct span v)
{
	static const char	bad[] = "extended key usage cannot be read "
				    "(RFC 5280, 4.2.1.12)";
	struct span		body;
	struct cur		c;
	struct der		d;

	if (der_only(v, DER_SEQ, &body) == -1)
		return bad;
	for (c = cur_span(body); cur_left(&c) != 0; x->neku++) {
		if (der_want(&c, DER_OID, &d) == -1)
			return bad;
		x->eku_server |= CHAIN_IS(d.body,
		    "\x2b\x06\x01\x05\x05\x07\x03\x01");
		x->eku_any |= CHAIN_IS(d.body, "\x55\x1d\x25\x00");
		x->eku_presign |= CHAIN_IS(d.body, DER_OID_PRESIGN);
	}
	return x->neku == 0 ? "extended key usage without a usage "
	    "(RFC 5280, 4.2.1.12)" : NULL;
}

/* RFC 5280, 4.2.1.1. */
static const char *
read_aki(struct chain_exts *x, struct span v)
{
	static const char	bad[] = "authority key identifier cannot be "
				    "read (RFC 5280, 4.2.1.1)";
	struct span		body;
	struct cur		c;
	struct der		d;

	if (der_only(v, DER_SEQ, &body) == -1)
		return bad;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_next(&c, &d) == -1)
			return bad;
		if (d.tag == 0x80)
			x->aki = d.body;
		else if (d.tag == 0xa1 || d.tag == 0x82)
			x->aki_issuer = 1;
		else
			return bad;
	}
	return NULL;
}

/* RFC 5280, 4.2.1.2. */
static const char *
read_ski(struct chain_exts *x, struct span v)
{
	if (der_only(v, DER_OCTETS, &x->ski) == -1)
		return "subject key identifier cannot be read "
		    "(RFC 5280, 4.2.1.2)";
	return NULL;
}

/* RFC 5280, 4.2.2.1: one or more AccessDescriptions. */
static const char *
read_aia(struct chain_exts *x, struct span v)
{
	static const char	bad[] = "authority information access cannot "
				    "be read (RFC 5280, 4.2.2.1)";
	struct span		body;
	struct cur		c, in;
	struct der		d;

	(void)x;
	if (der_only(v, DER_SEQ, &body) == -1 || body.n == 0)
		return bad;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_SEQ, &d) == -1)
			return bad;
		in = cur_span(d.body);
		if (der_want(&in, DER_OID, &d) == -1 ||
		    der_next(&in, &d) == -1 || cur_left(&in) != 0)
			return bad;
	}
	return NULL;
}

static const struct {
	const char	*oid;
	size_t		 n;
	const char	*(*read)(struct chain_exts *, struct span);
} table[CHAIN_EXT_MAX] = {
	[CHAIN_EXT_BASIC] = { DER_OID_BASIC, 3, read_basic },
	[CHAIN_EXT_KU] = { "\x55\x1d\x0f", 3, read_ku },
	[CHAIN_EXT_EKU] = { DER_OID_EKU, 3, read_eku },
	[CHAIN_EXT_SAN] = { DER_OID_SAN, 3, NULL },
	[CHAIN_EXT_AKI] = { DER_OID_AKI, 3, read_aki },
	[CHAIN_EXT_SKI] = { "\x55\x1d\x0e", 3, read_ski },
	[CHAIN_EXT_NC] = { "\x55\x1d\x1e", 3, NULL },
	[CHAIN_EXT_CP] = { "\x55\x1d\x20", 3, NULL },
	[CHAIN_EXT_PM] = { "\x55\x1d\x21", 3, NULL },
	[CHAIN_EXT_PC] = { "\x55\x1d\x24", 3, NULL },
	[CHAIN_EXT_IAP] = { "\x55\x1d\x36", 3, NULL },
	[CHAIN_EXT_CRLDP] = { "\x55\x1d\x1f", 3, NULL },
	[CHAIN_EXT_AIA] = { "\x2b\x06\x01\x05\x05\x07\x01\x01", 8, read_aia },
	[CHAIN_EXT_POISON] = { DER_OID_POISON, 10, NULL }
};

static int
oid_cmp(const void *a, const void *b)
{
	const struct span	*x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->p, y->p, x->n);
}

/* The same extension twice: RFC 5280, 4.2.  OIDs in any number. */
static int
have_twice(struct span *oids, size_t n)
{
	size_t	i;

	if (n > 1)
		qsort(oids, n, sizeof(*oids), oid_cmp);
	for (i = 1; i < n; i++)
		if (oid_cmp(&oids[i - 1], &oids[i]) == 0)
			return 1;
	return 0;
}

/* One extension into its place. */
static void
take_ext(struct chain_exts *x, const struct der_extn *one)
{
	const char	*bad = NULL;
	size_t		 k;

	for (k = 0; k < CHAIN_EXT_MAX; k++)
		if (one->oid.n == table[k].n &&
		    memcmp(one->oid.p, table[k].oid, table[k].n) == 0)
			break;
	if (k == CHAIN_EXT_MAX) {
		if (one->critical)
			x->unknown = "an unknown extension is critical "
			    "(RFC 5280, 4.2)";
		return;
	}
	x->have |= 1u << k;
	if (one->critical)
		x->critical |= 1u << k;
	x->value[k] = one->value;
	if (table[k].read != NULL)
		bad = table[k].read(x, one->value);
	if (x->fault == NULL)
		x->fault = bad;
}

const struct chain_exts *
chain_cert_exts(struct chain_cert *c)
{
	struct chain_exts	*x = &c->exts;
	struct span		*oids = NULL;
	size_t			 n = 0, cap = 0;
	struct cur		 in = cur_span(c->t.exts);
	struct der_extn		 one;

	if (c->asked)
		return x;
	c->asked = 1;
	x->path_len = -1;
	while (cur_left(&in) != 0) {
		if (der_extn_next(&in, &one) == -1) {
			x->fault = "extensions cannot be read (RFC 5280, 4.2)";
			break;
		}
		take_ext(x, &one);
		oids = mem_grow(oids, &cap, n + 1, sizeof(*oids));
		oids[n++] = one.oid;
	}
	if (x->fault == NULL && have_twice(oids, n))
		x->fault = "an extension is there twice (RFC 5280, 4.2)";
	free(oids);
	return x;
}
