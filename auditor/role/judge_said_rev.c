#include "auditor/role/judge_audit.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "base/mem.h"

/* Answers about CRLs, OCSP, inclusion and issuers as bytes and back. */

/* Of a message, for all that stands before. */
#define ROOM	(64u << 10)

/* A string of a fixed array. */
static int
text_read(struct cur *c, char *out, size_t cap)
{
	const char	*s;

	if (judge_text_read(c, &s) == -1 || strlen(s) >= cap)
		return -1;
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int
buf_read(struct cur *c, struct buf *out)
{
	struct span	s;

	if (judge_span_read(c, &s) == -1)
		return -1;
	buf_span(out, s);
	return 0;
}

/* Bytes of a hit without its entry. */
#define HIT	32

/*
 * Hits fit in one message: the last ones come without their entry, which is
 * only evidence.
 */
static void
hits_pack(struct buf *b, const struct crlscan_out *o, size_t nhits)
{
	size_t	room, i;

	buf_u32(b, (uint32_t)nhits);
	room = LIMIT_FRAME - ROOM - b->n - nhits * HIT;
	for (i = 0; i < nhits; i++) {
		const struct crlscan_hit	*h = &o->hits[i];
		size_t				 n = h->raw.n <= room ?
						    h->raw.n : 0;

		buf_u64(b, (uint64_t)h->number);
		buf_u64(b, (uint64_t)h->at);
		buf_u32(b, (uint32_t)h->reason);
		buf_u64(b, (uint64_t)h->invalid_at);
		buf_vec32(b, h->raw.p, n);
		room -= n;
	}
}

/*
 * With more hits than there is room for, the CRL is a partial one: those that
 * are told are revoked, and none is good by it.
 */
void
judge_crl_pack(struct buf *b, const struct crlscan_out *o)
{
	const size_t	most = (LIMIT_FRAME - ROOM - LIMIT_CRL_KEEP -
			    LIMIT_CRL_HEADER - LIMIT_CRL_TAIL) / HIT;
	int		many = o->nhits > most && o->fault == CRL_OK;

	buf_u8(b, (uint8_t)(many ? CRL_PARTIAL : o->fault));
	judge_text_pack(b, many ? "it revokes more certificates that are "
	    "watched than one answer holds" : o->why);
	buf_u8(b, o->authentic != 0);
	judge_text_pack(b, o->number);
	buf_u64(b, (uint64_t)o->this_update);
	buf_u64(b, (uint64_t)o->next_update);
	judge_text_pack(b, o->sigalg);
	judge_text_pack(b, o->idp);
	buf_u64(b, o->bytes);
	buf_u64(b, o->count);
	buf_add(b, o->tbs_sha256, 32);
	buf_vec32(b, o->tbs_digest, o->ntbs_digest);
	buf_vec32(b, o->header.p, o->header.n);
	buf_vec32(b, o->tail.p, o->tail.n);
	buf_vec32(b, o->kept.p, o->kept.n);
	hits_pack(b, o, o->nhits < most ? o->nhits : most);
}

static int
hits_read(struct cur *c, struct crlscan_out *o)
{
	uint64_t	number;
	uint32_t	reason;
	size_t		n, i;

	if (judge_count_read(c, 32, &n) == -1)
		return -1;
	o->hits = mem_array(n, sizeof(*o->hits));
	for (i = 0; i < n; i++) {
		struct crlscan_hit	*h = &o->hits[i];

		if (cur_u64(c, &number) == -1 || number > LIMIT_CRL_WATCHED ||
		    judge_when_read(c, &h->at) == -1 ||
		    cur_u32(c, &reason) == -1 ||
		    judge_when_read(c, &h->invalid_at) == -1 ||
		    judge_span_read(c, &h->raw) == -1)
			return -1;
		h->number = (long)number;
		h->reason = (int32_t)reason < -1 || (int32_t)reason > 255 ?
		    -1 : (int)(int32_t)reason;
		o->nhits = i + 1;
	}
	/* what is not authentic has no hits, and is not without fault */
	return !o->authentic && (o->nhits != 0 || o->fault == CRL_OK) ? -1 :
	    0;
}

int
judge_crl_read(struct cur *c, struct crlscan_out *o)
{
	struct span	digest;
	uint8_t		fault;

	memset(o, 0, sizeof(*o));
	if (cur_u8(c, &fault) == -1 || fault >= CRL_FAULT_MAX ||
	    text_read(c, o->why, sizeof(o->why)) == -1 ||
	    judge_flag_read(c, &o->authentic) == -1 ||
	    text_read(c, o->number, sizeof(o->number)) == -1 ||
	    judge_when_read(c, &o->this_update) == -1 ||
	    judge_when_read(c, &o->next_update) == -1 ||
	    text_read(c, o->sigalg, sizeof(o->sigalg)) == -1 ||
	    text_read(c, o->idp, sizeof(o->idp)) == -1 ||
	    cur_u64(c, &o->bytes) == -1 || cur_u64(c, &o->count) == -1 ||
	    cur_copy(c, o->tbs_sha256, 32) == -1 ||
	    judge_span_read(c, &digest) == -1 ||
	    digest.n > sizeof(o->tbs_digest) ||
	    buf_read(c, &o->header) == -1 || buf_read(c, &o->tail) == -1 ||
	    buf_read(c, &o->kept) == -1)
		return -1;
	o->fault = (enum crl_fault)fault;
	if (digest.n != 0)
		memcpy(o->tbs_digest, digest.p, digest.n);
	o->ntbs_digest = digest.n;
	return hits_read(c, o);
}

void
judge_ocsp_pack(struct buf *b, const struct ocsp_said *s)
{
	buf_u32(b, (uint32_t)s->outer);
	buf_u8(b, (uint8_t)s->sig);
	buf_u8(b, (uint8_t)s->who);
	buf_u8(b, (uint8_t)s->fresh);
	buf_u8(b, (uint8_t)s->says);
	buf_u8(b, (uint8_t)s->nonce);
	buf_u32(b, s->faults);
	buf_u64(b, (uint64_t)s->this_update);
	buf_u64(b, (uint64_t)s->next_update);
	buf_u64(b, (uint64_t)s->produced_at);
	buf_u64(b, (uint64_t)s->revoked_at);
	buf_u32(b, (uint32_t)s->reason);
	judge_text_pack(b, s->responder);
	judge_text_pack(b, s->why);
	buf_vec32(b, s->scts.p, s->scts.n);
}

int
judge_ocsp_read(struct cur *c, struct ocsp_said *s)
{
	uint32_t	outer, faults, reason;
	uint8_t		v[5];

	memset(s, 0, sizeof(*s));
	if (cur_u32(c, &outer) == -1 || cur_copy(c, v, 5) == -1 ||
	    v[0] > OCSP_SIG_UNCHECKED || v[1] > OCSP_WHO_DELEGATED ||
	    v[2] > OCSP_FRESH_FUTURE || v[3] > OCSP_SAYS_UNKNOWN ||
	    v[4] > OCSP_NONCE_OTHER || cur_u32(c, &faults) == -1 ||
	    judge_when_read(c, &s->this_update) == -1 ||
	    judge_when_read(c, &s->next_update) == -1 ||
	    judge_when_read(c, &s->produced_at) == -1 ||
	    judge_when_read(c, &s->revoked_at) == -1 ||
	    cur_u32(c, &reason) == -1 ||
	    text_read(c, s->responder, sizeof(s->responder)) == -1 ||
	    text_read(c, s->why, sizeof(s->why)) == -1 ||
	    buf_read(c, &s->scts) == -1)
		return -1;
	s->outer = (int)(int32_t)outer;
	s->sig = (enum ocsp_sig)v[0];
	s->who = (enum ocsp_who)v[1];
	s->fresh = (enum ocsp_fresh)v[2];
	s->says = (enum ocsp_says)v[3];
	s->nonce = (enum ocsp_nonce)v[4];
	s->faults = faults;
	s->reason = (int32_t)reason < -1 || (int32_t)reason > 255 ? -1 :
	    (int)(int32_t)reason;
	return 0;
}

void
judge_incl_pack(struct buf *b, const struct incl *x)
{
	size_t	i;

	buf_u8(b, (uint8_t)x->state);
	buf_u8(b, x->is_static != 0);
	judge_text_pack(b, x->base);
	buf_add(b, x->leaf_hash, 32);
	buf_u64(b, (uint64_t)x->leaf_index);
	buf_u64(b, x->size);
	buf_add(b, x->root, 32);
	buf_u32(b, (uint32_t)x->nask);
	for (i = 0; i < x->nask && x->is_static; i++) {
		buf_u8(b, (uint8_t)x->tile[i].level);
		buf_u64(b, x->tile[i].index);
		buf_u32(b, x->tile[i].width);
	}
	judge_text_pack(b, x->one.url);
	buf_u64(b, x->one.cap);
	buf_u64(b, x->index);
	buf_vec32(b, x->path, x->npath * 32);
	buf_add(b, x->other, 32);
	buf_u8(b, x->misled != 0);
	judge_text_pack(b, x->why);
}

static int
tiles_read(struct cur *c, struct incl *x)
{
	uint8_t		level;
	uint32_t	width;
	size_t		i;

	for (i = 0; i < x->nask && x->is_static; i++) {
		if (cur_u8(c, &level) == -1 ||
		    cur_u64(c, &x->tile[i].index) == -1 ||
		    cur_u32(c, &width) == -1 || width > TILE_WIDTH)
			return -1;
		x->tile[i].level = (int8_t)level;
		x->tile[i].width = width;
	}
	return 0;
}

int
judge_incl_read(struct cur *c, struct incl *x)
{
	struct span	path;
	uint64_t	index, cap;
	uint32_t	nask;
	uint8_t		state;

	memset(x, 0, sizeof(*x));
	if (cur_u8(c, &state) == -1 || state > INCL_REFUSED ||
	    judge_flag_read(c, &x->is_static) == -1 ||
	    text_read(c, x->base, sizeof(x->base)) == -1 ||
	    cur_copy(c, x->leaf_hash, 32) == -1 ||
	    cur_u64(c, &index) == -1 || cur_u64(c, &x->size) == -1 ||
	    cur_copy(c, x->root, 32) == -1 || cur_u32(c, &nask) == -1 ||
	    nask > TILE_SET_MAX)
		return -1;
	x->state = (enum incl_state)state;
	x->leaf_index = (int64_t)index;
	x->nask = nask;
	if (tiles_read(c, x) == -1 ||
	    text_read(c, x->one.url, sizeof(x->one.url)) == -1 ||
	    cur_u64(c, &cap) == -1 || cur_u64(c, &x->index) == -1 ||
	    judge_span_read(c, &path) == -1 || path.n % 32 != 0 ||
	    path.n > sizeof(x->path) || cur_copy(c, x->other, 32) == -1 ||
	    judge_flag_read(c, &x->misled) == -1 ||
	    text_read(c, x->why, sizeof(x->why)) == -1)
		return -1;
	x->one.cap = (size_t)cap;
	x->npath = path.n / 32;
	if (path.n != 0)
		memcpy(x->path, path.p, path.n);
	return 0;
}

void
judge_aia_pack(struct buf *b, const struct judge_aia *a)
{
	size_t	i;

	buf_u32(b, (uint32_t)a->n);
	for (i = 0; i < a->n; i++) {
		buf_add(b, a->spki_sha256[i], 32);
		buf_vec32(b, a->der[i].p, a->der[i].n);
	}
}

int
judge_aia_read(struct cur *c, struct judge_aia *a)
{
	size_t	i;

	memset(a, 0, sizeof(*a));
	if (judge_count_read(c, 36, &a->n) == -1 || a->n > JUDGE_AIA_MAX)
		return -1;
	for (i = 0; i < a->n; i++)
		if (cur_copy(c, a->spki_sha256[i], 32) == -1 ||
		    judge_span_read(c, &a->der[i]) == -1)
			return -1;
	return 0;
}

int
judge_keys_read(struct cur *c, uint8_t *bad, size_t *n)
{
	uint32_t	v;

	if (cur_u32(c, &v) == -1 || v > JUDGE_KEYS_MAX)
		return -1;
	*n = v;
	return cur_copy(c, bad, v);
}
