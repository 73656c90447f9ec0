#include "auditor/db/hook_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int
hook_take(struct db *db, int64_t id, unsigned secs, struct hook_row *h,
    struct err *e)
{
	struct db_res	*r = NULL;
	int		 there;

	memset(h, 0, sizeof(*h));
	if (db_query(db, &r, e, "update managed_certificate set hook_at = "
	    "clock_timestamp() + $2 * interval '1 second' where id = $1 and "
	    "removed_at is null and hook_at <= clock_timestamp() returning "
	    "id, hook_at, hook_attempts, name, array_to_string(names, ' '), "
	    "deployed_to, serial, not_after", "ii", id, (int64_t)secs) == -1)
		return -1;
	there = db_rows(r) != 0;
	if (there) {
		h->id = db_int(r, 0, 0);
		h->held = db_time(r, 0, 1);
		h->attempts = (int)db_int(r, 0, 2);
		h->name = mem_str(db_text(r, 0, 3));
		h->names = mem_str(db_text(r, 0, 4));
		h->dir = mem_str(db_text(r, 0, 5));
		h->serial = mem_str(db_text(r, 0, 6));
		h->not_after = db_time(r, 0, 7);
	}
	db_free(r);
	return there;
}

void
hook_row_free(struct hook_row *h)
{
	free(h->name);
	free(h->names);
	free(h->dir);
	free(h->serial);
	memset(h, 0, sizeof(*h));
}

int
hook_ended(struct db *db, const struct hook_row *h, const char *why,
    int64_t next, struct err *e)
{
	struct db_res	*r = NULL;
	int		 n;

	if (db_query(db, &r, e, "update managed_certificate set hook_at = $3, "
	    "hook_error = $4, hook_attempts = case when $4::text is null then "
	    "0 else hook_attempts + 1 end where id = $1 and hook_at = $2",
	    "itts", h->id, h->held, why != NULL ? next : INT64_MIN, why)
	    == -1)
		return -1;
	n = db_changed(r) != 0;
	db_free(r);
	return n;
}
