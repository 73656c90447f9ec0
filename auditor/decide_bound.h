#ifndef AUDITOR_DECIDE_BOUND_H
#define AUDITOR_DECIDE_BOUND_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"

/*
 * Bounds: which names, by whom, until when.  Pure.  Names are folded
 * (name_fold); `x.example` is exactly that name (never a wildcard that
 * covers it), `.example` also everything below, `.` everything, and addresses
 * may be given as CIDR.
 */
struct decide_bound {
	const char *const	*names;
	size_t			 nnames;
	const char		*issuer_owner;	/* NULL: any */
	int64_t			 until;		/* us, INT64_MIN: none */
};

/* What is to lie within. */
struct decide_subject {
	const char *const	*names;
	size_t			 nnames;
	const char		*issuer_owner;	/* NULL: not known */
	int64_t			 at;		/* us: log timestamp */
};

/* Does the pattern allow that name: 1 or 0. */
int decide_bound_name(const char *pattern, const char *name);

/*
 * Does it lie within the union of ${n} bounds: is there, for every name, one
 * that allows name, issuer and time together?  1, or 0 and ${why} says which
 * bound is broken.
 */
int decide_bound_union(const struct decide_bound *, size_t n,
    const struct decide_subject *, char *why, size_t cap);

/* The same set of names, in any order: 1 or 0. */
int decide_bound_same(const char *const *, size_t, const char *const *,
    size_t);

/* What a policy (NULL: none) says about an issuer (NULL: not known). */
enum conf_action decide_bound_action(const struct conf_policy *,
    const char *issuer_owner);

/* Does a policy (NULL: none) allow a key of that type: 1 or 0. */
int decide_bound_key_type(const struct conf_policy *, const char *key_type);

#endif
