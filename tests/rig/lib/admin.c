#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "tests/rig/lib/admin.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/fill.h"
#include "tests/rig/lib/poison.h"
#include "tests/rig/lib/submit.h"

enum { CHAIN_MAX = 10 };

/* One admin request to one log. */
struct call {
	struct rig	*rig;
	struct rlog	*lg;
	const char	*args;		/* query string form */
	json_t		*js;		/* the body, or NULL */
	struct web_res	*res;
	int		 lists;		/* write the lists afterwards */
};

static char *
arg(const struct call *c, const char *key)
{
	return args_text(c->args, key);
}

static int64_t
number(const struct call *c, const char *key, int64_t other)
{
	return args_number(c->args, key, other);
}

static void
put_head(struct buf *b, const struct head *h)
{
	buf_fmt(b, "{\"tree_size\":%llu,\"timestamp\":%llu,"
	    "\"sha256_root_hash\":\"", (unsigned long long)h->size,
	    (unsigned long long)h->timestamp);
	b64_put(b, h->root, 32);
	buf_str(b, "\"}");
}

static void
answer_size(struct call *c)
{
	const struct branch *b = &c->lg->br[c->lg->cur];
	unsigned long long size = rlog_last(c->lg)->size;

	buf_fmt(&c->res->body, "{\"tree_size\":%llu,\"pending\":%llu}", size,
	    (unsigned long long)b->n - size);
}

static int
add_entries(struct call *c, json_t *list, struct err *e)
{
	struct buf leaf = BUF_INIT, extra = BUF_INIT;
	struct entry ent;
	const char *l, *x;
	json_t *one;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, one) {
		buf_reset(&leaf);
		buf_reset(&extra);
		l = json_string_value(json_object_get(one, "leaf_input"));
		x = json_string_value(json_object_get(one, "extra_data"));
		if (l == NULL || x == NULL || b64_get(&leaf, l) == -1 ||
		    b64_get(&extra, x) == -1) {
			rc = err_set(e, ERR_FORMAT, "entries[%zu]: needs "
			    "leaf_input and extra_data in base64", i);
			break;
		}
		entry_take(&ent, buf_bytes(&leaf), buf_bytes(&extra));
		(void)rlog_append(c->lg, &ent);
		entry_free(&ent);
	}
	rlog_done(c->lg);
	buf_free(&leaf);
	buf_free(&extra);
	return rc;
}

static int
do_add(struct call *c, struct err *e)
{
	struct buf chain[CHAIN_MAX];
	json_t *list = json_object_get(c->js, "entries");
	size_t i;
	long n;
	int rc = -1;

	if (json_is_array(list)) {
		if (add_entries(c, list, e) == -1)
			return -1;
		answer_size(c);
		return 0;
	}
	memset(chain, 0, sizeof(chain));
	n = submit_read(json_object_get(c->js, "chain"), chain, CHAIN_MAX, e);
	if (n > 0)
		rc = submit_chain(c->lg, chain, (size_t)n,
		    number(c, "pre", 0) ? KIND_ADDPRE : KIND_ADD,
		    &c->res->body, e);
	for (i = 0; i < CHAIN_MAX; i++)
		buf_free(&chain[i]);
	return rc;
}

static int
do_fill(struct call *c, struct err *e)
{
	int64_t n = number(c, "n", -1);

	if (n < 0 || n > 10000000)
		return err_set(e, ERR_USAGE, "fill: n must be a number up to "
		    "10000000");
	fill_add(c->lg, (uint64_t)n, (uint64_t)number(c, "seed", 1));
	rlog_done(c->lg);
	answer_size(c);
	return 0;
}

static int
do_poison(struct call *c, struct err *e)
{
	char *what = arg(c, "what"), *name = arg(c, "name");
	int rc;

	rc = poison_add(c->lg, what != NULL ? what : "garbage",
	    name != NULL ? name : "", number(c, "n", -1), e);
	if (rc == 0)
		buf_fmt(&c->res->body, "{\"index\":%llu}",
		    (unsigned long long)c->lg->br[c->lg->cur].n - 1);
	free(what);
	free(name);
	return rc;
}

static int
do_publish(struct call *c, struct err *e)
{
	(void)e;
	rlog_publish(c->lg);
	put_head(&c->res->body, rlog_last(c->lg));
	return 0;
}

static int
do_state(struct call *c, struct err *e)
{
	char *s = arg(c, "state");

	if (s == NULL || s[0] == '\0') {
		free(s);
		return err_set(e, ERR_USAGE, "state: needs state=S");
	}
	(void)snprintf(c->lg->state, sizeof(c->lg->state), "%s", s);
	free(s);
	rlog_publish(c->lg);
	put_head(&c->res->body, rlog_last(c->lg));
	c->lists = 1;
	return 0;
}

static int
do_lies(struct call *c, struct err *e)
{
	struct buf *b = &c->res->body;
	const struct lie *l;
	unsigned i, k;
	const char *comma = "";

	(void)e;
	buf_str(b, "{");
	for (i = 0; i < LIE_MAX; i++) {
		l = &c->lg->lies[i];
		if (!l->on && l->told == 0)
			continue;
		buf_fmt(b, "%s\"%s\":{\"on\":%s,\"n\":%lld,\"times\":%lld,"
		    "\"told\":%llu,\"mode\":\"%s\",\"kinds\":\"", comma,
		    lie_name((enum lie_id)i), l->on ? "true" : "false",
		    (long long)l->n, (long long)l->times,
		    (unsigned long long)l->told, l->mode);
		for (k = 0; k < KIND_MAX; k++)
			if (l->kinds >> k & 1)
				buf_fmt(b, "%s ", kind_name((enum kind)k));
		buf_str(b, "\"}");
		comma = ",";
	}
	buf_str(b, "}");
	return 0;
}

static int
do_lie(struct call *c, struct err *e)
{
	char *name = arg(c, "lie");
	enum lie_id id = name == NULL ? LIE_MAX : lie_find(name);
	int rc;

	if (id == LIE_MAX)
		rc = err_set(e, ERR_USAGE, "lie=%s: no such lie (README.md)",
		    name == NULL ? "" : name);
	else
		rc = rlog_lie(c->lg, id, c->args, e);
	free(name);
	return rc == -1 ? -1 : do_lies(c, e);
}

static int
do_honest(struct call *c, struct err *e)
{
	rlog_honest(c->lg);
	return do_lies(c, e);
}

static int
do_stats(struct call *c, struct err *e)
{
	struct buf *b = &c->res->body;
	const char *sep = "";
	unsigned k;

	(void)e;
	buf_str(b, "{\"requests\":{");
	for (k = 0; k < KIND_MAX; k++)
		buf_fmt(b, "%s\"%s\":%llu", k == 0 ? "" : ",",
		    kind_name((enum kind)k),
		    (unsigned long long)c->lg->requests[k]);
	buf_fmt(b, "},\"bytes\":%llu,\"entries\":%llu,\"tree_size\":%llu,"
	    "\"pending\":%llu", (unsigned long long)c->lg->bytes,
	    (unsigned long long)c->lg->entries,
	    (unsigned long long)rlog_last(c->lg)->size,
	    (unsigned long long)(c->lg->br[c->lg->cur].n -
	    rlog_last(c->lg)->size));
	buf_fmt(b, ",\"unchanged\":%llu,\"peers\":{",
	    (unsigned long long)c->lg->unchanged);
	for (k = 0; k < 256; k++)
		if (c->lg->peers[k] != 0) {
			buf_fmt(b, "%s\"127.0.0.%u\":%llu", sep, k,
			    (unsigned long long)c->lg->peers[k]);
			sep = ",";
		}
	buf_str(b, "}}");
	return 0;
}

static int
do_heads(struct call *c, struct err *e)
{
	const struct branch *b = &c->lg->br[c->lg->cur];
	size_t i;

	(void)e;
	buf_str(&c->res->body, "[");
	for (i = 0; i < b->nheads; i++) {
		buf_str(&c->res->body, i == 0 ? "" : ",");
		put_head(&c->res->body, &b->heads[i]);
	}
	buf_str(&c->res->body, "]");
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(struct call *, struct err *);
} verbs[] = {
	{ "add", do_add }, { "fill", do_fill }, { "poison", do_poison },
	{ "publish", do_publish }, { "state", do_state }, { "lie", do_lie },
	{ "honest", do_honest }, { "lies", do_lies }, { "stats", do_stats },
	{ "heads", do_heads },
};

/* Requests that are about no log in particular. */
static int
serve_all(struct call *c, const char *path, struct err *e)
{
	char *text;
	int rc = -1;

	if (strcmp(path, "new") == 0) {
		text = arg(c, "log");
		if (text == NULL)
			err_set(e, ERR_USAGE, "new: needs log=NAME[,opt=..]");
		else if (rig_add(c->rig, text, e) == 0)
			rc = rig_lists(c->rig, NULL, e);
		free(text);
	} else if (strcmp(path, "lists") == 0) {
		text = arg(c, "timestamp");
		rc = rig_lists(c->rig, text, e);
		free(text);
	} else
		err_set(e, ERR_NOENT, "%s: no such request or log (README.md)",
		    path);
	if (rc == 0)
		buf_str(&c->res->body, "{}");
	return rc;
}

/* A request about one log: its verb, under its lock. */
static int
serve_one(struct call *c, const char *verb, struct err *e)
{
	size_t i;
	int rc = -1;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].verb, verb) != 0)
			continue;
		pthread_mutex_lock(&c->lg->lock);
		rc = verbs[i].run(c, e);
		pthread_mutex_unlock(&c->lg->lock);
		if (rc == 0 && c->lists)
			rc = rig_lists(c->rig, NULL, e);
		return rc;
	}
	return err_set(e, ERR_NOENT, "%s: no such request (README.md)", verb);
}

void
admin_serve(struct rig *rig, const char *path, const struct web_req *r,
    struct web_res *s)
{
	struct call c = { rig, NULL, NULL, NULL, s, 0 };
	struct buf args = BUF_INIT;
	struct err e = ERR_INIT;
	const char *slash = strchr(path, '/');
	int rc;

	s->type = "application/json";
	c.js = r->body.n == 0 ? NULL : json_loadb(buf_text(&r->body),
	    r->body.n, 0, NULL);
	args_of(r, &args);
	c.args = buf_text(&args);
	if (slash != NULL)
		c.lg = rig_find(rig, path, (size_t)(slash - path));
	rc = c.lg == NULL ? serve_all(&c, path, &e) :
	    serve_one(&c, slash + 1, &e);
	if (rc == -1)
		web_say(s, e.code == ERR_NOENT ? 404 : 400, "%s", e.msg);
	else
		buf_str(&s->body, "\n");
	json_decref(c.js);
	buf_free(&args);
}
