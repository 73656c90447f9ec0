#include "auditor/role/audit_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/db/rev_store.h"
#include "auditor/net/nohost.h"
#include "auditor/role/engine_wait.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/mem.h"

/* What jobs may do: ask their peers and judges, store, end. */

#define RETRY_BASE	60
#define RETRY_CAP	3600

static struct audit_wait *
wait_for(struct audit_job *j, enum audit_from what, uint64_t id)
{
	struct audit		*a = j->audit;
	struct audit_wait	*w;

	a->waits = mem_grow(a->waits, &a->capwaits, a->nwaits + 1,
	    sizeof(*a->waits));
	w = &a->waits[a->nwaits++];
	w->id = id;
	w->what = what;
	w->job = j;
	w->said = (struct buf)BUF_INIT;
	w->name[0] = '\0';
	return w;
}

/* The number of a question that nobody is asked. */
static uint64_t
ours(struct audit *a)
{
	return AUDIT_OURS | ++a->last_ours;
}

void
audit_done(struct audit_job *j, int64_t due_in_s)
{
	struct err	e = ERR_INIT;

	j->due_at = clk_mono() + due_in_s * CLK_SEC;
	if (!j->ended && lease_done(j->en->db, &j->lease, due_in_s, &e) == -1
	    && e.code != ERR_LEASE)
		engine_fault(j->en, j->kind->name, e.msg);
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
		engine_fault(j->en, j->kind->name, e.msg);
}

static struct lease_retry
retry(const struct audit_job *j, const char *why)
{
	int64_t	every = audit_every(j);

	return (struct lease_retry){ every < RETRY_BASE ? every : RETRY_BASE,
	    every < RETRY_CAP ? every : RETRY_CAP, why };
}

static void
fail(struct audit_job *j, const char *why)
{
	struct lease_retry	r = retry(j, why);
	struct err		e = ERR_INIT;

	if (!j->ended && lease_fail(j->en->db, &j->lease, &r, &e) == -1 &&
	    e.code != ERR_LEASE)
		engine_fault(j->en, j->kind->name, e.msg);
	j->ended = 1;
	engine_wake(j->en, clk_mono());
}

void
audit_fail(struct audit_job *j, const char *why)
{
	/* once: it is said again when it has been well in between */
	if (j->lease.attempts <= 1)
		log_info(j->kind->name, "%s: %s", j->lease.subject, why);
	fail(j, why);
}

/* Say that it has no answer, if not of the resolver then of the name. */
static void
missed(const struct audit_job *j, const char *resolver, const char *name,
    const char *why)
{
	char	all[600];

	(void)snprintf(all, sizeof(all), "%s%s%s", name != NULL ? name : "",
	    name != NULL ? ": " : "", why);
	if ((resolver[0] == '\0' || audit_resolver_missed(
	    &j->audit->resolvers, resolver, all, j->lease.attempts <= 1,
	    clk_mono()) != 0) && j->lease.attempts <= 1)
		log_info(j->kind->name, "%s: %s", j->lease.subject, why);
}

void
audit_fail_dns(struct audit_job *j, const char *resolver, const char *name,
    const char *why)
{
	missed(j, resolver, name, why);
	fail(j, why);
}

void
audit_heard_dns(struct audit_job *j, const struct probe_said *s)
{
	/* what is remembered is no sign of life */
	if ((s->id & AUDIT_OURS) == 0)
		audit_resolver_heard(&j->audit->resolvers, s->resolver);
}

void
audit_fault(struct audit_job *j, const struct err *e)
{
	struct err	x = *e;

	db_rollback(j->en->db);
	(void)err_prefix(&x, "%s", j->lease.subject);
	engine_fault(j->en, j->kind->name, x.msg);
	err_clear(&x);
	if (!j->ended && e->code != ERR_LEASE && db_alive(j->en->db)) {
		struct lease_retry	r = { RETRY_BASE, RETRY_CAP, e->msg };

		(void)lease_fail(j->en->db, &j->lease, &r, &x);
	}
	j->ended = 1;
	engine_wake(j->en, clk_mono());
}

/* Of a host that does not exist nothing is fetched. */
static uint64_t
nobody(struct audit_job *j)
{
	uint64_t	id = ours(j->audit);

	wait_for(j, FROM_NOBODY, id);
	return id;
}

uint64_t
audit_get(struct audit_job *j, const struct fetch_get *g)
{
	struct fetch_client	*f;
	uint64_t		 id;

	if (nohost_url(g->url))
		return nobody(j);
	if ((f = audit_fetch(j->audit)) == NULL)
		return 0;
	id = fetch_client_get(f, g);
	wait_for(j, FROM_FETCH, id);
	return id;
}

uint64_t
audit_pipe(struct audit_job *j, const struct fetch_get *g, int fd)
{
	struct fetch_client	*f;
	uint64_t		 id;

	if (nohost_url(g->url)) {
		(void)close(fd);
		return nobody(j);
	}
	if ((f = audit_fetch(j->audit)) == NULL) {
		(void)close(fd);
		return 0;
	}
	id = fetch_client_pipe(f, g, fd);
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
	g.party = FETCH_PARTY_AUDIT;
	id = fetch_client_get(j->en->logs, &g);
	wait_for(j, FROM_LOGS, id);
	return id;
}

uint64_t
audit_probe_tls(struct audit_job *j, const struct probe_tls *t)
{
	struct probe_client	*p = audit_probe(j->audit);
	uint64_t		 id;

	if (p == NULL)
		return 0;
	id = probe_client_tls(p, t);
	wait_for(j, FROM_PROBE, id);
	return id;
}

/* One that is under way about the same; 0. */
static uint64_t
under_way(const struct audit *a, const struct probe_dns *d)
{
	size_t	i;

	for (i = 0; i < a->nwaits; i++)
		if (a->waits[i].what == FROM_PROBE && a->waits[i].type ==
		    d->type && a->waits[i].name[0] != '\0' &&
		    strcmp(a->waits[i].name, d->name) == 0)
			return a->waits[i].id;
	return 0;
}

/* Names have their parents in common: one question to the DNS does. */
uint64_t
audit_probe_dns(struct audit_job *j, const struct probe_dns *d)
{
	struct audit		*a = j->audit;
	const struct buf	*known;
	struct probe_client	*p;
	struct audit_wait	*w;
	uint64_t		 id;

	known = audit_memo_find(&a->memo, d->name, d->type, clk_mono());
	if (known != NULL) {
		w = wait_for(j, FROM_MEMO, ours(a));
		buf_add(&w->said, known->p, known->n);
		return w->id;
	}
	id = under_way(a, d);
	if (id == 0) {
		if ((p = audit_probe(a)) == NULL)
			return 0;
		id = probe_client_dns(p, d);
	}
	w = wait_for(j, FROM_PROBE, id);
	w->type = d->type;
	if (strlen(d->name) < sizeof(w->name))
		(void)snprintf(w->name, sizeof(w->name), "%s", d->name);
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
		j->judge = judge_fork(j->en->pool, j->audit->arena, AUDIT_NO_ARENA,
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

static const struct lease **
leases(struct audit_job **v, size_t n)
{
	const struct lease	**l = mem_array(n, sizeof(struct lease *));
	size_t			  i;

	for (i = 0; i < n; i++)
		l[i] = &v[i]->lease;
	return l;
}

int
audit_begin_all(struct audit_job **v, size_t n, struct err *e)
{
	const struct lease	**l = leases(v, n);
	struct db		 *db = v[0]->en->db;
	int			  rc;

	rc = db_begin(db, e);
	if (rc == 0)
		rc = lease_check_all(db, l, n, e);
	free(l);
	return rc;
}

int
audit_commit_all(struct audit_job **v, size_t n, int64_t due_in_s,
    struct err *e)
{
	const struct lease	**l = leases(v, n);
	struct db		 *db = v[0]->en->db;
	int64_t			  now = clk_mono();
	size_t			  i;
	int			  rc;

	rc = lease_done_all(db, l, n, due_in_s, e);
	free(l);
	if (rc == -1 || db_commit(db, e) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		v[i]->due_at = now + due_in_s * CLK_SEC;
		v[i]->ended = 1;
	}
	engine_wake(v[0]->en, now);
	return 0;
}

int
audit_fail_all(struct audit_job **v, size_t n, const char *const *why,
    const char *const *by, struct err *e)
{
	const struct lease	**l = leases(v, n);
	struct lease_retry	 *r = mem_array(n, sizeof(*r));
	struct db		 *db = v[0]->en->db;
	size_t			  i;
	int			  rc;

	for (i = 0; i < n; i++)
		r[i] = retry(v[i], why[i]);
	rc = lease_fail_all(db, l, r, n, e);
	free(l);
	free(r);
	if (rc == -1 || db_commit(db, e) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		missed(v[i], by[i], NULL, why[i]);
		v[i]->ended = 1;
	}
	engine_wake(v[0]->en, clk_mono());
	return 0;
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
