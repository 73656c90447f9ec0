#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/directory.h"
#include "acme/flow.h"
#include "base/clk.h"
#include "base/limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define NOW (1780000000 * CLK_SEC)
#define ASKS_MAX 500

/* The next part, up to a zero byte. */
static struct span
part(struct cur *c)
{
	struct span	rest = cur_rest(c), s = rest;
	const uint8_t	*z = rest.n != 0 ? memchr(rest.p, 0, rest.n) : NULL;

	if (z != NULL)
		s.n = (size_t)(z - rest.p);
	(void)cur_skip(c, z != NULL ? s.n + 1 : s.n);
	return s;
}

static struct flow *
begin(const struct url_pin *pin)
{
	static const char *const	names[] = { "a.example" };
	static const enum challenge_type prefer[] = { CHALLENGE_HTTP_01,
				    CHALLENGE_DNS_01 };
	struct flow_want		want = { .names = names, .nnames = 1,
				    .prefer = prefer, .nprefer = 2,
				    .replaces = "a.b", .alternates = 1,
				    .deadline = NOW + 3600 * CLK_SEC };
	struct directory		d;
	struct flow			*f;

	if (directory_read(&d, SPAN_STR("{\"newNonce\":\"https://ca.example/n"
	    "\",\"newAccount\":\"https://ca.example/a\",\"newOrder\":"
	    "\"https://ca.example/o\",\"renewalInfo\":"
	    "\"https://ca.example/r\"}"), pin, NULL) == -1)
		abort();
	f = flow_start(&d, pin, &want, NULL);
	directory_free(&d);
	return f;
}

static void
serve(struct flow *f, int64_t now)
{
	struct flow_place	p;
	unsigned		bits = flow_events(f);
	size_t			i;

	for (i = 0; i < flow_places(f); i++) {
		flow_place(f, i, &p);
		if (p.state == FLOW_PLACE_WANTED && i % 3 == 2)
			flow_not_placed(f, i, "no", now);
		else if (p.state == FLOW_PLACE_WANTED)
			flow_placed(f, i, now);
		flow_removed(f, i);
	}
	if (bits & FLOW_FINALIZE && flow_finalize(f, "MII", now, NULL) == -1)
		__builtin_trap();
	if (bits & FLOW_PICK)
		flow_pick(f, 0);
}

/* Stored and loaded it is the same. */
static struct flow *
reload(struct flow *f, const struct flow_resume *how)
{
	struct buf	a = BUF_INIT, b = BUF_INIT;
	unsigned	end = flow_events(f) & (FLOW_DONE | FLOW_FAILED);

	flow_save(f, &a);
	flow_free(f);
	f = flow_load(buf_bytes(&a), how, NULL);
	if (f == NULL || (end != 0 && (flow_events(f) & end) == 0))
		__builtin_trap();
	flow_save(f, &b);
	flow_free(f);
	f = flow_load(buf_bytes(&b), how, NULL);
	if (f == NULL)
		__builtin_trap();
	buf_reset(&a);
	flow_save(f, &a);
	if (a.n != b.n || memcmp(a.p, b.p, a.n) != 0)
		__builtin_trap();
	buf_free(&a);
	buf_free(&b);
	return f;
}

/* One answer: a letter for the status, then the body. */
static void
answer(struct flow *f, uint32_t id, struct span s, int64_t now)
{
	static const long	status[] = { 200, 201, 400, 403, 404, 409,
				    429, 500, 0, 302 };
	struct acme_reply	r = { .location = "https://ca.example/o/1",
				    .links = "<https://ca.example/c/2>;"
				    "rel=alternate" };

	if (s.n != 0) {
		r.status = status[s.p[0] % 10];
		r.body = (struct span){ s.p + 1, s.n - 1 };
	}
	flow_reply(f, id, &r, now);
}

/* A stored flow (none: a new one), a zero byte, answers with such between. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur		c = cur_of(p, n);
	struct flow_resume	how = { NULL, NOW, 0 };
	struct url_pin		pin;
	struct acme_ask		ask;
	struct span		s = part(&c);
	struct flow		*f;
	uint32_t		id;
	int64_t			now = NOW;
	unsigned		i;

	if (url_pin(&pin, "https://ca.example/", 0, NULL) == -1)
		abort();
	how.pin = &pin;
	f = s.n == 0 ? begin(&pin) : flow_load(s, &how, NULL);
	if (f == NULL)
		return 0;
	f = reload(f, &how);
	for (i = 0; i < ASKS_MAX; i++) {
		serve(f, now);
		if (flow_ask(f, now, &id, &ask)) {
			if (url_check(&pin, ask.url, "", NULL) == -1)
				__builtin_trap();
			answer(f, id, part(&c), now);
		} else if (flow_when(f) != INT64_MAX)
			now = flow_when(f);
		else
			break;
		if (flow_chains(f) > 1 + LIMIT_ACME_ALTERNATES)
			__builtin_trap();
	}
	f = reload(f, &how);
	flow_free(f);
	return 0;
}
