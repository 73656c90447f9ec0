#ifndef TESTS_UNIT_ACME_CM_H
#define TESTS_UNIT_ACME_CM_H

/* What every unit test of acme/ includes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/cur.h"
#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

#define NOW (1780000000 * CLK_SEC)

static inline void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static inline void
has_not(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in \"%s\"", part, text);
}

#endif
