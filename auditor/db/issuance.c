#include "auditor/db/issuance.h"

#include <stdlib.h>
#include <string.h>

#include "base/enc.h"

/*
 * One statement for all facts, so that a page of hundreds of matches costs
 * hundreds of round trips and not thousands.
 */
static const char facts_sql[] =
    "with i as materialized ("
    " select * from issuance where tbs_sha256 = $1 for update),"
    " w as (select w from i, jsonb_array_elements("
    "  coalesce(i.facts->'watches', '[]')) w),"
    " n as (select unnest($2::text[]) as name union"
    "  select w->>'fold' from w),"
    " x as (select name, case when strpos(name, '.') > 0 then"
    "  '*' || substr(name, strpos(name, '.')) else name end as wild"
    "  from n),"
    " r as (select unnest($3::text::int[]) as ref union"
    "  select (e->>'log_ref')::int from i, jsonb_array_elements("
    "  coalesce(i.facts->'entries', '[]')) e)"
    " select json_build_object("
    "'now', (extract(epoch from now()) * 1000000)::bigint,"
    "'first_seen', (extract(epoch from i.first_seen) * 1000000)::bigint,"
    "'not_before', (extract(epoch from i.not_before) * 1000000)::bigint,"
    "'not_after', (extract(epoch from i.not_after) * 1000000)::bigint,"
    "'proven', i.logged_at is not null,"
    "'spki_sha256', encode(i.spki_sha256, 'hex'),"
    "'issuer_spki_sha256', encode(i.issuer_spki_sha256, 'hex'),"
    "'serial', i.serial, 'key_type', i.key_type, 'names', i.names,"
    "'issuer_owner', i.issuer_owner, 'issued', i.issued,"
    "'decision', i.decision, 'facts', i.facts,"
    "'usual', (select coalesce(json_agg(x.name), '[]') from x"
    " where i.issuer_owner is not null and ("
    "  exists (select from known k where k.removed_at is null"
    "   and k.issuer_owner = i.issuer_owner"
    "   and k.trust in ('issuance', 'key', 'seed')"
    "   and k.tbs_sha256 is distinct from $1"
    "   and (k.names @> array[x.name] or k.names @> array[x.wild]))"
    "  or exists (select from certificate_name c"
    "   join issuance j on j.tbs_sha256 = c.tbs_sha256"
    "   where c.name in (x.name, x.wild) and c.tbs_sha256 <> $1"
    "   and j.issuer_owner = i.issuer_owner"
    "   and j.decision in ('silent', 'baseline')))),"
    "'issuer_first_seen', (select"
    " (extract(epoch from min(j.first_seen)) * 1000000)::bigint from x"
    " join certificate_name c on c.name in (x.name, x.wild)"
    " join issuance j on j.tbs_sha256 = c.tbs_sha256"
    " where c.tbs_sha256 <> $1 and j.issuer_owner = i.issuer_owner),"
    "'known', (select coalesce(json_agg(json_build_object("
    " 'id', k.id, 'tbs', encode(k.tbs_sha256, 'hex'),"
    " 'key', k.spki_sha256 = i.spki_sha256,"
    " 'names', k.names, 'issuer_owner', k.issuer_owner,"
    " 'until', (extract(epoch from k.until) * 1000000)::bigint,"
    " 'trust', k.trust, 'place', concat_ws(' ', k.origin, k.source,"
    "  'by', k.author, k.place)) order by k.id), '[]') from known k"
    " where k.removed_at is null and k.trust <> 'seed'"
    " and (k.tbs_sha256 = $1 or k.spki_sha256 = i.spki_sha256)),"
    "'expect', (select coalesce(json_agg(json_build_object("
    " 'id', e.id, 'state', e.state, 'names', e.names,"
    " 'issuer_owner', e.issuer_owner, 'from', e.not_before_ms,"
    " 'to', e.not_after_ms) order by e.id), '[]') from expectation e"
    " where e.kind = 'issuance' and e.spki_sha256 = i.spki_sha256"
    " and (e.state = 'open' or (e.state = 'fulfilled'"
    "  and e.tbs_sha256 = $1))),"
    "'source', (select coalesce(json_agg(json_build_object("
    " 'name', s.name, 'names', s.names, 'issuers', s.issuers,"
    " 'until', (extract(epoch from s.until) * 1000000)::bigint)"
    " order by s.name), '[]') from source s),"
    "'logs', (select coalesce(json_object_agg(l.id, l.description), '{}')"
    " from log l where l.id in (select ref from r)),"
    "'twins', (select coalesce(json_agg(encode(j.tbs_sha256, 'hex')), '[]')"
    " from (select j.tbs_sha256 from issuance j"
    "  where j.issuer_spki_sha256 = i.issuer_spki_sha256"
    "  and j.serial = i.serial and j.tbs_sha256 <> $1"
    "  and j.issued = 'valid' limit 8) j),"
    "'findings', (select coalesce(json_agg(json_build_object("
    " 'id', f.id, 'kind', f.kind, 'owner', f.owner, 'state', f.state)),"
    " '[]') from finding f where f.subject in (encode($1, 'hex'),"
    " encode(i.issuer_spki_sha256, 'hex') || ':' || i.serial)),"
    "'policies', (select coalesce(json_object_agg(v.id, v.policy), '{}')"
    " from watch v where v.removed_at is null and v.id in"
    " (select (w.w->>'id')::bigint from w))"
    ")::text from i";

json_t *
issuance_facts(struct db *db, const struct span *tbs,
    const struct db_strs *names, const char *log_refs, struct err *e)
{
	struct db_res	*r = NULL;
	json_t		*v = NULL;

	if (db_query(db, &r, e, facts_sql, "bas", tbs, names, log_refs) == -1)
		return NULL;
	if (db_rows(r) == 0)
		err_set(e, ERR_NOENT, "there is no such issuance");
	else if ((v = json_loads(db_text(r, 0, 0), 0, NULL)) == NULL)
		err_set(e, ERR_DB, "the facts of an issuance are no JSON");
	db_free(r);
	return v;
}

int
issuance_decided(struct db *db, const struct issuance_decision *d,
    struct err *e)
{
	return db_push(db, e,
	    "with n as (insert into certificate_name (tbs_sha256, name)"
	    " select $1, x from unnest($8::text[]) x on conflict do nothing)"
	    " update issuance set decision = $2, rule = nullif($3, 0),"
	    " rule_reason = $4, facts = $5::text::jsonb, hold_until = $6,"
	    " decided_at = now(), logged_at = coalesce(logged_at,"
	    " case when $7 then now() end) where tbs_sha256 = $1",
	    "bsisstBa", d->tbs, d->decision, (int64_t)d->rule, d->reason,
	    d->facts, d->hold_until, d->proven, &d->names);
}

int
issuance_due(struct db *db, size_t max, struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "update issuance set hold_until = null where tbs_sha256 in"
	    " (select tbs_sha256 from issuance where hold_until <= now()"
	    "  order by hold_until limit $1 for update skip locked)"
	    " returning tbs_sha256", "i", (int64_t)max);
}

int
issuance_affected(struct db *db, const struct db_spans *v, int all,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "select tbs_sha256 from issuance where decision is not null"
	    " and ($2 or decision <> 'silent')"
	    " and (tbs_sha256 = any($1) or spki_sha256 = any($1))"
	    " order by tbs_sha256", "AB", v, all);
}

/* The issuance that a finding is about. */
static int
of_finding(struct db *db, int64_t id, uint8_t tbs[32], struct err *e)
{
	struct db_res	*r = NULL;
	const char	*s;
	int		 rc = -1;

	if (db_query(db, &r, e, "select coalesce(detail->>'tbs_sha256',"
	    " subject), kind from finding where id = $1", "i", id) == -1)
		return -1;
	if (db_rows(r) == 0) {
		err_set(e, ERR_NOENT, "there is no finding %lld "
		    "(certvigil findings lists them)", (long long)id);
		goto out;
	}
	s = db_text(r, 0, 0);
	if (strlen(s) != 64 || enc_unhex_to(tbs, 32, s) == -1) {
		err_set(e, ERR_USAGE, "finding %lld (%s) is not about an "
		    "issuance", (long long)id, db_text(r, 0, 1));
		goto out;
	}
	rc = 0;
out:
	db_free(r);
	return rc;
}

int
issuance_find(struct db *db, const char *what, uint8_t tbs[32],
    int64_t *finding, struct err *e)
{
	char		*end;
	long long	 id;

	*finding = 0;
	if (strlen(what) == 64 && enc_unhex_to(tbs, 32, what) == 0)
		return 0;
	id = strtoll(what, &end, 10);
	if (end == what || *end != '\0' || id <= 0)
		return err_set(e, ERR_USAGE, "%s is neither the number of a "
		    "finding nor a tbs_sha256 of 64 hex digits", what);
	*finding = id;
	return of_finding(db, id, tbs, e);
}
