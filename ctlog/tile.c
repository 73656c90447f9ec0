#include "ctlog/tile.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"

#define HEIGHT 8	/* levels of the tree in a tile */

int
tile_path(const struct tile *t, char out[TILE_PATH_MAX])
{
	uint64_t	high = t->index, group[7];
	int		n, i, k = 0;

	if (t->level < TILE_DATA || t->level > TILE_LEVEL_MAX ||
	    t->width < 1 || t->width > TILE_WIDTH)
		return -1;
	if (t->level == TILE_DATA)
		n = snprintf(out, TILE_PATH_MAX, "tile/data/");
	else
		n = snprintf(out, TILE_PATH_MAX, "tile/%d/", t->level);
	/* Three digits a group, all but the last with an x in front. */
	do {
		group[k++] = high % 1000;
		high /= 1000;
	} while (high > 0);
	for (i = k - 1; i >= 0; i--)
		n += snprintf(out + n, (size_t)(TILE_PATH_MAX - n),
		    i > 0 ? "x%03u/" : "%03u", (unsigned)group[i]);
	if (t->width < TILE_WIDTH)
		(void)snprintf(out + n, (size_t)(TILE_PATH_MAX - n), ".p/%u",
		    t->width);
	return 0;
}

int
tile_request(const char *base, const struct tile *t, struct http_req *req)
{
	char	path[TILE_PATH_MAX];
	int	n;

	if (tile_path(t, path) == -1)
		return -1;
	req->cap = t->level == TILE_DATA ? LIMIT_BODY_TILE :
	    LIMIT_BODY_HASH_TILE;
	n = snprintf(req->url, sizeof(req->url), "%s%s", base, path);
	return n < 0 || (size_t)n >= sizeof(req->url) ? -1 : 0;
}

int
tile_issuer_request(const char *base, const uint8_t fp[32],
    struct http_req *req)
{
	char	hex[2 * SHA_LEN + 1];
	int	n;

	req->cap = LIMIT_BODY_ISSUER;
	n = snprintf(req->url, sizeof(req->url), "%sissuer/%s", base,
	    enc_hex_to(hex, fp, SHA_LEN));
	return n < 0 || (size_t)n >= sizeof(req->url) ? -1 : 0;
}

unsigned
tile_width(int level, uint64_t index, uint64_t size)
{
	uint64_t	nodes = size;

	if (level > TILE_LEVEL_MAX || index >> 56 != 0)
		return 0;
	if (level > 0)
		nodes >>= HEIGHT * level;
	if (nodes >> HEIGHT > index)
		return TILE_WIDTH;
	return nodes >> HEIGHT == index ? (unsigned)(nodes % TILE_WIDTH) : 0;
}

/* The tile that holds a node, where in it, and how many hashes it spans. */
static void
locate(const struct merkle_node *m, int *level, uint64_t *index,
    unsigned *at, unsigned *count)
{
	unsigned	up = m->level % HEIGHT;
	uint64_t	first = m->index << up;

	*level = (int)(m->level / HEIGHT);
	*index = first >> HEIGHT;
	*at = (unsigned)(first % TILE_WIDTH);
	*count = 1u << up;
}

/* The tiles of these nodes, each once. */
static int
tiles_of(const struct merkle_node *nodes, int n, uint64_t size,
    struct tile *out, size_t max)
{
	struct tile	t;
	unsigned	at, count;
	size_t		k = 0, j;
	int		i;

	if (n == -1)
		return -1;
	for (i = 0; i < n; i++) {
		locate(&nodes[i], &t.level, &t.index, &at, &count);
		t.width = tile_width(t.level, t.index, size);
		if (t.width < at + count)
			return -1;
		for (j = 0; j < k; j++)
			if (out[j].level == t.level &&
			    out[j].index == t.index)
				break;
		if (j < k)
			continue;
		if (k >= max)
			return -1;
		out[k++] = t;
	}
	return (int)k;
}

int
tile_range_tiles(uint64_t from, uint64_t to, uint64_t size,
    struct tile *out, size_t max)
{
	struct merkle_node	nodes[MERKLE_NODES];

	return tiles_of(nodes, merkle_range_nodes(from, to, nodes,
	    MERKLE_NODES), size, out, max);
}

int
tile_frontier_tiles(uint64_t size, struct tile *out, size_t max)
{
	return tile_range_tiles(0, size, size, out, max);
}

int
tile_consistency_tiles(uint64_t size1, uint64_t size, struct tile *out,
    size_t max)
{
	struct merkle_node	nodes[MERKLE_NODES];

	return tiles_of(nodes, merkle_consistency_nodes(size1, size, nodes,
	    MERKLE_NODES), size, out, max);
}

int
tile_inclusion_tiles(uint64_t index, uint64_t size, struct tile *out,
    size_t max)
{
	struct merkle_node	nodes[MERKLE_NODES];

	return tiles_of(nodes, merkle_inclusion_nodes(index, size, nodes,
	    MERKLE_NODES), size, out, max);
}

int
tile_check(const struct tile_hash *t, struct err *e)
{
	if (t->level < 0 || t->level > TILE_LEVEL_MAX || t->width < 1 ||
	    t->width > TILE_WIDTH)
		return err_set(e, ERR_FORMAT, "tile: level %d and width %u, "
		    "must be 0 to %d and 1 to %d (static-ct-api, Merkle "
		    "Tree)", t->level, t->width, TILE_LEVEL_MAX, TILE_WIDTH);
	if (t->bytes.n != (size_t)t->width * SHA_LEN)
		return err_set(e, ERR_FORMAT, "tile: %zu bytes, a tile of "
		    "width %u has %zu (static-ct-api, Merkle Tree)",
		    t->bytes.n, t->width, (size_t)t->width * SHA_LEN);
	return 0;
}

int
tile_node(const struct tile_hash *tiles, size_t n,
    const struct merkle_node *m, uint8_t out[32])
{
	uint8_t		hash[TILE_WIDTH / 2][SHA_LEN];
	uint64_t	index;
	unsigned	at, count;
	int		level;

	locate(m, &level, &index, &at, &count);
	for (; n > 0; tiles++, n--)
		if (tiles->level == level && tiles->index == index &&
		    at + count <= tiles->width &&
		    tile_check(tiles, NULL) == 0)
			break;
	if (n == 0)
		return -1;
	memcpy(hash, tiles->bytes.p + (size_t)at * SHA_LEN,
	    (size_t)count * SHA_LEN);
	for (; count > 1; count /= 2)
		sha_nodes(hash, (const uint8_t (*)[SHA_LEN])hash, count / 2);
	memcpy(out, hash[0], SHA_LEN);
	return 0;
}

int
tile_range(const struct tile_hash *tiles, size_t n, uint64_t from,
    uint64_t to, struct merkle_range *out)
{
	struct merkle_node	nodes[MERKLE_NODES];
	int			i, k;

	k = merkle_range_nodes(from, to, nodes, MERKLE_NODES);
	if (k == -1)
		return -1;
	merkle_start(out, from);
	for (i = 0; i < k; i++)
		if (tile_node(tiles, n, &nodes[i], out->hash[i]) == -1)
			return -1;
	out->to = to;
	out->n = (unsigned)k;
	return 0;
}

/* Nodes of one step, left to right, folded from the right into one hash. */
static int
assemble(const struct tile_hash *tiles, size_t n,
    const struct merkle_node *nodes, int k, uint8_t (*path)[32])
{
	uint8_t	h[SHA_LEN];
	int	i, steps = 0;

	for (i = k - 1; i >= 0; i--) {
		if (tile_node(tiles, n, &nodes[i], h) == -1)
			return -1;
		if (i + 1 < k && nodes[i + 1].step == nodes[i].step)
			sha_node(path[nodes[i].step], h,
			    path[nodes[i].step]);
		else {
			memcpy(path[nodes[i].step], h, SHA_LEN);
			steps++;
		}
	}
	return steps;
}

int
tile_consistency(const struct tile_hash *tiles, size_t n, uint64_t size1,
    uint64_t size2, uint8_t (*path)[32])
{
	struct merkle_node	nodes[MERKLE_NODES];
	int			k;

	k = merkle_consistency_nodes(size1, size2, nodes, MERKLE_NODES);
	return k == -1 ? -1 : assemble(tiles, n, nodes, k, path);
}

int
tile_inclusion(const struct tile_hash *tiles, size_t n, uint64_t index,
    uint64_t size, uint8_t (*path)[32])
{
	struct merkle_node	nodes[MERKLE_NODES];
	int			k;

	k = merkle_inclusion_nodes(index, size, nodes, MERKLE_NODES);
	return k == -1 ? -1 : assemble(tiles, n, nodes, k, path);
}
