#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha.h"

/* Our SHA-256 against OpenSSL's; base itself does not know OpenSSL. */

static void
same(const uint8_t *p, size_t n)
{
	uint8_t		ours[32], theirs[32];
	unsigned	len;

	sha_256(ours, p, n);
	assert_int_equal(EVP_Digest(p, n, theirs, &len, EVP_sha256(), NULL),
	    1);
	assert_memory_equal(ours, theirs, 32);
}

static void
test_lengths(void **state)
{
	uint8_t	data[300];
	size_t	n;
	int	portable;

	(void)state;
	assert_int_equal(RAND_bytes(data, sizeof(data)), 1);
	for (portable = 0; portable < 2; portable++) {
		sha_force_portable(portable);
		for (n = 0; n <= sizeof(data); n++)
			same(data, n);
	}
	sha_force_portable(0);
}

static void
test_random(void **state)
{
	uint8_t		*data = mem_zero(70000);
	uint32_t	 r;
	size_t		 i, n, at;

	(void)state;
	assert_int_equal(RAND_bytes(data, 70000), 1);
	for (i = 0; i < 500; i++) {
		assert_int_equal(RAND_bytes((uint8_t *)&r, sizeof(r)), 1);
		at = r % 64;
		n = r / 64 % (70000 - 64);
		same(data + at, n);
	}
	free(data);
}

/* Leaves and nodes as RFC 6962, 2.1 defines them. */
static void
test_leaves(void **state)
{
	enum { N = 301 };
	uint8_t		data[N + 1], (*out)[32] = mem_array(N, 32);
	uint8_t		b[N + 1], theirs[32];
	struct span	in[N];
	unsigned	len;
	size_t		i;

	(void)state;
	assert_int_equal(RAND_bytes(data, sizeof(data)), 1);
	for (i = 0; i < N; i++)
		in[i] = (struct span){ data, (i * 37) % N };
	sha_leaves(out, in, N, (const uint8_t *)"", 1);
	for (i = 0; i < N; i++) {
		b[0] = 0;
		memcpy(b + 1, data, in[i].n);
		assert_int_equal(EVP_Digest(b, in[i].n + 1, theirs, &len,
		    EVP_sha256(), NULL), 1);
		assert_memory_equal(out[i], theirs, 32);
	}
	sha_node(out[0], data, data + 32);
	b[0] = 1;
	memcpy(b + 1, data, 64);
	assert_int_equal(EVP_Digest(b, 65, theirs, &len, EVP_sha256(), NULL),
	    1);
	assert_memory_equal(out[0], theirs, 32);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_leaves)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
