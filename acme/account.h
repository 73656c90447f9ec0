#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "acme/ask.h"
#include "acme/problem.h"
#include "acme/url.h"
#include "base/err.h"

/*
 * Accounts (RFC 8555 7.3): what is sent, unsigned, and what comes back.
 * Payloads are JSON, owned by the caller: free() them; NULL: error is set.
 */

struct account_want {
	const char *const *contacts;	/* "mailto:..." URLs, borrowed */
	size_t		 ncontacts;
	int		 agree;		/* termsOfServiceAgreed */
	int		 only_existing;	/* look-up (7.3.1) */
	const char	*binding;	/* externalAccountBinding (7.3.4): a
					   JWS as JSON, or NULL */
};

/*
 * The payload of newAccount (7.3); of a change of contacts (7.3.2), which
 * looks at contacts only.  ERR_LIMIT: more than LIMIT_ACME_CONTACTS;
 * ERR_FORMAT: a contact that is no URL of printable characters, or a binding
 * that is no flattened JWS.
 */
char *account_new(const struct account_want *, struct err *);
char *account_update(const struct account_want *, struct err *);

/* The payload of a deactivation (7.3.6): not to be undone. */
char *account_close(void);

/*
 * Key rollover (7.3.5): what the inner JWS signs, from the account's URL and
 * the old public key (a JWK as JSON); and the payload of the request, which
 * is that JWS.  ERR_FORMAT: one of them is not what it must be.
 */
char *account_key_inner(const char *url, const char *old_jwk, struct err *);
char *account_key_change(const char *jws, struct err *);

/* Stored: never changed, only added to. */
enum account_status {
	ACCOUNT_VALID		= 1,
	ACCOUNT_DEACTIVATED	= 2,	/* by us */
	ACCOUNT_REVOKED		= 3	/* by the CA */
};

struct account {
	char			*url;		/* its kid; owned */
	enum account_status	 status;
	int			 created;	/* 201, not known before */
	char			**contacts;	/* the CA's text; owned */
	size_t			 ncontacts;
};

/* What an answer is held against. */
struct account_ask {
	const struct url_pin	*pin;
	const char		*url;	/* asked at this account; NULL: at
					   newAccount, Location has it */
	int64_t			 now;
};

/*
 * Read the answer to newAccount or to a POST to the account.  -1 with
 * ERR_HTTP and a sentence when the CA refused: ${p} is then filled in
 * (problem_free() it in any case; problem_say() has what does not fit);
 * ERR_FORMAT, ERR_LIMIT or ERR_PERM when the answer is not what it must be.
 * account_free() in any case.
 */
int account_read(struct account *, const struct acme_reply *,
    const struct account_ask *, struct problem *p, struct err *);
void account_free(struct account *);

/*
 * Read the answer to keyChange: 0 when the key was changed; -1 as above.  409
 * is "the new key belongs to an account already", whose URL is in the
 * sentence when the CA gave it.
 */
int account_key_changed(const struct acme_reply *,
    const struct account_ask *, struct problem *p, struct err *);

#endif
