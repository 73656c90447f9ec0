#ifndef AUDITOR_ROLE_ACME_PREFLIGHT_PART_H
#define AUDITOR_ROLE_ACME_PREFLIGHT_PART_H

#include "acme/order.h"
#include "auditor/net/egress.h"
#include "auditor/role/acme_preflight.h"
#include "auditor/role/acme_preflight_ask.h"
#include "auditor/role/acme_preflight_reach.h"

/* Between the files of the pre-flight. */

/* One name of the order, and how it can be proved. */
struct acme_subject {
	char			 text[ORDER_TEXT];	/* with its "*." */
	struct order_ident	 ident;
	enum challenge_type	 type[CHALLENGE_MAX];	/* the best first */
	size_t			 ntypes;
};

/* What CAA records say; adds one check.  ${asks}: acme_caa_ask() was done. */
void acme_caa_ask(struct acme_asks *, const struct acme_subject *);
void acme_caa_check(const struct acme_asks *, const struct acme_subject *,
    const struct acme_preflight_ask *, struct acme_checks *);

/* The standing grant of dns-persist-01. */
void acme_grant_ask(struct acme_asks *, const struct acme_subject *);
void acme_grant_check(const struct acme_asks *, const struct acme_subject *,
    const struct acme_preflight_ask *, struct acme_checks *);

/* An answer that is none: 1 and who says what; 0: there is one. */
int acme_ask_failed(const struct probe_said *, char *out, size_t cap);

/*
 * Does a name lead to who answers http-01 or tls-alpn-01?  One look at each
 * of its addresses and each port.
 */
struct acme_look {
	const struct acme_subject *subject;
	uint16_t		 std;	/* where CAs look: 80, 443 */
	uint16_t		 port;	/* where we listen; 0: a web server */
	const char		*token, *keyauth;	/* NULL: is it open? */
	int			 begun;	/* the addresses are known */
	size_t			 more;	/* addresses that are not tried */
	struct acme_reach	*v[2 * LIMIT_PREFLIGHT_ADDRS];
	size_t			 n;
};

void acme_look_ask(struct acme_asks *, const struct acme_subject *);
/* Begin when the addresses are known; 0 not yet. */
int acme_look_begin(struct acme_look *, const struct acme_asks *,
    const struct egress *);
void acme_look_check(const struct acme_look *, const struct acme_asks *,
    struct acme_checks *);
void acme_look_end(struct acme_look *);

/* Rate limits: 0 or -1 ERR_DB. */
int acme_rate_check(const struct acme_preflight_ask *, struct acme_checks *,
    struct err *);

#endif
