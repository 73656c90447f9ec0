#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/role/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What a hostile peer writes to a channel, and the messages in its frames. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct fetch_setup	s;
	static struct fetch_get		g;
	static struct fetch_done	d;
	struct ipc_msg			m;
	struct ipc			*c;
	int				fds[2];

	if (n > 65536)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		abort();
	c = ipc_new(fds[0]);
	if (n != 0 && write(fds[1], p, n) != (ssize_t)n)
		abort();
	(void)close(fds[1]);
	(void)ipc_read(c, NULL);
	while (ipc_next(c, &m)) {
		(void)fetch_setup_read(m.body, &s, NULL);
		(void)fetch_get_read(m.body, &g, NULL);
		(void)fetch_done_read(m.body, &d, NULL);
	}
	ipc_free(c);
	return 0;
}
