#ifndef AUDITOR_ROLE_SIGN_H
#define AUDITOR_ROLE_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * The sign process: webhook secrets, the instance key, and, when set-up says
 * more than the state directory, the keys of ACME accounts and certificates
 * (sign_acme.h).  It parses what it signs, and never gives a key away.
 * Requests come on descriptor 3, one at a time, the first one is SIGN_SETUP;
 * each gets one SIGN_ANSWER.  Strings and bytes are cur_vec32().
 */
enum sign_type {
	SIGN_SETUP = 1,		/* state_dir, and for ACME passphrase or "",
				   authority or "", deploy directory or "",
				   u8 http; answer: 32 bytes, public key */
	SIGN_SECRET,		/* channel, secret, old secret or "" */
	SIGN_WEBHOOK,		/* channel, id, u64 seconds, body */
	SIGN_STATEMENT,		/* JSON; answer: 64 bytes */
	SIGN_ANSWER,		/* u8 enum err_code (0: done); bytes, or why */
	SIGN_ACCOUNT_NEW,	/* id, kind; answer: as sign_acme_account() */
	SIGN_ACCOUNT_PUBLIC,	/* id; the same answer */
	SIGN_CERT_NEW,		/* id, kind; answer: 32 bytes, SPKI SHA-256 */
	SIGN_CERT_CSR,		/* id, then names; answer: DER */
	SIGN_ACME,		/* u8 purpose, u8 next, account, cert, hosts,
				   url, nonce, kid, payload, authority;
				   answer: JWS */
	SIGN_BIND,		/* account, hosts, url, alg, kid, key; JWS */
	SIGN_ROLL,		/* account, kind, hosts, url, kid, authority;
				   answer: inner JWS */
	SIGN_ROLLED,		/* account, u8 commit, authority */
	SIGN_CERT_DEPLOY,	/* id, u32 mode, u32 uid, u32 gid; descriptor
				   of a folder */
	SIGN_CERT_IMPORT,	/* id; descriptor of a file; 32 bytes */
	SIGN_CERT_DROP		/* id */
};

struct sign_acme;
struct sign_setup;

/* What the process holds. */
struct sign;

/*
 * Load the instance key of a state directory, or make it: Ed25519 in
 * instance.key (PKCS#8 PEM, 0600, written to a temporary file, synced and
 * renamed).  A key that others may read is refused.  NULL and the error.
 */
struct sign *sign_new(const char *state_dir, struct err *);
void sign_free(struct sign *);

/* The public key, 32 bytes. */
void sign_public(const struct sign *, uint8_t out[32]);

/* Take over the secrets of a channel (replacing older ones). */
int sign_secret(struct sign *, const char *channel, const char *secret,
    const char *old, struct err *);

/*
 * The signatures of a webhook, "v1,... v1,..." while rotating.  Refuses what
 * is no message of ours: the id is a uuid, ${timestamp} (seconds) lies within
 * ten minutes of the clock, the body is {"type", "timestamp", "data"}.
 * ERR_NOENT when the channel has no secret here.
 */
int sign_webhook(const struct sign *, const char *channel, const char *id,
    int64_t timestamp, struct span body, struct buf *out, struct err *);

/*
 * The Ed25519 signature (64 bytes) of an evidence statement, which must be a
 * JSON object whose `type` starts with "certvigil.statement.".
 */
int sign_statement(const struct sign *, struct span json, struct buf *out,
    struct err *);

/*
 * Open the keys of ACME too: 0, or -1 as sign_acme_new().  sign_acme() is NULL
 * until then, and borrowed.
 */
int sign_open_keys(struct sign *, const struct sign_setup *, struct err *);
struct sign_acme *sign_acme(const struct sign *);

/*
 * Carry out one request of a type and append the body of its answer.  *s is
 * made by SIGN_SETUP.  ${fd} is the descriptor that came with it, borrowed;
 * -1: none.
 */
void sign_serve(struct sign **s, unsigned type, struct cur body, int fd,
    struct buf *answer);

/* The role: returns the exit status. */
int sign_main(void);

#endif
