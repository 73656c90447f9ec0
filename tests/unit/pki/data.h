#ifndef TESTS_UNIT_PKI_DATA_H
#define TESTS_UNIT_PKI_DATA_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/enc.h"

/* Files of real data: $CERTVIGIL_DATA, or ../shared/data; may be absent. */

static inline const char *
data_dir(void)
{
	const char	*d = getenv("CERTVIGIL_DATA");

	return d != NULL && *d != '\0' ? d : "../shared/data";
}

/* Read a file below the data folder: 0 or -1. */
static inline int
data_read(const char *name, struct buf *out)
{
	char	path[1024];
	FILE	*f;
	size_t	n;

	snprintf(path, sizeof(path), "%s/%s", data_dir(), name);
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

/*
 * The next PEM block with that label at or after *p, decoded into ${out}
 * (emptied first): 0, or -1 when there is none.
 */
static inline int
data_pem(const char **p, const char *label, struct buf *out)
{
	char		 begin[64];
	struct buf	 text = BUF_INIT;
	const char	*s, *e;
	int		 r;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	if ((s = strstr(*p, begin)) == NULL ||
	    (e = strstr(s += strlen(begin), "-----END")) == NULL)
		return -1;
	*p = e;
	for (; s < e; s++)
		if (*s != '\n' && *s != '\r' && *s != ' ')
			buf_u8(&text, (uint8_t)*s);
	buf_reset(out);
	r = enc_unb64(buf_text(&text), text.n, out);
	buf_free(&text);
	return r;
}

/* The names in a folder, sorted, NULL at the end; NULL when it is absent. */
static inline char **
data_list(const char *dir)
{
	char		  path[1024], **out = NULL;
	struct dirent	**d;
	int		  n, i;

	snprintf(path, sizeof(path), "%s/%s", data_dir(), dir);
	if ((n = scandir(path, &d, NULL, alphasort)) < 0)
		return NULL;
	out = mem_array((size_t)n + 1, sizeof(*out));
	for (i = 0; i < n; i++) {
		out[i] = mem_printf("%s/%s", dir, d[i]->d_name);
		free(d[i]);
	}
	free(d);
	return out;
}

static inline void
data_list_free(char **l)
{
	size_t	i;

	for (i = 0; l != NULL && l[i] != NULL; i++)
		free(l[i]);
	free(l);
}

/* The first certificate of a PEM file: 0 or -1. */
static inline int
data_cert(const char *name, struct buf *out)
{
	struct buf	 f = BUF_INIT;
	const char	*p;
	int		 r = -1;

	if (data_read(name, &f) == 0) {
		p = buf_text(&f);
		r = data_pem(&p, "CERTIFICATE", out);
	}
	buf_free(&f);
	return r;
}

#endif
