#ifndef AUDITOR_ROLE_TAIL_H
#define AUDITOR_ROLE_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/head_store.h"
#include "auditor/db/lease.h"
#include "auditor/db/log_store.h"
#include "auditor/net/rate.h"
#include "auditor/role/engine.h"
#include "auditor/role/judge_client.h"
#include "auditor/role/judge_gossip.h"

/*
 * One log being followed: fetch its head, read what is new, prove it against
 * the signed head, commit.  A state machine; one function a state.
 */
enum tail_state {
	TAIL_IDLE,	/* no lease */
	TAIL_HEAD,	/* the head is being fetched or judged */
	TAIL_OLDER,	/* is a smaller head consistent with what we proved? */
	TAIL_START,	/* the right edge is fetched: start: now */
	TAIL_READ,	/* pages */
	TAIL_ISSUERS,	/* waiting for issuers of matches */
	TAIL_PROVE,	/* consistency of what was read with the head */
	TAIL_AUDIT,	/* a head of before, or of others, with our tree */
	TAIL_ACCUSE,	/* the head at hand with the one before, both signed */
	TAIL_END	/* to be released */
};

enum page_state {
	PAGE_WAIT,	/* not asked for */
	PAGE_FETCH,	/* under way */
	PAGE_BODY,	/* in the arena */
	PAGE_JUDGE,	/* a judge looks at it */
	PAGE_DONE	/* judged */
};

/* A match that waits for its proof. */
struct tail_match {
	struct buf		 raw;	/* the judge's record, owned */
	struct judge_match	 m;	/* borrows from raw */
	int			 early;	/* was announced, or need not be */
	int			 need;	/* its issuer: 1 wanted, 2 judged, 0 no */
	uint64_t		 ask_id;
	char			*why;	/* m.reason that is ours, owned */
};

/* An issuer named by a tile. */
struct tail_issuer {
	uint8_t			 fp[32], key[32];
	struct buf		 der;	/* empty: not had */
	int			 failed;
	unsigned		 tries;
	int64_t			 not_before;
	uint64_t		 fetch_id, ask_id;
	struct judge_ext	 ext;
	uint32_t		 ext_len;
};

/* A piece of the log that is asked for: entries [from, to). */
struct tail_page {
	struct tail_page	*next;
	uint64_t		 from, to;
	uint64_t		 base;	/* index of the body's first entry */
	enum page_state		 state;
	int			 tile;	/* a data tile, else get-entries */
	int			 full;	/* a full tile for a partial one */
	int			 raw;	/* asked as an entry that kills */
	unsigned		 tries;
	int64_t			 not_before;
	uint64_t		 fetch_id, ask_id;
	struct judge_ext	 ext;
	uint32_t		 arena_len;
	uint32_t		 match_from, match_to;	/* of this question */
	uint32_t		 match_end;
	unsigned		 deaths;	/* judges that it killed */
	uint32_t		 count;
	struct merkle_range	 range;
	struct tail_match	**found;
	size_t			 nfound, capfound;
};

struct tail {
	struct engine		*en;
	struct log_row		 log;
	struct lease		 lease;
	int			 leased;
	int			 finished;	/* --once: had its turn */
	enum tail_state		 state;
	struct judge_link	*judge;
	uint32_t		 arena;		/* 0: none */
	int			 arena_fd;
	uint64_t		 arena_size;
	struct rate		 rate;
	struct rate		*operator;	/* of en->rates; leased */
	int			 page_size;	/* entries a page; 0: unknown */
	int			 page_known;
	unsigned		 full, grow_at;	/* whole pages in a row */
	uint64_t		 body_max;	/* longest body seen */
	int			 mismatch;	/* times the root was wrong */
	/* the head at hand */
	struct judge_head	 head;
	struct buf		 head_raw;
	int64_t			 head_id;
	struct judge_cosigned	 said[LIMIT_WITNESSES];	/* by witnesses */
	int			 nsaid;
	int			 head_tries;
	/* a head that is compared with another one (tail_audit.c) */
	struct head_ref		 small, large;
	unsigned		 audits;	/* of this turn */
	char			 accused[256];	/* what it is accused of */
	/* one body at a time outside TAIL_READ */
	uint64_t		 fetch_id, ask_id;
	struct judge_ext	 ext;
	uint32_t		 ext_len;
	/* proofs from tiles or JSON */
	struct judge_proof	 proof;
	uint32_t		 proof_len[TILE_SET_MAX];
	uint64_t		 proof_fetch[TILE_SET_MAX];
	size_t			 proof_done;
	struct buf		 consistency;	/* that was right; nodes */
	int			 start_leaf;	/* leaf of the last entry known */
	uint64_t		 hybrid_fetch;
	/* a judge that is checked (tail_check.c) */
	struct judge_link	*second;
	const struct tail_page	*second_page;	/* borrowed */
	uint8_t			 second_want[32];
	uint64_t		 second_id;
	uint64_t		 plant_fetch, plant_ask;
	struct judge_ext	 plant_ext;
	uint32_t		 plant_len;
	uint8_t			 plant_leaf[32];	/* its leaf hash */
	char			*plant_name;	/* what it must match by */
	/* what is proven and committed, and what was read beyond */
	int			 have_range;
	int64_t			 range_from;
	struct merkle_range	 done, now;
	uint8_t			 done_root[32], now_root[32];
	struct tail_page	*pages, **last;
	size_t			 npages;
	uint64_t		 asked;		/* pages cover up to here */
	struct tail_match	**matches;
	struct merkle_path	*paths;
	size_t			 nmatches, capm, capp;
	uint64_t		 held;		/* bytes of their records */
	struct tail_issuer	*issuers;
	size_t			 nissuers, capi;
	size_t			 nearly;	/* matches looked at early */
	int			 stale, unreachable;	/* findings: -1 not known */
	int64_t			 began, committed;	/* mono */
	uint64_t		 fresh;		/* entries since the last commit */
};

struct tail *tail_new(struct engine *, int log_ref, struct err *);
void tail_free(struct tail *);

/* Take the lease (its strings move here) and begin. */
void tail_begin(struct tail *, struct lease *);

/* Go on as far as possible without waiting. */
void tail_turn(struct tail *);

/* An answer of fetch; 0 when it is not this tail's. */
int tail_fetched(struct tail *, const struct fetch_done *);

/* Read what its judge said; a judge that died or lies is replaced. */
void tail_judge(struct tail *);

/*
 * The watch set changed: what was read but not committed is read again, by
 * judges with the new set.
 */
void tail_restart(struct tail *);

/* --- between the files of the tail --- */

/* Is it a read-only log of which everything is read and proven? */
int tail_over(const struct tail *);

/*
 * End this turn: ${why} NULL when the log was proven up to its head; else
 * the poll failed and is tried again later.
 */
void tail_end(struct tail *, const char *why);

/*
 * The same when the fault is ours (the database) or the lease is gone: it is
 * not the log that failed.
 */
void tail_fault(struct tail *, const struct err *);

/* A fetch of a body for this state (not pages); the answer wakes it. */
void tail_get(struct tail *, const struct http_req *);

/* A judge for this log, forked when there is none; NULL: ended. */
struct judge_link *tail_need_judge(struct tail *);

/* Give the body at hand back to fetch. */
void tail_give(struct tail *);

/* What an answer that is no success means: sentence in ${why}. */
void tail_refused(struct tail *, const struct fetch_done *, char *why,
    size_t n);

/*
 * tail_rate.c: buckets of the log and of its operator.  _init for a new tail,
 * _operator whenever its row was read, _free at the engine's end.
 */
void tail_rate_init(struct tail *);
void tail_rate_operator(struct tail *);
void tail_rate_free(struct engine *);
int64_t tail_rate_wait(struct tail *);	/* microseconds; 0: now */
void tail_rate_take(struct tail *);
void tail_rate_ok(struct tail *);
void tail_rate_429(struct tail *, int64_t retry_after);
void tail_rate_5xx(struct tail *);
int64_t tail_rate_hold(const struct tail *);	/* what Retry-After left */

/* tail_head.c */
void tail_head_begin(struct tail *);
void tail_head_fetched(struct tail *, const struct fetch_done *);
void tail_head_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void tail_start_begin(struct tail *);
void tail_start_fetched(struct tail *, const struct fetch_done *);
void tail_start_judged(struct tail *, const struct judge_reply *,
    struct cur *);

/* tail_read.c */
void tail_read_begin(struct tail *);
void tail_read_turn(struct tail *);
int tail_read_fetched(struct tail *, const struct fetch_done *);
void tail_read_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void tail_read_died(struct tail *, uint64_t killer);
void tail_read_drop(struct tail *);
/* The oldest question that no judge has answered; *id 0: none so far. */
void tail_read_oldest(const struct tail *, uint64_t *id);
void tail_match_oldest(const struct tail *, uint64_t *id);

/*
 * tail_check.c: judges are checked.  Now and then a page is judged again by
 * another judge, and a planted page is slipped in.
 */
void tail_check_page(struct tail *, const struct tail_page *,
    const struct judge_page *, struct span answer);
void tail_check_second(struct tail *);	/* read what it said */
int tail_check_busy(const struct tail *, const struct tail_page *);
void tail_check_forget(struct tail *, const struct tail_page *);
int tail_check_fetched(struct tail *, const struct fetch_done *);
int tail_check_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void tail_check_died(struct tail *);
void tail_check_oldest(const struct tail *, uint64_t *);
void tail_check_drop(struct tail *);

/* tail_hybrid.c: does an RFC 6962 log serve tiles too?  1: being asked. */
int tail_hybrid_unknown(struct tail *);
int tail_hybrid_fetched(struct tail *, const struct fetch_done *);

/* tail_prove.c */
void tail_prove_begin(struct tail *);
void tail_prove_get(struct tail *, uint64_t size1, const uint8_t *root1,
    uint64_t size2, const uint8_t *root2);
void tail_prove_turn(struct tail *);
int tail_prove_fetched(struct tail *, const struct fetch_done *);
void tail_prove_judged(struct tail *, const struct judge_reply *,
    struct cur *);

/*
 * tail_audit.c: heads beside heads.  _twin: was another root of this size
 * signed?  _older: is the head at hand the beginning of what is proven?
 * _begin: compare what waits, then end the turn well.  _accuse: entries do
 * not give the signed root; do the log's own heads contradict each other?
 * _judged: what came of the proof; _failed: there was none.
 */
void tail_audit_twin(struct tail *);
void tail_audit_older(struct tail *);
void tail_audit_begin(struct tail *);
void tail_audit_accuse(struct tail *, const char *why);
void tail_audit_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void tail_audit_failed(struct tail *, const char *why);

/* tail_match.c */
void tail_match_add(struct tail *, struct tail_match *);
void tail_match_free(struct tail_match *);
int tail_match_early(struct tail *);
int tail_match_fetched(struct tail *, const struct fetch_done *);
int tail_match_judged(struct tail *, const struct judge_reply *,
    struct cur *);
int tail_match_waiting(const struct tail *);
void tail_match_drop(struct tail *, size_t n);	/* the last n */
void tail_match_died(struct tail *, uint64_t killer);
int tail_commit(struct tail *, int caught_up, struct err *);

/* tail_entry.c: do matches that are committed say something against it? */
void tail_entry_look(struct tail *);
/* And is one of them another than was promised? */
void tail_entry_flips(struct tail *);

/* tail_fault.c: what the log did wrong, as findings */
void tail_misbehaved(struct tail *, const char *what, const char *reason);
/* The same of a head, with further members of detail (", \"x\": ..."). */
void tail_misbehaved_head(struct tail *, const char *what,
    const char *reason, const struct head_ref *, const char *more);
void tail_health(struct tail *, const char *why);

#endif
