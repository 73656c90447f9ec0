#ifndef TESTS_CONFORMANCE_VECTORS_H
#define TESTS_CONFORMANCE_VECTORS_H

/*
 * What the programs of this folder that read signatures share: data of
 * others from $CERTVIGIL_DATA, and the counts.
 */

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"

/* Cases by their outcome. */
struct vec_count {
	unsigned	passed, failed, skipped;
	unsigned	wrong_accepts;	/* some of the failed */
};

/* The path of ${rel} in the folder of data, in a static buffer. */
static inline const char *
vec_path(const char *rel)
{
	static char	 path[1024];
	const char	*dir = getenv("CERTVIGIL_DATA");

	(void)snprintf(path, sizeof(path), "%s/%s",
	    dir != NULL ? dir : "../shared/data", rel);
	return path;
}

/* Read a file, in place of what is in the buffer: 0, or -1 when absent. */
static inline int
vec_read(const char *rel, struct buf *out)
{
	FILE	*f = fopen(vec_path(rel), "rb");
	size_t	 k;

	buf_reset(out);
	if (f == NULL)
		return -1;
	do {
		k = fread(buf_room(out, 65536), 1, 65536, f);
		out->n += k;
	} while (k > 0);
	(void)fclose(f);
	return 0;
}

/* A JSON file: NULL when it is absent or none. */
static inline json_t *
vec_json(const char *rel)
{
	return json_load_file(vec_path(rel), 0, NULL);
}

/* The hex or base64 member of an object, in place of what was there. */
static inline int
vec_hex(const json_t *o, const char *key, struct buf *out)
{
	const char	*s = json_string_value(json_object_get(o, key));

	buf_reset(out);
	return s == NULL ? -1 : enc_unhex(s, strlen(s), out);
}

static inline int
vec_b64(const json_t *o, struct buf *out)
{
	buf_reset(out);
	return json_is_string(o) ? enc_unb64(json_string_value(o),
	    json_string_length(o), out) : -1;
}

/* Block ${nth} of a PEM file, decoded: 0 or -1. */
static inline int
vec_pem(const char *rel, unsigned nth, struct buf *out)
{
	struct buf	 file = BUF_INIT, text = BUF_INIT;
	const char	*p, *end = NULL;
	int		 rc = -1;

	buf_reset(out);
	if (vec_read(rel, &file) == -1)
		goto out;
	p = buf_text(&file);
	do {
		if ((p = strstr(p, "-----BEGIN ")) == NULL ||
		    (p = strchr(p, '\n')) == NULL ||
		    (end = strstr(p, "-----END ")) == NULL)
			goto out;
	} while (nth-- > 0);
	for (; p < end; p++)
		if ((unsigned char)*p > ' ')
			buf_u8(&text, (uint8_t)*p);
	rc = enc_unb64(buf_text(&text), text.n, out);
out:
	buf_free(&file);
	buf_free(&text);
	return rc;
}

/* One case: what is right, what we said, and its name if they differ. */
static inline void
vec_case(struct vec_count *c, int want, int got, const char *name,
    const char *why)
{
	if (want == got) {
		c->passed++;
		return;
	}
	c->failed++;
	c->wrong_accepts += got == 1;
	printf("%s: %s%s%s\n", name, got == 1 ? "wrong accept" :
	    "wrong reject", *why != '\0' ? ": " : "", why);
}

static inline void
vec_skip(struct vec_count *c, unsigned n, const char *why)
{
	printf("SKIP %u %s\n", n, why);
	c->skipped += n;
}

/* One line for a suite, and its counts to those of the program. */
static inline void
vec_suite(struct vec_count *all, const struct vec_count *c, const char *name)
{
	printf("%s: %u cases, %u as expected, %u wrong accepts, %u wrong "
	    "rejects, %u skipped\n", name, c->passed + c->failed +
	    c->skipped, c->passed, c->wrong_accepts,
	    c->failed - c->wrong_accepts, c->skipped);
	all->passed += c->passed;
	all->failed += c->failed;
	all->skipped += c->skipped;
	all->wrong_accepts += c->wrong_accepts;
}

/* The last line; the exit status. */
static inline int
vec_end(const struct vec_count *all)
{
	printf("%u passed, %u failed, %u skipped\n", all->passed,
	    all->failed, all->skipped);
	return all->failed != 0;
}

#endif
