#include "auditor/net/meter.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/clk.h"

#define NS	1000		/* of a microsecond */
#define SAVED	(100 * CLK_SEC / 1000 * NS)
/* Nobody owes so much: the machine was started again since. */
#define ABSURD	(600 * CLK_SEC * NS)

void
meter_open(struct meter *m, uint64_t per_sec, int fd)
{
	struct stat	 st;
	void		*p = MAP_FAILED;

	m->per_sec = per_sec;
	m->own = 0;
	if (per_sec != 0 && fd != -1 && fstat(fd, &st) == 0 &&
	    st.st_size >= METER_SIZE)
		p = mmap(NULL, METER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	m->paid = p != MAP_FAILED ? p : &m->own;
}

void
meter_close(struct meter *m)
{
	if (m->paid != NULL && m->paid != &m->own)
		(void)munmap((void *)m->paid, METER_SIZE);
	m->paid = NULL;
}

int
meter_ready(const struct meter *m, int64_t mono)
{
	int64_t	paid;

	if (m->per_sec == 0)
		return 1;
	paid = atomic_load_explicit(m->paid, memory_order_relaxed);
	return paid <= mono * NS || paid > mono * NS + ABSURD;
}

void
meter_take(struct meter *m, uint64_t n, int64_t mono)
{
	int64_t	now = mono * NS, was, next;

	if (m->per_sec == 0)
		return;
	was = atomic_load_explicit(m->paid, memory_order_relaxed);
	do {
		next = was < now - SAVED || was > now + ABSURD ? now - SAVED :
		    was;
		next += (int64_t)((double)n * CLK_SEC * NS /
		    (double)m->per_sec);
	} while (!atomic_compare_exchange_weak_explicit(m->paid, &was, next,
	    memory_order_relaxed, memory_order_relaxed));
}
