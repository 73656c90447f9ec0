#ifndef AUDITOR_ROLE_ENGINE_CLOCK_H
#define AUDITOR_ROLE_ENGINE_CLOCK_H

#include <stdint.h>

struct engine;

/*
 * All workers of a database go by its clock: one machine whose own is wrong
 * would accuse every log.
 */

/* The database's clock shows this (microseconds since 1970). */
void engine_clock_heard(int64_t us);

/*
 * Ask it now, before somebody is accused by the time: our own may have jumped
 * since it was heard last.  When it does not answer, nothing changes.
 */
void engine_clock_ask(struct engine *);

/*
 * Was the database's set back?  Then its times are mended (db/setback.h), and
 * what is due is looked at now.
 */
void engine_clock_back(struct engine *);

#endif
