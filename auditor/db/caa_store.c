#include "auditor/db/caa_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char seen_sql[] =
    "with x as materialized (select * from jsonb_to_recordset($1::jsonb) as "
    "x(name text, found_at text, records jsonb, grants jsonb, ttl bigint, "
    "ad boolean, resolver text)), l as materialized (select x.name, o.id, "
    "o.records as was, o.found_at = x.found_at and o.grants = x.grants and "
    "o.records = x.records as same, x.ttl, x.ad, x.resolver from x cross "
    "join lateral (select * from caa_observation o where o.name = x.name "
    "and o.error is null order by o.id desc limit 1) o), "
    "u as (update caa_observation o set last_seen = now(), ttl = l.ttl, ad "
    "= l.ad, resolver = l.resolver from l where o.id = l.id and l.same), "
    "n as (insert into caa_observation (name, found_at, records, grants, "
    "ttl, ad, resolver) select name, found_at, records, grants, ttl, ad, "
    "resolver from x where name not in (select name from l where same)) "
    "select l.name, l.was::text from l join x using (name) where l.was <> "
    "x.records";

/* One of the array; NULL when bytes of it are no text. */
static json_t *
seen_json(const struct caa_seen *s)
{
	return json_pack("{ss ss so sO sI sb ss}", "name", s->name,
	    "found_at", s->set->at, "records", caa_json(s->set), "grants",
	    s->grants, "ttl", (json_int_t)s->set->ttl, "ad", s->set->ad,
	    "resolver", s->resolver);
}

static char *
seen_text(const struct caa_seen *v, size_t n)
{
	json_t	*a = json_array(), *o;
	char	*text = NULL;
	size_t	 i;

	for (i = 0; i < n && (o = seen_json(&v[i])) != NULL; i++)
		(void)json_array_append_new(a, o);
	if (i == n)
		text = json_dumps(a, JSON_COMPACT);
	json_decref(a);
	return text;
}

int
caa_store_seen(struct db *db, const struct caa_seen *v, size_t n,
    char **before, struct err *e)
{
	struct db_res	*r = NULL;
	struct caa_set	 old;
	json_t		*was;
	char		*text = seen_text(v, n);
	size_t		 i, k;
	int		 rc;

	for (i = 0; i < n; i++)
		before[i] = NULL;
	if (text == NULL)
		return err_set(e, ERR_FORMAT, "CAA records are no UTF-8");
	rc = db_query(db, &r, e, seen_sql, "s", text);
	free(text);
	for (i = 0; rc == 0 && i < db_rows(r); i++) {
		memset(&old, 0, sizeof(old));
		for (k = 0; k < n - 1 &&
		    strcmp(v[k].name, db_text(r, i, 0)) != 0; k++)
			;
		was = json_loads(db_text(r, i, 1), 0, NULL);
		if (was != NULL && caa_from_json(was, &old) == 0)
			before[k] = caa_text(&old);
		json_decref(was);
		caa_free(&old);
	}
	db_free(r);
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
caa_store_due(struct db *db, const struct db_strs *names,
    struct db_res **res, struct err *e)
{
	return db_query(db, res, e, "with x as (select q.* from unnest($1) "
	    "s(subject) cross join lateral (select s.subject, i.tbs_sha256, "
	    "i.issuer_owner, c.name like '*.%' as wild, coalesce("
	    "f.first_sct_ms, (select min(timestamp_ms) from entry where "
	    "tbs_sha256 = i.tbs_sha256), (extract(epoch from i.not_before) "
	    "* 1000)::bigint) as ms from certificate_name c join issuance i "
	    "on i.tbs_sha256 = c.tbs_sha256 join cert_fact f on f.tbs_sha256 "
	    "= i.tbs_sha256 where c.name in (s.subject, '*.' || s.subject) "
	    "and s.subject <> all (f.caa_names) and i.issued = 'valid' and "
	    "i.not_after > now() limit 1000) q) "
	    "select x.tbs_sha256, x.issuer_owner, x.wild, x.ms, o.records, "
	    "o.found_at, x.subject from x left join lateral (select * from "
	    "caa_observation o where o.name in (x.subject, (select "
	    "min(found_at) from caa_observation p where p.name = x.subject "
	    "and p.error is null and "
	    "p.last_seen >= to_timestamp(x.ms / 1000.0) - interval '8 hours' "
	    "having count(distinct p.found_at) = 1)) and o.error is null and "
	    "o.first_seen <= to_timestamp(x.ms / 1000.0) - greatest(o.ttl, "
	    "28800) * interval '1 second' and o.last_seen >= to_timestamp("
	    "x.ms / 1000.0) order by o.name = x.subject desc, o.id desc limit "
	    "1) o on true", "a", names);
}

int
caa_store_granted(struct db *db, const struct db_strs *names,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select s from unnest($1) s where exists ("
	    "select from finding where subject = s and kind = "
	    "'grant.unexpected' and state in ('open', 'acked'))", "a", names);
}

int
caa_store_again(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "update work w set due_at = now() from "
	    "issuance i join cert_fact f on f.tbs_sha256 = i.tbs_sha256 join "
	    "issuance_name c on c.tbs_sha256 = i.tbs_sha256 where "
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
