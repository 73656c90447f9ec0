#include "auditor/role/fetch_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/cache_file.h"
#include "base/clk.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

/* Nobody comes back for what is so old, in seconds. */
#define OLD	86400
/* How often is looked what others have in it. */
#define LOOK	(10 * CLK_SEC)
/* A disk that is full is left alone for so long. */
#define PAUSE	(60 * CLK_SEC)
/* And it is said again after so long. */
#define WARN	(3600 * CLK_SEC)
/* Files at a time of processes that died. */
#define FILES	16
/* Bodies that are known at a time. */
#define BODIES	65536
#define BUCKETS	1024

struct fetch_cache {
	char			*dir;
	int			 fd;	/* of the folder; -1: not open */
	int64_t			 cap;
	int64_t			 others;	/* bytes of living processes */
	int64_t			 looked;	/* clk_mono() */
	int64_t			 paused;	/* until then; 0: it works */
	int64_t			 warned;	/* 0: never */
	struct cache_file	*own;		/* owned; NULL: none so far */
	struct cache_file	*files[FILES];	/* owned; that were left */
	size_t			 nfiles;
	size_t			 n;
	struct cache_body	*body[BUCKETS];	/* owned; by their names */
};

struct fetch_cache *
fetch_cache_new(const char *dir, int64_t cap)
{
	struct fetch_cache	*c = mem_zero(sizeof(*c));

	c->dir = mem_str(dir);
	c->cap = cap;
	c->fd = -1;
	c->looked = INT64_MIN / 2;
	return c;
}

/* A name is a hash. */
static struct cache_body **
bucket(struct fetch_cache *c, const uint8_t name[32])
{
	return &c->body[(name[0] | name[1] << 8) % BUCKETS];
}

/* Where the body of that name hangs, or where one would. */
static struct cache_body **
find(struct fetch_cache *c, const uint8_t name[32])
{
	struct cache_body	**b = bucket(c, name);

	while (*b != NULL && memcmp((*b)->name, name, 32) != 0)
		b = &(*b)->next;
	return b;
}

/* Forget what hangs there; on disk it stays. */
static void
forget(struct fetch_cache *c, struct cache_body **at)
{
	struct cache_body	*b = *at;

	*at = b->next;
	c->n--;
	free(b);
}

static void
forget_bodies(struct fetch_cache *c, const struct cache_file *f)
{
	struct cache_body	**b;
	size_t			 k;

	for (k = 0; k < BUCKETS; k++)
		for (b = &c->body[k]; *b != NULL; )
			if ((*b)->file == f)
				forget(c, b);
			else
				b = &(*b)->next;
}

static void
forget_file(struct fetch_cache *c, size_t i)
{
	forget_bodies(c, c->files[i]);
	cache_file_free(c->files[i]);
	c->files[i] = c->files[--c->nfiles];
}

static void
forget_own(struct fetch_cache *c)
{
	forget_bodies(c, c->own);
	cache_file_free(c->own);
	c->own = NULL;
}

void
fetch_cache_free(struct fetch_cache *c)
{
	if (c == NULL)
		return;
	forget_own(c);
	while (c->nfiles > 0)
		forget_file(c, c->nfiles - 1);
	if (c->fd != -1)
		(void)close(c->fd);
	free(c->dir);
	free(c);
}

/* Nothing is lost but time. */
static void
warn(struct fetch_cache *c, const char *what)
{
	int64_t	now = clk_mono();

	if (c->warned != 0 && now - c->warned < WARN)
		return;
	c->warned = now;
	log_warn(c->dir, "%s; pages of logs that are not committed when the "
	    "process ends are downloaded again (fetch.cache)", what);
}

static void
failed(struct fetch_cache *c, const char *what)
{
	warn(c, what);
	c->paused = clk_mono() + PAUSE;
	fetch_cache_trim(c);
}

/* What can be removed is; a file that was left behind goes when it is empty. */
static void
discard(struct fetch_cache *c, struct cache_body **at)
{
	struct cache_file	*f = (*at)->file;
	size_t			 i;

	cache_file_remove(*at);
	forget(c, at);
	for (i = 0; i < c->nfiles && c->files[i] != f; i++)
		;
	if (i < c->nfiles && cache_file_held(f) == 0)
		forget_file(c, i);
}

static int
is_old(const struct cache_body *b, int64_t now)
{
	return b->at < now - OLD || b->at > now + OLD;
}

/* What is old goes, and is known no more what others have used. */
static void
discard_old(struct fetch_cache *c, int64_t now)
{
	struct cache_body	**b;
	size_t			 k;

	for (k = 0; k < BUCKETS; k++)
		for (b = &c->body[k]; *b != NULL; )
			if (is_old(*b, now) || ((*b)->file != c->own &&
			    !cache_file_has(*b)))
				discard(c, b);
			else
				b = &(*b)->next;
}

/* Was it taken away under our hands?  Then it is begun anew. */
static void
check_gone(struct fetch_cache *c)
{
	struct stat	st;

	if (c->own != NULL && cache_file_gone(c->own)) {
		warn(c, "somebody removed files of the cache");
		forget_own(c);
	}
	if (c->fd != -1 && (fstat(c->fd, &st) == -1 || st.st_nlink == 0)) {
		(void)close(c->fd);
		c->fd = -1;
	}
}

/* Before there were files of many bodies, there was one for each. */
static int
is_single(const char *name)
{
	return strncmp(name, "spare-", 6) == 0 ||
	    (strspn(name, "0123456789abcdef") == 64 &&
	    (name[64] == '\0' || strcmp(name + 64, ".new") == 0));
}

/* What is in a file that was left behind. */
static void
index_file(struct fetch_cache *c, struct cache_file *f, int64_t now)
{
	struct cache_body	 b, *copy;
	uint32_t		 unit = 0;

	memset(&b, 0, sizeof(b));
	while (cache_file_scan(f, &unit, &b)) {
		if (c->n >= BODIES || is_old(&b, now) ||
		    *find(c, b.name) != NULL) {
			cache_file_remove(&b);
			continue;
		}
		copy = mem_dup(&b, sizeof(b));
		copy->next = *bucket(c, b.name);
		*bucket(c, b.name) = copy;
		c->n++;
	}
	if (cache_file_held(f) == 0)
		cache_file_free(f);
	else
		c->files[c->nfiles++] = f;
}

/* A file of the folder. */
static void
look_at(struct fetch_cache *c, const char *name, int64_t now)
{
	struct cache_file	*f;
	int64_t			 size;
	size_t			 i;

	if (c->own != NULL && strcmp(cache_file_name(c->own), name) == 0)
		return;
	for (i = 0; i < c->nfiles; i++)
		if (strcmp(cache_file_name(c->files[i]), name) == 0)
			return;
	if (is_single(name))
		(void)unlinkat(c->fd, name, 0);
	else if (c->nfiles < FILES) {
		f = cache_file_adopt(c->fd, name, &size);
		if (f != NULL)
			index_file(c, f, now);
		else
			c->others += size;
	}
}

void
fetch_cache_look(struct fetch_cache *c)
{
	int64_t		 wall = clk_wall() / CLK_SEC;
	struct dirent	*x;
	DIR		*d = NULL;
	int		 fd = -1;

	c->looked = clk_mono();
	check_gone(c);
	discard_old(c, wall);
	if (c->fd == -1)
		c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		    O_NOFOLLOW);
	if (c->fd != -1)
		fd = openat(c->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1 && (d = fdopendir(fd)) == NULL)
		(void)close(fd);
	if (d == NULL)
		return;
	c->others = 0;
	while ((x = readdir(d)) != NULL)
		look_at(c, x->d_name, wall);
	(void)closedir(d);
}

/* The file to write to, made when there is none: 0; -1 and err. */
static int
need_file(struct fetch_cache *c, struct err *e)
{
	if (c->own != NULL)
		return 0;
	if (c->fd == -1) {
		(void)mkdir(c->dir, 0700);
		c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		    O_NOFOLLOW);
	}
	if (c->fd == -1)
		return err_set(e, ERR_SYS, "making the folder");
	c->own = cache_file_new(c->fd, e);
	return c->own != NULL ? 0 : -1;
}

int
fetch_cache_put(struct fetch_cache *c, const uint8_t name[32],
    struct span body, int gzip)
{
	struct err		 e = ERR_INIT;
	struct cache_body	*b;
	int64_t			 max = c->cap - c->others;
	size_t			 i;
	int			 rc;

	if (body.n == 0 || body.n > FETCH_CACHE_BODY ||
	    (c->paused != 0 && clk_mono() < c->paused))
		return 0;
	if (clk_mono() - c->looked > LOOK)
		fetch_cache_look(c);
	fetch_cache_remove(c, name);
	if (c->n >= BODIES)
		return 0;
	if (need_file(c, &e) == -1) {
		failed(c, e.msg);
		return 0;
	}
	for (i = 0; i < c->nfiles; i++)
		max -= cache_file_size(c->files[i]);
	b = mem_zero(sizeof(*b));
	memcpy(b->name, name, sizeof(b->name));
	b->at = clk_wall() / CLK_SEC;
	b->gzip = gzip != 0;
	rc = cache_file_put(c->own, b, body, max, &e);
	if (rc != 1) {
		free(b);
		if (rc == -1)
			failed(c, e.msg);
		return 0;
	}
	b->next = *bucket(c, name);
	*bucket(c, name) = b;
	c->n++;
	c->paused = 0;
	return 1;
}

int
fetch_cache_get(struct fetch_cache *c, const uint8_t name[32],
    struct buf *out, int *gzip)
{
	struct cache_body	**b = find(c, name);

	if (*b != NULL && cache_file_get(*b, out) == 0) {
		*gzip = (*b)->gzip != 0;
		return 1;
	}
	if (*b != NULL)
		discard(c, b);
	buf_reset(out);
	return 0;
}

void
fetch_cache_remove(struct fetch_cache *c, const uint8_t name[32])
{
	struct cache_body	**b = find(c, name);

	if (*b != NULL)
		discard(c, b);
}

void
fetch_cache_trim(struct fetch_cache *c)
{
	if (c->own != NULL && cache_file_held(c->own) == 0)
		forget_own(c);
	else if (c->own != NULL)
		cache_file_trim(c->own);
}
