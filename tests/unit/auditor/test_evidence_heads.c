/* takes: 4 */
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
#include "auditor/evidence_heads.h"
#include "auditor/evidence_verify.h"
#include "auditor/role/sign.h"
#include "base/clk.h"
#include "base/mem.h"
#include "tests/unit/auditor/evidence_fixture.h"
#include "tests/unit/auditor/evidence_flips.h"

/* Heads that contradict each other, as evidence. */

#define OLD	5		/* the smaller tree; its size is no power of 2 */
#define MS	1767225700000ULL

static struct world		 w;
static struct sign		*instance;
static struct evidence_signer	 signer;
static char			 dir[] = "/tmp/evidence-XXXXXX";

static int
sign(void *arg, struct span json, struct buf *out, struct err *e)
{
	return sign_statement(arg, json, out, e);
}

static int
setup(void **state)
{
	struct err	e = ERR_INIT;

	(void)state;
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

static int
teardown(void **state)
{
	char	*key = mem_printf("%s/instance.key", dir);

	(void)state;
	sign_free(instance);
	world_free(&w);
	(void)unlink(key);
	(void)rmdir(dir);
	free(key);
	return 0;
}

static enum evidence_verdict
judge(const char *text, size_t n, int show)
{
	struct evidence_keys	 keys = { &w.list, { NULL, 0 }, NULL };
	enum evidence_verdict	 v;
	json_t			*lines;
	char			*s;

	v = evidence_verify((struct span){ (const uint8_t *)text, n }, &keys,
	    &lines);
	if (show) {
		s = json_dumps(lines, JSON_INDENT(1));
		(void)fprintf(stderr, "%s\n", s);
		free(s);
	}
	json_decref(lines);
	return v;
}

/* A file with the log and two heads; the smaller with ${root}. */
static struct evidence *
begun(const uint8_t *root, int n[2])
{
	struct evidence_log	 l = { .log_id = w.log_id,
	    .key = buf_bytes(&w.spki), .description = "test log",
	    .operator = "nobody", .protocol = "rfc6962", .url = LOG_URL,
	    .read_url = LOG_URL };
	struct evidence		*ev = evidence_new(&signer);
	struct buf		 raw = BUF_INIT;
	struct err		 e = ERR_INIT;
	int			 log = evidence_log(ev, &l);

	make_sth(&w, LEAVES, MS + 1000, NULL, &raw);
	n[0] = evidence_head(ev, log, "sth", buf_bytes(&raw), &e);
	buf_reset(&raw);
	make_sth(&w, OLD, MS, root, &raw);
	n[1] = evidence_head(ev, log, "sth", buf_bytes(&raw), &e);
	buf_free(&raw);
	assert_true(n[0] >= 0 && n[1] >= 0);
	return ev;
}

static void
inconsistent(void **state)
{
	struct evidence_contradiction	 c;
	struct evidence			*ev;
	struct buf			 path = BUF_INIT, out = BUF_INIT;
	struct err			 e = ERR_INIT;
	struct flips			 f = { .instance = instance,
	    .judge = judge, .days = 1 };
	uint8_t				 lie[32] = { 1 }, root[32];
	int				 n[2];

	(void)state;
	ev = begun(lie, n);
	mth(&w, 0, OLD, root);
	proof_of(&w, OLD, 0, LEAVES, 1, &path);
	c = (struct evidence_contradiction){ n[0], n[1], root,
	    buf_bytes(&path) };
	assert_true(evidence_inconsistent(ev, &c, &e) >= 0);
	assert_int_equal(evidence_finish(ev, clk_wall(), &out, &e), 0);
	evidence_free(ev);
	assert_int_equal(judge(buf_text(&out), out.n, 0), EVIDENCE_VALID);
	f.root = json_loads(buf_text(&out), 0, NULL);
	for (f.seal = 0; f.seal < 2; f.seal++)
		flip(&f, f.root);
	assert_int_equal(f.missed, 0);
	assert_true(f.n > 500);
	json_decref(f.root);
	buf_free(&path);
	buf_free(&out);
}

/* Nobody is accused by a path that is wrong, or right for both. */
static void
honest(void **state)
{
	struct evidence_contradiction	 c;
	struct evidence			*ev;
	struct buf			 path = BUF_INIT;
	struct err			 e = ERR_INIT;
	uint8_t				 lie[32] = { 1 }, root[32];
	int				 n[2];

	(void)state;
	mth(&w, 0, OLD, root);
	proof_of(&w, OLD, 0, LEAVES, 1, &path);
	ev = begun(NULL, n);
	c = (struct evidence_contradiction){ n[0], n[1], root,
	    buf_bytes(&path) };
	assert_int_equal(evidence_inconsistent(ev, &c, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	evidence_free(ev);
	ev = begun(lie, n);
	path.p[3] ^= 1;
	c = (struct evidence_contradiction){ n[0], n[1], root,
	    buf_bytes(&path) };
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	path.p[3] ^= 1;
	/* the other way round, and a head with itself */
	c.head = n[1];
	c.other = n[0];
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	c.head = n[0];
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	c.other = 7;
	assert_int_equal(evidence_inconsistent(ev, &c, NULL), -1);
	evidence_free(ev);
	buf_free(&path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inconsistent),
		cmocka_unit_test(honest),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
