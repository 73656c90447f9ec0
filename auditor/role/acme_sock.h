#ifndef AUDITOR_ROLE_ACME_SOCK_H
#define AUDITOR_ROLE_ACME_SOCK_H

#include <stdint.h>
#include <sys/types.h>

#include "auditor/conf.h"
#include "auditor/role/acme_msg.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * The socket of the role `acme`: STATE_DIR/acme.sock, SOCK_SEQPACKET, mode
 * 0600.  Who connects is told by the kernel: only root and the user of the
 * role are heard.
 */

/*
 * Listen there, in place of one that is dead: a descriptor that does not
 * block, or -1 ERR_SYS; ERR_TEMP: another one listens.
 */
int acme_sock_listen(const char *state_dir, struct err *);

/* Accept one: a descriptor that does not block; -1: none, or not allowed. */
int acme_sock_accept(int fd);

/* Connect: a descriptor that blocks, or -1: nobody listens. */
int acme_sock_connect(const char *state_dir);

/* Send one packet: 0, or -1: it is gone, or (no block) does not read. */
int acme_sock_send(int fd, const struct buf *);

/* The next packet, into ${b}: 1, 0 the end, -1 none yet or ERR_SYS. */
int acme_sock_recv(int fd, struct buf *b);

/*
 * What both must have read: SHA-256 of the file of the configuration; zeros
 * without a file.  0 or -1 ERR_CONF: it cannot be read.
 */
int acme_sock_conf(const struct conf *, uint8_t out[ACME_MSG_CONF],
    struct err *);

#endif
