/* What a judge says of a certificate, as bytes: whole, cut and spoiled. */
#include "tests/unit/auditor/judge_said_fixture.h"

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

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(cut),
		cmocka_unit_test(spoiled),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
