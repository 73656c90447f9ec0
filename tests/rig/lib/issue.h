#ifndef RIG_ISSUE_H
#define RIG_ISSUE_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

/* The CA's side of one issuance (ca issue, README.md). */

enum { ISSUE_LIST = 400 };

struct issue_list {
	const char	*v[ISSUE_LIST];
	size_t		 n;
};

struct issue_opts {
	const char	*dir;
	struct issue_list names;	/* dNSName */
	struct issue_list ips;
	struct issue_list raw;		/* dNSName in hex */
	struct issue_list logs;		/* http://127.0.0.1:PORT/NAME */
	struct issue_list crl, ocsp, aia;	/* URLs */
	const char	*cn, *key, *csr, *pubkey, *key_type, *out;
	const char	*same_serial, *tls_scts;
	long		 days, age, shards, sans;
	int		 final_submit, precert_only, bad_signature;
	int		 presigner, malformed, no_san, no_precert;
	int		 must_staple, bad_sct, unknown_sct, sct_only;
};

/* Add to a list, as long as there is room. */
void issue_add(struct issue_list *, const char *);

/* Do it all; prints the summary on stdout. */
int issue_run(const struct issue_opts *, struct err *);

/*
 * Tell the responder of an issuer (int, root) in a folder of a serial that was
 * issued.
 */
int issue_record(const char *, const char *, const char *, struct err *);

/* A random serial in hex (to be freed). */
char *issue_serial(void);

/* POST a chain to a log's ${call}; the answer is appended. */
int issue_submit(const char *, const char *, const struct buf *, size_t,
    struct buf *, struct err *);

#endif
