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
caa_store_errors(struct db *db, const struct db_strs *names,
    const struct db_strs *why, struct err *e)
{
	return db_query(db, NULL, e, "with x as materialized (select "
	    "x.name, x.why, l.id from unnest($1, $2) x(name, why) left join "
	    "lateral (select id, error from caa_observation o where o.name = "
	    "x.name order by id desc limit 1) l on l.error = x.why), "
	    "u as (update caa_observation o set last_seen = now() from x "
	    "where o.id = x.id) "
	    "insert into caa_observation (name, records, error) "
	    "select name, '[]', why from x where id is null", "aa", names,
	    why);
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

/* Each issuance once, with the worst that is said of it, and all the names. */
static const char judged_sql[] =
    "with r(v, n) as (values ('allowed', 1), ('unknown', 2), "
    "('violated', 3)), x as (select unnest($1) as tbs, unnest($2) as name, "
    "unnest($3) as v, unnest($4) as why), "
    "y as materialized (select x.tbs, array_agg(x.name) as names, "
    "max(r.n) as n, (array_agg(x.v order by r.n desc, x.name))[1] as v, "
    "(array_agg(x.why order by r.n desc, x.name))[1] as why "
    "from x join r using (v) group by x.tbs), "
    "u as (update cert_fact f set caa_names = f.caa_names || array(select "
    "distinct n from unnest(y.names) n where n <> all (f.caa_names)), "
    "caa = case when coalesce((select r.n from r where r.v = f.caa), 0) < "
    "y.n then y.v else f.caa end, caa_why = case when coalesce((select r.n "
    "from r where r.v = f.caa), 0) < y.n then nullif(y.why, '') else "
    "f.caa_why end from y where f.tbs_sha256 = any ($1) and "
    "f.tbs_sha256 = y.tbs returning f.tbs_sha256, f.caa, f.caa_why) "
    "update finding set caa = u.caa || coalesce(': ' || u.caa_why, '') "
    "from u where subject = encode(u.tbs_sha256, 'hex')";

int
caa_store_judged(struct db *db, const struct caa_judged *v, size_t n,
    struct err *e)
{
	struct span	 *tbs = mem_array(n + 1, sizeof(*tbs));
	const char	**text = mem_array(3 * n + 1, sizeof(*text));
	struct db_spans	  all = { tbs, n };
	struct db_strs	  name = { text, n }, verdict = { text + n, n };
	struct db_strs	  why = { text + 2 * n, n };
	size_t		  i;
	int		  rc;

	for (i = 0; i < n; i++) {
		tbs[i] = v[i].tbs;
		text[i] = v[i].name;
		text[n + i] = v[i].verdict;
		text[2 * n + i] = v[i].why;
	}
	rc = db_push(db, e, judged_sql, "Aaaa", &all, &name, &verdict, &why);
	free(tbs);
	free(text);
	return rc;
}
