#include "auditor/db/finding.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/alert/route.h"
#include "auditor/db/outbox.h"
#include "base/buf.h"
#include "base/mem.h"

/* What the table has. */
struct row {
	int64_t	id;		/* 0: nothing */
	char	state[16];
	char	severity[16];
	int	digest_only;
};

/* A part of the key: bytes that would be ambiguous are escaped. */
static void
key_part(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '|' || *s == '%')
			buf_fmt(b, "%%%02x", (unsigned)(unsigned char)*s);
		else
			buf_u8(b, (uint8_t)*s);
	}
}

static void
make_key(struct buf *b, const char *kind, const char *subject,
    const char *owner)
{
	key_part(b, kind);
	buf_str(b, "|");
	key_part(b, subject);
	buf_str(b, "|");
	key_part(b, owner);
}

static void
copy(char out[16], const char *s)
{
	size_t n;

	n = strnlen(s, 15);
	memcpy(out, s, n);
	out[n] = '\0';
}

/* Lock the row of a key; id 0 when there is none. */
static int
lock_row(struct db *db, const char *key, struct row *row, struct err *e)
{
	struct db_res *res = NULL;

	memset(row, 0, sizeof(*row));
	if (db_query(db, &res, e, "select id, state, severity, digest_only "
	    "from finding where dedupe_key = $1 for update", "s", key) == -1)
		return -1;
	if (db_rows(res) > 0) {
		row->id = db_int(res, 0, 0);
		copy(row->state, db_text(res, 0, 1));
		copy(row->severity, db_text(res, 0, 2));
		row->digest_only = db_bool(res, 0, 3);
	}
	db_free(res);
	return 0;
}

static const char insert_sql[] =
    "insert into finding (kind, subject, owner, dedupe_key, severity, watch, "
    "name, reason, rule, proven, issuer_owner, issuer_first_seen, key_status, "
    "caa, nearest_source, ca_contact, logs, detail, digest_only) values "
    "($1, $2, $3, $4, $5, $6, $7, $8, nullif($9::int, 0), $10, $11, "
    "case when $11::text is null then null else coalesce($12, now()) end, "
    "$13, $14, $15, $16, $17, coalesce($18::jsonb, '{}'), $19) "
    "on conflict (dedupe_key) do nothing returning id";

/* *id stays 0 when somebody else was faster. */
static int
insert_row(struct db *db, const struct finding *f, const char *key,
    int64_t *id, struct err *e)
{
	struct db_res *res = NULL;

	*id = 0;
	if (db_query(db, &res, e, insert_sql, "ssssssssiBstssssasB", f->kind,
	    f->subject, f->owner, key, f->severity, f->watch, f->name,
	    f->reason, (int64_t)f->rule, f->proven, f->issuer_owner,
	    f->issuer_first_seen, f->key_status, f->caa, f->nearest_source,
	    f->ca_contact, &f->logs, f->detail, f->digest_only) == -1)
		return -1;
	if (db_rows(res) > 0)
		*id = db_int(res, 0, 0);
	db_free(res);
	return 0;
}

/*
 * What is there is seen again.  With ${again} the finding is back or louder:
 * then its reasons are the new ones.
 */
static const char touch_sql[] =
    "update finding set last_seen = now(), proven = proven or $2, "
    "logs = case when cardinality($3::text[]) > 0 then (select "
    "array_agg(distinct x order by x) from unnest(logs || $3::text[]) x) "
    "else logs end, detail = detail || coalesce($4::jsonb, '{}'), "
    "key_status = coalesce($5, key_status), caa = coalesce($6, caa), "
    "severity = $7, digest_only = $8, "
    "state = case when $14 then 'open' else state end, "
    "reason = case when $9 then $10 else reason end, "
    "rule = case when $9 then nullif($11::int, 0) else rule end, "
    "nearest_source = coalesce($12, nearest_source), "
    "ca_contact = coalesce($13, ca_contact) where id = $1";

/* Was it put away by a person or by its end, and is there again? */
static int
is_back(const struct finding *f, const struct row *row)
{
	return strcmp(row->state, "resolved") == 0 || (f->anew &&
	    strcmp(row->state, "open") != 0 &&
	    strcmp(row->state, "accepted") != 0);
}

static int
touch_row(struct db *db, const struct finding *f, const struct row *row,
    int again, struct err *e)
{
	const char *severity;
	int back, digest;

	back = is_back(f, row);
	severity = back || route_severity(f->severity) <
	    route_severity(row->severity) ? f->severity : row->severity;
	digest = back ? f->digest_only : row->digest_only && f->digest_only;
	return db_query(db, NULL, e, touch_sql, "iBassssBBsissB",
	    row->id, f->proven, &f->logs, f->detail, f->key_status, f->caa,
	    severity, digest, again, f->reason, (int64_t)f->rule,
	    f->nearest_source, f->ca_contact, back);
}

/* The event that the new sight of a finding makes, or NULL. */
static const char *
event_of(const struct finding *f, const struct row *row)
{
	if (row->id == 0 || is_back(f, row))
		return "opened";
	if (strcmp(row->state, "accepted") == 0 ||
	    strcmp(row->state, "contained") == 0)
		return NULL;
	if (route_severity(f->severity) < route_severity(row->severity) ||
	    (row->digest_only && !f->digest_only) ||
	    f->anew == FINDING_GRAVER)
		return "escalated";
	return NULL;
}

static void
facts_of(struct route_facts *r, const struct finding *f, int64_t id)
{
	*r = (struct route_facts){
		.id = id, .kind = f->kind, .subject = f->subject,
		.severity = f->severity, .owner = f->owner, .watch = f->watch,
		.name = f->name, .digest_only = f->digest_only,
		.issuer_owner = f->issuer_owner == NULL ? "" : f->issuer_owner,
	};
}

static int
tell(struct db *db, const struct finding *f, int64_t id, const char *event,
    struct err *e)
{
	struct route_facts facts;

	facts_of(&facts, f, id);
	return outbox_event(db, &facts, 1, event, NULL, e);
}

int
finding_open(struct db *db, const struct finding *f, int64_t *id, int *fresh,
    struct err *e)
{
	struct buf key = BUF_INIT;
	struct row row;
	const char *event;
	int64_t made;
	int rc;

	rc = -1;
	made = 0;
	if (route_severity(f->severity) == -1) {
		err_set(e, ERR_FORMAT, "finding %s: no severity \"%s\"",
		    f->kind, f->severity);
		goto out;
	}
	make_key(&key, f->kind, f->subject, f->owner);
	if (lock_row(db, buf_text(&key), &row, e) == -1)
		goto out;
	if (row.id == 0) {
		if (insert_row(db, f, buf_text(&key), &made, e) == -1)
			goto out;
		if (made == 0 && lock_row(db, buf_text(&key), &row, e) == -1)
			goto out;
	}
	event = event_of(f, &row);
	if (made == 0 && touch_row(db, f, &row, event != NULL, e) == -1)
		goto out;
	if (made == 0)
		made = row.id;
	if (event != NULL && tell(db, f, made, event, e) == -1)
		goto out;
	if (id != NULL)
		*id = made;
	if (fresh != NULL)
		*fresh = event != NULL;
	rc = 0;
out:
	buf_free(&key);
	return rc;
}

/* --- many ---------------------------------------------------------------- */

#define NSTR 15		/* columns of strings */

/*
 * Insert those of ${n} findings that are not there: *res has id and key of
 * each, in order.
 */
static int
insert_rows(struct db *db, const struct finding *f, const struct buf *key,
    const struct buf *logs, size_t n, struct db_res **res, struct err *e)
{
	const char **s = mem_array(NSTR * n + 1, sizeof(*s));
	int64_t *v = mem_array(4 * n + 1, sizeof(*v));
	struct db_strs c[NSTR];
	size_t i, k;
	int rc;

	for (i = 0; i < n; i++) {
		const char *const row[NSTR] = { f[i].kind, f[i].subject,
		    f[i].owner, buf_text(&key[i]), f[i].severity, f[i].watch,
		    f[i].name, f[i].reason, f[i].issuer_owner, f[i].key_status,
		    f[i].caa, f[i].nearest_source, f[i].ca_contact,
		    buf_text(&logs[i]), f[i].detail };

		for (k = 0; k < NSTR; k++)
			s[k * n + i] = row[k];
		v[i] = f[i].rule;
		v[n + i] = f[i].proven;
		v[2 * n + i] = f[i].digest_only;
		v[3 * n + i] = f[i].issuer_first_seen;
	}
	for (k = 0; k < NSTR; k++)
		c[k] = (struct db_strs){ s + k * n, n };
	rc = db_query(db, res, e, "insert into finding (kind, subject, owner, "
	    "dedupe_key, severity, watch, name, reason, rule, proven, "
	    "issuer_owner, issuer_first_seen, key_status, caa, nearest_source, "
	    "ca_contact, logs, detail, digest_only) select t.kind, t.subject, "
	    "t.owner, t.key, t.severity, t.watch, t.name, t.reason, "
	    "nullif(t.rule, 0), t.proven <> 0, t.issuer, case when t.issuer is "
	    "not null then coalesce(t.seen, now()) end, t.status, t.caa, "
	    "t.source, t.contact, t.logs::text[], coalesce(t.detail::jsonb, "
	    "'{}'), t.digest <> 0 from unnest($1, $2, $3, $4, $5, $6, $7, $8, "
	    "$9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) with "
	    "ordinality t (kind, subject, owner, key, severity, watch, name, "
	    "reason, issuer, status, caa, source, contact, logs, detail, rule, "
	    "proven, digest, seen, nr) left join lateral (select o.id from "
	    "finding o where o.dedupe_key = t.key limit 1) o on true "
	    "where o.id is null order by t.nr on conflict (dedupe_key) "
	    "do nothing returning id, dedupe_key", "aaaaaaaaaaaaaaaIIIT",
	    &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7], &c[8],
	    &c[9], &c[10], &c[11], &c[12], &c[13], &c[14],
	    &(struct db_ints){ v, n }, &(struct db_ints){ v + n, n },
	    &(struct db_ints){ v + 2 * n, n },
	    &(struct db_ints){ v + 3 * n, n });
	free(s);
	free(v);
	return rc;
}

/* Tell of those that are new; the rest one by one. */
static int
open_rest(struct db *db, const struct finding *f, const struct buf *key,
    size_t n, const struct db_res *made, struct err *e)
{
	struct route_facts *fresh = mem_array(n + 1, sizeof(*fresh));
	size_t i, k = 0, nold = 0, *old = mem_array(n + 1, sizeof(*old));
	int rc;

	for (i = 0; i < n; i++) {
		if (k < db_rows(made) && strcmp(db_text(made, k, 1),
		    buf_text(&key[i])) == 0) {
			facts_of(&fresh[k], &f[i], db_int(made, k, 0));
			k++;
		} else
			old[nold++] = i;
	}
	rc = k == 0 ? 0 : outbox_event(db, fresh, k, "opened", NULL, e);
	for (i = 0; i < nold && rc == 0; i++)
		rc = finding_open(db, &f[old[i]], NULL, NULL, e);
	free(fresh);
	free(old);
	return rc;
}

int
finding_open_all(struct db *db, const struct finding *f, size_t n,
    struct err *e)
{
	struct db_res *made = NULL;
	struct buf *b;
	size_t i;
	int rc = 0;

	if (n < 2)
		return n == 0 ? 0 : finding_open(db, f, NULL, NULL, e);
	b = mem_zero(2 * n * sizeof(*b));
	for (i = 0; i < n && rc == 0; i++) {
		if (route_severity(f[i].severity) == -1)
			rc = err_set(e, ERR_FORMAT, "finding %s: no severity "
			    "\"%s\"", f[i].kind, f[i].severity);
		make_key(&b[i], f[i].kind, f[i].subject, f[i].owner);
		db_strs_text(&b[n + i], &f[i].logs);
	}
	if (rc == 0)
		rc = insert_rows(db, f, b, b + n, n, &made, e);
	if (rc == 0)
		rc = open_rest(db, f, b, n, made, e);
	for (i = 0; i < 2 * n; i++)
		buf_free(&b[i]);
	free(b);
	db_free(made);
	return rc;
}

/* --- states -------------------------------------------------------------- */

/* Set a state with who and why, and tell those who heard of the finding. */
static int
set_state(struct db *db, int64_t id, const char *const v[3],
    const char *event, struct err *e)
{
	if (db_query(db, NULL, e, "update finding set state = $2, "
	    "author = $3, decided_reason = $4, decided_at = now() "
	    "where id = $1", "isss", id, v[0], v[1], v[2]) == -1)
		return -1;
	return event == NULL ? 0 : outbox_follow(db, id, event, e);
}

int
finding_resolve(struct db *db, const char *kind, const char *subject,
    const char *owner, const char *reason, struct err *e)
{
	const char *const v[3] = { "resolved", "certvigil", reason };
	struct buf key = BUF_INIT;
	struct row row;
	int rc;

	if (strcmp(kind, "certificate.unexpected") == 0)
		return err_set(e, ERR_PERM, "finding %s: only a person "
		    "resolves it", kind);
	make_key(&key, kind, subject, owner);
	rc = lock_row(db, buf_text(&key), &row, e);
	buf_free(&key);
	if (rc == -1 || row.id == 0)
		return rc;
	if (strcmp(row.state, "open") != 0 && strcmp(row.state, "acked") != 0)
		return 0;
	return set_state(db, row.id, v, "resolved", e);
}

static int
lock_id(struct db *db, int64_t id, char state[16], struct err *e)
{
	struct db_res *res = NULL;

	if (db_query(db, &res, e, "select state from finding where id = $1 "
	    "for update", "i", id) == -1)
		return -1;
	if (db_rows(res) == 0) {
		db_free(res);
		return err_set(e, ERR_NOENT, "there is no finding %lld; "
		    "\"certvigil findings\" lists them", (long long)id);
	}
	copy(state, db_text(res, 0, 0));
	db_free(res);
	return 0;
}

int
finding_retract(struct db *db, int64_t id, const char *reason, struct err *e)
{
	const char *const v[3] = { "resolved", "certvigil", reason };
	char state[16];

	if (lock_id(db, id, state, e) == -1)
		return -1;
	if (strcmp(state, "open") != 0)
		return 0;
	return set_state(db, id, v, "retracted", e);
}

int
finding_proven(struct db *db, const char *subject, struct err *e)
{
	return db_query(db, NULL, e, "update finding set proven = true, "
	    "last_seen = now() where subject = $1 and not proven", "s",
	    subject);
}

/* From which states a person may go to a state, and the event of it. */
static const struct change {
	const char	*to;
	const char	*from;		/* words */
	const char	*event;
} changes[] = {
	{ "acked", " open ", "acked" },
	{ "accepted", " open acked rejected resolved ", "retracted" },
	{ "rejected", " open acked accepted ", NULL },
	{ "contained", " open acked rejected ", NULL },
	{ "resolved", " open acked rejected contained ", "resolved" },
};

int
finding_change(struct db *db, int64_t id, const char *to, const char *author,
    const char *reason, struct err *e)
{
	const char *const v[3] = { to, author, reason };
	const struct change *c;
	char state[16], word[20];
	size_t i, n;

	c = NULL;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (strcmp(changes[i].to, to) == 0)
			c = &changes[i];
	if (c == NULL)
		return err_set(e, ERR_USAGE, "there is no state \"%s\"", to);
	if (lock_id(db, id, state, e) == -1)
		return -1;
	if (strcmp(state, to) == 0)
		return 0;
	n = strlen(state);
	word[0] = word[n + 1] = ' ';
	memcpy(word + 1, state, n);
	word[n + 2] = '\0';
	if (strstr(c->from, word) == NULL)
		return err_set(e, ERR_USAGE, "finding %lld is %s; it becomes "
		    "%s only from:%.*s", (long long)id, state, to,
		    (int)strlen(c->from) - 1, c->from);
	/* Those who heard that it ended before need not hear it again. */
	return set_state(db, id, v,
	    strcmp(state, "resolved") == 0 ? NULL : c->event, e);
}
