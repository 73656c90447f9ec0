#ifndef AUDITOR_ROLE_JUDGE_GOSSIP_H
#define AUDITOR_ROLE_JUDGE_GOSSIP_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/role/judge.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/limit.h"
#include "ctlog/witness.h"

/*
 * Heads that others saw, and what witnesses say of heads, as a judge reads
 * them.
 */

/* JUDGE_WITNESS: those whose lines are looked at, at most LIMIT_WITNESSES. */
void judge_witness_pack(struct buf *, const struct witness *, size_t n);

/* What follows the bytes of a head: one per witness that has a line. */
struct judge_cosigned {
	size_t		 witness;	/* which of those told */
	int		 good;
	uint64_t	 at;		/* seconds; of good ones */
};

/* At most LIMIT_WITNESSES into ${out}; how many, or -1. */
int judge_cosigned_read(struct cur *, struct judge_cosigned *out);

/*
 * JUDGE_GOSSIP: JSON Lines, an object each with log_id (base64), form ("sth",
 * "checkpoint") and raw (base64, as the log sent it); other members are
 * ignored.
 */
struct gossip_log {
	uint8_t		 log_id[32];
	int		 is_static;
	struct span	 key;		/* SubjectPublicKeyInfo */
	const char	*origin;	/* of checkpoints, "" */
};

/* The question: the body, and the logs that are known. */
void judge_gossip_pack(struct buf *, const struct judge_ext *,
    const struct gossip_log *, size_t n);

/* A head that its log has signed; borrowed. */
struct gossip_head {
	size_t			 log;	/* which of those told */
	struct judge_head	 head;
	struct span		 raw;
	struct judge_cosigned	 said[LIMIT_WITNESSES];
	size_t			 nsaid;
};

/* The answer: heads follow. */
struct gossip_reply {
	uint32_t	 heads;		/* signed by logs that were told */
	uint32_t	 foreign;	/* of other logs: left out */
	uint32_t	 refused;	/* lines that are wrong, and */
	const char	*why;		/* what is wrong with the first; "" */
};

int judge_gossip_reply_read(struct cur *, struct gossip_reply *);
int judge_gossip_head_read(struct cur *, struct gossip_head *);

/* --- inside a judge --- */

int judge_do_witness(struct judge *, struct cur *, struct err *);
int judge_do_gossip(struct judge *, struct cur *, uint64_t id, struct err *);

/* Append what witnesses say of a note (n 0: nothing). */
void judge_cosigned(struct judge *, struct span note);

#endif
