#include "auditor/role/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"

/*
 * The messages between engine and judge as bytes.  A judge may have been
 * taken over by what it read, so the readers believe nothing.
 */

void
judge_str_pack(struct buf *b, const char *s)
{
	buf_vec32(b, s, strlen(s) + 1);
}

int
judge_str_read(struct cur *c, const char **out)
{
	struct cur	v;

	if (cur_vec32(c, &v) == -1 || cur_left(&v) == 0 ||
	    memchr(v.p, '\0', cur_left(&v)) != v.end - 1)
		return -1;
	*out = (const char *)v.p;
	return 0;
}

int
judge_span_read(struct cur *c, struct span *out)
{
	struct cur	v;

	if (cur_vec32(c, &v) == -1)
		return -1;
	*out = cur_rest(&v);
	return 0;
}

/* A count that at least fits what is left, ${least} bytes each. */
int
judge_count_read(struct cur *c, size_t least, size_t *out)
{
	uint32_t	n;

	if (cur_u32(c, &n) == -1 || n > cur_left(c) / least)
		return -1;
	*out = n;
	return 0;
}

int
judge_flag_read(struct cur *c, int *out)
{
	uint8_t	v;

	if (cur_u8(c, &v) == -1)
		return -1;
	*out = v;
	return 0;
}

int
judge_time_read(struct cur *c, int64_t *out)
{
	uint64_t	v;

	if (cur_u64(c, &v) == -1)
		return -1;
	*out = (int64_t)v;
	return 0;
}

void
judge_log_pack(struct buf *b, const struct judge_log *l)
{
	buf_u8(b, (uint8_t)l->protocol);
	buf_vec32(b, l->key.p, l->key.n);
	judge_str_pack(b, l->origin);
}

int
judge_log_read(struct cur *c, struct judge_log *l)
{
	uint8_t	p;

	if (cur_u8(c, &p) == -1 || p > LOGLIST_STATIC ||
	    judge_span_read(c, &l->key) == -1 || judge_str_read(c, &l->origin) == -1)
		return -1;
	l->protocol = (enum loglist_protocol)p;
	return 0;
}

void
judge_ext_pack(struct buf *b, const struct judge_ext *e)
{
	buf_u64(b, e->off);
	buf_u32(b, e->len);
	buf_u8(b, e->gzip != 0);
}

int
judge_ext_read(struct cur *c, struct judge_ext *e)
{
	if (cur_u64(c, &e->off) == -1 || cur_u32(c, &e->len) == -1)
		return -1;
	return judge_flag_read(c, &e->gzip);
}

void
judge_page_pack(struct buf *b, const struct judge_page *p)
{
	judge_ext_pack(b, &p->ext);
	buf_u8(b, p->tile != 0);
	buf_u32(b, p->max);
	buf_u32(b, p->skip);
	buf_u32(b, p->cut);
	buf_u64(b, p->first);
	buf_u32(b, p->from);
	buf_u32(b, p->to);
}

int
judge_page_read(struct cur *c, struct judge_page *p)
{
	if (judge_ext_read(c, &p->ext) == -1 || judge_flag_read(c, &p->tile) == -1 ||
	    cur_u32(c, &p->max) == -1 || cur_u32(c, &p->skip) == -1 ||
	    cur_u32(c, &p->cut) == -1 ||
	    cur_u64(c, &p->first) == -1 || cur_u32(c, &p->from) == -1)
		return -1;
	return cur_u32(c, &p->to);
}

void
judge_proof_pack(struct buf *b, const struct judge_proof *p)
{
	size_t	i;

	buf_u8(b, (uint8_t)p->kind);
	buf_u64(b, p->size1);
	buf_u64(b, p->size2);
	buf_add(b, p->root1, 32);
	buf_add(b, p->root2, 32);
	buf_u8(b, p->tiles != 0);
	buf_u32(b, (uint32_t)p->n);
	for (i = 0; i < p->n; i++) {
		buf_u8(b, (uint8_t)p->tile[i].level);
		buf_u64(b, p->tile[i].index);
		buf_u32(b, p->tile[i].width);
		judge_ext_pack(b, &p->ext[i]);
	}
}

int
judge_proof_read(struct cur *c, struct judge_proof *p)
{
	uint8_t		kind, level;
	uint32_t	width;
	size_t		i;

	if (cur_u8(c, &kind) == -1 || kind > JUDGE_EDGE ||
	    cur_u64(c, &p->size1) == -1 || cur_u64(c, &p->size2) == -1 ||
	    cur_copy(c, p->root1, 32) == -1 ||
	    cur_copy(c, p->root2, 32) == -1 || judge_flag_read(c, &p->tiles) == -1 ||
	    judge_count_read(c, 26, &p->n) == -1 || p->n > TILE_SET_MAX)
		return -1;
	p->kind = (enum judge_proof_kind)kind;
	for (i = 0; i < p->n; i++) {
		if (cur_u8(c, &level) == -1 ||
		    cur_u64(c, &p->tile[i].index) == -1 ||
		    cur_u32(c, &width) == -1 ||
		    judge_ext_read(c, &p->ext[i]) == -1)
			return -1;
		p->tile[i].level = level;
		p->tile[i].width = width;
	}
	return 0;
}

void
judge_list_pack(struct buf *b, const struct judge_list *l)
{
	judge_ext_pack(b, &l->json);
	judge_ext_pack(b, &l->sig);
	buf_u8(b, l->check != 0);
	buf_vec32(b, l->pem.p, l->pem.n);
}

int
judge_list_read(struct cur *c, struct judge_list *l)
{
	if (judge_ext_read(c, &l->json) == -1 ||
	    judge_ext_read(c, &l->sig) == -1 || judge_flag_read(c, &l->check) == -1)
		return -1;
	return judge_span_read(c, &l->pem);
}

void
judge_reply_pack(struct buf *b, const struct judge_reply *r)
{
	buf_u64(b, r->id);
	buf_u8(b, r->ok != 0);
	buf_u8(b, (uint8_t)r->code);
	judge_str_pack(b, r->msg);
}

int
judge_reply_read(struct cur *c, struct judge_reply *r)
{
	uint8_t	code;

	if (cur_u64(c, &r->id) == -1 || judge_flag_read(c, &r->ok) == -1 ||
	    cur_u8(c, &code) == -1 || code >= ERR_MAX)
		return -1;
	r->code = (enum err_code)code;
	return judge_str_read(c, &r->msg);
}

void
judge_head_pack(struct buf *b, const struct judge_head *h)
{
	buf_u64(b, h->tree_size);
	buf_u64(b, h->timestamp_ms);
	buf_add(b, h->root, 32);
}

int
judge_head_read(struct cur *c, struct judge_head *h)
{
	if (cur_u64(c, &h->tree_size) == -1 || h->tree_size >> 62 != 0 ||
	    cur_u64(c, &h->timestamp_ms) == -1 ||
	    h->timestamp_ms >> JUDGE_TIME_BITS != 0)
		return -1;
	return cur_copy(c, h->root, 32);
}

void
judge_page_reply_pack(struct buf *b, const struct judge_page_reply *r)
{
	buf_u32(b, r->count);
	buf_u32(b, r->upto);
	buf_u32(b, r->unparsed);
	buf_u32(b, r->nmatch);
	merkle_put(b, &r->range);
}

int
judge_page_reply_read(struct cur *c, struct judge_page_reply *r)
{
	if (cur_u32(c, &r->count) == -1 || cur_u32(c, &r->upto) == -1 ||
	    cur_u32(c, &r->unparsed) == -1 || cur_u32(c, &r->nmatch) == -1 ||
	    r->nmatch > r->count ||
	    merkle_get(c, &r->range) == -1 ||
	    r->range.to - r->range.from != r->count)
		return -1;
	return 0;
}

static void
path_pack(struct buf *b, const struct merkle_path *p)
{
	buf_u64(b, p->index);
	buf_u64(b, p->from);
	buf_u64(b, p->to);
	buf_u8(b, (uint8_t)p->n);
	buf_add(b, p->hash, (size_t)p->n * 32);
}

static int
path_read(struct cur *c, struct merkle_path *p)
{
	uint8_t	n;

	if (cur_u64(c, &p->index) == -1 || cur_u64(c, &p->from) == -1 ||
	    cur_u64(c, &p->to) == -1 || cur_u8(c, &n) == -1 ||
	    n > MERKLE_PROOF || p->from > p->index || p->index >= p->to)
		return -1;
	p->n = n;
	return cur_copy(c, p->hash, (size_t)n * 32);
}

void
judge_match_pack(struct buf *b, const struct judge_match *m)
{
	size_t	i;

	buf_u64(b, m->index);
	buf_u64(b, m->timestamp_ms);
	buf_u8(b, (uint8_t)(m->type + 1));
	buf_u8(b, m->malformed != 0);
	buf_u8(b, (uint8_t)(m->issued + 1));
	judge_str_pack(b, m->reason);
	buf_add(b, m->leaf_hash, 32);
	buf_vec32(b, m->leaf.p, m->leaf.n);
	buf_vec32(b, m->der.p, m->der.n);
	buf_add(b, m->tbs_sha256, 32);
	buf_add(b, m->cert_sha256, 32);
	buf_add(b, m->spki_sha256, 32);
	buf_add(b, m->issuer_spki, 32);
	buf_add(b, m->chain_spki, 32);
	judge_str_pack(b, m->serial);
	judge_str_pack(b, m->key_type);
	judge_str_pack(b, m->owner);
	judge_str_pack(b, m->subject);
	judge_str_pack(b, m->issuer);
	buf_u64(b, (uint64_t)m->not_before);
	buf_u64(b, (uint64_t)m->not_after);
	buf_u32(b, (uint32_t)m->nnames);
	for (i = 0; i < m->nnames; i++)
		judge_str_pack(b, m->names[i]);
	buf_u32(b, (uint32_t)m->nhits);
	for (i = 0; i < m->nhits; i++) {
		buf_u32(b, m->hit_watch[i]);
		judge_str_pack(b, m->hit_name[i]);
	}
	buf_u8(b, m->chain_fp != 0);
	buf_u32(b, (uint32_t)m->nchain);
	for (i = 0; i < m->nchain; i++)
		buf_vec32(b, m->chain[i].p, m->chain[i].n);
	path_pack(b, &m->path);
}

/* The parts of a match that need memory. */
static int
lists_read(struct cur *c, struct judge_match *m)
{
	size_t	i;

	if (judge_count_read(c, 5, &m->nnames) == -1)
		return -1;
	m->names = mem_array(m->nnames, sizeof(*m->names));
	for (i = 0; i < m->nnames; i++)
		if (judge_str_read(c, &m->names[i]) == -1)
			return -1;
	if (judge_count_read(c, 9, &m->nhits) == -1)
		return -1;
	m->hit_watch = mem_array(m->nhits, sizeof(*m->hit_watch));
	m->hit_name = mem_array(m->nhits, sizeof(*m->hit_name));
	for (i = 0; i < m->nhits; i++)
		if (cur_u32(c, &m->hit_watch[i]) == -1 ||
		    judge_str_read(c, &m->hit_name[i]) == -1)
			return -1;
	if (judge_flag_read(c, &m->chain_fp) == -1 ||
	    judge_count_read(c, 4, &m->nchain) == -1)
		return -1;
	m->chain = mem_array(m->nchain, sizeof(*m->chain));
	for (i = 0; i < m->nchain; i++)
		if (judge_span_read(c, &m->chain[i]) == -1 ||
		    (m->chain_fp && m->chain[i].n != 32))
			return -1;
	return 0;
}

int
judge_match_read(struct cur *c, struct judge_match *m)
{
	uint8_t	type, issued;

	memset(m, 0, sizeof(*m));
	if (cur_u64(c, &m->index) == -1 || cur_u64(c, &m->timestamp_ms) == -1 ||
	    m->timestamp_ms >> JUDGE_TIME_BITS != 0 || cur_u8(c, &type) == -1 || type > 2 ||
	    judge_flag_read(c, &m->malformed) == -1 || cur_u8(c, &issued) == -1 ||
	    issued > 2 || judge_str_read(c, &m->reason) == -1 ||
	    cur_copy(c, m->leaf_hash, 32) == -1 ||
	    judge_span_read(c, &m->leaf) == -1 || judge_span_read(c, &m->der) == -1 ||
	    cur_copy(c, m->tbs_sha256, 32) == -1 ||
	    cur_copy(c, m->cert_sha256, 32) == -1 ||
	    cur_copy(c, m->spki_sha256, 32) == -1 ||
	    cur_copy(c, m->issuer_spki, 32) == -1 ||
	    cur_copy(c, m->chain_spki, 32) == -1 ||
	    judge_str_read(c, &m->serial) == -1 ||
	    judge_str_read(c, &m->key_type) == -1 ||
	    judge_str_read(c, &m->owner) == -1 ||
	    judge_str_read(c, &m->subject) == -1 ||
	    judge_str_read(c, &m->issuer) == -1 ||
	    judge_time_read(c, &m->not_before) == -1 ||
	    judge_time_read(c, &m->not_after) == -1)
		return -1;
	m->type = (int)type - 1;
	m->issued = (int)issued - 1;
	if (lists_read(c, m) == -1 || path_read(c, &m->path) == -1 ||
	    m->path.index != m->index) {
		judge_match_free(m);
		return -1;
	}
	return 0;
}

void
judge_match_free(struct judge_match *m)
{
	free(m->names);
	free(m->hit_watch);
	free(m->hit_name);
	free(m->chain);
	m->names = NULL;
	m->hit_watch = NULL;
	m->hit_name = NULL;
	m->chain = NULL;
}
