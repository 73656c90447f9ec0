#include "auditor/canary_find.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/blind_state.h"
#include "auditor/db/blind_store.h"
#include "auditor/db/canary_store.h"
#include "auditor/db/coverage_store.h"
#include "auditor/db/finding.h"
#include "auditor/db/row.h"
#include "base/mem.h"
#include "pki/watch.h"

#define KIND	"canary.missed"

char *
canary_name(const struct conf *c)
{
	char	name[WATCH_TEXT];

	(void)watch_canon(c->canary_name, name, NULL);
	return mem_str(name);
}

/* --- which logs should have it ------------------------------------------------ */

/* The row of a log id in the coverage of now; the number of rows: none. */
static size_t
find(const struct db_res *cov, struct span id)
{
	struct span	have;
	size_t		i;

	for (i = 0; i < db_rows(cov); i++) {
		have = db_bytes(cov, i, COV_LOG_ID);
		if (have.n == id.n && memcmp(have.p, id.p, id.n) == 0)
			break;
	}
	return i;
}

/* One log that the SCTs name: a word, and an object.  Was it read whole? */
static int
one_log(const struct db_res *cov, const struct db_res *sct, size_t i,
    struct buf *why, json_t *logs)
{
	size_t	k = find(cov, db_bytes(sct, i, 0));
	json_t	*o = json_object();
	int	read = k < db_rows(cov) && db_bool(cov, k, COV_WATCHED);

	buf_str(why, i > 0 ? ", " : "; its SCTs are of ");
	json_object_set_new(o, "log_id", row_b64(sct, i, 0));
	if (k == db_rows(cov))
		buf_str(why, "a log that no list has");
	else {
		buf_fmt(why, "%.80s (", db_text(cov, k, COV_DESCRIPTION));
		if (!read)
			buf_str(why, "not read");
		else if (db_int(cov, k, COV_LAG) == 0)
			buf_str(why, "read to its end");
		else {
			blind_state_span(db_int(cov, k, COV_LAG), why);
			buf_str(why, " behind");
		}
		buf_str(why, ")");
		json_object_set_new(o, "description", row_str(cov, k,
		    COV_DESCRIPTION));
		json_object_set_new(o, "lag_seconds", read ? row_int(cov, k,
		    COV_LAG) : json_null());
	}
	json_array_append_new(logs, o);
	return read && db_int(cov, k, COV_LAG) == 0;
}

static int
promised(struct db *db, int64_t poll, const struct span *tbs,
    struct buf *why, json_t *detail, struct err *e)
{
	struct db_res	*cov = NULL, *sct = NULL;
	json_t		*logs = json_array();
	size_t		 i, whole = 0;
	int		 rc = -1;

	if (canary_promises(db, tbs, &sct, e) == 0 &&
	    coverage_store_now(db, poll, 1, &cov, e) == 0) {
		for (i = 0; i < db_rows(sct); i++)
			whole += one_log(cov, sct, i, why, logs) != 0;
		if (db_rows(sct) == 0)
			buf_str(why, "; it has no SCT that can be read");
		else if (whole == db_rows(sct))
			buf_str(why, ": is its name watched (certvigil "
			    "doctor), or do they merge late?");
		json_object_set(detail, "scts", logs);
		rc = 0;
	}
	db_free(cov);
	db_free(sct);
	json_decref(logs);
	return rc;
}

/* --- the finding --------------------------------------------------------------- */

static int
missed(struct db *db, const struct canary *c, int64_t poll,
    const struct db_res *r, struct err *e)
{
	struct buf	 why = BUF_INIT;
	json_t		*detail = json_object();
	struct span	 tbs = db_bytes(r, 0, CANARY_TBS);
	struct finding	 f = { .kind = KIND, .subject = c->name, .owner = "",
	    .watch = "", .name = c->name, .severity = "high",
	    .issuer_first_seen = INT64_MIN };
	char		*text;
	int		 rc = 0;

	json_object_set_new(detail, "within_seconds",
	    json_integer(c->within));
	json_object_set_new(detail, "at", row_time(r, 0, CANARY_AT));
	json_object_set_new(detail, "tbs_sha256", row_hex(r, 0, CANARY_TBS));
	if (db_bool(r, 0, CANARY_LATE)) {
		buf_fmt(&why, "a certificate for the canary was %s ",
		    tbs.n != 0 ? "received" : "declared");
		blind_state_span(db_int(r, 0, CANARY_AGE), &why);
		buf_str(&why, " ago, and no log showed it to us within ");
		blind_state_span(c->within, &why);
		if (tbs.n != 0)
			rc = promised(db, poll, &tbs, &why, detail, e);
	} else {
		buf_str(&why, "no certificate for the canary was ordered for ");
		blind_state_span(db_int(r, 0, CANARY_AGE), &why);
		buf_str(&why, " (canary.every): is it managed, and can it be "
		    "renewed?");
	}
	text = json_dumps(detail, JSON_COMPACT);
	f.reason = buf_text(&why);
	f.detail = text;
	if (rc == 0)
		rc = finding_open(db, &f, NULL, NULL, e);
	free(text);
	json_decref(detail);
	buf_free(&why);
	return rc;
}

/* Findings about names that are the canary no more. */
static int
others(struct db *db, const char *name, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = canary_others(db, name, &r, e);

	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = finding_resolve(db, KIND, db_text(r, i, 0), "",
		    "it is not the canary any more", e);
	db_free(r);
	return rc;
}

int
canary_find_time(struct db *db, const struct conf *conf, int64_t settle,
    struct err *e)
{
	struct canary	 c = { NULL, conf->canary_within,
			    conf->canary_every };
	struct db_res	*r = NULL;
	char		*name;
	int		 rc, settled = 1;

	if (conf->canary_name == NULL)
		return others(db, NULL, e);
	c.name = name = canary_name(conf);
	rc = others(db, name, e);
	if (rc == 0)
		rc = canary_due(db, &c, e);
	if (rc == 0)
		rc = canary_load(db, &c, &r, e);
	if (rc == 0 && (db_bool(r, 0, CANARY_LATE) ||
	    db_bool(r, 0, CANARY_QUIET))) {
		if (settle > 0)
			rc = blind_store_settled(db, settle, &settled, e);
		if (rc == 0 && settled)
			rc = missed(db, &c, conf->poll, r, e);
	} else if (rc == 0)
		rc = finding_resolve(db, KIND, name, "",
		    db_null(r, 0, CANARY_SEEN_AT) ? "no certificate of the "
		    "canary is late" : "a log shows the newest certificate of "
		    "the canary", e);
	db_free(r);
	free(name);
	return rc;
}
