#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/authz.h"
#include "acme/directory.h"
#include "acme/doc.h"
#include "acme/order.h"
#include "base/limit.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct url_pin		pin;
static struct order_ident	ids[3];

static void
must_fit(const char *url)
{
	if (url != NULL && url_check(&pin, url, "", NULL) == -1)
		__builtin_trap();
}

static void
order(struct span s, const struct order_want *w)
{
	struct order	o;
	size_t		i;

	if (order_read(&o, s, w, &pin, NULL) == 0) {
		if (o.nauthz == 0 || o.nauthz > LIMIT_ACME_NAMES)
			__builtin_trap();
		for (i = 0; i < o.nauthz; i++)
			must_fit(o.authz[i]);
		must_fit(o.finalize);
		must_fit(o.certificate);
	}
	order_free(&o);
}

static void
authz(struct span s, const struct order_want *w)
{
	struct authz	a;
	size_t		i;

	if (authz_read(&a, s, w, &pin, NULL) == 0) {
		if (order_find(w->ident, w->n, &a.ident) == -1)
			__builtin_trap();
		for (i = 0; i < a.nchallenges; i++) {
			must_fit(a.challenge[i].url);
			if (a.challenge[i].token != NULL &&
			    !doc_is_b64url(a.challenge[i].token, 22,
			    LIMIT_ACME_TOKEN))
				__builtin_trap();
		}
	}
	authz_free(&a);
}

static void
others(struct span s)
{
	struct acme_reply	 r = { .status = 201, .body = s,
				    .location = "https://ca.example/a" };
	struct account_ask	 ask = { &pin, NULL, 1 };
	struct directory	 d;
	struct account		 a;
	struct problem		 p;
	char			*text = mem_dup(s.p, s.n);
	char			*alt[LIMIT_ACME_ALTERNATES];
	size_t			 n;

	if (directory_read(&d, s, &pin, NULL) == 0) {
		must_fit(d.new_order);
		must_fit(d.renewal_info);
	}
	directory_free(&d);
	(void)account_read(&a, &r, &ask, &p, NULL);
	account_free(&a);
	problem_free(&p);
	n = url_alternates(&pin, text, alt);
	while (n != 0) {
		must_fit(alt[--n]);
		free(alt[n]);
	}
	free(text);
}

/* What a CA answers, of each kind. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct order_want	w = { .ident = ids, .n = 3 };
	struct span		s = { p, n };

	if (pin.host[0] == '\0' &&
	    (url_pin(&pin, "https://ca.example/", 0, NULL) == -1 ||
	    order_ident("a.example", &ids[0], NULL) == -1 ||
	    order_ident("*.a.example", &ids[1], NULL) == -1 ||
	    order_ident("192.0.2.1", &ids[2], NULL) == -1))
		abort();
	order(s, &w);
	authz(s, &w);
	w.n = 1;
	order(s, &w);
	authz(s, &w);
	others(s);
	return 0;
}
