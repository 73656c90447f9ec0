#ifndef AUDITOR_ROLE_ACME_VERIFY_H
#define AUDITOR_ROLE_ACME_VERIFY_H

#include "acme/got.h"
#include "base/cur.h"
#include "base/err.h"
#include "ctlog/loglist.h"

struct acme_order;

/* What SCTs of a certificate are worth. */
struct acme_scts {
	unsigned	valid, invalid, unknown;	/* unknown: their log is */
	char		why[400];	/* of the first invalid one */
};

/*
 * Read what the CA sent (got_read()) and, where ${logs} is not NULL, verify
 * its SCTs, in a child that has neither files nor sockets; then read it here.
 * 0; -1 as got_read(), or ERR_FORMAT: reading it killed the child.  got_free()
 * in any case.
 */
int acme_verify_read(struct span pem, const struct got_want *,
    const struct loglist *logs, struct got *, struct acme_scts *,
    struct err *);

/*
 * The same for an order, with the logs that the database knows.  An SCT of
 * one of them that does not verify is ERR_VERIFY and the finding sct.invalid,
 * which has the certificate; SCTs of unknown logs alone are told.
 */
int acme_verify(struct acme_order *, struct span pem,
    const struct got_want *, struct got *, struct err *);

#endif
