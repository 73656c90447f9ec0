/* The passphrase of all keys of a store: when it is opened by who uses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "acme/pkey.h"
#include "auditor/role/sign_pem.h"
#include "auditor/role/sign_store.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/sign_fixture.h"

#define PASS	"correct horse battery staple"
#define KEYS	5

static struct err	e;

static struct sign_store *
opened(const char *passphrase)
{
	struct sign_store	*s = sign_store_open(dir, passphrase, &e);

	if (s == NULL)
		fail_msg("%s", e.msg);
	return s;
}

static struct sign_name
name_of(int i, char id[16])
{
	(void)snprintf(id, 16, "k%d", i);
	return (struct sign_name){ i == 0 ? SIGN_ACCOUNT : SIGN_CERT, id, 0 };
}

/* A store with plain keys; what they are. */
static void
plain(uint8_t spki[KEYS][32])
{
	struct sign_store	*s = opened(NULL);
	EVP_PKEY		*key;
	char			 id[16];
	int			 i;

	for (i = 0; i < KEYS; i++) {
		assert_int_equal(sign_store_make(s, name_of(i, id), "p256",
		    &key, &e), 0);
		assert_int_equal(pkey_spki_sha256(key, spki[i], NULL), 0);
		EVP_PKEY_free(key);
	}
	sign_store_free(s);
}

/* All of them are there and the same; how many are encrypted. */
static int
same(const char *passphrase, uint8_t spki[KEYS][32])
{
	struct sign_store	*s = opened(passphrase);
	struct buf		 text = BUF_INIT;
	EVP_PKEY		*key;
	uint8_t			 is[32];
	char			 id[16], path[48];
	int			 i, n = 0;

	for (i = 0; i < KEYS; i++) {
		(void)name_of(i, id);
		(void)snprintf(path, sizeof(path), "keys/%s/%s.key",
		    i == 0 ? "account" : "cert", id);
		slurp(path, &text);
		assert_int_equal(mode_of(path), 0600);
		n += strstr(buf_text(&text), "BEGIN ENCRYPTED") != NULL;
		key = sign_store_get(s, name_of(i, id), &e);
		if (key == NULL)
			fail_msg("%s", e.msg);
		assert_int_equal(pkey_spki_sha256(key, is, NULL), 0);
		assert_memory_equal(is, spki[i], 32);
		EVP_PKEY_free(key);
	}
	pkey_wipe(&text);
	sign_store_free(s);
	return n;
}

static int
settle(const char *passphrase)
{
	struct sign_store	*s = opened(passphrase);
	int			 rc;

	err_clear(&e);
	rc = sign_store_settle(s, &e);
	sign_store_free(s);
	return rc;
}

static void
test_settle(void **state)
{
	uint8_t	spki[KEYS][32];

	(void)state;
	/* nothing there, and nothing to do */
	assert_int_equal(settle(NULL), 0);
	assert_int_equal(settle(PASS), 0);
	plain(spki);
	assert_int_equal(settle(NULL), 0);
	assert_int_equal(same(NULL, spki), 0);
	assert_int_equal(settle(PASS), 0);
	assert_int_equal(same(PASS, spki), KEYS);
	assert_int_equal(settle(PASS), 0);
	/* another one, and none: nothing is changed */
	assert_int_equal(settle("another"), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "keys/account/k0.key: the key is "
	    "encrypted with another passphrase than that of "
	    "acme.key_passphrase_file"));
	assert_int_equal(settle(NULL), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "write acme.key_passphrase_file"));
	assert_int_equal(same(PASS, spki), KEYS);
}

/* Only the right passphrase makes a plain one encrypted. */
static void
test_mixed(void **state)
{
	struct sign_name	 k = { SIGN_CERT, "k9", 0 };
	struct buf		 text = BUF_INIT;
	struct sign_store	*s;
	EVP_PKEY		*key;

	(void)state;
	s = opened(PASS);
	assert_int_equal(sign_store_make(s, k, "p256", &key, &e), 0);
	EVP_PKEY_free(key);
	sign_store_free(s);
	s = opened(NULL);
	k.id = "k1";
	assert_int_equal(sign_store_make(s, k, "p256", &key, &e), 0);
	EVP_PKEY_free(key);
	sign_store_free(s);
	assert_int_equal(settle("another"), -1);
	slurp("keys/cert/k1.key", &text);
	assert_non_null(strstr(buf_text(&text), "BEGIN PRIVATE KEY"));
	/* what is no key stays, and stops nothing */
	spit("keys/cert/odd.key", "no key", 6);
	assert_int_equal(settle(PASS), 0);
	slurp("keys/cert/k1.key", &text);
	assert_non_null(strstr(buf_text(&text), "BEGIN ENCRYPTED"));
	slurp("keys/cert/odd.key", &text);
	assert_string_equal(buf_text(&text), "no key");
	pkey_wipe(&text);
}

/* Killed at some moment of it: no key is lost, and the next time ends it. */
static void
test_killed(void **state)
{
	uint8_t	spki[KEYS][32];
	int	n, us;
	pid_t	pid;

	(void)state;
	plain(spki);
	/* each key takes some 50 ms: the moments fall into all of them */
	for (us = 1000; us < 400000; us = us * 3 / 2 + 7000) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(settle(PASS) == 0 ? 0 : 1);
		(void)usleep((useconds_t)us);
		(void)kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	n = settle(PASS);
	assert_int_equal(n, 0);
	assert_int_equal(same(PASS, spki), KEYS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_settle), T(test_mixed), T(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
