#include "tests/unit/ctlog/data.h"

#include "base/sha.h"
#include "ctlog/incl.h"

/* A tree of our own, all its tiles, and a log that answers out of them. */
#define SIZE 70000
static uint8_t	(*level[3])[32];

static int
grow(void **state)
{
	struct merkle_range	r;
	uint8_t			b[4];
	uint32_t		i, k;
	int			l;

	(void)state;
	for (l = 0; l < 3; l++)
		level[l] = calloc(SIZE + 256, 32);
	/* Some leaves more than there are: full tiles have them. */
	for (i = 0; i < SIZE + 256; i++) {
		memcpy(b, &i, 4);
		sha_256(level[0][i], b, 4);
	}
	for (l = 1; l < 3; l++)
		for (i = 0; i < (uint32_t)(SIZE >> 8 * l); i++) {
			merkle_start(&r, 0);
			for (k = 0; k < 256; k++)
				merkle_leaf(&r, level[l - 1][i * 256 + k]);
			assert_int_equal(merkle_root(&r, level[l][i], NULL,
			    0), 0);
		}
	return 0;
}

static int
fell(void **state)
{
	int	l;

	(void)state;
	for (l = 0; l < 3; l++)
		free(level[l]);
	return 0;
}

/* The root of the first ${size} leaves, and the path of one of them. */
static void
root_of(uint64_t size, uint64_t index, uint8_t out[32],
    struct merkle_path *path)
{
	struct merkle_range	r;
	uint64_t		i;

	merkle_start(&r, 0);
	merkle_path_start(path, index);
	for (i = 0; i < size; i++) {
		uint8_t	h[1][32];

		memcpy(h[0], level[0][i], 32);
		merkle_leaves(&r, h, 1, path, 1);
	}
	assert_int_equal(merkle_root(&r, out, path, 1), 0);
}

/* How the log answers. */
struct answers {
	int		gone;		/* partial tiles are 404 */
	int		full;		/* ... are answered with full ones */
	int		status;		/* of request ${at}; 0: as it is */
	size_t		at;
	size_t		cut;		/* bytes missing in answer ${at} */
	int		flip;		/* a bit of the leaf's tile */
	unsigned	asked;
	unsigned	rounds;
};

/* Serve until it has an end. */
static void
serve(struct incl *in, struct answers *a)
{
	struct span	body[TILE_SET_MAX];
	struct http_req	req;
	uint8_t		*copy[TILE_SET_MAX];
	int		status[TILE_SET_MAX];
	size_t		i, n, k;
	const struct tile *t;

	while (in->state == INCL_ASK) {
		assert_true(a->rounds++ < 3);
		n = in->nask;
		for (i = 0; i < n; i++) {
			assert_int_equal(incl_request(in, i, &req), 0);
			a->asked++;
			t = &in->tile[i];
			assert_int_equal(req.cap, 8192);
			status[i] = a->gone && t->width < 256 ? 404 : 200;
			k = (size_t)(a->full ? 256 : t->width) * 32;
			body[i] = (struct span){
			    level[t->level][t->index * 256], k };
			if (i == a->at && a->status != 0)
				status[i] = a->status;
			if (i == a->at)
				body[i].n -= a->cut;
			copy[i] = data_exact(body[i]);
			if (a->flip && t->level == 0)
				copy[i][0] ^= 1;
			body[i].p = copy[i];
		}
		assert_int_equal(incl_request(in, n, &req), -1);
		incl_read(in, status, body, n);
		for (i = 0; i < n; i++)
			free(copy[i]);
	}
	assert_int_equal(incl_request(in, 0, &req), -1);
}

static const uint64_t	sizes[] = { 1, 2, 255, 256, 257, 511, 512, 513,
    65535, 65536, 65537, 69888, 69889, 70000 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Start for leaf ${index} of the first ${size}. */
static int
begin(struct incl *in, uint64_t index, uint64_t size, uint8_t root[32],
    struct merkle_path *path)
{
	root_of(size, index, root, path);
	return incl_start(in, 1, "https://log.example/m/", level[0][index],
	    (int64_t)index, size, root);
}

static void
tiles(void **state)
{
	struct merkle_path	path;
	struct incl		in;
	uint8_t			root[32];
	uint64_t		at[4];
	size_t			i, k, n = 0;

	(void)state;
	for (i = 0; i < NSIZES; i++) {
		at[0] = 0;
		at[1] = sizes[i] - 1;
		at[2] = sizes[i] / 2;
		at[3] = sizes[i] > 256 ? 255 : 0;
		for (k = 0; k < 4; k++) {
			struct answers	a = { .full = (int)(k & 1),
					    .gone = k == 2 };

			assert_int_equal(begin(&in, at[k], sizes[i], root,
			    &path), 0);
			serve(&in, &a);
			if (in.state != INCL_PROVED)
				fail_msg("%zu of %zu: %s", (size_t)at[k],
				    (size_t)sizes[i], in.why);
			assert_string_equal(in.why, "");
			assert_int_equal(in.index, at[k]);
			assert_int_equal(in.npath, path.n);
			assert_memory_equal(in.path, path.hash, path.n * 32);
			assert_true(a.rounds == 1 || k == 2);
			n += a.asked;
		}
	}
	printf("%zu trees, %zu tiles asked for\n", NSIZES, n);
}

/* The log has another entry there: that is proven, too. */
static void
other(void **state)
{
	struct answers		a = { 0 };
	struct merkle_path	path;
	struct incl		in;
	uint8_t			root[32], zero[32] = { 0 };

	(void)state;
	root_of(70000, 300, root, &path);
	assert_int_equal(incl_start(&in, 1, "https://log.example/", zero,
	    300, 70000, root), 0);
	serve(&in, &a);
	assert_int_equal(in.state, INCL_ABSENT);
	assert_non_null(strstr(in.why, "another entry at index 300"));
	assert_memory_equal(in.other, level[0][300], 32);
	assert_int_equal(merkle_inclusion(in.other, 300, 70000,
	    (const uint8_t (*)[32])in.path, in.npath, root), 0);
	assert_int_equal(in.misled, 0);
}

/* Answers that are of no use. */
static void
useless(void **state)
{
	static const struct {
		struct answers	 a;
		int		 misled;
		const char	*why;
	} cases[] = {
		{ { .flip = 1 }, 1, "does not lead to the signed root" },
		{ { .status = 500 }, 0, "tile/0/001: HTTP status 500" },
		{ { .status = 404 }, 0, "tile/0/001: HTTP status 404" },
		{ { .status = 404, .at = 2 }, 0, "HTTP status 404" },
		{ { .status = 200, .cut = 1 }, 0, "8191 bytes" },
		{ { .cut = 8192 }, 0, "0 bytes" },
	};
	struct merkle_path	path;
	struct answers		a;
	struct incl		in;
	struct span		body = { NULL, 0 };
	uint8_t			root[32];
	int			status = 200;
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a = cases[i].a;
		assert_int_equal(begin(&in, 300, 70000, root, &path), 0);
		serve(&in, &a);
		assert_int_equal(in.state, INCL_REFUSED);
		assert_int_equal(in.misled, cases[i].misled);
		assert_int_equal(in.npath, 0);
		if (strstr(in.why, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, in.why);
	}
	assert_int_equal(begin(&in, 300, 70000, root, &path), 0);
	incl_read(&in, &status, &body, 1);
	assert_int_equal(in.state, INCL_REFUSED);
	assert_non_null(strstr(in.why, "1 answers to"));
	/* Nothing changes what has an end. */
	incl_read(&in, &status, &body, 1);
	assert_int_equal(in.state, INCL_REFUSED);
}

/* What there is nothing to ask about. */
static void
nothing(void **state)
{
	char		base[1100];
	uint8_t		h[32] = { 1 };
	struct incl	in;

	(void)state;
	assert_int_equal(incl_start(&in, 1, "https://x/", h, -1, 10, h), -1);
	assert_int_equal(in.state, INCL_REFUSED);
	assert_non_null(strstr(in.why, "leaf_index"));
	assert_int_equal(incl_start(&in, 1, "https://x/", h, 10, 10, h), -1);
	assert_int_equal(in.state, INCL_ABSENT);
	assert_int_equal(incl_start(&in, 1, "https://x/", h, 9, 10, h), 0);
	assert_int_equal(incl_start(&in, 1, "https://x/", h, 0, 0, h), -1);
	assert_int_equal(in.state, INCL_ABSENT);
	assert_int_equal(incl_start(&in, 0, "https://x/", h, -1, 0, h), -1);
	assert_int_equal(in.state, INCL_ABSENT);
	assert_int_equal(incl_start(&in, 1, "https://x/", h, INT64_MAX,
	    UINT64_MAX, h), -1);
	assert_int_equal(in.state, INCL_REFUSED);
	memset(base, 'a', sizeof(base));
	base[1023] = '\0';
	assert_int_equal(incl_start(&in, 1, base, h, 9, 10, h), 0);
	assert_int_equal(incl_start(&in, 0, base, h, -1, 10, h), 0);
	base[1023] = 'a';
	base[1024] = '\0';
	assert_int_equal(incl_start(&in, 1, base, h, 9, 10, h), -1);
	assert_int_equal(in.state, INCL_REFUSED);
	assert_int_equal(in.nask, 0);
}

/* The answer of get-proof-by-hash with that path. */
static char *
proof(uint64_t index, const struct merkle_path *path, size_t n)
{
	struct buf	b64 = BUF_INIT;
	json_t		*o, *a = json_array();
	char		*text;
	size_t		i;

	for (i = 0; i < n; i++) {
		buf_reset(&b64);
		enc_b64(&b64, path->hash[i], 32);
		(void)json_array_append_new(a, json_string(buf_text(&b64)));
	}
	o = json_pack("{s:I,s:o}", "leaf_index", (json_int_t)index,
	    "audit_path", a);
	text = json_dumps(o, 0);
	json_decref(o);
	buf_free(&b64);
	return text;
}

/* Ask for leaf 300 of 70,000 and answer so. */
static void
by_hash(struct incl *in, int status, const char *text, const uint8_t root[32])
{
	struct http_req	req;
	struct span	body = { (const uint8_t *)text, strlen(text) };

	assert_int_equal(incl_start(in, 0, "https://log.example/",
	    level[0][300], -1, 70000, root), 0);
	assert_int_equal(in->nask, 1);
	assert_int_equal(incl_request(in, 0, &req), 0);
	assert_ptr_equal(strstr(req.url, "https://log.example/ct/v1/"
	    "get-proof-by-hash?hash="), req.url);
	assert_non_null(strstr(req.url, "&tree_size=70000"));
	assert_int_equal(incl_request(in, 1, &req), -1);
	incl_read(in, &status, &body, 1);
}

static void
rfc6962(void **state)
{
	static const struct {
		int		 status;
		const char	*body;
		enum incl_state	 want;
		const char	*why;
	} cases[] = {
		{ 404, "not found", INCL_ABSENT, "no such leaf" },
		{ 400, "", INCL_ABSENT, "HTTP status 400" },
		{ 400, "need tree size: 70000 for proof but only got: 69999",
		  INCL_REFUSED, "has not got a tree of 70000" },
		{ 500, "", INCL_REFUSED, "HTTP status 500" },
		{ 429, "", INCL_REFUSED, "HTTP status 429" },
		{ 200, "", INCL_REFUSED, "get-proof-by-hash" },
		{ 200, "{}", INCL_REFUSED, "leaf_index" },
		{ 200, "<html>", INCL_REFUSED, "get-proof-by-hash" },
		{ 200, "{\"leaf_index\":300,\"audit_path\":[]}",
		  INCL_REFUSED, "does not lead to the signed root" },
	};
	struct merkle_path	path;
	struct incl		in;
	uint8_t			root[32];
	char			*text;
	size_t			i;

	(void)state;
	root_of(70000, 300, root, &path);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		by_hash(&in, cases[i].status, cases[i].body, root);
		assert_int_equal(in.state, cases[i].want);
		assert_int_equal(in.misled, i == 8);
		if (strstr(in.why, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, in.why);
	}
	text = proof(300, &path, path.n);
	by_hash(&in, 200, text, root);
	assert_int_equal(in.state, INCL_PROVED);
	assert_int_equal(in.index, 300);
	assert_int_equal(in.npath, path.n);
	assert_memory_equal(in.path, path.hash, path.n * 32);
	free(text);
	/* Another index, a shorter path, another hash. */
	for (i = 0; i < 4; i++) {
		path.hash[3][5] ^= i == 2;
		text = proof(i == 0 ? 301 : i == 3 ? 70300 : 300, &path,
		    path.n - (i == 1));
		by_hash(&in, 200, text, root);
		assert_int_equal(in.state, INCL_REFUSED);
		assert_int_equal(in.misled, 1);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(tiles),
		cmocka_unit_test(other),
		cmocka_unit_test(useless),
		cmocka_unit_test(nothing),
		cmocka_unit_test(rfc6962),
	};

	return cmocka_run_group_tests(tests, grow, fell);
}
