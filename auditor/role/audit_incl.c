#include "auditor/role/audit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/incl_store.h"
#include "auditor/db/log_store.h"
#include "auditor/db/watcher.h"
#include "auditor/log_fault.h"
#include "auditor/log_find.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Kind "incl": the SCTs of one log, whether their entries are in it.  What we
 * have read ourselves is proven from our own tree; for the rest the log is
 * asked, once a head is there that is younger than timestamp + MMD.
 */

/* SCTs of one turn. */
#define BATCH	64
/* The first time that an entry is missing may be a front-end that lags. */
#define ABSENT	"absent: "
/* And hashes that do not lead to the root may be a cache that mixes two. */
#define MISLED	"misled: "
/* Partial tiles that are gone are asked for as full ones, once each. */
#define ROUNDS	3

struct incl_job {
	struct log_row		 log;
	struct incl_head	 head;
	struct db_res		*due;
	size_t			 at;		/* row at hand */
	struct incl		*x;
	uint64_t		 fetch_id[TILE_SET_MAX];
	int			 status[TILE_SET_MAX];
	struct buf		 body[TILE_SET_MAX];
	size_t			 left;
	unsigned		 rounds;
	uint64_t		 ask_id;
};

static void next(struct audit_job *);

static void
drop(struct audit_job *j)
{
	struct incl_job	*c = j->state;
	size_t		 i;

	log_row_free(&c->log);
	db_free(c->due);
	for (i = 0; i < TILE_SET_MAX; i++)
		buf_free(&c->body[i]);
	free(c->x);
	free(c);
}

/*
 * What we have read is there; was it in time?  Where the SCT was known before
 * its entry came, tail_entry.c has seen that.
 */
static int
own(struct audit_job *j, struct err *e)
{
	struct incl_job	*c = j->state;
	struct db_res	*r = NULL;
	int64_t		*index;
	size_t		 i, n;
	int		 rc, yes = 0;

	if (incl_store_own(j->en->db, c->log.id, &r, e) == -1)
		return -1;
	n = db_rows(r);
	index = mem_array(n, sizeof(*index));
	for (i = 0; i < n; i++)
		index[i] = db_int(r, i, 0);
	db_free(r);
	rc = log_find_late(j->en->db, &c->log, &(struct db_ints){ index, n },
	    &yes, e);
	j->en->wrong |= yes;
	free(index);
	return rc;
}

static void
begin(struct audit_job *j)
{
	struct incl_job	*c = mem_zero(sizeof(*c));
	struct err	 e = ERR_INIT;
	int		 ref = (int)strtol(j->lease.subject, NULL, 10);

	j->state = c;
	c->x = mem_zero(sizeof(*c->x));
	if (log_load(j->en->db, ref, &c->log, &e) == -1) {
		if (e.code == ERR_NOENT)
			audit_done(j, -1);
		else
			audit_fault(j, &e);
		return;
	}
	if (audit_begin(j) == -1)
		return;
	if (own(j, &e) == -1 ||
	    incl_store_head(j->en->db, ref, &c->head, &e) == -1 ||
	    incl_store_due(j->en->db, &(struct incl_ask){ ref,
	    c->head.timestamp_ms, audit_every(j), BATCH }, &c->due, &e)
	    == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_commit(j) == 0)
		next(j);
}

/* The end of this turn. */
static void
end(struct audit_job *j)
{
	struct incl_job	*c = j->state;

	/* a whole batch: there are more; else the sweep plans it again */
	audit_done(j, db_rows(c->due) == BATCH ? 1 : -1);
}

/* Store what came of the row at hand. */
static int
store(struct audit_job *j, const char *state, const char *error)
{
	struct incl_job		*c = j->state;
	struct incl_said	 s;
	struct err		 e = ERR_INIT;

	memset(&s, 0, sizeof(s));
	s.tbs = db_bytes(c->due, c->at, 0);
	s.log_ref = c->log.id;
	s.timestamp_ms = db_int(c->due, c->at, 1);
	s.state = state;
	s.index = (int64_t)c->x->index;
	s.path = (struct span){ c->x->npath != 0 ? c->x->path[0] :
	    (const uint8_t *)"", c->x->npath * 32 };
	s.head = &c->head;
	s.error = error;
	if (incl_store_said(j->en->db, &s, &e) == 0)
		return 0;
	audit_fault(j, &e);
	return -1;
}

static json_t *
detail(const struct incl_job *c)
{
	struct buf	id = BUF_INIT;
	json_t		*o;

	enc_b64(&id, c->log.log_id, 32);
	o = json_pack("{ss ss sI sI sI sI}", "log_id", buf_text(&id), "log",
	    c->log.description, "sct_timestamp",
	    (json_int_t)db_int(c->due, c->at, 1), "head_id",
	    (json_int_t)c->head.id, "tree_size", (json_int_t)c->head.size,
	    "head_timestamp", (json_int_t)c->head.timestamp_ms);
	buf_free(&id);
	return o;
}

/* The log promised it, its time is over, and it is not there. */
static int
violated(struct audit_job *j)
{
	struct incl_job	*c = j->state;
	struct span	 tbs = db_bytes(c->due, c->at, 0);
	const char	*logs[1] = { c->log.description };
	json_t		*o = detail(c);
	char		 hex[65], why[400], *d = json_dumps(o, JSON_COMPACT);
	struct finding	 f = { .kind = "sct.not_included", .severity =
	    "critical", .subject = hex, .reason = why, .detail = d,
	    .logs = { logs, 1 } };
	struct err	 e = ERR_INIT;
	int		 rc = 0, yes;

	if (tbs.n == 32) {
		(void)enc_hex_to(hex, tbs.p, 32);
		(void)snprintf(why, sizeof(why), "%s signed an SCT and has "
		    "not included the entry within its MMD of %" PRId64 " s: "
		    "its head of %" PRIu64 " entries is younger, and %s (RFC "
		    "6962 3)", c->log.description, c->log.mmd, c->head.size,
		    c->x->why[0] != '\0' ? c->x->why : "does not have it");
		rc = watcher_open(j->en->db, tbs.p, &f, NULL, &e);
	}
	/* what is there instead may show more than we can say */
	if (rc == 0)
		rc = log_find_promised(j->en->db, &c->log, tbs, &yes, &e);
	free(d);
	json_decref(o);
	if (rc == -1)
		audit_fault(j, &e);
	return rc;
}

/* What it answers does not lead to the root that it signed. */
static int
misbehaved(struct audit_job *j)
{
	struct incl_job		*c = j->state;
	json_t			*d = detail(c);
	char			 why[400];
	struct log_fault	 f = { c->log.log_id, c->log.description, why,
				    d };
	struct err		 e = ERR_INIT;
	int			 rc;

	(void)snprintf(why, sizeof(why), "its proof of inclusion is wrong: "
	    "%s", c->x->why);
	json_object_set_new(d, "what", json_string("inclusion"));
	/* tried again, it is no news */
	if (j->lease.attempts <= 1)
		log_error(f.name, "misbehaves: %s", why);
	rc = log_fault_open(j->en->db, &f, &e);
	json_decref(d);
	if (rc == -1)
		audit_fault(j, &e);
	return rc;
}

/* A log that is gone has no leaf; that of a static log is another one. */
static int
answers(struct audit_job *j, int *yes)
{
	struct incl_job	*c = j->state;
	struct err	 e = ERR_INIT;

	if (c->log.is_static || incl_store_alive(j->en->db, c->log.id,
	    db_bytes(c->due, c->at, 0), db_int(c->due, c->at, 1), yes, &e)
	    == 0)
		return 0;
	audit_fault(j, &e);
	return -1;
}

/* Believed when it is so the second time. */
static void
twice(struct audit_job *j, const char *word, const char *state,
    int (*act)(struct audit_job *))
{
	struct incl_job	*c = j->state;
	char		 error[256];
	int		 again = strncmp(db_text(c->due, c->at, 4), word,
			    strlen(word)) == 0;

	(void)snprintf(error, sizeof(error), "%s%s", word, c->x->why);
	if (audit_begin(j) == -1 || (again && answers(j, &again) == -1) ||
	    store(j, again ? state : "unchecked", error) == -1 ||
	    (again && act(j) == -1) || audit_commit(j) == -1)
		return;
	c->at++;
	next(j);
}

static void
other(struct audit_job *j, const char *state, const char *error)
{
	struct incl_job	*c = j->state;

	if (audit_begin(j) == -1 || store(j, state, error) == -1 ||
	    audit_commit(j) == -1)
		return;
	c->at++;
	next(j);
}

/* It is decided. */
static void
decided(struct audit_job *j)
{
	struct incl_job	*c = j->state;

	if (c->x->state == INCL_PROVED)
		other(j, "proved", "");
	else if (c->x->state == INCL_ABSENT)
		twice(j, ABSENT, "violated", violated);
	else if (c->x->misled)
		twice(j, MISLED, "unchecked", misbehaved);
	else
		other(j, "unchecked", c->x->why);
}

/* Make the requests of the state. */
static void
request(struct audit_job *j)
{
	struct incl_job	*c = j->state;
	struct http_req	 q;
	size_t		 i;

	c->left = c->x->nask;
	for (i = 0; i < c->x->nask; i++) {
		buf_reset(&c->body[i]);
		c->status[i] = 0;
		memset(&q, 0, sizeof(q));
		(void)incl_request(c->x, i, &q);
		c->fetch_id[i] = audit_get_log(j, q.url, q.cap);
	}
}

/* The next SCT. */
static void
next(struct audit_job *j)
{
	struct incl_job	*c = j->state;
	struct span	 leaf;

	if (j->ended)
		return;
	if (c->at >= db_rows(c->due)) {
		end(j);
		return;
	}
	leaf = db_bytes(c->due, c->at, 2);
	if (leaf.n != 32) {
		other(j, "unchecked", "the leaf's hash is not known");
		return;
	}
	if (incl_start(c->x, c->log.is_static, c->log.read_url, leaf.p,
	    db_int(c->due, c->at, 3), c->head.size, c->head.root) == -1 ||
	    c->x->state != INCL_ASK) {
		decided(j);
		return;
	}
	c->rounds = 0;
	request(j);
}

static void
judge(struct audit_job *j)
{
	struct incl_job	*c = j->state;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	judge_incl_pack(&b, c->x);
	buf_u32(&b, (uint32_t)c->x->nask);
	for (i = 0; i < c->x->nask; i++) {
		buf_u32(&b, (uint32_t)c->status[i]);
		buf_vec32(&b, c->body[i].p, c->body[i].n);
	}
	c->ask_id = audit_ask(j, JUDGE_INCL, &b, NULL, 0);
	buf_free(&b);
}

static void
fetched(struct audit_job *j, const struct fetch_done *d)
{
	struct incl_job	*c = j->state;
	char		 why[400];
	size_t		 i;

	for (i = 0; i < c->x->nask && c->fetch_id[i] != d->id; i++)
		;
	if (i == c->x->nask)
		return;
	c->fetch_id[i] = 0;
	if (d->failure != FETCH_OK || d->status == 429 || d->status >= 500) {
		/* all of the log waits; the next time another one is first */
		audit_refusal(d, why, sizeof(why));
		if (audit_begin(j) == 0 && store(j, "unchecked", why) == 0 &&
		    audit_commit(j) == 0)
			audit_fail(j, why);
		return;
	}
	c->status[i] = d->status;
	buf_span(&c->body[i], d->body);
	if (--c->left == 0)
		judge(j);
}

/* What was asked about is what we remember, whoever answers. */
static void
restore(const struct incl *x, struct incl *y)
{
	memcpy(y->leaf_hash, x->leaf_hash, 32);
	memcpy(y->root, x->root, 32);
	memcpy(y->base, x->base, sizeof(y->base));
	y->one = x->one;
	y->is_static = x->is_static;
	y->leaf_index = x->leaf_index;
	y->size = x->size;
}

/*
 * A judge is not believed where looking costs little: a proof, another entry
 * in the place of ours, which requests there are.  0: it lies.
 */
static int
plausible(const struct incl_job *c, const struct incl *y)
{
	const uint8_t	*leaf = c->x->leaf_hash;
	uint64_t	 index = y->index;

	switch (y->state) {
	case INCL_ASK:
		/* only tiles may be gone, and full ones there */
		return c->x->is_static && y->nask == c->x->nask;
	case INCL_PROVED:
		break;
	case INCL_ABSENT:
		if (!c->x->is_static)
			return c->status[0] == 400 || c->status[0] == 404;
		index = (uint64_t)c->x->leaf_index;
		leaf = y->other;
		if (memcmp(leaf, c->x->leaf_hash, 32) == 0)
			return 0;
		break;
	default:
		return 1;
	}
	return merkle_inclusion(leaf, index, c->head.size,
	    (const uint8_t (*)[32])y->path, y->npath, c->head.root) == 0;
}

static void
refuse(struct incl *x, const char *why)
{
	x->state = INCL_REFUSED;
	x->misled = 0;
	(void)snprintf(x->why, sizeof(x->why), "%.190s", why);
}

static void
judged(struct audit_job *j, const struct judge_reply *r, struct cur *cur)
{
	struct incl_job	*c = j->state;
	struct incl	*y;

	if (r->id != c->ask_id)
		return;
	c->ask_id = 0;
	y = mem_zero(sizeof(*y));
	if (!r->ok)
		refuse(c->x, r->msg);
	else if (judge_incl_read(cur, y) == -1 || !plausible(c, y))
		refuse(c->x, "the judge talks nonsense");
	else if (y->state == INCL_ASK && ++c->rounds > ROUNDS)
		refuse(c->x, "tiles are gone, and full ones are not there");
	else {
		restore(c->x, y);
		*c->x = *y;
	}
	free(y);
	if (c->x->state == INCL_ASK)
		request(j);
	else
		decided(j);
}

const struct audit_kind audit_incl = {
	.name = "incl", .most = 64, .begin = begin, .fetched = fetched,
	.judged = judged, .drop = drop
};
