#include <stdlib.h>
#include <string.h>

#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/rfc.h"

int64_t
rfc_number(const char *query, const char *key)
{
	struct buf b = BUF_INIT;
	int64_t v = -1;
	char *end;

	if (web_arg(query, key, &b) == 0 && b.n > 0) {
		v = strtoll(buf_text(&b), &end, 10);
		if (*end != '\0')
			v = -1;
	}
	buf_free(&b);
	return v;
}

void
rfc_entry(struct rlog *lg, uint64_t i, enum kind k, struct entry *e)
{
	const struct lie *f = &lg->lies[LIE_BITFLIP];
	size_t at;

	rlog_read(lg, i, e);
	if (!lie_is(f, k) || (uint64_t)f->index != i || e->leaf.n == 0)
		return;
	at = f->byte < 0 ? e->leaf.n / 2 : (size_t)f->byte;
	if (at < e->leaf.n) {
		e->leaf.p[at] ^= 1;
		(void)lie_tell(&lg->lies[LIE_BITFLIP], k);
	}
}

/* "name": "base64", with the slashes escaped where JSON is to be odd. */
static void
put_b64(struct buf *b, const char *name, struct span data, int odd)
{
	struct buf t = BUF_INIT;
	size_t i;

	b64_put(&t, data.p, data.n);
	buf_fmt(b, odd ? "\t\"%s\" : \"" : "\"%s\":\"", name);
	for (i = 0; i < t.n; i++)
		if (odd && t.p[i] == '/')
			buf_str(b, "\\/");
		else
			buf_u8(b, t.p[i]);
	buf_str(b, "\"");
	buf_free(&t);
}

/* "name": ["base64", ...] of 32-byte hashes. */
static void
put_hashes(struct buf *b, const char *name, const struct buf *h)
{
	size_t i;

	buf_fmt(b, "\"%s\":[", name);
	for (i = 0; i + 32 <= h->n; i += 32) {
		buf_str(b, i == 0 ? "\"" : ",\"");
		b64_put(b, h->p + i, 32);
		buf_str(b, "\"");
	}
	buf_str(b, "]");
}

static void
get_sth(struct rlog *lg, struct web_res *s)
{
	struct buf *b = &s->body;
	struct span root, sig;
	struct head h;
	unsigned long long size, ts;
	int odd = lie_tell(&lg->lies[LIE_ODDJSON], KIND_STH);

	rlog_head(lg, KIND_STH, &h);
	size = h.size;
	ts = h.timestamp;
	root.p = h.root;
	root.n = 32;
	sig.p = h.sig;
	sig.n = h.nsig;
	buf_str(b, "{");
	if (lie_tell(&lg->lies[LIE_DUPKEYS], KIND_STH))
		buf_fmt(b, "\"tree_size\":%llu,", size + 1);
	if (odd) {
		buf_str(b, "\r\n \"note\":{\"x\":[1.5e3,\"\\u0041\",null]},");
		put_b64(b, "tree_head_signature", sig, 1);
		buf_fmt(b, " ,\n\"timestamp\":\t%llu,", ts);
		put_b64(b, "sha256_root_hash", root, 1);
		buf_fmt(b, ", \"tree_size\" : %llu }\n", size);
		return;
	}
	buf_fmt(b, "\"tree_size\":%llu,\"timestamp\":%llu,", size, ts);
	put_b64(b, "sha256_root_hash", root, 0);
	buf_str(b, ",");
	put_b64(b, "tree_head_signature", sig, 0);
	buf_str(b, "}");
}

static void
put_entry(struct buf *b, const struct entry *e, int odd)
{
	struct buf extra = BUF_INIT;

	entry_extra(e, &extra);
	buf_str(b, odd ? " {\n" : "{");
	put_b64(b, odd ? "extra_data" : "leaf_input",
	    buf_bytes(odd ? &extra : &e->leaf), odd);
	buf_str(b, odd ? ", \"x\":false," : ",");
	put_b64(b, odd ? "leaf_input" : "extra_data",
	    buf_bytes(odd ? &e->leaf : &extra), odd);
	buf_str(b, "}");
	buf_free(&extra);
}

/* How many entries a page from ${start} has when ${want} were asked for. */
static uint64_t
page(struct rlog *lg, uint64_t start, uint64_t want)
{
	struct lie *l = lg->lies;
	uint64_t n = want, cap = (uint64_t)lg->cap, align;

	align = (uint64_t)lg->align;
	if (lie_tell(&l[LIE_CAP], KIND_ENTRIES))
		cap = (uint64_t)l[LIE_CAP].n;
	if (lie_tell(&l[LIE_ALIGN], KIND_ENTRIES))
		align = (uint64_t)l[LIE_ALIGN].n;
	if (n > cap)
		n = cap;
	if (align > 0 && n > align - start % align)
		n = align - start % align;
	if (lie_tell(&l[LIE_SHORT], KIND_ENTRIES) &&
	    n > (uint64_t)l[LIE_SHORT].n)
		n = (uint64_t)l[LIE_SHORT].n;
	if (lie_tell(&l[LIE_OVERSIZED], KIND_ENTRIES))
		n = want + (uint64_t)l[LIE_OVERSIZED].n;
	if (lie_tell(&l[LIE_EMPTY], KIND_ENTRIES))
		n = 0;
	return n;
}

static void
get_entries(struct rlog *lg, const struct web_req *r, struct web_res *s)
{
	struct buf *b = &s->body;
	struct entry e;
	int64_t start = rfc_number(r->query, "start");
	int64_t end = rfc_number(r->query, "end");
	uint64_t i, at, n, size = rlog_limit(lg);
	int odd;

	if (lie_tell(&lg->lies[LIE_LAG], KIND_ENTRIES))
		size -= size < (uint64_t)lg->lies[LIE_LAG].n ? size :
		    (uint64_t)lg->lies[LIE_LAG].n;
	if (start < 0 || end < start) {
		web_say(s, 400, "get-entries: start and end must be 0 <= "
		    "start <= end");
		return;
	}
	if ((uint64_t)start >= size) {
		web_say(s, 400, "need tree size: %lld to get leaves but only "
		    "got: %llu", (long long)start + 1,
		    (unsigned long long)size);
		return;
	}
	if ((uint64_t)end >= size)
		end = (int64_t)size - 1;
	n = page(lg, (uint64_t)start, (uint64_t)(end - start) + 1);
	odd = lie_tell(&lg->lies[LIE_ODDJSON], KIND_ENTRIES);
	buf_str(b, "{");
	if (lie_tell(&lg->lies[LIE_DUPKEYS], KIND_ENTRIES))
		buf_str(b, "\"entries\":[],");
	buf_str(b, odd ? "\n\"a\":{\"entries\":[0]}, \"entri\\u0065s\" : [" :
	    "\"entries\":[");
	for (i = 0; i < n; i++) {
		at = (uint64_t)start + i;
		rfc_entry(lg, at < size ? at : size - 1, KIND_ENTRIES, &e);
		if (i > 0)
			buf_str(b, odd ? "\n ,\t" : ",");
		put_entry(b, &e, odd);
		entry_free(&e);
	}
	lg->entries += n;
	buf_str(b, odd ? "\n]\n, \"z\":\"]}\\\"\" }\n\n" : "]}");
}

/* A proof with one wrong bit; an empty one gets a hash too many. */
static void
spoil(struct rlog *lg, enum lie_id id, enum kind k, struct buf *proof)
{
	static const uint8_t zero[32];

	if (!lie_tell(&lg->lies[id], k))
		return;
	if (proof->n == 0)
		buf_add(proof, zero, 32);
	proof->p[0] ^= 1;
}

static void
get_consistency(struct rlog *lg, const struct web_req *r, struct web_res *s)
{
	struct buf proof = BUF_INIT;
	int64_t first = rfc_number(r->query, "first");
	int64_t second = rfc_number(r->query, "second");

	if (first < 1 || second < first ||
	    (uint64_t)second > rlog_limit(lg)) {
		web_say(s, 400, "get-sth-consistency: must be 0 < first <= "
		    "second <= %llu", (unsigned long long)rlog_limit(lg));
		return;
	}
	tree_consistency(&lg->br[lg->cur].tree, (uint64_t)first,
	    (uint64_t)second, &proof);
	spoil(lg, LIE_CONSISTENCY, KIND_CONSISTENCY, &proof);
	buf_str(&s->body, "{");
	put_hashes(&s->body, "consistency", &proof);
	if (lie_tell(&lg->lies[LIE_ODDJSON], KIND_CONSISTENCY))
		buf_str(&s->body, " ,\n \"x\" : {} ");
	buf_str(&s->body, "}");
	buf_free(&proof);
}

static int64_t
find_hash(const struct rlog *lg, const uint8_t *hash, uint64_t n)
{
	const struct tree *t = &lg->br[lg->cur].tree;
	uint64_t i;

	for (i = 0; i < n; i++)
		if (memcmp(tree_at(t, 0, i), hash, 32) == 0)
			return (int64_t)i;
	return -1;
}

static void
get_proof(struct rlog *lg, const struct web_req *r, struct web_res *s)
{
	struct buf text = BUF_INIT, hash = BUF_INIT, proof = BUF_INIT;
	int64_t size = rfc_number(r->query, "tree_size"), i = -1;

	if (size < 1 || (uint64_t)size > rlog_limit(lg)) {
		web_say(s, 400, "get-proof-by-hash: must be 0 < tree_size "
		    "<= %llu", (unsigned long long)rlog_limit(lg));
		return;
	}
	if (web_arg(r->query, "hash", &text) == 0 &&
	    b64_get(&hash, buf_text(&text)) == 0 && hash.n == 32)
		i = find_hash(lg, hash.p, (uint64_t)size);
	if (i < 0) {
		web_say(s, hash.n == 32 ? 404 : 400,
		    "get-proof-by-hash: no such leaf hash");
		goto out;
	}
	tree_path(&lg->br[lg->cur].tree, (uint64_t)i, (uint64_t)size, &proof);
	spoil(lg, LIE_PROOF, KIND_PROOF, &proof);
	buf_str(&s->body, "{");
	if (lie_tell(&lg->lies[LIE_ODDJSON], KIND_PROOF)) {
		put_hashes(&s->body, "audit_path", &proof);
		buf_fmt(&s->body, "\n, \"leaf_index\" :%lld }", (long long)i);
	} else {
		buf_fmt(&s->body, "\"leaf_index\":%lld,", (long long)i);
		put_hashes(&s->body, "audit_path", &proof);
		buf_str(&s->body, "}");
	}
out:
	buf_free(&text);
	buf_free(&hash);
	buf_free(&proof);
}

static void
get_entry(struct rlog *lg, const struct web_req *r, struct web_res *s)
{
	struct buf proof = BUF_INIT;
	struct entry e;
	int64_t i = rfc_number(r->query, "leaf_index");
	int64_t size = rfc_number(r->query, "tree_size");
	uint64_t limit = rlog_limit(lg);

	if (lie_tell(&lg->lies[LIE_LAG], KIND_ENTRY))
		limit -= limit < (uint64_t)lg->lies[LIE_LAG].n ? limit :
		    (uint64_t)lg->lies[LIE_LAG].n;
	if (i < 0 || size <= i || (uint64_t)size > limit) {
		web_say(s, 400, "get-entry-and-proof: must be leaf_index < "
		    "tree_size <= %llu", (unsigned long long)limit);
		return;
	}
	rfc_entry(lg, (uint64_t)i, KIND_ENTRY, &e);
	tree_path(&lg->br[lg->cur].tree, (uint64_t)i, (uint64_t)size, &proof);
	spoil(lg, LIE_PROOF, KIND_ENTRY, &proof);
	put_entry(&s->body, &e, lie_tell(&lg->lies[LIE_ODDJSON], KIND_ENTRY));
	s->body.n--;			/* its closing brace */
	buf_str(&s->body, ",");
	put_hashes(&s->body, "audit_path", &proof);
	buf_str(&s->body, "}");
	entry_free(&e);
	buf_free(&proof);
}

void
rfc_serve(struct rlog *lg, enum kind k, const struct web_req *r,
    struct web_res *s)
{
	s->type = "application/json";
	switch (k) {
	case KIND_STH:
		get_sth(lg, s);
		break;
	case KIND_ENTRIES:
		get_entries(lg, r, s);
		break;
	case KIND_CONSISTENCY:
		get_consistency(lg, r, s);
		break;
	case KIND_PROOF:
		get_proof(lg, r, s);
		break;
	case KIND_ENTRY:
		get_entry(lg, r, s);
		break;
	default:
		web_say(s, 404, "no such request");
	}
}
