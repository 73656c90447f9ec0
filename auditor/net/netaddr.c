#include "auditor/net/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static const uint8_t	mapped[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

int
netaddr_bytes(struct netaddr *a, const void *p, size_t n)
{
	if (n == 4) {
		memcpy(a->b, mapped, sizeof(mapped));
		memcpy(a->b + sizeof(mapped), p, 4);
		return 0;
	}
	if (n != sizeof(a->b))
		return -1;
	memcpy(a->b, p, n);
	return 0;
}

int
netaddr_parse(struct netaddr *a, const char *text)
{
	uint8_t	b[16];

	if (inet_pton(AF_INET, text, b) == 1)
		return netaddr_bytes(a, b, 4);
	if (inet_pton(AF_INET6, text, b) == 1)
		return netaddr_bytes(a, b, 16);
	return -1;
}

int
netaddr_of(struct netaddr *a, const struct sockaddr *sa)
{
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&v4, sa, sizeof(v4));
		return netaddr_bytes(a, &v4.sin_addr, 4);
	case AF_INET6:
		memcpy(&v6, sa, sizeof(v6));
		return netaddr_bytes(a, &v6.sin6_addr, 16);
	default:
		return -1;
	}
}

int
netaddr_is4(const struct netaddr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

uint32_t
netaddr_hash(const struct netaddr *a, uint64_t seed)
{
	uint64_t	half[2], h = seed;

	memcpy(half, a->b, sizeof(half));
	h = (h ^ half[0]) * 0x9e3779b97f4a7c15u;
	h = ((h ^ h >> 29) ^ half[1]) * 0xbf58476d1ce4e5b9u;
	/* The last byte of an address is the highest of a half. */
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

socklen_t
netaddr_sock(const struct netaddr *a, uint16_t port,
    struct sockaddr_storage *sa)
{
	struct sockaddr_in	v4;
	struct sockaddr_in6	v6;

	memset(sa, 0, sizeof(*sa));
	if (netaddr_is4(a)) {
		memset(&v4, 0, sizeof(v4));
		v4.sin_family = AF_INET;
		v4.sin_port = htons(port);
		memcpy(&v4.sin_addr, a->b + sizeof(mapped), 4);
		memcpy(sa, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memset(&v6, 0, sizeof(v6));
	v6.sin6_family = AF_INET6;
	v6.sin6_port = htons(port);
	memcpy(&v6.sin6_addr, a->b, 16);
	memcpy(sa, &v6, sizeof(v6));
	return sizeof(v6);
}

char *
netaddr_text(const struct netaddr *a, char *out)
{
	const char	*r;

	if (netaddr_is4(a))
		r = inet_ntop(AF_INET, a->b + sizeof(mapped), out,
		    NETADDR_TEXT);
	else
		r = inet_ntop(AF_INET6, a->b, out, NETADDR_TEXT);
	if (r == NULL)
		out[0] = '\0';
	return out;
}

int
netaddr_here(const struct netaddr *a)
{
	struct sockaddr_storage	ss;
	socklen_t		n = netaddr_sock(a, 0, &ss);
	int			fd, rc;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return errno;
	rc = bind(fd, (struct sockaddr *)&ss, n) == 0 ? 0 : errno;
	(void)close(fd);
	return rc;
}
