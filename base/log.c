#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

static const char	*who = "certvigil";
static enum log_level	 least = LOG_INFO;
static int		 out = STDERR_FILENO;
static const char	*over = "";	/* what each line begins with */

void
log_open(const char *name, enum log_level level)
{
	who = name;
	least = level;
}

void
log_to(int fd)
{
	out = fd;
}

int
log_terminal(int fd)
{
	const char	*term = getenv("TERM");

	return term != NULL && strcmp(term, "dumb") != 0 && isatty(fd);
}

int
log_columns(int fd)
{
	struct winsize	w;

	return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

void
log_over(void)
{
	over = log_terminal(out) ? "\r\033[K" : "";
}

enum log_level
log_level(void)
{
	return least;
}

/*
 * Copy ${s} with what drives terminals, and what is no UTF-8, written out;
 * returns the new end.
 */
static size_t
clean(char *to, size_t n, size_t cap, const char *s)
{
	unsigned long	v;
	size_t		k;

	for (; *s != '\0' && n + 12 < cap; s += k) {
		k = text_utf8(s, &v);
		if (k != 0 && !text_hostile(v)) {
			memcpy(to + n, s, k);
			n += k;
		} else if (k == 0 || v < 0x80) {
			n += (size_t)snprintf(to + n, cap - n, "\\x%02x",
			    (unsigned char)*s);
			k = 1;
		} else
			n += (size_t)snprintf(to + n, cap - n, "\\u{%lx}",
			    v);
	}
	to[n] = '\0';
	return n;
}

void
log_line(enum log_level level, const char *subject, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warning", "info",
	    "debug" };
	static const int prio[] = { 3, 4, 6, 7 };
	char		 text[1024], line[2048];
	va_list		 ap;
	size_t		 n = 0;
	ssize_t		 w;

	if (level > least)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (getenv("JOURNAL_STREAM") != NULL)
		n = (size_t)snprintf(line, sizeof(line), "<%d>", prio[level]);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s", over);
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s: ", who);
	if (level < LOG_INFO)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s: ",
		    names[level]);
	if (subject != NULL) {
		n = clean(line, n, sizeof(line) - 8, subject);
		n += (size_t)snprintf(line + n, sizeof(line) - n, ": ");
	}
	n = clean(line, n, sizeof(line) - 2, text);
	line[n++] = '\n';
	w = write(out, line, n);
	(void)w;	/* nowhere left to say it */
}
