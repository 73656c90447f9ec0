#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "acme/flow_part.h"
#include "base/mem.h"
#include "pki/name.h"

/* What the caller does, and what it is told. */

unsigned
flow_events(const struct flow *f)
{
	unsigned	bits = 0;
	size_t		i;

	for (i = 0; i < f->nauths; i++) {
		if (f->auth[i].place == FLOW_PLACE_WANTED)
			bits |= FLOW_PLACE;
		if (f->auth[i].place == FLOW_PLACE_REMOVE)
			bits |= FLOW_REMOVE;
	}
	switch (f->state) {
	case FLOW_S_CSR:
		return bits | FLOW_FINALIZE;
	case FLOW_S_PICK:
		return bits | FLOW_PICK;
	case FLOW_S_DONE:
		return bits | FLOW_DONE;
	case FLOW_S_FAILED:
		return bits | FLOW_FAILED;
	default:
		return bits;
	}
}

size_t
flow_places(const struct flow *f)
{
	return f->nauths;
}

void
flow_place(const struct flow *f, size_t i, struct flow_place *out)
{
	const struct flow_auth	*a;
	const struct challenge	*c;
	size_t			 k;

	memset(out, 0, sizeof(*out));
	if (i >= f->nauths)
		return;
	a = &f->auth[i];
	out->all = f->ident;
	out->nall = f->nidents;
	for (k = i + 1; k < f->nauths; k++)
		out->remaining += f->auth[k].type == a->type &&
		    f->auth[k].place == FLOW_PLACE_WANTED;
	out->state = a->place;
	out->ident = a->ident;
	out->type = a->type;
	out->authz = a->url;
	out->token = a->token;
	c = authz_challenge(&a->read, a->type);
	if (c == NULL)
		return;
	out->account = c->account;
	out->issuers = (const char *const *)c->issuers;
	out->nissuers = c->nissuers;
}

void
flow_placed(struct flow *f, size_t i, int64_t now)
{
	const struct challenge	*c;
	struct flow_auth	*a;

	if (i >= f->nauths || f->auth[i].place != FLOW_PLACE_WANTED)
		return;
	a = &f->auth[i];
	c = authz_challenge(&a->read, a->type);
	a->place = FLOW_PLACE_PLACED;
	if (a->told || c == NULL)
		/* it may be valid by now: then it is left alone */
		flow_get_authz(a, now);
	else
		flow_slot_set(&a->slot, ACME_CHALLENGE, c->url,
		    mem_str("{}"), now);
}

void
flow_not_placed(struct flow *f, size_t i, const char *why, int64_t now)
{
	struct flow_auth	*a;
	char			 text[LIMIT_ACME_DETAIL];

	if (i >= f->nauths || f->auth[i].place != FLOW_PLACE_WANTED)
		return;
	a = &f->auth[i];
	a->place = FLOW_PLACE_NONE;
	a->declined |= 1u << a->type;
	a->type = 0;
	(void)name_display(why, strlen(why), text, sizeof(text));
	doc_keep(&a->not_placed, text);
	flow_choose(f, a, now);
}

void
flow_removed(struct flow *f, size_t i)
{
	if (i >= f->nauths || f->auth[i].place != FLOW_PLACE_REMOVE)
		return;
	f->auth[i].place = FLOW_PLACE_REMOVED;
	if (f->anew)
		flow_cleaned(f);
}

int
flow_finalize(struct flow *f, const char *csr, int64_t now, struct err *e)
{
	char	*payload;

	if (f->state != FLOW_S_CSR)
		return 0;
	payload = order_finalize(csr, e);
	if (payload == NULL)
		return -1;
	free(payload);
	doc_keep(&f->csr, csr);
	flow_to_finalize(f, now);
	return 0;
}

void
flow_stop(struct flow *f, const char *why, int64_t now)
{
	char	text[LIMIT_ACME_DETAIL];

	(void)name_display(why, strlen(why), text, sizeof(text));
	if (f->state != FLOW_S_PICK)
		flow_fail(f, PROBLEM_LATER, now, "%s", text);
}

void
flow_leave(struct flow *f, const char *why, int64_t now)
{
	flow_keep(f, now);
	flow_stop(f, why, now);
}

size_t
flow_chains(const struct flow *f)
{
	return f->state == FLOW_S_PICK || f->state == FLOW_S_DONE ?
	    f->nchains : 0;
}

struct span
flow_chain(const struct flow *f, size_t i)
{
	static const struct span	none = { NULL, 0 };

	return i < flow_chains(f) ? buf_bytes(&f->chain[i]) : none;
}

void
flow_pick(struct flow *f, size_t i)
{
	if (f->state != FLOW_S_PICK || i >= f->nchains)
		return;
	f->picked = i;
	f->state = FLOW_S_DONE;
}

size_t
flow_picked(const struct flow *f)
{
	return f->picked;
}

const char *
flow_why(const struct flow *f)
{
	return f->why != NULL ? f->why : "";
}

const struct problem *
flow_problem(const struct flow *f)
{
	return f->has_problem ? &f->problem : NULL;
}

enum problem_when
flow_again(const struct flow *f, int64_t *not_before)
{
	*not_before = f->not_before;
	return f->again;
}

int
flow_maybe_issued(const struct flow *f)
{
	return f->maybe;
}

int
flow_unfinished(const struct flow *f)
{
	return f->state == FLOW_S_FAILED && f->unfinished;
}

int
flow_reopen(struct flow *f, int64_t deadline, int64_t now)
{
	if (f->state != FLOW_S_FAILED || f->order == NULL ||
	    (!f->maybe && !f->unfinished))
		return -1;
	f->unfinished = 0;
	doc_keep(&f->why, NULL);
	problem_free(&f->problem);
	f->has_problem = 0;
	f->again = PROBLEM_NEVER;
	f->not_before = 0;
	f->deadline = deadline < FLOW_TIME_MAX ? deadline : FLOW_TIME_MAX;
	f->state = FLOW_S_ORDER;
	flow_get_order(f, now);
	return 0;
}

const char *
flow_order(const struct flow *f)
{
	return f->order;
}

const char *
flow_profile(const struct flow *f)
{
	return f->made_profile;
}

int
flow_replaces(const struct flow *f)
{
	return f->order != NULL && f->replaces != NULL;
}

const struct order_ident *
flow_idents(const struct flow *f, size_t *n)
{
	*n = f->nidents;
	return f->ident;
}
