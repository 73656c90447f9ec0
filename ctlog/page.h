#ifndef CTLOG_PAGE_H
#define CTLOG_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ctlog/entry.h"
#include "ctlog/merkle.h"

/*
 * The hot path: the entries of one get-entries answer or one data tile.  A
 * page is used over and over and keeps its memory.
 *
 * The body may lie in shared memory and change while it is read.  Each byte
 * of it that decides something is read once, into memory of the page; what
 * is remembered are offsets whose bounds are ours.
 */
struct page;

struct page *page_new(void);
void page_free(struct page *);

/*
 * Read the body of a get-entries answer (RFC 6962 4.6).  What no log sends
 * but JSON allows (white space, order, escapes, more members) is read by a
 * slower reader with the same result.  More than ${max} entries are an error
 * (ERR_LIMIT), none are a page of 0.  ${body} must live until page_extra()
 * has been called for the last time.
 */
int page_entries(struct page *, struct span body, size_t max, struct err *);

/*
 * Read a data tile of ${width} entries (static-ct-api, Log Entries), gzip'd
 * when ${gzip} is set; members of a gzip file are joined.  Left-over bytes,
 * too few entries and more than LIMIT_BODY_TILE bytes are refused; the error
 * names the entry.  ${body} is not needed afterwards.
 */
int page_tile(struct page *, struct span body, int gzip, size_t width,
    struct err *);

/* How many entries; whether it was a tile. */
size_t page_count(const struct page *);
int page_is_tile(const struct page *);

/*
 * The MerkleTreeLeaf of entry ${i}, borrowed until the next read; an empty
 * span for tiles, whose leaves are not contiguous: see page_leaf_copy().
 */
struct span page_leaf(const struct page *, size_t i);

/* The bytes from the timestamp on (not checked further for get-entries). */
struct span page_timestamped(const struct page *, size_t i);

/* Append the MerkleTreeLeaf, of either form. */
void page_leaf_copy(const struct page *, size_t i, struct buf *);

/* Entry ${i} parsed as by entry_read(), pointing into the page. */
int page_at(const struct page *, size_t i, struct entry *, struct err *);

/*
 * The leaf hashes of all entries, the first of which has index ${first}, as
 * a range, which is started here; paths as in merkle_leaves().
 */
void page_hash(struct page *, uint64_t first, struct merkle_range *out,
    struct merkle_path *paths, size_t npaths);

/* The leaf hash of entry ${i} alone. */
void page_leaf_hash(const struct page *, size_t i, uint8_t out[32]);

/*
 * What lies beside the leaf and is not covered by the tree.  get-entries:
 * extra_data is decoded now into ${scratch}, precert and chain are DER.
 * Tile (page_is_tile): the precertificate, and in ${chain} the SHA-256
 * fingerprints of the issuers, 32 bytes each.  Spans live as long as
 * ${scratch} and the page.  ${precert} is empty for x509 entries.
 */
int page_extra(const struct page *, size_t i, struct buf *scratch,
    struct span *precert, struct span *chain, size_t max, size_t *nchain,
    struct err *);

#endif
