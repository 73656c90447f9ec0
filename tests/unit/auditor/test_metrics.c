#include "auditor/cmd/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/cmd/cmd.h"
#include "auditor/db/coverage_store.h"
#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/audit_fixture.h"

/* Coverage as it is now, and as metrics. */

/* commands of main.c's table, which this program does not have */
const struct cmd *const cmd_table[] = { NULL };

const struct cmd *
cmd_find(const char *name)
{
	(void)name;
	return NULL;
}

static void
must(int rc, const struct err *e)
{
	if (rc == -1)
		fail_msg("%s", e->msg);
}

static int
setup(void **state)
{
	(void)state;
	sql(audit_functions);
	sql("insert into operator (name) values ('nobody'); insert into log "
	    "(log_id, operator_id, description, protocol, url, read_url, key, "
	    "mmd, state, list_source, first_list) values (hash('01'), 1, "
	    "'log \"1\" \\ caf\xc3\xa9', 'rfc6962', 'u', 'u', 'k', 86400, "
	    "'usable', 'file', true); insert into tree_head (log_ref, "
	    "tree_size, root_hash, timestamp_ms, form, raw, verdict) values "
	    "(1, 10, '', 1767225600000, 'sth', '', 'valid')");
	return 0;
}

static void
test_now(void **state)
{
	struct db_res	*r = NULL;
	struct err	 e = ERR_INIT;
	int64_t		 n;

	(void)state;
	must(coverage_store_misbehaved(db, &n, &e), &e);
	assert_int_equal(n, 0);
	must(coverage_store_now(db, 60, 0, &r, &e), &e);
	assert_int_equal(db_rows(r), 1);
	assert_true(db_bool(r, 0, COV_BEHIND));
	assert_true(db_null(r, 0, COV_VERIFIED));
	/* no head was seen: what is left is not 0 */
	assert_true(db_null(r, 0, COV_LAG_ENTRIES));
	assert_true(db_null(r, 0, COV_ETA));
	db_free(r);
	must(db_query(db, NULL, &e, "insert into log_health (log_ref, "
	    "head_size, head_ms, head_at, entries_per_second, "
	    "growth_per_second) values (1, 100, 1767225600000, now(), 10, 1)",
	    ""), &e);
	must(db_query(db, NULL, &e, "insert into log_range values (1, 0, 10, "
	    "'', '', (select max(id) from tree_head))", ""), &e);
	must(coverage_store_now(db, 60, 0, &r, &e), &e);
	assert_true(db_bool(r, 0, COV_BEHIND));
	assert_int_equal(db_int(r, 0, COV_LAG_ENTRIES), 90);
	assert_int_equal(db_int(r, 0, COV_ETA), 10);
	db_free(r);
	must(db_query(db, NULL, &e, "update log_range set size_to = 100", ""),
	    &e);
	/* all was read, but the log shows what is old */
	must(coverage_store_now(db, 60, 0, &r, &e), &e);
	assert_true(db_int(r, 0, COV_LAG) > 300 * 86400);
	assert_int_equal(db_int(r, 0, COV_LAG), db_int(r, 0, COV_HEAD_AGE));
	assert_int_equal(db_int(r, 0, COV_LAG_ENTRIES), 0);
	assert_true(db_null(r, 0, COV_ETA));
	db_free(r);
	must(db_query(db, NULL, &e, "update log_health set head_ms = "
	    "extract(epoch from now()) * 1000", ""), &e);
	must(coverage_store_now(db, 60, 0, &r, &e), &e);
	assert_false(db_bool(r, 0, COV_BEHIND));
	assert_int_equal(db_int(r, 0, COV_LAG), 0);
	assert_int_equal(db_int(r, 0, COV_ETA), 0);
	assert_false(db_null(r, 0, COV_ETA));
	db_free(r);
	must(db_query(db, NULL, &e, "update log_health set failing_since = "
	    "now(), last_error = 'x'", ""), &e);
	must(coverage_store_now(db, 60, 0, &r, &e), &e);
	assert_true(db_bool(r, 0, COV_BEHIND));
	db_free(r);
}

/* OpenMetrics 1.0: each line, each family, the end. */
static void
test_metrics(void **state)
{
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;
	char		*line, *save = NULL, *p, *q, family[200] = "";
	size_t		 samples = 0, families = 0;
	int		 ended = 0;
	struct conf	 conf;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	conf.poll = 60;
	conf.canary_name = (char *)(uintptr_t)"c.example";
	must(metrics_text(db, &conf, &b, &e), &e);
	assert_non_null(strstr(buf_text(&b), "certvigil_canary_missed 0\n"));
	assert_non_null(strstr(buf_text(&b), "certvigil_blind_worst_case_"
	    "seconds{program=\"chrome\",scts=\"embedded\"} 0\n"));
	assert_non_null(strstr(buf_text(&b),
	    "{log=\"log \\\"1\\\" \\\\ caf\xc3\xa9\"} 100\n"));
	for (line = strtok_r((char *)b.p, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		assert_false(ended);
		if (strcmp(line, "# EOF") == 0) {
			ended = 1;
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			(void)sscanf(line + 7, "%199s", family);
			assert_true(strncmp(family, "certvigil_", 10) == 0);
			families++;
		} else if (line[0] == '#') {
			p = strchr(line + 2, ' ');
			assert_non_null(p);
			assert_int_equal(strncmp(p + 1, family,
			    strlen(family)), 0);
			/* a unit is the end of the name */
			if (strncmp(line, "# UNIT ", 7) == 0) {
				q = strchr(p + 1, ' ');
				assert_non_null(q);
				assert_string_equal(family + strlen(family) -
				    strlen(q + 1), q + 1);
			}
		} else {
			assert_int_equal(strncmp(line, family,
			    strlen(family)), 0);
			p = line + strlen(family);
			if (strncmp(p, "_info", 5) == 0)
				p += 5;
			assert_true(*p == '{' || *p == ' ');
			p = strrchr(line, ' ');
			assert_non_null(p);
			(void)strtod(p + 1, &q);
			assert_true(q != p + 1 && *q == '\0');
			samples++;
		}
	}
	assert_true(ended);
	assert_true(families >= 15 && samples >= 15);
	buf_free(&b);
}

static void
test_label(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { "a", "a" }, { "a\"b", "a\\\"b" },
		{ "a\\b", "a\\\\b" }, { "a\nb", "a\\\\x0ab" },
	};
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&b);
		metrics_label(&b, t[i][0]);
		assert_string_equal(buf_text(&b), t[i][1]);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test_setup(test_now, setup),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_label),
	};

	return SQL_TESTS(t);
}
