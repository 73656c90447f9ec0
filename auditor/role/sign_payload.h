#ifndef AUDITOR_ROLE_SIGN_PAYLOAD_H
#define AUDITOR_ROLE_SIGN_PAYLOAD_H

#include "acme/ask.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * What may stand in a request that is signed: for each purpose the members
 * that RFC 8555 (9773, the profiles draft) gives it, of their types and within
 * bounds, and nothing else.
 *
 *	ACCOUNT_NEW	contact, termsOfServiceAgreed, onlyReturnExisting,
 *			externalAccountBinding, all optional
 *	ACCOUNT_GET	"", or contact
 *	ACCOUNT_CLOSE	status "deactivated"; so AUTHZ_CLOSE
 *	KEY_CHANGE	protected, payload, signature: the inner JWS
 *	ORDER_NEW	identifiers; notBefore, notAfter, profile, replaces
 *	ORDER_GET	""; so AUTHZ_GET, CERTIFICATE
 *	CHALLENGE	{}
 *	FINALIZE	csr
 *	REVOKE		certificate; reason; so REVOKE_KEY
 */

/* What was found in it, for who knows the keys; free with _free(). */
struct sign_payload {
	struct buf	der;	/* CSR or certificate: one DER element */
	struct buf	head;	/* of an inner JWS: protected, decoded; "" */
	struct buf	body;	/* of an inner JWS: payload, decoded */
};

#define SIGN_PAYLOAD_INIT { BUF_INIT, BUF_INIT, BUF_INIT }

/*
 * Check the payload of a purpose.  0; -1 ERR_VERIFY with what does not fit,
 * ERR_LIMIT for more than LIMIT_SIGN_BODY bytes.
 */
int sign_payload_read(enum acme_purpose, struct span payload,
    struct sign_payload *, struct err *);
void sign_payload_free(struct sign_payload *);

/*
 * Is ${head} the protected header of an external account binding (RFC 8555,
 * 7.3.4) for this newAccount URL: alg, kid and url, and nothing else?
 */
int sign_payload_is_eab(struct span head, const char *url);

#endif
