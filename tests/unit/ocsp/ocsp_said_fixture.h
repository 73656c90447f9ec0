#ifndef TESTS_UNIT_OCSP_OCSP_SAID_FIXTURE_H
#define TESTS_UNIT_OCSP_OCSP_SAID_FIXTURE_H

#include "tests/unit/ocsp/ocsp_fixture.h"

#include <openssl/ocsp.h>

#include "base/limit.h"
#include "ocsp/ocsp.h"

/* OCSP answers, and what is to be made of them. */

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

static inline int
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

static inline int
teardown(void **state)
{
	size_t	i;

	(void)state;
	for (i = 0; i < NPARTIES; i++)
		fix_free(parties[i].p);
	return 0;
}

/* A plain good answer of the CA itself. */
static inline struct answer
plain(void)
{
	struct answer	a = { .signer = &ca, .issuer = &ca, .serial = SERIAL,
	    .says = 'g', .reason = -1, .this = -HOUR, .next = 6 * FIX_DAY,
	    .produced = -HOUR };

	return a;
}

static inline struct ocsp_read_in
asked(void)
{
	struct ocsp_read_in	in = { buf_bytes(&ca.der), SERIAL,
	    { NULL, 0 }, T0 * CLK_SEC, 300 * CLK_SEC, FIX_DAY * CLK_SEC };

	return in;
}

/* The answer's certificate inside. */
static inline void
with(struct answer *a, const struct party *p)
{
	a->signer = p;
	buf_span(&a->certs, buf_bytes(&p->der));
}

static inline struct ocsp_said
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

static inline void
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

#endif
