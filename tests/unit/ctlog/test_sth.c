#include "tests/unit/ctlog/data.h"

#include "ctlog/sth.h"

static void
url(void **state)
{
	struct http_req	r;
	char		base[HTTP_URL_MAX];

	(void)state;
	assert_int_equal(sth_url("https://ct.example/log/", &r), 0);
	assert_string_equal(r.url, "https://ct.example/log/ct/v1/get-sth");
	memset(base, 'a', sizeof(base));
	base[HTTP_URL_MAX - 1 - strlen("ct/v1/get-sth")] = '\0';
	assert_int_equal(sth_url(base, &r), 0);
	base[HTTP_URL_MAX - 14] = 'a';
	base[HTTP_URL_MAX - 13] = '\0';
	assert_int_equal(sth_url(base, &r), -1);
}

/* A get-sth answer as text, and whether it can be read. */
static const struct {
	const char	*text;
	int		 good;
} answers[] = {
#define ROOT "AWxD3p811N3m4WTinWRXPvBZHfT9IR9g/R4C7SKLPiU="
#define R "\"sha256_root_hash\":\"" ROOT "\""
#define S "\"tree_head_signature\":\"BAMAAgEC\""
	{ "{\"tree_size\":1,\"timestamp\":2," R "," S "}", 1 },
	{ " {" S ", \"x\":[1], \"timestamp\":2, " R ",\"tree_size\":1}\n", 1 },
	{ "{\"tree_size\":9223372036854775807,\"timestamp\":2," R "," S "}",
	    1 },
	{ "{\"tree_size\":9223372036854775808,\"timestamp\":2," R "," S "}",
	    0 },
	{ "{\"tree_size\":-1,\"timestamp\":2," R "," S "}", 0 },
	{ "{\"tree_size\":1.0,\"timestamp\":2," R "," S "}", 0 },
	{ "{\"tree_size\":\"1\",\"timestamp\":2," R "," S "}", 0 },
	{ "{\"tree_size\":1,\"tree_size\":1,\"timestamp\":2," R "," S "}",
	    0 },
	{ "{\"timestamp\":2," R "," S "}", 0 },
	{ "{\"tree_size\":1," R "," S "}", 0 },
	{ "{\"tree_size\":1,\"timestamp\":2," S "}", 0 },
	{ "{\"tree_size\":1,\"timestamp\":2," R "}", 0 },
	{ "{\"tree_size\":1,\"timestamp\":2," R "," S "} x", 0 },
	{ "{\"tree_size\":1,\"timestamp\":2," R "," S, 0 },
	{ "[{\"tree_size\":1,\"timestamp\":2," R "," S "}]", 0 },
	{ "{\"tree_size\":1,\"timestamp\":2,\"sha256_root_hash\":"
	    "\"AWxD3p811N3m4WTinWRXPvBZHfT9IR9g/R4C7SKLPg==\"," S "}", 0 },
	{ "{\"tree_size\":1,\"timestamp\":2," R
	    ",\"tree_head_signature\":\"BAMAAgEC=\"}", 0 },
	{ "<html>503</html>", 0 },
	{ "", 0 },
#undef R
#undef S
};

static void
forms(void **state)
{
	struct sth	s;
	struct err	e;
	size_t		i;
	uint8_t		*p;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct span in = SPAN_STR(answers[i].text);

		err_clear(&e);
		p = data_exact(in);
		in.p = p;
		if (sth_read_json(in, &s, &e) != (answers[i].good ? 0 : -1))
			fail_msg("%s: %s", answers[i].text, e.msg);
		assert_int_equal(e.code != ERR_NONE, !answers[i].good);
		free(p);
	}
}

/* The longest signature that is read, and one byte more. */
static void
longest(void **state)
{
	struct buf	b = BUF_INIT, sig = BUF_INIT;
	struct sth	s;
	struct err	e;
	size_t		n;

	(void)state;
	for (n = STH_SIG_MAX; n <= STH_SIG_MAX + 1; n++) {
		err_clear(&e);
		buf_reset(&b);
		buf_reset(&sig);
		memset(buf_room(&sig, n), 4, n);
		sig.n = n;
		buf_str(&b, "{\"tree_size\":1,\"timestamp\":2,"
		    "\"sha256_root_hash\":\"" ROOT "\","
		    "\"tree_head_signature\":\"");
		enc_b64(&b, sig.p, sig.n);
		buf_str(&b, "\"}");
		assert_int_equal(sth_read_json(buf_bytes(&b), &s, &e),
		    n == STH_SIG_MAX ? 0 : -1);
		assert_int_equal(e.code, n == STH_SIG_MAX ? ERR_NONE :
		    ERR_LIMIT);
	}
	buf_free(&b);
	buf_free(&sig);
}

static void
text(void **state)
{
	struct sth	s = { .tree_size = 0x0102030405060708,
	    .timestamp = 0x1112131415161718 };
	uint8_t		out[STH_SIGNED];
	size_t		i;

	(void)state;
	memset(s.root, 0xaa, 32);
	sth_signed(&s, out);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 1);
	for (i = 0; i < 8; i++) {
		assert_int_equal(out[2 + i], 0x11 + i);
		assert_int_equal(out[10 + i], 1 + i);
	}
	assert_memory_equal(out + 18, s.root, 32);
}

/* A head verifies, and with any part changed it does not. */
static void
verified(struct span body, struct span spki)
{
	struct sth	s, t;
	struct err	e = ERR_INIT;
	uint8_t		*p;
	size_t		i;

	if (sth_read_json(body, &s, &e) == -1 ||
	    sth_verify(&s, spki, &e) == -1)
		fail_msg("%s", e.msg);
	t = s;
	t.tree_size ^= 1;
	assert_int_equal(sth_verify(&t, spki, NULL), -1);
	t = s;
	t.timestamp ^= 1;
	assert_int_equal(sth_verify(&t, spki, NULL), -1);
	for (i = 0; i < 32; i++) {
		t = s;
		t.root[i] ^= 1;
		assert_int_equal(sth_verify(&t, spki, NULL), -1);
	}
	for (i = 0; i < s.nsig; i++) {
		t = s;
		t.sig[i] ^= 1;
		assert_int_equal(sth_verify(&t, spki, NULL), -1);
		t.sig[i] ^= 1;
		t.nsig = i;
		assert_int_equal(sth_verify(&t, spki, NULL), -1);
	}
	t = s;
	t.nsig++;
	assert_int_equal(sth_verify(&t, spki, NULL), -1);
	assert_int_equal(sth_verify(&s, (struct span){ NULL, 0 }, &e), -1);
	assert_non_null(strstr(e.msg, "no key"));
	for (i = 0; i < body.n; i++) {
		p = data_exact((struct span){ body.p, i });
		assert_int_equal(sth_read_json((struct span){ p, i }, &t,
		    NULL), -1);
		free(p);
	}
}

static void
real(void **state)
{
	json_t		*o;
	struct buf	 key = BUF_INIT, body = BUF_INIT;
	glob_t		 g;
	char		*s;
	size_t		 i, n = 0;

	(void)state;
	if (data_glob("rfc6962/sth/*.json", &g) == -1) {
		data_skip(8, "tree heads of real logs");
		return;
	}
	for (i = 0; i < g.gl_pathc; i++) {
		o = json_load_file(g.gl_pathv[i], 0, NULL);
		buf_reset(&key);
		data_b64(json_object_get(o, "log"), "key", &key);
		s = json_dumps(json_object_get(o, "sth"), JSON_COMPACT);
		verified(SPAN_STR(s), buf_bytes(&key));
		free(s);
		json_decref(o);
		n++;
	}
	globfree(&g);
	buf_reset(&key);
	o = data_json("rfc6962/argon2020/log.json");
	if (o != NULL && data_read("rfc6962/argon2020/get-sth", &body) == 0) {
		data_b64(o, "key", &key);
		while (body.n > 0 && body.p[body.n - 1] == '\n')
			body.n--;
		verified(buf_bytes(&body), buf_bytes(&key));
		n++;
	}
	json_decref(o);
	printf("%zu tree heads of real logs\n", n);
	buf_free(&key);
	buf_free(&body);
}

static void
invalid(void **state)
{
	struct buf	b = BUF_INIT, key = BUF_INIT;
	struct sth	s;
	json_t		*o = data_json("rfc6962/argon2020/log.json");

	(void)state;
	if (o == NULL || data_read(
	    "rfc6962/ct-go/get-sth-scanner-four-INVALID-SIG.json", &b) ==
	    -1) {
		data_skip(1, "tree head with a wrong signature");
		json_decref(o);
		return;
	}
	data_b64(o, "key", &key);
	json_decref(o);
	assert_int_equal(sth_read_json(buf_bytes(&b), &s, NULL), 0);
	assert_int_equal(s.tree_size, 4);
	assert_int_equal(sth_verify(&s, buf_bytes(&key), NULL), -1);
	buf_free(&b);
	buf_free(&key);
}

/* 200 spoiled answers: no crash, and a changed head does not verify. */
static void
spoiled(void **state)
{
	json_t		*o = data_json("rfc6962/argon2020/log.json");
	struct buf	 in = BUF_INIT, out = BUF_INIT, key = BUF_INIT;
	struct sth	 want, s;
	uint64_t	 seed = 11;
	uint8_t		*p;
	unsigned	 i;

	(void)state;
	if (o == NULL || data_read("rfc6962/argon2020/get-sth", &in) == -1) {
		data_skip(200, "spoiled tree heads");
		json_decref(o);
		return;
	}
	data_b64(o, "key", &key);
	json_decref(o);
	assert_int_equal(sth_read_json(buf_bytes(&in), &want, NULL), 0);
	for (i = 0; i < 200; i++) {
		data_spoil(&seed, buf_bytes(&in), &out);
		p = data_exact(buf_bytes(&out));
		if (sth_read_json((struct span){ p, out.n }, &s, NULL) == 0 &&
		    sth_verify(&s, buf_bytes(&key), NULL) == 0) {
			assert_int_equal(s.tree_size, want.tree_size);
			assert_int_equal(s.timestamp, want.timestamp);
			assert_memory_equal(s.root, want.root, 32);
		}
		free(p);
	}
	buf_free(&in);
	buf_free(&out);
	buf_free(&key);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(url),
		cmocka_unit_test(forms),
		cmocka_unit_test(longest),
		cmocka_unit_test(text),
		cmocka_unit_test(real),
		cmocka_unit_test(invalid),
		cmocka_unit_test(spoiled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
