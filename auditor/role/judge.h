#ifndef AUDITOR_ROLE_JUDGE_H
#define AUDITOR_ROLE_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ctlog/loglist.h"
#include "ctlog/merkle.h"
#include "ctlog/tile.h"
#include "pki/watch.h"

/*
 * The judge: JSON, base64, inflate, DER, signatures and proofs in, flat
 * records out.  A pure function of its input: it has no sockets but the one
 * to the engine, no files, no clock that matters.
 *
 * The role is a template, which maps the watch set and never sees a hostile
 * byte; it forks a clean judge for each range of one log.  The engine talks
 * to each judge over a socket of its own.  Bodies lie in an arena that fetch
 * and judge share; messages name extents of it.
 */
enum judge_type {
	/* engine to template */
	JUDGE_WATCH = 1,	/* u64 size; the image's memfd; answered */
	JUDGE_FORK,		/* u64 arena size; socket and memfd; answered */
	JUDGE_ROOTS,		/* judge_audit.h; not answered */
	JUDGE_WEAK,		/* u64 size, memfd: text of weak keys; neither
				   with 0: none.  Not answered */
	/* template to engine */
	JUDGE_READY,		/* u32 pid (0: the template itself) */
	/* engine to judge, each with u64 id first */
	JUDGE_LOG,		/* struct judge_log; not answered */
	JUDGE_HEAD,		/* struct judge_ext */
	JUDGE_PAGE,		/* struct judge_page */
	JUDGE_PROOF,		/* struct judge_proof */
	JUDGE_ISSUER,		/* extent, fingerprint */
	JUDGE_SIGNED,		/* vec32 certificate, issuer, MerkleTreeLeaf */
	JUDGE_LIST,		/* struct judge_list */
	JUDGE_RAW,		/* struct judge_page: one entry, not walked */
	/* the auditor's: judge_audit.h */
	JUDGE_LOGS,		/* log lists, as text */
	JUDGE_TRUST,		/* struct judge_trust; not answered */
	JUDGE_CERT,		/* struct judge_cert_ask */
	JUDGE_CRL,		/* struct judge_crl_ask; pipe and set */
	JUDGE_OCSP,		/* struct judge_ocsp_ask */
	JUDGE_INCL,		/* struct incl, statuses and bodies */
	JUDGE_AIA,		/* vec32 body */
	JUDGE_KEYS,		/* u32 n, vec32 certificates */
	JUDGE_ARI,		/* judge_ari.h */
	/* judge_gossip.h */
	JUDGE_WITNESS,		/* whose cosignatures count; not answered */
	JUDGE_GOSSIP,		/* struct gossip_ask */
	/* judge to engine: struct judge_reply and what follows it */
	JUDGE_REPLY
};

/* A body in the arena. */
struct judge_ext {
	uint64_t	off;
	uint32_t	len;
	int		gzip;	/* Content-Encoding was gzip */
};

/* Which log the judge serves, before anything else. */
struct judge_log {
	enum loglist_protocol	 protocol;
	struct span		 key;		/* SubjectPublicKeyInfo */
	const char		*origin;	/* of checkpoints, "" */
};

/*
 * A page: its leaf hashes as a range, and what matches among the entries
 * [from, to) of it.
 */
struct judge_page {
	struct judge_ext ext;
	int		 tile;		/* data tile, not get-entries JSON */
	uint32_t	 max;		/* most entries; tile: exactly so many */
	uint32_t	 skip, cut;	/* use entries [skip, cut); cut 0: all */
	uint64_t	 first;		/* index of its first entry */
	uint32_t	 from, to;	/* match these, counted as in the page */
};

enum judge_proof_kind {
	JUDGE_CONSISTENCY,	/* size1, root1 -> size2, root2; refused with
				   32 bytes, vec32 behind: the root of size1
				   that the path leads from to root2 */
	JUDGE_START,		/* frontier of size2, proven by root2 */
	JUDGE_EDGE		/* frontier of size1, a part of size2, root2:
				   out of tiles it is not proven */
};

struct judge_proof {
	enum judge_proof_kind	kind;
	uint64_t		size1, size2;
	uint8_t			root1[32];	/* START of RFC 6962: last leaf */
	uint8_t			root2[32];
	int			tiles;		/* hash tiles, not JSON */
	size_t			n;
	struct tile		tile[TILE_SET_MAX];
	struct judge_ext	ext[TILE_SET_MAX];
};

struct judge_list {
	struct judge_ext	json, sig;
	int			check;	/* verify the signature */
	struct span		pem;	/* with this key; empty: built in */
};

/* Head of every answer. */
struct judge_reply {
	uint64_t	 id;
	int		 ok;
	enum err_code	 code;		/* why not */
	const char	*msg;		/* a sentence */
};

/* Times in ms that are sent on have no more bits. */
#define JUDGE_TIME_BITS	52

/* What JUDGE_HEAD says of a head, when ok. */
struct judge_head {
	uint64_t	tree_size, timestamp_ms;
	uint8_t		root[32];
};				/* then vec32: the bytes as received, and
				   what witnesses say (judge_gossip.h) */

/* One entry that matched, or could not be taken apart. */
struct judge_match {
	uint64_t	 index;
	uint64_t	 timestamp_ms;
	int		 type;		/* ENTRY_X509, ENTRY_PRECERT, -1 */
	int		 malformed;
	const char	*reason;	/* of malformed, or of issued */
	int		 issued;	/* 1 valid, 0 invalid, -1 unchecked */
	uint8_t		 leaf_hash[32];
	struct span	 leaf;		/* MerkleTreeLeaf */
	struct span	 der;		/* certificate or precertificate */
	uint8_t		 tbs_sha256[32], cert_sha256[32], spki_sha256[32];
	uint8_t		 issuer_spki[32];	/* zero: not known yet */
	uint8_t		 chain_spki[32];	/* of chain[0], which may be a
						   precertificate signing
						   certificate's; zero: of
						   fingerprints */
	const char	*serial;
	const char	*key_type;
	const char	*owner;		/* of the issuer, "" unknown */
	const char	*subject;	/* names in one line, for people */
	const char	*issuer;
	int64_t		 not_before, not_after;
	size_t		 nnames;
	const char	**names;	/* freed by judge_match_free */
	size_t		 nhits;
	uint32_t	*hit_watch;	/* freed by judge_match_free */
	const char	**hit_name;
	size_t		 nchain;
	struct span	*chain;		/* DER, or fingerprints of 32 bytes */
	int		 chain_fp;	/* chain holds fingerprints */
	struct merkle_path path;	/* within the page's range */
};

/* What JUDGE_PAGE says, when ok; then ${nmatch} records follow. */
struct judge_page_reply {
	uint32_t		count;		/* entries used: of the range */
	uint32_t		upto;		/* matched [from, upto) */
	uint32_t		unparsed;	/* not walkable, nothing of ours */
	uint32_t		nmatch;
	struct merkle_range	range;
};

/* Messages of the engine, written and read. */
void judge_log_pack(struct buf *, const struct judge_log *);
int judge_log_read(struct cur *, struct judge_log *);
void judge_ext_pack(struct buf *, const struct judge_ext *);
int judge_ext_read(struct cur *, struct judge_ext *);
void judge_page_pack(struct buf *, const struct judge_page *);
int judge_page_read(struct cur *, struct judge_page *);
void judge_proof_pack(struct buf *, const struct judge_proof *);
int judge_proof_read(struct cur *, struct judge_proof *);
void judge_list_pack(struct buf *, const struct judge_list *);
int judge_list_read(struct cur *, struct judge_list *);

/* Answers of the judge.  Readers check every bound; 0 or -1. */
void judge_reply_pack(struct buf *, const struct judge_reply *);
int judge_reply_read(struct cur *, struct judge_reply *);
void judge_head_pack(struct buf *, const struct judge_head *);
int judge_head_read(struct cur *, struct judge_head *);
void judge_page_reply_pack(struct buf *, const struct judge_page_reply *);
int judge_page_reply_read(struct cur *, struct judge_page_reply *);
void judge_match_pack(struct buf *, const struct judge_match *);
/* Borrows from the cursor but for the arrays: judge_match_free(). */
int judge_match_read(struct cur *, struct judge_match *);
void judge_match_free(struct judge_match *);
void judge_loglist_pack(struct buf *, const struct loglist *);
/* A list of the judge's, owned: loglist_free(). */
int judge_loglist_read(struct cur *, struct loglist **);

/* A string with a length of 32 bits and its zero byte; 0 or -1. */
void judge_str_pack(struct buf *, const char *);
int judge_str_read(struct cur *, const char **);

/*
 * Parts of the messages: bytes with a length of 32 bits, borrowed; a count
 * whose items have ${least} bytes or more; a byte as a flag; a time.  0 or -1.
 */
int judge_span_read(struct cur *, struct span *);
int judge_count_read(struct cur *, size_t least, size_t *);
int judge_flag_read(struct cur *, int *);
int judge_time_read(struct cur *, int64_t *);

/* The role of the template: returns the exit status. */
int judge_main(void);

/* --- inside a judge --- */

struct page;
struct witness;
struct judge_trust;
struct roots;
struct weak_list;

struct judge {
	struct watch_set	 watches;
	const uint8_t		*arena;
	uint64_t		 narena;
	enum loglist_protocol	 protocol;
	struct buf		 key;
	char			*origin;
	struct page		*page;
	struct buf		 inflated;	/* a body that came as gzip */
	struct buf		 scratch;
	struct buf		 out;		/* the answer */
	struct roots		**programs;	/* of the template */
	size_t			 nprograms;
	struct weak_list	*weak;		/* of the template; NULL */
	struct judge_trust	*trust;		/* NULL: not told */
	struct witness		*witnesses;
	size_t			 nwitnesses;
};

/* The bytes of an extent; inflated (to at most ${cap}) when gzip. */
int judge_body(struct judge *, const struct judge_ext *, size_t cap,
    struct span *, struct err *);

/* Answer one message in j->out; -1 with err: answered as not ok. */
int judge_do_page(struct judge *, const struct judge_page *, uint64_t id,
    struct err *);
int judge_do_raw(struct judge *, const struct judge_page *, uint64_t id,
    struct err *);
int judge_do_head(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_proof(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_issuer(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_signed(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_list(struct judge *, struct cur *, uint64_t id, struct err *);

/* A mapping of a memfd that nobody can resize, or NULL. */
const uint8_t *judge_map(int fd, uint64_t size);

/* Begin an answer that is ok. */
void judge_ok(struct judge *, uint64_t id);

#endif
