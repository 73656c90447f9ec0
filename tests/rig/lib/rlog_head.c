#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/rlog.h"

/* Heads: honest ones, and the lies about them. */

/* Sign TreeHeadSignature (RFC 6962, 3.5). */
static void
sign(EVP_PKEY *key, struct head *h)
{
	struct buf b = BUF_INIT, sig = BUF_INIT;

	buf_u8(&b, 0);			/* v1 */
	buf_u8(&b, 1);			/* tree_hash */
	buf_u64(&b, h->timestamp);
	buf_u64(&b, h->size);
	buf_add(&b, h->root, 32);
	key_digitally_sign(key, buf_bytes(&b), &sig);
	if (sig.n > sizeof(h->sig))
		abort();
	h->nsig = sig.n;
	memcpy(h->sig, sig.p, sig.n);
	buf_free(&b);
	buf_free(&sig);
}

/* Keep a published head of the honest tree for the next run. */
static void
save(const struct rlog *lg, const struct head *h)
{
	struct buf b = BUF_INIT;

	buf_fmt(&b, "%llu %llu ", (unsigned long long)h->size,
	    (unsigned long long)h->timestamp);
	b64_hex(&b, h->root, 32);
	buf_str(&b, " ");
	b64_hex(&b, h->sig, h->nsig);
	buf_str(&b, "\n");
	if (write(lg->heads_fd, b.p, b.n) != (ssize_t)b.n) {
		perror("ctlog: cannot write heads");
		exit(1);
	}
	buf_free(&b);
}

static void
add_head(struct branch *b, const struct head *h)
{
	b->heads = mem_grow(b->heads, &b->capheads, b->nheads + 1,
	    sizeof(*b->heads));
	b->heads[b->nheads++] = *h;
}

const struct head *
rlog_last(const struct rlog *lg)
{
	const struct branch *b = &lg->br[lg->cur];

	return &b->heads[b->nheads - 1];
}

void
rlog_publish(struct rlog *lg)
{
	struct branch *b = &lg->br[lg->cur];
	struct head h;

	memset(&h, 0, sizeof(h));
	h.size = b->n;
	h.timestamp = rlog_now();
	if (b->nheads > 0 && rlog_last(lg)->timestamp >= h.timestamp)
		h.timestamp = rlog_last(lg)->timestamp + 1;
	tree_root(&b->tree, h.size, h.root);
	sign(lg->key, &h);
	add_head(b, &h);
	if (lg->cur == 0)
		save(lg, &h);
}

/* A head that grows old is signed again, unless the log is closed. */
static void
refresh(struct rlog *lg)
{
	const struct head *h = rlog_last(lg);
	struct branch *b = &lg->br[lg->cur];
	size_t all = b->n;

	if (strcmp(lg->state, "readonly") == 0 ||
	    rlog_now() < h->timestamp + (uint64_t)lg->refresh)
		return;
	b->n = h->size;			/* what is pending stays pending */
	rlog_publish(lg);
	b->n = all;
}

uint64_t
rlog_limit(const struct rlog *lg)
{
	const struct lie *s = &lg->lies[LIE_SHRINK];
	uint64_t size = rlog_last(lg)->size;

	if (s->on && s->times < 0 && (uint64_t)s->n < size)
		size = (uint64_t)s->n;
	return size;
}

/* The last published head with another (smaller) size than ${size}. */
static const struct head *
older(const struct branch *b, uint64_t size)
{
	size_t i;

	for (i = b->nheads; i-- > 0;)
		if (b->heads[i].size < size)
			return &b->heads[i];
	return NULL;
}

static const struct head *
of_size(const struct branch *b, uint64_t size)
{
	size_t i;

	for (i = b->nheads; i-- > 0;)
		if (b->heads[i].size == size)
			return &b->heads[i];
	return NULL;
}

static void
shrink(struct rlog *lg, struct head *h, struct lie *l)
{
	const struct branch *b = &lg->br[lg->cur];
	const struct head *old = of_size(b, (uint64_t)l->n);

	if (old != NULL && strcmp(l->mode, "fresh") != 0) {
		*h = *old;
		return;
	}
	h->size = (uint64_t)l->n;
	h->timestamp = rlog_now();
	tree_root(&b->tree, h->size, h->root);
	sign(lg->key, h);
}

/* Does a forked head answer this request?  Only heads lie in these modes. */
static int
tell_fork(struct rlog *lg, enum kind k)
{
	struct lie *f = &lg->lies[LIE_FORK];

	if (lg->cur != 0 || !lie_tell(f, k))
		return 0;
	return strcmp(f->mode, "head") == 0 ||
	    (strcmp(f->mode, "alternate") == 0 && f->told % 2 == 1);
}

/* Other size, root or time; 1 when a new signature is needed. */
static int
bend(struct rlog *lg, enum kind k, struct head *h)
{
	const struct branch *b = &lg->br[lg->cur];
	struct lie *l = lg->lies;
	const struct head *old;
	int bent = 0;

	if (lie_tell(&l[LIE_FLAP], k) && l[LIE_FLAP].told % 2 == 1 &&
	    (old = older(b, h->size)) != NULL)
		*h = *old;
	if (lie_tell(&l[LIE_SHRINK], k))
		shrink(lg, h, &l[LIE_SHRINK]);
	if (tell_fork(lg, k)) {
		tree_root(&lg->br[1].tree, h->size, h->root);
		bent = 1;
	}
	if (lie_tell(&l[LIE_STALE], k)) {
		h->size = (uint64_t)l[LIE_STALE].at;
		tree_root(&b->tree, h->size, h->root);
		h->timestamp = l[LIE_STALE].since -
		    (uint64_t)l[LIE_STALE].n * 1000;
		bent = 1;
	}
	if (lie_tell(&l[LIE_FUTURE], k)) {
		h->timestamp = rlog_now() + (uint64_t)l[LIE_FUTURE].n * 1000;
		bent = 1;
	}
	if (lie_tell(&l[LIE_BACKWARDS], k)) {
		h->timestamp -= (uint64_t)l[LIE_BACKWARDS].n * 1000;
		bent = 1;
	}
	return bent;
}

void
rlog_head(struct rlog *lg, enum kind k, struct head *h)
{
	int bent;

	if (!lie_is(&lg->lies[LIE_STALE], k))
		refresh(lg);
	*h = *rlog_last(lg);
	bent = bend(lg, k, h);
	if (lie_tell(&lg->lies[LIE_WRONGKEY], k))
		sign(lg->wrong, h);
	else if (bent)
		sign(lg->key, h);
	if (lie_tell(&lg->lies[LIE_BADSIG], k))
		h->sig[h->nsig - 1] ^= 1;
}

/*
 * The second tree: the first ${at} entries are shared, the others say another
 * timestamp (their signatures still fit).
 */
static void
make_fork(struct rlog *lg, uint64_t at)
{
	struct branch *a = &lg->br[0], *b = &lg->br[1];
	struct head h = a->heads[a->nheads - 1];
	struct entry e;
	uint64_t i;

	tree_free(&b->tree);
	b->n = 0;
	b->nheads = 0;
	b->e = mem_grow(b->e, &b->cap, a->n, sizeof(*b->e));
	for (i = 0; i < at; i++) {
		b->e[b->n++] = a->e[i];
		tree_add(&b->tree, tree_at(&a->tree, 0, i));
	}
	for (; i < a->n; i++) {
		lg->cur = 0;
		rlog_read(lg, i, &e);
		if (e.leaf.n > 9)
			e.leaf.p[9] ^= 1;
		lg->cur = 1;
		(void)rlog_append(lg, &e);
		entry_free(&e);
	}
	tree_root(&b->tree, h.size, h.root);
	sign(lg->key, &h);
	add_head(b, &h);
	lg->cur = 1;
	rlog_done(lg);
	lg->cur = 0;
}

static int
set_fork(struct rlog *lg, struct lie *l, struct err *e)
{
	const struct branch *a = &lg->br[0];
	uint64_t size = a->heads[a->nheads - 1].size;

	if (l->at < 0)
		l->at = (int64_t)size - 1;
	if (l->at < 0 || (uint64_t)l->at >= size)
		return err_set(e, ERR_USAGE, "fork: at=%lld: the log has %llu "
		    "entries", (long long)l->at, (unsigned long long)size);
	make_fork(lg, (uint64_t)l->at);
	if (l->mode[0] == '\0' || strcmp(l->mode, "view") == 0)
		lg->cur = 1;
	return 0;
}

int
rlog_lie(struct rlog *lg, enum lie_id id, const char *args, struct err *e)
{
	struct lie l;
	const struct head *old;

	memset(&l, 0, sizeof(l));
	if (lie_set(&l, id, args, e) == -1)
		return -1;
	if (id == LIE_FORK) {
		lg->lies[id].on = 0;
		lg->cur = 0;
		if (l.on && set_fork(lg, &l, e) == -1)
			return -1;
	}
	if (id == LIE_SHRINK && l.on) {
		old = older(&lg->br[lg->cur], rlog_last(lg)->size);
		if (l.n < 0)
			l.n = old != NULL ? (int64_t)old->size :
			    (int64_t)rlog_last(lg)->size / 2;
		if ((uint64_t)l.n > rlog_last(lg)->size)
			return err_set(e, ERR_USAGE,
			    "shrink: n=%lld is no smaller size",
			    (long long)l.n);
	}
	if (id == LIE_STALE) {
		l.at = (int64_t)rlog_last(lg)->size;
		if (l.n < 0)
			l.n = lg->mmd + 3600;
	}
	lg->lies[id] = l;
	return 0;
}

void
rlog_honest(struct rlog *lg)
{
	unsigned i;

	for (i = 0; i < LIE_MAX; i++)
		lg->lies[i].on = 0;
	lg->cur = 0;
}
