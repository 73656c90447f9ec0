/* Keys that are deployed, imported, and where they are. */
#include "tests/unit/auditor/sign_acme_fixture.h"

static void
test_deploy(void **state)
{
	static const struct sign_deploy	plain = { 0600, UINT32_MAX,
	    UINT32_MAX };
	static const uint32_t		modes[] = { 0, 0200, 0604, 0660,
	    0700, 04600, 0620 };
	struct sign_deploy		d = plain;
	struct err			e = ERR_INIT;
	struct buf			text = BUF_INIT;
	EVP_PKEY			*key, *want;
	int				fd;
	size_t				i;

	(void)state;
	mkdir(at("live"), 0750);
	fd = open(at("live"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(sign_acme_deploy(a, "none", fd, &d, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		d.mode = modes[i];
		err_clear(&e);
		assert_int_equal(sign_acme_deploy(a, "c1", fd, &d, &e), -1);
		assert_int_equal(e.code, ERR_USAGE);
	}
	d.mode = 0640;
	d.gid = (uint32_t)getegid();
	assert_int_equal(mode_of("live/key.pem"), 0);
	assert_int_equal(sign_acme_deploy(a, "c1", fd, &d, NULL), 0);
	assert_int_equal(mode_of("live/key.pem"), 0640);
	slurp("live/key.pem", &text);
	key = sign_pem_read(buf_bytes(&text), NULL, NULL, NULL);
	want = key_of(SIGN_CERT, "c1", 0);
	assert_int_equal(EVP_PKEY_eq(key, want), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(want);
	mem_wipe(text.p, text.cap);
	/* never over what is there, not even through a link */
	err_clear(&e);
	assert_int_equal(sign_acme_deploy(a, "c2", fd, &d, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	unlink(at("live/key.pem"));
	assert_int_equal(symlink("../leak", at("live/key.pem")), 0);
	assert_int_equal(sign_acme_deploy(a, "c2", fd, &plain, NULL), -1);
	assert_int_equal(mode_of("leak"), 0);
	unlink(at("live/key.pem"));
	/* no folder, none that all may write to, no descriptor */
	chmod(at("live"), 0777);
	err_clear(&e);
	assert_int_equal(sign_acme_deploy(a, "c1", fd, &plain, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	close(fd);
	assert_int_equal(sign_acme_deploy(a, "c1", -1, &plain, NULL), -1);
	spit("file", "", 0);
	fd = open(at("file"), O_RDWR | O_CLOEXEC);
	assert_int_equal(sign_acme_deploy(a, "c1", fd, &plain, NULL), -1);
	close(fd);
	assert_int_equal(mode_of("live/key.pem"), 0);
	buf_free(&text);
}

/* Import ${file} as ${id}: the code. */
static enum err_code
imported(const char *file, const char *id, uint8_t spki[32])
{
	struct err	e = ERR_INIT;
	int		fd = open(at(file), O_RDONLY | O_CLOEXEC), rc;

	rc = sign_acme_import(a, id, fd, spki, &e);
	assert_int_equal(rc, e.code == ERR_NONE ? 0 : -1);
	close(fd);
	return e.code;
}

static void
test_import(void **state)
{
	struct buf	text = BUF_INIT;
	uint8_t		spki[32], want[32];
	EVP_PKEY	*key;
	int		fds[2];

	(void)state;
	key = pkey_make(PKEY_P256, NULL);
	assert_int_equal(sign_pem_write(key, NULL, &text, NULL), 0);
	spit("own.pem", text.p, text.n);
	assert_int_equal(imported("own.pem", "own", spki), ERR_NONE);
	assert_int_equal(pkey_spki_sha256(key, want, NULL), 0);
	assert_memory_equal(spki, want, 32);
	assert_int_equal(mode_of("keys/cert/own.key"), 0600);
	EVP_PKEY_free(key);
	/* a name that is taken, an account's key, none, another kind */
	assert_int_equal(imported("own.pem", "c1", spki), ERR_USAGE);
	assert_int_equal(imported("own.pem", "../x", spki), ERR_USAGE);
	assert_int_equal(imported("keys/account/a1.key", "own2", spki),
	    ERR_VERIFY);
	spit("none.pem", "nonsense", 8);
	assert_int_equal(imported("none.pem", "own2", spki), ERR_CONF);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	buf_reset(&text);
	assert_int_equal(sign_pem_write(key, NULL, &text, NULL), 0);
	spit("ed.pem", text.p, text.n);
	assert_int_equal(imported("ed.pem", "own2", spki), ERR_CONF);
	EVP_PKEY_free(key);
	assert_int_equal(imported("missing.pem", "own2", spki), ERR_PERM);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(sign_acme_import(a, "own2", fds[0], spki, NULL), -1);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(mode_of("keys/cert/own2.key"), 0);
	assert_int_equal(sign_acme_drop(a, "own", NULL), 0);
	assert_int_equal(mode_of("keys/cert/own.key"), 0);
	pkey_wipe(&text);
}

static void
test_setup(void **state)
{
	struct sign_setup	x = { dir, NULL, NULL, { authority, 31 }, 0 };
	struct err		e = ERR_INIT;

	(void)state;
	assert_null(sign_acme_new(&x, &e));
	assert_int_equal(e.code, ERR_USAGE);
	x.authority.n = 0;
	x.deploy = "/nonexistent/live";
	err_clear(&e);
	assert_null(sign_acme_new(&x, &e));
	assert_int_equal(e.code, ERR_SYS);
	assert_non_null(strstr(e.msg, "/nonexistent/live"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_deploy), T(test_import), T(test_setup)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
