/* Signatures against those that made_tsig.py computed from RFC 8945. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/dnsupdate.h"
#include "base/err.h"
#include "tests/unit/auditor/made_tsig.h"

static struct tsig_key	key;
static struct err	e;

static void
set(const char *algorithm)
{
	struct span	s = { made_secret, sizeof(made_secret) };

	assert_int_equal(tsig_key_set(&key, "CertVigil.", algorithm, s, NULL),
	    0);
}

static void
is(const struct buf *b, const uint8_t *want, size_t n)
{
	assert_int_equal(b->n, n);
	assert_memory_equal(b->p, want, n);
}

static void
keys(void **state)
{
	uint8_t		p[LIMIT_TSIG_SECRET + 1] = { 7 };
	struct span	s = { p, 1 };
	char		name[300];

	(void)state;
	assert_int_equal(tsig_key_set(&key, "A.Key.Example.", "HMAC-SHA384.",
	    s, NULL), 0);
	assert_string_equal(key.text, "a.key.example");
	assert_string_equal(key.algorithm, "hmac-sha384");
	assert_memory_equal(key.name, "\1a\3key\7example", 15);
	assert_int_equal(key.nname, 15);
	err_clear(&e);
	assert_int_equal(tsig_key_set(&key, "a", "hmac-md5", s, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "hmac-sha256"));
	err_clear(&e);
	assert_int_equal(tsig_key_set(&key, "a..b", "hmac-sha256", s, &e),
	    -1);
	assert_int_equal(e.code, ERR_CONF);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(tsig_key_set(&key, name, "hmac-sha256", s, NULL),
	    -1);
	assert_int_equal(tsig_key_set(&key, "", "hmac-sha256", s, NULL), -1);
	s.n = 0;
	assert_int_equal(tsig_key_set(&key, "a", "hmac-sha256", s, NULL), -1);
	s.n = LIMIT_TSIG_SECRET;
	assert_int_equal(tsig_key_set(&key, "a", "hmac-sha256", s, NULL), 0);
	assert_int_equal(key.nsecret, LIMIT_TSIG_SECRET);
	tsig_key_wipe(&key);
	assert_int_equal(key.secret[0], 0);
	s.n++;
	err_clear(&e);
	assert_int_equal(tsig_key_set(&key, "a", "hmac-sha256", s, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
signs(void **state)
{
	static const struct {
		const char	*algorithm;
		const uint8_t	*want;
		size_t		 n, mac;
	} v[] = {
		{ "hmac-sha256", made_signed_hmac_sha256,
		    sizeof(made_signed_hmac_sha256), 32 },
		{ "hmac-sha384", made_signed_hmac_sha384,
		    sizeof(made_signed_hmac_sha384), 48 },
		{ "hmac-sha512", made_signed_hmac_sha512,
		    sizeof(made_signed_hmac_sha512), 64 },
	};
	struct tsig_mac	mac;
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < 3; i++) {
		set(v[i].algorithm);
		buf_reset(&b);
		buf_add(&b, made_add, sizeof(made_add));
		tsig_sign(&b, &key, MADE_NOW, &mac);
		is(&b, v[i].want, v[i].n);
		assert_int_equal(mac.n, v[i].mac);
	}
	buf_free(&b);
}

/* The MAC of the request that the answers were made for. */
static struct tsig_mac
request(void)
{
	struct tsig_mac	mac;
	struct buf	b = BUF_INIT;

	set("hmac-sha256");
	buf_add(&b, made_add, sizeof(made_add));
	tsig_sign(&b, &key, MADE_NOW, &mac);
	buf_free(&b);
	return mac;
}

static void
answers(void **state)
{
	struct tsig_mac		mac = request();
	struct tsig_said	said;
	struct span		s;
	size_t			i, seen = 0;

	(void)state;
	for (i = 0; i < sizeof(made_answers) / sizeof(made_answers[0]); i++) {
		s.p = made_answers[i].p;
		s.n = made_answers[i].n;
		tsig_verify(s, &key, &mac, MADE_NOW, &said);
		if (said.verdict != made_answers[i].verdict)
			print_message("%s\n", made_answers[i].name);
		assert_int_equal(said.verdict, made_answers[i].verdict);
		err_clear(&e);
		assert_int_equal(tsig_err(&said, &key, "192.0.2.1", MADE_NOW,
		    &e), said.verdict == TSIG_OK ? 0 : -1);
		seen |= 1u << said.verdict;
		if (said.verdict == TSIG_OK)
			continue;
		assert_non_null(strstr(e.msg, "192.0.2.1"));
		assert_int_equal(e.code, said.verdict >= TSIG_BADSIG ?
		    ERR_PERM : ERR_VERIFY);
	}
	/* Each verdict was there. */
	assert_int_equal(seen, (1u << (TSIG_REFUSED + 1)) - 1);
}

static struct tsig_said
say(const uint8_t *p, size_t n)
{
	struct tsig_mac		mac = request();
	struct tsig_said	said;
	struct span		s = { p, n };

	tsig_verify(s, &key, &mac, MADE_NOW, &said);
	err_clear(&e);
	(void)tsig_err(&said, &key, "ns", MADE_NOW, &e);
	return said;
}

static void
sentences(void **state)
{
	struct tsig_said	said;

	(void)state;
	said = say(made_answer_badtime, sizeof(made_answer_badtime));
	assert_int_equal(said.server, MADE_NOW + 4000);
	assert_non_null(strstr(e.msg, "2027-01-15T09:06:40Z"));
	assert_non_null(strstr(e.msg, "2027-01-15T08:00:00Z"));
	assert_non_null(strstr(e.msg, "4000 s apart"));
	said = say(made_answer_badtime_bare, sizeof(made_answer_badtime_bare));
	assert_int_equal(said.server, 0);
	assert_non_null(strstr(e.msg, "BADTIME"));
	(void)say(made_answer_badsig, sizeof(made_answer_badsig));
	assert_non_null(strstr(e.msg, "another secret (BADSIG)"));
	(void)say(made_answer_badkey, sizeof(made_answer_badkey));
	assert_non_null(strstr(e.msg, "no key \"certvigil\" with "
	    "hmac-sha256 (BADKEY)"));
	said = say(made_answer_error_99, sizeof(made_answer_error_99));
	assert_int_equal(said.error, 99);
	assert_non_null(strstr(e.msg, "TSIG error 99"));
	/* A clock beyond all dates is a number. */
	said.verdict = TSIG_BADTIME;
	said.server = 0xffffffffffffLL;
	err_clear(&e);
	(void)tsig_err(&said, &key, "ns", MADE_NOW, &e);
	assert_non_null(strstr(e.msg, "281474976710655 s after 1970"));
}

/* No byte of a signed answer can be changed, and none left out. */
static void
flipped(void **state)
{
	struct tsig_mac		mac = request();
	struct tsig_said	said;
	uint8_t			p[sizeof(made_answer_ok)];
	struct span		s = { p, sizeof(p) };
	size_t			i, same = 0;

	(void)state;
	for (i = 0; i < sizeof(p); i++) {
		memcpy(p, made_answer_ok, sizeof(p));
		p[i] ^= 0x20;
		s.n = sizeof(p);
		tsig_verify(s, &key, &mac, MADE_NOW, &said);
		/*
		 * The case of the key's and algorithm's names, the error of
		 * an unsigned answer, and the id, of which the TSIG has the
		 * original, are not signed as they stand.
		 */
		same += said.verdict == TSIG_OK;
		memcpy(p, made_answer_ok, sizeof(p));
		s.n = i;
		tsig_verify(s, &key, &mac, MADE_NOW, &said);
		assert_int_equal(said.verdict, TSIG_MALFORMED);
	}
	/* "certvigil", "hmac" and "sha" are letters; two bytes of the id. */
	assert_int_equal(same, 9 + 4 + 3 + 2);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(signs),
		cmocka_unit_test(answers),
		cmocka_unit_test(sentences),
		cmocka_unit_test(flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
