#include "auditor/db/baseline.h"

#include <string.h>

#include "base/buf.h"

/* Seconds that the log dated it behind the beginning of its watch; null. */
#define LATE "(select max((w->>'late_s')::bigint) from" \
	" jsonb_array_elements(i.facts::jsonb->'watches') w)"

/* The filter as SQL over issuance i: parameters 1 to 4. */
#define WHERE " i.decision = 'baseline'" \
	" and ($1::text is null or i.issuer_owner = $1)" \
	" and ($2::text is null or $2 = '.' or exists (select from" \
	"  issuance_name c where c.tbs_sha256 = i.tbs_sha256 and" \
	"  (c.name = $2 or (left($2, 1) = '.' and (c.name = substr($2, 2)" \
	"  or right(c.name, length($2)) = $2)))))" \
	" and ($3 or i.tbs_sha256 = any($4))"
#define ARGS "ssBA"
#define FILTER(f) (f)->issuer_owner, (f)->name, (f)->tbs.n == 0, &(f)->tbs

int
baseline_list(struct db *db, const struct baseline_filter *f,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "select encode(i.tbs_sha256, 'hex'), i.issuer_owner, i.names,"
	    " i.not_before, i.not_after, i.serial, encode(i.spki_sha256,"
	    " 'hex'), array(select distinct w->>'pattern' from"
	    " jsonb_array_elements(i.facts::jsonb->'watches') w), " LATE
	    " from issuance i"
	    " where" WHERE " order by i.first_seen, i.tbs_sha256", ARGS,
	    FILTER(f));
}

int
baseline_group(struct db *db, const struct baseline_filter *f,
    const char *by, struct db_res **r, struct err *e)
{
	static const struct {
		const char	*by, *key, *from;
	} t[] = {
		{ "issuer_owner", "i.issuer_owner", "" },
		{ "name", "w->>'name'",
		    ", jsonb_array_elements(i.facts::jsonb->'watches') w" },
		{ "watch", "w->>'pattern'",
		    ", jsonb_array_elements(i.facts::jsonb->'watches') w" },
	};
	struct buf	sql = BUF_INIT;
	size_t		i;
	int		rc;

	for (i = 0; i < 3 && strcmp(t[i].by, by) != 0; i++)
		continue;
	if (i == 3)
		return err_set(e, ERR_USAGE, "baseline cannot be grouped by "
		    "%.40s: issuer_owner, name or watch", by);
	buf_fmt(&sql, "select %s, count(distinct i.tbs_sha256),"
	    " count(distinct i.tbs_sha256) filter (where i.not_after >"
	    " now()), min(i.not_before), max(i.not_after),"
	    " count(distinct i.tbs_sha256) filter (where " LATE " > 0)"
	    " from issuance i%s"
	    " where" WHERE " group by 1 order by 2 desc, 1", t[i].key,
	    t[i].from);
	rc = db_query(db, r, e, buf_text(&sql), ARGS, FILTER(f));
	buf_free(&sql);
	return rc;
}

int
baseline_declare(struct db *db, const struct baseline_filter *f,
    const char *trust, const char *author, const char *reason,
    struct db_res **r, struct err *e)
{
	return db_query(db, r, e,
	    "with i as (select i.* from issuance i where" WHERE "),"
	    " k as (insert into known (tbs_sha256, names, issuer_owner,"
	    "  trust, origin, reason, author) select i.tbs_sha256,"
	    "  array(select c.name from issuance_name c where"
	    "  c.tbs_sha256 = i.tbs_sha256 order by c.name),"
	    "  i.issuer_owner, $5, 'baseline', $6, $7 from i"
	    "  on conflict do nothing)"
	    " select tbs_sha256 from i order by tbs_sha256", ARGS "sss",
	    FILTER(f), trust, reason, author);
}

int
baseline_findings(struct db *db, const struct db_spans *v, struct db_res **r,
    struct err *e)
{
	return db_query(db, r, e, "select f.id from unnest($1::bytea[]) t"
	    " join finding f on f.subject = encode(t, 'hex') where f.kind ="
	    " 'certificate.unexpected' and f.state in ('open', 'acked')"
	    " order by f.id", "A", v);
}
