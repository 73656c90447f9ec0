#ifndef AUDITOR_NET_HOSTS_H
#define AUDITOR_NET_HOSTS_H

#include <stddef.h>

#include "auditor/net/netaddr.h"
#include "base/cur.h"

struct err;

/* The names of a hosts(5) file, and those that always mean this machine. */
struct hosts;

/*
 * Read the text of the file (copied); lines that say nothing are passed over.
 * NULL and ERR_LIMIT for more than LIMIT_HOSTS_FILE bytes.
 */
struct hosts *hosts_new(struct span text, struct err *);
void hosts_free(struct hosts *);

/*
 * The addresses of a name (any case, with or without a dot at its end), in
 * the order of the file, at most ${cap} of them to ${out}; returns how many
 * there are.  "localhost" and what ends in ".localhost" is the loopback
 * address when the file does not say otherwise (RFC 6761 section 6.3).
 */
size_t hosts_find(const struct hosts *, const char *name,
    struct netaddr *out, size_t cap);

#endif
