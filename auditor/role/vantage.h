#ifndef AUDITOR_ROLE_VANTAGE_H
#define AUDITOR_ROLE_VANTAGE_H

#include "auditor/db/lease.h"
#include "auditor/ipc.h"
#include "auditor/role/engine.h"

/*
 * Work `vantage`: heads that another observer was shown are read, judged and
 * stored beside ours.  Two roots of one size are a fork at once; the others
 * wait until our tree can be compared with them (tail_audit.c).
 */
struct vantage;

struct vantage *vantage_new(struct engine *);
void vantage_free(struct vantage *);

/* One source at a time. */
int vantage_busy(const struct vantage *);

/* Take the lease (its strings move here) and begin. */
void vantage_begin(struct vantage *, struct lease *);

/* An answer of fetch; 0 when it is not for this. */
int vantage_fetched(struct vantage *, const struct fetch_done *);

/* Read what the judge said; its socket, or NULL. */
void vantage_judge(struct vantage *);
struct ipc *vantage_ipc(const struct vantage *);

/*
 * Witnesses of the configuration, as a judge is told them: tell it, and store
 * what it says of a stored head.  0 or -1.
 */
void vantage_tell(struct engine *, struct judge_link *);

struct judge_cosigned;
int vantage_cosigned(struct engine *, int64_t head_id, struct span raw,
    const struct judge_cosigned *, size_t n, struct err *);

#endif
