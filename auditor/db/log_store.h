#ifndef AUDITOR_DB_LOG_STORE_H
#define AUDITOR_DB_LOG_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"
#include "ctlog/merkle.h"

/* Logs, their heads, proven ranges and health: all SQL about them. */

struct log_row {
	int		 id;		/* log.id, "log_ref" elsewhere */
	uint8_t		 log_id[32];
	char		*description;
	char		*operator;
	int		 is_static;
	char		*url;		/* submission or RFC 6962 prefix */
	char		*read_url;
	struct buf	 key;
	int64_t		 mmd;		/* seconds */
	int		 readonly;	/* state is readonly */
	int		 has_final;
	int64_t		 final_size;
	uint8_t		 final_root[32];
	int		 first_list;
	int		 watched;
	int		 hybrid;	/* serves tiles too: 1, 0, -1 not asked */
	int		 page_size;	/* learned; 0: not yet */
	int64_t		 head_size;	/* newest valid head, -1: none */
	int64_t		 head_ms;
	int64_t		 failing_since;	/* INT64_MIN: it answers */
	int64_t		 interval_from;	/* microseconds; INT64_MIN: none */
	int64_t		 interval_to;
};

void log_row_free(struct log_row *);

/* Load one by its number; ERR_NOENT when it is not there. */
int log_load(struct db *, int id, struct log_row *, struct err *);

/* A head as it is to be stored. */
struct head_in {
	int		 log_ref;
	uint64_t	 tree_size;
	uint64_t	 timestamp_ms;
	const uint8_t	*root;		/* 32 bytes */
	int		 checkpoint;
	struct span	 raw;
	const char	*verdict;
};

/* Store a head, or note that it was seen again; *id may be NULL. */
int head_store(struct db *, const struct head_in *, int64_t *id, struct err *);

/* Note what came of a head: proved, conflict, smaller. */
int head_mark(struct db *, int64_t id, const char *consistency, struct err *);

/*
 * The proven range of a log that reaches its head, which is the highest one
 * (the others are history): *found 0 when there is none.  ${root} 32 bytes.
 */
int range_load(struct db *, int log_ref, struct merkle_range *, uint8_t *root,
    int64_t *from, int *found, struct err *);

/* What a proven range is stored with. */
struct range_in {
	int			 log_ref;
	int64_t			 from;		/* proven are [from, to) */
	const struct merkle_range *frontier;
	const uint8_t		*root;
	int64_t			 head_id;
	int			 caught_up;	/* reached a whole head */
	double			 per_second;
	const uint8_t		*watch_set;	/* SHA-256 */
	const uint8_t		*log_list;	/* SHA-256 or NULL */
	/*
	 * How the tree of frontier->to goes on to that of head_id, 32 bytes a
	 * node; p NULL: they are the same.  Kept for entries when there are
	 * some.
	 */
	struct span		 proof;
	int			 has_entries;
};

/*
 * Store it in log_range, as one row with those that it touches; in the
 * caller's transaction.
 */
int range_join(struct db *, const struct range_in *, struct err *);

/* The same with coverage_day and health, for who follows the head. */
int range_store(struct db *, const struct range_in *, struct err *);

/* Health of a log after a poll: a valid head, or a failure. */
int health_head(struct db *, const struct log_row *, uint64_t size,
    uint64_t timestamp_ms, int64_t head_id, struct err *);
int health_fail(struct db *, int log_ref, const char *why, struct err *);
/* What keeps a turn that still goes on from its end; the log is up. */
int health_note(struct db *, int log_ref, const char *why, struct err *);
/* Whether an RFC 6962 log serves tiles as well. */
int log_hybrid(struct db *, int log_ref, int hybrid, struct err *);

int health_ok(struct db *, int log_ref, struct err *);
int health_rate(struct db *, int log_ref, int page_size, double rate,
    int throttled, struct err *);

#endif
