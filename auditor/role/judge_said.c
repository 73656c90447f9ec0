#include "auditor/role/judge_audit.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "base/mem.h"
#include "base/text.h"

/* Answers about certificates as bytes and back. */

/* The years 1 to 9999, microseconds. */
#define WHEN_FIRST	INT64_C(-62135596800000000)
#define WHEN_LAST	INT64_C(253402300799999999)

void
judge_text_pack(struct buf *b, const char *s)
{
	size_t		at = b->n, i, n;
	unsigned long	v;

	judge_str_pack(b, s);
	for (i = at + 4; i + 1 < b->n; i += n)
		if ((n = text_utf8((const char *)b->p + i, &v)) == 0) {
			b->p[i] = '?';
			n = 1;
		}
}

int
judge_text_read(struct cur *c, const char **out)
{
	struct cur	at = *c;
	const char	*s, *p;
	unsigned long	 v;
	size_t		 n;

	if (judge_str_read(&at, &s) == -1)
		return -1;
	for (p = s; *p != '\0'; p += n)
		if ((n = text_utf8(p, &v)) == 0)
			return -1;
	*c = at;
	*out = s;
	return 0;
}

int
judge_when_read(struct cur *c, int64_t *out)
{
	if (judge_time_read(c, out) == -1)
		return -1;
	if (*out < WHEN_FIRST || *out > WHEN_LAST)
		*out = INT64_MIN;
	return 0;
}

static void
strs_pack(struct buf *b, char *const *v, size_t n)
{
	size_t	i;

	buf_u32(b, (uint32_t)n);
	for (i = 0; i < n; i++)
		judge_text_pack(b, v[i]);
}

static int
strs_read(struct cur *c, const char ***out, size_t *n)
{
	size_t	i;

	if (judge_count_read(c, 5, n) == -1) {
		*n = 0;
		return -1;
	}
	*out = mem_array(*n, sizeof(**out));
	for (i = 0; i < *n; i++)
		if (judge_text_read(c, &(*out)[i]) == -1)
			return -1;
	return 0;
}

static void
scts_pack(struct buf *b, const struct scts *s)
{
	size_t	i;

	judge_text_pack(b, s->reason);
	buf_u32(b, (uint32_t)s->n);
	for (i = 0; i < s->n; i++) {
		const struct scts_one	*x = &s->v[i];

		buf_u8(b, (uint8_t)x->source);
		buf_u8(b, (uint8_t)x->status);
		judge_text_pack(b, x->reason);
		buf_add(b, x->log_id, 32);
		buf_u64(b, x->timestamp);
		buf_u64(b, (uint64_t)x->leaf_index);
		buf_add(b, x->leaf_hash, 32);
		buf_vec32(b, x->raw.p, x->raw.n);
	}
}

static int
sct_read_one(struct cur *c, struct judge_sct *x)
{
	uint8_t		source, status;
	uint64_t	index;

	if (cur_u8(c, &source) == -1 || source > SCTS_OCSP ||
	    cur_u8(c, &status) == -1 || status > SCTS_MALFORMED ||
	    judge_text_read(c, &x->reason) == -1 ||
	    cur_copy(c, x->log_id, 32) == -1 ||
	    cur_u64(c, &x->timestamp) == -1 || cur_u64(c, &index) == -1 ||
	    cur_copy(c, x->leaf_hash, 32) == -1 ||
	    judge_span_read(c, &x->raw) == -1 || (int64_t)index < -1)
		return -1;
	/* what no log can have said is kept as what it is: nonsense */
	if (x->timestamp >> JUDGE_TIME_BITS != 0) {
		x->timestamp = 0;
		status = SCTS_MALFORMED;
	}
	x->source = (enum scts_source)source;
	x->status = (enum scts_status)status;
	x->leaf_index = (int64_t)index;
	return 0;
}

static void
chain_pack(struct buf *b, const struct chain *h)
{
	size_t	i;

	judge_text_pack(b, h->reason);
	buf_u8(b, h->exhausted != 0);
	strs_pack(b, h->want, h->nwant);
	buf_u32(b, (uint32_t)h->npaths);
	for (i = 0; i < h->npaths; i++) {
		const struct chain_path	*p = &h->paths[i];

		judge_text_pack(b, p->program->program);
		buf_u8(b, (uint8_t)p->verdict);
		buf_u8(b, (uint8_t)p->issued);
		judge_text_pack(b, p->reason);
		buf_u64(b, (uint64_t)p->until);
		buf_vec32(b, p->path, p->n * 32);
	}
}

static int
path_read(struct cur *c, struct judge_path *p)
{
	uint8_t	verdict, issued;

	if (judge_text_read(c, &p->program) == -1 ||
	    cur_u8(c, &verdict) == -1 || verdict > CHAIN_UNKNOWN ||
	    cur_u8(c, &issued) == -1 || issued > CHAIN_UNKNOWN ||
	    judge_text_read(c, &p->reason) == -1 ||
	    judge_when_read(c, &p->until) == -1 ||
	    judge_span_read(c, &p->hashes) == -1 || p->hashes.n % 32 != 0)
		return -1;
	p->verdict = (enum chain_verdict)verdict;
	p->issued = (enum chain_verdict)issued;
	return 0;
}

void
judge_cert_pack(struct buf *b, const struct assess *a)
{
	const struct cert	*c = &a->cert;
	const struct ptr	*p = &a->ptr;
	int			 i;

	buf_add(b, c->tbs_sha256, 32);
	buf_add(b, c->cert_sha256, 32);
	buf_add(b, c->spki_sha256, 32);
	buf_u8(b, a->issuer != -1);
	buf_add(b, a->issuer_sha256, 32);
	buf_add(b, a->issuer_spki, 32);
	judge_text_pack(b, c->serial);
	judge_text_pack(b, c->key_type);
	judge_text_pack(b, c->subject);
	judge_text_pack(b, c->issuer);
	buf_u64(b, (uint64_t)c->not_before);
	buf_u64(b, (uint64_t)c->not_after);
	buf_u8(b, c->is_precert != 0);
	buf_u8(b, c->is_ca != 0);
	strs_pack(b, c->names, c->nnames);
	strs_pack(b, p->crl, p->ncrl);
	strs_pack(b, p->ocsp, p->nocsp);
	strs_pack(b, p->aia, p->naia);
	buf_u8(b, p->must_staple != 0);
	buf_u8(b, p->short_lived != 0);
	buf_u8(b, p->crl_partial != 0);
	buf_u8(b, a->scts.presigned != 0);
	judge_text_pack(b, a->weak == WEAK_NO ? "" : weak_name(a->weak));
	judge_text_pack(b, a->weak_why);
	for (i = 0; i < POLICY_PROGRAMS; i++) {
		buf_u8(b, (uint8_t)(a->policy[i].compliant + 1));
		judge_text_pack(b, a->policy[i].reason);
	}
	buf_u8(b, (uint8_t)(a->name_ok + 1));
	scts_pack(b, &a->scts);
	chain_pack(b, &a->chain);
}

/* What has a fixed place. */
static int
head_read(struct cur *c, struct judge_cert *k)
{
	if (cur_copy(c, k->tbs_sha256, 32) == -1 ||
	    cur_copy(c, k->cert_sha256, 32) == -1 ||
	    cur_copy(c, k->spki_sha256, 32) == -1 ||
	    judge_flag_read(c, &k->has_issuer) == -1 ||
	    cur_copy(c, k->issuer_sha256, 32) == -1 ||
	    cur_copy(c, k->issuer_spki, 32) == -1 ||
	    judge_text_read(c, &k->serial) == -1 ||
	    judge_text_read(c, &k->key_type) == -1 ||
	    judge_text_read(c, &k->subject) == -1 ||
	    judge_text_read(c, &k->issuer) == -1 ||
	    judge_when_read(c, &k->not_before) == -1 ||
	    judge_when_read(c, &k->not_after) == -1 ||
	    judge_flag_read(c, &k->is_precert) == -1)
		return -1;
	/* what lies outside of the calendar is its first moment */
	if (k->not_before == INT64_MIN)
		k->not_before = WHEN_FIRST;
	if (k->not_after == INT64_MIN)
		k->not_after = WHEN_FIRST;
	return judge_flag_read(c, &k->is_ca);
}

static int
facts_read(struct cur *c, struct judge_cert *k)
{
	uint8_t	v;
	int	i;

	if (judge_flag_read(c, &k->must_staple) == -1 ||
	    judge_flag_read(c, &k->short_lived) == -1 ||
	    judge_flag_read(c, &k->crl_partial) == -1 ||
	    judge_flag_read(c, &k->presigned) == -1 ||
	    judge_text_read(c, &k->weak) == -1 ||
	    judge_text_read(c, &k->weak_why) == -1)
		return -1;
	for (i = 0; i < POLICY_PROGRAMS; i++) {
		if (cur_u8(c, &v) == -1 || v > 2 ||
		    judge_text_read(c, &k->policy[i]) == -1)
			return -1;
		k->compliant[i] = (int)v - 1;
	}
	if (cur_u8(c, &v) == -1 || v > 2)
		return -1;
	k->name_ok = (int)v - 1;
	return 0;
}

static int
lists_read(struct cur *c, struct judge_cert *k)
{
	size_t	i;

	if (judge_text_read(c, &k->scts_reason) == -1 ||
	    judge_count_read(c, 91, &k->nscts) == -1 ||
	    k->nscts > LIMIT_SCTS)
		return -1;
	k->scts = mem_array(k->nscts, sizeof(*k->scts));
	for (i = 0; i < k->nscts; i++)
		if (sct_read_one(c, &k->scts[i]) == -1)
			return -1;
	if (judge_text_read(c, &k->chain_reason) == -1 ||
	    judge_flag_read(c, &k->exhausted) == -1 ||
	    strs_read(c, &k->want, &k->nwant) == -1 ||
	    judge_count_read(c, 24, &k->npaths) == -1 ||
	    k->npaths > LIMIT_CHAIN_PATHS)
		return -1;
	k->paths = mem_array(k->npaths, sizeof(*k->paths));
	for (i = 0; i < k->npaths; i++)
		if (path_read(c, &k->paths[i]) == -1)
			return -1;
	return 0;
}

int
judge_cert_read(struct cur *c, struct judge_cert *k)
{
	memset(k, 0, sizeof(*k));
	if (head_read(c, k) == -1 ||
	    strs_read(c, &k->names, &k->nnames) == -1 ||
	    strs_read(c, &k->crl, &k->ncrl) == -1 ||
	    strs_read(c, &k->ocsp, &k->nocsp) == -1 ||
	    strs_read(c, &k->aia, &k->naia) == -1 ||
	    facts_read(c, k) == -1 || lists_read(c, k) == -1) {
		judge_cert_free(k);
		return -1;
	}
	return 0;
}

void
judge_cert_free(struct judge_cert *k)
{
	free(k->names);
	free(k->crl);
	free(k->ocsp);
	free(k->aia);
	free(k->want);
	free(k->scts);
	free(k->paths);
	memset(k, 0, sizeof(*k));
}
