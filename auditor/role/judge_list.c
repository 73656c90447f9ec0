#include "auditor/role/judge.h"

#include <string.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

/* Log lists: what a judge read of one, as bytes and back. */

static void
log_pack(struct buf *b, const struct loglist_log *l)
{
	size_t	i;

	judge_str_pack(b, l->operator);
	buf_u32(b, (uint32_t)l->nformer);
	for (i = 0; i < l->nformer; i++) {
		judge_str_pack(b, l->former[i].name);
		buf_u64(b, (uint64_t)l->former[i].until);
	}
	judge_str_pack(b, l->description);
	buf_vec32(b, l->key, l->nkey);
	buf_u32(b, l->mmd);
	judge_str_pack(b, l->url);
	judge_str_pack(b, l->submit_url);
	buf_u8(b, (uint8_t)l->protocol);
	buf_u8(b, (uint8_t)l->state);
	buf_u64(b, (uint64_t)l->state_at);
	buf_u8(b, l->has_final != 0);
	buf_u64(b, l->final_size);
	buf_add(b, l->final_root, 32);
	buf_u8(b, l->has_interval != 0);
	buf_u64(b, (uint64_t)l->start);
	buf_u64(b, (uint64_t)l->end);
	buf_u8(b, l->is_test != 0);
}

void
judge_loglist_pack(struct buf *b, const struct loglist *l)
{
	size_t	i;

	judge_str_pack(b, l->version);
	buf_u64(b, (uint64_t)l->timestamp);
	buf_u32(b, (uint32_t)l->nlogs);
	for (i = 0; i < l->nlogs; i++)
		log_pack(b, &l->logs[i]);
	buf_u32(b, (uint32_t)l->nrefused);
	for (i = 0; i < l->nrefused; i++)
		judge_str_pack(b, l->refused[i]);
}

/* A string of its own memory. */
static int
str_dup(struct cur *c, char **out)
{
	const char	*s;

	if (judge_str_read(c, &s) == -1)
		return -1;
	*out = mem_str(s);
	return 0;
}

static int
former_read(struct cur *c, struct loglist_log *l)
{
	uint32_t	n, i;
	uint64_t	t;

	if (cur_u32(c, &n) == -1 || n > cur_left(c) / 13)
		return -1;
	l->former = mem_array(n, sizeof(*l->former));
	for (i = 0; i < n; i++) {
		if (str_dup(c, &l->former[i].name) == -1)
			return -1;
		l->nformer = i + 1;
		if (cur_u64(c, &t) == -1)
			return -1;
		l->former[i].until = (int64_t)t;
	}
	return 0;
}

static int
log_read(struct cur *c, struct loglist_log *l)
{
	struct cur	key;
	uint64_t	at, start, end;
	uint8_t		protocol, state, fin, interval, test;

	if (str_dup(c, &l->operator) == -1 || former_read(c, l) == -1 ||
	    str_dup(c, &l->description) == -1 || cur_vec32(c, &key) == -1 ||
	    cur_u32(c, &l->mmd) == -1 || str_dup(c, &l->url) == -1 ||
	    str_dup(c, &l->submit_url) == -1 || cur_u8(c, &protocol) == -1 ||
	    cur_u8(c, &state) == -1 || cur_u64(c, &at) == -1 ||
	    cur_u8(c, &fin) == -1 || cur_u64(c, &l->final_size) == -1 ||
	    cur_copy(c, l->final_root, 32) == -1 ||
	    cur_u8(c, &interval) == -1 || cur_u64(c, &start) == -1 ||
	    cur_u64(c, &end) == -1 || cur_u8(c, &test) == -1 ||
	    protocol > LOGLIST_STATIC || state > LOGLIST_REJECTED ||
	    l->final_size >> 62 != 0)
		return -1;
	l->nkey = cur_left(&key);
	l->key = mem_dup(key.p, l->nkey);
	/* The id is what the key says, whatever the judge believes. */
	sha_256(l->log_id, l->key, l->nkey);
	l->protocol = (enum loglist_protocol)protocol;
	l->state = (enum loglist_state)state;
	l->state_at = (int64_t)at;
	l->has_final = fin;
	l->has_interval = interval;
	l->start = (int64_t)start;
	l->end = (int64_t)end;
	l->is_test = test;
	return 0;
}

int
judge_loglist_read(struct cur *c, struct loglist **out)
{
	struct loglist	*l = mem_zero(sizeof(*l));
	uint64_t	 t;
	uint32_t	 n, i;

	*out = NULL;
	if (str_dup(c, &l->version) == -1 || cur_u64(c, &t) == -1 ||
	    cur_u32(c, &n) == -1 || n > cur_left(c) / 64)
		goto err;
	l->timestamp = (int64_t)t;
	l->logs = mem_array(n, sizeof(*l->logs));
	for (i = 0; i < n; i++) {
		l->nlogs = i + 1;
		if (log_read(c, &l->logs[i]) == -1)
			goto err;
	}
	if (cur_u32(c, &n) == -1 || n > cur_left(c) / 5)
		goto err;
	l->refused = mem_array(n, sizeof(*l->refused));
	for (i = 0; i < n; i++) {
		if (str_dup(c, &l->refused[i]) == -1)
			goto err;
		l->nrefused = i + 1;
	}
	*out = l;
	return 0;
err:
	loglist_free(l);
	return -1;
}
