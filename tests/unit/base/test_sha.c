#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"

static void
assert_hex(const uint8_t h[32], const char *hex)
{
	char	text[65];

	assert_string_equal(enc_hex_to(text, h, 32), hex);
}

/* FIPS 180-4 examples of NIST's cryptographic toolkit. */
static void
test_known(void **state)
{
	struct sha_ctx	c;
	uint8_t		h[32], *p;
	size_t		i;
	int		portable;

	(void)state;
	p = mem_zero(1000000);
	memset(p, 'a', 1000000);
	for (portable = 0; portable < 2; portable++) {
		sha_force_portable(portable);
		sha_256(h, "", 0);
		assert_hex(h, "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855");
		sha_256(h, "abc", 3);
		assert_hex(h, "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad");
		sha_256(h, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmno"
		    "mnopnopq", 56);
		assert_hex(h, "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1");
		sha_256(h, p, 1000000);
		assert_hex(h, "cdc76e5c9914fb9281a1c7e284d73e67"
		    "f1809a48a497200e046d39ccc7112cd0");
		sha_init(&c);
		for (i = 0; i < 1000000; i += i % 131 + 1 <= 1000000 - i ?
		    i % 131 + 1 : 1000000 - i)
			sha_update(&c, p + i, i % 131 + 1 <= 1000000 - i ?
			    i % 131 + 1 : 1000000 - i);
		sha_final(&c, h);
		assert_hex(h, "cdc76e5c9914fb9281a1c7e284d73e67"
		    "f1809a48a497200e046d39ccc7112cd0");
	}
	sha_force_portable(0);
	free(p);
}

/* In pieces, of which so many blocks are taken in steps. */
static void
test_steps(void **state)
{
	struct sha_steps	t;
	struct sha_ctx		c;
	struct span		x;
	uint8_t			h[SHA_LEN], want[SHA_LEN], p[3000];
	size_t			i, k, n;
	int			portable;

	(void)state;
	for (i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * i >> 3);
	for (portable = 0; portable < 2; portable++) {
		sha_force_portable(portable);
		for (k = 0; k < 400; k++) {
			sha_init(&c);
			for (i = 0; i < sizeof(p); i += x.n) {
				x.p = p + i;
				x.n = k * 37 % 517 + 1;
				if (x.n > sizeof(p) - i)
					x.n = sizeof(p) - i;
				sha_steps_begin(&t, &c, x);
				for (n = k % 5; n != 0 && t.left != 0; n--)
					sha_step(&t);
				sha_steps_end(&t);
			}
			sha_final(&c, h);
			sha_256(want, p, sizeof(p));
			assert_memory_equal(h, want, SHA_LEN);
		}
	}
	sha_force_portable(0);
}

/* RFC 4231, cases 1, 2, 6 and 7. */
static void
test_hmac(void **state)
{
	uint8_t	key[131], h[32];

	(void)state;
	memset(key, 0x0b, 20);
	sha_hmac(h, key, 20, "Hi There", 8);
	assert_hex(h, "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	sha_hmac(h, "Jefe", 4, "what do ya want for nothing?", 28);
	assert_hex(h, "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	sha_hmac(h, key, 131,
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54);
	assert_hex(h, "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}

/*
 * Messages of all lengths, in pairs: the same as one by one.  Each lies in
 * memory of its own, that ends where it ends.
 */
static void
test_leaves(void **state)
{
	enum { N = 700 };
	static const uint8_t	prefix[SHA_PREFIX_MAX + 1] =
				    "\0\1-prefix-of-any";
	struct sha_ctx		c;
	struct span		in[N];
	uint8_t			(*out)[32] = mem_array(N, 32), h[32];
	uint8_t			*data = mem_zero(16000), *own[N];
	size_t			 i, plen, n;
	int			 portable;

	(void)state;
	for (i = 0; i < 16000; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	for (i = 0; i < N; i++) {
		in[i].n = i % 3 == 0 ? i * 13 % 9000 : i;
		in[i].p = own[i] = mem_zero(in[i].n);
		memcpy(own[i], data + i, in[i].n);
	}
	for (portable = 0; portable < 2; portable++)
		for (plen = 0; plen <= SHA_PREFIX_MAX; plen++) {
			sha_force_portable(portable);
			n = plen == 1 ? N : N - 1 - plen;
			sha_leaves(out, in, n, prefix, plen);
			for (i = 0; i < n; i++) {
				sha_init(&c);
				sha_update(&c, prefix, plen);
				sha_update(&c, in[i].p, in[i].n);
				sha_final(&c, h);
				assert_memory_equal(h, out[i], 32);
			}
		}
	sha_force_portable(0);
	for (i = 0; i < N; i++)
		free(own[i]);
	free(out);
	free(data);
}

static void
test_nodes(void **state)
{
	uint8_t	in[64][32], out[32][32], h[32], b[65];
	size_t	i, pairs;
	int	portable;

	(void)state;
	for (i = 0; i < sizeof(in); i++)
		in[i / 32][i % 32] = (uint8_t)(i * 31 + i / 64);
	for (portable = 0; portable < 2; portable++)
		for (pairs = 0; pairs <= 32; pairs++) {
			sha_force_portable(portable);
			sha_nodes(out, (const uint8_t (*)[32])in, pairs);
			for (i = 0; i < pairs; i++) {
				b[0] = 1;
				memcpy(b + 1, in[2 * i], 64);
				sha_256(h, b, 65);
				assert_memory_equal(h, out[i], 32);
			}
		}
	/* In place. */
	sha_nodes(in, (const uint8_t (*)[32])in, 32);
	assert_memory_equal(in, out, sizeof(out));
	sha_force_portable(0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_nodes)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
