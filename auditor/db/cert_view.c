#include "auditor/db/cert_view.h"

#include <string.h>

#include "auditor/db/audit_sql.h"
#include "base/enc.h"

#define FETCH	"fetch 500 from certs"
#define PREFIX	8	/* hex digits: less would rarely be unique */

/* The bounds of all hashes that begin with these digits: 0 or -1. */
static int
bounds(const char *text, uint8_t low[32], uint8_t high[32])
{
	char	hex[65];
	size_t	n = strlen(text);

	if (n < PREFIX || n > 64)
		return -1;
	memset(hex, '0', 64);
	hex[64] = '\0';
	memcpy(hex, text, n);
	if (enc_unhex_to(low, 32, hex) == -1)
		return -1;
	memset(hex + n, 'f', 64 - n);
	return enc_unhex_to(high, 32, hex);
}

int
cert_view_find(struct db *db, const char *text, uint8_t tbs[32],
    struct err *e)
{
	struct db_res	*r = NULL;
	uint8_t		 low[32], high[32];
	struct span	 from = { low, 32 }, to = { high, 32 };
	int		 rc = 0;

	if (bounds(text, low, high) == -1)
		return err_set(e, ERR_USAGE, "`%.80s` is no SHA-256 of a "
		    "certificate: 64 hex digits, or at least the first %d",
		    text, PREFIX);
	if (db_query(db, &r, e, "select tbs_sha256 from issuance where "
	    "tbs_sha256 between $1 and $2 union select tbs_sha256 from "
	    "certificate where sha256 between $1 and $2 union select "
	    "tbs_sha256 from served_certificate where sha256 between $1 and "
	    "$2 union select tbs_sha256 from served_certificate where "
	    "tbs_sha256 between $1 and $2 limit 2", "bb", &from, &to) == -1)
		return -1;
	if (db_rows(r) == 0)
		rc = err_set(e, ERR_NOENT, "no certificate %.64s is known "
		    "(certvigil certs lists them)", text);
	else if (db_rows(r) > 1)
		rc = err_set(e, ERR_USAGE, "several certificates begin with "
		    "%.64s: give more digits", text);
	else if (db_bytes(r, 0, 0).n == 32)
		memcpy(tbs, db_bytes(r, 0, 0).p, 32);
	else
		rc = err_set(e, ERR_DB, "a tbs_sha256 has not 32 bytes");
	db_free(r);
	return rc;
}

/* The object of k.tbs_sha256, with i its issuance or null. */
#define OBJECT "json_build_object(" \
	"'tbs_sha256', encode(k.tbs_sha256, 'hex'), " \
	"'cert_sha256', (select encode(c.sha256, 'hex') from (" \
	"select sha256, form = 'x509' as final from certificate where " \
	"tbs_sha256 = k.tbs_sha256 union all select sha256, true from " \
	"served_certificate where tbs_sha256 = k.tbs_sha256) c " \
	"order by c.final desc, c.sha256 limit 1), " \
	"'names', coalesce(i.names, '{}'), 'subject', i.subject, " \
	"'issuer', i.issuer, 'issuer_owner', i.issuer_owner, " \
	"'issuer_spki_sha256', encode(i.issuer_spki_sha256, 'hex'), " \
	"'serial', i.serial, 'spki_sha256', encode(i.spki_sha256, 'hex'), " \
	"'key_type', i.key_type, " \
	"'not_before', " ROW_RFC3339("i.not_before") ", " \
	"'not_after', " ROW_RFC3339("i.not_after") ", " \
	"'first_seen', " ROW_RFC3339("i.first_seen") ", " \
	"'logged_at', " ROW_RFC3339("i.logged_at") ", " \
	"'issued', i.issued, 'decision', i.decision, 'rule', i.rule, " \
	"'reason', i.rule_reason, " \
	"'owners', (select coalesce(json_agg(distinct w->>'owner'), '[]') " \
	"from jsonb_array_elements(i.facts::jsonb->'watches') w), " \
	"'chain', (select coalesce(json_agg(json_build_object(" \
	"'program', v.program, 'verdict', v.verdict, 'issued', v.issued, " \
	"'reason', v.reason, 'until', " ROW_RFC3339("v.until") ", 'path', " \
	"(select coalesce(json_agg(encode(p, 'hex')), '[]') from " \
	"unnest(v.path) p)) order by v.program), '[]') from (select distinct " \
	"on (program) * from chain_verdict where tbs_sha256 = k.tbs_sha256 " \
	"order by program, path_no) v), " \
	"'scts', (select coalesce(json_agg(json_build_object(" \
	"'log_id', encode(s.log_id, 'base64'), 'log', l.description, " \
	"'timestamp', s.timestamp_ms, 'source', s.source, " \
	"'status', s.status, 'reason', s.reason, " \
	"'inclusion', s.inclusion, 'index', s.entry_index, " \
	"'due_at', " ROW_RFC3339("s.due_at") ") order by s.timestamp_ms, " \
	"s.log_id), '[]') from sct s left join log l on l.log_id = s.log_id " \
	"where s.tbs_sha256 = k.tbs_sha256), " \
	"'ct_policy', (select coalesce(json_object_agg(v.program, " \
	"json_build_object('compliant', v.compliant, 'reason', v.reason) " \
	"order by v.program), '{}') from ct_verdict v where " \
	"v.tbs_sha256 = k.tbs_sha256), " \
	"'revocation', " \
	AUDIT_SQL_REVOCATION("i.issuer_spki_sha256", "i.serial") ", " \
	"'served_at', " AUDIT_SQL_SERVED("k.tbs_sha256") ", " \
	"'findings', (select coalesce(json_agg(json_build_object(" \
	"'id', f.id, 'kind', f.kind, 'severity', f.severity, " \
	"'state', f.state, 'reason', f.reason) order by f.id), '[]') from " \
	"finding f where f.subject in (encode(k.tbs_sha256, 'hex'), " \
	"encode(i.issuer_spki_sha256, 'hex') || ':' || i.serial)), " \
	"'entries', (select coalesce(json_agg(json_build_object(" \
	"'log', l.description, 'index', n.index, " \
	"'timestamp', n.timestamp_ms, 'entry_type', n.entry_type) " \
	"order by n.timestamp_ms, n.index), '[]') from entry n join log l on " \
	"l.id = n.log_ref where n.tbs_sha256 = k.tbs_sha256))"

/* The limit of the last join keeps the order, and the objects unmade. */
static const char list_sql[] = "declare certs no scroll cursor for "
    "select " OBJECT " from (select t.tbs_sha256, i.not_after from (select "
    "tbs_sha256 from issuance union select tbs_sha256 from "
    "served_certificate) t left join issuance i using (tbs_sha256) where "
    "($1::text is null or $1 = any(i.names) or exists (select from "
    "issuance_name c where c.tbs_sha256 = t.tbs_sha256 and ($1 = '.' or "
    "c.name = $1 or c.name = '*' || substr($1, strpos($1, '.')) or "
    "(left($1, 1) = '.' and (c.name = substr($1, 2) or "
    "right(c.name, length($1)) = $1))))) "
    "and ($2::text is null or i.facts::jsonb->'watches' @> "
    "jsonb_build_array(jsonb_build_object('owner', $2::text))) "
    "and ($3::text is null or i.issuer_owner = $3) "
    "and ($4::bigint = 0 or i.not_after between now() and now() + "
    "make_interval(secs => $4::bigint)) "
    "and (not $5 or i.not_after is null or i.not_after > now()) "
    "and (not $6 or exists (select from revocation r where "
    "r.issuer_spki_sha256 = i.issuer_spki_sha256 and r.serial = i.serial "
    "and r.status = 'revoked')) "
    "order by i.not_after, t.tbs_sha256 limit nullif($7::bigint, 0)) k "
    "left join lateral (select * from issuance j where j.tbs_sha256 = "
    "k.tbs_sha256 limit 1) i on true";

int
cert_view_list(struct db *db, const struct cert_view_filter *f,
    void (*each)(void *, json_t *), void *arg, struct err *e)
{
	if (db_begin(db, e) == -1)
		return -1;
	if (db_query(db, NULL, e, list_sql, "sssiBBi", f->name, f->owner,
	    f->issuer_owner, f->expiring, f->valid, f->revoked, f->limit) ==
	    -1)
		goto err;
	if (row_each(db, FETCH, each, arg, e) == -1)
		goto err;
	return db_commit(db, e);
err:
	db_rollback(db);
	return -1;
}

json_t *
cert_view_one(struct db *db, const uint8_t tbs[32], struct err *e)
{
	struct span	 t = { tbs, 32 };
	struct db_res	*r = NULL;
	json_t		*o;

	if (db_query(db, &r, e, "select " OBJECT " from (select $1::bytea as "
	    "tbs_sha256) k left join issuance i using (tbs_sha256)", "b",
	    &t) == -1)
		return NULL;
	o = row_json(r, 0, 0);
	db_free(r);
	return o;
}

#define LOG "coalesce(l.description, 'a log that is not known')"
#define MS(x) "to_timestamp(" x " / 1000.0)"

/* h(at, ord, event, text): ${ord} decides between events of one moment. */
static const char history_sql[] = "with i as (select * from issuance where "
    "tbs_sha256 = $1), h (at, ord, event, text) as ("
    "select not_before, 0, 'valid_from', 'its validity begins' from i "
    "union all select " MS("s.timestamp_ms") ", 1, 'sct', " LOG " || "
    "' promised to log it (' || s.source || ', ' || s.status || "
    "case when s.reason = '' then '' else ': ' || s.reason end || ')' "
    "from sct s left join log l on l.log_id = s.log_id where "
    "s.tbs_sha256 = $1 "
    "union all select " MS("n.timestamp_ms") ", 2, 'logged', 'entry ' || "
    "n.index || ' of ' || " LOG " || ' (' || n.entry_type || ')' "
    "from entry n left join log l on l.id = n.log_ref where "
    "n.tbs_sha256 = $1 "
    "union all select n.seen_at, 3, 'read', 'we read entry ' || n.index || "
    "' of ' || " LOG " from entry n left join log l on l.id = n.log_ref "
    "where n.tbs_sha256 = $1 "
    "union all select first_seen, 3, 'first_seen', 'first seen by us' from i "
    "union all select first_seen, 3, 'first_seen', "
    "'first seen by us, served: ' || encode(sha256, 'hex') from "
    "served_certificate where tbs_sha256 = $1 "
    "union all select logged_at, 4, 'proven', 'inclusion proven' from i "
    "union all select decided_at, 5, 'decided', coalesce(decision, '') || "
    "coalesce(' by rule ' || rule, '') || coalesce(': ' || rule_reason, '') "
    "from i "
    "union all select k.added_at, 6, 'declared', k.trust || ' by ' || "
    "k.author || coalesce(', ' || k.place, '') || "
    "coalesce(': ' || k.reason, '') from known k where k.tbs_sha256 = $1 "
    "union all select k.removed_at, 6, 'undeclared', k.trust || ' of ' || "
    "k.author || ' was removed' from known k where k.tbs_sha256 = $1 "
    "union all select x.added_at, 6, 'expected', x.kind || ' expected until "
    "' || " ROW_RFC3339(MS("x.not_after_ms")) " || ', by ' || x.author "
    "from expectation x, i where (x.kind = 'issuance' and "
    "x.tbs_sha256 = $1) or (x.kind = 'revocation' and x.issuer_spki_sha256 "
    "= i.issuer_spki_sha256 and x.serial = i.serial) "
    "union all select x.closed_at, 7, 'expectation', x.kind || ' ' || "
    "x.state from expectation x, i where (x.kind = 'issuance' and "
    "x.tbs_sha256 = $1) or (x.kind = 'revocation' and x.issuer_spki_sha256 "
    "= i.issuer_spki_sha256 and x.serial = i.serial) "
    "union all select s.checked_at, 8, 'inclusion', " LOG " || ': ' || "
    "s.inclusion || coalesce(' at index ' || s.entry_index, '') || "
    "coalesce(': ' || s.last_error, '') from sct s left join log l on "
    "l.log_id = s.log_id where s.tbs_sha256 = $1 and s.inclusion in "
    "('proved', 'violated') "
    "union all select v.judged_at, 9, 'chain', v.program || ': ' || "
    "v.verdict || case when v.reason = '' then '' else ': ' || v.reason end "
    "from (select distinct on (program) * from chain_verdict where "
    "tbs_sha256 = $1 order by program, path_no) v "
    "union all select v.judged_at, 9, 'ct_policy', v.program || ': ' || "
    "case when v.compliant then 'compliant' when not v.compliant then "
    "'not compliant' else 'cannot be judged' end || case when v.reason = '' "
    "then '' else ': ' || v.reason end from ct_verdict v where "
    "v.tbs_sha256 = $1 "
    "union all select r.stated_at, 10, 'revocation_date', 'the CA says that "
    "it was revoked' || coalesce(': ' || " AUDIT_SQL_REASON("r.reason")
    ", '') from revocation r, i where r.issuer_spki_sha256 = "
    "i.issuer_spki_sha256 and r.serial = i.serial "
    "union all select v.first_seen, 11, 'revocation', upper(z.kind) || ' ' "
    "|| z.url || ': ' || v.status || coalesce(', ' || "
    AUDIT_SQL_REASON("v.reason") ", '') || coalesce(', stated ' || "
    ROW_RFC3339("v.stated_at") ", '') || coalesce(': ' || v.refusal, '') "
    "from revocation_status v join revocation_source z on z.id = "
    "v.source_id, i where v.issuer_spki_sha256 = i.issuer_spki_sha256 and "
    "v.serial = i.serial "
    "union all select r.observed_at, 12, 'revoked', 'first seen revoked by "
    "us' || case when r.why = '' then '' else ': ' || r.why end "
    "from revocation r, i where r.issuer_spki_sha256 = "
    "i.issuer_spki_sha256 and r.serial = i.serial "
    "union all select r.disagree_since, 12, 'disagreement', 'sources "
    "contradict each other since then' from revocation r, i where "
    "r.issuer_spki_sha256 = i.issuer_spki_sha256 and r.serial = i.serial "
    "union all select r.removed_at, 12, 'unrevoked', 'no source says revoked "
    "any more' from revocation r, i where r.issuer_spki_sha256 = "
    "i.issuer_spki_sha256 and r.serial = i.serial "
    "union all select o.first_seen, 13, 'served', "
    AUDIT_SQL_HOSTPORT("e") " || ' (' || o.addr || ')' from "
    "endpoint_observation o join endpoint e on e.id = o.endpoint_id where "
    "o.tbs_sha256 = $1 "
    "union all select o.last_seen, 14, 'served_until', "
    AUDIT_SQL_HOSTPORT("e") " || ' (' || o.addr || ') served it for the "
    "last time that we saw' from endpoint_observation o join endpoint e on "
    "e.id = o.endpoint_id where o.tbs_sha256 = $1 and not "
    AUDIT_SQL_CURRENT("o", "e") " "
    "union all select v.at, 15, 'finding', v.event || ': ' || f.id || ' ' "
    "|| f.kind || ', ' || f.severity || case when f.reason = '' then '' "
    "else ': ' || f.reason end from finding f join finding_event v on "
    "v.finding_id = f.id where f.subject = encode($1, 'hex') or f.subject "
    "in (select encode(i.issuer_spki_sha256, 'hex') || ':' || i.serial "
    "from i) "
    "union all select not_after, 16, 'valid_until', 'its validity ends' "
    "from i) select at, event, text from h where at is not null "
    "order by at, ord, text";

int
cert_view_history(struct db *db, const uint8_t tbs[32], struct db_res **r,
    struct err *e)
{
	struct span	t = { tbs, 32 };

	return db_query(db, r, e, history_sql, "b", &t);
}
