#ifndef AUDITOR_DB_SOURCE_H
#define AUDITOR_DB_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

struct conf;

/*
 * Sources: who else may order certificates for us, and within what.  Names
 * in watch syntax, issuers as CAA identifiers.
 */
struct source {
	char	 *name;
	char	**names;	/* one block each: free() */
	size_t	  nnames;
	char	**issuers;
	size_t	  nissuers;
	int64_t	  until;	/* microseconds, INT64_MIN: no end */
	char	 *origin;	/* config, cli */
};

/* Free what ${n} sources own (not the array). */
void source_free(struct source *, size_t);

/*
 * Put the sources of the configuration in the table, inside the caller's
 * transaction; those of origin cli stay.  Lines as in watch_sync().
 */
int source_sync(struct db *, const struct conf *, struct buf *diff,
    struct err *);

/*
 * Add or change a source of origin cli; names are made canonical.  1: added
 * or changed, 0: it was there like that.  ERR_USAGE when the configuration
 * has one of that name, or a name is none.
 */
int source_add(struct db *, const struct source *, struct err *);

/* Remove one of origin cli: 0, or -1 with ERR_NOENT or ERR_USAGE. */
int source_remove(struct db *, const char *name, struct err *);

/* All, by name; *v freed with source_free() and free(). */
int source_list(struct db *, struct source **v, size_t *n, struct err *);

/* One by name; ERR_NOENT names those that there are. */
int source_get(struct db *, const char *name, struct source *, struct err *);

#endif
