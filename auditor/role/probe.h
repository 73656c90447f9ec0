#ifndef AUDITOR_ROLE_PROBE_H
#define AUDITOR_ROLE_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/limit.h"

struct err;

/*
 * The probe process: TLS connections to endpoints and DNS questions.  It has
 * no database, no keys, no files.  It completes handshakes with whatever is
 * served and hands out the bytes; it believes and judges nothing.
 * The egress policy of auditor/net/egress.h is under every connection, but
 * not under questions to the resolvers, which are the operator's choice.
 *
 * Names are looked up in /etc/hosts, else by DNS.  That file and
 * /etc/resolv.conf are read once, when the process starts.
 *
 * The messages, and the functions by which both sides write and read them.
 * Every text that the process sends is printable ASCII; the readers refuse
 * any other.
 */
enum probe_type {
	PROBE_SETUP = 1,	/* engine: struct probe_setup; the first one */
	PROBE_TLS,		/* engine: struct probe_tls */
	PROBE_DNS,		/* engine: struct probe_dns */
	PROBE_CANCEL,		/* engine: u64 id; still answered */
	PROBE_SERVED,		/* probe: struct probe_served, one an address;
				   last != 0: no more come for this id */
	PROBE_SAID		/* probe: struct probe_said */
};

#define PROBE_RESOLVERS	8

struct probe_setup {
	const char	*allow[LIMIT_EGRESS_NETS];	/* allow_private */
	size_t		 nallow;
	const char	*resolvers[PROBE_RESOLVERS];	/* "192.0.2.1",
					   "127.0.0.1@5353"; none: those of
					   /etc/resolv.conf */
	size_t		 nresolvers;
};

enum probe_starttls { PROBE_PLAIN, PROBE_SMTP, PROBE_IMAP };

/* Times that may be asked for. */
#define PROBE_TIMEOUT_MAX	(10u * 60 * 1000)

/* Connect to each address of a name (A and AAAA), at most LIMIT_PROBE_ADDRS. */
struct probe_tls {
	uint64_t		 id;
	const char		*host;		/* name or address, A-labels */
	uint16_t		 port;
	enum probe_starttls	 starttls;
	const char		*sni;		/* "": none, as for an address
						   (RFC 6066 section 3) */
	uint32_t		 timeout_ms;	/* an address; 0: 10 s */
};

/*
 * What one address served.  The chain is what came, byte for byte, and may be
 * there although the handshake failed after it.
 */
struct probe_served {
	uint64_t	 id;
	int		 last;
	char		 addr[64];	/* "": the name has no address */
	int		 ok;		/* a handshake was completed */
	char		 message[256];	/* why not, a sentence; "" when ok */
	char		 note[256];	/* what is not here: addresses of the
					   name, certificates; "": nothing */
	char		 resolver[64];	/* gave no answer that counts about
					   addresses; "": it is not that */
	char		 version[16];	/* "TLSv1.3" */
	size_t		 nchain;	/* served, leaf first */
	struct span	 chain[LIMIT_CHAIN];	/* borrowed */
	struct span	 staple;	/* OCSPResponse; n 0: none; borrowed */
	struct span	 scts;		/* TLS extension 18; n 0: none */
	uint64_t	 us;
};

/* One DNS question; the whole chain of a CAA search is the caller's. */
struct probe_dns {
	uint64_t	 id;
	const char	*name;		/* A-labels, no trailing dot */
	uint16_t	 type;		/* 257 CAA, 16 TXT, 1, 28, 5, 2 */
	uint32_t	 timeout_ms;	/* 0: 5 s */
};

/* A record of the answer that has the type that was asked for. */
struct probe_rr {
	const char	*owner;		/* lower case; borrowed; where CNAMEs
					   of the answer led */
	uint32_t	 ttl;
	struct span	 rdata;		/* as on the wire, names in it whole;
					   borrowed */
};

#define PROBE_RRS	256

struct probe_said {
	uint64_t	 id;
	int		 ok;		/* there is an answer; rcode counts */
	char		 message[256];	/* why not */
	int		 rcode;		/* 0, 3: NXDOMAIN, 2: SERVFAIL ... */
	int		 ad;		/* said by the resolver: validated */
	uint32_t	 ttl;		/* least; of SOA when there is none */
	char		 resolver[64];	/* "": nobody was asked */
	size_t		 n;
	struct probe_rr	 rr[PROBE_RRS];
};

/* Append the message to ${buf} / read it, -1 ERR_FORMAT or ERR_LIMIT. */
void probe_setup_pack(struct buf *, const struct probe_setup *);
int probe_setup_read(struct cur, struct probe_setup *, struct err *);
void probe_tls_pack(struct buf *, const struct probe_tls *);
int probe_tls_read(struct cur, struct probe_tls *, struct err *);
void probe_served_pack(struct buf *, const struct probe_served *);
int probe_served_read(struct cur, struct probe_served *, struct err *);
void probe_dns_pack(struct buf *, const struct probe_dns *);
int probe_dns_read(struct cur, struct probe_dns *, struct err *);
void probe_said_pack(struct buf *, const struct probe_said *);
int probe_said_read(struct cur, struct probe_said *, struct err *);

/* The role: returns the exit status (0: the channel was closed or SIGTERM). */
int probe_main(void);

#endif
