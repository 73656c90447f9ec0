#include "auditor/db/rev_store.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/audit_sql.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"

/* Sources and what they say; the merge is in rev_merge.c. */

void
rev_source_free(struct rev_source_row *s)
{
	free(s->url);
	buf_free(&s->issuer);
	free(s->fault);
	free(s->number);
	free(s->etag);
	free(s->last_modified);
	memset(s, 0, sizeof(*s));
}

int
rev_source_load(struct db *db, int64_t id, struct rev_source_row *s,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct span	 spki;
	int		 rc = -1;

	memset(s, 0, sizeof(*s));
	if (db_query(db, &r, e, "select s.id, s.kind = 'ocsp', s.url, "
	    "s.issuer_spki_sha256, coalesce(i.der, (select der from issuer j "
	    "where j.spki_sha256 = s.issuer_spki_sha256 limit 1)), s.fault, "
	    "s.failing_since, s.number, s.this_update, s.next_update, s.etag, "
	    "s.last_modified, s.kind = 'ocsp' and (s.probed_at is null or "
	    "s.probed_at < now() - interval '1 day' or s.fault = "
	    "'good_for_unissued') "
	    "from revocation_source s left join issuer i "
	    "on i.sha256 = s.issuer_sha256 where s.id = $1", "i", id) == -1)
		return -1;
	spki = db_rows(r) == 1 ? db_bytes(r, 0, 3) : (struct span){ NULL, 0 };
	if (spki.n != 32) {
		(void)err_set(e, ERR_NOENT, "there is no revocation source "
		    "%lld", (long long)id);
		goto out;
	}
	s->id = id;
	s->is_ocsp = db_bool(r, 0, 1);
	s->url = mem_str(db_text(r, 0, 2));
	memcpy(s->issuer_spki, spki.p, 32);
	buf_span(&s->issuer, db_bytes(r, 0, 4));
	s->fault = mem_str(db_text(r, 0, 5));
	s->failing_since = db_time(r, 0, 6);
	s->number = mem_str(db_text(r, 0, 7));
	s->this_update = db_time(r, 0, 8);
	s->next_update = db_time(r, 0, 9);
	s->etag = mem_str(db_text(r, 0, 10));
	s->last_modified = mem_str(db_text(r, 0, 11));
	s->probe = db_bool(r, 0, 12);
	rc = 0;
out:
	db_free(r);
	return rc;
}

int
rev_source_serials(struct db *db, const struct rev_source_row *s,
    struct db_res **res, struct err *e)
{
	return db_query(db, res, e, "select distinct x.serial, exists (select "
	    "from revocation_status w where w.issuer_spki_sha256 = "
	    "s.issuer_spki_sha256 and w.serial = x.serial and w.source_id = "
	    "s.id) from revocation_source s cross join lateral ("
	    AUDIT_SQL_CRL_SERIALS("s") ") x where s.id = $1", "i", s->id);
}

int
rev_source_again(struct db *db, int64_t id, struct db_res **r, struct err *e)
{
	/* what could not be tried (no issuer at hand) waits as it was told */
	return db_query(db, r, e, "update work w set due_at = now() from "
	    "revocation_source s where ($1 = 0 or s.id = $1) and "
	    "w.kind = s.kind and w.subject = s.id::text and w.holder is null "
	    "and w.attempts = 0 and (s.failing_since is null or (s.kind = "
	    "'ocsp' and s.state = 'faulty')) and exists (select from ("
	    AUDIT_SQL_CRL_SERIALS("s") " union all "
	    AUDIT_SQL_OCSP_SERIALS("s", "and o.due_at <= now()") ") x "
	    "where not exists (select from revocation_status v where "
	    "v.issuer_spki_sha256 = s.issuer_spki_sha256 and v.serial = "
	    "x.serial and v.source_id = s.id)) "
	    "returning w.kind || ':' || w.subject", "i", id);
}

int
rev_source_checked(struct db *db, const struct rev_source_row *s,
    const struct rev_source_state *t, int64_t *since, struct err *e)
{
	struct db_res	*r = NULL;
	int		 good = strcmp(t->state, "good") == 0;

	if (db_query(db, &r, e, "update revocation_source set state = $2, "
	    "fault = nullif($3, ''), why = nullif($4, ''), "
	    "checked_at = now(), ok_at = case when $5 then now() else ok_at "
	    "end, failing_since = case when $5 then null else "
	    "coalesce(failing_since, now()) end, "
	    "this_update = greatest(this_update, $6), "
	    "next_update = case when $5 then coalesce($7, next_update) "
	    "else next_update end, number = case when $5 then coalesce($8, "
	    "number) else number end, sha256 = coalesce($9, sha256), "
	    "bytes = case when $10 < 0 then bytes else $10 end, "
	    "entries = case when $11 < 0 then entries else $11 end, "
	    "etag = case when $5 then coalesce($12, etag) else null end, "
	    "last_modified = case when $5 then coalesce($13, last_modified) "
	    "else null end where id = $1 returning failing_since",
	    "isssBttsbiiss", s->id, t->state, t->fault, t->why, good,
	    good ? t->this_update : INT64_MIN, t->next_update, t->number,
	    &t->sha256, t->bytes, t->entries, t->etag, t->last_modified)
	    == -1)
		return -1;
	if (since != NULL)
		*since = db_rows(r) == 1 ? db_time(r, 0, 0) : INT64_MIN;
	db_free(r);
	return 0;
}

/* --- words ------------------------------------------------------------------ */

static json_t *
hex_or_null(struct span s)
{
	struct buf	b = BUF_INIT;
	json_t		*o;

	if (s.n == 0)
		return json_null();
	enc_hex(&b, s.p, s.n);
	o = json_string(buf_text(&b));
	buf_free(&b);
	return o;
}

static json_t *
time_or_null(int64_t us)
{
	char	t[CLK_TEXT];

	return us == INT64_MIN ? json_null() : json_string(clk_text(us, t));
}

static json_t *
word(const struct rev_word *w)
{
	return json_pack("{ss sb ss so so ss so so so so}",
	    "serial", w->serial,
	    "said", w->said,
	    "status", rev_name(w->status),
	    "reason", w->reason == -1 ? json_null() : json_integer(w->reason),
	    "stated_at", time_or_null(w->stated_at),
	    "refusal", w->refusal != NULL ? w->refusal : "",
	    "fresh_until", time_or_null(w->fresh_until),
	    "form", w->form != NULL ? json_string(w->form) : json_null(),
	    "raw", hex_or_null(w->form != NULL ? w->raw :
	    (struct span){ NULL, 0 }),
	    "sha", hex_or_null(w->sha256));
}

/*
 * History has a row where something changed.  What a CRL does not list is
 * said by its source for all, so that its rows are not touched again.
 */
static const char words_sql[] =
    "with x as (select distinct on (serial) * from "
    "jsonb_to_recordset($1::jsonb) as x(serial text, said boolean, "
    "status text, reason int, "
    "stated_at timestamptz, refusal text, fresh_until timestamptz, form text, "
    "raw text, sha text) order by serial), "
    "c as materialized (select x.*, l.id, l.status as was, l.reason is not "
    "distinct from x.reason and l.stated_at is not distinct from "
    "x.stated_at and l.status = x.status as same from x left join lateral "
    "(select r.id, r.status, r.reason, r.stated_at from revocation_status r "
    "where r.issuer_spki_sha256 = $2 and r.serial = x.serial and "
    "r.source_id = $3 order by r.id desc limit 1) l on true), "
    "u as (update revocation_status r set last_seen = now(), "
    "fresh_until = coalesce(c.fresh_until, r.fresh_until), "
    "refusal = nullif(c.refusal, '') from c where r.id = c.id and c.same "
    "and (c.fresh_until is not null or c.status <> 'good') returning 1) "
    "insert into revocation_status (issuer_spki_sha256, serial, source_id, "
    "status, reason, stated_at, refusal, fresh_until, form, raw, sha256) "
    "select $2, serial, $3, status, reason, stated_at, "
    "nullif(refusal, ''), fresh_until, form, decode(raw, 'hex'), "
    "decode(sha, 'hex') from c where id is null or (not same and not "
    "(status = 'unknown' and (was = 'revoked' or not said)))";

/* Words of one statement: bounds its memory. */
#define WORDS	5000

int
rev_words(struct db *db, int64_t source, const uint8_t issuer[32],
    const struct rev_word *w, size_t n, int64_t *news, struct err *e)
{
	const struct span	 key = { issuer, 32 };
	struct db_res		*r = NULL;
	int64_t			 new_rows = 0;
	json_t			*a;
	char			*text;
	size_t			 i = 0;
	int			 rc = 0;

	while (i < n && rc == 0) {
		a = json_array();
		for (; i < n && json_array_size(a) < WORDS; i++)
			(void)json_array_append_new(a, word(&w[i]));
		text = json_dumps(a, JSON_COMPACT);
		rc = text == NULL ? err_set(e, ERR_FORMAT, "a judge said "
		    "what is no UTF-8") : db_query(db, &r, e, words_sql,
		    "sbi", text, &key, source);
		if (rc == 0)
			new_rows += db_changed(r);
		db_free(r);
		r = NULL;
		free(text);
		json_decref(a);
	}
	if (news != NULL)
		*news = new_rows;
	return rc;
}

/* --- OCSP -------------------------------------------------------------------- */

int
rev_ocsp_due(struct db *db, int64_t source, size_t max, struct db_res **res,
    struct err *e)
{
	/* each looked up as it comes, and no more than are wanted */
	return db_query(db, res, e, "select o.serial from ocsp_due o "
	    "cross join lateral (select from issuance i where "
	    "i.issuer_spki_sha256 = (select issuer_spki_sha256 from "
	    "revocation_source where id = $1) and i.serial = o.serial "
	    "and i.not_after > now() limit 1) i "
	    "where o.source_id = $1 and o.due_at <= now() "
	    "order by o.due_at limit $2", "ii",
	    source, (int64_t)max);
}

int
rev_ocsp_forget(struct db *db, int64_t source, struct err *e)
{
	return db_query(db, NULL, e, "delete from ocsp_due o where "
	    "o.source_id = $1 and o.due_at <= now() and not exists (select "
	    "from issuance i where i.issuer_spki_sha256 = (select "
	    "issuer_spki_sha256 from revocation_source where id = $1) and "
	    "i.serial = o.serial and i.not_after > now())", "i", source);
}

int
rev_ocsp_asked(struct db *db, int64_t source, const struct db_strs *serials,
    int64_t in_s, int ok, struct err *e)
{
	return db_query(db, NULL, e, "update ocsp_due set due_at = now() + "
	    "$3 * interval '1 second' * case when $4 then 1 else "
	    "power(2, least(tries, 5)) end, tries = case when $4 then 0 else "
	    "tries + 1 end where source_id = $1 and serial = any ($2)",
	    "iaiB", source, serials, in_s, ok);
}

int
rev_ocsp_probed(struct db *db, int64_t source, struct err *e)
{
	return db_query(db, NULL, e, "update revocation_source set "
	    "probed_at = now() where id = $1", "i", source);
}
