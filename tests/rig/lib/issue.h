#ifndef RIG_ISSUE_H
#define RIG_ISSUE_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

/* The CA's side of one issuance (ca issue, README.md). */

enum { ISSUE_LIST = 400 };

struct issue_opts {
	const char	*dir;
	const char	*names[ISSUE_LIST];	/* dNSName */
	const char	*ips[ISSUE_LIST];
	const char	*raw[ISSUE_LIST];	/* dNSName in hex */
	const char	*logs[ISSUE_LIST];	/* http://127.0.0.1:PORT/NAME */
	size_t		 nnames, nips, nraw, nlogs;
	const char	*cn, *key, *csr, *key_type, *out, *same_serial;
	const char	*crl, *ocsp;
	long		 days, age;
	int		 final_submit, precert_only, bad_signature;
	int		 presigner, malformed;
};

/* Do it all; prints the summary on stdout. */
int issue_run(const struct issue_opts *, struct err *);

/* POST a chain to a log's ${call}; the answer is appended. */
int issue_submit(const char *, const char *, const struct buf *, size_t,
    struct buf *, struct err *);

#endif
