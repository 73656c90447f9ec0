#include <stdint.h>
#include <string.h>

#include "acme/problem.h"
#include "base/limit.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What a person is shown is text that does nothing to a terminal. */
static void
must_be_harmless(const struct buf *b)
{
	unsigned long	v;
	size_t		i, n;

	if (strlen(buf_text(b)) != b->n)
		__builtin_trap();
	for (i = 0; i < b->n; i += n) {
		n = text_utf8(buf_text(b) + i, &v);
		if (n == 0 || text_hostile(v))
			__builtin_trap();
	}
}

/* A refusal of a CA: said, stored, read back and said again. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct acme_reply	 r = { .status = 400, .body = { p, n } };
	struct problem		 a, b;
	struct buf		 said = BUF_INIT, again = BUF_INIT;
	json_t			*o;

	problem_read(&a, &r, 1);
	if (a.nsubs > LIMIT_ACME_SUBPROBLEMS)
		__builtin_trap();
	problem_say(&a, &said);
	must_be_harmless(&said);
	o = problem_json(&a);
	problem_load(&b, o);
	json_decref(o);
	problem_say(&b, &again);
	if (said.n != again.n || problem_when(&a) != problem_when(&b))
		__builtin_trap();
	problem_free(&a);
	problem_free(&b);
	buf_free(&said);
	buf_free(&again);
	return 0;
}
