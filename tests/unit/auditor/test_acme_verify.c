/* What a CA sent, in a box: certificates with SCTs of logs of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auditor/role/acme_verify.h"
#include "base/clk.h"
#include "base/enc.h"
#include "pki/cert.h"
#include "tests/unit/ctlog/made_sct.h"

#define FROM	INT64_C(1780000000)	/* seconds */
#define TO	INT64_C(1785000000)
#define AT	((FROM + 3600) * CLK_SEC)

static struct made_logs	 logs;
static struct made_ca	 ca, stranger;
static struct san	 names;
static struct got	 got;
static struct acme_scts	 scts;
static struct err	 e;

/* Which logs sign, and how. */
struct spec {
	size_t		from, n;	/* their numbers */
	int		broken;		/* the first signature is */
	int		late;		/* the first is of the future */
	int		malformed;	/* the list has something else */
	int		none;
};

static void
pem(struct buf *out, const struct buf *der)
{
	struct buf	t = BUF_INIT;
	size_t		i;

	enc_b64(&t, der->p, der->n);
	buf_str(out, "-----BEGIN CERTIFICATE-----\n");
	for (i = 0; i < t.n; i += 64)
		buf_fmt(out, "%.64s\n", buf_text(&t) + i);
	buf_str(out, "-----END CERTIFICATE-----\n");
	buf_free(&t);
}

/* Make one, and read it as an order would, with ${known} logs. */
static int
verify(const struct spec *s, size_t known, const struct made_ca *above)
{
	struct loglist	 list = logs.list;
	struct made_leaf l;
	struct buf	 items = BUF_INIT, sct = BUF_INIT, der = BUF_INIT,
			 text = BUF_INIT;
	struct got_want	 w;
	size_t		 i;
	int		 rc;

	made_leaf(&l, &ca, FROM, TO);
	for (i = 0; i < s->n; i++) {
		l.en.timestamp = (uint64_t)(FROM + (s->late && i == 0 ?
		    90000 : 1)) * 1000;
		buf_reset(&sct);
		made_sct(&sct, &logs, s->from + i, &l.en);
		if (s->broken && i == 0)
			sct.p[sct.n - 1] ^= 1;
		made_item(&items, &sct);
	}
	if (s->malformed)
		buf_str(&items, "x");
	made_leaf_done(&l, s->none ? NULL : &items, &der);
	pem(&text, &der);
	if (above != NULL)
		pem(&text, &above->der);
	memset(&w, 0, sizeof(w));
	assert_int_equal(cert_key_hash(buf_bytes(&der), w.spki_sha256, NULL),
	    0);
	w.names = &names;
	w.now = AT;
	list.nlogs = known;
	got_free(&got);
	err_clear(&e);
	rc = acme_verify_read(buf_bytes(&text), &w, &list, &got, &scts, &e);
	if (rc == 0) {
		assert_int_equal(got.der[0].n, der.n);
		assert_memory_equal(got.der[0].p, der.p, der.n);
	}
	buf_free(&items);
	buf_free(&sct);
	buf_free(&der);
	buf_free(&text);
	return rc;
}

static void
test_counts(void **state)
{
	static const struct {
		struct spec	 s;
		size_t		 known;
		unsigned	 valid, invalid, unknown;
		const char	*why;
	} t[] = {
		{ { 0, 2, 0, 0, 0, 0 }, 4, 2, 0, 0, "" },
		{ { 3, 2, 0, 0, 0, 0 }, 4, 1, 0, 1, "" },
		{ { 0, 2, 0, 0, 0, 0 }, 0, 0, 0, 2, "" },
		{ { 0, 0, 0, 0, 0, 1 }, 4, 0, 0, 0, "" },
		{ { 0, 2, 1, 0, 0, 0 }, 4, 1, 1, 0,
		    "the SCT of log log 0 does not verify: " },
		/* nothing can be said of a log whose key is not known */
		{ { 3, 1, 1, 0, 0, 0 }, 3, 0, 0, 1, "" },
		{ { 1, 2, 0, 1, 0, 0 }, 4, 1, 1, 0, "in the future" },
		{ { 0, 2, 0, 0, 1, 0 }, 4, 0, 1, 0, "the list of SCTs: " },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (verify(&t[i].s, t[i].known, &ca) == -1)
			fail_msg("%zu: %s", i, e.msg);
		if (scts.valid != t[i].valid || scts.invalid != t[i].invalid
		    || scts.unknown != t[i].unknown ||
		    strstr(scts.why, t[i].why) == NULL)
			fail_msg("%zu: %u %u %u %s", i, scts.valid,
			    scts.invalid, scts.unknown, scts.why);
		assert_int_equal(got.has_scts, !t[i].s.none);
	}
}

static void
test_refused(void **state)
{
	const struct spec	good = { 0, 2, 0, 0, 0, 0 };

	(void)state;
	/* the sentence of the box */
	assert_int_equal(verify(&good, 4, &stranger), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	assert_non_null(strstr(e.msg, "what the CA sent: certificate 2 of "
	    "the chain: it did not sign the one before"));
	/* without an issuer, SCTs say nothing */
	assert_int_equal(verify(&good, 4, NULL), 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(scts.valid + scts.invalid + scts.unknown, 0);
	san_free(&names);
	assert_int_equal(san_of((const char *const []){ "leaf.example" }, 1,
	    &names, NULL), 0);
	assert_int_equal(verify(&good, 4, &ca), -1);
	assert_int_equal(e.code, ERR_VERIFY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_refused),
	};
	int	rc;

	made_logs(&logs, 8);
	made_ca(&ca, "CA", NULL, 0);
	made_ca(&stranger, "CA", NULL, 0);
	if (san_of((const char *const []){ "leaf.example",
	    "www.leaf.example" }, 2, &names, NULL) == -1)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	san_free(&names);
	got_free(&got);
	made_ca_free(&ca);
	made_ca_free(&stranger);
	made_logs_free(&logs);
	return rc;
}
