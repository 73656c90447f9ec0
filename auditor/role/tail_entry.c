#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>

#include "auditor/log_find.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "ctlog/entry.h"

/*
 * What proven entries of ours say against their log.  Only those that matched
 * are looked at: the others are walked for names alone.
 */

/*
 * A head must be as recent as the newest entry in its tree (RFC 6962 3.5);
 * servers of one log need not have the same clock.
 */
#define SKEW_MS	60000

/* Is it one that the log says it does not take, or has there, or then? */
static int
outside(const struct tail *t, const struct judge_match *m, char *why,
    size_t n)
{
	const struct log_row	*l = &t->log;
	struct entry		 en;
	char			 a[CLK_TEXT], b[CLK_TEXT], c[CLK_TEXT];

	if (m->malformed)
		return 0;
	if (l->interval_to != INT64_MIN && l->interval_from != INT64_MIN &&
	    (m->not_after < l->interval_from ||
	    m->not_after >= l->interval_to)) {
		(void)snprintf(why, n, "entry %" PRIu64 " has a certificate "
		    "that ends %s, outside the log's interval of %s to %s",
		    m->index, clk_text(m->not_after, a),
		    clk_text(l->interval_from, b),
		    clk_text(l->interval_to, c));
		return 1;
	}
	if (l->is_static && entry_read(m->leaf, &en, NULL) == 0 &&
	    en.leaf_index != -1 && (uint64_t)en.leaf_index != m->index) {
		(void)snprintf(why, n, "entry %" PRIu64 " names index %"
		    PRId64 " as its own (static-ct-api, leaf_index)",
		    m->index, en.leaf_index);
		return 3;
	}
	if (m->timestamp_ms > t->head.timestamp_ms + SKEW_MS) {
		(void)snprintf(why, n, "entry %" PRIu64 " is dated %" PRIu64
		    " ms, and the head that has it in its tree %" PRIu64
		    " ms (RFC 6962 3.5)", m->index, m->timestamp_ms,
		    t->head.timestamp_ms);
		return 2;
	}
	return 0;
}

/*
 * May it have come too late?  Then there was a head before this one that should
 * have it: of logs that are read as they grow, hardly ever.
 */
static int
maybe_late(const struct tail *t, const struct judge_match *m)
{
	return !m->malformed && m->timestamp_ms + (uint64_t)t->log.mmd * 1000 <
	    t->head.timestamp_ms;
}

/* Some of those that may be: one of them is enough. */
static int
look_late(struct tail *t, struct err *e)
{
	const struct judge_match	*m;
	size_t				 i, asked = 0;
	int				 yes = 0;

	for (i = 0; i < t->nmatches && asked < LIMIT_LOG_LATE && !yes; i++) {
		m = &t->matches[i]->m;
		if (!maybe_late(t, m))
			continue;
		asked++;
		if (log_find_late(t->en->db, &t->log, m->index,
		    m->timestamp_ms, &yes, e) == -1)
			return -1;
	}
	t->en->wrong |= yes;
	return 0;
}

static int
look(struct tail *t, struct err *e)
{
	static const char *const	 whats[] = { "", "interval",
					    "entry_timestamp", "leaf_index" };
	const struct judge_match	*m;
	struct log_entry		 in = { .head_id = t->head_id };
	char				 why[300];
	size_t				 i, searched = 0;
	int				 kind, said = 0, yes = 0;

	for (i = 0; i < t->nmatches; i++) {
		m = &t->matches[i]->m;
		if ((kind = outside(t, m, why, sizeof(why))) == 0)
			continue;
		/* its SCT may be known from where it is served */
		if (kind == 3 && searched++ < LIMIT_LOG_SEARCH &&
		    log_find_promised(t->en->db, &t->log, (struct span){
		    m->tbs_sha256, 32 }, &yes, e) == -1)
			return -1;
		t->en->wrong |= yes;
		/* one of them tells it */
		if (said)
			continue;
		said = 1;
		in.what = whats[kind];
		in.reason = why;
		in.index = m->index;
		if (log_find_entry(t->en->db, &t->log, &in, e) == -1)
			return -1;
	}
	return 0;
}

/* Does anything have to be looked at in the database? */
static int
suspect(const struct tail *t)
{
	const struct judge_match	*m;
	char				 why[300];
	size_t				 i;

	for (i = 0; i < t->nmatches; i++) {
		m = &t->matches[i]->m;
		if (outside(t, m, why, sizeof(why)) || maybe_late(t, m))
			return 1;
	}
	return 0;
}

void
tail_entry_look(struct tail *t)
{
	struct err	e = ERR_INIT;
	int		rc;

	if (!suspect(t))
		return;
	if ((rc = tail_lock(t, &e)) == 0)
		rc = look(t, &e) == -1 || look_late(t, &e) == -1 ? -1 : 0;
	tail_unlock(t, rc, "entries", &e);
}

/* The SCT that an entry is held against is judged behind the entry. */
void
tail_entry_flips(struct tail *t)
{
	struct err	e = ERR_INIT;
	int		rc = tail_lock(t, &e), yes = 0;

	if (rc == 0)
		rc = log_find_flips(t->en->db, &t->log, &t->look, &yes,
		    &e);
	tail_unlock(t, rc, "entries", &e);
	t->en->wrong |= yes;
}
