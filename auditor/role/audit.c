#include "auditor/role/audit_part.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/net/nohost.h"
#include "auditor/proc.h"
#include "auditor/role/children.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/* SCTs are not judged before there is a list of logs, but not for ever. */
#define LIST_WAIT	(60 * CLK_SEC)
/* What is stored together waits so long for more of it, while more is to come. */
#define GATHER		CLK_SEC

/* --- up and down ------------------------------------------------------------- */

static int
no_arena(void)
{
	int	fd = memfd_create("cv-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd != -1 && (ftruncate(fd, AUDIT_NO_ARENA) == -1 ||
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
	if (audit_reload(a, e) == -1)
		goto err;
	return a;
err:
	audit_free(a);
	return NULL;
}

struct fetch_client *
audit_fetch(struct audit *a)
{
	struct err	e = ERR_INIT;

	if (a->fetch == NULL && (a->fetch = children_fetch(a->en->conf,
	    EGRESS_REVOCATION, &e)) == NULL) {
		log_error("audit", "%s", e.msg);
		a->en->fatal = 1;
	}
	return a->fetch;
}

struct probe_client *
audit_probe(struct audit *a)
{
	struct err	e = ERR_INIT;

	if (a->probe == NULL && (a->probe = children_probe(a->en->conf, NULL,
	    0, &e)) == NULL) {
		log_error("audit", "%s", e.msg);
		a->en->fatal = 1;
	}
	return a->probe;
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

/* Nobody wants the answer any more, when nobody else does. */
static void
cancel(struct audit *a, struct audit_wait *w)
{
	size_t	i;

	buf_free(&w->said);
	for (i = 0; i < a->nwaits; i++)
		if (a->waits[i].what == w->what && a->waits[i].id == w->id)
			return;
	if (w->what == FROM_FETCH)
		fetch_client_cancel(a->fetch, w->id);
	else if (w->what == FROM_LOGS && a->en->logs != NULL)
		fetch_client_cancel(a->en->logs, w->id);
	else if (w->what == FROM_PROBE)
		probe_client_cancel(a->probe, w->id);
}

void
audit_bury(struct audit *a, struct audit_job *j)
{
	struct audit_wait	gone;
	size_t			w;

	for (w = 0; w < a->nwaits;) {
		if (a->waits[w].job != j) {
			w++;
			continue;
		}
		gone = a->waits[w];
		a->waits[w] = a->waits[--a->nwaits];
		cancel(a, &gone);
	}
	job_free(j);
}

void
audit_reset(struct audit *a)
{
	struct audit_wait	gone;
	size_t			i;

	while (a->nwaits != 0) {
		gone = a->waits[--a->nwaits];
		cancel(a, &gone);
	}
	/* rows stay leased until their time is over, or are given back here */
	a->rests = 0;
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
	audit_reset(a);
	(void)audit_resolver_turn(&a->resolvers, INT64_MAX);
	free(a->jobs);
	free(a->waits);
	for (i = 0; i < a->nturned; i++)
		free(a->turned[i].what);
	free(a->turned);
	fetch_client_free(a->fetch);
	probe_client_free(a->probe);
	audit_trust_free(&a->trust);
	audit_memo_free(&a->memo);
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
	return (a->fetch != NULL && fetch_client_proc(a->fetch)->pid == pid) ||
	    (a->probe != NULL && probe_client_proc(a->probe)->pid == pid);
}

/* --- answers -------------------------------------------------------------------- */

/* Whose answer is it?  Forgets it unless more come. */
static struct audit_job *
whose(struct audit *a, enum audit_from what, uint64_t id, int last)
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

	if (a->fetch == NULL)
		return 0;
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

/* What the DNS said, to all who asked the same. */
static void
said_to(struct audit *a, const struct probe_said *said)
{
	struct audit_job	*j;
	size_t			 i;

	for (i = 0; i < a->nwaits; i++)
		if (a->waits[i].what == FROM_PROBE && a->waits[i].id ==
		    said->id && a->waits[i].name[0] != '\0')
			break;
	if (i < a->nwaits)
		audit_memo_add(&a->memo, a->waits[i].name, a->waits[i].type,
		    said, clk_mono(), a->en->conf->audit_every * CLK_SEC / 2);
	/* a job that takes it may wait for the next answer at once */
	for (i = 0; i < a->nwaits;) {
		if (a->waits[i].what != FROM_PROBE ||
		    a->waits[i].id != said->id) {
			i++;
			continue;
		}
		j = a->waits[i].job;
		a->waits[i] = a->waits[--a->nwaits];
		if (!j->ended && j->kind->said != NULL)
			j->kind->said(j, said);
	}
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

	if (a->probe == NULL)
		return 0;
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
		} else
			said_to(a, &said);
	}
	if (rc == -1)
		log_error("probe", "%s", e.msg);
	return rc;
}

/* What is answered without anybody: nothing exists there, or it is known. */
static void
read_ours(struct audit *a)
{
	static struct probe_said	 said;
	static struct fetch_done	 none = { .failure = FETCH_RESOLVE,
	    .message = NOHOST_WHY };
	struct audit_wait		 w;
	size_t				 i, n = a->nwaits;

	/* what they ask for then has its turn in the next one */
	for (i = 0; i < n && i < a->nwaits;) {
		w = a->waits[i];
		if (w.what != FROM_MEMO && w.what != FROM_NOBODY) {
			i++;
			continue;
		}
		n--;
		a->waits[i] = a->waits[--a->nwaits];
		if (w.what == FROM_NOBODY && !w.job->ended) {
			none.id = w.id;
			w.job->kind->fetched(w.job, &none);
		}
		if (w.what == FROM_MEMO && !w.job->ended &&
		    probe_said_read(cur_span(buf_bytes(&w.said)), &said, NULL)
		    == 0) {
			said.id = w.id;
			w.job->kind->said(w.job, &said);
		}
		buf_free(&w.said);
	}
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

/*
 * Should the ${n} that are ready wait a moment for the ${busy} that are not?
 * What they have is stored in one transaction.
 */
static int
gathers(struct audit *a, size_t kind, size_t n, size_t busy)
{
	int64_t	now = clk_mono();

	if (a->gather_at[kind] == 0)
		a->gather_at[kind] = now + GATHER;
	if (busy != 0 && n < audit_kinds[kind]->most / 2 &&
	    now < a->gather_at[kind])
		return 1;
	a->gather_at[kind] = 0;
	return 0;
}

/* What became ready in this turn. */
static void
store_ready(struct audit *a)
{
	struct audit_job	*v[LIMIT_LEASES];
	size_t			 i, k, n, busy;

	for (k = 0; k < AUDIT_KINDS; k++) {
		if (audit_kinds[k]->store == NULL)
			continue;
		for (i = n = busy = 0; i < a->njobs && n <
		    audit_kinds[k]->most; i++) {
			if (a->jobs[i]->kind != audit_kinds[k] ||
			    a->jobs[i]->ended)
				continue;
			if (a->jobs[i]->ready)
				v[n++] = a->jobs[i];
			else
				busy++;
		}
		if (n == 0)
			a->gather_at[k] = 0;
		else if (!gathers(a, k, n, busy))
			audit_kinds[k]->store(v, n);
	}
}

int
audit_read(struct audit *a)
{
	size_t	i;

	if (read_fetch(a) == -1 || read_probe(a) == -1)
		return -1;
	read_ours(a);
	for (i = 0; i < a->njobs; i++)
		read_judge(a->jobs[i]);
	store_ready(a);
	return 0;
}

size_t
audit_ipcs(const struct audit *a, struct ipc **v, size_t max)
{
	size_t	n = 0, i;

	if (max < 2)
		return 0;
	if (a->fetch != NULL)
		v[n++] = fetch_client_ipc(a->fetch);
	if (a->probe != NULL)
		v[n++] = probe_client_ipc(a->probe);
	for (i = 0; i < a->njobs && n < max; i++)
		if (a->jobs[i]->judge != NULL)
			v[n++] = a->jobs[i]->judge->ipc;
	return n;
}
