#ifndef AUDITOR_ROLE_NOTIFY_H
#define AUDITOR_ROLE_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

#include "auditor/role/fetch_client.h"

struct conf;
struct db;
struct sign_client;

/*
 * The job that delivers: claims from the outbox, builds and signs, hands to
 * the fetch process of class delivery or runs a program, and finishes.  Never
 * blocks but for the database and the sign process.  The database connection
 * must not be inside a transaction when these are called.
 */
struct notify;

/*
 * All arguments are borrowed for its life.  fetch and sign process may be NULL:
 * nothing is claimed until notify_restarted() brings them.
 */
struct notify *notify_new(struct db *, const struct conf *,
    struct fetch_client *deliver, struct sign_client *, const char *holder);

/* Running programs are killed; what was claimed is claimed again later. */
void notify_free(struct notify *);

/* Deliver this one only (`channel test` without a daemon). */
void notify_only(struct notify *, int64_t delivery);

/* Another configuration: also makes secrets be read and handed over again. */
void notify_reload(struct notify *, const struct conf *);

/*
 * The fetch or the sign process was started again; NULL: that one was not.
 * Attempts that were under way in the old one end as failed.
 */
void notify_restarted(struct notify *, struct fetch_client *deliver,
    struct sign_client *);

/*
 * Do what is due; *next_wake becomes the earlier of itself and when to be
 * called again (clk_mono() microseconds).
 */
void notify_tick(struct notify *, int64_t now_mono, int64_t *next_wake);

/* An answer of the fetch process. */
void notify_done(struct notify *, const struct fetch_done *);

/* A child of this process ended: 1 when it was one of ours. */
int notify_child(struct notify *, pid_t, int status);

/*
 * 1 when every delivery was tried at least once, and nothing is under way or
 * waits for its group.  Asks the database, so that what was committed just
 * now counts.
 */
int notify_idle(const struct notify *);

/* There is something to deliver, and no fetch process to do it. */
int notify_wants(const struct notify *);

/* Something was put into the outbox: look at the next tick. */
void notify_hint(struct notify *);

/*
 * Say that we are alive, when heartbeat.every has passed since the last time
 * and coverage is good.  Outside the outbox: a lost one is not repeated.
 */
void notify_heartbeat(struct notify *, int coverage_good);

/* Is it time to say so?  Asked first, as coverage is a question to the database. */
int notify_beats(const struct notify *);

#endif
