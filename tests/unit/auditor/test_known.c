#include "tests/unit/auditor/known_fixture.h"

static void
reads(void **state)
{
	X509			*a = cert(1, "One.Example",
				    "DNS:one.example,DNS:*.One.example,"
				    "IP:192.0.2.7,email:x@y.example", 11);
	X509_REQ		*q = request(2, "two.example",
				    "DNS:www.two.example,IP:2001:db8::1");
	struct material_set	 s;
	struct buf		 b = BUF_INIT, der = BUF_INIT;
	struct err		 e = ERR_INIT;
	size_t			 i;

	(void)state;
	memset(&s, 0, sizeof(s));
	buf_str(&b, "text before\n");
	put_cert(&b, a, 1);
	put_cert(&b, ca, 1);
	buf_str(&b, "-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n");
	put_req(&b, q, 1);
	add(&s, &b);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.v[0].nnames, 3);
	assert_int_equal(s.v[0].csr, 0);
	assert_string_equal(s.v[0].key_type, "p256");
	assert_true(s.v[1].ca);
	assert_int_equal(s.v[1].nnames, 0);
	assert_true(s.v[2].csr);
	assert_int_equal(s.v[2].nnames, 3);
	assert_string_equal(s.v[2].names[0], "www.two.example");
	assert_string_equal(s.v[2].names[1], "2001:db8::1");
	assert_string_equal(s.v[2].names[2], "two.example");
	material_free(&s);
	/* DER of both. */
	put_cert(&der, a, 0);
	add(&s, &der);
	i = der.n;
	/* Cut anywhere it is neither, and no crash. */
	for (i = 1; i < der.n; i++) {
		err_clear(&e);
		if (material_parse(&s, der.p, i, "cut", &e) != -1)
			fail_msg("cut at %zu", i);
	}
	buf_reset(&der);
	put_req(&der, q, 0);
	add(&s, &der);
	for (i = 1; i < der.n; i++)
		if (material_parse(&s, der.p, i, "cut", NULL) != -1)
			fail_msg("request cut at %zu", i);
	assert_int_equal(s.n, 2);
	assert_true(s.v[1].csr);
	/* A request that was changed. */
	der.p[der.n - 1] ^= 1;
	err_clear(&e);
	assert_int_equal(material_parse(&s, der.p, der.n, "t", &e), -1);
	assert_int_equal(s.n, 2);
	/* PEM that breaks off, nothing at all. */
	err_clear(&e);
	assert_int_equal(material_parse(&s, b.p, 300, "t", &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(material_parse(&s, "", 0, "t", NULL), 0);
	assert_int_equal(material_parse(&s, "hello", 5, "t", NULL), 0);
	assert_int_equal(s.n, 2);
	material_free(&s);
	buf_free(&b);
	buf_free(&der);
	X509_free(a);
	X509_REQ_free(q);
}

static void
put_file(const char *name, const void *p, size_t n)
{
	char	*path = mem_printf("%s/%s", dir, name);
	FILE	*f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	free(path);
}

static void
folders(void **state)
{
	struct material_set	 s;
	X509			*a = cert(1, "a", "DNS:a.example", 1);
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	char			*sub, *deep;
	int			 i;

	(void)state;
	memset(&s, 0, sizeof(s));
	put_cert(&b, a, 1);
	sub = mem_printf("%s/sub", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	put_file("a.pem", b.p, b.n);
	put_file("sub/b.pem", b.p, b.n);
	put_file("sub/README", "hello", 5);
	put_file("sub/.hidden", b.p, b.n);
	put_file("bad.der", "\x30\x03\x02\x01", 4);
	assert_int_equal(material_read(&s, dir, &e), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.without, 2);
	/* What is named must have something in it. */
	deep = mem_printf("%s/sub/README", dir);
	assert_int_equal(material_read(&s, deep, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	free(deep);
	deep = mem_printf("%s/nothing", dir);
	err_clear(&e);
	assert_int_equal(material_read(&s, deep, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	free(deep);
	material_free(&s);
	/* Folders in folders: the limit, and one more. */
	deep = mem_str(sub);
	for (i = 2; i <= LIMIT_IMPORT_DEPTH; i++) {
		char *next = mem_printf("%s/d", deep);

		err_clear(&e);
		assert_int_equal(material_read(&s, dir, &e), 0);
		assert_int_equal(mkdir(next, 0700), 0);
		free(deep);
		deep = next;
	}
	assert_int_equal(material_read(&s, dir, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	while (strcmp(deep, dir) != 0) {
		char *p;

		if (strcmp(deep, sub) == 0) {
			deep[0] = '\0';
			break;
		}
		rmdir(deep);
		p = strrchr(deep, '/');
		*p = '\0';
	}
	free(deep);
	free(sub);
	material_free(&s);
	buf_free(&b);
	X509_free(a);
}

static void
imports(void **state)
{
	X509			*a = cert(1, "a.example", "DNS:a.example", 1);
	X509			*a2 = cert(2, "a.example", "DNS:a.example", 2);
	X509			*b1 = cert(3, "b.example", "DNS:b.example", 3);
	X509			*b2 = cert(3, "b.example", "DNS:b.example", 4);
	X509_REQ		*q = request(1, NULL, "DNS:c.example");
	struct material_set	 s;
	struct known_import	 k;
	struct buf		 b = BUF_INIT;

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&k, 0, sizeof(k));
	put_cert(&b, a, 1);
	put_cert(&b, a2, 1);
	put_cert(&b, b1, 1);
	put_cert(&b, b2, 1);
	put_cert(&b, ca, 1);
	put_req(&b, q, 1);
	add(&s, &b);
	import(&k, &s);
	assert_int_equal(k.certs, 4);
	assert_int_equal(k.csrs, 1);
	assert_int_equal(k.cas, 1);
	assert_int_equal(k.already, 0);
	assert_int_equal(k.no_issuer, 0);
	assert_int_equal(k.renew_new, 1);
	assert_int_equal(k.renew_same, 1);
	assert_int_equal(k.renew_once, 0);
	is("select string_agg(distinct issuer_owner, ',') from known",
	    "Test CA");
	is("select count(*) from known where until is null", "1");
	is("select count(*) from known where trust = 'key' and tbs_sha256 is"
	    " not null and until > now()", "4");
	is("select action from audit_trail order by id desc limit 1",
	    "known.import");
	/* Again: nothing new. */
	memset(&k, 0, sizeof(k));
	add(&s, &b);
	import(&k, &s);
	assert_int_equal(k.already, 5);
	is("select count(*) from known", "5");
	/* Alone, its issuer is not known; another name for its key. */
	clean(NULL);
	buf_reset(&b);
	put_cert(&b, a, 0);
	memset(&k, 0, sizeof(k));
	{
		const char *more[] = { "Extra.example" };

		k.names.v = more;
		k.names.n = 1;
		add(&s, &b);
		import(&k, &s);
	}
	assert_int_equal(k.no_issuer, 1);
	assert_int_equal(k.renew_once, 1);
	is("select array_to_string(names, ',') || coalesce(issuer_owner,"
	    " '-') from known", "a.example,extra.example-");
	/* Compromised: the key alone, whatever else. */
	memset(&k, 0, sizeof(k));
	k.compromised = 1;
	add(&s, &b);
	import(&k, &s);
	is("select count(*) from known where trust = 'compromised' and"
	    " tbs_sha256 is null and names = '{}'", "1");
	buf_free(&b);
	X509_free(a);
	X509_free(a2);
	X509_free(b1);
	X509_free(b2);
	X509_REQ_free(q);
}

/* A declaration that arrives silences what is held or open. */
static void
late(void **state)
{
	X509			*a = cert(1, "a.example", "DNS:a.example", 1);
	struct material_set	 s;
	struct known_import	 k;
	struct span		 t, key;
	struct decide_match	 m = { 1, 1, 1790000000000LL, 1, ".a.example",
				    "", "", "a.example", 0, INT64_MIN, 0 };
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&k, 0, sizeof(k));
	put_cert(&b, a, 1);
	add(&s, &b);
	t.p = s.v[0].tbs;
	key.p = s.v[0].spki;
	t.n = key.n = 32;
	sql("insert into watch (pattern, origin) values ('.a.example',"
	    " 'cli')");
	if (db_query(db, NULL, &e, "insert into issuance (tbs_sha256,"
	    " issuer_spki_sha256, serial, spki_sha256, key_type, names,"
	    " not_before, not_after, issued) values ($1, $2, '01', $2,"
	    " 'p256', '{a.example}', now(), now() + interval '1 day',"
	    " 'valid')", "bb", &t, &key) == -1 || db_begin(db, &e) == -1 ||
	    decide_issuance(db, &conf, &t, &m, 1, 1, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
	is("select kind || ' ' || state from finding",
	    "certificate.unexpected open");
	import(&k, &s);
	assert_int_equal(k.silenced, 1);
	is("select kind || ' ' || state from finding",
	    "certificate.unexpected resolved");
	is("select rule from issuance", "3");
	/* The key is compromised after all: that is heard, though silent. */
	memset(&k, 0, sizeof(k));
	k.compromised = 1;
	add(&s, &b);
	import(&k, &s);
	is("select kind || ' ' || state from finding where kind like 'key%'",
	    "key.misused open");
	buf_free(&b);
	X509_free(a);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(folders),
		T(imports),
		T(late),
	};

	/* without a database: counted as skipped */
	if ((db = testdb_open()) == NULL)
		return 0;
	return cmocka_run_group_tests(tests, begin, end);
}
