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

/* A window that a CA advises (RFC 9773), and the certificate's own times. */
struct due_window {
	int64_t	start, end;		/* microseconds; INT64_MIN: none */
	int64_t	not_before, not_after;
};

/*
 * Has the CA moved the window ${w} into the past, so that it wants the
 * certificate gone?  ${start} and ${end} are the window that it had before
 * (INT64_MIN: none).  One that has only passed, because nobody renewed in
 * time, was not moved: it is the one that was known, or, where none was, lies
 * in the second half of the lifetime.
 */
int due_moved(const struct due_window *w, int64_t start, int64_t end,
    int64_t now);

#endif
