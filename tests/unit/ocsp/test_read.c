#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "ocsp/crl.h"
#include "ocsp/ocsp.h"
#include "pki/der.h"

/* CRLs and OCSP responses of others, and what is left when they are cut. */

static int
load(const char *name, struct buf *b)
{
	const char	*d = getenv("CERTVIGIL_DATA");
	char		*path;
	FILE		*f;
	size_t		 n;

	path = mem_printf("%s/%s", d != NULL && d[0] != '\0' ? d :
	    "../shared/data", name);
	f = fopen(path, "r");
	free(path);
	buf_reset(b);
	if (f == NULL)
		return -1;
	while ((n = fread(buf_room(b, 4096), 1, 4096, f)) > 0)
		b->n += n;
	(void)fclose(f);
	return 0;
}

static struct span
key_of(const struct buf *cert)
{
	struct span	tbs, none = { NULL, 0 };
	struct der_tbs	t;

	if (der_cert(buf_bytes(cert), &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &t, NULL) == -1)
		return none;
	return t.spki;
}

static void
test_crl(void **state)
{
	static const struct {
		const char	*file;
		int		 ok;
		size_t		 count;
		int		 delta;
	} t[] = {
		{ "crl.idp.valid.der", 1, 6, 0 },
		{ "crl.empty.der", 1, 0, 0 },
		{ "crl.delta.der", 1, 1, 1 },
		{ "crl.missing.next.update.der", 1, 1, 0 },
	};
	struct buf	b = BUF_INIT;
	struct crl	c;
	struct err	e;
	char		name[100];
	size_t		i, k, cuts = 0, skipped = 0;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(name, sizeof(name), "crl/webpki/%s",
		    t[i].file);
		if (load(name, &b) == -1) {
			skipped++;
			continue;
		}
		err_clear(&e);
		assert_int_equal(crl_read(buf_bytes(&b), 1000, &c, &e),
		    t[i].ok ? 0 : -1);
		assert_int_equal(c.is_delta, t[i].delta);
		if (t[i].count != 1)
			assert_int_equal(c.count, t[i].count);
		assert_int_equal(c.nentries, c.count);
		crl_free(&c);
		assert_int_equal(crl_read(buf_bytes(&b), 0, &c, &e), 0);
		assert_int_equal(c.nentries, 0);
		crl_free(&c);
		for (k = 0; k < b.n; k++, cuts++) {
			assert_int_equal(crl_read((struct span){ b.p, k },
			    1000, &c, NULL), -1);
			crl_free(&c);
		}
		buf_u8(&b, 0);
		assert_int_equal(crl_read(buf_bytes(&b), 1000, &c, NULL), -1);
		crl_free(&c);
	}
	(void)printf("%zu cut CRLs refused\n", cuts);
	if (skipped != 0)
		(void)printf("SKIP %zu CRLs of others\n", skipped);
	buf_free(&b);
}

static void
test_ocsp(void **state)
{
	struct buf	b = BUF_INIT, ca = BUF_INIT;
	struct ocsp	r;
	struct err	e = ERR_INIT;
	size_t		k;

	(void)state;
	if (load("ocsp/golang/ocspResponseHex.der", &b) == -1 ||
	    load("ocsp/golang/issuerCertHex.der", &ca) == -1) {
		(void)printf("SKIP 1 OCSP response of others\n");
		goto out;
	}
	assert_int_equal(ocsp_read(buf_bytes(&b), &r, &e), 0);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.nsingles, 1);
	assert_string_equal(r.singles[0].status, "good");
	assert_string_equal(r.singles[0].serial,
	    "f374542e3c7a68360a00000001103462");
	assert_true(r.singles[0].next_update > r.singles[0].this_update);
	assert_int_equal(r.singles[0].revoked_at, INT64_MIN);
	ocsp_free(&r);
	for (k = 0; k < b.n; k++) {
		assert_int_equal(ocsp_read((struct span){ b.p, k }, &r, NULL),
		    -1);
		ocsp_free(&r);
	}
	b.p[b.n - 1] ^= 1;
	if (key_of(&ca).p != NULL)
		assert_int_equal(ocsp_verify(buf_bytes(&b), key_of(&ca), &e),
		    0);
	b.p[b.n - 1] ^= 1;
	buf_u8(&b, 0);
	assert_int_equal(ocsp_read(buf_bytes(&b), &r, NULL), -1);
	ocsp_free(&r);
	/* tryLater: a status, and nothing signed (RFC 6960 4.2.1) */
	assert_int_equal(ocsp_read((struct span){ (const uint8_t *)
	    "\x30\x03\x0a\x01\x03", 5 }, &r, NULL), 0);
	assert_int_equal(r.status, 3);
	ocsp_free(&r);
	err_clear(&e);
	assert_int_equal(ocsp_verify((struct span){ (const uint8_t *)
	    "\x30\x03\x0a\x01\x03", 5 }, key_of(&ca), &e), -1);
out:
	buf_free(&b);
	buf_free(&ca);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_crl),
		cmocka_unit_test(test_ocsp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
