#include "auditor/db/report_store.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/db/audit_sql.h"
#include "auditor/db/channel.h"
#include "auditor/db/finding.h"
#include "auditor/db/outbox.h"
#include "base/limit.h"
#include "base/mem.h"

int
report_store_begin(struct db *db, struct report_frame *f, struct err *e)
{
	struct db_res	*r = NULL;

	/*
	 * A row's time is the beginning of its transaction: what is older
	 * than every transaction that was under way before the snapshot is in
	 * it.  One that somebody has left open counts for ten minutes only.
	 */
	if (db_query(db, &r, e, "select greatest(now() - interval "
	    "'10 minutes', least(now(), (select min(xact_start) from "
	    "pg_stat_activity where datname = current_database() and "
	    "backend_type = 'client backend' and pid <> pg_backend_pid()))), "
	    "(select max(finished_at) from audit_report where body is not "
	    "null), (select created_at from instance)", "") == -1)
		return -1;
	f->until = db_time(r, 0, 0);
	f->first = db_null(r, 0, 1);
	if (f->since == INT64_MIN)
		f->since = db_time(r, 0, f->first ? 2 : 1);
	/* A report straight behind another one has an empty period. */
	if (f->until < f->since)
		f->until = f->since;
	db_free(r);
	if (db_begin(db, e) == -1)
		return -1;
	if (db_query(db, NULL, e, "set transaction isolation level "
	    "repeatable read, read only", "") == 0)
		return 0;
	db_rollback(db);
	return -1;
}

void
report_store_end(struct db *db)
{
	db_rollback(db);
}

char *
report_store_instance(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	char		*s;

	if (db_query(db, &r, e, "select id::text from instance", "") == -1)
		return NULL;
	s = mem_str(db_text(r, 0, 0));
	db_free(r);
	return s;
}

/*
 * A section from a query with the parameters $1 since, $2 until, $3 the
 * moment before which a failure counts.  Column 0 is the object as JSON text,
 * column 1 how many there are in all.
 */
static json_t *
section(struct db *db, const char *sql, const struct report_frame *f,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct buf	 b = BUF_INIT;
	json_t		*list = json_array();
	int64_t		 n = 0;
	size_t		 i;
	int		 rc;

	buf_fmt(&b, "with p as (select $1::timestamptz as since, "
	    "$2::timestamptz as until, $2::timestamptz - make_interval(secs "
	    "=> $3::bigint) as cutoff), %s limit %d", sql, LIMIT_REPORT_ROWS);
	rc = db_query(db, &r, e, buf_text(&b), "tti", f->since, f->until,
	    f->unreachable_after);
	buf_free(&b);
	if (rc == -1) {
		json_decref(list);
		return NULL;
	}
	for (i = 0; i < db_rows(r); i++)
		json_array_append_new(list, row_json(r, i, 0));
	if (db_rows(r) > 0)
		n = db_int(r, 0, 1);
	db_free(r);
	return json_pack("{sI so}", "count", (json_int_t)n, "list", list);
}

/* Names of a certificate that a row lists; the others are counted. */
#define NAMES(i) "to_json(" i ".names[1:20]), 'names_count', " \
	"cardinality(" i ".names)"
#define OWNERS(i) "(select coalesce(json_agg(distinct w->>'owner'), '[]') " \
	"from jsonb_array_elements(" i ".facts::jsonb->'watches') w where " \
	"w->>'owner' <> '')"

json_t *
report_store_new(struct db *db, const struct report_frame *f, struct err *e)
{
	static const char sql[] = "x as (select i.*, "
	    "count(*) over () as n from issuance i, p where "
	    "i.first_seen >= p.since and i.first_seen < p.until and "
	    "i.decision is distinct from 'baseline') "
	    "select json_build_object("
	    "'tbs_sha256', encode(x.tbs_sha256, 'hex'), "
	    "'names', " NAMES("x") ", 'owners', " OWNERS("x") ", "
	    "'issuer_owner', x.issuer_owner, "
	    "'issuer_spki_sha256', encode(x.issuer_spki_sha256, 'hex'), "
	    "'serial', x.serial, "
	    "'not_before', " ROW_RFC3339("x.not_before") ", "
	    "'not_after', " ROW_RFC3339("x.not_after") ", "
	    "'first_seen', " ROW_RFC3339("x.first_seen") ", "
	    "'decision', x.decision, 'rule', x.rule, "
	    "'reason', x.rule_reason, 'declared', "
	    "coalesce(x.decision = 'silent', false)), x.n from x "
	    "order by x.first_seen, x.tbs_sha256";
	struct db_res	*r = NULL;
	json_t		*o = section(db, sql, f, e);

	if (o == NULL)
		return NULL;
	if (db_query(db, &r, e, "select count(*) from issuance where "
	    "first_seen >= $1 and first_seen < $2 and decision = 'silent'",
	    "tt", f->since, f->until) == -1) {
		json_decref(o);
		return NULL;
	}
	json_object_set_new(o, "declared", json_integer(db_int(r, 0, 0)));
	db_free(r);
	return o;
}

json_t *
report_store_changed(struct db *db, const struct report_frame *f,
    struct err *e)
{
	/*
	 * x(at, event, subject, name, text).  What people did is in the audit
	 * trail; the daemon's own rows there begin with its name.
	 */
	static const char sql[] =
	    "x (at, event, subject, name, text) as ("
	    "select v.at, 'finding.' || v.event, f.id::text, "
	    "coalesce(nullif(f.name, ''), f.subject), f.severity || ' ' || "
	    "f.kind || case when f.reason = '' then '' else ': ' || f.reason "
	    "end from finding_event v join finding f on f.id = v.finding_id, p "
	    "where v.at >= p.since and v.at < p.until "
	    "union all select f.decided_at, 'finding.contained', f.id::text, "
	    "coalesce(nullif(f.name, ''), f.subject), f.severity || ' ' || "
	    "f.kind || coalesce(': ' || f.decided_reason, '') from finding f, "
	    "p where f.state = 'contained' and f.decided_at >= p.since and "
	    "f.decided_at < p.until "
	    "union all select r.observed_at, 'revocation.revoked', "
	    "encode(r.issuer_spki_sha256, 'hex') || ':' || r.serial, "
	    "coalesce(i.names[1], ''), coalesce(" AUDIT_SQL_REASON("r.reason")
	    ", 'no reason') || case when r.expected is null then '' else "
	    "', expected' end || coalesce(', published after ' || "
	    "r.published_s || ' s', '') || case when r.why = '' then '' else ': ' || "
	    "r.why end from revocation r left join lateral (select names from "
	    "issuance j where j.issuer_spki_sha256 = r.issuer_spki_sha256 and "
	    "j.serial = r.serial limit 1) i on true, p where "
	    "r.observed_at >= p.since and r.observed_at < p.until "
	    "union all select r.removed_at, 'revocation.removed', "
	    "encode(r.issuer_spki_sha256, 'hex') || ':' || r.serial, "
	    "coalesce(i.names[1], ''), 'no source says revoked any more' "
	    "from revocation r left join lateral (select names from "
	    "issuance j where j.issuer_spki_sha256 = r.issuer_spki_sha256 and "
	    "j.serial = r.serial limit 1) i on true, p where "
	    "r.removed_at >= p.since and r.removed_at < p.until "
	    "union all select o.first_seen, 'endpoint.changed', "
	    AUDIT_SQL_HOSTPORT("n") ", " AUDIT_SQL_HOSTPORT("n") ", "
	    "o.addr || ': ' || coalesce(o.error, 'serves ' || "
	    "encode(o.cert_sha256, 'hex'), 'serves nothing') "
	    "from endpoint_observation o join endpoint n on "
	    "n.id = o.endpoint_id, p where n.removed_at is null and "
	    "o.first_seen >= p.since and o.first_seen < p.until and exists "
	    "(select from endpoint_observation b where b.endpoint_id = "
	    "o.endpoint_id and b.addr = o.addr and b.id < o.id) "
	    "union all select c.first_seen, 'caa.changed', c.name, c.name, "
	    "coalesce(c.error, 'records ' || c.records::text) "
	    "from caa_observation c, p where c.first_seen >= p.since and "
	    "c.first_seen < p.until and exists (select from caa_observation b "
	    "where b.name = c.name and b.id < c.id) "
	    "union all select t.at, t.action, '', '', 'by ' || t.actor || "
	    "case when t.detail = '{}' then '' else ': ' || t.detail::text end "
	    "from audit_trail t, p where t.at >= p.since and t.at < p.until "
	    "and t.action <> 'audit') "
	    "select json_build_object('at', " ROW_RFC3339("x.at") ", "
	    "'event', x.event, 'subject', x.subject, 'name', x.name, "
	    "'text', x.text), count(*) over () from x "
	    "order by x.at, x.event, x.subject";

	return section(db, sql, f, e);
}

#define RANK "array_position(array['critical', 'high', 'medium', 'low', " \
	"'info'], f.severity)"

/* A list of finding rows: column ${FINDING_NCOLS} on are ours. */
static json_t *
findings(struct db *db, const char *where, const struct report_frame *f,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct buf	 b = BUF_INIT;
	json_t		*list = json_array(), *o;
	int64_t		 n = 0;
	size_t		 i;
	int		 rc;

	buf_fmt(&b, "select %s, encode(sha256(convert_to(f.dedupe_key, "
	    "'UTF8')), 'hex'), coalesce((select max(v.at) from finding_event "
	    "v where v.finding_id = f.id and v.event = 'opened'), "
	    "f.first_seen) >= $1, exists (select from finding_event v where "
	    "v.finding_id = f.id and v.muted_by is not null), "
	    "count(*) over () from finding f where %s order by " RANK ", f.id limit %d", finding_cols, where, LIMIT_REPORT_ROWS);
	rc = db_query(db, &r, e, buf_text(&b), "t", f->since);
	buf_free(&b);
	if (rc == -1) {
		json_decref(list);
		return NULL;
	}
	for (i = 0; i < db_rows(r); i++) {
		o = finding_row(r, i, 0);
		json_object_del(o, "detail");
		json_object_set_new(o, "fingerprint",
		    row_str(r, i, FINDING_NCOLS));
		json_object_set_new(o, "new",
		    row_bool(r, i, FINDING_NCOLS + 1));
		json_object_set_new(o, "silenced",
		    row_bool(r, i, FINDING_NCOLS + 2));
		json_array_append_new(list, o);
	}
	if (db_rows(r) > 0)
		n = db_int(r, 0, FINDING_NCOLS + 3);
	db_free(r);
	return json_pack("{sI so}", "count", (json_int_t)n, "list", list);
}

/* How many of the open findings there are, by severity and whether somebody
 * is looking at them: {"open": {...}, "acked": {...}}. */
static int
by_severity(struct db *db, json_t *out, struct err *e)
{
	struct db_res	*r = NULL;
	json_t		*open = json_object(), *acked = json_object();
	size_t		 i;

	json_object_set_new(out, "by_severity", open);
	json_object_set_new(out, "acked", acked);
	if (db_query(db, &r, e, "select severity, count(*) filter (where "
	    "state <> 'acked'), count(*) filter (where state = 'acked') from "
	    "finding where state in ('open', 'rejected', 'acked') group by 1",
	    "") == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++) {
		json_object_set_new(open, db_text(r, i, 0),
		    row_int(r, i, 1));
		json_object_set_new(acked, db_text(r, i, 0),
		    row_int(r, i, 2));
	}
	db_free(r);
	return 0;
}

json_t *
report_store_open(struct db *db, const struct report_frame *f, struct err *e)
{
	json_t	*o = findings(db, "f.state in ('open', 'rejected', 'acked')",
		    f, e);

	if (o != NULL && by_severity(db, o, e) == -1) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *
report_store_silenced(struct db *db, const struct report_frame *f,
    struct err *e)
{
	static const char live[] = "x as (select s.* from silence s, p where "
	    "s.ended_at is null and s.until > p.until) "
	    "select json_build_object('id', x.id, 'finding', x.finding_id, "
	    "'kind', x.kind, 'name', x.name, 'owner', x.owner, "
	    "'until', " ROW_RFC3339("x.until") ", 'author', x.author, "
	    "'reason', x.reason, 'allow_critical', x.allow_critical), "
	    "count(*) over () from x order by x.id";
	/* also our own orders: a thief of our account would hide there */
	static const char silent[] = "x as (select i.* from issuance i, p "
	    "where i.decision = 'silent' and i.decided_at >= p.since and "
	    "i.decided_at < p.until) select json_build_object('tbs_sha256', "
	    "encode(x.tbs_sha256, 'hex'), 'names', " NAMES("x") ", 'issuer_owner', "
	    "x.issuer_owner, 'rule', x.rule, 'reason', x.rule_reason, "
	    "'first_seen', " ROW_RFC3339("x.first_seen") "), count(*) over () "
	    "from x order by x.first_seen, x.tbs_sha256";
	json_t	*o, *s;

	o = findings(db, "(f.digest_only and f.last_seen >= $1 or exists "
	    "(select from finding_event v where v.finding_id = f.id and "
	    "v.muted_by is not null and (v.at >= $1 or f.state in ('open', "
	    "'rejected', 'acked'))))", f, e);
	if (o == NULL)
		return NULL;
	if ((s = section(db, live, f, e)) == NULL) {
		json_decref(o);
		return NULL;
	}
	json_object_set_new(o, "silences", s);
	if ((s = section(db, silent, f, e)) == NULL) {
		json_decref(o);
		return NULL;
	}
	json_object_set_new(o, "issuances", s);
	return o;
}

json_t *
report_store_baseline(struct db *db, const struct report_frame *f,
    struct err *e)
{
	static const char sql[] = "x as (select i.*, count(*) over () as n "
	    "from issuance i, p where i.decision = 'baseline' and "
	    "i.not_after > p.until and i.first_seen < p.until) "
	    "select json_build_object("
	    "'tbs_sha256', encode(x.tbs_sha256, 'hex'), "
	    "'names', " NAMES("x") ", 'owners', " OWNERS("x") ", "
	    "'issuer_owner', x.issuer_owner, 'serial', x.serial, "
	    "'not_before', " ROW_RFC3339("x.not_before") ", "
	    "'not_after', " ROW_RFC3339("x.not_after") ", "
	    "'first_seen', " ROW_RFC3339("x.first_seen") ", "
	    "'logged_after_watch_seconds', (select "
	    "max((w->>'late_s')::bigint) from jsonb_array_elements("
	    "x.facts::jsonb->'watches') w)), x.n "
	    "from x order by x.issuer_owner nulls first, x.not_after, "
	    "x.tbs_sha256";

	return section(db, sql, f, e);
}

json_t *
report_store_coverage(struct db *db, const struct report_frame *f,
    struct err *e)
{
	static const char sql[] = "d as (select c.log_ref, min(c.day) as "
	    "day_from, max(c.day) as day_to, min(c.size_from) as size_from, "
	    "max(c.size_to) as size_to, max(c.max_lag_seconds) as lag, "
	    "sum(c.gaps) as gaps, max(c.verified_at) as at from coverage_day "
	    "c, p where c.day between (p.since at time zone 'UTC')::date and "
	    "(p.until at time zone 'UTC')::date group by 1), "
	    "x as (select l.*, o.name as operator, h.head_size, "
	    "h.failing_since, h.last_error, greatest(h.caught_up_at, case "
	    "when r.size_to >= greatest(h.head_size, case when l.state = "
	    "'readonly' then l.final_size end) and h.failing_since is null then "
	    "h.head_at end) as fresh_at, r.size_to as verified from log l "
	    "join operator o on o.id = l.operator_id left join log_health h "
	    "on h.log_ref = l.id left join lateral (select size_to from "
	    "log_range where log_ref = l.id order by size_from desc limit 1) r on "
	    "true where l.watched) "
	    "select json_build_object("
	    "'log_id', encode(x.log_id, 'base64'), "
	    "'description', x.description, 'operator', x.operator, "
	    "'day_from', d.day_from, 'day_to', d.day_to, "
	    "'size_from', d.size_from, 'size_to', d.size_to, "
	    "'max_lag_seconds', d.lag, 'gaps', coalesce(d.gaps, 0), "
	    "'verified_at', " ROW_RFC3339("d.at") ", "
	    "'tree_size', x.head_size, 'verified_size', x.verified, "
	    "'current_at', " ROW_RFC3339("x.fresh_at") ", "
	    "'failing_since', " ROW_RFC3339("x.failing_since") ", "
	    "'added_at', " ROW_RFC3339("x.added_at") ", "
	    "'last_error', x.last_error, 'current', "
	    "coalesce(x.fresh_at, x.added_at) >= p.cutoff or coalesce("
	    "x.state = 'readonly' and coalesce(x.verified, 0) >= "
	    "x.final_size, false)), "
	    "count(*) over () from x left join d on d.log_ref = x.id, p "
	    "order by x.operator, x.description, x.log_id";

	return section(db, sql, f, e);
}

json_t *
report_store_unchecked(struct db *db, const struct report_frame *f,
    struct err *e)
{
	/* x(what, subject, why, since, ok_at, n): n certificates depend on it */
	static const char sql[] =
	    "w as (select i.issuer_spki_sha256 as k, u.url, "
	    "count(distinct i.serial) as n from cert_fact c join issuance i "
	    "using (tbs_sha256) cross join lateral unnest(c.crl || c.ocsp) u "
	    "(url), p where i.not_after > p.until group by 1, 2), "
	    "c as (select i.issuer_spki_sha256 as k, count(distinct i.serial) "
	    "as n from cert_fact c join issuance i using (tbs_sha256), p where "
	    "i.not_after > p.until and c.crl = '{}' group by 1), "
	    "x (what, subject, why, since, ok_at, n) as ("
	    "select upper(s.kind), s.url, coalesce(s.why, s.fault, "
	    "'not asked yet'), coalesce(s.failing_since, s.ok_at, s.added_at), "
	    "s.ok_at, case when s.origin = 'ccadb' then c.n else w.n end "
	    "from revocation_source s left join w on w.k = "
	    "s.issuer_spki_sha256 and w.url = s.url left join c on "
	    "c.k = s.issuer_spki_sha256, p where (case when s.origin = "
	    "'ccadb' then c.n else w.n end) > 0 and (s.failing_since < "
	    "p.cutoff or (s.ok_at is null and s.added_at < p.cutoff) or "
	    "s.next_update < p.cutoff) "
	    "union all select 'endpoint', " AUDIT_SQL_HOSTPORT("n") ", "
	    "coalesce(n.last_error, 'not looked at yet'), "
	    "coalesce(n.failing_since, n.added_at), n.ok_at, null "
	    "from endpoint n, p where n.removed_at is null and "
	    "(n.failing_since < p.cutoff or (n.checked_at is null and "
	    "n.added_at < p.cutoff)) "
	    "union all select 'inclusion', coalesce(max(l.description), "
	    "encode(s.log_id, 'base64')), coalesce(max(s.last_error), "
	    "'not proven, and due since then'), min(s.due_at), "
	    "max(s.checked_at), count(distinct s.tbs_sha256) from sct s "
	    "left join log l on l.log_id = s.log_id, p where s.inclusion in "
	    "('pending', 'unchecked') and s.due_at < p.cutoff "
	    "group by s.log_id "
	    "union all select 'CAA', a.name, a.error, a.first_seen, null, null "
	    "from (select distinct on (name) * from caa_observation order by "
	    "name, id desc) a, p where a.error is not null and a.first_seen < "
	    "p.cutoff "
	    "union all select 'revocation status', coalesce(max("
	    "r.issuer_owner), r.k), 'no source answers for them', "
	    "min(r.changed_at), null, count(*) from (select v.changed_at, "
	    "encode(v.issuer_spki_sha256, 'hex') as k, i.issuer_owner from "
	    "revocation v join issuance i on i.issuer_spki_sha256 = "
	    "v.issuer_spki_sha256 and i.serial = v.serial, p where "
	    "v.status = 'unknown' and v.changed_at < p.cutoff and "
	    "i.not_after > p.until and not exists (select from "
	    "revocation_status t join revocation_source s on s.id = "
	    "t.source_id where t.issuer_spki_sha256 = v.issuer_spki_sha256 "
	    "and t.serial = v.serial and s.failing_since is not null)) r "
	    "group by r.k "
	    "union all select 'work', k.kind, coalesce(max(k.last_error), "
	    "'nobody has done it') || ' (' || count(*) || ' overdue)', "
	    "min(k.due_at), null, null from work k, p where k.due_at < "
	    "p.cutoff and (k.lease_until is null or k.lease_until < p.until) "
	    "and k.kind <> 'tail' group by k.kind) "
	    "select json_build_object('what', x.what, 'subject', x.subject, "
	    "'why', x.why, 'since', " ROW_RFC3339("x.since") ", "
	    "'last_ok', " ROW_RFC3339("x.ok_at") ", 'certificates', x.n), "
	    "count(*) over () from x order by x.what, x.since, x.subject";

	return section(db, sql, f, e);
}

int
report_store_save(struct db *db, const struct report_row *w, int64_t *id,
    struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "insert into audit_report (started_at, "
	    "finished_at, since, first_line, verdict, body) values ($1, $2, "
	    "$3, $4, $5, $6::jsonb) returning id", "tttsis", w->started,
	    w->until, w->since, w->first_line, (int64_t)w->verdict,
	    w->body) == -1)
		return -1;
	if (id != NULL)
		*id = db_int(r, 0, 0);
	db_free(r);
	return 0;
}

int
report_store_send(struct db *db, const char *channel, const char *body,
    struct err *e)
{
	struct channel	*c = NULL;
	int		 rc;

	if (channel_load(db, channel, &c, e) == -1)
		return -1;
	rc = c->disabled ? 0 : 1;
	if (rc == 1 && outbox_post(db, channel, "audit", body, NULL, e) == -1)
		rc = -1;
	channel_free(c, 1);
	return rc;
}

int
report_store_now(struct db *db, int64_t *now, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, "select now()", "") == -1)
		return -1;
	*now = db_time(r, 0, 0);
	db_free(r);
	return 0;
}

int
report_store_due(struct db *db, int64_t started, int64_t *n, char **sample,
    struct err *e)
{
	struct db_res	*r = NULL;

	/*
	 * Work that failed is due later; a token of 0 was never claimed, one
	 * of 1 is claimed for the first time.
	 */
	if (db_query(db, &r, e, "with d as (select kind, count(*) as n from "
	    "work where kind in ('tail', 'loglist', 'cert', 'keys', 'crl', "
	    "'ocsp', 'incl', 'endpoint', 'caa', 'sweep') and (due_at <= $1 or "
	    "(due_at <= now() and (token = 0 or (token = 1 and "
	    "lease_until > now())))) group by 1) "
	    "select coalesce(sum(n), 0)::bigint, string_agg(n || ' ' || kind, "
	    "', ' order by kind) from d", "t", started) == -1)
		return -1;
	*n = db_int(r, 0, 0);
	if (sample != NULL)
		*sample = mem_str(db_text(r, 0, 1));
	db_free(r);
	return 0;
}
