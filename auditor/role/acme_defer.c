#include "auditor/role/acme_defer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* What the process is told: look for it, or take it away (DROP + failed). */
#define LOOK	'l'
#define DROP	'0'

/* What the process says: 0 or the code of an error, and its sentence. */
struct word {
	enum err_code	code;
	char		msg[512];
};

struct acme_defer {
	struct acme_place	*place;		/* borrowed */
	struct flow_place	 f;		/* its strings are owned */
	const char		*thumbprint;	/* borrowed */
	enum acme_defer_state	 state;
	int			 fd;		/* -1: no process yet */
	pid_t			 pid;
	int			 line;		/* it has one of the lines */
	int			 dropped, failed;	/* asked for */
	int			 asked;		/* and told to the process */
	int			 looked;	/* told to look for it */
};

struct acme_defer *
acme_defer_new(struct acme_place *p, const struct flow_place *f,
    const char *thumbprint)
{
	struct acme_defer	*d = mem_zero(sizeof(*d));
	char			**issuers;
	size_t			 i;

	d->place = p;
	d->f = *f;
	/* what placing it needs outlives the flow's next turn */
	d->f.token = f->token != NULL ? mem_str(f->token) : NULL;
	d->f.account = f->account != NULL ? mem_str(f->account) : NULL;
	d->f.authz = NULL;
	issuers = mem_array(f->nissuers + 1, sizeof(*issuers));
	for (i = 0; i < f->nissuers; i++)
		issuers[i] = mem_str(f->issuers[i]);
	d->f.issuers = (const char *const *)issuers;
	d->thumbprint = thumbprint;
	d->fd = -1;
	return d;
}

static void
leave_line(struct acme_defer *d)
{
	if (d->line)
		--*acme_place_busy(d->place);
	d->line = 0;
}

static int
take_line(struct acme_defer *d)
{
	if (!d->line && *acme_place_busy(d->place) <
	    acme_place_lines(d->place)) {
		++*acme_place_busy(d->place);
		d->line = 1;
	}
	return d->line;
}

void
acme_defer_free(struct acme_defer *d)
{
	size_t	i;

	if (d == NULL)
		return;
	leave_line(d);
	if (d->fd != -1)
		(void)close(d->fd);
	if (d->pid > 0) {
		(void)kill(d->pid, SIGKILL);
		while (waitpid(d->pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	for (i = 0; i < d->f.nissuers; i++)
		free((void *)(uintptr_t)d->f.issuers[i]);
	free((void *)(uintptr_t)d->f.issuers);
	free((void *)(uintptr_t)d->f.account);
	free((void *)(uintptr_t)d->f.token);
	free(d);
}

/* --- the process --- */

static void
say(int fd, int rc, const struct err *e)
{
	struct word	w;

	memset(&w, 0, sizeof(w));
	if (rc == -1) {
		/* ERR_TEMP is the word for its death */
		w.code = e->code == ERR_TEMP ? ERR_NET : e->code;
		(void)snprintf(w.msg, sizeof(w.msg), "%s", e->msg);
	}
	(void)send(fd, &w, sizeof(w), MSG_NOSIGNAL);
}

/* Place, wait for words, take away.  The parent's death is the end. */
static void
serve(struct acme_defer *d, int fd)
{
	struct err	e = ERR_INIT;
	char		word;

	say(fd, acme_place_put(d->place, &d->f, d->thumbprint, &e), &e);
	while (recv(fd, &word, 1, 0) == 1) {
		err_clear(&e);
		if (word != LOOK) {
			say(fd, acme_place_drop(d->place, &d->f,
			    d->thumbprint, word - DROP, &e), &e);
			return;
		}
		say(fd, acme_place_look(d->place, &d->f, d->thumbprint, &e),
		    &e);
	}
}

/* Descriptors of the parent are not held open by this one. */
static void
child(struct acme_defer *d, int fd, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(fd, 3) == -1)
		_exit(1);
	/* secrets that only root may read are read here */
	file_close_others(4);
	serve(d, 3);
	_exit(0);
}

static int
start(struct acme_defer *d, struct err *e)
{
	pid_t	parent = getpid();
	int	fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1)
		return err_set(e, ERR_SYS, "placing a challenge");
	d->pid = fork();
	if (d->pid == 0)
		child(d, fd[1], parent);
	(void)close(fd[1]);
	if (d->pid == -1) {
		(void)close(fd[0]);
		return err_set(e, ERR_SYS, "placing a challenge");
	}
	d->fd = fd[0];
	return 0;
}

/* --- its owner's side --- */

/* The word of the process: 1 and *e when that is bad, 0 not yet. */
static int
heard(struct acme_defer *d, struct err *e)
{
	struct word	w;
	ssize_t		n = recv(d->fd, &w, sizeof(w), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	leave_line(d);
	if (n != (ssize_t)sizeof(w))
		(void)err_set(e, ERR_TEMP, "the process that places "
		    "challenges has died; run this again");
	else if (w.code != ERR_NONE)
		(void)err_set(e, w.code, "%.511s", w.msg);
	return 1;
}

static void
puts_it(struct acme_defer *d, struct err *e)
{
	struct err	why = ERR_INIT;

	if (d->fd == -1 && d->dropped) {
		d->state = ACME_DEFER_GONE;
		return;
	}
	if (d->fd == -1 && (!take_line(d) || start(d, &why) == 0))
		return;
	if (d->fd != -1 && !heard(d, &why))
		return;
	/* of one that nobody wants any more no failure is news, but its death */
	if (why.code != ERR_NONE)
		d->state = !d->dropped ? ACME_DEFER_FAILED :
		    why.code == ERR_TEMP ? ACME_DEFER_STAYS : ACME_DEFER_GONE;
	else
		d->state = !d->looked && acme_place_later(d->place, &d->f) ?
		    ACME_DEFER_WRITTEN : ACME_DEFER_PLACED;
	if (why.code != ERR_NONE) {
		leave_line(d);
		(void)err_set(e, why.code, "%s", why.msg);
	}
}

static void
drops_it(struct acme_defer *d, struct err *e)
{
	struct err	why = ERR_INIT;
	char		word = (char)(DROP + (d->failed != 0));

	if (!d->asked) {
		if (!take_line(d))
			return;
		d->asked = 1;
		(void)send(d->fd, &word, 1, MSG_NOSIGNAL);
	}
	if (!heard(d, &why))
		return;
	d->state = why.code == ERR_NONE ? ACME_DEFER_GONE : ACME_DEFER_STAYS;
	if (why.code != ERR_NONE)
		(void)err_set(e, why.code, "%s", why.msg);
}

enum acme_defer_state
acme_defer_turn(struct acme_defer *d, struct err *e)
{
	if (d->state == ACME_DEFER_PUTS)
		puts_it(d, e);
	if ((d->state == ACME_DEFER_PLACED || d->state == ACME_DEFER_WRITTEN)
	    && d->dropped)
		d->state = ACME_DEFER_DROPS;
	if (d->state == ACME_DEFER_DROPS)
		drops_it(d, e);
	return d->state;
}

void
acme_defer_look(struct acme_defer *d)
{
	char	word = LOOK;

	if (d->state != ACME_DEFER_WRITTEN || d->dropped)
		return;
	d->looked = 1;
	d->state = ACME_DEFER_PUTS;
	(void)send(d->fd, &word, 1, MSG_NOSIGNAL);
}

void
acme_defer_drop(struct acme_defer *d, int failed)
{
	d->dropped = 1;
	d->failed = failed;
}

const struct flow_place *
acme_defer_what(const struct acme_defer *d)
{
	return &d->f;
}

int
acme_defer_dropped(const struct acme_defer *d)
{
	return d->dropped;
}

int
acme_defer_fd(const struct acme_defer *d)
{
	return d->state == ACME_DEFER_PUTS || d->state == ACME_DEFER_DROPS ?
	    d->fd : -1;
}
