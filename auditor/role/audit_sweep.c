#include "auditor/role/audit.h"

#include "auditor/blind_find.h"
#include "auditor/canary_find.h"
#include "auditor/loop_find.h"
#include "auditor/rev_find.h"
#include "base/clk.h"

/*
 * Kind "sweep": plans the work of the others, and says what only time
 * brings: what is late, what contradicts itself for too long.
 */

/* So often at most, in seconds; and for so much of the time, 1 in SHARE. */
#define EVERY	10
#define SHARE	20
/* Polls after the start of all workers until what is behind is said. */
#define SETTLE	10

static void
begin(struct audit_job *j)
{
	struct err	e = ERR_INIT;
	int64_t		began = clk_mono(), every = audit_every(j), in;
	int64_t		settle = j->en->once ? 0 : SETTLE * j->en->conf->poll;

	if (audit_plan(j->audit, &e) == -1) {
		audit_fault(j, &e);
		return;
	}
	if (audit_begin(j) == -1)
		return;
	if (rev_find_time(j->en->db, &e) == -1 ||
	    loop_find_time(j->en->db, j->en->conf, &e) == -1 ||
	    blind_find_time(j->en->db, j->en->conf->poll, settle, &e) == -1 ||
	    canary_find_time(j->en->db, j->en->conf, settle, &e) == -1)
		audit_fault(j, &e);
	else if (audit_commit(j) == 0) {
		in = (clk_mono() - began) / CLK_SEC * SHARE;
		audit_done(j, every < EVERY ? every : in > EVERY ? in :
		    EVERY);
	}
}

const struct audit_kind audit_sweep = {
	.name = "sweep", .most = 1, .begin = begin
};
