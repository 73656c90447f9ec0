#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/back.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "ctlog/rfc6962.h"
#include "ctlog/tile.h"

/*
 * Reading: pages are asked for in parallel, judged in any order, and folded
 * in theirs.  Nothing here is believed until tail_prove.c has compared roots.
 */

/* Entries asked for when it is not known how many a log gives. */
#define PAGE_ASK	1000
/* Bodies that are worth a large buffer. */
#define PAGE_LARGE	(512u << 10)
/*
 * A log whose pages come so fast costs no more in many small ones: these stay
 * in the processor's cache from the socket to the judge.
 */
#define NEAR_US		(100 * 1000)
#define PAGE_NEAR	(5u << 19)
/* Bytes of bodies under way or waiting, and the pages that may be. */
#define AHEAD_BYTES	(16u << 20)
#define AHEAD_MIN	3
#define AHEAD_MAX	16
#define READ_TRIES	8	/* of one turn, then the log is left alone */
/* What was read for so long is proven and committed on the way. */
#define COMMIT_EVERY	(10 * CLK_SEC)
/* So many bytes of matches, too; beyond twice as many nothing is asked for. */
#define COMMIT_BYTES	(16u << 20)
/* Full pages in a row before a larger one is tried; doubled when it is not. */
#define GROW_FIRST	16
#define GROW_LAST	4096
/* A tile of an RFC 6962 log fails so often before get-entries is asked. */
#define HYBRID_TRIES	3
/* A page that failed so often is told of while the turn goes on. */
#define NOTE_TRIES	2
/* A log that says "later" for longer is left alone until then. */
#define PATIENCE	(120 * CLK_SEC)

static struct tail_page *
page_make(uint64_t from, uint64_t to, int tile)
{
	struct tail_page	*p = mem_zero(sizeof(*p));

	p->from = from;
	p->to = to;
	p->tile = tile;
	p->base = tile ? from / TILE_WIDTH * TILE_WIDTH : from;
	return p;
}

static void
page_give(struct tail *t, struct tail_page *p)
{
	if (p->arena_len != 0)
		fetch_client_give(t->en->logs, t->arena, p->ext.off,
		    p->arena_len);
	p->arena_len = 0;
}

/* Forget what was found in it. */
static void
page_empty(struct tail *t, struct tail_page *p)
{
	while (p->nfound != 0) {
		t->held -= p->found[--p->nfound]->raw.n;
		tail_match_free(p->found[p->nfound]);
	}
}

static void
page_free(struct tail *t, struct tail_page *p)
{
	page_give(t, p);
	if (p->fetch_id != 0)
		fetch_client_cancel(t->en->logs, p->fetch_id);
	page_empty(t, p);
	free(p->found);
	free(p);
}

void
tail_read_drop(struct tail *t)
{
	struct tail_page	*p;

	while ((p = t->pages) != NULL) {
		t->pages = p->next;
		page_free(t, p);
	}
	t->last = &t->pages;
	t->npages = 0;
	tail_check_drop(t);
}

void
tail_read_begin(struct tail *t)
{
	t->state = TAIL_READ;
	t->now = t->done;
	t->asked = t->done.to;
	t->began = t->committed = clk_mono();
	t->fresh = 0;
	t->near = t->counted = 0;
	tail_read_turn(t);
}

/* How many pages may be under way or waiting. */
static size_t
ahead(const struct tail *t)
{
	uint64_t	n;

	if (!t->page_known && !t->log.is_static && t->log.hybrid != 1)
		return 1;	/* learn the log's page size first */
	n = t->body_max != 0 ? AHEAD_BYTES / t->body_max : AHEAD_MIN;
	if (n < AHEAD_MIN || (t->near && t->parts > 1))
		n = AHEAD_MIN;
	/* each judge has one before it and one waiting */
	n += t->ncrew * 2;
	return n > AHEAD_MAX ? AHEAD_MAX : (size_t)n;
}

/* Where a page of get-entries that begins at t->asked ends. */
static uint64_t
entries_end(const struct tail *t)
{
	uint64_t	size = t->page_size > 0 ? (uint64_t)t->page_size :
			    PAGE_ASK;
	uint64_t	from = t->asked / size * size, part = size;

	/* parts of a page, so that a log that aligns pages gives whole ones */
	if (t->near && t->parts > 1)
		part = (size + t->parts - 1) / t->parts;
	part = ((t->asked - from) / part + 1) * part;
	return from + (part < size ? part : size);
}

/* Make pages up to the head, as far as the window allows. */
static void
plan(struct tail *t)
{
	struct tail_page	*p;
	uint64_t		 to, target = t->target;
	size_t			 max = ahead(t);
	int			 tile;

	while (t->npages < max && t->asked < target &&
	    (t->held < 2 * COMMIT_BYTES || t->npages == 0)) {
		to = (t->asked / TILE_WIDTH + 1) * TILE_WIDTH;
		/* hybrid logs have no partial tiles; history ends in whole ones */
		tile = t->log.is_static || (t->log.hybrid == 1 &&
		    to <= t->head.tree_size);
		if (!tile)
			to = entries_end(t);
		p = page_make(t->asked, to < target ? to : target, tile);
		p->full = tile && to > target && to <= t->head.tree_size;
		*t->last = p;
		t->last = &p->next;
		t->npages++;
		t->asked = p->to;
	}
}

/* A log that serves tiles beside get-entries does not serve this one. */
static void
no_tile(struct tail_page *p)
{
	p->tile = p->full = 0;
	p->base = p->from;
	p->tries = p->deaths = 0;
}

/* The width of the tile that is asked for. */
static unsigned
tile_want(const struct tail_page *p)
{
	return p->full ? TILE_WIDTH : (unsigned)(p->to - p->base);
}

static int
page_get(struct tail *t, struct tail_page *p)
{
	struct fetch_get	g = { 0 };
	struct http_req		req;
	struct tile		tile = { TILE_DATA, 0, 0 };
	int			rc;

	if (p->tile && !t->log.is_static && t->log.hybrid == 0)
		no_tile(p);
	tile.index = p->base / TILE_WIDTH;
	tile.width = tile_want(p);
	rc = p->tile ? tile_request(t->log.read_url, &tile, &req) :
	    rfc6962_entries(t->log.read_url, p->from, p->to - 1, &req);
	if (rc == -1) {
		tail_end(t, "URL of a page is too long");
		return -1;
	}
	g.arena = t->arena;
	g.cap = p->tile ? LIMIT_BODY_TILE : LIMIT_BODY_ENTRIES;
	g.flags = FETCH_F_GZIP | (t->body_max > PAGE_LARGE && !p->tile ?
	    FETCH_F_LARGE : 0);
	g.timeout_ms = 120000;
	g.method = "GET";
	g.url = req.url;
	p->fetch_id = tail_cache_get(t, p, &g);
	p->state = PAGE_FETCH;
	return 0;
}

static void
page_question(const struct tail_page *p, struct judge_page *q)
{
	memset(q, 0, sizeof(*q));
	q->ext = p->ext;
	q->tile = p->tile;
	q->max = p->tile ? tile_want(p) : (uint32_t)(p->to - p->from);
	q->skip = (uint32_t)(p->from - p->base);
	if (p->full && p->to < p->base + TILE_WIDTH)
		q->cut = (uint32_t)(p->to - p->base);
	q->first = p->base;
	q->from = p->match_from;
	q->to = p->raw == RAW_BLIND ? p->match_from : p->match_to;
}

void
tail_read_again(struct tail *t, struct tail_page *p, int raw)
{
	struct judge_link	*j = tail_crew_pick(t);
	struct judge_page	 q;

	if (j == NULL)
		return;
	p->raw = raw;
	page_question(p, &q);
	p->ask_id = ++t->en->next_ask;
	p->judge = j;
	p->state = PAGE_JUDGE;
	judge_ask_page(j, p->ask_id, raw != 0, &q);
}

/* Ask for what waits, as fast as the log's rate allows. */
static void
ask(struct tail *t)
{
	struct tail_page	*p;
	int64_t			 wait, now = clk_mono();

	for (p = t->pages; p != NULL; p = p->next) {
		if (p->state == PAGE_BODY) {
			tail_read_again(t, p, 0);
			continue;
		}
		if (p->state != PAGE_WAIT)
			continue;
		wait = p->not_before > now ? p->not_before - now :
		    tail_rate_wait_page(t, now);
		if (wait > 0) {
			engine_wake(t->en, now + wait);
			if (p->not_before > now)
				continue;
			/* it counts requests: the largest pages it has */
			t->counted = 1;
			t->near = 0;
			break;
		}
		if (page_get(t, p) == -1)
			return;
	}
}

/* Is it time to prove what was read, before the head is reached? */
static int
due(const struct tail *t)
{
	/* proofs out of hash tiles want whole ones */
	return t->now.to > t->done.to &&
	    (!t->log.is_static || t->now.to % TILE_WIDTH == 0) &&
	    (clk_mono() > t->committed + COMMIT_EVERY ||
	    t->nmatches >= LIMIT_MATCH_COMMIT || t->held >= COMMIT_BYTES);
}

/* Put what was judged behind what was read, in the log's order. */
static void
fold(struct tail *t)
{
	struct tail_page	*p;
	size_t			 i, n;

	while ((p = t->pages) != NULL && p->state == PAGE_DONE &&
	    !tail_check_busy(t, p) && !due(t)) {
		n = t->nmatches;
		for (i = 0; i < p->nfound; i++) {
			t->held -= p->found[i]->raw.n;
			tail_match_add(t, p->found[i]);
		}
		p->nfound = 0;
		if (merkle_join(&t->now, &p->range, t->paths, t->nmatches)
		    == -1) {
			tail_match_drop(t, t->nmatches - n);
			tail_end(t, "pages do not join");
			return;
		}
		t->fresh += p->count;
		t->en->entries += p->count;
		t->pages = p->next;
		if (t->last == &p->next)
			t->last = &t->pages;
		t->npages--;
		page_free(t, p);
	}
}

void
tail_read_turn(struct tail *t)
{
	if (t->state == TAIL_READ) {
		if (t->now.to < t->target && tail_hybrid_unknown(t))
			return;
		fold(t);
		if (t->state != TAIL_READ)
			return;
	}
	/* first: pages would take all that the rate allows */
	tail_match_need(t);
	if (t->state == TAIL_READ && t->now.to != t->target && !due(t) &&
	    !tail_rate_leave(t)) {
		plan(t);
		ask(t);
	}
	if (t->state != TAIL_READ && t->state != TAIL_ISSUERS)
		return;
	if (tail_match_early(t) == -1)
		return;
	if (t->now.to == t->target || due(t)) {
		t->state = TAIL_ISSUERS;
		if (!tail_match_waiting(t))
			tail_prove_begin(t);
	}
}

/* The page failed: it is asked for again, or the log is left alone. */
static void
again(struct tail *t, struct tail_page *p, const char *why)
{
	char	where[500];

	tail_check_forget(t, p);
	page_give(t, p);
	page_empty(t, p);
	p->state = PAGE_WAIT;
	p->not_before = clk_mono() + clk_backoff(p->tries + 1, CLK_SEC / 2,
	    20 * CLK_SEC);
	if (++p->tries >= HYBRID_TRIES && p->tile && t->log.hybrid == 1) {
		log_warn(t->log.description, "tile at %" PRIu64 ": %s; "
		    "get-entries is asked from now on", p->base, why);
		(void)log_hybrid(t->en->db, t->log.id, 0, NULL);
		t->log.hybrid = 0;
		no_tile(p);
	}
	if (p->tries == NOTE_TRIES && t->back == NULL)
		(void)health_note(t->en->db, t->log.id, why, NULL);
	if (p->tries < READ_TRIES && tail_rate_hold(t) <= PATIENCE) {
		log_debug(t->log.description, "%" PRIu64 ": %s, again",
		    p->from, why);
		engine_wake(t->en, p->not_before);
		return;
	}
	/* of years of it, where? */
	(void)snprintf(where, sizeof(where), "entries from %" PRIu64 " on: %s",
	    p->from, why);
	tail_end(t, t->back != NULL ? where : why);
}

int
tail_read_fetched(struct tail *t, const struct fetch_done *d)
{
	struct tail_page	*p;
	char			 why[400];

	for (p = t->pages; p != NULL && p->fetch_id != d->id; p = p->next)
		;
	if (p == NULL)
		return 0;
	p->fetch_id = 0;
	p->ext.off = d->offset;
	p->ext.len = p->arena_len = d->length;
	p->ext.gzip = strcmp(d->encoding, "gzip") == 0;
	if (d->failure == FETCH_OK && d->status == 200) {
		tail_cache_fetched(t, p, d);
		t->near = d->us < NEAR_US && !t->counted;
		if (d->length > t->body_max)
			t->body_max = d->length;
		p->state = PAGE_BODY;
		p->match_from = 0;
		p->match_to = p->match_end = UINT32_MAX;
		return 1;
	}
	if (d->failure == FETCH_OK && d->status == 404 && p->tile &&
	    !p->full && p->to < p->base + TILE_WIDTH) {
		/* the partial tile went when the full one came */
		page_give(t, p);
		p->full = 1;
		p->state = PAGE_WAIT;
		return 1;
	}
	p->full = 0;	/* no full one either: a front-end that is behind */
	tail_refused(t, d, why, sizeof(why));
	again(t, p, why);
	return 1;
}

/* How many entries this log gives at once, from a short answer. */
static void
learn(struct tail *t, uint64_t end, uint32_t count)
{
	static const uint32_t	sizes[] = { 1000, 512, 256, 128, 64, 32 };
	size_t			i;

	t->page_size = (int)count;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (end % sizes[i] == 0 && sizes[i] <= 2 * count) {
			t->page_size = (int)sizes[i];
			break;
		}
	t->page_known = 1;
	t->full = 0;
	t->grow_at = t->grow_at == 0 ? GROW_FIRST : t->grow_at * 2;
	if (t->grow_at > GROW_LAST)
		t->grow_at = GROW_LAST;
}

/*
 * A whole page came.  What was learned may have been a bad day of the log:
 * now and then more is asked for.
 */
static void
grow(struct tail *t, uint32_t count)
{
	if (count >= PAGE_ASK)
		t->page_known = 1;
	if (t->page_size == 0 || (int)count < t->page_size)
		return;
	if (t->grow_at == 0)
		t->grow_at = GROW_FIRST;
	if (++t->full < t->grow_at || t->page_size >= PAGE_ASK)
		return;
	t->full = 0;
	t->page_size = t->page_size * 2 > PAGE_ASK ? PAGE_ASK :
	    t->page_size * 2;
}

/* Fewer entries than asked for: the rest is a page of its own. */
static void
split(struct tail *t, struct tail_page *p, uint32_t count)
{
	struct tail_page	*rest = page_make(p->from + count, p->to, 0);

	learn(t, p->from + count, count);
	rest->next = p->next;
	p->next = rest;
	if (t->last == &p->next)
		t->last = &rest->next;
	t->npages++;
	p->to = p->from + count;
}

/* Of how many bytes are pages, and into how many are they better cut? */
static void
measure(struct tail *t, const struct tail_page *p)
{
	uint64_t	size = t->page_size > 0 ? (uint64_t)t->page_size :
			    PAGE_ASK;

	t->parts = (unsigned)((uint64_t)p->arena_len * size / p->count /
	    PAGE_NEAR) + 1;
}

/* The matches of an answer, kept with the page. */
static int
matches_read(struct tail *t, struct tail_page *p,
    const struct judge_page_reply *r, struct cur *c)
{
	struct tail_match	*m;
	const uint8_t		*start;
	struct cur		 rec;
	uint32_t		 i;

	for (i = 0; i < r->nmatch; i++) {
		m = mem_zero(sizeof(*m));
		start = c->p;
		if (judge_match_read(c, &m->m) == -1) {
			free(m);
			return -1;
		}
		judge_match_free(&m->m);
		buf_add(&m->raw, start, (size_t)(c->p - start));
		rec = cur_span(buf_bytes(&m->raw));
		if (judge_match_read(&rec, &m->m) == -1 ||
		    m->m.index < p->from || m->m.index >= p->to) {
			tail_match_free(m);
			return -1;
		}
		p->found = mem_grow(p->found, &p->capfound, p->nfound + 1,
		    sizeof(*p->found));
		p->found[p->nfound++] = m;
		t->held += m->raw.n;
	}
	return cur_left(c) == 0 ? 0 : -1;
}

/* A good answer; more may be to be asked about the same page. */
static void
page_judged(struct tail *t, struct tail_page *p, struct cur *c)
{
	struct judge_page_reply	r;
	struct judge_page	q;
	struct span		answer = cur_rest(c);
	uint32_t		end, want = (uint32_t)(p->to - p->from);

	if (judge_page_reply_read(c, &r) == -1 || r.count > want ||
	    (r.count != 0 && (r.range.from != p->from ||
	    r.upto <= p->match_from || r.upto <= p->from - p->base))) {
		tail_end(t, "judge: bad answer");
		return;
	}
	if (r.count == 0) {
		again(t, p, "the log gives no entries (RFC 6962 4.6)");
		return;
	}
	if (!p->raw && p->deaths == 0 && p->match_from == 0) {
		page_question(p, &q);
		tail_check_page(t, p, &q, answer);
	}
	if (r.count < want) {
		if (p->tile) {
			tail_end(t, "judge: bad answer");
			return;
		}
		split(t, p, r.count);
	} else if (!p->tile)
		grow(t, want);
	if (matches_read(t, p, &r, c) == -1) {
		tail_end(t, "judge: bad answer");
		return;
	}
	p->count = r.count;
	p->range = r.range;
	if (!p->tile && p->match_from == 0)
		measure(t, p);
	end = (uint32_t)(p->to - p->base);
	if (p->match_end > end)
		p->match_end = end;
	if (r.upto < p->match_end) {
		/* it did not fit, or only a part was asked about */
		p->match_from = r.upto;
		p->match_to = p->match_end;
		tail_read_again(t, p, 0);
		return;
	}
	p->state = PAGE_DONE;
	if (!tail_check_busy(t, p))
		page_give(t, p);
}

void
tail_read_judged(struct tail *t, const struct judge_link *j,
    const struct judge_reply *r, struct cur *c)
{
	struct tail_page	*p;

	for (p = t->pages; p != NULL; p = p->next)
		if (p->state == PAGE_JUDGE && p->ask_id == r->id &&
		    p->judge == j)
			break;
	if (p == NULL)
		return;
	p->ask_id = 0;
	if (!r->ok) {
		again(t, p, r->msg);
		return;
	}
	page_judged(t, p, c);
}
