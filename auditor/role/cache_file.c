#include "auditor/role/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "auditor/role/fetch_cache.h"
#include "base/err.h"
#include "base/mem.h"

#define MARK	"certvigil pages2"
#define PREFIX	"pages-"
/* Names that are tried for a new one. */
#define TRIES	16
/* Whole pages are written: none has to be read from the disk for that. */
#define PAGE	4096u
/* Room is taken in such pieces: that costs a third less than page by page. */
#define ROOM	((int64_t)4 << 20)

/* What a file begins with. */
struct start {
	char		mark[16];
	uint8_t		key[16];
	uint64_t	self;		/* sum of the above */
};

/* What a body begins with. */
struct head {
	uint8_t		key[16];	/* of the file */
	uint8_t		name[32];
	int64_t		at;
	uint64_t	sum;		/* of the body */
	uint32_t	n, gzip;
	uint64_t	self;		/* sum of the above */
};

struct cache_file {
	int	 dir;		/* owned */
	int	 fd;		/* owned */
	char	 name[32];
	uint8_t	 key[16];
	uint8_t	*used;		/* of each unit: 1 when a body is in it */
	size_t	 cap;		/* units that there is room for in it */
	size_t	 end;		/* units of the file */
	size_t	 low;		/* below it none is free */
	size_t	 held;		/* bodies */
	int64_t	 room;		/* bytes that the disk has set aside */
};

static const uint8_t	zero[PAGE];

static inline void
lanes(uint64_t h[4], const uint64_t w[4])
{
	size_t	i;

	for (i = 0; i < 4; i++) {
		h[i] = (h[i] ^ w[i]) * 0xbf58476d1ce4e5b9u;
		h[i] ^= h[i] >> 29;
	}
}

/*
 * Finds damage, not malice: what a log is blamed for is proven by hashes of
 * the tree, and a body that fails there is fetched again.  Four lanes, so that
 * no multiplication waits for another.
 */
static uint64_t
sum(const void *data, size_t n, uint64_t seed)
{
	const uint8_t	*p = data;
	uint64_t	 h[4], w[4];
	size_t		 i;

	for (i = 0; i < 4; i++)
		h[i] = 0x9e3779b97f4a7c15u * (seed + i + 1) ^ n;
	for (; n >= sizeof(w); p += sizeof(w), n -= sizeof(w)) {
		memcpy(w, p, sizeof(w));
		lanes(h, w);
	}
	memset(w, 0, sizeof(w));
	memcpy(w, p, n);
	lanes(h, w);
	for (i = 1; i < 4; i++)
		h[0] = ((h[0] ^ h[0] >> 32) + h[i]) * 0x94d049bb133111ebu;
	return h[0] ^ h[0] >> 32;
}

static uint32_t
units(uint32_t n)
{
	return (uint32_t)((sizeof(struct head) + n + CACHE_FILE_UNIT - 1) /
	    CACHE_FILE_UNIT);
}

static off_t
place(size_t unit)
{
	return (off_t)unit * (off_t)CACHE_FILE_UNIT;
}

/* All of ${n} pieces: 0, or -1 and errno. */
static int
write_all(int fd, struct iovec *v, int n, off_t off)
{
	ssize_t	k;

	while (n > 0) {
		k = pwritev(fd, v, n, off);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0) {
			errno = k == 0 ? ENOSPC : errno;
			return -1;
		}
		off += k;
		for (; n > 0 && (size_t)k >= v->iov_len; v++, n--)
			k -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (uint8_t *)v->iov_base + k;
			v->iov_len -= (size_t)k;
		}
	}
	return 0;
}

static int
read_all(int fd, void *out, size_t n, off_t off)
{
	uint8_t	*p = out;
	ssize_t	 k;

	for (; n > 0; p += k, off += k, n -= (size_t)k) {
		k = pread(fd, p, n, off);
		if (k == -1 && errno == EINTR)
			k = 0;
		else if (k <= 0)
			return -1;
	}
	return 0;
}

/* Owns ${fd}, which is open and locked. */
static struct cache_file *
file_make(int dir, const char *name, int fd)
{
	struct cache_file	*f = mem_zero(sizeof(*f));

	f->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	f->fd = fd;
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->end = f->low = 1;
	return f;
}

/* Lock it: 0; -1 when another process has it, or it is in no folder any more. */
static int
lock(int fd, int how, struct stat *st)
{
	return flock(fd, how | LOCK_NB) == 0 && fstat(fd, st) == 0 &&
	    st->st_nlink != 0 ? 0 : -1;
}

static void
drop(struct cache_file *f)
{
	(void)close(f->fd);
	if (f->dir != -1)
		(void)close(f->dir);
	free(f->used);
	free(f);
}

void
cache_file_free(struct cache_file *f)
{
	if (f == NULL)
		return;
	if (f->held == 0 && !cache_file_gone(f))
		(void)unlinkat(f->dir, f->name, 0);
	drop(f);
}

/* Others look for files that nobody holds: they may take it at once. */
static int
create(int dir, char name[32])
{
	struct stat	st;
	uint32_t	r;
	unsigned	i;
	int		fd;

	for (i = 0; i < TRIES; i++) {
		if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
			return -1;
		(void)snprintf(name, 32, PREFIX "%08x", (unsigned)r);
		fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
		    O_NOFOLLOW, 0600);
		if (fd == -1 && errno == EEXIST)
			continue;
		if (fd == -1 || lock(fd, LOCK_EX, &st) == 0)
			return fd;
		(void)close(fd);
	}
	errno = EEXIST;
	return -1;
}

struct cache_file *
cache_file_new(int dir, struct err *e)
{
	struct cache_file	*f;
	struct start		 s;
	struct iovec		 v = { &s, sizeof(s) };
	char			 name[32];
	int			 fd = create(dir, name);

	if (fd == -1) {
		(void)err_set(e, ERR_SYS, "making a file");
		return NULL;
	}
	f = file_make(dir, name, fd);
	memcpy(s.mark, MARK, sizeof(s.mark));
	if (getrandom(s.key, sizeof(s.key), 0) != (ssize_t)sizeof(s.key) ||
	    f->dir == -1) {
		(void)err_set(e, ERR_SYS, "making a file");
		cache_file_free(f);
		return NULL;
	}
	s.self = sum(&s, offsetof(struct start, self), 0);
	memcpy(f->key, s.key, sizeof(f->key));
	if (write_all(fd, &v, 1, 0) == -1) {
		(void)err_set(e, ERR_SYS, "writing to a file");
		cache_file_free(f);
		return NULL;
	}
	return f;
}

struct cache_file *
cache_file_adopt(int dir, const char *name, int64_t *size)
{
	struct cache_file	*f;
	struct start		 s;
	struct stat		 st;
	int			 fd;

	*size = 0;
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    strlen(name) >= sizeof(f->name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode))
		return NULL;
	*size = (int64_t)st.st_size;
	fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return NULL;
	if (lock(fd, LOCK_SH, &st) == -1) {
		(void)close(fd);
		return NULL;
	}
	f = file_make(dir, name, fd);
	if (f->dir == -1 || read_all(fd, &s, sizeof(s), 0) == -1 ||
	    memcmp(s.mark, MARK, sizeof(s.mark)) != 0 ||
	    s.self != sum(&s, offsetof(struct start, self), 0)) {
		*size = 0;
		cache_file_free(f);
		return NULL;
	}
	memcpy(f->key, s.key, sizeof(f->key));
	f->end = (size_t)(st.st_size + CACHE_FILE_UNIT - 1) / CACHE_FILE_UNIT;
	f->room = place(f->end);
	f->used = mem_grow(NULL, &f->cap, f->end, 1);
	memset(f->used, 0, f->cap);
	return f;
}

/* The head of a body at ${u}: 0, -1 when there is none. */
static int
head_read(const struct cache_file *f, size_t u, struct head *h)
{
	return read_all(f->fd, h, sizeof(*h), place(u)) == 0 &&
	    memcmp(h->key, f->key, sizeof(h->key)) == 0 &&
	    h->self == sum(h, offsetof(struct head, self), 1) &&
	    h->n != 0 && h->n <= FETCH_CACHE_BODY &&
	    units(h->n) <= f->end - u ? 0 : -1;
}

int
cache_file_scan(struct cache_file *f, uint32_t *unit, struct cache_body *b)
{
	struct head	h;
	size_t		u = *unit == 0 ? 1 : *unit;

	while (u < f->end && head_read(f, u, &h) == -1)
		u++;
	*unit = (uint32_t)u;
	if (u >= f->end)
		return 0;
	b->file = f;
	memcpy(b->name, h.name, sizeof(b->name));
	b->sum = h.sum;
	b->at = h.at;
	b->unit = (uint32_t)u;
	b->n = h.n;
	b->gzip = h.gzip;
	memset(f->used + u, 1, units(h.n));
	f->held++;
	*unit += units(h.n);
	return 1;
}

int
cache_file_has(const struct cache_body *b)
{
	struct head	h;

	return head_read(b->file, b->unit, &h) == 0 &&
	    memcmp(h.name, b->name, sizeof(h.name)) == 0 &&
	    h.sum == b->sum && h.n == b->n && h.gzip == b->gzip;
}

int
cache_file_gone(const struct cache_file *f)
{
	struct stat	st;

	return fstat(f->fd, &st) == -1 || st.st_nlink == 0;
}

const char *
cache_file_name(const struct cache_file *f)
{
	return f->name;
}

size_t
cache_file_held(const struct cache_file *f)
{
	return f->held;
}

int64_t
cache_file_size(const struct cache_file *f)
{
	return place(f->end);
}

/* A disk that cannot do that, or is full, says so when it is written. */
static void
set_aside(struct cache_file *f, int64_t max)
{
	int64_t	to = f->room + ROOM;

	if (place(f->end) <= f->room)
		return;
	if (to > max)
		to = max;
	if (to < place(f->end))
		to = place(f->end);
	(void)fallocate(f->fd, FALLOC_FL_KEEP_SIZE, f->room, to - f->room);
	f->room = to;
}

/* The lowest ${n} units side by side that are free; 0: none below ${max}. */
static size_t
take(struct cache_file *f, size_t n, size_t max)
{
	size_t	u, from;

	while (f->low < f->end && f->used[f->low])
		f->low++;
	for (u = from = f->low; u < f->end && u - from < n; u++)
		if (f->used[u])
			from = u + 1;
	if (from + n > f->end) {
		/* lower than where it ends: a large cache made small */
		if (from + n > max)
			return 0;
		u = f->cap;
		f->used = mem_grow(f->used, &f->cap, from + n, 1);
		memset(f->used + u, 0, f->cap - u);
		f->end = from + n;
	}
	memset(f->used + from, 1, n);
	return from;
}

/* Nobody finds a body there any more. */
static void
clear(struct cache_file *f, size_t unit, size_t n)
{
	(void)!pwrite(f->fd, zero, sizeof(struct head), place(unit));
	memset(f->used + unit, 0, n);
	if (unit < f->low)
		f->low = unit;
}

int
cache_file_put(struct cache_file *f, struct cache_body *b, struct span body,
    int64_t max, struct err *e)
{
	struct head	h;
	struct iovec	v[3];
	size_t		n = units((uint32_t)body.n);

	b->file = f;
	b->n = (uint32_t)body.n;
	b->unit = (uint32_t)take(f, n, max < 0 ? 0 : (size_t)max /
	    CACHE_FILE_UNIT);
	if (b->unit == 0)
		return 0;
	set_aside(f, max);
	b->sum = sum(body.p, body.n, b->gzip);
	memset(&h, 0, sizeof(h));
	memcpy(h.key, f->key, sizeof(h.key));
	memcpy(h.name, b->name, sizeof(h.name));
	h.at = b->at;
	h.sum = b->sum;
	h.n = b->n;
	h.gzip = b->gzip;
	h.self = sum(&h, offsetof(struct head, self), 1);
	v[0] = (struct iovec){ &h, sizeof(h) };
	v[1] = (struct iovec){ (void *)(uintptr_t)body.p, body.n };
	v[2] = (struct iovec){ (void *)(uintptr_t)zero,
	    (PAGE - (sizeof(h) + body.n) % PAGE) % PAGE };
	if (write_all(f->fd, v, 3, place(b->unit)) == -1) {
		(void)err_set(e, ERR_SYS, "writing to a file");
		clear(f, b->unit, n);
		return -1;
	}
	f->held++;
	return 1;
}

int
cache_file_get(const struct cache_body *b, struct buf *out)
{
	buf_reset(out);
	if (!cache_file_has(b) || read_all(b->file->fd, buf_room(out, b->n), b->n,
	    place(b->unit) + (off_t)sizeof(struct head)) == -1 ||
	    sum(out->p, b->n, b->gzip) != b->sum)
		return -1;
	out->n = b->n;
	return 0;
}

void
cache_file_remove(const struct cache_body *b)
{
	clear(b->file, b->unit, units(b->n));
	b->file->held--;
}

void
cache_file_trim(struct cache_file *f)
{
	size_t	end = f->end;

	while (end > 1 && !f->used[end - 1])
		end--;
	if (ftruncate(f->fd, place(end)) == 0) {
		f->end = end;
		f->room = place(end);
	}
	if (f->low > f->end)
		f->low = f->end;
}
