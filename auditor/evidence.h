#ifndef AUDITOR_EVIDENCE_H
#define AUDITOR_EVIDENCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/crlparts.h"
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
#define EVIDENCE_HISTORY	"certvigil.statement.history"
#define EVIDENCE_CRL		"certvigil.statement.crl"
#define EVIDENCE_SOURCE		"certvigil.statement.source"
#define EVIDENCE_SERVED		"certvigil.statement.served"
#define EVIDENCE_DNS		"certvigil.statement.dns"
#define EVIDENCE_ABSENCE	"certvigil.statement.absence"

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

/* Statements that an attested one is about; EVIDENCE_NO_REF: none. */
struct evidence_ref {
	int		 head;		/* -1: none */
	int		 before;	/* the head before it, -1: none */
	struct span	 onward;	/* consistency with the head, or NULL */
	int		 sct;		/* -1: none */
	int		 parts;		/* of a CRL, -1: none */
};

#define EVIDENCE_NO_REF	{ -1, -1, { NULL, 0 }, -1, -1 }

/* How to ask again: a log, or what else a statement is from. */
enum evidence_ask {
	EVIDENCE_ASK_ENTRY,		/* entry a in the tree of b */
	EVIDENCE_ASK_HEAD,
	EVIDENCE_ASK_CONSISTENCY,	/* of tree a with that of b */
	EVIDENCE_ASK_CRL,		/* these name a statement */
	EVIDENCE_ASK_OCSP,
	EVIDENCE_ASK_ENDPOINT,
	EVIDENCE_ASK_DNS,
	EVIDENCE_ASK_ABSENCE,		/* of a leaf */
	EVIDENCE_ASK_MAX
};

/* A CRL, and the serials that it is asked for. */
struct evidence_crl {
	const char		*url;		/* NULL: unknown */
	struct span		 issuer;	/* certificate of the CA, DER */
	struct span		 raw;		/* all of it */
	const char *const	*serials;	/* hex, as struct cert has it */
	size_t			 n;
};

/* An OCSP answer. */
struct evidence_ocsp {
	const char		*url;		/* NULL: unknown (stapled) */
	struct span		 issuer;
	struct span		 raw;
	const char		*serial;
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

/*
 * Is it so large that what there is more of is better left out?  Half of what
 * a file may be is left then.
 */
int evidence_large(const struct evidence *);

/* Two heads of one log and one size with different roots; said once. */
int evidence_fork(struct evidence *, int head1, int head2);

/*
 * What we saw: an object whose `type` is one of ours (stolen), signed.  The
 * reference may be NULL.
 */
int evidence_attest(struct evidence *, json_t *text,
    const struct evidence_ref *, struct err *);

int evidence_recheck(struct evidence *, int log, enum evidence_ask,
    uint64_t a, uint64_t b, struct err *);

/*
 * The same for what is no log: ${of} is the statement that tells whom to ask
 * (crl, crl_parts, ocsp, or an attested one about a source, an endpoint or a
 * name).  -1 ERR_FORMAT when it does not say where it is from.
 */
int evidence_recheck_of(struct evidence *, int of, enum evidence_ask,
    struct err *);

/*
 * What an authentic CRL says of each serial.  -1 ERR_VERIFY when the issuer
 * did not sign it, ERR_LIMIT when it is larger than LIMIT_CRL_KEEP.
 */
int evidence_crl(struct evidence *, const struct evidence_crl *,
    struct err *);

/*
 * The same of one that was not kept whole (raw is not looked at): ${parts}
 * has what was kept for each serial, all of one CRL.  Two statements are
 * added: what the CA signed, and at ${now} that we say that the parts are of
 * it.  Returns the number of the first.
 */
int evidence_crl_parts(struct evidence *, const struct evidence_crl *,
    const struct crlparts *parts, int64_t now, struct err *);

/* An OCSP answer that somebody signed who may: -1 ERR_VERIFY otherwise. */
int evidence_ocsp(struct evidence *, const struct evidence_ocsp *,
    struct err *);

/*
 * An SCT as it came with certificate statement ${certificate}, from where
 * ("certificate", "tls", "ocsp"), and what it is worth by the key of
 * ${log}, -1: no key is known.
 */
int evidence_sct(struct evidence *, int log, int certificate,
    const char *source, struct span raw, struct err *);

/* Seal it and append the text, made at ${now} (microseconds). */
int evidence_finish(struct evidence *, int64_t now, struct buf *,
    struct err *);

/* --- what the parts of the builder and a reader need as well --- */

/*
 * Add a statement: what it says (stolen), about ${bytes} long.  Its number,
 * or -1 ERR_LIMIT.
 */
int evidence_add(struct evidence *, const char *type, const char *grade,
    json_t *said, size_t bytes, struct err *);

/* Statement ${i}, or log ${i}; borrowed, NULL when there is none. */
const json_t *evidence_statement(const struct evidence *, int i);
const json_t *evidence_log_at(const struct evidence *, int i);

/*
 * "entry", "head", "consistency", "crl", "ocsp", "endpoint", "dns",
 * "absence".
 */
const char *evidence_ask_name(enum evidence_ask);

/*
 * The URL that asks a log again, of its protocol; -1 when there is none.
 */
int evidence_url(const char *protocol, const char *read_url,
    enum evidence_ask, uint64_t a, uint64_t b, char *out, size_t cap);

/* The same of what statement ${o} is from. */
int evidence_url_of(const json_t *o, enum evidence_ask, char *out,
    size_t cap);

/*
 * What is said of a CRL, of parts of one, of an OCSP answer: all members but
 * type, grade and url.  NULL and the error.
 */
json_t *evidence_describe_crl(const struct evidence_crl *, struct err *);
json_t *evidence_describe_parts(const struct evidence_crl *,
    const struct crlparts *, struct err *);
json_t *evidence_describe_ocsp(const struct evidence_ocsp *, struct err *);

/*
 * What is said of an SCT of a certificate statement, without `log` and
 * `certificate`, by a log's key (p NULL: none is known).
 */
json_t *evidence_describe_sct(const json_t *certificate, const char *source,
    struct span raw, struct span key, struct err *);

/* SHA-256 of an object as the seal has it (sorted, no white space). */
void evidence_hash(const json_t *, uint8_t out[32]);

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
