#ifndef AUDITOR_ROLE_CHALLENGE_LISTEN_H
#define AUDITOR_ROLE_CHALLENGE_LISTEN_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/role/challenge_msg.h"
#include "base/limit.h"

struct err;

/*
 * Listening sockets for the challenge process.  They are kept open by who
 * starts it, so that one that died is replaced and nobody is refused.
 */
struct challenge_listen {
	int	fd[CHALLENGE_KINDS][LIMIT_CHALLENGE_LISTEN];	/* owned */
	uint8_t	kept[CHALLENGE_KINDS][LIMIT_CHALLENGE_LISTEN];	/* others
			   listen at it, too: it is never shut down */
	size_t	n[CHALLENGE_KINDS];
};

/* "http-01", "tls-alpn-01"; static. */
const char *challenge_kind_name(enum challenge_kind);

/*
 * Listen at "192.0.2.1:80", "0.0.0.0:80", "[2001:db8::1]:443" or "[::]:443";
 * the last one takes IPv4, too, so that 0.0.0.0 beside it is taken already.
 * 0, or -1 with what to do: ERR_CONF (no such text, an address that this
 * machine does not have, a port that is taken, by whom if that can be seen),
 * ERR_PERM (a port below 1024 needs a right), ERR_LIMIT, ERR_SYS.
 */
int challenge_listen_at(struct challenge_listen *, enum challenge_kind,
    const char *text, struct err *);

/*
 * The same without listening: nothing is open yet, and another program that
 * asks for SO_REUSEADDR (we do) can have the port meanwhile.  1 when ${text}
 * has a port below 1024, which only root may take; 0 or -1 as above.
 */
int challenge_listen_bind(struct challenge_listen *, enum challenge_kind,
    const char *text, struct err *);
int challenge_listen_low(const char *text);

/* Listen no longer at what was bound; it stays bound.  Not systemd's. */
void challenge_listen_rest(struct challenge_listen *);

/*
 * A socket that the supervisor has for us, from now on (never closed).  Where
 * there is one of a kind for ${text}, challenge_listen_at() takes a copy and
 * listens at that: one of systemd (which listens) whatever its address, a
 * bound one when it is bound to ${text}.
 */
void challenge_listen_adopt(enum challenge_kind, int fd);
/* Those at ${fd} and behind it, so many of each kind. */
void challenge_listen_adopted(const size_t n[CHALLENGE_KINDS], int fd);

/*
 * While nobody answers at what was adopted and is open all the same
 * (systemd's): what to poll, ${n} at most; and hang up on who has come.
 */
size_t challenge_listen_polls(struct pollfd *, size_t n);
void challenge_listen_hang_up(const struct pollfd *, size_t n);

/*
 * Take what systemd listens at for us (sd_listen_fds(3)): descriptors with
 * FileDescriptorName=http-01 or tls-alpn-01 in the socket unit; they are
 * copied, others are left alone.  How many were taken (0: none, also when
 * systemd did not start us), or -1 ERR_CONF for one that is no listening TCP
 * socket, ERR_LIMIT.  The descriptors are not inherited by children after
 * that.
 */
int challenge_listen_systemd(struct challenge_listen *, struct err *);

/* Close them all. */
void challenge_listen_close(struct challenge_listen *);

#endif
