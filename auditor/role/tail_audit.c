#include "auditor/role/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"
#include "ctlog/merkle.h"

/*
 * Heads beside heads.  A log lies when it signed two trees of which the
 * smaller is no beginning of the larger; whoever has both heads, and a path
 * that is right for the larger one, can show that to anybody.
 */

/* Heads that cannot be compared, after which a turn is over. */
#define FAILS	4u

/* So long a log refuses to prove a head before that is said. */
#define REFUSED	(3600 * CLK_SEC)

/* Two roots of one size: the heads alone are the proof. */
static void
fork_found(struct tail *t, const struct head_ref *h,
    const struct head_ref *twin)
{
	char	why[200], more[80];

	(void)snprintf(why, sizeof(why), "two trees of size %" PRIu64
	    " with different roots, both signed (RFC 6962 5.4)", h->size);
	(void)snprintf(more, sizeof(more), ", \"other_id\": %" PRId64,
	    twin->id);
	t->en->wrong = 1;
	tail_misbehaved_head(t, "fork", why, h, more);
}

/* The same of one that is not what we rebuilt. */
static void
fork_proved(struct tail *t, const struct head_ref *h,
    const struct head_ref *ours)
{
	tail_head_mark(t, h->id, "conflict");
	fork_found(t, h, ours);
}

void
tail_audit_twin(struct tail *t)
{
	struct head_ref	h = { .id = t->head_id, .size = t->head.tree_size };
	struct head_ref	twin;

	memcpy(h.root, t->head.root, 32);
	if ((t->have_range && h.size < t->done.to) ||
	    head_twin(t->en->db, t->log.id, h.size, h.root, &twin, NULL)
	    == -1 || twin.id == 0)
		return;
	if (!t->have_range || h.size > t->done.to)
		/* which one is the log's tree, its entries will tell */
		fork_found(t, &h, &twin);
	else if (memcmp(h.root, t->done_root, 32) == 0)
		fork_proved(t, &twin, &h);
}

/* Fetch what proves that the tree of ${small} goes on to that of ${large}. */
static void
compare(struct tail *t, enum tail_state state)
{
	t->state = state;
	tail_prove_get(t, t->small.size, t->small.root, t->large.size,
	    t->large.root);
}

void
tail_audit_older(struct tail *t)
{
	struct err	e = ERR_INIT;

	t->small = (struct head_ref){ .id = t->head_id,
	    .size = t->head.tree_size };
	memcpy(t->small.root, t->head.root, 32);
	if (head_of_range(t->en->db, t->log.id, &t->large, &e) == -1) {
		tail_fault(t, &e);
		return;
	}
	if (t->small.size == t->large.size) {
		fork_proved(t, &t->small, &t->large);
		tail_end(t, "the head is of another tree than the proven one");
		return;
	}
	t->audit_again = 0;
	compare(t, TAIL_OLDER);
}

/*
 * The next one that waits, or the end of a turn that went well.  Behind one
 * that cannot be compared are others that can: the next turn goes on from
 * there, and begins anew when it has seen all of them.
 */
static void
next(struct tail *t)
{
	struct db	*db = t->en->db;

	while (t->audits++ < LIMIT_HEAD_AUDIT &&
	    head_pending(db, t->log.id, t->large.size, t->audit_after,
	    &t->small, NULL) == 0) {
		t->audit_after = t->small.id;
		if (t->small.id == 0)
			break;
		if (t->small.size < t->large.size) {
			t->audit_again = 0;
			compare(t, TAIL_AUDIT);
			return;
		}
		if (memcmp(t->small.root, t->large.root, 32) == 0)
			tail_head_mark(t, t->small.id, "proved");
		else
			fork_proved(t, &t->small, &t->large);
	}
	tail_end(t, NULL);
}

void
tail_audit_begin(struct tail *t)
{
	t->audits = t->audit_fails = 0;
	tail_entry_flips(t);
	if (head_of_range(t->en->db, t->log.id, &t->large, NULL) == -1 ||
	    t->large.id == 0) {
		tail_end(t, NULL);
		return;
	}
	next(t);
}

void
tail_audit_accuse(struct tail *t, const char *why)
{
	(void)snprintf(t->accused, sizeof(t->accused), "%s", why);
	t->large = (struct head_ref){ .id = t->head_id,
	    .size = t->head.tree_size };
	memcpy(t->large.root, t->head.root, 32);
	if (head_of_range(t->en->db, t->log.id, &t->small, NULL) == -1 ||
	    t->small.id == 0 || t->small.size == 0 ||
	    t->small.size >= t->large.size) {
		tail_misbehaved(t, "root", why);
		tail_end(t, why);
		return;
	}
	compare(t, TAIL_ACCUSE);
}

/*
 * A log that hides a fork gives no proof for the head that shows it: when it
 * has refused for an hour what it signed a day ago, that is said.
 */
static void
unproven(struct tail *t, const char *why)
{
	int64_t	now = clk_mono();
	char	text[400];

	if (t->unproven == 0) {
		t->unproven = t->small.id;
		t->unproven_at = now;
	}
	if (t->unproven != t->small.id || now - t->unproven_at < REFUSED)
		return;
	(void)snprintf(text, sizeof(text), "no proof can be had that the tree "
	    "of %" PRIu64 " that it signed is the beginning of that of %" PRIu64
	    ": %.200s (RFC 6962 4.4)", t->small.size, t->large.size, why);
	tail_unproven(t, t->small.id, text);
	/* the next one of them */
	t->unproven = 0;
}

/* No proof can be had: that alone is no lie. */
void
tail_audit_failed(struct tail *t, const char *why, enum tail_audit_how how)
{
	switch (t->state) {
	case TAIL_ACCUSE:
		tail_misbehaved(t, "root", t->accused);
		tail_end(t, t->accused);
		break;
	case TAIL_AUDIT:
		log_info(t->log.description, "head of %" PRIu64
		    " waits: %s", t->small.size, why);
		if (how == AUDIT_REFUSED)
			unproven(t, why);
		if (how != AUDIT_AWAY && ++t->audit_fails < FAILS)
			next(t);
		else
			tail_end(t, NULL);
		break;
	default:
		tail_end(t, why);
		break;
	}
}

/* A path that shows it: what the third party needs goes into the finding. */
static void
contradiction(struct tail *t, const char *why, const uint8_t root[32],
    struct span path)
{
	struct buf	more = BUF_INIT;

	buf_fmt(&more, ", \"inconsistent\": {\"head_id\": %" PRId64
	    ", \"other_id\": %" PRId64 ", \"root_hash\": \"", t->large.id,
	    t->small.id);
	enc_hex(&more, root, 32);
	buf_str(&more, "\", \"path\": \"");
	enc_b64(&more, path.p, path.n);
	buf_str(&more, "\"}");
	tail_misbehaved_head(t, "fork", why, t->state == TAIL_ACCUSE ?
	    &t->large : &t->small, buf_text(&more));
	buf_free(&more);
}

/*
 * Not an extension: what can be shown of it, and by which grade.  A path that
 * is wrong shows nothing, and is asked for again; then it is the log's word,
 * where it leaves the smaller root out, or the log shows that head now.  Another
 * one goes on waiting.  0: nothing was shown, 2: it is asked for again.
 */
static int
refuted(struct tail *t, const struct judge_reply *r, struct cur *c)
{
	uint8_t		root[32];
	struct cur	path;
	char		why[256];
	int		shown;

	(void)snprintf(why, sizeof(why), "%s", r->msg);
	shown = cur_copy(c, root, 32) == 0 && cur_vec32(c, &path) == 0 &&
	    memcmp(root, t->small.root, 32) != 0;
	if (!shown && t->state == TAIL_AUDIT &&
	    (t->small.size & (t->small.size - 1)) != 0)
		return 0;
	if (!shown && t->state != TAIL_ACCUSE && t->audit_again++ == 0) {
		log_info(t->log.description, "%s; asked for again", why);
		compare(t, t->state);
		return 2;
	}
	if (t->state != TAIL_ACCUSE)
		tail_head_mark(t, t->small.id, "conflict");
	t->en->wrong = 1;
	if (shown)
		contradiction(t, why, root, cur_rest(&path));
	else if (t->state == TAIL_ACCUSE)
		tail_misbehaved(t, "root", t->accused);
	else
		tail_misbehaved_head(t, "fork", why, &t->small, "");
	return 1;
}

void
tail_audit_judged(struct tail *t, const struct judge_reply *r,
    struct cur *c)
{
	enum tail_state	state = t->state;
	char		why[400];
	int		rc;

	if (!r->ok && r->code == ERR_VERIFY) {
		(void)snprintf(why, sizeof(why), "%s", r->msg);
		if ((rc = refuted(t, r, c)) == 2)
			return;
		if (rc == 0)
			tail_audit_failed(t, why, AUDIT_REFUSED);
		else if (state == TAIL_AUDIT)
			next(t);
		else
			tail_end(t, state == TAIL_OLDER ? why : t->accused);
		return;
	}
	if (!r->ok) {
		(void)snprintf(why, sizeof(why), "%s", r->msg);
		tail_audit_failed(t, why, AUDIT_REFUSED);
		return;
	}
	switch (state) {
	case TAIL_ACCUSE:
		/* its heads agree, its entries are others */
		tail_misbehaved(t, "root", t->accused);
		tail_end(t, t->accused);
		break;
	case TAIL_OLDER:
		/* a front-end that lags: nothing is wrong */
		tail_head_mark(t, t->small.id, "smaller");
		tail_end(t, NULL);
		break;
	default:
		tail_head_mark(t, t->small.id, "proved");
		if (t->small.id == t->unproven)
			t->unproven = 0;
		tail_proven(t, t->small.id);
		next(t);
		break;
	}
}
