#include "auditor/cmd/log_heads.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/signer.h"
#include "auditor/db/row.h"
#include "auditor/db/vantage_store.h"

int
log_heads(struct cmd_ctx *ctx, const char *path)
{
	static const struct {
		const char	*key;
		json_t		*(*get)(const struct db_res *, size_t, size_t);
	} fields[] = {
		{ "log_id", row_b64 }, { "form", row_str }, { "raw", row_b64 },
		{ "tree_size", row_int }, { "timestamp", row_int },
		{ "root_hash", row_hex }, { "seen_at", row_time },
	};
	struct db_res	*r = NULL;
	struct buf	 out = BUF_INIT;
	struct err	 e = ERR_INIT;
	json_t		*o;
	char		*text;
	size_t		 i, k;
	int		 rc;

	/* what the logs showed us, not what others told us of them */
	if (cmd_db(ctx, &e) == -1 || db_query(ctx->db, &r, &e, "select "
	    "l.log_id, t.form, t.raw, t.tree_size, t.timestamp_ms, "
	    "t.root_hash, t.last_seen from log l join lateral (select * from "
	    "tree_head h where h.log_ref = l.id and h.verdict = 'valid' and "
	    "not " VANTAGE_TOLD("h.id")
	    " order by h.last_seen desc limit 3) t on true "
	    "where l.watched and l.listed order by l.id, t.tree_size", "")
	    == -1)
		return cmd_fail(&e);
	for (i = 0; i < db_rows(r); i++) {
		o = json_object();
		for (k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
			json_object_set_new(o, fields[k].key,
			    fields[k].get(r, i, k));
		text = json_dumps(o, JSON_COMPACT);
		buf_str(&out, text);
		buf_str(&out, "\n");
		free(text);
		json_decref(o);
	}
	db_free(r);
	rc = signer_write(path, &out, &e) == -1 ? cmd_fail(&e) : 0;
	buf_free(&out);
	return rc;
}

int
log_heads_show(struct cmd_ctx *ctx, json_t *o, const struct span *log_id,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(ctx->db, &r, e, "select "
	    "(select count(*) from tree_head t where t.log_ref = l.id), "
	    "(select count(*) from tree_head t where t.log_ref = l.id and "
	    "t.verdict = 'valid' and t.consistency = 'pending'), "
	    "(select count(*) from tree_head t where t.log_ref = l.id and "
	    "t.consistency = 'conflict'), "
	    "(select json_agg(json_build_object('witness', c.witness, "
	    "'valid', c.valid, 'stated_at', " ROW_RFC3339("c.stated_at") ") "
	    "order by c.witness) from log_health h join cosignature c on "
	    "c.head_id = h.head_id where h.log_ref = l.id)::text, "
	    "(select json_agg(json_build_object('source', x.source, "
	    "'heads', x.n, 'tree_size', x.size, 'last_seen', "
	    ROW_RFC3339("x.seen") ") order by x.source) from (select "
	    "v.source, count(*) as n, max(t.tree_size) as size, "
	    "max(v.last_seen) as seen from vantage_head v join tree_head t "
	    "on t.id = v.head_id where t.log_ref = l.id group by v.source) "
	    "x)::text from log l where l.log_id = $1", "b", log_id) == -1)
		return -1;
	if (db_rows(r) != 0) {
		json_object_set_new(o, "heads_stored", row_int(r, 0, 0));
		json_object_set_new(o, "heads_pending", row_int(r, 0, 1));
		json_object_set_new(o, "heads_conflicting", row_int(r, 0, 2));
		json_object_set_new(o, "cosigned", row_json(r, 0, 3));
		json_object_set_new(o, "vantage", row_json(r, 0, 4));
	}
	db_free(r);
	return 0;
}
