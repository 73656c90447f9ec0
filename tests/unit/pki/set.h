#ifndef TESTS_UNIT_PKI_SET_H
#define TESTS_UNIT_PKI_SET_H

#include "base/buf.h"
#include "pki/watch.h"

/* Watch sets for tests; include after cmocka.h. */

#define MAX	64

/* A set under test with its image. */
struct set {
	struct buf		image;
	struct watch_set	s;
};

static inline void
set_open(struct set *t, struct watch_build *b)
{
	struct err	e = ERR_INIT;
	struct buf	im = BUF_INIT;

	watch_build_done(b, &im);
	t->image = im;
	if (watch_open(&t->s, im.p, im.n, &e) == -1)
		fail_msg("%s", e.msg);
}

static inline struct set
set_of(const char *text)
{
	struct watch_build	*b = watch_build_new();
	struct set		 t;
	struct err		 e = ERR_INIT;

	if (watch_build_file(b, text, strlen(text), "test", &e) == -1)
		fail_msg("%s", e.msg);
	set_open(&t, b);
	return t;
}

static inline void
set_free(struct set *t)
{
	buf_free(&t->image);
}

/* The kinds of watches that the yardstick has, all with a dot. */
#define LONG63 "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll"

static const char	dotted[] =
    ".acme-watch00.test\n.northwind-watch01.example\n.vpn.corp30.example\n"
    ".sso.eu.corp32.example\n.xn--bcher-kva.idn40.test\n"
    ".xn--mnchen-3ya.idn41.test\n.xn--fiqs8s.idn42.test\n"
    ".xn--caf-dma.idn43.test\n.xn--80aswg.idn44.test\n.a1.test\n"
    ".0-9.example\n.x--y.test\n." LONG63 ".test\n.co.uk.test\n";

#endif
