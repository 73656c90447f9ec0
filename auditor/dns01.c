#include "auditor/dns01.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "auditor/alert/message.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define VALUE_LEN	43	/* SHA-256 in base64url */
#define NAME_LEN	253

static const char *const conventions[] = {
	[DNS01_UACME] = "uacme",
	[DNS01_DEHYDRATED] = "dehydrated",
	[DNS01_LEGO] = "lego",
	[DNS01_LEGO_RAW] = "lego-raw",
	[DNS01_CERTBOT] = "certbot",
};
#define NCONVENTIONS	(sizeof(conventions) / sizeof(conventions[0]))

int
dns01_convention(const char *text, enum dns01_convention *c, struct err *e)
{
	size_t	i;

	for (i = 0; i < NCONVENTIONS; i++) {
		if (strcmp(conventions[i], text) != 0)
			continue;
		*c = (enum dns01_convention)i;
		return 0;
	}
	return err_set(e, ERR_CONF, "\"%.40s\" is no calling convention of a "
	    "hook; write uacme, dehydrated, lego, lego-raw or certbot", text);
}

static int
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* ${n} characters of base64url. */
static int
base64url(const char *s, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_')
			return 0;
	return n > 0;
}

/* A DNS name of which a program cannot take anything for something else. */
static int
is_name(const char *s)
{
	const char	*p = s, *dot;
	size_t		 i, n;

	if (strlen(s) > NAME_LEN)
		return 0;
	for (;;) {
		dot = strchr(p, '.');
		n = dot != NULL ? (size_t)(dot - p) : strlen(p);
		if (n == 0 || n > 63 || *p == '-')
			return 0;
		for (i = 0; i < n; i++)
			if (!is_alnum(p[i]) && p[i] != '-' && p[i] != '_')
				return 0;
		if (dot == NULL)
			return 1;
		p = dot + 1;
	}
}

static int
bad(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "%s has characters that it may not "
	    "have, or not its length: no program gets it", what);
}

static int
check(const struct dns01_call *c, struct err *e)
{
	size_t	i, n = strlen(c->token);

	if (c->program[0] != '/')
		return err_set(e, ERR_CONF, "\"%.200s\": the hook must be an "
		    "absolute path", c->program);
	if (!is_name(c->ident))
		return bad(e, "the name to be validated");
	if (c->place != NULL && !is_name(c->place))
		return bad(e, "the name of the TXT record");
	if (n > LIMIT_DNS01_TOKEN)
		return err_set(e, ERR_LIMIT, "the CA's token has %zu "
		    "characters; at most %u are taken", n, LIMIT_DNS01_TOKEN);
	if (!base64url(c->token, n))
		return bad(e, "the CA's token");
	if (strlen(c->value) != VALUE_LEN || !base64url(c->value, VALUE_LEN))
		return bad(e, "the value of the TXT record");
	if (strncmp(c->keyauth, c->token, n) != 0 || c->keyauth[n] != '.' ||
	    strlen(c->keyauth + n + 1) != VALUE_LEN ||
	    !base64url(c->keyauth + n + 1, VALUE_LEN))
		return bad(e, "the key authorization");
	if (c->nall > LIMIT_DNS01_NAMES)
		return err_set(e, ERR_LIMIT, "the order has %zu names; a hook "
		    "is told at most %u", c->nall, LIMIT_DNS01_NAMES);
	for (i = 0; i < c->nall; i++)
		if (!is_name(c->all[i] +
		    (strncmp(c->all[i], "*.", 2) == 0 ? 2 : 0)))
			return bad(e, "a name of the order");
	return 0;
}

/* Takes ${arg}. */
static void
add_take(struct dns01_args *a, char *arg)
{
	a->v = mem_grow(a->v, &a->cap, a->n + 2, sizeof(*a->v));
	a->v[a->n++] = arg;
	a->v[a->n] = NULL;
}

static void
add(struct dns01_args *a, const char *arg)
{
	add_take(a, mem_str(arg));
}

static void
make_uacme(const struct dns01_call *c, struct dns01_args *a)
{
	static const char *const	method[] = {
		[DNS01_PRESENT] = "begin",
		[DNS01_DONE] = "done",
		[DNS01_FAILED] = "failed",
	};

	add(a, method[c->step]);
	add(a, "dns-01");
	add(a, c->ident);
	add(a, c->token);
	add(a, c->value);
	exec_env_add(&a->env, "UACME_METHOD", method[c->step]);
	exec_env_add(&a->env, "UACME_TYPE", "dns-01");
	exec_env_add(&a->env, "UACME_IDENT", c->ident);
	exec_env_add(&a->env, "UACME_TOKEN", c->token);
	exec_env_add(&a->env, "UACME_AUTH", c->value);
}

static void
make_dehydrated(const struct dns01_call *c, struct dns01_args *a)
{
	add(a, c->step == DNS01_PRESENT ? "deploy_challenge" :
	    "clean_challenge");
	add(a, c->ident);
	add(a, c->token);
	add(a, c->value);
}

static void
make_lego(const struct dns01_call *c, struct dns01_args *a)
{
	add(a, c->step == DNS01_PRESENT ? "present" : "cleanup");
	exec_env_add(&a->env, "EXEC_PATH", c->program);
	if (c->convention == DNS01_LEGO_RAW) {
		exec_env_add(&a->env, "EXEC_MODE", "RAW");
		add(a, "--");
		add(a, c->ident);
		add(a, c->token);
		add(a, c->keyauth);
		return;
	}
	add_take(a, c->place != NULL ? mem_printf("%s.", c->place) :
	    mem_printf("_acme-challenge.%s.", c->ident));
	add(a, c->value);
}

static void
make_certbot(const struct dns01_call *c, struct dns01_args *a)
{
	struct buf	b = BUF_INIT;
	char		text[16];
	size_t		i;

	exec_env_add(&a->env, "CERTBOT_DOMAIN", c->ident);
	exec_env_add(&a->env, "CERTBOT_IDENTIFIER", c->ident);
	exec_env_add(&a->env, "CERTBOT_VALIDATION", c->value);
	(void)snprintf(text, sizeof(text), "%u", c->remaining);
	exec_env_add(&a->env, "CERTBOT_REMAINING_CHALLENGES", text);
	for (i = 0; i < c->nall; i++)
		buf_fmt(&b, "%s%s", i > 0 ? "," : "", c->all[i]);
	if (c->nall == 0)
		buf_str(&b, c->ident);
	exec_env_add(&a->env, "CERTBOT_ALL_DOMAINS", buf_text(&b));
	exec_env_add(&a->env, "CERTBOT_ALL_IDENTIFIERS", buf_text(&b));
	buf_free(&b);
	if (c->step != DNS01_PRESENT)
		exec_env_add(&a->env, "CERTBOT_AUTH_OUTPUT",
		    c->output != NULL ? c->output : "");
}

int
dns01_make(const struct dns01_call *c, struct dns01_args *a, struct err *e)
{
	if (check(c, e) != 0)
		return -1;
	add(a, c->program);
	switch (c->convention) {
	case DNS01_UACME:
		make_uacme(c, a);
		break;
	case DNS01_DEHYDRATED:
		make_dehydrated(c, a);
		break;
	case DNS01_LEGO:
	case DNS01_LEGO_RAW:
		make_lego(c, a);
		break;
	case DNS01_CERTBOT:
		make_certbot(c, a);
		break;
	}
	return 0;
}

void
dns01_args_free(struct dns01_args *a)
{
	size_t	i;

	for (i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	exec_env_free(&a->env);
	memset(a, 0, sizeof(*a));
}

void
dns01_last_line(const char *said, char *out, size_t n)
{
	struct buf	b = BUF_INIT;
	const char	*end = said + strlen(said), *p;
	char		*line;

	while (end > said && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	for (p = end; p > said && p[-1] != '\n'; p--)
		continue;
	line = mem_dup(p, (size_t)(end - p));
	message_clean(&b, line, 200, "");
	(void)snprintf(out, n, "%s%s", b.n > 0 ? ": " : "", buf_text(&b));
	free(line);
	buf_free(&b);
}

enum dns01_end
dns01_judge(const struct dns01_call *c, int status, int late,
    const char *said, struct err *e)
{
	const char	*what = c->step == DNS01_PRESENT ?
			    "to set the TXT record of" :
			    "to remove the TXT record of";
	char		 last[256];

	dns01_last_line(said, last, sizeof(last));
	if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return DNS01_OK;
	if (late)
		(void)err_set(e, ERR_CONF, "hook %.120s %s %.80s took more "
		    "than %d s and was killed%s", c->program, what, c->ident,
		    LIMIT_DNS01_SECS, last);
	else if (!WIFEXITED(status))
		(void)err_set(e, ERR_CONF, "hook %.120s %s %.80s died of "
		    "signal %d%s", c->program, what, c->ident,
		    WTERMSIG(status), last);
	else if (c->convention == DNS01_UACME && c->step == DNS01_PRESENT) {
		(void)err_set(e, ERR_NOENT, "hook %.120s declines dns-01 for "
		    "%.80s (status %d)%s", c->program, c->ident,
		    WEXITSTATUS(status), last);
		return DNS01_DECLINED;
	} else
		(void)err_set(e, ERR_CONF, "hook %.120s %s %.80s ended with "
		    "status %d%s", c->program, what, c->ident,
		    WEXITSTATUS(status), last);
	return DNS01_BROKEN;
}
