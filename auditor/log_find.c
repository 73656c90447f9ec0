#include "auditor/log_find.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/evidence_flip.h"
#include "base/enc.h"
#include "base/log.h"

static int
open_finding(struct db *db, const struct log_row *l, const char *severity,
    const char *reason, const json_t *detail, struct err *e)
{
	const char	*logs[1] = { l->description };
	struct buf	 id = BUF_INIT;
	struct finding	 f = { .kind = "log.misbehaved",
	    .severity = severity, .owner = "", .watch = "",
	    .reason = reason, .proven = 1, .name = l->description,
	    .issuer_first_seen = INT64_MIN, .logs = { logs, 1 } };
	char		*text = json_dumps(detail, JSON_COMPACT);
	int		 rc, fresh = 0;

	enc_b64(&id, l->log_id, 32);
	f.subject = buf_text(&id);
	f.detail = text;
	rc = finding_open(db, &f, NULL, &fresh, e);
	if (fresh)
		log_error(l->description, "misbehaves: %s", reason);
	buf_free(&id);
	free(text);
	return rc;
}

static int
flip_open(struct db *db, const struct log_row *l, const struct db_res *r,
    size_t i, const struct flip *flip, struct err *e)
{
	json_t	*d;
	char	 why[300], hex[65];
	int	 rc;

	(void)enc_hex_to(hex, db_bytes(r, i, 2).p, 32);
	(void)snprintf(why, sizeof(why), "entry %" PRId64 " is not what the "
	    "log signed an SCT for at %" PRId64 " ms: bit 0x%02x of byte %zu "
	    "of its leaf was changed", db_int(r, i, 0), db_int(r, i, 4),
	    flip->mask, flip->at);
	d = json_pack("{ss sI s{sI ss sI sI}}", "what", "flip", "head_id",
	    (json_int_t)db_int(r, i, 5), "flip", "index",
	    (json_int_t)db_int(r, i, 0), "tbs_sha256", hex, "at",
	    (json_int_t)flip->at, "mask", (json_int_t)flip->mask);
	rc = open_finding(db, l, "critical", why, d, e);
	json_decref(d);
	return rc;
}

int
log_find_flips(struct db *db, const struct log_row *l, int *yes,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 }, leaf;
	struct flip	 flip;
	size_t		 i;
	int		 rc = 0, found = 0;

	/* entries that cannot be right are few: from there to the promises */
	if (db_query(db, &r, e, "select e.index, e.leaf, s.tbs_sha256, "
	    "s.leaf_hash, s.timestamp_ms, e.head_id from ((select x.index, "
	    "x.leaf, x.leaf_hash, x.timestamp_ms, x.head_id from issuance i "
	    "join lateral (select * from entry where log_ref = $1 and "
	    "tbs_sha256 = i.tbs_sha256 limit 8) x on true where i.issued = "
	    "'invalid') union all (select index, leaf, leaf_hash, "
	    "timestamp_ms, head_id from entry where log_ref = $1 and "
	    "malformed)) e join lateral (select * from sct where log_id = $2 "
	    "and timestamp_ms = e.timestamp_ms and status in ('valid', "
	    "'not_counted') and length(leaf_hash) = 32 and "
	    "leaf_hash <> e.leaf_hash limit 8) s on true where e.head_id is "
	    "not null and not exists (select from finding where kind = "
	    "'log.misbehaved' and subject = encode($2, 'base64') and "
	    "detail ? 'flip') order by e.index limit 64", "ib", (int64_t)l->id, &id)
	    == -1)
		return -1;
	for (i = 0; i < db_rows(r) && !found; i++) {
		leaf = db_bytes(r, i, 1);
		if (!flip_find(leaf, db_bytes(r, i, 3).p, &flip) ||
		    !evidence_flip_same(leaf, &flip))
			continue;
		found = 1;
		rc = flip_open(db, l, r, i, &flip, e);
	}
	db_free(r);
	*yes = found;
	return rc;
}

int
log_find_entry(struct db *db, const struct log_row *l,
    const struct log_entry *in, struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 id = { l->log_id, 32 };
	json_t		*d;
	int		 worse, rc;

	if (db_query(db, &r, e, "select exists (select from finding where "
	    "kind = 'log.misbehaved' and subject = encode($1, 'base64') and "
	    "severity = 'critical' and state <> 'resolved')", "b", &id) == -1)
		return -1;
	worse = db_bool(r, 0, 0);
	db_free(r);
	d = json_pack("{s{sI ss}}", "outside", "index", (json_int_t)in->index,
	    "what", in->what);
	if (!worse) {
		json_object_set_new(d, "what", json_string(in->what));
		json_object_set_new(d, "head_id", json_integer(in->head_id));
	}
	rc = open_finding(db, l, "medium", in->reason, d, e);
	json_decref(d);
	return rc;
}
