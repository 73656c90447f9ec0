#ifndef PKI_WATCH_H
#define PKI_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "pki/der.h"

/*
 * The set of watches and the matching of certificates against it.  Patterns:
 *
 *	example.com	that name, and a wildcard that covers it (*.com)
 *	.example.com	that, and everything below
 *	.		everything
 *	192.0.2.7, 2001:db8::1, 192.0.2.0/24	addresses
 *	spki:HEX	a key, by the SHA-256 of its SubjectPublicKeyInfo
 *
 * U-labels and A-labels are the same name.  The set is one flat image without
 * pointers, so that many processes map it read-only.
 */

#define WATCH_TEXT	256	/* room for a canonical pattern */
#define WATCH_NAME	512	/* room for a name that matched, as shown */
#define WATCH_NONE	UINT32_MAX

/* The canonical text of one pattern, or -1 and why not. */
int watch_canon(const char *text, char out[WATCH_TEXT], struct err *);

/* --- building --- */

struct watch_build;

struct watch_build *watch_build_new(void);

/*
 * Add a pattern with the names that it does not care about.  An exclusion
 * drops a name, never a certificate that has another watched name:
 * `x.example.com` drops exactly that name, `.x.example.com` also all names
 * and wildcards below.  A wildcard is never dropped because it covers an
 * excluded name: it covers others too.  A pattern that is there already is
 * folded, and then only exclusions that both have stay.  0 or -1.
 */
int watch_build_add(struct watch_build *, const char *pattern,
    const char *const *exclude, size_t nexclude, struct err *);

/*
 * Add the patterns of a text, one a line, `#` comments, blank lines, CRLF
 * allowed.  The error says where:line; lines before it stay added.
 */
int watch_build_file(struct watch_build *, const char *text, size_t n,
    const char *where, struct err *);

/*
 * The same for a text that comes in parts, each but the last ending with a
 * newline; *${line} is 0 before the first, and counts.
 */
int watch_build_part(struct watch_build *, const char *text, size_t n,
    const char *where, size_t *line, struct err *);

/*
 * What is added between these two is one text, whose SHA-256 stands for its
 * patterns in what names the set: see watch_sha256().  A builder takes one
 * such text, before or after other patterns.
 */
void watch_build_text(struct watch_build *);
void watch_build_text_end(struct watch_build *, const uint8_t sha256[32]);

/*
 * A guess that ${n} more watches of ${bytes} in all will come: room is made
 * for them at once.
 */
void watch_build_expect(struct watch_build *, size_t n, size_t bytes);

/* Watches so far. */
size_t watch_build_count(const struct watch_build *);

/*
 * The patterns added so far as lines of text, in their canonical form and
 * each once, in the order in which they came: watch_build_line_bytes() is
 * the length of all; watch_build_lines() appends those of the watches from
 * *${at} on to ${out} until it has ${most} bytes or more, moves *${at}, and
 * returns 0 when nothing is left.
 */
size_t watch_build_line_bytes(const struct watch_build *);
int watch_build_lines(const struct watch_build *, uint32_t *at,
    struct buf *out, size_t most);

/* Append the image to ${image} and free the builder. */
void watch_build_done(struct watch_build *, struct buf *image);

/*
 * The same without a copy: the pieces that make the image when they are put
 * one behind the other, borrowed until the builder is freed.  Nothing may be
 * added any more.
 */
#define WATCH_PIECES	22

struct watch_pieces {
	struct span	 v[WATCH_PIECES];
	size_t		 n;
	size_t		 size;		/* of the image */
	const uint8_t	*sha256;	/* as watch_sha256() has it */
};

void watch_build_end(struct watch_build *, struct watch_pieces *);

/* Free a builder that is not wanted any more; NULL is fine. */
void watch_build_free(struct watch_build *);

/* --- using --- */

struct watch_head;

/* A view on an image; plain data, owns nothing. */
struct watch_set {
	const struct watch_head	*head;	/* borrowed, as all of these */
	const uint32_t		*off;	/* of the text of a watch */
	const uint32_t		*sib;	/* next watch with the same parent */
	const uint32_t		*slot;	/* hash table of names */
	const uint64_t		*filter;
	const uint32_t		*pslot;	/* hash table of parents */
	const uint64_t		*pfilter;
	const struct watch_ip	*ip;
	const struct watch_key	*key;
	const struct watch_not	*not;	/* exclusions */
	const uint8_t		*text;
};

/*
 * Look at an image of ${n} bytes, which must be 8-byte aligned and stay
 * there; every offset in it is checked.  0 or -1.
 */
int watch_open(struct watch_set *, const void *image, size_t n, struct err *);

/*
 * The same for an image that this process has made and nobody else can have
 * changed since: only the head is looked at.
 */
int watch_open_own(struct watch_set *, const void *image, size_t n,
    struct err *);

/* The number of watches; the canonical pattern of one, borrowed. */
size_t watch_count(const struct watch_set *);
const char *watch_text(const struct watch_set *, uint32_t);

/*
 * What names the set: the sum, modulo 2^256, of the SHA-256 of each of its
 * parts, taken as big-endian numbers.  A part is a watch (its canonical
 * pattern and its exclusions, " !pattern" each, in bytewise order), or the
 * text of watch_build_text() ("file " and the 32 bytes of its SHA-256) with
 * all watches that it names.  The same for the same parts in any order.
 */
const uint8_t *watch_sha256(const struct watch_set *);

/* One watch that matched, and the name by which it did. */
struct watch_hit {
	uint32_t	watch;
	char		name[WATCH_NAME];	/* as name_display() shows it */
};

/*
 * Match a certificate: dNSName and iPAddress of the SAN, every subject CN,
 * the key.  Returns the number of distinct watches that match, of which the
 * first ${max} are in ${hits}; counting stops at max + 1.  -1 when SAN or
 * subject cannot be walked: ask watch_bytes() then.
 */
int watch_tbs(const struct watch_set *, const struct der_tbs *,
    struct watch_hit *hits, size_t max);

/*
 * For what cannot be parsed: which watched names do these bytes contain, in
 * any case, as ASCII or UTF-16BE, beginning at a label?  Returns as
 * watch_tbs() does, never -1.
 */
int watch_bytes(const struct watch_set *, struct span,
    struct watch_hit *hits, size_t max);

/* The watches that a single name (as text, any form) matches. */
int watch_name(const struct watch_set *, const char *name,
    struct watch_hit *hits, size_t max);

/* Tests: 1 = scalar code only, 0 = what the processor has. */
void watch_force_portable(int);

#endif
