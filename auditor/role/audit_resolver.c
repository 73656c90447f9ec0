#include "auditor/role/audit_resolver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/log.h"

/* What came to nothing within this time is told in one line. */
#define GATHER	(10 * CLK_SEC)

static struct audit_resolver *
find(struct audit_resolvers *all, const char *resolver)
{
	struct audit_resolver	*r;
	size_t			 i;

	for (i = 0; i < all->n; i++)
		if (strcmp(all->v[i].text, resolver) == 0)
			return &all->v[i];
	if (all->n == AUDIT_RESOLVERS)
		return NULL;
	r = &all->v[all->n++];
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->text, sizeof(r->text), "%s", resolver);
	return r;
}

int
audit_resolver_missed(struct audit_resolvers *all, const char *resolver,
    const char *why, int fresh, int64_t now)
{
	struct audit_resolver	*r = find(all, resolver);

	if (r == NULL)
		return -1;
	r->all++;
	/* while it is down that is no news */
	if (!fresh || r->down)
		return 0;
	if (r->missed++ == 0) {
		(void)snprintf(r->first, sizeof(r->first), "%s", why);
		r->say_at = now + GATHER;
		r->heard = 0;
	}
	return 0;
}

void
audit_resolver_heard(struct audit_resolvers *all, const char *resolver)
{
	struct audit_resolver	*r = find(all, resolver);

	if (r == NULL)
		return;
	r->heard = 1;
	if (r->down)
		log_info("dns", "resolver %s answers again; %" PRIu64
		    " questions had no answer", r->text, r->all);
	r->down = 0;
	r->all = r->missed;
}

/* One name may be the fault of who serves it; all of them are not. */
static void
tell(struct audit_resolver *r)
{
	if (r->heard) {
		log_info("dns", "resolver %s has no answer about %" PRIu64
		    " name%s, the first is %s", r->text, r->missed,
		    r->missed == 1 ? "" : "s", r->first);
	} else {
		log_warn("dns", "resolver %s gives no answers: %" PRIu64
		    " name%s could not be looked up, the first is %s; more "
		    "are not told", r->text, r->missed, r->missed == 1 ? "" :
		    "s", r->first);
		r->down = 1;
	}
	r->missed = 0;
}

int64_t
audit_resolver_turn(struct audit_resolvers *all, int64_t now)
{
	struct audit_resolver	*r;
	int64_t			 next = INT64_MAX;
	size_t			 i;

	for (i = 0; i < all->n; i++) {
		r = &all->v[i];
		if (r->missed == 0)
			continue;
		if (now >= r->say_at)
			tell(r);
		else if (r->say_at < next)
			next = r->say_at;
	}
	return next;
}
