#include "auditor/cmd/respond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"
#include "auditor/db/audit_sql.h"
#include "auditor/db/finding.h"
#include "auditor/db/watch_store.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/owner.h"

/* An order for such a name cannot become ready. */
#define NOBODY		"certvigil-leave-unproven."

/* How long an approval is good for. */
#define APPROVED_FOR	"interval '1 day'"

/* Others with its key that are listed. */
#define SAME_KEY_MAX	"100"

/* Findings that a revocation answers, and states that it ends. */
#define KINDS		"('certificate.unexpected', 'key.misused')"
#define STATES		"('open', 'acked', 'rejected')"

/* The endpoints that serve it, or another certificate with its key, now. */
#define SERVED "(select coalesce(json_agg(json_build_object('endpoint', " \
	"s.at, 'key_only', s.other, 'seen', " ROW_RFC3339("s.seen") ", " \
	"'live', false) " \
	"order by s.at), '[]')::text from (select " \
	AUDIT_SQL_HOSTPORT("e") " as at, bool_and(o.tbs_sha256 <> " \
	"i.tbs_sha256) as other, max(o.last_seen) as seen " \
	"from endpoint_observation o join endpoint e on e.id = " \
	"o.endpoint_id where o.tbs_sha256 in (select i.tbs_sha256 union all " \
	"select k.tbs_sha256 from issuance k where k.spki_sha256 = " \
	"i.spki_sha256) and " AUDIT_SQL_CURRENT("o", "e") " group by 1) s)"

#define ENTRIES "(select coalesce(json_agg(json_build_object('log_id', " \
	"encode(l.log_id, 'base64'), 'log', l.description, 'index', " \
	"n.index, 'timestamp', n.timestamp_ms, 'entry_type', n.entry_type, " \
	"'proven', n.proof is not null) order by n.timestamp_ms, l.id), " \
	"'[]')::text from entry n join log l on l.id = n.log_ref where " \
	"n.tbs_sha256 = i.tbs_sha256)"

/*
 * By another person: neither another host nor another user of the same login
 * makes one.  $5: the login of who asks, -1: not known.
 */
#define APPROVED "(select coalesce(json_agg(a.author order by a.added_at), " \
	"'[]')::text from respond_approval a where a.finding_id = $2 and " \
	"a.tbs_sha256 = i.tbs_sha256 and split_part(a.author, '@', 1) <> " \
	"split_part($3, '@', 1) and (a.login_uid is null or a.login_uid <> " \
	"$5) and a.added_at > now() - " APPROVED_FOR ")"

#define SAME_KEY "(select coalesce(json_agg(json_build_object(" \
	"'tbs_sha256', encode(k.tbs_sha256, 'hex'), 'serial', k.serial, " \
	"'names', k.names, 'not_after', " ROW_RFC3339("k.not_after") ", " \
	"'revoked', exists (select from revocation v where " \
	"v.issuer_spki_sha256 = k.issuer_spki_sha256 and v.serial = " \
	"k.serial and v.status = 'revoked'), 'ours', exists (select from " \
	"acme_order o where o.spki_sha256 = k.spki_sha256), 'finding', " \
	"(select f.id from finding f where f.subject = encode(k.tbs_sha256, " \
	"'hex') and f.kind in " KINDS " and f.state in " STATES " order by " \
	"f.id limit 1)) order by k.not_before, k.serial), '[]')::text from " \
	"(select * from issuance k where k.spki_sha256 = i.spki_sha256 and " \
	"k.tbs_sha256 <> i.tbs_sha256 and k.not_after > now() limit " \
	SAME_KEY_MAX ") k)"

/* A key that has signed what we ordered at this directory. */
#define OURS "exists (select from managed_certificate m join issuance j on " \
	"j.tbs_sha256 = m.tbs_sha256 where m.directory = $4 and " \
	"j.issuer_spki_sha256 = i.issuer_spki_sha256)"

enum col { SERIAL, ISSUER, NAMES, NOT_BEFORE, NOT_AFTER, EXPIRED, REVOKED,
	OURS_TOO, SERVED_AT, LOGGED, APPROVED_BY, SPKI, SAME };

/* Findings that something else answers. */
static const struct { const char *kind, *what; } answers[] = {
	{ "certificate.revoked", "that certificate is revoked already: "
	    "certvigil issue orders another one where it was in use, and "
	    "certvigil account rollover changes the key that may have asked" },
	{ "certificate.not_received", "it is of an order of ours: certvigil "
	    "renew orders again, certvigil revoke ends the one that was "
	    "never received" },
	{ "certificate.not_logged", "it is ours, and its log has not kept "
	    "its promise: certvigil issue orders another one" },
	{ "certificate.malformed", "what cannot be parsed cannot be revoked "
	    "by us: certvigil evidence export is for its CA" },
	{ "certificate.twins", "the CA has signed two under one number, and "
	    "both have findings of their own where they are unexpected" },
	{ "revocation.not_published", "the CA has been asked, and owes its "
	    "CRL: certvigil evidence export is for its problem report" },
	{ "revocation.campaign", "the CA is revoking already: certvigil "
	    "affected lists what is to be replaced" },
	{ "renewal.requested", "its CA asks for another one: certvigil renew "
	    "orders it" },
	{ "endpoint.unlogged_certificate", "what no log has shown cannot be "
	    "compared with anything: certvigil check HOST:PORT shows what is "
	    "served" },
	{ "source.out_of_scope", "it is about a declaration: certvigil "
	    "findings show has the certificate" },
	{ "caa.violated", "the same certificate has a finding "
	    "certificate.unexpected where nobody ordered it" },
	{ "grant.unexpected", "it is a record in the DNS: take away "
	    "_validation-persist there" },
};

static int
no_answer(const struct respond *c, const char *kind, struct err *e)
{
	size_t	i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(kind, answers[i].kind) == 0)
			return err_set(e, ERR_USAGE, "finding %lld is %.40s: "
			    "%.160s", (long long)c->id, kind,
			    answers[i].what);
	return err_set(e, ERR_USAGE, "finding %lld is %.60s, which is "
	    "not answered by a revocation (certificate.unexpected and "
	    "key.misused are)", (long long)c->id, kind);
}

int64_t
respond_login(void)
{
	FILE		*f = fopen("/proc/self/loginuid", "re");
	unsigned long	 uid = UINT32_MAX;

	if (f != NULL) {
		if (fscanf(f, "%lu", &uid) != 1)
			uid = UINT32_MAX;
		(void)fclose(f);
	}
	return uid >= UINT32_MAX ? -1 : (int64_t)uid;
}

static json_t *
list(const struct db_res *r, enum col c)
{
	json_t	*a = json_loads(db_text(r, 0, c), 0, NULL);

	return a != NULL ? a : json_array();
}

static void
take_names(struct respond *c, const struct db_res *r)
{
	uint8_t	 ip[16];
	size_t	 n, i;
	char	**v = db_strv(r, 0, NAMES, &n);

	if (san_of((const char *const *)v, n, &c->names, &c->no_names) == -1)
		san_free(&c->names);
	free(v);
	c->name = mem_zero((c->names.n + 1) * sizeof(*c->name));
	for (i = 0; i < c->names.n && c->nobody[0] == '\0'; i++)
		if (san_ip(c->names.v[i], ip) == 0 &&
		    sizeof(NOBODY) + strlen(c->names.v[i]) <= 254)
			(void)snprintf(c->nobody, sizeof(c->nobody), NOBODY
			    "%.220s", c->names.v[i] + (san_wild(c->names.v[i])
			    ? 2 : 0));
}

static int
load_issuance(struct cmd_ctx *ctx, struct respond *c, struct err *e)
{
	const struct span	 tbs = { c->tbs, 32 };
	struct db_res		*r = NULL;

	if (db_query(ctx->db, &r, e, "select i.serial, i.issuer_spki_sha256, "
	    "i.names, i.not_before, i.not_after, i.not_after < now(), "
	    "exists (select from revocation v where v.issuer_spki_sha256 = "
	    "i.issuer_spki_sha256 and v.serial = i.serial and v.status = "
	    "'revoked'), " OURS ", " SERVED ", " ENTRIES ", " APPROVED
	    ", i.spki_sha256, " SAME_KEY " from issuance i where "
	    "i.tbs_sha256 = $1", "bissi", &tbs, c->id, cmd_actor(),
	    acme_talk_directory(ctx->conf), respond_login()) == -1)
		return -1;
	if (db_rows(r) == 0) {
		db_free(r);
		return err_set(e, ERR_NOENT, "finding %lld is about no "
		    "issuance that is known", (long long)c->id);
	}
	c->serial = mem_str(db_text(r, 0, SERIAL));
	if (db_bytes(r, 0, ISSUER).n == 32)
		memcpy(c->issuer, db_bytes(r, 0, ISSUER).p, 32);
	take_names(c, r);
	c->not_before = db_time(r, 0, NOT_BEFORE);
	c->not_after = db_time(r, 0, NOT_AFTER);
	c->expired = db_bool(r, 0, EXPIRED);
	c->revoked = db_bool(r, 0, REVOKED);
	c->ours = db_bool(r, 0, OURS_TOO);
	c->served = list(r, SERVED_AT);
	c->entries = list(r, LOGGED);
	c->approved = list(r, APPROVED_BY);
	if (db_bytes(r, 0, SPKI).n == 32)
		memcpy(c->spki, db_bytes(r, 0, SPKI).p, 32);
	c->same_key = list(r, SAME);
	c->unseen = json_array();
	c->checks = json_array();
	db_free(r);
	return 0;
}

/* Its bytes: those of the certificate, else of the precertificate. */
static int
load_der(struct cmd_ctx *ctx, struct respond *c, struct err *e)
{
	const struct span	 tbs = { c->tbs, 32 };
	struct db_res		*r = NULL;

	if (db_query(ctx->db, &r, e, "select der, form from (select der, "
	    "form from certificate where tbs_sha256 = $1 union all select "
	    "der, 'x509' from served_certificate where tbs_sha256 = $1) x "
	    "order by form = 'precert', der limit 1", "b", &tbs) == -1)
		return -1;
	if (db_rows(r) != 0) {
		buf_span(&c->der, db_bytes(r, 0, 0));
		c->is_precert = strcmp(db_text(r, 0, 1), "precert") == 0;
		sha_256(c->sha256, c->der.p, c->der.n);
	}
	db_free(r);
	return 0;
}

/* Which of its names are ours. */
static int
load_watched(struct cmd_ctx *ctx, struct respond *c, struct err *e)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 image = BUF_INIT;
	struct watch_set	 set;
	struct watch_hit	 hit;
	size_t			 i;
	int			 rc = watch_load(ctx->db, ctx->conf, b, e);

	if (rc == -1) {
		watch_build_free(b);
		return -1;
	}
	watch_build_done(b, &image);	/* which frees it */
	rc = watch_open_own(&set, image.p, image.n, e);
	for (i = 0; rc == 0 && i < c->names.n; i++)
		c->name[i].watched = watch_name(&set, c->names.v[i], &hit, 1)
		    > 0;
	buf_free(&image);
	return rc;
}

/* And which of them the configured challenges can prove. */
static void
load_how(struct cmd_ctx *ctx, struct respond *c)
{
	struct order_ident	id;
	size_t			i, k;

	c->ntypes = acme_place_types(ctx->conf, NULL, c->type, &c->no_types);
	for (i = 0; i < c->names.n; i++) {
		if (order_ident(c->names.v[i], &id, NULL) == -1)
			continue;
		for (k = 0; k < c->ntypes && c->name[i].how == 0; k++)
			if (challenge_fits(c->type[k], &id))
				c->name[i].how = c->type[k];
	}
}

int
respond_load(struct cmd_ctx *ctx, const char *what, struct respond *c,
    struct err *e)
{
	const char	*kind;
	char		*end;

	memset(c, 0, sizeof(*c));
	c->directory = acme_talk_directory(ctx->conf);
	c->id = strtoll(what, &end, 10);
	if (end == what || *end != '\0' || c->id <= 0)
		return err_set(e, ERR_USAGE, "`%.70s` is not the number of a "
		    "finding; certvigil findings lists them", what);
	if ((c->finding = finding_load(ctx->db, c->id, e)) == NULL)
		return -1;
	kind = message_get(c->finding, "kind");
	if ((strcmp(kind, "certificate.unexpected") != 0 &&
	    strcmp(kind, "key.misused") != 0) || enc_unhex_to(c->tbs, 32,
	    message_get(c->finding, "subject")) == -1)
		return no_answer(c, kind, e);
	if (load_issuance(ctx, c, e) == -1 || load_der(ctx, c, e) == -1 ||
	    load_watched(ctx, c, e) == -1 || respond_others(ctx, c, e) == -1)
		return -1;
	load_how(ctx, c);
	return 0;
}

int
respond_ca(struct cmd_ctx *ctx, struct respond *c, const struct directory *d,
    struct err *e)
{
	const char	*owner = message_get(c->finding, "issuer_owner");
	struct span	 name;
	size_t		 i;

	c->ca = c->ours ? RESPOND_CA_SAME : owner[0] == '\0' || d->ncaa == 0 ?
	    RESPOND_CA_UNKNOWN : RESPOND_CA_OTHER;
	for (i = 0; i < d->ncaa && c->ca == RESPOND_CA_OTHER; i++) {
		name = (struct span){ (const uint8_t *)d->caa[i],
		    strlen(d->caa[i]) };
		if (owner_is(owner, name) || strcmp(owner, d->caa[i]) == 0)
			c->ca = RESPOND_CA_SAME;
	}
	return acme_account_load(ctx->db, acme_talk_directory(ctx->conf),
	    &c->account, e) == -1 ? -1 : 0;
}

void
respond_free(struct respond *c)
{
	size_t	i;

	for (i = 0; c->name != NULL && i < c->names.n; i++) {
		caa_free(&c->name[i].caa.set);
		json_decref(c->name[i].others);
	}
	json_decref(c->finding);
	json_decref(c->served);
	json_decref(c->entries);
	json_decref(c->approved);
	json_decref(c->unseen);
	json_decref(c->checks);
	json_decref(c->same_key);
	free(c->serial);
	free(c->name);
	buf_free(&c->der);
	san_free(&c->names);
	acme_account_free(&c->account);
	memset(c, 0, sizeof(*c));
}
