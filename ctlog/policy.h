#ifndef CTLOG_POLICY_H
#define CTLOG_POLICY_H

#include <stdint.h>

#include "ctlog/scts.h"

/*
 * The CT policies of Chrome and Apple as dated data: each rule has from and
 * until dates and says where it is written.
 */
enum policy_program { POLICY_CHROME, POLICY_APPLE, POLICY_PROGRAMS };

struct policy_verdict {
	int		compliant;	/* 1, 0; -1: cannot be judged */
	char		reason[256];	/* which rule, and what is missing */
};

/*
 * Judge the SCTs of a certificate valid from ${not_before} to ${not_after}
 * (microseconds) as of ${at}.
 */
void policy_judge(enum policy_program, const struct scts *,
    int64_t not_before, int64_t not_after, int64_t at,
    struct policy_verdict *);

const char *policy_name(enum policy_program);	/* "chrome", "apple" */

#endif
