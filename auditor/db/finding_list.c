#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/db/finding.h"
#include "auditor/db/row.h"
#include "base/clk.h"
#include "base/limit.h"

#define DIGEST_LIST 30	/* findings that a part of the digest lists */

const char finding_cols[] =
    "f.id, f.kind, f.severity, f.state, f.watch, f.owner, f.name, f.subject, "
    "f.reason, f.rule, f.first_seen, f.last_seen, f.proven, f.issuer_owner, "
    "f.issuer_first_seen, f.key_status, f.caa, f.served_at, "
    "f.nearest_source, f.ca_contact, f.logs, f.detail::text, f.digest_only, "
    "f.dedupe_key, f.author, f.decided_at, f.decided_reason";

enum col { ID, KIND, SEVERITY, STATE, WATCH, OWNER, NAME, SUBJECT, REASON,
	RULE, FIRST_SEEN, LAST_SEEN, PROVEN, ISSUER_OWNER, ISSUER_FIRST_SEEN,
	KEY_STATUS, CAA, SERVED_AT, NEAREST_SOURCE, CA_CONTACT, LOGS, DETAIL,
	DIGEST_ONLY, DEDUPE_KEY, AUTHOR, DECIDED_AT, DECIDED_REASON, NCOLS };

_Static_assert(NCOLS == FINDING_NCOLS, "finding_cols and enum col differ");

static json_t *
detail(const char *s)
{
	json_t *o;

	o = json_loads(s, 0, NULL);
	return o == NULL ? json_object() : o;
}

json_t *
finding_row(const struct db_res *res, size_t i, size_t c)
{
	/* The order of contract.md; what it does not name comes last. */
	static const struct {
		const char	*key;
		enum col	 col;
		json_t		*(*get)(const struct db_res *, size_t, size_t);
	} cols[] = {
		{ "kind", KIND, row_str }, { "severity", SEVERITY, row_str },
		{ "state", STATE, row_str }, { "watch", WATCH, row_str },
		{ "owner", OWNER, row_str }, { "name", NAME, row_str },
		{ "subject", SUBJECT, row_str }, { "reason", REASON, row_str },
		{ "first_seen", FIRST_SEEN, row_time },
		{ "last_seen", LAST_SEEN, row_time },
		{ "issuer_owner", ISSUER_OWNER, row_str },
		{ "issuer_first_seen", ISSUER_FIRST_SEEN, row_time },
		{ "key_status", KEY_STATUS, row_str }, { "caa", CAA, row_str },
		{ "served_at", SERVED_AT, row_strs },
		{ "nearest_source", NEAREST_SOURCE, row_str },
		{ "ca_contact", CA_CONTACT, row_str },
		{ "logs", LOGS, row_strs },
		{ "dedupe_key", DEDUPE_KEY, row_str },
		{ "author", AUTHOR, row_str },
		{ "decided_at", DECIDED_AT, row_time },
		{ "decided_reason", DECIDED_REASON, row_str },
	};
	json_t *o;
	size_t k;
	int64_t id;

	o = json_object();
	id = db_int(res, i, c + ID);
	json_object_set_new(o, "id", json_integer(id));
	for (k = 0; k < sizeof(cols) / sizeof(cols[0]); k++)
		json_object_set_new(o, cols[k].key,
		    cols[k].get(res, i, c + cols[k].col));
	json_object_set_new(o, "rule", row_int(res, i, c + RULE));
	json_object_set_new(o, "proven",
	    json_boolean(db_bool(res, i, c + PROVEN)));
	json_object_set_new(o, "digest_only",
	    json_boolean(db_bool(res, i, c + DIGEST_ONLY)));
	json_object_set_new(o, "detail", detail(db_text(res, i, c + DETAIL)));
	json_object_set_new(o, "next", message_next(o));
	return o;
}

#define RANK(s) "array_position(array['critical','high','medium','low'," \
	"'info'], " s ")"

static json_t *
rows(struct db_res *res)
{
	json_t *a;
	size_t i;

	a = json_array();
	for (i = 0; i < db_rows(res); i++)
		json_array_append_new(a, finding_row(res, i, 0));
	db_free(res);
	return a;
}

json_t *
finding_list(struct db *db, const struct finding_filter *q, struct err *e)
{
	struct db_res *res = NULL;
	char sql[2400];
	int64_t limit;

	limit = q->limit == 0 || q->limit > LIMIT_FINDING_PAGE ?
	    LIMIT_FINDING_PAGE : (int64_t)q->limit;
	snprintf(sql, sizeof(sql), "select %s from finding f where "
	    "($1::bigint = 0 or f.id = $1) and f.id > $2 and "
	    "($3::timestamptz is null or f.last_seen >= $3) and "
	    "(not $4::boolean or f.state in ('open', 'acked', 'rejected')) "
	    "and (not $5::boolean or f.digest_only or exists (select from "
	    "finding_event v where v.finding_id = f.id and "
	    "v.muted_by is not null)) and "
	    "($6::text is null or " RANK("f.severity") " <= " RANK("$6") ") "
	    "and ($7::text is null or f.kind = $7) "
	    "and ($8::text is null or f.owner = $8) "
	    "and ($9::text is null or f.subject = $9) "
	    "order by f.id limit $10::bigint", finding_cols);
	if (db_query(db, &res, e, sql, "iitBBssssi", q->id, q->after,
	    q->since == 0 ? INT64_MIN : q->since, q->open, q->silenced,
	    q->severity, q->kind, q->owner, q->subject, limit) == -1)
		return NULL;
	return rows(res);
}

json_t *
finding_load(struct db *db, int64_t id, struct err *e)
{
	struct finding_filter q = { .id = id };
	json_t *a, *o;

	if (id <= 0) {
		err_set(e, ERR_NOENT, "there is no finding %lld",
		    (long long)id);
		return NULL;
	}
	if ((a = finding_list(db, &q, e)) == NULL)
		return NULL;
	if ((o = json_incref(json_array_get(a, 0))) == NULL)
		err_set(e, ERR_NOENT, "there is no finding %lld; "
		    "\"certvigil findings\" lists them", (long long)id);
	json_decref(a);
	return o;
}

/* An issuance that a rule kept silent, in the form of a finding. */
static json_t *
silent_row(const struct db_res *res, size_t i)
{
	json_t *o, *names;

	names = row_strs(res, i, 1);
	o = json_object();
	json_object_set_new(o, "id", json_null());
	json_object_set_new(o, "kind", json_string("certificate.silent"));
	json_object_set_new(o, "severity", json_string("info"));
	json_object_set_new(o, "state", json_string("accepted"));
	json_object_set_new(o, "subject", row_str(res, i, 0));
	json_object_set(o, "name", json_array_size(names) > 0 ?
	    json_array_get(names, 0) : json_null());
	json_object_set_new(o, "issuer_owner", row_str(res, i, 2));
	json_object_set_new(o, "rule", row_int(res, i, 3));
	json_object_set_new(o, "reason", row_str(res, i, 4));
	json_object_set_new(o, "first_seen", row_time(res, i, 5));
	json_object_set_new(o, "last_seen", row_time(res, i, 6));
	json_object_set_new(o, "proven",
	    json_boolean(!db_null(res, i, 7)));
	json_object_set_new(o, "detail", json_pack("{s:o, s:o}", "names",
	    names, "spki_sha256", row_str(res, i, 8)));
	return o;
}

#define SILENT "select encode(tbs_sha256, 'hex'), names[1:50], " \
	"issuer_owner, rule, rule_reason, first_seen, " \
	"coalesce(decided_at, first_seen), logged_at, " \
	"encode(spki_sha256, 'hex') from issuance where decision = 'silent' "

json_t *
finding_silent(struct db *db, int64_t since, size_t limit, struct err *e)
{
	struct db_res *res = NULL;
	json_t *a;
	size_t i;

	if (db_query(db, &res, e, SILENT "and ($1::timestamptz is null or "
	    "first_seen >= $1) order by first_seen, tbs_sha256 "
	    "limit $2::bigint", "ti", since == 0 ? INT64_MIN : since,
	    (int64_t)limit) == -1)
		return NULL;
	a = json_array();
	for (i = 0; i < db_rows(res); i++)
		json_array_append_new(a, silent_row(res, i));
	db_free(res);
	return a;
}

/* {"count", "list"} of the findings that had such an event. */
static json_t *
digest_part(struct db *db, const char *where, int64_t since, int64_t until,
    struct err *e)
{
	struct db_res *res = NULL;
	char sql[1600];
	int64_t n;

	snprintf(sql, sizeof(sql), "select count(distinct v.finding_id) from "
	    "finding_event v join finding f on f.id = v.finding_id where "
	    "v.at >= $1 and v.at < $2 and %s", where);
	if (db_query(db, &res, e, sql, "tt", since, until) == -1)
		return NULL;
	n = db_int(res, 0, 0);
	db_free(res);
	snprintf(sql, sizeof(sql), "select %s from finding f where f.id in "
	    "(select v.finding_id from finding_event v join finding f on "
	    "f.id = v.finding_id where v.at >= $1 and v.at < $2 and %s) "
	    "order by f.id limit %d", finding_cols, where, DIGEST_LIST);
	if (db_query(db, &res, e, sql, "tt", since, until) == -1)
		return NULL;
	return json_pack("{s:I, s:o}", "count", (json_int_t)n, "list",
	    rows(res));
}

static json_t *
digest_silent(struct db *db, int64_t since, int64_t until, struct err *e)
{
	struct db_res *res = NULL;
	json_t *a;
	int64_t n;
	size_t i;

	if (db_query(db, &res, e, "select count(*) from issuance where "
	    "decision = 'silent' and decided_at >= $1 and decided_at < $2",
	    "tt", since, until) == -1)
		return NULL;
	n = db_int(res, 0, 0);
	db_free(res);
	if (db_query(db, &res, e, SILENT "and decided_at >= $1 and "
	    "decided_at < $2 order by decided_at, tbs_sha256 "
	    "limit $3::bigint", "tti", since, until,
	    (int64_t)DIGEST_LIST) == -1)
		return NULL;
	a = json_array();
	for (i = 0; i < db_rows(res); i++)
		json_array_append_new(a, silent_row(res, i));
	db_free(res);
	return json_pack("{s:I, s:o}", "count", (json_int_t)n, "list", a);
}

static json_t *
digest_open(struct db *db, struct err *e)
{
	struct db_res *res = NULL;
	json_t *o;
	size_t i;

	if (db_query(db, &res, e, "select severity, count(*) from finding f "
	    "where state in ('open', 'acked', 'rejected') group by severity "
	    "order by " RANK("severity"), "") == -1)
		return NULL;
	o = json_object();
	for (i = 0; i < db_rows(res); i++)
		json_object_set_new(o, db_text(res, i, 0),
		    json_integer(db_int(res, i, 1)));
	db_free(res);
	return o;
}

json_t *
finding_digest(struct db *db, int64_t since, int64_t until, struct err *e)
{
	static const struct {
		const char	*key;
		const char	*where;
	} parts[] = {
		{ "lowered", "v.event = 'opened' and f.digest_only" },
		{ "muted", "v.muted_by is not null" },
		{ "resolved", "v.event = 'resolved'" },
		{ "retracted", "v.event = 'retracted'" },
	};
	json_t *o, *v;
	char from[CLK_TEXT], to[CLK_TEXT];
	size_t i;

	o = json_pack("{s:s, s:s}", "since", clk_text(since, from), "until",
	    clk_text(until, to));
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		v = digest_part(db, parts[i].where, since, until, e);
		if (v == NULL)
			goto err;
		json_object_set_new(o, parts[i].key, v);
	}
	if ((v = digest_silent(db, since, until, e)) == NULL)
		goto err;
	json_object_set_new(o, "silent", v);
	if ((v = digest_open(db, e)) == NULL)
		goto err;
	json_object_set_new(o, "open", v);
	return o;
err:
	json_decref(o);
	return NULL;
}
