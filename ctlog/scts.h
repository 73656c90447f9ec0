#ifndef CTLOG_SCTS_H
#define CTLOG_SCTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "ctlog/loglist.h"

/* All SCTs of a certificate, each with its outcome (RFC 6962 3.2, 3.3). */

enum scts_source { SCTS_CERT, SCTS_TLS, SCTS_OCSP };

enum scts_status {
	SCTS_VALID,
	SCTS_BAD_SIGNATURE,
	SCTS_UNKNOWN_LOG,	/* no key for its log id */
	SCTS_NOT_COUNTED,	/* right, but the log did not count then: state,
				   interval, retired before, future timestamp;
				   or unchecked: the issuer is not at hand */
	SCTS_MALFORMED
};

struct scts_one {
	enum scts_source	 source;
	enum scts_status	 status;
	char			 reason[200];	/* "" when valid */
	uint8_t			 log_id[32];	/* zero when malformed */
	uint64_t		 timestamp;	/* ms */
	int64_t			 leaf_index;	/* -1: none */
	uint8_t			 leaf_hash[32];	/* of the entry it promises;
						   zero when malformed, or the
						   issuer is not at hand */
	struct span		 raw;		/* into the input */
	const struct loglist_log *log;		/* NULL: unknown */
};

struct scts_in {
	struct span		 cert;		/* final certificate, DER */
	const struct span	*issuers;	/* candidates, DER: the one that
						   signed is found by signature */
	size_t			 nissuers;
	struct span		 tls, ocsp;	/* SignedCertificateTimestampLists;
						   n 0: none */
	const struct loglist	*logs;
	int64_t			 at;		/* microseconds */
};

struct scts {
	struct scts_one		*v;
	size_t			 n;
	const struct loglist	*logs;		/* of the input */
	uint8_t			 tbs_sha256[32];	/* no poison, no SCTs */
	int			 issuer;	/* index in issuers, -1: none */
	int			 presigned;	/* issuer is a Precertificate Signing
						   Certificate */
	char			 reason[200];	/* the list itself is malformed */
};

/*
 * Judge them; scts_free().  0, or -1 ERR_FORMAT: the certificate itself.
 * An embedded SCT is over the TBSCertificate with the SCT list cut out and
 * the key of the issuer, one of TLS or OCSP over the certificate as it is
 * (RFC 6962 3.2).  An SCT whose timestamp is up to 60 s ahead of ${at} is no
 * future one.  The input must outlive the result.
 */
int scts_read(const struct scts_in *, struct scts *, struct err *);
void scts_free(struct scts *);

const char *scts_status_name(enum scts_status);	/* "valid", ... */
const char *scts_source_name(enum scts_source);	/* "certificate", ... */

#endif
