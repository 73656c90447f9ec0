#include "ocsp/ocsp_ask.h"

#include <string.h>

#include "base/enc.h"
#include "ocsp/certid.h"
#include "pki/der.h"

#define OID_NONCE	"\x2b\x06\x01\x05\x05\x07\x30\x01\x02"

/* Up to this length of its URL a request is a GET (RFC 9919 5). */
#define GET_MAX		255
/* What a client sends at most (RFC 9654 2.1). */
#define NONCE_MAX	32

/* Put ${inner} into an element: [2], a SEQUENCE, an OCTET STRING. */
static void
wrap(struct buf *inner, uint8_t tag)
{
	struct buf	b = BUF_INIT;

	der_put(&b, tag, inner->n);
	buf_span(&b, buf_bytes(inner));
	buf_free(inner);
	*inner = b;
}

/* Append requestExtensions with the nonce (RFC 9654 2.1). */
static void
put_nonce(struct span nonce, struct buf *out)
{
	struct buf	v = BUF_INIT, x = BUF_INIT;

	buf_span(&v, nonce);
	wrap(&v, DER_OCTETS);
	wrap(&v, DER_OCTETS);
	der_put(&x, DER_OID, sizeof(OID_NONCE) - 1);
	buf_add(&x, OID_NONCE, sizeof(OID_NONCE) - 1);
	buf_span(&x, buf_bytes(&v));
	wrap(&x, DER_SEQ);	/* Extension */
	wrap(&x, DER_SEQ);	/* Extensions */
	wrap(&x, 0xa2);
	buf_span(out, buf_bytes(&x));
	buf_free(&v);
	buf_free(&x);
}

int
ocsp_ask_der(const struct ocsp_ask *a, struct buf *out, struct err *e)
{
	struct certid_ca	ca;
	struct buf		serial = BUF_INIT, b = BUF_INIT;
	int			rc = -1;

	if (a->nonce.n > NONCE_MAX)
		return err_set(e, ERR_FORMAT, "a nonce of %zu bytes, at most "
		    "%d (RFC 9654 2.1)", a->nonce.n, NONCE_MAX);
	if (certid_ca(a->issuer, &ca, e) == -1 ||
	    certid_serial(a->serial, &serial, e) == -1)
		goto out;
	if (certid_put(&ca, a->hash, buf_bytes(&serial), &b) == -1) {
		(void)err_set(e, ERR_FORMAT, "the CertID cannot be made");
		goto out;
	}
	wrap(&b, DER_SEQ);	/* Request */
	wrap(&b, DER_SEQ);	/* requestList */
	if (a->nonce.n != 0)
		put_nonce(a->nonce, &b);
	wrap(&b, DER_SEQ);	/* TBSRequest */
	wrap(&b, DER_SEQ);	/* OCSPRequest */
	buf_span(out, buf_bytes(&b));
	rc = 0;
out:
	buf_free(&serial);
	buf_free(&b);
	return rc;
}

/* Append base64 with what a path may not hold as it is percent-encoded. */
static void
put_path(struct span der, struct buf *out)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	enc_b64(&b, der.p, der.n);
	for (i = 0; i < b.n; i++)
		switch (b.p[i]) {
		case '+':
			buf_str(out, "%2B");
			break;
		case '/':
			buf_str(out, "%2F");
			break;
		case '=':
			buf_str(out, "%3D");
			break;
		default:
			buf_u8(out, b.p[i]);
		}
	buf_free(&b);
}

int
ocsp_ask_url(const char *base, struct span der, char *out, size_t cap)
{
	struct buf	url = BUF_INIT;
	size_t		n = strlen(base);
	int		fits = 0;

	if (cap != 0)
		out[0] = '\0';
	/* Behind a query there is no path that could be made longer. */
	if (n > GET_MAX || der.n > GET_MAX || strpbrk(base, "?#") != NULL)
		return 0;
	while (n > 0 && base[n - 1] == '/')
		n--;
	buf_add(&url, base, n);
	buf_u8(&url, '/');
	put_path(der, &url);
	if (url.n <= GET_MAX && url.n < cap) {
		memcpy(out, url.p, url.n + 1);
		fits = 1;
	}
	buf_free(&url);
	return fits;
}
