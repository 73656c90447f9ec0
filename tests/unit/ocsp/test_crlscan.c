#include "tests/unit/ocsp/made_crl.h"

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ocsp/crlscan.h"
#include "tests/unit/pki/made_rsa.h"

/* Everything that a scan says, and that pieces do not change it. */

#define URL	"http://crl.made.test/1.crl"
#define OTHER	"http://crl.made.test/2.crl"

static EVP_PKEY		*p256;
static struct buf	 ca;		/* "Made CA", p256 */

/* --- helpers --- */

static void
watch(const char *const *serials, struct buf *image, struct crlset *set)
{
	struct crlset_build	*b = crlset_new();

	buf_reset(image);
	for (; *serials != NULL; serials++)
		assert_true(crlset_add(b, *serials, NULL) >= 0);
	crlset_done(b, image);
	assert_int_equal(crlset_open(set, image->p, image->n, NULL), 0);
}

static struct crlscan_in
in_new(const struct crlset *set)
{
	struct crlscan_in	in = { .issuer = buf_bytes(&ca), .url = URL,
				    .set = set, .now = MADE_NOW,
				    .last_this = INT64_MIN };

	return in;
}

static void
same_buf(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->n, b->n);
	if (a->n != 0)
		assert_memory_equal(a->p, b->p, a->n);
}

static void
same_out(const struct crlscan_out *a, const struct crlscan_out *b)
{
	size_t	i;

	assert_string_equal(crl_fault_name(a->fault),
	    crl_fault_name(b->fault));
	assert_string_equal(a->why, b->why);
	assert_int_equal(a->authentic, b->authentic);
	assert_string_equal(a->number, b->number);
	assert_int_equal(a->this_update, b->this_update);
	assert_int_equal(a->next_update, b->next_update);
	assert_string_equal(a->sigalg, b->sigalg);
	assert_string_equal(a->idp, b->idp);
	assert_int_equal(a->partitioned, b->partitioned);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->tbs_sha256, b->tbs_sha256, 32);
	assert_int_equal(a->ntbs_digest, b->ntbs_digest);
	assert_memory_equal(a->tbs_digest, b->tbs_digest, 64);
	same_buf(&a->header, &b->header);
	same_buf(&a->tail, &b->tail);
	same_buf(&a->kept, &b->kept);
	assert_int_equal(a->nhits, b->nhits);
	for (i = 0; i < a->nhits; i++) {
		assert_int_equal(a->hits[i].number, b->hits[i].number);
		assert_int_equal(a->hits[i].at, b->hits[i].at);
		assert_int_equal(a->hits[i].reason, b->hits[i].reason);
		assert_int_equal(a->hits[i].invalid_at,
		    b->hits[i].invalid_at);
		assert_int_equal(a->hits[i].raw.n, b->hits[i].raw.n);
		assert_memory_equal(a->hits[i].raw.p, b->hits[i].raw.p,
		    a->hits[i].raw.n);
	}
}

/* In pieces of ${size}, each in memory of its own. */
static void
scan_pieces(const struct crlscan_in *in, struct span crl, size_t size,
    struct crlscan_out *out)
{
	struct crlscan	*s = crlscan_new(in);
	uint8_t		*p;
	size_t		 i, n;

	for (i = 0; i < crl.n; i += n) {
		n = crl.n - i < size ? crl.n - i : size;
		p = malloc(n);
		assert_non_null(p);
		memcpy(p, crl.p + i, n);
		(void)crlscan_update(s, p, n, NULL);
		free(p);
	}
	crlscan_finish(s, out);
	crlscan_free(s);
}

/* The verdict, which pieces must not change; crlscan_out_free() it. */
static void
scan(const struct crlscan_in *in, const struct buf *crl,
    struct crlscan_out *out)
{
	static const size_t	sizes[] = { 1, 2, 7, 4096 };
	struct crlscan_out	o;
	struct cur		c;
	struct der		d;
	uint8_t			h[32];
	size_t			i;

	crlscan_bytes(in, buf_bytes(crl), out);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		scan_pieces(in, buf_bytes(crl), sizes[i], &o);
		same_out(out, &o);
		crlscan_out_free(&o);
	}
	assert_int_equal(out->bytes, crl->n);
	if (out->authentic) {
		/* the first element of the outer SEQUENCE */
		c = cur_of(crl->p, crl->n);
		assert_int_equal(der_next_strict(&c, &d), 0);
		c = cur_span(d.body);
		assert_int_equal(der_next_strict(&c, &d), 0);
		sha_256(h, d.whole.p, d.whole.n);
		assert_memory_equal(h, out->tbs_sha256, 32);
	}
	assert_int_equal(out->why[0] == '\0', out->fault == CRL_OK);
	if (!out->authentic)
		assert_int_equal(out->nhits, 0);
}

/* Make it, scan it, and say what it must be. */
static void
expect(struct made *m, const struct crlscan_in *in, enum crl_fault fault)
{
	struct crlscan_out	o;
	struct buf		crl = BUF_INIT;

	made_crl(m, &crl);
	scan(in, &crl, &o);
	if (o.fault != fault)
		print_message("%s: %s\n", crl_fault_name(o.fault), o.why);
	assert_string_equal(crl_fault_name(o.fault), crl_fault_name(fault));
	crlscan_out_free(&o);
	buf_free(&crl);
	made_free(m);
}

static int
setup(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	made_ca("Made CA", p256, "critical,keyCertSign,cRLSign", &ca);
	return p256 == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	buf_free(&ca);
	return 0;
}

/* --- tests --- */

#define A	"\x03\xae\x51\xdb\x51\x15\x5a\x3c\x00\x01"
#define B	"\x03\xae\x51\xdb\x51\x15\x5a\x3c\x00\x02"
#define NEG	"\xff\xae\x51\xdb\x51\x15\x5a\x3c\x00\x03"

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

/* Entries that are not as they must be, usual and unusual. */
static const struct {
	const char	*serial;	/* hex */
	const char	*date;
	const char	*exts;		/* hex of their content */
	enum crl_fault	 fault;
} entries[] = {
	{ "0102030405060708", "260101000000Z", "", CRL_OK },
	{ "0102030405060708", "261301000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "260001000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "260100000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "260131000000Z", "", CRL_OK },
	{ "0102030405060708", "260132000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "260230000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "260229000000Z", "", CRL_OK },
	{ "0102030405060708", "260431000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "261231235959Z", "", CRL_OK },
	{ "0102030405060708", "261231235960Z", "", CRL_OK },
	{ "0102030405060708", "261231235961Z", "", CRL_MALFORMED },
	{ "0102030405060708", "261231240000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "261231236000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "2601010000:0Z", "", CRL_MALFORMED },
	{ "0102030405060708", "/60101000000Z", "", CRL_MALFORMED },
	{ "0102030405060708", "26010100000\xb0Z", "",
	    CRL_MALFORMED },
	{ "0102030405060708", "260101000000z", "", CRL_MALFORMED },
	{ "0102030405060708", "2601010000000", "", CRL_MALFORMED },
	{ "", "260101000000Z", "", CRL_MALFORMED },
	{ "01", "261301000000Z", "", CRL_MALFORMED },
	/* reasons */
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d1504030a0100", CRL_OK },
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d1504030a010a", CRL_OK },
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d1504030a010b", CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d1504030a0107", CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d1504030a01ff", CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d150403020101", CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z",
	    "300b0603551d1504040a020001", CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z",
	    "300d0603551d150101ff04030a0101", CRL_OK },
	{ "0102030405060708", "260101000000Z",
	    "300a0603551d1504030a0101300a0603551d1504030a0101",
	    CRL_MALFORMED },
	/* an invalidity date as UTCTime, as no time, twice */
	{ "0102030405060708", "260101000000Z",
	    "30160603551d18040f170d3236303130313030303030305a",
	    CRL_OK },
	{ "0102030405060708", "260101000000Z",
	    "30160603551d18040f170d3236313330313030303030305a",
	    CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z",
	    "30160603551d18040f170d3236303130313030303030305a"
	    "30160603551d18040f170d3236303130313030303030305a",
	    CRL_MALFORMED },
	/* unknown, unknown and critical, another issuer, both */
	{ "0102030405060708", "260101000000Z",
	    "30080603551d6304010a", CRL_OK },
	{ "0102030405060708", "260101000000Z",
	    "300b0603551d630101ff04010a", CRL_CRITICAL },
	{ "0102030405060708", "260101000000Z",
	    "30090603551d1d04023000", CRL_INDIRECT },
	{ "0102030405060708", "260101000000Z",
	    "300c0603551d1d0101ff04023000", CRL_INDIRECT },
	{ "0102030405060708", "260101000000Z",
	    "300b0603551d630101ff04010a30090603551d1d04023000",
	    CRL_CRITICAL },
	/* no extensions at all */
	{ "0102030405060708", "260101000000Z", "3000",
	    CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z", "3003060155",
	    CRL_MALFORMED },
	{ "0102030405060708", "260101000000Z", "04010a",
	    CRL_MALFORMED },
};

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

enum { P256, P384, P521, RSA2K, ED, ED4, K1, RSA512, RSAE256,
    RSAE257, NKEYS };
static const struct {
	struct span	 alg;
	int		 key;
	const char	*md;
	enum crl_fault	 fault;
	size_t		 digest;
} algs[] = {
	{ MADE_ALG(MADE_ES256), P256, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_ES384), P384, "SHA384", CRL_OK, 48 },
	{ MADE_ALG(MADE_ES512), P521, "SHA512", CRL_OK, 64 },
	{ MADE_ALG(MADE_ES256), P384, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSA2K, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_RS("\x0c")), RSA2K, "SHA384", CRL_OK, 48 },
	{ MADE_ALG(MADE_RS("\x0d")), RSA2K, "SHA512", CRL_OK, 64 },
	{ MADE_ALG(MADE_PSS), RSA2K, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_ED25519), ED, NULL, CRL_OK, 0 },
	{ MADE_ALG(MADE_ED448), ED4, NULL, CRL_OK, 0 },
	/* SHA-1, at a time when it was allowed */
	{ MADE_ALG(MADE_RS("\x05")), RSA2K, "SHA1", CRL_OK, 20 },
	{ MADE_ALG(MADE_ES1), P256, "SHA1", CRL_OK, 20 },
	/* another hash, another kind of key */
	{ MADE_ALG(MADE_ES384), P256, "SHA256", CRL_BAD_SIGNATURE,
	    48 },
	{ MADE_ALG(MADE_RS("\x0b")), P256, "SHA256",
	    CRL_BAD_SIGNATURE, 32 },
	{ MADE_ALG(MADE_ES256), RSA2K, "SHA256", CRL_BAD_SIGNATURE,
	    32 },
	{ MADE_ALG(MADE_ED25519), P256, "SHA256", CRL_BAD_SIGNATURE,
	    0 },
	{ MADE_ALG(MADE_ED25519), ED4, NULL, CRL_BAD_SIGNATURE, 0 },
	/* PKCS #1 for PSS */
	{ MADE_ALG(MADE_PSS), RSA2K, "SHA512", CRL_BAD_SIGNATURE,
	    32 },
	/* MD5, parameters where none may be, nothing known */
	{ MADE_ALG(MADE_RS("\x04")), RSA2K, "MD5", CRL_UNCHECKED, 0 },
	{ MADE_ALG("\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
	    "\x05"), P256, "SHA256", CRL_UNCHECKED, 0 },
	{ MADE_ALG("\x30\x03\x06\x01\x29"), P256, "SHA256",
	    CRL_UNCHECKED, 0 },
	{ MADE_ALG("\x30\x02\x05"), P256, "SHA256", CRL_UNCHECKED,
	    0 },
	/* keys that we do not judge by */
	{ MADE_ALG(MADE_ES256), K1, "SHA256", CRL_UNCHECKED, 32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSA512, "SHA256", CRL_UNCHECKED,
	    32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSAE256, "SHA256", CRL_OK, 32 },
	{ MADE_ALG(MADE_RS("\x0b")), RSAE257, "SHA256",
	    CRL_UNCHECKED, 32 },
};

/* Every algorithm that is read, with the key that it wants and one not. */
static void
test_algorithms(void **state)
{
	EVP_PKEY		*keys[NKEYS] = { EVP_EC_gen("P-256"),
	    EVP_EC_gen("P-384"), EVP_EC_gen("P-521"), EVP_RSA_gen(2048),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), EVP_EC_gen("secp256k1"),
	    EVP_RSA_gen(512), made_rsa(2048, 256), made_rsa(2048, 257) };
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct buf		cert = BUF_INIT, crl = BUF_INIT;
	struct made		m;
	size_t			i, k;

	(void)state;
	for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		made_ca("Made CA", keys[algs[i].key], NULL, &cert);
		in.issuer = buf_bytes(&cert);
		for (k = 0; k < 2; k++) {
			made_new(&m, keys[algs[i].key]);
			m.alg = m.outer = algs[i].alg;
			/* the constants end with a zero byte that counts */
			if (m.alg.p[1] + 2u > m.alg.n)
				m.alg.n = m.outer.n = m.alg.p[1] + 2u;
			m.md = algs[i].md != NULL ? EVP_get_digestbyname(
			    algs[i].md) : NULL;
			m.pss = algs[i].alg.n > 60 && strcmp(algs[i].md,
			    "SHA256") == 0;
			made_revoked(&m.entries, MADE_S(A), "260101000000Z",
			    1);
			made_crl(&m, &crl);
			if (k == 1)	/* the signature changes */
				crl.p[crl.n - 1] ^= 1;
			scan(&in, &crl, &o);
			if (o.fault != algs[i].fault && k != 1)
				print_message("%zu: %s\n", i, o.why);
			if (k != 1)
				assert_int_equal(o.fault, algs[i].fault);
			else
				assert_int_equal(o.fault,
				    algs[i].fault == CRL_UNCHECKED ?
				    CRL_UNCHECKED : CRL_BAD_SIGNATURE);
			assert_int_equal(o.authentic, o.fault == CRL_OK);
			assert_int_equal(o.ntbs_digest, algs[i].digest);
			crlscan_out_free(&o);
			made_free(&m);
		}
	}
	for (i = 0; i < NKEYS; i++)
		EVP_PKEY_free(keys[i]);
	buf_free(&cert);
	buf_free(&crl);
}

/* SHA-1 proves something until a day; what it signs later does not count. */
static void
test_sha1(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	static const struct {
		const char	*this_update;
		enum crl_fault	 fault;
	} t[] = {
		{ "260914235959Z", CRL_OK }, { "260915000000Z", CRL_UNCHECKED },
	};
	struct buf		image = BUF_INIT, crl = BUF_INIT;
	struct crlset		set;
	struct crlscan_in	in;
	struct crlscan_out	o;
	struct made		m;
	size_t			i;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	in.now += 92 * 86400 * CLK_SEC;
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		m.alg = m.outer = MADE_ALG(MADE_ES1);
		m.md = EVP_sha1();
		buf_reset(&m.times);
		made_time(&m.times, t[i].this_update);
		made_time(&m.times, "260920000000Z");
		made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, t[i].fault);
		assert_int_equal(o.nhits, i == 0);
		crlscan_out_free(&o);
		made_free(&m);
	}
	buf_free(&crl);
	buf_free(&image);
}

/* Any byte changed or cut off, nothing is believed. */
static void
test_spoilt(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	static const char *const	uris[] = { URL, NULL };
	struct buf			image = BUF_INIT, crl = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	size_t				i, n;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	made_new(&m, p256);
	made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
	made_revoked(&m.entries, MADE_S(B), "260101000000Z", -1);
	made_idp(&m.exts, uris, MADE_NONE);
	made_crl(&m, &crl);
	scan(&in, &crl, &o);
	assert_int_equal(o.nhits, 1);
	crlscan_out_free(&o);
	for (i = 0; i < crl.n * 8; i++) {
		crl.p[i / 8] ^= (uint8_t)(1u << i % 8);
		scan_pieces(&in, buf_bytes(&crl), 64, &o);
		assert_false(o.authentic);
		assert_int_equal(o.nhits, 0);
		assert_true(o.fault >= CRL_MALFORMED &&
		    o.fault <= CRL_UNCHECKED);
		crlscan_out_free(&o);
		crl.p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	n = crl.n;
	for (crl.n = 0; crl.n < n; crl.n++) {
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, CRL_MALFORMED);
		crlscan_out_free(&o);
	}
	/* a byte too many */
	buf_u8(&crl, 0);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_MALFORMED);
	crlscan_out_free(&o);
	/* two algorithms; signature bits that are left over */
	m.outer = MADE_ALG(MADE_ES384);
	made_crl(&m, &crl);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_MALFORMED);
	crlscan_out_free(&o);
	made_free(&m);
	buf_free(&crl);
	buf_free(&image);
}

/* Which faults leave the revocations that are listed. */
static void
test_faults(void **state)
{
	static const enum crl_fault	yes[] = { CRL_OK, CRL_DELTA,
					    CRL_PARTIAL, CRL_FUTURE,
					    CRL_UNNUMBERED, CRL_STALE, CRL_REWOUND };
	const char			*name;
	size_t				 i, k, n = 0;

	(void)state;
	for (i = 0; i < CRL_FAULT_MAX; i++) {
		name = crl_fault_name((enum crl_fault)i);
		assert_non_null(name);
		for (k = 0; k < i; k++)
			assert_string_not_equal(name,
			    crl_fault_name((enum crl_fault)k));
		n += (size_t)crl_fault_revokes((enum crl_fault)i);
	}
	assert_int_equal(n, sizeof(yes) / sizeof(yes[0]));
	for (i = 0; i < n; i++)
		assert_true(crl_fault_revokes(yes[i]));
	assert_string_equal(crl_fault_name(CRL_FAULT_MAX), "unknown");
	assert_string_equal(crl_fault_name(CRL_WRONG_SCOPE), "wrong_scope");
}

/* --- what is large --- */

/* An entry of exactly ${size} bytes, by an unknown extension. */
static void
large_entry(struct buf *b, size_t size)
{
	struct buf	x = BUF_INIT;
	uint8_t		*v = mem_zero(size);
	size_t		n = size, from = b->n;

	do {
		b->n = from;
		buf_reset(&x);
		made_ext(&x, 99, 0, v, n--);
		made_entry(b, MADE_S(A), "260101000000Z", buf_bytes(&x));
	} while (b->n - from > size);
	assert_int_equal(b->n - from, size);
	free(v);
	buf_free(&x);
}

static void
test_large_entry(void **state)
{
	static const char *const	serials[] = { "3ae51db51155a3c0001",
					    NULL };
	struct buf			image = BUF_INIT, crl = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	size_t				i;

	(void)state;
	watch(serials, &image, &set);
	in = in_new(&set);
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		made_revoked(&m.entries, MADE_S(B), "260101000000Z", 1);
		large_entry(&m.entries, LIMIT_CRL_ENTRY + i);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_TOO_LARGE);
		assert_int_equal(o.nhits, i == 0);
		if (i == 0)
			assert_int_equal(o.hits[0].raw.n, LIMIT_CRL_ENTRY);
		crlscan_out_free(&o);
		made_free(&m);
	}
	buf_free(&crl);
	buf_free(&image);
}

/* An extension, what is before the entries and what is behind them. */
static void
test_large_parts(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct made		m;
	struct buf		crl = BUF_INIT, cert = BUF_INIT;
	struct crlscan_out	o;
	EVP_PKEY		*key;
	uint8_t			*v = mem_zero(LIMIT_CRL_TAIL);
	size_t			i, k, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		/* 13 bytes are around it */
		made_ext(&m.exts, 99, 0, v, LIMIT_CRL_ENTRY - 13 + i);
		expect(&m, &in, i == 0 ? CRL_OK : CRL_TOO_LARGE);
	}
	/* the tail, with a signature whose size is always the same */
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	made_ca("Made CA", key, NULL, &cert);
	in.issuer = buf_bytes(&cert);
	for (i = 0, n = 300; i < 3; i++) {
		made_new(&m, key);
		m.md = NULL;
		m.alg = m.outer = MADE_ALG(MADE_ED25519);
		for (k = 0; k < 4; k++)
			made_ext(&m.exts, 99, 0, v, LIMIT_CRL_ENTRY - 200);
		made_ext(&m.exts, 98, 0, v, n);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, i < 2 ? CRL_OK : CRL_TOO_LARGE);
		if (i == 1)
			assert_int_equal(o.tail.n, LIMIT_CRL_TAIL);
		n += i == 0 ? LIMIT_CRL_TAIL - o.tail.n : 1;
		crlscan_out_free(&o);
		made_free(&m);
	}
	in = in_new(NULL);
	/* the header: a name that fills it */
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		/* frames, version, algorithm, times, list; the name's own */
		n = LIMIT_CRL_HEADER - 10 - 3 - 12 - 30 - 2 - 21 + i;
		memset(v, 'x', n);
		v[n] = '\0';
		made_name(&m.issuer, DER_UTF8, (const char *)v);
		made_revoked(&m.entries, MADE_S(A), "260101000000Z", 1);
		made_crl(&m, &crl);
		scan(&in, &crl, &o);
		assert_int_equal(o.fault, i == 0 ? CRL_WRONG_ISSUER :
		    CRL_TOO_LARGE);
		crlscan_out_free(&o);
		made_free(&m);
	}
	EVP_PKEY_free(key);
	buf_free(&cert);
	buf_free(&crl);
	free(v);
}

/* Ed25519 needs all that it signs: LIMIT_CRL_KEEP of it. */
static void
test_large_eddsa(void **state)
{
	EVP_PKEY		*key = EVP_PKEY_Q_keygen(NULL, NULL,
				    "ED25519");
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct buf		cert = BUF_INIT, crl = BUF_INIT;
	struct buf		tbs = BUF_INIT;
	struct made		m;
	size_t			i, rest;

	(void)state;
	made_ca("Made CA", key, NULL, &cert);
	in.issuer = buf_bytes(&cert);
	for (i = 0; i < 2; i++) {
		made_new(&m, key);
		m.md = NULL;
		m.alg = m.outer = MADE_ALG(MADE_ED25519);
		while (m.entries.n < LIMIT_CRL_KEEP - 2000)
			made_revoked(&m.entries, MADE_S(A), "260101000000Z",
			    1);
		buf_reset(&tbs);
		made_tbs(&m, &tbs);
		rest = LIMIT_CRL_KEEP + i - tbs.n;
		large_entry(&m.entries, rest);
		made_crl(&m, &crl);
		crlscan_bytes(&in, buf_bytes(&crl), &o);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_UNCHECKED);
		crlscan_out_free(&o);
		scan_pieces(&in, buf_bytes(&crl), 1, &o);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_UNCHECKED);
		crlscan_out_free(&o);
		made_free(&m);
	}
	EVP_PKEY_free(key);
	buf_free(&cert);
	buf_free(&crl);
	buf_free(&tbs);
}

/* Lengths that lie: what they promise is not waited for. */
static void
test_lies(void **state)
{
	static const struct {
		const char	*hex;
		enum crl_fault	 fault;
		int		 stop;
	} t[] = {
		/* LIMIT_CRL bytes in all, and one more */
		{ "30840ffffffa3084", CRL_MALFORMED, 0 },
		{ "30840ffffffb3084", CRL_TOO_LARGE, -1 },
		{ "3084ffffffff", CRL_TOO_LARGE, -1 },
		/* indefinite, five bytes, not the shortest */
		{ "3080", CRL_MALFORMED, 0 },
		{ "308500ffffffff", CRL_MALFORMED, 0 },
		{ "30817f", CRL_MALFORMED, 0 },
		{ "30820010", CRL_MALFORMED, 0 },
		{ "3f80", CRL_MALFORMED, 0 },
		{ "0482ffff", CRL_MALFORMED, 0 },
		{ "2d2d2d2d2d424547494e", CRL_MALFORMED, 0 },
		/* a tbs, a version and a name larger than what they are in */
		{ "300430820100", CRL_MALFORMED, 0 },
		{ "30083006028200800101", CRL_MALFORMED, 0 },
		/* a serial number of 16 MB in a CRL of 200 MB */
		{ "30840bebc20030840bebc1f0" "020101" "300a06082a8648ce3d04"
		    "0302" "30123110300e06035504030c074d616465204341"
		    "170d3236303631303030303030305a"
		    "30840bebc100" "308401000010" "02840100000b" "01",
		    CRL_TOO_LARGE, 0 },
		/* a name of 16 MB */
		{ "30840bebc20030840bebc1f0" "020101" "300a06082a8648ce3d04"
		    "0302" "308401000000", CRL_TOO_LARGE, 0 },
		/* 100 MB behind the entries */
		{ "30840bebc20030840bebc1f0" "020101" "300a06082a8648ce3d04"
		    "0302" "30123110300e06035504030c074d616465204341"
		    "170d3236303631303030303030305a" "a08405000000",
		    CRL_TOO_LARGE, 0 },
	};
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct crlscan		*s;
	struct err		e = ERR_INIT;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		assert_int_equal(enc_unhex(t[i].hex, strlen(t[i].hex), &b),
		    0);
		s = crlscan_new(&in);
		err_clear(&e);
		assert_int_equal(crlscan_update(s, b.p, b.n, &e), t[i].stop);
		assert_int_equal(e.code, t[i].stop == 0 ? ERR_NONE :
		    ERR_LIMIT);
		crlscan_finish(s, &o);
		if (o.fault != t[i].fault)
			print_message("%zu: %s\n", i, o.why);
		assert_int_equal(o.fault, t[i].fault);
		assert_false(o.authentic);
		crlscan_out_free(&o);
		crlscan_free(s);
	}
	buf_free(&b);
}

/* LIMIT_CRL bytes are counted, one more is refused. */
static void
test_limit(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct crlscan_out	o;
	struct crlscan		*s = crlscan_new(&in);
	struct err		e = ERR_INIT;
	uint8_t			*p = mem_zero(1 << 20), zero[32] = { 0 };
	size_t			i;

	(void)state;
	for (i = 0; i < LIMIT_CRL >> 20; i++)
		assert_int_equal(crlscan_update(s, p, 1 << 20, &e), 0);
	assert_int_equal(crlscan_update(s, p, 0, &e), 0);
	assert_int_equal(crlscan_update(s, p, 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(crlscan_update(s, p, 1, NULL), -1);
	crlscan_finish(s, &o);
	assert_int_equal(o.fault, CRL_MALFORMED);
	assert_int_equal(o.bytes, LIMIT_CRL + 2ULL);
	assert_memory_equal(o.tbs_sha256, zero, 32);
	crlscan_out_free(&o);
	crlscan_free(s);
	free(p);
}

/* 200,000 SEQUENCEs inside each other: nothing follows them. */
static void
test_nested(void **state)
{
	struct crlscan_in	in = in_new(NULL);
	struct buf		one = BUF_INIT;
	struct made		m;
	size_t			i;

	(void)state;
	for (i = 0; i < 20000; i++)
		buf_add(&one, "\x30\x82\xf0\x00", 4);
	/* in an extension of the CRL, of an entry, instead of an entry */
	made_new(&m, p256);
	made_ext(&m.exts, 28, 1, one.p, 60000);
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	made_ext(&m.exts, 99, 0, one.p, 60000);
	expect(&m, &in, CRL_OK);
	made_new(&m, p256);
	made_entry(&m.entries, MADE_S(A), "260101000000Z", (struct span){
	    one.p, 60000 });
	expect(&m, &in, CRL_MALFORMED);
	made_new(&m, p256);
	buf_add(&m.entries, one.p, one.n);
	expect(&m, &in, CRL_MALFORMED);
	buf_free(&one);
}

/* More entries than are walked at once; the raw ones have an end. */
static void
test_many(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct buf		image = BUF_INIT, crl = BUF_INIT;
	struct crlset		set;
	struct crlscan_in	in;
	struct crlscan_out	o;
	struct made		m;
	char			text[32];
	uint8_t			v[12] = { 0x11 };
	size_t			i, n;

	(void)state;
	made_new(&m, p256);
	for (i = 0; i < 20000; i++) {
		memcpy(v + 8, &(uint32_t){ (uint32_t)i }, 4);
		n = i % 7 == 0 ? 5 : 12;
		memcpy(v + n - 4, &(uint32_t){ (uint32_t)i }, 4);
		made_revoked(&m.entries, (struct span){ v, n },
		    i % 5 == 0 ? "20260101000000Z" : "260101000000Z",
		    i % 3 == 0 ? -1 : 4);
		if (i % 4 == 0)
			assert_int_equal(crlset_add_int(b, (struct span){ v,
			    n }, NULL), i / 4);
	}
	for (i = 0; i < 3000; i++) {
		(void)snprintf(text, sizeof(text), "%zx", 77777777 + i);
		(void)crlset_add(b, text, NULL);
	}
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&set, image.p, image.n, NULL), 0);
	made_crl(&m, &crl);
	in = in_new(&set);
	scan(&in, &crl, &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.count, 20000);
	assert_int_equal(o.nhits, 5000);
	for (i = 0; i < 5000; i++)
		assert_int_equal(o.hits[i].reason, i * 4 % 3 == 0 ? -1 : 4);
	crlscan_out_free(&o);
	made_free(&m);
	buf_free(&crl);
	buf_free(&image);
}

/* Entries that are kept as they are end at LIMIT_CRL_RAW; hits do not. */
static void
test_raw_limit(void **state)
{
	struct crlset_build	*b = crlset_new();
	struct buf		image = BUF_INIT, crl = BUF_INIT;
	struct buf		x = BUF_INIT;
	struct crlset		set;
	struct crlscan_in	in;
	struct crlscan_out	o;
	struct made		m;
	uint8_t			*v = mem_zero(60000), serial[4] = { 1 };
	size_t			i, n = LIMIT_CRL_RAW / 60000 + 20, sum = 0;

	(void)state;
	made_new(&m, p256);
	made_ext(&x, 99, 0, v, 60000);
	for (i = 0; i < n; i++) {
		serial[2] = (uint8_t)(i >> 8);
		serial[3] = (uint8_t)i;
		(void)crlset_add_int(b, (struct span){ serial, 4 }, NULL);
		made_entry(&m.entries, (struct span){ serial, 4 },
		    "260101000000Z", buf_bytes(&x));
	}
	crlset_done(b, &image);
	assert_int_equal(crlset_open(&set, image.p, image.n, NULL), 0);
	made_crl(&m, &crl);
	in = in_new(&set);
	crlscan_bytes(&in, buf_bytes(&crl), &o);
	assert_int_equal(o.fault, CRL_OK);
	assert_int_equal(o.nhits, n);
	for (i = 0; i < n; i++)
		sum += o.hits[i].raw.n;
	assert_true(sum <= LIMIT_CRL_RAW && sum > LIMIT_CRL_RAW - 61000);
	assert_int_equal(o.hits[n - 1].raw.n, 0);
	crlscan_out_free(&o);
	made_free(&m);
	free(v);
	buf_free(&x);
	buf_free(&crl);
	buf_free(&image);
}

/* --- what OpenSSL does with a pile of CRLs --- */

static X509_CRL *
x509_crl(const struct buf *crl)
{
	const uint8_t	*p = crl->p;
	X509_CRL	*x = d2i_X509_CRL(NULL, &p, (long)crl->n);

	assert_non_null(x);
	return x;
}

/* X509_verify_cert() with these CRLs: its error. */
static int
pile(X509 *root, X509 *leaf, const struct buf *one, const struct buf *two)
{
	X509_STORE	*store = X509_STORE_new();
	X509_STORE_CTX	*c = X509_STORE_CTX_new();
	X509_CRL	*a = x509_crl(one), *b = x509_crl(two);
	int		 e;

	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(X509_STORE_add_crl(store, a), 1);
	assert_int_equal(X509_STORE_add_crl(store, b), 1);
	assert_int_equal(X509_STORE_CTX_init(c, store, leaf, NULL), 1);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(c),
	    X509_V_FLAG_CRL_CHECK);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(c),
	    MADE_NOW / CLK_SEC);
	(void)X509_verify_cert(c);
	e = X509_STORE_CTX_get_error(c);
	X509_STORE_CTX_free(c);
	X509_STORE_free(store);
	X509_CRL_free(a);
	X509_CRL_free(b);
	return e;
}

/*
 * A revoked leaf, its shard that lists it, and a newer CRL that omits it:
 * one without IDP, and one of the same IDP with a lower number.  OpenSSL
 * picks one of the pile and accepts the leaf.  Each scan says what its CRL
 * says; whoever merges them sees the revocation, and the lower number.
 */
static void
test_pile(void **state)
{
	static const char *const	serials[] = { "07", NULL };
	static const char *const	uris[] = { URL, NULL };
	struct buf			image = BUF_INIT, der = BUF_INIT;
	struct buf			shard = BUF_INIT, newer = BUF_INIT;
	struct crlset			set;
	struct crlscan_in		in;
	struct crlscan_out		o;
	struct made			m;
	X509				*root, *leaf;
	int				i;

	(void)state;
	watch(serials, &image, &set);
	root = made_x509("Made CA", p256, NULL, 1);
	made_add(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
	made_der(root, p256, &der);
	leaf = made_x509("leaf.made.test", p256, root, 7);
	made_add(leaf, root, NID_crl_distribution_points, "URI:" URL);
	made_der(leaf, p256, &der);
	made_new(&m, p256);
	made_idp(&m.exts, uris, MADE_NONE);
	made_revoked(&m.entries, MADE_S("\x07"), "260601000000Z", 1);
	made_crl(&m, &shard);
	made_free(&m);
	for (i = 0; i < 2; i++) {
		made_new(&m, p256);
		buf_reset(&m.times);
		made_time(&m.times, "260612000000Z");
		made_time(&m.times, "260620000000Z");
		if (i == 1) {
			buf_reset(&m.exts);
			made_ext(&m.exts, 20, 0, "\x02\x01\x05", 3);
			made_idp(&m.exts, uris, MADE_NONE);
		}
		made_crl(&m, &newer);
		made_free(&m);
		assert_int_equal(pile(root, leaf, &shard, &shard),
		    X509_V_ERR_CERT_REVOKED);
		assert_int_equal(pile(root, leaf, &shard, &newer),
		    X509_V_OK);
		assert_int_equal(pile(root, leaf, &newer, &shard),
		    X509_V_OK);
		in = in_new(&set);
		scan(&in, &shard, &o);
		assert_int_equal(o.fault, CRL_OK);
		assert_int_equal(o.nhits, 1);
		assert_int_equal(o.hits[0].reason, 1);
		crlscan_out_free(&o);
		in.last_number = "0123";
		scan(&in, &newer, &o);
		assert_int_equal(o.nhits, 0);
		assert_int_equal(o.fault, i == 0 ? CRL_OK : CRL_REWOUND);
		crlscan_out_free(&o);
	}
	X509_free(root);
	X509_free(leaf);
	buf_free(&image);
	buf_free(&der);
	buf_free(&shard);
	buf_free(&newer);
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
		cmocka_unit_test(test_rewound),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_idp),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_long_url),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_sha1),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_large_entry),
		cmocka_unit_test(test_large_parts),
		cmocka_unit_test(test_large_eddsa),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_raw_limit),
		cmocka_unit_test(test_pile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
