#ifndef AUDITOR_CMD_RENEWAL_H
#define AUDITOR_CMD_RENEWAL_H

#include <stddef.h>

#include "auditor/cmd/cmd.h"
#include "auditor/role/acme_crew.h"
#include "auditor/role/deploy_hooks.h"
#include "base/err.h"

/* Renewing what is managed, for the command and for the role `acme`. */

/* What became of one; the strings are borrowed. */
struct renewal_word {
	const char	*name;
	int		 code;		/* ERR_NONE: it is renewed; or why not,
					   in text */
	const char	*text;
	const char	*serial;	/* when it is renewed, and not_after */
	int64_t		 not_after;
	int		 would;		/* only would be; of a dry run */
};

struct renewal {
	const char	*only;		/* a name, due or not; NULL: all due */
	int		 dry;
	int		 adopted;	/* those of the configuration are in
					   the database already */
	const char	*author;	/* who orders */
	/* each of them; progress of one; both with ${arg} */
	void	(*say)(void *, const struct renewal_word *);
	void	(*tell)(void *, const char *);
	void			*arg;
	int			 stop;		/* begin no more of them */
	size_t			 done, failed, fresh;
	/* the rest is its own */
	struct cmd_ctx		*ctx;
	const struct acme_account_row *account;
	struct acme_crew	*crew;
	struct deploy_hooks	*hooks;
	struct managed_row	*v;
	struct renewal_one	*one;	/* of each of them */
	size_t			 n;
	size_t			 asked, flying;
	struct err		 broken;	/* the database is away */
};

/*
 * Take the certificates of the configuration into the database, and load what
 * is managed.  Needs ctx->db; all of it is borrowed.  0, or -1: ERR_NOENT (no
 * such name), ERR_DB.
 */
int renewal_load(struct renewal *, struct cmd_ctx *, struct err *);

/* Is any of them due, or to be asked about?  Without the CA: 1 or 0. */
int renewal_wants(const struct renewal *);

/*
 * Ask the CA when it wants each to be renewed, and order again what is due,
 * side by side; what fails is said, stored, counted and, from the third time
 * in a row on, the finding renewal.failed.  Turned together with the crew
 * until it returns 1: nothing is left; -1 ERR_DB.
 */
void renewal_begin(struct renewal *, struct acme_crew *,
    const struct acme_account_row *, struct deploy_hooks *);
int renewal_turn(struct renewal *, struct err *);

/* An answer of the crew's talk that was for no order: 1 it was ours. */
int renewal_reply(struct renewal *, uint64_t id, const struct acme_reply *);

/* The CA cannot be asked at all: that is a failure of each that is due. */
void renewal_missed(struct renewal *, const char *why);

/* Free what is its own; none of its orders is under way any more. */
void renewal_free(struct renewal *);

#endif
