#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/enc.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "tests/unit/auditor/judging.h"

/* Pages: what is used of them, what is reported, what does not fit. */

#define N	5
#define FIRST	768

static uint8_t	leaf[N][32];

/* A tile of N entries, of which 1 and 3 are ours. */
static struct judge_page
tile_of_five(void)
{
	struct judge_page	p;
	struct buf		body = BUF_INIT;
	int			i;

	judging_open(".a.example\n");
	for (i = 0; i < N; i++)
		plant_page(i % 2 ? "www.a.example" : "nota.example", 1, &body,
		    leaf[i]);
	memset(&p, 0, sizeof(p));
	p.ext = judging_body(body.p, body.n);
	p.tile = 1;
	p.max = N;
	p.first = FIRST;
	p.to = UINT32_MAX;
	buf_free(&body);
	return p;
}

/* The range of leaves [lo, hi), out of our own hand. */
static void
range_of(uint32_t lo, uint32_t hi, struct merkle_range *r)
{
	merkle_start(r, FIRST + lo);
	for (; lo < hi; lo++)
		merkle_leaf(r, leaf[lo]);
}

static void
parts(void **state)
{
	static const struct {
		uint32_t	skip, cut, from, to;
		uint32_t	count, upto, nmatch;
		int		rc;
	} t[] = {
		{ 0, 0, 0, UINT32_MAX, 5, 5, 2, 0 },
		{ 0, 0, 0, 1, 5, 1, 0, 0 },
		{ 0, 0, 0, 2, 5, 2, 1, 0 },
		{ 0, 0, 2, 5, 5, 5, 1, 0 },
		{ 0, 0, 3, 4, 5, 4, 1, 0 },
		{ 0, 0, 4, 4, 5, 4, 0, 0 },
		{ 1, 0, 0, UINT32_MAX, 4, 5, 2, 0 },
		{ 2, 0, 0, UINT32_MAX, 3, 5, 1, 0 },
		{ 4, 0, 0, UINT32_MAX, 1, 5, 0, 0 },
		{ 0, 4, 0, UINT32_MAX, 4, 4, 2, 0 },
		{ 0, 1, 0, UINT32_MAX, 1, 1, 0, 0 },
		{ 1, 2, 0, UINT32_MAX, 1, 2, 1, 0 },
		{ 3, 9, 0, UINT32_MAX, 2, 5, 1, 0 },
		{ 5, 0, 0, UINT32_MAX, 0, 5, 0, 0 },
		{ 6, 0, 0, UINT32_MAX, 0, 0, 0, -1 },
		{ 3, 2, 0, UINT32_MAX, 0, 0, 0, -1 },
	};
	struct judge_page	p = tile_of_five();
	struct judge_page_reply	r;
	struct judge_match	m;
	struct merkle_range	want, tree;
	struct err		e = ERR_INIT;
	struct cur		c;
	uint8_t			root[32];
	size_t			i, k;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		p.skip = t[i].skip;
		p.cut = t[i].cut;
		p.from = t[i].from;
		p.to = t[i].to;
		if (judge_do_page(&j, &p, i + 1, &e) != t[i].rc)
			fail_msg("case %zu: %s", i, e.msg);
		if (t[i].rc == -1)
			continue;
		c = judging_answer(i + 1);
		assert_int_equal(judge_page_reply_read(&c, &r), 0);
		if (r.count != t[i].count || r.upto != t[i].upto ||
		    r.nmatch != t[i].nmatch)
			fail_msg("case %zu: %u up to %u, %u", i, r.count,
			    r.upto, r.nmatch);
		range_of(p.skip, p.skip + r.count, &want);
		assert_int_equal(r.range.n, want.n);
		assert_memory_equal(r.range.hash, want.hash, want.n * 32);
		for (k = 0; k < r.nmatch; k++) {
			assert_int_equal(judge_match_read(&c, &m), 0);
			assert_true(m.index == FIRST + 1 ||
			    m.index == FIRST + 3);
			assert_memory_equal(m.leaf_hash,
			    leaf[m.index - FIRST], 32);
			/* its audit path ends at the root of the tree */
			merkle_start(&tree, 0);
			for (root[0] = 0; tree.to < FIRST + p.skip;)
				merkle_leaf(&tree, leaf[0]);
			assert_int_equal(merkle_join(&tree, &r.range, &m.path,
			    1), 0);
			assert_int_equal(merkle_root(&tree, root, &m.path, 1),
			    0);
			assert_int_equal(merkle_inclusion(m.leaf_hash,
			    m.index, tree.to, (const uint8_t (*)[32])
			    m.path.hash, m.path.n, root), 0);
			judge_match_free(&m);
		}
		assert_int_equal(cur_left(&c), 0);
	}
	judging_close();
}

static void
raw(void **state)
{
	struct judge_page	p = tile_of_five();
	struct judge_page_reply	r;
	struct judge_match	m;
	struct err		e = ERR_INIT;
	struct cur		c;
	uint32_t		i;

	(void)state;
	p.skip = 1;
	p.cut = 4;
	for (i = 0; i < N + 2; i++) {
		p.from = i;
		p.to = i + 1;
		if (judge_do_raw(&j, &p, 3, &e) != (i >= 1 && i < 4 ? 0 : -1))
			fail_msg("entry %u", i);
		if (i < 1 || i >= 4)
			continue;
		c = judging_answer(3);
		assert_int_equal(judge_page_reply_read(&c, &r), 0);
		assert_true(r.count == 3 && r.nmatch == 1 && r.upto == i + 1);
		assert_int_equal(judge_match_read(&c, &m), 0);
		assert_true(m.malformed && m.index == FIRST + i &&
		    m.nhits == i % 2 && m.leaf.n != 0);
		assert_memory_equal(m.leaf_hash, leaf[i], 32);
		judge_match_free(&m);
		/* without a look at its bytes */
		p.to = i;
		assert_int_equal(judge_do_raw(&j, &p, 3, &e), 0);
		c = judging_answer(3);
		assert_int_equal(judge_page_reply_read(&c, &r), 0);
		assert_int_equal(r.upto, i + 1);
		assert_int_equal(judge_match_read(&c, &m), 0);
		assert_int_equal(m.nhits, 0);
		judge_match_free(&m);
	}
	judging_close();
}

static void
refused(void **state)
{
	struct judge_page	p = tile_of_five(), q;
	struct err		e = ERR_INIT;
	int			i;

	(void)state;
	for (i = 0; i < 6; i++) {
		q = p;
		switch (i) {
		case 0:	q.max = N - 1; break;	/* left-over bytes */
		case 1: q.max = N + 1; break;	/* too few */
		case 2: q.ext.len++; break;	/* behind the arena */
		case 3: q.ext.off = j.narena + 1; break;
		case 4: q.ext.off = UINT64_MAX; break;
		case 5: q.ext.gzip = 1; break;
		}
		err_clear(&e);
		if (judge_do_page(&j, &q, 1, &e) != -1 || e.msg[0] == '\0')
			fail_msg("case %d", i);
	}
	assert_int_equal(judge_do_page(&j, &p, 1, &e), 0);
	judging_close();
}

/* An entry of ${n} bytes that is no certificate but has our name in it. */
static void
garbage(struct buf *body, size_t n, uint64_t ms, int last)
{
	struct buf	l = BUF_INIT;
	size_t		i;

	buf_u16(&l, 0);
	buf_u64(&l, ms);
	buf_u16(&l, ENTRY_X509);
	buf_u24(&l, (uint32_t)n);
	buf_str(&l, " www.a.example ");
	for (i = 15; i < n; i++)
		buf_u8(&l, 0xff);
	buf_u16(&l, 0);
	buf_str(body, "{\"leaf_input\":\"");
	enc_b64(body, l.p, l.n);
	buf_str(body, "\",\"extra_data\":\"\"}");
	buf_str(body, last ? "]}" : ",");
	buf_free(&l);
}

/* One such entry alone: its record, and how long it is. */
static size_t
alone(size_t n, uint64_t ms, struct judge_match *m)
{
	struct judge_page	p;
	struct judge_page_reply	r;
	struct buf		body = BUF_INIT;
	struct err		e = ERR_INIT;
	struct cur		c;
	size_t			len;

	buf_str(&body, "{\"entries\":[");
	garbage(&body, n, ms, 1);
	memset(&p, 0, sizeof(p));
	p.ext = judging_body(body.p, body.n);
	p.max = 1;
	p.to = UINT32_MAX;
	buf_free(&body);
	if (judge_do_page(&j, &p, 1, &e) == -1)
		fail_msg("%s", e.msg);
	c = judging_answer(1);
	assert_int_equal(judge_page_reply_read(&c, &r), 0);
	assert_int_equal(r.nmatch, 1);
	len = cur_left(&c);
	assert_int_equal(judge_match_read(&c, m), 0);
	assert_true(m->malformed && m->nhits == 1);
	return len;
}

static void
too_large(void **state)
{
	struct judge_match	m;
	size_t			beside;

	(void)state;
	judging_open(".a.example\n");
	beside = alone(100, 5, &m) - 100;
	judge_match_free(&m);
	assert_int_equal(alone(LIMIT_MATCH - beside, 5, &m), LIMIT_MATCH);
	assert_true(m.leaf.n > LIMIT_MATCH - beside);
	judge_match_free(&m);
	assert_true(alone(LIMIT_MATCH - beside + 1, 5, &m) < 10000);
	assert_int_equal(m.leaf.n, 0);
	assert_non_null(strstr(m.reason, "are kept"));
	assert_string_equal(m.hit_name[0], "a.example");
	judge_match_free(&m);
	assert_true(alone((1u << 24) - 1, 5, &m) < 10000);
	judge_match_free(&m);
	judging_close();
}

static void
timestamps(void **state)
{
	static const uint64_t	ok = (1ULL << JUDGE_TIME_BITS) - 1;
	struct judge_match	m;

	(void)state;
	judging_open(".a.example\n");
	(void)alone(50, ok, &m);
	assert_true(m.timestamp_ms == ok);
	judge_match_free(&m);
	(void)alone(50, ok + 1, &m);
	assert_true(m.timestamp_ms == 0);
	assert_non_null(strstr(m.reason, "is no time"));
	judge_match_free(&m);
	(void)alone(50, UINT64_MAX, &m);
	assert_true(m.timestamp_ms == 0);
	judge_match_free(&m);
	judging_close();
}

/* What does not fit into one answer comes with the next. */
static void
portions(void **state)
{
	struct judge_page	p;
	struct judge_page_reply	r;
	struct judge_match	m;
	struct buf		body = BUF_INIT;
	struct err		e = ERR_INIT;
	struct cur		c;
	uint32_t		i, got = 0, asked = 0;

	(void)state;
	judging_open(".a.example\n");
	buf_str(&body, "{\"entries\":[");
	for (i = 0; i < 20; i++)
		garbage(&body, 1500000, i, i == 19);
	memset(&p, 0, sizeof(p));
	p.ext = judging_body(body.p, body.n);
	p.max = 20;
	p.to = UINT32_MAX;
	buf_free(&body);
	while (p.from < 20) {
		if (judge_do_page(&j, &p, 1, &e) == -1)
			fail_msg("%s", e.msg);
		assert_true(j.out.n <= LIMIT_FRAME);
		c = judging_answer(1);
		assert_int_equal(judge_page_reply_read(&c, &r), 0);
		assert_true(r.upto > p.from && r.count == 20);
		for (i = 0; i < r.nmatch; i++) {
			assert_int_equal(judge_match_read(&c, &m), 0);
			assert_int_equal(m.index, got++);
			judge_match_free(&m);
		}
		p.from = r.upto;
		asked++;
	}
	assert_int_equal(got, 20);
	assert_true(asked >= 3);
	judging_close();
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(raw),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_large),
		cmocka_unit_test(timestamps),
		cmocka_unit_test(portions),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
