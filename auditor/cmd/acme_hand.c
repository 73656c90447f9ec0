#include "auditor/cmd/acme_hand.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auditor/cmd/acme.h"
#include "auditor/role/acme_sock.h"
#include "base/clk.h"
#include "base/limit.h"

/* The daemon tells of a silent CA first. */
#define QUIET_MS	((LIMIT_ACME_QUIET + 2) * 1000)
#define AGAIN_MS	(60 * 1000)

/* One message: 2 more come, else as acme_hand(). */
static int
take(struct cmd_ctx *ctx, const struct acme_msg *m,
    void (*said)(void *, const struct acme_msg *), void *arg, struct err *e)
{
	switch (m->type) {
	case ACME_MSG_TELL:
		acme_progress(ctx, m->u.tell);
		return 2;
	case ACME_MSG_WORD:
		said(arg, m);
		return 2;
	case ACME_MSG_ISSUED:
	case ACME_MSG_RENEWED:
		said(arg, m);
		return 1;
	case ACME_MSG_FAILED:
		/* its text is whole: none of our own errno belongs there */
		(void)err_set(e, ERR_TEMP, "%s", m->u.failed.text);
		if (e != NULL)
			e->code = (enum err_code)m->u.failed.code;
		return -1;
	case ACME_MSG_REFUSED:
		return 0;
	case ACME_MSG_ISSUE:
	case ACME_MSG_RENEW:
		break;
	}
	return err_set(e, ERR_FORMAT, "the daemon said what it does not say");
}

/*
 * Until something comes: where it takes long, the daemon talks to the CA for
 * somebody else, or waits for the DNS.
 */
static void
wait_for(struct cmd_ctx *ctx, int fd, int ms)
{
	struct pollfd	p = { fd, POLLIN, 0 };
	char		text[200], since[CLK_TEXT];

	(void)clk_text(clk_wall(), since);
	while (poll(&p, 1, ms) == 0) {
		(void)snprintf(text, sizeof(text), "the daemon is at it, and "
		    "has had nothing to say since %s; it goes on by itself, "
		    "also when this is stopped", since);
		acme_progress(ctx, text);
		ms = AGAIN_MS;
	}
}

int
acme_hand(struct cmd_ctx *ctx, const struct buf *request,
    void (*said)(void *, const struct acme_msg *), void *arg, struct err *e)
{
	struct buf	b = BUF_INIT;
	struct acme_msg	m;
	int		fd = acme_sock_connect(ctx->conf->state_dir), rc = 2;

	if (fd == -1)
		return 0;
	if (acme_sock_send(fd, request) == -1)
		rc = 0;
	while (rc == 2) {
		wait_for(ctx, fd, QUIET_MS);
		if (acme_sock_recv(fd, &b) != 1)
			rc = err_set(e, ERR_TEMP, "the daemon ended before "
			    "this was done; run it again to go on");
		else if (acme_msg_read(buf_bytes(&b), &m, e) == -1)
			rc = -1;
		else
			rc = take(ctx, &m, said, arg, e);
	}
	buf_free(&b);
	(void)close(fd);
	return rc;
}

int
acme_hand_conf(const struct cmd_ctx *ctx, uint8_t out[ACME_MSG_CONF])
{
	return acme_sock_conf(ctx->conf, out, NULL);
}
