#ifndef AUDITOR_ROLE_ENGINE_H
#define AUDITOR_ROLE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "auditor/db/watch_store.h"
#include "auditor/net/rate.h"
#include "auditor/role/challenge_listen.h"
#include "auditor/role/fetch_client.h"
#include "auditor/role/judge_client.h"
#include "auditor/role/notify.h"
#include "base/file.h"

/*
 * The engine: one worker.  It holds the database connection, leases and
 * decisions, and reads only framed, bounded messages of its children.  One
 * wait call; the jobs (a tail a log, the log lists, the outbox) are state
 * machines that it turns.
 */
struct audit;
struct tail;
struct lists;
struct vantage;

/* Messages between supervisor and engine, on descriptor 3. */
enum engine_type {
	ENGINE_RUN = 1,		/* struct engine_run */
	ENGINE_RELOAD,		/* read the configuration again */
	ENGINE_STOP		/* end in order */
};

/* What the supervisor tells its engine. */
struct engine_run {
	const char	*config;	/* path, "" none */
	const char	*conninfo;
	int		 slot;
	unsigned	 roles;		/* engine_role.h */
	const char	*name;		/* of the worker, "" the host's */
	int		 sync;		/* the configuration goes to tables */
	int		 once;		/* ENGINE_ONCE, ENGINE_HISTORY */
	int		 progress;	/* say now and then how far it is */
	int		 quiet;		/* nothing but warnings and errors */
	const char	*files[FILE_KEPT_MAX];	/* descriptors from */
	size_t		 nfiles;		/* ENGINE_FILE_FD on */
	size_t		 nlisten[CHALLENGE_KINDS]; /* sockets, from
						      ENGINE_LISTEN_FD on */
};

/* engine_run.once: all that is due, or only back-fills. */
#define ENGINE_ONCE	1
#define ENGINE_HISTORY	2

/* Where the files that root opened begin in an engine. */
#define ENGINE_FILE_FD	16
/* And where the sockets for challenges do, in who renews. */
#define ENGINE_LISTEN_FD	(ENGINE_FILE_FD + FILE_KEPT_MAX)

void engine_run_pack(struct buf *, const struct engine_run *);
int engine_run_read(struct cur *, struct engine_run *);

/*
 * How fast a log, or all logs of one operator together, are asked from one
 * source address.
 */
struct engine_rate {
	int		 log_ref;	/* 0: of an operator */
	char		*subject;	/* log.id or the operator's name */
	char		*source;	/* "": the system's choice */
	int		 private;	/* on our own network */
	struct rate	 rate;
	int64_t		 wanted;	/* until then a tail waits for it */
	int64_t		 head_until;	/* no get-sth before */
	int64_t		 told;		/* the hold that the database has */
	int64_t		 used;		/* clk_mono() of the last request */
	int		 known;		/* what the database has was read */
};

/* Kinds of work of engine_claim.c, at most. */
#define ENGINE_KINDS_MAX	8
/* Hex digits that tell a process from all others. */
#define ENGINE_INSTANCE	32

struct engine {
	struct conf		*conf;
	char			*config;	/* path or NULL */
	char			*conninfo;
	struct db		*db;
	char			 holder[128];	/* name:slot */
	char			 host[72], name[72];
	char			 place[136];	/* where pids mean something */
	char			 instance[ENGINE_INSTANCE + 1];
	int			 slot;
	unsigned		 roles;		/* engine_role.h */
	int			 sync;	/* the configuration goes to tables */
	int			 once;
	int			 progress;
	struct fetch_client	*logs;		/* fetch of class log */
	struct fetch_client	*deliver;	/* NULL: not its role, or */
	struct sign_client	*sign;		/* nothing to deliver yet */
	struct judge_pool	*pool;
	size_t			 ncrew;		/* tails' judges beside the
						   first of each */
	struct notify		*notify;	/* NULL: not its role */
	struct watch_base	*base;
	uint8_t			 watch_set[32];
	char			 watch_mark[192]; /* state of its tables */
	uint8_t			 log_list[32];
	int			 have_list;
	struct tail		**tails;
	size_t			 ntails, captails;
	struct engine_rate	**rates;	/* tail_rate.c */
	size_t			 nrates, caprates;
	struct fetch_cache	*cache;		/* tail_cache.c; or NULL */
	uint32_t		 absent;	/* source addresses, by place */
	struct lists		*lists;
	struct vantage		*vantage;
	struct audit		*audit;		/* NULL: not its role */
	uint64_t		 next_ask;	/* ids of questions to judges */
	int			 hint_change, hint_outbox; /* of db_notified */
	int			 db_spoke;	/* its socket can be read */
	int			 db_lost;	/* that it is away was said */
	int			 stop, reload;
	int			 fatal;		/* a judge lied: end, status 1 */
	int			 logs_done;	/* --once: every log was read */
	int			 failed;	/* --once: something not reached */
	int			 wrong;		/* --once: something is wrong */
	int64_t			 wake;		/* clk_mono of the next turn */
	int64_t			 beat_at, claim_at, status_at, say_at, rates_at;
	int64_t			 share_at;	/* engine_claim.c */
	int64_t			 back_at, away_s;
	int64_t			 rest[ENGINE_KINDS_MAX]; /* no claim before */
	int64_t			 space_at;	/* space.c */
	int			 space_low, space_known;
	uint64_t		 entries;	/* read since the start */
	uint64_t		 pages;		/* judged since the start */
};

/* Ask to be turned at ${mono} or before. */
void engine_wake(struct engine *, int64_t);

/* The role: exit status as contract.md has it. */
int engine_main(void);

#endif
