#include "base/clk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DAY 86400LL

/* Clocks that are this near to each other are one. */
#define SAME (5 * CLK_SEC)

static int64_t fixed, shift;

static int64_t
system_clock(void)
{
	struct timespec	t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * CLK_SEC + t.tv_nsec / 1000;
}

int64_t
clk_wall(void)
{
	return fixed != 0 ? fixed : system_clock() + shift;
}

int64_t
clk_follow(int64_t us)
{
	shift = us - system_clock();
	if (shift > -SAME && shift < SAME)
		shift = 0;
	return shift;
}

int64_t
clk_earlier(void)
{
	return fixed != 0 ? fixed : system_clock() + (shift < 0 ? shift : 0);
}

int64_t
clk_later(void)
{
	return fixed != 0 ? fixed : system_clock() + (shift > 0 ? shift : 0);
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

/* ${n} digits, moved over: their number, or -1. */
static int
digits(const char **p, int n)
{
	int	v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

/* "YYYY-MM-DD", moved over: 0 or -1. */
static int
date(const char **p, struct tm *tm)
{
	static const int	days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int			y, m, d, leap;

	if ((y = digits(p, 4)) == -1 || *(*p)++ != '-' ||
	    (m = digits(p, 2)) < 1 || m > 12 || *(*p)++ != '-' ||
	    (d = digits(p, 2)) < 1)
		return -1;
	leap = m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
	if (d > days[m - 1] + leap)
		return -1;
	tm->tm_year = y - 1900;
	tm->tm_mon = m - 1;
	tm->tm_mday = d;
	return 0;
}

/* "HH:MM:SS", moved over: 0 or -1.  A leap second is the next one. */
static int
daytime(const char **p, struct tm *tm)
{
	if ((tm->tm_hour = digits(p, 2)) == -1 || tm->tm_hour > 23 ||
	    *(*p)++ != ':' || (tm->tm_min = digits(p, 2)) == -1 ||
	    tm->tm_min > 59 || *(*p)++ != ':' ||
	    (tm->tm_sec = digits(p, 2)) == -1 || tm->tm_sec > 60)
		return -1;
	return 0;
}

/* ".5", if there is one, moved over: microseconds, or -1. */
static int64_t
fraction(const char **p)
{
	int64_t	us = 0, unit = CLK_SEC;

	if (**p != '.')
		return 0;
	if (*++*p < '0' || **p > '9')
		return -1;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		unit /= 10;
		us += unit * (**p - '0');
	}
	return us;
}

/* "Z" or "+HH:MM" to the end: seconds that are ahead of UTC; 0 or -1. */
static int
offset(const char *p, int64_t *out)
{
	int	sign = *p == '+' ? 1 : -1, h, m;

	*out = 0;
	if (*p == 'Z' || *p == 'z')
		return p[1] == '\0' ? 0 : -1;
	if (*p != '+' && *p != '-')
		return -1;
	p++;
	if ((h = digits(&p, 2)) == -1 || h > 23 || *p++ != ':' ||
	    (m = digits(&p, 2)) == -1 || m > 59 || *p != '\0')
		return -1;
	*out = sign * (h * 3600 + m * 60);
	return 0;
}

int
clk_parse(const char *s, int64_t *out)
{
	struct tm	tm;
	int64_t		us = 0, ahead = 0;

	memset(&tm, 0, sizeof(tm));
	if (date(&s, &tm) == -1)
		return -1;
	if (*s != '\0') {
		if (*s != 'T' && *s != 't' && *s != ' ')
			return -1;
		s++;
		if (daytime(&s, &tm) == -1 || (us = fraction(&s)) == -1 ||
		    offset(s, &ahead) == -1)
			return -1;
	}
	*out = ((int64_t)timegm(&tm) - ahead) * CLK_SEC + us;
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
