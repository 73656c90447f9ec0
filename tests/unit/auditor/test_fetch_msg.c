/* The messages of the fetch process, and what it makes of bad ones. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/fetch.h"
#include "auditor/role/fetch_arena.h"
#include "base/err.h"
#include "tests/unit/auditor/fetch_args.h"

/* --- what breaks the channel --- */

/* The process ends with status 1, and nothing else, at such a message. */
static void
expect_end(struct proc *p)
{
	struct ipc_msg	m;
	struct err	e = ERR_INIT;
	char		how[64];

	assert_int_equal(ipc_recv(p->ipc, &m, WAIT_MS, &e), -1);
	assert_true(ipc_eof(p->ipc));
	while (!proc_reap(p, how, sizeof(how)))
		(void)poll(NULL, 0, 5);
	assert_string_equal(how, "exit 1");
	proc_free(p);
}

static void
start_raw(struct proc *p, int with_setup)
{
	struct err		e = ERR_INIT;
	struct fetch_setup	s;
	struct buf		b = BUF_INIT;

	assert_int_equal(proc_spawn("fetch", NULL, 0, p, &e), 0);
	if (!with_setup)
		return;
	setup_of(&s, "127.0.0.1");
	fetch_setup_pack(&b, &s);
	ipc_send(p->ipc, FETCH_SETUP, &b, NULL, 0);
	buf_free(&b);
}

struct bad_frame {
	uint16_t	type;
	const char	*bytes;
	size_t		n;
	int		with_setup;
};

static const struct bad_frame bad_frames[] = {
	{ FETCH_SETUP, "junk", 4, 0 },
	{ FETCH_SETUP, "", 0, 1 },
	{ FETCH_CANCEL, "\0\0\0\0\0\0\0\1", 8, 0 },	/* before setup */
	{ FETCH_CANCEL, "\0\0\0\0\0\0\0", 7, 1 },
	{ FETCH_CANCEL, "\0\0\0\0\0\0\0\1x", 9, 1 },
	{ FETCH_GET, "\0\0\0\0\0\0\0\1", 8, 1 },
	{ FETCH_ARENA, "\0\0\0\1\0\0\0\0\0\0\x10\0", 12, 1 }, /* no fd */
	{ FETCH_DROP, "\0\0\0\1", 4, 1 },
	{ FETCH_FREE, "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1", 16, 1 },
	{ FETCH_INJECT, "\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0", 16, 1 },
	{ FETCH_DONE, "", 0, 1 },
	{ 0, "", 0, 1 },
	{ 999, "", 0, 1 },
};

static void
garbage(void **state)
{
	const struct bad_frame	*f;
	struct proc		 p;
	struct buf		 b = BUF_INIT;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(bad_frames) / sizeof(bad_frames[0]); i++) {
		f = &bad_frames[i];
		start_raw(&p, f->with_setup);
		buf_reset(&b);
		buf_add(&b, f->bytes, f->n);
		ipc_send(p.ipc, f->type, &b, NULL, 0);
		expect_end(&p);
	}
	buf_free(&b);
}

/* An arena that could shrink under us, or has another size, is refused. */
static void
bad_arenas(void **state)
{
	static const struct {
		int		seals;
		uint64_t	size;
	} rows[] = {
		{ 0, 8192 }, { F_SEAL_GROW, 8192 }, { F_SEAL_SHRINK, 8192 },
		{ F_SEAL_GROW | F_SEAL_SHRINK, 4096 },
		{ F_SEAL_GROW | F_SEAL_SHRINK, 8193 },
		{ F_SEAL_GROW | F_SEAL_SHRINK, 0 },
		{ F_SEAL_GROW | F_SEAL_SHRINK, (uint64_t)LIMIT_ARENA + 1 },
	};
	struct proc		 p;
	struct buf		 b = BUF_INIT;
	struct err		 e = ERR_INIT;
	size_t			 i;
	int			 fd;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_raw(&p, 1);
		fd = memfd_create("a", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, 8192), 0);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, rows[i].seals), 0);
		buf_reset(&b);
		buf_u32(&b, 1);
		buf_u64(&b, rows[i].size);
		ipc_send(p.ipc, FETCH_ARENA, &b, &fd, 1);
		while (ipc_flush(p.ipc, &e) == 1)
			;
		(void)close(fd);
		expect_end(&p);
	}
	buf_free(&b);
}

/* EOF and SIGTERM end it well. */
static void
ends(void **state)
{
	struct proc	p;
	char		how[64];

	(void)state;
	start_raw(&p, 1);
	ipc_free(p.ipc);
	p.ipc = NULL;
	while (!proc_reap(&p, how, sizeof(how)))
		(void)poll(NULL, 0, 5);
	assert_string_equal(how, "exit 0");
	proc_free(&p);
	start_raw(&p, 1);
	assert_int_equal(ipc_wants_write(p.ipc), 1);
	while (ipc_flush(p.ipc, NULL) == 1)
		;
	(void)poll(NULL, 0, 300);
	proc_stop(&p, WAIT_MS, how, sizeof(how));
	assert_string_equal(how, "exit 0");
	proc_free(&p);
}

/* --- messages --- */

/* Written and read again; every shorter form of it is refused. */
static void
messages(void **state)
{
	struct fetch_setup	s, s2;
	struct fetch_get	g, g2;
	struct fetch_done	d, d2;
	struct buf		b = BUF_INIT;
	size_t			i;

	(void)state;
	setup_of(&s, "10.0.0.0/8");
	s.ca_pem = SPAN_STR("-----BEGIN");
	fetch_setup_pack(&b, &s);
	assert_int_equal(fetch_setup_read(cur_of(b.p, b.n), &s2, NULL), 0);
	assert_string_equal(s2.allow[0], "10.0.0.0/8");
	assert_string_equal(s2.user_agent, s.user_agent);
	assert_int_equal(s2.ca_pem.n, 10);
	for (i = 0; i < b.n; i++)
		assert_int_equal(fetch_setup_read(cur_of(b.p, i), &s2, NULL),
		    -1);
	buf_reset(&b);
	get_of(&g, "https://log.example/ct/v1/get-sth", 3);
	g.id = 9;
	g.headers[0] = "A: b";
	g.nheaders = 1;
	g.slow_ms = 5000;
	g.slow_bytes = 10;
	g.party = 11;
	fetch_get_pack(&b, &g);
	assert_int_equal(fetch_get_read(cur_of(b.p, b.n), &g2, NULL), 0);
	assert_string_equal(g2.url, g.url);
	assert_string_equal(g2.headers[0], "A: b");
	assert_int_equal(g2.arena, 3);
	assert_int_equal(g2.slow_ms, 5000);
	assert_int_equal(g2.slow_bytes, 10);
	assert_int_equal(g2.party, 11);
	for (i = 0; i < b.n; i++)
		assert_int_equal(fetch_get_read(cur_of(b.p, i), &g2, NULL),
		    -1);
	buf_reset(&b);
	memset(&d, 0, sizeof(d));
	d.id = 9;
	d.status = 200;
	d.arena = 3;
	d.offset = 64;
	d.length = 100;
	(void)snprintf(d.etag, sizeof(d.etag), "\"x\"");
	(void)snprintf(d.url, sizeof(d.url), "http://a.example/b.crl");
	fetch_done_pack(&b, &d);
	assert_int_equal(fetch_done_read(cur_of(b.p, b.n), &d2, NULL), 0);
	d2.body = d.body;
	assert_memory_equal(&d, &d2, sizeof(d));
	for (i = 0; i < b.n; i++)
		assert_int_equal(fetch_done_read(cur_of(b.p, i), &d2, NULL),
		    -1);
	buf_u8(&b, 0);
	assert_int_equal(fetch_done_read(cur_of(b.p, b.n), &d2, NULL), -1);
	buf_free(&b);
}

/* Caps of a request: at the limit and one over. */
static void
request_caps(void **state)
{
	struct fetch_get	g, g2;
	struct buf		b = BUF_INIT;
	static char		url[2049], header[LIMIT_HTTP_HEADER + 2];
	struct {
		uint32_t	arena, cap;
		size_t		url, header;
		int		want;
		uint32_t	flags, slow_ms, slow_bytes;
	} rows[] = {
		{ 0, LIMIT_BODY_INLINE, 10, 10, 0, 0, 0, 0 },
		{ 0, LIMIT_BODY_INLINE + 1, 10, 10, -1, 0, 0, 0 },
		{ 1, LIMIT_ARENA, 10, 10, 0, 0, 0, 0 },
		{ 1, LIMIT_ARENA + 1, 10, 10, -1, 0, 0, 0 },
		{ 1, 1, 2047, 10, 0, 0, 0, 0 },
		{ 1, 1, 2048, 10, -1, 0, 0, 0 },
		{ 1, 1, 10, LIMIT_HTTP_HEADER, 0, 0, 0, 0 },
		{ 1, 1, 10, LIMIT_HTTP_HEADER + 1, -1, 0, 0, 0 },
		{ 0, LIMIT_CRL, 10, 10, 0, FETCH_F_PIPE, 0, 0 },
		{ 0, LIMIT_CRL + 1, 10, 10, -1, FETCH_F_PIPE, 0, 0 },
		{ 1, 1, 10, 10, -1, FETCH_F_PIPE, 0, 0 },
		{ 0, 1, 10, 10, 0, 0, 86400000, INT32_MAX },
		{ 0, 1, 10, 10, -1, 0, 86400001, 0 },
		{ 0, 1, 10, 10, -1, 0, 0, (uint32_t)INT32_MAX + 1 },
	};
	size_t			i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(url, 'u', sizeof(url));
		url[rows[i].url] = '\0';
		memset(header, 'h', sizeof(header));
		header[rows[i].header] = '\0';
		get_of(&g, url, rows[i].arena);
		g.id = 1;
		g.cap = rows[i].cap;
		g.flags = rows[i].flags;
		g.slow_ms = rows[i].slow_ms;
		g.slow_bytes = rows[i].slow_bytes;
		g.headers[0] = header;
		g.nheaders = 1;
		buf_reset(&b);
		fetch_get_pack(&b, &g);
		assert_int_equal(fetch_get_read(cur_of(b.p, b.n), &g2, NULL),
		    rows[i].want);
	}
	buf_free(&b);
}

/* --- the arena --- */

static struct fetch_arena *
arena_of(uint64_t size)
{
	struct fetch_arena	*a;
	struct err		 e = ERR_INIT;
	int			 fd = memfd_create("a", MFD_CLOEXEC |
				    MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK),
	    0);
	a = fetch_arena_new(fd, size, &e);
	(void)close(fd);
	assert_non_null(a);
	return a;
}

static void
arena_basics(void **state)
{
	struct fetch_arena	*a = arena_of(8192);
	uint64_t		 x, y, z;

	(void)state;
	assert_int_equal(fetch_arena_take(a, 0, &x), -1);
	assert_int_equal(fetch_arena_take(a, 8193, &x), -1);
	assert_int_equal(fetch_arena_take(a, 8192, &x), 0);
	assert_int_equal(x, 0);
	assert_int_equal(fetch_arena_take(a, 1, &y), -1);
	assert_int_equal(fetch_arena_give(a, 64), -1);
	assert_int_equal(fetch_arena_give(a, 0), 0);
	assert_int_equal(fetch_arena_give(a, 0), -1);
	assert_int_equal(fetch_arena_used(a), 0);
	assert_int_equal(fetch_arena_take(a, 1, &x), 0);
	assert_int_equal(fetch_arena_take(a, 65, &y), 0);
	assert_int_equal(fetch_arena_take(a, 8192 - 64 - 128, &z), 0);
	assert_int_equal(y, 64);
	assert_int_equal(z, 192);
	assert_int_equal(fetch_arena_used(a), 8192);
	/* Grow where it is only into what is free behind it. */
	assert_int_equal(fetch_arena_resize(a, y, 128), 0);
	assert_int_equal(fetch_arena_resize(a, y, 129), -1);
	assert_int_equal(fetch_arena_give(a, z), 0);
	assert_int_equal(fetch_arena_resize(a, y, 8192 - 64), 0);
	assert_int_equal(fetch_arena_resize(a, y, 8192 - 63), -1);
	assert_int_equal(fetch_arena_resize(a, y, 0), -1);
	assert_int_equal(fetch_arena_resize(a, y, 10), 0);
	assert_int_equal(fetch_arena_used(a), 128);
	/* Neighbours on both sides are joined. */
	assert_int_equal(fetch_arena_take(a, 64, &z), 0);
	assert_int_equal(fetch_arena_give(a, x), 0);
	assert_int_equal(fetch_arena_give(a, z), 0);
	assert_int_equal(fetch_arena_give(a, y), 0);
	assert_int_equal(fetch_arena_take(a, 8192, &x), 0);
	fetch_arena_free(a);
	fetch_arena_free(NULL);
}

/* Many random steps: no two extents overlap, and at the end all is free. */
static void
arena_random(void **state)
{
	struct fetch_arena	*a = arena_of(65536);
	struct {
		uint64_t	off, len;
		uint8_t		tag;
	} held[64];
	size_t			 n = 0, i, k;
	uint32_t		 r = 1;
	int			 step;

	(void)state;
	for (step = 0; step < 5000; step++) {
		r = r * 1664525 + 1013904223;
		if ((r >> 24) % 2 == 0 && n < 64) {
			held[n].len = 1 + (r >> 8) % 4000;
			if (fetch_arena_take(a, held[n].len, &held[n].off)
			    != 0)
				continue;
			held[n].tag = (uint8_t)step;
			memset(fetch_arena_base(a) + held[n].off,
			    held[n].tag, (size_t)held[n].len);
			n++;
		} else if (n > 0) {
			i = (r >> 8) % n;
			for (k = 0; k < held[i].len; k++)
				assert_int_equal(fetch_arena_base(a)
				    [held[i].off + k], held[i].tag);
			if ((r >> 20) % 4 == 0 && held[i].len > 1) {
				held[i].len /= 2;
				assert_int_equal(fetch_arena_resize(a,
				    held[i].off, held[i].len), 0);
				continue;
			}
			assert_int_equal(fetch_arena_give(a, held[i].off),
			    0);
			held[i] = held[--n];
		}
	}
	while (n > 0)
		assert_int_equal(fetch_arena_give(a, held[--n].off), 0);
	assert_int_equal(fetch_arena_used(a), 0);
	assert_int_equal(fetch_arena_take(a, 65536, &held[0].off), 0);
	fetch_arena_free(a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(request_caps),
		cmocka_unit_test(arena_basics),
		cmocka_unit_test(arena_random),
		cmocka_unit_test(garbage),
		cmocka_unit_test(bad_arenas),
		cmocka_unit_test(ends),
	};
	const char	*role = argc > 1 ? proc_role(argv[1]) : NULL;

	if (role != NULL)
		return strcmp(role, "fetch") == 0 ? fetch_main() : 64;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
