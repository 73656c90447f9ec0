#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/cmd/cmd.h"
#include "auditor/conf.h"
#include "auditor/db/baseline.h"
#include "auditor/decide.h"
#include "base/buf.h"
#include "base/enc.h"
#include "tests/unit/auditor/sql.h"

/* The commands that judge what was found: accept, baseline, why. */

extern const struct cmd cmd_accept, cmd_baseline, cmd_why;

static struct conf	 conf;
static struct cmd_ctx	 ctx;
static uint8_t		 tbs[3][32];
static char		 hex[3][65];

/* Run a command; its standard output goes to ${out} when not NULL. */
static int
run(const struct cmd *c, struct buf *out, const char *line)
{
	static char	 text[400];
	char		*argv[20], *save = NULL, *p, chunk[4096];
	FILE		*tmp = tmpfile();
	int		 argc = 0, keep, rc;
	size_t		 n;

	snprintf(text, sizeof(text), "%s", line);
	for (p = strtok_r(text, " ", &save); p != NULL && argc < 19;
	    p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	argv[argc] = NULL;
	fflush(stdout);
	keep = dup(STDOUT_FILENO);
	dup2(fileno(tmp), STDOUT_FILENO);
	rc = c->run(&ctx, argc, argv);
	fflush(stdout);
	dup2(keep, STDOUT_FILENO);
	close(keep);
	rewind(tmp);
	while (out != NULL && (n = fread(chunk, 1, sizeof(chunk), tmp)) > 0)
		buf_add(out, chunk, n);
	fclose(tmp);
	db_rollback(db);
	return rc;
}

/* The same with a word for %s. */
static int
runf(const struct cmd *c, const char *line, const char *word)
{
	const char	*at = strstr(line, "%s");
	char		 text[400];

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - line), line, word,
	    at + 2);
	return run(c, NULL, text);
}

/* So many seconds behind the beginning of the watch. */
static int64_t	late;

/* Issuance ${i}, decided with the watch of one or two owners. */
static void
issue(int i, const char *names, int baseline, int nowners)
{
	struct decide_match	m[2] = {
		{ 1, i, 1790000000000LL, 1, ".a.example", "", "",
		    "a.example", baseline, INT64_MIN, late },
		{ 1, i, 1790000000000LL, 2, ".a.example", "web", "",
		    "a.example", baseline, INT64_MIN, late },
	};
	struct span		s = { tbs[i], 32 };
	struct err		e = ERR_INIT;

	if (db_query(db, NULL, &e, "insert into issuance (tbs_sha256,"
	    " issuer_spki_sha256, serial, spki_sha256, key_type, names,"
	    " not_before, not_after, issuer_owner, issued) values ($1,"
	    " sha256('ca'), $2::text, sha256('key'), 'p256', $3::text::text[],"
	    " now(), now() + interval '30 d', 'ca.example', 'valid')", "bss",
	    &s, hex[i], names) == -1 || db_begin(db, &e) == -1 ||
	    decide_issuance(db, &conf, &s, m, (size_t)nowners, 1, &e) == -1 ||
	    db_commit(db, &e) == -1)
		fail_msg("%s", e.msg);
}

static int
clean(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(tbs[i], 0x30 + i, 32);
		enc_hex_to(hex[i], tbs[i], 32);
	}
	ctx.json = 0;
	sql("truncate issuance, certificate_name, known, finding,"
	    " finding_event, delivery, watch, entry_match restart identity"
	    " cascade; insert into watch (pattern, owner, origin) values"
	    " ('.a.example', '', 'cli'), ('.a.example', 'web', 'cli')");
	return 0;
}

#define STATES "select string_agg(owner || ':' || state, ',' order by" \
	" owner, id) from finding"

static void
accept_issuance(void **state)
{
	(void)state;
	issue(0, "{a.example}", 0, 2);
	is(STATES, ":open,web:open");
	assert_int_equal(run(&cmd_accept, NULL, "accept 1"), 64);
	assert_int_equal(run(&cmd_accept, NULL, "accept 1 --reason r"), 64);
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 1 --scope moon --reason r"), 64);
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 1 --scope issuance --until 2030-01-01 --reason r"), 64);
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 99 --scope issuance --reason r"), 1);
	is(STATES, ":open,web:open");
	is("select count(*) from known", "0");
	/* One is accepted, the other owner's has no reason any more. */
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 1 --scope issuance --reason r"), 0);
	is(STATES, ":accepted,web:resolved");
	is("select decision || rule from issuance", "silent3");
	is("select trust || origin || reason || array_to_string(names, ',')"
	    " from known", "issuanceacceptra.example");
	/* The next certificate with that key is news. */
	issue(1, "{a.example}", 0, 1);
	is("select decision || rule from issuance where serial like '31%'",
	    "page8");
	/* By hash, all of its findings. */
	assert_int_equal(runf(&cmd_accept,
	    "accept %s --scope issuance --reason r", hex[1]), 0);
	is(STATES, ":accepted,:accepted,web:resolved");
	is("select count(*) from audit_trail where action = 'accept'", "2");
}

static void
accept_key(void **state)
{
	(void)state;
	issue(0, "{a.example,b.a.example}", 0, 1);
	/* Bounds that leave out the certificate itself, or have ended. */
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 1 --scope key --names a.example --reason r"), 64);
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 1 --scope key --until 2020-01-01 --reason r"), 64);
	assert_int_equal(run(&cmd_accept, NULL, "accept 1 --scope key --names"
	    " .a.example --until 2040-06-01 --reason r"), 0);
	is(STATES, ":accepted");
	is("select decision || rule from issuance", "silent4");
	is("select trust || issuer_owner || until from known",
	    "keyca.example2040-06-01 23:59:59.999999+00");
	issue(1, "{c.a.example}", 0, 1);
	is("select decision || rule from issuance where serial like '31%'",
	    "silent4");
	/* Beyond its names it is misuse, whoever accepted. */
	issue(2, "{other.example}", 0, 1);
	is("select decision || rule from issuance where serial like '32%'",
	    "misused1");
	/* A key that is compromised cannot be accepted. */
	sql("insert into known (spki_sha256, trust, origin, author) values"
	    " (sha256('key'), 'compromised', 'import', 't')");
	assert_int_equal(runf(&cmd_accept,
	    "accept %s --scope key --reason r", hex[2]), 64);
	assert_int_equal(runf(&cmd_accept,
	    "accept %s --scope issuance --reason r", hex[2]), 0);
	is("select decision || rule from issuance where serial like '32%'",
	    "misused1");
}

static void
accept_other(void **state)
{
	(void)state;
	sql("insert into finding (kind, subject, dedupe_key, severity) values"
	    " ('log.stale', 'x', 'x', 'high')");
	assert_int_equal(run(&cmd_accept, NULL,
	    "accept 1 --scope issuance --reason r"), 64);
	assert_int_equal(run(&cmd_accept, NULL, "accept 1 --reason r"), 0);
	is("select state from finding", "accepted");
}

/* Of the second issuance: so many seconds; and of the group, how many. */
static void
late_are(int i, int64_t want, int64_t n)
{
	struct baseline_filter	f = { .name = "b.a.example" };
	struct db_res		*r = NULL;
	struct err		e = ERR_INIT;

	if (baseline_list(db, &f, &r, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_rows(r), 1);
	assert_int_equal(db_int(r, 0, BASELINE_LATE), want);
	db_free(r);
	r = NULL;
	memset(&f, 0, sizeof(f));
	if (baseline_group(db, &f, "issuer_owner", &r, &e) == -1)
		fail_msg("%s", e.msg);
	assert_int_equal(db_int(r, (size_t)i, BASELINE_GROUP_LATE), n);
	db_free(r);
}

static void
baseline(void **state)
{
	(void)state;
	issue(0, "{a.example}", 1, 2);
	late = 3 * 86400;
	issue(1, "{b.a.example}", 1, 1);
	late = -7;
	issue(2, "{c.a.example}", 1, 1);
	late = 0;
	is("select count(*) from finding", "0");
	/* a log whose first head came late: said, and of the baseline */
	is("select string_agg(coalesce(facts::jsonb->'watches'->0->>'late_s', '-'),"
	    " ' ' order by serial) from issuance", "- 259200 -");
	late_are(0, 259200, 1);
	assert_int_equal(run(&cmd_baseline, NULL, "baseline accept"), 64);
	assert_int_equal(run(&cmd_baseline, NULL, "baseline reject xyz"), 64);
	assert_int_equal(run(&cmd_baseline, NULL,
	    "baseline accept --name b.a.example"), 0);
	is("select string_agg(decision || coalesce(rule, 0), ',' order by"
	    " serial) from issuance", "baseline5,silent3,baseline5");
	assert_int_equal(runf(&cmd_baseline, "baseline reject %s --reason no",
	    hex[0]), 0);
	is(STATES, ":rejected,web:rejected");
	is("select severity || rule from finding", "critical5");
	is("select decision || rule from issuance where serial like '30%'",
	    "page5");
	/* It is settled: not in the baseline any more. */
	assert_int_equal(runf(&cmd_baseline, "baseline reject %s", hex[0]),
	    1);
	assert_int_equal(run(&cmd_baseline, NULL, "baseline accept all"), 0);
	is("select count(*) from issuance where decision = 'baseline'", "0");
	is(STATES, ":rejected,web:rejected");
}

static void
why(void **state)
{
	struct buf	 out = BUF_INIT;
	json_t		*v;
	int		 i;
	char		 want[16];

	(void)state;
	issue(0, "{a.example}", 0, 2);
	assert_int_equal(run(&cmd_why, &out, "why 1"), 0);
	assert_non_null(strstr(buf_text(&out), hex[0]));
	assert_non_null(strstr(buf_text(&out), "For web: page by rule 8"));
	for (i = 1; i <= 8; i++) {
		snprintf(want, sizeof(want), "\n  %d ", i);
		assert_non_null(strstr(buf_text(&out), want));
	}
	assert_non_null(strstr(buf_text(&out), "expect issuance --csr"));
	buf_reset(&out);
	ctx.json = 1;
	assert_int_equal(run(&cmd_why, &out, "why 2"), 0);
	v = json_loads(buf_text(&out), 0, NULL);
	assert_non_null(v);
	assert_int_equal(json_integer_value(json_object_get(v, "rule")), 8);
	assert_int_equal(json_array_size(json_object_get(json_object_get(v,
	    "facts"), "owners")), 2);
	json_decref(v);
	assert_int_equal(run(&cmd_why, NULL, "why 77"), 1);
	assert_int_equal(run(&cmd_why, NULL, "why x"), 64);
	assert_int_equal(run(&cmd_why, NULL, "why"), 64);
	assert_int_equal(runf(&cmd_why, "why %s", hex[1]), 1);
	buf_free(&out);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
		T(accept_issuance), T(accept_key), T(accept_other),
		T(baseline), T(why),
	};
	int rc;

	if ((db = testdb_open()) == NULL)
		return 0;
	ctx.db = db;
	ctx.conf = &conf;
	ctx.quiet = 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	testdb_close(db);
	return rc;
}
