#include <string.h>

#include "base/sha.h"
#include "pki/cert.h"
#include "pki/der.h"

/* Precertificates and their leaves: RFC 6962, 3.1 and 3.2. */

/* Is it a Precertificate Signing Certificate (RFC 6962, 3.1)? */
static int
is_presigner(const struct der_tbs *t)
{
	struct span	v;

	return der_ext(t, DER_OID_ARG(DER_OID_EKU), &v, NULL) == 1 &&
	    der_eku(v, DER_OID_ARG(DER_OID_PRESIGN));
}

/* Append an Extension again, with another value. */
static void
put_ext(struct buf *out, struct span oid, int critical, struct span value)
{
	struct buf	b = BUF_INIT;

	der_put(&b, DER_OID, oid.n);
	buf_span(&b, oid);
	if (critical)
		buf_add(&b, "\x01\x01\xff", 3);
	der_put(&b, DER_OCTETS, value.n);
	buf_span(&b, value);
	der_put(out, DER_SEQ, b.n);
	buf_span(out, buf_bytes(&b));
	buf_free(&b);
}

/*
 * The extensions with the authority key identifier of ${pre}, the
 * Precertificate Signing Certificate; without one when it has none.
 */
static int
final_exts(const struct der_tbs *t, const struct der_tbs *pre,
    struct buf *out, struct err *e)
{
	static const char	oid[] = DER_OID_AKI;
	const struct span	aki = { (const uint8_t *)oid, 3 };
	struct span		value;
	struct cur		c = cur_span(t->exts);
	struct der_extn		x;
	int			critical, have, put = 0;

	have = der_ext(pre, aki.p, aki.n, &value, &critical);
	if (have == -1)
		return err_set(e, ERR_FORMAT, "precertificate signing "
		    "certificate: two authority key identifiers");
	while (cur_left(&c) != 0) {
		if (der_extn_next(&c, &x) == -1)
			return err_set(e, ERR_FORMAT, "precertificate: "
			    "extensions cannot be read");
		if (x.oid.n != aki.n ||
		    memcmp(x.oid.p, aki.p, aki.n) != 0) {
			buf_span(out, x.whole);
			continue;
		}
		if (have && !put)
			put_ext(out, x.oid, x.critical, value);
		put = 1;
	}
	if (have && !put)
		put_ext(out, aki, critical, value);
	return 0;
}

/* Issuer and authority key identifier become those of the final issuer. */
static int
final_issuer(struct span tbs, const struct der_tbs *pre, struct buf *out,
    struct err *e)
{
	struct der_tbs	t;
	struct buf	exts = BUF_INIT, body = BUF_INIT, seq = BUF_INIT;
	struct span	inner;
	struct cur	c;
	struct der	d;
	int		r = -1;

	if (der_tbs(tbs, &t, e) == -1 ||
	    final_exts(&t, pre, &exts, e) == -1 ||
	    der_only(tbs, DER_SEQ, &inner) == -1)
		goto out;
	for (c = cur_span(inner); cur_left(&c) != 0;) {
		if (der_next(&c, &d) == -1)
			goto out;
		if (d.tag == 0xa3)
			break;
		buf_span(&body, d.whole.p == t.issuer.p ? pre->issuer :
		    d.whole);
	}
	if (exts.n != 0) {
		der_put(&seq, DER_SEQ, exts.n);
		buf_span(&seq, buf_bytes(&exts));
		der_put(&body, 0xa3, seq.n);
		buf_span(&body, buf_bytes(&seq));
	}
	der_put(out, DER_SEQ, body.n);
	buf_span(out, buf_bytes(&body));
	r = 0;
out:
	buf_free(&exts);
	buf_free(&body);
	buf_free(&seq);
	return r;
}

/* The certificate that follows, taken apart. */
static int
chain_tbs(const struct span *chain, struct der_tbs *t, struct err *e)
{
	struct span	tbs;

	if (der_cert(*chain, &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, t, e) == -1)
		return err_prefix(e, "precertificate chain");
	return 0;
}

int
cert_is_presigner(struct span cert)
{
	struct der_tbs	t;

	return chain_tbs(&cert, &t, NULL) == 0 && is_presigner(&t);
}

int
cert_precert_tbs(struct span precert, const struct span *chain, size_t nchain,
    struct buf *out, uint8_t issuer_key_hash[32], struct err *e)
{
	struct span	tbs;
	struct der_tbs	iss;
	struct buf	bare = BUF_INIT;
	int		r = -1, pre = 0, had;

	if (der_cert(precert, &tbs, NULL, NULL, e) == -1)
		return -1;
	had = der_tbs_without(tbs, DER_OID_ARG(DER_OID_POISON), &bare, e);
	if (had == -1)
		goto out;
	if (had == 0) {
		(void)err_set(e, ERR_FORMAT, "precertificate: the poison "
		    "extension is missing (RFC 6962, 3.1)");
		goto out;
	}
	if (nchain != 0) {
		if (chain_tbs(&chain[0], &iss, e) == -1)
			goto out;
		pre = is_presigner(&iss);
	}
	if (issuer_key_hash != NULL && nchain < (size_t)pre + 1) {
		(void)err_set(e, ERR_FORMAT, "precertificate chain: the "
		    "issuer's certificate is missing (RFC 6962, 3.2)");
		goto out;
	}
	if (pre && final_issuer(buf_bytes(&bare), &iss, out, e) == -1)
		goto out;
	if (!pre)
		buf_span(out, buf_bytes(&bare));
	if (issuer_key_hash != NULL &&
	    cert_key_hash(chain[pre], issuer_key_hash, e) == -1)
		goto out;
	r = 0;
out:
	buf_free(&bare);
	return r;
}

int
cert_binds(struct span precert, struct span leaf_tbs,
    const struct span *chain, size_t nchain,
    const uint8_t issuer_key_hash[32], struct err *e)
{
	struct buf	tbs = BUF_INIT;
	uint8_t		hash[32];
	size_t		i;
	int		r = -1;

	if (cert_precert_tbs(precert, chain, nchain, &tbs,
	    issuer_key_hash != NULL ? hash : NULL, e) == -1)
		goto out;
	for (i = 0; i < tbs.n && i < leaf_tbs.n; i++)
		if (tbs.p[i] != leaf_tbs.p[i])
			break;
	if (i != tbs.n || i != leaf_tbs.n) {
		(void)err_set(e, ERR_VERIFY, "precertificate and leaf differ "
		    "from byte %zu on (RFC 6962, 3.2)", i);
		goto out;
	}
	if (issuer_key_hash != NULL &&
	    memcmp(hash, issuer_key_hash, sizeof(hash)) != 0) {
		(void)err_set(e, ERR_VERIFY, "the issuer key hash of the "
		    "leaf is not that of the chain (RFC 6962, 3.2)");
		goto out;
	}
	r = 0;
out:
	buf_free(&tbs);
	return r;
}
