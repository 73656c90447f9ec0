#include "auditor/role/sign_client.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/sign.h"
#include "base/mem.h"

#define TIMEOUT_MS	10000	/* a process that is busy or stopped */

struct sign_client {
	struct proc	proc;
	uint8_t		key[32];
};

static void
put(struct buf *b, const char *s)
{
	buf_vec32(b, s, strlen(s));
}

/* One request; what the answer holds is appended to ${out} (may be NULL). */
static int
call(struct sign_client *c, enum sign_type type, const struct buf *request,
    struct buf *out, struct err *e)
{
	struct ipc_msg msg;
	struct cur body;
	struct span s;
	uint8_t code;

	if (ipc_call(c->proc.ipc, (uint16_t)type, request, SIGN_ANSWER, &msg,
	    TIMEOUT_MS, e) == -1) {
		if (e != NULL)
			e->code = ERR_SYS;
		return err_prefix(e, "sign process");
	}
	if (cur_u8(&msg.body, &code) == -1 || code >= ERR_MAX ||
	    cur_vec32(&msg.body, &body) == -1)
		return err_set(e, ERR_SYS, "sign process: an answer that "
		    "cannot be read");
	s = cur_rest(&body);
	if (code != ERR_NONE)
		return err_set(e, (enum err_code)code, "%.*s",
		    (int)(s.n < 400 ? s.n : 400), (const char *)s.p);
	if (out != NULL)
		buf_span(out, s);
	return 0;
}

struct sign_client *
sign_client_new(const char *state_dir, struct err *e)
{
	struct sign_client *c;
	struct buf b = BUF_INIT, key = BUF_INIT;
	int rc;

	c = mem_zero(sizeof(*c));
	if (proc_spawn("sign", NULL, 0, &c->proc, e) == -1) {
		free(c);
		return NULL;
	}
	put(&b, state_dir);
	rc = call(c, SIGN_SETUP, &b, &key, e);
	if (rc == 0 && key.n != sizeof(c->key))
		rc = err_set(e, ERR_SYS, "sign process: no public key");
	if (rc == 0)
		memcpy(c->key, key.p, sizeof(c->key));
	buf_free(&b);
	buf_free(&key);
	if (rc == -1) {
		sign_client_free(c);
		return NULL;
	}
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
