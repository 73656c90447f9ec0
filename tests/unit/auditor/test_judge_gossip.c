/* Heads that others saw, as a judge reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auditor/role/judge_gossip.h"
#include "tests/unit/auditor/evidence_fixture.h"
#include "tests/unit/auditor/judging.h"

static struct world		 w;
static struct gossip_log	 logs[2];

static int
setup(void **state)
{
	(void)state;
	judging_open("a.example\n");
	world_make(&w);
	/* log 0 is another one */
	memset(logs, 0, sizeof(logs));
	logs[0].origin = logs[1].origin = "";
	logs[0].key = logs[1].key = buf_bytes(&w.spki);
	memcpy(logs[1].log_id, w.log_id, 32);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(j.witnesses);
	judging_close();
	world_free(&w);
	return 0;
}

/* A line about a tree of ${size}; ${what} bends it. */
static void
line(struct buf *b, size_t size, const char *what)
{
	struct buf	sth = BUF_INIT;
	uint8_t		id[32];

	make_sth(&w, size, 1767225600000ULL, NULL, &sth);
	memcpy(id, w.log_id, 32);
	if (strcmp(what, "foreign") == 0)
		id[0] ^= 1;
	if (strcmp(what, "size") == 0)
		sth.p[13] ^= 1;
	buf_str(b, "{\"more\": [1], \"log_id\": \"");
	enc_b64(b, id, 32);
	buf_fmt(b, "\", \"form\": \"%s\", \"raw\": \"", strcmp(what, "form") ==
	    0 ? "head" : "sth");
	enc_b64(b, sth.p, sth.n);
	buf_str(b, "\"}\n");
	buf_free(&sth);
}

static int
ask(const struct buf *body, struct gossip_reply *r, struct cur *c,
    struct err *e)
{
	struct judge_ext	x = judging_body(body->p, body->n);
	struct buf		q = BUF_INIT;
	struct cur		in;
	int			rc;

	judge_gossip_pack(&q, &x, logs, 2);
	in = cur_span(buf_bytes(&q));
	rc = judge_do_gossip(&j, &in, 7, e);
	if (rc == 0) {
		*c = judging_answer(7);
		assert_int_equal(judge_gossip_reply_read(c, r), 0);
	}
	buf_free(&q);
	return rc;
}

static void
lines(void **state)
{
	static struct gossip_head	h;
	struct gossip_reply		r;
	struct buf			b = BUF_INIT;
	struct err			e = ERR_INIT;
	struct cur			c;
	uint8_t				root[32];

	(void)state;
	assert_int_equal(ask(&b, &r, &c, &e), 0);
	assert_true(r.heads == 0 && r.foreign == 0 && r.refused == 0);
	line(&b, 5, "");
	line(&b, 7, "foreign");
	buf_str(&b, "\n");
	line(&b, 6, "size");
	line(&b, 6, "form");
	buf_str(&b, "[]\n{\"log_id\": 1}\nnonsense\n");
	line(&b, 9, "");
	b.n--;		/* the last line need not end */
	if (ask(&b, &r, &c, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(r.heads, 2);
	assert_int_equal(r.foreign, 1);
	assert_int_equal(r.refused, 5);
	assert_non_null(strstr(r.why, "line 4"));
	assert_int_equal(judge_gossip_head_read(&c, &h), 0);
	assert_true(h.log == 1 && h.head.tree_size == 5 && h.nsaid == 0);
	mth(&w, 0, 5, root);
	assert_memory_equal(h.head.root, root, 32);
	assert_int_equal(judge_gossip_head_read(&c, &h), 0);
	assert_true(h.head.tree_size == 9);
	assert_int_equal(cur_left(&c), 0);
	assert_int_equal(judge_gossip_head_read(&c, &h), -1);
	buf_free(&b);
}

static void
limits(void **state)
{
	struct gossip_reply	r;
	struct buf		b = BUF_INIT;
	struct err		e = ERR_INIT;
	struct cur		c;
	size_t			i;

	(void)state;
	for (i = 0; i < LIMIT_GOSSIP_HEADS; i++)
		line(&b, 1 + i % 8, i % 2 ? "" : "foreign");
	assert_int_equal(ask(&b, &r, &c, &e), 0);
	assert_int_equal(r.heads, LIMIT_GOSSIP_HEADS / 2);
	assert_int_equal(r.refused, 0);
	line(&b, 4, "");
	assert_int_equal(ask(&b, &r, &c, &e), 0);
	assert_int_equal(r.heads, LIMIT_GOSSIP_HEADS / 2);
	assert_int_equal(r.refused, 1);
	buf_reset(&b);
	while (b.n < LIMIT_BODY_GOSSIP)
		buf_u8(&b, '\n');
	assert_int_equal(ask(&b, &r, &c, &e), 0);
	buf_u8(&b, '\n');
	assert_int_equal(ask(&b, &r, &c, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

/* What a judge that was taken over could say. */
static void
lies(void **state)
{
	static struct gossip_head	h;
	struct judge_cosigned		said[LIMIT_WITNESSES];
	struct buf			b = BUF_INIT;
	struct gossip_reply		r;
	struct cur			c;
	size_t				i;

	(void)state;
	buf_u32(&b, LIMIT_GOSSIP_HEADS + 1);
	buf_u32(&b, 0);
	buf_u32(&b, 0);
	judge_str_pack(&b, "");
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_gossip_reply_read(&c, &r), -1);
	b.p[3]--;
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_gossip_reply_read(&c, &r), 0);
	buf_reset(&b);
	buf_u32(&b, 1);
	buf_u32(&b, LIMIT_WITNESSES);
	buf_u8(&b, 1);
	buf_u64(&b, 1);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_cosigned_read(&c, said), -1);
	b.p[7]--;
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_cosigned_read(&c, said), 1);
	for (i = 0; i < b.n; i++) {
		c = cur_span((struct span){ b.p, i });
		assert_int_equal(judge_cosigned_read(&c, said), -1);
	}
	b.p[9] = 0xff;
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_cosigned_read(&c, said), -1);
	buf_reset(&b);
	for (i = 0; i < 200; i++)
		buf_u8(&b, 0xff);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_gossip_head_read(&c, &h), -1);
	buf_free(&b);
}

/* Witnesses that the judge is told. */
static void
told(void **state)
{
	struct witness	v[LIMIT_WITNESSES + 1];
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;
	struct cur	c;
	uint8_t		key[32] = { 7 };
	char		name[20];
	size_t		i;

	(void)state;
	for (i = 0; i <= LIMIT_WITNESSES; i++) {
		(void)snprintf(name, sizeof(name), "w%zu", i);
		assert_int_equal(witness_make(&v[i], name, key, &e), 0);
	}
	judge_witness_pack(&b, v, LIMIT_WITNESSES);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_do_witness(&j, &c, &e), 0);
	assert_int_equal(j.nwitnesses, LIMIT_WITNESSES);
	assert_string_equal(j.witnesses[3].name, "w3");
	assert_memory_equal(j.witnesses[3].id, v[3].id, 4);
	buf_reset(&b);
	judge_witness_pack(&b, v, LIMIT_WITNESSES + 1);
	c = cur_span(buf_bytes(&b));
	assert_int_equal(judge_do_witness(&j, &c, &e), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(limits),
		cmocka_unit_test(lies),
		cmocka_unit_test(told),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
