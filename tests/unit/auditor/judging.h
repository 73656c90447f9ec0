#ifndef TESTS_UNIT_AUDITOR_JUDGING_H
#define TESTS_UNIT_AUDITOR_JUDGING_H

/*
 * A judge without a process: its arena is the test's memory, its questions
 * are function calls.  Include after cmocka.h.
 */

#include <stdlib.h>
#include <string.h>

#include "auditor/role/judge.h"
#include "auditor/role/plant.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/page.h"
#include "pki/watch.h"

static struct judge	j;
static struct buf	image = BUF_INIT, arena = BUF_INIT;

/* A judge that watches the names in ${text}, one a line. */
static inline void
judging_open(const char *text)
{
	struct watch_build	*b = watch_build_new();
	struct err		 e = ERR_INIT;

	memset(&j, 0, sizeof(j));
	if (watch_build_file(b, text, strlen(text), "test", &e) == -1)
		fail_msg("%s", e.msg);
	watch_build_done(b, &image);
	if (watch_open(&j.watches, image.p, image.n, &e) == -1)
		fail_msg("%s", e.msg);
	j.page = page_new();
	j.origin = mem_str("");
}

static inline void
judging_close(void)
{
	page_free(j.page);
	free(j.origin);
	buf_free(&j.key);
	buf_free(&j.inflated);
	buf_free(&j.scratch);
	buf_free(&j.out);
	buf_free(&image);
	buf_free(&arena);
}

/* Put bytes where fetch would. */
static inline struct judge_ext
judging_body(const void *p, size_t n)
{
	buf_reset(&arena);
	buf_add(&arena, "pad", 3);
	buf_add(&arena, p, n);
	j.arena = arena.p;
	j.narena = arena.n;
	return (struct judge_ext){ 3, (uint32_t)n, 0 };
}

/* The answer as the engine sees it: its head is taken off. */
static inline struct cur
judging_answer(uint64_t id)
{
	struct judge_reply	r;
	struct cur		c = cur_span(buf_bytes(&j.out));

	assert_int_equal(judge_reply_read(&c, &r), 0);
	assert_true(r.id == id && r.ok == 1);
	return c;
}

#endif
