#include "auditor/role/acme_advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "acme/ari.h"
#include "auditor/db/finding.h"
#include "auditor/db/replace_store.h"
#include "auditor/due.h"
#include "base/clk.h"
#include "base/mem.h"

#define ASKS	"the CA asks for early renewal"

/* A time of this window, if it is another one than before. */
static void
choose(struct managed_row *m, const struct ari *a)
{
	uint64_t	random;

	if (m->ari_pick != INT64_MIN && m->ari_start == a->start &&
	    m->ari_end == a->end)
		return;
	if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1)
		abort();
	m->ari_start = a->start;
	m->ari_end = a->end;
	m->ari_pick = ari_pick(a, random);
}

/* The CA wants it gone: somebody must hear of it, and it is renewed now. */
static int
urgent(struct db *db, const struct managed_row *m, const char *url,
    struct err *e)
{
	char		why[400];
	struct finding	f = { .kind = "renewal.requested",
	    .severity = "high", .subject = m->tbs, .owner = "", .watch = "",
	    .name = m->want.name, .reason = why,
	    .issuer_first_seen = INT64_MIN };

	if (m->tbs == NULL)
		return 0;
	(void)snprintf(why, sizeof(why), "the CA asks for early renewal: the "
	    "window that it advises is over%s%.300s", url != NULL ? "; see " :
	    "", url != NULL ? url : "");
	if (replace_now(db, m->id, ASKS, e) == -1)
		return -1;
	return finding_open(db, &f, NULL, NULL, e);
}

int
acme_advice_said(struct db *db, struct managed_row *m,
    const struct acme_reply *r, struct err *e)
{
	struct due_window	w;
	struct ari		a;
	struct err		why = ERR_INIT;
	int64_t			now = clk_wall();
	int			moved = 0, rc;

	memset(&a, 0, sizeof(a));
	if (r->status == 200 && ari_read(r->body, &a, &why) == 0) {
		w = (struct due_window){ a.start, a.end, m->not_before,
		    m->not_after };
		moved = due_moved(&w, m->ari_start, m->ari_end, now);
		choose(m, &a);
		m->ari_next = now + ari_wait(r->retry_after, now) * CLK_SEC;
	}
	if (moved && m->due_why == NULL)
		m->due_why = mem_str(ASKS);
	if (moved)
		m->next_at = INT64_MIN;
	rc = db_begin(db, e);
	if (rc == 0 && (managed_ari(db, m, a.url, e) == -1 ||
	    (moved && urgent(db, m, a.url, e) == -1) ||
	    db_commit(db, e) == -1)) {
		db_rollback(db);
		rc = -1;
	}
	ari_free(&a);
	return rc;
}

int
acme_advice_ask(struct acme_talk *t, struct managed_row *m, uint64_t *id)
{
	const struct directory	*d = acme_talk_dir(t);
	struct acme_ask		 q = { ACME_RENEWAL_INFO, NULL, NULL, 0 };
	int64_t			 now = clk_wall();
	char			*url;

	if (d->renewal_info == NULL || m->ari_id == NULL ||
	    (m->ari_next != INT64_MIN && m->ari_next > now))
		return 0;
	url = mem_printf("%s/%s", d->renewal_info, m->ari_id);
	q.url = url;
	m->ari_next = now + ARI_WAIT * CLK_SEC;
	*id = acme_talk_send(t, &q, "", NULL);
	free(url);
	return *id != 0;
}

int64_t
acme_advice_at(const struct managed_row *m)
{
	int64_t	by_age = due_at(m->not_before, m->not_after);
	int64_t	last;

	if (m->due_why != NULL)
		return INT64_MIN;
	if (m->ari_pick == INT64_MIN || by_age == INT64_MIN)
		return by_age;
	/* advice may be late, but not so late that it expires meanwhile */
	last = m->not_after - (m->not_after - m->not_before) / 10;
	return m->ari_pick < last ? m->ari_pick : last;
}
