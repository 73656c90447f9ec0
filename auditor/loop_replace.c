#include "auditor/loop_replace.h"

#include <stdio.h>
#include <string.h>

#include "auditor/db/known.h"
#include "auditor/db/replace_store.h"
#include "auditor/decide.h"
#include "base/limit.h"

/* RFC 5280 5.3.1 */
#define KEY_COMPROMISE	1

int
loop_replace_mark(struct db *db, const struct conf *conf,
    const struct span *key, const char *reason, const char *author,
    struct err *e)
{
	struct known	 k;
	struct db_res	*r = NULL;
	struct span	 tbs;
	size_t		 i;
	int		 rc;

	memset(&k, 0, sizeof(k));
	k.spki = *key;
	k.until = INT64_MIN;
	k.trust = "compromised";
	k.origin = "import";
	k.reason = reason;
	k.author = author;
	rc = known_add(db, &k, e);
	/* what is revoked does no harm any more */
	if (rc != -1)
		rc = replace_same_key(db, key, &r, e);
	for (i = 0; rc != -1 && i < db_rows(r); i++) {
		tbs = db_bytes(r, i, 0);
		rc = decide_again(db, conf, &tbs, e);
	}
	db_free(r);
	return rc == -1 ? -1 : 0;
}

/* One row of replace_due(). */
static int
one(struct db *db, const struct conf *conf, const struct db_res *r, size_t i,
    struct err *e)
{
	struct span		key = db_bytes(r, i, REPLACE_KEY);
	struct replace	p;
	char			why[200];

	memset(&p, 0, sizeof(p));
	p.managed = db_int(r, i, REPLACE_ID);
	p.tbs = db_bytes(r, i, REPLACE_TBS);
	p.name = db_text(r, i, REPLACE_NAME);
	p.subject = db_text(r, i, REPLACE_SUBJECT);
	p.why = why;
	if (conf->acme_when_alert)
		(void)snprintf(why, sizeof(why), "it is not replaced: "
		    "acme.when_revoked is alert");
	else if (db_bool(r, i, REPLACE_FOREIGN))
		(void)snprintf(why, sizeof(why), "it is not replaced: its key "
		    "is not kept here");
	else if (db_int(r, i, REPLACE_PAST) >= LIMIT_REPLACE)
		(void)snprintf(why, sizeof(why), "it is not replaced: %d "
		    "successors within a day were revoked, too",
		    LIMIT_REPLACE);
	else {
		(void)snprintf(why, sizeof(why), "another one is ordered");
		p.asked = 1;
	}
	if (key.n == 32 && db_int(r, i, REPLACE_REASON) ==
	    KEY_COMPROMISE && loop_replace_mark(db, conf, &key, "the CA "
	    "revoked a certificate with it for keyCompromise", "certvigil",
	    e) == -1)
		return -1;
	return replace_note(db, &p, e);
}

int
loop_replace(struct db *db, const struct conf *conf, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = replace_due(db, &r, e);

	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = one(db, conf, r, i, e);
	db_free(r);
	return rc;
}
