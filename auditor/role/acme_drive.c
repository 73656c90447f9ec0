#include "auditor/role/acme_drive.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"

static void
tell(const struct acme_drive *d, const char *text)
{
	if (d->tell != NULL)
		d->tell(d->arg, text);
}

void
acme_drive_end(struct acme_drive *d)
{
	flow_free(d->flow);
	d->flow = NULL;
	d->nfly = 0;
}

/* --- challenges --- */

/* What cannot be taken away does not stop the order. */
static void
drop(struct acme_drive *d, const struct flow_place *p)
{
	struct err	e = ERR_INIT;

	if (acme_place_drop(d->place, p, d->thumbprint,
	    *flow_why(d->flow) != '\0', &e) == 0)
		return;
	(void)err_prefix(&e, "%s: what was placed for %s is still there",
	    p->ident.text, challenge_name(p->type));
	tell(d, e.msg);
}

static void
put(struct acme_drive *d, size_t i, const struct flow_place *p)
{
	struct err	e = ERR_INIT;
	char		text[400];

	(void)snprintf(text, sizeof(text), "%s: %s", p->ident.text,
	    challenge_name(p->type));
	tell(d, text);
	if (acme_place_put(d->place, p, d->thumbprint, &e) == 0)
		flow_placed(d->flow, i, clk_wall());
	else
		flow_not_placed(d->flow, i, e.msg, clk_wall());
}

void
acme_drive_place(struct acme_drive *d)
{
	struct flow_place	p;
	size_t			i;

	for (i = 0; i < flow_places(d->flow); i++) {
		flow_place(d->flow, i, &p);
		if (p.state == FLOW_PLACE_REMOVE) {
			drop(d, &p);
			flow_removed(d->flow, i);
		}
		if (p.state == FLOW_PLACE_WANTED)
			put(d, i, &p);
	}
}

void
acme_drive_unplace(struct acme_drive *d)
{
	struct flow_place	p;
	size_t			i;

	for (i = 0; i < flow_places(d->flow); i++) {
		flow_place(d->flow, i, &p);
		if (p.state == FLOW_PLACE_PLACED ||
		    p.state == FLOW_PLACE_REMOVE)
			drop(d, &p);
	}
}

/* --- requests --- */

int
acme_drive_send(struct acme_drive *d, struct err *e)
{
	struct acme_ask		a;
	struct acme_reply	none;
	struct err		why = ERR_INIT;
	uint64_t		sent;
	uint32_t		id;

	while (d->nfly < ACME_DRIVE_FLYING &&
	    flow_ask(d->flow, clk_wall(), &id, &a)) {
		if (d->save != NULL && d->save(d->arg, d->flow, e) == -1)
			return -1;
		sent = acme_talk_send(d->talk, &a, d->key, &why);
		if (sent != 0) {
			d->fly[d->nfly].sent = sent;
			d->fly[d->nfly++].ask = id;
			continue;
		}
		/* a process of ours died, or refuses: not the CA */
		if (why.code != ERR_HTTP && why.code != ERR_NET)
			return err_set(e, why.code, "%s", why.msg);
		/* never sent: as if the CA were away */
		memset(&none, 0, sizeof(none));
		none.why = why.msg;
		flow_reply(d->flow, id, &none, clk_wall());
		err_clear(&why);
	}
	return 0;
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
			flow_reply(d->flow, ask, reply, clk_wall());
			return 1;
		}
	return 0;
}

int
acme_drive_hear(struct acme_drive *d, struct err *e)
{
	struct acme_reply	reply;
	int64_t			now = clk_wall(), when = flow_when(d->flow);
	uint64_t		id;
	int			ms, rc;

	ms = when <= now ? 0 : when - now > CLK_SEC ? 1000 :
	    (int)((when - now) / 1000) + 1;
	rc = acme_talk_hear(d->talk, ms, &id, &reply, e);
	if (rc == 1)
		(void)acme_drive_reply(d, id, &reply);
	return rc == -1 ? -1 : 0;
}
