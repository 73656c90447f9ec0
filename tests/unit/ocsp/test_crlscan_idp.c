/* What a CRL says of itself: its number, its scope, its issuer. */
#include "tests/unit/ocsp/crlscan_fixture.h"

static void
test_number(void **state)
{
	static const struct {
		const char	*hex;
		const char	*number;	/* NULL: malformed */
	} t[] = {
		{ "020100", "00" },
		{ "0202007f", "7f" },
		{ "02020080", "80" },
		{ "0214" "7f00000000000000000000000000000000000001",
		    "7f00000000000000000000000000000000000001" },
		{ "0215" "00ff00000000000000000000000000000000000001",
		    "ff00000000000000000000000000000000000001" },
		{ "0215" "010000000000000000000000000000000000000001",
		    NULL },
		{ "0201ff", NULL },
		{ "0200", NULL },
		{ "040101", NULL },
		{ "0201010500", NULL },
	};
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct buf		v = BUF_INIT, crl = BUF_INIT;
	struct made		m;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		made_new(&m, p256);
		buf_reset(&v);
		buf_reset(&m.exts);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex), &v),
		    0);
		made_ext(&m.exts, 20, 0, v.p, v.n);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, t[i].number != NULL ? CRL_OK :
		    CRL_MALFORMED);
		if (t[i].number != NULL)
			assert_string_equal(o.number, t[i].number);
		crlscan_out_free(&o);
		made_free(&m);
	}
	buf_free(&v);
	buf_free(&crl);
}

static void
test_extensions(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct made		m;

	(void)state;
	/* known ones, and an unknown one that may be ignored */
	made_new(&m, p256);
	made_ext(&m.exts, 35, 0, "\x30\x00", 2);
	made_ext(&m.exts, 46, 0, "\x30\x00", 2);
	made_ext(&m.exts, 99, 0, "x", 1);
	expect(&m, &in, CRL_OK);
	made_new(&m, p256);
	made_ext(&m.exts, 99, 1, "x", 1);
	expect(&m, &in, CRL_CRITICAL);
	/* freshestCRL must not be critical: we do not follow it */
	made_new(&m, p256);
	made_ext(&m.exts, 46, 1, "\x30\x00", 2);
	expect(&m, &in, CRL_CRITICAL);
	made_new(&m, p256);
	made_ext(&m.exts, 27, 1, "\x02\x01\x01", 3);
	expect(&m, &in, CRL_DELTA);
	made_new(&m, p256);
	made_ext(&m.exts, 27, 0, "\x02\x01\x01", 3);
	expect(&m, &in, CRL_DELTA);
	/* the graver one of two is said */
	made_new(&m, p256);
	made_ext(&m.exts, 27, 1, "\x02\x01\x01", 3);
	made_ext(&m.exts, 99, 1, "x", 1);
	expect(&m, &in, CRL_CRITICAL);
	/* twice, and what is no extension */
	made_new(&m, p256);
	made_ext(&m.exts, 20, 0, "\x02\x01\x01", 3);
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	buf_add(&m.exts, "\x30\x00", 2);
	expect(&m, &in, CRL_MALFORMED);
}

static void
test_idp(void **state)
{
	static const char *const	ours[] = { URL, NULL };
	static const char *const	both[] = { OTHER, URL, NULL };
	static const char *const	other[] = { OTHER, NULL };
	static const char *const	near[] = { URL "?", "HTTP" "://crl."
					    "made.test/1.crl", NULL };
	static const struct {
		const char *const	*uris;
		const char		*fields;	/* hex, behind them */
		enum crl_fault		 user;
		enum crl_fault		 ca;
	} t[] = {
		{ ours, "", CRL_OK, CRL_OK },
		{ both, "", CRL_OK, CRL_OK },
		{ other, "", CRL_WRONG_SCOPE, CRL_WRONG_SCOPE },
		{ near, "", CRL_WRONG_SCOPE, CRL_WRONG_SCOPE },
		{ ours, "8101ff", CRL_OK, CRL_PARTIAL },
		{ ours, "8201ff", CRL_PARTIAL, CRL_OK },
		{ NULL, "8101ff", CRL_OK, CRL_PARTIAL },
		{ NULL, "8201ff", CRL_PARTIAL, CRL_OK },
		{ ours, "83020640", CRL_PARTIAL, CRL_PARTIAL },
		{ ours, "830100", CRL_PARTIAL, CRL_PARTIAL },
		{ ours, "8401ff", CRL_INDIRECT, CRL_INDIRECT },
		{ ours, "8501ff", CRL_WRONG_SCOPE, CRL_WRONG_SCOPE },
		{ other, "83020640", CRL_WRONG_SCOPE, CRL_WRONG_SCOPE },
		/* no more than one kind */
		{ ours, "8101ff8201ff", CRL_MALFORMED, CRL_MALFORMED },
		/* FALSE should be left out, and TRUE is ff */
		{ ours, "810100", CRL_OK, CRL_OK },
		{ ours, "810100840100", CRL_OK, CRL_OK },
		{ ours, "8101008201ff", CRL_PARTIAL, CRL_OK },
		{ NULL, "810100", CRL_MALFORMED, CRL_MALFORMED },
		{ ours, "810101", CRL_MALFORMED, CRL_MALFORMED },
		{ ours, "8102ffff", CRL_MALFORMED, CRL_MALFORMED },
		{ ours, "8300", CRL_MALFORMED, CRL_MALFORMED },
		/* twice, out of order, unknown, empty */
		{ ours, "8101ff8101ff", CRL_MALFORMED, CRL_MALFORMED },
		{ NULL, "8401ff8101ff", CRL_MALFORMED, CRL_MALFORMED },
		{ ours, "8601ff", CRL_MALFORMED, CRL_MALFORMED },
		{ ours, "0101ff", CRL_MALFORMED, CRL_MALFORMED },
		{ NULL, "", CRL_MALFORMED, CRL_MALFORMED },
		{ NULL, "a000", CRL_MALFORMED, CRL_MALFORMED },
		{ NULL, "a002a000", CRL_MALFORMED, CRL_MALFORMED },
		{ NULL, "a004a2020500", CRL_MALFORMED, CRL_MALFORMED },
		{ NULL, "a004a0020500", CRL_MALFORMED, CRL_MALFORMED },
		/* a name relative to the issuer, a directory name */
		{ NULL, "a00fa10d300b06035504030c04" "6e616d65",
		    CRL_WRONG_SCOPE, CRL_WRONG_SCOPE },
		{ NULL, "a006a004a4023000", CRL_WRONG_SCOPE,
		    CRL_WRONG_SCOPE },
	};
	struct crlscan_in	in = in_new(NULL);
	struct buf		f = BUF_INIT;
	struct made		m;
	size_t			i;
	int			k;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (k = 0; k < 2; k++) {
			made_new(&m, p256);
			buf_reset(&f);
			assert_int_equal(enc_unhex(t[i].fields,
			    strlen(t[i].fields), &f), 0);
			made_idp(&m.exts, t[i].uris, buf_bytes(&f));
			in.for_ca = k;
			expect(&m, &in, k ? t[i].ca : t[i].user);
		}
	buf_free(&f);
}

/* Given as a file: accepted when somebody can compare its names. */
static void
test_file(void **state)
{
	static const char *const	other[] = { "ftp://x y", OTHER, NULL };
	/* [0] fullName { directoryName CN=Made CA + CN=name } */
	struct crlscan_in		in = in_new(NULL);
	struct crlscan_out		o;
	struct buf			crl = BUF_INIT, f = BUF_INIT;
	struct made			m;

	(void)state;
	in.url = NULL;
	made_new(&m, p256);
	made_idp(&m.exts, other, MADE_NONE);
	made_crl(&m, &crl);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_true(o.partitioned);
	assert_string_equal(o.idp, OTHER);
	assert_true(crlscan_names(&o, OTHER));
	assert_true(crlscan_names(&o, "ftp://x y"));
	assert_false(crlscan_names(&o, URL));
	crlscan_out_free(&o);
	made_free(&m);
	/* without an IDP it is about all */
	made_new(&m, p256);
	made_crl(&m, &crl);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_false(o.partitioned);
	assert_string_equal(o.idp, "");
	assert_true(crlscan_names(&o, URL));
	crlscan_out_free(&o);
	made_free(&m);
	/* no URL that could be compared */
	made_new(&m, p256);
	(void)enc_unhex("a006a004a4023000", 16, &f);
	made_idp(&m.exts, NULL, buf_bytes(&f));
	expect(&m, &in, CRL_WRONG_SCOPE);
	buf_free(&f);
	buf_free(&crl);
}

/* A URL as long as may be is shown; a longer one is compared all the same. */
static void
test_long_url(void **state)
{
	char			text[LIMIT_PTR_URL + 2];
	const char		*uris[] = { text, NULL };
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct buf		crl = BUF_INIT;
	struct made		m;
	size_t			i;

	(void)state;
	for (i = 0; i < 2; i++) {
		memset(text, 'x', sizeof(text));
		text[LIMIT_PTR_URL + i] = '\0';
		in.url = text;
		made_new(&m, p256);
		made_idp(&m.exts, uris, MADE_NONE);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, CRL_OK);
		assert_string_equal(o.idp, i == 0 ? text : "");
		crlscan_out_free(&o);
		made_free(&m);
	}
	buf_free(&crl);
}

/* Distribution points by any kind of name. */
static void
test_point(void **state)
{
	/* { directoryName CN=Made CA, CN=name }, and the same otherwise */
	static const char	full[] = "a02aa028a4263024"
	    "3110300e06035504030c074d616465204341"
	    "3110300e06035504030c076e616d65203031";
	static const char	loud[] = "a02aa028a4263024"
	    "3110300e06035504030c074d414445204341"
	    "3110300e060355040313074e616d65203031";
	static const char	relative[] = "a110"
	    "300e06035504030c076e616d65203031";
	static const char	wrong[] = "a110"
	    "300e06035504030c076e616d65203032";
	static const struct {
		const char	*idp, *point;
		enum crl_fault	 fault;
	} t[] = {
		{ full + 4, full + 4, CRL_OK },
		{ full + 4, loud + 4, CRL_OK },
		{ full + 4, relative, CRL_OK },
		{ relative, loud + 4, CRL_OK },
		{ relative, relative, CRL_OK },
		{ relative, wrong, CRL_WRONG_SCOPE },
		{ wrong, full + 4, CRL_WRONG_SCOPE },
		{ full + 4, "a0020500", CRL_WRONG_SCOPE },
		{ full + 4, "0500", CRL_WRONG_SCOPE },
	};
	struct crlscan_in	in = in_new(NULL);
	struct buf		f = BUF_INIT, p = BUF_INIT;
	struct made		m;
	size_t			i;

	(void)state;
	in.url = NULL;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&f);
		buf_reset(&p);
		assert_int_equal(enc_unhex(t[i].point, strlen(t[i].point),
		    &p), 0);
		buf_u8(&f, 0xa0);
		buf_u8(&f, (uint8_t)(strlen(t[i].idp) / 2));
		assert_int_equal(enc_unhex(t[i].idp, strlen(t[i].idp), &f),
		    0);
		made_new(&m, p256);
		made_idp(&m.exts, NULL, buf_bytes(&f));
		in.point = buf_bytes(&p);
		expect(&m, &in, t[i].fault);
	}
	buf_free(&f);
	buf_free(&p);
}

static void
test_issuer(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct buf		cert = BUF_INIT;
	EVP_PKEY		*other = EVP_EC_gen("P-256");
	struct made		m;

	(void)state;
	/* other letters, other string, blanks: the same name (7.1) */
	made_new(&m, p256);
	made_name(&m.issuer, DER_PRINTABLE, " mADE  ca ");
	expect(&m, &in, CRL_OK);
	made_new(&m, p256);
	made_name(&m.issuer, DER_UTF8, "Made CB");
	expect(&m, &in, CRL_WRONG_ISSUER);
	made_new(&m, p256);
	buf_reset(&m.issuer);
	buf_add(&m.issuer, "\x30\x00", 2);
	expect(&m, &in, CRL_WRONG_ISSUER);
	made_new(&m, p256);
	m.issuer.p[0] = DER_SET;
	expect(&m, &in, CRL_MALFORMED);
	/* key usage: none at all is fine */
	in.issuer = buf_bytes(&cert);
	made_ca("Made CA", p256, NULL, &cert);
	in.issuer = buf_bytes(&cert);
	made_new(&m, p256);
	expect(&m, &in, CRL_OK);
	made_ca("Made CA", p256, "cRLSign", &cert);
	in.issuer = buf_bytes(&cert);
	made_new(&m, p256);
	expect(&m, &in, CRL_OK);
	made_ca("Made CA", p256, "keyCertSign,digitalSignature", &cert);
	in.issuer = buf_bytes(&cert);
	made_new(&m, p256);
	expect(&m, &in, CRL_WRONG_ISSUER);
	/* another key of the same name */
	made_ca("Made CA", other, NULL, &cert);
	in.issuer = buf_bytes(&cert);
	made_new(&m, p256);
	expect(&m, &in, CRL_BAD_SIGNATURE);
	/* no certificate */
	in.issuer = MADE_NONE;
	made_new(&m, p256);
	expect(&m, &in, CRL_WRONG_ISSUER);
	EVP_PKEY_free(other);
	buf_free(&cert);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_idp),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_long_url),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_issuer)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
