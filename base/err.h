#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * The error object.  It lives on the caller's stack, is passed last, may be
 * NULL, and setting it cannot fail.  A function that can fail returns 0 or -1
 * (or a pointer or NULL) and sets it once; the first, most specific message
 * wins, callers only put context in front (err_prefix).
 *
 * A refusal (their fault) and a fault (ours) are told apart by the code:
 * ERR_SYS and ERR_DB are ours, all others are about the input or the peer.
 */

enum err_code {
	ERR_NONE,	/* no error */
	ERR_SYS,	/* a system call failed; sys holds errno */
	ERR_LIMIT,	/* a cap of base/limit.h was exceeded */
	ERR_FORMAT,	/* bytes do not have the form that they must have */
	ERR_VERIFY,	/* a signature, hash or proof does not verify */
	ERR_NET,	/* a peer cannot be reached */
	ERR_HTTP,	/* a peer answered with a status that is no success */
	ERR_DB,		/* the database is away or refused */
	ERR_LEASE,	/* a lease was lost: another worker has the work now */
	ERR_CONF,	/* the configuration is wrong */
	ERR_USAGE,	/* the command line is wrong */
	ERR_PERM,	/* not allowed */
	ERR_TEMP,	/* try again */
	ERR_NOENT,	/* there is no such thing */
	ERR_SILENT,	/* a peer has not answered in time */
	ERR_MAX
};

struct err {
	enum err_code	code;
	int		sys;		/* errno, or 0 */
	char		msg[512];	/* one sentence, no newline */
};

#define ERR_INIT { ERR_NONE, 0, "" }

/*
 * Set ${e} unless it is set already (or NULL), with a printf-style sentence.
 * For ERR_SYS, errno is stored and its text appended.  Always returns -1, so
 * that "return err_set(e, ...)" is the usual form.
 */
int err_set(struct err *, enum err_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* Put context in front of the message: "context: message".  Returns -1. */
int err_prefix(struct err *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget the error. */
void err_clear(struct err *);

/* The name of a code, such as "format"; never NULL. */
const char *err_name(enum err_code);

/* The exit status that contract.md gives a code (1, 2, 64, 69, 75, 77, 78). */
int err_exit(enum err_code);

#endif
