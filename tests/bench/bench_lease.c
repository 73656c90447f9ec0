#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auditor/db/db.h"
#include "auditor/db/lease.h"
#include "auditor/db/log_store.h"
#include "auditor/db/migrate.h"
#include "base/clk.h"
#include "base/mem.h"

/*
 * What PostgreSQL takes: pieces of work claimed and done a second, and proven
 * ranges committed a second (as a worker does it: the lease is checked, the
 * range, the day's coverage and the log's health are written), with so many
 * connections at once, each a process.  README has the formulas.
 *
 *   bench_lease        on the server of $CERTVIGIL_TEST_DB
 */
#define ROUNDS		3
#define RUN_US		(CLK_SEC)
#define LOGS		50
#define WORK		"10000"

static const int	clients[] = { 1, 3, 10, 50 };
#define NCLIENTS	(sizeof(clients) / sizeof(clients[0]))

static char		*info;
static uint64_t		*done;		/* shared, one for each client */

static void
need(int ok, const char *what, const struct err *e)
{
	if (ok)
		return;
	(void)fprintf(stderr, "bench_lease: %s: %s\n", what, e->msg);
	exit(2);
}

static struct db *
dial(const char *where)
{
	struct err	 e = ERR_INIT;
	struct db	*db = db_open(where, &e);

	need(db != NULL, "connect", &e);
	return db;
}

static void
admin(const char *sql)
{
	struct err	 e = ERR_INIT;
	struct db	*db = dial(getenv("CERTVIGIL_TEST_DB"));

	need(db_script(db, sql, &e) == 0, sql, &e);
	db_close(db);
}

/* Logs, a head of each, and work. */
static void
fill(void)
{
	static const char	sql[] =
	    "insert into operator (name) values ('bench');"
	    "insert into log (log_id, operator_id, description, protocol, url, "
	    "read_url, key, mmd, state, list_source, first_list) select "
	    "sha256(i::text::bytea), o.id, i::text, 'static', '', '', '', 1, "
	    "'usable', 'file', true from operator o, generate_series(1, 50) i;"
	    "insert into log_health (log_ref) select id from log;"
	    "insert into tree_head (log_ref, tree_size, root_hash, "
	    "timestamp_ms, form, raw, verdict) select id, 1, sha256(''), 1, "
	    "'sth', '', 'valid' from log;"
	    "insert into work (kind, subject) select 'tail', id::text from log;"
	    "insert into work (kind, subject) select 'claim', i::text from "
	    "generate_series(1, " WORK ") i; analyze";
	struct err		e = ERR_INIT;
	struct db		*db = dial(info);

	need(migrate_up(db, 0, NULL, &e) == 0 &&
	    db_script(db, sql, &e) == 0, "fill", &e);
	db_close(db);
}

/* --- what a client does ------------------------------------------------------ */

static struct lease
claim(struct db *db, const char *kind, const char *holder)
{
	struct lease_ask	ask = { .holder = holder,
	    .kinds = { &kind, 1 }, .max = 1, .lease_s = 600 };
	struct lease		l;
	struct err		e = ERR_INIT;
	size_t			n = 0;

	/* all others may be locked just now */
	while (n == 0)
		need(lease_claim(db, &ask, &l, &n, &e) == 0, "claim", &e);
	return l;
}

static void
claims(struct db *db, const char *holder, int64_t until, uint64_t *n)
{
	struct err	e = ERR_INIT;
	struct lease	l;

	for (; clk_mono() < until; (*n)++) {
		l = claim(db, "claim", holder);
		need(lease_done(db, &l, 0, &e) == 0, "done", &e);
		lease_free(&l);
	}
}

static void
commits(struct db *db, const char *holder, int64_t until, uint64_t *n)
{
	static const uint8_t	hash[32];
	struct merkle_range	range;
	struct lease		l = claim(db, "tail", holder);
	struct err		e = ERR_INIT;
	struct range_in		in = { .head_id = 1, .frontier = &range,
	    .log_ref = (int)strtol(l.subject, NULL, 10), .root = hash,
	    .per_second = 1, .watch_set = hash, .log_list = hash,
	    .caught_up = 1 };

	memset(&range, 0, sizeof(range));
	merkle_start(&range, 0);
	/* as many hashes as a tree of a billion has */
	range.n = 16;
	/* further each time, also in the next round */
	for (range.to = (uint64_t)clk_wall(); clk_mono() < until;
	    range.to++, (*n)++)
		need(db_begin(db, &e) == 0 && lease_check(db, &l, &e) == 0 &&
		    range_store(db, &in, &e) == 0 && db_commit(db, &e) == 0,
		    "commit", &e);
	need(lease_done(db, &l, 0, &e) == 0, "done", &e);
	lease_free(&l);
}

/* --- rounds -------------------------------------------------------------------- */

typedef void (*client)(struct db *, const char *, int64_t, uint64_t *);

/* Operations a second by ${n} processes; all of them begin together. */
static double
run(client what, int n)
{
	int64_t		begin = clk_mono() + CLK_SEC / 2 + n * 10000;
	uint64_t	sum = 0;
	char		holder[40];
	int		i, st, ok = 1;

	for (i = 0; i < n; i++) {
		struct db	*db;

		done[i] = 0;
		if (fork() != 0)
			continue;
		db = dial(info);
		(void)snprintf(holder, sizeof(holder), "bench:%d", i);
		while (clk_mono() < begin)
			(void)usleep(500);
		what(db, holder, begin + RUN_US, &done[i]);
		db_close(db);
		_exit(0);
	}
	while (wait(&st) > 0)
		ok &= WIFEXITED(st) && WEXITSTATUS(st) == 0;
	need(ok, "a client failed", &(struct err)ERR_INIT);
	for (i = 0; i < n; i++)
		sum += done[i];
	return (double)sum * (double)CLK_SEC / (double)RUN_US;
}

static int
by_value(const void *a, const void *b)
{
	const double	x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
say(const char *what, int n, double v[ROUNDS])
{
	char	name[40];

	qsort(v, ROUNDS, sizeof(*v), by_value);
	(void)snprintf(name, sizeof(name), "%s_%d", what, n);
	(void)printf("%-34s %-9s %9.0f %6.2f\n", name, "1/s", v[ROUNDS / 2],
	    v[ROUNDS - 1] / v[0] - 1);
}

int
main(void)
{
	static double	 v[2][NCLIENTS][ROUNDS];
	const char	*server = getenv("CERTVIGIL_TEST_DB");
	size_t		 c;
	int		 r;

	if (server == NULL) {
		(void)printf("SKIP 1 bench_lease: no PostgreSQL\n");
		return 0;
	}
	info = mem_printf("%s dbname=bench_lease", server);
	done = mmap(NULL, LOGS * sizeof(*done), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	admin("drop database if exists bench_lease");
	admin("create database bench_lease template template0");
	fill();
	for (r = 0; r < ROUNDS; r++)
		for (c = 0; c < NCLIENTS; c++) {
			v[0][c][r] = run(claims, clients[c]);
			v[1][c][r] = run(commits, clients[c]);
		}
	for (c = 0; c < NCLIENTS; c++)
		say("lease_claims", clients[c], v[0][c]);
	for (c = 0; c < NCLIENTS; c++)
		say("range_commits", clients[c], v[1][c]);
	admin("drop database bench_lease");
	free(info);
	return 0;
}
