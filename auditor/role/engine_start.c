#include "auditor/role/engine_start.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/channel.h"
#include "auditor/db/lease.h"
#include "auditor/db/log_list.h"
#include "auditor/db/setting.h"
#include "auditor/db/source.h"
#include "auditor/db/vantage_store.h"
#include "auditor/proc.h"
#include "auditor/role/audit.h"
#include "auditor/role/children.h"
#include "auditor/role/engine_clock.h"
#include "auditor/role/engine_role.h"
#include "auditor/role/engine_slot.h"
#include "auditor/role/engine_wait.h"
#include "auditor/role/fetch_cache.h"
#include "auditor/role/lists.h"
#include "auditor/role/sign_client.h"
#include "auditor/role/tail.h"
#include "auditor/role/vantage.h"
#include "base/clk.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "pki/owner.h"

/* The supervisor sends its message at once. */
#define BOSS_MS	10000

/* All of a file of at most ${cap} bytes: 0 or -1. */
static int
slurp(const char *path, size_t cap, struct buf *out)
{
	ssize_t	n = -1;
	int	fd = file_open(path);

	if (fd == -1)
		return -1;
	while (out->n <= cap &&
	    (n = read(fd, buf_room(out, 65536), 65536)) > 0)
		out->n += (size_t)n;
	(void)close(fd);
	return n == 0 ? 0 : -1;
}

/* Those that deliver. */
static int
start_deliver(struct engine *en, struct err *e)
{
	en->deliver = children_fetch(en->conf, EGRESS_DELIVERY, e);
	if (en->deliver != NULL)
		en->sign = sign_client_new(en->conf->state_dir, e);
	return en->sign != NULL ? 0 : -1;
}

/*
 * Where there is nobody to tell, two processes fewer run; else what is wrong
 * with them is said at the start, and not with the first alert.
 */
static int
start_fetch(struct engine *en, struct err *e)
{
	struct db_res	*r = NULL;
	int		 tells;

	en->logs = children_fetch(en->conf, EGRESS_LOG, e);
	if (en->logs == NULL)
		return -1;
	if ((en->roles & ROLE_NOTIFY) == 0)
		return 0;
	if (db_query(en->db, &r, e, "select exists (select from channel)", "")
	    == -1)
		return -1;
	tells = db_bool(r, 0, 0) || en->conf->heartbeat_url != NULL ||
	    en->conf->heartbeat_url_file != NULL;
	db_free(r);
	return tells ? start_deliver(en, e) : 0;
}

void
engine_deliver(struct engine *en)
{
	struct err	e = ERR_INIT;

	if (start_deliver(en, &e) == 0) {
		notify_restarted(en->notify, en->deliver, en->sign);
		return;
	}
	log_error("deliver", "%s", e.msg);
	en->fatal = 1;
}

/* The names that CCADB gives to issuers, when its file is configured. */
static void
load_owners(const struct conf *c)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;

	if (c->ccadb_csv == NULL)
		return;
	if (slurp(c->ccadb_csv, LIMIT_CCADB, &b) == -1)
		log_warn("ccadb", "%s cannot be read", c->ccadb_csv);
	else if (owner_load_csv(buf_text(&b), b.n, &e) == -1)
		log_warn("ccadb", "%s: %s", c->ccadb_csv, e.msg);
	buf_free(&b);
}

/*
 * The configuration's objects go to the tables, where all of us see them; a
 * worker that only works takes what is there, whatever its own file says.
 * *${b}, the caller's, gets all watches; NULL when those of before stay.
 */
static int
sync_conf(struct engine *en, struct watch_build **b, struct err *e)
{
	static const char	lock[] = "select pg_advisory_xact_lock(7202610)";
	struct err	why = ERR_INIT;

	*b = NULL;
	if (!en->sync)
		return setting_take(en->db, en->conf, e);
	/* one bad watch file must not keep the rest from being applied */
	if (db_begin(en->db, e) == -1)
		return -1;
	if (db_query(en->db, NULL, e, lock, "") == -1)
		goto err;
	if (watch_sync_load(en->db, en->conf, NULL, b, &why) == 0) {
		if (db_commit(en->db, e) == -1)
			goto err;
	} else {
		db_rollback(en->db);
		if (why.code == ERR_DB)
			return err_set(e, ERR_DB, "%s", why.msg);
		log_warn("watches", "%s; those of before stay", why.msg);
	}
	if (db_begin(en->db, e) == -1)
		goto err;
	if (db_query(en->db, NULL, e, lock, "") == -1 ||
	    source_sync(en->db, en->conf, NULL, e) == -1 ||
	    channel_sync(en->db, en->conf, NULL, e) == -1 ||
	    route_sync(en->db, en->conf, NULL, e) == -1 ||
	    setting_put(en->db, en->conf, NULL, e) == -1 ||
	    db_commit(en->db, e) == -1)
		goto err;
	return 0;
err:
	db_rollback(en->db);
	watch_build_free(*b);
	*b = NULL;
	return -1;
}

/* All watches, from the database; NULL and err. */
static struct watch_build *
load_watches(struct engine *en, struct err *e)
{
	struct watch_build	*b = watch_build_new();

	if (watch_load(en->db, en->conf, b, e) == 0)
		return b;
	watch_build_free(b);
	return NULL;
}

/* ${b} is what sync_conf() gave; it is used up. */
static int
start_judges(struct engine *en, struct watch_build *b, struct err *e)
{
	struct watch_pieces	o;

	if (b == NULL && (b = load_watches(en, e)) == NULL)
		return -1;
	watch_build_end(b, &o);
	memcpy(en->watch_set, o.sha256, 32);
	en->pool = judge_pool_new(b, &o, e);
	return en->pool != NULL ? 0 : -1;
}

/* From now on these are watched; ${b} is used up. */
static void
change_watches(struct engine *en, struct watch_build *b, struct err *e)
{
	struct judge_pool	*p, *old;
	struct watch_pieces	 o;
	size_t			 i;

	watch_build_end(b, &o);
	if (memcmp(o.sha256, en->watch_set, 32) == 0) {
		watch_build_free(b);
		return;
	}
	if ((p = judge_pool_new(b, &o, e)) == NULL)
		return;
	log_info("watches", "%zu names, handed to the judges",
	    watch_count(judge_pool_watches(p)));
	/* matches under way point into the old set by number */
	for (i = 0; i < en->ntails; i++)
		tail_restart(en->tails[i]);
	if (en->audit != NULL)
		audit_reset(en->audit);
	old = en->pool;
	en->pool = p;
	lists_restart(en->lists);
	if (en->audit != NULL && audit_reload(en->audit, e) == -1)
		log_error("audit", "%s", e->msg);
	judge_pool_free(old);
	memcpy(en->watch_set, watch_sha256(judge_pool_watches(p)), 32);
	watch_base_free(en->base);
	en->base = watch_base_new();
}

/* ${b} NULL: as the database has them. */
static void
renew_watches(struct engine *en, struct watch_build *b)
{
	struct err	e = ERR_INIT;

	if (b == NULL)
		b = load_watches(en, &e);
	if (b != NULL)
		change_watches(en, b, &e);
	if (e.code != ERR_NONE)
		log_error("watches", "%s", e.msg);
}

void
engine_watches(struct engine *en)
{
	renew_watches(en, NULL);
}

void
engine_changed(struct engine *en)
{
	struct err	e = ERR_INIT;

	if (!en->sync && setting_take(en->db, en->conf, &e) == -1)
		log_error("settings", "%s", e.msg);
	engine_watches(en);
}

int
engine_marked(struct engine *en, struct err *e)
{
	struct db_res	*r = NULL;
	char		 mark[sizeof(en->watch_mark)];
	int		 first = en->watch_mark[0] == '\0';

	/* what is left out can change in a row that stays */
	if (db_query(en->db, &r, e, "select concat_ws(' ', (select "
	    "concat_ws(' ', count(*), max(id), max(removed_at), "
	    "count(removed_at), md5(string_agg(id || exclude::text, ' ' "
	    "order by id) filter (where exclude <> '{}' and removed_at is "
	    "null))) from watch where origin <> 'file'), "
	    "(select max(id) from watch_file), (select md5(string_agg(key || "
	    "set_at, ' ' order by key)) from setting)), (extract(epoch from clock_timestamp()) * "
	    "1000000)::bigint", "") == -1)
		return -1;
	(void)snprintf(mark, sizeof(mark), "%s.", db_text(r, 0, 0));
	engine_clock_heard(db_int(r, 0, 1));
	db_free(r);
	if (strcmp(mark, en->watch_mark) == 0)
		return 0;
	memcpy(en->watch_mark, mark, sizeof(mark));
	if (!first)
		engine_changed(en);
	return 0;
}

int
engine_enter(struct engine *en, struct err *e)
{
	engine_clock_back(en);
	if (engine_slot_enter(en, NULL, e) == -1 ||
	    lease_add(en->db, "loglist", "main", e) == -1 ||
	    lease_add(en->db, "heads", "main", e) == -1 ||
	    (en->sync && vantage_plan(en->db, en->conf, e) == -1) ||
	    lease_add(en->db, "sweep", "main", e) == -1)
		return -1;
	if (lists_apple(en->conf) &&
	    lease_add(en->db, "loglist", "apple", e) == -1)
		return -1;
	en->hint_change = db_listen(en->db, CMD_HINT, e);
	en->hint_outbox = db_listen(en->db, "certvigil_outbox", e);
	if (en->hint_change == -1 || en->hint_outbox == -1)
		return -1;
	en->have_list = log_list_newest(en->db, en->log_list, e) == 0;
	if (!en->once)
		return 0;
	/* everything has its turn now, and the list of logs first */
	return db_query(en->db, NULL, e, "update work set due_at = now(), "
	    "attempts = case when $1 then 0 else attempts end "
	    "where id in (select id from work where kind = any (case when $1 "
	    "then array['backfill'] else array['loglist', 'tail', 'sweep', "
	    "'vantage'] end) order by id for update)", "B",
	    en->once == ENGINE_HISTORY);
}

/* Wait for what the supervisor wants. */
static int
hear(struct engine *en, struct ipc *boss, struct err *e)
{
	struct engine_run	r;
	struct ipc_msg		m;
	size_t			i;

	if (ipc_recv(boss, &m, BOSS_MS, e) != 1 || m.type != ENGINE_RUN ||
	    engine_run_read(&m.body, &r) == -1)
		return err_set(e, ERR_SYS, "no word from the supervisor");
	if (r.quiet)
		log_open("certvigil", LOG_WARN);
	if (r.once == ENGINE_HISTORY)
		log_over();
	engine_slot_name(en, r.name);
	for (i = 0; i < r.nfiles; i++)
		file_adopt(r.files[i], ENGINE_FILE_FD + (int)i);
	en->config = r.config[0] != '\0' ? mem_str(r.config) : NULL;
	en->conninfo = mem_str(r.conninfo);
	en->slot = r.slot;
	en->roles = r.roles;
	en->sync = r.sync;
	en->once = r.once;
	en->progress = r.progress;
	en->conf = conf_load(en->config, e);
	return en->conf != NULL ? 0 : -1;
}

int
engine_start(struct engine *en, struct ipc *boss, struct err *e)
{
	struct watch_build	*b;

	if (hear(en, boss, e) == -1)
		return -1;
	load_owners(en->conf);
	if (engine_dial(en, boss, e) == -1 ||
	    engine_wait_schema(en, boss, e) == -1)
		return -1;
	en->base = watch_base_new();
	if (sync_conf(en, &b, e) == -1 || start_judges(en, b, e) == -1 ||
	    start_fetch(en, e) == -1)
		return -1;
	en->lists = lists_new(en);
	en->vantage = vantage_new(en);
	if (en->roles & ROLE_AUDIT && (en->audit = audit_new(en, e)) == NULL)
		return -1;
	if (engine_enter(en, e) == -1)
		return -1;
	if (en->roles & ROLE_NOTIFY)
		en->notify = notify_new(en->db, en->conf, en->deliver,
		    en->sign, en->holder);
	log_info(NULL, "worker %s: %zu names watched", en->holder,
	    watch_count(judge_pool_watches(en->pool)));
	if (!en->sync && watch_count(judge_pool_watches(en->pool)) == 0)
		log_warn("watches", "the database has none: `certvigil run` "
		    "or `certvigil config apply` puts those of a "
		    "configuration there");
	return 0;
}

void
engine_end(struct engine *en)
{
	size_t	i;

	for (i = 0; i < en->ntails; i++)
		tail_free(en->tails[i]);
	free(en->tails);
	tail_rate_free(en);
	fetch_cache_free(en->cache);
	audit_free(en->audit);
	lists_free(en->lists);
	vantage_free(en->vantage);
	notify_free(en->notify);
	engine_slot_leave(en);
	judge_pool_free(en->pool);
	fetch_client_free(en->logs);
	fetch_client_free(en->deliver);
	sign_client_free(en->sign);
	watch_base_free(en->base);
	db_close(en->db);
	conf_free(en->conf);
	free(en->config);
	free(en->conninfo);
	free(en);
}

void
engine_reload(struct engine *en)
{
	struct watch_build	*b = NULL;
	struct err		 e = ERR_INIT;
	struct conf		*fresh = conf_load(en->config, &e);
	struct conf		*old = en->conf;

	if (fresh == NULL) {
		log_error("reload", "%s; the old configuration stays", e.msg);
		return;
	}
	en->conf = fresh;
	if (!db_alive(en->db) || sync_conf(en, &b, &e) == -1) {
		log_error("reload", "%s; the old configuration stays",
		    e.code != ERR_NONE ? e.msg : "no database");
		en->conf = old;
		conf_free(fresh);
		return;
	}
	watch_build_free(b);
	if (en->notify != NULL)
		notify_reload(en->notify, fresh);
	lists_restart(en->lists);
	if (en->sync && vantage_plan(en->db, fresh, &e) == -1)
		log_error("reload", "%s", e.msg);
	err_clear(&e);
	if (en->audit != NULL && audit_reload(en->audit, &e) == -1)
		log_error("reload", "%s", e.msg);
	conf_free(old);
	engine_watches(en);
	log_info("reload", "configuration read");
}

int
engine_is_child(const struct engine *en, pid_t pid)
{
	return fetch_client_proc(en->logs)->pid == pid ||
	    (en->deliver != NULL &&
	    fetch_client_proc(en->deliver)->pid == pid) ||
	    (en->sign != NULL && sign_client_proc(en->sign)->pid == pid) ||
	    judge_pool_pid(en->pool) == pid ||
	    (en->audit != NULL && audit_is_child(en->audit, pid));
}

int
engine_planned(struct engine *en)
{
	return en->have_list || en->failed;
}

size_t
engine_unread(struct engine *en)
{
	struct db_res	*r = NULL;
	size_t		 n;

	/* a log whose row is due and that nobody holds waits for its claim */
	if (db_query(en->db, &r, NULL, "select count(*) from work "
	    "where kind in ('loglist', 'tail', 'vantage') and due_at <= now() and "
	    "attempts = 0 and (holder is null or holder = $1)", "s",
	    en->holder) == -1)
		return 1;
	n = (size_t)db_int(r, 0, 0);
	db_free(r);
	return n;
}
