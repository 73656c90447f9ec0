#include "auditor/role/audit_memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/mem.h"

#define KEEP_LEAST	5	/* seconds; answers that name none */
#define KEEP_MOST	60

static struct audit_memo_one *
find(const struct audit_memo *m, const char *name, uint16_t type)
{
	size_t	i;

	for (i = 0; i < LIMIT_AUDIT_MEMO; i++)
		if (m->v[i].type == type && m->v[i].name != NULL &&
		    strcmp(m->v[i].name, name) == 0)
			return (struct audit_memo_one *)(uintptr_t)&m->v[i];
	return NULL;
}

/* The place for it: its own, or the oldest. */
static struct audit_memo_one *
place(struct audit_memo *m, const char *name, uint16_t type)
{
	struct audit_memo_one	*o = find(m, name, type);

	if (o != NULL)
		return o;
	o = &m->v[m->next];
	m->next = (m->next + 1) % LIMIT_AUDIT_MEMO;
	free(o->name);
	o->name = mem_str(name);
	o->type = type;
	return o;
}

void
audit_memo_add(struct audit_memo *m, const char *name, uint16_t type,
    const struct probe_said *s, int64_t now, int64_t most)
{
	struct audit_memo_one	*o;
	struct buf		 b = BUF_INIT;
	int64_t			 keep = s->ttl;

	if (!s->ok)
		return;
	probe_said_pack(&b, s);
	if (b.n > LIMIT_AUDIT_MEMO_BYTES) {
		buf_free(&b);
		return;
	}
	keep = keep < KEEP_LEAST ? KEEP_LEAST :
	    keep > KEEP_MOST ? KEEP_MOST : keep;
	keep *= CLK_SEC;
	o = place(m, name, type);
	o->until = now + (keep < most ? keep : most);
	buf_free(&o->said);
	o->said = b;
}

const struct buf *
audit_memo_find(const struct audit_memo *m, const char *name, uint16_t type,
    int64_t now)
{
	const struct audit_memo_one	*o = find(m, name, type);

	return o != NULL && now < o->until ? &o->said : NULL;
}

void
audit_memo_free(struct audit_memo *m)
{
	size_t	i;

	for (i = 0; i < LIMIT_AUDIT_MEMO; i++) {
		free(m->v[i].name);
		buf_free(&m->v[i].said);
	}
	memset(m, 0, sizeof(*m));
}
