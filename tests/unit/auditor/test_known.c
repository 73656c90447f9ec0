#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/known_import.h"
#include "auditor/cmd/material.h"
#include "auditor/conf.h"
#include "auditor/db/baseline.h"
#include "auditor/decide.h"
#include "auditor/db/known.h"
#include "auditor/db/source.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"
#include "pki/owner.h"
#include "tests/unit/auditor/sql.h"

static struct conf	 conf;
static struct cmd_ctx	 ctx;
static char		 dir[64];
static EVP_PKEY		*keys[4];
static X509		*ca;

/* --- a CA, certificates, requests --- */

static X509_EXTENSION *
san(const char *names)
{
	return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
}

static X509 *
cert(int key, const char *cn, const char *alt, long serial)
{
	X509		*x = X509_new();
	X509_NAME	*n = X509_get_subject_name(x);
	X509_EXTENSION	*e;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400 * 30);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_pubkey(x, keys[key]);
	X509_set_issuer_name(x, ca != NULL ? X509_get_subject_name(ca) : n);
	e = alt != NULL ? san(alt) : X509V3_EXT_conf_nid(NULL, NULL,
	    NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(x, keys[0], EVP_sha256());
	return x;
}

static X509_REQ *
request(int key, const char *cn, const char *alt)
{
	STACK_OF(X509_EXTENSION)	*st = sk_X509_EXTENSION_new_null();
	X509_REQ			*r = X509_REQ_new();

	X509_REQ_set_pubkey(r, keys[key]);
	if (cn != NULL)
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN",
		    MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	if (alt != NULL) {
		sk_X509_EXTENSION_push(st, san(alt));
		X509_REQ_add_extensions(r, st);
	}
	sk_X509_EXTENSION_pop_free(st, X509_EXTENSION_free);
	X509_REQ_sign(r, keys[key], EVP_sha256());
	return r;
}

/* What was written, at the end of a buffer. */
static void
pour(BIO *o, struct buf *b)
{
	char	*p;
	long	 n = BIO_get_mem_data(o, &p);

	buf_add(b, p, (size_t)n);
	BIO_free(o);
}

/* Append PEM, or DER, to a buffer. */
static void
put_cert(struct buf *b, X509 *x, int pem)
{
	BIO	*o = BIO_new(BIO_s_mem());

	if (pem)
		PEM_write_bio_X509(o, x);
	else
		i2d_X509_bio(o, x);
	pour(o, b);
}

static void
put_req(struct buf *b, X509_REQ *x, int pem)
{
	BIO	*o = BIO_new(BIO_s_mem());

	if (pem)
		PEM_write_bio_X509_REQ(o, x);
	else
		i2d_X509_REQ_bio(o, x);
	pour(o, b);
}

/* --- the database --- */

static int
clean(void **state)
{
	(void)state;
	sql("truncate issuance, certificate_name, known, expectation, source,"
	    " finding, finding_event, delivery, watch, entry_match"
	    " restart identity cascade");
	return 0;
}

/* --- reading --- */

static void
add(struct material_set *s, const struct buf *b)
{
	struct err e = ERR_INIT;

	if (material_parse(s, b->p, b->n, "test", &e) == -1)
		fail_msg("%s", e.msg);
}

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

/* --- importing --- */

static void
import(struct known_import *k, struct material_set *s)
{
	struct err e = ERR_INIT;

	if (known_import_all(&ctx, k, s, &e) == -1)
		fail_msg("%s", e.msg);
	material_free(s);
	memset(s, 0, sizeof(*s));
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
				    "", "", "a.example", 0 };
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

static int
setup(void)
{
	struct buf	der = BUF_INIT, csv = BUF_INIT;
	struct err	e = ERR_INIT;
	uint8_t		hash[32];
	char		hex[65];
	size_t		i;

	for (i = 0; i < 4; i++)
		keys[i] = EVP_EC_gen("P-256");
	ca = cert(0, "Test CA", NULL, 1);
	put_cert(&der, ca, 0);
	sha_256(hash, der.p, der.n);
	buf_fmt(&csv, "\"CA Owner\",\"SHA-256 Fingerprint\"\n"
	    "\"Test CA\",\"%s\"\n", enc_hex_to(hex, hash, 32));
	for (i = 0; i < 64; i++)
		if (csv.p[csv.n - 3 - i] >= 'a')
			csv.p[csv.n - 3 - i] = (uint8_t)(csv.p[csv.n - 3 - i]
			    - 32);
	if (owner_load_csv(buf_text(&csv), csv.n, &e) != 1) {
		fprintf(stderr, "csv: %s\n", e.msg);
		return -1;
	}
	buf_free(&der);
	buf_free(&csv);
	return 0;
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads), cmocka_unit_test(folders),
		T(imports), T(late), T(by_source), T(seeds), T(removes),
		T(many_names), T(baselines),
	};
	size_t	 i;
	char	*cmd;
	int	 rc;

	if ((db = testdb_open()) == NULL)
		return 0;
	snprintf(dir, sizeof(dir), "/tmp/cv-known-XXXXXX");
	if (mkdtemp(dir) == NULL || setup() == -1)
		return 1;
	ctx.db = db;
	ctx.conf = &conf;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	for (i = 0; i < 4; i++)
		EVP_PKEY_free(keys[i]);
	X509_free(ca);
	owner_reset();
	for (i = 0; i < 6; i++) {
		static const char *const names[] = { "a.pem", "bad.der",
		    "sub/b.pem", "sub/README", "sub/.hidden", "sub" };

		cmd = mem_printf("%s/%s", dir, names[i]);
		remove(cmd);
		free(cmd);
	}
	rmdir(dir);
	testdb_close(db);
	return rc;
}
