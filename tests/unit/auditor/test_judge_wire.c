#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/judge.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"

/* The messages between engine and judge: there and back, and broken. */

static struct cur
cur_buf(const struct buf *b)
{
	return cur_span(buf_bytes(b));
}

/*
 * ${read} (from the caller's cursor c) must take all of the message: each
 * shorter one is refused.
 */
#define EVERY_PREFIX(b, read) do {					\
	size_t	n_;							\
									\
	for (n_ = 0; n_ < (b)->n; n_++) {				\
		c = cur_of((b)->p, n_);					\
		if ((read) != -1)					\
			fail_msg("%zu of %zu bytes are enough", n_,	\
			    (b)->n);					\
	}								\
} while (0)

static void
strings(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 n;
		int		 rc;
	} t[] = {
		{ "\0\0\0\1\0", 5, 0 },
		{ "\0\0\0\2a\0", 6, 0 },
		{ "\0\0\0\0", 4, -1 },		/* no zero byte */
		{ "\0\0\0\1a", 5, -1 },
		{ "\0\0\0\3a\0b", 7, -1 },	/* one inside */
		{ "\0\0\0\3a\0\0", 7, -1 },
		{ "\xff\xff\xff\xff" "a\0", 6, -1 },
	};
	const char	*s;
	size_t		 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct cur	c = cur_of(t[i].bytes, t[i].n);

		if (judge_str_read(&c, &s) != t[i].rc)
			fail_msg("string %zu", i);
		if (t[i].rc == 0)
			assert_int_equal(cur_left(&c), 0);
	}
}

static void
logs(void **state)
{
	static const uint8_t	key[] = { 1, 2, 3 };
	struct judge_log	l = { LOGLIST_STATIC, { key, 3 }, "a.example/" };
	struct judge_log	m;
	struct buf		b = BUF_INIT;
	struct cur		c;

	(void)state;
	judge_log_pack(&b, &l);
	c = cur_buf(&b);
	assert_int_equal(judge_log_read(&c, &m), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_int_equal(m.protocol, LOGLIST_STATIC);
	assert_int_equal(m.key.n, 3);
	assert_memory_equal(m.key.p, key, 3);
	assert_string_equal(m.origin, "a.example/");
	EVERY_PREFIX(&b, judge_log_read(&c, &m));
	b.p[0] = LOGLIST_STATIC + 1;
	c = cur_buf(&b);
	assert_int_equal(judge_log_read(&c, &m), -1);
	buf_free(&b);
}

static void
pages(void **state)
{
	struct judge_page	p = { { 1ULL << 40, 77, 1 }, 1, 256, 3, 200,
	    1ULL << 50, 5, UINT32_MAX }, q;
	struct buf		b = BUF_INIT;
	struct cur		c;

	(void)state;
	judge_page_pack(&b, &p);
	c = cur_buf(&b);
	assert_int_equal(judge_page_read(&c, &q), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_true(q.ext.off == p.ext.off && q.ext.len == 77 &&
	    q.ext.gzip == 1 && q.tile == 1 && q.max == 256 && q.skip == 3 &&
	    q.cut == 200 && q.first == p.first && q.from == 5 &&
	    q.to == UINT32_MAX);
	EVERY_PREFIX(&b, judge_page_read(&c, &q));
	buf_free(&b);
}

static void
proofs(void **state)
{
	static struct judge_proof	p, q;
	struct buf			b = BUF_INIT;
	struct cur			c;
	size_t				i;

	(void)state;
	p.kind = JUDGE_START;
	p.size1 = 5;
	p.size2 = 1ULL << 61;
	memset(p.root1, 1, 32);
	memset(p.root2, 2, 32);
	p.tiles = 1;
	p.n = TILE_SET_MAX;
	for (i = 0; i < p.n; i++) {
		p.tile[i] = (struct tile){ (int)(i % 8), i * 1000, 1 +
		    (unsigned)i % 256 };
		p.ext[i] = (struct judge_ext){ i << 20, (uint32_t)i, 0 };
	}
	judge_proof_pack(&b, &p);
	c = cur_buf(&b);
	assert_int_equal(judge_proof_read(&c, &q), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_true(q.kind == JUDGE_START && q.size2 == p.size2 &&
	    q.n == p.n && q.tiles == 1);
	for (i = 0; i < p.n; i++)
		assert_true(q.tile[i].level == p.tile[i].level &&
		    q.tile[i].index == p.tile[i].index &&
		    q.tile[i].width == p.tile[i].width &&
		    q.ext[i].off == p.ext[i].off);
	EVERY_PREFIX(&b, judge_proof_read(&c, &q));
	/* one tile more than there is room for */
	b.p[1 + 16 + 64 + 1 + 3]++;
	for (i = 0; i < 40; i++)
		buf_u8(&b, 0);
	c = cur_buf(&b);
	assert_int_equal(judge_proof_read(&c, &q), -1);
	b.p[0] = JUDGE_START + 1;
	c = cur_buf(&b);
	assert_int_equal(judge_proof_read(&c, &q), -1);
	buf_free(&b);
}

static void
lists(void **state)
{
	static const uint8_t	pem[] = "-----";
	struct judge_list	l = { { 0, 4, 0 }, { 64, 5, 1 }, 1,
	    { pem, 5 } }, m;
	struct buf		b = BUF_INIT;
	struct cur		c;

	(void)state;
	judge_list_pack(&b, &l);
	c = cur_buf(&b);
	assert_int_equal(judge_list_read(&c, &m), 0);
	assert_true(m.json.len == 4 && m.sig.off == 64 && m.sig.gzip == 1 &&
	    m.check == 1 && m.pem.n == 5);
	EVERY_PREFIX(&b, judge_list_read(&c, &m));
	buf_free(&b);
}

static void
replies(void **state)
{
	struct judge_reply	r = { 7, 0, ERR_VERIFY, "no" }, s;
	struct buf		b = BUF_INIT;
	struct cur		c;

	(void)state;
	judge_reply_pack(&b, &r);
	c = cur_buf(&b);
	assert_int_equal(judge_reply_read(&c, &s), 0);
	assert_true(s.id == 7 && s.ok == 0 && s.code == ERR_VERIFY);
	assert_string_equal(s.msg, "no");
	EVERY_PREFIX(&b, judge_reply_read(&c, &s));
	b.p[9] = ERR_MAX - 1;
	c = cur_buf(&b);
	assert_int_equal(judge_reply_read(&c, &s), 0);
	b.p[9] = ERR_MAX;
	c = cur_buf(&b);
	assert_int_equal(judge_reply_read(&c, &s), -1);
	buf_free(&b);
}

static void
heads(void **state)
{
	static const struct {
		uint64_t	size, ms;
		int		rc;
	} t[] = {
		{ 0, 0, 0 },
		{ (1ULL << 62) - 1, (1ULL << 52) - 1, 0 },
		{ 1ULL << 62, 0, -1 },
		{ 0, 1ULL << 52, -1 },
		{ UINT64_MAX, UINT64_MAX, -1 },
	};
	struct judge_head	h, g;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			i;

	(void)state;
	memset(&h, 3, sizeof(h));
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		h.tree_size = t[i].size;
		h.timestamp_ms = t[i].ms;
		buf_reset(&b);
		judge_head_pack(&b, &h);
		c = cur_buf(&b);
		assert_int_equal(judge_head_read(&c, &g), t[i].rc);
		if (t[i].rc == 0)
			assert_memory_equal(g.root, h.root, 32);
		EVERY_PREFIX(&b, judge_head_read(&c, &g));
	}
	buf_free(&b);
}

static void
page_replies(void **state)
{
	struct judge_page_reply	r, s;
	struct buf		b = BUF_INIT;
	struct cur		c;

	(void)state;
	memset(&r, 0, sizeof(r));
	merkle_start(&r.range, 5);
	merkle_leaf(&r.range, r.range.hash[100]);
	merkle_leaf(&r.range, r.range.hash[100]);
	r.count = 2;
	r.upto = 2;
	r.nmatch = 2;
	judge_page_reply_pack(&b, &r);
	c = cur_buf(&b);
	assert_int_equal(judge_page_reply_read(&c, &s), 0);
	assert_true(s.count == 2 && s.upto == 2 && s.nmatch == 2 &&
	    s.range.from == 5 && s.range.to == 7);
	EVERY_PREFIX(&b, judge_page_reply_read(&c, &s));
	/* more matches than entries; another count than the range has */
	r.nmatch = 3;
	buf_reset(&b);
	judge_page_reply_pack(&b, &r);
	c = cur_buf(&b);
	assert_int_equal(judge_page_reply_read(&c, &s), -1);
	r.nmatch = 0;
	r.count = 3;
	buf_reset(&b);
	judge_page_reply_pack(&b, &r);
	c = cur_buf(&b);
	assert_int_equal(judge_page_reply_read(&c, &s), -1);
	buf_free(&b);
}

/* A match with two names, two hits, a chain of two. */
static void
match_make(struct judge_match *m)
{
	static const char	*names[] = { "a.example", "b.example" };
	static const char	*hits[] = { "a.example", "b.example" };
	static uint32_t		 watch[] = { 0, UINT32_MAX };
	static struct span	 chain[2];

	memset(m, 0, sizeof(*m));
	m->index = 1000;
	m->timestamp_ms = (1ULL << JUDGE_TIME_BITS) - 1;
	m->type = -1;
	m->issued = -1;
	m->reason = "why";
	m->leaf = SPAN_STR("leaf");
	m->der = SPAN_STR("der");
	m->serial = "01";
	m->key_type = "p256";
	m->owner = "";
	m->subject = "CN=a";
	m->issuer = "CN=b";
	m->not_before = -5;
	m->not_after = INT64_MAX;
	m->nnames = m->nhits = m->nchain = 2;
	m->names = names;
	m->hit_watch = watch;
	m->hit_name = hits;
	chain[0] = SPAN_STR("x");
	chain[1] = SPAN_STR("");
	m->chain = chain;
	merkle_path_start(&m->path, 1000);
	m->path.to = 1001;
	m->path.n = MERKLE_PROOF;
}

/* The offset of the timestamp, and of type, malformed and issued behind it. */
#define AT_TIME	8
#define AT_TYPE	16

static void
matches(void **state)
{
	struct judge_match	m, o;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			n;

	(void)state;
	match_make(&m);
	judge_match_pack(&b, &m);
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_true(o.index == 1000 && o.type == -1 && o.issued == -1 &&
	    o.timestamp_ms == m.timestamp_ms && o.not_before == -5 &&
	    o.nnames == 2 && o.nhits == 2 && o.nchain == 2 &&
	    o.hit_watch[1] == UINT32_MAX && o.chain[1].n == 0 &&
	    o.path.n == MERKLE_PROOF);
	assert_string_equal(o.names[1], "b.example");
	assert_string_equal(o.subject, "CN=a");
	assert_string_equal(o.issuer, "CN=b");
	judge_match_free(&o);
	judge_match_free(&o);
	EVERY_PREFIX(&b, judge_match_read(&c, &o));
	n = b.n;
	/* the path: one hash too many, another index, an empty subtree */
	b.p[n - MERKLE_PROOF * 32 - 1]++;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	b.p[n - MERKLE_PROOF * 32 - 1]--;
	b.p[n - MERKLE_PROOF * 32 - 18]++;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	b.p[n - MERKLE_PROOF * 32 - 18]--;
	b.p[n - MERKLE_PROOF * 32 - 2]--;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	b.p[n - MERKLE_PROOF * 32 - 2]++;
	/* values that no judge sends */
	b.p[AT_TYPE] = 3;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	b.p[AT_TYPE] = 0;
	b.p[AT_TYPE + 2] = 3;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	b.p[AT_TYPE + 2] = 0;
	b.p[AT_TIME + 1] |= 0x10;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	b.p[AT_TIME + 1] &= 0x0f;
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), 0);
	judge_match_free(&o);
	buf_free(&b);
}

/* Fingerprints have 32 bytes; counts that promise too much are refused. */
static void
match_lists(void **state)
{
	struct judge_match	m, o;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			at;

	(void)state;
	match_make(&m);
	m.chain_fp = 1;
	judge_match_pack(&b, &m);
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), -1);
	m.chain[0] = m.chain[1] = (struct span){ m.leaf_hash, 32 };
	buf_reset(&b);
	judge_match_pack(&b, &m);
	c = cur_buf(&b);
	assert_int_equal(judge_match_read(&c, &o), 0);
	judge_match_free(&o);
	/* every byte set to 255 in turn: refused, or read within bounds */
	for (at = 0; at < b.n; at++) {
		uint8_t	old = b.p[at];

		b.p[at] = 0xff;
		c = cur_buf(&b);
		if (judge_match_read(&c, &o) == 0) {
			assert_true(o.nnames <= b.n && o.nhits <= b.n &&
			    o.nchain <= b.n);
			judge_match_free(&o);
		}
		b.p[at] = old;
	}
	buf_free(&b);
}

static struct loglist *
list_make(struct loglist_log log[2])
{
	static struct loglist_former	former = { (char *)(uintptr_t)"Old", 9 };
	static struct loglist		l;
	static char			*refused[1];
	size_t				 i;

	memset(&l, 0, sizeof(l));
	memset(log, 0, 2 * sizeof(*log));
	for (i = 0; i < 2; i++) {
		log[i].operator = (char *)(uintptr_t)"Op";
		log[i].description = (char *)(uintptr_t)"A log";
		log[i].key = (uint8_t *)(uintptr_t)(i == 0 ? "k1" : "k2");
		log[i].nkey = 2;
		log[i].mmd = 86400;
		log[i].url = (char *)(uintptr_t)"https://a.example/";
		log[i].submit_url = (char *)(uintptr_t)"https://b.example/";
		log[i].protocol = LOGLIST_STATIC;
		log[i].state = LOGLIST_REJECTED;
		log[i].has_final = 1;
		log[i].final_size = (1ULL << 62) - 1;
		log[i].has_interval = 1;
		log[i].start = -1;
		log[i].end = INT64_MAX;
		/* a judge may say what it wants of the id */
		memset(log[i].log_id, 0xee, 32);
	}
	log[0].former = &former;
	log[0].nformer = 1;
	refused[0] = (char *)(uintptr_t)"because";
	l.version = (char *)(uintptr_t)"1.2";
	l.timestamp = 12345;
	l.nlogs = 2;
	l.logs = log;
	l.nrefused = 1;
	l.refused = refused;
	return &l;
}

static void
loglists(void **state)
{
	struct loglist_log	 log[2];
	struct loglist		*l = list_make(log), *o = NULL;
	struct buf		 b = BUF_INIT;
	struct cur		 c;
	uint8_t			 id[32];

	(void)state;
	judge_loglist_pack(&b, l);
	c = cur_buf(&b);
	assert_int_equal(judge_loglist_read(&c, &o), 0);
	assert_int_equal(cur_left(&c), 0);
	assert_true(o->nlogs == 2 && o->nrefused == 1 &&
	    o->timestamp == 12345 && o->logs[0].nformer == 1 &&
	    o->logs[1].nformer == 0 && o->logs[1].end == INT64_MAX);
	assert_string_equal(o->logs[0].former[0].name, "Old");
	assert_string_equal(o->refused[0], "because");
	/* the id is the hash of the key */
	sha_256(id, "k2", 2);
	assert_memory_equal(o->logs[1].log_id, id, 32);
	loglist_free(o);
	EVERY_PREFIX(&b, judge_loglist_read(&c, &o));
	assert_null(o);
	/* out of range */
	log[1].state = LOGLIST_REJECTED + 1;
	buf_reset(&b);
	judge_loglist_pack(&b, l);
	c = cur_buf(&b);
	assert_int_equal(judge_loglist_read(&c, &o), -1);
	log[1].state = LOGLIST_USABLE;
	log[1].final_size = 1ULL << 62;
	buf_reset(&b);
	judge_loglist_pack(&b, l);
	c = cur_buf(&b);
	assert_int_equal(judge_loglist_read(&c, &o), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(logs),
		cmocka_unit_test(pages),
		cmocka_unit_test(proofs),
		cmocka_unit_test(lists),
		cmocka_unit_test(replies),
		cmocka_unit_test(heads),
		cmocka_unit_test(page_replies),
		cmocka_unit_test(matches),
		cmocka_unit_test(match_lists),
		cmocka_unit_test(loglists),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
