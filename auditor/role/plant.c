#include "auditor/role/plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/sha.h"
#include "pki/der.h"

/* How often a watch is drawn before giving up. */
#define DRAWS	16

int
plant_name(const struct watch_set *set, char out[WATCH_NAME])
{
	struct watch_hit	hit;
	const char		*text;
	uint32_t		r;
	int			i;

	for (i = 0; i < DRAWS && watch_count(set) != 0; i++) {
		if (getrandom(&r, sizeof(r), 0) != sizeof(r))
			return -1;
		text = watch_text(set, r % (uint32_t)watch_count(set));
		if (strchr(text, ':') != NULL || strchr(text, '/') != NULL)
			continue;
		(void)snprintf(out, WATCH_NAME, "%s%.400s",
		    text[0] == '.' ? "w" : "", strcmp(text, ".") == 0 ?
		    ".example" : text);
		if (watch_name(set, out, &hit, 1) > 0)
			return 0;
	}
	return -1;
}

/* Append an element around the bytes of ${in}, and empty it. */
static void
wrap(struct buf *out, uint8_t tag, struct buf *in)
{
	der_put(out, tag, in->n);
	buf_span(out, buf_bytes(in));
	buf_reset(in);
}

/* Append ${n} random bytes. */
static void
noise(struct buf *b, size_t n)
{
	uint8_t	r[80];

	if (getrandom(r, n, 0) != (ssize_t)n)
		abort();
	r[0] = 0x35;
	buf_add(b, r, n);
}

/* A P-256 key that belongs to nobody. */
static void
key(struct buf *tbs)
{
	static const uint8_t	alg[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
	    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
	    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };
	struct buf		b = BUF_INIT;

	buf_add(&b, alg, sizeof(alg));
	noise(&b, 64);
	wrap(tbs, DER_SEQ, &b);
	buf_free(&b);
}

/* [3] with a subjectAltName of one dNSName. */
static void
san(struct buf *tbs, const char *name)
{
	static const uint8_t	oid[] = { 0x06, 0x03, 0x55, 0x1d, 0x11 };
	struct buf		a = BUF_INIT, b = BUF_INIT;

	der_put(&a, 0x82, strlen(name));
	buf_str(&a, name);
	wrap(&b, DER_SEQ, &a);
	buf_add(&a, oid, sizeof(oid));
	wrap(&a, DER_OCTETS, &b);
	wrap(&b, DER_SEQ, &a);
	wrap(&a, DER_SEQ, &b);
	wrap(tbs, 0xa3, &a);
	buf_free(&a);
	buf_free(&b);
}

static void
certificate(const char *name, struct buf *out)
{
	static const uint8_t	alg[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
	    0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
	static const uint8_t	version[] = { 0xa0, 0x03, 0x02, 0x01, 0x02 };
	static const char	when[] = "\x30\x1e\x17\x0d" "260101000000Z"
	    "\x17\x0d" "260401000000Z";
	static const uint8_t	none[] = { 0x30, 0x00 };
	struct buf		tbs = BUF_INIT, all = BUF_INIT;

	buf_add(&tbs, version, sizeof(version));
	der_put(&tbs, DER_INT, 16);
	noise(&tbs, 16);
	buf_add(&tbs, alg, sizeof(alg));
	buf_add(&tbs, none, sizeof(none));
	buf_add(&tbs, when, sizeof(when) - 1);
	buf_add(&tbs, none, sizeof(none));
	key(&tbs);
	san(&tbs, name);
	wrap(&all, DER_SEQ, &tbs);
	buf_add(&all, alg, sizeof(alg));
	der_put(&all, DER_BITS, 72);
	buf_u8(&all, 0);
	noise(&all, 71);
	wrap(out, DER_SEQ, &all);
	buf_free(&tbs);
	buf_free(&all);
}

void
plant_page(const char *name, int tile, struct buf *body, uint8_t leaf[32])
{
	static const uint8_t	empty[] = { 0, 0, 0 };
	struct buf		cert = BUF_INIT, l = BUF_INIT, h = BUF_INIT;

	certificate(name, &cert);
	buf_u8(&l, 0);
	buf_u8(&l, 0);
	buf_u64(&l, (uint64_t)(clk_wall() / 1000));
	buf_u16(&l, 0);
	buf_u24(&l, (uint32_t)cert.n);
	buf_span(&l, buf_bytes(&cert));
	buf_u16(&l, 0);
	buf_u8(&h, 0);
	buf_span(&h, buf_bytes(&l));
	sha_256(leaf, h.p, h.n);
	if (tile) {
		buf_add(body, l.p + 2, l.n - 2);
		buf_u16(body, 0);
	} else {
		buf_str(body, "{\"entries\":[{\"leaf_input\":\"");
		enc_b64(body, l.p, l.n);
		buf_str(body, "\",\"extra_data\":\"");
		enc_b64(body, empty, sizeof(empty));
		buf_str(body, "\"}]}");
	}
	buf_free(&cert);
	buf_free(&l);
	buf_free(&h);
}
