#include "auditor/rev_late.h"

#include <stdio.h>

#include "auditor/db/audit_sql.h"
#include "auditor/db/finding.h"
#include "auditor/db/watcher.h"
#include "base/enc.h"

#define KIND	"revocation.not_published"

/*
 * Has revocation ${r} the reason that expectation ${x} wants?  A CRL that has
 * none says unspecified (RFC 5280 5.3.1); an OCSP answer need not have it.
 */
#define REASON_IS \
	"(x.reason_code is null or x.reason_code = coalesce(r.reason, 0) or " \
	"(r.reason is null and not exists (select from revocation_status v " \
	"join revocation_source z on z.id = v.source_id and z.kind = 'crl' " \
	"where v.issuer_spki_sha256 = r.issuer_spki_sha256 and v.serial = " \
	"r.serial and v.status = 'revoked')))"

/* The revocation of expectation ${x}. */
#define IS_IT	"r.issuer_spki_sha256 = x.issuer_spki_sha256 and r.serial = " \
	"x.serial and r.status = 'revoked'"

#define DUE	"to_timestamp(x.not_after_ms / 1000.0)"

#define MINUTES(t) "to_char(" t " at time zone 'UTC', 'YYYY-MM-DD HH24:MI')"

int
rev_late_fulfil(struct db *db, const struct span *key,
    const struct rev_change_row *c, struct err *e)
{
	return db_query(db, NULL, e, "with x as (update expectation x set "
	    "state = 'fulfilled', closed_at = now() from revocation r where "
	    "x.id = $3 and x.state = 'open' and r.issuer_spki_sha256 = $1 and "
	    "r.serial = $2 and " REASON_IS " returning x.id, x.added_at) "
	    "update revocation r set expected = x.id, published_s = "
	    "extract(epoch from now() - x.added_at)::bigint from x where "
	    "r.issuer_spki_sha256 = $1 and r.serial = $2", "bsi", key,
	    c->serial, c->expected);
}

/* What was revoked already when it was expected is not late. */
static int
fulfilled(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "with x as (update expectation x set "
	    "state = 'fulfilled', closed_at = now() from revocation r where "
	    "x.kind = 'revocation' and x.state = 'open' and " IS_IT " and "
	    REASON_IS " returning x.id, x.issuer_spki_sha256, x.serial, "
	    "x.added_at) update revocation r set expected = x.id, published_s "
	    "= case when r.observed_at >= x.added_at then extract(epoch from "
	    "r.observed_at - x.added_at)::bigint else r.published_s end from "
	    "x where r.issuer_spki_sha256 = x.issuer_spki_sha256 and r.serial "
	    "= x.serial and r.expected is null", "");
}

/* Nobody is hurt any more by what has expired, and no CRL need have it. */
static int
expired(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "update expectation x set state = "
	    "'expired', closed_at = now() where x.kind = 'revocation' and "
	    "x.state = 'open' and exists (select from issuance i left join "
	    "cert_fact f on f.tbs_sha256 = i.tbs_sha256 where "
	    "i.issuer_spki_sha256 = x.issuer_spki_sha256 and i.serial = "
	    "x.serial and i.not_after <= now() and (i.not_after <= " DUE
	    " or (f.crl = '{}' and f.ocsp = '{}')))", "");
}

/* Issuer, serial, severity, sentence, detail. */
static const char late_sql[] =
    "select x.issuer_spki_sha256, x.serial, case when " DUE " < now() then "
    "'high' else 'medium' end, 'ordered at ' || " MINUTES("x.added_at")
    " || ' UTC, and ' || case when r.status is null then 'no source shows "
    "it' else 'it is published with another reason: ' || coalesce("
    AUDIT_SQL_REASON("r.reason") ", 'unspecified') || ', and ' || coalesce("
    AUDIT_SQL_REASON("x.reason_code") ", 'unspecified') || ' was ordered' end "
    "|| case when " DUE " < now() then '' else '; a CA has until ' || "
    MINUTES(DUE) " || ' UTC' end, json_build_object('serial', x.serial, "
    "'tbs_sha256', (select encode(i.tbs_sha256, 'hex') from issuance i where "
    "i.issuer_spki_sha256 = x.issuer_spki_sha256 and i.serial = x.serial "
    "order by i.first_seen limit 1), "
    "'expectation', x.id, 'ordered_at', " ROW_RFC3339("x.added_at") ", "
    "'due', " ROW_RFC3339(DUE) ", 'reason_ordered', "
    AUDIT_SQL_REASON("x.reason_code") ", 'reason_published', "
    AUDIT_SQL_REASON("r.reason") ", 'published', r.status is not null)::text "
    "from expectation x left join lateral (select * from revocation r where "
    IS_IT " limit 1) r on true where x.kind = 'revocation' and x.state = "
    "'open' and now() > x.added_at + (" DUE " - x.added_at) / 4 and not "
    "exists (select from issuance i left join cert_fact f on f.tbs_sha256 = "
    "i.tbs_sha256 where i.issuer_spki_sha256 = x.issuer_spki_sha256 and "
    "i.serial = x.serial and f.crl = '{}' and f.ocsp = '{}' and " DUE
    " < i.not_after and f.short_lived) order by x.id";

static int
open_late(struct db *db, struct err *e)
{
	char		 subject[256], hex[65];
	struct finding	 f = { .kind = KIND, .subject = subject };
	struct db_res	*r = NULL;
	struct span	 key;
	size_t		 i;
	int		 rc = db_query(db, &r, e, late_sql, "");

	for (i = 0; rc == 0 && i < db_rows(r); i++) {
		key = db_bytes(r, i, 0);
		if (key.n != 32)
			continue;
		(void)enc_hex_to(hex, key.p, 32);
		(void)snprintf(subject, sizeof(subject), "%s:%s", hex,
		    db_text(r, i, 1));
		f.severity = db_text(r, i, 2);
		f.reason = db_text(r, i, 3);
		f.detail = db_text(r, i, 4);
		rc = watcher_open_serial(db, key.p, db_text(r, i, 1), &f,
		    NULL, e);
	}
	db_free(r);
	return rc;
}

/* With another reason, and time is over: that was said, and is all. */
static int
settle(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "with x as (update expectation x set "
	    "state = 'fulfilled', closed_at = now() from revocation r where "
	    "x.kind = 'revocation' and x.state = 'open' and " DUE " < now() "
	    "and " IS_IT " returning x.id, x.issuer_spki_sha256, x.serial) "
	    "update revocation r set expected = x.id from x where "
	    "r.issuer_spki_sha256 = x.issuer_spki_sha256 and r.serial = "
	    "x.serial and r.expected is null", "");
}

static int
close_late(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	rc = db_query(db, &r, e, "select f.subject, case when x.state = "
	    "'expired' then 'the certificate has expired' when x.state = "
	    "'cancelled' then 'nobody expects it any more' else 'it is "
	    "published' end from finding f cross join lateral (select * from "
	    "expectation x where x.kind = 'revocation' and x.serial = "
	    "split_part(f.subject, ':', 2) and encode(x.issuer_spki_sha256, "
	    "'hex') = split_part(f.subject, ':', 1) order by x.id desc limit "
	    "1) x where f.kind = '" KIND "' and f.state in ('open', 'acked') "
	    "and (x.state in ('expired', 'cancelled') or (x.state = "
	    "'fulfilled' and exists (select from revocation r where " IS_IT
	    " and " REASON_IS ")))", "");
	for (i = 0; rc == 0 && i < db_rows(r); i++)
		rc = watcher_gone(db, KIND, db_text(r, i, 0),
		    db_text(r, i, 1), e);
	db_free(r);
	return rc;
}

int
rev_late_time(struct db *db, struct err *e)
{
	if (fulfilled(db, e) == -1 || expired(db, e) == -1 ||
	    open_late(db, e) == -1 || settle(db, e) == -1)
		return -1;
	return close_late(db, e);
}
