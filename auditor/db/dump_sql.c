#include "auditor/db/dump_sql.h"

#include <stdio.h>
#include <string.h>

#include "auditor/db/migrate.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/sha.h"

const char dump_sql_has_data[] =
    "select 1 where exists (select from log) or exists (select from watch)"
    " or exists (select from known) or exists (select from tree_head)"
    " or exists (select from finding) or exists (select from channel)"
    " or exists (select from source) or exists (select from audit_trail)";

/* Numbers have no gaps, each row names the hash of the one before. */
const char dump_sql_audit[] =
    "select coalesce(min(id), 0) from (select id, hash, prev,"
    " lag(hash, 1, ''::bytea) over (order by id) as want,"
    " row_number() over (order by id) as place,"
    " audit_trail_hash(prev, at, actor, action, detail) as made"
    " from audit_trail) t"
    " where prev <> want or hash <> made or id <> place";

static void
quote(struct buf *b, const char *name)
{
	buf_str(b, "\"");
	for (; *name != '\0'; name++) {
		if (*name == '"')
			buf_str(b, "\"");
		buf_add(b, name, 1);
	}
	buf_str(b, "\"");
}

static void
enter(struct buf *b, const char *schema)
{
	buf_str(b, "set local client_min_messages = warning;\n"
	    "set local search_path = ");
	quote(b, schema);
	buf_str(b, ";\n");
}

/*
 * Our migrations say "create table NAME" at the beginning of a line: put each of
 * that kind between ${before} and ${after}.
 */
static void
each(struct buf *b, const char *kind, const char *before, const char *after)
{
	const struct migrate_step	*s;
	const char			*p;
	char				 start[32];
	size_t				 n;

	(void)snprintf(start, sizeof(start), "\ncreate %s ", kind);
	for (s = migrate_steps; s->sql != NULL; s++) {
		for (p = s->sql; (p = strstr(p, start)) != NULL; ) {
			p += strlen(start);
			n = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
			buf_fmt(b, "%s%.*s%s", before, (int)n, p, after);
		}
	}
}

static void
drop_all(struct buf *b, const char *kind)
{
	char	before[48];

	(void)snprintf(before, sizeof(before), "drop %s if exists ", kind);
	each(b, kind, before, " cascade;\n");
}

char *
dump_sql_taken(void)
{
	struct buf	b = BUF_INIT;

	buf_str(&b, "select relname from pg_class where relnamespace = (select "
	    "oid from pg_namespace where nspname = $1) and relname in (");
	each(&b, "table", "'", "', ");
	each(&b, "view", "'", "', ");
	buf_str(&b, "'schema_migration') order by relname limit 1");
	return (char *)buf_detach(&b, &(size_t){ 0 });
}

char *
dump_sql_before(const char *schema)
{
	struct buf	b = BUF_INIT;

	enter(&b, schema);
	/* who waits for a lock behind us waits for all that we have */
	buf_fmt(&b, "set local lock_timeout = %d;\n", LIMIT_RESTORE_LOCK_MS);
	drop_all(&b, "view");
	drop_all(&b, "table");
	drop_all(&b, "function");
	buf_str(&b, "drop table if exists schema_migration;\n");
	return (char *)buf_detach(&b, &(size_t){ 0 });
}

/* What must be there, behind what the numbers of schemas are. */
static const char check[] =
    "do $$ begin\n"
    "if current_setting('certvigil.restored', true) is distinct from 'yes'"
    " then raise exception 'the backup is broken or is no backup: restore"
    " another one'; end if;\n"
    "if to_regclass('schema_migration') is null or"
    " to_regclass('audit_trail') is null"
    " then raise exception 'it has no tables of certvigil in schema %%:"
    " restore what `certvigil db backup` wrote', current_schema(); end if;\n"
    "if (select max(number) from schema_migration) > %d then raise exception"
    " 'it has schema %%, this program knows schemas up to %d:"
    " restore it with a newer certvigil',"
    " (select max(number) from schema_migration); end if;\n";

/* Those of this program, as they were applied: else migrate_up() refuses. */
static void
same_schemas(struct buf *b)
{
	const struct migrate_step	*s;
	uint8_t				 sum[SHA_LEN];

	buf_str(b, "if exists (select from schema_migration m left join "
	    "(values ");
	for (s = migrate_steps; s->sql != NULL; s++) {
		sha_256(sum, s->sql, strlen(s->sql));
		buf_fmt(b, "%s(%d, '\\x", s == migrate_steps ? "" : ", ",
		    s->number);
		enc_hex(b, sum, sizeof(sum));
		buf_str(b, "'::bytea)");
	}
	buf_str(b, ") as v (n, s) on v.n = m.number where m.sha256 is "
	    "distinct from v.s) then raise exception 'it has a schema of a "
	    "form that this program does not know: restore it with the "
	    "certvigil that made it'; end if;\nend $$;\n");
}

/* A sequence that stands behind its column would give numbers twice. */
static const char sequences[] =
    "do $$ declare r record; top bigint; at bigint; begin\n"
    "for r in select table_name as t, column_name as c,"
    " pg_get_serial_sequence(quote_ident(table_name), column_name) as s"
    " from information_schema.columns"
    " where table_schema = current_schema() and is_identity = 'YES' loop\n"
    "execute format('select max(%I) from %I', r.c, r.t) into top;\n"
    "execute format('select last_value from %s', r.s) into at;\n"
    "if top > at then perform setval(r.s, top); end if;\n"
    "end loop; end $$;\n";

/* A backup may have been made while they were switched off. */
static const char triggers[] =
    "alter table audit_trail enable trigger user;\n";

/* Who worked when the backup was made works here no more. */
static const char workers[] =
    "update work set holder = null, lease_until = null, token = token + 1;\n"
    "delete from worker;\n"
    "update delivery set state = 'pending', holder = null,"
    " lease_until = null, token = token + 1 where state = 'sending';\n";

static const char held[] =
    "update delivery set state = 'dead', done_at = now(),"
    " last_error = 'held at restore' where state = 'pending';\n";

/* What was restored is here, wherever it was moved before or since. */
static const char unmoved[] =
    "do $$ begin if to_regclass('database_move') is not null then"
    " delete from database_move; end if; end $$;\n";

/* An older schema has fewer of them; migrations grant what they add. */
static const char grants[] =
    "do $$ begin if to_regprocedure('grant_roles()') is not null then"
    " perform grant_roles(); end if;\n"
    "if to_regprocedure('grant_functions()') is not null then"
    " perform grant_functions(); end if; end $$;\n";

char *
dump_sql_after(const char *schema, int hold, const char *also)
{
	struct buf	b = BUF_INIT;
	int		n = migrate_newest();

	enter(&b, schema);
	buf_fmt(&b, check, n, n);
	same_schemas(&b);
	buf_str(&b, sequences);
	buf_str(&b, triggers);
	buf_str(&b, workers);
	buf_str(&b, unmoved);
	if (hold)
		buf_str(&b, held);
	if (also != NULL)
		buf_str(&b, also);
	buf_str(&b, grants);
	return (char *)buf_detach(&b, &(size_t){ 0 });
}
