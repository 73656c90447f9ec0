#ifndef TESTS_CONFORMANCE_DATA_H
#define TESTS_CONFORMANCE_DATA_H

/*
 * What the programs of this folder share.  Data of others, found at run time
 * through $CERTVIGIL_DATA; a name that begins with '/' or '.' stands for
 * itself.
 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static inline void
data_path(const char *name, char *out, size_t cap)
{
	const char	*dir = getenv("CERTVIGIL_DATA");

	if (*name == '/' || *name == '.')
		snprintf(out, cap, "%s", name);
	else
		snprintf(out, cap, "%s/%s", dir != NULL && *dir != '\0' ?
		    dir : "../shared/data", name);
}

/* Append a file: 0 or -1. */
static inline int
data_read(const char *name, struct buf *out)
{
	char	path[1024];
	FILE	*f;
	size_t	n;

	data_path(name, path, sizeof(path));
	if ((f = fopen(path, "rb")) == NULL)
		return -1;
	do {
		n = fread(buf_room(out, 65536), 1, 65536, f);
		out->n += n;
	} while (n != 0);
	(void)buf_room(out, 0);
	fclose(f);
	return 0;
}

/* A JSON file, or NULL. */
static inline json_t *
data_json(const char *name)
{
	char	path[1024];

	data_path(name, path, sizeof(path));
	return json_load_file(path, 0, NULL);
}

/* A member that is a string; NULL. */
static inline const char *
data_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* What the runner counts; returns main's status. */
static inline int
data_done(unsigned passed, unsigned failed, unsigned skipped)
{
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}

/* The names of a section of deviations.md: lines "- `name`: reason". */
static inline int
data_deviates(const struct buf *text, const char *section, const char *name)
{
	char		 head[128], item[256];
	const char	*s, *end, *at;

	snprintf(head, sizeof(head), "\n## %s\n", section);
	snprintf(item, sizeof(item), "\n- `%s`:", name);
	if ((s = strstr(buf_text(text), head)) == NULL)
		return 0;
	end = strstr(s + strlen(head), "\n## ");
	at = strstr(s, item);
	return at != NULL && (end == NULL || at < end);
}

#endif
