#include "ctlog/page.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/jsn.h"

/* Bytes behind the last entry that a reader of wide words may touch. */
#define SLACK 64

/* What lies beside a leaf. */
struct beside {
	struct span	extra;	/* get-entries: base64, or decoded; tile:
				 * the precertificate */
	struct span	prints;	/* tile: issuer fingerprints */
};

struct page {
	uint8_t		*own;		/* decoded leaves, or the tile */
	size_t		 cap;
	struct span	*leaf;		/* into own */
	size_t		 leafcap;
	struct beside	*beside;
	size_t		 besidecap;
	uint8_t		(*hash)[SHA_LEN];
	size_t		 hashcap;
	size_t		 n;
	int		 tile;
	int		 decoded;	/* beside.extra is in own */
	struct libdeflate_decompressor *inflate;
};

struct page *
page_new(void)
{
	return mem_zero(sizeof(struct page));
}

void
page_free(struct page *p)
{
	if (p == NULL)
		return;
	if (p->inflate != NULL)
		libdeflate_free_decompressor(p->inflate);
	free(p->own);
	free(p->leaf);
	free(p->beside);
	free(p->hash);
	free(p);
}

/* Begin anew, with ${n} bytes of our own; what was in them is gone. */
static void
renew(struct page *p, size_t n)
{
	p->n = 0;
	p->tile = p->decoded = 0;
	if (p->cap < n + SLACK) {
		free(p->own);
		p->cap = n + SLACK;
		p->own = mem_zero(p->cap);
	}
}

/* Room for one more entry. */
static void
more(struct page *p)
{
	if (p->n >= p->leafcap)
		p->leaf = mem_grow(p->leaf, &p->leafcap, p->n + 1,
		    sizeof(p->leaf[0]));
	if (p->n >= p->besidecap)
		p->beside = mem_grow(p->beside, &p->besidecap, p->n + 1,
		    sizeof(p->beside[0]));
	memset(&p->beside[p->n], 0, sizeof(p->beside[0]));
}

/* --- get-entries: the form that logs send --- */

enum scan { SCAN_OK, SCAN_UNUSUAL, SCAN_MANY };

/* The next byte that is no white space, consumed; -1 at the end. */
static int
token(struct cur *c)
{
	uint8_t	b;

	while (c->p < c->end) {
		b = *c->p++;
		if (b != ' ' && b != '\n' && b != '\r' && b != '\t')
			return b;
	}
	return -1;
}

/* Consume the rest of a member name, after its first quote, and ": ". */
static int
name(struct cur *c, const char *s)
{
	size_t	n = strlen(s);

	if (cur_left(c) <= n || memcmp(c->p, s, n) != 0 || c->p[n] != '"')
		return 0;
	c->p += n + 1;
	return token(c) == ':' ? 1 : -1;
}

/* The two members of one entry, after its brace; leaves go to ${*to}. */
static enum scan
scan_entry(struct page *p, struct cur *c, uint8_t **to)
{
	const uint8_t	*q;
	size_t		 used;
	long		 k;
	int		 have = 0, which, t;

	for (;;) {
		if (token(c) != '"')
			return SCAN_UNUSUAL;
		which = 1;
		t = name(c, "leaf_input");
		if (t == 0) {
			which = 2;
			t = name(c, "extra_data");
		}
		if (t != 1 || have & which || token(c) != '"')
			return SCAN_UNUSUAL;
		have |= which;
		if (which == 1) {
			k = enc_unb64_run(*to,
			    p->cap - SLACK - (size_t)(*to - p->own), c->p,
			    cur_left(c), &used);
			if (k == -1 || used == cur_left(c) ||
			    c->p[used] != '"')
				return SCAN_UNUSUAL;
			p->leaf[p->n] = (struct span){ *to, (size_t)k };
			*to += k;
			c->p += used + 1;
		} else {
			q = memchr(c->p, '"', cur_left(c));
			if (q == NULL)
				return SCAN_UNUSUAL;
			p->beside[p->n].extra = (struct span){ c->p,
			    (size_t)(q - c->p) };
			c->p = q + 1;
		}
		t = token(c);
		if (t == '}' && have == 3)
			return SCAN_OK;
		if (t != ',')
			return SCAN_UNUSUAL;
	}
}

static enum scan
scan(struct page *p, struct span body, size_t max)
{
	struct cur	c = cur_span(body);
	uint8_t		*to = p->own;
	enum scan	rc;
	int		t;

	if (token(&c) != '{' || token(&c) != '"' ||
	    name(&c, "entries") != 1 || token(&c) != '[')
		return SCAN_UNUSUAL;
	t = token(&c);
	while (t == '{') {
		if (p->n >= max)
			return SCAN_MANY;
		more(p);
		if ((rc = scan_entry(p, &c, &to)) != SCAN_OK)
			return rc;
		p->n++;
		t = token(&c);
		if (t == ',') {
			if ((t = token(&c)) != '{')
				return SCAN_UNUSUAL;
		} else if (t != ']')
			return SCAN_UNUSUAL;
	}
	if (t != ']' || token(&c) != '}' || token(&c) != -1)
		return SCAN_UNUSUAL;
	return SCAN_OK;
}

/* --- get-entries: any JSON --- */

/* Decode a member of an entry to ${*to}. */
static int
decode(struct page *p, const json_t *v, uint8_t **to, struct span *out)
{
	size_t	used;
	long	k;

	if (!json_is_string(v))
		return -1;
	k = enc_unb64_run(*to, p->cap - SLACK - (size_t)(*to - p->own),
	    (const uint8_t *)json_string_value(v), json_string_length(v),
	    &used);
	if (k == -1 || used != json_string_length(v))
		return -1;
	*out = (struct span){ *to, (size_t)k };
	*to += k;
	return 0;
}

static int
parse(struct page *p, struct span body, size_t max, struct err *e)
{
	uint8_t		*copy, *to = p->own;
	json_t		*o = NULL, *a, *v;
	size_t		 i;
	int		 rc = -1;

	/* jansson looks at bytes more than once. */
	copy = mem_dup(body.p, body.n);
	o = jsn_object((struct span){ copy, body.n }, "get-entries", e);
	if (o == NULL)
		goto out;
	p->n = 0;
	p->decoded = 1;
	a = json_object_get(o, "entries");
	if (!json_is_array(a)) {
		(void)err_set(e, ERR_FORMAT, "get-entries: entries must be "
		    "an array (RFC 6962 4.6)");
		goto out;
	}
	if (json_array_size(a) > max) {
		(void)err_set(e, ERR_LIMIT, "get-entries: %zu entries, at "
		    "most %zu were asked for", json_array_size(a), max);
		goto out;
	}
	json_array_foreach(a, i, v) {
		more(p);
		if (decode(p, json_object_get(v, "leaf_input"), &to,
		    &p->leaf[i]) == -1 ||
		    decode(p, json_object_get(v, "extra_data"), &to,
		    &p->beside[i].extra) == -1) {
			(void)err_set(e, ERR_FORMAT, "get-entries: entry %zu "
			    "of the answer: leaf_input and extra_data must "
			    "be base64 (RFC 6962 4.6)", i);
			goto out;
		}
		p->n++;
	}
	rc = 0;
out:
	json_decref(o);
	free(copy);
	return rc;
}

int
page_entries(struct page *p, struct span body, size_t max, struct err *e)
{
	enum scan	rc;

	p->n = 0;
	if (body.n > LIMIT_BODY_ENTRIES)
		return err_set(e, ERR_LIMIT, "get-entries: %zu bytes, at "
		    "most %u are read", body.n, LIMIT_BODY_ENTRIES);
	/* Base64 has more bytes than what it stands for. */
	renew(p, body.n);
	rc = body.n == 0 ? SCAN_UNUSUAL : scan(p, body, max);
	if (rc == SCAN_OK)
		return 0;
	if (rc == SCAN_MANY) {
		p->n = 0;
		return err_set(e, ERR_LIMIT, "get-entries: more than the %zu "
		    "entries that were asked for", max);
	}
	if (parse(p, body, max, e) == -1) {
		p->n = 0;
		return -1;
	}
	return 0;
}

/* --- data tiles --- */

/* All members of a gzip file into our own buffer. */
static int
gunzip(struct page *p, struct span body, size_t *n, struct err *e)
{
	enum libdeflate_result	rc;
	size_t			in, out;

	if (p->inflate == NULL &&
	    (p->inflate = libdeflate_alloc_decompressor()) == NULL)
		return err_set(e, ERR_SYS, "data tile: no memory to "
		    "decompress");
	*n = 0;
	do {
		rc = libdeflate_gzip_decompress_ex(p->inflate, body.p,
		    body.n, p->own + *n, LIMIT_BODY_TILE - *n, &in, &out);
		if (rc == LIBDEFLATE_INSUFFICIENT_SPACE)
			return err_set(e, ERR_LIMIT, "data tile: more than "
			    "%u bytes when decompressed", LIMIT_BODY_TILE);
		if (rc != LIBDEFLATE_SUCCESS)
			return err_set(e, ERR_FORMAT, "data tile: no whole "
			    "gzip file (RFC 1952)");
		body.p += in;
		body.n -= in;
		*n += out;
	} while (body.n > 0);
	return 0;
}

/*
 * One TileLeaf.  Only what must be known to find the next one is looked at:
 * an entry that is odd in another way must not hide those behind it.
 */
static int
tile_leaf(struct cur *c, struct span *leaf, struct beside *b)
{
	struct cur	v;
	uint16_t	type;

	leaf->p = c->p;
	if (cur_skip(c, 8) == -1 || cur_u16(c, &type) == -1)
		return -1;
	if (type != ENTRY_X509 &&
	    (type != ENTRY_PRECERT || cur_skip(c, 32) == -1))
		return -1;
	if (cur_vec24(c, &v) == -1 || cur_vec16(c, &v) == -1)
		return -1;
	leaf->n = (size_t)(c->p - leaf->p);
	if (type == ENTRY_PRECERT) {
		if (cur_vec24(c, &v) == -1)
			return -1;
		b->extra = cur_rest(&v);
	}
	if (cur_vec16(c, &v) == -1)
		return -1;
	b->prints = cur_rest(&v);
	return 0;
}

int
page_tile(struct page *p, struct span body, int gzip, size_t width,
    struct err *e)
{
	struct cur	c;
	size_t		n = body.n;

	renew(p, LIMIT_BODY_TILE);
	p->tile = 1;
	if (body.n == 0)
		return err_set(e, ERR_FORMAT,
		    "data tile: empty (static-ct-api, Log Entries)");
	if (gzip) {
		if (gunzip(p, body, &n, e) == -1)
			return -1;
	} else if (body.n > LIMIT_BODY_TILE)
		return err_set(e, ERR_LIMIT, "data tile: %zu bytes, at most "
		    "%u are read", body.n, LIMIT_BODY_TILE);
	else
		memcpy(p->own, body.p, n);
	c = cur_of(p->own, n);
	while (p->n < width) {
		more(p);
		if (tile_leaf(&c, &p->leaf[p->n], &p->beside[p->n]) == -1) {
			(void)err_set(e, ERR_FORMAT, "data tile: entry %zu "
			    "of %zu is cut short or of an unknown type "
			    "(static-ct-api, Log Entries)", p->n, width);
			p->n = 0;
			return -1;
		}
		p->n++;
	}
	if (cur_left(&c) != 0) {
		p->n = 0;
		return err_set(e, ERR_FORMAT, "data tile: %zu bytes are left "
		    "over after entry %zu (static-ct-api, Log Entries)",
		    cur_left(&c), width - 1);
	}
	return 0;
}

/* --- what was read --- */

size_t
page_count(const struct page *p)
{
	return p->n;
}

int
page_is_tile(const struct page *p)
{
	return p->tile;
}

struct span
page_leaf(const struct page *p, size_t i)
{
	return p->tile ? (struct span){ NULL, 0 } : p->leaf[i];
}

struct span
page_timestamped(const struct page *p, size_t i)
{
	struct span	s = p->leaf[i];

	if (!p->tile) {
		if (s.n < 2)
			return (struct span){ NULL, 0 };
		s.p += 2;
		s.n -= 2;
	}
	return s;
}

void
page_leaf_copy(const struct page *p, size_t i, struct buf *out)
{
	if (p->tile)
		buf_u16(out, 0);	/* version and leaf type */
	buf_span(out, p->leaf[i]);
}

int
page_at(const struct page *p, size_t i, struct entry *out, struct err *e)
{
	struct cur	c;

	if (!p->tile)
		return entry_read(p->leaf[i], out, e);
	/* tile_leaf() ended it where the extensions end. */
	c = cur_span(p->leaf[i]);
	return entry_read_timestamped(&c, out, e);
}

/* What is hashed in front of a leaf: 0x00, and the header of a tile's. */
static void
hashes(const struct page *p, size_t i, size_t n, uint8_t (*out)[SHA_LEN])
{
	static const uint8_t	prefix[3] = { 0, 0, 0 };

	sha_leaves(out, p->leaf + i, n, prefix, p->tile ? 3 : 1);
}

void
page_hash(struct page *p, uint64_t first, struct merkle_range *out,
    struct merkle_path *paths, size_t npaths)
{
	merkle_start(out, first);
	if (p->n == 0)
		return;
	p->hash = mem_grow(p->hash, &p->hashcap, p->n, sizeof(p->hash[0]));
	hashes(p, 0, p->n, p->hash);
	merkle_leaves(out, p->hash, p->n, paths, npaths);
}

void
page_leaf_hash(const struct page *p, size_t i, uint8_t out[32])
{
	hashes(p, i, 1, (uint8_t (*)[SHA_LEN])out);
}

/* Decode a JSON string's content, escapes and all. */
static int
unescape(struct span s, struct buf *out)
{
	struct buf	 text = BUF_INIT;
	json_t		*v;
	int		 rc = -1;

	buf_u8(&text, '"');
	buf_span(&text, s);
	buf_u8(&text, '"');
	v = json_loadb((const char *)text.p, text.n, JSON_DECODE_ANY, NULL);
	if (json_is_string(v))
		rc = enc_unb64(json_string_value(v), json_string_length(v),
		    out);
	json_decref(v);
	buf_free(&text);
	return rc;
}

/* extra_data of get-entries into ${scratch}, unless it is decoded. */
static int
extra_data(const struct page *p, size_t i, struct buf *scratch,
    struct span *out)
{
	struct span	s = p->beside[i].extra;
	size_t		used;
	long		k;

	*out = s;
	if (p->decoded)
		return 0;
	buf_reset(scratch);
	k = enc_unb64_run(buf_room(scratch, s.n), s.n, s.p, s.n, &used);
	if (k != -1 && used == s.n)
		scratch->n = (size_t)k;
	else if (unescape(s, scratch) == -1)
		return -1;
	*out = buf_bytes(scratch);
	return 0;
}

/* The issuer fingerprints of a tile's entry. */
static int
fingerprints(struct span s, struct span *chain, size_t max, size_t *nchain,
    struct err *e)
{
	size_t	i;

	if (s.n % SHA_LEN != 0)
		return err_set(e, ERR_FORMAT, "data tile: %zu bytes of "
		    "issuer fingerprints, each has 32 (static-ct-api, "
		    "Log Entries)", s.n);
	if (s.n / SHA_LEN > max)
		return err_set(e, ERR_LIMIT, "data tile: more than %zu "
		    "issuers of an entry", max);
	for (i = 0; i < s.n / SHA_LEN; i++)
		chain[i] = (struct span){ s.p + i * SHA_LEN, SHA_LEN };
	*nchain = i;
	return 0;
}

int
page_extra(const struct page *p, size_t i, struct buf *scratch,
    struct span *precert, struct span *chain, size_t max, size_t *nchain,
    struct err *e)
{
	struct span	ts = page_timestamped(p, i), extra;
	struct cur	c = { NULL, NULL };
	uint16_t	type;

	*precert = (struct span){ NULL, 0 };
	*nchain = 0;
	if (p->tile) {
		*precert = p->beside[i].extra;
		return fingerprints(p->beside[i].prints, chain, max, nchain,
		    e);
	}
	if (ts.n > 0)
		c = cur_span(ts);
	if (cur_skip(&c, 8) == -1 || cur_u16(&c, &type) == -1)
		return err_set(e, ERR_FORMAT, "extra_data: the leaf beside "
		    "it is cut short (RFC 6962 3.4)");
	if (extra_data(p, i, scratch, &extra) == -1)
		return err_set(e, ERR_FORMAT,
		    "extra_data: must be base64 (RFC 6962 4.6)");
	return entry_extra(extra, type, precert, chain, max, nchain, e);
}
