#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auditor/role/back.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "ctlog/rfc6962.h"

/*
 * The second half of a turn: what was read counts when the root rebuilt from
 * it is the one that the log signed, directly or through a consistency proof.
 */

/* A wrong root is believed when it is wrong again after reading anew. */
#define MISMATCHES	2

/* Reading goes on for so long before the head is looked at again. */
#define HEAD_EVERY	(300 * CLK_SEC)

static void
give(struct tail *t)
{
	size_t	i;

	for (i = 0; i < t->proof.n; i++) {
		fetch_client_give(t->en->logs, t->arena, t->proof.ext[i].off,
		    t->proof_len[i]);
		t->proof_len[i] = 0;
	}
}

/* Is this state about a proof that is fetched part by part? */
static int
proving(const struct tail *t)
{
	return t->state == TAIL_PROVE || t->state == TAIL_OLDER ||
	    t->state == TAIL_AUDIT || t->state == TAIL_ACCUSE ||
	    t->state == TAIL_EDGE;
}

/* Ask for part ${i} of the proof: the JSON, or a hash tile. */
static int
part_get(struct tail *t, size_t i)
{
	struct fetch_get	g;
	struct http_req		req;
	int			rc;

	rc = t->proof.tiles ? tile_request(t->log.read_url,
	    &t->proof.tile[i], &req) : rfc6962_consistency(t->log.read_url,
	    t->proof.size1, t->proof.size2, &req);
	if (rc == -1) {
		tail_end(t, "URL of a proof is too long");
		return -1;
	}
	memset(&g, 0, sizeof(g));
	g.arena = t->arena;
	g.cap = LIMIT_BODY_HEAD;
	g.flags = FETCH_F_GZIP;
	g.timeout_ms = 60000;
	g.method = "GET";
	g.url = req.url;
	tail_rate_take(t, &g);
	t->proof_fetch[i] = fetch_client_get(t->en->logs, &g);
	return 0;
}

/* Ask for all parts of the proof: ${n} hash tiles, or one JSON. */
static void
parts_get(struct tail *t, int n)
{
	size_t	i;

	if (n < 0) {
		tail_end(t, "no tiles make this proof");
		return;
	}
	t->proof.n = (size_t)n;
	t->proof_done = 0;
	for (i = 0; i < t->proof.n; i++)
		if (part_get(t, i) == -1)
			return;
	tail_prove_turn(t);
}

void
tail_prove_edge(struct tail *t, uint64_t size)
{
	memset(&t->proof, 0, sizeof(t->proof));
	memset(t->proof_len, 0, sizeof(t->proof_len));
	t->proof.kind = JUDGE_EDGE;
	t->proof.size1 = size;
	t->proof.size2 = t->head.tree_size;
	memcpy(t->proof.root2, t->head.root, 32);
	t->proof.tiles = t->log.is_static;
	parts_get(t, !t->proof.tiles ? 1 : tile_range_tiles(0, size,
	    t->head.tree_size, t->proof.tile, TILE_SET_MAX));
}

void
tail_prove_get(struct tail *t, uint64_t size1, const uint8_t *root1,
    uint64_t size2, const uint8_t *root2)
{
	memset(&t->proof, 0, sizeof(t->proof));
	memset(t->proof_len, 0, sizeof(t->proof_len));
	t->proof.kind = JUDGE_CONSISTENCY;
	t->proof.size1 = size1;
	t->proof.size2 = size2;
	memcpy(t->proof.root1, root1, 32);
	memcpy(t->proof.root2, root2, 32);
	t->proof.tiles = t->log.is_static;
	parts_get(t, !t->proof.tiles ? 1 : tile_consistency_tiles(size1,
	    size2, t->proof.tile, TILE_SET_MAX));
}

/* Is all of the proof there?  Then the judge looks at it. */
void
tail_prove_turn(struct tail *t)
{
	struct judge_link	*j;

	if (t->ask_id != 0 || t->proof_done != t->proof.n || !proving(t))
		return;
	if ((j = tail_need_judge(t)) == NULL)
		return;
	t->ask_id = ++t->en->next_ask;
	judge_ask_proof(j, t->ask_id, &t->proof);
}

int
tail_prove_fetched(struct tail *t, const struct fetch_done *d)
{
	struct tile	*tile;
	size_t		 i;
	char		 why[400];

	for (i = 0; i < t->proof.n && t->proof_fetch[i] != d->id; i++)
		;
	if (i == t->proof.n)
		return 0;
	t->proof_fetch[i] = 0;
	t->proof.ext[i].off = d->offset;
	t->proof.ext[i].len = t->proof_len[i] = d->length;
	t->proof.ext[i].gzip = strcmp(d->encoding, "gzip") == 0;
	if (!proving(t)) {
		give(t);
		return 1;
	}
	tile = &t->proof.tile[i];
	if (d->failure == FETCH_OK && d->status == 404 && t->proof.tiles &&
	    tile->width < TILE_WIDTH) {
		fetch_client_give(t->en->logs, t->arena, d->offset,
		    d->length);
		t->proof_len[i] = 0;
		tile->width = TILE_WIDTH;
		(void)part_get(t, i);
		return 1;
	}
	if (d->failure != FETCH_OK || d->status != 200) {
		tail_refused(t, d, why, sizeof(why));
		give(t);
		if (t->back != NULL && back_hold(t))
			return 1;
		if (t->back != NULL)
			back_where(t, why, sizeof(why));
		if (t->state == TAIL_PROVE)
			tail_end(t, why);
		else
			tail_audit_failed(t, why, d->failure != FETCH_OK ||
			    t->proof.n != 1 ? AUDIT_AWAY : d->status >= 500 ||
			    d->status == 429 ? AUDIT_BUSY : AUDIT_REFUSED);
		return 1;
	}
	t->proof_done++;
	tail_prove_turn(t);
	return 1;
}

void
tail_mismatch(struct tail *t, const char *given)
{
	char	why[400];

	(void)snprintf(why, sizeof(why), "%s", given);
	if (t->back != NULL)
		back_wrong(t, why, sizeof(why));
	/* what was found may be harmful whatever the log does */
	t->mismatch++;
	if (tail_match_early(t) == -1)
		return;
	if (t->mismatch < MISMATCHES) {
		log_line(t->back == NULL || back_news(t, why) ? LOG_WARN :
		    LOG_DEBUG, t->log.description, "%s; reading again from %"
		    PRIu64, why, t->done.to);
		tail_read_drop(t);
		tail_match_drop(t, t->nmatches);
		if (t->back != NULL)
			back_restart(t);
		else
			tail_head_begin(t);
		return;
	}
	t->mismatch = 0;
	t->en->wrong = 1;
	/* the head of history is what the tail has proven */
	if (t->back != NULL) {
		tail_misbehaved(t, "root", why);
		t->back->wrong = 1;
		tail_end_said(t, why);
		return;
	}
	tail_head_mark(t, t->head_id, "conflict");
	tail_audit_accuse(t, why);
}

static void
committed(struct tail *t, int caught_up)
{
	struct err	e = ERR_INIT;

	if (tail_commit(t, caught_up, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	t->mismatch = 0;
	tail_cache_done(t, caught_up);
	if (t->back != NULL) {
		back_committed(t);
		return;
	}
	if (caught_up) {
		tail_audit_begin(t);
		return;
	}
	t->state = TAIL_READ;
	if (!t->en->once && clk_mono() > t->began + HEAD_EVERY) {
		/* a long way: is the log still what it was? */
		tail_read_drop(t);
		tail_entry_flips(t);
		t->head_tries = 0;
		tail_head_begin(t);
	} else
		tail_read_turn(t);
}

void
tail_prove_begin(struct tail *t)
{
	char	why[256];

	t->state = TAIL_PROVE;
	(void)merkle_root(&t->now, t->now_root, NULL, 0);
	if (t->now.to < t->head.tree_size) {
		tail_prove_get(t, t->now.to, t->now_root, t->head.tree_size,
		    t->head.root);
		return;
	}
	t->proof.n = 0;
	if (memcmp(t->now_root, t->head.root, 32) == 0) {
		committed(t, 1);
		return;
	}
	(void)snprintf(why, sizeof(why), "the entries do not give the signed "
	    "root of the tree of %" PRIu64 " (RFC 6962 2.1)",
	    t->head.tree_size);
	tail_mismatch(t, why);
}

void
tail_prove_judged(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	struct cur	nodes;
	char		why[400];

	give(t);
	t->proof.n = 0;
	if (t->state == TAIL_EDGE) {
		back_edge_judged(t, r, c);
		return;
	}
	if (t->state != TAIL_PROVE) {
		tail_audit_judged(t, r, c);
		return;
	}
	(void)snprintf(why, sizeof(why), "%s", r->msg);
	buf_reset(&t->consistency);
	if (r->ok && cur_vec32(c, &nodes) == -1)
		tail_end(t, "the judge's answer has no proof");
	else if (r->ok) {
		buf_span(&t->consistency, cur_rest(&nodes));
		committed(t, 0);
	} else if (r->code == ERR_VERIFY)
		tail_mismatch(t, why);
	else
		tail_end(t, why);
}
