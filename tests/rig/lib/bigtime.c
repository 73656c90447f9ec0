#include <time.h>

#include "tests/rig/lib/bigtime.h"

uint64_t
bigtime_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t
bigtime_of(const struct bigtime *t, uint64_t i)
{
	const struct bigtime_part *p;
	int k;

	for (k = t->n; k-- > 0;) {
		p = &t->part[k];
		if (i >= p->from)
			return p->ms + (p->rate == 0 ? 0 :
			    (i - p->from) * 1000 / p->rate);
	}
	if (i >= t->start)
		return t->began;
	return t->began - t->span + (uint64_t)((double)i /
	    (double)t->start * (double)t->span);
}

uint64_t
bigtime_size(const struct bigtime *t, uint64_t now)
{
	const struct bigtime_part *p;

	if (t->n == 0)
		return t->start;
	p = &t->part[t->n - 1];
	return p->from + (now <= p->ms ? 0 : (now - p->ms) * p->rate / 1000);
}

int
bigtime_turn(struct bigtime *t, uint64_t now, uint64_t more, uint64_t rate)
{
	uint64_t size = bigtime_size(t, now);

	if (t->n + 2 > BIGTIME_PARTS)
		return -1;
	if (more > 0)
		t->part[t->n++] = (struct bigtime_part){ size, now, 0 };
	t->part[t->n++] = (struct bigtime_part){ size + more, now, rate };
	return 0;
}
