#include "ocsp/ocsp.h"

#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "ocsp/asn.h"
#include "ocsp/resp.h"
#include "ocsp/responder.h"
#include "pki/cert.h"

static int
single(const struct resp_single *s, struct ocsp_single *out)
{
	static const char *const status[] = { "", "good", "revoked",
	    "unknown" };

	if (certid_serial_text(s->id.serial, out->serial) == -1 ||
	    s->id.key.n > (sizeof(out->issuer_key_hash) - 1) / 2)
		return -1;
	enc_hex_to(out->issuer_key_hash, s->id.key.p, s->id.key.n);
	(void)snprintf(out->status, sizeof(out->status), "%s",
	    status[s->says]);
	out->this_update = s->this_update;
	out->next_update = s->next_update;
	out->revoked_at = s->revoked_at;
	out->reason = s->reason;
	return 0;
}

/* The name of the signature algorithm; "" when it has none. */
static void
algorithm(struct span der, char *out, size_t cap)
{
	const unsigned char	*p = der.p;
	X509_ALGOR		*alg;

	out[0] = '\0';
	alg = d2i_X509_ALGOR(NULL, &p, (long)der.n);
	if (alg != NULL)
		asn_algorithm(alg, out, cap);
	X509_ALGOR_free(alg);
}

int
ocsp_read(struct span der, struct ocsp *out, struct err *e)
{
	struct resp_single	s;
	struct resp		r;
	struct cur		c;

	memset(out, 0, sizeof(*out));
	if (resp_read(der, &r, e) == -1)
		return -1;
	out->status = r.outer;
	(void)snprintf(out->said, sizeof(out->said), "%s",
	    OCSP_response_status_str(r.outer));
	if (r.outer != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return 0;
	out->responder = responder_name(&r);
	algorithm(r.sigalg, out->sigalg, sizeof(out->sigalg));
	out->produced_at = r.produced_at;
	out->ncerts = r.ncerts;
	out->singles = mem_array(r.nsingles, sizeof(*out->singles));
	for (c = cur_span(r.singles); cur_left(&c) != 0; out->nsingles++)
		if (resp_single_next(&c, &s) == -1 ||
		    single(&s, &out->singles[out->nsingles]) == -1)
			return err_set(e, ERR_FORMAT, "answer %zu cannot be "
			    "read (RFC 6960 4.2.1)", out->nsingles);
	return 0;
}

void
ocsp_free(struct ocsp *o)
{
	free(o->responder);
	free(o->singles);
	memset(o, 0, sizeof(*o));
}

/* A responder that the CA named and that signed: RFC 6960 4.2.2.2. */
static int
delegated(const struct resp *r, struct span cert, struct span ca)
{
	struct span	tbs, alg, sig;
	struct der_tbs	t;

	return der_cert(cert, &tbs, &alg, &sig, NULL) == 0 &&
	    der_tbs(tbs, &t, NULL) == 0 && responder_profile(&t) == NULL &&
	    cert_verify(alg, sig, tbs, ca, NULL) == 1 &&
	    cert_verify(r->sigalg, r->sig, r->tbs, t.spki, NULL) == 1;
}

int
ocsp_verify(struct span der, struct span spki, struct err *e)
{
	struct resp	r;
	size_t		i;
	int		v;

	if (resp_read(der, &r, e) == -1)
		return -1;
	if (r.outer != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		return err_set(e, ERR_FORMAT, "it is not signed: %s",
		    OCSP_response_status_str(r.outer));
	v = cert_verify(r.sigalg, r.sig, r.tbs, spki, NULL);
	for (i = 0; v != 1 && i < r.ncerts; i++)
		if (delegated(&r, r.certs[i], spki))
			v = 1;
	if (v == 0)
		(void)err_set(e, ERR_VERIFY, "it is signed neither by this "
		    "key nor by a responder that it names (RFC 6960 "
		    "4.2.2.2)");
	if (v == -1)
		(void)err_set(e, ERR_FORMAT, "the key or the signature is of "
		    "a kind that cannot be used");
	return v;
}
