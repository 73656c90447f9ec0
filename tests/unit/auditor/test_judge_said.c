#include "tests/unit/auditor/judge_said_fixture.h"

static char	none[] = "";

/* --- what is in them ---------------------------------------------------------------- */

static void
certificate(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT;
	struct cur		c;

	(void)state;
	make_cert(&b);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_cert_read(&c, &k), 0);
	assert_int_equal(k.nnames, 2);
	assert_string_equal(k.names[0], "www.example.com");
	assert_string_equal(k.crl[0], "http://c/1");
	assert_string_equal(k.ocsp[0], "http://o/");
	assert_string_equal(k.aia[0], "http://aia/0");
	assert_string_equal(k.want[0], "http://aia/1");
	assert_true(k.must_staple && !k.short_lived && !k.is_precert &&
	    !k.is_ca && k.presigned && k.exhausted && k.has_issuer);
	assert_int_equal(k.issuer_sha256[0], 9);
	assert_int_equal(k.issuer_spki[31], 10);
	assert_string_equal(k.weak, "roca");
	assert_string_equal(k.weak_why, "its modulus");
	assert_string_equal(k.key_type, "p256");
	assert_true(k.not_before == made_day("2026-01-01"));
	assert_true(k.compliant[0] == 1 && k.compliant[1] == 0);
	assert_string_equal(k.policy[1], "too few");
	assert_int_equal(k.name_ok, 1);
	assert_int_equal(k.nscts, 2);
	assert_true(k.scts[0].status == SCTS_VALID &&
	    k.scts[0].leaf_index == 5 && k.scts[0].timestamp ==
	    1790000000000 && k.scts[0].raw.n == 3);
	assert_true(k.scts[1].source == SCTS_OCSP &&
	    k.scts[1].leaf_index == -1);
	assert_string_equal(k.scts[1].reason, "cut short");
	assert_int_equal(k.npaths, 2);
	assert_string_equal(k.paths[0].program, "system");
	assert_true(k.paths[0].hashes.n == 96 && k.paths[0].issued ==
	    CHAIN_UNKNOWN && k.paths[0].until == 1800000000000000);
	assert_true(k.paths[1].verdict == CHAIN_UNTRUSTED &&
	    k.paths[1].until == INT64_MIN);
	judge_cert_free(&k);
	buf_free(&b);
}

/* A hit without evidence, a reason that is none, one that is no serial's. */
static void
hits(void **state)
{
	struct crlscan_hit	h = { LIMIT_CRL_WATCHED, 1780000000000000,
	    255, INT64_MIN, { NULL, 0 } };
	struct crlscan_out	o, back;
	struct buf		b = BUF_INIT;
	struct cur		c;
	int			i;

	(void)state;
	memset(&o, 0, sizeof(o));
	o.authentic = 1;
	o.this_update = o.next_update = INT64_MIN;
	o.hits = &h;
	o.nhits = 1;
	for (i = 0; i < 4; i++) {
		buf_reset(&b);
		judge_crl_pack(&b, &o);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_crl_read(&c, &back), i < 2 ? 0 : -1);
		if (i < 2) {
			assert_int_equal(back.nhits, 1);
			assert_int_equal(back.hits[0].reason, i == 0 ? 255 :
			    -1);
			assert_int_equal(back.hits[0].raw.n, 0);
		}
		crlscan_out_free(&back);
		if (i == 0)
			h.reason = 256;
		else if (i == 1)
			h.number++;
		else {
			h.number = 0;
			o.authentic = 0;
			o.fault = CRL_BAD_SIGNATURE;
		}
	}
	/* without a fault it is authentic */
	o.nhits = 0;
	buf_reset(&b);
	judge_crl_pack(&b, &o);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_crl_read(&c, &back), 0);
	crlscan_out_free(&back);
	o.fault = CRL_OK;
	buf_reset(&b);
	judge_crl_pack(&b, &o);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_crl_read(&c, &back), -1);
	crlscan_out_free(&back);
	buf_free(&b);
}

/* So many hits that their entries, or they themselves, are too much. */
static void
many_hits(void **state)
{
	static uint8_t		 entry[64];
	const size_t		 most = 520000;
	struct crlscan_hit	*h = mem_array(most, sizeof(*h));
	struct crlscan_out	 o, back;
	struct buf		 b = BUF_INIT;
	struct cur		 c;
	size_t			 i, n, bare;

	(void)state;
	memset(&o, 0, sizeof(o));
	o.authentic = 1;
	o.this_update = o.next_update = INT64_MIN;
	o.hits = h;
	memset(buf_room(&o.kept, LIMIT_CRL_KEEP), 0, LIMIT_CRL_KEEP);
	o.kept.n = LIMIT_CRL_KEEP;
	for (i = 0; i < most; i++)
		h[i] = (struct crlscan_hit){ (long)i, 1780000000000000, 1,
		    INT64_MIN, { entry, sizeof(entry) } };
	for (n = 1000; n <= 400000; n = n == 1000 ? 400000 : n + 1) {
		o.nhits = n;
		buf_reset(&b);
		buf_u64(&b, 1);		/* as behind a reply's head */
		judge_crl_pack(&b, &o);
		assert_true(b.n <= LIMIT_FRAME);
		c = cur_span(buf_bytes(&b));
		(void)cur_skip(&c, 8);
		assert_int_equal(judge_crl_read(&c, &back), 0);
		assert_int_equal(back.nhits, n);
		for (i = bare = 0; i < n; i++)
			bare += back.hits[i].raw.n == 0;
		assert_true(n == 1000 ? bare == 0 : bare != 0);
		crlscan_out_free(&back);
	}
	o.nhits = most;
	buf_reset(&b);
	judge_crl_pack(&b, &o);
	assert_true(b.n <= LIMIT_FRAME);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_crl_read(&c, &back), 0);
	/* those that fit are revoked, and nothing is good by it */
	assert_int_equal(back.fault, CRL_PARTIAL);
	assert_in_range(back.nhits, 400000, most - 1);
	crlscan_out_free(&back);
	buf_free(&o.kept);
	buf_free(&b);
	free(h);
}

/* --- hostile --------------------------------------------------------------------------- */

/* Text that is no UTF-8 is not read; what an honest judge cut is sent whole. */
static void
texts(void **state)
{
	static const struct {
		const char	*in, *out;
	} t[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\xc3\xbc", "\xc3\xbc" },
		{ "cut \xc3", "cut ?" },
		{ "\xff\xfe", "??" },
		{ "\xe2\x82", "??" },
		{ "\xed\xa0\x80", "???" },	/* a surrogate */
		{ "\xc0\x80", "??" },		/* an overlong zero */
	};
	struct buf	b = BUF_INIT;
	struct cur	c;
	const char	*s;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		judge_text_pack(&b, t[i].in);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_text_read(&c, &s), 0);
		assert_string_equal(s, t[i].out);
		assert_int_equal(cur_left(&c), 0);
		buf_reset(&b);
		judge_str_pack(&b, t[i].in);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_text_read(&c, &s),
		    strcmp(t[i].in, t[i].out) == 0 ? 0 : -1);
	}
	/* a zero byte inside, and none at the end */
	buf_reset(&b);
	buf_vec32(&b, "a\0b", 4);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_text_read(&c, &s), -1);
	buf_reset(&b);
	buf_vec32(&b, "ab", 2);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_text_read(&c, &s), -1);
	buf_free(&b);
}

static void
times(void **state)
{
	static const struct {
		int64_t	in, out;
	} t[] = {
		{ 0, 0 }, { -1, -1 }, { INT64_MIN, INT64_MIN },
		{ INT64_MIN + 1, INT64_MIN }, { INT64_MAX, INT64_MIN },
		{ INT64_C(-62135596800000000), INT64_C(-62135596800000000) },
		{ INT64_C(-62135596800000001), INT64_MIN },
		{ INT64_C(253402300799999999), INT64_C(253402300799999999) },
		{ INT64_C(253402300800000000), INT64_MIN },
	};
	struct buf	b = BUF_INIT;
	struct cur	c;
	int64_t		v;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		buf_u64(&b, (uint64_t)t[i].in);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_when_read(&c, &v), 0);
		assert_true(v == t[i].out);
	}
	buf_free(&b);
}

/* Counts at the limit and one above, and such as no message can hold. */
static void
counts(void **state)
{
	static struct judge_cert_ask	 q;
	struct assess			*a = mem_zero(sizeof(*a));
	struct judge_cert		 k;
	struct judge_aia		 aia;
	struct buf			 b = BUF_INIT;
	struct cur			 c;
	uint8_t				 bad[JUDGE_KEYS_MAX];
	size_t				 n, i;

	(void)state;
	q.name = "";
	for (n = LIMIT_POOL; n <= LIMIT_POOL + 1; n++) {
		buf_reset(&b);
		q.npool = 0;
		judge_cert_ask_pack(&b, &q);
		b.n -= 4;
		buf_u32(&b, (uint32_t)n);
		for (i = 0; i < n; i++)
			buf_u32(&b, 0);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_cert_ask_read(&c, &q),
		    n == LIMIT_POOL ? 0 : -1);
		q.name = "";
	}
	for (n = LIMIT_SCTS; n <= LIMIT_SCTS + 1; n++) {
		a->cert.subject = a->cert.issuer = none;
		a->scts.v = mem_array(n, sizeof(*a->scts.v));
		a->scts.n = n;
		buf_reset(&b);
		judge_cert_pack(&b, a);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_cert_read(&c, &k), n == LIMIT_SCTS ?
		    0 : -1);
		judge_cert_free(&k);
		free(a->scts.v);
	}
	for (n = JUDGE_AIA_MAX; n <= JUDGE_AIA_MAX + 1; n++) {
		buf_reset(&b);
		buf_u32(&b, (uint32_t)n);
		for (i = 0; i < n; i++) {
			buf_add(&b, some, 32);
			buf_u32(&b, 0);
		}
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_aia_read(&c, &aia),
		    n == JUDGE_AIA_MAX ? 0 : -1);
	}
	for (n = JUDGE_KEYS_MAX; n <= JUDGE_KEYS_MAX + 1; n++) {
		buf_reset(&b);
		buf_u32(&b, (uint32_t)n);
		memset(buf_room(&b, n), 0, n);
		b.n += n;
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_keys_read(&c, bad, &i),
		    n == JUDGE_KEYS_MAX ? 0 : -1);
	}
	buf_free(&b);
	free(a);
}

/* SCTs with times that no log has. */
static void
odd_scts(void **state)
{
	struct assess		*a = mem_zero(sizeof(*a));
	struct scts_one		 s;
	struct judge_cert	 k;
	struct buf		 b = BUF_INIT;
	struct cur		 c;

	(void)state;
	memset(&s, 0, sizeof(s));
	a->cert.subject = a->cert.issuer = none;
	a->scts.v = &s;
	a->scts.n = 1;
	s.timestamp = UINT64_C(1) << JUDGE_TIME_BITS;
	judge_cert_pack(&b, a);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_cert_read(&c, &k), 0);
	assert_true(k.scts[0].timestamp == 0 &&
	    k.scts[0].status == SCTS_MALFORMED);
	judge_cert_free(&k);
	s.timestamp--;
	s.leaf_index = -2;
	buf_reset(&b);
	judge_cert_pack(&b, a);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_cert_read(&c, &k), -1);
	buf_free(&b);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(certificate),
		cmocka_unit_test(hits),
		cmocka_unit_test(many_hits),
		cmocka_unit_test(texts),
		cmocka_unit_test(times),
		cmocka_unit_test(counts),
		cmocka_unit_test(odd_scts),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
