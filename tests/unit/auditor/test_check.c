#include "auditor/cmd/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pki/roots.h"
#include "tests/unit/auditor/cert_fixture.h"

/* What comes of a check, without a network: findings, status, words. */

static struct roots	*program;
static char		 site[] = "www.example.com";

/* A certificate of which all is well, and was looked at. */
static struct check *
fine(void)
{
	struct check	*c = mem_zero(sizeof(*c));
	size_t		 i;

	c->said = said_cert(0x11);
	c->said.name_ok = 1;
	c->have = 1;
	c->at = c->said.not_after - 89 * 86400 * CLK_SEC;
	c->target = "cert.pem";
	c->programs = &program;
	c->nprograms = 1;
	c->caa_said = -1;
	c->rev.status = REV_GOOD;
	c->rev.reason = -1;
	c->rev.stated_at = INT64_MIN;
	c->rev.source = 0;
	(void)snprintf(c->rev.why, sizeof(c->rev.why), "not revoked by CRL x");
	for (i = 0; i < LIMIT_SCTS; i++)
		c->inclusion[i] = -1;
	buf_str(&c->list, "{}");
	return c;
}

static void
done(struct check *c)
{
	buf_free(&c->list);
	free(c);
}

/* --- faults ---------------------------------------------------------------------- */

static void
well(struct check *c)
{
	(void)c;
}

static void
untrusted(struct check *c)
{
	(void)c;
	said_paths[0].verdict = CHAIN_UNTRUSTED;
	said_paths[0].reason = "its root is in no store";
}

static void
no_path(struct check *c)
{
	c->said.npaths = 0;
	c->said.chain_reason = "no certificate of the issuer is there";
}

/* Trusted by one program of two. */
static void
half(struct check *c)
{
	untrusted(c);
	c->said.npaths = 2;
}

static void
expired(struct check *c)
{
	c->said.not_after = c->at - CLK_SEC;
}

/* notAfter itself is the last moment (RFC 5280 4.1.2.5). */
static void
last_second(struct check *c)
{
	c->said.not_after = c->at - CLK_SEC + 1;
}

static void
not_yet(struct check *c)
{
	c->said.not_before = c->at + 1;
}

static void
third(struct check *c)
{
	c->said.not_before = c->at - 70 * 86400 * CLK_SEC;
	c->said.not_after = c->at + 30 * 86400 * CLK_SEC;
}

static void
sixth(struct check *c)
{
	c->said.not_before = c->at - 90 * 86400 * CLK_SEC;
	c->said.not_after = c->at + 10 * 86400 * CLK_SEC;
}

static void
mismatch(struct check *c)
{
	c->said.name_ok = 0;
	c->name = "other.example";
}

static void
incomplete(struct check *c)
{
	c->incomplete = 1;
}

static void
weak(struct check *c)
{
	c->said.weak = "debian";
	c->said.weak_why = "it is in the list";
}

static void
bad_sct(struct check *c)
{
	(void)c;
	said_scts[1].status = SCTS_BAD_SIGNATURE;
	said_scts[1].reason = "the signature does not verify";
}

static void
bad_list(struct check *c)
{
	c->said.scts_reason = "cut short";
}

static void
odd_scts(struct check *c)
{
	(void)c;
	said_scts[0].status = SCTS_UNKNOWN_LOG;
	said_scts[1].status = SCTS_NOT_COUNTED;
}

static void
absent(struct check *c)
{
	c->inclusion[1] = 0;
	(void)snprintf(c->included[1], sizeof(c->included[1]), "no such leaf");
}

static void
policy(struct check *c)
{
	c->said.compliant[0] = 0;
	c->said.policy[0] = "one SCT, two are needed";
}

/* Without a list of logs nothing is said of policies. */
static void
policy_no_list(struct check *c)
{
	policy(c);
	buf_reset(&c->list);
}

static void
revoked(struct check *c)
{
	c->rev.status = REV_REVOKED;
	c->rev.reason = 1;
	c->rev.stated_at = INT64_C(1780000000000000);
}

static void
disputed(struct check *c)
{
	revoked(c);
	c->rev.disagree = 1;
}

static void
unknown(struct check *c)
{
	c->rev.status = REV_UNKNOWN;
	(void)snprintf(c->rev.why, sizeof(c->rev.why), "CRL x: timeout");
}

static void
not_applicable(struct check *c)
{
	c->rev.status = REV_NOT_APPLICABLE;
}

static void
unknown_and_expired(struct check *c)
{
	unknown(c);
	expired(c);
}

static void
unknown_and_third(struct check *c)
{
	unknown(c);
	third(c);
}

static void
caa(struct check *c)
{
	c->caa_said = 0;
	(void)snprintf(c->caa_why, sizeof(c->caa_why), "0 issue \"x\"");
}

static void
precert(struct check *c)
{
	c->said.is_precert = 1;
	c->said.npaths = c->said.nscts = 0;
	c->said.compliant[0] = c->said.compliant[1] = -1;
}

static const struct {
	void		(*fault)(struct check *);
	const char	*name;
	int		 exit, plugin;
	const char	*want;		/* findings */
} table[] = {
	{ well, "well", 0, 0, "" },
	{ untrusted, "untrusted", 2, 2, "chain.untrusted medium;" },
	{ no_path, "no path", 2, 2, "chain.untrusted medium;" },
	{ half, "half", 0, 0, "" },
	{ expired, "expired", 2, 2, "endpoint.expiring critical;" },
	{ last_second, "last second", 0, 1, "endpoint.expiring high;" },
	{ not_yet, "not yet", 2, 2, "chain.untrusted high;" },
	{ third, "third", 0, 1, "endpoint.expiring medium;" },
	{ sixth, "sixth", 0, 1, "endpoint.expiring high;" },
	{ mismatch, "mismatch", 2, 2, "endpoint.mismatch high;" },
	{ incomplete, "incomplete", 0, 1, "endpoint.incomplete_chain medium;" },
	{ weak, "weak", 2, 2, "key.weak high;" },
	{ bad_sct, "bad SCT", 2, 2, "sct.invalid high;" },
	{ bad_list, "bad list", 2, 2, "sct.invalid high;" },
	{ odd_scts, "odd SCTs", 0, 0, "" },
	{ absent, "absent", 2, 2, "sct.not_included critical;" },
	{ policy, "policy", 2, 2, "ct_policy.violated medium;" },
	{ policy_no_list, "policy, no list", 0, 0, "" },
	{ revoked, "revoked", 2, 2, "certificate.revoked critical;" },
	{ disputed, "disputed", 2, 2, "certificate.revoked critical;"
	    "revocation.disagreement high;" },
	{ unknown, "unknown", 1, 3, "" },
	{ not_applicable, "not applicable", 0, 0, "" },
	{ unknown_and_expired, "unknown and expired", 2, 2,
	    "endpoint.expiring critical;" },
	{ unknown_and_third, "unknown and third", 1, 1,
	    "endpoint.expiring medium;" },
	{ caa, "CAA", 0, 1, "caa.violated high;" },
	{ precert, "precertificate", 0, 0, "" },
};

static void
findings(void **state)
{
	static const char *const	word[] = { "OK", "WARNING",
	    "CRITICAL", "UNKNOWN" };
	struct check			*c;
	struct buf			 b = BUF_INIT;
	char				 begin[60];
	size_t				 i, k;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		c = fine();
		table[i].fault(c);
		check_judge(c);
		for (k = 0; k < c->nfind; k++)
			buf_fmt(&b, "%s %s;", c->find[k].kind,
			    c->find[k].severity);
		if (strcmp(buf_text(&b), table[i].want) != 0)
			fail_msg("%s: %s", table[i].name, buf_text(&b));
		if (check_exit(c) != table[i].exit)
			fail_msg("%s: exit %d", table[i].name, check_exit(c));
		buf_reset(&b);
		k = (size_t)check_plugin(c, &b);
		if (k != (size_t)table[i].plugin)
			fail_msg("%s: plugin %zu", table[i].name, k);
		(void)snprintf(begin, sizeof(begin), "CERTVIGIL %s - "
		    "cert.pem: ", word[k]);
		if (strncmp(buf_text(&b), begin, strlen(begin)) != 0)
			fail_msg("%s: %s", table[i].name, buf_text(&b));
		buf_reset(&b);
		/* it says something, whatever it is */
		check_text(c, &b);
		assert_true(b.n > 100);
		buf_reset(&b);
		done(c);
	}
	print_message("%zu states of a certificate\n", i);
	buf_free(&b);
}

/* --- one of several targets ---------------------------------------------------------- */

static void
worse(void **state)
{
	static const int	plain[] = { 0, 1, 2, 64, 78 };
	static const int	plugin[] = { 0, 1, 3, 2, 64 };
	int			i, k;

	(void)state;
	for (i = 0; i < 5; i++)
		for (k = 0; k < 5; k++) {
			assert_int_equal(check_worse(plain[i], plain[k], 0),
			    i > k);
			assert_int_equal(check_worse(plugin[i], plugin[k], 1),
			    i > k);
		}
}

/* --- the plugin's line --------------------------------------------------------------------- */

static void
line(void **state)
{
	struct check	*c = fine();
	struct buf	 b = BUF_INIT;
	char		*bar;

	(void)state;
	c->said.not_after = c->at + 44 * 86400 * CLK_SEC + CLK_SEC;
	c->said.not_before = c->at;
	check_judge(c);
	assert_int_equal(check_plugin(c, &b), 0);
	assert_string_equal(buf_text(&b), "CERTVIGIL OK - cert.pem: good | "
	    "days_left=44;;;; scts=2;;;; findings=0;;;;\n");
	done(c);
	/* what strangers write does not become figures */
	c = fine();
	c->target = "a|b";
	mismatch(c);
	c->name = "x | days_left=9999";
	check_judge(c);
	buf_reset(&b);
	assert_int_equal(check_plugin(c, &b), 2);
	bar = strchr(buf_text(&b), '|');
	assert_non_null(bar);
	assert_int_equal(strncmp(bar, "| days_left=89;", 15), 0);
	assert_null(strchr(bar + 1, '|'));
	done(c);
	/* expired: the days are negative */
	c = fine();
	c->said.not_after = c->at - 3 * 86400 * CLK_SEC - CLK_SEC;
	check_judge(c);
	buf_reset(&b);
	assert_int_equal(check_plugin(c, &b), 2);
	assert_non_null(strstr(buf_text(&b), "| days_left=-3;"));
	done(c);
	buf_free(&b);
}

/* --- JSON -------------------------------------------------------------------------------------- */

static const char *
text(const json_t *o, const char *key)
{
	const char	*s = json_string_value(json_object_get(o, key));

	if (s == NULL)
		fail_msg("\"%s\" is no string", key);
	return s;
}

/* The fields of contract.md, "JSON", check. */
static void
fields(void **state)
{
	struct check	*c = fine();
	json_t		*o, *a, *x;

	(void)state;
	said_paths[0].reason = "";
	c->source = mem_array(2, sizeof(*c->source));
	c->nsource = 2;
	c->source[0] = (struct check_source){ .kind = REV_CRL, .where =
	    mem_str("http://c"), .required = 1, .status = REV_GOOD };
	c->source[1] = (struct check_source){ .kind = REV_OCSP, .where =
	    mem_str("answer.der"), .is_file = 1, .status = REV_UNKNOWN,
	    .refusal = "stale" };
	c->inclusion[0] = 1;
	c->host = site;
	policy(c);
	check_judge(c);
	o = check_json(c);
	assert_non_null(o);
	assert_int_equal(strlen(text(o, "tbs_sha256")), 64);
	assert_string_equal(text(o, "cert_sha256"), text(o, "tbs_sha256"));
	assert_string_equal(json_string_value(json_array_get(json_object_get(o,
	    "names"), 0)), "a.example");
	/* chain */
	a = json_object_get(o, "chain");
	assert_int_equal(json_array_size(a), 1);
	x = json_array_get(a, 0);
	assert_string_equal(text(x, "program"), "system");
	assert_string_equal(text(x, "verdict"), "trusted");
	assert_string_equal(text(x, "reason"), "");
	assert_int_equal(json_array_size(json_object_get(x, "path")), 2);
	/* scts */
	a = json_object_get(o, "scts");
	assert_int_equal(json_array_size(a), 2);
	x = json_array_get(a, 0);
	assert_string_equal(text(x, "log_id"),
	    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
	assert_true(json_integer_value(json_object_get(x, "timestamp")) ==
	    1790000000000);
	assert_string_equal(text(x, "source"), "certificate");
	assert_string_equal(text(x, "status"), "valid");
	assert_string_equal(text(x, "inclusion"), "proved");
	assert_string_equal(text(json_array_get(a, 1), "inclusion"),
	    "unchecked");
	/* ct_policy */
	x = json_object_get(json_object_get(o, "ct_policy"), "chrome");
	assert_true(json_is_false(json_object_get(x, "compliant")));
	assert_string_equal(text(x, "reason"), "one SCT, two are needed");
	x = json_object_get(json_object_get(o, "ct_policy"), "apple");
	assert_true(json_is_true(json_object_get(x, "compliant")));
	/* revocation */
	x = json_object_get(o, "revocation");
	assert_string_equal(text(x, "status"), "good");
	assert_string_equal(text(x, "reason"), "");
	assert_true(json_is_null(json_object_get(x, "stated_at")));
	a = json_object_get(x, "sources");
	assert_string_equal(text(json_array_get(a, 0), "kind"), "crl");
	assert_string_equal(text(json_array_get(a, 0), "url"), "http://c");
	assert_string_equal(text(json_array_get(a, 0), "status"), "good");
	assert_string_equal(text(json_array_get(a, 0), "refusal"), "");
	assert_string_equal(text(json_array_get(a, 1), "kind"), "ocsp");
	assert_string_equal(text(json_array_get(a, 1), "file"), "answer.der");
	assert_string_equal(text(json_array_get(a, 1), "refusal"), "stale");
	/* findings */
	a = json_object_get(o, "findings");
	assert_int_equal(json_array_size(a), 1);
	assert_string_equal(text(json_array_get(a, 0), "kind"),
	    "ct_policy.violated");
	assert_string_equal(text(json_array_get(a, 0), "severity"), "medium");
	assert_int_equal(json_integer_value(json_object_get(o, "exit")), 2);
	json_decref(o);
	free(c->source[0].where);
	free(c->source[1].where);
	free(c->source);
	done(c);
}

/* Revoked, and a program to which no path leads. */
static void
others(void **state)
{
	struct check	*c = fine();
	json_t		*o, *x;

	(void)state;
	revoked(c);
	no_path(c);
	buf_reset(&c->list);
	(void)snprintf(c->list_why, sizeof(c->list_why), "no list");
	check_judge(c);
	o = check_json(c);
	x = json_object_get(o, "revocation");
	assert_string_equal(text(x, "status"), "revoked");
	assert_string_equal(text(x, "reason"), "keyCompromise");
	assert_string_equal(text(x, "stated_at"), "2026-05-28T20:26:40Z");
	x = json_array_get(json_object_get(o, "chain"), 0);
	assert_string_equal(text(x, "program"), "system");
	assert_string_equal(text(x, "verdict"), "untrusted");
	assert_string_equal(text(x, "reason"), c->said.chain_reason);
	x = json_object_get(json_object_get(o, "ct_policy"), "apple");
	assert_true(json_is_null(json_object_get(x, "compliant")));
	assert_string_equal(text(x, "reason"), "no list");
	json_decref(o);
	done(c);
	/* a precertificate */
	c = fine();
	precert(c);
	check_judge(c);
	o = check_json(c);
	x = json_array_get(json_object_get(o, "chain"), 0);
	assert_string_equal(text(x, "verdict"), "unknown");
	json_decref(o);
	done(c);
}

/* Text of strangers. */
static void
hostile(void **state)
{
	struct check	*c = fine();
	struct buf	 b = BUF_INIT;
	json_t		*o;
	char		*s, huge[5000];
	size_t		 i;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	c->target = "\x1b[2J\xff";
	c->said.subject = c->said.issuer = "\xff\xfe\x1b]0;x\x07";
	said_names[0] = huge;
	c->said.chain_reason = c->said.scts_reason = huge;
	c->said.npaths = 0;
	for (i = 0; i < 2; i++) {
		said_scts[i].status = SCTS_MALFORMED;
		said_scts[i].reason = huge;
	}
	check_judge(c);
	o = check_json(c);
	assert_non_null(o);
	assert_non_null(json_object_get(o, "chain"));
	s = json_dumps(o, JSON_COMPACT);
	assert_non_null(s);
	assert_null(strchr(s, '\x1b'));
	free(s);
	json_decref(o);
	check_text(c, &b);
	buf_reset(&b);
	(void)check_plugin(c, &b);
	done(c);
	/* more findings than there is room for */
	c = fine();
	for (i = 0; i < CHECK_FINDINGS + 10; i++)
		check_judge(c);
	mismatch(c);
	for (i = 0; i < CHECK_FINDINGS + 10; i++)
		check_judge(c);
	assert_int_equal(c->nfind, CHECK_FINDINGS);
	assert_int_equal(check_exit(c), 2);
	done(c);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(findings),
		cmocka_unit_test(worse),
		cmocka_unit_test(line),
		cmocka_unit_test(fields),
		cmocka_unit_test(others),
		cmocka_unit_test(hostile),
	};
	int	rc;

	program = roots_new("system");
	roots_done(program);
	rc = cmocka_run_group_tests(t, NULL, NULL);
	roots_free(program);
	return rc;
}
