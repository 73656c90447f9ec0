#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/sign.h"
#include "auditor/sandbox.h"
#include "base/log.h"
#include "base/mem.h"

#define NTEXTS 4

/* Read ${n} strings, each copied so that it ends with a zero byte. */
static int
texts(struct cur *c, char **v, size_t n)
{
	struct cur s;
	size_t i;

	for (i = 0; i < n; i++) {
		if (cur_vec32(c, &s) == -1 ||
		    memchr(s.p, '\0', cur_left(&s)) != NULL)
			return -1;
		v[i] = mem_dup(s.p, cur_left(&s));
	}
	return 0;
}

static int
bad(struct err *e)
{
	return err_set(e, ERR_FORMAT, "sign: a request that cannot be read");
}

static int
serve_setup(struct sign **s, struct cur *c, char **v, struct buf *out,
    struct err *e)
{
	uint8_t key[32];

	if (*s != NULL || texts(c, v, 1) == -1 || cur_left(c) != 0)
		return bad(e);
	if ((*s = sign_new(v[0], e)) == NULL)
		return -1;
	sign_public(*s, key);
	buf_add(out, key, sizeof(key));
	return 0;
}

static int
serve_webhook(struct sign *s, struct cur *c, char **v, struct buf *out,
    struct err *e)
{
	struct cur body;
	uint64_t when;

	if (texts(c, v, 2) == -1 || cur_u64(c, &when) == -1 ||
	    when > INT64_MAX || cur_vec32(c, &body) == -1 || cur_left(c) != 0)
		return bad(e);
	return sign_webhook(s, v[0], v[1], (int64_t)when, cur_rest(&body),
	    out, e);
}

static int
serve(struct sign **s, unsigned type, struct cur *c, struct buf *out,
    struct err *e)
{
	struct cur json;
	char *v[NTEXTS] = { NULL, NULL, NULL, NULL };
	size_t i;
	int rc;

	if (*s == NULL && type != SIGN_SETUP)
		return bad(e);
	switch (type) {
	case SIGN_SETUP:
		rc = serve_setup(s, c, v, out, e);
		break;
	case SIGN_SECRET:
		rc = texts(c, v, 3) == -1 || cur_left(c) != 0 ? bad(e) :
		    sign_secret(*s, v[0], v[1], v[2], e);
		break;
	case SIGN_WEBHOOK:
		rc = serve_webhook(*s, c, v, out, e);
		break;
	case SIGN_STATEMENT:
		rc = cur_vec32(c, &json) == -1 || cur_left(c) != 0 ? bad(e) :
		    sign_statement(*s, cur_rest(&json), out, e);
		break;
	default:
		rc = bad(e);
	}
	for (i = 0; i < NTEXTS && v[i] != NULL; i++) {
		mem_wipe(v[i], strlen(v[i]));
		free(v[i]);
	}
	return rc;
}

void
sign_serve(struct sign **s, unsigned type, struct cur body,
    struct buf *answer)
{
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT;

	if (serve(s, type, &body, &out, &e) == -1) {
		buf_u8(answer, (uint8_t)e.code);
		buf_vec32(answer, e.msg, strlen(e.msg));
	} else {
		buf_u8(answer, ERR_NONE);
		buf_vec32(answer, out.n == 0 ? "" : (const char *)out.p,
		    out.n);
	}
	buf_free(&out);
}

int
sign_main(void)
{
	struct err e = ERR_INIT;
	struct buf answer = BUF_INIT;
	struct sign *s = NULL;
	struct ipc_msg msg;
	struct ipc *ipc;
	int rc, closed;

	proc_enter("sign", 1);
	log_open("sign", LOG_INFO);
	ipc = ipc_new(PROC_CHANNEL);
	closed = 0;
	while ((rc = ipc_recv(ipc, &msg, -1, &e)) == 1) {
		buf_reset(&answer);
		sign_serve(&s, msg.type, msg.body, &answer);
		/* The key is read: from here on no file is needed. */
		if (s != NULL && !closed) {
			if (sandbox_enter(SANDBOX_SIGN, &e) == -1)
				break;
			closed = 1;
		}
		ipc_send(ipc, SIGN_ANSWER, &answer, NULL, 0);
	}
	if (e.code != ERR_NONE && e.code != ERR_NOENT)
		log_error("sign", "%s", e.msg);
	sign_free(s);
	buf_free(&answer);
	ipc_free(ipc);
	return e.code == ERR_NOENT ? 0 : 1;
}
