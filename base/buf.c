#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

uint8_t *
buf_room(struct buf *b, size_t n)
{
	if (n > SIZE_MAX - b->n - 1)
		abort();
	b->p = mem_grow(b->p, &b->cap, b->n + n + 1, 1);
	b->p[b->n] = '\0';
	return b->p + b->n;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t	*q = buf_room(b, n);

	if (n != 0)
		memcpy(q, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.n);
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	(void)buf_room(b, (size_t)n);
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

/* Append the low ${n} bytes of ${v}, big-endian. */
static void
number(struct buf *b, uint64_t v, unsigned n)
{
	uint8_t		t[8];
	unsigned	i;

	for (i = 0; i < n; i++)
		t[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	buf_add(b, t, n);
}

void
buf_u8(struct buf *b, uint8_t v)
{
	number(b, v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	number(b, v, 2);
}

void
buf_u24(struct buf *b, uint32_t v)
{
	number(b, v, 3);
}

void
buf_u32(struct buf *b, uint32_t v)
{
	number(b, v, 4);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	number(b, v, 8);
}

void
buf_vec32(struct buf *b, const void *p, size_t n)
{
	if (n > UINT32_MAX)
		abort();
	buf_u32(b, (uint32_t)n);
	buf_add(b, p, n);
}

const char *
buf_text(const struct buf *b)
{
	return b->p != NULL ? (const char *)b->p : "";
}

struct span
buf_bytes(const struct buf *b)
{
	struct span	s = { b->p, b->n };

	return s;
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	if (b->p != NULL)
		b->p[0] = '\0';
}

uint8_t *
buf_detach(struct buf *b, size_t *n)
{
	uint8_t	*p;

	(void)buf_room(b, 0);
	p = b->p;
	if (n != NULL)
		*n = b->n;
	b->p = NULL;
	b->n = b->cap = 0;
	return p;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}
