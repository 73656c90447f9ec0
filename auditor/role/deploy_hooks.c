#include "auditor/role/deploy_hooks.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/db/acme_store.h"
#include "auditor/role/deploy_hook.h"
#include "base/log.h"

#define LOOK_MS		20
/* The exit status counts those that failed. */
#define COUNT_MAX	100

/* All that are due: how many failed, or -1 ERR_DB. */
static int
all(const struct deploy_hooks *h, struct err *e)
{
	struct managed_row	*v = NULL;
	struct db		*db = db_open(h->conninfo, e);
	struct err		 why;
	size_t			 n = 0, i;
	int			 failed = 0, rc;

	rc = db == NULL ? -1 : managed_load(db, h->only, &v, &n, e);
	for (i = 0; i < n && rc == 0; i++) {
		err_clear(&why);
		if (deploy_hook_run(db, h->conf, v[i].id, &why) != -1)
			continue;
		failed += failed < COUNT_MAX;
		h->complain(&why);
		rc = why.code == ERR_DB ? -1 : 0;
	}
	managed_rows_free(v, n);
	db_close(db);
	return rc == -1 ? -1 : failed;
}

/* Nothing of the parent's is held open, or ended, by this one. */
static void
child(const struct deploy_hooks *h, pid_t parent)
{
	struct err	e = ERR_INIT;
	int		n;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	if (getppid() != parent || close_range(3, ~0u, 0) == -1)
		_exit(1);
	n = all(h, &e);
	if (n == -1 && e.code != ERR_NONE)
		h->complain(&e);
	_exit(n == -1 ? 1 : n);
}

static void
start(struct deploy_hooks *h)
{
	pid_t	parent = getpid();

	h->wanted = 0;
	h->pid = fork();
	if (h->pid == 0)
		child(h, parent);
	if (h->pid == -1) {
		h->pid = 0;
		log_error("acme", "deploy hooks: no process for them");
	}
}

int
deploy_hooks_turn(struct deploy_hooks *h)
{
	int	status;

	if (h->pid != 0 && waitpid(h->pid, &status, WNOHANG) == h->pid) {
		h->pid = 0;
		h->failed += WIFEXITED(status) ? (size_t)WEXITSTATUS(status) :
		    1;
	}
	if (h->pid == 0 && h->wanted)
		start(h);
	return h->pid != 0;
}

void
deploy_hooks_wait(struct deploy_hooks *h)
{
	while (deploy_hooks_turn(h))
		(void)poll(NULL, 0, LOOK_MS);
}

void
deploy_hooks_stop(struct deploy_hooks *h)
{
	if (h->pid == 0)
		return;
	(void)kill(h->pid, SIGTERM);
	while (waitpid(h->pid, NULL, 0) == -1 && errno == EINTR)
		;
	h->pid = 0;
}
