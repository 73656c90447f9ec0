#include "pki/chain_aia.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/pem.h"

/* --- what a certificate points to --- */

/* Plain ASCII without blanks, and http: all that is fetched. */
static int
is_http(struct span url)
{
	size_t	i;

	if (url.n <= 7 || url.n > LIMIT_PTR_URL ||
	    strncasecmp((const char *)url.p, "http://", 7) != 0)
		return 0;
	for (i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] >= 0x7f)
			return 0;
	return 1;
}

static void
want(struct chain *c, struct span url)
{
	size_t	i;

	if (!is_http(url) || c->nwant == LIMIT_PTR_URLS)
		return;
	for (i = 0; i < c->nwant; i++)
		if (strlen(c->want[i]) == url.n &&
		    memcmp(c->want[i], url.p, url.n) == 0)
			return;
	if (c->want == NULL)
		c->want = mem_array(LIMIT_PTR_URLS, sizeof(*c->want));
	c->want[c->nwant++] = mem_dup(url.p, url.n);
}

void
chain_aia_want(struct chain_cert *cert, struct chain *out)
{
	const struct chain_exts	*x = chain_cert_exts(cert);
	struct span		 body;
	struct cur		 c, in;
	struct der		 d;

	if (!chain_has(x, CHAIN_EXT_AIA) ||
	    der_only(x->value[CHAIN_EXT_AIA], DER_SEQ, &body) == -1)
		return;
	for (c = cur_span(body); der_want(&c, DER_SEQ, &d) == 0;) {
		in = cur_span(d.body);
		if (der_want(&in, DER_OID, &d) == 0 &&
		    CHAIN_IS(d.body, "\x2b\x06\x01\x05\x05\x07\x30\x02") &&
		    der_want(&in, 0x86, &d) == 0)
			want(out, d.body);
	}
}

/* --- what an answer brings --- */

/* The certificates of an answer in one buffer, and where each begins. */
struct answer {
	struct buf	*mem;
	size_t		*at;		/* owned */
	size_t		 n, max, cap;
};

static void
take(struct answer *a, const void *p, size_t n)
{
	if (a->n == a->max)
		return;
	a->at = mem_grow(a->at, &a->cap, a->n + 1, sizeof(*a->at));
	a->at[a->n++] = a->mem->n;
	buf_add(a->mem, p, n);
}

/* The certificates of a PKCS #7 signed-data, BER as it may be: 0 or -1. */
static int
take_pkcs7(struct answer *a, struct span body)
{
	const uint8_t	*p = body.p;
	PKCS7		*p7 = d2i_PKCS7(NULL, &p, (long)body.n);
	STACK_OF(X509)	*certs = NULL;
	uint8_t		*der;
	int		 i, n, r = -1;

	if (p7 == NULL || !PKCS7_type_is_signed(p7) || p7->d.sign == NULL)
		goto out;
	certs = p7->d.sign->cert;
	for (i = 0; i < sk_X509_num(certs); i++) {
		der = NULL;
		n = i2d_X509(sk_X509_value(certs, i), &der);
		if (n <= 0)
			goto out;
		take(a, der, (size_t)n);
		OPENSSL_free(der);
	}
	r = 0;
out:
	PKCS7_free(p7);
	ERR_clear_error();
	return r;
}

/* One certificate, or a PKCS #7 of them: 0 or -1. */
static int
take_der(struct answer *a, struct span body)
{
	struct span	tbs;

	if (der_cert(body, &tbs, NULL, NULL, NULL) == 0) {
		take(a, body.p, body.n);
		return 0;
	}
	return take_pkcs7(a, body);
}

static int
take_pem(struct answer *a, struct span body)
{
	static const char *const	labels[] = {
		"CERTIFICATE", "X509 CERTIFICATE", "PKCS7"
	};
	struct buf			der = BUF_INIT;
	struct cur			c;
	size_t				i;
	int				r = -1, got;

	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		for (c = cur_span(body);
		    (got = pem_next(&c, labels[i], &der)) != 0;)
			if (got == 1 && take_der(a, buf_bytes(&der)) == 0)
				r = 0;
	buf_free(&der);
	return r;
}

long
chain_aia_read(struct span body, struct buf *mem, struct span *out,
    size_t max, struct err *e)
{
	struct answer	a = { mem, NULL, 0, max, 0 };
	size_t		i, end;
	long		n = -1;

	if (body.n > LIMIT_BODY_AIA)
		return err_set(e, ERR_LIMIT, "more than %u bytes",
		    LIMIT_BODY_AIA);
	if (take_der(&a, body) == -1 && take_pem(&a, body) == -1) {
		(void)err_set(e, ERR_FORMAT, "neither a certificate nor "
		    "PKCS #7 certificates (RFC 5280, 4.2.2.1)");
		goto out;
	}
	/* The buffer has its place now. */
	for (i = 0; i < a.n; i++) {
		end = i + 1 < a.n ? a.at[i + 1] : mem->n;
		out[i] = (struct span){ mem->p + a.at[i], end - a.at[i] };
	}
	n = (long)a.n;
out:
	free(a.at);
	return n;
}
