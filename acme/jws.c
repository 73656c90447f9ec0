#include "acme/jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acme/pkey.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

#define EAB_KEY_MIN	16	/* 128 bits; RFC 7518 3.2 wants more, but the
				   key is the CA's choice */

/* Append a number of a public key as base64url; width 0: no leading zeros. */
static int
put_number(struct buf *b, EVP_PKEY *key, const char *param, size_t width)
{
	BIGNUM	*bn = NULL;
	uint8_t	 raw[1024];
	int	 n = -1;

	if (EVP_PKEY_get_bn_param(key, param, &bn) != 1)
		return -1;
	if (BN_num_bytes(bn) <= (int)sizeof(raw))
		n = width != 0 ? BN_bn2binpad(bn, raw, (int)width) :
		    BN_bn2bin(bn, raw);
	BN_free(bn);
	if (n <= 0)
		return -1;
	enc_b64url(b, raw, (size_t)n);
	return 0;
}

int
jws_jwk(EVP_PKEY *key, struct buf *out, struct err *e)
{
	struct pkey_how	how;
	struct buf	b = BUF_INIT;
	int		bad;

	if (pkey_how(key, &how, e) == -1)
		return -1;
	if (how.width != 0) {
		buf_fmt(&b, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"",
		    how.crv);
		bad = put_number(&b, key, OSSL_PKEY_PARAM_EC_PUB_X,
		    how.width);
		buf_str(&b, "\",\"y\":\"");
		bad |= put_number(&b, key, OSSL_PKEY_PARAM_EC_PUB_Y,
		    how.width);
	} else {
		buf_str(&b, "{\"e\":\"");
		bad = put_number(&b, key, OSSL_PKEY_PARAM_RSA_E, 0);
		buf_str(&b, "\",\"kty\":\"RSA\",\"n\":\"");
		bad |= put_number(&b, key, OSSL_PKEY_PARAM_RSA_N, 0);
	}
	buf_str(&b, "\"}");
	if (bad == 0)
		buf_add(out, b.p, b.n);
	buf_free(&b);
	ERR_clear_error();
	return bad == 0 ? 0 : err_set(e, ERR_FORMAT, "a key whose numbers "
	    "cannot be read");
}

int
jws_thumbprint(EVP_PKEY *key, char out[JWS_THUMBPRINT], struct err *e)
{
	struct buf	b = BUF_INIT;
	uint8_t		h[SHA_LEN];

	out[0] = '\0';
	if (jws_jwk(key, &b, e) == -1)
		return -1;
	sha_256(h, b.p, b.n);
	buf_reset(&b);
	enc_b64url(&b, h, sizeof(h));
	memcpy(out, b.p, JWS_THUMBPRINT);	/* with its zero byte */
	buf_free(&b);
	return 0;
}

/*
 * Append `"name":"text"`.  URLs (RFC 3986) and key identifiers (RFC 8555,
 * 7.3.4: ASCII) hold neither control bytes nor what is not ASCII.
 */
static int
put_text(struct buf *b, const char *name, const char *text, struct err *e)
{
	const char	*p;

	if (strlen(text) > LIMIT_JWS_TEXT)
		return err_set(e, ERR_LIMIT, "JWS: a \"%s\" of %zu bytes; at "
		    "most %u are signed", name, strlen(text), LIMIT_JWS_TEXT);
	if (*text == '\0')
		return err_set(e, ERR_FORMAT, "JWS: an empty \"%s\"", name);
	buf_fmt(b, "\"%s\":\"", name);
	for (p = text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			return err_set(e, ERR_FORMAT, "JWS: byte 0x%02x in "
			    "\"%s\"; only printable ASCII may be there",
			    (unsigned char)*p, name);
		if (*p == '"' || *p == '\\')
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)*p);
	}
	buf_u8(b, '"');
	return 0;
}

int
jws_nonce_ok(const char *s)
{
	size_t	n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return n != 0 && s[n] == '\0' && n <= LIMIT_NONCE;
}

/* The signing input (RFC 7515, 5.1): both parts and the dot between. */
static void
put_input(struct buf *in, const struct buf *header, const char *payload)
{
	enc_b64url(in, header->p, header->n);
	buf_u8(in, '.');
	enc_b64url(in, payload, strlen(payload));
}

/* Flattened JSON of a signing input and its signature. */
static void
flatten(const struct buf *in, struct span sig, struct buf *out)
{
	const char	*dot = strchr(buf_text(in), '.');

	buf_str(out, "{\"protected\":\"");
	buf_add(out, in->p, (size_t)(dot - buf_text(in)));
	buf_str(out, "\",\"payload\":\"");
	buf_str(out, dot + 1);
	buf_str(out, "\",\"signature\":\"");
	enc_b64url(out, sig.p, sig.n);
	buf_str(out, "\"}");
}

/* r and s of fixed width (RFC 7518, 3.4) of what OpenSSL wrote as DER. */
static int
raw_ecdsa(struct buf *sig, size_t width)
{
	const uint8_t	*p = sig->p;
	ECDSA_SIG	*v = d2i_ECDSA_SIG(NULL, &p, (long)sig->n);
	uint8_t		 raw[2 * 66];
	int		 w = (int)width, ok;

	ok = v != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(v), raw, w) == w &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(v), raw + w, w) == w;
	ECDSA_SIG_free(v);
	buf_reset(sig);
	if (ok)
		buf_add(sig, raw, 2 * width);
	return ok ? 0 : -1;
}

/* Sign the header and the payload. */
static int
finish(EVP_PKEY *key, const struct buf *header, const char *payload,
    struct buf *out, struct err *e)
{
	struct pkey_how	how;
	struct buf	in = BUF_INIT, sig = BUF_INIT;
	int		r = -1;

	if (pkey_how(key, &how, e) == -1)
		return -1;
	put_input(&in, header, payload);
	if (pkey_sign(key, buf_bytes(&in), &sig, e) == -1)
		goto out;
	if (how.width != 0 && raw_ecdsa(&sig, how.width) == -1) {
		errno = EIO;
		(void)err_set(e, ERR_SYS, "OpenSSL made a signature that it "
		    "cannot read");
		goto out;
	}
	flatten(&in, buf_bytes(&sig), out);
	r = 0;
out:
	buf_free(&in);
	buf_free(&sig);
	return r;
}

/* The protected header (RFC 8555, 6.2). */
static int
put_header(EVP_PKEY *key, const struct jws_ask *a, struct buf *b,
    struct err *e)
{
	struct pkey_how	how;

	if (pkey_how(key, &how, e) == -1)
		return -1;
	buf_fmt(b, "{\"alg\":\"%s\",", how.alg);
	if (a->kid != NULL) {
		if (put_text(b, "kid", a->kid, e) == -1)
			return -1;
	} else {
		buf_str(b, "\"jwk\":");
		if (jws_jwk(key, b, e) == -1)
			return -1;
	}
	buf_u8(b, ',');
	if (a->nonce != NULL) {
		if (!jws_nonce_ok(a->nonce))
			return err_set(e, ERR_FORMAT, "JWS: a nonce that is "
			    "not base64url (RFC 8555, 6.5.1)");
		buf_fmt(b, "\"nonce\":\"%s\",", a->nonce);
	}
	if (put_text(b, "url", a->url, e) == -1)
		return -1;
	buf_u8(b, '}');
	return 0;
}

int
jws_sign(EVP_PKEY *key, const struct jws_ask *a, struct buf *out,
    struct err *e)
{
	struct buf	header = BUF_INIT;
	int		r;

	r = put_header(key, a, &header, e);
	if (r == 0)
		r = finish(key, &header, a->payload, out, e);
	buf_free(&header);
	return r;
}

/* ${n} bytes of base64 in either alphabet, with or without padding. */
static int
eab_decode(const char *s, size_t n, struct buf *key)
{
	char	*text;
	size_t	 i, pad = 0;
	int	 r;

	while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
		pad++;
	if (pad != 0 && n % 4 != 0)
		return -1;
	n -= pad;
	text = mem_dup(s, n);
	for (i = 0; i < n; i++)
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	(void)buf_room(key, n + 1);	/* a secret is not to be moved */
	r = enc_unb64url(text, n, key);
	mem_wipe(text, n);
	free(text);
	return r;
}

/* The key that a CA gave, as bytes; to be wiped. */
static int
eab_key(const char *s, struct buf *key, struct err *e)
{
	size_t	n;

	s += strspn(s, " \t\r\n");
	for (n = strlen(s); n != 0 && strchr(" \t\r\n", s[n - 1]) != NULL;)
		n--;
	if (n > (LIMIT_EAB_KEY + 2) / 3 * 4)
		return err_set(e, ERR_LIMIT, "external account binding: a key "
		    "of %zu characters; at most %u bytes are taken", n,
		    LIMIT_EAB_KEY);
	if (eab_decode(s, n, key) == -1)
		return err_set(e, ERR_FORMAT, "external account binding: the "
		    "key is not base64url; give it as the CA shows it");
	if (key->n > LIMIT_EAB_KEY)
		return err_set(e, ERR_LIMIT, "external account binding: a key "
		    "of %zu bytes; at most %u are taken", key->n,
		    LIMIT_EAB_KEY);
	if (key->n < EAB_KEY_MIN)
		return err_set(e, ERR_FORMAT, "external account binding: a key "
		    "of %zu bytes, less than %d: it was cut short", key->n,
		    EAB_KEY_MIN);
	return 0;
}

static const EVP_MD *
eab_md(const char *alg)
{
	if (alg == NULL || strcmp(alg, "HS256") == 0)
		return EVP_sha256();
	if (strcmp(alg, "HS384") == 0)
		return EVP_sha384();
	return strcmp(alg, "HS512") == 0 ? EVP_sha512() : NULL;
}

/* The MAC (RFC 7518, 3.2) under a key that is known to be good. */
static int
eab_mac(const struct jws_eab *a, const struct buf *header, const char *jwk,
    struct buf *out, struct err *e)
{
	struct buf	key = BUF_INIT, in = BUF_INIT;
	uint8_t		mac[EVP_MAX_MD_SIZE];
	unsigned	n = 0;
	int		r;

	r = eab_key(a->key, &key, e);
	if (r == 0) {
		put_input(&in, header, jwk);
		if (HMAC(eab_md(a->alg), key.p, (int)key.n, in.p, in.n, mac,
		    &n) != NULL)
			flatten(&in, (struct span){ mac, n }, out);
		else {
			errno = EIO;
			r = err_set(e, ERR_SYS, "OpenSSL cannot make a MAC");
		}
	}
	pkey_wipe(&key);
	buf_free(&in);
	return r;
}

int
jws_eab(EVP_PKEY *account, const struct jws_eab *a, struct buf *out,
    struct err *e)
{
	struct buf	header = BUF_INIT, jwk = BUF_INIT;
	int		r = -1;

	if (eab_md(a->alg) == NULL)
		return err_set(e, ERR_FORMAT, "external account binding: the "
		    "algorithm must be HS256, HS384 or HS512");
	buf_fmt(&header, "{\"alg\":\"%s\",", a->alg != NULL ? a->alg :
	    "HS256");
	if (put_text(&header, "kid", a->kid, e) == -1)
		goto out;
	buf_u8(&header, ',');
	if (put_text(&header, "url", a->url, e) == -1)
		goto out;
	buf_u8(&header, '}');
	if (jws_jwk(account, &jwk, e) == 0)
		r = eab_mac(a, &header, buf_text(&jwk), out, e);
out:
	buf_free(&header);
	buf_free(&jwk);
	return r;
}

int
jws_key_change(const struct jws_change *c, struct buf *out, struct err *e)
{
	struct buf	payload = BUF_INIT;
	struct jws_ask	ask = { c->url, NULL, NULL, NULL };
	int		r = -1;

	buf_u8(&payload, '{');
	if (put_text(&payload, "account", c->account, e) == -1)
		goto out;
	buf_str(&payload, ",\"oldKey\":");
	if (jws_jwk(c->old, &payload, e) == -1)
		goto out;
	buf_u8(&payload, '}');
	ask.payload = buf_text(&payload);
	r = jws_sign(c->new, &ask, out, e);
out:
	buf_free(&payload);
	return r;
}
