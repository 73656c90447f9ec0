#include "auditor/role/acme_pace.h"

#include <string.h>

#include "base/clk.h"

/* Of a CA that says nothing: new orders a second, at first and at most. */
#define PER_SEC	50.
#define MAX	1000.
#define BURST	64.
/* Without a Retry-After; as the flow itself waits (acme/flow.c). */
#define HOLD_S	10

/* Let's Encrypt: 300 new orders in three hours, one more each 36 s. */
static const struct { const char *host; double per_sec, burst; } known[] = {
	{ "https://acme-v02.api.letsencrypt.org/", 1. / 36, 300 },
};

void
acme_pace_init(struct acme_pace *p, const char *directory, int64_t now)
{
	size_t	i;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(directory, known[i].host, strlen(known[i].host))
		    == 0) {
			rate_init(&p->orders, known[i].per_sec,
			    known[i].burst, known[i].per_sec, now);
			return;
		}
	rate_init(&p->orders, PER_SEC, BURST, MAX, now);
}

int64_t
acme_pace_when(struct acme_pace *p, int fresh, int64_t now)
{
	int64_t	when = fresh ? now + rate_ready(&p->orders, now) : now;

	return when > p->until ? when : p->until;
}

void
acme_pace_sent(struct acme_pace *p, uint64_t id, int fresh, int64_t now)
{
	if (!fresh)
		return;
	rate_take(&p->orders, now);
	if (p->nfresh < LIMIT_ACME_FLIGHT)
		p->fresh[p->nfresh++] = id;
}

/* Was it a newOrder?  Once. */
static int
was_fresh(struct acme_pace *p, uint64_t id)
{
	size_t	i;

	for (i = 0; i < p->nfresh; i++)
		if (p->fresh[i] == id) {
			p->fresh[i] = p->fresh[--p->nfresh];
			return 1;
		}
	return 0;
}

void
acme_pace_said(struct acme_pace *p, uint64_t id, unsigned status,
    const char *retry_after, int64_t now)
{
	int	fresh = was_fresh(p, id);
	int64_t	secs = *retry_after != '\0' ? clk_retry_after(retry_after,
		    now) : -1;

	if (secs > ACME_PACE_HOLD)
		secs = ACME_PACE_HOLD;
	if (fresh && status == 201)
		rate_ok(&p->orders);
	if (status != 429 && (status != 503 || secs < 0))
		return;
	if (fresh)
		rate_429(&p->orders, secs < 0 ? HOLD_S : secs, now);
	else if (now + (secs < 0 ? HOLD_S : secs) * CLK_SEC > p->until)
		p->until = now + (secs < 0 ? HOLD_S : secs) * CLK_SEC;
}
