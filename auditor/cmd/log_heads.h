#ifndef AUDITOR_CMD_LOG_HEADS_H
#define AUDITOR_CMD_LOG_HEADS_H

#include <jansson.h>

#include "auditor/cmd/cmd.h"

/*
 * log heads: the newest signed heads of every log, as they were received, a
 * JSON object each on a line: what others take as a vantage source.  To a
 * file, or stdout where ${path} is NULL.  An exit status.
 */
int log_heads(struct cmd_ctx *, const char *path);

/*
 * Put into ${o}, an object of log show, what is known of the heads of the
 * log with this id: how many are stored, wait or contradict, who cosigned
 * the newest, what vantage points saw.  0 or -1.
 */
int log_heads_show(struct cmd_ctx *, json_t *o, const struct span *log_id,
    struct err *);

#endif
