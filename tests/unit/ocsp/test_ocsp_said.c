#include "tests/unit/ocsp/ocsp_said_fixture.h"

static void
test_status(void **state)
{
	struct answer		a = plain();
	struct ocsp_said	s;

	(void)state;
	s = judge(&a);
	assert_int_equal(s.outer, 0);
	assert_int_equal(s.produced_at, (T0 - HOUR) * CLK_SEC);
	assert_int_equal(s.this_update, (T0 - HOUR) * CLK_SEC);
	assert_int_equal(s.next_update, (T0 + 6L * FIX_DAY) * CLK_SEC);
	assert_int_equal(s.revoked_at, INT64_MIN);
	assert_int_equal(s.reason, -1);
	assert_int_equal(strlen(s.responder), 40);
	check(s, fine);
	a = plain();
	a.hash = OCSP_SHA256;
	a.by_name = 1;
	s = judge(&a);
	assert_string_equal(s.responder, "CN=CA");
	check(s, fine);
	a = plain();
	a.says = 'r';
	s = judge(&a);
	assert_int_equal(s.reason, -1);
	assert_int_equal(s.revoked_at, (T0 - 3L * FIX_DAY) * CLK_SEC);
	check(s, (struct want){ 0, VALID, ISSUER, FRESH, REVOKED, REVOKED });
	a = plain();
	a.says = 'r';
	a.reason = 1;
	s = judge(&a);
	assert_int_equal(s.reason, 1);
	check(s, (struct want){ 0, VALID, ISSUER, FRESH, REVOKED, REVOKED });
	a = plain();
	a.says = 'u';
	check(judge(&a), (struct want){ 0, VALID, ISSUER, FRESH, UNKNOWN,
	    UNKNOWN });
}

static void
test_signature(void **state)
{
	struct answer	a = plain();
	struct want	bad = { OCSP_FAULT_SIGNATURE, OCSP_SIG_BAD, NONE,
	    FRESH, GOOD, NOTHING };

	(void)state;
	a.spoil = 1;
	check(judge(&a), bad);
	/* a revoked that nobody signed revokes nothing */
	a = plain();
	a.says = 'r';
	a.spoil = 1;
	bad.says = REVOKED;
	check(judge(&a), bad);
	/* another key under the CA's name */
	a = plain();
	a.signer = &twin;
	a.by_name = 1;
	bad.says = GOOD;
	check(judge(&a), bad);
	/* a stranger who names himself, without a certificate */
	a = plain();
	a.signer = &other;
	check(judge(&a), (struct want){ OCSP_FAULT_RESPONDER,
	    OCSP_SIG_UNCHECKED, NONE, FRESH, GOOD, NOTHING });
	/* the CA's signature under another's name */
	a = plain();
	a.id = &other;
	check(judge(&a), (struct want){ OCSP_FAULT_RESPONDER,
	    OCSP_SIG_UNCHECKED, NONE, FRESH, GOOD, NOTHING });
	/* the same under another's certificate */
	a = plain();
	with(&a, &other);
	a.signer = &ca;
	a.id = &other;
	check(judge(&a), bad);
}

static void
test_freshness(void **state)
{
	static const struct {
		long		this, next, produced;
		int		no_next;
		char		says;
		struct want	w;
	} t[] = {
		{ -9, 9, -9, 0, 'g', { 0, VALID, ISSUER, FRESH, GOOD, GOOD } },
		/* the last second of nextUpdate and skew, and the next */
		{ -HOUR, -300, -HOUR, 0, 'g', { 0, VALID, ISSUER, FRESH, GOOD,
		    GOOD } },
		{ -HOUR, -301, -HOUR, 0, 'g', { OCSP_FAULT_STALE, VALID,
		    ISSUER, STALE, GOOD, NOTHING } },
		{ -HOUR, -301, -HOUR, 0, 'r', { OCSP_FAULT_STALE, VALID,
		    ISSUER, STALE, REVOKED, REVOKED } },
		{ -HOUR, -301, -HOUR, 0, 'u', { OCSP_FAULT_STALE, VALID,
		    ISSUER, STALE, UNKNOWN, UNKNOWN } },
		{ 300, HOUR, 300, 0, 'g', { 0, VALID, ISSUER, FRESH, GOOD,
		    GOOD } },
		{ 301, HOUR, 301, 0, 'g', { OCSP_FAULT_FUTURE, VALID, ISSUER,
		    FUTURE, GOOD, NOTHING } },
		/* signed in the future; signed before it could be known */
		{ -HOUR, HOUR, 301, 0, 'g', { OCSP_FAULT_FUTURE, VALID,
		    ISSUER, FUTURE, GOOD, NOTHING } },
		{ -HOUR, HOUR, -HOUR - 301, 0, 'g', { OCSP_FAULT_FUTURE,
		    VALID, ISSUER, FUTURE, GOOD, NOTHING } },
		/* nextUpdate before thisUpdate */
		{ 0, -1, 0, 0, 'g', { OCSP_FAULT_STALE, VALID, ISSUER, STALE,
		    GOOD, NOTHING } },
		/* without nextUpdate the age decides */
		{ -FIX_DAY - 300, 0, 0, 1, 'g', { OCSP_FAULT_NO_NEXT, VALID,
		    ISSUER, FRESH, GOOD, GOOD } },
		{ -FIX_DAY - 301, 0, 0, 1, 'g', { OCSP_FAULT_NO_NEXT |
		    OCSP_FAULT_STALE, VALID, ISSUER, STALE, GOOD, NOTHING } },
	};
	struct answer	a;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a = plain();
		a.this = t[i].this;
		a.next = t[i].next;
		a.produced = t[i].produced;
		a.no_next = t[i].no_next;
		a.says = t[i].says;
		check(judge(&a), t[i].w);
	}
}

/* Good for another certificate is no answer. */
static void
test_absent(void **state)
{
	struct want	w = { OCSP_FAULT_ABSENT, VALID, ISSUER, STALE,
	    NOTHING, NOTHING };
	struct answer	a = plain();
	struct ocsp_said s;

	(void)state;
	a.serial = "0a0b0d";
	s = judge(&a);
	assert_non_null(strstr(s.why, "serial"));
	check(s, w);
	a = plain();
	a.says = '\0';		/* no answer at all */
	check(judge(&a), w);
	/* the serial number of another issuer: another key, another name */
	a = plain();
	a.issuer = &twin;
	s = judge(&a);
	assert_non_null(strstr(s.why, "another issuer"));
	check(s, w);
	a = plain();
	a.issuer = &other;
	a.hash = OCSP_SHA256;
	check(judge(&a), w);
	a = plain();
	a.issuer = &renamed;	/* the name alone */
	check(judge(&a), w);
	/* a revoked neighbour does not revoke */
	a = plain();
	a.serial = "0a0b0d";
	a.says = 'r';
	check(judge(&a), w);
	/* a sibling with the same name and key is the same issuer */
	a = plain();
	a.issuer = a.signer = &sibling;
	check(judge(&a), fine);
	/* leading zeros are no other number */
	a = plain();
	a.serial = "0000" SERIAL;
	check(judge(&a), fine);
}

/* 80 is -128, and 00 80 is 128: good of one is not good of the other. */
static void
test_signs(void **state)
{
	static const struct {
		const char	*asked, *answered;
		int		 same;
	} t[] = {
		{ "80", "0080", 1 }, { "80", "000080", 1 },
		{ "80", "80", 0 }, { "80", "ff80", 0 },
		{ "-80", "80", 1 }, { "-80", "ff80", 1 },
		{ "-80", "ffff80", 1 }, { "-80", "0080", 0 },
		{ "-01", "ff", 1 }, { "-01", "00ff", 0 }, { "ff", "ff", 0 },
		{ "-7fff", "8001", 1 }, { "8001", "8001", 0 },
		{ "00", "00", 1 }, { "00", "0000", 1 },
	};
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a = plain();
		a.serial = t[i].answered;
		in.serial = t[i].asked;
		buf_reset(&b);
		fix_answer(&b, &a);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		if ((ocsp_said_counts(&s) == OCSP_SAYS_GOOD) != t[i].same)
			fail_msg("%s for %s", t[i].answered, t[i].asked);
		assert_int_equal(s.faults, t[i].same ? 0 : OCSP_FAULT_ABSENT);
		ocsp_said_free(&s);
	}
	buf_free(&b);
}

static void
test_several_answers(void **state)
{
	static const struct {
		char		first, second;
		long		next1, next2;
		enum ocsp_says	says, counts;
		unsigned	faults;
	} t[] = {
		{ 'g', 'r', FIX_DAY, FIX_DAY, REVOKED, REVOKED, 0 },
		{ 'r', 'g', FIX_DAY, FIX_DAY, REVOKED, REVOKED, 0 },
		{ 'g', 'u', FIX_DAY, FIX_DAY, UNKNOWN, UNKNOWN, 0 },
		{ 'u', 'g', FIX_DAY, FIX_DAY, UNKNOWN, UNKNOWN, 0 },
		{ 'r', 'u', FIX_DAY, FIX_DAY, REVOKED, REVOKED, 0 },
		/* of two equal ones the fresh one */
		{ 'g', 'g', -HOUR, FIX_DAY, GOOD, GOOD, 0 },
		{ 'g', 'g', FIX_DAY, -HOUR, GOOD, GOOD, 0 },
		{ 'g', 'g', -HOUR, -HOUR, GOOD, NOTHING, OCSP_FAULT_STALE },
		/* a stale revoked is worse than a fresh good */
		{ 'r', 'g', -HOUR, FIX_DAY, REVOKED, REVOKED,
		    OCSP_FAULT_STALE },
	};
	struct ocsp_said	s;
	struct answer		a, b;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a = plain();
		b = plain();
		a.this = b.this = -2 * HOUR;
		b.says = t[i].first;
		b.next = t[i].next1;
		a.says = t[i].second;
		a.next = t[i].next2;
		fix_single(&a.before, &b);
		b.serial = "77";	/* and one of somebody else */
		b.says = 'r';
		fix_single(&a.before, &b);
		s = judge(&a);
		assert_int_equal(s.says, t[i].says);
		assert_int_equal(s.faults, t[i].faults);
		assert_int_equal(ocsp_said_counts(&s), t[i].counts);
		ocsp_said_free(&s);
	}
}

static void
test_nonce(void **state)
{
	static const uint8_t	sent[32] = { 1, 2, 3 }, wrong[32] = { 9 };
	static const struct {
		const uint8_t	*echo;
		size_t		 n;
		int		 bare, sent;
		enum ocsp_nonce	 nonce;
		unsigned	 faults;
	} t[] = {
		{ NULL, 0, 0, 1, OCSP_NONCE_ABSENT, 0 },
		{ sent, 32, 0, 1, OCSP_NONCE_MATCH, 0 },
		{ sent, 32, 1, 1, OCSP_NONCE_MATCH, 0 },
		{ wrong, 32, 0, 1, OCSP_NONCE_OTHER, OCSP_FAULT_NONCE },
		{ sent, 31, 0, 1, OCSP_NONCE_OTHER, OCSP_FAULT_NONCE },
		{ sent, 31, 1, 1, OCSP_NONCE_OTHER, OCSP_FAULT_NONCE },
		{ sent, 0, 0, 1, OCSP_NONCE_OTHER, OCSP_FAULT_NONCE },
		/* nothing was sent: nothing is compared */
		{ sent, 32, 0, 0, OCSP_NONCE_ABSENT, 0 },
	};
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a;
	struct buf		b = BUF_INIT, v = BUF_INIT;
	size_t			i;
	char			says;

	(void)state;
	for (i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		says = i % 2 == 0 ? 'g' : 'r';
		a = plain();
		a.says = says;
		buf_reset(&v);
		if (t[i / 2].echo != NULL) {
			buf_add(&v, t[i / 2].echo, t[i / 2].n);
			if (!t[i / 2].bare)
				fix_wrap(&v, DER_OCTETS);
			fix_extn(&a.exts, "1.3.6.1.5.5.7.48.1.2", i % 3 == 0,
			    &v);
		}
		buf_reset(&b);
		fix_answer(&b, &a);
		in.nonce = (struct span){ sent, t[i / 2].sent ? 32 : 0 };
		ocsp_said_read(buf_bytes(&b), &in, &s);
		assert_int_equal(s.nonce, t[i / 2].nonce);
		assert_int_equal(s.faults, t[i / 2].faults);
		/* somebody else's answer may revoke, but not clear */
		assert_int_equal(ocsp_said_counts(&s), says == 'r' ? REVOKED :
		    t[i / 2].faults != 0 ? NOTHING : GOOD);
		ocsp_said_free(&s);
	}
	buf_free(&b);
	buf_free(&v);
}

static void
test_names(void **state)
{
	unsigned	bit;
	size_t		i, k, n = 0;
	const char	*name[16];

	(void)state;
	for (bit = 1; bit <= OCSP_FAULT_RESPONDER_EXPIRED; bit <<= 1)
		name[n++] = ocsp_fault_name(bit);
	for (i = 0; i < n; i++) {
		assert_string_not_equal(name[i], "unknown");
		for (k = 0; k < i; k++)
			assert_string_not_equal(name[i], name[k]);
	}
	assert_string_equal(ocsp_fault_name(0), "unknown");
	assert_string_equal(ocsp_fault_name(bit), "unknown");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_signs),
		cmocka_unit_test(test_several_answers),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_names)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
