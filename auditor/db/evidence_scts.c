#include <stdio.h>
#include <string.h>

#include "auditor/db/evidence_put.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/incl.h"

/* SCTs, and promises that were not kept. */

enum { S_RAW = EVIDENCE_LOG_N, S_SOURCE, S_LEAF, S_INDEX, S_MS, S_MMD,
	S_BROKEN, S_CHECKED, S_ERROR, S_FORM, S_HEAD, S_SIZE, S_ROOT,
	S_KNOWN };

/* The request that asks for the leaf again; "" when none can. */
static void
question(const struct db_res *r, size_t i, char *out, size_t cap)
{
	struct incl	in;
	struct http_req	req;
	int		tiles = strcmp(db_text(r, i, 4), "static") == 0;

	out[0] = '\0';
	if (incl_start(&in, tiles, db_text(r, i, 6), db_bytes(r, i, S_LEAF).p,
	    db_null(r, i, S_INDEX) ? -1 : db_int(r, i, S_INDEX),
	    (uint64_t)db_int(r, i, S_SIZE), db_bytes(r, i, S_ROOT).p) == 0 &&
	    in.state == INCL_ASK && incl_request(&in, 0, &req) == 0)
		(void)snprintf(out, cap, "%s", req.url);
}

/* That a leaf was not in the tree of a head that is late enough. */
static int
put_absence(struct evidence *ev, const struct db_res *r, size_t i, int sct,
    struct err *e)
{
	struct evidence_ref	 ref = EVIDENCE_NO_REF;
	struct span		 raw = db_bytes(r, i, S_HEAD);
	json_t			*o;
	uint8_t			 sha[32];
	char			 url[HTTP_URL_MAX];
	int			 log = evidence_put_log(ev, r, i, 0), at;

	ref.sct = sct;
	ref.head = evidence_head(ev, log, db_text(r, i, S_FORM), raw, e);
	if (ref.head == -1)
		return -1;
	question(r, i, url, sizeof(url));
	sha_256(sha, raw.p, raw.n);
	o = evidence_begun(EVIDENCE_ABSENCE);
	json_object_set_new(o, "log_id", evidence_b64(db_bytes(r, i, 0).p,
	    32));
	json_object_set_new(o, "leaf_hash", evidence_hex(db_bytes(r, i,
	    S_LEAF).p, 32));
	json_object_set_new(o, "timestamp", json_integer(db_int(r, i, S_MS)));
	json_object_set_new(o, "mmd", json_integer(db_int(r, i, S_MMD)));
	json_object_set_new(o, "tree_size", json_integer(db_int(r, i,
	    S_SIZE)));
	json_object_set_new(o, "head_sha256", evidence_hex(sha, 32));
	json_object_set_new(o, "question", json_string(strcmp(db_text(r, i,
	    4), "static") == 0 ? "tile" : "get-proof-by-hash"));
	json_object_set_new(o, "answer", evidence_text(db_text(r, i,
	    S_ERROR)));
	json_object_set_new(o, "asked_at", evidence_moment(db_time(r, i,
	    S_CHECKED)));
	if (url[0] != '\0')
		json_object_set_new(o, "url", evidence_text(url));
	if ((at = evidence_attest(ev, o, &ref, e)) == -1 ||
	    evidence_recheck(ev, log, EVIDENCE_ASK_HEAD, 0, 0, e) == -1)
		return -1;
	return url[0] == '\0' ? 0 : evidence_recheck_of(ev, at,
	    EVIDENCE_ASK_ABSENCE, e);
}

/* The certificate that an SCT of this source came with; -1. */
static int
certificate_of(const struct evidence_held *held, const char *source)
{
	size_t	i;

	/* a precertificate holds none, but what is over it needs no more */
	for (i = 0; i < held->n; i++)
		if (held->v[i].final)
			return held->v[i].number;
	return held->n != 0 && strcmp(source, "certificate") != 0 ?
	    held->v[0].number : -1;
}

static int
put_sct(struct evidence *ev, const struct db_res *r, size_t i,
    const struct evidence_held *held, struct err *e)
{
	const char	*source = db_text(r, i, S_SOURCE);
	struct err	 why = ERR_INIT;
	int		 certificate = certificate_of(held, source), n;

	if (certificate == -1)
		return 0;
	n = evidence_sct(ev, db_bool(r, i, S_KNOWN) ?
	    evidence_put_log(ev, r, i, 0) : -1, certificate, source,
	    db_bytes(r, i, S_RAW), &why);
	if (n == -1 && why.code == ERR_LIMIT)
		return err_set(e, why.code, "%s", why.msg);
	/* not in this certificate, but in another of the same issuance */
	if (n == -1 || !db_bool(r, i, S_BROKEN))
		return 0;
	return put_absence(ev, r, i, n, e);
}

int
evidence_put_scts(struct db *db, const struct span *tbs, struct evidence *ev,
    const struct evidence_held *held, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	/* a broken promise: the head that it was asked of is late enough */
	if (db_query(db, &r, e, "select " EVIDENCE_LOG_COLS ", s.raw, "
	    "s.source, s.leaf_hash, s.leaf_index, s.timestamp_ms, l.mmd, "
	    "coalesce(s.inclusion = 'violated' and s.status <> "
	    "'bad_signature' and s.leaf_hash is not null and s.checked_at is "
	    "not null and t.timestamp_ms >= s.timestamp_ms + l.mmd * "
	    "1000::bigint, false), s.checked_at, coalesce(s.last_error, "
	    "'no such leaf'), t.form, t.raw, t.tree_size, t.root_hash, "
	    "l.id is not null from sct s left join (log l "
	    EVIDENCE_LOG_JOIN ") on l.log_id = s.log_id "
	    "left join tree_head t on t.id = s.head_id "
	    "where s.tbs_sha256 = $1 order by s.timestamp_ms, s.log_id "
	    "limit $2", "bi", tbs, (int64_t)LIMIT_SCTS) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		rc = put_sct(ev, r, i, held, e);
	db_free(r);
	return rc == -1 ? -1 : 0;
}
