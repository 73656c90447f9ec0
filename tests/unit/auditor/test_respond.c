#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/respond.h"
#include "base/clk.h"
#include "base/mem.h"

#define DAY	(86400 * CLK_SEC)

/* A finding about these names, all ours, that a CA says of its owner. */
static void
make(struct respond *c, const char *owner, const char *const *names, size_t n)
{
	size_t	i;

	memset(c, 0, sizeof(*c));
	c->finding = json_pack("{ss ss ss}", "issuer_owner", owner, "state",
	    "open", "kind", "certificate.unexpected");
	assert_int_equal(san_of(names, n, &c->names, NULL), 0);
	c->name = mem_zero((c->names.n + 1) * sizeof(*c->name));
	for (i = 0; i < c->names.n; i++) {
		c->name[i].watched = 1;
		c->name[i].how = CHALLENGE_DNS_01;
	}
	c->type[0] = CHALLENGE_HTTP_01;
	c->type[1] = CHALLENGE_DNS_01;
	c->ntypes = 2;
	c->entries = json_array();
	c->served = json_array();
	buf_str(&c->der, "der");
}

static void
record(struct caa_set *s, const char *tag, const char *value)
{
	struct buf	b = BUF_INIT;

	buf_u8(&b, 0);
	buf_u8(&b, (uint8_t)strlen(tag));
	buf_str(&b, tag);
	buf_str(&b, value);
	assert_int_equal(caa_add(s, buf_bytes(&b), NULL), 0);
	buf_free(&b);
}

static const char *
text(const json_t *o, const char *name)
{
	const char	*s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

/* --- until when proofs of the other account count ------------------------ */

/* A proof of ${at} at the CA of ${owner} counts until: */
static void
counts(const char *owner, const char *at, const char *until)
{
	const char	*names[] = { "a.example" };
	struct respond	 c;
	json_t		*o;
	int64_t		 us;

	make(&c, owner, names, 1);
	assert_int_equal(clk_parse(at, &us), 0);
	json_array_append_new(c.entries, json_pack("{sI}", "timestamp",
	    (json_int_t)(us / 1000 + 5000)));
	json_array_append_new(c.entries, json_pack("{sI}", "timestamp",
	    (json_int_t)(us / 1000)));
	c.not_before = us - DAY;
	o = respond_reuse(&c, NULL);
	assert_string_equal(text(o, "until"), until);
	json_decref(o);
	respond_free(&c);
}

static void
reuse(void **state)
{
	(void)state;
	counts("letsencrypt.org", "2026-11-01T00:00:00Z",
	    "2026-12-01T00:00:00Z");
	/* the shorter period counts from its day on, for old proofs, too */
	counts("letsencrypt.org", "2027-01-20T00:00:00Z",
	    "2027-02-10T00:00:00Z");
	counts("letsencrypt.org", "2027-02-05T00:00:00Z",
	    "2027-02-15T00:00:00Z");
	counts("letsencrypt.org", "2028-02-15T23:00:00Z",
	    "2028-02-16T06:00:00Z");
	counts("letsencrypt.org", "2028-02-10T00:00:00Z",
	    "2028-02-16T00:00:00Z");
	counts("letsencrypt.org", "2028-03-01T00:00:00Z",
	    "2028-03-01T07:00:00Z");
	counts("digicert.com", "2026-04-01T00:00:00Z",
	    "2026-10-18T00:00:00Z");
	counts("", "2026-12-01T00:00:00Z", "2027-03-15T00:00:00Z");
	counts("", "2029-03-15T00:00:00Z", "2029-03-25T00:00:00Z");
}

/* --- CAA ----------------------------------------------------------------- */

/* The state of a name with this record (NULL: none), with our account. */
static void
is(const char *name, const char *tag, const char *value, const char *want)
{
	const char	*names[] = { name };
	struct respond	 c;
	json_t		*have;

	make(&c, "ca.example", names, 1);
	c.account.url = mem_str("https://ca.example/acct/1");
	c.name[0].caa.asked = 1;
	if (tag != NULL)
		record(&c.name[0].caa.set, tag, value);
	have = respond_caa_have(&c, NULL);
	assert_int_equal(json_array_size(have), 1);
	assert_string_equal(text(json_array_get(have, 0), "state"), want);
	assert_true(text(json_array_get(have, 0), "why")[0] != '\0');
	json_decref(have);
	respond_free(&c);
}

static void
caa_now(void **state)
{
	(void)state;
	is("a.example", NULL, NULL, "none");
	is("a.example", "issue", "ca.example", "open");
	is("a.example", "issue", "ca.example; validationmethods=dns-01",
	    "open");
	is("a.example", "issue",
	    "ca.example; accounturi=https://ca.example/acct/1", "bound");
	is("a.example", "issue",
	    "ca.example; accounturi=https://ca.example/acct/2", "closed");
	/* ours, but not by the way that we have */
	is("a.example", "issue", "ca.example; accounturi="
	    "https://ca.example/acct/1; validationmethods=http-01", "closed");
	is("a.example", "issue", "other.example", "closed");
	is("a.example", "issue", ";", "closed");
	/* issuewild says nothing about a name that is no wildcard */
	is("a.example", "issuewild", ";", "open");
	is("*.a.example", "issuewild", ";", "closed");
	is("*.a.example", "issuewild",
	    "ca.example; accounturi=https://ca.example/acct/1", "bound");
	is("*.a.example", "issue",
	    "ca.example; accounturi=https://ca.example/acct/1", "bound");
}

static void
caa_not_known(void **state)
{
	const char	*names[] = { "a.example" };
	struct respond	 c;
	json_t		*have;

	(void)state;
	make(&c, "", names, 1);
	have = respond_caa_have(&c, NULL);
	assert_string_equal(text(json_array_get(have, 0), "state"),
	    "unknown");
	json_decref(have);
	c.name[0].caa.asked = 1;
	record(&c.name[0].caa.set, "issue", "ca.example");
	have = respond_caa_have(&c, NULL);
	assert_string_equal(text(json_array_get(have, 0), "state"),
	    "unknown");
	json_decref(have);
	respond_free(&c);
}

static void
caa_to_publish(void **state)
{
	static const char *const	names[] = { "a.example", "*.a.example",
	    "192.0.2.1", "foreign.example" };
	struct respond			c;
	json_t				*a;
	size_t				i;

	(void)state;
	make(&c, "ca.example", names, 4);
	for (i = 0; i < c.names.n; i++)
		if (strcmp(c.names.v[i], "foreign.example") == 0)
			c.name[i].watched = 0;
	c.account.url = mem_str("https://ca.example/acct/1");
	a = respond_caa_want(&c, NULL, NULL);
	/* neither an address nor what is not ours */
	assert_int_equal(json_array_size(a), 2);
	assert_string_equal(json_string_value(json_array_get(a, 0)),
	    "a.example. IN CAA 0 issuewild \"ca.example; accounturi="
	    "https://ca.example/acct/1; validationmethods=dns-01\"");
	assert_string_equal(json_string_value(json_array_get(a, 1)),
	    "a.example. IN CAA 0 issue \"ca.example; accounturi="
	    "https://ca.example/acct/1; validationmethods=http-01,dns-01\"");
	json_decref(a);
	respond_free(&c);
}

/* What else may order: others of ours, at our CA, at the issuer, elsewhere. */
static json_t *
others(void)
{
	return json_pack("[s s s s s]", "https://ca.example/acct/1",
	    "https://ca.example/acct/2", "https://ca.example:8443/acct/3",
	    "https://acme.rogue.example/4", "https://acme.xrogue.example/5");
}

/* The records of one name; ${ca} is whether our CA is the issuer. */
static void
published(enum respond_ca ca, const char *want, const char *left)
{
	const char	*names[] = { "*.a.example" };
	char		*own[] = { mem_str("ca.example") };
	struct directory d;
	struct respond	 c;
	json_t		*a, *out = json_array();
	char		*text;

	memset(&d, 0, sizeof(d));
	d.caa = own;
	d.ncaa = 1;
	make(&c, ca == RESPOND_CA_SAME ? "ca.example" : "rogue.example",
	    names, 1);
	c.ca = ca;
	c.directory = "https://ca.example/directory";
	c.account.url = mem_str("https://ca.example/acct/1");
	c.name[0].others = others();
	a = respond_caa_want(&c, &d, out);
	text = json_dumps(a, 0);
	assert_string_equal(text, want);
	free(text);
	text = json_dumps(out, 0);
	assert_string_equal(text, left);
	free(text);
	json_decref(a);
	json_decref(out);
	respond_free(&c);
	free(own[0]);
}

static void
caa_of_others(void **state)
{
	(void)state;
	/* other clients at our CA, at any server of it; ours once */
	published(RESPOND_CA_SAME, "[\"a.example. IN CAA 0 issuewild "
	    "\\\"ca.example; accounturi=https://ca.example/acct/1; "
	    "validationmethods=dns-01\\\"\", \"a.example. IN CAA 0 issuewild "
	    "\\\"ca.example; accounturi=https://ca.example/acct/2\\\"\", "
	    "\"a.example. IN CAA 0 issuewild \\\"ca.example; "
	    "accounturi=https://ca.example:8443/acct/3\\\"\"]",
	    "[\"https://acme.rogue.example/4\", "
	    "\"https://acme.xrogue.example/5\"]");
	/* of another CA: ours may go on at ours, those there at that one */
	published(RESPOND_CA_OTHER, "[\"a.example. IN CAA 0 issuewild "
	    "\\\"ca.example; accounturi=https://ca.example/acct/1; "
	    "validationmethods=dns-01\\\"\", \"a.example. IN CAA 0 issuewild "
	    "\\\"ca.example; accounturi=https://ca.example/acct/2\\\"\", "
	    "\"a.example. IN CAA 0 issuewild \\\"rogue.example; "
	    "accounturi=https://acme.rogue.example/4\\\"\"]",
	    "[\"https://ca.example:8443/acct/3\", "
	    "\"https://acme.xrogue.example/5\"]");
}

/* --- what stands in the way ---------------------------------------------- */

static void
missing(void **state)
{
	const char	*names[] = { "a.example", "b.example" };
	struct directory d;
	struct respond	 c;
	json_t		*a;

	(void)state;
	memset(&d, 0, sizeof(d));
	d.revoke_cert = mem_str("https://ca.example/revoke");
	make(&c, "ca.example", names, 2);
	a = respond_missing(&c, &d, "");
	assert_int_equal(json_array_size(a), 0);
	json_decref(a);
	c.name[0].watched = 0;
	c.name[1].how = 0;
	c.expired = 1;
	c.ca = RESPOND_CA_OTHER;
	buf_reset(&c.der);
	a = respond_missing(&c, NULL, "it is away");
	assert_int_equal(json_array_size(a), 6);
	json_decref(a);
	/* what is revoked already lacks nothing because it has expired, too */
	c.revoked = 1;
	a = respond_missing(&c, NULL, "it is away");
	assert_int_equal(json_array_size(a), 5);
	json_decref(a);
	respond_free(&c);
	free(d.revoke_cert);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(reuse),
		cmocka_unit_test(caa_now),
		cmocka_unit_test(caa_not_known),
		cmocka_unit_test(caa_to_publish),
		cmocka_unit_test(caa_of_others),
		cmocka_unit_test(missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
