#include <stdlib.h>
#include <string.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/sign.h"
#include "auditor/role/sign_acme.h"
#include "auditor/role/sign_serve.h"
#include "auditor/sandbox.h"
#include "base/log.h"
#include "base/mem.h"

int
sign_texts(struct cur *c, char **v, size_t n)
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

int
sign_bad(struct err *e)
{
	return err_set(e, ERR_FORMAT, "sign: a request that cannot be read");
}

/* With more than the state directory: the keys of ACME. */
static int
serve_keys(struct sign *s, struct cur *c, char **v, struct err *e)
{
	struct sign_setup setup;
	struct cur authority;
	uint8_t http;

	if (sign_texts(c, v + 1, 1) == -1 || cur_vec32(c, &authority) == -1 ||
	    sign_texts(c, v + 2, 1) == -1 || cur_u8(c, &http) == -1 ||
	    http > 1 || cur_left(c) != 0)
		return sign_bad(e);
	setup.state_dir = v[0];
	setup.passphrase = v[1][0] == '\0' ? NULL : v[1];
	setup.authority = cur_rest(&authority);
	setup.deploy = v[2][0] == '\0' ? NULL : v[2];
	setup.http = http;
	return sign_open_keys(s, &setup, e);
}

static int
serve_setup(struct sign **s, struct cur *c, char **v, struct buf *out,
    struct err *e)
{
	uint8_t key[32];

	if (*s != NULL || sign_texts(c, v, 1) == -1)
		return sign_bad(e);
	if ((*s = sign_new(v[0], e)) == NULL)
		return -1;
	if (cur_left(c) != 0 && serve_keys(*s, c, v, e) == -1) {
		sign_free(*s);
		*s = NULL;
		return -1;
	}
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

	if (sign_texts(c, v, 2) == -1 || cur_u64(c, &when) == -1 ||
	    when > INT64_MAX || cur_vec32(c, &body) == -1 || cur_left(c) != 0)
		return sign_bad(e);
	return sign_webhook(s, v[0], v[1], (int64_t)when, cur_rest(&body),
	    out, e);
}

static int
serve(struct sign **s, const struct sign_request *r, struct buf *out,
    struct err *e)
{
	struct cur json, *c;
	char *v[SIGN_TEXTS] = { NULL };
	size_t i;
	int rc;

	if (*s == NULL && r->type != SIGN_SETUP)
		return sign_bad(e);
	c = r->body;
	switch (r->type) {
	case SIGN_SETUP:
		rc = serve_setup(s, c, v, out, e);
		break;
	case SIGN_SECRET:
		rc = sign_texts(c, v, 3) == -1 || cur_left(c) != 0 ?
		    sign_bad(e) : sign_secret(*s, v[0], v[1], v[2], e);
		break;
	case SIGN_WEBHOOK:
		rc = serve_webhook(*s, c, v, out, e);
		break;
	case SIGN_STATEMENT:
		rc = cur_vec32(c, &json) == -1 || cur_left(c) != 0 ?
		    sign_bad(e) : sign_statement(*s, cur_rest(&json), out, e);
		break;
	default:
		rc = sign_acme(*s) == NULL ? sign_bad(e) :
		    sign_serve_acme(sign_acme(*s), r, v, out, e);
	}
	for (i = 0; i < SIGN_TEXTS && v[i] != NULL; i++) {
		mem_wipe(v[i], strlen(v[i]));
		free(v[i]);
	}
	return rc;
}

void
sign_serve(struct sign **s, unsigned type, struct cur body, int fd,
    struct buf *answer)
{
	struct sign_request r = { type, &body, fd };
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT;

	if (serve(s, &r, &out, &e) == -1) {
		buf_u8(answer, (uint8_t)e.code);
		buf_vec32(answer, e.msg, strlen(e.msg));
	} else {
		buf_u8(answer, ERR_NONE);
		buf_vec32(answer, out.n == 0 ? "" : (const char *)out.p,
		    out.n);
	}
	buf_free(&out);
}

/*
 * Where files are, for the sandbox: read again from set-up's request, which
 * was carried out.
 */
static void
places(struct cur c, struct sandbox_dirs *dirs)
{
	struct cur s;
	char *v[2] = { NULL, NULL };

	memset(dirs, 0, sizeof(*dirs));
	if (sign_texts(&c, v, 1) == 0 && cur_left(&c) != 0 &&
	    cur_vec32(&c, &s) == 0 && cur_vec32(&c, &s) == 0 &&
	    sign_texts(&c, v + 1, 1) == 0) {
		dirs->keep = mem_printf("%s/keys", v[0]);
		if (v[1][0] != '\0')
			dirs->put = mem_str(v[1]);
	}
	free(v[0]);
	free(v[1]);
}

static int
enclose(struct cur setup, struct err *e)
{
	struct sandbox_dirs dirs;
	int rc;

	places(setup, &dirs);
	rc = sandbox_enter_dirs(SANDBOX_SIGN, &dirs, e);
	free((char *)dirs.keep);
	free((char *)dirs.put);
	return rc;
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
		sign_serve(&s, msg.type, msg.body, msg.nfds == 1 ? msg.fds[0] :
		    -1, &answer);
		/* The instance key is read: from here on, only keys/. */
		if (s != NULL && !closed) {
			if (enclose(msg.body, &e) == -1)
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
