#ifndef AUDITOR_ROLE_JUDGE_AUDIT_H
#define AUDITOR_ROLE_JUDGE_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "auditor/assess.h"
#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"
#include "ctlog/incl.h"
#include "ocsp/crlscan.h"
#include "ocsp/ocsp_ask.h"

/*
 * The judge as auditor of certificates: the messages JUDGE_TRUST to
 * JUDGE_AIA of judge.h, written and read.  Readers of answers check every
 * bound: a judge may have been taken over by what it read.
 */

/* --- what is trusted -------------------------------------------------------- */

/*
 * JUDGE_ROOTS, to the template: root programs, which judges inherit.  Read
 * into new programs, 0 or -1; judge_roots_free() in any case.
 */
void judge_roots_pack(struct buf *, const struct roots *const *, size_t n);
int judge_roots_read(struct cur *, struct roots ***, size_t *n);
void judge_roots_free(struct roots **, size_t n);

/*
 * JUDGE_LOGS: the texts of Chrome's and Apple's log list, either may be
 * empty; answered by both as one, packed by judge_loglist_pack().
 */
void judge_logs_pack(struct buf *, struct span chrome, struct span apple);

/*
 * JUDGE_TRUST, told once to each judge: the logs as JUDGE_LOGS answered them
 * (empty: none), and a text that weak_list_read() takes (may be empty: then
 * the list that the template has counts).
 */
struct judge_trust {
	struct loglist	 *logs;		/* owned, as weak */
	struct weak_list *weak;
};

void judge_trust_pack(struct buf *, struct span logs, struct span weak);
int judge_trust_read(struct cur *, struct judge_trust *);
void judge_trust_free(struct judge_trust *);

/*
 * Parts of answers that go on into a database: text that is UTF-8 (what is
 * not, such as a character that was cut, is sent as `?`); a time, which is
 * INT64_MIN outside of the years 1 to 9999.
 */
void judge_text_pack(struct buf *, const char *);
int judge_text_read(struct cur *, const char **);
int judge_when_read(struct cur *, int64_t *);

/* --- a certificate --------------------------------------------------------- */

struct judge_cert_ask {
	int64_t		 at;
	const char	*name;		/* that it was served for; "" */
	struct span	 cert;
	struct span	 tls, ocsp;	/* SCT lists beside it */
	size_t		 npool;
	struct span	 pool[LIMIT_POOL];
};

void judge_cert_ask_pack(struct buf *, const struct judge_cert_ask *);
int judge_cert_ask_read(struct cur *, struct judge_cert_ask *);

struct judge_sct {
	enum scts_source source;
	enum scts_status status;
	const char	*reason;
	uint8_t		 log_id[32];
	uint64_t	 timestamp;	/* ms, below 2^52 */
	int64_t		 leaf_index;
	uint8_t		 leaf_hash[32];
	struct span	 raw;
};

struct judge_path {
	const char	*program;
	enum chain_verdict verdict, issued;
	const char	*reason;
	int64_t		 until;
	struct span	 hashes;	/* 32 bytes each, leaf first */
};

/* What is said of it; strings and spans are borrowed from the cursor. */
struct judge_cert {
	uint8_t		 tbs_sha256[32], cert_sha256[32], spki_sha256[32];
	int		 has_issuer;
	uint8_t		 issuer_sha256[32], issuer_spki[32];
	const char	*serial, *key_type, *subject, *issuer;
	int64_t		 not_before, not_after;
	int		 is_precert, is_ca;
	size_t		 nnames, ncrl, nocsp, naia, nwant;
	const char	**names, **crl, **ocsp, **aia, **want;	/* arrays owned */
	int		 must_staple, short_lived, crl_partial, presigned;
	const char	*weak, *weak_why;	/* "" none */
	size_t		 nscts;
	struct judge_sct *scts;			/* owned */
	const char	*scts_reason;
	int		 compliant[POLICY_PROGRAMS];	/* 1, 0, -1 */
	const char	*policy[POLICY_PROGRAMS];
	size_t		 npaths;
	struct judge_path *paths;		/* owned */
	const char	*chain_reason;
	int		 exhausted;
	int		 name_ok;		/* 1, 0, -1 */
};

void judge_cert_pack(struct buf *, const struct assess *);
int judge_cert_read(struct cur *, struct judge_cert *);
void judge_cert_free(struct judge_cert *);

/* --- a CRL that comes through a pipe ---------------------------------------- */

/* Descriptors of the message: the pipe to read, the image of the set. */
struct judge_crl_ask {
	int64_t		 now;
	struct span	 issuer;
	const char	*url;		/* "": given as a file */
	int		 for_ca;
	const char	*last_number;
	int64_t		 last_this;
	uint32_t	 keep;
	uint64_t	 set_size;	/* bytes of the image */
};

void judge_crl_ask_pack(struct buf *, const struct judge_crl_ask *);
int judge_crl_ask_read(struct cur *, struct judge_crl_ask *);

void judge_crl_pack(struct buf *, const struct crlscan_out *);
/*
 * Fills in a struct of the module (crlscan_out_free() it), so that whoever
 * judged is all the same to the reader; raw of hits points into the cursor.
 */
int judge_crl_read(struct cur *, struct crlscan_out *);

/* --- an OCSP answer ---------------------------------------------------------- */

struct judge_ocsp_ask {
	int64_t		 now;
	struct span	 issuer;
	const char	*serial;
	struct span	 nonce;
	struct span	 body;
};

/* Clocks of responders are off by so much, microseconds. */
#define JUDGE_OCSP_SKEW		(300 * INT64_C(1000000))
/* Without nextUpdate, an answer is fresh for so long. */
#define JUDGE_OCSP_AGE		(7 * 86400 * INT64_C(1000000))

void judge_ocsp_ask_pack(struct buf *, const struct judge_ocsp_ask *);
int judge_ocsp_ask_read(struct cur *, struct judge_ocsp_ask *);

void judge_ocsp_pack(struct buf *, const struct ocsp_said *);
int judge_ocsp_read(struct cur *, struct ocsp_said *);	/* owned after */

/* --- inclusion ---------------------------------------------------------------- */

/* The state, then statuses and bodies of its requests; answered by the state. */
void judge_incl_pack(struct buf *, const struct incl *);
int judge_incl_read(struct cur *, struct incl *);

/* --- an AIA answer: certificates ----------------------------------------------- */

#define JUDGE_AIA_MAX	16

struct judge_aia {
	size_t		n;
	struct span	der[JUDGE_AIA_MAX];		/* borrowed */
	uint8_t		spki_sha256[JUDGE_AIA_MAX][32];
};

void judge_aia_pack(struct buf *, const struct judge_aia *);
int judge_aia_read(struct cur *, struct judge_aia *);

/* --- keys that share a factor ----------------------------------------------------- */

/* Certificates of one question: LIMIT_WEAK_BITS holds keys of 2,048 bits. */
#define JUDGE_KEYS_MAX	4096u

/*
 * JUDGE_KEYS is u32 n and the certificates, vec32 each; its answer u32 n and
 * for each a byte, 1 where its RSA modulus has a factor in common with that of
 * another.  Readers: 0 or -1; ${bad} has room for JUDGE_KEYS_MAX.
 */
int judge_keys_read(struct cur *, uint8_t *bad, size_t *n);

/* --- inside a judge -------------------------------------------------------------- */

struct judge;
struct ipc;
struct ipc_msg;

int judge_do_roots(struct judge *, struct cur *, struct err *);
int judge_do_weak(struct judge *, struct ipc *, struct ipc_msg *,
    struct err *);
int judge_do_logs(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_trust(struct judge *, struct cur *, struct err *);
int judge_do_cert(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_crl(struct judge *, struct ipc *, struct ipc_msg *, uint64_t id,
    struct err *);
int judge_do_ocsp(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_incl(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_aia(struct judge *, struct cur *, uint64_t id, struct err *);
int judge_do_keys(struct judge *, struct cur *, uint64_t id, struct err *);

#endif
