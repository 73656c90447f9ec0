#include "auditor/role/audit_part.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/children.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/* SCTs are not judged before there is a list of logs, but not for ever. */
#define LIST_WAIT	(60 * CLK_SEC)

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

/* Nobody wants the answer any more, when nobody else does. */
static void
cancel(struct audit *a, const struct audit_wait *w)
{
	size_t	i;

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
	(void)audit_resolver_turn(&a->resolvers, INT64_MAX);
	free(a->jobs);
	free(a->waits);
	for (i = 0; i < a->nturned; i++)
		free(a->turned[i].what);
	free(a->turned);
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

/* What became ready in this turn. */
static void
store_ready(struct audit *a)
{
	struct audit_job	*v[LIMIT_LEASES];
	size_t			 i, k, n;

	for (k = 0; k < AUDIT_KINDS; k++) {
		if (audit_kinds[k]->store == NULL)
			continue;
		for (i = n = 0; i < a->njobs && n < audit_kinds[k]->most; i++)
			if (a->jobs[i]->kind == audit_kinds[k] &&
			    a->jobs[i]->ready && !a->jobs[i]->ended)
				v[n++] = a->jobs[i];
		if (n != 0)
			audit_kinds[k]->store(v, n);
	}
}

int
audit_read(struct audit *a)
{
	size_t	i;

	if (read_fetch(a) == -1 || read_probe(a) == -1)
		return -1;
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
	v[n++] = fetch_client_ipc(a->fetch);
	v[n++] = probe_client_ipc(a->probe);
	for (i = 0; i < a->njobs && n < max; i++)
		if (a->jobs[i]->judge != NULL)
			v[n++] = a->jobs[i]->judge->ipc;
	return n;
}
