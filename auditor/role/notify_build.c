#include "auditor/role/notify_build.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/alert/pagerduty.h"
#include "auditor/alert/slack.h"
#include "auditor/alert/webhook.h"
#include "auditor/role/sign_client.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

/* A channel whose secrets the sign process has, and from which files. */
struct handed {
	char	*channel;
	char	*files;
};

struct notify_build {
	struct sign_client	*sign;
	struct handed		*handed;
	size_t			 n;
	size_t			 cap;
};

struct notify_build *
notify_build_new(struct sign_client *sign)
{
	struct notify_build *b;

	b = mem_zero(sizeof(*b));
	b->sign = sign;
	return b;
}

void
notify_build_forget(struct notify_build *b)
{
	while (b->n > 0) {
		b->n--;
		free(b->handed[b->n].channel);
		free(b->handed[b->n].files);
	}
}

void
notify_build_free(struct notify_build *b)
{
	if (b == NULL)
		return;
	notify_build_forget(b);
	free(b->handed);
	free(b);
}

void
notify_build_sign(struct notify_build *b, struct sign_client *sign)
{
	notify_build_forget(b);
	b->sign = sign;
}

static void
secret_free(char *s)
{
	if (s != NULL)
		mem_wipe(s, strlen(s));
	free(s);
}

void
notify_request_free(struct notify_request *r)
{
	secret_free(r->url);
	message_req_free(&r->req);
	memset(r, 0, sizeof(*r));
}

/* Read the secrets of a channel and hand them over, once. */
static int
hand_over(struct notify_build *b, const struct conf_channel *c,
    struct err *e)
{
	char *files, *secret, *old;
	size_t i;
	int rc;

	files = mem_printf("%s|%s", c->secret_file,
	    c->old_secret_file == NULL ? "" : c->old_secret_file);
	for (i = 0; i < b->n; i++)
		if (strcmp(b->handed[i].channel, c->name) == 0)
			break;
	if (i < b->n && strcmp(b->handed[i].files, files) == 0) {
		free(files);
		return 0;
	}
	rc = -1;
	old = NULL;
	secret = conf_secret(c->secret_file, e);
	if (secret != NULL && c->old_secret_file != NULL)
		old = conf_secret(c->old_secret_file, e);
	if (secret != NULL && (old != NULL || c->old_secret_file == NULL))
		rc = sign_client_secret(b->sign, c->name, secret, old, e);
	secret_free(secret);
	secret_free(old);
	if (rc == -1) {
		free(files);
		return -1;
	}
	if (i == b->n) {
		b->handed = mem_grow(b->handed, &b->cap, b->n + 1,
		    sizeof(*b->handed));
		b->handed[b->n].channel = mem_str(c->name);
		b->handed[b->n++].files = files;
	} else {
		free(b->handed[i].files);
		b->handed[i].files = files;
	}
	return 0;
}

static int
webhook(struct notify_build *b, const struct conf_channel *c,
    const struct message *m, struct message_req *r, struct err *e)
{
	struct buf sig = BUF_INIT;
	int64_t now;
	int rc;

	if (b->sign == NULL)
		return err_set(e, ERR_SYS, "there is no sign process");
	if (hand_over(b, c, e) == -1)
		return -1;
	webhook_body(m, &r->body);
	now = clk_wall() / CLK_SEC;
	rc = sign_client_webhook(b->sign, c->name, m->id, now, &r->body, &sig,
	    e);
	if (rc == 0)
		webhook_headers(r, m->id, now, buf_text(&sig));
	buf_free(&sig);
	return rc;
}

static int
pagerduty(const struct conf_channel *c, const struct message *m,
    struct message_req *r, struct err *e)
{
	char *key;

	if ((key = conf_secret(c->routing_key_file, e)) == NULL)
		return -1;
	pagerduty_request(m, key, r);
	secret_free(key);
	return 0;
}

int
notify_build_request(struct notify_build *b, const struct conf_channel *c,
    const struct message *m, struct notify_request *r, struct err *e)
{
	if (c->url != NULL)
		r->url = mem_str(c->url);
	else if (c->url_file != NULL)
		r->url = conf_secret(c->url_file, e);
	else
		r->url = mem_str(PAGERDUTY_URL);
	if (r->url == NULL)
		return -1;
	if (strlen(r->url) >= 2048)
		return err_set(e, ERR_CONF, "the URL has more than 2047 "
		    "bytes");
	if (strcmp(c->kind, "webhook") == 0)
		return webhook(b, c, m, &r->req, e);
	if (strcmp(c->kind, "pagerduty") == 0)
		return pagerduty(c, m, &r->req, e);
	slack_request(m, &r->req);
	return 0;
}

void
notify_build_hook(const struct message *m, const struct exec_cert *cert,
    struct exec_env *env, struct hook_files *f)
{
	const struct exec_cert *c;

	webhook_body(m, &f->input);
	message_text(m, LIMIT_MESSAGE_TEXT, &f->text);
	c = cert->log_uri == NULL && cert->spki_sha256 == NULL ? NULL : cert;
	exec_env_fill(env, m, c);
	if (c == NULL)
		return;
	buf_add(&f->cert, c->pem.p, c->pem.n);
	if (c->spki_sha256 != NULL)
		exec_json(m, c, &f->json);
}

char *
notify_build_reply(const uint8_t *p, size_t n)
{
	char *s;
	size_t i, k;

	/* Lines stay lines; what else is not printable ASCII is a '?'. */
	s = mem_zero(LIMIT_BODY_REPLY + 1);
	for (i = k = 0; i < n && k < LIMIT_BODY_REPLY; i++) {
		if (p[i] == '\n' || (p[i] >= 0x20 && p[i] < 0x7f))
			s[k++] = (char)p[i];
		else if (p[i] != '\r')
			s[k++] = '?';
	}
	return s;
}
