#include "pki/roots.h"

#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/der.h"
#include "pki/dn.h"
#include "pki/pem.h"

struct roots *
roots_new(const char *program)
{
	struct roots	*r = mem_zero(sizeof(*r));

	r->program = mem_str(program);
	return r;
}

void
roots_free(struct roots *r)
{
	size_t	i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		free(r->v[i].der);
	free(r->v);
	free(r->program);
	free(r);
}

int
roots_add(struct roots *r, struct span der, int64_t distrust_after,
    struct err *e)
{
	struct root	*t;
	struct der_tbs	 tbs;
	struct span	 whole;
	uint8_t		*copy;

	if (der.n > LIMIT_BODY_ISSUER)
		return err_set(e, ERR_LIMIT, "root: longer than %u bytes",
		    LIMIT_BODY_ISSUER);
	copy = mem_dup(der.p, der.n);
	if (der_cert((struct span){ copy, der.n }, &whole, NULL, NULL, e)
	    == -1 || der_tbs(whole, &tbs, e) == -1) {
		free(copy);
		return err_prefix(e, "root");
	}
	r->v = mem_grow(r->v, &r->cap, r->n + 1, sizeof(*r->v));
	t = &r->v[r->n++];
	t->der = copy;
	t->nder = der.n;
	sha_256(t->sha256, copy, der.n);
	dn_hash(tbs.subject, t->name);
	sha_256(t->key, tbs.spki.p, tbs.spki.n);
	t->subject = tbs.subject;
	t->spki = tbs.spki;
	t->distrust_after = distrust_after;
	t->sct_not_after = INT64_MIN;
	return 0;
}

static int
root_cmp(const void *a, const void *b)
{
	return memcmp(((const struct root *)a)->sha256,
	    ((const struct root *)b)->sha256, 32);
}

/* Of two dates the earlier one counts; INT64_MIN is none. */
static int64_t
stricter(int64_t a, int64_t b)
{
	if (a == INT64_MIN)
		return b;
	return b == INT64_MIN || a < b ? a : b;
}

void
roots_done(struct roots *r)
{
	struct root	*last;
	size_t		 i, n = 0;

	if (r->n > 1)
		qsort(r->v, r->n, sizeof(*r->v), root_cmp);
	for (i = 0; i < r->n; i++) {
		last = n != 0 ? &r->v[n - 1] : NULL;
		if (last == NULL || root_cmp(last, &r->v[i]) != 0) {
			r->v[n++] = r->v[i];
			continue;
		}
		last->distrust_after = stricter(last->distrust_after,
		    r->v[i].distrust_after);
		last->sct_not_after = stricter(last->sct_not_after,
		    r->v[i].sct_not_after);
		free(r->v[i].der);
	}
	r->n = n;
}

long
roots_pem(struct roots *r, struct span text, size_t *bad, struct err *e)
{
	struct buf	der = BUF_INIT;
	struct cur	c = cur_span(text);
	size_t		wrong = 0;
	long		n = 0;
	int		got;

	if (text.n > LIMIT_ROOTS)
		return err_set(e, ERR_LIMIT, "roots: more than %u bytes",
		    LIMIT_ROOTS);
	while ((got = pem_next(&c, "CERTIFICATE", &der)) != 0) {
		if (got == -1 || roots_add(r, buf_bytes(&der), INT64_MIN,
		    NULL) == -1)
			wrong++;
		else
			n++;
	}
	buf_free(&der);
	if (bad != NULL)
		*bad = wrong;
	if (n == 0)
		return err_set(e, ERR_FORMAT, "roots: no certificate in PEM "
		    "(%zu cannot be read)", wrong);
	return n;
}

const struct root *
roots_find(const struct roots *r, const uint8_t sha256[32])
{
	struct root	key;

	if (r->n == 0)
		return NULL;
	memcpy(key.sha256, sha256, 32);
	return bsearch(&key, r->v, r->n, sizeof(*r->v), root_cmp);
}

static int
same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

const struct root *
roots_find_key(const struct roots *r, struct span subject, struct span spki)
{
	size_t	i;

	for (i = 0; i < r->n; i++)
		if (same(r->v[i].subject, subject) &&
		    same(r->v[i].spki, spki))
			return &r->v[i];
	return NULL;
}
