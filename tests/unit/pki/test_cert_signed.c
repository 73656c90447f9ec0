/*
 * Signatures that are remembered: the answer is what it would be without, for
 * the same bytes and for bytes that differ in one bit, whoever asked first.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/limit.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "tests/unit/pki/made.h"

/* A certificate whose last byte, of the signature, is another one. */
static void
spoil(const struct made *m, struct buf *out)
{
	buf_add(out, m->der.p, m->der.n);
	out->p[out->n - 1] ^= 1;
}

static void
ids(struct span cert, struct span issuer, uint8_t c[32], uint8_t key[32])
{
	sha_256(c, cert.p, cert.n);
	assert_int_equal(cert_key_hash(issuer, key, NULL), 0);
}

static void
kept_when_good(void **state)
{
	struct made	ca, leaf;
	struct buf	bad = BUF_INIT;
	struct span	s, up;
	struct err	e = ERR_INIT;
	uint8_t		c[32], key[32];
	int		i;

	(void)state;
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1 });
	leaf = made_cert((struct made_spec){ .cn = "a.example",
	    .issuer = &ca });
	s = buf_bytes(&leaf.der);
	up = buf_bytes(&ca.der);
	ids(s, up, c, key);
	assert_int_equal(cert_signed_seen(c, key), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(cert_signed_by(s, up, &e), 1);
	assert_int_equal(cert_signed_seen(c, key), 1);
	spoil(&leaf, &bad);
	for (i = 0; i < 3; i++)
		assert_int_equal(cert_signed_by(buf_bytes(&bad), up, &e), 0);
	ids(buf_bytes(&bad), up, c, key);
	assert_int_equal(cert_signed_seen(c, key), 0);
	buf_free(&bad);
	made_free(&leaf);
	made_free(&ca);
}

/* Another CA of the same name has not signed it, before and after. */
static void
key_counts(void **state)
{
	struct made	ca, other, leaf;
	struct err	e = ERR_INIT;
	int		i;

	(void)state;
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1 });
	other = made_cert((struct made_spec){ .cn = "CA", .ca = 1 });
	leaf = made_cert((struct made_spec){ .cn = "a.example",
	    .issuer = &ca });
	for (i = 0; i < 3; i++) {
		assert_int_equal(cert_signed_by(buf_bytes(&leaf.der),
		    buf_bytes(&other.der), &e), 0);
		assert_int_equal(cert_signed_by(buf_bytes(&leaf.der),
		    buf_bytes(&ca.der), &e), 1);
	}
	made_free(&leaf);
	made_free(&other);
	made_free(&ca);
}

/* More than there is room for: each is kept or not, none is taken for another. */
static void
room_is_bounded(void **state)
{
	uint8_t		c[32], key[32] = { 7 };
	size_t		kept = 0;
	uint32_t	i, n = 4 * LIMIT_CERT_SIGNED;

	(void)state;
	for (i = 0; i < n; i++) {
		sha_256(c, &i, sizeof(i));
		cert_signed_keep(c, key);
		assert_int_equal(cert_signed_seen(c, key), 1);
	}
	for (i = 0; i < n; i++) {
		sha_256(c, &i, sizeof(i));
		kept += (size_t)cert_signed_seen(c, key);
		c[31] ^= 1;
		assert_int_equal(cert_signed_seen(c, key), 0);
	}
	assert_in_range(kept, 1, LIMIT_CERT_SIGNED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_when_good),
		cmocka_unit_test(key_counts),
		cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
