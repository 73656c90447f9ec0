#ifndef AUDITOR_NET_PORTOWNER_H
#define AUDITOR_NET_PORTOWNER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Who listens at the TCP port of this machine, as /proc says: 0 and ${text},
 * such as "nginx (process 812)", or as much as can be seen: "a process of the
 * user www-data", whose descriptors we may not look at.  -1 when nobody does,
 * or nothing can be said.
 */
int portowner_find(uint16_t port, char *text, size_t n);

#endif
