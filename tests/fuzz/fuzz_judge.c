#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/role/engine.h"
#include "auditor/role/judge.h"
#include "auditor/role/judge_gossip.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/*
 * What a judge that was taken over may say to the engine, and what a broken
 * engine may ask a judge.  The first byte chooses the reader; what was read
 * is packed and must be read again.
 */

static void
match(struct cur c)
{
	struct judge_match	m, again;
	struct buf		b = BUF_INIT;
	struct cur		d;

	while (judge_match_read(&c, &m) == 0) {
		judge_match_pack(&b, &m);
		d = cur_span(buf_bytes(&b));
		if (judge_match_read(&d, &again) == -1 || cur_left(&d) != 0)
			abort();
		judge_match_free(&again);
		judge_match_free(&m);
		buf_reset(&b);
	}
	buf_free(&b);
}

/* An answer to a page: it is joined to a tree, with the paths of matches. */
static void
page(struct cur c)
{
	struct judge_page_reply	r;
	struct judge_match	m;
	struct merkle_range	tree;
	uint8_t			root[32];

	if (judge_page_reply_read(&c, &r) == -1)
		return;
	merkle_start(&tree, r.range.from);
	memset(&m, 0, sizeof(m));
	if (r.nmatch != 0 && judge_match_read(&c, &m) == 0) {
		if (merkle_join(&tree, &r.range, &m.path, 1) == 0)
			(void)merkle_root(&tree, root, &m.path, 1);
		judge_match_free(&m);
	}
}

/* What others saw, and what witnesses say of it. */
static void
gossip(struct cur c)
{
	static struct gossip_head	h;
	struct gossip_reply		r;
	uint32_t			i;

	if (judge_gossip_reply_read(&c, &r) == -1)
		return;
	for (i = 0; i < r.heads && judge_gossip_head_read(&c, &h) == 0; i++)
		if (h.nsaid > LIMIT_WITNESSES || h.raw.n > LIMIT_GOSSIP_RAW)
			abort();
}

static void
list(struct cur c)
{
	struct loglist	*l, *again;
	struct buf	 b = BUF_INIT;

	if (judge_loglist_read(&c, &l) == -1)
		return;
	judge_loglist_pack(&b, l);
	c = cur_span(buf_bytes(&b));
	if (judge_loglist_read(&c, &again) == -1 || cur_left(&c) != 0)
		abort();
	loglist_free(again);
	loglist_free(l);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct judge_proof	proof;
	struct judge_reply		reply;
	struct judge_head		head;
	struct judge_log		log;
	struct judge_page		question;
	struct judge_list		want;
	struct engine_run		run;
	struct cur			c;

	if (n == 0)
		return 0;
	c = cur_of(p + 1, n - 1);
	switch (p[0] % 10) {
	case 0:	match(c); break;
	case 1:	page(c); break;
	case 2:	list(c); break;
	case 3:	(void)judge_reply_read(&c, &reply); break;
	case 4:	(void)judge_head_read(&c, &head); break;
	case 5:	(void)judge_log_read(&c, &log); break;
	case 6:	(void)judge_page_read(&c, &question);
		(void)judge_list_read(&c, &want);
		break;
	case 7:	(void)judge_proof_read(&c, &proof); break;
	case 8:	(void)engine_run_read(&c, &run); break;
	case 9:	gossip(c); break;
	}
	return 0;
}
