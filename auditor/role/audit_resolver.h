#ifndef AUDITOR_ROLE_AUDIT_RESOLVER_H
#define AUDITOR_ROLE_AUDIT_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Resolvers that give no answer.  Thousands of names are asked about; a line
 * for each of them would say one thing thousands of times.  Times are
 * monotonic, in microseconds.
 */
#define AUDIT_RESOLVERS	8	/* as many as there may be */

struct audit_resolver {
	char		text[64];
	uint64_t	missed;		/* that are not told yet */
	char		first[300];	/* why, of the first of them */
	int64_t		say_at;
	int		heard;		/* it answered since then */
	int		down;		/* it was told that it does not */
	uint64_t	all;		/* without an answer while it is down */
};

struct audit_resolvers {
	struct audit_resolver	v[AUDIT_RESOLVERS];
	size_t			n;
};

/*
 * It gave no answer about a name: ${why}, in a sentence that begins with the
 * name; ${fresh}: nobody was told so of this name.  0, or -1 when it is not
 * told here, as there are too many resolvers.
 */
int audit_resolver_missed(struct audit_resolvers *, const char *resolver,
    const char *why, int fresh, int64_t now);

/* It gave one; that it is well again is told at once. */
void audit_resolver_heard(struct audit_resolvers *, const char *resolver);

/* Tell what is due by ${now}: when to come again, INT64_MAX for not. */
int64_t audit_resolver_turn(struct audit_resolvers *, int64_t now);

#endif
