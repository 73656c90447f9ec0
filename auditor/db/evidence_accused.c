#include "auditor/db/evidence_put.h"

#include <string.h>

#include "auditor/evidence_flip.h"
#include "auditor/evidence_json.h"
#include "base/enc.h"

/* Entries that accuse their log. */

/*
 * The last statement of a valid SCT of this log that promises what entry
 * statement ${entry} was before the bit was changed; -1: there is none.
 */
static int
promise(const struct evidence *ev, const char *id64, int entry,
    const struct flip *flip)
{
	struct buf	 leaf = BUF_INIT;
	const json_t	*o;
	uint8_t		 hash[32];
	char		 hex[65];
	int		 i, last = -1;

	evidence_bytes(evidence_statement(ev, entry), "leaf", &leaf);
	if (flip->at < leaf.n)
		leaf.p[flip->at] ^= flip->mask;
	evidence_leaf_hash(buf_bytes(&leaf), hash);
	buf_free(&leaf);
	(void)enc_hex_to(hex, hash, 32);

	for (i = 0; (o = evidence_statement(ev, i)) != NULL; i++)
		if (strcmp(evidence_str(o, "type"), "sct") == 0 &&
		    strcmp(evidence_str(o, "result"), "valid") == 0 &&
		    strcmp(evidence_str(o, "log_id"), id64) == 0 &&
		    strcmp(evidence_str(o, "leaf_hash"), hex) == 0)
			last = i;
	return last;
}

/* The statement of the entry at ${index}, -1. */
static int
entry_at(const struct evidence *ev, const char *id64, uint64_t index)
{
	const json_t	*o;
	int		 i;

	for (i = 0; (o = evidence_statement(ev, i)) != NULL; i++)
		if (strcmp(evidence_str(o, "type"), "entry") == 0 &&
		    evidence_int(o, "index") == index &&
		    strcmp(evidence_str(evidence_log_at(ev, (int)evidence_int(
		    o, "log")), "log_id"), id64) == 0)
			return i;
	return -1;
}

/* Does entry statement ${entry} show it?  1, 0, -1. */
static int
put_flipped(struct evidence *ev, const char *id64, int entry,
    const struct flip *flip, struct err *e)
{
	int	sct = promise(ev, id64, entry, flip);

	/* without the certificate that it came in, an SCT shows nothing */
	return sct == -1 ? 0 : evidence_flipped(ev, sct, entry, flip, e) != -1 ?
	    1 : -1;
}

/* The certificate that was promised, and the entry that came instead. */
static int
put_flip(struct db *db, const json_t *d, const char *id64,
    struct evidence *ev, struct err *e)
{
	const char		*hex = json_string_value(json_object_get(d,
				    "tbs_sha256"));
	struct evidence_held	 held;
	struct flip		 flip;
	struct span		 tbs;
	struct err		 why = ERR_INIT;
	uint8_t			 hash[32];
	int			 entry;

	if (hex == NULL || enc_unhex_to(hash, 32, hex) == -1)
		return 0;
	tbs = (struct span){ hash, 32 };
	flip.at = (size_t)json_integer_value(json_object_get(d, "at"));
	flip.mask = (uint8_t)json_integer_value(json_object_get(d, "mask"));
	if (evidence_put_issuance(db, &tbs, ev, &held, &why) == -1 ||
	    evidence_put_scts(db, &tbs, ev, &held, &why) == -1)
		return why.code == ERR_NOENT ? 0 :
		    err_set(e, why.code, "%s", why.msg);
	entry = entry_at(ev, id64, (uint64_t)json_integer_value(
	    json_object_get(d, "index")));
	err_clear(&why);
	if (entry != -1 && put_flipped(ev, id64, entry, &flip, &why) == 1)
		return 0;
	/* one that may be another certificate's is shown without it */
	entry = evidence_put_bare(db, id64, json_integer_value(
	    json_object_get(d, "index")), "the issuer's signature does not "
	    "verify, or it cannot be parsed", ev, e);
	if (entry < 0)
		return entry == -2 ? 0 : -1;
	return put_flipped(ev, id64, entry, &flip, e) == -1 ? -1 : 0;
}

/* All that is stored of the entry's issuance. */
static int
put_outside(struct db *db, const json_t *d, const char *id64,
    struct evidence *ev, struct err *e)
{
	struct evidence_held	 held;
	struct db_res		*r = NULL;
	struct span		 tbs;
	int			 rc = 0;

	if (db_query(db, &r, e, "select e.tbs_sha256 from entry e join log l "
	    "on l.id = e.log_ref where encode(l.log_id, 'base64') = $1 and "
	    "e.index = $2 and e.tbs_sha256 is not null", "si", id64,
	    (int64_t)json_integer_value(json_object_get(d, "index"))) == -1)
		return -1;
	if (db_rows(r) != 0) {
		tbs = db_bytes(r, 0, 0);
		rc = evidence_put_issuance(db, &tbs, ev, &held, e);
	}
	db_free(r);
	return rc;
}

int
evidence_put_accused(struct db *db, const json_t *detail, const char *id64,
    struct evidence *ev, struct err *e)
{
	const json_t	*flip = json_object_get(detail, "flip"),
			*flips = json_object_get(detail, "flips"),
			*out = json_object_get(detail, "outside"),
			*faults = json_object_get(detail, "faults"), *late;
	size_t		 i;

	for (i = 0; i < json_array_size(faults); i++) {
		late = json_object_get(json_array_get(faults, i), "entry");
		if (late != NULL && put_outside(db, late, id64, ev, e) == -1)
			return -1;
	}

	/* however large a CA has made the certificates: some can be shown */
	for (i = 0; i < json_array_size(flips) && !evidence_large(ev); i++)
		if (put_flip(db, json_array_get(flips, i), id64, ev, e) == -1)
			return -1;
	if (flips == NULL && flip != NULL &&
	    put_flip(db, flip, id64, ev, e) == -1)
		return -1;
	return out == NULL ? 0 : put_outside(db, out, id64, ev, e);
}
