/* What sources said, kept. */
#include "auditor/db/rev_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"

/* --- words ----------------------------------------------------------------- */

#define HISTORY	"select string_agg(status || coalesce(' ' || reason, ''), ',' " \
		"order by id) from revocation_status"

static void
words_once(void **state)
{
	struct rev_word	w;
	int		i;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	for (i = 0; i < 3; i++) {
		rev_say(1, "01", REV_GOOD, -1);
		rev_say(2, "01", REV_GOOD, -1);
	}
	is(HISTORY, "good,good");
	/* evidence is that of the first sight */
	w = rev_word("01", REV_REVOKED, 1, -100);
	for (i = 0; i < 3; i++) {
		rev_put(1, &w, 1);
		w.raw = SPAN_STR("another");
	}
	is(HISTORY, "good,good,revoked 1");
	is("select form || encode(raw, 'escape') || encode(sha256, 'escape') "
	    "from revocation_status order by id desc limit 1",
	    "crlevidencehash");
	/* another reason, another date: history */
	w.reason = 4;
	rev_put(1, &w, 1);
	w.stated_at -= CLK_SEC;
	rev_put(1, &w, 1);
	w.reason = -1;
	rev_put(1, &w, 1);
	is(HISTORY, "good,good,revoked 1,revoked 4,revoked 4,revoked");
	/* what is not known takes nothing back; good does */
	rev_say(1, "01", REV_UNKNOWN, -1);
	is("select count(*)::text from revocation_status", "6");
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(1, "01", REV_UNKNOWN, -1);
	rev_say(1, "01", REV_UNKNOWN, -1);
	is(HISTORY, "good,good,revoked 1,revoked 4,revoked 4,revoked,good,"
	    "unknown");
	is("select refusal from revocation_status where status = 'unknown'",
	    "it cannot be read");
}

/* What an OCSP answer says is seen again; of a CRL its source is. */
static void
words_seen(void **state)
{
	struct rev_word	w = rev_word("01", REV_GOOD, -1, 0);

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{http://o}')");
	rev_put(1, &w, 1);
	w.fresh_until = clk_wall() + 3600 * CLK_SEC;
	rev_put(2, &w, 1);
	sql("update revocation_status set last_seen = now() - interval "
	    "'1 day'");
	w.fresh_until += 3600 * CLK_SEC;
	rev_put(2, &w, 1);
	w.fresh_until = INT64_MIN;
	rev_put(1, &w, 1);
	is("select string_agg((last_seen > now() - interval '1 hour')::text, "
	    "' ' order by source_id) from revocation_status", "false true");
	is("select (fresh_until > now() + interval '90 minutes')::text from "
	    "revocation_status where source_id = 2", "true");
}

/* No answer does not end one that was good; "I do not know it" does. */
static void
words_silent(void **state)
{
	struct rev_word	w = rev_word("01", REV_UNKNOWN, -1, 0);

	(void)state;
	sql("select named('11', '01', '{a}', '{}', '{http://o}')");
	w.said = 0;
	rev_put(1, &w, 1);
	is(HISTORY, "unknown");
	rev_say(1, "01", REV_GOOD, -1);
	rev_put(1, &w, 1);
	is(HISTORY, "unknown,good");
	w.said = 1;
	rev_put(1, &w, 1);
	is(HISTORY, "unknown,good,unknown");
}

/* More than one statement's worth, the same twice. */
static void
words_many(void **state)
{
	static char	 text[5107][12];
	struct rev_word	*w = mem_array(5107, sizeof(*w));
	size_t		 i;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}')");
	for (i = 0; i < 5107; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%06zx", i / 2);
		w[i] = rev_word(text[i], i % 7 == 0 ? REV_REVOKED : REV_GOOD,
		    -1, 0);
	}
	for (i = 0; i < 5107; i++)
		(void)snprintf(text[i], sizeof(text[i]), "%06zx", i);
	rev_put(1, w, 5107);
	rev_put(1, w, 5107);
	is("select count(*) || ' ' || count(distinct serial) || ' ' || "
	    "count(*) filter (where status = 'revoked') from "
	    "revocation_status", "5107 5107 730");
	/* one serial twice in a statement is one row */
	w[1].serial = w[0].serial = "ffff";
	w[1].status = REV_GOOD;
	w[0].status = REV_GOOD;
	rev_put(1, w, 2);
	is("select count(*)::text from revocation_status where serial = "
	    "'ffff'", "1");
	free(w);
}

/* Evidence is kept whole, however much of it comes at once. */
static void
words_large(void **state)
{
	static char	 text[40][8];
	struct rev_word	 w[40];
	struct buf	 crl = BUF_INIT;
	size_t		 i;

	(void)state;
	sql("select named('11', '01', '{a}', '{http://c}', '{}')");
	memset(buf_room(&crl, 1 << 20), 0x5a, 1 << 20);
	crl.n = 1 << 20;
	for (i = 0; i < 40; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%zx", i + 1);
		w[i] = rev_word(text[i], REV_REVOKED, 1, 0);
		w[i].raw = buf_bytes(&crl);
	}
	rev_put(1, w, 40);
	is("select count(*) || ' ' || min(length(raw)) from "
	    "revocation_status", "40 1048576");
	buf_free(&crl);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup(words_once, rev_clear),
		cmocka_unit_test_setup(words_seen, rev_clear),
		cmocka_unit_test_setup(words_silent, rev_clear),
		cmocka_unit_test_setup(words_many, rev_clear),
		cmocka_unit_test_setup(words_large, rev_clear)
	};

	return SQL_TESTS(tests);
}
