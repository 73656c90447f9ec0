#ifndef AUDITOR_DB_WATCH_STORE_H
#define AUDITOR_DB_WATCH_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"
#include "pki/watch.h"

struct conf;

/*
 * Watches in the database.  A watch comes from the configuration (origin
 * config), from watch_file (origin file) or from the command line (cli).
 * Patterns are stored in their canonical form.  An item of watch_file has no
 * row before it matches for the first time: a file of 1,000,000 lines is one
 * row of table watch_file.
 */

/* A live watch; the strings are owned: watch_row_free(). */
struct watch_row {
	int64_t		 id;
	char		*pattern;
	char		*owner;		/* "" is nobody's */
	char		*policy;	/* "" is none */
	char		*origin;
	char		**exclude;	/* one block: free() */
	size_t		 nexclude;
	int64_t		 added_at;	/* microseconds */
};

/* Free what ${n} rows own (not the array). */
void watch_row_free(struct watch_row *, size_t);

/*
 * Put the watches of the configuration and the content of watch_file in the
 * tables.  Inside the caller's transaction: on -1 the caller rolls back, and
 * the old state stays.  One line a difference ("+ .example.com", "- old",
 * "~ changed") is appended to ${diff}, which may be NULL.
 *
 * An empty configuration or watch_file never removes watches: ERR_CONF.  A
 * watch that the command line added and that the configuration names too
 * becomes one of the configuration.  A changed policy or exclusion keeps
 * id and added_at.
 */
int watch_sync(struct db *, const struct conf *, struct buf *diff,
    struct err *);

/*
 * The same, and then all live watches as watch_load() has them: watch_file is
 * read and parsed once for both.  *${build} is NULL on -1, else the caller's.
 */
int watch_sync_load(struct db *, const struct conf *, struct buf *diff,
    struct watch_build **build, struct err *);

/*
 * Can a watch_file be read, and is every line of it a pattern?  Needs no
 * database.  ERR_SYS, ERR_LIMIT or ERR_CONF.
 */
int watch_file_check(const char *path, struct err *);

/*
 * Add all live watches to ${build}: config and cli rows with their
 * exclusions, and the newest version of watch_file.  0 or -1.
 */
int watch_load(struct db *, const struct conf *, struct watch_build *,
    struct err *);

/* The rows of one pattern, owned. */
struct watch_rows {
	struct watch_row	*v;
	size_t			 n, cap;
};

/*
 * The live rows of ${n} different patterns of the image, in ${out}: at most
 * LIMIT_WATCH_OWNERS each; none: nobody watches it any more.  An item of
 * watch_file without a row gets one, with added_at the moment since which
 * every version of the file has had it.  Rows of one pattern with different
 * exclusions are all returned: the image keeps only what all of them exclude.
 * 0 or -1; watch_rows_free() in both cases.
 */
int watch_resolve(struct db *, const char *const *patterns, size_t n,
    struct watch_rows *out, struct err *);
void watch_rows_free(struct watch_rows *, size_t n);

/*
 * Rule 5: does ${index} lie below the first head of the log that was verified
 * after the watch was added (${added_at}, microseconds)?  Always 0 for a log
 * that was not in the first list.  While no head was verified since, all that
 * can be read lies below it.
 */
int watch_baseline(struct db *, int log_ref, int64_t added_at, int64_t index,
    int *is_baseline, struct err *);

/*
 * The same with a memory, for a page of matches: a query for each (log,
 * added_at), not for each match.  *at: when that head was first seen, INT64_MIN
 * when there is none yet.  watch_base_free() takes NULL.
 */
struct watch_base;

struct watch_base *watch_base_new(void);
void watch_base_free(struct watch_base *);
int watch_base_get(struct watch_base *, struct db *, int log_ref,
    int64_t added_at, int64_t index, int *is_baseline, int64_t *at,
    struct err *);

/* --- what the commands do; each inside the caller's transaction --- */

/* A watch of origin cli that is to be added; strings borrowed. */
struct watch_new {
	const char		*name;		/* any form */
	const char		*owner;		/* NULL is "" */
	const char		*policy;	/* NULL is "" */
	const char *const	*exclude;
	size_t			 nexclude;
};

/*
 * Add it.  1: added (or its policy or exclusions changed); 0: it is there
 * already.  ERR_USAGE for a pattern that is none, and for one that the
 * configuration has with other settings.
 */
int watch_add(struct db *, const struct watch_new *, struct err *);

/*
 * Remove the cli watches of a pattern; ${owner} NULL is any.  Returns how
 * many.  ERR_USAGE when only the configuration or watch_file has it,
 * ERR_NOENT when nobody has it.
 */
int watch_remove(struct db *, const char *name, const char *owner,
    struct err *);

/* All live rows, by pattern; *rows freed with watch_row_free() and free(). */
int watch_list(struct db *, struct watch_row **rows, size_t *n, struct err *);

/* The newest watch_file: items, and its canonical text when ${body}. */
int watch_file_newest(struct db *, int64_t *items, struct buf *body,
    struct err *);

#endif
