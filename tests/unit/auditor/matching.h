#ifndef TESTS_UNIT_AUDITOR_MATCHING_H
#define TESTS_UNIT_AUDITOR_MATCHING_H

#include <string.h>

#include "auditor/conf.h"
#include "auditor/db/match_store.h"
#include "auditor/db/watch_store.h"
#include "auditor/role/judge.h"
#include "base/sha.h"
#include "ctlog/entry.h"
#include "pki/watch.h"
#include "tests/unit/auditor/sql.h"

/* A database with a log and a watch, and matches to store in it. */

static struct conf		 conf;
static struct buf		 image = BUF_INIT;
static struct watch_set		 set;
static struct watch_base	*base;

#define NEED_DB()	do { if (db == NULL) return; } while (0)

static inline int
setup(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct err		 e = ERR_INIT;

	(void)state;
	db = testdb_open();
	if (db == NULL) {
		watch_build_free(b);
		return 0;
	}
	if (watch_build_file(b, ".a.example\n", 11, "test", &e) == -1)
		return -1;
	watch_build_done(b, &image);
	return watch_open(&set, image.p, image.n, &e);
}

static inline int
teardown(void **state)
{
	(void)state;
	watch_base_free(base);
	buf_free(&image);
	testdb_close(db);
	return 0;
}

static inline int
clear(void **state)
{
	(void)state;
	if (db == NULL)
		return 0;
	watch_base_free(base);
	base = watch_base_new();
	sql("truncate log_list, log, operator, tree_head, log_range, "
	    "log_health, entry, entry_match, issuance, certificate, "
	    "certificate_name, issuer, finding, watch, rule_said restart identity "
	    "cascade;"
	    "insert into operator (name) values ('Op');"
	    "insert into log (log_id, operator_id, description, protocol, "
	    "url, read_url, key, mmd, state, list_source, first_list, "
	    "watched) values ('\\x01', 1, 'log', 'rfc6962', 'u', 'u', "
	    "'\\x02', 86400, 'usable', 'chrome', false, true);"
	    "insert into watch (pattern, owner, policy, origin) values "
	    "('.a.example', 'team', '', 'cli')");
	return 0;
}

static const char	*names[] = { "www.a.example" };
static uint32_t		 hit_watch[1];
static struct span	 chain[1];

/* A certificate that the CA signed, at ${index}. */
static inline struct judge_match
match(uint64_t index)
{
	struct judge_match	m;

	memset(&m, 0, sizeof(m));
	m.index = index;
	m.timestamp_ms = 1790000000000ULL;
	m.type = ENTRY_X509;
	m.reason = "";
	m.issued = 1;
	m.leaf = SPAN_STR("leaf");
	m.der = SPAN_STR("der");
	sha_256(m.leaf_hash, &index, sizeof(index));
	memset(m.tbs_sha256, 1, 32);
	memset(m.cert_sha256, 2, 32);
	memset(m.spki_sha256, 3, 32);
	memset(m.issuer_spki, 4, 32);
	memset(m.chain_spki, 4, 32);
	m.serial = "0a";
	m.key_type = "p256";
	m.owner = "ca.example";
	m.subject = m.issuer = "CN=x";
	m.not_before = 1780000000000000LL;
	m.not_after = 1800000000000000LL;
	m.nnames = m.nhits = m.nchain = 1;
	m.names = m.hit_name = names;
	m.hit_watch = hit_watch;
	chain[0] = SPAN_STR("issuer");
	m.chain = chain;
	return m;
}

static inline int
store(const struct judge_match *m, int proven, struct err *e)
{
	struct match_in	in = { .db = db, .conf = &conf, .watches = &set,
	    .base = base, .log_ref = 1, .log_name = "log",
	    .head_id = proven ? 7 : 0, .proof_size = 100 };

	err_clear(e);
	if (db_begin(db, e) == -1 || match_store(&in, &m, 1, e) == -1 ||
	    db_commit(db, e) == -1) {
		db_rollback(db);
		return -1;
	}
	return 0;
}

#define STORE(m, proven) do {						\
	struct err	e_ = ERR_INIT;					\
									\
	if (store(&(m), proven, &e_) == -1)				\
		fail_msg("%s", e_.msg);					\
} while (0)

#define COUNT(table)	((int)number("select count(*) from " table))

/* --- two workers --- */

#define SHARED	300

struct worker {
	struct db		*db;
	int			 log;
	struct judge_match	 m[SHARED];
	size_t			 n;
	int			 once;	/* with the proof, once */
	struct err		 e;
	int			 rc;
};

/* The same issuances and issuers, in a log and an order of its own. */
static inline void *
work(void *arg)
{
	struct worker			*w = arg;
	const struct judge_match	*v[SHARED];
	struct watch_base		*own = watch_base_new();
	struct match_in			 in = { .db = w->db, .conf = &conf,
	    .watches = &set, .base = own, .log_ref = w->log,
	    .log_name = "log", .proof_size = 1000 };
	size_t				 i;

	for (i = 0; i < w->n; i++)
		v[i] = &w->m[w->log == 1 ? i : w->n - 1 - i];
	for (i = w->once ? 2 : 0; i < 3 && w->rc == 0; i++) {
		in.head_id = i == 0 ? 0 : 7;
		if (db_begin(w->db, &w->e) == -1 ||
		    match_store(&in, v, w->n, &w->e) == -1 ||
		    db_commit(w->db, &w->e) == -1)
			w->rc = -1;
	}
	watch_base_free(own);
	return NULL;
}

#endif
