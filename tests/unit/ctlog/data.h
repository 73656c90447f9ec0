#ifndef TESTS_UNIT_CTLOG_DATA_H
#define TESTS_UNIT_CTLOG_DATA_H

/*
 * What the tests of this folder share: data of others, found at run time
 * through $CERTVIGIL_DATA, and numbers that are the same in each run.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"

/* The path of ${rel} in the folder of data, in a static buffer. */
static inline const char *
data_path(const char *rel)
{
	static char	 path[1024];
	const char	*dir = getenv("CERTVIGIL_DATA");

	(void)snprintf(path, sizeof(path), "%s/%s",
	    dir != NULL ? dir : "../shared/data", rel);
	return path;
}

/* Append a file; -1 when it cannot be opened. */
static inline int
data_file(const char *path, struct buf *out)
{
	FILE	*f = fopen(path, "rb");
	size_t	 k;

	if (f == NULL)
		return -1;
	do {
		k = fread(buf_room(out, 65536), 1, 65536, f);
		out->n += k;
	} while (k > 0);
	(void)fclose(f);
	return 0;
}

static inline int
data_read(const char *rel, struct buf *out)
{
	return data_file(data_path(rel), out);
}

/* The files that match; globfree() it.  0 or -1. */
static inline int
data_glob(const char *rel, glob_t *g)
{
	return glob(data_path(rel), 0, NULL, g) == 0 ? 0 : -1;
}

/* Say that ${n} cases are left out, and be content. */
static inline void
data_skip(unsigned n, const char *what)
{
	printf("SKIP %u %s\n", n, what);
}

/* A JSON file: NULL when it is not there or no JSON. */
static inline json_t *
data_json(const char *rel)
{
	return json_load_file(data_path(rel), 0, NULL);
}

/* The base64 member ${key}, appended; fails the test when there is none. */
static inline void
data_b64(const json_t *o, const char *key, struct buf *out)
{
	const json_t	*v = json_object_get(o, key);

	assert_true(json_is_string(v));
	assert_int_equal(enc_unb64(json_string_value(v),
	    json_string_length(v), out), 0);
}

static inline void
data_hex(const char *hex, struct buf *out)
{
	assert_int_equal(enc_unhex(hex, strlen(hex), out), 0);
}

/* Numbers that look random and are the same in each run. */
static inline uint64_t
data_rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* Spoil a copy of ${in}: bytes changed, cut out, doubled, cut off. */
static inline void
data_spoil(uint64_t *s, struct span in, struct buf *out)
{
	size_t	at, n;

	buf_reset(out);
	buf_add(out, in.p, in.n);
	do {
		at = data_rnd(s) % out->n;
		n = data_rnd(s) % (out->n - at) % 40 + 1;
		switch (data_rnd(s) % 5) {
		case 0:
			out->p[at] = (uint8_t)data_rnd(s);
			break;
		case 1:
			out->p[at] ^= (uint8_t)(1u << data_rnd(s) % 8);
			break;
		case 2:
			memmove(out->p + at, out->p + at + n,
			    out->n - at - n);
			out->n -= n;
			break;
		case 3:
			(void)buf_room(out, n);
			memmove(out->p + at + n, out->p + at, out->n - at);
			out->n += n;
			break;
		default:
			out->n = at + 1;
			break;
		}
	} while (out->n > 0 && data_rnd(s) % 3 == 0);
}

/* A copy of exactly its size, so that a byte too far is seen. */
static inline uint8_t *
data_exact(struct span in)
{
	uint8_t	*p = calloc(1, in.n > 0 ? in.n : 1);

	if (p == NULL)
		abort();
	if (in.n > 0)
		memcpy(p, in.p, in.n);
	return p;
}

#endif
