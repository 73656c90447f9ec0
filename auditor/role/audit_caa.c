#include "auditor/role/audit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/caa.h"
#include "auditor/db/caa_store.h"
#include "auditor/db/finding.h"
#include "auditor/db/known_account.h"
#include "auditor/db/watcher.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/*
 * Kind "caa": the CAA records of one name, climbing to its parents (RFC 8659
 * section 3), and standing grants (_validation-persist) at the name itself.
 */

#define MOST		32	/* names at once */
#define TYPE_CAA	257
#define TYPE_TXT	16
#define TIMEOUT_MS	5000
#define PERSIST		"_validation-persist."

struct caa_job {
	struct caa_set	 set;
	json_t		*grants;	/* array */
	char		 at[256];	/* name that is being asked */
	char		 persist[300];
	char		 resolver[64];
	char		*error;		/* no answer that counts: why */
	uint64_t	 ask_id;
	int		 txt;		/* grants are being asked for */
	int		 ad;
};

static void
drop(struct audit_job *j)
{
	struct caa_job	*c = j->state;

	caa_free(&c->set);
	json_decref(c->grants);
	free(c->error);
	free(c);
}

static void
ask(struct audit_job *j, const char *name, uint16_t type)
{
	struct caa_job		*c = j->state;
	struct probe_dns	 d;

	memset(&d, 0, sizeof(d));
	d.name = name;
	d.type = type;
	d.timeout_ms = TIMEOUT_MS;
	c->ask_id = audit_probe_dns(j, &d);
}

static void
begin(struct audit_job *j)
{
	struct caa_job	*c = mem_zero(sizeof(*c));

	j->state = c;
	c->ad = 1;
	c->grants = json_array();
	if (strlen(j->lease.subject) >= sizeof(c->at)) {
		audit_done(j, -1);
		return;
	}
	(void)snprintf(c->at, sizeof(c->at), "%s", j->lease.subject);
	ask(j, c->at, TYPE_CAA);
}

/* --- what came of it ------------------------------------------------------------ */

/* The set is another one than before. */
static int
changed(struct audit_job *j, const char *before, struct err *e)
{
	struct caa_job	*c = j->state;
	char		*now = caa_text(&c->set), *d, why[400];
	json_t		*o;
	struct finding	 f = { .kind = "caa.changed", .severity = "medium",
	    .subject = j->lease.subject, .owner = "", .watch = "",
	    .name = j->lease.subject, .reason = why,
	    .issuer_first_seen = INT64_MIN };
	int		 rc;

	(void)snprintf(why, sizeof(why), "the CAA records for %.200s are "
	    "other ones than before (found at %.100s)", j->lease.subject,
	    c->set.at[0] != '\0' ? c->set.at : "no name: there are none");
	o = json_pack("{ss ss sb ss}", "before", before, "now", now,
	    "resolver_says_validated", c->set.ad, "resolver", c->resolver);
	d = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	f.detail = d;
	/* what a person said of the change before is not about this one */
	rc = db_query(j->en->db, NULL, e, "update finding set state = "
	    "'resolved' where kind = 'caa.changed' and subject = $1 and "
	    "state in ('accepted', 'rejected')", "s", j->lease.subject);
	if (rc == 0)
		rc = finding_open(j->en->db, &f, NULL, NULL, e);
	free(now);
	free(d);
	return rc;
}

/* Those of accounts that nobody declared; NULL when it cannot be said. */
static json_t *
unknown_grants(struct audit_job *j, int *open_grant, struct err *e)
{
	struct caa_job	*c = j->state;
	json_t		*some = json_array(), *g;
	size_t		 i;
	int		 is;

	*open_grant = 0;
	json_array_foreach(c->grants, i, g) {
		is = known_account_is(j->en->db, json_string_value(
		    json_object_get(g, "account")), j->lease.subject, e);
		if (is == -1) {
			json_decref(some);
			return NULL;
		}
		if (is)
			continue;
		*open_grant |= json_is_true(json_object_get(g, "wildcard")) ||
		    json_is_null(json_object_get(g, "until"));
		json_array_append(some, g);
	}
	return some;
}

static int
grants(struct audit_job *j, struct err *e)
{
	struct caa_job	*c = j->state;
	char		 why[300], *d;
	json_t		*o, *some;
	int		 open_grant;
	struct finding	 f = { .kind = "grant.unexpected", .severity = "high",
	    .subject = j->lease.subject, .owner = "", .watch = "",
	    .name = j->lease.subject, .reason = why,
	    .issuer_first_seen = INT64_MIN };
	int		 rc;

	if ((some = unknown_grants(j, &open_grant, e)) == NULL)
		return -1;
	if (json_array_size(some) == 0) {
		json_decref(some);
		return watcher_gone(j->en->db, f.kind, f.subject,
		    json_array_size(c->grants) == 0 ? "there is no such "
		    "record any more" : "the accounts in them are known", e);
	}
	(void)snprintf(why, sizeof(why), "%zu record(s) _validation-persist "
	    "let an account order for %.120s without asking again%s",
	    json_array_size(some), j->lease.subject, open_grant ?
	    ", for wildcards or without an end" : "");
	o = json_pack("{so}", "grants", some);
	d = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	f.detail = d;
	rc = finding_open(j->en->db, &f, NULL, NULL, e);
	free(d);
	return rc;
}

/* What is due: an issuance, and the records that were there before it. */
struct verdict {
	const char	*says;
	char		 why[256];
};

static int
judge_one(struct db *db, const struct db_res *r, size_t i, struct verdict *v,
    struct err *e)
{
	struct span	 tbs = db_bytes(r, i, CAA_DUE_TBS);
	struct caa_set	 set = { .n = 0 };
	json_t		*records;
	char		 hex[65];
	struct finding	 f = { .kind = "caa.violated", .severity = "high",
	    .subject = hex, .reason = v->why };
	int		 rc = 0, says = -1;

	records = db_null(r, i, CAA_DUE_RECORDS) ? NULL :
	    json_loads(db_text(r, i, CAA_DUE_RECORDS), 0, NULL);
	if (records != NULL && !db_null(r, i, CAA_DUE_OWNER) &&
	    caa_from_json(records, &set) == 0)
		says = caa_allows(&set, db_text(r, i, CAA_DUE_OWNER),
		    db_bool(r, i, CAA_DUE_WILD), NULL, NULL, v->why,
		    sizeof(v->why));
	else
		(void)snprintf(v->why, sizeof(v->why), "%s", db_null(r, i,
		    CAA_DUE_OWNER) ? "the CA's owner is not known" : "the "
		    "records were not watched for long enough before");
	v->says = says == 1 ? "allowed" : says == 0 ? "violated" : "unknown";
	(void)enc_hex_to(hex, tbs.p, 32);
	if (says == 0)
		rc = watcher_open(db, tbs.p, &f, NULL, e);
	json_decref(records);
	caa_free(&set);
	return rc;
}

static int
judge_due(struct db *db, const struct db_strs *names, struct err *e)
{
	struct db_res		*r = NULL;
	struct caa_judged	*all;
	struct verdict		*v;
	size_t			 i, n = 0;
	int			 rc = 0;

	if (caa_store_due(db, names, &r, e) == -1)
		return -1;
	all = mem_array(db_rows(r) + 1, sizeof(*all));
	v = mem_array(db_rows(r) + 1, sizeof(*v));
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		if (db_bytes(r, i, CAA_DUE_TBS).n != 32)
			continue;
		v[n].why[0] = '\0';
		rc = judge_one(db, r, i, &v[n], e);
		all[n] = (struct caa_judged){ db_bytes(r, i, CAA_DUE_TBS),
		    db_text(r, i, CAA_DUE_NAME), v[n].says, v[n].why };
		n++;
	}
	if (rc == 0 && n != 0)
		rc = caa_store_judged(db, all, n, e);
	free(all);
	free(v);
	db_free(r);
	return rc;
}

/* Those that have grants, or had some nobody declared. */
static int
all_grants(struct audit_job **v, size_t n, const struct db_strs *names,
    struct err *e)
{
	struct caa_job	*c;
	struct db_res	*r = NULL;
	size_t		 i, k;
	int		 rc;

	rc = caa_store_granted(v[0]->en->db, names, &r, e);
	for (i = 0; rc == 0 && i < n; i++) {
		c = v[i]->state;
		for (k = 0; k < db_rows(r) &&
		    strcmp(db_text(r, k, 0), names->v[i]) != 0; k++)
			;
		if (k < db_rows(r) || json_array_size(c->grants) != 0)
			rc = grants(v[i], e);
	}
	db_free(r);
	return rc;
}

/* Of those without an answer nothing changes. */
static int
store_refused(struct audit_job **v, size_t n, struct err *e)
{
	struct db	*db = v[0]->en->db;
	const char	*name[MOST], *why[MOST], *by[MOST];
	struct caa_job	*c;
	size_t		 i;

	for (i = 0; i < n; i++) {
		c = v[i]->state;
		name[i] = v[i]->lease.subject;
		why[i] = c->error;
		by[i] = c->resolver;
	}
	if (audit_begin_all(v, n, e) == -1 ||
	    caa_store_errors(db, &(struct db_strs){ name, n },
	    &(struct db_strs){ why, n }, e) == -1)
		return -1;
	return audit_fail_all(v, n, why, by, e);
}

static int
store_answered(struct audit_job **v, size_t n, struct err *e)
{
	struct db	*db = v[0]->en->db;
	const char	*name[MOST];
	struct db_strs	 names = { name, n };
	struct caa_seen	 seen[MOST];
	char		*before[MOST] = { NULL };
	struct caa_job	*c;
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		c = v[i]->state;
		c->set.ad = c->ad;
		name[i] = v[i]->lease.subject;
		seen[i] = (struct caa_seen){ name[i], &c->set, c->grants,
		    c->resolver };
	}
	rc = audit_begin_all(v, n, e);
	if (rc == 0)
		rc = caa_store_seen(db, seen, n, before, e);
	if (rc == 0)
		rc = judge_due(db, &names, e);
	for (i = 0; i < n; i++) {
		if (rc == 0 && before[i] != NULL)
			rc = changed(v[i], before[i], e);
		free(before[i]);
	}
	if (rc == 0)
		rc = all_grants(v, n, &names, e);
	return rc == 0 ? audit_commit_all(v, n, audit_every(v[0]), e) : -1;
}

static void
store_as(struct audit_job **v, size_t n,
    int (*once)(struct audit_job **, size_t, struct err *))
{
	struct err	e = ERR_INIT;
	size_t		i;

	if (n == 0 || once(v, n, &e) == 0)
		return;
	if (n == 1) {
		audit_fault(v[0], &e);
		return;
	}
	/* one of them is why: the others are as good as before */
	db_rollback(v[0]->en->db);
	for (i = 0; i < n; i++)
		store_as(&v[i], 1, once);
}

static void
store(struct audit_job **v, size_t n)
{
	struct audit_job	*well[MOST], *ill[MOST];
	struct caa_job		*c;
	size_t			 i, nwell = 0, nill = 0;

	for (i = 0; i < n; i++) {
		c = v[i]->state;
		if (c->error == NULL)
			well[nwell++] = v[i];
		else
			ill[nill++] = v[i];
	}
	store_as(well, nwell, store_answered);
	store_as(ill, nill, store_refused);
}

/* Where it belongs: servers turn the order of records. */
static void
put_grant(json_t *grants, json_t *g)
{
	char	*text = json_dumps(g, JSON_COMPACT), *other;
	size_t	 i;
	int	 less = 1;

	for (i = 0; less && i < json_array_size(grants); i += less != 0) {
		other = json_dumps(json_array_get(grants, i), JSON_COMPACT);
		less = text != NULL && other != NULL &&
		    strcmp(other, text) < 0;
		free(other);
	}
	free(text);
	(void)json_array_insert_new(grants, i, g);
}

static void
take_grants(struct caa_job *c, const struct probe_said *s)
{
	struct caa_grant	g;
	char			t[CLK_TEXT];
	size_t			i;

	for (i = 0; i < s->n; i++) {
		if (caa_grant_read(s->rr[i].rdata, &g) != 1)
			continue;
		put_grant(c->grants, json_pack(
		    "{ss ss sb so}", "issuer", g.issuer, "account",
		    g.account, "wildcard", g.wildcard, "until",
		    g.until == INT64_MIN ? json_null() :
		    json_string(clk_text(g.until, t))));
	}
}

static void
said(struct audit_job *j, const struct probe_said *s)
{
	struct caa_job	*c = j->state;
	const char	*up;
	size_t		 i;

	if (s->id != c->ask_id)
		return;
	(void)snprintf(c->resolver, sizeof(c->resolver), "%s", s->resolver);
	if (!s->ok || (s->rcode != 0 && s->rcode != 3)) {
		c->error = mem_printf("%.200s: %s", c->at, s->ok ?
		    "the resolver failed (RFC 8659 3: no CA may issue then)" :
		    s->message);
		j->ready = 1;
		return;
	}
	audit_heard_dns(j, s);
	if (c->txt) {
		take_grants(c, s);
		j->ready = 1;
		return;
	}
	c->ad &= s->ad;
	for (i = 0; i < s->n && s->rcode == 0; i++)
		(void)caa_add(&c->set, s->rr[i].rdata, NULL);
	c->set.ttl = s->ttl;
	up = caa_parent(c->at);
	if (c->set.n == 0 && up != NULL) {
		memmove(c->at, up, strlen(up) + 1);
		ask(j, c->at, TYPE_CAA);
		return;
	}
	if (c->set.n != 0)
		(void)snprintf(c->set.at, sizeof(c->set.at), "%s", c->at);
	c->txt = 1;
	(void)snprintf(c->persist, sizeof(c->persist), PERSIST "%s",
	    j->lease.subject);
	ask(j, c->persist, TYPE_TXT);
}

const struct audit_kind audit_caa = {
	.name = "caa", .most = MOST, .begin = begin, .said = said,
	.store = store, .drop = drop
};
