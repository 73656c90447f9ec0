#include "auditor/role/engine.h"

#include "auditor/role/judge.h"

/* What the supervisor tells its engine, as bytes. */

void
engine_run_pack(struct buf *b, const struct engine_run *r)
{
	judge_str_pack(b, r->config);
	judge_str_pack(b, r->conninfo);
	buf_u32(b, (uint32_t)r->slot);
	buf_u8(b, r->once != 0);
	buf_u8(b, r->progress != 0);
}

int
engine_run_read(struct cur *c, struct engine_run *r)
{
	uint32_t	slot;
	uint8_t		once, progress;

	if (judge_str_read(c, &r->config) == -1 ||
	    judge_str_read(c, &r->conninfo) == -1 ||
	    cur_u32(c, &slot) == -1 || cur_u8(c, &once) == -1 ||
	    cur_u8(c, &progress) == -1)
		return -1;
	r->slot = (int)slot;
	r->once = once;
	r->progress = progress;
	return 0;
}
