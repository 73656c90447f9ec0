#ifndef AUDITOR_REPORT_H
#define AUDITOR_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/db/report_store.h"
#include "base/err.h"

/*
 * The report of an audit: one JSON object, which the renderers of
 * auditor/report_*.h turn into text, HTML, CSV, JUnit and SARIF.
 *
 *	type "certvigil.audit", version 1, program, instance
 *	started_at, since, until	the period: since <= t < until
 *	first			there was no audit before
 *	first_line, verdict	0, 1, 2: the exit status
 *	fail_on			severity from which an open finding is 2
 *	counts			new, declared, open, failing, acked, unchecked,
 *				logs, logs_current, silenced, baseline, changed
 *	new		{count, declared, list}: issuances first seen
 *	changed		{count, list of at, event, subject, name, text}
 *	open		{count, list, by_severity, acked}: findings (contract.md)
 *			that are open, rejected or acked, worst first, with
 *			fingerprint, new, silenced
 *	silenced	{count, list, silences: {count, list}, silent}: findings
 *			that were muted or lowered; silences in force; how many
 *			issuances were silent because they were declared
 *	baseline	{count, list, groups of issuer_owner, count}
 *	unchecked	{count, list of what, subject, why, since, last_ok,
 *			certificates}
 *	coverage	{count, list}: a log each; current: it was proven up to
 *			its head lately enough
 *
 * Each list has at most LIMIT_REPORT_ROWS objects, count counts all.
 */

/*
 * Build it from the database, in one snapshot.  ${frame} has since (or
 * INT64_MIN) and unreachable_after; its until is set.  A new object, or NULL.
 */
json_t *report_build(struct db *, struct report_frame *, struct err *);

/*
 * Judge it: sets counts, first_line, fail_on and verdict from the sections.
 * ${fail_on} is a severity.  Pure.
 */
void report_judge(json_t *, const char *fail_on);

/* --- for the renderers ------------------------------------------------------- */

/* The number at counts.KEY. */
int64_t report_count(const json_t *, const char *key);

/* The list of a section, and how many rows are not in it. */
const json_t *report_list(const json_t *, const char *section);
int64_t report_more(const json_t *, const char *section);

/*
 * Does this open finding make the audit fail: not acked, and of a severity
 * that is ${fail_on} of the report or worse?
 */
int report_fails(const json_t *report, const json_t *finding);

/* What a row is about: its name, else its subject; borrowed. */
const char *report_about(const json_t *);

#define REPORT_LATE	40
/* So many seconds in words ("3 days"); ${out} has REPORT_LATE bytes. */
char *report_late(int64_t s, char *out);

/* What was decided about a new certificate, in a word for people; static. */
const char *report_decision(const json_t *);

/*
 * The fingerprint of something that was not checked: SHA-256 of what and
 * subject in hex, the same each night.
 */
void report_fingerprint(const json_t *unchecked, char out[65]);

#endif
