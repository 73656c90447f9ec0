#ifndef ACME_JWS_H
#define ACME_JWS_H

#include <openssl/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * JSON Web Signatures as ACME wants them (RFC 8555, 6.2): flattened JSON
 * (RFC 7515, 7.2.2) with a protected header only, by account keys that
 * pkey_how() takes.  All functions give 0, or -1 and ERR_FORMAT for keys and
 * texts that may not be sent, ERR_LIMIT, ERR_SYS when OpenSSL fails; buffers
 * are appended to, and are as they were after -1.
 */

/* What is to be signed; all strings are borrowed. */
struct jws_ask {
	const char	*url;		/* byte for byte that of the request */
	const char	*nonce;		/* NULL: none (inner ones) */
	const char	*kid;		/* account URL; NULL: the public key
					   itself stands in the header */
	const char	*payload;	/* JSON; "": POST-as-GET */
};

/* The public key as JSON: required members only, in the order and without
   the blanks that RFC 7638, 3 wants. */
int jws_jwk(EVP_PKEY *, struct buf *, struct err *);

/* Its thumbprint (RFC 7638): 43 characters of base64url and a zero byte. */
#define JWS_THUMBPRINT 44
int jws_thumbprint(EVP_PKEY *, char out[JWS_THUMBPRINT], struct err *);

/* Sign: a whole request body. */
int jws_sign(EVP_PKEY *, const struct jws_ask *, struct buf *, struct err *);

/*
 * May this Replay-Nonce be used (RFC 8555, 6.5.1): base64url, at most
 * LIMIT_NONCE bytes?  1 or 0.
 */
int jws_nonce_ok(const char *);

/* External account binding (RFC 8555, 7.3.4). */
struct jws_eab {
	const char	*alg;	/* HS256, HS384, HS512; NULL: HS256 */
	const char	*kid;	/* as the CA gave it */
	const char	*key;	/* base64url as the CA gave it; padding, the
				   other alphabet and blanks around it are
				   taken, too; at least 16 bytes */
	const char	*url;	/* newAccount */
};

/* The value of "externalAccountBinding" for this account key. */
int jws_eab(EVP_PKEY *account, const struct jws_eab *, struct buf *,
    struct err *);

/* Another key for an account (RFC 8555, 7.3.5). */
struct jws_change {
	EVP_PKEY	*old, *new;	/* borrowed */
	const char	*account;	/* its URL */
	const char	*url;		/* keyChange */
};

/* The inner JWS, signed by the new key: payload of the outer one. */
int jws_key_change(const struct jws_change *, struct buf *, struct err *);

#endif
