#ifndef AUDITOR_EVIDENCE_JSON_H
#define AUDITOR_EVIDENCE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ctlog/sth.h"

/* Values of evidence files, and what writer and reader compute alike. */

/* New values: base64, lower-case hex, clean text, nodes of 32 bytes. */
json_t *evidence_b64(const void *, size_t);
json_t *evidence_hex(const void *, size_t);
json_t *evidence_text(const char *);
json_t *evidence_nodes(struct span);

/* SHA-256(0x00 || leaf), RFC 6962 2.1. */
void evidence_leaf_hash(struct span leaf, uint8_t out[32]);

/*
 * The root that an audit path leads to; -1 when its length is not that of
 * leaf ${index} in a tree of ${size} (RFC 6962 2.1.1).
 */
int evidence_path_root(const uint8_t leaf[32], uint64_t index, uint64_t size,
    struct span path, uint8_t root[32]);

/*
 * Read a head without its signature: "sth" is get-sth JSON, "checkpoint" a
 * note.  *origin, unless NULL, is the note's first line, or empty.
 */
int evidence_head_read(const char *form, struct span raw, struct sth *,
    struct span *origin, struct err *);

/*
 * The members of an object: ${shape} has a word for each, "kind name" with a
 * comma between; "?" in front of the kind where it may be missing.  Kinds:
 *
 *	s  printable text			i  integer, not negative
 *	b  base64				h  64 lower-case hex digits
 *	t  RFC 3339 in UTC			a  array
 *	n  array of base64 of 32 bytes		o  object
 *	A  array of s				B  array of b
 *	H  array of h				f  true or false
 *
 * Other members, other kinds and missing ones are ERR_FORMAT.
 */
int evidence_shape(const json_t *, const char *shape, struct err *);

/* Members that evidence_shape() has seen; bytes are appended. */
const char *evidence_str(const json_t *, const char *key);
uint64_t evidence_int(const json_t *, const char *key);
void evidence_bytes(const json_t *, const char *key, struct buf *);
/* Elements of an array, joined. */
void evidence_join(const json_t *array, struct buf *);

#endif
