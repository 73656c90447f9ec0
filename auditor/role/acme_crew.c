#include "auditor/role/acme_crew.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_drive.h"
#include "base/clk.h"
#include "base/mem.h"

/* Nonces that are there before the first request wants one. */
#define AHEAD	4
/* How soon it is seen that a placement may begin. */
#define LINE_US	(CLK_SEC / 20)
#define POLLS	512

struct acme_crew_job {
	struct acme_run		*run;		/* owned */
	struct acme_order	*o;		/* borrowed */
	acme_crew_done		*done;
	void			*arg;
};

static void
finish(struct acme_crew_job *j, int rc, const struct err *e)
{
	struct acme_order_result	out;

	memset(&out, 0, sizeof(out));
	acme_order_end(j->run, &out);
	j->done(j->arg, rc, &out, e);
	acme_order_result_free(&out);
	free(j);
}

void
acme_crew_add(struct acme_crew *c, struct acme_order *o,
    acme_crew_done *done, void *arg)
{
	struct acme_crew_job	*j = mem_zero(sizeof(*j));
	struct err		 e = ERR_INIT;

	o->talk = c->talk;
	o->place = c->place;
	o->pre = c->pre;
	if (c->pre != NULL)
		acme_preflight_brief(c->pre, c->n != 0);
	j->o = o;
	j->done = done;
	j->arg = arg;
	j->run = acme_order_start(o, &e);
	if (j->run == NULL)
		finish(j, -1, &e);
	else
		c->job[c->n++] = j;
}

int
acme_crew_has(const struct acme_crew *c, const char *name)
{
	size_t	i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->job[i]->o->want.name, name) == 0)
			return 1;
	return 0;
}

size_t
acme_crew_polls(const struct acme_crew *c, struct pollfd *p, size_t n)
{
	size_t	i, k = 0;

	if (n < 2 || c->talk == NULL)
		return 0;
	p[k].fd = acme_talk_fd(c->talk, &p[k].events);
	k++;
	p[k++] = (struct pollfd){ acme_place_fd(c->place), POLLIN, 0 };
	for (i = 0; i < c->n; i++)
		k += acme_drive_polls(acme_order_drive(c->job[i]->run), p + k,
		    n - k);
	return k;
}

int64_t
acme_crew_when(const struct acme_crew *c)
{
	struct acme_drive	*d;
	int64_t			 when = INT64_MAX, at, line;
	size_t			 i;

	line = clk_wall() + LINE_US;
	for (i = 0; i < c->n; i++) {
		d = acme_order_drive(c->job[i]->run);
		at = acme_drive_when(d);
		if (acme_drive_busy(d) && at > line)
			at = line;
		if (at < when)
			when = at;
	}
	return when;
}

static void
heard(struct acme_crew *c, uint64_t id, const struct acme_reply *r)
{
	size_t	i;

	for (i = 0; i < c->n; i++)
		if (acme_drive_reply(acme_order_drive(c->job[i]->run), id, r))
			return;
	if (c->other != NULL)
		c->other(c->arg, id, r);
}

/* Answers, and what challenges were looked at. */
static int
hear(struct acme_crew *c, struct err *e)
{
	struct acme_reply	r;
	struct challenge_hit	hit;
	uint64_t		id;
	size_t			i;
	int			rc;

	while ((rc = acme_talk_hear(c->talk, 0, &id, &r, e)) == 1)
		heard(c, id, &r);
	while (rc == 0 && (rc = acme_place_hit(c->place, &hit, e)) == 1) {
		for (i = 0; i < c->n; i++)
			acme_drive_hit(acme_order_drive(c->job[i]->run),
			    &hit);
		rc = 0;
	}
	return rc;
}

int
acme_crew_turn(struct acme_crew *c, struct err *e)
{
	struct acme_crew_job	*j;
	struct err		 why;
	size_t			 i = 0;
	int			 rc;

	if (c->talk == NULL)
		return 0;
	if (hear(c, e) == -1)
		return -1;
	acme_talk_ahead(c->talk, AHEAD + c->n);
	while (i < c->n) {
		j = c->job[i];
		err_clear(&why);
		rc = acme_order_turn(j->run, &why);
		if (rc == 0) {
			i++;
			continue;
		}
		c->job[i] = c->job[--c->n];
		finish(j, rc == 1 ? 0 : -1, &why);
	}
	return 0;
}

int
acme_crew_wait(struct acme_crew *c, struct err *e)
{
	struct pollfd	p[POLLS];
	int64_t		left = acme_crew_when(c) - clk_wall();
	size_t		n = acme_crew_polls(c, p, POLLS);

	(void)poll(p, n, left <= 0 ? 0 : left > CLK_SEC ? 1000 :
	    (int)(left / 1000) + 1);
	return acme_crew_turn(c, e);
}

void
acme_crew_leave(struct acme_crew *c)
{
	while (c->n > 0) {
		acme_order_end(c->job[--c->n]->run, NULL);
		free(c->job[c->n]);
	}
}
