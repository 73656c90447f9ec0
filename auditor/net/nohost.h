#ifndef AUDITOR_NET_NOHOST_H
#define AUDITOR_NET_NOHOST_H

/*
 * Hosts that do not exist, whoever is asked: names below .invalid (RFC 6761,
 * section 6.4).  Pure.
 */

/* The sentence about them. */
#define NOHOST_WHY	"names below .invalid do not exist (RFC 6761, 6.4)"

/* 1 when ${host} is such a name, with or without a dot at its end. */
int nohost(const char *host);

/*
 * 1 when ${url} is plainly of such a host: http://NAME or https://NAME, and
 * behind it nothing or a path.  0 of all else: who fetches reads it properly.
 */
int nohost_url(const char *url);

#endif
