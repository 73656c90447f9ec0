#include "auditor/ipc_text.h"

#include <string.h>

void
ipc_text_put(struct buf *b, const char *s)
{
	if (s == NULL)
		s = "";
	buf_vec32(b, s, strlen(s) + 1);
}

int
ipc_text(struct cur *k, const char **s, size_t max)
{
	struct cur	v;
	size_t		n;

	if (cur_vec32(k, &v) != 0)
		return -1;
	n = cur_left(&v);
	if (n == 0 || n > max || memchr(v.p, '\0', n) != v.p + n - 1)
		return -1;
	*s = (const char *)v.p;
	return 0;
}

int
ipc_text_plain(struct cur *k, const char **s, size_t max)
{
	const char	*text, *p;

	if (ipc_text(k, &text, max) != 0)
		return -1;
	for (p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return -1;
	*s = text;
	return 0;
}

int
ipc_text_copy(struct cur *k, char *out, size_t size)
{
	const char	*s;

	if (ipc_text(k, &s, size) != 0)
		return -1;
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

int
ipc_text_plain_copy(struct cur *k, char *out, size_t size)
{
	const char	*s;

	if (ipc_text_plain(k, &s, size) != 0)
		return -1;
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

int
ipc_text_bytes(struct cur *k, struct span *s, size_t max)
{
	struct cur	v;

	if (cur_vec32(k, &v) != 0 || cur_left(&v) > max)
		return -1;
	*s = cur_rest(&v);
	return 0;
}
