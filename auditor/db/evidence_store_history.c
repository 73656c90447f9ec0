#include "auditor/db/evidence_put.h"
#include "auditor/db/evidence_store.h"
#include "auditor/evidence_json.h"

enum { H_RANGES = EVIDENCE_READ_N, H_FIRST, H_LAST };

static int
put_stretch(struct evidence *ev, const struct db_res *r, size_t i,
    struct err *e)
{
	struct evidence_ref	ref = EVIDENCE_NO_REF;
	json_t			*o = evidence_put_read(ev, r, i,
				    EVIDENCE_HISTORY, &ref, e);

	if (o == NULL)
		return -1;
	json_object_set_new(o, "ranges", json_integer(db_int(r, i,
	    H_RANGES)));
	json_object_set_new(o, "first_at", evidence_moment(db_time(r, i,
	    H_FIRST)));
	json_object_set_new(o, "last_at", evidence_moment(db_time(r, i,
	    H_LAST)));
	return evidence_attest(ev, o, &ref, e);
}

int
evidence_store_history(struct db *db, int64_t from, int64_t to,
    struct evidence *ev, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	/* what touches is one stretch; its top leads to a signed head */
	if (db_query(db, &r, e, "with b as (select b.*, case when size_from <= "
	    "max(size_done) over (partition by log_ref, watch_set_sha256 "
	    "order by size_from, size_done rows between unbounded preceding "
	    "and 1 preceding) then 0 else 1 end as fresh from backfill_range b "
	    "where size_done > size_from and head_id is not null and "
	    "verified_at >= date_trunc('day', $1::timestamptz, 'UTC') and "
	    "verified_at < date_trunc('day', $2::timestamptz, 'UTC') + "
	    "interval '1 day'), "
	    "s as (select b.*, sum(fresh) over (partition by log_ref, "
	    "watch_set_sha256 order by size_from, size_done) as part from b), "
	    "g as (select log_ref, min(size_from) as size_from, "
	    "max(size_done) as size_to, count(*) as n, min(verified_at) as "
	    "first_at, max(verified_at) as last_at, watch_set_sha256, "
	    "(array_agg(id order by size_done desc, id desc))[1] as top "
	    "from s group by log_ref, watch_set_sha256, part) "
	    "select " EVIDENCE_LOG_COLS ", g.size_from, g.size_to, "
	    "b.root_hash, b.proof, t.form, t.raw, g.watch_set_sha256, g.n, "
	    "g.first_at, g.last_at from g join backfill_range b on b.id = g.top "
	    "join log l on l.id = g.log_ref " EVIDENCE_LOG_JOIN
	    "join tree_head t on t.id = b.head_id "
	    "order by g.log_ref, g.size_from, g.size_to", "tt", from, to) ==
	    -1)
		return -1;
	*n = db_rows(r);
	for (i = 0; i < *n && rc == 0; i++)
		if (put_stretch(ev, r, i, e) == -1)
			rc = -1;
	db_free(r);
	return rc;
}
