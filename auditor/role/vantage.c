#include "auditor/role/vantage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/db/head_store.h"
#include "auditor/db/log_store.h"
#include "auditor/db/vantage_store.h"
#include "auditor/log_fault.h"
#include "auditor/role/judge_gossip.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "ctlog/note.h"

#define ARENA		(2u << 20)
#define PATIENCE	(60 * CLK_SEC)
/* Others poll as we do; what they saw does not change faster. */
#define EVERY		300
#define RETRY_MAX	3600

struct vantage {
	struct engine		*en;
	struct lease		 lease;
	int			 busy;
	struct judge_link	*judge;
	uint32_t		 arena;
	uint64_t		 fetch_id, ask_id;
	struct buf		 file;
	struct db_res		*logs;		/* that the judge was told */
};

struct vantage *
vantage_new(struct engine *en)
{
	struct vantage	*v = mem_zero(sizeof(*v));

	v->en = en;
	return v;
}

static void
release(struct vantage *v)
{
	if (v->judge != NULL)
		judge_free(v->judge, v->judge->waiting != 0 &&
		    !ipc_eof(v->judge->ipc));
	v->judge = NULL;
	if (v->arena != 0 && v->en->logs != NULL)
		fetch_client_drop(v->en->logs, v->arena);
	v->arena = 0;
	v->fetch_id = v->ask_id = 0;
	buf_free(&v->file);
	db_free(v->logs);
	v->logs = NULL;
}

void
vantage_free(struct vantage *v)
{
	if (v == NULL)
		return;
	release(v);
	lease_free(&v->lease);
	free(v);
}

int
vantage_busy(const struct vantage *v)
{
	return v->busy;
}

struct ipc *
vantage_ipc(const struct vantage *v)
{
	return v->judge != NULL ? v->judge->ipc : NULL;
}

/* The end of this reading: what came of it, or why nothing did. */
static void
end(struct vantage *v, const struct vantage_said *said, const char *why)
{
	struct vantage_said	failed = { .source = v->lease.subject,
				    .error = why };
	struct lease_retry	r = { EVERY, RETRY_MAX, why };
	struct err		e = ERR_INIT;
	int			rc;

	if (why != NULL)
		log_warn("vantage", "%s: %s", v->lease.subject, why);
	if (vantage_done(v->en->db, why != NULL ? &failed : said, &e) == -1)
		log_error("vantage", "%s", e.msg);
	err_clear(&e);
	rc = why != NULL ? lease_fail(v->en->db, &v->lease, &r, &e) :
	    lease_done(v->en->db, &v->lease, EVERY, &e);
	if (rc == -1 && e.code != ERR_LEASE)
		log_error("vantage", "%s", e.msg);
	release(v);
	lease_free(&v->lease);
	v->busy = 0;
	v->en->claim_at = 0;
}

static const struct conf_vantage *
source(const struct vantage *v)
{
	const struct conf	*c = v->en->conf;
	size_t			 i;

	for (i = 0; i < c->nvantage; i++)
		if (strcmp(c->vantage[i].name, v->lease.subject) == 0)
			return &c->vantage[i];
	return NULL;
}

/* All of the file; -1 and the error. */
static int
slurp(const char *path, struct buf *out, struct err *e)
{
	ssize_t	n;
	int	fd = file_open(path), rc = 0;

	if (fd == -1)
		return err_set(e, ERR_SYS, "%s", path);
	while ((n = read(fd, buf_room(out, 65536), 65536)) > 0 && rc == 0) {
		out->n += (size_t)n;
		if (out->n > LIMIT_BODY_GOSSIP)
			rc = err_set(e, ERR_LIMIT, "%s: more than %u bytes",
			    path, LIMIT_BODY_GOSSIP);
	}
	if (n == -1)
		rc = err_set(e, ERR_SYS, "%s", path);
	(void)close(fd);
	return rc;
}

void
vantage_begin(struct vantage *v, struct lease *lease)
{
	struct judge_log		 none = { LOGLIST_RFC6962,
					    { NULL, 0 }, "" };
	const struct conf_vantage	*s;
	struct fetch_get		 g;
	struct err			 e = ERR_INIT;
	int				 fd;

	v->lease = *lease;
	memset(lease, 0, sizeof(*lease));
	v->busy = 1;
	if ((s = source(v)) == NULL) {
		end(v, NULL, "it is not configured here");
		return;
	}
	fd = fetch_client_arena(v->en->logs, ARENA, &v->arena, &e);
	if (fd == -1 || (v->judge = judge_fork(v->en->pool, fd, ARENA, &none,
	    &e)) == NULL || vantage_logs(v->en->db, &v->logs, &e) == -1) {
		end(v, NULL, e.msg);
		return;
	}
	vantage_tell(v->en, v->judge);
	if (s->file != NULL) {
		if (slurp(s->file, &v->file, &e) == -1)
			end(v, NULL, e.msg);
		else
			v->fetch_id = fetch_client_inject(v->en->logs,
			    v->arena, buf_bytes(&v->file));
		return;
	}
	memset(&g, 0, sizeof(g));
	g.arena = v->arena;
	g.cap = LIMIT_BODY_GOSSIP;
	g.flags = FETCH_F_GZIP;
	g.timeout_ms = 60000;
	g.method = "GET";
	g.url = s->url;
	v->fetch_id = fetch_client_get(v->en->logs, &g);
}

/* The logs that it may speak of, and the question. */
static void
ask(struct vantage *v, const struct judge_ext *x)
{
	size_t			 i, n = db_rows(v->logs);
	struct gossip_log	*l = mem_array(n, sizeof(*l));
	char			(*origin)[NOTE_ORIGIN_MAX];
	struct buf		 b = BUF_INIT;
	struct span		 id;

	origin = mem_array(n, sizeof(*origin));
	for (i = 0; i < n; i++) {
		id = db_bytes(v->logs, i, VANTAGE_LOG_ID);
		if (id.n == 32)
			memcpy(l[i].log_id, id.p, 32);
		l[i].is_static = db_bool(v->logs, i, VANTAGE_STATIC);
		l[i].key = db_bytes(v->logs, i, VANTAGE_KEY);
		if (note_origin(db_text(v->logs, i, VANTAGE_URL), origin[i])
		    == -1)
			origin[i][0] = '\0';
		l[i].origin = origin[i];
	}
	judge_gossip_pack(&b, x, l, n);
	v->ask_id = ++v->en->next_ask;
	judge_ask(v->judge, JUDGE_GOSSIP, v->ask_id, &b, NULL, 0);
	buf_free(&b);
	free(origin);
	free(l);
}

int
vantage_fetched(struct vantage *v, const struct fetch_done *d)
{
	struct judge_ext	x;
	char			why[400];

	if (!v->busy || v->fetch_id == 0 || d->id != v->fetch_id)
		return 0;
	v->fetch_id = 0;
	if (d->failure != FETCH_OK || d->status != 200) {
		(void)snprintf(why, sizeof(why), "%s %u %s",
		    fetch_failure_name(d->failure), d->status, d->message);
		end(v, NULL, why);
		return 1;
	}
	x.off = d->offset;
	x.len = d->length;
	x.gzip = strcmp(d->encoding, "gzip") == 0;
	ask(v, &x);
	return 1;
}

/* Two roots of one size, each signed by the log and shown to somebody. */
static int
forked(struct vantage *v, const struct gossip_head *h, int64_t id,
    const struct head_ref *twin, struct err *e)
{
	struct log_fault	 f = { .log_id = db_bytes(v->logs, h->log,
				    VANTAGE_LOG_ID).p, .name = db_text(v->logs,
				    h->log, VANTAGE_LOG) };
	json_t			*d;
	char			 why[300], hex[65];
	int			 rc;

	(void)snprintf(why, sizeof(why), "the vantage point %.60s was shown "
	    "another tree of %" PRIu64 " entries than we were, both signed "
	    "(RFC 6962 5.4)", v->lease.subject, h->head.tree_size);
	d = json_pack("{ss sI sI sI ss ss}", "what", "fork", "head_id",
	    (json_int_t)id, "other_id", (json_int_t)twin->id, "tree_size",
	    (json_int_t)h->head.tree_size, "root_hash", enc_hex_to(hex,
	    h->head.root, 32), "vantage", v->lease.subject);
	f.reason = why;
	f.detail = d;
	log_error(f.name, "misbehaves: %s", why);
	rc = log_fault_open(v->en->db, &f, e);
	v->en->wrong = 1;
	json_decref(d);
	return rc;
}

static int
head_put(struct vantage *v, const struct gossip_head *h, struct err *e)
{
	struct head_in	in = { .log_ref = (int)db_int(v->logs, h->log,
	    VANTAGE_ID), .tree_size = h->head.tree_size,
	    .timestamp_ms = h->head.timestamp_ms, .root = h->head.root,
	    .checkpoint = db_bool(v->logs, h->log, VANTAGE_STATIC),
	    .raw = h->raw, .verdict = "valid" };
	struct head_ref	twin;
	struct db	*db = v->en->db;
	int64_t		id;

	if (vantage_saw(db, v->lease.subject, &in, &id, e) == -1)
		return -1;
	if (id == 0)
		return 0;
	if (vantage_cosigned(v->en, id, h->raw, h->said, h->nsaid, e) == -1 ||
	    head_twin(db, in.log_ref, in.tree_size, h->head.root, &twin, e)
	    == -1)
		return -1;
	return twin.id == 0 ? 0 : forked(v, h, id, &twin, e);
}

/* Store what the source saw: all of it, or nothing. */
static int
store(struct vantage *v, const struct gossip_reply *r, struct cur *c,
    struct err *e)
{
	struct gossip_head	h;
	struct db		*db = v->en->db;
	uint32_t		i;

	if (db_begin(db, e) == -1)
		return -1;
	if (lease_check(db, &v->lease, e) == -1)
		goto err;
	for (i = 0; i < r->heads; i++) {
		if (judge_gossip_head_read(c, &h) == -1 ||
		    h.log >= db_rows(v->logs)) {
			(void)err_set(e, ERR_FORMAT, "judge: bad answer");
			goto err;
		}
		if (head_put(v, &h, e) == -1)
			goto err;
	}
	return db_commit(db, e);
err:
	db_rollback(db);
	return -1;
}

static void
judged(struct vantage *v, const struct judge_reply *reply, struct cur *c)
{
	struct gossip_reply	r;
	struct vantage_said	said;
	struct err		e = ERR_INIT;
	char			why[400];

	v->ask_id = 0;
	if (!reply->ok || judge_gossip_reply_read(c, &r) == -1) {
		(void)snprintf(why, sizeof(why), "%s", reply->ok ?
		    "judge: bad answer" : reply->msg);
		end(v, NULL, why);
		return;
	}
	if (store(v, &r, c, &e) == -1) {
		end(v, NULL, e.msg);
		return;
	}
	if (r.refused != 0)
		/* the source's fault, never the log's */
		log_warn("vantage", "%s: %u of its heads are refused: %s",
		    v->lease.subject, r.refused, r.why);
	(void)snprintf(why, sizeof(why), "%s", r.why);
	said = (struct vantage_said){ .source = v->lease.subject,
	    .refusal = why, .heads = r.heads, .refused = r.refused };
	end(v, &said, NULL);
}

void
vantage_judge(struct vantage *v)
{
	struct judge_reply	r;
	struct cur		c;
	struct err		e = ERR_INIT;
	int			eof, rc;

	if (v->judge == NULL)
		return;
	(void)ipc_flush(v->judge->ipc, NULL);
	eof = ipc_read(v->judge->ipc, &e) == -1;
	rc = judge_next(v->judge, &r, &c);
	if (rc == 1 && r.id == v->ask_id)
		judged(v, &r, &c);
	else if (rc == -1 || eof)
		end(v, NULL, "the process that judged it died");
	else if (v->judge->waiting != 0 &&
	    clk_mono() > v->judge->asked_at + PATIENCE)
		end(v, NULL, "the process that judges it thinks for too long");
}
