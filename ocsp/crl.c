#include "ocsp/crl.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ocsp/asn.h"

static X509_CRL *
parse(struct span der, struct err *e)
{
	const unsigned char	*p = der.p;
	X509_CRL		*c = NULL;

	if (der.n <= INT32_MAX)
		c = d2i_X509_CRL(NULL, &p, (long)der.n);
	if (c == NULL || p != der.p + der.n) {
		X509_CRL_free(c);
		ERR_clear_error();
		(void)err_set(e, ERR_FORMAT, "is no CRL (RFC 5280 5.1)");
		return NULL;
	}
	return c;
}

static int
entry(X509_REVOKED *r, struct crl_entry *out)
{
	ASN1_ENUMERATED	*reason;
	int		 crit = 0;

	out->reason = -1;
	if (asn_serial(X509_REVOKED_get0_serialNumber(r), out->serial,
	    sizeof(out->serial)) == -1 ||
	    asn_time(X509_REVOKED_get0_revocationDate(r), &out->at) == -1)
		return -1;
	reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, &crit, NULL);
	if (reason != NULL)
		out->reason = (int)ASN1_ENUMERATED_get(reason);
	ASN1_ENUMERATED_free(reason);
	return reason == NULL && crit != -1 ? -1 : 0;
}

static int
entries(X509_CRL *c, size_t max, struct crl *out, struct err *e)
{
	STACK_OF(X509_REVOKED)	*v = X509_CRL_get_REVOKED(c);
	int			 i, n = sk_X509_REVOKED_num(v);

	if (n <= 0)
		return 0;
	out->count = (size_t)n;
	if (out->count < max)
		max = out->count;
	out->entries = mem_array(max, sizeof(*out->entries));
	for (i = 0; out->nentries < max; i++)
		if (entry(sk_X509_REVOKED_value(v, i),
		    &out->entries[out->nentries++]) == -1)
			return err_set(e, ERR_FORMAT, "entry %d cannot be "
			    "read (RFC 5280 5.1.2.6)", i);
	return 0;
}

int
crl_read(struct span der, size_t max, struct crl *out, struct err *e)
{
	X509_CRL		*c;
	ASN1_INTEGER		*number = NULL;
	const ASN1_TIME		*next;
	const X509_ALGOR	*alg;
	int			 crit = 0, rc = -1;

	memset(out, 0, sizeof(*out));
	out->next_update = INT64_MIN;
	if ((c = parse(der, e)) == NULL)
		return -1;
	out->issuer = asn_name(X509_CRL_get_issuer(c));
	X509_CRL_get0_signature(c, NULL, &alg);
	asn_algorithm(alg, out->sigalg, sizeof(out->sigalg));
	next = X509_CRL_get0_nextUpdate(c);
	number = X509_CRL_get_ext_d2i(c, NID_crl_number, &crit, NULL);
	out->is_delta = X509_CRL_get_ext_by_NID(c, NID_delta_crl, -1) >= 0;
	if (asn_time(X509_CRL_get0_lastUpdate(c), &out->this_update) == -1 ||
	    (next != NULL && asn_time(next, &out->next_update) == -1))
		(void)err_set(e, ERR_FORMAT, "its times cannot be read "
		    "(RFC 5280 5.1.2.4)");
	else if ((number == NULL && crit != -1) || (number != NULL &&
	    asn_serial(number, out->number, sizeof(out->number)) == -1))
		(void)err_set(e, ERR_FORMAT, "its number cannot be read "
		    "(RFC 5280 5.2.3)");
	else
		rc = entries(c, max, out, e);
	ASN1_INTEGER_free(number);
	X509_CRL_free(c);
	ERR_clear_error();
	return rc;
}

void
crl_free(struct crl *c)
{
	free(c->issuer);
	free(c->entries);
	memset(c, 0, sizeof(*c));
}

int
crl_verify(struct span der, struct span spki, struct err *e)
{
	X509_CRL	*c;
	EVP_PKEY	*key;
	int		 r = -1;

	if ((c = parse(der, e)) == NULL)
		return -1;
	if ((key = asn_key(spki, e)) != NULL) {
		r = X509_CRL_verify(c, key) == 1;
		if (r == 0)
			(void)err_set(e, ERR_VERIFY, "the signature is not "
			    "by this key (RFC 5280 5.1.1.3)");
	}
	EVP_PKEY_free(key);
	X509_CRL_free(c);
	ERR_clear_error();
	return r;
}
