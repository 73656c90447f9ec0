#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/decide_bound.h"
#include "auditor/rule.h"

#define HOUR	3600000000LL

/* What a row changes against a certificate that nobody knows anything of. */
struct row {
	const char		*what;
	struct rule_facts	 f;
	int			 rule;
	enum rule_decision	 decision;
	const char		*kind;
	const char		*severity;
	int			 digest_only;
	const char		*reason;	/* part of it; NULL: any */
};

#define W .tbs = "aa", .policy = "strict", .issuer_owner = "ca.example", \
	.hold_end = 2 * HOUR
#define V W, .issued = RULE_ISSUED_VALID, .key_type_ok = 1, .now = HOUR
#define LATE W, .issued = RULE_ISSUED_VALID, .key_type_ok = 1
#define BADKEY W, .issued = RULE_ISSUED_VALID, .now = HOUR, \
	.key_type = "rsa1024"
#define UNSIGNED W, .key_type_ok = 1, .now = HOUR
#define UNEXPECTED "certificate.unexpected"

static const struct row rows[] = {
	/* Each rule alone. */
	{ "1 denied issuer", { V, .action = CONF_DENY }, 1, RULE_DENY,
	    UNEXPECTED, "critical", 0, "policy strict denies ca.example" },
	{ "1 compromised key", { V, .key = RULE_KEY_COMPROMISED }, 1,
	    RULE_MISUSED, "key.misused", "critical", 0, "compromised" },
	{ "1 out of bounds", { V, .key = RULE_KEY_OUTSIDE, .key_why = "why!" },
	    1, RULE_MISUSED, "key.misused", "critical", 0, "why!" },
	{ "2 ordered", { V, .expect = 7 }, 2, RULE_SILENT, NULL, NULL, 0,
	    "expectation 7" },
	{ "3 known", { V, .known = 3, .known_place = "import by me" }, 3,
	    RULE_SILENT, NULL, NULL, 0, "import by me" },
	{ "4 known key", { V, .key = RULE_KEY_KNOWN, .key_trusted = 1 }, 4,
	    RULE_SILENT, NULL, NULL, 0, "same key" },
	{ "5 baseline", { V, .baseline = 1 }, 5, RULE_BASELINE, NULL, NULL, 0,
	    "first head" },
	{ "6 source", { V, .source = "b", .action = CONF_HOLD }, 6, RULE_HOLD,
	    NULL, NULL, 0, "held until 1970-01-01T02:00:00Z" },
	{ "7 allowed", { V, .action = CONF_DIGEST }, 7, RULE_DIGEST,
	    UNEXPECTED, "low", 1, "digest" },
	{ "8 unexpected", { V }, 8, RULE_PAGE, UNEXPECTED, "critical", 0,
	    "first time" },
	/* Severity. */
	{ "8 usual issuer", { V, .issuer_usual = 1 }, 8, RULE_PAGE,
	    UNEXPECTED, "high", 0, "usual" },
	{ "1 denied stays critical", { V, .action = CONF_DENY,
	    .issuer_usual = 1 }, 1, RULE_DENY, UNEXPECTED, "critical", 0,
	    NULL },
	{ "7 low though the first time", { V, .action = CONF_DIGEST,
	    .issuer_usual = 0 }, 7, RULE_DIGEST, UNEXPECTED, "low", 1, NULL },
	/* Denials come first: nothing later silences them. */
	{ "1 before 2", { V, .action = CONF_DENY, .expect = 1 }, 1, RULE_DENY,
	    UNEXPECTED, "critical", 0, NULL },
	{ "1 before 3", { V, .action = CONF_DENY, .known = 1 }, 1, RULE_DENY,
	    UNEXPECTED, "critical", 0, NULL },
	{ "1 before 4", { V, .action = CONF_DENY, .key = RULE_KEY_KNOWN,
	    .key_trusted = 1 }, 1, RULE_DENY, UNEXPECTED, "critical", 0,
	    NULL },
	{ "1 before 5", { V, .action = CONF_DENY, .baseline = 1 }, 1,
	    RULE_DENY, UNEXPECTED, "critical", 0, NULL },
	{ "compromised before ordered", { V, .key = RULE_KEY_COMPROMISED,
	    .expect = 1 }, 1, RULE_MISUSED, "key.misused", "critical", 0,
	    NULL },
	{ "compromised before imported", { V, .key = RULE_KEY_COMPROMISED,
	    .known = 1 }, 1, RULE_MISUSED, "key.misused", "critical", 0,
	    NULL },
	{ "compromised before baseline", { V, .key = RULE_KEY_COMPROMISED,
	    .baseline = 1 }, 1, RULE_MISUSED, "key.misused", "critical", 0,
	    NULL },
	{ "key before issuer", { V, .key = RULE_KEY_COMPROMISED,
	    .action = CONF_DENY }, 1, RULE_MISUSED, "key.misused", "critical",
	    0, NULL },
	{ "outside before accepted", { V, .key = RULE_KEY_OUTSIDE,
	    .known = 1, .key_trusted = 1 }, 1, RULE_MISUSED, "key.misused",
	    "critical", 0, NULL },
	/* The order of the others. */
	{ "2 before 3", { V, .expect = 1, .known = 1 }, 2, RULE_SILENT, NULL,
	    NULL, 0, NULL },
	{ "3 before 4", { V, .known = 1, .key = RULE_KEY_KNOWN,
	    .key_trusted = 1 }, 3, RULE_SILENT, NULL, NULL, 0, NULL },
	{ "4 before 5", { V, .key = RULE_KEY_KNOWN, .key_trusted = 1,
	    .baseline = 1 }, 4, RULE_SILENT, NULL, NULL, 0, NULL },
	{ "5 before 6", { V, .baseline = 1, .source = "b",
	    .action = CONF_HOLD }, 5, RULE_BASELINE, NULL, NULL, 0, NULL },
	{ "5 before 7", { V, .baseline = 1, .action = CONF_DIGEST }, 5,
	    RULE_BASELINE, NULL, NULL, 0, NULL },
	{ "3 before hold", { V, .known = 1, .source = "b",
	    .action = CONF_HOLD }, 3, RULE_SILENT, NULL, NULL, 0, NULL },
	{ "3 silences digest", { V, .known = 1, .action = CONF_DIGEST }, 3,
	    RULE_SILENT, NULL, NULL, 0, NULL },
	/* A key that only an order has is not trusted. */
	{ "4 not by an order", { V, .key = RULE_KEY_KNOWN }, 8, RULE_PAGE,
	    UNEXPECTED, "critical", 0, "key known" },
	/* Rule 6 needs all of source, policy and time. */
	{ "6 not without hold", { V, .source = "b", .action = CONF_PAGE }, 8,
	    RULE_PAGE, UNEXPECTED, "critical", 0, NULL },
	{ "6 not without source", { V, .action = CONF_HOLD }, 8, RULE_PAGE,
	    UNEXPECTED, "critical", 0, NULL },
	{ "6 to the last moment", { LATE, .source = "b", .action = CONF_HOLD,
	    .now = 2 * HOUR - 1 }, 6, RULE_HOLD, NULL, NULL, 0, NULL },
	{ "6 not when it ended", { LATE, .source = "b", .action = CONF_HOLD,
	    .now = 2 * HOUR }, 8, RULE_PAGE, UNEXPECTED, "critical", 0,
	    NULL },
	/* Rule 7 needs an allowed key type. */
	{ "7 not with that key", { BADKEY, .action = CONF_DIGEST }, 8,
	    RULE_PAGE, UNEXPECTED, "critical", 0, "rsa1024" },
	{ "a key type denies nothing", { BADKEY, .known = 1 }, 3,
	    RULE_SILENT, NULL, NULL, 0, NULL },
	/* What a person said. */
	{ "rejected baseline", { V, .baseline = 1, .rejected = 1 }, 5,
	    RULE_PAGE, UNEXPECTED, "critical", 0, "rejected" },
	{ "rejected by the usual issuer", { V, .baseline = 1, .rejected = 1,
	    .issuer_usual = 1 }, 5, RULE_PAGE, UNEXPECTED, "critical", 0,
	    NULL },
	{ "rejected beats hold and digest", { V, .rejected = 1,
	    .action = CONF_DIGEST }, 5, RULE_PAGE, UNEXPECTED, "critical", 0,
	    NULL },
	/* The signature of the issuer. */
	{ "bad signature", { UNSIGNED, .issued = RULE_ISSUED_INVALID,
	    .action = CONF_DENY, .known = 1 }, 0, RULE_MALFORMED,
	    "certificate.malformed", "high", 0, "issuer_signature" },
	{ "issuer that cannot be had", { UNSIGNED, .issued =
	    RULE_ISSUED_UNCHECKED }, 8, RULE_PAGE, UNEXPECTED, "critical", 0,
	    NULL },
};

static void
apply(void **state)
{
	struct rule_result	 r;
	const struct row	*x;
	size_t			 i;
	int			 k, fired;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		x = &rows[i];
		rule_apply(&x->f, &r);
		if (r.rule != x->rule || r.decision != x->decision)
			fail_msg("%s: rule %d, %s", x->what, r.rule,
			    rule_decision_name(r.decision));
		if ((x->kind == NULL) != (r.kind == NULL) ||
		    (x->kind != NULL && (strcmp(x->kind, r.kind) != 0 ||
		    strcmp(x->severity, r.severity) != 0)))
			fail_msg("%s: %s %s", x->what, r.kind, r.severity);
		if (r.digest_only != x->digest_only)
			fail_msg("%s: digest %d", x->what, r.digest_only);
		if (x->reason != NULL && strstr(r.reason, x->reason) == NULL)
			fail_msg("%s: %s", x->what, r.reason);
		/* Each rule says why; those above it do not fire. */
		for (k = 0, fired = 0; k < RULE_COUNT; k++) {
			assert_true(r.say[k].why[0] != '\0');
			fired |= r.say[k].fires;
			if (r.rule != 0 && k < r.rule - 1)
				assert_false(r.say[k].fires);
		}
		assert_true(fired);
	}
}

static void
louder(void **state)
{
	static const enum rule_decision order[] = {
		RULE_SILENT, RULE_BASELINE, RULE_DIGEST, RULE_HOLD,
		RULE_MALFORMED, RULE_PAGE, RULE_DENY, RULE_MISUSED
	};
	size_t	i, k;

	(void)state;
	for (i = 0; i < RULE_DECISIONS; i++)
		for (k = 0; k < RULE_DECISIONS; k++)
			assert_int_equal(rule_louder(order[i], order[k]),
			    order[i > k ? i : k]);
}

/* --- bounds --- */

static void
bound_names(void **state)
{
	static const struct {
		const char	*pattern, *name;
		int		 want;
	} t[] = {
		{ "a.example", "a.example", 1 },
		{ "a.example", "b.a.example", 0 },
		{ "a.example", "*.example", 0 },
		{ "a.example", "xa.example", 0 },
		{ "*.a.example", "*.a.example", 1 },
		{ "*.a.example", "b.a.example", 0 },
		{ ".a.example", "a.example", 1 },
		{ ".a.example", "b.a.example", 1 },
		{ ".a.example", "*.a.example", 1 },
		{ ".a.example", "c.b.a.example", 1 },
		{ ".a.example", "xa.example", 0 },
		{ ".a.example", "*.example", 0 },
		{ ".a.example", ".a.example", 1 },
		{ ".", "what.ever", 1 },
		{ "192.0.2.7", "192.0.2.7", 1 },
		{ "192.0.2.7", "192.0.2.8", 0 },
		{ "192.0.2.0/24", "192.0.2.255", 1 },
		{ "192.0.2.0/24", "192.0.3.0", 0 },
		{ "192.0.2.0/31", "192.0.2.1", 1 },
		{ "192.0.2.0/31", "192.0.2.2", 0 },
		{ "0.0.0.0/0", "203.0.113.1", 1 },
		{ "0.0.0.0/0", "2001:db8::1", 0 },
		{ "192.0.2.0/33", "192.0.2.0", 0 },
		{ "192.0.2.0/", "192.0.2.0", 0 },
		{ "192.0.2.0/x", "192.0.2.0", 0 },
		{ "2001:db8::/32", "2001:db8:1::5", 1 },
		{ "2001:db8::/32", "2001:db9::5", 0 },
		{ "2001:db8::1", "2001:0db8:0:0::1", 1 },
		{ "", "", 1 },
		{ "", "a", 0 },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (decide_bound_name(t[i].pattern, t[i].name) != t[i].want)
			fail_msg("%s against %s", t[i].pattern, t[i].name);
}

static const char *const na[] = { "a.example" }, *const nb[] = { "b.example" };
static const char *const nab[] = { "a.example", "b.example" };

static void
bound_union(void **state)
{
	const struct decide_bound b[] = {
		{ na, 1, "ca.example", 10 }, { nb, 1, NULL, INT64_MIN },
	};
	static const struct {
		size_t			 n;
		struct decide_subject	 s;
		const char		*why;	/* NULL: within */
	} t[] = {
		{ 2, { na, 1, "ca.example", 10 }, NULL },
		{ 2, { na, 1, "ca.example", 11 }, "ended" },
		{ 2, { na, 1, "other.example", 5 }, "ca.example" },
		{ 2, { na, 1, NULL, 5 }, "not known" },
		{ 2, { nb, 1, NULL, 999 }, NULL },
		{ 2, { nab, 2, "ca.example", 10 }, NULL },
		{ 2, { nab, 2, "other.example", 10 }, "a.example" },
		{ 1, { nab, 2, "ca.example", 10 }, "b.example" },
		{ 0, { na, 1, "ca.example", 10 }, "a.example" },
		{ 2, { na, 0, "ca.example", 10 }, "no name" },
	};
	const struct decide_bound any = { NULL, 0, NULL, INT64_MIN };
	char	why[200];
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		why[0] = '\0';
		if (decide_bound_union(b, t[i].n, &t[i].s, why,
		    sizeof(why)) != (t[i].why == NULL))
			fail_msg("row %zu: %s", i, why);
		if (t[i].why != NULL && strstr(why, t[i].why) == NULL)
			fail_msg("row %zu: %s", i, why);
	}
	assert_int_equal(decide_bound_union(&any, 1, &t[5].s, why,
	    sizeof(why)), 1);
	/* The sentence is cut, not overrun. */
	assert_int_equal(decide_bound_union(b, 1, &t[7].s, why, 8), 0);
	assert_int_equal(strlen(why), 7);
}

static void
bound_same(void **state)
{
	static const char *const ba[] = { "b.example", "a.example" };
	static const char *const baa[] = { "b.example", "a.example",
	    "a.example" };

	(void)state;
	assert_true(decide_bound_same(nab, 2, ba, 2));
	assert_true(decide_bound_same(nab, 2, baa, 3));
	assert_false(decide_bound_same(nab, 2, na, 1));
	assert_false(decide_bound_same(na, 1, nb, 1));
	assert_true(decide_bound_same(NULL, 0, NULL, 0));
	assert_false(decide_bound_same(na, 1, NULL, 0));
}

static void
policies(void **state)
{
	static char	le[] = "le.example", dc[] = "dc.example",
	    bad[] = "bad.example", star[] = "*", name[] = "p", p256[] = "p256";
	char		*types[] = { p256 };
	struct conf_issuer is[] = { { star, CONF_HOLD }, { le, CONF_DIGEST },
	    { dc, CONF_PAGE }, { bad, CONF_DENY } };
	struct conf_policy p = { name, is, 4, 60, { types, 1 } };
	struct conf_policy q = { name, is + 1, 3, 60, { NULL, 0 } };

	(void)state;
	assert_int_equal(decide_bound_action(NULL, "le.example"), CONF_PAGE);
	assert_int_equal(decide_bound_action(&p, "le.example"), CONF_DIGEST);
	assert_int_equal(decide_bound_action(&p, "dc.example"), CONF_PAGE);
	assert_int_equal(decide_bound_action(&p, "bad.example"), CONF_DENY);
	assert_int_equal(decide_bound_action(&p, "x.example"), CONF_HOLD);
	assert_int_equal(decide_bound_action(&p, NULL), CONF_HOLD);
	assert_int_equal(decide_bound_action(&q, "x.example"), CONF_PAGE);
	assert_int_equal(decide_bound_action(&q, NULL), CONF_PAGE);
	assert_true(decide_bound_key_type(NULL, "rsa1024"));
	assert_true(decide_bound_key_type(&q, "rsa1024"));
	assert_true(decide_bound_key_type(&p, "p256"));
	assert_false(decide_bound_key_type(&p, "p384"));
	assert_false(decide_bound_key_type(&p, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apply),
		cmocka_unit_test(louder),
		cmocka_unit_test(bound_names),
		cmocka_unit_test(bound_union),
		cmocka_unit_test(bound_same),
		cmocka_unit_test(policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
