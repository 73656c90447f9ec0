#include "auditor/db/loop_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/acme_store.h"
#include "auditor/db/row.h"
#include "auditor/db/vantage_store.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/sct.h"
#include "pki/der.h"

/* --- what was received ---------------------------------------------------- */

/* The embedded SCTs that can be read: log ids and times (owned texts). */
struct promises {
	uint8_t		 id[LIMIT_SCTS][32];
	struct span	 log[LIMIT_SCTS];
	const char	*ms[LIMIT_SCTS];
	size_t		 n;
};

static void
read_scts(struct span der, struct promises *p)
{
	struct span	tbs, value, list, raw[LIMIT_SCTS];
	struct der_tbs	t;
	struct sct	s;
	size_t		i, n = 0;

	p->n = 0;
	if (der_cert(der, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &t, NULL) == -1 ||
	    der_ext(&t, DER_OID_ARG(DER_OID_SCTS), &value, NULL) != 1 ||
	    sct_unwrap(value, &list, NULL) == -1 ||
	    sct_list(list, raw, LIMIT_SCTS, &n, NULL) == -1)
		return;
	for (i = 0; i < n; i++) {
		if (sct_read(raw[i], &s, NULL) == -1 ||
		    s.timestamp > INT64_MAX / 1000)
			continue;
		memcpy(p->id[p->n], s.log_id, 32);
		p->log[p->n] = (struct span){ p->id[p->n], 32 };
		p->ms[p->n++] = mem_printf("%" PRIu64, s.timestamp);
	}
}

int
loop_received(struct db *db, const struct loop_got *g, struct err *e)
{
	struct promises	p;
	struct db_spans	logs = { p.log, 0 };
	struct db_strs	ms = { p.ms, 0 };
	size_t		i;
	int		rc;

	read_scts(g->der, &p);
	logs.n = ms.n = p.n;
	rc = db_query(db, NULL, e, "with a as (insert into acme_received "
	    "(tbs_sha256, order_id, names, serial, not_after, der) values "
	    "($1, $2, $3, $4, $5, $6) on conflict do nothing returning "
	    "tbs_sha256) insert into acme_promise select tbs_sha256, log, "
	    "ms::bigint from a, unnest($7::bytea[], $8::text[]) x(log, ms) "
	    "on conflict do nothing", "biastbAa", &g->tbs, g->order,
	    &g->names, g->serial, g->not_after, &g->der, &logs, &ms);
	for (i = 0; i < p.n; i++)
		free((void *)(uintptr_t)p.ms[i]);
	return rc;
}

int
loop_seen(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "update acme_received a set seen_at = "
	    "now() where a.seen_at is null and exists (select from entry n "
	    "where n.tbs_sha256 = a.tbs_sha256)", "");
}

/* --- not logged ----------------------------------------------------------- */

/*
 * Was log ${l} read from before the SCT ${p} was given until its promise was
 * due?  An entry is younger than a head that is older than its SCT.
 */
#define WAS_READ \
	"exists (select from log_range g join tree_head h on h.log_ref = " \
	"g.log_ref and h.tree_size between g.size_from and g.size_to where " \
	"g.log_ref = l.id and h.verdict = 'valid' and h.consistency <> " \
	"'conflict' and not " VANTAGE_TOLD("h.id") \
	" and h.timestamp_ms >= p.timestamp_ms + l.mmd * " \
	"1000::bigint and (g.size_from = 0 or exists (select from tree_head " \
	"o where o.log_ref = l.id and o.verdict = 'valid' and o.consistency " \
	"<> 'conflict' and not " VANTAGE_TOLD("o.id") \
	" and o.tree_size between g.size_from and h.tree_size " \
	"and o.timestamp_ms < p.timestamp_ms)))"

/* Does the watch ${w} cover the name ${n}, or what is below its star? */
#define COVERS \
	"(w.pattern in ('.', n.name, n.base, '*' || substr(n.name, " \
	"strpos(n.name, '.'))) or (left(w.pattern, 1) = '.' and " \
	"right('.' || n.base, length(w.pattern)) = w.pattern)) and not " \
	"exists (select from unnest(w.exclude) x where right('.' || n.base, " \
	"length(ltrim(x, '.')) + 1) = '.' || ltrim(x, '.'))"

/*
 * A log that is not read holds the verdict back, until a day after its
 * promise was due.  What was ordered from a CA that does not log has no
 * expectation.
 */
static const char not_logged_sql[] =
    "with p as (select a.tbs_sha256, a.names, a.serial, a.not_after, "
    "l.description, p.timestamp_ms as at, p.timestamp_ms + l.mmd * "
    "1000::bigint as due, " WAS_READ " as read from acme_received a join "
    "acme_promise p on p.tbs_sha256 = a.tbs_sha256 join log l on l.log_id "
    "= p.log_id and l.watched join acme_order o on o.id = a.order_id where "
    "a.seen_at is null and a.not_after > now() and o.expectation is not "
    "null), "
    "b as (select tbs_sha256, names, serial, not_after, min(at) as at, "
    "array_agg(distinct description) filter (where read) as logs, max(due) "
    "filter (where read) as due from p group by tbs_sha256, names, serial, "
    "not_after having bool_or(read) and bool_and(read or due < "
    "extract(epoch from now() - interval '1 day') * 1000)) "
    "select distinct on (b.tbs_sha256, w.owner) b.tbs_sha256, w.owner, "
    "w.pattern, n.name, 'we ordered it, its SCTs promise it by ' || "
    "to_char(to_timestamp(b.due / 1000) at time zone 'UTC', "
    "'YYYY-MM-DD HH24:MI') || ' UTC, and no log shows it: read were ' || "
    "left(array_to_string(b.logs, ', '), 250), json_build_object('names', "
    "b.names, 'serial', b.serial, 'absent_from', b.logs, 'not_after', "
    ROW_RFC3339("b.not_after") ", 'due', "
    ROW_RFC3339("to_timestamp(b.due / 1000)") ")::text "
    "from b cross join lateral (select x as name, case when left(x, 2) = "
    "'*.' then substr(x, 3) else x end as base from unnest(b.names) x) n "
    "join watch w on w.removed_at is null and w.added_at <= "
    "to_timestamp(b.at / 1000.0) and " COVERS
    " order by b.tbs_sha256, w.owner, w.pattern, n.name";

int
loop_not_logged(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, not_logged_sql, "");
}

int
loop_logged(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select distinct f.subject, case when "
	    "a.seen_at is not null then 'a log shows it' else 'it has "
	    "expired' end from finding f join acme_received a on "
	    "a.tbs_sha256 = decode(f.subject, 'hex') where f.kind = "
	    "'certificate.not_logged' and f.state in ('open', 'acked') and "
	    "(a.seen_at is not null or a.not_after <= now())", "");
}

/* --- not received --------------------------------------------------------- */

#define LOST	"(o.state = 'failed' or (o.state = 'open' and o.changed_at < " \
	"now() - interval '1 hour'))"
#define RECEIVED "exists (select from acme_received a where a.tbs_sha256 = " \
	"i.tbs_sha256)"
#define REVOKED	"exists (select from revocation r where " \
	"r.issuer_spki_sha256 = i.issuer_spki_sha256 and r.serial = i.serial " \
	"and r.status = 'revoked')"
#define NEWER	"coalesce(m.issued_at > o.added_at and m.tbs_sha256 <> " \
	"i.tbs_sha256, false)"

int
loop_not_received(struct db *db, struct db_res **r, struct err *e)
{
	/* what is no order of ours but has its key is key.misused */
	return db_query(db, r, e, "select i.tbs_sha256, 'issued with the key "
	    "of our order for ' || m.name || ', which ' || case when o.state "
	    "= 'failed' then 'failed' else 'nobody went on with' end || ', "
	    "and never received: ' || case when m.removed_at is null then "
	    "'\"certvigil renew ' || q.name || case when o.url is not null "
	    "and o.late_tries < $1 then '\" fetches it, ' else '\" gets a "
	    "new one, ' end else '' end || '\"certvigil revoke ' || encode(i.tbs_sha256, 'hex') || "
	    "'\" revokes this one', json_build_object('names', i.names, "
	    "'serial', i.serial, 'not_after', " ROW_RFC3339("i.not_after")
	    ", 'order', o.url, 'error', o.error, 'managed', m.name)::text, "
	    "o.id, m.id from acme_order o join managed_certificate m on m.id = "
	    "o.managed_id join issuance i on i.spki_sha256 = o.spki_sha256 "
	    "cross join lateral (select case when left(m.name, 1) = '*' then "
	    "'''' || m.name || '''' else m.name end as name) q where " LOST
	    " and i.issued = 'valid' and i.decision in ('silent', 'hold', "
	    "'digest', 'page') and i.not_after > now() and not " RECEIVED
	    " and not " REVOKED " and not " NEWER " order by i.tbs_sha256",
	    "i", (int64_t)LIMIT_LATE);
}

int
loop_late(struct db *db, int64_t order, struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc;

	if (db_query(db, &r, e, "update acme_order o set late_at = now() from "
	    "managed_certificate m where o.id = $1 and m.id = o.managed_id and "
	    "m.removed_at is null and o.late_at is null and o.url is not null "
	    "and o.late_tries < $2", "ii", order,
	    (int64_t)LIMIT_LATE) == -1)
		return -1;
	rc = db_changed(r) != 0;
	db_free(r);
	return rc;
}

int
loop_reopen(struct db *db, int64_t managed, const char *holder,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 rc;

	if (db_query(db, &r, e, "update acme_order set state = 'open', error "
	    "= null, holder = $2, held_until = now() + " ORDER_HELD ", "
	    "late_tries = late_tries + 1, changed_at = now() where id = "
	    "(select o.id from acme_order o join managed_certificate m on "
	    "m.id = o.managed_id join issuance i on i.spki_sha256 = "
	    "o.spki_sha256 where m.id = $1 and m.removed_at is null and "
	    "o.state = 'failed' and o.url is not null and o.flow <> '{}' and "
	    "o.late_tries < $3 and i.issued = 'valid' and i.decision in "
	    "('silent', 'hold', 'digest', 'page') and i.not_after > now() and "
	    "not " RECEIVED " and not " REVOKED " and not " NEWER " and not "
	    "exists (select from acme_order p where p.managed_id = m.id and "
	    "p.state = 'open') order by o.id desc limit 1)", "isi", managed,
	    holder, (int64_t)LIMIT_LATE) == -1)
		return -1;
	rc = db_changed(r) != 0;
	db_free(r);
	return rc;
}

int
loop_settled(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select distinct on (f.subject) f.subject, "
	    "case when " REVOKED " then 'it is revoked' when " RECEIVED
	    " then 'it was received' when i.not_after <= now() then 'it has "
	    "expired' else 'a newer one is deployed' end from finding f join "
	    "issuance i on i.tbs_sha256 = decode(f.subject, 'hex') join "
	    "acme_order o on o.spki_sha256 = i.spki_sha256 join "
	    "managed_certificate m on m.id = o.managed_id where f.kind = "
	    "'certificate.not_received' and f.state in ('open', 'acked') and "
	    "(" REVOKED " or " RECEIVED " or " NEWER " or i.not_after <= "
	    "now()) order by f.subject", "");
}
