#ifndef TESTS_UNIT_AUDITOR_DRIVING_H
#define TESTS_UNIT_AUDITOR_DRIVING_H

/* A drive, with a talk and a place that the test plays. */

#include "tests/unit/acme/script.h"

#include "auditor/role/acme_drive.h"

static struct acme_drive	d;
static int			ready;		/* the talk says */
static int			waits;		/* the CA asked for it */
static int			refuse;		/* the sign process says */
static size_t			sent, saved, put, dropped;
static int			put_fails, drop_fails, save_fails;
static enum acme_purpose	last;
static char			said[400];
static unsigned			busy;

/* --- the talk and the place ------------------------------------------------ */

int
acme_talk_ready(struct acme_talk *t, int fresh)
{
	(void)t;
	assert_int_equal(fresh, flow_order(d.flow) == NULL);
	return ready;
}

int64_t
acme_talk_when(struct acme_talk *t, int fresh)
{
	(void)t;
	(void)fresh;
	return now + 7 * CLK_SEC;
}

int
acme_talk_waits(struct acme_talk *t, int fresh)
{
	(void)t;
	(void)fresh;
	return waits;
}

uint64_t
acme_talk_send(struct acme_talk *t, const struct acme_ask *a,
    const char *cert, struct err *e)
{
	(void)t;
	assert_string_equal(cert, "cert-1");
	/* it was stored before */
	assert_int_equal(saved, sent + 1);
	if (refuse != 0) {
		(void)err_set(e, (enum err_code)refuse, "refused");
		saved--;
		return 0;
	}
	last = a->purpose;
	return 1000 + ++sent;
}

int
acme_talk_hear(struct acme_talk *t, int ms, uint64_t *id,
    struct acme_reply *r, struct err *e)
{
	(void)t;
	(void)ms;
	(void)id;
	(void)r;
	(void)e;
	return 0;
}

int
acme_talk_fd(const struct acme_talk *t, short *events)
{
	(void)t;
	*events = 0;
	return -1;
}

int
acme_place_put(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, struct err *e)
{
	(void)p;
	assert_string_equal(thumbprint, "thumb");
	assert_string_equal(f->token, TOKEN);
	put++;
	return put_fails ? err_set(e, put_fails == 2 ? ERR_TEMP : ERR_CONF,
	    "no place") : 0;
}

int
acme_place_drop(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, int failed, struct err *e)
{
	(void)p;
	(void)f;
	(void)thumbprint;
	(void)failed;
	dropped++;
	return drop_fails ? err_set(e, ERR_CONF, "it sticks") : 0;
}

/* dns-01 takes time: a process that is forked places it by these, too. */
int
acme_place_waits(enum challenge_type t)
{
	return t == CHALLENGE_DNS_01;
}

int
acme_place_later(const struct acme_place *p, const struct flow_place *f)
{
	(void)p;
	(void)f;
	return 0;
}

int
acme_place_look(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint, struct err *e)
{
	(void)p;
	(void)f;
	(void)thumbprint;
	return err_set(e, ERR_SYS, "nothing is looked for later");
}

unsigned
acme_place_lines(const struct acme_place *p)
{
	(void)p;
	return 1;
}

unsigned *
acme_place_busy(struct acme_place *p)
{
	(void)p;
	return &busy;
}

int
acme_place_fd(const struct acme_place *p)
{
	(void)p;
	return -1;
}

int
acme_place_hit(struct acme_place *p, struct challenge_hit *h, struct err *e)
{
	(void)p;
	(void)h;
	(void)e;
	return 0;
}

/* --- the order --------------------------------------------------------------- */

static inline int
save(void *arg, const struct flow *f, const struct acme_ask *a,
    struct err *e)
{
	assert_ptr_equal(arg, &d);
	assert_ptr_equal(f, d.flow);
	assert_true(a->purpose != 0);
	saved++;
	return save_fails ? err_set(e, ERR_DB, "the database is away") : 0;
}

static inline void
tell(void *arg, const char *text)
{
	(void)arg;
	(void)snprintf(said, sizeof(said), "%s", text);
}

static inline void
start(void)
{
	memset(&d, 0, sizeof(d));
	script_want();
	want.deadline = clk_wall() + 3600 * CLK_SEC;
	now = clk_wall();
	d.flow = script_flow();
	d.thumbprint = "thumb";
	d.key = "cert-1";
	d.save = save;
	d.tell = tell;
	d.arg = &d;
	ready = 1;
	waits = 0;
	refuse = put_fails = drop_fails = save_fails = 0;
	sent = saved = put = dropped = 0;
	busy = 0;
	said[0] = '\0';
}

/* The answer to the last request. */
static inline int
answer(const struct line *l, uint64_t id)
{
	struct acme_reply	 r = { .status = l->status };
	char			*location = NULL;
	int			 mine;

	if (l->location != NULL)
		r.location = location = mem_printf(CA "%s", l->location);
	r.retry_after = l->retry;
	r.body = SPAN_STR(l->body != NULL ? l->body : "");
	mine = acme_drive_reply(&d, id, &r);
	free(location);
	return mine;
}

static inline void
step(const struct line *l)
{
	assert_int_equal(acme_drive_send(&d, NULL), 0);
	assert_int_equal(last, l->purpose);
	assert_int_equal(answer(l, 1000 + sent), 1);
	acme_drive_place(&d);
}

#endif
