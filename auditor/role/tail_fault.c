#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "auditor/db/watch_store.h"
#include "auditor/log_fault.h"
#include "auditor/role/back.h"
#include "auditor/role/engine_clock.h"
#include "auditor/role/engine_wait.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/log.h"

/* What a log did wrong, as findings; and whether it answers at all. */

/* A log that does not answer for so long is said. */
#define UNREACHABLE	(3600 * CLK_SEC)
#define UNREACHABLE_LONG (24 * 3600 * CLK_SEC)
/* Beside the MMD: clocks, caches and our own poll interval. */
#define STALE_GRACE_MS	(600 * 1000)

int
tail_lock(struct tail *t, struct err *e)
{
	return db_begin(t->en->db, e) == -1 ||
	    lease_check(t->en->db, &t->lease, e) == -1 ? -1 : 0;
}

void
tail_unlock(struct tail *t, int rc, const char *what, struct err *e)
{
	if (rc == 0 && db_commit(t->en->db, e) == 0)
		return;
	db_rollback(t->en->db);
	/* who has the lease sees for himself */
	if (e->code == ERR_LEASE)
		return;
	err_prefix(e, "%s", what);
	engine_fault(t->en, t->log.description, e->msg);
}

void
tail_head_mark(struct tail *t, int64_t id, const char *consistency)
{
	struct err	e = ERR_INIT;
	int		rc = tail_lock(t, &e);

	if (rc == 0)
		rc = head_mark(t->en->db, id, consistency, &e);
	tail_unlock(t, rc, "head", &e);
	/* what is older than a watch may have been told by it */
	if (strcmp(consistency, "conflict") == 0) {
		watch_base_free(t->en->base);
		t->en->base = watch_base_new();
	}
}

/* A finding about this log, in a transaction of its own. */
static void
open_finding(struct tail *t, const char *kind, const char *severity,
    const char *reason, const char *detail)
{
	const char	*logs[1] = { t->log.description };
	struct buf	 id = BUF_INIT;
	struct finding	 f = { .kind = kind, .severity = severity,
	    .owner = "", .watch = "", .reason = reason, .proven = 1,
	    .name = t->log.description, .issuer_first_seen = INT64_MIN,
	    .logs = { logs, 1 }, .detail = detail };
	struct err	 e = ERR_INIT;
	int		 rc = tail_lock(t, &e);

	enc_b64(&id, t->log.log_id, 32);
	f.subject = buf_text(&id);
	if (rc == 0)
		rc = finding_open(t->en->db, &f, NULL, NULL, &e);
	tail_unlock(t, rc, kind, &e);
	buf_free(&id);
}

static void
resolve(struct tail *t, const char *kind, const char *reason)
{
	struct buf	id = BUF_INIT;
	struct err	e = ERR_INIT;
	int		rc = tail_lock(t, &e);

	enc_b64(&id, t->log.log_id, 32);
	if (rc == 0)
		rc = finding_resolve(t->en->db, kind, buf_text(&id), "",
		    reason, &e);
	tail_unlock(t, rc, kind, &e);
	buf_free(&id);
}

/* Beside what else is known of this log. */
static void
accuse(struct tail *t, const char *reason, const char *detail)
{
	json_t			*d = json_loads(detail, 0, NULL);
	struct log_fault	 f = { t->log.log_id, t->log.description,
				    reason, d };
	struct err		 e = ERR_INIT;
	int			 rc;

	log_line(t->back == NULL || back_news(t, reason) ? LOG_ERROR :
	    LOG_DEBUG, t->log.description, "misbehaves: %s", reason);
	rc = tail_lock(t, &e);
	if (rc == 0)
		rc = log_fault_open(t->en->db, &f, &e);
	tail_unlock(t, rc, "log.misbehaved", &e);
	json_decref(d);
}

void
tail_misbehaved_head(struct tail *t, const char *what, const char *reason,
    const struct head_ref *h, const char *more)
{
	struct buf	d = BUF_INIT;
	struct buf	root = BUF_INIT, ours = BUF_INIT;

	enc_hex(&root, h->root, 32);
	enc_hex(&ours, t->done_root, 32);
	buf_fmt(&d, "{\"what\": \"%s\", \"head_id\": %" PRId64
	    ", \"tree_size\": %" PRIu64 ", \"root_hash\": \"%s\", "
	    "\"timestamp\": %" PRIu64 ", \"verified_size\": %" PRIu64
	    ", \"verified_root\": \"%s\", \"operator\": \"", what, h->id,
	    h->size, buf_text(&root), t->head.timestamp_ms, t->done.to,
	    buf_text(&ours));
	/* operators' names come from the list: no quotes in JSON */
	for (const char *p = t->log.operator; *p != '\0'; p++)
		if (*p >= ' ' && *p != '"' && *p != '\\')
			buf_add(&d, p, 1);
	buf_fmt(&d, "\"%s}", more);
	accuse(t, reason, buf_text(&d));
	buf_free(&d);
	buf_free(&root);
	buf_free(&ours);
}

void
tail_unproven(struct tail *t, int64_t head_id, const char *reason)
{
	struct err	e = ERR_INIT;
	int		rc = tail_lock(t, &e);

	if (rc == 0)
		rc = log_find_unproven(t->en->db, &t->log, head_id, reason,
		    &e);
	tail_unlock(t, rc, "head", &e);
}

void
tail_proven(struct tail *t, int64_t head_id)
{
	struct err	e = ERR_INIT;
	int		rc = tail_lock(t, &e);

	if (rc == 0)
		rc = log_find_proven(t->en->db, &t->log, head_id, &e);
	tail_unlock(t, rc, "head", &e);
}

void
tail_misbehaved(struct tail *t, const char *what, const char *reason)
{
	struct head_ref	h = { .id = t->head_id, .size = t->head.tree_size };

	memcpy(h.root, t->head.root, 32);
	tail_misbehaved_head(t, what, reason, &h, "");
}

/*
 * The later of two times, but for those that have not come yet: a head from
 * the future would make all of later days fresh.
 */
static int64_t
newest(int64_t a, int64_t b)
{
	int64_t	top = clk_later() / 1000 + TAIL_FUTURE_MS;

	a = a > top ? 0 : a;
	b = b > top ? 0 : b;
	return a > b ? a : b;
}

void
tail_fresh(struct tail *t)
{
	int64_t	ms, age, limit;
	char	why[200];

	ms = newest(t->log.head_ms, (int64_t)t->head.timestamp_ms);
	if (ms == 0 || t->log.readonly)
		return;
	age = clk_earlier() / 1000 - ms;
	limit = t->log.mmd * 1000 + STALE_GRACE_MS;
	if (age > limit && t->stale != 1) {
		engine_clock_ask(t->en);
		age = clk_earlier() / 1000 - ms;
	}
	if (age > limit) {
		(void)snprintf(why, sizeof(why), "newest head is %" PRId64
		    " s old, the log's MMD is %" PRId64 " s (RFC 6962 3.5)",
		    age / 1000, t->log.mmd);
		open_finding(t, "log.stale", age > 4 * limit ? "high" :
		    "medium", why, NULL);
		t->stale = 1;
	} else if (t->stale != 0) {
		resolve(t, "log.stale", "the log shows a fresh head");
		t->stale = 0;
	}
}

/* That it answers, or ${why} it does not. */
static void
health(struct tail *t, const char *why)
{
	struct err	e = ERR_INIT;
	int		rc = tail_lock(t, &e);

	if (rc == 0)
		rc = why == NULL ? health_ok(t->en->db, t->log.id, &e) :
		    health_fail(t->en->db, t->log.id, why, &e);
	tail_unlock(t, rc, "health", &e);
}

void
tail_health(struct tail *t, const char *why)
{
	int64_t		now = clk_wall(), since = t->log.failing_since;
	char		text[500];

	if (why == NULL) {
		if (since != INT64_MIN)
			health(t, NULL);
		/* another worker may have said it */
		if (t->unreachable != 0 || since != INT64_MIN)
			resolve(t, "log.unreachable", "the log answers");
		t->unreachable = 0;
		return;
	}
	health(t, why);
	/* nothing can come from it any more: it may go, and be gone */
	if (tail_over(t)) {
		if (t->unreachable != 0)
			resolve(t, "log.unreachable", "the log was read to its "
			    "end");
		t->unreachable = 0;
		return;
	}
	if (since != INT64_MIN && now - since > UNREACHABLE) {
		(void)snprintf(text, sizeof(text), "not read for %lld "
		    "minutes: %s", (long long)(now - since) / CLK_SEC / 60, why);
		open_finding(t, "log.unreachable",
		    now - since > UNREACHABLE_LONG ? "high" : "medium", text,
		    NULL);
		t->unreachable = 1;
	}
}
