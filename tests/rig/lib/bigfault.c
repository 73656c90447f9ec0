#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/args.h"
#include "tests/rig/lib/bigfault.h"
#include "tests/rig/lib/bigtime.h"

static const char *const known[] =
    { "429", "404", "500", "503", "slow", "stall", "reset" };

int
bigfault_add(struct bigfaults *fs, const char *text, struct err *e)
{
	struct bigfault *f = &fs->f[fs->n];
	char *query = mem_printf("%s%s", strncmp(text, "fault=", 6) == 0 ?
	    "" : "fault=", text), *p;
	size_t i, n = sizeof(known) / sizeof(known[0]);

	for (p = query; *p != '\0'; p++)
		if (*p == ',')
			*p = '&';
	if (fs->n == BIGFAULTS) {
		free(query);
		return err_set(e, ERR_USAGE, "at most %d faults", BIGFAULTS);
	}
	memset(f, 0, sizeof(*f));
	args_copy(query, "fault", f->what, sizeof(f->what));
	args_copy(query, "match", f->match, sizeof(f->match));
	f->times = args_number(query, "times", -1);
	f->rate = args_number(query, "rate", 0);
	f->retry = args_number(query, "retry", 1);
	free(query);
	for (i = 0; i < n && strcmp(known[i], f->what) != 0;)
		i++;
	if (i == n)
		return err_set(e, ERR_USAGE, "fault %s: must be 429, 404, "
		    "500, 503, slow, stall or reset", f->what);
	fs->n++;
	return 0;
}

/* Is it this fault's turn? */
static int
applies(struct bigfault *f, const char *target)
{
	uint64_t second = bigtime_now() / 1000;

	if (f->times == 0 || strstr(target, f->match) == NULL)
		return 0;
	if (second != f->second) {
		f->second = second;
		f->used = 0;
	}
	if (f->rate > 0 && f->used < (uint64_t)f->rate) {
		f->used++;
		return 0;
	}
	if (f->times > 0)
		f->times--;
	f->told++;
	return 1;
}

static int
tell(const struct bigfault *f, struct bigres *s)
{
	if (strcmp(f->what, "slow") == 0) {
		s->pace = BIGPACE_SLOW;
		return 0;		/* but the answer is the right one */
	}
	if (strcmp(f->what, "stall") == 0)
		s->pace = BIGPACE_STALL;
	else if (strcmp(f->what, "reset") == 0)
		s->pace = BIGPACE_RESET;
	else {
		s->status = (int)strtol(f->what, NULL, 10);
		s->type = "text/plain";
		buf_fmt(&s->body, "fault %s\n", f->what);
		if (s->status == 429 && f->retry >= 0)
			buf_fmt(&s->head, "Retry-After: %ld\r\n", f->retry);
	}
	return 1;
}

int
bigfault_hit(struct bigfaults *fs, const struct bigreq *r, struct bigres *s)
{
	char *target;
	int i, hit = 0;

	if (fs->n == 0)
		return 0;
	target = mem_printf("%s?%s", r->path, r->query);
	for (i = 0; i < fs->n && !hit; i++)
		if (applies(&fs->f[i], target))
			hit = tell(&fs->f[i], s);
	free(target);
	return hit;
}

void
bigfault_tell(const struct bigfaults *fs, struct buf *out)
{
	int i;

	buf_str(out, "[");
	for (i = 0; i < fs->n; i++)
		buf_fmt(out, "%s{\"fault\":\"%s\",\"match\":\"%s\","
		    "\"told\":%llu}", i == 0 ? "" : ",", fs->f[i].what,
		    fs->f[i].match, (unsigned long long)fs->f[i].told);
	buf_str(out, "]");
}
