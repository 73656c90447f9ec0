#include "auditor/db/silence.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/row.h"
#include "base/clk.h"
#include "base/mem.h"
#include "pki/watch.h"

/* Refuse what would mute by mistake. */
static int
check(const struct silence *s, int64_t now, struct err *e)
{
	char canon[WATCH_TEXT], text[CLK_TEXT];

	if (s->finding_id == 0 && s->kind == NULL && s->name == NULL &&
	    s->owner == NULL)
		return err_set(e, ERR_USAGE, "a silence names a finding, a "
		    "kind, a name or an owner; this one would mute "
		    "everything");
	if (s->reason == NULL || s->reason[0] == '\0')
		return err_set(e, ERR_USAGE, "a silence needs --reason TEXT");
	if (s->until <= now)
		return err_set(e, ERR_USAGE, "a silence needs an end in the "
		    "future: --for 2h or --until DATE; %s is not",
		    clk_text(s->until, text));
	if (s->name != NULL && watch_canon(s->name, canon, e) == -1)
		return err_prefix(e, "--name");
	return 0;
}

int
silence_add(struct db *db, const struct silence *s, int64_t *id,
    struct err *e)
{
	struct db_res *res = NULL;
	char canon[WATCH_TEXT];

	if (check(s, clk_wall(), e) == -1)
		return -1;
	if (s->name != NULL && watch_canon(s->name, canon, e) == -1)
		return -1;
	if (db_query(db, &res, e, "select from finding where id = $1 or "
	    "$1 = 0 limit 1", "i", s->finding_id) == -1)
		return -1;
	if (s->finding_id != 0 && db_rows(res) == 0) {
		db_free(res);
		return err_set(e, ERR_NOENT, "there is no finding %lld; "
		    "\"certvigil findings\" lists them",
		    (long long)s->finding_id);
	}
	db_free(res);
	if (db_query(db, &res, e, "insert into silence (finding_id, kind, "
	    "name, owner, until, author, reason, allow_critical) values "
	    "(nullif($1::bigint, 0), $2, $3, $4, $5, $6, $7, $8) returning id",
	    "issstssB", s->finding_id, s->kind,
	    s->name == NULL ? NULL : canon, s->owner, s->until, s->author,
	    s->reason, s->allow_critical) == -1)
		return -1;
	if (id != NULL)
		*id = db_int(res, 0, 0);
	db_free(res);
	return 0;
}

int
silence_end(struct db *db, int64_t id, struct err *e)
{
	struct db_res *res = NULL;
	size_t n;

	if (db_query(db, &res, e, "update silence set ended_at = now() "
	    "where id = $1 and ended_at is null and until > now() "
	    "returning id", "i", id) == -1)
		return -1;
	n = db_rows(res);
	db_free(res);
	if (n == 0)
		return err_set(e, ERR_NOENT, "there is no silence %lld in "
		    "force; \"certvigil silence list\" lists them",
		    (long long)id);
	return 0;
}

json_t *
silence_list(struct db *db, int live, struct err *e)
{
	struct db_res *res = NULL;
	json_t *a;
	size_t i;

	if (db_query(db, &res, e, "select s.id, s.finding_id, s.kind, s.name, "
	    "s.owner, s.until, s.author, s.reason, s.allow_critical, "
	    "s.added_at, s.ended_at, (select count(*) from finding_event v "
	    "where v.muted_by = s.id) from silence s where not $1::boolean or "
	    "(s.ended_at is null and s.until > now()) order by s.id", "B",
	    live) == -1)
		return NULL;
	a = json_array();
	for (i = 0; i < db_rows(res); i++)
		json_array_append_new(a, json_pack("{s:I, s:o, s:o, s:o, s:o, "
		    "s:o, s:o, s:o, s:b, s:o, s:o, s:I}",
		    "id", (json_int_t)db_int(res, i, 0), "finding",
		    row_int(res, i, 1), "kind", row_str(res, i, 2),
		    "name", row_str(res, i, 3), "owner", row_str(res, i, 4),
		    "until", row_time(res, i, 5), "author", row_str(res, i, 6),
		    "reason", row_str(res, i, 7), "allow_critical",
		    db_bool(res, i, 8), "added_at", row_time(res, i, 9),
		    "ended_at", row_time(res, i, 10), "muted",
		    (json_int_t)db_int(res, i, 11)));
	db_free(res);
	return a;
}

int
silence_match(struct db *db, const struct route_facts *f, size_t n,
    int64_t *id, struct err *e)
{
	struct db_res *res = NULL;
	const char **s;
	int64_t *ids;
	size_t i, k;
	int rc;

	ids = mem_array(n + 1, sizeof(*ids));
	s = mem_array(3 * n + 1, sizeof(*s));
	for (i = 0; i < n; i++) {
		ids[i] = f[i].id;
		s[i] = f[i].kind;
		s[n + i] = f[i].owner;
		s[2 * n + i] = f[i].severity;
		id[i] = 0;
	}
	rc = db_query(db, &res, e, "select t.nr, s.id, s.name from silence s, "
	    "unnest($1, $2, $3, $4) with ordinality t (id, kind, owner, "
	    "severity, nr) where s.ended_at is null and s.until > now() and "
	    "(s.finding_id is null or s.finding_id = t.id) and "
	    "(s.kind is null or s.kind = t.kind) and "
	    "(s.owner is null or s.owner = t.owner) and "
	    "(t.severity <> 'critical' or s.allow_critical) order by s.id",
	    "Iaaa", &(struct db_ints){ ids, n }, &(struct db_strs){ s, n },
	    &(struct db_strs){ s + n, n }, &(struct db_strs){ s + 2 * n, n });
	free(ids);
	free(s);
	for (i = 0; rc == 0 && i < db_rows(res); i++) {
		k = (size_t)db_int(res, i, 0) - 1;
		if (k < n && id[k] == 0 && (db_null(res, i, 2) ||
		    route_covers(db_text(res, i, 2), &f[k])))
			id[k] = db_int(res, i, 1);
	}
	db_free(res);
	return rc;
}
