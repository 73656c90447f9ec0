#include <ctype.h>
#include <string.h>

#include "tests/rig/lib/b64.h"

static const char set[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
b64_put(struct buf *b, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint8_t *o = buf_room(b, (n + 2) / 3 * 4);
	uint32_t v;
	size_t i;

	for (i = 0; i < n; i += 3, o += 4) {
		v = (uint32_t)p[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		o[0] = (uint8_t)set[v >> 18];
		o[1] = (uint8_t)set[v >> 12 & 63];
		o[2] = i + 1 < n ? (uint8_t)set[v >> 6 & 63] : '=';
		o[3] = i + 2 < n ? (uint8_t)set[v & 63] : '=';
	}
	b->n += (n + 2) / 3 * 4;
	buf_add(b, "", 0);
}

static int
value(char c)
{
	const char *at;

	if (c == '\0')
		return -1;
	at = strchr(set, c);
	return at == NULL ? -1 : (int)(at - set);
}

int
b64_get(struct buf *b, const char *s)
{
	size_t i, k, n = strlen(s), pad = 0;
	uint32_t v;
	int d;

	if (n % 4 != 0)
		return -1;
	while (pad < 2 && n > pad && s[n - 1 - pad] == '=')
		pad++;
	for (i = 0; i < n; i += 4) {
		v = 0;
		for (k = 0; k < 4; k++) {
			d = i + k >= n - pad ? 0 : value(s[i + k]);
			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		buf_u24(b, v);
	}
	b->n -= pad;
	return 0;
}

void
b64_hex(struct buf *b, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < n; i++)
		buf_fmt(b, "%02x", p[i]);
}

int
b64_unhex(struct buf *b, const char *s)
{
	static const char digit[] = "0123456789abcdef";
	const char *hi, *lo;

	for (; *s != '\0'; s += 2) {
		hi = strchr(digit, tolower((unsigned char)s[0]));
		if (s[1] == '\0' || hi == NULL)
			return -1;
		lo = strchr(digit, tolower((unsigned char)s[1]));
		if (lo == NULL)
			return -1;
		buf_u8(b, (uint8_t)((hi - digit) << 4 | (lo - digit)));
	}
	return 0;
}
