#include "auditor/decide_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/db/issuance.h"
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

/* The canonical form of a name; one that has none stays as it is. */
static char *
folded(const char *name)
{
	char	out[NAME_TEXT];

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
 * One entry below the first head is enough for the baseline: the certificate
 * existed before the watch.
 */
static void
add_watch(struct decide_case *c, const struct decide_match *m)
{
	json_t	*w = find(c->watches, "id", m->watch_id);
	char	*fold;

	if (w != NULL) {
		json_object_set_new(w, "policy",
		    json_string(or_empty(m->policy)));
		if (m->baseline)
			json_object_set_new(w, "baseline", json_true());
		return;
	}
	fold = folded(or_empty(m->name));
	json_array_append_new(c->watches, json_pack("{sI ss ss ss ss ss sb}",
	    "id", (json_int_t)m->watch_id, "pattern", or_empty(m->pattern),
	    "owner", or_empty(m->owner), "policy", or_empty(m->policy),
	    "name", or_empty(m->name), "fold", fold, "baseline",
	    m->baseline));
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

/*
 * The watches that are stored, with the policy that they have now; those that
 * nobody has any more are dropped, unless that leaves none.
 */
static void
stored_watches(struct decide_case *c, int alone)
{
	const json_t	*old, *now, *p;
	json_t		*w;
	char		 id[32];
	size_t		 i;

	old = json_object_get(json_object_get(c->in, "facts"), "watches");
	now = json_object_get(c->in, "policies");
	c->unwatched = alone && json_object_size(now) == 0;
	for (i = 0; i < json_array_size(old); i++) {
		w = json_array_get(old, i);
		snprintf(id, sizeof(id), "%lld",
		    (long long)number(w, "id", 0));
		p = json_object_get(now, id);
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

/* The folded names that matched, and the logs, as texts of arrays. */
static void
matched(const struct decide_one *o, struct buf *names, struct buf *refs)
{
	char		**v = mem_array(o->n + 1, sizeof(*v));
	size_t		  i;

	buf_str(refs, "{");
	for (i = 0; i < o->n; i++) {
		v[i] = folded(or_empty(o->m[i].name));
		buf_fmt(refs, "%s%d", i > 0 ? "," : "", o->m[i].log_ref);
	}
	buf_str(refs, "}");
	db_strs_text(names, &(struct db_strs){ (const char *const *)v, o->n });
	for (i = 0; i < o->n; i++)
		free(v[i]);
	free(v);
}

int
decide_facts_ask(struct db *db, const struct decide_one *v, size_t n,
    struct db_res **r, struct err *e)
{
	struct span	*tbs = mem_array(n + 1, sizeof(*tbs));
	struct buf	*b = mem_zero((2 * n + 1) * sizeof(*b));
	const char	**s = mem_array(2 * n + 1, sizeof(*s));
	size_t		 i;
	int		 rc;

	for (i = 0; i < n; i++) {
		tbs[i] = v[i].tbs;
		matched(&v[i], &b[i], &b[n + i]);
		s[i] = buf_text(&b[i]);
		s[n + i] = buf_text(&b[n + i]);
	}
	rc = issuance_facts(db, &(struct db_spans){ tbs, n },
	    &(struct db_strs){ s, n }, &(struct db_strs){ s + n, n }, r, e);
	for (i = 0; i < 2 * n; i++)
		buf_free(&b[i]);
	free(tbs);
	free(b);
	free(s);
	return rc;
}

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

int
decide_facts_load(struct decide_case *c, const struct decide_one *o,
    const struct db_res *r, size_t row, struct err *e)
{
	const json_t	 *old;
	const char	**names;
	size_t		  i;

	c->tbs = &o->tbs;
	c->named = o->named;
	enc_hex_to(c->hex, c->tbs->p, c->tbs->n < 32 ? c->tbs->n : 32);
	if ((c->in = issuance_fact(r, row, e)) == NULL)
		return -1;
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
	return 0;
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

/* Watches to remember: more than the limit are decided about but forgotten. */
static json_t *
remembered(const json_t *a)
{
	json_t	*out = json_array();
	size_t	 i;

	for (i = 0; i < json_array_size(a) && i < LIMIT_DECIDE_WATCHES; i++)
		json_array_append(out, json_array_get(a, i));
	return out;
}

json_t *
decide_facts_store(const struct decide_case *c, const struct rule_facts *f)
{
	return json_pack("{so so ss sb ss? sO ss ss? so so ss? sI sI so sO sO}",
	    "at", decide_facts_time(f->now),
	    "logged_first", decide_facts_time(c->at),
	    "issued", text(c->in, "issued"),
	    "proven", c->proven,
	    "issuer_owner", f->issuer_owner,
	    "issuer_usual_for", json_object_get(c->in, "usual"),
	    "key", rule_key_name(f->key),
	    "key_type", f->key_type,
	    "caa", json_null(),
	    "served_at", json_array(),
	    "source", f->source,
	    "expectation", (json_int_t)f->expect,
	    "known", (json_int_t)f->known,
	    "watches", remembered(c->watches),
	    "entries", c->entries,
	    "twins", json_object_get(c->in, "twins"));
}
