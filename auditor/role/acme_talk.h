#ifndef AUDITOR_ROLE_ACME_TALK_H
#define AUDITOR_ROLE_ACME_TALK_H

#include <stdint.h>

#include "acme/ask.h"
#include "acme/directory.h"
#include "acme/url.h"
#include "auditor/conf.h"
#include "auditor/db/acme_store.h"
#include "auditor/role/sign_client_acme.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * A conversation with the CA of the configuration: requests of acme/ are
 * signed by the sign process, sent by a fetch process of the class ACME, and
 * answered.  Here are neither keys nor sockets.
 */
struct acme_talk;

/*
 * The directory's URL: the configuration's, or what a name stands for.
 * Borrowed, or static.
 */
const char *acme_talk_directory(const struct conf *);

/* Who hears, with ${arg}, that the CA does not answer what is waited for. */
typedef void acme_talk_tell(void *arg, const char *text);

/*
 * Spawn the processes and read the directory.  ${operator}: a person is
 * behind this, so that revocations, rollovers and deactivations are signed,
 * too (sign_acme.h).  NULL and the error.
 */
struct acme_talk *acme_talk_new(const struct conf *, int operator,
    acme_talk_tell *, void *arg, struct err *);
void acme_talk_free(struct acme_talk *);

const struct directory *acme_talk_dir(const struct acme_talk *);
const struct url_pin *acme_talk_pin(const struct acme_talk *);
struct sign_client *acme_talk_sign(struct acme_talk *);

/* Who asks from now on; borrowed for the life of the talk. */
void acme_talk_as(struct acme_talk *, const struct acme_account_row *);

/*
 * Sign by the account's next key from now on, or (0) by its own again: after
 * a rollover whose answer was lost, to ask whether the CA knows it.
 */
void acme_talk_next(struct acme_talk *, int on);

/*
 * A rollover of the account's key (RFC 8555, 7.3.5; sign_acme.h): make the
 * next one and append the inner JWS; end it when the CA has said which key it
 * knows.  Operators only.
 */
int acme_talk_roll(struct acme_talk *, const char *kind, struct buf *inner,
    struct err *);
int acme_talk_rolled(struct acme_talk *, int commit, struct err *);

/*
 * Send a request; ${cert}: the id of the certificate's key where one is
 * needed (FINALIZE, REVOKE_KEY), else "".  Its number, or 0 and the error:
 * not signed.
 */
uint64_t acme_talk_send(struct acme_talk *, const struct acme_ask *,
    const char *cert, struct err *);

/*
 * May a request be sent now; ${fresh}: one that makes an order?  1, or 0: no
 * nonce is there (one is asked for), or the CA has asked us to wait, and all
 * that share the talk do.  Look again when something was heard, and at
 * acme_talk_when().
 */
int acme_talk_ready(struct acme_talk *, int fresh);
int64_t acme_talk_when(struct acme_talk *, int fresh);

/* Has the CA asked us to wait? */
int acme_talk_waits(struct acme_talk *, int fresh);

/*
 * Have so many nonces there, or under way, ahead of the requests.
 */
void acme_talk_ahead(struct acme_talk *, size_t n);

/*
 * How long the CA takes to answer, about (us): a wait for something that it
 * does meanwhile need not be shorter.  0: nothing was asked yet.
 */
int64_t acme_talk_takes(const struct acme_talk *);

/* What to poll, and for what. */
int acme_talk_fd(const struct acme_talk *, short *events);

/*
 * The next answer, of any request: 1, its number and the answer, which lives
 * until the next call; 0 none came in ${ms}; -1 the process is gone.
 */
int acme_talk_hear(struct acme_talk *, int ms, uint64_t *id,
    struct acme_reply *, struct err *);

/*
 * One request and its answer, which lives until the next call, asked again
 * while the CA does not take the nonce.  0, or -1: not signed, or no answer
 * (the reply has status 0 then, too; ERR_SILENT: none in the time it had,
 * else ERR_NET or ERR_HTTP).
 */
int acme_talk_call(struct acme_talk *, const struct acme_ask *,
    const char *cert, struct acme_reply *, struct err *);

#endif
