#include "auditor/db/ari_store.h"

#include <string.h>

#include "base/limit.h"

/* Who is asked about issuance ${i}: $1 to $4 are struct ari_places. */
#define GIVEN(issuers, urls) \
	"(select u.url from unnest(" issuers "::text[], " urls "::text[]) with " \
	"ordinality u (issuer, url, n) where u.issuer in (i.issuer_owner, " \
	"encode(i.issuer_spki_sha256, 'hex')) order by u.n limit 1)"
#define PLACE \
	"nullif(coalesce(" GIVEN("$1", "$2") ", (select d.url from " \
	"ari_directory d where d.issuer_owner = i.issuer_owner or exists " \
	"(select from managed_certificate m where m.directory = d.directory " \
	"and m.issuer_spki_sha256 = i.issuer_spki_sha256) order by d.seen_at " \
	"desc limit 1), " GIVEN("$3", "$4") "), 'none')"

/* Ours are asked about by whoever renews them. */
#define OURS \
	"(exists (select from acme_received a where a.tbs_sha256 = " \
	"i.tbs_sha256) or exists (select from managed_certificate m where " \
	"m.tbs_sha256 = i.tbs_sha256))"
#define REVOKED \
	"exists (select from revocation r where r.issuer_spki_sha256 = " \
	"i.issuer_spki_sha256 and r.serial = i.serial and r.status = 'revoked')"
/* By one that we know of, for the same names and of the same CA. */
#define REPLACED \
	"exists (select from certificate_name c cross join lateral (select " \
	"from issuance j where j.tbs_sha256 = c.tbs_sha256 and " \
	"j.issuer_owner is not distinct from i.issuer_owner and " \
	"j.decision in ('silent', 'baseline') and j.not_before > " \
	"i.not_before + interval '1 hour' and j.names @> i.names and j.names " \
	"<@ i.names limit 1) j where c.name = i.names[1])"
#define ASKED \
	"i.not_after > now() and i.issued = 'valid' and i.decision is not null " \
	"and i.decision <> 'malformed'"
#define WATCHED	"coalesce(i.facts::jsonb->'watches', '[]') <> '[]'"

int
ari_store_place(struct db *db, const char *directory, const char *owner,
    const char *url, struct err *e)
{
	return db_query(db, NULL, e, "insert into ari_directory (directory, "
	    "issuer_owner, url) values ($1, $2, $3) on conflict (directory) do "
	    "update set issuer_owner = excluded.issuer_owner, url = "
	    "excluded.url, seen_at = now()", "sss", directory, owner, url);
}

int
ari_store_plan(struct db *db, const struct ari_places *p, int64_t every,
    struct err *e)
{
	/* issuers are few: who is asked is looked up once for each */
	return db_query(db, NULL, e, "with k as materialized (select "
	    "i.issuer_spki_sha256 from (select issuer_spki_sha256, "
	    "max(issuer_owner) as issuer_owner from issuance where not_after "
	    "> now() group by 1) i where " PLACE " is not null), "
	    "n as materialized (select i.* from issuance i join k using "
	    "(issuer_spki_sha256) where " ASKED " and not exists (select from "
	    "work w where w.kind = 'ari' and w.subject = encode("
	    "i.tbs_sha256, 'hex'))) "
	    "insert into work (kind, subject, due_at) select 'ari', "
	    "encode(i.tbs_sha256, 'hex'), now() + case when i.decision = "
	    "'baseline' then random() else 0 end * $5 * interval '1 second' "
	    "from n i where " WATCHED " and not " OURS " and not " REVOKED " and not "
	    REPLACED " and not exists (select from ari a where a.tbs_sha256 "
	    "= i.tbs_sha256 and a.ari_id is null) limit $6 on conflict do "
	    "nothing", "aaaaii",
	    &p->first_issuer, &p->first_url, &p->last_issuer, &p->last_url,
	    every, (int64_t)LIMIT_ARI_PLAN);
}

int
ari_store_ask(struct db *db, const char *tbs, const struct ari_places *p,
    struct ari_ask *a, struct err *e)
{
	memset(a, 0, sizeof(*a));
	if (db_query(db, &a->r, e, "select i.tbs_sha256, c.der, " PLACE
	    ", a.ari_id, i.not_before, i.not_after, a.start_at, a.end_at, "
	    "a.pick_at, a.moved_at from issuance i cross join lateral (select "
	    "c.der from certificate c where c.tbs_sha256 = i.tbs_sha256 order "
	    "by c.form desc limit 1) c left join ari a on a.tbs_sha256 = "
	    "i.tbs_sha256 where i.tbs_sha256 = decode($5, 'hex') and " ASKED
	    " and " WATCHED " and not " OURS " and not " REVOKED " and not " REPLACED,
	    "aaaas", &p->first_issuer, &p->first_url, &p->last_issuer,
	    &p->last_url, tbs) == -1)
		return -1;
	if (db_rows(a->r) == 0 || db_null(a->r, 0, 2))
		return 0;
	a->tbs = db_bytes(a->r, 0, 0);
	a->der = db_bytes(a->r, 0, 1);
	a->place = db_text(a->r, 0, 2);
	a->id = db_null(a->r, 0, 3) ? NULL : db_text(a->r, 0, 3);
	a->not_before = db_time(a->r, 0, 4);
	a->not_after = db_time(a->r, 0, 5);
	a->start = db_time(a->r, 0, 6);
	a->end = db_time(a->r, 0, 7);
	a->pick = db_time(a->r, 0, 8);
	a->moved_at = db_time(a->r, 0, 9);
	return a->tbs.n == 32;
}

void
ari_ask_free(struct ari_ask *a)
{
	db_free(a->r);
	memset(a, 0, sizeof(*a));
}

int
ari_store_id(struct db *db, const struct span *tbs, const char *id,
    struct err *e)
{
	return db_query(db, NULL, e, "insert into ari (tbs_sha256, ari_id) "
	    "values ($1, $2) on conflict (tbs_sha256) do update set ari_id = "
	    "excluded.ari_id", "bs", tbs, id);
}

int
ari_store_said(struct db *db, const struct ari_ask *a, const char *url,
    struct err *e)
{
	return db_query(db, NULL, e, "update ari set start_at = $2, end_at = "
	    "$3, pick_at = $4, url = $5, moved_at = $6, checked_at = now(), "
	    "last_error = null where tbs_sha256 = $1", "btttst", &a->tbs,
	    a->start, a->end, a->pick, url, a->moved_at);
}

int
ari_store_error(struct db *db, const struct span *tbs, const char *why,
    struct err *e)
{
	return db_query(db, NULL, e, "update ari set checked_at = now(), "
	    "last_error = $2 where tbs_sha256 = $1", "bs", tbs, why);
}

int
ari_store_over(struct db *db, struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select distinct f.subject, case when "
	    REVOKED " then 'it is revoked' when i.not_after <= now() then 'it "
	    "has expired' else 'it was replaced' end from finding f join "
	    "issuance i on i.tbs_sha256 = decode(f.subject, 'hex') where "
	    "f.kind = 'renewal.requested' and f.state in ('open', 'acked') "
	    "and (" REVOKED " or i.not_after <= now() or " REPLACED ")", "");
}
