#include "auditor/role/engine.h"

#include "auditor/role/judge.h"

/* What the supervisor tells its engine, as bytes. */

void
engine_run_pack(struct buf *b, const struct engine_run *r)
{
	size_t	i;

	judge_str_pack(b, r->config);
	judge_str_pack(b, r->conninfo);
	judge_str_pack(b, r->name);
	buf_u32(b, (uint32_t)r->slot);
	buf_u8(b, (uint8_t)r->roles);
	buf_u8(b, r->sync != 0);
	buf_u8(b, (uint8_t)r->once);
	buf_u8(b, r->progress != 0);
	buf_u8(b, r->quiet != 0);
	buf_u8(b, (uint8_t)r->nfiles);
	for (i = 0; i < r->nfiles; i++)
		judge_str_pack(b, r->files[i]);
	for (i = 0; i < CHALLENGE_KINDS; i++)
		buf_u8(b, (uint8_t)r->nlisten[i]);
}

int
engine_run_read(struct cur *c, struct engine_run *r)
{
	uint32_t	slot;
	uint8_t		roles, sync, once, progress, quiet, n, sockets;
	size_t		i;

	if (judge_str_read(c, &r->config) == -1 ||
	    judge_str_read(c, &r->conninfo) == -1 ||
	    judge_str_read(c, &r->name) == -1 ||
	    cur_u32(c, &slot) == -1 || cur_u8(c, &roles) == -1 ||
	    cur_u8(c, &sync) == -1 || cur_u8(c, &once) == -1 ||
	    cur_u8(c, &progress) == -1 || cur_u8(c, &quiet) == -1 ||
	    cur_u8(c, &n) == -1 ||
	    n > FILE_KEPT_MAX)
		return -1;
	for (i = 0; i < n; i++)
		if (judge_str_read(c, &r->files[i]) == -1)
			return -1;
	for (i = 0; i < CHALLENGE_KINDS; i++) {
		if (cur_u8(c, &sockets) == -1 ||
		    sockets > 2 * LIMIT_CHALLENGE_LISTEN)
			return -1;
		r->nlisten[i] = sockets;
	}
	r->nfiles = n;
	r->slot = (int)slot;
	r->roles = roles;
	r->sync = sync;
	r->once = once;
	r->progress = progress;
	r->quiet = quiet;
	return 0;
}
