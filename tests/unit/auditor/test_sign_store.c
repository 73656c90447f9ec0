/* takes: 7 */
#include "tests/unit/auditor/sign_store_fixture.h"

static void
test_make(void **state)
{
	static const char *const	kinds[] = { "p256", "p384", "rsa2048",
	    "rsa3072" };
	struct err			e = ERR_INIT;
	struct sign_store		*s = opened(NULL), *again;
	struct sign_name		k = cert;
	EVP_PKEY			*key;
	uint8_t				a[32], b[32];
	size_t				i;

	(void)state;
	assert_int_equal(mode_of("keys"), 0700);
	assert_int_equal(mode_of("keys/account"), 0700);
	assert_int_equal(mode_of("keys/cert"), 0700);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		k.id = kinds[i];
		made(s, k, kinds[i], a);
		/* the same again, from memory and from the file */
		made(s, k, kinds[i], b);
		assert_memory_equal(a, b, 32);
		again = opened(NULL);
		public_of(again, k, b);
		assert_memory_equal(a, b, 32);
		key = sign_store_get(again, k, &e);
		assert_string_equal(pkey_name(sign_pem_kind(key)), kinds[i]);
		EVP_PKEY_free(key);
		sign_store_free(again);
	}
	assert_int_equal(mode_of("keys/cert/p256.key"), 0600);
	assert_int_equal(files_in("keys/cert"), 4);
	/* there, but of another kind; no kind at all */
	k.id = "p256";
	assert_int_equal(sign_store_make(s, k, "p384", &key, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	err_clear(&e);
	assert_int_equal(sign_store_make(s, k, "ed25519", &key, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	k.id = "none";
	assert_null(sign_store_get(s, k, &e));
	assert_int_equal(e.code, ERR_NOENT);
	sign_store_free(s);
	assert_null(sign_store_open("/nonexistent/state", NULL, NULL));
}

static void
test_names(void **state)
{
	static const struct {
		const char	*id;
		int		 good;
	} ids[] = {
		{ "a", 1 }, { "0b0c7a1e-2f44", 1 }, { "a--", 1 },
		{ "0123456789012345678901234567890123456789"
		    "012345678901234567890123", 1 },		/* 64 */
		{ "0123456789012345678901234567890123456789"
		    "0123456789012345678901234", 0 },		/* 65 */
		{ "", 0 }, { "-a", 0 }, { "A", 0 }, { "a.key", 0 },
		{ ".", 0 }, { "..", 0 }, { "../cert/x", 0 }, { "a/b", 0 },
		{ "a b", 0 }, { "a\n", 0 }, { "\xc3\xa4", 0 },
	};
	struct sign_name	 k = { SIGN_CERT, NULL, 0 };
	struct sign_store	*s = opened(NULL);
	struct err		 e = ERR_INIT;
	EVP_PKEY		*key;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		k.id = ids[i].id;
		err_clear(&e);
		assert_int_equal(sign_store_make(s, k, "p256", &key, &e),
		    ids[i].good ? 0 : -1);
		if (!ids[i].good)
			assert_int_equal(e.code, ERR_USAGE);
		EVP_PKEY_free(key);
	}
	/* only accounts are rolled over */
	k.id = "a";
	k.next = 1;
	assert_int_equal(sign_store_make(s, k, "p256", &key, NULL), -1);
	sign_store_free(s);
}

/* What others may read, or is no file of ours, is refused and stays. */
static void
test_refused(void **state)
{
	struct sign_store	*s = opened(NULL);
	struct err		 e = ERR_INIT;
	struct buf		 text = BUF_INIT, big = BUF_INIT;
	uint8_t			 spki[32], got[32];
	const char		*file = "keys/cert/c-1.key";
	EVP_PKEY		*key;

	(void)state;
	made(s, cert, "p256", spki);
	slurp(file, &text);
#define REFUSED(want) do {						\
	err_clear(&e);							\
	assert_null(sign_store_get(s, cert, &e));			\
	assert_int_equal(e.code, want);					\
} while (0)
	chmod(at(file), 0640);
	REFUSED(ERR_PERM);
	chmod(at(file), 0604);
	REFUSED(ERR_PERM);
	chmod(at(file), 0600);
	assert_int_equal(link(at(file), at("keys/cert/x.key")), 0);
	REFUSED(ERR_PERM);
	unlink(at(file));
	REFUSED(ERR_NOENT);
	assert_int_equal(symlink("x.key", at(file)), 0);
	REFUSED(ERR_PERM);
	/* nor is a key made over a link */
	assert_int_equal(sign_store_make(s, cert, "p256", &key, NULL), -1);
	unlink(at(file));
	assert_int_equal(mkfifo(at(file), 0600), 0);
	REFUSED(ERR_PERM);
	unlink(at(file));
	assert_int_equal(mkdir(at(file), 0700), 0);
	REFUSED(ERR_SYS);
	rmdir(at(file));
	spit(file, "", 0);
	REFUSED(ERR_CONF);
	spit(file, "nonsense", 8);
	REFUSED(ERR_CONF);
	/* the cap: at the limit, and one more */
	buf_span(&big, buf_bytes(&text));
	while (big.n < LIMIT_PKEY_PEM)
		buf_u8(&big, '\n');
	spit(file, big.p, big.n);
	made(s, cert, "p256", got);
	assert_memory_equal(got, spki, 32);
	buf_u8(&big, '\n');
	spit(file, big.p, big.n);
	REFUSED(ERR_SYS);
	if (geteuid() == 0) {
		spit(file, text.p, text.n);
		assert_int_equal(chown(at(file), 65534, (gid_t)-1), 0);
		REFUSED(ERR_PERM);
	} else
		print_message("SKIP 1 files of others need root\n");
#undef REFUSED
	sign_store_free(s);
	pkey_wipe(&text);
	buf_free(&big);
}

static void
test_folders(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
	sign_store_free(opened(NULL));
	chmod(at("keys/cert"), 0750);
	assert_null(sign_store_open(dir, NULL, &e));
	assert_int_equal(e.code, ERR_PERM);
	chmod(at("keys/cert"), 0700);
	chmod(at("keys"), 0701);
	err_clear(&e);
	assert_null(sign_store_open(dir, NULL, &e));
	assert_int_equal(e.code, ERR_PERM);
	chmod(at("keys"), 0700);
	rmdir(at("keys/cert"));
	assert_int_equal(symlink("account", at("keys/cert")), 0);
	err_clear(&e);
	assert_null(sign_store_open(dir, NULL, &e));
	assert_int_equal(e.code, ERR_SYS);
	unlink(at("keys/cert"));
	/* what a crash left is wiped; what is no key is not touched */
	sign_store_free(opened(NULL));
	spit("keys/cert/.c-1.key", "half", 4);
	spit("keys/cert/README", "text", 4);
	sign_store_free(opened(NULL));
	assert_int_equal(mode_of("keys/cert/.c-1.key"), 0);
	assert_int_equal(mode_of("keys/cert/README"), 0600);
}

static EVP_PKEY *
by_openssl(const struct buf *text, const char *passphrase)
{
	BIO		*bio = BIO_new_mem_buf(text->p, (int)text->n);
	EVP_PKEY	*key;

	key = PEM_read_bio_PrivateKey(bio, NULL, NULL,
	    (void *)(uintptr_t)passphrase);
	BIO_free(bio);
	return key;
}

static void
test_passphrase(void **state)
{
	struct sign_store	*s = opened(NULL);
	struct err		 e = ERR_INIT;
	struct buf		 text = BUF_INIT;
	uint8_t			 a[32], b[32];
	EVP_PKEY		*key;
	char			*longest;

	(void)state;
	/* plain, then with a passphrase: written anew when it is read */
	made(s, account, "p256", a);
	sign_store_free(s);
	slurp("keys/account/a1.key", &text);
	assert_non_null(strstr(buf_text(&text), "BEGIN PRIVATE KEY"));
	s = opened(PASS);
	public_of(s, account, b);
	assert_memory_equal(a, b, 32);
	slurp("keys/account/a1.key", &text);
	assert_non_null(strstr(buf_text(&text), "BEGIN ENCRYPTED PRIVATE"));
	assert_int_equal(mode_of("keys/account/a1.key"), 0600);
	assert_int_equal(files_in("keys/account"), 1);
	/* what is made now is encrypted from the start; others can read it */
	made(s, cert, "rsa2048", a);
	sign_store_free(s);
	slurp("keys/cert/c-1.key", &text);
	assert_non_null(strstr(buf_text(&text), "BEGIN ENCRYPTED PRIVATE"));
	key = by_openssl(&text, PASS);
	assert_non_null(key);
	assert_int_equal(pkey_spki_sha256(key, b, NULL), 0);
	assert_memory_equal(a, b, 32);
	EVP_PKEY_free(key);
	assert_null(by_openssl(&text, "another"));
	/* another one, and none */
	s = opened("another");
	assert_null(sign_store_get(s, cert, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "another passphrase"));
	sign_store_free(s);
	err_clear(&e);
	s = opened(NULL);
	assert_null(sign_store_get(s, cert, &e));
	assert_non_null(strstr(e.msg, "no passphrase is configured"));
	sign_store_free(s);
	/* the longest, one more, and an empty one */
	longest = mem_zero(LIMIT_SIGN_PASSPHRASE + 2);
	memset(longest, 'x', LIMIT_SIGN_PASSPHRASE);
	s = opened(longest);
	made(s, next, "p256", a);
	sign_store_free(s);
	s = opened(longest);
	public_of(s, next, b);
	assert_memory_equal(a, b, 32);
	sign_store_free(s);
	longest[LIMIT_SIGN_PASSPHRASE] = 'x';
	err_clear(&e);
	assert_null(sign_store_open(dir, longest, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_null(sign_store_open(dir, "", NULL));
	free(longest);
	buf_free(&text);
}

static void
test_rollover(void **state)
{
	struct sign_store	*s = opened(NULL), *other = opened(NULL);
	struct err		 e = ERR_INIT;
	uint8_t			 old[32], new[32], got[32];
	EVP_PKEY		*key;

	(void)state;
	assert_int_equal(sign_store_have(s, "a1"), 0);
	assert_int_equal(sign_store_have(s, "../a1"), 0);
	made(s, account, "p256", old);
	assert_int_equal(sign_store_have(s, "a1"), SIGN_HAS_KEY);
	assert_int_equal(sign_store_commit(s, "a1", &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	public_of(s, account, got);
	assert_memory_equal(got, old, 32);
	made(s, next, "p384", new);
	assert_int_equal(sign_store_have(s, "a1"), SIGN_HAS_KEY |
	    SIGN_HAS_NEXT);
	/* both are known to be an account's, and a certificate's is not */
	made(s, cert, "p256", got);
	key = sign_store_get(s, next, NULL);
	assert_int_equal(sign_store_is_account(s, key, NULL), 1);
	EVP_PKEY_free(key);
	key = sign_store_get(s, cert, NULL);
	assert_int_equal(sign_store_is_account(s, key, NULL), 0);
	EVP_PKEY_free(key);
	/* a process that has read the old one sees the change */
	public_of(other, account, got);
	assert_memory_equal(got, old, 32);
	assert_int_equal(sign_store_commit(s, "a1", &e), 0);
	assert_int_equal(sign_store_have(s, "a1"), SIGN_HAS_KEY);
	public_of(other, account, got);
	assert_memory_equal(got, new, 32);
	public_of(s, account, got);
	assert_memory_equal(got, new, 32);
	/* one that the CA does not know goes; the account's own never */
	made(s, next, "p256", got);
	assert_int_equal(sign_store_drop(s, next, &e), 0);
	assert_int_equal(sign_store_have(s, "a1"), SIGN_HAS_KEY);
	err_clear(&e);
	assert_int_equal(sign_store_drop(s, account, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	assert_int_equal(sign_store_drop(s, cert, NULL), 0);
	err_clear(&e);
	assert_int_equal(sign_store_drop(s, cert, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	assert_int_equal(files_in("keys/cert"), 0);
	sign_store_free(s);
	sign_store_free(other);
}

/* What is dropped is overwritten before its name is lost. */
static void
test_wiped(void **state)
{
	struct sign_store	*s = opened(NULL);
	uint8_t			 spki[32];
	char			 part[4096];
	ssize_t			 i, n;
	int			 fd;

	(void)state;
	made(s, cert, "rsa2048", spki);
	fd = open(at("keys/cert/c-1.key"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(sign_store_drop(s, cert, NULL), 0);
	n = pread(fd, part, sizeof(part), 0);
	assert_true(n > 1000);
	for (i = 0; i < n; i++)
		assert_int_equal(part[i], 0);
	close(fd);
	sign_store_free(s);
}

/* More keys than are kept in memory: all can still be had. */
static void
test_many(void **state)
{
	struct sign_store	*s = opened(NULL);
	struct sign_name	 k = cert;
	uint8_t			 first[32], got[32];
	char			 id[16];
	unsigned		 i;

	(void)state;
	k.id = id;
	for (i = 0; i <= LIMIT_SIGN_KEYS; i++) {
		(void)snprintf(id, sizeof(id), "k%u", i);
		made(s, k, "p256", i == 0 ? first : got);
	}
	public_of(s, k, first);
	assert_memory_equal(first, got, 32);
	for (i = 0; i <= LIMIT_SIGN_KEYS; i++) {
		(void)snprintf(id, sizeof(id), "k%u", i);
		public_of(s, k, got);
		assert_int_not_equal(got[0] | got[1] | got[2], 0);
	}
	sign_store_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_make),
		T(test_names),
		T(test_refused),
		T(test_folders),
		T(test_passphrase),
		T(test_rollover),
		T(test_wiped),
		T(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
