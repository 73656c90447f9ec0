#include "base/clk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DAY 86400LL

static int64_t fixed;

int64_t
clk_wall(void)
{
	struct timespec	t;

	if (fixed != 0)
		return fixed;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * CLK_SEC + t.tv_nsec / 1000;
}

int64_t
clk_mono(void)
{
	struct timespec	t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * CLK_SEC + t.tv_nsec / 1000;
}

void
clk_fix(int64_t us)
{
	fixed = us;
}

char *
clk_text(int64_t us, char *out)
{
	time_t		t = (time_t)(us / CLK_SEC - (us % CLK_SEC < 0));
	struct tm	tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, CLK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, CLK_TEXT, "invalid");
	return out;
}

int
clk_parse(const char *s, int64_t *out)
{
	struct tm	 tm;
	const char	*p;
	char		*end;
	int		 hh, mm, n = 0;
	double		 frac = 0;
	int64_t		 t;

	memset(&tm, 0, sizeof(tm));
	p = strptime(s, "%Y-%m-%d", &tm);
	if (p == NULL)
		return -1;
	if (*p == '\0') {
		*out = (int64_t)timegm(&tm) * CLK_SEC;
		return 0;
	}
	if (*p != 'T' && *p != 't' && *p != ' ')
		return -1;
	p = strptime(p + 1, "%H:%M:%S", &tm);
	if (p == NULL)
		return -1;
	if (*p == '.') {
		frac = strtod(p, &end);
		p = end;
	}
	t = (int64_t)timegm(&tm);
	if (strcmp(p, "Z") != 0 && strcmp(p, "z") != 0) {
		if ((*p != '+' && *p != '-') ||
		    sscanf(p + 1, "%2d:%2d%n", &hh, &mm, &n) != 2 ||
		    p[1 + n] != '\0')
			return -1;
		t -= (*p == '+' ? 1 : -1) * (hh * 3600 + mm * 60);
	}
	*out = t * CLK_SEC + (int64_t)(frac * (double)CLK_SEC);
	return 0;
}

int64_t
clk_retry_after(const char *s, int64_t now)
{
	struct tm	 tm;
	const char	*p;
	char		*end;
	long long	 v;

	if (*s >= '0' && *s <= '9') {
		v = strtoll(s, &end, 10);
		if (*end != '\0' && *end != ' ')
			return -1;
		return v > DAY ? DAY : v;
	}
	memset(&tm, 0, sizeof(tm));
	p = strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (p == NULL || *p != '\0')
		return -1;
	v = (long long)timegm(&tm) - now / CLK_SEC;
	return v < 0 ? 0 : v > DAY ? DAY : v;
}

int64_t
clk_backoff(unsigned n, int64_t base, int64_t cap)
{
	uint32_t	r = 0;
	int64_t		w = base;

	while (n-- > 1 && w < cap)
		w *= 2;
	if (w > cap)
		w = cap;
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = 0;
	return w - (int64_t)((double)w / 4 * ((double)r / 4294967296.0));
}
