#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "acme/flow_part.h"
#include "base/mem.h"
#include "pki/name.h"

/* --- refusals --- */

/* The CA refused; ${what} we were about to do. */
static void
refused(struct flow *f, const struct acme_reply *r, const char *what,
    int64_t now)
{
	struct problem	p;

	problem_read(&p, r, now);
	flow_fail_problem(f, &p, what, now);
}

/* An answer that makes no sense. */
static void
absurd(struct flow *f, const struct err *e, int64_t now)
{
	flow_fail(f, PROBLEM_LATER, now, "the CA's answer cannot be used: "
	    "%s", e->msg);
}

/*
 * Is newOrder refused because of what it replaces?  alreadyReplaced; not known
 * to this CA; of another account (RFC 9773 5, and what CAs answer really).
 */
static int
over_replaces(const struct problem *p)
{
	return p->type == PROBLEM_ALREADY_REPLACED || p->status == 409 ||
	    p->status == 404 ||
	    (p->status == 400 && p->type == PROBLEM_MALFORMED) ||
	    (p->status == 403 && p->type == PROBLEM_UNAUTHORIZED);
}

/* Leave out the preferred profile, if that was refused: 1. */
static int
drop_profile(struct flow *f, const struct problem *p)
{
	if (p->type != PROBLEM_INVALID_PROFILE || f->profile == NULL ||
	    f->profile_required)
		return 0;
	free(f->profile);
	f->profile = NULL;
	return 1;
}

static int
drop_replaces(struct flow *f, const struct problem *p)
{
	if (f->replaces == NULL || !over_replaces(p))
		return 0;
	free(f->replaces);
	f->replaces = NULL;
	return 1;
}

/* --- the order --- */

/* Wait for it to change; it has asked for that too often. */
static void
look_again(struct flow *f, const struct acme_reply *r, int64_t now)
{
	int64_t	due;

	if (f->slot.purpose != ACME_ORDER_GET)
		flow_get_order(f, now);
	due = flow_poll(f, &f->slot, r, now);
	if (f->slot.polls > LIMIT_ACME_POLLS) {
		if (f->maybe)
			flow_keep(f, now);
		flow_fail(f, PROBLEM_LATER, now, "the order did not change "
		    "in %u looks", LIMIT_ACME_POLLS);
	} else
		flow_get_order(f, due);
}

/* It is ready: the caller's turn, or once more what the caller gave. */
static void
ready(struct flow *f, const struct acme_reply *r, int64_t now)
{
	int	just_asked = f->slot.purpose == ACME_FINALIZE;

	if (f->csr == NULL) {
		f->state = FLOW_S_CSR;
		flow_slot_clear(&f->slot);
	} else if (just_asked) {
		/* RFC 8555 7.4 has it processing: read it before more */
		f->state = FLOW_S_PROCESS;
		look_again(f, r, now);
	} else if (f->finalizes >= LIMIT_ACME_FINALIZE)
		flow_fail(f, PROBLEM_LATER, now, "the order stayed ready "
		    "after %u requests to finalize it", f->finalizes);
	else
		flow_to_finalize(f, now);
}

/* It is pending: prove it; or wait until the CA sees that it is proved. */
static void
pending(struct flow *f, const struct order *o, const struct acme_reply *r,
    int64_t now)
{
	struct err	e = ERR_INIT;

	if (f->state == FLOW_S_READY) {
		look_again(f, r, now);
		return;
	}
	if (flow_to_authz(f, o->authz, o->nauthz, now, &e) == -1)
		absurd(f, &e, now);
}

static void
invalid(struct flow *f, struct order *o, int64_t now)
{
	if (flow_anew(f, o->failed ? &o->error : NULL, now))
		return;
	if (o->failed)
		flow_fail_problem(f, &o->error, "the CA made the order "
		    "invalid", now);
	else
		flow_to_why(f, o->authz, o->nauthz, now);
}

static void
take_order(struct flow *f, struct order *o, const struct acme_reply *r,
    int64_t now)
{
	size_t	i;

	doc_keep(&f->finalize, o->finalize);
	doc_keep(&f->made_profile, o->profile);
	switch (o->status) {
	case ORDER_PENDING:
		pending(f, o, r, now);
		break;
	case ORDER_READY:
		ready(f, r, now);
		break;
	case ORDER_PROCESSING:
		f->state = FLOW_S_PROCESS;
		look_again(f, r, now);
		break;
	case ORDER_VALID:
		flow_to_cert(f, o->certificate, now);
		break;
	case ORDER_INVALID:
		invalid(f, o, now);
		break;
	}
	for (i = 0; o->status != ORDER_PENDING && i < f->nauths; i++)
		flow_take_away(&f->auth[i]);
}

/* The profile must be kept where it is required: some CAs ignore it. */
static int
profile_kept(struct flow *f, const struct order *o, int64_t now)
{
	const char	*made = o->profile != NULL ? o->profile : "none";
	char		 text[LIMIT_ACME_DETAIL], asked[LIMIT_ACME_DETAIL];

	if (!f->profile_required || f->profile == NULL ||
	    (o->profile != NULL && strcmp(o->profile, f->profile) == 0))
		return 1;
	(void)name_display(made, strlen(made), text, sizeof(text));
	(void)name_display(f->profile, strlen(f->profile), asked,
	    sizeof(asked));
	flow_fail(f, PROBLEM_NEVER, now, "the profile %s is required, but "
	    "the CA made the order with \"%s\"", asked, text);
	return 0;
}

static void
take_new_refused(struct flow *f, const struct acme_reply *r, int64_t now)
{
	struct problem	p;

	problem_read(&p, r, now);
	if (drop_profile(f, &p) || drop_replaces(f, &p)) {
		problem_free(&p);
		flow_to_new(f, now);
		return;
	}
	flow_fail_problem(f, &p, "the order was refused", now);
}

static void
take_new(struct flow *f, const struct acme_reply *r, int64_t now)
{
	struct order_want	w = flow_order_want(f);
	struct order		o;
	struct err		e = ERR_INIT;

	if (r->status != 201 && r->status != 200) {
		take_new_refused(f, r, now);
		return;
	}
	memset(&o, 0, sizeof(o));
	if (url_check(f->pin, r->location != NULL ? r->location : "",
	    "order (Location, RFC 8555 7.4)", &e) == -1 ||
	    order_read(&o, r->body, &w, f->pin, &e) == -1)
		absurd(f, &e, now);
	else {
		doc_keep(&f->order, r->location);
		f->made = now;
		if (profile_kept(f, &o, now))
			take_order(f, &o, r, now);
	}
	order_free(&o);
}

/* An answer that is the order: of reading or of finalizing it. */
static void
take_body(struct flow *f, const struct acme_reply *r, int64_t now)
{
	struct order_want	w = flow_order_want(f);
	struct order		o;
	struct err		e = ERR_INIT;

	if (order_read(&o, r->body, &w, f->pin, &e) == -1)
		absurd(f, &e, now);
	else
		take_order(f, &o, r, now);
	order_free(&o);
}

static void
take_get(struct flow *f, const struct acme_reply *r, int64_t now)
{
	if (r->status == 404 && flow_anew(f, NULL, now))
		return;
	if (r->status != 200)
		refused(f, r, "the order cannot be read", now);
	else
		take_body(f, r, now);
}

static void
take_finalize(struct flow *f, const struct acme_reply *r, int64_t now)
{
	struct problem	p;
	int		gone;

	if (r->status == 200 || r->status == 201) {
		take_body(f, r, now);
		return;
	}
	problem_read(&p, r, now);
	f->maybe = f->maybe_before;
	if (p.type == PROBLEM_ORDER_NOT_READY) {
		/* perhaps an earlier one came through: read it */
		problem_free(&p);
		f->state = FLOW_S_PROCESS;
		look_again(f, r, now);
		return;
	}
	gone = p.type == PROBLEM_INVALID_PROFILE && !f->profile_required;
	flow_fail_problem(f, &p, "the order could not be finalized", now);
	if (gone)	/* the directory will not list it any more */
		f->again = PROBLEM_LATER;
}

/* --- authorizations --- */

/* One authorization of an invalid order: does it say why? */
static void
take_why(struct flow *f, struct flow_auth *a, const struct acme_reply *r,
    int64_t now)
{
	struct order_want	 w = flow_order_want(f);
	const struct problem	*said = NULL;
	struct problem		 p;
	char			 text[ORDER_TEXT];
	size_t			 i;

	flow_slot_clear(&a->slot);
	if (r->status == 200 && authz_read(&a->read, r->body, &w, f->pin,
	    NULL) == 0) {
		a->ident = a->read.ident;
		a->status = a->read.status;
		said = authz_error(&a->read);
	}
	if (said != NULL) {
		flow_problem_copy(&p, said);
		flow_fail_problem(f, &p, order_text(&a->ident, text), now);
		return;
	}
	for (i = 0; i < f->nauths; i++)
		if (f->auth[i].slot.purpose != 0)
			return;
	flow_fail(f, PROBLEM_LATER, now, "the CA says that the order is "
	    "invalid, but not why; order again");
}

/* It is neither pending nor valid. */
static void
ended(struct flow *f, struct flow_auth *a, int64_t now)
{
	static const char *const names[] = {
		[AUTHZ_INVALID] = "invalid",
		[AUTHZ_DEACTIVATED] = "deactivated",
		[AUTHZ_EXPIRED] = "expired",
		[AUTHZ_REVOKED] = "revoked",
	};
	const struct problem	*said = authz_error(&a->read);
	struct problem		 p;
	char			 text[ORDER_TEXT];

	if (flow_anew(f, said, now))
		return;
	(void)order_text(&a->ident, text);
	if (said == NULL) {
		flow_fail(f, PROBLEM_LATER, now, "%s: its authorization is "
		    "%s; order again", text, names[a->status]);
		return;
	}
	flow_problem_copy(&p, said);
	flow_fail_problem(f, &p, text, now);
}

/* It is still pending. */
static void
wait_authz(struct flow *f, struct flow_auth *a, const struct acme_reply *r,
    int64_t now)
{
	const struct challenge	*c = authz_challenge(&a->read, a->type);
	char			 text[ORDER_TEXT];
	int64_t			 due;

	if (a->type == 0 || c == NULL) {
		flow_choose(f, a, now);
		return;
	}
	if ((c->token == NULL) != (a->token == NULL) ||
	    (c->token != NULL && strcmp(c->token, a->token) != 0)) {
		flow_fail(f, PROBLEM_LATER, now, "%s: the CA changed the "
		    "token of its challenge", order_text(&a->ident, text));
		return;
	}
	if (a->place != FLOW_PLACE_PLACED) {
		flow_want_place(a);
		return;
	}
	if (a->refused && c->status == CHALLENGE_PENDING) {
		flow_fail_problem(f, &a->problem, order_text(&a->ident,
		    text), now);
		return;
	}
	if (!a->posted && c->status == CHALLENGE_PENDING) {
		flow_slot_set(&a->slot, ACME_CHALLENGE, c->url,
		    mem_str("{}"), now);
		return;
	}
	due = flow_poll(f, &a->slot, r, now);
	if (a->slot.polls > LIMIT_ACME_POLLS)
		flow_fail(f, PROBLEM_LATER, now, "%s: its authorization did "
		    "not change in %u looks", order_text(&a->ident, text),
		    LIMIT_ACME_POLLS);
	else
		flow_get_authz(a, due);
}

static void
take_authz(struct flow *f, struct flow_auth *a, const struct acme_reply *r,
    int64_t now)
{
	struct order_want	w = flow_order_want(f);
	struct err		e = ERR_INIT;

	authz_free(&a->read);
	if (f->state == FLOW_S_WHY) {
		take_why(f, a, r, now);
		return;
	}
	if (r->status != 200) {
		refused(f, r, "an authorization cannot be read", now);
		return;
	}
	if (authz_read(&a->read, r->body, &w, f->pin, &e) == -1) {
		absurd(f, &e, now);
		return;
	}
	a->status = a->read.status;
	a->ident = a->read.ident;
	if (a->status == AUTHZ_PENDING) {
		wait_authz(f, a, r, now);
		return;
	}
	flow_slot_clear(&a->slot);
	flow_take_away(a);
	if (a->status == AUTHZ_VALID)
		flow_all_valid(f, now);
	else
		ended(f, a, now);
}

/* What counts is the authorization: the answer only says when to look. */
static void
take_challenge(struct flow *f, struct flow_auth *a,
    const struct acme_reply *r, int64_t now)
{
	if (r->status != 200) {
		problem_free(&a->problem);
		problem_read(&a->problem, r, now);
		a->refused = 1;
		flow_get_authz(a, now);
		return;
	}
	flow_get_authz(a, now);
	flow_get_authz(a, flow_poll(f, &a->slot, r, now));
}

/* --- the certificate --- */

/* Is it PEM: text that says so? */
static int
is_pem(struct span s)
{
	static const char	begin[] = "-----BEGIN CERTIFICATE-----";
	size_t			i;

	if (s.n < sizeof(begin) - 1 || s.n > LIMIT_ACME_PEM)
		return 0;
	for (i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\n' && s.p[i] != '\r' &&
		    s.p[i] != '\t') || s.p[i] > '~')
			return 0;
	return memmem(s.p, s.n, begin, sizeof(begin) - 1) != NULL;
}

static void
take_cert(struct flow *f, const struct acme_reply *r, int64_t now)
{
	int	first = f->nchains == 0;

	if (first && r->status != 200) {
		refused(f, r, "the certificate cannot be fetched", now);
		return;
	}
	if (first && !is_pem(r->body)) {
		flow_fail(f, PROBLEM_LATER, now, "the certificate is no PEM "
		    "chain of at most %u bytes (RFC 8555 9.1)",
		    LIMIT_ACME_PEM);
		return;
	}
	if (r->status == 200 && is_pem(r->body))
		buf_span(&f->chain[f->nchains++], r->body);
	if (first && f->alternates)
		f->nalts = url_alternates(f->pin, r->links, f->alt);
	if (f->alt_at < f->nalts) {
		flow_slot_set(&f->slot, ACME_CERTIFICATE, f->alt[f->alt_at++],
		    NULL, now);
		return;
	}
	flow_slot_clear(&f->slot);
	f->state = FLOW_S_PICK;
}

void
flow_take(struct flow *f, struct flow_slot *s, struct flow_auth *a,
    const struct acme_reply *r, int64_t now)
{
	switch (s->purpose) {
	case ACME_ORDER_NEW:
		take_new(f, r, now);
		break;
	case ACME_ORDER_GET:
		take_get(f, r, now);
		break;
	case ACME_FINALIZE:
		take_finalize(f, r, now);
		break;
	case ACME_CERTIFICATE:
		take_cert(f, r, now);
		break;
	case ACME_AUTHZ_GET:
		take_authz(f, a, r, now);
		break;
	case ACME_CHALLENGE:
		take_challenge(f, a, r, now);
		break;
	case ACME_AUTHZ_CLOSE:
		/* as well as it goes: it ends by itself, too */
		if (r->status == 200)
			a->status = AUTHZ_DEACTIVATED;
		flow_slot_clear(s);
		flow_cleaned(f);
		break;
	default:
		break;
	}
}
