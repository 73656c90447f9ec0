#include "auditor/rev_find.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/row.h"
#include "auditor/db/watcher.h"
#include "auditor/loop_replace.h"
#include "auditor/rev_campaign.h"
#include "auditor/rev_late.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ocsp/rev.h"

#define DAY	86400

/* What the database knows of one certificate that changed. */
struct about {
	int	unexpected;	/* a finding says that nobody declared it */
	int	successor;	/* another for its names is served */
	int	served;		/* it is served still */
	char	*sources;	/* JSON, owned */
};

/* What source ${s} says, in state ${w}, as the finding tells it. */
#define SAID_SQL \
	"jsonb_build_object('kind', s.kind, 'url', s.url, 'status', " \
	"w.status, 'reason', w.reason, 'stated_at', " \
	ROW_RFC3339("w.stated_at") ", 'first_seen', " \
	ROW_RFC3339("w.first_seen") ", 'sha256', encode(w.sha256, 'hex'))"

/* Does an endpoint serve ${tbs} now? */
#define SERVED(tbs) \
	"exists (select from endpoint_observation o join endpoint e on e.id = " \
	"o.endpoint_id where o.tbs_sha256 = " tbs " and e.removed_at is null " \
	"and not exists (select from endpoint_observation p where " \
	"p.endpoint_id = o.endpoint_id and p.addr = o.addr and p.id > o.id))"

static const char about_sql[] =
    "with i as materialized (select * from issuance where "
    "issuer_spki_sha256 = $1 and serial = $2) select "
    "exists (select from i join finding f on f.subject = "
    "encode(i.tbs_sha256, 'hex') where f.kind in ('certificate.unexpected', "
    "'key.misused') and f.state in ('open', 'acked', 'rejected')), "
    "exists (select from i, unnest(i.names) m, certificate_name n, issuance "
    "j where n.name = m and j.tbs_sha256 = n.tbs_sha256 and "
    "j.tbs_sha256 <> i.tbs_sha256 and j.not_after > now() and "
    SERVED("j.tbs_sha256") "), "
    "exists (select from i where " SERVED("i.tbs_sha256") "), "
    "coalesce((select json_agg(" SAID_SQL " order by s.kind, s.url) from "
    "revocation_source s join lateral (select * from revocation_status w "
    "where w.issuer_spki_sha256 = $1 and w.serial = $2 and w.source_id = "
    "s.id order by w.id desc limit 1) w on true "
    "where s.issuer_spki_sha256 = $1 and w.status = 'revoked'), '[]')::text";

static int
about(struct db *db, const struct span *key,
    const struct rev_change_row *c, struct about *a, struct err *e)
{
	struct db_res	*r = NULL;

	memset(a, 0, sizeof(*a));
	if (db_query(db, &r, e, about_sql, "bs", key, c->serial) == -1)
		return -1;
	a->unexpected = db_bool(r, 0, 0);
	a->successor = db_bool(r, 0, 1);
	a->served = db_bool(r, 0, 2);
	a->sources = strdup(db_text(r, 0, 3));
	db_free(r);
	return a->sources != NULL ? 0 : err_set(e, ERR_SYS, "memory");
}

/* "ISSUER:SERIAL", as the subject of findings has it. */
static void
subject_of(const struct span *key, const char *serial, char out[256])
{
	char	hex[65];

	(void)enc_hex_to(hex, key->p, 32);
	(void)snprintf(out, 256, "%s:%s", hex, serial);
}

/* They should not have been there: now they do no harm. */
static int
contain(struct db *db, const struct span *key, const struct db_strs *serials,
    struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc = 0;

	if (db_query(db, &r, e, "select f.id from finding f join issuance i "
	    "on f.subject = encode(i.tbs_sha256, 'hex') where "
	    "i.issuer_spki_sha256 = $1 and i.serial = any ($2) and f.kind in "
	    "('certificate.unexpected', 'key.misused') and f.state in "
	    "('open', 'acked', 'rejected') order by f.id", "ba", key,
	    serials) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		rc = finding_change(db, db_int(r, i, 0), "contained",
		    "certvigil", "it is revoked", e);
	db_free(r);
	return rc;
}

static char *
detail(const struct rev_change_row *c, const struct about *a)
{
	char	 t[CLK_TEXT], *text;
	json_t	*o;

	o = json_pack("{ss ss? ss sb sb so}", "serial", c->serial,
	    "stated_at", c->after.stated_at != INT64_MIN ?
	    clk_text(c->after.stated_at, t) : NULL,
	    "revocation_reason", rev_reason_name(c->after.reason),
	    "successor_served", a->successor, "served", a->served,
	    "sources", json_loads(a->sources, 0, NULL));
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

/* Revoked, and nobody here ordered it. */
static int
surprise(struct db *db, const struct span *key,
    const struct rev_change_row *c, const struct about *a, struct err *e)
{
	char		 subject[256], why[400], t[CLK_TEXT];
	char		*d = detail(c, a);
	struct finding	 f = { .kind = "certificate.revoked",
	    .subject = subject, .reason = why, .detail = d };
	int		 rc;

	subject_of(key, c->serial, subject);
	f.severity = a->successor && !a->served ? "info" : "critical";
	f.digest_only = a->successor && !a->served;
	(void)snprintf(why, sizeof(why), "revoked%s%s%s%s without our order"
	    "%s%s", c->after.stated_at != INT64_MIN ? " at " : "",
	    c->after.stated_at != INT64_MIN ?
	    clk_text(c->after.stated_at, t) : "",
	    c->after.reason != -1 ? ", " : "",
	    rev_reason_name(c->after.reason),
	    c->after.reason == 5 ? ": somebody proved control of our names" :
	    "", f.digest_only ? "; a successor is served" :
	    a->served ? "; it is served still" : "");
	rc = watcher_open_serial(db, key->p, c->serial, &f, NULL, e);
	free(d);
	return rc;
}

static int
revoked(struct db *db, const struct span *key,
    const struct rev_change_row *c, struct err *e)
{
	const struct db_strs	one = { (const char *const *)&c->serial, 1 };
	struct about		a;
	int			rc;

	if (about(db, key, c, &a, e) == -1)
		return -1;
	rc = a.unexpected ? contain(db, key, &one, e) :
	    surprise(db, key, c, &a, e);
	free(a.sources);
	return rc;
}

/* It was revoked, and no source says so any more. */
static int
unrevoked(struct db *db, const struct span *key,
    const struct rev_change_row *c, struct err *e)
{
	char		subject[256];
	struct finding	f = { .kind = "revocation.disagreement",
	    .subject = subject, .severity = "high", .reason = "it was "
	    "revoked, and before its end no source says so any more (RFC "
	    "5280 3.3: an entry stays until the certificate has expired)" };

	subject_of(key, c->serial, subject);
	if (watcher_gone(db, "certificate.revoked", subject,
	    "no source says revoked any more", e) == -1)
		return -1;
	/* a hold that was lifted is no fault */
	if (c->before.reason == 6)
		return 0;
	return watcher_open_serial(db, key->p, c->serial, &f, NULL, e);
}

/* A second source says it too, or another reason: the finding has it. */
static int
refresh(struct db *db, const struct span *key, struct err *e)
{
	return db_query(db, NULL, e, "update finding f set detail = "
	    "f.detail || jsonb_build_object('sources', x.v) from (select "
	    "f.id, jsonb_agg(" SAID_SQL " order by s.kind, s.url) as v from "
	    "finding f join revocation_source s on s.issuer_spki_sha256 = $1 "
	    "join lateral (select * from revocation_status w where "
	    "w.issuer_spki_sha256 = $1 and w.serial = "
	    "split_part(f.subject, ':', 2) and w.source_id = s.id "
	    "order by w.id desc limit 1) w on w.status = 'revoked' "
	    "where f.kind = 'certificate.revoked' and f.state in ('open', "
	    "'acked') and split_part(f.subject, ':', 1) = encode($1, 'hex') "
	    "group by f.id) x where f.id = x.id and "
	    "f.detail->'sources' is distinct from x.v", "b", key);
}

/* Is it revoked now, and was not before? */
static int
is_new(const struct rev_change_row *r)
{
	return r->after.status == REV_REVOKED &&
	    r->before.status != REV_REVOKED;
}

/*
 * Of those, which are no history: what was revoked before we first saw it,
 * was never known to be good and is not served is no news.
 */
static const char news_sql[] =
    "select r.serial from revocation r where r.issuer_spki_sha256 = $1 and "
    "r.serial = any ($2) and (exists (select from revocation_status w where "
    "w.issuer_spki_sha256 = $1 and w.serial = r.serial and w.status = "
    "'good') or exists (select from issuance i where i.issuer_spki_sha256 = "
    "$1 and i.serial = r.serial and (r.stated_at is null or i.first_seen - "
    "interval '1 hour' < r.stated_at or " SERVED("i.tbs_sha256") " or "
    "exists (select from finding f where f.subject = encode(i.tbs_sha256, "
    "'hex') and f.kind in ('certificate.unexpected', 'key.misused') and "
    "f.state in ('open', 'acked', 'rejected')))))";

/*
 * One by one, what nobody here ordered; many are one campaign.  ${serials}:
 * all of them.
 */
static int
unordered(struct db *db, const struct span *key, const struct rev_changes *c,
    const struct db_strs *serials, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i, k;
	int		 campaign = 0, rc = 0;

	if (rev_campaign(db, key->p, &campaign, e) == -1)
		return -1;
	if (campaign)
		return contain(db, key, serials, e);
	if (db_query(db, &r, e, news_sql, "ba", key, serials) == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		for (k = 0; k < c->n; k++)
			if (strcmp(c->v[k].serial, db_text(r, i, 0)) == 0) {
				rc = revoked(db, key, &c->v[k], e);
				break;
			}
	db_free(r);
	return rc;
}

int
rev_find(struct db *db, const struct conf *conf, const uint8_t issuer[32],
    const struct rev_changes *c, struct err *e)
{
	const struct span	 key = { issuer, 32 };
	const char		**v = mem_array(c->n, sizeof(*v));
	struct db_strs		 ordered = { v, 0 }, rest = { v + c->n, 0 };
	size_t			 i;
	int			 rc = 0;

	/* what was ordered, from the front, is no part of a campaign */
	for (i = 0; i < c->n && rc == 0; i++) {
		if (!is_new(&c->v[i]))
			continue;
		if (c->v[i].expected != 0) {
			v[ordered.n++] = c->v[i].serial;
			rc = rev_late_fulfil(db, &key, &c->v[i], e);
		} else {
			rest.v--;
			v[c->n - ++rest.n] = c->v[i].serial;
		}
	}
	if (rc == 0 && ordered.n != 0)
		rc = contain(db, &key, &ordered, e);
	if (rc == 0 && rest.n != 0)
		rc = unordered(db, &key, c, &rest, e);
	if (rc == 0 && rest.n != 0)
		rc = loop_replace(db, conf, e);
	for (i = 0; i < c->n && rc == 0; i++)
		if (c->v[i].before.status == REV_REVOKED &&
		    c->v[i].after.status == REV_GOOD)
			rc = unrevoked(db, &key, &c->v[i], e);
	free(v);
	return rc == 0 ? refresh(db, &key, e) : -1;
}

/* --- sources ------------------------------------------------------------------ */

/* One URL may speak for many issuers: it is good when it is for all. */
static int
good_again(struct db *db, const struct rev_source_row *s, struct err *e)
{
	struct db_res	*r = NULL;
	int		 other;

	if (db_query(db, &r, e, "select exists (select from revocation_source "
	    "where url = $1 and id <> $2 and failing_since is not null)",
	    "si", s->url, s->id) == -1)
		return -1;
	other = db_bool(r, 0, 0);
	db_free(r);
	return other ? 0 : watcher_gone(db, "revocation.source_faulty",
	    s->url, "the source is good again", e);
}

int
rev_find_idle(struct db *db, const struct rev_source_row *s, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 n;

	if (s->failing_since == INT64_MIN)
		return 0;
	if (db_query(db, &r, e, "update revocation_source s set state = "
	    "'new', fault = null, why = null, failing_since = null where "
	    "s.id = $1 and not exists (select from issuance i join cert_fact "
	    "f on f.tbs_sha256 = i.tbs_sha256 where i.issuer_spki_sha256 = "
	    "s.issuer_spki_sha256 and i.not_after > now() and (s.url = "
	    "any (f.crl) or s.url = any (f.ocsp) or s.origin = 'ccadb'))",
	    "i", s->id) == -1)
		return -1;
	n = db_changed(r);
	db_free(r);
	return n != 0 ? good_again(db, s, e) : 0;
}

int
rev_find_source(struct db *db, const struct rev_source_row *s,
    const struct rev_source_state *t, int twice, int64_t since,
    int64_t patience, struct err *e)
{
	char		why[400];
	struct finding	f = { .kind = "revocation.source_faulty",
	    .severity = "medium", .subject = s->url, .owner = "",
	    .watch = "", .name = "", .reason = why,
	    .issuer_first_seen = INT64_MIN };
	int		later = strcmp(t->fault, "outer") == 0;
	int		away = later || strcmp(t->state, "unreachable") == 0;

	/* tryLater and its like for longer than a day */
	if (later)
		patience = DAY;

	if (strcmp(t->state, "good") == 0)
		return good_again(db, s, e);
	if (away ? since == INT64_MIN || clk_wall() - since <
	    patience * CLK_SEC : !twice)
		return 0;
	(void)snprintf(why, sizeof(why), "%s: %s",
	    s->is_ocsp ? "OCSP responder" : "CRL", t->why);
	return finding_open(db, &f, NULL, NULL, e);
}

/* --- what time brings ----------------------------------------------------------- */

/* Findings of one kind from rows: issuer, serial, sentence. */
static int
open_rows(struct db *db, const struct db_res *r, const char *kind,
    struct err *e)
{
	char		subject[256];
	struct finding	f = { .kind = kind, .severity = "high",
	    .subject = subject };
	struct span	key;
	size_t		i;

	for (i = 0; i < db_rows(r); i++) {
		key = db_bytes(r, i, 0);
		if (key.n != 32)
			continue;
		subject_of(&key, db_text(r, i, 1), subject);
		f.reason = db_text(r, i, 2);
		if (watcher_open_serial(db, key.p, db_text(r, i, 1), &f, NULL,
		    e) == -1)
			return -1;
	}
	return 0;
}

/* Of an expired certificate no source says anything any more. */
#define VALID "exists (select from issuance i where i.issuer_spki_sha256 = " \
	"r.issuer_spki_sha256 and i.serial = r.serial and i.not_after > now())"

static int
disagreements(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	if (db_query(db, &r, e, "select issuer_spki_sha256, serial, "
	    "'sources contradict each other since ' || to_char("
	    "disagree_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || "
	    "' UTC: ' || why from revocation r where disagree_since < now() - "
	    "$1 * interval '1 second' and " VALID, "i", (int64_t)DAY) == -1)
		return -1;
	rc = open_rows(db, r, "revocation.disagreement", e);
	db_free(r);
	if (rc == -1 || db_query(db, &r, e, "select f.subject from finding f "
	    "join revocation r on f.subject = encode(r.issuer_spki_sha256, "
	    "'hex') || ':' || r.serial where f.kind = "
	    "'revocation.disagreement' and f.state in ('open', 'acked') and "
	    "((r.disagree_since is null and (r.removed_at is null or "
	    "r.status = 'revoked')) or not " VALID ")", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		rc = watcher_gone(db, "revocation.disagreement",
		    db_text(r, i, 0), "the sources agree, or the certificate "
		    "has expired", e);
	db_free(r);
	return rc;
}

/*
 * A successor has taken its place: at our endpoints, or, where none shows one
 * of them, as far as we have deployed it.
 */
static const char calm_sql[] =
    "with i as materialized (select f.id, i.tbs_sha256, i.names from finding "
    "f cross join lateral (select * from issuance i where "
    "i.issuer_spki_sha256 = decode(split_part(f.subject, ':', 1), 'hex') and "
    "i.serial = split_part(f.subject, ':', 2) limit 1) i where f.kind = "
    "'certificate.revoked' and f.state in ('open', 'acked') and f.severity = "
    "'critical'), "
    "d as (select i.id, 'deployed' as how from i join acme_received a on "
    "a.tbs_sha256 = i.tbs_sha256 join acme_order o on o.id = a.order_id join "
    "managed_certificate m on m.id = o.managed_id where m.tbs_sha256 <> "
    "i.tbs_sha256 and m.issued_at > a.received_at and m.not_after > now() "
    "and not exists (select from revocation r where r.issuer_spki_sha256 = "
    "m.issuer_spki_sha256 and r.serial = m.serial and r.status = 'revoked') "
    "union all select i.id, 'served' from i where exists (select from "
    "unnest(i.names) m cross join lateral (select j.* from certificate_name "
    "n join issuance j on j.tbs_sha256 = n.tbs_sha256 where n.name = m) j "
    "where j.tbs_sha256 <> i.tbs_sha256 and j.not_after > now() and "
    SERVED("j.tbs_sha256") ")) "
    "update finding f set severity = 'info', digest_only = true, reason = "
    "f.reason || '; a successor is ' || d.how, detail = f.detail || "
    "'{\"successor_served\": true, \"served\": false}' from i join d on d.id "
    "= i.id where f.id = i.id and not " SERVED("i.tbs_sha256");

int
rev_find_time(struct db *db, struct err *e)
{
	if (disagreements(db, e) == -1 || rev_late_time(db, e) == -1 ||
	    db_query(db, NULL, e, calm_sql, "") == -1)
		return -1;
	return rev_campaign_progress(db, e);
}
