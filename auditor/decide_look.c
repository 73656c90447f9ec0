#include "auditor/decide_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/db/issuance.h"
#include "base/enc.h"
#include "base/mem.h"

/* Numbers of logs and watches, each as often as it is met. */
struct refs {
	int64_t	*v;
	size_t	 n, cap;
};

/* What is asked, and what it lies in. */
struct look {
	struct issuance_key	*k;
	struct buf		*names;		/* as the text of an array */
	uint8_t			(*hash)[64];	/* of rows: issuer, key */
	size_t			 n;
	struct refs		 logs, watches;
};

static void
look_open(struct look *l, size_t n)
{
	memset(l, 0, sizeof(*l));
	l->n = n;
	l->k = mem_array(n + 1, sizeof(*l->k));
	l->names = mem_zero((n + 1) * sizeof(*l->names));
	l->hash = mem_array(n + 1, sizeof(*l->hash));
}

static void
look_free(struct look *l)
{
	size_t	i;

	for (i = 0; i < l->n; i++)
		buf_free(&l->names[i]);
	free(l->names);
	free(l->k);
	free(l->hash);
	free(l->logs.v);
	free(l->watches.v);
}

static void
add(struct refs *r, int64_t x)
{
	if (r->n != 0 && r->v[r->n - 1] == x)
		return;
	r->v = mem_grow(r->v, &r->cap, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = x;
}

static int
by_number(const void *a, const void *b)
{
	const int64_t	*x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Each once. */
static struct db_ints
distinct(struct refs *r)
{
	size_t	i, n = 0;

	if (r->n != 0)
		qsort(r->v, r->n, sizeof(*r->v), by_number);
	for (i = 0; i < r->n; i++)
		if (n == 0 || r->v[n - 1] != r->v[i])
			r->v[n++] = r->v[i];
	return (struct db_ints){ r->v, n };
}

/* The names that matched, now and before, each once; and what goes with them. */
static void
names(struct look *l, size_t i, const json_t *facts,
    const struct decide_one *o)
{
	const json_t	 *w = json_object_get(facts, "watches");
	const json_t	 *x = json_object_get(facts, "entries");
	char		**fold = mem_array(o->n + 1, sizeof(*fold));
	const char	**v = mem_array(o->n + json_array_size(w) + 1,
			    sizeof(*v));
	const char	 *s;
	size_t		  j, k, n = 0;

	for (j = 0; j < o->n + json_array_size(w); j++) {
		s = j < o->n ? (fold[j] = decide_facts_fold(o->m[j].name)) :
		    decide_facts_text(json_array_get(w, j - o->n), "fold");
		for (k = 0; s != NULL && k < n && strcmp(v[k], s) != 0; k++)
			;
		if (s != NULL && k == n)
			v[n++] = s;
	}
	db_strs_text(&l->names[i], &(struct db_strs){ v, n });
	l->k[i].names = buf_text(&l->names[i]);
	for (j = 0; j < o->n; j++) {
		add(&l->logs, o->m[j].log_ref);
		free(fold[j]);
	}
	for (j = 0; j < json_array_size(x); j++)
		add(&l->logs, decide_facts_number(json_array_get(x, j),
		    "log_ref", 0));
	for (j = 0; j < json_array_size(w); j++)
		add(&l->watches, decide_facts_number(json_array_get(w, j),
		    "id", 0));
	free(fold);
	free(v);
}

/* --- the answer ---------------------------------------------------------- */

/* Where a thing goes, and how it is written. */
static const struct {
	const char	*what, *key;
	int		 object;
} lists[] = {
	{ "usual", "usual", 0 }, { "twin", "twins", 0 },
	{ "known", "known", 1 }, { "expect", "expect", 1 },
	{ "ours", "ours", 1 }, { "finding", "findings", 1 },
};

/* What all of them share. */
struct shared {
	int64_t	 now;
	json_t	*source, *logs, *policies;
};

static void
append(json_t *in, const char *key, json_t *v)
{
	json_t	*a = json_object_get(in, key);

	if (a == NULL) {
		a = json_array();
		json_object_set_new(in, key, a);
	}
	json_array_append_new(a, v);
}

/* Something of one case. */
static int
put(struct decide_case *c, const char *what, const char *v, struct err *e)
{
	json_t		*x;
	int64_t		 at = strtoll(v, NULL, 10);
	size_t		 i;

	if (strcmp(what, "old") == 0) {
		c->ahead = 0;
		return 0;
	}
	if (strcmp(what, "first") == 0) {
		if (at < decide_facts_number(c->in, "issuer_first_seen",
		    INT64_MAX))
			json_object_set_new(c->in, "issuer_first_seen",
			    json_integer(at));
		return 0;
	}
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(what, lists[i].what) != 0)
			continue;
		x = lists[i].object ? json_loads(v, 0, NULL) : json_string(v);
		if (x == NULL)
			break;
		append(c->in, lists[i].key, x);
		return 0;
	}
	return err_set(e, ERR_DB, "what is known of an issuance (%s) cannot "
	    "be read", what);
}

/* Something of all of them: 1 when it was. */
static int
put_shared(struct shared *s, const struct db_res *r, size_t i)
{
	const char	*what = db_text(r, i, ISSUANCE_WHAT);
	const char	*nr = db_text(r, i, ISSUANCE_NR);
	const char	*v = db_text(r, i, ISSUANCE_V);

	if (strcmp(what, "now") == 0)
		s->now = strtoll(v, NULL, 10);
	else if (strcmp(what, "source") == 0)
		json_array_append_new(s->source, json_loads(v, 0, NULL));
	else if (strcmp(what, "log") == 0)
		json_object_set_new(s->logs, nr, json_string(v));
	else if (strcmp(what, "policy") == 0)
		json_object_set_new(s->policies, nr, json_string(v));
	else
		return 0;
	return 1;
}

static int
answer(struct decide_case *v, size_t n, const struct db_res *r, int ahead,
    struct err *e)
{
	struct shared	s = { 0, json_array(), json_object(), json_object() };
	int64_t		nr;
	size_t		i;
	int		rc = 0;

	for (i = 0; i < n; i++) {
		json_object_set_new(v[i].in, "usual", json_array());
		json_object_set_new(v[i].in, "twins", json_array());
		v[i].ahead = ahead;
	}
	for (i = 0; i < db_rows(r) && rc == 0; i++) {
		if (put_shared(&s, r, i))
			continue;
		nr = db_int(r, i, ISSUANCE_NR);
		rc = nr < 1 || (size_t)nr > n ? err_set(e, ERR_DB, "there is "
		    "no number %lld of %zu issuances", (long long)nr, n) :
		    put(&v[nr - 1], db_text(r, i, ISSUANCE_WHAT),
		    db_text(r, i, ISSUANCE_V), e);
	}
	for (i = 0; i < n; i++) {
		json_object_set(v[i].in, "source", s.source);
		json_object_set(v[i].in, "logs", s.logs);
		json_object_set(v[i].in, "policies", s.policies);
		json_object_set_new(v[i].in, "now", json_integer(s.now));
		if (ahead)
			json_object_set_new(v[i].in, "first_seen",
			    json_integer(s.now));
	}
	json_decref(s.source);
	json_decref(s.logs);
	json_decref(s.policies);
	return rc;
}

static int
ask(struct look *l, struct decide_case *v, struct db *db, int ahead,
    struct err *e)
{
	struct db_ints	 logs = distinct(&l->logs);
	struct db_ints	 watches = distinct(&l->watches);
	struct db_res	*r = NULL;
	int		 rc;

	rc = issuance_look(db, l->k, l->n, &logs, &watches, ahead, &r, e);
	if (rc == 0)
		rc = answer(v, l->n, r, ahead, e);
	db_free(r);
	look_free(l);
	return rc;
}

/* A hash that the row has in hex. */
static struct span
unhex(const json_t *in, const char *key, uint8_t out[32])
{
	const char	*s = decide_facts_text(in, key);

	if (s == NULL || strlen(s) != 64 || enc_unhex_to(out, 32, s) == -1)
		return (struct span){ out, 0 };
	return (struct span){ out, 32 };
}

int
decide_look(struct decide_case *v, struct db *db, const struct decide_one *o,
    size_t n, struct err *e)
{
	struct issuance_key	*k;
	struct look		 l;
	size_t			 i;

	look_open(&l, n);
	for (i = 0; i < n; i++) {
		k = &l.k[i];
		k->tbs = o[i].tbs;
		k->issuer = unhex(v[i].in, "issuer_spki_sha256", l.hash[i]);
		k->key = unhex(v[i].in, "spki_sha256", l.hash[i] + 32);
		k->serial = decide_facts_text(v[i].in, "serial");
		k->owner = decide_facts_text(v[i].in, "issuer_owner");
		names(&l, i, json_object_get(v[i].in, "facts"), &o[i]);
	}
	return ask(&l, v, db, 0, e);
}

int
decide_look_ahead(struct decide_case *v, struct db *db,
    const struct decide_new *x, size_t n, struct err *e)
{
	struct look	l;
	size_t		i;

	look_open(&l, n);
	for (i = 0; i < n; i++) {
		l.k[i] = (struct issuance_key){ .tbs = x[i].one.tbs,
		    .issuer = x[i].issuer, .key = x[i].key,
		    .serial = x[i].serial, .owner = x[i].owner[0] != '\0' ?
		    x[i].owner : NULL };
		names(&l, i, NULL, &x[i].one);
	}
	return ask(&l, v, db, 1, e);
}
