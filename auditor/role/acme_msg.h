#ifndef AUDITOR_ROLE_ACME_MSG_H
#define AUDITOR_ROLE_ACME_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/limit.h"

/*
 * What a command and the role `acme` say to each other: one packet each on
 * the socket of the state directory, at most LIMIT_ACME_FRAME bytes: u16 type,
 * then the message.  Both sides write and read it here; every text is bounded
 * and travels with its zero byte, so that what is read borrows from the frame.
 */
enum acme_msg_type {
	ACME_MSG_ISSUE = 1,	/* command: struct acme_msg_issue */
	ACME_MSG_RENEW,		/* command: struct acme_msg_renew */
	ACME_MSG_TELL,		/* role: progress, a text */
	ACME_MSG_ISSUED,	/* role: struct acme_msg_issued; the end */
	ACME_MSG_WORD,		/* role: struct acme_msg_word */
	ACME_MSG_RENEWED,	/* role: struct acme_msg_renewed; the end */
	ACME_MSG_FAILED,	/* role: struct acme_msg_failed; the end */
	ACME_MSG_REFUSED	/* role: it has another configuration, or may not
				   open the ports; the end */
};

/* The configuration that the command has: SHA-256 of its file. */
#define ACME_MSG_CONF	32

/* Texts may be NULL where it says so, and then are NULL when read. */
struct acme_msg_issue {
	uint8_t		 conf[ACME_MSG_CONF];
	const char	*author;
	const char	*name;
	const char	*challenge;	/* NULL */
	const char	*key;
	const char	*profile;	/* NULL */
	const char	*chain;		/* NULL */
	uint8_t		 reuse, require;	/* 1: struct managed_want */
	const char	*names[LIMIT_ACME_NAMES];
	size_t		 n;
};

struct acme_msg_renew {
	uint8_t		 conf[ACME_MSG_CONF];
	const char	*author;
	const char	*name;		/* NULL: all that are due */
};

struct acme_msg_issued {
	uint8_t		 cert[32], tbs[32];
	const char	*serial;
	int64_t		 not_after;
	const char	*dir, *order;
	int64_t		 managed;
};

struct acme_msg_word {		/* as struct renewal_word (cmd/renewal.h) */
	const char	*name;
	uint16_t	 code;
	const char	*text, *serial;
	int64_t		 not_after;
};

struct acme_msg_renewed {
	uint32_t	done, failed, fresh, hooks;
};

struct acme_msg_failed {
	uint16_t	 code;		/* enum err_code, not ERR_NONE */
	const char	*text;
};

/* Append the message, type and all. */
void acme_msg_issue(struct buf *, const struct acme_msg_issue *);
void acme_msg_renew(struct buf *, const struct acme_msg_renew *);
void acme_msg_tell(struct buf *, const char *);
void acme_msg_issued(struct buf *, const struct acme_msg_issued *);
void acme_msg_word(struct buf *, const struct acme_msg_word *);
void acme_msg_renewed(struct buf *, const struct acme_msg_renewed *);
void acme_msg_failed(struct buf *, const struct acme_msg_failed *);
void acme_msg_refused(struct buf *);

/* One that came; which member counts says the type. */
struct acme_msg {
	enum acme_msg_type	type;
	union {
		struct acme_msg_issue	issue;
		struct acme_msg_renew	renew;
		const char		*tell;
		struct acme_msg_issued	issued;
		struct acme_msg_word	word;
		struct acme_msg_renewed	renewed;
		struct acme_msg_failed	failed;
	} u;
};

/* Read one: 0, or -1 ERR_FORMAT. */
int acme_msg_read(struct span, struct acme_msg *, struct err *);

#endif
