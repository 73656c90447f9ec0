/* Bodies that go into pipes, declared in fetch_job.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/fetch_job.h"

int
fetch_pipe_prepare(int fd)
{
	struct stat	st;
	int		flags = fcntl(fd, F_GETFL);

	/* A file or a socket would have other ways to be full. */
	if (flags == -1 || (flags & O_ACCMODE) != O_WRONLY ||
	    fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))
		return -1;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/*
 * What did not fit is offered again, as the beginning of what comes then: so
 * many bytes of it are written already.
 */
enum xfer_sink
fetch_pipe_body(struct fetch_job *j, const uint8_t *p, size_t n)
{
	ssize_t	w;

	while (j->ahead < n) {
		w = write(j->pipe, p + j->ahead, n - j->ahead);
		if (w > 0)
			j->ahead += (size_t)w;
		else if (w == -1 && errno == EAGAIN) {
			j->full = 1;
			return XFER_WAIT;
		} else if (w == 0 || errno != EINTR) {
			j->gone = 1;
			return XFER_STOP;
		}
	}
	j->len += n;
	j->ahead = 0;
	j->full = 0;
	return XFER_TOOK;
}

void
fetch_pipe_explain(const struct fetch_job *j, struct fetch_done *d)
{
	const char	*why = NULL;

	if (j->gone) {
		d->failure = FETCH_CANCELLED;
		why = FETCH_PIPE_GONE;
	} else if (j->full && d->failure == FETCH_NO_ROOM) {
		d->failure = FETCH_TIMEOUT;
		why = "the time was over before the reader of the body had "
		    "taken it all";
	}
	if (why != NULL)
		(void)snprintf(d->message, sizeof(d->message), "%s", why);
}

void
fetch_pipe_close(struct fetch_job *j)
{
	if (j->pipe == -1)
		return;
	(void)close(j->pipe);
	j->pipe = -1;
	j->role->npipes--;
}

size_t
fetch_pipe_polls(const struct fetch_role *r, struct pollfd *p)
{
	const struct fetch_job	*j;
	size_t			 n = 0;

	for (j = r->head; n < r->npipes && j != NULL; j = j->next) {
		if (j->pipe == -1)
			continue;
		p[n].fd = j->pipe;
		/* Without events it still tells when the reader goes away. */
		p[n].events = j->full ? POLLOUT : 0;
		p[n++].revents = 0;
	}
	return n;
}

void
fetch_pipe_polled(struct fetch_role *r, const struct pollfd *p, size_t n)
{
	struct fetch_job	*j, *next;
	size_t			 i = 0;

	/* The same order; jobs that ended meanwhile are missing. */
	for (j = r->head; i < n && j != NULL; j = next) {
		next = j->next;
		if (j->pipe == -1)
			continue;
		while (i < n && p[i].fd != j->pipe)
			i++;
		if (i == n)
			break;
		if ((p[i].revents & (POLLERR | POLLNVAL)) != 0)
			fetch_job_cancel(j, FETCH_PIPE_GONE);
		else if ((p[i].revents & POLLOUT) != 0 && j->xj != NULL)
			xfer_resume(r->x, j->xj);
		i++;
	}
}
