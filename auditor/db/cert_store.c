#include "auditor/db/cert_store.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/audit_sql.h"
#include "auditor/role/judge_audit.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/*
 * In the order of an index, so that a turn reads each certificate once, and
 * none twice whatever was said of it.
 */
int
cert_store_due(struct db *db, const struct cert_ask *q, struct db_res **res,
    struct err *e)
{
	const struct span	key = { q->spki, 32 };
	const struct span	tbs = { q->tbs != NULL ? q->tbs :
				    (const uint8_t *)"", q->tbs != NULL ? 32 :
				    0 };

	return db_query(db, res, e, "select i.tbs_sha256, c.form, c.der, "
	    "c.chain, i.serial from issuance i "
	    "join lateral (select * from certificate c where "
	    "c.tbs_sha256 = i.tbs_sha256 order by c.form desc, c.sha256 "
	    "limit 1) c "
	    "on true left join cert_fact f on f.tbs_sha256 = i.tbs_sha256 "
	    "where i.issuer_spki_sha256 = $1 and i.serial >= $3 and "
	    "(i.serial, i.tbs_sha256) > ($3, $4) and i.not_after > now() "
	    "and i.issued <> 'invalid' and (f.judged_at is null "
	    "or f.judged_at < $2 or (c.form = 'x509' and f.form = 'precert' "
	    "and f.cert_sha256 <> c.sha256)) "
	    "order by i.serial, i.tbs_sha256 limit $5", "btsbi", &key,
	    q->before, q->serial, &tbs, (int64_t)q->max);
}

int
cert_store_issuers(struct db *db, const struct db_res *due, size_t row,
    const uint8_t spki[32], struct db_res **res, struct err *e)
{
	const struct span	key = { spki, 32 };
	const char		*chain = db_text(due, row, CERT_DUE_CHAIN);

	return db_query(db, res, e, "select sha256, der from issuer "
	    "where sha256 = any ($1::bytea[]) or spki_sha256 = $2 "
	    "order by array_position($1::bytea[], sha256) limit $3", "sbi",
	    chain[0] != '\0' ? chain : "{}", &key, (int64_t)LIMIT_POOL);
}

/* --- JSON of a batch ------------------------------------------------------- */

static json_t *
hex(const void *p, size_t n)
{
	struct buf	b = BUF_INIT;
	json_t		*s;

	enc_hex(&b, p, n);
	s = json_string(buf_text(&b));
	buf_free(&b);
	return s;
}

static json_t *
strings(const char *const *v, size_t n)
{
	json_t	*a = json_array();
	size_t	 i;

	for (i = 0; i < n; i++)
		(void)json_array_append_new(a, json_string(v[i]));
	return a;
}

static json_t *
at(int64_t us)
{
	char	t[CLK_TEXT];

	return us == INT64_MIN ? json_null() : json_string(clk_text(us, t));
}

static void
put_fact(json_t *out, const struct cert_in *in)
{
	const struct judge_cert	*k = in->said;
	uint64_t		 first = 0;
	json_t			*o;
	size_t			 i;

	for (i = 0; i < k->nscts; i++)
		if (k->scts[i].status == SCTS_VALID &&
		    (first == 0 || k->scts[i].timestamp < first))
			first = k->scts[i].timestamp;
	o = json_pack("{so so ss so so so sb sb sb so so so so}",
	    "tbs", hex(in->tbs_sha256, 32),
	    "cert", hex(k->cert_sha256, 32),
	    "form", k->is_precert ? "precert" : "x509",
	    "crl", strings(k->crl, k->ncrl),
	    "ocsp", strings(k->ocsp, k->nocsp),
	    "aia", strings(k->aia, k->naia),
	    "must_staple", k->must_staple, "short_lived", k->short_lived,
	    "presigned", k->presigned,
	    "weak", k->weak[0] != '\0' ? json_string(k->weak) : json_null(),
	    "weak_why", k->weak[0] != '\0' ? json_string(k->weak_why) :
	    json_null(),
	    "issuer", k->has_issuer ? hex(k->issuer_sha256, 32) : json_null(),
	    "first_sct", first != 0 ? json_integer((json_int_t)first) :
	    json_null());
	(void)json_object_set_new(o, "issuer_spki", k->has_issuer ?
	    hex(k->issuer_spki, 32) : json_null());
	(void)json_array_append_new(out, o);
}

/* Which entry an SCT promises: not known when the issuer is not at hand. */
static json_t *
leaf(const struct judge_sct *x)
{
	static const uint8_t	none[32];

	return memcmp(x->leaf_hash, none, 32) == 0 ? json_null() :
	    hex(x->leaf_hash, 32);
}

static void
put_scts(json_t *out, const struct cert_in *in)
{
	const struct judge_cert	*k = in->said;
	size_t			 i;

	for (i = 0; i < k->nscts; i++) {
		const struct judge_sct	*x = &k->scts[i];

		(void)json_array_append_new(out, json_pack(
		    "{so so sI so ss ss ss so sI}",
		    "tbs", hex(in->tbs_sha256, 32),
		    "log_id", hex(x->log_id, 32),
		    "ms", (json_int_t)x->timestamp,
		    "raw", hex(x->raw.p, x->raw.n),
		    "source", scts_source_name(x->source),
		    "status", scts_status_name(x->status),
		    "reason", x->reason,
		    "leaf_hash", leaf(x),
		    "leaf_index", (json_int_t)x->leaf_index));
	}
}

static void
put_paths(json_t *out, const struct cert_in *in)
{
	const struct judge_cert	*k = in->said;
	json_t			*path;
	size_t			 i, h;

	for (i = 0; i < k->npaths; i++) {
		const struct judge_path	*p = &k->paths[i];

		path = json_array();
		for (h = 0; h + 32 <= p->hashes.n; h += 32)
			(void)json_array_append_new(path,
			    hex(p->hashes.p + h, 32));
		(void)json_array_append_new(out, json_pack(
		    "{so ss sI ss ss ss so so}",
		    "tbs", hex(in->tbs_sha256, 32), "program", p->program,
		    "no", (json_int_t)i,
		    "verdict", chain_verdict_name(p->verdict),
		    "issued", chain_verdict_name(p->issued),
		    "reason", p->reason, "until", at(p->until),
		    "path", path));
	}
}

static void
put_policy(json_t *out, const struct cert_in *in)
{
	const struct judge_cert	*k = in->said;
	int			 i;

	for (i = 0; i < POLICY_PROGRAMS && !k->is_precert; i++)
		(void)json_array_append_new(out, json_pack("{so ss so ss}",
		    "tbs", hex(in->tbs_sha256, 32),
		    "program", policy_name((enum policy_program)i),
		    "compliant", k->compliant[i] == -1 ? json_null() :
		    json_boolean(k->compliant[i]),
		    "reason", k->policy[i]));
}

/* One statement of which $1 is what ${put} makes of the batch. */
static int
each(struct db *db, const struct cert_in *in, size_t n,
    void (*put)(json_t *, const struct cert_in *), const char *sql,
    struct err *e)
{
	json_t	*a = json_array();
	char	*text;
	size_t	 i;
	int	 rc = 0;

	for (i = 0; i < n; i++)
		put(a, &in[i]);
	if (json_array_size(a) != 0) {
		text = json_dumps(a, JSON_COMPACT);
		rc = text == NULL ? err_set(e, ERR_FORMAT, "a judge said "
		    "what is no UTF-8") : db_query(db, NULL, e, sql, "s",
		    text);
		free(text);
	}
	json_decref(a);
	return rc;
}

/*
 * Signed by a Precertificate Signing Certificate: its key is not that of the
 * final issuer.  Only the precertificate shows it.
 */
static const char fact_sql[] =
    "with x as (select * from jsonb_to_recordset($1::jsonb) as x("
    "tbs text, cert text, form text, crl jsonb, ocsp jsonb, aia jsonb, "
    "must_staple boolean, short_lived boolean, presigned boolean, weak text, "
    "weak_why text, issuer text, issuer_spki text, first_sct bigint)), "
    "f as (insert into cert_fact (tbs_sha256, cert_sha256, form, crl, ocsp, "
    "aia, must_staple, short_lived, presigned, weak, weak_why, issuer_sha256, "
    "first_sct_ms) select decode(tbs, 'hex'), decode(cert, 'hex'), form, "
    "array(select jsonb_array_elements_text(crl)), "
    "array(select jsonb_array_elements_text(ocsp)), "
    "array(select jsonb_array_elements_text(aia)), must_staple, short_lived, "
    "presigned or exists (select from certificate p join issuer s on "
    "s.sha256 = p.chain[1] join issuance i on i.tbs_sha256 = p.tbs_sha256 "
    "where p.tbs_sha256 = decode(x.tbs, 'hex') and p.form = 'precert' and "
    "s.spki_sha256 <> i.issuer_spki_sha256), "
    "weak, weak_why, decode(issuer, 'hex'), first_sct from x "
    "on conflict (tbs_sha256) do update set cert_sha256 = "
    "excluded.cert_sha256, form = excluded.form, crl = excluded.crl, "
    "ocsp = excluded.ocsp, aia = excluded.aia, must_staple = "
    "excluded.must_staple, short_lived = excluded.short_lived, presigned = "
    "excluded.presigned, weak = case when cert_fact.weak = 'shared' then "
    "cert_fact.weak else excluded.weak end, weak_why = case when "
    "cert_fact.weak = 'shared' then cert_fact.weak_why else "
    "excluded.weak_why end, "
    "issuer_sha256 = coalesce(excluded.issuer_sha256, "
    "cert_fact.issuer_sha256), first_sct_ms = excluded.first_sct_ms, "
    "judged_at = now() returning 1) select count(*) from f";

/*
 * The sources that certificates name; the issuer key is that which the
 * database has, which is the one that signed.  A conflict with a row that is
 * being changed would wait for that transaction.
 */
static const char source_sql[] =
    "with x as (select distinct i.issuer_spki_sha256 as spki, "
    "f.issuer_sha256 as issuer, k.kind, u.url, i.serial from "
    "jsonb_to_recordset($1::jsonb) as x(tbs text) "
    "join cert_fact f on f.tbs_sha256 = decode(x.tbs, 'hex') "
    "join issuance i on i.tbs_sha256 = f.tbs_sha256 "
    "cross join lateral (values ('crl', f.crl), ('ocsp', f.ocsp)) "
    "k(kind, urls) cross join lateral unnest(k.urls) u(url)), "
    "n as (insert into revocation_source (kind, url, issuer_spki_sha256, "
    "issuer_sha256) select distinct on (kind, url, spki) kind, url, spki, "
    "issuer from x where not exists (select from revocation_source r where "
    "r.kind = x.kind and r.url = x.url and r.issuer_spki_sha256 = x.spki) "
    "order by kind, url, spki, issuer on conflict do nothing "
    "returning id, kind, url, issuer_spki_sha256), "
    "u as (update revocation_source r set issuer_sha256 = x.issuer from x "
    "where r.kind = x.kind and r.url = x.url and r.issuer_spki_sha256 = "
    "x.spki and r.issuer_sha256 is null and x.issuer is not null), "
    "s as (select * from n union all select r.id, r.kind, r.url, "
    "r.issuer_spki_sha256 from revocation_source r where "
    "(r.kind, r.url, r.issuer_spki_sha256) in (select kind, url, spki "
    "from x)) "
    "insert into ocsp_due (source_id, serial) select distinct s.id, x.serial "
    "from s join x on x.kind = 'ocsp' and s.kind = 'ocsp' and x.url = s.url "
    "and x.spki = s.issuer_spki_sha256 on conflict do nothing";

/*
 * Sources of certificates of which nothing is known are asked now.  Those
 * that are being asked look for themselves at their end: they are not waited
 * for, and no two jobs for each other.
 */
static const char plan_sql[] =
    "with p as (select distinct s.kind, s.id::text as subject from "
    "jsonb_to_recordset($1::jsonb) as x(tbs text) "
    "cross join lateral (select f.crl, f.ocsp, f.cert_sha256, "
    "i.issuer_spki_sha256, i.serial from cert_fact f join issuance i "
    "on i.tbs_sha256 = f.tbs_sha256 where f.tbs_sha256 = decode(x.tbs, 'hex') "
    "limit 1) f cross join lateral ("
    AUDIT_SQL_SOURCES("f", "f.issuer_spki_sha256") ") u cross join lateral "
    "(select s.* from revocation_source s where s.id = u.id and "
    "(s.failing_since is null or (s.kind = 'ocsp' and s.state = 'faulty')) "
    "and not exists (select from revocation_status v where "
    "v.issuer_spki_sha256 = f.issuer_spki_sha256 and v.serial = f.serial and "
    "v.source_id = s.id) limit 1) s), "
    "n as (insert into work (kind, subject) select kind, subject from p "
    "where not exists (select from work w where w.kind = p.kind and "
    "w.subject = p.subject) order by 1, 2 on conflict do nothing), "
    "w as (select w.id from work w join p using (kind, subject) where "
    "w.due_at > now() order by w.id for update of w skip locked) "
    "update work set due_at = now() from w where work.id = w.id";

/* Names whose records are followed: is it allowed by them? */
static const char caa_sql[] =
    "update work w set due_at = now() from jsonb_to_recordset($1::jsonb) as "
    "x(tbs text) join cert_fact f on f.tbs_sha256 = decode(x.tbs, 'hex') "
    "join issuance_name c on c.tbs_sha256 = f.tbs_sha256 where w.kind = "
    "'caa' and w.subject = regexp_replace(c.name, '^[*][.]', '') and "
    "w.holder is null and w.last_error is null and w.due_at > now() and "
    "w.subject <> all (f.caa_names)";

/*
 * What could not be looked at (the issuer was not at hand) or has other bytes
 * takes nothing back: whoever serves a certificate chooses what stands beside.
 */
static const char sct_sql[] =
    "insert into sct as s (tbs_sha256, log_id, timestamp_ms, raw, source, "
    "status, reason, leaf_hash, leaf_index, inclusion, due_at) "
    "select distinct on (x.tbs, x.log_id, x.ms) decode(x.tbs, 'hex'), "
    "decode(x.log_id, 'hex'), x.ms, "
    "decode(x.raw, 'hex'), x.source, x.status, x.reason, "
    "decode(x.leaf_hash, 'hex'), x.leaf_index, "
    "case when x.status in ('valid', 'not_counted') and x.leaf_hash is not "
    "null then 'pending' else 'none' end, "
    "to_timestamp(x.ms / 1000.0) + coalesce(l.mmd, 86400) * "
    "interval '1 second' from jsonb_to_recordset($1::jsonb) as x(tbs text, "
    "log_id text, ms bigint, raw text, source text, status text, reason "
    "text, leaf_hash text, leaf_index bigint) left join log l on l.log_id = "
    "decode(x.log_id, 'hex') order by x.tbs, x.log_id, x.ms, "
    "x.status <> 'valid', x.source on conflict (tbs_sha256, log_id, "
    "timestamp_ms) do update set status = excluded.status, reason = "
    "excluded.reason, raw = excluded.raw, source = excluded.source, "
    "leaf_hash = excluded.leaf_hash, leaf_index = excluded.leaf_index, "
    "inclusion = case when s.inclusion = 'none' then excluded.inclusion "
    "else s.inclusion end, due_at = coalesce(s.due_at, excluded.due_at) "
    "where (s.leaf_hash is null or excluded.leaf_hash is not null) and "
    "(s.raw = excluded.raw or excluded.status = 'valid' or s.status <> "
    "'valid')";

static const char forget_sql[] =
    "delete from chain_verdict where tbs_sha256 in (select decode(tbs, "
    "'hex') from jsonb_to_recordset($1::jsonb) as x(tbs text))";

static const char path_sql[] =
    "insert into chain_verdict (tbs_sha256, program, path_no, verdict, "
    "issued, reason, until, path) select decode(tbs, 'hex'), program, no, "
    "verdict, issued, reason, until, array(select decode(p, 'hex') from "
    "jsonb_array_elements_text(path) with ordinality o(p, i) order by i) "
    "from jsonb_to_recordset($1::jsonb) as x(tbs text, program text, no int, "
    "verdict text, issued text, reason text, until timestamptz, path jsonb) "
    "on conflict do nothing";

static const char policy_sql[] =
    "insert into ct_verdict (tbs_sha256, program, compliant, reason) "
    "select decode(tbs, 'hex'), program, compliant, reason from "
    "jsonb_to_recordset($1::jsonb) as x(tbs text, program text, "
    "compliant boolean, reason text) on conflict (tbs_sha256, program) "
    "do update set compliant = excluded.compliant, reason = excluded.reason, "
    "judged_at = now()";

int
cert_store_said(struct db *db, const struct cert_in *in, size_t n,
    struct err *e)
{
	if (each(db, in, n, put_fact, fact_sql, e) == -1 ||
	    each(db, in, n, put_fact, source_sql, e) == -1 ||
	    each(db, in, n, put_fact, plan_sql, e) == -1 ||
	    each(db, in, n, put_fact, caa_sql, e) == -1 ||
	    each(db, in, n, put_scts, sct_sql, e) == -1 ||
	    each(db, in, n, put_fact, forget_sql, e) == -1 ||
	    each(db, in, n, put_paths, path_sql, e) == -1)
		return -1;
	return each(db, in, n, put_policy, policy_sql, e);
}

int
cert_store_scts(struct db *db, const struct cert_in *in, size_t n,
    struct err *e)
{
	return each(db, in, n, put_scts, sct_sql, e);
}

int
cert_store_refused(struct db *db, const uint8_t tbs[32], const char *form,
    struct err *e)
{
	const struct span	id = { tbs, 32 };

	return db_query(db, NULL, e, "insert into cert_fact (tbs_sha256, "
	    "cert_sha256, form) values ($1, '', $2) on conflict (tbs_sha256) "
	    "do update set judged_at = now(), form = excluded.form", "bs",
	    &id, form);
}

int
cert_store_served(struct db *db, const struct judge_cert *k, struct span der,
    struct err *e)
{
	const struct span	sha = { k->cert_sha256, 32 };
	const struct span	tbs = { k->tbs_sha256, 32 };

	return db_query(db, NULL, e, "insert into served_certificate (sha256, "
	    "tbs_sha256, der) values ($1, $2, $3) on conflict do nothing",
	    "bbb", &sha, &tbs, &der);
}

int
cert_store_known(struct db *db, const uint8_t tbs[32], struct err *e)
{
	const struct span	 id = { tbs, 32 };
	struct db_res		*r = NULL;
	int			 rc = 0;

	if (db_query(db, &r, e, "select exists (select from issuance where "
	    "tbs_sha256 = $1 and logged_at is not null), exists (select from "
	    "known where tbs_sha256 = $1 and removed_at is null)", "b", &id)
	    == -1)
		return -1;
	if (db_bool(r, 0, 0))
		rc = 1;
	else if (db_bool(r, 0, 1))
		rc = 2;
	db_free(r);
	return rc;
}

int
cert_store_keys(struct db *db, size_t max, struct db_res **res,
    struct err *e)
{
	return db_query(db, res, e, "select distinct on (i.spki_sha256) "
	    "i.spki_sha256, c.der from issuance i join certificate c on "
	    "c.tbs_sha256 = i.tbs_sha256 where i.key_type like 'rsa%' and "
	    "i.not_after > now() and length(c.der) <= 8192 "
	    "order by i.spki_sha256, c.form desc limit $1", "i", (int64_t)max);
}

int
cert_store_shared(struct db *db, const struct span *spki, const char *why,
    struct db_res **res, struct err *e)
{
	return db_query(db, res, e, "update cert_fact f set weak = 'shared', "
	    "weak_why = $2 from issuance i where i.tbs_sha256 = f.tbs_sha256 "
	    "and i.spki_sha256 = $1 and i.not_after > now() "
	    "and f.weak is distinct from 'shared' returning f.tbs_sha256",
	    "bs", spki, why);
}
