#ifndef AUDITOR_ROLE_BACK_H
#define AUDITOR_ROLE_BACK_H

#include "auditor/db/back_store.h"
#include "auditor/role/tail.h"

/*
 * History: a range of a log below where its tail began, read as a tail reads,
 * by any worker, and proven on its own.  It is a tail with t->back set, that
 * reads [from, to) in place of all up to the head.
 *
 * The frontier of [0, from) is taken out of a consistency proof, or of hash
 * tiles; what was read is put behind it, and the root at the range's end must
 * lead to the signed head that the tail has reached.  That root is made of
 * the frontier, too: a wrong one cannot give the right root.
 */
struct back {
	struct back_range	 range;
	struct back_find	 find;		/* id 0: no search */
	/* bisection: lo was issued before, hi was not */
	uint64_t		 lo, hi, mid;	/* lo: 1 + the entry; 0 none */
	int64_t			 before_ms;
	int			 later;		/* due again in so many s */
	int			 over;		/* it needs nobody any more */
	int			 held;		/* the log wants us to wait */
	int			 wrong;		/* it failed its proof */
	uint64_t		 start;		/* read from here in this try */
};

/*
 * The kind of work `backfill`: how many ranges this worker may begin, after
 * more were cut where few are left; and begin one.
 */
size_t back_room(struct engine *);
int back_begin(struct engine *, struct lease *);

/* --once: is everything read that can be? */
int back_idle(struct engine *);

void back_free(struct back *);

/* The states of a tail, for one that has ->back. */
void back_restart(struct tail *);
void back_edge_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void back_find_fetched(struct tail *, const struct fetch_done *);
void back_find_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void back_committed(struct tail *);
int back_commit(struct tail *, const struct range_in *, struct err *);

/* back_find.c: look for the first entry since a date. */
void back_find_begin(struct tail *);

/* What is needed for a proof cannot be had: say where, in ${why}. */
void back_where(const struct tail *, char *why, size_t n);

/* A proof failed: say what of the history is wrong, in ${why}. */
void back_wrong(const struct tail *, char *why, size_t n);

/*
 * Is ${why}, for which this try fails, to be logged?  Not what was said of the
 * log's history when it failed before, by whichever worker.
 */
int back_news(const struct tail *, const char *why);

/*
 * 1: the log wants no pages for longer than a poll, and the turn was ended:
 * what was read and not proven is lost.
 */
int back_hold(struct tail *);

/* There is no more to do: the row of work goes. */
void back_end(struct tail *);
/* The lease is given back: it is for later, or failed. */
int back_leave(struct tail *, const char *why, int64_t due, struct err *);

/*
 * Microseconds that a page has to wait, 0: now; and it is asked for.  Heads
 * before history: a tail waits for its turn, history for the tail as well.
 */
int64_t back_wait(struct tail *);
void back_take(struct tail *, struct fetch_get *);

#endif
