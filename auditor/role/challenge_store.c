#include "auditor/role/challenge_store.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"

static struct challenge_answer **
slot(struct challenge_store *s, struct span key)
{
	uint64_t	h = s->seed;
	size_t		i;

	for (i = 0; i < key.n; i++)
		h = (h ^ key.p[i]) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
	return &s->slots[(h ^ h >> 32) & (CHALLENGE_SLOTS - 1)];
}

/* Where the answer hangs, or would be hung. */
static struct challenge_answer **
place(struct challenge_store *s, struct span key)
{
	struct challenge_answer	**at = slot(s, key);

	while (*at != NULL && (strlen((*at)->key) != key.n ||
	    memcmp((*at)->key, key.p, key.n) != 0))
		at = &(*at)->chain;
	return at;
}

static void
empty(struct challenge_answer *a)
{
	free(a->keyauth);
	X509_free(a->cert);
	EVP_PKEY_free(a->pkey);
	a->keyauth = NULL;
	a->cert = NULL;
	a->pkey = NULL;
	a->hits = 0;
}

static void
cut(struct challenge_store *s, struct challenge_answer **at)
{
	struct challenge_answer	*a = *at;

	*at = a->chain;
	s->n--;
	empty(a);
	free(a->key);
	free(a);
}

struct challenge_answer *
challenge_store_put(struct challenge_store *s, const char *key, int64_t end,
    int64_t now)
{
	struct challenge_answer	**at = place(s, SPAN_STR(key)), *a;

	if (*at == NULL) {
		if (s->n >= LIMIT_CHALLENGES)
			challenge_store_sweep(s, now);
		if (s->n >= LIMIT_CHALLENGES)
			return NULL;
		/* It may hang somewhere else now. */
		at = place(s, SPAN_STR(key));
		a = mem_zero(sizeof(*a));
		a->key = mem_str(key);
		*at = a;
		s->n++;
	}
	a = *at;
	empty(a);
	a->end = end;
	return a;
}

struct challenge_answer *
challenge_store_find(struct challenge_store *s, struct span key, int64_t now)
{
	struct challenge_answer	*a = *place(s, key);

	return a != NULL && a->end > now ? a : NULL;
}

void
challenge_store_drop(struct challenge_store *s, const char *key)
{
	struct challenge_answer	**at = place(s, SPAN_STR(key));

	if (*at != NULL)
		cut(s, at);
}

void
challenge_store_sweep(struct challenge_store *s, int64_t now)
{
	struct challenge_answer	**at;
	size_t			  i;

	for (i = 0; i < CHALLENGE_SLOTS && s->n != 0; i++)
		for (at = &s->slots[i]; *at != NULL;) {
			if ((*at)->end <= now)
				cut(s, at);
			else
				at = &(*at)->chain;
		}
}

void
challenge_store_clear(struct challenge_store *s)
{
	challenge_store_sweep(s, INT64_MAX);
}
