#include "auditor/role/audit.h"

#include "auditor/rev_find.h"

/*
 * Kind "sweep": plans the work of the others, and says what only time
 * brings: what is late, what contradicts itself for too long.
 */

/* So often at most, in seconds. */
#define EVERY	10

static void
begin(struct audit_job *j)
{
	struct err	e = ERR_INIT;

	if (audit_plan(j->audit, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_begin(j) == -1)
		return;
	if (rev_find_time(j->en->db, &e) == -1)
		audit_fault(j, &e);
	else if (audit_commit(j) == 0)
		audit_done(j, audit_every(j) < EVERY ? audit_every(j) :
		    EVERY);
}

const struct audit_kind audit_sweep = {
	.name = "sweep", .most = 1, .begin = begin
};
