#include "auditor/db/replace_store.h"

int
replace_due(struct db *db, struct db_res **r, struct err *e)
{
	/* what we ordered to be revoked is replaced by whoever ordered it */
	return db_query(db, r, e, "select m.id, m.name, m.tbs_sha256, "
	    "(select o.spki_sha256 from acme_received a join acme_order o on "
	    "o.id = a.order_id where a.tbs_sha256 = m.tbs_sha256), "
	    "coalesce(r.reason, -1), (select count(*) from acme_replacement x "
	    "where x.managed_id = m.id and x.asked and x.added_at > now() - "
	    "interval '1 day'), m.key_kind = 'csr', "
	    "encode(m.issuer_spki_sha256, 'hex') || ':' || m.serial from "
	    "managed_certificate m cross join lateral (select r.reason from "
	    "revocation r where r.issuer_spki_sha256 = m.issuer_spki_sha256 "
	    "and r.serial = m.serial and r.status = 'revoked' and r.expected "
	    "is null limit 1) r where m.removed_at is null and not exists "
	    "(select from acme_replacement x where x.tbs_sha256 = "
	    "m.tbs_sha256) and not exists (select from expectation x where "
	    "x.kind = 'revocation' and x.state in ('open', 'fulfilled') and "
	    "x.serial = m.serial and x.issuer_spki_sha256 = "
	    "m.issuer_spki_sha256) order by m.id for update of m", "");
}

int
replace_note(struct db *db, const struct replace *p, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 n;

	if (db_query(db, &r, e, "insert into acme_replacement (tbs_sha256, "
	    "managed_id, asked, why) values ($1, $2, $3, $4) on conflict do "
	    "nothing", "biBs", &p->tbs, p->managed, p->asked, p->why) == -1)
		return -1;
	n = db_changed(r);
	db_free(r);
	if (n == 0)
		return 0;
	if (p->asked && replace_now(db, p->managed, "revoked without "
	    "our order", e) == -1)
		return -1;
	return db_query(db, NULL, e, "update finding set reason = reason || "
	    "'; ' || $2, detail = detail || jsonb_build_object('managed', "
	    "$3::text, 'replacement', $2::text) where kind = "
	    "'certificate.revoked' and subject = $1 and state in ('open', "
	    "'acked')", "sss", p->subject, p->why, p->name);
}

int
replace_now(struct db *db, int64_t managed, const char *why,
    struct err *e)
{
	return db_query(db, NULL, e, "update managed_certificate set due_why "
	    "= $2, next_at = now(), attempts = 0 where id = $1 and due_why is "
	    "null", "is", managed, why);
}

int
replace_same_key(struct db *db, const struct span *key,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e, "select i.tbs_sha256 from issuance i where "
	    "i.spki_sha256 = $1 and i.not_after > now() and not exists "
	    "(select from revocation r where r.issuer_spki_sha256 = "
	    "i.issuer_spki_sha256 and r.serial = i.serial and r.status = "
	    "'revoked') order by i.tbs_sha256", "b", key);
}
