#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "auditor/cmd/doctor.h"
#include "auditor/db/cost_store.h"
#include "base/mem.h"

/*
 * Figures of docs/operations.md, for what this instance has not measured
 * itself.  Bytes an entry on the wire: tiles in production average 167 kB for
 * 256 entries, 256 entries of get-entries 679 kB, both compressed.
 */
#define WIRE_PAGE	2650.0
#define WIRE_TILE	650.0
/* Entries a day of all public logs together, and how many logs that are. */
#define ALL_DAY		300e6
#define ALL_LOGS	48.0
/* A match with its certificate, names and issuance in the database. */
#define MATCH_BYTES	6400.0
/* A day of heads and coverage, for each log. */
#define LOG_DAY		20e3
/* Memory of all processes, and of each log beside them. */
#define BASE_MB		17.0
#define LOG_MB		0.12
/* Fewer matches say nothing about the next. */
#define ENOUGH		100
#define SPACE_DAYS	14.0
/* Nobody plans for longer. */
#define YEARS		10

/* How many logs there are, or will be. */
static int64_t
logs_of(const struct cost *c)
{
	return c->logs[0] + c->logs[1] > 0 ? c->logs[0] + c->logs[1] :
	    (int64_t)ALL_LOGS;
}

static double
wire_of(const struct cost *c, int tiles)
{
	return c->wire[tiles] > 0 ? c->wire[tiles] :
	    tiles ? WIRE_TILE : WIRE_PAGE;
}

/* Entries a day of logs of one kind; those whose growth is not known count
   as the average public log. */
static double
entries_of(const struct cost *c, int tiles)
{
	return c->entries_day[tiles] + ALL_DAY / ALL_LOGS *
	    (double)(c->logs[tiles] - c->growing[tiles]);
}

/* Before the first list of logs: what to expect of all of them. */
static void
expected(struct doctor *d)
{
	d->more = json_pack("{s:I, s:f, s:f, s:f, s:f, s:b}", "logs",
	    (json_int_t)0, "entries_per_day", ALL_DAY, "bytes_per_day",
	    ALL_DAY * WIRE_PAGE, "bytes_per_entry", WIRE_PAGE,
	    "bytes_per_tile_entry", WIRE_TILE, "measured", 0);
	doctor_say(d, DOCTOR_OK, "download", "no log is known yet; all public "
	    "ones grow by %.0f million entries a day: %.0f GB where they give "
	    "tiles, %.0f GB where they do not, or %.0f to %.0f Mbit/s (an "
	    "estimate, by the averages of public logs)", ALL_DAY / 1e6,
	    ALL_DAY * WIRE_TILE / 1e9, ALL_DAY * WIRE_PAGE / 1e9,
	    ALL_DAY * WIRE_TILE * 8 / 86400e6,
	    ALL_DAY * WIRE_PAGE * 8 / 86400e6);
}

static void
download(struct doctor *d, const struct cost *c)
{
	double		 entries = 0, bytes = 0;
	int64_t		 cap = d->ctx->conf->fetch_max_rate;
	int64_t		 logs = c->logs[0] + c->logs[1];
	int64_t		 known = c->growing[0] + c->growing[1];
	const char	*how;
	int		 k, measured = c->wire[0] > 0 || c->wire[1] > 0;

	for (k = 0; k < 2; k++) {
		entries += entries_of(c, k);
		bytes += entries_of(c, k) * wire_of(c, k);
	}
	if (logs == 0) {
		expected(d);
		return;
	}
	how = known == logs && measured ? "measured here" : known == 0 &&
	    !measured ? "by the averages of public logs" :
	    "in part measured here, else by the averages of public logs";
	d->more = json_pack("{s:I, s:f, s:f, s:f, s:f, s:b}", "logs",
	    (json_int_t)logs, "entries_per_day", entries, "bytes_per_day",
	    bytes, "bytes_per_entry", wire_of(c, 0), "bytes_per_tile_entry",
	    wire_of(c, 1), "measured", known == logs && measured);
	if (cap > 0 && bytes / 86400 > (double)cap)
		doctor_say(d, DOCTOR_WARN, "download", "%lld logs grow by "
		    "%.1f million entries a day, %.1f GB, or %.1f MB/s; "
		    "fetch.max_rate is less, so they are never caught up "
		    "with (an estimate, %s)", (long long)logs, entries / 1e6,
		    bytes / 1e9, bytes / 86400e6, how);
	else
		doctor_say(d, DOCTOR_OK, "download", "%lld logs grow by %.1f "
		    "million entries a day: %.1f GB, or %.1f Mbit/s (an "
		    "estimate, %s)", (long long)logs, entries / 1e6,
		    bytes / 1e9, bytes * 8 / 86400e6, how);
}

/* Bytes a day that the database grows by; *${how} is where that is from. */
static double
growth(const struct cost *c, const char **how)
{
	double	each = c->entries >= ENOUGH && c->match_bytes > MATCH_BYTES ?
		    c->match_bytes : MATCH_BYTES;

	if (c->growth.bytes_day > 0) {
		*how = "as since it was made";
		return c->growth.bytes_day;
	}
	*how = "by what a match and a log took elsewhere";
	return c->matches_day * each +
	    LOG_DAY * (double)logs_of(c);
}

static void
rows(struct doctor *d, const struct cost *c)
{
	d->more = json_pack("{s:f, s:I, s:f}", "matches_per_day",
	    c->matches_day, "entries", (json_int_t)c->entries,
	    "bytes_per_match", c->entries >= ENOUGH ? c->match_bytes :
	    MATCH_BYTES);
	doctor_say(d, DOCTOR_OK, "rows", "%lld entries matched so far, %.1f a "
	    "day lately; only those are kept", (long long)c->entries,
	    c->matches_day);
}

static void
disk(struct doctor *d, const struct cost *c)
{
	const char	*how;
	double		 day = growth(c, &how), left, days;
	char		 span[40];
	struct statvfs	 v;

	if (strcmp(d->ctx->conf->database, "embedded") != 0 ||
	    statvfs(d->ctx->conf->state_dir, &v) == -1) {
		d->more = json_pack("{s:I, s:f}", "bytes",
		    (json_int_t)c->growth.size, "bytes_per_day", day);
		doctor_say(d, DOCTOR_OK, "growth", "database of %.1f MB, "
		    "growing by %.2f MB a day (an estimate, %s); the disk is "
		    "its server's", (double)c->growth.size / 1e6, day / 1e6, how);
		return;
	}
	left = (double)v.f_bavail * (double)v.f_frsize;
	days = day > 0 ? left / day : YEARS * 365.0;
	if (days >= YEARS * 365.0)
		(void)snprintf(span, sizeof(span), "more than %d years", YEARS);
	else
		(void)snprintf(span, sizeof(span), "%.0f days", days);
	d->more = json_pack("{s:I, s:f, s:f, s:f}", "bytes",
	    (json_int_t)c->growth.size, "bytes_per_day", day, "free_bytes", left,
	    "days_left", days);
	doctor_say(d, days < SPACE_DAYS ? DOCTOR_WARN : DOCTOR_OK, "growth",
	    "database of %.1f MB, growing by %.2f MB a day: %.1f GB are free, "
	    "which is enough for %s (an estimate, %s)%s",
	    (double)c->growth.size / 1e6, day / 1e6, left / 1e9, span, how,
	    days < SPACE_DAYS ? "; make room" : "");
}

/* One that runs. */
struct process {
	long	pid, parent;
	long	kb;		/* PSS; -1: it shows that to root alone */
	int	ours;
};

/* The number behind ${key} in a file of a process; -1. */
static long
number_of(const char *pid, const char *file, const char *key)
{
	char	 path[64], line[128];
	long	 v = -1;
	FILE	*f;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, file);
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (v == -1 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtol(line + strlen(key), NULL, 10);
	(void)fclose(f);
	return v;
}

/* All but ourselves; ours are those that run this very program. */
static struct process *
processes(size_t *n)
{
	char		 own[4096], exe[4096], path[64];
	struct dirent	*x;
	struct process	*v = NULL, *p;
	DIR		*dir = opendir("/proc");
	ssize_t		 k, have = readlink("/proc/self/exe", own, sizeof(own));
	size_t		 cap = 0;

	*n = 0;
	while (dir != NULL && (x = readdir(dir)) != NULL) {
		if (!isdigit((unsigned char)x->d_name[0]) ||
		    strtol(x->d_name, NULL, 10) == (long)getpid())
			continue;
		v = mem_grow(v, &cap, *n + 1, sizeof(*v));
		p = &v[(*n)++];
		(void)snprintf(path, sizeof(path), "/proc/%.20s/exe",
		    x->d_name);
		k = readlink(path, exe, sizeof(exe));
		p->pid = strtol(x->d_name, NULL, 10);
		p->parent = number_of(x->d_name, "status", "PPid:");
		p->ours = k > 0 && k == have && memcmp(exe, own, (size_t)k) ==
		    0;
		p->kb = number_of(x->d_name, "smaps_rollup", "Pss:");
	}
	if (dir != NULL)
		(void)closedir(dir);
	return v;
}

/*
 * kB of all that runs, how many processes that is, and how many of them do
 * not show theirs: most of ours let nobody but root look, and are known by
 * their parents.
 */
static long
pss(size_t *n, size_t *hidden)
{
	struct process	*v;
	size_t		 i, k, all;
	long		 sum = 0;
	int		 more;

	*n = *hidden = 0;
	v = processes(&all);
	do {
		more = 0;
		for (i = 0; i < all; i++)
			for (k = 0; k < all && !v[i].ours; k++)
				if (v[k].ours && v[k].pid == v[i].parent)
					more = v[i].ours = 1;
	} while (more);
	for (i = 0; i < all; i++) {
		*n += v[i].ours != 0;
		*hidden += v[i].ours && v[i].kb == -1;
		if (v[i].ours && v[i].kb != -1)
			sum += v[i].kb;
	}
	free(v);
	return sum;
}

static void
memory(struct doctor *d, int64_t logs)
{
	size_t	n, hidden;
	long	kb = pss(&n, &hidden);
	double	mb = (double)kb / 1024;
	char	why[120];

	if (n != 0 && hidden == 0) {
		d->more = json_pack("{s:I, s:f, s:b}", "processes",
		    (json_int_t)n, "megabytes", mb, "measured", 1);
		doctor_say(d, DOCTOR_OK, "memory", "%.0f MB in %zu processes "
		    "that run now (PSS)", mb, n);
		return;
	}
	mb = BASE_MB + LOG_MB * (double)logs;
	d->more = json_pack("{s:f, s:f, s:I, s:b}", "megabytes", mb,
	    "megabytes_per_log", LOG_MB, "processes", (json_int_t)n,
	    "measured", 0);
	if (n == 0)
		(void)snprintf(why, sizeof(why), "it is not seen to run");
	else
		(void)snprintf(why, sizeof(why), "what %zu of the %zu "
		    "processes that run now take is not shown to user %ld",
		    hidden, n, (long)geteuid());
	doctor_say(d, DOCTOR_OK, "memory", "about %.0f MB for %lld logs that "
	    "are caught up with, and up to 16 MB for each that is behind (an "
	    "estimate: %s)", mb, (long long)logs, why);
}

void
doctor_cost(struct doctor *d)
{
	struct cost	c;
	struct err	e = ERR_INIT;

	if (d->ctx->db == NULL) {
		expected(d);
		memory(d, (int64_t)ALL_LOGS);
		return;
	}
	if (cost_store_now(d->ctx->db, &c, &e) == -1) {
		doctor_say(d, DOCTOR_FAIL, "database", "%s", e.msg);
		return;
	}
	download(d, &c);
	rows(d, &c);
	disk(d, &c);
	memory(d, logs_of(&c));
}
