#include "auditor/role/engine_clock.h"

#include <stdlib.h>

#include "auditor/db/setback.h"
#include "auditor/role/engine.h"
#include "base/clk.h"
#include "base/log.h"

/* Less is no matter for anything that is judged. */
#define WRONG		(60 * CLK_SEC)
#define SAY_EVERY	(3600 * CLK_SEC)

void
engine_clock_heard(int64_t us)
{
	static int64_t	say_at;
	int64_t		ahead = clk_follow(us);

	if (llabs(ahead) < WRONG)
		say_at = 0;
	else if (clk_mono() >= say_at) {
		say_at = clk_mono() + SAY_EVERY;
		log_warn("clock", "this machine's is %lld s %s that of the "
		    "database, which counts: one of them is wrong",
		    (long long)(llabs(ahead) / CLK_SEC),
		    ahead > 0 ? "behind" : "ahead of");
	}
}

void
engine_clock_ask(struct engine *en)
{
	struct db_res	*r = NULL;

	if (db_query(en->db, &r, NULL, "select (extract(epoch from "
	    "clock_timestamp()) * 1000000)::bigint", "") == -1)
		return;
	engine_clock_heard(db_int(r, 0, 0));
	db_free(r);
}

void
engine_clock_back(struct engine *en)
{
	struct err	e = ERR_INIT;
	int64_t		us;

	if (setback_mend(en->db, (int)en->conf->worker_lease, &us, &e) == -1) {
		log_error("clock", "%s", e.msg);
		return;
	}
	if (us == 0)
		return;
	log_warn("clock", "the database's was set back by %lld s: what it "
	    "has planned is due as much sooner", (long long)(us / CLK_SEC));
	en->claim_at = 0;
}
