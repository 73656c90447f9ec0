#include "base/text.h"

size_t
text_utf8(const char *s, unsigned long *number)
{
	const unsigned char	*p = (const unsigned char *)s;
	size_t			 n, i;
	unsigned long		 v;

	if (p[0] < 0x80) {
		*number = p[0];
		return 1;
	}
	n = (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 :
	    (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (n == 0)
		return 0;
	v = p[0] & (0xffu >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if (v < (n == 2 ? 0x80u : n == 3 ? 0x800u : 0x10000u) ||
	    v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*number = v;
	return n;
}

int
text_hostile(unsigned long v)
{
	return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0xad ||
	    v == 0x61c || (v >= 0x200b && v <= 0x200f) ||
	    (v >= 0x2028 && v <= 0x202e) || (v >= 0x2060 && v <= 0x206f) ||
	    v == 0xfeff || (v >= 0xfff9 && v <= 0xfffb) ||
	    (v >= 0xe0000 && v <= 0xe007f);
}
