#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/rig/lib/args.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/pub_admin.h"
#include "tests/rig/lib/pub_crl.h"
#include "tests/rig/lib/pub_ocsp.h"

/* One admin request to one CA. */
struct call {
	struct pub	*p;
	const struct web *w;
	const char	*args;		/* query string form */
	struct web_res	*res;
};

/* The listener that "at" (ADDRESS:PORT or ADDRESS) or "port" names. */
static int
listener(const struct call *c, int *out, struct err *e)
{
	char at[64] = "", port[16] = "";
	const char *where, *colon;
	int i;

	*out = -1;
	args_copy(c->args, "at", at, sizeof(at));
	args_copy(c->args, "port", port, sizeof(port));
	if (at[0] == '\0' && port[0] == '\0')
		return 0;
	for (i = 0; i < web_count(c->w); i++) {
		where = web_where(c->w, i);
		colon = strchr(where, ':');
		if ((at[0] == '\0' || strcmp(at, where) == 0 ||
		    (strlen(at) == (size_t)(colon - where) &&
		    strncmp(at, where, strlen(at)) == 0)) &&
		    (port[0] == '\0' || strcmp(port, colon + 1) == 0)) {
			*out = i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "at=%s port=%s: no such listener", at,
	    port);
}

static void
forget_filler(struct pub *p)
{
	blob_drop(p->filler);
	p->filler = NULL;
}

static int
do_lies(struct call *c, struct err *e)
{
	(void)e;
	plie_list(&c->p->lies, &c->res->body);
	return 0;
}

static int
do_lie(struct call *c, struct err *e)
{
	int at;

	if (listener(c, &at, e) == -1 ||
	    plie_set(&c->p->lies, c->args, at, e) == -1)
		return -1;
	forget_filler(c->p);
	return do_lies(c, e);
}

static int
do_honest(struct call *c, struct err *e)
{
	c->p->lies.n = 0;
	forget_filler(c->p);
	return do_lies(c, e);
}

static int
read_serial(const struct call *c, char out[static 44], struct err *e)
{
	char text[128] = "";

	args_copy(c->args, "serial", text, sizeof(text));
	if (revdb_serial(text, out) == -1)
		return err_set(e, ERR_USAGE, "serial=%s: is no serial in hex",
		    text);
	return 0;
}

static int
write_row(struct call *c, int on, struct err *e)
{
	struct rev r = { "", on, -1, time(NULL) };
	char text[64] = "";
	int rc;

	if (read_serial(c, r.serial, e) == -1)
		return -1;
	args_copy(c->args, "reason", text, sizeof(text));
	if (text[0] != '\0' && (r.reason = revdb_reason(text)) == -1)
		return err_set(e, ERR_USAGE, "reason=%s: no such reason",
		    text);
	text[0] = '\0';
	args_copy(c->args, "at", text, sizeof(text));
	if (text[0] != '\0' && revdb_time(text, &r.at) == -1)
		return err_set(e, ERR_USAGE, "at=%s: must be a time as "
		    "2026-01-31T00:00:00Z, or -SECONDS", text);
	rc = revdb_append(c->p->revoked.path, &r, e);
	if (rc == 0)
		buf_fmt(&c->res->body, "{\"serial\":\"%s\",\"revoked\":%s}",
		    r.serial, on ? "true" : "false");
	return rc;
}

static int
do_revoke(struct call *c, struct err *e)
{
	return write_row(c, 1, e);
}

static int
do_unrevoke(struct call *c, struct err *e)
{
	return write_row(c, 0, e);
}

static int
do_issued(struct call *c, struct err *e)
{
	char serial[44];

	if (read_serial(c, serial, e) == -1)
		return -1;
	buf_fmt(&c->res->body, "{\"serial\":\"%s\"}", serial);
	return issue_record(c->p->dir, c->p->issuer, serial, e);
}

static int
do_publish(struct call *c, struct err *e)
{
	(void)e;
	pub_crl_publish(c->p);
	buf_str(&c->res->body, "{}");
	return 0;
}

static int
do_staple(struct call *c, struct err *e)
{
	char serial[44];

	if (read_serial(c, serial, e) == -1)
		return -1;
	pub_staple(c->p, serial, &c->res->body);
	c->res->type = "application/ocsp-response";
	return 0;
}

static int
do_scts(struct call *c, struct err *e)
{
	char file[512] = "";

	args_copy(c->args, "file", file, sizeof(file));
	buf_reset(&c->p->scts);
	if (file[0] != '\0' && file_read(file, &c->p->scts, e) == -1)
		return -1;
	c->p->issued.version++;		/* answers that were kept lack it */
	buf_str(&c->res->body, "{}");
	return 0;
}

static int
do_stats(struct call *c, struct err *e)
{
	struct pub *p = c->p;
	struct buf *b = &c->res->body;
	char serial[44], text[128] = "";
	size_t i;

	args_copy(c->args, "serial", text, sizeof(text));
	if (text[0] != '\0') {
		if (read_serial(c, serial, e) == -1)
			return -1;
		buf_fmt(b, "{\"serial\":\"%s\",\"asked\":%llu}", serial,
		    (unsigned long long)pub_ask(p, serial)->times);
		return 0;
	}
	buf_str(b, "{\"requests\":{");
	for (i = 0; i < PKIND_MAX; i++)
		buf_fmt(b, "%s\"%s\":%llu", i == 0 ? "" : ",",
		    pkind_name((enum pkind)i),
		    (unsigned long long)p->requests[i]);
	buf_fmt(b, "},\"not_modified\":%llu,\"serials\":%zu,\"revoked\":%zu,"
	    "\"listeners\":{", (unsigned long long)p->unchanged, p->nasked,
	    p->revoked.n);
	for (i = 0; i < p->nheard; i++)
		buf_fmt(b, "%s\"%s\":%llu", i == 0 ? "" : ",",
		    web_where(c->w, (int)i), (unsigned long long)p->heard[i]);
	buf_str(b, "}}");
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(struct call *, struct err *);
} verbs[] = {
	{ "lie", do_lie }, { "honest", do_honest }, { "lies", do_lies },
	{ "revoke", do_revoke }, { "unrevoke", do_unrevoke },
	{ "issued", do_issued }, { "publish", do_publish },
	{ "staple", do_staple }, { "scts", do_scts }, { "stats", do_stats },
};

void
pub_admin(struct pub *p, const struct web *w, const char *verb,
    const struct web_req *r, struct web_res *s)
{
	struct call c = { p, w, NULL, s };
	struct buf args = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i, n = sizeof(verbs) / sizeof(verbs[0]);
	int rc = -1;

	s->type = "application/json";
	args_of(r, &args);
	c.args = buf_text(&args);
	for (i = 0; i < n && strcmp(verbs[i].verb, verb) != 0;)
		i++;
	if (i == n)
		err_set(&e, ERR_NOENT, "%s: no such request (README.md)",
		    verb);
	else {
		pthread_mutex_lock(&p->lock);
		rc = verbs[i].run(&c, &e);
		pthread_mutex_unlock(&p->lock);
	}
	if (rc == -1)
		web_say(s, e.code == ERR_NOENT ? 404 : 400, "%s", e.msg);
	buf_free(&args);
}
