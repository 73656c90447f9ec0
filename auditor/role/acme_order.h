#ifndef AUDITOR_ROLE_ACME_ORDER_H
#define AUDITOR_ROLE_ACME_ORDER_H

#include "acme/authz.h"
#include "acme/csr.h"
#include "acme/got.h"
#include "auditor/db/acme_store.h"
#include "auditor/role/acme_place.h"
#include "auditor/role/acme_preflight.h"
#include "auditor/role/acme_talk.h"
#include "base/err.h"

/* One certificate, from the order to the folder that it is served from. */

/* The kind of a key that a request made elsewhere is for. */
#define ACME_ORDER_CSR	"csr"

struct acme_order {
	struct db		*db;
	const struct conf	*conf;
	struct acme_talk	*talk;
	struct acme_place	*place;
	struct acme_preflight	*pre;	/* NULL: nothing is looked at before */
	const struct acme_account_row *account;
	struct managed_want	 want;
	int64_t			 managed;	/* its id */
	const enum challenge_type *type;	/* what can be placed */
	size_t			 ntypes;
	const char		*author;
	const struct csr	*csr;		/* made elsewhere: no key of
					   ours, none is deployed; NULL */
	int			 failures;	/* in a row, before this one */
	const char		*replaces;	/* certID that it renews; NULL */
	const char		*old;		/* its tbs_sha256, hex; NULL */
	void (*tell)(void *, const char *);	/* progress; may be NULL */
	void			*arg;
};

/* What came of it; free with acme_order_result_free(). */
struct acme_order_result {
	struct got	 got;
	char		*url;		/* of the order */
	char		*dir;		/* where it was deployed */
};

/*
 * Order it, or go on with the order that is under way: what is expected is
 * in the database before the CA is asked to issue, what came is checked
 * before it is deployed, and the old version is served until then.  The
 * database has the result, also of a failure.
 *
 * As a machine, of which several share a talk and a place:
 *
 *	acme_order_start()		NULL and why: it has failed
 *	acme_order_turn()		whenever something was heard, and at
 *					acme_drive_when(): 1 done, -1 failed,
 *					0 it goes on
 *	acme_order_end()		out may be NULL
 *
 * Answers and hits reach it through its drive (acme_drive_reply(),
 * acme_drive_hit()); what else is to be polled is the drive's.
 */
struct acme_run;
struct acme_drive;

struct acme_run *acme_order_start(struct acme_order *, struct err *);
int acme_order_turn(struct acme_run *, struct err *);
struct acme_drive *acme_order_drive(struct acme_run *);
void acme_order_end(struct acme_run *, struct acme_order_result *out);

/* One of them alone: 0, or -1 and one sentence. */
int acme_order_run(struct acme_order *, struct acme_order_result *,
    struct err *);

/*
 * A try failed because of ${why}; ${order}: the one that is ${over} with it, or
 * left for whoever goes on; NULL: none.  If somebody else has taken that, it is
 * his matter and nothing is stored.  The next try is not before ${not_before}
 * (us), nor sooner than the failures in a row allow; from the third on it is a
 * finding.
 */
void acme_order_failed(struct acme_order *, const struct order_row *order,
    int over, const char *why, int64_t not_before);

/*
 * A new certificate is deployed: what was wrong with the one before it is
 * over.  In the caller's transaction.
 */
int acme_order_mended(struct acme_order *, struct err *);
void acme_order_result_free(struct acme_order_result *);

#endif
