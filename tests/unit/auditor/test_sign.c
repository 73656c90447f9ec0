#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/alert/webhook.h"
#include "auditor/proc.h"
#include "auditor/role/sign.h"
#include "auditor/role/sign_client.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define ID	"0b0c7a1e-2f44-4c57-9a5b-6a2f5b0a9d11"
#define SECRET	"whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
#define OLD	"whsec_AgICAgICAgICAgICAgICAgICAgICAgIC"
#define BODY	"{\"type\":\"finding.opened\",\"timestamp\":\"x\",\"data\":{}}"
#define STATEMENT "{\"type\":\"certvigil.statement.absence\",\"n\":1}"

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/signXXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char path[400];
	struct dirent *d;
	DIR *f;

	(void)state;
	if ((f = opendir(dir)) == NULL)
		return -1;
	while ((d = readdir(f)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		(void)unlink(path);
	}
	closedir(f);
	return rmdir(dir);
}

static int
verify(const uint8_t key[32], const char *text, const uint8_t *sig)
{
	EVP_PKEY *k;
	EVP_MD_CTX *ctx;
	int ok;

	k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	ctx = EVP_MD_CTX_new();
	ok = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 &&
	    EVP_DigestVerify(ctx, sig, 64, (const uint8_t *)text,
	    strlen(text)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	return ok;
}

static void
test_key(void **state)
{
	struct err e = ERR_INIT;
	struct stat st;
	struct sign *s;
	uint8_t a[32], b[32];
	char path[100];
	FILE *f;

	(void)state;
	s = sign_new(dir, &e);
	assert_non_null(s);
	sign_public(s, a);
	sign_free(s);
	snprintf(path, sizeof(path), "%s/instance.key", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* The same key again, and nothing else is left in the folder. */
	s = sign_new(dir, &e);
	sign_public(s, b);
	sign_free(s);
	assert_memory_equal(a, b, 32);
	/* One that others may read. */
	chmod(path, 0640);
	assert_null(sign_new(dir, &e));
	assert_int_equal(e.code, ERR_PERM);
	chmod(path, 0600);
	/* One that is none: never overwritten. */
	err_clear(&e);
	f = fopen(path, "w");
	fputs("nonsense", f);
	fclose(f);
	assert_null(sign_new(dir, &e));
	assert_int_equal(e.code, ERR_CONF);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
	err_clear(&e);
	f = fopen(path, "w");
	fclose(f);
	assert_null(sign_new(dir, &e));
	unlink(path);
	/* A link to somewhere else is not followed. */
	err_clear(&e);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_null(sign_new(dir, &e));
	assert_int_equal(e.code, ERR_SYS);
	unlink(path);
	err_clear(&e);
	assert_null(sign_new("/nonexistent/dir", &e));
	assert_int_equal(e.code, ERR_SYS);
}

static void
test_webhook(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "{}", "\"x\"",
		"{\"type\":\"a\",\"timestamp\":\"x\"}",
		"{\"type\":1,\"timestamp\":\"x\",\"data\":{}}",
		"{\"type\":\"a\",\"timestamp\":\"x\",\"data\":[]}",
		"{\"type\":\"a\",\"timestamp\":\"x\",\"data\":{},\"x\":1}",
		"{\"type\":\"a\",\"type\":\"b\",\"data\":{}}" };
	struct err e = ERR_INIT;
	struct buf sig = BUF_INIT, key = BUF_INIT, want = BUF_INIT;
	struct sign *s;
	int64_t now;
	size_t i;

	(void)state;
	s = sign_new(dir, &e);
	clk_fix(1795348800LL * CLK_SEC);
	now = clk_wall() / CLK_SEC;
	assert_int_equal(sign_webhook(s, "soc", ID, now, SPAN_STR(BODY),
	    &sig, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	assert_int_equal(sign_secret(s, "soc", SECRET, NULL, &e), 0);
	assert_int_equal(sign_webhook(s, "soc", ID, now, SPAN_STR(BODY),
	    &sig, &e), 0);
	assert_int_equal(webhook_secret(SECRET, &key, &e), 0);
	webhook_sign(buf_bytes(&key), ID, now, SPAN_STR(BODY), &want);
	assert_string_equal(buf_text(&sig), buf_text(&want));
	/* Both while rotating, the new one first. */
	assert_int_equal(sign_secret(s, "soc", OLD, SECRET, &e), 0);
	buf_reset(&sig);
	assert_int_equal(sign_webhook(s, "soc", ID, now, SPAN_STR(BODY),
	    &sig, &e), 0);
	assert_int_equal(sig.n, 2 * want.n + 1);
	assert_string_equal(buf_text(&sig) + want.n + 1, buf_text(&want));
	/* Ten minutes either way, and no more. */
	assert_int_equal(sign_webhook(s, "soc", ID, now - 600,
	    SPAN_STR(BODY), &sig, &e), 0);
	assert_int_equal(sign_webhook(s, "soc", ID, now + 600,
	    SPAN_STR(BODY), &sig, &e), 0);
	assert_int_equal(sign_webhook(s, "soc", ID, now - 601,
	    SPAN_STR(BODY), &sig, &e), -1);
	assert_int_equal(sign_webhook(s, "soc", ID, now + 601,
	    SPAN_STR(BODY), &sig, NULL), -1);
	assert_int_equal(sign_webhook(s, "soc", "x.y", now, SPAN_STR(BODY),
	    &sig, NULL), -1);
	buf_reset(&sig);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(sign_webhook(s, "soc", ID, now,
		    SPAN_STR(bad[i]), &sig, &e), -1);
		assert_int_equal(e.code, ERR_VERIFY);
		assert_int_equal(sig.n, 0);
	}
	err_clear(&e);
	assert_int_equal(sign_secret(s, "x", "nonsense", NULL, &e), -1);
	assert_int_equal(sign_secret(s, "x", SECRET, "nonsense", NULL), -1);
	clk_fix(0);
	buf_free(&sig);
	buf_free(&key);
	buf_free(&want);
	sign_free(s);
}

static void
test_statement(void **state)
{
	static const char *const bad[] = { "", "{}", "[]",
		"{\"type\":\"finding.opened\"}",
		"{\"type\":\"certvigil.statement\"}", "{\"type\":7}" };
	struct err e = ERR_INIT;
	struct buf sig = BUF_INIT, big = BUF_INIT;
	struct sign *s;
	uint8_t key[32];
	size_t i;

	(void)state;
	s = sign_new(dir, &e);
	sign_public(s, key);
	assert_int_equal(sign_statement(s, SPAN_STR(STATEMENT), &sig, &e), 0);
	assert_int_equal(sig.n, 64);
	assert_true(verify(key, STATEMENT, sig.p));
	assert_false(verify(key, STATEMENT " ", sig.p));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(sign_statement(s, SPAN_STR(bad[i]), &sig,
		    &e), -1);
		assert_int_equal(e.code, ERR_VERIFY);
	}
	/* The cap, at the limit and one more. */
	buf_str(&big, STATEMENT);
	while (big.n < LIMIT_SIGN_BODY)
		buf_u8(&big, ' ');
	assert_int_equal(sign_statement(s, buf_bytes(&big), &sig, NULL), 0);
	buf_u8(&big, ' ');
	err_clear(&e);
	assert_int_equal(sign_statement(s, buf_bytes(&big), &sig, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&sig);
	buf_free(&big);
	sign_free(s);
}

static void
test_channels_limit(void **state)
{
	struct err e = ERR_INIT;
	struct sign *s;
	char name[16];
	int i;

	(void)state;
	s = sign_new(dir, &e);
	for (i = 0; i < LIMIT_SIGN_CHANNELS; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(sign_secret(s, name, SECRET, NULL, &e), 0);
	}
	assert_int_equal(sign_secret(s, "more", SECRET, NULL, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(sign_secret(s, "c0", OLD, SECRET, NULL), 0);
	sign_free(s);
}

/* Requests that are cut off at any byte, and of no type. */
static void
test_garbage(void **state)
{
	struct err e = ERR_INIT;
	struct buf req = BUF_INIT, answer = BUF_INIT;
	struct sign *s = NULL;
	unsigned type;
	size_t i;

	(void)state;
	sign_serve(&s, SIGN_SECRET, cur_of("", 0), -1, &answer);
	assert_int_equal(answer.p[0], ERR_FORMAT);
	s = sign_new(dir, &e);
	assert_int_equal(sign_secret(s, "soc", SECRET, NULL, &e), 0);
	buf_vec32(&req, "soc", 3);
	buf_vec32(&req, ID, strlen(ID));
	buf_u64(&req, (uint64_t)(clk_wall() / CLK_SEC));
	buf_vec32(&req, BODY, strlen(BODY));
	for (i = 0; i <= req.n; i++) {
		buf_reset(&answer);
		sign_serve(&s, SIGN_WEBHOOK, cur_of(req.p, i), -1, &answer);
		assert_int_equal(answer.p[0], i == req.n ? ERR_NONE :
		    ERR_FORMAT);
	}
	buf_u8(&req, 0);
	for (type = 0; type < 9; type++) {
		buf_reset(&answer);
		sign_serve(&s, type, cur_of(req.p, req.n), -1, &answer);
		assert_int_equal(answer.p[0], ERR_FORMAT);
	}
	buf_free(&req);
	buf_free(&answer);
	sign_free(s);
}

/* Through the process, in its sandbox. */
static void
test_process(void **state)
{
	struct err e = ERR_INIT;
	struct buf sig = BUF_INIT, body = BUF_INIT;
	struct sign_client *c;
	int64_t now;

	(void)state;
	c = sign_client_new(dir, &e);
	if (c == NULL)
		fail_msg("%s", e.msg);
	now = clk_wall() / CLK_SEC;
	buf_str(&body, BODY);
	assert_int_equal(sign_client_webhook(c, "soc", ID, now, &body, &sig,
	    &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	assert_int_equal(sign_client_secret(c, "soc", SECRET, OLD, &e), 0);
	assert_int_equal(sign_client_webhook(c, "soc", ID, now, &body, &sig,
	    &e), 0);
	assert_memory_equal(sig.p, "v1,", 3);
	assert_int_equal(sign_client_webhook(c, "soc", ID, now - 999, &body,
	    &sig, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	err_clear(&e);
	assert_int_equal(sign_client_secret(c, "soc", "no", NULL, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	buf_reset(&sig);
	assert_int_equal(sign_client_statement(c, SPAN_STR(STATEMENT), &sig,
	    NULL), 0);
	assert_true(verify(sign_client_public(c), STATEMENT, sig.p));
	/* Killed: an error, not a wait. */
	proc_kill(sign_client_proc(c), NULL, 0);
	err_clear(&e);
	assert_int_equal(sign_client_webhook(c, "soc", ID, now, &body, &sig,
	    &e), -1);
	assert_int_equal(e.code, ERR_SYS);
	sign_client_free(c);
	err_clear(&e);
	assert_null(sign_client_new("/nonexistent/dir", &e));
	buf_free(&sig);
	buf_free(&body);
}

/* Two processes that start at once have one key. */
static void
test_two(void **state)
{
	struct err e = ERR_INIT;
	struct sign_client *a, *b;

	(void)state;
	a = sign_client_new(dir, &e);
	b = sign_client_new(dir, &e);
	assert_non_null(a);
	assert_non_null(b);
	assert_memory_equal(sign_client_public(a), sign_client_public(b), 32);
	sign_client_free(a);
	sign_client_free(b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_webhook, setup, teardown),
		cmocka_unit_test_setup_teardown(test_statement, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_channels_limit, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two, setup, teardown),
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return sign_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
