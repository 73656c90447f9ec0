#ifndef TESTS_UNIT_AUDITOR_JUDGE_AUDIT_FIXTURE_H
#define TESTS_UNIT_AUDITOR_JUDGE_AUDIT_FIXTURE_H

#include "auditor/role/judge_audit.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ocsp.h>
#include <openssl/pkcs7.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/judge_client.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/merkle.h"
#include "pki/watch.h"
#include "tests/unit/pki/made.h"

/* A judge that is asked about certificates, CRLs, answers and logs. */

/* A judge process as auditor, asked as the engine asks it. */

#define ARENA	4096
#define NOW	"2026-06-01"
/* The first and the last moment of the calendar. */
#define FIRST	INT64_C(-62135596800000000)
#define LAST	INT64_C(253402300799999999)

static struct judge_pool	*pool;
static struct judge_link	*judge;
static int			 arena = -1;
static uint64_t			 last;		/* number of a question */
static struct made		 root, ca, leaf, rsa;

/* --- asking ------------------------------------------------------------------- */

static inline void
start(void)
{
	struct judge_log	none = { LOGLIST_RFC6962, { NULL, 0 }, "" };
	struct err		e = ERR_INIT;

	judge_free(judge, 1);
	judge = judge_fork(pool, arena, ARENA, &none, &e);
	if (judge == NULL)
		fail_msg("%s", e.msg);
}

/* The answer to the question that was asked last; 0: the judge is dead. */
static inline int
answer(struct judge_reply *r, struct cur *c)
{
	struct pollfd	p = { ipc_fd(judge->ipc), POLLIN, 0 };
	int		n, eof = 0;

	while ((n = judge_next(judge, r, c)) == 0 && !eof) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		eof = ipc_read(judge->ipc, NULL) == -1;
	}
	if (n == 0)
		n = judge_next(judge, r, c);
	if (n == 1)
		assert_true(r->id == last);
	return n;
}

static inline void
put(enum judge_type type, const struct buf *b, const int *fds, int nfds)
{
	judge_ask(judge, type, ++last, b, fds, nfds);
}

/* Ask, and have an answer that is well. */
static inline struct cur
ask(enum judge_type type, struct buf *b)
{
	struct judge_reply	r;
	struct cur		c;

	put(type, b, NULL, 0);
	buf_free(b);
	assert_int_equal(answer(&r, &c), 1);
	if (!r.ok)
		fail_msg("%s", r.msg);
	return c;
}

/* Ask what cannot be answered; the judge lives on. */
static inline void
refuses(enum judge_type type, struct buf *b)
{
	struct judge_reply	r;
	struct cur		c;

	put(type, b, NULL, 0);
	buf_free(b);
	assert_int_equal(answer(&r, &c), 1);
	assert_false(r.ok);
	assert_true(r.msg[0] != '\0');
}

/* --- the certificates -------------------------------------------------------------- */

static inline int
setup(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct watch_pieces	 o;
	struct err		 e = ERR_INIT;

	(void)state;
	root = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1, .issuer =
	    &root });
	leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca, .serial = 0x1234, .ext = { { "crlDistributionPoints",
	    "URI:http://crl.example/1", { NULL, 0 }, 0 } } });
	rsa = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca, .key_type = "rsa2048" });
	assert_int_equal(watch_build_file(b, ".example.com\n", 13, "test",
	    &e), 0);
	watch_build_end(b, &o);
	pool = judge_pool_new(b, &o, &e);
	if (pool == NULL)
		fail_msg("%s", e.msg);
	arena = memfd_create("cv-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(arena, ARENA), 0);
	assert_int_equal(fcntl(arena, F_ADD_SEALS, F_SEAL_SHRINK |
	    F_SEAL_GROW), 0);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	judge_free(judge, 1);
	judge_pool_free(pool);
	(void)close(arena);
	made_free(&root);
	made_free(&ca);
	made_free(&leaf);
	made_free(&rsa);
	return 0;
}

static const char *const	serials[] = { "99", "1234" };
static const long		revoked[] = { 0x11, 0x1234, 0x5678 };

#endif
