#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clk.h"
#include "tests/unit/auditor/outbox_fixture.h"

static void
test_groups(void **state)
{
	static const char by[] = "'{kind,issuer_owner}', '60 s'";
	struct finding f = a_finding("s0");
	struct outbox_item *it;
	struct message m = MESSAGE_INIT;
	char subject[16];
	int i;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("chat", "slack");
	add_channel("pd", "pagerduty");
	add_route(1, "{}", "{soc,chat,pd}", by);
	for (i = 0; i < 25; i++) {
		snprintf(subject, sizeof(subject), "s%d", i);
		f.subject = subject;
		opened(&f, 1);
	}
	assert_int_equal(pending("soc"), 1);
	assert_int_equal(pending("chat"), 1);
	assert_int_equal(pending("pd"), 25);	/* an incident each */
	assert_int_equal(number("select cardinality(events) from delivery "
	    "where channel = 'soc'"), 25);
	/* The same id for every channel: the first event's. */
	assert_int_equal(number("select count(distinct webhook_id) from "
	    "delivery where channel <> 'pd'"), 1);
	f.issuer_owner = "other.example";
	f.subject = "t";
	opened(&f, 1);
	assert_int_equal(pending("soc"), 2);
	/* Not due before the wait has ended; closed when it was claimed. */
	run("delete from delivery where channel <> 'soc'");
	assert_int_equal(attempt(&good), 0);
	hurry();
	assert_int_equal(claim(&it, 1), 1);
	OK(outbox_message(db, it, &m, e));
	assert_int_equal(json_array_size(m.findings), LIMIT_MESSAGE_FINDINGS);
	assert_int_equal(m.more, 25 - LIMIT_MESSAGE_FINDINGS);
	message_free(&m);
	outbox_item_free(it, 1);
	f.issuer_owner = "ca.example";
	f.subject = "u";
	opened(&f, 1);
	assert_int_equal(number("select count(*) from delivery where channel "
	    "= 'soc'"), 3);
}

/* A full group: the next event starts another. */
static void
test_group_limit(void **state)
{
	struct finding f = a_finding("a");

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_route(1, "{}", "{soc}", "'{kind}', '60 s'");
	opened(&f, 1);
	run("update delivery set events = array_fill(events[1], array[499])");
	f.subject = "b";
	opened(&f, 1);
	assert_int_equal(pending("soc"), 1);
	f.subject = "c";
	opened(&f, 1);
	assert_int_equal(pending("soc"), 2);
}

static void
test_routes(void **state)
{
	struct finding f = a_finding("a");

	(void)state;
	empty();
	add_channel("one", "webhook");
	add_channel("two", "webhook");
	add_channel("three", "webhook");
	add_route(1, "{\"severity\": [\"critical\"], \"owner\": \"team-b\"}",
	    "{one,two}", NULL);
	add_route(2, "{\"kind\": [\"log.stale\"]}", "{missing}", NULL);
	add_route(3, "{}", "{three}", NULL);
	opened(&f, 1);
	assert_int_equal(pending("one") + pending("two"), 0);
	assert_int_equal(pending("three"), 1);
	f.subject = "b";
	f.severity = "critical";
	opened(&f, 1);
	assert_int_equal(pending("one") + pending("two"), 2);
	assert_int_equal(pending("three"), 1);
	/* A route to nobody: better everybody than nobody. */
	f.subject = "c";
	f.kind = "log.stale";
	f.severity = "medium";
	opened(&f, 1);
	assert_int_equal(number("select count(*) from delivery"), 6);
}

static void
test_digest(void **state)
{
	struct conf_strs to = { NULL, 0 };
	char *names[] = { (char *)(uintptr_t)"soc" };
	struct finding f = a_finding("a");
	struct outbox_item *it;
	struct message m = MESSAGE_INIT;
	int64_t now;
	int sent;

	(void)state;
	empty();
	add_channel("soc", "webhook");
	add_channel("other", "slack");
	f.digest_only = 1;
	opened(&f, 1);
	now = clk_wall();
	OK(outbox_digest(db, &to, now - 3600 * CLK_SEC, &sent, e));
	assert_int_equal(sent, 0);	/* the first: a beginning only */
	OK(outbox_digest(db, &to, now - 3600 * CLK_SEC, &sent, e));
	assert_int_equal(sent, 0);
	to.v = names;
	to.n = 1;
	OK(outbox_digest(db, &to, now + 3600 * CLK_SEC, &sent, e));
	assert_int_equal(sent, 1);
	OK(outbox_digest(db, &to, now + 3600 * CLK_SEC, &sent, e));
	assert_int_equal(sent, 0);
	assert_int_equal(pending("soc"), 1);
	assert_int_equal(pending("other"), 0);
	assert_int_equal(claim(&it, 1), 1);
	OK(outbox_message(db, it, &m, e));
	assert_non_null(strstr(message_get(m.data, "text"),
	    "Lowered by policy: 1"));
	assert_int_equal(json_array_size(json_object_get(json_object_get(
	    m.data, "lowered"), "findings")), 1);
	message_free(&m);
	outbox_item_free(it, 1);
}

static void
test_cert(void **state)
{
	static const char tbs[] = "aa" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct exec_cert c = EXEC_CERT_INIT;

	(void)state;
	empty();
	run("insert into operator (name) values ('op');"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list) select "
	    "'\\x01', id, 'Log', 'rfc6962', 'https://log.example/', "
	    "'https://log.example/', '\\x00', 86400, 'usable', 'file', true "
	    "from operator;"
	    "insert into entry (log_ref, index, timestamp_ms, entry_type, "
	    "leaf, leaf_hash, tbs_sha256, cert_sha256) select id, 7, 1, "
	    "'precert', '\\x00', '\\xff', decode(repeat('aa', 32), 'hex'), "
	    "'\\xbb' from log;"
	    "insert into issuance (tbs_sha256, issuer_spki_sha256, serial, "
	    "spki_sha256, names, not_before, not_after) values "
	    "(decode(repeat('aa', 32), 'hex'), '\\x02', '0a', '\\xcc', "
	    "'{a.example,b.example}', '2026-01-01Z', '2026-04-01Z');"
	    "insert into issuer (sha256, spki_sha256, der) values ('\\xdd', "
	    "'\\x02', '\\x3000');"
	    "insert into certificate (sha256, not_after, tbs_sha256, form, "
	    "der, chain) values ('\\xbb', '2026-04-01Z', "
	    "decode(repeat('aa', 32), 'hex'), 'precert', '\\x3003020101', "
	    "'{\"\\\\xdd\"}')");
	OK(outbox_cert(db, tbs, &c, e));
	assert_string_equal(c.log_uri, "https://log.example/");
	assert_int_equal(c.index, 7);
	assert_string_equal(c.cert_type, "precert");
	assert_string_equal(c.leaf_hash, "/w==");
	assert_string_equal(c.cert_sha256, "bb");
	assert_string_equal(c.spki_sha256, "cc");
	assert_string_equal(c.serial, "0a");
	assert_int_equal(json_array_size(c.names), 2);
	assert_string_equal(buf_text(&c.pem),
	    "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n"
	    "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMAA=\n"
	    "-----END CERTIFICATE-----\n");
	exec_cert_free(&c);
	/* What is no hash, and what is not there. */
	memset(&c, 0, sizeof(c));
	OK(outbox_cert(db, "https://x/", &c, e));
	assert_null(c.log_uri);
	OK(outbox_cert(db, "bb" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &c, e));
	assert_null(c.log_uri);
	assert_null(c.spki_sha256);
	exec_cert_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_group_limit),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_cert),
	};

	return SQL_TESTS(tests);
}
