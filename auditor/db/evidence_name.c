#include "auditor/db/evidence_put.h"
#include "auditor/evidence_json.h"

/* CAA sets and grants, as a resolver said them. */

enum { N_NAME, N_FOUND, N_RECORDS, N_GRANTS, N_TTL, N_AD, N_RESOLVER, N_ERROR,
	N_FIRST, N_LAST };

/* A JSON array as it is stored. */
static json_t *
array_of(const struct db_res *r, size_t i, size_t c)
{
	json_t	*a = json_loads(db_text(r, i, c), 0, NULL);

	if (json_is_array(a))
		return a;
	json_decref(a);
	return json_array();
}

static int
put_set(struct evidence *ev, const struct db_res *r, size_t i, struct err *e)
{
	json_t	*o = evidence_begun(EVIDENCE_DNS);

	json_object_set_new(o, "name", evidence_text(db_text(r, i, N_NAME)));
	json_object_set_new(o, "rrtype", json_string("CAA"));
	json_object_set_new(o, "found_at", evidence_text(db_text(r, i,
	    N_FOUND)));
	json_object_set_new(o, "records", array_of(r, i, N_RECORDS));
	json_object_set_new(o, "grants", array_of(r, i, N_GRANTS));
	json_object_set_new(o, "ttl", json_integer(db_int(r, i, N_TTL)));
	json_object_set_new(o, "ad", json_boolean(db_bool(r, i, N_AD)));
	json_object_set_new(o, "resolver", evidence_text(db_text(r, i,
	    N_RESOLVER)));
	if (!db_null(r, i, N_ERROR))
		json_object_set_new(o, "error", evidence_text(db_text(r, i,
		    N_ERROR)));
	json_object_set_new(o, "first_seen", evidence_moment(db_time(r, i,
	    N_FIRST)));
	json_object_set_new(o, "last_seen", evidence_moment(db_time(r, i,
	    N_LAST)));
	return evidence_attest(ev, o, NULL, e);
}

int
evidence_put_name(struct db *db, const char *name, struct evidence *ev,
    struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 at = -1;

	/* the newest last: it is what can be asked again */
	if (db_query(db, &r, e, "select name, found_at, records::text, "
	    "grants::text, ttl, ad, resolver, error, first_seen, last_seen "
	    "from (select * from caa_observation where name = $1 "
	    "order by id desc limit 8) o order by id", "s", name) == -1)
		return -1;
	if (db_rows(r) == 0)
		(void)err_set(e, ERR_NOENT, "nothing is stored about it");
	for (i = 0; i < db_rows(r) && (i == 0 || at != -1); i++)
		at = put_set(ev, r, i, e);
	db_free(r);
	if (at == -1 || evidence_recheck_of(ev, at, EVIDENCE_ASK_DNS, e)
	    == -1)
		return -1;
	return 0;
}
