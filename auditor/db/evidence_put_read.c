#include "auditor/db/evidence_put.h"
#include "auditor/evidence_json.h"
#include "base/sha.h"

/* What days and stretches of history have in common. */

void
evidence_put_head_sha(json_t *o, const char *key, struct span raw)
{
	uint8_t	sha[32];

	sha_256(sha, raw.p, raw.n);
	json_object_set_new(o, key, evidence_hex(sha, 32));
}

json_t *
evidence_put_read(struct evidence *ev, const struct db_res *r, size_t i,
    const char *type, struct evidence_ref *ref, struct err *e)
{
	struct span	raw = db_bytes(r, i, EVIDENCE_READ_RAW);
	json_t		*o;

	ref->onward = db_bytes(r, i, EVIDENCE_READ_PROOF);
	ref->head = evidence_head(ev, evidence_put_log(ev, r, i, 0),
	    db_text(r, i, EVIDENCE_READ_FORM), raw, e);
	if (ref->head == -1)
		return NULL;
	o = evidence_begun(type);
	evidence_put_head_sha(o, "head_sha256", raw);
	json_object_set_new(o, "log_id", evidence_b64(db_bytes(r, i, 0).p,
	    32));
	json_object_set_new(o, "size_from", json_integer(db_int(r, i,
	    EVIDENCE_READ_FROM)));
	json_object_set_new(o, "size_to", json_integer(db_int(r, i,
	    EVIDENCE_READ_TO)));
	json_object_set_new(o, "root_hash", evidence_hex(db_bytes(r, i,
	    EVIDENCE_READ_ROOT).p, 32));
	if (!db_null(r, i, EVIDENCE_READ_WATCH))
		json_object_set_new(o, "watch_set_sha256", evidence_hex(
		    db_bytes(r, i, EVIDENCE_READ_WATCH).p, 32));
	return o;
}
