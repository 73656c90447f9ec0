#ifndef ACME_CHAL_H
#define ACME_CHAL_H

#include <stdint.h>

#include "acme/authz.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/name.h"

/*
 * Challenges: what has to be placed where.  Identifiers are names as
 * san_canon() takes them, wildcards with their "*.".
 */

/* Can this identifier be validated so?  A wildcard in DNS only (RFC 8555,
   7.1.3), an address not in DNS (RFC 8738, 7).  1 or 0. */
int chal_fits(enum challenge_type, const char *ident);

/* Is it a token that may be used: LIMIT_TOKEN_MIN to LIMIT_TOKEN bytes of
   base64url (RFC 8555, 8.1)?  1 or 0. */
int chal_token_ok(const char *);

/*
 * Append the key authorization (RFC 8555, 8.1): the token, a dot, the
 * thumbprint of the account key.  0; -1 ERR_FORMAT: one of them is none.
 */
int chal_key_authz(const char *token, const char *thumbprint, struct buf *,
    struct err *);

/* The TXT value of dns-01 and dns-account-01 (RFC 8555, 8.4): 43 characters
   and a zero byte. */
#define CHAL_TXT 44
void chal_txt(const char *key_authz, char out[CHAL_TXT]);

/*
 * The name of the TXT record, without a dot at the end, of dns-01,
 * dns-account-01 and dns-persist-01.  The account URL is for dns-account-01
 * and may be NULL for the others.  0; -1 ERR_FORMAT: the name or another type,
 * also when the owner name would be longer than DNS allows.
 */
int chal_owner(enum challenge_type, const char *ident, const char *account,
    char out[NAME_TEXT], struct err *);

/* A record of dns-persist-01: a standing grant. */
struct chal_persist {
	const char	*issuer;	/* one of issuer-domain-names */
	const char	*account;	/* account URL */
	int		 wildcard;	/* policy=wildcard */
	int64_t		 until;		/* seconds since 1970; 0: for ever */
};

/* Append its value: 0, or -1 ERR_FORMAT when it cannot be written so. */
int chal_persist_txt(const struct chal_persist *, struct buf *, struct err *);

/*
 * Does this TXT value grant what is wanted (wanted->until counts for nothing)
 * at ${now}, in microseconds?  1; 0 and the reason: ERR_FORMAT malformed,
 * ERR_NOENT of another issuer, ERR_PERM another account, no wildcard, or its
 * time is over.  Read as strictly as the strictest CA does.
 */
int chal_persist_ok(struct span txt, const struct chal_persist *wanted,
    int64_t now, struct err *);

/* What a server shows to who asks for "acme-tls/1". */
struct chal_alpn {
	struct buf	cert;	/* DER */
	struct buf	key;	/* PKCS #8, DER; a secret */
};

/*
 * Make the certificate of tls-alpn-01 (RFC 8737, 3) with a P-256 key of its
 * own, valid from a day before ${at} (microseconds) to a week after it.  0; -1
 * ERR_FORMAT: a wildcard, no key authorization; ERR_SYS.  chal_alpn_free() in
 * any case.
 */
int chal_alpn(const char *ident, const char *key_authz, int64_t at,
    struct chal_alpn *, struct err *);
void chal_alpn_free(struct chal_alpn *);

/* The server name that the CA asks for (RFC 8737, 3; RFC 8738, 6: of an
   address its name for PTR).  0; -1 ERR_FORMAT. */
int chal_sni(const char *ident, char out[NAME_TEXT], struct err *);

#endif
