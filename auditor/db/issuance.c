#include "auditor/db/issuance.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/row.h"
#include "base/enc.h"
#include "base/mem.h"

int
issuance_rows(struct db *db, const struct db_spans *tbs, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select i.first_seen, i.not_before, "
	    "i.not_after, i.logged_at is not null, i.spki_sha256, "
	    "i.issuer_spki_sha256, i.serial, i.key_type, i.names, "
	    "i.issuer_owner, i.issued, i.subject, i.issuer, i.decision, "
	    "i.facts::text from unnest($1) with ordinality t (tbs, nr) left "
	    "join lateral (select * from issuance where tbs_sha256 = t.tbs "
	    "for update) i on true order by t.nr", "A", tbs);
}

json_t *
issuance_row(const struct db_res *r, size_t i, struct err *e)
{
	json_t	*facts = NULL;

	if (db_null(r, i, 0)) {
		err_set(e, ERR_NOENT, "there is no such issuance");
		return NULL;
	}
	if (!db_null(r, i, 14) &&
	    (facts = json_loads(db_text(r, i, 14), 0, NULL)) == NULL) {
		err_set(e, ERR_DB, "the facts of an issuance are no JSON");
		return NULL;
	}
	return json_pack("{sI sI sI sb so so so so so so so so so so so}",
	    "first_seen", (json_int_t)db_time(r, i, 0),
	    "not_before", (json_int_t)db_time(r, i, 1),
	    "not_after", (json_int_t)db_time(r, i, 2),
	    "proven", db_bool(r, i, 3),
	    "spki_sha256", row_hex(r, i, 4),
	    "issuer_spki_sha256", row_hex(r, i, 5),
	    "serial", row_str(r, i, 6),
	    "key_type", row_str(r, i, 7),
	    "names", row_strs(r, i, 8),
	    "issuer_owner", row_str(r, i, 9),
	    "issued", row_str(r, i, 10),
	    "subject", row_str(r, i, 11),
	    "issuer", row_str(r, i, 12),
	    "decision", row_str(r, i, 13),
	    "facts", facts != NULL ? facts : json_null());
}

int
issuance_look(struct db *db, const struct issuance_key *k, size_t n,
    const struct db_ints *refs, const struct db_ints *watches, int ahead,
    struct db_res **r, struct err *e)
{
	struct span	*b = mem_array(3 * n + 1, sizeof(*b));
	const char	**s = mem_array(3 * n + 1, sizeof(*s));
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		b[i] = k[i].tbs;
		b[n + i] = k[i].issuer;
		b[2 * n + i] = k[i].key;
		s[i] = k[i].serial;
		s[n + i] = k[i].owner;
		s[2 * n + i] = k[i].names;
	}
	/* The plan of the function is kept by the server. */
	rc = db_query(db, r, e, "select * from issuance_look($1, $2, $3, $4, "
	    "$5, $6, $7, $8, $9)", "AAaAaaIIB", &(struct db_spans){ b, n },
	    &(struct db_spans){ b + n, n }, &(struct db_strs){ s, n },
	    &(struct db_spans){ b + 2 * n, n }, &(struct db_strs){ s + n, n },
	    &(struct db_strs){ s + 2 * n, n }, refs, watches, ahead);
	free(b);
	free(s);
	return rc;
}

int
issuance_say(struct db *db, const struct issuance_said *v, size_t n,
    struct err *e)
{
	struct span	*id = mem_array(n + 1, sizeof(*id));
	const char	**body = mem_array(n + 1, sizeof(*body));
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		id[i] = (struct span){ v[i].id, ISSUANCE_SAID };
		body[i] = v[i].body;
	}
	rc = n == 0 ? 0 : db_push(db, e, "select rule_say($1, $2)", "Aa",
	    &(struct db_spans){ id, n }, &(struct db_strs){ body, n });
	free(id);
	free(body);
	return rc;
}

int
issuance_decided(struct db *db, const struct issuance_decision *d, size_t n,
    struct err *e)
{
	struct span	*b = mem_array(2 * n + 1, sizeof(*b));
	const char	**s = mem_array(4 * n + 1, sizeof(*s));
	int64_t		*v = mem_array(3 * n + 1, sizeof(*v));
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		b[i] = d[i].tbs;
		b[n + i] = (struct span){ d[i].said, ISSUANCE_SAID };
		s[i] = d[i].decision;
		s[n + i] = d[i].reason;
		s[2 * n + i] = d[i].facts;
		s[3 * n + i] = d[i].names;
		v[i] = d[i].rule;
		v[n + i] = d[i].hold_until;
		v[2 * n + i] = d[i].proven;
	}
	rc = n == 0 ? 0 : db_push(db, e,
	    "select issuance_decide($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    "AaIaaATIa", &(struct db_spans){ b, n },
	    &(struct db_strs){ s, n }, &(struct db_ints){ v, n },
	    &(struct db_strs){ s + n, n }, &(struct db_strs){ s + 2 * n, n },
	    &(struct db_spans){ b + n, n }, &(struct db_ints){ v + n, n },
	    &(struct db_ints){ v + 2 * n, n },
	    &(struct db_strs){ s + 3 * n, n });
	free(b);
	free(s);
	free(v);
	return rc;
}

int
issuance_due(struct db *db, size_t max, struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "update issuance set hold_until = null where tbs_sha256 in"
	    " (select tbs_sha256 from issuance where hold_until <= now()"
	    "  order by hold_until limit $1 for update skip locked)"
	    " returning tbs_sha256", "i", (int64_t)max);
}

int
issuance_affected(struct db *db, const struct db_spans *v, int all,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "select tbs_sha256 from issuance where decision is not null"
	    " and ($2 or decision <> 'silent')"
	    " and (tbs_sha256 = any($1) or spki_sha256 = any($1))"
	    " order by tbs_sha256", "AB", v, all);
}

/* The issuance that a finding is about. */
static int
of_finding(struct db *db, int64_t id, uint8_t tbs[32], struct err *e)
{
	struct db_res	*r = NULL;
	const char	*s;
	int		 rc = -1;

	if (db_query(db, &r, e, "select coalesce(detail->>'tbs_sha256',"
	    " subject), kind from finding where id = $1", "i", id) == -1)
		return -1;
	if (db_rows(r) == 0) {
		err_set(e, ERR_NOENT, "there is no finding %lld "
		    "(certvigil findings lists them)", (long long)id);
		goto out;
	}
	s = db_text(r, 0, 0);
	if (strlen(s) != 64 || enc_unhex_to(tbs, 32, s) == -1) {
		err_set(e, ERR_USAGE, "finding %lld (%s) is not about an "
		    "issuance: certvigil findings show %lld has all of it",
		    (long long)id, db_text(r, 0, 1), (long long)id);
		goto out;
	}
	rc = 0;
out:
	db_free(r);
	return rc;
}

int
issuance_find(struct db *db, const char *what, uint8_t tbs[32],
    int64_t *finding, struct err *e)
{
	char		*end;
	long long	 id;

	*finding = 0;
	if (strlen(what) == 64 && enc_unhex_to(tbs, 32, what) == 0)
		return 0;
	id = strtoll(what, &end, 10);
	if (end == what || *end != '\0' || id <= 0)
		return err_set(e, ERR_USAGE, "%s is neither the number of a "
		    "finding nor a tbs_sha256 of 64 hex digits", what);
	*finding = id;
	return of_finding(db, id, tbs, e);
}
