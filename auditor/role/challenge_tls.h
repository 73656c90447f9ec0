#ifndef AUDITOR_ROLE_CHALLENGE_TLS_H
#define AUDITOR_ROLE_CHALLENGE_TLS_H

#include <stdint.h>

#include "auditor/role/challenge_msg.h"
#include "base/buf.h"
#include "base/cur.h"

struct challenge_answer;
struct challenge_store;
struct err;

/*
 * A server that answers tls-alpn-01 (RFC 8737) and nothing else: TLS 1.2 and
 * 1.3, the certificate that was put for the server name, and the end.  It is
 * refused, with an alert: another protocol than "acme-tls/1" alone, or none
 * (no_application_protocol); another name, or none (unrecognized_name).  Pure:
 * bytes in, bytes out.
 */
struct challenge_tlsd;		/* what all connections share */
struct challenge_shake;		/* one handshake */

/* For the answers of ${store}, which is borrowed.  NULL: ERR_SYS. */
struct challenge_tlsd *challenge_tlsd_new(struct challenge_store *,
    struct err *);
void challenge_tlsd_free(struct challenge_tlsd *);

/*
 * Put an answer, in force until ${end}.  0, or -1 and why: ERR_FORMAT (no
 * certificate, no key, not its key), ERR_LIMIT; then what was there stays.
 */
int challenge_tlsd_put(struct challenge_tlsd *, const struct challenge_tls *,
    int64_t end, int64_t now, struct err *);

/* A handshake; NULL: there is no memory for it.  Free ends it. */
struct challenge_shake *challenge_shake_new(struct challenge_tlsd *);
void challenge_shake_free(struct challenge_shake *);

/*
 * Bytes of the client; what it is to be sent is appended to ${out}.  0 when
 * more must come, 1 when it is over and only ${out} is left to be sent: *hit
 * the answer that was given (borrowed from the store), NULL: none was.
 */
int challenge_shake_take(struct challenge_shake *, struct span, int64_t now,
    struct buf *out, struct challenge_answer **hit);

#endif
