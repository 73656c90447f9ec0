#include "auditor/role/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/db/plan_store.h"
#include "auditor/db/rev_store.h"
#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/rev_find.h"
#include "auditor/role/audit_ccadb.h"
#include "auditor/role/audit_trust.h"
#include "auditor/role/children.h"
#include "auditor/role/engine_start.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

#define LEASE_S		30
/* A judge that thinks longer is given up, unless its job says otherwise. */
#define PATIENCE	(60 * CLK_SEC)
/* What judges map that read nothing from an arena. */
#define NO_ARENA	4096
/* The lists of logs are looked at so often, once there is one; */
#define TRUST_EVERY	(60 * CLK_SEC)
/* SCTs are not judged before there is one, but not for ever. */
#define LIST_WAIT	(60 * CLK_SEC)
#define RETRY_BASE	60
#define RETRY_CAP	3600

static const struct audit_kind *const kinds[] = {
	&audit_sweep, &audit_cert, &audit_crl, &audit_ocsp, &audit_incl,
	&audit_endpoint, &audit_caa, &audit_keys
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* Which job waits for an answer. */
struct wait {
	uint64_t		 id;
	int			 what;		/* enum from */
	struct audit_job	*job;
};
enum from { FROM_FETCH, FROM_LOGS, FROM_PROBE };

struct audit {
	struct engine		*en;
	struct fetch_client	*fetch;		/* class revocation */
	struct probe_client	*probe;
	struct audit_job	**jobs;
	size_t			 njobs, cap;
	struct wait		*waits;
	size_t			 nwaits, capwaits;
	struct audit_trust	 trust;
	struct audit_ccadb	 ccadb;
	int			 arena;		/* memfd of NO_ARENA bytes */
	int64_t			 claim_at;
	int64_t			 trust_at;
	int64_t			 list_by;	/* then without a list */
	/* --once: what had its turn, "kind:subject"; owned */
	char			**done;
	size_t			 ndone, capdone;
};

/* --- up and down ------------------------------------------------------------- */

static int
no_arena(void)
{
	int	fd = memfd_create("cv-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd != -1 && (ftruncate(fd, NO_ARENA) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_SEAL) == -1)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

struct audit *
audit_new(struct engine *en, struct err *e)
{
	struct audit	*a = mem_zero(sizeof(*a));

	a->en = en;
	a->arena = no_arena();
	if (a->arena == -1) {
		(void)err_set(e, ERR_SYS, "shared memory of the judges");
		goto err;
	}
	a->fetch = children_fetch(en->conf, EGRESS_REVOCATION, e);
	if (a->fetch == NULL)
		goto err;
	a->probe = children_probe(en->conf, NULL, 0, e);
	if (a->probe == NULL || audit_reload(a, e) == -1)
		goto err;
	return a;
err:
	audit_free(a);
	return NULL;
}

static void
job_free(struct audit_job *j)
{
	if (j->kind->drop != NULL && j->state != NULL)
		j->kind->drop(j);
	if (j->judge != NULL)
		judge_free(j->judge, j->judge->waiting != 0 &&
		    !ipc_eof(j->judge->ipc));
	lease_free(&j->lease);
	free(j);
}

/* Nobody wants the answer any more. */
static void
cancel(struct audit *a, const struct wait *w)
{
	if (w->what == FROM_FETCH)
		fetch_client_cancel(a->fetch, w->id);
	else if (w->what == FROM_LOGS && a->en->logs != NULL)
		fetch_client_cancel(a->en->logs, w->id);
	else if (w->what == FROM_PROBE)
		probe_client_cancel(a->probe, w->id);
}

void
audit_reset(struct audit *a)
{
	size_t	i;

	for (i = 0; i < a->nwaits; i++)
		cancel(a, &a->waits[i]);
	a->nwaits = 0;
	/* rows stay leased until their time is over, or are given back here */
	for (i = 0; i < a->njobs; i++) {
		if (db_alive(a->en->db) && !a->jobs[i]->ended)
			(void)lease_done(a->en->db, &a->jobs[i]->lease, 1,
			    NULL);
		job_free(a->jobs[i]);
	}
	a->njobs = 0;
}

void
audit_free(struct audit *a)
{
	size_t	i;

	if (a == NULL)
		return;
	if (a->fetch != NULL && a->probe != NULL)
		audit_reset(a);
	free(a->jobs);
	free(a->waits);
	for (i = 0; i < a->ndone; i++)
		free(a->done[i]);
	free(a->done);
	fetch_client_free(a->fetch);
	probe_client_free(a->probe);
	audit_trust_free(&a->trust);
	if (a->arena != -1)
		(void)close(a->arena);
	free(a);
}

int
audit_reload(struct audit *a, struct err *e)
{
	struct buf	roots = BUF_INIT;
	int		rc;

	if (audit_trust_files(&a->trust, a->en->conf, &roots, e) == -1) {
		buf_free(&roots);
		return -1;
	}
	rc = judge_pool_roots(a->en->pool, &roots, e);
	if (rc == 0)
		rc = judge_pool_weak(a->en->pool, buf_bytes(&a->trust.weak),
		    e);
	buf_free(&roots);
	/* the lists may be other ones */
	a->trust_at = 0;
	a->list_by = clk_mono() + LIST_WAIT;
	return rc;
}

int
audit_is_child(const struct audit *a, pid_t pid)
{
	return fetch_client_proc(a->fetch)->pid == pid ||
	    probe_client_proc(a->probe)->pid == pid;
}

/* --- claiming ------------------------------------------------------------------ */

static size_t
count(const struct audit *a, const struct audit_kind *k)
{
	size_t	i, n = 0;

	for (i = 0; i < a->njobs; i++)
		n += a->jobs[i]->kind == k && !a->jobs[i]->ended;
	return n;
}

static void
start(struct audit *a, const struct audit_kind *k, struct lease *l)
{
	struct audit_job	*j = mem_zero(sizeof(*j));

	j->audit = a;
	j->en = a->en;
	j->kind = k;
	j->lease = *l;
	j->patience = PATIENCE;
	memset(l, 0, sizeof(*l));
	a->jobs = mem_grow(a->jobs, &a->cap, a->njobs + 1, sizeof(*a->jobs));
	a->jobs[a->njobs++] = j;
	k->begin(j);
}

static size_t
claim_kind(struct audit *a, const struct audit_kind *k)
{
	struct lease_ask	ask = { .holder = a->en->holder,
	    .kinds = { &k->name, 1 }, .lease_s = LEASE_S,
	    .skip = { (const char *const *)a->done, a->ndone } };
	struct lease		got[64];
	struct err		e = ERR_INIT;
	size_t			n = 0, i, busy = count(a, k);

	if (busy >= k->most)
		return 0;
	ask.max = k->most - busy;
	if (ask.max > sizeof(got) / sizeof(got[0]))
		ask.max = sizeof(got) / sizeof(got[0]);
	if (lease_claim(a->en->db, &ask, got, &n, &e) == -1) {
		log_error(NULL, "%s", e.msg);
		return 0;
	}
	for (i = 0; i < n; i++)
		start(a, k, &got[i]);
	return n;
}

/* --once does everything once, however soon it is due again. */
static void
had_turn(struct audit *a, const struct audit_job *j)
{
	if (!a->en->once)
		return;
	a->done = mem_grow(a->done, &a->capdone, a->ndone + 1,
	    sizeof(*a->done));
	a->done[a->ndone++] = mem_printf("%s:%s", j->kind->name,
	    j->lease.subject);
}

/* Certificates came after its turn: it has another one. */
static int
turn_again(struct audit *a, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i, k;

	if (rev_source_again(a->en->db, 0, &r, e) == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++)
		for (k = 0; k < a->ndone;)
			if (strcmp(a->done[k], db_text(r, i, 0)) == 0) {
				free(a->done[k]);
				a->done[k] = a->done[--a->ndone];
			} else
				k++;
	db_free(r);
	return 0;
}

/* Jobs that ended are gone before the next are claimed. */
static void
bury(struct audit *a)
{
	size_t	i, w;

	for (i = 0; i < a->njobs;) {
		if (!a->jobs[i]->ended) {
			i++;
			continue;
		}
		for (w = 0; w < a->nwaits;) {
			if (a->waits[w].job != a->jobs[i]) {
				w++;
				continue;
			}
			cancel(a, &a->waits[w]);
			a->waits[w] = a->waits[--a->nwaits];
		}
		had_turn(a, a->jobs[i]);
		job_free(a->jobs[i]);
		a->jobs[i] = a->jobs[--a->njobs];
		a->claim_at = 0;
	}
}

/* The lists of logs, as the database has them, for the judges. */
static void
trust(struct audit *a, int64_t now)
{
	struct err	e = ERR_INIT;

	if (now < a->trust_at)
		return;
	a->trust_at = now + (a->trust.logs.n == 0 ? CLK_SEC : TRUST_EVERY);
	if (audit_trust_logs(&a->trust, a->en->db, a->en->pool, a->arena,
	    NO_ARENA, &e) == -1)
		log_warn("audit", "the lists of logs: %s", e.msg);
}

/* Has a job's judge been thinking for too long? */
static void
patience(struct audit_job *j, int64_t now)
{
	if (j->judge == NULL || j->judge->waiting == 0 || j->ended ||
	    now < j->judge->asked_at + j->patience)
		return;
	judge_free(j->judge, 1);
	j->judge = NULL;
	j->told = 0;
	if (j->kind->orphan != NULL)
		j->kind->orphan(j, "the process that judges it thinks for "
		    "too long");
	else
		audit_fail(j, "the process that judges it thinks for too "
		    "long");
}

void
audit_turn(struct audit *a, int64_t now)
{
	size_t	i, n = 0;

	for (i = 0; i < a->njobs; i++)
		patience(a->jobs[i], now);
	bury(a);
	if (a->en->once && !a->en->logs_done)
		return;
	if (now < a->claim_at) {
		engine_wake(a->en, a->claim_at);
		return;
	}
	a->claim_at = now + CLK_SEC;
	trust(a, now);
	for (i = 0; i < KINDS; i++) {
		if ((kinds[i] == &audit_cert || kinds[i] == &audit_endpoint) &&
		    a->trust.logs.n == 0 && !a->en->once && now < a->list_by)
			continue;
		/* --once: what certificates name is known when all are */
		if (a->en->once && kinds[i] != &audit_sweep &&
		    kinds[i] != &audit_cert && count(a, &audit_cert) != 0)
			break;
		n += claim_kind(a, kinds[i]);
	}
	if (n != 0)
		a->claim_at = now;
	bury(a);
	engine_wake(a->en, a->claim_at);
}

/* What follows from all that was done, as the sweep would see it. */
static int
conclude(struct audit *a, struct err *e)
{
	if (db_begin(a->en->db, e) == 0 &&
	    rev_find_time(a->en->db, e) == 0 && db_commit(a->en->db, e) == 0)
		return 0;
	db_rollback(a->en->db);
	return -1;
}

int
audit_plan(struct audit *a, struct err *e)
{
	if (audit_ccadb_plan(&a->ccadb, a->en, e) == -1)
		return -1;
	return plan_store(a->en->db, clk_wall() - AUDIT_AGE,
	    a->en->conf->audit_every, e);
}

int
audit_idle(struct audit *a)
{
	const char	*names[KINDS];
	struct db_strs	 all = { names, KINDS };
	struct db_strs	 skip = { (const char *const *)a->done, a->ndone };
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	size_t		 i;
	int		 idle;

	if (a->njobs != 0)
		return 0;
	if (audit_plan(a, &e) == -1 || turn_again(a, &e) == -1 ||
	    conclude(a, &e) == -1) {
		log_error("audit", "%s", e.msg);
		/* away: it comes back; else it would be so for ever */
		a->en->failed |= db_alive(a->en->db);
		return db_alive(a->en->db);
	}
	for (i = 0; i < KINDS; i++)
		names[i] = kinds[i]->name;
	if (db_query(a->en->db, &r, NULL, "select not exists (select from "
	    "work where kind = any ($1) and due_at <= now() and (lease_until "
	    "is null or lease_until < now() or holder = $2) and "
	    "kind || ':' || subject <> all ($3))", "asa", &all,
	    a->en->holder, &skip) == -1)
		return 0;
	idle = db_bool(r, 0, 0);
	db_free(r);
	return idle;
}

/* --- answers -------------------------------------------------------------------- */

static void
wait_for(struct audit_job *j, int what, uint64_t id)
{
	struct audit	*a = j->audit;

	a->waits = mem_grow(a->waits, &a->capwaits, a->nwaits + 1,
	    sizeof(*a->waits));
	a->waits[a->nwaits++] = (struct wait){ id, what, j };
}

/* Whose answer is it?  Forgets it unless more come. */
static struct audit_job *
whose(struct audit *a, int what, uint64_t id, int last)
{
	struct audit_job	*j;
	size_t			 i;

	for (i = 0; i < a->nwaits; i++)
		if (a->waits[i].id == id && a->waits[i].what == what)
			break;
	if (i == a->nwaits)
		return NULL;
	j = a->waits[i].job;
	if (last)
		a->waits[i] = a->waits[--a->nwaits];
	return j->ended ? NULL : j;
}

int
audit_fetched(struct audit *a, const struct fetch_done *d)
{
	struct audit_job	*j = whose(a, FROM_LOGS, d->id, 1);

	if (j != NULL)
		j->kind->fetched(j, d);
	return j != NULL;
}

static int
read_fetch(struct audit *a)
{
	struct audit_job	*j;
	struct fetch_done	 d;
	struct err		 e = ERR_INIT;
	int			 rc;

	if (fetch_client_turn(a->fetch, &e) == -1) {
		log_error("fetch", "%s", e.msg);
		return -1;
	}
	while ((rc = fetch_client_next(a->fetch, &d, &e)) == 1)
		if ((j = whose(a, FROM_FETCH, d.id, 1)) != NULL)
			j->kind->fetched(j, &d);
	if (rc == -1)
		log_error("fetch", "%s", e.msg);
	return rc;
}

static int
read_probe(struct audit *a)
{
	static struct probe_said	 said;
	struct probe_served		 served;
	struct audit_job		*j;
	enum probe_type			 type;
	struct err			 e = ERR_INIT;
	int				 rc;

	if (probe_client_turn(a->probe, &e) == -1) {
		log_error("probe", "%s", e.msg);
		return -1;
	}
	while ((rc = probe_client_next(a->probe, &type, &served, &said, &e))
	    == 1) {
		if (type == PROBE_SERVED) {
			j = whose(a, FROM_PROBE, served.id, served.last);
			if (j != NULL && j->kind->served != NULL)
				j->kind->served(j, &served);
		} else {
			j = whose(a, FROM_PROBE, said.id, 1);
			if (j != NULL && j->kind->said != NULL)
				j->kind->said(j, &said);
		}
	}
	if (rc == -1)
		log_error("probe", "%s", e.msg);
	return rc;
}

static void
read_judge(struct audit_job *j)
{
	struct judge_reply	r;
	struct cur		c;
	struct err		e = ERR_INIT;
	char			msg[sizeof(e.msg)];
	int			eof, rc = 0;

	if (j->judge == NULL || j->ended)
		return;
	(void)ipc_flush(j->judge->ipc, NULL);
	eof = ipc_read(j->judge->ipc, &e) == -1;
	while (!j->ended && j->judge != NULL &&
	    (rc = judge_next(j->judge, &r, &c)) == 1) {
		(void)snprintf(msg, sizeof(msg), "%s", r.msg);
		audit_plain(msg);
		r.msg = msg;
		j->kind->judged(j, &r, &c);
	}
	if (j->ended || j->judge == NULL || (rc != -1 && !eof))
		return;
	judge_free(j->judge, 1);
	j->judge = NULL;
	j->told = 0;
	if (j->kind->orphan != NULL)
		j->kind->orphan(j, "the process that judges it died");
	else
		audit_fail(j, "the process that judges it died");
}

int
audit_read(struct audit *a)
{
	size_t	i;

	if (read_fetch(a) == -1 || read_probe(a) == -1)
		return -1;
	for (i = 0; i < a->njobs; i++)
		read_judge(a->jobs[i]);
	return 0;
}

static size_t
watch_ipc(struct ipc *ipc, struct pollfd *p)
{
	*p = (struct pollfd){ ipc_fd(ipc), (short)(POLLIN |
	    (ipc_wants_write(ipc) ? POLLOUT : 0)), 0 };
	return 1;
}

size_t
audit_poll(const struct audit *a, struct pollfd *p, size_t max)
{
	size_t	n = 0, i;

	if (max < 2)
		return 0;
	n += watch_ipc(fetch_client_ipc(a->fetch), &p[n]);
	n += watch_ipc(probe_client_ipc(a->probe), &p[n]);
	for (i = 0; i < a->njobs && n < max; i++)
		if (a->jobs[i]->judge != NULL)
			n += watch_ipc(a->jobs[i]->judge->ipc, &p[n]);
	return n;
}

/* --- for the jobs ------------------------------------------------------------------ */

void
audit_done(struct audit_job *j, int64_t due_in_s)
{
	struct err	e = ERR_INIT;

	if (!j->ended && lease_done(j->en->db, &j->lease, due_in_s, &e) == -1
	    && e.code != ERR_LEASE)
		log_error(j->kind->name, "%s", e.msg);
	j->ended = 1;
	engine_wake(j->en, clk_mono());
}

void
audit_done_source(struct audit_job *j, int64_t id, int64_t due_in_s)
{
	struct err	e = ERR_INIT;

	audit_done(j, due_in_s);
	/* whoever planned it while it was leased planned in vain */
	if (rev_source_again(j->en->db, id, NULL, &e) == -1)
		log_error(j->kind->name, "%s", e.msg);
}

void
audit_fail(struct audit_job *j, const char *why)
{
	int64_t			every = audit_every(j);
	struct lease_retry	r = { every < RETRY_BASE ? every : RETRY_BASE,
	    every < RETRY_CAP ? every : RETRY_CAP, why };
	struct err		e = ERR_INIT;

	/* once: it is said again when it has been well in between */
	if (j->lease.attempts <= 1)
		log_info(j->kind->name, "%s: %s", j->lease.subject, why);
	if (!j->ended && lease_fail(j->en->db, &j->lease, &r, &e) == -1 &&
	    e.code != ERR_LEASE)
		log_error(j->kind->name, "%s", e.msg);
	j->ended = 1;
	engine_wake(j->en, clk_mono());
}

void
audit_fault(struct audit_job *j, const struct err *e)
{
	struct err	x = ERR_INIT;

	db_rollback(j->en->db);
	log_error(j->kind->name, "%s: %s", j->lease.subject, e->msg);
	if (!j->ended && e->code != ERR_LEASE && db_alive(j->en->db)) {
		struct lease_retry	r = { RETRY_BASE, RETRY_CAP, e->msg };

		(void)lease_fail(j->en->db, &j->lease, &r, &x);
	}
	j->ended = 1;
	engine_wake(j->en, clk_mono());
}

uint64_t
audit_get(struct audit_job *j, const struct fetch_get *g)
{
	uint64_t	id = fetch_client_get(j->audit->fetch, g);

	wait_for(j, FROM_FETCH, id);
	return id;
}

uint64_t
audit_pipe(struct audit_job *j, const struct fetch_get *g, int fd)
{
	uint64_t	id = fetch_client_pipe(j->audit->fetch, g, fd);

	wait_for(j, FROM_FETCH, id);
	return id;
}

uint64_t
audit_get_log(struct audit_job *j, const char *url, size_t cap)
{
	struct fetch_get	g;
	uint64_t		id;

	memset(&g, 0, sizeof(g));
	g.cap = (uint32_t)cap;
	g.timeout_ms = 30000;
	g.method = "GET";
	g.url = url;
	id = fetch_client_get(j->en->logs, &g);
	wait_for(j, FROM_LOGS, id);
	return id;
}

uint64_t
audit_probe_tls(struct audit_job *j, const struct probe_tls *t)
{
	uint64_t	id = probe_client_tls(j->audit->probe, t);

	wait_for(j, FROM_PROBE, id);
	return id;
}

uint64_t
audit_probe_dns(struct audit_job *j, const struct probe_dns *d)
{
	uint64_t	id = probe_client_dns(j->audit->probe, d);

	wait_for(j, FROM_PROBE, id);
	return id;
}

void
audit_new_judge(struct audit_job *j)
{
	if (j->judge != NULL)
		judge_free(j->judge, j->judge->waiting != 0);
	j->judge = NULL;
	j->told = 0;
}

uint64_t
audit_ask(struct audit_job *j, enum judge_type type, const struct buf *b,
    const int *fds, int nfds)
{
	struct judge_log	none = { LOGLIST_RFC6962, { NULL, 0 }, "" };
	struct err		e = ERR_INIT;
	struct buf		t = BUF_INIT;
	uint64_t		id;

	/* with its number it is one frame, or the sender dies */
	if (b->n > LIMIT_FRAME - 8) {
		audit_fail(j, "it is larger than a judge is given");
		return 0;
	}
	if (j->judge == NULL) {
		j->judge = judge_fork(j->en->pool, j->audit->arena, NO_ARENA,
		    &none, &e);
		if (j->judge == NULL) {
			audit_fault(j, &e);
			return 0;
		}
	}
	if (!j->told && type == JUDGE_CERT) {
		judge_trust_pack(&t, buf_bytes(&j->audit->trust.logs),
		    (struct span){ NULL, 0 });
		judge_tell(j->judge, JUDGE_TRUST, &t);
		buf_free(&t);
		j->told = 1;
	}
	id = ++j->en->next_ask;
	judge_ask(j->judge, type, id, b, fds, nfds);
	return id;
}

int
audit_begin(struct audit_job *j)
{
	struct err	e = ERR_INIT;

	if (db_begin(j->en->db, &e) == 0 &&
	    lease_check(j->en->db, &j->lease, &e) == 0)
		return 0;
	audit_fault(j, &e);
	return -1;
}

int
audit_commit(struct audit_job *j)
{
	struct err	e = ERR_INIT;

	if (db_commit(j->en->db, &e) == 0)
		return 0;
	audit_fault(j, &e);
	return -1;
}

void
audit_plain(char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

void
audit_refusal(const struct fetch_done *d, char *out, size_t cap)
{
	if (d->failure != FETCH_OK)
		(void)snprintf(out, cap, "%s: %s",
		    fetch_failure_name(d->failure), d->message);
	else
		(void)snprintf(out, cap, "HTTP %u", d->status);
	audit_plain(out);
}

int64_t
audit_every(const struct audit_job *j)
{
	return j->en->conf->audit_every;
}
