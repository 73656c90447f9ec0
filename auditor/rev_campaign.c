#include "auditor/rev_campaign.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/watcher.h"
#include "base/clk.h"
#include "base/enc.h"
#include "pki/owner.h"

/* So many within an hour are one campaign. */
#define MANY	10

/*
 * The keys of the same CA, and what was revoked without an order while we
 * knew of it.  $1 is an issuer key.
 */
#define OURS \
	"with k as (select distinct i.issuer_spki_sha256 as key, " \
	"i.issuer_owner as owner from issuance i where i.issuer_spki_sha256 " \
	"= $1 or i.issuer_owner = (select issuer_owner from issuance where " \
	"issuer_spki_sha256 = $1 and issuer_owner is not null limit 1)), " \
	"r as (select r.* from revocation r where r.status = 'revoked' and " \
	"r.expected is null and r.issuer_spki_sha256 in (select key from k) " \
	"and exists (select from issuance i where i.issuer_spki_sha256 = " \
	"r.issuer_spki_sha256 and i.serial = r.serial and " \
	"(r.stated_at is null or r.stated_at > i.first_seen - " \
	"interval '1 hour' or exists (select from revocation_status w where " \
	"w.issuer_spki_sha256 = r.issuer_spki_sha256 and w.serial = " \
	"r.serial and w.status = 'good')) and " \
	"coalesce(i.decision, '') not in ('page', 'deny', 'misused'))) "

/* The campaign's subject: the CA, or the key. */
static int
subject_of(struct db *db, const struct span *key, char *out, size_t cap,
    struct err *e)
{
	struct db_res	*r = NULL;
	char		 hex[65];

	if (db_query(db, &r, e, "select issuer_owner from issuance where "
	    "issuer_spki_sha256 = $1 and issuer_owner is not null limit 1",
	    "b", key) == -1)
		return -1;
	(void)enc_hex_to(hex, key->p, 32);
	(void)snprintf(out, cap, "%s", db_rows(r) != 0 ? db_text(r, 0, 0) :
	    hex);
	db_free(r);
	return 0;
}

/* The single findings of before are part of it. */
static int
absorb(struct db *db, const struct span *key, int64_t campaign,
    struct err *e)
{
	struct db_res	*r = NULL;
	char		 why[80];
	size_t		 i;
	int		 rc = 0;

	(void)snprintf(why, sizeof(why), "it is part of finding %" PRId64
	    ", a mass revocation", campaign);
	if (db_query(db, &r, e, OURS "select f.id from finding f join r on "
	    "f.subject = encode(r.issuer_spki_sha256, 'hex') || ':' || "
	    "r.serial where f.kind = 'certificate.revoked' and f.state = "
	    "'open' and r.observed_at > now() - interval '1 hour'", "b", key)
	    == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++)
		rc = finding_retract(db, db_int(r, i, 0), why, e);
	db_free(r);
	return rc;
}

/* How far it is: all, replaced, served still, left, hours until the first
 * deadline of what is left. */
struct progress {
	int64_t	all, replaced, served, left, hours, began;
};

static const char progress_sql[] = OURS
    ", live as (select distinct on (o.endpoint_id, o.addr) o.tbs_sha256, "
    "o.endpoint_id from endpoint_observation o join endpoint e on e.id = "
    "o.endpoint_id where e.removed_at is null order by o.endpoint_id, "
    "o.addr, o.id desc), "
    "c as (select distinct on (r.issuer_spki_sha256, r.serial) r.*, i.names, "
    "i.tbs_sha256, i.not_before, i.not_after from r join issuance i on "
    "i.issuer_spki_sha256 = r.issuer_spki_sha256 and i.serial = r.serial "
    "where r.observed_at > $2 - interval '1 hour' "
    "order by r.issuer_spki_sha256, r.serial), "
    "d as (select exists (select from certificate_name n join issuance j on "
    "j.tbs_sha256 = n.tbs_sha256 left join revocation q on "
    "q.issuer_spki_sha256 = j.issuer_spki_sha256 and q.serial = j.serial "
    "where n.name = c.names[1] and j.names @> c.names and j.not_before > "
    "c.not_before and "
    "j.not_after > now() and coalesce(q.status, '') <> 'revoked') as "
    "replaced, exists (select from live l where l.tbs_sha256 = "
    "c.tbs_sha256) as served, c.not_after > now() as valid, c.observed_at + "
    "case when coalesce(c.reason, 0) in (0, 1, 4) then interval '24 hours' "
    "else interval '5 days' end as deadline from c) "
    "select count(*), count(*) filter (where replaced), count(*) filter "
    "(where served), count(*) filter (where valid and not replaced), "
    "coalesce(greatest(0, extract(epoch from min(deadline) filter (where "
    "valid and not replaced) - now()) / 3600), 0)::bigint from d";

static int
count(struct db *db, const struct span *key, int64_t began,
    struct progress *p, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, progress_sql, "bt", key, began) == -1)
		return -1;
	p->all = db_int(r, 0, 0);
	p->replaced = db_int(r, 0, 1);
	p->served = db_int(r, 0, 2);
	p->left = db_int(r, 0, 3);
	p->hours = db_int(r, 0, 4);
	p->began = began;
	db_free(r);
	return 0;
}

static int
open_campaign(struct db *db, const struct span *key, const char *subject,
    const struct progress *p, int64_t *id, struct err *e)
{
	char		 why[300], hex[65], t[CLK_TEXT], *d;
	json_t		*o;
	struct finding	 f = { .kind = "revocation.campaign", .severity =
	    "critical", .subject = subject, .owner = "", .watch = "",
	    .name = "", .reason = why, .issuer_first_seen = INT64_MIN };
	int		 rc;

	(void)enc_hex_to(hex, key->p, 32);
	if (strchr(subject, '.') != NULL) {
		f.issuer_owner = subject;
		f.ca_contact = owner_contact(subject);
	}
	(void)snprintf(why, sizeof(why), "%" PRId64 " certificates of this CA "
	    "were revoked without our order: %" PRId64 " replaced, %" PRId64
	    " served, %" PRId64 " left, %" PRId64 " h to the first deadline; "
	    "`certvigil affected --issuer-spki %s` lists them", p->all, p->replaced, p->served,
	    p->left, p->hours, hex);
	o = json_pack("{ss ss sI sI sI sI}", "issuer_spki_sha256", hex,
	    "began", clk_text(p->began, t), "revoked", (json_int_t)p->all,
	    "replaced", (json_int_t)p->replaced, "served",
	    (json_int_t)p->served, "left", (json_int_t)p->left);
	d = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	f.detail = d;
	rc = finding_open(db, &f, id, NULL, e);
	free(d);
	/* the sentence has the progress, also when it is only touched */
	if (rc == 0)
		rc = db_query(db, NULL, e, "update finding set reason = $2 "
		    "where id = $1 and state <> 'resolved'", "is", *id, why);
	return rc;
}

/*
 * Since when: many within an hour begin one; then each goes on with it that
 * comes within a day after the last.  INT64_MIN: there is none.
 */
static int
began_at(struct db *db, const struct span *key, const char *subject,
    int64_t *began, struct err *e)
{
	struct db_res	*r = NULL;

	if (db_query(db, &r, e, OURS ", f as (select (detail->>'began')::"
	    "timestamptz as began from finding where kind = "
	    "'revocation.campaign' and subject = $2 and state in ('open', "
	    "'acked', 'accepted') and exists (select from r where "
	    "observed_at < now() and observed_at > now() - interval '1 day')) "
	    "select (select began from f), (select min(observed_at) from r "
	    "where observed_at > now() - interval '1 hour' having count(*) >= "
	    "$3)", "bsi", key, subject, (int64_t)MANY) == -1)
		return -1;
	*began = !db_null(r, 0, 0) ? db_time(r, 0, 0) : db_time(r, 0, 1);
	db_free(r);
	return 0;
}

int
rev_campaign(struct db *db, const uint8_t issuer[32], int *yes,
    struct err *e)
{
	const struct span	 key = { issuer, 32 };
	struct progress		 p;
	char			 subject[256];
	int64_t			 id = 0, began = INT64_MIN;

	*yes = 0;
	if (subject_of(db, &key, subject, sizeof(subject), e) == -1 ||
	    began_at(db, &key, subject, &began, e) == -1)
		return -1;
	if (began == INT64_MIN)
		return 0;
	if (count(db, &key, began, &p, e) == -1 ||
	    open_campaign(db, &key, subject, &p, &id, e) == -1)
		return -1;
	*yes = 1;
	return absorb(db, &key, id, e);
}

int
rev_campaign_progress(struct db *db, struct err *e)
{
	struct db_res	*r = NULL;
	struct progress	 p;
	uint8_t		 key[32];
	struct span	 s = { key, 32 };
	size_t		 i;
	int64_t		 id;
	int		 rc = 0;

	if (db_query(db, &r, e, "select subject, coalesce((detail->>'began')::"
	    "timestamptz, first_seen), "
	    "detail->>'issuer_spki_sha256' from finding where kind = "
	    "'revocation.campaign' and state in ('open', 'acked')", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		if (strlen(db_text(r, i, 2)) != 64 ||
		    enc_unhex_to(key, 32, db_text(r, i, 2)) == -1)
			continue;
		rc = count(db, &s, db_time(r, i, 1), &p, e);
		if (rc == 0 && p.left == 0 && p.served == 0)
			rc = finding_resolve(db, "revocation.campaign",
			    db_text(r, i, 0), "", "every certificate of it "
			    "is replaced and served no more", e);
		else if (rc == 0)
			rc = open_campaign(db, &s, db_text(r, i, 0), &p, &id,
			    e);
	}
	db_free(r);
	return rc;
}
