#ifndef AUDITOR_CMD_CMD_H
#define AUDITOR_CMD_CMD_H

#include <jansson.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * A command: one file auditor/cmd/NAME.c, one `const struct cmd cmd_NAME`,
 * listed in main.c's table.  run() gets argv[0] = the command's name and
 * returns an exit status of contract.md.
 */
struct cmd_ctx {
	struct conf	*conf;		/* loaded before run() unless no_conf */
	const char	*config_path;	/* --config as given, or NULL */
	int		 json;		/* --json */
	int		 quiet;		/* --quiet */
	int		 color;		/* stdout is a terminal that takes it */
	struct db	*db;		/* opened by cmd_db() */
	struct embed	*embed;		/* started or joined by cmd_db() */
};

struct cmd {
	const char	*name;
	const char	*args;		/* behind the name in the usage */
	const char	*brief;		/* one line */
	const char	*help;		/* examples first; several lines */
	int		 no_conf;	/* works without a configuration */
	int		 (*run)(struct cmd_ctx *, int, char **);
	int		 keep_user;	/* root stays root; see cmd_become() */
};

/* The channel that cmd_hint() notifies. */
#define CMD_HINT	"certvigil_change"

/*
 * The table of main.c, ended by NULL; the command of that name, or NULL.
 */
extern const struct cmd *const cmd_table[];
const struct cmd *cmd_find(const char *);

/*
 * Make the state directory (mode 0700) when it is missing.  As root: give it
 * to the certvigil system user, keep the secrets of the configuration, and
 * become that user for good.  main calls it before run(), unless no_conf or
 * keep_user is set.  0, or -1 ERR_CONF (no such user: the message has the
 * command that makes it), ERR_PERM, ERR_SYS.
 */
int cmd_become(struct cmd_ctx *, struct err *);

/*
 * Open the database of the configuration: embedded (that of the running
 * daemon, or started under a lock for as long as this command lives) or a
 * server; migrate it when it is older.  Sets ctx->db.  0 or -1 (ERR_DB: 69).
 */
int cmd_db(struct cmd_ctx *, struct err *);

/* Where that database is: for another connection.  Borrowed. */
const char *cmd_conninfo(const struct cmd_ctx *);

/* Close what cmd_db() opened (also called by main after run()). */
void cmd_db_close(struct cmd_ctx *);

/* Print "certvigil: CONTEXT: message" and return the exit status for it. */
int cmd_fail(const struct err *);

/* Wrong usage of a command: print why and the usage line; returns 64. */
int cmd_usage(const struct cmd *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* One JSON line on stdout; steals ${v}. */
void cmd_json(json_t *);

/* Who acts, for author columns and the audit trail: "user@host" (static). */
const char *cmd_actor(void);

/*
 * Add a row to audit_trail inside the open transaction (or alone): actor is
 * cmd_actor(); ${detail} is an object, stolen, may be NULL.
 */
int cmd_audit(struct cmd_ctx *, const char *action, json_t *detail,
    struct err *);

/* Tell a running daemon that something changed (NOTIFY, only a hint). */
void cmd_hint(struct cmd_ctx *);

/*
 * Print text from certificates and logs on a terminal: control and bidi
 * bytes escaped.  Returns a string to free().
 */
char *cmd_clean(const char *);

/* Print what a box said: each line of it cleaned, whoever was inside. */
void cmd_lines(const char *text);

/*
 * Put watches, sources, channels and routes of the configuration into the
 * database (origin config), all or nothing; what changes goes to ${diff},
 * one line each.  With ${dry} nothing stays.  Needs cmd_db().  0, or -1
 * (ERR_CONF also when a route or the digest names a channel that nobody has).
 */
int cmd_apply(struct cmd_ctx *, int dry, struct buf *diff, struct err *);

/* Say on stderr that ${logs} logs hold what a new watch was not looked for in. */
void cmd_uncovered(int64_t logs);

#endif
