#include "auditor/db/match_made.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/owner.h"

int64_t
match_made_time(int64_t t)
{
	return t == INT64_MIN ? 0 : t;
}

void
match_made(struct match_made *x, const struct judge_match *m)
{
	struct db_strs	names = { m->names, m->nnames };
	char		hex[65];
	size_t		i;

	memset(x, 0, sizeof(*x));
	x->owner = m->owner;
	if (m->malformed)
		return;
	buf_str(&x->chain, "{");
	for (i = 0; i < m->nchain && i < LIMIT_CHAIN; i++) {
		if (!m->chain_fp)
			sha_256(x->fp[i], m->chain[i].p, m->chain[i].n);
		else if (m->chain[i].n == 32)
			memcpy(x->fp[i], m->chain[i].p, 32);
		(void)enc_hex_to(hex, x->fp[i], 32);
		buf_fmt(&x->chain, "%s\"\\\\x%s\"", i > 0 ? "," : "", hex);
		x->nfp = i + 1;
	}
	buf_str(&x->chain, "}");
	db_strs_text(&x->names, &names);
	/* chain[0] did sign it, so CCADB's word about it counts */
	if (x->owner[0] == '\0' && x->nfp != 0 && m->issued == 1 &&
	    owner_of_fingerprint(x->fp[0]) != NULL)
		x->owner = owner_of_fingerprint(x->fp[0]);
}

void
match_made_free(struct match_made *x)
{
	buf_free(&x->names);
	buf_free(&x->chain);
}

/* --- issuances ------------------------------------------------------------ */

static int
by_serial(const void *a, const void *b)
{
	const struct decide_new	*x = *(const struct decide_new *const *)a;
	const struct decide_new	*y = *(const struct decide_new *const *)b;
	int			 r;

	if ((r = memcmp(x->issuer.p, y->issuer.p, 32)) != 0)
		return r;
	return strcmp(x->serial, y->serial);
}

/* Which of them have the issuer and the serial of another. */
static void
find_twins(struct match_news *a)
{
	const struct decide_new	**p;
	size_t			  i;
	int			  any = 0;

	p = mem_array(a->n + 1, sizeof(struct decide_new *));
	for (i = 0; i < a->n; i++)
		p[i] = &a->v[i];
	qsort(p, a->n, sizeof(struct decide_new *), by_serial);
	for (i = 1; i < a->n && !any; i++)
		any = by_serial(&p[i - 1], &p[i]) == 0;
	free(p);
	/* it hardly ever happens: then all of them take the longer way */
	for (i = 0; i < a->n && any; i++)
		a->v[i].twin = 1;
}

static void
add(struct match_news *a, const struct match_made *x,
    const struct match_row *v, size_t row)
{
	static const char *const	 issued[] = { "unchecked", "invalid",
					    "valid" };
	const struct judge_match	*m = v->m;
	struct decide_new		*d;

	d = a->n == 0 ? NULL : &a->v[a->n - 1];
	if (d != NULL && memcmp(d->one.tbs.p, m->tbs_sha256, SHA_LEN) == 0) {
		if (strcmp(d->issued, "valid") != 0)
			d->issued = issued[m->issued + 1];
		if (d->owner[0] == '\0')
			d->owner = x->owner;
		d->one.n += v->nd;
		return;
	}
	a->row[a->n] = row;
	a->v[a->n++] = (struct decide_new){
	    .one = { { m->tbs_sha256, SHA_LEN }, v->d, v->nd, 1 },
	    .issuer = { m->issuer_spki, SHA_LEN },
	    .key = { m->spki_sha256, SHA_LEN }, .serial = m->serial,
	    .key_type = m->key_type, .owner = x->owner,
	    .issued = issued[m->issued + 1],
	    .names = { m->names, m->nnames },
	    .not_before = match_made_time(m->not_before) };
}

void
match_news(struct match_news *a, const struct match_made *x,
    const struct match_row *v, size_t n)
{
	size_t	i;

	a->v = mem_array(n + 1, sizeof(*a->v));
	a->row = mem_array(n + 1, sizeof(*a->row));
	for (i = a->n = 0; i < n; i++)
		if (!v[i].m->malformed)
			add(a, &x[i], &v[i], i);
	find_twins(a);
}

void
match_news_free(struct match_news *a)
{
	free(a->v);
	free(a->row);
}
