#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/cosign.h"
#include "tests/rig/lib/issuers.h"
#include "tests/rig/lib/rfc.h"
#include "tests/rig/lib/tiled.h"

enum { WIDTH = 256, LEVELS = 6 };

struct tile {
	int		 level;		/* -1: data */
	uint64_t	 n;
	unsigned	 width;		/* 256: full */
};

enum kind
tiled_kind(const char *path)
{
	if (strcmp(path, "checkpoint") == 0)
		return KIND_CHECKPOINT;
	if (strncmp(path, "tile/data/", 10) == 0)
		return KIND_DATA;
	if (strncmp(path, "tile/", 5) == 0)
		return KIND_TILE;
	if (strncmp(path, "issuer/", 7) == 0)
		return KIND_ISSUER;
	return KIND_MAX;
}

/* A signature line (signed-note): name, key id, blob. */
static void
put_line(struct buf *b, const char *name, const uint8_t *id,
    struct span blob)
{
	struct buf raw = BUF_INIT;

	buf_add(&raw, id, 4);
	buf_span(&raw, blob);
	buf_fmt(b, "\xe2\x80\x94 %s ", name);
	b64_put(b, raw.p, raw.n);
	buf_str(b, "\n");
	buf_free(&raw);
}

/* SHA-256(name || 0x0A || 0x05 || LogID)[:4] */
static void
key_id(const struct rlog *lg, const char *name, uint8_t *id)
{
	struct buf b = BUF_INIT;
	uint8_t h[32];

	buf_str(&b, name);
	buf_u8(&b, 0x0a);
	buf_u8(&b, 0x05);
	buf_add(&b, lg->id, 32);
	SHA256(b.p, b.n, h);
	memcpy(id, h, 4);
	buf_free(&b);
}

/* Signatures nobody knows, such as a log may carry. */
static void
extra_lines(struct buf *b, const char *origin, int64_t from, int64_t to)
{
	uint8_t junk[100];
	struct span blob = { junk + 4, 96 };
	struct buf name = BUF_INIT;

	for (; from < to; from++) {
		if (RAND_bytes(junk, sizeof(junk)) != 1)
			abort();
		buf_reset(&name);
		if (from == 0)
			buf_str(&name, "grease.invalid");
		else if (from == 1)
			buf_str(&name, origin);	/* another key's id */
		else
			buf_fmt(&name, "witness%lld.example/w",
			    (long long)from);
		put_line(b, buf_text(&name), junk, blob);
	}
	buf_free(&name);
}

static void
checkpoint(struct rlog *lg, struct web_res *s)
{
	struct buf origin = BUF_INIT, blob = BUF_INIT;
	struct lie *l = lg->lies;
	const char *o, *name;
	struct head h;
	uint8_t id[4];
	int64_t extra = 0;
	size_t ntext;
	int wrong = lie_tell(&l[LIE_ORIGIN], KIND_CHECKPOINT);

	rlog_head(lg, KIND_CHECKPOINT, &h);
	o = strstr(lg->base, "://");
	buf_str(&origin, o == NULL ? lg->base : o + 3);
	if (origin.n > 0 && origin.p[origin.n - 1] == '/')
		origin.p[--origin.n] = '\0';
	o = wrong ? "other.example/log" : buf_text(&origin);
	name = wrong && strcmp(l[LIE_ORIGIN].mode, "both") == 0 ? o :
	    buf_text(&origin);
	buf_fmt(&s->body, "%s\n%llu\n", o, (unsigned long long)h.size);
	b64_put(&s->body, h.root, 32);
	buf_str(&s->body, "\n");
	ntext = s->body.n;
	buf_str(&s->body, "\n");
	if (lie_tell(&l[LIE_EXTRASIGS], KIND_CHECKPOINT))
		extra = l[LIE_EXTRASIGS].n;
	extra_lines(&s->body, o, 0, extra / 2);
	buf_u64(&blob, h.timestamp);
	buf_add(&blob, h.sig, h.nsig);
	key_id(lg, name, id);
	put_line(&s->body, name, id, buf_bytes(&blob));
	extra_lines(&s->body, o, extra / 2, extra);
	if (lie_tell(&l[LIE_COSIGN], KIND_CHECKPOINT))
		cosign_line(&s->body, (struct span){ s->body.p, ntext },
		    h.timestamp / 1000,
		    strcmp(l[LIE_COSIGN].mode, "bad") == 0);
	s->type = "text/plain; charset=utf-8";
	buf_free(&origin);
	buf_free(&blob);
}

/* The tile's number: groups of three digits, all but the last with an x. */
static int
read_number(const char **at, uint64_t *n)
{
	const char *p = *at;
	int more, i;

	*n = 0;
	do {
		more = *p == 'x';
		if (more)
			p++;
		for (i = 0; i < 3; i++, p++) {
			if (!isdigit((unsigned char)*p))
				return -1;
			*n = *n * 10 + (uint64_t)(*p - '0');
		}
		if (*n > (uint64_t)1 << 40)
			return -1;
		if (more && *p++ != '/')
			return -1;
	} while (more);
	*at = p;
	return 0;
}

/* "0/x001/234.p/8" behind "tile/". */
static int
read_tile(const char *p, struct tile *t)
{
	char *end;

	if (strncmp(p, "data/", 5) == 0) {
		t->level = -1;
		p += 5;
	} else if (p[0] >= '0' && p[0] < '0' + LEVELS && p[1] == '/') {
		t->level = p[0] - '0';
		p += 2;
	} else
		return -1;
	if (read_number(&p, &t->n) == -1)
		return -1;
	t->width = WIDTH;
	if (*p == '\0')
		return 0;
	if (strncmp(p, ".p/", 3) != 0 || !isdigit((unsigned char)p[3]) ||
	    p[3] == '0')
		return -1;
	t->width = (unsigned)strtoul(p + 3, &end, 10);
	return *end == '\0' && t->width < WIDTH ? 0 : -1;
}

/* Does a tree of this size have the tile? */
static int
has_tile(const struct tile *t, uint64_t size)
{
	unsigned l = t->level < 0 ? 0 : (unsigned)t->level;
	uint64_t n = size >> (8 * l);

	return t->n <= n / WIDTH && n - t->n * WIDTH >= t->width;
}

static void
hash_tile(struct rlog *lg, const struct tile *t, struct web_res *s)
{
	struct lie *f = &lg->lies[LIE_TILEFLIP];

	buf_add(&s->body, tree_at(&lg->br[lg->cur].tree,
	    (unsigned)t->level * 8, t->n * WIDTH), (size_t)t->width * 32);
	if ((f->level < 0 || f->level == t->level) &&
	    lie_tell(f, KIND_TILE))
		s->body.p[0] ^= 1;
}

static void
data_tile(struct rlog *lg, const struct tile *t, struct web_res *s)
{
	struct lie *l = lg->lies;
	struct entry e;
	uint64_t at, last = t->n * WIDTH + t->width - 1, n = t->width;

	if (lie_tell(&l[LIE_OVERSIZED], KIND_DATA))
		n += (uint64_t)l[LIE_OVERSIZED].n;
	if (lie_tell(&l[LIE_EMPTY], KIND_DATA))
		n = 0;
	for (at = t->n * WIDTH; n > 0; n--, at++) {
		rfc_entry(lg, at < last ? at : last, KIND_DATA, &e);
		entry_tile(&e, &s->body);
		entry_free(&e);
		lg->entries++;
	}
}

static int
tile(struct rlog *lg, enum kind k, const char *path, struct web_res *s)
{
	struct lie *l = lg->lies;
	struct tile t;
	uint64_t size = rlog_limit(lg);

	if (lie_tell(&l[LIE_LAG], k))
		size -= size < (uint64_t)l[LIE_LAG].n ? size :
		    (uint64_t)l[LIE_LAG].n;
	if (read_tile(path + 5, &t) == -1 || !has_tile(&t, size) ||
	    (lg->hybrid && (t.level >= 0 || t.width < WIDTH)) ||
	    (t.width < WIDTH && lie_tell(&l[LIE_NOPARTIAL], k))) {
		web_say(s, 404, "no such tile");
		return 0;
	}
	s->type = "application/octet-stream";
	if (t.level >= 0) {
		hash_tile(lg, &t, s);
		return 0;
	}
	data_tile(lg, &t, s);
	return 1;
}

static void
issuer(struct rlog *lg, const char *hex, struct web_res *s)
{
	struct buf id = BUF_INIT;
	struct span der;

	if (strlen(hex) != 64 || b64_unhex(&id, hex) == -1 ||
	    lie_tell(&lg->lies[LIE_NOISSUER], KIND_ISSUER) ||
	    issuers_get(id.p, &der) == -1) {
		web_say(s, 404, "no such issuer");
	} else {
		s->type = "application/pkix-cert";
		if (!lie_tell(&lg->lies[LIE_ISSUERHASH], KIND_ISSUER))
			buf_span(&s->body, der);
		else if (issuers_other(id.p, &der) == 0)
			buf_span(&s->body, der);
		else
			buf_str(&s->body, "not that certificate");
	}
	buf_free(&id);
}

int
tiled_serve(struct rlog *lg, enum kind k, const char *path,
    struct web_res *s)
{
	if (k == KIND_CHECKPOINT && lg->hybrid)
		web_say(s, 404, "this log has no checkpoint");
	else if (k == KIND_CHECKPOINT)
		checkpoint(lg, s);
	else if (k == KIND_ISSUER)
		issuer(lg, path + 7, s);
	else
		return tile(lg, k, path, s);
	return 0;
}

void
tiled_gzip(struct web_res *s)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(3);
	struct buf z = BUF_INIT;
	size_t n;

	if (c == NULL)
		abort();
	n = libdeflate_gzip_compress_bound(c, s->body.n);
	n = libdeflate_gzip_compress(c, buf_text(&s->body), s->body.n,
	    buf_room(&z, n), n);
	z.n = n;
	buf_add(&z, "", 0);
	libdeflate_free_compressor(c);
	buf_free(&s->body);
	s->body = z;
	buf_str(&s->head, "Content-Encoding: gzip\r\n");
}
