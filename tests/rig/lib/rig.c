#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/rig.h"

struct rlog *
rig_find(struct rig *r, const char *name, size_t n)
{
	struct rlog *lg = NULL;
	size_t i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < r->n && lg == NULL; i++)
		if (strlen(r->logs[i]->name) == n &&
		    strncmp(r->logs[i]->name, name, n) == 0)
			lg = r->logs[i];
	pthread_mutex_unlock(&r->lock);
	return lg;
}

int
rig_add(struct rig *r, const char *spec, struct err *e)
{
	struct rlog *lg = mem_zero(sizeof(*lg));

	if (rlog_options(lg, spec, e) == -1)
		goto err;
	if (rig_find(r, lg->name, strlen(lg->name)) != NULL ||
	    r->n == RIG_LOGS) {
		err_set(e, ERR_USAGE, "--log %s: there is one of that name, "
		    "or %d already", lg->name, RIG_LOGS);
		goto err;
	}
	(void)snprintf(lg->base, sizeof(lg->base), "%s/%s/", r->url,
	    lg->name);
	if (lg->operator[0] == '\0')
		(void)snprintf(lg->operator, sizeof(lg->operator), "Rig %s",
		    r->n % 2 == 0 ? "One" : "Two");
	lg->auto_publish = r->interval == 0;
	lg->refresh = r->refresh;
	if (lg->refresh == 0)
		lg->refresh = lg->mmd * 500 > 60000 ? 60000 : lg->mmd * 500;
	if (rlog_open(lg, r->dir, e) == -1)
		goto err;
	pthread_mutex_lock(&r->lock);
	r->logs[r->n++] = lg;
	pthread_mutex_unlock(&r->lock);
	return 0;
err:
	free(lg);
	return -1;
}

static void
now_text(uint64_t ms, char *out, size_t n)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	(void)strftime(out, n, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *
b64_json(const void *p, size_t n)
{
	struct buf b = BUF_INIT;
	json_t *js;

	b64_put(&b, p, n);
	js = json_string(buf_text(&b));
	buf_free(&b);
	return js;
}

/* The "state" object: when it began, and what a closed log ended with. */
static json_t *
state_json(const struct rlog *lg)
{
	const struct head *h = rlog_last(lg);
	char when[32];
	json_t *js;

	(void)snprintf(when, sizeof(when), "2025-01-01T00:00:00Z");
	if (strcmp(lg->state, "readonly") == 0 ||
	    strcmp(lg->state, "retired") == 0)
		now_text(h->timestamp, when, sizeof(when));
	js = json_pack("{s:s}", "timestamp", when);
	if (strcmp(lg->state, "readonly") == 0)
		json_object_set_new(js, "final_tree_head",
		    json_pack("{s:o, s:I}", "sha256_root_hash",
		    b64_json(h->root, 32), "tree_size",
		    (json_int_t)h->size));
	return json_pack("{s:o}", lg->state, js);
}

static json_t *
log_json(struct rlog *lg, int tiled)
{
	struct buf spki = BUF_INIT;
	json_t *js;

	pthread_mutex_lock(&lg->lock);
	key_spki(lg->key, &spki);
	js = json_pack("{s:s+, s:o, s:o, s:I, s:o}",
	    "description", "Rig log ", lg->name,
	    "log_id", b64_json(lg->id, 32),
	    "key", b64_json(spki.p, spki.n),
	    "mmd", (json_int_t)lg->mmd, "state", state_json(lg));
	if (tiled) {
		json_object_set_new(js, "submission_url",
		    json_string(lg->base));
		json_object_set_new(js, "monitoring_url",
		    json_string(lg->base));
	} else
		json_object_set_new(js, "url", json_string(lg->base));
	if (lg->from[0] != '\0' && lg->to[0] != '\0')
		json_object_set_new(js, "temporal_interval",
		    json_pack("{s:s, s:s}", "start_inclusive", lg->from,
		    "end_exclusive", lg->to));
	pthread_mutex_unlock(&lg->lock);
	buf_free(&spki);
	return js;
}

/* The operator's object, made when it is not there yet. */
static json_t *
operator_json(json_t *ops, const char *name)
{
	json_t *op;
	size_t i;

	json_array_foreach(ops, i, op)
		if (strcmp(json_string_value(json_object_get(op, "name")),
		    name) == 0)
			return op;
	op = json_pack("{s:s, s:[s], s:[], s:[]}", "name", name, "email",
	    "ct@rig.invalid", "logs", "tiled_logs");
	json_array_append_new(ops, op);
	return op;
}

/* How: 0 each log by its protocol, 1 all as RFC 6962, 2 all as tiled. */
static json_t *
list_json(const struct rig *r, int how, const char *when)
{
	json_t *ops = json_array(), *op;
	struct rlog *lg;
	size_t i;
	int tiled;
	char version[32];

	operator_json(ops, "Rig One");
	operator_json(ops, "Rig Two");
	for (i = 0; i < r->n; i++) {
		lg = r->logs[i];
		tiled = how == 2 || (how == 0 &&
		    strcmp(lg->proto, "static") == 0);
		op = operator_json(ops, lg->operator);
		json_array_append_new(json_object_get(op, tiled ?
		    "tiled_logs" : "logs"), log_json(lg, tiled));
	}
	(void)snprintf(version, sizeof(version), "1.%u", r->version);
	return json_pack("{s:s, s:s, s:b, s:o}", "version", version,
	    "log_list_timestamp", when, "is_all_logs", 0, "operators", ops);
}

static int
write_list(const struct rig *r, const char *name, json_t *js, struct err *e)
{
	char *json = mem_printf("%s/%s.json", r->dir, name);
	char *sig = mem_printf("%s/%s.sig", r->dir, name);
	char *text = json_dumps(js, JSON_INDENT(2));
	struct buf b = BUF_INIT;
	int rc = file_write(json, SPAN_STR(text), e);

	if (rc == 0 && r->list_key != NULL) {
		key_sign(r->list_key, SPAN_STR(text), &b);
		rc = file_write(sig, buf_bytes(&b), e);
	}
	buf_free(&b);
	free(text);
	free(json);
	free(sig);
	return rc;
}

int
rig_lists(struct rig *r, const char *timestamp, struct err *e)
{
	static const char *const names[] =
	    { "loglist", "loglist-rfc6962", "loglist-static" };
	char when[32];
	json_t *js;
	int i, rc = 0;

	now_text(rlog_now(), when, sizeof(when));
	pthread_mutex_lock(&r->lock);
	r->version++;
	for (i = 0; i < 3 && rc == 0; i++) {
		js = list_json(r, i, timestamp != NULL ? timestamp : when);
		rc = write_list(r, names[i], js, e);
		json_decref(js);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}
