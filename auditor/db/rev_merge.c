#include "auditor/db/rev_store.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/audit_sql.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

/* From what each source says to one status, and what changed by it. */

enum col { SERIAL, SHORT, HAS_CRL, KIND, URL, STATE, WHY, NEXT, OK_AT,
	STATUS, REASON, STATED, FRESH, REFUSAL, OLD_STATUS, OLD_REASON,
	OLD_STATED, OLD_DISAGREE, EXPECTED, EXPECTED_AT, EXPECTED_REASON,
	OLD_WHY, PART };

/*
 * Those that it names, or CCADB for it, and whatever was the last to say that
 * it is revoked: a list that drops a CRL takes nothing of that back.
 */
static const char look_sql[] =
    "with x as (select distinct y.serial from revocation_source s "
    "cross join lateral (select unnest($3::text[]) as serial where $3 is not "
    "null union all select * from (" AUDIT_SQL_OCSP_SERIALS("s", "") ") o "
    "where $3 is null union all select * from (" AUDIT_SQL_CRL_SERIALS("s")
    ") c where $3 is null) y where s.id = $2), "
    "f as materialized (select x.serial, c.short_lived, c.crl, "
    "exists (select from revocation_source s where "
    "s.issuer_spki_sha256 = $1 and s.origin = 'ccadb') as ccadb, "
    "array(" AUDIT_SQL_SOURCES("c", "$1") ") || array(select v.source_id "
    "from revocation_status v where v.issuer_spki_sha256 = $1 and "
    "v.serial = x.serial and v.status = 'revoked' and not exists (select "
    "from revocation_status n where n.issuer_spki_sha256 = $1 and n.serial "
    "= v.serial and n.source_id = v.source_id and n.id > v.id)) as source "
    "from x cross join lateral (select c.* from issuance i "
    "join cert_fact c on c.tbs_sha256 = i.tbs_sha256 where "
    "i.issuer_spki_sha256 = $1 and i.serial = x.serial and i.not_after > "
    "now() order by c.form desc limit 1) c) "
    "select f.serial, f.short_lived, f.crl <> '{}' or f.ccadb, "
    "s.kind = 'ocsp', s.url, "
    "s.state, s.why, s.next_update, s.ok_at, w.status, w.reason, "
    "w.stated_at, w.fresh_until, w.refusal, r.status, r.reason, r.stated_at, "
    "r.disagree_since, e.id, e.added_at, e.reason_code, r.why, "
    "s.kind = 'crl' and f.crl = '{}' from f "
    "left join revocation_source s on s.id = any (f.source) "
    "left join lateral (select * from revocation_status w where "
    "w.issuer_spki_sha256 = $1 and w.serial = f.serial "
    "and w.source_id = s.id order by w.id desc limit 1) w on true "
    "left join revocation r on r.issuer_spki_sha256 = $1 "
    "and r.serial = f.serial "
    "left join lateral (select * from expectation e where "
    "e.kind = 'revocation' and e.state = 'open' and e.serial = f.serial "
    "and e.issuer_spki_sha256 = $1 order by e.id limit 1) e on true "
    "order by f.serial, s.kind, s.url";

static enum rev_status
status_of(const char *s)
{
	return strcmp(s, "good") == 0 ? REV_GOOD :
	    strcmp(s, "revoked") == 0 ? REV_REVOKED :
	    strcmp(s, "not_applicable") == 0 ? REV_NOT_APPLICABLE :
	    REV_UNKNOWN;
}

static int
number(const struct db_res *r, size_t i, size_t col)
{
	return db_null(r, i, col) ? -1 : (int)db_int(r, i, col);
}

/* One source's word, as fresh as it is now. */
static void
one(const struct db_res *r, size_t i, struct rev_source *s)
{
	int64_t	until;

	memset(s, 0, sizeof(*s));
	s->kind = db_bool(r, i, KIND) ? REV_OCSP : REV_CRL;
	s->where = db_text(r, i, URL);
	s->required = s->kind == REV_CRL || !db_bool(r, i, HAS_CRL);
	s->part = db_bool(r, i, PART);
	s->status = status_of(db_text(r, i, STATUS));
	s->reason = number(r, i, REASON);
	s->revoked_at = db_time(r, i, STATED);
	s->seen_at = db_time(r, i, OK_AT);
	s->refusal = db_text(r, i, REFUSAL);
	until = db_time(r, i, s->kind == REV_OCSP ? FRESH : NEXT);
	if (s->status == REV_GOOD && (until == INT64_MIN ||
	    until < clk_wall())) {
		s->status = REV_UNKNOWN;
		s->refusal = "what it said has expired";
	}
	if (s->status == REV_UNKNOWN && s->refusal[0] == '\0')
		s->refusal = db_null(r, i, WHY) ? "it was not asked yet" :
		    db_text(r, i, WHY);
}

static void
add(struct rev_changes *c, const struct db_res *r, size_t i,
    const struct rev *before, const struct rev *after)
{
	struct rev_change_row	*v;

	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof(*c->v));
	v = &c->v[c->n++];
	memset(v, 0, sizeof(*v));
	v->serial = mem_str(db_text(r, i, SERIAL));
	v->before = *before;
	v->after = *after;
	v->what = rev_change(before, after);
	v->disagree_since = db_time(r, i, OLD_DISAGREE);
	v->expected = db_int(r, i, EXPECTED);
	v->expected_at = db_time(r, i, EXPECTED_AT);
}

/* Rows [from, to) are the sources of one certificate. */
static void
merge(struct rev_changes *c, const struct db_res *r, size_t from, size_t to)
{
	struct rev_source	*src = mem_array(to - from, sizeof(*src));
	struct rev		 before, after;
	size_t			 n = 0, i;
	int			 disagreed;

	for (i = from; i < to; i++)
		if (!db_null(r, i, URL))
			one(r, i, &src[n++]);
	rev_merge(src, n, n == 0 || db_bool(r, from, SHORT), &after);
	free(src);
	memset(&before, 0, sizeof(before));
	before.status = status_of(db_text(r, from, OLD_STATUS));
	before.reason = number(r, from, OLD_REASON);
	before.stated_at = db_time(r, from, OLD_STATED);
	before.source = -1;
	disagreed = !db_null(r, from, OLD_DISAGREE);
	before.disagree = disagreed;
	if (db_null(r, from, OLD_STATUS) || before.status != after.status ||
	    disagreed != after.disagree ||
	    rev_change(&before, &after) != NULL ||
	    strcmp(after.why, db_text(r, from, OLD_WHY)) != 0)
		add(c, r, from, &before, &after);
}

static const char store_sql[] =
    "insert into revocation as r (issuer_spki_sha256, serial, status, reason, "
    "stated_at, observed_at, why, disagree_since) select $2, x.serial, "
    "x.status, x.reason, x.stated_at, case when x.status = 'revoked' then "
    "now() end, x.why, case when x.disagree then now() end "
    "from jsonb_to_recordset($1::jsonb) as x(serial text, status text, "
    "reason int, stated_at timestamptz, why text, disagree boolean) "
    "on conflict (issuer_spki_sha256, serial) do update set "
    "status = excluded.status, reason = excluded.reason, "
    "stated_at = excluded.stated_at, why = excluded.why, "
    "observed_at = coalesce(r.observed_at, excluded.observed_at), "
    "disagree_since = case when excluded.disagree_since is null then null "
    "else coalesce(r.disagree_since, excluded.disagree_since) end, "
    "removed_at = case when r.status = 'revoked' and excluded.status <> "
    "'revoked' then now() when excluded.status = 'revoked' then null else "
    "r.removed_at end, changed_at = case when r.status <> excluded.status or "
    "r.reason is distinct from excluded.reason or r.stated_at is distinct "
    "from excluded.stated_at or (r.disagree_since is null) <> "
    "(excluded.disagree_since is null) then now() else r.changed_at end, "
    "checked_at = now()";

static int
store(struct db *db, const struct span *key, const struct rev_changes *c,
    struct err *e)
{
	json_t	*a = json_array();
	char	*text, t[CLK_TEXT];
	size_t	 i;
	int	 rc;

	for (i = 0; i < c->n; i++) {
		const struct rev	*v = &c->v[i].after;

		(void)json_array_append_new(a, json_pack(
		    "{ss ss so so ss sb}", "serial", c->v[i].serial,
		    "status", rev_name(v->status), "reason",
		    v->reason == -1 ? json_null() : json_integer(v->reason),
		    "stated_at", v->stated_at == INT64_MIN ? json_null() :
		    json_string(clk_text(v->stated_at, t)), "why", v->why,
		    "disagree", v->disagree));
	}
	text = json_dumps(a, JSON_COMPACT);
	json_decref(a);
	rc = text == NULL ? err_set(e, ERR_FORMAT, "what is stored is no "
	    "UTF-8") : db_query(db, NULL, e, store_sql, "sb", text, key);
	free(text);
	return rc;
}

int
rev_merge_seen(struct db *db, const struct rev_which *w, struct err *e)
{
	const struct span	key = { w->issuer, 32 };

	return db_query(db, NULL, e, "update revocation r set "
	    "checked_at = now() where r.issuer_spki_sha256 = $1 and "
	    "($3::text[] is null or r.serial = any ($3)) and "
	    "r.checked_at <> now() and exists (select from "
	    "revocation_status w where w.issuer_spki_sha256 = $1 and "
	    "w.serial = r.serial and w.source_id = $2)", "bia", &key,
	    w->source, w->serials);
}

int
rev_merge_some(struct db *db, const struct rev_which *w,
    struct rev_changes *c, struct err *e)
{
	const struct span	 key = { w->issuer, 32 };
	struct db_res		*r = NULL;
	size_t			 i, from = 0, n;
	int			 rc;

	memset(c, 0, sizeof(*c));
	/* two sources of one issuer, each blind to what the other just said */
	if (db_query(db, NULL, e, "select pg_advisory_xact_lock(7202611, "
	    "('x' || substr(encode($1, 'hex'), 1, 8))::bit(32)::int)", "b",
	    &key) == -1 ||
	    db_query(db, &r, e, look_sql, "bia", &key, w->source, w->serials)
	    == -1)
		return -1;
	n = db_rows(r);
	for (i = 1; i <= n; i++)
		if (i == n || strcmp(db_text(r, i, SERIAL),
		    db_text(r, from, SERIAL)) != 0) {
			merge(c, r, from, i);
			from = i;
		}
	db_free(r);
	rc = c->n != 0 ? store(db, &key, c, e) : 0;
	return rc == 0 ? rev_merge_seen(db, w, e) : -1;
}

int
rev_merge_store(struct db *db, const uint8_t issuer[32], int64_t source,
    struct rev_changes *c, struct err *e)
{
	return rev_merge_some(db, &(struct rev_which){ issuer, source, NULL },
	    c, e);
}

void
rev_changes_free(struct rev_changes *c)
{
	size_t	i;

	for (i = 0; i < c->n; i++)
		free(c->v[i].serial);
	free(c->v);
	memset(c, 0, sizeof(*c));
}
