#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/judge.h"
#include "auditor/role/judge_client.h"
#include "base/mem.h"
#include "pki/watch.h"

/*
 * What a judge can do to the memory that it shares: nothing.  The kernel says
 * of each mapping whether mprotect() could make it writable.
 */

#define ARENA	(1u << 20)

static struct judge_pool *
pool(void)
{
	struct watch_build	*b = watch_build_new();
	struct watch_pieces	 o;
	struct judge_pool	*p;
	struct err		 e = ERR_INIT;

	assert_int_equal(watch_build_file(b, ".example.com\n", 13, "test",
	    &e), 0);
	watch_build_end(b, &o);
	p = judge_pool_new(b, &o, &e);
	if (p == NULL)
		fail_msg("%s", e.msg);
	return p;
}

static int
arena(void)
{
	int	fd = memfd_create("cv-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_not_equal(fd, -1);
	assert_int_equal(ftruncate(fd, ARENA), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW),
	    0);
	return fd;
}

/* It answers: it has mapped what it maps. */
static void
wait_for(struct judge_link *j)
{
	struct judge_ext	x = { 0, 1, 0 };
	struct judge_reply	r;
	struct cur		c;
	struct pollfd		p = { ipc_fd(j->ipc), POLLIN, 0 };
	int			n;

	judge_ask_head(j, 1, &x);
	while ((n = judge_next(j, &r, &c)) == 0) {
		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(ipc_read(j->ipc, NULL), 0);
	}
	assert_int_equal(n, 1);
}

/* Mappings of memfds of a process: how many, and how many may be written. */
static void
count(pid_t pid, unsigned *all, unsigned *bad)
{
	char	 path[64], line[512];
	FILE	*f;
	int	 shared = 0;

	*all = *bad = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, "/memfd:") != NULL)
			shared = 1;
		else if (strncmp(line, "VmFlags:", 8) == 0 && shared) {
			(*all)++;
			*bad += strstr(line, " mw") != NULL ||
			    strstr(line, " wr") != NULL;
			shared = 0;
		}
	}
	(void)fclose(f);
}

static void
cannot_write(void **state)
{
	struct judge_log	 log = { .protocol = LOGLIST_RFC6962,
				    .key = { NULL, 0 }, .origin = "" };
	struct judge_pool	*p = pool();
	struct judge_link	*j;
	struct err		 e = ERR_INIT;
	int			 fd = arena();
	unsigned		 all, bad;

	(void)state;
	j = judge_fork(p, fd, ARENA, &log, &e);
	if (j == NULL)
		fail_msg("%s", e.msg);
	wait_for(j);
	count(j->pid, &all, &bad);
	if (all == 0 && getuid() != 0)
		printf("SKIP 1 test_judge_map: only root looks at a judge\n");
	else {
		/* the watches and the arena */
		assert_int_equal(all, 2);
		assert_int_equal(bad, 0);
	}
	judge_free(j, 1);
	judge_pool_free(p);
	(void)close(fd);
}

/* The question can be answered with yes. */
static void
can_tell(void **state)
{
	int		 fd = arena();
	void		*p = mmap(NULL, ARENA, PROT_READ, MAP_SHARED, fd, 0);
	unsigned	 all, bad;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	count(getpid(), &all, &bad);
	assert_true(all == 1 && bad == 1);
	(void)munmap(p, ARENA);
	(void)close(fd);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(can_tell),
		cmocka_unit_test(cannot_write),
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return judge_main();
	return cmocka_run_group_tests(t, NULL, NULL);
}
