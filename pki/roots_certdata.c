#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/roots.h"

/*
 * Mozilla's certdata.txt, the source of NSS's built-in roots: objects of
 * lines "NAME TYPE VALUE", of which MULTILINE_OCTAL goes on over lines of
 * \ooo until END.  An object begins with CKA_CLASS.  Certificates and trust
 * are objects of their own, bound by issuer and serial number; the older form
 * of trust objects carries SHA-1 of the certificate, which is not needed.
 */

/* One certificate; offsets into the octets, for they move. */
struct cert_object {
	size_t	der, nder;
	size_t	id, nid;	/* issuer and serial, in this order */
	int64_t	distrust;
};

/* One trust object that says "trusted delegator" for servers. */
struct trust_object {
	size_t	id, nid;
};

struct certdata {
	struct buf		 octets;	/* all values that are kept */
	struct cert_object	*certs;
	size_t			 ncerts, cap_certs;
	struct trust_object	*trust;
	size_t			 ntrust, cap_trust;
};

enum class { CLASS_OTHER, CLASS_CERT, CLASS_TRUST };

/* The object that is being read. */
struct object {
	enum class	class;
	int		delegator;
	struct buf	value, issuer, serial;
	int64_t		distrust;
};

static void
object_end(struct certdata *d, struct object *o)
{
	struct cert_object	*c;
	struct trust_object	*t;
	size_t			 id = d->octets.n;

	buf_vec32(&d->octets, o->issuer.p, o->issuer.n);
	buf_vec32(&d->octets, o->serial.p, o->serial.n);
	if (o->class == CLASS_CERT && o->value.n != 0) {
		d->certs = mem_grow(d->certs, &d->cap_certs, d->ncerts + 1,
		    sizeof(*d->certs));
		c = &d->certs[d->ncerts++];
		c->id = id;
		c->nid = d->octets.n - id;
		c->der = d->octets.n;
		c->nder = o->value.n;
		c->distrust = o->distrust;
		buf_span(&d->octets, buf_bytes(&o->value));
	} else if (o->class == CLASS_TRUST && o->delegator) {
		d->trust = mem_grow(d->trust, &d->cap_trust, d->ntrust + 1,
		    sizeof(*d->trust));
		t = &d->trust[d->ntrust++];
		t->id = id;
		t->nid = d->octets.n - id;
	} else
		d->octets.n = id;
	o->class = CLASS_OTHER;
	o->delegator = 0;
	o->distrust = INT64_MIN;
	buf_reset(&o->value);
	buf_reset(&o->issuer);
	buf_reset(&o->serial);
}

/* The next line without its end; 0 when there is none. */
static int
line(struct cur *c, struct span *out)
{
	const uint8_t	*nl;

	if (cur_left(c) == 0)
		return 0;
	nl = memchr(c->p, '\n', cur_left(c));
	out->p = c->p;
	out->n = (size_t)((nl != NULL ? nl : c->end) - c->p);
	c->p = nl != NULL ? nl + 1 : c->end;
	if (out->n != 0 && out->p[out->n - 1] == '\r')
		out->n--;
	return 1;
}

/* The next word of a line; empty at its end. */
static struct span
word(struct span *l)
{
	struct span	w;

	while (l->n != 0 && (*l->p == ' ' || *l->p == '\t')) {
		l->p++;
		l->n--;
	}
	for (w = *l, w.n = 0; w.n < l->n && w.p[w.n] != ' ' &&
	    w.p[w.n] != '\t'; w.n++)
		continue;
	l->p += w.n;
	l->n -= w.n;
	return w;
}

static int
is(struct span w, const char *s)
{
	return w.n == strlen(s) && memcmp(w.p, s, w.n) == 0;
}

/* Lines of \ooo until END: 0 or -1. */
static int
octal(struct cur *c, struct buf *out)
{
	struct span	l;
	size_t		i;
	unsigned	v;

	while (line(c, &l)) {
		if (is(l, "END"))
			return 0;
		if (l.n % 4 != 0)
			return -1;
		for (i = 0; i < l.n; i += 4) {
			if (l.p[i] != '\\' || l.p[i + 1] < '0' ||
			    l.p[i + 1] > '3' || l.p[i + 2] < '0' ||
			    l.p[i + 2] > '7' || l.p[i + 3] < '0' ||
			    l.p[i + 3] > '7')
				return -1;
			v = (unsigned)(l.p[i + 1] - '0') << 6 |
			    (unsigned)(l.p[i + 2] - '0') << 3 |
			    (unsigned)(l.p[i + 3] - '0');
			buf_u8(out, (uint8_t)v);
		}
	}
	return -1;
}

/* "YYMMDDhhmmssZ", the bytes of a UTCTime: 0 or -1. */
static int
utc(const struct buf *b, int64_t *us)
{
	struct buf	der = BUF_INIT;
	int		r;

	der_put(&der, DER_UTC, b->n);
	buf_span(&der, buf_bytes(b));
	r = der_time(buf_bytes(&der), us);
	buf_free(&der);
	return r;
}

/* A value in octal of the object: kept when it is one that counts. */
static int
take_octal(struct object *o, struct span name, struct cur *c)
{
	struct buf	b = BUF_INIT, *to = &b;
	int		r;

	if (is(name, "CKA_VALUE"))
		to = &o->value;
	else if (is(name, "CKA_ISSUER"))
		to = &o->issuer;
	else if (is(name, "CKA_SERIAL_NUMBER"))
		to = &o->serial;
	r = octal(c, to);
	if (r == 0 && is(name, "CKA_NSS_SERVER_DISTRUST_AFTER"))
		r = utc(&b, &o->distrust);
	buf_free(&b);
	return r;
}

static int
take_line(struct certdata *d, struct object *o, struct span l, struct cur *c)
{
	struct span	name = word(&l), type = word(&l), value = word(&l);

	if (name.n == 0 || *name.p == '#')
		return 0;
	if (is(name, "CKA_CLASS")) {
		object_end(d, o);
		if (is(value, "CKO_CERTIFICATE"))
			o->class = CLASS_CERT;
		else if (is(value, "CKO_NSS_TRUST") ||
		    is(value, "CKO_TRUST"))
			o->class = CLASS_TRUST;
	} else if (is(type, "MULTILINE_OCTAL"))
		return take_octal(o, name, c);
	else if (is(name, "CKA_TRUST_SERVER_AUTH") ||
	    is(name, "CKA_PKCS_TRUST_SERVER_AUTH"))
		o->delegator = is(value, "CKT_NSS_TRUSTED_DELEGATOR") ||
		    is(value, "CKT_TRUST_ANCHOR");
	return 0;
}

/* Issuer and serial number of two objects, to be sorted and compared. */
struct id {
	struct span	v;
};

static int
id_cmp(const void *a, const void *b)
{
	const struct id	*x = a, *y = b;

	if (x->v.n != y->v.n)
		return x->v.n < y->v.n ? -1 : 1;
	return memcmp(x->v.p, y->v.p, x->v.n);
}

/* Add the certificates that a trust object speaks for. */
static long
join(const struct certdata *d, struct roots *r, struct err *e)
{
	struct id	*ids = mem_array(d->ntrust + 1, sizeof(*ids)), key;
	long		 n = 0;
	size_t		 i;

	for (i = 0; i < d->ntrust; i++)
		ids[i].v = (struct span){ d->octets.p + d->trust[i].id,
		    d->trust[i].nid };
	if (d->ntrust > 1)
		qsort(ids, d->ntrust, sizeof(*ids), id_cmp);
	for (i = 0; i < d->ncerts && n != -1; i++) {
		key.v = (struct span){ d->octets.p + d->certs[i].id,
		    d->certs[i].nid };
		if (d->ntrust == 0 || bsearch(&key, ids, d->ntrust,
		    sizeof(*ids), id_cmp) == NULL)
			continue;
		if (roots_add(r, (struct span){ d->octets.p + d->certs[i].der,
		    d->certs[i].nder }, d->certs[i].distrust, e) == -1)
			n = -1;
		else
			n++;
	}
	free(ids);
	return n;
}

long
roots_certdata(struct roots *r, struct span text, struct err *e)
{
	struct certdata	d = { .octets = BUF_INIT };
	struct object	o = { .distrust = INT64_MIN };
	struct cur	c = cur_span(text);
	struct span	l;
	size_t		no = 0;
	long		n = -1;

	if (text.n > LIMIT_ROOTS)
		return err_set(e, ERR_LIMIT, "certdata: more than %u bytes",
		    LIMIT_ROOTS);
	while (line(&c, &l)) {
		no++;
		if (take_line(&d, &o, l, &c) == -1) {
			(void)err_set(e, ERR_FORMAT, "certdata: object %zu "
			    "(line or value %zu): octets or a date cannot be "
			    "read", d.ncerts + d.ntrust + 1, no);
			goto out;
		}
	}
	object_end(&d, &o);
	if ((n = join(&d, r, e)) == 0)
		n = err_set(e, ERR_FORMAT, "certdata: no certificate that is "
		    "trusted for servers");
out:
	buf_free(&d.octets);
	buf_free(&o.value);
	buf_free(&o.issuer);
	buf_free(&o.serial);
	free(d.certs);
	free(d.trust);
	return n;
}
