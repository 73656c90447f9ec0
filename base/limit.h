#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

/*
 * Every cap of the program, on one page, each with its reason.  What exceeds
 * one is refused with ERR_LIMIT or becomes a finding; nothing is cut silently.
 */

/* --- messages between processes --- */

/* One framed message: a full page of matches with their certificates. */
#define LIMIT_FRAME		(16u << 20)
/* Descriptors that travel with one message. */
#define LIMIT_FRAME_FDS		4

/* --- bodies, decompressed --- */

/* get-entries: 1,000 entries of 32 KB as base64 fit. */
#define LIMIT_BODY_ENTRIES	(64u << 20)
/* A data tile: 256 entries of 64 KB (longer ones are refused). */
#define LIMIT_BODY_TILE		(16u << 20)
/* A tree head, a checkpoint with 16 signatures, a proof. */
#define LIMIT_BODY_HEAD		(64u << 10)
/* A log list: Chrome's has 40 KB, all logs ever 200 KB. */
#define LIMIT_BODY_LOGLIST	(4u << 20)
/* An issuer certificate. */
#define LIMIT_BODY_ISSUER	(256u << 10)
/* What a webhook receiver answers and we keep. */
#define LIMIT_BODY_REPLY	4096u

#endif
