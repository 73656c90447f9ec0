#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "tests/rig/lib/wire.h"

/*
 * A gzip stream made by hand: some text, then one byte repeated, all in one
 * block with the fixed codes of RFC 1951, 3.2.6, where a match of length 258
 * at distance 1 takes 13 bits.
 */
struct bits {
	struct buf	*out;
	uint32_t	 acc;
	unsigned	 n;
};

/* ${n} bits, the first to be sent in the lowest position. */
static void
put_bits(struct bits *b, uint32_t v, unsigned n)
{
	b->acc |= v << b->n;
	for (b->n += n; b->n >= 8; b->n -= 8, b->acc >>= 8)
		buf_u8(b->out, (uint8_t)b->acc);
}

/* Huffman codes are sent from their highest bit. */
static void
put_code(struct bits *b, uint32_t code, unsigned n)
{
	uint32_t rev = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		rev |= (code >> i & 1) << (n - 1 - i);
	put_bits(b, rev, n);
}

static void
put_literal(struct bits *b, uint8_t c)
{
	if (c < 144)
		put_code(b, 0x30u + c, 8);
	else
		put_code(b, 0x190u + c - 144, 9);
}

static void
put_le32(struct buf *b, uint32_t v)
{
	buf_u8(b, (uint8_t)v);
	buf_u8(b, (uint8_t)(v >> 8));
	buf_u8(b, (uint8_t)(v >> 16));
	buf_u8(b, (uint8_t)(v >> 24));
}

static void
bomb(struct buf *out, const char *text, uint8_t fill, uint64_t mib)
{
	static const uint8_t head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	struct bits b = { out, 0, 0 };
	uint64_t i, n = (mib << 20) / 258;
	uint8_t run[258];
	uint32_t crc;

	memset(run, fill, sizeof(run));
	crc = libdeflate_crc32(0, text, strlen(text));
	buf_add(out, head, sizeof(head));
	put_bits(&b, 1, 1);		/* the last block */
	put_bits(&b, 1, 2);		/* fixed codes */
	for (i = 0; text[i] != '\0'; i++)
		put_literal(&b, (uint8_t)text[i]);
	put_literal(&b, fill);
	crc = libdeflate_crc32(crc, run, 1);
	for (i = 0; i < n; i++) {
		put_code(&b, 0xc5, 8);	/* length 258 */
		put_code(&b, 0, 5);	/* distance 1 */
		crc = libdeflate_crc32(crc, run, sizeof(run));
	}
	put_code(&b, 0, 7);		/* end of block */
	put_bits(&b, 0, 7);		/* fill the last byte */
	put_le32(out, crc);
	put_le32(out, (uint32_t)(strlen(text) + 1 + n * sizeof(run)));
}

static void
plain(struct web_res *s, int status)
{
	buf_reset(&s->head);
	web_say(s, status, "this log says %d", status);
}

static int
status_lies(struct lie *l, enum kind k, struct web_res *s)
{
	static const struct { enum lie_id id; int status; } t[] = {
		{ LIE_500, 500 }, { LIE_503, 503 }, { LIE_404, 404 },
		{ LIE_410, 410 }, { LIE_429BARE, 429 },
		{ LIE_429SECONDS, 429 }, { LIE_429DATE, 429 }
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (!lie_tell(&l[t[i].id], k))
			continue;
		plain(s, t[i].status);
		if (t[i].id == LIE_429SECONDS)
			buf_fmt(&s->head, "Retry-After: %lld\r\n",
			    (long long)l[t[i].id].n);
		if (t[i].id == LIE_429DATE) {
			buf_str(&s->head, "Retry-After: ");
			web_date(&s->head, (long)l[t[i].id].n);
			buf_str(&s->head, "\r\n");
		}
		return 1;
	}
	return 0;
}

static int
gzip_lies(struct lie *l, enum kind k, struct web_res *s)
{
	if (lie_tell(&l[LIE_BOMB], k)) {
		buf_reset(&s->head);
		buf_reset(&s->body);
		bomb(&s->body, k == KIND_ENTRIES ? "{\"entries\":[" : "",
		    k == KIND_ENTRIES ? ' ' : 0, (uint64_t)l[LIE_BOMB].n);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
		return 1;
	}
	if (lie_tell(&l[LIE_WRONGGZIP], k)) {
		buf_reset(&s->head);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
		return 1;
	}
	return 0;
}

int
wire_lies(struct rlog *lg, enum kind k, struct web_res *s)
{
	struct lie *l = lg->lies;

	if (lie_tell(&l[LIE_STALL], k)) {
		s->pace = WEB_STALL;
		return 1;
	}
	if (lie_tell(&l[LIE_SLOW], k)) {
		s->pace = WEB_SLOW;
		s->rate = (long)l[LIE_SLOW].n;
	}
	if (lie_tell(&l[LIE_RESET], k))
		s->pace = WEB_RESET;
	if (status_lies(l, k, s))
		return 1;
	if (lie_tell(&l[LIE_HTML], k)) {
		plain(s, 200);
		s->type = "text/html";
		buf_reset(&s->body);
		buf_str(&s->body, "<!DOCTYPE html>\n<html><head><title>Please "
		    "wait</title></head><body>We are checking your browser."
		    "</body></html>\n");
		return 1;
	}
	if (lie_tell(&l[LIE_TRUNCATED], k)) {
		s->body.n = s->body.n * (size_t)l[LIE_TRUNCATED].n / 100;
		buf_add(&s->body, "", 0);
	}
	if (lie_tell(&l[LIE_TYPE], k) && s->status == 200)
		s->type = "text/plain";
	return gzip_lies(l, k, s);
}
