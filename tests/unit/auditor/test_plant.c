#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/auditor/judging.h"

/* Pages of our own: a judge must find in them what was planted. */

static const struct {
	const char	*watches;
	int		 rc;
} sets[] = {
	{ "a.example\n", 0 },
	{ ".a.example\n", 0 },
	{ "192.0.2.1\n", 0 },
	{ "xn--bcher-kva.example\n", 0 },
	{ ".b\xc3\xbc" "cher.example\n", 0 },
	{ ".a.example\na.example\nw.a.example\n.example\n", 0 },
	{ ".a.example\n.\n", 0 },
	{ "", -1 },
	{ "192.0.2.0/24\n", -1 },
	{ "2001:db8::1\n", -1 },
	{ "spki:00112233445566778899aabbccddeeff"
	    "00112233445566778899aabbccddeeff\n", -1 },
};

/* The one record of the answer must say what was planted. */
static void
found(const char *name, const uint8_t leaf[32])
{
	struct cur		c = judging_answer(9);
	struct judge_page_reply	r;
	struct judge_match	m;
	struct watch_hit	hit;
	size_t			i;
	int			ok = 0;

	assert_int_equal(judge_page_reply_read(&c, &r), 0);
	assert_true(r.count == 1 && r.nmatch == 1 && r.range.n == 1);
	assert_memory_equal(r.range.hash[0], leaf, 32);
	assert_int_equal(judge_match_read(&c, &m), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_int_equal(m.malformed, 0);
	assert_memory_equal(m.leaf_hash, leaf, 32);
	assert_true(watch_name(&j.watches, name, &hit, 1) > 0);
	for (i = 0; i < m.nhits; i++)
		ok |= m.hit_watch[i] == hit.watch &&
		    strcmp(m.hit_name[i], name) == 0;
	assert_true(ok);
	judge_match_free(&m);
}

static void
every_set(void **state)
{
	struct judge_page	p;
	struct buf		body = BUF_INIT;
	struct err		e = ERR_INIT;
	char			name[WATCH_NAME];
	uint8_t			leaf[32];
	size_t			i;
	int			tile, k;

	(void)state;
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		judging_open(sets[i].watches);
		for (k = 0; k < 8; k++) {
			if (plant_name(&j.watches, name) != sets[i].rc)
				fail_msg("set %zu", i);
			if (sets[i].rc == -1)
				break;
			for (tile = 0; tile < 2; tile++) {
				buf_reset(&body);
				plant_page(name, tile, &body, leaf);
				memset(&p, 0, sizeof(p));
				p.ext = judging_body(body.p, body.n);
				p.tile = tile;
				p.max = 1;
				p.first = 77777;
				p.to = UINT32_MAX;
				if (judge_do_page(&j, &p, 9, &e) == -1)
					fail_msg("%s", e.msg);
				found(name, leaf);
			}
		}
		judging_close();
	}
	buf_free(&body);
}

/* No two are the same, or a judge could learn them. */
static void
each_another(void **state)
{
	struct buf	a = BUF_INIT, b = BUF_INIT;
	uint8_t		la[32], lb[32];

	(void)state;
	plant_page("a.example", 1, &a, la);
	plant_page("a.example", 1, &b, lb);
	assert_int_equal(a.n, b.n);
	assert_memory_not_equal(la, lb, 32);
	buf_free(&a);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(every_set),
		cmocka_unit_test(each_another),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
