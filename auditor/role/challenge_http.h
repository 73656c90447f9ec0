#ifndef AUDITOR_ROLE_CHALLENGE_HTTP_H
#define AUDITOR_ROLE_CHALLENGE_HTTP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"

struct challenge_answer;
struct challenge_store;

/*
 * A server that answers http-01 (RFC 8555 section 8.3) and nothing else: GET
 * and HEAD of /.well-known/acme-challenge/TOKEN for the tokens of the store,
 * byte for byte.  It has no files.  Pure: bytes in, bytes out.
 */
#define CHALLENGE_PATH	"/.well-known/acme-challenge/"

/*
 * What the client has sent so far, at most LIMIT_CHALLENGE_HEAD + 1 bytes:
 * 0 when more must come first; or 1 with the whole response appended to
 * ${out}, behind which the connection ends, and *hit the answer that is in it
 * (NULL: none; borrowed from the store).  Refused as soon as it is seen: 400
 * what is no HTTP (also a body, which neither method has), 431 a head of more
 * than LIMIT_CHALLENGE_HEAD bytes.  405 another method, 505 another version,
 * 404 any other path, also for a token that has ended.
 */
int challenge_http(struct span in, struct challenge_store *, int64_t now,
    struct buf *out, struct challenge_answer **hit);

#endif
