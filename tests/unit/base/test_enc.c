#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/mem.h"

/* RFC 4648, 10, and what must be refused. */
static void
test_b64(void **state)
{
	static const struct {
		const char	*plain;		/* NULL: refused */
		const char	*text;
	} cases[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ NULL, "Z" }, { NULL, "Zg" }, { NULL, "Zg=" },
		{ NULL, "Zg===" }, { NULL, "Zh==" }, { NULL, "Zm9=" },
		{ NULL, "=" }, { NULL, "====" }, { NULL, "Z===" },
		{ NULL, "Zg==Zg==" }, { NULL, "Zm9v\n" }, { NULL, " Zm9v" },
		{ NULL, "Zm-_" }, { NULL, "Zm9v====" }, { NULL, "Zg=a" }
	};
	struct buf	b = BUF_INIT;
	size_t		i;
	int		r;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		r = enc_unb64(cases[i].text, strlen(cases[i].text), &b);
		if (r != (cases[i].plain != NULL ? 0 : -1))
			fail_msg("\"%s\": %d", cases[i].text, r);
		assert_string_equal(buf_text(&b),
		    r == 0 ? cases[i].plain : "");
		if (r == -1)
			continue;
		buf_reset(&b);
		enc_b64(&b, cases[i].plain, strlen(cases[i].plain));
		assert_string_equal(buf_text(&b), cases[i].text);
	}
	buf_free(&b);
}

static void
test_b64url(void **state)
{
	static const char	*bad[] = { "Z", "Zg=", "Zg==", "Zh", "Zm9",
				    "+A", "/A", "_/", "Zm9v ", "Zm9vZ" };
	struct buf		 b = BUF_INIT, c = BUF_INIT;
	uint8_t			 data[64];
	size_t			 i, n;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(255 - i * 3);
	for (n = 0; n <= sizeof(data); n++) {
		buf_reset(&b);
		buf_reset(&c);
		enc_b64url(&b, data, n);
		assert_int_equal(b.n, (n * 4 + 2) / 3);
		assert_int_equal(enc_unb64url(buf_text(&b), b.n, &c), 0);
		assert_int_equal(c.n, n);
		if (n != 0)
			assert_memory_equal(c.p, data, n);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(enc_unb64url(bad[i], strlen(bad[i]), &c),
		    -1);
	assert_int_equal(c.n, sizeof(data));
	buf_free(&b);
	buf_free(&c);
}

/*
 * All lengths, in buffers that end exactly where they may: decoded by vector
 * and by scalar code alike, up to a terminator or to the end.
 */
static void
test_run(void **state)
{
	struct buf	b = BUF_INIT;
	uint8_t		data[400], *in, *out;
	size_t		n, i, used, term;
	int		level;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 151 + i / 7);
	for (level = ENC_SCALAR; level <= ENC_BEST; level++)
		for (n = 0; n <= sizeof(data); n++)
			for (term = 0; term < 2; term++) {
				(void)enc_force((enum enc_level)level);
				buf_reset(&b);
				enc_b64(&b, data, n);
				if (term)
					buf_str(&b, "\",\"extra");
				in = mem_zero(b.n);
				memcpy(in, b.p, b.n);
				out = mem_zero(n);
				assert_int_equal(enc_unb64_run(out, n, in,
				    b.n, &used), n);
				assert_int_equal(used, b.n - term * 8);
				assert_memory_equal(out, data, n);
				if (n != 0)
					assert_int_equal(enc_unb64_run(out,
					    n - 1, in, b.n, &used), -1);
				free(in);
				free(out);
			}
	(void)enc_force(ENC_BEST);
	buf_free(&b);
}

/* One input with all the processor has must say what scalar code says. */
static void
levels_agree(const uint8_t *in, size_t n, size_t cap, long *got, size_t *used)
{
	uint8_t	*out[ENC_BEST + 1];
	size_t	 u;
	long	 r;
	int	 level;

	for (level = ENC_SCALAR; level <= ENC_BEST; level++) {
		(void)enc_force((enum enc_level)level);
		out[level] = mem_zero(cap);
		r = enc_unb64_run(out[level], cap, in, n, &u);
		if (level == ENC_SCALAR) {
			*got = r;
			*used = u;
			continue;
		}
		assert_int_equal(r, *got);
		if (r == -1)
			continue;
		assert_int_equal(u, *used);
		assert_memory_equal(out[level], out[ENC_SCALAR], (size_t)r);
	}
	for (level = ENC_SCALAR; level <= ENC_BEST; level++)
		free(out[level]);
	(void)enc_force(ENC_BEST);
}

/* Every byte value at every place of 200: in the alphabet, or it ends. */
static void
test_run_bytes(void **state)
{
	static const char	abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t			in[200];
	size_t			at, used;
	long			r;
	int			c, in_abc;

	(void)state;
	for (at = 0; at < sizeof(in); at++)
		for (c = 0; c < 256; c++) {
			memset(in, 'Q', sizeof(in));
			in[at] = (uint8_t)c;
			levels_agree(in, sizeof(in), 160, &r, &used);
			in_abc = c != 0 && strchr(abc, c) != NULL;
			if (in_abc)
				assert_int_equal(r, 150);
			else if (c == '=' && at == sizeof(in) - 1)
				assert_int_equal(r, 149);
			else if (c == '=' || at % 4 != 0)
				assert_int_equal(r, -1);
			else
				assert_int_equal(r, at / 4 * 3);
			if (r != -1)
				assert_int_equal(used, in_abc || c == '=' ?
				    sizeof(in) : at);
		}
}

static uint32_t
noise(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/*
 * Random lengths with up to three bytes changed, and room that is too small,
 * just enough or plenty, in memory that ends where it may.
 */
static void
test_run_random(void **state)
{
	struct buf	b = BUF_INIT;
	uint8_t		data[600], *in;
	uint32_t	x = 20260101;
	size_t		i, k, n, room, used, good = 0, bad = 0;
	long		r;

	(void)state;
	for (i = 0; i < 20000; i++) {
		n = noise(&x) % sizeof(data);
		for (k = 0; k < n; k++)
			data[k] = (uint8_t)noise(&x);
		buf_reset(&b);
		enc_b64(&b, data, n);
		for (k = noise(&x) % 4; k > 0 && b.n > 0; k--)
			b.p[noise(&x) % b.n] = noise(&x) % 2 == 0 ? '"' :
			    (uint8_t)noise(&x);
		room = n - n * (noise(&x) % 2) / 3 + noise(&x) % 70;
		in = mem_zero(b.n);
		if (b.n != 0)
			memcpy(in, b.p, b.n);
		levels_agree(in, b.n, room, &r, &used);
		good += r != -1;
		bad += r == -1;
		free(in);
	}
	assert_true(good > 4000);
	assert_true(bad > 4000);
	buf_free(&b);
}

static void
test_hex(void **state)
{
	struct buf	b = BUF_INIT;
	uint8_t		x[2];
	char		t[5];

	(void)state;
	enc_hex(&b, "\x00\xff\x1a", 3);
	assert_string_equal(buf_text(&b), "00ff1a");
	buf_reset(&b);
	assert_int_equal(enc_unhex("00fF1A", 6, &b), 0);
	assert_int_equal(b.n, 3);
	assert_memory_equal(b.p, "\x00\xff\x1a", 3);
	assert_int_equal(enc_unhex("0", 1, &b), -1);
	assert_int_equal(enc_unhex("0g", 2, &b), -1);
	assert_int_equal(enc_unhex("g0", 2, &b), -1);
	assert_int_equal(b.n, 3);
	assert_int_equal(enc_unhex_to(x, 2, "beef"), 0);
	assert_string_equal(enc_hex_to(t, x, 2), "beef");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_b64),
		cmocka_unit_test(test_b64url),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_bytes),
		cmocka_unit_test(test_run_random),
		cmocka_unit_test(test_hex)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
