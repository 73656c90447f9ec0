#include "pki/chain_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "pki/cert.h"
#include "pki/chain_name.h"
#include "pki/chain_ossl.h"
#include "pki/dn.h"
#include "pki/weak_rsa.h"

/* 2023-09-15: version 2 of the BR, the first with a profile of roots. */
#define PROFILE_DATE	(1694736000 * CLK_SEC)
/* 1996-06-30: X.509 version 3; no root of extensions is older. */
#define V3_DATE		(836092800 * CLK_SEC)

/*
 * A root whose date lies between: root programs took it in as it is, without
 * a subject key identifier (TWCA Global Root CA), with the issuer in its
 * authority key identifier (Certigna), with basic constraints that are not
 * critical (Go Daddy Class 2).  To call all that hangs on these untrusted
 * would be wrong.  A date before X.509 had extensions is not believed.
 */
static int
is_old_root(const struct chain_cert *c)
{
	return c->from >= V3_DATE && c->from < PROFILE_DATE;
}

/* BR 6.1.5 and 7.1.3.1: RSA of 2048 bits or more, P-256, P-384, P-521. */
static const char *
check_key(const struct chain_cert *c)
{
	struct weak_rsa	rsa;
	const char	*bad;
	char		type[32];
	unsigned	bits;

	cert_key_type(c->t.spki, type, sizeof(type));
	if (strcmp(type, "p256") == 0 || strcmp(type, "p384") == 0 ||
	    strcmp(type, "p521") == 0)
		return NULL;
	if (sscanf(type, "rsa%u", &bits) != 1)
		return "the key is neither RSA nor on a curve that is "
		    "allowed (BR 6.1.5)";
	if (bits < 2048)
		return "the RSA key has fewer than 2048 bits (BR 6.1.5)";
	if (weak_rsa_read(c->t.spki, &rsa) &&
	    (bad = weak_rsa_unfit(&rsa)) != NULL)
		return bad;
	return bits % 8 != 0 ? "the bits of the RSA key are not a multiple "
	    "of 8 (BR 6.1.5)" : NULL;
}

/* BR 7.1.3.2: RSA (both paddings) and ECDSA with SHA-256, 384 or 512. */
static const char *
check_algorithm(const struct chain_cert *c)
{
	static const char	rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01";
	static const char	ecdsa[] = "\x2a\x86\x48\xce\x3d\x04\x03";
	struct span		body;
	struct cur		in;
	struct der		d;
	uint8_t			last;

	if (der_only(c->t.sigalg, DER_SEQ, &body) == 0) {
		in = cur_span(body);
		if (der_want(&in, DER_OID, &d) == 0 && d.body.n > 1) {
			last = d.body.p[--d.body.n];
			if (CHAIN_IS(d.body, rsa) && last >= 10 && last <= 13)
				return NULL;
			if (CHAIN_IS(d.body, ecdsa) && last >= 2 && last <= 4)
				return NULL;
		}
	}
	return "the signature algorithm is not allowed (BR 7.1.3.2)";
}

/* One time: UTCTime until 2049, then GeneralizedTime, to the second. */
static int
time_ok(struct span whole)
{
	struct cur	c = cur_span(whole);
	struct der	d;
	size_t		i;

	if (der_next(&c, &d) == -1 || d.body.n < 13 ||
	    d.body.n != (d.tag == DER_UTC ? 13u : 15u) ||
	    d.body.p[d.body.n - 1] != 'Z')
		return 0;
	for (i = 0; i + 1 < d.body.n; i++)
		if (d.body.p[i] < '0' || d.body.p[i] > '9')
			return 0;
	return d.tag == DER_UTC || memcmp(d.body.p, "2050", 4) >= 0;
}

/* What is asked of everything but roots. */
static const char *
check_fields(const struct chain_cert *c)
{
	const struct der_tbs	*t = &c->t;
	size_t			 i = 0;

	while (i < t->serial.n && t->serial.p[i] == 0)
		i++;
	if (i == t->serial.n || (t->serial.p[0] & 0x80) != 0)
		return "the serial number is not positive "
		    "(RFC 5280, 4.1.2.2)";
	if (t->serial.n > 20)
		return "the serial number is longer than 20 octets "
		    "(RFC 5280, 4.1.2.2)";
	if (!time_ok(t->not_before) || !time_ok(t->not_after))
		return "the validity is not written as it must be "
		    "(RFC 5280, 4.1.2.5)";
	return check_algorithm(c);
}

/* RFC 5280, 4.2.1.1, and BR 7.1.2.1.3 for roots. */
static const char *
check_aki(struct chain_cert *c, enum chain_role role)
{
	const struct chain_exts	*x = &c->exts;

	if (chain_critical(x, CHAIN_EXT_AKI))
		return "the authority key identifier is critical "
		    "(RFC 5280, 4.2.1.1)";
	/* Only who signed himself may leave it out. */
	if (!chain_has(x, CHAIN_EXT_AKI))
		return role == CHAIN_ROOT && (chain_self_issued(c) ||
		    chain_ossl_signed(c, c)) ? NULL :
		    "no authority key identifier (RFC 5280, 4.2.1.1)";
	if (role != CHAIN_ROOT || is_old_root(c))
		return NULL;
	if (x->aki.p == NULL)
		return "the authority key identifier has no key identifier "
		    "(BR 7.1.2.1.3)";
	if (x->aki_issuer)
		return "the authority key identifier names an issuer or a "
		    "serial number (BR 7.1.2.1.3)";
	if (chain_self_issued(c) && x->ski.p != NULL &&
	    (x->ski.n != x->aki.n ||
	    memcmp(x->ski.p, x->aki.p, x->ski.n) != 0))
		return "the authority key identifier is not its own "
		    "(BR 7.1.2.1.3)";
	return NULL;
}

/* What makes a CA. */
static const char *
check_ca(const struct chain_cert *c, enum chain_role role)
{
	const struct chain_exts	*x = &c->exts;
	int			 old = role == CHAIN_ROOT && is_old_root(c);

	if (dn_empty(c->t.subject))
		return "a CA without a subject (RFC 5280, 4.1.2.6)";
	if (!chain_critical(x, CHAIN_EXT_BASIC) && !old)
		return "basic constraints are not critical "
		    "(RFC 5280, 4.2.1.9)";
	if (chain_critical(x, CHAIN_EXT_SKI))
		return "the subject key identifier is critical "
		    "(RFC 5280, 4.2.1.2)";
	if (!chain_has(x, CHAIN_EXT_SKI) && !old)
		return "no subject key identifier (RFC 5280, 4.2.1.2)";
	if (role == CHAIN_ROOT && chain_has(x, CHAIN_EXT_EKU))
		return "a root with extended key usage (BR 7.1.2.1.2)";
	return NULL;
}

/* What makes a server's certificate. */
static const char *
check_leaf(struct chain_cert *c, int any_eku)
{
	const struct chain_exts	*x = &c->exts;

	if (x->ca)
		return "a CA, not a server (BR 7.1.2.7.8)";
	if ((x->ku & CHAIN_KU_CERT_SIGN) != 0)
		return "its key usage has keyCertSign (BR 7.1.2.7.11)";
	if (any_eku)
		return chain_name_fault(c);
	if (!chain_has(x, CHAIN_EXT_EKU))
		return "no extended key usage (BR 7.1.2.7.6)";
	if (chain_critical(x, CHAIN_EXT_EKU))
		return "extended key usage is critical (BR 7.1.2.7.6)";
	if (x->eku_any)
		return "extended key usage is any (BR 7.1.2.7.10)";
	return chain_name_fault(c);
}

const char *
chain_profile(struct chain_cert *c, enum chain_role role, int any_eku)
{
	const struct chain_exts	*x = chain_cert_exts(c);
	const char		*bad = NULL;

	if (c->t.version != 3)
		return "not an X.509 certificate of version 3 (BR 7.1.1)";
	if (role != CHAIN_ROOT)
		bad = check_fields(c);
	if (bad == NULL)
		bad = check_key(c);
	if (bad == NULL)
		bad = check_aki(c, role);
	if (bad == NULL && chain_critical(x, CHAIN_EXT_AIA))
		bad = "authority information access is critical "
		    "(RFC 5280, 4.2.2.1)";
	if (bad == NULL && chain_has(x, CHAIN_EXT_PC) &&
	    !chain_critical(x, CHAIN_EXT_PC))
		bad = "policy constraints are not critical "
		    "(RFC 5280, 4.2.1.11)";
	if (bad == NULL)
		bad = role == CHAIN_LEAF ? check_leaf(c, any_eku) :
		    check_ca(c, role);
	return bad;
}
