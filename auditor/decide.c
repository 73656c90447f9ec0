#include "auditor/decide.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/expect.h"
#include "auditor/db/finding.h"
#include "auditor/db/issuance.h"
#include "auditor/decide_ask.h"
#include "auditor/decide_facts.h"
#include "auditor/decide_find.h"
#include "auditor/decide_say.h"
#include "auditor/rule.h"
#include "base/limit.h"
#include "base/mem.h"

/* How many holds one transaction of decide_holds() ends. */
#define HOLDS_AT_ONCE	100

static void
ask_all(struct decide_case *c, struct decide_answers *a)
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
use_up(struct decide_case *c, struct db *db, struct decide_answers *a,
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

/* What was decided about, to be stored together, and its findings. */
struct done {
	struct decide_done	done;
	struct decide_news	news;
};

/* What there is to do about an issuance beside storing the decision. */
enum need { NEED_NOTHING, NEED_TELL, NEED_USE };

/* Is something to be said, to be taken back, or an order to be used up? */
static enum need
need(const struct decide_case *c, const struct decide_answers *a)
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
tell(struct decide_case *c, struct db *db, struct decide_answers *a,
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
	struct decide_answers	a = { NULL, NULL, c->nowners };
	int			rc;

	/* Before the proof only what the CA has signed counts. */
	if (c->nowners == 0 || (!c->proven &&
	    strcmp(decide_facts_text(c->in, "issued"), "valid") != 0))
		return 0;
	a.facts = mem_array(a.n, sizeof(*a.facts));
	a.result = mem_array(a.n, sizeof(*a.result));
	ask_all(c, &a);
	rc = (int)need(c, &a);
	if (rc != NEED_NOTHING && all)
		rc = tell(c, db, &a, done, e);
	if (rc == 0)
		decide_say(c, &a, &done->done);
	free(a.facts);
	free(a.result);
	return rc;
}

static struct decide_case *
cases(const struct conf *conf, size_t n, int proven)
{
	struct decide_case	*v = mem_zero((n + 1) * sizeof(*v));
	size_t			 i;

	for (i = 0; i < n; i++) {
		v[i].conf = conf;
		v[i].proven = proven;
	}
	return v;
}

static void
cases_free(struct decide_case *v, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		decide_facts_free(&v[i]);
	free(v);
}

/*
 * Decide about ${n} of them.  Those that need more than to be stored are left,
 * and needs[] says what; with ${needs} NULL none is.
 */
static int
some(struct db *db, const struct conf *conf, const struct decide_one *v,
    size_t n, int proven, unsigned char *needs, struct err *e)
{
	struct decide_case	*c = cases(conf, n, proven);
	struct done		 done;
	size_t			 i;
	int			 rc;

	memset(&done, 0, sizeof(done));
	rc = decide_facts_load(c, db, v, n, e);
	for (i = 0; i < n && rc != -1; i++) {
		rc = run(&c[i], db, needs == NULL, &done, e);
		if (needs != NULL && rc > 0)
			needs[i] = (unsigned char)rc;
	}
	if (rc != -1)
		rc = finding_open_all(db, done.news.v, done.news.n, e);
	if (rc != -1)
		rc = issuance_say(db, done.done.said, done.done.nsaid, e);
	if (rc != -1)
		rc = issuance_decided(db, done.done.v, done.done.n, e);
	cases_free(c, n);
	decide_done_free(&done.done);
	decide_news_free(&done.news);
	return rc;
}

struct decide_ahead {
	struct db			*db;
	const struct decide_new		*v;
	struct decide_case		*c;
	size_t				 n;
};

struct decide_ahead *
decide_ahead_open(struct db *db, const struct conf *conf,
    const struct decide_new *v, size_t n, int proven, struct err *e)
{
	struct decide_ahead	*a = mem_zero(sizeof(*a));

	*a = (struct decide_ahead){ db, v, cases(conf, n, proven), n };
	if (n == 0 || decide_facts_ahead(a->c, db, v, n, e) == 0)
		return a;
	decide_ahead_free(a);
	return NULL;
}

int
decide_ahead(struct decide_ahead *a, size_t i, size_t n,
    struct decide_done *out, struct err *e)
{
	struct done	done;
	size_t		k;
	int		rc = 0;

	memset(&done, 0, sizeof(done));
	done.done.fresh = 1;
	for (k = i; k < i + n && rc != -1; k++) {
		done.done.fresh &= a->c[k].ahead;
		if (a->c[k].ahead && !a->v[k].twin) {
			decide_facts_join(&a->c[k], &a->v[k].one);
			rc = run(&a->c[k], a->db, 0, &done, e);
		}
		decide_facts_free(&a->c[k]);
	}
	*out = done.done;
	return rc == -1 ? -1 : 0;
}

void
decide_ahead_free(struct decide_ahead *a)
{
	if (a == NULL)
		return;
	cases_free(a->c, a->n);
	free(a);
}

/* In portions whose facts fit into memory. */
static int
portions(struct db *db, const struct conf *conf, const struct decide_one *v,
    size_t n, int proven, unsigned char *needs, struct err *e)
{
	size_t	i, k;

	for (i = 0; i < n; i += k) {
		k = n - i < LIMIT_MATCH_ROWS ? n - i : LIMIT_MATCH_ROWS;
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
