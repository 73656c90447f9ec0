#ifndef AUDITOR_NET_NETADDR_H
#define AUDITOR_NET_NETADDR_H

#include <stdint.h>
#include <sys/socket.h>

/* An internet address: IPv6, or IPv4 as ::ffff:a.b.c.d; compare with memcmp. */
struct netaddr {
	uint8_t	b[16];
};

#define NETADDR_TEXT	64

/* Read "192.0.2.1" or "2001:db8::1": 0, or -1 for anything else. */
int netaddr_parse(struct netaddr *, const char *);

/* From the 4 bytes of an A record, or the 16 of an AAAA: 0 or -1. */
int netaddr_bytes(struct netaddr *, const void *, size_t n);

/* From a socket address: 0, or -1 for one of another family. */
int netaddr_of(struct netaddr *, const struct sockaddr *);

/* As a socket address with that port; returns its length. */
socklen_t netaddr_sock(const struct netaddr *, uint16_t port,
    struct sockaddr_storage *);

/* As text, written to ${out}[NETADDR_TEXT]; returns out. */
char *netaddr_text(const struct netaddr *, char *);

/* 0 when a socket can come from it: this machine has it; else an errno. */
int netaddr_here(const struct netaddr *);

/* 1 when it is an IPv4 address. */
int netaddr_is4(const struct netaddr *);

/* A hash that whoever does not know the seed cannot steer; all its bits serve
   as a mask's. */
uint32_t netaddr_hash(const struct netaddr *, uint64_t seed);

#endif
