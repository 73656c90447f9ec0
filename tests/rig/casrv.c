/*
 * OCSP responders, CRL publishers and AIA servers of CAs made by ca, which
 * can lie.  README.md tells how to use it.
 */
#include <sys/resource.h>
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/mint.h"
#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/pub_admin.h"
#include "tests/rig/lib/pub_ccadb.h"
#include "tests/rig/lib/pub_crl.h"
#include "tests/rig/lib/pub_ocsp.h"
#include "tests/rig/lib/pub_wire.h"
#include "tests/rig/lib/web.h"

enum { CAS = 256, RANGES = 16 };

static struct {
	struct web	*web;
	struct pub	*pubs[CAS];
	int		 n;
	pthread_mutex_t	 lock;		/* the table */
} srv = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct pub *
find(const char *name, size_t n)
{
	struct pub *p = NULL;
	int i;

	pthread_mutex_lock(&srv.lock);
	for (i = 0; i < srv.n && p == NULL; i++)
		if (strlen(srv.pubs[i]->name) == n &&
		    strncmp(srv.pubs[i]->name, name, n) == 0)
			p = srv.pubs[i];
	pthread_mutex_unlock(&srv.lock);
	return p;
}

static int
add(const char *spec, struct err *e)
{
	struct pub *p = pub_open(spec, e);

	if (p == NULL)
		return -1;
	if (find(p->name, strlen(p->name)) != NULL || srv.n == CAS)
		return err_set(e, ERR_USAGE, "--ca %s: there is one of that "
		    "name (use name=), or %d already", spec, CAS);
	pthread_mutex_lock(&srv.lock);
	p->nheard = (size_t)web_count(srv.web);
	p->heard = mem_array(p->nheard, sizeof(*p->heard));
	srv.pubs[srv.n++] = p;
	pthread_mutex_unlock(&srv.lock);
	return 0;
}

/* SignedData with certificates alone (RFC 5652, 5.1; RFC 5280, 4.2.2.1). */
static void
wrap_p7c(struct buf *der)
{
	static const uint8_t signed_data[] = "\x2a\x86\x48\x86\xf7\x0d\1\7\2";
	static const uint8_t data[] = "\x2a\x86\x48\x86\xf7\x0d\1\7\1";
	struct buf b = BUF_INIT;
	size_t in;

	der_put(&b, DER_OID, signed_data, sizeof(signed_data) - 1);
	in = b.n;
	der_put(&b, DER_INT, "\1", 1);
	der_put(&b, DER_SET, "", 0);
	der_put(&b, DER_OID, data, sizeof(data) - 1);
	der_around(&b, b.n - sizeof(data) - 1, DER_SEQ);
	der_put(&b, 0xa0, der->p, der->n);
	der_put(&b, DER_SET, "", 0);
	der_around(&b, in, DER_SEQ);
	der_around(&b, in, 0xa0);
	der_around(&b, 0, DER_SEQ);
	buf_free(der);
	*der = b;
}

/* /NAME/X.der and /NAME/X.p7c: the certificate in DIR/X.pem. */
static void
serve_cert(struct pub *p, const char *path, struct web_res *s)
{
	const char *dot = strrchr(path, '.');
	char *name = mem_str(path), *file;
	X509 *x;

	name[dot - path] = '\0';
	file = pub_path(p, strcmp(name, "issuer") == 0 ? p->issuer : name,
	    ".pem");
	x = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_") == strlen(name) ? mint_load(file, NULL) : NULL;
	if (x == NULL)
		web_say(s, 404, "%s: no such certificate", path);
	else {
		mint_der(x, &s->body);
		s->type = "application/pkix-cert";
		if (strcmp(dot, ".p7c") == 0) {
			wrap_p7c(&s->body);
			s->type = "application/pkcs7-mime";
		}
	}
	X509_free(x);
	free(name);
	free(file);
}

/* The shard of "full.crl" or "K.crl"; -1 when there is none. */
static int
crl_shard(const struct pub *p, const char *name)
{
	char *end;
	long k = strtol(name, &end, 10);

	if (strcmp(name, "full.crl") == 0)
		return 0;
	return end == name || strcmp(end, ".crl") != 0 || name[0] == '0' ||
	    name[0] == '+' || k < 1 || k > p->shards ? -1 : (int)k;
}

/* What a path below /NAME/ asks for; -1: nothing that is here. */
static int
classify(const struct pub *p, const char *path, const struct web_req *r,
    struct pask *q)
{
	int post = strcmp(r->method, "POST") == 0;
	const char *dot = strrchr(path, '.');

	if (strcmp(path, "ocsp") == 0 || strcmp(path, "ocsp/") == 0) {
		q->kind = PKIND_POST;
		return post ? 0 : -1;
	}
	if (post)
		return -1;
	if (strncmp(path, "ocsp/", 5) == 0) {
		q->kind = PKIND_GET;
		return 0;
	}
	if (strncmp(path, "crl/", 4) == 0) {
		q->kind = PKIND_CRL;
		q->shard = crl_shard(p, path + 4);
		return q->shard == -1 ? -1 : 0;
	}
	q->kind = PKIND_AIA;
	return dot != NULL && (strcmp(dot, ".der") == 0 ||
	    strcmp(dot, ".p7c") == 0) ? 0 : -1;
}

static void
serve_ca(struct pub *p, const char *path, const struct web_req *r,
    struct web_res *s)
{
	struct pask q = { PKIND_MAX, r->at, -1, NULL };
	const char *where = web_where(srv.web, r->at);
	char serial[44], *url;

	if (classify(p, path, r, &q) == -1) {
		web_say(s, 404, "%s: no such thing, or not by %s", r->path,
		    r->method);
		return;
	}
	url = mem_printf("http://%s%s", where, r->path);
	pthread_mutex_lock(&p->lock);
	p->requests[q.kind]++;
	p->heard[r->at]++;
	if (q.kind == PKIND_CRL)
		pub_crl(p, r, &q, where, s);
	else if (q.kind == PKIND_AIA)
		serve_cert(p, path, s);
	else
		pub_ocsp(p, r, q.kind == PKIND_GET ? path + 5 : "", &q,
		    serial, s);
	pub_wire(p, &q, url, s);
	pthread_mutex_unlock(&p->lock);
	free(url);
}

/* A CA that appears later. */
static void
serve_new(const struct web_req *r, struct web_res *s)
{
	struct buf args = BUF_INIT;
	struct err e = ERR_INIT;
	char *spec;

	args_of(r, &args);
	spec = args_text(buf_text(&args), "ca");
	if (spec == NULL || add(spec, &e) == -1)
		web_say(s, 400, "%s", spec == NULL ? "new: needs ca=DIR" :
		    e.msg);
	else {
		buf_str(&s->body, "{}\n");
		s->type = "application/json";
	}
	free(spec);
	buf_free(&args);
}

/* All CAs, as CCADB lists them. */
static void
serve_ccadb(const char *name, const char *where, struct web_res *s)
{
	int i, pems = strcmp(name, "pems.csv") == 0;

	if (!pems && strcmp(name, "records.csv") != 0) {
		web_say(s, 404, "%s: no such list", name);
		return;
	}
	s->type = "text/csv; charset=utf-8";
	pthread_mutex_lock(&srv.lock);
	for (i = -1; i < srv.n; i++)
		if (pems)
			pub_ccadb_pem(i < 0 ? NULL : srv.pubs[i], &s->body);
		else
			pub_ccadb_record(i < 0 ? NULL : srv.pubs[i], where,
			    &s->body);
	pthread_mutex_unlock(&srv.lock);
}

static void
serve(void *ctx, const struct web_req *r, struct web_res *s)
{
	const char *p = r->path, *slash;
	int admin = strncmp(p, "/_rig/", 6) == 0;
	struct pub *pub;

	(void)ctx;
	p += admin ? 6 : *p == '/';
	if (admin && strcmp(p, "new") == 0) {
		serve_new(r, s);
		return;
	}
	if (strncmp(p, "ccadb/", 6) == 0) {
		serve_ccadb(p + 6, web_where(srv.web, r->at), s);
		return;
	}
	slash = strchr(p, '/');
	pub = slash == NULL ? NULL : find(p, (size_t)(slash - p));
	if (pub == NULL)
		web_say(s, 404, "%s: no such CA", r->path);
	else if (admin)
		pub_admin(pub, srv.web, slash + 1, r, s);
	else
		serve_ca(pub, slash + 1, r, s);
}

struct args {
	int		 port, ports;
	const char	*cas[CAS], *ranges[RANGES];
	int		 ncas, nranges;
};

static int
read_args(int argc, char **argv, struct args *a)
{
	static const struct option opts[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "ports", required_argument, NULL, 'n' },
		{ "listen", required_argument, NULL, 'l' },
		{ "ca", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'p')
			a->port = (int)strtol(optarg, NULL, 10);
		else if (c == 'n')
			a->ports = (int)strtol(optarg, NULL, 10);
		else if (c == 'l' && a->nranges < RANGES)
			a->ranges[a->nranges++] = optarg;
		else if (c == 'c' && a->ncas < CAS)
			a->cas[a->ncas++] = optarg;
		else
			return -1;
	return optind < argc ? -1 : 0;
}

/* Listen on ADDRESS or FIRST-LAST, at one port. */
static int
listen_range(const char *text, int port, struct err *e)
{
	char from[32], to[32] = "", one[INET_ADDRSTRLEN];
	struct in_addr a, b;

	if (sscanf(text, "%31[0-9.]-%31[0-9.]", from, to) < 1 ||
	    inet_pton(AF_INET, from, &a) != 1 ||
	    inet_pton(AF_INET, to[0] == '\0' ? from : to, &b) != 1)
		return err_set(e, ERR_USAGE, "--listen %s: must be ADDRESS "
		    "or FIRST-LAST", text);
	for (; ntohl(a.s_addr) <= ntohl(b.s_addr);
	    a.s_addr = htonl(ntohl(a.s_addr) + 1)) {
		(void)inet_ntop(AF_INET, &a, one, sizeof(one));
		if (web_listen(srv.web, one, port, e) == -1)
			return -1;
	}
	return 0;
}

static int
open_all(const struct args *a, struct err *e)
{
	struct web_opts o = { a->port, 0, NULL, serve, NULL };
	int i;

	srv.web = web_open(&o, e);
	if (srv.web == NULL)
		return -1;
	for (i = 0; i < a->ports; i++)
		if (web_listen(srv.web, "127.0.0.1", 0, e) == -1)
			return -1;
	for (i = 0; i < a->nranges; i++)
		if (listen_range(a->ranges[i], web_port(srv.web), e) == -1)
			return -1;
	for (i = 0; i < a->ncas; i++)
		if (add(a->cas[i], e) == -1)
			return -1;
	return 0;
}

static void
announce(void)
{
	int i, port = web_port(srv.web);

	printf("{\"port\":%d,\"base\":\"http://127.0.0.1:%d\","
	    "\"admin\":\"http://127.0.0.1:%d/_rig\",\"listeners\":[", port,
	    port, port);
	for (i = 0; i < web_count(srv.web); i++)
		printf("%s\"%s\"", i == 0 ? "" : ",", web_where(srv.web, i));
	printf("],\"cas\":[");
	for (i = 0; i < srv.n; i++)
		printf("%s\"%s\"", i == 0 ? "" : ",", srv.pubs[i]->name);
	printf("]}\n");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct rlimit lim;
	struct err e = ERR_INIT;
	struct args a;

	memset(&a, 0, sizeof(a));
	if (read_args(argc, argv, &a) == -1) {
		fprintf(stderr, "usage: casrv [--port 0] [--ports N] "
		    "[--listen FIRST-LAST]... --ca DIR[,opt=value]...\n");
		return 64;
	}
	/* thousands of connections at once */
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (open_all(&a, &e) == -1) {
		fprintf(stderr, "casrv: %s\n", e.msg);
		return err_exit(e.code);
	}
	announce();
	web_run(srv.web);
	/* threads may be inside of OpenSSL, which exit() would clean up */
	_exit(0);
}
