#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/outbox.h"
#include "base/clk.h"
#include "base/mem.h"
#include "pki/pem.h"

/* The events that are told, as static text. */
static const char *
event_name(const char *s)
{
	static const char *const names[] = { "opened", "escalated",
		"resolved", "retracted", "acked" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], s) == 0)
			return names[i];
	return "opened";
}

static const char message_sql[] =
    "select v.event, v.at, cardinality(d.events), %s from delivery d "
    "cross join lateral unnest(d.events) with ordinality u (id, n) "
    "join finding_event v on v.id = u.id "
    "join finding f on f.id = v.finding_id "
    "where d.id = $1 order by u.n limit $2::bigint";

static int
load_findings(struct db *db, const struct outbox_item *it, struct message *m,
    struct err *e)
{
	struct db_res *res = NULL;
	struct buf sql = BUF_INIT;
	json_t *f;
	size_t i, n;
	int rc;

	buf_fmt(&sql, message_sql, finding_cols);
	rc = db_query(db, &res, e, buf_text(&sql), "ii", it->id,
	    (int64_t)LIMIT_MESSAGE_FINDINGS);
	buf_free(&sql);
	if (rc == -1)
		return -1;
	n = db_rows(res);
	for (i = 0; i < n; i++) {
		f = finding_row(res, i, 3);
		json_object_set_new(f, "event",
		    json_string(db_text(res, i, 0)));
		json_array_append_new(m->findings, f);
	}
	if (n > 0) {
		m->event = event_name(db_text(res, 0, 0));
		m->at = db_time(res, 0, 1);
		m->more = (size_t)db_int(res, 0, 2) - n;
	}
	db_free(res);
	if (n == 0)
		return err_set(e, ERR_DB, "delivery %lld has no events",
		    (long long)it->id);
	return 0;
}

int
outbox_message(struct db *db, const struct outbox_item *it, struct message *m,
    struct err *e)
{
	m->id = it->webhook_id;
	m->purpose = it->purpose;
	m->event = NULL;
	m->at = it->added_at;
	m->more = 0;
	m->findings = json_array();
	m->data = NULL;
	if (strcmp(it->purpose, "finding") == 0)
		return load_findings(db, it, m, e);
	m->data = json_loads(it->body == NULL ? "{}" : it->body, 0, NULL);
	if (!json_is_object(m->data)) {
		json_decref(m->data);
		m->data = json_object();
	}
	return 0;
}

json_t *
outbox_failures(struct db *db, const char *channel, size_t limit,
    struct err *e)
{
	struct db_res *res = NULL;
	json_t *a, *o;
	char added[CLK_TEXT], due[CLK_TEXT];
	size_t i;

	if (db_query(db, &res, e, "select id, channel, state, purpose, "
	    "attempts, last_error, last_status, added_at, due_at, "
	    "cardinality(findings) from delivery where ($1::text is null or "
	    "channel = $1) and (state = 'dead' or (state <> 'delivered' and "
	    "last_error is not null)) order by id desc limit $2::bigint",
	    "si", channel, (int64_t)limit) == -1)
		return NULL;
	a = json_array();
	for (i = 0; i < db_rows(res); i++) {
		o = json_pack("{s:I, s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, "
		    "s:I}", "id", (json_int_t)db_int(res, i, 0), "channel",
		    db_text(res, i, 1), "state", db_text(res, i, 2),
		    "purpose", db_text(res, i, 3), "attempts",
		    (json_int_t)db_int(res, i, 4), "error",
		    db_text(res, i, 5), "status",
		    (json_int_t)db_int(res, i, 6), "added_at",
		    clk_text(db_time(res, i, 7), added), "due_at",
		    clk_text(db_time(res, i, 8), due), "findings",
		    (json_int_t)db_int(res, i, 9));
		json_array_append_new(a, o);
	}
	db_free(res);
	return a;
}

static int
cert_entry(struct db *db, const char *tbs, struct exec_cert *c, struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "select l.url, n.index, n.entry_type, "
	    "encode(n.leaf_hash, 'base64'), encode(n.cert_sha256, 'hex') "
	    "from entry n join log l on l.id = n.log_ref where n.tbs_sha256 = "
	    "decode($1, 'hex') order by n.entry_type = 'x509' desc, "
	    "n.timestamp_ms limit 1", "s", tbs) == -1)
		return -1;
	if (db_rows(res) > 0) {
		c->log_uri = mem_str(db_text(res, 0, 0));
		c->index = db_int(res, 0, 1);
		c->cert_type = mem_str(db_text(res, 0, 2));
		c->leaf_hash = mem_str(db_text(res, 0, 3));
		c->cert_sha256 = mem_str(db_text(res, 0, 4));
	}
	db_free(res);
	return 0;
}

static int
cert_issuance(struct db *db, const char *tbs, struct exec_cert *c,
    struct err *e)
{
	struct db_res *res = NULL;
	char **v;
	size_t i, n;

	if (db_query(db, &res, e, "select encode(spki_sha256, 'hex'), serial, "
	    "not_before, not_after, names from issuance where tbs_sha256 = "
	    "decode($1, 'hex')", "s", tbs) == -1)
		return -1;
	if (db_rows(res) > 0) {
		c->spki_sha256 = mem_str(db_text(res, 0, 0));
		c->serial = mem_str(db_text(res, 0, 1));
		c->not_before = db_time(res, 0, 2);
		c->not_after = db_time(res, 0, 3);
		c->names = json_array();
		v = db_strv(res, 0, 4, &n);
		for (i = 0; i < n; i++)
			json_array_append_new(c->names, json_string(v[i]));
		free(v);
	}
	db_free(res);
	return 0;
}

/* The final certificate rather than the precertificate, then its chain. */
static int
cert_pem(struct db *db, const char *tbs, struct exec_cert *c, struct err *e)
{
	struct db_res *res = NULL;
	size_t i;

	if (db_query(db, &res, e, "with c as (select der, chain from "
	    "certificate where tbs_sha256 = decode($1, 'hex') order by "
	    "form = 'x509' desc limit 1) select der, 0::bigint as n from c "
	    "union all select i.der, u.n from c cross join lateral "
	    "unnest(c.chain) with ordinality u (sha, n) "
	    "join issuer i on i.sha256 = u.sha order by n", "s", tbs) == -1)
		return -1;
	for (i = 0; i < db_rows(res); i++)
		pem_put(&c->pem, "CERTIFICATE", db_bytes(res, i, 0));
	db_free(res);
	return 0;
}

int
outbox_cert(struct db *db, const char *tbs, struct exec_cert *c,
    struct err *e)
{
	if (strlen(tbs) != 64 || strspn(tbs, "0123456789abcdef") != 64)
		return 0;
	if (cert_entry(db, tbs, c, e) == -1 ||
	    cert_issuance(db, tbs, c, e) == -1 ||
	    cert_pem(db, tbs, c, e) == -1)
		return -1;
	return 0;
}
