#include "auditor/role/judge_client.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/proc.h"
#include "base/clk.h"
#include "base/mem.h"

/* The template has a minute for a watch set of 1,000,000. */
#define READY_MS	60000
/* A judge that is idle takes its descriptors at once. */
#define FLUSH_MS	1000

struct judge_pool {
	struct proc		 proc;
	void			*image;
	size_t			 nimage;
	struct watch_set	 watches;
};

/* Put the pieces one behind the other into the memfd. */
static int
fill(int fd, const struct watch_pieces *o)
{
	size_t	i, at;
	ssize_t	n;

	for (i = 0; i < o->n; i++)
		for (at = 0; at < o->v[i].n; at += (size_t)n)
			if ((n = write(fd, o->v[i].p + at,
			    o->v[i].n - at)) <= 0)
				return -1;
	return 0;
}

/*
 * A descriptor through which the same memory can only be read: mapped by way
 * of one that writes, a judge that was taken over could make it writable
 * with mprotect(), and Linux before 6.7 does not map what is sealed at all.
 * -1 and errno.
 */
static int
read_only(int fd)
{
	char	path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The image in a memfd that nobody can change; mapped at *out. */
static int
seal(const struct watch_pieces *image, void **out, struct err *e)
{
	int	fd = memfd_create("cv-watches", MFD_CLOEXEC |
		    MFD_ALLOW_SEALING);
	int	ro = -1;

	if (fd == -1)
		return err_set(e, ERR_SYS, "memfd_create");
	if (fill(fd, image) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
	    F_SEAL_SEAL) == -1 || (ro = read_only(fd)) == -1)
		goto err;
	*out = mmap(NULL, image->size, PROT_READ, MAP_SHARED, ro, 0);
	if (*out == MAP_FAILED)
		goto err;
	(void)close(fd);
	return ro;
err:
	(void)err_set(e, ERR_SYS, "watch set in shared memory");
	if (ro != -1)
		(void)close(ro);
	(void)close(fd);
	return -1;
}

struct judge_pool *
judge_pool_new(struct watch_build *build, const struct watch_pieces *image,
    struct err *e)
{
	struct judge_pool	*p = mem_zero(sizeof(*p));
	struct ipc_msg		 m;
	struct buf		 b = BUF_INIT;
	int			 fd;

	p->image = MAP_FAILED;
	p->nimage = image->size;
	fd = seal(image, &p->image, e);
	watch_build_free(build);
	/* the megabytes of the builder go back */
	(void)malloc_trim(0);
	if (fd == -1)
		goto err;
	if (watch_open_own(&p->watches, p->image, p->nimage, e) == -1 ||
	    proc_spawn("judge", NULL, 0, &p->proc, e) == -1)
		goto err;
	buf_u64(&b, p->nimage);
	ipc_send(p->proc.ipc, JUDGE_WATCH, &b, &fd, 1);
	if (ipc_recv(p->proc.ipc, &m, READY_MS, e) != 1 ||
	    m.type != JUDGE_READY) {
		(void)err_set(e, ERR_SYS, "the judges' template died");
		goto err;
	}
	buf_free(&b);
	(void)close(fd);
	return p;
err:
	(void)err_prefix(e, "judge");
	buf_free(&b);
	if (fd != -1)
		(void)close(fd);
	judge_pool_free(p);
	return NULL;
}

void
judge_pool_free(struct judge_pool *p)
{
	int	i;

	if (p == NULL)
		return;
	if (p->proc.ipc != NULL) {
		/* it ends by itself when its socket closes */
		ipc_free(p->proc.ipc);
		p->proc.ipc = NULL;
		for (i = 0; i < 1000 && !proc_reap(&p->proc, NULL, 0); i++)
			(void)usleep(2000);
	}
	proc_free(&p->proc);
	if (p->image != MAP_FAILED)
		(void)munmap(p->image, p->nimage);
	free(p);
}

const struct watch_set *
judge_pool_watches(const struct judge_pool *p)
{
	return &p->watches;
}

/* Tell the template, which does not answer: it must have been told. */
static int
tell(struct judge_pool *p, enum judge_type type, const struct buf *b,
    const int *fds, struct err *e)
{
	int	rc;

	ipc_send(p->proc.ipc, (uint16_t)type, b, fds, fds != NULL);
	while ((rc = ipc_flush(p->proc.ipc, e)) == 1) {
		struct pollfd	f = { ipc_fd(p->proc.ipc), POLLOUT, 0 };

		if (poll(&f, 1, READY_MS) != 1)
			return err_set(e, ERR_SYS, "the judges' template "
			    "does not listen");
	}
	return rc;
}

int
judge_pool_roots(struct judge_pool *p, const struct buf *b, struct err *e)
{
	if (b->n > LIMIT_FRAME)
		return err_set(e, ERR_CONF, "the root stores have %zu MB "
		    "together; at most %u are read", b->n >> 20,
		    LIMIT_FRAME >> 20);
	return tell(p, JUDGE_ROOTS, b, NULL, e);
}

int
judge_pool_weak(struct judge_pool *p, struct span text, struct err *e)
{
	struct watch_pieces	o = { .v = { text }, .n = 1, .size = text.n };
	struct buf		b = BUF_INIT;
	void			*map = MAP_FAILED;
	int			 fd = -1, rc;

	if (text.n != 0 && (fd = seal(&o, &map, e)) == -1)
		return -1;
	buf_u64(&b, text.n);
	rc = tell(p, JUDGE_WEAK, &b, fd != -1 ? &fd : NULL, e);
	buf_free(&b);
	if (fd != -1) {
		(void)munmap(map, text.n);
		(void)close(fd);
	}
	return rc;
}

pid_t
judge_pool_pid(const struct judge_pool *p)
{
	return p->proc.pid;
}

struct judge_link *
judge_fork(struct judge_pool *p, int arena, uint64_t size,
    const struct judge_log *log, struct err *e)
{
	struct judge_link	*j;
	struct ipc_msg		 m;
	struct buf		 b = BUF_INIT;
	uint32_t		 pid = 0;
	int			 sv[2], fds[2];

	if ((fds[1] = read_only(arena)) == -1) {
		(void)err_set(e, ERR_SYS, "a judge's shared memory");
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1) {
		(void)err_set(e, ERR_SYS, "socketpair");
		(void)close(fds[1]);
		return NULL;
	}
	fds[0] = sv[1];
	buf_u64(&b, size);
	ipc_send(p->proc.ipc, JUDGE_FORK, &b, fds, 2);
	if (ipc_recv(p->proc.ipc, &m, READY_MS, e) != 1 ||
	    m.type != JUDGE_READY || cur_u32(&m.body, &pid) == -1)
		(void)err_set(e, ERR_SYS, "the judges' template died");
	else if (pid == 0)
		(void)err_set(e, ERR_SYS, "no more processes can be started "
		    "(TasksMax, RLIMIT_NPROC)");
	if (pid == 0) {
		(void)close(sv[0]);
		(void)close(sv[1]);
		(void)close(fds[1]);
		buf_free(&b);
		return NULL;
	}
	(void)close(sv[1]);
	(void)close(fds[1]);
	j = mem_zero(sizeof(*j));
	j->ipc = ipc_new(sv[0]);
	j->pid = (pid_t)pid;
	buf_reset(&b);
	buf_u64(&b, 0);
	judge_log_pack(&b, log);
	ipc_send(j->ipc, JUDGE_LOG, &b, NULL, 0);
	buf_free(&b);
	return j;
}

void
judge_free(struct judge_link *j, int at_once)
{
	if (j == NULL)
		return;
	if (at_once)
		(void)kill(j->pid, SIGKILL);
	ipc_free(j->ipc);
	free(j);
}

static void
ask(struct judge_link *j, uint16_t type, struct buf *b)
{
	if (j->waiting++ == 0)
		j->asked_at = clk_mono();
	ipc_send(j->ipc, type, b, NULL, 0);
	(void)ipc_flush(j->ipc, NULL);
	buf_free(b);
}

static void
post(struct judge_link *j, enum judge_type type, uint64_t id,
    const struct buf *body, const int *fds, int nfds)
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	buf_span(&b, buf_bytes(body));
	ipc_send(j->ipc, (uint16_t)type, &b, fds, nfds);
	buf_free(&b);
	/* a judge that does not read is found by its patience */
	while (ipc_flush(j->ipc, NULL) == 1 && nfds != 0) {
		struct pollfd	p = { ipc_fd(j->ipc), POLLOUT, 0 };

		if (poll(&p, 1, FLUSH_MS) == 1)
			continue;
		/* by the time that it reads, these are other descriptors */
		(void)shutdown(ipc_fd(j->ipc), SHUT_RDWR);
		break;
	}
}

void
judge_ask(struct judge_link *j, enum judge_type type, uint64_t id,
    const struct buf *body, const int *fds, int nfds)
{
	if (j->waiting++ == 0)
		j->asked_at = clk_mono();
	post(j, type, id, body, fds, nfds);
}

void
judge_tell(struct judge_link *j, enum judge_type type, const struct buf *body)
{
	post(j, type, 0, body, NULL, 0);
}

void
judge_ask_page(struct judge_link *j, uint64_t id, int raw,
    const struct judge_page *p)
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	judge_page_pack(&b, p);
	ask(j, raw ? JUDGE_RAW : JUDGE_PAGE, &b);
}

void
judge_ask_head(struct judge_link *j, uint64_t id, const struct judge_ext *x)
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	judge_ext_pack(&b, x);
	ask(j, JUDGE_HEAD, &b);
}

void
judge_ask_proof(struct judge_link *j, uint64_t id,
    const struct judge_proof *p)
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	judge_proof_pack(&b, p);
	ask(j, JUDGE_PROOF, &b);
}

void
judge_ask_issuer(struct judge_link *j, uint64_t id,
    const struct judge_ext *x, const uint8_t fp[32])
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	judge_ext_pack(&b, x);
	buf_add(&b, fp, 32);
	ask(j, JUDGE_ISSUER, &b);
}

void
judge_ask_signed(struct judge_link *j, uint64_t id, struct span cert,
    struct span issuer, struct span leaf)
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	buf_vec32(&b, cert.p, cert.n);
	buf_vec32(&b, issuer.p, issuer.n);
	buf_vec32(&b, leaf.p, leaf.n);
	ask(j, JUDGE_SIGNED, &b);
}

void
judge_ask_list(struct judge_link *j, uint64_t id, const struct judge_list *l)
{
	struct buf	b = BUF_INIT;

	buf_u64(&b, id);
	judge_list_pack(&b, l);
	ask(j, JUDGE_LIST, &b);
}

int
judge_next(struct judge_link *j, struct judge_reply *r, struct cur *c)
{
	struct ipc_msg	m;

	if (ipc_next(j->ipc, &m) != 1)
		return 0;
	/* 0 is no question's number: nothing that is not asked has it */
	if (m.type != JUDGE_REPLY || j->waiting == 0 ||
	    judge_reply_read(&m.body, r) == -1 || r->id == 0)
		return -1;
	j->waiting--;
	j->asked_at = clk_mono();
	*c = m.body;
	return 1;
}
