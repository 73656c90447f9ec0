#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/bigpage.h"
#include "tests/rig/lib/der.h"

static int
is_rare(uint32_t f)
{
	return f == BIG_DOMAIN || f == BIG_SIGNED;
}

/* --- fields ---------------------------------------------------------------- */

static const uint8_t *
value(const struct bigpages *b, int k, uint32_t field,
    const struct bigval *v)
{
	const struct bigmould *m = &b->c->m[k];

	switch (field) {
	case BIG_LABEL:
		return v->label;
	case BIG_SERIAL:
		return v->serial;
	case BIG_TIME:
		return v->time;
	case BIG_INDEX:
		return v->index;
	case BIG_DOMAIN:
		return v->domain == NULL ? m->domain.p : v->domain;
	default:
		return v->sig == NULL ? m->sig : v->sig;
	}
}

static void
write_ops(const struct bigpages *b, const struct bigop *o, size_t n, int k,
    const struct bigval *v, uint8_t *raw)
{
	const uint8_t *from;

	for (; n > 0; n--, o++) {
		from = value(b, k, o->field, v);
		if (o->field == BIG_INDEX)
			memcpy(raw + o->at, from, 5);
		else if (!is_rare(o->field))
			memcpy(raw + o->at, from, 8);
		else
			memcpy(raw + o->at, from, bigcert_size(b->c,
			    (enum big_field)o->field));
	}
}

/* --- layout ----------------------------------------------------------------- */

/*
 * Append an operation for each mark in ${p}, of which the common ones have
 * ${rare} 0; ${base} is where it will lie.
 */
static void
find_marks(const struct bigcerts *c, const uint8_t *p, size_t n,
    uint32_t base, int rare, struct bigop **ops, size_t *nops, size_t *cap)
{
	uint8_t run[BIG_SIG + BIG_SUFFIX];
	const uint8_t *at;
	uint32_t f;
	size_t k;

	for (f = BIG_LABEL; f <= BIG_SIGNED; f++) {
		if (is_rare(f) != rare)
			continue;
		k = bigcert_size(c, (enum big_field)f);
		memset(run, (int)f, k);
		for (at = p; (at = memmem(at, n - (size_t)(at - p), run,
		    k)) != NULL; at += k) {
			*ops = mem_grow(*ops, cap, *nops + 1, sizeof(**ops));
			(*ops)[(*nops)++] = (struct bigop){
			    base + (uint32_t)(at - p), f };
		}
	}
}

/* Groups of three bytes that the operations from ${from} on change. */
static void
add_groups(struct bigpages *b, size_t from, uint32_t start, uint32_t n,
    uint32_t to)
{
	uint8_t *hit = mem_zero(n / 3 + 1);
	const struct bigop *o;
	uint32_t i, a, z;
	size_t k;

	for (k = from; k < b->nops; k++) {
		o = &b->ops[k];
		if (o->at < start || o->at >= start + n)
			continue;
		a = (o->at - start) / 3;
		z = (o->at - start - 1 + (uint32_t)bigcert_size(b->c,
		    (enum big_field)o->field)) / 3;
		for (; a <= z; a++)
			hit[a] = 1;
	}
	for (i = 0; i * 3 < n; i++) {
		if (!hit[i])
			continue;
		b->encs = mem_grow(b->encs, &b->cap[1], b->nencs + 1,
		    sizeof(*b->encs));
		b->encs[b->nencs++] = (struct bigenc){ start + i * 3,
		    to + i * 4, n - i * 3 < 3 ? n - i * 3 : 3 };
	}
	free(hit);
}

/*
 * The common fields of an entry that lie in [start, start + n), whose base64
 * is at ${to}.
 */
static void
add_fasts(struct bigpages *b, const struct bigplace *p, uint32_t start,
    uint32_t n, uint32_t to)
{
	const struct bigop *o;
	struct bigfast f;
	uint32_t at, size, end, k;
	size_t i;

	for (i = p->op[0]; i < p->op[1]; i++) {
		o = &b->ops[i];
		if (o->at < start || o->at >= start + n)
			continue;
		at = o->at - start;
		size = (uint32_t)bigcert_size(b->c, (enum big_field)o->field);
		end = at + size;
		memset(&f, 0, sizeof(f));
		f.to = to + at / 3 * 4;
		f.field = (uint8_t)o->field;
		f.shift = (uint8_t)(at % 3);
		f.groups = (uint8_t)((end + 2) / 3 - at / 3);
		for (k = 0; k < f.shift; k++)
			f.before[k] = b->raw.p[o->at - f.shift + k];
		for (k = 0; (end + k) % 3 != 0; k++)
			if (end + k < n)
				f.after[k] = b->raw.p[o->at + size + k];
			else
				f.pad++;
		b->fasts = mem_grow(b->fasts, &b->cap[3], b->nfasts + 1,
		    sizeof(*b->fasts));
		b->fasts[b->nfasts++] = f;
	}
}

/* Where the TBSCertificate lies in a certificate. */
static void
find_tbs(struct bigplace *p, const struct buf *b, uint32_t base, size_t cert)
{
	struct cur c = cur_of(b->p + cert, b->n - cert);
	struct span tbs;

	if (der_next(&c, NULL, &c, NULL) == -1 ||
	    der_next(&c, NULL, NULL, &tbs) == -1)
		abort();
	p->tbs = base + (uint32_t)(tbs.p - b->p);
	p->ntbs = (uint32_t)tbs.n;
}

/* Entry ${k} as raw bytes and as JSON. */
static void
place_json(struct bigpages *b, int k)
{
	const struct bigmould *m = &b->c->m[k];
	static const struct bigval none;
	struct bigplace *p = &b->at[k];
	uint32_t leaf, extra;
	size_t from;
	int rare;

	p->leaf = (uint32_t)b->raw.n;
	p->nleaf = (uint32_t)m->leaf.n + 1;
	buf_u8(&b->raw, 0);
	buf_span(&b->raw, buf_bytes(&m->leaf));
	p->extra = (uint32_t)b->raw.n;
	p->nextra = (uint32_t)m->extra.n;
	buf_span(&b->raw, buf_bytes(&m->extra));
	if (m->pre)
		find_tbs(p, &m->extra, p->extra, 3);
	else
		find_tbs(p, &m->leaf, p->leaf + 1, 15);
	if (k > 0)
		buf_u8(&b->json, ',');
	p->json = (uint32_t)b->json.n;
	buf_str(&b->json, "{\"leaf_input\":\"");
	leaf = (uint32_t)b->json.n;
	b64_put(&b->json, m->leaf.p, m->leaf.n);
	buf_str(&b->json, "\",\"extra_data\":\"");
	extra = (uint32_t)b->json.n;
	b64_put(&b->json, m->extra.p, m->extra.n);
	buf_str(&b->json, "\"}");
	p->njson = (uint32_t)b->json.n - p->json;
	for (rare = 0; rare < 2; rare++) {
		from = b->nops;
		p->op[rare] = (uint32_t)from;
		p->enc[rare] = (uint32_t)b->nencs;
		find_marks(b->c, b->raw.p + p->leaf, b->raw.n - p->leaf,
		    p->leaf, rare, &b->ops, &b->nops, &b->cap[0]);
		add_groups(b, from, p->leaf + 1, p->nleaf - 1, leaf);
		add_groups(b, from, p->extra, p->nextra, extra);
	}
	p->op[2] = (uint32_t)b->nops;
	p->enc[2] = (uint32_t)b->nencs;
	/* beside the common fields stands what is not planted */
	write_ops(b, b->ops + p->op[1], p->op[2] - p->op[1], k, &none,
	    b->raw.p);
	p->fast[0] = (uint32_t)b->nfasts;
	add_fasts(b, p, p->leaf + 1, p->nleaf - 1, leaf);
	add_fasts(b, p, p->extra, p->nextra, extra);
	p->fast[1] = (uint32_t)b->nfasts;
}

static void
place_tile(struct bigpages *b, int k)
{
	const struct bigmould *m = &b->c->m[k];
	struct bigplace *p = &b->at[k];
	int rare;

	p->tile = (uint32_t)b->tile.n;
	p->ntile = (uint32_t)m->tile.n;
	buf_span(&b->tile, buf_bytes(&m->tile));
	for (rare = 0; rare < 2; rare++) {
		p->top[rare] = (uint32_t)b->ntops;
		find_marks(b->c, m->tile.p, m->tile.n, p->tile, rare,
		    &b->tops, &b->ntops, &b->cap[2]);
	}
	p->top[2] = (uint32_t)b->ntops;
}

/* Compress the tile: what varies has a number of its own. */
static void
make_zip(struct bigpages *b)
{
	uint32_t *s = mem_array(b->tile.n, sizeof(*s)), id;
	size_t i, n, k;
	int e, rare;

	for (i = 0; i < b->tile.n; i++)
		s[i] = b->tile.p[i];
	for (e = 0; e < BIG_WIDTH; e++)
		for (k = b->at[e].top[0]; k < b->at[e].top[2]; k++) {
			id = b->tops[k].field;
			n = bigcert_size(b->c, (enum big_field)id);
			for (i = 0; i < n; i++)
				s[b->tops[k].at + i] = (BIGZIP_VARY +
				    (((uint32_t)e * 8 + id) << 9) +
				    (uint32_t)i) |
				    (is_rare(id) ? BIGZIP_RARE : 0);
		}
	bigzip_make(&b->zip, s, b->tile.n);
	for (rare = 0; rare < 2; rare++)
		for (e = 0, i = 0; e < BIG_WIDTH; e++) {
			b->at[e].hole[rare][0] = (uint32_t)i;
			while (i < b->zip.n[rare] && b->zip.holes[rare][i].at <
			    b->at[e].tile + b->at[e].ntile)
				i++;
			b->at[e].hole[rare][1] = (uint32_t)i;
		}
	free(s);
}

/* --- pages ------------------------------------------------------------------ */

static const char set[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static char pairs[4096][2];

/* Before there is any page: threads read it. */
static void
make_pairs(void)
{
	unsigned i;

	for (i = 0; i < 4096; i++) {
		pairs[i][0] = set[i >> 6];
		pairs[i][1] = set[i & 63];
	}
}

void
bigpages_make(struct bigpages *b, const struct bigcerts *c)
{
	int k;

	make_pairs();
	b->c = c;
	for (k = 0; k < BIG_WIDTH; k++) {
		place_json(b, k);
		place_tile(b, k);
	}
	make_zip(b);
}

static void
encode(const struct bigenc *g, size_t n, const uint8_t *raw, uint8_t *out)
{
	const uint8_t *p;
	uint32_t v;

	for (; n > 0; n--, g++) {
		p = raw + g->at;
		v = (uint32_t)p[0] << 16;
		if (g->n > 1)
			v |= (uint32_t)p[1] << 8;
		if (g->n > 2)
			v |= p[2];
		memcpy(out + g->to, pairs[v >> 12], 2);
		memcpy(out + g->to + 2, pairs[v & 4095], 2);
		if (g->n < 3)
			memset(out + g->to + 1 + g->n, '=', 3 - g->n);
	}
}

/*
 * The common fields of an entry that is not planted, straight to base64: what
 * stands beside them is the mould's.
 */
static void
set_fast(const struct bigpages *b, struct bigpage *g, int k,
    const struct bigval *v)
{
	const struct bigfast *f = b->fasts + b->at[k].fast[0];
	const struct bigfast *end = b->fasts + b->at[k].fast[1];
	uint8_t x[16], *out;
	uint32_t w;
	int i;

	for (; f < end; f++) {
		memcpy(x, f->before, 2);
		if (f->field == BIG_INDEX) {
			memcpy(x + f->shift, v->index, 5);
			memcpy(x + f->shift + 5, f->after, 2);
		} else {
			memcpy(x + f->shift, value(b, k, f->field, v), 8);
			memcpy(x + f->shift + 8, f->after, 2);
		}
		out = g->out + f->to;
		for (i = 0; i < f->groups; i++, out += 4) {
			w = (uint32_t)x[i * 3] << 16 |
			    (uint32_t)x[i * 3 + 1] << 8 | x[i * 3 + 2];
			memcpy(out, pairs[w >> 12], 2);
			memcpy(out + 2, pairs[w & 4095], 2);
		}
		if (f->pad > 0)
			memset(out - f->pad, '=', f->pad);
	}
}

/* Common fields, or rare ones, of one entry. */
static void
set_part(const struct bigpages *b, struct bigpage *g, int k, int rare,
    const struct bigval *v)
{
	const struct bigplace *p = &b->at[k];

	if (g->kind == BIGPAGE_TILE) {
		write_ops(b, b->tops + p->top[rare],
		    p->top[rare + 1] - p->top[rare], k, v, g->raw);
		bigzip_fill(&b->zip, b->zip.holes[rare] + p->hole[rare][0],
		    p->hole[rare][1] - p->hole[rare][0], g->raw, g->out);
		return;
	}
	write_ops(b, b->ops + p->op[rare], p->op[rare + 1] - p->op[rare], k,
	    v, g->raw);
	if (g->kind == BIGPAGE_JSON)
		encode(b->encs + p->enc[rare], p->enc[rare + 1] -
		    p->enc[rare], g->raw, g->out);
}

void
bigpage_set(const struct bigpages *b, struct bigpage *g, int k,
    const struct bigval *v)
{
	if (g->kind == BIGPAGE_JSON && v->domain == NULL && v->sig == NULL) {
		set_fast(b, g, k, v);
		return;
	}
	set_part(b, g, k, 0, v);
	if (v->domain == NULL && v->sig == NULL)
		return;
	set_part(b, g, k, 1, v);
	if (g->ndirty == BIGPAGE_DIRTY)
		abort();
	g->dirty[g->ndirty++] = (uint8_t)k;
}

void
bigpage_clean(const struct bigpages *b, struct bigpage *g)
{
	static const struct bigval none;

	while (g->ndirty > 0)
		set_part(b, g, g->dirty[--g->ndirty], 1, &none);
}

void
bigpage_init(const struct bigpages *b, struct bigpage *g, int kind)
{
	static const struct bigval none;
	const struct buf *raw = kind == BIGPAGE_TILE ? &b->tile : &b->raw;
	const struct buf *out = kind == BIGPAGE_TILE ? &b->zip.z : &b->json;
	int k;

	memset(g, 0, sizeof(*g));
	g->kind = kind;
	g->n = UINT64_MAX;
	g->raw = mem_dup(raw->p, raw->n);
	if (kind != 0) {
		g->out = mem_zero(out->n + BIGZIP_SLACK);
		memcpy(g->out, out->p, out->n);
	}
	for (k = 0; k < BIG_WIDTH; k++)
		set_part(b, g, k, 1, &none);
}

struct bigpage *
bigpage_new(const struct bigpages *b, int kind)
{
	struct bigpage *g = mem_zero(sizeof(*g));

	bigpage_init(b, g, kind);
	return g;
}

void
bigpage_free(struct bigpage *g)
{
	free(g->raw);
	free(g->out);
	free(g);
}

void
bigpage_end(const struct bigpages *b, struct bigpage *g)
{
	if (g->kind == BIGPAGE_TILE)
		bigzip_end(&b->zip, g->raw, b->tile.n, g->out);
}
