#include "auditor/role/tail.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

/*
 * A head that has not changed (RFC 9110, 13.1): asked for by what the log
 * called the last one that was valid, it comes as a 304 without a body, and
 * no judge looks at it again.  Whether it is fresh is still judged, by its
 * timestamp.
 */

/* All of it is asked for now and then: a name may lie, or be of a second. */
#define SEEN_MAX	(600 * CLK_SEC)

static int
usable(const struct tail *t)
{
	/* who doubts what it has does not ask whether that changed */
	return t->seen.raw.n != 0 && t->seen.name[0] != '\0' &&
	    t->mismatch == 0 && t->head_tries == 0 &&
	    clk_mono() - t->seen.at < SEEN_MAX;
}

void
tail_seen_ask(struct tail *t, struct fetch_get *g)
{
	t->seen.asked = usable(t);
	if (!t->seen.asked)
		return;
	g->headers[g->nheaders++] = t->seen.name;
}

void
tail_seen_fetched(struct tail *t, const struct fetch_done *d)
{
	t->seen.raw.n = 0;
	t->seen.name[0] = '\0';
	/* one that may change within the second that names it has no name */
	if (d->last_modified[0] != '\0' &&
	    strcmp(d->last_modified, d->date) == 0)
		return;
	if (d->etag[0] != '\0')
		(void)snprintf(t->seen.name, sizeof(t->seen.name),
		    "If-None-Match: %s", d->etag);
	else if (d->last_modified[0] != '\0')
		(void)snprintf(t->seen.name, sizeof(t->seen.name),
		    "If-Modified-Since: %s", d->last_modified);
	t->seen.at = clk_mono();
}

void
tail_seen_valid(struct tail *t)
{
	if (t->seen.name[0] == '\0')
		return;
	t->seen.head = t->head;
	buf_reset(&t->seen.raw);
	buf_span(&t->seen.raw, buf_bytes(&t->head_raw));
}

int
tail_seen_again(struct tail *t, const struct fetch_done *d)
{
	if (d->failure != FETCH_OK || d->status != 304 || !t->seen.asked)
		return 0;
	t->head = t->seen.head;
	buf_reset(&t->head_raw);
	buf_span(&t->head_raw, buf_bytes(&t->seen.raw));
	return 1;
}
