#ifndef CTLOG_LOGLIST_H
#define CTLOG_LOGLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * Log lists in the v3 form that Chrome and Apple publish.  A list owns all
 * that it points to; times are microseconds since 1970 as in base/clk.h, 0
 * where there is none.
 */

enum loglist_protocol { LOGLIST_RFC6962, LOGLIST_STATIC };

enum loglist_state {
	LOGLIST_UNSTATED,	/* the list does not say (test logs) */
	LOGLIST_PENDING,
	LOGLIST_QUALIFIED,
	LOGLIST_USABLE,
	LOGLIST_READONLY,
	LOGLIST_RETIRED,
	LOGLIST_REJECTED
};

/* Who ran the log before, until when. */
struct loglist_former {
	char		*name;
	int64_t		 until;
};

struct loglist_log {
	char			*operator;
	struct loglist_former	*former;	/* previous operators */
	size_t			 nformer;
	char			*description;
	uint8_t			*key;		/* SubjectPublicKeyInfo, DER */
	size_t			 nkey;
	uint8_t			 log_id[32];	/* SHA-256 of key */
	uint32_t		 mmd;		/* seconds */
	char			*url;		/* to read; ends with "/" */
	char			*submit_url;	/* ends with "/" */
	enum loglist_protocol	 protocol;
	enum loglist_state	 state;
	int64_t			 state_at;
	int			 has_final;	/* of a read-only log: */
	uint64_t		 final_size;
	uint8_t			 final_root[32];
	int			 has_interval;	/* of notAfter: */
	int64_t			 start;		/* inclusive */
	int64_t			 end;		/* exclusive */
	int			 is_test;	/* log_type is "test" */
};

struct loglist {
	char			*version;
	int64_t			 timestamp;
	size_t			 nlogs;
	struct loglist_log	*logs;
	size_t			 nrefused;	/* logs left out, */
	char			**refused;	/* each with its reason */
};

/*
 * Read a list.  A log whose log_id is not the hash of its key, that is known
 * to be bogus, or lacks something, is left out and its reason kept; so is
 * one that comes again.  -1 when the list as a whole cannot be read.
 */
int loglist_read(struct span json, struct loglist **out, struct err *);
void loglist_free(struct loglist *);

/*
 * Check the detached signature of a list, RSA PKCS #1 v1.5 with SHA-256,
 * with a PEM public key, or Chrome's where ${pem}.p is NULL.
 */
int loglist_verify(struct span json, struct span sig, struct span pem,
    struct err *);

/* The same of a list of which only the SHA-256 is at hand. */
int loglist_verify_hash(const uint8_t sha[32], struct span sig,
    struct span pem, struct err *);

/* The log with this id, borrowed; NULL: none. */
const struct loglist_log *loglist_find(const struct loglist *,
    const uint8_t log_id[32]);

/*
 * A new list: the logs of ${chrome}, and those of ${apple} whose id Chrome's
 * does not hold (all that a log id says, the key too, stays Chrome's).
 */
struct loglist *loglist_union(const struct loglist *chrome,
    const struct loglist *apple);

/* Whether a monitor reads the log at ${now}, as of clk_wall(). */
int loglist_readable(const struct loglist_log *, int64_t now);

/* "usable", "rfc6962" and so on. */
const char *loglist_state_name(enum loglist_state);
const char *loglist_protocol_name(enum loglist_protocol);

#endif
