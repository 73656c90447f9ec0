#ifndef AUDITOR_CONF_KIND_H
#define AUDITOR_CONF_KIND_H

#include "base/err.h"

/* The kinds of findings (contract.md), ended by NULL. */
extern const char *const conf_kind_words[];

/* Is it one of them?  0, or -1 ERR_USAGE with the nearest one. */
int conf_kind_check(const char *, struct err *);

#endif
