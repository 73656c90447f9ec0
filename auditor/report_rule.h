#ifndef AUDITOR_REPORT_RULE_H
#define AUDITOR_REPORT_RULE_H

/*
 * What a kind of finding means, in one sentence; a general one for a kind
 * that is not known.  Static.
 */
const char *report_rule(const char *kind);

#endif
