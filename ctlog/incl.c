#include "ctlog/incl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctlog/rfc6962.h"

#define HTTP_OK		200
#define HTTP_BAD	400
#define HTTP_NOT_FOUND	404
#define HTTP_GONE	410

/* Enter a state for good; returns -1. */
static int __attribute__((format(printf, 3, 4)))
end(struct incl *in, enum incl_state state, const char *fmt, ...)
{
	va_list	ap;

	in->state = state;
	in->nask = 0;
	va_start(ap, fmt);
	(void)vsnprintf(in->why, sizeof(in->why), fmt, ap);
	va_end(ap);
	return -1;
}

/* --- what to ask --- */

/* The tiles of the audit path, and the one that holds the leaf itself. */
static int
start_static(struct incl *in)
{
	struct tile	leaf = { 0, 0, 0 };
	size_t		i;
	int		n;

	if (in->leaf_index < 0)
		return end(in, INCL_REFUSED, "the SCT has no leaf_index, by "
		    "which entries are found (static-ct-api, SCT "
		    "Extension)");
	if ((uint64_t)in->leaf_index >= in->size)
		return end(in, INCL_ABSENT, "leaf_index %" PRId64 " is not "
		    "in the tree of %" PRIu64 " entries", in->leaf_index,
		    in->size);
	leaf.index = (uint64_t)in->leaf_index / TILE_WIDTH;
	leaf.width = tile_width(0, leaf.index, in->size);
	n = tile_inclusion_tiles((uint64_t)in->leaf_index, in->size,
	    in->tile, TILE_SET_MAX - 1);
	if (n == -1)
		return end(in, INCL_REFUSED, "no tiles hold leaf_index %"
		    PRId64 " of %" PRIu64 " entries", in->leaf_index,
		    in->size);
	in->nask = (size_t)n;
	for (i = 0; i < in->nask; i++)
		if (in->tile[i].level == 0 &&
		    in->tile[i].index == leaf.index)
			return 0;
	in->tile[in->nask++] = leaf;
	return 0;
}

int
incl_start(struct incl *in, int is_static, const char *base,
    const uint8_t leaf_hash[32], int64_t leaf_index, uint64_t size,
    const uint8_t root[32])
{
	struct http_req	req;
	size_t		i;

	memset(in, 0, sizeof(*in));
	in->is_static = is_static;
	in->leaf_index = leaf_index;
	in->size = size;
	memcpy(in->leaf_hash, leaf_hash, sizeof(in->leaf_hash));
	memcpy(in->root, root, sizeof(in->root));
	if (strlen(base) >= sizeof(in->base))
		return end(in, INCL_REFUSED, "the log's URL has more than "
		    "%zu bytes", sizeof(in->base) - 1);
	(void)snprintf(in->base, sizeof(in->base), "%s", base);
	if (size == 0)
		return end(in, INCL_ABSENT, "the tree is empty");
	if (is_static) {
		if (start_static(in) == -1)
			return -1;
	} else {
		if (rfc6962_inclusion(base, leaf_hash, size,
		    &in->one) == -1)
			return end(in, INCL_REFUSED, "the log's URL is too "
			    "long for a request");
		in->nask = 1;
	}
	for (i = 0; i < in->nask; i++)
		if (incl_request(in, i, &req) == -1)
			return end(in, INCL_REFUSED, "the log's URL is too "
			    "long for a request");
	return 0;
}

int
incl_request(const struct incl *in, size_t i, struct http_req *req)
{
	if (in->state != INCL_ASK || i >= in->nask)
		return -1;
	if (in->is_static)
		return tile_request(in->base, &in->tile[i], req);
	*req = in->one;
	return 0;
}

/* --- the answers --- */

/* Does the path in in->path lead from ${leaf} at in->index to the root? */
static int
leads(struct incl *in, const uint8_t leaf[32])
{
	if (merkle_inclusion(leaf, in->index, in->size,
	    (const uint8_t (*)[32])in->path, in->npath, in->root) == 0)
		return 1;
	in->misled = 1;
	(void)end(in, INCL_REFUSED, "the path of the %s does not lead to the "
	    "signed root of %" PRIu64 " entries (RFC 6962 2.1.1)",
	    in->is_static ? "tiles" : "proof", in->size);
	return 0;
}

/*
 * A partial tile may be gone once the full one is there (static-ct-api,
 * Partial Tiles): ask for that one then.  1: ask again, 0: all are there, -1.
 */
static int
tiles_there(struct incl *in, const int *status)
{
	char	path[TILE_PATH_MAX];
	size_t	i;
	int	again = 0;

	for (i = 0; i < in->nask; i++) {
		if (status[i] == HTTP_OK)
			continue;
		if ((status[i] == HTTP_NOT_FOUND || status[i] == HTTP_GONE) &&
		    in->tile[i].width < TILE_WIDTH) {
			in->tile[i].width = TILE_WIDTH;
			again = 1;
			continue;
		}
		(void)tile_path(&in->tile[i], path);
		return end(in, INCL_REFUSED, "%s: HTTP status %d", path,
		    status[i]);
	}
	return again;
}

/* The tiles as fetched; a full one is taken for a partial one. */
static int
tiles_read(struct incl *in, const struct span *body, struct tile_hash *have)
{
	struct err	e = ERR_INIT;
	char		path[TILE_PATH_MAX];
	size_t		i;

	for (i = 0; i < in->nask; i++) {
		have[i].level = in->tile[i].level;
		have[i].index = in->tile[i].index;
		have[i].width = body[i].n == TILE_WIDTH * 32 ? TILE_WIDTH :
		    in->tile[i].width;
		have[i].bytes = body[i];
		if (tile_check(&have[i], &e) == 0)
			continue;
		(void)tile_path(&in->tile[i], path);
		return end(in, INCL_REFUSED, "%s: %.120s", path, e.msg);
	}
	return 0;
}

static void
read_static(struct incl *in, const int *status, const struct span *body)
{
	struct tile_hash	have[TILE_SET_MAX];
	struct merkle_node	leaf = { 0, (uint64_t)in->leaf_index, 0 };
	uint8_t			there[32];
	int			n;

	if (tiles_there(in, status) != 0 || tiles_read(in, body, have) == -1)
		return;
	in->index = leaf.index;
	n = tile_inclusion(have, in->nask, in->index, in->size, in->path);
	if (n == -1 || tile_node(have, in->nask, &leaf, there) == -1) {
		(void)end(in, INCL_REFUSED, "the tiles do not hold "
		    "leaf_index %" PRId64, in->leaf_index);
		return;
	}
	in->npath = (size_t)n;
	/* What is there is first proven, then compared. */
	if (!leads(in, there))
		return;
	if (memcmp(there, in->leaf_hash, sizeof(there)) != 0) {
		memcpy(in->other, there, sizeof(in->other));
		(void)end(in, INCL_ABSENT, "the log has another entry at "
		    "index %" PRId64 ", proven by its tiles",
		    in->leaf_index);
	} else
		(void)end(in, INCL_PROVED, "%s", "");
}

/*
 * A front-end that lags behind the head that another one gave says so, with
 * the status that an unknown leaf has: that is no answer.
 */
static int
is_lag(struct span body)
{
	static const char	needs[] = "need tree size";

	return body.n > 0 && memmem(body.p, body.n, needs,
	    sizeof(needs) - 1) != NULL;
}

static void
read_rfc6962(struct incl *in, int status, struct span body)
{
	struct rfc6962_proof	proof;
	struct err		e = ERR_INIT;

	if (status == HTTP_BAD || status == HTTP_NOT_FOUND) {
		if (is_lag(body))
			(void)end(in, INCL_REFUSED, "get-proof-by-hash: a "
			    "front-end has not got a tree of %" PRIu64
			    " entries yet", in->size);
		else
			(void)end(in, INCL_ABSENT, "get-proof-by-hash: the "
			    "log says that it has no such leaf (HTTP status "
			    "%d, RFC 6962 4.5)", status);
		return;
	}
	if (status != HTTP_OK) {
		(void)end(in, INCL_REFUSED, "get-proof-by-hash: HTTP status "
		    "%d", status);
		return;
	}
	if (rfc6962_read_inclusion(body, &proof, &e) == -1) {
		(void)end(in, INCL_REFUSED, "%.190s", e.msg);
		return;
	}
	in->index = proof.leaf_index;
	in->npath = proof.n;
	memcpy(in->path, proof.path, sizeof(in->path));
	if (leads(in, in->leaf_hash))
		(void)end(in, INCL_PROVED, "%s", "");
}

void
incl_read(struct incl *in, const int *status, const struct span *body,
    size_t n)
{
	if (in->state != INCL_ASK)
		return;
	if (n != in->nask)
		(void)end(in, INCL_REFUSED, "%zu answers to %zu requests", n,
		    in->nask);
	else if (in->is_static)
		read_static(in, status, body);
	else
		read_rfc6962(in, status[0], body[0]);
	if (in->state == INCL_REFUSED)
		in->npath = 0;
}
