#include <sys/resource.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rig/lib/args.h"
#include "tests/rig/lib/bigadmin.h"

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
put_stats(const struct bigserve *v, struct buf *b)
{
	static const char *const names[BIGKIND_MAX] = { "get-sth",
	    "get-entries", "get-sth-consistency", "get-proof-by-hash",
	    "get-roots", "checkpoint", "tile", "data", "issuer" };
	struct rusage u;
	int i, k;

	(void)getrusage(RUSAGE_SELF, &u);
	buf_fmt(b, "{\"tree_size\":%llu,\"entries\":%llu,\"bytes\":%llu,"
	    "\"not_modified\":%llu,\"connections\":%d,\"user_s\":%.3f,"
	    "\"sys_s\":%.3f,\"logs\":{", (unsigned long long)v->heads.size,
	    (unsigned long long)v->entries, (unsigned long long)v->bytes,
	    (unsigned long long)v->seen_304, bighttp_connections(v->http),
	    seconds(u.ru_utime), seconds(u.ru_stime));
	for (i = 0; i < v->heads.n; i++) {
		buf_fmt(b, "%s\"%s\":{", i == 0 ? "" : ",",
		    v->heads.log[i].name);
		for (k = 0; k < BIGKIND_MAX; k++)
			buf_fmt(b, "%s\"%s\":%llu", k == 0 ? "" : ",",
			    names[k], (unsigned long long)v->requests[i][k]);
		buf_str(b, "}");
	}
	buf_str(b, "},\"faults\":");
	bigfault_tell(&v->faults, b);
	buf_str(b, "}");
}

/* Another rate; ${more} entries at once. */
static int
turn(struct bigserve *v, uint64_t more, uint64_t rate)
{
	uint64_t now = bigtime_now();

	bigserve_tick(v);
	if (bigtime_turn(&v->core->time, now, more, rate) == -1)
		return -1;
	bigserve_tick(v);
	return 0;
}

static uint64_t
rate_now(const struct bigserve *v)
{
	const struct bigtime *t = &v->core->time;

	return t->n == 0 ? 0 : t->part[t->n - 1].rate;
}

static void
put_oracle(const struct bigserve *v, const char *query, struct buf *b)
{
	uint64_t from = (uint64_t)args_number(query, "from", 0);
	uint64_t to = (uint64_t)args_number(query, "to",
	    (int64_t)v->heads.size);

	if (to > v->heads.size)
		to = v->heads.size;
	bigcore_oracle(v->core, from, to,
	    args_number(query, "near", 0) != 0, b);
}

void
bigadmin_serve(struct bigserve *v, const char *path, const char *query,
    struct bigres *s)
{
	int64_t n = args_number(query, "n", -1);
	uint64_t size;
	struct err e = ERR_INIT;

	s->type = "application/json";
	if (strcmp(path, "stats") == 0) {
		put_stats(v, &s->body);
		return;
	}
	if (strcmp(path, "oracle") == 0) {
		put_oracle(v, query, &s->body);
		return;
	}
	if (strcmp(path, "honest") == 0)
		v->faults.n = 0;
	else if (strcmp(path, "fault") == 0)
		(void)bigfault_add(&v->faults, query, &e);
	else if (strcmp(path, "rate") == 0 && n >= 0) {
		if (turn(v, 0, (uint64_t)n) == -1)
			err_set(&e, ERR_LIMIT, "too many changes");
	} else if (strcmp(path, "size") == 0 && n >= 0) {
		bigserve_tick(v);
		size = v->heads.size;
		if ((uint64_t)n < size || turn(v, (uint64_t)n - size,
		    rate_now(v)) == -1)
			err_set(&e, ERR_USAGE, "size: must be larger than it "
			    "is, and not changed that often");
	} else
		err_set(&e, ERR_USAGE, "%s: no such request", path);
	if (e.code != ERR_NONE) {
		s->status = 400;
		buf_fmt(&s->body, "{\"error\":\"%s\"}\n", e.msg);
	} else
		buf_fmt(&s->body, "{\"tree_size\":%llu}\n",
		    (unsigned long long)v->heads.size);
}
