#include "tests/unit/ocsp/crlscan_fixture.h"

/* A usual CRL: hits with all that is said about them, digests, parts. */
static void
test_usual(void **state)
{
	static const char *const	serials[] = { "1",
	    "3ae51db51155a3c0001", "5151aeaeaeaeaeaeaeae0001",
	    "03AE51DB51155A3C0002", NULL };
	static const char *const	uris[] = { OTHER, URL, NULL };
	struct buf			image = BUF_INIT, crl = BUF_INIT;
	struct buf			tbs = BUF_INIT, x = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	uint8_t				h[32];
	int64_t				t;

	(void)state;
	watch(serials, &image, &set);
	made_new(&m, p256);
	made_revoked(&m.entries, MADE_S("\x11\x22\x33\x44\x55\x66\x77\x88"),
	    "260101000000Z", -1);
	made_revoked(&m.entries, MADE_S(A), "260102030405Z", 1);
	made_revoked(&m.entries, MADE_S(B), "20260203040506Z", -1);
	made_ext(&x, 21, 0, "\x0a\x01\x04", 3);
	made_ext(&x, 24, 0, "\x18\x0f" "20251231000000Z", 17);
	made_entry(&m.entries, MADE_S("\x01"), "260301000000Z",
	    buf_bytes(&x));
	made_idp(&m.exts, uris, MADE_S("\x81\x01\xff"));
	made_crl(&m, &crl);
	in = in_new(&set);
	in.keep = crl.n;
	scan(&in, &crl, &o);
	assert_string_equal(o.why, "");
	assert_int_equal(o.fault, CRL_OK);
	assert_true(o.authentic);
	assert_int_equal(o.count, 4);
	assert_string_equal(o.number, "0123");
	assert_string_equal(o.sigalg, "ecdsa-with-SHA256");
	assert_string_equal(o.idp, URL);
	assert_true(o.partitioned);
	assert_true(crlscan_names(&o, URL));
	assert_true(crlscan_names(&o, OTHER));
	assert_false(crlscan_names(&o, URL "x"));
	assert_int_equal(clk_parse("2026-06-10T00:00:00Z", &t), 0);
	assert_int_equal(o.this_update, t);
	assert_int_equal(o.next_update, t + 10 * 86400 * CLK_SEC);
	assert_int_equal(o.nhits, 3);
	assert_int_equal(o.hits[0].number, 1);
	assert_int_equal(o.hits[0].reason, 1);
	assert_int_equal(clk_parse("2026-01-02T03:04:05Z", &t), 0);
	assert_int_equal(o.hits[0].at, t);
	assert_int_equal(o.hits[0].invalid_at, INT64_MIN);
	assert_int_equal(o.hits[1].number, 3);
	assert_int_equal(o.hits[1].reason, -1);
	assert_int_equal(clk_parse("2026-02-03T04:05:06Z", &t), 0);
	assert_int_equal(o.hits[1].at, t);
	assert_int_equal(o.hits[2].number, 0);
	assert_int_equal(o.hits[2].reason, 4);
	assert_int_equal(clk_parse("2025-12-31T00:00:00Z", &t), 0);
	assert_int_equal(o.hits[2].invalid_at, t);
	/* the parts are those of the CRL, and the digest is what is signed */
	made_tbs(&m, &tbs);
	sha_256(h, tbs.p, tbs.n);
	assert_int_equal(o.ntbs_digest, 32);
	assert_memory_equal(o.tbs_digest, h, 32);
	assert_memory_equal(o.header.p, tbs.p, o.header.n);
	assert_memory_equal(o.header.p + o.header.n, m.entries.p, 0);
	assert_int_equal(o.header.n + m.entries.n + o.tail.n + 4, crl.n);
	assert_memory_equal(o.tail.p, crl.p + crl.n - o.tail.n, o.tail.n);
	buf_reset(&tbs);
	made_revoked(&tbs, MADE_S(A), "260102030405Z", 1);
	assert_int_equal(o.hits[0].raw.n, tbs.n);
	assert_memory_equal(o.hits[0].raw.p, tbs.p, tbs.n);
	same_buf(&o.kept, &crl);
	crlscan_out_free(&o);
	/* one byte more than may be kept */
	in.keep--;
	scan(&in, &crl, &o);
	assert_int_equal(o.kept.n, 0);
	crlscan_out_free(&o);
	/* nobody is watched */
	in = in_new(NULL);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.count, 4);
	assert_int_equal(o.nhits, 0);
	crlscan_out_free(&o);
	made_free(&m);
	buf_free(&x);
	buf_free(&tbs);
	buf_free(&crl);
	buf_free(&image);
}

/* Numbers, not bytes: negative ones, zeros in front, doubles, reason 8. */
static void
test_serials(void **state)
{
	static const char *const	serials[] = { "ff", "-1", "80",
	    "-51ae24aeeaa5c3fffd", "3ae51db51155a3c0001", "7", "8", NULL };
	struct buf			image = BUF_INIT, crl = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;

	(void)state;
	watch(serials, &image, &set);
	made_new(&m, p256);
	made_revoked(&m.entries, MADE_S("\xff"), "260101000000Z", -1);
	made_revoked(&m.entries, MADE_S("\x00\x00\x80"), "260101000000Z", 3);
	made_revoked(&m.entries, MADE_S(NEG), "260101000000Z", 9);
	made_revoked(&m.entries, MADE_S("\x00\x00" A), "260101000000Z", 2);
	made_revoked(&m.entries, MADE_S("\x00\x00" B), "260101000000Z", 2);
	made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
	/* removeFromCRL, alone and beside a revocation */
	made_revoked(&m.entries, MADE_S("\x07"), "260101000000Z", 8);
	made_revoked(&m.entries, MADE_S("\x08"), "260101000000Z", 8);
	made_revoked(&m.entries, MADE_S("\x08"), "260101000000Z", 6);
	made_crl(&m, &crl);
	in = in_new(&set);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.count, 9);
	assert_int_equal(o.nhits, 5);
	assert_int_equal(o.hits[0].number, 1);
	assert_int_equal(o.hits[1].number, 2);
	assert_int_equal(o.hits[2].number, 3);
	assert_int_equal(o.hits[3].number, 4);
	assert_int_equal(o.hits[3].reason, 2);
	assert_int_equal(o.hits[4].number, 6);
	assert_int_equal(o.hits[4].reason, 6);
	crlscan_out_free(&o);
	made_free(&m);
	buf_free(&crl);
	buf_free(&image);
}

static void
test_versions(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct made		m;

	(void)state;
	/* version 1: not said, no extensions at all */
	made_new(&m, p256);
	buf_reset(&m.version);
	m.no_exts = 1;
	made_revoked(&m.entries, MADE_S(A), "260101000000Z", -1);
	expect(&m, &in, CRL_OK);
	made_new(&m, p256);
	buf_reset(&m.version);
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	buf_reset(&m.version);
	m.no_exts = 1;
	made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
	expect(&m, &in, CRL_MALFORMED);
	/* the same in a form that is not usual */
	made_new(&m, p256);
	buf_reset(&m.version);
	m.no_exts = 1;
	made_revoked(&m.entries, MADE_S("\x01"), "260101000000Z", 1);
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	m.version.p[2] = 0;
	m.no_exts = 1;
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	m.version.p[2] = 2;
	expect(&m, &in, CRL_MALFORMED);
	/* version 2 without extensions; with an empty list of them */
	made_new(&m, p256);
	m.no_exts = 1;
	expect(&m, &in, CRL_OK);
	made_new(&m, p256);
	buf_reset(&m.exts);
	expect(&m, &in, CRL_MALFORMED);
	/* a list of entries that is empty; more behind the extensions */
	made_new(&m, p256);
	m.list = 1;
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	buf_add(&m.more, "\x05\x00", 2);
	expect(&m, &in, CRL_MALFORMED);
}

static void
test_entries(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct buf		serial = BUF_INIT, exts = BUF_INIT;
	struct made		m;
	size_t			i, k;

	(void)state;
	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		buf_reset(&serial);
		buf_reset(&exts);
		assert_int_equal(enc_unhex(entries[i].serial, strlen(entries[i].serial),
		    &serial), 0);
		assert_int_equal(enc_unhex(entries[i].exts, strlen(entries[i].exts),
		    &exts), 0);
		made_new(&m, p256);
		/* so many behind it that it is looked at 16 bytes at once */
		made_entry(&m.entries, buf_bytes(&serial), entries[i].date,
		    buf_bytes(&exts));
		for (k = 0; k < 4; k++)
			made_revoked(&m.entries, MADE_S(A), "260101000000Z",
			    1);
		expect(&m, &in, entries[i].fault);
	}
	buf_free(&serial);
	buf_free(&exts);
}

/* Entries whose frame is wrong, raw. */
static void
test_frames(void **state)
{
	static const struct {
		const char	*hex;
		enum crl_fault	 fault;
	} t[] = {
		/* an empty list of extensions: some public CAs have it */
		{ "3014020101170d3236303130313030303030305a3000", CRL_OK },
		{ "3000", CRL_MALFORMED },
		{ "0500", CRL_MALFORMED },
		{ "30", CRL_MALFORMED },
		{ "3080", CRL_MALFORMED },
		{ "308500000000010a", CRL_MALFORMED },
		{ "3020020101170d3236303130313030303030305a", CRL_MALFORMED },
		{ "3012020101170d3236303130313030303030305a30", CRL_MALFORMED },
		{ "3014020101170d3236303130313030303030305a0500",
		    CRL_MALFORMED },
		{ "3016020101170d3236303130313030303030305a30003000",
		    CRL_MALFORMED },
		/* lengths that are not the shortest */
		{ "308112020101170d3236303130313030303030305a",
		    CRL_MALFORMED },
		{ "301302810101170d3236303130313030303030305a",
		    CRL_MALFORMED },
	};
	struct crlscan_in	in = in_new(NULL);
	struct made		m;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		made_new(&m, p256);
		made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex),
		    &m.entries), 0);
		expect(&m, &in, t[i].fault);
	}
}

/* Each way in which a usual entry can be changed gives what the slow does. */
static void
test_usual_form(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	struct buf			image = BUF_INIT, e = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		a, b;
	struct buf			crl = BUF_INIT, tbs = BUF_INIT;
	struct made			m;
	size_t				i;
	unsigned			v;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	made_revoked(&e, MADE_S(A), "260102030405Z", 1);
	for (i = 0; i < e.n; i++)
		for (v = 0; v < 256; v++) {
			made_new(&m, p256);
			buf_span(&m.entries, buf_bytes(&e));
			m.entries.p[i] = (uint8_t)v;
			buf_span(&m.entries, buf_bytes(&e));
			buf_span(&m.entries, buf_bytes(&e));
			made_tbs(&m, &tbs);
			made_wrap(buf_bytes(&tbs), m.outer, MADE_NONE, &crl);
			/* a byte at a time, nothing is in the usual form */
			crlscan_bytes(&in, buf_bytes(&crl), &a);
			scan_pieces(&in, buf_bytes(&crl), 1, &b);
			same_out(&a, &b);
			crlscan_out_free(&a);
			crlscan_out_free(&b);
			buf_reset(&tbs);
			made_free(&m);
		}
	buf_free(&e);
	buf_free(&tbs);
	buf_free(&crl);
	buf_free(&image);
}

static void
test_times(void **state)
{
	static const struct {
		const char	*this_update, *next_update;
		int64_t		 max_age;	/* days */
		enum crl_fault	 fault;
	} t[] = {
		{ "260615120000Z", "260615120000Z", 0, CRL_OK },
		{ "260615120000Z", "260615115959Z", 0, CRL_STALE },
		{ "260615120500Z", "260620000000Z", 0, CRL_OK },
		{ "260615120501Z", "260620000000Z", 0, CRL_FUTURE },
		{ "260615120501Z", "260101000000Z", 0, CRL_FUTURE },
		{ "20260610000000Z", "20260620000000Z", 0, CRL_OK },
		{ "260610000000Z", NULL, 0, CRL_STALE },
		{ "260610000000Z", NULL, 7, CRL_OK },
		{ "260608120000Z", NULL, 7, CRL_OK },
		{ "260608115959Z", NULL, 7, CRL_STALE },
		{ "260608115959Z", "260620000000Z", 7, CRL_STALE },
		{ "260612000000Z", "260613000000Z", 7, CRL_STALE },
		{ "260610000000", "260620000000Z", 0, CRL_MALFORMED },
		{ "260610000000Z", "260632000000Z", 0, CRL_MALFORMED },
	};
	struct crlscan_in	in = in_new(NULL);
	struct made		m;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		made_new(&m, p256);
		buf_reset(&m.times);
		made_time(&m.times, t[i].this_update);
		if (t[i].next_update != NULL)
			made_time(&m.times, t[i].next_update);
		in.max_age = t[i].max_age * 86400 * CLK_SEC;
		expect(&m, &in, t[i].fault);
	}
}

static void
test_rewound(void **state)
{
	static const struct {
		const char	*last;
		int64_t		 seconds;	/* after thisUpdate */
		enum crl_fault	 fault;
	} t[] = {
		{ NULL, 0, CRL_OK }, { "", 0, CRL_OK },
		{ "0123", 0, CRL_OK }, { "123", 0, CRL_OK },
		{ "00000122", 0, CRL_OK }, { "ff", 0, CRL_OK },
		{ "0124", 0, CRL_REWOUND }, { "1000", 0, CRL_REWOUND },
		{ "12A", 0, CRL_REWOUND }, { "0122", 1, CRL_REWOUND },
		{ "0122", -1, CRL_OK },
	};
	struct crlscan_in	in = in_new(NULL);
	struct made		m;
	int64_t			at;
	size_t			i;

	(void)state;
	assert_int_equal(clk_parse("2026-06-10T00:00:00Z", &at), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		made_new(&m, p256);
		in.last_number = t[i].last;
		in.last_this = at + t[i].seconds * CLK_SEC;
		expect(&m, &in, t[i].fault);
	}
	/* the number is gone */
	made_new(&m, p256);
	m.no_exts = 1;
	in.last_number = "01";
	in.last_this = INT64_MIN;
	expect(&m, &in, CRL_REWOUND);
	/* stale and rewound: stale is said */
	made_new(&m, p256);
	in.now = MADE_NOW + 30 * 86400 * CLK_SEC;
	in.last_number = "ffff";
	expect(&m, &in, CRL_STALE);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_usual_form),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_rewound)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
