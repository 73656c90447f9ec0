#ifndef CTLOG_BLIND_H
#define CTLOG_BLIND_H

#include <stddef.h>
#include <stdint.h>

#include "ctlog/loglist.h"
#include "ctlog/policy.h"

/*
 * What a monitor may have missed: could the logs that it has not read to the
 * end satisfy a CT policy by themselves, so that a usable certificate is in
 * none of the others?  Pure: states, operators, protocols, intervals of
 * notAfter and lags in, the worst case out.
 */

/* A log as it stands; strings borrowed, times in microseconds. */
struct blind_log {
	const char		*operator;
	enum loglist_protocol	 protocol;
	enum loglist_state	 state;
	int64_t			 state_at;	/* 0: not known */
	int			 has_interval;	/* of notAfter: */
	int64_t			 start;		/* inclusive */
	int64_t			 end;		/* exclusive */
	int64_t			 lag;		/* age in seconds of the oldest
						   entry that was not seen; 0:
						   all were; nothing was read:
						   since it is listed */
};

/*
 * Since when, in seconds before ${at}, there may be something that was not
 * seen.  What a log took ends with its days: a lag that began after it became
 * read-only or retired hides nothing, and is 0.
 */
int64_t blind_lag(const struct blind_log *, int64_t at);

/* Logs of an example; no policy asks for so many SCTs. */
#define BLIND_SET	8

struct blind_verdict {
	enum policy_program	 program;
	enum policy_kind	 kind;		/* SCTs embedded, or by TLS */
	/*
	 * A certificate that is usable since so many seconds may be in none
	 * of the logs that were read so far; 0: none can be.
	 */
	int64_t			 seconds;
	size_t			 set[BLIND_SET];	/* of these logs, */
	size_t			 n;			/* none can be spared */
	int64_t			 from, to;	/* with notAfter between */
	/*
	 * So many more logs would have to lag as long as the threshold for
	 * that to be so; 0: it is so; -1: more than BLIND_MARGIN, or it
	 * cannot be.
	 */
	int			 margin;
};
#define BLIND_MARGIN	4

/*
 * The worst case under a program's rules for SCTs of that kind
 * (POLICY_EMBEDDED or POLICY_TLS) as of ${at}; a log is blind for the margin
 * when it lags by ${threshold} seconds or more.
 */
void blind_judge(enum policy_program, enum policy_kind,
    const struct blind_log *, size_t n, int64_t at, int64_t threshold,
    struct blind_verdict *);

#endif
