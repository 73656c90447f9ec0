#include "auditor/decide_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/db/issuance.h"
#include "auditor/decide_look.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/name.h"

/* --- small helpers --- */

const char *
decide_facts_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int64_t
decide_facts_number(const json_t *o, const char *key, int64_t none)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : none;
}

const char **
decide_facts_strings(const json_t *o, const char *key, size_t *n)
{
	const json_t	 *a = json_object_get(o, key);
	const char	**v = mem_array(json_array_size(a) + 1, sizeof(*v));
	size_t		  i;

	*n = json_array_size(a);
	for (i = 0; i < *n; i++) {
		v[i] = json_string_value(json_array_get(a, i));
		if (v[i] == NULL)
			v[i] = "";
	}
	return v;
}

char *
decide_facts_fold(const char *name)
{
	char	out[NAME_TEXT];

	if (name == NULL)
		name = "";
	if (name_fold(name, strlen(name), out, sizeof(out)) == -1)
		return mem_str(name);
	return mem_str(out);
}

json_t *
decide_facts_time(int64_t us)
{
	char	out[CLK_TEXT];

	return us == INT64_MIN ? json_null() : json_string(clk_text(us, out));
}

#define text	decide_facts_text
#define folded	decide_facts_fold
#define number	decide_facts_number

/* --- watches and entries, from before and new --- */

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static json_t *
find(json_t *array, const char *key, int64_t id)
{
	size_t	i;

	for (i = 0; i < json_array_size(array); i++)
		if (number(json_array_get(array, i), key, 0) == id)
			return json_array_get(array, i);
	return NULL;
}

/*
 * The log's first head came late: it is of the baseline all the same, and that
 * it may have been issued behind the watch is told with it.
 */
static void
late(json_t *w, const struct decide_match *m)
{
	if (m->late_s > number(w, "late_s", 0))
		json_object_set_new(w, "late_s", json_integer(m->late_s));
}

/*
 * One entry below the first head is enough for the baseline: the certificate
 * existed before the watch.  Not where another log had it as news before that
 * head was there: a log that was away when the watch began shows nothing older.
 */
static void
add_watch(struct decide_case *c, const struct decide_match *m)
{
	json_t	*w = find(c->watches, "id", m->watch_id);
	char	*fold;

	if (w != NULL) {
		json_object_set_new(w, "policy",
		    json_string(or_empty(m->policy)));
		if (m->baseline && m->there_at <= number(c->in, "first_seen",
		    INT64_MAX)) {
			json_object_set_new(w, "baseline", json_true());
			late(w, m);
		}
		return;
	}
	fold = folded(m->name);
	json_array_append_new(c->watches, json_pack("{sI ss ss ss ss ss sb}",
	    "id", (json_int_t)m->watch_id, "pattern", or_empty(m->pattern),
	    "owner", or_empty(m->owner), "policy", or_empty(m->policy),
	    "name", or_empty(m->name), "fold", fold, "baseline",
	    m->baseline));
	if (m->baseline)
		late(json_array_get(c->watches, json_array_size(c->watches) -
		    1), m);
	free(fold);
}

static void
add_entry(struct decide_case *c, const struct decide_match *m)
{
	const json_t	*x;
	size_t		 i;

	for (i = 0; i < json_array_size(c->entries); i++) {
		x = json_array_get(c->entries, i);
		if (number(x, "log_ref", 0) == m->log_ref &&
		    number(x, "index", -1) == m->index)
			return;
	}
	if (json_array_size(c->entries) < LIMIT_DECIDE_ENTRIES)
		json_array_append_new(c->entries, json_pack("{si sI sI}",
		    "log_ref", m->log_ref, "index", (json_int_t)m->index,
		    "timestamp_ms", (json_int_t)m->timestamp_ms));
}

static const json_t *
policy_of(const json_t *policies, const json_t *watch)
{
	char	id[32];

	(void)snprintf(id, sizeof(id), "%lld",
	    (long long)number(watch, "id", 0));
	return json_object_get(policies, id);
}

/*
 * The watches that are stored, with the policy that they have now; those that
 * nobody has any more are dropped, unless that leaves none.
 */
static void
stored_watches(struct decide_case *c, int alone)
{
	const json_t	*old, *now, *p;
	json_t		*w;
	size_t		 i;

	old = json_object_get(json_object_get(c->in, "facts"), "watches");
	now = json_object_get(c->in, "policies");
	c->unwatched = alone;
	for (i = 0; i < json_array_size(old) && c->unwatched; i++)
		c->unwatched = policy_of(now, json_array_get(old, i)) ==
		    NULL;
	for (i = 0; i < json_array_size(old); i++) {
		w = json_array_get(old, i);
		p = policy_of(now, w);
		if (p == NULL && !c->unwatched)
			continue;
		w = json_deep_copy(w);
		if (p != NULL)
			json_object_set_new(w, "policy",
			    json_string(json_string_value(p)));
		json_array_append_new(c->watches, w);
	}
}

/* The distinct owners, in the order in which they matched. */
static void
list_owners(struct decide_case *c)
{
	const char	*o;
	size_t		 i, k;

	c->owners = mem_array(json_array_size(c->watches) + 1,
	    sizeof(*c->owners));
	for (i = 0; i < json_array_size(c->watches); i++) {
		o = text(json_array_get(c->watches, i), "owner");
		for (k = 0; k < c->nowners; k++)
			if (strcmp(c->owners[k], o) == 0)
				break;
		if (k == c->nowners)
			c->owners[c->nowners++] = (char *)(uintptr_t)o;
	}
}

/* --- loading --- */

/* When it was logged first; of an issuance without an entry: when it began. */
static int64_t
logged_first(const struct decide_case *c)
{
	int64_t	at = INT64_MAX, t;
	size_t	i;

	for (i = 0; i < json_array_size(c->entries); i++) {
		t = number(json_array_get(c->entries, i), "timestamp_ms",
		    INT64_MAX);
		if (t < at)
			at = t;
	}
	if (at == INT64_MAX)
		return number(c->in, "not_before", 0);
	return at > INT64_MAX / 1000 ? INT64_MAX : at * 1000;
}

/* The rest, once everything is known that the database knows. */
static void
join(struct decide_case *c, const struct decide_one *o)
{
	const json_t	 *old;
	const char	**names;
	size_t		  i;

	c->watches = json_array();
	stored_watches(c, o->n == 0);
	old = json_object_get(json_object_get(c->in, "facts"), "entries");
	c->entries = json_is_array(old) ? json_deep_copy(old) : json_array();
	for (i = 0; i < o->n; i++) {
		add_watch(c, &o->m[i]);
		add_entry(c, &o->m[i]);
	}
	names = decide_facts_strings(c->in, "names", &c->nnames);
	c->names = mem_array(c->nnames + 1, sizeof(*c->names));
	for (i = 0; i < c->nnames; i++)
		c->names[i] = folded(names[i]);
	free(names);
	list_owners(c);
	c->at = logged_first(c);
	c->proven |= json_is_true(json_object_get(c->in, "proven"));
}

static void
begin(struct decide_case *c, const struct decide_one *o)
{
	c->tbs = &o->tbs;
	c->named = o->named;
	enc_hex_to(c->hex, c->tbs->p, c->tbs->n < 32 ? c->tbs->n : 32);
}

int
decide_facts_load(struct decide_case *v, struct db *db,
    const struct decide_one *o, size_t n, struct err *e)
{
	struct span	*tbs = mem_array(n + 1, sizeof(*tbs));
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		begin(&v[i], &o[i]);
		tbs[i] = o[i].tbs;
	}
	rc = issuance_rows(db, &(struct db_spans){ tbs, n }, &r, e);
	free(tbs);
	for (i = 0; i < n && rc == 0; i++)
		if ((v[i].in = issuance_row(r, i, e)) == NULL)
			rc = -1;
	db_free(r);
	if (rc == 0)
		rc = decide_look(v, db, o, n, e);
	for (i = 0; i < n && rc == 0; i++)
		join(&v[i], &o[i]);
	return rc;
}

/* As its row will be. */
static json_t *
row(const struct decide_new *x)
{
	json_t	*names = json_array();
	size_t	 i;

	for (i = 0; i < x->names.n; i++)
		json_array_append_new(names, json_string(x->names.v[i]));
	return json_pack("{sI so ss? ss? ss}",
	    "not_before", (json_int_t)x->not_before,
	    "names", names,
	    "key_type", x->key_type,
	    "issuer_owner", x->owner[0] != '\0' ? x->owner : NULL,
	    "issued", x->issued);
}

int
decide_facts_ahead(struct decide_case *v, struct db *db,
    const struct decide_new *x, size_t n, struct err *e)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		begin(&v[i], &x[i].one);
		v[i].in = row(&x[i]);
	}
	return decide_look_ahead(v, db, x, n, e);
}

void
decide_facts_join(struct decide_case *c, const struct decide_one *o)
{
	join(c, o);
}

void
decide_facts_free(struct decide_case *c)
{
	size_t	i;

	for (i = 0; c->names != NULL && i < c->nnames; i++)
		free(c->names[i]);
	free(c->names);
	free(c->owners);
	json_decref(c->in);
	json_decref(c->watches);
	json_decref(c->entries);
	memset(c, 0, sizeof(*c));
}

/* --- looking --- */

const json_t *
decide_facts_watch(const struct decide_case *c, const char *owner)
{
	size_t	i;

	for (i = 0; i < json_array_size(c->watches); i++)
		if (strcmp(text(json_array_get(c->watches, i), "owner"),
		    owner) == 0)
			return json_array_get(c->watches, i);
	return NULL;
}

const json_t *
decide_facts_before(const struct decide_case *c, const char *owner)
{
	const json_t	*a, *o;
	size_t		 i;

	a = json_object_get(json_object_get(c->in, "facts"), "owners");
	for (i = 0; i < json_array_size(a); i++) {
		o = json_array_get(a, i);
		if (strcmp(text(o, "owner"), owner) == 0)
			return o;
	}
	return NULL;
}

json_t *
decide_facts_logs(const struct decide_case *c)
{
	const json_t	*logs = json_object_get(c->in, "logs");
	json_t		*out = json_array(), *seen = json_object();
	const char	*s;
	char		 id[32];
	size_t		 i;

	for (i = 0; i < json_array_size(c->entries); i++) {
		snprintf(id, sizeof(id), "%lld", (long long)number(
		    json_array_get(c->entries, i), "log_ref", 0));
		s = text(logs, id);
		if (s == NULL || json_object_get(seen, id) != NULL)
			continue;
		json_object_set_new(seen, id, json_true());
		json_array_append_new(out, json_string(s));
	}
	json_decref(seen);
	return out;
}
