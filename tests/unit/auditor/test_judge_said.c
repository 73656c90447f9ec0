#include "auditor/role/judge_audit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "auditor/assess.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/roots.h"
#include "tests/unit/auditor/said_kinds.h"
#include "tests/unit/pki/made.h"

/* The auditor's messages to judges and back, as bytes. */

static const uint8_t	some[96] = { 1, 2, 3 };
static char		none[] = "";

/* --- one of each ------------------------------------------------------------- */

static void
make_roots(struct buf *b)
{
	struct made	 ca = made_cert((struct made_spec){ .cn = "Root",
			    .ca = 1 });
	struct roots	*v[2] = { roots_new("system"), roots_new("given") };

	assert_int_equal(roots_add(v[0], buf_bytes(&ca.der), INT64_MIN, NULL),
	    0);
	assert_int_equal(roots_add(v[1], buf_bytes(&ca.der), 1234, NULL), 0);
	v[1]->v[0].sct_not_after = 5678;
	roots_done(v[0]);
	roots_done(v[1]);
	judge_roots_pack(b, (const struct roots *const *)v, 2);
	roots_free(v[0]);
	roots_free(v[1]);
	made_free(&ca);
}

static void
make_trust(struct buf *b)
{
	struct loglist	l;
	struct buf	logs = BUF_INIT;

	memset(&l, 0, sizeof(l));
	l.version = mem_str("1");
	judge_loglist_pack(&logs, &l);
	judge_trust_pack(b, buf_bytes(&logs),
	    SPAN_STR("00112233445566778899\n"));
	free(l.version);
	buf_free(&logs);
}

static void
make_cert_ask(struct buf *b)
{
	struct judge_cert_ask	q;

	memset(&q, 0, sizeof(q));
	q.at = 1790000000000000;
	q.name = "www.example.com";
	q.cert = SPAN_STR("certificate");
	q.tls = SPAN_STR("tls");
	q.ocsp = SPAN_STR("ocsp");
	q.npool = 2;
	q.pool[0] = SPAN_STR("issuer");
	q.pool[1] = SPAN_STR("");
	judge_cert_ask_pack(b, &q);
}

/* A judged certificate with two SCTs and two paths. */
static void
make_assess(struct assess *a, const struct made *leaf, const struct roots *r)
{
	static struct scts_one		scts[2];
	static struct chain_path	paths[2];
	static uint8_t			path[3][32];
	static char			 url[] = "http://aia/1";
	static char			*want[] = { url };
	struct assess_in		in;
	struct err			e = ERR_INIT;

	memset(&in, 0, sizeof(in));
	in.cert = buf_bytes(&leaf->der);
	in.name = "www.example.com";
	in.at = made_day("2026-06-01");
	if (assess_read(&in, a, &e) == -1)
		fail_msg("%s", e.msg);
	scts_free(&a->scts);
	chain_free(&a->chain);
	memset(scts, 0, sizeof(scts));
	memset(scts[0].log_id, 7, 32);
	memset(scts[0].leaf_hash, 8, 32);
	scts[0].timestamp = 1790000000000;
	scts[0].leaf_index = 5;
	scts[0].raw = SPAN_STR("raw");
	scts[1] = scts[0];
	scts[1].source = SCTS_OCSP;
	scts[1].status = SCTS_MALFORMED;
	scts[1].leaf_index = -1;
	(void)snprintf(scts[1].reason, sizeof(scts[1].reason), "cut short");
	a->scts.v = scts;
	a->scts.n = 2;
	a->scts.presigned = 1;
	memset(path, 3, sizeof(path));
	paths[0] = (struct chain_path){ .program = r, .verdict = CHAIN_TRUSTED,
	    .issued = CHAIN_UNKNOWN, .until = 1800000000000000, .path = path,
	    .n = 3 };
	paths[1] = (struct chain_path){ .program = r, .verdict =
	    CHAIN_UNTRUSTED, .issued = CHAIN_UNTRUSTED, .reason = "no",
	    .until = INT64_MIN, .path = path, .n = 0 };
	a->chain.paths = paths;
	a->chain.npaths = 2;
	a->chain.want = want;
	a->chain.nwant = 1;
	a->chain.exhausted = 1;
	a->weak = WEAK_ROCA;
	(void)snprintf(a->weak_why, sizeof(a->weak_why), "its modulus");
	a->issuer = 0;
	memset(a->issuer_sha256, 9, 32);
	memset(a->issuer_spki, 10, 32);
	a->policy[0].compliant = 1;
	a->policy[1].compliant = 0;
	(void)snprintf(a->policy[1].reason, sizeof(a->policy[1].reason),
	    "too few");
}

/* What make_assess() borrowed is not freed with the rest. */
static void
free_assess(struct assess *a)
{
	a->scts.v = NULL;
	a->scts.n = 0;
	memset(&a->chain, 0, sizeof(a->chain));
	assess_free(a);
}

static void
make_cert(struct buf *b)
{
	struct made	 leaf = made_cert((struct made_spec){ .cn = "",
			    .ext = { { "subjectAltName",
			    "DNS:www.example.com,DNS:\xc3\xbc.example",
			    { NULL, 0 }, 0 },
			    { "crlDistributionPoints", "URI:http://c/1",
			    { NULL, 0 }, 0 },
			    { "authorityInfoAccess", "OCSP;URI:http://o/,"
			    "caIssuers;URI:http://aia/0", { NULL, 0 }, 0 },
			    { "tlsfeature", "status_request", { NULL, 0 },
			    0 } } });
	struct roots	*r = roots_new("system");
	struct assess	 a;

	roots_done(r);
	make_assess(&a, &leaf, r);
	judge_cert_pack(b, &a);
	free_assess(&a);
	roots_free(r);
	made_free(&leaf);
}

static void
make_crl_ask(struct buf *b)
{
	struct judge_crl_ask	q = { 1790000000000000, SPAN_STR("issuer"),
	    "http://c/1", 1, "0b", INT64_MIN, 1000, 4096 };

	judge_crl_ask_pack(b, &q);
}

static void
make_crl(struct buf *b)
{
	struct crlscan_hit	hits[2] = {
		{ 0, 1780000000000000, 1, INT64_MIN, SPAN_STR("entry") },
		{ 7, 1780000000000001, -1, 1770000000000000, { NULL, 0 } } };
	struct crlscan_out	o;

	memset(&o, 0, sizeof(o));
	o.fault = CRL_STALE;
	(void)snprintf(o.why, sizeof(o.why), "its nextUpdate has passed");
	o.authentic = 1;
	(void)snprintf(o.number, sizeof(o.number), "0b");
	o.this_update = 1780000000000000;
	o.next_update = 1790000000000000;
	(void)snprintf(o.sigalg, sizeof(o.sigalg), "ecdsa-with-SHA256");
	(void)snprintf(o.idp, sizeof(o.idp), "http://c/1");
	o.bytes = 12345;
	o.count = 99;
	memset(o.tbs_sha256, 5, 32);
	memset(o.tbs_digest, 6, 48);
	o.ntbs_digest = 48;
	buf_str(&o.header, "header");
	buf_str(&o.tail, "tail");
	buf_str(&o.kept, "kept");
	o.hits = hits;
	o.nhits = 2;
	judge_crl_pack(b, &o);
	buf_free(&o.header);
	buf_free(&o.tail);
	buf_free(&o.kept);
}

static void
make_ocsp_ask(struct buf *b)
{
	struct judge_ocsp_ask	q = { 1790000000000000, SPAN_STR("issuer"),
	    "0a0b", SPAN_STR("nonce"), SPAN_STR("body") };

	judge_ocsp_ask_pack(b, &q);
}

static void
make_ocsp(struct buf *b)
{
	struct ocsp_said	s;

	memset(&s, 0, sizeof(s));
	s.outer = -1;
	s.sig = OCSP_SIG_UNCHECKED;
	s.who = OCSP_WHO_DELEGATED;
	s.fresh = OCSP_FRESH_FUTURE;
	s.says = OCSP_SAYS_REVOKED;
	s.nonce = OCSP_NONCE_OTHER;
	s.faults = OCSP_FAULT_STALE | OCSP_FAULT_NO_NEXT;
	s.this_update = s.produced_at = s.revoked_at = 1780000000000000;
	s.next_update = INT64_MIN;
	s.reason = 4;
	(void)snprintf(s.responder, sizeof(s.responder), "CN=Responder");
	(void)snprintf(s.why, sizeof(s.why), "stale");
	buf_str(&s.scts, "scts");
	judge_ocsp_pack(b, &s);
	buf_free(&s.scts);
}

static void
make_incl(struct buf *b)
{
	struct incl	x;

	assert_int_equal(incl_start(&x, 1, "https://log.example/", some,
	    70000, 100000, some + 32), 0);
	assert_true(x.nask > 1);
	x.npath = 3;
	memcpy(x.path, some, 96);
	x.index = 70000;
	memset(x.other, 4, 32);
	x.misled = 1;
	(void)snprintf(x.why, sizeof(x.why), "why");
	judge_incl_pack(b, &x);
}

static void
make_aia(struct buf *b)
{
	struct judge_aia	a;

	memset(&a, 0, sizeof(a));
	a.n = 2;
	a.der[0] = SPAN_STR("one");
	a.der[1] = SPAN_STR("two");
	memset(a.spki_sha256, 3, sizeof(a.spki_sha256));
	judge_aia_pack(b, &a);
}

static void
make_keys(struct buf *b)
{
	buf_u32(b, 3);
	buf_add(b, "\0\1\0", 3);
}

static void (*const makers[])(struct buf *) = { make_roots, make_trust,
	make_cert_ask, make_cert, make_crl_ask, make_crl, make_ocsp_ask,
	make_ocsp, make_incl, make_aia, make_keys };

/* --- each, whole, cut and spoiled ------------------------------------------------ */

/* The reader ${k} on a copy of exactly these bytes, for ASan to see beyond. */
static int
reads(size_t k, const uint8_t *p, size_t n, struct buf *out)
{
	uint8_t		*copy = malloc(n != 0 ? n : 1);
	struct cur	 c;
	int		 rc;

	if (n != 0)
		memcpy(copy, p, n);
	c = cur_of(copy, n);
	rc = said_kinds[k](&c, out);
	if (rc == 0 && cur_left(&c) != 0)
		rc = 1;
	free(copy);
	return rc;
}

/* $SAID_SEEDS: where seeds for fuzz_judge_said go. */
static void
seed(size_t k, const struct buf *b)
{
	const char	*dir = getenv("SAID_SEEDS");
	char		 path[400];
	FILE		*f;

	if (dir == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s/%zu", dir, k);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputc((int)k, f);
	(void)fwrite(b->p, 1, b->n, f);
	(void)fclose(f);
}

static void
round_trip(void **state)
{
	struct buf	b = BUF_INIT, again = BUF_INIT;
	size_t		k;

	(void)state;
	assert_int_equal(sizeof(makers) / sizeof(makers[0]), SAID_KINDS);
	for (k = 0; k < SAID_KINDS; k++) {
		buf_reset(&b);
		buf_reset(&again);
		makers[k](&b);
		seed(k, &b);
		if (reads(k, b.p, b.n, &again) != 0)
			fail_msg("%zu: not read", k);
		if (again.n != 0 && (again.n != b.n ||
		    memcmp(again.p, b.p, b.n) != 0))
			fail_msg("%zu: another one", k);
	}
	buf_free(&b);
	buf_free(&again);
}

static void
cut(void **state)
{
	struct buf	b = BUF_INIT, out = BUF_INIT;
	size_t		k, n;

	(void)state;
	for (k = 0; k < SAID_KINDS; k++) {
		buf_reset(&b);
		makers[k](&b);
		for (n = 0; n < b.n; n++)
			if (reads(k, b.p, n, &out) != -1)
				fail_msg("%zu: read with %zu bytes of %zu", k,
				    n, b.n);
	}
	buf_free(&b);
	buf_free(&out);
}

/* Each byte is another one: it is read or not, and nothing else happens. */
static void
spoiled(void **state)
{
	static const uint8_t	to[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct buf		b = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
	size_t			k, n, i, all = 0, read = 0;
	uint8_t			was;

	(void)state;
	for (k = 0; k < SAID_KINDS; k++) {
		buf_reset(&b);
		makers[k](&b);
		for (n = 0; n < b.n; n++)
			for (i = 0; i < sizeof(to); i++) {
				was = b.p[n];
				b.p[n] = to[i];
				buf_reset(&one);
				buf_reset(&two);
				all++;
				if (reads(k, b.p, b.n, &one) != -1) {
					read++;
					if (one.n != 0)
						assert_int_equal(reads(k,
						    one.p, one.n, &two), 0);
				}
				b.p[n] = was;
			}
	}
	print_message("%zu messages, %zu of them read\n", all, read);
	assert_true(read != 0 && read != all);
	buf_free(&b);
	buf_free(&one);
	buf_free(&two);
}

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
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cut),
		cmocka_unit_test(spoiled),
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
