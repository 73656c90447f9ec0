#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/match_store.h"
#include "auditor/role/back.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "ctlog/tile.h"
#include "pki/owner.h"

/*
 * Announcements before the proof, of one log; less often while so many entries
 * are still to be read, which takes longer than this delays any of them.
 */
#define EARLY_EVERY	(CLK_SEC / 10)
#define EARLY_FAR	(1u << 15)
#define EARLY_FAR_EVERY	CLK_SEC
/* An issuer is asked for so often in a turn, and no longer waited for. */
#define ISSUER_TRIES	4
#define ISSUER_PATIENCE	(30 * CLK_SEC)
/* Issuers that are kept in memory between turns; all are in the database. */
#define ISSUERS_KEPT	256

/*
 * Matches between their judging and their proof: issuers that tiles only
 * name are fetched, and what a CA did sign is announced before the proof.
 */

void
tail_match_free(struct tail_match *m)
{
	judge_match_free(&m->m);
	buf_free(&m->raw);
	free(m->why);
	free(m);
}

void
tail_match_drop(struct tail *t, size_t n)
{
	while (n-- > 0) {
		t->held -= t->matches[--t->nmatches]->raw.n;
		tail_match_free(t->matches[t->nmatches]);
	}
	if (t->nearly > t->nmatches)
		t->nearly = t->nmatches;
}

void
tail_match_add(struct tail *t, struct tail_match *m)
{
	t->matches = mem_grow(t->matches, &t->capm, t->nmatches + 1,
	    sizeof(*t->matches));
	t->paths = mem_grow(t->paths, &t->capp, t->nmatches + 1,
	    sizeof(*t->paths));
	t->paths[t->nmatches] = m->m.path;
	t->matches[t->nmatches++] = m;
	t->held += m->raw.n;
	m->need = !m->m.malformed && m->m.issued == -1 && m->m.chain_fp &&
	    m->m.nchain != 0;
}

static struct tail_issuer *
issuer_find(struct tail *t, const uint8_t *fp)
{
	struct tail_issuer	*x;
	struct err		 e = ERR_INIT;
	size_t			 i;
	int			 found;

	for (i = 0; i < t->nissuers; i++)
		if (memcmp(t->issuers[i].fp, fp, 32) == 0)
			return &t->issuers[i];
	t->issuers = mem_grow(t->issuers, &t->capi, t->nissuers + 1,
	    sizeof(*t->issuers));
	x = &t->issuers[t->nissuers++];
	memset(x, 0, sizeof(*x));
	memcpy(x->fp, fp, 32);
	if (issuer_load(t->en->db, fp, &found, x->key, &x->der, &e) == -1)
		log_error(t->log.description, "%s", e.msg);
	return x;
}

static void
issuer_get(struct tail *t, struct tail_issuer *x)
{
	struct fetch_get	g;
	struct http_req		req;

	if (tile_issuer_request(t->log.read_url, x->fp, &req) == -1) {
		x->failed = 1;
		return;
	}
	memset(&g, 0, sizeof(g));
	g.arena = t->arena;
	g.cap = LIMIT_BODY_ISSUER;
	g.flags = FETCH_F_GZIP;
	g.timeout_ms = 30000;
	g.method = "GET";
	g.url = req.url;
	tail_rate_take(t, &g);
	x->fetch_id = fetch_client_get(t->en->logs, &g);
}

/* It could not be had: later, or not this time. */
static void
issuer_again(struct tail *t, struct tail_issuer *x, int later)
{
	x->failed = !later || ++x->tries >= ISSUER_TRIES;
	x->not_before = clk_mono() + clk_backoff(x->tries, CLK_SEC / 2,
	    20 * CLK_SEC);
	if (tail_rate_hold(t) > ISSUER_PATIENCE)
		x->failed = 1;
}

/*
 * Have the CA's signature checked, once the issuer is there.  Hundreds may
 * wait, each turn: ${wait} is what the rate said, when that was not now.
 */
static void
need(struct tail *t, struct tail_match *m, int64_t now, int64_t *wait)
{
	struct tail_issuer	*x = issuer_find(t, m->m.chain[0].p);
	struct judge_link	*j;

	if (x->der.n != 0) {
		if ((j = tail_need_judge(t)) == NULL)
			return;
		m->need = 2;
		m->ask_id = ++t->en->next_ask;
		judge_ask_signed(j, m->ask_id, m->m.der, buf_bytes(&x->der),
		    m->m.leaf);
	} else if (x->failed)
		m->need = 0;
	else if (x->fetch_id != 0 || x->ask_id != 0)
		return;
	else if (now < x->not_before)
		engine_wake(t->en, x->not_before);
	else if (*wait > 0 || (*wait = tail_rate_wait(t)) > 0)
		engine_wake(t->en, now + *wait);
	else
		issuer_get(t, x);
}

int
tail_match_waiting(const struct tail *t)
{
	size_t	i;

	for (i = 0; i < t->nmatches; i++)
		if (t->matches[i]->need != 0)
			return 1;
	return 0;
}

static void
store_args(struct tail *t, struct match_in *in)
{
	memset(in, 0, sizeof(*in));
	in->db = t->en->db;
	in->conf = t->en->conf;
	in->watches = judge_pool_watches(t->en->pool);
	in->base = t->en->base;
	in->log_ref = t->log.id;
	in->log_name = t->log.description;
}

/* Announce what the CA did sign and nobody heard of. */
static int
announce(struct tail *t, const struct judge_match *const *v, size_t n)
{
	struct match_in	in;
	struct db	*db = t->en->db;
	struct err	e = ERR_INIT;

	store_args(t, &in);
	if (db_begin(db, &e) == 0 && lease_check(db, &t->lease, &e) == 0 &&
	    match_store(&in, v, n, &e) == 0 && db_commit(db, &e) == 0)
		return 0;
	db_rollback(db);
	tail_fault(t, &e);
	return -1;
}

void
tail_match_need(struct tail *t)
{
	int64_t	now = clk_mono(), wait = 0;
	size_t	i;

	for (i = t->nearly; i < t->nmatches; i++)
		if (t->matches[i]->need == 1)
			need(t, t->matches[i], now, &wait);
}

int
tail_match_early(struct tail *t)
{
	const struct judge_match	**v;
	struct tail_match		 *m;
	int64_t				  now = clk_mono();
	size_t				  i, n = 0;
	int				  rc = 0;

	/* pages of a log that is behind come faster than commits */
	if (t->state == TAIL_READ && t->mismatch == 0 &&
	    now < t->early_at) {
		engine_wake(t->en, t->early_at);
		return 0;
	}
	/* the proof comes at once: one transaction is enough */
	if (t->nearly == t->nmatches || (t->now.to == t->target &&
	    !tail_match_waiting(t) && t->mismatch == 0))
		return 0;
	v = mem_array(t->nmatches - t->nearly, sizeof(struct judge_match *));
	for (i = t->nearly; i < t->nmatches; i++) {
		m = t->matches[i];
		if (m->need == 0 && !m->early) {
			m->early = 1;
			if (m->m.issued == 1)
				v[n++] = &m->m;
		}
	}
	if (n != 0) {
		rc = announce(t, v, n);
		t->early_at = clk_mono() + (t->target - t->now.to >
		    EARLY_FAR ? EARLY_FAR_EVERY : EARLY_EVERY);
	}
	free(v);
	while (rc == 0 && t->nearly < t->nmatches &&
	    t->matches[t->nearly]->early)
		t->nearly++;
	return rc;
}

int
tail_match_fetched(struct tail *t, const struct fetch_done *d)
{
	struct judge_link	*j;
	struct tail_issuer	*x;
	char			 why[400];
	size_t			 i;

	for (i = 0; i < t->nissuers && t->issuers[i].fetch_id != d->id; i++)
		;
	if (i == t->nissuers)
		return 0;
	x = &t->issuers[i];
	x->fetch_id = 0;
	if (d->failure != FETCH_OK || d->status != 200) {
		tail_refused(t, d, why, sizeof(why));
		log_warn(t->log.description, "issuer: %s", why);
		fetch_client_give(t->en->logs, t->arena, d->offset,
		    d->length);
		issuer_again(t, x, d->failure != FETCH_OK ||
		    d->status == 429 || d->status >= 500);
	} else if ((j = tail_need_judge(t)) != NULL) {
		x->ext.off = d->offset;
		x->ext.len = x->ext_len = d->length;
		x->ext.gzip = strcmp(d->encoding, "gzip") == 0;
		x->ask_id = ++t->en->next_ask;
		judge_ask_issuer(j, x->ask_id, &x->ext, x->fp);
	}
	return 1;
}

/* The judge has looked at an issuer. */
static void
issuer_judged(struct tail *t, struct tail_issuer *x,
    const struct judge_reply *r, struct cur *c)
{
	struct db	*db = t->en->db;
	struct err	 e = ERR_INIT;
	struct cur	 der;
	char		 why[400];

	x->ask_id = 0;
	fetch_client_give(t->en->logs, t->arena, x->ext.off, x->ext_len);
	if (!r->ok) {
		x->failed = 1;
		(void)snprintf(why, sizeof(why), "issuer: %s", r->msg);
		if (r->code == ERR_VERIFY)
			tail_misbehaved(t, "issuer", why);
		else
			log_warn(t->log.description, "%s", why);
		return;
	}
	if (cur_copy(c, x->key, 32) == -1 || cur_vec32(c, &der) == -1) {
		x->failed = 1;
		return;
	}
	buf_span(&x->der, cur_rest(&der));
	if (db_begin(db, &e) == -1 || issuer_store(db, cur_rest(&der), x->key,
	    owner_of_key(x->key), &e) == -1 || db_commit(db, &e) == -1) {
		db_rollback(db);
		log_error(t->log.description, "issuer: %s", e.msg);
	}
}

/* The judge has checked the CA's signature of a match. */
static void
signed_judged(struct tail *t, struct tail_match *m,
    const struct judge_reply *r, struct cur *c)
{
	struct tail_issuer	*x = issuer_find(t, m->m.chain[0].p);
	const char		*why, *owner;
	uint8_t			 v;

	m->ask_id = 0;
	m->need = 0;
	if (!r->ok || cur_u8(c, &v) == -1 || v > 2 ||
	    judge_str_read(c, &why) == -1)
		return;
	m->m.issued = (int)v - 1;
	free(m->why);
	m->why = mem_str(why);
	m->m.reason = m->why;
	if (m->m.issued != 1)
		return;
	memcpy(m->m.issuer_spki, x->key, 32);
	owner = owner_of_key(x->key);
	if (owner != NULL)
		m->m.owner = owner;
}

int
tail_match_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	size_t	i;

	for (i = 0; i < t->nissuers; i++)
		if (t->issuers[i].ask_id == r->id) {
			issuer_judged(t, &t->issuers[i], r, c);
			return 1;
		}
	for (i = 0; i < t->nmatches; i++)
		if (t->matches[i]->ask_id == r->id) {
			signed_judged(t, t->matches[i], r, c);
			return 1;
		}
	return 0;
}

void
tail_match_oldest(const struct tail *t, uint64_t *id)
{
	size_t	i;

	for (i = 0; i < t->nissuers; i++)
		if (t->issuers[i].ask_id != 0 &&
		    (*id == 0 || t->issuers[i].ask_id < *id))
			*id = t->issuers[i].ask_id;
	for (i = 0; i < t->nmatches; i++)
		if (t->matches[i]->ask_id != 0 &&
		    (*id == 0 || t->matches[i]->ask_id < *id))
			*id = t->matches[i]->ask_id;
}

void
tail_match_died(struct tail *t, uint64_t killer)
{
	struct judge_link	*j;
	struct tail_issuer	*x;
	struct tail_match	*m;
	size_t			 i;

	for (i = 0; i < t->nissuers; i++) {
		x = &t->issuers[i];
		if (x->ask_id == 0)
			continue;
		if (x->ask_id == killer || (j = tail_need_judge(t)) == NULL) {
			x->ask_id = 0;
			x->failed = 1;
			fetch_client_give(t->en->logs, t->arena, x->ext.off,
			    x->ext_len);
			continue;
		}
		x->ask_id = ++t->en->next_ask;
		judge_ask_issuer(j, x->ask_id, &x->ext, x->fp);
	}
	for (i = 0; i < t->nmatches; i++) {
		m = t->matches[i];
		if (m->ask_id == 0)
			continue;
		/* it counts as one whose issuer cannot be had */
		m->need = m->ask_id != killer;
		m->ask_id = 0;
	}
}

/* Forget issuers, when there are many and none is under way. */
static void
issuers_trim(struct tail *t)
{
	size_t	i;

	if (t->nissuers <= ISSUERS_KEPT)
		return;
	for (i = 0; i < t->nissuers; i++)
		if (t->issuers[i].fetch_id != 0 || t->issuers[i].ask_id != 0)
			return;
	for (i = 0; i < t->nissuers; i++)
		buf_free(&t->issuers[i].der);
	t->nissuers = 0;
}

/* Does a read-only log show less than the tree that it ends with? */
static int
is_short(const struct tail *t)
{
	return t->log.readonly && t->log.has_final &&
	    (int64_t)t->now.to < t->log.final_size;
}

int
tail_commit(struct tail *t, int caught_up, struct err *e)
{
	const struct judge_match	**v;
	struct match_in			  in;
	struct range_in			  range;
	struct db			 *db = t->en->db;
	double				  secs;
	size_t				  i;
	int				  rc = -1;

	/* the audit paths of the matches end at this root */
	(void)merkle_root(&t->now, t->now_root, t->paths, t->nmatches);
	v = mem_array(t->nmatches, sizeof(struct judge_match *));
	for (i = 0; i < t->nmatches; i++) {
		t->matches[i]->m.path = t->paths[i];
		v[i] = &t->matches[i]->m;
	}
	store_args(t, &in);
	in.head_id = t->head_id;
	in.proof_size = t->now.to;
	secs = (double)(clk_mono() - t->committed) / (double)CLK_SEC;
	range = (struct range_in){ .log_ref = t->log.id,
	    .from = t->range_from, .frontier = &t->now, .root = t->now_root,
	    .head_id = t->head_id, .caught_up = caught_up && !is_short(t),
	    .per_second = t->fresh >= 1000 && secs > 0 ?
	    (double)t->fresh / secs : 0, .watch_set = t->en->watch_set,
	    .log_list = t->en->have_list ? t->en->log_list : NULL,
	    .has_entries = t->nmatches != 0 };
	if (t->now.to < t->head.tree_size)
		range.proof = buf_bytes(&t->consistency);
	if (db_begin(db, e) == -1)
		goto out;
	if (lease_check(db, &t->lease, e) == -1 ||
	    match_store(&in, v, t->nmatches, e) == -1 ||
	    (t->back != NULL ? back_commit(t, &range, e) :
	    range_store(db, &range, e)) == -1 || db_sync(db, e) == -1 ||
	    head_mark(db, t->head_id, "proved", e) == -1 ||
	    db_commit(db, e) == -1) {
		db_rollback(db);
		goto out;
	}
	if (t->back == NULL && (t->nmatches != 0 || t->fresh >= 1000))
		log_info(t->log.description, "%" PRIu64 " entries proven up "
		    "to %" PRIu64 ", %zu matched", t->fresh, t->now.to,
		    t->nmatches);
	tail_entry_look(t);
	t->done = t->now;
	memcpy(t->done_root, t->now_root, 32);
	t->have_range = 1;
	t->committed = clk_mono();
	t->fresh = 0;
	tail_match_drop(t, t->nmatches);
	t->nearly = 0;
	issuers_trim(t);
	rc = 0;
out:
	free(v);
	return rc;
}
