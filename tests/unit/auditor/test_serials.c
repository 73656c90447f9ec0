#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/csv.h"
#include "auditor/serials.h"
#include "base/limit.h"
#include "base/mem.h"

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* What was read, as "serial@issuer " each; or the error. */
static void
reads(const char *text, const char *want)
{
	struct serials	s = { NULL, NULL, 0, 0, 0 };
	struct err	e = ERR_INIT;
	struct buf	b = BUF_INIT;
	size_t		i;

	if (serials_read(&s, text, strlen(text), "f", &e) == -1) {
		buf_fmt(&b, "%s", e.msg);
		b.n = strlen(want) < b.n ? strlen(want) : b.n;
		b.p[b.n] = '\0';
	}
	for (i = 0; e.code == ERR_NONE && i < s.n; i++)
		buf_fmt(&b, "%s%s%.4s ", s.serial[i],
		    s.issuer[i][0] != '\0' ? "@" : "", s.issuer[i]);
	if (strcmp(buf_text(&b), want) != 0)
		fail_msg("%s: %s, not %s", text, buf_text(&b), want);
	buf_free(&b);
	serials_free(&s);
}

static void
lists(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { "\n\n# nothing\n", "" },
		{ "0A1B\n1\n", "0a1b 01 " },
		{ "\xef\xbb\xbf" "0A1B\r\n00:00:0a:1B  # a note\r\n",
		  "0a1b 0a1b " },
		{ "0x0a1b\n000A1B\n 0a 1b \n0a-1b", "0a1b 0a1b 0a1b 0a1b " },
		{ "0\n00\n0000", "00 00 00 " },
		{ "serial=0A1B\n", "0a1b " },
		{ "-0A1B\nserial=-1\n-0x000c\n-00ff\n-0\n-00\n",
		  "-0a1b -01 -0c -ff 00 00 " },
		{ KEY ":0A1B\n0c\n", "0a1b@0011 0c " },
		{ "serial\n0c\n", "0c " },
		{ "Serial Number,when\n0A1B,2026-11-01\n",  "0a1b " },
		{ "when;Issuer SPKI SHA256;\"Serial No\"\n"
		  "2026;" KEY ";\"0a:1b\"\n2026;;0c\n", "0a1b@0011 0c " },
		{ "0a1b,keyCompromise\n0c\n", "0a1b 0c " },
		{ "a\tb\tserial_number\nx\ty\t0c", "0c " },
		{ "name,serial\n\"a, b\",0c\n", "0c " },
		{ "Certificate Revocation List (CRL):\n    Version 2 (0x1)\n"
		  "    Serial Number: 04AB\n        Revocation Date: Nov 1\n"
		  "    Serial Number: 05\n", "04ab 05 " },
		/* what is none */
		{ "0g\n", "f:1: `0g` is no serial number" },
		{ "0a\n\nxyz\n", "f:3: `xyz` is no serial number" },
		{ "deadbeef 2026-11-01\n", "f:1: `deadbeef 2026-11-01` is no" },
		{ "--1\n", "f:1: " }, { "-\n", "f:1: " }, { "- 1\n", "f:1: " },
		{ "0a:1\n", "f:1: `0a:1`" }, { "0a::1b\n", "f:1: " },
		{ "a:1b\n", "f:1: " }, { ":0a\n", "f:1: " },
		{ "0a:\n", "f:1: " }, { "0x\n", "f:1: " },
		{ KEY ":\n", "f:1: " },
		{ "serial,issuer_spki\n0c,00\n", "f:2: `00` is no" },
		{ "name,serial\na\n", "f:2: there is no column 2" },
		{ "Serial Number: no\n", "f:1: `no` is no serial" },
		{ "name,serial\nx,=cmd|' /C calc'!A0\n", "f:2: `=cmd|'" },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		reads(t[i][0], t[i][1]);
}

static void
limits(void **state)
{
	struct serials	s = { NULL, NULL, 0, 0, 0 };
	struct err	e = ERR_INIT;
	struct buf	b = BUF_INIT;
	char		*text, *p;
	size_t		i;

	(void)state;
	/* a serial of so many bytes, zeros in front do not count */
	text = mem_zero(2 * LIMIT_SERIAL + 1);
	memset(text, 'a', 2 * LIMIT_SERIAL);
	p = serials_canon(text, strlen(text));
	assert_non_null(p);
	assert_int_equal(strlen(p), 2 * LIMIT_SERIAL);
	free(p);
	buf_fmt(&b, "0000%s", text);
	p = serials_canon(buf_text(&b), b.n);
	assert_non_null(p);
	assert_int_equal(strlen(p), 2 * LIMIT_SERIAL);
	free(p);
	buf_reset(&b);
	buf_fmt(&b, "1%s", text);
	assert_null(serials_canon(buf_text(&b), b.n));
	free(text);
	buf_reset(&b);
	/* so many of them */
	for (i = 0; i < LIMIT_SERIALS; i++)
		buf_str(&b, "0c\n");
	assert_int_equal(serials_read(&s, buf_text(&b), b.n, "f", &e), 0);
	assert_int_equal(s.n, LIMIT_SERIALS);
	assert_int_equal(serials_read(&s, "0c\n", 3, "f", &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	serials_free(&s);
	buf_free(&b);
	/* a NUL is no separator */
	assert_null(serials_canon("0a\0" "1b", 5));
}

static void
cells(void **state)
{
	static const char *const t[][2] = {
		{ NULL, "" }, { "", "" }, { "a", "\"a\"" },
		{ "a,\"b\"", "\"a,\"\"b\"\"\"" },
		{ "=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"" },
		{ "+1", "\"'+1\"" }, { "-1", "\"'-1\"" }, { "@a", "\"'@a\"" },
		{ "  =1", "\"'  =1\"" }, { "a=1", "\"a=1\"" },
		{ "\t=1", "\"\\x09=1\"" }, { "\r\n=1", "\"\\x0d\\x0a=1\"" },
		{ "\xe2\x80\xae" "moc", "\"\\u{202E}moc\"" },
		{ "\xff", "\"\\xff\"" },
	};
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		csv_cell(&b, t[i][0], 1);
		assert_string_equal(buf_text(&b), t[i][1]);
	}
	buf_reset(&b);
	csv_cell(&b, "a", 1);
	csv_cell(&b, NULL, 0);
	csv_cell(&b, "b", 0);
	csv_end(&b);
	assert_string_equal(buf_text(&b), "\"a\",,\"b\"\r\n");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(limits),
		cmocka_unit_test(cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
