#ifndef CTLOG_POLICY_H
#define CTLOG_POLICY_H

#include <stdint.h>

#include "ctlog/scts.h"

/*
 * The CT policies of Chrome and Apple as dated data: each rule has from and
 * until dates and says where it is written.
 */
enum policy_program { POLICY_CHROME, POLICY_APPLE, POLICY_PROGRAMS };

/* What a rule asks for. */
enum policy_kind {
	POLICY_EMBEDDED,	/* SCTs of ${logs} distinct logs in a
				   certificate of up to ${days} days */
	POLICY_TLS,		/* SCTs of ${logs} distinct logs that count
				   now, delivered by TLS */
	POLICY_OCSP,		/* those of a stapled OCSP response count as
				   those of TLS */
	POLICY_RFC6962,		/* at least one is of an RFC 6962 log */
	POLICY_TIMELY,		/* a log list of ${days} days or more: nothing
				   is enforced */
	POLICY_KINDS
};

struct policy_rule {
	enum policy_program	 program;
	enum policy_kind	 kind;
	/* Days in UTC; NULL: no end, or none that is written. */
	const char		*from;
	const char		*until;		/* exclusive */
	int			 by_issuance;	/* dates are those of notBefore,
						   else those of the check */
	int			 days;		/* at most; 0: any number */
	int			 inclusive;	/* notAfter belongs to them */
	int			 logs;
	int			 operators;	/* distinct, at least */
	int			 per_operator;	/* that count; 0: all */
	int			 with_embedded;	/* one by TLS is enough,
						   embedded ones count too */
	const char		*source;
};

struct policy_verdict {
	int		compliant;	/* 1, 0; -1: cannot be judged */
	char		reason[256];	/* which rule, and what is missing */
};

/*
 * Judge the SCTs of a certificate valid from ${not_before} to ${not_after}
 * (microseconds) as of ${at}.  One list of logs stands for both programs.
 * -1: there is no list or it does not say the states of its logs, the issuer
 * is not at hand, or no rule that we have is for this certificate.
 */
void policy_judge(enum policy_program, const struct scts *,
    int64_t not_before, int64_t not_after, int64_t at,
    struct policy_verdict *);

const char *policy_name(enum policy_program);	/* "chrome", "apple" */

/* The table, for who shows it. */
const struct policy_rule *policy_rules(size_t *n);

/*
 * The rule of that kind for a certificate valid from ${not_before} to
 * ${not_after}, as of ${at} (microseconds); NULL: there is none.
 */
const struct policy_rule *policy_rule_for(enum policy_program,
    enum policy_kind, int64_t not_before, int64_t not_after, int64_t at);

/* A lifetime in days of 86,400 s, one that is begun counts as a whole one. */
int64_t policy_days(int64_t not_before, int64_t not_after, int inclusive);

#endif
