#include "tests/bench/made_page.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/proc.h"
#include "auditor/role/judge_client.h"

/*
 * Judges as they run, one process each, fed with pages that lie in memory:
 * pages a second of two on two processors against one on one.  usage:
 * bench_judges [ROUNDS]
 */
#define DEPTH	4		/* questions that one judge has at a time */
#define WORK	640		/* pages a run, for each judge */

static const struct judge_ext	*extents;
static int			 arena;
static uint64_t			 narena;

/* All pages behind one another in shared memory, as fetch leaves them. */
static void
make_arena(void)
{
	static struct judge_ext	x[2 * MADE_PAGES];
	const struct buf	*b;
	uint8_t			*p;
	size_t			 i;

	made_pages();
	for (i = 0; i < 2 * MADE_PAGES; i++) {
		b = i < MADE_PAGES ? &made_json[i] :
		    &made_tile[i - MADE_PAGES];
		x[i] = (struct judge_ext){ narena, (uint32_t)b->n,
		    i >= MADE_PAGES };
		narena += (b->n + 4095) / 4096 * 4096;
	}
	arena = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (arena == -1 || ftruncate(arena, (off_t)narena) == -1 ||
	    fcntl(arena, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_SEAL) == -1)
		abort();
	p = mmap(NULL, narena, PROT_READ | PROT_WRITE, MAP_SHARED, arena, 0);
	if (p == MAP_FAILED)
		abort();
	for (i = 0; i < 2 * MADE_PAGES; i++) {
		b = i < MADE_PAGES ? &made_json[i] :
		    &made_tile[i - MADE_PAGES];
		memcpy(p + x[i].off, b->p, b->n);
	}
	extents = x;
}

static struct judge_pool *
make_pool(void)
{
	struct watch_build	*b = watch_build_new();
	struct watch_pieces	 image;
	struct judge_pool	*p;
	struct buf		 text = BUF_INIT;
	struct err		 e = ERR_INIT;
	unsigned		 i;

	for (i = 0; i < 50; i++)
		buf_fmt(&text, ".watched-%u.example\n", i);
	if (watch_build_file(b, buf_text(&text), text.n, "bench", &e) == -1)
		abort();
	buf_free(&text);
	watch_build_end(b, &image);
	p = judge_pool_new(b, &image, &e);
	if (p == NULL) {
		fprintf(stderr, "bench_judges: %s\n", e.msg);
		exit(2);
	}
	return p;
}

static void
ask(struct judge_link *j, uint64_t id, int tile)
{
	struct judge_page	q;
	uint64_t		n = id % MADE_PAGES;

	memset(&q, 0, sizeof(q));
	q.ext = extents[n + (tile ? MADE_PAGES : 0)];
	q.tile = tile;
	q.max = q.to = MADE_WIDTH;
	q.first = n * MADE_WIDTH;
	judge_ask_page(j, id, 0, &q);
}

/* One answer: all entries were read; none of them is ours. */
static void
check(struct judge_link *j, const struct judge_reply *r, struct cur *c)
{
	struct judge_page_reply	p;

	(void)j;
	if (!r->ok || judge_page_reply_read(c, &p) == -1 ||
	    p.count != MADE_WIDTH || p.upto != MADE_WIDTH || p.nmatch != 0 ||
	    p.unparsed != 0) {
		fprintf(stderr, "bench_judges: a wrong answer: %s\n", r->msg);
		exit(2);
	}
}

/* Pages a second of ${n} judges. */
static double
run(struct judge_link **j, size_t n, int tile)
{
	struct pollfd		p[2];
	struct judge_reply	r;
	struct timespec		t0, t1;
	struct cur		c;
	size_t			i, asked[2] = { 0, 0 }, left = n * WORK;
	int			rc;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	while (left > 0) {
		for (i = 0; i < n; i++) {
			while (j[i]->waiting < DEPTH && asked[i] < WORK)
				ask(j[i], ++asked[i], tile);
			if (ipc_flush(j[i]->ipc, NULL) == -1)
				abort();
			p[i] = (struct pollfd){ ipc_fd(j[i]->ipc), POLLIN, 0 };
		}
		if (poll(p, (nfds_t)n, -1) < 1)
			abort();
		for (i = 0; i < n; i++) {
			if (p[i].revents == 0)
				continue;
			if (ipc_read(j[i]->ipc, NULL) == -1)
				abort();
			while ((rc = judge_next(j[i], &r, &c)) == 1) {
				check(j[i], &r, &c);
				left--;
			}
			if (rc == -1)
				abort();
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	return (double)(n * WORK) / ((double)(t1.tv_sec - t0.tv_sec) +
	    (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
}

static struct judge_link *
start(struct judge_pool *p, size_t cpu)
{
	struct judge_log	 log = { LOGLIST_STATIC, SPAN_STR("key"), "" };
	struct judge_link	*j;
	struct err		 e = ERR_INIT;
	cpu_set_t		 set;

	j = judge_fork(p, arena, narena, &log, &e);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (j == NULL || sched_setaffinity(j->pid, sizeof(set), &set) == -1) {
		fprintf(stderr, "bench_judges: %s\n", e.msg);
		exit(2);
	}
	return j;
}

static void
print(const char *name, double *v, size_t n)
{
	qsort(v, n, sizeof(*v), made_cmp);
	printf("%-34s %-9s %9.3f %6.2f  goal >= 1.8, aim 1.95\n", name, "x",
	    v[n / 2], v[n - 1] / v[0] - 1);
}

int
main(int argc, char **argv)
{
	static double		 json[99], tile[99];
	struct judge_link	*j[2];
	struct judge_pool	*p;
	size_t			 i, rounds = argc > 1 ?
				    strtoul(argv[1], NULL, 10) : 5;
	double			 one;

	if (argc > 1 && proc_role(argv[1]) != NULL)
		return judge_main();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("SKIP 1 bench: one processor: no two judges\n");
		return 0;
	}
	rounds = rounds < 1 ? 1 : rounds > 99 ? 99 : rounds;
	make_arena();
	p = make_pool();
	j[0] = start(p, 0);
	j[1] = start(p, 1);
	(void)run(j, 2, 1);
	for (i = 0; i < rounds; i++) {
		one = run(j, 1, 0);
		json[i] = run(j, 2, 0) / one;
		one = run(j, 1, 1);
		tile[i] = run(j, 2, 1) / one;
	}
	print("judges_2_over_1_json", json, rounds);
	print("judges_2_over_1_tile", tile, rounds);
	judge_free(j[0], 0);
	judge_free(j[1], 0);
	judge_pool_free(p);
	return 0;
}
