#include "auditor/role/judge_ari.h"

#include <string.h>

#include "acme/ari.h"
#include "auditor/role/judge.h"
#include "auditor/role/judge_audit.h"

void
judge_ari_pack(struct buf *b, enum judge_ari_what what, struct span s)
{
	buf_u8(b, (uint8_t)what);
	buf_vec32(b, s.p, s.n);
}

int
judge_ari_read(struct cur *c, struct judge_ari *a)
{
	uint64_t	start, end;

	memset(a, 0, sizeof(*a));
	if (judge_text_read(c, &a->id) == -1 || cur_u64(c, &start) == -1 ||
	    cur_u64(c, &end) == -1 || judge_text_read(c, &a->url) == -1)
		return -1;
	a->start = (int64_t)start;
	a->end = (int64_t)end;
	return 0;
}

static void
reply(struct judge *j, uint64_t id, const char *name, const struct ari *a)
{
	judge_ok(j, id);
	judge_text_pack(&j->out, name);
	buf_u64(&j->out, (uint64_t)a->start);
	buf_u64(&j->out, (uint64_t)a->end);
	judge_text_pack(&j->out, a->url != NULL ? a->url : "");
}

int
judge_do_ari(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct ari	a = { 0, 0, NULL };
	struct buf	name = BUF_INIT;
	struct cur	v;
	uint8_t		what;
	int		rc = -1;

	if (cur_u8(c, &what) == -1 || cur_vec32(c, &v) == -1 ||
	    what > JUDGE_ARI_ANSWER)
		return err_set(e, ERR_FORMAT, "bad request");
	if (what == JUDGE_ARI_CERT)
		rc = ari_id(cur_rest(&v), &name, e);
	else
		rc = ari_read(cur_rest(&v), &a, e);
	if (rc == 0)
		reply(j, id, buf_text(&name), &a);
	ari_free(&a);
	buf_free(&name);
	return rc;
}
