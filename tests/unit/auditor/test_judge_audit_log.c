/* What a judge says of logs and of inclusion in them. */
#include "tests/unit/auditor/judge_audit_fixture.h"

/* --- JUDGE_LOGS -------------------------------------------------------------------------- */

/* A list of one log, whose key is that of the CA. */
static void
make_list(struct buf *out)
{
	struct buf	key = BUF_INIT, id = BUF_INIT;
	uint8_t		*spki = NULL, sha[32];
	int		 n = i2d_PUBKEY(ca.key, &spki);

	sha_256(sha, spki, (size_t)n);
	enc_b64(&key, spki, (size_t)n);
	enc_b64(&id, sha, 32);
	OPENSSL_free(spki);
	buf_fmt(out, "{\"version\":\"1\",\"log_list_timestamp\":"
	    "\"2026-05-01T00:00:00Z\",\"operators\":[{\"name\":\"Op\","
	    "\"email\":[],\"logs\":[{\"description\":\"log\","
	    "\"log_id\":\"%s\",\"key\":\"%s\",\"url\":"
	    "\"https://log.example/\",\"mmd\":86400,\"state\":{\"usable\":"
	    "{\"timestamp\":\"2026-01-01T00:00:00Z\"}}}]}]}", buf_text(&id),
	    buf_text(&key));
	buf_free(&key);
	buf_free(&id);
}

static void
logs(void **state)
{
	struct loglist	*l;
	struct buf	 b = BUF_INIT, text = BUF_INIT;
	struct span	 none = { NULL, 0 };
	struct cur	 c;
	size_t		 i;

	(void)state;
	start();
	make_list(&text);
	for (i = 0; i < 4; i++) {
		judge_logs_pack(&b, i & 1 ? buf_bytes(&text) : none,
		    i & 2 ? buf_bytes(&text) : none);
		c = ask(JUDGE_LOGS, &b);
		if (i == 0) {
			assert_int_equal(cur_left(&c), 0);
			continue;
		}
		assert_int_equal(judge_loglist_read(&c, &l), 0);
		assert_int_equal(l->nlogs, 1);
		assert_string_equal(l->logs[0].description, "log");
		loglist_free(l);
	}
	judge_logs_pack(&b, SPAN_STR("{"), buf_bytes(&text));
	refuses(JUDGE_LOGS, &b);
	judge_logs_pack(&b, buf_bytes(&text), SPAN_STR("\xff"));
	refuses(JUDGE_LOGS, &b);
	buf_str(&b, "abc");
	refuses(JUDGE_LOGS, &b);
	buf_free(&text);
}

/* --- JUDGE_INCL ------------------------------------------------------------------------------------- */

/* A tree of 5 leaves: its root and the path of the third. */
static void
tree(uint8_t leaf_hash[32], uint8_t root_hash[32], struct merkle_path *path)
{
	struct merkle_range	r;
	uint8_t			h[5][32];
	size_t			i;

	for (i = 0; i < 5; i++)
		sha_256(h[i], &i, sizeof(i));
	memcpy(leaf_hash, h[2], 32);
	merkle_start(&r, 0);
	merkle_path_start(path, 2);
	merkle_leaves(&r, h, 5, path, 1);
	assert_int_equal(merkle_root(&r, root_hash, path, 1), 0);
}

static struct incl
incl_ask(const struct incl *x, const int *status, const struct span *body)
{
	static struct incl	y;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			i;

	judge_incl_pack(&b, x);
	buf_u32(&b, (uint32_t)x->nask);
	for (i = 0; i < x->nask; i++) {
		buf_u32(&b, (uint32_t)status[i]);
		buf_vec32(&b, body[i].p, body[i].n);
	}
	c = ask(JUDGE_INCL, &b);
	assert_int_equal(judge_incl_read(&c, &y), 0);
	return y;
}

static void
inclusion(void **state)
{
	static struct incl	x, y;
	struct merkle_path	path;
	uint8_t			l[32], r[32];
	struct buf		json = BUF_INIT, b64 = BUF_INIT, b = BUF_INIT;
	struct span		body;
	int			status;
	size_t			i;

	(void)state;
	start();
	tree(l, r, &path);
	assert_int_equal(incl_start(&x, 0, "https://log.example/", l, -1, 5,
	    r), 0);
	buf_str(&json, "{\"leaf_index\":2,\"audit_path\":[");
	for (i = 0; i < path.n; i++) {
		buf_reset(&b64);
		enc_b64(&b64, path.hash[i], 32);
		buf_fmt(&json, "%s\"%s\"", i != 0 ? "," : "",
		    buf_text(&b64));
	}
	buf_str(&json, "]}");
	status = 200;
	body = buf_bytes(&json);
	y = incl_ask(&x, &status, &body);
	assert_int_equal(y.state, INCL_PROVED);
	assert_true(y.index == 2 && y.npath == path.n);
	assert_int_equal(merkle_inclusion(l, 2, 5, (const uint8_t (*)[32])
	    y.path, y.npath, r), 0);
	/* it is not there; nonsense; what does not lead to the root */
	status = 404;
	y = incl_ask(&x, &status, &(struct span){ NULL, 0 });
	assert_int_equal(y.state, INCL_ABSENT);
	status = 200;
	y = incl_ask(&x, &status, &SPAN_STR("\xff"));
	assert_int_equal(y.state, INCL_REFUSED);
	assert_false(y.misled);
	json.p[14] = '3';
	y = incl_ask(&x, &status, &body);
	assert_int_equal(y.state, INCL_REFUSED);
	assert_true(y.misled);
	status = -1;
	y = incl_ask(&x, &status, &body);
	assert_int_equal(y.state, INCL_REFUSED);
	/* other numbers of answers than were asked for */
	judge_incl_pack(&b, &x);
	buf_u32(&b, 0);
	refuses(JUDGE_INCL, &b);
	judge_incl_pack(&b, &x);
	buf_u32(&b, UINT32_MAX);
	refuses(JUDGE_INCL, &b);
	buf_str(&b, "garbage");
	refuses(JUDGE_INCL, &b);
	buf_free(&json);
	buf_free(&b64);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(logs),
		cmocka_unit_test(inclusion)
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return judge_main();
	/* a judge that refuses a CRL does not read the rest of it */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(t, setup, teardown);
}
