#ifndef AUDITOR_ROLE_CHALLENGE_MSG_H
#define AUDITOR_ROLE_CHALLENGE_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"

struct err;

/*
 * The messages of the challenge process, and the functions by which both
 * sides write and read them.  Every text is printable ASCII; the readers
 * refuse any other.
 */
enum challenge_msg_type {
	CHALLENGE_SETUP = 1,	/* engine: struct challenge_setup; the first */
	CHALLENGE_PUT_HTTP,	/* engine: struct challenge_http */
	CHALLENGE_PUT_TLS,	/* engine: struct challenge_tls */
	CHALLENGE_DROP_HTTP,	/* engine: the token, as text */
	CHALLENGE_DROP_TLS,	/* engine: the name, as text */
	CHALLENGE_DROP_ALL,	/* engine: nothing */
	CHALLENGE_READY,	/* challenge: nothing; it answers now */
	CHALLENGE_PLACED,	/* challenge: struct challenge_placed, one for
				   each PUT, in their order */
	CHALLENGE_HIT,		/* challenge: struct challenge_hit */
	CHALLENGE_LISTEN	/* engine: struct challenge_setup, of which the
				   time does not count; the sockets, at most
				   LIMIT_FRAME_FDS; those before are closed */
};

enum challenge_kind { CHALLENGE_HTTP, CHALLENGE_TLS, CHALLENGE_KINDS };

/* Times that may be asked for. */
#define CHALLENGE_TIMEOUT_MAX	(60u * 1000)

/*
 * What the child got: its descriptors from CHALLENGE_FD on are listening TCP
 * sockets, those for http-01 first.
 */
#define CHALLENGE_FD	4

struct challenge_setup {
	uint16_t	n[CHALLENGE_KINDS];	/* listening sockets */
	uint32_t	timeout_ms;	/* for a connection; 0: 10 s */
};

/*
 * Answer http-01 (RFC 8555 section 8.3): the key authorization is the token,
 * a dot and the account key's thumbprint (section 8.1).  Another answer with
 * that token is replaced.
 */
struct challenge_http {
	uint64_t	 id;		/* of the PLACED; not 0 */
	const char	*token;		/* base64url; borrowed */
	const char	*keyauth;	/* borrowed */
	uint32_t	 secs;		/* from now; then it is forgotten */
};

/*
 * Answer tls-alpn-01 (RFC 8737 section 3) for the server name; for an address
 * that is its name below in-addr.arpa or ip6.arpa (RFC 8738 section 6).
 */
struct challenge_tls {
	uint64_t	 id;
	const char	*name;		/* lower case, no final dot */
	struct span	 cert;		/* DER; borrowed */
	struct span	 key;		/* PKCS #8, DER; borrowed */
	uint32_t	 secs;
};

/* An answer is in force (ok), or why it is not. */
struct challenge_placed {
	uint64_t	id;
	int		ok;
	char		message[256];	/* "" when ok */
};

/* Somebody was given an answer. */
struct challenge_hit {
	enum challenge_kind	kind;
	char			key[256];	/* token or name */
	char			addr[64];	/* of the client */
	int64_t			at;		/* clk_wall() */
	uint32_t		missed;		/* hits since the last note
						   that had none */
};

/*
 * 1 when it is a token that a server may be given: base64url, of 1 to
 * LIMIT_CHALLENGE_TOKEN characters.
 */
int challenge_token_ok(const char *);

/*
 * 1 when it is a key authorization of that token: it begins with it and a
 * dot, and base64url follows, at most LIMIT_CHALLENGE_KEYAUTH in all.
 */
int challenge_keyauth_ok(const char *token, const char *keyauth);

/* 1 when it is a server name as it is compared: [a-z0-9._-], 1 to 253. */
int challenge_name_ok(const char *);

/* Append the message to ${buf} / read it, -1 ERR_FORMAT or ERR_LIMIT. */
void challenge_setup_pack(struct buf *, const struct challenge_setup *);
int challenge_setup_read(struct cur, struct challenge_setup *, struct err *);
void challenge_http_pack(struct buf *, const struct challenge_http *);
int challenge_http_read(struct cur, struct challenge_http *, struct err *);
void challenge_tls_pack(struct buf *, const struct challenge_tls *);
int challenge_tls_read(struct cur, struct challenge_tls *, struct err *);
void challenge_drop_pack(struct buf *, const char *key);
int challenge_drop_read(struct cur, enum challenge_kind, const char **key,
    struct err *);
void challenge_placed_pack(struct buf *, const struct challenge_placed *);
int challenge_placed_read(struct cur, struct challenge_placed *,
    struct err *);
void challenge_hit_pack(struct buf *, const struct challenge_hit *);
int challenge_hit_read(struct cur, struct challenge_hit *, struct err *);

#endif
