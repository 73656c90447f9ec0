#include "auditor/decide_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "pki/owner.h"

#define text	decide_facts_text
#define number	decide_facts_number

/* The finding that is there: its object, or NULL. */
static const json_t *
existing(const struct decide_case *c, const char *kind, const char *owner)
{
	const json_t	*a = json_object_get(c->in, "findings"), *f;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		f = json_array_get(a, i);
		if (strcmp(text(f, "kind"), kind) == 0 &&
		    strcmp(text(f, "owner"), owner) == 0)
			return f;
	}
	return NULL;
}

/*
 * Did somebody close it after this very decision?  Then it stays closed: a
 * re-read is no news.
 */
static int
closed(const struct decide_case *c, const char *kind, const char *owner,
    const char *before)
{
	const json_t *f = existing(c, kind, owner);

	return f != NULL && strcmp(text(f, "state"), "resolved") == 0 &&
	    before != NULL && strcmp(before, kind) == 0;
}

/* The first names, and how many there are. */
static void
put_names(const struct decide_case *c, json_t *detail)
{
	const json_t	*all = json_object_get(c->in, "names");
	json_t		*out = json_array();
	size_t		 i, n = json_array_size(all);

	for (i = 0; i < n && i < LIMIT_DETAIL_NAMES; i++)
		json_array_append(out, json_array_get(all, i));
	json_object_set_new(detail, "names", out);
	json_object_set_new(detail, "names_count", json_integer((json_int_t)n));
	json_object_set_new(detail, "names_more",
	    json_integer((json_int_t)(n - i)));
}

/* The watches of this owner that matched, and by which name. */
static json_t *
watches_of(const struct decide_case *c, const char *owner)
{
	const json_t	*w;
	json_t		*out = json_array();
	size_t		 i;

	for (i = 0; i < json_array_size(c->watches) &&
	    json_array_size(out) < LIMIT_DETAIL_NAMES; i++) {
		w = json_array_get(c->watches, i);
		if (strcmp(text(w, "owner"), owner) == 0)
			json_array_append_new(out, json_pack("{ss ss}",
			    "watch", text(w, "pattern"), "name",
			    text(w, "name")));
	}
	return out;
}

static json_t *
entries(const struct decide_case *c)
{
	const json_t	*x, *logs = json_object_get(c->in, "logs");
	json_t		*out = json_array();
	char		 id[32];
	size_t		 i;

	for (i = 0; i < json_array_size(c->entries) &&
	    i < LIMIT_DETAIL_NAMES; i++) {
		x = json_array_get(c->entries, i);
		snprintf(id, sizeof(id), "%lld",
		    (long long)number(x, "log_ref", 0));
		json_array_append_new(out, json_pack("{ss? sI sI}", "log",
		    text(logs, id), "index", (json_int_t)number(x, "index",
		    0), "timestamp", (json_int_t)number(x, "timestamp_ms",
		    0)));
	}
	return out;
}

static json_t *
detail(const struct decide_case *c, const char *owner,
    const struct rule_facts *f, const struct rule_result *r)
{
	json_t *d = json_object();

	put_names(c, d);
	json_object_update_new(d, json_pack("{ss? ss?}",
	    "subject", text(c->in, "subject"),
	    "issuer", text(c->in, "issuer")));
	json_object_update_new(d, json_pack("{ss ss? so so ss? ss? ss? so so"
	    " ss? si}",
	    "tbs_sha256", c->hex,
	    "serial", text(c->in, "serial"),
	    "not_before", decide_facts_time(number(c->in, "not_before",
	    INT64_MIN)),
	    "not_after", decide_facts_time(number(c->in, "not_after",
	    INT64_MIN)),
	    "key_type", f->key_type,
	    "spki_sha256", text(c->in, "spki_sha256"),
	    "issuer_spki_sha256", text(c->in, "issuer_spki_sha256"),
	    "watches", watches_of(c, owner),
	    "entries", entries(c),
	    "source", f->source,
	    "rule", r->rule));
	return d;
}

/* What opens one finding beside its facts. */
struct what {
	const char	*kind;
	const char	*subject;
	const char	*severity;
	const char	*reason;
	int		 digest_only;
	json_t		*detail;	/* borrowed */
};

void
decide_news_free(struct decide_news *w)
{
	size_t	i;

	for (i = 0; i < w->nown; i++)
		free(w->own[i]);
	free(w->own);
	free(w->v);
}

static void *
own(struct decide_news *w, void *p)
{
	w->own = mem_grow(w->own, &w->ocap, w->nown + 1, sizeof(*w->own));
	return w->own[w->nown++] = p;
}

/* The facts are gone before the finding is opened. */
static const char *
copy(struct decide_news *w, const char *s)
{
	return s == NULL ? NULL : own(w, mem_str(s));
}

static void
open_one(const struct decide_case *c, struct decide_news *news,
    const char *owner, const struct rule_facts *f, const struct rule_result *r,
    const struct what *w)
{
	struct finding	 *fi;
	json_t		 *logs = decide_facts_logs(c);
	const char	**names;
	size_t		  i, n = json_array_size(logs);

	news->v = mem_grow(news->v, &news->cap, news->n + 1,
	    sizeof(*news->v));
	fi = &news->v[news->n++];
	memset(fi, 0, sizeof(*fi));
	names = own(news, mem_array(n + 1, sizeof(*names)));
	for (i = 0; i < n; i++)
		names[i] = copy(news, json_string_value(json_array_get(logs,
		    i)));
	fi->kind = copy(news, w->kind);
	fi->subject = copy(news, w->subject);
	fi->owner = copy(news, owner);
	fi->severity = copy(news, w->severity);
	fi->watch = copy(news, text(decide_facts_watch(c, owner), "pattern"));
	fi->name = copy(news, f->name != NULL ? f->name : "");
	fi->reason = copy(news, w->reason);
	fi->rule = r->rule;
	fi->proven = c->proven;
	fi->digest_only = w->digest_only;
	fi->issuer_owner = copy(news, f->issuer_owner);
	fi->issuer_first_seen = number(c->in, "issuer_first_seen", INT64_MIN);
	fi->key_status = f->key == RULE_KEY_OUTSIDE ? "known" :
	    rule_key_name(f->key);
	fi->nearest_source = copy(news, f->source);
	fi->ca_contact = copy(news, f->issuer_owner != NULL ?
	    owner_contact(f->issuer_owner) : NULL);
	fi->logs.v = names;
	fi->logs.n = n;
	if ((fi->detail = own(news, json_dumps(w->detail, JSON_COMPACT))) ==
	    NULL)
		abort();
	json_decref(logs);
}

/* What was said of this owner before and is not so any more. */
static int
retract(const struct decide_case *c, struct db *db, const char *owner,
    const struct rule_result *r, struct err *e)
{
	const json_t	*a = json_object_get(c->in, "findings"), *f;
	const char	*kind;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		f = json_array_get(a, i);
		kind = text(f, "kind");
		if (strcmp(text(f, "owner"), owner) != 0 ||
		    strcmp(text(f, "state"), "open") != 0)
			continue;
		if (strcmp(kind, "certificate.malformed") == 0) {
			if (r->decision == RULE_MALFORMED)
				continue;
		} else if (r->kind != NULL ||
		    (strcmp(kind, "certificate.unexpected") != 0 &&
		    strcmp(kind, "key.misused") != 0))
			continue;
		if (finding_retract(db, number(f, "id", 0), r->reason,
		    e) == -1)
			return -1;
	}
	return 0;
}

/* Another TBS has the same issuer key and serial. */
static void
twins(const struct decide_case *c, const char *owner,
    const struct rule_facts *f, const struct rule_result *r,
    struct decide_news *news)
{
	const json_t	*others = json_object_get(c->in, "twins"), *old;
	struct what	 w;
	char		 subject[256];
	json_t		*d;

	if (json_array_size(others) == 0 ||
	    f->issued != RULE_ISSUED_VALID || r->decision == RULE_BASELINE)
		return;
	old = json_object_get(json_object_get(c->in, "facts"), "twins");
	if (closed(c, "certificate.twins", owner, json_array_size(old) > 0 ?
	    "certificate.twins" : NULL))
		return;
	snprintf(subject, sizeof(subject), "%s:%s", text(c->in,
	    "issuer_spki_sha256"), text(c->in, "serial"));
	d = detail(c, owner, f, r);
	json_object_set_new(d, "twins", json_deep_copy(others));
	w.kind = "certificate.twins";
	w.subject = subject;
	w.severity = "high";
	w.reason = "the same issuer key and serial sign another "
	    "TBSCertificate: the SCTs of one cannot verify";
	w.digest_only = 0;
	w.detail = d;
	open_one(c, news, owner, f, r, &w);
	json_decref(d);
}

int
decide_find(struct decide_case *c, struct db *db, const char *owner,
    const struct rule_facts *f, const struct rule_result *r,
    struct decide_news *news, struct err *e)
{
	const json_t	*before = decide_facts_before(c, owner);
	struct what	 w;

	if (retract(c, db, owner, r, e) == -1)
		return -1;
	if (c->unwatched)
		return 0;
	if (r->kind != NULL && !closed(c, r->kind, owner,
	    before != NULL ? text(before, "kind") : NULL)) {
		w.kind = r->kind;
		w.subject = c->hex;
		w.severity = r->severity;
		w.reason = r->reason;
		w.digest_only = r->digest_only;
		w.detail = detail(c, owner, f, r);
		open_one(c, news, owner, f, r, &w);
		json_decref(w.detail);
	}
	twins(c, owner, f, r, news);
	return 0;
}
