/*
 * The keys of ACME through the sign process, in its sandbox; test_sign_acme.c
 * has what is signed and what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "acme/csr.h"
#include "acme/pkey.h"
#include "auditor/proc.h"
#include "auditor/role/sign.h"
#include "auditor/role/sign_client.h"
#include "auditor/role/sign_client_acme.h"
#include "auditor/role/sign_pem.h"
#include "auditor/sandbox.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/sign_fixture.h"

#define HOSTS	"ca.example"
#define URL	"https://ca.example/acme/do"
#define KID	"https://ca.example/acme/acct/1"
#define NONCE	"oFvnlFP1wIhRlYS2jTaXbA"
#define MACKEY	"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUA"

static const uint8_t		authority[SIGN_AUTHORITY] = "authority";
static const struct span	mine = { authority, SIGN_AUTHORITY };

/* A process with what set-up says: 'p' a passphrase, 'o' an operator. */
static struct sign_client *
opened(const char *with)
{
	struct sign_setup	 x = { dir, NULL, at("live"), { NULL, 0 }, 0 };
	struct err		 e = ERR_INIT;
	struct sign_client	*c;

	(void)mkdir(x.deploy, 0755);
	if (strchr(with, 'p') != NULL)
		x.passphrase = "a passphrase";
	if (strchr(with, 'o') != NULL)
		x.authority = mine;
	if ((c = sign_client_open(&x, &e)) == NULL)
		fail_msg("%s", e.msg);
	return c;
}

static void
good(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->msg);
}

static void
test_account(void **state)
{
	struct sign_account	 one = SIGN_ACCOUNT_INIT;
	struct sign_account	 two = SIGN_ACCOUNT_INIT;
	struct sign_bind	 b = { "a1", HOSTS, URL, "HS256", "kid-1",
	    MACKEY };
	struct sign_ask		 ask = { ACME_ACCOUNT_NEW, 0, "a1", "", HOSTS,
	    URL, NONCE, "", { NULL, 0 }, { NULL, 0 } };
	struct sign_client	*c = opened("");
	struct err		 e = ERR_INIT;
	struct buf		 eab = BUF_INIT, p = BUF_INIT, out = BUF_INIT;

	(void)state;
	assert_int_equal(sign_client_account(c, "a1", NULL, &one, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	assert_int_equal(sign_client_account(c, "a1", "dsa", &one, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	good(sign_client_account(c, "a1", "p256", &one, &e), &e);
	assert_int_equal(one.have, SIGN_HAS_KEY);
	assert_int_equal(strlen(one.thumbprint[0]), 43);
	assert_string_equal(one.thumbprint[1], "");
	assert_non_null(strstr(buf_text(&one.jwk[0]), "\"crv\":\"P-256\""));
	good(sign_client_account(c, "a1", NULL, &two, &e), &e);
	assert_string_equal(one.thumbprint[0], two.thumbprint[0]);
	/* a binding, and the request that carries it */
	good(sign_client_bind(c, &b, &eab, &e), &e);
	buf_fmt(&p, "{\"externalAccountBinding\":%s}", buf_text(&eab));
	ask.payload = buf_bytes(&p);
	good(sign_client_ask(c, &ask, &out, &e), &e);
	assert_non_null(strstr(buf_text(&out), "\"signature\""));
	assert_null(strstr(buf_text(&out), "PRIVATE"));
	ask.hosts = "third.example";
	assert_int_equal(sign_client_ask(c, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	sign_account_free(&one);
	sign_account_free(&two);
	sign_client_free(c);
	buf_free(&eab);
	buf_free(&p);
	buf_free(&out);
}

/* From key to deployment, with a passphrase; another process reads it too. */
static void
test_certificate(void **state)
{
	static const char *const v[] = { "Example.com", "*.example.com",
	    "192.0.2.1" };
	static const struct sign_deploy d = { 0600, UINT32_MAX, UINT32_MAX };
	struct sign_client	*c = opened("p"), *other;
	struct err		 e = ERR_INIT;
	struct buf		 der = BUF_INIT, text = BUF_INIT;
	struct csr		 csr;
	uint8_t			 spki[32], is[32];
	EVP_PKEY		*key;
	int			 fd;

	(void)state;
	good(sign_client_cert(c, "c1", "rsa2048", spki, &e), &e);
	good(sign_client_csr(c, "c1", (struct sign_names){ v, 3 }, &der, &e),
	    &e);
	good(csr_read(buf_bytes(&der), &csr, &e), &e);
	assert_memory_equal(csr.spki_sha256, spki, 32);
	assert_int_equal(csr.names.n, 3);
	csr_free(&csr);
	assert_int_equal(sign_client_csr(c, "c1", (struct sign_names){ v, 0 },
	    &der, NULL), -1);
	/* on the disk it is encrypted, deployed it is not */
	slurp("keys/cert/c1.key", &text);
	assert_non_null(strstr(buf_text(&text), "ENCRYPTED"));
	mkdir(at("live/1"), 0755);
	fd = open(at("live/1"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	other = opened("p");
	good(sign_client_deploy(other, "c1", fd, &d, &e), &e);
	close(fd);
	assert_int_equal(mode_of("live/1/key.pem"), 0600);
	slurp("live/1/key.pem", &text);
	key = sign_pem_read(buf_bytes(&text), NULL, NULL, NULL);
	assert_int_equal(pkey_spki_sha256(key, is, NULL), 0);
	assert_memory_equal(spki, is, 32);
	EVP_PKEY_free(key);
	good(sign_client_drop(c, "c1", &e), &e);
	assert_int_equal(sign_client_drop(other, "c1", &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	sign_client_free(c);
	sign_client_free(other);
	buf_free(&der);
	pkey_wipe(&text);
}

/* An open folder elsewhere does not help: the sandbox looks where it lies. */
static void
test_elsewhere(void **state)
{
	static const struct sign_deploy d = { 0600, UINT32_MAX, UINT32_MAX };
	struct sandbox_report	 r;
	struct sign_client	*c = opened("");
	struct err		 e = ERR_INIT;
	uint8_t			 spki[32];
	int			 fd;

	(void)state;
	good(sign_client_cert(c, "c1", "p256", spki, &e), &e);
	mkdir(at("other"), 0755);
	fd = open(at("other"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sandbox_probe(&r);
	if (r.landlock > 0) {
		assert_int_equal(sign_client_deploy(c, "c1", fd, &d, &e), -1);
		assert_int_equal(e.code, ERR_PERM);
		assert_int_equal(mode_of("other/key.pem"), 0);
	} else
		print_message("SKIP 1 no landlock\n");
	close(fd);
	/* no descriptor, and none of a folder */
	assert_int_equal(sign_client_deploy(c, "c1", -1, &d, NULL), -1);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sign_client_deploy(c, "c1", fd, &d, NULL), -1);
	close(fd);
	good(sign_client_cert(c, "c1", "p256", spki, &e), &e);
	sign_client_free(c);
}

static void
test_import(void **state)
{
	struct sign_client	*c = opened("p");
	struct err		 e = ERR_INIT;
	struct buf		 text = BUF_INIT;
	uint8_t			 spki[32], want[32];
	EVP_PKEY		*key = pkey_make(PKEY_P384, NULL);
	int			 fd;

	(void)state;
	assert_int_equal(sign_pem_write(key, NULL, &text, NULL), 0);
	spit("own.pem", text.p, text.n);
	assert_int_equal(pkey_spki_sha256(key, want, NULL), 0);
	EVP_PKEY_free(key);
	/* from where the process itself could not read it */
	fd = open(at("own.pem"), O_RDONLY | O_CLOEXEC);
	good(sign_client_import(c, "own", fd, spki, &e), &e);
	assert_memory_equal(spki, want, 32);
	assert_int_equal(sign_client_import(c, "own", fd, spki, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	close(fd);
	sign_client_free(c);
	pkey_wipe(&text);
}

static void
test_rollover(void **state)
{
	struct sign_roll	 roll = { "a1", "p384", HOSTS, URL, KID,
	    mine };
	struct sign_ask		 ask = { ACME_KEY_CHANGE, 0, "a1", "", HOSTS,
	    URL, NONCE, KID, { NULL, 0 }, mine };
	struct sign_account	 was = SIGN_ACCOUNT_INIT;
	struct sign_account	 now = SIGN_ACCOUNT_INIT;
	struct sign_client	*daemon = opened(""), *command = opened("o");
	struct err		 e = ERR_INIT;
	struct buf		 inner = BUF_INIT, out = BUF_INIT;

	(void)state;
	good(sign_client_account(daemon, "a1", "p256", &was, &e), &e);
	sign_account_free(&was);
	/* the daemon's process does nothing of it, whatever it is given */
	assert_int_equal(sign_client_roll(daemon, &roll, &inner, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	err_clear(&e);
	good(sign_client_roll(command, &roll, &inner, &e), &e);
	ask.payload = buf_bytes(&inner);
	assert_int_equal(sign_client_ask(daemon, &ask, &out, NULL), -1);
	assert_int_equal(sign_client_rolled(daemon, "a1", 1, mine, NULL), -1);
	good(sign_client_ask(command, &ask, &out, &e), &e);
	/* both are there for all, until it is committed */
	good(sign_client_account(daemon, "a1", NULL, &was, &e), &e);
	assert_int_equal(was.have, SIGN_HAS_KEY | SIGN_HAS_NEXT);
	good(sign_client_rolled(command, "a1", 1, mine, &e), &e);
	good(sign_client_account(daemon, "a1", NULL, &now, &e), &e);
	assert_int_equal(now.have, SIGN_HAS_KEY);
	assert_string_equal(now.thumbprint[0], was.thumbprint[1]);
	sign_account_free(&was);
	sign_account_free(&now);
	sign_client_free(daemon);
	sign_client_free(command);
	buf_free(&inner);
	buf_free(&out);
}

/* What cannot be opened is said; without keys there are none. */
static void
test_setup(void **state)
{
	struct sign_setup	 x = { dir, NULL, NULL, { NULL, 0 }, 0 };
	struct sign_client	*c;
	struct err		 e = ERR_INIT;
	uint8_t			 spki[32];

	(void)state;
	/* the reason is said once */
	assert_null(sign_client_new("/dev/null/state", &e));
	assert_non_null(strstr(e.msg, "Not a directory"));
	assert_null(strstr(strstr(e.msg, "Not a directory") + 1,
	    "Not a directory"));
	err_clear(&e);
	c = sign_client_new(dir, &e);
	assert_non_null(c);
	assert_int_equal(sign_client_cert(c, "c1", "p256", spki, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(mode_of("keys"), 0);
	sign_client_free(c);
	mkdir(at("keys"), 0755);
	err_clear(&e);
	assert_null(sign_client_open(&x, &e));
	assert_int_equal(e.code, ERR_PERM);
	chmod(at("keys"), 0700);
	x.deploy = "/nonexistent/live";
	err_clear(&e);
	assert_null(sign_client_open(&x, &e));
	assert_non_null(strstr(e.msg, "/nonexistent/live"));
	/* a passphrase, then another one */
	x.deploy = NULL;
	x.passphrase = "one";
	err_clear(&e);
	good((c = sign_client_open(&x, &e)) == NULL, &e);
	good(sign_client_cert(c, "c1", "p256", spki, &e), &e);
	sign_client_free(c);
	x.passphrase = "two";
	assert_null(sign_client_open(&x, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "than that of acme.key_passphrase_"));
	x.passphrase = "one";
	err_clear(&e);
	good((c = sign_client_open(&x, &e)) == NULL, &e);
	/* killed: an error, not a wait */
	proc_kill(sign_client_proc(c), NULL, 0);
	err_clear(&e);
	assert_int_equal(sign_client_cert(c, "c1", "p256", spki, &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	sign_client_free(c);
}

/* Requests that are cut off at any byte, and with one more. */
static void
test_cut(void **state)
{
	struct sign_setup	 x = { dir, NULL, NULL, { NULL, 0 }, 0 };
	struct buf		 b = BUF_INIT, answer = BUF_INIT;
	struct sign		*s = sign_new(dir, NULL);
	unsigned		 type;
	size_t			 i;

	(void)state;
	assert_int_equal(sign_open_keys(s, &x, NULL), 0);
	for (i = 0; i < 12; i++)	/* more of it than any request has */
		buf_vec32(&b, "a1", 2);
	for (type = SIGN_ACCOUNT_NEW; type <= SIGN_CERT_DROP + 1; type++) {
		if (type == SIGN_CERT_CSR)	/* takes any number of names */
			continue;
		for (i = 0; i < 6; i++) {
			buf_reset(&answer);
			sign_serve(&s, type, cur_of(b.p, i), -1, &answer);
			assert_int_equal(answer.p[0], ERR_FORMAT);
		}
		buf_reset(&answer);
		sign_serve(&s, type, cur_of(b.p, b.n), -1, &answer);
		assert_int_equal(answer.p[0], ERR_FORMAT);
	}
	buf_reset(&answer);
	sign_serve(&s, SIGN_CERT_CSR, cur_of(b.p, b.n - 1), -1, &answer);
	assert_int_equal(answer.p[0], ERR_FORMAT);
	sign_free(s);
	buf_free(&b);
	buf_free(&answer);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_account), T(test_certificate), T(test_elsewhere),
		T(test_import), T(test_rollover), T(test_setup), T(test_cut),
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return sign_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
