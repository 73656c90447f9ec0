#include "auditor/db/endpoint_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
endpoint_row_free(struct endpoint_row *p)
{
	free(p->host);
	free(p->owner);
	memset(p, 0, sizeof(*p));
}

int
endpoint_load(struct db *db, int64_t id, struct endpoint_row *p,
    struct err *e)
{
	struct db_res	*r = NULL;

	memset(p, 0, sizeof(*p));
	if (db_query(db, &r, e, "select host, port, starttls, owner from "
	    "endpoint where id = $1 and removed_at is null", "i", id) == -1)
		return -1;
	if (db_rows(r) != 1) {
		db_free(r);
		return err_set(e, ERR_NOENT, "there is no endpoint %lld",
		    (long long)id);
	}
	p->id = id;
	p->host = mem_str(db_text(r, 0, 0));
	p->port = (int)db_int(r, 0, 1);
	(void)snprintf(p->starttls, sizeof(p->starttls), "%s",
	    db_text(r, 0, 2));
	p->owner = mem_str(db_text(r, 0, 3));
	(void)snprintf(p->subject, sizeof(p->subject), "%s%s%s:%d%s%s",
	    strchr(p->host, ':') != NULL ? "[" : "", p->host,
	    strchr(p->host, ':') != NULL ? "]" : "", p->port,
	    p->starttls[0] != '\0' ? "/" : "", p->starttls);
	db_free(r);
	return 0;
}

int
endpoint_seen(struct db *db, int64_t id, const struct endpoint_seen *s,
    struct err *e)
{
	const struct span	cert = { s->cert_sha256, 32 };
	const struct span	tbs = { s->tbs_sha256, 32 };

	return db_query(db, NULL, e, "with l as (select * from "
	    "endpoint_observation where endpoint_id = $1 and addr = $2 "
	    "order by id desc limit 1), u as (update endpoint_observation o "
	    "set last_seen = now(), staple = $7, scts = $8, tls_version = "
	    "coalesce($6, o.tls_version), error = nullif($9, '') from l "
	    "where o.id = l.id and l.cert_sha256 is not distinct from $3 and "
	    "l.chain = coalesce($5, '{}') returning 1) insert into "
	    "endpoint_observation (endpoint_id, addr, cert_sha256, "
	    "tbs_sha256, chain, tls_version, staple, scts, error) "
	    "select $1, $2, $3, $4, coalesce($5, '{}'), $6, $7, $8, "
	    "nullif($9, '') where not exists (select from u)", "isbbAsbbs",
	    id, s->addr, &cert, &tbs, &s->chain, s->tls_version,
	    s->staple.n != 0 ? &s->staple : &(struct span){ NULL, 0 },
	    s->scts.n != 0 ? &s->scts : &(struct span){ NULL, 0 },
	    s->error);
}

int
endpoint_serving(struct db *db, int64_t id, const char *addr, struct err *e)
{
	struct db_res	*r = NULL;
	int		 yes;

	if (db_query(db, &r, e, "select cert_sha256 is not null from "
	    "endpoint_observation where endpoint_id = $1 and addr = $2 "
	    "order by id desc limit 1", "is", id, addr) == -1)
		return -1;
	yes = db_rows(r) != 0 && db_bool(r, 0, 0);
	db_free(r);
	return yes;
}

int
endpoint_checked(struct db *db, int64_t id, int ok, const char *error,
    struct err *e)
{
	return db_query(db, NULL, e, "update endpoint set checked_at = now(), "
	    "ok_at = case when $2 then now() else ok_at end, failing_since = "
	    "case when $2 then null else coalesce(failing_since, now()) end, "
	    "last_error = case when $2 then null else $3 end where id = $1",
	    "iBs", id, ok, error);
}

int
endpoint_addrs(struct db *db, int64_t id, const struct db_strs *addrs,
    struct err *e)
{
	return db_query(db, NULL, e, "insert into endpoint_observation "
	    "(endpoint_id, addr, error) select $1, l.addr, 'it has this "
	    "address no more' from (select distinct on (addr) addr, "
	    "cert_sha256 from endpoint_observation where endpoint_id = $1 "
	    "order by addr, id desc) l where l.cert_sha256 is not null and "
	    "l.addr <> all ($2)", "ia", id, addrs);
}

int
endpoint_about(struct db *db, const uint8_t tbs[32],
    struct endpoint_about *a, struct err *e)
{
	const struct span	 id = { tbs, 32 };
	struct db_res		*r = NULL;

	memset(a, 0, sizeof(*a));
	if (db_query(db, &r, e, "with i as (select * from issuance where "
	    "tbs_sha256 = $1) select exists (select from i), exists (select "
	    "from i where logged_at is not null) or exists (select from sct "
	    "where tbs_sha256 = $1 and inclusion = 'proved'), "
	    "exists (select from sct where tbs_sha256 = $1 and inclusion in "
	    "('pending', 'unchecked')), exists (select from known where "
	    "tbs_sha256 = $1 and trust in ('issuance', 'key') and removed_at "
	    "is null), "
	    "exists (select from chain_verdict where tbs_sha256 = $1 and "
	    "verdict = 'trusted'), exists (select from i join revocation v on "
	    "v.issuer_spki_sha256 = i.issuer_spki_sha256 and v.serial = "
	    "i.serial where v.status = 'revoked'), exists (select from i join "
	    "certificate_name n on n.name = i.names[1] join "
	    "issuance j on j.tbs_sha256 = n.tbs_sha256 and "
	    "j.names @> i.names and j.not_before > i.not_before "
	    "and j.not_after > now() where j.decision = 'silent' and "
	    "j.first_seen < now() - interval '3 days' and "
	    "now() > i.not_after - (i.not_after - i.not_before) / 3)", "b",
	    &id) == -1)
		return -1;
	a->have = db_bool(r, 0, 0);
	a->logged = db_bool(r, 0, 1);
	a->promised = db_bool(r, 0, 2);
	a->known = db_bool(r, 0, 3);
	a->trusted = db_bool(r, 0, 4);
	a->revoked = db_bool(r, 0, 5);
	a->renewed = db_bool(r, 0, 6);
	db_free(r);
	return 0;
}

int
endpoint_served_at(struct db *db, const uint8_t tbs[32], struct err *e)
{
	const struct span	id = { tbs, 32 };

	return db_query(db, NULL, e, "with l as (select distinct on "
	    "(o.endpoint_id, o.addr) o.tbs_sha256, p.host || ':' || p.port "
	    "as at from endpoint_observation o join endpoint p on p.id = "
	    "o.endpoint_id where p.removed_at is null order by "
	    "o.endpoint_id, o.addr, o.id desc), v as (select coalesce("
	    "array_agg(distinct at order by at), '{}') as at from l where "
	    "tbs_sha256 = $1) update finding f set served_at = v.at from v "
	    "where f.subject = encode($1, 'hex') and f.served_at <> v.at",
	    "b", &id);
}
