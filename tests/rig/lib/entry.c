#include <string.h>

#include <openssl/sha.h>

#include "tests/rig/lib/entry.h"
#include "tests/rig/lib/issuers.h"

void
entry_index(int64_t index, struct buf *out)
{
	if (index < 0)
		return;
	buf_u8(out, 0);				/* leaf_index */
	buf_u16(out, 5);
	buf_u8(out, (uint8_t)(index >> 32));
	buf_u32(out, (uint32_t)index);
}

void
entry_leaf(const struct leaf *l, struct buf *out)
{
	struct buf ext = BUF_INIT;

	buf_u8(out, 0);				/* v1 */
	buf_u8(out, 0);				/* timestamped_entry */
	buf_u64(out, l->timestamp);
	buf_u16(out, l->type);
	if (l->type == 1)
		buf_add(out, l->key_hash, 32);
	buf_u24(out, (uint32_t)l->cert.n);
	buf_span(out, l->cert);
	entry_index(l->index, &ext);
	buf_u16(out, (uint16_t)ext.n);
	buf_add(out, ext.p, ext.n);
	buf_free(&ext);
}

static uint16_t
type_of(const struct buf *leaf)
{
	struct cur c = cur_of(leaf->p, leaf->n);
	uint16_t type = 0;

	if (cur_skip(&c, 10) == 0)
		(void)cur_u16(&c, &type);
	return type;
}

void
entry_extra(const struct entry *e, struct buf *out)
{
	struct buf list = BUF_INIT;
	struct span der;
	size_t i;

	if (e->has_raw) {
		buf_add(out, e->raw.p, e->raw.n);
		return;
	}
	if (type_of(&e->leaf) == 1) {
		buf_u24(out, (uint32_t)e->pre.n);
		buf_add(out, e->pre.p, e->pre.n);
	}
	for (i = 0; i + 32 <= e->chain.n; i += 32)
		if (issuers_get(e->chain.p + i, &der) == 0) {
			buf_u24(&list, (uint32_t)der.n);
			buf_span(&list, der);
		}
	buf_u24(out, (uint32_t)list.n);
	buf_add(out, list.p, list.n);
	buf_free(&list);
}

void
entry_tile(const struct entry *e, struct buf *out)
{
	if (e->leaf.n > 2)
		buf_add(out, e->leaf.p + 2, e->leaf.n - 2);
	if (type_of(&e->leaf) == 1) {
		buf_u24(out, (uint32_t)e->pre.n);
		buf_add(out, e->pre.p, e->pre.n);
	}
	buf_u16(out, (uint16_t)e->chain.n);
	buf_add(out, e->chain.p, e->chain.n);
}

/* Precertificate and chain out of extra_data; -1 when it is not that. */
static int
read_extra(struct entry *e, struct span extra)
{
	struct cur c = cur_span(extra), v, cert;
	uint8_t id[32];

	if (type_of(&e->leaf) == 1) {
		if (cur_vec24(&c, &v) == -1)
			return -1;
		buf_span(&e->pre, cur_rest(&v));
	}
	if (cur_vec24(&c, &v) == -1 || cur_left(&c) != 0)
		return -1;
	while (cur_left(&v) > 0) {
		if (cur_vec24(&v, &cert) == -1 || e->chain.n > 32 * 1000)
			return -1;
		issuers_add(cur_rest(&cert), id);
		buf_add(&e->chain, id, 32);
	}
	return 0;
}

void
entry_take(struct entry *e, struct span leaf, struct span extra)
{
	memset(e, 0, sizeof(*e));
	buf_span(&e->leaf, leaf);
	if (read_extra(e, extra) == -1) {
		buf_reset(&e->pre);
		buf_reset(&e->chain);
		buf_span(&e->raw, extra);
		e->has_raw = 1;
	}
}

/* A cursor behind the signed entry; -1 when the leaf cannot be read so far. */
static int
behind_entry(const struct buf *leaf, struct cur *c)
{
	struct cur v;

	*c = cur_of(leaf->p, leaf->n);
	if (cur_skip(c, 12) == -1 ||
	    (type_of(leaf) == 1 && cur_skip(c, 32) == -1))
		return -1;
	return cur_vec24(c, &v);
}

void
entry_key(const struct buf *leaf, uint8_t *key)
{
	struct cur c;

	if (behind_entry(leaf, &c) == 0)
		SHA256(leaf->p + 10, (size_t)(c.p - leaf->p) - 10, key);
	else
		SHA256(leaf->p, leaf->n, key);
}

uint64_t
entry_time(const struct buf *leaf)
{
	struct cur c = cur_of(leaf->p, leaf->n);
	uint64_t t = 0;

	if (cur_skip(&c, 2) == 0)
		(void)cur_u64(&c, &t);
	return t;
}

struct span
entry_extensions(const struct buf *leaf)
{
	struct span none = { NULL, 0 };
	struct cur c, ext;

	if (behind_entry(leaf, &c) == -1 || cur_vec16(&c, &ext) == -1)
		return none;
	return cur_rest(&ext);
}

void
entry_free(struct entry *e)
{
	buf_free(&e->leaf);
	buf_free(&e->pre);
	buf_free(&e->chain);
	buf_free(&e->raw);
	memset(e, 0, sizeof(*e));
}
