#include "tests/unit/ocsp/ocsp_fixture.h"

#include <openssl/ocsp.h>

#include "base/limit.h"
#include "ocsp/ocsp.h"

#define SERIAL	"0a0b0c"

static struct party	ca, twin, sibling, other, del, late, early, noeku,
    anyeku, delca, twindel, grand, nonocheck, critical, encipher, sha1del,
    caname, renamed;

static const struct {
	struct party	*p;
	struct wish	 w;
} parties[] = {
	{ &ca, { .name = "CA", .basic = "critical,CA:TRUE" } },
	/* another key under the same name */
	{ &twin, { .name = "CA", .basic = "critical,CA:TRUE" } },
	{ &other, { .name = "Other", .basic = "critical,CA:TRUE" } },
	/* another certificate of the same CA */
	{ &sibling, { .name = "CA", .key = &ca, .issuer = &other,
	    .basic = "critical,CA:TRUE" } },
	{ &del, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .basic = "CA:FALSE", .usage = "critical,digitalSignature",
	    .nocheck = 1 } },
	{ &late, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .nocheck = 1, .to = -1800 } },
	{ &early, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .nocheck = 1, .from = -1800 } },
	{ &noeku, { .name = "OCSP", .issuer = &ca, .nocheck = 1 } },
	{ &anyeku, { .name = "OCSP", .issuer = &ca,
	    .eku = "anyExtendedKeyUsage,serverAuth", .nocheck = 1 } },
	{ &delca, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .basic = "critical,CA:TRUE", .nocheck = 1 } },
	{ &twindel, { .name = "OCSP", .issuer = &twin, .eku = "OCSPSigning",
	    .nocheck = 1 } },
	{ &grand, { .name = "OCSP 2", .issuer = &del, .eku = "OCSPSigning",
	    .nocheck = 1 } },
	{ &nonocheck, { .name = "OCSP", .issuer = &ca,
	    .eku = "OCSPSigning" } },
	{ &critical, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .nocheck = 1, .critical = 1 } },
	{ &encipher, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .usage = "keyEncipherment", .nocheck = 1 } },
	{ &sha1del, { .name = "OCSP", .issuer = &ca, .eku = "OCSPSigning",
	    .nocheck = 1, .md = NULL } },
	/* the CA's key under another name */
	{ &renamed, { .name = "CA 2", .key = &ca, .issuer = &other,
	    .basic = "critical,CA:TRUE" } },
	/* a responder that calls itself as the CA does */
	{ &caname, { .name = "CA", .issuer = &ca, .eku = "OCSPSigning",
	    .nocheck = 1 } },
};
#define NPARTIES	(sizeof(parties) / sizeof(parties[0]))

static int
setup(void **state)
{
	struct wish	w;
	size_t		i;

	(void)state;
	for (i = 0; i < NPARTIES; i++) {
		w = parties[i].w;
		if (parties[i].p == &sha1del)
			w.md = EVP_sha1();
		fix_party(parties[i].p, &w);
	}
	return 0;
}

static int
teardown(void **state)
{
	size_t	i;

	(void)state;
	for (i = 0; i < NPARTIES; i++)
		fix_free(parties[i].p);
	return 0;
}

/* A plain good answer of the CA itself. */
static struct answer
plain(void)
{
	struct answer	a = { .signer = &ca, .issuer = &ca, .serial = SERIAL,
	    .says = 'g', .reason = -1, .this = -HOUR, .next = 6 * FIX_DAY,
	    .produced = -HOUR };

	return a;
}

static struct ocsp_read_in
asked(void)
{
	struct ocsp_read_in	in = { buf_bytes(&ca.der), SERIAL,
	    { NULL, 0 }, T0 * CLK_SEC, 300 * CLK_SEC, FIX_DAY * CLK_SEC };

	return in;
}

/* The answer's certificate inside. */
static void
with(struct answer *a, const struct party *p)
{
	a->signer = p;
	buf_span(&a->certs, buf_bytes(&p->der));
}

static struct ocsp_said
judge(struct answer *a)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct buf		b = BUF_INIT;

	fix_answer(&b, a);
	ocsp_said_read(buf_bytes(&b), &in, &s);
	buf_free(&b);
	return s;
}

#define NONE	OCSP_WHO_NONE
#define ISSUER	OCSP_WHO_ISSUER
#define DELEG	OCSP_WHO_DELEGATED

/* What is seen, each by itself. */
struct want {
	unsigned	faults;
	enum ocsp_sig	sig;
	enum ocsp_who	who;
	enum ocsp_fresh	fresh;
	enum ocsp_says	says, counts;
};

static void
check(struct ocsp_said s, struct want w)
{
	if (s.faults != w.faults)
		fail_msg("faults %#x, not %#x: %s", s.faults, w.faults,
		    s.why);
	assert_int_equal(s.sig, w.sig);
	assert_int_equal(s.who, w.who);
	assert_int_equal(s.fresh, w.fresh);
	assert_int_equal(s.says, w.says);
	assert_int_equal(ocsp_said_counts(&s), w.counts);
	assert_int_equal(s.why[0] != '\0', w.faults != 0);
	ocsp_said_free(&s);
}

#define VALID	OCSP_SIG_VALID
#define GOOD	OCSP_SAYS_GOOD
#define REVOKED	OCSP_SAYS_REVOKED
#define UNKNOWN	OCSP_SAYS_UNKNOWN
#define NOTHING	OCSP_SAYS_NOTHING
#define FRESH	OCSP_FRESH
#define STALE	OCSP_FRESH_STALE
#define FUTURE	OCSP_FRESH_FUTURE

static const struct want fine = { 0, VALID, ISSUER, FRESH, GOOD, GOOD };

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
test_extensions(void **state)
{
	struct answer		a = plain();
	struct ocsp_said	s;
	struct buf		v = BUF_INIT;
	struct want		w = { OCSP_FAULT_MALFORMED, VALID, ISSUER,
	    FRESH, GOOD, NOTHING };

	(void)state;
	buf_str(&v, "\4\3abc");
	fix_extn(&a.exts, "1.2.3", 0, &v);
	fix_extn(&a.single_exts, "1.2.3", 0, &v);
	fix_extn(&a.single_exts, "1.3.6.1.4.1.11129.2.4.5", 0, &v);
	s = judge(&a);
	assert_int_equal(s.scts.n, 3);
	assert_memory_equal(s.scts.p, "abc", 3);
	check(s, fine);
	a = plain();
	fix_extn(&a.exts, "1.2.3", 1, &v);
	check(judge(&a), w);
	a = plain();
	fix_extn(&a.single_exts, "1.2.3", 1, &v);
	check(judge(&a), w);
	/* a list that is none: there is nothing to take out of it */
	a = plain();
	buf_reset(&v);
	buf_str(&v, "\xde\xad\xbe\xef");
	fix_extn(&a.single_exts, "1.3.6.1.4.1.11129.2.4.5", 1, &v);
	s = judge(&a);
	assert_int_equal(s.scts.n, 0);
	check(s, fine);
	buf_free(&v);
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

/* Outer statuses, with and without what does not belong there. */
static void
test_outer(void **state)
{
	static const struct {
		const char	*hex;
		int		 outer;
		unsigned	 faults;
	} t[] = {
		{ "30030a0101", 1, OCSP_FAULT_OUTER },
		{ "30030a0102", 2, OCSP_FAULT_OUTER },
		{ "30030a0103", 3, OCSP_FAULT_OUTER },
		{ "30030a0105", 5, OCSP_FAULT_OUTER },
		{ "30030a0106", 6, OCSP_FAULT_OUTER },
		{ "30030a0111", 17, OCSP_FAULT_OUTER },
		{ "30030a010300", 3, OCSP_FAULT_OUTER |
		    OCSP_FAULT_MALFORMED },
		{ "30050a0103a000", 3, OCSP_FAULT_OUTER |
		    OCSP_FAULT_MALFORMED },
		{ "30050a01030500", 3, OCSP_FAULT_OUTER |
		    OCSP_FAULT_MALFORMED },
		{ "30030a0100", 0, OCSP_FAULT_MALFORMED },
		{ "30030a01ff", -1, OCSP_FAULT_MALFORMED },
		{ "30040a020003", -1, OCSP_FAULT_MALFORMED },
		{ "3003020103", -1, OCSP_FAULT_MALFORMED },
		{ "30800a01030000", -1, OCSP_FAULT_MALFORMED },
		{ "3081030a0103", -1, OCSP_FAULT_MALFORMED },
		{ "3000", -1, OCSP_FAULT_MALFORMED },
		{ "", -1, OCSP_FAULT_MALFORMED },
		{ "3c68746d6c3e", -1, OCSP_FAULT_MALFORMED },
	};
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex), &b),
		    0);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		assert_int_equal(s.outer, t[i].outer);
		check(s, (struct want){ t[i].faults, OCSP_SIG_UNCHECKED, NONE,
		    STALE, NOTHING, NOTHING });
	}
	/* tryLater around an answer that would be good: it is not looked at */
	buf_reset(&b);
	fix_answer(&b, &a);
	for (i = 0; i + 2 < b.n && memcmp(b.p + i, "\x0a\x01\x00", 3) != 0;)
		i++;
	b.p[i + 2] = 3;
	ocsp_said_read(buf_bytes(&b), &in, &s);
	assert_int_equal(s.outer, 3);
	check(s, (struct want){ OCSP_FAULT_OUTER | OCSP_FAULT_MALFORMED,
	    OCSP_SIG_UNCHECKED, NONE, STALE, NOTHING, NOTHING });
	buf_free(&b);
}

/* Cut anywhere, or with a byte too many, nothing is believed. */
static void
test_cut(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	with(&a, &del);
	fix_answer(&b, &a);
	for (i = 0; i < b.n; i++) {
		ocsp_said_read((struct span){ b.p, i }, &in, &s);
		assert_int_equal(ocsp_said_counts(&s), NOTHING);
		assert_true((s.faults & OCSP_FAULT_MALFORMED) != 0);
		ocsp_said_free(&s);
	}
	buf_u8(&b, 0);
	ocsp_said_read(buf_bytes(&b), &in, &s);
	assert_int_equal(s.faults, OCSP_FAULT_MALFORMED);
	assert_int_equal(ocsp_said_counts(&s), NOTHING);
	ocsp_said_free(&s);
	buf_free(&b);
}

/* No bit of what is signed can be turned. */
static void
test_flipped(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a = plain();
	struct buf		b = BUF_INIT, tbs = BUF_INIT;
	uint8_t			*p;
	size_t			i, good = 0;

	(void)state;
	fix_tbs(&tbs, &a);
	fix_sign(&b, &a, &tbs);
	p = memmem(b.p, b.n, tbs.p, tbs.n);
	assert_non_null(p);
	for (i = 0; i < tbs.n * 8; i++) {
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		good += ocsp_said_counts(&s) != NOTHING;
		ocsp_said_free(&s);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(good, 0);
	ocsp_said_read(buf_bytes(&b), &in, &s);
	check(s, fine);
	buf_free(&b);
	buf_free(&tbs);
}

/* A SingleResponse of 39 bytes about nothing. */
static void
put_small(struct buf *b)
{
	buf_add(b, "\x30\x25\x30\x10\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a\x04"
	    "\0\x04\0\x02\x01\x01\x80\0\x18\x0f" "20261122120000Z", 39);
}

static void
test_limits(void **state)
{
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	struct answer		a;
	struct buf		b = BUF_INIT, pad = BUF_INIT;
	size_t			i, n;

	(void)state;
	for (n = LIMIT_OCSP_SINGLES - 1; n <= LIMIT_OCSP_SINGLES; n++) {
		a = plain();
		for (i = 0; i < n; i++)
			put_small(&a.before);
		check(judge(&a), n < LIMIT_OCSP_SINGLES ? fine :
		    (struct want){ OCSP_FAULT_MALFORMED, OCSP_SIG_UNCHECKED,
		    NONE, STALE, NOTHING, NOTHING });
	}
	/* an answer of LIMIT_BODY_OCSP bytes, and of one more */
	a = plain();
	fix_extn(&a.exts, "1.2.3", 0, &pad);
	fix_answer(&b, &a);
	n = LIMIT_BODY_OCSP - b.n - 24;
	do {
		n++;
		buf_free(&pad);
		memset(buf_room(&pad, n), 0, n);
		pad.n = n;
		a = plain();
		fix_extn(&a.exts, "1.2.3", 0, &pad);
		buf_reset(&b);
		fix_answer(&b, &a);
		ocsp_said_read(buf_bytes(&b), &in, &s);
		assert_int_equal(s.faults, b.n <= LIMIT_BODY_OCSP ? 0 :
		    OCSP_FAULT_MALFORMED);
		ocsp_said_free(&s);
	} while (b.n <= LIMIT_BODY_OCSP);
	buf_free(&b);
	buf_free(&pad);
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

/* Made by OpenSSL's own responder functions, now. */
static void
test_openssl(void **state)
{
	static const uint8_t	nonce[32] = { 7 };
	OCSP_BASICRESP		*br = OCSP_BASICRESP_new();
	OCSP_RESPONSE		*r;
	ASN1_INTEGER		*n = ASN1_INTEGER_new();
	ASN1_TIME		*this, *next;
	OCSP_CERTID		*id;
	struct ocsp_read_in	in = asked();
	struct ocsp_said	s;
	uint8_t			*der = NULL;
	time_t			now = time(NULL);
	struct party		p, o;
	struct wish		w = { .name = "Root", .basic = "CA:TRUE",
	    .from = now - T0 - FIX_DAY, .to = now - T0 + FIX_DAY };
	int			len;

	(void)state;
	fix_party(&p, &w);
	w = (struct wish){ .name = "O", .issuer = &p, .eku = "OCSPSigning",
	    .nocheck = 1, .from = w.from, .to = w.to };
	fix_party(&o, &w);
	(void)ASN1_INTEGER_set(n, 0x0a0b0c);
	id = OCSP_cert_id_new(EVP_sha256(), X509_get_subject_name(p.x),
	    X509_get0_pubkey_bitstr(p.x), n);
	this = ASN1_TIME_set(NULL, now);
	next = ASN1_TIME_set(NULL, now + HOUR);
	assert_non_null(OCSP_basic_add1_status(br, id,
	    V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
	    this, this, next));
	(void)OCSP_basic_add1_nonce(br, (uint8_t *)(uintptr_t)nonce, 32);
	assert_int_equal(OCSP_basic_sign(br, o.x, o.key, EVP_sha256(), NULL,
	    0), 1);
	r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, br);
	len = i2d_OCSP_RESPONSE(r, &der);
	in.issuer = buf_bytes(&p.der);
	in.now = (int64_t)now * CLK_SEC;
	in.nonce = (struct span){ nonce, 32 };
	ocsp_said_read((struct span){ der, (size_t)len }, &in, &s);
	assert_int_equal(s.reason, 1);
	assert_int_equal(s.nonce, OCSP_NONCE_MATCH);
	assert_string_equal(s.responder, "CN=O");
	check(s, (struct want){ 0, VALID, DELEG, FRESH, REVOKED, REVOKED });
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(br);
	OCSP_CERTID_free(id);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	fix_free(&p);
	fix_free(&o);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_delegated),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_several_certificates),
		cmocka_unit_test(test_expired_responder),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_signs),
		cmocka_unit_test(test_several_answers),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_outer),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_openssl),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
