#include "auditor/db/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/enc.h"

int
known_add(struct db *db, const struct known *k, struct err *e)
{
	struct db_res	*r = NULL;
	int		 fresh;

	if (db_query(db, &r, e,
	    "insert into known (tbs_sha256, spki_sha256, names, issuer_owner,"
	    " until, trust, origin, source, place, reason, author, client,"
	    " host, lineage) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
	    " $11, $12, $13, $14)"
	    " on conflict (coalesce(tbs_sha256, ''),"
	    " coalesce(spki_sha256, ''), trust, origin,"
	    " coalesce(issuer_owner, ''), hash_array_extended(names, 0))"
	    " where removed_at is null do update set until = excluded.until,"
	    " source = excluded.source, place = excluded.place,"
	    " reason = excluded.reason, client = coalesce(excluded.client,"
	    " known.client), host = coalesce(excluded.host, known.host),"
	    " lineage = coalesce(excluded.lineage, known.lineage)"
	    " returning xmax = 0", "bbastsssssssss", &k->tbs, &k->spki,
	    &k->names, k->issuer_owner, k->until, k->trust, k->origin,
	    k->source, k->place, k->reason, k->author, k->client, k->host,
	    k->lineage) == -1)
		return -1;
	fresh = db_bool(r, 0, 0);
	db_free(r);
	return fresh;
}

int
known_list(struct db *db, int with_seed, struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "select id, encode(tbs_sha256, 'hex'), encode(spki_sha256,"
	    " 'hex'), names, issuer_owner, until, trust, origin, source,"
	    " place, reason, author, added_at, client, host, lineage from"
	    " known"
	    " where removed_at is null and ($1 or trust <> 'seed')"
	    " order by id", "B", with_seed);
}

int
known_remove(struct db *db, const char *what, struct db_res **r,
    struct err *e)
{
	struct span	 h = { NULL, 0 };
	uint8_t		 hash[32];
	char		*end;
	long long	 id = 0;

	*r = NULL;
	if (strlen(what) == 64 && enc_unhex_to(hash, 32, what) == 0) {
		h.p = hash;
		h.n = sizeof(hash);
	} else {
		id = strtoll(what, &end, 10);
		if (end == what || *end != '\0' || id <= 0)
			return err_set(e, ERR_USAGE, "%s is neither a number "
			    "of known list nor a hash of 64 hex digits", what);
	}
	if (db_query(db, r, e,
	    "update known set removed_at = now() where removed_at is null"
	    " and (id = $1 or tbs_sha256 = $2 or spki_sha256 = $2)"
	    " returning tbs_sha256, spki_sha256", "ib", (int64_t)id,
	    &h) == -1)
		return -1;
	if (db_rows(*r) == 0) {
		db_free(*r);
		*r = NULL;
		return err_set(e, ERR_NOENT, "nothing known is %s "
		    "(certvigil known list shows what is)", what);
	}
	return (int)db_rows(*r);
}
