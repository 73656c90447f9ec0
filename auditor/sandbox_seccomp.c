#include "auditor/sandbox_seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

/* Which kinds a row is for. */
#define J	(1u << SANDBOX_JUDGE)
#define T	(1u << SANDBOX_JUDGE_TEMPLATE)
#define F	(1u << SANDBOX_FETCH)
#define S	(1u << SANDBOX_SIGN)
#define P	(1u << SANDBOX_PROBE)
#define H	(1u << SANDBOX_CHALLENGE)
#define A	(1u << SANDBOX_MAX)	/* every kind, under the sanitizer */
#define ALL	(J | T | F | S | P | H)

/* A call that is allowed, whatever its arguments. */
struct call {
	unsigned	kinds;
	int		nr;
};

/* A call that is allowed when (argument & mask) == value. */
struct guarded {
	unsigned	kinds;
	int		nr;
	unsigned	arg;
	uint64_t	mask;
	uint64_t	value;
};

#define C(kinds, name)	{ (kinds), SCMP_SYS(name) }
#define G(kinds, name, arg, mask, value) \
	{ (kinds), SCMP_SYS(name), (arg), (mask), (value) }

static const struct call calls[] = {
	/* Descriptors that are there already. */
	C(ALL, read), C(ALL, write), C(ALL, readv), C(ALL, writev),
	C(ALL, recvmsg), C(ALL, sendmsg), C(ALL, recvfrom), C(ALL, close),
	C(ALL, poll), C(ALL, ppoll), C(ALL, lseek), C(ALL, fstat),
	C(ALL, pread64), C(ALL, shutdown), C(ALL, dup),
	/* Memory, time, locks, ends. */
	C(ALL, brk), C(ALL, munmap), C(ALL, mremap), C(ALL, madvise),
	C(ALL, futex), C(ALL, getrandom), C(ALL, clock_gettime),
	C(ALL, clock_getres), C(ALL, clock_nanosleep), C(ALL, nanosleep),
	C(ALL, gettimeofday), C(ALL, time), C(ALL, exit), C(ALL, exit_group),
	C(ALL, restart_syscall), C(ALL, rt_sigaction), C(ALL, rt_sigprocmask),
	C(ALL, rt_sigreturn), C(ALL, sigaltstack), C(ALL, sched_yield),
	C(ALL, getpid), C(ALL, gettid), C(ALL, getppid), C(ALL, getuid),
	C(ALL, geteuid), C(ALL, getgid), C(ALL, getegid), C(ALL, getrusage),
	C(ALL, set_robust_list), C(ALL, rseq), C(ALL, set_tid_address),
	C(ALL, sched_getaffinity), C(ALL, uname), C(ALL, sysinfo),
	/* A template forks, reaps and kills judges, and they go further. */
	C(T, wait4), C(T, waitid), C(T, kill), C(T, seccomp), C(T, prctl),
	C(T, prlimit64), C(T, setrlimit), C(T, tgkill),
	C(T, landlock_create_ruleset), C(T, landlock_add_rule),
	C(T, landlock_restrict_self),
	/* Internet clients. */
	C(F | P, connect), C(F | P, getsockname), C(F, getpeername),
	C(F, getsockopt), C(F, setsockopt), C(F, sendto), C(F, sendmmsg),
	C(F, recvmmsg), C(F, bind), C(F, eventfd2), C(F, pipe2),
	C(F, select), C(F, pselect6), C(F, epoll_ctl), C(F, epoll_wait),
	C(F, epoll_pwait),
	/* A server that was given what it listens at. */
	C(H, accept), C(H, accept4),
	/* Files, which landlock confines. */
	C(F | S, stat), C(F | S, lstat), C(F | S, newfstatat), C(F | S, statx),
	C(F | S, access), C(F | S, faccessat), C(F | S, faccessat2),
	C(F | S, readlink), C(F | S, readlinkat), C(F | S, getdents64),
	C(F | S, statfs), C(F | S, fstatfs),
	C(S, open), C(S, openat), C(S, rename), C(S, renameat),
	C(S, renameat2), C(S, unlink), C(S, unlinkat), C(S, fsync),
	C(S, fdatasync), C(S, ftruncate), C(S, fchmod), C(S, fchown),
	C(S, pwrite64),
	C(S, flock), C(S, umask), C(S, mlock), C(S, munlock),
	/* What the sanitizer does behind our back. */
	C(A, fcntl), C(A, readlink), C(A, readlinkat), C(A, stat), C(A, mmap),
	C(A, newfstatat), C(A, prctl), C(A, mprotect), C(A, personality),
	C(A, getrlimit), C(A, mincore), C(A, sched_getparam),
};

#define WRITING	(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)
#define SPACES	((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
		 CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET))

static const struct guarded guarded[] = {
	/* No code that was not there: the resolver's modules excepted. */
	G(J | T | S | P | H, mmap, 2, PROT_EXEC, 0),
	G(F, mmap, 2, PROT_WRITE | PROT_EXEC, 0),
	G(F, mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE),
	G(F, mmap, 2, PROT_WRITE | PROT_EXEC, PROT_EXEC),
	G(ALL, mprotect, 2, PROT_EXEC, 0),
	/* send() is sendto() without an address. */
	G(J | T | S | P | H, sendto, 4, UINT64_MAX, 0),
	/* fstat() of newer C libraries: a descriptor and an empty name. */
	G(J | T | P | H, newfstatat, 3, AT_EMPTY_PATH, AT_EMPTY_PATH),
	/* Not F_SETOWN, which sends signals; nor terminals' TIOCSTI. */
	G(ALL, fcntl, 1, UINT32_MAX, F_GETFL),
	G(ALL, fcntl, 1, UINT32_MAX, F_SETFL),
	G(ALL, fcntl, 1, UINT32_MAX, F_GETFD),
	G(ALL, fcntl, 1, UINT32_MAX, F_SETFD),
	G(ALL, fcntl, 1, UINT32_MAX, F_GET_SEALS),
	G(ALL, fcntl, 1, UINT32_MAX, F_DUPFD_CLOEXEC),
	G(S, fcntl, 1, UINT32_MAX, F_SETLK),
	/* Is it something to listen at, that it is given later? */
	G(H, getsockopt, 2, UINT32_MAX, SO_ACCEPTCONN),
	G(F, ioctl, 1, UINT32_MAX, FIONREAD),
	G(F, ioctl, 1, UINT32_MAX, FIONBIO),
	/* Limits may be read. */
	G(J | F | S | P | H, prlimit64, 2, UINT64_MAX, 0),
	G(J | F | S | P | H, prctl, 0, UINT32_MAX, PR_SET_NAME),
	G(J | F | S | P | H, prctl, 0, UINT32_MAX, PR_GET_NAME),
	G(J | F | S | P | H, prctl, 0, UINT32_MAX, PR_GET_DUMPABLE),
	/* fork, and no thread, no name space; threads, and no fork. */
	G(T, clone, 0, SPACES | CLONE_THREAD | CLONE_VM | CLONE_PARENT, 0),
	G(F, clone, 0, SPACES | CLONE_THREAD | CLONE_VM,
	    CLONE_THREAD | CLONE_VM),
	/* Landlock confines what can be read; nothing can be written. */
	G(F, open, 1, WRITING, O_RDONLY),
	G(F, openat, 2, WRITING, O_RDONLY),
	G(A, open, 1, WRITING, O_RDONLY),
	G(A, openat, 2, WRITING, O_RDONLY),
	/*
	 * No AF_UNIX: it would reach the database of our own user.  The name
	 * service falls back to DNS.  Pairs reach nobody, if they are streams.
	 */
	G(F | P, socket, 0, UINT32_MAX, AF_INET),
	G(F | P, socket, 0, UINT32_MAX, AF_INET6),
	G(F, socket, 0, UINT32_MAX, AF_NETLINK),
	G(T | F, socketpair, 1, 0xf, SOCK_STREAM),
};

/* Nobody calls these by mistake. */
static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf), SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(mount), SCMP_SYS(umount2),
	SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare),
	SCMP_SYS(setns), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load), SCMP_SYS(reboot), SCMP_SYS(pidfd_getfd),
	SCMP_SYS(process_madvise), SCMP_SYS(open_by_handle_at),
};

/* libseccomp says EDOM for a call that this architecture does not have. */
static int
fine(int r)
{
	return r == 0 || r == -EDOM || r == -EEXIST;
}

static int
add_rows(scmp_filter_ctx ctx, unsigned kinds)
{
	const struct guarded	*g;
	struct scmp_arg_cmp	 cmp;
	size_t			 i;
	int			 r;

	for (i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		r = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i],
		    0);
		if (!fine(r))
			return r;
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if ((calls[i].kinds & kinds) == 0)
			continue;
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i].nr, 0);
		if (!fine(r))
			return r;
	}
	for (i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
		g = &guarded[i];
		if ((g->kinds & kinds) == 0)
			continue;
		cmp = SCMP_CMP64(g->arg, SCMP_CMP_MASKED_EQ, g->mask,
		    g->value);
		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, g->nr, 1,
		    &cmp);
		if (!fine(r))
			return r;
	}
	/* A process may signal itself: abort() must work. */
	if ((kinds & T) == 0) {
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
		if (!fine(r))
			return r;
	}
	/* Its flags lie in memory: the C library then uses clone. */
	r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
	    0);
	return fine(r) ? 0 : r;
}

int
sandbox_seccomp_enter(enum sandbox_kind kind, int asan, struct err *e)
{
	scmp_filter_ctx	ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	unsigned	kinds = 1u << kind | (asan ? A : 0);
	int		r;

	if (ctx == NULL) {
		errno = ENOMEM;
		return err_set(e, ERR_SYS, "making the system call filter");
	}
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC,
		    kind == SANDBOX_FETCH);
	if (r == 0)
		r = add_rows(ctx, kinds);
	/* A binary tree: the hot calls of a judge cost less. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == 0)
		return 0;
	errno = -r;
	return err_set(e, ERR_SYS, "setting the system call filter");
}
