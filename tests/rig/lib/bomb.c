#include <string.h>

#include <libdeflate.h>

#include "tests/rig/lib/bomb.h"

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

void
bomb_put(struct buf *out, struct span text, uint8_t fill, uint64_t mib)
{
	static const uint8_t head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	struct bits b = { out, 0, 0 };
	uint64_t i, n = (mib << 20) / 258;
	uint8_t run[258];
	uint32_t crc;

	memset(run, fill, sizeof(run));
	crc = libdeflate_crc32(0, text.p, text.n);
	buf_add(out, head, sizeof(head));
	put_bits(&b, 1, 1);		/* the last block */
	put_bits(&b, 1, 2);		/* fixed codes */
	for (i = 0; i < text.n; i++)
		put_literal(&b, text.p[i]);
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
	put_le32(out, (uint32_t)(text.n + 1 + n * sizeof(run)));
}
