#include "auditor/cmd/dbmove.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/cmd/dbplace.h"
#include "auditor/conf_check.h"
#include "auditor/db/embed.h"
#include "auditor/db/embed_place.h"
#include "auditor/db/migrate.h"
#include "auditor/db/move.h"
#include "base/mem.h"

struct dbmove {
	struct cmd_ctx	*ctx;
	const char	*url;
	int		 replace;
	struct dbplace	 from;
	struct db	*to;
	char		*file;		/* what goes there, for a while */
	struct move_sum	 sum;
};

static void
say(const struct dbmove *m, const char *what)
{
	if (!m->ctx->quiet)
		(void)fprintf(stderr, "certvigil: %s\n", what);
}

/* What a move that was killed has left. */
static void
sweep(const char *file)
{
	char	*pattern = mem_printf("%s*", file);
	glob_t	 g;
	size_t	 i;

	if (glob(pattern, 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			(void)unlink(g.gl_pathv[i]);
		globfree(&g);
	}
	free(pattern);
}

/* --- both sides --------------------------------------------------------------- */

static int
open_from(struct dbmove *m, struct err *e)
{
	struct cmd_ctx	*ctx = m->ctx;

	if (dbplace_tools(ctx, &m->from, e) == -1 ||
	    dbplace_direct(ctx->db, e) == -1)
		return -1;
	if (ctx->embed != NULL && !embed_owner(ctx->embed))
		return err_set(e, ERR_TEMP, "the embedded database in %s is "
		    "in use: stop `certvigil run` (systemctl stop certvigil) "
		    "and other commands first", ctx->conf->state_dir);
	return migrate_up(ctx->db, 0, NULL, e);
}

static int
open_to(struct dbmove *m, struct err *e)
{
	int	roles;

	if (conf_check_database(m->url, e) == -1)
		return -1;
	if (strcmp(m->url, "embedded") == 0)
		return err_set(e, ERR_USAGE, "move goes to a server; back to "
		    "the embedded database: `certvigil db backup` there, "
		    "`certvigil db restore` here");
	m->to = db_open(m->url, e);
	if (m->to == NULL || move_fits(m->ctx->db, m->to, &roles, e) == -1)
		return -1;
	if (!roles)
		say(m, "no right to make the roles certvigil_engine and "
		    "certvigil_report there: everything runs as the owner; "
		    "somebody with CREATEROLE can make them, then `certvigil "
		    "db psql -c 'select grant_roles()'`");
	return 0;
}

/* --- copying --------------------------------------------------------------------- */

/* Into a file beside the state, then from there in one transaction. */
static int
copy(struct dbmove *m, char *mark, struct err *e)
{
	struct dump_opts	 o = dbplace_opts(&m->from), in = o;
	struct db_res		*r;
	char			*bindir;
	int			 rc;

	if (db_query(m->to, &r, e, "select current_setting("
	    "'server_version_num')::int / 10000", "") == -1)
		return -1;
	bindir = embed_place_clients((int)db_int(r, 0, 0), e);
	db_free(r);
	if (bindir == NULL)
		return -1;
	in.conninfo = m->url;
	in.bindir = o.bindir = bindir;
	in.replace = m->replace;
	in.also = mark;
	say(m, "copying; nobody can write meanwhile");
	rc = dump_write(&o, m->file, e);
	if (rc == 0)
		rc = dump_read(m->to, &in, m->file, e);
	free(bindir);
	return rc;
}

/* All of it, while nobody writes; the old one is marked at the end. */
static int
transfer(struct dbmove *m, struct err *e)
{
	char	*mark, *where;
	int	 rc;

	where = mem_printf("%s of %s", m->ctx->embed != NULL ? "embedded" :
	    m->from.conninfo, cmd_actor());
	mark = move_incoming(where, cmd_actor());
	if ((rc = move_hold(m->ctx->db, e)) == 0) {
		rc = copy(m, mark, e);
		sweep(m->file);
		if (rc == 0) {
			say(m, "comparing");
			rc = move_same(m->ctx->db, m->to, &m->sum, e);
		}
		if (rc == 0)
			rc = move_away(m->ctx->db, m->url, cmd_actor(), e);
		else
			db_rollback(m->ctx->db);
	}
	free(mark);
	free(where);
	return rc;
}

/* The new one is complete, and from now on the only one. */
static int
arrive(struct dbmove *m, struct err *e)
{
	struct db	*old = m->ctx->db;
	int		 rc;

	m->ctx->db = m->to;
	rc = db_begin(m->to, e);
	if (rc == 0)
		rc = move_arrive(m->to, e);
	if (rc == 0)
		rc = cmd_audit(m->ctx, "db.move", json_pack("{s:I, s:I}",
		    "tables", (json_int_t)m->sum.tables, "rows",
		    (json_int_t)m->sum.rows), e);
	if (rc == 0)
		rc = db_commit(m->to, e);
	else
		db_rollback(m->to);
	m->ctx->db = old;
	return rc;
}

/* --- the end -------------------------------------------------------------------- */

static void
told(const struct dbmove *m)
{
	const struct conf	*c = m->ctx->conf;
	json_t			*text;
	char			*line;

	if (m->ctx->json) {
		cmd_json(json_pack("{s:s, s:I, s:I}", "database", m->url,
		    "tables", (json_int_t)m->sum.tables, "rows",
		    (json_int_t)m->sum.rows));
		return;
	}
	/* a string of JSON is one of YAML */
	text = json_string(m->url);
	line = json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(text);
	if (m->sum.tables != 0)
		(void)printf("%" PRId64 " tables, %" PRId64 " rows: the same "
		    "on both sides\n", m->sum.tables, m->sum.rows);
	(void)printf("write this into %s, then start certvigil:\n"
	    "database: %s\n", c->path != NULL ? c->path :
	    "the configuration", line);
	free(line);
	if (m->ctx->quiet)
		return;
	(void)fprintf(stderr, "certvigil: the old database refuses to be "
	    "worked on from now on; ");
	if (m->ctx->embed != NULL)
		(void)fprintf(stderr, "when the new one has proven itself, "
		    "rm -r %s/pg (the keys in %s stay where they are)\n",
		    c->state_dir, c->state_dir);
	else
		(void)fprintf(stderr, "drop it when the new one has proven "
		    "itself\n");
}

/* It was moved there before: is it still there? */
static int
still_there(struct dbmove *m, struct err *e)
{
	int	have;

	if (migrate_have(m->to, &have, e) == -1)
		return -1;
	return have != 0 ? 0 : err_set(e, ERR_CONF, "this database was moved "
	    "there, and nothing is there any more: to use this one again, "
	    "`certvigil db psql -c 'delete from database_move'`");
}

/* Go on from where a move is: 0 or -1. */
static int
proceed(struct dbmove *m, struct err *e)
{
	enum move_state	 old, new;
	char		*peer = NULL;
	int		 rc = -1;

	if (move_state(m->ctx->db, &old, &peer, e) == -1 ||
	    move_state(m->to, &new, NULL, e) == -1)
		goto out;
	if (old == MOVE_INCOMING || (old == MOVE_MOVED &&
	    strcmp(peer, m->url) != 0)) {
		(void)move_check(m->ctx->db, e);
		goto out;
	}
	if (new == MOVE_MOVED) {
		(void)err_set(e, ERR_CONF, "the database there was moved "
		    "away itself: choose another one");
		goto out;
	}
	/* what came before somebody killed us comes again */
	if (new == MOVE_INCOMING)
		m->replace = 1;
	if (old == MOVE_NONE)
		rc = transfer(m, e) == 0 ? arrive(m, e) : -1;
	else if (new == MOVE_INCOMING)
		rc = move_same(m->ctx->db, m->to, &m->sum, e) == 0 ?
		    arrive(m, e) : -1;
	else
		rc = still_there(m, e);
out:
	free(peer);
	return rc;
}

int
dbmove(struct cmd_ctx *ctx, const char *url, int replace)
{
	struct dbmove	m = { .ctx = ctx, .url = url, .replace = replace };
	struct err	e = ERR_INIT;
	int		rc = 0;

	m.file = mem_printf("%s/move.dump", ctx->conf->state_dir);
	sweep(m.file);
	if (open_from(&m, &e) == -1 || open_to(&m, &e) == -1 ||
	    proceed(&m, &e) == -1)
		rc = cmd_fail(&e);
	else
		told(&m);
	db_close(m.to);
	dbplace_free(&m.from);
	free(m.file);
	return rc;
}
