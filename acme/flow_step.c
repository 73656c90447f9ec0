#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "acme/flow_part.h"
#include "base/clk.h"
#include "base/mem.h"

#define POLL_MAX	(5 * CLK_SEC)
#define CLEAN_TIME	(30 * CLK_SEC)

/* --- requests --- */

void
flow_slot_clear(struct flow_slot *s)
{
	free(s->url);
	free(s->payload);
	memset(s, 0, sizeof(*s));
}

void
flow_slot_set(struct flow_slot *s, enum acme_purpose purpose,
    const char *url, char *payload, int64_t due)
{
	struct flow_slot	was = *s;
	int			same;

	same = was.purpose == purpose && strcmp(was.url, url) == 0;
	s->purpose = purpose;
	s->url = mem_str(url);
	s->payload = payload != NULL ? payload : mem_str("");
	s->due = due;
	s->id = 0;
	s->nonces = 0;
	if (!same) {
		s->losses = s->limits = s->polls = 0;
		s->told = 0;
	}
	free(was.url);
	free(was.payload);
}

void
flow_get_order(struct flow *f, int64_t due)
{
	flow_slot_set(&f->slot, ACME_ORDER_GET, f->order, NULL, due);
}

void
flow_get_authz(struct flow_auth *a, int64_t due)
{
	flow_slot_set(&a->slot, ACME_AUTHZ_GET, a->url, NULL, due);
}

int64_t
flow_poll(struct flow *f, struct flow_slot *s, const struct acme_reply *r,
    int64_t now)
{
	int64_t	wait = -1, last = f->deadline - CLK_SEC;

	s->polls++;
	if (r->retry_after != NULL && *r->retry_after != '\0')
		wait = clk_retry_after(r->retry_after, now) * CLK_SEC;
	s->told = wait > 0;
	if (wait < f->poll_us)
		wait = wait >= 0 ? f->poll_us :
		    clk_backoff(s->polls, f->poll_us, POLL_MAX);
	return now + wait > last && now < last ? last : now + wait;
}

/* --- states --- */

struct order_want
flow_order_want(const struct flow *f)
{
	struct order_want	w = {
		.ident = f->ident,
		.n = f->nidents,
		.profile = f->profile,
		.replaces = f->replaces,
		.not_after = f->not_after,
	};

	return w;
}

void
flow_to_new(struct flow *f, int64_t now)
{
	struct order_want	w = flow_order_want(f);

	f->state = FLOW_S_NEW;
	flow_slot_set(&f->slot, ACME_ORDER_NEW, f->new_order, order_new(&w),
	    now);
}

void
flow_to_finalize(struct flow *f, int64_t now)
{
	f->state = FLOW_S_FINALIZE;
	/* it was checked when it was taken */
	flow_slot_set(&f->slot, ACME_FINALIZE, f->finalize,
	    order_finalize(f->csr, NULL), now);
}

void
flow_to_cert(struct flow *f, const char *url, int64_t now)
{
	size_t	i;

	f->state = FLOW_S_CERT;
	for (i = 0; i < f->nchains; i++)
		buf_reset(&f->chain[i]);
	for (i = 0; i < f->nalts; i++) {
		free(f->alt[i]);
		f->alt[i] = NULL;
	}
	f->nchains = f->nalts = f->alt_at = 0;
	flow_slot_set(&f->slot, ACME_CERTIFICATE, url, NULL, now);
}

/* The list of authorizations: made when there is none. */
static int
list(struct flow *f, char *const *urls, size_t n)
{
	size_t	i, k;

	if (f->nauths == 0) {
		f->auth = mem_array(n, sizeof(*f->auth));
		for (i = 0; i < n; i++)
			f->auth[i].url = mem_str(urls[i]);
		f->nauths = n;
		return 0;
	}
	for (i = 0; i < n; i++) {
		for (k = 0; k < f->nauths; k++)
			if (strcmp(f->auth[k].url, urls[i]) == 0)
				break;
		if (k == f->nauths)
			return -1;
	}
	return n == f->nauths ? 0 : -1;
}

int
flow_to_authz(struct flow *f, char *const *urls, size_t n, int64_t now,
    struct err *e)
{
	size_t	i;

	if (list(f, urls, n) == -1)
		return err_set(e, ERR_FORMAT, "order: the CA changed its "
		    "authorizations on the way");
	f->state = FLOW_S_AUTHZ;
	flow_slot_clear(&f->slot);
	for (i = 0; i < f->nauths; i++) {
		f->auth[i].status = 0;
		flow_get_authz(&f->auth[i], now);
	}
	return 0;
}

void
flow_to_why(struct flow *f, char *const *urls, size_t n, int64_t now)
{
	size_t	i;

	if (list(f, urls, n) == -1) {
		flow_fail(f, PROBLEM_LATER, now, "the CA says that the order "
		    "is invalid, but not why; order again");
		return;
	}
	f->state = FLOW_S_WHY;
	flow_slot_clear(&f->slot);
	for (i = 0; i < f->nauths; i++) {
		f->auth[i].status = 0;
		flow_get_authz(&f->auth[i], now);
	}
}

void
flow_all_valid(struct flow *f, int64_t now)
{
	size_t	i;

	if (f->state != FLOW_S_AUTHZ)
		return;
	for (i = 0; i < f->nauths; i++)
		if (f->auth[i].status != AUTHZ_VALID)
			return;
	/*
	 * The CA makes it ready by itself (RFC 8555 7.1.6); one that has not
	 * yet says orderNotReady, and then it is read.
	 */
	if (f->finalize != NULL && f->csr == NULL && f->finalizes == 0) {
		f->state = FLOW_S_CSR;
		flow_slot_clear(&f->slot);
		return;
	}
	f->state = FLOW_S_READY;
	flow_get_order(f, now);
}

/* --- which challenge --- */

void
flow_want_place(struct flow_auth *a)
{
	a->place = FLOW_PLACE_WANTED;
	a->held = 0;
	a->posted = 0;
	a->refused = 0;
	flow_slot_clear(&a->slot);
}

/* What the CA offers and what we can, for a person. */
static void
offers(const struct flow *f, const struct flow_auth *a, struct buf *b)
{
	size_t	i;

	buf_str(b, "the CA offers");
	for (i = 0; i < a->read.nchallenges; i++)
		buf_fmt(b, "%s %s", i != 0 ? "," : "",
		    challenge_name(a->read.challenge[i].type));
	if (a->read.nchallenges == 0)
		buf_str(b, " nothing that is known");
	buf_str(b, "; we have");
	for (i = 0; i < f->nprefer; i++)
		buf_fmt(b, "%s %s", i != 0 ? "," : "",
		    challenge_name(f->prefer[i]));
}

static void
no_challenge(struct flow *f, struct flow_auth *a, int64_t now)
{
	struct buf	b = BUF_INIT;
	char		text[ORDER_TEXT];

	offers(f, a, &b);
	if (a->not_placed != NULL)
		flow_fail(f, PROBLEM_LATER, now, "%s: the challenge could "
		    "not be placed: %s", order_text(&a->ident, text),
		    a->not_placed);
	else
		flow_fail(f, PROBLEM_NEVER, now, "%s: no challenge can prove "
		    "it: %s; configure one of them under acme.challenges",
		    order_text(&a->ident, text), buf_text(&b));
	buf_free(&b);
}

void
flow_choose(struct flow *f, struct flow_auth *a, int64_t now)
{
	const struct challenge	*c;
	enum challenge_type	 t;
	size_t			 i;

	for (i = 0; i < f->nprefer; i++) {
		t = f->prefer[i];
		c = authz_challenge(&a->read, t);
		if ((a->declined & 1u << t) == 0 && c != NULL &&
		    challenge_fits(t, &a->ident)) {
			a->type = t;
			doc_keep(&a->token, c->token);
			flow_want_place(a);
			return;
		}
	}
	no_challenge(f, a, now);
}

/* --- failure --- */

void
flow_take_away(struct flow_auth *a)
{
	if (a->held || a->place == FLOW_PLACE_WANTED ||
	    a->place == FLOW_PLACE_PLACED)
		a->place = FLOW_PLACE_REMOVE;
	a->held = 0;
}

void
flow_clean(struct flow *f, int64_t now)
{
	struct flow_auth	*a;
	size_t			 i;

	f->state = FLOW_S_CLEAN;
	f->clean_end = f->anew ? f->deadline : now + CLEAN_TIME;
	flow_slot_clear(&f->slot);
	for (i = 0; i < f->nauths; i++) {
		a = &f->auth[i];
		flow_take_away(a);
		flow_slot_clear(&a->slot);
		if (a->status == AUTHZ_PENDING && !f->unfinished && !f->anew)
			flow_slot_set(&a->slot, ACME_AUTHZ_CLOSE, a->url,
			    mem_str("{\"status\":\"deactivated\"}"), now);
	}
	flow_cleaned(f);
}

/* As if there had been no order. */
static void
start_over(struct flow *f)
{
	size_t	i;

	for (i = 0; i < f->nauths; i++)
		flow_auth_free(&f->auth[i]);
	free(f->auth);
	f->auth = NULL;
	f->nauths = 0;
	doc_keep(&f->order, NULL);
	doc_keep(&f->finalize, NULL);
	doc_keep(&f->made_profile, NULL);
	doc_keep(&f->csr, NULL);
	f->finalizes = 0;
	f->anew = 0;
	flow_to_new(f, 0);
}

void
flow_cleaned(struct flow *f)
{
	size_t	i;

	if (f->state != FLOW_S_CLEAN)
		return;
	for (i = 0; i < f->nauths; i++)
		if (f->auth[i].slot.purpose != 0 || (f->anew &&
		    f->auth[i].place == FLOW_PLACE_REMOVE))
			return;
	if (f->anew)
		start_over(f);
	else
		f->state = FLOW_S_FAILED;
}

/* Can it be that the challenge was not there? */
static int
unseen(const struct problem *p)
{
	switch (p->type) {
	case PROBLEM_OTHER:
	case PROBLEM_COMPOUND:
	case PROBLEM_CONNECTION:
	case PROBLEM_DNS:
	case PROBLEM_INCORRECT_RESPONSE:
	case PROBLEM_MALFORMED:		/* too old, say some CAs */
	case PROBLEM_TLS:
	case PROBLEM_UNAUTHORIZED:
		return 1;
	default:
		return 0;
	}
}

int
flow_anew(struct flow *f, const struct problem *said, int64_t now)
{
	size_t	i;

	for (i = 0; i < f->nauths; i++)
		if (f->auth[i].posted)
			return 0;
	if (!f->resumed || f->maybe || (said != NULL && !unseen(said)))
		return 0;
	f->resumed = 0;
	f->anew = 1;
	flow_clean(f, now);
	return 1;
}

void
flow_keep(struct flow *f, int64_t now)
{
	f->unfinished = f->order != NULL &&
	    now - f->made < LIMIT_ACME_ORDER_AGE * CLK_SEC;
}

static int
has_ended(const struct flow *f)
{
	return f->state == FLOW_S_CLEAN || f->state == FLOW_S_FAILED ||
	    f->state == FLOW_S_DONE;
}

void
flow_fail(struct flow *f, enum problem_when again, int64_t now,
    const char *fmt, ...)
{
	char	text[2048];
	va_list	ap;

	if (has_ended(f))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	doc_keep(&f->why, text);
	f->again = again;
	flow_clean(f, now);
}

void
flow_fail_problem(struct flow *f, struct problem *p, const char *what,
    int64_t now)
{
	struct buf	b = BUF_INIT;

	if (has_ended(f)) {
		problem_free(p);
		return;
	}
	buf_fmt(&b, "%s: ", what);
	problem_say(p, &b);
	doc_keep(&f->why, buf_text(&b));
	buf_free(&b);
	problem_free(&f->problem);
	f->problem = *p;
	f->has_problem = 1;
	memset(p, 0, sizeof(*p));
	f->again = problem_when(&f->problem);
	f->not_before = f->problem.retry_at;
	flow_clean(f, now);
}

void
flow_problem_copy(struct problem *to, const struct problem *from)
{
	json_t	*o = problem_json(from);

	problem_load(to, o);
	json_decref(o);
}
