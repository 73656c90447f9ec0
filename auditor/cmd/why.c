#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/opt.h"
#include "auditor/db/issuance.h"
#include "auditor/db/row.h"
#include "auditor/decide_say.h"
#include "auditor/rule.h"
#include "base/clk.h"
#include "base/enc.h"

extern const struct cmd cmd_why;

static const char *const titles[RULE_COUNT] = {
	"denied", "ordered", "known", "known key", "baseline", "source",
	"allowed issuer", "unexpected"
};

enum { WHY_DECISION, WHY_RULE, WHY_REASON, WHY_FACTS, WHY_HOLD, WHY_DECIDED,
	WHY_FIRST, WHY_LOGGED, WHY_NAMES, WHY_SERIAL, WHY_SPKI, WHY_KEY_TYPE,
	WHY_NOT_BEFORE, WHY_NOT_AFTER, WHY_ISSUER, WHY_FINDINGS, WHY_SAID };

static int
load(struct db *db, const uint8_t tbs[32], struct db_res **r, struct err *e)
{
	struct span t = { tbs, 32 };

	if (db_query(db, r, e,
	    "select decision, coalesce(rule, 0), rule_reason, facts::text,"
	    " hold_until, decided_at, first_seen, logged_at, names, serial,"
	    " encode(spki_sha256, 'hex'), key_type, not_before, not_after,"
	    " issuer_owner, (select coalesce(jsonb_agg(jsonb_build_object("
	    " 'id', f.id, 'kind', f.kind, 'owner', f.owner, 'severity',"
	    " f.severity, 'state', f.state) order by f.id), '[]')::text"
	    " from finding f where f.subject = encode($1, 'hex')),"
	    " (select body from rule_said r where r.id = said limit 1)"
	    " from issuance where tbs_sha256 = $1", "b", &t) == -1)
		return -1;
	if (db_rows(*r) == 0)
		return err_set(e, ERR_NOENT, "there is no such issuance");
	if (db_null(*r, 0, WHY_DECISION))
		return err_set(e, ERR_TEMP, "it was not decided about yet: "
		    "its proof, or its issuer's certificate, is still out");
	return 0;
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "-";
}

static void
line(const char *label, const char *value)
{
	char *s = cmd_clean(value);

	printf("%-12s %s\n", label, s);
	free(s);
}

static void
line_time(const char *label, const struct db_res *r, size_t col)
{
	char at[CLK_TEXT];

	if (!db_null(r, 0, col))
		line(label, clk_text(db_time(r, 0, col), at));
}

static void
print_facts(const char *hex, const struct db_res *r, const json_t *f)
{
	struct buf	 b = BUF_INIT;
	const json_t	*a;
	size_t		 i;

	line("issuance", hex);
	opt_join(r, 0, WHY_NAMES, 10, &b);
	line("names", buf_text(&b));
	line("serial", db_text(r, 0, WHY_SERIAL));
	line("issuer", db_null(r, 0, WHY_ISSUER) ? "not known" :
	    db_text(r, 0, WHY_ISSUER));
	buf_reset(&b);
	buf_fmt(&b, "%s, %s, %s", text(f, "key"), text(f, "key_type"),
	    db_text(r, 0, WHY_SPKI));
	line("key", buf_text(&b));
	buf_reset(&b);
	buf_fmt(&b, "issuer's signature %s; inclusion %s", text(f, "issued"),
	    db_null(r, 0, WHY_LOGGED) ? "not proven yet" : "proven");
	line("proof", buf_text(&b));
	a = json_object_get(f, "entries");
	buf_reset(&b);
	buf_fmt(&b, "%zu, the first at %s", json_array_size(a),
	    text(f, "logged_first"));
	line("log entries", buf_text(&b));
	a = json_object_get(f, "twins");
	for (i = 0; i < json_array_size(a); i++)
		line("twin", json_string_value(json_array_get(a, i)));
	line_time("not before", r, WHY_NOT_BEFORE);
	line_time("not after", r, WHY_NOT_AFTER);
	line_time("first seen", r, WHY_FIRST);
	line_time("proven", r, WHY_LOGGED);
	line_time("decided", r, WHY_DECIDED);
	line_time("again at", r, WHY_HOLD);
	buf_free(&b);
}

static void
print_findings(const json_t *a)
{
	const json_t	*f;
	struct buf	 b = BUF_INIT;
	size_t		 i;

	for (i = 0; i < json_array_size(a); i++) {
		f = json_array_get(a, i);
		buf_reset(&b);
		buf_fmt(&b, "%lld %s, %s, %s%s%s", (long long)
		    json_integer_value(json_object_get(f, "id")),
		    text(f, "kind"), text(f, "severity"), text(f, "state"),
		    text(f, "owner")[0] != '\0' ? ", of " : "",
		    text(f, "owner"));
		line("finding", buf_text(&b));
	}
	buf_free(&b);
}

/* One owner of watches: each rule, why, and what would silence it. */
static void
print_owner(const json_t *o)
{
	const json_t	*a = json_object_get(o, "rules"), *s;
	struct buf	 b = BUF_INIT;
	const char	*mark;
	char		*why;
	size_t		 i;

	buf_fmt(&b, "\nFor %s: %s by rule %lld: %s",
	    text(o, "owner")[0] != '\0' ? text(o, "owner") :
	    "watches without an owner", text(o, "decision"),
	    (long long)json_integer_value(json_object_get(o, "rule")),
	    text(o, "reason"));
	why = cmd_clean(buf_text(&b) + 1);
	printf("\n%s\n", why);
	free(why);
	for (i = 0; i < json_array_size(a) && i < RULE_COUNT; i++) {
		s = json_array_get(a, i);
		mark = json_is_true(json_object_get(s, "decided")) ?
		    "DECIDED" : json_is_true(json_object_get(s, "fires")) ?
		    "too late" : "no";
		why = cmd_clean(text(s, "why"));
		printf("  %zu %-14s  %-8s  %s\n", i + 1, titles[i], mark,
		    why);
		free(why);
	}
	printf("What would make it silent:\n");
	for (i = 0; i < json_array_size(a) && i < RULE_COUNT; i++) {
		s = json_array_get(a, i);
		if (text(s, "silent")[0] == '\0')
			continue;
		why = cmd_clean(text(s, "silent"));
		printf("  %zu %s\n", i + 1, why);
		free(why);
	}
	buf_free(&b);
}

/* What each rule said goes to its owner's answer. */
static void
join(json_t *facts, const char *body, const char *hex)
{
	json_t	*a = json_object_get(facts, "owners"), *said;
	char	*s;
	size_t	 i;

	s = decide_said(body, hex, json_string_value(json_object_get(
	    json_array_get(a, 0), "name")));
	said = json_loads(s, 0, NULL);
	for (i = 0; i < json_array_size(said); i++)
		json_object_set(json_array_get(a, i), "rules",
		    json_array_get(said, i));
	json_decref(said);
	free(s);
}

static void
print_json(const char *hex, const struct db_res *r, json_t *facts,
    json_t *findings)
{
	cmd_json(json_pack("{ss so sI so so so so so so so so so so so so so}",
	    "tbs_sha256", hex,
	    "decision", row_str(r, 0, WHY_DECISION),
	    "rule", (json_int_t)db_int(r, 0, WHY_RULE),
	    "reason", row_str(r, 0, WHY_REASON),
	    "names", row_strs(r, 0, WHY_NAMES),
	    "serial", row_str(r, 0, WHY_SERIAL),
	    "spki_sha256", row_str(r, 0, WHY_SPKI),
	    "issuer_owner", row_str(r, 0, WHY_ISSUER),
	    "not_before", row_time(r, 0, WHY_NOT_BEFORE),
	    "not_after", row_time(r, 0, WHY_NOT_AFTER),
	    "first_seen", row_time(r, 0, WHY_FIRST),
	    "proven_at", row_time(r, 0, WHY_LOGGED),
	    "decided_at", row_time(r, 0, WHY_DECIDED),
	    "again_at", row_time(r, 0, WHY_HOLD),
	    "findings", findings,
	    "facts", facts));
}

static int
run(struct cmd_ctx *ctx, int argc, char **argv)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	json_t		*facts = NULL, *findings = NULL, *a;
	int64_t		 id;
	uint8_t		 tbs[32];
	char		 hex[65];
	size_t		 i;
	int		 rc = 0;

	if (argc != 2)
		return cmd_usage(&cmd_why, "one finding or tbs_sha256 is "
		    "needed");
	if (cmd_db(ctx, &e) == -1 ||
	    issuance_find(ctx->db, argv[1], tbs, &id, &e) == -1 ||
	    load(ctx->db, tbs, &r, &e) == -1) {
		rc = cmd_fail(&e);
		goto out;
	}
	enc_hex_to(hex, tbs, sizeof(tbs));
	facts = json_loads(db_text(r, 0, WHY_FACTS), 0, NULL);
	join(facts, db_text(r, 0, WHY_SAID), hex);
	findings = json_loads(db_text(r, 0, WHY_FINDINGS), 0, NULL);
	if (ctx->json) {
		print_json(hex, r, facts, findings);
		facts = findings = NULL;
		goto out;
	}
	print_findings(findings);
	print_facts(hex, r, facts);
	a = json_object_get(facts, "owners");
	for (i = 0; i < json_array_size(a); i++)
		print_owner(json_array_get(a, i));
out:
	json_decref(facts);
	json_decref(findings);
	db_free(r);
	return rc;
}

const struct cmd cmd_why = {
	.name = "why",
	.args = "ID",
	.brief = "which rule decided, which did not and why, and what would "
	    "silence it",
	.help = "  certvigil why 17\n"
	    "  certvigil why 3f5c...e1 --json\n\n"
	    "ID is a finding or a tbs_sha256.  Silent issuances can be asked "
	    "about too.\n",
	.run = run,
};
