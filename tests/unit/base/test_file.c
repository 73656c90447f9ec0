#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

/* Files that only root may read, as a process that is not root. */

static char	dir[] = "/tmp/cvfile.XXXXXX", a[64], b[64];

static void
put(const char *path, const char *text, mode_t mode)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* What a descriptor gives from where it stands. */
static const char *
rest(int fd)
{
	static char	 buf[100];
	ssize_t		 n;

	assert_int_not_equal(fd, -1);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	(void)close(fd);
	return buf;
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)chmod(dir, 0755);
	(void)snprintf(a, sizeof(a), "%s/a", dir);
	(void)snprintf(b, sizeof(b), "%s/b", dir);
	put(a, "first", 0600);
	file_keep(a);
	file_keep(b);			/* is not there: nothing happens */
	if (geteuid() == 0 && (setegid(65534) == -1 || seteuid(65534) == -1))
		return -1;
	/* one's own file of mode 0 is as closed as root's */
	return geteuid() == 65534 ? 0 : chmod(a, 0);
}

static int
teardown(void **state)
{
	(void)state;
	if (getuid() == 0 && seteuid(0) == -1)
		return -1;
	(void)unlink(a);
	(void)unlink(b);
	return rmdir(dir);
}

static void
kept(void **state)
{
	const char	*path;
	int		 fd = -1;

	(void)state;
	path = file_kept(0, &fd);
	assert_string_equal(path, a);
	assert_int_not_equal(fd, -1);
	assert_null(file_kept(1, &fd));
}

static void
from_the_beginning(void **state)
{
	char	c;
	int	fd, other, raw = -1;

	(void)state;
	assert_string_equal(rest(file_open(a)), "first");
	assert_string_equal(rest(file_open(a)), "first");
	/* two readers at once do not move each other */
	fd = file_open(a);
	assert_int_equal(read(fd, &c, 1), 1);
	other = file_open(a);
	assert_string_equal(rest(other), "first");
	assert_string_equal(rest(fd), "irst");
	/* nor does who moved what is kept */
	(void)file_kept(0, &raw);
	assert_int_equal(lseek(raw, 3, SEEK_SET), 3);
	assert_string_equal(rest(file_open(a)), "first");
	assert_int_equal(lseek(raw, 0, SEEK_CUR), 3);
}

static void
closed_on_exec(void **state)
{
	int	fd = file_open(a);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	(void)close(fd);
}

static void
the_newest(void **state)
{
	int	tmp = fileno(tmpfile());

	(void)state;
	assert_int_equal(write(tmp, "second", 6), 6);
	file_adopt(a, tmp);
	assert_string_equal(rest(file_open(a)), "second");
}

static void
not_there(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(file_open(b), -1);
	assert_int_equal(errno, ENOENT);
	/* closed, and nothing is kept for it */
	errno = 0;
	assert_int_equal(file_open("/etc/shadow"), -1);
	assert_true(errno == EACCES || errno == ENOENT);
}

static void
at_most(void **state)
{
	int	fd, i;

	(void)state;
	for (i = 2; i < FILE_KEPT_MAX + 3; i++)
		file_adopt("/x", 0);
	assert_non_null(file_kept(FILE_KEPT_MAX - 1, &fd));
	assert_null(file_kept(FILE_KEPT_MAX, &fd));
}

/* A link, a folder above, where a link leads: each is looked at. */
static void
theirs(void **state)
{
	const uid_t	other = 12345;
	struct stat	st;
	char		path[128], link[128];

	(void)state;
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(stat("/etc/passwd", &st), 0);
	assert_int_equal(file_theirs("/etc/passwd", other), 0);
	assert_int_equal(file_theirs("/etc/passwd", st.st_uid), 1);
	assert_int_equal(file_theirs("/nowhere/at/all", other), 0);
	(void)snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(file_theirs(path, getuid()), 1);
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(file_theirs(link, other), 0);
	if (getuid() == 0) {
		/* the link is theirs, what it points to is not */
		assert_int_equal(lchown(link, other, other), 0);
		assert_int_equal(file_theirs(link, other), 1);
	} else
		printf("SKIP 1 test_file: only root gives files away\n");
	assert_int_equal(unlink(link), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(65534), 0);
}

static void
folders(void **state)
{
	(void)state;
	assert_int_equal(file_sync_dir("/"), 0);
	errno = 0;
	assert_int_equal(file_sync_dir("/nowhere/at/all"), -1);
	assert_int_equal(errno, ENOENT);
	errno = 0;
	assert_int_equal(file_sync_dir("/etc/passwd"), -1);
	assert_int_equal(errno, ENOTDIR);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(from_the_beginning),
		cmocka_unit_test(closed_on_exec),
		cmocka_unit_test(not_there),
		cmocka_unit_test(the_newest),
		cmocka_unit_test(at_most),
		cmocka_unit_test(theirs),
		cmocka_unit_test(folders),
	};

	return cmocka_run_group_tests(t, setup, teardown);
}
