#include "pki/name.h"

#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_CODE	UINT32_MAX	/* not a code point */

/* The next code point of UTF-8 (RFC 3629), or BAD_CODE; *len bytes long. */
static uint32_t
utf8_get(const uint8_t *p, size_t n, size_t *len)
{
	static const uint32_t	least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t		v = p[0];
	size_t			k, i;

	*len = 1;
	if (v < 0x80)
		return v;
	if (v < 0xc2 || v > 0xf4)
		return BAD_CODE;
	k = v < 0xe0 ? 2 : v < 0xf0 ? 3 : 4;
	if (n < k)
		return BAD_CODE;
	v &= 0x7fu >> k;
	for (i = 1; i < k; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return BAD_CODE;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < least[k] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return BAD_CODE;
	*len = k;
	return v;
}

/* Write a code point as UTF-8: bytes written, 0 when they do not fit. */
static size_t
utf8_put(char *out, size_t cap, uint32_t v)
{
	size_t	k = v < 0x80 ? 1 : v < 0x800 ? 2 : v < 0x10000 ? 3 : 4, i;

	if (cap < k)
		return 0;
	if (k == 1) {
		out[0] = (char)v;
		return 1;
	}
	for (i = k - 1; i > 0; i--, v >>= 6)
		out[i] = (char)(0x80 | (v & 0x3f));
	out[0] = (char)(v | (0xf00u >> k & 0xf0));
	return k;
}

/* The next code point of UTF-16BE, surrogate pairs included. */
static uint32_t
utf16_get(const uint8_t *p, size_t n, size_t *len)
{
	uint32_t	v, w;

	*len = n < 2 ? n : 2;
	if (n < 2)
		return BAD_CODE;
	v = (uint32_t)p[0] << 8 | p[1];
	if (v < 0xd800 || v > 0xdfff)
		return v;
	if (v > 0xdbff || n < 4)
		return BAD_CODE;
	w = (uint32_t)p[2] << 8 | p[3];
	if (w < 0xdc00 || w > 0xdfff)
		return BAD_CODE;
	*len = 4;
	return 0x10000 + ((v & 0x3ff) << 10 | (w & 0x3ff));
}

static uint32_t
utf32_get(const uint8_t *p, size_t n, size_t *len)
{
	uint32_t	v;

	*len = n < 4 ? n : 4;
	if (n < 4)
		return BAD_CODE;
	v = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
	return v > 0x10ffff || (v >= 0xd800 && v < 0xe000) ? BAD_CODE : v;
}

static uint32_t
code_get(const uint8_t *p, size_t n, enum name_code code, size_t *len)
{
	switch (code) {
	case NAME_LATIN1:
		*len = 1;
		return p[0];
	case NAME_UTF16:
		return utf16_get(p, n, len);
	case NAME_UTF32:
		return utf32_get(p, n, len);
	case NAME_UTF8:
		break;
	}
	return utf8_get(p, n, len);
}

long
name_utf8(const void *in, size_t n, enum name_code code, char *out, size_t cap)
{
	const uint8_t	*p = in;
	uint32_t	 v;
	size_t		 used = 0, len, k;

	while (n != 0) {
		v = code_get(p, n, code, &len);
		if (v == BAD_CODE)
			return -1;
		if ((k = utf8_put(out + used, cap - used, v)) == 0)
			return -1;
		used += k;
		p += len;
		n -= len;
	}
	if (used >= cap)
		return -1;
	out[used] = '\0';
	return (long)used;
}

/* A dot of any kind (RFC 3490, 3.1) at ${p}: its length, or 0. */
static size_t
dot(const char *p, size_t n)
{
	if (n != 0 && *p == '.')
		return 1;
	if (n >= 3 && (memcmp(p, "\xe3\x80\x82", 3) == 0 ||
	    memcmp(p, "\xef\xbc\x8e", 3) == 0 ||
	    memcmp(p, "\xef\xbd\xa1", 3) == 0))
		return 3;
	return 0;
}

static int
is_ascii(const char *p, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		if ((unsigned char)p[i] >= 0x80)
			return 0;
	return 1;
}

/* The A-label of a U-label, to be freed, or NULL and what IDNA says. */
static char *
to_alabel(const char *p, size_t n, const char **why)
{
	char	text[256], *out = NULL;
	int	r;

	*why = "label too long";
	if (n >= sizeof(text) || memchr(p, 0, n) != NULL)
		return NULL;
	memcpy(text, p, n);
	text[n] = '\0';
	r = idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&out,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (r == IDN2_OK)
		return out;
	*why = idn2_strerror(r);
	return NULL;
}

/* Append a label in lower case, as A-label when it is not ASCII. */
static int
put_label(const char *p, size_t n, char *out, size_t cap, size_t *used)
{
	const char	*why;
	char		*a = NULL;
	size_t		 i;

	if (!is_ascii(p, n) && (a = to_alabel(p, n, &why)) != NULL) {
		p = a;
		n = strlen(a);
	}
	if (n >= cap - *used) {
		idn2_free(a);
		return -1;
	}
	for (i = 0; i < n; i++)
		out[(*used)++] = p[i] >= 'A' && p[i] <= 'Z' ?
		    (char)(p[i] + 32) : p[i];
	idn2_free(a);
	return 0;
}

long
name_fold(const char *p, size_t n, char *out, size_t cap)
{
	const char	*end = p + n, *q;
	size_t		 used = 0, d = 0;

	if (cap == 0)
		return -1;
	for (; p < end; p = q + d) {
		for (q = p; q < end; q++)
			if ((d = dot(q, (size_t)(end - q))) != 0)
				break;
		if (q == end)
			d = 0;
		if (put_label(p, (size_t)(q - p), out, cap, &used) == -1)
			return -1;
		if (d != 0) {
			if (cap - used < 2)
				return -1;
			out[used++] = '.';
		}
	}
	while (used != 0 && out[used - 1] == '.')
		used--;
	out[used] = '\0';
	return used == 0 ? -1 : (long)used;
}

/* One label of what an operator wrote; ${p} is behind any case folding. */
static int
check_label(const char *p, size_t n, struct err *e)
{
	size_t	i;

	if (n == 0)
		return err_set(e, ERR_FORMAT, "empty label (two dots in a "
		    "row); write a name such as example.com");
	if (n > 63)
		return err_set(e, ERR_FORMAT, "a label of %zu bytes; at most "
		    "63 are allowed (RFC 1035, 2.3.4)", n);
	for (i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') ||
		    (p[i] >= '0' && p[i] <= '9') ||
		    p[i] == '-' || p[i] == '_'))
			return err_set(e, ERR_FORMAT, "byte 0x%02x%s%.*s%s is "
			    "not allowed in a name; letters, digits, '-', '_' "
			    "and dots are", (unsigned char)p[i],
			    p[i] > ' ' ? " (" : "", p[i] > ' ', p + i,
			    p[i] > ' ' ? ")" : "");
	return 0;
}

int
name_canon(const char *p, size_t n, char out[NAME_TEXT], struct err *e)
{
	const char	*end = p + n, *q, *why;
	char		*a;
	size_t		 used = 0, d = 0, from;

	while (n > 1 && p[n - 1] == '.')
		end = p + --n;
	for (; p < end; p = q + d) {
		for (q = p; q < end; q++)
			if ((d = dot(q, (size_t)(end - q))) != 0)
				break;
		if (q == end)
			d = 0;
		if (!is_ascii(p, (size_t)(q - p))) {
			a = to_alabel(p, (size_t)(q - p), &why);
			if (a == NULL)
				return err_set(e, ERR_FORMAT, "not a label "
				    "of an internationalised name: %s", why);
			idn2_free(a);
		}
		from = used;
		if (put_label(p, (size_t)(q - p), out, NAME_TEXT - 1, &used)
		    == -1 || used > 253)
			return err_set(e, ERR_FORMAT, "a name longer than "
			    "253 bytes (RFC 1035, 2.3.4)");
		if (check_label(out + from, used - from, e) == -1)
			return -1;
		if (d != 0 && q + d < end)
			out[used++] = '.';
	}
	if (used == 0)
		return err_set(e, ERR_FORMAT, "no name; write one such as "
		    "example.com");
	out[used] = '\0';
	return 0;
}

/* Does the pattern with '*' fit all ${n} bytes?  Iterative. */
static int
glob(const char *w, size_t nw, const char *s, size_t n)
{
	size_t	i = 0, j = 0, star = SIZE_MAX, mark = 0;

	while (j < n) {
		if (i < nw && w[i] == '*') {
			star = i++;
			mark = j;
		} else if (i < nw && w[i] == s[j]) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			j = ++mark;
		} else
			return 0;
	}
	while (i < nw && w[i] == '*')
		i++;
	return i == nw;
}

int
name_covers(const char *wild, const char *name)
{
	size_t	nw = strcspn(wild, "."), n = strcspn(name, ".");

	if (memchr(wild, '*', nw) == NULL || wild[nw] == '\0' || n == 0)
		return 0;
	return strcmp(wild + nw, name + n) == 0 && glob(wild, nw, name, n);
}

/*
 * Characters that must not reach a terminal or a chat as they are: ranges in
 * their order.
 */
static int
is_hidden(uint32_t v)
{
	static const uint32_t	range[][2] = {
		{ 0x0000, 0x001f }, { 0x005c, 0x005c }, { 0x007f, 0x009f },
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c },
		{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff }
	};
	size_t			i;

	for (i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (v <= range[i][1])
			return v >= range[i][0];
	return 0;
}

size_t
name_display_as(const void *in, size_t n, enum name_code code, char *out,
    size_t cap)
{
	const uint8_t	*p = in;
	char		 one[16];
	uint32_t	 v;
	size_t		 used = 0, len, k, keep = 0;

	if (cap == 0)
		return 0;
	for (; n != 0; p += len, n -= len) {
		v = code_get(p, n, code, &len);
		if (v == BAD_CODE || (v < 0x100 && is_hidden(v))) {
			k = (size_t)snprintf(one, sizeof(one), "\\x%02x",
			    p[len - 1]);
			if (v == BAD_CODE && len > 1)
				k = (size_t)snprintf(one, sizeof(one),
				    "\\x%02x\\x%02x", p[0], p[1]);
		} else if (is_hidden(v))
			k = (size_t)snprintf(one, sizeof(one), "\\u{%X}",
			    (unsigned)v);
		else
			k = utf8_put(one, sizeof(one), v);
		if (k >= cap - used)
			break;
		memcpy(out + used, one, k);
		used += k;
		if (used + 4 <= cap)
			keep = used;
	}
	if (n != 0 && cap >= 4) {
		memcpy(out + keep, "...", 3);
		used = keep + 3;
	}
	out[used] = '\0';
	return used;
}

size_t
name_display(const void *in, size_t n, char *out, size_t cap)
{
	return name_display_as(in, n, NAME_UTF8, out, cap);
}
