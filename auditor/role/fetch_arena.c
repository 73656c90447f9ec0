#include "auditor/role/fetch_arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define ALIGN	64u

/* Extents lie side by side, sorted, and cover the whole arena. */
struct extent {
	uint64_t	off;
	uint64_t	len;
	int		taken;
};

struct fetch_arena {
	uint8_t		*base;
	uint64_t	 size;
	uint64_t	 used;
	struct extent	*x;	/* never two free ones side by side */
	size_t		 n;
	size_t		 cap;
};

struct fetch_arena *
fetch_arena_new(int fd, uint64_t size, struct err *e)
{
	struct fetch_arena	*a;
	struct stat		 st;
	void			*p;
	int			 seals = fcntl(fd, F_GET_SEALS);

	if (size == 0 || size > LIMIT_ARENA) {
		(void)err_set(e, ERR_LIMIT, "an arena of %llu bytes; at most "
		    "%lu are allowed", (unsigned long long)size,
		    (unsigned long)LIMIT_ARENA);
		return NULL;
	}
	if (seals == -1 || (seals & F_SEAL_SHRINK) == 0 ||
	    (seals & F_SEAL_GROW) == 0) {
		(void)err_set(e, ERR_FORMAT,
		    "the arena is not sealed against resizing");
		return NULL;
	}
	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != size) {
		(void)err_set(e, ERR_FORMAT,
		    "the arena has another size than announced");
		return NULL;
	}
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	if (p == MAP_FAILED) {
		(void)err_set(e, ERR_SYS, "mapping an arena");
		return NULL;
	}
	a = mem_zero(sizeof(*a));
	a->base = p;
	a->size = size;
	a->x = mem_grow(NULL, &a->cap, 1, sizeof(*a->x));
	a->n = 1;
	a->x[0].off = 0;
	a->x[0].len = size;
	a->x[0].taken = 0;
	return a;
}

void
fetch_arena_free(struct fetch_arena *a)
{
	if (a == NULL)
		return;
	(void)munmap(a->base, (size_t)a->size);
	free(a->x);
	free(a);
}

uint8_t *
fetch_arena_base(struct fetch_arena *a)
{
	return a->base;
}

uint64_t
fetch_arena_size(const struct fetch_arena *a)
{
	return a->size;
}

uint64_t
fetch_arena_used(const struct fetch_arena *a)
{
	return a->used;
}

/* Remove the extent at index ${i}. */
static void
drop(struct fetch_arena *a, size_t i)
{
	memmove(&a->x[i], &a->x[i + 1], (a->n - i - 1) * sizeof(*a->x));
	a->n--;
}

/*
 * Keep ${len} bytes of extent ${i} and make the rest a free one, which
 * may not lie beside another free one.
 */
static void
split(struct fetch_arena *a, size_t i, uint64_t len)
{
	if (len == a->x[i].len || a->n >= LIMIT_EXTENTS)
		return;
	a->x = mem_grow(a->x, &a->cap, a->n + 1, sizeof(*a->x));
	memmove(&a->x[i + 2], &a->x[i + 1], (a->n - i - 1) * sizeof(*a->x));
	a->n++;
	a->x[i + 1].off = a->x[i].off + len;
	a->x[i + 1].len = a->x[i].len - len;
	a->x[i + 1].taken = 0;
	a->x[i].len = len;
}

/* Bytes rounded up to the alignment, never beyond ${max}. */
static uint64_t
round_up(uint64_t n, uint64_t max)
{
	uint64_t	r = (n + ALIGN - 1) / ALIGN * ALIGN;

	return r > max ? max : r;
}

int
fetch_arena_take(struct fetch_arena *a, uint64_t n, uint64_t *off)
{
	size_t	i;

	if (n == 0 || n > a->size)
		return -1;
	for (i = 0; i < a->n; i++) {
		if (a->x[i].taken || a->x[i].len < n)
			continue;
		split(a, i, round_up(n, a->x[i].len));
		a->x[i].taken = 1;
		a->used += a->x[i].len;
		*off = a->x[i].off;
		return 0;
	}
	return -1;
}

/* The index of the taken extent at ${off}, or -1. */
static long
find(const struct fetch_arena *a, uint64_t off)
{
	size_t	lo = 0, hi = a->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (a->x[mid].off == off)
			return a->x[mid].taken ? (long)mid : -1;
		if (a->x[mid].off < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

int
fetch_arena_resize(struct fetch_arena *a, uint64_t off, uint64_t n)
{
	long		 found = find(a, off);
	struct extent	*x;
	size_t		 i;
	uint64_t	 room;

	if (found < 0 || n == 0 || n > a->size)
		return -1;
	i = (size_t)found;
	x = &a->x[i];
	room = x->len;
	if (i + 1 < a->n && !a->x[i + 1].taken)
		room += a->x[i + 1].len;
	if (n > room)
		return -1;
	a->used -= x->len;
	if (room != x->len) {
		x->len = room;
		drop(a, i + 1);
	}
	split(a, i, round_up(n, room));
	a->used += a->x[i].len;
	return 0;
}

int
fetch_arena_give(struct fetch_arena *a, uint64_t off)
{
	long	found = find(a, off);
	size_t	i;

	if (found < 0)
		return -1;
	i = (size_t)found;
	a->x[i].taken = 0;
	a->used -= a->x[i].len;
	if (i + 1 < a->n && !a->x[i + 1].taken) {
		a->x[i].len += a->x[i + 1].len;
		drop(a, i + 1);
	}
	if (i > 0 && !a->x[i - 1].taken) {
		a->x[i - 1].len += a->x[i].len;
		drop(a, i);
	}
	return 0;
}
