/* Who may sign an OCSP answer. */
#include "tests/unit/ocsp/ocsp_said_fixture.h"

static void
test_delegated(void **state)
{
	static const struct {
		const struct party	*p;
		struct want		 w;
	} t[] = {
		{ &del, { 0, VALID, DELEG, FRESH, GOOD, GOOD } },
		{ &caname, { 0, VALID, DELEG, FRESH, GOOD, GOOD } },
		{ &renamed, { 0, VALID, ISSUER, FRESH, GOOD, GOOD } },
		{ &nonocheck, { OCSP_FAULT_NO_NOCHECK, VALID, DELEG, FRESH,
		    GOOD, GOOD } },
		{ &late, { OCSP_FAULT_RESPONDER_EXPIRED, VALID, DELEG, FRESH,
		    GOOD, NOTHING } },
		{ &early, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &noeku, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &anyeku, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &delca, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &twindel, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &grand, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &other, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
		{ &critical, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH,
		    GOOD, NOTHING } },
		{ &encipher, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH,
		    GOOD, NOTHING } },
		{ &sha1del, { OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, GOOD,
		    NOTHING } },
	};
	struct answer	a;
	size_t		i;
	int		by_name;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (by_name = 0; by_name < 2; by_name++) {
			a = plain();
			with(&a, t[i].p);
			a.by_name = by_name;
			check(judge(&a), t[i].w);
		}
}

/* The same by key alone, as inspect asks. */
static void
test_verify(void **state)
{
	static const struct {
		const struct party	*p;
		int			 want;
	} t[] = { { &ca, 1 }, { &del, 1 }, { &late, 1 }, { &noeku, 0 },
	    { &delca, 0 }, { &twindel, 0 }, { &grand, 0 }, { &other, 0 } };
	struct answer	a;
	struct buf	b = BUF_INIT;
	struct ocsp	o;
	struct err	e;
	uint8_t		*spki = NULL;
	int		 n = i2d_PUBKEY(ca.key, &spki);
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a = plain();
		with(&a, t[i].p);
		a.says = 'r';
		a.reason = 9;
		buf_reset(&b);
		fix_answer(&b, &a);
		err_clear(&e);
		assert_int_equal(ocsp_verify(buf_bytes(&b), (struct span){
		    spki, (size_t)n }, &e), t[i].want);
		assert_int_equal(e.code, t[i].want ? ERR_NONE : ERR_VERIFY);
		assert_int_equal(ocsp_read(buf_bytes(&b), &o, NULL), 0);
		assert_int_equal(o.ncerts, 1);
		assert_int_equal(o.nsingles, 1);
		assert_string_equal(o.singles[0].serial, SERIAL);
		assert_string_equal(o.singles[0].status, "revoked");
		assert_int_equal(o.singles[0].reason, 9);
		assert_string_equal(o.sigalg, "ecdsa-with-SHA256");
		ocsp_free(&o);
	}
	/* a key that is none */
	assert_int_equal(ocsp_verify(buf_bytes(&b), (struct span){ spki, 3 },
	    &e), -1);
	OPENSSL_free(spki);
	buf_free(&b);
}

/* What is wrong with one certificate inside is no excuse for the next. */
static void
test_several_certificates(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT;
	int			i, n;

	(void)state;
	with(&a, &noeku);
	with(&a, &twindel);
	with(&a, &del);
	a.by_name = 1;
	check(judge(&a), (struct want){ 0, VALID, DELEG, FRESH, GOOD,
	    GOOD });
	a = plain();
	with(&a, &del);
	with(&a, &other);
	with(&a, &ca);
	check(judge(&a), fine);
	/* so many and no more */
	for (n = LIMIT_CHAIN - 1; n <= LIMIT_CHAIN; n++) {
		a = plain();
		for (i = 0; i < n; i++)
			with(&a, &other);
		with(&a, &del);
		buf_reset(&b);
		fix_answer(&b, &a);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		assert_int_equal(ocsp_said_counts(&s), n < LIMIT_CHAIN ?
		    GOOD : NOTHING);
		assert_int_equal(s.faults, n < LIMIT_CHAIN ? 0 :
		    OCSP_FAULT_MALFORMED);
		ocsp_said_free(&s);
	}
	buf_free(&b);
}

/* An expired responder: what it said when it could still counts against. */
static void
test_expired_responder(void **state)
{
	struct answer	a = plain();

	(void)state;
	with(&a, &late);
	a.says = 'r';
	check(judge(&a), (struct want){ OCSP_FAULT_RESPONDER_EXPIRED, VALID,
	    DELEG, FRESH, REVOKED, REVOKED });
	a = plain();
	with(&a, &late);
	a.says = 'r';
	a.produced = a.this = 0;	/* signed after it expired */
	check(judge(&a), (struct want){ OCSP_FAULT_RESPONDER_EXPIRED |
	    OCSP_FAULT_RESPONDER, VALID, NONE, FRESH, REVOKED, NOTHING });
}

/* SHA-1 counts at a time when CAs might still use it. */
static void
test_sha1(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT;
	long			then = 1654041600 - T0;	/* 2022-06-01 */

	(void)state;
	a.md = EVP_sha1();
	check(judge(&a), (struct want){ OCSP_FAULT_SIGNATURE,
	    OCSP_SIG_UNCHECKED, NONE, FRESH, GOOD, NOTHING });
	a = plain();
	a.md = EVP_sha1();
	a.this = a.produced = then - HOUR;
	a.next = then + HOUR;
	fix_answer(&b, &a);
	in.now = 1654041600 * CLK_SEC - 1;
	ocsp_said_read(buf_bytes(&b), &in, &s);
	check(s, fine);
	in.now++;
	ocsp_said_read(buf_bytes(&b), &in, &s);
	check(s, (struct want){ OCSP_FAULT_SIGNATURE, OCSP_SIG_UNCHECKED,
	    NONE, FRESH, GOOD, NOTHING });
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_delegated),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_several_certificates),
		cmocka_unit_test(test_expired_responder),
		cmocka_unit_test(test_sha1)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
