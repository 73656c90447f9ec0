#ifndef AUDITOR_DUE_H
#define AUDITOR_DUE_H

#include <stdint.h>

/*
 * When a certificate is to be renewed where its CA does not say (RFC 9773):
 * after two thirds of its lifetime, or half of it when that is under ten days.
 * All in microseconds; INT64_MIN: it was never issued, and is due at once.
 */
int64_t due_at(int64_t not_before, int64_t not_after);

/*
 * How long to wait after so many failures in a row (1 or more): 1, 10, 100
 * minutes, then a day.
 */
int64_t due_again(int failures);

#endif
