#include "ocsp/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ocsp/asn.h"

static OCSP_RESPONSE *
parse(struct span der, struct err *e)
{
	const unsigned char	*p = der.p;
	OCSP_RESPONSE		*r = NULL;

	if (der.n <= INT32_MAX)
		r = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	if (r == NULL || p != der.p + der.n) {
		OCSP_RESPONSE_free(r);
		ERR_clear_error();
		(void)err_set(e, ERR_FORMAT, "is no OCSP response (RFC 6960 "
		    "4.2.1)");
		return NULL;
	}
	return r;
}

static int
single(OCSP_SINGLERESP *s, struct ocsp_single *out)
{
	static const char *const status[] = { "good", "revoked", "unknown" };
	ASN1_GENERALIZEDTIME	*at = NULL, *this = NULL, *next = NULL;
	ASN1_OCTET_STRING	*key = NULL;
	ASN1_INTEGER		*serial = NULL;
	struct buf		 hex = BUF_INIT;
	int			 v;

	out->next_update = out->revoked_at = INT64_MIN;
	out->reason = -1;
	v = OCSP_single_get0_status(s, &out->reason, &at, &this, &next);
	if (v < 0 || v > 2 || OCSP_id_get0_info(NULL, NULL, &key, &serial,
	    (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(s)) != 1 ||
	    asn_serial(serial, out->serial, sizeof(out->serial)) == -1 ||
	    ASN1_STRING_length(key) > 64)
		return -1;
	enc_hex(&hex, ASN1_STRING_get0_data(key),
	    (size_t)ASN1_STRING_length(key));
	(void)snprintf(out->issuer_key_hash, sizeof(out->issuer_key_hash),
	    "%s", buf_text(&hex));
	buf_free(&hex);
	(void)snprintf(out->status, sizeof(out->status), "%s", status[v]);
	return asn_time(this, &out->this_update) == -1 ||
	    (next != NULL && asn_time(next, &out->next_update) == -1) ||
	    (v == V_OCSP_CERTSTATUS_REVOKED &&
	    asn_time(at, &out->revoked_at) == -1) ? -1 : 0;
}

static void
responder(const OCSP_BASICRESP *b, struct ocsp *out)
{
	const ASN1_OCTET_STRING	*id = NULL;
	const X509_NAME		*name = NULL;
	struct buf		 hex = BUF_INIT;

	if (OCSP_resp_get0_id(b, &id, &name) != 1)
		return;
	if (name != NULL) {
		out->responder = asn_name(name);
	} else if (id != NULL) {
		enc_hex(&hex, ASN1_STRING_get0_data(id),
		    (size_t)ASN1_STRING_length(id));
		out->responder = mem_str(buf_text(&hex));
		buf_free(&hex);
	}
}

static int
basic(OCSP_BASICRESP *b, struct ocsp *out, struct err *e)
{
	int	i, n = OCSP_resp_count(b);

	responder(b, out);
	asn_algorithm(OCSP_resp_get0_tbs_sigalg(b), out->sigalg,
	    sizeof(out->sigalg));
	if (asn_time(OCSP_resp_get0_produced_at(b), &out->produced_at) == -1)
		return err_set(e, ERR_FORMAT, "producedAt cannot be read "
		    "(RFC 6960 4.2.2.1)");
	if (OCSP_resp_get0_certs(b) != NULL)
		out->ncerts = (size_t)sk_X509_num(OCSP_resp_get0_certs(b));
	if (n < 0 || n > LIMIT_OCSP_SINGLES)
		return err_set(e, ERR_LIMIT, "it answers for %d certificates, "
		    "more than %d", n, LIMIT_OCSP_SINGLES);
	out->singles = mem_array((size_t)n, sizeof(*out->singles));
	for (i = 0; i < n; i++)
		if (single(OCSP_resp_get0(b, i),
		    &out->singles[out->nsingles++]) == -1)
			return err_set(e, ERR_FORMAT, "answer %d cannot be "
			    "read (RFC 6960 4.2.1)", i);
	return 0;
}

int
ocsp_read(struct span der, struct ocsp *out, struct err *e)
{
	OCSP_RESPONSE	*r;
	OCSP_BASICRESP	*b = NULL;
	int		 rc = 0;

	memset(out, 0, sizeof(*out));
	if ((r = parse(der, e)) == NULL)
		return -1;
	out->status = OCSP_response_status(r);
	(void)snprintf(out->said, sizeof(out->said), "%s",
	    OCSP_response_status_str(out->status));
	if (out->status == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		b = OCSP_response_get1_basic(r);
		rc = b == NULL ? err_set(e, ERR_FORMAT, "the answer inside "
		    "is no BasicOCSPResponse (RFC 6960 4.2.1)") :
		    basic(b, out, e);
	}
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return rc;
}

void
ocsp_free(struct ocsp *o)
{
	free(o->responder);
	free(o->singles);
	memset(o, 0, sizeof(*o));
}

static int
signed_by(const OCSP_BASICRESP *b, EVP_PKEY *key)
{
	return key != NULL && ASN1_item_verify(
	    ASN1_ITEM_rptr(OCSP_RESPDATA), OCSP_resp_get0_tbs_sigalg(b),
	    OCSP_resp_get0_signature(b), OCSP_resp_get0_respdata(b), key) == 1;
}

/* A responder that the CA named: RFC 6960 4.2.2.2. */
static int
delegated(const OCSP_BASICRESP *b, EVP_PKEY *ca)
{
	const STACK_OF(X509)	*v = OCSP_resp_get0_certs(b);
	X509			*x;
	int			 i, n = v == NULL ? 0 : sk_X509_num(v);

	for (i = 0; i < n && i < LIMIT_CHAIN; i++) {
		x = sk_X509_value(v, i);
		if (X509_verify(x, ca) == 1 &&
		    (X509_get_extension_flags(x) & EXFLAG_XKUSAGE) != 0 &&
		    (X509_get_extended_key_usage(x) & XKU_OCSP_SIGN) != 0 &&
		    signed_by(b, X509_get0_pubkey(x)))
			return 1;
	}
	return 0;
}

int
ocsp_verify(struct span der, struct span spki, struct err *e)
{
	OCSP_RESPONSE	*r;
	OCSP_BASICRESP	*b = NULL;
	EVP_PKEY	*key = NULL;
	int		 rc = -1;

	if ((r = parse(der, e)) == NULL)
		return -1;
	if ((b = OCSP_response_get1_basic(r)) == NULL)
		(void)err_set(e, ERR_FORMAT, "it is not signed: %s",
		    OCSP_response_status_str(OCSP_response_status(r)));
	else if ((key = asn_key(spki, e)) != NULL) {
		rc = signed_by(b, key) || delegated(b, key);
		if (rc == 0)
			(void)err_set(e, ERR_VERIFY, "it is signed neither by "
			    "this key nor by a responder that it names "
			    "(RFC 6960 4.2.2.2)");
	}
	EVP_PKEY_free(key);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	ERR_clear_error();
	return rc;
}
