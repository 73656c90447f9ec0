#ifndef TESTS_UNIT_AUDITOR_DNSDRIVE_H
#define TESTS_UNIT_AUDITOR_DNSDRIVE_H

/*
 * A unit test as a program that system tests drive against a real server:
 *
 *	test_dnssend update SERVER KEY ALGORITHM SECRET CLOCK WHAT ZONE NAME
 *	    VALUE	SECRET in base64; CLOCK seconds that ours is wrong;
 *			WHAT add, delete, may, key
 *	test_dnssend place LOOKUP|- SERVER NAME
 *	test_dnssend check MODE LOOKUP PORT MS NAME VALUE...
 *
 * Prints what was found, or the sentence; exits 0 or 1.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/net/dnscheck.h"
#include "auditor/net/dnssend.h"
#include "auditor/net/dnszone.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/err.h"

/* Wait until a descriptor is ready or it is ${when}. */
static inline void
drive_wait(struct pollfd *p, size_t n, int64_t when)
{
	int64_t	left = (when - clk_mono() + 999) / 1000;

	(void)poll(p, n, left < 0 ? 0 : (int)left);
}

static inline int
drive_said(int r, const struct err *e)
{
	printf("%s\n", r == 0 ? "ok" : e->msg);
	return r == 0 ? 0 : 1;
}

static inline void
drive_server(struct dnsserver *s, const char *text)
{
	struct err	e = ERR_INIT;

	if (dnsserver_read(s, text, &e) == 0)
		return;
	fprintf(stderr, "%s\n", e.msg);
	exit(64);
}

static inline int
drive_update(char **v)
{
	static const char *const	what[] = { "add", "delete", "may",
					    "key" };
	struct dnsupdate		u = { DNSUPDATE_ADD, v[6], v[7],
					    v[8], 60 };
	struct err			e = ERR_INIT;
	struct buf			secret = BUF_INIT;
	struct dnsserver		server;
	struct tsig_key			key;
	struct dnssend			*s;
	struct pollfd			p;
	int				r;

	drive_server(&server, v[0]);
	if (enc_unb64(v[3], strlen(v[3]), &secret) != 0 ||
	    tsig_key_set(&key, v[1], v[2], buf_bytes(&secret), &e) != 0)
		return 64;
	buf_free(&secret);
	while (strcmp(what[u.what], v[5]) != 0)
		if (++u.what > DNSUPDATE_KEY)
			return 64;
	if (strcmp(v[4], "0") != 0)
		clk_fix(clk_wall() + strtol(v[4], NULL, 10) * CLK_SEC);
	s = dnssend_new(&server, &key, &u, 0, clk_mono());
	while (!dnssend_turn(s, clk_mono())) {
		p.fd = dnssend_fd(s);
		p.events = dnssend_events(s);
		drive_wait(&p, 1, dnssend_when(s));
	}
	r = drive_said(dnssend_result(s, &e), &e);
	dnssend_free(s);
	return r;
}

static inline int
drive_place(char **v)
{
	struct dnszone_place	 place;
	struct dnsservers	 lookup, at;
	struct dnszone		*z;
	struct err		 e = ERR_INIT;
	struct pollfd		 p;
	int			 r, follow = strcmp(v[0], "-") != 0;

	memset(&lookup, 0, sizeof(lookup));
	memset(&at, 0, sizeof(at));
	lookup.n = at.n = 1;
	at.direct = 1;
	if (follow)
		drive_server(&lookup.v[0], v[0]);
	drive_server(&at.v[0], v[1]);
	z = dnszone_new(follow ? &lookup : NULL, &at, v[2], clk_mono());
	while (!dnszone_turn(z, clk_mono())) {
		p.fd = dnszone_fd(z);
		p.events = dnszone_events(z);
		drive_wait(&p, 1, dnszone_when(z));
	}
	r = dnszone_result(z, &place, &e);
	if (r == 0)
		printf("%s in %s\n", place.name, place.zone);
	else
		printf("%s\n", e.msg);
	dnszone_free(z);
	return r == 0 ? 0 : 1;
}

static inline int
drive_check(char **v, int n)
{
	const struct dnscheck_server	*s;
	struct dnscheck_opts		 o;
	struct dnsservers		 lookup;
	struct dnscheck			*c;
	struct err			 e = ERR_INIT;
	struct pollfd			 p[DNSCHECK_POLLS];
	size_t				 i, count;
	int				 r;

	memset(&o, 0, sizeof(o));
	memset(&lookup, 0, sizeof(lookup));
	lookup.n = 1;
	drive_server(&lookup.v[0], v[1]);
	o.mode = v[0][0] == 'a' ? DNSCHECK_AUTHORITATIVE :
	    v[0][0] == 'r' ? DNSCHECK_RESOLVERS : DNSCHECK_NONE;
	o.lookup = o.resolvers = &lookup;
	o.port = (uint16_t)strtoul(v[2], NULL, 10);
	o.timeout_ms = (uint32_t)strtoul(v[3], NULL, 10);
	c = dnscheck_new(&o, v[4], (const char *const *)v + 5,
	    (size_t)(n - 5), clk_mono());
	while (!dnscheck_turn(c, clk_mono()))
		drive_wait(p, dnscheck_polls(c, p, DNSCHECK_POLLS),
		    dnscheck_when(c));
	count = dnscheck_servers(c, &s);
	for (i = 0; i < count; i++)
		printf("%s\n", s[i].sentence);
	r = drive_said(dnscheck_result(c, &e), &e);
	dnscheck_free(c);
	return r;
}

static inline int
drive(int argc, char **argv)
{
	if (strcmp(argv[1], "update") == 0 && argc == 11)
		return drive_update(argv + 2);
	if (strcmp(argv[1], "place") == 0 && argc == 5)
		return drive_place(argv + 2);
	if (strcmp(argv[1], "check") == 0 && argc >= 8)
		return drive_check(argv + 2, argc - 2);
	return 64;
}

#endif
