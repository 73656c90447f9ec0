#ifndef AUDITOR_DB_SILENCE_H
#define AUDITOR_DB_SILENCE_H

#include <jansson.h>
#include <stdint.h>

#include "auditor/alert/route.h"
#include "auditor/db/db.h"
#include "base/err.h"

/*
 * Silences mute deliveries, nothing else.  One has an end, an author and a
 * reason, and does not cover `critical` unless that was allowed.
 */
struct silence {
	int64_t		 finding_id;	/* 0: not by finding */
	const char	*kind;		/* NULL: any */
	const char	*name;		/* watch syntax; NULL: any */
	const char	*owner;		/* NULL: any */
	int64_t		 until;		/* microseconds */
	const char	*author;
	const char	*reason;
	int		 allow_critical;
};

/*
 * Add one; *id is its id.  ERR_USAGE when it has no end in the future, no
 * reason, or would mute everything; ERR_NOENT for an unknown finding.
 */
int silence_add(struct db *, const struct silence *, int64_t *id,
    struct err *);

/* End it now; ERR_NOENT when there is none that is live. */
int silence_end(struct db *, int64_t id, struct err *);

/* All of them (${live}: that are in force), as a new array of objects. */
json_t *silence_list(struct db *, int live, struct err *);

/* The silence that mutes each of ${n} such findings now, in id[]; 0: none. */
int silence_match(struct db *, const struct route_facts *, size_t n,
    int64_t *id,
    struct err *);

#endif
