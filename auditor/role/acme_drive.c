#include "auditor/role/acme_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/chal.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

/* Hits that are heeded, for each name: CAs look from a few places. */
#define HITS	4
/* What is polled at a time, beside talk and place. */
#define POLLS	64
#define TICK_MS	100

static void
tell(const struct acme_drive *d, const char *text)
{
	if (d->tell != NULL)
		d->tell(d->arg, text);
}

void
acme_drive_end(struct acme_drive *d)
{
	size_t	i;

	for (i = 0; i < d->ndefer; i++)
		acme_defer_free(d->defer[i]);
	free(d->defer);
	d->defer = NULL;
	d->ndefer = 0;
	flow_free(d->flow);
	d->flow = NULL;
	d->nfly = 0;
	d->hits = 0;
}

/* --- challenges --- */

/* What cannot be taken away does not stop the order. */
static void
stays(struct acme_drive *d, const struct flow_place *p, struct err *e)
{
	(void)err_prefix(e, "%s: what was placed for %s is still there",
	    p->ident.text, challenge_name(p->type));
	tell(d, e->msg);
}

static int
is_deferred(const struct acme_drive *d, size_t i)
{
	return i < d->ndefer && d->defer[i] != NULL;
}

static void
drop(struct acme_drive *d, size_t i, const struct flow_place *p)
{
	struct err	e = ERR_INIT;
	int		failed = *flow_why(d->flow) != '\0';

	if (is_deferred(d, i))
		acme_defer_drop(d->defer[i], failed);
	else if (acme_place_drop(d->place, p, d->thumbprint, failed, &e) == -1)
		stays(d, p, &e);
}

/* One that waits goes on; its process ends when it has nothing left to do. */
static void
go_on(struct acme_drive *d, size_t i)
{
	struct err	e = ERR_INIT;

	switch (acme_defer_turn(d->defer[i], &e)) {
	case ACME_DEFER_PLACED:
		flow_placed(d->flow, i, clk_wall());
		return;
	case ACME_DEFER_FAILED:
		if (e.code == ERR_TEMP)
			d->broken = e;
		else
			flow_not_placed(d->flow, i, e.msg, clk_wall());
		break;
	case ACME_DEFER_STAYS:
		stays(d, acme_defer_what(d->defer[i]), &e);
		break;
	case ACME_DEFER_GONE:
		break;
	case ACME_DEFER_PUTS:
		d->putting = 1;
		return;
	case ACME_DEFER_WRITTEN:
	case ACME_DEFER_DROPS:
		return;
	}
	acme_defer_free(d->defer[i]);
	d->defer[i] = NULL;
}

/* One for each challenge: there are more when an order is made anew. */
static void
room(struct acme_drive *d)
{
	size_t			 n = flow_places(d->flow);
	struct acme_defer	**v;

	if (n <= d->ndefer)
		return;
	v = mem_array(n, sizeof(*v));
	if (d->ndefer != 0)
		memcpy(v, d->defer, d->ndefer * sizeof(*v));
	free(d->defer);
	d->defer = v;
	d->ndefer = n;
}

static void
put(struct acme_drive *d, size_t i, const struct flow_place *p)
{
	struct err	e = ERR_INIT;
	char		text[400];

	(void)snprintf(text, sizeof(text), "%s: %s", p->ident.text,
	    challenge_name(p->type));
	tell(d, text);
	if (acme_place_waits(p->type)) {
		room(d);
		d->defer[i] = acme_defer_new(d->place, p, d->thumbprint);
		go_on(d, i);
	} else if (acme_place_put(d->place, p, d->thumbprint, &e) == 0)
		flow_placed(d->flow, i, clk_wall());
	else if (e.code == ERR_TEMP)
		d->broken = e;
	else
		flow_not_placed(d->flow, i, e.msg, clk_wall());
}

void
acme_drive_place(struct acme_drive *d)
{
	struct flow_place	p;
	size_t			i;

	d->putting = 0;
	/* what is taken away of an order before this one has no place any more */
	for (i = 0; i < flow_places(d->flow) || i < d->ndefer; i++) {
		flow_place(d->flow, i, &p);
		if (p.state == FLOW_PLACE_REMOVE) {
			drop(d, i, &p);
			flow_removed(d->flow, i);
		}
		if (is_deferred(d, i))
			go_on(d, i);
		/* one that cannot be placed leads to the next type */
		for (flow_place(d->flow, i, &p); !is_deferred(d, i) &&
		    d->broken.code == ERR_NONE && p.state ==
		    FLOW_PLACE_WANTED; flow_place(d->flow, i, &p))
			put(d, i, &p);
	}
	for (i = 0; i < d->ndefer && !d->putting; i++)
		if (d->defer[i] != NULL)
			acme_defer_look(d->defer[i]);
}

int
acme_drive_busy(const struct acme_drive *d)
{
	size_t	i;

	for (i = 0; i < d->ndefer; i++)
		if (d->defer[i] != NULL)
			return 1;
	return 0;
}

void
acme_drive_over(struct acme_drive *d, int done)
{
	size_t	i;

	for (i = 0; i < d->ndefer; i++) {
		if (d->defer[i] == NULL || acme_defer_dropped(d->defer[i]))
			continue;
		if (done) {
			acme_defer_drop(d->defer[i], 0);
			continue;
		}
		acme_defer_free(d->defer[i]);
		d->defer[i] = NULL;
	}
}

void
acme_drive_unplace(struct acme_drive *d)
{
	struct flow_place	p;
	struct pollfd		fds[POLLS];
	size_t			i, n;

	for (i = 0; i < flow_places(d->flow); i++) {
		flow_place(d->flow, i, &p);
		if (p.state == FLOW_PLACE_PLACED ||
		    p.state == FLOW_PLACE_REMOVE || i < d->ndefer)
			drop(d, i, &p);
	}
	for (i = 0; i < d->ndefer; i++)
		while (d->defer[i] != NULL) {
			n = acme_drive_polls(d, fds, POLLS);
			(void)poll(fds, n, TICK_MS);
			go_on(d, i);
		}
}

/* Is it the answer to this one? */
static int
is_hit(const struct flow_place *p, const struct challenge_hit *h)
{
	char	sni[NAME_TEXT];

	if (p->state != FLOW_PLACE_PLACED)
		return 0;
	return h->kind == CHALLENGE_HTTP ? p->type == CHALLENGE_HTTP_01 &&
	    strcmp(p->token, h->key) == 0 :
	    p->type == CHALLENGE_TLS_ALPN_01 &&
	    chal_sni(p->ident.text, sni, NULL) == 0 && strcmp(sni, h->key) ==
	    0;
}

void
acme_drive_hit(struct acme_drive *d, const struct challenge_hit *h)
{
	struct flow_place	p;
	size_t			i, n = flow_places(d->flow);

	for (i = 0; i < n && d->hits < HITS * n; i++) {
		flow_place(d->flow, i, &p);
		if (!is_hit(&p, h))
			continue;
		d->hits++;
		flow_hurry(d->flow, clk_wall());
		return;
	}
}

/* --- requests --- */

/* Does it begin with making an order? */
static int
is_fresh(const struct acme_drive *d)
{
	return flow_order(d->flow) == NULL;
}

static void
begin_silence(struct acme_drive *d, int64_t now)
{
	acme_silence_begin(&d->silence, now, LIMIT_ACME_SILENCE * CLK_SEC);
}

/*
 * Does the CA not answer, or not let us ask for want of a nonce?  What is
 * under way is not waited for when it is enough.
 */
static void
listen(struct acme_drive *d)
{
	int64_t	now = clk_wall();
	char	text[400];

	if ((flow_events(d->flow) & (FLOW_DONE | FLOW_FAILED)) != 0 ||
	    (d->nfly == 0 && acme_talk_waits(d->talk, is_fresh(d))))
		acme_silence_end(&d->silence);
	else if (flow_when(d->flow) <= now)
		begin_silence(d, now);
	switch (acme_silence_turn(&d->silence, now, text, sizeof(text))) {
	case ACME_SILENCE_NONE:
		return;
	case ACME_SILENCE_TELL:
		tell(d, text);
		return;
	case ACME_SILENCE_OVER:
		d->left = acme_silence_code(&d->silence);
		d->nfly = 0;
		acme_silence_end(&d->silence);
		flow_leave(d->flow, text, now);
	}
}

int
acme_drive_send(struct acme_drive *d, struct err *e)
{
	struct acme_ask		a;
	struct acme_reply	none;
	struct err		why = ERR_INIT;
	uint64_t		sent;
	uint32_t		id;

	if (d->broken.code != ERR_NONE)
		return err_set(e, d->broken.code, "%s", d->broken.msg);
	listen(d);
	for (;;) {
		d->stopped = !acme_talk_ready(d->talk, is_fresh(d));
		if (d->stopped || d->nfly >= ACME_DRIVE_FLYING ||
		    !flow_ask(d->flow, clk_wall(), &id, &a))
			return 0;
		if (d->save != NULL && d->save(d->arg, d->flow, &a, e) == -1)
			return -1;
		sent = acme_talk_send(d->talk, &a, d->key, &why);
		if (sent != 0) {
			begin_silence(d, clk_wall());
			d->fly[d->nfly].sent = sent;
			d->fly[d->nfly++].ask = id;
			continue;
		}
		/* a process of ours died, or refuses: not the CA */
		if (why.code != ERR_HTTP && why.code != ERR_NET &&
		    why.code != ERR_SILENT)
			return err_set(e, why.code, "%s", why.msg);
		/* never sent: as if the CA were away */
		memset(&none, 0, sizeof(none));
		none.why = why.msg;
		none.silent = why.code == ERR_SILENT;
		acme_silence_lost(&d->silence, &none);
		flow_reply(d->flow, id, &none, clk_wall());
		err_clear(&why);
	}
}

int
acme_drive_reply(struct acme_drive *d, uint64_t sent,
    const struct acme_reply *reply)
{
	uint32_t	ask;
	size_t		i;

	for (i = 0; i < d->nfly; i++)
		if (d->fly[i].sent == sent) {
			ask = d->fly[i].ask;
			d->fly[i] = d->fly[--d->nfly];
			if (reply->status == 0)
				acme_silence_lost(&d->silence, reply);
			else
				acme_silence_end(&d->silence);
			if (d->nfly != 0)
				begin_silence(d, clk_wall());
			flow_reply(d->flow, ask, reply, clk_wall());
			return 1;
		}
	return 0;
}

int64_t
acme_drive_when(struct acme_drive *d)
{
	int64_t	when = flow_when(d->flow), may;
	int64_t	look = acme_silence_when(&d->silence);

	if (d->stopped) {
		may = acme_talk_when(d->talk, is_fresh(d));
		when = may > when ? may : when;
	}
	return look < when ? look : when;
}

size_t
acme_drive_polls(const struct acme_drive *d, struct pollfd *p, size_t n)
{
	size_t	i, k = 0;

	for (i = 0; i < d->ndefer && k < n; i++)
		if (d->defer[i] != NULL && acme_defer_fd(d->defer[i]) != -1)
			p[k++] = (struct pollfd){ acme_defer_fd(d->defer[i]),
			    POLLIN, 0 };
	return k;
}

int
acme_drive_hear(struct acme_drive *d, struct err *e)
{
	struct pollfd		p[2 + POLLS];
	struct acme_reply	reply;
	struct challenge_hit	hit;
	int64_t			now = clk_wall(), when = acme_drive_when(d);
	uint64_t		id;
	size_t			n = 2;
	int			ms, rc;

	ms = when <= now ? 0 : when - now > CLK_SEC ? 1000 :
	    (int)((when - now) / 1000) + 1;
	p[0].fd = acme_talk_fd(d->talk, &p[0].events);
	p[1] = (struct pollfd){ acme_place_fd(d->place), POLLIN, 0 };
	n += acme_drive_polls(d, p + 2, POLLS);
	/* what has come already is not polled for */
	rc = acme_talk_hear(d->talk, 0, &id, &reply, e);
	if (rc == 0 && poll(p, n, ms) > 0)
		rc = acme_talk_hear(d->talk, 0, &id, &reply, e);
	if (rc == 1)
		(void)acme_drive_reply(d, id, &reply);
	while (rc != -1 && (rc = acme_place_hit(d->place, &hit, e)) == 1)
		acme_drive_hit(d, &hit);
	return rc;
}
