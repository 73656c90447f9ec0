#include "auditor/alert/schedule.h"

#include <stddef.h>

#include "base/clk.h"

#define MINUTE	60
#define HOUR	3600

/* Seconds before the second, third ... attempt. */
static const int64_t waits[SCHEDULE_ATTEMPTS - 1] = {
	5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR,
	20 * HOUR, 24 * HOUR
};

int64_t
schedule_wait(unsigned attempts, int64_t retry_after, uint32_t jitter)
{
	int64_t us, asked;

	if (attempts == 0)
		return 0;
	if (attempts >= SCHEDULE_ATTEMPTS)
		return -1;
	us = waits[attempts - 1] * CLK_SEC;
	us += us / 10 * (int64_t)(jitter % 1000) / 1000;
	if (retry_after > 24 * HOUR)
		retry_after = 24 * HOUR;
	asked = retry_after * CLK_SEC;
	return asked > us ? asked : us;
}
