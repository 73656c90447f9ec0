/* What came and was lost, or was ours and is not known: found. */
#include "tests/unit/auditor/loop_fixture.h"

/* What is kept of a certificate, from its own bytes. */
static void
received(void **state)
{
	struct made_logs	logs;
	struct made_ca		ca;
	struct made_leaf	l;
	struct buf		items = BUF_INIT, sct = BUF_INIT;
	struct buf		der = BUF_INIT;
	struct err		e = ERR_INIT;
	const char		*names[] = { "a.example", "*.a.example" };
	const uint8_t		junk[] = { 9, 9 };
	uint8_t			tbs[32];
	struct loop_got		g = { .order = 1, .names = { names, 2 },
	    .serial = "0a", .not_after = 1785000000LL * CLK_SEC,
	    .tbs = { tbs, 32 } };
	size_t			i;

	(void)state;
	made_logs(&logs, 2);
	made_ca(&ca, "root", NULL, 0);
	made_leaf(&l, &ca, 1780000000LL, 1785000000LL);
	for (i = 0; i < 2; i++) {
		l.en.timestamp = 1780000000000ULL + i;
		buf_reset(&sct);
		made_sct(&sct, &logs, i, &l.en);
		made_item(&items, &sct);
	}
	/* one that cannot be read hides none of the others */
	buf_reset(&sct);
	buf_add(&sct, junk, sizeof(junk));
	made_item(&items, &sct);
	made_leaf_done(&l, &items, &der);
	memset(tbs, 0x12, sizeof(tbs));
	g.der = buf_bytes(&der);
	for (i = 0; i < 2; i++)
		if (loop_received(db, &g, &e) == -1)
			fail_msg("%s", e.msg);
	is("select string_agg(timestamp_ms::text || length(log_id), ',' order "
	    "by timestamp_ms) from acme_promise where tbs_sha256 = "
	    "hash('12')", "178000000000032,178000000000132");
	is("select array_to_string(names, ',') || serial || not_after::date "
	    "from acme_received", "a.example,*.a.example0a2026-07-25");
	/* none at all */
	memset(tbs, 0x13, sizeof(tbs));
	g.der = (struct span){ junk, sizeof(junk) };
	assert_int_equal(loop_received(db, &g, &e), 0);
	assert_int_equal(number("select count(*) from acme_received"), 2);
	assert_int_equal(number("select count(*) from acme_promise"), 2);
	made_logs_free(&logs);
	made_ca_free(&ca);
	buf_free(&items);
	buf_free(&sct);
	buf_free(&der);
}

/* --- not received --------------------------------------------------------- */

/* Its certificate is in a log, and the order is ${state}. */
static void
lost(const char *state)
{
	char	*text = mem_printf("select cert('11', '01', now() - interval "
		    "'1 day', 90, '{a.example}'); update acme_order set "
		    "state = '%s', changed_at = now(), url = "
		    "'https://ca/1', error = 'it is gone'", state);

	sql(text);
	free(text);
}

static void
not_received(void **state)
{
	(void)state;
	lost("open");
	sql("update acme_order set changed_at = now() - interval '59 "
	    "minutes'");
	sweep();
	is(FINDINGS, "");
	sql("update acme_order set changed_at = now() - interval '61 "
	    "minutes'");
	sweep();
	sweep();
	is(FINDINGS, LOST "open high web");
	is(EVENTS, "opened");
	is("select reason from finding", "issued with the key of our order "
	    "for a.example, which nobody went on with, and never received: "
	    "\"certvigil renew a.example\" fetches it, \"certvigil revoke "
	    "1111111111111111111111111111111111111111111111111111111111111111"
	    "\" revokes this one");
	is("select detail->>'order' from finding", "https://ca/1");
	/* it is gone on with, and comes */
	sql("insert into acme_received (tbs_sha256, order_id, names, serial, "
	    "not_after, der) values (hash('11'), 1, '{a.example}', '01', "
	    "now() + interval '1 day', ''); update acme_order set state = "
	    "'valid'");
	sweep();
	sweep();
	is(EVENTS, "opened,resolved");
	is("select decided_reason from finding", "it was received");
}

static void
failed(void **state)
{
	static const char *const	over[] = {
		"insert into revocation (issuer_spki_sha256, serial, status) "
		"values (hash('aa'), '01', 'revoked')",
		"update managed_certificate set issued_at = now(), "
		"tbs_sha256 = hash('12')",
		"update issuance set not_after = now()",
	};
	size_t				i;

	for (i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		(void)clear(state);
		/* what was deployed before that order is no newer one */
		sql("update managed_certificate set issued_at = now() - "
		    "interval '9 days', tbs_sha256 = hash('10')");
		lost("failed");
		sweep();
		sweep();
		is(FINDINGS, LOST "open high web");
		is("select detail->>'error' from finding", "it is gone");
		sql(over[i]);
		sweep();
		sweep();
		is(FINDINGS, LOST "resolved high web");
		is(EVENTS, "opened,resolved");
	}
}

/* What is no lost order. */
static void
not_lost(void **state)
{
	static const char *const	why[] = {
		"update acme_order set state = 'valid'",
		"update acme_order set spki_sha256 = hash('bc')",
		"update issuance set issued = 'unchecked'",
		"update issuance set decision = 'misused'",
		"update issuance set not_after = now()",
		"insert into revocation (issuer_spki_sha256, serial, status) "
		"values (hash('aa'), '01', 'revoked')",
	};
	size_t				i;

	for (i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		(void)clear(state);
		lost("failed");
		sql(why[i]);
		sweep();
		is(FINDINGS, "");
	}
	/* nobody keeps it any more: no new one is offered */
	(void)clear(state);
	lost("failed");
	sql("update managed_certificate set removed_at = now()");
	sweep();
	is("select (reason like '%received: \"certvigil revoke 11%')::text "
	    "from finding", "true");
	/* a star is no pattern of the shell's */
	(void)clear(state);
	lost("failed");
	sql("update managed_certificate set name = '*.a.example'");
	sweep();
	is("select (reason like '%renew ''*.a.example''\" fetches%')::text "
	    "from finding", "true");
}

/* --- our key elsewhere ---------------------------------------------------- */

/* An order with key hash('bb') whose expectation has this state. */
static void
expects(const char *state, const char *used)
{
	char	*text = mem_printf("insert into expectation (kind, "
		    "spki_sha256, names, not_before_ms, not_after_ms, state, "
		    "tbs_sha256, origin, author) values ('issuance', "
		    "hash('bb'), '{a.example}', 1000, 3000000, '%s', %s, "
		    "'acme', 'me'); update acme_order set expectation = 1",
		    state, used);

	sql(text);
	free(text);
}

/* hash(${tbs}) for a.example was logged then. */
static void
decided(int tbs, int64_t at_ms)
{
	struct decide_match	m = { 1, 5, at_ms, 1, ".example", "web", "",
	    "a.example", 0, INT64_MIN, 0 };
	uint8_t			id[32];
	struct span		s = { id, 32 };
	struct err		e = ERR_INIT;
	char			*text;

	memset(id, tbs, sizeof(id));
	text = mem_printf("select cert('%02x', '%02x', now() - interval '1 "
	    "day', 90, '{a.example}') where not exists (select from issuance "
	    "where tbs_sha256 = hash('%02x')); update issuance set decision = "
	    "null, facts = null where tbs_sha256 = hash('%02x')", tbs, tbs,
	    tbs, tbs);
	sql(text);
	free(text);
	begin();
	if (decide_issuance(db, &conf, &s, &m, 1, 1, &e) == -1)
		fail_msg("%s", e.msg);
	commit();
}

#define DECISION(t, want) is("select decision || ' ' || rule from issuance " \
	"where tbs_sha256 = hash('" t "')", want)

static void
our_key(void **state)
{
	(void)state;
	expects("open", "null");
	decided(0x11, 2000);
	DECISION("11", "silent 2");
	/* a second one: the order is used up */
	decided(0x12, 2000);
	decided(0x12, 2000);
	DECISION("12", "misused 1");
	is(FINDINGS, "key.misused open critical web");
	is(EVENTS, "opened");
	is("select reason from finding", "a known key outside its bounds: it "
	    "is the key of our order for a.example, which is for one "
	    "certificate: 111111111111111111111111111111111111111111111111111"
	    "1111111111111");
	/* the first one stays what it is */
	decided(0x11, 2000);
	DECISION("11", "silent 2");
	is(EVENTS, "opened");
	/* it is misused, not lost */
	sql("update acme_order set state = 'valid'");
	sweep();
	is(FINDINGS, "key.misused open critical web");
	/* a person trusts the key */
	sql("insert into known (spki_sha256, trust, origin, author) values "
	    "(hash('bb'), 'key', 'accept', 'me')");
	decided(0x12, 2000);
	DECISION("12", "silent 4");
	is(EVENTS, "opened,retracted");
}

static void
our_key_late(void **state)
{
	(void)state;
	/* nobody used it: what fits is the ordered one, seen late */
	expects("expired", "null");
	decided(0x11, 2000);
	DECISION("11", "page 8");
	/* what does not fit is another one */
	(void)clear(state);
	expects("expired", "null");
	decided(0x11, 4000000);
	DECISION("11", "misused 1");
	/* also while it is open */
	(void)clear(state);
	expects("open", "null");
	sql("update expectation set names = '{a.example,b.example}'");
	decided(0x11, 2000);
	DECISION("11", "misused 1");
	/* we received it ourselves */
	(void)clear(state);
	expects("expired", "null");
	sql("select ours('11', '{a.example}')");
	decided(0x11, 4000000);
	DECISION("11", "page 8");
	/* but a thief was faster: both are told of */
	(void)clear(state);
	expects("fulfilled", "hash('12')");
	sql("select ours('11', '{a.example}')");
	decided(0x11, 2000);
	DECISION("11", "misused 1");
	/* a key that no order has, and an order where nothing is logged */
	(void)clear(state);
	expects("fulfilled", "hash('12')");
	sql("update acme_order set spki_sha256 = hash('bc')");
	decided(0x11, 2000);
	DECISION("11", "page 8");
	(void)clear(state);
	expects("fulfilled", "hash('12')");
	sql("update acme_order set expectation = null");
	decided(0x11, 2000);
	DECISION("11", "page 8");
}

/* --- what we revoke ------------------------------------------------------- */

/* Ordered by `revoke`: late after a day. */
static void
not_published(void **state)
{
	struct err	e = ERR_INIT;
	int		i;

	(void)state;
	sql("select cert('11', '01', now() - interval '9 days', 90, "
	    "'{a.example}'); insert into expectation (kind, "
	    "issuer_spki_sha256, serial, not_before_ms, not_after_ms, origin, "
	    "author) values ('revocation', hash('aa'), '01', 0, "
	    AGO("-1 minute") ", 'revoke', 'me')");
	for (i = 0; i < 3; i++) {
		begin();
		if (rev_find_time(db, &e) == -1)
			fail_msg("%s", e.msg);
		commit();
		is(EVENTS, i == 0 ? "" : "opened");
		if (i == 0)
			sql("update expectation set not_after_ms = "
			    AGO("1 minute"));
	}
	is(FINDINGS, "revocation.not_published open high web");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(received, clear),
		cmocka_unit_test_setup(not_received, clear),
		cmocka_unit_test_setup(failed, clear),
		cmocka_unit_test_setup(not_lost, clear),
		cmocka_unit_test_setup(our_key, clear),
		cmocka_unit_test_setup(our_key_late, clear),
		cmocka_unit_test_setup(not_published, clear),
	};

	return SQL_TESTS(tests);
}
