/*
 * TLS endpoints, each with a certificate that can be swapped while it runs,
 * and ways to behave badly.  README.md tells how to use it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/tlsep.h"
#include "tests/rig/lib/web.h"

enum { ENDPOINTS = 256 };

static struct {
	struct tlsep	*v[ENDPOINTS];
	int		 n;
	pthread_mutex_t	 lock;		/* the table */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct tlsep *
find(const char *name, size_t n)
{
	struct tlsep *t = NULL;
	int i;

	pthread_mutex_lock(&all.lock);
	for (i = 0; i < all.n && t == NULL; i++)
		if (strlen(all.v[i]->name) == n &&
		    strncmp(all.v[i]->name, name, n) == 0)
			t = all.v[i];
	pthread_mutex_unlock(&all.lock);
	return t;
}

static int
add(const char *spec, struct err *e)
{
	struct tlsep *t = mem_zero(sizeof(*t));
	const struct tlsep *same;
	int port;

	if (tlsep_options(t, spec, e) == -1)
		goto err;
	if (find(t->name, strlen(t->name)) != NULL || all.n == ENDPOINTS) {
		err_set(e, ERR_USAGE, "--endpoint %s: there is one of that "
		    "name, or %d already", t->name, ENDPOINTS);
		goto err;
	}
	port = (int)strtol(t->port_text, NULL, 10);
	if (t->port_text[0] == '@') {
		same = find(t->port_text + 1, strlen(t->port_text + 1));
		if (same == NULL) {
			err_set(e, ERR_USAGE, "--endpoint %s: port=%s: no "
			    "such endpoint", t->name, t->port_text);
			goto err;
		}
		port = same->port;
	}
	if (tlsep_start(t, port, e) == -1)
		goto err;
	pthread_mutex_lock(&all.lock);
	all.v[all.n++] = t;
	pthread_mutex_unlock(&all.lock);
	return 0;
err:
	free(t);
	return -1;
}

static void
put_endpoints(struct buf *b)
{
	int i;

	pthread_mutex_lock(&all.lock);
	buf_str(b, "{");
	for (i = 0; i < all.n; i++)
		buf_fmt(b, "%s\"%s\":%d", i == 0 ? "" : ",", all.v[i]->name,
		    all.v[i]->port);
	buf_str(b, "}");
	pthread_mutex_unlock(&all.lock);
}

static int
do_set(struct tlsep *t, const char *args, struct err *e)
{
	static const char *const names[] =
	    { "cert", "key", "staple", "scts", "chain", "tls", "sni" };
	size_t i;
	char *v;

	pthread_mutex_lock(&t->lock);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		v = args_text(args, names[i]);
		if (v != NULL)
			(void)tlsep_set(t, names[i], v);
		free(v);
	}
	pthread_mutex_unlock(&t->lock);
	return tlsep_load(t, e);
}

static int
do_honest(struct tlsep *t, struct err *e)
{
	pthread_mutex_lock(&t->lock);
	memset(t->lies, 0, sizeof(t->lies));
	pthread_mutex_unlock(&t->lock);
	return tlsep_load(t, e);
}

static void
put_stats(struct tlsep *t, struct buf *b)
{
	const char *comma = "";
	unsigned i;

	pthread_mutex_lock(&t->lock);
	buf_fmt(b, "{\"port\":%d,\"connections\":%llu,\"handshakes\":%llu,"
	    "\"sni\":\"%s\",\"lies\":{", t->port,
	    (unsigned long long)t->connections,
	    (unsigned long long)t->handshakes, t->last_sni);
	for (i = 0; i < TLS_LIES; i++) {
		if (!t->lies[i].on && t->lies[i].told == 0)
			continue;
		buf_fmt(b, "%s\"%s\":{\"on\":%s,\"told\":%llu}", comma,
		    tlsep_lie_name((enum tls_lie_id)i),
		    t->lies[i].on ? "true" : "false",
		    (unsigned long long)t->lies[i].told);
		comma = ",";
	}
	buf_str(b, "}}\n");
	pthread_mutex_unlock(&t->lock);
}

/* /_rig/NAME/${verb} */
static int
serve_one(struct tlsep *t, const char *verb, const char *args,
    struct web_res *s, struct err *e)
{
	int rc = 0;

	if (strcmp(verb, "set") == 0)
		rc = do_set(t, args, e);
	else if (strcmp(verb, "lie") == 0)
		rc = tlsep_lie(t, args, e);
	else if (strcmp(verb, "honest") == 0)
		rc = do_honest(t, e);
	else if (strcmp(verb, "stats") != 0)
		return err_set(e, ERR_NOENT, "%s: no such request "
		    "(README.md)", verb);
	if (rc == 0)
		put_stats(t, &s->body);
	return rc;
}

static int
serve_all(const char *verb, const char *args, struct web_res *s,
    struct err *e)
{
	char *spec;
	int rc = 0;

	if (strcmp(verb, "new") == 0) {
		spec = args_text(args, "endpoint");
		rc = spec == NULL ? err_set(e, ERR_USAGE,
		    "new: needs endpoint=NAME,opt=value") : add(spec, e);
		free(spec);
	} else if (strcmp(verb, "endpoints") != 0)
		rc = err_set(e, ERR_NOENT, "%s: no such request or endpoint "
		    "(README.md)", verb);
	if (rc == 0)
		put_endpoints(&s->body);
	return rc;
}

static void
serve(void *ctx, const struct web_req *r, struct web_res *s)
{
	const char *p = r->path, *slash;
	struct buf args = BUF_INIT;
	struct err e = ERR_INIT;
	struct tlsep *t;
	int rc;

	(void)ctx;
	if (strncmp(p, "/_rig/", 6) != 0) {
		web_say(s, 404, "%s: no such thing", p);
		return;
	}
	p += 6;
	s->type = "application/json";
	args_of(r, &args);
	slash = strchr(p, '/');
	t = slash == NULL ? NULL : find(p, (size_t)(slash - p));
	rc = t != NULL ? serve_one(t, slash + 1, buf_text(&args), s, &e) :
	    serve_all(p, buf_text(&args), s, &e);
	if (rc == -1)
		web_say(s, e.code == ERR_NOENT ? 404 : 400, "%s", e.msg);
	buf_free(&args);
}

int
main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "endpoint", required_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 }
	};
	struct web_opts o = { 0, 0, NULL, serve, NULL };
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct web *w;
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'p')
			o.port = (int)strtol(optarg, NULL, 10);
		else if (c != 'e') {
			fprintf(stderr, "usage: tlssrv [--port 0] --endpoint "
			    "NAME,cert=FILE,key=FILE[,opt=value]...\n");
			return 64;
		} else if (add(optarg, &e) == -1)
			goto err;
	w = web_open(&o, &e);
	if (w == NULL)
		goto err;
	put_endpoints(&b);
	printf("{\"port\":%d,\"admin\":\"http://127.0.0.1:%d/_rig\","
	    "\"endpoints\":%s}\n", web_port(w), web_port(w), buf_text(&b));
	buf_free(&b);
	fflush(stdout);
	web_run(w);
	/* threads may be inside of OpenSSL, which exit() would clean up */
	_exit(0);
err:
	fprintf(stderr, "tlssrv: %s\n", e.msg);
	return err_exit(e.code);
}
