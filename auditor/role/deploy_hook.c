#include "auditor/role/deploy_hook.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "auditor/db/finding.h"
#include "auditor/db/hook_store.h"
#include "auditor/due.h"
#include "auditor/role/dns01.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

#define LOOK_MS		20
/* A killed group is gone by then, and what came of it is stored. */
#define HELD_SECS	(LIMIT_DNS01_SECS + 60)

static void
prepare(const char *program, const struct hook_row *h, struct dns01_args *a)
{
	char	t[CLK_TEXT];

	memset(a, 0, sizeof(*a));
	a->cap = 2;
	a->v = mem_array(a->cap, sizeof(*a->v));
	a->v[a->n++] = mem_str(program);
	a->v[a->n] = NULL;
	exec_env_add(&a->env, "CERTVIGIL_NAME", h->name);
	exec_env_add(&a->env, "CERTVIGIL_NAMES", h->names);
	exec_env_add(&a->env, "CERTVIGIL_DIRECTORY", h->dir);
	exec_env_add(&a->env, "CERTVIGIL_SERIAL", h->serial);
	exec_env_add(&a->env, "CERTVIGIL_NOT_AFTER",
	    clk_text(h->not_after, t));
	exec_env_add(&a->env, "RENEWED_LINEAGE", h->dir);
	exec_env_add(&a->env, "RENEWED_DOMAINS", h->names);
}

static int
judge(const char *program, struct dns01_run *r, int status, struct err *e)
{
	char	last[256];

	dns01_last_line(dns01_run_errors(r), last, sizeof(last));
	if (dns01_run_late(r))
		return err_set(e, ERR_VERIFY, "deploy hook %.200s took more "
		    "than %d s and was killed%s", program, LIMIT_DNS01_SECS,
		    last);
	if (!WIFEXITED(status))
		return err_set(e, ERR_VERIFY, "deploy hook %.200s died of "
		    "signal %d%s", program, WTERMSIG(status), last);
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_VERIFY, "deploy hook %.200s ended with "
		    "status %d%s", program, WEXITSTATUS(status), last);
	return 0;
}

static int
execute(const char *program, const struct hook_row *h, struct err *e)
{
	struct dns01_args	 a;
	struct dns01_run	*r;
	struct err		 why = ERR_INIT;
	int			 status = 0, rc;

	prepare(program, h, &a);
	r = dns01_run_start(&a, 0, &why);
	dns01_args_free(&a);
	if (r == NULL)
		return err_set(e, ERR_VERIFY, "deploy %s", why.msg);
	while (!dns01_run_tick(r, clk_mono(), &status))
		(void)poll(NULL, 0, LOOK_MS);
	rc = judge(program, r, status, e);
	dns01_run_free(r);
	return rc;
}

/* What came of it (NULL: it is over), and the finding, at once. */
static int
store(struct db *db, const struct hook_row *h, const char *why, struct err *e)
{
	struct finding	f = { .kind = "deploy.failed", .severity = "high",
	    .subject = h->name, .owner = "", .watch = "", .name = h->name,
	    .reason = why, .issuer_first_seen = INT64_MIN };
	int64_t		next = clk_wall() + due_again(h->attempts + 1);
	int		mine, rc = 0;

	if (db_begin(db, e) == -1)
		return -1;
	mine = hook_ended(db, h, why, next, e);
	if (mine == 1 && why != NULL)
		rc = finding_open(db, &f, NULL, NULL, e);
	else if (mine == 1)
		rc = finding_resolve(db, f.kind, f.subject, f.owner,
		    "the deploy hook has nothing left to do", e);
	if (mine != -1 && rc == 0 && db_commit(db, e) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

int
deploy_hook_run(struct db *db, const struct conf *c, int64_t id,
    struct err *e)
{
	struct hook_row	h;
	struct err	why = ERR_INIT;
	int		rc;

	if ((rc = hook_take(db, id, HELD_SECS, &h, e)) != 1)
		return rc;
	/* one that failed and is not configured any more is over */
	rc = c->deploy_hook == NULL ? 0 : execute(c->deploy_hook, &h, &why);
	if (store(db, &h, rc == -1 ? why.msg : NULL, e) == -1)
		rc = -1;
	else if (rc == -1)
		(void)err_set(e, why.code, "%s is deployed, but %s", h.name,
		    why.msg);
	else
		rc = c->deploy_hook != NULL;
	hook_row_free(&h);
	return rc;
}
