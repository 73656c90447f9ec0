/*
 * A receiver of webhooks: verifies, records, and fails on request.
 * README.md tells how to use it.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <jansson.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/check.h"
#include "tests/rig/lib/web.h"

enum { FAILS = 16, TIMEOUT = -1, RESET = -2 };

/* What is to fail, and how. */
struct fail {
	char		*path;
	long		 times;		/* -1: all */
	int		 status;
	char		*retry_after;
};

struct sink {
	struct check_opts check;
	const char	*log_file;
	FILE		*log;
	json_t		*records;
	struct fail	 fails[FAILS];
	pthread_mutex_t	 lock;
};

/* The failure that a path is to meet now, counted; NULL for none. */
static const struct fail *
failing(struct sink *k, const char *path)
{
	struct fail *f;
	int i;

	for (i = 0; i < FAILS; i++) {
		f = &k->fails[i];
		if (f->path == NULL || f->times == 0 ||
		    strcmp(f->path, path) != 0)
			continue;
		if (f->times > 0)
			f->times--;
		return f;
	}
	return NULL;
}

static void
fail_answer(const struct fail *f, struct web_res *s)
{
	web_say(s, f->status < 0 ? 200 : f->status, "as asked");
	if (f->status == TIMEOUT)
		s->pace = WEB_STALL;
	if (f->status == RESET)
		s->pace = WEB_RESET;
	if (f->status == 302)
		buf_str(&s->head, "Location: /elsewhere\r\n");
	if (f->retry_after == NULL)
		return;
	buf_str(&s->head, "Retry-After: ");
	if (strncmp(f->retry_after, "date:", 5) == 0)
		web_date(&s->head, strtol(f->retry_after + 5, NULL, 10));
	else
		buf_str(&s->head, f->retry_after);
	buf_str(&s->head, "\r\n");
}

/* POST /_sink/fail */
static void
set_fail(struct sink *k, const struct web_req *r, struct web_res *s)
{
	json_t *js = json_loadb(buf_text(&r->body), r->body.n, 0, NULL);
	json_t *times = json_object_get(js, "times");
	json_t *status = json_object_get(js, "status");
	const char *path = json_string_value(json_object_get(js, "path"));
	const char *how = json_string_value(status);
	const char *after = json_string_value(json_object_get(js,
	    "retry_after"));
	struct fail *f = NULL;
	int i;

	for (i = 0; path != NULL && i < FAILS && f == NULL; i++)
		if (k->fails[i].path == NULL ||
		    strcmp(k->fails[i].path, path) == 0)
			f = &k->fails[i];
	if (f == NULL || (how != NULL && strcmp(how, "timeout") != 0 &&
	    strcmp(how, "reset") != 0)) {
		web_say(s, 400, "needs path, times, status (README.md)");
		json_decref(js);
		return;
	}
	free(f->path);
	free(f->retry_after);
	f->path = mem_str(path);
	f->retry_after = mem_str(after);
	f->times = times == NULL ? 1 : (long)json_integer_value(times);
	f->status = how == NULL ? (int)json_integer_value(status) :
	    strcmp(how, "timeout") == 0 ? TIMEOUT : RESET;
	if (f->status == 0)
		f->status = 500;
	web_say(s, 200, "{}");
	s->type = "application/json";
	json_decref(js);
}

static json_t *
header_json(const struct web_req *r, const char *name)
{
	char *v = web_header(r, name);
	json_t *js = v == NULL ? json_null() : json_string(v);

	free(v);
	return js == NULL ? json_null() : js;
}

static json_t *
headers_json(const struct web_req *r)
{
	char *copy = mem_str(r->head), *save = NULL, *line, *colon, *p;
	json_t *js = json_object();

	for (line = strtok_r(copy, "\r\n", &save); line != NULL;
	    line = strtok_r(NULL, "\r\n", &save)) {
		colon = strchr(line, ':');
		if (colon == NULL)
			continue;
		*colon++ = '\0';
		for (p = line; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		while (*colon == ' ')
			colon++;
		json_object_set_new(js, line, json_string(colon));
	}
	free(copy);
	return js;
}

/* Text when it is UTF-8, else its base64. */
static json_t *
body_json(const struct web_req *r)
{
	json_t *js = json_stringn(buf_text(&r->body), r->body.n);
	struct buf b = BUF_INIT;

	if (js != NULL)
		return js;
	b64_put(&b, r->body.p, r->body.n);
	js = json_string(buf_text(&b));
	buf_free(&b);
	return js;
}

/* One line in the file, one record in memory. */
static void
record(struct sink *k, const struct web_req *r, const char *kind,
    const char *why, int status)
{
	json_t *js;
	struct timespec ts;
	char *line;

	clock_gettime(CLOCK_REALTIME, &ts);
	js = json_pack("{s:s, s:s, s:s, s:b, s:s, s:i, s:o, s:o, s:f, s:o, "
	    "s:o}", "method", r->method, "path", r->path, "kind", kind,
	    "verified", why == NULL, "reason", why == NULL ? "" : why,
	    "status", status, "webhook_id", header_json(r, "webhook-id"),
	    "timestamp", header_json(r, "webhook-timestamp"),
	    "received", (double)ts.tv_sec + (double)ts.tv_nsec / 1e9,
	    "headers", headers_json(r), "body", body_json(r));
	if (js == NULL)
		return;
	line = json_dumps(js, JSON_COMPACT);
	fprintf(k->log, "%s\n", line);
	fflush(k->log);
	free(line);
	json_array_append_new(k->records, js);
}

/* The checks and the good answer of a path's receiver. */
static const char *
receive(const struct sink *k, const struct web_req *r, struct web_res *s,
    const char **kind)
{
	const char *why = NULL;

	if (strncmp(r->path, "/webhook", 8) == 0) {
		*kind = "webhook";
		why = check_webhook(&k->check, r);
		s->status = 204;
		if (why != NULL)
			web_say(s, 401, "%s", why);
	} else if (strncmp(r->path, "/slack", 6) == 0) {
		*kind = "slack";
		why = check_slack(r);
		web_say(s, why == NULL ? 200 : 400, "%s",
		    why == NULL ? "ok" : why);
	} else if (strncmp(r->path, "/pagerduty", 10) == 0) {
		*kind = "pagerduty";
		why = check_pagerduty(r);
		web_say(s, why == NULL ? 202 : 400, why == NULL ?
		    "{\"status\":\"success\"}" : "{\"message\":\"%s\"}", why);
		s->type = "application/json";
	} else
		*kind = "other";
	return why;
}

static void
deliver(struct sink *k, const struct web_req *r, struct web_res *s)
{
	const char *kind, *why = receive(k, r, s, &kind);
	const struct fail *f = failing(k, r->path);

	if (f != NULL)
		fail_answer(f, s);
	record(k, r, kind, why, f != NULL && f->status < 0 ? 0 : s->status);
}

static void
forget(struct sink *k)
{
	int i;

	json_array_clear(k->records);
	for (i = 0; i < FAILS; i++)
		k->fails[i].times = 0;
}

static void
serve(void *ctx, const struct web_req *r, struct web_res *s)
{
	struct sink *k = ctx;
	char *text;

	pthread_mutex_lock(&k->lock);
	if (strcmp(r->path, "/_sink/fail") == 0)
		set_fail(k, r, s);
	else if (strcmp(r->path, "/_sink/log") == 0) {
		text = json_dumps(k->records, JSON_COMPACT);
		buf_str(&s->body, text);
		s->type = "application/json";
		free(text);
	} else if (strcmp(r->path, "/_sink/clear") == 0) {
		forget(k);
		web_say(s, 200, "{}");
	} else
		deliver(k, r, s);
	pthread_mutex_unlock(&k->lock);
}

static int
usage(void)
{
	fprintf(stderr, "usage: sink [--port 0] [--secret-file F]... "
	    "--log-file FILE [--tolerance 300] [--listen ADDRESS]\n");
	return 64;
}

int
main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "listen", required_argument, NULL, 'a' },
		{ "secret-file", required_argument, NULL, 's' },
		{ "log-file", required_argument, NULL, 'l' },
		{ "tolerance", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	static struct sink k = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct web_opts o = { 0, 0, &k, serve, NULL };
	struct err e = ERR_INIT;
	const char *also = NULL;
	struct web *w;
	int c;

	k.check.tolerance = 300;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'p')
			o.port = (int)strtol(optarg, NULL, 10);
		else if (c == 'a')
			also = optarg;
		else if (c == 's') {
			if (check_secret(&k.check, optarg, &e) == -1)
				goto err;
		} else if (c == 'l')
			k.log_file = optarg;
		else if (c == 't')
			k.check.tolerance = strtol(optarg, NULL, 10);
		else
			return usage();
	if (k.log_file == NULL || optind < argc)
		return usage();
	k.records = json_array();
	k.log = fopen(k.log_file, "ae");
	if (k.log == NULL) {
		err_set(&e, ERR_SYS, "%s: cannot write", k.log_file);
		goto err;
	}
	w = web_open(&o, &e);
	if (w == NULL || (also != NULL && web_listen(w, also, web_port(w),
	    &e) == -1))
		goto err;
	printf("{\"port\":%d}\n", web_port(w));
	fflush(stdout);
	web_run(w);
	return 0;
err:
	fprintf(stderr, "sink: %s\n", e.msg);
	return err_exit(e.code);
}
