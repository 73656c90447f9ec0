#ifndef AUDITOR_DB_COST_STORE_H
#define AUDITOR_DB_COST_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"

/* How fast the database grows, as since it was made. */
struct cost_growth {
	int64_t	size;			/* bytes */
	double	bytes_day;		/* 0: it is younger than a day */
};

/*
 * What following the logs costs, from what this database itself has seen.
 * [0]: logs of which pages are asked (get-entries), [1]: tiles.
 */
struct cost {
	int64_t	logs[2];		/* followed; read-only ones are not */
	int64_t	growing[2];		/* of which the growth is known */
	double	entries_day[2];		/* of those */
	double	wire[2];		/* bytes an entry; 0: not measured */
	int64_t	entries;		/* kept because they matched */
	double	matches_day;		/* in the last seven days */
	double	match_bytes;		/* of entry and entry_match, each */
	struct cost_growth	growth;
};

int cost_store_growth(struct db *, struct cost_growth *, struct err *);
int cost_store_now(struct db *, struct cost *, struct err *);

#endif
