/*
 * The real challenge process, sandboxed, answers tls-alpn-01: to OpenSSL in
 * this process, and to openssl s_client where it is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>

#include "tests/unit/auditor/challenging.h"

#define NAME	"www.example.com"
#define ACME	"\x0a" "acme-tls/1"

static struct challenge_client	*client;
static struct challenge_listen	 sockets;
static int			 port, http_port;
static SSL_CTX			*ctx;

/* A certificate as RFC 8737 section 3 wants it, and its key. */
struct pair {
	struct buf	cert, key;
};

static struct pair	ec, other, rsa;

/* --- to make them --- */

static void
add_ext(X509 *x, const char *oid, int critical, const void *p, size_t n)
{
	ASN1_OCTET_STRING	*o = ASN1_OCTET_STRING_new();
	ASN1_OBJECT		*id = OBJ_txt2obj(oid, 1);
	X509_EXTENSION		*ext;

	assert_int_equal(ASN1_OCTET_STRING_set(o, p, (int)n), 1);
	ext = X509_EXTENSION_create_by_OBJ(NULL, id, critical, o);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ASN1_OBJECT_free(id);
	ASN1_OCTET_STRING_free(o);
}

static void
make_pair(struct pair *p, const char *name, EVP_PKEY *k)
{
	PKCS8_PRIV_KEY_INFO	*info = EVP_PKEY2PKCS8(k);
	X509			*x = X509_new();
	uint8_t			 digest[34] = { 4, 32 };
	struct buf		 san = BUF_INIT;
	unsigned char		*der = NULL;
	int			 n;

	assert_non_null(k);
	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	(void)X509_set_pubkey(x, k);
	n = (int)strlen(name);
	buf_u8(&san, 0x30);
	buf_u8(&san, (uint8_t)(n + 2));
	buf_u8(&san, 0x82);
	buf_u8(&san, (uint8_t)n);
	buf_str(&san, name);
	add_ext(x, "2.5.29.17", 0, san.p, san.n);
	assert_int_equal(EVP_Digest(KEYAUTH, strlen(KEYAUTH), digest + 2,
	    NULL, EVP_sha256(), NULL), 1);
	add_ext(x, "1.3.6.1.5.5.7.1.31", 1, digest, sizeof(digest));
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	n = i2d_X509(x, &der);
	buf_add(&p->cert, der, (size_t)n);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	buf_add(&p->key, der, (size_t)n);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_free(x);
	EVP_PKEY_free(k);
	buf_free(&san);
}

static int
begin_all(void **state)
{
	(void)state;
	make_pair(&ec, NAME, EVP_EC_gen("P-256"));
	make_pair(&other, "b.example", EVP_EC_gen("P-384"));
	make_pair(&rsa, "rsa.example", EVP_RSA_gen(2048));
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	return ctx == NULL;
}

static int
finish_all(void **state)
{
	struct pair	*all[] = { &ec, &other, &rsa };
	size_t		 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		buf_free(&all[i]->cert);
		buf_free(&all[i]->key);
	}
	SSL_CTX_free(ctx);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	memset(&sockets, 0, sizeof(sockets));
	port = listen_more(&sockets, CHALLENGE_TLS);
	http_port = listen_more(&sockets, CHALLENGE_HTTP);
	client = challenge_start(&sockets, CHALLENGE_TIMEOUT_MAX);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	challenge_client_free(client);
	challenge_listen_close(&sockets);
	return 0;
}

/* --- put --- */

static void
put_tls(const char *name, struct span cert, struct span key, uint32_t secs)
{
	struct challenge_tls	t = { 0, name, cert, key, secs };
	struct err		e = ERR_INIT;
	uint64_t		id = challenge_client_tls(client, &t, &e);

	if (id == 0)
		fail_msg("%s", e.msg);
	do {
		(void)next_note(client);
	} while (note.type == CHALLENGE_HIT);
	assert_int_equal(note.type, CHALLENGE_PLACED);
	assert_int_equal(note.placed.id, id);
}

static void
put_pair(const char *name, const struct pair *p)
{
	put_tls(name, buf_bytes(&p->cert), buf_bytes(&p->key), 600);
	if (!note.placed.ok)
		fail_msg("%s", note.placed.message);
}

/* --- a client --- */

struct shake {
	const char	*sni;		/* NULL: none */
	const char	*alpn;		/* as on the wire; NULL: none */
	int		 version;	/* 0: any */
	int		 sigalg_rsa;	/* only RSA is understood */
	/* what came of it */
	int		 ok;
	int		 alert;		/* of the server, 0: none */
	int		 ended;		/* by close_notify */
	int		 got_version;
	struct buf	 cert;
};

static void
look(SSL *s, struct shake *h)
{
	const unsigned char	*proto;
	unsigned char		*der = NULL;
	unsigned		 n;
	X509			*x = SSL_get1_peer_certificate(s);
	char			 byte;
	int			 r;

	h->ok = 1;
	h->got_version = SSL_version(s);
	SSL_get0_alpn_selected(s, &proto, &n);
	assert_int_equal(n, 10);
	assert_memory_equal(proto, "acme-tls/1", 10);
	assert_non_null(x);
	r = i2d_X509(x, &der);
	buf_add(&h->cert, der, (size_t)r);
	OPENSSL_free(der);
	X509_free(x);
	/* It closes, properly, and says nothing. */
	r = SSL_read(s, &byte, 1);
	h->ended = r <= 0 && SSL_get_error(s, r) == SSL_ERROR_ZERO_RETURN;
}

static void
shake(struct shake *h)
{
	SSL		*s = SSL_new(ctx);
	int		 fd = dial(port), reason;
	unsigned long	 code;

	if (h->version != 0) {
		(void)SSL_set_min_proto_version(s, h->version);
		(void)SSL_set_max_proto_version(s, h->version);
	}
	if (h->version != 0 && h->version < TLS1_2_VERSION) {
		SSL_set_security_level(s, 0);
		(void)SSL_set_cipher_list(s, "ALL:@SECLEVEL=0");
	}
	if (h->sni != NULL)
		assert_int_equal(SSL_set_tlsext_host_name(s, h->sni), 1);
	if (h->alpn != NULL)
		assert_int_equal(SSL_set_alpn_protos(s,
		    (const unsigned char *)h->alpn,
		    (unsigned)strlen(h->alpn)), 0);
	if (h->sigalg_rsa)
		assert_int_equal(SSL_set1_sigalgs_list(s,
		    "RSA-PSS+SHA256:RSA+SHA256"), 1);
	assert_int_equal(SSL_set_fd(s, fd), 1);
	h->ok = h->alert = h->ended = 0;
	buf_reset(&h->cert);
	ERR_clear_error();
	if (SSL_connect(s) == 1)
		look(s, h);
	code = ERR_peek_error();
	reason = ERR_GET_REASON(code);
	if (reason > SSL_AD_REASON_OFFSET)
		h->alert = reason - SSL_AD_REASON_OFFSET;
	ERR_clear_error();
	SSL_free(s);
	(void)close(fd);
}

static void
expect_cert(const struct shake *h, const struct pair *p)
{
	assert_int_equal(h->ok, 1);
	assert_int_equal(h->ended, 1);
	assert_int_equal(h->alert, 0);
	assert_int_equal(h->cert.n, p->cert.n);
	assert_memory_equal(h->cert.p, p->cert.p, p->cert.n);
}

static void
expect_hit(const char *name)
{
	assert_int_equal(next_note(client), CHALLENGE_HIT);
	assert_int_equal(note.hit.kind, CHALLENGE_TLS);
	assert_string_equal(note.hit.key, name);
	assert_string_equal(note.hit.addr, "127.0.0.1");
}

static void
answers(void **state)
{
	static const int	versions[] = {
		TLS1_2_VERSION, TLS1_3_VERSION, 0
	};
	struct shake		h = { .sni = NAME, .alpn = ACME };
	size_t			i;

	(void)state;
	put_pair(NAME, &ec);
	put_pair("b.example", &other);
	put_pair("rsa.example", &rsa);
	for (i = 0; i < 6; i++) {
		h.sni = i % 2 == 0 ? NAME : "WWW.eXample.com";
		h.version = versions[i % 3];
		shake(&h);
		expect_cert(&h, &ec);
		assert_int_equal(h.got_version, versions[i % 3] != 0 ?
		    versions[i % 3] : TLS1_3_VERSION);
		expect_hit(NAME);
	}
	h.sni = "b.example";
	shake(&h);
	expect_cert(&h, &other);
	expect_hit("b.example");
	for (i = 0; i < 2; i++) {
		h.sni = "rsa.example";
		h.version = versions[i];
		h.sigalg_rsa = 1;
		shake(&h);
		expect_cert(&h, &rsa);
		expect_hit("rsa.example");
	}
	buf_free(&h.cert);
}

struct row {
	struct shake	h;
	int		alert;
};

static void
refusals(void **state)
{
	static const struct row	rows[] = {
		/* Another protocol, ours among others, none. */
		{ { .sni = NAME, .alpn = "\x02h2" }, 120 },
		{ { .sni = NAME, .alpn = ACME "\x02h2" }, 120 },
		{ { .sni = NAME, .alpn = "\x02h2" ACME }, 120 },
		{ { .sni = NAME, .alpn = ACME ACME }, 120 },
		{ { .sni = NAME, .alpn = "\x0a" "acme-tls/2" }, 120 },
		{ { .sni = NAME, .alpn = "\x0b" "acme-tls/1x" }, 120 },
		{ { .sni = NAME, .alpn = "\x09" "acme-tls/" }, 120 },
		{ { .sni = NAME }, 120 },
		{ { .sni = NAME, .version = TLS1_2_VERSION }, 120 },
		/* Another name, none. */
		{ { .sni = "example.com", .alpn = ACME }, 112 },
		{ { .sni = "x." NAME, .alpn = ACME }, 112 },
		{ { .sni = NAME ".", .alpn = ACME }, 112 },
		{ { .sni = "a b", .alpn = ACME }, 112 },
		{ { .sni = "..", .alpn = ACME }, 112 },
		{ { .alpn = ACME, .version = TLS1_3_VERSION }, 112 },
		{ { .alpn = ACME, .version = TLS1_2_VERSION }, 112 },
		/* Another version: nothing before TLS 1.2. */
		{ { .sni = NAME, .alpn = ACME, .version = TLS1_1_VERSION },
		    70 },
		/* An algorithm that the key cannot. */
		{ { .sni = NAME, .alpn = ACME, .sigalg_rsa = 1 }, 40 },
	};
	struct shake		h;
	size_t			i;

	(void)state;
	put_pair(NAME, &ec);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		h = rows[i].h;
		shake(&h);
		if (h.ok || h.alert != rows[i].alert)
			fail_msg("row %zu: ok %d, alert %d, not %d", i, h.ok,
			    h.alert, rows[i].alert);
	}
	/* Nobody was given anything. */
	assert_int_equal(note_within(client, 0), 0);
	/* The token of http-01 is no name here, nor the other way round. */
	put_http(client, "www", "www.x", 600);
	h = (struct shake){ .sni = "www", .alpn = ACME };
	shake(&h);
	assert_int_equal(h.alert, 112);
	buf_free(&h.cert);
}

static void
drops(void **state)
{
	struct shake	h = { .sni = NAME, .alpn = ACME };
	int64_t		end = clk_mono() + WAIT_MS * 1000LL;

	(void)state;
	put_pair(NAME, &ec);
	shake(&h);
	expect_cert(&h, &ec);
	/* Replaced, */
	put_pair(NAME, &other);
	shake(&h);
	expect_cert(&h, &other);
	/* dropped, */
	challenge_client_drop(client, CHALLENGE_TLS, NAME);
	put_pair("b.example", &other);
	shake(&h);
	assert_int_equal(h.alert, 112);
	/* all dropped, */
	put_pair(NAME, &ec);
	challenge_client_drop_all(client);
	put_http(client, "a", "a.b", 600);
	shake(&h);
	assert_int_equal(h.alert, 112);
	/* ended by itself. */
	put_tls(NAME, buf_bytes(&ec.cert), buf_bytes(&ec.key), 1);
	assert_int_equal(note.placed.ok, 1);
	do {
		assert_true(clk_mono() < end);
		(void)poll(NULL, 0, 50);
		shake(&h);
	} while (h.ok);
	assert_int_equal(h.alert, 112);
	buf_free(&h.cert);
}

/* What cannot be used is said, and what was there stays. */
static void
bad_pairs(void **state)
{
	struct shake	h = { .sni = NAME, .alpn = ACME };
	struct span	cert = buf_bytes(&ec.cert), key = buf_bytes(&ec.key);
	struct span	cut;

	(void)state;
	put_pair(NAME, &ec);
	cut = cert;
	cut.n--;
	put_tls(NAME, cut, key, 600);
	assert_int_equal(note.placed.ok, 0);
	assert_non_null(strstr(note.placed.message, "certificate"));
	cut = key;
	cut.n--;
	put_tls(NAME, cert, cut, 600);
	assert_int_equal(note.placed.ok, 0);
	assert_non_null(strstr(note.placed.message, "PKCS #8"));
	put_tls(NAME, cert, SPAN_STR("junk"), 600);
	assert_int_equal(note.placed.ok, 0);
	/* The key of another one. */
	put_tls(NAME, buf_bytes(&rsa.cert), key, 600);
	assert_int_equal(note.placed.ok, 0);
	put_tls(NAME, buf_bytes(&other.cert), key, 600);
	assert_int_equal(note.placed.ok, 0);
	assert_non_null(strstr(note.placed.message, "cannot be used"));
	shake(&h);
	expect_cert(&h, &ec);
	buf_free(&h.cert);
}

/* --- wrong clients --- */

static void
garbage(void **state)
{
	static const char	*const	said[] = {
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05\x01",
		"\x80\x2e\x01", "\x15\x03\x01\x00\x02\x02\x28", "x",
	};
	struct shake			h = { .sni = NAME, .alpn = ACME };
	size_t				i;
	int				fds[5], fd;
	char				chunk[4096];

	(void)state;
	put_pair(NAME, &ec);
	for (i = 0; i < 5; i++) {
		fds[i] = dial(port);
		say(fds[i], said[i], strlen(said[i]));
	}
	/* Records that never end. */
	memset(chunk, 0, sizeof(chunk));
	memcpy(chunk, "\x16\x03\x01\x40\x00\x01\x01\x00\x00", 9);
	fd = dial(port);
	for (i = 0; send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0; i++)
		assert_true(i < 100000);
	(void)close(fd);
	shake(&h);
	expect_cert(&h, &ec);
	for (i = 0; i < 5; i++)
		(void)close(fds[i]);
	buf_free(&h.cert);
}

/* Many begin, and go on only when all have begun. */
#define CROWD	100

static void
crowd(void **state)
{
	static SSL	*s[CROWD];
	struct shake	 h = { .sni = NAME, .alpn = ACME };
	struct pollfd	 p;
	int64_t		 end = clk_mono() + WAIT_MS * 1000LL;
	int		 fds[CROWD], i, r, want;

	(void)state;
	put_pair(NAME, &ec);
	for (i = 0; i < CROWD; i++)
		fds[i] = dial(port);
	shake(&h);
	expect_cert(&h, &ec);
	for (i = 0; i < CROWD; i++) {
		s[i] = SSL_new(ctx);
		(void)SSL_set_tlsext_host_name(s[i], NAME);
		(void)SSL_set_alpn_protos(s[i], (const unsigned char *)ACME,
		    11);
		(void)SSL_set_fd(s[i], fds[i]);
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
		(void)SSL_connect(s[i]);
	}
	for (i = 0; i < CROWD; i++) {
		while ((r = SSL_connect(s[i])) != 1) {
			want = SSL_get_error(s[i], r);
			assert_int_equal(want, SSL_ERROR_WANT_READ);
			assert_true(clk_mono() < end);
			p.fd = fds[i];
			p.events = POLLIN;
			(void)poll(&p, 1, 100);
		}
		SSL_free(s[i]);
		(void)close(fds[i]);
	}
	buf_free(&h.cert);
}

/* --- openssl s_client --- */

/* What it says, in ${out}; its exit status, -1 when a signal ended it. */
static int
s_client(const char *name, const char *alpn, const char *version,
    struct buf *out)
{
	char	at[32];
	int	fds[2], status = 0, null;
	ssize_t	n;
	pid_t	pid;

	(void)snprintf(at, sizeof(at), "127.0.0.1:%d", port);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		null = open("/dev/null", O_RDONLY);
		if (dup2(null, 0) == -1 || dup2(fds[1], 1) == -1 ||
		    dup2(fds[1], 2) == -1)
			_exit(126);
		(void)close(fds[0]);
		(void)close(fds[1]);
		(void)execlp("openssl", "openssl", "s_client", "-connect",
		    at, "-servername", name, "-alpn", alpn, version,
		    "-showcerts", (char *)NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	buf_reset(out);
	while ((n = read(fds[0], buf_room(out, 4096), 4096)) > 0)
		out->n += (size_t)n;
	buf_str(out, "");
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
program(void **state)
{
	static const char *const	versions[] = { "-tls1_2", "-tls1_3" };
	struct buf			out = BUF_INIT;
	size_t				i;

	(void)state;
	put_pair(NAME, &ec);
	if (s_client(NAME, "acme-tls/1", "-tls1_3", &out) == 127) {
		print_message("SKIP 1 openssl is not installed\n");
		buf_free(&out);
		return;
	}
	for (i = 0; i < 2; i++) {
		(void)s_client(NAME, "acme-tls/1", versions[i], &out);
		if (strstr(buf_text(&out), "ALPN protocol: acme-tls/1") ==
		    NULL || strstr(buf_text(&out), "BEGIN CERTIFICATE") ==
		    NULL)
			fail_msg("%s", buf_text(&out));
		assert_int_not_equal(s_client(NAME, "http/1.1", versions[i],
		    &out), 0);
		assert_non_null(strstr(buf_text(&out),
		    "no application protocol"));
		assert_int_not_equal(s_client("x.example", "acme-tls/1",
		    versions[i], &out), 0);
		assert_non_null(strstr(buf_text(&out), "unrecognized name"));
	}
	buf_free(&out);
}

int
main(int argc, char **argv)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, begin, finish)
	const struct CMUnitTest	tests[] = {
		T(answers), T(refusals), T(drops), T(bad_pairs), T(garbage),
		T(crowd), T(program),
	};
	int	r = challenge_role(argc, argv);

	return r != -1 ? r : cmocka_run_group_tests(tests, begin_all,
	    finish_all);
}
