#include "auditor/role/tail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "auditor/role/back.h"
#include "auditor/role/fetch_cache.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/tile.h"

/*
 * Pages that were downloaded but not committed are kept in a file: a process
 * that is killed in between asks for none of them again.  They go when they
 * are committed, which is within seconds, so that few ever reach the disk.
 */

/*
 * Who is so near to the head commits at once.  Logs on our own network are
 * asked again: that costs less than to keep what they say.
 */
#define BEHIND	(16 * TILE_WIDTH)

static struct fetch_cache *
cache(struct engine *en)
{
	char	*dir;

	if (en->conf->fetch_cache == 0)
		return NULL;
	if (en->cache == NULL) {
		dir = mem_printf("%s/cache", en->conf->state_dir);
		en->cache = fetch_cache_new(dir, en->conf->fetch_cache);
		free(dir);
	}
	return en->cache;
}

/* Is this page worth it?  A partial tile is another one tomorrow. */
static int
wanted(const struct tail *t, const struct tail_page *p)
{
	return !t->own && t->target - t->done.to >= BEHIND &&
	    (!p->tile || p->full || p->to == p->base + TILE_WIDTH) &&
	    cache(t->en) != NULL;
}

/* It is in the cache until it was committed. */
static void
remember(struct tail *t, const struct tail_page *p)
{
	struct tail_kept	*k;

	t->kept = mem_grow(t->kept, &t->capkept, t->nkept + 1,
	    sizeof(*t->kept));
	k = &t->kept[t->nkept++];
	memcpy(k->name, p->name, sizeof(k->name));
	k->to = p->to;
}

uint64_t
tail_cache_get(struct tail *t, struct tail_page *p, struct fetch_get *g)
{
	struct buf	b = BUF_INIT;
	uint64_t	id = 0;

	p->cached = 0;
	p->keep = wanted(t, p);
	if (p->keep) {
		/* who had the log before may have died with what we need */
		if (t->looked != t->turned)
			fetch_cache_look(cache(t->en));
		t->looked = t->turned;
		sha_256(p->name, g->url, strlen(g->url));
		/* who doubts what was read wants it from the log */
		if (t->mismatch != 0 || p->tries != 0)
			fetch_cache_remove(cache(t->en), p->name);
		else if (fetch_cache_get(cache(t->en), p->name, &b,
		    &p->cached_gzip)) {
			p->cached = 1;
			id = fetch_client_inject(t->en->logs, t->arena,
			    buf_bytes(&b));
			remember(t, p);
		}
		buf_free(&b);
	}
	if (id != 0)
		return id;
	back_take(t, g);
	return fetch_client_get(t->en->logs, g);
}

/*
 * The bodies of this log, as fetch writes them.  It cannot shrink, so that to
 * read it kills nobody; who changes a body while it is copied spoils its sum.
 */
static const uint8_t *
arena(struct tail *t)
{
	void	*p;

	if (t->arena_map == NULL) {
		p = mmap(NULL, (size_t)t->arena_size, PROT_READ, MAP_SHARED,
		    t->arena_fd, 0);
		t->arena_map = p == MAP_FAILED ? NULL : p;
	}
	return t->arena_map;
}

void
tail_cache_release(struct tail *t)
{
	if (t->arena_map != NULL)
		(void)munmap(t->arena_map, (size_t)t->arena_size);
	t->arena_map = NULL;
}

void
tail_cache_fetched(struct tail *t, struct tail_page *p,
    const struct fetch_done *d)
{
	struct span	body;

	if (p->cached) {
		p->ext.gzip = (uint8_t)p->cached_gzip;
		return;
	}
	tail_rate_ok(t, d);
	if (!p->keep || arena(t) == NULL)
		return;
	body.p = arena(t) + d->offset;
	body.n = d->length;
	if (fetch_cache_put(cache(t->en), p->name, body, p->ext.gzip))
		remember(t, p);
}

void
tail_cache_done(struct tail *t, int caught_up)
{
	size_t	i, n = 0;

	for (i = 0; i < t->nkept; i++)
		if (t->kept[i].to <= t->done.to && cache(t->en) != NULL)
			fetch_cache_remove(cache(t->en), t->kept[i].name);
		else
			t->kept[n++] = t->kept[i];
	t->nkept = n;
	if (caught_up && t->en->cache != NULL)
		fetch_cache_trim(t->en->cache);
}
