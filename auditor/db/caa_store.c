#include "auditor/db/caa_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char seen_sql[] =
    "with l as (select * from caa_observation where name = $1 and error is "
    "null order by id desc limit 1), u as (update caa_observation o set "
    "last_seen = now(), ttl = $5, ad = $6, resolver = $7 from l where o.id = "
    "l.id and l.records = $3::jsonb and l.found_at = $2 and l.grants = "
    "$4::jsonb returning 1), n as (insert into caa_observation (name, "
    "found_at, records, grants, ttl, ad, resolver) select $1, $2, $3::jsonb, "
    "$4::jsonb, $5, $6, $7 where not exists (select from u) returning 1) "
    "select l.records::text from l where exists (select from n) and "
    "l.records <> $3::jsonb";

int
caa_store_seen(struct db *db, const struct caa_seen *s, char **before,
    struct err *e)
{
	struct db_res	*r = NULL;
	struct caa_set	 old = { .n = 0 };
	json_t		*records = caa_json(s->set), *was;
	char		*text = json_dumps(records, JSON_COMPACT);
	char		*grants = json_dumps(s->grants, JSON_COMPACT);
	int		 rc = -1;

	*before = NULL;
	json_decref(records);
	if (text == NULL || grants == NULL)
		(void)err_set(e, ERR_FORMAT, "CAA records are no UTF-8");
	else
		rc = db_query(db, &r, e, seen_sql, "ssssiBs", s->name,
		    s->set->at, text, grants, (int64_t)s->set->ttl,
		    s->set->ad, s->resolver);
	if (rc == 0 && db_rows(r) != 0) {
		was = json_loads(db_text(r, 0, 0), 0, NULL);
		if (was != NULL && caa_from_json(was, &old) == 0)
			*before = caa_text(&old);
		json_decref(was);
		caa_free(&old);
	}
	db_free(r);
	free(text);
	free(grants);
	return rc;
}

int
caa_store_error(struct db *db, const char *name, const char *why,
    struct err *e)
{
	return db_query(db, NULL, e, "with l as (select * from "
	    "caa_observation where name = $1 order by id desc limit 1), "
	    "u as (update caa_observation o set last_seen = now() from l "
	    "where o.id = l.id and l.error = $2 returning 1) "
	    "insert into caa_observation (name, records, error) "
	    "select $1, '[]', $2 where not exists (select from u)", "ss",
	    name, why);
}

/*
 * The set counts that was seen from max(TTL, 8 h) before the issuance until
 * after it; without one nothing can be said: what changed in between may have
 * allowed it.  A name that was not followed then has its records at a parent
 * that was: those count, unless the name had others meanwhile.
 */
int
caa_store_due(struct db *db, const char *name, struct db_res **res,
    struct err *e)
{
	return db_query(db, res, e, "with x as (select i.tbs_sha256, "
	    "i.issuer_owner, c.name like '*.%' as wild, coalesce("
	    "f.first_sct_ms, (select min(timestamp_ms) from entry where "
	    "tbs_sha256 = i.tbs_sha256), (extract(epoch from i.not_before) "
	    "* 1000)::bigint) as ms from certificate_name c join issuance i "
	    "on i.tbs_sha256 = c.tbs_sha256 join cert_fact f on f.tbs_sha256 "
	    "= i.tbs_sha256 where c.name in ($1, '*.' || $1) and $1 <> all "
	    "(f.caa_names) and i.issued = 'valid' and i.not_after > now() "
	    "limit 1000) "
	    "select x.tbs_sha256, x.issuer_owner, x.wild, x.ms, o.records, "
	    "o.found_at from x left join lateral (select * from "
	    "caa_observation o where o.name in ($1, (select min(found_at) "
	    "from caa_observation p where p.name = $1 and p.error is null and "
	    "p.last_seen >= to_timestamp(x.ms / 1000.0) - interval '8 hours' "
	    "having count(distinct p.found_at) = 1)) and o.error is null and "
	    "o.first_seen <= to_timestamp(x.ms / 1000.0) - greatest(o.ttl, "
	    "28800) * interval '1 second' and o.last_seen >= to_timestamp("
	    "x.ms / 1000.0) order by o.name = $1 desc, o.id desc limit 1) "
	    "o on true", "s", name);
}

int
caa_store_again(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "update work w set due_at = now() from "
	    "issuance i join cert_fact f on f.tbs_sha256 = i.tbs_sha256 join "
	    "certificate_name c on c.tbs_sha256 = i.tbs_sha256 where "
	    "w.kind = 'caa' and w.subject = regexp_replace(c.name, "
	    "'^[*][.]', '') and w.holder is null and w.last_error is null "
	    "and w.subject <> all (f.caa_names) and i.issued = 'valid' and "
	    "i.not_after > now() and i.first_seen > now() - interval "
	    "'30 days' returning w.kind || ':' || w.subject", "");
}

int
caa_store_judged(struct db *db, const struct caa_judged *j, struct err *e)
{
	return db_push(db, e, "with r(v, n) as (values ('allowed', 1), "
	    "('unknown', 2), ('violated', 3)), "
	    "w as (select coalesce((select n from r where v = caa), 0) < "
	    "(select n from r where v = $3) as worse from cert_fact where "
	    "tbs_sha256 = $1), "
	    "u as (update cert_fact f set caa_names = case when $2 = any "
	    "(caa_names) then caa_names else array_append(caa_names, $2) end, caa = case "
	    "when worse then $3 else caa end, caa_why = case when worse then "
	    "nullif($4, '') else caa_why end from w where tbs_sha256 = $1 "
	    "returning f.caa, f.caa_why) "
	    "update finding set caa = u.caa || coalesce(': ' || u.caa_why, "
	    "'') from u where subject = encode($1, 'hex')", "bsss", &j->tbs,
	    j->name, j->verdict, j->why);
}
