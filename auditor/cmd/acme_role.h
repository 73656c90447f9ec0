#ifndef AUDITOR_CMD_ACME_ROLE_H
#define AUDITOR_CMD_ACME_ROLE_H

#include <poll.h>
#include <stdint.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/renewal.h"
#include "auditor/db/acme_store.h"
#include "auditor/role/acme_crew.h"
#include "auditor/role/acme_msg.h"
#include "auditor/role/deploy_hooks.h"

/*
 * The role `acme`, which `run` keeps: it has the database, the conversation
 * with the CA and what answers challenges open, renews what is due, and
 * orders for commands that connect to its socket (acme_sock.h).  It has no
 * operator's authority: it orders, and can revoke nothing.
 */

struct acme_role {
	struct cmd_ctx		 ctx;
	char			*config;	/* path, or NULL */
	char			*conninfo;
	uint8_t			 conf[ACME_MSG_CONF];
	struct acme_talk	*talk;		/* NULL: the CA was away */
	int64_t			 talk_at;	/* clk_mono, of when */
	struct acme_account_row	 account;	/* id 0: not loaded */
	struct acme_place	*place;
	struct acme_crew	 crew;
	struct deploy_hooks	 hooks;
	struct renewal		*own;		/* what is due; NULL: none */
	int64_t			 look_at;	/* clk_mono */
	int			 adopted;	/* what `managed:` says */
	int			 listening;	/* descriptor, or -1 */
	int64_t			 listen_at;	/* clk_mono: tried again */
	struct acme_client	*clients;	/* owned */
	size_t			 nclients;
	int64_t			 hint_at;	/* clk_mono; 0: no news */
	int			 reload;	/* when nothing is under way */
	int			 stop;
};

/*
 * Ready to order: the CA is there and has our account.  0, or -1 and why
 * (ERR_DB: the role is to end).
 */
int acme_role_ready(struct acme_role *, struct err *);

/* Something is new in the database: others hear of it soon, once for many. */
void acme_role_hint(struct acme_role *);

/* --- its clients (acme_serve.c) --- */

/* What to poll: how many of at most ${n}. */
size_t acme_serve_polls(const struct acme_role *, struct pollfd *, size_t n);

/* Accept, read, and begin what can be begun; forget those that are gone. */
void acme_serve_turn(struct acme_role *);

/* Whether one of them waits, or has something under way. */
int acme_serve_busy(const struct acme_role *);

/* An answer of the talk that was for no order. */
int acme_serve_reply(struct acme_role *, uint64_t id,
    const struct acme_reply *);

/* End all of them. */
void acme_serve_end(struct acme_role *);

/* The role: returns the exit status. */
int acme_role_main(void);

#endif
