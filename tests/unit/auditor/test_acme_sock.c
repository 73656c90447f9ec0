/* The socket between commands and the role: who listens, and who is heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auditor/role/acme_sock.h"

static char	dir[400];

static int
begin(void **state)
{
	char	deep[] = "/0123456789abcdef0123456789abcdef";
	int	i;

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/cvsock.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	/* longer than the address of a socket can be */
	for (i = 0; i < 4; i++) {
		(void)strncat(dir, deep, sizeof(dir) - strlen(dir) - 1);
		if (mkdir(dir, 0700) == -1)
			return -1;
	}
	return 0;
}

static int
end(void **state)
{
	char	path[500];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/acme.sock", dir);
	(void)unlink(path);
	while (strlen(dir) > strlen("/tmp")) {
		(void)rmdir(dir);
		*strrchr(dir, '/') = '\0';
	}
	return 0;
}

static void
listens(void **state)
{
	struct err	e = ERR_INIT;
	struct stat	st;
	char		path[500];
	int		fd, again;

	(void)state;
	assert_int_equal(acme_sock_connect(dir), -1);
	assert_int_equal(acme_sock_connect("/nonexistent"), -1);
	fd = acme_sock_listen(dir, &e);
	assert_string_equal(e.msg, "");
	assert_true(fd != -1);
	(void)snprintf(path, sizeof(path), "%s/acme.sock", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* one at a time */
	assert_int_equal(acme_sock_listen(dir, &e), -1);
	assert_int_equal(e.code, ERR_TEMP);
	(void)close(fd);
	/* one that is dead is no hindrance */
	assert_int_equal(acme_sock_connect(dir), -1);
	err_clear(&e);
	again = acme_sock_listen(dir, &e);
	assert_true(again != -1);
	(void)close(again);
	assert_int_equal(acme_sock_listen("/nonexistent", &e), -1);
}

static void
talks(void **state)
{
	struct buf	b = BUF_INIT, big = BUF_INIT;
	int		fd = acme_sock_listen(dir, NULL), c, s;

	(void)state;
	assert_int_equal(acme_sock_accept(fd), -1);
	c = acme_sock_connect(dir);
	s = acme_sock_accept(fd);
	assert_true(c != -1 && s != -1);
	assert_int_equal(acme_sock_recv(s, &b), -1);
	buf_str(&b, "one");
	assert_int_equal(acme_sock_send(c, &b), 0);
	buf_str(&b, "two");
	assert_int_equal(acme_sock_send(c, &b), 0);
	assert_int_equal(acme_sock_recv(s, &b), 1);
	assert_int_equal(b.n, 3);
	assert_int_equal(acme_sock_recv(s, &b), 1);
	assert_memory_equal(b.p, "onetwo", b.n);
	assert_int_equal(b.n, 6);
	/* at the limit, and above it */
	(void)buf_room(&big, LIMIT_ACME_FRAME + 1);
	memset(big.p, 'x', LIMIT_ACME_FRAME + 1);
	big.n = LIMIT_ACME_FRAME + 1;
	assert_int_equal(acme_sock_send(c, &big), -1);
	big.n = LIMIT_ACME_FRAME;
	assert_int_equal(acme_sock_send(c, &big), 0);
	assert_int_equal(acme_sock_recv(s, &b), 1);
	assert_int_equal(b.n, LIMIT_ACME_FRAME);
	/* one that does not read is not waited for */
	while (acme_sock_send(s, &big) == 0)
		;
	assert_int_equal(errno, EAGAIN);
	(void)close(c);
	assert_int_equal(acme_sock_send(s, &b), -1);
	assert_int_equal(acme_sock_recv(s, &b), 0);
	(void)close(s);
	(void)close(fd);
	buf_free(&b);
	buf_free(&big);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(listens),
		cmocka_unit_test(talks),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
