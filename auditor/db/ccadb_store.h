#ifndef AUDITOR_DB_CCADB_STORE_H
#define AUDITOR_DB_CCADB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"
#include "pki/ccadb.h"

/*
 * Revocation sources that only CCADB knows (origin 'ccadb'): those of CAs
 * with valid certificates that name no CRL.
 */
struct ccadb_list {
	struct db_res	*rows;	/* certificates of their keys, by key */
	struct ccadb_ca	*v;	/* one for each row, for ccadb_crls() */
	size_t		 n;
};

/* Which CAs those are; ccadb_list_free() in any case. */
int ccadb_store_wanted(struct db *, struct ccadb_list *, struct err *);
void ccadb_list_free(struct ccadb_list *);

/* SHA-256 over what is wanted: it is as it was before. */
void ccadb_list_mark(const struct ccadb_list *, uint8_t out[32]);

/*
 * Make the sources of origin 'ccadb' those that the list has for its CAs: by
 * certificates of the same name and key.  A key with two names of which only
 * one is listed gets a source that nobody answers: what is said of the one
 * says nothing of the other.  An empty list: there are none.  *gone, one
 * column, are the keys that lost a source; their certificates are to be
 * merged anew.  In the caller's transaction.
 */
int ccadb_store(struct db *, const struct ccadb_list *, struct db_res **gone,
    struct err *);

/*
 * A source that is left of the key, for rev_merge_store(); 0: none, and its
 * certificates without any source may do without.
 */
int ccadb_store_left(struct db *, const uint8_t key[32], int64_t *source,
    struct err *);

#endif
