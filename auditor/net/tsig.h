#ifndef AUDITOR_NET_TSIG_H
#define AUDITOR_NET_TSIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"

struct err;

/*
 * TSIG (RFC 8945): a DNS message and its answer, signed with a secret that
 * both sides know.  Pure: no sockets, no clock.
 *
 * MACs are neither sent nor accepted truncated (5.2.2.1).
 */
#define TSIG_FUDGE	300	/* seconds that clocks may be apart (10) */
#define TSIG_MAC_MAX	64
#define TSIG_NAME	256	/* a name, on the wire or as text */

struct tsig_key {
	const char	*algorithm;		/* "hmac-sha256"; static */
	char		 text[TSIG_NAME];	/* lower case, no last dot */
	uint8_t		 name[TSIG_NAME];	/* the same on the wire */
	size_t		 nname;
	uint8_t		 secret[LIMIT_TSIG_SECRET];
	size_t		 nsecret;
};

/* What a message was signed with: its answer is signed over it. */
struct tsig_mac {
	uint8_t	p[TSIG_MAC_MAX];
	size_t	n;
};

enum tsig_verdict {
	TSIG_OK,
	TSIG_NONE,		/* the answer is not signed */
	TSIG_MALFORMED,		/* its TSIG record, or where it stands */
	TSIG_OTHER_KEY,		/* signed with another key or algorithm */
	TSIG_WRONG_MAC,		/* not signed with our secret */
	TSIG_LATE,		/* signed well, but at another time */
	TSIG_BADSIG,		/* the server: your MAC is wrong (16) */
	TSIG_BADKEY,		/* the server: I have no such key (17) */
	TSIG_BADTIME,		/* the server: your clock is wrong (18) */
	TSIG_BADTRUNC,		/* the server: I want a longer MAC (22) */
	TSIG_REFUSED		/* the server: another error */
};

struct tsig_said {
	enum tsig_verdict	verdict;
	unsigned		error;		/* as it was sent */
	int64_t			at;		/* signed, seconds since 1970 */
	int64_t			server;		/* BADTIME: its clock */
};

/*
 * Make a key: ${name} in any case, ${algorithm} hmac-sha256, hmac-sha384 or
 * hmac-sha512 (a last dot is no matter).  The secret is the bytes, not their
 * base64.  0, or -1 ERR_CONF, ERR_LIMIT.
 */
int tsig_key_set(struct tsig_key *, const char *name, const char *algorithm,
    struct span secret, struct err *);
void tsig_key_wipe(struct tsig_key *);

/*
 * Sign the message that is all of ${msg}, at ${now} in seconds since 1970:
 * a TSIG record is put behind it and counted.  *mac is for the answer.
 */
void tsig_sign(struct buf *msg, const struct tsig_key *, int64_t now,
    struct tsig_mac *);

/*
 * Judge the answer to what was signed with ${mac} (5.4): *said.  Its other
 * records are only walked over.  When the verdict is TSIG_BADSIG,
 * TSIG_BADKEY or TSIG_NONE, nobody has vouched for the answer: it can
 * only be taken as a refusal.
 */
void tsig_verify(struct span answer, const struct tsig_key *,
    const struct tsig_mac *, int64_t now, struct tsig_said *);

/*
 * The verdict as an error, with what to do about it; ${who} is the server,
 * ${now} our clock.  0 for TSIG_OK, else -1: ERR_PERM when the server
 * refused, ERR_VERIFY when its answer proves nothing.
 */
int tsig_err(const struct tsig_said *, const struct tsig_key *,
    const char *who, int64_t now, struct err *);

#endif
