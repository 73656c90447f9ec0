#include "auditor/role/sign_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/sign.h"
#include "auditor/role/sign_acme.h"
#include "base/mem.h"

#define TIMEOUT_MS	10000	/* a process that is busy or stopped */
#define SETUP_ROOM	16384	/* two paths and a passphrase */
#define KEYS_MS		60000	/* making or encrypting keys takes seconds */

struct sign_client {
	struct proc	proc;
	uint8_t		key[32];
};

static void
put(struct buf *b, const char *s)
{
	buf_vec32(b, s, strlen(s));
}

int
sign_client_post(struct sign_client *c, const struct sign_call *call,
    struct err *e)
{
	struct pollfd p = { ipc_fd(c->proc.ipc), POLLOUT, 0 };
	int rc;

	ipc_send(c->proc.ipc, (uint16_t)call->type, call->request, &call->fd,
	    call->fd == -1 ? 0 : 1);
	while ((rc = ipc_flush(c->proc.ipc, e)) == 1)
		(void)poll(&p, 1, -1);
	return rc == 0 ? 0 : err_prefix(e, "sign process");
}

int
sign_client_answer(struct sign_client *c, enum sign_type type,
    struct buf *out, struct err *e)
{
	struct ipc_msg msg;
	struct cur body;
	struct span s;
	uint8_t code;
	int rc;

	rc = ipc_recv(c->proc.ipc, &msg, type > SIGN_ANSWER ||
	    type == SIGN_SETUP ? KEYS_MS : TIMEOUT_MS, e);
	if (rc == 0)
		err_set(e, ERR_TEMP, "it does not answer");
	if (rc != 1) {
		if (e != NULL)
			e->code = ERR_SYS;
		return err_prefix(e, "sign process");
	}
	if (msg.type != SIGN_ANSWER || cur_u8(&msg.body, &code) == -1 ||
	    code >= ERR_MAX || cur_vec32(&msg.body, &body) == -1)
		return err_set(e, ERR_SYS, "sign process: an answer that "
		    "cannot be read");
	s = cur_rest(&body);
	if (code != ERR_NONE) {
		/* what its errno was is in its words */
		errno = 0;
		return err_set(e, (enum err_code)code, "%.*s",
		    (int)(s.n < 400 ? s.n : 400), (const char *)s.p);
	}
	if (out != NULL)
		buf_span(out, s);
	return 0;
}

int
sign_client_call(struct sign_client *c, const struct sign_call *call,
    struct buf *out, struct err *e)
{
	return sign_client_post(c, call, e) == -1 ? -1 :
	    sign_client_answer(c, call->type, out, e);
}

/* The same without a descriptor. */
static int
call(struct sign_client *c, enum sign_type type, const struct buf *request,
    struct buf *out, struct err *e)
{
	struct sign_call x = { type, request, -1 };

	return sign_client_call(c, &x, out, e);
}

/* Spawn the process and send the set-up. */
static struct sign_client *
start(const struct buf *setup, struct err *e)
{
	struct sign_client *c;
	struct buf key = BUF_INIT;
	int rc;

	c = mem_zero(sizeof(*c));
	if (proc_spawn("sign", NULL, 0, &c->proc, e) == -1) {
		free(c);
		return NULL;
	}
	rc = call(c, SIGN_SETUP, setup, &key, e);
	if (rc == 0 && key.n != sizeof(c->key))
		rc = err_set(e, ERR_SYS, "sign process: no public key");
	if (rc == 0)
		memcpy(c->key, key.p, sizeof(c->key));
	buf_free(&key);
	if (rc == -1) {
		sign_client_free(c);
		return NULL;
	}
	return c;
}

struct sign_client *
sign_client_new(const char *state_dir, struct err *e)
{
	struct sign_client *c;
	struct buf b = BUF_INIT;

	put(&b, state_dir);
	c = start(&b, e);
	buf_free(&b);
	return c;
}

struct sign_client *
sign_client_open(const struct sign_setup *setup, struct err *e)
{
	struct sign_client *c;
	struct buf b = BUF_INIT;

	/* Room for all of it: secrets are not to be moved. */
	(void)buf_room(&b, SETUP_ROOM);
	put(&b, setup->state_dir);
	put(&b, setup->passphrase == NULL ? "" : setup->passphrase);
	buf_vec32(&b, setup->authority.n == 0 ? (const uint8_t *)"" :
	    setup->authority.p, setup->authority.n);
	put(&b, setup->deploy == NULL ? "" : setup->deploy);
	buf_u8(&b, setup->http != 0);
	c = start(&b, e);
	mem_wipe(b.p, b.cap);
	buf_free(&b);
	return c;
}

void
sign_client_free(struct sign_client *c)
{
	if (c == NULL)
		return;
	proc_free(&c->proc);
	free(c);
}

struct proc *
sign_client_proc(struct sign_client *c)
{
	return &c->proc;
}

int
sign_client_lives(const struct sign_client *c)
{
	struct pollfd p = { ipc_fd(c->proc.ipc), POLLIN, 0 };

	/* it says something only when it is asked */
	return poll(&p, 1, 0) <= 0;
}

const uint8_t *
sign_client_public(const struct sign_client *c)
{
	return c->key;
}

int
sign_client_secret(struct sign_client *c, const char *channel,
    const char *secret, const char *old, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	put(&b, channel);
	put(&b, secret);
	put(&b, old == NULL ? "" : old);
	rc = call(c, SIGN_SECRET, &b, NULL, e);
	mem_wipe(b.p, b.n);
	buf_free(&b);
	return rc;
}

int
sign_client_webhook(struct sign_client *c, const char *channel,
    const char *id, int64_t timestamp, const struct buf *body,
    struct buf *out, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	put(&b, channel);
	put(&b, id);
	buf_u64(&b, (uint64_t)timestamp);
	buf_vec32(&b, buf_text(body), body->n);
	rc = call(c, SIGN_WEBHOOK, &b, out, e);
	buf_free(&b);
	return rc;
}

int
sign_client_statement(struct sign_client *c, struct span json,
    struct buf *out, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	buf_vec32(&b, json.p, json.n);
	rc = call(c, SIGN_STATEMENT, &b, out, e);
	buf_free(&b);
	return rc;
}
