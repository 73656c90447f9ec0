#include "auditor/role/vantage.h"

#include <string.h>

#include "auditor/db/vantage_store.h"
#include "auditor/role/judge_gossip.h"
#include "base/limit.h"
#include "base/log.h"

/* Witnesses: configured, told to judges, and what they say, stored. */

static size_t
witnesses(const struct conf *c, struct witness w[LIMIT_WITNESSES])
{
	size_t	i, n = 0;

	for (i = 0; i < c->nwitnesses && n < LIMIT_WITNESSES; i++)
		if (witness_read(c->witnesses[i].key, &w[n], NULL) == 0)
			n++;
	return n;
}

void
vantage_tell(struct engine *en, struct judge_link *j)
{
	struct witness	w[LIMIT_WITNESSES];
	struct buf	b = BUF_INIT;
	size_t		n = witnesses(en->conf, w);

	if (n == 0)
		return;
	judge_witness_pack(&b, w, n);
	judge_tell(j, JUDGE_WITNESS, &b);
	buf_free(&b);
}

int
vantage_cosigned(struct engine *en, int64_t head_id, struct span raw,
    const struct judge_cosigned *said, size_t n, struct err *e)
{
	struct witness		w[LIMIT_WITNESSES];
	struct cosigned_in	in = { .head_id = head_id, .raw = raw };
	size_t			i, k = witnesses(en->conf, w);
	int			fresh;

	for (i = 0; i < n; i++) {
		/* the configuration may have changed since it was told */
		if (said[i].witness >= k)
			continue;
		in.witness = w[said[i].witness].name;
		in.key = w[said[i].witness].key;
		in.valid = said[i].good;
		in.at = said[i].at;
		if (cosigned_store(en->db, &in, &fresh, e) == -1)
			return -1;
		if (fresh && !in.valid)
			log_warn("witness", "%s: its signature on a checkpoint "
			    "is wrong, and not believed (tlog-cosignature)",
			    in.witness);
	}
	return 0;
}
