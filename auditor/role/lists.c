#include "auditor/role/lists.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/db/finding.h"
#include "auditor/db/log_list.h"
#include "base/clk.h"
#include "base/file.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

#define CHROME	"https://www.gstatic.com/ct/log_list/v3/log_list.json"
#define APPLE	"https://valid.apple.com/ct/log_list/current_log_list.json"

#define ARENA		(8u << 20)
/* A judge that thinks longer is given up. */
#define PATIENCE	(60 * CLK_SEC)
/* Lists are looked at so often; ours is only a file. */
#define EVERY_URL	3600
#define EVERY_FILE	60
/* Chrome stops to enforce with a list older than 70 days: half of that. */
#define OLD_LIST	(35LL * 86400 * CLK_SEC)

/* A body: the list, or its signature. */
enum part { PART_JSON, PART_SIG, PART_MAX };

struct lists {
	struct engine		*en;
	struct lease		 lease;
	int			 busy;
	const char		*source;	/* chrome, apple, file */
	struct judge_link	*judge;
	uint32_t		 arena;
	int			 arena_fd;
	enum part		 part;
	uint64_t		 fetch_id, ask_id;
	struct judge_ext	 ext[PART_MAX];
	struct buf		 body[PART_MAX];	/* of files */
	struct buf		 pem;
};

struct lists *
lists_new(struct engine *en)
{
	struct lists	*l = mem_zero(sizeof(*l));

	l->en = en;
	return l;
}

static void
release(struct lists *l)
{
	if (l->judge != NULL)
		judge_free(l->judge, l->judge->waiting != 0 &&
		    !ipc_eof(l->judge->ipc));
	l->judge = NULL;
	if (l->arena != 0 && l->en->logs != NULL)
		fetch_client_drop(l->en->logs, l->arena);
	l->arena = 0;
	l->fetch_id = l->ask_id = 0;
	buf_free(&l->body[PART_JSON]);
	buf_free(&l->body[PART_SIG]);
	buf_free(&l->pem);
}

void
lists_free(struct lists *l)
{
	if (l == NULL)
		return;
	release(l);
	lease_free(&l->lease);
	free(l);
}

int
lists_busy(const struct lists *l)
{
	return l->busy;
}

struct ipc *
lists_ipc(const struct lists *l)
{
	return l->judge != NULL ? l->judge->ipc : NULL;
}

static int
by_file(const struct lists *l)
{
	return l->en->conf->log_list_file != NULL;
}

/* Is the signature to be checked?  Apple's list has none. */
static int
check(const struct lists *l)
{
	const char	*key = l->en->conf->log_list_key;

	if (strcmp(l->source, "apple") == 0)
		return 0;
	return key == NULL || strcmp(key, "none") != 0;
}

/* A list that could not be had for a day is said. */
static void
missed(struct lists *l, const char *why)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	struct finding	 f = { .kind = "log_list.stale", .severity = "medium",
	    .subject = l->source, .owner = "", .watch = "", .name = "",
	    .reason = why, .issuer_first_seen = INT64_MIN };
	int		 late;

	if (db_query(l->en->db, &r, &e, "select coalesce(max(checked_at) < "
	    "now() - interval '24 hours', false) from log_list "
	    "where source = $1", "s", l->source) == -1)
		return;
	late = db_bool(r, 0, 0);
	db_free(r);
	if (!late)
		return;
	if (db_begin(l->en->db, &e) == -1 ||
	    lease_check(l->en->db, &l->lease, &e) == -1 ||
	    finding_open(l->en->db, &f, NULL, NULL, &e) == -1 ||
	    db_commit(l->en->db, &e) == -1) {
		db_rollback(l->en->db);
		if (e.code != ERR_LEASE)
			log_error("log list", "%s", e.msg);
	}
}

static void
end(struct lists *l, const char *why)
{
	struct lease_retry	r = { 60, 3600, why };
	struct err		e = ERR_INIT;
	int			rc;

	if (why != NULL) {
		log_warn("log list", "%s: %s", l->source, why);
		missed(l, why);
		l->en->failed = 1;
	}
	release(l);
	l->busy = 0;
	l->en->claim_at = 0;	/* its logs wait for their turn */
	rc = why != NULL ? lease_fail(l->en->db, &l->lease, &r, &e) :
	    lease_done(l->en->db, &l->lease, by_file(l) ? EVERY_FILE :
	    EVERY_URL, &e);
	if (rc == -1 && e.code != ERR_LEASE)
		log_error("log list", "%s", e.msg);
	lease_free(&l->lease);
}

/* All of a file of at most ${cap} bytes. */
static int
slurp(const char *path, size_t cap, struct buf *out, struct err *e)
{
	struct stat	st;
	ssize_t		n = -1;
	int		fd = file_open(path);

	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)err_set(e, ERR_SYS, "%s", path);
		goto out;
	}
	if (st.st_size > (off_t)cap) {
		(void)err_set(e, ERR_LIMIT, "%s: more than %zu bytes", path,
		    cap);
		goto out;
	}
	while ((n = read(fd, buf_room(out, 65536), 65536)) > 0 &&
	    out->n + (size_t)n <= cap)
		out->n += (size_t)n;
	if (n != 0)
		(void)err_set(e, ERR_SYS, "%s", path);
out:
	if (fd != -1)
		(void)close(fd);
	return n == 0 ? 0 : -1;
}

/* The path of a file's signature: log_list.sig beside log_list.json. */
static void
sig_path(const char *path, char *out, size_t n)
{
	const char	*dot = strrchr(path, '.');
	size_t		 stem = dot != NULL && strchr(dot, '/') == NULL ?
	    (size_t)(dot - path) : strlen(path);

	(void)snprintf(out, n, "%.*s.sig", (int)stem, path);
}

/* Get the part at hand: from a file, or by fetch. */
static void
part_get(struct lists *l)
{
	struct fetch_get	 g;
	struct err		 e = ERR_INIT;
	const struct conf	*c = l->en->conf;
	const char		*url = c->log_list_url;
	char			 path[HTTP_URL_MAX];

	if (strcmp(l->source, "apple") == 0)
		url = c->apple_list_url != NULL &&
		    strcmp(c->apple_list_url, "default") != 0 ?
		    c->apple_list_url : APPLE;
	else if (by_file(l))
		url = c->log_list_file;
	else if (url == NULL || strcmp(url, "default") == 0)
		url = CHROME;
	(void)snprintf(path, sizeof(path), "%s", url);
	if (l->part == PART_SIG)
		sig_path(url, path, sizeof(path));
	if (by_file(l)) {
		if (slurp(path, LIMIT_BODY_LOGLIST, &l->body[l->part], &e)
		    == -1) {
			end(l, e.msg);
			return;
		}
		l->fetch_id = fetch_client_inject(l->en->logs, l->arena,
		    buf_bytes(&l->body[l->part]));
		return;
	}
	memset(&g, 0, sizeof(g));
	g.arena = l->arena;
	g.cap = LIMIT_BODY_LOGLIST;
	g.flags = FETCH_F_GZIP;
	g.timeout_ms = 60000;
	g.method = "GET";
	g.url = path;
	l->fetch_id = fetch_client_get(l->en->logs, &g);
}

int
lists_apple(const struct conf *c)
{
	return c->log_list_file == NULL && (c->apple_list_url == NULL ||
	    strcmp(c->apple_list_url, "none") != 0);
}

/* It is left over from a configuration that had it. */
static void
forget(struct lists *l)
{
	struct err	e = ERR_INIT;
	struct db	*db = l->en->db;

	if (db_begin(db, &e) == -1 ||
	    finding_resolve(db, "log_list.stale", "apple", "",
	    "log_list.apple is not asked for any more", &e) == -1 ||
	    log_list_forget(db, "apple", &e) == -1 ||
	    lease_done(db, &l->lease, -1, &e) == -1 ||
	    db_commit(db, &e) == -1) {
		db_rollback(db);
		if (e.code != ERR_LEASE)
			log_error("log list", "%s", e.msg);
	}
	lease_free(&l->lease);
}

void
lists_begin(struct lists *l, struct lease *lease)
{
	struct judge_log	 none = { LOGLIST_RFC6962, { NULL, 0 }, "" };
	struct err		 e = ERR_INIT;
	const char		*key = l->en->conf->log_list_key;

	l->lease = *lease;
	memset(lease, 0, sizeof(*lease));
	if (strcmp(l->lease.subject, "apple") == 0 &&
	    !lists_apple(l->en->conf)) {
		forget(l);
		return;
	}
	l->busy = 1;
	l->source = by_file(l) ? "file" :
	    strcmp(l->lease.subject, "apple") == 0 ? "apple" : "chrome";
	l->part = PART_JSON;
	l->arena_fd = fetch_client_arena(l->en->logs, ARENA, &l->arena, &e);
	if (l->arena_fd == -1) {
		end(l, e.msg);
		return;
	}
	if (check(l) && key != NULL && strcmp(key, "builtin") != 0 &&
	    slurp(key, LIMIT_CONF_SECRET, &l->pem, &e) == -1) {
		end(l, e.msg);
		return;
	}
	l->judge = judge_fork(l->en->pool, l->arena_fd, ARENA, &none, &e);
	if (l->judge == NULL) {
		end(l, e.msg);
		return;
	}
	part_get(l);
}

void
lists_restart(struct lists *l)
{
	struct lease	lease = l->lease;

	if (!l->busy)
		return;
	memset(&l->lease, 0, sizeof(l->lease));
	release(l);
	lists_begin(l, &lease);
}

int
lists_fetched(struct lists *l, const struct fetch_done *d)
{
	struct judge_list	q;
	char			why[400];

	if (!l->busy || l->fetch_id == 0 || d->id != l->fetch_id)
		return 0;
	l->fetch_id = 0;
	if (d->failure != FETCH_OK || d->status != 200) {
		(void)snprintf(why, sizeof(why), "%s %u %s",
		    fetch_failure_name(d->failure), d->status, d->message);
		end(l, why);
		return 1;
	}
	l->ext[l->part].off = d->offset;
	l->ext[l->part].len = d->length;
	l->ext[l->part].gzip = strcmp(d->encoding, "gzip") == 0;
	if (l->part == PART_JSON && check(l)) {
		l->part = PART_SIG;
		part_get(l);
		return 1;
	}
	memset(&q, 0, sizeof(q));
	q.json = l->ext[PART_JSON];
	q.sig = l->ext[PART_SIG];
	q.check = check(l);
	q.pem = buf_bytes(&l->pem);
	l->ask_id = ++l->en->next_ask;
	judge_ask_list(l->judge, l->ask_id, &q);
	return 1;
}

/* Say that the list is old, or take it back. */
static int
stale(struct lists *l, const struct loglist *list, struct err *e)
{
	char		t[CLK_TEXT], why[200];
	struct finding	f = { .kind = "log_list.stale", .severity = "medium",
	    .subject = l->source, .owner = "", .watch = "", .name = "",
	    .reason = why, .issuer_first_seen = INT64_MIN };

	if (list->timestamp == 0 || by_file(l))
		return 0;
	if (clk_wall() - list->timestamp <= OLD_LIST)
		return finding_resolve(l->en->db, f.kind, f.subject, "",
		    "a fresh list was read", e);
	(void)snprintf(why, sizeof(why), "the log list is of %s; new logs may "
	    "be missing", clk_text(list->timestamp, t));
	return finding_open(l->en->db, &f, NULL, NULL, e);
}

static int
store(struct lists *l, const struct loglist *list, struct span body,
    struct err *e)
{
	struct db		*db = l->en->db;
	struct log_list_in	 in = { .source = l->source, .body = body,
	    .signature = { NULL, 0 }, .verified = check(l), .list = list };
	size_t			 i;
	int			 changed = 0;

	if (db_begin(db, e) == -1)
		return -1;
	if (lease_check(db, &l->lease, e) == -1 ||
	    log_list_store(db, &in, clk_wall(), &changed, e) == -1 ||
	    stale(l, list, e) == -1 || db_commit(db, e) == -1) {
		db_rollback(db);
		return -1;
	}
	if (changed) {
		log_info("log list", "%s: version %s, %zu logs", l->source,
		    list->version, list->nlogs);
		for (i = 0; i < list->nrefused; i++)
			log_warn("log list", "left out: %s", list->refused[i]);
	}
	l->en->have_list = log_list_newest(db, l->en->log_list, e) == 0;
	return 0;
}

static void
judged(struct lists *l, const struct judge_reply *r, struct cur *c)
{
	struct loglist	*list = NULL;
	struct cur	 body;
	struct err	 e = ERR_INIT;
	char		 why[400];

	l->ask_id = 0;
	if (!r->ok) {
		(void)snprintf(why, sizeof(why), "%s", r->msg);
		if (r->code == ERR_VERIFY)
			l->en->wrong = 1;
		end(l, why);
		return;
	}
	if (judge_loglist_read(c, &list) == -1 || cur_vec32(c, &body) == -1)
		end(l, "judge: bad answer");
	else if (store(l, list, cur_rest(&body), &e) == -1)
		end(l, e.msg);
	else
		end(l, NULL);
	loglist_free(list);
}

void
lists_judge(struct lists *l)
{
	struct judge_reply	r;
	struct cur		c;
	struct err		e = ERR_INIT;
	int			eof, rc;

	if (l->judge == NULL)
		return;
	(void)ipc_flush(l->judge->ipc, NULL);
	eof = ipc_read(l->judge->ipc, &e) == -1;
	rc = judge_next(l->judge, &r, &c);
	if (rc == 1 && r.id == l->ask_id)
		judged(l, &r, &c);
	else if (rc == -1 || eof)
		end(l, "the process that judged the list died");
	else if (l->judge->waiting != 0 &&
	    clk_mono() > l->judge->asked_at + PATIENCE)
		end(l, "the process that judges the list thinks for too long");
}
