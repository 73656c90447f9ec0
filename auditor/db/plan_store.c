#include "auditor/db/plan_store.h"

#include "base/limit.h"

/* Names whose CAA is followed because a certificate has them. */
#define CAA_NAMES	500

/* Certificates, by issuer key. */
static const char cert_sql[] =
    "insert into work (kind, subject) select distinct 'cert', "
    "encode(i.issuer_spki_sha256, 'hex') from issuance i left join cert_fact "
    "f on f.tbs_sha256 = i.tbs_sha256 where i.not_after > now() and "
    "i.issued <> 'invalid' and exists (select from certificate c where "
    "c.tbs_sha256 = i.tbs_sha256) and (f.judged_at is null or f.judged_at < "
    "$1 or (f.form = 'precert' and exists (select from certificate c where "
    "c.tbs_sha256 = i.tbs_sha256 and c.form = 'x509') and not exists "
    "(select from certificate c where c.tbs_sha256 = i.tbs_sha256 and "
    "c.form = 'x509' and c.sha256 = f.cert_sha256))) on conflict do "
    "nothing";

static const char source_sql[] =
    "insert into work (kind, subject) select s.kind, s.id::text from "
    "revocation_source s on conflict do nothing";

/* Logs of which an SCT can be decided: from what we read, or by asking. */
static const char incl_sql[] =
    "insert into work (kind, subject) select distinct 'incl', l.id::text "
    "from sct s join log l on l.log_id = s.log_id where s.inclusion in "
    "('pending', 'unchecked') and ((s.due_at <= now() and (s.checked_at is "
    "null or s.checked_at < now() - $1 * interval '1 second')) or exists ("
    "select from entry e where e.tbs_sha256 = s.tbs_sha256 and e.log_ref = "
    "l.id and e.leaf_hash = s.leaf_hash and e.head_id is not null)) "
    "on conflict do nothing";

/* Where all of them are the baseline's, in the course of the interval. */
static const char keys_sql[] =
    "insert into work (kind, subject, due_at) select 'keys', 'main', now() + "
    "case when bool_and(decision is not distinct from 'baseline') then "
    "random() else 0 end * $1 * interval '1 second' from issuance where "
    "key_type like 'rsa%' and not_after > now() and not exists (select from "
    "work where kind = 'keys') having count(*) > 0 on conflict do nothing";

static const char endpoint_sql[] =
    "insert into work (kind, subject) select 'endpoint', id::text from "
    "endpoint where removed_at is null on conflict do nothing";

/*
 * Watched names, and those of the newest certificates, the newest first; no
 * addresses, no keys.  A certificate has names of strangers, too: they are
 * no business of ours.  Names that only the baseline has are for renewals to
 * come: they begin in the course of the interval ($2, seconds), not at once.
 */
static const char caa_sql[] =
    "with i as materialized (select tbs_sha256, first_seen, facts, "
    "decision is not distinct from 'baseline' as old from "
    "issuance where first_seen > now() - interval '30 days' and not_after > "
    "now() order by first_seen desc limit 4 * $1), "
    "c as materialized (select c.name, i.* from i cross join lateral (select "
    "name from issuance_name where tbs_sha256 = i.tbs_sha256 offset 0) c "
    "where c.name ~ '^([*][.])?[a-z0-9_-]+([.][a-z0-9_-]+)+$' and c.name !~ "
    "'^[0-9.]+$' and length(c.name) <= 253), "
    "h as (select distinct i.tbs_sha256, w->>'fold' as name from i, "
    "jsonb_array_elements(i.facts::jsonb->'watches') w), "
    "n as materialized (select regexp_replace(c.name, '^[*][.]', '') as "
    "name, max(c.first_seen) as seen, bool_and(c.old) as old, "
    "bool_or(h.name is not null) as hit from c left join h on "
    "h.tbs_sha256 = c.tbs_sha256 and h.name = c.name group by 1), "
    /* looked up from the name: there are many watches */
    "s as (select n.name from n, lateral (select '.' || array_to_string("
    "v[k:], '.') as p from string_to_array(n.name, '.') v, "
    "generate_series(1, cardinality(v)) k union all select n.name "
    "union all select '.') p join watch w on w.pattern = p.p and "
    "w.removed_at is null where not n.hit), "
    "ours as (select name, old from n where hit or name in (select name "
    "from s) order by seen desc, name limit $1), "
    "x as materialized (select name, bool_and(old) as old from (select name, "
    "old from ours union all select ltrim(pattern, '.'), false from watch "
    "where removed_at is null and pattern ~ '^[.]?[a-z0-9_-]+([.][a-z0-9_-]+)*$' "
    "and pattern !~ '^[0-9.]+$' and pattern like '%.%') y group by name), "
    "a as (insert into work (kind, subject, due_at) select 'caa', name, "
    "now() + case when old then random() else 0 end * $2 * "
    "interval '1 second' from x on conflict do nothing) "
    "delete from work where kind = 'caa' and holder is null and not exists "
    "(select from x where name = subject)";

int
plan_store(struct db *db, int64_t before, int64_t every, struct err *e)
{
	if (db_begin(db, e) == -1)
		return -1;
	if (db_push(db, e, cert_sql, "t", before) == -1 ||
	    db_push(db, e, source_sql, "") == -1 ||
	    db_push(db, e, incl_sql, "i", every) == -1 ||
	    db_push(db, e, keys_sql, "i", every) == -1 ||
	    db_push(db, e, endpoint_sql, "") == -1 ||
	    db_push(db, e, caa_sql, "ii", (int64_t)CAA_NAMES, every) == -1 ||
	    db_commit(db, e) == -1) {
		db_rollback(db);
		return -1;
	}
	return 0;
}
