#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void
die(size_t n)
{
	(void)fprintf(stderr, "certvigil: no memory for %zu bytes\n", n);
	abort();
}

void *
mem_zero(size_t n)
{
	void	*p = calloc(1, n != 0 ? n : 1);

	if (p == NULL)
		die(n);
	return p;
}

void *
mem_array(size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		die(SIZE_MAX);
	return mem_zero(n * size);
}

void *
mem_grow(void *p, size_t *cap, size_t want, size_t size)
{
	size_t	n = *cap != 0 ? *cap : 8;

	if (want <= *cap && p != NULL)
		return p;
	while (n < want) {
		if (n > SIZE_MAX / 2)
			die(SIZE_MAX);
		n *= 2;
	}
	if (size != 0 && n > SIZE_MAX / size)
		die(SIZE_MAX);
	p = realloc(p, n * size);
	if (p == NULL)
		die(n * size);
	*cap = n;
	return p;
}

void *
mem_dup(const void *src, size_t n)
{
	char	*p;

	if (n == SIZE_MAX)
		die(n);
	p = malloc(n + 1);
	if (p == NULL)
		die(n + 1);
	if (n != 0)
		memcpy(p, src, n);
	p[n] = '\0';
	return p;
}

char *
mem_str(const char *s)
{
	return s != NULL ? mem_dup(s, strlen(s)) : NULL;
}

char *
mem_printf(const char *fmt, ...)
{
	va_list	 ap;
	char	*s = NULL;
	int	 n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		die(0);
	return s;
}

void
mem_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}
