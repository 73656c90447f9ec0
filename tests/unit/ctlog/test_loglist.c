#include "tests/unit/ctlog/data.h"

#include "base/clk.h"
#include "base/limit.h"
#include "ctlog/loglist.h"

/* Keys and their hashes, out of real lists. */
#define KEY1 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEr+TzlCzfpie1/rJhgxnI" \
    "ITojqKk9VK+8MZoc08HjtsLzD8e5yjsdeWVhIiWCVk6Y6KomKTYeKGBv6xVu93zQug=="
#define ID1 "EvFONL1TckyEBhnDjz96E/jntWKHiJxtMAWE6+WGJjo="
#define KEY2 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEB/we6GOO/xwxivy4Hhkr" \
    "YFAAPo6e2nc346Wo2o2U+GvoPWSPJz91s/xrEvA3Bk9kWHUUXVZS5morFEzsgdHqPg=="
#define ID2 "DleUvPOuqT4zGyyZB7P3kN+bwj1xMiXdIaklrGHFTiE="

/* Logs that anybody can sign for. */
#define MIMIC1 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdO/+dnH/NZSBSLmmN9u2" \
    "h4HNTnCOLeU+oMBiRynIvQ8zt2ft0IMyO90e5nwSaCdYvA4JVGzCMarfs9DcNxFY1g=="
#define MIMICID1 "9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk="
#define MIMIC2 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEB/VtcL7BSbGP4QY7Ujaa" \
    "XOd4gQ80R1PxLZtfYifk+ZER+mCVJVVjl66uVWUzu5lMbWMb1MWKxjkvtd2MyQSKsA=="
#define MIMICID2 "si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI="

#define LOG(id, key, more) \
    "{\"description\":\"d\",\"log_id\":\"" id "\",\"key\":\"" key "\"" more "}"
#define LIST(logs, tiled) \
    "{\"version\":\"1\",\"log_list_timestamp\":" \
    "\"2026-01-02T12:57:01Z\",\"operators\":[{\"name\":\"Op\",\"email\":[]," \
    "\"logs\":[" logs "],\"tiled_logs\":[" tiled "]}]}"
#define URL ",\"url\":\"https://ct.example/log\""

/* One more member, or a change; whether the log is kept. */
static const struct {
	const char	*json;
	int		 kept;
} variants[] = {
#define ONE(more) LIST(LOG(ID1, KEY1, more) "," LOG(ID2, KEY2, URL), "")
	{ ONE(URL), 1 },
	{ ONE(URL ",\"mmd\":60,\"unknown\":{}"), 1 },
	{ ONE(""), 0 },
	{ ONE(",\"url\":\"ftp://ct.example/\""), 0 },
	{ ONE(",\"url\":\"https://\""), 0 },
	{ ONE(",\"url\":\"https:///x\""), 0 },
	{ ONE(",\"url\":\"https://ct.example/a b\""), 0 },
	{ ONE(",\"url\":\"https://ct.example/a\\nb\""), 0 },
	{ ONE(",\"url\":\"https://u@ct.example/\""), 0 },
	{ ONE(",\"url\":\"https://ct.example/?q\""), 0 },
	{ ONE(",\"url\":\"HTTP://ct.example:80\""), 1 },
	{ ONE(",\"url\":7"), 0 },
	{ ONE(URL ",\"mmd\":-1"), 0 },
	{ ONE(URL ",\"mmd\":\"60\""), 0 },
	{ ONE(URL ",\"mmd\":2147483648"), 0 },
	{ ONE(URL ",\"state\":{\"usable\":{\"timestamp\":"
	    "\"2024-01-01T00:00:00Z\"}}"), 1 },
	{ ONE(URL ",\"state\":{\"usable\":{\"timestamp\":\"yesterday\"}}"),
	    0 },
	{ ONE(URL ",\"state\":{\"usable\":{},\"retired\":{}}"), 0 },
	{ ONE(URL ",\"state\":{}"), 0 },
	{ ONE(URL ",\"state\":\"usable\""), 0 },
	{ ONE(URL ",\"state\":{\"brand_new\":{}}"), 1 },
	{ ONE(URL ",\"state\":{\"readonly\":{\"final_tree_head\":{}}}"), 0 },
	{ ONE(URL ",\"state\":{\"readonly\":{\"final_tree_head\":{"
	    "\"tree_size\":5,\"sha256_root_hash\":\"" ID1 "\"}}}"), 1 },
	{ ONE(URL ",\"temporal_interval\":{}"), 0 },
	{ ONE(URL ",\"temporal_interval\":{\"start_inclusive\":"
	    "\"2026-01-01T00:00:00Z\",\"end_exclusive\":"
	    "\"2026-01-01T00:00:00Z\"}"), 0 },
	{ ONE(URL ",\"temporal_interval\":{\"start_inclusive\":"
	    "\"2026-01-01T00:00:00Z\",\"end_exclusive\":"
	    "\"2026-07-01T00:00:00Z\"}"), 1 },
	{ ONE(URL ",\"previous_operators\":[{\"name\":\"Old\","
	    "\"end_time\":\"2024-01-01T00:00:00Z\"}]"), 1 },
	{ ONE(URL ",\"previous_operators\":[{\"name\":\"Old\"},{}]"), 0 },
	/* The id of another key; no key; no base64. */
	{ LIST(LOG(ID2, KEY1, URL) "," LOG(ID2, KEY2, URL), ""), 0 },
	{ LIST(LOG(ID1, "", URL) "," LOG(ID2, KEY2, URL), ""), 0 },
	{ LIST(LOG(ID1, "!", URL) "," LOG(ID2, KEY2, URL), ""), 0 },
	/* What only keeps other programs from failing. */
	{ ONE(",\"url\":\"https://ct.example.com/bogus/\",\"state\":"
	    "{\"retired\":{}}"), 0 },
	/* Static logs need both prefixes. */
	{ LIST(LOG(ID2, KEY2, URL), LOG(ID1, KEY1, URL)), 0 },
	{ LIST(LOG(ID2, KEY2, URL), LOG(ID1, KEY1, ",\"monitoring_url\":"
	    "\"https://mon.example/\",\"submission_url\":"
	    "\"https://log.example/\"")), 1 },
	{ LIST("7," LOG(ID2, KEY2, URL), ""), 0 },
};

static void
logs(void **state)
{
	struct loglist	*ll;
	struct err	 e;
	struct buf	 id = BUF_INIT;
	size_t		 i;
	int		 kept;

	(void)state;
	assert_int_equal(enc_unb64(ID1, strlen(ID1), &id), 0);
	for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		err_clear(&e);
		if (loglist_read(SPAN_STR(variants[i].json), &ll, &e) == -1)
			fail_msg("%s: %s", variants[i].json, e.msg);
		kept = loglist_find(ll, id.p) != NULL;
		if (kept != variants[i].kept ||
		    ll->nrefused != (size_t)!kept)
			fail_msg("case %zu: %s\n%s", i, variants[i].json,
			    ll->nrefused > 0 ? ll->refused[0] : "");
		loglist_free(ll);
	}
	buf_free(&id);
}

/* What is read of one log with everything. */
static void
everything(void **state)
{
	struct loglist			*ll;
	const struct loglist_log	*l;
	int64_t				 t;

	(void)state;
	assert_int_equal(loglist_read(SPAN_STR(LIST("", LOG(ID1, KEY1,
	    ",\"monitoring_url\":\"https://mon.example\",\"submission_url\":"
	    "\"https://log.example/\",\"mmd\":60,\"log_type\":\"test\","
	    "\"previous_operators\":[{\"name\":\"Old\",\"end_time\":"
	    "\"2024-01-01T00:00:00Z\"}],\"temporal_interval\":{"
	    "\"start_inclusive\":\"2026-01-01T00:00:00Z\",\"end_exclusive\":"
	    "\"2026-07-01T00:00:00Z\"},\"state\":{\"readonly\":{\"timestamp\""
	    ":\"2026-02-01T00:00:00Z\",\"final_tree_head\":{\"tree_size\":5,"
	    "\"sha256_root_hash\":\"" ID2 "\"}}}"))), &ll, NULL), 0);
	assert_string_equal(ll->version, "1");
	assert_int_equal(ll->timestamp, 1767358621 * CLK_SEC);
	assert_int_equal(ll->nlogs, 1);
	l = &ll->logs[0];
	assert_string_equal(l->operator, "Op");
	assert_int_equal(l->nformer, 1);
	assert_string_equal(l->former[0].name, "Old");
	assert_int_equal(clk_parse("2024-01-01", &t), 0);
	assert_int_equal(l->former[0].until, t);
	assert_int_equal(l->nkey, 91);
	assert_int_equal(l->mmd, 60);
	assert_string_equal(l->url, "https://mon.example/");
	assert_string_equal(l->submit_url, "https://log.example/");
	assert_int_equal(l->protocol, LOGLIST_STATIC);
	assert_int_equal(l->state, LOGLIST_READONLY);
	assert_int_equal(clk_parse("2026-02-01", &t), 0);
	assert_int_equal(l->state_at, t);
	assert_int_equal(l->has_final, 1);
	assert_int_equal(l->final_size, 5);
	assert_int_equal(l->final_root[0], 0x0e);
	assert_int_equal(l->has_interval, 1);
	assert_int_equal(clk_parse("2026-07-01", &t), 0);
	assert_int_equal(l->end, t);
	assert_int_equal(l->is_test, 1);
	assert_string_equal(loglist_state_name(l->state), "readonly");
	assert_string_equal(loglist_protocol_name(l->protocol), "static");
	loglist_free(ll);
}

/* Lists that as a whole cannot be read. */
static void
refused(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"operators\":{}}", "{\"operators\":[]}",
		LIST("", ""), LIST(LOG(ID2, KEY1, URL), ""),
		"{\"log_list_timestamp\":7,\"operators\":[]}",
		"{\"operators\":[],\"operators\":[]}",
		"{\"operators\":[7,null,\"x\",{\"logs\":7}]}",
	};
	struct loglist	*ll;
	struct err	 e;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		assert_int_equal(loglist_read(SPAN_STR(bad[i]), &ll, &e), -1);
		assert_int_not_equal(e.code, ERR_NONE);
		assert_null(ll);
	}
	loglist_free(NULL);
}

static void
doubles_and_nameless(void **state)
{
	struct loglist	*ll;

	(void)state;
	assert_int_equal(loglist_read(SPAN_STR(LIST(LOG(ID1, KEY1, URL) ","
	    LOG(ID1, KEY1, URL), "")), &ll, NULL), 0);
	assert_int_equal(ll->nlogs, 1);
	assert_int_equal(ll->nrefused, 1);
	assert_non_null(strstr(ll->refused[0], "twice"));
	loglist_free(ll);
	assert_int_equal(loglist_read(SPAN_STR("{\"operators\":[{\"logs\":["
	    LOG(ID1, KEY1, URL) "]},{\"name\":\"\",\"logs\":["
	    LOG(ID2, KEY2, URL) "]}]}"), &ll, NULL), 0);
	assert_int_equal(ll->nlogs, 1);
	assert_int_equal(ll->nrefused, 1);
	assert_non_null(strstr(ll->refused[0], "no name"));
	loglist_free(ll);
}

static void
mimics(void **state)
{
	struct loglist	*ll;

	(void)state;
	assert_int_equal(loglist_read(SPAN_STR(LIST(LOG(MIMICID1, MIMIC1, URL)
	    "," LOG(ID1, KEY1, URL) "," LOG(MIMICID2, MIMIC2, URL), "")),
	    &ll, NULL), 0);
	assert_int_equal(ll->nlogs, 1);
	assert_int_equal(ll->nrefused, 2);
	assert_non_null(strstr(ll->refused[0], "private key is public"));
	assert_non_null(strstr(ll->refused[1], "private key is public"));
	loglist_free(ll);
}

/* The cap on logs at its limit, and one more. */
static void
cap(void **state)
{
	struct buf	 b = BUF_INIT;
	struct loglist	*ll;
	struct err	 e;
	size_t		 n, i;

	(void)state;
	for (n = LIMIT_LOGLIST_LOGS; n <= LIMIT_LOGLIST_LOGS + 1; n++) {
		buf_reset(&b);
		buf_str(&b, "{\"operators\":[{\"name\":\"o\",\"logs\":["
		    LOG(ID1, KEY1, URL));
		for (i = 1; i < n; i++)
			buf_str(&b, ",{}");
		buf_str(&b, "]}]}");
		err_clear(&e);
		assert_int_equal(loglist_read(buf_bytes(&b), &ll, &e),
		    n == LIMIT_LOGLIST_LOGS ? 0 : -1);
		assert_int_equal(e.code, n == LIMIT_LOGLIST_LOGS ? ERR_NONE :
		    ERR_LIMIT);
		if (ll != NULL)
			assert_int_equal(ll->nrefused, n - 1);
		loglist_free(ll);
	}
	buf_reset(&b);
	buf_str(&b, ONE(URL));
	while (b.n < LIMIT_BODY_LOGLIST)
		buf_u8(&b, ' ');
	assert_int_equal(loglist_read(buf_bytes(&b), &ll, NULL), 0);
	loglist_free(ll);
	buf_u8(&b, ' ');
	err_clear(&e);
	assert_int_equal(loglist_read(buf_bytes(&b), &ll, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&b);
}

static void
readable(void **state)
{
	static const int	want[] = { 1, 1, 1, 1, 1, 0, 0 };
	struct loglist_log	l = { .state = LOGLIST_PENDING };
	int			i;

	(void)state;
	for (i = 0; i < 7; i++) {
		l.state = (enum loglist_state)i;
		assert_int_equal(loglist_readable(&l, 1000), want[i]);
	}
	l.state = LOGLIST_RETIRED;
	l.has_interval = 1;
	l.end = 1001;
	assert_int_equal(loglist_readable(&l, 1000), 1);
	assert_int_equal(loglist_readable(&l, 1001), 0);
	l.state = LOGLIST_REJECTED;
	assert_int_equal(loglist_readable(&l, 1000), 0);
}

static void
unions(void **state)
{
	struct loglist	*a, *b, *u;
	struct buf	 id = BUF_INIT;

	(void)state;
	assert_int_equal(loglist_read(SPAN_STR(LIST(LOG(ID1, KEY1, URL), "")),
	    &a, NULL), 0);
	assert_int_equal(loglist_read(SPAN_STR(LIST(LOG(ID2, KEY2, URL) ","
	    LOG(ID1, KEY1, ",\"url\":\"https://apple.example/\",\"mmd\":1"),
	    "")), &b, NULL), 0);
	u = loglist_union(a, b);
	loglist_free(a);
	loglist_free(b);
	assert_int_equal(u->nlogs, 2);
	assert_int_equal(enc_unb64(ID1, strlen(ID1), &id), 0);
	assert_string_equal(loglist_find(u, id.p)->url,
	    "https://ct.example/log/");
	assert_int_equal(loglist_find(u, id.p)->mmd, 86400);
	id.p[0] ^= 1;
	assert_null(loglist_find(u, id.p));
	buf_free(&id);
	loglist_free(u);
}

/* File, logs that are kept, static ones of them, and refused ones. */
static const struct {
	const char	*file;
	size_t		 kept, tiled, refused;
} real_lists[] = {
	{ "loglist/google-v80.14/log_list.json", 73, 26, 2 },
	{ "loglist/google-v81.14/log_list.json", 73, 26, 2 },
	{ "loglist/appmattus-testdata/log_list.json", 29, 0, 0 },
	{ "loglist/appmattus-testdata/log_list_no_operator_name.json", 29, 0,
	  0 },
	{ "loglist/ct-go/loglist3.json", 6, 0, 0 },
	{ "loglist/boulder/log_list.json", 10, 0, 2 },
};

static void
real(void **state)
{
	struct buf	 b = BUF_INIT, c = BUF_INIT;
	struct loglist	*ll;
	struct err	 e;
	uint64_t	 seed = 61;
	size_t		 i, k, tiled, n = 0;

	(void)state;
	for (i = 0; i < sizeof(real_lists) / sizeof(real_lists[0]); i++) {
		buf_reset(&b);
		if (data_read(real_lists[i].file, &b) == -1) {
			data_skip(1, real_lists[i].file);
			continue;
		}
		err_clear(&e);
		if (loglist_read(buf_bytes(&b), &ll, &e) == -1)
			fail_msg("%s: %s", real_lists[i].file, e.msg);
		for (tiled = k = 0; k < ll->nlogs; k++)
			tiled += ll->logs[k].protocol == LOGLIST_STATIC;
		if (ll->nlogs != real_lists[i].kept ||
		    tiled != real_lists[i].tiled ||
		    ll->nrefused != real_lists[i].refused)
			fail_msg("%s: %zu logs, %zu static, %zu refused: %s",
			    real_lists[i].file, ll->nlogs, tiled,
			    ll->nrefused, ll->nrefused > 0 ? ll->refused[0] :
			    "");
		n += ll->nlogs;
		loglist_free(ll);
		for (k = 0; k < 200; k++) {
			data_spoil(&seed, buf_bytes(&b), &c);
			(void)loglist_read(buf_bytes(&c), &ll, NULL);
			loglist_free(ll);
		}
	}
	printf("%zu logs of real lists, 200 spoiled copies of each list\n",
	    n);
	buf_reset(&b);
	if (data_read("loglist/appmattus-testdata/log_list_incomplete.json",
	    &b) == 0)
		assert_int_equal(loglist_read(buf_bytes(&b), &ll, NULL), -1);
	buf_free(&b);
	buf_free(&c);
}

static void
signed_lists(void **state)
{
	static const char *const dirs[] = { "loglist/google-v80.14/log_list",
	    "loglist/appmattus-testdata/log_list" };
	struct buf	b = BUF_INIT, s = BUF_INIT, pem = BUF_INIT;
	struct span	none = { NULL, 0 };
	char		rel[128];
	size_t		i, n = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		buf_reset(&b);
		buf_reset(&s);
		(void)snprintf(rel, sizeof(rel), "%s.json", dirs[i]);
		if (data_read(rel, &b) == -1) {
			data_skip(1, rel);
			continue;
		}
		(void)snprintf(rel, sizeof(rel), "%s.sig", dirs[i]);
		assert_int_equal(data_read(rel, &s), 0);
		assert_int_equal(s.n, 512);
		assert_int_equal(loglist_verify(buf_bytes(&b), buf_bytes(&s),
		    none, NULL), 0);
		b.p[b.n / 2] ^= 1;
		assert_int_equal(loglist_verify(buf_bytes(&b), buf_bytes(&s),
		    none, NULL), -1);
		b.p[b.n / 2] ^= 1;
		s.p[100] ^= 1;
		assert_int_equal(loglist_verify(buf_bytes(&b), buf_bytes(&s),
		    none, NULL), -1);
		s.p[100] ^= 1;
		s.n--;
		assert_int_equal(loglist_verify(buf_bytes(&b), buf_bytes(&s),
		    none, NULL), -1);
		s.n++;
		buf_reset(&pem);
		assert_int_equal(data_read(
		    "loglist/google-v80.14/log_list_pubkey.pem", &pem), 0);
		assert_int_equal(loglist_verify(buf_bytes(&b), buf_bytes(&s),
		    buf_bytes(&pem), NULL), 0);
		n++;
	}
	assert_int_equal(loglist_verify(buf_bytes(&b), buf_bytes(&s),
	    SPAN_STR("no key"), NULL), -1);
	assert_int_equal(loglist_verify(none, none, none, NULL), -1);
	printf("%zu signed lists\n", n);
	buf_free(&b);
	buf_free(&s);
	buf_free(&pem);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(logs),
		cmocka_unit_test(everything),
		cmocka_unit_test(refused),
		cmocka_unit_test(doubles_and_nameless),
		cmocka_unit_test(mimics),
		cmocka_unit_test(cap),
		cmocka_unit_test(readable),
		cmocka_unit_test(unions),
		cmocka_unit_test(real),
		cmocka_unit_test(signed_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
