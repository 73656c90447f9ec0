/* What sources and seeds make known, and what is taken back. */
#include "tests/unit/auditor/known_fixture.h"

static void
by_source(void **state)
{
	X509			*in = cert(1, "x", "DNS:x.shop.example", 1);
	X509			*out = cert(2, "y", "DNS:y.pay.example", 2);
	X509_REQ		*q = request(3, NULL, "DNS:z.shop.example");
	struct material_set	 s;
	struct known_import	 k;
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;

	(void)state;
	memset(&s, 0, sizeof(s));
	memset(&k, 0, sizeof(k));
	sql("insert into source (name, names, issuers, origin) values"
	    " ('team-b', '{.shop.example,x,y}', '{Test CA}', 'cli')");
	put_cert(&b, in, 1);
	put_cert(&b, out, 1);
	put_cert(&b, ca, 1);
	put_req(&b, q, 1);
	add(&s, &b);
	k.source = "team-b";
	import(&k, &s);
	assert_int_equal(k.certs, 1);
	assert_int_equal(k.csrs, 1);
	assert_int_equal(k.outside, 1);
	is("select string_agg(origin || ' ' || source, ',') from known",
	    "source team-b,source team-b");
	is("select kind || ' ' || severity || ' ' || nearest_source from"
	    " finding", "source.out_of_scope high team-b");
	/* Another issuer, an end, a source that is none. */
	clean(NULL);
	sql("insert into source (name, names, issuers, origin) values"
	    " ('team-b', '{.}', '{other.example}', 'cli')");
	memset(&k, 0, sizeof(k));
	k.source = "team-b";
	add(&s, &b);
	import(&k, &s);
	assert_int_equal(k.outside, 2);
	sql("update source set issuers = '{Test CA}', until = now() -"
	    " interval '1 s'");
	memset(&k, 0, sizeof(k));
	k.source = "team-b";
	add(&s, &b);
	import(&k, &s);
	assert_int_equal(k.outside, 3);
	k.source = "team-c";
	add(&s, &b);
	assert_int_equal(known_import_all(&ctx, &k, &s, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	assert_non_null(strstr(e.msg, "team-b"));
	material_free(&s);
	buf_free(&b);
	X509_free(in);
	X509_free(out);
	X509_REQ_free(q);
}

static void
seeds(void **state)
{
	static const char good[] =
	    "[{\"issuer_name\":\"C=US, O=Let's Encrypt, CN=R3\","
	    "\"common_name\":\"A.example\",\"name_value\":"
	    "\"a.example\\n*.a.example\"},"
	    "{\"issuer_name\":\"C=US, O=\\\"DigiCert, Inc.\\\", CN=X\","
	    "\"name_value\":\"a.example\"},"
	    "{\"issuer_name\":\"CN=Nobody\",\"name_value\":\"b.example\"}]";
	static const char *const bad[] = { "", "[", "{}", "[1]",
	    "[{\"issuer_name\":\"x\"}]", "[{\"name_value\":\"x\"}]",
	    "[{\"issuer_name\":1,\"name_value\":\"x\"}]" };
	struct err	e = ERR_INIT;
	size_t		i, pairs, unknown;

	(void)state;
	assert_int_equal(known_import_seed(&ctx, good, sizeof(good) - 1, "f",
	    &pairs, &unknown, &e), 0);
	assert_int_equal(pairs, 3);
	assert_int_equal(unknown, 1);
	is("select string_agg(names[1] || ' ' || issuer_owner, ',' order by"
	    " names[1], issuer_owner) from known where trust = 'seed'",
	    "*.a.example letsencrypt.org,a.example digicert.com,"
	    "a.example letsencrypt.org");
	assert_int_equal(known_import_seed(&ctx, good, sizeof(good) - 1, "f",
	    &pairs, &unknown, &e), 0);
	assert_int_equal(pairs, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(known_import_seed(&ctx, bad[i],
		    strlen(bad[i]), "f", &pairs, &unknown, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	is("select count(*) from known", "3");
}

static void
removes(void **state)
{
	struct known	 k;
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	uint8_t		 h[32];
	char		 hex[65];

	(void)state;
	memset(&k, 0, sizeof(k));
	memset(h, 7, sizeof(h));
	k.spki.p = h;
	k.spki.n = sizeof(h);
	k.until = INT64_MIN;
	k.trust = "key";
	k.origin = "import";
	k.author = "t";
	assert_int_equal(known_add(db, &k, &e), 1);
	k.until = 1000000;
	assert_int_equal(known_add(db, &k, &e), 0);
	is("select extract(epoch from until)::int from known", "1");
	assert_int_equal(known_remove(db, "x", &r, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(known_remove(db, "99", &r, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	err_clear(&e);
	assert_int_equal(known_remove(db, enc_hex_to(hex, h, 32), &r, &e), 1);
	assert_true(db_null(r, 0, 0));
	assert_int_equal(db_bytes(r, 0, 1).n, 32);
	db_free(r);
	/* It may be known again. */
	assert_int_equal(known_add(db, &k, &e), 1);
	is("select count(*) from known", "2");
}

/* More names than a btree key takes. */
static void
many_names(void **state)
{
	static char	 text[1000][24];
	static const char *v[1000];
	struct known	 k;
	struct err	 e = ERR_INIT;
	int		 i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(text[i], sizeof(text[i]), "n%d.example", i);
		v[i] = text[i];
	}
	memset(&k, 0, sizeof(k));
	k.spki.p = (const uint8_t *)"0123456789abcdef0123456789abcdef";
	k.spki.n = 32;
	k.names.v = v;
	k.names.n = 1000;
	k.until = INT64_MIN;
	k.trust = "key";
	k.origin = "import";
	k.author = "t";
	assert_int_equal(known_add(db, &k, &e), 1);
	k.names.n = 999;
	assert_int_equal(known_add(db, &k, &e), 1);
	assert_int_equal(known_add(db, &k, &e), 0);
}

/* --- the baseline as an open question --- */

static void
baselines(void **state)
{
	struct baseline_filter	 f;
	struct db_res		*r = NULL;
	struct err		 e = ERR_INIT;
	static const struct {
		const char	*issuer, *name;
		size_t		 want;
	} t[] = {
		{ NULL, NULL, 3 }, { "ca.example", NULL, 2 },
		{ NULL, "a.example", 1 }, { NULL, ".a.example", 2 },
		{ NULL, ".", 3 }, { "ca.example", ".b.example", 1 },
		{ "none.example", NULL, 0 },
	};
	size_t			 i;

	(void)state;
	sql("insert into issuance (tbs_sha256, issuer_spki_sha256, serial,"
	    " spki_sha256, names, not_before, not_after, issuer_owner,"
	    " issued, decision, rule, facts) select sha256(n::bytea), 'i',"
	    " '01', 'k', array[n], now(), now() + d, o, 'valid', 'baseline',"
	    " 5, jsonb_build_object('watches', jsonb_build_array("
	    " jsonb_build_object('pattern', '.' || n, 'name', n)))"
	    " from (values ('a.example', 'ca.example', interval '1 d'),"
	    " ('w.a.example', null, interval '1 d'), ('b.example',"
	    " 'ca.example', interval '-1 d')) v (n, o, d);"
	    "insert into certificate_name select tbs_sha256, names[1] from"
	    " issuance");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(&f, 0, sizeof(f));
		f.issuer_owner = t[i].issuer;
		f.name = t[i].name;
		assert_int_equal(baseline_list(db, &f, &r, &e), 0);
		if (db_rows(r) != t[i].want)
			fail_msg("row %zu: %zu", i, db_rows(r));
		db_free(r);
		r = NULL;
	}
	memset(&f, 0, sizeof(f));
	assert_int_equal(baseline_group(db, &f, "issuer_owner", &r, &e), 0);
	assert_int_equal(db_rows(r), 2);
	assert_string_equal(db_text(r, 0, BASELINE_GROUP_KEY), "ca.example");
	assert_int_equal(db_int(r, 0, BASELINE_GROUP_COUNT), 2);
	assert_int_equal(db_int(r, 0, BASELINE_GROUP_VALID), 1);
	db_free(r);
	r = NULL;
	assert_int_equal(baseline_group(db, &f, "watch", &r, &e), 0);
	assert_int_equal(db_rows(r), 3);
	db_free(r);
	r = NULL;
	assert_int_equal(baseline_group(db, &f, "moon", &r, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	f.issuer_owner = "ca.example";
	err_clear(&e);
	assert_int_equal(baseline_declare(db, &f, "issuance", "t", NULL, &r,
	    &e), 0);
	assert_int_equal(db_rows(r), 2);
	db_free(r);
	is("select count(*) from known where origin = 'baseline'", "2");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		T(by_source),
		T(seeds),
		T(removes),
		T(many_names),
		T(baselines),
	};

	/* without a database: counted as skipped */
	if ((db = testdb_open()) == NULL)
		return 0;
	return cmocka_run_group_tests(tests, begin, end);
}
