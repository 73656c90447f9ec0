/*
 * Large CT logs whose entries are computed from their index: RFC 6962 and
 * static-ct-api for one tree.  README.md tells how to use it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/bigserve.h"

static struct bigcore core;
static struct bigserve serve;

struct args {
	struct bigopts	 log;
	struct bighttp_opts web;
	const char	*name, *url;
	const char	*faults[BIGFAULTS];
	int		 nfaults;
	int		 logs;
	int		 tiled;
	uint64_t	 rate;
	uint64_t	 from;		/* of the oracle */
	int		 near;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: biglog serve --dir D [--size N] [--rate N] [option]...\n"
	    "       biglog oracle --dir D [--size N] [--from N] [--near]\n"
	    "options: --seed N --every N --domain D --threads N --span S\n"
	    "    --name S --logs N --static --hybrid --cap N --align N\n"
	    "    --interval MS --refresh MS --fault WHAT[,opt=value]...\n"
	    "    --addr A --port N --tls-port N --cert F --key F --url URL\n");
	return 64;
}

enum { O_SIZE = 256, O_RATE, O_SEED, O_EVERY, O_DOMAIN, O_THREADS, O_SPAN,
	O_NAME, O_LOGS, O_STATIC, O_HYBRID, O_CAP, O_ALIGN, O_INTERVAL,
	O_REFRESH, O_FAULT, O_ADDR, O_PORT, O_TLSPORT, O_CERT, O_KEY, O_URL,
	O_DIR, O_FROM, O_NEAR };

static const struct option options[] = {
	{ "dir", required_argument, NULL, O_DIR },
	{ "size", required_argument, NULL, O_SIZE },
	{ "rate", required_argument, NULL, O_RATE },
	{ "seed", required_argument, NULL, O_SEED },
	{ "every", required_argument, NULL, O_EVERY },
	{ "domain", required_argument, NULL, O_DOMAIN },
	{ "threads", required_argument, NULL, O_THREADS },
	{ "span", required_argument, NULL, O_SPAN },
	{ "name", required_argument, NULL, O_NAME },
	{ "logs", required_argument, NULL, O_LOGS },
	{ "static", no_argument, NULL, O_STATIC },
	{ "hybrid", no_argument, NULL, O_HYBRID },
	{ "cap", required_argument, NULL, O_CAP },
	{ "align", required_argument, NULL, O_ALIGN },
	{ "interval", required_argument, NULL, O_INTERVAL },
	{ "refresh", required_argument, NULL, O_REFRESH },
	{ "fault", required_argument, NULL, O_FAULT },
	{ "addr", required_argument, NULL, O_ADDR },
	{ "port", required_argument, NULL, O_PORT },
	{ "tls-port", required_argument, NULL, O_TLSPORT },
	{ "cert", required_argument, NULL, O_CERT },
	{ "key", required_argument, NULL, O_KEY },
	{ "url", required_argument, NULL, O_URL },
	{ "from", required_argument, NULL, O_FROM },
	{ "near", no_argument, NULL, O_NEAR },
	{ NULL, 0, NULL, 0 }
};

/* Options with a number; -1: none of them. */
static int
read_number(int c, struct args *a)
{
	unsigned long long n = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);

	switch (c) {
	case O_SIZE:
		a->log.size = n;
		return 0;
	case O_RATE:
		a->rate = n;
		return 0;
	case O_SEED:
		a->log.seed = n;
		return 0;
	case O_EVERY:
		a->log.every = n;
		return 0;
	case O_THREADS:
		a->log.threads = (int)n;
		return 0;
	case O_SPAN:
		a->log.span = n;
		return 0;
	case O_LOGS:
		a->logs = (int)n;
		return n > 0 && n <= BIGHEADS ? 0 : -1;
	case O_CAP:
		serve.cap = (long)n;
		return n > 0 && n <= 4096 ? 0 : -1;
	case O_ALIGN:
		serve.align = (long)n;
		return 0;
	case O_INTERVAL:
		a->web.tick_ms = (long)n;
		return n > 0 ? 0 : -1;
	case O_REFRESH:
		serve.heads.refresh = (long)n;
		return 0;
	case O_PORT:
		a->web.port = (int)n;
		return 0;
	case O_TLSPORT:
		a->web.tls_port = (int)n;
		return 0;
	case O_FROM:
		a->from = n;
		return 0;
	default:
		return -1;
	}
}

/* Options with text, or nothing. */
static int
read_text(int c, struct args *a)
{
	const struct { int c; const char **to; } texts[] = {
		{ O_DIR, &a->log.dir }, { O_DOMAIN, &a->log.domain },
		{ O_NAME, &a->name }, { O_ADDR, &a->web.addr },
		{ O_CERT, &a->web.cert }, { O_KEY, &a->web.key },
		{ O_URL, &a->url },
	};
	const struct { int c, *to; } flags[] = {
		{ O_STATIC, &a->tiled }, { O_HYBRID, &serve.hybrid },
		{ O_NEAR, &a->near },
	};
	size_t	i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].c == c) {
			*texts[i].to = optarg;
			return 0;
		}
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].c == c) {
			*flags[i].to = 1;
			return 0;
		}
	if (c != O_FAULT)
		return read_number(c, a);
	if (a->nfaults == BIGFAULTS)
		return -1;
	a->faults[a->nfaults++] = optarg;
	return 0;
}

static int
read_args(int argc, char **argv, struct args *a)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (read_text(c, a) == -1)
			return -1;
	return a->log.dir == NULL || optind < argc ||
	    (a->web.cert == NULL) != (a->web.key == NULL) ? -1 : 0;
}

static int
oracle(const struct args *a, struct err *e)
{
	struct buf b = BUF_INIT;

	if (bigcore_open(&core, &a->log, 1, e) == -1)
		return -1;
	bigcore_oracle(&core, a->from, a->log.size, a->near, &b);
	fputs(buf_text(&b), stdout);
	buf_free(&b);
	return 0;
}

static int
open_log(struct args *a, struct err *e)
{
	int tls = a->web.cert != NULL, i;
	char *url = a->url != NULL ? mem_str(a->url) :
	    mem_printf("%s://%s:%d", tls ? "https" : "http", a->web.addr,
	    bighttp_port(serve.http, tls));
	int rc = bigcore_open(&core, &a->log, 0, e);

	for (i = 0; rc == 0 && i < a->nfaults; i++)
		rc = bigfault_add(&serve.faults, a->faults[i], e);
	if (rc == 0)
		rc = bighead_open(&serve.heads, &core, &(struct bighead_opts){
		    a->name, a->logs, url, serve.hybrid }, e);
	if (rc == 0)
		rc = bighead_lists(&serve.heads, a->tiled, e);
	if (rc == 0 && a->rate > 0)
		(void)bigtime_turn(&core.time, bigtime_now(), 0, a->rate);
	if (rc == 0)
		printf("{\"port\":%d,\"tls_port\":%d,\"base\":\"%s\","
		    "\"admin\":\"http://%s:%d/_rig\",\"size\":%llu}\n",
		    bighttp_port(serve.http, 0), bighttp_port(serve.http, 1),
		    url, a->web.addr, bighttp_port(serve.http, 0),
		    (unsigned long long)core.tree.n);
	fflush(stdout);
	free(url);
	return rc;
}

int
main(int argc, char **argv)
{
	struct args a = {
		.log = { NULL, 200000, 1, 2000, "planted.example",
		    (int)sysconf(_SC_NPROCESSORS_ONLN), 43200 },
		.web = { .addr = "127.0.0.1", .tick_ms = 1000, .ctx = &serve,
		    .serve = bigserve_request, .done = bigserve_done,
		    .tick = bigserve_tick },
		.name = "big", .logs = 1
	};
	struct err e = ERR_INIT;
	int rc;

	serve.core = &core;
	serve.cap = 256;
	serve.align = 256;
	serve.heads.refresh = 60000;
	if (argc < 2 || (strcmp(argv[1], "serve") != 0 &&
	    strcmp(argv[1], "oracle") != 0) ||
	    read_args(argc - 1, argv + 1, &a) == -1)
		return usage();
	if (strcmp(argv[1], "oracle") == 0) {
		rc = oracle(&a, &e);
	} else {
		serve.http = bighttp_open(&a.web, &e);
		rc = serve.http == NULL ? -1 : open_log(&a, &e);
		if (rc == 0)
			bighttp_run(serve.http);
	}
	if (rc == -1) {
		fprintf(stderr, "biglog: %s\n", e.msg);
		return err_exit(e.code);
	}
	return 0;
}
