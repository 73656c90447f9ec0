#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/hostport.h"

static void
read_them(void **state)
{
	static const struct {
		const char	*text, *said, *want, *starttls;
	} t[] = {
		{ "www.example.com", NULL, "www.example.com:443", "" },
		{ "WWW.Example.COM.", NULL, "www.example.com:443", "" },
		{ "b\xc3\xbc" "cher.example", NULL,
		  "xn--bcher-kva.example:443", "" },
		{ "mail.example:25", NULL, "mail.example:25", "smtp" },
		{ "mail.example:587", NULL, "mail.example:587", "smtp" },
		{ "mail.example:143", NULL, "mail.example:143", "imap" },
		{ "mail.example:993", NULL, "mail.example:993", "" },
		{ "mail.example:25", "none", "mail.example:25", "" },
		{ "mail.example:2525", "smtp", "mail.example:2525", "smtp" },
		{ "mail.example", "imap", "mail.example:443", "imap" },
		{ "192.0.2.1", NULL, "192.0.2.1:443", "" },
		{ "192.0.2.1:1", NULL, "192.0.2.1:1", "" },
		{ "192\xe3\x80\x82" "0.2.1", NULL, "192.0.2.1:443", "" },
		{ "2001:DB8::1", NULL, "[2001:db8::1]:443", "" },
		{ "[2001:db8:0:0::1]", NULL, "[2001:db8::1]:443", "" },
		{ "[2001:db8::1]:65535", NULL, "[2001:db8::1]:65535", "" },
	};
	static const char *const bad[] = { "", ":", ":443", "a:", "a:0",
		"a:65536", "a:99999", "a:080", "a:4x", "a:-1", "a:b:c",
		"[2001:db8::1", "[2001:db8::1]x", "[2001:db8::1]:",
		"[www.example.com]:443", "1.2.3", "1.2.3.4.5", "256.1.1.1",
		".example.com", "*.example.com", "a b", "a..b",
		"-\x1b[2J", "a\xff",
		"0\xef\xbd\xa1", ("1.2\xe3\x80\x82" "3") };
	struct hostport	h;
	struct err	e;
	char		text[HOSTPORT_TEXT], label[300];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		err_clear(&e);
		if (hostport_read(t[i].text, t[i].said, &h, &e) == -1)
			fail_msg("%s: %s", t[i].text, e.msg);
		assert_string_equal(hostport_text(h.host, h.port, text),
		    t[i].want);
		assert_string_equal(h.starttls, t[i].starttls);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		if (hostport_read(bad[i], NULL, &h, &e) == 0)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.code, ERR_USAGE);
	}
	err_clear(&e);
	assert_int_equal(hostport_read("a.example", "ftp", &h, &e), -1);
	/* 253 bytes are a name, 254 are none */
	for (i = 0; i < sizeof(label) - 1; i++)
		label[i] = i % 64 == 63 ? '.' : 'a';
	label[253] = '\0';
	err_clear(&e);
	assert_int_equal(hostport_read(label, NULL, &h, &e), 0);
	label[253] = 'a';
	label[254] = '\0';
	assert_int_equal(hostport_read(label, NULL, &h, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
