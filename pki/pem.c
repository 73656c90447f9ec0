#include "pki/pem.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"

#define LINE	48	/* bytes of a line, 64 characters */

/* Where ${text} begins at or after the cursor, or NULL. */
static const uint8_t *
find(const struct cur *c, const char *text)
{
	return cur_left(c) == 0 ? NULL :
	    memmem(c->p, cur_left(c), text, strlen(text));
}

int
pem_next(struct cur *c, const char *label, struct buf *out)
{
	struct buf	 text = BUF_INIT;
	const uint8_t	*p, *end;
	char		 mark[64];
	int		 r;

	buf_reset(out);
	snprintf(mark, sizeof(mark), "-----BEGIN %s-----", label);
	if ((p = find(c, mark)) == NULL)
		return 0;
	p += strlen(mark);
	c->p = p;
	/* A block that is not closed, or in which another one begins. */
	if ((end = find(c, "-----")) == NULL)
		end = c->end;
	for (; p < end; p++)
		if (*p != '\n' && *p != '\r' && *p != ' ' && *p != '\t')
			buf_u8(&text, *p);
	c->p = end;
	r = text.n != 0 && (size_t)(c->end - end) > 9 &&
	    memcmp(end, "-----END ", 9) == 0 &&
	    enc_unb64(buf_text(&text), text.n, out) == 0 ? 1 : -1;
	buf_free(&text);
	return r;
}

void
pem_put(struct buf *out, const char *label, struct span der)
{
	size_t	i;

	buf_fmt(out, "-----BEGIN %s-----\n", label);
	for (i = 0; i < der.n; i += LINE) {
		enc_b64(out, der.p + i, der.n - i < LINE ? der.n - i : LINE);
		buf_u8(out, '\n');
	}
	buf_fmt(out, "-----END %s-----\n", label);
}
