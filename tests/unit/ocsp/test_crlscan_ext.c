/* Numbers, and delta CRLs. */
#include "tests/unit/ocsp/made_crl.h"

#include "ocsp/crlset.h"

#define SERIAL	"\x12\x34"
#define URL	"http://ca.example/1.crl"

/* The verdict about what ${m} describes; 1 when it revokes SERIAL. */
static int
revokes(const struct made *m, int profile, const char *url,
    enum crl_fault *fault)
{
	struct crlset_build	*b = crlset_new();
	struct buf		 ca = BUF_INIT, crl = BUF_INIT, image = BUF_INIT;
	struct crlset		 set;
	struct crlscan_in	 in;
	struct crlscan_out	 out;
	int			 r;

	assert_int_equal(crlset_add(b, "1234", NULL), 0);
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&set, image.p, image.n, NULL), 0);
	made_ca("Made CA", m->key, NULL, &ca);
	made_crl(m, &crl);
	memset(&in, 0, sizeof(in));
	in.issuer = buf_bytes(&ca);
	in.url = url;
	in.set = &set;
	in.now = MADE_NOW;
	in.last_this = INT64_MIN;
	in.profile = profile;
	crlscan_bytes(&in, buf_bytes(&crl), &out);
	*fault = out.fault;
	r = out.nhits == 1 && crl_fault_revokes(out.fault);
	/* what is wrong is said, and nothing else is */
	assert_int_equal(out.fault == CRL_OK, out.why[0] == '\0');
	crlscan_out_free(&out);
	buf_free(&ca);
	buf_free(&crl);
	buf_free(&image);
	return r;
}

static void
begin(struct made *m)
{
	made_new(m, EVP_EC_gen("P-256"));
	made_revoked(&m->entries, MADE_S(SERIAL), "260601000000Z", 1);
}

static void
end(struct made *m)
{
	EVP_PKEY_free(m->key);
	made_free(m);
}

/* A number must be there, and not be critical; RFC 5280 reads on. */
static void
test_number(void **state)
{
	enum crl_fault		 f;
	struct made		 m;

	(void)state;
	begin(&m);
	assert_int_equal(revokes(&m, 1, NULL, &f), 1);
	assert_int_equal(f, CRL_OK);

	buf_reset(&m.exts);
	made_ext(&m.exts, 20, 1, "\x02\x01\x07", 3);
	assert_int_equal(revokes(&m, 1, NULL, &f), 1);
	assert_int_equal(f, CRL_UNNUMBERED);
	assert_int_equal(revokes(&m, 0, NULL, &f), 1);
	assert_int_equal(f, CRL_OK);

	buf_reset(&m.exts);
	m.no_exts = 1;
	assert_int_equal(revokes(&m, 1, NULL, &f), 1);
	assert_int_equal(f, CRL_UNNUMBERED);
	assert_string_equal(crl_fault_name(f), "unnumbered");
	assert_int_equal(revokes(&m, 0, NULL, &f), 1);
	assert_int_equal(f, CRL_OK);
	end(&m);
}

/* Every other fault is the graver one. */
static void
test_gravest(void **state)
{
	enum crl_fault	f;
	struct made	m;

	(void)state;
	begin(&m);
	m.no_exts = 1;
	buf_reset(&m.times);
	made_time(&m.times, "260601000000Z");
	made_time(&m.times, "260602000000Z");
	assert_int_equal(revokes(&m, 1, NULL, &f), 1);
	assert_int_equal(f, CRL_STALE);
	end(&m);
}

/* What a delta lists is revoked; that it lists nothing proves nothing. */
static void
test_delta(void **state)
{
	static const char *const	here[] = { URL, NULL };
	static const char *const	other[] = { "http://ca.example/2.crl",
					    NULL };
	enum crl_fault			f;
	struct made			m;

	(void)state;
	begin(&m);
	made_ext(&m.exts, 27, 1, "\x02\x01\x05", 3);
	assert_int_equal(revokes(&m, 1, URL, &f), 1);
	assert_int_equal(f, CRL_DELTA);
	made_idp(&m.exts, here, MADE_NONE);
	assert_int_equal(revokes(&m, 1, URL, &f), 1);
	assert_int_equal(f, CRL_DELTA);
	buf_reset(&m.entries);
	assert_int_equal(revokes(&m, 1, URL, &f), 0);
	assert_int_equal(f, CRL_DELTA);

	/* removeFromCRL takes back nothing, and revokes nothing */
	made_revoked(&m.entries, MADE_S(SERIAL), "260601000000Z", 8);
	assert_int_equal(revokes(&m, 1, URL, &f), 0);
	assert_int_equal(f, CRL_DELTA);
	end(&m);

	/* one of another point is that first */
	begin(&m);
	made_ext(&m.exts, 27, 1, "\x02\x01\x05", 3);
	made_idp(&m.exts, other, MADE_NONE);
	assert_int_equal(revokes(&m, 1, URL, &f), 0);
	assert_int_equal(f, CRL_WRONG_SCOPE);
	end(&m);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_gravest),
		cmocka_unit_test(test_delta),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
