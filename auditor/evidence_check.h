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
	char			 type;	/* h head, c certificate, e entry, s SCT whose
					   signature is right, p parts of a
					   CRL, a attested, or 0 */
	size_t			 log;	/* of a head, an entry, an SCT */
	uint64_t		 timestamp;	/* of them */
	uint64_t		 tree_size;
	uint8_t			 root[32];	/* of a head; leaf hash */
	uint8_t			 raw[32];	/* SHA-256 of the head */
	int64_t			 day;	/* of coverage, since 1970, with log
					   and tree_size: up to where; or 0 */
	char			*about;	/* owned: what an attested one is about,
					   as findings name it; or NULL */
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

/* --- for the parts of evidence_check() --- */

/*
 * Is member ${key} this derived value (stolen)?  All members of an object of
 * them (stolen; NULL is -1), with ${more} that are not derived?  0 or -1.
 */
int evidence_same(const json_t *, const char *key, json_t *want,
    struct err *);
int evidence_agrees(const json_t *, json_t *said, size_t more, struct err *);

/* The log that `log` names; NULL and the error. */
struct evidence_logkey *evidence_log_of(struct evidence_file *,
    const json_t *, size_t *at, struct err *);

/* evidence_check_revoked.c, evidence_check_sct.c */
enum evidence_verdict evidence_check_crl(struct evidence_file *, size_t i,
    const json_t *, char *why, size_t cap, struct err *);
enum evidence_verdict evidence_check_parts(struct evidence_file *, size_t i,
    const json_t *, char *why, size_t cap, struct err *);
enum evidence_verdict evidence_check_ocsp(struct evidence_file *, size_t i,
    const json_t *, char *why, size_t cap, struct err *);
enum evidence_verdict evidence_check_sct(struct evidence_file *, size_t i,
    const json_t *, char *why, size_t cap, struct err *);

/*
 * evidence_seen.c: the texts about sources, endpoints, names, absence.  0,
 * 1: something is not known, -1 and the error; -2: the type is none of these.
 */
int evidence_seen(struct evidence_file *, size_t i, const json_t *o,
    const json_t *text, char *why, size_t cap, struct err *);

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
