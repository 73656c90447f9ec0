#ifndef AUDITOR_DB_ACME_STORE_H
#define AUDITOR_DB_ACME_STORE_H

#include <stdint.h>

#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/* Accounts, managed certificates and orders. */

struct acme_account_row {
	int64_t	 id;
	char	*url;		/* kid */
	char	*key_id;	/* of the sign process */
	char	*thumbprint;
	char	*contact;	/* "" */
};

/* The account of a directory: 1, 0 there is none, -1.  acme_account_free(). */
int acme_account_load(struct db *, const char *directory,
    struct acme_account_row *, struct err *);
/* Add it (id is set); the caller's strings stay the caller's. */
int acme_account_add(struct db *, const char *directory,
    struct acme_account_row *, struct err *);
/* It has another key now. */
int acme_account_rolled(struct db *, int64_t id, const char *thumbprint,
    struct err *);
/* It was deactivated; its open orders are over. */
int acme_account_closed(struct db *, int64_t id, struct err *);
/* How many accounts of a directory were. */
int acme_account_past(struct db *, const char *directory, int64_t *n,
    struct err *);
void acme_account_free(struct acme_account_row *);

/* What is to be kept. */
struct managed_want {
	const char	*name;		/* first of names */
	struct db_strs	 names;		/* canonical */
	const char	*origin;	/* config, cli */
	const char	*challenge;	/* NULL: any */
	const char	*key_kind;
	const char	*profile;	/* NULL */
	const char	*directory;
	const char	*chain;		/* common name of the topmost issuer;
					   NULL: the CA's choice */
	int		 reuse;		/* the same key at each renewal */
	int		 require;	/* nothing without that profile */
};

/*
 * Add it, or change that of the name to this; *id.  An order that is under
 * way for something else is over.  The configuration says no chain, and
 * leaves that of the command line.
 */
int managed_put(struct db *, const struct managed_want *, int64_t *id,
    struct err *);

/* One JSON object a row, without those that were removed. */
int managed_list(struct db *, const char *name, struct db_res **,
    struct err *);
/* Keep it no longer: 1, 0 there is none, -1. */
int managed_remove(struct db *, const char *name, struct err *);

/* One that is kept, as it is now. */
struct managed_row {
	int64_t			 id;
	struct managed_want	 want;		/* strings are the row's */
	int64_t			 not_before, not_after;	/* INT64_MIN: never issued */
	int64_t			 next_at;	/* INT64_MIN: no failure */
	int			 attempts;	/* failures in a row */
	char			*tbs;		/* hex; NULL: never issued */
	char			*ari_id;	/* NULL: none */
	int64_t			 ari_start, ari_end, ari_pick;	/* INT64_MIN */
	int64_t			 ari_next;	/* INT64_MIN: at once */
	char			*due_why;	/* due now, and why; NULL */
};

/*
 * All of them, or the one of a name; free with managed_rows_free(), also none.
 */
int managed_load(struct db *, const char *name, struct managed_row **,
    size_t *n, struct err *);
void managed_rows_free(struct managed_row *, size_t n);

/*
 * What the CA advised of it: ari_start, ari_end, ari_pick and ari_next of the
 * row are stored, and where it explains that (NULL).
 */
int managed_ari(struct db *, const struct managed_row *, const char *url,
    struct err *);

/* An order that is under way. */
struct order_row {
	int64_t		 id;
	struct buf	 flow;		/* JSON; empty: not begun */
	char		*key_id;
	uint8_t		 spki[32];
	int64_t		 expectation;	/* 0: none yet */
	char		 holder[128];	/* who drives it: "host:pid" */
};

/* For so long it is his who drives it. */
#define ORDER_HELD	"interval '1 minute'"

/*
 * Take the open order of a certificate for ${holder}, for a minute that each
 * order_save() begins anew.  1; 0 there is none; -1 ERR_TEMP: somebody else
 * drives it, whose name is in o->holder.  ${over}: take it from him, who is
 * no more.
 */
int order_open(struct db *, int64_t managed, const char *holder,
    const char *over, struct order_row *, struct err *);
void order_row_free(struct order_row *);
/*
 * The key of what there is now, for an order with the same key again: into
 * key_id and spki of the row.  1; 0 when there is none of that kind, or it is
 * compromised; -1.
 */
int order_reuse(struct db *, int64_t managed, const char *kind,
    struct order_row *, struct err *);
/* A new one, with the key that it will be for; o->id is set. */
int order_add(struct db *, int64_t managed, int64_t account,
    struct order_row *, struct err *);
/*
 * What is needed to go on; before each request.  ${url} NULL: none yet.
 * ${durable}: it outlasts a crash of the machine, too, with all that was
 * stored before it.  ERR_LEASE: somebody else has taken it.
 */
int order_save(struct db *, const struct order_row *, const struct buf *flow,
    const char *url, int durable, struct err *);
/*
 * Inside a transaction: it is open and nobody has taken it, nor can until the
 * end.  Else ERR_LEASE, as above.
 */
int order_check(struct db *, const struct order_row *, struct err *);
/* It is left as it is, for whoever goes on. */
int order_leave(struct db *, const struct order_row *, struct err *);
int order_expect(struct db *, int64_t id, int64_t expectation, struct err *);
/* It is over: "" when it is valid, else why not. */
int order_end(struct db *, int64_t id, const char *error, struct err *);

/* What was issued and deployed; spans of 32 bytes. */
struct managed_got {
	const char	*key_id;
	struct span	 cert, tbs, issuer_spki;	/* the last may be empty */
	const char	*serial;
	int64_t		 not_before, not_after;
	const char	*deployed_to;
	const char	*ari_id;	/* NULL: it has none */
	int		 hook;		/* a deploy hook is to be run for it */
};
int managed_issued(struct db *, int64_t id, const struct managed_got *,
    struct err *);
/* A try failed, for a reason; the next one is not before ${next} (us). */
int managed_failed(struct db *, int64_t id, const char *why, int64_t next,
    struct err *);

#endif
