#ifndef AUDITOR_DB_EVIDENCE_PUT_H
#define AUDITOR_DB_EVIDENCE_PUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "auditor/db/db.h"
#include "auditor/evidence.h"
#include "base/err.h"

/* Private to db/evidence_*.c: each puts what it knows into a file. */

/* Everything of one log that a file needs; row ${row}, from column ${c}. */
#define EVIDENCE_LOG_COLS "l.log_id, l.key, l.description, o.name, " \
    "l.protocol, l.url, l.read_url, ll.source, ll.sha256, ll.listed_at, " \
    "case when ll.verified then ll.signature end"
#define EVIDENCE_LOG_JOIN " join operator o on o.id = l.operator_id " \
    "left join lateral (select source, sha256, listed_at, verified, " \
    "signature from log_list where source = l.list_source " \
    "order by id desc limit 1) ll on true "
#define EVIDENCE_LOG_N	11

int evidence_put_log(struct evidence *, const struct db_res *, size_t row,
    size_t c);

/*
 * A statement of ${type} about entries of a log that were read, as row ${row}
 * has them: its object, with the head in ${ref}; or NULL.
 */
enum evidence_read_col {
	EVIDENCE_READ_FROM = EVIDENCE_LOG_N, EVIDENCE_READ_TO,
	EVIDENCE_READ_ROOT, EVIDENCE_READ_PROOF, EVIDENCE_READ_FORM,
	EVIDENCE_READ_RAW, EVIDENCE_READ_WATCH,	/* or null */
	EVIDENCE_READ_N
};

json_t *evidence_put_read(struct evidence *, const struct db_res *,
    size_t row, const char *type, struct evidence_ref *ref, struct err *);

/* The SHA-256 of a head as received, as member ${key}. */
void evidence_put_head_sha(json_t *, const char *key, struct span raw);

/* Statements that hold certificates: a precertificate, a certificate ... */
#define EVIDENCE_HELD	8

struct evidence_held {
	struct {
		uint8_t	sha256[32];
		int	number;
		int	final;		/* no precertificate */
	}		v[EVIDENCE_HELD];
	size_t		n;
};

/* The statement of a certificate by its hash; -1. */
int evidence_held_of(const struct evidence_held *, struct span sha);

/*
 * All that is stored about an issuance: certificates, entries of logs.
 * ERR_NOENT when there is nothing.
 */
int evidence_put_issuance(struct db *, const struct span *tbs,
    struct evidence *, struct evidence_held *, struct err *);

/* Its SCTs, and what became of the promises of those that were broken. */
int evidence_put_scts(struct db *, const struct span *tbs, struct evidence *,
    const struct evidence_held *, struct err *);

/*
 * The entry of log ${id64} (base64) at ${index}, without its certificate,
 * and why; its statement, -2 when it is not stored, -1.
 */
int evidence_put_bare(struct db *, const char *id64, int64_t index,
    const char *why, struct evidence *, struct err *);

/*
 * What sources say of "ISSUER_SPKI_HEX:SERIAL_HEX", or of the certificates of
 * an issuer's key that were revoked (the first LIMIT_EVIDENCE_SERIALS), or
 * how a source (its URL) is.
 */
int evidence_put_serial(struct db *, const char *subject, struct evidence *,
    struct err *);
int evidence_put_campaign(struct db *, const char *issuer_key,
    struct evidence *, struct err *);
int evidence_put_source(struct db *, const char *url, struct evidence *,
    struct err *);

/*
 * What witnesses say of tree_head ${id}: the checkpoints that they cosigned,
 * and that they did.
 */
int evidence_put_cosigned(struct db *, int64_t id, struct evidence *,
    int log, struct err *);

/*
 * Entries that the detail of a finding names: one that is not what was
 * promised with the SCT, one that should not be there.
 */
int evidence_put_accused(struct db *, const json_t *detail,
    const char *log_id64, struct evidence *, struct err *);

/*
 * Heads of log ${log} (a number in the file) that contradict each other, as
 * the detail of a finding tells; nothing when it tells of none, or when they
 * are not stored any more.
 */
int evidence_put_contradiction(struct db *, const json_t *detail,
    struct evidence *, int log, struct err *);

/* What "HOST:PORT", with "/smtp" or "/imap" behind, served. */
int evidence_put_endpoint(struct db *, const char *subject,
    struct evidence *, struct err *);

/* The CAA sets and grants of a name, the newest ones. */
int evidence_put_name(struct db *, const char *name, struct evidence *,
    struct err *);

/* A time as JSON; a text of ours begun, made now. */
json_t *evidence_moment(int64_t);
json_t *evidence_begun(const char *type);

#endif
