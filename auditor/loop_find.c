#include "auditor/loop_find.h"

#include "auditor/db/ari_store.h"
#include "auditor/db/finding.h"
#include "auditor/db/loop_store.h"
#include "auditor/db/replace_store.h"
#include "auditor/db/watcher.h"
#include "auditor/loop_replace.h"
#include "base/enc.h"

#define NOT_LOGGED	"certificate.not_logged"
#define NOT_RECEIVED	"certificate.not_received"
#define REQUESTED	"renewal.requested"

/* One row of loop_not_logged(): no issuance is known, so it has no owner. */
static int
open_unlogged(struct db *db, const struct db_res *r, size_t i, struct err *e)
{
	char		hex[65];
	struct span	tbs = db_bytes(r, i, LOOP_TBS);
	struct finding	f = { .kind = NOT_LOGGED, .subject = hex,
	    .severity = "high", .owner = db_text(r, i, LOOP_OWNER),
	    .watch = db_text(r, i, LOOP_WATCH),
	    .name = db_text(r, i, LOOP_NAME),
	    .reason = db_text(r, i, LOOP_REASON),
	    .detail = db_text(r, i, LOOP_DETAIL),
	    .issuer_first_seen = INT64_MIN };

	if (tbs.n != 32)
		return 0;
	(void)enc_hex_to(hex, tbs.p, 32);
	return finding_open(db, &f, NULL, NULL, e);
}

static int
not_logged(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	rc = loop_not_logged(db, &r, e);
	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = open_unlogged(db, r, i, e);
	db_free(r);
	return rc;
}

/* It is asked for at once, if the CA may have it yet. */
static int
fetch_late(struct db *db, const struct db_res *r, size_t i, struct err *e)
{
	int	rc = loop_late(db, db_int(r, i, 3), e);

	return rc != 1 ? rc : replace_now(db, db_int(r, i, 4), "a log shows "
	    "what a lost order led to", e);
}

static int
not_received(struct db *db, struct err *e)
{
	char		 hex[65];
	struct finding	 f = { .kind = NOT_RECEIVED, .subject = hex,
	    .severity = "high" };
	struct db_res	*r = NULL;
	struct span	 tbs;
	size_t		 i;
	int		 rc;

	rc = loop_not_received(db, &r, e);
	for (i = 0; rc == 0 && i < db_rows(r); i++) {
		tbs = db_bytes(r, i, 0);
		if (tbs.n != 32)
			continue;
		(void)enc_hex_to(hex, tbs.p, 32);
		f.reason = db_text(r, i, 1);
		f.detail = db_text(r, i, 2);
		rc = watcher_open(db, tbs.p, &f, NULL, e);
		if (rc == 0)
			rc = fetch_late(db, r, i, e);
	}
	db_free(r);
	return rc;
}

/* Rows of subject and reason: that is over. */
static int
over(struct db *db, const char *kind, const struct db_res *r, struct err *e)
{
	size_t	i;
	int	rc = 0;

	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = watcher_gone(db, kind, db_text(r, i, 0),
		    db_text(r, i, 1), e);
	return rc;
}

int
loop_find_time(struct db *db, const struct conf *conf, struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc;

	if (loop_replace(db, conf, e) == -1 || loop_seen(db, e) == -1 ||
	    not_logged(db, e) == -1 || not_received(db, e) == -1 ||
	    loop_logged(db, &r, e) == -1)
		return -1;
	rc = over(db, NOT_LOGGED, r, e);
	db_free(r);
	r = NULL;
	if (rc == -1 || loop_settled(db, &r, e) == -1)
		return -1;
	rc = over(db, NOT_RECEIVED, r, e);
	db_free(r);
	r = NULL;
	if (rc == -1 || ari_store_over(db, &r, e) == -1)
		return -1;
	rc = over(db, REQUESTED, r, e);
	db_free(r);
	return rc;
}
