/*
 * TLS from inside the sandbox: a private root is trusted when it is given,
 * and a stranger's certificate, a wrong name and an old one never are.  The
 * server is the openssl program.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/fetch.h"
#include "auditor/role/fetch_client.h"
#include "base/err.h"

#define WAIT_MS 20000

/* A server and its self-signed certificate. */
struct host {
	X509		*cert;
	EVP_PKEY	*key;
	int		 port;
	pid_t		 pid;
	char		 dir[64];
	char		 file[80];
};

static void
add_name(X509 *x, const char *san)
{
	X509V3_CTX	 ctx;
	X509_EXTENSION	*ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, san);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

static void
make_cert(struct host *h, const char *san, long from, long to)
{
	X509_NAME	*n;

	h->key = EVP_EC_gen("P-256");
	h->cert = X509_new();
	assert_non_null(h->key);
	assert_non_null(h->cert);
	assert_int_equal(X509_set_version(h->cert, 2), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(h->cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(h->cert), from);
	(void)X509_gmtime_adj(X509_getm_notAfter(h->cert), to);
	n = X509_get_subject_name(h->cert);
	(void)X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	    (const unsigned char *)"test root", -1, -1, 0);
	(void)X509_set_issuer_name(h->cert, n);
	(void)X509_set_pubkey(h->cert, h->key);
	add_name(h->cert, san);
	assert_true(X509_sign(h->cert, h->key, EVP_sha256()) > 0);
}

/* The certificate and the key as files for the server. */
static void
write_files(struct host *h)
{
	FILE	*f;

	(void)snprintf(h->dir, sizeof(h->dir), "/tmp/certvigil-tls-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	(void)snprintf(h->file, sizeof(h->file), "%s/pem", h->dir);
	f = fopen(h->file, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, h->cert), 1);
	assert_int_equal(PEM_write_PrivateKey(f, h->key, NULL, NULL, 0, NULL,
	    NULL), 1);
	assert_int_equal(fclose(f), 0);
}

/* Does somebody listen on the port? */
static int
listens(int port)
{
	struct sockaddr_in	a;
	int			fd = socket(AF_INET, SOCK_STREAM, 0), r;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	r = connect(fd, (struct sockaddr *)&a, sizeof(a));
	(void)close(fd);
	return r == 0;
}

/* A port that was free a moment ago. */
static int
free_port(void)
{
	struct sockaddr_in	a;
	socklen_t		len = sizeof(a);
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)close(fd);
	return ntohs(a.sin_port);
}

static void
host_start(struct host *h, const char *san, long from, long to)
{
	char	at[64];
	int	i, null;

	make_cert(h, san, from, to);
	write_files(h);
	h->port = free_port();
	(void)snprintf(at, sizeof(at), "127.0.0.1:%d", h->port);
	h->pid = fork();
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		null = open("/dev/null", O_RDWR);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execlp("openssl", "openssl", "s_server", "-accept", at,
		    "-cert", h->file, "-key", h->file, "-www", NULL);
		_exit(127);
	}
	for (i = 0; i < 1000 && !listens(h->port); i++)
		(void)poll(NULL, 0, 10);
	assert_true(i < 1000);
}

static void
host_stop(struct host *h)
{
	(void)kill(h->pid, SIGKILL);
	(void)waitpid(h->pid, NULL, 0);
	(void)unlink(h->file);
	(void)rmdir(h->dir);
	X509_free(h->cert);
	EVP_PKEY_free(h->key);
}

/* The answer to ${g}. */
static void
answer(struct fetch_client *c, const struct fetch_get *g,
    struct fetch_done *d)
{
	struct pollfd	p;
	struct err	e = ERR_INIT;
	int		r;

	(void)fetch_client_get(c, g);
	while ((r = fetch_client_next(c, d, &e)) == 0) {
		p.fd = ipc_fd(fetch_client_ipc(c));
		p.events = (short)(POLLIN |
		    (ipc_wants_write(fetch_client_ipc(c)) ? POLLOUT : 0));
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		if (fetch_client_turn(c, &e) != 0)
			fail_msg("%s", e.msg);
	}
	assert_int_equal(r, 1);
	d->body.p = NULL;
}

/*
 * Ask ${h} under ${name}, trusting ${root} (or nobody beside the system).  It
 * is the same for what goes into an arena, over TLS that is not libcurl's.
 */
static void
ask(const struct host *h, const char *name, X509 *root,
    struct fetch_done *d)
{
	struct fetch_setup	 s;
	struct fetch_get	 g;
	struct fetch_done	 other;
	struct fetch_client	*c;
	struct err		 e = ERR_INIT;
	BIO			*bio = BIO_new(BIO_s_mem());
	char			*pem = NULL, url[64];
	long			 n;

	memset(&s, 0, sizeof(s));
	memset(&g, 0, sizeof(g));
	s.user_agent = "certvigil/test";
	s.class = EGRESS_LOG;
	s.allow[0] = "127.0.0.0/8";
	s.allow[1] = "::1";
	s.nallow = 2;
	if (root != NULL) {
		assert_int_equal(PEM_write_bio_X509(bio, root), 1);
		n = BIO_get_mem_data(bio, &pem);
		s.ca_pem.p = (const uint8_t *)pem;
		s.ca_pem.n = (size_t)n;
	}
	c = fetch_client_new(&s, &e);
	assert_non_null(c);
	(void)snprintf(url, sizeof(url), "https://%s:%d/", name, h->port);
	g.method = "GET";
	g.url = url;
	g.cap = 100000;
	g.timeout_ms = 10000;
	answer(c, &g, d);
	assert_true(fetch_client_arena(c, 1u << 20, &g.arena, &e) >= 0);
	answer(c, &g, &other);
	assert_int_equal(d->failure, other.failure);
	assert_int_equal(d->status, other.status);
	assert_int_equal(d->body.n > 0, other.length > 0);
	assert_string_equal(d->message, other.message);
	fetch_client_free(c);
	BIO_free(bio);
}

static void
trust(void **state)
{
	struct host		h, other;
	struct fetch_done	d;

	(void)state;
	host_start(&h, "IP:127.0.0.1,DNS:localhost", -3600, 3600);
	make_cert(&other, "IP:127.0.0.1", -3600, 3600);
	ask(&h, "127.0.0.1", h.cert, &d);
	if (d.failure != FETCH_OK)
		print_message("%s\n", d.message);
	assert_int_equal(d.failure, FETCH_OK);
	assert_int_equal(d.status, 200);
	assert_true(d.body.n > 0);
	ask(&h, "localhost", h.cert, &d);
	assert_int_equal(d.failure, FETCH_OK);
	/* Not given, or another one of the same name: a stranger. */
	ask(&h, "127.0.0.1", NULL, &d);
	assert_int_equal(d.failure, FETCH_TLS);
	assert_int_equal(d.status, 0);
	assert_int_equal(d.body.n, 0);
	ask(&h, "127.0.0.1", other.cert, &d);
	assert_int_equal(d.failure, FETCH_TLS);
	host_stop(&h);
	X509_free(other.cert);
	EVP_PKEY_free(other.key);
}

static void
wrong_name(void **state)
{
	struct host		h;
	struct fetch_done	d;

	(void)state;
	host_start(&h, "DNS:log.example", -3600, 3600);
	ask(&h, "127.0.0.1", h.cert, &d);
	assert_int_equal(d.failure, FETCH_TLS);
	host_stop(&h);
}

static void
expired(void **state)
{
	struct host		h;
	struct fetch_done	d;

	(void)state;
	host_start(&h, "IP:127.0.0.1", -7200, -3600);
	ask(&h, "127.0.0.1", h.cert, &d);
	assert_int_equal(d.failure, FETCH_TLS);
	host_stop(&h);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(trust),
		cmocka_unit_test(wrong_name),
		cmocka_unit_test(expired),
	};
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;

	if (role != NULL)
		return strcmp(role, "fetch") == 0 ? fetch_main() : 64;
	if (access("/usr/bin/openssl", X_OK) != 0) {
		(void)printf("SKIP 3 there is no openssl program\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
