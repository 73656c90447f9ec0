#include "auditor/markup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/alert/message.h"

/* U+FFFE and U+FFFF are no characters (XML 1.0, 2.2). */
static int
no_char(const uint8_t *p, size_t n)
{
	return n >= 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe;
}

void
markup_text(struct buf *out, const char *text)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	if (text == NULL || text[0] == '\0')
		return;
	/* a byte becomes at most eight */
	message_clean(&b, text, strlen(text) * 8, "");
	for (i = 0; i < b.n; i++) {
		if (b.p[i] == '&')
			buf_str(out, "&amp;");
		else if (b.p[i] == '<')
			buf_str(out, "&lt;");
		else if (b.p[i] == '>')
			buf_str(out, "&gt;");
		else if (b.p[i] == '"')
			buf_str(out, "&quot;");
		else if (b.p[i] == '\'')
			buf_str(out, "&#39;");
		else if (no_char(b.p + i, b.n - i)) {
			buf_fmt(out, "\\u{FFF%c}", b.p[i + 2] == 0xbe ? 'E' :
			    'F');
			i += 2;
		} else
			buf_u8(out, b.p[i]);
	}
	buf_free(&b);
}

void
markup_fmt(struct buf *out, const char *fmt, ...)
{
	char	*text;
	va_list	 ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		abort();
	va_end(ap);
	markup_text(out, text);
	free(text);
}
