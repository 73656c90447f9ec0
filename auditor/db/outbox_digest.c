#include <stdlib.h>
#include <string.h>

#include "auditor/alert/digest.h"
#include "auditor/db/finding.h"
#include "auditor/db/outbox.h"

#define TEXT_MAX 10000	/* so that a webhook stays below its limit */

/*
 * Where the last digest ended, with its row locked; INT64_MAX when the row
 * was made just now.
 */
static int
last_end(struct db *db, int64_t due, int64_t *end, struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "insert into work (kind, subject, due_at, "
	    "detail) values ('digest', '', 'infinity', "
	    "jsonb_build_object('until', $1::bigint)) on conflict do nothing "
	    "returning id", "i", due) == -1)
		return -1;
	*end = db_rows(res) > 0 ? INT64_MAX : 0;
	db_free(res);
	if (*end == INT64_MAX)
		return 0;
	if (db_query(db, &res, e, "select (detail->>'until')::bigint from "
	    "work where kind = 'digest' and subject = '' for update",
	    "") == -1)
		return -1;
	*end = db_int(res, 0, 0);
	db_free(res);
	return 0;
}

/* Lists become lists of ids: the text has the rest. */
static json_t *
compact(json_t *digest)
{
	static const char *const parts[] = { "lowered", "muted", "silent",
		"resolved", "retracted" };
	struct buf text = BUF_INIT;
	json_t *ids, *part, *v;
	size_t i, k;

	digest_text(digest, TEXT_MAX, &text);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = json_object_get(digest, parts[i]);
		ids = json_array();
		json_array_foreach(json_object_get(part, "list"), k, v)
			if (json_is_integer(json_object_get(v, "id")))
				json_array_append(ids,
				    json_object_get(v, "id"));
		json_object_set_new(part, "findings", ids);
		json_object_del(part, "list");
	}
	json_object_set_new(digest, "text", json_string(buf_text(&text)));
	buf_free(&text);
	return digest;
}

static int
post_all(struct db *db, const struct conf_strs *to, const char *body,
    struct err *e)
{
	struct channel *c = NULL;
	size_t i, k, n;
	int rc, wanted;

	if (channel_list(db, &c, &n, e) == -1)
		return -1;
	rc = 0;
	for (i = 0; i < n && rc == 0; i++) {
		wanted = to->n == 0;
		for (k = 0; k < to->n; k++)
			wanted |= strcmp(to->v[k], c[i].conf.name) == 0;
		if (wanted && !c[i].disabled)
			rc = outbox_post(db, c[i].conf.name, "digest", body,
			    NULL, e);
	}
	channel_free(c, n);
	return rc;
}

static int
send_one(struct db *db, const struct conf_strs *to, const int64_t range[2],
    struct err *e)
{
	json_t *d;
	char *body;
	int rc;

	if ((d = finding_digest(db, range[0], range[1], e)) == NULL)
		return -1;
	body = json_dumps(compact(d), JSON_COMPACT);
	json_decref(d);
	rc = post_all(db, to, body, e);
	free(body);
	if (rc == -1)
		return -1;
	return db_query(db, NULL, e, "update work set detail = "
	    "jsonb_build_object('until', $1::bigint) where kind = 'digest' "
	    "and subject = ''", "i", range[1]);
}

int
outbox_digest(struct db *db, const struct conf_strs *to, int64_t due,
    int *sent, struct err *e)
{
	int64_t range[2];

	*sent = 0;
	if (db_begin(db, e) == -1)
		return -1;
	range[1] = due;
	if (last_end(db, due, &range[0], e) == -1)
		goto err;
	if (range[0] < due) {
		if (send_one(db, to, range, e) == -1)
			goto err;
		*sent = 1;
	}
	if (db_commit(db, e) == 0)
		return 0;
	*sent = 0;
err:
	db_rollback(db);
	return -1;
}
