#include "auditor/log_fault.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "base/buf.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"

/* What the finding of the log is. */
struct had {
	int64_t	 id;		/* 0: there is none */
	int	 open, accepted, resolved, critical;
	json_t	*detail;
};

int
log_fault_lock(struct db *db, struct err *e)
{
	return db_query(db, NULL, e, "select pg_advisory_xact_lock(7202617)",
	    "");
}

static int
had_load(struct db *db, const char *subject, struct had *h, struct err *e)
{
	struct db_res	*r = NULL;
	const char	*state;

	memset(h, 0, sizeof(*h));
	if (db_query(db, &r, e, "select id, state, severity = 'critical', "
	    "detail::text from finding where kind = 'log.misbehaved' and "
	    "subject = $1 and owner = '' for update", "s", subject) == -1)
		return -1;
	if (db_rows(r) == 0) {
		h->detail = json_object();
	} else {
		state = db_text(r, 0, 1);
		h->id = db_int(r, 0, 0);
		h->open = strcmp(state, "open") == 0;
		h->accepted = strcmp(state, "accepted") == 0;
		h->resolved = strcmp(state, "resolved") == 0;
		h->critical = db_bool(r, 0, 2);
		h->detail = json_loads(db_text(r, 0, 3), 0, NULL);
	}
	db_free(r);
	return h->detail != NULL ? 0 : err_set(e, ERR_DB, "the detail of a "
	    "finding cannot be read");
}

static const char *
text(const json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static json_int_t
num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* How it is shown: 2 a path, 1 two heads, or one and an entry, 0 we say it. */
static int
proof(const json_t *o)
{
	return json_object_get(o, "inconsistent") != NULL ? 2 :
	    json_object_get(o, "other_id") != NULL ||
	    json_object_get(o, "entry") != NULL;
}

/* What only we say is nothing new beside what anybody can check. */
static int
same_kind(const json_t *a, const json_t *old)
{
	return strcmp(text(a, "what"), text(old, "what")) == 0 &&
	    (proof(a) == 0 || proof(a) == proof(old));
}

/* The same head, or two; a path is shown anew with each head that comes. */
static int
same(const json_t *a, const json_t *b)
{
	return proof(a) == proof(b) && (proof(a) != 1 ?
	    num(a, "head_id") == num(b, "head_id") :
	    (num(a, "head_id") == num(b, "head_id") &&
	    num(a, "other_id") == num(b, "other_id")) ||
	    (num(a, "head_id") == num(b, "other_id") &&
	    num(a, "other_id") == num(b, "head_id")));
}

/* What entries show is kept by itself (log_find.c); the words and members. */
static const char *const	not_heads[] = { "flip", "flips", "outside",
				    "interval", "entry_timestamp",
				    "leaf_index", "unproven" };
#define NOTHEADS	(sizeof(not_heads) / sizeof(not_heads[0]))

/* What was kept; of an older version, what its finding was about. */
static json_t *
faults_of(const json_t *detail)
{
	json_t		*a = json_copy(json_object_get(detail, "faults")), *o;
	const char	*what = text(detail, "what");
	size_t		 i;

	if (json_is_array(a))
		return a;
	json_decref(a);
	a = json_array();
	for (i = 0; i < NOTHEADS; i++)
		if (strcmp(what, not_heads[i]) == 0)
			return a;
	if (what[0] != '\0') {
		o = json_copy((json_t *)(uintptr_t)detail);
		for (i = 0; i < NOTHEADS; i++)
			(void)json_object_del(o, not_heads[i]);
		json_array_append_new(a, o);
	}
	return a;
}

/* Where a fault stands among those that are known. */
struct place {
	int	known;		/* its kind */
	int	seen;		/* itself */
	size_t	n, last;	/* of its kind: how many, where */
};

static struct place
place(const json_t *faults, const json_t *f)
{
	struct place	 p = { 0, 0, 0, 0 };
	const json_t	*o;
	size_t		 i;

	for (i = 0; i < json_array_size(faults); i++) {
		o = json_array_get(faults, i);
		if (!same_kind(f, o))
			continue;
		p.known = 1;
		p.seen |= same(f, o);
		if (proof(f) == proof(o)) {
			p.n++;
			p.last = i;
		}
	}
	return p;
}

/* Among the others: once there are enough, only what is told. */
static void
keep(json_t *faults, const struct place *p, const struct log_fault *f,
    int told)
{
	json_t	*o;
	char	 t[CLK_TEXT];

	if (p->seen || (p->n >= LIMIT_LOG_FAULTS && !told))
		return;
	o = json_copy((json_t *)(uintptr_t)f->detail);
	json_object_set_new(o, "reason", json_string(f->reason));
	json_object_set_new(o, "at", json_string(clk_text(clk_wall(), t)));
	if (p->n >= LIMIT_LOG_FAULTS)
		json_array_set_new(faults, p->last, o);
	else
		json_array_append_new(faults, o);
}

/* The detail as it will be. */
static char *
written(const struct had *h, json_t *faults, const struct log_fault *f,
    int told)
{
	const json_t	*v;
	json_t		*d = json_copy(told ? (json_t *)(uintptr_t)f->detail :
			    h->detail);
	char		*out;
	size_t		 i;

	for (i = 0; told && i < NOTHEADS; i++)
		if ((v = json_object_get(h->detail, not_heads[i])) != NULL)
			json_object_set(d, not_heads[i], (json_t *)
			    (uintptr_t)v);
	json_object_set(d, "faults", faults);
	out = json_dumps(d, JSON_COMPACT);
	json_decref(d);
	return out;
}

/* Open or touch it; where there is one, its detail is ours already. */
static int
open_finding(struct db *db, const struct log_fault *f, const char *subject,
    const char *detail, int anew, struct err *e)
{
	const char	*logs[1] = { f->name };
	struct finding	 fi = { .kind = "log.misbehaved",
	    .subject = subject, .severity = "critical", .owner = "",
	    .watch = "", .reason = f->reason, .proven = 1, .anew = anew,
	    .name = f->name, .issuer_first_seen = INT64_MIN,
	    .logs = { logs, 1 }, .detail = detail };

	return finding_open(db, &fi, NULL, NULL, e);
}

/* Is there anything yet that anybody can check? */
static int
shown(const struct had *h, const json_t *faults)
{
	size_t	i;

	for (i = 0; i < json_array_size(faults); i++)
		if (proof(json_array_get(faults, i)) != 0)
			return 1;
	return json_object_get(h->detail, "flip") != NULL;
}

static int
put(struct db *db, const struct log_fault *f, const char *subject,
    const struct had *h, struct err *e)
{
	json_t		*faults = faults_of(h->detail);
	struct place	 p = place(faults, f->detail);
	char		*detail;
	int		 told, rc = 0;

	/* what was signed stays signed: seen again it is no news */
	told = h->id == 0 || (!h->accepted && (!h->critical ||
	    (h->resolved ? !p.seen || proof(f->detail) == 0 : !p.known &&
	    (!h->open || (proof(f->detail) != 0 && !shown(h, faults))))));
	keep(faults, &p, f, told);
	detail = written(h, faults, f, told);
	json_decref(faults);
	if (h->id != 0)
		rc = db_query(db, NULL, e, "update finding set detail = "
		    "$2::jsonb, last_seen = now() where id = $1", "is", h->id,
		    detail);
	if (rc == 0 && (told || !h->resolved))
		rc = open_finding(db, f, subject, h->id == 0 ? detail : NULL,
		    told ? FINDING_GRAVER : 0, e);
	free(detail);
	return rc;
}

int
log_fault_open(struct db *db, const struct log_fault *f, struct err *e)
{
	struct buf	b64 = BUF_INIT;
	struct had	h = { 0 };
	int		rc = -1;

	enc_b64(&b64, f->log_id, 32);
	if (log_fault_lock(db, e) == 0 &&
	    had_load(db, buf_text(&b64), &h, e) == 0)
		rc = put(db, f, buf_text(&b64), &h, e);
	json_decref(h.detail);
	buf_free(&b64);
	return rc;
}
