#include "auditor/due.h"

#include "base/clk.h"

#define DAY	(86400 * CLK_SEC)
#define MINUTE	(60 * CLK_SEC)

int64_t
due_at(int64_t not_before, int64_t not_after)
{
	int64_t	life;

	if (not_before == INT64_MIN || not_after == INT64_MIN ||
	    not_after <= not_before)
		return INT64_MIN;
	life = not_after - not_before;
	return not_before + (life < 10 * DAY ? life / 2 : life / 3 * 2);
}

int
due_moved(const struct due_window *w, int64_t start, int64_t end, int64_t now)
{
	if (w->end == INT64_MIN || w->end > now)
		return 0;
	if (start != INT64_MIN && end != INT64_MIN)
		return w->start != start || w->end != end;
	return w->not_before == INT64_MIN || w->not_after == INT64_MIN ||
	    w->end < w->not_before + (w->not_after - w->not_before) / 2;
}

int64_t
due_again(int failures)
{
	return failures <= 1 ? MINUTE : failures == 2 ? 10 * MINUTE :
	    failures == 3 ? 100 * MINUTE : DAY;
}
