#include "tests/unit/acme/model.h"

#include "acme/directory.h"

/*
 * A flow that dies, or loses an answer, at every step: it must end well, and
 * exactly one order may have been finalized.
 */

#define CSR "MIIBPTCBxAIBADBFMQ"
#define PARALLEL 8

enum fault {
	NONE,
	KILL_UNSAVED,	/* died before it was stored what is asked */
	KILL_UNSENT,	/* died before it was sent */
	KILL_SENT,	/* died while the CA worked on it */
	LOST_REQUEST,	/* it did not reach the CA */
	LOST_ANSWER,	/* it did, and nothing came back */
	BUSY,		/* 503, nothing was done */
	LIMITED,	/* 429, nothing was done */
	BROKEN,		/* 500, but it was done */
	FAULTS
};

struct sent {
	uint32_t		 id;
	enum acme_purpose	 purpose;
	char			*url, *payload;
};

struct run {
	struct model		 m;
	struct url_pin		 pin;
	struct directory	 dir;
	struct flow		*f;
	struct buf		 saved;
	int64_t			 now;
	struct sent		 v[PARALLEL];
	size_t			 n;
	unsigned		 step;		/* requests until now */
	unsigned		 at;		/* the fault comes here, */
	enum fault		 fault;
	unsigned		 percent;	/* or at random */
	unsigned		 kills;
};

static void
run_begin(struct run *r, uint64_t seed)
{
	static const char *const names[] = { "a.example", "*.a.example",
				    "192.0.2.1" };
	static const enum challenge_type prefer[] = { CHALLENGE_HTTP_01,
				    CHALLENGE_DNS_01 };
	struct flow_want	 want = {
		.names = names,
		.nnames = MODEL_NAMES,
		.prefer = prefer,
		.nprefer = 2,
		.deadline = NOW + 7200 * CLK_SEC,
		.alternates = 1,
	};

	memset(r, 0, sizeof(*r));
	r->m.seed = seed;
	r->m.reuse = seed % 2 == 0;
	r->now = NOW;
	assert_int_equal(url_pin(&r->pin, MODEL_CA "/dir", 0, NULL), 0);
	r->dir.new_order = mem_str(MODEL_CA "/new-order");
	r->f = flow_start(&r->dir, &r->pin, &want, NULL);
	assert_non_null(r->f);
	flow_save(r->f, &r->saved);
}

static void
drop(struct run *r)
{
	while (r->n != 0) {
		r->n--;
		free(r->v[r->n].url);
		free(r->v[r->n].payload);
	}
}

static void
run_end(struct run *r)
{
	drop(r);
	flow_free(r->f);
	directory_free(&r->dir);
	buf_free(&r->saved);
	buf_free(&r->m.body);
}

/* kill -9: what was not stored is gone, and so is what was placed. */
static void
kill_it(struct run *r)
{
	struct flow_resume	how = { &r->pin, r->now, 0 };
	struct err		e = ERR_INIT;
	struct acme_ask		ask;
	uint32_t		id;

	drop(r);
	flow_free(r->f);
	memset(r->m.placed, 0, sizeof(r->m.placed));
	r->f = flow_load(buf_bytes(&r->saved), &how, &e);
	if (r->f == NULL)
		fail_msg("%s", e.msg);
	r->kills++;
	/* the order is read before anything else is done */
	if (flow_order(r->f) != NULL && flow_chains(r->f) == 0) {
		assert_int_equal(flow_events(r->f) & ~(unsigned)FLOW_REMOVE,
		    0);
		assert_int_equal(flow_ask(r->f, r->now, &id, &ask), 1);
		assert_int_equal(ask.purpose, ACME_ORDER_GET);
		assert_int_equal(flow_ask(r->f, r->now, &id, &ask), 0);
		flow_free(r->f);
		r->f = flow_load(buf_bytes(&r->saved), &how, NULL);
	}
}

/* Place, take away, finalize, pick. */
static void
serve(struct run *r)
{
	struct flow_place	p;
	unsigned		bits = flow_events(r->f);
	size_t			i, o, k;

	for (i = 0; i < flow_places(r->f); i++) {
		flow_place(r->f, i, &p);
		if (p.state != FLOW_PLACE_WANTED &&
		    p.state != FLOW_PLACE_REMOVE)
			continue;
		assert_int_equal(sscanf(p.token, "token-%zu-%zu", &o, &k), 2);
		r->m.placed[o][k] = p.state == FLOW_PLACE_WANTED;
		if (p.state == FLOW_PLACE_WANTED)
			flow_placed(r->f, i, r->now);
		else
			flow_removed(r->f, i);
	}
	if (bits & FLOW_FINALIZE)
		assert_int_equal(flow_finalize(r->f, CSR, r->now, NULL), 0);
	if (bits & FLOW_PICK)
		flow_pick(r->f, 0);
}

static void
save(struct run *r)
{
	buf_reset(&r->saved);
	flow_save(r->f, &r->saved);
}

/* What goes wrong with this request. */
static enum fault
fate(struct run *r)
{
	r->step++;
	if (r->percent != 0)
		return model_random(&r->m, 100) < r->percent ?
		    1 + model_random(&r->m, FAULTS - 1) : NONE;
	return r->step == r->at ? r->fault : NONE;
}

/* One that is under way, with its fate: answered, or the flow is dead. */
static void
answer(struct run *r, enum fault what)
{
	size_t			i = model_random(&r->m, (unsigned)r->n);
	struct sent		s = r->v[i];
	struct acme_reply	none = { .status = 0, .why = "cut" };

	r->v[i] = r->v[--r->n];
	if (what == BUSY || what == LIMITED) {
		none.status = what == BUSY ? 503 : 429;
		none.retry_after = what == BUSY ? NULL : "2";
	} else if (what != LOST_REQUEST)
		model_do(&r->m, s.purpose, s.url, s.payload);
	if (what == BROKEN)
		none.status = 500;
	if (what == KILL_SENT)
		kill_it(r);
	else
		flow_reply(r->f, s.id, what == NONE ? &r->m.r : &none,
		    r->now);
	free(s.url);
	free(s.payload);
}

/* Ask for what there is; 0 when nothing is under way and nothing comes. */
static int
ask(struct run *r)
{
	struct acme_ask	a;
	uint32_t	id;

	while (r->n < PARALLEL && flow_ask(r->f, r->now, &id, &a)) {
		r->v[r->n].id = id;
		r->v[r->n].purpose = a.purpose;
		r->v[r->n].url = mem_str(a.url);
		r->v[r->n++].payload = mem_str(a.payload);
	}
	return r->n != 0;
}

/* To its end, whatever happens on the way. */
static void
run(struct run *r)
{
	enum fault	what;
	unsigned	turns = 0;

	for (;;) {
		if (++turns > 100000)
			fail_msg("it does not end");
		serve(r);
		if (!ask(r)) {
			serve(r);
			if (flow_when(r->f) == INT64_MAX)
				break;
			if (flow_when(r->f) > r->now)
				r->now = flow_when(r->f);
			continue;
		}
		what = fate(r);
		if (what == KILL_UNSAVED) {
			kill_it(r);
			continue;
		}
		save(r);
		if (what == KILL_UNSENT) {
			kill_it(r);
			continue;
		}
		answer(r, what);
	}
}

/* It ended as it must. */
static void
check(struct run *r, const char *what, unsigned at)
{
	size_t	i, k;

	if (flow_events(r->f) != FLOW_DONE)
		fail_msg("%s %u: %s", what, at, flow_why(r->f));
	if (r->m.issued != 1 || r->m.needless != 0 || r->m.absurd != 0)
		fail_msg("%s %u: %u finalized, %u challenges of valid ones, "
		    "%u absurd", what, at, r->m.issued, r->m.needless,
		    r->m.absurd);
	assert_int_equal(r->m.early, 0);
	assert_int_equal(flow_chains(r->f), 1);
	assert_true(flow_maybe_issued(r->f));
	/* nothing stays placed */
	for (i = 0; i < r->m.n; i++)
		for (k = 0; k < MODEL_NAMES; k++)
			assert_int_equal(r->m.placed[i][k], 0);
}

/* Each fault at each step. */
static void
cut_once(void **state)
{
	static const char *const names[] = { "none", "killed unsaved",
				    "killed unsent", "killed sent",
				    "request lost", "answer lost", "busy",
				    "limited", "broken" };
	struct run		 r;
	unsigned		 at, cuts = 0;
	uint64_t		 seed;
	int			 fault, more;

	(void)state;
	for (seed = 1; seed <= 6; seed++)
		for (fault = NONE; fault < FAULTS; fault++)
			for (at = 1, more = 1; more; at++) {
				run_begin(&r, seed);
				r.fault = (enum fault)fault;
				r.at = at;
				run(&r);
				check(&r, names[fault], at);
				more = fault != NONE && r.step >= at;
				cuts += (unsigned)more;
				run_end(&r);
			}
	assert_true(cuts > 500);
}

/* Faults at a fifth of all requests, half of all nonces refused. */
static void
cut_often(void **state)
{
	struct run	r;
	unsigned	kills = 0;
	uint64_t	seed;

	(void)state;
	for (seed = 1; seed <= 400; seed++) {
		run_begin(&r, seed);
		r.percent = 20;
		r.m.bad_nonce = 50;
		run(&r);
		if (flow_events(r.f) != FLOW_DONE || r.m.issued != 1)
			fail_msg("seed %u: %u finalized, %s", (unsigned)seed,
			    r.m.issued, flow_why(r.f));
		assert_int_equal(r.m.needless, 0);
		assert_int_equal(r.m.absurd, 0);
		kills += r.kills;
		run_end(&r);
	}
	assert_true(kills > 400);
}

/* Nonces alone are no reason to fail. */
static void
half_of_nonces(void **state)
{
	struct run	r;
	uint64_t	seed;

	(void)state;
	for (seed = 1; seed <= 1000; seed++) {
		run_begin(&r, seed);
		r.m.bad_nonce = 50;
		run(&r);
		check(&r, "seed", (unsigned)seed);
		run_end(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(cut_once),
		cmocka_unit_test(cut_often),
		cmocka_unit_test(half_of_nonces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
