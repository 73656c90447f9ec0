/* What is said before TLS, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/net/starttls.h"
#include "base/err.h"
#include "base/limit.h"

struct row {
	enum probe_starttls	 kind;
	int			 result;
	const char		*said;		/* by the server */
	const char		*sent;		/* by us */
	const char		*why;		/* part of the message */
};

#define EHLO	"EHLO [192.0.2.1]\r\n"

static const struct row rows[] = {
	{ PROBE_SMTP, 1, "220 mx ESMTP\r\n250-mx\r\n250-SIZE 1\r\n"
	    "250 STARTTLS\r\n220 go\r\n", EHLO "STARTTLS\r\n", "" },
	{ PROBE_SMTP, 1, "220-mx\r\n220-more\r\n220 \r\n250-mx\n"
	    "250-starttls \n250 HELP\n220\n", EHLO "STARTTLS\r\n", "" },
	{ PROBE_SMTP, 0, "220 mx\r\n250-mx\r\n", EHLO, "" },
	{ PROBE_SMTP, 0, "", "", "" },
	{ PROBE_SMTP, -1, "220 mx\r\n250 mx\r\n", EHLO, "does not offer" },
	{ PROBE_SMTP, -1, "220 mx\r\n250-STARTTLSX\r\n250 X-STARTTLS\r\n",
	    EHLO, "does not offer" },
	{ PROBE_SMTP, -1, "554 go \x1b[31maway\r\n", "",
	    "says \"554 go ?[31maway\"" },
	{ PROBE_SMTP, -1, "220 mx\r\n502 no\r\n", EHLO, "502 no" },
	{ PROBE_SMTP, -1, "220 mx\r\n250 STARTTLS\r\n454 later\r\n",
	    EHLO "STARTTLS\r\n", "454 later" },
	{ PROBE_SMTP, -1, "SSH-2.0-OpenSSH\r\n", "", "RFC 5321" },
	{ PROBE_SMTP, -1, "2200 x\r\n", "", "RFC 5321" },
	{ PROBE_SMTP, -1, "22\r\n", "", "RFC 5321" },
	{ PROBE_SMTP, -1, "\r\n", "", "RFC 5321" },
	{ PROBE_SMTP, -1, "220 mx\r\n250 STARTTLS\r\n220 go\r\n250 evil\r\n",
	    EHLO "STARTTLS\r\n", "RFC 3207" },
	{ PROBE_IMAP, 1, "* OK [CAPABILITY IMAP4rev1] hi\r\n* x\r\na OK\r\n",
	    "a STARTTLS\r\n", "" },
	{ PROBE_IMAP, 1, "* ok\r\na ok begin\r\n", "a STARTTLS\r\n", "" },
	{ PROBE_IMAP, -1, "* PREAUTH hi\r\n", "", "PREAUTH" },
	{ PROBE_IMAP, -1, "* BYE full\r\n", "", "BYE" },
	{ PROBE_IMAP, -1, "* OK\r\n* BYE\r\n", "a STARTTLS\r\n", "BYE" },
	{ PROBE_IMAP, -1, "* OK\r\na NO not now\r\n", "a STARTTLS\r\n",
	    "a NO not now" },
	{ PROBE_IMAP, -1, "* OK\r\na BAD\r\n", "a STARTTLS\r\n", "a BAD" },
	{ PROBE_IMAP, -1, "* OK\r\nb OK\r\n", "a STARTTLS\r\n", "RFC 9051" },
	{ PROBE_IMAP, -1, "+OK pop3\r\n", "", "RFC 9051" },
	{ PROBE_IMAP, -1, "* OK\r\na OKAY\r\n", "a STARTTLS\r\n", "OKAY" },
	{ PROBE_IMAP, -1, "* OK\r\na OK\r\n* evil\r\n", "a STARTTLS\r\n",
	    "RFC 3207" },
	{ PROBE_PLAIN, 1, "", "", "" },
};

/* Say it in pieces of ${step} bytes. */
static void
run_row(const struct row *r, size_t step)
{
	struct starttls	s;
	struct buf	out = BUF_INIT;
	struct err	e = ERR_INIT;
	struct span	part;
	size_t		at = 0, n = strlen(r->said);
	int		got = 0;

	memset(&s, 0, sizeof(s));
	starttls_begin(&s, r->kind, "[192.0.2.1]");
	do {
		part.p = (const uint8_t *)r->said + at;
		part.n = n - at < step ? n - at : step;
		got = starttls_take(&s, part, &out, &e);
		at += part.n;
	} while (got == 0 && at < n);
	/* In pieces, what comes behind the end is not seen any more. */
	if (got == 1 && r->result == -1 && strcmp(r->why, "RFC 3207") == 0)
		assert_true(step < 8);
	else
		assert_int_equal(got, r->result);
	assert_string_equal(buf_text(&out), r->sent);
	if (got == -1) {
		if (strstr(e.msg, r->why) == NULL)
			fail_msg("%s: %s", r->said, e.msg);
	}
	buf_free(&out);
	starttls_free(&s);
}

static void
dialogues(void **state)
{
	size_t	i, step;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (step = 1; step < 100; step += step < 4 ? 1 : 20)
			run_row(&rows[i], step);
}

/* A line at its limit, and one byte more; whole or in two parts. */
static void
long_line(void **state)
{
	struct starttls	s;
	struct buf	b = BUF_INIT, out = BUF_INIT;
	struct err	e = ERR_INIT;
	struct span	part;
	size_t		n, cut;

	(void)state;
	memset(&s, 0, sizeof(s));
	for (n = LIMIT_STARTTLS_LINE; n <= LIMIT_STARTTLS_LINE + 1; n++)
		for (cut = 0; cut < 9; cut += 8) {
			buf_reset(&b);
			buf_reset(&out);
			err_clear(&e);
			buf_str(&b, "220 ");
			memset(buf_room(&b, n), 'x', n - b.n);
			b.n = n;
			buf_str(&b, "\n");
			starttls_begin(&s, PROBE_SMTP, "[192.0.2.1]");
			part.p = b.p;
			part.n = cut;
			assert_int_equal(starttls_take(&s, part, &out, &e),
			    0);
			part.p = b.p + cut;
			part.n = b.n - cut;
			assert_int_equal(starttls_take(&s, part, &out, &e),
			    n <= LIMIT_STARTTLS_LINE ? 0 : -1);
			assert_int_equal(e.code, n <= LIMIT_STARTTLS_LINE ?
			    ERR_NONE : ERR_LIMIT);
			assert_string_equal(buf_text(&out),
			    n <= LIMIT_STARTTLS_LINE ? EHLO : "");
		}
	buf_free(&b);
	buf_free(&out);
	starttls_free(&s);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(dialogues),
		cmocka_unit_test(long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
