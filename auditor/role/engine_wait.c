#include "auditor/role/engine_wait.h"

#include <poll.h>
#include <stdio.h>

#include "auditor/db/lease.h"
#include "auditor/db/migrate.h"
#include "auditor/db/move.h"
#include "auditor/decide.h"
#include "auditor/role/audit.h"
#include "auditor/role/engine_claim.h"
#include "auditor/role/engine_clock.h"
#include "auditor/role/engine_role.h"
#include "auditor/role/engine_slot.h"
#include "auditor/role/engine_start.h"
#include "auditor/role/lists.h"
#include "auditor/role/tail.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"

/* Who is unheard of for LIMIT_WORKER_ALIVE is listed as dead. */
#define BEAT_MOST	(LIMIT_WORKER_ALIVE * CLK_SEC / 3)
/* What lasts is said so often. */
#define SAY_EVERY	(60 * CLK_SEC)

int
engine_boss(struct engine *en, struct ipc *boss)
{
	struct ipc_msg	m;
	struct err	e = ERR_INIT;
	int		eof = ipc_read(boss, &e) == -1;

	while (ipc_next(boss, &m) == 1) {
		if (m.type == ENGINE_STOP)
			en->stop = 1;
		else if (m.type == ENGINE_RELOAD)
			en->reload = 1;
	}
	return eof ? -1 : 0;
}

/* A second passes, or we are to stop: -1. */
static int
rest(struct engine *en, struct ipc *boss)
{
	struct pollfd	p = { ipc_fd(boss), POLLIN, 0 };
	int64_t		until = clk_mono() + CLK_SEC, now;

	while ((now = clk_mono()) < until && !en->stop) {
		(void)poll(&p, 1, (int)((until - now) / 1000 + 1));
		if (engine_boss(en, boss) == -1)
			en->stop = 1;
	}
	return en->stop ? -1 : 0;
}

/* Once, then once a minute while it lasts. */
static void
say(struct engine *en, const char *subject, const char *what)
{
	if (clk_mono() < en->say_at)
		return;
	en->say_at = clk_mono() + SAY_EVERY;
	log_warn(subject, "%s", what);
}

int
engine_dial(struct engine *en, struct ipc *boss, struct err *e)
{
	struct err	why = ERR_INIT;

	while ((en->db = db_open(en->conninfo, &why)) == NULL) {
		if (en->once)
			return err_set(e, why.code, "%s", why.msg);
		err_prefix(&why, "tried each second");
		say(en, "database", why.msg);
		err_clear(&why);
		if (rest(en, boss) == -1)
			return -1;
	}
	en->say_at = 0;
	db_idle(en->db, (int)en->conf->worker_lease);
	return 0;
}

/* --- the schema ---------------------------------------------------------------- */

/* What the database has; 0: none. */
static int
schema(struct db *db, int *have, struct err *e)
{
	struct db_res	*r;
	int		 none;

	*have = 0;
	if (db_query(db, &r, e, "select to_regclass('schema_migration') is "
	    "null", "") == -1)
		return -1;
	none = db_bool(r, 0, 0);
	db_free(r);
	if (none)
		return 0;
	if (db_query(db, &r, e, "select coalesce(max(number), 0) from "
	    "schema_migration", "") == -1)
		return -1;
	*have = (int)db_int(r, 0, 0);
	db_free(r);
	return 0;
}

/* Why it waits, as the row and the log say it. */
static void
reason(int have, char *out, size_t n)
{
	if (have > migrate_newest())
		(void)snprintf(out, n, "the database has schema %d, and this "
		    "program (%s) knows schemas up to %d: waits until a "
		    "newer certvigil takes its place", have,
		    CERTVIGIL_VERSION, migrate_newest());
	else
		(void)snprintf(out, n, "the database has schema %d, and this "
		    "program (%s) needs schema %d: waits for `certvigil db "
		    "migrate` or `certvigil run`", have, CERTVIGIL_VERSION,
		    migrate_newest());
}

/*
 * Be seen waiting, as far as the other schema allows it.  Each try that it does
 * not is an error in the server's log: one a minute.
 */
static void
seen(struct engine *en, const char *why, int *entered, int64_t *next)
{
	int	other;

	if (*entered && engine_slot_seen(en, why, &other, NULL) == 0)
		return;
	*entered = 0;
	if (clk_mono() < *next)
		return;
	*next = clk_mono() + SAY_EVERY;
	*entered = engine_slot_enter(en, why, NULL) == 0;
}

int
engine_wait_schema(struct engine *en, struct ipc *boss, struct err *e)
{
	struct err	why = ERR_INIT;
	char		text[256];
	int64_t		enter_at = 0;
	int		have = 0, entered = 0, waited = 0, rc;

	en->say_at = 0;
	for (;;) {
		rc = db_alive(en->db) ? 0 : db_reset(en->db, &why);
		if (rc == 0)
			rc = schema(en->db, &have, &why);
		if (rc == 0 && have == migrate_newest())
			break;
		if (rc == 0)
			reason(have, text, sizeof(text));
		if (en->once)
			return err_set(e, ERR_CONF, "%s", rc == 0 ? text :
			    why.msg);
		say(en, "database", rc == 0 ? text : why.msg);
		err_clear(&why);
		if (rc == 0 && have != 0)
			seen(en, text, &entered, &enter_at);
		waited = 1;
		if (rest(en, boss) == -1)
			return -1;
	}
	en->say_at = 0;
	if (waited)
		log_info("database", "schema %d: goes on", have);
	/* the number is ours; is it what we know by it? */
	if (migrate_have(en->db, &have, e) == -1)
		return -1;
	return move_check(en->db, e);
}

void
engine_fault(struct engine *en, const char *subject, const char *what)
{
	int	away = !db_alive(en->db);

	if (away && en->db_lost)
		log_debug(subject, "%s", what);
	else
		log_error(subject, "%s", what);
	en->db_lost = away;
}

/* --- from the beginning ----------------------------------------------------------- */

void
engine_drop(struct engine *en)
{
	size_t	i;

	for (i = 0; i < en->ntails; i++)
		tail_free(en->tails[i]);
	en->ntails = 0;
	if (en->audit != NULL)
		audit_reset(en->audit);
	lists_free(en->lists);
	en->lists = lists_new(en);
	vantage_free(en->vantage);
	en->vantage = vantage_new(en);
	/* --once: what was under way is claimed before it counts as done */
	en->claim_at = 0;
}

int64_t
engine_beat_every(const struct engine *en)
{
	int64_t	lease = en->conf->worker_lease * CLK_SEC;

	return lease / 3 < BEAT_MOST ? lease / 3 : BEAT_MOST;
}

/* When the database last heard of us. */
static int64_t
heard(const struct engine *en)
{
	return en->beat_at == 0 ? clk_mono() : en->beat_at - engine_beat_every(en);
}

int
engine_late(const struct engine *en)
{
	return clk_mono() > heard(en) + en->conf->worker_lease * CLK_SEC;
}

/* Enter again, when the schema is still ours. */
static void
enter_again(struct engine *en, struct ipc *boss)
{
	struct err	e = ERR_INIT;
	int64_t		before = heard(en);

	if (engine_wait_schema(en, boss, &e) == -1 ||
	    engine_enter(en, &e) == -1) {
		if (en->stop)
			return;
		log_error(NULL, "%s", e.msg);
		/* a schema of our number that is another: a person's matter */
		en->fatal = db_alive(en->db);
		return;
	}
	engine_claim_back(en, clk_mono() - before);
	en->beat_at = 0;
	log_info(NULL, "worker %s goes on", en->holder);
}

void
engine_away(struct engine *en, struct ipc *boss)
{
	static int64_t	 next;
	struct err	 e = ERR_INIT;

	engine_drop(en);
	if (clk_mono() < next) {
		engine_wake(en, next);
		return;
	}
	next = clk_mono() + CLK_SEC;
	engine_wake(en, next);
	if (db_reset(en->db, &e) == -1) {
		err_prefix(&e, "tried each second");
		say(en, "database", e.msg);
		return;
	}
	en->say_at = 0;
	en->db_lost = 0;
	log_info("database", "back");
	enter_again(en, boss);
}

/* What it had is another's: nothing of it is used. */
static void
begin_anew(struct engine *en, struct ipc *boss, const char *why)
{
	log_warn(NULL, "worker %s %s: what it had under way is given up",
	    en->holder, why);
	engine_drop(en);
	enter_again(en, boss);
}

int
engine_slept(const struct engine *en, int64_t now)
{
	return en->beat_at != 0 && now > en->beat_at +
	    en->conf->worker_lease * CLK_SEC;
}

void
engine_beat(struct engine *en, struct ipc *boss, int64_t now)
{
	struct err	e = ERR_INIT;
	size_t		n = 0;
	int		have = 0;

	if (now < en->beat_at) {
		engine_wake(en, en->beat_at);
		return;
	}
	if (engine_slept(en, now)) {
		begin_anew(en, boss, "slept longer than its leases");
		return;
	}
	/* what we had ran out, and that of others, too, who were held up */
	if (engine_late(en))
		engine_claim_back(en, now - heard(en));
	en->beat_at = now + engine_beat_every(en);
	engine_wake(en, en->beat_at);
	/* before we are seen by the new time */
	engine_clock_back(en);
	if (engine_slot_seen(en, NULL, &have, &e) == -1) {
		if (e.code == ERR_LEASE)
			begin_anew(en, boss, "has lost its slot to another");
		else
			log_error(NULL, "%s", e.msg);
		return;
	}
	if (have != migrate_newest()) {
		begin_anew(en, boss, "finds another schema");
		return;
	}
	if (lease_beat(en->db, en->holder, (int)en->conf->worker_lease,
	    &e) == -1 || (en->roles & ROLE_INGEST &&
	    decide_holds(en->db, en->conf, &n, &e) == -1) ||
	    engine_marked(en, &e) == -1)
		log_error(NULL, "%s", e.msg);
}
