#include "auditor/role/tail.h"

#include <inttypes.h>

#include "base/log.h"

/*
 * Pages that a judge which died was looking at.  One that kills judges again
 * and again is taken apart, until the entry that does it stands alone.
 */

/* A page that kills so many judges is cut in halves. */
#define DEATHS		3

/* Cut what is asked about, until the entry that kills stands alone. */
static void
bisect(struct tail *t, struct tail_page *p)
{
	uint32_t	end = (uint32_t)(p->to - p->base);

	if (p->match_end > end)
		p->match_end = end;
	if (p->match_to > p->match_end)
		p->match_to = p->match_end;
	if (p->match_from < p->from - p->base)
		p->match_from = (uint32_t)(p->from - p->base);
	if (p->match_to - p->match_from <= 1) {
		log_warn(t->log.description, "entry %" PRIu64 " kills judges: "
		    "it is kept as it is", p->base + p->match_from);
		tail_read_again(t, p, RAW_NAMES);
		return;
	}
	p->match_to = p->match_from + (p->match_to - p->match_from) / 2;
	tail_read_again(t, p, 0);
}

void
tail_read_oldest(const struct tail *t, const struct judge_link *j,
    uint64_t *id)
{
	const struct tail_page	*p;

	for (p = t->pages; p != NULL; p = p->next)
		if (p->state == PAGE_JUDGE && p->judge == j &&
		    (*id == 0 || p->ask_id < *id))
			*id = p->ask_id;
}

void
tail_read_died(struct tail *t, const struct judge_link *j, uint64_t killer)
{
	struct tail_page	*p, *first = NULL;

	for (p = t->pages; p != NULL; p = p->next)
		if (p->state == PAGE_JUDGE && p->ask_id == killer)
			first = p;
	if (first != NULL && ++first->deaths >= DEATHS) {
		if (first->raw == RAW_BLIND) {
			tail_end(t, "a page kills what judges it");
			return;
		}
		if (first->raw == RAW_NAMES)
			tail_read_again(t, first, RAW_BLIND);
		else
			bisect(t, first);
	} else if (first != NULL)
		tail_read_again(t, first, first->raw);
	for (p = t->pages; p != NULL; p = p->next)
		if (p != first && p->state == PAGE_JUDGE && p->judge == j)
			tail_read_again(t, p, p->raw);
}
