#ifndef RIG_ARGS_H
#define RIG_ARGS_H

#include "tests/rig/lib/web.h"

/* The arguments of an admin request. */

/*
 * Append them in query string form: those of the query, then the body's (a
 * JSON object, or query string form).
 */
void args_of(const struct web_req *, struct buf *);

/* A value as text (to be freed), or NULL. */
char *args_text(const char *, const char *);

/* The same in place: cut off at ${n} bytes; unchanged when it is not given. */
void args_copy(const char *, const char *, char *, size_t);

/* A number, or ${other} when it is none. */
int64_t args_number(const char *, const char *, int64_t);

#endif
