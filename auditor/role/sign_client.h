#ifndef AUDITOR_ROLE_SIGN_CLIENT_H
#define AUDITOR_ROLE_SIGN_CLIENT_H

#include <stdint.h>

#include "auditor/role/sign.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * The engine's side of the sign process.  Calls block for the answer, which
 * takes well under a millisecond; where keys of ACME are made or decrypted
 * (sign_client_acme.h) it may take some tenths of a second.
 */
struct sign_client;
struct proc;

/*
 * Spawn the process for a state directory; NULL and the error.  Opened with
 * more (sign_acme.h), it has the keys of ACME too, else no files at all.
 */
struct sign_client *sign_client_new(const char *state_dir, struct err *);
struct sign_client *sign_client_open(const struct sign_setup *, struct err *);
void sign_client_free(struct sign_client *);

struct proc *sign_client_proc(struct sign_client *);	/* borrowed */

/* Between calls: is the process there still?  1 or 0; never waits. */
int sign_client_lives(const struct sign_client *);

/*
 * One request and its answer: what that holds is appended to ${out} (may be
 * NULL).  ${fd} goes with it and is the caller's still; -1: none.  -1 and the
 * error of the answer, or ERR_SYS when the process is gone.
 */
struct sign_call {
	enum sign_type		 type;
	const struct buf	*request;
	int			 fd;
};
int sign_client_call(struct sign_client *, const struct sign_call *,
    struct buf *out, struct err *);

/*
 * The same in two steps, for who has something to do meanwhile: the request
 * is on its way, then its answer.  Nothing else may be asked between them.
 * sign_client_post(): 0, or -1 ERR_SYS: there will be no answer.
 */
int sign_client_post(struct sign_client *, const struct sign_call *,
    struct err *);
int sign_client_answer(struct sign_client *, enum sign_type,
    struct buf *out, struct err *);

/* The instance's public key, 32 bytes, borrowed. */
const uint8_t *sign_client_public(const struct sign_client *);

/*
 * Hand over the secrets of a channel: texts "whsec_...", ${old} may be NULL.
 * Wipe and free them afterwards.
 */
int sign_client_secret(struct sign_client *, const char *channel,
    const char *secret, const char *old, struct err *);

/*
 * Append the value of webhook-signature.  ERR_NOENT when the process has no
 * secret for the channel, ERR_VERIFY when it refuses, ERR_SYS when it is gone.
 */
int sign_client_webhook(struct sign_client *, const char *channel,
    const char *id, int64_t timestamp, const struct buf *body,
    struct buf *out, struct err *);

/* Append the 64-byte signature of a statement; errors as above. */
int sign_client_statement(struct sign_client *, struct span json,
    struct buf *out, struct err *);

#endif
