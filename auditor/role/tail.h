#ifndef AUDITOR_ROLE_TAIL_H
#define AUDITOR_ROLE_TAIL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/head_store.h"
#include "auditor/db/lease.h"
#include "auditor/db/log_store.h"
#include "auditor/log_find.h"
#include "auditor/net/rate.h"
#include "auditor/role/engine.h"
#include "auditor/role/judge_client.h"
#include "auditor/role/judge_gossip.h"
#include "base/limit.h"

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
	TAIL_EDGE,	/* history: the frontier where a range begins */
	TAIL_FIND,	/* history: where a date begins */
	TAIL_END	/* to be released */
};

enum page_state {
	PAGE_WAIT,	/* not asked for */
	PAGE_FETCH,	/* under way */
	PAGE_BODY,	/* in the arena */
	PAGE_JUDGE,	/* a judge looks at it */
	PAGE_DONE	/* judged */
};

/* An entry that kills: looked at for our names as bytes, or not at all. */
enum { RAW_NAMES = 1, RAW_BLIND };

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
	uint8_t			 name[32];	/* of its body in the cache */
	int			 keep;		/* it is to be kept there, */
	int			 cached, cached_gzip;	/* or came from it */
	uint64_t		 from, to;
	uint64_t		 base;	/* index of the body's first entry */
	enum page_state		 state;
	int			 tile;	/* a data tile, else get-entries */
	int			 full;	/* a full tile for a partial one */
	int			 raw;	/* asked as an entry that kills */
	unsigned		 tries;
	int64_t			 not_before;
	uint64_t		 fetch_id, ask_id;
	const struct judge_link	*judge;		/* that was asked; borrowed */
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

/* A body in the cache, until entries up to ${to} are committed. */
struct tail_kept {
	uint8_t		 name[32];
	uint64_t	 to;
};

struct tail {
	struct engine		*en;
	struct back		*back;		/* a range of history, or NULL */
	struct log_row		 log;
	struct lease		 lease;
	int			 leased;
	int			 finished;	/* --once: had its turn */
	int64_t			 turned;	/* mono: this turn began */
	int64_t			 due_at;	/* mono: its next poll; 0: unknown */
	enum tail_state		 state;
	struct judge_link	*judge;		/* tail_crew.c */
	struct judge_link	*crew[LIMIT_CREW];
	size_t			 ncrew;
	uint32_t		 arena;		/* 0: none */
	int			 arena_fd;
	uint64_t		 arena_size;
	void			*arena_map;	/* tail_cache.c; or NULL */
	/* of en->rates, one a source address; tail_rate.c */
	struct engine_rate	*rate[LIMIT_SOURCE_ADDRESSES];
	struct engine_rate	*operator[LIMIT_SOURCE_ADDRESSES];
	size_t			 nsources;	/* 0: no lease so far */
	int			 own;		/* a log on our own network */
	size_t			 source;	/* of the last request */
	uint64_t		 wire;		/* bytes of pages, this turn */
	uint64_t		 wire_from;	/* what was proven before it */
	int			 page_size;	/* entries a page; 0: unknown */
	int			 page_known;
	unsigned		 full, grow_at;	/* whole pages in a row */
	uint64_t		 body_max;	/* longest body seen */
	unsigned		 parts;		/* of a page, of a log that is */
	int			 near;		/* near, and does not */
	int			 counted;	/* count requests */
	int			 mismatch;	/* times the root was wrong */
	/* the head at hand */
	struct judge_head	 head;
	struct buf		 head_raw;
	int64_t			 head_id;
	struct judge_cosigned	 said[LIMIT_WITNESSES];	/* by witnesses */
	int			 nsaid;
	int			 head_tries;
	struct {			/* tail_seen.c */
		char			 name[320];	/* a header line */
		struct buf		 raw;		/* empty: none */
		struct judge_head	 head;
		int64_t			 at;
		int			 asked;
	} seen;
	uint64_t		 target;	/* read up to here: its size */
	int			 shown;		/* valid, in this turn */
	unsigned		 ill;		/* turns that failed behind it */
	int64_t			 ill_until;	/* mono: no pages until then */
	struct {			/* tail_aside.c */
		int64_t			 at;		/* mono: next one */
		uint64_t		 fetch_id, ask_id;
		struct judge_link	*judge;
		struct judge_ext	 ext;
		uint32_t		 ext_len;
		int			 tries;
	} aside;
	/* a head that is compared with another one (tail_audit.c) */
	struct log_look		 look;		/* tail_entry.c */
	struct head_ref		 small, large;
	unsigned		 audits, audit_fails;	/* of this turn */
	unsigned		 audit_again;	/* a proof that was wrong */
	int64_t			 audit_after;	/* and those behind it are next */
	int64_t			 unproven;	/* one that the log refused, */
	int64_t			 unproven_at;	/* mono: for the first time */
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
	pid_t			 second_pid;	/* of the one it checks */
	const struct tail_page	*second_page;	/* borrowed */
	uint8_t			 second_want[32];
	uint64_t		 second_id;
	uint64_t		 plant_fetch, plant_ask;
	const struct judge_link	*plant_judge;	/* borrowed */
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
	int64_t			 ask_at;	/* and not before, by the rate */
	struct tail_match	**matches;
	struct merkle_path	*paths;
	size_t			 nmatches, capm, capp;
	uint64_t		 held;		/* bytes of their records */
	struct tail_issuer	*issuers;
	size_t			 nissuers, capi;
	size_t			 nearly;	/* matches looked at early */
	int64_t			 early_at;	/* and not before */
	struct tail_kept	*kept;		/* in the cache; tail_cache.c */
	size_t			 nkept, capkept;
	int64_t			 looked;	/* the turn it was looked in */
	int			 stale, unreachable;	/* findings: -1 not known */
	int64_t			 began, committed;	/* mono */
	uint64_t		 fresh;		/* entries since the last commit */
};

struct tail *tail_new(struct engine *, int log_ref, struct err *);
void tail_free(struct tail *);

/* Take the lease (its strings move here) and begin. */
void tail_begin(struct tail *, struct lease *);

/*
 * Give the lease back: somebody may read on in so many seconds.  What was read
 * and not committed is read again.
 */
void tail_yield(struct tail *, int rest_s);

/* The lease and the newest row of its log; when that fails it is ended. */
void tail_take(struct tail *, struct lease *);

/* Go on as far as possible without waiting. */
void tail_turn(struct tail *);

/* An answer of fetch; 0 when it is not this tail's. */
int tail_fetched(struct tail *, const struct fetch_done *);

/* Read what its judges said; one that died or lies is replaced. */
void tail_judge(struct tail *);

/* The channels of its judges: how many. */
size_t tail_crew_ipcs(const struct tail *, struct ipc **, size_t max);

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
/* The same where ${why} was logged. */
void tail_end_said(struct tail *, const char *why);

/*
 * The same when the fault is ours (the database) or the lease is gone: it is
 * not the log that failed.
 */
void tail_fault(struct tail *, const struct err *);

/* The same when the log asked to be left alone: its head is asked as ever. */
void tail_held(struct tail *, const char *why);

/* The arena in which bodies of this log lie, made when it is needed. */
int tail_need_arena(struct tail *, struct err *);

/* A fetch of a body for this state (not pages); the answer wakes it. */
void tail_get(struct tail *, const struct http_req *);

/* Give the body at hand back to fetch. */
void tail_give(struct tail *);

/* What an answer that is no success means: sentence in ${why}. */
void tail_refused(struct tail *, const struct fetch_done *, char *why,
    size_t n);

/*
 * tail_rate.c: buckets of the log and of its operator, one a source address,
 * which all tails of a log (and its history) share, and all workers through
 * the database.  _begin whenever the log's row was read, _turn by the engine,
 * _free at its end.
 */
void tail_rate_begin(struct tail *);
void tail_rate_turn(struct engine *, int64_t now);
void tail_rate_free(struct engine *);

/*
 * Microseconds to wait for a request of a page, proof, tile or issuer; 0:
 * now.  The request that is made says so first: _take chooses the source
 * address and fills it in.
 */
int64_t tail_rate_wait(struct tail *);
void tail_rate_take(struct tail *, struct fetch_get *);
/*
 * The same for history: it only gets what no tail of the log or the operator
 * waits for, and leaves some for those that come.
 */
int64_t tail_rate_wait_back(struct tail *);
void tail_rate_take_back(struct tail *, struct fetch_get *);
/*
 * The same for pages, of the head or of history.  Of a log that is asked often
 * some are let come together: each that goes alone wakes three processes.
 */
int64_t tail_rate_wait_page(struct tail *, int64_t now);
/*
 * The same for heads, which have a budget of their own: one a poll, whatever
 * became of pages, but not while get-sth itself was told to wait.
 */
int64_t tail_rate_wait_head(struct tail *);
void tail_rate_take_head(struct tail *, struct fetch_get *);

/* What became of it; ${head}: of a request for the head. */
void tail_rate_ok(struct tail *, const struct fetch_done *);
void tail_rate_429(struct tail *, const struct fetch_done *,
    int64_t retry_after, int head);
void tail_rate_5xx(struct tail *, const struct fetch_done *);
int64_t tail_rate_hold(const struct tail *);	/* what Retry-After left */
/*
 * 1: the log wants no pages for longer than a poll, nothing is at hand that
 * would be lost, and the turn was ended: its head is asked as ever.
 */
int tail_rate_leave(struct tail *);
/* Does it want no pages for longer than a poll?  ${why} says until when. */
int tail_rate_long(const struct tail *, char why[100]);
void tail_rate_wire(struct tail *);	/* the turn ends: what it cost */
double tail_rate_all(const struct tail *);	/* of all who ask, a second */

/*
 * tail_seen.c: a head that has not changed.  _ask adds what a request for it
 * says, _fetched keeps what an answer 200 is called, _valid that it was good,
 * _again is 1 when the answer means the last good one, which t->head is then.
 */
void tail_seen_ask(struct tail *, struct fetch_get *);
void tail_seen_fetched(struct tail *, const struct fetch_done *);
void tail_seen_valid(struct tail *);
int tail_seen_again(struct tail *, const struct fetch_done *);

/*
 * tail_cache.c: pages that are not committed are kept on disk.  _get asks for
 * a page, by its rate, unless it is there; _fetched what came with 200; _done
 * after a commit; _release before the arena is dropped.
 */
uint64_t tail_cache_get(struct tail *, struct tail_page *,
    struct fetch_get *);
void tail_cache_fetched(struct tail *, struct tail_page *,
    const struct fetch_done *);
void tail_cache_done(struct tail *, int caught_up);
void tail_cache_release(struct tail *);

/*
 * tail_crew.c: its judges.  _need_judge is the first, which answers all
 * questions, forked when there is none; NULL: ended.  _pick is the one that
 * has the fewest before it, for a page.  _other is one that checks another,
 * the caller's to free, or NULL.  _drop lets go of all.
 */
struct judge_link *tail_need_judge(struct tail *);
struct judge_link *tail_crew_pick(struct tail *);
struct judge_link *tail_crew_other(struct tail *);
void tail_crew_drop(struct tail *);

/*
 * tail_head.c.  _url: where the head is; -1: too long.  _keep: the one in
 * t->head is valid: stored, and looked at as far as it goes without entries
 * and proofs; -1: it is not stored.
 */
int tail_head_url(const struct tail *, struct http_req *);
int tail_head_keep(struct tail *, struct err *);
void tail_head_begin(struct tail *);
void tail_head_fetched(struct tail *, const struct fetch_done *);
void tail_head_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void tail_start_begin(struct tail *);
void tail_start_fetched(struct tail *, const struct fetch_done *);
void tail_start_judged(struct tail *, const struct judge_reply *,
    struct cur *);

/*
 * tail_aside.c: heads that the log shows while a turn lasts.  _turn asks for
 * one when it is time, _judge reads what its judge said, _judged is what
 * follows from that; _drop forgets the one under way, the next is a poll away.
 */
void tail_aside_turn(struct tail *);
int tail_aside_fetched(struct tail *, const struct fetch_done *);
void tail_aside_judge(struct tail *);
void tail_aside_judged(struct tail *, const struct judge_reply *,
    struct cur *);
void tail_aside_drop(struct tail *);

/* tail_read.c */
void tail_read_begin(struct tail *);
void tail_read_turn(struct tail *);
int tail_read_fetched(struct tail *, const struct fetch_done *);
void tail_read_judged(struct tail *, const struct judge_link *,
    const struct judge_reply *, struct cur *);
void tail_read_drop(struct tail *);
void tail_read_again(struct tail *, struct tail_page *, int raw);

/*
 * tail_died.c: a judge is gone, which ${killer} had been asked first; what
 * else it was asked is asked again.  _oldest: the oldest question that it has
 * not answered; *id 0: none so far.
 */
void tail_read_died(struct tail *, const struct judge_link *,
    uint64_t killer);
void tail_read_oldest(const struct tail *, const struct judge_link *,
    uint64_t *id);

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
int tail_check_judged(struct tail *, const struct judge_link *,
    const struct judge_reply *, struct cur *);
void tail_check_died(struct tail *, const struct judge_link *);
void tail_check_oldest(const struct tail *, const struct judge_link *,
    uint64_t *);
void tail_check_drop(struct tail *);

/* tail_hybrid.c: does an RFC 6962 log serve tiles too?  1: being asked. */
int tail_hybrid_unknown(struct tail *);
int tail_hybrid_fetched(struct tail *, const struct fetch_done *);

/* tail_prove.c */
void tail_prove_begin(struct tail *);
void tail_prove_get(struct tail *, uint64_t size1, const uint8_t *root1,
    uint64_t size2, const uint8_t *root2);
/* The frontier of ${size} in the tree of the head, for history. */
void tail_prove_edge(struct tail *, uint64_t size);
/* What was read does not give the signed root: once more, or a finding. */
void tail_mismatch(struct tail *, const char *why);
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
/* With AUDIT_BUSY and AUDIT_REFUSED nothing else of it is under way. */
enum tail_audit_how { AUDIT_AWAY, AUDIT_BUSY, AUDIT_REFUSED };
void tail_audit_failed(struct tail *, const char *why, enum tail_audit_how);

/* tail_match.c */
void tail_match_add(struct tail *, struct tail_match *);
void tail_match_free(struct tail_match *);
/*
 * Have issuers fetched and CA signatures checked; announce what a CA did sign.
 */
void tail_match_need(struct tail *);
int tail_match_early(struct tail *);
int tail_match_fetched(struct tail *, const struct fetch_done *);
int tail_match_judged(struct tail *, const struct judge_reply *,
    struct cur *);
int tail_match_waiting(const struct tail *);
void tail_match_drop(struct tail *, size_t n);	/* the last n */
void tail_match_oldest(const struct tail *, uint64_t *id);
void tail_match_died(struct tail *, uint64_t killer);
int tail_commit(struct tail *, int caught_up, struct err *);

/* tail_entry.c: do matches that are committed say something against it? */
void tail_entry_look(struct tail *);
/* And is one of them another than was promised? */
void tail_entry_flips(struct tail *);

/*
 * tail_fault.c: what the log did wrong, as findings.  All of it under the
 * lease: a tail that slept says nothing of what was true before.
 */
/* Begin a transaction in which the lease is ours; -1 and err. */
int tail_lock(struct tail *, struct err *);
/* End it, whatever came of it; ${rc} -1: of no effect, and said of ${what}. */
void tail_unlock(struct tail *, int rc, const char *what, struct err *);
/* head_mark() of one that waits no longer. */
void tail_head_mark(struct tail *, int64_t id, const char *consistency);
void tail_misbehaved(struct tail *, const char *what, const char *reason);
/* The same of a head, with further members of detail (", \"x\": ..."). */
void tail_misbehaved_head(struct tail *, const char *what,
    const char *reason, const struct head_ref *, const char *more);
/* The log does not prove a head that it signed; it has proven it. */
void tail_unproven(struct tail *, int64_t head_id, const char *reason);
void tail_proven(struct tail *, int64_t head_id);
void tail_health(struct tail *, const char *why);
/* A head may be so far ahead of our clock before it counts as future. */
#define TAIL_FUTURE_MS	(10 * 60 * 1000)
/* Is the newest head that it showed, t->head or before, recent enough? */
void tail_fresh(struct tail *);

#endif
