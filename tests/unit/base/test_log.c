#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* Lines of the log: one an event, and nobody else's. */

static int	fds[2];

static const char *
line(void)
{
	static char	buf[4096];
	ssize_t		n = read(fds[0], buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static int
setup(void **state)
{
	(void)state;
	(void)unsetenv("JOURNAL_STREAM");
	return pipe(fds);
}

static void
forms(void **state)
{
	static const struct {
		enum log_level	 level;
		const char	*subject, *text, *want;
	} t[] = {
		{ LOG_ERROR, NULL, "gone", "me: error: gone\n" },
		{ LOG_WARN, "a", "b", "me: warning: a: b\n" },
		{ LOG_INFO, "a", "b", "me: a: b\n" },
		{ LOG_INFO, "x\ny", "1\n2\t\x7f", "me: x\\x0ay: "
		    "1\\x0a2\\x09\\x7f\n" },
		{ LOG_INFO, "", "", "me: : \n" },
		{ LOG_INFO, NULL, "\xc3\xa9", "me: \xc3\xa9\n" },
		/* CSI in one byte and in UTF-8, and what turns the line */
		{ LOG_INFO, NULL, "\x9b" "2J", "me: \\x9b2J\n" },
		{ LOG_INFO, NULL, "\xc2\x9b" "2J", "me: \\u{9b}2J\n" },
		{ LOG_INFO, "\xe2\x80\xae", "x", "me: \\u{202e}: x\n" },
		{ LOG_INFO, NULL, "\xe2\x80", "me: \\xe2\\x80\n" },
	};
	size_t	i;

	(void)state;
	log_open("me", LOG_INFO);
	log_to(fds[1]);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		log_line(t[i].level, t[i].subject, "%s", t[i].text);
		assert_string_equal(line(), t[i].want);
	}
}

static void
levels(void **state)
{
	(void)state;
	log_to(fds[1]);
	log_open("me", LOG_WARN);
	assert_int_equal(log_level(), LOG_WARN);
	log_info(NULL, "not said");
	log_warn(NULL, "said");
	assert_string_equal(line(), "me: warning: said\n");
	log_open("me", LOG_DEBUG);
	log_debug(NULL, "%d", 7);
	assert_string_equal(line(), "me: 7\n");
}

/* Whatever its length, it is one line, cut and not torn. */
static void
lengths(void **state)
{
	static char	 text[3000], subject[3000];
	const char	*s;
	size_t		 n;

	(void)state;
	log_to(fds[1]);
	log_open("me", LOG_INFO);
	for (n = 0; n < sizeof(text); n += n < 1000 || n > 2100 ? 97 : 1) {
		memset(text, '\n', n);
		text[n] = '\0';
		memset(subject, 'x', n);
		subject[n] = '\0';
		log_info(n % 2 ? subject : NULL, "%s", text);
		s = line();
		assert_true(strlen(s) > 3 && strlen(s) <= 2048);
		assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
	}
}

static void
journal(void **state)
{
	static const struct {
		enum log_level	 level;
		const char	*want;
	} t[] = {
		{ LOG_ERROR, "<3>me: error: x\n" },
		{ LOG_WARN, "<4>me: warning: x\n" },
		{ LOG_INFO, "<6>me: x\n" },
		{ LOG_DEBUG, "<7>me: x\n" },
	};
	size_t	i;

	(void)state;
	log_to(fds[1]);
	log_open("me", LOG_DEBUG);
	(void)setenv("JOURNAL_STREAM", "8:1", 1);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		log_line(t[i].level, NULL, "x");
		assert_string_equal(line(), t[i].want);
	}
	(void)unsetenv("JOURNAL_STREAM");
}

/* Above a line of progress: on a terminal that knows how, nowhere else. */
static void
over(void **state)
{
	const struct winsize	size = { .ws_col = 40 };
	int	 master = posix_openpt(O_RDWR | O_NOCTTY), slave, saved;

	(void)state;
	assert_true(master != -1 && grantpt(master) == 0 &&
	    unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_int_not_equal(slave, -1);
	saved = fds[0];
	fds[0] = master;
	log_open("me", LOG_INFO);
	log_to(slave);
	(void)setenv("TERM", "xterm", 1);
	assert_int_equal(log_terminal(slave), 1);
	assert_int_equal(log_terminal(fds[1]), 0);
	assert_int_equal(log_columns(fds[1]), 80);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	assert_int_equal(log_columns(slave), 40);
	log_over();
	log_info(NULL, "x");
	assert_string_equal(line(), "\r\033[Kme: x\r\n");
	(void)setenv("TERM", "dumb", 1);
	log_over();
	log_info(NULL, "x");
	assert_string_equal(line(), "me: x\r\n");
	(void)unsetenv("TERM");
	assert_int_equal(log_terminal(slave), 0);
	fds[0] = saved;
	(void)setenv("TERM", "xterm", 1);
	log_to(fds[1]);
	log_over();
	log_info(NULL, "x");
	assert_string_equal(line(), "me: x\n");
	(void)close(slave);
	(void)close(master);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(levels),
		cmocka_unit_test(lengths),
		cmocka_unit_test(journal),
		cmocka_unit_test(over),
	};

	return cmocka_run_group_tests(t, setup, NULL);
}
