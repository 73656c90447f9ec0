#include "auditor/cmd/box.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/proc.h"
#include "auditor/sandbox.h"
#include "base/clk.h"
#include "base/limit.h"

#define STATUS_BOX	120	/* the sandbox could not be entered */

static void
child(int (*fn)(void *, struct buf *), void *arg, int fd)
{
	struct buf	b = BUF_INIT;
	size_t		at = 0;
	ssize_t		n;
	int		status;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sandbox_enter(SANDBOX_JUDGE, NULL) == -1)
		_exit(STATUS_BOX);
	status = fn(arg, &b);
	while (at < b.n) {
		n = write(fd, b.p + at, b.n - at);
		if (n == -1 && errno != EINTR)
			_exit(STATUS_BOX);
		if (n > 0)
			at += (size_t)n;
	}
	buf_free(&b);
	_exit(status);
}

/* What the child says, until it is done: 0, or -1 when it must be ended. */
static int
listen_to(int fd, struct buf *out, struct err *e)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };
	int64_t		end = clk_mono() + LIMIT_INSPECT_SECS * CLK_SEC, left;
	size_t		said = 0;
	ssize_t		n;

	for (;;) {
		left = (end - clk_mono()) / 1000;
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return err_set(e, ERR_LIMIT, "looking at it took "
			    "longer than %d seconds", LIMIT_INSPECT_SECS);
		n = read(fd, buf_room(out, 65536), 65536);
		if (n == 0)
			return 0;
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return err_set(e, ERR_SYS, "reading from a child");
		if (n > 0) {
			out->n += (size_t)n;
			out->p[out->n] = '\0';
			said += (size_t)n;
		}
		if (said > LIMIT_INSPECT_SAID)
			return err_set(e, ERR_LIMIT, "there is more to say "
			    "about it than %u MB", LIMIT_INSPECT_SAID >> 20);
	}
}

int
box_run(int (*fn)(void *, struct buf *), void *arg, struct buf *out,
    struct err *e)
{
	char	how[80];
	int	fd[2], status = 0, rc;
	pid_t	pid;

	if (pipe(fd) == -1)
		return err_set(e, ERR_SYS, "making a pipe");
	pid = fork();
	if (pid == 0) {
		(void)close(fd[0]);
		child(fn, arg, fd[1]);
	}
	(void)close(fd[1]);
	if (pid == -1) {
		(void)close(fd[0]);
		return err_set(e, ERR_SYS, "starting a child");
	}
	rc = listen_to(fd[0], out, e);
	(void)close(fd[0]);
	if (rc == -1)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (rc == -1)
		return -1;
	/* it was somebody else: nothing of what it reads is a SIGKILL */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return err_set(e, ERR_TEMP, "its reader was killed; run this "
		    "again");
	if (!WIFEXITED(status)) {
		proc_text(status, how, sizeof(how));
		return err_set(e, ERR_FORMAT, "its reader died of it (%s)",
		    how);
	}
	if (WEXITSTATUS(status) >= STATUS_BOX)
		return err_set(e, ERR_SYS, "the sandbox cannot be entered "
		    "(`certvigil doctor` says what is missing)");
	return WEXITSTATUS(status);
}
