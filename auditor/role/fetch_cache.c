#include "auditor/role/fetch_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/mem.h"

/* The head of a file: mark, 1 for gzip, length and sum of what follows. */
#define MARK	"certvigil body 1"
#define HEAD	(16 + 4 + 4 + 8)
/* Nobody comes back for what is so old, in seconds. */
#define OLD	86400
/* To make a file costs ten times what it costs to write one. */
#define SPARE	256
/* How often is looked what others have in it. */
#define LOOK	(60 * CLK_SEC)

struct fetch_cache {
	char	*dir;
	int64_t	 cap;
	int64_t	 used;		/* bytes, as of the last look and since */
	int64_t	 looked;	/* clk_mono(); 0: never */
	int	 fd;		/* of the folder; -1: not open */
	unsigned spare;		/* files "spare-N" that may be written over */
};

/*
 * Finds damage, not malice: what a log is blamed for is proven by hashes of
 * the tree, and a body that fails there is fetched again.
 */
static uint64_t
sum(const uint8_t *p, size_t n, uint32_t gzip)
{
	uint64_t	h = 0x9e3779b97f4a7c15u * (1 + gzip) ^ n, w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0xbf58476d1ce4e5b9u;
		h ^= h >> 29;
	}
	for (w = 0; n > 0; n--)
		w = w << 8 | *p++;
	h = (h ^ w) * 0x94d049bb133111ebu;
	return h ^ h >> 32;
}

struct fetch_cache *
fetch_cache_new(const char *dir, int64_t cap)
{
	struct fetch_cache	*c = mem_zero(sizeof(*c));

	c->dir = mem_str(dir);
	c->cap = cap;
	c->fd = -1;
	return c;
}

static void
spare_name(char *out, size_t n, unsigned k)
{
	(void)snprintf(out, n, "spare-%u", k);
}

void
fetch_cache_free(struct fetch_cache *c)
{
	char	file[32];

	if (c == NULL)
		return;
	while (c->spare > 0) {
		spare_name(file, sizeof(file), --c->spare);
		(void)unlinkat(c->fd, file, 0);
	}
	if (c->fd != -1)
		(void)close(c->fd);
	free(c->dir);
	free(c);
}

/* The folder; made when it is to be written. */
static int
folder(struct fetch_cache *c, int make)
{
	if (c->fd == -1 && make)
		(void)mkdir(c->dir, 0700);
	if (c->fd == -1)
		c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		    O_NOFOLLOW);
	return c->fd;
}

static void
file_name(char out[72], const uint8_t name[32], const char *tail)
{
	size_t	i;

	for (i = 0; i < 32; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", name[i]);
	(void)snprintf(out + 64, 8, "%s", tail);
}

/* What is in it now; what nobody will come back for goes. */
static void
look(struct fetch_cache *c)
{
	int64_t		 now = clk_mono(), wall = clk_wall() / CLK_SEC;
	struct dirent	*x;
	struct stat	 st;
	DIR		*d;
	int		 fd, first = c->looked == 0;

	if (c->looked != 0 && now - c->looked < LOOK)
		return;
	fd = openat(folder(c, 1), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd != -1 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd != -1)
			(void)close(fd);
		return;
	}
	c->looked = now;
	c->used = 0;
	while ((x = readdir(d)) != NULL) {
		if (fstatat(c->fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (wall - st.st_mtime > OLD || (first &&
		    strncmp(x->d_name, "spare-", 6) == 0))
			(void)unlinkat(c->fd, x->d_name, 0);
		else
			c->used += st.st_size;
	}
	(void)closedir(d);
}

static int
write_all(int fd, const void *data, size_t n)
{
	const uint8_t	*p = data;
	ssize_t		 k;

	for (; n > 0; p += k, n -= (size_t)k) {
		k = write(fd, p, n);
		if (k == -1 && errno == EINTR)
			k = 0;
		if (k < 0)
			return -1;
	}
	return 0;
}

/*
 * A file to write: one that is spare, or a new one.  What another process did
 * to the spare ones is found out here.
 */
static int
open_fresh(struct fetch_cache *c, const char *fresh)
{
	char	file[32];

	while (c->spare > 0) {
		spare_name(file, sizeof(file), --c->spare);
		if (renameat(c->fd, file, c->fd, fresh) == 0)
			break;
	}
	return openat(c->fd, fresh, O_WRONLY | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
}

int
fetch_cache_put(struct fetch_cache *c, const uint8_t name[32],
    struct span body, int gzip)
{
	char		final[72], fresh[72];
	struct buf	head = BUF_INIT;
	int		fd, rc;

	if (body.n == 0 || body.n > FETCH_CACHE_BODY || folder(c, 1) == -1)
		return 0;
	look(c);
	if (c->used + (int64_t)body.n + HEAD > c->cap)
		return 0;
	fetch_cache_remove(c, name);
	file_name(final, name, "");
	file_name(fresh, name, ".new");
	fd = open_fresh(c, fresh);
	if (fd == -1)
		return 0;
	buf_add(&head, MARK, 16);
	buf_u32(&head, gzip != 0);
	buf_u32(&head, (uint32_t)body.n);
	buf_u64(&head, sum(body.p, body.n, gzip != 0));
	rc = write_all(fd, head.p, head.n) == 0 &&
	    write_all(fd, body.p, body.n) == 0 &&
	    ftruncate(fd, (off_t)(head.n + body.n)) == 0 ? 0 : -1;
	buf_free(&head);
	if (close(fd) == -1 || rc == -1 ||
	    renameat(c->fd, fresh, c->fd, final) == -1) {
		(void)unlinkat(c->fd, fresh, 0);
		return 0;
	}
	c->used += (int64_t)body.n + HEAD;
	return 1;
}

/* All of a file, or -1. */
static int
read_all(int fd, struct buf *out)
{
	struct stat	st;
	ssize_t		k;
	size_t		n;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size < HEAD || st.st_size > (off_t)FETCH_CACHE_BODY + HEAD)
		return -1;
	n = (size_t)st.st_size;
	while (out->n < n && (k = read(fd, buf_room(out, n - out->n),
	    n - out->n)) > 0)
		out->n += (size_t)k;
	return out->n == n ? 0 : -1;
}

/* Is it what was written?  *${gzip} is set, and the head taken off. */
static int
whole(struct buf *b, int *gzip)
{
	struct cur	c = cur_span(buf_bytes(b));
	struct span	mark;
	uint32_t	zip, n;
	uint64_t	want;

	if (cur_take(&c, 16, &mark) == -1 || memcmp(mark.p, MARK, 16) != 0 ||
	    cur_u32(&c, &zip) == -1 || cur_u32(&c, &n) == -1 ||
	    cur_u64(&c, &want) == -1 || cur_left(&c) != n ||
	    sum(c.p, n, zip) != want)
		return 0;
	*gzip = zip != 0;
	memmove(b->p, b->p + HEAD, n);
	b->n = n;
	return 1;
}

int
fetch_cache_get(struct fetch_cache *c, const uint8_t name[32],
    struct buf *out, int *gzip)
{
	char	file[72];
	int	fd, ok;

	buf_reset(out);
	if (folder(c, 0) == -1)
		return 0;
	file_name(file, name, "");
	fd = openat(c->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return 0;
	ok = read_all(fd, out) == 0 && whole(out, gzip);
	(void)close(fd);
	if (!ok)
		fetch_cache_remove(c, name);
	return ok;
}

void
fetch_cache_remove(struct fetch_cache *c, const uint8_t name[32])
{
	struct stat	st;
	char		file[72], spare[32];

	if (folder(c, 0) == -1)
		return;
	file_name(file, name, "");
	if (fstatat(c->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;
	spare_name(spare, sizeof(spare), c->spare);
	if (S_ISREG(st.st_mode) && c->spare < SPARE &&
	    renameat(c->fd, file, c->fd, spare) == 0)
		c->spare++;
	else
		(void)unlinkat(c->fd, file, 0);
	if (c->used >= st.st_size)
		c->used -= st.st_size;
}
