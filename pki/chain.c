#include "pki/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/chain_aia.h"
#include "pki/chain_build.h"
#include "pki/chain_check.h"

const char *
chain_verdict_name(enum chain_verdict v)
{
	static const char *const	names[] = {
		[CHAIN_TRUSTED] = "trusted",
		[CHAIN_UNTRUSTED] = "untrusted",
		[CHAIN_UNKNOWN] = "unknown"
	};

	return names[v];
}

const struct chain_path *
chain_best(const struct chain *c, const struct roots *program)
{
	size_t	i;

	for (i = 0; i < c->npaths; i++)
		if (c->paths[i].program == program)
			return &c->paths[i];
	return NULL;
}

void
chain_free(struct chain *c)
{
	size_t	i;

	for (i = 0; i < c->npaths; i++) {
		free(c->paths[i].path);
		free(c->paths[i].der);
	}
	for (i = 0; i < c->nwant; i++)
		free(c->want[i]);
	free(c->paths);
	free(c->want);
	memset(c, 0, sizeof(*c));
}

/* --- one path --- */

/* What is the same for every program that has the root of a path. */
struct judged {
	struct chain_cert	*path[CHAIN_PATH_MAX];
	size_t			 n;
	int			 ok, ok_now, ok_issued;
	int64_t			 until;
	struct buf		 why;
};

static void
judge(struct judged *j, struct chain_search *s, const struct chain_found *f,
    const struct chain_in *in)
{
	struct buf	none = BUF_INIT;
	size_t		i;

	memset(j, 0, sizeof(*j));
	j->n = f->n;
	j->until = INT64_MAX;
	for (i = 0; i < f->n; i++) {
		j->path[i] = &s->certs[f->at[i]];
		if (j->path[i]->to < j->until)
			j->until = j->path[i]->to;
	}
	j->ok = chain_check_path(j->path, j->n, in, &s->names,
	    &j->why);
	j->ok_now = j->ok && chain_check_time(j->path, j->n, in->at, &j->why);
	j->ok_issued = j->ok &&
	    chain_check_time(j->path, j->n, j->path[0]->from, &none);
	buf_free(&none);
}

/*
 * What the program says of its root and this leaf.  Dates are compared with
 * the leaf's own, never with now: what was issued before stays trusted.
 */
static enum chain_verdict
ask_program(const struct root *r, const struct chain_cert *leaf,
    const struct chain_in *in, struct buf *why)
{
	char	text[CLK_TEXT];

	if (r->distrust_after != INT64_MIN &&
	    (leaf->from > r->distrust_after ||
	    (in->first_sct != INT64_MIN &&
	    in->first_sct > r->distrust_after))) {
		buf_fmt(why, "root: trusted only for what was issued until "
		    "%s", clk_text(r->distrust_after, text));
		return CHAIN_UNTRUSTED;
	}
	if (r->sct_not_after == INT64_MIN)
		return CHAIN_TRUSTED;
	if (in->first_sct != INT64_MIN && in->first_sct <= r->sct_not_after)
		return CHAIN_TRUSTED;
	buf_fmt(why, "root: trusted only with an SCT until %s",
	    clk_text(r->sct_not_after, text));
	return in->first_sct == INT64_MIN ? CHAIN_UNKNOWN : CHAIN_UNTRUSTED;
}

static void
add_path(struct chain *out, size_t *cap, const struct judged *j,
    const struct roots *program, const struct chain_in *in)
{
	struct chain_path	*p;
	const struct root	*r;
	struct buf		 why = BUF_INIT;
	enum chain_verdict	 v;
	size_t			 i;

	r = roots_find(program, j->path[j->n - 1]->sha256);
	if (r == NULL)
		return;
	out->paths = mem_grow(out->paths, cap, out->npaths + 1,
	    sizeof(*out->paths));
	p = &out->paths[out->npaths++];
	memset(p, 0, sizeof(*p));
	v = ask_program(r, j->path[0], in, &why);
	p->program = program;
	p->verdict = j->ok_now ? v : CHAIN_UNTRUSTED;
	p->issued = j->ok_issued ? v : CHAIN_UNTRUSTED;
	p->until = p->verdict == CHAIN_TRUSTED ? j->until : INT64_MIN;
	if (p->verdict != CHAIN_TRUSTED)
		snprintf(p->reason, sizeof(p->reason), "%s",
		    buf_text(j->ok_now ? &why : &j->why));
	p->path = mem_array(j->n, sizeof(*p->path));
	p->der = mem_array(j->n, sizeof(*p->der));
	p->n = j->n;
	for (i = 0; i < j->n; i++) {
		memcpy(p->path[i], j->path[i]->sha256, 32);
		p->der[i] = j->path[i]->der;
	}
	buf_free(&why);
}

/* --- all of them --- */

/* Trusted before unknown before untrusted. */
static int
rank(enum chain_verdict v)
{
	return v == CHAIN_TRUSTED ? 0 : v == CHAIN_UNKNOWN ? 1 : 2;
}

/* Of one program: now, then at issuance, then for longer, then shorter. */
static int
path_cmp(const void *a, const void *b)
{
	const struct chain_path	*x = a, *y = b;

	if (x->verdict != y->verdict)
		return rank(x->verdict) - rank(y->verdict);
	if (x->issued != y->issued)
		return rank(x->issued) - rank(y->issued);
	if (x->until != y->until)
		return x->until > y->until ? -1 : 1;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->n == 0 ? 0 : memcmp(x->path, y->path, x->n * 32);
}

static void
add_paths(struct chain *out, struct chain_search *s,
    const struct chain_in *in)
{
	struct judged	*j = mem_array(s->nfound + 1, sizeof(*j));
	size_t		 i, k, cap = 0, first;

	for (i = 0; i < s->nfound; i++)
		judge(&j[i], s, &s->found[i], in);
	for (k = 0; k < in->nprograms; k++) {
		first = out->npaths;
		for (i = 0; i < s->nfound; i++)
			add_path(out, &cap, &j[i], in->programs[k], in);
		if (out->npaths - first > 1)
			qsort(out->paths + first, out->npaths - first,
			    sizeof(*out->paths), path_cmp);
	}
	for (i = 0; i < s->nfound; i++)
		buf_free(&j[i].why);
	free(j);
}

/*
 * Who could lead on: first the certificates whose issuer is not known, then,
 * where no path was found at all, all that were reached.
 */
static void
add_want(struct chain *out, struct chain_search *s)
{
	struct chain_cert	*c;
	size_t			 i;
	int			 all;

	for (all = 0; all <= (s->nfound == 0); all++)
		for (i = 0; i < s->ncerts; i++) {
			c = &s->certs[i];
			if (c->reached && !c->is_root && (all || !c->led_on))
				chain_aia_want(c, out);
		}
}

static void
say_why(struct chain *out, const struct chain_search *s,
    const struct chain_in *in)
{
	const char	*why = "no path leads to a root";
	size_t		 k;

	for (k = 0; k < in->nprograms; k++)
		if (chain_best(out, in->programs[k]) == NULL)
			break;
	if (k == in->nprograms)
		return;
	if (s->exhausted)
		why = "the search for a path to a root ended at its budget";
	else if (!s->certs[0].led_on)
		why = "no certificate of its issuer is known";
	snprintf(out->reason, sizeof(out->reason), "%s", why);
}

int
chain_build(const struct chain_in *in, struct chain *out, struct err *e)
{
	struct chain_search	*s = mem_zero(sizeof(*s));
	int			 r = -1;

	memset(out, 0, sizeof(*out));
	if (chain_search(s, in, e) == -1)
		goto out;
	out->exhausted = s->exhausted;
	add_paths(out, s, in);
	add_want(out, s);
	say_why(out, s, in);
	r = 0;
out:
	chain_search_free(s);
	free(s);
	return r;
}
