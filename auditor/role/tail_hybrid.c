#include "auditor/role/tail.h"

#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "ctlog/tile.h"

/*
 * Some RFC 6962 logs serve full data tiles as well: these are a quarter of
 * the bytes, and cached.  One request tells, once.
 */

int
tail_hybrid_unknown(struct tail *t)
{
	struct fetch_get	g;
	struct http_req		req;
	struct tile		tile = { TILE_DATA, 0, TILE_WIDTH };

	if (t->log.is_static || t->log.hybrid != -1 ||
	    t->head.tree_size < TILE_WIDTH)
		return 0;
	if (t->hybrid_fetch != 0)
		return 1;
	if (tile_request(t->log.read_url, &tile, &req) == -1)
		return 0;
	memset(&g, 0, sizeof(g));
	g.arena = t->arena;
	g.cap = LIMIT_BODY_TILE;
	g.flags = FETCH_F_GZIP;
	g.timeout_ms = 15000;
	g.method = "GET";
	g.url = req.url;
	tail_rate_take(t, &g);
	t->hybrid_fetch = fetch_client_get(t->en->logs, &g);
	return 1;
}

int
tail_hybrid_fetched(struct tail *t, const struct fetch_done *d)
{
	struct err	e = ERR_INIT;
	int		rc;

	if (t->hybrid_fetch == 0 || t->hybrid_fetch != d->id)
		return 0;
	t->hybrid_fetch = 0;
	fetch_client_give(t->en->logs, t->arena, d->offset, d->length);
	/* a web page with status 200 is found out by the first tile */
	t->log.hybrid = d->failure == FETCH_OK && d->status == 200 &&
	    strncmp(d->type, "text/", 5) != 0;
	if (d->failure != FETCH_OK || d->status >= 500 || d->status == 429)
		return 1;
	if ((rc = tail_lock(t, &e)) == 0)
		rc = log_hybrid(t->en->db, t->log.id, t->log.hybrid, &e);
	tail_unlock(t, rc, "hybrid", &e);
	return 1;
}
