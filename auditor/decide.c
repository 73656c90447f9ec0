#include "auditor/decide.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/expect.h"
#include "auditor/db/finding.h"
#include "auditor/db/issuance.h"
#include "auditor/decide_ask.h"
#include "auditor/decide_facts.h"
#include "auditor/decide_find.h"
#include "auditor/rule.h"
#include "base/limit.h"
#include "base/mem.h"

/* How many holds one transaction of decide_holds() ends. */
#define HOLDS_AT_ONCE	100

/* What the rules say for each owner. */
struct answers {
	struct rule_facts	*facts;
	struct rule_result	*result;
	size_t			 n;
};

static void
ask_all(struct decide_case *c, struct answers *a)
{
	size_t	i;

	for (i = 0; i < a->n; i++) {
		decide_ask(c, c->owners[i], &a->facts[i]);
		rule_apply(&a->facts[i], &a->result[i]);
	}
}

/*
 * An order is used up only when rule 2 decides: a denied certificate leaves
 * it open.  When another certificate was faster, the rules are asked again.
 */
static int
use_up(struct decide_case *c, struct db *db, struct answers *a,
    struct err *e)
{
	size_t	i;
	int	k;

	for (i = 0; i < a->n; i++) {
		if (a->result[i].rule != 2 || !c->expect_open)
			continue;
		if ((k = expect_use(db, a->facts[i].expect, c->tbs, e)) == -1)
			return -1;
		if (k == 1)
			return 0;
		c->expect_gone = 1;
		c->expect_open = 0;
		ask_all(c, a);
		return 0;
	}
	return 0;
}

/* One owner's answer, as it is stored. */
static json_t *
answer(const char *owner, const struct rule_facts *f,
    const struct rule_result *r)
{
	json_t	*rules = json_array();
	int	 i;

	for (i = 0; i < RULE_COUNT; i++)
		json_array_append_new(rules, json_pack("{si sb sb ss ss}",
		    "rule", i + 1, "decided", r->rule == i + 1,
		    "fires", r->say[i].fires, "why", r->say[i].why,
		    "silent", r->say[i].silent));
	return json_pack("{ss ss si ss? ss? sb ss ss? ss? sb sb so so}",
	    "owner", owner,
	    "decision", rule_decision_name(r->decision),
	    "rule", r->rule,
	    "kind", r->kind,
	    "severity", r->severity,
	    "digest_only", r->digest_only,
	    "reason", r->reason,
	    "policy", f->policy,
	    "name", f->name,
	    "baseline", f->baseline,
	    "issuer_usual", f->issuer_usual,
	    "hold_until", decide_facts_time(r->decision == RULE_HOLD ?
	    f->hold_end : INT64_MIN),
	    "rules", rules);
}

/* What was decided about, to be stored together, and its findings. */
struct done {
	struct issuance_decision	*v;
	char				**own;
	size_t				 n, nown, cap, ocap;
	struct decide_news		 news;
};

static void
done_free(struct done *d)
{
	size_t	i;

	for (i = 0; i < d->nown; i++)
		free(d->own[i]);
	free(d->own);
	free(d->v);
	decide_news_free(&d->news);
}

static const char *
keep(struct done *d, char *s)
{
	d->own = mem_grow(d->own, &d->ocap, d->nown + 1, sizeof(*d->own));
	return d->own[d->nown++] = s;
}

/*
 * Its names in their canonical form, where they are not stored yet.  They do
 * not change: once is enough.
 */
static char *
names_of(const struct decide_case *c)
{
	const char	**raw, **v = mem_array(c->nnames + 1, sizeof(*v));
	struct buf	  b = BUF_INIT;
	size_t		  i, n = 0, all;

	raw = decide_facts_strings(c->in, "names", &all);
	if (decide_facts_text(c->in, "decision") != NULL)
		all = 0;
	for (i = 0; i < all; i++)
		if (!c->named || strcmp(c->names[i], raw[i]) != 0)
			v[n++] = c->names[i];
	free(raw);
	db_strs_text(&b, &(struct db_strs){ v, n });
	free(v);
	return (char *)buf_detach(&b, &n);
}

/* The loudest answer is the issuance's; all of them are in its facts. */
static void
store(struct decide_case *c, const struct answers *a, struct done *done)
{
	struct issuance_decision	*d;
	json_t				*facts, *owners = json_array();
	char				*body;
	size_t				 i, top = 0;

	done->v = mem_grow(done->v, &done->cap, done->n + 1,
	    sizeof(*done->v));
	d = &done->v[done->n++];
	memset(d, 0, sizeof(*d));
	d->hold_until = INT64_MIN;
	for (i = 0; i < a->n; i++) {
		if (rule_louder(a->result[top].decision,
		    a->result[i].decision) != a->result[top].decision)
			top = i;
		if (a->result[i].decision == RULE_HOLD &&
		    (d->hold_until == INT64_MIN ||
		    a->facts[i].hold_end < d->hold_until))
			d->hold_until = a->facts[i].hold_end;
		json_array_append_new(owners, answer(c->owners[i],
		    &a->facts[i], &a->result[i]));
	}
	facts = decide_facts_store(c, &a->facts[top]);
	json_object_set_new(facts, "owners", owners);
	if ((body = json_dumps(facts, JSON_COMPACT)) == NULL)
		abort();
	json_decref(facts);
	d->tbs = *c->tbs;
	d->decision = rule_decision_name(a->result[top].decision);
	d->rule = a->result[top].rule;
	d->reason = keep(done, mem_str(a->result[top].reason));
	d->facts = keep(done, body);
	d->proven = c->proven;
	d->names = keep(done, names_of(c));
}

/* What there is to do about an issuance beside storing the decision. */
enum need { NEED_NOTHING, NEED_TELL, NEED_USE };

/* Is something to be said, to be taken back, or an order to be used up? */
static enum need
need(const struct decide_case *c, const struct answers *a)
{
	size_t	i;

	for (i = 0; i < a->n; i++)
		if (a->result[i].rule == 2 && c->expect_open)
			return NEED_USE;
	if (json_array_size(json_object_get(c->in, "findings")) > 0)
		return NEED_TELL;
	for (i = 0; i < a->n; i++)
		if (a->result[i].kind != NULL || (a->result[i].decision !=
		    RULE_BASELINE && json_array_size(json_object_get(c->in,
		    "twins")) > 0))
			return NEED_TELL;
	return NEED_NOTHING;
}

/* Findings, expectations: 0 or -1. */
static int
tell(struct decide_case *c, struct db *db, struct answers *a,
    struct done *done, struct err *e)
{
	size_t	i;

	if (use_up(c, db, a, e) == -1)
		return -1;
	for (i = 0; i < a->n; i++)
		if (decide_find(c, db, c->owners[i], &a->facts[i],
		    &a->result[i], &done->news, e) == -1)
			return -1;
	if (c->proven && json_array_size(json_object_get(c->in,
	    "findings")) > 0)
		return finding_proven(db, c->hex, e);
	return 0;
}

/* With ${all} do what it needs; else, when it needs anything, say so (> 0). */
static int
run(struct decide_case *c, struct db *db, int all, struct done *done,
    struct err *e)
{
	struct answers	a = { NULL, NULL, c->nowners };
	int		rc;

	a.facts = mem_array(a.n + 1, sizeof(*a.facts));
	a.result = mem_array(a.n + 1, sizeof(*a.result));
	ask_all(c, &a);
	rc = (int)need(c, &a);
	if (rc != NEED_NOTHING && all)
		rc = tell(c, db, &a, done, e);
	if (rc == 0)
		store(c, &a, done);
	free(a.facts);
	free(a.result);
	return rc;
}

/* As run(), for row ${i} of the answer about facts. */
static int
one(struct db *db, const struct conf *conf, const struct decide_one *o,
    int proven, int all, const struct db_res *r, size_t i, struct done *done,
    struct err *e)
{
	struct decide_case	c;
	int			rc = -1;

	memset(&c, 0, sizeof(c));
	c.conf = conf;
	c.proven = proven;
	if (decide_facts_load(&c, o, r, i, e) == -1)
		goto out;
	/* Before the proof only what the CA has signed counts. */
	if (c.nowners == 0 || (!c.proven &&
	    strcmp(decide_facts_text(c.in, "issued"), "valid") != 0))
		rc = 0;
	else
		rc = run(&c, db, all, done, e);
out:
	decide_facts_free(&c);
	return rc;
}

/*
 * Decide about ${n} of them.  Those that need more than to be stored are left,
 * and needs[] says what; with ${needs} NULL none is.
 */
static int
some(struct db *db, const struct conf *conf, const struct decide_one *v,
    size_t n, int proven, unsigned char *needs, struct err *e)
{
	struct done	 done;
	struct db_res	*r = NULL;
	size_t		 i;
	int		 rc;

	memset(&done, 0, sizeof(done));
	rc = decide_facts_ask(db, v, n, &r, e);
	for (i = 0; i < n && rc != -1; i++) {
		rc = one(db, conf, &v[i], proven, needs == NULL, r, i, &done,
		    e);
		if (needs != NULL && rc > 0)
			needs[i] = (unsigned char)rc;
	}
	if (rc != -1)
		rc = finding_open_all(db, done.news.v, done.news.n, e);
	if (rc != -1)
		rc = issuance_decided(db, done.v, done.n, e);
	db_free(r);
	done_free(&done);
	return rc;
}

/* In portions whose facts fit into memory. */
static int
portions(struct db *db, const struct conf *conf, const struct decide_one *v,
    size_t n, int proven, unsigned char *needs, struct err *e)
{
	size_t	i, k;

	for (i = 0; i < n; i += k) {
		k = n - i < LIMIT_DECIDE_BATCH ? n - i : LIMIT_DECIDE_BATCH;
		if (some(db, conf, v + i, k, proven, needs == NULL ? NULL :
		    needs + i, e) == -1)
			return -1;
	}
	return 0;
}

int
decide_all(struct db *db, const struct conf *conf, const struct decide_one *o,
    size_t n, int proven, struct err *e)
{
	unsigned char		*needs;
	struct decide_one	*loud;
	size_t			 i, k = 0;
	int			 rc;

	/* one by itself has nobody to wait for */
	if (n < 2)
		return portions(db, conf, o, n, proven, NULL, e);
	needs = mem_zero(n);
	loud = mem_array(n, sizeof(*loud));
	rc = portions(db, conf, o, n, proven, needs, e);
	/* what an order makes usual the rest must know */
	for (i = 0; i < n && rc == 0; i++)
		if (needs[i] == NEED_USE)
			rc = some(db, conf, &o[i], 1, proven, NULL, e);
		else if (needs[i] == NEED_TELL)
			loud[k++] = o[i];
	if (rc == 0)
		rc = portions(db, conf, loud, k, proven, NULL, e);
	free(needs);
	free(loud);
	return rc;
}

int
decide_issuance(struct db *db, const struct conf *conf,
    const struct span *tbs, const struct decide_match *m, size_t n,
    int proven, struct err *e)
{
	struct decide_one	o = { *tbs, m, n, 0 };

	return decide_all(db, conf, &o, 1, proven, e);
}

int
decide_again(struct db *db, const struct conf *conf, const struct span *tbs,
    struct err *e)
{
	return decide_issuance(db, conf, tbs, NULL, 0, 0, e);
}

/* Decide again about each row of a result. */
static int
each(struct db *db, const struct conf *conf, const struct db_res *r,
    struct err *e)
{
	struct span	tbs;
	size_t		i;

	for (i = 0; i < db_rows(r); i++) {
		tbs = db_bytes(r, i, 0);
		if (decide_again(db, conf, &tbs, e) == -1)
			return -1;
	}
	return 0;
}

/* How many of these issuances are decided in this way. */
static int
count_of(struct db *db, const struct db_res *r, const char *decision,
    int64_t *n, struct err *e)
{
	struct db_res	*out = NULL;
	struct span	*v;
	struct db_spans	 spans;
	size_t		 i;
	int		 rc;

	v = mem_array(db_rows(r) + 1, sizeof(*v));
	for (i = 0; i < db_rows(r); i++)
		v[i] = db_bytes(r, i, 0);
	spans.v = v;
	spans.n = db_rows(r);
	rc = db_query(db, &out, e, "select count(*) from issuance where"
	    " tbs_sha256 = any($1) and decision = $2", "As", &spans,
	    decision);
	free(v);
	if (rc == -1)
		return -1;
	*n = db_int(out, 0, 0);
	db_free(out);
	return 0;
}

int
decide_declared(struct db *db, const struct conf *conf,
    const struct db_spans *what, int all, size_t *n, struct err *e)
{
	struct db_res	*r = NULL;
	int64_t		 before = 0, after = 0;
	int		 rc = -1;

	if (n != NULL)
		*n = 0;
	if (issuance_affected(db, what, all, &r, e) == -1)
		return -1;
	if (count_of(db, r, "silent", &before, e) == -1 ||
	    each(db, conf, r, e) == -1 ||
	    count_of(db, r, "silent", &after, e) == -1)
		goto out;
	if (n != NULL)
		*n = (size_t)(after > before ? after - before :
		    before - after);
	rc = 0;
out:
	db_free(r);
	return rc;
}

int
decide_holds(struct db *db, const struct conf *conf, size_t *n,
    struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 k;

	if (n != NULL)
		*n = 0;
	if (expect_sweep(db, NULL, e) == -1)
		return -1;
	do {
		if (db_begin(db, e) == -1 ||
		    issuance_due(db, HOLDS_AT_ONCE, &r, e) == -1 ||
		    each(db, conf, r, e) == -1 || db_commit(db, e) == -1) {
			db_free(r);
			db_rollback(db);
			return -1;
		}
		k = db_rows(r);
		db_free(r);
		r = NULL;
		if (n != NULL)
			*n += k;
	} while (k == HOLDS_AT_ONCE);
	return 0;
}
