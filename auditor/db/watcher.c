#include "auditor/db/watcher.h"

#include <string.h>

#include "pki/owner.h"

static int
open_rows(struct db *db, const struct db_res *r, const struct finding *f,
    size_t *n, struct err *e)
{
	struct finding	g;
	size_t		i;

	for (i = 0; i < db_rows(r); i++) {
		g = *f;
		g.owner = db_text(r, i, 0);
		g.watch = db_text(r, i, 1);
		g.name = db_text(r, i, 2);
		g.issuer_owner = db_null(r, i, 3) ? NULL : db_text(r, i, 3);
		g.issuer_first_seen = INT64_MIN;
		g.proven = db_bool(r, i, 4);
		g.ca_contact = g.issuer_owner != NULL ?
		    owner_contact(g.issuer_owner) : NULL;
		if (finding_open(db, &g, NULL, NULL, e) == -1)
			return -1;
	}
	if (n != NULL)
		*n += db_rows(r);
	return 0;
}

/* One row an owner: watches that match, then endpoints that serve it. */
#define OWNERS(where, served) \
	"with i as (select * from issuance where " where "), " \
	"o as (select w->>'owner' as owner, w->>'pattern' as pattern, " \
	"w->>'name' as name, i.issuer_owner, i.logged_at is not null as " \
	"proven, 0 as rank from i, jsonb_array_elements(coalesce(" \
	"i.facts::jsonb->'watches', '[]')) w " \
	"union all select e.owner, '', e.host, (select issuer_owner from i " \
	"limit 1), exists (select from i where logged_at is not null), 1 " \
	"from endpoint_observation x join endpoint e on e.id = " \
	"x.endpoint_id where e.removed_at is null and x.tbs_sha256 " served \
	") select distinct on (owner) owner, pattern, name, issuer_owner, " \
	"proven from o order by owner, rank, pattern, name"

int
watcher_open(struct db *db, const uint8_t tbs[32], const struct finding *f,
    size_t *n, struct err *e)
{
	const struct span	 id = { tbs, 32 };
	struct db_res		*r = NULL;
	int			 rc;

	if (db_query(db, &r, e, OWNERS("tbs_sha256 = $1", "= $1"), "b", &id)
	    == -1)
		return -1;
	rc = open_rows(db, r, f, n, e);
	db_free(r);
	return rc;
}

int
watcher_open_serial(struct db *db, const uint8_t issuer[32],
    const char *serial, const struct finding *f, size_t *n, struct err *e)
{
	const struct span	 key = { issuer, 32 };
	struct db_res		*r = NULL;
	int			 rc;

	if (db_query(db, &r, e, OWNERS("issuer_spki_sha256 = $1 and "
	    "serial = $2", "in (select tbs_sha256 from i)"), "bs", &key, serial) == -1)
		return -1;
	rc = open_rows(db, r, f, n, e);
	db_free(r);
	return rc;
}

int
watcher_gone(struct db *db, const char *kind, const char *subject,
    const char *reason, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, &r, e, "select owner from finding where "
	    "subject = $1 and kind = $2 and state in ('open', 'acked')",
	    "ss", subject, kind) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		rc = finding_resolve(db, kind, subject, db_text(r, i, 0),
		    reason, e);
	db_free(r);
	return rc;
}
