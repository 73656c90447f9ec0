#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/alert/webhook.h"
#include "base/enc.h"
#include "tests/unit/auditor/message_fixture.h"

/* The example of the Standard Webhooks libraries. */
static void
test_vector(void **state)
{
	static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	static const char body[] = "{\"test\": 2432232314}";
	struct buf key = BUF_INIT, sig = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(webhook_secret(secret, &key, &e), 0);
	webhook_sign(buf_bytes(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek",
	    1614265330, SPAN_STR(body), &sig);
	assert_string_equal(buf_text(&sig),
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_free(&key);
	buf_free(&sig);
}

static void
test_secret(void **state)
{
	static const struct {
		size_t	bytes;
		int	rc;
	} t[] = { { 23, -1 }, { 24, 0 }, { 25, 0 }, { 63, 0 }, { 64, 0 },
		{ 65, -1 }, { 0, -1 } };
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t raw[80];
	size_t i;

	(void)state;
	memset(raw, 7, sizeof(raw));
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_reset(&text);
		buf_reset(&out);
		err_clear(&e);
		buf_str(&text, "whsec_");
		enc_b64(&text, raw, t[i].bytes);
		assert_int_equal(webhook_secret(buf_text(&text), &out, &e),
		    t[i].rc);
		assert_int_equal(out.n, t[i].rc == 0 ? t[i].bytes : 0);
	}
	assert_int_equal(webhook_secret("secret", &out, &e), -1);
	err_clear(&e);
	assert_int_equal(webhook_secret("whsec_!!!!", &out, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	buf_free(&text);
	buf_free(&out);
}

static void
test_body(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;
	json_t *o, *d;

	(void)state;
	m = fixture_message("pay.example.com");
	webhook_body(&m, &b);
	o = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_object_size(o), 3);
	assert_string_equal(message_get(o, "type"), "finding.opened");
	assert_string_equal(message_get(o, "timestamp"),
	    "2026-11-22T12:00:00Z");
	d = json_object_get(o, "data");
	assert_string_equal(message_get(d, "event"), "opened");
	assert_int_equal(json_integer_value(json_object_get(d, "more")), 0);
	assert_string_equal(message_get(json_array_get(json_object_get(d,
	    "findings"), 0), "name"), "pay.example.com");
	json_decref(o);
	buf_free(&b);
	message_free(&m);
}

/* However much there is, a body stays below the limit and says what is cut. */
static void
test_shortened(void **state)
{
	static const int counts[][2] = { { 1, 50 }, { 1, 1000 }, { 1, 20000 },
		{ 20, 3 }, { 20, 50 }, { 20, 400 }, { 2, 5000 } };
	struct message m;
	struct buf b = BUF_INIT;
	json_t *o, *d, *f, *names;
	json_int_t more;
	char name[80];
	size_t i;
	int k, j;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		m = fixture_message("a.example.com");
		json_array_clear(m.findings);
		for (k = 0; k < counts[i][0]; k++) {
			f = fixture_finding(k + 1, "a.example.com");
			names = json_array();
			for (j = 0; j < counts[i][1]; j++) {
				snprintf(name, sizeof(name),
				    "host-%d.region-%d.example.com", j, k);
				json_array_append_new(names,
				    json_string(name));
			}
			json_object_set_new(json_object_get(f, "detail"),
			    "names", names);
			json_array_append_new(m.findings, f);
		}
		m.more = 3;
		buf_reset(&b);
		webhook_body(&m, &b);
		assert_true(b.n < LIMIT_WEBHOOK_BODY);
		o = json_loadb((const char *)b.p, b.n, 0, NULL);
		d = json_object_get(o, "data");
		more = json_integer_value(json_object_get(d, "more"));
		assert_int_equal(more + (json_int_t)json_array_size(
		    json_object_get(d, "findings")), counts[i][0] + 3);
		d = json_object_get(json_array_get(json_object_get(d,
		    "findings"), 0), "detail");
		more = json_integer_value(json_object_get(d, "names_more"));
		assert_int_equal(more + (json_int_t)json_array_size(
		    json_object_get(d, "names")), counts[i][1]);
		json_decref(o);
		/* The message itself is as it was. */
		assert_int_equal(json_array_size(m.findings), counts[i][0]);
		message_free(&m);
	}
	buf_free(&b);
}

static void
test_huge_detail(void **state)
{
	struct message m;
	struct buf b = BUF_INIT;
	char *big;

	(void)state;
	m = fixture_message("a.example.com");
	big = malloc(40001);
	memset(big, 'x', 40000);
	big[40000] = '\0';
	json_object_set_new(json_object_get(json_array_get(m.findings, 0),
	    "detail"), "raw", json_string(big));
	webhook_body(&m, &b);
	assert_true(b.n < LIMIT_WEBHOOK_BODY);
	assert_non_null(strstr(buf_text(&b), "left_out"));
	free(big);
	buf_free(&b);
	message_free(&m);
}

static void
test_types(void **state)
{
	static const char *const t[][3] = {
		{ "finding", "opened", "finding.opened" },
		{ "finding", "retracted", "finding.retracted" },
		{ "test", NULL, "test.ping" },
		{ "digest", NULL, "digest.daily" },
		{ "audit", NULL, "audit.report" },
		{ "notice", NULL, "notice" },
	};
	struct message m = MESSAGE_INIT;
	char out[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		m.purpose = t[i][0];
		m.event = t[i][1];
		webhook_type(&m, out, sizeof(out));
		assert_string_equal(out, t[i][2]);
	}
}

static void
test_headers(void **state)
{
	struct message_req r;

	(void)state;
	memset(&r, 0, sizeof(r));
	webhook_headers(&r, FIXTURE_ID, 1614265330, "v1,a v1,b");
	assert_int_equal(r.nheaders, 5);
	assert_string_equal(r.headers[1], "webhook-id: " FIXTURE_ID);
	assert_string_equal(r.headers[2], "webhook-timestamp: 1614265330");
	assert_string_equal(r.headers[3], "webhook-signature: v1,a v1,b");
	assert_string_equal(r.headers[4], "Idempotency-Key: " FIXTURE_ID);
	message_req_free(&r);
}

static void
test_uuid(void **state)
{
	static const char *const bad[] = { "", "x",
		"0b0c7a1e-2f44-4c57-9a5b-6a2f5b0a9d1",
		"0b0c7a1e-2f44-4c57-9a5b-6a2f5b0a9d111",
		"0B0C7A1E-2F44-4C57-9A5B-6A2F5B0A9D11",
		"0b0c7a1e.2f44-4c57-9a5b-6a2f5b0a9d11",
		"0b0c7a1e-2f44-4c57-9a5b-6a2f5b0a9d1." };
	size_t i;

	(void)state;
	assert_true(webhook_is_uuid(FIXTURE_ID));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(webhook_is_uuid(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_shortened),
		cmocka_unit_test(test_huge_detail),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
