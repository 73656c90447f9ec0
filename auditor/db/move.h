#ifndef AUDITOR_DB_MOVE_H
#define AUDITOR_DB_MOVE_H

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * A database that goes to another server.  At no time can both be worked on:
 * the new one is marked as incoming until the old one is marked as moved, and
 * table worker takes nobody where there is a mark.
 */

enum move_state { MOVE_NONE, MOVE_INCOMING, MOVE_MOVED };

/*
 * Which mark it has; *peer, when not NULL, gets the other side's connection
 * string (to free) or NULL.  A schema without the table has none.
 */
int move_state(struct db *, enum move_state *, char **peer, struct err *);

/* 0, or -1 ERR_CONF when it has a mark: a sentence with what to do. */
int move_check(struct db *, struct err *);

/*
 * Can everything go from the first to the second?  Another database, at least
 * as new a server, UTF-8, no pooler, a schema in which tables may be made.
 * *roles is 0 when it has not our roles, nor the right to make them.
 */
int move_fits(struct db *from, struct db *to, int *roles, struct err *);

/*
 * Begin a transaction in which nobody else writes any of our tables; ERR_TEMP
 * when workers are alive or somebody does not stop writing.  The end of the
 * connection ends it.
 */
int move_hold(struct db *, struct err *);

/* What was compared. */
struct move_sum {
	int64_t	tables;
	int64_t	rows;
};

/*
 * Compare the number of rows and a hash of the keys, table by table: ERR_DB
 * and the first that differs.
 */
int move_same(struct db *from, struct db *to, struct move_sum *,
    struct err *);

/*
 * In the transaction of move_hold(): mark it as moved to ${peer}, end the
 * sessions that wait to write, commit.
 */
int move_away(struct db *, const char *peer, const char *author,
    struct err *);

/* The statement that marks a database as incoming; to free. */
char *move_incoming(const char *peer, const char *author);

/* It is complete: no mark any more. */
int move_arrive(struct db *, struct err *);

#endif
