#ifndef AUDITOR_ROLE_SIGN_CLIENT_ACME_H
#define AUDITOR_ROLE_SIGN_CLIENT_ACME_H

#include <stdint.h>

#include "auditor/role/sign_acme.h"
#include "auditor/role/sign_client.h"
#include "auditor/role/sign_store.h"

/*
 * The requests of sign_acme.h to a sign process that was opened with
 * sign_client_open(); what they mean and how they fail stands there.  ERR_SYS
 * when the process is gone, ERR_FORMAT when it has no keys of ACME.
 */

/* The public side of an account's keys: [0] the one in use, [1] the next. */
struct sign_account {
	unsigned	 have;			/* SIGN_HAS_ bits */
	char		 thumbprint[2][44];	/* "" where there is none */
	struct buf	 jwk[2];		/* JSON */
};

#define SIGN_ACCOUNT_INIT { 0, { "", "" }, { BUF_INIT, BUF_INIT } }

/*
 * The keys of an account, whose first one is made of ${kind} when there is
 * none; NULL: nothing is made.  Free ${out} with sign_account_free().
 */
int sign_client_account(struct sign_client *, const char *id,
    const char *kind, struct sign_account *out, struct err *);
void sign_account_free(struct sign_account *);

/* Make a certificate's key; SHA-256 of its SubjectPublicKeyInfo. */
int sign_client_cert(struct sign_client *, const char *id, const char *kind,
    uint8_t spki[32], struct err *);

/* Append a certificate request (DER) for ${n} names, as people write them. */
struct sign_names {
	const char *const	*v;
	size_t			 n;
};
int sign_client_csr(struct sign_client *, const char *id, struct sign_names,
    struct buf *out, struct err *);

/* Append a signed request's body; an external binding; an inner JWS. */
int sign_client_ask(struct sign_client *, const struct sign_ask *,
    struct buf *out, struct err *);
int sign_client_bind(struct sign_client *, const struct sign_bind *,
    struct buf *out, struct err *);
int sign_client_roll(struct sign_client *, const struct sign_roll *,
    struct buf *out, struct err *);

/* End a rollover: the CA knows the next key (${commit}), or does not. */
int sign_client_rolled(struct sign_client *, const char *id, int commit,
    struct span authority, struct err *);

/* Put a certificate's key into the folder open at ${dir}, which stays open. */
int sign_client_deploy(struct sign_client *, const char *id, int dir,
    const struct sign_deploy *, struct err *);

/* The same in two steps, as sign_client_post() and sign_client_answer(). */
int sign_client_deploy_post(struct sign_client *, const char *id, int dir,
    const struct sign_deploy *, struct err *);
int sign_client_deploy_answer(struct sign_client *, struct err *);

/* Copy a certificate's key from the file open at ${fd}, which stays open. */
int sign_client_import(struct sign_client *, const char *id, int fd,
    uint8_t spki[32], struct err *);

/* Wipe a certificate's key. */
int sign_client_drop(struct sign_client *, const char *id, struct err *);

#endif
