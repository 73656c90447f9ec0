#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/enc.h"
#include "pki/cert.h"
#include "pki/owner.h"
#include "pki/owner_table.h"
#include "tests/unit/pki/data.h"

/* Each key is 64 hex digits, belongs to one owner, and is found. */
static void
test_table(void **state)
{
	uint8_t		key[32];
	size_t		i, k, n = 0;

	(void)state;
	for (i = 0; i < owner_nrows; i++) {
		assert_int_equal(owner_rows[i].first, n);
		assert_true(owner_known(owner_rows[i].id));
		for (k = 0; k < owner_rows[i].n; k++, n++) {
			assert_int_equal(strlen(owner_keys[n]), 64);
			assert_int_equal(enc_unhex_to(key, 32, owner_keys[n]),
			    0);
			assert_string_equal(owner_of_key(key),
			    owner_rows[i].id);
		}
	}
	assert_true(n > 400);
	memset(key, 0, sizeof(key));
	assert_null(owner_of_key(key));
	for (i = 0; i < owner_naliases; i++)
		assert_true(owner_known(owner_aliases[i].id));
	assert_string_equal(owner_identifier("internet security research "
	    "group"), "letsencrypt.org");
	assert_string_equal(owner_identifier("Nobody"), "Nobody");
	assert_non_null(owner_contact("letsencrypt.org"));
	assert_null(owner_contact("nobody.example"));
	assert_false(owner_known("nobody.example"));
}

static void
test_csv(void **state)
{
	static const char	text[] = "\xef\xbb\xbf\"Certificate Name\","
	    "\"CA Owner\",X,\"SHA-256 Fingerprint\"\r\n"
	    "a,Internet Security Research Group,\"x, \"\"y\"\"\n z\","
	    "0102030405060708090A0B0C0D0E0F10"
	    "1112131415161718191a1b1c1d1e1f20\r\n"
	    "b,\"Small CA, Inc.\",,"
	    "ff02030405060708090A0B0C0D0E0F10"
	    "1112131415161718191a1b1c1d1e1f20\n";
	static const char	*const bad[] = {
		"", "a,b\n1,2\n", "CA Owner\nx\n",
		"CA Owner,SHA-256 Fingerprint\nx,12\n",
		"CA Owner,SHA-256 Fingerprint\nx,\"12\n",
		("CA Owner,SHA-256 Fingerprint\nx,zz02030405060708090A0B0C0D0E"
		    "0F101112131415161718191a1b1c1d1e1f20\n")
	};
	uint8_t			h[32];
	struct err		e = ERR_INIT;
	size_t			i;

	(void)state;
	assert_int_equal(owner_load_csv(text, sizeof(text) - 1, &e), 2);
	for (i = 0; i < 32; i++)
		h[i] = (uint8_t)(i + 1);
	assert_string_equal(owner_of_fingerprint(h), "letsencrypt.org");
	h[0] = 0xff;
	assert_string_equal(owner_of_fingerprint(h), "Small CA, Inc.");
	h[0] = 0xfe;
	assert_null(owner_of_fingerprint(h));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(owner_load_csv(bad[i], strlen(bad[i]), &e),
		    -1);
		assert_int_equal(e.code, ERR_FORMAT);
	}
	h[0] = 1;
	assert_null(owner_of_fingerprint(h));
	owner_reset();
}

/* The certificates of one real chain (DER); -1 when they are not there. */
static int
read_chain(struct buf c[3])
{
	static const char	*const files[3] = {
		"crl/amazon/valid.rootca3.demo.amazontrust.com.cer",
		"crl/amazon/e2m01.cer",
		"crl/amazon/AmazonRootCA3.cer"
	};
	static const char	*const issuers[] = {
		"crl/amazon/e2m01.cer", "crl/amazon/e2m02.cer",
		"crl/amazon/e2m03.cer", "crl/amazon/e2m04.cer"
	};
	size_t			i;

	for (i = 0; i < 3; i++)
		if (data_read(files[i], &c[i]) == -1)
			return -1;
	/* Which of the four intermediates issued it? */
	for (i = 0; i < 4; i++) {
		buf_reset(&c[1]);
		if (data_read(issuers[i], &c[1]) == 0 &&
		    cert_signed_by(buf_bytes(&c[0]), buf_bytes(&c[1]), NULL)
		    == 1)
			return 0;
	}
	fail_msg("no intermediate signed %s", files[0]);
	return -1;
}

/* A real chain, and what is left when a link did not sign. */
static void
test_chain(void **state)
{
	struct buf	c[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	struct span	s[3];
	size_t		i;

	(void)state;
	if (read_chain(c) == -1) {
		printf("SKIP 1 chain: no test data\n");
		return;
	}
	for (i = 0; i < 3; i++)
		s[i] = buf_bytes(&c[i]);
	assert_string_equal(owner_of_chain(s, 3), "amazon.com");
	assert_null(owner_of_chain(s, 1));
	/* Without the intermediate nothing links to the root. */
	s[1] = s[2];
	assert_null(owner_of_chain(s, 2));
	/* With a changed end entity its chain proves nothing. */
	s[1] = buf_bytes(&c[1]);
	c[0].p[c[0].n - 1] ^= 1;
	assert_null(owner_of_chain(s, 3));
	for (i = 0; i < 3; i++)
		buf_free(&c[i]);
}

/* Let's Encrypt's issuers: those for production are known, staging is not. */
static void
test_issuers(void **state)
{
	char		**list = data_list("certs/letsencrypt-issuers");
	struct buf	 b = BUF_INIT;
	const char	*owner;
	uint8_t		 key[32];
	size_t		 i, n = 0;

	(void)state;
	for (i = 0; list != NULL && list[i] != NULL; i++) {
		if (strstr(list[i], ".pem") == NULL ||
		    data_cert(list[i], &b) == -1)
			continue;
		n++;
		assert_int_equal(cert_key_hash(buf_bytes(&b), key, NULL), 0);
		owner = owner_of_key(key);
		if (strstr(list[i], "stg-") != NULL)
			assert_null(owner);
		else
			assert_string_equal(owner, "letsencrypt.org");
	}
	if (n == 0)
		printf("SKIP 36 issuers: no test data\n");
	buf_free(&b);
	data_list_free(list);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_issuers)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
