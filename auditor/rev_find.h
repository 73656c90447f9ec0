#ifndef AUDITOR_REV_FIND_H
#define AUDITOR_REV_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/conf.h"
#include "auditor/db/db.h"
#include "auditor/db/rev_store.h"
#include "base/err.h"

/*
 * From changes of revocation to findings.  A revocation that was ordered
 * fulfils its expectation, silently; one of a certificate that was itself
 * unexpected contains that finding; any other is certificate.revoked, or,
 * when they are many of one CA within an hour, one revocation.campaign; and what
 * we keep is replaced (loop_replace.h).  In the caller's transaction, after
 * rev_merge_store().
 */
int rev_find(struct db *, const struct conf *, const uint8_t issuer[32],
    const struct rev_changes *, struct err *);

/*
 * What became of a check of a source: revocation.source_faulty, opened when a
 * fault was seen twice in a row, or when nobody answered since ${since} for
 * ${patience} seconds; resolved when it is good again.  ${twice}: the check
 * before had the same fault.
 */
int rev_find_source(struct db *, const struct rev_source_row *,
    const struct rev_source_state *, int twice, int64_t since,
    int64_t patience, struct err *);

/*
 * There is nothing to ask a source about: when no valid certificate names it
 * any more, what was said of its faults resolves.
 */
int rev_find_idle(struct db *, const struct rev_source_row *, struct err *);

/*
 * What time brings: disagreements that are older than a day, ordered
 * revocations that are late (rev_late.h), the progress of campaigns; and
 * certificate.revoked is lowered when a successor is served or deployed.
 */
int rev_find_time(struct db *, struct err *);

#endif
