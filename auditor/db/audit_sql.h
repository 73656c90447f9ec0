#ifndef AUDITOR_DB_AUDIT_SQL_H
#define AUDITOR_DB_AUDIT_SQL_H

#include "auditor/db/row.h"

/* Pieces of SQL that several views of the audit's tables share. */

/* "host:port" of the endpoint ${e}, an IPv6 address in brackets. */
#define AUDIT_SQL_HOSTPORT(e) "(case when strpos(" e ".host, ':') > 0 then " \
	"'[' || " e ".host || ']' else " e ".host end || ':' || " e ".port)"

/*
 * Is the observation ${o} of the endpoint ${e} what that address serves now?
 * The newest of its address, and the address was still there when the
 * endpoint was looked at last.
 */
#define AUDIT_SQL_CURRENT(o, e) "(" e ".removed_at is null and " \
	o ".last_seen >= coalesce(" e ".ok_at, " o ".last_seen) - " \
	"interval '1 hour' and not exists (select from endpoint_observation " \
	"newer where newer.endpoint_id = " o ".endpoint_id and " \
	"newer.addr = " o ".addr and newer.id > " o ".id))"

/* The endpoints that serve ${tbs} now, as a JSON list of "host:port". */
#define AUDIT_SQL_SERVED(tbs) "(select coalesce(json_agg(distinct " \
	AUDIT_SQL_HOSTPORT("e") "), '[]') from endpoint_observation o " \
	"join endpoint e on e.id = o.endpoint_id where o.tbs_sha256 = " tbs \
	" and " AUDIT_SQL_CURRENT("o", "e") ")"

/* RFC 5280 5.3.1: the name of the reason ${n}; null for null. */
#define AUDIT_SQL_REASON(n) "(case when " n " between 0 and 10 then " \
	"coalesce((array['unspecified', 'keyCompromise', 'cACompromise', " \
	"'affiliationChanged', 'superseded', 'cessationOfOperation', " \
	"'certificateHold', null, 'removeFromCRL', 'privilegeWithdrawn', " \
	"'aACompromise'])[" n " + 1], 'reason ' || " n ") " \
	"else 'reason ' || " n " end)"

/*
 * The object `revocation` of contract.md for an issuer key and a serial, with
 * what each source says now; null where nothing was judged yet.
 */
#define AUDIT_SQL_REVOCATION(issuer, serial) "(select json_build_object(" \
	"'status', r.status, 'reason', " AUDIT_SQL_REASON("r.reason") ", " \
	"'stated_at', " ROW_RFC3339("r.stated_at") ", " \
	"'observed_at', " ROW_RFC3339("r.observed_at") ", " \
	"'removed_at', " ROW_RFC3339("r.removed_at") ", " \
	"'disagree_since', " ROW_RFC3339("r.disagree_since") ", " \
	"'changed_at', " ROW_RFC3339("r.changed_at") ", " \
	"'checked_at', " ROW_RFC3339("r.checked_at") ", " \
	"'published_seconds', r.published_s, 'expected', r.expected, " \
	"'why', r.why, 'sources', " \
	"(select coalesce(json_agg(json_build_object(" \
	"'kind', z.kind, 'url', z.url, 'status', v.status, " \
	"'refusal', v.refusal, 'reason', " AUDIT_SQL_REASON("v.reason") ", " \
	"'stated_at', " ROW_RFC3339("v.stated_at") ", " \
	"'first_seen', " ROW_RFC3339("v.first_seen") ", " \
	"'last_seen', " ROW_RFC3339("v.last_seen") ") " \
	"order by z.kind, z.url), '[]') from (select distinct on " \
	"(w.source_id) w.* from revocation_status w where " \
	"w.issuer_spki_sha256 = " issuer " and w.serial = " serial " " \
	"order by w.source_id, w.id desc) v " \
	"join revocation_source z on z.id = v.source_id)) " \
	"from revocation r where r.issuer_spki_sha256 = " issuer " and " \
	"r.serial = " serial ")"

/*
 * Serials of the valid certificates of which the CRL source ${s} speaks: they
 * name it, or name none and CCADB has it for their issuer.  A serial may come
 * twice.
 */
#define AUDIT_SQL_CRL_SERIALS(s) "select i.serial from cert_fact f " \
	"join issuance i on i.tbs_sha256 = f.tbs_sha256 where " s ".kind = " \
	"'crl' and f.crl @> array[" s ".url] and i.issuer_spki_sha256 = " \
	s ".issuer_spki_sha256 and i.not_after > now() union all " \
	"select i.serial from issuance i join cert_fact f on f.tbs_sha256 = " \
	"i.tbs_sha256 where " s ".origin = 'ccadb' and i.issuer_spki_sha256 " \
	"= " s ".issuer_spki_sha256 and i.not_after > now() and f.crl = '{}' " \
	"and f.cert_sha256 <> ''"

/*
 * The same for an OCSP source, those that are due to be asked with ${due}
 * "and o.due_at <= now()".
 */
#define AUDIT_SQL_OCSP_SERIALS(s, due) "select o.serial from ocsp_due o " \
	"where " s ".kind = 'ocsp' and o.source_id = " s ".id " due " and " \
	"exists (select from issuance i where i.issuer_spki_sha256 = " \
	s ".issuer_spki_sha256 and i.serial = o.serial and " \
	"i.not_after > now())"

/*
 * Ids of the sources that the certificate fact ${f} of issuer ${key} has; each
 * looked up by its URL, whatever the planner knows of the tables.
 */
#define AUDIT_SQL_SOURCE(kind, urls, key) "select s.id from unnest(" urls \
	") u cross join lateral (select s.id from revocation_source s where " \
	"s.kind = '" kind "' and s.url = u and s.issuer_spki_sha256 = " key \
	" limit 1) s"
#define AUDIT_SQL_SOURCES(f, key) AUDIT_SQL_SOURCE("crl", f ".crl", key) \
	" union all " AUDIT_SQL_SOURCE("ocsp", f ".ocsp", key) " union all " \
	"select s.id from revocation_source s where " f ".crl = '{}' and " \
	f ".cert_sha256 <> '' and s.origin = 'ccadb' and " \
	"s.issuer_spki_sha256 = " key

#endif
