#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/bigcore.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/key.h"

enum { THREADS = 64 };

static char labels[1024][2];

/* --- entries ------------------------------------------------------------------ */

static void
make_labels(void)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned i;

	for (i = 0; i < 1024; i++) {
		labels[i][0] = set[i >> 5];
		labels[i][1] = set[i & 31];
	}
}

static void
put64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

/* All but what a planted entry has of its own. */
static void
value(const struct bigcore *c, uint64_t i, struct bigval *v)
{
	/* odd factors: no two entries have the same */
	uint64_t x = i * 0x9e3779b97fu + c->o.seed * 0x2545f4914fu, be;
	int k;

	for (k = 0; k < 4; k++)
		memcpy(v->label + k * 2, labels[x >> (30 - 10 * k) & 1023], 2);
	put64(v->serial, bigcert_mix(i ^ c->o.seed << 48));
	put64(v->time, bigtime_of(&c->time, i));
	be = __builtin_bswap64(i << 24);
	memcpy(v->index, &be, 5);
	v->domain = NULL;
	v->sig = NULL;
}

uint64_t
bigcore_match(const struct bigcore *c, uint64_t b)
{
	uint64_t r = bigcert_mix(c->o.seed * 31 + b * 2 + 1) % c->o.every;

	/* places with an RSA issuer; the first entry is one */
	return b == 0 ? 0 : b * c->o.every + (r & ~UINT64_C(2));
}

uint64_t
bigcore_near(const struct bigcore *c, uint64_t b)
{
	uint64_t r = bigcert_mix(c->o.seed * 31 + b * 2) % c->o.every;

	r = b * c->o.every + (r & ~UINT64_C(2));
	return r == bigcore_match(c, b) ? r ^ 1 : r;
}

enum bigclass
bigcore_class(const struct bigcore *c, uint64_t i)
{
	uint64_t b = i / c->o.every;

	return i == bigcore_match(c, b) ? BIG_MATCH :
	    i == bigcore_near(c, b) ? BIG_NEAR : BIG_PLAIN;
}

/*
 * The CA's signature over planted entry ${i}, made once.  ${g} is a page to
 * be written over.
 */
static const uint8_t *
sign(struct bigcore *c, struct bigpage *g, uint64_t i, struct bigval *v)
{
	const struct bigplace *p = &c->pages.at[i % BIG_WIDTH];
	uint8_t **sig = &c->sig[i / c->o.every];
	struct buf b = BUF_INIT;

	if (*sig != NULL)
		return *sig;
	bigpage_set(&c->pages, g, (int)(i % BIG_WIDTH), v);
	key_sign(c->certs.m[i % BIG_WIDTH].ca->key,
	    (struct span){ g->raw + p->tbs, p->ntbs }, &b);
	if (b.n != BIG_SIG)
		abort();
	*sig = mem_dup(b.p, b.n);
	buf_free(&b);
	bigpage_clean(&c->pages, g);
	return *sig;
}

/* Put entry ${i} into a page; ${g} is one to sign with. */
static void
set_entry(struct bigcore *c, struct bigpage *p, struct bigpage *g,
    uint64_t i, enum bigclass class)
{
	struct bigval v;

	value(c, i, &v);
	if (class == BIG_NEAR)
		v.domain = (const uint8_t *)c->near;
	if (class == BIG_MATCH) {
		v.domain = (const uint8_t *)c->domain;
		v.sig = sign(c, g, i, &v);
	}
	bigpage_set(&c->pages, p, (int)(i % BIG_WIDTH), &v);
}

/* Entries [a, b) of one data tile into a page. */
static void
set_range(struct bigcore *c, struct bigpage *p, struct bigpage *g,
    uint64_t a, uint64_t b)
{
	uint64_t i, first = a / c->o.every, last = (b - 1) / c->o.every;
	uint64_t match[2] = { bigcore_match(c, first),
	    bigcore_match(c, last) };
	uint64_t near[2] = { bigcore_near(c, first), bigcore_near(c, last) };

	bigpage_clean(&c->pages, p);
	for (i = a; i < b; i++)
		set_entry(c, p, g, i, i == match[0] || i == match[1] ?
		    BIG_MATCH : i == near[0] || i == near[1] ? BIG_NEAR :
		    BIG_PLAIN);
}

/* --- hashes ------------------------------------------------------------------ */

/* The leaf hashes of [a, b), by way of two pages. */
static void
hash_range(struct bigcore *c, struct bigpage *p, struct bigpage *g,
    uint64_t a, uint64_t b)
{
	const struct bigplace *at;
	uint64_t i, end;

	for (; a < b; a = end) {
		end = (a / BIG_WIDTH + 1) * BIG_WIDTH;
		if (end > b)
			end = b;
		set_range(c, p, g, a, end);
		for (i = a; i < end; i++) {
			at = &c->pages.at[i % BIG_WIDTH];
			bigtree_leaf(p->raw + at->leaf, at->nleaf,
			    c->tree.leaf + i * BIGTREE_HASH);
		}
	}
}

struct job {
	pthread_t	 thread;
	struct bigcore	*c;
	uint64_t	 from, to;	/* entries */
	int		 sign_only;
};

static void *
job_run(void *arg)
{
	struct job *j = arg;
	struct bigcore *c = j->c;
	struct bigpage *p = bigpage_new(&c->pages, 0);
	struct bigpage *g = bigpage_new(&c->pages, 0);
	uint64_t i, b = j->from / c->o.every;
	struct bigval v;

	if (!j->sign_only)
		hash_range(c, p, g, j->from, j->to);
	else
		for (; (i = bigcore_match(c, b)) < j->to; b++)
			if (i >= j->from) {
				value(c, i, &v);
				v.domain = (const uint8_t *)c->domain;
				(void)sign(c, g, i, &v);
			}
	bigpage_free(p);
	bigpage_free(g);
	return NULL;
}

/* All entries that are there at the start, by several threads. */
static void
run_jobs(struct bigcore *c, int sign_only)
{
	struct job j[THREADS];
	uint64_t n = (uint64_t)(c->o.threads < 1 ? 1 :
	    c->o.threads > THREADS ? THREADS : c->o.threads), i, step;

	step = (c->o.size / n / BIG_WIDTH + 1) * BIG_WIDTH;
	for (i = 0; i < n; i++) {
		j[i] = (struct job){ 0, c, i * step, (i + 1) * step,
		    sign_only };
		if (j[i].from > c->o.size)
			j[i].from = c->o.size;
		if (j[i].to > c->o.size)
			j[i].to = c->o.size;
		if (pthread_create(&j[i].thread, NULL, job_run, &j[i]) != 0)
			abort();
	}
	for (i = 0; i < n; i++)
		pthread_join(j[i].thread, NULL);
}

static void
room_for_signatures(struct bigcore *c, uint64_t size)
{
	uint64_t n = size / c->o.every + 2;

	if (n <= c->nsig)
		return;
	n += n / 2;
	c->sig = realloc(c->sig, n * sizeof(*c->sig));
	if (c->sig == NULL)
		abort();
	memset(c->sig + c->nsig, 0, (n - c->nsig) * sizeof(*c->sig));
	c->nsig = n;
}

void
bigcore_grow(struct bigcore *c, uint64_t n)
{
	if (n > c->tree.max)
		n = c->tree.max;
	if (n <= c->tree.n)
		return;
	room_for_signatures(c, n);
	hash_range(c, c->scratch, c->scratch + 1, c->tree.n, n);
	bigtree_grow(&c->tree, n);
}

/* The leaf hashes of an earlier run; -1 when there are none. */
static int
load_leaves(struct bigcore *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t want = c->o.size * BIGTREE_HASH, got = 0;
	ssize_t k = 1;

	if (fd == -1)
		return -1;
	while (got < want && (k = read(fd, c->tree.leaf + got,
	    want - got)) > 0)
		got += (size_t)k;
	close(fd);
	return got == want ? 0 : -1;
}

static int
open_leaves(struct bigcore *c, struct err *e)
{
	char *path = mem_printf("%s/leaves", c->o.dir);
	struct span all = { c->tree.leaf, c->o.size * BIGTREE_HASH };
	int rc = 0;

	if (load_leaves(c, path) == 0)
		run_jobs(c, 1);
	else {
		run_jobs(c, 0);
		rc = file_write(path, all, e);
	}
	bigtree_grow(&c->tree, c->o.size);
	free(path);
	return rc;
}

/* --- pages -------------------------------------------------------------------- */

struct bigpage *
bigcore_page(struct bigcore *c, int kind, uint64_t n)
{
	uint64_t from = n * BIG_WIDTH, to = from + BIG_WIDTH;
	struct bigpage *p = NULL;
	size_t i;

	if (to > c->tree.n)
		to = c->tree.n;
	for (i = 0; i < c->npool; i++) {
		if (c->pool[i]->kind != kind)
			continue;
		if (c->pool[i]->n == n &&
		    c->pool[i]->width == (int)(to - from)) {
			c->pool[i]->refs++;
			return c->pool[i];
		}
		if (c->pool[i]->refs == 0)
			p = c->pool[i];
	}
	if (p == NULL) {
		p = bigpage_new(&c->pages, kind);
		c->pool = mem_grow(c->pool, &c->cappool, c->npool + 1,
		    sizeof(struct bigpage *));
		c->pool[c->npool++] = p;
	}
	set_range(c, p, c->scratch + 1, from, to);
	bigpage_end(&c->pages, p);
	p->n = n;
	p->width = (int)(to - from);
	p->refs = 1;
	return p;
}

void
bigcore_drop(struct bigpage *p)
{
	p->refs--;
}

/* --- the folder ---------------------------------------------------------------- */

/* The options that entries are made of must be those of the first time. */
static int
open_meta(struct bigcore *c, struct err *e)
{
	char *path = mem_printf("%s/biglog", c->o.dir), *text;
	struct buf b = BUF_INIT;
	unsigned long long made;
	size_t n;
	int rc = 0;

	text = mem_printf("4 %llu %llu %llu %s ",
	    (unsigned long long)c->o.size, (unsigned long long)c->o.seed,
	    (unsigned long long)c->o.every, c->o.domain);
	n = strlen(text);
	if (file_read(path, &b, NULL) == 0 && b.n > n &&
	    memcmp(b.p, text, n) == 0) {
		made = strtoull(buf_text(&b) + n, NULL, 10);
	} else if (b.n > 0) {
		rc = err_set(e, ERR_USAGE, "%s is of another size, seed, "
		    "--every or --domain: take another folder", c->o.dir);
		made = 0;
	} else {
		made = bigtime_now() / 1000 * 1000;
		buf_fmt(&b, "%s%llu\n", text, made);
		rc = file_write(path, buf_bytes(&b), e);
	}
	c->certs.time = made;
	c->time.start = c->o.size;
	c->time.began = made;
	c->time.span = c->o.span * 1000;
	buf_free(&b);
	free(text);
	free(path);
	return rc;
}

static int
check_options(const struct bigopts *o, struct err *e)
{
	size_t n = strlen(o->domain);

	if (o->every < 2 * BIG_WIDTH || o->every % 4 != 0)
		return err_set(e, ERR_USAGE, "--every must be a multiple of 4, "
		    "512 or more");
	if (n < 5 || n >= BIG_SUFFIX)
		return err_set(e, ERR_USAGE, "--domain must have 5 to %d "
		    "characters", BIG_SUFFIX - 1);
	if (mkdir(o->dir, 0777) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "%s: cannot make it", o->dir);
	return 0;
}

int
bigcore_open(struct bigcore *c, const struct bigopts *o, int bare,
    struct err *e)
{
	c->o = *o;
	make_labels();
	if (check_options(o, e) == -1 || open_meta(c, e) == -1)
		return -1;
	c->domain = mem_printf(".%s", o->domain);
	c->near = mem_printf("-%s", o->domain);
	c->certs.seed = o->seed;
	c->certs.ndomain = strlen(c->domain);
	if (bigcert_open(&c->certs, o->dir, e) == -1)
		return -1;
	bigpages_make(&c->pages, &c->certs);
	room_for_signatures(c, o->size);
	c->scratch = mem_array(2, sizeof(*c->scratch));
	bigpage_init(&c->pages, &c->scratch[0], 0);
	bigpage_init(&c->pages, &c->scratch[1], 0);
	if (bare)
		return 0;
	if (bigtree_open(&c->tree, UINT64_C(1) << 31, e) == -1)
		return -1;
	return open_leaves(c, e);
}

/* --- the oracle ----------------------------------------------------------------- */

static void
tell(const struct bigcore *c, uint64_t i, struct buf *out)
{
	static const char *const class[] = { "plain", "match", "near" };
	static const char *const before[2][4] = {
		{ "", "www.", "api.", "mail." },
		{ "", "*.", "shop.", "static." }
	};
	int k = (int)(i % BIG_WIDTH), n;
	const struct bigmould *m = &c->certs.m[k];
	enum bigclass what = bigcore_class(c, i);
	struct bigval v;

	value(c, i, &v);
	buf_fmt(out, "{\"index\":%llu,\"class\":\"%s\",\"type\":\"%s\","
	    "\"timestamp\":%llu,\"serial\":\"", (unsigned long long)i,
	    class[what], m->pre ? "precert" : "x509",
	    (unsigned long long)bigtime_of(&c->time, i));
	b64_hex(out, m->serial, 8);
	b64_hex(out, v.serial, 8);
	buf_str(out, "\",\"names\":[");
	for (n = 0; n < m->names; n++)
		buf_fmt(out, "%s\"%s%.8s%s\"", n == 0 ? "" : ",",
		    before[k / 8 % 2][n], (const char *)v.label,
		    what == BIG_MATCH ? c->domain : what == BIG_NEAR ?
		    c->near : buf_text(&m->domain));
	buf_str(out, "]}\n");
}

void
bigcore_oracle(const struct bigcore *c, uint64_t from, uint64_t to, int near,
    struct buf *out)
{
	uint64_t b, m, n;

	for (b = from / c->o.every; b * c->o.every < to; b++) {
		m = bigcore_match(c, b);
		n = bigcore_near(c, b);
		if (near && n < m && n >= from && n < to)
			tell(c, n, out);
		if (m >= from && m < to)
			tell(c, m, out);
		if (near && n > m && n >= from && n < to)
			tell(c, n, out);
	}
}
