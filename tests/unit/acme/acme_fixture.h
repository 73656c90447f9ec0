#ifndef TESTS_UNIT_ACME_ACME_FIXTURE_H
#define TESTS_UNIT_ACME_ACME_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acme/san.h"
#include "base/buf.h"
#include "base/err.h"

/* The error must have this code, and its sentence these words. */
static inline void
assert_err(const struct err *e, enum err_code code, const char *words)
{
	if (e->code != code || strstr(e->msg, words) == NULL)
		fail_msg("%s \"%s\", not %s \"%s\"", err_name(e->code), e->msg,
		    err_name(code), words);
}

/* Names, which are good. */
static inline struct san
names_of(const char *const *v, size_t n)
{
	struct san	l;
	struct err	e = ERR_INIT;

	if (san_of(v, n, &l, &e) == -1)
		fail_msg("%s", e.msg);
	return l;
}

#define NAMES(...) names_of((const char *const []){ __VA_ARGS__ }, \
	sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(char *))

#endif
