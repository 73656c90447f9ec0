#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/watch.h"
#include "tests/unit/pki/set.h"

static void
test_canon(void **state)
{
	static const struct {
		const char	*in;
		const char	*want;		/* NULL: refused */
		const char	*says;
	} cases[] = {
		{ "Example.COM.", "example.com", NULL },
		{ ".Example.com", ".example.com", NULL },
		{ ".", ".", NULL },
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example", NULL },
		{ ".B\xc3\x9c" "CHER.example", ".xn--bcher-kva.example",
		    NULL },
		{ "com", "com", NULL },
		{ "192.0.2.7", "192.0.2.7", NULL },
		{ "192.0.2.0/24", "192.0.2.0/24", NULL },
		{ "192.0.2.7/32", "192.0.2.7", NULL },
		{ "0.0.0.0/0", "0.0.0.0/0", NULL },
		{ "2001:DB8:0:0::/32", "2001:db8::/32", NULL },
		{ "2001:db8::1", "2001:db8::1", NULL },
		{ "192.0.2.7/24", NULL, "192.0.2.0/24" },
		{ "192.0.2.7/33", NULL, "neither" },
		{ "192.0.2.7/", NULL, "neither" },
		{ "192.0.2", NULL, "neither" },
		{ ".192.0.2.7", NULL, "no top-level" },
		{ "spki:00", NULL, "64 hex" },
		{ "*.example.com", NULL, "write \".example.com\"" },
		{ "a..b", NULL, "empty label" },
		{ "..", NULL, "empty label" },
		{ "", NULL, "no name" },
		{ "exa mple.com", NULL, "0x20" },
		{ "a_b.example", "a_b.example", NULL },
		{ LONG63 ".test", LONG63 ".test", NULL },
		{ LONG63 "l.test", NULL, "64 bytes" },
		{ LONG63 "." LONG63 "." LONG63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", LONG63 "." LONG63 "."
		    LONG63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaa", NULL },
		{ LONG63 "." LONG63 "." LONG63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "253" }
	};
	char			out[WATCH_TEXT];
	struct err		e;
	size_t			i;
	int			r;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err_clear(&e);
		r = watch_canon(cases[i].in, out, &e);
		if (r != (cases[i].want != NULL ? 0 : -1) || (r == 0 &&
		    strcmp(out, cases[i].want) != 0))
			fail_msg("%s: %d %s %s", cases[i].in, r,
			    r == 0 ? out : "", e.msg);
		if (r == -1 && strstr(e.msg, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].in, e.msg);
	}
}

static void
test_file(void **state)
{
	static const char	text[] = "\xef\xbb\xbf# ours\r\n\r\n"
	    "  .Example.com   # main\r\nexample.org\n\nexample.org\n"
	    "192.0.2.7\n.x--y.test";
	struct watch_build	*b = watch_build_new();
	struct err		 e = ERR_INIT;
	struct set		 t, u;

	(void)state;
	assert_int_equal(watch_build_file(b, text, sizeof(text) - 1, "w.txt",
	    &e), 0);
	assert_int_equal(watch_build_count(b), 4);
	assert_int_equal(watch_build_file(b, "a.b\nok.org\nx..y\n", 16,
	    "w.txt", &e), -1);
	assert_non_null(strstr(e.msg, "w.txt:3: "));
	err_clear(&e);
	assert_int_equal(watch_build_file(b, "a\0b\n", 4, "n", &e), -1);
	set_open(&t, b);
	u = set_of("ok.org\na.b\n.x--y.test\nexample.org\n192.0.2.7\n"
	    ".example.com\n");
	assert_int_equal(watch_count(&t.s), 6);
	assert_memory_equal(watch_sha256(&t.s), watch_sha256(&u.s), 32);
	set_free(&t);
	set_free(&u);
	t = set_of("");
	assert_int_equal(watch_count(&t.s), 0);
	assert_int_equal(watch_name(&t.s, "a.b", NULL, 0), 0);
	set_free(&t);
	watch_build_free(NULL);
}

/* sum += SHA-256 of a text, byte by byte, as big-endian numbers. */
static void
sum_text(uint8_t sum[32], const char *text)
{
	uint8_t		h[32];
	unsigned	c = 0;
	int		i;

	sha_256(h, text, strlen(text));
	for (i = 31; i >= 0; i--) {
		c += sum[i] + h[i];
		sum[i] = (uint8_t)c;
		c >>= 8;
	}
}

static void
test_sha256(void **state)
{
	const char		*not[] = { "y.org", "x.org", "y.org" };
	struct watch_build	*b = watch_build_new();
	struct set		 t;
	uint8_t			 want[32] = { 0 };

	(void)state;
	assert_int_equal(watch_build_add(b, "a.org", not, 3, NULL), 0);
	assert_int_equal(watch_build_add(b, ".b.org", NULL, 0, NULL), 0);
	set_open(&t, b);
	sum_text(want, ".b.org");
	sum_text(want, "a.org !x.org !y.org");
	assert_memory_equal(watch_sha256(&t.s), want, 32);
	set_free(&t);
}

/* Names of many kinds; how many: more than are summed at a time. */
#define MANY	3000

static char *
odd_name(unsigned i)
{
	unsigned	x = i * 1664525 + 1013904223;

	return mem_printf("%s%s%s%u-%u.%s", i % 2 ? "." : "",
	    i % 3 ? "the-same-beginning-for-many" : "", i % 5 ? "x" : "-",
	    x >> (x & 15), i, i % 7 ? "org" : "the.same.end.org");
}

/* The same sum in whatever order, from a file or one by one. */
static void
test_sum_order(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct watch_build	*c = watch_build_new();
	struct buf		 text = BUF_INIT;
	struct set		 t, u;
	char			*name;
	uint8_t			 want[32] = { 0 };
	unsigned		 i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		name = odd_name(i);
		sum_text(want, name);
		assert_int_equal(watch_build_add(b, name, NULL, 0, NULL), 0);
		free(name);
		name = odd_name(MANY - 1 - i);
		buf_fmt(&text, "%s\n", name);
		free(name);
	}
	assert_int_equal(watch_build_file(c, buf_text(&text), text.n, "c",
	    NULL), 0);
	set_open(&t, b);
	set_open(&u, c);
	assert_memory_equal(watch_sha256(&t.s), want, 32);
	assert_memory_equal(watch_sha256(&u.s), want, 32);
	set_free(&t);
	set_free(&u);
	buf_free(&text);
}

/* A text is one part of the sum, and has its watches to itself. */
static void
test_sum_text(void **state)
{
	static const char	*const one[] = { "a.org", ".b.org", "c.org",
				    "192.0.2.1" };
	static const char	text[] = "x.org\n.b.org\n192.0.2.1\ny.org\n";
	const char		*not[] = { "z.b.org" };
	struct watch_build	*b;
	struct set		 t;
	uint8_t			 want[32] = { 0 }, id[32];
	char			 part[5 + sizeof(id) + 1] = "file ";
	size_t			 i, at;

	(void)state;
	/* no zero byte inside: sum_text() takes a string */
	memset(id, 0xa7, sizeof(id));
	memcpy(part + 5, id, sizeof(id));
	sum_text(want, part);
	sum_text(want, "a.org");
	sum_text(want, "c.org");
	/* the text before, between and behind the others */
	for (at = 0; at <= 4; at++) {
		b = watch_build_new();
		for (i = 0; i <= 4; i++) {
			if (i == at) {
				watch_build_text(b);
				assert_int_equal(watch_build_file(b, text,
				    sizeof(text) - 1, "t", NULL), 0);
				watch_build_text_end(b, id);
			}
			if (i < 4)
				assert_int_equal(watch_build_add(b, one[i],
				    not, i == 1, NULL), 0);
		}
		assert_int_equal(watch_build_count(b), 6);
		set_open(&t, b);
		assert_memory_equal(watch_sha256(&t.s), want, 32);
		/* both had to spare it */
		assert_int_equal(watch_name(&t.s, "z.b.org", NULL, 0), 1);
		assert_int_equal(watch_name(&t.s, "y.org", NULL, 0), 1);
		set_free(&t);
	}
	/* another version of it is another set */
	b = watch_build_new();
	watch_build_text(b);
	assert_int_equal(watch_build_file(b, text, sizeof(text) - 1, "t",
	    NULL), 0);
	id[31]++;
	watch_build_text_end(b, id);
	assert_int_equal(watch_build_add(b, "a.org", NULL, 0, NULL), 0);
	assert_int_equal(watch_build_add(b, "c.org", NULL, 0, NULL), 0);
	set_open(&t, b);
	assert_memory_not_equal(watch_sha256(&t.s), want, 32);
	set_free(&t);
}

/* Doubles in a file, near and far, leave no trace. */
static void
test_doubles(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT, lines = BUF_INIT;
	struct buf		 want = BUF_INIT;
	struct set		 t;
	size_t			 line = 0;
	uint32_t		 at = 0;
	unsigned		 i;

	(void)state;
	for (i = 0; i < 200; i++) {
		buf_fmt(&text, "n%u.example\n.N%u.Example # x\n", i, i / 2);
		buf_fmt(&text, "192.0.2.%u\nn%u.example\n", i, i);
		buf_fmt(&want, "n%u.example\n", i);
		if (i % 2 == 0)
			buf_fmt(&want, ".n%u.example\n", i / 2);
		buf_fmt(&want, "192.0.2.%u\n", i);
	}
	/* a part is any number of whole lines */
	watch_build_expect(b, 10, 100);
	assert_int_equal(watch_build_part(b, buf_text(&text), 11, "p", &line,
	    NULL), 0);
	assert_int_equal(watch_build_part(b, buf_text(&text) + 11,
	    text.n - 11, "p", &line, NULL), 0);
	assert_int_equal(line, 800);
	assert_int_equal(watch_build_part(b, "x..y", 4, "p", &line, NULL),
	    -1);
	assert_int_equal(watch_build_count(b), 500);
	assert_int_equal(watch_build_line_bytes(b), want.n);
	while (watch_build_lines(b, &at, &lines, lines.n + 100))
		;
	assert_int_equal(lines.n, want.n);
	assert_memory_equal(lines.p, want.p, want.n);
	set_open(&t, b);
	/* head, tables and the text of each pattern once */
	assert_true(t.image.n < 3 * want.n + 500 * 8 + 1024 * 4 + 2048);
	assert_int_equal(watch_name(&t.s, "a.n7.example", NULL, 0), 1);
	set_free(&t);
	buf_free(&text);
	buf_free(&lines);
	buf_free(&want);
}

/* Every byte of a small image changed: opened or refused, never worse. */
static void
test_image(void **state)
{
	struct set		 t = set_of(dotted);
	struct watch_hit	 hits[MAX];
	struct watch_set	 s;
	struct err		 e;
	uint8_t			 old;
	size_t			 i, refused = 0;

	(void)state;
	for (i = 0; i < t.image.n; i++) {
		old = t.image.p[i];
		t.image.p[i] = (uint8_t)~old;
		err_clear(&e);
		if (watch_open(&s, t.image.p, t.image.n, &e) == -1)
			refused++;
		else
			(void)watch_name(&s, "*.www.corp30.example", hits,
			    MAX);
		t.image.p[i] = old;
	}
	assert_true(refused > sizeof(dotted));
	for (i = 0; i < t.image.n; i += 8)
		assert_int_equal(watch_open(&s, t.image.p, i, NULL), -1);
	set_free(&t);
}

/* 1,000,000 watches: each is found, its neighbours are not. */
static void
test_million(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT;
	struct watch_hit	 hits[2];
	struct set		 t;
	struct err		 e = ERR_INIT;
	char			 name[64];
	unsigned		 i, n = 1000000;

	(void)state;
	for (i = 0; i < n; i++)
		buf_fmt(&text, "%sd%u-watched.%s\n", i % 2 ? "." : "", i,
		    i % 3 ? "example" : "co.test");
	if (watch_build_file(b, buf_text(&text), text.n, "m", &e) == -1)
		fail_msg("%s", e.msg);
	buf_free(&text);
	set_open(&t, b);
	assert_int_equal(watch_count(&t.s), n);
	for (i = 0; i < n; i += 97) {
		snprintf(name, sizeof(name), "d%u-Watched.%s", i,
		    i % 3 ? "example" : "co.test");
		if (watch_name(&t.s, name, hits, 2) != 1)
			fail_msg("%s", name);
		snprintf(name, sizeof(name), "x.d%u-watched.%s", i,
		    i % 3 ? "example" : "co.test");
		if (watch_name(&t.s, name, hits, 2) != (int)(i % 2))
			fail_msg("%s", name);
		snprintf(name, sizeof(name), "d%u-watched.%s", i,
		    i % 3 ? "co.test" : "example");
		if (watch_name(&t.s, name, hits, 2) != 0)
			fail_msg("%s", name);
	}
	/* A wildcard over hundreds of thousands of them. */
	assert_int_equal(watch_name(&t.s, "*.example", hits, 2), 3);
	printf("image of 1,000,000 watches: %zu bytes\n", t.image.n);
	set_free(&t);
}

static void
test_limit(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT;
	struct err		 e = ERR_INIT;
	unsigned		 i;

	(void)state;
	for (i = 0; i < LIMIT_WATCHES; i++)
		buf_fmt(&text, "%x.a\n", i);
	assert_int_equal(watch_build_file(b, buf_text(&text), text.n, "m",
	    &e), 0);
	assert_int_equal(watch_build_count(b), LIMIT_WATCHES);
	assert_int_equal(watch_build_file(b, "0.a\nz.a\n", 8, "m", &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_non_null(strstr(e.msg, "m:2: "));
	buf_free(&text);
	watch_build_free(b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_canon),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_sum_order),
		cmocka_unit_test(test_sum_text),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_limit)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
