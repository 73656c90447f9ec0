#ifndef AUDITOR_ROLE_ACME_PREFLIGHT_H
#define AUDITOR_ROLE_ACME_PREFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "acme/authz.h"
#include "acme/directory.h"
#include "auditor/conf.h"
#include "auditor/db/acme_store.h"
#include "auditor/db/db.h"
#include "auditor/role/acme_place.h"
#include "base/err.h"

struct acme_order;

/*
 * Before an order is spent: what can be seen from here that would make it
 * fail?  CAA records, whether the name leads to who answers the challenge,
 * whether the DNS server takes our updates, the standing grant of
 * dns-persist-01, and the CA's rate limits by our own ledger.
 *
 * All checks run side by side, for LIMIT_PREFLIGHT_MS at most.  What cannot
 * be told stops nothing.  What was found right is right for an hour.
 */
enum acme_says { ACME_SAYS_OK, ACME_SAYS_UNKNOWN, ACME_SAYS_WRONG };

/* "ok", "cannot tell", "wrong". */
const char *acme_says_name(enum acme_says);

struct acme_check {
	enum acme_says	 says;
	const char	*what;		/* "caa", "reach", "update", "grant",
					   "budget"; static */
	char		*name;		/* that it is about; owned */
	char		*sentence;	/* owned */
	int		 warn;		/* OK, but not for long */
	int64_t		 until;		/* WRONG only until then; 0 */
	int		 stored;	/* until is in the database already */
};

struct acme_checks {
	struct acme_check	*v;
	size_t			 n, cap;
};

/* Add one, whose sentence is formatted; borrowed until the next is added. */
struct acme_check *acme_checks_add(struct acme_checks *, enum acme_says,
    const char *what, const char *name, const char *, ...)
    __attribute__((format(printf, 5, 6)));
void acme_checks_free(struct acme_checks *);

/* The resolvers, and what is known; ${conf} is borrowed. */
struct acme_preflight;
struct acme_preflight *acme_preflight_new(const struct conf *, struct err *);
void acme_preflight_free(struct acme_preflight *);

/*
 * Begin to ask the DNS about these names, so that answers come while other
 * things are done.
 */
void acme_preflight_early(struct acme_preflight *, struct db_strs names,
    const enum challenge_type *, size_t ntypes);

/*
 * Others wait meanwhile: what is not there at once cannot be told.  Until it
 * is said otherwise.
 */
void acme_preflight_brief(struct acme_preflight *, int);

struct acme_preflight_ask {
	struct db		*db;		/* NULL: no rate limits */
	const struct directory	*dir;
	const char		*directory;	/* its URL */
	const struct acme_account_row *account;	/* id 0: none yet */
	struct acme_place	*place;
	int64_t			 managed;	/* 0: not yet */
	struct db_strs		 names;
	const enum challenge_type *type;	/* what can be placed */
	size_t			 ntypes;
	int			 replaces;	/* renewed as the CA asked */
};

/*
 * Look at all of it.  0, also when something is wrong; -1 ERR_DB.  Free the
 * checks in any case.
 */
int acme_preflight_run(struct acme_preflight *,
    const struct acme_preflight_ask *, struct acme_checks *, struct err *);

/*
 * The same for an order (o->pre; NULL: nothing is looked at), whose warnings
 * are told.  0: order it; -1 ERR_HTTP: the first that is wrong; ERR_TEMP: not
 * before a time, which the database has.
 */
int acme_preflight_order(struct acme_order *, struct err *);

#endif
