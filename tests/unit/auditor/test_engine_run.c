#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auditor/role/engine.h"

/* What the supervisor tells its engine. */

static void
there_and_back(void **state)
{
	struct engine_run	r, s;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			i, n;

	(void)state;
	for (n = 0; n <= FILE_KEPT_MAX; n++) {
		memset(&r, 0, sizeof(r));
		r.config = n % 2 ? "/etc/c.yaml" : "";
		r.conninfo = "host=/run dbname=x";
		r.slot = 63;
		r.roles = n % 16;
		r.name = n % 2 ? "w1" : "";
		r.sync = n % 3 != 0;
		r.once = n % 2 != 0;
		r.progress = n % 3 != 0;
		r.quiet = n % 5 == 0;
		for (i = 0; i < n; i++)
			r.files[i] = i % 2 ? "/a" : "/secret file";
		r.nfiles = n;
		r.nlisten[CHALLENGE_HTTP] = n % 2;
		r.nlisten[CHALLENGE_TLS] = n % (2 * LIMIT_CHALLENGE_LISTEN);
		buf_reset(&b);
		engine_run_pack(&b, &r);
		c = cur_span(buf_bytes(&b));
		memset(&s, 0xee, sizeof(s));
		assert_int_equal(engine_run_read(&c, &s), 0);
		assert_int_equal(cur_left(&c), 0);
		assert_string_equal(s.config, r.config);
		assert_string_equal(s.conninfo, r.conninfo);
		assert_string_equal(s.name, r.name);
		assert_true(s.sync == r.sync && s.slot == 63 && s.once == r.once &&
		    s.roles == r.roles && s.progress == r.progress &&
		    s.quiet == r.quiet && s.nfiles == n);
		assert_true(s.nlisten[CHALLENGE_HTTP] ==
		    r.nlisten[CHALLENGE_HTTP] && s.nlisten[CHALLENGE_TLS] ==
		    r.nlisten[CHALLENGE_TLS]);
		for (i = 0; i < n; i++)
			assert_string_equal(s.files[i], r.files[i]);
	}
	buf_free(&b);
}

static void
broken(void **state)
{
	struct engine_run	r = { .config = "", .conninfo = "x", .name = "",
	    .nfiles = 1, .files = { "/a" } }, s;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			n;

	(void)state;
	engine_run_pack(&b, &r);
	for (n = 0; n < b.n; n++) {
		c = cur_of(b.p, n);
		assert_int_equal(engine_run_read(&c, &s), -1);
	}
	/* the last count of sockets */
	b.p[b.n - 1] = 2 * LIMIT_CHALLENGE_LISTEN + 1;
	c = cur_span(buf_bytes(&b));
	assert_int_equal(engine_run_read(&c, &s), -1);
	b.p[b.n - 1] = 0;
	/* the count of files, behind three strings, slot, roles and four flags */
	b.p[5 + 6 + 5 + 4 + 5] = FILE_KEPT_MAX + 1;
	c = cur_span(buf_bytes(&b));
	assert_int_equal(engine_run_read(&c, &s), -1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}
