#ifndef OCSP_SAID_H
#define OCSP_SAID_H

#include "ocsp/ocsp_ask.h"

/*
 * Note a fault in a verdict; the sentence stays when there is no graver one.
 * For what judges one part of an answer; callers see the result only.
 */
void said_fault(struct ocsp_said *, unsigned bit, const char *, ...)
    __attribute__((format(printf, 3, 4)));

#endif
