#include "pki/weak.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/limit.h"
#include "pki/der.h"
#include "pki/weak_rsa.h"

#define OID_EC		"\x2a\x86\x48\xce\x3d\x02\x01"
#define OID_DSA		"\x2a\x86\x48\xce\x38\x04\x01"

#define EC_BITS_MIN	224	/* as strong as RSA of 2048 bits */
#define DSA_BITS_MIN	2048

const char *
weak_name(enum weak w)
{
	static const char *const	name[WEAK_MAX] = { "no", "size",
	    "exponent", "debian", "roca", "close", "small_factor", "shared",
	    "point" };

	return (unsigned)w < WEAK_MAX ? name[w] : "unknown";
}

/* The curve of an OBJECT IDENTIFIER that OpenSSL knows, or NULL. */
static EC_GROUP *
curve(struct span oid)
{
	const unsigned char	*p = oid.p;
	ASN1_OBJECT		*obj;
	EC_GROUP		*g = NULL;
	int			 nid;

	obj = oid.n <= LONG_MAX ? d2i_ASN1_OBJECT(NULL, &p, (long)oid.n) :
	    NULL;
	if (obj != NULL && (nid = OBJ_obj2nid(obj)) != NID_undef)
		g = EC_GROUP_new_by_curve_name(nid);
	ASN1_OBJECT_free(obj);
	return g;
}

/* Is it a point of the curve, and not that at infinity (RFC 5480, 2.2)? */
static int
on_curve(const EC_GROUP *g, struct span point)
{
	EC_POINT	*p = EC_POINT_new(g);
	int		 ok;

	ok = p != NULL && EC_POINT_oct2point(g, p, point.p, point.n, NULL) ==
	    1 && !EC_POINT_is_at_infinity(g, p);
	EC_POINT_free(p);
	return ok;
}

static enum weak
weak_ec(const struct der *param, struct span point, char *why, size_t cap)
{
	EC_GROUP	*g = NULL;
	enum weak	 w = WEAK_NO;

	if (param->tag == DER_OID)
		g = curve(param->whole);
	if (g == NULL || EC_GROUP_get_field_type(g) !=
	    NID_X9_62_prime_field) {
		(void)snprintf(why, cap, "an elliptic curve that is not known "
		    "(BR 6.1.5)");
		w = WEAK_SIZE;
	} else if (EC_GROUP_order_bits(g) < EC_BITS_MIN) {
		(void)snprintf(why, cap, "an elliptic curve of %d bits, less "
		    "than %d", EC_GROUP_order_bits(g), EC_BITS_MIN);
		w = WEAK_SIZE;
	} else if (!on_curve(g, point)) {
		(void)snprintf(why, cap, "the public key is no point of its "
		    "curve (BR 6.1.6)");
		w = WEAK_POINT;
	}
	EC_GROUP_free(g);
	ERR_clear_error();
	return w;
}

static enum weak
weak_dsa(const struct der *param, char *why, size_t cap)
{
	struct cur	c;
	struct der	d;

	if (param->tag != DER_SEQ)
		return WEAK_NO;
	c = cur_span(param->body);
	if (der_want(&c, DER_INT, &d) == -1 || d.body.n * 8 >= DSA_BITS_MIN)
		return WEAK_NO;
	(void)snprintf(why, cap, "a DSA key of less than %d bits",
	    DSA_BITS_MIN);
	return WEAK_SIZE;
}

static enum weak
judge_rsa(const struct weak_rsa *k, const struct weak_list *l, char *why,
    size_t cap)
{
	if (k->bits > LIMIT_RSA_BITS) {
		(void)snprintf(why, cap, "not judged: an RSA key of more than "
		    "%d bits", LIMIT_RSA_BITS);
		return WEAK_NO;
	}
	if (l != NULL && weak_list_has(l, k)) {
		(void)snprintf(why, cap, "the key is one of those that Debian "
		    "made in 2008 (CVE-2008-0166, BR 6.1.1.3)");
		return WEAK_DEBIAN;
	}
	return weak_rsa(k, why, cap);
}

static int
is(const struct der *oid, const char *want)
{
	return oid->body.n == strlen(want) &&
	    memcmp(oid->body.p, want, oid->body.n) == 0;
}

enum weak
weak_key(struct span spki, const struct weak_list *l, char *why, size_t cap)
{
	struct weak_rsa	rsa;
	struct span	body;
	struct cur	c, in;
	struct der	alg, oid, key, param = { 0, { NULL, 0 }, { NULL, 0 } };

	if (cap != 0)
		why[0] = '\0';
	if (weak_rsa_read(spki, &rsa))
		return judge_rsa(&rsa, l, why, cap);
	if (der_only(spki, DER_SEQ, &body) == -1)
		goto bad;
	c = cur_span(body);
	if (der_want(&c, DER_SEQ, &alg) == -1 ||
	    der_want(&c, DER_BITS, &key) == -1 || cur_left(&c) != 0 ||
	    key.body.n < 1)
		goto bad;
	in = cur_span(alg.body);
	if (der_want(&in, DER_OID, &oid) == -1 ||
	    (cur_left(&in) != 0 && der_next(&in, &param) == -1))
		goto bad;
	if (is(&oid, OID_EC))
		return weak_ec(&param, (struct span){ key.body.p + 1,
		    key.body.n - 1 }, why, cap);
	if (is(&oid, OID_DSA))
		return weak_dsa(&param, why, cap);
	return WEAK_NO;
bad:
	(void)snprintf(why, cap, "not judged: the key cannot be read");
	return WEAK_NO;
}
