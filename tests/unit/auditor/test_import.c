#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "auditor/cmd/known_import.h"
#include "auditor/import.h"
#include "auditor/import_key.h"
#include "base/limit.h"
#include "tests/unit/auditor/import_fixture.h"

static struct import		 m;
static struct material_set	 s;
static struct known_import	 k;

static int
begin(void **state)
{
	(void)state;
	empty_path(dir);
	memset(&m, 0, sizeof(m));
	memset(&s, 0, sizeof(s));
	memset(&k, 0, sizeof(k));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	import_free(&m);
	material_free(&s);
	return 0;
}

/* Read it, and what is in it. */
static void
take(const char *client)
{
	struct err	e = ERR_INIT;

	if (import_read(&m, client, dir, &e) == -1)
		fail_msg("%s", e.msg);
	if (known_from(&k, &m, &s, &e) == -1)
		fail_msg("%s", e.msg);
}

/* It is refused, and the sentence says so. */
static void
refuse(const char *client, const char *path, enum err_code code,
    const char *want)
{
	struct err	e = ERR_INIT;

	assert_int_equal(import_read(&m, client, path, &e), -1);
	import_free(&m);
	if (e.code != code || strstr(e.msg, want) == NULL)
		fail_msg("%d %s", e.code, e.msg);
}

/* How many of one sort there are: c certificates, r requests, n next, a CAs. */
static size_t
count(char what, const char *lineage)
{
	const struct material	*x;
	size_t			 i, n = 0;

	for (i = 0; i < s.n; i++) {
		x = &s.v[i];
		if (lineage != NULL && (x->lineage == NULL ||
		    strcmp(x->lineage, lineage) != 0))
			continue;
		n += what == (x->next ? 'n' : x->csr ? 'r' : x->ca ? 'a' :
		    'c');
	}
	return n;
}

/* Is that in the reasons of what was skipped; ${bad}: as a fault? */
static int
skipped(const char *path, const char *why, int bad)
{
	size_t	i;

	for (i = 0; i < m.nskips; i++)
		if (strcmp(m.skips[i].path, path) == 0)
			return strstr(m.skips[i].why, why) != NULL &&
			    m.skips[i].bad == bad;
	return 0;
}

/* --- the clients --- */

static void
certbot(void **state)
{
	(void)state;
	make_certbot();
	take("certbot");
	assert_int_equal(count('c', "a.example"), 2);
	assert_int_equal(count('c', NULL), 2);
	assert_int_equal(count('a', NULL), 1);
	/* An order without a certificate yet, and one that has its own. */
	assert_int_equal(count('r', NULL), 1);
	assert_int_equal(k.certified, 1);
	assert_int_equal(k.keys, 3);
	assert_int_equal(count('n', NULL), 0);
	assert_int_equal(m.naccounts, 1);
	assert_string_equal(m.accounts[0].url, "https://ca.example/acct/1");
	assert_int_equal(m.skipped, 0);
	assert_int_equal(m.bad, 0);
	/* The place says where it was found first, not where links are. */
	assert_non_null(strstr(s.v[0].place, "/archive/a.example/cert1.pem"));
}

/* Copies in live/, as some back-ups and images have them, without links. */
static void
certbot_copies(void **state)
{
	(void)state;
	put_made("live/c.example/cert.pem", 1, "DNS:c.example", 1, 0);
	put_made("live/c.example/fullchain.pem", 1, "DNS:c.example", 1, 1);
	take("certbot");
	assert_int_equal(count('c', "c.example"), 1);
	assert_int_equal(count('a', NULL), 1);
}

static void
lego(void **state)
{
	(void)state;
	put_made("certificates/_.w.example.crt", 1, "DNS:*.w.example", 1, 1);
	put_ca("certificates/_.w.example.issuer.crt");
	put_key("certificates/_.w.example.key", 1, NULL);
	put_text("certificates/_.w.example.json", "{\"domain\": \"x\"}");
	put_made("archives/old.example.crt", 2, "DNS:old.example", 2, 0);
	put_text("accounts/ca.example/o@w.example/account.json",
	    "{\"email\": \"o@w.example\", \"registration\": {\"body\": {},"
	    " \"uri\": \"https://ca.example/acct/2\"}}");
	take("lego");
	assert_int_equal(count('c', "*.w.example"), 1);
	assert_int_equal(count('c', "old.example"), 1);
	assert_int_equal(count('a', NULL), 1);
	assert_int_equal(k.keys, 1);
	assert_string_equal(m.accounts[0].url, "https://ca.example/acct/2");
	assert_int_equal(m.bad, 0);
}

static void
acmesh(void **state)
{
	uint8_t	hash[32];
	size_t	i;

	(void)state;
	put_text("account.conf", "LOG_FILE='x'\n");
	put_made("a.example_ecc/a.example.cer", 1, "DNS:a.example", 1, 0);
	put_made("a.example_ecc/fullchain.cer", 1, "DNS:a.example", 1, 1);
	put_ca("a.example_ecc/ca.cer");
	put_key("a.example_ecc/a.example.key", 1, NULL);
	put_key("a.example_ecc/a.example.key.next", 3, NULL);
	put_csr("a.example_ecc/a.example.csr", 1, "DNS:a.example");
	put_text("a.example_ecc/a.example.conf", "Le_Domain='a.example'\n");
	put_made("a.example_ecc/backup/cert.bak", 2, "DNS:a.example", 9, 0);
	put_key("a.example_ecc/backup/key.bak", 2, NULL);
	/* Before its first certificate. */
	put_key("b.example/b.example.key", 4, NULL);
	put_csr("b.example/b.example.csr", 4, "DNS:b.example");
	put_text("ca/ca.example/directory/ca.conf", "CA_KEY_HASH='x='\n"
	    "ACCOUNT_URL='https://ca.example/acct/3'\n");
	put_key("ca/ca.example/directory/account.key", 5, NULL);
	put_text("dnsapi/dns_x.sh", "#!/bin/sh\n");
	take("acme.sh");
	assert_int_equal(count('c', "a.example_ecc"), 2);
	assert_int_equal(count('r', "b.example"), 1);
	assert_int_equal(k.certified, 1);
	assert_string_equal(m.accounts[0].url, "https://ca.example/acct/3");
	assert_int_equal(m.bad, 0);
	/* The key that is made already is bound to the names. */
	assert_int_equal(count('n', "a.example_ecc"), 1);
	spki_hash(3, hash);
	for (i = 0; i < s.n && !s.v[i].next; i++)
		;
	assert_memory_equal(s.v[i].spki, hash, 32);
	assert_int_equal(s.v[i].nnames, 1);
	assert_string_equal(s.v[i].names[0], "a.example");
	assert_true(s.v[i].not_after == INT64_MIN);
	/* The account's own key is none of a certificate. */
	assert_int_equal(k.keys, 4);
}

/* With a --cert-home the lineages lie alone. */
static void
acmesh_home(void **state)
{
	(void)state;
	put_made("a.example/a.example.cer", 1, "DNS:a.example", 1, 0);
	put_text("a.example/a.example.conf", "Le_Domain='a.example'\n");
	take("acme.sh");
	assert_int_equal(count('c', "a.example"), 1);
	assert_int_equal(m.naccounts, 0);
}

static void
dehydrated(void **state)
{
	(void)state;
	put_made("certs/a.example/cert-17.pem", 1, "DNS:a.example", 1, 0);
	put_made("certs/a.example/fullchain-17.pem", 1, "DNS:a.example", 1,
	    1);
	put_ca("certs/a.example/chain-17.pem");
	put_csr("certs/a.example/cert-17.csr", 1, "DNS:a.example");
	put_key("certs/a.example/privkey-17.pem", 1, NULL);
	put_key("certs/a.example/privkey.roll.pem", 2, NULL);
	put_link("certs/a.example/cert.pem", "cert-17.pem");
	put_link("certs/a.example/privkey.pem", "privkey-17.pem");
	put_made("archive/a.example/cert-16.pem", 3, "DNS:a.example", 2, 0);
	put_text("accounts/aHR0/account_id.json",
	    "{\"url\":\"https://ca.example/acct/4\"}");
	put_key("accounts/aHR0/account_key.pem", 5, NULL);
	take("dehydrated");
	assert_int_equal(count('c', "a.example"), 2);
	assert_int_equal(count('n', "a.example"), 1);
	assert_int_equal(count('r', NULL), 0);
	assert_int_equal(k.keys, 2);
	assert_string_equal(m.accounts[0].url, "https://ca.example/acct/4");
	assert_int_equal(m.bad, 0);
}

static void
uacme(void **state)
{
	(void)state;
	put_key("private/key.pem", 5, NULL);
	put_key("private/a.example/key.pem", 1, NULL);
	put_made("a.example/cert.pem", 1, "DNS:a.example", 2, 1);
	put_made("a.example/cert-17.pem", 1, "DNS:a.example", 1, 1);
	put_made("a.example/revoked-16.pem", 2, "DNS:a.example", 3, 1);
	take("uacme");
	assert_int_equal(count('c', "a.example"), 3);
	assert_int_equal(k.keys, 1);
	assert_int_equal(m.naccounts, 0);
	assert_int_equal(m.bad, 0);
}

/* --- what it is not --- */

static void
others(void **state)
{
	char	*path;

	(void)state;
	put_text("hello", "world");
	refuse("certbot", dir, ERR_USAGE, "this is not a certbot directory: "
	    "no archive/ and no live/ under it");
	refuse("lego", dir, ERR_USAGE, "no certificates/ under it");
	refuse("acme.sh", dir, ERR_USAGE, "not an acme.sh directory");
	refuse("dehydrated", dir, ERR_USAGE, "no certs/ under it");
	refuse("uacme", dir, ERR_USAGE, "no private/ under it");
	refuse("caddy", dir, ERR_USAGE, "caddy is no client that is known "
	    "(certbot, lego, acme.sh, dehydrated, uacme)");
	put_text("certs/x/y", "z");
	refuse("certbot", dir, ERR_USAGE, "it looks like dehydrated's");
	path = mem_printf("%s/hello", dir);
	refuse("certbot", path, ERR_USAGE, "is no directory");
	free(path);
	path = mem_printf("%s/nothing", dir);
	refuse("certbot", path, ERR_NOENT, "there is no such file");
	free(path);
}

/* --- what is hostile --- */

/* Links are followed inside of the directory, and nowhere else. */
static void
links(void **state)
{
	char	*outside = mem_printf("%s/outside.pem", dir);
	char	*root = mem_printf("%s/le", dir);
	char	*inside = mem_printf("%s/le/archive/i/cert1.pem", dir);
	struct err e = ERR_INIT;
	size_t	i;

	(void)state;
	put_made("outside.pem", 1, "DNS:outside.example", 1, 0);
	put_made("there/cert1.pem", 1, "DNS:outside.example", 1, 0);
	put_text("there/d/regr.json", "{\"uri\": \"https://x.example/9\"}");
	put_made("le-sibling/cert1.pem", 1, "DNS:outside.example", 1, 0);
	put_made("le/archive/i/cert1.pem", 2, "DNS:inside.example", 2, 0);
	put_link("le/live/i/cert.pem", inside);		/* absolute */
	put_link("le/archive/e/cert1.pem", outside);
	put_link("le/archive/e/cert2.pem", "../../../outside.pem");
	put_link("le/archive/e/cert3.pem", "/proc/self/cwd/x");
	put_link("le/archive/e/cert4.pem", "../../../le-sibling/cert1.pem");
	put_link("le/archive/e/privkey1.pem", "/etc/shadow");
	put_link("le/archive/e/cert5.pem", "cert5.pem");
	put_link("le/archive/e/cert6.pem", "gone.pem");
	put_link("le/archive/e/cert7.pem", "/dev/zero");
	put_link("le/archive/f", "../../there");
	put_link("le/archive/g", "i");
	put_link("le/accounts/a", "../../there/d");
	put_link("le/accounts/loop", ".");
	if (import_read(&m, "certbot", root, &e) == -1 ||
	    known_from(&k, &m, &s, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.v[0].names[0], "inside.example");
	assert_int_equal(m.naccounts, 0);
	assert_true(skipped("archive/e/cert1.pem", "a link leads out of", 1));
	assert_true(skipped("archive/e/cert2.pem", "a link leads out of", 1));
	assert_true(skipped("archive/e/cert4.pem", "a link leads out of", 1));
	assert_true(skipped("archive/e/privkey1.pem", "leads out of", 0));
	assert_true(skipped("archive/e/cert5.pem", "in a circle", 1));
	assert_true(skipped("archive/e/cert6.pem", "no such file", 1));
	assert_true(skipped("archive/e/cert7.pem", "leads out of", 1));
	assert_true(skipped("archive/f", "a link leads out of", 1));
	assert_true(skipped("accounts/a", "a link leads out of", 1));
	for (i = 0; i < m.nfiles; i++)
		assert_null(strstr(m.files[i].path, "archive/e/"));
	free(outside);
	free(root);
	free(inside);
}

static void
broken(void **state)
{
	char	*path = mem_printf("%s/archive/a/cert4.pem", dir);
	char	*big = mem_zero(LIMIT_CLIENT_FILE + 2);

	(void)state;
	memset(big, 'x', LIMIT_CLIENT_FILE + 1);
	put_made("archive/a/cert1.pem", 1, "DNS:a.example", 1, 0);
	put_text("archive/a/cert2.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n"
	    "-----END CERTIFICATE-----\n");
	put_text("archive/a/cert3.pem", "");
	put_text("archive/a/cert5.pem", big);
	assert_int_equal(mkfifo(path, 0600), 0);	/* waits for nobody */
	put_key("archive/a/privkey1.pem", 1, "secret");
	put_text("archive/a/privkey2.pem", "no key");
	put_key("archive/b/privkey1.pem", 2, NULL);
	put_text("archive/\xff\x1b[31m/cert1.pem", "x");
	put_text("accounts/a/regr.json", "{\"uri\": \"file:///etc/passwd\"}");
	put_text("accounts/b/regr.json", "{\"uri\": \"https://a b/\"}");
	put_text("accounts/c/regr.json", "[]");
	put_text("accounts/d/regr.json", "{\"uri\": \"https://ca.example/\\"
	    "u0001\"}");
	take("certbot");
	assert_int_equal(s.n, 1);
	assert_true(skipped("archive/a/cert2.pem", "", 1));
	assert_true(skipped("archive/a/cert3.pem", "no certificate", 1));
	assert_true(skipped("archive/a/cert4.pem", "no regular file", 1));
	assert_true(skipped("archive/a/cert5.pem", "larger than", 1));
	assert_true(skipped("archive/a/privkey1.pem", "is encrypted; its "
	    "public half is in the certificate", 0));
	assert_true(skipped("archive/a/privkey2.pem", "no private key", 0));
	/* A key that nothing explains makes nothing known. */
	assert_true(skipped("archive/b/privkey1.pem", "for which names", 0));
	assert_true(skipped("accounts/a/regr.json", "URL", 1));
	assert_true(skipped("accounts/b/regr.json", "URL", 1));
	assert_true(skipped("accounts/c/regr.json", "no URL", 0));
	assert_true(skipped("accounts/d/regr.json", "URL", 1));
	assert_int_equal(m.naccounts, 0);
	free(path);
	free(big);
}

/* As another user: 0, or the line that is not so. */
static int
read_as_other(void)
{
	struct err	e = ERR_INIT;

	if (geteuid() == 0 && setuid(65534) == -1)
		return __LINE__;
	if (import_read(&m, "certbot", dir, &e) == -1)
		return __LINE__;
	if (!skipped("archive/a/privkey1.pem", "may not be read; its public "
	    "half is in the certificate", 0))
		return __LINE__;
	if (!skipped("archive/a/cert2.pem", "may not be read", 1) ||
	    !skipped("live", "may not be read (run this as root", 1))
		return __LINE__;
	return m.nfiles == 1 && m.bad == 2 ? 0 : __LINE__;
}

static void
unreadable(void **state)
{
	static const char *const	shut[] = { "archive/a/privkey1.pem",
	    "archive/a/cert2.pem", "live" };
	char				*path;
	size_t				 i;
	int				 status;
	pid_t				 pid;

	(void)state;
	put_made("archive/a/cert1.pem", 1, "DNS:a.example", 1, 0);
	put_key("archive/a/privkey1.pem", 1, NULL);
	put_made("archive/a/cert2.pem", 2, "DNS:a.example", 2, 0);
	put_made("live/b/cert.pem", 3, "DNS:b.example", 3, 0);
	for (i = 0; i < 3; i++) {
		path = mem_printf("%s/%s", dir, shut[i]);
		assert_int_equal(chmod(path, 0), 0);
		free(path);
	}
	chmod(dir, 0755);
	for (i = 0; i < 2; i++) {
		path = mem_printf("%s/%s", dir, i == 0 ? "archive" :
		    "archive/a");
		assert_int_equal(chmod(path, 0755), 0);
		free(path);
	}
	if ((pid = fork()) == 0)
		_exit(read_as_other() & 0xff);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The end of depth, and of what is listed. */
static void
many(void **state)
{
	char	*deep = mem_str("accounts"), *next;
	char	 name[64];
	int	 i;

	(void)state;
	for (i = 0; i <= LIMIT_CLIENT_DEPTH; i++) {
		next = mem_printf("%s/d", deep);
		free(deep);
		deep = next;
	}
	next = mem_printf("%s/regr.json", deep);
	put_text(next, "{\"uri\": \"https://ca.example/deep\"}");
	free(next);
	free(deep);
	for (i = 0; i < (int)LIMIT_CLIENT_SKIPS + 7; i++) {
		snprintf(name, sizeof(name), "archive/a/cert%d.pem", i);
		put_text(name, "x");
	}
	take("certbot");
	assert_int_equal(m.naccounts, 0);
	assert_int_equal(m.nskips, LIMIT_CLIENT_SKIPS);
	assert_int_equal(m.skipped, LIMIT_CLIENT_SKIPS + 7);
}

/* --- keys --- */

static void
key_kinds(void **state)
{
	static const char *const	types[] = { "RSA", "ED25519",
	    "X25519" };
	const char			*why;
	unsigned char			*der = NULL;
	uint8_t				 got[32], want[32];
	EVP_PKEY			*key;
	size_t				 i;
	char				*pem;
	BIO				*b;
	long				 n;
	int				 d;

	(void)state;
	for (i = 0; i < 3; i++) {
		key = i == 0 ? EVP_RSA_gen(1024) : EVP_PKEY_Q_keygen(NULL,
		    NULL, types[i]);
		b = BIO_new(BIO_s_mem());
		if (i == 0)	/* as old clients wrote it */
			PEM_write_bio_PrivateKey_traditional(b, key, NULL,
			    NULL, 0, NULL, NULL);
		else
			PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL,
			    NULL);
		n = BIO_get_mem_data(b, &pem);
		d = i2d_PUBKEY(key, &der);
		sha_256(want, der, (size_t)d);
		assert_int_equal(import_key_spki(pem, (size_t)n, got, &why),
		    0);
		assert_memory_equal(got, want, 32);
		/* Cut, it is none. */
		assert_int_equal(import_key_spki(pem, (size_t)n / 2, got,
		    &why), -1);
		OPENSSL_free(der);
		der = NULL;
		BIO_free(b);
		EVP_PKEY_free(key);
	}
	assert_int_equal(import_key_spki("", 0, got, &why), -1);
}

/* After it was looked at, the private half is in no buffer any more. */
static void
wiped(void **state)
{
	size_t	i, j, n = 0;

	(void)state;
	make_certbot();
	take("certbot");
	for (i = 0; i < m.nfiles; i++) {
		if (m.files[i].kind != IMPORT_KEY)
			continue;
		n++;
		for (j = 0; j < m.files[i].bytes.n; j++)
			assert_int_equal(m.files[i].bytes.p[j], 0);
	}
	assert_int_equal(n, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certbot, begin, end),
		cmocka_unit_test_setup_teardown(certbot_copies, begin, end),
		cmocka_unit_test_setup_teardown(lego, begin, end),
		cmocka_unit_test_setup_teardown(acmesh, begin, end),
		cmocka_unit_test_setup_teardown(acmesh_home, begin, end),
		cmocka_unit_test_setup_teardown(dehydrated, begin, end),
		cmocka_unit_test_setup_teardown(uacme, begin, end),
		cmocka_unit_test_setup_teardown(others, begin, end),
		cmocka_unit_test_setup_teardown(links, begin, end),
		cmocka_unit_test_setup_teardown(broken, begin, end),
		cmocka_unit_test_setup_teardown(unreadable, begin, end),
		cmocka_unit_test_setup_teardown(many, begin, end),
		cmocka_unit_test_setup_teardown(key_kinds, begin, end),
		cmocka_unit_test_setup_teardown(wiped, begin, end),
	};
	int rc;

	fixture_begin();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_end();
	return rc;
}
