#include <openssl/evp.h>
#include <openssl/rand.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "acme/chal.h"
#include "acme/pkey.h"
#include "acme/san.h"
#include "acme/tlv.h"
#include "base/clk.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"

/* The certificate of tls-alpn-01: acme/chal.h has the contract. */

/* id-pe-acmeIdentifier (RFC 8737, 6.1) */
#define OID_ACME	"\x2b\x06\x01\x05\x05\x07\x01\x1f"
#define OID_SPAN(s)	((struct span){ (const uint8_t *)(s), sizeof(s) - 1 })

#define DAY		(86400 * CLK_SEC)

/* UTCTime, from 2050 on GeneralizedTime (RFC 5280, 4.1.2.5). */
static void
put_time(struct buf *b, int64_t us)
{
	time_t		t = (time_t)(us / CLK_SEC);
	struct tm	tm;
	char		text[32];
	int		utc;

	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&t, &tm);
	utc = tm.tm_year >= 50 && tm.tm_year < 150;
	(void)strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	if (utc)
		tlv_add(b, DER_UTC, text + 2, strlen(text) - 2);
	else
		tlv_add(b, DER_GENTIME, text, strlen(text));
}

/* CN=acme-tls/1, of issuer and subject: who signs himself has one name. */
static void
put_name(struct buf *out)
{
	struct buf	b = BUF_INIT;

	tlv_add(&b, DER_OID, DER_OID_CN, sizeof(DER_OID_CN) - 1);
	tlv_add(&b, DER_UTF8, "acme-tls/1", 10);
	tlv_wrap(&b, DER_SEQ);
	tlv_wrap(&b, DER_SET);
	tlv_add(out, DER_SEQ, b.p, b.n);
	buf_free(&b);
}

/* The name, and the digest of the key authorization (RFC 8737, 3). */
static void
put_exts(struct buf *out, const struct san *names, const char *key_authz)
{
	struct buf	san = BUF_INIT, v = BUF_INIT, b = BUF_INIT;
	uint8_t		h[SHA_LEN];

	san_put(names, &san);
	tlv_ext(&b, OID_SPAN(DER_OID_SAN), 0, buf_bytes(&san));
	sha_256(h, key_authz, strlen(key_authz));
	tlv_add(&v, DER_OCTETS, h, sizeof(h));
	tlv_ext(&b, OID_SPAN(OID_ACME), 1, buf_bytes(&v));
	tlv_wrap(&b, DER_SEQ);
	tlv_add(out, 0xa3, b.p, b.n);
	buf_free(&san);
	buf_free(&v);
	buf_free(&b);
}

/* All in front of the key. */
static int
put_head(struct buf *b, EVP_PKEY *key, int64_t at, struct err *e)
{
	struct buf	t = BUF_INIT;
	uint8_t		serial[16];

	if (RAND_bytes(serial, sizeof(serial)) != 1) {
		errno = EIO;
		return err_set(e, ERR_SYS, "OpenSSL has no randomness");
	}
	/* positive, and of no fewer octets */
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	buf_add(b, "\xa0\x03\x02\x01\x02", 5);	/* v3 */
	tlv_add(b, DER_INT, serial, sizeof(serial));
	if (tlv_alg(key, b, e) == -1)
		return -1;
	put_name(b);
	put_time(&t, at - DAY);
	put_time(&t, at + 7 * DAY);
	tlv_add(b, DER_SEQ, t.p, t.n);
	buf_free(&t);
	put_name(b);
	return 0;
}

/* One identifier that tls-alpn-01 is for. */
static int
one_name(const char *ident, struct san *names, struct err *e)
{
	char	sni[NAME_TEXT];

	memset(names, 0, sizeof(*names));
	if (chal_sni(ident, sni, e) == -1)
		return -1;
	return san_of(&ident, 1, names, e);
}

int
chal_alpn(const char *ident, const char *key_authz, int64_t at,
    struct chal_alpn *out, struct err *e)
{
	struct buf	 b = BUF_INIT;
	struct san	 names;
	EVP_PKEY	*key = NULL;
	int		 r = -1;

	memset(out, 0, sizeof(*out));
	if (*key_authz == '\0')
		return err_set(e, ERR_FORMAT, "challenge: no key "
		    "authorization");
	if (one_name(ident, &names, e) == 0 &&
	    (key = pkey_make(PKEY_P256, e)) != NULL &&
	    put_head(&b, key, at, e) == 0 && pkey_spki(key, &b, e) == 0) {
		put_exts(&b, &names, key_authz);
		tlv_wrap(&b, DER_SEQ);
		r = tlv_sign(key, buf_bytes(&b), &out->cert, e);
		if (r == 0)
			r = pkey_der(key, &out->key, e);
	}
	EVP_PKEY_free(key);
	san_free(&names);
	buf_free(&b);
	return r;
}

void
chal_alpn_free(struct chal_alpn *a)
{
	buf_free(&a->cert);
	pkey_wipe(&a->key);
}
