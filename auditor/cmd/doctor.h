#ifndef AUDITOR_CMD_DOCTOR_H
#define AUDITOR_CMD_DOCTOR_H

#include <jansson.h>

#include "auditor/cmd/cmd.h"

/* Between the files of the command doctor. */

enum doctor_health { DOCTOR_OK, DOCTOR_WARN, DOCTOR_UNKNOWN, DOCTOR_FAIL };

struct doctor {
	struct cmd_ctx		*ctx;
	enum doctor_health	 worst;
	json_t			*more;	/* members of the next line, or NULL */
};

/* One line of the report: of check ${check}, what was found. */
void doctor_say(struct doctor *, enum doctor_health, const char *check,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * doctor_cost.c: what the logs cost a day, in downloads, rows, disk and
 * memory: measured where this instance is old enough, else by the figures of
 * docs/operations.md; each says which.  Without ctx->db: what all public logs
 * are expected to cost.
 */
void doctor_cost(struct doctor *);

/*
 * doctor_canary.c: is the canary watched, who orders it, and when was it seen
 * last?  With ctx->db.
 */
void doctor_canary(struct doctor *);

/* doctor_net.c: are the addresses that logs are asked from this machine's? */
void doctor_sources(struct doctor *);

#endif
