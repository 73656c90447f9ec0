#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auditor/net/dnscheck.h"
#include "auditor/net/dnsns.h"
#include "auditor/net/dnszone.h"
#include "base/clk.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define TURNS_MAX 300

/*
 * A resolver that says anything: where a record must be written, the name
 * servers of its zone, whether a value is seen.  The first byte chooses;
 * then, for each question, a length of two bytes and what is behind the
 * question's id: flags, counts, records.  The question is repeated as it came
 * (a length with its highest bit: it is not).
 */
static int				sock = -1;
static struct sockaddr_in		addr;

static void
open_socket(void)
{
	socklen_t	len = sizeof(addr);

	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock == -1 || bind(sock, (struct sockaddr *)&addr,
	    sizeof(addr)) == -1 || getsockname(sock,
	    (struct sockaddr *)&addr, &len) == -1)
		abort();
}

/* The end of the one question of a message; 0: there is none. */
static size_t
question_end(const uint8_t *q, size_t n)
{
	size_t	i = 12;

	while (i < n && q[i] != 0)
		i += 1u + q[i];
	return i + 5 <= n ? i + 5 : 0;
}

/* Answer what has come: 1 when something did. */
static int
answer(struct cur *c)
{
	struct sockaddr_in	from;
	socklen_t		len = sizeof(from);
	uint8_t			q[2048], a[4096];
	uint16_t		want;
	struct span		s;
	ssize_t			got;
	size_t			n = 2, end;

	got = recvfrom(sock, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
	if (got < 12)
		return 0;
	if (cur_u16(c, &want) != 0)
		return 1;
	s = cur_rest(c);
	if (s.n > (want & 0x7ff))
		s.n = want & 0x7ff;
	(void)cur_skip(c, s.n);
	end = question_end(q, (size_t)got);
	memcpy(a, q, 2);
	if ((want & 0x8000) == 0 && s.n >= 10 && end != 0) {
		memcpy(a + n, s.p, 10);
		n += 10;
		memcpy(a + n, q + 12, end - 12);
		n += end - 12;
		s.p += 10;
		s.n -= 10;
	}
	memcpy(a + n, s.p, s.n);
	(void)sendto(sock, a, n + s.n, 0, (struct sockaddr *)&from, len);
	return 1;
}

static void
zone(struct dnsservers *l, struct cur *c, int64_t now)
{
	struct dnszone_place	 place;
	struct dnszone		*z = dnszone_new(l, l, "_acme.a.example",
				    now);
	struct err		 e = ERR_INIT;
	unsigned		 i;

	for (i = 0; dnszone_turn(z, now) == 0; i++) {
		if (i > TURNS_MAX)
			__builtin_trap();
		if (!answer(c))
			now = dnszone_when(z) > now ? dnszone_when(z) : now;
	}
	if (dnszone_result(z, &place, &e) == 0 && (place.zone[0] == '\0' ||
	    strlen(place.name) >= sizeof(place.name)))
		__builtin_trap();
	dnszone_free(z);
}

static void
servers(struct dnsservers *l, struct cur *c, int64_t now)
{
	struct dnsns	*s = dnsns_new(l, "_acme.a.example", now);
	struct err	 e = ERR_INIT;
	unsigned	 i;

	for (i = 0; dnsns_turn(s, now) == 0; i++) {
		if (i > TURNS_MAX)
			__builtin_trap();
		if (!answer(c))
			now = dnsns_when(s) > now ? dnsns_when(s) : now;
	}
	if (dnsns_result(s, &e) == 0 && dnsns_server(s, 0) == NULL)
		__builtin_trap();
	for (i = 0; dnsns_server(s, i) != NULL; i++)
		if (i >= LIMIT_DNS_NS_ADDRS)
			__builtin_trap();
	dnsns_free(s);
}

static void
check(struct dnsservers *l, struct cur *c, int64_t now)
{
	static const char *const v[] = { "a value", "another" };
	const struct dnscheck_opts o = { .mode = DNSCHECK_RESOLVERS,
				    .lookup = l, .resolvers = l,
				    .timeout_ms = 20000 };
	struct dnscheck		*k = dnscheck_new(&o, "_acme.a.example", v, 2,
				    now);
	struct err		 e = ERR_INIT;
	unsigned		 i;

	for (i = 0; dnscheck_turn(k, now) == 0; i++) {
		if (i > TURNS_MAX)
			__builtin_trap();
		if (!answer(c))
			now = dnscheck_when(k) > now ? dnscheck_when(k) : now;
	}
	(void)dnscheck_result(k, &e);
	dnscheck_free(k);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dnsservers	l;
	struct cur		c = cur_of(p, n);
	uint8_t			which, stale[2048];
	int64_t			now = clk_mono();

	if (sock == -1)
		open_socket();
	while (recv(sock, stale, sizeof(stale), 0) > 0)
		;
	if (cur_u8(&c, &which) != 0)
		return 0;
	memset(&l, 0, sizeof(l));
	l.n = 1;
	memcpy(&l.v[0].sa, &addr, sizeof(addr));
	l.v[0].len = sizeof(addr);
	memcpy(l.v[0].text, "resolver", 9);
	l.direct = which >> 4 & 1;
	if (which % 3 == 0)
		zone(&l, &c, now);
	else if (which % 3 == 1)
		servers(&l, &c, now);
	else
		check(&l, &c, now);
	return 0;
}
