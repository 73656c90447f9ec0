#ifndef TESTS_UNIT_AUDITOR_OUTBOX_FIXTURE_H
#define TESTS_UNIT_AUDITOR_OUTBOX_FIXTURE_H

/* Deliveries on their way, and routes; after cmocka.h. */

#include <stdio.h>

#include "tests/unit/auditor/alert_fixture.h"

static const struct outbox_result good = { 1, 200, 0, -1, NULL, "thanks" };

static inline size_t
claim(struct outbox_item **it, size_t max)
{
	struct outbox_ask ask = { .holder = "h:1", .max = max };
	size_t n;

	OK(outbox_claim(db, &ask, it, &n, e));
	return n;
}

/* Claim one and finish it like that; 0 when there was none. */
static inline int
attempt(const struct outbox_result *r)
{
	struct outbox_item *it;
	size_t n;

	n = claim(&it, 1);
	if (n == 1)
		OK(outbox_finish(db, it, r, NULL, e));
	outbox_item_free(it, n);
	return n == 1;
}

/* Make all that waits due. */
static inline void
hurry(void)
{
	run("update delivery set due_at = now() - interval '1 s' "
	    "where state = 'pending'");
}

static inline void
add_route(int position, const char *match, const char *to, const char *rest)
{
	char sql[400];

	snprintf(sql, sizeof(sql), "insert into route (position, match, "
	    "channels, group_by, group_wait, origin) values (%d, '%s', '%s', "
	    "%s, 'config')", position, match, to,
	    rest == NULL ? "'{}', '0'" : rest);
	run(sql);
}

#endif
