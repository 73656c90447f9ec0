#ifndef RIG_PUB_H
#define RIG_PUB_H

#include <pthread.h>

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/rig/lib/blob.h"
#include "tests/rig/lib/plie.h"
#include "tests/rig/lib/revdb.h"

/*
 * A CA as casrv publishes it: its keys, its lists of serials, its responders,
 * its lies, what it has answered.  Whoever touches it holds its lock.
 */

/* A certificate that signs, with what OCSP and CRLs say of it. */
struct signer {
	EVP_PKEY	*key;
	struct buf	 cert;		/* DER */
	struct buf	 subject;	/* Name, DER */
	struct buf	 bits;		/* key bits, RFC 6960 4.1.1 */
	uint8_t		 key_sha1[20];
};

/* Responders: the right one, then wrong ones. */
enum pub_responder { PUB_DELEGATE, PUB_NOEKU, PUB_NONOCHECK, PUB_EXPIRED,
	PUB_OTHER, PUB_RESPONDERS };

/* A CRL that was published. */
struct crl_kept {
	struct blob	*der;
	uint64_t	 number;
	uint64_t	 version;	/* of revoked.txt */
	time_t		 this;
	char		 etag[24];
};

/* A serial that was asked for. */
struct pub_asked {
	char		 serial[44];
	uint64_t	 times;
	struct buf	 answer[2];	/* for SHA-1 and SHA-256, or empty */
	uint64_t	 version[2];	/* of both lists */
	time_t		 made[2];
};

struct pub {
	char		 name[64];
	char		 issuer[16];	/* int or root */
	char		 ocsp[16];	/* delegated or direct */
	char		 responder_id[16];	/* key or name */
	char		 unissued[16];	/* unknown or unauthorized */
	char		 base[192];	/* of the IDP, or "": the listener's */
	char		 owner[64];	/* in CCADB's list, or "" */
	char		*dir;
	long		 shards;
	long		 crl_secs, crl_every, ocsp_secs, nonce;
	struct signer	 ca, responder[PUB_RESPONDERS];
	uint8_t		 hash[2][2][32]; /* SHA-1, SHA-256: name, key */
	struct revdb	 revoked, issued;
	struct plies	 lies;
	struct crl_kept	*kept;		/* listener * (shards + 1) + shard */
	size_t		 nkept;
	struct blob	*filler;	/* entries of the lie "huge" */
	struct pub_asked *asked;	/* hash table */
	size_t		 nasked, capasked;
	struct buf	 scts;		/* of every OCSP answer, or empty */
	uint64_t	 requests[PKIND_MAX], unchanged;
	uint64_t	*heard;		/* requests by listener */
	size_t		 nheard;
	pthread_mutex_t	 lock;
};

/* Open a CA from "DIR[,opt=value]..." (README.md) and make its responders. */
struct pub *pub_open(const char *, struct err *);

/* The path of a file in the CA's folder (to be freed). */
char *pub_path(const struct pub *, const char *, const char *);

/* The path of revoked.txt (issued.txt) of an issuer in a folder. */
char *pub_list(const char *, const char *, const char *);

/* The row of a serial, made when it is new; valid till the next. */
struct pub_asked *pub_ask(struct pub *, const char *);

/* What the honest status of a serial is, its lists being read again. */
enum pub_state { PUB_GOOD, PUB_REVOKED, PUB_UNISSUED };
enum pub_state pub_state(struct pub *, const char *, struct rev *);

#endif
