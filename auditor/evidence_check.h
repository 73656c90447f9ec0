#ifndef AUDITOR_EVIDENCE_CHECK_H
#define AUDITOR_EVIDENCE_CHECK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/evidence_verify.h"
#include "base/buf.h"
#include "base/err.h"
#include "ctlog/note.h"

/* Inside of evidence_verify(): one file being judged. */

struct evidence_logkey {
	const json_t	*object;	/* borrowed; NULL: malformed */
	struct buf	 key;
	int		 known;		/* the verifier has this key */
	int		 tiles;		/* static-ct-api */
	char		 origin[NOTE_ORIGIN_MAX];
};

/* What is known of a statement that was looked at. */
struct evidence_item {
	enum evidence_verdict	 verdict;
	char			 type;	/* h head, c certificate, or 0 */
	size_t			 log;	/* of a head */
	uint64_t		 tree_size;
	uint8_t			 root[32];
	uint8_t			 raw[32];	/* SHA-256 of the head */
};

struct evidence_file {
	const struct evidence_keys	*keys;
	json_t				*lines;
	enum evidence_verdict		 worst;
	uint8_t				 instance[32];
	struct evidence_logkey		*logs;
	size_t				 nlogs;
	const json_t			*statements;	/* borrowed */
	struct evidence_item		*items;
	size_t				 nitems;
};

/*
 * Judge statement ${i}: those that it refers to come before it.  A sentence
 * goes to ${why}, or the error is set.
 */
enum evidence_verdict evidence_check(struct evidence_file *, size_t i,
    const json_t *, char *why, size_t cap, struct err *);

/* Is ${text} signed with the file's instance key?  0 or -1 ERR_VERIFY. */
int evidence_signed(struct evidence_file *, const char *text,
    const json_t *signature, struct err *);

/* evidence_attested.c: a statement of our own. */
enum evidence_verdict evidence_attested(struct evidence_file *, size_t i,
    const json_t *, char *why, size_t cap, struct err *);

/*
 * The head that member ${key} of statement ${i} names, which must come
 * before it; NULL and the error.
 */
const struct evidence_item *evidence_head_of(struct evidence_file *,
    size_t i, const json_t *, const char *key, struct err *);

/*
 * Does a tree of ${size} with ${root} go on to the head?  ${nodes} is the
 * array of the proof, or NULL when the sizes are the same.
 */
int evidence_onward(uint64_t size, const uint8_t root[32],
    const struct evidence_item *head, const json_t *nodes, struct err *);

#endif
