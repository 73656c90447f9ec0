#ifndef AUDITOR_ALERT_ROUTE_H
#define AUDITOR_ALERT_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"
#include "base/buf.h"

/* Which route takes a finding.  Pure: routes and facts in, a route out. */

/* What routes and silences look at; borrowed, never NULL. */
struct route_facts {
	int64_t		 id;		/* of the finding; 0: none yet */
	const char	*kind;
	const char	*subject;
	const char	*severity;
	const char	*owner;
	const char	*watch;
	const char	*name;
	const char	*issuer_owner;
	int		 digest_only;
};

/*
 * 0 for critical, 1 high, 2 medium, 3 low, 4 info; -1 for what is none of
 * them.
 */
int route_severity(const char *);

/* Does the route take it: 1 or 0. */
int route_match(const struct conf_route *, const struct route_facts *);

/* The first of ${n} that takes it, or NULL (then: every channel). */
const struct conf_route *route_pick(const struct conf_route *, size_t n,
    const struct route_facts *);

/*
 * Append the key of the open group that an event of such a finding belongs
 * to: the event and the values of group_by.  Nothing when the route does not
 * group (group_wait 0).
 */
void route_group(const struct conf_route *, const struct route_facts *,
    const char *event, struct buf *);

/*
 * Does a silence of that name (watch syntax) cover ${name} or the watch
 * itself?  1 or 0; a pattern that cannot be read covers nothing.
 */
int route_covers(const char *pattern, const struct route_facts *);

#endif
