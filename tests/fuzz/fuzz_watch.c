#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pki/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* An image of watches: whatever is opened can be searched. */
static void
search(const void *p, size_t n)
{
	static const char *const names[] = {
		"example.com", "www.dev.example.com", "*.example.com",
		"192.0.2.1", "2001:db8::1", "xn--bcher-kva.example", "",
	};
	static const char	 raw[] = "\x30\x03www.EXAMPLE.com\xff";
	struct watch_set	 w;
	struct watch_hit	 hits[4];
	struct span		 bytes = { (const uint8_t *)raw,
				    sizeof(raw) };
	size_t			 i;

	if (watch_open(&w, p, n, NULL) == -1)
		return;
	for (i = 0; i < watch_count(&w) && i < 1000; i++)
		if (strlen(watch_text(&w, (uint32_t)i)) > n)
			abort();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)watch_name(&w, names[i], hits, 4);
	(void)watch_bytes(&w, bytes, hits, 4);
}

/* A good image, made once. */
static struct buf *
good(void)
{
	static const char	 text[] = "example.com\n.dev.example.com\n"
	    ".xn--bcher-kva.example\n192.0.2.0/24\n"
	    "2001:db8::/32\n";
	static struct buf	 b = BUF_INIT;
	struct watch_build	*w;
	struct watch_pieces	 o;
	size_t			 i;

	if (b.n != 0)
		return &b;
	w = watch_build_new();
	if (watch_build_file(w, text, sizeof(text) - 1, "text", NULL) == -1)
		abort();
	watch_build_end(w, &o);
	for (i = 0; i < o.n; i++)
		buf_span(&b, o.v[i]);
	watch_build_free(w);
	return &b;
}

/*
 * An odd first byte: an image as it is.  Else: a good one, in which bytes
 * are changed: two of where, one of what.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct buf	*from = good();
	int			 raw;
	uint8_t			*image;
	size_t			 i, len;

	if (n == 0)
		return 0;
	raw = (p[0] & 1) != 0;
	p++;
	n--;
	len = raw ? n : from->n;
	/* of that size exactly, so that the sanitizer sees the end */
	if (posix_memalign((void **)&image, 8, len + (len == 0)) != 0)
		abort();
	memcpy(image, raw ? p : from->p, len);
	for (i = 0; !raw && i + 3 <= n; i += 3)
		image[((size_t)p[i] << 8 | p[i + 1]) % len] = p[i + 2];
	search(image, len);
	free(image);
	return 0;
}
