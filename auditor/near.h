#ifndef AUDITOR_NEAR_H
#define AUDITOR_NEAR_H

#include <stddef.h>

/*
 * "Did you mean": the word of ${words} (of ${n}) that ${typed} most probably
 * was meant to be, or NULL when none is near enough (one edit for each three
 * letters; swapped neighbours are one edit).  Borrowed from ${words}.
 */
const char *near_word(const char *typed, const char *const *words, size_t n);

#endif
