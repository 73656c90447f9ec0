/* What a judge says of CRLs and of OCSP answers. */
#include "tests/unit/auditor/judge_audit_fixture.h"

/* --- JUDGE_CRL -------------------------------------------------------------------------------- */

/* A CRL of ${by} with these serials; until ${next}. */
static void
make_crl(struct buf *out, const struct made *by, const long *serial, size_t n,
    const char *next)
{
	X509_CRL	*x = X509_CRL_new();
	X509_REVOKED	*r;
	ASN1_INTEGER	*i = ASN1_INTEGER_new();
	ASN1_TIME	*t = ASN1_TIME_new();
	uint8_t		*der = NULL;
	size_t		 k;
	int		 len;

	(void)X509_CRL_set_version(x, 1);
	(void)X509_CRL_set_issuer_name(x, X509_get_subject_name(by->x));
	made_time(t, "2026-05-31");
	(void)X509_CRL_set1_lastUpdate(x, t);
	for (k = 0; k < n; k++) {
		r = X509_REVOKED_new();
		(void)ASN1_INTEGER_set(i, serial[k]);
		(void)X509_REVOKED_set_serialNumber(r, i);
		(void)X509_REVOKED_set_revocationDate(r, t);
		(void)X509_CRL_add0_revoked(x, r);
	}
	made_time(t, next);
	(void)X509_CRL_set1_nextUpdate(x, t);
	(void)ASN1_INTEGER_set(i, 7);
	(void)X509_CRL_add1_ext_i2d(x, NID_crl_number, i, 0, 0);
	assert_true(X509_CRL_sign(x, by->key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(x, &der);
	buf_reset(out);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	ASN1_INTEGER_free(i);
	ASN1_TIME_free(t);
	X509_CRL_free(x);
}

/* Bytes as a memfd; ${sealed}: as the engine makes it. */
static int
memory(struct span s, int sealed)
{
	int	fd = memfd_create("cv-serials", MFD_CLOEXEC |
		    MFD_ALLOW_SEALING);

	assert_true(write(fd, s.p, s.n) == (ssize_t)s.n);
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK |
		    F_SEAL_GROW | F_SEAL_WRITE), 0);
	return fd;
}

/* The set of these serials, as hex. */
static void
make_set(struct buf *image, const char *const *serial, size_t n)
{
	struct crlset_build	*b = crlset_new();
	size_t			 i;

	for (i = 0; i < n; i++)
		(void)crlset_add(b, serial[i], NULL);
	buf_reset(image);
	crlset_done(b, image);
}

/* The first ${n} bytes come through the pipe, then its end. */
static void
feed(struct span crl, const struct judge_crl_ask *q, int setfd)
{
	struct buf	b = BUF_INIT;
	int		p[2], fds[2];
	size_t		at;
	ssize_t		n;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fds[0] = p[0];
	fds[1] = setfd;
	judge_crl_ask_pack(&b, q);
	put(JUDGE_CRL, &b, fds, 2);
	buf_free(&b);
	(void)close(p[0]);
	for (at = 0; at < crl.n; at += (size_t)n)
		if ((n = write(p[1], crl.p + at, crl.n - at)) <= 0)
			break;
	(void)close(p[1]);
}

static struct judge_crl_ask
crl_ask(const struct buf *image)
{
	return (struct judge_crl_ask){ made_day(NOW), buf_bytes(&ca.der),
	    "http://crl.example/1", 0, "", INT64_MIN, LIMIT_CRL_KEEP,
	    image->n };
}

/* Feed it and read the answer; crlscan_out_free(). */
static struct crlscan_out
scan(struct span crl, const struct judge_crl_ask *q, const struct buf *image)
{
	struct judge_reply	r;
	struct crlscan_out	o;
	struct cur		c;
	int			fd = memory(buf_bytes(image), 1);

	feed(crl, q, fd);
	(void)close(fd);
	assert_int_equal(answer(&r, &c), 1);
	if (!r.ok)
		fail_msg("%s", r.msg);
	assert_int_equal(judge_crl_read(&c, &o), 0);
	/* what is pointed to is in the message: keep what is looked at */
	return o;
}

static void
crl(void **state)
{
	struct judge_crl_ask	q;
	struct crlscan_out	o;
	struct buf		der = BUF_INIT, image = BUF_INIT;
	uint8_t			sha[32];
	struct cur		c;
	struct der		d;

	(void)state;
	start();
	make_set(&image, serials, 2);
	make_crl(&der, &ca, revoked, 3, "2026-06-08");
	q = crl_ask(&image);
	o = scan(buf_bytes(&der), &q, &image);
	if (o.fault != CRL_OK)
		fail_msg("%s", o.why);
	assert_true(o.authentic && o.count == 3 && o.bytes == der.n);
	assert_int_equal(o.nhits, 1);
	assert_int_equal(o.hits[0].number, 1);
	assert_true(o.hits[0].at == made_day("2026-05-31"));
	assert_string_equal(o.number, "07");
	assert_true(o.this_update == made_day("2026-05-31"));
	/* the first element of the outer SEQUENCE */
	c = cur_span(buf_bytes(&der));
	assert_int_equal(der_next_strict(&c, &d), 0);
	c = cur_span(d.body);
	assert_int_equal(der_next_strict(&c, &d), 0);
	sha_256(sha, d.whole.p, d.whole.n);
	assert_memory_equal(o.tbs_sha256, sha, 32);
	assert_int_equal(o.kept.n, der.n);
	crlscan_out_free(&o);
	/* a number that was seen before, a time that is over */
	q.last_number = "08";
	o = scan(buf_bytes(&der), &q, &image);
	assert_int_equal(o.fault, CRL_REWOUND);
	assert_int_equal(o.nhits, 1);
	crlscan_out_free(&o);
	q.now = made_day("2026-06-09");
	q.last_number = "";
	o = scan(buf_bytes(&der), &q, &image);
	assert_int_equal(o.fault, CRL_STALE);
	assert_int_equal(o.nhits, 1);
	crlscan_out_free(&o);
	/* another CA's: no hits */
	q = crl_ask(&image);
	q.issuer = buf_bytes(&root.der);
	o = scan(buf_bytes(&der), &q, &image);
	assert_true(o.fault != CRL_OK && !o.authentic && o.nhits == 0);
	crlscan_out_free(&o);
	buf_free(&der);
	buf_free(&image);
}

/* The pipe ends early: at each byte it is no CRL, and its judge lives on. */
static void
crl_cut(void **state)
{
	struct judge_crl_ask	q;
	struct crlscan_out	o;
	struct buf		der = BUF_INIT, image = BUF_INIT;
	size_t			n;

	(void)state;
	start();
	make_set(&image, serials, 2);
	make_crl(&der, &ca, revoked, 3, "2026-06-08");
	q = crl_ask(&image);
	for (n = 0; n < der.n; n += n < 8 || n + 8 > der.n ? 1 : 5) {
		o = scan((struct span){ der.p, n }, &q, &image);
		if (o.fault == CRL_OK || o.nhits != 0 || o.authentic)
			fail_msg("%zu of %zu bytes: %s", n, der.n, o.why);
		crlscan_out_free(&o);
	}
	/* and with something behind it */
	buf_str(&der, "x");
	o = scan(buf_bytes(&der), &q, &image);
	assert_true(o.fault != CRL_OK && o.nhits == 0);
	crlscan_out_free(&o);
	buf_free(&der);
	buf_free(&image);
}

/* Garbage in every field, and descriptors that are not there. */
static void
crl_garbage(void **state)
{
	struct judge_crl_ask	q;
	struct crlscan_out	o;
	struct judge_reply	r;
	struct buf		der = BUF_INIT, image = BUF_INIT, b = BUF_INIT;
	struct cur		c;
	int			i, fd;

	(void)state;
	start();
	make_set(&image, serials, 2);
	make_crl(&der, &ca, revoked, 3, "2026-06-08");
	for (i = 0; i < 8; i++) {
		q = crl_ask(&image);
		if (i == 0)
			q.now = FIRST;
		else if (i == 1)
			q.now = LAST;
		else if (i == 2)
			q.issuer = SPAN_STR("garbage");
		else if (i == 3)
			q.issuer = SPAN_STR("");
		else if (i == 4)
			q.url = "\xff\xfe";
		else if (i == 5)
			q.last_number = "no number at all";
		else if (i == 6)
			q.last_this = LAST;
		else
			q.keep = UINT32_MAX;
		o = scan(buf_bytes(&der), &q, &image);
		assert_true(i == 0 || i > 6 || o.fault != CRL_OK ||
		    i == 4 || i == 5);
		crlscan_out_free(&o);
	}
	/* without a message, without descriptors, without a set */
	refuses(JUDGE_CRL, &b);
	q = crl_ask(&image);
	judge_crl_ask_pack(&b, &q);
	refuses(JUDGE_CRL, &b);
	for (i = 0; i < 4; i++) {
		q = crl_ask(&image);
		if (i == 0)
			fd = memory(SPAN_STR("this is no set of serials, at "
			    "all; but as long as one might be"), 1);
		else
			fd = memory(buf_bytes(&image), i != 1);
		if (i == 0)
			q.set_size = 60;
		else if (i == 2)
			q.set_size = image.n + 1;
		else if (i == 3)
			q.set_size = image.n - 8;
		feed((struct span){ der.p, 10 }, &q, fd);
		(void)close(fd);
		assert_int_equal(answer(&r, &c), 1);
		assert_false(r.ok);
	}
	/* it has not lost its mind, nor its descriptors */
	for (i = 0; i < 300; i++) {
		q = crl_ask(&image);
		o = scan(buf_bytes(&der), &q, &image);
		assert_true(o.fault == CRL_OK && o.nhits == 1);
		crlscan_out_free(&o);
	}
	buf_free(&der);
	buf_free(&image);
}

/* --- JUDGE_OCSP ----------------------------------------------------------------------------------- */

/* An answer of ${by} for the leaf. */
static void
make_ocsp(struct buf *out, const struct made *by, int status)
{
	OCSP_BASICRESP	*bs = OCSP_BASICRESP_new();
	OCSP_CERTID	*id = OCSP_cert_to_id(NULL, leaf.x, ca.x);
	ASN1_TIME	*from = ASN1_TIME_new(), *to = ASN1_TIME_new();
	OCSP_RESPONSE	*r;
	uint8_t		*der = NULL;
	int		 len;

	made_time(from, "2026-05-31");
	made_time(to, "2026-06-02");
	assert_non_null(OCSP_basic_add1_status(bs, id, status, 1, status ==
	    V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, to));
	assert_non_null(ASN1_GENERALIZEDTIME_set((ASN1_GENERALIZEDTIME *)
	    (uintptr_t)OCSP_resp_get0_produced_at(bs), made_day("2026-05-31") /
	    CLK_SEC));
	assert_int_equal(OCSP_basic_sign(bs, by->x, by->key, EVP_sha256(),
	    NULL, OCSP_NOCERTS | OCSP_NOTIME), 1);
	r = OCSP_response_create(0, bs);
	len = i2d_OCSP_RESPONSE(r, &der);
	buf_reset(out);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(bs);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}

static struct ocsp_said
ocsp_say(struct span body, struct span issuer, const char *serial, int64_t now)
{
	struct judge_ocsp_ask	q = { now, issuer, serial, { NULL, 0 }, body };
	struct ocsp_said	s;
	struct buf		b = BUF_INIT;
	struct cur		c;

	judge_ocsp_ask_pack(&b, &q);
	c = ask(JUDGE_OCSP, &b);
	assert_int_equal(judge_ocsp_read(&c, &s), 0);
	return s;
}

static void
ocsp(void **state)
{
	struct ocsp_said	s;
	struct buf		der = BUF_INIT, b = BUF_INIT;
	int64_t			now = made_day(NOW);
	size_t			n;

	(void)state;
	start();
	make_ocsp(&der, &ca, V_OCSP_CERTSTATUS_GOOD);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234", now);
	if (ocsp_said_counts(&s) != OCSP_SAYS_GOOD)
		fail_msg("%s", s.why);
	assert_true(s.next_update == made_day("2026-06-02"));
	ocsp_said_free(&s);
	/* of another serial, later, by another CA */
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1235", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234",
	    made_day("2026-06-03"));
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&root.der), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	make_ocsp(&der, &root, V_OCSP_CERTSTATUS_GOOD);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	make_ocsp(&der, &ca, V_OCSP_CERTSTATUS_REVOKED);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_REVOKED);
	assert_true(s.revoked_at == made_day("2026-05-31"));
	ocsp_said_free(&s);
	/* cut anywhere it says nothing */
	for (n = 0; n < der.n; n += 3) {
		s = ocsp_say((struct span){ der.p, n }, buf_bytes(&ca.der),
		    "1234", now);
		assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
		ocsp_said_free(&s);
	}
	/* garbage in every field */
	s = ocsp_say(buf_bytes(&der), SPAN_STR("garbage"), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), SPAN_STR(""), "", FIRST);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "no serial \xff",
	    LAST);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	refuses(JUDGE_OCSP, &b);
	buf_str(&b, "garbage");
	refuses(JUDGE_OCSP, &b);
	buf_free(&der);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(crl),
		cmocka_unit_test(crl_cut),
		cmocka_unit_test(crl_garbage),
		cmocka_unit_test(ocsp)
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return judge_main();
	/* a judge that refuses a CRL does not read the rest of it */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(t, setup, teardown);
}
