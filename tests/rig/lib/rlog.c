#include <sys/mman.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/rlog.h"

enum { NO_RAW = 0xffffffff, FLUSH_AT = 4 << 20, RECORD_HEAD = 16 };

uint64_t
rlog_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Lengths, then leaf, precertificate, chain, raw extra_data. */
static void
put_record(struct buf *b, const struct entry *e)
{
	buf_u32(b, (uint32_t)e->leaf.n);
	buf_u32(b, (uint32_t)e->pre.n);
	buf_u32(b, (uint32_t)e->chain.n);
	buf_u32(b, e->has_raw ? (uint32_t)e->raw.n : NO_RAW);
	buf_add(b, e->leaf.p, e->leaf.n);
	buf_add(b, e->pre.p, e->pre.n);
	buf_add(b, e->chain.p, e->chain.n);
	if (e->has_raw)
		buf_add(b, e->raw.p, e->raw.n);
}

static size_t
record_body(const struct ent *t)
{
	return (size_t)t->nleaf + t->npre + t->nchain +
	    (t->nraw == NO_RAW ? 0 : t->nraw);
}

static void
add_ent(struct branch *b, const struct ent *t, const uint8_t *hash)
{
	b->e = mem_grow(b->e, &b->cap, b->n + 1, sizeof(*b->e));
	b->e[b->n++] = *t;
	tree_add(&b->tree, hash);
}

static void
flush(struct rlog *lg)
{
	size_t done = 0;
	ssize_t k;

	while (done < lg->out.n) {
		k = write(lg->fd[lg->out_file], lg->out.p + done,
		    lg->out.n - done);
		if (k <= 0) {
			perror("ctlog: cannot write entries");
			exit(1);
		}
		done += (size_t)k;
	}
	buf_reset(&lg->out);
}

int64_t
rlog_next(const struct rlog *lg)
{
	return lg->index ? (int64_t)lg->br[lg->cur].n : -1;
}

uint64_t
rlog_append(struct rlog *lg, const struct entry *e)
{
	struct ent t;
	uint8_t hash[32];
	size_t before;

	if (lg->out_file != lg->cur || lg->out.n > FLUSH_AT)
		flush(lg);
	lg->out_file = lg->cur;
	t.file = (uint8_t)lg->cur;
	t.off = lg->end[t.file];
	t.nleaf = (uint32_t)e->leaf.n;
	t.npre = (uint32_t)e->pre.n;
	t.nchain = (uint32_t)e->chain.n;
	t.nraw = e->has_raw ? (uint32_t)e->raw.n : NO_RAW;
	before = lg->out.n;
	put_record(&lg->out, e);
	lg->end[t.file] += lg->out.n - before;
	entry_key(&e->leaf, t.key);
	tree_leaf(e->leaf.p, e->leaf.n, hash);
	add_ent(&lg->br[lg->cur], &t, hash);
	/* a fork whose heads alone are told goes on with the same entries */
	if (lg->cur == 0 && lg->lies[LIE_FORK].on)
		add_ent(&lg->br[1], &t, hash);
	return lg->br[lg->cur].n - 1;
}

void
rlog_done(struct rlog *lg)
{
	flush(lg);
	if (lg->auto_publish && lg->br[lg->cur].n > rlog_last(lg)->size)
		rlog_publish(lg);
}

void
rlog_read(struct rlog *lg, uint64_t i, struct entry *e)
{
	const struct ent *t = &lg->br[lg->cur].e[i];
	size_t n = record_body(t);
	uint8_t *p = mem_zero(n + 1);

	flush(lg);
	if (pread(lg->fd[t->file], p, n, (off_t)t->off + RECORD_HEAD) !=
	    (ssize_t)n) {
		perror("ctlog: cannot read an entry");
		exit(1);
	}
	memset(e, 0, sizeof(*e));
	buf_add(&e->leaf, p, t->nleaf);
	buf_add(&e->pre, p + t->nleaf, t->npre);
	buf_add(&e->chain, p + t->nleaf + t->npre, t->nchain);
	e->has_raw = t->nraw != NO_RAW;
	if (e->has_raw)
		buf_add(&e->raw, p + t->nleaf + t->npre + t->nchain, t->nraw);
	free(p);
}

int64_t
rlog_find(const struct rlog *lg, const uint8_t *key)
{
	const struct branch *b = &lg->br[lg->cur];
	size_t i;

	for (i = 0; i < b->n; i++)
		if (memcmp(b->e[i].key, key, 32) == 0)
			return (int64_t)i;
	return -1;
}

static const struct { const char *name; size_t off, size; } texts[] = {
	{ "key", offsetof(struct rlog, key_type), 16 },
	{ "proto", offsetof(struct rlog, proto), 16 },
	{ "state", offsetof(struct rlog, state), 16 },
	{ "operator", offsetof(struct rlog, operator), 64 },
	{ "from", offsetof(struct rlog, from), 32 },
	{ "to", offsetof(struct rlog, to), 32 },
};

static const struct { const char *name; size_t off; } numbers[] = {
	{ "mmd", offsetof(struct rlog, mmd) },
	{ "cap", offsetof(struct rlog, cap) },
	{ "align", offsetof(struct rlog, align) },
	{ "index", offsetof(struct rlog, index) },
	{ "hybrid", offsetof(struct rlog, hybrid) },
	{ "etag", offsetof(struct rlog, etag) },
	{ "gzip", offsetof(struct rlog, gzip) },
};

/* One "opt=value". */
static int
option(struct rlog *lg, const char *opt, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].name, opt) == 0) {
			(void)snprintf((char *)lg + texts[i].off,
			    texts[i].size, "%s", value);
			return 0;
		}
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].name, opt) == 0) {
			*(long *)(void *)((char *)lg + numbers[i].off) =
			    strtol(value, NULL, 10);
			return 0;
		}
	return -1;
}

int
rlog_options(struct rlog *lg, const char *spec, struct err *e)
{
	char *copy = mem_str(spec), *save = NULL, *word, *value;
	int rc = 0;

	(void)snprintf(lg->key_type, sizeof(lg->key_type), "p256");
	(void)snprintf(lg->proto, sizeof(lg->proto), "rfc6962");
	(void)snprintf(lg->state, sizeof(lg->state), "usable");
	lg->mmd = 86400;
	lg->cap = 256;
	lg->index = 1;
	word = strtok_r(copy, ",", &save);
	if (word == NULL || strlen(word) >= sizeof(lg->name) ||
	    strchr("_/.", word[0]) != NULL || strchr(word, '/') != NULL)
		rc = err_set(e, ERR_USAGE, "--log %s: a log needs a name "
		    "(letters, digits, -)", spec);
	else
		(void)snprintf(lg->name, sizeof(lg->name), "%s", word);
	while (rc == 0 && (word = strtok_r(NULL, ",", &save)) != NULL) {
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (value == NULL || option(lg, word, value) == -1)
			rc = err_set(e, ERR_USAGE, "--log %s: %s is no "
			    "option=value (README.md)", spec, word);
	}
	free(copy);
	return rc;
}

/* Read the entries that an earlier run wrote; cut off half a record. */
static int
load_entries(struct rlog *lg, const char *path, struct err *e)
{
	struct cur c;
	struct ent t;
	struct buf leaf = BUF_INIT;
	uint8_t hash[32], *map;
	off_t n = lseek(lg->fd[0], 0, SEEK_END);

	if (n <= 0)
		return 0;
	map = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, lg->fd[0], 0);
	if (map == MAP_FAILED)
		return err_set(e, ERR_SYS, "%s: cannot read", path);
	c = cur_of(map, (size_t)n);
	memset(&t, 0, sizeof(t));
	for (;;) {
		t.off = (uint64_t)(c.p - map);
		if (cur_u32(&c, &t.nleaf) == -1 ||
		    cur_u32(&c, &t.npre) == -1 ||
		    cur_u32(&c, &t.nchain) == -1 ||
		    cur_u32(&c, &t.nraw) == -1 ||
		    cur_left(&c) < record_body(&t))
			break;
		buf_reset(&leaf);
		buf_add(&leaf, c.p, t.nleaf);
		entry_key(&leaf, t.key);
		tree_leaf(leaf.p, leaf.n, hash);
		add_ent(&lg->br[0], &t, hash);
		(void)cur_skip(&c, record_body(&t));
	}
	munmap(map, (size_t)n);
	buf_free(&leaf);
	lg->end[0] = t.off;
	if (ftruncate(lg->fd[0], (off_t)t.off) == -1 ||
	    lseek(lg->fd[0], 0, SEEK_END) == -1)
		return err_set(e, ERR_SYS, "%s: cannot cut", path);
	return 0;
}

/* Read the heads that an earlier run published. */
static void
load_heads(struct rlog *lg, const char *path)
{
	struct buf text = BUF_INIT, bytes = BUF_INIT;
	struct branch *b = &lg->br[0];
	char root[65], sig[1281], *line, *save = NULL;
	unsigned long long size, ts;
	struct head *h;

	if (file_read(path, &text, NULL) == -1 || text.n == 0)
		goto out;
	for (line = strtok_r((char *)text.p, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%llu %llu %64s %1280s", &size, &ts, root,
		    sig) != 4 || size > b->n)
			continue;
		b->heads = mem_grow(b->heads, &b->capheads, b->nheads + 1,
		    sizeof(*b->heads));
		h = &b->heads[b->nheads++];
		h->size = size;
		h->timestamp = ts;
		buf_reset(&bytes);
		(void)b64_unhex(&bytes, root);
		(void)b64_unhex(&bytes, sig);
		memcpy(h->root, bytes.p, 32);
		h->nsig = bytes.n - 32;
		memcpy(h->sig, bytes.p + 32, h->nsig);
	}
out:
	buf_free(&text);
	buf_free(&bytes);
}

int
rlog_open(struct rlog *lg, const char *dir, struct err *e)
{
	char *key = mem_printf("%s/%s.key.pem", dir, lg->name);
	char *ents = mem_printf("%s/%s.entries", dir, lg->name);
	char *heads = mem_printf("%s/%s.heads", dir, lg->name);
	char *fork = mem_printf("%s/%s.fork", dir, lg->name);
	int rc = -1;

	pthread_mutex_init(&lg->lock, NULL);
	lg->key = key_keep(key, lg->key_type, e);
	lg->wrong = key_make(lg->key_type, e);
	if (lg->key == NULL || lg->wrong == NULL)
		goto out;
	key_id(lg->key, lg->id);
	lg->fd[0] = open(ents, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	lg->fd[1] = open(fork, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	lg->heads_fd = open(heads, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0666);
	if (lg->fd[0] == -1 || lg->fd[1] == -1 || lg->heads_fd == -1) {
		err_set(e, ERR_SYS, "%s: cannot write there", dir);
		goto out;
	}
	if (load_entries(lg, ents, e) == -1)
		goto out;
	load_heads(lg, heads);
	if (lg->br[0].nheads == 0 ||
	    (lg->auto_publish && rlog_last(lg)->size < lg->br[0].n))
		rlog_publish(lg);
	rc = 0;
out:
	free(key);
	free(ents);
	free(heads);
	free(fork);
	return rc;
}
