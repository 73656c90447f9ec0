#include "pki/cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"
#include "pki/name.h"

/* The longest name that is shown whole. */
#define SHOWN	1024

/* Names while they are collected, doubles among them. */
struct names {
	struct cert	*c;
	size_t		 cap;
};

/* One of them, to be sorted. */
struct named {
	char	*text;
	size_t	 at;
};

void
cert_free(struct cert *c)
{
	size_t	i;

	for (i = 0; i < c->nnames; i++)
		free(c->names[i]);
	free(c->names);
	free(c->subject);
	free(c->issuer);
	memset(c, 0, sizeof(*c));
}

/* How the bytes of a string type are to be read. */
static enum name_code
string_code(const struct der *v)
{
	size_t	i;

	if (v->tag == DER_BMP)
		return NAME_UTF16;
	if (v->tag == DER_UNIVERSAL)
		return NAME_UTF32;
	if (v->tag != DER_TELETEX)
		return NAME_UTF8;
	/* T.61 was never used as such: it is UTF-8 or Latin-1. */
	for (i = 0; i < v->body.n; i++)
		if (v->body.p[i] >= 0xc2)
			break;
	return i + 1 < v->body.n && (v->body.p[i + 1] & 0xc0) == 0x80 ?
	    NAME_UTF8 : NAME_LATIN1;
}

static void
names_add(struct names *l, const char *text)
{
	if (*text == '\0')
		return;
	l->c->names = mem_grow(l->c->names, &l->cap, l->c->nnames + 1,
	    sizeof(*l->c->names));
	l->c->names[l->c->nnames++] = mem_str(text);
}

static int
named_cmp(const void *a, const void *b)
{
	const struct named	*x = a, *y = b;
	int			 r = strcmp(x->text, y->text);

	if (r != 0)
		return r;
	return x->at < y->at ? -1 : x->at > y->at;
}

/*
 * Of doubles only the first stays.  They are sorted for it: in a hash table
 * an attacker who chooses names that collide has all compared with all.
 */
static void
names_once(struct cert *c)
{
	struct named	*v = mem_array(c->nnames, sizeof(*v));
	size_t		 i, n = 0;

	for (i = 0; i < c->nnames; i++)
		v[i] = (struct named){ c->names[i], i };
	if (c->nnames > 1)
		qsort(v, c->nnames, sizeof(*v), named_cmp);
	for (i = 1; i < c->nnames; i++)
		if (strcmp(v[i].text, v[i - 1].text) == 0)
			c->names[v[i].at] = NULL;
	for (i = 0; i < c->nnames; i++)
		if (c->names[v[i].at] == NULL)
			free(v[i].text);
	for (i = 0; i < c->nnames; i++)
		if (c->names[i] != NULL)
			c->names[n++] = c->names[i];
	c->nnames = n;
	free(v);
}

/* dNSName and iPAddress. */
static int
read_san(struct names *l, const struct der_tbs *t)
{
	struct cur	c = cur_span(t->san);
	struct der	d;
	char		text[SHOWN];

	while (cur_left(&c) != 0) {
		if (der_next(&c, &d) == -1)
			return -1;
		if (d.tag == 0x82) {
			name_display(d.body.p, d.body.n, text, sizeof(text));
			names_add(l, text);
		} else if (d.tag == 0x87 &&
		    (d.body.n == 4 || d.body.n == 16) &&
		    inet_ntop(d.body.n == 4 ? AF_INET : AF_INET6, d.body.p,
		    text, sizeof(text)) != NULL)
			names_add(l, text);
	}
	return 0;
}

/* The short name of an attribute type, or its dotted OID. */
static void
attr_name(struct span oid, char *out, size_t cap)
{
	static const struct {
		const char	*oid;
		size_t		 n;
		const char	*name;
	} table[] = {
		{ "\x55\x04\x03", 3, "CN" }, { "\x55\x04\x06", 3, "C" },
		{ "\x55\x04\x07", 3, "L" }, { "\x55\x04\x08", 3, "ST" },
		{ "\x55\x04\x0a", 3, "O" }, { "\x55\x04\x0b", 3, "OU" },
		{ "\x55\x04\x05", 3, "serialNumber" },
		{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9, "emailAddress" },
		{ "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10, "DC" }
	};
	uint64_t		v = 0;
	size_t			i, used;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].n == oid.n &&
		    memcmp(table[i].oid, oid.p, oid.n) == 0) {
			snprintf(out, cap, "%s", table[i].name);
			return;
		}
	used = (size_t)snprintf(out, cap, "OID");
	for (i = 0; i < oid.n && used < cap; i++) {
		v = v << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		used += (size_t)snprintf(out + used, cap - used, ".%llu",
		    (unsigned long long)v);
		v = 0;
	}
}

/* One attribute as text; a common name into the names, too. */
static int
read_attr(struct span av, struct buf *out, struct names *l)
{
	struct cur	c = cur_span(av);
	struct der	oid, v;
	char		text[SHOWN], type[64];
	const char	*p;

	if (der_want(&c, DER_OID, &oid) == -1 || der_next(&c, &v) == -1)
		return -1;
	attr_name(oid.body, type, sizeof(type));
	name_display_as(v.body.p, v.body.n, string_code(&v), text,
	    sizeof(text));
	if (out->n != 0)
		buf_str(out, ", ");
	buf_str(out, type);
	buf_u8(out, '=');
	for (p = text; *p != '\0'; p++)
		if (*p == ',')
			buf_str(out, "\\x2c");
		else
			buf_u8(out, (uint8_t)*p);
	if (l != NULL && oid.body.n == 3 &&
	    memcmp(oid.body.p, DER_OID_CN, 3) == 0)
		names_add(l, text);
	return 0;
}

/* A Name as one line, to be freed; NULL when it cannot be walked. */
static char *
read_name(struct span name, struct names *l)
{
	struct buf	out = BUF_INIT;
	struct span	body;
	struct cur	c, in;
	struct der	d;
	char		*text = NULL;

	if (der_only(name, DER_SEQ, &body) == -1)
		return NULL;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_SET, &d) == -1)
			goto out;
		for (in = cur_span(d.body); cur_left(&in) != 0;)
			if (der_want(&in, DER_SEQ, &d) == -1 ||
			    read_attr(d.body, &out, l) == -1)
				goto out;
	}
	text = mem_str(buf_text(&out));
out:
	buf_free(&out);
	return text;
}

/* RFC 5280, 4.2.1.9. */
static int
read_is_ca(const struct der_tbs *t)
{
	struct span	v, body;
	struct cur	c;
	struct der	d;

	if (der_ext(t, DER_OID_ARG(DER_OID_BASIC), &v, NULL) != 1 ||
	    der_only(v, DER_SEQ, &body) == -1)
		return 0;
	c = cur_span(body);
	return der_want(&c, DER_BOOL, &d) == 0 && d.body.n == 1 &&
	    d.body.p[0] != 0;
}

/* The two's complement of ${n} bytes. */
static void
negate(uint8_t *p, size_t n)
{
	unsigned	carry = 1;

	while (n-- > 0) {
		carry += (uint8_t)~p[n];
		p[n] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* An INTEGER as the number that it is: -1 and 255 must not look the same. */
static int
read_serial(struct span s, struct cert *c, struct err *e)
{
	uint8_t	v[(sizeof(c->serial) - 2) / 2];
	int	minus = s.n != 0 && (s.p[0] & 0x80) != 0;

	if (s.n == 0)
		return err_set(e, ERR_FORMAT, "certificate: a serial number "
		    "without octets (X.690 8.3.1)");
	while (s.n > 1 && s.p[0] == (minus ? 0xff : 0) &&
	    (!minus || (s.p[1] & 0x80) != 0)) {
		s.p++;
		s.n--;
	}
	if (s.n > sizeof(v))
		return err_set(e, ERR_LIMIT, "certificate: a serial number "
		    "of %zu bytes (RFC 5280, 4.1.2.2 allows 20)", s.n);
	memcpy(v, s.p, s.n);
	if (minus)
		negate(v, s.n);
	/* ff00 is -0100, which has as many bytes, but ff01 is -ff */
	c->serial[0] = '-';
	enc_hex_to(c->serial + minus, v + (minus && v[0] == 0),
	    s.n - (minus && v[0] == 0));
	return 0;
}

/* SHA-256 of the TBSCertificate without poison and SCT list. */
static int
issuance(struct span tbs, struct cert *c, struct err *e)
{
	struct buf	a = BUF_INIT, b = BUF_INIT;
	int		poison, r = -1;

	poison = der_tbs_without(tbs, DER_OID_ARG(DER_OID_POISON), &a, e);
	if (poison == -1)
		goto out;
	if (der_tbs_without(buf_bytes(&a), DER_OID_ARG(DER_OID_SCTS), &b, e)
	    == -1)
		goto out;
	c->is_precert = poison;
	sha_256(c->tbs_sha256, b.p, b.n);
	r = 0;
out:
	buf_free(&a);
	buf_free(&b);
	return r;
}

static int
read_names(const struct der_tbs *t, struct cert *c, struct err *e)
{
	struct names	l = { c, 0 };
	int		r = 0;

	if (t->san.p != NULL && read_san(&l, t) == -1)
		r = err_set(e, ERR_FORMAT, "certificate: subjectAltName "
		    "cannot be read (RFC 5280, 4.2.1.6)");
	if (r == 0 && (c->subject = read_name(t->subject, &l)) == NULL)
		r = err_set(e, ERR_FORMAT, "certificate: subject cannot be "
		    "read (RFC 5280, 4.1.2.6)");
	if (r == 0 && (c->issuer = read_name(t->issuer, NULL)) == NULL)
		r = err_set(e, ERR_FORMAT, "certificate: issuer cannot be "
		    "read (RFC 5280, 4.1.2.4)");
	names_once(c);
	return r;
}

int
cert_read_tbs(struct span tbs, struct cert *c, struct err *e)
{
	struct der_tbs	t;

	memset(c, 0, sizeof(*c));
	if (der_tbs(tbs, &t, e) == -1)
		return -1;
	if (der_time(t.not_before, &c->not_before) == -1 ||
	    der_time(t.not_after, &c->not_after) == -1)
		return err_set(e, ERR_FORMAT, "certificate: validity is no "
		    "pair of times (RFC 5280, 4.1.2.5)");
	if (read_serial(t.serial, c, e) == -1 || issuance(tbs, c, e) == -1 ||
	    read_names(&t, c, e) == -1) {
		cert_free(c);
		return -1;
	}
	sha_256(c->spki_sha256, t.spki.p, t.spki.n);
	cert_key_type(t.spki, c->key_type, sizeof(c->key_type));
	c->is_ca = read_is_ca(&t);
	return 0;
}

int
cert_read(struct span der, struct cert *c, struct err *e)
{
	struct span	tbs;

	memset(c, 0, sizeof(*c));
	if (der_cert(der, &tbs, NULL, NULL, e) == -1 ||
	    cert_read_tbs(tbs, c, e) == -1)
		return -1;
	sha_256(c->cert_sha256, der.p, der.n);
	return 0;
}

int
cert_key_hash(struct span cert, uint8_t out[32], struct err *e)
{
	struct span	tbs;
	struct der_tbs	t;

	if (der_cert(cert, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1)
		return -1;
	sha_256(out, t.spki.p, t.spki.n);
	return 0;
}
