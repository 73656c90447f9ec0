#ifndef AUDITOR_DB_EXPECT_H
#define AUDITOR_DB_EXPECT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/serials.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Revocations that are expected: these certificates, by issuer key and serial
 * number, until ${by_ms}.
 */
struct expect_revocation {
	const struct serials *serials;
	struct span	 issuer;	/* of those that name none; p NULL */
	int64_t		 by_ms;
	int		 reason_code;	/* RFC 5280 5.3.1; -1: any */
	const char	*author;
};

/*
 * Add one for each of them; one that is open already gets this end and
 * reason.  The issuer is the one that the list or ${issuer} says, else that
 * of the known issuance with this serial number: ERR_NOENT when there is
 * none, ERR_USAGE when several issuers have used it.  In the caller's
 * transaction.  *added, *changed: how many.
 */
int expect_revocation_add(struct db *, const struct expect_revocation *,
    size_t *added, size_t *changed, struct err *);

/*
 * Expectations of issuance: one certificate with this key, exactly these
 * names, by this issuer, with a log timestamp within the bounds.  Each is
 * used up by one tbs_sha256, and expires silently.
 */
struct expect {
	struct span	 spki;		/* 32 bytes */
	struct db_strs	 names;		/* folded */
	const char	*issuer_owner;	/* NULL: any */
	int64_t		 not_before_ms;	/* of the log timestamp */
	int64_t		 not_after_ms;
	const char	*origin;	/* cli, acme */
	const char	*author;
	const char	*reason;	/* NULL */
};

/* Add one inside the caller's transaction; *id may be NULL.  0 or -1. */
int expect_add(struct db *, const struct expect *, int64_t *id, struct err *);

/*
 * Use up the open expectation ${id} for ${tbs}: 1 done, 0 somebody else was
 * faster (or it is closed), -1.
 */
int expect_use(struct db *, int64_t id, const struct span *tbs, struct err *);

/* What `expect list` shows; *res is freed by the caller. */
enum expect_col {
	EXPECT_ID, EXPECT_STATE, EXPECT_SPKI, EXPECT_NAMES, EXPECT_ISSUER,
	EXPECT_FROM_MS, EXPECT_TO_MS, EXPECT_TBS, EXPECT_ORIGIN,
	EXPECT_AUTHOR, EXPECT_REASON, EXPECT_ADDED, EXPECT_KIND,
	EXPECT_ISSUER_SPKI, EXPECT_SERIAL, EXPECT_REASON_CODE,
	EXPECT_OVERDUE		/* a revocation that is late; it stays open */
};
int expect_list(struct db *, int all, struct db_res **res, struct err *);

/* Take one back: 0, or -1 with ERR_NOENT when none of that number is open. */
int expect_cancel(struct db *, int64_t id, struct err *);

/*
 * Close what nobody will fulfil any more: a week after the end, because a log
 * that lags can show an entry late, with a timestamp within the bounds.
 */
int expect_sweep(struct db *, size_t *n, struct err *);

#endif
