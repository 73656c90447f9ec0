#include "auditor/role/judge_audit.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "base/mem.h"

/* Questions of an audit as bytes and back; answers are in judge_said.c. */

void
judge_roots_pack(struct buf *b, const struct roots *const *programs, size_t n)
{
	size_t	i, k;

	buf_u32(b, (uint32_t)n);
	for (i = 0; i < n; i++) {
		judge_str_pack(b, programs[i]->program);
		buf_u32(b, (uint32_t)programs[i]->n);
		for (k = 0; k < programs[i]->n; k++) {
			const struct root	*r = &programs[i]->v[k];

			buf_vec32(b, r->der, r->nder);
			buf_u64(b, (uint64_t)r->distrust_after);
			buf_u64(b, (uint64_t)r->sct_not_after);
		}
	}
}

static int
program_read(struct cur *c, struct roots **out)
{
	const char	*name;
	struct span	 der;
	int64_t		 after, sct;
	size_t		 n, i;

	if (judge_str_read(c, &name) == -1 ||
	    judge_count_read(c, 20, &n) == -1)
		return -1;
	*out = roots_new(name);
	for (i = 0; i < n; i++) {
		if (judge_span_read(c, &der) == -1 ||
		    judge_time_read(c, &after) == -1 ||
		    judge_time_read(c, &sct) == -1 ||
		    roots_add(*out, der, after, NULL) == -1)
			return -1;
		(*out)->v[i].sct_not_after = sct;
	}
	roots_done(*out);
	return 0;
}

int
judge_roots_read(struct cur *c, struct roots ***out, size_t *n)
{
	size_t	count, i;

	*out = NULL;
	*n = 0;
	if (judge_count_read(c, 9, &count) == -1)
		return -1;
	*out = mem_array(count, sizeof(**out));
	for (i = 0; i < count; i++) {
		*n = i + 1;
		if (program_read(c, &(*out)[i]) == -1)
			return -1;
	}
	return 0;
}

void
judge_roots_free(struct roots **v, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		roots_free(v[i]);
	free(v);
}

void
judge_logs_pack(struct buf *b, struct span chrome, struct span apple)
{
	buf_vec32(b, chrome.p, chrome.n);
	buf_vec32(b, apple.p, apple.n);
}

void
judge_trust_pack(struct buf *b, struct span logs, struct span weak)
{
	buf_vec32(b, logs.p, logs.n);
	buf_vec32(b, weak.p, weak.n);
}

int
judge_trust_read(struct cur *c, struct judge_trust *t)
{
	struct cur	logs;
	struct span	weak;

	memset(t, 0, sizeof(*t));
	if (cur_vec32(c, &logs) == -1 || judge_span_read(c, &weak) == -1 ||
	    (cur_left(&logs) != 0 &&
	    judge_loglist_read(&logs, &t->logs) == -1))
		return -1;
	if (weak.n != 0 && (t->weak = weak_list_read(weak, NULL)) == NULL)
		return -1;
	return 0;
}

void
judge_trust_free(struct judge_trust *t)
{
	loglist_free(t->logs);
	weak_list_free(t->weak);
	memset(t, 0, sizeof(*t));
}

void
judge_cert_ask_pack(struct buf *b, const struct judge_cert_ask *q)
{
	size_t	i;

	buf_u64(b, (uint64_t)q->at);
	judge_str_pack(b, q->name);
	buf_vec32(b, q->cert.p, q->cert.n);
	buf_vec32(b, q->tls.p, q->tls.n);
	buf_vec32(b, q->ocsp.p, q->ocsp.n);
	buf_u32(b, (uint32_t)q->npool);
	for (i = 0; i < q->npool; i++)
		buf_vec32(b, q->pool[i].p, q->pool[i].n);
}

int
judge_cert_ask_read(struct cur *c, struct judge_cert_ask *q)
{
	size_t	i;

	memset(q, 0, sizeof(*q));
	if (judge_time_read(c, &q->at) == -1 ||
	    judge_str_read(c, &q->name) == -1 ||
	    judge_span_read(c, &q->cert) == -1 ||
	    judge_span_read(c, &q->tls) == -1 ||
	    judge_span_read(c, &q->ocsp) == -1 ||
	    judge_count_read(c, 4, &q->npool) == -1 || q->npool > LIMIT_POOL)
		return -1;
	for (i = 0; i < q->npool; i++)
		if (judge_span_read(c, &q->pool[i]) == -1)
			return -1;
	return 0;
}

void
judge_crl_ask_pack(struct buf *b, const struct judge_crl_ask *q)
{
	buf_u64(b, (uint64_t)q->now);
	buf_vec32(b, q->issuer.p, q->issuer.n);
	judge_str_pack(b, q->url);
	buf_u8(b, q->for_ca != 0);
	judge_str_pack(b, q->last_number);
	buf_u64(b, (uint64_t)q->last_this);
	buf_u32(b, q->keep);
	buf_u64(b, q->set_size);
}

int
judge_crl_ask_read(struct cur *c, struct judge_crl_ask *q)
{
	if (judge_time_read(c, &q->now) == -1 ||
	    judge_span_read(c, &q->issuer) == -1 ||
	    judge_str_read(c, &q->url) == -1 ||
	    judge_flag_read(c, &q->for_ca) == -1 ||
	    judge_str_read(c, &q->last_number) == -1 ||
	    judge_time_read(c, &q->last_this) == -1 ||
	    cur_u32(c, &q->keep) == -1)
		return -1;
	return cur_u64(c, &q->set_size);
}

void
judge_ocsp_ask_pack(struct buf *b, const struct judge_ocsp_ask *q)
{
	buf_u64(b, (uint64_t)q->now);
	buf_vec32(b, q->issuer.p, q->issuer.n);
	judge_str_pack(b, q->serial);
	buf_vec32(b, q->nonce.p, q->nonce.n);
	buf_vec32(b, q->body.p, q->body.n);
}

int
judge_ocsp_ask_read(struct cur *c, struct judge_ocsp_ask *q)
{
	if (judge_time_read(c, &q->now) == -1 ||
	    judge_span_read(c, &q->issuer) == -1 ||
	    judge_str_read(c, &q->serial) == -1 ||
	    judge_span_read(c, &q->nonce) == -1)
		return -1;
	return judge_span_read(c, &q->body);
}
