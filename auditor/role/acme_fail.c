#include "auditor/role/acme_order.h"

#include "auditor/db/finding.h"
#include "auditor/db/watcher.h"
#include "auditor/due.h"
#include "base/clk.h"

/* Orders that fail: when the next one is, and who hears of it. */

/* Failures in a row from which on somebody is told. */
#define TELL_FROM	3

/* That it failed again and again is news once; it is said when it is over. */
static int
find(struct acme_order *o, const char *why, struct err *e)
{
	struct finding	f = { .kind = "renewal.failed", .severity = "high",
	    .subject = o->want.name, .owner = "", .watch = "",
	    .name = o->want.name, .reason = why,
	    .issuer_first_seen = INT64_MIN };

	return o->failures + 1 < TELL_FROM ? 0 :
	    finding_open(o->db, &f, NULL, NULL, e);
}

int
acme_order_mended(struct acme_order *o, struct err *e)
{
	if (watcher_gone(o->db, "renewal.failed", o->want.name,
	    "a certificate was issued and deployed", e) == -1)
		return -1;
	return o->old == NULL ? 0 : watcher_gone(o->db, "renewal.requested",
	    o->old, "it was renewed", e);
}

void
acme_order_failed(struct acme_order *o, const struct order_row *order,
    int over, const char *why, int64_t not_before)
{
	struct err	e = ERR_INIT;
	int64_t		next = clk_wall() + due_again(o->failures + 1);

	if (next < not_before)
		next = not_before;
	if (db_begin(o->db, &e) == -1)
		return;
	/* who slept, and found it another's, has nothing to say of it */
	if ((order != NULL && order_check(o->db, order, &e) == -1) ||
	    managed_failed(o->db, o->managed, why, next, &e) == -1 ||
	    find(o, why, &e) == -1 || (order != NULL && (over ?
	    order_end(o->db, order->id, why, &e) :
	    order_leave(o->db, order, &e)) == -1) ||
	    db_commit(o->db, &e) == -1)
		db_rollback(o->db);
}
