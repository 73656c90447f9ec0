#ifndef AUDITOR_ROLE_ACME_RECEIVE_H
#define AUDITOR_ROLE_ACME_RECEIVE_H

#include "auditor/role/acme_order.h"
#include "base/cur.h"
#include "base/err.h"

/* A certificate that came, for an order; all is borrowed. */
struct acme_got {
	struct acme_order	*o;
	const struct order_row	*row;
	struct span		 pem;	/* the chain */
};

/*
 * Check that it is what was ordered, put it where it is served from, and
 * store that: out->got and out->dir are set.  0, or -1 and why; then the
 * version before it is served still.
 */
int acme_receive(const struct acme_got *, struct acme_order_result *out,
    struct err *);

#endif
