#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/err.h"

/*
 * libcurl, loaded when it is first called, for the reason that stands in
 * auditor/db/db_libpq.c: only fetch processes need it.  That is before they
 * enter their sandbox (xfer_new()).
 */

#define LIBRARY	"libcurl.so.4"

/* The function of that name, into the pointer at ${to}. */
static void
find(const char *name, void *to)
{
	static void	*lib;
	void		*f;

	if (lib == NULL)
		lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	f = lib != NULL ? dlsym(lib, name) : NULL;
	if (f == NULL) {
		(void)fprintf(stderr, "certvigil: " LIBRARY " cannot be used: "
		    "%s; apt-get install libcurl4\n", dlerror());
		exit(err_exit(ERR_SYS));
	}
	memcpy(to, &f, sizeof(f));
}

/* Its body: find it once, call it. */
#define FIND(name)						\
	static __typeof__(&(name))	f;			\
								\
	if (f == NULL)						\
		find(#name, &f)

/* --- those that take any type: it follows from the option ---------------------- */

CURLcode
(curl_easy_setopt)(CURL *c, CURLoption o, ...)
{
	va_list		ap;
	CURLcode	rc;
	FIND(curl_easy_setopt);

	va_start(ap, o);
	if (o < CURLOPTTYPE_OBJECTPOINT)
		rc = f(c, o, va_arg(ap, long));
	else if (o >= CURLOPTTYPE_OFF_T && o < CURLOPTTYPE_BLOB)
		rc = f(c, o, va_arg(ap, curl_off_t));
	else
		rc = f(c, o, va_arg(ap, void *));
	va_end(ap);
	return rc;
}

CURLMcode
(curl_multi_setopt)(CURLM *m, CURLMoption o, ...)
{
	va_list		ap;
	CURLMcode	rc;
	FIND(curl_multi_setopt);

	va_start(ap, o);
	if ((int)o < CURLOPTTYPE_OBJECTPOINT)
		rc = f(m, o, va_arg(ap, long));
	else if ((int)o >= CURLOPTTYPE_OFF_T)
		rc = f(m, o, va_arg(ap, curl_off_t));
	else
		rc = f(m, o, va_arg(ap, void *));
	va_end(ap);
	return rc;
}

CURLcode
(curl_easy_getinfo)(CURL *c, CURLINFO i, ...)
{
	va_list		ap;
	CURLcode	rc;
	FIND(curl_easy_getinfo);

	va_start(ap, i);
	rc = f(c, i, va_arg(ap, void *));
	va_end(ap);
	return rc;
}

/* --- the others --------------------------------------------------------------------- */

void
(curl_easy_cleanup)(CURL *a)
{
	FIND(curl_easy_cleanup);
	f(a);
}

CURL *
(curl_easy_init)(void)
{
	FIND(curl_easy_init);
	return f();
}

CURLcode
(curl_easy_pause)(CURL *a, int b)
{
	FIND(curl_easy_pause);
	return f(a, b);
}

const char *
(curl_easy_strerror)(CURLcode a)
{
	FIND(curl_easy_strerror);
	return f(a);
}

void
(curl_free)(void *a)
{
	FIND(curl_free);
	f(a);
}

CURLcode
(curl_global_init)(long a)
{
	FIND(curl_global_init);
	return f(a);
}

CURLMcode
(curl_multi_add_handle)(CURLM *a, CURL *b)
{
	FIND(curl_multi_add_handle);
	return f(a, b);
}

CURLMcode
(curl_multi_cleanup)(CURLM *a)
{
	FIND(curl_multi_cleanup);
	return f(a);
}

CURLMsg *
(curl_multi_info_read)(CURLM *a, int *b)
{
	FIND(curl_multi_info_read);
	return f(a, b);
}

CURLM *
(curl_multi_init)(void)
{
	FIND(curl_multi_init);
	return f();
}

CURLMcode
(curl_multi_perform)(CURLM *a, int *b)
{
	FIND(curl_multi_perform);
	return f(a, b);
}

CURLMcode
(curl_multi_poll)(CURLM *a, struct curl_waitfd b[], unsigned int c, int d,
    int *e)
{
	FIND(curl_multi_poll);
	return f(a, b, c, d, e);
}

CURLMcode
(curl_multi_remove_handle)(CURLM *a, CURL *b)
{
	FIND(curl_multi_remove_handle);
	return f(a, b);
}

const char *
(curl_multi_strerror)(CURLMcode a)
{
	FIND(curl_multi_strerror);
	return f(a);
}

struct curl_slist *
(curl_slist_append)(struct curl_slist *a, const char *b)
{
	FIND(curl_slist_append);
	return f(a, b);
}

void
(curl_slist_free_all)(struct curl_slist *a)
{
	FIND(curl_slist_free_all);
	f(a);
}

CURLU *
(curl_url)(void)
{
	FIND(curl_url);
	return f();
}

void
(curl_url_cleanup)(CURLU *a)
{
	FIND(curl_url_cleanup);
	f(a);
}

CURLUcode
(curl_url_get)(CURLU *a, CURLUPart b, char **c, unsigned int d)
{
	FIND(curl_url_get);
	return f(a, b, c, d);
}

CURLUcode
(curl_url_set)(CURLU *a, CURLUPart b, const char *c, unsigned int d)
{
	FIND(curl_url_set);
	return f(a, b, c, d);
}

const char *
(curl_url_strerror)(CURLUcode a)
{
	FIND(curl_url_strerror);
	return f(a);
}

curl_version_info_data *
(curl_version_info)(CURLversion a)
{
	FIND(curl_version_info);
	return f(a);
}
