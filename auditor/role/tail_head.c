#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/db/vantage_store.h"
#include "auditor/role/engine_clock.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "ctlog/note.h"
#include "ctlog/rfc6962.h"
#include "ctlog/sth.h"
#include "ctlog/tile.h"

/*
 * The first half of a turn: the head, what it means beside what is proven
 * already, and the frontier of a log that begins at its end.
 */

/* A wrong signature, or right edge, is believed when it comes again. */
#define HEAD_TRIES	2

int
tail_head_url(const struct tail *t, struct http_req *req)
{
	if ((t->log.is_static ? note_url(t->log.read_url, req) :
	    sth_url(t->log.read_url, req)) == -1)
		return -1;
	req->cap = LIMIT_BODY_HEAD;
	return 0;
}

void
tail_head_begin(struct tail *t)
{
	struct http_req	req;

	t->state = TAIL_HEAD;
	tail_aside_drop(t);
	if (tail_head_url(t, &req) == -1) {
		tail_end(t, "URL of the log is too long");
		return;
	}
	tail_get(t, &req);
}

/* The signature is wrong, the origin is another's, or it is no head. */
static void
head_refused(struct tail *t, const struct judge_reply *r)
{
	char	why[400];

	(void)snprintf(why, sizeof(why), "%s", r->msg);
	if (r->code != ERR_VERIFY) {
		tail_end(t, why);
		return;
	}
	if (++t->head_tries < HEAD_TRIES) {
		tail_head_begin(t);
		return;
	}
	t->en->wrong = 1;
	tail_misbehaved(t, "signature", why);
	tail_end(t, why);
}

static int
in_future(const struct tail *t)
{
	return (int64_t)t->head.timestamp_ms > clk_later() / 1000 +
	    TAIL_FUTURE_MS;
}

/* What a valid head alone says: future, older than the MMD, final. */
static void
head_alone(struct tail *t)
{
	char	why[256];

	if (in_future(t))
		engine_clock_ask(t->en);
	if (in_future(t)) {
		(void)snprintf(why, sizeof(why), "head is dated %" PRIu64
		    " ms, in the future (RFC 6962 3.5)", t->head.timestamp_ms);
		tail_misbehaved(t, "timestamp", why);
	}
	if (t->log.readonly && t->log.has_final &&
	    ((int64_t)t->head.tree_size > t->log.final_size ||
	    ((int64_t)t->head.tree_size == t->log.final_size &&
	    memcmp(t->head.root, t->log.final_root, 32) != 0))) {
		(void)snprintf(why, sizeof(why), "read-only log shows a tree "
		    "of %" PRIu64 " that is not its final one of %" PRId64,
		    t->head.tree_size, t->log.final_size);
		tail_misbehaved(t, "final", why);
		t->en->wrong = 1;
	}
	if (t->log.head_size >= 0 &&
	    (int64_t)t->head.tree_size > t->log.head_size &&
	    (int64_t)t->head.timestamp_ms < t->log.head_ms) {
		(void)snprintf(why, sizeof(why), "larger tree of %" PRIu64
		    " is dated %" PRIu64 " ms, before %" PRId64
		    " ms of the one of %" PRId64, t->head.tree_size,
		    t->head.timestamp_ms, t->log.head_ms, t->log.head_size);
		tail_misbehaved(t, "timestamp", why);
	}
}

static int
head_save(struct tail *t, struct err *e)
{
	struct head_in	in = { .log_ref = t->log.id,
	    .tree_size = t->head.tree_size,
	    .timestamp_ms = t->head.timestamp_ms, .root = t->head.root,
	    .checkpoint = t->log.is_static, .verdict = "valid" };
	struct db	*db = t->en->db;

	in.raw = buf_bytes(&t->head_raw);
	if (db_begin(db, e) == -1)
		return -1;
	if (lease_check(db, &t->lease, e) == -1 ||
	    head_store(db, &in, &t->head_id, e) == -1 ||
	    (t->en->conf->nvantage != 0 &&
	    vantage_shown(db, t->head_id, e) == -1) ||
	    vantage_cosigned(t->en, t->head_id, in.raw, t->said,
	    (size_t)t->nsaid, e) == -1)
		goto err;
	/* a smaller one is a lagging front-end: health keeps the largest */
	if ((int64_t)t->head.tree_size >= t->log.head_size &&
	    health_head(db, &t->log, t->head.tree_size, t->head.timestamp_ms,
	    t->head_id, e) == -1)
		goto err;
	return db_commit(db, e);
err:
	db_rollback(db);
	return -1;
}

int
tail_head_keep(struct tail *t, struct err *e)
{
	if (head_save(t, e) == -1)
		return -1;
	head_alone(t);
	/* what the next one of this turn is held against */
	if ((int64_t)t->head.tree_size >= t->log.head_size) {
		t->log.head_size = (int64_t)t->head.tree_size;
		t->log.head_ms = (int64_t)t->head.timestamp_ms;
	}
	tail_audit_twin(t);
	tail_fresh(t);
	return 0;
}

/* Where the head stands beside what is proven decides what comes next. */
static void
head_place(struct tail *t)
{
	uint64_t	size = t->head.tree_size, done = t->done.to;

	if (t->ill_until > clk_mono() && !(t->have_range && size == done &&
	    memcmp(t->head.root, t->done_root, 32) == 0)) {
		tail_held(t, "what failed is asked for again later");
		return;
	}
	if (!t->have_range && t->en->conf->start_now && t->log.first_list &&
	    size > 0) {
		tail_start_begin(t);
		return;
	}
	if (!t->have_range) {
		merkle_start(&t->done, 0);
		(void)merkle_root(&t->done, t->done_root, NULL, 0);
		t->range_from = 0;
		done = 0;
	}
	if (size == done && t->have_range &&
	    memcmp(t->head.root, t->done_root, 32) == 0) {
		tail_head_mark(t, t->head_id, "proved");
		tail_read_begin(t);
		return;
	}
	if (t->have_range && size <= done) {
		if (size == 0)
			tail_end(t, "head of an empty tree");
		else
			tail_audit_older(t);
		return;
	}
	tail_read_begin(t);
}

/* The head at hand is valid. */
static void
head_taken(struct tail *t)
{
	struct err	e = ERR_INIT;

	if (tail_head_keep(t, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	t->shown = 1;
	t->target = t->head.tree_size;
	head_place(t);
}

void
tail_head_fetched(struct tail *t, const struct fetch_done *d)
{
	struct judge_link	*j;
	char			 why[400];

	if (tail_seen_again(t, d)) {
		tail_give(t);
		head_taken(t);
		return;
	}
	if (d->failure != FETCH_OK || d->status != 200) {
		tail_refused(t, d, why, sizeof(why));
		tail_give(t);
		tail_end(t, why);
		return;
	}
	tail_seen_fetched(t, d);
	if ((j = tail_need_judge(t)) == NULL)
		return;
	t->ask_id = ++t->en->next_ask;
	judge_ask_head(j, t->ask_id, &t->ext);
}

void
tail_head_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	struct cur	raw;

	tail_give(t);
	if (!r->ok) {
		head_refused(t, r);
		return;
	}
	if (judge_head_read(c, &t->head) == -1 || cur_vec32(c, &raw) == -1 ||
	    (t->nsaid = judge_cosigned_read(c, t->said)) == -1) {
		tail_end(t, "judge: bad answer");
		return;
	}
	buf_reset(&t->head_raw);
	buf_span(&t->head_raw, cur_rest(&raw));
	tail_seen_valid(t);
	head_taken(t);
}

/* --- start: now --- */

/* Fetch what proves the right edge of the tree of the head. */
void
tail_start_begin(struct tail *t)
{
	struct http_req	req;
	int		n;

	t->state = TAIL_START;
	memset(&t->proof, 0, sizeof(t->proof));
	t->proof.kind = JUDGE_START;
	t->proof.size2 = t->head.tree_size;
	memcpy(t->proof.root2, t->head.root, 32);
	t->proof_done = 0;
	t->start_leaf = 0;
	if (t->log.is_static) {
		n = tile_frontier_tiles(t->head.tree_size, t->proof.tile,
		    TILE_SET_MAX);
		if (n <= 0) {
			tail_end(t, "no tiles make this tree");
			return;
		}
		t->proof.tiles = 1;
		t->proof.n = (size_t)n;
		if (tile_request(t->log.read_url, &t->proof.tile[0], &req)
		    == -1) {
			tail_end(t, "URL of a tile is too long");
			return;
		}
	} else if (rfc6962_entries(t->log.read_url, t->head.tree_size - 1,
	    t->head.tree_size - 1, &req) == -1) {
		tail_end(t, "URL of the log is too long");
		return;
	}
	req.cap = LIMIT_BODY_ENTRIES;
	tail_get(t, &req);
}

/* Ask the judge for the frontier, now that all is there. */
static void
start_ask(struct tail *t)
{
	struct judge_link	*j = tail_need_judge(t);

	if (j == NULL)
		return;
	t->ask_id = ++t->en->next_ask;
	judge_ask_proof(j, t->ask_id, &t->proof);
}

static void
start_tile(struct tail *t)
{
	struct http_req	req;
	size_t		k = t->proof_done;

	t->proof.ext[k] = t->ext;
	t->proof_len[k] = t->ext_len;
	t->ext_len = 0;
	if (++t->proof_done == t->proof.n) {
		start_ask(t);
		return;
	}
	(void)tile_request(t->log.read_url, &t->proof.tile[k + 1], &req);
	req.cap = LIMIT_BODY_HASH_TILE;
	tail_get(t, &req);
}

void
tail_start_fetched(struct tail *t, const struct fetch_done *d)
{
	struct judge_link	*j;
	struct judge_page	 p;
	struct http_req		 req;
	struct tile		*tile = &t->proof.tile[t->proof_done];
	char			 why[400];

	if (d->failure == FETCH_OK && d->status == 404 && t->log.is_static &&
	    tile->width < TILE_WIDTH) {
		/* the partial one went when the full one came */
		tail_give(t);
		tile->width = TILE_WIDTH;
		(void)tile_request(t->log.read_url, tile, &req);
		req.cap = LIMIT_BODY_HASH_TILE;
		tail_get(t, &req);
		return;
	}
	if (d->failure != FETCH_OK || d->status != 200) {
		tail_refused(t, d, why, sizeof(why));
		tail_give(t);
		tail_end(t, why);
		return;
	}
	if (t->log.is_static) {
		start_tile(t);
		return;
	}
	if (t->start_leaf) {
		t->proof.n = 1;
		t->proof.ext[0] = t->ext;
		t->proof_len[0] = t->ext_len;
		t->ext_len = 0;
		t->proof_done = 1;
		start_ask(t);
		return;
	}
	if ((j = tail_need_judge(t)) == NULL)
		return;
	memset(&p, 0, sizeof(p));
	p.ext = t->ext;
	p.max = 1;
	p.first = t->head.tree_size - 1;
	t->ask_id = ++t->en->next_ask;
	judge_ask_page(j, t->ask_id, 0, &p);
}

/* Give back the bodies of a proof. */
static void
start_give(struct tail *t)
{
	size_t	i;

	for (i = 0; i < t->proof_done; i++)
		fetch_client_give(t->en->logs, t->arena,
		    t->proof.ext[i].off, t->proof_len[i]);
	t->proof_done = 0;
}

void
tail_start_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	struct judge_page_reply	 p;
	struct http_req		 req;
	struct err		 e = ERR_INIT;
	char			 why[400];

	if (!r->ok) {
		(void)snprintf(why, sizeof(why), "start at the end: %s",
		    r->msg);
		tail_give(t);
		start_give(t);
		if (r->code == ERR_VERIFY && ++t->mismatch < HEAD_TRIES) {
			tail_head_begin(t);
			return;
		}
		if (r->code == ERR_VERIFY) {
			t->mismatch = 0;
			t->en->wrong = 1;
			tail_misbehaved(t, "root", why);
		}
		tail_end(t, why);
		return;
	}
	if (!t->log.is_static && !t->start_leaf) {
		/* the last entry's leaf hash: now its audit path */
		tail_give(t);
		if (judge_page_reply_read(c, &p) == -1 || p.range.n != 1 ||
		    rfc6962_inclusion(t->log.read_url, p.range.hash[0],
		    t->head.tree_size, &req) == -1) {
			tail_end(t, "the log does not give its last entry");
			return;
		}
		memcpy(t->proof.root1, p.range.hash[0], 32);
		t->start_leaf = 1;
		req.cap = LIMIT_BODY_HEAD;
		tail_get(t, &req);
		return;
	}
	start_give(t);
	if (merkle_get(c, &t->done) == -1 || t->done.from != 0 ||
	    t->done.to != t->head.tree_size) {
		tail_end(t, "judge: bad answer");
		return;
	}
	t->mismatch = 0;
	memcpy(t->done_root, t->head.root, 32);
	t->range_from = (int64_t)t->done.to;
	t->now = t->done;
	memcpy(t->now_root, t->done_root, 32);
	if (tail_commit(t, 1, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	t->have_range = 1;
	log_info(t->log.description, "starts at %" PRIu64
	    ", the right edge is proven", t->done.to);
	tail_end(t, NULL);
}
