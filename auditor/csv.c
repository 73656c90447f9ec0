#include "auditor/csv.h"

#include <string.h>

#include "auditor/alert/message.h"

void
csv_cell(struct buf *out, const char *text, int first)
{
	struct buf	b = BUF_INIT;
	size_t		i;

	if (!first)
		buf_u8(out, ',');
	if (text == NULL || text[0] == '\0')
		return;
	/* a byte becomes at most eight */
	message_clean(&b, text, strlen(text) * 8, "");
	buf_u8(out, '"');
	/* spreadsheets skip blanks before they look for a formula */
	i = strspn(buf_text(&b), " ");
	if (b.n > i && strchr("=+-@", buf_text(&b)[i]) != NULL)
		buf_u8(out, '\'');
	for (i = 0; i < b.n; i++) {
		if (b.p[i] == '"')
			buf_u8(out, '"');
		buf_u8(out, b.p[i]);
	}
	buf_u8(out, '"');
	buf_free(&b);
}

void
csv_end(struct buf *out)
{
	buf_str(out, "\r\n");
}
