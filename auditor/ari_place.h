#ifndef AUDITOR_ARI_PLACE_H
#define AUDITOR_ARI_PLACE_H

#include "auditor/conf.h"
#include "auditor/db/ari_store.h"

/*
 * Who is asked when certificates of strangers are to be renewed: what the
 * configuration says first, then what the directories say that we order
 * from, then what is built in.  Strings are borrowed from ${conf} and static;
 * ari_place_free().
 */
void ari_place(const struct conf *, struct ari_places *);
void ari_place_free(struct ari_places *);

#endif
