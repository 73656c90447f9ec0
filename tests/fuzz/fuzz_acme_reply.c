#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/directory.h"
#include "acme/flow.h"
#include "acme/nonce.h"
#include "acme/revoke.h"
#include "base/clk.h"
#include "base/limit.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define NOW (1780000000 * CLK_SEC)
#define ASKS_MAX 200

/*
 * Whole answers, with all that a CA chooses: parts that end with a zero byte
 * are, for each answer, a line of headers (below) and the body.  They are the
 * answers to an order, and each by itself is read as an account's, a
 * directory's and a revocation's.
 */
struct said {
	struct acme_reply	 r;
	char			*line[6];	/* owned */
};

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

/* Status, Location, Retry-After, Replay-Nonce, Link, Type; by '\x01'. */
static void
said_read(struct said *s, struct cur *c)
{
	struct span	head = part(c);
	const uint8_t	*p = head.p, *e;
	size_t		i, left = head.n;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < 6 && left != 0; i++) {
		e = memchr(p, 1, left);
		if (e == NULL)
			e = p + left;
		s->line[i] = mem_dup(p, (size_t)(e - p));
		left -= (size_t)(e - p);
		p = e;
		if (left != 0) {
			p++;
			left--;
		}
	}
	s->r.status = s->line[0] != NULL ? strtol(s->line[0], NULL, 10) : 0;
	s->r.why = "lost";
	s->r.final = s->r.status == 0 && i > 1;
	s->r.location = s->line[1];
	s->r.retry_after = s->line[2];
	s->r.nonce = s->line[3];
	s->r.links = s->line[4];
	s->r.type = s->line[5];
	s->r.body = part(c);
}

static void
said_free(struct said *s)
{
	size_t	i;

	for (i = 0; i < 6; i++)
		free(s->line[i]);
}

/* What is read of it is to be used as it is. */
static void
must_fit(const struct url_pin *pin, const char *url)
{
	if (url != NULL && url_check(pin, url, "", NULL) == -1)
		__builtin_trap();
}

static void
alone(const struct said *s, const struct url_pin *pin)
{
	struct account_ask	how = { pin, NULL, NOW };
	struct directory	d;
	struct account		a;
	struct problem		p;
	struct nonce		n;
	char			out[LIMIT_ACME_NONCE + 1];

	memset(&n, 0, sizeof(n));
	memset(&p, 0, sizeof(p));
	if (nonce_put(&n, s->r.nonce) == 0 && (nonce_take(&n, out) == -1 ||
	    strpbrk(out, "\r\n \"\\") != NULL))
		__builtin_trap();
	if (account_read(&a, &s->r, &how, &p, NULL) == 0)
		must_fit(pin, a.url);
	account_free(&a);
	problem_free(&p);
	memset(&p, 0, sizeof(p));
	how.url = "https://ca.example/a/1";
	(void)account_key_changed(&s->r, &how, &p, NULL);
	problem_free(&p);
	memset(&p, 0, sizeof(p));
	(void)revoke_read(&s->r, NOW, &p, NULL);
	problem_free(&p);
	if (directory_read(&d, s->r.body, pin, NULL) == 0) {
		must_fit(pin, d.new_nonce);
		must_fit(pin, d.new_order);
		must_fit(pin, d.revoke_cert);
	}
	directory_free(&d);
}

static struct flow *
begin(const struct url_pin *pin)
{
	static const char *const	names[] = { "a.example" };
	static const enum challenge_type prefer[] = { CHALLENGE_HTTP_01,
				    CHALLENGE_DNS_PERSIST_01 };
	struct flow_want		want = { .names = names, .nnames = 1,
				    .prefer = prefer, .nprefer = 2,
				    .alternates = 1,
				    .deadline = NOW + 3600 * CLK_SEC };
	struct directory		d;
	struct flow			*f;

	memset(&d, 0, sizeof(d));
	d.new_order = mem_str("https://ca.example/o");
	f = flow_start(&d, pin, &want, NULL);
	directory_free(&d);
	return f;
}

/* No CA makes a challenge of text that is none, or waits for ever. */
static void
serve(struct flow *f, const struct url_pin *pin, int64_t now)
{
	struct flow_place	p;
	unsigned		bits = flow_events(f);
	size_t			i;

	for (i = 0; i < flow_places(f); i++) {
		flow_place(f, i, &p);
		if (p.token != NULL && p.token[strspn(p.token, "ABCDEFGHIJKLM"
		    "NOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] !=
		    '\0')
			__builtin_trap();
		flow_placed(f, i, now);
		flow_removed(f, i);
	}
	must_fit(pin, flow_order(f));
	if (flow_why(f)[strcspn(flow_why(f), "\x1b\r\n\t\x7f")] != '\0')
		__builtin_trap();
	if (bits & FLOW_FINALIZE && flow_finalize(f, "MII", now, NULL) == -1)
		__builtin_trap();
	if (bits & FLOW_PICK)
		flow_pick(f, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cur		c = cur_of(p, n);
	struct url_pin		pin;
	struct acme_ask		ask;
	struct said		s;
	struct flow		*f;
	uint32_t		id;
	int64_t			now = NOW;
	unsigned		i;

	if (url_pin(&pin, "https://ca.example/", 0, NULL) == -1)
		abort();
	f = begin(&pin);
	for (i = 0; i < ASKS_MAX; i++) {
		serve(f, &pin, now);
		if (flow_ask(f, now, &id, &ask)) {
			must_fit(&pin, ask.url);
			said_read(&s, &c);
			alone(&s, &pin);
			flow_reply(f, id, &s.r, now);
			said_free(&s);
		} else if (flow_when(f) != INT64_MAX) {
			if (flow_when(f) > NOW + 3700 * CLK_SEC)
				__builtin_trap();
			now = flow_when(f) > now ? flow_when(f) : now;
		} else
			break;
	}
	flow_free(f);
	return 0;
}
