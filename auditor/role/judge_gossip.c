#include "auditor/role/judge_gossip.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "ctlog/jsn.h"
#include "ctlog/note.h"
#include "ctlog/sth.h"

/* --- witnesses --- */

void
judge_witness_pack(struct buf *b, const struct witness *w, size_t n)
{
	size_t	i;

	buf_u32(b, (uint32_t)n);
	for (i = 0; i < n; i++) {
		judge_str_pack(b, w[i].name);
		buf_add(b, w[i].key, 32);
	}
}

int
judge_do_witness(struct judge *j, struct cur *c, struct err *e)
{
	const char	*name;
	uint8_t		 key[32];
	size_t		 i, n;

	if (judge_count_read(c, 37, &n) == -1 || n > LIMIT_WITNESSES)
		return err_set(e, ERR_FORMAT, "bad request");
	free(j->witnesses);
	j->witnesses = mem_array(n, sizeof(*j->witnesses));
	j->nwitnesses = 0;
	for (i = 0; i < n; i++) {
		if (judge_str_read(c, &name) == -1 ||
		    cur_copy(c, key, 32) == -1 ||
		    witness_make(&j->witnesses[i], name, key, e) == -1)
			return err_set(e, ERR_FORMAT, "bad request");
		j->nwitnesses = i + 1;
	}
	return 0;
}

void
judge_cosigned(struct judge *j, struct span note)
{
	enum witness_verdict	v[LIMIT_WITNESSES];
	uint64_t		at[LIMIT_WITNESSES];
	uint32_t		n = 0;
	size_t			i;

	for (i = 0; i < j->nwitnesses && note.n != 0; i++) {
		at[i] = 0;
		v[i] = witness_check(note, &j->witnesses[i], &at[i]);
		n += v[i] != WITNESS_NONE;
	}
	buf_u32(&j->out, n);
	for (i = 0; i < j->nwitnesses && n != 0; i++)
		if (v[i] != WITNESS_NONE) {
			buf_u32(&j->out, (uint32_t)i);
			buf_u8(&j->out, v[i] == WITNESS_GOOD);
			buf_u64(&j->out, at[i]);
		}
}

int
judge_cosigned_read(struct cur *c, struct judge_cosigned *out)
{
	size_t		i, n;
	uint32_t	w;

	if (judge_count_read(c, 13, &n) == -1 || n > LIMIT_WITNESSES)
		return -1;
	for (i = 0; i < n; i++) {
		if (cur_u32(c, &w) == -1 || w >= LIMIT_WITNESSES ||
		    judge_flag_read(c, &out[i].good) == -1 ||
		    cur_u64(c, &out[i].at) == -1 ||
		    out[i].at >> JUDGE_TIME_BITS != 0)
			return -1;
		out[i].witness = w;
	}
	return (int)n;
}

/* --- heads that others saw --- */

void
judge_gossip_pack(struct buf *b, const struct judge_ext *x,
    const struct gossip_log *l, size_t n)
{
	size_t	i;

	judge_ext_pack(b, x);
	buf_u32(b, (uint32_t)n);
	for (i = 0; i < n; i++) {
		buf_add(b, l[i].log_id, 32);
		buf_u8(b, l[i].is_static != 0);
		buf_vec32(b, l[i].key.p, l[i].key.n);
		judge_str_pack(b, l[i].origin);
	}
}

static int
log_read(struct cur *c, struct gossip_log *l)
{
	return cur_copy(c, l->log_id, 32) == -1 ||
	    judge_flag_read(c, &l->is_static) == -1 ||
	    judge_span_read(c, &l->key) == -1 ? -1 :
	    judge_str_read(c, &l->origin);
}

int
judge_gossip_reply_read(struct cur *c, struct gossip_reply *r)
{
	if (cur_u32(c, &r->heads) == -1 || cur_u32(c, &r->foreign) == -1 ||
	    cur_u32(c, &r->refused) == -1 || r->heads > LIMIT_GOSSIP_HEADS)
		return -1;
	return judge_str_read(c, &r->why);
}

int
judge_gossip_head_read(struct cur *c, struct gossip_head *h)
{
	uint32_t	log;
	int		n;

	if (cur_u32(c, &log) == -1 || judge_head_read(c, &h->head) == -1 ||
	    judge_span_read(c, &h->raw) == -1 || h->raw.n == 0 ||
	    h->raw.n > LIMIT_GOSSIP_RAW ||
	    (n = judge_cosigned_read(c, h->said)) == -1)
		return -1;
	h->log = log;
	h->nsaid = (size_t)n;
	return 0;
}

/* One line: 1 a head of a log that we know, 0 of another one, -1 wrong. */
static int
line_read(struct judge *j, struct span line, const struct gossip_log *logs,
    size_t nlogs, struct err *e)
{
	struct judge_head	 h;
	struct buf		 raw = BUF_INIT;
	struct sth		 s;
	json_t			*o = jsn_object(line, "head", e);
	const char		*form;
	uint8_t			 id[32];
	size_t			 i;
	int			 rc = -1, checkpoint;

	if (o == NULL || jsn_b64_to(o, "log_id", id, 32, e) == -1 ||
	    jsn_b64(o, "raw", &raw, e) == -1)
		goto out;
	form = json_string_value(json_object_get(o, "form"));
	checkpoint = form != NULL && strcmp(form, "checkpoint") == 0;
	if (!checkpoint && (form == NULL || strcmp(form, "sth") != 0)) {
		(void)err_set(e, ERR_FORMAT, "`form` is neither sth nor "
		    "checkpoint");
		goto out;
	}
	for (i = 0; i < nlogs && memcmp(logs[i].log_id, id, 32) != 0; i++)
		;
	rc = 0;
	if (i == nlogs || logs[i].is_static != checkpoint)
		goto out;
	rc = raw.n > LIMIT_GOSSIP_RAW ? err_set(e, ERR_LIMIT, "`raw` has %zu "
	    "bytes, at most %u", raw.n, LIMIT_GOSSIP_RAW) : checkpoint ?
	    note_read(buf_bytes(&raw), logs[i].origin, logs[i].key, &s, e) :
	    sth_read_json(buf_bytes(&raw), &s, e) == -1 ? -1 :
	    sth_verify(&s, logs[i].key, e);
	if (rc == -1)
		goto out;
	rc = 1;
	h.tree_size = s.tree_size;
	h.timestamp_ms = s.timestamp;
	memcpy(h.root, s.root, 32);
	buf_u32(&j->out, (uint32_t)i);
	judge_head_pack(&j->out, &h);
	buf_vec32(&j->out, raw.p, raw.n);
	judge_cosigned(j, checkpoint ? buf_bytes(&raw) :
	    (struct span){ NULL, 0 });
out:
	json_decref(o);
	buf_free(&raw);
	return rc;
}

/* All lines of a body; heads go to j->out. */
static void
lines_read(struct judge *j, struct span body, const struct gossip_log *logs,
    size_t nlogs, struct gossip_reply *r, struct err *first)
{
	const uint8_t	*p = body.p, *end = body.p + body.n, *nl;
	struct span	 line;
	struct err	 e;
	unsigned	 n = 0;
	int		 rc;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl != NULL ? nl : end;
		line = (struct span){ p, (size_t)(nl - p) };
		n++;
		if (line.n == 0)
			continue;
		if (r->heads + r->foreign + r->refused >= LIMIT_GOSSIP_HEADS) {
			r->refused++;
			(void)err_set(first, ERR_LIMIT, "more than %u heads",
			    LIMIT_GOSSIP_HEADS);
			return;
		}
		err_clear(&e);
		rc = line_read(j, line, logs, nlogs, &e);
		r->heads += rc == 1;
		r->foreign += rc == 0;
		if (rc == -1 && r->refused++ == 0) {
			(void)err_prefix(&e, "line %u", n);
			(void)err_set(first, e.code, "%s", e.msg);
		}
	}
}

int
judge_do_gossip(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct gossip_log	*logs;
	struct gossip_reply	 r = { 0, 0, 0, "" };
	struct err		 first = ERR_INIT;
	struct judge_ext	 x;
	struct buf		 heads;
	struct span		 body;
	size_t			 i, n;

	if (judge_ext_read(c, &x) == -1 || judge_count_read(c, 42, &n) == -1)
		return err_set(e, ERR_FORMAT, "bad request");
	if (judge_body(j, &x, LIMIT_BODY_GOSSIP, &body, e) == -1)
		return -1;
	/* the body may change: what is verified is what is reported */
	buf_reset(&j->scratch);
	buf_span(&j->scratch, body);
	logs = mem_array(n, sizeof(*logs));
	for (i = 0; i < n; i++)
		if (log_read(c, &logs[i]) == -1) {
			free(logs);
			return err_set(e, ERR_FORMAT, "bad request");
		}
	buf_reset(&j->out);
	lines_read(j, buf_bytes(&j->scratch), logs, n, &r, &first);
	free(logs);
	/* the counts go in front of the heads */
	heads = j->out;
	j->out = (struct buf)BUF_INIT;
	judge_ok(j, id);
	buf_u32(&j->out, r.heads);
	buf_u32(&j->out, r.foreign);
	buf_u32(&j->out, r.refused);
	judge_str_pack(&j->out, first.msg);
	buf_add(&j->out, heads.p, heads.n);
	buf_free(&heads);
	return 0;
}
