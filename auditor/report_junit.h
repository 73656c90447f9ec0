#ifndef AUDITOR_REPORT_JUNIT_H
#define AUDITOR_REPORT_JUNIT_H

#include <jansson.h>

#include "base/buf.h"

/*
 * The report as JUnit XML, in the form of Ant that Jenkins and others read:
 * suite `findings` has a test case for each open finding (failed when it makes
 * the audit fail, else skipped), suite `checks` one for each log and for
 * everything that was not checked (an error).  Names of cases are the same
 * each night.  Pure.
 */
void report_junit(const json_t *report, struct buf *);

#endif
