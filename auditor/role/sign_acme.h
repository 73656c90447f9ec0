#ifndef AUDITOR_ROLE_SIGN_ACME_H
#define AUDITOR_ROLE_SIGN_ACME_H

#include <stdint.h>
#include <sys/types.h>

#include "acme/ask.h"
#include "acme/san.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * ACME keys in the sign process.  It makes them, signs with them what it has
 * read and understood, and puts a certificate's key where it is deployed; no
 * call gives a private key away.
 *
 * The operator's authority: 32 random bytes that a command hands over at
 * set-up and again with each request that needs them.  They are known to that
 * command and its own sign process only; the daemon's sign process has none,
 * so that whoever takes over the daemon can order certificates, but cannot
 * revoke them, close an account or take it over by a new key.  Needed for
 * ACCOUNT_CLOSE, KEY_CHANGE, REVOKE, REVOKE_KEY, a rollover's begin and end,
 * and FINALIZE with a request whose key is not one of ours.
 */
#define SIGN_AUTHORITY 32

struct sign_acme;

/* What is configured; all borrowed. */
struct sign_setup {
	const char	*state_dir;	/* keys live below its keys/ */
	const char	*passphrase;	/* of the files; NULL: none */
	const char	*deploy;	/* keys are put below it; NULL: none */
	struct span	 authority;	/* SIGN_AUTHORITY bytes, or none */
	int		 http;		/* URLs of plain http may be signed */
};

/*
 * Open the keys (sign_store.h).  NULL and ERR_PERM, ERR_SYS, ERR_LIMIT;
 * ERR_USAGE for an authority of another length.
 */
struct sign_acme *sign_acme_new(const struct sign_setup *, struct err *);
void sign_acme_free(struct sign_acme *);

/*
 * The public key of an account, and its next one while it is rolled over,
 * appended: u8 of SIGN_HAS_ bits, then for each of them its thumbprint and
 * its JWK, cur_vec32() each.  With ${kind} the account's key is made before,
 * unless it is there and of this kind.  -1 ERR_NOENT or as sign_store_make().
 */
int sign_acme_account(struct sign_acme *, const char *id, const char *kind,
    struct buf *out, struct err *);

/* Make a certificate's key; SHA-256 of its SubjectPublicKeyInfo. */
int sign_acme_cert(struct sign_acme *, const char *id, const char *kind,
    uint8_t spki[32], struct err *);

/* Append a certificate request (DER) for these names by a certificate's key. */
int sign_acme_csr(struct sign_acme *, const char *id, const struct san *,
    struct buf *out, struct err *);

/* A request to an ACME server.  Strings are never NULL; "": not said. */
struct sign_ask {
	enum acme_purpose purpose;
	int		 next;		/* by the account's next key: after a
					   rollover whose answer was lost */
	const char	*account;	/* id; "" for REVOKE_KEY */
	const char	*cert;		/* id; FINALIZE and REVOKE_KEY */
	const char	*hosts;		/* the directory's host, and others that
					   are listed for it, blanks between */
	const char	*url;
	const char	*nonce;
	const char	*kid;		/* "": the key itself (ACCOUNT_NEW,
					   REVOKE_KEY) */
	struct span	 payload;
	struct span	 authority;
};

/*
 * Append the request's body, a flattened JWS.  It is signed only when the
 * URL is https (or http where set-up allows it) on one of the hosts, the kid
 * too; the payload is what sign_payload.h says of the purpose; and
 *
 *	ACCOUNT_GET, _CLOSE	the URL is the kid
 *	ACCOUNT_NEW		an external binding binds this key
 *	KEY_CHANGE		the inner JWS moves this account from this key
 *				to its next one
 *	FINALIZE		the request's key is that of ${cert}, and is
 *				no account's; it signed the request
 *	REVOKE_KEY		the certificate's key is that of ${cert},
 *				which signs
 *
 * -1 ERR_VERIFY (not signed, and why), ERR_PERM (authority), ERR_NOENT, or as
 * sign_store_get().
 */
int sign_acme_ask(struct sign_acme *, const struct sign_ask *,
    struct buf *out, struct err *);

/* External account binding (RFC 8555, 7.3.4). */
struct sign_bind {
	const char	*account;	/* id */
	const char	*hosts;
	const char	*url;		/* newAccount */
	const char	*alg;		/* HS256, HS384, HS512 */
	const char	*kid;		/* as the CA gave it */
	const char	*key;		/* as the CA gave it; not kept */
};

/* Append the value of "externalAccountBinding"; errors as sign_acme_ask(). */
int sign_acme_bind(struct sign_acme *, const struct sign_bind *,
    struct buf *out, struct err *);

/* A rollover (RFC 8555, 7.3.5). */
struct sign_roll {
	const char	*account;	/* id */
	const char	*kind;		/* of the next key */
	const char	*hosts;
	const char	*url;		/* keyChange */
	const char	*kid;
	struct span	 authority;
};

/*
 * Make the account's next key, unless there is one of this kind, and append
 * the inner JWS, which KEY_CHANGE then sends.  Errors as sign_acme_ask().
 */
int sign_acme_roll(struct sign_acme *, const struct sign_roll *,
    struct buf *out, struct err *);

/*
 * End it.  ${commit}: the CA has said that it knows the next key, which
 * replaces the one before.  Else: it has said that it does not, and the next
 * one is wiped.  Whoever does not know asks by ACCOUNT_NEW with
 * onlyReturnExisting, once with each key.
 */
int sign_acme_rolled(struct sign_acme *, const char *id, int commit,
    struct span authority, struct err *);

/* Who shall own a deployed key, and who may read it. */
struct sign_deploy {
	uint32_t	mode;	/* 0600, or 0640, 0400, 0440 */
	uint32_t	uid;	/* UINT32_MAX: as it is */
	uint32_t	gid;	/* UINT32_MAX: as it is */
};

/*
 * Write a certificate's key as key.pem (PKCS #8) into the folder that is open
 * at ${dir}, below the one of set-up; there must be none yet.  It and the
 * folder are synced.  The folder must be ours (or root's) and not writable by
 * all.  0; -1 ERR_PERM, ERR_SYS, ERR_USAGE (mode), or as sign_store_get();
 * nothing is left then.
 */
int sign_acme_deploy(struct sign_acme *, const char *id, int dir,
    const struct sign_deploy *, struct err *);

/*
 * Take a copy of the private key (PEM, not encrypted) in the file that is open
 * at ${fd} as a certificate's; ${spki} as sign_acme_cert().  ERR_CONF: none;
 * ERR_VERIFY: it is the key of an account; ERR_USAGE: the id is taken.
 */
int sign_acme_import(struct sign_acme *, const char *id, int fd,
    uint8_t spki[32], struct err *);

/* Wipe a certificate's key; ERR_NOENT: there is none. */
int sign_acme_drop(struct sign_acme *, const char *id, struct err *);

#endif
