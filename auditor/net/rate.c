#include "auditor/net/rate.h"

#include <math.h>
#include <string.h>

#include "base/clk.h"

#define HOLD_MIN (1 * CLK_SEC)	/* after a 429 that names no time */
#define HOLD_MAX (60 * CLK_SEC)
#define HOLD_CAP (24 * 3600 * CLK_SEC)	/* whatever Retry-After says */

void
rate_init(struct rate *r, double per_sec, double burst, double max,
    int64_t now)
{
	memset(r, 0, sizeof(*r));
	r->per_sec = per_sec;
	r->min_per_sec = per_sec / 1024;
	r->max_per_sec = max > per_sec ? max : per_sec;
	r->step = per_sec / 100;
	r->burst = burst >= 1 ? burst : 1;
	r->parts = 1;
	r->tokens = r->burst;
	r->last = now;
	r->hold_until = now;
	r->cut_at = INT64_MIN / 2;
}

/* Our part of the burst; nobody can save less than one. */
static double
burst(const struct rate *r)
{
	return r->burst > r->parts ? r->burst / r->parts : 1;
}

/* Bring tokens up to ${now}; a held bucket does not fill. */
static void
refill(struct rate *r, int64_t now)
{
	int64_t	from = r->last > r->hold_until ? r->last : r->hold_until;

	if (now > from) {
		r->tokens += (double)(now - from) * r->per_sec / CLK_SEC;
		if (r->tokens > burst(r))
			r->tokens = burst(r);
	}
	if (now > r->last)
		r->last = now;
}

int64_t
rate_ready_behind(struct rate *r, double keep, int64_t now)
{
	int64_t	wait = 0;
	double	need = keep + 1;

	if (need > burst(r))
		need = burst(r);
	refill(r, now);
	if (now < r->hold_until)
		wait = r->hold_until - now;
	/* A rounding error must not cost a wake-up. */
	if (r->tokens < need - 1e-9)
		wait += (int64_t)ceil((need - r->tokens) * CLK_SEC /
		    r->per_sec - 1e-6);
	return wait;
}

int64_t
rate_ready(struct rate *r, int64_t now)
{
	return rate_ready_behind(r, 0, now);
}

void
rate_take(struct rate *r, int64_t now)
{
	refill(r, now);
	r->tokens -= 1;
}

void
rate_ok(struct rate *r)
{
	double	most = r->max_per_sec / r->parts;

	double	more = r->per_sec + r->step > most ? most - r->per_sec :
		    r->step;

	r->per_sec += more;
	r->grown += more;
}

/* Between the least and the most, of our part. */
static double
within(const struct rate *r, double per_sec)
{
	if (per_sec < r->min_per_sec / r->parts)
		return r->min_per_sec / r->parts;
	if (per_sec > r->max_per_sec / r->parts)
		return r->max_per_sec / r->parts;
	return per_sec;
}

/*
 * Requests that were under way together are refused together: that is one
 * piece of news, not many.  Two intervals of the rate (at least one second)
 * is how long it is old news.
 */
static int
cut(struct rate *r, double factor, int64_t now)
{
	int64_t	window = (int64_t)(2 * CLK_SEC / r->per_sec);

	if (window < CLK_SEC)
		window = CLK_SEC;
	if (window > HOLD_MAX)
		window = HOLD_MAX;
	if (now < r->cut_at + window)
		return 0;
	r->cut_at = now;
	r->per_sec = within(r, r->per_sec * factor);
	r->grown = 0;
	return 1;
}

int
rate_429(struct rate *r, int64_t retry_after, int64_t now)
{
	int64_t	hold;
	int	news;

	refill(r, now);
	news = cut(r, 0.5, now);
	if (retry_after >= 0) {
		hold = retry_after < HOLD_CAP / CLK_SEC ?
		    retry_after * CLK_SEC : HOLD_CAP;
	} else {
		hold = (int64_t)(2 * CLK_SEC / r->per_sec);
		if (hold < HOLD_MIN)
			hold = HOLD_MIN;
		if (hold > HOLD_MAX)
			hold = HOLD_MAX;
	}
	if (now + hold > r->hold_until)
		r->hold_until = now + hold;
	/* What was saved up is what was too much: begin anew with one. */
	if (r->tokens > 1)
		r->tokens = 1;
	return news;
}

int
rate_5xx(struct rate *r, int64_t now)
{
	refill(r, now);
	return cut(r, 0.75, now);
}

void
rate_share(struct rate *r, double all, unsigned parts, int64_t now)
{
	refill(r, now);
	r->parts = parts > 1 ? parts : 1;
	r->per_sec = within(r, all / r->parts);
	r->grown = 0;
	if (r->tokens > burst(r))
		r->tokens = burst(r);
}

void
rate_hold(struct rate *r, int64_t us, int64_t now)
{
	refill(r, now);
	if (us > HOLD_CAP)
		us = HOLD_CAP;
	if (us <= 0 || now + us <= r->hold_until)
		return;
	r->hold_until = now + us;
	if (r->tokens > 1)
		r->tokens = 1;
}
