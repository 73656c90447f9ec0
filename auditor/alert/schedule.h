#ifndef AUDITOR_ALERT_SCHEDULE_H
#define AUDITOR_ALERT_SCHEDULE_H

#include <stdint.h>

/*
 * When a delivery is tried again: 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h,
 * 14 h, 20 h, 24 h (Standard Webhooks 1.0.0), about 76 hours in all.  Pure.
 */
#define SCHEDULE_ATTEMPTS 10

/*
 * Microseconds to wait after ${attempts} attempts that failed (1, 2, ...),
 * with up to a tenth of jitter on top (${jitter}: any 32 random bits), but
 * not less than ${retry_after} seconds (-1: none given; at most a day
 * counts).  -1: the schedule is exhausted.
 */
int64_t schedule_wait(unsigned attempts, int64_t retry_after, uint32_t jitter);

#endif
