#ifndef TESTS_UNIT_AUDITOR_EVIDENCE_SIGNER_H
#define TESTS_UNIT_AUDITOR_EVIDENCE_SIGNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/evidence.h"
#include "auditor/evidence_verify.h"
#include "auditor/role/sign.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/evidence_fixture.h"
#include "tests/unit/auditor/evidence_flips.h"

/* The world of a test of evidence, and the instance that signs there. */

static struct world		 w;
static struct sign		*instance;
static struct evidence_signer	 signer;
static char			 dir[] = "/tmp/evidence-XXXXXX";

static inline int
sign(void *arg, struct span json, struct buf *out, struct err *e)
{
	return sign_statement(arg, json, out, e);
}

static inline int
signer_begin(void)
{
	struct err	e = ERR_INIT;

	world_make(&w);
	if (mkdtemp(dir) == NULL || (instance = sign_new(dir, &e)) == NULL) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	signer.sign = sign;
	signer.arg = instance;
	sign_public(instance, signer.key);
	return 0;
}

static inline int
signer_end(void)
{
	char	*key = mem_printf("%s/instance.key", dir);

	sign_free(instance);
	world_free(&w);
	(void)unlink(key);
	(void)rmdir(dir);
	free(key);
	return 0;
}

static inline void
must(int rc, const struct err *e)
{
	if (rc != -1)
		return;
	(void)fprintf(stderr, "%s\n", e->msg);
	fail();
}

static inline struct span
hash(const uint8_t *p)
{
	return (struct span){ p, 32 };
}

/* Who verifies has the keys of the log list of this world. */
static inline enum evidence_verdict
judge(const char *text, size_t n, int show)
{
	struct evidence_keys	 keys = { &w.list, { NULL, 0 }, NULL };
	enum evidence_verdict	 v;
	json_t			*lines;

	v = evidence_verify((struct span){ (const uint8_t *)text, n }, &keys,
	    &lines);
	if (show && v != EVIDENCE_VALID)
		(void)json_dumpf(lines, stderr, JSON_INDENT(1));
	json_decref(lines);
	return v;
}

#endif
