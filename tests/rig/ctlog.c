/*
 * A CT log that can lie: one process, any number of logs, RFC 6962 and
 * static-ct-api for the same tree.  README.md tells how to use it.
 */
#include <sys/stat.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/admin.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/fill.h"
#include "tests/rig/lib/issuers.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/rfc.h"
#include "tests/rig/lib/rig.h"
#include "tests/rig/lib/submit.h"
#include "tests/rig/lib/tiled.h"
#include "tests/rig/lib/web.h"
#include "tests/rig/lib/wire.h"

static struct rig rig = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ct/v1/${name} with the right method, or KIND_MAX. */
static enum kind
rfc_kind(const char *name, const char *method)
{
	unsigned k;
	int post;

	for (k = 0; k <= KIND_ADDPRE; k++)
		if (strcmp(kind_name((enum kind)k), name) == 0)
			break;
	post = k == KIND_ADD || k == KIND_ADDPRE;
	if (k > KIND_ADDPRE || strcmp(method, post ? "POST" : "GET") != 0)
		return KIND_MAX;
	return (enum kind)k;
}

/* A head that the peer has already costs no body (RFC 9110, 13.1.2). */
static void
unchanged(struct rlog *lg, const struct web_req *r, struct web_res *s)
{
	uint8_t h[32];
	char tag[24], *have = web_header(r, "If-None-Match");

	(void)SHA256(s->body.p, s->body.n, h);
	(void)snprintf(tag, sizeof(tag), "\"%02x%02x%02x%02x%02x%02x\"", h[0],
	    h[1], h[2], h[3], h[4], h[5]);
	buf_fmt(&s->head, "ETag: %s\r\n", tag);
	if (have != NULL && strcmp(have, tag) == 0) {
		s->status = 304;
		s->body.n = 0;
		lg->unchanged++;
	}
	free(have);
}

static int
takes_gzip(const struct web_req *r)
{
	char *v = web_header(r, "Accept-Encoding");
	int yes = v != NULL && strstr(v, "gzip") != NULL;

	free(v);
	return yes;
}

/* A log that shows some of its clients its second tree. */
static void
choose_view(struct rlog *lg, const struct web_req *r)
{
	const struct lie *f = &lg->lies[LIE_FORK];
	char *agent;

	if (!f->on || strcmp(f->mode, "split") != 0)
		return;
	agent = web_header(r, "User-Agent");
	lg->cur = agent != NULL && strstr(agent, "second-view") != NULL;
	free(agent);
}

/* One request to one log. */
static void
serve_log(struct rlog *lg, const char *path, const struct web_req *r,
    struct web_res *s)
{
	enum kind k;
	int zip = 0, done;

	k = strncmp(path, "ct/v1/", 6) == 0 ?
	    rfc_kind(path + 6, r->method) : tiled_kind(path);
	if (k == KIND_MAX) {
		web_say(s, 404, "%s: no such request", path);
		return;
	}
	pthread_mutex_lock(&lg->lock);
	lg->requests[k]++;
	lg->peers[r->peer]++;
	choose_view(lg, r);
	if (k == KIND_ADD || k == KIND_ADDPRE)
		submit_serve(lg, k, r, s);
	else if (k == KIND_ROOTS)
		submit_roots(s);
	else if (k < KIND_ROOTS)
		rfc_serve(lg, k, r, s);
	else
		zip = tiled_serve(lg, k, path, s);
	done = wire_lies(lg, k, s);
	if (!done && lg->etag && s->status == 200 &&
	    (k == KIND_STH || k == KIND_CHECKPOINT))
		unchanged(lg, r, s);
	if (lg->lies[LIE_FORK].on &&
	    strcmp(lg->lies[LIE_FORK].mode, "split") == 0)
		lg->cur = 0;		/* what is added goes to the first */
	pthread_mutex_unlock(&lg->lock);
	if (!zip && lg->gzip && k == KIND_ENTRIES && s->status == 200)
		zip = takes_gzip(r);
	if (zip && !done)
		tiled_gzip(s);
	pthread_mutex_lock(&lg->lock);
	lg->bytes += s->body.n;
	pthread_mutex_unlock(&lg->lock);
}

/* The log lists, as files of the folder. */
static void
serve_list(const char *path, struct web_res *s)
{
	char *file = mem_printf("%s/%s", rig.dir, path);

	if (strchr(path, '/') != NULL || file_read(file, &s->body, NULL) == -1)
		web_say(s, 404, "%s: no such list", path);
	else
		s->type = strstr(path, ".json") != NULL ?
		    "application/json" : "application/octet-stream";
	free(file);
}

static void
serve(void *ctx, const struct web_req *r, struct web_res *s)
{
	const char *p = r->path, *slash;
	struct rlog *lg;

	(void)ctx;
	if (*p == '/')
		p++;
	slash = strchr(p, '/');
	if (strncmp(p, "_rig/", 5) == 0)
		admin_serve(&rig, p + 5, r, s);
	else if (strncmp(p, "loglist", 7) == 0)
		serve_list(p, s);
	else if (slash == NULL ||
	    (lg = rig_find(&rig, p, (size_t)(slash - p))) == NULL)
		web_say(s, 404, "%s: no such log", r->path);
	else
		serve_log(lg, slash + 1, r, s);
}

/* A new head for each log, by the clock. */
static void
tick(void *ctx)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < rig.n; i++) {
		if (strcmp(rig.logs[i]->state, "readonly") == 0)
			continue;
		pthread_mutex_lock(&rig.logs[i]->lock);
		rlog_publish(rig.logs[i]);
		pthread_mutex_unlock(&rig.logs[i]->lock);
	}
}

static int
usage(void)
{
	fprintf(stderr, "usage: ctlog --dir D [--port 0] [--interval MS] "
	    "[--refresh MS] [--sign-list]\n    [--url URL] "
	    "[--listen ADDRESS] --log NAME[,opt=value]...\n");
	return 64;
}

struct args {
	struct web_opts	 web;
	const char	*logs[RIG_LOGS];
	size_t		 nlogs;
	const char	*url;		/* what the lists say, or NULL */
	const char	*listen;	/* here too, or NULL */
	int		 sign;
};

static int
read_args(int argc, char **argv, struct args *a)
{
	static const struct option opts[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' },
		{ "interval", required_argument, NULL, 'i' },
		{ "refresh", required_argument, NULL, 'r' },
		{ "sign-list", no_argument, NULL, 's' },
		{ "url", required_argument, NULL, 'u' },
		{ "listen", required_argument, NULL, 'a' },
		{ "log", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'd')
			rig.dir = optarg;
		else if (c == 'p')
			a->web.port = (int)strtol(optarg, NULL, 10);
		else if (c == 'i')
			rig.interval = strtol(optarg, NULL, 10);
		else if (c == 'r')
			rig.refresh = strtol(optarg, NULL, 10);
		else if (c == 's')
			a->sign = 1;
		else if (c == 'u')
			a->url = optarg;
		else if (c == 'a')
			a->listen = optarg;
		else if (c == 'l' && a->nlogs < RIG_LOGS)
			a->logs[a->nlogs++] = optarg;
		else
			return -1;
	return rig.dir == NULL || a->nlogs == 0 || optind < argc ? -1 : 0;
}

/* The key that signs log lists, made once. */
static int
open_list_key(struct err *e)
{
	char *private = mem_printf("%s/list.key.pem", rig.dir);
	char *public = mem_printf("%s/list.pub.pem", rig.dir);
	int rc = -1;

	rig.list_key = key_keep(private, "rsa4096", e);
	if (rig.list_key != NULL)
		rc = key_save_public(rig.list_key, public, e);
	free(private);
	free(public);
	return rc;
}

static int
open_rig(const struct args *a, int port, struct err *e)
{
	char *dir = mem_printf("%s/issuers", rig.dir);
	size_t i;
	int rc;

	if (a->url != NULL)
		(void)snprintf(rig.url, sizeof(rig.url), "%s", a->url);
	else
		(void)snprintf(rig.url, sizeof(rig.url),
		    "http://127.0.0.1:%d", port);
	/* a later run has a later version */
	rig.version = (unsigned)(rlog_now() / 1000 - 1700000000);
	rc = issuers_open(dir, e);
	if (rc == 0)
		fill_init(dir);
	if (rc == 0 && a->sign)
		rc = open_list_key(e);
	for (i = 0; rc == 0 && i < a->nlogs; i++)
		rc = rig_add(&rig, a->logs[i], e);
	if (rc == 0)
		rc = rig_lists(&rig, NULL, e);
	free(dir);
	return rc;
}

int
main(int argc, char **argv)
{
	struct args a;
	struct err e = ERR_INIT;
	struct web *w;

	memset(&a, 0, sizeof(a));
	if (read_args(argc, argv, &a) == -1)
		return usage();
	a.web.serve = serve;
	a.web.tick = tick;
	a.web.tick_ms = rig.interval;
	if (mkdir(rig.dir, 0777) == -1 && errno != EEXIST) {
		perror(rig.dir);
		return 1;
	}
	w = web_open(&a.web, &e);
	if (w != NULL && a.listen != NULL && web_listen(w, a.listen,
	    web_port(w), &e) == -1)
		w = NULL;
	if (w == NULL || open_rig(&a, web_port(w), &e) == -1) {
		fprintf(stderr, "ctlog: %s\n", e.msg);
		return err_exit(e.code);
	}
	printf("{\"port\":%d,\"base\":\"%s\","
	    "\"admin\":\"http://127.0.0.1:%d/_rig\"}\n", web_port(w), rig.url,
	    web_port(w));
	fflush(stdout);
	web_run(w);
	return 0;
}
