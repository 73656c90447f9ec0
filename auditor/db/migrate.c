#include "auditor/db/migrate.h"

#include <inttypes.h>
#include <string.h>

#include "auditor/db/db.h"
#include "base/log.h"
#include "base/sha.h"

/* Of all programs that migrate one database, one at a time. */
#define LOCK_KEY	"7202608"

static const char create_table[] =
    "create table if not exists schema_migration ("
    " number int primary key, name text not null, sha256 bytea not null,"
    " applied_at timestamptz not null default now())";

int
migrate_newest(void)
{
	const struct migrate_step	*s;
	int				 n = 0;

	for (s = migrate_steps; s->sql != NULL; s++)
		if (s->number > n)
			n = s->number;
	return n;
}

static const struct migrate_step *
find(int64_t number)
{
	const struct migrate_step	*s;

	for (s = migrate_steps; s->sql != NULL; s++)
		if (s->number == number)
			return s;
	return NULL;
}

/* One applied migration against the one that we know by its number. */
static int
check(const struct db_res *r, size_t row, struct err *e)
{
	const struct migrate_step	*s = find(db_int(r, row, 0));
	struct span			 had = db_bytes(r, row, 2);
	uint8_t				 sum[SHA_LEN];

	if (s == NULL)
		return err_set(e, ERR_CONF, "the database has schema %" PRId64
		    " (%s), and this program (%s) knows schemas up to %d: use "
		    "a newer certvigil", db_int(r, row, 0),
		    db_text(r, row, 1), CERTVIGIL_VERSION, migrate_newest());
	sha_256(sum, s->sql, strlen(s->sql));
	if (had.n != sizeof(sum) || memcmp(had.p, sum, sizeof(sum)) != 0)
		return err_set(e, ERR_CONF, "schema %d (%s) was applied to "
		    "the database in another form than this program (%s) "
		    "has it: use the certvigil that made the database, or a "
		    "newer release of it", s->number, s->name,
		    CERTVIGIL_VERSION);
	return 0;
}

int
migrate_have(struct db *db, int *out, struct err *e)
{
	struct db_res	*r;
	size_t		 i;
	int		 ret = 0;

	*out = 0;
	if (db_query(db, &r, e, "select 1 where"
	    " to_regclass('schema_migration') is not null", "") == -1)
		return -1;
	i = db_rows(r);
	db_free(r);
	if (i == 0)
		return 0;
	if (db_query(db, &r, e, "select number, name, sha256"
	    " from schema_migration order by number desc", "") == -1)
		return -1;
	for (i = 0; i < db_rows(r) && ret == 0; i++)
		ret = check(r, i, e);
	if (ret == 0 && db_rows(r) != 0)
		*out = (int)db_int(r, 0, 0);
	db_free(r);
	return ret;
}

/* The lowest migration above ${have}, or NULL. */
static const struct migrate_step *
after(int have)
{
	const struct migrate_step	*s, *best = NULL;

	for (s = migrate_steps; s->sql != NULL; s++)
		if (s->number > have &&
		    (best == NULL || s->number < best->number))
			best = s;
	return best;
}

static int
record(struct db *db, const struct migrate_step *s, struct err *e)
{
	uint8_t		sum[SHA_LEN];
	struct span	sp = { sum, sizeof(sum) };

	sha_256(sum, s->sql, strlen(s->sql));
	return db_query(db, NULL, e, "insert into schema_migration"
	    " (number, name, sha256) values ($1, $2, $3)", "isb",
	    (int64_t)s->number, s->name, &sp);
}

/*
 * Apply the next one, if any: *done is 1 when there was none.  The lock ends
 * with the transaction; who waited for it finds what the other has done.
 */
static int
apply_next(struct db *db, struct buf *out, int *done, struct err *e)
{
	const struct migrate_step	*s = NULL;
	int				 have = 0;

	if (db_begin(db, e) == -1)
		return -1;
	/* a table that is written anew takes its time */
	if (db_script(db, "set local statement_timeout = 0; "
	    "select pg_advisory_xact_lock(" LOCK_KEY ")", e) == -1 ||
	    db_script(db, create_table, e) == -1 ||
	    migrate_have(db, &have, e) == -1)
		goto err;
	s = after(have);
	*done = s == NULL;
	if (s != NULL && (db_script(db, s->sql, e) == -1 ||
	    record(db, s, e) == -1 ||
	    db_script(db, "notify certvigil_change", e) == -1))
		goto err;	/* (running workers look at once) */
	if (db_commit(db, e) == -1)
		goto err;
	if (s != NULL) {
		log_info("database", "schema %s applied", s->name);
		if (out != NULL)
			buf_fmt(out, "applied %s\n", s->name);
	}
	return 0;
err:
	db_rollback(db);
	if (s != NULL)
		err_prefix(e, "migration %s", s->name);
	else
		err_prefix(e, "migration");
	return -1;
}

/* Whose right it is not is told whose it is: to try again is of no use. */
static int
refused(struct db *db, int have, struct err *e)
{
	struct err	why;

	if (e == NULL || strcmp(db_sqlstate(db), "42501") != 0)
		return -1;
	why = *e;
	err_clear(e);
	return err_set(e, ERR_PERM, "the database has schema %d, this program "
	    "(%s) needs schema %d, and this role of the database may not "
	    "change it: run `certvigil db migrate` as the role that owns the "
	    "tables (%.120s)", have, CERTVIGIL_VERSION, migrate_newest(),
	    why.msg);
}

int
migrate_up(struct db *db, int plan, struct buf *out, struct err *e)
{
	const struct migrate_step	*s;
	int				 have, done = 0;

	if (migrate_have(db, &have, e) == -1)
		return -1;
	if (plan) {
		for (s = after(have); s != NULL; s = after(s->number))
			if (out != NULL)
				buf_fmt(out, "would apply %s\n", s->name);
		return 0;
	}
	if (after(have) == NULL)
		return 0;
	while (!done)
		if (apply_next(db, out, &done, e) == -1)
			return refused(db, have, e);
	return 0;
}
