#ifndef TESTS_BENCH_MADE_H
#define TESTS_BENCH_MADE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/watch.h"

/*
 * What the benchmarks share: made-up certificates and watches, and the
 * rounds.  One line a step: name, unit, median of MADE_ROUNDS interleaved
 * rounds, spread (max / min - 1).
 */
#define MADE_ROUNDS	15
#define MADE_STEPS	16

struct made_step {
	const char	*name;
	void		(*run)(void);
	size_t		 entries;	/* that one run handles */
};

/* Nanoseconds of CPU of this thread. */
static inline double
made_now(void)
{
	struct timespec	t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Bytes that do not compress, as keys and signatures are. */
static inline void
made_noise(uint8_t *p, size_t n, unsigned seed)
{
	uint32_t	x = seed * 2654435761u + 1;

	while (n-- > 0) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		*p++ = (uint8_t)x;
	}
}

/* A TBSCertificate of about 1,100 bytes with four names. */
static inline void
made_tbs(struct buf *out, unsigned seed)
{
	uint8_t			filler[91];
	struct buf		b = BUF_INIT, x = BUF_INIT, y = BUF_INIT;
	char			name[4][64];
	size_t			i;

	made_noise(filler, sizeof(filler), seed);
	buf_add(&b, "\xa0\x03\x02\x01\x02\x02\x01\x05", 8);
	buf_add(&b, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	buf_add(&b, "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02"
	    "US", 15);
	buf_add(&b, "\x30\x1e\x17\x0d" "260101000000Z" "\x17\x0d"
	    "270101000000Z", 32);
	for (i = 0; i < 4; i++)
		snprintf(name[i], sizeof(name[i]), "%sshop-%u.example%u.com",
		    i == 0 ? "" : i == 1 ? "www." : i == 2 ? "*." :
		    "Mail.Eu.", seed * 2654435761u >> 8, seed % 97);
	der_put(&x, DER_OID, 3);
	buf_str(&x, DER_OID_CN);
	der_put(&x, DER_UTF8, strlen(name[0]));
	buf_str(&x, name[0]);
	der_put(&b, DER_SEQ, x.n + 4);
	der_put(&b, DER_SET, x.n + 2);
	der_put(&b, DER_SEQ, x.n);
	buf_span(&b, buf_bytes(&x));
	buf_reset(&x);
	der_put(&b, DER_SEQ, 91);
	buf_add(&b, filler, 91);
	for (i = 0; i < 4; i++) {
		der_put(&x, 0x82, strlen(name[i]));
		buf_str(&x, name[i]);
	}
	der_put(&y, DER_SEQ, x.n);
	buf_span(&y, buf_bytes(&x));
	buf_reset(&x);
	/* Eight other extensions, the SAN in their middle. */
	for (i = 0; i < 9; i++) {
		size_t	n = i == 4 ? y.n : 80;

		der_put(&x, DER_SEQ, 5 + n + (n < 128 ? 2u : 3u));
		der_put(&x, DER_OID, 3);
		buf_add(&x, i == 4 ? DER_OID_SAN : "\x55\x1d\x60", 3);
		der_put(&x, DER_OCTETS, n);
		buf_add(&x, i == 4 ? y.p : filler, n);
	}
	buf_reset(&y);
	der_put(&y, DER_SEQ, x.n);
	buf_span(&y, buf_bytes(&x));
	der_put(&b, 0xa3, y.n);
	buf_span(&b, buf_bytes(&y));
	der_put(out, DER_SEQ, b.n);
	buf_span(out, buf_bytes(&b));
	buf_free(&b);
	buf_free(&x);
	buf_free(&y);
}

/* ${n} watches, none of which matches what made_tbs() makes. */
static inline void
made_set(struct watch_set *s, unsigned n)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 text = BUF_INIT, image = BUF_INIT;
	unsigned		 i;

	for (i = 0; i < n; i++)
		buf_fmt(&text, ".watched-%u.example\n", i * 2654435761u >> 4);
	if (watch_build_file(b, buf_text(&text), text.n, "bench", NULL) == -1)
		abort();
	buf_free(&text);
	watch_build_done(b, &image);
	if (watch_open(s, image.p, image.n, NULL) == -1)
		abort();
}

static inline int
made_cmp(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Run all steps, interleaved, and print them. */
static inline void
made_run(const struct made_step *steps, size_t n)
{
	static double	t[MADE_STEPS][MADE_ROUNDS];
	double		t0;
	size_t		i, k;

	if (n > MADE_STEPS)
		abort();
	for (i = 0; i < n; i++)
		steps[i].run();
	for (k = 0; k < MADE_ROUNDS; k++)
		for (i = 0; i < n; i++) {
			t0 = made_now();
			steps[i].run();
			t[i][k] = (made_now() - t0) / (double)steps[i].entries;
		}
	for (i = 0; i < n; i++) {
		qsort(t[i], MADE_ROUNDS, sizeof(t[i][0]), made_cmp);
		printf("%-34s %-9s %9.1f %6.2f\n", steps[i].name, "ns/entry",
		    t[i][MADE_ROUNDS / 2],
		    t[i][MADE_ROUNDS - 1] / t[i][0] - 1);
	}
}

#endif
