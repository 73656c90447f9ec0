#include "auditor/role/audit_part.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/ari_place.h"
#include "auditor/blind_find.h"
#include "auditor/canary_find.h"
#include "auditor/db/caa_store.h"
#include "auditor/db/plan_store.h"
#include "auditor/db/rev_store.h"
#include "auditor/loop_find.h"
#include "auditor/rev_find.h"
#include "base/clk.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * Whose turn it is: rows of table work become jobs.  What is due is looked at
 * once a second; a kind that had more than it could take is claimed again
 * when a part of its jobs has ended, many rows at a time.
 */

/* A judge that thinks longer is given up, unless its job says otherwise. */
#define PATIENCE	(60 * CLK_SEC)
/* So often at least. */
#define LOOK_EVERY	CLK_SEC
/* The lists of logs are looked at so often, once there is one. */
#define TRUST_EVERY	(60 * CLK_SEC)

const struct audit_kind *const audit_kinds[AUDIT_KINDS] = {
	&audit_sweep, &audit_cert, &audit_crl, &audit_ocsp, &audit_incl,
	&audit_endpoint, &audit_caa, &audit_keys, &audit_ari,
	&audit_retain
};

static size_t
count(const struct audit *a, const struct audit_kind *k)
{
	size_t	i, n = 0;

	for (i = 0; i < a->njobs; i++)
		n += a->jobs[i]->kind == k && !a->jobs[i]->ended;
	return n;
}

static size_t
index_of(const struct audit_kind *k)
{
	size_t	i;

	for (i = 0; audit_kinds[i] != k; i++)
		;
	return i;
}

/* --- --once: everything has one turn ----------------------------------------- */

static void
had_turn(struct audit *a, const struct audit_job *j)
{
	struct audit_turned	*t;

	if (!a->en->once)
		return;
	a->turned = mem_grow(a->turned, &a->capturned, a->nturned + 1,
	    sizeof(*a->turned));
	t = &a->turned[a->nturned++];
	t->what = mem_printf("%s:%s", j->kind->name, j->lease.subject);
	t->kind = index_of(j->kind);
	t->due_at = j->due_at;
}

/*
 * What had its turn and may be due again: of one kind, or AUDIT_KINDS: of all
 * of them.  The array is the caller's.
 */
static struct db_strs
skip(const struct audit *a, size_t kind)
{
	const char	**v = mem_array(a->nturned, sizeof(*v));
	int64_t		  soon = clk_mono() + CLK_SEC;
	size_t		  i, n = 0;

	for (i = 0; i < a->nturned; i++)
		if ((kind == AUDIT_KINDS || a->turned[i].kind == kind) &&
		    a->turned[i].due_at <= soon)
			v[n++] = a->turned[i].what;
	return (struct db_strs){ v, n };
}

static void
skip_free(struct db_strs *s)
{
	free((void *)(uintptr_t)s->v);
}

/* What has another turn. */
static void
forget_turns(struct audit *a, const struct db_res *r)
{
	size_t	i, k;

	for (i = 0; i < db_rows(r); i++)
		for (k = 0; k < a->nturned;)
			if (strcmp(a->turned[k].what, db_text(r, i, 0)) == 0) {
				free(a->turned[k].what);
				a->turned[k] = a->turned[--a->nturned];
			} else
				k++;
}

/* Certificates came after the turn of what speaks of them. */
static int
turn_again(struct audit *a, struct err *e)
{
	struct db_res	*r = NULL;

	if (rev_source_again(a->en->db, 0, &r, e) == -1)
		return -1;
	forget_turns(a, r);
	db_free(r);
	if (caa_store_again(a->en->db, &r, e) == -1)
		return -1;
	forget_turns(a, r);
	db_free(r);
	return 0;
}

/* --- claiming ------------------------------------------------------------------ */

static void
start(struct audit *a, const struct audit_kind *k, struct lease *l)
{
	struct audit_job	*j = mem_zero(sizeof(*j));

	j->audit = a;
	j->en = a->en;
	j->kind = k;
	j->lease = *l;
	j->patience = PATIENCE;
	a->rests = 0;
	memset(l, 0, sizeof(*l));
	a->jobs = mem_grow(a->jobs, &a->cap, a->njobs + 1, sizeof(*a->jobs));
	a->jobs[a->njobs++] = j;
	k->begin(j);
}

static size_t
claim_kind(struct audit *a, size_t kind)
{
	const struct audit_kind	*k = audit_kinds[kind];
	struct lease_ask	 ask = { .holder = a->en->holder,
	    .instance = a->en->instance, .kinds = { &k->name, 1 },
	    .lease_s = (int)a->en->conf->worker_lease };
	struct lease		 got[64];
	struct err		 e = ERR_INIT;
	size_t			 n = 0, i, busy = count(a, k);

	a->more[kind] = 0;
	if (busy >= k->most)
		return 0;
	ask.skip = skip(a, kind);
	ask.max = k->most - busy;
	if (ask.max > sizeof(got) / sizeof(got[0]))
		ask.max = sizeof(got) / sizeof(got[0]);
	if (lease_claim(a->en->db, &ask, got, &n, &e) == -1)
		log_error(NULL, "%s", e.msg);
	skip_free(&ask.skip);
	a->more[kind] = n == ask.max;
	for (i = 0; i < n; i++)
		start(a, k, &got[i]);
	return n;
}

/* Jobs that ended are gone before the next are claimed. */
static void
bury(struct audit *a)
{
	const struct audit_kind	*k;
	size_t			 i;

	for (i = 0; i < a->njobs;) {
		if (!a->jobs[i]->ended) {
			i++;
			continue;
		}
		k = a->jobs[i]->kind;
		had_turn(a, a->jobs[i]);
		audit_bury(a, a->jobs[i]);
		a->jobs[i] = a->jobs[--a->njobs];
		/* these find work for others */
		if (k == &audit_sweep || k == &audit_cert ||
		    k == &audit_endpoint)
			a->look_at = 0;
	}
}

/* Is there room for a part of them: one at a time is a question each. */
static int
has_room(const struct audit *a, size_t kind)
{
	size_t	most = audit_kinds[kind]->most;
	size_t	free_ones = most - count(a, audit_kinds[kind]);

	return free_ones >= (most < 8 ? 1 : most / 4);
}

/*
 * May jobs of this kind begin now?  ${first}: the sweep, which plans, or
 * certificates are only beginning.
 */
static int
may(const struct audit *a, size_t kind, int first, int64_t now)
{
	const struct audit_kind	*k = audit_kinds[kind];

	if ((k == &audit_cert || k == &audit_endpoint) &&
	    a->trust.logs.n == 0 && !a->en->once && now < a->list_by)
		return 0;
	/* --once: what certificates name is known when all are */
	return !a->en->once || k == &audit_sweep || k == &audit_cert ||
	    (count(a, &audit_cert) == 0 && !first);
}

/*
 * Which kinds have something that is due and free, or held by ${holder} (not
 * NULL: what we lost sight of).
 */
static void
look(struct audit *a, const char *holder, int *due)
{
	const char	*names[AUDIT_KINDS];
	struct db_strs	 all = { names, AUDIT_KINDS }, none;
	struct err	 e = ERR_INIT;
	size_t		 i;

	for (i = 0; i < AUDIT_KINDS; i++)
		names[i] = audit_kinds[i]->name;
	none = skip(a, AUDIT_KINDS);
	if (lease_due(a->en->db, &all, &none, holder, due, &e) == -1)
		log_error("audit", "%s", e.msg);
	skip_free(&none);
}

/* The lists of logs, as the database has them, for the judges. */
static void
trust(struct audit *a, int64_t now)
{
	struct err	e = ERR_INIT;

	if (now < a->trust_at)
		return;
	a->trust_at = now + (a->trust.logs.n == 0 ? CLK_SEC : TRUST_EVERY);
	if (audit_trust_logs(&a->trust, a->en->db, a->en->pool, a->arena,
	    AUDIT_NO_ARENA, &e) == -1)
		log_warn("audit", "the lists of logs: %s", e.msg);
}

/* Has a job's judge been thinking for too long? */
static void
patience(struct audit_job *j, int64_t now)
{
	if (j->judge == NULL || j->judge->waiting == 0 || j->ended ||
	    now < j->judge->asked_at + j->patience)
		return;
	judge_free(j->judge, 1);
	j->judge = NULL;
	j->told = 0;
	if (j->kind->orphan != NULL)
		j->kind->orphan(j, "the process that judges it thinks for "
		    "too long");
	else
		audit_fail(j, "the process that judges it thinks for too "
		    "long");
}

void
audit_turn(struct audit *a, int64_t now)
{
	int	due[AUDIT_KINDS] = { 0 }, first = 0;
	size_t	i, n = 0;

	for (i = 0; i < a->njobs; i++)
		patience(a->jobs[i], now);
	bury(a);
	engine_wake(a->en, audit_resolver_turn(&a->resolvers, now));
	if (a->en->once && !a->en->logs_done)
		return;
	if (now >= a->look_at) {
		a->look_at = now + LOOK_EVERY;
		trust(a, now);
		look(a, NULL, due);
	}
	for (i = 0; i < AUDIT_KINDS; i++) {
		due[i] |= a->more[i] && has_room(a, i);
		if (due[i] && may(a, i, first, now))
			n += claim_kind(a, i);
		first |= due[i] && (audit_kinds[i] == &audit_sweep ||
		    audit_kinds[i] == &audit_cert);
	}
	bury(a);
	engine_wake(a->en, n != 0 ? now : a->look_at);
	for (i = 0; i < a->nwaits; i++)
		if (a->waits[i].id & AUDIT_OURS)
			engine_wake(a->en, now);
	for (i = 0; i < AUDIT_KINDS; i++)
		if (a->gather_at[i] != 0)
			engine_wake(a->en, a->gather_at[i]);
}

/* --- the end of --once ----------------------------------------------------------- */

/* What follows from all that was done, as the sweep would see it. */
static int
conclude(struct audit *a, struct err *e)
{
	if (db_begin(a->en->db, e) == 0 &&
	    rev_find_time(a->en->db, e) == 0 &&
	    loop_find_time(a->en->db, a->en->conf, e) == 0 &&
	    blind_find_time(a->en->db, a->en->conf->poll, 0, e) == 0 &&
	    canary_find_time(a->en->db, a->en->conf, 0, e) == 0 &&
	    db_commit(a->en->db, e) == 0)
		return 0;
	db_rollback(a->en->db);
	return -1;
}

static int
plan_ari(struct audit *a, struct err *e)
{
	struct ari_places	p;
	int			rc;

	ari_place(a->en->conf, &p);
	rc = ari_store_plan(a->en->db, &p, a->en->conf->audit_every, e);
	ari_place_free(&p);
	return rc;
}

int
audit_plan(struct audit *a, struct err *e)
{
	if (audit_ccadb_plan(&a->ccadb, a->en, e) == -1 ||
	    plan_ari(a, e) == -1 ||
	    lease_add(a->en->db, "retain", "main", e) == -1)
		return -1;
	return plan_store(a->en->db, clk_wall() - AUDIT_AGE,
	    a->en->conf->audit_every, e);
}

/* Is anything due, as look() sees it? */
static int
some(struct audit *a, const char *holder)
{
	int	due[AUDIT_KINDS] = { 0 };
	size_t	i;

	look(a, holder, due);
	for (i = 0; i < AUDIT_KINDS; i++)
		if (due[i])
			return 1;
	return 0;
}

int
audit_idle(struct audit *a)
{
	struct err	e = ERR_INIT;

	/* what ended has made work that was not looked for yet */
	if (a->njobs != 0 || a->look_at == 0)
		return 0;
	if (a->rests)
		return 1;
	if (audit_plan(a, &e) == -1 || turn_again(a, &e) == -1)
		goto err;
	if (some(a, NULL)) {
		a->look_at = 0;
		engine_wake(a->en, clk_mono());
		return 0;
	}
	/* what we hold and lost sight of is nobody's when its lease is over */
	if (some(a, a->en->holder))
		return 0;
	if (conclude(a, &e) == -1)
		goto err;
	a->rests = 1;
	return 1;
err:
	log_error("audit", "%s", e.msg);
	/* away: it comes back; else it would be so for ever */
	a->en->failed |= db_alive(a->en->db);
	return db_alive(a->en->db);
}
