#ifndef TESTS_UNIT_OCSP_CRLSCAN_FIXTURE_H
#define TESTS_UNIT_OCSP_CRLSCAN_FIXTURE_H

#include "tests/unit/ocsp/made_crl.h"

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ocsp/crlscan.h"
#include "tests/unit/pki/made_rsa.h"

/* CRLs, scanned whole and in pieces. */

/* Everything that a scan says, and that pieces do not change it. */

#define URL	"http://crl.made.test/1.crl"
#define OTHER	"http://crl.made.test/2.crl"

static EVP_PKEY		*p256;
static struct buf	 ca;		/* "Made CA", p256 */

/* --- helpers --- */

static inline void
watch(const char *const *serials, struct buf *image, struct crlset *set)
{
	struct crlset_build	*b = crlset_new();

	buf_reset(image);
	for (; *serials != NULL; serials++)
		assert_true(crlset_add(b, *serials, NULL) >= 0);
	crlset_done(b, image);
	assert_int_equal(crlset_open(set, image->p, image->n, NULL), 0);
}

static inline struct crlscan_in
in_new(const struct crlset *set)
{
	struct crlscan_in	in = { .issuer = buf_bytes(&ca), .url = URL,
				    .set = set, .now = MADE_NOW,
				    .last_this = INT64_MIN };

	return in;
}

static inline void
same_buf(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->n, b->n);
	if (a->n != 0)
		assert_memory_equal(a->p, b->p, a->n);
}

static inline void
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
static inline void
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
static inline void
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
static inline void
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

static inline int
setup(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	made_ca("Made CA", p256, "critical,keyCertSign,cRLSign", &ca);
	return p256 == NULL ? -1 : 0;
}

static inline int
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

#endif
