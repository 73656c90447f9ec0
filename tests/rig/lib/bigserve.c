#include <sys/resource.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/bigadmin.h"
#include "tests/rig/lib/bigserve.h"
#include "tests/rig/lib/file.h"

static void
say(struct bigres *s, int status, const char *text)
{
	s->status = status;
	s->type = "text/plain; charset=utf-8";
	buf_reset(&s->body);
	buf_fmt(&s->body, "%s\n", text);
}

static void
hold(struct bigres *s, struct bigpage *p)
{
	s->hold[s->holds++] = p;
}

/* --- RFC 6962 ----------------------------------------------------------------- */

static void
get_entries(struct bigserve *v, const char *query, struct bigres *s)
{
	int64_t from = args_number(query, "start", -1);
	int64_t end = args_number(query, "end", -1), to, size;
	const struct bigplace *a, *z;
	struct bigpage *p;
	int64_t n;

	size = (int64_t)v->heads.size;
	if (from < 0 || end < from || from >= size) {
		say(s, 400, "start and end: no such entries");
		return;
	}
	end = end >= size ? size : end + 1;
	if (end - from > v->cap)
		end = from + v->cap;
	if (v->align > 0 && end - 1 > (from / v->align + 1) * v->align - 1)
		end = (from / v->align + 1) * v->align;
	s->type = "application/json";
	buf_str(&s->body, "{\"entries\":[");
	for (n = from / BIG_WIDTH; from < end; n++, from = to) {
		to = (n + 1) * BIG_WIDTH < end ? (n + 1) * BIG_WIDTH : end;
		p = bigcore_page(v->core, BIGPAGE_JSON, (uint64_t)n);
		hold(s, p);
		a = &v->core->pages.at[from % BIG_WIDTH];
		z = &v->core->pages.at[(to - 1) % BIG_WIDTH];
		if (s->parts > 0)
			bighttp_part(s, ",", 1);
		bighttp_part(s, p->out + a->json, z->json + z->njson -
		    a->json);
		v->entries += (uint64_t)(to - from);
	}
	bighttp_part(s, "]}", 2);
}

static void
put_hashes(struct buf *b, const struct buf *hashes)
{
	size_t i;

	buf_str(b, "[");
	for (i = 0; i < hashes->n; i += BIGTREE_HASH) {
		buf_str(b, i == 0 ? "\"" : ",\"");
		b64_put(b, hashes->p + i, BIGTREE_HASH);
		buf_str(b, "\"");
	}
	buf_str(b, "]");
}

static void
get_consistency(struct bigserve *v, const char *query, struct bigres *s)
{
	int64_t a = args_number(query, "first", -1);
	int64_t b = args_number(query, "second", -1);
	struct buf proof = BUF_INIT;

	if (a < 0 || b < a || b > (int64_t)v->heads.size) {
		say(s, 400, "first and second: no such sizes");
		return;
	}
	if (a > 0)
		bigtree_consistency(&v->core->tree, (uint64_t)a, (uint64_t)b,
		    &proof);
	s->type = "application/json";
	buf_str(&s->body, "{\"consistency\":");
	put_hashes(&s->body, &proof);
	buf_str(&s->body, "}");
	buf_free(&proof);
}

static void
get_proof(struct bigserve *v, const char *query, struct bigres *s)
{
	int64_t n = args_number(query, "tree_size", -1), i = -1;
	char *text = args_text(query, "hash");
	struct buf hash = BUF_INIT, path = BUF_INIT;

	if (text != NULL && b64_get(&hash, text) == 0 &&
	    hash.n == BIGTREE_HASH)
		i = bigtree_find(&v->core->tree, hash.p);
	if (n < 1 || n > (int64_t)v->heads.size || i < 0 || i >= n) {
		say(s, n < 1 || n > (int64_t)v->heads.size ? 400 : 404,
		    "hash and tree_size: no such leaf");
	} else {
		bigtree_path(&v->core->tree, (uint64_t)i, (uint64_t)n, &path);
		s->type = "application/json";
		buf_fmt(&s->body, "{\"leaf_index\":%lld,\"audit_path\":",
		    (long long)i);
		put_hashes(&s->body, &path);
		buf_str(&s->body, "}");
	}
	buf_free(&hash);
	buf_free(&path);
	free(text);
}

static void
get_roots(struct bigserve *v, struct bigres *s)
{
	const struct buf *root = &v->core->certs.root.der;

	s->type = "application/json";
	buf_str(&s->body, "{\"certificates\":[\"");
	b64_put(&s->body, root->p, root->n);
	buf_str(&s->body, "\"]}");
}

/* --- static-ct-api -------------------------------------------------------------- */

struct name {
	int		 level;		/* -1: data */
	uint64_t	 n;
	unsigned	 width;
};

/* The tile's number: groups of three digits, all but the last with an x. */
static int
read_number(const char **at, uint64_t *n)
{
	const char *p = *at;
	int more, i;

	*n = 0;
	do {
		more = *p == 'x';
		p += more;
		for (i = 0; i < 3; i++, p++) {
			if (!isdigit((unsigned char)*p))
				return -1;
			*n = *n * 10 + (uint64_t)(*p - '0');
		}
		if (*n > UINT64_C(1) << 40 || (more && *p++ != '/'))
			return -1;
	} while (more);
	*at = p;
	return 0;
}

/* "0/x001/234.p/8" behind "tile/". */
static int
read_tile(const char *p, struct name *t)
{
	char *end;

	if (strncmp(p, "data/", 5) == 0) {
		t->level = -1;
		p += 5;
	} else if (isdigit((unsigned char)p[0]) && p[1] == '/' &&
	    p[0] - '0' < BIGTREE_TILES) {
		t->level = p[0] - '0';
		p += 2;
	} else
		return -1;
	if (read_number(&p, &t->n) == -1)
		return -1;
	t->width = BIG_WIDTH;
	if (*p == '\0')
		return 0;
	if (strncmp(p, ".p/", 3) != 0 || !isdigit((unsigned char)p[3]) ||
	    p[3] == '0')
		return -1;
	t->width = (unsigned)strtoul(p + 3, &end, 10);
	return *end == '\0' && t->width < BIG_WIDTH ? 0 : -1;
}

/* The first ${width} entries of a tile, compressed as they are asked for. */
static void
partial(struct bigserve *v, const struct bigpage *p, unsigned width,
    struct bigres *s)
{
	const struct bigplace *z = &v->core->pages.at[width - 1];
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(1);
	size_t n = z->tile + z->ntile, max;

	if (c == NULL)
		abort();
	max = libdeflate_gzip_compress_bound(c, n);
	s->body.n = libdeflate_gzip_compress(c, p->raw, n,
	    buf_room(&s->body, max), max);
	libdeflate_free_compressor(c);
}

static void
get_tile(struct bigserve *v, const char *path, struct bigres *s)
{
	struct name t;
	struct bigpage *p;
	uint64_t n = 0;

	if (read_tile(path, &t) == 0)
		n = v->heads.size >> (8 * (t.level < 0 ? 0 : t.level));
	if (n == 0 || t.n > n / BIG_WIDTH ||
	    n - t.n * BIG_WIDTH < t.width || (v->hybrid && (t.level >= 0 ||
	    t.width < BIG_WIDTH))) {
		say(s, 404, "no such tile");
		return;
	}
	s->type = "application/octet-stream";
	buf_str(&s->head, "Cache-Control: public, max-age=604800, "
	    "immutable\r\n");
	if (t.level >= 0) {
		bighttp_part(s, bigtree_tile(&v->core->tree,
		    (unsigned)t.level) + t.n * BIG_WIDTH * BIGTREE_HASH,
		    t.width * BIGTREE_HASH);
		return;
	}
	p = bigcore_page(v->core, BIGPAGE_TILE, t.n);
	hold(s, p);
	v->entries += t.width;
	buf_str(&s->head, "Content-Encoding: gzip\r\n");
	if (t.width < BIG_WIDTH)
		partial(v, p, t.width, s);
	else
		bighttp_part(s, p->out, v->core->pages.zip.z.n);
}

static void
get_checkpoint(struct bigserve *v, struct bighead *l, const struct bigreq *r,
    struct bigres *s)
{
	char have[64];

	if (v->hybrid) {
		say(s, 404, "this log has no checkpoint");
		return;
	}
	bighead_fresh(&v->heads, l);
	buf_fmt(&s->head, "ETag: %s\r\n", l->etag);
	if (bighttp_header(r, "If-None-Match", have, sizeof(have)) == 0 &&
	    strstr(have, l->etag) != NULL) {
		s->status = 304;
		v->seen_304++;
		return;
	}
	s->type = "text/plain; charset=utf-8";
	buf_span(&s->body, buf_bytes(&l->note));
}

static void
get_issuer(struct bigserve *v, const char *hex, struct bigres *s)
{
	const struct bigcerts *c = &v->core->certs;
	const struct buf *der = NULL;
	struct buf id = BUF_INIT;
	int i;

	if (strlen(hex) == 64 && b64_unhex(&id, hex) == 0) {
		if (memcmp(id.p, c->root.id, 32) == 0)
			der = &c->root.der;
		for (i = 0; i < BIG_CAS; i++)
			if (memcmp(id.p, c->ca[i].id, 32) == 0)
				der = &c->ca[i].der;
	}
	if (der == NULL) {
		say(s, 404, "no such issuer");
	} else {
		s->type = "application/pkix-cert";
		buf_span(&s->body, buf_bytes(der));
	}
	buf_free(&id);
}

/* --- requests ------------------------------------------------------------------- */

static enum bigkind
kind_of(const char *path)
{
	static const char *const names[] = { "ct/v1/get-sth",
	    "ct/v1/get-entries", "ct/v1/get-sth-consistency",
	    "ct/v1/get-proof-by-hash", "ct/v1/get-roots", "checkpoint" };
	int i;

	for (i = 0; i < 6; i++)
		if (strcmp(path, names[i]) == 0)
			return (enum bigkind)i;
	if (strncmp(path, "tile/data/", 10) == 0)
		return BIGKIND_DATA;
	if (strncmp(path, "tile/", 5) == 0)
		return BIGKIND_HASHES;
	return strncmp(path, "issuer/", 7) == 0 ? BIGKIND_ISSUER :
	    BIGKIND_MAX;
}

static void
serve_log(struct bigserve *v, struct bighead *l, const char *path,
    const struct bigreq *r, struct bigres *s)
{
	enum bigkind k = kind_of(path);

	if (k == BIGKIND_MAX || strcmp(r->method, "GET") != 0) {
		say(s, 404, "no such request");
		return;
	}
	v->requests[l - v->heads.log][k]++;
	if (bigfault_hit(&v->faults, r, s))
		return;
	if (k == BIGKIND_STH) {
		bighead_fresh(&v->heads, l);
		s->type = "application/json";
		buf_span(&s->body, buf_bytes(&l->sth));
	} else if (k == BIGKIND_ENTRIES)
		get_entries(v, r->query, s);
	else if (k == BIGKIND_CONSISTENCY)
		get_consistency(v, r->query, s);
	else if (k == BIGKIND_PROOF)
		get_proof(v, r->query, s);
	else if (k == BIGKIND_ROOTS)
		get_roots(v, s);
	else if (k == BIGKIND_CHECKPOINT)
		get_checkpoint(v, l, r, s);
	else if (k == BIGKIND_ISSUER)
		get_issuer(v, path + 7, s);
	else
		get_tile(v, path + 5, s);
}

/* The log lists, as files of the folder. */
static void
serve_list(struct bigserve *v, const char *path, struct bigres *s)
{
	char *file = mem_printf("%s/%s", v->core->o.dir, path);

	if (strchr(path, '/') != NULL || file_read(file, &s->body, NULL) == -1)
		say(s, 404, "no such list");
	else
		s->type = "application/json";
	free(file);
}

void
bigserve_request(void *ctx, const struct bigreq *r, struct bigres *s)
{
	struct bigserve *v = ctx;
	const char *p = r->path, *slash;
	struct bighead *l;
	size_t n = strlen(BIGHEAD_PLAIN);
	int i, plain;

	if (*p == '/')
		p++;
	plain = strncmp(p, BIGHEAD_PLAIN, n) == 0;
	if (plain)
		p += n;
	slash = strchr(p, '/');
	if (strncmp(p, "_rig/", 5) == 0)
		bigadmin_serve(v, p + 5, r->query, s);
	else if (strncmp(p, "loglist", 7) == 0)
		serve_list(v, p, s);
	else if (slash == NULL || (l = bighead_find(&v->heads, p,
	    (size_t)(slash - p))) == NULL)
		say(s, 404, "no such log");
	else if (plain && kind_of(slash + 1) > BIGKIND_ROOTS)
		say(s, 404, "this log has no tiles");
	else
		serve_log(v, l, slash + 1, r, s);
	v->bytes += s->body.n;
	for (i = 0; i < s->parts; i++)
		v->bytes += s->part[i].iov_len;
}

void
bigserve_done(void *ctx, struct bigres *s)
{
	(void)ctx;
	while (s->holds > 0)
		bigcore_drop(s->hold[--s->holds]);
}

void
bigserve_tick(void *ctx)
{
	struct bigserve *v = ctx;

	bigcore_grow(v->core, bigtime_size(&v->core->time, bigtime_now()));
	v->heads.size = v->core->tree.n;
}
