#include "acme/flow.h"

#include <stdlib.h>
#include <string.h>

#include "acme/doc.h"
#include "acme/flow_part.h"
#include "base/clk.h"
#include "base/mem.h"
#include "pki/name.h"

#define POLL_US		(CLK_SEC / 10)
#define NONCES_AT_ONCE	10	/* then with pauses */
#define ALT_LOSSES	3	/* of a chain that is not needed */
#define LIMITED_MAX	3	/* 429 that do not say how long */

/* --- begin and end --- */

/* The names, each once. */
static int
idents_read(struct flow *f, const struct flow_want *w, struct err *e)
{
	struct order_ident	id;
	size_t			i;

	if (w->nnames == 0 || w->nnames > LIMIT_ACME_NAMES)
		return err_set(e, ERR_LIMIT, "an order has 1 to %u names, not "
		    "%zu", LIMIT_ACME_NAMES, w->nnames);
	f->ident = mem_array(w->nnames, sizeof(*f->ident));
	for (i = 0; i < w->nnames; i++) {
		if (order_ident(w->names[i], &id, e) == -1)
			return err_prefix(e, "name %zu", i + 1);
		if (order_find(f->ident, f->nidents, &id) == -1)
			f->ident[f->nidents++] = id;
	}
	return 0;
}

/* Each name must have a challenge that can prove it. */
static int
prefer_read(struct flow *f, const struct flow_want *w, struct err *e)
{
	char	text[ORDER_TEXT];
	size_t	i, k;

	for (i = 0; i < w->nprefer && f->nprefer < CHALLENGE_MAX; i++)
		if (challenge_name(w->prefer[i]) != NULL)
			f->prefer[f->nprefer++] = w->prefer[i];
	for (i = 0; i < f->nidents; i++) {
		for (k = 0; k < f->nprefer; k++)
			if (challenge_fits(f->prefer[k], &f->ident[i]))
				break;
		if (k == f->nprefer)
			return err_set(e, ERR_CONF, "%s: none of the "
			    "configured challenges can prove it; wildcards "
			    "need dns-01, addresses http-01 or tls-alpn-01",
			    order_text(&f->ident[i], text));
	}
	return 0;
}

static int
profile_read(struct flow *f, const struct directory *d,
    const struct flow_want *w, struct err *e)
{
	if (w->profile == NULL)
		return 0;
	f->profile_required = w->profile_required;
	if (directory_has_profile(d, w->profile)) {
		f->profile = mem_str(w->profile);
		return 0;
	}
	if (!w->profile_required)
		return 0;
	return err_set(e, ERR_CONF, "the CA does not offer the profile "
	    "%.100s, which is required; its directory lists those it has",
	    w->profile);
}

/* A certID (RFC 9773 4.1), where the CA knows what that is. */
static int
replaces_read(struct flow *f, const struct directory *d,
    const struct flow_want *w, struct err *e)
{
	const char	*dot;
	char		*aki;
	int		 ok;

	if (w->replaces == NULL || d->renewal_info == NULL)
		return 0;
	dot = strchr(w->replaces, '.');
	if (dot != NULL) {
		aki = mem_dup(w->replaces, (size_t)(dot - w->replaces));
		ok = doc_is_b64url(aki, 1, LIMIT_ACME_TEXT / 4) &&
		    doc_is_b64url(dot + 1, 1, LIMIT_ACME_TEXT / 4);
		free(aki);
		if (ok) {
			f->replaces = mem_str(w->replaces);
			return 0;
		}
	}
	return err_set(e, ERR_FORMAT, "replaces: must be a certificate's "
	    "identifier (RFC 9773 4.1)");
}

/* What can be stored, and added to. */
static int64_t
moment(int64_t t)
{
	return t < 0 ? 0 : t > FLOW_TIME_MAX ? FLOW_TIME_MAX : t;
}

struct flow *
flow_start(const struct directory *d, const struct url_pin *pin,
    const struct flow_want *w, struct err *e)
{
	struct flow	*f = mem_zero(sizeof(*f));

	f->pin = pin;
	f->new_order = mem_str(d->new_order);
	if (idents_read(f, w, e) == -1 || prefer_read(f, w, e) == -1 ||
	    profile_read(f, d, w, e) == -1 ||
	    replaces_read(f, d, w, e) == -1) {
		flow_free(f);
		return NULL;
	}
	f->not_after = moment(w->not_after);
	f->deadline = moment(w->deadline);
	f->poll_us = w->poll_us > 0 ? moment(w->poll_us) : POLL_US;
	f->alternates = w->alternates;
	flow_to_new(f, 0);
	return f;
}

void
flow_auth_free(struct flow_auth *a)
{
	free(a->url);
	free(a->not_placed);
	free(a->token);
	authz_free(&a->read);
	problem_free(&a->problem);
	flow_slot_clear(&a->slot);
}

void
flow_free(struct flow *f)
{
	size_t	i;

	if (f == NULL)
		return;
	for (i = 0; i < f->nauths; i++)
		flow_auth_free(&f->auth[i]);
	for (i = 0; i < LIMIT_ACME_ALTERNATES; i++)
		free(f->alt[i]);
	for (i = 0; i <= LIMIT_ACME_ALTERNATES; i++)
		buf_free(&f->chain[i]);
	flow_slot_clear(&f->slot);
	problem_free(&f->problem);
	free(f->auth);
	free(f->ident);
	free(f->new_order);
	free(f->profile);
	free(f->replaces);
	free(f->order);
	free(f->finalize);
	free(f->made_profile);
	free(f->csr);
	free(f->why);
	free(f);
}

/* --- requests --- */

static struct flow_slot *
slot_at(struct flow *f, size_t i)
{
	return i == 0 ? &f->slot : &f->auth[i - 1].slot;
}

/* Has time run out?  The machine's own states only: a chain can wait. */
static void
late(struct flow *f, int64_t now)
{
	size_t	i;

	if (f->state == FLOW_S_CLEAN && now >= f->clean_end) {
		for (i = 0; i < f->nauths; i++)
			flow_slot_clear(&f->auth[i].slot);
		if (f->anew) {
			f->anew = 0;
			doc_keep(&f->why, "the order that was gone on with "
			    "is invalid; order again");
			f->again = PROBLEM_LATER;
		}
		flow_cleaned(f);
	}
	if (f->state >= FLOW_S_PICK && f->state != FLOW_S_WHY)
		return;
	if (now < f->deadline)
		return;
	if (f->maybe)
		flow_keep(f, now);
	flow_fail(f, PROBLEM_LATER, now, "the order was not done in the time "
	    "it had%s", f->maybe ? "; a certificate may exist nevertheless" :
	    "");
}

int
flow_ask(struct flow *f, int64_t now, uint32_t *id, struct acme_ask *ask)
{
	struct flow_slot	*s;
	size_t			 i;

	late(f, now);
	for (i = 0; i <= f->nauths; i++) {
		s = slot_at(f, i);
		if (s->purpose == 0 || s->id != 0 || s->due > now)
			continue;
		if (++f->serial == 0)
			f->serial = 1;
		*id = s->id = f->serial;
		ask->purpose = s->purpose;
		ask->url = s->url;
		ask->payload = s->payload;
		ask->at = s->due;
		if (s->purpose == ACME_FINALIZE) {
			f->finalizes++;
			f->maybe_before = f->maybe;
			f->maybe = 1;
		}
		if (s->purpose == ACME_CHALLENGE)
			f->auth[i - 1].posted = f->auth[i - 1].told = 1;
		return 1;
	}
	return 0;
}

int64_t
flow_when(const struct flow *f)
{
	const struct flow_slot	*s;
	int64_t			 when = INT64_MAX;
	size_t			 i;

	if (f->state == FLOW_S_CLEAN)
		when = f->clean_end;
	else if (f->state < FLOW_S_PICK || f->state == FLOW_S_WHY)
		when = f->deadline;
	for (i = 0; i <= f->nauths; i++) {
		s = i == 0 ? &f->slot : &f->auth[i - 1].slot;
		if (s->purpose != 0 && s->id == 0 && s->due < when)
			when = s->due;
	}
	return when;
}

void
flow_hurry(struct flow *f, int64_t now)
{
	struct flow_slot	*s;
	size_t			 i;

	for (i = 0; i <= f->nauths; i++) {
		s = slot_at(f, i);
		if (s->purpose == ACME_AUTHZ_GET && s->id == 0 &&
		    s->losses == 0 && !s->told && s->due > now)
			s->due = now;
	}
}

/* --- answers --- */

/* The nonce was refused, and so the request was not looked at. */
static void
again_nonce(struct flow *f, struct flow_slot *s, struct problem *p,
    int64_t now)
{
	if (s->purpose == ACME_FINALIZE) {
		f->finalizes--;
		f->maybe = f->maybe_before;
	}
	s->nonces++;
	if (s->nonces >= LIMIT_ACME_NONCE_TRIES) {
		if (s->purpose == ACME_AUTHZ_CLOSE) {
			flow_slot_clear(s);
			flow_cleaned(f);
		} else
			flow_fail_problem(f, p, "it refuses one nonce after "
			    "the other", now);
		return;
	}
	s->due = s->nonces < NONCES_AT_ONCE ? now :
	    now + clk_backoff(s->nonces - NONCES_AT_ONCE + 1, CLK_SEC / 20,
	    CLK_SEC);
}

/* How long to wait after the server failed. */
static int64_t
pause_of(const struct flow_slot *s, const struct problem *p, int64_t now)
{
	if (p->retry_at > now)
		return p->retry_at - now;
	if (p->status == 429)
		return clk_backoff(s->losses, 10 * CLK_SEC, 60 * CLK_SEC);
	return clk_backoff(s->losses, p->status == 0 ? CLK_SEC / 5 : CLK_SEC,
	    10 * CLK_SEC);
}

/*
 * No answer, or the server failed: the request may have come through.  What
 * may be repeated is; else what it would have changed is read first.
 */
static void
again_lost(struct flow *f, struct flow_slot *s, struct flow_auth *a,
    struct problem *p, int64_t now)
{
	int64_t	end = f->state == FLOW_S_CLEAN ? f->clean_end : f->deadline;
	int64_t	due;

	s->losses++;
	s->limits += p->status == 429 && p->retry_at == 0;
	due = now + pause_of(s, p, now);
	if (s->losses >= LIMIT_ACME_TRIES || due >= end ||
	    s->limits >= LIMITED_MAX) {
		if (s->purpose == ACME_AUTHZ_CLOSE) {
			flow_slot_clear(s);
			flow_cleaned(f);
		} else {
			flow_keep(f, now);
			flow_fail_problem(f, p, "giving up", now);
		}
		return;
	}
	switch (s->purpose) {
	case ACME_FINALIZE:
		f->state = FLOW_S_PROCESS;
		flow_get_order(f, due);
		break;
	case ACME_CHALLENGE:
		a->posted = 0;
		flow_get_authz(a, due);
		break;
	default:
		s->due = due;
		break;
	}
}

/* Is it about a chain that we could do without? */
static int
is_spare(const struct flow *f, const struct flow_slot *s,
    const struct acme_reply *r)
{
	return s->purpose == ACME_CERTIFICATE && f->nchains != 0 &&
	    (s->losses >= ALT_LOSSES || r->final);
}

/*
 * No answer that could be read, and there never will be.  What finalize did is
 * seen in the order; other requests are not worth another try.
 */
static int
hopeless(struct flow *f, struct flow_slot *s, const struct acme_reply *r,
    int64_t now)
{
	char	text[LIMIT_ACME_DETAIL];

	if (r->status != 0 || !r->final || s->purpose == ACME_FINALIZE ||
	    s->purpose == ACME_CHALLENGE || s->purpose == ACME_AUTHZ_CLOSE)
		return 0;
	(void)name_display(r->why, strlen(r->why), text, sizeof(text));
	if (f->maybe)
		flow_keep(f, now);
	flow_fail(f, PROBLEM_LATER, now, "the CA's answer cannot be used: %s",
	    text);
	return 1;
}

static void
reply(struct flow *f, struct flow_slot *s, struct flow_auth *a,
    const struct acme_reply *r, int64_t now)
{
	struct problem	p;
	int		lost;

	lost = r->status < 200 || r->status >= 500 || r->status == 429 ||
	    r->status == 408;
	if (!lost)
		s->losses = s->limits = 0;
	if ((!lost && r->status < 400) || (lost && is_spare(f, s, r))) {
		flow_take(f, s, a, r, now);
		return;
	}
	if (hopeless(f, s, r, now))
		return;
	problem_read(&p, r, now);
	if (p.type == PROBLEM_BAD_NONCE)
		again_nonce(f, s, &p, now);
	else if (lost)
		again_lost(f, s, a, &p, now);
	else
		flow_take(f, s, a, r, now);
	problem_free(&p);
}

void
flow_reply(struct flow *f, uint32_t id, const struct acme_reply *r,
    int64_t now)
{
	struct flow_slot	*s;
	size_t			 i;

	for (i = 0; i <= f->nauths; i++) {
		s = slot_at(f, i);
		if (id == 0 || s->id != id)
			continue;
		s->id = 0;
		reply(f, s, i == 0 ? NULL : &f->auth[i - 1], r, now);
		return;
	}
}
