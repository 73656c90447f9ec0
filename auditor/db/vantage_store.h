#ifndef AUDITOR_DB_VANTAGE_STORE_H
#define AUDITOR_DB_VANTAGE_STORE_H

#include <stdint.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "auditor/db/log_store.h"
#include "base/err.h"

/* Other observers of logs, and what they and witnesses were shown. */

/*
 * Rows and work for the sources of the configuration; those that it has no
 * longer go.  In a transaction of its own.
 */
int vantage_plan(struct db *, const struct conf *, struct err *);

/*
 * The logs whose heads can be judged.  Columns: id, log_id, static (boolean),
 * key, url, description, operator.
 */
enum { VANTAGE_ID, VANTAGE_LOG_ID, VANTAGE_STATIC, VANTAGE_KEY, VANTAGE_URL,
	VANTAGE_LOG, VANTAGE_OPERATOR };
int vantage_logs(struct db *, struct db_res **, struct err *);

/*
 * Store a head that this source saw; *id 0: too many of it wait already
 * (LIMIT_VANTAGE_WAIT).  One that the log never showed to us is marked as
 * told: it bounds nothing, proves nothing, and only waits to be compared.
 */
int vantage_saw(struct db *, const char *source, const struct head_in *,
    int64_t *id, struct err *);

/* The log showed us this head itself. */
int vantage_shown(struct db *, int64_t head_id, struct err *);

/* SQL: was head ${h} (an expression) only told? */
#define VANTAGE_TOLD(h) "exists (select from vantage_head vh where " \
    "vh.head_id = " h " and vh.told)"

/* What came of reading a source. */
struct vantage_said {
	const char	*source;
	const char	*error;		/* NULL: it was read */
	const char	*refusal;	/* of its first wrong line, "" */
	int64_t		 heads, refused;
};

int vantage_done(struct db *, const struct vantage_said *, struct err *);

/* What a witness says of a head. */
struct cosigned_in {
	int64_t		 head_id;
	const char	*witness;	/* name of its key */
	const uint8_t	*key;		/* 32 bytes */
	int		 valid;
	uint64_t	 at;		/* seconds */
	struct span	 raw;		/* the checkpoint */
};

/* Store it; *fresh 1 when it is new, or right now and was wrong. */
int cosigned_store(struct db *, const struct cosigned_in *, int *fresh,
    struct err *);

#endif
