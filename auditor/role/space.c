#include "auditor/role/space.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "auditor/db/cost_store.h"
#include "auditor/db/finding.h"
#include "auditor/role/engine.h"
#include "base/clk.h"
#include "base/log.h"

#define EVERY	(600 * CLK_SEC)
#define LOW	1000e6		/* bytes */
#define OUT	200e6		/* PostgreSQL stops soon */
/* More than this is room again, so that the finding does not flap. */
#define ROOM	1250e6
#define DAYS	3.0
#define SUBJECT	"database"

const char *
space_judge(double left, double bytes_day, int was, char *why, size_t n)
{
	double	days = bytes_day > 0 ? left / bytes_day : DAYS + 1;

	if (left >= (was ? ROOM : LOW) && days >= (was ? DAYS + 1 : DAYS))
		return NULL;
	if (days < DAYS)
		(void)snprintf(why, n, "%.0f MB are left for the database, "
		    "which grows by %.0f MB a day: enough for %.1f days; make "
		    "room", left / 1e6, bytes_day / 1e6, days);
	else
		(void)snprintf(why, n, "%.0f MB are left for the database; "
		    "make room", left / 1e6);
	return left < OUT ? "critical" : left < LOW ? "high" : "medium";
}

/* Say it, or (${severity} NULL) that it is over. */
static int
say(struct engine *en, const char *severity, const char *why, struct err *e)
{
	struct finding	f = { .kind = "database.low_space",
	    .severity = severity, .subject = SUBJECT, .owner = "",
	    .watch = "", .name = "", .reason = why,
	    .issuer_first_seen = INT64_MIN };
	int		rc;

	if (db_begin(en->db, e) == -1)
		return -1;
	rc = severity != NULL ? finding_open(en->db, &f, NULL, NULL, e) :
	    finding_resolve(en->db, f.kind, SUBJECT, "", "there is room "
	    "again", e);
	if (rc != -1 && db_commit(en->db, e) == 0)
		return 0;
	db_rollback(en->db);
	return -1;
}

void
space_turn(struct engine *en, int64_t now)
{
	struct cost_growth	 g;
	struct statvfs		 v;
	struct err		 e = ERR_INIT;
	const char		*severity;
	char			 why[200] = "";

	if (now < en->space_at || strcmp(en->conf->database, "embedded") != 0)
		return;
	en->space_at = now + EVERY;
	if (statvfs(en->conf->state_dir, &v) == -1)
		return;
	if (cost_store_growth(en->db, &g, &e) == -1) {
		log_error("database", "%s", e.msg);
		return;
	}
	severity = space_judge((double)v.f_bavail * (double)v.f_frsize,
	    g.bytes_day, en->space_low, why, sizeof(why));
	if (severity != NULL)
		log_warn("database", "%s", why);
	/* one of an earlier run may be open */
	if ((severity != NULL || en->space_low || !en->space_known) &&
	    say(en, severity, why, &e) == -1) {
		log_error("database", "%s", e.msg);
		return;
	}
	en->space_low = severity != NULL;
	en->space_known = 1;
}
