#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/bighead.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/key.h"

int
bighead_open(struct bigheads *h, struct bigcore *c,
    const struct bighead_opts *o, struct err *e)
{
	struct bighead *l;
	char *path;
	int i;

	h->core = c;
	h->size = c->tree.n;
	h->root_size = UINT64_MAX;
	for (i = 0; i < o->n; i++) {
		l = &h->log[i];
		(void)snprintf(l->name, sizeof(l->name), "%.40s", o->name);
		if (i > 0)
			(void)snprintf(l->name, sizeof(l->name), "%.40s%d",
			    o->name, i + 1);
		l->base = mem_printf("%s/%s/", o->url, l->name);
		l->plain = mem_printf("%s/%s%s/", o->url, o->hybrid ? "" :
		    BIGHEAD_PLAIN, l->name);
		path = mem_printf("%s/%s.key.pem", c->o.dir, l->name);
		l->key = key_keep(path, "p256", e);
		free(path);
		if (l->key == NULL)
			return -1;
		key_id(l->key, l->id);
	}
	h->n = o->n;
	return 0;
}

struct bighead *
bighead_find(struct bigheads *h, const char *name, size_t n)
{
	int i;

	for (i = 0; i < h->n; i++)
		if (strlen(h->log[i].name) == n &&
		    memcmp(h->log[i].name, name, n) == 0)
			return &h->log[i];
	return NULL;
}

/* The origin: the URL without scheme and last slash. */
static char *
origin_of(const struct bighead *l)
{
	const char *p = strstr(l->base, "://");
	char *o = mem_str(p == NULL ? l->base : p + 3);

	o[strlen(o) - 1] = '\0';
	return o;
}

/* The checkpoint (static-ct-api; signed-note, type 0x05). */
static void
put_note(const struct bigheads *h, struct bighead *l, const struct buf *sig)
{
	char *origin = origin_of(l);
	struct buf b = BUF_INIT;
	uint8_t id[32];
	uint64_t etag;

	buf_str(&b, origin);
	buf_add(&b, "\n\x05", 2);
	buf_add(&b, l->id, 32);
	SHA256(b.p, b.n, id);
	buf_reset(&b);
	buf_add(&b, id, 4);
	buf_u64(&b, l->time);
	buf_span(&b, buf_bytes(sig));
	buf_reset(&l->note);
	buf_fmt(&l->note, "%s\n%llu\n", origin, (unsigned long long)l->size);
	b64_put(&l->note, h->root, 32);
	buf_fmt(&l->note, "\n\n\xe2\x80\x94 %s ", origin);
	b64_put(&l->note, b.p, b.n);
	buf_str(&l->note, "\n");
	SHA256(l->note.p, l->note.n, id);
	memcpy(&etag, id, sizeof(etag));
	(void)snprintf(l->etag, sizeof(l->etag), "\"%016llx\"",
	    (unsigned long long)etag);
	buf_free(&b);
	free(origin);
}

/* TreeHeadSignature (RFC 6962, 3.5). */
static void
sign(const struct bigheads *h, struct bighead *l)
{
	struct buf b = BUF_INIT, sig = BUF_INIT;

	buf_u8(&b, 0);			/* v1 */
	buf_u8(&b, 1);			/* tree_hash */
	buf_u64(&b, l->time);
	buf_u64(&b, l->size);
	buf_add(&b, h->root, 32);
	key_digitally_sign(l->key, buf_bytes(&b), &sig);
	buf_reset(&l->sth);
	buf_fmt(&l->sth, "{\"tree_size\":%llu,\"timestamp\":%llu,"
	    "\"sha256_root_hash\":\"", (unsigned long long)l->size,
	    (unsigned long long)l->time);
	b64_put(&l->sth, h->root, 32);
	buf_str(&l->sth, "\",\"tree_head_signature\":\"");
	b64_put(&l->sth, sig.p, sig.n);
	buf_str(&l->sth, "\"}");
	put_note(h, l, &sig);
	buf_free(&b);
	buf_free(&sig);
}

void
bighead_fresh(struct bigheads *h, struct bighead *l)
{
	uint64_t now = bigtime_now();

	if (l->time != 0 && l->size == h->size &&
	    now < l->time + (uint64_t)h->refresh)
		return;
	if (h->root_size != h->size) {
		bigtree_root(&h->core->tree, h->size, h->root);
		h->root_size = h->size;
	}
	l->size = h->size;
	l->time = now > l->time ? now : l->time + 1;
	sign(h, l);
}

/* --- log lists (schema v3) --------------------------------------------------- */

static void
put_log(struct buf *b, const struct bighead *l, int tiled)
{
	struct buf spki = BUF_INIT;

	key_spki(l->key, &spki);
	buf_fmt(b, "{\"description\":\"Rig bulk log %s\",\"log_id\":\"",
	    l->name);
	b64_put(b, l->id, 32);
	buf_str(b, "\",\"key\":\"");
	b64_put(b, spki.p, spki.n);
	buf_fmt(b, "\",\"mmd\":86400,\"state\":{\"usable\":{\"timestamp\":"
	    "\"2025-01-01T00:00:00Z\"}},");
	if (tiled)
		buf_fmt(b, "\"submission_url\":\"%s\",\"monitoring_url\":"
		    "\"%s\"}", l->base, l->base);
	else
		buf_fmt(b, "\"url\":\"%s\"}", l->plain);
	buf_free(&spki);
}

/* Every other log is of another operator. */
static void
put_operator(const struct bigheads *h, struct buf *b, int odd, int tiled)
{
	int i, kind, first;

	buf_fmt(b, "{\"name\":\"Rig Bulk %s\",\"email\":[\"ct@rig.invalid\"]",
	    odd ? "Two" : "One");
	for (kind = 0; kind < 2; kind++) {
		buf_fmt(b, ",\"%s\":[", kind ? "tiled_logs" : "logs");
		for (i = odd, first = 1; kind == tiled && i < h->n; i += 2) {
			if (!first)
				buf_str(b, ",");
			first = 0;
			put_log(b, &h->log[i], tiled);
		}
		buf_str(b, "]");
	}
	buf_str(b, "}");
}

static int
write_list(const struct bigheads *h, const char *name, int tiled,
    struct err *e)
{
	char *path = mem_printf("%s/%s.json", h->core->o.dir, name);
	time_t now = time(NULL);
	struct buf b = BUF_INIT;
	struct tm tm;
	char when[32];
	int rc;

	gmtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_fmt(&b, "{\"version\":\"1.%lld\",\"log_list_timestamp\":\"%s\","
	    "\"is_all_logs\":false,\"operators\":[", (long long)now, when);
	put_operator(h, &b, 0, tiled);
	buf_str(&b, ",");
	put_operator(h, &b, 1, tiled);
	buf_str(&b, "]}\n");
	rc = file_write(path, buf_bytes(&b), e);
	buf_free(&b);
	free(path);
	return rc;
}

int
bighead_lists(const struct bigheads *h, int tiled, struct err *e)
{
	return write_list(h, "loglist-rfc6962", 0, e) == 0 &&
	    write_list(h, "loglist-static", 1, e) == 0 &&
	    write_list(h, "loglist", tiled, e) == 0 ? 0 : -1;
}
