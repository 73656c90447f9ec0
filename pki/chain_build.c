#include "pki/chain_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pki/chain_ossl.h"

/* --- the certificates --- */

/* For sorting: the certificates that the indices stand for. */
struct order {
	const uint8_t	*key;
	uint32_t	 at;
};

static int
order_cmp(const void *a, const void *b)
{
	const struct order	*x = a, *y = b;
	int			 r = memcmp(x->key, y->key, 32);

	if (r != 0)
		return r;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Read all that can be read; what cannot is no issuer of anything. */
static int
take_certs(struct chain_search *s, const struct chain_in *in, struct err *e)
{
	size_t	i, k, n = 1 + in->npool;

	for (i = 0; i < in->nprograms; i++)
		n += in->programs[i]->n;
	if (n > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "too many certificates");
	s->certs = mem_array(n, sizeof(*s->certs));
	if (chain_cert_read(in->leaf, &s->certs[0], e) == -1)
		return -1;
	s->ncerts = 1;
	/* Roots first: of two that are the same, theirs stays. */
	for (i = 0; i < in->nprograms; i++)
		for (k = 0; k < in->programs[i]->n; k++)
			chain_cert_root(&in->programs[i]->v[k],
			    &s->certs[s->ncerts++]);
	for (i = 0; i < in->npool; i++)
		if (chain_cert_read(in->pool[i], &s->certs[s->ncerts], NULL)
		    == 0)
			s->ncerts++;
	return 0;
}

/* Those that are there twice are forgotten, and the rest sorted. */
static void
sort_certs(struct chain_search *s)
{
	struct order	*o = mem_array(s->ncerts, sizeof(*o));
	size_t		 i, n = 0, m = 0;

	for (i = 0; i < s->ncerts; i++)
		o[n++] = (struct order){ s->certs[i].sha256, (uint32_t)i };
	qsort(o, n, sizeof(*o), order_cmp);
	for (i = 0; i < n; i++) {
		if (m != 0 && memcmp(o[m - 1].key, o[i].key, 32) == 0) {
			/* The leaf may be a root, too. */
			s->certs[o[m - 1].at].is_root |=
			    s->certs[o[i].at].is_root;
			continue;
		}
		o[m++] = o[i];
	}
	for (i = n = 0; i < m; i++)
		if (o[i].at != 0)
			o[n++] = (struct order){ s->certs[o[i].at].subject,
			    o[i].at };
	if (n > 1)
		qsort(o, n, sizeof(*o), order_cmp);
	s->by_subject = mem_array(n + 1, sizeof(*s->by_subject));
	for (i = 0; i < n; i++)
		s->by_subject[i] = o[i].at;
	s->nsubjects = n;
	free(o);
}

/* The certificates of a subject: how many, from *first on. */
static size_t
of_subject(const struct chain_search *s, const uint8_t name[32],
    const uint32_t **first)
{
	size_t	lo = 0, hi = s->nsubjects, mid, n = 0;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (memcmp(s->certs[s->by_subject[mid]].subject, name, 32) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = s->by_subject + lo;
	while (lo + n < s->nsubjects &&
	    memcmp(s->certs[(*first)[n]].subject, name, 32) == 0)
		n++;
	return n;
}

/* --- signatures --- */

/* 1 or 0; -1 when the budget is used up. */
static int
signed_by(struct chain_search *s, uint32_t cert, uint32_t issuer)
{
	struct chain_sig	*g;
	size_t			 i;

	for (i = 0; i < s->nsigs; i++)
		if (s->sigs[i].cert == cert && memcmp(
		    s->certs[s->sigs[i].issuer].key, s->certs[issuer].key,
		    32) == 0)
			return s->sigs[i].good;
	if (s->nsigs == LIMIT_CHAIN_SIGS)
		return -1;
	g = &s->sigs[s->nsigs++];
	g->cert = cert;
	g->issuer = issuer;
	g->good = chain_ossl_signed(&s->certs[cert], &s->certs[issuer]);
	return g->good;
}

/* --- the walk --- */

/* A candidate with its score. */
struct score {
	uint32_t	at;
	int		points;
	int64_t		from;
};

/* One step of the path under way, and who may have issued it. */
struct step {
	uint32_t	 at;
	struct score	*list;		/* owned; likely ones first */
	size_t		 n, next;
};

struct walk {
	struct step	step[LIMIT_CHAIN_DEPTH + 1];
	size_t		depth;
	int64_t		when;
};

static int
score_cmp(const void *a, const void *b)
{
	const struct score	*x = a, *y = b;

	if (x->points != y->points)
		return x->points > y->points ? -1 : 1;
	if (x->from != y->from)
		return x->from > y->from ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Key identifiers are a hint, never a reason against (RFC 5280, 4.2.1.1). */
static int
ids_fit(struct chain_cert *cert, struct chain_cert *issuer)
{
	struct span	a = chain_cert_exts(cert)->aki;
	struct span	b = chain_cert_exts(issuer)->ski;

	return a.p == NULL || b.p == NULL ||
	    (a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
}

/* Add a certificate to the path under way. */
static void
push(struct chain_search *s, struct walk *w, uint32_t at)
{
	struct step	*t = &w->step[w->depth++];
	struct score	*v;
	struct chain_cert *c;
	const uint32_t	*first;
	size_t		 i, n;

	t->at = at;
	t->next = 0;
	t->n = 0;
	n = of_subject(s, s->certs[at].issuer, &first);
	if (n > LIMIT_CHAIN_TRIES) {
		n = LIMIT_CHAIN_TRIES;
		s->exhausted = 1;
	}
	v = t->list = mem_array(n + 1, sizeof(*v));
	for (i = 0; i < n; i++) {
		c = &s->certs[first[i]];
		if (chain_cert_whole(c) == -1)
			continue;
		v[t->n].at = first[i];
		v[t->n].from = c->from;
		v[t->n++].points = c->is_root * 4 +
		    ids_fit(&s->certs[at], c) * 2 +
		    (c->from <= w->when && w->when <= c->to);
	}
	if (t->n > 1)
		qsort(v, t->n, sizeof(*v), score_cmp);
}

static void
pop(struct walk *w)
{
	free(w->step[--w->depth].list);
}

/* Is the same name with the same key on the path already? */
static int
on_path(const struct chain_search *s, const struct walk *w,
    const struct chain_cert *c)
{
	const struct chain_cert	*p;
	size_t			 i;

	for (i = 0; i < w->depth; i++) {
		p = &s->certs[w->step[i].at];
		if (memcmp(p->key, c->key, 32) == 0 &&
		    memcmp(p->subject, c->subject, 32) == 0)
			return 1;
	}
	return 0;
}

/* Keep the path that ends in ${root} (0: in the leaf itself): 0 or -1. */
static int
keep(struct chain_search *s, const struct walk *w, uint32_t root)
{
	struct chain_found	*f;
	size_t			 i;

	if (s->nfound == LIMIT_CHAIN_PATHS)
		return -1;
	f = &s->found[s->nfound++];
	for (i = 0; i < w->depth; i++)
		f->at[i] = w->step[i].at;
	if (root != 0)
		f->at[i++] = root;
	f->n = i;
	return 0;
}

/* Look at one candidate: 0, or -1 at the end of a budget. */
static int
try_issuer(struct chain_search *s, struct walk *w, uint32_t at)
{
	struct chain_cert	*c = &s->certs[at];
	uint32_t		 below = w->step[w->depth - 1].at;
	int			 good;

	if (s->tries++ == LIMIT_CHAIN_TRIES)
		return -1;
	if (on_path(s, w, c))
		return 0;
	if ((good = signed_by(s, below, at)) != 1)
		return good;
	s->certs[below].led_on = 1;
	c->reached = 1;
	if (c->is_root && keep(s, w, at) == -1)
		return -1;
	if (w->depth == LIMIT_CHAIN_DEPTH + 1) {
		if (!c->is_root)
			s->exhausted = 1;
		return 0;
	}
	push(s, w, at);
	return 0;
}

int
chain_search(struct chain_search *s, const struct chain_in *in,
    struct err *e)
{
	struct walk	w;
	struct step	*t;

	memset(s, 0, sizeof(*s));
	s->names = LIMIT_CHAIN_NAMES;
	w.depth = 0;
	w.when = in->at;
	if (take_certs(s, in, e) == -1)
		return -1;
	sort_certs(s);
	s->found = mem_array(LIMIT_CHAIN_PATHS, sizeof(*s->found));
	s->certs[0].reached = 1;
	push(s, &w, 0);
	if (s->certs[0].is_root)
		(void)keep(s, &w, 0);
	while (w.depth != 0) {
		t = &w.step[w.depth - 1];
		if (t->next == t->n)
			pop(&w);
		else if (try_issuer(s, &w, t->list[t->next++].at) == -1) {
			s->exhausted = 1;
			break;
		}
	}
	while (w.depth != 0)
		pop(&w);
	return 0;
}

void
chain_search_free(struct chain_search *s)
{
	size_t	i;

	for (i = 0; i < s->ncerts; i++)
		chain_cert_free(&s->certs[i]);
	free(s->certs);
	free(s->by_subject);
	free(s->found);
}
