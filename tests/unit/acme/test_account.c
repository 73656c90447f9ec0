#include "tests/unit/acme/cm.h"

#include "acme/account.h"
#include "acme/directory.h"
#include "acme/nonce.h"
#include "acme/revoke.h"

#define U "urn:ietf:params:acme:error:"

static struct url_pin	pin;

static int
begin(void **state)
{
	(void)state;
	return url_pin(&pin, "https://example.com/acme/directory", 0, NULL);
}

/* --- directory --- */

/* RFC 8555 7.1.1 */
#define DIRECTORY							\
	"{\"newNonce\": \"https://example.com/acme/new-nonce\","	\
	"\"newAccount\": \"https://example.com/acme/new-account\","	\
	"\"newOrder\": \"https://example.com/acme/new-order\","		\
	"\"newAuthz\": \"https://example.com/acme/new-authz\","		\
	"\"revokeCert\": \"https://example.com/acme/revoke-cert\","	\
	"\"keyChange\": \"https://example.com/acme/key-change\","	\
	"\"meta\": {\"termsOfService\": "				\
	"\"https://example.com/acme/terms/2017-5-30\","			\
	"\"website\": \"https://www.example.com/\","			\
	"\"caaIdentities\": [\"example.com\"],"				\
	"\"externalAccountRequired\": false"

static void
directory(void **state)
{
	struct directory	d;

	(void)state;
	assert_int_equal(directory_read(&d, SPAN_STR(DIRECTORY "}}"), &pin,
	    NULL), 0);
	assert_string_equal(d.new_nonce,
	    "https://example.com/acme/new-nonce");
	assert_string_equal(d.new_account,
	    "https://example.com/acme/new-account");
	assert_string_equal(d.new_order,
	    "https://example.com/acme/new-order");
	assert_string_equal(d.new_authz,
	    "https://example.com/acme/new-authz");
	assert_string_equal(d.revoke_cert,
	    "https://example.com/acme/revoke-cert");
	assert_string_equal(d.key_change,
	    "https://example.com/acme/key-change");
	assert_null(d.renewal_info);
	assert_string_equal(d.terms,
	    "https://example.com/acme/terms/2017-5-30");
	assert_string_equal(d.website, "https://www.example.com/");
	assert_int_equal(d.ncaa, 1);
	assert_string_equal(d.caa[0], "example.com");
	assert_int_equal(d.eab, 0);
	assert_int_equal(d.nprofiles, 0);
	directory_free(&d);
	assert_int_equal(directory_read(&d, SPAN_STR("{\"newNonce\":"
	    "\"https://example.com/n\",\"newAccount\":"
	    "\"https://example.com/a\",\"newOrder\":"
	    "\"https://example.com/o\",\"renewalInfo\":"
	    "\"https://example.com/r\",\"x\":\"ftp://any\",\"meta\":{"
	    "\"externalAccountRequired\":true,\"profiles\":{"
	    "\"classic\":\"The one\",\"shortlived\":\"\"}}}"), &pin, NULL),
	    0);
	assert_string_equal(d.renewal_info, "https://example.com/r");
	assert_null(d.new_authz);
	assert_int_equal(d.eab, 1);
	assert_true(directory_has_profile(&d, "shortlived"));
	assert_false(directory_has_profile(&d, "Shortlived"));
	assert_string_equal(d.profile[0].text, "The one");
	directory_free(&d);
}

static void
directory_bad(void **state)
{
	static const struct {
		const char	*body;
		enum err_code	 code;
	} t[] = {
		{ "", ERR_FORMAT },
		{ "<html>", ERR_FORMAT },
		{ "[]", ERR_FORMAT },
		{ "{}", ERR_FORMAT },
		{ DIRECTORY "}} x", ERR_FORMAT },
		{ DIRECTORY "}, \"newNonce\":\"https://example.com/\"}",
		    ERR_FORMAT },
		{ DIRECTORY "}, \"renewalInfo\":7}", ERR_FORMAT },
		{ DIRECTORY "}, \"renewalInfo\":\"https://evil.example/\"}",
		    ERR_PERM },
		{ DIRECTORY "}, \"renewalInfo\":\"http://example.com/\"}",
		    ERR_PERM },
		{ DIRECTORY ", \"profiles\":[]}}", ERR_FORMAT },
		{ DIRECTORY ", \"profiles\":{\"a\":1}}}", ERR_FORMAT },
		{ "{\"newNonce\":\"https://example.com/\",\"newOrder\":"
		    "\"https://example.com/\"}", ERR_FORMAT },
	};
	struct directory	d;
	struct err		e;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		assert_int_equal(directory_read(&d, SPAN_STR(t[i].body),
		    &pin, &e), -1);
		assert_int_equal(e.code, t[i].code);
		has(e.msg, "directory: ");
		directory_free(&d);
	}
}

/* A member ${n} times in a list or object: the code of reading it. */
static enum err_code
many(const char *before, const char *one, size_t n, const char *after)
{
	struct directory	d;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	size_t			i;

	buf_str(&b, before);
	for (i = 0; i < n; i++)
		buf_fmt(&b, "%s\"%zu\"%s", i != 0 ? "," : "", i, one);
	buf_str(&b, after);
	(void)directory_read(&d, buf_bytes(&b), &pin, &e);
	directory_free(&d);
	buf_free(&b);
	return e.code;
}

static void
directory_limits(void **state)
{
	struct directory	d;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	size_t			n, i;

	(void)state;
	assert_int_equal(many(DIRECTORY ",\"profiles\":{", ":\"\"",
	    LIMIT_ACME_PROFILES, "}}}"), ERR_NONE);
	assert_int_equal(many(DIRECTORY ",\"profiles\":{", ":\"\"",
	    LIMIT_ACME_PROFILES + 1, "}}}"), ERR_LIMIT);
	assert_int_equal(many("{\"newNonce\":\"https://example.com/\","
	    "\"newAccount\":\"https://example.com/\","
	    "\"newOrder\":\"https://example.com/\","
	    "\"meta\":{\"caaIdentities\":[", "", LIMIT_ACME_CAA, "]}}"),
	    ERR_NONE);
	assert_int_equal(many("{\"newNonce\":\"https://example.com/\","
	    "\"newAccount\":\"https://example.com/\","
	    "\"newOrder\":\"https://example.com/\","
	    "\"meta\":{\"caaIdentities\":[", "", LIMIT_ACME_CAA + 1, "]}}"),
	    ERR_LIMIT);
	for (n = LIMIT_ACME_TEXT; n <= LIMIT_ACME_TEXT + 1; n++) {
		buf_reset(&b);
		buf_str(&b, DIRECTORY ",\"profiles\":{\"a\":\"");
		for (i = 0; i < n; i++)
			buf_u8(&b, 'x');
		buf_str(&b, "\"}}}");
		assert_int_equal(directory_read(&d, buf_bytes(&b), &pin,
		    NULL), n > LIMIT_ACME_TEXT ? -1 : 0);
		directory_free(&d);
	}
	buf_reset(&b);
	buf_str(&b, DIRECTORY "}}");
	while (b.n < LIMIT_ACME_BODY)
		buf_u8(&b, ' ');
	assert_int_equal(directory_read(&d, buf_bytes(&b), &pin, &e), 0);
	directory_free(&d);
	buf_u8(&b, ' ');
	assert_int_equal(directory_read(&d, buf_bytes(&b), &pin, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	directory_free(&d);
	buf_free(&b);
}

/* --- nonces --- */

static void
nonces(void **state)
{
	static const char *const bad[] = { "", "a b", "a=", "a+b", "a/b",
				    "\xc3\xa4", "a\r\nb", "a\"b" };
	struct nonce		*p = mem_zero(sizeof(*p));
	struct buf		 b = BUF_INIT;
	char			 out[LIMIT_ACME_NONCE + 1];
	char			 text[16];
	size_t			 i;

	(void)state;
	assert_int_equal(nonce_take(p, out), -1);
	assert_int_equal(nonce_put(p, NULL), -1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(nonce_put(p, bad[i]), -1);
	for (i = 0; i < LIMIT_ACME_NONCE; i++)
		buf_u8(&b, '-');
	assert_int_equal(nonce_put(p, buf_text(&b)), 0);
	assert_int_equal(nonce_take(p, out), 0);
	assert_string_equal(out, buf_text(&b));
	buf_u8(&b, '-');
	assert_int_equal(nonce_put(p, buf_text(&b)), -1);
	assert_int_equal(nonce_take(p, out), -1);
	/* one more than there is room: the oldest is dropped */
	for (i = 0; i <= LIMIT_ACME_NONCES; i++) {
		(void)snprintf(text, sizeof(text), "n_%zu", i);
		assert_int_equal(nonce_put(p, text), 0);
	}
	for (i = LIMIT_ACME_NONCES; i != 0; i--) {
		(void)snprintf(text, sizeof(text), "n_%zu", i);
		assert_int_equal(nonce_take(p, out), 0);
		assert_string_equal(out, text);
	}
	assert_int_equal(nonce_take(p, out), -1);
	buf_free(&b);
	free(p);
}

/* --- accounts --- */

static void
payloads(void **state)
{
	static const char *const contacts[] = {
		"mailto:cert-admin@example.org", "mailto:admin@example.org" };
	static const char	 jws[] = "{\"protected\":\"eyJ\","
				    "\"payload\":\"eyJ\","
				    "\"signature\":\"5TW\"}";
	static const char *const bad[] = { "", "mailto:", "ops@example.org",
				    "mailto:a b@example.org",
				    "mailto:\xc3\xa4@example.org" };
	struct account_want	 w = { contacts, 2, 1, 0, NULL };
	const char		*many_contacts[LIMIT_ACME_CONTACTS + 1];
	struct err		 e;
	char			*s;
	size_t			 i;

	(void)state;
	s = account_new(&w, NULL);
	assert_string_equal(s, "{\"contact\":[\"mailto:cert-admin@"
	    "example.org\",\"mailto:admin@example.org\"],"
	    "\"termsOfServiceAgreed\":true}");
	free(s);
	w.binding = jws;
	w.ncontacts = 0;
	s = account_new(&w, NULL);
	assert_string_equal(s, "{\"termsOfServiceAgreed\":true,"
	    "\"externalAccountBinding\":{\"protected\":\"eyJ\","
	    "\"payload\":\"eyJ\",\"signature\":\"5TW\"}}");
	free(s);
	w.only_existing = 1;
	s = account_new(&w, NULL);
	assert_string_equal(s, "{\"onlyReturnExisting\":true}");
	free(s);
	s = account_update(&w, NULL);
	assert_string_equal(s, "{\"contact\":[]}");
	free(s);
	s = account_close();
	assert_string_equal(s, "{\"status\":\"deactivated\"}");
	free(s);
	w.only_existing = 0;
	w.binding = "{\"protected\":\"eyJ\"}";
	err_clear(&e);
	assert_null(account_new(&w, &e));
	assert_int_equal(e.code, ERR_FORMAT);
	w.binding = NULL;
	w.contacts = many_contacts;
	w.ncontacts = 1;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		many_contacts[0] = bad[i];
		err_clear(&e);
		assert_null(account_new(&w, &e));
		assert_int_equal(e.code, ERR_FORMAT);
	}
	for (i = 0; i <= LIMIT_ACME_CONTACTS; i++)
		many_contacts[i] = contacts[0];
	w.ncontacts = LIMIT_ACME_CONTACTS;
	s = account_update(&w, NULL);
	assert_non_null(s);
	free(s);
	w.ncontacts++;
	err_clear(&e);
	assert_null(account_update(&w, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

/* RFC 8555 7.3.5 */
static void
key_change(void **state)
{
	static const char *const bad[] = { "", "{}", "7",
		"{\"protected\":\"a\",\"payload\":\"b\"}",
		"{\"protected\":\"a\",\"payload\":\"b\",\"signature\":\"=\"}",
		"{\"protected\":\"a\",\"payload\":\"b\",\"signature\":7}",
		"{\"header\":{},\"payload\":\"b\",\"signature\":\"c\"}" };
	struct problem		 p;
	struct err		 e = ERR_INIT;
	struct account_ask	 ask = { &pin, NULL, NOW };
	struct acme_reply	 r = { .status = 200 };
	char			*s;
	size_t			 i;

	(void)state;
	s = account_key_inner("https://example.com/acme/acct/1",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\"}",
	    NULL);
	assert_string_equal(s, "{\"account\":\"https://example.com/acme/acct/"
	    "1\",\"oldKey\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\","
	    "\"y\":\"b\"}}");
	free(s);
	assert_null(account_key_inner("https://example.com/a",
	    "{\"kty\":\"EC\",\"d\":\"secret\"}", &e));
	has(e.msg, "public");
	assert_null(account_key_inner("x", "{\"kty\":\"EC\"}", NULL));
	s = account_key_change("{\"protected\":\"a\", \"payload\":\"b\", "
	    "\"signature\":\"c\"}", NULL);
	assert_string_equal(s, "{\"protected\":\"a\",\"payload\":\"b\","
	    "\"signature\":\"c\"}");
	free(s);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(account_key_change(bad[i], NULL));
	assert_int_equal(account_key_changed(&r, &ask, &p, NULL), 0);
	problem_free(&p);
	r.status = 409;
	r.location = "https://example.com/acme/acct/7";
	err_clear(&e);
	assert_int_equal(account_key_changed(&r, &ask, &p, &e), -1);
	has(e.msg, "acct/7");
	problem_free(&p);
	r.location = "https://evil.example/\x1b";
	err_clear(&e);
	assert_int_equal(account_key_changed(&r, &ask, &p, &e), -1);
	has_not(e.msg, "evil");
	problem_free(&p);
	r.status = 403;
	r.body = SPAN_STR("{\"type\":\"" U "unauthorized\"}");
	assert_int_equal(account_key_changed(&r, &ask, &p, NULL), -1);
	assert_int_equal(p.type, PROBLEM_UNAUTHORIZED);
	problem_free(&p);
}

#define ACCOUNT "{\"status\": \"valid\", \"contact\": ["		\
	"\"mailto:cert-admin@example.org\"], \"orders\": "		\
	"\"https://example.com/acme/acct/evOfKhNU60wg/orders\"}"
#define KID "https://example.com/acme/acct/evOfKhNU60wg"

static void
answers(void **state)
{
	static const struct {
		long		 status;
		const char	*location, *asked, *body;
		int		 rc, created;
		enum account_status is;
	} t[] = {
		{ 201, KID, NULL, ACCOUNT, 0, 1, ACCOUNT_VALID },
		{ 200, KID, NULL, ACCOUNT, 0, 0, ACCOUNT_VALID },
		{ 200, NULL, KID, "{\"status\":\"deactivated\"}", 0, 0,
		    ACCOUNT_DEACTIVATED },
		{ 200, NULL, KID, "{\"status\":\"revoked\"}", 0, 0,
		    ACCOUNT_REVOKED },
		{ 201, NULL, NULL, ACCOUNT, -1, 0, 0 },
		{ 201, "", NULL, ACCOUNT, -1, 0, 0 },
		{ 201, "https://evil.example/1", NULL, ACCOUNT, -1, 0, 0 },
		{ 201, "/acme/acct/1", NULL, ACCOUNT, -1, 0, 0 },
		{ 201, KID, NULL, "{}", -1, 0, 0 },
		{ 201, KID, NULL, "{\"status\":\"good\"}", -1, 0, 0 },
		{ 201, KID, NULL, "", -1, 0, 0 },
		{ 201, NULL, KID, ACCOUNT, -1, 0, 0 },
	};
	struct account		a;
	struct acme_reply	r = { .status = 0 };
	struct account_ask	ask = { &pin, NULL, NOW };
	struct problem		p;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		r.status = t[i].status;
		r.location = t[i].location;
		r.body = SPAN_STR(t[i].body);
		ask.url = t[i].asked;
		assert_int_equal(account_read(&a, &r, &ask, &p, NULL),
		    t[i].rc);
		if (t[i].rc == 0) {
			assert_string_equal(a.url, KID);
			assert_int_equal(a.created, t[i].created);
			assert_int_equal(a.status, t[i].is);
		}
		account_free(&a);
		problem_free(&p);
	}
}

static void
refusals(void **state)
{
	static const struct {
		const char		*type;
		enum problem_type	 is;
		const char		*say;
	} t[] = {
		{ "accountDoesNotExist", PROBLEM_ACCOUNT_UNKNOWN,
		    "account register" },
		{ "externalAccountRequired", PROBLEM_EAB_REQUIRED,
		    "--eab-kid" },
		{ "userActionRequired", PROBLEM_USER_ACTION, "agree" },
		{ "agreementRequired", PROBLEM_USER_ACTION, "agree" },
		{ "invalidContact", PROBLEM_INVALID_CONTACT, "acme.email" },
	};
	struct account		 a;
	struct acme_reply	 r = { .status = 400 };
	struct account_ask	 ask = { &pin, NULL, NOW };
	struct problem		 p;
	struct err		 e;
	char			*body;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		body = mem_printf("{\"type\":\"" U "%s\"}", t[i].type);
		r.body = SPAN_STR(body);
		err_clear(&e);
		assert_int_equal(account_read(&a, &r, &ask, &p, &e), -1);
		assert_int_equal(e.code, ERR_HTTP);
		assert_int_equal(p.type, t[i].is);
		assert_int_equal(problem_when(&p), PROBLEM_NEVER);
		has(e.msg, t[i].say);
		account_free(&a);
		problem_free(&p);
		free(body);
	}
}

/* --- revocation --- */

static void
revoke(void **state)
{
	static const int	 all[] = { 0, 1, 3, 4, 5, 9, 8 };
	struct revoke_allowed	 more = { all, 7 };
	struct span		 der = SPAN_STR("\xfb\xff\xfe");
	struct err		 e = ERR_INIT;
	char			*s;
	int			 r;

	(void)state;
	s = revoke_new(der, 4, REVOKE_BY_ISSUING, NULL, NULL);
	assert_string_equal(s, "{\"certificate\":\"-__-\",\"reason\":4}");
	free(s);
	s = revoke_new(der, 0, REVOKE_BY_KEY, NULL, NULL);
	assert_string_equal(s, "{\"certificate\":\"-__-\"}");
	free(s);
	for (r = -1; r < 12; r++) {
		s = revoke_new(der, r, REVOKE_BY_OTHER, NULL, NULL);
		assert_int_equal(s != NULL, r == 0 || r == 1 || r == 4 ||
		    r == 5);
		free(s);
		s = revoke_new(der, r, REVOKE_BY_OTHER, &more, NULL);
		assert_int_equal(s != NULL, r == 0 || r == 1 || r == 3 ||
		    r == 4 || r == 5 || r == 9);
		free(s);
		s = revoke_new(der, r, REVOKE_BY_KEY, &more, NULL);
		assert_int_equal(s != NULL, r == 0 || r == 1);
		free(s);
	}
	assert_null(revoke_new(der, 6, REVOKE_BY_ISSUING, NULL, &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(revoke_published(4, REVOKE_BY_ISSUING), 4);
	assert_int_equal(revoke_published(0, REVOKE_BY_ISSUING), 0);
	assert_int_equal(revoke_published(4, REVOKE_BY_OTHER), 5);
	assert_int_equal(revoke_published(0, REVOKE_BY_KEY), 1);
	assert_string_equal(revoke_name(5), "cessationOfOperation");
	assert_null(revoke_name(2));
}

static void
revoked(void **state)
{
	struct acme_reply	r = { .status = 200 };
	struct problem		p;
	struct err		e = ERR_INIT;

	(void)state;
	assert_int_equal(revoke_read(&r, NOW, &p, &e), 0);
	problem_free(&p);
	r.status = 400;
	r.body = SPAN_STR("{\"type\":\"" U "alreadyRevoked\"}");
	assert_int_equal(revoke_read(&r, NOW, &p, &e), 1);
	assert_int_equal(e.code, ERR_NONE);
	problem_free(&p);
	r.body = SPAN_STR("{\"type\":\"" U "badRevocationReason\","
	    "\"detail\":\"reason 9\"}");
	assert_int_equal(revoke_read(&r, NOW, &p, &e), -1);
	assert_int_equal(e.code, ERR_HTTP);
	has(e.msg, "reason 9");
	problem_free(&p);
	r.status = 0;
	assert_int_equal(revoke_read(&r, NOW, &p, NULL), -1);
	assert_int_equal(problem_when(&p), PROBLEM_LATER);
	problem_free(&p);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(directory),
		cmocka_unit_test(directory_bad),
		cmocka_unit_test(directory_limits),
		cmocka_unit_test(nonces),
		cmocka_unit_test(payloads),
		cmocka_unit_test(key_change),
		cmocka_unit_test(answers),
		cmocka_unit_test(refusals),
		cmocka_unit_test(revoke),
		cmocka_unit_test(revoked),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
