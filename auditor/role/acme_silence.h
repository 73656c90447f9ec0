#ifndef AUDITOR_ROLE_ACME_SILENCE_H
#define AUDITOR_ROLE_ACME_SILENCE_H

#include <stddef.h>
#include <stdint.h>

#include "acme/ask.h"
#include "base/err.h"

/*
 * How long a CA has not answered, whatever became of single requests: who
 * waits is told, and at some time it is enough.  Wall clock, microseconds.
 */
struct acme_silence {
	int64_t	limit;		/* that long, then it is enough */
	int64_t	since;		/* 0: nothing is waited for */
	int64_t	tell_at;
	int	silent;		/* the last request ran out of time */
	char	why[200];	/* what became of the last one; or "" */
};

enum acme_silence_turn {
	ACME_SILENCE_NONE,	/* nothing new */
	ACME_SILENCE_TELL,	/* a sentence for who waits */
	ACME_SILENCE_OVER	/* a sentence why it is given up */
};

/*
 * Something is asked, and waited for ${limit} us at most: of no effect when
 * something is waited for already.
 */
void acme_silence_begin(struct acme_silence *, int64_t now, int64_t limit);

/* A request came to nothing (status 0): the silence goes on. */
void acme_silence_lost(struct acme_silence *, const struct acme_reply *);

/* There was an answer, or it is not for the CA to answer. */
void acme_silence_end(struct acme_silence *);

/* Look, whenever something may have changed and at acme_silence_when(). */
enum acme_silence_turn acme_silence_turn(struct acme_silence *, int64_t now,
    char *text, size_t size);

/* When to look again; INT64_MAX: never. */
int64_t acme_silence_when(const struct acme_silence *);

/*
 * What the silence is: ERR_SILENT (no answer came in time), or ERR_NET where
 * the last request did not even reach it.
 */
enum err_code acme_silence_code(const struct acme_silence *);

#endif
