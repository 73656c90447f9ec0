#ifndef AUDITOR_EVIDENCE_VERIFY_H
#define AUDITOR_EVIDENCE_VERIFY_H

#include <jansson.h>

#include "base/cur.h"
#include "ctlog/loglist.h"

/* Evidence files, read by who does not trust us. */

/* Keys come from the verifier, never from the file. */
struct evidence_keys {
	const struct loglist	*list;		/* or NULL */
	struct span		 key;		/* SubjectPublicKeyInfo, or p NULL */
	const uint8_t		*instance;	/* 32 bytes that must have signed, or NULL */
};

enum evidence_verdict {
	EVIDENCE_VALID,
	EVIDENCE_UNCHECKED,	/* such as: a log is not among the verifier's */
	EVIDENCE_INVALID
};

/*
 * Judge a file.  *lines is a new array with an object for each log and each
 * statement, {"log" | "statement", "type", "grade", "result", "reason"}, and
 * a last one for the file; result is valid, unchecked or invalid.  Needs no
 * files and no network.
 */
enum evidence_verdict evidence_verify(struct span file,
    const struct evidence_keys *, json_t **lines);

#endif
