/* How hook programs are called, and what their end means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/dns01.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define TOKEN	"-DGyRejmCefe7v4NfDGDKfA"
#define PRINT	"9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define VALUE	"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
#define KEYAUTH	TOKEN "." PRINT

static struct err	e;

static struct dns01_call
call(enum dns01_convention c, enum dns01_step step)
{
	static const char *const	all[] = { "example.org",
					    "*.example.org" };
	struct dns01_call		k;

	memset(&k, 0, sizeof(k));
	k.convention = c;
	k.step = step;
	k.program = "/usr/bin/hook";
	k.ident = "example.org";
	k.token = TOKEN;
	k.keyauth = KEYAUTH;
	k.value = VALUE;
	k.all = all;
	k.nall = 2;
	k.remaining = 1;
	k.output = "it was done";
	return k;
}

/* Arguments and variables as one text. */
static const char *
made(const struct dns01_call *c)
{
	static char		 text[4096];
	struct dns01_args	 a;
	size_t			 i, n = 0;

	memset(&a, 0, sizeof(a));
	err_clear(&e);
	assert_int_equal(dns01_make(c, &a, &e), 0);
	assert_null(a.v[a.n]);
	text[0] = '\0';
	for (i = 0; i < a.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[%s]",
		    a.v[i]);
	for (i = 0; i < a.env.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\n%s",
		    a.env.v[i]);
	assert_true(n < sizeof(text));
	dns01_args_free(&a);
	return text;
}

#define UACME(m) "[/usr/bin/hook][" m "][dns-01][example.org][" TOKEN "][" \
	VALUE "]\nUACME_METHOD=" m "\nUACME_TYPE=dns-01\n" \
	"UACME_IDENT=example.org\nUACME_TOKEN=" TOKEN "\nUACME_AUTH=" VALUE
#define CERTBOT "[/usr/bin/hook]\nCERTBOT_DOMAIN=example.org\n" \
	"CERTBOT_IDENTIFIER=example.org\nCERTBOT_VALIDATION=" VALUE "\n" \
	"CERTBOT_REMAINING_CHALLENGES=1\n" \
	"CERTBOT_ALL_DOMAINS=example.org,*.example.org\n" \
	"CERTBOT_ALL_IDENTIFIERS=example.org,*.example.org"
#define LEGO "\nEXEC_PATH=/usr/bin/hook"

static void
conventions(void **state)
{
	static const struct {
		enum dns01_convention	 convention;
		enum dns01_step		 step;
		const char		*want;
	} v[] = {
		{ DNS01_UACME, DNS01_PRESENT, UACME("begin") },
		{ DNS01_UACME, DNS01_DONE, UACME("done") },
		{ DNS01_UACME, DNS01_FAILED, UACME("failed") },
		{ DNS01_DEHYDRATED, DNS01_PRESENT, "[/usr/bin/hook]"
		    "[deploy_challenge][example.org][" TOKEN "][" VALUE "]" },
		{ DNS01_DEHYDRATED, DNS01_DONE, "[/usr/bin/hook]"
		    "[clean_challenge][example.org][" TOKEN "][" VALUE "]" },
		{ DNS01_DEHYDRATED, DNS01_FAILED, "[/usr/bin/hook]"
		    "[clean_challenge][example.org][" TOKEN "][" VALUE "]" },
		{ DNS01_LEGO, DNS01_PRESENT, "[/usr/bin/hook][present]"
		    "[_acme-challenge.example.org.][" VALUE "]" LEGO },
		{ DNS01_LEGO, DNS01_FAILED, "[/usr/bin/hook][cleanup]"
		    "[_acme-challenge.example.org.][" VALUE "]" LEGO },
		{ DNS01_LEGO_RAW, DNS01_PRESENT, "[/usr/bin/hook][present]"
		    "[--][example.org][" TOKEN "][" KEYAUTH "]" LEGO
		    "\nEXEC_MODE=RAW" },
		{ DNS01_LEGO_RAW, DNS01_DONE, "[/usr/bin/hook][cleanup]"
		    "[--][example.org][" TOKEN "][" KEYAUTH "]" LEGO
		    "\nEXEC_MODE=RAW" },
		{ DNS01_CERTBOT, DNS01_PRESENT, CERTBOT },
		{ DNS01_CERTBOT, DNS01_DONE, CERTBOT
		    "\nCERTBOT_AUTH_OUTPUT=it was done" },
	};
	struct dns01_call	c;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		c = call(v[i].convention, v[i].step);
		assert_string_equal(made(&c), v[i].want);
	}
	/* Where CNAMEs led; without a list of names. */
	c = call(DNS01_LEGO, DNS01_PRESENT);
	c.place = "x.auth.example";
	assert_string_equal(made(&c), "[/usr/bin/hook][present]"
	    "[x.auth.example.][" VALUE "]" LEGO);
	c = call(DNS01_CERTBOT, DNS01_DONE);
	c.nall = 0;
	c.output = NULL;
	assert_non_null(strstr(made(&c), "CERTBOT_ALL_DOMAINS=example.org\n"));
	assert_non_null(strstr(made(&c), "CERTBOT_AUTH_OUTPUT="));
}

static void
names(void **state)
{
	static const char *const	v[] = { "uacme", "dehydrated", "lego",
					    "lego-raw", "certbot" };
	enum dns01_convention		c;
	size_t				i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(dns01_convention(v[i], &c, NULL), 0);
		assert_int_equal(c, i);
	}
	err_clear(&e);
	assert_int_equal(dns01_convention("acme.sh", &c, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	assert_non_null(strstr(e.msg, "dehydrated"));
}

static enum err_code
refused(const struct dns01_call *c)
{
	struct dns01_args	a;

	memset(&a, 0, sizeof(a));
	err_clear(&e);
	assert_int_equal(dns01_make(c, &a, &e), -1);
	assert_int_equal(a.n, 0);
	dns01_args_free(&a);
	return e.code;
}

/* What a CA would like to reach a program. */
static void
hostile(void **state)
{
	static const char *const	tokens[] = { "", "a b", "a/b", "../x",
		"$(id)", "a;b", "a\nb", "a=b", "a.b", "a\xff", "`id`" };
	static const char *const	idents[] = { "", "*.example.org",
		"-x.example", "a..b", "a.", ".a", "a b", "a/b", "$(id).x",
		"a\nb", "192.0.2.1/24", "[::1]", "\xc3\xa4.example",
		"x.-y.example" };
	static const char *const	bad[] = { "*.*.example" };
	struct dns01_call		c = call(DNS01_UACME, DNS01_PRESENT);
	char				text[512];
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		c = call(DNS01_UACME, DNS01_PRESENT);
		(void)snprintf(text, sizeof(text), "%s." PRINT, tokens[i]);
		c.token = tokens[i];
		c.keyauth = text;
		assert_int_equal(refused(&c), ERR_FORMAT);
		assert_non_null(strstr(e.msg, "token"));
	}
	for (i = 0; i < sizeof(idents) / sizeof(idents[0]); i++) {
		c = call(DNS01_DEHYDRATED, DNS01_PRESENT);
		c.ident = idents[i];
		assert_int_equal(refused(&c), ERR_FORMAT);
		c = call(DNS01_LEGO, DNS01_PRESENT);
		c.place = idents[i];
		assert_int_equal(refused(&c), ERR_FORMAT);
	}
	c = call(DNS01_CERTBOT, DNS01_PRESENT);
	c.all = bad;
	c.nall = 1;
	assert_int_equal(refused(&c), ERR_FORMAT);
	c = call(DNS01_CERTBOT, DNS01_PRESENT);
	c.value = PRINT "x";
	assert_int_equal(refused(&c), ERR_FORMAT);
	c.value = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX+";
	assert_int_equal(refused(&c), ERR_FORMAT);
	c = call(DNS01_LEGO_RAW, DNS01_PRESENT);
	c.keyauth = TOKEN "x." PRINT;
	assert_int_equal(refused(&c), ERR_FORMAT);
	c.keyauth = TOKEN "." PRINT "\n";
	assert_int_equal(refused(&c), ERR_FORMAT);
	c = call(DNS01_UACME, DNS01_PRESENT);
	c.program = "hook";
	assert_int_equal(refused(&c), ERR_CONF);
}

static void
limits(void **state)
{
	static const char	*all[LIMIT_DNS01_NAMES + 1];
	struct dns01_call	 c = call(DNS01_CERTBOT, DNS01_PRESENT);
	struct dns01_args	 a;
	char			 token[LIMIT_DNS01_TOKEN + 2];
	char			*keyauth, name[256];
	size_t			 i;

	(void)state;
	memset(token, 'x', sizeof(token));
	token[LIMIT_DNS01_TOKEN] = '\0';
	keyauth = mem_printf("%s." PRINT, token);
	c.token = token;
	c.keyauth = keyauth;
	(void)made(&c);
	free(keyauth);
	token[LIMIT_DNS01_TOKEN] = 'x';
	token[LIMIT_DNS01_TOKEN + 1] = '\0';
	keyauth = mem_printf("%s." PRINT, token);
	c.keyauth = keyauth;
	assert_int_equal(refused(&c), ERR_LIMIT);
	free(keyauth);
	/* So many of the longest names fit into a variable. */
	memset(name, 'a', sizeof(name));
	for (i = 63; i < 253; i += 64)
		name[i] = '.';
	name[253] = '\0';
	for (i = 0; i < LIMIT_DNS01_NAMES + 1; i++)
		all[i] = name;
	c = call(DNS01_CERTBOT, DNS01_PRESENT);
	c.all = all;
	c.nall = LIMIT_DNS01_NAMES;
	memset(&a, 0, sizeof(a));
	assert_int_equal(dns01_make(&c, &a, NULL), 0);
	assert_int_equal(strlen(a.env.v[a.env.n - 1]),
	    strlen("CERTBOT_ALL_IDENTIFIERS=") + LIMIT_DNS01_NAMES * 254 - 1);
	dns01_args_free(&a);
	c.nall++;
	assert_int_equal(refused(&c), ERR_LIMIT);
	name[253] = 'a';
	name[254] = '\0';
	c = call(DNS01_UACME, DNS01_PRESENT);
	c.ident = name;
	assert_int_equal(refused(&c), ERR_FORMAT);
}

#define EXIT(n)	((n) << 8)

static void
ends(void **state)
{
	static const struct {
		enum dns01_convention	 convention;
		enum dns01_step		 step;
		int			 status, late;
		const char		*said;
		enum dns01_end		 end;
		const char		*says;
	} v[] = {
		{ DNS01_UACME, DNS01_PRESENT, 0, 0, "x", DNS01_OK, "" },
		{ DNS01_UACME, DNS01_PRESENT, EXIT(1), 0, "", DNS01_DECLINED,
		    "hook /usr/bin/hook declines dns-01 for example.org "
		    "(status 1)" },
		{ DNS01_UACME, DNS01_DONE, EXIT(1), 0, "", DNS01_BROKEN,
		    "to remove the TXT record of example.org ended with "
		    "status 1" },
		{ DNS01_UACME, DNS01_PRESENT, 9, 0, "", DNS01_BROKEN,
		    "died of signal 9" },
		{ DNS01_UACME, DNS01_PRESENT, 9, 1, "", DNS01_BROKEN,
		    "took more than 300 s and was killed" },
		{ DNS01_DEHYDRATED, DNS01_PRESENT, EXIT(3), 0,
		    "line one\nno such zone\n\n", DNS01_BROKEN,
		    "to set the TXT record of example.org ended with status "
		    "3: no such zone" },
		{ DNS01_LEGO, DNS01_PRESENT, EXIT(1), 0, "\n", DNS01_BROKEN,
		    "status 1" },
		{ DNS01_CERTBOT, DNS01_PRESENT, EXIT(1), 0, "a\33[31mb",
		    DNS01_BROKEN, "\\x1b" },
		{ DNS01_CERTBOT, DNS01_DONE, 0, 1, "", DNS01_BROKEN,
		    "was killed" },
	};
	struct dns01_call	c;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		c = call(v[i].convention, v[i].step);
		err_clear(&e);
		assert_int_equal(dns01_judge(&c, v[i].status, v[i].late,
		    v[i].said, &e), v[i].end);
		assert_int_equal(e.code, v[i].end == DNS01_OK ? ERR_NONE :
		    v[i].end == DNS01_DECLINED ? ERR_NOENT : ERR_CONF);
		if (strstr(e.msg, v[i].says) == NULL)
			print_message("%s\n", e.msg);
		assert_non_null(strstr(e.msg, v[i].says));
		assert_null(strchr(e.msg, '\n'));
		assert_null(strchr(e.msg, '\33'));
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(conventions),
		cmocka_unit_test(names),
		cmocka_unit_test(hostile),
		cmocka_unit_test(limits),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
