#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stddef.h>
#include <stdint.h>

/*
 * A description of an HTTP request, made by the pure protocol modules and
 * carried out by the fetch process.  Plain data, no ownership: the strings
 * live in it.
 */
#define HTTP_URL_MAX 2048

struct http_req {
	char	 url[HTTP_URL_MAX];	/* absolute */
	size_t	 cap;			/* most bytes of body, decompressed */
};

#endif
