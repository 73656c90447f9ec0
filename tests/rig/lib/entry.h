#ifndef RIG_ENTRY_H
#define RIG_ENTRY_H

#include "base/buf.h"

/* One log entry (RFC 6962, 3.4 and 4.6; static-ct-api, data tiles). */
struct entry {
	struct buf	 leaf;		/* MerkleTreeLeaf */
	struct buf	 pre;		/* precertificate, when type 1 */
	struct buf	 chain;		/* SHA-256 of each issuer */
	struct buf	 raw;		/* extra_data as given, when has_raw */
	int		 has_raw;
};

/* What a leaf is made of; index < 0 leaves out the leaf_index extension. */
struct leaf {
	uint64_t	 timestamp;	/* ms */
	uint16_t	 type;		/* 0 x509, 1 precert */
	uint8_t		 key_hash[32];	/* type 1 */
	struct span	 cert;		/* certificate or TBSCertificate */
	int64_t		 index;
};

/* Append the MerkleTreeLeaf; the leaf_index extension alone (may be none). */
void entry_leaf(const struct leaf *, struct buf *);
void entry_index(int64_t, struct buf *);

/* Append extra_data; the TileLeaf. */
void entry_extra(const struct entry *, struct buf *);
void entry_tile(const struct entry *, struct buf *);

/* Take leaf_input and extra_data as they are; known issuers are kept apart. */
void entry_take(struct entry *, struct span, struct span);

/* SHA-256 over type and signed entry: the same for a resubmission. */
void entry_key(const struct buf *, uint8_t *);

/* The timestamp of a leaf, and its extensions (empty when unreadable). */
uint64_t entry_time(const struct buf *);
struct span entry_extensions(const struct buf *);

void entry_free(struct entry *);

#endif
