/*
 * What is decided of a certificate that somebody declared, whose key is known,
 * that was ordered, or that a source may still declare.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/auditor/decide_fixture.h"

static void
declarations(void **state)
{
	struct decide_match m = match(1, 5, 1, 0);

	(void)state;
	issuance(&www);
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	decide(1, &m, 1, 1);
	DECISION(1, "silent 3");
	FINDINGS(1, "");
	/* Its removal is heard of. */
	sql("update known set removed_at = now()");
	declared(1, 1, 1);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected  critical open");
	/* A declaration that comes late retracts what nobody acknowledged. */
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	DECISION(1, "silent 3");
	FINDINGS(1, "certificate.unexpected  critical resolved");
	IS("select string_agg(event, ',' order by at, event) from"
	    " finding_event", "opened,retracted");
	/* What somebody looks at stays with that person. */
	clean(NULL);
	issuance(&www);
	decide(1, &m, 1, 1);
	sql("update finding set state = 'acked'");
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	FINDINGS(1, "certificate.unexpected  critical acked");
	/* An acknowledgement trusts no key. */
	clean(NULL);
	issuance(&www);
	decide(1, &m, 1, 1);
	sql("update finding set state = 'acked'");
	{
		struct iss again = www;

		again.tbs = 2;
		again.serial = "0b";
		issuance(&again);
		decide(2, &m, 1, 1);
	}
	FINDINGS(2, "certificate.unexpected  critical open");
}

static void
keys(void **state)
{
	static const struct {
		const char	*what, *names, *by;
		int64_t		 until;
		const char	*trust, *decision, *finding;
	} t[] = {
		{ "within", "www.shop.example", "ca.example", INT64_MIN,
		    "key", "silent 4", "" },
		{ "pattern", ".shop.example", NULL, INT64_MIN, "key",
		    "silent 4", "" },
		{ "any name (a CSR without)", NULL, NULL, INT64_MIN, "key",
		    "silent 4", "" },
		{ "to its last moment", "www.shop.example", NULL,
		    NOW_MS * 1000, "key", "silent 4", "" },
		{ "expired", "www.shop.example", NULL, NOW_MS * 1000 - 1,
		    "key", "misused 1", "key.misused  critical open" },
		{ "another name", "shop.example", NULL, INT64_MIN, "key",
		    "misused 1", "key.misused  critical open" },
		{ "another issuer", "www.shop.example", "b.example",
		    INT64_MIN, "key", "misused 1",
		    "key.misused  critical open" },
		{ "compromised", NULL, NULL, INT64_MIN, "compromised",
		    "misused 1", "key.misused  critical open" },
	};
	struct decide_match	m = match(1, 5, 1, 0);
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		clean(NULL);
		issuance(&www);
		know(-1, 1, t[i].names, t[i].by, t[i].until, t[i].trust);
		decide(1, &m, 1, 1);
		DECISION(1, t[i].decision);
		FINDINGS(1, t[i].finding);
	}
	/* The union of two imports; a wider bound retracts. */
	clean(NULL);
	issuance(&www);
	know(-1, 1, "shop.example", "ca.example", INT64_MIN, "key");
	decide(1, &m, 1, 1);
	FINDINGS(1, "key.misused  critical open");
	know(-1, 1, "www.shop.example", "ca.example", INT64_MIN, "key");
	declared(1, 0, 1);
	DECISION(1, "silent 4");
	FINDINGS(1, "key.misused  critical resolved");
	/* Compromise beats an import of the very certificate. */
	clean(NULL);
	issuance(&www);
	know(1, 1, "www.shop.example", NULL, INT64_MIN, "key");
	know(-1, 1, NULL, NULL, INT64_MIN, "compromised");
	decide(1, &m, 1, 1);
	DECISION(1, "misused 1");
}

static void
orders(void **state)
{
	struct iss		b = www;
	struct decide_match	m = match(1, 5, 1, 0);

	(void)state;
	b.tbs = 2;
	b.serial = "0b";
	issuance(&www);
	issuance(&b);
	expects(1, "www.shop.example", "ca.example", NOW_MS, NOW_MS);
	decide(1, &m, 1, 0);
	DECISION(1, "silent 2");
	IS("select state || get_byte(tbs_sha256, 0) from expectation",
	    "fulfilled1");
	decide(1, &m, 1, 1);
	DECISION(1, "silent 2");
	/* Used up: the second certificate is unexpected. */
	decide(2, &m, 1, 1);
	DECISION(2, "page 8");
	FINDINGS(2, "certificate.unexpected  high open");

	/* Denied beats ordered, and leaves the order open. */
	clean(NULL);
	b.owner = "bad.example";
	issuance(&b);
	expects(1, "www.shop.example", NULL, NOW_MS, NOW_MS);
	m = match(1, 5, 2, 0);
	decide(2, &m, 1, 1);
	DECISION(2, "deny 1");
	FINDINGS(2, "certificate.unexpected team-b critical open");
	IS("select state from expectation", "open");
}

/* Names, issuer and time of an order must be exactly so. */
static void
orders_exact(void **state)
{
	static const struct {
		const char	*what, *name, *by;
		int64_t		 from, to;
		const char	*want;
	} t[] = {
		{ "issuer any", "www.shop.example", NULL, NOW_MS, NOW_MS,
		    "silent 2" },
		{ "too early", "www.shop.example", NULL, NOW_MS + 1,
		    NOW_MS + 2, "page 8" },
		{ "too late", "www.shop.example", NULL, NOW_MS - 2,
		    NOW_MS - 1, "page 8" },
		/* A key of an open order is bound by it. */
		{ "issuer", "www.shop.example", "b.example", NOW_MS, NOW_MS,
		    "misused 1" },
		{ "names", "shop.example", NULL, NOW_MS, NOW_MS,
		    "misused 1" },
	};
	struct decide_match	m = match(1, 5, 1, 0);
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		clean(NULL);
		issuance(&www);
		expects(1, t[i].name, t[i].by, t[i].from, t[i].to);
		decide(1, &m, 1, 1);
		DECISION(1, t[i].want);
	}
}

static void
holds(void **state)
{
	struct decide_match	m = match(1, 5, 2, 0);
	struct err		e = ERR_INIT;
	size_t			n;

	(void)state;
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	decide(1, &m, 1, 0);
	DECISION(1, "hold 6");
	FINDINGS(1, "");
	IS("select hold_until - first_seen from issuance", "00:01:00");
	assert_int_equal(decide_holds(db, &conf, &n, &e), 0);
	assert_int_equal(n, 0);
	/* The source declares it in time. */
	know(1, -1, NULL, NULL, INT64_MIN, "issuance");
	declared(1, 0, 1);
	DECISION(1, "silent 3");
	IS("select hold_until is null from issuance", "t");

	/* Nobody does. */
	clean(NULL);
	sql("insert into source (name, names, issuers, origin) values"
	    " ('b', '{.shop.example}', '{ca.example}', 'cli')");
	issuance(&www);
	decide(1, &m, 1, 0);
	sql("update issuance set first_seen = first_seen - interval '2 min',"
	    " hold_until = hold_until - interval '2 min'");
	assert_int_equal(decide_holds(db, &conf, &n, &e), 0);
	assert_int_equal(n, 1);
	DECISION(1, "page 8");
	FINDINGS(1, "certificate.unexpected team-b critical open");
	IS("select nearest_source from finding", "b");
	assert_int_equal(decide_holds(db, &conf, &n, &e), 0);
	assert_int_equal(n, 0);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
	IS("select count(*) from finding_event", "1");

	/* Outside of the source's issuers, names and dates nothing is held. */
	sql("truncate issuance, finding cascade; update source set issuers ="
	    " '{b.example}'");
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
	sql("truncate issuance, finding cascade; update source set issuers ="
	    " '{ca.example}', names = '{shop.example}'");
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
	sql("truncate issuance, finding cascade; update source set names ="
	    " '{.shop.example}', until = to_timestamp(1)");
	issuance(&www);
	decide(1, &m, 1, 1);
	DECISION(1, "page 8");
}

static int
run(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		T(declarations), T(keys), T(orders), T(orders_exact),
		T(holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
	return deciding_main(run);
}
