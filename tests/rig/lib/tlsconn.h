#ifndef RIG_TLSCONN_H
#define RIG_TLSCONN_H

#include "tests/rig/lib/tlsep.h"

/* Serve one accepted connection in a thread of its own; it is closed. */
void tlsconn_start(struct tlsep *, int);

#endif
