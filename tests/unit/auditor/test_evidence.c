/* takes: 7 */
#include "tests/unit/auditor/evidence_world.h"

static void
export(const char *what, struct buf *out)
{
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;

	must(evidence_store_what(db, what, ev, &e), &e);
	must(evidence_finish(ev, clk_wall(), out, &e), &e);
	evidence_free(ev);
}

static const char *
tbs_hex(void)
{
	static char	hex[65];

	return enc_hex_to(hex, tbs, 32);
}

static void
test_round(void **state)
{
	static const char *const whats[] = { "1", "2", NULL };
	struct buf	 b = BUF_INIT;
	size_t		 i;
	const char	*what;

	(void)state;
	if (db == NULL)
		skip();
	for (i = 0; i < 3; i++) {
		what = whats[i] != NULL ? whats[i] : tbs_hex();
		buf_reset(&b);
		export(what, &b);
		assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
		assert_non_null(strstr(buf_text(&b), i == 1 ? "\"fork\"" :
		    "\"consistency\""));
	}
	buf_free(&b);
}

/* Whose keys count. */
static void
test_keys(void **state)
{
	struct evidence_keys	 keys = { NULL, { NULL, 0 }, NULL };
	struct buf		 b = BUF_INIT, other = BUF_INIT;
	struct span		 file;
	uint8_t			 wrong[32] = { 9 };
	json_t			*lines;

	(void)state;
	if (db == NULL)
		skip();
	export("1", &b);
	file = buf_bytes(&b);
	assert_int_equal(evidence_verify(file, &keys, &lines),
	    EVIDENCE_UNCHECKED);
	json_decref(lines);
	keys.key = buf_bytes(&w.spki);
	assert_int_equal(evidence_verify(file, &keys, &lines),
	    EVIDENCE_VALID);
	json_decref(lines);
	buf_span(&other, buf_bytes(&w.spki));
	other.p[other.n - 1] ^= 1;
	keys.key = buf_bytes(&other);
	assert_int_equal(evidence_verify(file, &keys, &lines),
	    EVIDENCE_UNCHECKED);
	json_decref(lines);
	keys.key = buf_bytes(&w.spki);
	keys.instance = signer.key;
	assert_int_equal(evidence_verify(file, &keys, &lines),
	    EVIDENCE_VALID);
	json_decref(lines);
	keys.instance = wrong;
	assert_int_equal(evidence_verify(file, &keys, &lines),
	    EVIDENCE_INVALID);
	json_decref(lines);
	buf_free(&b);
	buf_free(&other);
}

/* --- every field changed --- */

static void
flip_all(const char *what, int seal)
{
	struct flips	 f;
	struct buf	 b = BUF_INIT;

	memset(&f, 0, sizeof(f));
	export(what, &b);
	f.root = json_loads(buf_text(&b), 0, NULL);
	f.seal = seal;
	f.instance = instance;
	f.judge = judge;
	flip(&f, f.root);
	(void)printf("finding %s: %zu changes %s, %zu not rejected\n", what,
	    f.n, seal ? "sealed again" : "made", f.missed);
	assert_int_equal(f.missed, 0);
	assert_true(f.n > 500);
	json_decref(f.root);
	buf_free(&b);
}

static void
test_flips(void **state)
{
	(void)state;
	if (db == NULL)
		skip();
	flip_all("1", 0);
	flip_all("2", 0);
}

/* The seal is one proof, what the bytes say another: without the first. */
static void
test_flips_sealed(void **state)
{
	(void)state;
	if (db == NULL)
		skip();
	flip_all("1", 1);
	flip_all("2", 1);
}

static void
test_text(void **state)
{
	struct buf	 b = BUF_INIT, d = BUF_INIT;
	char		*big;
	size_t		 i;

	(void)state;
	if (db == NULL)
		skip();
	export("1", &b);
	/* the last two bytes are the brace and a newline */
	for (i = 0; i < b.n - 1; i += 1 + b.n / 500)
		assert_int_equal(judge(buf_text(&b), i, 0), EVIDENCE_INVALID);
	assert_int_equal(judge(buf_text(&b), b.n - 2, 0), EVIDENCE_INVALID);
	assert_int_equal(judge(buf_text(&b), b.n - 1, 0), EVIDENCE_VALID);
	buf_str(&d, "{\"version\": 1,");
	buf_str(&d, buf_text(&b) + 1);
	assert_int_equal(judge(buf_text(&d), d.n, 0), EVIDENCE_INVALID);
	buf_reset(&d);
	buf_span(&d, buf_bytes(&b));
	buf_str(&d, "{}");
	assert_int_equal(judge(buf_text(&d), d.n, 0), EVIDENCE_INVALID);
	assert_int_equal(judge("", 0, 0), EVIDENCE_INVALID);
	assert_int_equal(judge("[]", 2, 0), EVIDENCE_INVALID);
	big = mem_zero(100u << 20);
	memset(big, ' ', 100u << 20);
	memcpy(big, buf_text(&b), b.n);
	assert_int_equal(judge(big, LIMIT_EVIDENCE, 0), EVIDENCE_VALID);
	assert_int_equal(judge(big, LIMIT_EVIDENCE + 1, 0),
	    EVIDENCE_INVALID);
	assert_int_equal(judge(big, 100u << 20, 0), EVIDENCE_INVALID);
	free(big);
	buf_free(&b);
	buf_free(&d);
}

static void
test_nothing(void **state)
{
	static const struct {
		const char	*what;
		enum err_code	 code;
	} t[] = {
		{ "3", ERR_USAGE }, { "99", ERR_NOENT }, { "0", ERR_USAGE },
		{ "x", ERR_USAGE }, { "", ERR_USAGE },
		{ "0000000000000000000000000000000000000000000000000000000000"
		    "000000", ERR_NOENT },
	};
	struct evidence	*ev;
	struct err	 e;
	size_t		 i;

	(void)state;
	if (db == NULL)
		skip();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ev = evidence_new(&signer);
		err_clear(&e);
		assert_int_equal(evidence_store_what(db, t[i].what, ev, &e),
		    -1);
		assert_int_equal(e.code, t[i].code);
		evidence_free(ev);
	}
}

static void
test_coverage(void **state)
{
	struct evidence	*ev;
	struct err	 e = ERR_INIT;
	struct buf	 b = BUF_INIT;
	int64_t		 day;
	size_t		 n;

	(void)state;
	if (db == NULL)
		skip();
	assert_int_equal(clk_parse("2026-01-02", &day), 0);
	ev = evidence_new(&signer);
	must(evidence_store_coverage(db, day, day, ev, &n, &e), &e);
	assert_int_equal(n, 1);
	must(evidence_finish(ev, clk_wall(), &b, &e), &e);
	evidence_free(ev);
	assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
	flip_both(&b, "coverage");
	assert_non_null(strstr(buf_text(&b), "\"before\""));
	ev = evidence_new(&signer);
	must(evidence_store_coverage(db, day + 86400 * CLK_SEC,
	    day + 86400 * CLK_SEC, ev, &n, &e), &e);
	assert_int_equal(n, 0);
	evidence_free(ev);
	buf_free(&b);
}

/* Export from the first of December up to that day; what verify says. */
static enum evidence_verdict
period(const char *to, struct buf *b)
{
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;
	int64_t		 from, until;
	size_t		 n;

	assert_int_equal(clk_parse("2025-12-01", &from), 0);
	assert_int_equal(clk_parse(to, &until), 0);
	must(evidence_store_coverage(db, from, until, ev, &n, &e), &e);
	buf_reset(b);
	must(evidence_finish(ev, clk_wall(), b, &e), &e);
	evidence_free(ev);
	return judge(buf_text(b), b->n, 0);
}

/* One statement after the other. */
static void
sql_all(const char *text)
{
	struct err	 e = ERR_INIT;
	char		*all = mem_str(text), *one, *rest;

	for (one = strtok_r(all, ";", &rest); one != NULL;
	    one = strtok_r(NULL, ";", &rest))
		must(db_query(db, NULL, &e, one, ""), &e);
	free(all);
}

/* A day that says nothing of the head before it, signed anew. */
static void
forget_before(struct flips *f, json_t *o)
{
	json_t		*t = json_loads(json_string_value(json_object_get(o,
			    "text")), 0, NULL);
	struct buf	 sig = BUF_INIT, b64 = BUF_INIT;
	char		*text;

	json_object_del(o, "before");
	json_object_del(t, "before_sha256");
	text = json_dumps(t, JSON_COMPACT | JSON_SORT_KEYS);
	assert_int_equal(sign_statement(f->instance, SPAN_STR(text), &sig,
	    NULL), 0);
	enc_b64(&b64, sig.p, sig.n);
	json_object_set_new(o, "text", json_string(text));
	json_object_set_new(o, "signature", json_string(buf_text(&b64)));
	free(text);
	json_decref(t);
	buf_free(&sig);
	buf_free(&b64);
}

/* A log under two names: its days would follow each other in neither. */
static void
named_twice(struct flips *f)
{
	json_t		*logs = json_object_get(f->root, "logs"), *o;
	const char	*type;
	size_t		 i, heads = 0, days = 0;

	json_array_append_new(logs, json_deep_copy(json_array_get(logs, 0)));
	json_array_foreach(json_object_get(f->root, "statements"), i, o) {
		type = json_string_value(json_object_get(o, "type"));
		if (strcmp(type, "head") == 0 && heads++ > 0)
			json_object_set_new(o, "log", json_integer(1));
		if (strcmp(type, "attested") == 0 && days++ > 0)
			forget_before(f, o);
	}
	assert_true(heads == 2 && days == 2);
	changed(f, "a log named twice");
}

/* Days follow each other: none is left out, none begins elsewhere. */
static void
test_period(void **state)
{
	static const struct {
		const char		*sql;
		enum evidence_verdict	 want;
	} t[] = {
		{ "select 1", EVIDENCE_VALID },
		{ "update coverage_day set gaps = 1 where day = "
		  "'2026-01-02'", EVIDENCE_INVALID },
		/* a day without a row, said and not said */
		{ "update coverage_day set day = '2026-01-03', verified_at = "
		  "'2026-01-03 00:00Z' where day = '2026-01-02'",
		  EVIDENCE_INVALID },
		{ "update coverage_day set day = '2026-01-03', gaps = 1, "
		  "verified_at = '2026-01-03 00:00Z' where day = "
		  "'2026-01-02'", EVIDENCE_VALID },
		/* entries between two days */
		{ "update coverage_day set size_from = 6 where day = "
		  "'2026-01-02'", EVIDENCE_INVALID },
		{ "update coverage_day set size_from = 4 where day = "
		  "'2026-01-02'", EVIDENCE_INVALID },
		/* proven on another day */
		{ "update coverage_day set verified_at = '2026-01-03 00:00Z' "
		  "where day = '2026-01-02'", EVIDENCE_INVALID },
		{ "update coverage_day set verified_at = '2026-01-01 23:59Z' "
		  "where day = '2026-01-02'", EVIDENCE_INVALID },
		/*
		 * read when its head was not signed yet: clocks differ a bit,
		 * and that of a log (or ours) may be wrong
		 */
		{ "update coverage_day set verified_at = '2026-01-01 00:00Z' "
		  "where day = '2026-01-01'", EVIDENCE_VALID },
		{ "update coverage_day set day = '2025-12-31', verified_at = "
		  "'2025-12-31 23:30Z' where day = '2026-01-01'; update "
		  "coverage_day set gaps = 1 where day = '2026-01-02'",
		  EVIDENCE_VALID },
		{ "update coverage_day set day = '2025-12-31', verified_at = "
		  "'2025-12-31 23:00Z' where day = '2026-01-01'; update "
		  "coverage_day set gaps = 1 where day = '2026-01-02'",
		  EVIDENCE_UNCHECKED },
		{ "update coverage_day set day = '2025-12-31', verified_at = "
		  "'2025-12-31 23:00Z' where day = '2026-01-01'",
		  EVIDENCE_INVALID },
	};
	struct flips	f;
	struct err	e = ERR_INIT;
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	if (db == NULL)
		skip();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		must(db_begin(db, &e), &e);
		sql_all(t[i].sql);
		if (period("2026-01-04", &b) != t[i].want)
			fail_msg("case %zu", i);
		db_rollback(db);
	}
	assert_int_equal(period("2026-01-02", &b), EVIDENCE_VALID);
	memset(&f, 0, sizeof(f));
	f.root = json_loads(buf_text(&b), 0, NULL);
	f.instance = instance;
	f.judge = judge;
	f.seal = f.days = 1;
	flip(&f, f.root);
	named_twice(&f);
	(void)printf("two days: %zu changes sealed again, %zu not rejected\n",
	    f.n, f.missed);
	assert_int_equal(f.missed, 0);
	json_decref(f.root);
	buf_free(&b);
}

/* How many statements of this type a file has. */
static int
count(const struct buf *file, const char *type)
{
	json_t	*root = json_loads(buf_text(file), 0, NULL);
	json_t	*all = json_object_get(root, "statements");
	size_t	 i;
	int	 n = 0;

	for (i = 0; i < json_array_size(all); i++)
		n += strcmp(json_string_value(json_object_get(json_array_get(
		    all, i), "type")), type) == 0;
	json_decref(root);
	return n;
}

/* A log that did more than one thing: all of them are shown. */
static void
test_faults(void **state)
{
	uint8_t		 lie[32] = { 2 }, root[32];
	struct buf	 path = BUF_INIT, d = BUF_INIT, b = BUF_INIT;
	struct err	 e = ERR_INIT;
	int64_t		 other;

	(void)state;
	if (db == NULL)
		skip();
	must(db_begin(db, &e), &e);
	other = put_head(5, 1767225750000ULL, lie, "conflict");
	mth(&w, 0, 5, root);
	proof_of(&w, 5, 0, SIZE, 1, &path);
	buf_fmt(&d, "{\"what\": \"signature\", \"head_id\": %d, \"faults\": ["
	    "{\"what\": \"fork\", \"head_id\": %d, \"other_id\": %d},"
	    "{\"what\": \"fork\", \"head_id\": %d, \"other_id\": %d},"
	    "{\"what\": \"signature\", \"head_id\": %d},"
	    "{\"what\": \"mmd\", \"head_id\": %d, \"entry\": {\"index\": 6}},"
	    "{\"what\": \"fork\", \"head_id\": %d, \"inconsistent\": "
	    "{\"head_id\": %d, \"other_id\": %d, \"root_hash\": \"",
	    (int)small, (int)fork_head, (int)head, (int)other, (int)small,
	    (int)small, (int)small, (int)other, (int)head, (int)other);
	enc_hex(&d, root, 32);
	buf_str(&d, "\", \"path\": \"");
	enc_b64(&d, path.p, path.n);
	buf_str(&d, "\"}}]}");
	must(db_query(db, NULL, &e, "update finding set detail = $1::jsonb "
	    "where id = 2", "s", buf_text(&d)), &e);
	export("2", &b);
	assert_int_equal(judge(buf_text(&b), b.n, 1), EVIDENCE_VALID);
	/* the smaller one is seen from both sides */
	assert_int_equal(count(&b, "fork"), 2);
	assert_int_equal(count(&b, "inconsistent"), 1);
	/* that came late, as precertificate and certificate */
	assert_int_equal(count(&b, "entry"), 2);
	assert_int_equal(count(&b, "head"), 4);
	db_rollback(db);
	buf_free(&path);
	buf_free(&d);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_flips_sealed),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_period),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
