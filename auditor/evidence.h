#ifndef AUDITOR_EVIDENCE_H
#define AUDITOR_EVIDENCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Evidence files, built: docs/evidence.md has the format.  A file is a list
 * of statements, each with its grade, about logs that it names; the whole is
 * sealed with the instance key.  Nothing here keeps what it is given.
 */

#define EVIDENCE_TYPE		"certvigil.evidence"
#define EVIDENCE_VERSION	1
#define EVIDENCE_SEAL		"certvigil.statement.bundle"
#define EVIDENCE_FINDING	"certvigil.statement.finding"
#define EVIDENCE_COVERAGE	"certvigil.statement.coverage"

/* Who signs: appends 64 bytes, Ed25519 over the bytes of ${json}. */
struct evidence_signer {
	int	(*sign)(void *, struct span json, struct buf *, struct err *);
	void	*arg;
	uint8_t	 key[32];	/* its public key */
};

/* A log, and where its key comes from. */
struct evidence_log {
	const uint8_t	*log_id;	/* 32 bytes */
	struct span	 key;		/* SubjectPublicKeyInfo */
	const char	*description;
	const char	*operator;
	const char	*protocol;	/* rfc6962, static */
	const char	*url, *read_url;
	const char	*list_source;	/* NULL: no list is held */
	const uint8_t	*list_sha256;
	int64_t		 list_at;	/* its timestamp; INT64_MIN: none */
	struct span	 list_sig;	/* p NULL: not signed */
};

/* An entry; numbers are what evidence_log() and so on returned. */
struct evidence_entry {
	int		 log, head;
	int		 certificate;	/* -1: cannot be parsed, and why: */
	const char	*malformed;
	uint64_t	 index;
	uint64_t	 timestamp;	/* ms */
	const char	*entry_type;	/* x509, precert, unknown */
	struct span	 leaf;
	uint64_t	 size;		/* of the tree that ${path} is for */
	struct span	 path;		/* 32 bytes a node */
	struct span	 onward;	/* consistency with the head, or NULL */
};

/* What the head says of an attested statement. */
struct evidence_ref {
	int		 head;		/* -1: none */
	int		 before;	/* the head before it, -1: none */
	struct span	 onward;	/* consistency with the head, or NULL */
};

/* How to ask the log again. */
enum evidence_ask {
	EVIDENCE_ASK_ENTRY,		/* entry a in the tree of b */
	EVIDENCE_ASK_HEAD,
	EVIDENCE_ASK_CONSISTENCY	/* of tree a with that of b */
};

struct evidence;

/* A file about to be filled; the signer must outlive it. */
struct evidence *evidence_new(const struct evidence_signer *);
void evidence_free(struct evidence *);

/*
 * Add a log, or find it again: its number.  The others add a statement and
 * return its number, or -1 with the error: ERR_FORMAT when bytes do not have
 * the form that they must have, ERR_LIMIT when the file becomes too large.
 */
int evidence_log(struct evidence *, const struct evidence_log *);

/* A signed head of log ${log}, as received. */
int evidence_head(struct evidence *, int log, const char *form,
    struct span raw, struct err *);

/* A certificate or precertificate with its chain, its issuer first. */
int evidence_certificate(struct evidence *, const char *form,
    struct span der, const struct span *chain, size_t n, struct err *);

int evidence_entry(struct evidence *, const struct evidence_entry *,
    struct err *);

/* Two heads of one log and one size with different roots. */
int evidence_fork(struct evidence *, int head1, int head2);

/*
 * What we saw: an object whose `type` is one of ours (stolen), signed.  The
 * reference may be NULL.
 */
int evidence_attest(struct evidence *, json_t *text,
    const struct evidence_ref *, struct err *);

int evidence_recheck(struct evidence *, int log, enum evidence_ask,
    uint64_t a, uint64_t b, struct err *);

/* Seal it and append the text, made at ${now} (microseconds). */
int evidence_finish(struct evidence *, int64_t now, struct buf *,
    struct err *);

/* --- what a reader needs as well --- */

/* "entry", "head", "consistency". */
const char *evidence_ask_name(enum evidence_ask);

/*
 * The URL that asks a log again, of its protocol; -1 when there is none.
 */
int evidence_url(const char *protocol, const char *read_url,
    enum evidence_ask, uint64_t a, uint64_t b, char *out, size_t cap);

/*
 * Text from certificates and logs: bytes outside 0x20 .. 0x7e and the
 * backslash become \xNN.  A string to free().
 */
char *evidence_clean(const char *);

/*
 * What is said of a certificate: an object with what the statement has but
 * for type, grade and chain.  ${chain} is needed for the TBS of a
 * precertificate.  NULL and the error.
 */
json_t *evidence_describe(const char *form, struct span der,
    const struct span *chain, size_t n, struct err *);

/*
 * What the seal signs, of a whole file without its `seal`: a text to free().
 */
char *evidence_sealed(const json_t *);

#endif
