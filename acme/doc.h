#ifndef ACME_DOC_H
#define ACME_DOC_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Members of the JSON (RFC 8259) of an ACME server, by jansson: duplicate
 * members, left-over bytes and zero characters in strings are refused,
 * members that nobody asks for are skipped.  A member that is null counts as
 * absent.  What is given back points into the document.  0 or -1 (ERR_FORMAT,
 * or ERR_LIMIT where a cap is exceeded).
 */

/*
 * ${body} of at most ${cap} bytes as an object, which is owned: json_decref()
 * it.  ${what} names it in errors.  NULL: error is set.
 */
json_t *doc_object(struct span body, size_t cap, const char *what,
    struct err *);

/* A string of at most ${cap} bytes; NULL when absent; doc_need(): an error. */
int doc_text(const json_t *, const char *key, size_t cap, const char **out,
    struct err *);
int doc_need(const json_t *, const char *key, size_t cap, const char **out,
    struct err *);

/* true or false; absent: false. */
int doc_bool(const json_t *, const char *key, int *out, struct err *);

/* An integer from ${min} to ${max}; absent: ${min}. */
int doc_int(const json_t *, const char *key, const int64_t range[2],
    int64_t *out, struct err *);

/* A moment of RFC 3339, microseconds; absent: 0. */
int doc_time(const json_t *, const char *key, int64_t *out, struct err *);

/* An array of at most ${max}; NULL when absent. */
int doc_array(const json_t *, const char *key, size_t max,
    const json_t **out, struct err *);

/*
 * An array of at most ${max} strings of at most ${cap} bytes each, owned:
 * doc_list_free().  NULL and 0 when absent.
 */
struct doc_list {
	char	**v;
	size_t	  n;
};
int doc_list(const json_t *, const char *key, const size_t max_cap[2],
    struct doc_list *, struct err *);
void doc_list_free(struct doc_list *);

/* Take a copy: *to is freed and replaced. */
void doc_keep(char **to, const char *text);

/* Append the JSON, without white space, members in the order as set. */
void doc_dump(const json_t *, struct buf *);

/* The same as a string, owned; the document is released. */
char *doc_end(json_t *);

/* Is it base64url without padding, of ${min} to ${max} characters? */
int doc_is_b64url(const char *, size_t min, size_t max);

#endif
