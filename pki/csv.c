#include "pki/csv.h"

#include <string.h>
#include <strings.h>

int
csv_field(const char **p, const char *end, struct buf *out, int *last)
{
	const char	*s = *p;
	int		 quoted = s < end && *s == '"';

	buf_reset(out);
	for (s += quoted; s < end; s++) {
		if (quoted && *s == '"') {
			if (s + 1 < end && s[1] == '"')
				s++;
			else {
				quoted = 0;
				continue;
			}
		} else if (!quoted && (*s == ',' || *s == '\n'))
			break;
		if (quoted || *s != '\r')
			buf_u8(out, (uint8_t)*s);
	}
	if (quoted)
		return -1;
	*last = s == end || *s == '\n';
	*p = s < end ? s + 1 : s;
	return 0;
}

void
csv_begin(const char **p, const char *end)
{
	if (end - *p >= 3 && memcmp(*p, "\xef\xbb\xbf", 3) == 0)
		*p += 3;
}

int
csv_head(const char **p, const char *end, const char *const *names, int *at,
    size_t n)
{
	struct buf	f = BUF_INIT;
	size_t		k;
	int		i, last = 0, r = -1;

	for (k = 0; k < n; k++)
		at[k] = -1;
	for (i = 0; !last; i++) {
		if (csv_field(p, end, &f, &last) == -1)
			goto out;
		for (k = 0; k < n; k++)
			if (at[k] == -1 &&
			    strcasecmp(buf_text(&f), names[k]) == 0)
				at[k] = i;
	}
	r = 0;
out:
	buf_free(&f);
	return r;
}
