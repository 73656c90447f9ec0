/* Another key for an account, and one that a CA gave. */
#include "tests/unit/auditor/sign_acme_fixture.h"

static void
test_rollover(void **state)
{
	const struct span	mine = { authority, SIGN_AUTHORITY };
	struct sign_roll	roll = { "a1", "p384", HOSTS, URL, KID, mine };
	struct buf		inner = BUF_INIT, out = BUF_INIT, b = BUF_INIT;
	struct err		e = ERR_INIT;
	struct sign_ask		ask;
	const struct row	change = { ACME_KEY_CHANGE, AUTH, "", NULL,
	    NULL, NULL, 0 };
	EVP_PKEY		*old, *next, *now;

	(void)state;
	/* not without authority, not for other hosts, not for nobody */
	roll.authority.n = 0;
	assert_int_equal(sign_acme_roll(a, &roll, &inner, &e), -1);
	assert_int_equal(e.code, ERR_PERM);
	roll.authority = mine;
	roll.url = "https://third.example/";
	assert_int_equal(sign_acme_roll(a, &roll, &inner, NULL), -1);
	roll.url = URL;
	assert_int_equal(sign_store_have(store, "a1"), SIGN_HAS_KEY);
	assert_int_equal(sign_acme_roll(a, &roll, &inner, NULL), 0);
	assert_int_equal(sign_store_have(store, "a1"), SIGN_HAS_KEY |
	    SIGN_HAS_NEXT);
	old = key_of(SIGN_ACCOUNT, "a1", 0);
	next = key_of(SIGN_ACCOUNT, "a1", 1);
	ask_of(&change, &ask);
	ask.payload = buf_bytes(&inner);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	check_jws(&out, &ask, old);
	/* again, as after badNonce, and with another inner one of ours */
	buf_reset(&out);
	assert_int_equal(sign_acme_roll(a, &roll, &b, NULL), 0);
	ask.payload = buf_bytes(&b);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	/* not without authority, for another URL or account, by the next */
	ask.authority.n = 0;
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.authority = mine;
	ask.url = URL "/2";
	err_clear(&e);
	assert_int_equal(sign_acme_ask(a, &ask, &out, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	ask.url = URL;
	ask.kid = KID "0";
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.kid = KID;
	ask.next = 1;
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	ask.next = 0;
	ask.account = "a2";
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), -1);
	/* the next key may look whether the CA knows it */
	ask.purpose = ACME_ACCOUNT_NEW;
	ask.account = "a1";
	ask.kid = "";
	ask.next = 1;
	ask.payload = SPAN_STR("{\"onlyReturnExisting\":true}");
	buf_reset(&out);
	assert_int_equal(sign_acme_ask(a, &ask, &out, NULL), 0);
	check_jws(&out, &ask, next);
	/* it is committed */
	assert_int_equal(sign_acme_rolled(a, "a1", 1, (struct span){
	    another, SIGN_AUTHORITY }, NULL), -1);
	assert_int_equal(sign_acme_rolled(a, "a1", 1, mine, NULL), 0);
	now = key_of(SIGN_ACCOUNT, "a1", 0);
	assert_int_equal(EVP_PKEY_eq(now, next), 1);
	err_clear(&e);
	assert_int_equal(sign_acme_rolled(a, "a1", 1, mine, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	/* and one that is given up */
	assert_int_equal(sign_acme_roll(a, &roll, &b, NULL), 0);
	assert_int_equal(sign_acme_rolled(a, "a1", 0, mine, NULL), 0);
	assert_int_equal(sign_store_have(store, "a1"), SIGN_HAS_KEY);
	EVP_PKEY_free(old);
	EVP_PKEY_free(next);
	EVP_PKEY_free(now);
	buf_free(&inner);
	buf_free(&out);
	buf_free(&b);
}

static void
test_bind(void **state)
{
	struct sign_bind	b = { "a1", HOSTS, URL, "HS256", "kid-1",
	    MACKEY };
	struct buf		out = BUF_INIT;

	(void)state;
	b.url = "https://third.example/";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	b.url = URL;
	b.alg = "none";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	b.alg = "HS256";
	b.key = "!";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	b.key = MACKEY;
	b.account = "none";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), -1);
	assert_int_equal(out.n, 0);
	b.account = "a2";
	assert_int_equal(sign_acme_bind(a, &b, &out, NULL), 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rollover), T(test_bind)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
