#ifndef AUDITOR_DB_ACME_LEDGER_H
#define AUDITOR_DB_ACME_LEDGER_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/err.h"

/*
 * What we have asked of a CA lately, as it counts for its rate limits; for
 * the worst of several names, which is said.  Windows in seconds; at most
 * ${max} are counted.
 */
struct acme_count {
	int64_t	 n;
	int64_t	 oldest;	/* of the ${max} newest; INT64_MIN: none */
	char	 name[256];	/* "" */
};

struct acme_window {
	int64_t	 secs;
	int64_t	 max;
};

/* Orders of an account; without renewals, which no CA counts. */
int acme_ledger_orders(struct db *, int64_t account,
    const struct acme_window *, struct acme_count *, struct err *);

/*
 * Certificates of a directory for names at or below one of the domains; each
 * set of names counts once, as the others are renewals.
 */
int acme_ledger_domains(struct db *, const char *directory,
    const struct db_strs *domains, const struct acme_window *,
    struct acme_count *, struct err *);

/* Certificates for exactly these names. */
int acme_ledger_exact(struct db *, const char *directory,
    const struct db_strs *names, const struct acme_window *,
    struct acme_count *, struct err *);

/* Was there ever one?  1, 0 or -1. */
int acme_ledger_had(struct db *, const char *directory,
    const struct db_strs *names, struct err *);

/* Authorizations of an account for one of the names that failed. */
int acme_ledger_failed(struct db *, int64_t account,
    const struct db_strs *names, const struct acme_window *,
    struct acme_count *, struct err *);

/*
 * Did the CA limit the rate of this certificate, and when may it be ordered
 * again?  1: *until (us), and its sentence in ${why}; 0: no; -1.
 */
int acme_ledger_wait(struct db *, int64_t managed, int64_t *until,
    char *why, size_t cap, struct err *);

#endif
