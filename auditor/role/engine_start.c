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
#include "auditor/db/migrate.h"
#include "auditor/db/source.h"
#include "auditor/proc.h"
#include "auditor/role/audit.h"
#include "auditor/role/children.h"
#include "auditor/role/engine_role.h"
#include "auditor/role/lists.h"
#include "auditor/role/sign_client.h"
#include "auditor/role/tail.h"
#include "base/clk.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"
#include "pki/owner.h"

/* The supervisor sends its message at once. */
#define BOSS_MS	10000
/* Workers that one host may have on one database. */
#define SLOTS	1024

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

static int
start_fetch(struct engine *en, struct err *e)
{
	en->logs = children_fetch(en->conf, EGRESS_LOG, e);
	if (en->logs == NULL)
		return -1;
	en->deliver = children_fetch(en->conf, EGRESS_DELIVERY, e);
	return en->deliver != NULL ? 0 : -1;
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
 * The configuration's objects go to the tables, where all of us see them.
 * *${b}, the caller's, gets all watches; NULL when those of before stay.
 */
static int
sync_conf(struct engine *en, struct watch_build **b, struct err *e)
{
	static const char	lock[] = "select pg_advisory_xact_lock(7202610)";
	struct err	why = ERR_INIT;

	*b = NULL;
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
	audit_reset(en->audit);
	old = en->pool;
	en->pool = p;
	lists_restart(en->lists);
	if (audit_reload(en->audit, e) == -1)
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

int
engine_marked(struct engine *en, struct err *e)
{
	struct db_res	*r = NULL;
	char		 mark[sizeof(en->watch_mark)];
	int		 first = en->watch_mark[0] == '\0';

	if (db_query(en->db, &r, e, "select concat_ws(' ', (select "
	    "concat_ws(' ', count(*), max(id), max(removed_at), "
	    "count(removed_at)) from watch where origin <> 'file'), "
	    "(select max(id) from watch_file))", "") == -1)
		return -1;
	(void)snprintf(mark, sizeof(mark), "%s.", db_text(r, 0, 0));
	db_free(r);
	if (strcmp(mark, en->watch_mark) == 0)
		return 0;
	memcpy(en->watch_mark, mark, sizeof(mark));
	if (!first)
		engine_watches(en);
	return 0;
}

/* What this worker is called in the tables. */
static void
worker(const struct engine *en, struct lease_worker *w)
{
	static const char	*roles[ENGINE_ROLES];
	static char		 host[64];

	(void)gethostname(host, sizeof(host) - 1);
	w->id = en->holder;
	w->host = host;
	w->pid = getpid();
	w->schema_version = migrate_newest();
	w->roles = (struct db_strs){ roles,
	    engine_role_names(en->roles, roles) };
}

int
engine_seen(struct engine *en, struct err *e)
{
	struct lease_worker	w;

	worker(en, &w);
	return lease_seen(en->db, &w, e);
}

int
engine_enter(struct engine *en, struct err *e)
{
	struct lease_worker	w;
	const char		*apple = en->conf->apple_list_url;

	worker(en, &w);
	if (lease_takeover(en->db, en->holder, e) == -1 ||
	    lease_enter(en->db, &w, e) == -1 ||
	    lease_add(en->db, "loglist", "main", e) == -1 ||
	    lease_add(en->db, "sweep", "main", e) == -1)
		return -1;
	if (en->conf->log_list_file == NULL &&
	    (apple == NULL || strcmp(apple, "none") != 0) &&
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
	    "where kind = any (case when $1 then array['backfill'] else "
	    "array['loglist', 'tail', 'sweep'] end)", "B",
	    en->once == ENGINE_HISTORY);
}

/* Does the process live (and is no corpse that nobody has taken away)? */
static int
lives(pid_t pid)
{
	char	path[40], line[256] = "";
	char	*p;
	FILE	*f;

	if (kill(pid, 0) == -1 && errno == ESRCH)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return 1;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	(void)fclose(f);
	p = strrchr(line, ')');
	return p == NULL || strncmp(p, ") Z", 3) != 0;
}

/* Is there a living worker of this host behind the row ${id}? */
static int
taken(struct db *db, const char *id, int *yes, struct err *e)
{
	struct db_res	*r = NULL;
	pid_t		 pid;

	*yes = 0;
	if (db_query(db, &r, e, "select pid from worker where id = $1 and "
	    "last_seen > now() - interval '60 seconds'", "s", id) == -1)
		return -1;
	if (db_rows(r) == 1) {
		pid = (pid_t)db_int(r, 0, 0);
		*yes = pid != getpid() && lives(pid);
	}
	db_free(r);
	return 0;
}

/*
 * The first slot of this host, from the given one on, where nobody lives: a
 * second daemon on one database works beside the first.
 */
static int
choose_slot(struct engine *en, struct err *e)
{
	char	host[64] = "";
	int	yes = 1, i;

	(void)gethostname(host, sizeof(host) - 1);
	for (i = 0; i < SLOTS && yes; i++) {
		(void)snprintf(en->holder, sizeof(en->holder), "%s:%d", host,
		    en->slot + i);
		if (taken(en->db, en->holder, &yes, e) == -1)
			return -1;
	}
	return yes ? err_set(e, ERR_TEMP, "%d workers of this host use this "
	    "database", SLOTS) : 0;
}

/* Wait for what the supervisor wants. */
static int
hear(struct engine *en, struct ipc *boss, struct err *e)
{
	struct engine_run	r;
	struct ipc_msg		m;
	char			host[64] = "";
	size_t			i;

	if (ipc_recv(boss, &m, BOSS_MS, e) != 1 || m.type != ENGINE_RUN ||
	    engine_run_read(&m.body, &r) == -1)
		return err_set(e, ERR_SYS, "no word from the supervisor");
	(void)gethostname(host, sizeof(host) - 1);
	for (i = 0; i < r.nfiles; i++)
		file_adopt(r.files[i], ENGINE_FILE_FD + (int)i);
	en->config = r.config[0] != '\0' ? mem_str(r.config) : NULL;
	en->conninfo = mem_str(r.conninfo);
	en->slot = r.slot;
	en->roles = r.roles;
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
	en->db = db_open(en->conninfo, e);
	if (en->db == NULL)
		return -1;
	en->base = watch_base_new();
	if (sync_conf(en, &b, e) == -1 || start_judges(en, b, e) == -1 ||
	    start_fetch(en, e) == -1)
		return -1;
	en->sign = sign_client_new(en->conf->state_dir, e);
	if (en->sign == NULL)
		return -1;
	en->lists = lists_new(en);
	en->audit = audit_new(en, e);
	if (en->audit == NULL || choose_slot(en, e) == -1 ||
	    engine_enter(en, e) == -1)
		return -1;
	en->notify = notify_new(en->db, en->conf, en->deliver, en->sign,
	    en->holder);
	log_info(NULL, "worker %s: %zu names watched", en->holder,
	    watch_count(judge_pool_watches(en->pool)));
	return 0;
}

void
engine_end(struct engine *en)
{
	struct lease_worker	w;
	size_t			i;

	for (i = 0; i < en->ntails; i++)
		tail_free(en->tails[i]);
	free(en->tails);
	tail_rate_free(en);
	audit_free(en->audit);
	lists_free(en->lists);
	notify_free(en->notify);
	if (en->db != NULL && db_alive(en->db) && en->holder[0] != '\0') {
		worker(en, &w);
		(void)lease_leave(en->db, &w, NULL);
	}
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
	notify_reload(en->notify, fresh);
	lists_restart(en->lists);
	if (audit_reload(en->audit, &e) == -1)
		log_error("reload", "%s", e.msg);
	conf_free(old);
	engine_watches(en);
	log_info("reload", "configuration read");
}

int
engine_is_child(const struct engine *en, pid_t pid)
{
	return fetch_client_proc(en->logs)->pid == pid ||
	    fetch_client_proc(en->deliver)->pid == pid ||
	    sign_client_proc(en->sign)->pid == pid ||
	    judge_pool_pid(en->pool) == pid ||
	    audit_is_child(en->audit, pid);
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
	    "where kind in ('loglist', 'tail') and due_at <= now() and "
	    "attempts = 0 and (holder is null or holder = $1)", "s",
	    en->holder) == -1)
		return 1;
	n = (size_t)db_int(r, 0, 0);
	db_free(r);
	return n;
}
