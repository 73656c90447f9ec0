#ifndef AUDITOR_NET_METER_H
#define AUDITOR_NET_METER_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Bytes a second, over all processes of one machine that share a file of
 * METER_SIZE bytes, or of one process alone.  One number in it: the moment
 * (CLOCK_MONOTONIC, nanoseconds) at which what was taken so far is paid for.
 */
#define METER_SIZE	8

struct meter {
	uint64_t		 per_sec;	/* 0: no cap */
	_Atomic int64_t		*paid;		/* mapped, or &own */
	_Atomic int64_t		 own;
};

/* ${fd} is borrowed; -1, or one that cannot be mapped: this process alone. */
void meter_open(struct meter *, uint64_t per_sec, int fd);
void meter_close(struct meter *);

/* May bytes come at ${mono} (clk_mono())? */
int meter_ready(const struct meter *, int64_t mono);

/* ${n} came; a tenth of a second's worth is saved up while none do. */
void meter_take(struct meter *, uint64_t n, int64_t mono);

#endif
