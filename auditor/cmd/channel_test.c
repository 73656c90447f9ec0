#include "auditor/cmd/channel_test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auditor/cmd/opt.h"
#include "auditor/db/lease.h"
#include "auditor/ipc.h"
#include "auditor/role/fetch_client.h"
#include "auditor/role/notify.h"
#include "auditor/role/sign_client.h"
#include "base/clk.h"
#include "base/limit.h"

#define WAIT	(60 * CLK_SEC)	/* longer than an attempt may take */
#define STEP_MS	100

static struct fetch_client *
start_fetch(const struct conf *c, struct err *e)
{
	struct fetch_setup s;
	struct fetch_client *f;
	struct buf agent = BUF_INIT, pem = BUF_INIT;
	size_t i;

	if (c->fetch_ca_file != NULL &&
	    opt_file(c->fetch_ca_file, LIMIT_CA_PEM, &pem, e) == -1)
		return NULL;
	memset(&s, 0, sizeof(s));
	buf_fmt(&agent, "certvigil/%s (+%s)", CERTVIGIL_VERSION, c->contact);
	s.user_agent = buf_text(&agent);
	s.ca_pem = buf_bytes(&pem);
	for (i = 0; i < c->egress_allow_private.n &&
	    i < LIMIT_EGRESS_NETS; i++)
		s.allow[s.nallow++] = c->egress_allow_private.v[i];
	s.class = EGRESS_DELIVERY;
	s.proxy = "";
	s.host_conns = 1;
	f = fetch_client_new(&s, e);
	buf_free(&agent);
	buf_free(&pem);
	return f;
}

/* Turn the job until the delivery has its answer. */
static int
turn(struct db *db, struct notify *n, struct fetch_client *f, int64_t id,
    struct outbox_answer *a, struct err *e)
{
	struct fetch_done done;
	struct pollfd p;
	int64_t now, end, wake;
	int rc;

	end = clk_mono() + WAIT;
	for (;;) {
		now = clk_mono();
		wake = now + CLK_SEC;
		notify_tick(n, now, &wake);
		if (outbox_answer(db, id, a, e) == -1)
			return -1;
		if (a->finished)
			return 0;
		if (now > end)
			return err_set(e, ERR_TEMP, "no answer in %d s",
			    (int)(WAIT / CLK_SEC));
		p.fd = ipc_fd(fetch_client_ipc(f));
		p.events = POLLIN;
		if (ipc_wants_write(fetch_client_ipc(f)))
			p.events |= POLLOUT;
		(void)poll(&p, 1, STEP_MS);
		if (fetch_client_turn(f, e) == -1)
			return -1;
		while ((rc = fetch_client_next(f, &done, e)) == 1)
			notify_done(n, &done);
		if (rc == -1)
			return -1;
	}
}

static int
deliver(struct cmd_ctx *ctx, int64_t id, struct outbox_answer *a,
    struct err *e)
{
	struct fetch_client *f;
	struct sign_client *s;
	struct notify *n;
	int rc;

	rc = -1;
	n = NULL;
	s = NULL;
	if ((f = start_fetch(ctx->conf, e)) == NULL)
		goto out;
	if ((s = sign_client_new(ctx->conf->state_dir, e)) == NULL)
		goto out;
	n = notify_new(ctx->db, ctx->conf, f, s, cmd_actor());
	notify_only(n, id);
	rc = turn(ctx->db, n, f, id, a, e);
out:
	notify_free(n);
	sign_client_free(s);
	fetch_client_free(f);
	return rc;
}

/* A daemon has it: ask the database until it is done. */
static int
wait_for(struct db *db, int64_t id, struct outbox_answer *a, struct err *e)
{
	const struct timespec step = { 0, STEP_MS * 1000000L };
	int64_t end;

	for (end = clk_mono() + WAIT; clk_mono() < end;) {
		if (outbox_answer(db, id, a, e) == -1)
			return -1;
		if (a->finished)
			return 0;
		(void)nanosleep(&step, NULL);
	}
	return err_set(e, ERR_TEMP, "the running daemon has not delivered it "
	    "in %d s; \"certvigil doctor\" looks at what runs",
	    (int)(WAIT / CLK_SEC));
}

int
channel_test(struct cmd_ctx *ctx, const char *channel, int64_t *id,
    struct outbox_answer *a, struct err *e)
{
	struct channel *c = NULL;
	int64_t workers;

	if (channel_load(ctx->db, channel, &c, e) == -1)
		return -1;
	channel_free(c, 1);
	if (lease_alive(ctx->db, &workers, e) == -1 ||
	    outbox_post(ctx->db, channel, "test", "{}", id, e) == -1)
		return -1;
	return workers > 0 ? wait_for(ctx->db, *id, a, e) :
	    deliver(ctx, *id, a, e);
}
